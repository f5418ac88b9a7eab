//! Nodes of a reduction's tree that a card has made, joined in the order of the plan.

use crate::emit::{FoldKernel, Nodes};
use cleave_ops::op::Layout;
use cleave_ops::{Data, FoldLoop, copy_run};
use cleave_plan::FoldWork;
use cleave_plan::cut::fold_loop;
use std::ops::Range;

/// The state of one reduction for some kept elements: its columns.
type State = Vec<Data>;

/// For each goal the state of some superboxes of those that a launch went through, by kept index, row-major; from the
/// columns of all goals, one behind the other, as the kernel wrote them. A whole kept box over a whole span gives what a
/// task gives.
pub fn joined(
    kernel: &FoldKernel,
    work: &FoldWork,
    (nodes, superboxes): (&Nodes, Range<usize>),
    columns: &[Data],
) -> Vec<State> {
    let (mut rest, mut states) = (columns, vec![]);
    for goal in &work.goals {
        let rule = fold_loop(goal.op, goal.loop_index);
        let (own, behind) = rest.split_at(rule.state.len());
        rest = behind;
        let superbox = |number: usize| {
            let groups = 0..kernel.groups_of(number, nodes.run);
            root(rule, groups.map(|group| leaf(kernel, nodes, own, (number, group))))
        };
        let whole = root(rule, superboxes.clone().filter_map(superbox));
        states.push(whole.unwrap_or_else(|| nothing(rule, nodes.kept.size())));
    }
    states
}

/// The state of no elements.
fn nothing(rule: &FoldLoop, kept: usize) -> State {
    let mut state: State = rule.state.iter().map(|&dtype| Data::with_capacity(dtype, 0)).collect();
    (rule.identity)(kept, &mut state);
    state
}

/// The states of one node for all kept elements.
fn leaf(kernel: &FoldKernel, nodes: &Nodes, columns: &[Data], (superbox, group): (usize, usize)) -> State {
    let kept = nodes.kept.size();
    let first = kernel.place(nodes, 0, superbox, group);
    let apart = match kernel.layout {
        Layout::Rows => nodes.superboxes.len() * kernel.groups(nodes.run),
        Layout::Columns => 1,
    };
    let column = |all: &Data| {
        let mut column = Data::zeros(all.dtype(), kept);
        copy_run(all.as_ref(), first, apart as isize, &mut column, 0, kept);
        column
    };
    columns.iter().map(column).collect()
}

/// The root of a binary segment tree over leaves in their order; a right child that is missing changes nothing.
fn root(rule: &FoldLoop, leaves: impl Iterator<Item = State>) -> Option<State> {
    let mut open: Vec<(u32, State)> = vec![];
    for leaf in leaves {
        let (mut level, mut right) = (0, leaf);
        while let Some((_, mut left)) = open.pop_if(|(known, _)| *known == level) {
            (rule.combine)(&mut left, &right);
            (level, right) = (level + 1, left);
        }
        open.push((level, right));
    }
    open.into_iter().map(|(_, state)| state).rev().reduce(|right, mut left| {
        (rule.combine)(&mut left, &right);
        left
    })
}
