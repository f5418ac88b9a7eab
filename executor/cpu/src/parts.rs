//! Blocks of running values on disk, cut across: who reads a few elements of each should not fetch all before them.

use crate::copy::{Walk, copy_box};
use crate::memory::block_number;
use crate::room::LEAST_BYTES;
use cleave_ops::{AxisChunks, Chunks, Data, Region};
use cleave_plan::hold::Why;
use cleave_plan::plan::Buffer;
use cleave_plan::stage::block_region;
use cleave_plan::{Keep, SpillError};
use smallvec::SmallVec;

/// The least bytes of a part: those that wait in memory have rooms then, and what reads a few elements of a block of
/// running values fetches little else.
const PART_BYTES: usize = LEAST_BYTES;

/// How blocks are cut along one axis as they come.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    axis: usize,
    whole: Chunks,
    grid: Chunks,
}

impl Parts {
    /// Those of a value between stages, if it is better cut.
    pub(crate) fn of(buffer: &Buffer) -> Option<Self> {
        let (Why::Running { axis }, Keep::Spill { .. }) = (&buffer.why, &buffer.keep) else { return None };
        let (axis, whole) = (*axis, buffer.grid.clone());
        let across: usize = (0..whole.0.len()).filter(|&a| a != axis).map(|a| whole.0[a].longest()).product();
        let most = PART_BYTES.div_ceil(buffer.dtype.size() * across.max(1));
        let lens = |len: usize| (0..len).step_by(most).map(move |start| most.min(len - start));
        let mut grid = whole.clone();
        grid.0[axis] = AxisChunks::from_lens(whole.0[axis].lens().flat_map(lens));
        Some(Self { axis, whole, grid })
    }

    /// The blocks that are read.
    pub(crate) fn grid(&self) -> &Chunks {
        &self.grid
    }

    /// Cuts a block of that number; `place` takes each part and its number.
    pub(crate) fn each(
        &self,
        number: usize,
        block: &Data,
        place: impl Fn(usize, &Data) -> Result<(), SpillError>,
    ) -> Result<(), SpillError> {
        let whole = block_region(&self.whole, number);
        let end = whole.start[self.axis] + whole.len[self.axis];
        let mut start = whole.start.clone();
        while start[self.axis] < end {
            let number = block_number(&self.grid, &start);
            let part = block_region(&self.grid, number);
            place(number, &cut(block, &whole, &part))?;
            start[self.axis] += part.len[self.axis];
        }
        Ok(())
    }
}

fn cut(block: &Data, whole: &Region, part: &Region) -> Data {
    let inside: SmallVec<[usize; 4]> = part.start.iter().zip(&whole.start).map(|(a, b)| a - b).collect();
    let mut data = Data::zeros(block.dtype(), part.size());
    copy_box(&part.len, block.as_ref(), &Walk::inside(&inside, &whole.len), &mut data, &Walk::whole(&part.len));
    data
}
