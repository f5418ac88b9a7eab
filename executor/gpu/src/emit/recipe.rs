//! A stage's program as one tape: what an element is, from its index and from what is loaded.

use super::unfit::Unfit;
use cleave_ops::trace::{Binary, Tape, Var};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Class, DType, Scalar, Shape, View};
use cleave_plan::program::Making;
use cleave_plan::{Action, Origin, Program, Slot, Step};
use smallvec::SmallVec;

/// The most steps of a kernel: compiling takes longer than they save beyond.
const MOST_STEPS: usize = 20_000;

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
    pub view: View,
}

impl Load {
    /// Whether its element changes along an axis of the space.
    pub(super) fn follows(&self, axis: usize) -> bool {
        self.view.source.iter().any(|source| source.follows(axis))
    }
}

/// What a tape's input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The index along an axis, an int64.
    Index(usize),
    /// The element of a load.
    Element(usize),
    /// How many elements a cell has, a float64.
    Count,
    /// What a pass over a cell gave, by its number among all passes of all goals.
    Passed(usize),
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
}

impl Recipe {
    /// Writes a program down.
    pub(super) fn of(program: &Program) -> Result<Recipe, Unfit> {
        if program.space.is_empty_array() {
            return Err(Unfit::Empty);
        }
        let mut recipe = Recipe::default();
        recipe.slots = recipe.run(program, &View::identity(&program.space))?;
        Ok(recipe)
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

    /// Runs a program whose space is seen through a view.
    fn run(&mut self, program: &Program, seen: &View) -> Result<Vec<Option<Var>>, Unfit> {
        let mut slots = vec![None; program.slots.len()];
        for step in &program.steps {
            let value = self.step(program, step, seen, &slots)?;
            slots[step.out.0 as usize] = Some(value);
            if self.tape.steps().len() > MOST_STEPS {
                return Err(Unfit::Steps(self.tape.steps().len()));
            }
        }
        Ok(slots)
    }

    fn step(&mut self, program: &Program, step: &Step, seen: &View, slots: &[Option<Var>]) -> Result<Var, Unfit> {
        let dtype = program.slots[step.out.0 as usize];
        let at = |slot: &Slot| slots[slot.0 as usize].ok_or(Unfit::Step);
        match &step.action {
            Action::Fill { fill, shape, view } => {
                let index: SmallVec<[Var; 4]> = seen.of(view).source.iter().map(|axis| self.index(axis)).collect();
                self.tape.fill(fill, shape, dtype, &index).ok_or(Unfit::Step)
            }
            Action::Load { origin: Origin::Local(number), view, .. } => {
                self.local(program, *number as usize, &seen.of(view))
            }
            Action::Load { origin, shape, view } => {
                let load = Load { origin: *origin, dtype, shape: shape.clone(), view: seen.of(view) };
                let known = self.loads.iter().position(|known| *known == load);
                let number = known.unwrap_or_else(|| {
                    self.loads.push(load);
                    self.loads.len() - 1
                });
                Ok(self.input(Input::Element(number), dtype))
            }
            Action::Map { op, loop_index, inputs } => {
                let Class::Map(map) = &op.class else { return Err(Unfit::Formula(op.name)) };
                let operands: SmallVec<[Var; 3]> = inputs.iter().map(at).collect::<Result<_, _>>()?;
                self.tape.map(&map.loops[*loop_index], &operands).ok_or(Unfit::Formula(op.name))
            }
            Action::Cast { input } => {
                let input = at(input)?;
                Ok(self.tape.convert(input, dtype))
            }
            Action::Overlay { .. } => Err(Unfit::Patch),
        }
    }

    /// A value that is made for blocks on the processor is made anew for each reader here.
    fn local(&mut self, program: &Program, number: usize, seen: &View) -> Result<Var, Unfit> {
        let local = &program.locals[number];
        match &local.making {
            Making::Plain => {
                let slots = self.run(&local.program, seen)?;
                slots[local.program.results[0].0 as usize].ok_or(Unfit::Step)
            }
            Making::Scan { .. } => Err(Unfit::Running),
        }
    }

    /// The index along an axis of a source.
    fn index(&mut self, axis: &SourceAxis) -> Var {
        let mut index = self.whole(axis.start);
        for term in &axis.terms {
            let (along, step) = (self.input(Input::Index(term.axis), DType::I64), self.whole(term.step));
            let far = if term.step == 1 { along } else { self.tape.binary(Binary::Mul, along, step) };
            index = if self.tape.known(index) == Some(Scalar::Int(0)) {
                far
            } else {
                self.tape.binary(Binary::Add, index, far)
            };
        }
        index
    }

    /// A constant int64.
    pub(super) fn whole(&mut self, value: i64) -> Var {
        self.tape.constant(DType::I64, Scalar::Int(value.into()))
    }
}
