//! What cards say of arrays, values and runs.

use crate::choice::{Predicted, Settled};
use crate::engine::Engine;
use crate::meter::Reading;
use crate::output::{AdviceFacts, ArrayFacts, EstimateFacts, Grid, Heat, RunFacts, Shown, StageFacts, ValueFacts};
use crate::plan_facts::stage_flow;
use crate::settings::Settings;
use crate::world::World;
use cleave_graph::format::{
    array_repr, array_repr_from_corners, array_str, array_str_from_corners, corners, scalar_str,
};
use cleave_graph::host::Failure;
use cleave_graph::interp::{Interp, texts};
use cleave_graph::value::Value;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::{Data, Shape};
use cleave_plan::advice::Fault;
use cleave_plan::{Advice, Cut, Delivery, Estimate, Output, Plan, PlanError, RunReport, Sources};
use cleave_syntax::diagnostic::Diagnostic;

/// What sources call themselves that hold a result.
const IN_MEMORY: &str = "in memory";
/// Work, in additions, that costs next to nothing: about 10 ms.
const CHEAP_WORK: f64 = 4e6;
/// Rows and columns of a table's corners.
const EDGE: usize = 4;
/// Axes up to so long are shown whole in a table.
const MOST: usize = 12;

/// A value as rich output.
pub(crate) fn show_value(value: &Value, interp: &mut Interp, world: &mut World<'_>) -> Result<Shown, Diagnostic> {
    if let Value::Array(node) = value {
        return Ok(show_array(*node, &interp.graph, world));
    }
    let (_, repr) = texts(value, interp, world)?;
    Ok(match value {
        Value::Number(scalar, dtype) => {
            let text = scalar_str(*scalar, *dtype);
            Shown::Value(Box::new(ValueFacts {
                shape: Shape::default(),
                dtype: *dtype,
                repr: text.clone(),
                text,
                table: None,
            }))
        }
        Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
            let dtype = match value {
                Value::Int(_) => cleave_ops::DType::I64,
                Value::Float(_) => cleave_ops::DType::F64,
                _ => cleave_ops::DType::Bool,
            };
            Shown::Value(Box::new(ValueFacts { shape: Shape::default(), dtype, text: repr.clone(), repr, table: None }))
        }
        Value::Client(client) => match world.engine.remotes.held_by(client.id) {
            Some(remote) => Shown::Client(Box::new(remote.facts())),
            None => Shown::Text(format!("<Client: '{}', closed>", client.address)),
        },
        _ => Shown::Text(repr),
    })
}

/// A value that `display` was given.
pub(crate) fn show(value: &Value, graph: &Graph, world: &mut World<'_>) -> Result<Shown, Failure> {
    if let Value::Array(node) = value {
        return Ok(show_array(*node, graph, world));
    }
    let mut interp = Interp { graph: graph.clone(), ..Interp::default() };
    show_value(value, &mut interp, world).map_err(|d| Failure {
        code: d.code,
        message: d.message,
        help: d.help,
        cause: None,
    })
}

/// The plain text of what was shown, for records.
pub(crate) fn plain(shown: &Shown) -> String {
    match shown {
        Shown::Value(v) | Shown::Computed(v, _) => v.repr.clone(),
        Shown::Text(text) => text.clone(),
        Shown::Array(facts) => format!("array {} {}", facts.shape, facts.dtype),
        Shown::Run(_) | Shown::Plan(_) | Shown::Table(_) | Shown::Help(_) | Shown::Client(_) | Shown::Compare(_) => {
            String::new()
        }
    }
}

fn show_array(node: NodeId, graph: &Graph, world: &mut World<'_>) -> Shown {
    if let NodeKind::Load(source) = graph[node].kind
        && world.engine.loaded.sources.get(&source).is_some_and(|s| {
            world.engine.loaded.values.contains(&source) || s.label() == IN_MEMORY && s.grid().count() == 1
        })
        && let Some(values) = values(node, graph, world)
    {
        return Shown::Value(Box::new(values));
    }
    match array_facts(node, graph, world) {
        Ok(facts) => Shown::Array(Box::new(facts)),
        Err(failure) => Shown::Text(format!("array {} {} ({})", graph[node].shape, graph[node].dtype, failure.message)),
    }
}

fn array_facts(node: NodeId, graph: &Graph, world: &mut World<'_>) -> Result<ArrayFacts, Failure> {
    let settings = world.engine.beside(graph, &[node], world.engine.now())?;
    let outputs = [Output { node, cut: Cut::Engine, held: false }];
    let Settled { planned, settings, .. } = bounded_plan(world.engine, graph, &outputs, settings)?;
    let plan = planned.plan;
    let Predicted { estimate, measured, place } = world.engine.predicted(&plan, &settings, Delivery::Looked);
    let array = &graph[node];
    Ok(ArrayFacts {
        shape: array.shape.clone(),
        dtype: array.dtype,
        chunks: array.chunks.clone(),
        dims: None,
        origin: origin(node, graph, &world.engine.loaded.sources),
        stages: plan.stages.len(),
        tasks: plan.totals.tasks as u64,
        estimate: estimate_facts(&estimate, measured),
        advice: advice_facts(&plan, &world.engine.loaded.sources),
        limit_bytes: settings.memory_limit_bytes,
        threads: settings.workers(),
        place,
        flow: plan.stages.iter().flat_map(|s| stage_flow(s, &world.engine.loaded.sources)).collect(),
        values: values(node, graph, world),
    })
}

/// The plan under the memory limit; where that is too little, the plan without one, to say how much it takes.
pub(crate) fn bounded_plan(
    engine: &Engine,
    graph: &Graph,
    outputs: &[Output],
    settings: Settings,
) -> Result<Settled, Failure> {
    let memory_limit_bytes = settings.memory_limit_bytes;
    let settled = match engine.settle(graph, outputs, &settings, Delivery::Looked) {
        Err(PlanError::DoesNotFit { .. }) => {
            let unbounded = Settings { memory_limit_bytes: 0, ..settings };
            engine.settle(graph, outputs, &unbounded, Delivery::Looked)
        }
        settled => settled,
    };
    let settled = settled.map_err(crate::fault::plan_failure)?;
    Ok(Settled { settings: Settings { memory_limit_bytes, ..settled.settings }, ..settled })
}

/// What is predicted of a plan.
pub(crate) fn estimate_facts(estimate: &Estimate, measured: bool) -> EstimateFacts {
    EstimateFacts {
        seconds: estimate.seconds,
        low_s: estimate.low_s,
        high_s: estimate.high_s,
        peak_bytes: estimate.peak_bytes,
        read_bytes: estimate.bytes_read,
        written_bytes: estimate.bytes_written,
        computed_bytes: estimate.bytes_computed,
        flops: estimate.flops,
        kind: estimate.kind().name(),
        measured,
    }
}

/// What other chunks of the stored arrays of a plan would do.
pub(crate) fn advice_facts(plan: &Plan, sources: &Sources) -> Vec<AdviceFacts> {
    let facts = |a: Advice| {
        let source = sources.get(&a.source).map_or_else(String::new, |s| s.label().to_owned());
        let facts = AdviceFacts { source, chunks: a.chunks, better: a.better, ..AdviceFacts::default() };
        match a.fault {
            Fault::Waste { decoded_bytes, used_bytes, better } => {
                AdviceFacts { decoded_bytes, used_bytes, better_ratio: better, ..facts }
            }
            Fault::Tiny { blocks, bytes } => AdviceFacts { decoded_bytes: bytes, tiny: Some(blocks), ..facts },
        }
    };
    cleave_plan::advice(plan, sources).into_iter().map(facts).collect()
}

fn origin(node: NodeId, graph: &Graph, sources: &Sources) -> String {
    match graph[node].kind {
        NodeKind::Load(source) => sources.get(&source).map_or_else(|| "lazy".to_owned(), |s| s.label().to_owned()),
        _ => "lazy".to_owned(),
    }
}

/// The values, or their corners, where they cost next to nothing.
fn values(node: NodeId, graph: &Graph, world: &mut World<'_>) -> Option<ValueFacts> {
    let array = &graph[node];
    let (text, repr) = match corners(&array.shape) {
        None => {
            let data = world.peek(graph, node, CHEAP_WORK)?;
            (array_str(&array.shape, &data), array_repr(&array.shape, &data))
        }
        Some(views) => {
            let (mut extended, roots) = graph.reachable(&[node]);
            let pieces: Option<Vec<Data>> = views
                .into_iter()
                .map(|view| {
                    let corner = cleave_graph::build::view(&mut extended, roots[0], view);
                    world.peek(&extended, corner, CHEAP_WORK / 8.0)
                })
                .collect();
            let pieces = pieces?;
            (array_str_from_corners(&array.shape, &pieces), array_repr_from_corners(&array.shape, &pieces))
        }
    };
    let table = if array.shape.ndim() == 2 { grid(node, graph, world) } else { None };
    Some(ValueFacts { shape: array.shape.clone(), dtype: array.dtype, text, repr, table })
}

/// The first and last rows and columns of a 2-d array.
fn grid(node: NodeId, graph: &Graph, world: &mut World<'_>) -> Option<Grid> {
    let array = &graph[node];
    if array.shape.is_empty_array() {
        return None;
    }
    let (rows, columns) = (edges(array.shape[0]), edges(array.shape[1]));
    let (mut extended, roots) = graph.reachable(&[node]);
    let mut cells = vec![String::new(); rows.len() * columns.len()];
    for (r0, r1) in blocks(&rows) {
        for (c0, c1) in blocks(&columns) {
            let view = corner_view(&array.shape, (rows[r0], r1 - r0), (columns[c0], c1 - c0));
            let corner = cleave_graph::build::view(&mut extended, roots[0], view);
            let data = world.peek(&extended, corner, CHEAP_WORK / 8.0)?;
            for i in 0..data.len() {
                let (r, c) = (r0 + i / (c1 - c0), c0 + i % (c1 - c0));
                cells[r * columns.len() + c] = cell_text(&data, i);
            }
        }
    }
    Some(Grid { rows, columns, cells })
}

fn cell_text(data: &Data, i: usize) -> String {
    match data.get(i) {
        cleave_ops::Scalar::Float(v) if v != 0.0 && v.is_finite() && !(1e-4..1e8).contains(&v.abs()) => {
            format!("{v:.4e}")
        }
        cleave_ops::Scalar::Float(v) if v.is_finite() => trimmed(v),
        other => scalar_str(other, data.dtype()),
    }
}

/// At most six decimals, without zeros that say nothing.
fn trimmed(v: f64) -> String {
    let text = format!("{v:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn corner_view(shape: &Shape, rows: (usize, usize), columns: (usize, usize)) -> cleave_ops::View {
    let mut view = cleave_ops::View::identity(shape);
    view.shape = Shape::new([rows.1, columns.1]);
    view.source[0].start = rows.0 as i64;
    view.source[1].start = columns.0 as i64;
    view
}

fn edges(len: usize) -> Vec<usize> {
    if len <= MOST { (0..len).collect() } else { (0..EDGE).chain(len - EDGE..len).collect() }
}

/// Runs of neighbours in a list of indices, as ranges of places in it.
fn blocks(indices: &[usize]) -> Vec<(usize, usize)> {
    let jump = (1..indices.len()).find(|&i| indices[i] != indices[i - 1] + 1);
    match jump {
        Some(i) => vec![(0, i), (i, indices.len())],
        None => vec![(0, indices.len())],
    }
}

/// What a run took.
pub(crate) fn run_facts(
    plan: &Plan,
    report: &RunReport,
    reading: Reading,
    settings: &Settings,
    sources: &Sources,
) -> RunFacts {
    let stages = plan.stages.iter().zip(&report.stages).map(|(stage, took)| StageFacts {
        flow: stage_flow(stage, sources),
        wall_s: took.wall.as_secs_f64(),
        predicted_s: 0.0,
        cpu_s: took.busy.as_secs_f64(),
        tasks: took.tasks as u64,
        elements: took.elements,
    });
    let slowest = report.stages.iter().max_by_key(|s| s.wall);
    RunFacts {
        scheduler: settings.scheduler_words(),
        threads: settings.workers(),
        wall_s: reading.wall_s,
        user_s: reading.user_s,
        sys_s: reading.sys_s,
        tasks: report.stages.iter().map(|s| s.tasks as u64).sum(),
        elements: report.elements(),
        bytes: report.bytes_computed,
        read_bytes: report.bytes_read,
        written_bytes: 0,
        spilled_bytes: report.bytes_spilled,
        peak_bytes: report.peak_bytes,
        limit_bytes: settings.memory_limit_bytes,
        predicted: None,
        stages: stages.collect(),
        heat: slowest.filter(|s| s.wall.as_secs_f64() > 0.05).map(|s| Heat {
            rows: s.heat.rows,
            columns: s.heat.columns,
            ms: s.heat.seconds.iter().map(|&t| (t * 1e3) as f32).collect(),
        }),
        lanes: Vec::new(),
        card: None,
        choice: None,
        stints: report.stages.iter().flat_map(|s| s.stints.iter().copied()).collect(),
    }
}
