//! Which nodes end a stage, and which stages there are.
//!
//! Every reduction and every output ends one. So does an elementwise node that is worth keeping
//! (`hold` says which are). All else is computed again in every stage
//! that reads it. Ends of one level (none needs another) with the same space and axes share a stage; reductions over
//! different axes do where one pass serves them all.

use crate::assemble::assemble;
use crate::carry::{inputs, is_carried};
use crate::contract_cut::kept_operands;
use crate::epilogue::{Pass, epilogues};
use crate::error::PlanError;
use crate::hold::{Why, worth_keeping};
use crate::plan::{Cut, Options, Output, Plan};
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::{Class, FoldLoop, Op, Shape};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

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
pub(crate) struct Key {
    pub(crate) level: usize,
    pub(crate) space: Shape,
    pub(crate) end: End,
}

/// What a stage ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fold(SmallVec<[usize; 4]>),
    Store(Cut),
    Contract(NodeId),
}

/// Ends that share a stage.
pub(crate) struct Group {
    pub(crate) key: Key,
    pub(crate) goals: Vec<Goal>,
    /// A product that is made in the same stage, and that nothing else reads.
    pub(crate) product: Option<NodeId>,
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

/// One end.
pub(crate) struct Goal {
    pub(crate) node: NodeId,
    /// What the program computes for it.
    pub(crate) root: NodeId,
    /// Why later stages read it, if any does.
    pub(crate) buffer: Option<Why>,
    pub(crate) outputs: SmallVec<[usize; 1]>,
}

impl Ends {
    fn find(graph: &Graph, outputs: &[Output], options: &Options) -> Result<Self, PlanError> {
        let wanted = reachable(graph, outputs, options);
        let fold = |&&n: &&NodeId| matches!(graph[n].kind, NodeKind::Fold { .. } | NodeKind::Contract { .. });
        let mut nodes: FxHashSet<NodeId> = wanted.iter().filter(fold).copied().collect();
        nodes.extend(wanted.iter().filter_map(|&n| scan_begins(graph, n, options)));
        let mut why = worth_keeping(graph, &wanted, outputs, options)?;
        if options.choices.keeps_running {
            why.extend(wanted.iter().filter_map(|&node| match graph[node].kind {
                NodeKind::Scan { axis, .. } => Some((node, Why::Running { axis })),
                _ => None,
            }));
        }
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
            NodeKind::Rechunk(input) | NodeKind::Place(input, _) => *input,
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
