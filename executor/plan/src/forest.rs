//! How many states trees hold at once that grow while a box of blocks is gone through half by half.
//!
//! Each tile of kept elements has a tree over its cells, in which complete subtrees of equal size become one state.
//! The other half of an axis begins when the first is complete, so few trees are open far down at the same time.

use cleave_ops::Shape;
use std::collections::HashMap;

/// The axis on which a box of so many blocks is halved, and the blocks of the first half; none of one block.
pub(crate) fn halved(blocks: &[usize]) -> Option<(usize, usize)> {
    let axis = (0..blocks.len()).max_by_key(|&axis| blocks[axis])?;
    (blocks[axis] > 1).then(|| (axis, blocks[axis].next_power_of_two() / 2))
}

/// The most states at once, in tiles of kept elements, where one axis is reduced, with the one that comes last. States
/// of a first half are counted until the second is complete, though some of them are combined before.
pub(crate) fn most_states(blocks: &Shape, reduced: usize) -> u64 {
    most(blocks, reduced, &mut HashMap::new())
}

fn most(blocks: &Shape, reduced: usize, known: &mut HashMap<Shape, u64>) -> u64 {
    let Some((axis, first)) = halved(blocks) else { return 1 };
    if let Some(&states) = known.get(blocks) {
        return states;
    }
    let halves = [first, blocks[axis] - first].map(|len| blocks.with(axis, len));
    let [before, after] = halves.each_ref().map(|half| most(half, reduced, known));
    let states = before.max(left(&halves[0], reduced) + after);
    known.insert(blocks.clone(), states);
    states
}

/// States of complete subtrees when a box was gone through.
fn left(blocks: &Shape, reduced: usize) -> u64 {
    let of = |(axis, &len): (usize, &usize)| if axis == reduced { u64::from(len.count_ones()) } else { len as u64 };
    blocks.iter().enumerate().map(of).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes through the blocks and counts the states of all trees, and that of the block at hand.
    fn counted(blocks: &Shape, reduced: usize) -> u64 {
        fn go(start: &[usize], blocks: &Shape, visit: &mut dyn FnMut(&[usize])) {
            let Some((axis, first)) = halved(blocks) else { return visit(start) };
            go(start, &blocks.with(axis, first), visit);
            let mut middle = start.to_vec();
            middle[axis] += first;
            go(&middle, &blocks.with(axis, blocks[axis] - first), visit);
        }
        let (mut cells, mut most) = (HashMap::<Vec<usize>, u32>::new(), 0);
        go(&vec![0; blocks.ndim()], blocks, &mut |at| {
            let mut tile = at.to_vec();
            tile[reduced] = 0;
            let states: u64 = cells.values().map(|n| u64::from(n.count_ones())).sum();
            most = most.max(states + 1);
            *cells.entry(tile).or_default() += 1;
        });
        most
    }

    #[test]
    fn it_is_a_little_more_than_counting_gives() {
        for blocks in [&[1, 1][..], &[1, 9], &[8, 8], &[5, 11], &[32, 7], &[3, 4, 5], &[16, 2, 6], &[7, 13, 1]] {
            let blocks: Shape = blocks.iter().copied().collect();
            for reduced in 0..blocks.ndim() {
                let (most, counted) = (most_states(&blocks, reduced), counted(&blocks, reduced));
                assert!(
                    (counted..=counted + counted / 2).contains(&most),
                    "{blocks:?} over {reduced}: {most}, {counted}"
                );
            }
        }
    }
}
