//! How much of a worker's memory tasks at work take; the rest is for blocks that stay.

use crate::items;
use cleave_cpu::Share;
use cleave_plan::memory::task_bytes;
use cleave_plan::{Need, Plan, Work};
use std::fmt;

/// The code of a share that leaves more than there is memory for.
pub(super) const TOO_LARGE: &str = "share-too-large";

/// What each stage may use here.
pub(super) struct Room {
    stages: Vec<Use>,
    /// Bytes of tasks at work and of decoded blocks.
    pub(super) work_bytes: u64,
    /// Bytes of this worker.
    all_bytes: u64,
}

/// So many tasks of a share leave more than there is memory for.
#[derive(Debug)]
pub(super) struct TooLarge(pub(super) usize);

/// A task that this worker cannot do at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom {
    stage: usize,
    needed: u64,
    all_bytes: u64,
}

/// What the tasks of a stage may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) workers: usize,
    pub(super) cache_bytes: u64,
    /// Bytes of all that.
    pub(super) bytes: u64,
}

impl Room {
    /// For a plan made for `all` threads, on a machine with `own` of them and `all_bytes` of memory, of which the plan
    /// counts on `memory_bytes`. The plan's numbers hold for the pool as one machine; here there are no more threads
    /// at work than have room, but always one.
    pub(super) fn of(
        plan: &Plan,
        (memory_bytes, all_bytes): (u64, u64),
        (own, all): (usize, usize),
    ) -> Result<Self, NoRoom> {
        let part = |bytes: u64| (u128::from(bytes) * own as u128 / all.max(1) as u128) as u64;
        let of_stage = |(number, (stage, need)): (usize, (_, &Need))| {
            let task = task_bytes(stage, plan).max(1);
            if task > all_bytes {
                return Err(NoRoom { stage: number, needed: task, all_bytes });
            }
            let spare = memory_bytes.saturating_sub(part(need.bytes));
            let cache_bytes = cache_bytes(part(need.cache_bytes), spare).min(all_bytes - task);
            let most = (need.workers * own).div_ceil(all.max(1)).clamp(1, own.max(1));
            let fit = usize::try_from(memory_bytes.saturating_sub(cache_bytes) / task).unwrap_or(usize::MAX);
            let workers = most.min(fit).max(1);
            Ok(Use { workers, cache_bytes, bytes: task.saturating_mul(workers as u64).saturating_add(cache_bytes) })
        };
        let stages: Result<Vec<Use>, NoRoom> = plan.stages.iter().zip(&plan.needs).enumerate().map(of_stage).collect();
        let stages = stages?;
        let work_bytes = stages.iter().map(|s| s.bytes).max().unwrap_or(0);
        Ok(Self { stages, work_bytes, all_bytes })
    }

    /// Whether what a share leaves incomplete takes more memory than its work leaves.
    pub(super) fn lacks_memory(&self, plan: &Plan, share: &Share) -> bool {
        let work_bytes = self.stage(share.stage).map_or(0, |s| s.bytes);
        share.tasks.len() > 1 && parts_bytes(plan, share) > self.all_bytes.saturating_sub(work_bytes)
    }

    /// What a stage may use; `None` where there is no such stage.
    pub(super) fn stage(&self, number: usize) -> Option<Use> {
        self.stages.get(number).copied()
    }
}

/// The most bytes of the parts that a share leaves.
fn parts_bytes(plan: &Plan, share: &Share) -> u64 {
    let tasks = &share.tasks;
    let work = &plan.stages[share.stage].work;
    // How many tasks make a result together.
    let group = match work {
        Work::Fold(work) => work.spans,
        Work::Contract(work) => work.segments,
        Work::Store(_) | Work::Joint(_) => return 0,
    };
    let parts = |tasks: usize| match work {
        Work::Fold(work) => work.most_nodes(tasks),
        Work::Contract(_) | Work::Store(_) | Work::Joint(_) => tasks,
    };
    let of_box = |place: usize| {
        let whole = place * group..(place + 1) * group;
        let here = tasks.start.max(whole.start)..tasks.end.min(whole.end);
        let (columns, len) = items::columns(plan, share.stage, place).unwrap_or_default();
        let bytes: usize = columns.iter().flatten().map(|dtype| dtype.size() * len).sum();
        if here == whole { 0 } else { (bytes as u64).saturating_mul(parts(here.len()) as u64) }
    };
    // All boxes between the first and the last are whole.
    let (first, last) = (tasks.start / group.max(1), tasks.end.saturating_sub(1) / group.max(1));
    of_box(first).saturating_add(if last > first { of_box(last) } else { 0 })
}

/// Bytes for decoded blocks where so many are planned and others to spare: blocks in which the parts of two workers meet
/// are read by both, so there is room for as many again.
fn cache_bytes(planned: u64, spare: u64) -> u64 {
    planned.saturating_add(planned.min(spare / 2))
}

impl NoRoom {
    /// The stable code.
    pub(super) fn code(self) -> &'static str {
        "task-too-large"
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, needed, all_bytes } = self;
        write!(f, "a task of stage {} needs {needed} bytes of memory, and this worker has {all_bytes}", stage + 1)
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tasks leave more than there is memory for", self.0)
    }
}

impl std::error::Error for TooLarge {}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_graph::Graph;
    use cleave_graph::node::{Node, NodeKind};
    use cleave_ops::{Chunks, DType, Fill, Scalar, Shape};
    use cleave_plan::{Cut, Options, Output, plan};

    /// The plan of an array of ones, for a pool of so many threads.
    fn ones(threads: usize) -> Plan {
        let (mut graph, shape) = (Graph::new(), Shape::new([4000, 1000]));
        let chunks = Chunks::single(&shape);
        let kind = NodeKind::Fill(Fill::Const(Scalar::Float(1.0)));
        let node = graph.add(Node { kind, shape, dtype: DType::F64, chunks });
        let output = Output { node, cut: Cut::Engine, held: false };
        plan(&graph, &[output], &Options { threads, ..Options::default() }).expect("ones can be planned")
    }

    #[test]
    fn work_and_what_stays_share_the_memory() {
        let plan = ones(8);
        let task = task_bytes(&plan.stages[0], &plan);
        let room = Room::of(&plan, (10 * task, 10 * task), (4, 8)).expect("there is room");
        assert_eq!(room.stage(0).map(|s| s.workers), Some(4));
        assert_eq!((room.work_bytes, room.all_bytes), (4 * task, 10 * task));
        assert_eq!(room.stage(1), None);
    }

    #[test]
    fn what_a_plan_leaves_holds_blocks_that_two_workers_read() {
        for (planned, spare, expected) in
            [(0, 100, 0), (10, 100, 20), (10, 8, 14), (10, 0, 10), (u64::MAX, 9, u64::MAX)]
        {
            assert_eq!(cache_bytes(planned, spare), expected, "{planned} and {spare} to spare");
        }
    }

    #[test]
    fn fewer_threads_work_where_there_is_little_memory() {
        let plan = ones(8);
        let task = task_bytes(&plan.stages[0], &plan);
        let workers =
            |memory: u64| Room::of(&plan, (memory, task), (4, 8)).map(|room| room.stage(0).map(|s| s.workers));
        assert_eq!(workers(2 * task + 1), Ok(Some(2)));
        assert_eq!(workers(task / 2), Ok(Some(1)));
        let none = Room::of(&plan, (task, task - 1), (4, 8)).map(|_| ()).expect_err("no task fits");
        assert_eq!((none.code(), none.needed), ("task-too-large", task));
    }
}
