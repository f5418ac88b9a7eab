//! Values that a pass keeps while it goes down: what a block adds to those made for the block above.
//!
//! A stencil or a window reads rows that the block above has read too. Where everything that is made block by block
//! is read through shifts, along the last two axes only, a pass goes down strips of the space, and each block makes
//! just the rows that are new. Blocks can then be so low that they stay in the cache.

use crate::program::{Action, Local, Making, Origin, Program, Step};
use crate::size::LONG_ROW;
use cleave_ops::view::SourceAxis;
use cleave_ops::{Region, View};
use smallvec::SmallVec;

/// Rows of all that is made for a block, besides those that are kept: more of them would not stay in the cache.
const ROWS: usize = 32;
/// Bounds of the rows of a block.
const BLOCK_ROWS: (usize, usize) = (4, 16);
/// The length of a block on the last axis.
pub(crate) const COLUMNS: usize = 2048;

/// The rows of `wanted` that are not in `kept`, where it continues that downwards; all of it otherwise.
pub fn beyond(kept: &Region, wanted: &Region) -> Region {
    let ndim = wanted.len.ndim();
    let mut part = wanted.clone();
    if ndim < 2 || kept.len.ndim() != ndim {
        return part;
    }
    let axis = ndim - 2;
    let same = |a: usize| kept.start[a] == wanted.start[a] && kept.len[a] == wanted.len[a];
    let end = kept.start[axis] + kept.len[axis];
    let begins_inside = (kept.start[axis]..end).contains(&wanted.start[axis]);
    let is_one_slab = (0..axis).all(|a| wanted.len[a] == 1);
    if begins_inside && is_one_slab && (0..ndim).filter(|&a| a != axis).all(same) {
        let last = wanted.start[axis] + wanted.len[axis];
        part.start[axis] = end.min(last);
        part.len = part.len.with(axis, last - part.start[axis]);
    }
    part
}

/// Whether rows of a region are so long that each is worth a tile.
pub fn is_wide(region: &Region) -> bool {
    region.len.ndim() > 1 && region.len.last().is_some_and(|&width| width >= LONG_ROW)
}

impl Program {
    /// Whether all that is made for blocks is kept while a pass goes down.
    pub fn rolls(&self) -> bool {
        let is_wide = self.space.ndim() > 1 && self.space.last().is_some_and(|&width| width >= LONG_ROW);
        is_wide && self.all_roll()
    }

    fn all_roll(&self) -> bool {
        self.locals.iter().all(Local::rolls)
            && (0..self.locals.len()).all(|number| self.goes_down(number as u32))
            && self.patches().all(|(patch, _)| patch.all_roll())
    }

    /// Whether a local is read through shifts that differ on the last two axes alone.
    fn goes_down(&self, number: u32) -> bool {
        let views: SmallVec<[&View; 8]> = self.views_of(number).collect();
        let ndim = self.locals[number as usize].program.space.ndim();
        let alike =
            |view: &&View| (0..ndim.saturating_sub(2)).all(|a| view.source[a].start == views[0].source[a].start);
        views.iter().all(|view| is_shift(view, ndim)) && views.iter().all(alike)
    }

    pub(crate) fn views_of(&self, number: u32) -> impl Iterator<Item = &View> {
        let steps = self.locals.iter().flat_map(|local| &local.program.steps).chain(&self.steps);
        steps.filter_map(move |step| match &step.action {
            Action::Load { origin: Origin::Local(read), view, .. } if *read == number => Some(view),
            _ => None,
        })
    }

    /// Rows of a block of a program whose locals are kept.
    pub(crate) fn rolling_rows(&self) -> usize {
        (ROWS / self.depth().max(1)).clamp(BLOCK_ROWS.0, BLOCK_ROWS.1)
    }

    /// How many values are made for a block, those of patches included.
    fn depth(&self) -> usize {
        let own = |local: &Local| 1 + local.program.depth();
        self.locals.iter().map(own).sum::<usize>() + self.patches().map(|(patch, _)| patch.depth()).sum::<usize>()
    }

    /// The part of each local that a block of the space needs, `None` of those that it does not. `settle` says of
    /// a local, and what is wanted of it, which region is to be there and which part of it is to be made.
    pub fn local_regions_beyond(
        &self,
        block: &Region,
        settle: &dyn Fn(usize, &Region) -> (Region, Region),
    ) -> Vec<Option<Region>> {
        let mut needed: Vec<Option<Region>> = vec![None; self.locals.len()];
        note_needs(&self.steps, block, &mut needed);
        for number in (0..self.locals.len()).rev() {
            let local = &self.locals[number];
            if let Some(region) = needed[number].as_mut() {
                let (whole, part) = settle(number, region);
                *region = whole;
                if !part.len.is_empty_array() {
                    note_needs(&local.program.steps, &part, &mut needed);
                }
            }
        }
        needed
    }
}

impl Local {
    /// Whether it can be made from row to row. Running values of a row go on from those of the row above.
    fn rolls(&self) -> bool {
        let goes_down = match self.making {
            Making::Plain => true,
            Making::Scan { axis, .. } => axis + 2 == self.program.space.ndim(),
        };
        goes_down && self.program.all_roll()
    }
}

fn is_shift(view: &View, ndim: usize) -> bool {
    let follows = |(axis, s): (usize, &SourceAxis)| s.is_fixed() || *s == SourceAxis::along(axis, s.start, 1);
    view.shape.ndim() == ndim && view.source.iter().enumerate().all(follows)
}

fn note_needs(steps: &[Step], region: &Region, needed: &mut [Option<Region>]) {
    for step in steps {
        if let Action::Load { origin: Origin::Local(number), view, .. } = &step.action {
            let part = crate::locals::image(view, region);
            let slot = &mut needed[*number as usize];
            *slot = Some(slot.take().map_or_else(|| part.clone(), |known| known.hull(&part)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_ops::Shape;

    #[test]
    fn only_new_rows_are_beyond() {
        let region =
            |start: [usize; 2], len: [usize; 2]| Region { start: start.into_iter().collect(), len: Shape::new(len) };
        let kept = region([10, 5], [6, 100]);
        for (wanted, part) in [
            (region([14, 5], [6, 100]), region([16, 5], [4, 100])),
            (region([12, 5], [3, 100]), region([15, 5], [0, 100])),
            (region([16, 5], [6, 100]), region([16, 5], [6, 100])),
            (region([9, 5], [6, 100]), region([9, 5], [6, 100])),
            (region([14, 6], [6, 100]), region([14, 6], [6, 100])),
        ] {
            assert_eq!(beyond(&kept, &wanted), part);
        }
    }
}
