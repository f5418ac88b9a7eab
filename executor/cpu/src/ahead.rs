//! Large stored blocks are read before tasks begin: where another thread is reading what a task needs, the time until
//! it is there goes into blocks of later tasks.

use crate::apart::LARGE_BYTES;
use crate::cache::{Cache, Key, Stand};
use crate::share::Share;
use cleave_graph::SourceId;
use cleave_ops::AxisChunks;
use cleave_ops::view::SourceAxis;
use cleave_plan::{Action, Origin, Plan, RunError, Source, Sources, Stage, Work, reads};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many later tasks are looked at.
const LOOK_AHEAD: usize = 64;

/// What a share's tasks read in large blocks.
pub(crate) struct Ahead<'a> {
    plan: &'a Plan,
    share: &'a Share,
    sources: &'a Sources,
    cache: &'a Cache,
    /// The sources of such blocks of which a task reads all that lies between its first and its last element.
    ids: BTreeSet<SourceId>,
}

impl<'a> Ahead<'a> {
    /// `None` where there is nothing to read before.
    pub(crate) fn new(plan: &'a Plan, share: &'a Share, sources: &'a Sources, cache: &'a Cache) -> Option<Self> {
        let stage = &plan.stages[share.stage];
        if share.workers < 2 || matches!(stage.work, Work::Contract(_)) {
            return None;
        }
        let is_large = |id: &SourceId| {
            let source = sources.get(id).filter(|source| !source.is_resident() && !plan.staged.contains_key(id));
            source.is_some_and(|source| block_bytes(source) >= LARGE_BYTES as u64)
        };
        let ids: BTreeSet<SourceId> = whole_reads(stage)?.into_iter().filter(is_large).collect();
        (!ids.is_empty()).then_some(Self { plan, share, sources, cache, ids })
    }

    /// Reads what a task needs. While others read some of it, what those in `later` need is read, as long as there
    /// is room for all.
    pub(crate) fn read(&self, task: usize, later: impl Iterator<Item = usize>) -> Result<(), RunError> {
        let keys = self.keys(task);
        if !self.has_room(&keys) {
            return Ok(());
        }
        let mut later = later.take(LOOK_AHEAD).flat_map(|task| self.keys(task));
        // Others may take the room for what was read, so there is an end to it.
        for _ in 0..keys.len() + LOOK_AHEAD {
            if let Some(key) = keys.iter().find(|key| self.cache.stand(key) == Stand::Absent) {
                self.cache.fetch(key, &self.sources[&key.0])?;
            } else if keys.iter().all(|key| self.cache.stand(key) == Stand::There) {
                return Ok(());
            } else {
                let Some(key) = later.find(|key| self.cache.stand(key) == Stand::Absent) else { return Ok(()) };
                self.cache.fetch(&key, &self.sources[&key.0])?;
            }
        }
        Ok(())
    }

    fn keys(&self, task: usize) -> Vec<Key> {
        let found = reads(self.plan, self.share.stage, task..task + 1, self.sources);
        let of = |(origin, runs): (Origin, Vec<std::ops::Range<usize>>)| match origin {
            Origin::Stored(id) if self.ids.contains(&id) => {
                let grid = self.sources[&id].grid();
                runs.into_iter().flatten().map(|number| (id, grid.index(number).into_iter().collect())).collect()
            }
            Origin::Stored(_) | Origin::Buffer(_) | Origin::Local(_) => Vec::new(),
        };
        found.into_iter().flat_map(of).collect()
    }

    /// Whether every thread may have such blocks and one more.
    fn has_room(&self, keys: &[Key]) -> bool {
        let each = |id: &SourceId| block_bytes(&self.sources[id]) + self.sources[id].unpacking_bytes();
        let one_more = self.ids.iter().map(each).max().unwrap_or(0);
        let all = keys.iter().map(|key| each(&key.0)).sum::<u64>() + one_more;
        all.saturating_mul(self.share.workers as u64) <= self.share.cache_bytes
    }
}

fn block_bytes(source: &Arc<dyn Source>) -> u64 {
    let longest = source.grid().0.iter().map(AxisChunks::longest).product::<usize>();
    (longest * source.dtype().size()) as u64
}

/// The stored sources that a stage reads element by element; `None` where some are read otherwise.
fn whole_reads(stage: &Stage) -> Option<BTreeSet<SourceId>> {
    let is_plain = |s: &SourceAxis| s.terms.iter().all(|term| term.step.abs() == 1) && s.terms.len() <= 1;
    let mut found = BTreeSet::new();
    for step in &stage.program.steps {
        match &step.action {
            Action::Load { origin: Origin::Stored(id), view, .. } => {
                if !view.source.iter().all(is_plain) {
                    return None;
                }
                found.insert(*id);
            }
            Action::Overlay { .. } => return None,
            Action::Load { .. } | Action::Fill { .. } | Action::Map { .. } | Action::Cast { .. } => {}
        }
    }
    (!stage.program.has_locals()).then_some(found)
}
