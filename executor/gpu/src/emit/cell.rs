//! Nodes of a reduction's tree: which one a thread or a warp makes, and what both layouts do with a cell.

use super::access::{Params, load_params, long, special, store, word};
use super::columns;
use super::join;
use super::kernel::{FoldKernel, Kernel, Param, THREADS, TILE_THREADS};
use super::made::Places;
use super::recipe::{Input, Recipe};
use super::rows;
use super::steps::inline;
use super::text::{Class, Label, Reg, Text};
use super::tile;
use super::unfit::Unfit;
use cleave_ops::fold::LANES;
use cleave_ops::op::Layout;
use cleave_ops::trace::{Binary, FoldTrace, Tape, Trace, Var};
use cleave_ops::{DType, Scalar};
use cleave_plan::cut::fold_loop;
use cleave_plan::{FoldGoal, FoldWork, Lattice, Program, Slot};
use smallvec::SmallVec;
use std::sync::Arc;

/// The most cells of a node: a warp holds one a lane, a thread joins as many as a superbox of columns has.
const MOST_RUN: [usize; 2] = [LANES, 64];

/// What a reduction reads.
#[derive(Clone, Copy)]
pub(super) enum Elements<'a> {
    /// What a program gives.
    Of(&'a Program, &'a Places),
    /// What was made before of a program's registers, by number.
    Made(&'a Program, &'a [(Slot, u32)]),
}

/// The kernel of one of a stage's reductions.
pub(super) fn kernel(elements: Elements<'_>, work: &FoldWork) -> Result<FoldKernel, Unfit> {
    let lattice = &work.lattice;
    let layout = layout(lattice);
    let cells = (layout == Layout::Rows).then_some(lattice);
    let mut recipe = match elements {
        Elements::Of(program, places) => Recipe::of(program, &program.locals, places, cells)?,
        Elements::Made(program, made) => Recipe::given(program, made),
    };
    let goals = work.goals.iter().map(|goal| Goal::of(goal, &mut recipe, lattice)).collect::<Result<Vec<_>, _>>()?;
    let most_run = MOST_RUN[usize::from(layout == Layout::Columns)].min(lattice.superbox.size().next_power_of_two());
    let mut text = Text::default();
    let columns: Vec<DType> = goals.iter().flat_map(|goal| goal.states.iter().copied()).collect();
    let params = Params::read(&mut text, list(&recipe, lattice, columns.len()))?;
    let (bad, end) = (text.zero(Class::Truth), text.label());
    let tile = recipe.draw.as_ref().map(|draw| tile::base(&mut text, draw));
    let mut writer = Writer { recipe: &recipe, lattice, goals: &goals, params, text, bad, tile, end };
    match layout {
        Layout::Rows => rows::body(&mut writer)?,
        Layout::Columns => columns::body(&mut writer, most_run)?,
    }
    let Writer { text, params, .. } = writer;
    let (name, text) = text.module(params.list.len());
    let may_fail = !recipe.tape.beyond().is_empty();
    let joins = join::kernels(&goals, lattice)?;
    let states = goals.iter().map(|goal| goal.states.iter().copied().collect()).collect();
    let threads = if recipe.draw.is_some() { TILE_THREADS } else { THREADS };
    let kernel = Kernel { name, text, params: params.list, loads: recipe.loads, made: Arc::default(), may_fail };
    Ok(FoldKernel { kernel, lattice: lattice.clone(), layout, most_run, states, threads, joins })
}

/// One lane takes a short row, as it takes a column.
fn layout(lattice: &Lattice) -> Layout {
    if lattice.cell.size() < LANES { Layout::Columns } else { lattice.layout }
}

fn list(recipe: &Recipe, lattice: &Lattice, columns: usize) -> Vec<Param> {
    let flag = (!recipe.tape.beyond().is_empty()).then_some(Param::Flag);
    let kept = lattice.kept.iter().flat_map(|&axis| [Param::Start(axis), Param::Len(axis)]);
    let nodes = [Param::FirstSuperbox, Param::Superboxes, Param::Groups, Param::Run];
    let axes = lattice.kept.len() + lattice.reduced.len();
    let loads = load_params(&recipe.loads, axes);
    flag.into_iter().chain(kept).chain(nodes).chain(loads).chain((0..columns).map(Param::Out)).collect()
}

/// A formula by itself.
#[derive(Debug)]
pub(super) struct Formula {
    tape: Tape,
    results: SmallVec<[Var; 3]>,
}

impl Formula {
    /// Of operands of those dtypes.
    pub(super) fn of(formulas: &[Trace], operands: &[DType]) -> Result<Self, Unfit> {
        let mut tape = Tape::default();
        let operands: Vec<Var> =
            operands.iter().enumerate().map(|(number, &dtype)| tape.input(number, dtype)).collect();
        let results = tape.formulas(formulas, &operands).ok_or(Unfit::Step)?;
        if tape.beyond().is_empty() { Ok(Self { tape, results }) } else { Err(Unfit::Step) }
    }

    fn constant(dtype: DType, value: Scalar) -> Self {
        let mut tape = Tape::default();
        let results = SmallVec::from_slice(&[tape.constant(dtype, value)]);
        Self { tape, results }
    }

    /// What it gives.
    pub(super) fn write(&self, text: &mut Text, operands: &[Reg]) -> Result<Vec<Reg>, Unfit> {
        inline(text, &self.tape, operands, &self.results)
    }
}

/// One reduction.
pub(super) struct Goal {
    pub(super) passes: Vec<GoalPass>,
    pub(super) columns: Formula,
    pub(super) combine: Formula,
    pub(super) states: &'static [DType],
}

/// One way through the elements.
pub(super) struct GoalPass {
    /// What is loaded, on the recipe's tape.
    pub(super) load: Var,
    /// Where lanes begin; with what is loaded of the first element if it does not say.
    pub(super) start: Option<Formula>,
    pub(super) join: Formula,
}

impl Goal {
    fn of(goal: &FoldGoal, recipe: &mut Recipe, lattice: &Lattice) -> Result<Self, Unfit> {
        let rule = fold_loop(goal.op, goal.loop_index);
        let trace = rule.trace.ok_or(Unfit::Formula(goal.op.name))?;
        let element = recipe.slot(goal.slot)?;
        let position = position(recipe, lattice);
        let mut operands = vec![element, position, recipe.input(Input::Count, DType::F64)];
        let (mut passes, beyond) = (vec![], recipe.tape.beyond().len());
        for pass in trace.passes {
            let load = recipe.tape.formula(pass.load, &operands).ok_or(Unfit::Formula(goal.op.name))?;
            let dtype = recipe.tape.dtype(load);
            let start = match pass.start {
                cleave_ops::trace::Start::Value(value) => Some(Formula::constant(dtype, value())),
                cleave_ops::trace::Start::First => None,
            };
            passes.push(GoalPass { load, start, join: Formula::of(&[pass.join], &[dtype, dtype])? });
            let number = recipe.passed;
            recipe.passed += 1;
            operands.push(recipe.input(Input::Passed(number), dtype));
        }
        if recipe.tape.beyond().len() > beyond {
            return Err(Unfit::Formula(goal.op.name));
        }
        Self::with_passes(trace, rule.state, passes, recipe)
    }

    fn with_passes(
        trace: &FoldTrace,
        states: &'static [DType],
        passes: Vec<GoalPass>,
        recipe: &Recipe,
    ) -> Result<Self, Unfit> {
        let given: Vec<DType> = passes.iter().map(|pass| recipe.tape.dtype(pass.load)).collect();
        let known = [&[DType::F64][..], &given].concat();
        let columns = Formula::of(trace.columns, &known)?;
        let combine = Formula::of(trace.combine, &[states, states].concat())?;
        Ok(Self { passes, columns, combine, states })
    }
}

/// The row-major number of an element in the reduced space.
fn position(recipe: &mut Recipe, lattice: &Lattice) -> Var {
    let mut position = recipe.whole(0);
    for (&axis, stride) in lattice.reduced.iter().zip(lattice.lens.strides()) {
        let (index, stride) = (recipe.input(Input::Index(axis), DType::I64), recipe.whole(stride as i64));
        let far = recipe.tape.binary(Binary::Mul, index, stride);
        position = recipe.tape.binary(Binary::Add, position, far);
    }
    position
}

/// The kernel while it is written.
pub(super) struct Writer<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) lattice: &'a Lattice,
    pub(super) goals: &'a [Goal],
    pub(super) params: Params,
    pub(super) text: Text,
    /// Whether there was an element for which a formula does not hold.
    pub(super) bad: Reg,
    /// Where the warp's draws of a cell wait.
    pub(super) tile: Option<Reg>,
    /// Where those go that have no node.
    pub(super) end: Label,
}

/// What a warp or a thread makes.
pub(super) struct Node {
    /// Its number.
    pub(super) number: Reg,
    /// Its kept index, by axis of the space.
    pub(super) kept: Vec<(usize, Reg)>,
    /// The first cell of its superbox, and how many there are, on each reduced axis.
    pub(super) superbox: Vec<(Reg, Reg)>,
    /// Its first cell in the superbox, row-major.
    pub(super) first: Reg,
    /// How many cells it has.
    pub(super) cells: Reg,
}

impl Writer<'_> {
    /// Decodes the number of a node; `lanes` threads make one.
    pub(super) fn node(&mut self, layout: Layout) -> Node {
        let kept_axes = self.lattice.kept.clone();
        let text = &mut self.text;
        let [thread, threads, block] = ["tid.x", "ntid.x", "ctaid.x"].map(|name| special(text, name));
        let before = text.make(Class::Long, "mul.wide.u32", format_args!("{block}, {threads}"));
        let thread = long(text, thread);
        let mut number = text.make(Class::Long, "add.s64", format_args!("{before}, {thread}"));
        if layout == Layout::Rows {
            number = text.make(Class::Long, "shr.u64", format_args!("{number}, {}", LANES.ilog2()));
        }
        let [superboxes, groups] = [Param::Superboxes, Param::Groups].map(|param| self.params.of(param));
        let within = text.make(Class::Long, "mul.lo.s64", format_args!("{superboxes}, {groups}"));
        let mut kept_count = text.make(Class::Long, "mov.b64", format_args!("1"));
        for &axis in &kept_axes {
            let len = self.params.of(Param::Len(axis));
            kept_count = text.make(Class::Long, "mul.lo.s64", format_args!("{kept_count}, {len}"));
        }
        let all = text.make(Class::Long, "mul.lo.s64", format_args!("{kept_count}, {within}"));
        let none = text.test("ge.u64", number, all);
        text.jump_if(none, self.end);
        let (number, within) = (word(text, number), word(text, within));
        let (kept, rest) = match layout {
            Layout::Rows => divided(text, number, within),
            Layout::Columns => {
                let kept_count = word(text, kept_count);
                let (rest, kept) = divided(text, number, kept_count);
                (kept, rest)
            }
        };
        let groups = word(text, groups);
        let (superbox, group) = divided(text, rest, groups);
        let (kept, superbox) = (self.kept_index(kept), self.superbox(superbox));
        let (first, cells) = self.run(group, &superbox);
        Node { number, kept, superbox, first, cells }
    }

    /// The index on each kept axis.
    fn kept_index(&mut self, number: Reg) -> Vec<(usize, Reg)> {
        let (mut rest, mut index) = (number, vec![]);
        for (place, &axis) in self.lattice.kept.iter().enumerate().rev() {
            let mut at = rest;
            if place > 0 {
                let len = self.params.of(Param::Len(axis));
                let len = word(&mut self.text, len);
                (rest, at) = divided(&mut self.text, rest, len);
            }
            let (at, start) = (long(&mut self.text, at), self.params.of(Param::Start(axis)));
            index.push((axis, self.text.make(Class::Long, "add.s64", format_args!("{start}, {at}"))));
        }
        index
    }

    /// The first cell and the number of cells of a superbox on each reduced axis.
    pub(super) fn superbox(&mut self, number: Reg) -> Vec<(Reg, Reg)> {
        let text = &mut self.text;
        let first = word(text, self.params.of(Param::FirstSuperbox));
        let mut rest = text.make(Class::Word, "add.s32", format_args!("{first}, {number}"));
        let mut boxes = vec![];
        for place in (0..self.lattice.reduced.len()).rev() {
            let (count, side) = (self.lattice.superboxes[place], self.lattice.superbox[place]);
            let mut at = rest;
            if place > 0 {
                at = text.make(Class::Word, "rem.u32", format_args!("{rest}, {count}"));
                rest = text.make(Class::Word, "div.u32", format_args!("{rest}, {count}"));
            }
            let start = text.make(Class::Word, "mul.lo.s32", format_args!("{at}, {side}"));
            let cells = text.make(Class::Word, "mov.b32", format_args!("{}", self.lattice.cells[place]));
            let left = text.make(Class::Word, "sub.s32", format_args!("{cells}, {start}"));
            boxes.push((start, text.make(Class::Word, "min.u32", format_args!("{left}, {side}"))));
        }
        boxes.reverse();
        boxes
    }

    /// The first cell of a node in its superbox, and how many it has; the thread ends where it has none.
    fn run(&mut self, group: Reg, superbox: &[(Reg, Reg)]) -> (Reg, Reg) {
        let text = &mut self.text;
        let run = word(text, self.params.of(Param::Run));
        let first = text.make(Class::Word, "mul.lo.s32", format_args!("{group}, {run}"));
        let mut all = text.make(Class::Word, "mov.b32", format_args!("1"));
        for (_, len) in superbox {
            all = text.make(Class::Word, "mul.lo.s32", format_args!("{all}, {len}"));
        }
        let none = text.test("ge.u32", first, all);
        text.jump_if(none, self.end);
        let left = text.make(Class::Word, "sub.s32", format_args!("{all}, {first}"));
        (first, text.make(Class::Word, "min.u32", format_args!("{left}, {run}")))
    }

    /// Both states as one, goal by goal.
    pub(super) fn combined(&mut self, left: &[Vec<Reg>], right: &[Vec<Reg>]) -> Result<Vec<Vec<Reg>>, Unfit> {
        let pairs = self.goals.iter().zip(left.iter().zip(right));
        pairs.map(|(goal, (a, b))| goal.combine.write(&mut self.text, &[&a[..], &b[..]].concat())).collect()
    }

    /// Registers for a state of each goal, zero at first.
    pub(super) fn empty_states(&mut self) -> Vec<Vec<Reg>> {
        let text = &mut self.text;
        let state = |goal: &Goal| goal.states.iter().map(|&dtype| text.zero(Class::of(dtype))).collect();
        self.goals.iter().map(state).collect()
    }

    /// Writes the states of the node of that number, and says whether they are of no use. `holds` says which thread does that.
    pub(super) fn keep(&mut self, number: Reg, states: &[Vec<Reg>], holds: Option<Reg>) {
        let place = long(&mut self.text, number);
        let dtypes = self.goals.iter().flat_map(|goal| goal.states);
        for ((column, &dtype), value) in dtypes.enumerate().zip(states.iter().flatten()) {
            let (base, size) = (self.params.of(Param::Out(column)), dtype.size());
            let address = self.text.make(Class::Long, "mad.lo.s64", format_args!("{place}, {size}, {base}"));
            store(&mut self.text, dtype, address, *value, holds);
        }
        if !self.recipe.tape.beyond().is_empty() {
            let flag = self.params.of(Param::Flag);
            let one = self.text.make(Class::Word, "mov.b32", format_args!("1"));
            let bad = self.bad;
            self.text.line(format_args!("@{bad} st.global.b32 [{flag}], {one}"));
        }
    }
}

/// Quotient and rest of words.
pub(super) fn divided(text: &mut Text, a: Reg, b: Reg) -> (Reg, Reg) {
    let quotient = text.make(Class::Word, "div.u32", format_args!("{a}, {b}"));
    (quotient, text.make(Class::Word, "rem.u32", format_args!("{a}, {b}")))
}
