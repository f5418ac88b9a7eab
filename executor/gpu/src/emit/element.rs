//! The elements of a cell, in order, and what the passes over them give.

use super::access::{gathered, load, long};
use super::cell::{Node, Writer};
use super::kernel::Param;
use super::recipe::{Input, Seen};
use super::steps::write;
use super::text::{Class, Reg, Text};
use super::tile::drawn;
use super::unfit::Unfit;
use cleave_ops::trace::{Step, Var};

/// Formulas of fewer steps are done for so many elements at once, so that their loads wait together.
const UNROLLS: [(usize, u32); 3] = [(12, 8), (40, 4), (120, 2)];

/// A cell at hand.
pub(super) struct CellAt {
    /// The index of its first element, by axis of the space.
    pub(super) first: Vec<Reg>,
    /// Axes of the space along which it has several elements, outermost first, with its length there.
    long: Vec<(usize, usize)>,
    /// How many elements it has.
    pub(super) count: Reg,
    /// That, as a float64.
    pub(super) float_count: Reg,
    /// The address, for each load, of the cell's first element.
    bases: Vec<Reg>,
}

/// The lane that goes through a cell: its first element and the distance to the next.
#[derive(Clone, Copy)]
pub(super) struct Lane {
    pub(super) first: Reg,
    pub(super) step: Reg,
}

impl Writer<'_> {
    /// The cell of a number in a node's superbox.
    pub(super) fn cell_at(&mut self, node: &Node, number: Reg) -> CellAt {
        let axes = self.lattice.kept.len() + self.lattice.reduced.len();
        let mut first = vec![number; axes];
        node.kept.iter().for_each(|&(axis, index)| first[axis] = index);
        let (mut rest, mut left) = (number, self.lattice.superbox.iter().filter(|&&side| side > 1).count());
        let mut count: Option<Reg> = None;
        for place in (0..self.lattice.reduced.len()).rev() {
            let ((start, cells), side) = (node.superbox[place], self.lattice.superbox[place]);
            let mut cell = start;
            if side > 1 {
                left -= 1;
                let mut at = rest;
                if left > 0 {
                    (rest, at) = super::cell::divided(&mut self.text, rest, cells);
                }
                cell = self.text.make(Class::Word, "add.s32", format_args!("{start}, {at}"));
            }
            let (index, len) = self.side(place, cell);
            first[self.lattice.reduced[place]] = index;
            count = Some(match count {
                None => len,
                Some(count) => self.text.make(Class::Word, "mul.lo.s32", format_args!("{count}, {len}")),
            });
        }
        let count = count.unwrap_or_else(|| self.text.make(Class::Word, "mov.b32", format_args!("1")));
        let float_count = self.text.make(Class::Double, "cvt.rn.f64.u32", format_args!("{count}"));
        let long = self.lattice.reduced.iter().zip(self.lattice.cell.iter());
        let long = long.filter(|(_, len)| **len > 1).map(|(axis, len)| (*axis, *len)).collect();
        let bases = self.bases(&first);
        CellAt { first, long, count, float_count, bases }
    }

    /// The first index of a cell on a reduced axis, and its length there.
    fn side(&mut self, place: usize, cell: Reg) -> (Reg, Reg) {
        let (side, len) = (self.lattice.cell[place], self.lattice.lens[place]);
        let text = &mut self.text;
        let start = text.make(Class::Long, "mul.wide.u32", format_args!("{cell}, {side}"));
        let all = text.make(Class::Long, "mov.b64", format_args!("{len}"));
        let left = text.make(Class::Long, "sub.s64", format_args!("{all}, {start}"));
        let least = text.make(Class::Long, "min.u64", format_args!("{left}, {side}"));
        (start, super::access::word(text, least))
    }

    fn bases(&mut self, first: &[Reg]) -> Vec<Reg> {
        let mut bases = vec![];
        for (number, of) in self.recipe.loads.iter().enumerate() {
            let is_seen = of.seen != Seen::Anywhere;
            let axes = (0..first.len()).filter(|&axis| is_seen && of.follows(axis));
            let axes = axes.map(|axis| (first[axis], Param::Step { load: number, axis }));
            let base = self.params.of(Param::Base(number));
            bases.push(self.params.along(&mut self.text, base, axes));
        }
        bases
    }

    /// What a pass gives of a cell, lane by lane, for each goal that has such a pass; `known` is what the passes before
    /// gave, by number.
    pub(super) fn pass(
        &mut self,
        pass: usize,
        cell: &CellAt,
        lane: Lane,
        known: &[Option<Reg>],
    ) -> Result<Vec<Option<Reg>>, Unfit> {
        let values = self.starts(pass, cell, known)?;
        let loads: Vec<Var> =
            self.goals.iter().filter_map(|goal| goal.passes.get(pass)).map(|pass| pass.load).collect();
        let needed = self.recipe.needed(loads.iter().chain(self.recipe.tape.beyond()).copied());
        let steps = needed.iter().filter(|needed| **needed).count();
        let at = self.text.copy(lane.first);
        if let Some((_, unroll)) = UNROLLS.iter().find(|(most, _)| steps < *most) {
            self.elements(pass, cell, (at, lane.step, *unroll), known, (&needed, &values))?;
        }
        self.elements(pass, cell, (at, lane.step, 1), known, (&needed, &values))?;
        Ok(values)
    }

    /// Where each goal begins, in registers that change.
    fn starts(&mut self, pass: usize, cell: &CellAt, known: &[Option<Reg>]) -> Result<Vec<Option<Reg>>, Unfit> {
        let mut values = vec![];
        for goal in self.goals {
            let value = match goal.passes.get(pass) {
                None => None,
                Some(of) => Some(match &of.start {
                    Some(start) => start.write(&mut self.text, &[])?[0],
                    None => {
                        let zero = self.text.zero(Class::Word);
                        let needed = self.recipe.needed([of.load]);
                        let inputs = self.inputs(cell, zero, known, &needed);
                        self.element(inputs, &needed)?[of.load.index()].expect("it is needed")
                    }
                }),
            };
            values.push(value.map(|value| self.text.copy(value)));
        }
        Ok(values)
    }

    /// Joins elements to values, so many at once, for as long as there are that many.
    fn elements(
        &mut self,
        pass: usize,
        cell: &CellAt,
        (at, step, unroll): (Reg, Reg, u32),
        known: &[Option<Reg>],
        (needed, values): (&[bool], &[Option<Reg>]),
    ) -> Result<(), Unfit> {
        let (next, done) = (self.text.label(), self.text.label());
        self.text.here(next);
        let mut places = vec![at];
        for _ in 1..unroll {
            let before = places[places.len() - 1];
            places.push(self.text.make(Class::Word, "add.s32", format_args!("{before}, {step}")));
        }
        let inside = self.text.test("lt.u32", places[places.len() - 1], cell.count);
        self.text.jump_unless(inside, done);
        let inputs: Vec<_> = places.iter().map(|&place| self.inputs(cell, place, known, needed)).collect();
        for inputs in inputs {
            let regs = self.element(inputs, needed)?;
            for mask in self.recipe.tape.beyond() {
                let (bad, mask) = (self.bad, regs[mask.index()].expect("it is needed"));
                self.text.line(format_args!("or.pred {bad}, {bad}, {mask}"));
            }
            for (goal, value) in self.goals.iter().zip(values) {
                let Some((of, value)) = goal.passes.get(pass).zip(*value) else { continue };
                let loaded = regs[of.load.index()].expect("it is needed");
                let joined = of.join.write(&mut self.text, &[value, loaded])?[0];
                self.text.set(value, joined);
            }
        }
        let last = places[places.len() - 1];
        self.text.line(format_args!("add.s32 {at}, {last}, {step}"));
        self.text.jump(next);
        self.text.here(done);
        Ok(())
    }

    /// The registers of the tape's inputs for an element of a cell.
    fn inputs(&mut self, cell: &CellAt, place: Reg, known: &[Option<Reg>], needed: &[bool]) -> Vec<Option<Reg>> {
        let offsets = self.offsets(cell, place);
        let mut regs = vec![None; self.recipe.tape.steps().len()];
        for (at, (_, step)) in self.recipe.tape.steps().iter().enumerate().filter(|(at, _)| needed[*at]) {
            let Step::Input(number) = step else { continue };
            regs[at] = match &self.recipe.inputs[*number] {
                Input::Count => Some(cell.float_count),
                Input::Passed(number) => known[*number],
                Input::Element(number) => Some(self.loaded(cell, *number, &offsets)),
                Input::Gathered(..) | Input::Block | Input::Running => None,
                Input::Drawn => {
                    let draw = self.recipe.draw.as_ref().zip(self.tile);
                    draw.map(|(draw, base)| drawn(&mut self.text, draw, base, place))
                }
                &Input::Index(axis) => Some(match offsets.iter().find(|(along, _)| *along == axis) {
                    None => cell.first[axis],
                    Some((_, offset)) => {
                        let first = cell.first[axis];
                        self.text.make(Class::Long, "add.s64", format_args!("{first}, {offset}"))
                    }
                }),
            };
        }
        regs
    }

    /// How far an element is from the cell's first, on each axis on which it has several.
    fn offsets(&mut self, cell: &CellAt, place: Reg) -> Vec<(usize, Reg)> {
        let (mut rest, mut offsets) = (place, vec![]);
        for (number, &(axis, len)) in cell.long.iter().enumerate().rev() {
            let mut at = rest;
            if number > 0 {
                at = self.text.make(Class::Word, "rem.u32", format_args!("{rest}, {len}"));
                rest = self.text.make(Class::Word, "div.u32", format_args!("{rest}, {len}"));
            }
            offsets.push((axis, long(&mut self.text, at)));
        }
        offsets
    }

    fn loaded(&mut self, cell: &CellAt, number: usize, offsets: &[(usize, Reg)]) -> Reg {
        let of = &self.recipe.loads[number];
        let axes = offsets.iter().filter(|(axis, _)| of.follows(*axis));
        let axes = axes.map(|&(axis, offset)| (offset, Param::Step { load: number, axis }));
        let address = self.params.along(&mut self.text, cell.bases[number], axes);
        load(&mut self.text, of.dtype, address)
    }

    /// The steps of an element whose inputs are there.
    fn element(&mut self, mut regs: Vec<Option<Reg>>, needed: &[bool]) -> Result<Vec<Option<Reg>>, Unfit> {
        let (recipe, params) = (self.recipe, &self.params);
        let mut input = |text: &mut Text, number: usize, regs: &[Option<Reg>]| match &recipe.inputs[number] {
            Input::Gathered(number, index) => {
                Some(gathered(text, params, (&recipe.loads[*number], *number), index, regs))
            }
            _ => None,
        };
        write(&mut self.text, &recipe.tape, needed, &mut regs, &mut input)?;
        Ok(regs)
    }

    /// All passes over a cell, each lane's values joined by `join`; then the columns of its state, goal by goal.
    pub(super) fn states(
        &mut self,
        cell: &CellAt,
        lane: Lane,
        mut join: impl FnMut(&mut Self, usize, &[Option<Reg>]) -> Result<(), Unfit>,
    ) -> Result<Vec<Vec<Reg>>, Unfit> {
        let most = self.goals.iter().map(|goal| goal.passes.len()).max().unwrap_or(0);
        let mut known = vec![None; self.recipe.passed];
        for pass in 0..most {
            let values = self.pass(pass, cell, lane, &known)?;
            join(self, pass, &values)?;
            let mut number = 0;
            for (goal, value) in self.goals.iter().zip(values) {
                if pass < goal.passes.len() {
                    known[number + pass] = value;
                }
                number += goal.passes.len();
            }
        }
        let (mut states, mut number) = (vec![], 0);
        for goal in self.goals {
            let given = known[number..number + goal.passes.len()].iter().flatten().copied();
            let operands: Vec<Reg> = std::iter::once(cell.float_count).chain(given).collect();
            states.push(goal.columns.write(&mut self.text, &operands)?);
            number += goal.passes.len();
        }
        Ok(states)
    }
}
