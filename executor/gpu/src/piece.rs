//! Tasks of a stage as launches: which elements each visits, what it reads and what it leaves.

use crate::emit::{FoldKernel, Grid, Join, Kernel, Kernels, Nodes, Placed};
use cleave_ops::{Chunks, DType, Region};
use cleave_plan::stage::{block_region, unravel};
use cleave_plan::{FoldWork, JointWork, Lattice, Stage, StoreWork, Work};
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
    /// Nodes of one of the stage's reductions, joined to those that it hands over.
    Nodes {
        /// Which reduction.
        fold: usize,
        /// What is handed over.
        parts: Parts,
        /// The nodes.
        nodes: Nodes,
        /// Superboxes of a part.
        span: usize,
    },
}

/// What a launch leaves of a reduction: for each of some kept boxes its nodes above groups of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The kept boxes, which make one box.
    boxes: Range<usize>,
    /// Which of the tasks of each, counted in it.
    numbers: Range<usize>,
    /// How many levels above single tasks the nodes are.
    level: u32,
}

impl Parts {
    /// Those of neighbouring tasks: of one kept box, or all of several.
    fn of(work: &FoldWork, tasks: &Range<usize>) -> Self {
        let boxes = tasks.start / work.spans..(tasks.end - 1) / work.spans + 1;
        let first = tasks.start % work.spans;
        let numbers = if boxes.len() > 1 { 0..work.spans } else { first..first + tasks.len() };
        // The tree has such nodes over tasks from a multiple of a power of two on; the last one may lack some of them.
        let multiple = |number: usize| if number == 0 { usize::BITS } else { number.trailing_zeros() };
        let end = if numbers.end == work.spans { usize::BITS } else { multiple(numbers.end) };
        let level = multiple(numbers.start).min(end).min(numbers.len().next_power_of_two().ilog2());
        Self { boxes, numbers, level }
    }

    /// The box that their kept boxes make.
    fn kept(&self, work: &FoldWork) -> Region {
        let all = self.boxes.clone().map(|place| block_region(&work.boxes, place));
        all.reduce(|a, b| a.hull(&b)).expect("there is a kept box")
    }

    /// Each of them: its number in the launch, and the node as kept box, level and number.
    pub(crate) fn each(&self) -> impl Iterator<Item = (usize, (usize, u32, usize))> + '_ {
        let groups = self.numbers.clone().step_by(1 << self.level).enumerate();
        groups.flat_map(move |(number, first)| {
            self.boxes.clone().map(move |place| (number, (place, self.level, first >> self.level)))
        })
    }
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
        (Work::Fold(work), Kernels::Folds(folds)) => of_reduction(work, &folds[0], tasks),
        (Work::Joint(work), Kernels::Folds(folds)) => tasks.map(|task| of_joint(work, folds, task)).collect(),
        (Work::Fold(_) | Work::Joint(_), Kernels::Store(_) | Kernels::Product(_)) | (Work::Contract(_), _) => vec![],
    }
}

/// The same of tasks all of which a card keeps: neighbours that make a box are one launch.
pub(crate) fn wide(work: &StoreWork, tasks: Range<usize>) -> Vec<Piece> {
    let (mut found, mut first) = (vec![], tasks.start);
    while first < tasks.end {
        let end = first + side_by_side(&work.boxes, first..tasks.end);
        let region = block_region(&work.boxes, first).hull(&block_region(&work.boxes, end - 1));
        found.push(Piece { tasks: first..end, launches: vec![Launch { region, making: Making::Block }] });
        first = end;
    }
    found
}

/// Neighbouring tasks of one kept box are one launch, and so are all tasks of neighbouring kept boxes that make a box.
fn of_reduction(work: &FoldWork, kernel: &FoldKernel, tasks: Range<usize>) -> Vec<Piece> {
    let (mut found, mut first) = (vec![], tasks.start);
    while first < tasks.end {
        let (place, whole) = (first / work.spans, first.is_multiple_of(work.spans));
        let boxes = if whole { side_by_side(&work.boxes, place..tasks.end / work.spans) } else { 0 };
        let end = tasks.end.min((place + boxes.max(1)) * work.spans);
        let launches = vec![reduction(work, kernel, (0, first..end))];
        found.push(Piece { tasks: first..end, launches });
        first = end;
    }
    found
}

/// How many of the first of some blocks make a box, tried one by one.
fn side_by_side(grid: &Chunks, blocks: Range<usize>) -> usize {
    let (mut hull, mut size, mut many): (Option<Region>, usize, usize) = (None, 0, 0);
    for (number, block) in blocks.map(|block| block_region(grid, block)).enumerate() {
        size += block.size();
        let wider = hull.map_or_else(|| block.clone(), |hull| hull.hull(&block));
        if wider.size() == size {
            many = number + 1;
        }
        hull = Some(wider);
    }
    many
}

fn of_joint(work: &JointWork, kernels: &[FoldKernel], task: usize) -> Piece {
    let each = work.folds.iter().zip(kernels).enumerate().map(|(number, (fold, kernel))| {
        let task = work.fold_task(fold, task);
        reduction(fold, kernel, (number, task..task + 1))
    });
    Piece { tasks: task..task + 1, launches: each.collect() }
}

/// The launch of neighbouring tasks of one kept box, or of all tasks of several.
fn reduction(work: &FoldWork, kernel: &FoldKernel, (fold, tasks): (usize, Range<usize>)) -> Launch {
    let parts = Parts::of(work, &tasks);
    let (kept, superboxes) = (parts.kept(work), work.superboxes(tasks.start).start..work.superboxes(tasks.end - 1).end);
    let region = work.lattice.join(&kept, &reduced(&work.lattice, &superboxes));
    let mut nodes = Nodes { kept, superboxes, run: kernel.most_run };
    while nodes.run > 1 && kernel.nodes(&nodes) < WANTED_NODES {
        nodes.run /= 2;
    }
    let span = work.span << parts.level;
    Launch { region, making: Making::Nodes { fold, parts, nodes, span } }
}

/// A box that holds the elements of neighbouring superboxes, on the reduced axes.
fn reduced(lattice: &Lattice, superboxes: &Range<usize>) -> Region {
    if superboxes.is_empty() {
        return Region::whole(&lattice.lens);
    }
    let ends = [superboxes.start, superboxes.end - 1];
    let [mut first, mut last] = ends.map(|number| unravel(number, &lattice.superboxes));
    let apart = first.iter().zip(&last).position(|(a, b)| a != b).unwrap_or(first.len());
    // Those in between reach from one side to the other on all axes behind the one on which the ends are apart.
    for axis in apart + 1..first.len() {
        (first[axis], last[axis]) = (0, lattice.superboxes[axis] - 1);
    }
    let strides = lattice.superboxes.strides();
    let [first, last] = [first, last].map(|index| index.iter().zip(&strides).map(|(i, stride)| i * stride).sum());
    lattice.superbox_elements(first).hull(&lattice.superbox_elements(last))
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
    pub(crate) fn call(&self, kernels: &Kernels, loads: &[Placed], outs: &[Placed], flag: u64) -> (Grid, Vec<u64>) {
        match (kernels, &self.making) {
            (Kernels::Folds(folds), Making::Nodes { fold, nodes, .. }) => {
                let columns: Vec<u64> = outs.iter().map(|out| out.address).collect();
                (folds[*fold].grid(nodes), folds[*fold].arguments(nodes, loads, &columns, flag))
            }
            (Kernels::Store(store), _) => (store.grid(&self.region), store.arguments(&self.region, loads, outs, flag)),
            (Kernels::Folds(_), Making::Block) => unreachable!("reductions make nodes"),
            (Kernels::Product(_), _) => unreachable!("{NO_PIECES}"),
        }
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

    /// The sum of an array along some axes.
    fn summed(shape: &[usize], axes: &[usize]) -> Plan {
        let mut g = Graph::new();
        let input = load(&mut g, 0, shape, DType::F64);
        let op = cleave_ops::table::all().find(|op| op.name == "sum").unwrap();
        let cleave_ops::op::Class::Fold(rule) = &op.class else { panic!("sums reduce") };
        let loop_index = rule.loops.iter().position(|of| of.input == DType::F64).unwrap();
        let axes = axes.iter().copied().collect();
        let node = add(&mut g, NodeKind::Fold { op, loop_index, input, axes, ddof: Ddof(0.0) }, &[], DType::F64);
        let outputs = [Output { node, cut: Cut::Engine, held: true }];
        plan(&g, &outputs, &Options { threads: 4, ..Options::default() }).unwrap()
    }

    /// One whose superboxes stand three by three.
    const NINE: [usize; 2] = [1030, 4100];

    #[test]
    fn a_launch_visits_what_each_of_its_tasks_visits() {
        let plan = summed(&NINE, &[0, 1]);
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
    fn neighbouring_kept_boxes_are_one_launch_that_hands_over_each() {
        let plan = summed(&[3000, 700], &[1]);
        let stage = &plan.stages[0];
        let (kernels, work) = (kernels(stage).unwrap(), &stage.work.folds()[0]);
        assert!(work.boxes.count() > 3, "several kept boxes");
        let [piece] = &pieces(stage, &kernels, 0..stage.tasks)[..] else { panic!("they make a box") };
        let Making::Nodes { parts, nodes, .. } = &piece.launches[0].making else { panic!("it is reduced") };
        assert_eq!(nodes.kept, Region::whole(&[3000].into_iter().collect()));
        let places: Vec<usize> = parts.each().map(|(_, (place, ..))| place).collect();
        assert_eq!(places, (0..work.boxes.count()).collect::<Vec<_>>());
    }

    #[test]
    fn parts_are_the_largest_nodes_over_tasks_from_a_multiple_on() {
        let plan = summed(&NINE, &[0, 1]);
        let work = FoldWork { spans: 21, ..plan.stages[0].work.folds()[0].clone() };
        let nodes = |tasks: Range<usize>| Parts::of(&work, &tasks).each().map(|(_, node)| node).collect::<Vec<_>>();
        assert_eq!(nodes(0..21), [(0, 5, 0)]);
        assert_eq!(nodes(0..1), [(0, 0, 0)]);
        assert_eq!(nodes(4..12), [(0, 2, 1), (0, 2, 2)]);
        assert_eq!(nodes(16..21), [(0, 3, 2)]);
        assert_eq!(nodes(3..5), [(0, 0, 3), (0, 0, 4)]);
    }

    #[test]
    fn what_32_bits_do_not_number_is_not_launched() {
        let plan = summed(&NINE, &[0, 1]);
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
