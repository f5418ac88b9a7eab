//! What other chunks of a stored array would do, where its own are hopeless for how it is read.

use crate::cost::stored::{Usage, usages};
use crate::plan::Plan;
use crate::source::{Source, Sources};
use cleave_graph::SourceId;
use cleave_ops::Shape;

/// Decoded bytes for a byte used from which chunks are called hopeless, if at least so many are decoded.
const HOPELESS: (f64, u64) = (4.0, 8 << 20);
/// Chunks of fewer bytes cost more to open than to read, if there are at least so many.
const TINY: (f64, f64) = (16384.0, 2000.0);
/// Bounds of a chunk that is advised, in bytes.
const CHUNK_BYTES: (f64, f64) = (262_144.0, 16_777_216.0);

/// Advice about one stored array.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The array.
    pub source: SourceId,
    /// What is wrong.
    pub fault: Fault,
    /// Its chunks now: the longest on each axis.
    pub chunks: Shape,
    /// Chunks that would suit.
    pub better: Shape,
}

/// What is wrong with stored chunks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Much more is decoded than is used.
    Waste {
        /// Bytes decoded.
        decoded_bytes: u64,
        /// Bytes used.
        used_bytes: u64,
        /// Bytes decoded for a byte used with the better chunks.
        better: f64,
    },
    /// There are very many very small ones.
    Tiny {
        /// How many are read.
        blocks: u64,
        /// Bytes of one.
        bytes: u64,
    },
}

/// Advice about the stored arrays a plan reads; empty where their chunks suit.
pub fn advice(plan: &Plan, sources: &Sources) -> Vec<Advice> {
    let mut found: Vec<Advice> = Vec::new();
    for stage in &plan.stages {
        for usage in usages(stage, sources, plan.cache_bytes) {
            let known = found.iter().any(|a| a.source == usage.source);
            if let (false, Some(source)) = (known, sources.get(&usage.source)) {
                found.extend(judge(&usage, source.as_ref()));
            }
        }
    }
    found
}

fn judge(usage: &Usage, source: &dyn Source) -> Option<Advice> {
    let size = source.dtype().size() as f64;
    let chunks: Shape = source.grid().0.iter().map(cleave_ops::AxisChunks::longest).collect();
    let shape = source.grid().shape();
    let chunk_bytes = chunks.iter().map(|&n| n as f64).product::<f64>() * size;
    let better = suited(&shape, &usage.extent, size);
    let advice = |fault| Some(Advice { source: usage.source, fault, chunks: chunks.clone(), better: better.clone() });
    let waste = usage.decoded_bytes as f64 / (usage.used_bytes as f64).max(1.0);
    if chunk_bytes < TINY.0 && usage.blocks >= TINY.1 {
        return advice(Fault::Tiny { blocks: usage.blocks as u64, bytes: chunk_bytes as u64 });
    }
    let better_bytes = covered(&better, &usage.extent) * size;
    let left = better_bytes / (usage.used_bytes as f64).max(1.0);
    if waste < HOPELESS.0 || usage.decoded_bytes < HOPELESS.1 || left * 2.0 > waste {
        return None;
    }
    let (decoded_bytes, used_bytes) = (usage.decoded_bytes, usage.used_bytes);
    advice(Fault::Waste { decoded_bytes, used_bytes, better: left.max(1.0) })
}

/// Elements of the chunks of that shape that cover a box.
fn covered(chunk: &Shape, extent: &[usize]) -> f64 {
    chunk.iter().zip(extent).map(|(&c, &e)| (e.div_ceil(c.max(1)) * c) as f64).product()
}

/// Chunks as the box that is read, cut where that is large, grown on its short axes where it is small.
fn suited(shape: &Shape, extent: &[usize], size: f64) -> Shape {
    let mut sides: Vec<usize> = extent.iter().zip(shape.iter()).map(|(&e, &len)| e.clamp(1, len.max(1))).collect();
    let bytes = |sides: &[usize]| sides.iter().map(|&n| n as f64).product::<f64>() * size;
    while bytes(&sides) > CHUNK_BYTES.1 {
        let Some(longest) = (0..sides.len()).max_by_key(|&i| sides[i]) else { break };
        sides[longest] = sides[longest].div_ceil(2);
    }
    while bytes(&sides) < CHUNK_BYTES.0 {
        let room = |&i: &usize| sides[i] < shape[i] && sides[i] < extent[i].saturating_mul(64);
        let Some(shortest) = (0..sides.len()).filter(room).min_by_key(|&i| sides[i]) else { break };
        sides[shortest] = (sides[shortest] * 2).min(shape[shortest]);
    }
    Shape::new(sides)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advised_chunks_follow_the_access() {
        let cases: [(&[usize], &[usize], &[usize]); 4] = [
            (&[20_000, 20_000], &[1, 20_000], &[2, 20_000]),
            (&[20_000, 20_000], &[20_000, 1], &[20_000, 2]),
            (&[365, 721, 1440], &[365, 1, 1], &[365, 16, 8]),
            (&[10_000, 10_000], &[10_000, 10_000], &[1250, 1250]),
        ];
        for (shape, extent, want) in cases {
            let got = suited(&Shape::new(shape.iter().copied()), extent, 8.0);
            assert_eq!(&got[..], want, "{shape:?} {extent:?}");
        }
    }
}
