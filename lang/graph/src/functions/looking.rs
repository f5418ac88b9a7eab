//! Computing and looking: `compute`, `persist`, `display`, `clear_output`, `explain`, `help`.

use super::{Bound, Found, FunctionEntry, PLAIN, Param, Receiver, need, only, rest, with};
use crate::build;
use crate::device::device_of;
use crate::host::{Computed, How};
use crate::interp::{Eval, Machine};
use crate::node::NodeId;
use crate::value::Value;
use crate::vocabulary;
use cleave_ops::Chunks;

const ARRAY: Found = Found::Method(Receiver::Array);
const IPYTHON: Found = Found::Module("IPython.display");
const DASK: Found = Found::Module("dask");
const SEVERAL: &[Param] =
    &[rest("arrays"), only("scheduler", "None"), only("num_workers", "None"), only("optimize_graph", "True")];
const ONE: &[Param] =
    &[need("x"), only("scheduler", "None"), only("num_workers", "None"), only("optimize_graph", "True")];

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "compute",
        found: &[ARRAY],
        params: ONE,
        summary: "Computes the array: a number of a 0-d array, else an array held in memory.",
        details: "`scheduler` is 'threads', 'single-threaded', 'cuda', 'cuda:1', 'auto' or 'workers://HOST:PORT'; without \
                  it the GPU on which the array is, or what `%scheduler` says.",
        run: compute_one,
        ..PLAIN
    },
    FunctionEntry {
        name: "compute",
        found: &[Found::Arrays, DASK],
        params: SEVERAL,
        summary: "Computes several arrays in one pass and shares what they have in common.",
        details: "Gives a tuple, in the order of the arguments.",
        examples: &[("compute(ones(3).sum(), zeros(3).sum())", "(np.float64(3.0), np.float64(0.0))")],
        run: compute_several,
        ..PLAIN
    },
    FunctionEntry {
        name: "persist",
        found: &[ARRAY],
        params: ONE,
        summary: "Computes the array and holds it in its chunks.",
        run: persist_one,
        ..PLAIN
    },
    FunctionEntry {
        name: "persist",
        found: &[Found::Arrays, DASK],
        params: SEVERAL,
        summary: "Computes several arrays in one pass and holds them in their chunks.",
        run: persist_several,
        ..PLAIN
    },
    FunctionEntry {
        name: "visualize",
        found: &[ARRAY, DASK],
        params: &[rest("arrays"), only("filename", "None")],
        summary: "Draws the plan of an array.",
        run: explain,
        ..PLAIN
    },
    FunctionEntry {
        name: "explain",
        found: &[Found::Everywhere, ARRAY],
        params: &[rest("arrays")],
        summary: "Shows how arrays would be computed: rewrites, stages, bytes, peak memory.",
        run: explain,
        ..PLAIN
    },
    FunctionEntry {
        name: "display",
        found: &[Found::Everywhere, IPYTHON],
        params: &[rest("values")],
        summary: "Shows values as a bare expression would.",
        run: display,
        ..PLAIN
    },
    FunctionEntry {
        name: "clear_output",
        found: &[Found::Everywhere, IPYTHON],
        params: &[with("wait", "False")],
        summary: "Clears what the cell has shown so far.",
        details: "With `wait` the old output stays until there is new, so that nothing flickers.",
        run: clear_output,
        ..PLAIN
    },
    FunctionEntry {
        name: "help",
        params: &[rest("function")],
        summary: "Tells what a function does.",
        run: help,
        ..PLAIN
    },
    FunctionEntry {
        name: "ProgressBar",
        found: &[Found::Everywhere, Found::Module("dask.diagnostics")],
        params: &[rest("options"), super::names("named")],
        summary: "Accepted and changes nothing: progress is always shown for work over half a second.",
        run: |_, _| Ok(Value::Manager("ProgressBar")),
        ..PLAIN
    },
];

fn how(m: &mut Machine<'_>, b: &Bound) -> Eval<How> {
    let scheduler = match b.value(1) {
        Value::Client(client) => Some(format!("workers://{}", client.address)),
        _ => m.text_arg(b, 1)?.map(|s| s.to_string()),
    };
    let threads = m.int_arg(b, 2, 0)?;
    if threads < 0 {
        return Err(m.error("bad-argument", "`num_workers` must be 1 or more", b.span_of(2)));
    }
    Ok(How { scheduler, threads: usize::try_from(threads).ok().filter(|n| *n > 0) })
}

/// Computes nodes; each gives a number or an array in memory.
fn compute(m: &mut Machine<'_>, b: &Bound, roots: &[NodeId]) -> Eval<Vec<Value>> {
    let how = how(m, b)?;
    let results = m.host.compute(&m.state.graph, roots, &how).map_err(|f| m.failed(f, b.span))?;
    let value = |(root, computed): (&NodeId, Computed)| match computed {
        Computed::Scalar(scalar, dtype) => Value::Number(scalar, dtype),
        Computed::Array(source) => {
            let (shape, dtype) = (m.state.graph[*root].shape.clone(), m.state.graph[*root].dtype);
            let chunks = Chunks::single(&shape);
            Value::Array(build::load(&mut m.state.graph, source, shape, dtype, chunks))
        }
    };
    Ok(roots.iter().zip(results).map(value).collect())
}

fn compute_one(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    match b.value(0) {
        Value::Array(node) => Ok(compute(m, b, &[node])?.pop().unwrap_or(Value::None)),
        other => Ok(other),
    }
}

/// Arrays among the arguments are computed; other values stay, as in Dask.
fn compute_several(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let roots: Vec<NodeId> =
        b.rest.iter().filter_map(|g| if let Value::Array(n) = g.value { Some(n) } else { None }).collect();
    let mut results = if roots.is_empty() { Vec::new() } else { compute(m, b, &roots)? }.into_iter();
    let given = b.rest.iter().map(|g| match &g.value {
        Value::Array(_) => results.next().unwrap_or(Value::None),
        other => other.clone(),
    });
    Ok(Value::tuple(given.collect::<Vec<_>>()))
}

fn persist(m: &mut Machine<'_>, b: &Bound, roots: &[NodeId]) -> Eval<Vec<Value>> {
    let how = how(m, b)?;
    let sources = m.host.persist(&m.state.graph, roots, &how).map_err(|f| m.failed(f, b.span))?;
    let held = |(root, source): (&NodeId, crate::node::SourceId)| {
        let (node, device) = (m.state.graph[*root].clone(), device_of(&m.state.graph, &[*root]));
        let held = build::load(&mut m.state.graph, source, node.shape, node.dtype, node.chunks);
        Value::Array(device.map_or(held, |device| build::place(&mut m.state.graph, held, device)))
    };
    Ok(roots.iter().zip(sources).map(held).collect())
}

fn persist_one(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    match b.value(0) {
        Value::Array(node) => Ok(persist(m, b, &[node])?.pop().unwrap_or(Value::None)),
        other => Ok(other),
    }
}

fn nodes(m: &mut Machine<'_>, b: &Bound) -> Eval<Vec<NodeId>> {
    b.rest.iter().map(|g| m.array_of(&g.value, g.span)).collect()
}

fn persist_several(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let roots = nodes(m, b)?;
    persist(m, b, &roots).map(Value::tuple)
}

fn explain(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let roots = nodes(m, b)?;
    m.host.explain(&m.state.graph, &roots).map_err(|f| m.failed(f, b.span))?;
    Ok(Value::None)
}

fn display(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let values: Vec<Value> = b.rest.iter().map(|g| g.value.clone()).collect();
    m.host.display(&m.state.graph, &values).map_err(|f| m.failed(f, b.span))?;
    Ok(Value::None)
}

fn clear_output(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let wait = m.bool_arg(b, 0, false)?;
    m.host.clear(wait);
    Ok(Value::None)
}

fn help(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let text = match b.rest.first().map(|g| &g.value) {
        None => "help(f) tells what a function does; `f?` does the same.\n".to_owned(),
        Some(Value::Str(name)) => match vocabulary::find(name) {
            Some(entry) => vocabulary::describe(&entry),
            None => return Err(m.unknown_name(&name.clone(), b.span)),
        },
        Some(value) => vocabulary::describe_value(value),
    };
    m.host.print(&text, false);
    Ok(Value::None)
}
