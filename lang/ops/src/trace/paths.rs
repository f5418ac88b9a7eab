//! A formula that asks whether something holds is run once for each answer; the results are picked from.

use super::tape::{Tape, Var};
use super::{Trace, number::Number};
use crate::dtype::DType;
use crate::scalar::Scalar;
use std::cell::RefCell;

/// A formula that asks more often than this on one path goes on until something in its operands ends it.
const MOST_QUESTIONS: usize = 24;
/// The most paths through a formula.
const MOST_PATHS: usize = 512;

thread_local! {
    static NOW: RefCell<Option<Writing>> = const { RefCell::new(None) };
}

/// A formula while it is written down.
struct Writing {
    tape: Tape,
    /// What was asked on this path and how it was answered.
    asked: Vec<(Var, bool)>,
    /// How the first questions are to be answered.
    answers: Vec<bool>,
    paths: usize,
    /// The dtype of constants beside which there is no number.
    dtype: DType,
    /// Whether something was asked for that has no steps.
    failed: bool,
}

/// What a formula gives: a number, or whether something holds.
pub(crate) trait Answer {
    /// It as a number.
    fn var(self) -> Var;
}

impl Answer for bool {
    fn var(self) -> Var {
        on_tape(|tape| tape.constant(DType::Bool, Scalar::Bool(self)))
    }
}

impl Answer for Number {
    fn var(self) -> Var {
        self.on_tape(usual_dtype())
    }
}

/// Does something with the tape that is being written.
pub(super) fn on_tape<R>(work: impl FnOnce(&mut Tape) -> R) -> R {
    NOW.with_borrow_mut(|now| work(&mut now.as_mut().expect("numbers are made while a formula is written").tape))
}

fn with<R>(work: impl FnOnce(&mut Writing) -> R) -> R {
    NOW.with_borrow_mut(|now| work(now.as_mut().expect("numbers are made while a formula is written")))
}

/// The dtype of constants beside which there is no number.
pub(super) fn usual_dtype() -> DType {
    with(|now| now.dtype)
}

/// The formula cannot be written down.
pub(super) fn give_up() {
    with(|now| now.failed = true);
}

/// Whether a bool is true, on this path; `first` is tried first, and has to be what ends a loop.
pub(super) fn ask(mask: Var, first: bool) -> bool {
    with(|now| {
        if let Some(known) = now.tape.known(mask) {
            return known.to_f64() != 0.0;
        }
        if let Some((_, answer)) = now.asked.iter().find(|(asked, _)| *asked == mask) {
            return *answer;
        }
        now.failed |= now.asked.len() >= MOST_QUESTIONS;
        let answer = now.answers.get(now.asked.len()).copied().unwrap_or(first);
        now.asked.push((mask, answer));
        answer
    })
}

/// What a formula gives of operands, all its paths in one; `None` where it has too many or cannot be written down.
pub(super) fn explored(tape: &mut Tape, formula: Trace, operands: &[Var]) -> Option<Var> {
    // The last operand is never a condition.
    let dtype = operands.last().map_or(DType::F64, |&x| tape.dtype(x));
    let writing =
        Writing { tape: std::mem::take(tape), asked: vec![], answers: vec![], paths: 0, dtype, failed: false };
    let outer = NOW.replace(Some(writing));
    let result = branch(formula, operands, Vec::new());
    let writing = NOW.replace(outer).expect("it was put there");
    *tape = writing.tape;
    result
}

/// The result where the first questions are answered so.
fn branch(formula: Trace, operands: &[Var], answers: Vec<bool>) -> Option<Var> {
    let first = answers.len();
    with(|now| {
        now.answers = answers;
        now.asked.clear();
        now.paths += 1;
    });
    let no_more = formula(operands);
    let (asked, failed) = with(|now| (std::mem::take(&mut now.asked), now.failed || now.paths > MOST_PATHS));
    if failed {
        return None;
    }
    // From the last question on: where it is answered the other way, what follows is another path.
    (first..asked.len()).rev().try_fold(no_more, |so, place| {
        let (mask, answer) = asked[place];
        let before = asked[..place].iter().map(|(_, answer)| *answer);
        let otherwise = branch(formula, operands, before.chain([!answer]).collect())?;
        let (yes, no) = if answer { (so, otherwise) } else { (otherwise, so) };
        Some(on_tape(|tape| tape.pick(mask, yes, no)))
    })
}
