//! What a stage's arithmetic takes on one thread.

use super::machine::Machine;
use super::parts::{Kind, Parts};
use super::tiles;
use crate::contract::ContractWork;
use crate::cut::fold_loop;
use crate::lattice::TILE_LEN;
use crate::program::{Action, Local, Making, Program, Slot, Step};
use crate::stage::{FoldWork, Stage, Work};
use cleave_ops::op::Layout;
use cleave_ops::{Class, DType, Fill, Region, Scalar, Shape, View};

/// From this weight on an operation's arithmetic counts, not the traffic of its registers.
const HEAVY: f64 = 4.0;
/// Copying a register, against adding two.
const COPY: f64 = 0.7;
/// The same from a block or into one that a core's second cache holds.
const BLOCK_COPY: f64 = 2.5;
/// An addition that must wait for the one before it, against many side by side.
const WAITING: f64 = 5.0;
/// Loading elements that lie apart, against copying a register.
const ACROSS: f64 = 3.0;
/// Draws that are not neighbours, against those that are.
const APART: f64 = 4.0;

/// Seconds of one thread.
pub(super) struct Arithmetic {
    /// By kind.
    pub(super) parts: Parts,
}

/// The arithmetic of a whole stage.
pub(super) fn of(stage: &Stage, machine: &Machine) -> Arithmetic {
    let (elements, tiles) = (stage.elements() as f64, tiles(stage));
    let mut parts = Parts::default();
    program(&stage.program, elements, tiles, machine, &mut parts);
    match &stage.work {
        Work::Fold(_) | Work::Joint(_) => {
            for work in stage.work.folds() {
                parts.0[Kind::Reduction as usize] += folds(work, machine) * elements + machine.step_s * tiles;
            }
            if let Work::Fold(FoldWork { mirror: Some(_), .. }) = &stage.work {
                // What is made for a block serves the block opposite too.
                let mut made = Parts::default();
                locals(&stage.program, elements, tiles, machine, &mut made);
                parts.0.iter_mut().zip(made.0).for_each(|(all, made)| *all -= made / 2.0);
            }
            if let Work::Fold(work) = &stage.work {
                let summed = work.goals.iter().filter_map(|g| work.summed_step(g, &stage.program));
                for step in summed.map(|number| &stage.program.steps[number]) {
                    parts.0[Kind::Elementwise as usize] -= step_s(&stage.program, step, machine).1 * elements;
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
        program(&operand.program, visited, visited / TILE_LEN as f64, machine, parts);
        parts.0[Kind::Contraction as usize] += machine.pack_s() * visited;
    }
}

/// Seconds of one thread for an element of a program.
pub(crate) fn element_s(of: &Program, machine: &Machine) -> f64 {
    let mut parts = Parts::default();
    program(of, 1.0, 0.0, machine, &mut parts);
    parts.sum()
}

fn program(program: &Program, elements: f64, tiles: f64, machine: &Machine, parts: &mut Parts) {
    locals(program, elements, tiles, machine, parts);
    for step in program.steps.iter().filter(|s| !s.action.is_constant()) {
        let (kind, each) = step_s(program, step, machine);
        parts.0[kind as usize] += each * elements + machine.step_s * tiles;
        if let Action::Overlay { patch, place, .. } = &step.action {
            let covered: f64 = place.iter().map(|p| p.count as f64).product();
            let share = (covered / (program.space.size() as f64).max(1.0)).min(1.0);
            self::program(patch, elements * share, tiles * share.sqrt(), machine, parts);
        }
    }
}

/// What is made for a block at a time: as much of it as a block of the space needs.
fn locals(of: &Program, elements: f64, tiles: f64, machine: &Machine, parts: &mut Parts) {
    let block = of.blocking().strip_shape(&of.space);
    if of.locals.is_empty() || block.is_empty_array() {
        return;
    }
    for (local, region) in of.locals.iter().zip(of.local_regions(&Region::whole(&block))) {
        let share = region.map_or(0.0, |r| r.size() as f64) / block.size() as f64;
        program(&local.program, elements * share, tiles * share, machine, parts);
        parts.0[Kind::Elementwise as usize] += made(local) * scale(local.dtype) * machine.add_s * elements * share;
    }
}

/// What keeping an element of a local takes, in additions.
fn made(local: &Local) -> f64 {
    let Making::Scan { op, axis, .. } = &local.making else { return COPY };
    let space = &local.program.space;
    let along = space[axis + 1..].iter().all(|&len| len == 1);
    3.0 * BLOCK_COPY + op.weight() * if along { WAITING } else { 1.0 }
}

/// The kind of a step's work and its seconds an element.
fn step_s(program: &Program, step: &Step, machine: &Machine) -> (Kind, f64) {
    let out = program.slots[step.out.0 as usize];
    let inputs = step.action.inputs();
    let wide = inputs.iter().map(|s| program.slots[s.0 as usize]).chain([out]).map(scale).fold(0.0, f64::max);
    match &step.action {
        Action::Fill { fill: Fill::Random { law, .. }, shape, view } => {
            let apart = if in_order(view, shape) { 1.0 } else { APART };
            (Kind::Random, machine.draw_s(law) * apart)
        }
        Action::Fill { .. } => (Kind::Elementwise, machine.fill_s),
        Action::Load { shape, view, .. } => {
            let apart = if in_order(view, shape) { 1.0 } else { ACROSS };
            (Kind::Elementwise, apart * COPY * wide * machine.add_s)
        }
        Action::Cast { .. } | Action::Overlay { .. } => (Kind::Elementwise, COPY * wide * machine.add_s),
        Action::Map { op, inputs, .. } => {
            let weight = match &op.class {
                Class::Map(map) => f64::from(map.weight_with(inputs.last().and_then(|&s| constant(program, step, s)))),
                _ => op.weight(),
            };
            let unit = if weight < HEAVY { machine.add_s } else { machine.heavy_s };
            (Kind::Elementwise, weight * wide * unit)
        }
    }
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

/// Seconds an element of all reductions of a stage.
fn folds(work: &FoldWork, machine: &Machine) -> f64 {
    let unit = match work.lattice.layout {
        Layout::Rows => machine.fold_s,
        Layout::Columns => machine.column_s,
    };
    let goal = |g: &crate::stage::FoldGoal| match &g.op.class {
        Class::Fold(fold) => f64::from(fold.weight) * scale(fold_loop(g.op, g.loop_index).input) * unit,
        _ => 0.0,
    };
    work.goals.iter().map(goal).sum()
}

/// How much longer than for `float64` work takes for elements of a dtype: vectors hold fewer or more of them.
fn scale(dtype: DType) -> f64 {
    (dtype.size() as f64 / 8.0).max(0.25)
}
