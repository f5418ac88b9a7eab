//! What a card did of a run, and what threads did in its place.

use crate::device::Took;
use crate::emit::{Unfit, kernels};
use crate::error::GpuError;
use cleave_plan::Plan;
use std::collections::BTreeMap;
use std::fmt;

/// Why threads did tasks in place of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No kernel is written for the stage.
    Unfit(Unfit),
    /// A formula does not hold for some of the elements.
    Beyond,
    /// One task takes more than the device memory that is allowed.
    TooLarge,
    /// The device did not do it.
    Failed(GpuError),
}

/// What became of one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageNote {
    /// The stage, counted from 0.
    pub stage: usize,
    /// Its tasks.
    pub tasks: usize,
    /// How many the card did.
    pub done: usize,
    /// How many cards did some.
    pub devices: usize,
    /// Kernels started.
    pub launches: usize,
    /// Bytes copied to the device.
    pub bytes_up: u64,
    /// Bytes copied from there.
    pub bytes_down: u64,
    /// The stage's kernels.
    pub kernels: usize,
    /// Registers that a thread of them takes, at most.
    pub registers: u32,
    /// How long the card took.
    pub took: Took,
    /// Tasks that threads did, and why.
    pub left: Vec<(usize, Why)>,
}

/// Why stages of a plan will be left to threads: one entry a stage, `None` where kernels are written for it.
pub fn left_to_threads(plan: &Plan) -> Vec<Option<Unfit>> {
    plan.stages.iter().map(|stage| kernels(stage).err()).collect()
}

impl StageNote {
    /// One note for each stage, of those of all cards.
    pub(crate) fn joined(notes: impl Iterator<Item = StageNote>) -> Vec<StageNote> {
        let mut stages = BTreeMap::<usize, StageNote>::new();
        for note in notes {
            let whole = stages.entry(note.stage).or_insert_with(|| StageNote { stage: note.stage, ..Self::default() });
            whole.tasks += note.tasks;
            whole.done += note.done;
            whole.devices += note.devices;
            whole.launches += note.launches;
            whole.bytes_up += note.bytes_up;
            whole.bytes_down += note.bytes_down;
            whole.kernels = whole.kernels.max(note.kernels);
            whole.registers = whole.registers.max(note.registers);
            whole.took = whole.took.or_longer(&note.took);
            note.left.into_iter().for_each(|(tasks, why)| whole.leave(tasks, why));
        }
        stages.into_values().collect()
    }

    /// Threads do tasks.
    pub(crate) fn leave(&mut self, tasks: usize, why: Why) {
        match self.left.iter_mut().find(|(_, known)| *known == why) {
            Some((count, _)) => *count += tasks,
            None => self.left.push((tasks, why)),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Unfit(unfit) => write!(f, "no kernel does {unfit}"),
            Why::Beyond => f.write_str("values beyond what the kernel's formula holds for"),
            Why::TooLarge => f.write_str("a task takes more than the device memory that is allowed"),
            Why::Failed(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for StageNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, tasks, done, launches, devices, .. } = self;
        let place = if *devices > 1 { format!("{devices} cards") } else { "the card".to_owned() };
        write!(f, "stage {}: {done} of {tasks} tasks on {place}, launches {launches}", stage + 1)?;
        self.left.iter().try_for_each(|(count, why)| write!(f, "; {count} on threads: {why}"))
    }
}
