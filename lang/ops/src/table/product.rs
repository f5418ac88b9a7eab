//! Products of matrices and other sums of products.

use super::{array, numpy};
use crate::args::{ArgResult, Args, axis_of};
use crate::contract::products;
use crate::error::OpError;
use crate::op::{Class, Contract, ContractLoop, ContractRule, Op, Pairing, Param, ParamKind};
use crate::shape::Shape;
use crate::view::View;
use crate::{Arg, Scalar};

pub(super) static OPS: &[&Op] = &[&MATMUL, &DOT, &TENSORDOT, &VECDOT, &INNER];

const LEFT: Param = array("x1", "the left array");
const RIGHT: Param = array("x2", "the right array");

/// float16 is multiplied and added up in float32.
const LOOPS: &[ContractLoop] = &[
    products::<bool>(),
    products::<i8>(),
    products::<u8>(),
    products::<i16>(),
    products::<u16>(),
    products::<i32>(),
    products::<u32>(),
    products::<i64>(),
    products::<u64>(),
    products::<f32>(),
    products::<f64>(),
];

const fn contract(rule: ContractRule) -> Class {
    Class::Contract(Contract { loops: LOOPS, weight: 0.2, rule })
}

const BASE: Op = Op {
    name: "",
    aliases: &[],
    symbol: None,
    method: false,
    params: &[LEFT, RIGHT],
    summary: "",
    details: "",
    examples: &[],
    class: contract(matmul),
    numpy: None,
};

static MATMUL: Op = Op {
    name: "matmul",
    symbol: Some("@"),
    summary: "Product of matrices, or of stacks of them",
    details: "The last axis of the left operand goes with the last but one of the right. Axes before the last two \
              are stacks and broadcast. An operand with one axis is a row on the left, a column on the right. \
              Integers wrap around; of bools it is `or` of `and`s. Products of floats are added in the order of \
              the shared axis.",
    examples: &[("ones((2, 3)) @ ones((3, 2))", "[[3. 3.]\n [3. 3.]]"), ("matmul(arange(3), arange(3))", "5")],
    numpy: numpy("np.matmul", -4.0, 4.0, 64.0),
    ..BASE
};

static DOT: Op = Op {
    name: "dot",
    method: true,
    summary: "Sum of products over the last axis of one and the last but one of the other",
    details: "Like `@` up to two axes. With more, every row of the left operand meets every column of the right \
              one: stacks are not paired.",
    examples: &[("dot(arange(3), arange(3))", "5"), ("ones((2, 3)).dot(ones(3))", "[3. 3.]")],
    class: contract(dot),
    numpy: numpy("np.dot", -4.0, 4.0, 64.0),
    ..BASE
};

static TENSORDOT: Op = Op {
    name: "tensordot",
    params: &[
        LEFT,
        RIGHT,
        Param {
            name: "axes",
            kind: ParamKind::Any,
            default: Some("2"),
            doc: "how many last axes of the left go with the first of the right, or a pair of lists of axes",
        },
    ],
    summary: "Sum of products over axes of two arrays",
    examples: &[
        ("tensordot(ones((2, 3)), ones((3, 4)), axes=1).shape", "(2, 4)"),
        ("tensordot(ones((2, 3, 4)), ones((3, 2)), axes=([0, 1], [1, 0])).shape", "(4,)"),
    ],
    class: contract(tensordot),
    numpy: numpy("np.tensordot", -4.0, 4.0, 64.0),
    ..BASE
};

static VECDOT: Op = Op {
    name: "vecdot",
    params: &[
        LEFT,
        RIGHT,
        Param { name: "axis", kind: ParamKind::Int, default: Some("-1"), doc: "the axis to multiply and add along" },
    ],
    summary: "Sum of products along one axis, the other axes side by side",
    examples: &[("vecdot(ones((2, 3)), arange(3))", "[3. 3.]")],
    class: contract(vecdot),
    numpy: numpy("np.vecdot", -4.0, 4.0, 64.0),
    ..BASE
};

static INNER: Op = Op {
    name: "inner",
    summary: "Sum of products over the last axes of two arrays",
    examples: &[("inner(arange(3), arange(3))", "5"), ("inner(ones((2, 3)), ones((4, 3))).shape", "(2, 4)")],
    class: contract(inner),
    numpy: numpy("np.inner", -4.0, 4.0, 64.0),
    ..BASE
};

type Paired = ArgResult<Pairing>;

fn matmul(args: &Args, left: &Shape, right: &Shape) -> Paired {
    refuse_scalars(args, left, right)?;
    let (l, r) = (left.ndim(), right.ndim());
    let pair = (l - 1, r.saturating_sub(2));
    check_pair(left, right, pair)?;
    let stacks = [&left[..l.saturating_sub(2)], &right[..r.saturating_sub(2)]].map(|s| Shape::new(s.iter().copied()));
    let joint = stacks[0].broadcast(&stacks[1]).ok_or_else(|| mismatch(left, right, stack_clash(&stacks)))?;
    let full = |own: &Shape, stack: &Shape| {
        let tail = own[stack.ndim()..].iter().copied();
        let paired = tail.len() > 1 || joint.ndim() == 0;
        let lens: Shape = joint.iter().copied().chain(tail).collect();
        if paired { (View::broadcast(own, &lens), joint.ndim()) } else { (View::identity(own), 0) }
    };
    let ((left_view, lead), (right_view, right_lead)) = (full(left, &stacks[0]), full(right, &stacks[1]));
    let batch = if lead == right_lead { (0..lead).map(|a| (a, a)).collect() } else { Default::default() };
    let summed = [(left_view.shape.ndim() - 1, right_lead + pair.1.saturating_sub(stacks[1].ndim()))];
    Ok(Pairing { left: left_view, right: right_view, batch, summed: summed.into_iter().collect() })
}

/// The axes at which stacks of matrices do not broadcast.
fn stack_clash([left, right]: &[Shape; 2]) -> (usize, usize) {
    let both = left.iter().rev().zip(right.iter().rev());
    let behind = both.take_while(|(l, r)| l == r || **l == 1 || **r == 1).count();
    (left.ndim().saturating_sub(behind + 1), right.ndim().saturating_sub(behind + 1))
}

fn dot(_: &Args, left: &Shape, right: &Shape) -> Paired {
    match (left.ndim(), right.ndim()) {
        (0, _) | (_, 0) => over(left, right, &[]),
        (l, r) => over(left, right, &[(l - 1, r.saturating_sub(2))]),
    }
}

fn inner(_: &Args, left: &Shape, right: &Shape) -> Paired {
    match (left.ndim(), right.ndim()) {
        (0, _) | (_, 0) => over(left, right, &[]),
        (l, r) => over(left, right, &[(l - 1, r - 1)]),
    }
}

fn tensordot(args: &Args, left: &Shape, right: &Shape) -> Paired {
    let wrong = || OpError::Argument {
        param: "axes",
        expected: "a number of axes or a pair of lists of axes",
        given: args.get("axes").to_string(),
    };
    let pairs: Vec<(usize, usize)> = match args.get("axes") {
        Arg::Scalar(Scalar::Int(count)) => {
            let count = usize::try_from(*count).map_err(|_| wrong())?;
            let first = left.ndim().checked_sub(count).filter(|_| count <= right.ndim());
            let first = first.ok_or(OpError::TooManyIndices { given: count, ndim: left.ndim().min(right.ndim()) })?;
            (0..count).map(|n| (first + n, n)).collect()
        }
        Arg::Tuple(sides) if sides.len() == 2 => {
            let [l, r] = [(&sides[0], left), (&sides[1], right)].map(|(side, shape)| listed(side, shape));
            let (l, r) = (l?.ok_or_else(wrong)?, r?.ok_or_else(wrong)?);
            if l.len() != r.len() {
                return Err(wrong());
            }
            l.into_iter().zip(r).collect()
        }
        _ => return Err(wrong()),
    };
    over(left, right, &pairs)
}

/// One axis or a list of axes, each once.
fn listed(side: &Arg, shape: &Shape) -> ArgResult<Option<Vec<usize>>> {
    let items = if let Arg::Tuple(items) = side { items.as_slice() } else { std::slice::from_ref(side) };
    let mut axes = Vec::with_capacity(items.len());
    for item in items {
        let Arg::Scalar(Scalar::Int(written)) = item else { return Ok(None) };
        let written = i64::try_from(*written).unwrap_or(i64::MAX);
        let axis = axis_of(written, shape.ndim())?;
        if axes.contains(&axis) {
            return Err(OpError::RepeatedAxis { axis: written });
        }
        axes.push(axis);
    }
    Ok(Some(axes))
}

fn vecdot(args: &Args, left: &Shape, right: &Shape) -> Paired {
    refuse_scalars(args, left, right)?;
    let axis = args.int("axis")?;
    let (l, r) = (axis_of(axis, left.ndim())?, axis_of(axis, right.ndim())?);
    check_pair(left, right, (l, r))?;
    let last = |shape: &Shape, axis: usize| {
        let order: Vec<usize> = (0..shape.ndim()).filter(|a| *a != axis).chain([axis]).collect();
        View::permute(shape, &order)
    };
    let (left_view, right_view) = (last(left, l), last(right, r));
    let joint = left_view.shape.broadcast(&right_view.shape);
    let joint = joint.ok_or_else(|| OpError::Broadcast { shapes: vec![left.clone(), right.clone()] })?;
    let stretched = |view: View| View::broadcast(&view.shape, &joint).of(&view);
    let (lead, summed) = (joint.ndim() - 1, joint.ndim() - 1);
    let batch = (0..lead).map(|a| (a, a)).collect();
    let summed = [(summed, summed)].into_iter().collect();
    Ok(Pairing { left: stretched(left_view), right: stretched(right_view), batch, summed })
}

/// Pairs of axes to add over, no stacks.
fn over(left: &Shape, right: &Shape, pairs: &[(usize, usize)]) -> Paired {
    pairs.iter().try_for_each(|&pair| check_pair(left, right, pair))?;
    let summed = pairs.iter().copied().collect();
    Ok(Pairing { left: View::identity(left), right: View::identity(right), batch: Default::default(), summed })
}

fn check_pair(left: &Shape, right: &Shape, pair: (usize, usize)) -> ArgResult<()> {
    if left[pair.0] == right[pair.1] { Ok(()) } else { Err(mismatch(left, right, pair)) }
}

fn mismatch(left: &Shape, right: &Shape, axes: (usize, usize)) -> OpError {
    OpError::Unpaired { shapes: [left.clone(), right.clone()], axes }
}

fn refuse_scalars(args: &Args, left: &Shape, right: &Shape) -> ArgResult<()> {
    let sides = [left, right].into_iter().zip(args.op.params);
    match sides.into_iter().find(|(shape, _)| shape.ndim() == 0) {
        Some((_, param)) => Err(OpError::Argument {
            param: param.name,
            expected: "an array with at least 1 axis; numbers are multiplied with `*`",
            given: "a number".into(),
        }),
        None => Ok(()),
    }
}
