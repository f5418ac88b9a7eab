//! A program over one tile at a time, with registers that are used again from tile to tile.

mod fill;
mod reads;
mod strand;
mod weave;

use crate::between::Between;
use crate::cache::Cache;
use crate::copy::{Walk, copy_box};
use crate::gather::gather;
use crate::ledger::{Claim, Ledger};
use crate::made::{Made, Stay};
use crate::maker::Maker;
use crate::watch::Watch;
use cleave_graph::SourceId;
use cleave_ops::op::TwinLoop;
use cleave_ops::{Class, DType, Data, DataRef, MapLoop, Op, Region, cast, copy_run, each_dtype};
use cleave_plan::lattice::TILE_LEN;
use cleave_plan::locals::Blocking;
use cleave_plan::plan::Buffer;
use cleave_plan::progression::{Progression, hit};
use cleave_plan::{Action, Local, Mirror, Origin, Program, RunError, Slot, Source, Step};
use fill::fill_tile;
pub(crate) use reads::reader;
use reads::{Alias, Extra, alias, extra};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;
use strand::{Strands, is_strand};
pub(crate) use weave::ends_chain;

/// A cache line.
pub(crate) const LINE_BYTES: usize = 64;
const MOST_TRIES: usize = 8;

/// The data that exists while a stage runs.
pub(crate) struct Inputs<'a> {
    pub(crate) stored: &'a HashMap<SourceId, Arc<dyn Source>>,
    pub(crate) buffers: &'a [Option<Between>],
    pub(crate) planned: &'a [Buffer],
    pub(crate) cache: &'a Cache,
    pub(crate) ledger: &'a Arc<Ledger>,
}

/// One thread's registers for one program.
pub(crate) struct Machine<'a> {
    program: &'a Program,
    registers: Vec<Data>,
    /// Registers that are not filled but stand for elements that lie elsewhere.
    aliases: Vec<Option<Alias<'a>>>,
    /// Elements of the tile at hand.
    len: usize,
    /// What each step besides its inputs needs.
    extras: Vec<Extra<'a>>,
    /// What makes the locals, and what they made for the block at hand.
    makers: Vec<Maker<'a>>,
    made: Vec<Made>,
    has_locals: bool,
    blocking: Blocking,
    /// Whether long tiles are done piece by piece, and what is kept for that.
    is_strand: bool,
    strands: Strands<'a>,
    /// Which steps give the same for every tile.
    constant: Vec<bool>,
    /// The loops of steps that are done together with the next one.
    twins: Vec<Option<TwinLoop>>,
    /// Steps that are not run with the others: nothing but a reduction reads what they write.
    deferred: Vec<usize>,
    /// The tile length for which the constants are filled.
    filled_len: Option<usize>,
    _claim: Option<Claim>,
}

impl<'a> Machine<'a> {
    /// A machine for a stage's program, or one of them.
    pub(crate) fn new(program: &'a Program, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let mut machine = Self::nested(program, inputs)?;
        machine._claim = Some(inputs.ledger.claim(program.register_bytes(TILE_LEN)));
        Ok(machine)
    }

    /// A machine whose registers count as another's.
    pub(crate) fn nested(program: &'a Program, inputs: &Inputs<'a>) -> Result<Self, RunError> {
        let registers = program.slots.iter().map(|&dtype| register(dtype, TILE_LEN)).collect();
        let aliases = program.slots.iter().map(|_| None).collect();
        let extras = program
            .steps
            .iter()
            .map(|s| extra(&s.action, program.slots[s.out.0 as usize], inputs))
            .collect::<Result<_, _>>()?;
        let constant = program.steps.iter().map(|s| s.action.is_constant()).collect();
        let makers = program.locals.iter().map(|local| Maker::new(local, inputs)).collect::<Result<_, _>>()?;
        let blocking = program.blocking();
        let made = |local: &Local| Made::new(local.dtype, Stay::of(blocking, local), inputs.ledger);
        let made = program.locals.iter().map(made).collect();
        let has_locals = program.has_locals();
        Ok(Self {
            program,
            registers,
            aliases,
            len: 0,
            extras,
            constant,
            twins: program.twin_loops(),
            makers,
            made,
            has_locals,
            blocking,
            is_strand: is_strand(program),
            strands: Strands::default(),
            deferred: Vec::new(),
            filled_len: None,
            _claim: None,
        })
    }

    /// What it runs.
    pub(crate) fn program(&self) -> &'a Program {
        self.program
    }

    /// What a register holds after the last tile.
    pub(crate) fn register(&self, slot: Slot) -> DataRef<'_> {
        self.operand(slot, &self.made)
    }

    /// What a register holds, where its locals stand elsewhere.
    pub(crate) fn operand<'m>(&'m self, slot: Slot, made: &'m [Made]) -> DataRef<'m> {
        match &self.aliases[slot.0 as usize] {
            Some(Alias::Local(number, at)) => made[*number as usize].run(*at, self.len),
            Some(Alias::Data(run)) => run.elements(0, self.len),
            None => self.registers[slot.0 as usize].as_ref(),
        }
    }

    /// What the program's first result is after the last tile.
    pub(crate) fn result<'m>(&'m self, made: &'m [Made]) -> DataRef<'m> {
        self.operand(self.program.results[0], made)
    }

    /// How it is cut into blocks.
    pub(crate) fn blocking(&self) -> Blocking {
        self.blocking
    }

    /// Whether tiles are to be run block by block, each block being prepared before.
    pub(crate) fn has_locals(&self) -> bool {
        self.has_locals
    }

    /// Makes all locals that tiles of a block need.
    pub(crate) fn prepare(&mut self, block: &Region, watch: &Watch<'_>) -> Result<(), RunError> {
        if !self.has_locals || block.len.is_empty_array() {
            return Ok(());
        }
        let settle = |number: usize, region: &Region| self.makers[number].settle(region, &self.made[number]);
        let regions = self.program.local_regions_beyond(block, &settle);
        for (number, region) in regions.into_iter().enumerate() {
            if let Some(region) = region {
                let (earlier, rest) = self.made.split_at_mut(number);
                self.makers[number].make(&region, earlier, &mut rest[0], watch)?;
            }
        }
        self.prepare_patches(block, watch)
    }

    /// Makes the locals of patches for the part of a block where they show.
    pub(crate) fn prepare_patches(&mut self, block: &Region, watch: &Watch<'_>) -> Result<(), RunError> {
        if !self.has_locals {
            return Ok(());
        }
        for (step, extra) in self.program.steps.iter().zip(&mut self.extras) {
            if let (Action::Overlay { place, .. }, Extra::Patch(patch)) = (&step.action, extra) {
                patch.prepare(&hit(place, block), watch)?;
            }
        }
        Ok(())
    }

    /// Goes to the opposite place: locals that are each other's values there change places.
    pub(crate) fn go_opposite(&mut self, mirror: &Mirror) {
        mirror.twins.iter().for_each(|&(a, b)| self.made.swap(a, b));
    }

    /// Whether it makes its first result for any region in one step.
    pub(crate) fn is_one_step(&self) -> bool {
        self.program.steps.len() == 1 && !self.has_locals && !self.constant[0]
    }

    /// Leaves a step out from now on. Nothing that it reads may be written after it.
    pub(crate) fn defer(&mut self, step: usize) {
        self.deferred.push(step);
        self.twins[step.saturating_sub(1)..=step].fill(None);
    }

    /// Runs a step that was left out of the tile.
    pub(crate) fn catch_up(&mut self, step: usize, region: &Region) -> Result<(), RunError> {
        let made = std::mem::take(&mut self.made);
        let done = self.advance(step, region, &made);
        self.made = made;
        done
    }

    /// Runs the program for a region of its space.
    pub(crate) fn tile(&mut self, region: &Region) -> Result<(), RunError> {
        let made = std::mem::take(&mut self.made);
        let done = self.run(region, &made);
        self.made = made;
        done
    }

    /// Runs the steps for a region, with locals that stand elsewhere.
    pub(crate) fn run(&mut self, region: &Region, made: &[Made]) -> Result<(), RunError> {
        let len = region.size();
        self.len = len;
        if self.takes_pieces(len) {
            return self.run_pieces(region, made);
        }
        let constants_stand = self.filled_len == Some(len);
        for number in 0..self.program.steps.len() {
            let stands = constants_stand && self.constant[number];
            if let Some(twin) = self.twins[number] {
                self.advance_both(number, twin, made);
            } else if !stands && !self.is_second(number) && !self.deferred.contains(&number) {
                self.advance(number, region, made)?;
            }
        }
        self.filled_len = Some(len);
        Ok(())
    }

    /// Runs the steps for a region; the first result's elements are written to `out` as far as they are made here.
    pub(crate) fn run_into(&mut self, region: &Region, made: &[Made], out: &mut Data) -> Result<(), RunError> {
        let slot = self.program.results[0];
        let place = slot.0 as usize;
        let stands = |(step, constant): (&Step, &bool)| step.out == slot && *constant;
        let stands = self.program.steps.iter().zip(&self.constant).any(stands);
        if !stands {
            std::mem::swap(&mut self.registers[place], out);
        }
        let done = self.run(region, made);
        if !stands {
            std::mem::swap(&mut self.registers[place], out);
        }
        done?;
        if stands || self.aliases[place].is_some() {
            out.resize(self.len);
            copy_run(self.operand(slot, made), 0, 1, out, 0, self.len);
        }
        Ok(())
    }

    /// Runs one step.
    fn advance(&mut self, number: usize, region: &Region, made: &[Made]) -> Result<(), RunError> {
        let step = &self.program.steps[number];
        let place = step.out.0 as usize;
        self.aliases[place] = alias(&step.action, &mut self.extras[number], region, made)?;
        if self.aliases[place].is_some() {
            return Ok(());
        }
        let mut out = self.taken(step.out, region.size());
        let done = self.step(number, step, region, made, &mut out);
        self.registers[place] = out;
        done
    }

    /// A register to write that many elements into, which is to be put back.
    fn taken(&mut self, slot: Slot, len: usize) -> Data {
        let mut out = std::mem::replace(&mut self.registers[slot.0 as usize], Data::Bool(Vec::new()));
        out.resize(len);
        out
    }

    /// Whether a step is done together with the one before.
    fn is_second(&self, number: usize) -> bool {
        number > 0 && self.twins[number - 1].is_some()
    }

    /// Runs a step and the next one.
    fn advance_both(&mut self, number: usize, twin: TwinLoop, made: &[Made]) {
        let slots = [number, number + 1].map(|step| self.program.steps[step].out);
        let [mut first, mut second] = slots.map(|slot| self.taken(slot, self.len));
        let inputs = self.program.steps[number].action.inputs();
        let inputs: SmallVec<[DataRef<'_>; 3]> = inputs.iter().map(|&s| self.operand(s, made)).collect();
        twin(&inputs, first.as_mut(), second.as_mut());
        drop(inputs);
        for (slot, out) in slots.into_iter().zip([first, second]) {
            self.registers[slot.0 as usize] = out;
            self.aliases[slot.0 as usize] = None;
        }
    }

    fn step(
        &mut self,
        number: usize,
        step: &Step,
        region: &Region,
        made: &[Made],
        out: &mut Data,
    ) -> Result<(), RunError> {
        match &step.action {
            Action::Fill { fill, shape, view } => fill_tile(fill, shape, view, region, out),
            Action::Load { origin: Origin::Local(number), view, .. } => {
                made[*number as usize].gather(view, region, out);
            }
            Action::Load { view, .. } => {
                if let Extra::Read(reader) = &mut self.extras[number] {
                    gather(reader, view, region, out)?;
                }
            }
            Action::Map { op, loop_index, inputs } => {
                let inputs: SmallVec<[DataRef<'_>; 3]> = inputs.iter().map(|&s| self.operand(s, made)).collect();
                (map_loop(op, *loop_index).run)(&inputs, out.as_mut());
            }
            Action::Cast { input } => cast(self.operand(*input, made), out),
            Action::Overlay { base, place, .. } => {
                let part = hit(place, region);
                if *base != step.out && part.len != region.len {
                    let all = Walk::whole(&region.len);
                    copy_box(&region.len, self.operand(*base, made), &all, out, &all);
                }
                if let Extra::Patch(patch) = &mut self.extras[number] {
                    patch.lay(place, &part, region, out)?;
                }
            }
        }
        Ok(())
    }

    /// Writes this program's first result for `part` over those points of `place` that lie in `region`.
    fn lay(&mut self, place: &[Progression], part: &Region, region: &Region, out: &mut Data) -> Result<(), RunError> {
        if part.len.is_empty_array() {
            return Ok(());
        }
        if part.len == region.len && place.iter().all(|p| p.step == 1) {
            let made = std::mem::take(&mut self.made);
            let done = self.run_into(part, &made, out);
            self.made = made;
            return done;
        }
        self.tile(part)?;
        let mut to = Walk::whole(&region.len);
        for (axis, p) in place.iter().enumerate() {
            to.base += (p.start + p.step * part.start[axis] - region.start[axis]) as isize * to.strides[axis];
            to.strides[axis] *= p.step as isize;
        }
        copy_box(&part.len, self.result(&self.made), &Walk::whole(&part.len), out, &to);
        Ok(())
    }
}

/// An empty register that begins on a cache line where the allocator gives one within a few tries: vector
/// loads that cross lines take twice as long.
pub(crate) fn register(dtype: DType, len: usize) -> Data {
    let mut rejected = Vec::new();
    loop {
        let data = Data::with_capacity(dtype, len);
        if rejected.len() == MOST_TRIES || each_dtype!(Data, &data, v => v.as_ptr().addr()) % LINE_BYTES == 0 {
            return data;
        }
        rejected.push(data);
    }
}

/// Whether an action makes elements of elements at the same place.
fn is_arithmetic(action: &Action) -> bool {
    matches!(action, Action::Map { .. } | Action::Cast { .. })
}

pub(crate) fn map_loop(op: &'static Op, loop_index: usize) -> &'static MapLoop {
    match &op.class {
        Class::Map(map) => &map.loops[loop_index],
        _ => unreachable!("a Map node holds an elementwise operation"),
    }
}
