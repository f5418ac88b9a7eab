//! Stages to write kernels for.

pub(crate) use cleave_gpu::trial::{add, each_loop, fill, load};

use crate::support::random;

use cleave_gpu::emit::{Kernels, Unfit, kernels};
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::op::{Class, MapLoop};
use cleave_ops::view::SourceAxis;
use cleave_ops::{DType, Fill, Law, Scalar, Shape, View, table};
use cleave_plan::{Cut, Options, Output, Plan, plan};

pub(crate) fn normals(graph: &mut Graph, shape: &[usize], dtype: DType) -> NodeId {
    let law = Law::Normal { mean: Scalar::Float(0.0), std: Scalar::Float(1.0) };
    fill(graph, Fill::Random { seed: 42, draw: 1, law }, shape, dtype)
}

/// An operation on nodes whose dtypes are those of one of its loops.
pub(crate) fn map(graph: &mut Graph, name: &str, inputs: &[NodeId]) -> NodeId {
    let op = table::find(name).unwrap();
    let Class::Map(map) = &op.class else { unreachable!() };
    let fits = |of: &MapLoop| of.inputs.iter().zip(inputs).all(|(dtype, &input)| *dtype == graph[input].dtype);
    let loop_index = map.loops.iter().position(fits).unwrap();
    let shape = graph[inputs[0]].shape.to_vec();
    let kind = NodeKind::Map { op, loop_index, inputs: inputs.iter().copied().collect() };
    add(graph, kind, &shape, map.loops[loop_index].output)
}

pub(crate) fn fold(graph: &mut Graph, name: &str, input: NodeId, axes: &[usize]) -> NodeId {
    let op = table::find(name).unwrap();
    let Class::Fold(fold) = &op.class else { unreachable!() };
    let loop_index = fold.loops.iter().position(|of| of.input == graph[input].dtype).unwrap();
    let from = graph[input].shape.clone();
    let shape: Vec<usize> = (0..from.ndim()).filter(|a| !axes.contains(a)).map(|a| from[a]).collect();
    let kind = NodeKind::Fold { op, loop_index, input, axes: axes.iter().copied().collect(), ddof: Ddof(0.0) };
    add(graph, kind, &shape, fold.loops[loop_index].output)
}

/// A node seen through a view: start, step and axis for each axis of the node.
pub(crate) fn view(graph: &mut Graph, input: NodeId, shape: &[usize], source: &[(i64, i64, Option<usize>)]) -> NodeId {
    let axis = |&(start, step, axis): &(i64, i64, Option<usize>)| {
        axis.map_or_else(|| SourceAxis::fixed(start), |axis| SourceAxis::along(axis, start, step))
    };
    let seen = View { shape: Shape::new(shape.iter().copied()), source: source.iter().map(axis).collect() };
    let dtype = graph[input].dtype;
    add(graph, NodeKind::View { input, view: seen }, shape, dtype)
}

pub(crate) fn planned(graph: &Graph, nodes: &[NodeId], threads: usize) -> Plan {
    let outputs: Vec<Output> = nodes.iter().map(|&node| Output { node, cut: Cut::Engine, held: true }).collect();
    plan(graph, &outputs, &Options { threads, at_once: true, ..Options::default() }).unwrap()
}

/// The kernels of each stage of the plan for some nodes.
pub(crate) fn emitted(graph: &Graph, nodes: &[NodeId]) -> Vec<Result<Kernels, Unfit>> {
    planned(graph, nodes, 2).stages.iter().map(kernels).collect()
}

/// Names and texts, those of what is made before last.
pub(crate) fn texts(kernels: &Kernels) -> Vec<(&str, &str)> {
    let all = kernels.all();
    let before = all[0].made.iter().map(|of| &of.kernel);
    all.iter().copied().chain(before).map(|kernel| (&*kernel.name, &*kernel.text)).collect()
}

pub(crate) fn running(graph: &mut Graph, name: &str, x: NodeId, axis: usize) -> NodeId {
    cleave_gpu::trial::running(graph, table::find(name).unwrap(), x, axis, false).unwrap()
}

/// Adds running values of some nodes, and what is made of them.
pub(crate) fn with_running(case: &mut random::Case, tape: &mut random::Tape) {
    for _ in 0..tape.below(3) {
        let x = case.nodes[tape.below(case.nodes.len())];
        let shape = case.graph[x].shape.clone();
        if shape.is_empty() || shape.is_empty_array() {
            continue;
        }
        let name = ["cumulative_sum", "cumulative_prod", "cummax", "cummin"][tape.below(4)];
        let all = running(&mut case.graph, name, x, tape.below(shape.ndim()));
        let both = map(&mut case.graph, "subtract", &[all, x]);
        let axis = tape.below(shape.ndim());
        let mut back = View::identity(&shape);
        back.source[axis] = SourceAxis::along(axis, shape[axis] as i64 - 1, -1);
        let back = add(&mut case.graph, NodeKind::View { input: all, view: back }, &shape, DType::I64);
        let ends = map(&mut case.graph, "add", &[both, back]);
        let total = fold(&mut case.graph, "sum", ends, &[tape.below(shape.ndim())]);
        case.nodes.extend([[all, both, ends, total][tape.below(4)]]);
    }
}

/// Adds what is made of a node as another dtype: with itself turned round, and perhaps reduced.
pub(crate) fn with_dtypes(case: &mut random::Case, tape: &mut random::Tape) {
    let x = case.nodes[tape.below(case.nodes.len())];
    let (shape, dtype) = (case.graph[x].shape.clone(), DType::ALL[tape.below(DType::ALL.len())]);
    if dtype == case.graph[x].dtype || shape.is_empty() || shape.is_empty_array() {
        return;
    }
    let mut node = add(&mut case.graph, NodeKind::Cast(x), &shape, dtype);
    let axis = tape.below(shape.ndim());
    let mut back = View::identity(&shape);
    back.source[axis] = SourceAxis::along(axis, shape[axis] as i64 - 1, -1);
    let back = add(&mut case.graph, NodeKind::View { input: node, view: back }, &shape, dtype);
    node = map(&mut case.graph, ["add", "multiply"][tape.below(2)], &[node, back]);
    if tape.below(2) == 0 {
        node = fold(&mut case.graph, ["sum", "max"][tape.below(2)], node, &[axis]);
    }
    case.nodes.push(node);
}

/// A name, a graph, and the nodes that are wanted of it.
pub(crate) type Case = (&'static str, Graph, Vec<NodeId>);

/// Stages of several operations, with views, fills and several reductions in one pass; long axes are `scale` times as short.
pub(crate) fn mixtures(scale: usize) -> Vec<Case> {
    let len = |long: usize| long / scale + 3;
    let mut all = vec![];
    let mut case = |name: &'static str, make: &dyn Fn(&mut Graph) -> Vec<NodeId>| {
        let mut g = Graph::new();
        let nodes = make(&mut g);
        all.push((name, g, nodes));
    };
    let f64s = DType::F64;
    case("a chain", &|g| {
        let [a, b, c] = [0, 1, 2].map(|n| load(g, n, &[len(100_000)], f64s));
        let product = map(g, "multiply", &[a, b]);
        vec![map(g, "add", &[product, c])]
    });
    case("a reversed operand, a column and a row", &|g| flipped(g, [len(500), len(600)]));
    case("a transpose of steps", &|g| {
        let (rows, columns) = (len(400), len(300));
        let x = load(g, 0, &[columns, 2 * rows + 1], DType::F32);
        let last = 2 * rows as i64;
        let turned = view(g, x, &[rows, columns], &[(0, 1, Some(1)), (last, -2, Some(0))]);
        vec![map(g, "negative", &[turned])]
    });
    case("a product with its own flip, summed", &|g| {
        let n = len(20_000);
        let x = fill(g, Fill::Const(Scalar::Float(1.0)), &[n, n], f64s);
        let back = (n as i64 - 1, -1);
        let flipped = view(g, x, &[n, n], &[(back.0, back.1, Some(0)), (back.0, back.1, Some(1))]);
        let product = map(g, "multiply", &[x, flipped]);
        vec![fold(g, "sum", product, &[0, 1])]
    });
    case("normals", &|g| vec![normals(g, &[len(5000), 33], f64s)]);
    case("normals of three axes", &|g| vec![normals(g, &[len(50), 3, len(77)], DType::F32)]);
    case("mean and spread of normals", &|g| {
        let x = normals(g, &[len(4000), len(4000)], f64s);
        vec![fold(g, "mean", x, &[0, 1]), fold(g, "std", x, &[0, 1])]
    });
    case("several reductions of rows", &|g| {
        let x = load(g, 0, &[len(50), 7005], f64s);
        ["sum", "var", "max", "argmin"].map(|name| fold(g, name, x, &[1])).to_vec()
    });
    case("short rows", &|g| {
        let x = load(g, 0, &[len(5000), 7], DType::F32);
        vec![fold(g, "mean", x, &[1]), fold(g, "argmax", x, &[1])]
    });
    case("long columns", &|g| {
        let x = load(g, 1, &[7000, 40], DType::F32);
        ["sum", "std", "min", "argmax"].map(|name| fold(g, name, x, &[0])).to_vec()
    });
    case("two superboxes", &|g| {
        let x = fill(g, Fill::Index { axis: 0 }, &[1_100_000], f64s);
        vec![fold(g, "sum", x, &[0])]
    });
    case("outer and inner axes reduced", &|g| {
        let x = load(g, 1, &[19, 5, 70, 31], f64s);
        vec![fold(g, "sum", x, &[0, 2]), fold(g, "var", x, &[1, 3])]
    });
    case("columns and rows of one pass", &|g| {
        let x = normals(g, &[len(500), 70, 80], f64s);
        [("mean", 0), ("std", 0), ("mean", 1), ("argmax", 1)].map(|(name, axis)| fold(g, name, x, &[axis])).to_vec()
    });
    case("angles", &|g| vec![of_sine(g, len(3000))]);
    case("one element", &|g| {
        let x = load(g, 0, &[], DType::I16);
        vec![map(g, "negative", &[x])]
    });
    all.extend(run_on(scale));
    all
}

/// Stages whose elements are made of many others.
fn run_on(scale: usize) -> [Case; 2] {
    let len = |long: usize| long / scale + 3;
    let mut all = [
        ("running values of columns, of rows, and their sum", Graph::new(), vec![]),
        ("windows of windows", Graph::new(), vec![]),
    ];
    let [(_, g, nodes), (_, windows, last)] = &mut all;
    let x = load(g, 1, &[len(2000), len(700)], DType::F64);
    let root = map(g, "sqrt", &[x]);
    let [down, along] = [0, 1].map(|axis| running(g, "cumsum", root, axis));
    let product = map(g, "multiply", &[down, along]);
    nodes.extend([down, along, fold(g, "sum", product, &[0, 1])]);
    let (n, mut len) = (len(9000), len(9000));
    let mut node = load(windows, 1, &[n], DType::F32);
    for by in (0..6).map(|level| 1 << level) {
        len -= by;
        let [near, far] = [0, by].map(|start| view(windows, node, &[len], &[(start as i64, 1, Some(0))]));
        node = map(windows, "add", &[near, far]);
    }
    last.push(node);
    all
}

fn of_sine(g: &mut Graph, len: usize) -> NodeId {
    let x = load(g, 1, &[len], DType::F64);
    let sin = map(g, "sin", &[x]);
    map(g, "exp", &[sin])
}

fn flipped(g: &mut Graph, [rows, columns]: [usize; 2]) -> Vec<NodeId> {
    let x = load(g, 0, &[rows, columns], DType::F64);
    let back = view(g, x, &[rows, columns], &[(rows as i64 - 1, -1, Some(0)), (columns as i64 - 1, -1, Some(1))]);
    let column = load(g, 1, &[rows, 1], DType::F64);
    let column = view(g, column, &[rows, columns], &[(0, 1, Some(0)), (0, 0, None)]);
    let row = load(g, 2, &[columns], DType::F64);
    let row = view(g, row, &[rows, columns], &[(0, 1, Some(1))]);
    let product = map(g, "multiply", &[x, back]);
    let centred = map(g, "subtract", &[product, column]);
    vec![map(g, "divide", &[centred, row])]
}
