//! A program over one tile at a time, with registers that are used again from tile to tile.

use crate::cache::Cache;
use crate::copy::{Walk, copy_box};
use crate::gather::{Reader, Stored, gather};
use crate::ledger::{Claim, Ledger};
use cleave_graph::SourceId;
use cleave_ops::{
    Class, DType, Data, DataRef, Fill, MapLoop, Op, Region, Row, Shape, View, cast, each_dtype, fill_row,
};
use cleave_plan::lattice::TILE_LEN;
use cleave_plan::plan::Buffer;
use cleave_plan::progression::Progression;
use cleave_plan::{Action, Origin, Program, RunError, Slot, Source};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

const LINE_BYTES: usize = 64;
const MOST_TRIES: usize = 8;

/// The data that exists while a stage runs.
pub(crate) struct Inputs<'a> {
    pub(crate) stored: &'a HashMap<SourceId, Arc<dyn Source>>,
    pub(crate) buffers: &'a [Option<Data>],
    pub(crate) planned: &'a [Buffer],
    pub(crate) cache: &'a Cache,
    pub(crate) ledger: &'a Arc<Ledger>,
}

/// One thread's registers for one program.
pub(crate) struct Machine<'a> {
    program: &'a Program,
    registers: Vec<Data>,
    /// What each step besides its inputs needs.
    extras: Vec<Extra<'a>>,
    /// Which steps give the same for every tile.
    constant: Vec<bool>,
    /// The tile length for which the constants are filled.
    filled_len: Option<usize>,
    _claim: Option<Claim>,
}

enum Extra<'a> {
    None,
    Read(Reader<'a>),
    Patch(Box<Machine<'a>>),
}

impl<'a> Machine<'a> {
    pub(crate) fn new(program: &'a Program, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let mut machine = Self::nested(program, inputs)?;
        machine._claim = Some(inputs.ledger.claim(program.register_bytes(TILE_LEN)));
        Ok(machine)
    }

    fn nested(program: &'a Program, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let registers = program.slots.iter().map(|&dtype| register(dtype)).collect();
        let extras = program
            .steps
            .iter()
            .map(|s| extra(&s.action, program.slots[s.out.0 as usize], inputs))
            .collect::<Result<_, _>>()?;
        let constant = program.steps.iter().map(|s| s.action.is_constant()).collect();
        Ok(Self { program, registers, extras, constant, filled_len: None, _claim: None })
    }

    /// What a register holds after the last tile.
    pub(crate) fn register(&self, slot: Slot) -> DataRef<'_> {
        self.registers[slot.0 as usize].as_ref()
    }

    /// Runs the program for a region of its space.
    pub(crate) fn tile(&mut self, region: &Region) -> Result<(), RunError> {
        let len = region.size();
        let constants_stand = self.filled_len == Some(len);
        let program = self.program;
        for (number, step) in program.steps.iter().enumerate() {
            if constants_stand && self.constant[number] {
                continue;
            }
            let mut out = std::mem::replace(&mut self.registers[step.out.0 as usize], Data::Bool(Vec::new()));
            out.resize(len);
            let done = self.step(number, &step.action, region, &mut out);
            self.registers[step.out.0 as usize] = out;
            done?;
        }
        self.filled_len = Some(len);
        Ok(())
    }

    fn step(&mut self, number: usize, action: &Action, region: &Region, out: &mut Data) -> Result<(), RunError> {
        match action {
            Action::Fill { fill, shape, view } => fill_tile(fill, shape, view, region, out),
            Action::Load { view, .. } => {
                if let Extra::Read(reader) = &mut self.extras[number] {
                    gather(reader, view, region, out)?;
                }
            }
            Action::Map { op, loop_index, inputs } => {
                let inputs: SmallVec<[DataRef<'_>; 3]> = inputs.iter().map(|&s| self.register(s)).collect();
                (map_loop(op, *loop_index).run)(&inputs, out);
            }
            Action::Cast { input } => cast(self.register(*input), out),
            Action::Overlay { base, place, .. } => {
                let all = Walk::whole(&region.len);
                copy_box(&region.len, self.register(*base), &all, out, &all);
                if let Extra::Patch(patch) = &mut self.extras[number] {
                    patch.lay(place, region, out)?;
                }
            }
        }
        Ok(())
    }

    /// Writes this program's first result over those points of `place` that lie in `region`.
    fn lay(&mut self, place: &[Progression], region: &Region, out: &mut Data) -> Result<(), RunError> {
        let hit = |(axis, p): (usize, &Progression)| {
            let start = region.start[axis];
            p.within(start..start + region.len[axis])
        };
        let hits: SmallVec<[std::ops::Range<usize>; 4]> = place.iter().enumerate().map(hit).collect();
        let part =
            Region { start: hits.iter().map(|r| r.start).collect(), len: hits.iter().map(|r| r.len()).collect() };
        if part.len.is_empty_array() {
            return Ok(());
        }
        self.tile(&part)?;
        let mut to = Walk::whole(&region.len);
        for (axis, p) in place.iter().enumerate() {
            to.base += (p.start + p.step * part.start[axis] - region.start[axis]) as isize * to.strides[axis];
            to.strides[axis] *= p.step as isize;
        }
        let result = self.program.results[0];
        copy_box(&part.len, self.register(result), &Walk::whole(&part.len), out, &to);
        Ok(())
    }
}

/// An empty register that begins on a cache line where the allocator gives one within a few tries: vector
/// loads that cross lines take twice as long.
fn register(dtype: DType) -> Data {
    let mut rejected = Vec::new();
    loop {
        let data = Data::with_capacity(dtype, TILE_LEN);
        if rejected.len() == MOST_TRIES || each_dtype!(Data, &data, v => v.as_ptr().addr()) % LINE_BYTES == 0 {
            return data;
        }
        rejected.push(data);
    }
}

fn map_loop(op: &'static Op, loop_index: usize) -> &'static MapLoop {
    match &op.class {
        Class::Map(map) => &map.loops[loop_index],
        _ => unreachable!("a Map node holds an elementwise operation"),
    }
}

fn extra<'a>(action: &'a Action, dtype: DType, inputs: &Inputs<'a>) -> Result<Extra<'a>, RunError> {
    Ok(match action {
        Action::Load { origin: Origin::Stored(id), shape, .. } => {
            let source = inputs.stored.get(id).ok_or(RunError::MissingSource(*id))?;
            if source.dtype() != dtype || source.grid().shape() != *shape {
                return Err(RunError::WrongSource(*id));
            }
            Extra::Read(Reader::Stored(Stored { id: *id, source, cache: inputs.cache, last: None }))
        }
        Action::Load { origin: Origin::Buffer(id), .. } => {
            let number = id.0 as usize;
            let data = inputs.buffers[number].as_ref().expect("a buffer is made before it is read");
            Extra::Read(Reader::Buffer { data, shape: &inputs.planned[number].shape })
        }
        Action::Overlay { patch, .. } => Extra::Patch(Box::new(Machine::nested(patch, inputs)?)),
        Action::Fill { .. } | Action::Map { .. } | Action::Cast { .. } => Extra::None,
    })
}

/// Fills a tile row by row.
fn fill_tile(fill: &Fill, shape: &Shape, view: &View, region: &Region, out: &mut Data) {
    let len = region.size();
    if len == 0 {
        return;
    }
    if let Fill::Const(_) = fill {
        return fill_row(fill, shape, Row { at: &[], axis: None, step: 0 }, out, 0..len);
    }
    let row_axis = row_axis(view, region);
    let n = row_axis.map_or(1, |axis| region.len[axis..].iter().product());
    let along = row_axis.and_then(|axis| view.source.iter().position(|s| s.follows(axis)).zip(Some(axis)));
    let step = along.map_or(0, |(s, axis)| view.source[s].step_on(axis));
    let along = along.map(|(s, _)| s);
    for first in (0..len).step_by(n) {
        let inside = cleave_plan::stage::unravel(first, &region.len);
        let index: SmallVec<[usize; 4]> = inside.iter().zip(&region.start).map(|(a, b)| a + b).collect();
        let at: SmallVec<[i64; 4]> = view.source.iter().map(|s| s.at(&index)).collect();
        fill_row(fill, shape, Row { at: &at, axis: along, step }, out, first..first + n);
    }
}

/// The axis of the tile along which a row of it runs: the last of any length, if at most one source axis
/// follows it; rows of one element otherwise.
fn row_axis(view: &View, region: &Region) -> Option<usize> {
    let last = (0..region.len.ndim()).rev().find(|&a| region.len[a] > 1)?;
    let followers = view.source.iter().filter(|s| s.follows(last)).count();
    (followers <= 1).then_some(last)
}
