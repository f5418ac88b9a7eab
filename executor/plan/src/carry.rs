//! Running values that are carried: a pass that goes down strips needs no earlier pass for what lies before each block.
//!
//! Where tasks go down one strip after the other, each by one thread, the totals of the blocks above are known when a
//! block begins. So the elements are made once. A plan is cut that way first, and anew where a stage does not suit.

use crate::memory::strip_bytes;
use crate::plan::{Options, Plan};
use crate::program::{Action, Local, Making, Origin, Program};
use crate::rolling::COLUMNS;
use crate::size::LONG_ROW;
use crate::stage::{FoldWork, Stage, StoreWork, Work};
use cleave_graph::{Graph, Node, NodeId, NodeKind, SCAN_LEN};
use cleave_ops::{AxisChunks, Shape};
use smallvec::SmallVec;

/// How much longer than its share the busiest thread may take: a pass before would take about as long again.
const IMBALANCE: f64 = 1.5;

/// The inputs of a node that are computed for it.
pub(crate) fn inputs(graph: &Graph, node: NodeId, options: &Options) -> SmallVec<[NodeId; 3]> {
    match &graph[node].kind {
        NodeKind::Scan { input, .. } if is_carried(&graph[node], options) => SmallVec::from_slice(&[*input]),
        kind => kind.inputs(),
    }
}

/// Whether what lies before the blocks of a node is carried from one to the next.
pub(crate) fn is_carried(node: &Node, options: &Options) -> bool {
    let NodeKind::Scan { axis, before: Some(_), .. } = node.kind else { return false };
    let is_wide = node.shape.last().is_some_and(|&width| width >= LONG_ROW);
    let goes_down = axis + 2 == node.shape.ndim() && is_wide;
    // The totals are one block themselves.
    let has_few_blocks = node.shape[axis] <= SCAN_LEN * SCAN_LEN;
    let one_by_one = !options.apart && !options.at_once && !options.choices.two_passes;
    goes_down && has_few_blocks && one_by_one
}

/// Whether all stages that carry running values go down strips.
pub(crate) fn suits(plan: &Plan, options: &Options) -> bool {
    let goes = |stage: &Stage| stage.programs().all(|p| !carries(p)) || goes_down(stage, options);
    plan.stages.iter().all(goes)
}

impl Local {
    /// Whether it is running values that are carried.
    pub fn is_carried(&self) -> bool {
        matches!(self.making, Making::Scan { axis, before: None, .. } if self.program.space[axis] > SCAN_LEN)
    }
}

impl Stage {
    /// How many turns follow each other down a strip, all of which one thread must take; 1 where it does not matter.
    pub fn strip_turns(&self) -> usize {
        match &self.work {
            _ if !carries(&self.program) => 1,
            Work::Fold(work) => work.strips.as_ref().map_or(1, Shape::size),
            Work::Store(work) => rows_of(work),
            Work::Joint(_) | Work::Contract(_) => 1,
        }
    }

    /// The superboxes of a strip on each reduced axis, where running values are carried down it.
    pub(crate) fn carrying_strips(&self) -> Option<Shape> {
        let Work::Fold(work) = &self.work else { return None };
        let axis = reduced_rows(work, &self.space).filter(|_| carries(&self.program))?;
        let grid = &work.lattice.superboxes;
        Some((0..grid.ndim()).map(|a| if a == axis { grid[a] } else { 1 }).collect())
    }
}

/// Whether any running values of a program are carried.
pub(crate) fn carries(program: &Program) -> bool {
    program.locals.iter().any(Local::is_carried) || below(program)
}

/// Whether anything beside a program's own locals carries.
fn below(program: &Program) -> bool {
    let inner = |local: &Local| carries(&local.program) || local.making.before().is_some_and(carries);
    program.locals.iter().any(inner) || program.patches().any(|(patch, _)| carries(patch))
}

fn goes_down(stage: &Stage, options: &Options) -> bool {
    let program = &stage.program;
    let strips = match &stage.work {
        Work::Fold(work) => folded_strips(work, &stage.space),
        Work::Store(work) => stored_strips(work),
        Work::Joint(_) | Work::Contract(_) => None,
    };
    let is_even = strips.is_some_and(|strips| {
        let threads = options.threads.max(1);
        (strips.div_ceil(threads) * threads) as f64 <= IMBALANCE * strips as f64
    });
    is_even && program.rolls() && !below(program) && begins_at_the_top(program) && !reads_stored(program, options)
}

/// Whether all that is made for blocks is read from the first blocks on, and whole rows of what is carried.
fn begins_at_the_top(program: &Program) -> bool {
    let begins = |(number, local): (usize, &Local)| {
        let rows = local.program.space.ndim() - 2;
        program.views_of(number as u32).all(|view| {
            let is_whole = !local.is_carried() || !view.source[rows + 1].is_fixed();
            is_whole && view.source[rows].start < SCAN_LEN as i64
        })
    };
    program.locals.iter().enumerate().all(begins)
}

/// Stored blocks may be wider than a strip, and would be read for each.
fn reads_stored(program: &Program, options: &Options) -> bool {
    let mut found = false;
    program.each_step(&mut |_, step| {
        if let Action::Load { origin: Origin::Stored(id), .. } = &step.action {
            found |= options.sources.get(id).is_some_and(|source| !source.is_resident());
        }
    });
    found
}

/// Where the second last axis of the space stands among the reduced ones, if it and the last are reduced.
fn reduced_rows(work: &FoldWork, space: &Shape) -> Option<usize> {
    let place = |axis: usize| work.lattice.reduced.iter().position(|&a| a == axis);
    let last = space.ndim().checked_sub(1)?;
    place(last).and(place(last.checked_sub(1)?))
}

/// The strips of a reduction of everything.
fn folded_strips(work: &FoldWork, space: &Shape) -> Option<usize> {
    let rows = reduced_rows(work, space)?;
    let lattice = &work.lattice;
    let is_one_wide = lattice.superbox.last() == Some(&1);
    let is_whole = work.boxes.0.iter().all(|axis| axis.longest() <= 1) && work.boxes.count() == 1;
    strip_bytes(work).filter(|_| is_one_wide && is_whole)?;
    Some(lattice.superboxes.size() / lattice.superboxes[rows].max(1))
}

/// The strips of what is kept, if no block is wider.
fn stored_strips(work: &StoreWork) -> Option<usize> {
    let (last, outer) = work.boxes.0.split_last()?;
    let (_, outer) = outer.split_last()?;
    let is_narrow = last.longest() <= COLUMNS && outer.iter().map(AxisChunks::longest).all(|len| len <= 1);
    is_narrow.then(|| work.boxes.count() / rows_of(work))
}

/// Blocks below each other.
fn rows_of(work: &StoreWork) -> usize {
    let axes = &work.boxes.0;
    axes.len().checked_sub(2).map_or(1, |axis| axes[axis].count()).max(1)
}
