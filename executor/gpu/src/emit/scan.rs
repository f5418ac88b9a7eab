//! Running values: a thread goes along one block of them, element by element, as all before them in the block have to
//! be known.

use super::access::{Params, gathered, load, long, special, store};
use super::cell::Formula;
use super::kernel::{Kernel, Param, StoreKernel};
use super::made::Places;
use super::recipe::{Input, Recipe, Seen};
use super::steps::write;
use super::store::list;
use super::text::{Class, Label, Reg, Text};
use super::unfit::Unfit;
use cleave_graph::SCAN_LEN;
use cleave_ops::trace::{Step, Var};
use cleave_ops::{Class as OpClass, DType, ScanLoop};
use cleave_plan::program::{Local, Making};
use cleave_plan::{Program, Slot};
use std::sync::Arc;

/// Formulas of fewer steps are done for so many elements at once, so that their loads wait together.
const UNROLL: (usize, u32) = (60, 4);
/// Bits of a place in a block.
const BITS: u32 = SCAN_LEN.ilog2();

/// The kernel of running values; or, of a program that reads them where they are made, of what it leaves in some
/// registers.
pub(super) fn kernel(
    local: &Local,
    locals: &[Local],
    places: &Places,
    then: Option<(&Program, &[Slot])>,
) -> Result<StoreKernel, Unfit> {
    let (rule, axis, name) = rule(local)?;
    let mut recipe = Recipe::of(&local.program, locals, places, None)?;
    let element = recipe.slot(local.program.results[0])?;
    let element = recipe.tape.formula(rule.trace.load, &[element]).ok_or(Unfit::Formula(name))?;
    let before = local.making.before().map(|before| recipe.before(before, axis)).transpose()?;
    let goals = match then {
        None => vec![recipe.input(Input::Running, rule.output)],
        Some((program, slots)) => {
            recipe.go_on(program, locals, &places.with_one_here(local))?;
            slots.iter().map(|&slot| recipe.slot(slot)).collect::<Result<_, _>>()?
        }
    };
    let join = Formula::of(&[rule.trace.join], &[rule.output; 2])?;
    let (axes, mut text) = (local.program.space.ndim(), Text::default());
    let params = Params::read(&mut text, list(&recipe, goals.len(), axes))?;
    let (end, bad) = (text.label(), text.zero(Class::Truth));
    let needs = Needs::of(&recipe, element, before, &goals);
    let (given, wanted) = ((element, before), &goals[..]);
    let mut writer = Writer { recipe: &recipe, goals: wanted, needs, given, join, params, text, axes, axis, bad, end };
    writer.body(rule.output)?;
    let Writer { text, params, .. } = writer;
    let (name, text) = text.module(params.list.len());
    let may_fail = !recipe.tape.beyond().is_empty();
    let dtypes: Vec<DType> = goals.iter().map(|goal| recipe.tape.dtype(*goal)).collect();
    let made = Arc::default();
    let kernel = Kernel { name, text, params: params.list, loads: recipe.loads, made, may_fail };
    Ok(StoreKernel { kernel, goals: dtypes, unroll: 1, along: Some(axis) })
}

/// The loop of a local that is running values, the axis along which it goes, and what the operation is called.
fn rule(local: &Local) -> Result<(&'static ScanLoop, usize, &'static str), Unfit> {
    let Making::Scan { op, loop_index, axis, .. } = local.making else { return Err(Unfit::Running) };
    let OpClass::Scan(scan) = &op.class else { return Err(Unfit::Formula(op.name)) };
    Ok((&scan.loops[loop_index], axis, op.name))
}

/// Which steps of the tape are needed: for an element, for what lies before its block, and for what becomes of it.
struct Needs {
    element: Vec<bool>,
    before: Vec<bool>,
    goals: Vec<bool>,
}

impl Needs {
    fn of(recipe: &Recipe, element: Var, before: Option<Var>, goals: &[Var]) -> Self {
        let results = goals.iter().chain(recipe.tape.beyond()).copied();
        Self { element: recipe.needed([element]), before: recipe.needed(before), goals: recipe.needed(results) }
    }

    fn count(&self) -> usize {
        self.element.iter().zip(&self.goals).filter(|(element, goal)| **element || **goal).count()
    }
}

/// The kernel while it is written.
struct Writer<'a> {
    recipe: &'a Recipe,
    goals: &'a [Var],
    needs: Needs,
    /// What is loaded of an element, and what lies before its block.
    given: (Var, Option<Var>),
    join: Formula,
    params: Params,
    text: Text,
    axes: usize,
    axis: usize,
    /// Whether there was an element for which a formula does not hold.
    bad: Reg,
    end: Label,
}

/// A block of running values, as far as a region reaches.
struct Line {
    /// The index on each axis; that of the block's first element on the one along which it goes.
    index: Vec<Reg>,
    /// The number of the block on that axis.
    block: Reg,
    /// The index behind its last element.
    end: Reg,
    /// For each load the address of what index 0 of that axis reads, or the element itself where all read the same.
    loads: Vec<Read>,
    /// The same addresses for each goal.
    outs: Vec<Reg>,
}

#[derive(Clone, Copy)]
enum Read {
    Along(Reg),
    Same(Reg),
    Elsewhere,
}

/// What changes from element to element: the index, the value, and whether anything lies before the block.
struct Now {
    at: Reg,
    running: Reg,
    before: Option<(Reg, Reg)>,
}

impl Writer<'_> {
    fn body(&mut self, dtype: DType) -> Result<(), Unfit> {
        let line = self.line();
        let before = self.what_lies_before(&line)?;
        let (at, running) = (self.text.copy(line.index[self.axis]), self.text.zero(Class::of(dtype)));
        let now = Now { at, running, before };
        if self.needs.count() < UNROLL.0 {
            self.elements(&line, &now, UNROLL.1)?;
        }
        self.elements(&line, &now, 1)?;
        if !self.recipe.tape.beyond().is_empty() {
            let (flag, bad) = (self.params.of(Param::Flag), self.bad);
            let one = self.text.make(Class::Word, "mov.b32", format_args!("1"));
            self.text.line(format_args!("@{bad} st.global.b32 [{flag}], {one}"));
        }
        let end = self.end;
        self.text.here(end);
        Ok(())
    }

    /// The line of a thread: they are numbered row-major, with blocks in place of elements along the axis.
    fn line(&mut self) -> Line {
        let text = &mut self.text;
        let [thread, threads, block] = ["tid.x", "ntid.x", "ctaid.x"].map(|name| special(text, name));
        let before = text.make(Class::Long, "mul.wide.u32", format_args!("{block}, {threads}"));
        let thread = long(text, thread);
        let number = text.make(Class::Long, "add.s64", format_args!("{before}, {thread}"));
        let (start, len) = (self.params.of(Param::Start(self.axis)), self.params.of(Param::Len(self.axis)));
        let behind = text.make(Class::Long, "add.s64", format_args!("{start}, {len}"));
        let first = text.make(Class::Long, "shr.u64", format_args!("{start}, {BITS}"));
        let last = text.make(Class::Long, "add.s64", format_args!("{behind}, {}", SCAN_LEN - 1));
        let last = text.make(Class::Long, "shr.u64", format_args!("{last}, {BITS}"));
        let blocks = text.make(Class::Long, "sub.s64", format_args!("{last}, {first}"));
        let numbers = self.unravelled(number, blocks);
        let text = &mut self.text;
        let block = text.make(Class::Long, "add.s64", format_args!("{first}, {}", numbers[self.axis]));
        let mut index = vec![];
        for (axis, number) in numbers.into_iter().enumerate() {
            let start = self.params.of(Param::Start(axis));
            index.push(match axis == self.axis {
                true => text.make(Class::Long, "shl.b64", format_args!("{block}, {BITS}")),
                false => text.make(Class::Long, "add.s64", format_args!("{start}, {number}")),
            });
        }
        let end = text.make(Class::Long, "add.s64", format_args!("{}, {SCAN_LEN}", index[self.axis]));
        let end = text.make(Class::Long, "min.s64", format_args!("{end}, {behind}"));
        let (loads, outs) = (self.loads(&index), self.outs(&index));
        Line { index, block, end, loads, outs }
    }

    /// A line's number on each axis, along one of which there are so many; threads that have none end.
    fn unravelled(&mut self, number: Reg, blocks: Reg) -> Vec<Reg> {
        let (axes, text) = (self.axes, &mut self.text);
        let len = |axis| if axis == self.axis { blocks } else { self.params.of(Param::Len(axis)) };
        let lens: Vec<Reg> = (0..axes).map(len).collect();
        let mut all = lens[0];
        for len in &lens[1..] {
            all = text.make(Class::Long, "mul.lo.s64", format_args!("{all}, {len}"));
        }
        let none = text.test("ge.u64", number, all);
        text.jump_if(none, self.end);
        let (mut rest, mut numbers) = (number, vec![number; axes]);
        for axis in (1..axes).rev() {
            let len = lens[axis];
            numbers[axis] = text.make(Class::Long, "rem.u64", format_args!("{rest}, {len}"));
            rest = text.make(Class::Long, "div.u64", format_args!("{rest}, {len}"));
        }
        numbers[0] = rest;
        numbers
    }

    /// Goes from an address along all axes but that of the running values, of those that are followed.
    fn along_others(&mut self, base: Reg, index: &[Reg], step: impl Fn(usize) -> Option<Param>) -> Reg {
        let others = index.iter().enumerate().filter(|(axis, _)| *axis != self.axis);
        let steps = others.filter_map(|(axis, &index)| Some((index, step(axis)?)));
        self.params.along(&mut self.text, base, steps)
    }

    fn loads(&mut self, index: &[Reg]) -> Vec<Read> {
        let mut loads = vec![];
        for (number, of) in self.recipe.loads.iter().enumerate() {
            if of.seen == Seen::Anywhere {
                loads.push(Read::Elsewhere);
                continue;
            }
            let base = self.params.of(Param::Base(number));
            let step = |axis: usize| of.follows(axis).then_some(Param::Step { load: number, axis });
            let address = self.along_others(base, index, step);
            loads.push(match of.follows(self.axis) {
                true => Read::Along(address),
                false => Read::Same(load(&mut self.text, of.dtype, address)),
            });
        }
        loads
    }

    fn outs(&mut self, index: &[Reg]) -> Vec<Reg> {
        let out = |writer: &mut Self, goal: usize| {
            let base = writer.params.of(Param::Out(goal));
            writer.along_others(base, index, |axis| Some(Param::OutStep { goal, axis }))
        };
        (0..self.goals.len()).map(|goal| out(self, goal)).collect()
    }

    /// What lies before a line's block, and whether anything does.
    fn what_lies_before(&mut self, line: &Line) -> Result<Option<(Reg, Reg)>, Unfit> {
        let Some(before) = self.given.1 else { return Ok(None) };
        let has = self.text.test("gt.s64", line.block, 0);
        let (needed, mut regs) = (std::mem::take(&mut self.needs.before), self.no_regs());
        self.steps((line, line.index[self.axis], &[]), None, &needed, &mut regs)?;
        Ok(Some((has, regs[before.index()].expect("it is needed"))))
    }

    fn no_regs(&self) -> Vec<Option<Reg>> {
        vec![None; self.recipe.tape.steps().len()]
    }

    /// Writes those steps that are needed for an index, of which the elements are there.
    fn steps(
        &mut self,
        (line, at, elements): (&Line, Reg, &[Option<Reg>]),
        running: Option<Reg>,
        needed: &[bool],
        regs: &mut [Option<Reg>],
    ) -> Result<(), Unfit> {
        let (recipe, params, own) = (self.recipe, &self.params, self.axis);
        let mut input = |text: &mut Text, input: usize, regs: &[Option<Reg>]| match &recipe.inputs[input] {
            Input::Index(axis) if *axis == own => Some(at),
            Input::Index(axis) => Some(line.index[*axis]),
            Input::Element(number) => elements.get(*number).copied().flatten(),
            Input::Gathered(number, index) => {
                Some(gathered(text, params, (&recipe.loads[*number], *number), index, regs))
            }
            Input::Block => Some(line.block),
            Input::Running => running,
            Input::Count | Input::Passed(_) | Input::Drawn => None,
        };
        write(&mut self.text, &recipe.tape, needed, regs, &mut input)
    }

    /// Goes on with so many elements at once, for as long as there are that many.
    fn elements(&mut self, line: &Line, now: &Now, unroll: u32) -> Result<(), Unfit> {
        let (next, done) = (self.text.label(), self.text.label());
        self.text.here(next);
        let mut places = vec![now.at];
        for _ in 1..unroll {
            let before = places[places.len() - 1];
            places.push(self.text.make(Class::Long, "add.s64", format_args!("{before}, 1")));
        }
        let last = places[places.len() - 1];
        let inside = self.text.test("lt.s64", last, line.end);
        self.text.jump_unless(inside, done);
        let loaded: Vec<_> = places.iter().map(|&place| self.loaded(line, place)).collect();
        let first = line.index[self.axis];
        for (number, (&place, loaded)) in places.iter().zip(&loaded).enumerate() {
            let is_first = (number == 0).then(|| self.text.test("eq.s64", place, first));
            self.element((line, place, loaded), now, is_first)?;
        }
        self.text.line(format_args!("add.s64 {}, {last}, 1", now.at));
        self.text.jump(next);
        self.text.here(done);
        Ok(())
    }

    /// The element of each load that is needed for a place.
    fn loaded(&mut self, line: &Line, place: Reg) -> Vec<Option<Reg>> {
        let (recipe, own) = (self.recipe, self.axis);
        let mut elements = vec![None; line.loads.len()];
        for (step, (_, what)) in recipe.tape.steps().iter().enumerate() {
            let Step::Input(input) = what else { continue };
            let Input::Element(number) = recipe.inputs[*input] else { continue };
            if !self.needs.element[step] && !self.needs.goals[step] {
                continue;
            }
            elements[number] = match line.loads[number] {
                Read::Same(element) => Some(element),
                Read::Elsewhere => None,
                Read::Along(base) => {
                    let step = (place, Param::Step { load: number, axis: own });
                    let address = self.params.along(&mut self.text, base, std::iter::once(step));
                    Some(load(&mut self.text, recipe.loads[number].dtype, address))
                }
            };
        }
        elements
    }

    /// The running value of an element, and what becomes of it where it is wanted.
    fn element(
        &mut self,
        (line, place, loaded): (&Line, Reg, &[Option<Reg>]),
        now: &Now,
        is_first: Option<Reg>,
    ) -> Result<(), Unfit> {
        let needs = (std::mem::take(&mut self.needs.element), std::mem::take(&mut self.needs.goals));
        let mut regs = self.no_regs();
        self.steps((line, place, loaded), None, &needs.0, &mut regs)?;
        let element = regs[self.given.0.index()].expect("it is needed");
        let value = self.value(element, now, is_first)?;
        self.steps((line, place, loaded), Some(value), &needs.1, &mut regs)?;
        (self.needs.element, self.needs.goals) = needs;
        self.keep(line, place, &regs);
        Ok(())
    }

    /// Joins what is loaded to the running value, and what lies before the block to that.
    fn value(&mut self, element: Reg, now: &Now, is_first: Option<Reg>) -> Result<Reg, Unfit> {
        let mut next = self.join.write(&mut self.text, &[now.running, element])?[0];
        if let Some(is_first) = is_first {
            next = self.text.pick(is_first, element, next);
        }
        self.text.set(now.running, next);
        let Some((has, before)) = now.before else { return Ok(next) };
        let later = self.join.write(&mut self.text, &[before, next])?[0];
        Ok(self.text.pick(has, later, next))
    }

    /// Writes what was made of an element, if it is one of those that are wanted.
    fn keep(&mut self, line: &Line, place: Reg, regs: &[Option<Reg>]) {
        let value = |var: &Var| regs[var.index()].expect("all that is kept is made");
        let start = self.params.of(Param::Start(self.axis));
        let holds = self.text.test("ge.s64", place, start);
        for mask in self.recipe.tape.beyond() {
            let (bad, mask) = (self.bad, value(mask));
            self.text.line(format_args!("or.pred {bad}, {bad}, {mask}"));
        }
        for (goal, var) in self.goals.iter().enumerate() {
            let step = (place, Param::OutStep { goal, axis: self.axis });
            let address = self.params.along(&mut self.text, line.outs[goal], std::iter::once(step));
            store(&mut self.text, self.recipe.tape.dtype(*var), address, value(var), Some(holds));
        }
    }
}
