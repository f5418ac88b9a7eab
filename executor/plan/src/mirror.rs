//! Stages that read the same array directly and through a transpose or a flip: what a block of the space reads directly,
//! the block opposite reads through the transpose or flip. Both blocks are done one after the other, so that what they
//! read is made, or fetched, once for both.

use crate::halves::Halves;
use crate::lattice::Lattice;
use crate::locals::{Views, hand_on, is_costly, is_random};
use crate::plan::Options;
use crate::program::{Action, Program};
use crate::size::FoldCut;
use crate::stage::FoldWork;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::op::Layout;
use cleave_ops::{AxisChunks, Chunks, Region, Shape, View};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// The most elements of a block: it and the one opposite stay in a core's own cache.
const BLOCK_LEN: usize = 1 << 15;
/// Opposite tasks are done together where each thread finds so many tasks.
const TASKS_A_THREAD: usize = 4;
/// Spaces of so few elements are too short for several threads anyway.
const SHORT: usize = 1 << 17;
/// The most bytes of reduction states of one task.
const STATE_BYTES: usize = 1 << 20;

/// For each axis the one that it is seen as from the opposite place; twice is the axis itself.
pub type Turned = SmallVec<[usize; 4]>;
/// Whether each axis runs backwards at the opposite place.
pub type Flipped = SmallVec<[bool; 4]>;

/// How a reduction goes through blocks and those opposite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Which blocks lie opposite each other.
    pub facing: Facing,
    /// Lengths of the longest block of which anything is made.
    pub block: Shape,
    /// Locals that are each other's values at the opposite place.
    pub twins: Vec<(usize, usize)>,
}

/// Which blocks lie opposite each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facing {
    /// Those that change places with their axes. Task grids and blocks, which hold whole cells of whole tiles, are their
    /// own mirror images.
    Turned(Turned),
    /// Those as far from the beginning as from the end. A task does both.
    Halves(Halves),
}

/// The place from which one view shows what another one shows here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opposite {
    Turned(Turned),
    Flipped(Flipped),
}

/// A node that is seen through two views, each being the other one's at the opposite place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Twin {
    pub(crate) node: NodeId,
    pub(crate) views: [View; 2],
}

impl Mirror {
    /// How opposite tasks of halves are done, if that is what they are.
    pub fn halves(&self) -> Option<&Halves> {
        match &self.facing {
            Facing::Turned(_) => None,
            Facing::Halves(halves) => Some(halves),
        }
    }
}

/// The index of blocks, tasks or elements at the place whose axes have changed places.
pub fn turned_index(axes: &Turned, index: &[usize]) -> SmallVec<[usize; 4]> {
    axes.iter().map(|&axis| index[axis]).collect()
}

/// The region at the place whose axes have changed places.
pub fn turned_region(axes: &Turned, region: &Region) -> Region {
    Region { start: turned_index(axes, &region.start), len: Shape::new(turned_index(axes, &region.len)) }
}

/// Whether any step of a program goes through memory in another order than its space.
pub(crate) fn reads_otherwise(program: &Program) -> bool {
    let mut found = false;
    program.each_step(&mut |_, step| {
        if let Action::Load { view, .. } | Action::Fill { view, .. } = &step.action {
            let terms = || view.source.iter().filter_map(|s| s.only());
            found |= !terms().map(|term| term.axis).is_sorted() || terms().any(|term| term.step < 0);
        }
    });
    found
}

/// The nodes below `wants` that are worth being made for two opposite places at once, and where these are. `held`
/// says which nodes are there already.
pub(crate) fn twins(
    graph: &Graph,
    wants: &[(NodeId, View)],
    held: impl Fn(NodeId) -> bool,
) -> Option<(Opposite, Vec<Twin>)> {
    let mut seen: BTreeMap<NodeId, Views> = BTreeMap::new();
    let (mut place, mut twins): (Option<Opposite>, Vec<Twin>) = (None, Vec::new());
    for (node, view) in wants {
        seen.entry(*node).or_default().add(view.clone());
    }
    while let Some((node, views)) = seen.pop_last() {
        if let [a, b] = &views.list[..]
            && let Some(opposite) = opposite(a, b)
            && place.as_ref().is_none_or(|place| *place == opposite)
            && is_worth(graph, node, &opposite, held(node))
        {
            place = Some(opposite);
            twins.push(Twin { node, views: [a.clone(), b.clone()] });
            continue;
        }
        if held(node) {
            continue;
        }
        if matches!(graph[node].kind, NodeKind::Overlay { .. } | NodeKind::Scan { .. }) {
            return None;
        }
        views.list.iter().for_each(|view| hand_on(graph, node, view, &mut seen));
    }
    place.map(|place| (place, twins))
}

/// Whether reading or making a node for two places apart costs more than keeping it for both. What is there already is
/// read backwards as fast as forwards.
fn is_worth(graph: &Graph, node: NodeId, opposite: &Opposite, is_held: bool) -> bool {
    let is_turned = matches!(opposite, Opposite::Turned(_));
    match &graph[node].kind {
        _ if is_held => is_turned,
        NodeKind::Load(_) => is_turned,
        NodeKind::Overlay { .. } => false,
        kind => is_random(kind) || is_costly(graph, node, 2),
    }
}

/// The place from which one view shows what the other one shows here, if axes change places and nothing else, or if
/// some of them run backwards.
fn opposite(a: &View, b: &View) -> Option<Opposite> {
    let mut axes: Turned = (0..a.shape.ndim()).collect();
    let (mut flips, mut known): (Flipped, Flipped) = (axes.iter().map(|_| false).collect(), SmallVec::new());
    known.clone_from(&flips);
    for (a_axis, b_axis) in a.source.iter().zip(&b.source) {
        let (from, to) = (a_axis.only()?, b_axis.only()?);
        let far = a_axis.start + from.step * (a.shape[from.axis] as i64 - 1);
        let is_flipped = (far, -from.step) == (b_axis.start, to.step) && from.axis == to.axis;
        let is_same = (a_axis.start, from.step) == (b_axis.start, to.step);
        if !(is_same || is_flipped) || from.step.abs() != 1 {
            return None;
        }
        (axes[from.axis], flips[from.axis], known[from.axis]) = (to.axis, is_flipped, true);
    }
    let all_known = known.iter().zip(a.shape.iter()).all(|(known, len)| *known || *len == 1);
    let turns_back = |axis: usize| axes[axes[axis]] == axis && a.shape[axes[axis]] == a.shape[axis];
    let turns = axes.iter().enumerate().any(|(axis, &to)| axis != to);
    let flipped = flips.contains(&true);
    match (all_known && (0..axes.len()).all(turns_back), turns, flipped) {
        (true, true, false) => Some(Opposite::Turned(axes)),
        (true, false, true) => Some(Opposite::Flipped(flips)),
        _ => None,
    }
}

/// Cuts a reduction so that tasks and blocks are their own mirror images; gives the lengths of a block too.
pub(crate) fn turned_cut(
    space: &Shape,
    lattice: &Lattice,
    kept_tile: &Shape,
    axes: &Turned,
    state_bytes: usize,
    options: &Options,
) -> Option<(FoldCut, Shape)> {
    let &[reduced] = &lattice.reduced[..] else { return None };
    if lattice.layout != Layout::Columns || options.choices.shrink > 0 || space.is_empty_array() {
        return None;
    }
    let mut unit: SmallVec<[usize; 4]> = SmallVec::from_elem(lattice.cell[0], space.ndim());
    lattice.kept.iter().zip(kept_tile.iter()).for_each(|(&axis, &side)| unit[axis] = side);
    let side = |axis: usize| lcm(unit[axis], unit[axes[axis]]).min(space[axis]);
    let block: Shape = (0..space.ndim()).map(side).collect();
    let long = lattice.superbox_len();
    let is_long = |axis: usize| axis == reduced || axes[axis] == reduced;
    let side = |axis: usize| if is_long(axis) { long } else { block[axis] };
    let sides: Shape = (0..space.ndim()).map(side).collect();
    let whole = |axis: usize| sides[axis] >= space[axis] || sides[axis].is_multiple_of(block[axis]);
    let boxes = |axis: &usize| AxisChunks::regular(space[*axis], sides[*axis]);
    let boxes = Chunks(lattice.kept.iter().map(boxes).collect());
    let kept: usize = lattice.kept.iter().map(|&axis| sides[axis]).product();
    let spans = lattice.superbox_count();
    let enough = boxes.count() * spans >= TASKS_A_THREAD * options.threads.max(1) || space.size() <= SHORT;
    let fits = block.size() <= BLOCK_LEN && kept * state_bytes <= STATE_BYTES;
    let cut = FoldCut { boxes, kept_tile: kept_tile.clone(), span: 1, spans };
    (enough && fits && (0..space.ndim()).all(whole)).then_some((cut, block))
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut high, mut low) = (a.max(b), a.min(b));
    while low > 0 {
        (high, low) = (low, high % low);
    }
    a / high.max(1) * b
}

impl FoldWork {
    /// The task opposite to one.
    pub fn opposite(&self, task: usize) -> Option<usize> {
        let Facing::Turned(axes) = &self.mirror.as_ref()?.facing else { return None };
        let blocks = self.boxes.numblocks();
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(task % self.spans, axes.len());
        let kept = crate::stage::unravel(task / self.spans, &blocks);
        self.lattice.kept.iter().zip(kept).for_each(|(&axis, i)| index[axis] = i);
        let index = turned_index(axes, &index);
        let kept: SmallVec<[usize; 4]> = self.lattice.kept.iter().map(|&axis| index[axis]).collect();
        Some(crate::joint::ravel(&kept, &blocks) * self.spans + index[self.lattice.reduced[0]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_ops::view::SourceAxis;

    fn seen(lens: &[usize], axes: &[usize]) -> View {
        let source = axes.iter().map(|&axis| SourceAxis::along(axis, 3, 1)).collect();
        View { shape: Shape::new(lens.iter().copied()), source }
    }

    #[test]
    fn axes_that_change_places_are_opposite() {
        let place = |lens: &[usize], b: &[usize]| {
            let all: Vec<usize> = (0..lens.len()).collect();
            opposite(&seen(lens, &all), &seen(lens, b)).map(|opposite| match opposite {
                Opposite::Turned(axes) => axes.to_vec(),
                Opposite::Flipped(flips) => unreachable!("axes that change places: {flips:?}"),
            })
        };
        assert_eq!(place(&[7, 7], &[1, 0]), Some(vec![1, 0]));
        assert_eq!(place(&[7, 7], &[0, 1]), None, "nothing moves");
        assert_eq!(place(&[5, 7, 7], &[0, 2, 1]), Some(vec![0, 2, 1]));
        assert_eq!(place(&[7, 7, 7], &[1, 2, 0]), None, "thrice around");
        let mut shifted = seen(&[7, 7], &[1, 0]);
        shifted.source[0].start = 2;
        assert_eq!(opposite(&seen(&[7, 7], &[0, 1]), &shifted), None);
        let flipped = |axes: [usize; 2]| View {
            shape: Shape::new([7, 7]),
            source: axes.into_iter().map(|axis| SourceAxis::along(axis, 6, -1)).collect(),
        };
        assert!(opposite(&flipped([0, 1]), &flipped([1, 0])).is_some());
        assert!(opposite(&seen(&[7, 7], &[0, 1]), &flipped([1, 0])).is_none());
    }

    #[test]
    fn axes_that_run_backwards_are_opposite() {
        let shape = Shape::new([5, 7]);
        let view = |axes: [(i64, i64); 2]| View {
            shape: shape.clone(),
            source: axes
                .iter()
                .enumerate()
                .map(|(axis, &(start, step))| SourceAxis::along(axis, start, step))
                .collect(),
        };
        let (plain, both) = (view([(0, 1), (0, 1)]), view([(4, -1), (6, -1)]));
        let flips = |flips: [bool; 2]| Some(Opposite::Flipped(flips.into_iter().collect()));
        assert_eq!(opposite(&plain, &both), flips([true, true]));
        assert_eq!(opposite(&view([(4, -1), (0, 1)]), &view([(0, 1), (0, 1)])), flips([true, false]));
        assert_eq!(opposite(&view([(4, -1), (0, 1)]), &view([(0, 1), (6, -1)])), flips([true, true]));
        assert_eq!(opposite(&view([(9, 1), (0, 1)]), &view([(13, -1), (0, 1)])), flips([true, false]), "of a part");
        assert_eq!(opposite(&plain, &view([(5, -1), (6, -1)])), None, "one row aside");
        assert_eq!(opposite(&plain, &plain), None);
    }

    #[test]
    fn cuts_are_their_own_images() {
        let options = Options { threads: 2, ..Options::default() };
        for (lens, axis, block) in [
            (vec![20_000, 20_000], 0, Some(vec![128, 128])),
            (vec![300, 300], 0, Some(vec![128, 128])),
            (vec![90, 90], 0, Some(vec![90, 90])),
            (vec![1500, 1500], 0, None),
            (vec![20_000, 20_000], 1, None),
        ] {
            let space = Shape::new(lens);
            let lattice = Lattice::new(&space, &[axis]);
            let tile = crate::lattice::inner_box(&[space[1 - axis]], crate::lattice::TILE_LEN / lattice.cell.size());
            let cut = turned_cut(&space, &lattice, &tile, &[1, 0].into_iter().collect(), 8, &options);
            assert_eq!(cut.map(|(_, block)| block.to_vec()), block, "{space} over {axis}");
        }
    }
}
