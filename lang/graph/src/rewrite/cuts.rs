//! Views of reductions, running values and contractions: what of a view their inputs can be cut to.

use super::views::Passing;
use crate::node::{AxisPairs, Node};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Shape, View};
use smallvec::SmallVec;

/// How a view of a node is split into what its inputs can be cut to, and the rest. Axes that stay keep their
/// order and number, so the node stays the same one.
#[derive(Clone)]
pub(super) struct Part {
    /// What its inputs are cut to.
    pub(super) inputs: SmallVec<[View; 2]>,
    /// What that makes of the node.
    pub(super) kept: View,
    /// What is left of the view.
    pub(super) rest: View,
}

/// For each axis of an input, the axis of the node that it becomes, or `None`.
pub(super) type Axes = SmallVec<[Option<usize>; 4]>;

/// For each axis of a node an ascending cut and its length.
#[derive(Clone)]
pub(super) struct Cuts(Vec<Option<(SourceAxis, usize)>>);

impl Cuts {
    /// Whether an axis of that length stays whole.
    pub(super) fn is_whole(&self, axis: usize, len: usize) -> bool {
        self.0[axis].as_ref().is_none_or(|cut| *cut == (SourceAxis::whole(axis), len))
    }

    /// The cuts without that of one axis.
    pub(super) fn but(&self, axis: usize) -> Cuts {
        let mut cuts = self.clone();
        cuts.0[axis] = None;
        cuts
    }

    /// The cuts on an input, whose other axes stay whole.
    pub(super) fn on(&self, input: &Shape, axes: &Axes) -> View {
        let mut view = View::identity(input);
        let mut shape: Vec<usize> = input.to_vec();
        for (axis, of) in axes.iter().enumerate() {
            if let Some((cut, len)) = of.and_then(|of| self.0[of].as_ref()) {
                view.source[axis] = SourceAxis::along(axis, cut.start, cut.only().map_or(1, |t| t.step));
                shape[axis] = *len;
            }
        }
        view.shape = shape.into_iter().collect();
        view
    }
}

/// Splits a view of a node; `inputs` gives what the cuts make of its inputs, if they can be made there.
pub(super) fn part_of(view: &View, node: &Node, inputs: impl FnOnce(&Cuts) -> Option<SmallVec<[View; 2]>>) -> Passing {
    if view.source.iter().any(|s| s.terms.len() > 1) {
        return Passing::Stop;
    }
    let cuts: Vec<(SourceAxis, SourceAxis, usize)> =
        view.source.iter().enumerate().map(|(a, s)| cut(view, s, a)).collect();
    let narrows = cuts.iter().zip(node.shape.iter()).any(|((.., len), whole)| len < whole);
    if !narrows || node.shape.is_empty_array() || view.shape.is_empty_array() {
        return Passing::Stop;
    }
    let kept_shape = cuts.iter().map(|(.., len)| *len).collect();
    let kept = View { shape: kept_shape, source: cuts.iter().map(|(inner, ..)| inner.clone()).collect() };
    let rest = View { shape: view.shape.clone(), source: cuts.iter().map(|(_, outer, _)| outer.clone()).collect() };
    let inputs = inputs(&Cuts(cuts.into_iter().map(|(inner, _, len)| Some((inner, len))).collect()));
    inputs.map_or(Passing::Stop, |inputs| Passing::Part(Box::new(Part { inputs, kept, rest })))
}

/// One source axis of a view as an ascending cut, what is left to do after it, and the length between.
fn cut(view: &View, s: &SourceAxis, axis: usize) -> (SourceAxis, SourceAxis, usize) {
    match s.only() {
        None => (SourceAxis::along(axis, s.start, 1), SourceAxis::fixed(0), 1),
        Some(along) => {
            let len = view.shape[along.axis];
            let last = s.start + along.step * (len as i64 - 1);
            let turned = if along.step < 0 { (len as i64 - 1, -1) } else { (0, 1) };
            let outer = SourceAxis::along(along.axis, turned.0, turned.1);
            (SourceAxis::along(axis, s.start.min(last), along.step.abs()), outer, len)
        }
    }
}

/// For each axis of both operands of a contraction, the axis of the result that it becomes.
pub(super) fn sides(left: usize, right: usize, batch: &AxisPairs, summed: &AxisPairs) -> [Axes; 2] {
    let mut next = batch.len();
    let mut side = |ndim: usize, of: fn(&(usize, usize)) -> usize| -> Axes {
        let axis = |a: usize| {
            let stack = batch.iter().position(|p| of(p) == a);
            let free = stack.is_none() && summed.iter().all(|p| of(p) != a);
            next += usize::from(free);
            stack.or_else(|| free.then(|| next - 1))
        };
        (0..ndim).map(axis).collect()
    };
    [side(left, |p| p.0), side(right, |p| p.1)]
}
