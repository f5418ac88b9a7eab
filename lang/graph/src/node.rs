//! What a graph is made of.

use crate::device::Device;
pub use cleave_ops::AxisPairs;
use cleave_ops::{Chunks, DType, Fill, Op, Shape, View};
use smallvec::SmallVec;

/// The place of a node in its graph. Inputs always have smaller ids than what is made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// The name of data that exists: a stored array, or blocks held in memory. The session knows which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u64);

/// One lazy array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// What it is made of.
    pub kind: NodeKind,
    /// Its shape.
    pub shape: Shape,
    /// Its element type.
    pub dtype: DType,
    /// How it is cut; never decides what is computed.
    pub chunks: Chunks,
}

/// What a lazy array is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum NodeKind {
    /// Values made from an index, seen through nothing: the node's shape is the rule's own.
    Fill(Fill),
    /// Data that exists.
    Load(SourceId),
    /// Elementwise; `loop_index` chooses among the operation's loops. Inputs have the node's shape and the
    /// loop's input dtypes: broadcasts and casts are nodes of their own.
    Map { op: &'static Op, loop_index: usize, inputs: SmallVec<[NodeId; 3]> },
    /// The input's elements in the node's dtype, as `astype` converts them.
    Cast(NodeId),
    /// A reduction over `axes` (ascending), which the node's shape no longer has.
    Fold { op: &'static Op, loop_index: usize, input: NodeId, axes: SmallVec<[usize; 4]>, ddof: Ddof },
    /// Running values along `axis`, in blocks of [`SCAN_LEN`] anchored at index 0. Block `b > 0` begins with element
    /// `b - 1` of `before` along the axis: the totals of all blocks up to there; `None` where there is one block.
    Scan { op: &'static Op, loop_index: usize, input: NodeId, axis: usize, before: Option<NodeId> },
    /// Sums of products over paired axes: the result's axes are the left ones of `batch`, then the other axes of
    /// `left`, then those of `right`. Inputs have the loop's dtype.
    Contract { op: &'static Op, loop_index: usize, left: NodeId, right: NodeId, batch: AxisPairs, summed: AxisPairs },
    /// The input seen through a view.
    View { input: NodeId, view: View },
    /// The input, cut differently.
    Rechunk(NodeId),
    /// The input, put on a device; plans have none of these.
    Place(NodeId, Device),
    /// `base`, but `patch` where `place` says: element `i` of `patch` stands at base index `place` of `i`.
    /// `place` is a view with the patch's shape and one source axis for each axis of the base; it is injective.
    Overlay { base: NodeId, patch: NodeId, place: View },
}

/// The length of a block of running values along the axis.
pub const SCAN_LEN: usize = 256;

/// Degrees of freedom, hashable by its bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ddof(pub f64);

impl PartialEq for Ddof {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Ddof {}

impl std::hash::Hash for Ddof {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl NodeKind {
    /// The nodes it is made of.
    pub fn inputs(&self) -> SmallVec<[NodeId; 3]> {
        match self {
            NodeKind::Fill(_) | NodeKind::Load(_) => SmallVec::new(),
            NodeKind::Map { inputs, .. } => inputs.clone(),
            NodeKind::Cast(input) | NodeKind::Rechunk(input) | NodeKind::Place(input, _) => {
                SmallVec::from_slice(&[*input])
            }
            NodeKind::Fold { input, .. } | NodeKind::View { input, .. } => SmallVec::from_slice(&[*input]),
            NodeKind::Overlay { base, patch, .. } => SmallVec::from_slice(&[*base, *patch]),
            NodeKind::Scan { input, before, .. } => [*input].into_iter().chain(*before).collect(),
            NodeKind::Contract { left, right, .. } => SmallVec::from_slice(&[*left, *right]),
        }
    }

    /// The same kind over other inputs, in the order of [`NodeKind::inputs`].
    pub fn with_inputs(&self, new: &[NodeId]) -> NodeKind {
        let mut kind = self.clone();
        match &mut kind {
            NodeKind::Fill(_) | NodeKind::Load(_) => {}
            NodeKind::Map { inputs, .. } => inputs.copy_from_slice(new),
            NodeKind::Cast(input) | NodeKind::Rechunk(input) | NodeKind::Place(input, _) => *input = new[0],
            NodeKind::Fold { input, .. } | NodeKind::View { input, .. } => *input = new[0],
            NodeKind::Overlay { base, patch, .. } => (*base, *patch) = (new[0], new[1]),
            NodeKind::Scan { input, before, .. } => {
                *input = new[0];
                *before = new.get(1).copied();
            }
            NodeKind::Contract { left, right, .. } => (*left, *right) = (new[0], new[1]),
        }
        kind
    }
}

impl Node {
    /// Bytes of all elements.
    pub fn nbytes(&self) -> u128 {
        self.shape.iter().map(|&n| n as u128).product::<u128>() * self.dtype.size() as u128
    }
}
