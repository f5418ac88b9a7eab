//! `pad`, and products that are no contraction.

use super::join::made;
use super::{Bound, Found, FunctionEntry, PLAIN, Receiver, need, only, with};
use crate::build::Operand;
use crate::interp::{Arguments, Eval, Given, Machine, nearest};
use crate::node::NodeId;
use crate::pad::{self, Mode};
use crate::value::Value;
use cleave_ops::{Arg, OpError, Scalar};

const ARRAYS: &[Found] = &[Found::Arrays];

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "pad",
        found: ARRAYS,
        params: &[
            need("array"),
            need("pad_width"),
            with("mode", "'constant'"),
            only("constant_values", "0"),
            only("reflect_type", "'even'"),
        ],
        summary: "The array with more elements before and after those of each axis.",
        details: "`pad_width` is a number, a pair (before, after), or a pair for each axis. Modes: \"constant\" with \
                  `constant_values`, \"edge\" repeats the last element, \"reflect\" and \"symmetric\" go backwards \
                  without and with it, \"wrap\" begins again, \"empty\" is zeros here.",
        examples: &[
            ("pad(arange(3), 2)", "[0 0 0 1 2 0 0]"),
            ("pad(arange(3), (2, 1), mode=\"reflect\")", "[2 1 0 1 2 1]"),
            ("pad(ones((1, 2)), ((0, 1), (1, 0)), constant_values=5)", "[[5. 1. 1.]\n [5. 5. 5.]]"),
        ],
        run: pad,
        ..PLAIN
    },
    FunctionEntry {
        name: "outer",
        found: ARRAYS,
        params: &[need("x1"), need("x2")],
        summary: "Every element of one array times every element of the other.",
        examples: &[("outer(arange(3), arange(1, 3))", "[[0 0]\n [1 2]\n [2 4]]")],
        run: outer,
        ..PLAIN
    },
    FunctionEntry {
        name: "trace",
        found: &[Found::Arrays, Found::Method(Receiver::Array)],
        params: &[need("x"), with("offset", "0"), with("axis1", "0"), with("axis2", "1"), with("dtype", "None")],
        summary: "The sum along a diagonal.",
        examples: &[("trace(eye(3))", "3.0")],
        run: trace,
        ..PLAIN
    },
];

/// How each mode is written; `None` for values given.
const MODES: &[(&str, Option<Mode>)] = &[
    ("constant", None),
    ("empty", None),
    ("edge", Some(Mode::Edge)),
    ("reflect", Some(Mode::Reflect)),
    ("symmetric", Some(Mode::Symmetric)),
    ("wrap", Some(Mode::Wrap)),
];

fn pad(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    let ndim = m.state.graph[node].shape.ndim();
    let mode = mode(m, b)?;
    let widths = widths(m, b, ndim)?;
    let padded = match mode {
        Some(mode) => pad::with_own(&mut m.state.graph, node, &widths, mode),
        None => {
            let values = values(m, b, node)?;
            pad::with_values(&mut m.state.graph, node, &widths, &values)
        }
    };
    made(m, b, 1, padded).map(Value::Array)
}

fn mode(m: &mut Machine<'_>, b: &Bound) -> Eval<Option<Mode>> {
    let written = m.text_arg(b, 2)?.unwrap_or_else(|| "constant".into());
    let Some((_, mode)) = MODES.iter().find(|(name, _)| *name == &*written) else {
        let error = m.error("bad-argument", format!("`pad` has no mode \"{written}\""), b.span_of(2));
        let names = MODES.iter().map(|(name, _)| *name);
        return Err(match nearest(&written, names.clone()) {
            Some(near) => error.help(format!("did you mean \"{near}\"?")),
            None => error.help(format!("the modes are {}", names.collect::<Vec<_>>().join(", "))),
        });
    };
    match m.text_arg(b, 4)?.as_deref() {
        None | Some("even") => {}
        Some(_) => return m.not_available("a `reflect_type` other than \"even\"", "leave it out", b.span_of(4)),
    }
    if mode.is_some() && b.given(3).is_some() {
        let message = format!("`constant_values` goes with the mode \"constant\", found \"{written}\"");
        return Err(m.error("bad-argument", message, b.span_of(3)).help("leave one of the two out"));
    }
    Ok(*mode)
}

/// An argument that is one value, a pair for all axes, or a pair for each: a pair for each.
fn pairs(m: &mut Machine<'_>, b: &Bound, slot: usize, ndim: usize) -> Eval<Vec<(Arg, Arg)>> {
    let given = b.need(slot).clone();
    let arg = m.plain_arg(&given.value, given.span)?;
    let pair = |arg: &Arg| match arg {
        Arg::Tuple(items) => match items.as_slice() {
            [one] => Some((one.clone(), one.clone())),
            [before, after] => Some((before.clone(), after.clone())),
            _ => None,
        },
        one => Some((one.clone(), one.clone())),
    };
    let found = match &arg {
        Arg::Tuple(items) if items.iter().any(|i| matches!(i, Arg::Tuple(_))) => match items.as_slice() {
            [one] => pair(one).map(|p| vec![p; ndim]),
            all if all.len() == ndim => all.iter().map(pair).collect(),
            _ => None,
        },
        Arg::Dict(items) => from_dict(items, ndim, pair),
        all => pair(all).map(|p| vec![p; ndim]),
    };
    found.ok_or_else(|| {
        let name = b.entry.params[slot].name;
        let error = m.error(
            "bad-argument",
            format!("`{name}` must be a number, a pair, or a pair for each axis, found {arg}"),
            given.span,
        );
        error.help(format!("this array has {ndim} axes: `{name}=({})`", vec!["(1, 1)"; ndim].join(", ")))
    })
}

/// `{axis: width}`; axes left out are not padded.
fn from_dict(items: &[(Arg, Arg)], ndim: usize, pair: impl Fn(&Arg) -> Option<(Arg, Arg)>) -> Option<Vec<(Arg, Arg)>> {
    let mut all = vec![(Arg::from(0), Arg::from(0)); ndim];
    for (axis, width) in items {
        let Arg::Scalar(Scalar::Int(axis)) = axis else { return None };
        let axis = cleave_ops::args::axis_of(i64::try_from(*axis).ok()?, ndim).ok()?;
        all[axis] = pair(width)?;
    }
    Some(all)
}

fn widths(m: &mut Machine<'_>, b: &Bound, ndim: usize) -> Eval<Vec<(usize, usize)>> {
    let len = |arg: &Arg| match arg {
        Arg::Scalar(Scalar::Int(len)) => {
            usize::try_from(*len).map_err(|_| OpError::NegativeLength { len: i64::try_from(*len).unwrap_or(i64::MAX) })
        }
        other => Err(OpError::Argument { param: "pad_width", expected: "whole numbers", given: other.to_string() }),
    };
    let pairs = pairs(m, b, 1, ndim)?;
    let widths = pairs.iter().map(|(before, after)| Ok((len(before)?, len(after)?))).collect();
    made(m, b, 1, widths)
}

fn values(m: &mut Machine<'_>, b: &Bound, node: NodeId) -> Eval<Vec<(Scalar, Scalar)>> {
    let (ndim, dtype) = (m.state.graph[node].shape.ndim(), m.state.graph[node].dtype);
    if b.given(3).is_none() {
        let zero = crate::build::scalar_as(Scalar::Bool(false), dtype);
        return Ok(vec![(zero, zero); ndim]);
    }
    let value = |arg: &Arg| match arg {
        Arg::Scalar(value) => Ok(crate::build::scalar_as(*value, dtype)),
        other => Err(OpError::Argument { param: "constant_values", expected: "numbers", given: other.to_string() }),
    };
    let pairs = pairs(m, b, 3, ndim)?;
    let values = pairs.iter().map(|(before, after)| Ok((value(before)?, value(after)?))).collect();
    made(m, b, 3, values)
}

fn outer(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut operands = Vec::with_capacity(2);
    for slot in 0..2 {
        let node = m.array_of(&b.value(slot), b.span_of(slot))?;
        let ndim = m.state.graph[node].shape.ndim();
        if ndim > 1 {
            let error =
                m.error("bad-argument", format!("`outer` takes arrays of one axis, found {ndim}"), b.span_of(slot));
            return Err(error.help("`tensordot(a, b, axes=0)` keeps all axes of both"));
        }
        let line = crate::join::with_axes_in_front(&mut m.state.graph, node, 1);
        operands.push(Operand::Array(made(m, b, slot, line)?));
    }
    let product = crate::product::outer(&mut m.state.graph, [operands[0], operands[1]]);
    made(m, b, 0, product).map(Value::Array)
}

fn trace(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let mut arguments = Arguments::of(vec![b.need(0).clone()]);
    let options = ["offset", "axis1", "axis2"].into_iter().zip(&b.slots[1..4]);
    arguments.named.extend(options.filter_map(|(name, given)| Some((name.into(), given.clone()?))));
    let diagonal = m.call_named("diagonal", arguments, b.span)?;
    let mut arguments = Arguments::of(vec![Given::new(diagonal, b.span_of(0))]);
    arguments.named.push(("axis".into(), Given::new(Value::Int(-1), b.span)));
    arguments.named.extend(b.slots[4].clone().map(|dtype| ("dtype".into(), dtype)));
    m.call_named("sum", arguments, b.span)
}
