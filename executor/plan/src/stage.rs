//! A stage: one fused loop nest over a space, cut into tasks that are only numbers.

use crate::contract::ContractWork;
use crate::cut::fold_loop;
use crate::joint::JointWork;
use crate::lattice::Lattice;
use crate::mirror::Mirror;
use crate::program::{Action, Program, Slot};
use cleave_ops::op::FoldFacts;
use cleave_ops::{Chunks, Class, DType, Op, Region, Shape};
use smallvec::SmallVec;

/// A result that later stages read: its place in the plan's list of buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

/// One pass over a space. Tasks may run in any order and at once.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The indices it visits.
    pub space: Shape,
    /// What it does to each tile.
    pub program: Program,
    /// What becomes of the tiles.
    pub work: Work,
    /// How many tasks it is cut into.
    pub tasks: usize,
    /// Arithmetic an element, in additions.
    pub weight: f64,
}

/// What becomes of a stage's tiles.
#[derive(Clone, Debug)]
pub enum Work {
    /// They are reduced.
    Fold(FoldWork),
    /// They are reduced over different axes.
    Joint(JointWork),
    /// They are kept.
    Store(StoreWork),
    /// They are made by multiplying two others.
    Contract(ContractWork),
}

/// Reductions over the same axes of one space. Task `t` takes span `t % spans` of kept box `t / spans`.
#[derive(Clone, Debug)]
pub struct FoldWork {
    /// The order in which elements are combined.
    pub lattice: Lattice,
    /// How the kept axes are cut.
    pub boxes: Chunks,
    /// Lengths of a tile on the kept axes.
    pub kept_tile: Shape,
    /// Superboxes a task takes, a power of two, unless it takes cells of two halves.
    pub span: usize,
    /// Tasks for each kept box.
    pub spans: usize,
    /// Superboxes on each reduced axis of the strips that are done one after the other; `None` where all are done
    /// in row-major order.
    pub strips: Option<Shape>,
    /// How places that lie opposite each other are done together, where they read the same.
    pub mirror: Option<Mirror>,
    /// What is computed.
    pub goals: Vec<FoldGoal>,
}

/// One reduction.
#[derive(Clone, Debug)]
pub struct FoldGoal {
    /// The register it reads.
    pub slot: Slot,
    /// The operation, for its loops.
    pub op: &'static Op,
    /// Which of them.
    pub loop_index: usize,
    /// What `finish` must know.
    pub facts: FoldFacts,
    /// The dtype of the result.
    pub dtype: DType,
    /// Where the result goes.
    pub target: Target,
}

/// Tiles copied into blocks. Task `t` makes block `t`, row-major, of `boxes`.
#[derive(Clone, Debug)]
pub struct StoreWork {
    /// How the space is cut.
    pub boxes: Chunks,
    /// The axis along which some source lies in memory, where that is not the last.
    pub across: Option<usize>,
    /// What is kept.
    pub goals: Vec<StoreGoal>,
}

/// One array that is kept.
#[derive(Clone, Debug)]
pub struct StoreGoal {
    /// The register that holds its tiles.
    pub slot: Slot,
    /// Its dtype.
    pub dtype: DType,
    /// Where it goes.
    pub target: Target,
}

/// Where a finished block goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The buffer that later stages read.
    pub buffer: Option<BufferId>,
    /// The plan's outputs, by number.
    pub outputs: SmallVec<[usize; 1]>,
}

impl Stage {
    /// The number of elements visited.
    pub fn elements(&self) -> u64 {
        self.space.size() as u64
    }

    /// Everything it computes with.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        let operands = match &self.work {
            Work::Contract(work) => [Some(&work.left.program), Some(&work.right.program)],
            Work::Fold(_) | Work::Joint(_) | Work::Store(_) => [None, None],
        };
        std::iter::once(&self.program).chain(operands.into_iter().flatten())
    }

    /// The part of the space a task visits, as a bounding box.
    pub fn task_region(&self, task: usize) -> Region {
        match &self.work {
            Work::Store(work) => block_region(&work.boxes, task),
            Work::Fold(work) => work.task_region(task, &self.space),
            Work::Joint(work) => work.region(task),
            Work::Contract(work) => work.region(task),
        }
    }
}

impl Work {
    /// The reductions that it does.
    pub fn folds(&self) -> &[FoldWork] {
        match self {
            Work::Fold(fold) => std::slice::from_ref(fold),
            Work::Joint(work) => &work.folds,
            Work::Store(_) | Work::Contract(_) => &[],
        }
    }

    /// Its goals that are kept as they are made.
    pub fn stored(&self) -> &[StoreGoal] {
        match self {
            Work::Store(work) => &work.goals,
            Work::Contract(work) => &work.goals,
            Work::Fold(_) | Work::Joint(_) => &[],
        }
    }
}

impl FoldWork {
    /// The elementwise step whose results are added up as they are made, if a goal alone reads it and its operation
    /// has such a loop; its results stand in no register then.
    pub fn summed_step(&self, goal: &FoldGoal, program: &Program) -> Option<usize> {
        let step = program.steps.iter().rposition(|s| s.out == goal.slot)?;
        let Action::Map { op, loop_index, inputs } = &program.steps[step].action else { return None };
        let Class::Map(map) = &op.class else { return None };
        map.loops[*loop_index].sum_for(fold_loop(goal.op, goal.loop_index))?;
        let later = &program.steps[step + 1..];
        let is_read = later.iter().any(|s| s.action.inputs().contains(&goal.slot));
        let is_shared = self.goals.iter().filter(|g| g.slot == goal.slot).count() > 1;
        let loses_inputs = later.iter().any(|s| inputs.contains(&s.out));
        (!is_read && !is_shared && !loses_inputs).then_some(step)
    }

    /// The superboxes of a task.
    pub fn superboxes(&self, task: usize) -> std::ops::Range<usize> {
        let first = (task % self.spans) * self.span;
        first..(first + self.span).min(self.lattice.superbox_count())
    }

    /// The kept box of a task, in kept axes.
    pub fn kept_region(&self, task: usize) -> Region {
        block_region(&self.boxes, task / self.spans)
    }

    /// The part of the space a task visits, without what lies opposite.
    pub fn task_region(&self, task: usize, space: &Shape) -> Region {
        if let Some(halves) = self.halves() {
            return halves.region(task);
        }
        let kept = self.kept_region(task);
        let mut reduced: Option<Region> = None;
        for index in self.superboxes(task) {
            let next = self.lattice.superbox_elements(index);
            reduced = Some(reduced.map_or(next.clone(), |r| r.hull(&next)));
        }
        let reduced =
            reduced.unwrap_or_else(|| Region::whole(&Shape::new(self.lattice.reduced.iter().map(|&a| space[a]))));
        self.lattice.join(&kept, &reduced)
    }
}

/// The region of block `number`, row-major, of a cut.
pub fn block_region(chunks: &Chunks, number: usize) -> Region {
    let index = unravel(number, &chunks.numblocks());
    let (mut start, mut len) = (SmallVec::new(), SmallVec::<[usize; 4]>::new());
    for (axis, &i) in chunks.0.iter().zip(&index) {
        let (s, l) = block_extent(axis.runs(), i);
        start.push(s);
        len.push(l);
    }
    Region { start, len: Shape::new(len) }
}

/// Start and length of the chunk of that number on one axis.
fn block_extent(runs: &[(usize, usize)], number: usize) -> (usize, usize) {
    let (mut start, mut left) = (0, number);
    for &(len, count) in runs {
        if left < count {
            return (start + left * len, len);
        }
        start += len * count;
        left -= count;
    }
    (start, 0)
}

/// The index, row-major, of a number in a grid of those lengths.
pub fn unravel(number: usize, lens: &[usize]) -> SmallVec<[usize; 4]> {
    let (mut index, mut rest) = (SmallVec::from_elem(0, lens.len()), number);
    for axis in (0..lens.len()).rev() {
        index[axis] = rest % lens[axis].max(1);
        rest /= lens[axis].max(1);
    }
    index
}
