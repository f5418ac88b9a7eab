//! Tasks that are done together, and which of them share what they read.

use crate::cargo::{Want, merged};
use crate::emit::Kernel;
use crate::flight::{Flight, is_made};
use crate::piece::Piece;
use crate::stock::stock_bytes;
use cleave_ops::Region;
use std::ops::Range;

/// Tasks from both ends of those that are left, in units that share what they read.
pub(crate) struct Batch {
    pub(crate) units: Vec<Vec<Piece>>,
    pub(crate) front: Range<usize>,
    pub(crate) back: Range<usize>,
}

impl Batch {
    /// How many tasks.
    pub(crate) fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }
}

impl Flight<'_> {
    /// The first tasks; with as many of the last ones, each unit a piece of the first and one opposite, where what lies
    /// opposite reads the same.
    pub(crate) fn next(&self, rest: &Range<usize>, many: usize, is_paired: bool) -> Batch {
        let many = if is_paired { many.min(rest.len().div_ceil(2)) } else { many.min(rest.len()) };
        let front = rest.start..rest.start + many;
        let back = if is_paired { front.end.max(rest.end - many)..rest.end } else { rest.end..rest.end };
        let mut last = self.pieces(back.clone()).into_iter().rev();
        let of_front = self.pieces(front.clone()).into_iter();
        let mut units: Vec<Vec<Piece>> =
            of_front.map(|piece| std::iter::once(piece).chain(last.next()).collect()).collect();
        units.extend(last.map(|piece| vec![piece]));
        Batch { units, front, back }
    }

    /// Whether units take more memory than there is besides what is on the shelf.
    pub(crate) fn is_much(&self, units: &[Vec<Piece>]) -> bool {
        let taken = units.iter().map(|unit| self.taken(unit)).fold(0, u64::saturating_add);
        taken > self.limit_bytes.saturating_sub(self.held_bytes() + self.home_bytes())
    }

    /// Whether the first and the last task read much of the same that is not on the device: then so do those between that
    /// lie opposite each other.
    pub(crate) fn is_mirrored(&self) -> bool {
        let Range { start, end } = self.tasks.clone();
        if self.tasks.len() < 2 {
            return false;
        }
        let ends = [start..start + 1, end - 1..end].map(|task| self.pieces(task));
        let bytes = |wants: Vec<Want>| merged(wants).iter().map(Want::bytes).fold(0, u64::saturating_add);
        let [first, last] = ends.map(|end| self.wants(&end));
        let (apart, both) = (bytes(first.clone()).saturating_add(bytes(last.clone())), bytes([first, last].concat()));
        both < apart - apart / 4
    }

    /// Bytes of the device that a unit takes besides what is there.
    fn taken(&self, unit: &[Piece]) -> u64 {
        let launches = || unit.iter().flat_map(|piece| &piece.launches).filter(|launch| !launch.is_empty());
        if launches().any(|launch| !launch.is_countable(self.kernels)) {
            return u64::MAX;
        }
        let made = self.made();
        let stocks = unit.iter().map(|piece| stock_bytes(&made, &self.needs(piece)));
        let outs = launches().filter(|_| !self.is_all_home()).map(|launch| launch.made_bytes(self.kernels));
        let wants = merged(self.wants(unit));
        wants.iter().map(Want::bytes).chain(stocks).chain(outs).fold(0, u64::saturating_add)
    }

    /// What a unit reads that is not on the device.
    pub(crate) fn wants(&self, unit: &[Piece]) -> Vec<Want> {
        let (made, mut wants) = (self.made(), vec![]);
        let mut add = |kernel: &Kernel, region: &Region| {
            let loads = kernel.loads.iter().filter(|load| !is_made(load)).map(|load| Want::of(load, region));
            wants.extend(loads.filter(|want| self.shelf.find(want.origin, &want.region).is_none()));
        };
        for piece in unit {
            let needs = self.needs(piece);
            let before = made.iter().zip(&needs).filter_map(|(of, need)| Some((of, need.as_ref()?)));
            before.for_each(|(of, need)| add(&of.kernel, &of.reads(need)));
            let launches = piece.launches.iter().filter(|launch| !launch.is_empty());
            launches.for_each(|launch| add(launch.kernel(self.kernels), &launch.reads(self.kernels)));
        }
        wants
    }
}
