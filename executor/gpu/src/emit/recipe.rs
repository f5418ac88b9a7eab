//! A stage's program as one tape: what an element is, from its index and from what is loaded.

use super::made::{Place, Places};
use super::product::lane;
use super::tile::Draw;
use super::unfit::Unfit;
use cleave_ops::trace::{Binary, Step as TapeStep, Tape, Var};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Class, DType, Fill, Scalar, Shape, View};
use cleave_plan::program::{Local, Making};
use cleave_plan::progression::Progression;
use cleave_plan::{Action, Lattice, Origin, Program, Slot};
use smallvec::SmallVec;

/// The most steps of a kernel: compiling takes longer than they save beyond.
const MOST_STEPS: usize = 20_000;

/// An index on each axis of an array.
type Index = SmallVec<[Var; 4]>;

/// An array that a kernel reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Where it is found.
    pub origin: Origin,
    /// Its dtype.
    pub dtype: DType,
    /// Its shape.
    pub shape: Shape,
    /// How the stage's space sees it.
    pub seen: Seen,
}

/// How a stage's space sees an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Through a view.
    Through(View),
    /// At places that are computed, any in the array.
    Anywhere,
}

impl Load {
    /// Whether its element changes along an axis of the space, for all that is known before.
    pub(super) fn follows(&self, axis: usize) -> bool {
        match &self.seen {
            Seen::Through(view) => view.source.iter().any(|source| source.follows(axis)),
            Seen::Anywhere => true,
        }
    }

    /// Its axes along which the kernel is told the distance of elements, in a space of so many.
    pub(super) fn stepped(&self, axes: usize) -> SmallVec<[usize; 4]> {
        match &self.seen {
            Seen::Through(_) => (0..axes).filter(|&axis| self.follows(axis)).collect(),
            Seen::Anywhere => (0..self.shape.ndim()).collect(),
        }
    }
}

/// What a tape's input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The index along an axis, an int64.
    Index(usize),
    /// The element of a load that the space sees through a view.
    Element(usize),
    /// The element of a load at an index.
    Gathered(usize, Index),
    /// How many elements a cell has, a float64.
    Count,
    /// What a pass over a cell gave, by its number among all passes of all goals.
    Passed(usize),
    /// An element of the draw that waits in shared memory.
    Drawn,
    /// The number of a block of running values, an int64.
    Block,
    /// A running value.
    Running,
}

/// How a program's space lies to the stage's.
#[derive(Clone, Copy)]
enum At<'a> {
    /// The stage sees it through a view.
    View(&'a View),
    /// At an index that is computed.
    Index(&'a [Var]),
}

impl At<'_> {
    /// Whether all indices on an axis are some of those that follow each other there.
    fn lies_in(&self, axis: usize, of: &Progression) -> bool {
        let At::View(view) = self else { return false };
        let (first, last) = view.source[axis].range(&view.shape);
        of.step == 1 && first >= of.start as i64 && last < (of.start + of.count) as i64
    }

    /// How the stage's space lies to a patch in which all of it lies.
    fn inside(&self, place: &[Progression]) -> Option<View> {
        let At::View(view) = self else { return None };
        let mut view = View::clone(view);
        for (axis, of) in place.iter().enumerate() {
            if !self.lies_in(axis, of) {
                return None;
            }
            view.source[axis].start -= of.start as i64;
        }
        Some(view)
    }
}

/// A program as a tape.
#[derive(Debug, Default)]
pub(super) struct Recipe {
    pub(super) tape: Tape,
    /// What each input of the tape is.
    pub(super) inputs: Vec<Input>,
    pub(super) loads: Vec<Load>,
    /// What stands in each of the program's registers in the end.
    pub(super) slots: Vec<Option<Var>>,
    /// How many passes over a cell there are.
    pub(super) passed: usize,
    /// The draw that waits in shared memory.
    pub(super) draw: Option<Draw>,
    /// The order of cells that are gone through element by element, if a draw may wait for them.
    cells: Option<Lattice>,
    /// What is made before.
    places: Places,
}

impl Recipe {
    /// Writes a program down that reads these locals, its own or those of the one that it makes a local of. With the
    /// order of cells, a normal draw may wait for each in shared memory.
    pub(super) fn of(
        program: &Program,
        locals: &[Local],
        places: &Places,
        cells: Option<&Lattice>,
    ) -> Result<Recipe, Unfit> {
        let mut recipe = Recipe { cells: cells.cloned(), ..Recipe::default() };
        recipe.go_on(program, locals, places)?;
        Ok(recipe)
    }

    /// A program whose registers hold what was made before, by number.
    pub(super) fn given(program: &Program, made: &[(Slot, u32)]) -> Recipe {
        let view = View::identity(&program.space);
        let mut recipe = Recipe { slots: vec![None; program.slots.len()], ..Recipe::default() };
        for &(slot, number) in made {
            let form = (program.slots[slot.0 as usize], &program.space);
            recipe.slots[slot.0 as usize] = Some(recipe.load(Origin::Local(number), form, &view, At::View(&view)));
        }
        recipe
    }

    /// Writes another program of the same space down; its registers are those that stand in the end.
    pub(super) fn go_on(&mut self, program: &Program, locals: &[Local], places: &Places) -> Result<(), Unfit> {
        self.places = places.clone();
        self.slots = self.run(program, locals, At::View(&View::identity(&program.space)))?;
        Ok(())
    }

    /// What lies before a block of running values along an axis, for which the number of the block is not 0.
    pub(super) fn before(&mut self, program: &Program, axis: usize) -> Result<Var, Unfit> {
        let (block, [zero, one]) = (self.input(Input::Block, DType::I64), [0, 1].map(|n| self.whole(n)));
        let is_later = self.tape.binary(Binary::Lt, zero, block);
        let number = self.tape.binary(Binary::Sub, block, one);
        let number = self.tape.pick(is_later, number, zero);
        let along = |other| if other == axis { number } else { self.input(Input::Index(other), DType::I64) };
        let index: Index = (0..program.space.ndim()).map(along).collect();
        let slots = self.run(program, &program.locals, At::Index(&index))?;
        slots[program.results[0].0 as usize].ok_or(Unfit::Step)
    }

    /// A product as it is.
    pub(super) fn of_product(shape: &Shape, dtype: DType) -> (Recipe, Var) {
        let (mut recipe, seen) = (Recipe::default(), View::identity(shape));
        let product = recipe.product((dtype, shape), &seen, At::View(&seen));
        (recipe, product)
    }

    /// What stands in a register in the end.
    pub(super) fn slot(&self, slot: Slot) -> Result<Var, Unfit> {
        self.slots[slot.0 as usize].ok_or(Unfit::Step)
    }

    /// Puts another input on the tape, or finds it there.
    pub(super) fn input(&mut self, input: Input, dtype: DType) -> Var {
        let number = self.inputs.iter().position(|known| *known == input).unwrap_or_else(|| {
            self.inputs.push(input);
            self.inputs.len() - 1
        });
        self.tape.input(number, dtype)
    }

    /// What a step of the tape reads.
    pub(super) fn operands(&self, step: TapeStep) -> SmallVec<[Var; 4]> {
        match step {
            TapeStep::Input(number) => match &self.inputs[number] {
                Input::Gathered(_, index) => index.clone(),
                _ => SmallVec::new(),
            },
            other => super::steps::operands(other).into_iter().flatten().collect(),
        }
    }

    /// Which steps of the tape are needed for some results.
    pub(super) fn needed(&self, results: impl IntoIterator<Item = Var>) -> Vec<bool> {
        super::steps::needed(&self.tape, results, |step| self.operands(step))
    }

    /// A constant int64.
    pub(super) fn whole(&mut self, value: i64) -> Var {
        self.tape.constant(DType::I64, Scalar::Int(value.into()))
    }

    /// Runs a program that reads these locals: its own, or those of the program that it makes a local of.
    fn run(&mut self, program: &Program, locals: &[Local], at: At<'_>) -> Result<Vec<Option<Var>>, Unfit> {
        let mut slots = vec![None; program.slots.len()];
        for step in &program.steps {
            let dtype = program.slots[step.out.0 as usize];
            let value = self.step((&step.action, dtype), locals, at, &slots)?;
            slots[step.out.0 as usize] = Some(value);
            if self.tape.steps().len() > MOST_STEPS {
                return Err(Unfit::Steps(self.tape.steps().len()));
            }
        }
        Ok(slots)
    }

    fn step(
        &mut self,
        (action, dtype): (&Action, DType),
        locals: &[Local],
        at: At<'_>,
        slots: &[Option<Var>],
    ) -> Result<Var, Unfit> {
        let known = |slot: &Slot| slots[slot.0 as usize].ok_or(Unfit::Step);
        match action {
            Action::Fill { fill, shape, view } => {
                if self.waits(fill, (dtype, shape), view, at) {
                    return Ok(self.input(Input::Drawn, dtype));
                }
                let index = self.through(view, at);
                self.tape.fill(fill, shape, dtype, &index).ok_or(Unfit::Step)
            }
            Action::Load { origin: Origin::Local(number), shape, view } => match locals.get(*number as usize) {
                Some(_) => self.local(locals, *number as usize, view, at),
                None => Ok(self.product((dtype, shape), view, at)),
            },
            Action::Load { origin, shape, view } => Ok(self.load(*origin, (dtype, shape), view, at)),
            Action::Map { op, loop_index, inputs } => {
                let Class::Map(map) = &op.class else { return Err(Unfit::Formula(op.name)) };
                let operands: SmallVec<[Var; 3]> = inputs.iter().map(known).collect::<Result<_, _>>()?;
                self.tape.map(&map.loops[*loop_index], &operands).ok_or(Unfit::Formula(op.name))
            }
            Action::Cast { input } => {
                let input = known(input)?;
                Ok(self.tape.convert(input, dtype))
            }
            Action::Overlay { base, patch, place } => {
                let base = known(base)?;
                self.overlay(base, (patch, place), at)
            }
        }
    }

    /// Whether a fill is the draw that waits in shared memory; the first that can be is.
    fn waits(&mut self, fill: &Fill, form: (DType, &Shape), view: &View, at: At<'_>) -> bool {
        let (At::View(outer), Some(cells)) = (at, &self.cells) else { return false };
        let Some(draw) = Draw::of(fill, form, &outer.of(view), cells) else { return false };
        *self.draw.get_or_insert_with(|| draw.clone()) == draw
    }

    fn load(&mut self, origin: Origin, (dtype, shape): (DType, &Shape), view: &View, at: At<'_>) -> Var {
        let seen = match at {
            At::View(outer) => Seen::Through(outer.of(view)),
            At::Index(_) => Seen::Anywhere,
        };
        let load = Load { origin, dtype, shape: shape.clone(), seen };
        let number = self.loads.iter().position(|known| *known == load).unwrap_or_else(|| {
            self.loads.push(load);
            self.loads.len() - 1
        });
        let input = match at {
            At::View(_) => Input::Element(number),
            At::Index(_) => Input::Gathered(number, self.through(view, at)),
        };
        self.input(input, dtype)
    }

    /// A product that the stage goes on with: the local that no program makes. Its sums have a dtype of their own.
    fn product(&mut self, (dtype, shape): (DType, &Shape), view: &View, at: At<'_>) -> Var {
        let sum = self.load(Origin::Local(0), (lane(dtype), shape), view, at);
        self.tape.convert(sum, dtype)
    }

    /// A value that is made for blocks on the processor: it was made before, or is made anew for each reader here.
    fn local(&mut self, locals: &[Local], number: usize, view: &View, at: At<'_>) -> Result<Var, Unfit> {
        let local = &locals[number];
        match (self.places.of(local), &local.making) {
            (Some(Place::Made(number)), _) => {
                return Ok(self.load(Origin::Local(number), (local.dtype, &local.program.space), view, at));
            }
            (Some(Place::Here), _) => return Ok(self.input(Input::Running, local.dtype)),
            (None, Making::Scan { .. }) => return Err(Unfit::Running),
            (None, Making::Plain) => {}
        }
        let slots = match at {
            At::View(outer) => self.run(&local.program, locals, At::View(&outer.of(view)))?,
            At::Index(_) => {
                let index = self.through(view, at);
                self.run(&local.program, locals, At::Index(&index))?
            }
        };
        slots[local.program.results[0].0 as usize].ok_or(Unfit::Step)
    }

    /// The patch where it lies, else the base. Elsewhere the patch is computed too, for its first index.
    fn overlay(&mut self, base: Var, (patch, place): (&Program, &[Progression]), at: At<'_>) -> Result<Var, Unfit> {
        if patch.space.is_empty_array() {
            return Ok(base);
        }
        if let Some(inside) = at.inside(place) {
            let slots = self.run(patch, &patch.locals, At::View(&inside))?;
            return slots[patch.results[0].0 as usize].ok_or(Unfit::Step);
        }
        let (mut mask, mut index) = (self.tape.constant(DType::Bool, Scalar::Bool(true)), vec![]);
        for (axis, progression) in place.iter().enumerate() {
            let here = self.along(axis, at);
            let (number, inside) = self.number_in(progression, here);
            let is_sure = at.lies_in(axis, progression);
            mask = if is_sure { mask } else { self.tape.binary(Binary::And, mask, inside) };
            index.push((number, is_sure));
        }
        let zero = self.whole(0);
        let pick = |(number, is_sure)| if is_sure { number } else { self.tape.pick(mask, number, zero) };
        let index: Index = index.into_iter().map(pick).collect();
        let slots = self.run(patch, &patch.locals, At::Index(&index))?;
        let value = slots[patch.results[0].0 as usize].ok_or(Unfit::Step)?;
        Ok(self.tape.pick(mask, value, base))
    }

    /// Which of a progression's indices one is, and whether it is one.
    fn number_in(&mut self, of: &Progression, index: Var) -> (Var, Var) {
        let [start, step, count, zero] = [of.start as i64, of.step as i64, of.count as i64, 0].map(|n| self.whole(n));
        let offset = self.tape.binary(Binary::Sub, index, start);
        let number = if of.step == 1 { offset } else { self.tape.binary(Binary::Div, offset, step) };
        let from = self.tape.binary(Binary::Le, zero, offset);
        let to = self.tape.binary(Binary::Lt, number, count);
        let mut inside = self.tape.binary(Binary::And, from, to);
        if of.step > 1 {
            let met = self.tape.binary(Binary::Mul, number, step);
            let exact = self.tape.binary(Binary::Eq, met, offset);
            inside = self.tape.binary(Binary::And, inside, exact);
        }
        (number, inside)
    }

    /// The index on an axis of a program's space.
    fn along(&mut self, axis: usize, at: At<'_>) -> Var {
        match at {
            At::Index(index) => index[axis],
            At::View(view) => self.affine(&view.source[axis], None),
        }
    }

    /// The index that a source is read at.
    fn through(&mut self, view: &View, at: At<'_>) -> Index {
        match at {
            At::View(outer) => outer.of(view).source.iter().map(|axis| self.affine(axis, None)).collect(),
            At::Index(index) => view.source.iter().map(|axis| self.affine(axis, Some(index))).collect(),
        }
    }

    /// The index along an axis of a source, from one that is given or from that of the space.
    fn affine(&mut self, axis: &SourceAxis, given: Option<&[Var]>) -> Var {
        let mut index = self.whole(axis.start);
        for term in &axis.terms {
            let along = match given {
                Some(given) => given[term.axis],
                None => self.input(Input::Index(term.axis), DType::I64),
            };
            let step = self.whole(term.step);
            let far = if term.step == 1 { along } else { self.tape.binary(Binary::Mul, along, step) };
            let is_zero = self.tape.known(index) == Some(Scalar::Int(0));
            index = if is_zero { far } else { self.tape.binary(Binary::Add, index, far) };
        }
        index
    }
}
