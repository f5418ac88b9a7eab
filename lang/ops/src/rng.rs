//! Random bits from an index: Philox 4x32-10.
//!
//! Element `i` of draw `d` under seed `s` takes the half `i % 2` of the block whose counter is `(i / 2, d)` and
//! whose key is `s`. Nothing else enters, so any element can be made anywhere, in any order.
//!
//! Loops here are plain `for` loops: a closure that is called is compiled without the wide vectors.

use crate::unit::Unit;
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};

pub(crate) const MUL: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
pub(crate) const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
pub(crate) const ROUNDS: usize = 10;
const LOW: u64 = 0xffff_ffff;
/// What is left of an element's number is the upper word of its block's.
const HIGH_SHIFT: u32 = 33;

/// Words of two blocks; two chains of products side by side hide each other's latency.
#[derive(Clone, Copy)]
struct Two(u64, u64);

impl Two {
    #[inline(always)]
    fn product(self, factor: u64) -> Two {
        Two((self.0 & LOW) * factor, (self.1 & LOW) * factor)
    }

    #[inline(always)]
    fn high_xor(self, other: Two, key: u32) -> Two {
        Two((self.0 >> 32) ^ other.0 ^ u64::from(key), (self.1 >> 32) ^ other.1 ^ u64::from(key))
    }
}

/// Four random words for a counter and a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    rounds(counter.map(|word| Two(word.into(), 0)), key).map(|word| word.0 as u32)
}

/// Each word stands in the lower half of a lane; the upper halves hold rubbish, which no product reads.
#[inline(always)]
fn rounds(mut c: [Two; 4], mut key: [u32; 2]) -> [Two; 4] {
    for _ in 0..ROUNDS {
        let (a, b) = (c[0].product(MUL[0]), c[2].product(MUL[1]));
        c = [b.high_xor(c[1], key[0]), b, a.high_xor(c[3], key[1]), a];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    c
}

/// Which stream of random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The generator's seed.
    pub seed: u64,
    /// The number of the draw from it.
    pub draw: u64,
}

impl Stream {
    /// The 64 bits of each of the elements `first`, `first + step` and so on.
    pub fn bits(self, first: u64, step: i64, out: &mut [u64]) {
        self.draw(first, step, out, |words, _| words);
    }

    /// What `f` makes of the blocks of the elements `first`, `first + step` and so on: the two of a block at once.
    pub(crate) fn draw<T: Copy>(self, first: u64, step: i64, out: &mut [T], f: impl Fn([u64; 2], Unit) -> [T; 2]) {
        let rows = Rows { len: out.len(), apart: 0 };
        self.draw_rows(first, step, rows, out, f);
    }

    /// The same for rows one behind the other.
    pub(crate) fn draw_rows<T: Copy>(
        self,
        first: u64,
        step: i64,
        rows: Rows,
        out: &mut [T],
        f: impl Fn([u64; 2], Unit) -> [T; 2],
    ) {
        Arch::new().dispatch(Walks { stream: self, first, step, rows, out, f });
    }

    /// The words of two blocks, whose counters are given by their lower and upper words; more of `low` is not read.
    #[inline(always)]
    fn blocks(self, low: [u64; 2], high: [u64; 2]) -> ([u64; 2], [u64; 2]) {
        let draw = [Two(self.draw, self.draw), Two(self.draw >> 32, self.draw >> 32)];
        let c = [Two(low[0], low[1]), Two(high[0], high[1]), draw[0], draw[1]];
        let c = rounds(c, [self.seed as u32, (self.seed >> 32) as u32]);
        let word = [c[0].0 & LOW | c[1].0 << 32, c[2].0 & LOW | c[3].0 << 32];
        (word, [c[0].1 & LOW | c[1].1 << 32, c[2].1 & LOW | c[3].1 << 32])
    }
}

/// Rows of a number of elements, and how far the first of each is from the first of the one before.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) len: usize,
    pub(crate) apart: i64,
}

struct Walks<'a, T, F> {
    stream: Stream,
    first: u64,
    step: i64,
    rows: Rows,
    out: &'a mut [T],
    f: F,
}

/// Elements that follow each other at equal steps.
struct Walk<'a, T, F> {
    stream: Stream,
    first: u64,
    /// The upper word of the blocks of neighbours: what depends on it alone is made once.
    high: u64,
    step: i64,
    out: &'a mut [T],
    f: &'a F,
    unit: Unit,
}

impl<T: Copy, F: Fn([u64; 2], Unit) -> [T; 2]> WithSimd for Walks<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { stream, mut first, step, rows, out, f } = self;
        let unit = Unit::of_machine::<S>();
        for row in out.chunks_mut(rows.len.max(1)) {
            let (mut at, mut rest) = (first, row);
            while !rest.is_empty() {
                let (out, later) = rest.split_at_mut(rest.len().min(until_next_high(at, step)));
                let walk = Walk { stream, first: at, high: at >> HIGH_SHIFT, step, out, f: &f, unit };
                rest = later;
                at = walk.end();
                match step {
                    1 => walk.ascending(),
                    -1 => walk.descending(),
                    _ => walk.scattered(),
                }
            }
            first = first.wrapping_add_signed(rows.apart);
        }
    }
}

/// How many neighbours from an element on have blocks whose counters share their upper word.
#[inline(always)]
fn until_next_high(first: u64, step: i64) -> usize {
    let before = first & ((1 << HIGH_SHIFT) - 1);
    match step {
        1 => ((1 << HIGH_SHIFT) - before) as usize,
        -1 => before as usize + 1,
        _ => usize::MAX,
    }
}

impl<T: Copy, F: Fn([u64; 2], Unit) -> [T; 2]> Walk<'_, T, F> {
    /// The element behind the last.
    #[inline(always)]
    fn end(&self) -> u64 {
        self.first.wrapping_add_signed(self.step.wrapping_mul(self.out.len() as i64))
    }

    #[inline(always)]
    fn pair(&self, block: u64) -> [T; 2] {
        (self.f)(self.stream.blocks([block; 2], [self.high; 2]).0, self.unit)
    }

    #[inline(always)]
    fn pairs(&self, blocks: [u64; 2], high: [u64; 2]) -> ([T; 2], [T; 2]) {
        let (a, b) = self.stream.blocks(blocks, high);
        ((self.f)(a, self.unit), (self.f)(b, self.unit))
    }

    #[inline(always)]
    fn ascending(mut self) {
        let (head, pairs, tail) = ends(std::mem::take(&mut self.out), self.first % 2 == 1);
        let block = self.first.div_ceil(2);
        for o in head {
            *o = self.pair(self.first / 2)[1];
        }
        for o in tail {
            *o = self.pair(block + pairs.len() as u64)[0];
        }
        let (left, right, last) = halves(pairs);
        let half = left.len() as u64;
        for ((x, y), i) in left.iter_mut().zip(right).zip(block..) {
            (*x, *y) = self.pairs([i, i + half], [self.high; 2]);
        }
        for o in last {
            *o = self.pair(block + 2 * half);
        }
    }

    #[inline(always)]
    fn descending(mut self) {
        let (head, pairs, tail) = ends(std::mem::take(&mut self.out), self.first.is_multiple_of(2));
        let end = self.first.div_ceil(2);
        for o in head {
            *o = self.pair(self.first / 2)[0];
        }
        for o in tail {
            *o = self.pair(end - pairs.len() as u64 - 1)[1];
        }
        let (left, right, last) = halves(pairs);
        let half = left.len() as u64;
        for ((x, y), i) in left.iter_mut().zip(right).zip(1..) {
            let at = end.wrapping_sub(i);
            let ([a, b], [c, d]) = self.pairs([at, at.wrapping_sub(half)], [self.high; 2]);
            (*x, *y) = ([b, a], [d, c]);
        }
        for o in last {
            let [a, b] = self.pair(end - 2 * half - 1);
            *o = [b, a];
        }
    }

    #[inline(always)]
    fn scattered(mut self) {
        let at = |i: u64| self.first.wrapping_add((self.step as u64).wrapping_mul(i));
        let pick = |i: u64, [even, odd]: [T; 2]| if i.is_multiple_of(2) { even } else { odd };
        let (left, right, last) = halves(std::mem::take(&mut self.out));
        let half = left.len() as u64;
        for ((x, y), i) in left.iter_mut().zip(right).zip(0..) {
            let (i, j) = (at(i), at(i + half));
            let (a, b) = self.pairs([i / 2, j / 2], [i >> HIGH_SHIFT, j >> HIGH_SHIFT]);
            (*x, *y) = (pick(i, a), pick(j, b));
        }
        for o in last {
            let i = at(2 * half);
            *o = pick(i, self.pairs([i / 2; 2], [i >> HIGH_SHIFT; 2]).0);
        }
    }
}

/// Two equal halves and the element left over.
#[inline(always)]
fn halves<T>(out: &mut [T]) -> (&mut [T], &mut [T], &mut [T]) {
    let half = out.len() / 2;
    let (left, rest) = out.split_at_mut(half);
    let (right, last) = rest.split_at_mut(half);
    (left, right, last)
}

/// A lone first element where one is wanted, whole pairs, and what is left.
#[inline(always)]
fn ends<T>(out: &mut [T], lone: bool) -> (&mut [T], &mut [[T; 2]], &mut [T]) {
    let (head, rest) = out.split_at_mut(out.len().min(usize::from(lone)));
    let (pairs, tail) = rest.as_chunks_mut();
    (head, pairs, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let pi = ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(philox(pi.0, pi.1), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn any_walk_gives_the_same_elements() {
        let stream = Stream { seed: 0x1234_5678_9abc_def0, draw: 7 };
        let mut all = vec![0; 200];
        stream.bits(1_000_000_007, 1, &mut all);
        for (first, step, n) in
            [(0, 1, 200), (1, 1, 37), (199, -1, 200), (3, 5, 39), (198, -7, 28), (4, 0, 9), (5, 1, 0)]
        {
            let mut walked = vec![0; n];
            stream.bits(1_000_000_007 + first as u64, step, &mut walked);
            let expected: Vec<u64> = (0..n as i64).map(|i| all[(first + i * step) as usize]).collect();
            assert_eq!(walked, expected, "from {first} by {step}");
        }
    }

    #[test]
    fn blocks_have_counters_of_two_words() {
        let (stream, edge) = (Stream { seed: 3, draw: 1 }, 1 << HIGH_SHIFT);
        let one = |element: u64| {
            let block = element / 2;
            let [a, b, c, d] = philox([block as u32, (block >> 32) as u32, 1, 0], [3, 0]).map(u64::from);
            if element.is_multiple_of(2) { a | b << 32 } else { c | d << 32 }
        };
        for (first, step) in
            [(edge - 21, 1), (edge - 20, 1), (edge + 20, -1), (edge + 21, -1), (edge - 20, 3), (7 * edge, 1)]
        {
            let mut walked = vec![0; 50];
            stream.bits(first, step, &mut walked);
            let expected: Vec<u64> = (0..50).map(|i| one(first.wrapping_add_signed(i * step))).collect();
            assert_eq!(walked, expected, "from {first} by {step}");
        }
    }

    #[test]
    fn seeds_and_draws_differ() {
        let first = |seed, draw| {
            let mut out = [0];
            Stream { seed, draw }.bits(0, 1, &mut out);
            out[0]
        };
        let all = [first(0, 0), first(1, 0), first(0, 1), first(1 << 32, 0), first(0, 1 << 32)];
        let distinct: std::collections::HashSet<u64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
