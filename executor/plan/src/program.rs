//! What a stage does to one tile: a short list of steps, each writing one register.

use crate::progression::Progression;
use crate::stage::BufferId;
use cleave_graph::SourceId;
use cleave_ops::view::SourceAxis;
use cleave_ops::{DType, Fill, Op, Shape, View};
use smallvec::SmallVec;

/// A register: a buffer that holds a tile's elements. Several steps may use one in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// Straight-line code over the tiles of a space; register `s` holds elements of `slots[s]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Program {
    /// The indices it can be run for.
    pub space: Shape,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// The dtype of each register.
    pub slots: Vec<DType>,
    /// Where the values that were asked for stand after the last step.
    pub results: Vec<Slot>,
}

/// One step: the register it writes and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The register written; never one that the step reads.
    pub out: Slot,
    /// How its elements come about.
    pub action: Action,
}

/// How a register's elements come about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Action {
    /// From an index: element `i` of the space is the rule's value at `view` of `i` in an array of `shape`.
    Fill { fill: Fill, shape: Shape, view: View },
    /// From data that exists, of `shape`, seen through `view`.
    Load { origin: Origin, shape: Shape, view: View },
    /// Elementwise from other registers.
    Map { op: &'static Op, loop_index: usize, inputs: SmallVec<[Slot; 3]> },
    /// Another register's elements, converted.
    Cast { input: Slot },
    /// `base`, but the first result of `patch` at the points of `place`: index `q` of the patch's space stands
    /// at `place[axis]` of `q[axis]`, on each axis.
    Overlay { base: Slot, patch: Box<Program>, place: SmallVec<[Progression; 4]> },
}

/// Where data that exists is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// One of the session's sources.
    Stored(SourceId),
    /// What an earlier stage of the same plan left.
    Buffer(BufferId),
}

impl Action {
    /// Whether every element of every tile is the same, so that its register need be filled only once.
    pub fn is_constant(&self) -> bool {
        match self {
            Action::Fill { fill: Fill::Const(_), .. } => true,
            Action::Fill { view, .. } | Action::Load { view, .. } => view.source.iter().all(SourceAxis::is_fixed),
            Action::Map { .. } | Action::Cast { .. } | Action::Overlay { .. } => false,
        }
    }

    /// The registers of the same program that it reads.
    pub fn inputs(&self) -> SmallVec<[Slot; 3]> {
        match self {
            Action::Fill { .. } | Action::Load { .. } => SmallVec::new(),
            Action::Map { inputs, .. } => inputs.clone(),
            Action::Cast { input } => SmallVec::from_slice(&[*input]),
            Action::Overlay { base, .. } => SmallVec::from_slice(&[*base]),
        }
    }

    /// Arithmetic an element, in additions; for cutting work and for progress.
    pub fn weight(&self) -> f64 {
        match self {
            Action::Fill { .. } if self.is_constant() => 0.0,
            Action::Fill { fill: Fill::Random { .. }, .. } => 10.0,
            Action::Fill { .. } | Action::Load { .. } | Action::Cast { .. } => 1.0,
            Action::Map { op, .. } => op_weight(op),
            Action::Overlay { patch, place, .. } => 1.0 + patch.weight() * covered(place, patch),
        }
    }
}

fn op_weight(op: &Op) -> f64 {
    match &op.class {
        cleave_ops::Class::Map(map) => f64::from(map.weight),
        cleave_ops::Class::Fold(fold) => f64::from(fold.weight),
        cleave_ops::Class::Scan(scan) => f64::from(scan.weight),
        cleave_ops::Class::Contract(contract) => f64::from(contract.weight),
        cleave_ops::Class::Fill(_) | cleave_ops::Class::View(_) => 1.0,
    }
}

/// A patch counts in full: how much of the base it covers is not known here, and it covers no more than that.
fn covered(place: &[Progression], patch: &Program) -> f64 {
    if place.is_empty() || patch.space.is_empty_array() { 0.0 } else { 1.0 }
}

impl Program {
    /// Arithmetic an element, in additions.
    pub fn weight(&self) -> f64 {
        self.steps.iter().map(|s| s.action.weight()).sum()
    }

    /// Bytes of all registers for tiles of that many elements, nested programs included.
    pub fn register_bytes(&self, tile_len: usize) -> u64 {
        let own: u64 = self.slots.iter().map(|d| (d.size() * tile_len) as u64).sum();
        let nested = |step: &Step| match &step.action {
            Action::Overlay { patch, .. } => patch.register_bytes(tile_len),
            _ => 0,
        };
        own + self.steps.iter().map(nested).sum::<u64>()
    }

    /// Calls `visit` for every step, nested programs included.
    pub fn each_step(&self, visit: &mut dyn FnMut(&Program, &Step)) {
        for step in &self.steps {
            visit(self, step);
            if let Action::Overlay { patch, .. } = &step.action {
                patch.each_step(visit);
            }
        }
    }
}
