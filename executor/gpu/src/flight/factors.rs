//! A product of matrices as it lies on a device: what of its operands is packed, and where.

use crate::emit::{Factors, ProductKernel, ProductKernels};
use cleave_ops::Region;
use cleave_plan::ContractWork;
use cleave_plan::contract::{Operand, Side};
use std::ops::Range;

/// A contraction with its kernels.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) work: &'a ContractWork,
    pub(super) kernels: &'a ProductKernels,
    /// Whether the vendor's library multiplies.
    pub(super) by_library: bool,
}

/// Which part of an operand is packed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) batch: Region,
    pub(super) free: Region,
    pub(super) panels: Range<usize>,
}

impl Of<'_> {
    pub(super) fn operand(&self, side: usize) -> &Operand {
        if side == 0 { &self.work.left } else { &self.work.right }
    }

    pub(super) fn product(&self) -> &ProductKernel {
        &self.kernels.product
    }

    /// Panels of the whole shared side.
    pub(super) fn panels(&self) -> usize {
        (0..self.work.segments).map(|segment| self.work.panels(segment).len()).sum()
    }

    /// Whether panels follow each other without gaps.
    pub(super) fn is_run(&self) -> bool {
        self.work.panel.ndim() == 1
    }

    /// The part of the shared side that panels which follow each other cover, where that is a box.
    pub(super) fn shared(&self, panels: &Range<usize>) -> Region {
        let ends = [panels.start, panels.end - 1].map(|panel| self.work.panel_region(panel));
        ends[0].hull(&ends[1])
    }

    /// Shared indices of packed panels.
    pub(super) fn slots(&self, panels: &Range<usize>) -> usize {
        if self.is_run() { self.shared(panels).size() } else { panels.len() * self.work.panel.size() }
    }

    /// Bytes of a part of an operand that is packed.
    pub(super) fn packed_bytes(&self, part: &Part) -> u64 {
        let elements = part.batch.size() * self.slots(&part.panels) * self.product().pitch(part.free.size());
        (elements * self.product().dtype.size()) as u64
    }

    /// The parts of both operands for a part of the result.
    pub(super) fn parts(&self, region: &Region, panels: &Range<usize>) -> [Part; 2] {
        let sides = self.work.block_sides(region);
        let part = |free: &Region| Part { batch: sides.batch.clone(), free: free.clone(), panels: panels.clone() };
        [part(&sides.rows), part(&sides.columns)]
    }

    /// The boxes of an operand's space that are packed one by one, each with its first shared index in memory.
    pub(super) fn boxes(&self, side: usize, part: &Part) -> Vec<(Region, Region, usize)> {
        let seen = |shared: Region, slot: usize| (joined(self.operand(side), part, &shared), shared, slot);
        if self.is_run() {
            return vec![seen(self.shared(&part.panels), 0)];
        }
        let slot = |panel: usize| (panel - part.panels.start) * self.work.panel.size();
        part.panels.clone().map(|panel| seen(self.work.panel_region(panel), slot(panel))).collect()
    }

    /// Parts of the shared side that are summed by themselves.
    pub(super) fn segments(&self) -> usize {
        if self.by_library { 1 } else { self.work.segments }
    }

    /// Sums of a part of the result, for each segment.
    pub(super) fn sums(&self, region: &Region) -> usize {
        region.size().saturating_mul(self.segments())
    }

    /// The blocks in which a block is finished.
    pub(super) fn finished(&self, region: &Region) -> Vec<Region> {
        let sides = self.work.block_sides(region);
        let bands = self.work.bands(&sides);
        bands.map_or_else(|| vec![region.clone()], |bands| bands.iter().map(|rows| sides.with_rows(rows)).collect())
    }

    /// The product for a part of the result, of what is packed.
    pub(super) fn factors(&self, region: &Region, packed: &Range<usize>, operands: [u64; 2], sums: u64) -> Factors {
        let sides = self.work.block_sides(region);
        Factors {
            operands,
            sums,
            lens: [sides.rows.size(), sides.columns.size()],
            shared: self.slots(packed),
            panel: self.work.panel.size(),
            batches: sides.batch.size(),
            segments: self.segments(),
            panels: self.panels(),
            packed: packed.clone(),
        }
    }

    /// Whether one of these panels of some segment is packed.
    pub(super) fn is_packed(&self, panels: &Range<usize>, packed: &Range<usize>) -> bool {
        (0..self.work.segments).any(|segment| {
            let all = self.work.panels(segment);
            let (from, to) = (all.start + panels.start, all.end.min(all.start + panels.end));
            from.max(packed.start) < to.min(packed.end)
        })
    }
}

/// The part of an operand's space for boxes of each of its sides.
fn joined(operand: &Operand, part: &Part, shared: &Region) -> Region {
    let sides = match operand.first {
        Side::Free => [&part.batch, &part.free, shared],
        Side::Shared => [&part.batch, shared, &part.free],
    };
    Region {
        start: sides.iter().flat_map(|side| side.start.iter().copied()).collect(),
        len: sides.iter().flat_map(|side| side.len.iter().copied()).collect(),
    }
}
