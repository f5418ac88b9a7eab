//! What repeats, moves or compares elements along an axis.

use super::join::{checked_axis, made};
use super::{Bound, Found, FunctionEntry, PLAIN, Receiver, need, with};
use crate::build;
use crate::interp::{Eval, Machine};
use crate::join;
use crate::node::NodeId;
use crate::value::Value;
use cleave_ops::{OpError, Shape};

const ARRAYS: &[Found] = &[Found::Arrays];

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "tile",
        found: ARRAYS,
        params: &[need("x"), need("repetitions")],
        summary: "The array several times in a row along axes.",
        examples: &[("tile(arange(2), 3)", "[0 1 0 1 0 1]"), ("tile(arange(2), (2, 1))", "[[0 1]\n [0 1]]")],
        run: tile,
        ..PLAIN
    },
    FunctionEntry {
        name: "repeat",
        found: &[Found::Arrays, Found::Method(Receiver::Array)],
        params: &[need("x"), need("repeats"), with("axis", "None")],
        summary: "Every element several times along an axis.",
        examples: &[("repeat(arange(3), 2)", "[0 0 1 1 2 2]"), ("repeat(eye(2), 2, axis=1).shape", "(2, 4)")],
        run: repeat,
        ..PLAIN
    },
    FunctionEntry {
        name: "roll",
        found: ARRAYS,
        params: &[need("x"), need("shift"), with("axis", "None")],
        summary: "The elements moved on along an axis; what leaves it enters at the other end.",
        examples: &[("roll(arange(5), 2)", "[3 4 0 1 2]"), ("roll(eye(2), 1, axis=0)", "[[0. 1.]\n [1. 0.]]")],
        run: roll,
        ..PLAIN
    },
    FunctionEntry {
        name: "diff",
        found: ARRAYS,
        params: &[need("x"), with("n", "1"), with("axis", "-1"), with("prepend", "None"), with("append", "None")],
        summary: "Differences of neighbours along an axis, taken `n` times.",
        examples: &[("diff(arange(4) ** 2)", "[1 3 5]"), ("diff(arange(4) ** 2, n=2)", "[2 2]")],
        run: diff,
        ..PLAIN
    },
];

/// Whole numbers, one or several.
fn numbers(m: &mut Machine<'_>, b: &Bound, slot: usize) -> Eval<Vec<i64>> {
    let span = b.span_of(slot);
    match b.value(slot) {
        Value::None => Ok(Vec::new()),
        value @ (Value::Tuple(_) | Value::List(_) | Value::Range { .. }) => {
            m.all_items(value, span)?.iter().map(|v| m.whole(v, span)).collect()
        }
        one => Ok(vec![m.whole(&one, span)?]),
    }
}

fn tile(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (node, counts) = (m.array_of(&b.value(0), b.span_of(0))?, numbers(m, b, 1)?);
    let thick = join::with_axes_in_front(&mut m.state.graph, node, counts.len());
    let mut node = made(m, b, 1, thick)?;
    let lead = m.state.graph[node].shape.ndim() - counts.len();
    for (place, &count) in counts.iter().enumerate() {
        let times = usize::try_from(count).map_err(|_| OpError::NegativeLength { len: count });
        let times = made(m, b, 1, times)?;
        let shape = &m.state.graph[node].shape;
        let lens =
            shape.iter().enumerate().map(|(a, &len)| if a == lead + place { len.saturating_mul(times) } else { len });
        let checked = Shape::checked(lens.collect::<Vec<_>>());
        made(m, b, 1, checked)?;
        if times > MOST_COPIES && m.state.graph[node].shape[lead + place] != 1 {
            let error = m.error("too-large", format!("{times} copies in a row are too many"), b.span_of(1));
            return Err(error.help("broadcasting repeats without copies: `broadcast_to(x, shape)`"));
        }
        let tiled = join::tile(&mut m.state.graph, node, times, lead + place);
        node = made(m, b, 1, tiled)?;
    }
    Ok(Value::Array(node))
}

/// More copies than this are not put in a row.
const MOST_COPIES: usize = 100_000;

fn roll(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    let (mut shifts, mut axes, ndim) = (numbers(m, b, 1)?, numbers(m, b, 2)?, m.state.graph[node].shape.ndim());
    if b.given(2).is_none() {
        match ndim {
            0 => return Ok(Value::Array(node)),
            1 => axes = vec![0],
            _ => return made(m, b, 0, Err(OpError::NeedsAxis { op: "roll", ndim })),
        }
    }
    if shifts.len() == 1 {
        shifts.resize(axes.len(), shifts[0]);
    }
    if axes.len() == 1 {
        axes.resize(shifts.len(), axes[0]);
    }
    if shifts.len() != axes.len() {
        let message = format!("{} shifts for {} axes", shifts.len(), axes.len());
        return Err(m
            .error("bad-argument", message, b.span_of(1))
            .help("give one shift for each axis, or one for all"));
    }
    let mut node = node;
    for (shift, axis) in shifts.into_iter().zip(axes) {
        let axis = checked_axis(m, b, 2, (axis, ndim))?;
        let rolled = join::roll(&mut m.state.graph, node, shift, axis);
        node = made(m, b, 0, rolled)?;
    }
    Ok(Value::Array(node))
}

fn diff(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    let (n, axis, ndim) = (m.int_arg(b, 1, 1)?, m.int_arg(b, 2, -1)?, m.state.graph[node].shape.ndim());
    let Ok(n) = usize::try_from(n) else {
        return Err(m.error("bad-argument", format!("`n` must be 0 or more, found {n}"), b.span_of(1)));
    };
    let axis = checked_axis(m, b, 2, (axis, ndim))?;
    if n == 0 {
        return Ok(Value::Array(node));
    }
    let before = end(m, b, 3, (node, axis))?;
    let after = end(m, b, 4, (node, axis))?;
    let parts: Vec<NodeId> = [before, Some(node), after].into_iter().flatten().collect();
    let joined = join::concatenate(&mut m.state.graph, &parts, axis);
    let joined = made(m, b, 0, joined)?;
    let differences = join::diff(&mut m.state.graph, joined, n, axis);
    made(m, b, 0, differences).map(Value::Array)
}

/// What is put before or after an array; a number becomes as wide as the array.
fn end(m: &mut Machine<'_>, b: &Bound, slot: usize, (node, axis): (NodeId, usize)) -> Eval<Option<NodeId>> {
    let Some(given) = b.given(slot).cloned() else { return Ok(None) };
    let own = m.array_of(&given.value, given.span)?;
    if m.state.graph[own].shape.ndim() > 0 {
        return Ok(Some(own));
    }
    let lens: Shape =
        m.state.graph[node].shape.iter().enumerate().map(|(a, &l)| if a == axis { 1 } else { l }).collect();
    Ok(Some(build::broadcast_to(&mut m.state.graph, own, &lens)))
}

/// More repetitions than this are not laid between each other.
const MOST_REPEATS: usize = 256;

fn repeat(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    let flat = join::with_axes_in_front(&mut m.state.graph, node, 1);
    let (node, counts) = (made(m, b, 0, flat)?, numbers(m, b, 1)?);
    let &[count] = counts.as_slice() else {
        return m.not_available("a number of repeats for each element", "give one number for all", b.span_of(1));
    };
    let ndim = m.state.graph[node].shape.ndim();
    if b.given(2).is_none() && ndim > 1 {
        return made(m, b, 0, Err(OpError::NeedsAxis { op: "repeat", ndim }));
    }
    let axis = m.int_arg(b, 2, 0)?;
    let axis = checked_axis(m, b, 2, (axis, ndim))?;
    let count = made(m, b, 1, usize::try_from(count).map_err(|_| OpError::NegativeLength { len: count }))?;
    if count > MOST_REPEATS && m.state.graph[node].shape[axis] > 1 {
        let error = m.error("too-large", format!("{count} repeats of each element are too many"), b.span_of(1));
        return Err(error.help("broadcasting repeats without copies: `broadcast_to(x[:, None], shape)`"));
    }
    let repeated = join::repeat(&mut m.state.graph, node, count, axis);
    made(m, b, 1, repeated).map(Value::Array)
}
