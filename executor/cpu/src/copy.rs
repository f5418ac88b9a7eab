//! Copies of boxes between buffers with strides.

use crate::turn::{turn, turns};
use cleave_ops::{Data, DataRef, Plane, Shape, copy_plane, copy_rows, copy_run, scatter_run};
use smallvec::SmallVec;

/// One side of a copy: where the first element stands, and what a step on each axis adds.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub(crate) base: isize,
    pub(crate) strides: SmallVec<[isize; 4]>,
}

impl Walk {
    /// A box of `lens` that lies in a row-major array of `shape` from `start` on.
    pub(crate) fn inside(start: &[usize], shape: &Shape) -> Self {
        let strides: SmallVec<[isize; 4]> = shape.strides().iter().map(|&s| s as isize).collect();
        let base = start.iter().zip(&strides).map(|(&i, s)| i as isize * s).sum();
        Self { base, strides }
    }

    /// The whole of a row-major array.
    pub(crate) fn whole(shape: &Shape) -> Self {
        Self { base: 0, strides: shape.strides().iter().map(|&s| s as isize).collect() }
    }
}

/// Bytes that lie together in memory.
const PAGE: usize = 4096;

/// Length, source stride and target stride.
type Axis = (usize, isize, isize);

/// Copies a box of `lens` elements.
pub(crate) fn copy_box(lens: &[usize], src: DataRef<'_>, from: &Walk, dst: &mut Data, to: &Walk) {
    if lens.contains(&0) {
        return;
    }
    let axes = merged(lens, from, to);
    let Some((&(n, step, put), outer)) = axes.split_last() else {
        return copy_run(src, from.base as usize, 0, dst, to.base as usize, 1);
    };
    if let Some((across, rest)) = turned(&axes) {
        return each_index(&rest, |read, write| {
            let plane = |base: isize, moved: isize, strides| Plane { base: (base + moved) as usize, strides };
            let source = plane(from.base, read, [step, across.1]);
            let target = plane(to.base, write, [put, across.2]);
            match turns(&source, &target, [n, across.0]) {
                true => turn(src, source, dst, target, [n, across.0]),
                false => copy_plane(src, source, dst, target, [n, across.0]),
            }
        });
    }
    if let Some((rows, outer)) = apart(src.dtype().size(), &axes) {
        return each_index(outer, |read, write| {
            let source = Plane { base: (from.base + read) as usize, strides: [rows.1, 1] };
            let target = Plane { base: (to.base + write) as usize, strides: [rows.2, 1] };
            copy_rows(src, source, dst, target, [rows.0, n]);
        });
    }
    each_index(outer, |read, write| {
        let (read, write) = ((from.base + read) as usize, (to.base + write) as usize);
        match put {
            1 => copy_run(src, read, step, dst, write, n),
            _ if step == 1 => scatter_run(src, read, dst, write, put, n),
            _ => (0..n as isize).for_each(|i| {
                copy_run(src, read.wrapping_add_signed(i * step), 0, dst, write.wrapping_add_signed(i * put), 1);
            }),
        }
    });
}

/// The axis of rows that lie so far apart, and are so short, that reading one is no start for the next; and those
/// around it.
fn apart(bytes: usize, axes: &[Axis]) -> Option<(Axis, &[Axis])> {
    let ((len, step, put), outer) = axes.split_last()?;
    let (rows, outer) = outer.split_last()?;
    let is_short = len * bytes <= PAGE && rows.1.unsigned_abs() * bytes >= PAGE;
    (is_short && (*step, *put) == (1, 1) && rows.2 >= *len as isize).then_some((*rows, outer))
}

/// The axis along which the source lies in order where that is not the last, and the others but the last.
fn turned(axes: &[Axis]) -> Option<(Axis, SmallVec<[Axis; 4]>)> {
    let (last, outer) = axes.split_last()?;
    let place = outer.iter().rposition(|axis| axis.1 == 1).filter(|_| last.1.abs() > 1)?;
    let rest = outer.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, axis)| *axis).collect();
    Some((outer[place], rest))
}

/// Length, source stride and target stride of each axis; axes that continue each other are one.
fn merged(lens: &[usize], from: &Walk, to: &Walk) -> SmallVec<[Axis; 4]> {
    let mut axes: SmallVec<[Axis; 4]> = SmallVec::new();
    for (axis, &len) in lens.iter().enumerate().filter(|(_, len)| **len > 1) {
        let next = (len, from.strides[axis], to.strides[axis]);
        match axes.last_mut() {
            Some(last) if last.1 == next.1 * len as isize && last.2 == next.2 * len as isize => {
                *last = (last.0 * len, next.1, next.2);
            }
            _ => axes.push(next),
        }
    }
    axes
}

/// Calls `visit` with both offsets for every index of the axes, row-major.
fn each_index(axes: &[Axis], mut visit: impl FnMut(isize, isize)) {
    let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, axes.len());
    let (mut read, mut write) = (0, 0);
    loop {
        visit(read, write);
        let mut axis = axes.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            let (len, step, put) = axes[axis];
            index[axis] += 1;
            (read, write) = (read + step, write + put);
            if index[axis] < len {
                break;
            }
            index[axis] = 0;
            (read, write) = (read - step * len as isize, write - put * len as isize);
        }
    }
}
