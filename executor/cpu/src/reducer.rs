//! What one thread needs for the tasks of a reduction: cells as they come, or with what lies opposite.

use crate::fold::Folder;
use crate::halved::Halved;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::mirrored::Mirrored;
use crate::tree::{Node, Partial};
use crate::watch::Watch;
use cleave_plan::{Facing, FoldWork, RunError};
use smallvec::{SmallVec, smallvec};
use std::ops::Range;
use std::sync::Arc;

/// How a reduction's tasks are done.
pub(crate) enum Reducer<'a> {
    Plain(&'a FoldWork, Folder<'a>),
    Turned(&'a FoldWork, Box<Mirrored<'a>>),
    Halved(Halved<'a>),
}

/// Nodes of the tree over what tasks leave, with their states.
type Nodes = SmallVec<[(Node, Partial); 2]>;

impl<'a> Reducer<'a> {
    pub(crate) fn new(work: &'a FoldWork, machine: &mut Machine<'a>) -> Self {
        match work.mirror.as_ref().map(|mirror| (mirror, &mirror.facing)) {
            None => Self::Plain(work, Folder::new(work, machine)),
            Some((mirror, Facing::Turned(axes))) => {
                Self::Turned(work, Box::new(Mirrored::new(work, (mirror, axes), machine)))
            }
            Some((mirror, Facing::Halves(halves))) => Self::Halved(Halved::new(work, (mirror, halves), machine)),
        }
    }

    /// What a task of a share leaves. The first of two opposite tasks does both, where the share has both.
    pub(crate) fn task(
        &mut self,
        (task, share): (usize, &Range<usize>),
        machine: &mut Machine<'_>,
        watch: &Watch<'_>,
        ledger: &Arc<Ledger>,
    ) -> Result<Nodes, RunError> {
        match self {
            Self::Plain(work, folder) => Ok(smallvec![(leaf(work, task), folder.task(task, machine, watch, ledger)?)]),
            Self::Turned(work, mirrored) => {
                let opposite = work.opposite(task).filter(|other| share.contains(other));
                if opposite.is_some_and(|other| other < task) {
                    return Ok(Nodes::new());
                }
                let done = mirrored.task((task, opposite), machine, watch, ledger)?;
                Ok(done.into_iter().map(|(task, partial)| (leaf(work, task), partial)).collect())
            }
            Self::Halved(halved) => {
                let done = halved.task(task, machine, watch, ledger)?;
                Ok(done.into_iter().map(|((level, number), partial)| ((0, level, number), partial)).collect())
            }
        }
    }
}

/// The node of what a task leaves of one kept box.
pub(crate) fn leaf(work: &FoldWork, task: usize) -> Node {
    (task / work.spans, 0, task % work.spans)
}
