//! The distribution of chunk sizes in words.

use crate::units::count;
use cleave_ops::{AxisChunks, Chunks, Shape};

/// What a card says of chunks.
pub(crate) struct Chunking {
    /// The chunk that stands for most: the commonest length on each axis.
    pub(crate) typical: Shape,
    /// How many chunks there are.
    pub(crate) total: u128,
    /// `100 × 100`
    pub(crate) grid: String,
    /// `all equal`, or what the others are.
    pub(crate) spread: String,
}

/// Sums up chunks.
pub(crate) fn sum_up(chunks: &Chunks) -> Chunking {
    let commonest: Vec<(usize, usize)> = chunks.0.iter().map(commonest).collect();
    let total: u128 = chunks.0.iter().map(|a| a.count() as u128).product();
    let full: u128 = commonest.iter().map(|c| c.1 as u128).product();
    let typical: Shape = commonest.iter().map(|c| c.0).collect();
    Chunking { grid: times(&chunks.numblocks()), spread: spread(chunks, &typical, total, full), typical, total }
}

/// Lengths joined by `×`; `()` for none.
pub(crate) fn times(shape: &Shape) -> String {
    match shape.len() {
        0 => "()".to_owned(),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × "),
    }
}

/// How one axis is cut, with its length: `200000 = 100 × 2000`, `721 = 361 + 360`, `10 = 3 × 3 + 1`.
pub(crate) fn axis_words(axis: &AxisChunks) -> String {
    let runs = axis.runs();
    let part = |&(len, n): &(usize, usize)| if n == 1 { len.to_string() } else { format!("{n} × {len}") };
    match runs {
        [] | [(_, 1)] => axis.total().to_string(),
        _ if runs.len() <= 3 => {
            format!("{} = {}", axis.total(), runs.iter().map(part).collect::<Vec<_>>().join(" + "))
        }
        _ => format!("{} in {} uneven chunks", axis.total(), count(axis.count() as u64)),
    }
}

fn commonest(axis: &AxisChunks) -> (usize, usize) {
    let mut tally: Vec<(usize, usize)> = Vec::new();
    for &(len, n) in axis.runs() {
        match tally.iter_mut().find(|t| t.0 == len) {
            Some(t) => t.1 += n,
            None => tally.push((len, n)),
        }
    }
    tally.into_iter().max_by_key(|&(len, n)| (n, len)).unwrap_or((0, 0))
}

fn spread(chunks: &Chunks, typical: &Shape, total: u128, full: u128) -> String {
    if total == full {
        return if total == 1 { "one chunk".to_owned() } else { "all equal".to_owned() };
    }
    let shortest: Shape = chunks.0.iter().map(|a| a.runs().iter().map(|r| r.0).min().unwrap_or(0)).collect();
    let longest: Shape = chunks.0.iter().map(AxisChunks::longest).collect();
    let others = count(total - full);
    match () {
        () if longest == *typical => format!("{} full, {others} down to {}", count(full), times(&shortest)),
        () => format!("{} full, {others} from {} to {}", count(full), times(&shortest), times(&longest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_named() {
        let cases: [(&[&[usize]], &str, &str); 4] = [
            (&[&[2, 2], &[3]], "2 × 1", "all equal"),
            (&[&[4, 4, 1]], "3", "2 full, 1 down to 1"),
            (&[&[1, 50, 1, 1]], "4", "3 full, 1 from 1 to 50"),
            (&[], "()", "one chunk"),
        ];
        for (lens, grid, spread) in cases {
            let chunks = Chunks(lens.iter().map(|l| AxisChunks::from_lens(l.iter().copied())).collect());
            let facts = sum_up(&chunks);
            assert_eq!((facts.grid.as_str(), facts.spread.as_str()), (grid, spread));
        }
    }
}
