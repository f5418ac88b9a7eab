//! Random bits from an index: Philox 4x32-10.
//!
//! Element `i` of draw `d` under seed `s` takes the half `i % 2` of the block whose counter is `(i / 2, d)` and
//! whose key is `s`. Nothing else enters, so any element can be made anywhere, in any order.

use pulp::{Arch, Simd, WithSimd};

const MUL: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Blocks made side by side, so that the compiler fills vectors.
const WIDE: usize = 16;

/// Four random words for a counter and a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let mut blocks = counter.map(|word| [word; 1]);
    rounds(&mut blocks, key);
    blocks.map(|word| word[0])
}

#[expect(clippy::needless_range_loop, reason = "the same index walks several arrays, which vectorises")]
#[inline(always)]
fn rounds<const N: usize>(c: &mut [[u32; N]; 4], key: [u32; 2]) {
    let mut key = key;
    for _ in 0..ROUNDS {
        for j in 0..N {
            let a = u64::from(c[0][j]) * u64::from(MUL[0]);
            let b = u64::from(c[2][j]) * u64::from(MUL[1]);
            c[0][j] = (b >> 32) as u32 ^ c[1][j] ^ key[0];
            c[2][j] = (a >> 32) as u32 ^ c[3][j] ^ key[1];
            c[1][j] = b as u32;
            c[3][j] = a as u32;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
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
    /// The two 64-bit words of blocks `first`, `first + 1` and so on, one after the other.
    pub fn blocks(self, first: u64, out: &mut [[u64; 2]]) {
        Arch::new().dispatch(Blocks { stream: self, first, out });
    }

    /// The 64 bits of each of the elements `first`, `first + step` and so on.
    pub fn bits(self, first: u64, step: i64, out: &mut [u64]) {
        match step {
            1 => self.ascending(first, out),
            -1 if !out.is_empty() => {
                self.ascending(first - (out.len() as u64 - 1), out);
                out.reverse();
            }
            _ => self.scattered(first, step, out),
        }
    }

    fn ascending(self, first: u64, out: &mut [u64]) {
        let head = out.len().min((first % 2) as usize);
        let (odd, rest) = out.split_at_mut(head);
        odd.iter_mut().for_each(|bits| *bits = self.block(first / 2)[1]);
        let (pairs, tail) = rest.as_chunks_mut::<2>();
        let block = first.div_ceil(2);
        self.blocks(block, pairs);
        tail.iter_mut().for_each(|bits| *bits = self.block(block + pairs.len() as u64)[0]);
    }

    fn scattered(self, first: u64, step: i64, out: &mut [u64]) {
        Arch::new().dispatch(Scattered { stream: self, first, step, out });
    }

    fn block(self, index: u64) -> [u64; 2] {
        let mut out = [[0; 2]];
        words(self, |_| index, &mut out);
        out[0]
    }
}

struct Blocks<'a> {
    stream: Stream,
    first: u64,
    out: &'a mut [[u64; 2]],
}

impl WithSimd for Blocks<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (wide, rest) = self.out.as_chunks_mut::<WIDE>();
        let mut at = self.first;
        for chunk in wide {
            words(self.stream, |j| at.wrapping_add(j as u64), chunk);
            at = at.wrapping_add(WIDE as u64);
        }
        for one in rest.as_chunks_mut::<1>().0 {
            words(self.stream, |_| at, one);
            at = at.wrapping_add(1);
        }
    }
}

struct Scattered<'a> {
    stream: Stream,
    first: u64,
    step: i64,
    out: &'a mut [u64],
}

impl WithSimd for Scattered<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let mut first = self.first;
        let mut pairs = [[0; 2]; WIDE];
        for chunk in self.out.chunks_mut(WIDE) {
            let at = |j: usize| first.wrapping_add_signed(self.step.wrapping_mul(j as i64));
            words(self.stream, |j| at(j) / 2, &mut pairs);
            for (j, bits) in chunk.iter_mut().enumerate() {
                *bits = pairs[j][(at(j) % 2) as usize];
            }
            first = at(WIDE);
        }
    }
}

/// The two words of each of `N` blocks.
#[expect(clippy::needless_range_loop, reason = "the same index walks several arrays, which vectorises")]
#[inline(always)]
fn words<const N: usize>(stream: Stream, block: impl Fn(usize) -> u64, out: &mut [[u64; 2]; N]) {
    let mut c = [[0_u32; N], [0_u32; N], [stream.draw as u32; N], [(stream.draw >> 32) as u32; N]];
    for j in 0..N {
        c[0][j] = block(j) as u32;
        c[1][j] = (block(j) >> 32) as u32;
    }
    rounds(&mut c, [stream.seed as u32, (stream.seed >> 32) as u32]);
    for j in 0..N {
        out[j] = [u64::from(c[0][j]) | u64::from(c[1][j]) << 32, u64::from(c[2][j]) | u64::from(c[3][j]) << 32];
    }
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
