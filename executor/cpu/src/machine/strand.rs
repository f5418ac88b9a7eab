//! A tile's arithmetic piece by piece, so that what lies between two steps stays in the nearest cache.
//!
//! What is loaded or filled is there for the whole tile first; then all arithmetic is done for one piece after the
//! other, and what is asked for is put together from the pieces.

use super::{Alias, Machine, alias, map_loop, register};
use crate::made::Made;
use cleave_ops::op::TwinLoop;
use cleave_ops::{Data, DataRef, Region, View, cast, copy_run};
use cleave_plan::lattice::TILE_LEN;
use cleave_plan::{Action, Program, RunError, Slot};
use smallvec::SmallVec;
use std::ops::Range;

/// Elements of a piece: those of seven registers are less than the nearest cache.
const PIECE_LEN: usize = 512;
/// Shorter tiles are done as a whole.
const SHORTEST: usize = 2 * PIECE_LEN;

/// The most operands of arithmetic.
const MOST_OPERANDS: usize = 3;

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
    /// The same for every element of the tile, as much as a piece needs, by the step that loaded it.
    Repeated(usize),
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

impl Strands<'_> {
    fn of_tile(&self, step: usize) -> DataRef<'_> {
        self.loaded[step].as_ref().expect("what is loaded stands until the next tile").as_ref()
    }

    /// Puts a piece that a step made where it is asked for, in a tile of so many elements.
    fn hand_over(&mut self, step: usize, tile_len: usize, first: usize, piece: &Data) {
        if let Some(wanted) = self.wanted.iter_mut().find(|w| w.last == Some(step)) {
            if wanted.other.len() != tile_len {
                wanted.other.resize(tile_len);
            }
            copy_run(piece.as_ref(), 0, 1, &mut wanted.other, first, piece.len());
        }
    }

    /// A piece of what a register stands for; `register` gives what it holds itself.
    fn piece_of<'m>(
        &'m self,
        place: usize,
        piece: Range<usize>,
        register: impl Fn() -> &'m Data,
        made: &'m [Made],
    ) -> DataRef<'m> {
        match self.now[place] {
            Place::Piece => register().as_ref(),
            Place::Constant => register().as_ref().slice(0..piece.len()),
            Place::Repeated(step) => self.of_tile(step).slice(0..piece.len()),
            Place::Loaded(step) => self.of_tile(step).slice(piece),
            Place::Run(step) => match self.runs[step].as_ref().expect("it was found for this tile") {
                Alias::Local(local, (row, begin)) => {
                    made[*local as usize].run((*row, begin + piece.start), piece.len())
                }
                Alias::Data(run) => run.elements(piece.start, piece.len()),
            },
        }
    }
}

/// Runs a step that is arithmetic for a piece.
fn compute<'m>(action: &Action, operand: impl Fn(Slot) -> DataRef<'m>, out: &mut Data) {
    match action {
        Action::Map { op, loop_index, inputs } => {
            let mut operands = [DataRef::Bool(&[]); MOST_OPERANDS];
            operands.iter_mut().zip(inputs).for_each(|(to, &slot)| *to = operand(slot));
            (map_loop(op, *loop_index).run)(&operands[..inputs.len()], out);
        }
        Action::Cast { input } => cast(operand(*input), out),
        Action::Fill { .. } | Action::Load { .. } | Action::Overlay { .. } => {}
    }
}

/// The length of all pieces of a tile but the last.
fn piece_len(len: usize) -> usize {
    len.div_ceil((len + PIECE_LEN / 2) / PIECE_LEN)
}

/// The first piece of a tile that is one row, if a view shows the same all along it.
fn repeated(view: &View, region: &Region) -> Option<Region> {
    let (&len, outer) = region.len.split_last()?;
    let last = outer.len();
    let is_same = outer.iter().all(|&len| len == 1) && !view.source.iter().any(|s| s.follows(last));
    is_same.then(|| Region { start: region.start.clone(), len: region.len.with(last, piece_len(len)) })
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
            let len = piece_len(self.len);
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
                action @ (Action::Load { view, .. } | Action::Fill { view, .. }) => {
                    let is_wanted = strands.wanted.iter().any(|w| w.slot == step.out.0 as usize);
                    let repeated = repeated(view, region).filter(|_| !is_wanted);
                    if let Some(part) = repeated {
                        self.load(strands, number, &part, made)?;
                        strands.places[number] = Place::Repeated(number);
                        continue;
                    }
                    strands.runs[number] = alias(action, &mut self.extras[number], region, made)?;
                    if strands.runs[number].is_some() {
                        strands.places[number] = Place::Run(number);
                        continue;
                    }
                    self.load(strands, number, region, made)?;
                    strands.places[number] = Place::Loaded(number);
                }
            }
        }
        self.filled_len = Some(self.len);
        Ok(())
    }

    /// Loads or fills for a region.
    fn load(
        &mut self,
        strands: &mut Strands<'a>,
        number: usize,
        region: &Region,
        made: &[Made],
    ) -> Result<(), RunError> {
        let step = &self.program.steps[number];
        let dtype = self.program.slots[step.out.0 as usize];
        let mut out = strands.loaded[number].take().unwrap_or_else(|| register(dtype, TILE_LEN));
        out.resize(region.size());
        let done = self.step(number, step, region, made, &mut out);
        strands.loaded[number] = Some(out);
        done
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
            if self.deferred.contains(&number) {
                continue;
            }
            if let Some(twin) = self.twins[number] {
                self.both_pieces(strands, (number, twin), first..first + len, made);
            } else if matches!(step.action, Action::Map { .. } | Action::Cast { .. }) && !self.is_second(number) {
                self.one_piece(strands, number, first..first + len, made);
            }
            strands.now[step.out.0 as usize] = strands.places[number];
        }
    }

    /// A step for a piece.
    fn one_piece(&mut self, strands: &mut Strands<'a>, number: usize, piece: Range<usize>, made: &[Made]) {
        let step = &self.program.steps[number];
        let slot = step.out.0 as usize;
        let (before, rest) = self.registers.split_at_mut(slot);
        let (out, after) = rest.split_first_mut().expect("a step writes a register");
        if out.len() != piece.len() {
            out.resize(piece.len());
        }
        let operand = |read: Slot| {
            let place = read.0 as usize;
            let register = || if place < slot { &before[place] } else { &after[place - slot - 1] };
            strands.piece_of(place, piece.clone(), register, made)
        };
        compute(&step.action, operand, out);
        strands.hand_over(number, self.len, piece.start, out);
    }

    /// A step and the next one for a piece.
    fn both_pieces(
        &mut self,
        strands: &mut Strands<'a>,
        (number, twin): (usize, TwinLoop),
        piece: Range<usize>,
        made: &[Made],
    ) {
        let slots = [number, number + 1].map(|step| self.program.steps[step].out);
        let [mut first, mut second] = slots.map(|slot| self.taken(slot, piece.len()));
        let inputs = self.program.steps[number].action.inputs();
        let operand = |slot: &Slot| {
            let place = slot.0 as usize;
            strands.piece_of(place, piece.clone(), || &self.registers[place], made)
        };
        let operands: SmallVec<[DataRef<'_>; 3]> = inputs.iter().map(operand).collect();
        twin(&operands, &mut first, &mut second);
        drop(operands);
        for (step, out) in [(number, first), (number + 1, second)] {
            strands.hand_over(step, self.len, piece.start, &out);
            self.registers[self.program.steps[step].out.0 as usize] = out;
        }
    }

    /// Says where registers that are asked for stand, as it is after tiles that are done as a whole.
    fn place_loads(&mut self, strands: &mut Strands<'a>) {
        for wanted in &strands.wanted {
            self.aliases[wanted.slot] = None;
            match strands.now[wanted.slot] {
                Place::Piece | Place::Constant | Place::Repeated(_) => {}
                Place::Run(step) => self.aliases[wanted.slot] = strands.runs[step].take(),
                Place::Loaded(step) => {
                    let data = strands.loaded[step].as_mut().expect("what is loaded stands until the next tile");
                    std::mem::swap(&mut self.registers[wanted.slot], data);
                }
            }
        }
    }
}
