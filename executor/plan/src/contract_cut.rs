//! How a contraction becomes a stage: the programs of its operands, the blocks of its result, and which operands
//! are worth keeping because every block would compute them again.

use crate::build::build_through;
use crate::contract::{Axes, ContractWork, Operand, Side, Sides, axes, block_bytes, contract_loop};
use crate::cost::arithmetic;
use crate::error::PlanError;
use crate::hold::Why;
use crate::lattice::inner_box;
use crate::plan::{Options, nbytes};
use crate::program::{Action, Origin, Program};
use crate::size::axis_across;
use crate::stage::{BufferId, Stage, StoreGoal, Work};
use cleave_graph::{Graph, NodeId, NodeKind, SourceId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, DType, Kind, Shape, View};
use rustc_hash::FxHashMap;

/// Bytes of an element that is decoded, for what reading it takes.
const ELEMENT_BYTES: f64 = 8.0;
/// What an element takes where values are made for a block at a time, in additions: panels are no such blocks.
const LOCAL: f64 = 300.0;
/// The part of a task that threads wait for the last one at the end.
const WAITING: f64 = 0.5;
/// How long a task of many small products should take.
const BATCH_S: f64 = 4e-3;
/// Work in progress of one thread: at most this, and at most this part of the limit.
const BLOCK_BYTES: u64 = 96 << 20;
const LIMIT_PART: u64 = 4;
/// Computing an operand again may take this part of the multiplication.
const AGAIN_PART: f64 = 0.03;
/// The longest side of a block whose products go through the operation's own loop.
const LOOP_SIDE: usize = 256;
/// The most bytes of an operand that is kept where there is no limit.
const MOST_KEPT: u64 = 2 << 30;

/// Seconds to compute one element.
fn element_s(program: &Program, options: &Options) -> f64 {
    let decoded = |id: &SourceId| options.sources.get(id).is_some_and(|s| !s.is_resident());
    let stored = |action: &Action| matches!(action, Action::Load { origin: Origin::Stored(id), .. } if decoded(id));
    let decodes = program.steps.iter().filter(|s| stored(&s.action)).count();
    let locals = if program.has_locals() { LOCAL } else { 0.0 };
    let rates = &options.rates;
    arithmetic::element_s(program, rates) + locals * rates.add_s + rates.disk_s(decodes as f64 * ELEMENT_BYTES)
}

/// The stage of a contraction, with what is computed from the product.
pub(crate) fn contract_stage(
    graph: &Graph,
    node: NodeId,
    (program, goals): (Program, Vec<StoreGoal>),
    held: &dyn Fn(NodeId) -> Option<BufferId>,
    options: &Options,
) -> Result<Stage, PlanError> {
    let NodeKind::Contract { op, loop_index, left, right, .. } = &graph[node].kind else {
        unreachable!("only contractions multiply")
    };
    let [left_axes, right_axes] = operand_axes(graph, node);
    let sides = sides(graph, node);
    let left = operand(graph, *left, &left_axes, Side::Free, held)?;
    let right = operand(graph, *right, &right_axes, Side::Shared, held)?;
    let dtype = contract_loop(op, *loop_index).dtype;
    let costs = [element_s(&left.program, options), element_s(&right.program, options)];
    let boxes = boxes(&sides, dtype, costs, options);
    let (panel, segments) = (sides.panel(), sides.segments());
    let work = ContractWork { op, loop_index: *loop_index, left, right, sides, panel, segments, boxes, dtype, goals };
    let weight = weight(&work) + program.weight();
    let space = graph[node].shape.clone();
    Ok(Stage { space, program, tasks: work.tasks(), work: Work::Contract(work), weight })
}

/// Arithmetic for each element of the result, in additions.
fn weight(work: &ContractWork) -> f64 {
    let [_, rows, columns] = work.block_lens();
    let operands =
        work.left.program.weight() / columns.max(1) as f64 + work.right.program.weight() / rows.max(1) as f64;
    work.sides.shared.size() as f64 * (work.op.weight() + operands)
}

fn operand_axes(graph: &Graph, node: NodeId) -> [Axes; 2] {
    let inputs = graph[node].kind.inputs();
    axes(&graph[node].kind, [graph[inputs[0]].shape.ndim(), graph[inputs[1]].shape.ndim()])
}

pub(crate) fn sides(graph: &Graph, node: NodeId) -> Sides {
    let inputs = graph[node].kind.inputs();
    let [left, right] = operand_axes(graph, node);
    let lens = |input: usize, axes: &[usize]| axes.iter().map(|&a| graph[inputs[input]].shape[a]).collect();
    Sides {
        batch: lens(0, &left.batch),
        rows: lens(0, &left.free),
        shared: lens(0, &left.shared),
        columns: lens(1, &right.free),
    }
}

/// The program of an operand: in the order that suits the kernel, unless its elements lie in memory the other way.
fn operand(
    graph: &Graph,
    node: NodeId,
    axes: &Axes,
    first: Side,
    held: &dyn Fn(NodeId) -> Option<BufferId>,
) -> Result<Operand, PlanError> {
    let other = if first == Side::Free { Side::Shared } else { Side::Free };
    let suited = Operand { program: build_through(graph, node, seen(graph, node, axes, first), held)?, first };
    if axis_across(&suited.program.space, &suited.program).is_none() {
        return Ok(suited);
    }
    let turned = Operand { program: build_through(graph, node, seen(graph, node, axes, other), held)?, first: other };
    let across = axis_across(&turned.program.space, &turned.program).is_some();
    Ok(if across { suited } else { turned })
}

/// The operand with its axes in the order batch, one side, the other.
fn seen(graph: &Graph, node: NodeId, axes: &Axes, first: Side) -> View {
    let shape = &graph[node].shape;
    let sides = match first {
        Side::Free => [&axes.free, &axes.shared],
        Side::Shared => [&axes.shared, &axes.free],
    };
    let order: Vec<usize> = axes.batch.iter().chain(sides.into_iter().flatten()).copied().collect();
    let place = |axis: usize| order.iter().position(|&a| a == axis).expect("every axis is in one group");
    View {
        shape: order.iter().map(|&a| shape[a]).collect(),
        source: (0..shape.ndim()).map(|axis| SourceAxis::whole(place(axis))).collect(),
    }
}

/// Cuts the result so that all threads are busy, operands are seldom computed again, and blocks fit the limit.
fn boxes(sides: &Sides, dtype: DType, costs: [f64; 2], options: &Options) -> Chunks {
    let block = block(sides, dtype, costs, options);
    let cut = |lens: &Shape, most: usize, unit: usize| -> Vec<AxisChunks> {
        let whole = even_box(lens, most, unit);
        lens.iter().zip(whole.iter()).map(|(&len, &side)| AxisChunks::regular(len, side)).collect()
    };
    let groups = [
        cut(&sides.batch, block.batch, 1),
        cut(&sides.rows, block.rows, 8),
        cut(&sides.columns, block.columns, if dtype == DType::F64 { 24 } else { 48 }),
    ];
    Chunks(groups.into_iter().flatten().collect())
}

/// [`inner_box`], but the axis that is cut is cut evenly, into whole strips where they are long.
fn even_box(lens: &Shape, most: usize, unit: usize) -> Shape {
    let sides = inner_box(lens, most);
    let even = |(&len, &side): (&usize, &usize)| {
        let even = len.div_ceil(len.div_ceil(side).max(1)).max(1);
        let whole = even.next_multiple_of(unit);
        if whole <= most.max(side) { whole } else { even }
    };
    lens.iter().zip(sides.iter()).map(even).collect()
}

/// The lengths of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Block {
    batch: usize,
    rows: usize,
    columns: usize,
}

/// The block with which all is done soonest, by what it costs to multiply, to fill panels and to wait at the end.
fn block(sides: &Sides, dtype: DType, costs: [f64; 2], options: &Options) -> Block {
    let rates = &options.rates;
    let model = Model {
        lens: [sides.batch.size().max(1), sides.rows.size().max(1), sides.columns.size().max(1)],
        shared: (sides.shared.size() / sides.segments()) as f64,
        segments: sides.segments(),
        threads: options.threads.max(1),
        product: rates.product_s_of(dtype),
        costs: costs.map(|c| c + rates.pack_s()),
        write: rates.pack_s(),
        task: rates.task_s,
    };
    let room = match options.memory_limit_bytes {
        0 => BLOCK_BYTES,
        limit => BLOCK_BYTES.min(limit / (LIMIT_PART * options.threads.max(1) as u64)),
    };
    let own_loop = dtype.kind() != Kind::Float;
    let candidates =
        |len: usize, unit: usize| lengths(len, unit).into_iter().filter(move |&side| !own_loop || side <= LOOP_SIDE);
    let mut best = (f64::INFINITY, Block { batch: 1, rows: model.lens[1].min(8), columns: model.lens[2].min(48) });
    for rows in candidates(model.lens[1], 8) {
        for columns in candidates(model.lens[2], 48) {
            let time = model.time(rows, columns);
            if time < best.0 && block_bytes(dtype, 1, rows, columns, model.segments) <= room {
                best = (time, Block { batch: 1, rows, columns });
            }
        }
    }
    let spare = room / block_bytes(dtype, 1, best.1.rows, best.1.columns, model.segments).max(1);
    Block { batch: model.batch(best.1).min(spare.max(1) as usize), ..best.1 }
}

/// Lengths into which a side may be cut: evenly, in ever more pieces.
fn lengths(len: usize, unit: usize) -> Vec<usize> {
    let (mut found, mut pieces) = (Vec::new(), 1);
    loop {
        let side = len.div_ceil(pieces).next_multiple_of(unit).min(len);
        if found.last() != Some(&side) {
            found.push(side);
        }
        if side <= unit {
            return found;
        }
        pieces += 1 + pieces / 8;
    }
}

/// What a cut costs.
struct Model {
    lens: [usize; 3],
    /// Shared elements of a segment.
    shared: f64,
    segments: usize,
    threads: usize,
    /// Seconds of a product, of an element of each operand, of one of the result, and of a task besides.
    product: f64,
    costs: [f64; 2],
    write: f64,
    task: f64,
}

impl Model {
    /// Seconds for one block of one batch index.
    fn block(&self, rows: usize, columns: usize) -> f64 {
        let (rows, columns) = (rows as f64, columns as f64);
        let panels = rows * self.costs[0] + columns * self.costs[1];
        self.shared * (rows * columns * self.product + panels) + rows * columns * self.write
    }

    /// Seconds until the last thread is done, a part of a task being lost to waiting.
    fn time(&self, rows: usize, columns: usize) -> f64 {
        let tasks = self.lens[0] * self.segments * self.lens[1].div_ceil(rows) * self.lens[2].div_ceil(columns);
        let task = self.block(rows, columns) + self.task;
        let waiting = if self.threads == 1 { 0.0 } else { WAITING };
        (tasks.div_ceil(self.threads) as f64 + waiting) * task
    }

    /// Batch indices a task takes.
    fn batch(&self, block: Block) -> usize {
        let by_time = (BATCH_S / self.block(block.rows, block.columns).max(1e-9)) as usize;
        by_time.min(self.lens[0] / (8 * self.threads)).max(1)
    }
}

/// The operands that are better kept than computed again for every block, and why; `ends` tells what is kept anyway.
pub(crate) fn kept_operands(
    graph: &Graph,
    wanted: &[NodeId],
    ends: &dyn Fn(NodeId) -> bool,
    options: &Options,
) -> FxHashMap<NodeId, Why> {
    let held = |node: NodeId| ends(node).then_some(BufferId(0));
    let mut kept = FxHashMap::default();
    for &node in wanted.iter().filter(|n| matches!(graph[**n].kind, NodeKind::Contract { .. })) {
        let sides = sides(graph, node);
        let block = block(&sides, graph[node].dtype, [1e-9; 2], options);
        let others = [(sides.columns.size(), block.columns), (sides.rows.size(), block.rows)];
        for (input, (len, side)) in graph[node].kind.inputs().into_iter().zip(others) {
            let below = below_views(graph, input);
            let again = len.div_ceil(side.max(1)).saturating_sub(1) as f64;
            let most = AGAIN_PART * options.rates.product_s_of(graph[node].dtype) * len as f64;
            let open = !ends(below) && !options.choices.denied.contains(&below);
            let worth = open && fits(graph, below, options) && again > 0.0;
            let cost = || {
                let view = View::identity(&graph[below].shape);
                build_through(graph, below, view, &held).map_or(0.0, |p| element_s(&p, options))
            };
            let again_s = if worth { again * cost() } else { 0.0 };
            if again_s > most {
                let saved_s = again_s * graph[below].shape.size() as f64;
                kept.insert(below, Why::Seen { saved_s });
            }
        }
    }
    kept
}

/// The node of the same elements below views that only reorder, and cuts.
fn below_views(graph: &Graph, mut node: NodeId) -> NodeId {
    loop {
        node = match &graph[node].kind {
            NodeKind::Rechunk(input) | NodeKind::Place(input, _) => *input,
            NodeKind::View { input, view } if graph[*input].shape.size() <= view.shape.size() => *input,
            _ => return node,
        };
    }
}

fn fits(graph: &Graph, node: NodeId, options: &Options) -> bool {
    let most = match options.memory_limit_bytes {
        0 => MOST_KEPT,
        limit => limit / LIMIT_PART,
    };
    nbytes(&graph[node].shape, graph[node].dtype) <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_of(batch: usize, rows: usize, shared: usize, columns: usize, limit: u64) -> Block {
        let shape = |len: usize| Shape::new([len]);
        let sides = Sides { batch: shape(batch), rows: shape(rows), shared: shape(shared), columns: shape(columns) };
        let options = Options { threads: 2, memory_limit_bytes: limit, ..Options::default() };
        block(&sides, DType::F64, [1e-9; 2], &options)
    }

    #[test]
    fn blocks_fit_the_limit_and_leave_work_for_all_threads() {
        for limit in [0, 16 << 20, 256 << 20, 4 << 30] {
            let b = block_of(1, 8000, 8000, 8000, limit);
            let room = if limit == 0 { BLOCK_BYTES } else { BLOCK_BYTES.min(limit / 8) };
            assert!(block_bytes(DType::F64, b.batch, b.rows, b.columns, 1) <= room, "{limit}: {b:?}");
            assert_eq!(8000_usize.div_ceil(b.rows) * 8000_usize.div_ceil(b.columns) % 2, 0, "{b:?}");
        }
        let large = block_of(1, 8000, 8000, 8000, 0);
        assert!(large.rows >= 1000 && large.columns >= 1000, "{large:?}");
        let many = block_of(100_000, 4, 4, 4, 0);
        assert!(many.batch > 100 && many.rows == 4, "{many:?}");
    }
}
