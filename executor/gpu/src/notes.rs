//! What a card did of a run, and what threads did in its place.

use crate::detect::cublas;
use crate::device::Took;
use crate::emit::{Unfit, kernels, lane};
use crate::error::GpuError;
use cleave_ops::DType;
use cleave_plan::{Plan, Stage, Work};
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

/// What multiplied matrices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Products {
    /// cuBLAS, which adds in an order of its own.
    Library,
    /// Kernels of ours, although cuBLAS was asked for.
    Own(NoLibrary),
}

/// Why cuBLAS does not multiply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLibrary {
    /// There is none.
    NotFound,
    /// What was loaded as it lacks a call.
    MissingCall(&'static str),
    /// It multiplies floats only.
    Integers,
    /// A call failed.
    Failed {
        /// The call.
        call: &'static str,
        /// The library's number for the failure.
        status: u32,
    },
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
    /// What multiplied, where cuBLAS was asked for.
    pub products: Vec<Products>,
    /// Tasks that threads did, and why.
    pub left: Vec<(usize, Why)>,
}

/// For each stage of a plan how many kernels are written for it, or why it will be left to threads.
pub fn kernel_counts(plan: &Plan) -> Vec<Result<usize, Unfit>> {
    plan.stages.iter().map(|stage| kernels(stage).map(|kernels| kernels.all().len())).collect()
}

/// What multiplies in each stage of a plan where cuBLAS is asked for; `None` where nothing does.
pub fn products(plan: &Plan) -> Vec<Option<Products>> {
    let by = |stage: &Stage| match &stage.work {
        Work::Contract(work) => Some(match lane(work.dtype) {
            DType::F32 | DType::F64 if cublas::find().is_some() => Products::Library,
            DType::F32 | DType::F64 => Products::Own(NoLibrary::NotFound),
            _ => Products::Own(NoLibrary::Integers),
        }),
        Work::Store(_) | Work::Fold(_) | Work::Joint(_) => None,
    };
    plan.stages.iter().map(by).collect()
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
            note.products.into_iter().for_each(|by| whole.multiplied(by));
            note.left.into_iter().for_each(|(tasks, why)| whole.leave(tasks, why));
        }
        stages.into_values().collect()
    }

    /// Something multiplied.
    pub(crate) fn multiplied(&mut self, by: Products) {
        if !self.products.contains(&by) {
            self.products.push(by);
        }
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

impl fmt::Display for Products {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Products::Library => f.write_str("products by cuBLAS, whose bits may differ from those of threads"),
            Products::Own(why) => write!(f, "products by kernels of Cleave, because {why}"),
        }
    }
}

impl fmt::Display for NoLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoLibrary::NotFound => f.write_str("no library libcublas.so is found"),
            NoLibrary::MissingCall(call) => write!(f, "what is loaded as cuBLAS has no call {call}"),
            NoLibrary::Integers => f.write_str("cuBLAS multiplies floats only"),
            NoLibrary::Failed { call, status } => write!(f, "cuBLAS's call {call} ended with status {status}"),
        }
    }
}

impl fmt::Display for StageNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, tasks, done, launches, devices, .. } = self;
        let place = if *devices > 1 { format!("{devices} cards") } else { "the card".to_owned() };
        write!(f, "stage {}: {done} of {tasks} tasks on {place}, launches {launches}", stage + 1)?;
        self.products.iter().try_for_each(|by| write!(f, "; {by}"))?;
        self.left.iter().try_for_each(|(count, why)| write!(f, "; {count} on threads: {why}"))
    }
}
