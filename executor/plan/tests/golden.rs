//! Plans as text: each snapshot shows how one graph is cut into stages.
#![allow(clippy::unwrap_used)]

use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, Class, DType, Fill, Law, Scalar, Shape, View, table};
use cleave_plan::{Cut, Options, Output, PlanError, plan};
use std::sync::atomic::Ordering;

fn add(graph: &mut Graph, kind: NodeKind, shape: &[usize]) -> NodeId {
    let shape = Shape::new(shape.iter().copied());
    graph.add(Node { kind, dtype: DType::F64, chunks: Chunks::single(&shape), shape })
}

fn load(graph: &mut Graph, shape: &[usize]) -> NodeId {
    add(graph, NodeKind::Load(SourceId(1)), shape)
}

fn map(graph: &mut Graph, name: &str, inputs: &[NodeId]) -> NodeId {
    let op = table::find(name).unwrap();
    let Class::Map(map) = &op.class else { unreachable!() };
    let loop_index = map.loops.iter().position(|l| l.inputs.iter().all(|d| *d == DType::F64)).unwrap();
    let shape = graph[inputs[0]].shape.to_vec();
    add(graph, NodeKind::Map { op, loop_index, inputs: inputs.iter().copied().collect() }, &shape)
}

fn fold(graph: &mut Graph, name: &str, input: NodeId, axes: &[usize]) -> NodeId {
    let op = table::find(name).unwrap();
    let Class::Fold(fold) = &op.class else { unreachable!() };
    let loop_index = fold.loops.iter().position(|l| l.input == DType::F64).unwrap();
    let from = graph[input].shape.clone();
    let shape: Vec<usize> = (0..from.ndim()).filter(|a| !axes.contains(a)).map(|a| from[a]).collect();
    add(graph, NodeKind::Fold { op, loop_index, input, axes: axes.iter().copied().collect(), ddof: Ddof(0.0) }, &shape)
}

fn view(graph: &mut Graph, input: NodeId, shape: &[usize], source: &[(i64, i64, Option<usize>)]) -> NodeId {
    let axis = |&(start, step, axis): &(i64, i64, Option<usize>)| {
        axis.map_or_else(|| SourceAxis::fixed(start), |axis| SourceAxis::along(axis, start, step))
    };
    let seen = View { shape: Shape::new(shape.iter().copied()), source: source.iter().map(axis).collect() };
    add(graph, NodeKind::View { input, view: seen }, shape)
}

/// The plan's text for 2 threads, each output cut by the engine.
fn planned(graph: &Graph, nodes: &[NodeId]) -> String {
    let outputs: Vec<Output> = nodes.iter().map(|&node| Output { node, cut: Cut::Engine, held: true }).collect();
    plan(graph, &outputs, &Options { threads: 2, ..Options::default() }).unwrap().to_string()
}

#[test]
fn both_halves_of_random_numbers_are_done_together() {
    let mut g = Graph::new();
    let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    let x = add(&mut g, NodeKind::Fill(Fill::Random { seed: 1, draw: 0, law }), &[50_000, 50_000]);
    let flipped = view(&mut g, x, &[50_000, 50_000], &[(49_999, -1, Some(0)), (49_999, -1, Some(1))]);
    let product = map(&mut g, "multiply", &[x, flipped]);
    let sum = fold(&mut g, "sum", product, &[0, 1]);
    insta::assert_snapshot!(planned(&g, &[sum]));
}

#[test]
fn a_product_with_its_own_flip() {
    let mut g = Graph::new();
    let x = add(&mut g, NodeKind::Fill(Fill::Const(Scalar::Float(1.0))), &[200_000, 200_000]);
    let flip = (199_999, -1);
    let flipped = view(&mut g, x, &[200_000, 200_000], &[(flip.0, flip.1, Some(0)), (flip.0, flip.1, Some(1))]);
    let product = map(&mut g, "multiply", &[x, flipped]);
    let sum = fold(&mut g, "sum", product, &[0, 1]);
    insta::assert_snapshot!(planned(&g, &[sum]));
}

#[test]
fn several_reductions_share_one_pass() {
    let mut g = Graph::new();
    let x = load(&mut g, &[5000, 4000]);
    let nodes = ["mean", "std", "max"].map(|name| fold(&mut g, name, x, &[0, 1]));
    insta::assert_snapshot!(planned(&g, &nodes));
}

#[test]
fn reductions_over_two_axes_share_one_pass() {
    let mut g = Graph::new();
    let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    let x = add(&mut g, NodeKind::Fill(Fill::Random { seed: 1, draw: 0, law }), &[500, 2000, 2000]);
    let nodes = [("mean", 0), ("std", 0), ("mean", 1), ("argmax", 1)];
    let nodes = nodes.map(|(name, axis)| fold(&mut g, name, x, &[axis]));
    insta::assert_snapshot!(planned(&g, &nodes));
}

#[test]
fn a_standardised_array_takes_two_passes() {
    let mut g = Graph::new();
    let x = load(&mut g, &[5000, 4000]);
    let (mean, std) = (fold(&mut g, "mean", x, &[0]), fold(&mut g, "std", x, &[0]));
    let wide = [mean, std].map(|m| view(&mut g, m, &[5000, 4000], &[(0, 1, Some(1))]));
    let centred = map(&mut g, "subtract", &[x, wide[0]]);
    let scaled = map(&mut g, "divide", &[centred, wide[1]]);
    insta::assert_snapshot!(planned(&g, &[scaled]));
}

#[test]
fn a_transpose_is_read_across() {
    let mut g = Graph::new();
    let x = load(&mut g, &[3000, 4000]);
    let turned = view(&mut g, x, &[4000, 3000], &[(0, 1, Some(1)), (0, 1, Some(0))]);
    let negative = map(&mut g, "negative", &[turned]);
    let again = view(&mut g, negative, &[100, 3000], &[(50, 2, Some(0)), (0, 1, Some(1))]);
    insta::assert_snapshot!(planned(&g, &[again]));
}

#[test]
fn a_patch_is_computed_where_it_shows() {
    let mut g = Graph::new();
    let base = load(&mut g, &[10, 1000]);
    let patch = view(&mut g, base, &[5, 1000], &[(1, 2, Some(0)), (999, -1, Some(1))]);
    let place = View::identity(&Shape::new([5, 1000]));
    let place = View { source: [SourceAxis::along(0, 8, -2), place.source[1].clone()].into_iter().collect(), ..place };
    let over = add(&mut g, NodeKind::Overlay { base, patch, place }, &[10, 1000]);
    let row = view(&mut g, over, &[1000], &[(3, 0, None), (0, 1, Some(0))]);
    insta::assert_snapshot!(planned(&g, &[over, row]));
}

#[test]
fn a_stencil_is_made_block_by_block() {
    let mut g = Graph::new();
    let mut x = load(&mut g, &[1 << 20]);
    for _ in 0..3 {
        let len = g[x].shape[0] - 8;
        let seen: Vec<NodeId> = (0..8).map(|i| view(&mut g, x, &[len], &[(i, 1, Some(0))])).collect();
        x = seen[1..].iter().fold(seen[0], |a, &b| map(&mut g, "add", &[a, b]));
    }
    insta::assert_snapshot!(planned(&g, &[x]));
}

#[test]
fn a_grid_is_kept_as_it_was_asked_for() {
    let mut g = Graph::new();
    let x = load(&mut g, &[1000, 1000]);
    let sums = fold(&mut g, "sum", x, &[1]);
    let grid = Chunks([AxisChunks::from_lens([400, 400, 200])].into_iter().collect());
    let outputs = [Output { node: sums, cut: Cut::Grid(grid), held: false }];
    insta::assert_snapshot!(plan(&g, &outputs, &Options { threads: 2, ..Options::default() }).unwrap());
}

/// Each step sees the last at two places: whatever is asked of a plan is asked once of each, or this does not end.
#[test]
fn a_hundred_steps_of_a_stencil_are_planned() {
    let mut g = Graph::new();
    let mut x = load(&mut g, &[1 << 20]);
    for _ in 0..100 {
        let len = g[x].shape[0] - 1;
        let seen = [0, 1].map(|i| view(&mut g, x, &[len], &[(i, 1, Some(0))]));
        x = map(&mut g, "add", &seen);
    }
    let sum = fold(&mut g, "sum", x, &[0]);
    let options = Options { threads: 2, ..Options::default() };
    let outputs = [Output { node: sum, cut: Cut::Engine, held: true }];
    let planned = plan(&g, &outputs, &options).unwrap();
    assert_eq!(planned.stages.iter().map(cleave_plan::Stage::strip_turns).max(), Some(1));
    assert_eq!(planned.stages.len(), 1);
}

fn product(graph: &mut Graph, left: NodeId, right: NodeId, summed: [usize; 2], shape: &[usize]) -> NodeId {
    let op = table::find("matmul").unwrap();
    let Class::Contract(contract) = &op.class else { unreachable!() };
    let loop_index = contract.loops.iter().position(|l| l.dtype == DType::F64).unwrap();
    let (batch, summed) = (Default::default(), [(summed[0], summed[1])].into_iter().collect());
    add(graph, NodeKind::Contract { op, loop_index, left, right, batch, summed }, shape)
}

#[test]
fn operands_of_a_product_are_computed_where_they_are_packed() {
    let mut g = Graph::new();
    let x = load(&mut g, &[3000, 2000]);
    let centred = map(&mut g, "negative", &[x]);
    let turned = view(&mut g, x, &[2000, 3000], &[(0, 1, Some(1)), (0, 1, Some(0))]);
    let gram = product(&mut g, turned, centred, [1, 0], &[2000, 2000]);
    insta::assert_snapshot!(planned(&g, &[gram]));
}

#[test]
fn a_costly_operand_is_kept_for_a_product() {
    let mut g = Graph::new();
    let law = Law::Normal { mean: Scalar::Float(0.0), std: Scalar::Float(1.0) };
    let fill = |draw| NodeKind::Fill(Fill::Random { seed: 1, draw, law: law.clone() });
    let draws = add(&mut g, fill(0), &[8000, 8000]);
    let x = map(&mut g, "sin", &[draws]);
    let y = add(&mut g, fill(1), &[8000, 50]);
    let (square, thin) = (product(&mut g, x, x, [1, 0], &[8000, 8000]), product(&mut g, x, y, [1, 0], &[8000, 50]));
    let sum = fold(&mut g, "sum", square, &[0, 1]);
    insta::assert_snapshot!(planned(&g, &[sum, thin]));
}

#[test]
fn planning_stops_when_told_to() {
    let mut g = Graph::new();
    let x = load(&mut g, &[100]);
    let options = Options::default();
    options.cancel.store(true, Ordering::Relaxed);
    let stopped = plan(&g, &[Output { node: x, cut: Cut::Engine, held: true }], &options);
    assert_eq!(stopped.err(), Some(PlanError::Cancelled));
}

#[test]
fn what_follows_a_product_is_computed_in_its_stage() {
    let mut g = Graph::new();
    let x = load(&mut g, &[8000, 8000]);
    let square = product(&mut g, x, x, [1, 0], &[8000, 8000]);
    let row = load(&mut g, &[8000]);
    let row = view(&mut g, row, &[8000, 8000], &[(0, 1, Some(1))]);
    let sum = map(&mut g, "add", &[square, row]);
    let root = map(&mut g, "sqrt", &[sum]);
    insta::assert_snapshot!(planned(&g, &[sum, root]));
}

#[test]
fn a_long_sum_of_products_comes_in_segments() {
    let mut g = Graph::new();
    let (x, y) = (load(&mut g, &[1_000_000, 10]), load(&mut g, &[1_000_000]));
    let dots = product(&mut g, x, y, [0, 0], &[10]);
    insta::assert_snapshot!(planned(&g, &[dots]));
}

#[test]
fn a_loop_of_ten_thousand_steps_needs_few_registers() {
    let mut g = Graph::new();
    let mut x = load(&mut g, &[100]);
    for _ in 0..10_000 {
        x = map(&mut g, "negative", &[x]);
    }
    let outputs = [Output { node: x, cut: Cut::Engine, held: true }];
    let plan = plan(&g, &outputs, &Options::default()).unwrap();
    assert_eq!(plan.stages[0].program.slots.len(), 2);
}

#[test]
fn opposite_blocks_are_done_together() {
    let mut g = Graph::new();
    let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    let x = add(&mut g, NodeKind::Fill(Fill::Random { seed: 1, draw: 0, law }), &[20_000, 20_000]);
    let turned = view(&mut g, x, &[20_000, 20_000], &[(0, 1, Some(1)), (0, 1, Some(0))]);
    let both = map(&mut g, "add", &[x, turned]);
    let sum = fold(&mut g, "sum", both, &[0]);
    insta::assert_snapshot!(planned(&g, &[sum]));
}
