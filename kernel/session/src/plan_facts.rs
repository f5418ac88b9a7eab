//! What plans look like: the steps of each stage, in words and as nodes of a picture.

use crate::engine::{Engine, plan_failure};
use crate::output::{PlanFacts, PlanRead, PlanStage, PlanStep};
use cleave_graph::host::Failure;
use cleave_graph::{Graph, NodeId};
use cleave_ops::fill::Law;
use cleave_ops::view::{SourceAxis, Term};
use cleave_ops::{Fill, Scalar, Shape, View};
use cleave_plan::{Action, BufferId, Cut, Origin, Output, Plan, Program, Slot, Sources, Stage, Step, Target, Work};

/// The plan of arrays, to be drawn.
pub(crate) fn plan_facts(engine: &Engine, graph: &Graph, roots: &[NodeId]) -> Result<PlanFacts, Failure> {
    let outputs: Vec<Output> = roots.iter().map(|&node| Output { node, cut: Cut::Engine, held: false }).collect();
    let planned = engine.plan(graph, &outputs, &engine.settings).map_err(plan_failure)?;
    let (before, _) = graph.reachable(roots);
    let rewrites = match planned.rewrites.is_empty() {
        true => "none".to_owned(),
        false => planned.rewrites.join("\n"),
    };
    let text = format!("graph\n{before}\nrewrites\n{rewrites}\n\nafter them\n{}\n{}", planned.graph, planned.plan);
    let stages = planned.plan.stages.iter().map(|s| draw(s, &planned.plan, &engine.sources)).collect();
    let title = roots.iter().map(|&r| format!("{} {}", graph[r].shape, graph[r].dtype)).collect::<Vec<_>>().join(", ");
    Ok(PlanFacts { title, stages, text })
}

/// The steps of a stage in words, from its sources to its results.
pub(crate) fn stage_flow(stage: &Stage, sources: &Sources) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for step in stage.programs().flat_map(|p| &p.steps) {
        let (name, seen) = step_words(step, sources);
        words.push(name);
        words.extend(seen);
    }
    words.dedup();
    words.extend(goal_words(stage).into_iter().map(|(name, _)| name));
    words.extend(product(stage).map(str::to_owned));
    words
}

fn draw(stage: &Stage, plan: &Plan, sources: &Sources) -> PlanStage {
    let mut steps = Vec::new();
    let mut reads = Vec::new();
    let mut operands = Vec::new();
    for program in stage.programs() {
        let mut writer: Vec<Option<usize>> = vec![None; program.slots.len()];
        for step in &program.steps {
            let (name, seen) = step_words(step, sources);
            if let Action::Load { origin: Origin::Buffer(id), .. } = &step.action {
                let (stage, from) = maker(plan, *id);
                reads.push(PlanRead { stage, from, to: steps.len() });
            }
            let inputs = step.action.inputs().iter().filter_map(|s| writer[s.0 as usize]).collect();
            steps.push(PlanStep { name, note: note(step, seen, program), inputs });
            writer[step.out.0 as usize] = Some(steps.len() - 1);
        }
        for (name, slot) in goal_words(stage) {
            let kept: Shape = kept_shape(stage);
            let inputs = writer[slot.0 as usize].into_iter().collect();
            steps.push(PlanStep { name, note: lengths(&kept), inputs });
        }
        operands.extend(program.results.iter().filter_map(|s| writer[s.0 as usize]));
    }
    if let Some(name) = product(stage) {
        steps.push(PlanStep { name: name.to_owned(), note: lengths(&stage.space), inputs: operands });
    }
    let bytes = stage.programs().map(|p| p.register_bytes(2048)).sum();
    PlanStage { tasks: stage.tasks as u64, elements: stage.elements(), bytes, steps, reads }
}

/// The stage that makes a buffer, and its step that does.
fn maker(plan: &Plan, id: BufferId) -> (usize, usize) {
    let stage = plan.buffer(id).made_by;
    let of = |target: &Target| target.buffer == Some(id);
    let steps: usize = plan.stages[stage].programs().map(|p| p.steps.len()).sum();
    let goal = match &plan.stages[stage].work {
        Work::Fold(work) => work.goals.iter().position(|g| of(&g.target)),
        Work::Store(_) => None,
        Work::Contract(_) => Some(0),
    };
    (stage, goal.map_or(steps.saturating_sub(1), |goal| steps + goal))
}

fn note(step: &Step, seen: Option<String>, program: &Program) -> String {
    match (&step.action, seen) {
        (Action::Fill { fill: Fill::Const(_), .. }, _) => "everywhere".to_owned(),
        (Action::Fill { shape, .. } | Action::Load { shape, .. }, None) => lengths(shape),
        (Action::Fill { shape, .. } | Action::Load { shape, .. }, Some(seen)) => format!("{} {seen}", lengths(shape)),
        _ => format!("fused · {}", program.slots[step.out.0 as usize]),
    }
}

/// `20000²`, `365 × 721 × 1440`, `scalar`
fn lengths(shape: &Shape) -> String {
    match &shape[..] {
        [] => "scalar".to_owned(),
        [a, b] if a == b => format!("{a}²"),
        lens => lens.iter().map(usize::to_string).collect::<Vec<_>>().join(" × "),
    }
}

fn kept_shape(stage: &Stage) -> Shape {
    match &stage.work {
        Work::Fold(work) => work.boxes.shape(),
        Work::Store(_) | Work::Contract(_) => stage.space.clone(),
    }
}

/// The name of what multiplies.
fn product(stage: &Stage) -> Option<&'static str> {
    match &stage.work {
        Work::Contract(work) => Some(work.op.name),
        Work::Fold(_) | Work::Store(_) => None,
    }
}

fn goal_words(stage: &Stage) -> Vec<(String, Slot)> {
    let Work::Fold(work) = &stage.work else { return Vec::new() };
    let all = work.lattice.reduced.len() == stage.space.ndim();
    let axes = work.lattice.reduced.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let name = |op: &'static str| if all { op.to_owned() } else { format!("{op} axis {axes}") };
    work.goals.iter().map(|g| (name(g.op.name), g.slot)).collect()
}

/// A step's name, and how its source is seen where that says something.
fn step_words(step: &Step, sources: &Sources) -> (String, Option<String>) {
    match &step.action {
        Action::Fill { fill: fill @ Fill::Const(_), .. } => (fill_words(fill), None),
        Action::Fill { fill, shape, view } => (fill_words(fill), seen(view, shape)),
        Action::Load { origin: Origin::Stored(id), shape, view } => {
            let label = sources.get(id).map_or_else(|| "data".to_owned(), |s| s.label().to_owned());
            (label, seen(view, shape))
        }
        Action::Load { origin: Origin::Buffer(_), shape, view } => ("result".to_owned(), seen(view, shape)),
        Action::Load { origin: Origin::Local(_), shape, view } => ("block".to_owned(), seen(view, shape)),
        Action::Map { op, .. } => (op.symbol.unwrap_or(op.name).to_owned(), None),
        Action::Cast { .. } => ("astype".to_owned(), None),
        Action::Overlay { .. } => ("patch".to_owned(), None),
    }
}

fn fill_words(fill: &Fill) -> String {
    match fill {
        Fill::Const(scalar) => constant_words(*scalar),
        Fill::Ramp { .. } => "arange".to_owned(),
        Fill::Index { axis } => format!("index {axis}"),
        Fill::Diagonal { .. } => "eye".to_owned(),
        Fill::Band { .. } => "tri".to_owned(),
        Fill::Random { law, .. } => match law {
            Law::Uniform { .. } => "uniform".to_owned(),
            Law::Normal { .. } => "normal".to_owned(),
            Law::Integers { .. } => "integers".to_owned(),
        },
    }
}

fn constant_words(scalar: Scalar) -> String {
    match scalar {
        Scalar::Bool(v) => if v { "True" } else { "False" }.to_owned(),
        Scalar::Int(v) => v.to_string(),
        Scalar::Float(1.0) => "ones".to_owned(),
        Scalar::Float(v) if v.to_bits() == 0 => "zeros".to_owned(),
        Scalar::Float(v) => cleave_graph::format::float_repr(v),
    }
}

/// How a source is seen, as the user would write it; `None` where it is seen as it is.
fn seen(view: &View, source: &Shape) -> Option<String> {
    if view.is_identity(source) {
        return None;
    }
    if view.source.iter().any(|s| s.terms.len() > 1) {
        return Some("in windows".to_owned());
    }
    let axes: Vec<usize> = view.source.iter().flat_map(|s| s.terms.iter().map(|t| t.axis)).collect();
    if !axes.is_sorted() {
        return Some(if plain(view) { ".T".to_owned() } else { ".T, sliced".to_owned() });
    }
    let slices = view.source.iter().zip(source.iter()).map(|(s, &len)| slice_words(s, view, len));
    let slices: Vec<String> = slices.collect();
    match slices.iter().all(|s| s == ":") {
        true => Some("broadcast".to_owned()),
        false => Some(format!("[{}]", slices.join(", "))),
    }
}

fn plain(view: &View) -> bool {
    view.source.iter().all(|s| s.start == 0 && s.only().is_some_and(|t| t.step == 1))
}

fn slice_words(s: &SourceAxis, view: &View, len: usize) -> String {
    let Some(Term { axis, step }) = s.only() else {
        return if len == 1 { ":".to_owned() } else { s.start.to_string() };
    };
    let count = view.shape[axis] as i64;
    let (len, stop) = (len as i64, s.start + step * count);
    let bound = |at: i64, default: bool| if default { String::new() } else { at.to_string() };
    match step {
        1 => format!("{}:{}", bound(s.start, s.start == 0), bound(stop, stop >= len)),
        step if step > 0 => format!("{}:{}:{step}", bound(s.start, s.start == 0), bound(stop, stop >= len)),
        step => format!("{}:{}:{step}", bound(s.start, s.start == len - 1), bound(stop, stop < 0)),
    }
}
