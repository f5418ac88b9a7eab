//! Stages out of groups of ends: their programs, how their tasks are cut, and where results go.

use crate::build::{Held, build, build_mirrored};
use crate::contract_cut::contract_stage;
use crate::cut::{End, Goal, Group, fold_loop};
use crate::epilogue::{PRODUCT, with_local_product};
use crate::error::PlanError;
use crate::halves::Halves;
use crate::joint::{axes_of, joint};
use crate::lattice::{Lattice, TILE_LEN, inner_box};
use crate::mirror::{Facing, Mirror, Opposite, reads_otherwise, turned_cut};
use crate::plan::{Buffer, Cut, Options, Output, Plan, PlannedOutput, Totals};
use crate::program::{Action, Origin, Program, Slot};
use crate::size::{FoldCut, axis_across, engine_boxes, fold_cut, reads_stored, task_len};
use crate::stage::{BufferId, FoldGoal, FoldWork, Stage, StoreGoal, StoreWork, Target, Work};
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::op::FoldFacts;
use cleave_ops::{Chunks, Shape};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, VecDeque};

/// Arithmetic, in additions, that takes as long as keeping an element in a cache and reading it backwards.
const KEPT: f64 = 3.0;

/// The stages of groups, in an order in which each reads what earlier ones left; memory is not yet counted.
pub(crate) fn assemble(
    graph: &Graph,
    outputs: &[Output],
    groups: &[Group],
    options: &Options,
) -> Result<Plan, PlanError> {
    let planned = outputs.iter().map(|o| {
        let node = &graph[o.node];
        let grid = Chunks::single(&node.shape);
        PlannedOutput { node: o.node, shape: node.shape.clone(), dtype: node.dtype, held: o.held, made_by: 0, grid }
    });
    let mut plan = Plan {
        stages: Vec::new(),
        buffers: Vec::new(),
        outputs: planned.collect(),
        cache_bytes: 0,
        staged: BTreeMap::new(),
        limit_bytes: options.memory_limit_bytes,
        needs: Vec::new(),
        totals: Totals::default(),
    };
    let mut held: FxHashMap<NodeId, BufferId> = FxHashMap::default();
    let mut bundles: VecDeque<Vec<&Group>> = bundles(groups).into();
    while let Some(bundle) = bundles.pop_front() {
        let number = plan.stages.len();
        options.go_on()?;
        let product = bundle[0].product;
        let holding = |node: NodeId| if product == Some(node) { Some(PRODUCT) } else { held.get(&node).copied() };
        let goals: Vec<&Goal> = bundle.iter().flat_map(|group| &group.goals).collect();
        let program = match bundle[0].key.end {
            End::Contract(_) => Program::default(),
            End::Fold(_) | End::Store(_) => {
                let roots: Vec<NodeId> = goals.iter().map(|g| g.root).collect();
                build(graph, &bundle[0].key.space, &roots, &holding)?
            }
        };
        let buffers = plan.buffers.len();
        let targets: Vec<Target> = goals.iter().map(|g| target(graph, g, &mut plan.buffers, number)).collect();
        let Some(stage) = bundled(graph, &bundle, (program, &targets), &holding, options)? else {
            plan.buffers.truncate(buffers);
            bundle.iter().rev().for_each(|group| bundles.push_front(vec![group]));
            continue;
        };
        stage.programs().for_each(|program| note_reads(program, &mut plan.buffers, number));
        plan.stages.push(stage);
        let made = goals.iter().zip(&targets).filter_map(|(g, t)| t.buffer.map(|b| (g.node, b)));
        held.extend(made);
    }
    Ok(plan)
}

/// The stage of groups that may share one; `None` where they had better not.
fn bundled(
    graph: &Graph,
    bundle: &[&Group],
    (program, targets): (Program, &[Target]),
    holding: Held<'_>,
    options: &Options,
) -> Result<Option<Stage>, PlanError> {
    let [group] = bundle else { return Ok(joint_stage(graph, bundle, program, targets, options)) };
    let stage = match (&group.key.end, group.product) {
        (End::Contract(node), _) => {
            let program = Program { space: group.key.space.clone(), ..program };
            let goals = vec![StoreGoal { slot: Slot(0), dtype: graph[*node].dtype, target: targets[0].clone() }];
            contract_stage(graph, *node, (program, goals), holding, options)?
        }
        (End::Fold(_) | End::Store(_), Some(node)) => {
            let goals = store_goals(graph, group, &program, targets);
            contract_stage(graph, node, (with_local_product(program), goals), holding, options)?
        }
        (End::Fold(_) | End::Store(_), None) => {
            let mirrored = mirrored_stage(graph, group, &program, targets, holding, options)?;
            mirrored.unwrap_or_else(|| stage(graph, group, program, targets, options))
        }
    };
    Ok(Some(stage))
}

/// Groups that may share a stage: reductions of one level and space over different axes.
fn bundles(groups: &[Group]) -> Vec<Vec<&Group>> {
    let mut bundles: Vec<Vec<&Group>> = Vec::new();
    for group in groups {
        let joins = |bundle: &&mut Vec<&Group>| {
            let key = &bundle[0].key;
            let all = bundle.iter().chain([&group]).map(|g| reduced(g));
            (key.level, &key.space) == (group.key.level, &group.key.space) && axes_of(&key.space, all).is_some()
        };
        match bundles.iter_mut().find(joins) {
            Some(bundle) => bundle.push(group),
            None => bundles.push(vec![group]),
        }
    }
    bundles.iter_mut().for_each(|bundle| bundle.sort_by(|a, b| reduced(a).cmp(reduced(b))));
    bundles
}

/// The axes over which a group reduces.
fn reduced(group: &Group) -> &[usize] {
    match &group.key.end {
        End::Fold(axes) => axes,
        End::Store(_) | End::Contract(_) => &[],
    }
}

fn joint_stage(
    graph: &Graph,
    bundle: &[&Group],
    program: Program,
    targets: &[Target],
    options: &Options,
) -> Option<Stage> {
    let space = bundle[0].key.space.clone();
    let (mut goals, mut first) = (Vec::new(), 0);
    for group in bundle {
        let next = first + group.goals.len();
        let slots = &program.results[first..next];
        goals.push((reduced(group)[0], fold_goals(graph, group, slots, &targets[first..next], &space)));
        first = next;
    }
    let work = joint(&space, goals, &program, options)?;
    let weight = program.weight() + work.goals().map(|g| g.op.weight()).sum::<f64>();
    Some(Stage { space, program, tasks: work.tasks(), work: Work::Joint(work), weight })
}

fn target(graph: &Graph, goal: &Goal, buffers: &mut Vec<Buffer>, stage: usize) -> Target {
    let buffer = goal.buffer.map(|why| {
        buffers.push(Buffer::new(graph, goal.node, why, stage));
        BufferId(buffers.len() as u32 - 1)
    });
    Target { buffer, outputs: goal.outputs.clone() }
}

fn note_reads(program: &Program, buffers: &mut [Buffer], stage: usize) {
    program.each_step(&mut |_, step| {
        if let Action::Load { origin: Origin::Buffer(id), .. } = &step.action {
            buffers[id.0 as usize].last_read_by = stage;
        }
    });
}

fn stage(graph: &Graph, group: &Group, program: Program, targets: &[Target], options: &Options) -> Stage {
    let space = group.key.space.clone();
    let (work, weight) = match &group.key.end {
        End::Fold(axes) => {
            let goals = fold_goals(graph, group, &program.results, targets, &space);
            let weight = program.weight() + goals.iter().map(|g| g.op.weight()).sum::<f64>();
            let lattice = Lattice::new(&space, axes);
            let len = task_len(space.size(), weight, options);
            let cut = fold_cut(&space, &program, &lattice, len, state_bytes(&goals), options);
            (Work::Fold(fold_work(lattice, cut, goals)), weight)
        }
        End::Store(cut) => {
            let weight = program.weight() + targets.len() as f64;
            (Work::Store(store_work(graph, group, &program, targets, cut, weight, options)), weight)
        }
        End::Contract(_) => unreachable!("a contraction makes its own stage"),
    };
    let tasks = match &work {
        Work::Fold(fold) => fold.boxes.count() * fold.spans,
        Work::Store(store) => store.boxes.count(),
        Work::Joint(_) | Work::Contract(_) => unreachable!("they make stages of their own"),
    };
    Stage { space, program, work, tasks, weight }
}

/// The stage of some reductions that does opposite places together, if what `program` reads is worth it.
fn mirrored_stage(
    graph: &Graph,
    group: &Group,
    program: &Program,
    targets: &[Target],
    holding: Held<'_>,
    options: &Options,
) -> Result<Option<Stage>, PlanError> {
    if !matches!(group.key.end, End::Fold(_)) || !reads_otherwise(program) || reads_stored(program, options) {
        return Ok(None);
    }
    let space = &group.key.space;
    let roots: Vec<NodeId> = group.goals.iter().map(|goal| goal.root).collect();
    let Some((program, opposite)) = build_mirrored(graph, space, &roots, holding)? else { return Ok(None) };
    let goals = fold_goals(graph, group, &program.results, targets, space);
    let lattice = Lattice::new(space, reduced(group));
    let Some((cut, facing, block)) = facing(space, &program, &lattice, &goals, &opposite, options) else {
        return Ok(None);
    };
    // What is made is made for one of two places only.
    let made = program.weight() - program.steps.iter().map(|s| s.action.weight()).sum::<f64>();
    let weight = program.weight() - made / 2.0 + goals.iter().map(|g| g.op.weight()).sum::<f64>();
    let twins = (0..program.locals.len()).step_by(2).map(|first| (first, first + 1)).collect();
    let mirror = Some(Mirror { facing, block, twins });
    let tasks = cut.boxes.count() * cut.spans;
    let work = Work::Fold(FoldWork { mirror, ..fold_work(lattice, cut, goals) });
    Ok(Some(Stage { space: space.clone(), program, work, tasks, weight }))
}

/// How a reduction is cut so that opposite places are done together, if they can be, and its longest block.
fn facing(
    space: &Shape,
    program: &Program,
    lattice: &Lattice,
    goals: &[FoldGoal],
    opposite: &Opposite,
    options: &Options,
) -> Option<(FoldCut, Facing, Shape)> {
    match opposite {
        Opposite::Turned(axes) => {
            let kept = lattice.kept.iter().map(|&axis| space[axis]).collect::<Shape>();
            let tile = inner_box(&kept, TILE_LEN / lattice.cell.size().max(1));
            let (cut, block) = turned_cut(space, lattice, &tile, axes, state_bytes(goals), options)?;
            Some((cut, Facing::Turned(axes.clone()), block))
        }
        Opposite::Flipped(flips) => {
            let is_dear = program.locals.iter().all(|local| local.program.weight() >= KEPT);
            let (cut, halves, block) = Halves::cut(space, lattice, flips, options).filter(|_| is_dear)?;
            Some((cut, Facing::Halves(halves), block))
        }
    }
}

fn fold_goals(graph: &Graph, group: &Group, slots: &[Slot], targets: &[Target], space: &Shape) -> Vec<FoldGoal> {
    let count = reduced(group).iter().map(|&a| space[a] as u64).product();
    let goal = |(i, g): (usize, &Goal)| match &graph[g.node].kind {
        NodeKind::Fold { op, loop_index, ddof, .. } => FoldGoal {
            slot: slots[i],
            op,
            loop_index: *loop_index,
            facts: FoldFacts { count, ddof: ddof.0 },
            dtype: graph[g.node].dtype,
            target: targets[i].clone(),
        },
        _ => unreachable!("only reductions are grouped by axes"),
    };
    group.goals.iter().enumerate().map(goal).collect()
}

fn fold_work(lattice: Lattice, cut: FoldCut, goals: Vec<FoldGoal>) -> FoldWork {
    let FoldCut { boxes, kept_tile, span, spans } = cut;
    FoldWork { lattice, boxes, kept_tile, span, spans, strips: None, mirror: None, goals }
}

/// Bytes of the states of some reductions for each kept element.
fn state_bytes(goals: &[FoldGoal]) -> usize {
    let state = |g: &FoldGoal| fold_loop(g.op, g.loop_index).state.iter().map(|d| d.size()).sum::<usize>();
    goals.iter().map(state).sum()
}

fn store_work(
    graph: &Graph,
    group: &Group,
    program: &Program,
    targets: &[Target],
    cut: &Cut,
    weight: f64,
    options: &Options,
) -> StoreWork {
    let space = &group.key.space;
    let boxes: Chunks = match cut {
        Cut::Grid(grid) => grid.clone(),
        Cut::Engine => engine_boxes(space, program, task_len(space.size(), weight, options), options),
    };
    StoreWork { boxes, across: axis_across(space, program), goals: store_goals(graph, group, program, targets) }
}

fn store_goals(graph: &Graph, group: &Group, program: &Program, targets: &[Target]) -> Vec<StoreGoal> {
    let goal = |(i, g): (usize, &Goal)| StoreGoal {
        slot: program.results[i],
        dtype: graph[g.node].dtype,
        target: targets[i].clone(),
    };
    group.goals.iter().enumerate().map(goal).collect()
}
