//! What is made before a stage's kernels: running values, and values that many read, each as often as that is cheaper
//! than reading it from memory.

use super::kernel::StoreKernel;
use super::recipe::Recipe;
use super::unfit::Unfit;
use super::{scan, store};
use cleave_ops::View;
use cleave_ops::view::SourceAxis;
use cleave_plan::cut::fold_loop;
use cleave_plan::program::{Local, Making};
use cleave_plan::{Action, FoldWork, Origin, Program, Slot, Step};
use std::collections::HashMap;

/// A processor does so many steps in the time in which memory gives and takes an element.
const WAY_STEPS: f64 = 128.0;

/// Where a local of a program is found that is not made anew for each reader.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// It is made before, under that number.
    Made(u32),
    /// The kernel itself makes it, and reads it where it is made.
    Here,
}

/// The places of a stage's locals, which are told apart by where they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(HashMap<*const Local, Place>);

impl Places {
    /// Where one is.
    pub(super) fn of(&self, local: &Local) -> Option<Place> {
        self.0.get(&std::ptr::from_ref(local)).copied()
    }

    /// The same with one that the kernel itself makes.
    pub(super) fn with_one_here(&self, local: &Local) -> Self {
        let mut places = self.clone();
        places.0.insert(std::ptr::from_ref(local), Place::Here);
        places
    }
}

/// What is made before.
#[derive(Default)]
pub(super) struct Made {
    pub(super) places: Places,
    pub(super) kernels: Vec<StoreKernel>,
}

impl Made {
    /// For a stage's program, except for one local that the stage's kernel makes itself.
    pub(super) fn of(program: &Program, here: Option<&Local>) -> Result<Self, Unfit> {
        let mut made = Self::default();
        made.program(program, here)?;
        Ok(made)
    }

    fn program(&mut self, program: &Program, here: Option<&Local>) -> Result<(), Unfit> {
        for (number, local) in program.locals.iter().enumerate() {
            self.patches(&local.program)?;
            let times = times_read(program, number);
            if times > 0.0 && here.is_none_or(|here| !std::ptr::eq(here, local)) {
                self.local(local, &program.locals, times)?;
            }
        }
        self.patches(program)
    }

    fn patches(&mut self, program: &Program) -> Result<(), Unfit> {
        let patches = program.patches().filter(|(patch, _)| !patch.space.is_empty_array());
        patches.into_iter().try_for_each(|(patch, _)| self.program(patch, None))
    }

    /// Makes one before, if it is to be.
    fn local(&mut self, local: &Local, locals: &[Local], times: f64) -> Result<(), Unfit> {
        let (program, result) = (&local.program, local.program.results[0]);
        let kernel = match local.making {
            _ if local.is_carried() => return Err(Unfit::Running),
            Making::Scan { .. } => scan::kernel(local, locals, &self.places, None)?,
            Making::Plain => {
                let recipe = Recipe::of(program, locals, &self.places, None)?;
                let steps = steps(&recipe, [result])?;
                let elements = times.min(program.space.size() as f64);
                if steps * times <= (steps + WAY_STEPS) * elements {
                    return Ok(());
                }
                store::kernel(recipe, &[result], program.space.ndim())?
            }
        };
        let number = self.push(kernel);
        self.places.0.insert(std::ptr::from_ref(local), Place::Made(number));
        Ok(())
    }

    /// What several reductions of a program read, if making it once and reading it is cheaper than making it for each.
    pub(super) fn shared(&mut self, program: &Program, folds: &[FoldWork]) -> Result<Option<Vec<(Slot, u32)>>, Unfit> {
        let recipe = Recipe::of(program, &program.locals, &self.places, None)?;
        let mut slots: Vec<Slot> = folds.iter().flat_map(|fold| fold.goals.iter().map(|goal| goal.slot)).collect();
        slots.sort_unstable();
        slots.dedup();
        let (mut apart, mut once) = (0.0, 0.0);
        for fold in folds {
            apart += steps(&recipe, fold.goals.iter().map(|goal| goal.slot))? * passes(fold);
        }
        for &slot in &slots {
            once += steps(&recipe, [slot])? + WAY_STEPS;
        }
        if apart <= once {
            return Ok(None);
        }
        let mut made = vec![];
        for slot in slots {
            let recipe = Recipe::of(program, &program.locals, &self.places, None)?;
            let kernel = store::kernel(recipe, &[slot], program.space.ndim())?;
            made.push((slot, self.push(kernel)));
        }
        Ok(Some(made))
    }

    fn push(&mut self, kernel: StoreKernel) -> u32 {
        self.kernels.push(kernel);
        self.kernels.len() as u32 - 1
    }
}

/// How often a reduction goes through its elements.
fn passes(fold: &FoldWork) -> f64 {
    let passes = fold.goals.iter().filter_map(|goal| Some(fold_loop(goal.op, goal.loop_index).trace?.passes.len()));
    passes.max().unwrap_or(1) as f64
}

fn steps(recipe: &Recipe, slots: impl IntoIterator<Item = Slot>) -> Result<f64, Unfit> {
    let vars = slots.into_iter().map(|slot| recipe.slot(slot)).collect::<Result<Vec<_>, _>>()?;
    Ok(recipe.needed(vars).iter().filter(|needed| **needed).count() as f64)
}

/// Whether a step reads a local, and how it sees it.
fn view_of(step: &Step, number: usize) -> Option<&View> {
    match &step.action {
        Action::Load { origin: Origin::Local(read), view, .. } if *read as usize == number => Some(view),
        _ => None,
    }
}

/// How many elements are made of what reads a local, reader by reader.
fn times_read(program: &Program, number: usize) -> f64 {
    let readers = program.locals.iter().map(|local| &local.program).chain([program]);
    let times = |reader: &Program| {
        reader.steps.iter().filter(|step| view_of(step, number).is_some()).count() as f64 * reader.space.size() as f64
    };
    readers.map(times).sum()
}

/// Running values that the program's steps read element by element, and nothing else reads, if there are such.
pub(super) fn made_here(program: &Program) -> Option<&Local> {
    let is_one = |(number, local): &(usize, &Local)| {
        let others = program.locals.iter().flat_map(|local| &local.program.steps);
        let same = |view: &View| is_identity(view, program) && local.program.space == program.space;
        matches!(local.making, Making::Scan { .. })
            && !local.is_carried()
            && others.into_iter().all(|step| view_of(step, *number).is_none())
            && program.steps.iter().filter_map(|step| view_of(step, *number)).all(same)
    };
    program.locals.iter().enumerate().rfind(is_one).map(|(_, local)| local)
}

/// An index that never changes may be written as a fixed one.
fn is_identity(view: &View, program: &Program) -> bool {
    let space = &program.space;
    let same = |(axis, source): (usize, &SourceAxis)| {
        let is_fixed = space[axis] == 1 && source.is_fixed() && source.start == 0;
        is_fixed || *source == SourceAxis::whole(axis)
    };
    view.shape == *space && view.source.len() == space.ndim() && view.source.iter().enumerate().all(same)
}
