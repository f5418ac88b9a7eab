//! A share while threads work on it: each takes tasks until there are none.

use crate::ahead::Ahead;
use crate::contract::{Hand, Multiplier, finish, then};
use crate::joint::Folders;
use crate::ledger::Claim;
use crate::machine::{Inputs, Machine};
use crate::pass::Pass;
use crate::reducer::{Reducer, leaf};
use crate::share::Share;
use crate::store;
use crate::turns::Turns;
use crate::watch::Watch;
use cleave_ops::{Data, Region};
use cleave_plan::{ContractWork, RunError, Stage, Work};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A share while it runs, seen by all threads that work on it.
pub(crate) struct Shift<'a> {
    pub(crate) share: &'a Share,
    pub(crate) pass: &'a Pass<'a>,
    pub(crate) stage: &'a Stage,
    pub(crate) inputs: Inputs<'a>,
    pub(crate) at_work: AtomicUsize,
    pub(crate) turns: Turns<'a>,
    pub(crate) ahead: Option<Ahead<'a>>,
    pub(crate) failed: AtomicBool,
    /// Guards the first error.
    pub(crate) error: Mutex<Option<RunError>>,
}

impl Shift<'_> {
    /// Takes tasks until there are none; a panic ends the share as an error.
    pub(crate) fn work(&self) {
        let thread = self.at_work.fetch_add(1, Ordering::Relaxed);
        if thread >= self.share.workers.max(1) {
            return;
        }
        let task = Cell::new(0);
        let done = catch_unwind(AssertUnwindSafe(|| self.tasks(thread, &task)));
        let error = match done {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panic) => RunError::Bug { stage: self.share.stage, task: task.get(), message: message(panic.as_ref()) },
        };
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.failed.swap(true, Ordering::Relaxed) {
            *first = Some(error);
        }
    }

    fn tasks(&self, thread: usize, current: &Cell<usize>) -> Result<(), RunError> {
        let watch = Watch::new(self.pass.cancel, &self.failed, self.pass.meter);
        let mut machine = Machine::new(&self.stage.program, &self.inputs)?;
        let (mut reducer, mut folders) = (None, None);
        let (mut blocks, _claim) = (Vec::new(), self.blocks_claim());
        let mut multiplier = None;
        while let Some(task) = self.turns.take(thread) {
            current.set(task);
            watch.visit(0)?;
            let timer = self.pass.clock.start();
            if let Some(ahead) = &self.ahead {
                ahead.read(task, self.turns.later(thread))?;
            }
            match &self.stage.work {
                Work::Fold(work) => {
                    let reducer = reducer.get_or_insert_with(|| Reducer::new(work, &mut machine));
                    let task = (task, &self.share.tasks);
                    for (node, partial) in reducer.task(task, &mut machine, &watch, self.inputs.ledger)? {
                        self.pass.joiner.states(0, node, partial, self.pass.out)?;
                    }
                }
                Work::Joint(work) => {
                    let folders = folders.get_or_insert_with(|| Folders::new(work, &machine, self.inputs.ledger));
                    let partials = folders.task(task, &mut machine, &watch, self.inputs.ledger)?;
                    for (number, (fold, partial)) in work.folds.iter().zip(partials).enumerate() {
                        let node = leaf(fold, work.fold_task(fold, task));
                        self.pass.joiner.states(number, node, partial, self.pass.out)?;
                    }
                }
                Work::Store(work) => {
                    let region = store::task(work, task, &mut machine, &watch, &mut blocks)?;
                    for (goal, block) in blocks.iter_mut().enumerate() {
                        self.pass.out.block(goal, task, &region, block)?;
                    }
                }
                Work::Contract(work) => {
                    let multiplier = match &mut multiplier {
                        Some(multiplier) => multiplier,
                        none => none.insert(Multiplier::new(work, &self.inputs)?),
                    };
                    self.contract(work, (multiplier, &mut machine), task, &watch)?;
                }
            }
            self.pass.clock.stop(timer, self.thread(thread), &self.stage.task_region(task));
        }
        watch.flush();
        Ok(())
    }

    /// The number of this thread in its pool, or among those at work.
    fn thread(&self, at_work: usize) -> usize {
        rayon::current_thread_index().unwrap_or(at_work)
    }

    /// Counts the blocks a thread fills again and again.
    fn blocks_claim(&self) -> Option<Claim> {
        match &self.stage.work {
            Work::Fold(_) | Work::Joint(_) | Work::Contract(_) => None,
            Work::Store(work) => Some(self.inputs.ledger.claim(store::most_bytes(work))),
        }
    }

    fn contract(
        &self,
        work: &ContractWork,
        (multiplier, machine): (&mut Multiplier<'_>, &mut Machine<'_>),
        task: usize,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let ledger = self.inputs.ledger;
        let goes_on = !machine.program().steps.is_empty();
        let mut give = |region: &Region, mut block: Data| match goes_on {
            true => self.go_on(work, machine, region, block, watch),
            false => self.pass.out.block(0, self.pass.joiner.number(region), region, &mut block),
        };
        match multiplier.task(task, watch, Hand { give: &mut give, ledger })? {
            Some(sums) if goes_on => {
                let whole = finish(work, sums, ledger);
                self.go_on(work, machine, &work.region(task), whole.data, watch)
            }
            Some(sums) => {
                self.pass.joiner.sums(work, (task / work.segments, task % work.segments), sums, self.pass.out)
            }
            None => Ok(()),
        }
    }

    /// Computes what a finished part of a product is wanted for.
    fn go_on(
        &self,
        work: &ContractWork,
        machine: &mut Machine<'_>,
        region: &Region,
        product: Data,
        watch: &Watch<'_>,
    ) -> Result<(), RunError> {
        let ledger = self.inputs.ledger;
        let _claim = ledger.claim(work.goals.iter().map(|g| (region.size() * g.dtype.size()) as u64).sum());
        let blocks = then(work, machine, region, product, (watch, ledger))?;
        let number = self.pass.joiner.number(region);
        blocks
            .into_iter()
            .enumerate()
            .try_for_each(|(goal, mut block)| self.pass.out.block(goal, number, region, &mut block))
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".to_owned())
}
