//! Tasks of a stage as launches: which elements each visits, what it reads and what it leaves.

use crate::emit::{FoldKernel, Grid, Join, Kernel, Kernels, Nodes, Placed, StoreKernel};
use cleave_ops::{DType, Region};
use cleave_plan::stage::block_region;
use cleave_plan::{FoldWork, JointWork, Stage, Work};
use std::ops::Range;

/// Fewer nodes of a reduction than these leave a card idle, so that they are made smaller.
const WANTED_NODES: usize = 1 << 14;
/// A launch makes fewer nodes than these.
const MOST_NODES: usize = 1 << 31;
const NO_PIECES: &str = "products have pieces of their own";
/// Kernels number superboxes, and cells of an axis, with 32 bits.
const MOST_NUMBERS: usize = 1 << 32;

/// Tasks that are done together.
pub(crate) struct Piece {
    /// The tasks.
    pub(crate) tasks: Range<usize>,
    /// What does them; none where there is nothing to do.
    pub(crate) launches: Vec<Launch>,
}

/// One launch.
pub(crate) struct Launch {
    /// The elements it visits.
    pub(crate) region: Region,
    /// What it makes of them.
    pub(crate) making: Making,
}

/// What a launch makes.
pub(crate) enum Making {
    /// Its region's elements.
    Block,
    /// Nodes of one of the stage's reductions, for these tasks of it.
    Nodes {
        /// Which reduction.
        fold: usize,
        /// Its tasks, all of one kept box.
        tasks: Range<usize>,
        /// The nodes.
        nodes: Nodes,
        /// Superboxes of a task.
        span: usize,
    },
}

/// The pieces of a range of tasks.
pub(crate) fn pieces(stage: &Stage, kernels: &Kernels, tasks: Range<usize>) -> Vec<Piece> {
    match (&stage.work, kernels) {
        (Work::Store(work), _) => {
            let one = |task: usize| {
                let region = block_region(&work.boxes, task);
                Piece { tasks: task..task + 1, launches: vec![Launch { region, making: Making::Block }] }
            };
            tasks.map(one).collect()
        }
        (Work::Fold(work), Kernels::Folds(folds)) => of_reduction(work, stage, &folds[0], tasks),
        (Work::Joint(work), Kernels::Folds(folds)) => tasks.map(|task| of_joint(work, stage, folds, task)).collect(),
        (Work::Fold(_) | Work::Joint(_), Kernels::Store(_) | Kernels::Product(_)) | (Work::Contract(_), _) => vec![],
    }
}

/// Neighbouring tasks of one kept box are one launch.
fn of_reduction(work: &FoldWork, stage: &Stage, kernel: &FoldKernel, tasks: Range<usize>) -> Vec<Piece> {
    let (mut found, mut first) = (vec![], tasks.start);
    while first < tasks.end {
        let end = tasks.end.min((first / work.spans + 1) * work.spans);
        let launches = vec![reduction(work, stage, kernel, (0, first..end))];
        found.push(Piece { tasks: first..end, launches });
        first = end;
    }
    found
}

fn of_joint(work: &JointWork, stage: &Stage, kernels: &[FoldKernel], task: usize) -> Piece {
    let each = work.folds.iter().zip(kernels).enumerate().map(|(number, (fold, kernel))| {
        let task = work.fold_task(fold, task);
        reduction(fold, stage, kernel, (number, task..task + 1))
    });
    Piece { tasks: task..task + 1, launches: each.collect() }
}

/// The launch of neighbouring tasks of one kept box.
fn reduction(work: &FoldWork, stage: &Stage, kernel: &FoldKernel, (fold, tasks): (usize, Range<usize>)) -> Launch {
    let last = tasks.end - 1;
    // With several reduced axes the elements of tasks in between lie beside those of the first and the last.
    let regions = tasks.clone().map(|task| work.task_region(task, &stage.space));
    let region = regions.reduce(|a, b| a.hull(&b)).expect("a launch has tasks");
    let superboxes = work.superboxes(tasks.start).start..work.superboxes(last).end;
    let mut nodes = Nodes { kept: work.kept_region(tasks.start), superboxes, run: kernel.most_run };
    while nodes.run > 1 && kernel.nodes(&nodes) < WANTED_NODES {
        nodes.run /= 2;
    }
    Launch { region, making: Making::Nodes { fold, tasks, nodes, span: work.span } }
}

impl Launch {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.region.len.is_empty_array()
    }

    /// The elements for which it reads something.
    pub(crate) fn reads(&self, kernels: &Kernels) -> Region {
        match kernels {
            Kernels::Store(store) => store.reads(&self.region),
            Kernels::Folds(_) | Kernels::Product(_) => self.region.clone(),
        }
    }

    /// Whether the card can number what it makes.
    pub(crate) fn is_countable(&self, kernels: &Kernels) -> bool {
        match (&self.making, kernels) {
            (Making::Nodes { fold, nodes, .. }, Kernels::Folds(folds)) => {
                let cells = &folds[*fold].lattice.cells;
                let are_words = nodes.superboxes.end < MOST_NUMBERS && cells.iter().all(|&count| count < MOST_NUMBERS);
                are_words && folds[*fold].nodes(nodes) < MOST_NODES
            }
            (Making::Block | Making::Nodes { .. }, _) => true,
        }
    }

    /// The kernel.
    pub(crate) fn kernel<'k>(&self, kernels: &'k Kernels) -> &'k Kernel {
        match (kernels, &self.making) {
            (Kernels::Folds(folds), Making::Nodes { fold, .. }) => &folds[*fold].kernel,
            (Kernels::Folds(folds), Making::Block) => &folds[0].kernel,
            (Kernels::Product(_), _) => unreachable!("{NO_PIECES}"),
            (Kernels::Store(store), _) => &store.kernel,
        }
    }

    /// The dtypes and lengths of what its kernel makes.
    pub(crate) fn makes(&self, kernels: &Kernels) -> Vec<(DType, usize)> {
        match (kernels, &self.making) {
            (Kernels::Folds(folds), Making::Nodes { fold, nodes, .. }) => {
                let count = folds[*fold].nodes(nodes);
                folds[*fold].states.iter().flatten().map(|&dtype| (dtype, count)).collect()
            }
            (Kernels::Store(store), _) => store.goals.iter().map(|&dtype| (dtype, self.region.size())).collect(),
            (Kernels::Folds(_), Making::Block) | (Kernels::Product(_), _) => vec![],
        }
    }

    /// The launches that join the nodes that it makes, each with its kernel.
    pub(crate) fn joins<'k>(&self, kernels: &'k Kernels) -> Vec<(&'k Kernel, Join)> {
        match (kernels, &self.making) {
            (Kernels::Folds(folds), Making::Nodes { fold, nodes, span, .. }) => {
                let of = &folds[*fold];
                of.joins(nodes, *span).into_iter().map(|join| (of.joiner(&join), join)).collect()
            }
            (Kernels::Folds(_) | Kernels::Store(_) | Kernels::Product(_), _) => vec![],
        }
    }

    /// The dtypes and lengths of what is left in the end.
    pub(crate) fn leaves(&self, kernels: &Kernels) -> Vec<(DType, usize)> {
        let (mut leaves, joins) = (self.makes(kernels), self.joins(kernels));
        if let Some((_, last)) = joins.last() {
            leaves.iter_mut().for_each(|(_, len)| *len = last.leaves());
        }
        leaves
    }

    /// Bytes of all that it makes on the way.
    pub(crate) fn made_bytes(&self, kernels: &Kernels) -> u64 {
        let makes = self.makes(kernels);
        let joined = self.joins(kernels).iter().map(|(_, join)| join.leaves() as u64).sum::<u64>();
        makes.iter().map(|&(dtype, len)| dtype.size() as u64 * (len as u64).saturating_add(joined)).sum()
    }

    /// How it is launched, with its loads and what it leaves at those places.
    pub(crate) fn call(&self, kernels: &Kernels, loads: &[Placed], outs: &[u64], flag: u64) -> (Grid, Vec<u64>) {
        match (kernels, &self.making) {
            (Kernels::Folds(folds), Making::Nodes { fold, nodes, .. }) => {
                (folds[*fold].grid(nodes), folds[*fold].arguments(nodes, loads, outs, flag))
            }
            (Kernels::Store(store), _) => self.store(store, loads, outs, flag),
            (Kernels::Folds(_), Making::Block) => unreachable!("reductions make nodes"),
            (Kernels::Product(_), _) => unreachable!("{NO_PIECES}"),
        }
    }

    fn store(&self, store: &StoreKernel, loads: &[Placed], outs: &[u64], flag: u64) -> (Grid, Vec<u64>) {
        let Region { start, len } = &self.region;
        let goals: Vec<Placed> = outs.iter().map(|&address| Placed::dense(address, start, len)).collect();
        (store.grid(&self.region), store.arguments(&self.region, loads, &goals, flag))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::emit::kernels;
    use crate::trial::{add, load};
    use cleave_graph::node::Ddof;
    use cleave_graph::{Graph, NodeKind};
    use cleave_plan::{Cut, Options, Output, Plan, plan};

    /// The sum of a whole array whose superboxes stand three by three.
    fn summed() -> Plan {
        let mut g = Graph::new();
        let input = load(&mut g, 0, &[1030, 4100], DType::F64);
        let op = cleave_ops::table::all().find(|op| op.name == "sum").unwrap();
        let cleave_ops::op::Class::Fold(rule) = &op.class else { panic!("sums reduce") };
        let loop_index = rule.loops.iter().position(|of| of.input == DType::F64).unwrap();
        let axes = [0, 1].into_iter().collect();
        let node = add(&mut g, NodeKind::Fold { op, loop_index, input, axes, ddof: Ddof(0.0) }, &[], DType::F64);
        let outputs = [Output { node, cut: Cut::Engine, held: true }];
        plan(&g, &outputs, &Options { threads: 4, ..Options::default() }).unwrap()
    }

    #[test]
    fn a_launch_visits_what_each_of_its_tasks_visits() {
        let plan = summed();
        let stage = &plan.stages[0];
        let (kernels, work) = (kernels(stage).unwrap(), &stage.work.folds()[0]);
        let tasks = stage.tasks;
        assert!(work.spans > 3, "tasks of one kept box");
        for range in (0..tasks).flat_map(|first| (first + 1..=tasks).map(move |end| first..end)) {
            for piece in pieces(stage, &kernels, range) {
                let region = &piece.launches[0].region;
                for task in piece.tasks {
                    let part = work.task_region(task, &stage.space);
                    assert_eq!(region.hull(&part), *region, "task {task}");
                }
            }
        }
    }

    #[test]
    fn what_32_bits_do_not_number_is_not_launched() {
        let plan = summed();
        let mut made = kernels(&plan.stages[0]).unwrap();
        let mut launch = pieces(&plan.stages[0], &made, 0..1).remove(0).launches.remove(0);
        assert!(launch.is_countable(&made));
        let Making::Nodes { nodes, .. } = &mut launch.making else { panic!("it is reduced") };
        let superboxes = std::mem::replace(&mut nodes.superboxes, MOST_NUMBERS - 1..MOST_NUMBERS);
        assert!(!launch.is_countable(&made));
        let Making::Nodes { nodes, .. } = &mut launch.making else { panic!("it is reduced") };
        nodes.superboxes = superboxes;
        let Kernels::Folds(folds) = &mut made else { panic!("it is reduced") };
        let cells = &folds[0].lattice.cells;
        folds[0].lattice.cells = cells.with(1, MOST_NUMBERS);
        assert!(!launch.is_countable(&made));
    }
}
