//! Contractions mean what they should, with the same bits however they are stored, cut and shared out.
#![allow(clippy::unwrap_used)]

mod support;

use cleave_cpu::{Cancel, Control, DenseSink, Pool, run};
use cleave_graph::node::AxisPairs;
use cleave_graph::verify;
use cleave_graph::{Graph, NodeId, NodeKind, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Chunks, DType, Data, Fill, Law, Scalar, Shape, View, cast};
use cleave_plan::{Cut, Options, Output, PlanError, Sink, Source, Sources, Work, plan};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use support::product::{DTYPES, product};
use support::random::{Tape, chunks};
use support::{add, blocks, counted, fill, fold, load, map, view};

/// A graph that ends with a contraction, and what it loads.
struct Case {
    graph: Graph,
    node: NodeId,
    stored: HashMap<SourceId, Data>,
}

const LENS: &[usize] = &[1, 2, 3, 5, 8, 17, 25, 50, 90, 130, 300, 0];

fn lens(tape: &mut Tape, axes: usize, most: usize) -> Vec<usize> {
    let mut room = most;
    let mut len = || {
        let len = LENS[tape.below(LENS.len())].min(room.max(1));
        room /= len.max(1);
        len
    };
    (0..axes).map(|_| len()).collect()
}

/// Sides of up to two axes each, in any order.
fn case(tape: &mut Tape) -> Case {
    let mut case = Case { graph: Graph::new(), node: NodeId(0), stored: HashMap::new() };
    let axes = [tape.below(3).saturating_sub(1), tape.below(3), tape.below(3), tape.below(3)];
    let [batch, rows, shared, columns] =
        [(axes[0], 6), (axes[1], 300), (axes[2], 700), (axes[3], 300)].map(|(n, most)| lens(tape, n, most));
    let dtype = DTYPES[tape.below(DTYPES.len())];
    let [left, left_axes] = shuffled(&batch, &shared, &rows, tape);
    let [right, right_axes] = shuffled(&batch, &shared, &columns, tape);
    let left = leaf(&mut case, &Shape::new(left), dtype, tape);
    let right = leaf(&mut case, &Shape::new(right), dtype, tape);
    let pairs = |range: std::ops::Range<usize>| range.map(|i| (left_axes[i], right_axes[i])).collect::<AxisPairs>();
    let paired = batch.len() + shared.len();
    case.node = product(&mut case.graph, left, right, pairs(0..batch.len()), pairs(batch.len()..paired));
    case
}

/// The lengths of an operand whose axes stand in a random order, and where the batch and shared axes are. Free
/// axes keep theirs, since the result's follow from it.
fn shuffled(batch: &[usize], shared: &[usize], free: &[usize], tape: &mut Tape) -> [Vec<usize>; 2] {
    let all: Vec<usize> = batch.iter().chain(shared).chain(free).copied().collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    (1..order.len()).for_each(|i| order.swap(i, tape.below(i + 1)));
    let paired = batch.len() + shared.len();
    let mut frees = paired..all.len();
    order.iter_mut().filter(|o| **o >= paired).for_each(|o| *o = frees.next().unwrap());
    let places = (0..paired).map(|a| order.iter().position(|&o| o == a).unwrap()).collect();
    [order.iter().map(|&o| all[o]).collect(), places]
}

fn leaf(case: &mut Case, shape: &Shape, dtype: DType, tape: &mut Tape) -> NodeId {
    let graph = &mut case.graph;
    match tape.below(5) {
        0 => {
            let law = Law::Integers { low: Scalar::Int(-4), high: Scalar::Int(5) };
            let whole = fill(graph, Fill::Random { seed: 3, draw: tape.below(5) as u64, law }, shape, DType::I64);
            add(graph, NodeKind::Cast(whole), shape, dtype)
        }
        1 => {
            let turned = Shape::new(shape.iter().rev().copied());
            let x = stored(case, &turned, dtype);
            let last = shape.ndim().saturating_sub(1);
            let source = (0..shape.ndim()).map(|s| SourceAxis::whole(last - s)).collect();
            view(&mut case.graph, x, View { shape: shape.clone(), source })
        }
        2 if dtype != DType::Bool => {
            let x = stored(case, shape, dtype);
            map(&mut case.graph, "add", &[x, x])
        }
        _ => stored(case, shape, dtype),
    }
}

fn stored(case: &mut Case, shape: &Shape, dtype: DType) -> NodeId {
    let id = case.stored.len() as u64;
    let values: Vec<f64> =
        (0..shape.size()).map(|i| ((i * 7919 + 13 * id as usize) % 101) as f64 / 8.0 - 6.0).collect();
    let mut data = Data::zeros(dtype, 0);
    cast(Data::F64(values).as_ref(), &mut data);
    case.stored.insert(SourceId(id), data);
    load(&mut case.graph, id, shape, dtype)
}

/// The sources of a case, cut in some way; some count as stored elsewhere.
fn sources(case: &Case, tape: &mut Tape) -> Sources {
    let mut sources = Sources::new();
    for (_, node) in case.graph.iter() {
        if let NodeKind::Load(id) = &node.kind {
            let held = blocks(&case.stored[id], &chunks(&node.shape, tape));
            let source: Arc<dyn Source> = if tape.below(2) == 0 { Arc::new(held) } else { Arc::new(counted(held)) };
            sources.insert(*id, source);
        }
    }
    sources
}

/// The result for that many threads and that limit; `None` where it does not fit.
fn result(graph: &Graph, node: NodeId, sources: &Sources, threads: usize, limit: u64) -> Option<Data> {
    let options = Options { threads, memory_limit_bytes: limit, sources: sources.clone(), ..Options::default() };
    let plan = match plan(graph, &[Output { node, cut: Cut::Engine, held: true }], &options) {
        Err(PlanError::DoesNotFit { .. }) => return None,
        plan => plan.unwrap(),
    };
    let sink = Arc::new(DenseSink::new(&graph[node].shape, graph[node].dtype));
    let sinks: [Arc<dyn Sink>; 1] = [sink.clone()];
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let report = run(&Pool::new(threads).unwrap(), &plan, sources, &sinks, &control).unwrap();
    assert_eq!(report.bytes_left, 0, "{plan}");
    assert!(report.peak_bytes <= plan.totals.peak_bytes, "{} held\n{plan}", report.peak_bytes);
    Some(sink.take())
}

fn bits(data: &Data) -> Vec<u64> {
    (0..data.len()).map(|i| data.get(i).to_f64().to_bits()).collect()
}

/// Compares with the reference, floats to within what sums of that length may lose.
fn check(case: &Case, tape: &mut Tape) {
    verify::verify(&case.graph).unwrap();
    let expected = support::reference::evaluate(&case.graph, case.node, &case.stored);
    let first = result(&case.graph, case.node, &sources(case, tape), 1, 0).unwrap();
    let within = match first.dtype() {
        DType::F16 => 2e-3,
        DType::F32 => 1e-5,
        _ => 1e-13,
    };
    for i in 0..expected.len() {
        let (got, wanted) = (first.get(i).to_f64(), expected.get(i).to_f64());
        let least = if first.dtype() == DType::F16 { 1.0 } else { 100.0 };
        assert!((got - wanted).abs() <= within * wanted.abs().max(least) || got == wanted, "{i}: {got} for {wanted}");
    }
    for (threads, limit) in [(2, 0), (16, 0), (3, 1 << 20), (1, 1 << 18), (40, 1 << 22)] {
        if let Some(again) = result(&case.graph, case.node, &sources(case, tape), threads, limit) {
            assert_eq!(bits(&again), bits(&first), "{threads} threads, limit {limit}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_contractions_agree_with_the_reference(numbers in prop::collection::vec(any::<u32>(), 60)) {
        let mut tape = Tape::new(numbers);
        let case = case(&mut tape);
        check(&case, &mut tape);
    }
}

/// A product of two stored matrices.
fn matrices(lens: [usize; 3], dtype: DType) -> Case {
    let mut case = Case { graph: Graph::new(), node: NodeId(0), stored: HashMap::new() };
    let left = stored(&mut case, &Shape::new([lens[0], lens[1]]), dtype);
    let right = stored(&mut case, &Shape::new([lens[1], lens[2]]), dtype);
    case.node = product(&mut case.graph, left, right, AxisPairs::new(), [(1, 0)].into_iter().collect());
    case
}

#[test]
fn thin_wide_and_empty_matrices() {
    for lens in [[1, 20_000, 1], [3, 9000, 2], [700, 1, 300], [500, 300, 1], [1, 300, 500], [4, 0, 5], [0, 4, 5]] {
        for dtype in [DType::F64, DType::F16, DType::I64] {
            check(&matrices(lens, dtype), &mut Tape::new((0..50).map(|i| i * 7).collect()));
        }
    }
}

#[test]
fn what_is_made_of_products_reads_them() {
    let mut case = matrices([60, 400, 70], DType::F64);
    let product_node = case.node;
    let turned = View { shape: Shape::new([70, 60]), source: [1, 0].map(SourceAxis::whole).into_iter().collect() };
    let turned = view(&mut case.graph, product_node, turned);
    let square = product(&mut case.graph, turned, product_node, AxisPairs::new(), [(1, 0)].into_iter().collect());
    let negative = map(&mut case.graph, "negative", &[square]);
    case.node = fold(&mut case.graph, "max", negative, &[0]);
    check(&case, &mut Tape::new(vec![3; 40]));
}

#[test]
fn a_large_product_has_the_same_bits_in_any_blocks() {
    let case = matrices([700, 900, 650], DType::F64);
    let whole = |sources: &Sources, threads, limit| result(&case.graph, case.node, sources, threads, limit).unwrap();
    let grid = |node: u32| Chunks::single(&case.graph[NodeId(node)].shape);
    let sources = Sources::from(
        [0, 1].map(|i| (SourceId(i), Arc::new(blocks(&case.stored[&SourceId(i)], &grid(i as u32))) as Arc<dyn Source>)),
    );
    let first = whole(&sources, 1, 0);
    for (threads, limit) in [(2, 0), (7, 0), (2, 28 << 20), (1, 18 << 20)] {
        assert_eq!(bits(&whole(&sources, threads, limit)), bits(&first), "{threads} threads, limit {limit}");
    }
}

#[test]
fn a_product_stops_when_told_to() {
    let case = matrices([600, 800, 500], DType::F64);
    let cancel = Cancel::default();
    let mut source = counted(blocks(&case.stored[&SourceId(0)], &Chunks::single(&Shape::new([600, 800]))));
    let told = cancel.clone();
    source.hook = Box::new(move |_| {
        told.cancel();
        Ok(())
    });
    let other = blocks(&case.stored[&SourceId(1)], &Chunks::single(&Shape::new([800, 500])));
    let sources =
        Sources::from([(SourceId(0), Arc::new(source) as Arc<dyn Source>), (SourceId(1), Arc::new(other) as _)]);
    let setting = support::Setting { threads: 2, sources: &sources, cancel };
    let stopped = support::compute(&case.graph, &[(case.node, Cut::Engine)], &setting);
    assert!(matches!(stopped, Err(cleave_plan::RunError::Cancelled)), "{:?}", stopped.err());
}

#[test]
fn a_result_is_the_same_in_any_grid() {
    let case = matrices([600, 500, 700], DType::F64);
    let grid = Chunks([350, 130].iter().zip([600, 700]).map(|(&c, n)| cleave_ops::AxisChunks::regular(n, c)).collect());
    let sources = sources(&case, &mut Tape::new(vec![5; 40]));
    let setting = support::Setting { threads: 2, sources: &sources, cancel: Cancel::default() };
    let wanted = [(case.node, Cut::Grid(grid)), (case.node, Cut::Engine)];
    let (results, _) = support::compute(&case.graph, &wanted, &setting).unwrap();
    assert_eq!(bits(&results[0]), bits(&results[1]));
}

/// `-(a @ b + c) * (a @ b)` plus a row, of whole blocks that are in memory.
fn followed(lens: [usize; 3], dtype: DType) -> (Case, NodeId, Sources) {
    let mut case = matrices(lens, dtype);
    let (product_node, shape) = (case.node, Shape::new([lens[0], lens[2]]));
    let other = stored(&mut case, &shape, dtype);
    let row = stored(&mut case, &Shape::new([lens[2]]), dtype);
    let row =
        view(&mut case.graph, row, View { shape: shape.clone(), source: [SourceAxis::whole(1)].into_iter().collect() });
    let sum = map(&mut case.graph, "add", &[product_node, other]);
    let negative = map(&mut case.graph, "negative", &[sum]);
    let times = map(&mut case.graph, "multiply", &[negative, product_node]);
    case.node = map(&mut case.graph, "add", &[times, row]);
    let mut sources = Sources::new();
    for (_, node) in case.graph.iter() {
        if let NodeKind::Load(id) = &node.kind {
            sources.insert(*id, Arc::new(blocks(&case.stored[id], &Chunks::single(&node.shape))) as Arc<dyn Source>);
        }
    }
    (case, product_node, sources)
}

/// Whether something is computed from a product in its stage.
fn goes_on(graph: &Graph, nodes: &[NodeId], sources: &Sources) -> bool {
    let output = |&node: &NodeId| Output { node, cut: Cut::Engine, held: true };
    let outputs: Vec<Output> = nodes.iter().map(output).collect();
    let options = Options { threads: 2, sources: sources.clone(), ..Options::default() };
    let plan = plan(graph, &outputs, &options).unwrap();
    plan.stages.iter().any(|s| matches!(s.work, Work::Contract(_)) && !s.program.steps.is_empty())
}

#[test]
fn what_follows_a_product_has_the_same_bits_in_its_stage_and_after_it() {
    for (lens, dtype) in [
        ([700, 900, 650], DType::F64),
        ([330, 40, 520], DType::F32),
        ([60, 40, 70], DType::I64),
        ([1, 50, 9], DType::F64),
        ([9, 50, 1], DType::F64),
        ([500, 0, 600], DType::F64),
    ] {
        let (case, product_node, sources) = followed(lens, dtype);
        assert!(goes_on(&case.graph, &[case.node], &sources), "{lens:?}");
        assert!(!goes_on(&case.graph, &[case.node, product_node], &sources), "{lens:?}");
        let setting = support::Setting { threads: 2, sources: &sources, cancel: Cancel::default() };
        let wanted = [(case.node, Cut::Engine), (product_node, Cut::Engine)];
        let (apart, _) = support::compute(&case.graph, &wanted, &setting).unwrap();
        for (threads, limit) in [(1, 0), (2, 0), (7, 0), (2, 40 << 20)] {
            let together = result(&case.graph, case.node, &sources, threads, limit).unwrap();
            assert_eq!(bits(&together), bits(&apart[0]), "{lens:?}: {threads} threads, limit {limit}");
        }
    }
}

#[test]
fn products_that_more_than_one_pass_reads_are_kept() {
    let (mut case, product_node, sources) = followed([60, 40, 70], DType::F64);
    let most = fold(&mut case.graph, "max", product_node, &[0]);
    let turned = View { shape: Shape::new([70, 60]), source: [1, 0].map(SourceAxis::whole).into_iter().collect() };
    let turned = view(&mut case.graph, product_node, turned);
    let negative = map(&mut case.graph, "negative", &[turned]);
    for others in [vec![case.node, most], vec![negative]] {
        assert!(!goes_on(&case.graph, &others, &sources), "{others:?}");
    }
}
