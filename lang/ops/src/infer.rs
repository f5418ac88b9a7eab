//! Which loop of an operation takes given operands, by the dtype rules of NumPy 2.

use crate::dtype::{DType, Kind};
use crate::error::OpError;
use crate::op::{Class, Contract, Fold, Map, MapLoop, Op, Scan};
use crate::scalar::Scalar;
use smallvec::SmallVec;

/// An operand as promotion sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operand {
    /// The dtype of the array, or the one a scalar has alone.
    pub dtype: DType,
    /// The value of a Python scalar, which adapts to the arrays beside it.
    pub weak: Option<Scalar>,
}

/// The loop that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its place among the operation's loops.
    pub index: usize,
    /// The dtypes to which the operands are cast.
    pub inputs: SmallVec<[DType; 3]>,
    /// The dtype of the result.
    pub output: DType,
}

impl Operand {
    /// An array.
    pub fn array(dtype: DType) -> Self {
        Self { dtype, weak: None }
    }

    /// A Python scalar. A bool is as strong as an array of bools.
    pub fn scalar(value: Scalar) -> Self {
        Self { dtype: value.dtype(), weak: Some(value).filter(|v| v.kind() != Kind::Bool) }
    }
}

/// The loop of an elementwise operation or a reduction that takes these operands.
pub fn resolve(op: &'static Op, operands: &[Operand]) -> Result<Resolved, OpError> {
    match &op.class {
        Class::Map(map) => resolve_map(op, map, operands),
        Class::Fold(fold) => resolve_fold(op, fold, operands[0].dtype),
        Class::Scan(scan) => resolve_scan(op, scan, operands[0].dtype),
        Class::Contract(contract) => resolve_contract(op, contract, operands),
        Class::Fill(_) | Class::View(_) => {
            let inputs: SmallVec<_> = operands.iter().map(|o| o.dtype).collect();
            let output = inputs.first().copied().unwrap_or(DType::F64);
            Ok(Resolved { index: 0, inputs, output })
        }
    }
}

/// The dtype that arrays and Python scalars have in common.
pub fn result_type(operands: &[Operand]) -> DType {
    let settled = settle(operands);
    settled.iter().copied().reduce(DType::promote).unwrap_or(DType::F64)
}

/// The loop of a reduction or its running values, input and result where the call asks for a `dtype`.
pub fn resolve_fold_as(op: &'static Op, input: DType, dtype: Option<DType>) -> Result<Resolved, OpError> {
    let mut found = resolve(op, &[Operand::array(dtype.unwrap_or(input))])?;
    found.output = dtype.unwrap_or(found.output);
    Ok(found)
}

fn resolve_fold(op: &'static Op, fold: &Fold, input: DType) -> Result<Resolved, OpError> {
    let index = fold.loops.iter().position(|l| input.casts_safely(l.input));
    let index = index.ok_or(OpError::DType { op: op.name, dtypes: vec![input] })?;
    let found = &fold.loops[index];
    Ok(Resolved { index, inputs: SmallVec::from_slice(&[found.input]), output: found.output })
}

fn resolve_scan(op: &'static Op, scan: &Scan, input: DType) -> Result<Resolved, OpError> {
    let index = scan.loops.iter().position(|l| input.casts_safely(l.input));
    let index = index.ok_or(OpError::DType { op: op.name, dtypes: vec![input] })?;
    let found = &scan.loops[index];
    Ok(Resolved { index, inputs: SmallVec::from_slice(&[found.input]), output: found.output })
}

/// Both operands take the dtype they have in common, and the result has it too: where the loop's is wider, the
/// result is cast back.
fn resolve_contract(op: &'static Op, contract: &Contract, operands: &[Operand]) -> Result<Resolved, OpError> {
    let output = result_type(operands);
    let index = contract.loops.iter().position(|l| output.casts_safely(l.dtype));
    let index =
        index.ok_or_else(|| OpError::DType { op: op.name, dtypes: operands.iter().map(|o| o.dtype).collect() })?;
    Ok(Resolved { index, inputs: SmallVec::from_elem(contract.loops[index].dtype, 2), output })
}

fn resolve_map(op: &'static Op, map: &Map, operands: &[Operand]) -> Result<Resolved, OpError> {
    let (skip, end) = (usize::from(map.condition), operands.len() - map.apart);
    let mut dtypes: SmallVec<[DType; 3]> = SmallVec::from_elem(DType::Bool, skip);
    dtypes.extend(settle(&operands[skip..end]));
    dtypes.extend(operands[end..].iter().map(|o| o.dtype));
    if let Some(dtype) = map.ints_as
        && dtypes.iter().all(|d| d.kind() != Kind::Float)
    {
        dtypes.iter_mut().for_each(|d| *d = dtype);
    }
    let refused = || OpError::DType { op: op.name, dtypes: operands.iter().map(|o| o.dtype).collect() };
    if map.no_bools && dtypes.iter().all(|d| *d == DType::Bool) {
        return Err(refused());
    }
    let compares = map.loops.iter().all(|l| l.output == DType::Bool);
    if compares {
        keep_out_of_bounds(operands, &mut dtypes);
    }
    let takes = |l: &MapLoop| l.inputs.iter().zip(&dtypes).all(|(to, from)| from.casts_safely(*to));
    let index = map.loops.iter().position(takes).ok_or_else(refused)?;
    let found = &map.loops[index];
    for (operand, dtype) in operands.iter().zip(found.inputs) {
        check_bounds(*operand, *dtype)?;
    }
    if let Some(check) = map.check {
        check(op, operands, found)?;
    }
    Ok(Resolved { index, inputs: found.inputs.iter().copied().collect(), output: found.output })
}

/// Gives each Python scalar the dtype it takes beside the arrays.
fn settle(operands: &[Operand]) -> SmallVec<[DType; 3]> {
    let strong = operands.iter().filter(|o| o.weak.is_none()).map(|o| o.dtype).reduce(DType::promote);
    operands
        .iter()
        .map(|o| match (o.weak.map(Scalar::kind), strong) {
            (None | Some(Kind::Bool), _) | (_, None) => o.dtype,
            (Some(Kind::Int), Some(DType::Bool)) => o.dtype,
            (Some(Kind::Float), Some(d)) if d.kind() != Kind::Float => DType::F64,
            (Some(_), Some(d)) => d,
        })
        .collect()
}

/// Comparisons with an integer that the array cannot hold are answered, not refused.
fn keep_out_of_bounds(operands: &[Operand], dtypes: &mut [DType]) {
    for (operand, dtype) in operands.iter().zip(dtypes) {
        if check_bounds(*operand, *dtype).is_err() && operand.dtype.holds_scalar(operand.weak) {
            *dtype = operand.dtype;
        }
    }
}

fn check_bounds(operand: Operand, dtype: DType) -> Result<(), OpError> {
    match operand.weak.and_then(Scalar::to_int) {
        Some(value) if !dtype.holds(value) => Err(OpError::OutOfBounds { value, dtype }),
        _ => Ok(()),
    }
}

impl DType {
    fn holds_scalar(self, value: Option<Scalar>) -> bool {
        value.and_then(Scalar::to_int).is_none_or(|v| self.holds(v))
    }
}
