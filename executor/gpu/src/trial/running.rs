//! Running values of every kind, and values that many elements are made of.

use super::cases::{Case, add, load};
use cleave_graph::build::{BuildOptions, call};
use cleave_graph::node::Ddof;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::args::bind;
use cleave_ops::chain::Link;
use cleave_ops::op::{Class, Scan};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Arg, DType, Op, Scalar, Shape, View, table};

/// Rows and columns of which one goes through several blocks of running values, and the axis of that.
const FORMS: [([usize; 2], usize); 2] = [([600, 3], 0), ([2, 530], 1)];

/// Running values of an array along an axis; `None` where the operation has none of that dtype.
pub fn running(graph: &mut Graph, op: &'static Op, x: NodeId, axis: usize, has_initial: bool) -> Option<NodeId> {
    let array = Arg::Array { index: 0, shape: graph[x].shape.clone(), dtype: graph[x].dtype };
    let mut named = vec![("axis".to_owned(), Arg::Scalar(Scalar::Int(axis as i128)))];
    if has_initial {
        named.push(("include_initial".to_owned(), Arg::Scalar(Scalar::Bool(true))));
    }
    let args = bind(op, vec![array], named).ok()?;
    call(graph, &args, &[x], &BuildOptions { chunk_bytes: 1 << 20 }).ok()
}

fn scans() -> impl Iterator<Item = (&'static Op, &'static Scan)> {
    table::all().filter_map(|op| if let Class::Scan(scan) = &op.class { Some((op, scan)) } else { None })
}

/// Every loop along both axes; then what is made of running values.
pub(super) fn of_running() -> Vec<Case> {
    let each = |(op, scan): (&'static Op, &'static Scan)| {
        let forms = scan.loops.iter().flat_map(|of| FORMS.map(|form| (of.input, form)));
        forms.filter_map(move |(dtype, form)| one(op, dtype, form)).collect::<Vec<_>>()
    };
    let mut all: Vec<Case> = scans().flat_map(each).collect();
    for (op, _) in scans() {
        for (lens, axis) in FORMS {
            let made = [turned, reduced, shifted, twice].map(|make| make(op, lens, axis));
            all.extend(made.into_iter().flatten());
        }
        all.extend(begun(op));
    }
    all.extend([DType::F64, DType::I32].map(windows));
    all
}

fn one(op: &'static Op, dtype: DType, (lens, axis): ([usize; 2], usize)) -> Option<Case> {
    let mut g = Graph::new();
    let x = load(&mut g, 1, &lens, dtype);
    let node = running(&mut g, op, x, axis, false)?;
    Some((format!("{} of {dtype} along {axis}", op.name), g, node))
}

/// An array and its running values.
fn pair(op: &'static Op, lens: [usize; 2], axis: usize) -> Option<(Graph, NodeId, NodeId)> {
    let mut g = Graph::new();
    let x = load(&mut g, 3, &lens, DType::F64);
    let all = running(&mut g, op, x, axis, false)?;
    Some((g, x, all))
}

fn map(g: &mut Graph, link: Link, inputs: [NodeId; 2]) -> Option<NodeId> {
    let (dtype, shape) = (g[inputs[0]].dtype, g[inputs[0]].shape.to_vec());
    let (op, map) = table::all().find_map(|op| match &op.class {
        Class::Map(map) => {
            let links = |number: usize| map.link_of(number).is_some_and(|(of, _)| of == link);
            (0..map.loops.len()).any(links).then_some((op, map))
        }
        _ => None,
    })?;
    let loop_index = map.loops.iter().position(|of| *of.inputs == [dtype; 2])?;
    let kind = NodeKind::Map { op, loop_index, inputs: inputs.into_iter().collect() };
    Some(add(g, kind, &shape, map.loops[loop_index].output))
}

/// A part of an array from an index on, along an axis.
fn part(g: &mut Graph, x: NodeId, axis: usize, (start, len): (usize, usize)) -> NodeId {
    let shape = g[x].shape.with(axis, len);
    let mut view = View { shape: shape.clone(), ..View::identity(&g[x].shape) };
    view.source[axis].start = start as i64;
    let dtype = g[x].dtype;
    add(g, NodeKind::View { input: x, view }, &shape, dtype)
}

/// What goes on with them where they are made, and reads them from the other end.
fn turned(op: &'static Op, lens: [usize; 2], axis: usize) -> Option<Case> {
    let (mut g, x, all) = pair(op, lens, axis)?;
    let source = [0, 1].map(|axis| SourceAxis::along(axis, lens[axis] as i64 - 1, -1)).into_iter().collect();
    let view = View { shape: Shape::new(lens), source };
    let back = add(&mut g, NodeKind::View { input: all, view }, &lens, DType::F64);
    let own = map(&mut g, Link::Multiply, [all, x])?;
    let node = map(&mut g, Link::Subtract, [own, back])?;
    Some((format!("{} and its other end along {axis}", op.name), g, node))
}

/// What their own reduction makes of them.
fn reduced(op: &'static Op, lens: [usize; 2], axis: usize) -> Option<Case> {
    let (mut g, x, all) = pair(op, lens, axis)?;
    let input = map(&mut g, Link::Add, [all, x])?;
    let Class::Scan(scan) = &op.class else { return None };
    let (op, Class::Fold(fold)) = (scan.fold, &scan.fold.class) else { return None };
    let loop_index = fold.loops.iter().position(|of| of.input == DType::F64)?;
    let axes = [0, 1].into_iter().collect();
    let node = add(&mut g, NodeKind::Fold { op, loop_index, input, axes, ddof: Ddof(0.0) }, &[], DType::F64);
    Some((format!("{} of running values along {axis}", op.name), g, node))
}

/// Sums of windows as differences of running values.
fn shifted(op: &'static Op, lens: [usize; 2], axis: usize) -> Option<Case> {
    let (mut g, _, all) = pair(op, lens, axis)?;
    let len = lens[axis] - 300;
    let [high, low] = [300, 0].map(|start| part(&mut g, all, axis, (start, len)));
    let node = map(&mut g, Link::Subtract, [high, low])?;
    Some((format!("differences of {} along {axis}", op.name), g, node))
}

/// Running values of running values, along the other axis.
fn twice(op: &'static Op, lens: [usize; 2], axis: usize) -> Option<Case> {
    let (mut g, _, all) = pair(op, lens, axis)?;
    let node = running(&mut g, op, all, 1 - axis, false)?;
    Some((format!("{} along both axes, {axis} first", op.name), g, node))
}

/// With what no elements give before them.
fn begun(op: &'static Op) -> Option<Case> {
    let mut g = Graph::new();
    let x = load(&mut g, 5, &[530, 3], DType::F32);
    let node = running(&mut g, op, x, 0, true)?;
    Some((format!("{} from no elements on", op.name), g, node))
}

/// Sums of windows of 128 elements, by doubling.
fn windows(dtype: DType) -> Case {
    let mut g = Graph::new();
    let mut node = load(&mut g, 3, &[3, 700], dtype);
    let mut len = 700;
    for by in (0..7).map(|level| 1 << level) {
        len -= by;
        let [near, far] = [0, by].map(|start| part(&mut g, node, 1, (start, len)));
        node = map(&mut g, Link::Add, [near, far]).unwrap_or(near);
    }
    (format!("windows of {dtype}"), g, node)
}
