//! Elements that are kept: threads side by side take elements side by side on the last axis; all other axes together are
//! rows.

use super::access::{Params, gathered, load, load_params, long, special, store};
use super::kernel::{Kernel, Param, StoreKernel};
use super::recipe::{Input, Recipe, Seen};
use super::steps::write;
use super::text::{Class, Label, Reg, Text};
use super::unfit::Unfit;
use cleave_ops::DType;
use cleave_ops::trace::{Step, Var};
use cleave_plan::Slot;
use std::sync::Arc;

/// Formulas of fewer steps are done for so many elements at once, so that their loads wait together.
const UNROLLS: [(usize, u32); 2] = [(60, 4), (250, 2)];

/// The kernel that keeps what stands in some registers, in a space of so many axes.
pub(super) fn kernel(recipe: Recipe, slots: &[Slot], axes: usize) -> Result<StoreKernel, Unfit> {
    let goals = slots.iter().map(|&slot| recipe.slot(slot)).collect::<Result<Vec<Var>, _>>()?;
    written(recipe, &goals, axes)
}

/// The same for any values.
pub(super) fn written(recipe: Recipe, goals: &[Var], axes: usize) -> Result<StoreKernel, Unfit> {
    let needed = recipe.needed(goals.iter().chain(recipe.tape.beyond()).copied());
    let count = needed.iter().filter(|needed| **needed).count();
    let unroll = UNROLLS.iter().find(|(steps, _)| count < *steps).map_or(1, |(_, unroll)| *unroll);
    let mut text = Text::default();
    let params = Params::read(&mut text, list(&recipe, goals.len(), axes))?;
    let end = text.label();
    let mut writer = Writer { recipe: &recipe, goals, needed, params, text, axes, unroll, end };
    writer.body()?;
    let Writer { mut text, params, .. } = writer;
    text.here(end);
    let (name, text) = text.module(params.list.len());
    let may_fail = !recipe.tape.beyond().is_empty();
    let dtypes: Vec<DType> = goals.iter().map(|goal| recipe.tape.dtype(*goal)).collect();
    let made = Arc::default();
    let kernel = Kernel { name, text, params: params.list, loads: recipe.loads, made, may_fail };
    Ok(StoreKernel { kernel, goals: dtypes, unroll, along: None })
}

/// The parameters of a kernel that keeps so many goals.
pub(super) fn list(recipe: &Recipe, goals: usize, axes: usize) -> Vec<Param> {
    let flag = (!recipe.tape.beyond().is_empty()).then_some(Param::Flag);
    let extent = (0..axes).flat_map(|axis| [Param::Start(axis), Param::Len(axis)]);
    let out = |goal: usize| {
        let steps = (0..axes).map(move |axis| Param::OutStep { goal, axis });
        std::iter::once(Param::Out(goal)).chain(steps)
    };
    flag.into_iter().chain(extent).chain(load_params(&recipe.loads, axes)).chain((0..goals).flat_map(out)).collect()
}

/// The kernel while it is written.
struct Writer<'a> {
    recipe: &'a Recipe,
    goals: &'a [Var],
    needed: Vec<bool>,
    params: Params,
    text: Text,
    axes: usize,
    unroll: u32,
    end: Label,
}

/// The columns of a thread.
struct Columns {
    /// Their indices on the last axis; those behind the end are the last one.
    index: Vec<Reg>,
    /// Whether each is there.
    holds: Vec<Reg>,
}

/// The rows that a thread goes through.
struct Rows {
    row: Reg,
    stride: Reg,
    count: Reg,
}

impl Writer<'_> {
    fn body(&mut self) -> Result<(), Unfit> {
        let Some(last) = self.axes.checked_sub(1) else { return self.lone() };
        let columns = self.columns(last);
        if last == 0 {
            return self.elements(&[], &columns);
        }
        let Rows { row, stride, count } = self.rows(last);
        let next = self.text.label();
        self.text.here(next);
        let done = self.text.test("ge.u64", row, count);
        self.text.jump_if(done, self.end);
        let index = self.unravelled(row, last);
        self.elements(&index, &columns)?;
        self.text.line(format_args!("add.s64 {row}, {row}, {stride}"));
        self.text.jump(next);
        Ok(())
    }

    /// A space of one element: the first thread does it.
    fn lone(&mut self) -> Result<(), Unfit> {
        let thread = special(&mut self.text, "tid.x");
        let holds = self.text.test("eq.u32", thread, 0);
        self.unroll = 1;
        self.text.jump_unless(holds, self.end);
        self.elements(&[], &Columns { index: vec![], holds: vec![holds] })
    }

    fn columns(&mut self, last: usize) -> Columns {
        let text = &mut self.text;
        let (start, len) = (self.params.of(Param::Start(last)), self.params.of(Param::Len(last)));
        let [thread, threads, block] = ["tid.x", "ntid.x", "ctaid.x"].map(|name| special(text, name));
        let width = text.make(Class::Word, "mul.lo.s32", format_args!("{threads}, {}", self.unroll));
        let before = text.make(Class::Long, "mul.wide.u32", format_args!("{block}, {width}"));
        let (thread, threads) = (long(text, thread), long(text, threads));
        let mut column = text.make(Class::Long, "add.s64", format_args!("{before}, {thread}"));
        let edge = text.make(Class::Long, "add.s64", format_args!("{len}, -1"));
        let (mut index, mut holds) = (vec![], vec![]);
        for number in 0..self.unroll {
            if number > 0 {
                column = text.make(Class::Long, "add.s64", format_args!("{column}, {threads}"));
            }
            let inside = text.test("lt.u64", column, len);
            if number == 0 {
                text.jump_unless(inside, self.end);
            }
            let clamped = text.make(Class::Long, "min.u64", format_args!("{column}, {edge}"));
            index.push(text.make(Class::Long, "add.s64", format_args!("{start}, {clamped}")));
            holds.push(inside);
        }
        Columns { index, holds }
    }

    fn rows(&mut self, last: usize) -> Rows {
        let text = &mut self.text;
        let [thread, threads, block, blocks] =
            ["tid.y", "ntid.y", "ctaid.y", "nctaid.y"].map(|name| special(text, name));
        let before = text.make(Class::Long, "mul.wide.u32", format_args!("{block}, {threads}"));
        let thread = long(text, thread);
        let row = text.make(Class::Long, "add.s64", format_args!("{before}, {thread}"));
        let stride = text.make(Class::Long, "mul.wide.u32", format_args!("{blocks}, {threads}"));
        let mut count = self.params.of(Param::Len(0));
        for axis in 1..last {
            let len = self.params.of(Param::Len(axis));
            count = text.make(Class::Long, "mul.lo.s64", format_args!("{count}, {len}"));
        }
        Rows { row, stride, count }
    }

    /// The indices on all axes but the last.
    fn unravelled(&mut self, row: Reg, last: usize) -> Vec<Reg> {
        let text = &mut self.text;
        let (mut rest, mut index) = (row, vec![row; last]);
        for axis in (0..last).rev() {
            let (start, len) = (self.params.of(Param::Start(axis)), self.params.of(Param::Len(axis)));
            let mut at = rest;
            if axis > 0 {
                at = text.make(Class::Long, "rem.u64", format_args!("{rest}, {len}"));
                rest = text.make(Class::Long, "div.u64", format_args!("{rest}, {len}"));
            }
            index[axis] = text.make(Class::Long, "add.s64", format_args!("{start}, {at}"));
        }
        index
    }

    /// Makes the elements of a row and keeps them.
    fn elements(&mut self, row: &[Reg], columns: &Columns) -> Result<(), Unfit> {
        let varies = self.varies();
        let loaded = self.loaded(row, columns);
        let mut first: Option<Vec<Option<Reg>>> = None;
        for (number, &holds) in columns.holds.iter().enumerate() {
            let (recipe, params) = (self.recipe, &self.params);
            let mut input = |text: &mut Text, input: usize, regs: &[Option<Reg>]| match &recipe.inputs[input] {
                Input::Index(axis) => row.get(*axis).or(columns.index.get(number)).copied(),
                Input::Element(load) => loaded[*load].get(number).or(loaded[*load].last()).copied(),
                Input::Gathered(number, index) => {
                    Some(gathered(text, params, (&recipe.loads[*number], *number), index, regs))
                }
                _ => None,
            };
            let mut regs: Vec<Option<Reg>> = match &first {
                Some(first) => first.iter().zip(&varies).map(|(reg, varies)| reg.filter(|_| !varies)).collect(),
                None => vec![None; recipe.tape.steps().len()],
            };
            write(&mut self.text, &recipe.tape, &self.needed, &mut regs, &mut input)?;
            self.keep(row, columns.index.get(number).copied(), holds, &regs);
            first.get_or_insert(regs);
        }
        Ok(())
    }

    /// Which steps give something else for each column.
    fn varies(&self) -> Vec<bool> {
        let mut varies: Vec<bool> = Vec::new();
        for (_, step) in self.recipe.tape.steps() {
            let own = match step {
                Step::Input(number) => match self.recipe.inputs[*number] {
                    Input::Index(axis) => axis + 1 == self.axes,
                    Input::Element(load) => self.along_row(load),
                    _ => false,
                },
                _ => false,
            };
            varies.push(own || self.recipe.operands(*step).iter().any(|var| varies[var.index()]));
        }
        varies
    }

    fn along_row(&self, load: usize) -> bool {
        self.axes > 0 && self.recipe.loads[load].follows(self.axes - 1)
    }

    /// The elements of each load: one where all columns read the same.
    fn loaded(&mut self, row: &[Reg], columns: &Columns) -> Vec<Vec<Reg>> {
        let mut all = vec![];
        for (number, of) in self.recipe.loads.iter().enumerate() {
            if of.seen == Seen::Anywhere {
                all.push(vec![]);
                continue;
            }
            let step = |axis: usize| Param::Step { load: number, axis };
            let axes = row.iter().enumerate().filter(|(axis, _)| of.follows(*axis));
            let base = self.params.of(Param::Base(number));
            let base = self.params.along(&mut self.text, base, axes.map(|(axis, &index)| (index, step(axis))));
            let last = row.len();
            let along_row = self.along_row(number);
            let mut elements = vec![];
            for &index in columns.index.iter().filter(|_| along_row) {
                let address = self.params.along(&mut self.text, base, std::iter::once((index, step(last))));
                elements.push(load(&mut self.text, of.dtype, address));
            }
            if !along_row {
                elements.push(load(&mut self.text, of.dtype, base));
            }
            all.push(elements);
        }
        all
    }

    /// Writes what was made for one column, and says where it is of no use.
    fn keep(&mut self, row: &[Reg], column: Option<Reg>, holds: Reg, regs: &[Option<Reg>]) {
        let value = |var: &Var| regs[var.index()].expect("all that is kept is made");
        for mask in self.recipe.tape.beyond() {
            let fails = self.text.make(Class::Truth, "and.pred", format_args!("{}, {holds}", value(mask)));
            let flag = self.params.of(Param::Flag);
            let one = self.text.make(Class::Word, "mov.b32", format_args!("1"));
            self.text.line(format_args!("@{fails} st.global.b32 [{flag}], {one}"));
        }
        for (goal, var) in self.goals.iter().enumerate() {
            let axes = row.iter().copied().chain(column).enumerate();
            let out = self.params.of(Param::Out(goal));
            let steps = axes.map(|(axis, index)| (index, Param::OutStep { goal, axis }));
            let address = self.params.along(&mut self.text, out, steps);
            store(&mut self.text, self.recipe.tape.dtype(*var), address, value(var), Some(holds));
        }
    }
}
