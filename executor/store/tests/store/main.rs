//! Stored arrays, checked against files of other programs, against themselves, and against damage.

#![allow(clippy::unwrap_used, clippy::panic)]

mod damage;
mod fixtures;
mod parts;
mod round_trip;

use cleave_ops::{DType, Data, Region, Scalar, Shape};
use cleave_plan::{Source, SourceError};

/// All blocks of a source, with the boxes they cover.
fn blocks(source: &dyn Source) -> Result<Vec<(Region, Data)>, SourceError> {
    let counts = source.grid().numblocks();
    let mut blocks = vec![];
    for at in 0..counts.size() {
        let index: Vec<usize> = counts.strides().iter().zip(counts.iter()).map(|(s, n)| at / s % n).collect();
        let spans = source.grid().0.iter().zip(&index).map(|(axis, &i)| {
            let lens: Vec<usize> = axis.lens().collect();
            (lens[..i].iter().sum::<usize>(), lens[i])
        });
        let (start, len): (Vec<_>, Vec<_>) = spans.unzip();
        let region = Region { start: start.into(), len: Shape::new(len) };
        let block = source.block(&index)?;
        let elements = block.elements();
        assert_eq!((elements.dtype(), elements.len()), (source.dtype(), region.size()));
        let mut data = Data::with_capacity(elements.dtype(), elements.len());
        (0..elements.len()).for_each(|i| push(&mut data, elements.get(i)));
        blocks.push((region, data));
    }
    Ok(blocks)
}

/// The whole array, row-major.
fn whole(source: &dyn Source) -> Result<Data, SourceError> {
    let shape = source.grid().shape();
    let mut all = Data::zeros(source.dtype(), shape.size());
    for (region, data) in blocks(source)? {
        for (at, i) in positions(&shape, &region).into_iter().enumerate() {
            set(&mut all, i, data.get(at));
        }
    }
    Ok(all)
}

/// The elements of a box.
fn part(all: &Data, shape: &Shape, region: &Region) -> Data {
    let mut data = Data::with_capacity(all.dtype(), region.size());
    positions(shape, region).into_iter().for_each(|i| push(&mut data, all.get(i)));
    data
}

fn positions(shape: &Shape, region: &Region) -> Vec<usize> {
    let (inner, strides) = (region.len.strides(), shape.strides());
    let index = |at: usize, axis: usize| at / inner[axis] % region.len[axis] + region.start[axis];
    (0..region.size()).map(|at| (0..shape.ndim()).map(|axis| index(at, axis) * strides[axis]).sum()).collect()
}

fn push(data: &mut Data, value: Scalar) {
    let len = data.len();
    data.resize(len + 1);
    set(data, len, value);
}

fn set(data: &mut Data, at: usize, value: Scalar) {
    cleave_ops::each_dtype!(Data, data, v => v[at] = cleave_ops::data::Element::from_scalar(value));
}

/// What the fixtures hold: 0, 1, ... 99, 0, 1, ...; whether odd for booleans.
fn expected(dtype: DType, len: usize) -> Data {
    let mut data = Data::zeros(dtype, len);
    for at in 0..len {
        let value = (at % 100) as i128;
        set(&mut data, at, if dtype == DType::Bool { Scalar::Bool(value % 2 == 1) } else { Scalar::Int(value) });
    }
    data
}
