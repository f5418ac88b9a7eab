//! Values that are made for a block of a pass at a time, and which part of them a block needs.
//!
//! A node that a pass reads through several views that differ by shifts alone (a stencil, a window) would be
//! computed once for each. Instead it is computed once for the hull of what a block of tiles reads, into memory
//! that stays in the cache, and read from there. So are running values, which need their neighbours.

use crate::program::{Local, Making, Program};
use crate::progression::{Placed, place_patch};
use crate::rolling::COLUMNS;
use cleave_graph::{Graph, NodeId, NodeKind, SCAN_LEN};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Class, Fill, Region, Shape, View};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashSet};

/// How a block lies: a block of doubles is 1 MiB.
const PLAIN: Blocking = Blocking { rows: 128, columns: 1024, rolls: false, running: 0 };
/// The same where there are running values: whole blocks of theirs, or they would be made twice.
const SCANS: Blocking = Blocking { rows: SCAN_LEN, columns: 2048, ..PLAIN };
/// The same where they run along rows.
const ROW_SCANS: Blocking = Blocking { rows: 32, ..SCANS };

/// Rows in which a row of running values is made that are carried: the rows at hand, a cell of the block's total, and
/// the states and totals of the blocks above.
const CARRIED_ROWS: usize = 48;

/// How a space is cut into blocks whose locals stay in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// The length of a block on the second last axis.
    pub rows: usize,
    /// The length of a block on the last axis.
    pub columns: usize,
    /// Whether what is made for a block is kept for the one below.
    pub rolls: bool,
    /// The axes along which running values go, a bit each: whole blocks of theirs, or they would be made twice.
    pub running: u64,
}

impl Blocking {
    /// The most elements of a block.
    pub fn block_len(self) -> usize {
        self.rows * self.columns
    }

    /// The lengths of a block of a space of those lengths.
    pub fn block_shape(self, lens: &Shape) -> Shape {
        let ndim = lens.ndim();
        let (mut sides, mut room) = (SmallVec::<[usize; 4]>::from_elem(1, ndim), self.block_len());
        let (running, free): (Axes, Axes) = (0..ndim).rev().partition(|&axis| self.runs_across(axis, ndim));
        for &axis in &running {
            sides[axis] = lens[axis].clamp(1, SCAN_LEN);
            room = (room / sides[axis]).max(1);
        }
        for axis in free {
            let is_row = axis + 1 == ndim && ndim > 1 && lens[axis - 1] > 1;
            let most = match axis + 2 {
                second_last if self.rolls && second_last == ndim => self.rows,
                outer if self.rolls && outer < ndim => 1,
                _ if is_row => self.columns,
                _ => room,
            };
            sides[axis] = lens[axis].min(most).min(room).max(1);
            room = (room / sides[axis]).max(1);
        }
        for axis in running {
            let longer = lens[axis].min(sides[axis] * room).max(1);
            room = (room * sides[axis] / longer).max(1);
            sides[axis] = longer;
        }
        Shape::new(sides)
    }

    /// Whether running values go along an axis that needs room of its own: rows have it, and so has what rolls.
    fn runs_across(self, axis: usize, ndim: usize) -> bool {
        !self.rolls && axis + 1 < ndim && self.running >> axis & 1 == 1
    }

    /// The lengths of a strip of it: the blocks that lie below each other.
    pub fn strip_shape(self, lens: &Shape) -> Shape {
        let block = self.block_shape(lens);
        if self.rolls { block.with(lens.ndim() - 2, lens[lens.ndim() - 2].max(1)) } else { block }
    }
}

/// Axes of a space.
type Axes = SmallVec<[usize; 4]>;

/// A node that is made block by block, for those views of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) node: NodeId,
    pub(crate) views: Vec<View>,
}

/// Which nodes below `wants` are to be made block by block, inputs first. `stops` says which are not computed
/// here at all.
pub(crate) fn find(graph: &Graph, wants: &[(NodeId, View)], stops: impl Fn(NodeId) -> bool) -> Vec<Found> {
    let mut seen: BTreeMap<NodeId, Views> = BTreeMap::new();
    let mut found = Vec::new();
    for (node, view) in wants {
        seen.entry(*node).or_default().add(view.clone());
    }
    while let Some((node, views)) = seen.pop_last() {
        if stops(node) {
            continue;
        }
        for (views, is_made) in groups(graph, node, views.list) {
            let handed = if is_made { vec![View::identity(&graph[node].shape)] } else { views.clone() };
            handed.iter().for_each(|view| hand_on(graph, node, view, &mut seen));
            if is_made {
                found.push(Found { node, views });
            }
        }
    }
    found.reverse();
    found
}

/// Views in the order in which they came, each once.
#[derive(Default)]
pub(crate) struct Views {
    pub(crate) list: Vec<View>,
    known: HashSet<View>,
}

impl Views {
    pub(crate) fn add(&mut self, view: View) {
        if self.known.insert(view.clone()) {
            self.list.push(view);
        }
    }
}

/// Notes what the inputs of a node are wanted through where it is wanted through `view`. A patch that covers but a
/// part has a program of its own.
pub(crate) fn hand_on(graph: &Graph, node: NodeId, view: &View, seen: &mut BTreeMap<NodeId, Views>) {
    let mut note = |input: NodeId, view: View| seen.entry(input).or_default().add(view);
    match &graph[node].kind {
        NodeKind::Fill(_) | NodeKind::Load(_) | NodeKind::Fold { .. } | NodeKind::Contract { .. } => {}
        NodeKind::View { input, view: inner } => note(*input, view.of(inner)),
        NodeKind::Overlay { base, patch, place } => match place_patch(view, place) {
            Ok(Placed::Everywhere(seen)) => note(*patch, seen),
            Ok(Placed::Nowhere | Placed::At(..)) | Err(_) => note(*base, view.clone()),
        },
        NodeKind::Scan { input, .. } => note(*input, view.clone()),
        NodeKind::Map { .. } | NodeKind::Cast(_) | NodeKind::Rechunk(_) | NodeKind::Place(..) => {
            graph[node].kind.inputs().iter().for_each(|&i| note(i, view.clone()));
        }
    }
}

/// The views in groups that differ by shifts alone, and whether the node is made block by block for each.
fn groups(graph: &Graph, node: NodeId, views: Vec<View>) -> Vec<(Vec<View>, bool)> {
    let kind = &graph[node].kind;
    let mut groups: Vec<Vec<View>> = Vec::new();
    for view in views {
        match groups.iter_mut().find(|g| is_shift(&g[0], &view)) {
            Some(group) => group.push(view),
            None => groups.push(vec![view]),
        }
    }
    let needs_neighbours = matches!(kind, NodeKind::Scan { .. });
    let made = |group: Vec<View>| match group {
        group if needs_neighbours && !is_near(&group) => group.into_iter().map(|v| (vec![v], true)).collect(),
        group if needs_neighbours || cannot_be_placed(kind, &group) => vec![(group, true)],
        group if is_random(kind) && runs_across(&group[0]) => vec![(group, true)],
        group => {
            let is_shared = group.len() > 1 && is_costly(graph, node, group.len()) && is_near(&group);
            let is_made = is_shared || is_computed(kind) && repeats(&group[0]);
            vec![(group, is_made)]
        }
    };
    groups.into_iter().flat_map(made).collect::<Vec<_>>()
}

/// Whether all of a node's views differ by small shifts, so that blocks of it serve them all.
pub(crate) fn serves(views: &[View]) -> bool {
    views.len() > 1 && views.iter().all(|v| is_shift(&views[0], v)) && is_near(views)
}

/// Whether two views differ by where they begin, and perhaps by how far they go.
fn is_shift(a: &View, b: &View) -> bool {
    a.source.iter().zip(&b.source).all(|(a, b)| a.terms == b.terms)
}

/// Whether the hull of a block seen through all views is no more than the views read apart.
fn is_near(views: &[View]) -> bool {
    let ndim = views[0].source.len();
    let spread = |axis: usize| {
        let starts = views.iter().map(|v| v.source[axis].start);
        let (low, high) = starts.fold((i64::MAX, i64::MIN), |(l, h), s| (l.min(s), h.max(s)));
        (high - low) as f64
    };
    let side = |axis: usize| match ndim - axis {
        1 if ndim == 1 => PLAIN.block_len() as f64,
        1 => PLAIN.columns as f64,
        2 => PLAIN.rows as f64,
        _ => 1.0,
    };
    let growth: f64 = (0..ndim).map(|a| 1.0 + spread(a) / side(a)).product();
    growth < views.len().max(2) as f64
}

pub(crate) fn is_random(kind: &NodeKind) -> bool {
    matches!(kind, NodeKind::Fill(Fill::Random { .. }))
}

fn is_computed(kind: &NodeKind) -> bool {
    matches!(kind, NodeKind::Map { .. } | NodeKind::Cast(_) | NodeKind::Overlay { .. })
}

/// Whether each element of the source shows many times in the view.
fn repeats(view: &View) -> bool {
    (0..view.shape.ndim()).any(|axis| view.shape[axis] > 1 && !view.source.iter().any(|s| s.follows(axis)))
}

/// Whether neighbours in the source are no neighbours in the view: random numbers come in runs.
fn runs_across(view: &View) -> bool {
    let last = view.shape.ndim().saturating_sub(1);
    let along = view.source.last().and_then(SourceAxis::only);
    view.shape.get(last).is_some_and(|&len| len > 1) && along.is_some_and(|t| t.axis != last && t.step.abs() == 1)
}

/// Whether a patch shows in no box of a view's indices.
fn cannot_be_placed(kind: &NodeKind, views: &[View]) -> bool {
    let NodeKind::Overlay { place, .. } = kind else { return false };
    views.iter().any(|view| place_patch(view, place).is_err())
}

/// Whether computing a node `times` costs more than keeping it: all but one cheap operation on what is there.
pub(crate) fn is_costly(graph: &Graph, node: NodeId, times: usize) -> bool {
    let is_there = |input: &NodeId| matches!(graph[*input].kind, NodeKind::Load(_) | NodeKind::Fill(Fill::Const(_)));
    match &graph[node].kind {
        NodeKind::Overlay { .. } => true,
        kind if is_random(kind) => true,
        NodeKind::Map { op, inputs, .. } => {
            let is_heavy = matches!(&op.class, Class::Map(map) if map.weight > 1.0);
            is_heavy || times > 2 || !inputs.iter().all(is_there)
        }
        NodeKind::Cast(_) => times > 2,
        _ => false,
    }
}

impl Program {
    /// How its space is cut into blocks.
    pub fn blocking(&self) -> Blocking {
        match self {
            _ if self.has_locals() && self.rolls() => {
                Blocking { rows: self.rolling_rows(), columns: COLUMNS, rolls: true, running: 0 }
            }
            _ if self.scans_down() => Blocking { running: self.running_axes(), ..SCANS },
            _ if self.scans() => ROW_SCANS,
            _ => PLAIN,
        }
    }

    /// The lengths of a block of a space of those lengths.
    pub fn block_shape(&self, lens: &Shape) -> Shape {
        self.blocking().block_shape(lens)
    }

    /// Whether there are running values among what is made block by block.
    pub(crate) fn scans(&self) -> bool {
        let scans = |local: &Local| matches!(local.making, Making::Scan { .. }) || local.program.scans();
        self.locals.iter().any(scans) || self.patches().any(|(patch, _)| patch.scans())
    }

    /// Whether there are running values along another axis than the last.
    fn scans_down(&self) -> bool {
        let down = |local: &Local| {
            let ndim = local.program.space.ndim();
            matches!(local.making, Making::Scan { axis, .. } if axis + 1 < ndim) || local.program.scans_down()
        };
        self.locals.iter().any(down) || self.patches().any(|(patch, _)| patch.scans_down())
    }

    /// Whether tiles need values that are made for a block before.
    pub fn has_locals(&self) -> bool {
        !self.locals.is_empty() || self.patches().any(|(patch, _)| patch.has_locals())
    }

    /// The part of each local that a block of the space needs; `None` of those that it does not.
    pub fn local_regions(&self, block: &Region) -> Vec<Option<Region>> {
        self.local_regions_beyond(block, &|number, region| {
            let all = self.locals[number].making.widened(region);
            (all.clone(), all)
        })
    }

    /// The most bytes of all locals for a block of that shape, wherever it lies.
    pub fn local_bytes(&self, block: &Shape) -> u64 {
        if !self.has_locals() || block.is_empty_array() {
            return 0;
        }
        let regions = self.local_regions(&Region::whole(block));
        let rolls = self.blocking().rolls;
        let bytes = |local: &Local, region: Region| local.bytes(&region.len, rolls);
        let made = self.locals.iter().zip(regions).filter_map(|(local, region)| Some(bytes(local, region?)));
        made.chain(self.patch_bytes(block)).fold(0, u64::saturating_add)
    }

    /// Bytes of the locals of each patch, of which no more shows in a block than the block is long.
    fn patch_bytes(&self, block: &Shape) -> impl Iterator<Item = u64> {
        self.patches().map(|(patch, _)| {
            let shown = patch.space.iter().zip(block.iter()).map(|(len, most)| *len.min(most)).collect();
            patch.local_bytes(&shown)
        })
    }
}

impl Local {
    /// The most bytes that making a region of those lengths takes; `rolls` says whether rows stay for the block below.
    fn bytes(&self, lens: &Shape, rolls: bool) -> u64 {
        let (lens, elements) = match self.making {
            Making::Plain => (lens.clone(), lens.size()),
            // Row after row goes on from the one above.
            Making::Scan { .. } if rolls && self.is_carried() => {
                (lens.clone(), lens.size() + CARRIED_ROWS * lens.last().copied().unwrap_or(1))
            }
            // Running values may begin up to a block before what is wanted; what they are made of, a block of
            // them, and what lies before each block are there too.
            Making::Scan { axis, .. } => {
                let longest = (lens[axis] + SCAN_LEN - 1).min(self.program.space[axis]);
                let blocks = lens.with(axis, longest.div_ceil(SCAN_LEN));
                let lens = lens.with(axis, longest);
                let elements = 3 * lens.size() + blocks.size();
                (lens, elements)
            }
        };
        let own = (elements * self.dtype.size()) as u64;
        self.program.patch_bytes(&lens).fold(own, u64::saturating_add)
    }
}

impl Making {
    /// The region that must be made so that `wanted` is right.
    pub fn widened(&self, wanted: &Region) -> Region {
        let mut region = wanted.clone();
        if let Making::Scan { axis, before, .. } = self {
            let end = region.start[*axis] + region.len[*axis];
            // Without what lies before a block, all of it must be gone through.
            region.start[*axis] -= if before.is_some() { region.start[*axis] % SCAN_LEN } else { region.start[*axis] };
            region.len = region.len.with(*axis, end - region.start[*axis]);
        }
        region
    }
}

/// The hull of the source indices of a region, no length of which is 0.
pub fn image(view: &View, region: &Region) -> Region {
    let (mut start, mut len) = (SmallVec::<[usize; 4]>::new(), SmallVec::<[usize; 4]>::new());
    for s in &view.source {
        let (low, high) = s.range(&region.len);
        start.push((low + s.at(&region.start) - s.start) as usize);
        len.push((high - low + 1) as usize);
    }
    Region { start, len: Shape::new(len) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_holds_all_source_indices() {
        let view = View {
            shape: Shape::new([10, 7]),
            source: [SourceAxis::along(0, 3, 1).plus(1, 1), SourceAxis::along(1, 20, -2)].into_iter().collect(),
        };
        let region = Region { start: [2, 1].into_iter().collect(), len: Shape::new([3, 4]) };
        let hull = image(&view, &region);
        assert_eq!((hull.start.as_slice(), &hull.len), (&[6, 12][..], &Shape::new([6, 7])));
    }

    #[test]
    fn blocks_are_wide_and_bounded() {
        let block = |lens: &[usize]| Program::default().block_shape(&Shape::new(lens.iter().copied())).to_vec();
        assert_eq!(block(&[20_000, 20_000]), [128, 1024]);
        assert_eq!(block(&[1_000_000]), [1 << 17]);
        assert_eq!(block(&[50, 30, 40]), [50, 30, 40]);
        assert_eq!(block(&[5, 0]), [5, 1]);
    }

    #[test]
    fn far_shifts_are_not_near() {
        let shift = |by: i64| View {
            shape: Shape::new([9, 9]),
            source: [SourceAxis::along(0, by, 1), SourceAxis::whole(1)].into_iter().collect(),
        };
        assert!(serves(&[shift(0), shift(1)]));
        assert!(!serves(&[shift(0), shift(5000)]));
        assert!(!serves(&[shift(0)]));
    }
}
