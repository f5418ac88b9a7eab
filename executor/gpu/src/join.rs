//! What a card has made of a reduction, part by part.

use crate::runs::Runs;
use cleave_ops::{Data, FoldLoop, Region, copy_run};
use cleave_plan::FoldWork;
use cleave_plan::cut::fold_loop;

/// The state of one reduction for some kept elements: its columns.
type State = Vec<Data>;

/// For each goal the state of a kept box, row-major: of the columns of all goals, one behind the other, each with the
/// kept indices of `whole` for one part of the reduced space after the other, that of part `number`. Columns are empty
/// where there was nothing to reduce.
pub fn states(work: &FoldWork, number: usize, (kept, whole): (&Region, &Region), columns: &[Data]) -> Vec<State> {
    let (runs, len, before) = (Runs::of(kept, whole), kept.size(), number * whole.size());
    let part = |column: &Data| {
        let mut part = Data::zeros(column.dtype(), len);
        for (run, place) in runs.places.iter().enumerate() {
            copy_run(column.as_ref(), before + place, 1, &mut part, run * runs.len, runs.len);
        }
        part
    };
    let (mut rest, mut states) = (columns, vec![]);
    for goal in &work.goals {
        let rule = fold_loop(goal.op, goal.loop_index);
        let (own, behind) = rest.split_at(rule.state.len());
        rest = behind;
        let is_empty = own.first().is_none_or(|column| column.is_empty());
        states.push(if is_empty { nothing(rule, len) } else { own.iter().map(part).collect() });
    }
    states
}

/// The state of no elements.
fn nothing(rule: &FoldLoop, kept: usize) -> State {
    let mut state: State = rule.state.iter().map(|&dtype| Data::with_capacity(dtype, 0)).collect();
    (rule.identity)(kept, &mut state);
    state
}
