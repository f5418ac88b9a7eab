//! From what a user writes as `chunks=` to chunks.

use crate::args::{Arg, axis_of};
use crate::chunks::{AxisChunks, Chunks};
use crate::dtype::DType;
use crate::error::OpError;
use crate::scalar::Scalar;
use crate::shape::Shape;
use smallvec::{SmallVec, smallvec};

/// What is asked of one axis.
#[derive(Clone)]
enum AxisSpec {
    /// These chunks.
    Fixed(AxisChunks),
    /// Chosen by size.
    Auto,
}

impl Chunks {
    /// Reads a chunk specification for an array: an int, a tuple with one entry per axis (a length, a tuple of
    /// lengths, -1 or None for the whole axis, "auto"), a dict from axis to entry, "auto" or a size such as
    /// "64MiB". Automatic axes aim at `target_bytes` a chunk; axes a dict leaves out stay as in `old`.
    pub fn from_spec(
        spec: &Arg,
        shape: &Shape,
        dtype: DType,
        target_bytes: usize,
        old: Option<&Chunks>,
    ) -> Result<Chunks, OpError> {
        let mut target = target_bytes;
        let refused = || OpError::ChunkSpec { given: spec.to_string() };
        let axes: Vec<AxisSpec> = match spec {
            Arg::Tuple(items) if shape.ndim() == 1 && is_lens(items, shape[0]) => vec![lens(items, 0, shape[0])?],
            Arg::Tuple(items) if items.len() == shape.ndim() => {
                let axes = items.iter().enumerate().map(|(axis, item)| axis_spec(item, axis, shape[axis], &mut target));
                axes.collect::<Result<_, _>>()?
            }
            Arg::Tuple(_) | Arg::Ellipsis | Arg::DType(_) | Arg::Array { .. } => return Err(refused()),
            Arg::Dict(items) => from_dict(items, shape, old, &mut target)?,
            Arg::None if old.is_none() => vec![AxisSpec::Auto; shape.ndim()],
            Arg::None | Arg::Scalar(_) | Arg::Str(_) => {
                let axes = (0..shape.ndim()).map(|axis| axis_spec(spec, axis, shape[axis], &mut target));
                let axes = axes.collect::<Result<_, _>>()?;
                if shape.ndim() == 0 {
                    axis_spec(spec, 0, 1, &mut target)?;
                }
                axes
            }
        };
        Ok(fill_in(axes, shape, target / dtype.size()))
    }

    /// Balanced chunks of about `target_bytes` for all axes.
    pub fn auto(shape: &Shape, dtype: DType, target_bytes: usize) -> Chunks {
        fill_in(vec![AxisSpec::Auto; shape.ndim()], shape, target_bytes / dtype.size())
    }
}

/// Whether a tuple for a 1-d array lists its chunks: `(3, 3, 4)`, while `(5,)` is a length per axis.
fn is_lens(items: &[Arg], len: usize) -> bool {
    let whole = |item: &Arg| matches!(item, Arg::Scalar(Scalar::Int(n)) if *n >= 0);
    items.iter().all(whole) && (items.len() > 1 || (items.is_empty() && len == 0))
}

fn from_dict(
    items: &[(Arg, Arg)],
    shape: &Shape,
    old: Option<&Chunks>,
    target: &mut usize,
) -> Result<Vec<AxisSpec>, OpError> {
    let stay = |axis: usize| old.map_or_else(|| AxisSpec::Fixed(AxisChunks::single(shape[axis])), |c| keep(c, axis));
    let mut axes: Vec<AxisSpec> = (0..shape.ndim()).map(stay).collect();
    for (key, item) in items {
        let Arg::Scalar(Scalar::Int(axis)) = key else {
            return Err(OpError::ChunkSpec { given: Arg::Dict(items.to_vec()).to_string() });
        };
        let axis = axis_of(i64::try_from(*axis).unwrap_or(i64::MAX), shape.ndim())?;
        axes[axis] = match (item, old) {
            (Arg::None, Some(old)) => keep(old, axis),
            _ => axis_spec(item, axis, shape[axis], target)?,
        };
    }
    Ok(axes)
}

fn keep(old: &Chunks, axis: usize) -> AxisSpec {
    AxisSpec::Fixed(old.0[axis].clone())
}

fn axis_spec(item: &Arg, axis: usize, len: usize, target: &mut usize) -> Result<AxisSpec, OpError> {
    let refused = || OpError::ChunkSpec { given: item.to_string() };
    match item {
        Arg::None | Arg::Scalar(Scalar::Int(-1)) => Ok(AxisSpec::Fixed(AxisChunks::single(len))),
        Arg::Scalar(Scalar::Int(chunk)) if *chunk > 0 || (*chunk == 0 && len == 0) => {
            let chunk = usize::try_from(*chunk).map_err(|_| refused())?;
            Ok(AxisSpec::Fixed(AxisChunks::regular(len, chunk)))
        }
        Arg::Str(text) if text == "auto" => Ok(AxisSpec::Auto),
        Arg::Str(text) => {
            *target = parse_bytes(text).ok_or_else(refused)?;
            Ok(AxisSpec::Auto)
        }
        Arg::Tuple(items) => lens(items, axis, len),
        _ => Err(refused()),
    }
}

fn lens(items: &[Arg], axis: usize, len: usize) -> Result<AxisSpec, OpError> {
    let refused = || OpError::ChunkSpec { given: Arg::Tuple(items.to_vec()).to_string() };
    let one = |item: &Arg| match item {
        Arg::Scalar(Scalar::Int(n)) if *n > 0 || (*n == 0 && len == 0) => usize::try_from(*n).ok(),
        _ => None,
    };
    let lens: Vec<usize> = items.iter().map(one).collect::<Option<_>>().ok_or_else(refused)?;
    let sum = lens.iter().fold(0_usize, |sum, &n| sum.saturating_add(n));
    if sum != len {
        return Err(OpError::ChunkSum { axis, sum, len });
    }
    Ok(AxisSpec::Fixed(if lens.is_empty() { AxisChunks::single(0) } else { AxisChunks::from_lens(lens) }))
}

/// Bytes of a size such as `64MiB`, `1.5 GB` or `1000`.
pub fn parse_bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    (1.0..1e18).contains(&bytes).then_some(bytes as usize)
}

/// Chooses the automatic axes: equal sides, but no axis longer than it is.
fn fill_in(axes: Vec<AxisSpec>, shape: &Shape, target_elements: usize) -> Chunks {
    let fixed = |(axis, spec): (usize, &AxisSpec)| match spec {
        AxisSpec::Fixed(chunks) => Some(chunks.clone()),
        AxisSpec::Auto if shape[axis] <= 1 => Some(AxisChunks::single(shape[axis])),
        AxisSpec::Auto => None,
    };
    let mut done: SmallVec<[Option<AxisChunks>; 4]> = axes.iter().enumerate().map(fixed).collect();
    let room = |done: &[Option<AxisChunks>]| {
        let taken = done.iter().flatten().map(|c| c.longest().max(1)).fold(1, usize::saturating_mul);
        (target_elements / taken).max(1)
    };
    let mut open: SmallVec<[usize; 4]> = (0..done.len()).filter(|&a| done[a].is_none()).collect();
    open.sort_by_key(|&axis| shape[axis]);
    for (at, &axis) in open.iter().enumerate() {
        let side = root(room(&done), open.len() - at);
        done[axis] = Some(AxisChunks::balanced(shape[axis], side));
    }
    Chunks(done.into_iter().flatten().collect())
}

/// The largest integer whose `n`-th power is at most `value`.
fn root(value: usize, n: usize) -> usize {
    let fits = |side: usize| (0..n).try_fold(1_usize, |p, _| p.checked_mul(side)).is_some_and(|p| p <= value);
    let near = (value as f64).powf(1.0 / n as f64) as usize;
    (near.saturating_sub(1)..=near + 1).rev().find(|&side| fits(side)).unwrap_or(1).max(1)
}

impl AxisChunks {
    /// Chunks of at most `most` elements that differ by at most one and read the same from both ends.
    ///
    /// A number of chunks that divides the length is taken where one lies within an eighth of the least number.
    pub fn balanced(len: usize, most: usize) -> AxisChunks {
        let least = len.div_ceil(most.max(1)).max(1);
        let divisor = (least..=least + least / 8).find(|&count| len.is_multiple_of(count));
        let count = divisor.unwrap_or(if can_mirror(len, least) { least } else { least + 1 });
        let (short, longer) = (len / count, len % count);
        let shorter = count - longer;
        let runs: SmallVec<[(usize, usize); 3]> = match longer {
            0 => smallvec![(short, count)],
            _ if shorter.is_multiple_of(2) => {
                smallvec![(short, shorter / 2), (short + 1, longer), (short, shorter / 2)]
            }
            _ => smallvec![(short + 1, longer / 2), (short, shorter), (short + 1, longer / 2)],
        };
        AxisChunks::from_runs(runs)
    }
}

/// Whether `count` chunks that differ by at most one can read the same from both ends.
fn can_mirror(len: usize, count: usize) -> bool {
    count % 2 == 1 || (len % count).is_multiple_of(2)
}
