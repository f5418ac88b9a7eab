//! What some tasks read, on its way to a device and there: parts that overlap or touch go there as one, once.

use crate::device::Memory;
use crate::emit::{Load, Placed};
use crate::shelf::{holds, placed};
use cleave_ops::Region;
use cleave_plan::Origin;

/// A part of an array, and the bytes of one of its elements.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Want {
    pub(crate) origin: Origin,
    pub(crate) size: usize,
    pub(crate) region: Region,
}

/// Parts of arrays on a device.
#[derive(Default)]
pub(crate) struct Cargo {
    /// What goes there, together.
    wants: Vec<Want>,
    parts: Vec<(Origin, Region, Memory)>,
}

impl Want {
    /// What a load reads for a region.
    pub(crate) fn of(load: &Load, region: &Region) -> Self {
        Self { origin: load.origin, size: load.dtype.size(), region: load.wanted(region) }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.region.size() as u64 * self.size as u64
    }
}

/// Parts joined where a box around two holds no more than they do.
pub(crate) fn merged(mut wants: Vec<Want>) -> Vec<Want> {
    let mut done: Vec<Want> = vec![];
    while let Some(mut want) = wants.pop() {
        let near = |other: &Want| {
            let is_one = other.origin == want.origin;
            is_one
                .then(|| want.region.hull(&other.region))
                .filter(|hull| hull.size() <= want.region.size().saturating_add(other.region.size()))
        };
        match done.iter().enumerate().find_map(|(place, other)| Some((place, near(other)?))) {
            Some((place, hull)) => {
                done.swap_remove(place);
                want.region = hull;
                // What is larger now may touch what was looked at before.
                wants.push(want);
            }
            None => done.push(want),
        }
    }
    done
}

impl Cargo {
    /// These parts go there together.
    pub(crate) fn of(wants: Vec<Want>) -> Self {
        Self { wants: merged(wants), parts: vec![] }
    }

    /// Where a part lies, if it is there.
    pub(crate) fn find(&self, origin: Origin, wanted: &Region) -> Option<Placed> {
        let (_, region, memory) = self.parts.iter().find(|(of, region, _)| *of == origin && holds(region, wanted))?;
        Some(placed(region, memory))
    }

    /// The part that goes there with a part of it.
    pub(crate) fn whole(&self, origin: Origin, wanted: &Region) -> Region {
        let whole = self.wants.iter().find(|want| want.origin == origin && holds(&want.region, wanted));
        whole.map_or_else(|| wanted.clone(), |want| want.region.clone())
    }

    /// A part is there.
    pub(crate) fn keep(&mut self, origin: Origin, region: Region, memory: Memory) {
        self.parts.push((origin, region, memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_graph::SourceId;
    use cleave_ops::Shape;

    fn want(number: u64, rows: std::ops::Range<usize>) -> Want {
        let region = Region { start: [rows.start, 0].into_iter().collect(), len: Shape::new([rows.len(), 7]) };
        Want { origin: Origin::Stored(SourceId(number)), size: 8, region }
    }

    #[test]
    fn parts_that_overlap_or_touch_are_one() {
        let wants = vec![want(0, 0..4), want(1, 2..6), want(0, 10..14), want(0, 3..5), want(0, 5..10), want(0, 20..22)];
        let mut found = merged(wants);
        found.sort_by_key(|want| (want.origin, want.region.start[0]));
        assert_eq!(found, [want(0, 0..14), want(0, 20..22), want(1, 2..6)]);
    }
}
