//! A tile's arithmetic piece by piece, so that what lies between two steps stays in the nearest cache.
//!
//! What is loaded or filled is there for the whole tile first; then all arithmetic is done for one piece after the
//! other, and what is asked for is put together from the pieces.

use super::{Alias, Machine, alias, map_loop, register};
use crate::made::Made;
use cleave_ops::{Data, DataRef, Region, cast, copy_run};
use cleave_plan::lattice::TILE_LEN;
use cleave_plan::{Action, Program, RunError, Slot};
use smallvec::SmallVec;

/// Elements of a piece: those of seven registers are less than the nearest cache.
const PIECE_LEN: usize = 512;
/// Shorter tiles are done as a whole.
const SHORTEST: usize = 2 * PIECE_LEN;

/// Programs that load more are done as a whole, since each load would need a register of its own.
const MOST_LOADS: usize = 24;

/// What a machine keeps to work in pieces.
#[derive(Default)]
pub(super) struct Strands<'a> {
    /// What each load or fill gave for the tile, unless it lies elsewhere in its order.
    loaded: Vec<Option<Data>>,
    /// Where it lies then.
    runs: Vec<Option<Alias<'a>>>,
    /// Where what a step gives stands for the tile at hand.
    places: Vec<Place>,
    /// Where each register's elements stand at the step at hand.
    now: Vec<Place>,
    /// Registers that are asked for, and the arithmetic that writes them last.
    wanted: Vec<Wanted>,
}

struct Wanted {
    slot: usize,
    /// The step that gives a piece, if it is arithmetic.
    last: Option<usize>,
    /// The piece while the register holds the tile, and the other way round while pieces are made.
    other: Data,
}

#[derive(Clone, Copy, Default)]
enum Place {
    /// A piece in the register.
    #[default]
    Piece,
    /// The same for every element.
    Constant,
    /// All of the tile, by the step that loaded it.
    Loaded(usize),
    /// Elsewhere, as the step that would load it says.
    Run(usize),
}

/// Whether a program has arithmetic that is worth it, and all else comes before.
pub(super) fn is_strand(program: &Program) -> bool {
    let steps = || program.steps.iter().map(|s| &s.action);
    let arithmetic = |a: &&Action| matches!(a, Action::Map { .. } | Action::Cast { .. });
    let several = steps().filter(arithmetic).count() > 1;
    let loads = steps().filter(|a| !arithmetic(a) && !a.is_constant()).count();
    several && loads <= MOST_LOADS && !steps().any(|a| matches!(a, Action::Overlay { .. }))
}

impl<'a> Machine<'a> {
    /// Whether a tile is to be done in pieces.
    pub(super) fn takes_pieces(&self, len: usize) -> bool {
        self.is_strand && len >= SHORTEST
    }

    /// Runs the steps for a region, the arithmetic piece by piece.
    pub(super) fn run_pieces(&mut self, region: &Region, made: &[Made]) -> Result<(), RunError> {
        let mut strands = std::mem::take(&mut self.strands);
        let done = self.load_all(&mut strands, region, made);
        if done.is_ok() {
            self.swap_wanted(&mut strands);
            let count = (self.len + PIECE_LEN / 2) / PIECE_LEN;
            let len = self.len.div_ceil(count);
            for first in (0..self.len).step_by(len) {
                self.piece(&mut strands, first, len.min(self.len - first), made);
            }
            self.swap_wanted(&mut strands);
            self.place_loads(&mut strands);
        }
        self.strands = strands;
        done
    }

    /// Loads and fills for the whole tile.
    fn load_all(&mut self, strands: &mut Strands<'a>, region: &Region, made: &[Made]) -> Result<(), RunError> {
        if strands.loaded.is_empty() {
            self.prepare_strands(strands);
        }
        let constants_stand = self.filled_len == Some(self.len);
        for (number, step) in self.program.steps.iter().enumerate() {
            match &step.action {
                Action::Map { .. } | Action::Cast { .. } | Action::Overlay { .. } => {}
                _ if self.constant[number] => {
                    if !constants_stand {
                        self.advance(number, region, made)?;
                    }
                    strands.places[number] = Place::Constant;
                }
                action @ (Action::Load { .. } | Action::Fill { .. }) => {
                    strands.runs[number] = alias(action, &mut self.extras[number], region, made)?;
                    if strands.runs[number].is_some() {
                        strands.places[number] = Place::Run(number);
                        continue;
                    }
                    let dtype = self.program.slots[step.out.0 as usize];
                    let mut out = strands.loaded[number].take().unwrap_or_else(|| register(dtype, TILE_LEN));
                    out.resize(self.len);
                    let done = self.step(number, step, region, made, &mut out);
                    strands.loaded[number] = Some(out);
                    done?;
                    strands.places[number] = Place::Loaded(number);
                }
            }
        }
        self.filled_len = Some(self.len);
        Ok(())
    }

    fn prepare_strands(&self, strands: &mut Strands<'a>) {
        let steps = &self.program.steps;
        strands.loaded = steps.iter().map(|_| None).collect();
        strands.runs = steps.iter().map(|_| None).collect();
        strands.places = vec![Place::Piece; steps.len()];
        strands.now = vec![Place::Piece; self.program.slots.len()];
        let read_later = self.deferred.iter().flat_map(|&step| steps[step].action.inputs());
        let mut slots: Vec<Slot> = self.program.results.iter().copied().chain(read_later).collect();
        slots.sort_unstable();
        slots.dedup();
        let last =
            |slot: Slot| steps.iter().enumerate().rposition(|(i, s)| s.out == slot && !self.deferred.contains(&i));
        let wanted = slots.into_iter().filter_map(|slot| {
            let last = last(slot)?;
            let is_arithmetic = matches!(steps[last].action, Action::Map { .. } | Action::Cast { .. });
            let other = register(self.program.slots[slot.0 as usize], PIECE_LEN);
            Some(Wanted { slot: slot.0 as usize, last: is_arithmetic.then_some(last), other })
        });
        strands.wanted = wanted.collect();
    }

    /// Gives registers that are asked for a piece instead of the tile, or the other way round.
    fn swap_wanted(&mut self, strands: &mut Strands<'a>) {
        for wanted in strands.wanted.iter_mut().filter(|w| w.last.is_some()) {
            std::mem::swap(&mut self.registers[wanted.slot], &mut wanted.other);
        }
    }

    /// All arithmetic for the elements `first..first + len` of the tile.
    fn piece(&mut self, strands: &mut Strands<'a>, first: usize, len: usize, made: &[Made]) {
        for (number, step) in self.program.steps.iter().enumerate() {
            let slot = step.out.0 as usize;
            if self.deferred.contains(&number) {
                continue;
            }
            if let Some(twin) = self.twins[number] {
                let (mut out, mut other) =
                    (self.taken(step.out, len), self.taken(self.program.steps[number + 1].out, len));
                let inputs = step.action.inputs();
                let operands = inputs.iter().map(|&slot| self.piece_of(strands, slot, first, len, made));
                twin(&operands.collect::<SmallVec<[DataRef<'_>; 3]>>(), &mut out, &mut other);
                self.put_piece(strands, number, first, out);
                self.put_piece(strands, number + 1, first, other);
            } else if matches!(step.action, Action::Map { .. } | Action::Cast { .. }) && !self.is_second(number) {
                let mut out = self.taken(step.out, len);
                let operand = |slot: Slot| self.piece_of(strands, slot, first, len, made);
                match &step.action {
                    Action::Map { op, loop_index, inputs } => {
                        let inputs: SmallVec<[DataRef<'_>; 3]> = inputs.iter().map(|&s| operand(s)).collect();
                        (map_loop(op, *loop_index).run)(&inputs, &mut out);
                    }
                    Action::Cast { input } => cast(operand(*input), &mut out),
                    Action::Fill { .. } | Action::Load { .. } | Action::Overlay { .. } => {}
                }
                self.put_piece(strands, number, first, out);
            }
            strands.now[slot] = strands.places[number];
        }
    }

    /// Puts back what a step made, and hands it over where it is asked for.
    fn put_piece(&mut self, strands: &mut Strands<'a>, number: usize, first: usize, out: Data) {
        if let Some(wanted) = strands.wanted.iter_mut().find(|w| w.last == Some(number)) {
            wanted.other.resize(self.len);
            copy_run(out.as_ref(), 0, 1, &mut wanted.other, first, out.len());
        }
        self.registers[self.program.steps[number].out.0 as usize] = out;
    }

    fn piece_of<'m>(
        &'m self,
        strands: &'m Strands<'a>,
        slot: Slot,
        first: usize,
        len: usize,
        made: &'m [Made],
    ) -> DataRef<'m> {
        let register = || self.registers[slot.0 as usize].as_ref();
        match strands.now[slot.0 as usize] {
            Place::Piece => register(),
            Place::Constant => register().slice(0..len),
            Place::Loaded(step) => {
                let data = strands.loaded[step].as_ref().expect("what is loaded stands until the next tile");
                data.as_ref().slice(first..first + len)
            }
            Place::Run(step) => match strands.runs[step].as_ref().expect("it was found for this tile") {
                Alias::Local(local, (row, begin)) => made[*local as usize].run((*row, begin + first), len),
                Alias::Data(run) => run.elements(first, len),
            },
        }
    }

    /// Says where registers that are asked for stand, as it is after tiles that are done as a whole.
    fn place_loads(&mut self, strands: &mut Strands<'a>) {
        for wanted in &strands.wanted {
            self.aliases[wanted.slot] = None;
            match strands.now[wanted.slot] {
                Place::Piece | Place::Constant => {}
                Place::Run(step) => self.aliases[wanted.slot] = strands.runs[step].take(),
                Place::Loaded(step) => {
                    let data = strands.loaded[step].as_mut().expect("what is loaded stands until the next tile");
                    std::mem::swap(&mut self.registers[wanted.slot], data);
                }
            }
        }
    }
}
