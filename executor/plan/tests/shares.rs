//! Stages are cut into shares of nearly equal work with few parts, and what a share reads is known beforehand.
#![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)]

use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, Class, DType, Fill, Scalar, Shape, View, table};
use cleave_plan::{
    Block, Cut, Options, Origin, Output, Plan, Source, SourceError, Sources, Stage, Work, plan, reads, shares,
};
use std::ops::Range;
use std::sync::Arc;

fn add(graph: &mut Graph, kind: NodeKind, shape: &Shape) -> NodeId {
    graph.add(Node { kind, dtype: DType::F64, chunks: Chunks::single(shape), shape: shape.clone() })
}

fn ones(graph: &mut Graph, lens: &[usize]) -> NodeId {
    add(graph, NodeKind::Fill(Fill::Const(Scalar::Float(1.0))), &Shape::new(lens.iter().copied()))
}

fn sum(graph: &mut Graph, input: NodeId, axes: &[usize]) -> NodeId {
    let op = table::find("sum").unwrap();
    let Class::Fold(fold) = &op.class else { unreachable!() };
    let loop_index = fold.loops.iter().position(|l| l.input == DType::F64).unwrap();
    let from = graph[input].shape.clone();
    let shape = (0..from.ndim()).filter(|a| !axes.contains(a)).map(|a| from[a]).collect();
    add(graph, NodeKind::Fold { op, loop_index, input, axes: axes.iter().copied().collect(), ddof: Ddof(0.0) }, &shape)
}

fn product(graph: &mut Graph, left: NodeId, right: NodeId) -> NodeId {
    let op = table::find("matmul").unwrap();
    let Class::Contract(contract) = &op.class else { unreachable!() };
    let loop_index = contract.loops.iter().position(|l| l.dtype == DType::F64).unwrap();
    let shape = Shape::new([graph[left].shape[0], graph[right].shape[1]]);
    let summed = [(1, 0)].into_iter().collect();
    add(graph, NodeKind::Contract { op, loop_index, left, right, batch: [].into_iter().collect(), summed }, &shape)
}

fn grid(lens: &[usize], sides: &[usize]) -> Chunks {
    Chunks(lens.iter().zip(sides).map(|(&len, &side)| AxisChunks::regular(len, side)).collect())
}

fn planned(graph: &Graph, node: NodeId, cut: Cut, threads: usize, sources: &Sources) -> Plan {
    let options = Options { threads, sources: sources.clone(), ..Options::default() };
    plan(graph, &[Output { node, cut, held: false }], &options).unwrap()
}

/// Stages of each kind, regular and not, with few tasks and many.
fn stages() -> Vec<Stage> {
    let mut all = Vec::new();
    let mut note = |make: &dyn Fn(&mut Graph) -> NodeId, cut: Cut| {
        let mut graph = Graph::new();
        let node = make(&mut graph);
        all.extend(planned(&graph, node, cut, 8, &Sources::new()).stages);
    };
    for lens in [&[200_000, 200_000][..], &[3000, 3000], &[7]] {
        note(&|g| ones(g, lens), Cut::Engine);
    }
    note(&|g| ones(g, &[10_000, 10_000]), Cut::Grid(grid(&[10_000, 10_000], &[10, 10])));
    let lens = [1, 9999, 5000, 85_000];
    let uneven = Chunks([AxisChunks::from_lens(lens), AxisChunks::from_lens([7, 13, 0, 80])].into_iter().collect());
    note(&|g| ones(g, &[100_000, 100]), Cut::Grid(uneven));
    for axes in [&[0, 1][..], &[0], &[1]] {
        for lens in [[200_000, 200_000], [700, 900_000], [900_000, 700]] {
            note(
                &|g| {
                    let x = ones(g, &lens);
                    sum(g, x, axes)
                },
                Cut::Engine,
            );
        }
    }
    for [rows, shared, columns] in [[8000, 8000, 8000], [100, 900_000, 100], [20_000, 50, 3000]] {
        note(
            &|g| {
                let (left, right) = (ones(g, &[rows, shared]), ones(g, &[shared, columns]));
                product(g, left, right)
            },
            Cut::Engine,
        );
    }
    all
}

/// The nodes of the tree over a kept box's spans that some of them make up.
fn nodes(spans: Range<usize>, all: usize) -> usize {
    let (mut at, mut count) = (spans.start, 0);
    while at < spans.end {
        let fits = |k: &u32| at.is_multiple_of(1 << k) && (at + (1 << k) <= spans.end || spans.end == all);
        at += 1 << (0..usize::BITS - 1).take_while(|k| fits(k) && 1 << k < 2 * all).last().unwrap_or(0);
        count += 1;
    }
    count
}

#[test]
fn shares_are_even_and_leave_few_parts() {
    for stage in stages() {
        for count in [1, 2, 3, 8, 50, 1000] {
            let all = shares(&stage, count);
            let case = format!("{count} shares of {} tasks, {:?}: {all:?}", stage.tasks, stage.space);
            assert_eq!((all[0].start, all.last().unwrap().end), (0, stage.tasks), "{case}");
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start), "{case}");
            assert!(all.iter().all(|share| !share.is_empty()) && all.len() <= count, "{case}");
            let work = |share: &Range<usize>| stage.work_before(share.end) - stage.work_before(share.start);
            let longest = (0..stage.tasks.min(5000)).map(|t| work(&(t..t + 1))).max().unwrap();
            let even = stage.work_before(stage.tasks) / count as u128;
            assert!(all.iter().all(|share| work(share) <= even + even / 2 + 2 * longest), "{case}");
            if let Work::Fold(fold) = &stage.work {
                for share in &all {
                    let first = share.start % fold.spans;
                    let spans = first..(first + share.len()).min(fold.spans);
                    let parts = if spans == (0..fold.spans) { 0 } else { nodes(spans, fold.spans) };
                    assert!(parts <= 2 + fold.spans.ilog2() as usize, "{parts} parts, {case}");
                }
            }
        }
    }
}

#[test]
fn elements_of_shares_add_up() {
    for stage in stages() {
        for count in [1, 7, 100] {
            let sum: u64 = shares(&stage, count).iter().map(|share| stage.elements_of(share)).sum();
            assert_eq!(sum, stage.elements());
        }
    }
}

struct Stored(Chunks);

impl Source for Stored {
    fn grid(&self) -> &Chunks {
        &self.0
    }
    fn dtype(&self) -> DType {
        DType::F64
    }
    fn block(&self, _index: &[usize]) -> Result<Block, SourceError> {
        unreachable!("planning reads nothing")
    }
    fn is_resident(&self) -> bool {
        false
    }
    fn label(&self) -> &str {
        "stored"
    }
    fn stored_bytes(&self) -> Option<u64> {
        None
    }
}

/// The blocks of the one source that tasks of the first stage read.
fn read(
    make: impl Fn(&mut Graph, NodeId) -> NodeId,
    cut: Cut,
    stored: Chunks,
    tasks: Range<usize>,
) -> Vec<Range<usize>> {
    let (mut graph, shape) = (Graph::new(), stored.shape());
    let x = add(&mut graph, NodeKind::Load(SourceId(1)), &shape);
    let node = make(&mut graph, x);
    let sources = Sources::from([(SourceId(1), Arc::new(Stored(stored)) as Arc<dyn Source>)]);
    let found = reads(&planned(&graph, node, cut, 4, &sources), 0, tasks, &sources);
    found.into_iter().filter(|(origin, _)| *origin == Origin::Stored(SourceId(1))).flat_map(|(_, runs)| runs).collect()
}

#[test]
fn no_more_is_read_than_is_seen() {
    let stored = || grid(&[100, 60], &[10, 10]);
    let cut = || Cut::Grid(stored());
    let same = |_: &mut Graph, x: NodeId| x;
    for (tasks, blocks) in [(0..60, vec![0..60]), (7..8, vec![7..8]), (4..15, vec![4..15]), (9..9, vec![])] {
        assert_eq!(read(same, cut(), stored(), tasks), blocks);
    }
    let flip = |g: &mut Graph, x: NodeId| {
        let mut seen = View::identity(&g[x].shape);
        seen.source[0] = SourceAxis::along(0, 99, -1);
        let shape = g[x].shape.clone();
        add(g, NodeKind::View { input: x, view: seen }, &shape)
    };
    assert_eq!(read(flip, cut(), stored(), 0..7), [48..49, 54..60]);
    let turned = |g: &mut Graph, x: NodeId| {
        let seen = View { shape: Shape::new([60, 100]), source: [1, 0].map(SourceAxis::whole).into_iter().collect() };
        let shape = seen.shape.clone();
        add(g, NodeKind::View { input: x, view: seen }, &shape)
    };
    assert_eq!(read(turned, Cut::Grid(grid(&[60, 100], &[10, 10])), stored(), 0..3), [0..1, 6..7, 12..13]);
    let wide = || grid(&[100, 60], &[7, 60]);
    assert_eq!(read(same, Cut::Grid(wide()), stored(), 1..2), [0..12]);
}
