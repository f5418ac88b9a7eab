//! Arrays out of lists and other arrays, beyond the table's creations.

use super::{Bound, Found, FunctionEntry, PLAIN, Receiver, need, only, rest, with};
use crate::build;
use crate::compose::{self, Indexing};
use crate::device::Device;
use crate::interp::{Arguments, Eval, Given, Machine, as_dtype};
use crate::node::NodeId;
use crate::value::Value;
use cleave_ops::{Arg, DType, Data, OpError, Shape};
use cleave_syntax::source::Span;

const ARRAYS: &[Found] = &[Found::Arrays];
const METHOD: &[Found] = &[Found::Method(Receiver::Array)];

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "array",
        aliases: &["asarray", "asanyarray", "from_array", "ascontiguousarray"],
        found: ARRAYS,
        params: &[need("x"), with("chunks", "None"), only("dtype", "None"), only("copy", "None"), only("name", "None")],
        summary: "An array of numbers, nested lists or an array.",
        examples: &[("array([[1, 2], [3, 4]])", "[[1 2]\n [3 4]]")],
        run: array,
        ..PLAIN
    },
    FunctionEntry {
        name: "tril",
        found: ARRAYS,
        params: &[need("m"), with("k", "0")],
        summary: "The lower triangle: zeros above diagonal `k`.",
        run: |m, b| composed(m, b, compose::tril),
        ..PLAIN
    },
    FunctionEntry {
        name: "triu",
        found: ARRAYS,
        params: &[need("m"), with("k", "0")],
        summary: "The upper triangle: zeros below diagonal `k`.",
        run: |m, b| composed(m, b, compose::triu),
        ..PLAIN
    },
    FunctionEntry {
        name: "diag",
        found: ARRAYS,
        params: &[need("v"), with("k", "0")],
        summary: "The matrix with `v` on a diagonal, or the diagonal of a matrix.",
        run: |m, b| composed(m, b, compose::diag),
        ..PLAIN
    },
    FunctionEntry {
        name: "meshgrid",
        found: ARRAYS,
        params: &[rest("xi"), only("indexing", "'xy'")],
        summary: "Coordinate arrays of the grid that 1-d arrays span.",
        run: meshgrid,
        ..PLAIN
    },
    FunctionEntry {
        name: "indices",
        found: ARRAYS,
        params: &[need("dimensions"), with("dtype", "int64"), with("chunks", "'auto'")],
        summary: "For each axis of a shape, the index along it.",
        run: indices,
        ..PLAIN
    },
    FunctionEntry {
        name: "fromfunction",
        found: ARRAYS,
        params: &[need("function"), need("shape"), only("dtype", "float64"), only("chunks", "'auto'")],
        summary: "What a function gives for the index arrays of a shape.",
        examples: &[("fromfunction(lambda i, j: i + j, (2, 2))", "[[0. 1.]\n [1. 2.]]")],
        run: fromfunction,
        ..PLAIN
    },
    FunctionEntry {
        name: "astype",
        found: &[Found::Arrays, METHOD[0]],
        params: &[need("x"), need("dtype"), only("copy", "True")],
        summary: "The array in another dtype.",
        examples: &[("arange(3).astype(float64)", "[0. 1. 2.]")],
        run: astype,
        ..PLAIN
    },
    FunctionEntry {
        name: "rechunk",
        found: &[Found::Arrays, METHOD[0]],
        params: &[need("x"), with("chunks", "'auto'")],
        summary: "The array cut into other chunks.",
        run: rechunk,
        ..PLAIN
    },
    FunctionEntry {
        name: "copy",
        found: &[Found::Arrays, METHOD[0]],
        params: &[need("x")],
        summary: "The same array; arrays do not change.",
        run: |_, b| Ok(b.value(0)),
        ..PLAIN
    },
    FunctionEntry {
        name: "to_device",
        found: METHOD,
        params: &[need("x"), need("device"), only("stream", "None")],
        summary: "The array on a device, cpu or a GPU such as cuda or cuda:1; what is made of it is computed there.",
        details: "Nothing moves before something is computed. Arrays that were persisted on a GPU stay in its memory as \
                  far as device_memory_limit allows, and in this machine's memory as well, so that nothing is lost where \
                  a GPU is full or fails. Results are copied to this machine.",
        examples: &[("ones(3).to_device('cpu').device", "cpu")],
        run: to_device,
        ..PLAIN
    },
    FunctionEntry {
        name: "item",
        found: METHOD,
        params: &[need("x")],
        summary: "The one element as a plain number; computes it.",
        run: item,
        ..PLAIN
    },
    FunctionEntry {
        name: "tolist",
        found: METHOD,
        params: &[need("x")],
        summary: "The elements as nested lists; computes them.",
        run: tolist,
        ..PLAIN
    },
    FunctionEntry {
        name: "shape",
        found: ARRAYS,
        params: &[need("x")],
        summary: "The length of each axis.",
        run: shape,
        ..PLAIN
    },
    FunctionEntry {
        name: "dtype",
        found: ARRAYS,
        params: &[need("name")],
        summary: "The dtype of a name.",
        run: dtype,
        ..PLAIN
    },
];

/// The dtype in a slot, if one was given.
pub(super) fn dtype_arg(m: &mut Machine<'_>, b: &Bound, slot: usize) -> Eval<Option<DType>> {
    let Some(given) = b.given(slot).cloned() else { return Ok(None) };
    as_dtype(&given.value).map(Some).ok_or_else(|| {
        let what = m.described(&given.value, given.span);
        let error = m.error("bad-dtype", format!("there is no dtype {what}"), given.span);
        let near = match &given.value {
            Value::Str(name) => crate::interp::nearest(name, DType::ALL.iter().map(|d| d.name())),
            _ => None,
        };
        match near {
            Some(near) => error.help(format!("did you mean \"{near}\"?")),
            None => error.help("such as float64, int32 or bool"),
        }
    })
}

/// The chunk specification in a slot.
pub(super) fn chunks_arg(m: &mut Machine<'_>, b: &Bound, slot: usize) -> Eval<Arg> {
    match b.given(slot).cloned() {
        Some(given) => m.plain_arg(&given.value, given.span),
        None => Ok(Arg::Str("auto".into())),
    }
}

/// The shape in a slot; a whole number is one axis.
pub(super) fn shape_arg(m: &mut Machine<'_>, b: &Bound, slot: usize) -> Eval<Shape> {
    let span = b.span_of(slot);
    let lens = match b.value(slot) {
        value @ (Value::Tuple(_) | Value::List(_) | Value::Range { .. }) => m.all_items(value, span)?,
        Value::None => Vec::new(),
        one => vec![one],
    };
    let mut shape = Vec::with_capacity(lens.len());
    for len in lens {
        let len = m.whole(&len, span)?;
        shape.push(usize::try_from(len).map_err(|_| m.op_error(&OpError::NegativeLength { len }, span, &[]))?);
    }
    Shape::checked(shape).map_err(|e| m.op_error(&e, span, &[]))
}

fn array(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    // NumPy's second parameter is the dtype, Dask's the chunks.
    if b.given(1).is_some_and(|g| as_dtype(&g.value).is_some()) && b.slots[2].is_none() {
        b.slots[2] = b.slots[1].take();
    }
    let (dtype, span) = (dtype_arg(m, b, 2)?, b.span_of(0));
    let node = match b.value(0) {
        Value::Array(node) => node,
        value @ Value::Number(..) => m.array_of(&value, span)?,
        value => m.literal(&value, dtype, span)?,
    };
    let node = dtype.map_or(node, |dtype| build::cast(&mut m.state.graph, node, dtype));
    cut(m, b, node, 1)
}

fn cut(m: &mut Machine<'_>, b: &Bound, node: NodeId, slot: usize) -> Eval {
    let Some(given) = b.given(slot).cloned() else { return Ok(Value::Array(node)) };
    let (spec, options) = (m.plain_arg(&given.value, given.span)?, m.options());
    let made = build::rechunk(&mut m.state.graph, node, &spec, &options);
    made.map(Value::Array).map_err(|e| m.op_error(&e, given.span, b.slots[0].as_slice()))
}

fn composed(
    m: &mut Machine<'_>,
    b: &mut Bound,
    make: fn(&mut crate::Graph, NodeId, i64) -> Result<NodeId, OpError>,
) -> Eval {
    let (node, k) = (m.array_of(&b.value(0), b.span_of(0))?, m.int_arg(b, 1, 0)?);
    make(&mut m.state.graph, node, k).map(Value::Array).map_err(|e| m.op_error(&e, b.span, b.slots[0].as_slice()))
}

fn arrays(m: &mut Machine<'_>, given: &[Given]) -> Eval<Vec<NodeId>> {
    given.iter().map(|g| m.array_of(&g.value, g.span)).collect()
}

fn meshgrid(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let indexing = match m.text_arg(b, 1)?.as_deref() {
        None | Some("xy") => Indexing::Xy,
        Some("ij") => Indexing::Ij,
        Some(_) => return Err(m.error("bad-argument", "`indexing` must be 'xy' or 'ij'", b.span_of(1))),
    };
    let nodes = arrays(m, &b.rest)?;
    let made = compose::meshgrid(&mut m.state.graph, &nodes, indexing);
    let made = made.map_err(|e| m.op_error(&e, b.span, &b.rest))?;
    Ok(Value::tuple(made.into_iter().map(Value::Array).collect::<Vec<_>>()))
}

fn index_arrays(m: &mut Machine<'_>, b: &Bound, shape: usize, (dtype, chunks): (DType, usize)) -> Eval<Vec<NodeId>> {
    let (lens, chunks, options) = (shape_arg(m, b, shape)?, chunks_arg(m, b, chunks)?, m.options());
    let made = compose::indices(&mut m.state.graph, &lens, dtype, &chunks, &options);
    made.map_err(|e| m.op_error(&e, b.span, &[]))
}

fn indices(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let dtype = dtype_arg(m, b, 1)?.unwrap_or(DType::I64);
    let nodes = index_arrays(m, b, 0, (dtype, 2))?;
    let made = crate::join::stack(&mut m.state.graph, &nodes, 0);
    made.map(Value::Array).map_err(|e| m.op_error(&e, b.span, &[]))
}

fn fromfunction(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let dtype = dtype_arg(m, b, 2)?.unwrap_or(DType::F64);
    let nodes = index_arrays(m, b, 1, (dtype, 3))?;
    let given = nodes.into_iter().map(|n| Given::new(Value::Array(n), b.span)).collect();
    let function = b.need(0).clone();
    m.call_value(&function, Arguments::of(given), b.span)
}

fn astype(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let Some(dtype) = dtype_arg(m, b, 1)? else {
        return Err(m.error("bad-dtype", "`astype` needs a dtype", b.span_of(1)).help("such as float64 or int32"));
    };
    if let Value::Number(scalar, from) = b.value(0) {
        let mut out = Data::zeros(dtype, 0);
        cleave_ops::cast::cast(crate::interp::small::single(scalar, from).as_ref(), &mut out);
        return Ok(Value::Number(out.get(0), dtype));
    }
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    Ok(Value::Array(build::cast(&mut m.state.graph, node, dtype)))
}

fn rechunk(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    if b.given(1).is_none() {
        b.slots[1] = Some(Given::new(Value::text("auto"), b.span));
    }
    cut(m, b, node, 1)
}

fn to_device(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (node, name) = (m.array_of(&b.value(0), b.span_of(0))?, m.needed_text(b, 1)?);
    let Some(device) = Device::parse(&name) else {
        let message = format!("there is no device {}", crate::interp::quoted(&name));
        let help = "the devices are \"cpu\", \"cuda\" and, where there are several GPUs, \"cuda:1\"";
        return Err(m.error("unknown-device", message, b.span_of(1)).help(help));
    };
    if b.given(2).is_some() {
        let help = "leave it out: work is ordered by itself";
        return m.not_available("a stream of one's own", help, b.span_of(2));
    }
    m.device(node, b.span_of(0)).or_else(|apart| if device == Device::Cpu { Ok(device) } else { Err(apart) })?;
    Ok(Value::Array(build::place(&mut m.state.graph, node, device)))
}

fn item(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    match b.value(0) {
        Value::Array(node) => {
            let dtype = m.state.graph[node].dtype;
            Ok(Value::Number(m.single(node, b.span)?, dtype).plain())
        }
        other => Ok(other.plain()),
    }
}

fn tolist(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    let (shape, dtype) = (m.state.graph[node].shape.clone(), m.state.graph[node].dtype);
    if shape.size() > 10_000_000 {
        let message = format!("{} elements are too many for lists", shape.size());
        return Err(m.error("too-large", message, b.span).help("keep them in the array"));
    }
    let data = m.fetch(node, b.span)?;
    nested(m, b.span, Elements { dtype, data: &data }, &shape, 0)
}

/// What lists are made of.
#[derive(Clone, Copy)]
struct Elements<'a> {
    dtype: DType,
    data: &'a Data,
}

/// How many elements become lists before somebody who interrupts is heard.
const LOOK: usize = 1 << 16;

fn nested(m: &Machine<'_>, span: Span, all: Elements<'_>, shape: &[usize], start: usize) -> Eval {
    let Some((&len, inner)) = shape.split_first() else {
        return Ok(Value::Number(all.data.get(start), all.dtype).plain());
    };
    let stride: usize = inner.iter().product();
    let part = |i: usize| {
        let at = start + i * stride;
        if at.is_multiple_of(LOOK) {
            m.check_interrupt(span)?;
        }
        nested(m, span, all, inner, at)
    };
    (0..len).map(part).collect::<Eval<Vec<Value>>>().map(Value::list)
}

fn shape(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    Ok(Value::lengths(m.state.graph[node].shape.iter().copied()))
}

fn dtype(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    Ok(dtype_arg(m, b, 0)?.map_or(Value::None, Value::DType))
}
