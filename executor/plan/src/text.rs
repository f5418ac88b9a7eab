//! How a plan prints: the same text for the same plan, for golden tests, `explain` and reports.

use crate::contract::{ContractWork, Operand, Side};
use crate::hold::Why;
use crate::mirror::{Facing, Mirror};
use crate::plan::{Keep, Plan};
use crate::program::{Action, Local, Making, Origin, Program, Slot};
use crate::stage::{FoldWork, Stage, StoreGoal, StoreWork, Target, Work};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Chunks, View};
use std::fmt::{self, Formatter};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let t = &self.totals;
        writeln!(
            f,
            "plan: stages {}, tasks {}, elements {}, read {} B, written {} B, peak {} B",
            self.stages.len(),
            t.tasks,
            t.elements,
            t.bytes_read,
            t.bytes_written,
            t.peak_bytes
        )?;
        for (number, stage) in self.stages.iter().enumerate() {
            write!(f, "stage {number}: {stage}")?;
            let mut made =
                self.buffers.iter().enumerate().filter(|(_, b)| b.made_by == number && b.keep != Keep::Dense);
            made.try_for_each(|(id, b)| writeln!(f, "  buffer {id} {}: {}, {}", Boxes(&b.grid), b.why, b.keep))?;
        }
        Ok(())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "space {}, tasks {}", self.space, self.tasks)?;
        if !matches!(self.work, Work::Contract(_)) {
            write_program(f, &self.program, 1)?;
        }
        match &self.work {
            Work::Fold(work) => write_fold(f, work, &self.program),
            Work::Joint(work) => {
                writeln!(f, "  in {} by blocks {}", Boxes(&work.boxes), work.block)?;
                work.folds.iter().try_for_each(|fold| write_fold(f, fold, &self.program))
            }
            Work::Store(work) => write_store(f, work, &self.program),
            Work::Contract(work) => write_contract(f, work, &self.program),
        }
    }
}

fn write_program(f: &mut Formatter<'_>, program: &Program, depth: usize) -> fmt::Result {
    for (number, local) in program.locals.iter().enumerate() {
        write_local(f, number, local, depth)?;
    }
    for step in &program.steps {
        write!(f, "{:indent$}{} = ", "", step.out, indent = 2 * depth)?;
        write_action(f, &step.action, depth)?;
        writeln!(f, " : {}", program.slots[step.out.0 as usize])?;
    }
    Ok(())
}

fn write_local(f: &mut Formatter<'_>, number: usize, local: &Local, depth: usize) -> fmt::Result {
    write!(f, "{:indent$}local {number} of {} : {} ", "", local.program.space, local.dtype, indent = 2 * depth)?;
    match &local.making {
        Making::Plain => writeln!(f, "is {} of", local.program.results[0])?,
        Making::Scan { op, axis, .. } => {
            let carried = if local.is_carried() { " carried" } else { "" };
            writeln!(f, "is {} along {axis}{carried} of {} of", op.name, local.program.results[0])?;
        }
    }
    write_program(f, &local.program, depth + 1)?;
    if let Some(before) = local.making.before() {
        writeln!(f, "{:indent$}after {} of", "", before.results[0], indent = 2 * depth)?;
        write_program(f, before, depth + 1)?;
    }
    writeln!(f, "{:indent$}end", "", indent = 2 * depth)
}

fn write_action(f: &mut Formatter<'_>, action: &Action, depth: usize) -> fmt::Result {
    match action {
        Action::Fill { fill, shape, view } => write!(f, "fill {fill:?} of {shape}{}", Seen(view)),
        Action::Load { origin, shape, view } => write!(f, "load {origin} of {shape}{}", Seen(view)),
        Action::Map { op, inputs, .. } => {
            write!(f, "{}", op.name)?;
            inputs.iter().try_for_each(|i| write!(f, " {i}"))
        }
        Action::Cast { input } => write!(f, "cast {input}"),
        Action::Overlay { base, patch, place } => {
            let place: Vec<String> = place.iter().map(|p| format!("{}+{}*{}", p.start, p.step, p.count)).collect();
            writeln!(f, "{base} with {} at [{}] by", patch.results[0], place.join(", "))?;
            write_program(f, patch, depth + 1)?;
            write!(f, "{:indent$}end", "", indent = 2 * depth)
        }
    }
}

fn write_fold(f: &mut Formatter<'_>, work: &FoldWork, program: &Program) -> fmt::Result {
    let l = &work.lattice;
    let span = if work.halves().is_some() { "part".to_owned() } else { work.span.to_string() };
    writeln!(
        f,
        "  over {:?} by {:?}: cell {}, cells {}, superbox {}, span {span} of {}, kept {} in tiles {}",
        l.reduced.as_slice(),
        l.layout,
        l.cell,
        l.cells,
        l.superbox,
        l.superbox_count(),
        Boxes(&work.boxes),
        work.kept_tile
    )?;
    if let Some(strips) = &work.strips {
        writeln!(f, "  in strips of {strips} superboxes")?;
    }
    if let Some(mirror) = &work.mirror {
        write_mirror(f, mirror)?;
    }
    for goal in &work.goals {
        let from = program.slots[goal.slot.0 as usize];
        writeln!(f, "  {} {} ({from}) -> {} : {}", goal.op.name, goal.slot, goal.target, goal.dtype)?;
    }
    Ok(())
}

fn write_mirror(f: &mut Formatter<'_>, Mirror { facing, block, .. }: &Mirror) -> fmt::Result {
    let place: Vec<String> = match facing {
        Facing::Turned(axes) => axes.iter().map(|axis| format!("i{axis}")).collect(),
        Facing::Halves(halves) => halves.opposite_index().iter().map(index_text).collect(),
    };
    write!(f, "  with what lies opposite at [{}] by blocks {block}", place.join(", "))?;
    match facing {
        Facing::Turned(_) => writeln!(f),
        Facing::Halves(halves) => writeln!(f, ", for {} of the first half", Boxes(&halves.boxes)),
    }
}

fn write_store(f: &mut Formatter<'_>, work: &StoreWork, program: &Program) -> fmt::Result {
    let across = work.across.map_or(String::new(), |axis| format!(", read across axis {axis}"));
    writeln!(f, "  in {}{across}", Boxes(&work.boxes))?;
    write_goals(f, &work.goals, program)
}

fn write_goals(f: &mut Formatter<'_>, goals: &[StoreGoal], program: &Program) -> fmt::Result {
    goals.iter().try_for_each(|goal| {
        writeln!(f, "  store {} -> {} : {}", goal.slot, goal.target, program.slots[goal.slot.0 as usize])
    })
}

fn write_contract(f: &mut Formatter<'_>, work: &ContractWork, then: &Program) -> fmt::Result {
    write_operand(f, "left", "rows", &work.left)?;
    write_operand(f, "right", "columns", &work.right)?;
    let s = &work.sides;
    write!(
        f,
        "  {}: batch {}, rows {}, columns {}, shared {} in panels {} and segments {}, in {}",
        work.op.name,
        s.batch,
        s.rows,
        s.columns,
        s.shared,
        work.panel,
        work.segments,
        Boxes(&work.boxes),
    )?;
    if then.steps.is_empty() {
        return work.goals.iter().try_for_each(|goal| writeln!(f, " -> {} : {}", goal.target, work.dtype));
    }
    writeln!(f, " -> local 0 : {}", work.dtype)?;
    write_program(f, then, 1)?;
    write_goals(f, &work.goals, then)
}

fn write_operand(f: &mut Formatter<'_>, name: &str, side: &str, operand: &Operand) -> fmt::Result {
    let order = match operand.first {
        Side::Free => format!("{side}, shared"),
        Side::Shared => format!("shared, {side}"),
    };
    writeln!(f, "  {name} {} by {order}: {}", operand.program.space, operand.program.results[0])?;
    write_program(f, &operand.program, 2)
}

/// The lengths of boxes on each axis.
struct Boxes<'a>(&'a Chunks);

impl fmt::Display for Boxes<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let run = |r: &(usize, usize)| if r.1 == 1 { r.0.to_string() } else { format!("{}*{}", r.1, r.0) };
        let axis = |a: &cleave_ops::AxisChunks| a.runs().iter().map(run).collect::<Vec<_>>().join("+");
        write!(f, "boxes [{}]", self.0.0.iter().map(axis).collect::<Vec<_>>().join(", "))
    }
}

/// A source index: `3`, `i0`, `9-1*i1`, `i0+i2`.
fn index_text(s: &SourceAxis) -> String {
    let mut text =
        if s.start == 0 && s.terms.first().is_some_and(|t| t.step == 1) { String::new() } else { s.start.to_string() };
    for term in &s.terms {
        match term.step {
            1 if text.is_empty() => text += &format!("i{}", term.axis),
            1 => text += &format!("+i{}", term.axis),
            step => text += &format!("{step:+}*i{}", term.axis),
        }
    }
    text
}

/// A view, unless there is nothing to say of it: source indices by the axes `i0`, `i1` of the space.
struct Seen<'a>(&'a View);

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.source.is_empty() {
            return Ok(());
        }
        write!(f, " at [{}]", self.0.source.iter().map(index_text).collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Stored(id) => write!(f, "source {}", id.0),
            Origin::Buffer(id) => write!(f, "buffer {}", id.0),
            Origin::Local(number) => write!(f, "local {number}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let buffer = self.buffer.iter().map(|b| format!("buffer {}", b.0));
        let outputs = self.outputs.iter().map(|n| format!("output {n}"));
        write!(f, "{}", buffer.chain(outputs).collect::<Vec<_>>().join(" and "))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Result => write!(f, "a reduction's result"),
            Why::Running { .. } => write!(f, "running values"),
            Why::Shared { saved_s } => write!(f, "read by several stages, again in {saved_s:.2} s"),
            Why::Seen { saved_s } => write!(f, "read at several places, again in {saved_s:.2} s"),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::Dense | Keep::Memory => write!(f, "kept in memory"),
            Keep::Spill { memory_bytes: 0 } => write!(f, "put aside on disk"),
            Keep::Spill { memory_bytes } => write!(f, "{memory_bytes} B kept in memory, the rest on disk"),
        }
    }
}
