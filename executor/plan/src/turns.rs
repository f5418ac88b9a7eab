//! In which order the tasks of a stage are done where stored blocks would otherwise be read again and again.

use crate::memory::{Reading, strip_bytes};
use crate::plan::{Need, Options, Plan};
use crate::stage::{FoldWork, Stage, Work, unravel};
use cleave_ops::{Region, Shape};
use smallvec::SmallVec;

/// The strips in which a stage reduces superboxes if what lies side by side does not fit into the memory for
/// decoded blocks: as wide as do.
pub(crate) fn strips(plan: &Plan, number: usize, options: &Options, need: &Need) -> Option<Shape> {
    let stage = &plan.stages[number];
    let Work::Fold(work) = &stage.work else { return None };
    let grid = &work.lattice.superboxes;
    if grid.size() < 2 || need.cache_bytes == 0 {
        return None;
    }
    strip_bytes(work)?;
    let fits = |sides: &[usize]| {
        let region = superboxes_region(work, sides);
        Reading::in_region(number, plan, options, false, &region).easy(1) <= need.cache_bytes
    };
    let mut sides: SmallVec<[usize; 4]> = SmallVec::from_slice(grid);
    sides[0] = 1;
    for axis in 1..grid.ndim() {
        if fits(&sides) {
            break;
        }
        sides[axis] = (1..=grid[axis]).rev().find(|&side| fits(&with(&sides, axis, side))).unwrap_or(1);
    }
    sides[0] = grid[0];
    let sides = Shape::new(sides);
    (sides != *grid).then_some(sides)
}

fn with(sides: &[usize], axis: usize, side: usize) -> SmallVec<[usize; 4]> {
    let mut sides = SmallVec::from_slice(sides);
    sides[axis] = side;
    sides
}

/// The elements of so many superboxes and of the first kept box.
fn superboxes_region(work: &FoldWork, sides: &[usize]) -> Region {
    let lattice = &work.lattice;
    let len = |i: usize| (sides[i] * lattice.superbox[i] * lattice.cell[i]).min(lattice.lens[i]);
    let reduced = Region::whole(&Shape::new((0..sides.len()).map(len)));
    lattice.join(&work.kept_region(0), &reduced)
}

/// The row-major number, in a grid of `lens`, of what is visited at a turn if boxes of `sides` are visited one
/// after the other.
fn number_in_boxes(turn: usize, lens: &Shape, sides: &Shape) -> usize {
    let (mut left, mut start, mut inside) = (turn, SmallVec::<[usize; 4]>::new(), SmallVec::<[usize; 4]>::new());
    for axis in 0..lens.ndim() {
        let unit = inside.iter().product::<usize>() * lens[axis + 1..].iter().product::<usize>();
        let first = left / (sides[axis] * unit) * sides[axis];
        left -= first * unit;
        start.push(first);
        inside.push(sides[axis].min(lens[axis] - first));
    }
    let index = unravel(left, &Shape::new(inside));
    index.iter().zip(&start).zip(&lens.strides()).map(|((i, s), stride)| (i + s) * stride).sum()
}

impl Stage {
    /// The task that is done at a turn.
    pub fn task_at(&self, turn: usize) -> usize {
        match &self.work {
            Work::Fold(FoldWork { strips: Some(sides), lattice, spans, .. }) => {
                turn / spans * spans + number_in_boxes(turn % spans, &lattice.superboxes, sides)
            }
            Work::Store(work) if self.strip_turns() > 1 => {
                let lens = work.boxes.numblocks();
                let rows = lens.ndim() - 2;
                let sides = (0..lens.ndim()).map(|axis| if axis == rows { lens[axis] } else { 1 }).collect();
                number_in_boxes(turn, &lens, &sides)
            }
            Work::Fold(_) | Work::Joint(_) | Work::Store(_) | Work::Contract(_) => turn,
        }
    }

    /// How many threads may each take a range of turns of their own: those that reduce different elements of stored
    /// blocks would else wait for the same block.
    pub fn ranges(&self, workers: usize, cache_bytes: u64) -> usize {
        match &self.work {
            Work::Fold(work) if cache_bytes > 0 && work.boxes.count() >= workers => workers,
            Work::Fold(_) | Work::Joint(_) | Work::Store(_) | Work::Contract(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_visited_one_after_the_other() {
        let lens = Shape::new([3, 4]);
        let order = |sides: [usize; 2]| -> Vec<usize> {
            (0..12).map(|turn| number_in_boxes(turn, &lens, &Shape::new(sides))).collect()
        };
        assert_eq!(order([3, 3]), [0, 1, 2, 4, 5, 6, 8, 9, 10, 3, 7, 11]);
        assert_eq!(order([2, 4]), (0..12).collect::<Vec<_>>());
        assert_eq!(order([2, 2]), [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn each_is_visited_once() {
        let lens = Shape::new([4, 5, 3]);
        for sides in [[4, 2, 2], [1, 5, 1], [3, 3, 3], [4, 1, 3]] {
            let mut visited: Vec<usize> =
                (0..60).map(|turn| number_in_boxes(turn, &lens, &Shape::new(sides))).collect();
            visited.sort_unstable();
            assert_eq!(visited, (0..60).collect::<Vec<_>>(), "{sides:?}");
        }
    }
}
