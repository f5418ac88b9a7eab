//! What can be wrong with the arguments of an operation.

use crate::dtype::DType;
use crate::shape::Shape;
use std::fmt;

/// A wrong use of an operation. It holds values; the words are in `Display` (one sentence, lower case, no
/// full stop), the stable code in [`OpError::code`], the way out in [`OpError::help`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum OpError {
    /// Shapes of operands that do not broadcast.
    Broadcast { shapes: Vec<Shape> },
    /// An axis outside `-ndim..ndim`.
    Axis { axis: i64, ndim: usize },
    /// The same axis twice.
    RepeatedAxis { axis: i64 },
    /// An index outside an axis.
    Index { index: i64, axis: usize, len: usize },
    /// More indices than axes.
    TooManyIndices { given: usize, ndim: usize },
    /// More axes than an array may have.
    TooManyAxes { axes: usize },
    /// A shape whose elements cannot be addressed.
    TooLarge { shape: Shape },
    /// A negative length.
    NegativeLength { len: i64 },
    /// No loop of the operation takes these dtypes.
    DType { op: &'static str, dtypes: Vec<DType> },
    /// A Python integer that does not fit the dtype it must take.
    OutOfBounds { value: i128, dtype: DType },
    /// Chunk lengths that do not cover an axis.
    ChunkSum { axis: usize, sum: usize, len: usize },
    /// A chunk specification that cannot be read.
    ChunkSpec { given: String },
    /// A reduction without identity over no elements.
    EmptyReduction { op: &'static str, shape: Shape },
    /// An argument of the wrong sort: what the parameter wants, what was given.
    Argument { param: &'static str, expected: &'static str, given: String },
    /// An argument the call must have.
    MissingArgument { op: &'static str, param: &'static str },
    /// A keyword that no parameter has.
    UnknownArgument { op: &'static str, name: String, known: Vec<&'static str> },
    /// More positional arguments than parameters.
    TooManyArguments { op: &'static str, most: usize, given: usize },
    /// Two arguments for one parameter.
    RepeatedArgument { op: &'static str, name: String },
    /// An integer division or remainder by the scalar zero.
    DivisionByZero { op: &'static str },
    /// An integer to a negative integer power.
    NegativePower,
    /// A step of zero.
    ZeroStep,
    /// Shapes whose axes do not go together in a sum of products: the first axes of different length.
    Unpaired { shapes: [Shape; 2], axes: (usize, usize) },
    /// A window that does not fit an axis.
    Window { window: usize, axis: usize, len: usize },
    /// An operation that goes along one axis, on several without saying which.
    NeedsAxis { op: &'static str, ndim: usize },
    /// Arrays to be joined whose other axes differ.
    Unjoined { shapes: [Shape; 2], axis: usize, differs: Option<usize> },
}

impl OpError {
    /// The stable code a message is found under.
    pub fn code(&self) -> &'static str {
        match self {
            OpError::Broadcast { .. } => "shape-mismatch",
            OpError::Axis { .. } | OpError::RepeatedAxis { .. } => "bad-axis",
            OpError::Index { .. } => "index-out-of-range",
            OpError::TooManyIndices { .. } => "too-many-indices",
            OpError::TooManyAxes { .. } => "too-many-axes",
            OpError::TooLarge { .. } => "array-too-large",
            OpError::NegativeLength { .. } => "negative-length",
            OpError::DType { .. } => "dtype-mismatch",
            OpError::OutOfBounds { .. } => "out-of-bounds-integer",
            OpError::ChunkSum { .. } | OpError::ChunkSpec { .. } => "bad-chunks",
            OpError::EmptyReduction { .. } => "empty-reduction",
            OpError::Argument { .. } => "bad-argument",
            OpError::MissingArgument { .. } => "missing-argument",
            OpError::UnknownArgument { .. } => "unknown-argument",
            OpError::TooManyArguments { .. } => "too-many-arguments",
            OpError::RepeatedArgument { .. } => "repeated-argument",
            OpError::DivisionByZero { .. } => "division-by-zero",
            OpError::NegativePower => "negative-power",
            OpError::ZeroStep => "zero-step",
            OpError::Unpaired { .. } | OpError::Unjoined { .. } => "shape-mismatch",
            OpError::Window { .. } => "bad-window",
            OpError::NeedsAxis { .. } => "axis-needed",
        }
    }

    /// The way out, where one can be named.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            OpError::Broadcast { shapes } => return Some(broadcast_help(shapes)),
            OpError::Axis { ndim: 0, .. } => "a 0-d array has no axes: leave `axis` out".into(),
            OpError::Axis { ndim, .. } => format!("axes of this array go from {} to {}", -(*ndim as i64), ndim - 1),
            OpError::RepeatedAxis { .. } => "name each axis once".into(),
            OpError::Index { len: 0, .. } => "the axis has length 0: there is nothing to take".into(),
            OpError::Index { len, .. } => format!("indices of this axis go from {} to {}", -(*len as i64), len - 1),
            OpError::TooManyIndices { ndim, .. } => format!("give at most {ndim}"),
            OpError::TooManyAxes { .. } => format!("an array has at most {} axes", crate::shape::MAX_AXES),
            OpError::TooLarge { .. } => "an array holds at most 2**60 elements".into(),
            OpError::NegativeLength { .. } => "lengths are 0 or more".into(),
            OpError::DType { dtypes, .. } => return dtype_help(dtypes),
            OpError::OutOfBounds { value, dtype } => return Some(bounds_help(*value, *dtype)),
            OpError::ChunkSum { len, .. } => format!("the lengths must add up to {len}"),
            OpError::ChunkSpec { .. } => {
                "give a length, a tuple with one entry per axis, -1 for a whole axis, \"auto\" or a size like \"64MiB\""
                    .into()
            }
            OpError::EmptyReduction { .. } => "it needs at least one element along the axis".into(),
            OpError::UnknownArgument { name, known, .. } => return unknown_help(name, known),
            OpError::DivisionByZero { .. } => "divide by a float to get inf or nan".into(),
            OpError::NegativePower => "make the base a float: `x.astype(float64)`".into(),
            OpError::ZeroStep => "use a step other than 0".into(),
            OpError::Unpaired { shapes, axes } => return Some(unpaired_help(shapes, *axes)),
            OpError::Window { window: 0, .. } => "a window has at least one element".into(),
            OpError::Window { len, .. } => format!("give a length from 1 to {len}, or pad the array first"),
            OpError::NeedsAxis { ndim, .. } => {
                format!("say which: `axis=0` to `axis={}`; flattening an array is not available", ndim - 1)
            }
            OpError::Unjoined { differs: Some(differs), axis, .. } => {
                format!("only axis {axis} may differ: slice or pad axis {differs} of one of them")
            }
            OpError::Unjoined { differs: None, .. } => "give all the same number of axes: `x[None]` adds one".into(),
            OpError::Argument { .. } | OpError::MissingArgument { .. } | OpError::TooManyArguments { .. } => {
                return None;
            }
            OpError::RepeatedArgument { name, .. } => format!("give `{name}` once"),
        };
        Some(text)
    }
}

fn broadcast_help(shapes: &[Shape]) -> String {
    let [a, b] = shapes else {
        return "axes are matched from the last one: lengths must be equal, or one of them 1".into();
    };
    let pairs = a.iter().rev().zip(b.iter().rev()).enumerate();
    let clash = pairs.map(|(i, (x, y))| (i, *x, *y)).find(|&(_, x, y)| x != y && x != 1 && y != 1);
    match clash {
        Some((i, x, y)) => {
            format!("axis {} has length {x} on one side and {y} on the other", -(i as i64) - 1)
        }
        None => "axes are matched from the last one".into(),
    }
}

fn unpaired_help([left, right]: &[Shape; 2], (l, r): (usize, usize)) -> String {
    let turned = left.ndim() == 2 && right.ndim() == 2;
    if turned && left[l] == right[1 - r] {
        return "transpose the right one: `.T`".into();
    }
    if turned && left[1 - l] == right[r] {
        return "transpose the left one: `.T`".into();
    }
    format!("both must have the same length: {} is not {}", left[l], right[r])
}

fn dtype_help(dtypes: &[DType]) -> Option<String> {
    if dtypes.contains(&DType::Bool) && dtypes.iter().all(|d| *d == DType::Bool) {
        return Some("for booleans use `^`, `~` or the logical functions".into());
    }
    let float = dtypes.iter().any(|d| d.kind() == crate::dtype::Kind::Float);
    float.then(|| "it takes integers: convert with `.astype(int64)`".into())
}

fn bounds_help(value: i128, dtype: DType) -> String {
    let wide = DType::ALL.into_iter().filter(|d| d.kind() == crate::dtype::Kind::Int);
    match wide.filter(|d| d.holds(value)).find(|d| dtype.casts_safely(*d)) {
        Some(wide) => format!("convert the array first: `.astype({wide})`"),
        None => "convert the array to float64 first".into(),
    }
}

fn unknown_help(name: &str, known: &[&'static str]) -> Option<String> {
    let near = known.iter().map(|k| (strsim::jaro_winkler(name, k), k)).filter(|(score, _)| *score > 0.75);
    match near.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, near)) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("it takes {}", known.join(", "))),
    }
}

fn joined<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(" and ")
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpError::Broadcast { shapes } => write!(f, "shapes {} do not broadcast", joined(shapes)),
            OpError::Unpaired { shapes: [left, right], axes: (l, r) } => {
                let lens = (left[*l], right[*r]);
                write!(f, "axis {l} of {left} has length {}, axis {r} of {right} has length {}", lens.0, lens.1)
            }
            OpError::Window { window, axis, len } => {
                write!(f, "a window of length {window} does not fit axis {axis}, which has length {len}")
            }
            OpError::NeedsAxis { op, ndim } => write!(f, "`{op}` of an array with {ndim} axes needs an axis"),
            OpError::Unjoined { shapes: [a, b], differs: Some(differs), .. } => {
                write!(f, "arrays of shape {a} and {b} differ along axis {differs} and cannot be joined")
            }
            OpError::Unjoined { shapes: [a, b], .. } => {
                write!(f, "arrays of shape {a} and {b} have different numbers of axes and cannot be joined")
            }
            OpError::Axis { axis, ndim } => write!(f, "axis {axis} is outside an array with {ndim} axes"),
            OpError::RepeatedAxis { axis } => write!(f, "axis {axis} is named twice"),
            OpError::Index { index, axis, len } => {
                write!(f, "index {index} is outside axis {axis}, which has length {len}")
            }
            OpError::TooManyIndices { given, ndim } => write!(f, "{given} indices for an array with {ndim} axes"),
            OpError::TooManyAxes { axes } => write!(f, "{axes} axes are too many"),
            OpError::TooLarge { shape } => write!(f, "an array of shape {shape} is too large"),
            OpError::NegativeLength { len } => write!(f, "a length cannot be negative, found {len}"),
            OpError::DType { op, dtypes } => write!(f, "`{op}` does not take {}", joined(dtypes)),
            OpError::OutOfBounds { value, dtype } => write!(f, "the integer {value} does not fit {dtype}"),
            OpError::ChunkSum { axis, sum, len } => {
                write!(f, "the chunks of axis {axis} add up to {sum}, its length is {len}")
            }
            OpError::ChunkSpec { given } => write!(f, "`{given}` does not say how to cut this array into chunks"),
            OpError::EmptyReduction { op, shape } => write!(f, "`{op}` of no elements, in an array of shape {shape}"),
            OpError::Argument { param, expected, given } => write!(f, "`{param}` must be {expected}, found {given}"),
            OpError::MissingArgument { op, param } => write!(f, "`{op}` needs the argument `{param}`"),
            OpError::UnknownArgument { op, name, .. } => write!(f, "`{op}` has no argument `{name}`"),
            OpError::TooManyArguments { op, most, given } => {
                write!(f, "`{op}` takes at most {most} arguments, found {given}")
            }
            OpError::RepeatedArgument { op, name } => write!(f, "`{op}` got `{name}` twice"),
            OpError::DivisionByZero { op } => write!(f, "`{op}` of integers by zero"),
            OpError::NegativePower => f.write_str("an integer cannot be raised to a negative integer power"),
            OpError::ZeroStep => f.write_str("a step cannot be 0"),
        }
    }
}

impl std::error::Error for OpError {}
