//! Where the chunks of one axis stand in a picture.

use cleave_ops::AxisChunks;

/// Up to so many chunks an axis is drawn whole.
const MOST: usize = 24;
/// Beyond that, so many are drawn at its start and its end.
const HEAD: usize = 6;
const TAIL: usize = 4;
/// The gap that stands for the rest, in pixels.
const GAP: f64 = 14.0;

/// The chunks of one axis along a line.
pub(crate) struct Track {
    /// The line's length in pixels.
    pub(crate) length: f64,
    /// Where each drawn group of chunks lies: all of them, or head and tail.
    pub(crate) groups: Vec<(f64, f64)>,
    /// Cuts between neighbours inside the groups.
    pub(crate) cuts: Vec<f64>,
    /// How many chunks are not drawn.
    pub(crate) hidden: usize,
}

impl Track {
    /// How wide the lines between chunks may be: never so wide that they hide the chunks.
    pub(crate) fn line_px(&self) -> f64 {
        let ends = self.groups.iter().flat_map(|g| [g.0, g.1]);
        let mut marks: Vec<f64> = self.cuts.iter().copied().chain(ends).collect();
        marks.sort_by(f64::total_cmp);
        let narrowest = marks.windows(2).map(|w| w[1] - w[0]).fold(f64::MAX, f64::min);
        (narrowest * 0.22).clamp(0.3, 1.4)
    }
}

/// Lays the chunks of an axis along `length` pixels, in true proportion as far as they can be seen.
pub(crate) fn track(axis: &AxisChunks, length: f64) -> Track {
    let count = axis.count();
    if count <= MOST {
        let lens: Vec<usize> = axis.lens().collect();
        let cuts = cuts(&lens, 0.0, length);
        return Track { length, groups: vec![(0.0, length)], cuts, hidden: 0 };
    }
    let head: Vec<usize> = axis.lens().take(HEAD).collect();
    let mut tail: Vec<usize> =
        axis.runs().iter().rev().flat_map(|r| std::iter::repeat_n(r.0, r.1)).take(TAIL).collect();
    tail.reverse();
    let shown = (head.iter().sum::<usize>() + tail.iter().sum::<usize>()).max(1) as f64;
    let split = (length - GAP) * head.iter().sum::<usize>() as f64 / shown;
    let split = split.clamp(HEAD as f64 * 3.0, length - GAP - TAIL as f64 * 3.0);
    let mut all = cuts(&head, 0.0, split);
    all.extend(cuts(&tail, split + GAP, length));
    Track { length, groups: vec![(0.0, split), (split + GAP, length)], cuts: all, hidden: count - HEAD - TAIL }
}

/// Lengths in pixels of axes that are drawn together: true proportions near 1, softened far from it, and never
/// less than the longest divided by `most`.
pub(crate) fn proportions(lens: &[usize], longest_px: f64, most: f64) -> Vec<f64> {
    let longest = lens.iter().copied().max().unwrap_or(1).max(1) as f64;
    let px = |&len: &usize| {
        let ratio = longest / (len.max(1) as f64);
        longest_px / if ratio <= 3.0 { ratio } else { 3.0 + (ratio / 3.0).ln() }.min(most)
    };
    lens.iter().map(px).collect()
}

fn cuts(lens: &[usize], from: f64, to: f64) -> Vec<f64> {
    let total = lens.iter().sum::<usize>().max(1) as f64;
    let mut at = 0;
    let mut out = Vec::new();
    for len in &lens[..lens.len().saturating_sub(1)] {
        at += len;
        out.push(from + (to - from) * at as f64 / total);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_chunks_are_all_drawn_and_many_say_so() {
        let few = track(&AxisChunks::regular(24, 1), 150.0);
        assert_eq!((few.cuts.len(), few.hidden), (23, 0));
        let many = track(&AxisChunks::regular(200_000, 2000), 150.0);
        assert_eq!((many.cuts.len(), many.groups.len(), many.hidden), (8, 2, 90));
    }

    #[test]
    fn uneven_chunks_keep_their_proportion() {
        assert_eq!(track(&AxisChunks::from_lens([30, 10]), 100.0).cuts, vec![75.0]);
    }
}
