//! What a stage does to one tile: a short list of steps, each writing one register.

use crate::progression::Progression;
use crate::stage::BufferId;
use cleave_graph::SourceId;
use cleave_ops::fill::Law;
use cleave_ops::op::TwinLoop;
use cleave_ops::view::SourceAxis;
use cleave_ops::{Class, DType, Fill, Op, Shape, View};
use smallvec::SmallVec;

/// A register: a buffer that holds a tile's elements. Several steps may use one in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// Straight-line code over the tiles of a space; register `s` holds elements of `slots[s]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Program {
    /// The indices it can be run for.
    pub space: Shape,
    /// Values made for a block of the space before its tiles, each perhaps from earlier ones.
    pub locals: Vec<Local>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// The dtype of each register.
    pub slots: Vec<DType>,
    /// Where the values that were asked for stand after the last step.
    pub results: Vec<Slot>,
}

/// A value that is made for a block at a time; its indices are those of its program's space.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Local {
    /// What it is made from.
    pub program: Program,
    /// What becomes of the program's first result.
    pub making: Making,
    /// Its dtype.
    pub dtype: DType,
}

/// What becomes of a local's tiles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Making {
    /// They are kept as they are.
    Plain,
    /// Running values along `axis` in blocks of [`SCAN_LEN`](cleave_graph::SCAN_LEN); the first result of
    /// `before` says what lies before each block but the first. Where it is missing, that is carried from block to
    /// block.
    Scan { op: &'static Op, loop_index: usize, axis: usize, before: Option<Box<Program>> },
}

/// One step: the register it writes and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The register written; none that the step reads, except that a patch may be laid over its base itself.
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
    /// A value made for the block at hand, by its number.
    Local(u32),
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

    /// What would share work with it, if there is such a thing.
    pub fn twin(&self) -> Option<Action> {
        let Action::Map { op, loop_index, inputs } = self else { return None };
        let Class::Map(map) = &op.class else { return None };
        map.twin.as_ref().map(|t| Action::Map { op: t.op, loop_index: *loop_index, inputs: inputs.clone() })
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
            Action::Fill { fill: Fill::Random { law, .. }, .. } => draw_weight(law),
            Action::Fill { .. } | Action::Load { .. } | Action::Cast { .. } => 1.0,
            Action::Map { op, .. } => op.weight(),
            Action::Overlay { patch, place, .. } => 1.0 + patch.weight() * covered(place, patch),
        }
    }
}

/// What a draw of a law costs, in additions.
pub(crate) fn draw_weight(law: &Law) -> f64 {
    match law {
        Law::Normal { .. } => 11.0,
        Law::Uniform { .. } | Law::Integers { .. } => 4.5,
    }
}

/// A patch counts in full: how much of the base it covers is not known here, and it covers no more than that.
fn covered(place: &[Progression], patch: &Program) -> f64 {
    if place.is_empty() || patch.space.is_empty_array() { 0.0 } else { 1.0 }
}

impl Local {
    fn register_bytes(&self, tile_len: usize) -> u64 {
        let before = self.making.before().map_or(0, |before| before.register_bytes(tile_len));
        self.program.register_bytes(tile_len) + before
    }
}

impl Making {
    /// The program that gives what lies before each block of running values.
    pub fn before(&self) -> Option<&Program> {
        match self {
            Making::Scan { before, .. } => before.as_deref(),
            Making::Plain => None,
        }
    }

    fn weight(&self) -> f64 {
        match self {
            Making::Plain => 1.0,
            Making::Scan { op, .. } => 1.0 + op.weight(),
        }
    }
}

impl Program {
    /// The programs of patches laid by its steps, and where.
    pub fn patches(&self) -> impl Iterator<Item = (&Program, &[Progression])> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Overlay { patch, place, .. } => Some((patch.as_ref(), place.as_slice())),
            _ => None,
        })
    }

    /// For each step the loop that does it and the next one at once, if they share work; no step belongs to two.
    pub fn twin_loops(&self) -> Vec<Option<TwinLoop>> {
        let mut loops: Vec<Option<TwinLoop>> = Vec::with_capacity(self.steps.len());
        for step in 0..self.steps.len() {
            let is_second = loops.last().is_some_and(Option::is_some);
            loops.push(self.twins(step).filter(|_| !is_second));
        }
        loops
    }

    /// The loop that does a step and the next one at once, if they share work.
    fn twins(&self, step: usize) -> Option<TwinLoop> {
        let [first, second] = self.steps.get(step..step + 2)? else { return None };
        match (&first.action, &second.action) {
            (Action::Map { op, loop_index, .. }, Action::Map { op: other, .. })
                if first.action.twin().as_ref() == Some(&second.action) && first.out != second.out =>
            {
                op.twin_loop(other, *loop_index)
            }
            _ => None,
        }
    }

    /// Arithmetic an element, in additions.
    pub fn weight(&self) -> f64 {
        let locals = self.locals.iter().map(|l| l.program.weight() + l.making.weight());
        locals.sum::<f64>() + self.steps.iter().map(|s| s.action.weight()).sum::<f64>()
    }

    /// Bytes of all registers for tiles of that many elements, nested programs included.
    pub fn register_bytes(&self, tile_len: usize) -> u64 {
        let own: u64 = self.slots.iter().map(|d| (d.size() * tile_len) as u64).sum();
        let nested = |step: &Step| match &step.action {
            Action::Overlay { patch, .. } => patch.register_bytes(tile_len),
            _ => 0,
        };
        let locals = self.locals.iter().map(|l| l.register_bytes(tile_len));
        own + self.steps.iter().map(nested).sum::<u64>() + locals.sum::<u64>()
    }

    /// Calls `visit` for every step, nested programs included.
    pub fn each_step(&self, visit: &mut dyn FnMut(&Program, &Step)) {
        for local in &self.locals {
            local.program.each_step(visit);
            local.making.before().iter().for_each(|before| before.each_step(visit));
        }
        for step in &self.steps {
            visit(self, step);
            if let Action::Overlay { patch, .. } = &step.action {
                patch.each_step(visit);
            }
        }
    }
}
