//! What a stage's arithmetic takes on one thread.

use super::machine::Machine;
use super::parts::{Kind, Parts};
use super::tiles;
use crate::contract::ContractWork;
use crate::cut::fold_loop;
use crate::joint::{JointWork, Making as Made, makings};
use crate::lattice::TILE_LEN;
use crate::program::{Action, Local, Making, Program, Slot, Step};
use crate::stage::{FoldGoal, FoldWork, Stage, Work};
use cleave_ops::op::{Layout, Map};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Class, DType, Fill, Region, Scalar, Shape, View};

/// From this weight on an operation's arithmetic counts, not the traffic of its registers.
const HEAVY: f64 = 4.0;
/// Copying a register, against adding two.
const COPY: f64 = 0.7;
/// The same from a block or into one that a core's second cache holds.
const BLOCK_COPY: f64 = 2.5;
/// An addition that must wait for the one before it, against many side by side.
const WAITING: f64 = 10.0;
/// Loading elements that lie apart, against copying a register.
const ACROSS: f64 = 3.0;
/// Draws that are not neighbours, against those that are.
const APART: f64 = 4.0;

/// Draws that are made together; those of a row that are left over take so many times as long.
const DRAWN: f64 = 32.0;
const LEFT_OVER: f64 = 8.0;
/// Beginning a row of a tile where rows do not continue each other, against beginning a step.
const ROW: f64 = 0.25;
/// Beginning a kept element's part of a cell that lies in rows, against beginning a step.
const ROW_FOLD: f64 = 0.6;

/// How much a program is run for.
#[derive(Clone, Copy)]
struct Pace {
    elements: f64,
    tiles: f64,
    /// Elements of a row of a tile.
    row: f64,
}

impl Pace {
    /// That of a program that is run for some of them, in rows no longer than those.
    fn part(self, elements: f64, tiles: f64, row: usize) -> Self {
        Self { elements: self.elements * elements, tiles: self.tiles * tiles, row: self.row.min(row.max(1) as f64) }
    }
}

/// Seconds of one thread.
pub(super) struct Arithmetic {
    /// By kind.
    pub(super) parts: Parts,
}

/// The arithmetic of a whole stage.
pub(super) fn of(stage: &Stage, machine: &Machine) -> Arithmetic {
    let (elements, tiles) = (stage.elements() as f64, tiles(stage));
    let pace = Pace { elements, tiles, row: row(stage) };
    let mut parts = Parts::default();
    let block = stage_block(stage);
    program(&stage.program, &block, pace, machine, &mut parts);
    match &stage.work {
        Work::Fold(_) | Work::Joint(_) => {
            for work in stage.work.folds() {
                let own = |goal: usize| matches!(stage.work, Work::Fold(_)) || makes(&work.goals, goal);
                parts.0[Kind::Reduction as usize] += folds(work, &own, machine) * elements + machine.step_s * tiles;
            }
            if let Work::Joint(work) = &stage.work {
                parts.0[Kind::Reduction as usize] += gathered_s(work, &stage.program, machine) * elements;
            }
            if let Work::Fold(FoldWork { mirror: Some(_), .. }) = &stage.work {
                // What is made for a block serves the block opposite too.
                let mut made = Parts::default();
                locals(&stage.program, &block, pace, machine, &mut made);
                parts.0.iter_mut().zip(made.0).for_each(|(all, made)| *all -= made / 2.0);
            }
            if let Work::Fold(work) = &stage.work {
                let summed = work.goals.iter().filter_map(|g| work.summed_step(g, &stage.program));
                for step in summed.map(|number| &stage.program.steps[number]) {
                    parts.0[Kind::Elementwise as usize] -=
                        step_s(&stage.program, step, false, pace.row, machine).1 * elements;
                }
            }
        }
        Work::Contract(work) => {
            products(work, elements, machine, &mut parts);
            let then = if stage.program.steps.is_empty() { &[][..] } else { &work.goals[..] };
            let copied: f64 = then.iter().map(|g| COPY * scale(g.dtype) * machine.add_s).sum();
            parts.0[Kind::Elementwise as usize] += copied * elements;
        }
        Work::Store(work) => {
            let copied: f64 = work.goals.iter().map(|g| COPY * scale(g.dtype) * machine.add_s).sum();
            parts.0[Kind::Elementwise as usize] += copied * elements + machine.step_s * tiles;
        }
    }
    Arithmetic { parts }
}

/// The products, and the operands, which each row or column of blocks computes again.
fn products(work: &ContractWork, elements: f64, machine: &Machine, parts: &mut Parts) {
    let shared = work.sides.shared.size() as f64;
    let each = shared * machine.product_s_of(work.dtype) + 2.0 * COPY * scale(work.dtype) * machine.add_s;
    parts.0[Kind::Contraction as usize] += elements * each;
    let [_, rows, columns] = work.block_lens();
    for (operand, side) in [(&work.left, columns), (&work.right, rows)] {
        let visited = elements * shared / side.max(1) as f64;
        let pace = Pace { elements: visited, tiles: visited / TILE_LEN as f64, row: TILE_LEN as f64 };
        program(&operand.program, &block_of(&operand.program), pace, machine, parts);
        parts.0[Kind::Contraction as usize] += machine.pack_s() * visited;
    }
}

/// Seconds of one thread for an element of a program.
pub(crate) fn element_s(of: &Program, machine: &Machine) -> f64 {
    let mut parts = Parts::default();
    let pace = Pace { elements: 1.0, tiles: 0.0, row: TILE_LEN as f64 };
    program(of, &block_of(of), pace, machine, &mut parts);
    parts.sum()
}

/// Elements of a row of a stage's tiles.
fn row(stage: &Stage) -> f64 {
    let Some(last) = (0..stage.space.ndim()).rev().find(|&axis| stage.space[axis] > 1) else { return 1.0 };
    let most = stage.space[last].min(TILE_LEN);
    let len = match &stage.work {
        Work::Fold(work) => match work.lattice.reduced.iter().position(|&axis| axis == last) {
            Some(place) => work.lattice.cell[place],
            None => work.lattice.kept.iter().position(|&axis| axis == last).map_or(most, |at| work.kept_tile[at]),
        },
        Work::Joint(work) => work.block[last],
        Work::Store(_) | Work::Contract(_) => most,
    };
    len.clamp(1, most) as f64
}

fn program(program: &Program, block: &Shape, pace: Pace, machine: &Machine, parts: &mut Parts) {
    locals(program, block, pace, machine, parts);
    let twins = program.twin_loops();
    for (number, step) in program.steps.iter().enumerate().filter(|(_, s)| !s.action.is_constant()) {
        if number > 0 && twins[number - 1].is_some() {
            continue;
        }
        let (kind, each) = step_s(program, step, twins[number].is_some(), pace.row, machine);
        parts.0[kind as usize] += each * pace.elements + machine.step_s * pace.tiles;
        if let Action::Overlay { patch, place, .. } = &step.action {
            let covered: f64 = place.iter().map(|p| p.count as f64).product();
            let share = (covered / (program.space.size() as f64).max(1.0)).min(1.0);
            let copied = COPY * scale(program.slots[step.out.0 as usize]) * machine.add_s;
            parts.0[Kind::Elementwise as usize] += copied * share * pace.elements;
            let pace = Pace { row: TILE_LEN as f64, ..pace }.part(share, share.sqrt(), longest_row(&patch.space));
            self::program(patch, &block_of(patch), pace, machine, parts);
        }
    }
}

/// What is made for a block at a time: as much of it as a block needs.
fn locals(of: &Program, block: &Shape, pace: Pace, machine: &Machine, parts: &mut Parts) {
    if of.locals.is_empty() || block.is_empty_array() {
        return;
    }
    for (local, region) in of.locals.iter().zip(of.local_regions(&Region::whole(block))) {
        let Some(region) = region else { continue };
        let share = region.size() as f64 / block.size() as f64;
        let row = region.len.last().map_or(1, |&len| len.min(TILE_LEN));
        let pace = Pace { row: TILE_LEN as f64, ..pace }.part(share, share, row);
        program(&local.program, &block_of(&local.program), pace, machine, parts);
        parts.0[Kind::Elementwise as usize] += made(local) * scale(local.dtype) * machine.add_s * pace.elements;
    }
}

/// The blocks for which a program's locals are made where it is run for all of its space: strips where rows stay.
fn block_of(program: &Program) -> Shape {
    program.blocking().strip_shape(&program.space)
}

/// The blocks for which a stage's locals are made.
fn stage_block(stage: &Stage) -> Shape {
    if stage.program.blocking().rolls { block_of(&stage.program) } else { stage.block() }
}

/// The length of the last axis that has any.
fn longest_row(space: &Shape) -> usize {
    space.iter().rev().find(|&&len| len > 1).map_or(1, |&len| len)
}

/// What keeping an element of a local takes, in additions.
fn made(local: &Local) -> f64 {
    let Making::Scan { op, axis, .. } = &local.making else { return COPY };
    let space = &local.program.space;
    let along = space[axis + 1..].iter().all(|&len| len == 1);
    if local.is_carried() {
        return 2.0 * BLOCK_COPY + op.weight();
    }
    3.0 * BLOCK_COPY + op.weight() * if along { WAITING } else { 1.0 }
}

/// The kind of a step's work and its seconds an element; of both where it is done with the next one.
fn step_s(program: &Program, step: &Step, with_next: bool, row: f64, machine: &Machine) -> (Kind, f64) {
    let out = program.slots[step.out.0 as usize];
    let inputs = step.action.inputs();
    let wide = inputs.iter().map(|s| program.slots[s.0 as usize]).chain([out]).map(scale).fold(0.0, f64::max);
    match &step.action {
        Action::Fill { fill: Fill::Random { law, .. }, shape, view } => {
            let apart = if in_order(view, shape) { 1.0 } else { APART };
            (Kind::Random, machine.draw_s(law) * apart * drawn(row))
        }
        Action::Fill { .. } => (Kind::Elementwise, machine.fill_s),
        Action::Load { shape, view, .. } => {
            let apart = if in_order(view, shape) { 1.0 } else { ACROSS };
            let begun = if continues(view, shape) { 0.0 } else { ROW * machine.step_s / row };
            (Kind::Elementwise, apart * COPY * wide * machine.add_s + begun)
        }
        Action::Cast { .. } | Action::Overlay { .. } => (Kind::Elementwise, COPY * wide * machine.add_s),
        Action::Map { op, inputs, .. } => {
            let weight = match &op.class {
                Class::Map(Map { twin: Some(twin), .. }) if with_next => f64::from(twin.weight),
                Class::Map(map) => f64::from(map.weight_with(inputs.last().and_then(|&s| constant(program, step, s)))),
                _ => op.weight(),
            };
            let unit = if weight < HEAVY { machine.add_s } else { machine.heavy_s };
            (Kind::Elementwise, weight * wide * unit)
        }
    }
}

/// How much longer a draw takes in rows of that length.
fn drawn(row: f64) -> f64 {
    let rest = row % DRAWN;
    (row - rest + LEFT_OVER * rest) / row
}

/// Whether each row of what is seen goes on where the one before ends.
fn continues(view: &View, shape: &Shape) -> bool {
    let is_whole = |(axis, s): (usize, &SourceAxis)| *s == SourceAxis::whole(axis) || shape[axis] == 1;
    view.shape == *shape && view.source.iter().enumerate().all(is_whole)
}

/// The number that a register of a step's operands holds everywhere, if there is one.
fn constant(program: &Program, step: &Step, slot: Slot) -> Option<Scalar> {
    let before = program.steps.iter().take_while(|s| !std::ptr::eq(*s, step));
    match &before.filter(|s| s.out == slot).last()?.action {
        Action::Fill { fill: Fill::Const(value), .. } => Some(*value),
        Action::Cast { input } if *input != slot => constant(program, step, *input),
        _ => None,
    }
}

/// Whether neighbours in a tile are neighbours in the array that is seen.
fn in_order(view: &View, shape: &Shape) -> bool {
    let last = (0..shape.ndim()).rev().find(|&s| shape[s] > 1);
    let along = (0..view.shape.ndim()).rev().find(|&a| view.shape[a] > 1);
    match (last, along) {
        (Some(last), Some(along)) => view.source[last].step_on(along).unsigned_abs() == 1,
        _ => true,
    }
}

/// Whether a goal's states are made by its own loop.
fn makes(goals: &[FoldGoal], goal: usize) -> bool {
    matches!(makings(goals)[goal], Made::Own | Made::WithSum { .. })
}

/// Seconds an element of gathering the blocks that all reductions of a joint pass but the first read.
fn gathered_s(work: &JointWork, program: &Program, machine: &Machine) -> f64 {
    let mut slots: Vec<Slot> = work.folds[1..].iter().flat_map(|f| &f.goals).map(|g| g.slot).collect();
    slots.sort_unstable();
    slots.dedup();
    slots.into_iter().map(|slot| COPY * scale(program.slots[slot.0 as usize]) * machine.add_s).sum()
}

/// Seconds an element of those reductions of a stage that have a loop of their own.
fn folds(work: &FoldWork, own: &dyn Fn(usize) -> bool, machine: &Machine) -> f64 {
    let unit = match work.lattice.layout {
        Layout::Rows => machine.fold_s,
        Layout::Columns => machine.column_s,
    };
    let goal = |g: &FoldGoal| match &g.op.class {
        Class::Fold(fold) => f64::from(fold.weight) * scale(fold_loop(g.op, g.loop_index).input) * unit,
        _ => 0.0,
    };
    let begun = match work.lattice.layout {
        Layout::Rows => ROW_FOLD * machine.step_s / work.lattice.cell.size().max(1) as f64,
        Layout::Columns => 0.0,
    };
    let goal = |g: &FoldGoal| goal(g) + begun;
    work.goals.iter().enumerate().filter(|(number, _)| own(*number)).map(|(_, g)| goal(g)).sum()
}

/// How much longer than for `float64` work takes for elements of a dtype: vectors hold fewer or more of them.
fn scale(dtype: DType) -> f64 {
    (dtype.size() as f64 / 8.0).max(0.25)
}
