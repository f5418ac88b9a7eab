//! A tile's arithmetic piece by piece, so that what lies between two loops stays in the nearest cache.
//!
//! What is loaded or filled is there for the whole tile first; then all arithmetic is done for one piece after the
//! other. What is asked for is written where the whole tile stands.

use super::weave::{Chain, Item, Weave, writer};
use super::{Alias, Machine, alias, is_arithmetic, map_loop, register};
use crate::made::Made;
use cleave_ops::chain::{CHAIN_REACH, ChainOperand, run_chain};
use cleave_ops::op::TwinLoop;
use cleave_ops::{Data, DataMut, DataRef, Region, View, cast_part};
use cleave_plan::lattice::TILE_LEN;
use cleave_plan::{Action, Program, RunError, Slot};
use smallvec::SmallVec;
use std::ops::Range;

/// Elements of a piece: those of seven registers are less than the nearest cache.
const PIECE_LEN: usize = 512;
/// The most elements of a piece: pieces of a tile are nearly equal, and begin where vectors do.
pub(super) const LONGEST_PIECE: usize = PIECE_LEN + PIECE_LEN / 2;
/// Pieces but the last are so many elements, or several times as many.
const GRAIN: usize = 64;
/// Shorter tiles are done as a whole.
const SHORTEST: usize = 2 * PIECE_LEN;
const _: () = assert!(PIECE_LEN >= CHAIN_REACH);

/// Programs that load more are done as a whole, since each load would need a register of its own.
const MOST_LOADS: usize = 24;

/// What a machine keeps to work in pieces. Values are named by the steps that give them.
#[derive(Default)]
pub(super) struct Strands<'a> {
    /// What each load or fill gave for the tile, unless it lies elsewhere in its order.
    loaded: Vec<Option<Data>>,
    /// Where it lies then.
    runs: Vec<Option<Alias<'a>>>,
    /// Where each value stands for the tile at hand.
    places: Vec<Place>,
    /// What is asked for.
    wanted: Vec<Wanted>,
    weave: Weave,
}

struct Wanted {
    slot: usize,
    /// The value that is asked for.
    value: usize,
    /// If that is arithmetic: a piece while the register holds the tile, and the other way round while pieces are made.
    other: Option<Data>,
}

#[derive(Clone, Copy, Default)]
enum Place {
    /// A piece in its register.
    #[default]
    Piece,
    /// What is asked for, by its number.
    Wanted(usize),
    /// The same for every element.
    Constant,
    /// The same for every element of the tile, as much as a piece needs.
    Repeated,
    /// All of the tile, where it was loaded.
    Loaded,
    /// Elsewhere, as what would load it says.
    Run,
}

/// Whether a program has arithmetic that is worth it, and all else comes before.
pub(super) fn is_strand(program: &Program) -> bool {
    let steps = || program.steps.iter().map(|s| &s.action);
    let several = steps().filter(|a| is_arithmetic(a)).count() > 1;
    let loads = steps().filter(|a| !is_arithmetic(a) && !a.is_constant()).count();
    several && loads <= MOST_LOADS && !steps().any(|a| matches!(a, Action::Overlay { .. }))
}

impl<'a> Strands<'a> {
    fn new(program: &Program, twins: &[Option<TwinLoop>], deferred: &[usize]) -> Self {
        let steps = &program.steps;
        let read_later = deferred.iter().flat_map(|&step| steps[step].action.inputs());
        let mut slots: Vec<Slot> = program.results.iter().copied().chain(read_later).collect();
        slots.sort_unstable();
        slots.dedup();
        let wanted = |slot: Slot| {
            let value = writer(program, slot, deferred)?;
            let other =
                is_arithmetic(&steps[value].action).then(|| register(program.slots[slot.0 as usize], LONGEST_PIECE));
            Some(Wanted { slot: slot.0 as usize, value, other })
        };
        let wanted: Vec<Wanted> = slots.into_iter().filter_map(wanted).collect();
        let mut places = vec![Place::Piece; steps.len()];
        let made_here = wanted.iter().enumerate().filter(|(_, w)| w.other.is_some());
        made_here.for_each(|(number, w)| places[w.value] = Place::Wanted(number));
        let values: Vec<usize> = wanted.iter().map(|w| w.value).collect();
        Self {
            loaded: steps.iter().map(|_| None).collect(),
            runs: steps.iter().map(|_| None).collect(),
            places,
            weave: Weave::new(program, twins, deferred, &values),
            wanted,
        }
    }

    fn of_tile(&self, value: usize) -> DataRef<'_> {
        self.loaded[value].as_ref().expect("what is loaded stands until the next tile").as_ref()
    }

    /// A piece of a value, and whether its elements are all the same; `register` is what its register holds.
    fn operand<'m>(
        &'m self,
        value: usize,
        piece: &Range<usize>,
        register: &'m Data,
        made: &'m [Made],
    ) -> ChainOperand<'m> {
        let same = |data: DataRef<'m>| ChainOperand { data: data.slice(0..piece.len().min(data.len())), is_same: true };
        let own = |data| ChainOperand { data, is_same: false };
        match self.places[value] {
            Place::Piece => own(register.as_ref()),
            Place::Wanted(number) => {
                let tile = self.wanted[number].other.as_ref().expect("arithmetic that is asked for has a tile");
                own(tile.as_ref().slice(piece.clone()))
            }
            Place::Constant => same(register.as_ref()),
            Place::Repeated => same(self.of_tile(value)),
            Place::Loaded => own(self.of_tile(value).slice(piece.clone())),
            Place::Run => own(match self.runs[value].as_ref().expect("it was found for this tile") {
                Alias::Local(local, (row, begin)) => {
                    made[*local as usize].run((*row, begin + piece.start), piece.len())
                }
                Alias::Data(run) => run.elements(piece.start, piece.len()),
            }),
        }
    }

    /// The whole tile of a value that is asked for.
    fn wanted_tile(&mut self, value: usize) -> Option<&mut Data> {
        match self.places[value] {
            Place::Wanted(number) => self.wanted[number].other.as_mut(),
            _ => None,
        }
    }
}

/// The length of all pieces of a tile but the last.
fn piece_len(len: usize) -> usize {
    len.div_ceil((len + PIECE_LEN / 2) / PIECE_LEN).next_multiple_of(GRAIN)
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
        if strands.places.is_empty() {
            strands = Strands::new(self.program, &self.twins, &self.deferred);
        }
        let done = self.load_all(&mut strands, region, made);
        if done.is_ok() {
            self.swap_wanted(&mut strands);
            self.all_pieces(&mut strands, made);
            self.swap_wanted(&mut strands);
            self.place_loads(&mut strands);
        }
        self.strands = strands;
        done
    }

    /// Loads and fills for the whole tile.
    fn load_all(&mut self, strands: &mut Strands<'a>, region: &Region, made: &[Made]) -> Result<(), RunError> {
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
                    let is_wanted = strands.wanted.iter().any(|w| w.value == number);
                    let repeated = repeated(view, region).filter(|_| !is_wanted);
                    if let Some(part) = repeated {
                        self.load(strands, number, &part, made)?;
                        strands.places[number] = Place::Repeated;
                        continue;
                    }
                    strands.runs[number] = alias(action, &mut self.extras[number], region, made)?;
                    if strands.runs[number].is_some() {
                        strands.places[number] = Place::Run;
                        continue;
                    }
                    self.load(strands, number, region, made)?;
                    strands.places[number] = Place::Loaded;
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

    /// Gives registers that are asked for a piece instead of the tile, or the other way round.
    fn swap_wanted(&mut self, strands: &mut Strands<'a>) {
        for Wanted { slot, other, .. } in &mut strands.wanted {
            other.iter_mut().for_each(|other| std::mem::swap(&mut self.registers[*slot], other));
        }
    }

    /// All arithmetic for the tile; one loop needs no pieces.
    fn all_pieces(&mut self, strands: &mut Strands<'a>, made: &[Made]) {
        let len = if strands.weave.is_one_loop() { self.len } else { piece_len(self.len) };
        strands.wanted.iter_mut().filter_map(|w| w.other.as_mut()).for_each(|tile| fit(tile, self.len));
        let mut items = std::mem::take(&mut strands.weave.items);
        for first in (0..self.len).step_by(len) {
            let piece = first..(first + len).min(self.len);
            for item in &mut items {
                match item {
                    Item::One(number) => self.one_piece(strands, *number, &piece, made),
                    Item::Both(number, twin) => self.both_pieces(strands, (*number, *twin), &piece, made),
                    Item::Chain(chain) => self.chain_piece(strands, chain, &piece, made),
                }
            }
        }
        strands.weave.items = items;
    }

    /// A piece of a value.
    fn piece_of<'m>(
        &'m self,
        strands: &'m Strands<'a>,
        value: usize,
        piece: &Range<usize>,
        made: &'m [Made],
    ) -> ChainOperand<'m> {
        let register = &self.registers[self.program.steps[value].out.0 as usize];
        strands.operand(value, piece, register, made)
    }

    /// What a step's piece is written to, which is to be put back by `give`.
    fn take(&mut self, strands: &mut Strands<'a>, number: usize, len: usize) -> Data {
        let none = Data::Bool(Vec::new());
        if let Some(tile) = strands.wanted_tile(number) {
            return std::mem::replace(tile, none);
        }
        let register = &mut self.registers[self.program.steps[number].out.0 as usize];
        let mut out = std::mem::replace(register, none);
        fit(&mut out, len);
        out
    }

    fn give(&mut self, strands: &mut Strands<'a>, number: usize, out: Data) {
        match strands.wanted_tile(number) {
            Some(tile) => *tile = out,
            None => self.registers[self.program.steps[number].out.0 as usize] = out,
        }
    }

    /// A step for a piece.
    fn one_piece(&mut self, strands: &mut Strands<'a>, number: usize, piece: &Range<usize>, made: &[Made]) {
        let mut out = self.take(strands, number, piece.len());
        let inputs = strands.weave.inputs[number].iter();
        let operands = inputs.map(|&value| self.piece_of(strands, value, piece, made).data);
        let operands: SmallVec<[DataRef<'_>; 3]> = operands.collect();
        let part = part_of(&mut out, piece);
        match &self.program.steps[number].action {
            Action::Map { op, loop_index, .. } => (map_loop(op, *loop_index).run)(&operands, part),
            Action::Cast { .. } => cast_part(operands[0], part),
            Action::Fill { .. } | Action::Load { .. } | Action::Overlay { .. } => {}
        }
        drop(operands);
        self.give(strands, number, out);
    }

    /// A step and the next one for a piece.
    fn both_pieces(
        &mut self,
        strands: &mut Strands<'a>,
        (number, twin): (usize, TwinLoop),
        piece: &Range<usize>,
        made: &[Made],
    ) {
        let [mut first, mut second] = [number, number + 1].map(|step| self.take(strands, step, piece.len()));
        let inputs = strands.weave.inputs[number].iter();
        let operands = inputs.map(|&value| self.piece_of(strands, value, piece, made).data);
        let operands: SmallVec<[DataRef<'_>; 3]> = operands.collect();
        twin(&operands, part_of(&mut first, piece), part_of(&mut second, piece));
        drop(operands);
        self.give(strands, number, first);
        self.give(strands, number + 1, second);
    }

    /// A chain of steps for a piece.
    fn chain_piece(&mut self, strands: &mut Strands<'a>, chain: &mut Chain, piece: &Range<usize>, made: &[Made]) {
        let mut out = match strands.wanted_tile(chain.last) {
            Some(tile) => std::mem::replace(tile, Data::Bool(Vec::new())),
            None => std::mem::replace(&mut chain.spare, Data::Bool(Vec::new())),
        };
        let is_wanted = matches!(strands.places[chain.last], Place::Wanted(_));
        if !is_wanted {
            fit(&mut out, piece.len());
        }
        let operand = |number: usize| self.piece_of(strands, chain.operands[number], piece, made);
        run_chain(&chain.steps, operand, part_of(&mut out, piece));
        if is_wanted {
            return self.give(strands, chain.last, out);
        }
        let slot = self.program.steps[chain.last].out.0 as usize;
        chain.spare = std::mem::replace(&mut self.registers[slot], out);
    }

    /// Says where registers that are asked for stand, as it is after tiles that are done as a whole.
    fn place_loads(&mut self, strands: &mut Strands<'a>) {
        for Wanted { slot, value, .. } in &strands.wanted {
            self.aliases[*slot] = None;
            match strands.places[*value] {
                Place::Piece | Place::Wanted(_) | Place::Constant | Place::Repeated => {}
                Place::Run => self.aliases[*slot] = strands.runs[*value].take(),
                Place::Loaded => {
                    let data = strands.loaded[*value].as_mut().expect("what is loaded stands until the next tile");
                    std::mem::swap(&mut self.registers[*slot], data);
                }
            }
        }
    }
}

fn fit(data: &mut Data, len: usize) {
    if data.len() != len {
        data.resize(len);
    }
}

/// The part of a tile that is a piece; all of what is as long as a piece.
fn part_of<'m>(out: &'m mut Data, piece: &Range<usize>) -> DataMut<'m> {
    if out.len() == piece.len() { out.as_mut() } else { out.as_mut().slice(piece.clone()) }
}
