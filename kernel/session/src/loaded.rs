//! Data that graphs load, for as long as an array needs it.

use crate::cluster::Places;
use cleave_graph::{Graph, NodeId, NodeKind, SourceId};
use cleave_plan::{Source, Sources};
use cleave_remote::spec::StoredPlace;
use std::collections::HashSet;
use std::sync::Arc;

/// The data of a session.
#[derive(Default)]
pub(crate) struct Loaded {
    /// All of it, by the names that graphs know.
    pub(crate) sources: Sources,
    /// What was computed to be seen, not to be kept in chunks.
    pub(crate) values: HashSet<SourceId>,
    /// Where workers find stored arrays.
    pub(crate) places: Places,
    last: u64,
    /// Those up to this one were there before the cell and are there again if it fails.
    before_cell: u64,
    /// Those up to this one were looked at by the last sweep.
    swept: u64,
    /// Whether names went since then, how many nodes it looked at, and how many may be looked at now.
    names_went: bool,
    looked_at: usize,
    credit: usize,
}

/// So many nodes may be looked at for each statement on average where nothing was made, but names went.
const NODES_A_STATEMENT: usize = 1024;

impl Loaded {
    /// Gives data a name that graphs can load.
    pub(crate) fn add(&mut self, source: Arc<dyn Source>) -> SourceId {
        self.last += 1;
        let id = SourceId(self.last);
        self.sources.insert(id, source);
        id
    }

    /// The same for what was computed to be seen.
    pub(crate) fn add_values(&mut self, source: Arc<dyn Source>) -> SourceId {
        let id = self.add(source);
        self.values.insert(id);
        id
    }

    /// The same for what is stored where workers may find it.
    pub(crate) fn add_stored(&mut self, source: Arc<dyn Source>, place: StoredPlace) -> SourceId {
        let id = self.add(source);
        self.places.insert(id, place);
        id
    }

    /// A cell begins.
    pub(crate) fn begin_cell(&mut self) {
        self.before_cell = self.last;
    }

    /// Some of what the cell has made may have lost its name.
    pub(crate) fn names_went(&mut self) {
        self.names_went = true;
    }

    /// Forgets data the cell has made that no named array needs any more.
    pub(crate) fn forget_unnamed(&mut self, graph: &Graph, named: &dyn Fn() -> Vec<NodeId>) {
        if !self.is_worth_looking() {
            return;
        }
        let (mut open, mut seen, mut live) = (named(), HashSet::new(), HashSet::new());
        while let Some(node) = open.pop() {
            if seen.insert(node) {
                open.extend(graph[node].kind.inputs());
                live.extend(loads(&graph[node].kind));
            }
        }
        let before = self.before_cell;
        self.sources.retain(|id, _| id.0 <= before || live.contains(id));
        (self.swept, self.names_went, self.looked_at, self.credit) = (self.last, false, seen.len(), 0);
    }

    /// Whether something was made since the last sweep; or names went, the cell has made something, and a sweep takes
    /// no longer than the statements since the last one.
    fn is_worth_looking(&mut self) -> bool {
        self.credit = self.credit.saturating_add(NODES_A_STATEMENT);
        let is_cheap = self.credit >= self.looked_at;
        self.swept != self.last || self.names_went && self.last > self.before_cell && is_cheap
    }

    /// Forgets the data that no array of the graph loads.
    pub(crate) fn sweep(&mut self, graph: &Graph) {
        let live: HashSet<SourceId> = graph.iter().filter_map(|(_, node)| loads(&node.kind)).collect();
        self.sources.retain(|id, _| live.contains(id));
        self.values.retain(|id| live.contains(id));
        self.places.retain(|id, _| live.contains(id));
    }
}

fn loads(kind: &NodeKind) -> Option<SourceId> {
    match kind {
        NodeKind::Load(id) => Some(*id),
        _ => None,
    }
}
