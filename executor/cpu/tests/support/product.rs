//! A contraction for tests: an entry as the table has them, with the plainest loops.

use cleave_graph::node::AxisPairs;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::data::Element;
use cleave_ops::lane::Num;
use cleave_ops::op::Product;
use cleave_ops::{Class, Contract, ContractLoop, DType, Data, Op, Shape};

static PRODUCT: Op = Op {
    name: "product",
    aliases: &[],
    symbol: None,
    method: false,
    params: &[],
    summary: "",
    details: "",
    examples: &[],
    class: Class::Contract(Contract {
        loops: &[
            ContractLoop { dtype: DType::Bool, add: any },
            ContractLoop { dtype: DType::U8, add: sums::<u8> },
            ContractLoop { dtype: DType::I64, add: sums::<i64> },
            ContractLoop { dtype: DType::F16, add: wide_sums },
            ContractLoop { dtype: DType::F32, add: sums::<f32> },
            ContractLoop { dtype: DType::F64, add: sums::<f64> },
        ],
        weight: 0.1,
        rule: |_, _, _| unreachable!("tests say themselves which axes go together"),
    }),
    numpy: None,
};

/// The dtypes it has loops for.
pub(crate) const DTYPES: [DType; 6] = [DType::Bool, DType::U8, DType::I64, DType::F16, DType::F32, DType::F64];

/// Calls `add` with each element of the result and the pairs of elements that meet in it.
fn each<T: Element>(product: &Product<'_>, out: &mut Data, add: impl Fn(T, T, T) -> T) {
    let (left, right) = (T::of(product.left).unwrap(), T::of(product.right).unwrap());
    for (i, sum) in T::of_mut(out).unwrap().iter_mut().enumerate() {
        let (row, column) = (i / product.columns, i % product.columns);
        let pair = |k: usize| (left[row * product.shared + k], right[k * product.columns + column]);
        *sum = (0..product.shared).map(pair).fold(*sum, |sum, (a, b)| add(sum, a, b));
    }
}

fn sums<T: Num + Element>(product: &Product<'_>, out: &mut Data) {
    each(product, out, |sum: T, a: T, b: T| sum.add(a.mul(b)));
}

fn any(product: &Product<'_>, out: &mut Data) {
    each(product, out, |sum: bool, a, b| sum | (a & b));
}

/// Half precision summed in double, as good a reference as any.
fn wide_sums(product: &Product<'_>, out: &mut Data) {
    let Data::F16(sums) = out else { unreachable!() };
    for (i, sum) in sums.iter_mut().enumerate() {
        let (row, column) = (i / product.columns, i % product.columns);
        let left = |k: usize| product.left.get(row * product.shared + k).to_f64();
        let right = |k: usize| product.right.get(k * product.columns + column).to_f64();
        let exact = (0..product.shared).map(|k| left(k) * right(k)).sum::<f64>();
        *sum = Element::from_scalar(cleave_ops::Scalar::Float(exact));
    }
}

/// The contraction of two arrays of one dtype.
pub(crate) fn product(graph: &mut Graph, left: NodeId, right: NodeId, batch: AxisPairs, summed: AxisPairs) -> NodeId {
    let dtype = graph[left].dtype;
    let loop_index = DTYPES.iter().position(|d| *d == dtype).unwrap();
    let paired = |a: usize, side: fn(&(usize, usize)) -> usize| batch.iter().chain(&summed).any(|p| side(p) == a);
    let (lens, others) = (graph[left].shape.clone(), graph[right].shape.clone());
    let rows = (0..lens.ndim()).filter(|&a| !paired(a, |p| p.0)).map(|a| lens[a]);
    let columns = (0..others.ndim()).filter(|&a| !paired(a, |p| p.1)).map(|a| others[a]);
    let shape: Shape = batch.iter().map(|p| lens[p.0]).chain(rows).chain(columns).collect();
    super::add(graph, NodeKind::Contract { op: &PRODUCT, loop_index, left, right, batch, summed }, &shape, dtype)
}
