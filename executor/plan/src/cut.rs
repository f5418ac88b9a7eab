//! Which nodes end a stage, and which stages there are.
//!
//! Every reduction and every output ends one. So does an elementwise node that is worth keeping
//! (`hold` says which are). All else is computed again in every stage
//! that reads it. Ends of one level (none needs another) with the same space and axes share a stage; reductions over
//! different axes do where one pass serves them all.

use crate::build::{Held, build, build_mirrored};
use crate::carry::{inputs, is_carried};
use crate::contract_cut::{contract_stage, kept_operands};
use crate::epilogue::{PRODUCT, Pass, epilogues, with_local_product};
use crate::error::PlanError;
use crate::hold::{Why, worth_keeping};
use crate::joint::{axes_of, joint};
use crate::lattice::{Lattice, TILE_LEN, inner_box};
use crate::mirror::{Mirror, mirrored_cut, reads_turned};
use crate::plan::{Buffer, Cut, Options, Output, Plan, PlannedOutput, Totals};
use crate::program::{Action, Origin, Program, Slot};
use crate::size::{FoldCut, axis_across, engine_boxes, fold_cut, reads_stored, task_len};
use crate::stage::{BufferId, FoldGoal, FoldWork, Stage, StoreGoal, StoreWork, Target, Work};
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::op::FoldFacts;
use cleave_ops::{Chunks, Class, FoldLoop, Op, Shape};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};

/// The loop of a reduction.
pub fn fold_loop(op: &'static Op, loop_index: usize) -> &'static FoldLoop {
    match &op.class {
        Class::Fold(fold) => &fold.loops[loop_index],
        _ => unreachable!("a Fold node holds a reduction"),
    }
}

/// Cuts the graph into stages; memory is not yet counted.
pub(crate) fn cut(graph: &Graph, outputs: &[Output], options: &Options) -> Result<Plan, PlanError> {
    let ends = Ends::find(graph, outputs, options)?;
    let mut groups: Vec<Group> = Vec::new();
    for node in ends.ordered() {
        let (key, root) = ends.key(graph, node);
        group_of(&mut groups, key).goals.push(Goal {
            node,
            root,
            buffer: ends.buffered.contains(&node).then(|| ends.why.get(&node).copied().unwrap_or(Why::Result)),
            outputs: SmallVec::new(),
        });
    }
    for (number, output) in outputs.iter().enumerate() {
        place_output(graph, &ends, &mut groups, number, output)?;
    }
    groups.sort_by_key(|g| g.key.level);
    let epilogues = epilogues(graph, &groups.iter().map(Group::pass).collect::<Vec<_>>(), &ends.nodes, options)?;
    for (number, product) in epilogues {
        groups[number].product = Some(product);
        groups.iter_mut().filter(|g| g.key.end == End::Contract(product)).for_each(|g| g.goals.clear());
    }
    groups.retain(|group| !group.goals.is_empty());
    assemble(graph, outputs, &groups, options)
}

/// What ends a stage.
struct Ends {
    nodes: FxHashSet<NodeId>,
    /// Why those that are no reductions end one.
    why: FxHashMap<NodeId, Why>,
    /// Those that a later stage reads.
    buffered: FxHashSet<NodeId>,
    level: FxHashMap<NodeId, usize>,
}

/// Ends with equal keys share a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    level: usize,
    space: Shape,
    end: End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Fold(SmallVec<[usize; 4]>),
    Store(Cut),
    Contract(NodeId),
}

struct Group {
    key: Key,
    goals: Vec<Goal>,
    /// A product that is made in the same stage, and that nothing else reads.
    product: Option<NodeId>,
}

impl Group {
    fn pass(&self) -> Pass<'_> {
        Pass {
            roots: self.goals.iter().map(|goal| goal.root).collect(),
            space: &self.key.space,
            is_free: self.key.end == End::Store(Cut::Engine),
            product: if let End::Contract(node) = self.key.end { Some(node) } else { None },
            is_wanted: self.goals.iter().any(|goal| !goal.outputs.is_empty()),
        }
    }
}

struct Goal {
    node: NodeId,
    /// What the program computes for it.
    root: NodeId,
    /// Why later stages read it, if any does.
    buffer: Option<Why>,
    outputs: SmallVec<[usize; 1]>,
}

impl Ends {
    fn find(graph: &Graph, outputs: &[Output], options: &Options) -> Result<Self, PlanError> {
        let wanted = reachable(graph, outputs, options);
        let fold = |&&n: &&NodeId| matches!(graph[n].kind, NodeKind::Fold { .. } | NodeKind::Contract { .. });
        let mut nodes: FxHashSet<NodeId> = wanted.iter().filter(fold).copied().collect();
        nodes.extend(wanted.iter().filter_map(|&n| scan_begins(graph, n, options)));
        let mut why = worth_keeping(graph, &wanted, outputs, options)?;
        nodes.extend(why.keys());
        why.extend(kept_operands(graph, &wanted, &|node| nodes.contains(&node), options));
        nodes.extend(why.keys());
        let mut level: FxHashMap<NodeId, usize> = FxHashMap::default();
        let mut buffered = FxHashSet::default();
        for &node in &wanted {
            let inputs = inputs(graph, node, options);
            let after = |n: &NodeId| level[n] + usize::from(nodes.contains(n));
            let here = inputs.iter().map(after).max().unwrap_or(0);
            level.insert(node, here);
            buffered.extend(inputs.into_iter().filter(|n| nodes.contains(n)));
        }
        let plain = |o: &&Output| matches!(o.cut, Cut::Grid(_)) || peel(graph, o.node) != o.node;
        buffered.extend(outputs.iter().filter(plain).map(|o| peel(graph, o.node)).filter(|n| nodes.contains(n)));
        Ok(Self { nodes, why, buffered, level })
    }

    fn ordered(&self) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.nodes.iter().copied().collect();
        nodes.sort_unstable();
        nodes
    }

    fn key(&self, graph: &Graph, node: NodeId) -> (Key, NodeId) {
        let level = self.level[&node];
        match &graph[node].kind {
            NodeKind::Fold { input, axes, .. } => {
                (Key { level, space: graph[*input].shape.clone(), end: End::Fold(axes.clone()) }, *input)
            }
            NodeKind::Contract { .. } => {
                (Key { level, space: graph[node].shape.clone(), end: End::Contract(node) }, node)
            }
            _ => (Key { level, space: graph[node].shape.clone(), end: End::Store(Cut::Engine) }, node),
        }
    }

    /// The first level at which a node's value can be read.
    fn readable_at(&self, node: NodeId) -> usize {
        self.level[&node] + usize::from(self.nodes.contains(&node))
    }
}

/// The node that says where the blocks of running values begin: it is small, and read by all of them.
fn scan_begins(graph: &Graph, node: NodeId, options: &Options) -> Option<NodeId> {
    let NodeKind::Scan { before, .. } = graph[node].kind else { return None };
    before.filter(|_| !is_carried(&graph[node], options))
}

/// Whether any output needs a node, ascending.
fn reachable(graph: &Graph, outputs: &[Output], options: &Options) -> Vec<NodeId> {
    let mut wanted: FxHashSet<NodeId> = FxHashSet::default();
    let mut open: Vec<NodeId> = outputs.iter().map(|o| o.node).collect();
    while let Some(node) = open.pop() {
        if wanted.insert(node) {
            open.extend(inputs(graph, node, options));
        }
    }
    let mut wanted: Vec<NodeId> = wanted.into_iter().collect();
    wanted.sort_unstable();
    wanted
}

/// The node of the same elements below views and cuts that change nothing.
fn peel(graph: &Graph, mut node: NodeId) -> NodeId {
    loop {
        node = match &graph[node].kind {
            NodeKind::Rechunk(input) => *input,
            NodeKind::View { input, view } if view.is_identity(&graph[*input].shape) => *input,
            _ => return node,
        };
    }
}

fn group_of(groups: &mut Vec<Group>, key: Key) -> &mut Group {
    let place = groups.iter().position(|g| g.key == key).unwrap_or(groups.len());
    if place == groups.len() {
        groups.push(Group { key, goals: Vec::new(), product: None });
    }
    &mut groups[place]
}

/// Lets the stage that makes a node hand it over too, or adds one that does.
fn place_output(
    graph: &Graph,
    ends: &Ends,
    groups: &mut Vec<Group>,
    number: usize,
    output: &Output,
) -> Result<(), PlanError> {
    let (node, space) = (peel(graph, output.node), &graph[output.node].shape);
    if matches!(&output.cut, Cut::Grid(grid) if grid.shape() != *space) {
        return Err(PlanError::WrongGrid { node: output.node });
    }
    if output.cut == Cut::Engine && ends.nodes.contains(&node) {
        let made = groups.iter_mut().flat_map(|g| &mut g.goals).find(|goal| goal.node == node);
        made.into_iter().for_each(|goal| goal.outputs.push(number));
        return Ok(());
    }
    let key = Key { level: ends.readable_at(node), space: space.clone(), end: End::Store(output.cut.clone()) };
    let goals = &mut group_of(groups, key).goals;
    match goals.iter_mut().find(|g| g.root == node) {
        Some(goal) => goal.outputs.push(number),
        None => goals.push(Goal { node, root: node, buffer: None, outputs: SmallVec::from_slice(&[number]) }),
    }
    Ok(())
}

fn assemble(graph: &Graph, outputs: &[Output], groups: &[Group], options: &Options) -> Result<Plan, PlanError> {
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
        let stage = match (&bundle[..], &bundle[0].key.end) {
            ([group], End::Contract(node)) => {
                let program = Program { space: group.key.space.clone(), ..program };
                let goals = vec![StoreGoal { slot: Slot(0), dtype: graph[*node].dtype, target: targets[0].clone() }];
                contract_stage(graph, *node, (program, goals), &holding, options)?
            }
            ([group], End::Fold(_) | End::Store(_)) => match group.product {
                Some(node) => {
                    let goals = store_goals(graph, group, &program, &targets);
                    contract_stage(graph, node, (with_local_product(program), goals), &holding, options)?
                }
                None => match mirrored_stage(graph, group, &program, &targets, &holding, options)? {
                    Some(stage) => stage,
                    None => stage(graph, group, program, &targets, options),
                },
            },
            (several, _) => match joint_stage(graph, several, program, &targets, options) {
                Some(stage) => stage,
                None => {
                    plan.buffers.truncate(buffers);
                    several.iter().rev().for_each(|group| bundles.push_front(vec![group]));
                    continue;
                }
            },
        };
        stage.programs().for_each(|program| note_reads(program, &mut plan.buffers, number));
        plan.stages.push(stage);
        let made = goals.iter().zip(&targets).filter_map(|(g, t)| t.buffer.map(|b| (g.node, b)));
        held.extend(made);
    }
    Ok(plan)
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
    if !matches!(group.key.end, End::Fold(_)) || !reads_turned(program) || reads_stored(program, options) {
        return Ok(None);
    }
    let space = &group.key.space;
    let roots: Vec<NodeId> = group.goals.iter().map(|goal| goal.root).collect();
    let Some((program, axes)) = build_mirrored(graph, space, &roots, holding)? else { return Ok(None) };
    let goals = fold_goals(graph, group, &program.results, targets, space);
    let lattice = Lattice::new(space, reduced(group));
    let kept = lattice.kept.iter().map(|&axis| space[axis]).collect::<Shape>();
    let tile = inner_box(&kept, TILE_LEN / lattice.cell.size().max(1));
    let Some((cut, block)) = mirrored_cut(space, &lattice, &tile, &axes, state_bytes(&goals), options) else {
        return Ok(None);
    };
    // What is made is made for one of two places only.
    let made = program.weight() - program.steps.iter().map(|s| s.action.weight()).sum::<f64>();
    let weight = program.weight() - made / 2.0 + goals.iter().map(|g| g.op.weight()).sum::<f64>();
    let twins = (0..program.locals.len()).step_by(2).map(|first| (first, first + 1)).collect();
    let mirror = Some(Mirror { axes, block, twins });
    let tasks = cut.boxes.count() * cut.spans;
    let work = Work::Fold(FoldWork { mirror, ..fold_work(lattice, cut, goals) });
    Ok(Some(Stage { space: space.clone(), program, work, tasks, weight }))
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
