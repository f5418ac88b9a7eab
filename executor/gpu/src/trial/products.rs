//! Products of matrices to try: of every dtype, of sides of any number of axes, of operands that are turned and computed,
//! with what is computed of them.

use super::cases::{Case, add, load};
use cleave_graph::node::AxisPairs;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::op::{Class, Contract};
use cleave_ops::view::SourceAxis;
use cleave_ops::{DType, Op, Shape, View, table};

/// What it is called, the lengths of both operands, which axes stand side by side, and which are summed over.
type Form = (&'static str, &'static [usize], &'static [usize], &'static [(usize, usize)], &'static [(usize, usize)]);

const FORMS: [Form; 6] = [
    ("matrices", &[70, 50], &[50, 141], &[], &[(1, 0)]),
    ("matrices both turned", &[50, 37], &[41, 50], &[], &[(0, 1)]),
    ("stacks of matrices", &[3, 5, 17], &[3, 17, 2], &[(0, 0)], &[(2, 1)]),
    ("vectors", &[900], &[900], &[], &[(0, 0)]),
    ("vectors, each with each", &[20], &[31], &[], &[]),
    ("a matrix and a vector", &[33, 129], &[129], &[], &[(1, 0)]),
];
/// Sums of several panels, of panels of two axes, and of segments.
const LONG: [Form; 3] = [
    ("long matrices", &[5, 1600], &[1600, 7], &[], &[(1, 0)]),
    ("blocks over two axes", &[7, 30, 40], &[40, 30, 6], &[], &[(1, 1), (2, 0)]),
    ("matrices so long that parts are summed", &[3, 12_500], &[12_500, 2], &[], &[(1, 0)]),
];

/// All of them.
pub fn products() -> Vec<Case> {
    let Some((op, rule)) = contraction() else { return vec![] };
    let mut all = vec![];
    for (loop_index, of) in rule.loops.iter().enumerate() {
        let long: &[Form] = if of.dtype == DType::F64 { &LONG } else { &LONG[..2] };
        for form in FORMS.iter().chain(long) {
            let mut g = Graph::new();
            let [left, right] = [load(&mut g, 1, form.1, of.dtype), load(&mut g, 3, form.2, of.dtype)];
            let node = product(&mut g, (op, loop_index), [left, right], form);
            all.push((format!("product of {} of {}", form.0, of.dtype), g, node));
        }
        all.push(computed((op, loop_index), of.dtype));
    }
    all
}

/// An operation that sums products.
fn contraction() -> Option<(&'static Op, &'static Contract)> {
    table::all().find_map(|op| if let Class::Contract(rule) = &op.class { Some((op, rule)) } else { None })
}

fn product(g: &mut Graph, (op, loop_index): (&'static Op, usize), [left, right]: [NodeId; 2], form: &Form) -> NodeId {
    let (_, rows, columns, batch, summed) = *form;
    let pairs = |pairs: &[(usize, usize)]| pairs.iter().copied().collect::<AxisPairs>();
    let paired = |axis: usize, side: fn(&(usize, usize)) -> usize| batch.iter().chain(summed).any(|p| side(p) == axis);
    let free = |lens: &[usize], side: fn(&(usize, usize)) -> usize| -> Vec<usize> {
        (0..lens.len()).filter(|&axis| !paired(axis, side)).map(|axis| lens[axis]).collect()
    };
    let stacks: Vec<usize> = batch.iter().map(|pair| rows[pair.0]).collect();
    let shape = [stacks, free(rows, |p| p.0), free(columns, |p| p.1)].concat();
    let dtype = g[left].dtype;
    let kind = NodeKind::Contract { op, loop_index, left, right, batch: pairs(batch), summed: pairs(summed) };
    add(g, kind, &shape, dtype)
}

/// A product of bytes seen in steps with an array seen backwards, as bytes.
fn computed(of: (&'static Op, usize), dtype: DType) -> Case {
    let mut g = Graph::new();
    let bytes = load(&mut g, 1, &[90, 63], DType::I8);
    let steps = [SourceAxis::along(1, 0, 2), SourceAxis::along(0, 62, -1)].into_iter().collect();
    let view = View { shape: Shape::new([63, 45]), source: steps };
    let bytes = add(&mut g, NodeKind::View { input: bytes, view }, &[63, 45], DType::I8);
    let left = add(&mut g, NodeKind::Cast(bytes), &[63, 45], dtype);
    let right = load(&mut g, 3, &[45, 30], dtype);
    let back = [SourceAxis::along(0, 44, -1), SourceAxis::along(1, 29, -1)].into_iter().collect();
    let view = View { shape: Shape::new([45, 30]), source: back };
    let right = add(&mut g, NodeKind::View { input: right, view }, &[45, 30], dtype);
    let form: Form = ("", &[63, 45], &[45, 30], &[], &[(1, 0)]);
    let sums = product(&mut g, of, [left, right], &form);
    let other = if dtype == DType::F32 { DType::F64 } else { DType::F32 };
    let node = add(&mut g, NodeKind::Cast(sums), &[63, 30], other);
    (format!("product of bytes and {dtype} backwards, as {other}"), g, node)
}
