//! Nodes of a reduction's tree joined: first those of each superbox, then the superboxes of each task. A thread takes some
//! neighbours of one kept index and leaves the root over them; launch after launch one is left of each task.

use super::access::{Params, load, long, special, word};
use super::cell::{Goal, Writer, divided};
use super::columns::{push, root};
use super::kernel::{FoldKernel, Grid, Kernel, Nodes, Param, THREADS};
use super::recipe::Recipe;
use super::text::{Class, Reg, Text};
use super::unfit::Unfit;
use cleave_ops::DType;
use cleave_ops::op::Layout;
use cleave_plan::Lattice;
use std::sync::Arc;

/// Neighbours that a thread joins: a power of two, so that it leaves a node of the same tree.
const FAN: usize = 64;

/// What is joined to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The nodes of a superbox.
    Superbox,
    /// The superboxes of a task.
    Task,
}

/// The kernels that join, one for each kind of segment.
#[derive(Clone, Debug)]
pub struct JoinKernels {
    /// Those of superboxes.
    pub superbox: Kernel,
    /// Those of tasks.
    pub task: Kernel,
}

/// A launch that joins nodes; what it leaves stands by segment, part, kept index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// What is joined.
    pub segment: Segment,
    segments: usize,
    kept: usize,
    /// The most nodes of a segment, and what is left of them.
    nodes: usize,
    parts: usize,
    /// Cells, or superboxes, of a node.
    run: usize,
    /// Superboxes of a task, and of all tasks.
    span: usize,
    whole: usize,
    first_superbox: usize,
    /// Elements from one node to the next, and from one kept index to the next.
    apart: [usize; 2],
}

/// The kernels for goals.
pub(super) fn kernels(goals: &[Goal], lattice: &Lattice) -> Result<JoinKernels, Unfit> {
    Ok(JoinKernels {
        superbox: kernel(goals, lattice, Segment::Superbox)?,
        task: kernel(goals, lattice, Segment::Task)?,
    })
}

fn kernel(goals: &[Goal], lattice: &Lattice, segment: Segment) -> Result<Kernel, Unfit> {
    let columns: Vec<DType> = goals.iter().flat_map(|goal| goal.states.iter().copied()).collect();
    let own: &[Param] = match segment {
        Segment::Superbox => &[Param::FirstSuperbox],
        Segment::Task => &[Param::Span, Param::Superboxes],
    };
    let common =
        [Param::Segments, Param::Kept, Param::Groups, Param::Parts, Param::Run, Param::Apart(0), Param::Apart(1)];
    let places = (0..columns.len()).flat_map(|column| [Param::In(column), Param::Out(column)]);
    let mut text = Text::default();
    let params = Params::read(&mut text, own.iter().copied().chain(common).chain(places).collect())?;
    let (bad, end, recipe) = (text.zero(Class::Truth), text.label(), Recipe::default());
    let mut writer = Writer { recipe: &recipe, lattice, goals, params, text, bad, tile: None, end };
    body(&mut writer, segment, &columns)?;
    let Writer { text, params, .. } = writer;
    let (name, text) = text.module(params.list.len());
    Ok(Kernel { name, text, params: params.list, loads: vec![], made: Arc::default(), may_fail: false })
}

fn body(writer: &mut Writer<'_>, segment: Segment, columns: &[DType]) -> Result<(), Unfit> {
    let part = Part::find(writer, segment);
    let places: Vec<_> = (0..=FAN.ilog2()).map(|_| writer.empty_states()).collect();
    let apart = writer.params.of(Param::Apart(0));
    let text = &mut writer.text;
    let (number, at) = (text.zero(Class::Word), text.copy(part.first));
    let (next, done) = (text.label(), text.label());
    text.here(next);
    let over = text.test("ge.u32", number, part.count);
    text.jump_if(over, done);
    let mut read = columns.iter().enumerate().map(|(column, &dtype)| {
        let (base, size) = (writer.params.of(Param::In(column)), dtype.size());
        let address = writer.text.make(Class::Long, "mad.lo.s64", format_args!("{at}, {size}, {base}"));
        load(&mut writer.text, dtype, address)
    });
    let leaf = writer.goals.iter().map(|goal| read.by_ref().take(goal.states.len()).collect()).collect();
    push(writer, &places, number, leaf)?;
    writer.text.line(format_args!("add.s64 {at}, {at}, {apart}"));
    writer.text.line(format_args!("add.s32 {number}, {number}, 1"));
    writer.text.jump(next);
    writer.text.here(done);
    let root = root(writer, &places, part.count)?;
    writer.keep(part.number, &root, None);
    let end = writer.end;
    writer.text.here(end);
    Ok(())
}

/// What a thread joins.
struct Part {
    /// Where what it leaves stands.
    number: Reg,
    /// The place of its first node, and how many it has.
    first: Reg,
    count: Reg,
}

impl Part {
    fn find(writer: &mut Writer<'_>, segment: Segment) -> Self {
        let [segments, kept, groups, parts, run] =
            [Param::Segments, Param::Kept, Param::Groups, Param::Parts, Param::Run]
                .map(|param| writer.params.of(param));
        let text = &mut writer.text;
        let [thread, threads, block] = ["tid.x", "ntid.x", "ctaid.x"].map(|name| special(text, name));
        let before = text.make(Class::Long, "mul.wide.u32", format_args!("{block}, {threads}"));
        let thread = long(text, thread);
        let number = text.make(Class::Long, "add.s64", format_args!("{before}, {thread}"));
        let each = text.make(Class::Long, "mul.lo.s64", format_args!("{kept}, {parts}"));
        let all = text.make(Class::Long, "mul.lo.s64", format_args!("{each}, {segments}"));
        let is_none = text.test("ge.u64", number, all);
        text.jump_if(is_none, writer.end);
        let [number, kept, parts, run] = [number, kept, parts, run].map(|of| word(text, of));
        let (rest, index) = divided(text, number, kept);
        let (place, part) = divided(text, rest, parts);
        let cells = writer.cells(segment, place);
        let text = &mut writer.text;
        let up = text.make(Class::Word, "add.s32", format_args!("{cells}, {run}"));
        let up = text.make(Class::Word, "sub.s32", format_args!("{up}, 1"));
        let nodes = text.make(Class::Word, "div.u32", format_args!("{up}, {run}"));
        let before = text.make(Class::Word, "mul.lo.s32", format_args!("{part}, {FAN}"));
        let is_none = text.test("ge.u32", before, nodes);
        text.jump_if(is_none, writer.end);
        let left = text.make(Class::Word, "sub.s32", format_args!("{nodes}, {before}"));
        let count = text.make(Class::Word, "min.u32", format_args!("{left}, {FAN}"));
        let [place, before, index] = [place, before, index].map(|of| long(text, of));
        let node = text.make(Class::Long, "mad.lo.s64", format_args!("{place}, {groups}, {before}"));
        let apart = [0, 1].map(|of| writer.params.of(Param::Apart(of)));
        let first = writer.text.make(Class::Long, "mul.lo.s64", format_args!("{node}, {}", apart[0]));
        let first = writer.text.make(Class::Long, "mad.lo.s64", format_args!("{index}, {}, {first}", apart[1]));
        Self { number, first, count }
    }
}

impl Writer<'_> {
    /// The cells of a superbox, or the superboxes of a task.
    fn cells(&mut self, segment: Segment, place: Reg) -> Reg {
        if segment == Segment::Superbox {
            let sides = self.superbox(place);
            let one = self.text.make(Class::Word, "mov.b32", format_args!("1"));
            let times =
                |all, (_, len): &(Reg, Reg)| self.text.make(Class::Word, "mul.lo.s32", format_args!("{all}, {len}"));
            return sides.iter().fold(one, times);
        }
        let [span, whole] = [Param::Span, Param::Superboxes].map(|param| self.params.of(param));
        let text = &mut self.text;
        let [span, whole] = [span, whole].map(|of| word(text, of));
        let before = text.make(Class::Word, "mul.lo.s32", format_args!("{place}, {span}"));
        let left = text.make(Class::Word, "sub.s32", format_args!("{whole}, {before}"));
        text.make(Class::Word, "min.u32", format_args!("{left}, {span}"))
    }
}

impl FoldKernel {
    /// The launches that join nodes until one is left of each task, by task and kept index; tasks have so many superboxes,
    /// the last one perhaps fewer.
    pub fn joins(&self, nodes: &Nodes, span: usize) -> Vec<Join> {
        let (kept, whole) = (nodes.kept.size(), nodes.superboxes.len());
        let (groups, span) = (self.groups(nodes.run), span.min(whole));
        let mut apart = match self.layout {
            Layout::Rows => [1, whole * groups],
            Layout::Columns => [kept, 1],
        };
        let mut joins = vec![];
        let mut join = |segment: Segment, (segments, mut count): (usize, usize), mut run: usize| {
            let is_apart = |apart: [usize; 2]| segment == Segment::Task && kept > 1 && apart[1] != 1;
            while count > 1 || is_apart(apart) {
                let (parts, first_superbox) = (count.div_ceil(FAN), nodes.superboxes.start);
                let nodes = count;
                joins.push(Join { segment, segments, kept, nodes, parts, run, span, whole, first_superbox, apart });
                (count, run, apart) = (parts, run * FAN, [kept, 1]);
            }
        };
        join(Segment::Superbox, (whole, groups), nodes.run);
        join(Segment::Task, (whole.div_ceil(span.max(1)), span), 1);
        joins
    }

    /// The kernel of such a launch.
    pub fn joiner(&self, join: &Join) -> &Kernel {
        match join.segment {
            Segment::Superbox => &self.joins.superbox,
            Segment::Task => &self.joins.task,
        }
    }
}

impl Join {
    /// Nodes that it leaves: so many elements each of its columns has.
    pub fn leaves(&self) -> usize {
        self.segments * self.parts * self.kept
    }

    /// The launch.
    pub fn grid(&self) -> Grid {
        Grid { blocks: [self.leaves().div_ceil(THREADS as usize) as u32, 1], threads: [THREADS, 1] }
    }

    /// The parameters of a launch: the columns that it reads, and those that it leaves.
    pub fn arguments(&self, kernel: &Kernel, ins: &[u64], outs: &[u64]) -> Vec<u64> {
        let of = |&param: &Param| match param {
            Param::Segments => self.segments as u64,
            Param::Kept => self.kept as u64,
            Param::Groups => self.nodes as u64,
            Param::Parts => self.parts as u64,
            Param::Run => self.run as u64,
            Param::Span => self.span as u64,
            Param::Superboxes => self.whole as u64,
            Param::FirstSuperbox => self.first_superbox as u64,
            Param::Apart(of) => self.apart[of] as u64,
            Param::In(column) => ins[column],
            Param::Out(column) => outs[column],
            Param::Flag
            | Param::Start(_)
            | Param::Len(_)
            | Param::Base(_)
            | Param::Step { .. }
            | Param::OutStep { .. } => 0,
        };
        kernel.params.iter().map(of).collect()
    }
}
