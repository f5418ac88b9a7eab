//! What a card has made of a reduction, task by task.

use cleave_ops::{Data, FoldLoop, copy_run};
use cleave_plan::FoldWork;
use cleave_plan::cut::fold_loop;

/// The state of one reduction for some kept elements: its columns.
type State = Vec<Data>;

/// For each goal the state of a task, by kept index, row-major: of the columns of all goals, one behind the other, the
/// part of that number. Columns are empty where there was nothing to reduce.
pub fn states(work: &FoldWork, (number, kept): (usize, usize), columns: &[Data]) -> Vec<State> {
    let (mut rest, mut states) = (columns, vec![]);
    for goal in &work.goals {
        let rule = fold_loop(goal.op, goal.loop_index);
        let (own, behind) = rest.split_at(rule.state.len());
        rest = behind;
        let is_empty = own.first().is_none_or(|column| column.is_empty());
        let part = |column: &Data| {
            let mut part = Data::zeros(column.dtype(), kept);
            copy_run(column.as_ref(), number * kept, 1, &mut part, 0, kept);
            part
        };
        states.push(if is_empty { nothing(rule, kept) } else { own.iter().map(part).collect() });
    }
    states
}

/// The state of no elements.
fn nothing(rule: &FoldLoop, kept: usize) -> State {
    let mut state: State = rule.state.iter().map(|&dtype| Data::with_capacity(dtype, 0)).collect();
    (rule.identity)(kept, &mut state);
    state
}
