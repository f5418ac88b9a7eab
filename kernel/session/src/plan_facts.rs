//! What plans look like, in words and numbers; `plan_steps` draws their stages.

use crate::choice::{Predicted, Settled};
use crate::engine::Engine;
use crate::facts::{advice_facts, bounded_plan, estimate_facts};
use crate::magic::time_text;
use crate::output::{AgainFacts, KeptFacts, PlanFacts, PlanStage};
use crate::plan_steps::{Drawing, Drawn};
use cleave_graph::host::Failure;
use cleave_graph::{Graph, NodeId};
use cleave_ops::fill::Law;
use cleave_ops::view::{SourceAxis, Term};
use cleave_ops::{Fill, Scalar, Shape, View};
use cleave_plan::hold::Why;
use cleave_plan::plan::{Buffer, nbytes};
use cleave_plan::{
    Action, BufferId, Cut, Delivery, FoldWork, Origin, Output, Plan, Program, Slot, Sources, Stage, StageEstimate,
    Step, Target, Work,
};

/// The plan of arrays, to be drawn.
pub(crate) fn plan_facts(engine: &Engine, graph: &Graph, roots: &[NodeId]) -> Result<PlanFacts, Failure> {
    let outputs: Vec<Output> = roots.iter().map(|&node| Output { node, cut: Cut::Engine, held: false }).collect();
    let asked = engine.beside(graph, roots, engine.now())?;
    let Settled { planned, settings, choice, .. } = bounded_plan(engine, graph, &outputs, asked)?;
    let plan = &planned.plan;
    let Predicted { estimate, measured, place } = engine.predicted(plan, &settings, Delivery::Looked);
    let (before, _) = graph.reachable(roots);
    let rewrites = match planned.rewrites.is_empty() {
        true => "none".to_owned(),
        false => planned.rewrites.join("\n"),
    };
    let card = crate::gpu::placement(plan, &settings, choice.as_ref());
    let text =
        format!("graph\n{before}\nrewrites\n{rewrites}\n\nafter them\n{}\n{}{card}", planned.graph, planned.plan);
    let mut drawing = Drawing::new(plan, &engine.loaded.sources);
    let stages = plan.stages.iter().zip(&estimate.stages).map(|(s, e)| draw(s, e, &mut drawing)).collect();
    let title = roots.iter().map(|&r| format!("{} {}", graph[r].shape, graph[r].dtype)).collect::<Vec<_>>().join(", ");
    Ok(PlanFacts {
        title,
        stages,
        text,
        estimate: estimate_facts(&estimate, measured),
        limit_bytes: settings.memory_limit_bytes,
        threads: settings.workers(),
        place,
        choice,
        kept: plan.buffers.iter().enumerate().map(|(i, b)| kept(i, b, plan)).collect(),
        again: again(plan),
        advice: advice_facts(plan, &engine.loaded.sources),
    })
}

/// A result between stages, and what becomes of it.
fn kept(number: usize, buffer: &Buffer, plan: &Plan) -> KeptFacts {
    let maker = &plan.stages[buffer.made_by];
    let of = |target: &Target| target.buffer == Some(BufferId(number as u32));
    let name = match &maker.work {
        Work::Fold(_) | Work::Joint(_) => {
            let goal = maker.work.folds().iter().flat_map(|fold| &fold.goals).position(|g| of(&g.target));
            goal.and_then(|i| goal_words(maker).into_iter().nth(i)).map_or_else(String::new, |words| words.0)
        }
        Work::Contract(work) if maker.program.steps.is_empty() => work.op.name.to_owned(),
        Work::Store(_) | Work::Contract(_) => "values used again".to_owned(),
    };
    KeptFacts {
        name,
        shape: buffer.shape.clone(),
        bytes: buffer.nbytes(),
        made_by: buffer.made_by,
        last_read_by: buffer.last_read_by,
        disk_bytes: buffer.nbytes().saturating_sub(buffer.memory_bytes()),
        fate: reason(&buffer.why),
    }
}

fn reason(why: &Why) -> String {
    let longer = |saved_s: f64| format!("computing it again would take {} more", time_text(saved_s));
    match why {
        Why::Result => "nothing after it can begin before it is whole".to_owned(),
        Why::Running { .. } => "those who read it would each make most of it again".to_owned(),
        Why::Shared { saved_s } => format!("several stages read it, {}", longer(*saved_s)),
        Why::Seen { saved_s } => format!("it is read at several places, {}", longer(*saved_s)),
    }
}

/// Random arrays that more than one stage makes for itself.
fn again(plan: &Plan) -> Vec<AgainFacts> {
    let mut found: Vec<(&Fill, AgainFacts)> = Vec::new();
    for (number, stage) in plan.stages.iter().enumerate() {
        stage.programs().flat_map(|p| &p.steps).for_each(|step| {
            let Action::Fill { fill: fill @ Fill::Random { .. }, shape, .. } = &step.action else { return };
            match found.iter_mut().find(|f| f.0 == fill) {
                Some((_, facts)) if facts.stages.contains(&number) => {}
                Some((_, facts)) => facts.stages.push(number),
                None => {
                    let bytes = nbytes(shape, cleave_ops::DType::F64);
                    found.push((fill, AgainFacts { name: fill_words(fill), bytes, stages: vec![number] }));
                }
            }
        });
    }
    found.into_iter().map(|f| f.1).filter(|f| f.stages.len() > 1).collect()
}

/// The steps of a stage in words, from its sources to its results.
pub(crate) fn stage_flow(stage: &Stage, sources: &Sources) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let all = stage.programs().flat_map(|p| p.locals.iter().flat_map(|l| &l.program.steps).chain(&p.steps));
    for step in all.filter(|s| !matches!(s.action, Action::Load { origin: Origin::Local(_), .. })) {
        let (name, seen) = step_words(step, sources);
        words.push(name);
        words.extend(seen);
    }
    words.dedup();
    words.extend(goal_words(stage).into_iter().map(|(name, _)| name));
    words.extend(product(stage).map(str::to_owned));
    words
}

fn draw(stage: &Stage, estimate: &StageEstimate, drawing: &mut Drawing<'_>) -> PlanStage {
    let Drawn { steps, reads } = drawing.stage(stage);
    PlanStage {
        tasks: stage.tasks as u64,
        elements: stage.elements(),
        bytes: estimate.peak_bytes,
        seconds: estimate.seconds,
        flops: estimate.flops,
        computed_bytes: estimate.bytes_computed,
        read_bytes: estimate.bytes_read,
        written_bytes: estimate.bytes_written,
        kind: estimate.kind().name(),
        steps,
        reads,
    }
}

pub(crate) fn note(step: &Step, seen: Option<String>, program: &Program) -> String {
    match (&step.action, seen) {
        (Action::Fill { fill: Fill::Const(_), .. }, _) => "everywhere".to_owned(),
        (Action::Fill { shape, .. } | Action::Load { shape, .. }, None) => lengths(shape),
        (Action::Fill { shape, .. } | Action::Load { shape, .. }, Some(seen)) => format!("{} {seen}", lengths(shape)),
        _ => format!("fused · {}", program.slots[step.out.0 as usize]),
    }
}

/// `20000²`, `365 × 721 × 1440`, `scalar`
pub(crate) fn lengths(shape: &Shape) -> String {
    match &shape[..] {
        [] => "scalar".to_owned(),
        [a, b] if a == b => format!("{a}²"),
        lens => lens.iter().map(usize::to_string).collect::<Vec<_>>().join(" × "),
    }
}

pub(crate) fn kept_shape(stage: &Stage) -> Shape {
    match &stage.work {
        Work::Fold(work) => work.boxes.shape(),
        Work::Joint(_) | Work::Store(_) | Work::Contract(_) => stage.space.clone(),
    }
}

/// The name of what multiplies.
pub(crate) fn product(stage: &Stage) -> Option<&'static str> {
    match &stage.work {
        Work::Contract(work) => Some(work.op.name),
        Work::Fold(_) | Work::Joint(_) | Work::Store(_) => None,
    }
}

pub(crate) fn goal_words(stage: &Stage) -> Vec<(String, Slot)> {
    stage.work.folds().iter().flat_map(|work| fold_words(stage, work)).collect()
}

fn fold_words(stage: &Stage, work: &FoldWork) -> Vec<(String, Slot)> {
    let all = work.lattice.reduced.len() == stage.space.ndim();
    let axes = work.lattice.reduced.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let name = |op: &'static str| if all { op.to_owned() } else { format!("{op} axis {axes}") };
    work.goals.iter().map(|g| (name(g.op.name), g.slot)).collect()
}

/// A step's name, and how its source is seen where that says something.
pub(crate) fn step_words(step: &Step, sources: &Sources) -> (String, Option<String>) {
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
