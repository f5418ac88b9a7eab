//! Stages that read the same array directly and through a transpose: what a block of the space reads directly, the
//! block opposite reads through the transpose. Both blocks are done one after the other, so that what they read is
//! made, or fetched, once for both.

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
pub type Opposite = SmallVec<[usize; 4]>;

/// How a reduction goes through blocks and those opposite. Task grids and blocks are their own mirror images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The axes of the opposite place.
    pub axes: Opposite,
    /// Lengths of a block: it and its image hold whole cells of whole tiles.
    pub block: Shape,
    /// Locals that are each other's values at the opposite place.
    pub twins: Vec<(usize, usize)>,
}

/// A node that is seen through two views, each being the other one's at the opposite place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Twin {
    pub(crate) node: NodeId,
    pub(crate) views: [View; 2],
}

impl Mirror {
    /// The index opposite to one of blocks, tasks or elements.
    pub fn index(&self, index: &[usize]) -> SmallVec<[usize; 4]> {
        self.axes.iter().map(|&axis| index[axis]).collect()
    }

    /// The opposite region.
    pub fn region(&self, region: &Region) -> Region {
        Region { start: self.index(&region.start), len: Shape::new(self.index(&region.len)) }
    }
}

/// Whether any step of a program goes through memory in another order than its space.
pub(crate) fn reads_turned(program: &Program) -> bool {
    let mut found = false;
    program.each_step(&mut |_, step| {
        if let Action::Load { view, .. } | Action::Fill { view, .. } = &step.action {
            let axes = view.source.iter().filter_map(|s| s.only()).map(|term| term.axis);
            found |= !axes.is_sorted();
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
            && let Some(axes) = opposite(a, b)
            && place.as_ref().is_none_or(|place| *place == axes)
            && (held(node) || is_worth(graph, node))
        {
            place = Some(axes);
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

/// Whether reading or making a node for two places apart costs more than keeping it for both.
fn is_worth(graph: &Graph, node: NodeId) -> bool {
    match &graph[node].kind {
        NodeKind::Load(_) => true,
        NodeKind::Overlay { .. } => false,
        kind => is_random(kind) || is_costly(graph, node, 2),
    }
}

/// The place from which one view shows what the other one shows here, if axes change places and nothing else.
fn opposite(a: &View, b: &View) -> Option<Opposite> {
    let mut axes: Opposite = (0..a.shape.ndim()).collect();
    let mut known = vec![false; axes.len()];
    for (a, b) in a.source.iter().zip(&b.source) {
        let (from, to) = (a.only()?, b.only()?);
        if (a.start, from.step) != (b.start, to.step) || from.step.abs() != 1 {
            return None;
        }
        axes[from.axis] = to.axis;
        known[from.axis] = true;
    }
    let all_known = known.iter().zip(a.shape.iter()).all(|(known, len)| *known || *len == 1);
    let turns_back = |axis: usize| axes[axes[axis]] == axis && a.shape[axes[axis]] == a.shape[axis];
    let moves = axes.iter().enumerate().any(|(axis, &to)| axis != to);
    (all_known && moves && (0..axes.len()).all(turns_back)).then_some(axes)
}

/// Cuts a reduction so that tasks and blocks are their own mirror images; gives the lengths of a block too.
pub(crate) fn mirrored_cut(
    space: &Shape,
    lattice: &Lattice,
    kept_tile: &Shape,
    axes: &Opposite,
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
        let mirror = self.mirror.as_ref()?;
        let blocks = self.boxes.numblocks();
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(task % self.spans, mirror.axes.len());
        let kept = crate::stage::unravel(task / self.spans, &blocks);
        self.lattice.kept.iter().zip(kept).for_each(|(&axis, i)| index[axis] = i);
        let index = mirror.index(&index);
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
            opposite(&seen(lens, &all), &seen(lens, b)).map(|axes| axes.to_vec())
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
            let cut = mirrored_cut(&space, &lattice, &tile, &[1, 0].into_iter().collect(), 8, &options);
            assert_eq!(cut.map(|(_, block)| block.to_vec()), block, "{space} over {axis}");
        }
    }
}
