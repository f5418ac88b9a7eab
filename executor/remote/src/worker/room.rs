//! How much of a worker's memory tasks at work take, and how much is left for blocks that stay.

use cleave_plan::Plan;
use cleave_plan::memory::task_bytes;

/// What each stage may use here, and what of the memory no stage needs for its work.
pub(super) struct Room {
    stages: Vec<Use>,
    /// Bytes of tasks at work and of decoded blocks.
    pub(super) work_bytes: u64,
    /// Bytes of blocks that stay.
    pub(super) kept_bytes: u64,
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
    /// For a plan made for `all` threads, on a machine with `own` of them and so much memory. The plan's numbers hold
    /// for the pool as one machine; here there are no more threads at work than have room.
    pub(super) fn of(plan: &Plan, memory_bytes: u64, (own, all): (usize, usize)) -> Self {
        let part = |bytes: u64| (u128::from(bytes) * own as u128 / all.max(1) as u128) as u64;
        let of_stage = |(stage, need): (_, &cleave_plan::Need)| {
            let (task, cache_bytes) = (task_bytes(stage, plan).max(1), part(need.cache_bytes));
            let most = (need.workers * own).div_ceil(all.max(1)).clamp(1, own.max(1));
            let fit = usize::try_from(memory_bytes.saturating_sub(cache_bytes) / task).unwrap_or(usize::MAX);
            let workers = most.min(fit).max(1);
            Use { workers, cache_bytes, bytes: task.saturating_mul(workers as u64).saturating_add(cache_bytes) }
        };
        let stages: Vec<Use> = plan.stages.iter().zip(&plan.needs).map(of_stage).collect();
        let work_bytes = stages.iter().map(|s| s.bytes).max().unwrap_or(0);
        Self { stages, work_bytes, kept_bytes: memory_bytes.saturating_sub(work_bytes) }
    }

    /// What a stage may use; `None` where there is no such stage.
    pub(super) fn stage(&self, number: usize) -> Option<Use> {
        self.stages.get(number).copied()
    }
}

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
        let room = Room::of(&plan, 10 * task, (4, 8));
        assert_eq!(room.stage(0).map(|s| s.workers), Some(4));
        assert_eq!((room.work_bytes, room.kept_bytes), (4 * task, 6 * task));
        assert_eq!(room.stage(1), None);
    }

    #[test]
    fn fewer_threads_work_where_there_is_little_memory() {
        let plan = ones(8);
        let task = task_bytes(&plan.stages[0], &plan);
        let workers = |memory: u64| Room::of(&plan, memory, (4, 8)).stage(0).map(|s| s.workers);
        assert_eq!(workers(2 * task + 1), Some(2));
        assert_eq!(workers(task / 2), Some(1));
        assert_eq!(Room::of(&plan, task / 2, (4, 8)).kept_bytes, 0);
    }
}
