//! What is computed from a product as soon as a part of it is finished: a pass that is the only one to read the
//! product, element by element, becomes a part of the stage that multiplies, and the product is never kept.

use crate::build::build;
use crate::contract_cut::sides;
use crate::error::PlanError;
use crate::plan::Options;
use crate::program::{Action, Origin, Program};
use crate::stage::BufferId;
use cleave_graph::{Graph, NodeId};
use cleave_ops::view::SourceAxis;
use cleave_ops::{Shape, View};
use rustc_hash::{FxHashMap, FxHashSet};

/// A pass over some space, before there is a stage for it.
pub(crate) struct Pass<'a> {
    /// What it computes.
    pub(crate) roots: Vec<NodeId>,
    pub(crate) space: &'a Shape,
    /// Whether it keeps all elements in blocks of any lengths.
    pub(crate) is_free: bool,
    /// The product it is made for, if it is no other pass.
    pub(crate) product: Option<NodeId>,
    /// Whether its result is wanted as it is.
    pub(crate) is_wanted: bool,
}

/// For passes that go on with a product, by number, that product; `ends` are the nodes whose values passes leave.
pub(crate) fn epilogues(
    graph: &Graph,
    passes: &[Pass<'_>],
    ends: &FxHashSet<NodeId>,
    options: &Options,
) -> Result<FxHashMap<usize, NodeId>, PlanError> {
    let products = passes.iter().filter(|pass| !pass.is_wanted).filter_map(|pass| pass.product);
    let open: FxHashSet<NodeId> = products.filter(|&node| sides(graph, node).segments() == 1).collect();
    let mut found = FxHashMap::default();
    if open.is_empty() {
        return Ok(found);
    }
    let mut readers: FxHashMap<NodeId, Vec<usize>> = FxHashMap::default();
    for (number, pass) in passes.iter().enumerate() {
        for node in read(graph, pass, ends).into_iter().filter(|node| open.contains(node)) {
            readers.entry(node).or_default().push(number);
        }
    }
    let mut alone: Vec<(NodeId, usize)> = readers
        .into_iter()
        .filter_map(|(node, by)| if let [one] = by[..] { Some((node, one)) } else { None })
        .collect();
    alone.sort_unstable();
    for (node, number) in alone {
        let pass = &passes[number];
        if pass.is_free && *pass.space == graph[node].shape {
            let is_held = |other: NodeId| ends.contains(&other) && !pass.roots.contains(&other);
            let held = |other: NodeId| is_held(other).then_some(BufferId(other.0));
            let program = build(graph, pass.space, &pass.roots, &held)?;
            if continues(&program, BufferId(node.0), options) {
                found.insert(number, node);
            }
        }
    }
    Ok(found)
}

/// The ends whose values a pass reads.
fn read(graph: &Graph, pass: &Pass<'_>, ends: &FxHashSet<NodeId>) -> FxHashSet<NodeId> {
    let (mut seen, mut found, mut open) = (FxHashSet::default(), FxHashSet::default(), Vec::new());
    for &root in &pass.roots {
        let is_made = pass.product == Some(root) || pass.is_free;
        if is_made { open.extend(graph[root].kind.inputs()) } else { open.push(root) }
    }
    while let Some(node) = open.pop() {
        if ends.contains(&node) {
            found.insert(node);
        } else if seen.insert(node) {
            open.extend(graph[node].kind.inputs());
        }
    }
    found
}

/// Whether a program reads a value element by element, and otherwise only what lies in memory.
fn continues(program: &Program, product: BufferId, options: &Options) -> bool {
    let is_easy = |action: &Action| match action {
        Action::Load { origin: Origin::Buffer(id), view, shape } if *id == product => is_itself(view, shape),
        Action::Load { origin: Origin::Stored(id), .. } => options.sources.get(id).is_none_or(|s| s.is_resident()),
        Action::Overlay { .. } => false,
        Action::Load { .. } | Action::Fill { .. } | Action::Map { .. } | Action::Cast { .. } => true,
    };
    program.locals.is_empty() && program.steps.iter().all(|step| is_easy(&step.action))
}

/// Whether a view shows every element at its own index; axes of one element follow no other.
fn is_itself(view: &View, shape: &Shape) -> bool {
    let own = |(axis, s): (usize, &SourceAxis)| match s.terms.as_slice() {
        [] => s.start == 0 && shape[axis] == 1,
        [term] => s.start == 0 && term.axis == axis && term.step == 1,
        _ => false,
    };
    view.shape == *shape && view.source.iter().enumerate().all(own)
}

/// The number under which a program finds the product while it is built.
pub(crate) const PRODUCT: BufferId = BufferId(u32::MAX);

/// The program with the product as its local 0.
pub(crate) fn with_local_product(mut program: Program) -> Program {
    for step in &mut program.steps {
        if let Action::Load { origin: origin @ Origin::Buffer(PRODUCT), .. } = &mut step.action {
            *origin = Origin::Local(0);
        }
    }
    program
}
