//! Which steps of arithmetic one loop does: pairs that share work, and chains in which each step goes on with what the
//! one before gave.

use super::strand::{LONGEST_PIECE, is_strand};
use super::{is_arithmetic, register};
use cleave_ops::chain::{ChainStep, Link};
use cleave_ops::op::TwinLoop;
use cleave_ops::{Class, DType, Data};
use cleave_plan::{Action, Program, Slot};
use smallvec::SmallVec;

/// Longer chains are cut.
const MOST_STEPS: usize = 48;

/// What is done in one go; values are named by the steps that give them.
pub(super) enum Item {
    /// A step.
    One(usize),
    /// A step and the next one.
    Both(usize, TwinLoop),
    /// Several.
    Chain(Chain),
}

/// Steps that one loop does, the last of which writes down what it gives.
pub(super) struct Chain {
    pub(super) steps: Vec<ChainStep>,
    /// The values that operands are.
    pub(super) operands: Vec<usize>,
    pub(super) last: usize,
    /// A register that takes the place of the one that is written, which may be read until all is made.
    pub(super) spare: Data,
}

/// What a program reads and does, step by step.
#[derive(Default)]
pub(super) struct Weave {
    /// The values that each step reads.
    pub(super) inputs: Vec<SmallVec<[usize; 3]>>,
    pub(super) items: Vec<Item>,
}

impl Weave {
    /// The arithmetic of a program; what `wanted` values are is written down, and steps with loops in `twins` are done
    /// with the next.
    pub(super) fn new(program: &Program, twins: &[Option<TwinLoop>], deferred: &[usize], wanted: &[usize]) -> Self {
        let inputs = inputs(program);
        let mut uses = vec![0_usize; program.steps.len()];
        let is_run = |step: &usize| !deferred.contains(step);
        let read = (0..inputs.len()).filter(is_run).flat_map(|step| &inputs[step]);
        // What is wanted is read once more, and stands where it is read more than once.
        read.copied().chain(wanted.iter().flat_map(|&value| [value, value])).for_each(|value| uses[value] += 1);
        let mut weaver = Weaver { uses, items: Vec::new(), open: None };
        for number in (0..inputs.len()).filter(is_run) {
            if !is_arithmetic(&program.steps[number].action) || number > 0 && twins[number - 1].is_some() {
                continue;
            }
            weaver.take(program, number, &inputs[number], twins[number]);
        }
        weaver.close(program);
        Self { items: weaver.items, inputs }
    }

    /// Whether all is one loop.
    pub(super) fn is_one_loop(&self) -> bool {
        matches!(self.items[..], [Item::Chain(_)])
    }
}

/// The step that gives each input of each step.
fn inputs(program: &Program) -> Vec<SmallVec<[usize; 3]>> {
    let mut by: Vec<usize> = vec![0; program.slots.len()];
    let mut inputs = Vec::with_capacity(program.steps.len());
    for (number, step) in program.steps.iter().enumerate() {
        inputs.push(step.action.inputs().iter().map(|slot| by[slot.0 as usize]).collect());
        by[step.out.0 as usize] = number;
    }
    inputs
}

/// Whether a step goes on with what another one gives in the same loop.
pub(crate) fn ends_chain(program: &Program, step: usize) -> bool {
    let link = |step: usize| link_of(&program.steps[step].action);
    let inputs = &inputs(program)[step];
    is_strand(program)
        && link(step).is_some_and(|(_, dtype)| {
            inputs.iter().any(|&value| link(value).is_some_and(|(_, of_value)| of_value == dtype))
        })
}

/// What an action is as a step of a chain, and of which dtype.
fn link_of(action: &Action) -> Option<(Link, DType)> {
    let Action::Map { op, loop_index, .. } = action else { return None };
    let Class::Map(map) = &op.class else { return None };
    map.link_of(*loop_index)
}

/// The last step that writes a register, of those that are run.
pub(super) fn writer(program: &Program, slot: Slot, deferred: &[usize]) -> Option<usize> {
    program.steps.iter().enumerate().rposition(|(i, step)| step.out == slot && !deferred.contains(&i))
}

struct Weaver {
    /// How often each value is read.
    uses: Vec<usize>,
    items: Vec<Item>,
    open: Option<Open>,
}

/// A chain that may go on; operands are values.
struct Open {
    steps: Vec<ChainStep>,
    last: usize,
    /// A value that is put aside, and where in the steps that is.
    kept: Option<(usize, usize)>,
}

impl Weaver {
    /// Does a step with those before it, or after them.
    fn take(&mut self, program: &Program, number: usize, inputs: &[usize], twin: Option<TwinLoop>) {
        let link = link_of(&program.steps[number].action).filter(|_| twin.is_none());
        let Some((link, dtype)) = link else {
            self.close(program);
            return self.items.push(twin.map_or(Item::One(number), |twin| Item::Both(number, twin)));
        };
        let same = |open: &Open| program.slots[program.steps[open.last].out.0 as usize] == dtype;
        let goes_on = self.open.as_mut().filter(|open| same(open) && open.steps.len() < MOST_STEPS);
        if !goes_on.is_some_and(|open| open.go_on(number, link, inputs, &self.uses)) {
            self.close(program);
            self.open = Some(Open { steps: begin(link, inputs).to_vec(), last: number, kept: None });
        }
    }

    /// Ends the chain at hand.
    fn close(&mut self, program: &Program) {
        let Some(Open { mut steps, last, kept }) = self.open.take() else { return };
        if let Some((value, at)) = kept {
            let rest = steps.split_off(at + 1);
            steps.pop();
            self.items.push(item(program, &steps, value));
            steps = rest;
        }
        self.items.push(item(program, &steps, last));
    }
}

/// The first steps of a chain.
fn begin(link: Link, inputs: &[usize]) -> SmallVec<[ChainStep; 2]> {
    let load = ChainStep::Load(inputs[0]);
    let first = inputs.get(1).map_or(ChainStep::Alone(link), |&second| ChainStep::Then(link, second));
    SmallVec::from_buf([load, first])
}

impl Open {
    /// Adds a step, if it goes on with the value at hand, or begins one while that is put aside.
    fn go_on(&mut self, number: usize, link: Link, inputs: &[usize], uses: &[usize]) -> bool {
        if uses[self.last] != 1 {
            return false;
        }
        let kept = self.kept.map(|(value, _)| value);
        match *inputs {
            [value] if value == self.last => self.steps.push(ChainStep::Alone(link)),
            [value, other] if value == self.last && Some(other) == kept => self.steps.push(ChainStep::ThenKept(link)),
            [other, value] if value == self.last && Some(other) == kept => self.steps.push(ChainStep::AfterKept(link)),
            [value, other] if value == self.last => self.steps.push(ChainStep::Then(link, other)),
            [other, value] if value == self.last => self.steps.push(ChainStep::After(link, other)),
            _ if kept.is_some() => return false,
            _ => {
                self.kept = Some((self.last, self.steps.len()));
                self.steps.push(ChainStep::Keep);
                self.steps.extend(begin(link, inputs));
            }
        }
        if let Some(ChainStep::ThenKept(_) | ChainStep::AfterKept(_)) = self.steps.last() {
            self.kept = None;
        }
        self.last = number;
        true
    }
}

/// What does those steps, the values that they read becoming operands.
fn item(program: &Program, steps: &[ChainStep], last: usize) -> Item {
    if steps.len() == 2 {
        return Item::One(last);
    }
    let mut operands = Vec::new();
    let mut number = |value: usize| {
        operands.iter().position(|&known| known == value).unwrap_or_else(|| {
            operands.push(value);
            operands.len() - 1
        })
    };
    let renamed = |step: &ChainStep| match *step {
        ChainStep::Load(value) => ChainStep::Load(number(value)),
        ChainStep::Then(link, value) => ChainStep::Then(link, number(value)),
        ChainStep::After(link, value) => ChainStep::After(link, number(value)),
        ChainStep::Keep | ChainStep::Alone(_) | ChainStep::ThenKept(_) | ChainStep::AfterKept(_) => *step,
    };
    let steps = steps.iter().map(renamed).collect();
    let dtype = program.slots[program.steps[last].out.0 as usize];
    Item::Chain(Chain { steps, operands, last, spare: register(dtype, LONGEST_PIECE) })
}
