//! Running values and sums of products of whole arrays, by the loops of the table.

use cleave_graph::{AxisPairs, SCAN_LEN};
use cleave_ops::op::{Product, ScanBlock};
use cleave_ops::{Data, Shape, View, copy_run};

/// Block after block, each from its own first element and the totals before it.
pub(crate) fn scanned(
    run: fn(&ScanBlock<'_>, &mut Data),
    input: &Data,
    (shape, axis): (&Shape, usize),
    before: Option<&Data>,
    mut out: Data,
) -> Data {
    let (len, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let blocks = len.div_ceil(SCAN_LEN);
    for (row, block) in (0..shape[..axis].iter().product::<usize>()).flat_map(|row| (0..blocks).map(move |b| (row, b)))
    {
        let start = (row * len + block * SCAN_LEN) * inner;
        let rows = SCAN_LEN.min(len - block * SCAN_LEN);
        let mut data = Data::zeros(input.dtype(), rows * inner);
        copy_run(input.as_ref(), start, 1, &mut data, 0, rows * inner);
        let mut totals = Data::zeros(out.dtype(), inner);
        if let Some(before) = before.filter(|_| block > 0) {
            copy_run(before.as_ref(), (row * (blocks - 1) + block - 1) * inner, 1, &mut totals, 0, inner);
        }
        let before = (block > 0).then(|| totals.as_ref());
        let mut part = Data::zeros(out.dtype(), rows * inner);
        run(&ScanBlock { data: data.as_ref(), lens: [1, rows, inner], before }, &mut part);
        copy_run(part.as_ref(), 0, 1, &mut out, start, rows * inner);
    }
    out
}

/// A stack of matrices: paired axes that stay, then free ones and those summed over, or these two in turn.
pub(crate) struct Matrices {
    data: Data,
    count: usize,
    free: usize,
    shared: usize,
}

pub(crate) fn matrices(data: &Data, shape: &Shape, (batch, summed): (&AxisPairs, &AxisPairs), right: bool) -> Matrices {
    let own = |pairs: &AxisPairs| -> Vec<usize> { pairs.iter().map(|p| if right { p.1 } else { p.0 }).collect() };
    let (batch, summed) = (own(batch), own(summed));
    let free: Vec<usize> = (0..shape.ndim()).filter(|a| !batch.contains(a) && !summed.contains(a)).collect();
    let size = |axes: &[usize]| axes.iter().map(|&a| shape[a]).product();
    let (count, rest, shared) = (size(&batch), size(&free), size(&summed));
    let order = if right { [batch, summed, free].concat() } else { [batch, free, summed].concat() };
    Matrices { data: permuted(data, shape, &order), count, free: rest, shared }
}

pub(crate) fn contracted(add: fn(&Product<'_>, &mut Data), [left, right]: [Matrices; 2], mut out: Data) -> Data {
    let (rows, shared, columns) = (left.free, left.shared, right.free);
    for stack in 0..left.count {
        let cut = |of: &Matrices| {
            let mut data = Data::zeros(of.data.dtype(), of.free * of.shared);
            let len = data.len();
            copy_run(of.data.as_ref(), stack * len, 1, &mut data, 0, len);
            data
        };
        let (l, r) = (cut(&left), cut(&right));
        let mut part = Data::zeros(out.dtype(), rows * columns);
        add(&Product { left: l.as_ref(), right: r.as_ref(), rows, shared, columns }, &mut part);
        copy_run(part.as_ref(), 0, 1, &mut out, stack * rows * columns, rows * columns);
    }
    out
}

fn permuted(data: &Data, shape: &Shape, order: &[usize]) -> Data {
    let view = View::permute(shape, order);
    let (strides, own) = (shape.strides(), view.shape.strides());
    let mut out = Data::zeros(data.dtype(), data.len());
    for flat in 0..data.len() {
        let index: Vec<usize> = (0..view.shape.ndim()).map(|a| flat / own[a] % view.shape[a]).collect();
        copy_run(data.as_ref(), view.flat(&index, &strides), 0, &mut out, flat, 1);
    }
    out
}
