//! A stage as the text of kernels, with what must be known to launch them.
//!
//! In reading order: `unfit` (why a stage stays on the processor), `recipe` (a stage's program as one tape), `text` (lines
//! and registers), `access` (parameters, addresses, memory), `steps`, `integers` and `conversions` (a tape's steps as
//! instructions), `kernel` (what is emitted), `store` (elements that are kept), `scan` (running values), `made` (what is
//! made before a kernel), `cell` (a node of a reduction's tree, what both layouts share), `element` (a cell's elements),
//! `tile` (random numbers that wait), `rows` and `columns` (the two layouts), `join` (nodes joined on the card), `form`, `slice` and
//! `multiply` (products of packed panels), `product` (all kernels of a product of matrices).
//!
//! PTX 7.0 for `sm_75`: every driver since 2020 compiles it. Floats are rounded to nearest in every instruction, nothing is
//! contracted, and nans are the only results whose bits may differ from those of the processor.

mod access;
mod cell;
mod columns;
mod conversions;
mod element;
mod form;
mod integers;
mod join;
mod kernel;
mod made;
mod multiply;
mod product;
mod recipe;
mod rows;
mod scan;
mod slice;
mod steps;
mod store;
mod text;
mod tile;
mod unfit;

pub use join::{Join, JoinKernels, Segment};
pub use kernel::{FoldKernel, Grid, Kernel, Nodes, Param, Placed, StoreKernel, needs};
pub(crate) use product::lane;
pub use product::{Factors, ProductKernel, ProductKernels, Turn};
pub use recipe::{Load, Seen};
pub use unfit::Unfit;

use cell::Elements;
use cleave_ops::Region;
use cleave_plan::{Program, Slot, Stage, StoreWork, Work};
use made::Made;
use recipe::Recipe;
use std::ops::Range;
use std::sync::Arc;

/// What more tasks visit is not looked at one by one.
const MOST_TASKS: usize = 1 << 16;

/// The kernels of a stage.
#[derive(Clone, Debug)]
pub enum Kernels {
    /// One that makes any box of the space.
    Store(StoreKernel),
    /// One for each of the stage's reductions.
    Folds(Vec<FoldKernel>),
    /// Those of a product of matrices.
    Product(Box<ProductKernels>),
}

impl Kernels {
    /// All of them, without what is made before.
    pub fn all(&self) -> Vec<&Kernel> {
        match self {
            Kernels::Store(store) => vec![&store.kernel],
            Kernels::Folds(folds) => folds.iter().flat_map(FoldKernel::all).collect(),
            Kernels::Product(product) => product.all(),
        }
    }

    /// The same, each with what it reads for of the space that it sees, for some of the stage's tasks.
    pub fn of_tasks(&self, stage: &Stage, tasks: &Range<usize>) -> Vec<(&Kernel, Region)> {
        let hull = || hull(stage, tasks);
        match (self, &stage.work) {
            (Kernels::Store(store), _) => vec![(&store.kernel, store.reads(&hull()))],
            (Kernels::Folds(_), _) => self.all().into_iter().map(|kernel| (kernel, hull())).collect(),
            (Kernels::Product(product), Work::Contract(work)) => {
                let operands = [&work.left, &work.right].map(|operand| Region::whole(&operand.program.space));
                let spaces = operands.into_iter().chain(std::iter::repeat_with(hull));
                product.all().into_iter().zip(spaces).collect()
            }
            (Kernels::Product(_), _) => vec![],
        }
    }
}

/// A box that holds all that tasks visit: the least, where they are few.
fn hull(stage: &Stage, tasks: &Range<usize>) -> Region {
    let is_all = tasks.len() == stage.tasks || tasks.len() > MOST_TASKS;
    let least = || tasks.clone().map(|task| stage.task_region(task)).reduce(|a, b| a.hull(&b));
    let found = if is_all { None } else { least() };
    found.unwrap_or_else(|| Region::whole(&stage.space))
}

/// Writes a stage's kernels.
pub fn kernels(stage: &Stage) -> Result<Kernels, Unfit> {
    if stage.space.is_empty_array() {
        return Err(Unfit::Empty);
    }
    match &stage.work {
        Work::Store(work) => kept(&stage.program, work),
        Work::Fold(work) if work.halves().is_some() => Err(Unfit::Halves),
        Work::Fold(_) | Work::Joint(_) => reduced(stage),
        Work::Contract(work) => product::kernels(stage, work).map(|all| Kernels::Product(Box::new(all))),
    }
}

fn kept(program: &Program, work: &StoreWork) -> Result<Kernels, Unfit> {
    let slots: Vec<Slot> = work.goals.iter().map(|goal| goal.slot).collect();
    let here = made::made_here(program);
    let made = Made::of(program, here)?;
    let mut kernel = match here {
        Some(local) => scan::kernel(local, &program.locals, &made.places, Some((program, &slots)))?,
        None => {
            let recipe = Recipe::of(program, &program.locals, &made.places, None)?;
            store::kernel(recipe, &slots, program.space.ndim())?
        }
    };
    kernel.kernel.made = made.kernels.into();
    Ok(Kernels::Store(kernel))
}

fn reduced(stage: &Stage) -> Result<Kernels, Unfit> {
    let (program, folds) = (&stage.program, stage.work.folds());
    let mut made = Made::of(program, None)?;
    let shared = if folds.len() > 1 { made.shared(program, folds)? } else { None };
    let elements = shared.as_ref().map_or(Elements::Of(program, &made.places), |made| Elements::Made(program, made));
    let mut kernels = folds.iter().map(|work| cell::kernel(elements, work)).collect::<Result<Vec<_>, _>>()?;
    let all: Arc<[StoreKernel]> = made.kernels.into();
    kernels.iter_mut().for_each(|fold| fold.kernel.made = Arc::clone(&all));
    Ok(Kernels::Folds(kernels))
}
