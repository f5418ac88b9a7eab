//! Stencils, windows and running values over long rows give what they mean, whatever the cuts and threads.
#![allow(clippy::unwrap_used)]

mod support;

use cleave_cpu::Cancel;
use cleave_graph::{Graph, NodeId, NodeKind, SCAN_LEN, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, Class, DType, Data, Shape, View, table};
use cleave_plan::hold::Why;
use cleave_plan::{Cut, Options, Output, Source, Sources, plan};
use std::collections::HashMap;
use std::sync::Arc;
use support::reference::evaluate;
use support::{Memory, Setting, add, blocks, compute_within, fold, load, map, view};

/// A part of a 2-d node.
fn part(graph: &mut Graph, node: NodeId, from: [usize; 2], len: [usize; 2]) -> NodeId {
    let source = (0..2).map(|axis| SourceAxis::along(axis, from[axis] as i64, 1)).collect();
    view(graph, node, View { shape: Shape::new(len), source })
}

/// Each element with those above, below, left and right.
fn stencil(graph: &mut Graph, node: NodeId) -> NodeId {
    let len = [graph[node].shape[0] - 2, graph[node].shape[1] - 2];
    let parts = [[0, 1], [2, 1], [1, 0], [1, 2], [1, 1]].map(|from| part(graph, node, from, len));
    parts[1..].iter().fold(parts[0], |sum, &next| map(graph, "add", &[sum, next]))
}

/// All windows of two rows, `by` apart.
fn pairs(graph: &mut Graph, node: NodeId, by: usize) -> NodeId {
    let len = [graph[node].shape[0] - by, graph[node].shape[1]];
    let parts = [0, by].map(|from| part(graph, node, [from, 0], len));
    map(graph, "add", &parts)
}

/// A patch laid over zeros, one element in from every side.
fn padded(graph: &mut Graph, node: NodeId) -> NodeId {
    let inner = graph[node].shape.clone();
    let shape = Shape::new(inner.iter().map(|len| len + 2));
    let zero = cleave_ops::Fill::Const(cleave_ops::Scalar::Float(0.0));
    let base = support::fill(graph, zero, &shape, DType::F64);
    let place = View { shape: inner, source: (0..2).map(|axis| SourceAxis::along(axis, 1, 1)).collect() };
    add(graph, NodeKind::Overlay { base, patch: node, place }, &shape, DType::F64)
}

/// Running sums, with the totals of what lies before each block.
fn running(graph: &mut Graph, input: NodeId, axis: usize) -> NodeId {
    let shape = graph[input].shape.clone();
    let op = table::find("cumulative_sum").unwrap();
    let Class::Scan(scan) = &op.class else { unreachable!() };
    let loop_index = scan.loops.iter().position(|l| l.input == DType::F64).unwrap();
    let before = (shape[axis] > SCAN_LEN).then(|| {
        let mut lens = shape.to_vec();
        lens[axis] = shape[axis].div_ceil(SCAN_LEN) - 1;
        lens.insert(axis + 1, SCAN_LEN);
        let follow = |a: usize| match a {
            _ if a < axis => SourceAxis::whole(a),
            _ if a == axis => SourceAxis::along(axis, 0, SCAN_LEN as i64).plus(axis + 1, 1),
            _ => SourceAxis::whole(a + 1),
        };
        let source = (0..shape.ndim()).map(follow).collect();
        let in_blocks = view(graph, input, View { shape: Shape::new(lens), source });
        let totals = fold(graph, "sum", in_blocks, &[axis + 1]);
        running(graph, totals, axis)
    });
    add(graph, NodeKind::Scan { op, loop_index, input, axis, before }, &shape, DType::F64)
}

fn check(rows: usize, columns: usize, build: impl Fn(&mut Graph, NodeId) -> NodeId) {
    let (mut graph, shape) = (Graph::new(), Shape::new([rows, columns]));
    let x = load(&mut graph, 0, &shape, DType::F64);
    let node = build(&mut graph, x);
    let folds = [vec![0], vec![1], vec![0, 1]].map(|axes| fold(&mut graph, "sum", node, &axes));
    let data = Data::F64((0..shape.size()).map(|i| (i * 7 % 13) as f64 - 5.0).collect());
    let stored: Arc<dyn Source> = Arc::new(blocks(&data, &Chunks::single(&shape)));
    let sources = Sources::from([(SourceId(0), stored)]);
    let known = HashMap::from([(SourceId(0), data)]);
    let grid = Chunks(graph[node].shape.iter().map(|&len| AxisChunks::regular(len, len / 2 + 37)).collect());
    let wide = Chunks(
        [(101, 0), (graph[node].shape[1], 1)]
            .map(|(side, a)| AxisChunks::regular(graph[node].shape[a], side))
            .into_iter()
            .collect(),
    );
    let mut wanted = vec![(node, Cut::Engine), (node, Cut::Grid(grid)), (node, Cut::Grid(wide))];
    wanted.extend(folds.map(|fold| (fold, Cut::Engine)));
    let meant: HashMap<NodeId, Data> = wanted
        .iter()
        .map(|&(n, _)| n)
        .collect::<std::collections::HashSet<_>>()
        .into_iter()
        .map(|n| (n, evaluate(&graph, n, &known)))
        .collect();
    for threads in [1, 2] {
        for wanted in wanted.iter().map(std::slice::from_ref).chain([wanted.as_slice()]) {
            let setting = Setting { threads, sources: &sources, cancel: Cancel::default() };
            let (results, _) = compute_within(&graph, wanted, &setting, Memory::default()).unwrap();
            for ((node, cut), result) in wanted.iter().zip(results) {
                assert!(result == meant[node], "{node:?} in {cut:?} by {threads}");
            }
        }
    }
}

#[test]
fn of_stencils() {
    check(150, 600, stencil);
    check(40, 3000, |graph, x| {
        let once = stencil(graph, x);
        stencil(graph, once)
    });
}

#[test]
fn of_stencils_with_padding() {
    check(80, 2100, |graph, x| {
        (0..3).fold(x, |x, _| {
            let wide = padded(graph, x);
            stencil(graph, wide)
        })
    });
}

#[test]
fn of_windows() {
    check(90, 2100, |graph, x| [1, 2, 4].iter().fold(x, |x, &by| pairs(graph, x, by)));
}

#[test]
fn of_running_values() {
    check(600, 520, |graph, x| running(graph, x, 0));
    check(520, 2600, |graph, x| running(graph, x, 0));
    check(270, 2600, |graph, x| {
        let once = running(graph, x, 0);
        let sums = stencil(graph, once);
        running(graph, sums, 0)
    });
    check(40, 2500, |graph, x| running(graph, x, 1));
    check(290, 530, |graph, x| {
        let down = running(graph, x, 0);
        let sums = stencil(graph, down);
        running(graph, sums, 0)
    });
    check(280, 530, |graph, x| {
        let down = running(graph, x, 0);
        let wide = padded(graph, down);
        let sums = stencil(graph, wide);
        running(graph, sums, 1)
    });
}

/// Whether a plan keeps running values in a stage of their own.
fn keeps_running(graph: &Graph, node: NodeId) -> bool {
    let outputs = [Output { node, cut: Cut::Engine, held: true }];
    let planned = plan(graph, &outputs, &Options { threads: 2, ..Options::default() }).unwrap();
    planned.buffers.iter().any(|buffer| matches!(buffer.why, Why::Running { .. }))
}

/// A reduction that visits a few of the elements before others would make all before them each time.
#[test]
fn running_values_are_made_once_whoever_reads_them() {
    let kept = [
        (vec![30, 40, 700], 0, vec![0, 1, 2], false),
        (vec![60, 40, 700], 0, vec![1], true),
        (vec![60, 40, 700], 0, vec![2], true),
        (vec![60, 40, 700], 0, vec![0], false),
        (vec![60, 40, 700], 1, vec![0, 2], true),
        (vec![60, 40, 700], 2, vec![0, 1, 2], false),
        (vec![60, 40_000], 0, vec![1], true),
        (vec![60, 4000], 0, vec![1], false),
        (vec![300, 5, 520], 0, vec![2], true),
        (vec![4000, 60], 1, vec![0], false),
    ];
    for (lens, axis, axes, is_kept) in kept {
        let (mut graph, shape) = (Graph::new(), Shape::new(lens));
        let x = load(&mut graph, 0, &shape, DType::F64);
        let running = running(&mut graph, x, axis);
        let node = fold(&mut graph, "sum", running, &axes);
        assert_eq!(keeps_running(&graph, node), is_kept, "{shape:?} along {axis}, summed over {axes:?}");
        let data = Data::F64((0..shape.size()).map(|i| (i * 7 % 13) as f64 - 5.0).collect());
        let stored: Arc<dyn Source> = Arc::new(blocks(&data, &Chunks::single(&shape)));
        let sources = Sources::from([(SourceId(0), stored)]);
        let setting = Setting { threads: 2, sources: &sources, cancel: Cancel::default() };
        let want = evaluate(&graph, node, &HashMap::from([(SourceId(0), data)]));
        for on_disk in [false, true] {
            let memory = Memory { on_disk, ..Memory::default() };
            let (results, _) = compute_within(&graph, &[(node, Cut::Engine)], &setting, memory).unwrap();
            assert!(results[0] == want, "{shape:?} along {axis}, summed over {axes:?}, on disk: {on_disk}");
        }
    }
}

/// What others make again counts, too: one block of theirs for each row of these.
#[test]
fn running_values_of_running_values_are_made_once() {
    for (columns, is_kept) in [(40_000, true), (4000, false)] {
        let (mut graph, shape) = (Graph::new(), Shape::new([300, columns]));
        let x = load(&mut graph, 0, &shape, DType::F64);
        let once = running(&mut graph, x, 0);
        let twice = running(&mut graph, once, 0);
        let node = fold(&mut graph, "max", twice, &[1]);
        assert_eq!(keeps_running(&graph, node), is_kept, "{shape:?}");
    }
}
