//! An operation's arguments, bound to its parameters.

use crate::dtype::DType;
use crate::error::OpError;
use crate::op::{Op, Param, ParamKind};
use crate::scalar::Scalar;
use crate::shape::Shape;
use smallvec::SmallVec;
use std::fmt;

/// A plain argument: anything but an array.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Arg {
    None,
    Ellipsis,
    Scalar(Scalar),
    Str(String),
    DType(DType),
    /// A tuple or a list.
    Tuple(Vec<Arg>),
    Dict(Vec<(Arg, Arg)>),
    /// An array, as `shape` and dtype; its place among the call's arrays stands beside.
    Array {
        index: usize,
        shape: Shape,
        dtype: DType,
    },
}

/// The arguments of one call, one slot for each of the operation's parameters; missing ones hold the default.
#[derive(Clone, Debug)]
pub struct Args {
    /// The operation called.
    pub op: &'static Op,
    /// One slot a parameter.
    pub slots: Vec<Arg>,
}

/// A result of reading arguments.
pub type ArgResult<T> = Result<T, OpError>;

/// Axes of an array, counted from 0.
pub type AxisList = SmallVec<[usize; 4]>;

/// Gives each parameter of `op` its argument, as Python does: by place, then by name, then the default.
pub fn bind(op: &'static Op, positional: Vec<Arg>, named: Vec<(String, Arg)>) -> ArgResult<Args> {
    let positional = spread_out(op, positional);
    if positional.len() > op.params.len() {
        return Err(OpError::TooManyArguments { op: op.name, most: op.params.len(), given: positional.len() });
    }
    let mut slots: Vec<Option<Arg>> = positional.into_iter().map(Some).collect();
    slots.resize(op.params.len(), None);
    for (name, arg) in named {
        let slot = slot_of(op, &name)?;
        if slots[slot].replace(arg).is_some() {
            return Err(OpError::RepeatedArgument { op: op.name, name });
        }
    }
    let filled = op.params.iter().zip(slots).map(|(param, slot)| slot_or_default(op, param, slot));
    Ok(Args { op, slots: filled.collect::<ArgResult<_>>()? })
}

/// `x.transpose(1, 0)` means `x.transpose((1, 0))` where axes or lengths are all there is to give.
fn spread_out(op: &'static Op, mut positional: Vec<Arg>) -> Vec<Arg> {
    let listed = op.params.len() == 2 && matches!(op.params[1].kind, ParamKind::Axes | ParamKind::Shape);
    let whole = |arg: &Arg| matches!(arg, Arg::Scalar(Scalar::Int(_)));
    if listed && positional.len() > 2 && positional[1..].iter().all(whole) {
        let items = positional.split_off(1);
        positional.push(Arg::Tuple(items));
    }
    positional
}

fn slot_of(op: &'static Op, name: &str) -> ArgResult<usize> {
    op.params.iter().position(|p| p.name == name || p.other_name() == Some(name)).ok_or_else(|| {
        OpError::UnknownArgument {
            op: op.name,
            name: name.to_owned(),
            known: op.params.iter().map(|p| p.name).collect(),
        }
    })
}

fn slot_or_default(op: &'static Op, param: &'static Param, slot: Option<Arg>) -> ArgResult<Arg> {
    let Some(arg) = slot else {
        let text = param.default.ok_or(OpError::MissingArgument { op: op.name, param: param.name })?;
        return Ok(default_arg(text));
    };
    let fits =
        !matches!((param.kind, &arg), (ParamKind::Array, Arg::Str(_) | Arg::Dict(_) | Arg::DType(_) | Arg::Ellipsis));
    if fits { Ok(arg) } else { Err(wrong(param.name, "an array or a number", &arg)) }
}

/// A default as the table writes it: a literal, or the name of a dtype.
fn default_arg(text: &'static str) -> Arg {
    let quoted = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match text {
        "None" => Arg::None,
        "True" => Arg::Scalar(Scalar::Bool(true)),
        "False" => Arg::Scalar(Scalar::Bool(false)),
        _ => quoted
            .map(|t| Arg::Str(t.to_owned()))
            .or_else(|| text.parse().ok().map(|v| Arg::Scalar(Scalar::Int(v))))
            .or_else(|| text.parse().ok().map(|v| Arg::Scalar(Scalar::Float(v))))
            .or_else(|| DType::parse(text).map(Arg::DType))
            .unwrap_or(Arg::None),
    }
}

fn wrong(param: &'static str, expected: &'static str, given: &Arg) -> OpError {
    OpError::Argument { param, expected, given: given.to_string() }
}

impl Param {
    /// The name the same parameter has in the Array API or NumPy, where they differ.
    pub fn other_name(&self) -> Option<&'static str> {
        match self.name {
            "ddof" => Some("correction"),
            "axes" => Some("axis"),
            "min" => Some("a_min"),
            "max" => Some("a_max"),
            _ => None,
        }
    }
}

impl Args {
    /// The argument of a parameter by name; the name must be one of the entry's.
    pub fn get(&self, name: &str) -> &Arg {
        let slot = self.op.params.iter().position(|p| p.name == name);
        slot.map_or(&Arg::None, |i| &self.slots[i])
    }

    /// The argument, or `None` where it is `None`.
    pub fn given(&self, name: &str) -> Option<&Arg> {
        Some(self.get(name)).filter(|arg| **arg != Arg::None)
    }

    /// A whole number.
    pub fn int(&self, name: &'static str) -> ArgResult<i64> {
        int_of(name, self.get(name))
    }

    /// Any number.
    pub fn number(&self, name: &'static str) -> ArgResult<Scalar> {
        match self.get(name) {
            Arg::Scalar(value) => Ok(*value),
            other => Err(wrong(name, "a number", other)),
        }
    }

    /// `True` or `False`.
    pub fn bool(&self, name: &'static str) -> ArgResult<bool> {
        match self.get(name) {
            Arg::Scalar(Scalar::Bool(value)) => Ok(*value),
            Arg::Scalar(Scalar::Int(value @ (0 | 1))) => Ok(*value == 1),
            other => Err(wrong(name, "True or False", other)),
        }
    }

    /// Axes in increasing order, each once; `None` stands for all.
    pub fn axes(&self, name: &'static str, ndim: usize) -> ArgResult<AxisList> {
        let mut axes = self.axes_in_order(name, ndim)?.unwrap_or_else(|| (0..ndim).collect());
        axes.sort_unstable();
        Ok(axes)
    }

    /// Axes in the order given, each once; `None` where the argument is `None`.
    pub fn axes_in_order(&self, name: &'static str, ndim: usize) -> ArgResult<Option<AxisList>> {
        match self.get(name) {
            Arg::None => Ok(None),
            arg => axes_of(name, arg, ndim).map(Some),
        }
    }

    /// A dtype; `None` where the argument is `None`.
    pub fn dtype(&self, name: &'static str) -> ArgResult<Option<DType>> {
        match self.get(name) {
            Arg::None => Ok(None),
            arg => dtype_of(arg).map(Some).ok_or_else(|| wrong(name, "a dtype such as float64 or \"int32\"", arg)),
        }
    }

    /// A length or a tuple of lengths.
    pub fn shape(&self, name: &'static str) -> ArgResult<Shape> {
        match self.get(name) {
            Arg::Tuple(lens) => Shape::checked(lens.iter().map(|l| len_of(name, l)).collect::<ArgResult<Vec<_>>>()?),
            one => Shape::checked([len_of(name, one)?]),
        }
    }

    /// Shape and dtype of an array argument.
    pub fn array(&self, name: &'static str) -> ArgResult<(&Shape, DType)> {
        match self.get(name) {
            Arg::Array { shape, dtype, .. } => Ok((shape, *dtype)),
            other => Err(wrong(name, "an array", other)),
        }
    }
}

/// One axis, counted from 0.
pub fn axis_of(axis: i64, ndim: usize) -> ArgResult<usize> {
    let count = ndim as i64;
    let from_start = if axis < 0 { axis + count } else { axis };
    if (0..count).contains(&from_start) { Ok(from_start as usize) } else { Err(OpError::Axis { axis, ndim }) }
}

/// A dtype from a dtype or its name.
pub fn dtype_of(arg: &Arg) -> Option<DType> {
    match arg {
        Arg::DType(dtype) => Some(*dtype),
        Arg::Str(name) => DType::parse(name),
        _ => None,
    }
}

fn axes_of(name: &'static str, arg: &Arg, ndim: usize) -> ArgResult<AxisList> {
    let one = std::slice::from_ref(arg);
    let list = if let Arg::Tuple(list) = arg { list.as_slice() } else { one };
    let mut axes = AxisList::new();
    for item in list {
        let written = int_of(name, item).map_err(|_| wrong(name, "an axis or a tuple of axes", arg))?;
        let axis = axis_of(written, ndim)?;
        if axes.contains(&axis) {
            return Err(OpError::RepeatedAxis { axis: written });
        }
        axes.push(axis);
    }
    Ok(axes)
}

fn int_of(name: &'static str, arg: &Arg) -> ArgResult<i64> {
    let value = if let Arg::Scalar(scalar) = arg { scalar.to_int() } else { None };
    value.and_then(|v| i64::try_from(v).ok()).ok_or_else(|| wrong(name, "a whole number", arg))
}

fn len_of(name: &'static str, arg: &Arg) -> ArgResult<usize> {
    let len = int_of(name, arg).map_err(|_| wrong(name, "a length or a tuple of lengths", arg))?;
    usize::try_from(len).map_err(|_| OpError::NegativeLength { len })
}

impl fmt::Display for Arg {
    /// As the user would write it, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::None => f.write_str("None"),
            Arg::Ellipsis => f.write_str("..."),
            Arg::Scalar(value) => write!(f, "{value}"),
            Arg::Str(text) => write!(f, "{text:?}"),
            Arg::DType(dtype) => write!(f, "{dtype}"),
            Arg::Tuple(items) if items.len() == 1 => write!(f, "({},)", items[0]),
            Arg::Tuple(items) => write!(f, "({})", comma_joined(items.iter().map(Arg::to_string))),
            Arg::Dict(items) => write!(f, "{{{}}}", comma_joined(items.iter().map(|(k, v)| format!("{k}: {v}")))),
            Arg::Array { shape, dtype, .. } => write!(f, "an array of {dtype} {shape}"),
        }
    }
}

fn comma_joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

impl From<Scalar> for Arg {
    fn from(value: Scalar) -> Self {
        Arg::Scalar(value)
    }
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Arg::Scalar(Scalar::Int(value.into()))
    }
}
