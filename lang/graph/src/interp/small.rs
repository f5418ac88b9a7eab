//! Operations on known numbers, worked out at once by the table's own loops.

use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use cleave_ops::cast::cast;
use cleave_ops::data::Element;
use cleave_ops::{Class, DType, Data, DataRef, Fill, Scalar, each_dtype};

/// The number a 0-d array is, if it is made of constants by elementwise operations.
pub(crate) fn number(graph: &Graph, node: NodeId) -> Option<Scalar> {
    (graph[node].shape.ndim() == 0).then(|| evaluate(graph, node)).flatten().map(|data| data.get(0))
}

fn evaluate(graph: &Graph, node: NodeId) -> Option<Data> {
    let found = &graph[node];
    match &found.kind {
        NodeKind::Fill(Fill::Const(value)) => Some(single(*value, found.dtype)),
        NodeKind::Cast(input) => {
            let mut out = Data::zeros(found.dtype, 0);
            cast(evaluate(graph, *input)?.as_ref(), &mut out);
            Some(out)
        }
        NodeKind::Map { op, loop_index, inputs } => {
            let Class::Map(map) = &op.class else { return None };
            let inputs: Vec<Data> = inputs.iter().map(|n| evaluate(graph, *n)).collect::<Option<_>>()?;
            let refs: Vec<DataRef<'_>> = inputs.iter().map(Data::as_ref).collect();
            let mut out = Data::zeros(found.dtype, 1);
            (map.loops[*loop_index].run)(&refs, out.as_mut());
            Some(out)
        }
        _ => None,
    }
}

/// One element.
pub(crate) fn single(value: Scalar, dtype: DType) -> Data {
    let mut data = Data::with_capacity(dtype, 1);
    each_dtype!(Data, &mut data, v => push(v, value));
    data
}

fn push<T: Element>(data: &mut Vec<T>, value: Scalar) {
    data.push(T::from_scalar(value));
}
