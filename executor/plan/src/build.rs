//! Programs from nodes: views are composed on the way down, so that they end as index arithmetic on the
//! fills and loads below, and a node seen twice through the same view is computed once.

use crate::error::PlanError;
use crate::locals::{self, Found};
use crate::mirror::{self, Opposite, Twin};
use crate::program::{Action, Local, Making, Origin, Program, Slot, Step};
use crate::progression::{Placed, place_patch};
use crate::stage::BufferId;
use cleave_graph::{Graph, Node, NodeId, NodeKind};
use cleave_ops::{DType, Fill, Shape, View};
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

/// The most steps of one stage, nested programs included.
pub const MAX_STEPS: usize = 50_000;

/// Which nodes are read from what an earlier stage left.
pub type Held<'a> = &'a dyn Fn(NodeId) -> Option<BufferId>;

/// The program that computes `roots`, all of shape `space`; its results stand in the same order.
pub fn build(graph: &Graph, space: &Shape, roots: &[NodeId], held: Held<'_>) -> Result<Program, PlanError> {
    let mut budget = MAX_STEPS;
    let wants: Vec<Want> = roots.iter().map(|&node| Want { node, view: View::identity(space) }).collect();
    build_seen(graph, space, wants, held, &mut budget)
}

/// The program that computes one node seen through a view.
pub fn build_through(graph: &Graph, root: NodeId, view: View, held: Held<'_>) -> Result<Program, PlanError> {
    let space = view.shape.clone();
    build_seen(graph, &space, vec![Want { node: root, view }], held, &mut MAX_STEPS.clone())
}

/// The same for opposite places at once: what both read is made block by block, the same node once for each place.
/// `None` where nothing is read by both, or something else must be made block by block.
pub(crate) fn build_mirrored(
    graph: &Graph,
    space: &Shape,
    roots: &[NodeId],
    held: Held<'_>,
) -> Result<Option<(Program, Opposite)>, PlanError> {
    let seen: Vec<(NodeId, View)> = roots.iter().map(|&node| (node, View::identity(space))).collect();
    let Some((opposite, twins)) = mirror::twins(graph, &seen, |node| held(node).is_some()) else { return Ok(None) };
    let is_twin = |node: NodeId| twins.iter().any(|twin| twin.node == node);
    let whole = |node: NodeId| (node, View::identity(&graph[node].shape));
    let made_here = twins.iter().map(|twin| twin.node).filter(|&node| held(node).is_none());
    let below: Vec<(NodeId, View)> = made_here.flat_map(|node| graph[node].kind.inputs()).map(whole).collect();
    let rest = locals::find(graph, &seen, |node| held(node).is_some() || is_twin(node));
    if !rest.is_empty() || !locals::find(graph, &below, |node| held(node).is_some()).is_empty() {
        return Ok(None);
    }
    let (mut budget, none, mut made) = (MAX_STEPS, FxHashMap::default(), FxHashMap::default());
    let mut all = Vec::with_capacity(2 * twins.len());
    for Twin { node, views } in twins {
        for view in views {
            made.insert(Want { node, view }, all.len() as u32);
            all.push(local(graph, node, held, &none, &mut budget)?);
        }
    }
    let wants = seen.into_iter().map(|(node, view)| Want { node, view }).collect();
    let program = straight(graph, space, wants, held, &made, &mut budget)?;
    Ok(Some((Program { locals: all, ..program }, opposite)))
}

/// A node, seen through a view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Want {
    node: NodeId,
    view: View,
}

fn build_seen(
    graph: &Graph,
    space: &Shape,
    wants: Vec<Want>,
    held: Held<'_>,
    budget: &mut usize,
) -> Result<Program, PlanError> {
    let seen: Vec<(NodeId, View)> = wants.iter().map(|w| (w.node, w.view.clone())).collect();
    let found = locals::find(graph, &seen, |node| held(node).is_some());
    let mut made: FxHashMap<Want, u32> = FxHashMap::default();
    let mut all = Vec::with_capacity(found.len());
    for (number, Found { node, views }) in found.into_iter().enumerate() {
        all.push(local(graph, node, held, &made, budget)?);
        made.extend(views.into_iter().map(|view| (Want { node, view }, number as u32)));
    }
    let program = straight(graph, space, wants, held, &made, budget)?;
    Ok(Program { locals: all, ..program })
}

/// What makes a node block by block, from those that are made already.
fn local(
    graph: &Graph,
    node: NodeId,
    held: Held<'_>,
    made: &FxHashMap<Want, u32>,
    budget: &mut usize,
) -> Result<Local, PlanError> {
    let Node { kind, shape, dtype, .. } = &graph[node];
    let whole = |node: NodeId| Want { node, view: View::identity(&graph[node].shape) };
    let (of, making) = match kind {
        NodeKind::Scan { op, loop_index, input, axis, before } => {
            let before = before.filter(|&b| held(b).is_some());
            let before = before.map(|b| build_seen(graph, &graph[b].shape, vec![whole(b)], held, budget));
            let before = before.transpose()?.map(Box::new);
            (*input, Making::Scan { op, loop_index: *loop_index, axis: *axis, before })
        }
        _ => (node, Making::Plain),
    };
    let others: FxHashMap<Want, u32> =
        made.iter().filter(|(w, _)| w.node != node).map(|(w, &n)| (w.clone(), n)).collect();
    let program = straight(graph, shape, vec![whole(of)], held, &others, budget)?;
    Ok(Local { program, making, dtype: *dtype })
}

/// The steps for `wants`, those in `made` being there already.
fn straight(
    graph: &Graph,
    space: &Shape,
    wants: Vec<Want>,
    held: Held<'_>,
    made: &FxHashMap<Want, u32>,
    budget: &mut usize,
) -> Result<Program, PlanError> {
    let memo = FxHashMap::default();
    let mut builder = Builder { graph, held, made, budget, memo, known: FxHashMap::default(), code: Vec::new() };
    let results = wants.into_iter().map(|w| builder.lower(w)).collect::<Result<Vec<Slot>, _>>()?;
    let code = Code { steps: builder.code, results };
    let code = code.twins_together(&builder.known);
    Ok(assign(space, &code.steps, &code.results))
}

/// Steps that each make a value, which others read by its number, and the values that were asked for.
struct Code {
    steps: Vec<(Action, DType)>,
    results: Vec<Slot>,
}

impl Code {
    /// Puts steps that share work side by side, where the earlier one stands.
    fn twins_together(self, known: &FxHashMap<Action, Slot>) -> Code {
        let mut pairs: FxHashMap<usize, [usize; 2]> = FxHashMap::default();
        for (first, (action, _)) in self.steps.iter().enumerate() {
            if let Some(second) = action.twin().and_then(|twin| known.get(&twin)) {
                let second = second.0 as usize;
                pairs.insert(first.min(second), [first, second]);
            }
        }
        if pairs.is_empty() {
            return self;
        }
        let mut order: Vec<usize> = Vec::with_capacity(self.steps.len());
        let mut place = vec![None; self.steps.len()];
        for number in 0..self.steps.len() {
            for &step in pairs.get(&number).map_or(&[number][..], |pair| pair) {
                if place[step].is_none() {
                    place[step] = Some(Slot(order.len() as u32));
                    order.push(step);
                }
            }
        }
        let place: Vec<Slot> = place.into_iter().flatten().collect();
        let steps = order.iter().map(|&i| (renamed(&self.steps[i].0, &place), self.steps[i].1)).collect();
        Code { steps, results: self.results.iter().map(|s| place[s.0 as usize]).collect() }
    }
}

struct Builder<'a> {
    graph: &'a Graph,
    held: Held<'a>,
    /// Which wants are made block by block.
    made: &'a FxHashMap<Want, u32>,
    budget: &'a mut usize,
    /// The value of what was lowered already; a value's number is its place in `code`.
    memo: FxHashMap<Want, Slot>,
    known: FxHashMap<Action, Slot>,
    code: Vec<(Action, DType)>,
}

/// What a want is made of, once the views have been pushed one node down.
enum Parts {
    /// The same as another.
    Same(Want),
    /// Nothing that is lowered here.
    Leaf(Action),
    /// An action over others.
    Over(SmallVec<[Want; 3]>),
}

impl Builder<'_> {
    /// Lowers with a stack of its own, since a loop of a notebook makes graphs of any depth.
    fn lower(&mut self, root: Want) -> Result<Slot, PlanError> {
        let mut stack = vec![root.clone()];
        while let Some(want) = stack.last().cloned() {
            if self.memo.contains_key(&want) {
                stack.pop();
                continue;
            }
            let parts = self.parts(&want)?;
            let missing: Vec<Want> = parts.wants().iter().filter(|w| !self.memo.contains_key(w)).cloned().collect();
            if missing.is_empty() {
                let slot = self.emit(&want, parts)?;
                self.memo.insert(want, slot);
                stack.pop();
            }
            stack.extend(missing);
        }
        Ok(self.memo[&root])
    }

    fn parts(&self, want: &Want) -> Result<Parts, PlanError> {
        let (node, view) = (&self.graph[want.node], &want.view);
        if let Some(&number) = self.made.get(want) {
            return Ok(load(Origin::Local(number), &node.shape, view));
        }
        if let Some(buffer) = (self.held)(want.node) {
            return Ok(load(Origin::Buffer(buffer), &node.shape, view));
        }
        let through = |input: NodeId, view: &View| Want { node: input, view: view.clone() };
        Ok(match &node.kind {
            NodeKind::Fill(fill) => Parts::Leaf(fill_action(fill, &node.shape, view)),
            NodeKind::Load(source) => load(Origin::Stored(*source), &node.shape, view),
            NodeKind::Map { inputs, .. } => Parts::Over(inputs.iter().map(|&i| through(i, view)).collect()),
            NodeKind::Cast(input) => Parts::Over(smallvec![through(*input, view)]),
            NodeKind::Rechunk(input) | NodeKind::Place(input, _) => Parts::Same(through(*input, view)),
            NodeKind::View { input, view: inner } => Parts::Same(through(*input, &view.of(inner))),
            NodeKind::Overlay { base, patch, place } => match self.placed(want.node, view, place)? {
                Placed::Everywhere(seen) => Parts::Same(through(*patch, &seen)),
                Placed::At(..) => Parts::Over(smallvec![through(*base, view)]),
                Placed::Nowhere => Parts::Same(through(*base, view)),
            },
            NodeKind::Fold { .. } | NodeKind::Contract { .. } => {
                unreachable!("it ends a stage, so its result is held")
            }
            NodeKind::Scan { .. } => unreachable!("running values are made block by block"),
        })
    }

    fn placed(&self, node: NodeId, view: &View, place: &View) -> Result<Placed, PlanError> {
        place_patch(view, place).map_err(|_| PlanError::CoupledPatch { node })
    }

    /// Writes the step of a want whose parts are lowered.
    fn emit(&mut self, want: &Want, parts: Parts) -> Result<Slot, PlanError> {
        let dtype = self.graph[want.node].dtype;
        match parts {
            Parts::Same(other) => Ok(self.memo[&other]),
            Parts::Leaf(action) => self.push(want.node, action, dtype),
            Parts::Over(wants) => {
                let inputs: SmallVec<[Slot; 3]> = wants.iter().map(|w| self.memo[w]).collect();
                let action = self.action(want, inputs)?;
                self.push(want.node, action, dtype)
            }
        }
    }

    fn action(&mut self, want: &Want, inputs: SmallVec<[Slot; 3]>) -> Result<Action, PlanError> {
        match &self.graph[want.node].kind {
            NodeKind::Map { op, loop_index, .. } => Ok(Action::Map { op, loop_index: *loop_index, inputs }),
            NodeKind::Cast(_) => Ok(Action::Cast { input: inputs[0] }),
            NodeKind::Overlay { patch, place, .. } => match self.placed(want.node, &want.view, place)? {
                Placed::At(place, view) => self.overlay(inputs[0], *patch, place, view),
                Placed::Nowhere | Placed::Everywhere(_) => unreachable!("such an overlay is its base or its patch"),
            },
            NodeKind::Fill(_)
            | NodeKind::Load(_)
            | NodeKind::Fold { .. }
            | NodeKind::Scan { .. }
            | NodeKind::Contract { .. }
            | NodeKind::View { .. }
            | NodeKind::Rechunk(_)
            | NodeKind::Place(..) => {
                unreachable!("only maps, casts and overlays have parts to act on")
            }
        }
    }

    fn overlay(
        &mut self,
        base: Slot,
        patch: NodeId,
        place: SmallVec<[crate::progression::Progression; 4]>,
        view: View,
    ) -> Result<Action, PlanError> {
        let space = view.shape.clone();
        let program = build_seen(self.graph, &space, vec![Want { node: patch, view }], self.held, self.budget)?;
        Ok(Action::Overlay { base, patch: Box::new(program), place })
    }

    fn push(&mut self, node: NodeId, action: Action, dtype: DType) -> Result<Slot, PlanError> {
        if let Some(&slot) = self.known.get(&action).filter(|s| self.code[s.0 as usize].1 == dtype) {
            return Ok(slot);
        }
        *self.budget = self.budget.checked_sub(1).ok_or(PlanError::TooManySteps { node, limit: MAX_STEPS })?;
        let slot = Slot(self.code.len() as u32);
        self.known.insert(action.clone(), slot);
        self.code.push((action, dtype));
        Ok(slot)
    }
}

impl Parts {
    fn wants(&self) -> &[Want] {
        match self {
            Parts::Same(want) => std::slice::from_ref(want),
            Parts::Leaf(_) => &[],
            Parts::Over(wants) => wants,
        }
    }
}

fn load(origin: Origin, shape: &Shape, view: &View) -> Parts {
    Parts::Leaf(Action::Load { origin, shape: shape.clone(), view: plain(view) })
}

fn fill_action(fill: &Fill, shape: &Shape, view: &View) -> Action {
    match fill {
        Fill::Const(_) => {
            let view = View { shape: view.shape.clone(), source: SmallVec::new() };
            Action::Fill { fill: fill.clone(), shape: Shape::default(), view }
        }
        _ => Action::Fill { fill: fill.clone(), shape: shape.clone(), view: plain(view) },
    }
}

/// The same view, with an index that never changes written as a fixed one.
fn plain(view: &View) -> View {
    let mut view = view.clone();
    for s in &mut view.source {
        s.terms.retain(|t| view.shape[t.axis] != 1);
    }
    view
}

/// Gives each value a register; registers of values that are no longer read are used again, except those of
/// constants, which stay filled from tile to tile.
fn assign(space: &Shape, code: &[(Action, DType)], results: &[Slot]) -> Program {
    let mut last_read: Vec<usize> = vec![0; code.len()];
    for (i, (action, _)) in code.iter().enumerate() {
        action.inputs().iter().for_each(|s| last_read[s.0 as usize] = i);
    }
    results.iter().for_each(|s| last_read[s.0 as usize] = usize::MAX);
    let mut program = Program { space: space.clone(), ..Program::default() };
    let mut free: FxHashMap<DType, Vec<Slot>> = FxHashMap::default();
    let mut place: Vec<Slot> = Vec::with_capacity(code.len());
    for (i, (action, dtype)) in code.iter().enumerate() {
        let over = overwritten(action, code, i, &last_read).map(|base| place[base.0 as usize]);
        let reused = match over {
            Some(base) => Some(base),
            None if action.is_constant() => None,
            None => free.entry(*dtype).or_default().pop(),
        };
        let out = reused.unwrap_or_else(|| {
            program.slots.push(*dtype);
            Slot(program.slots.len() as u32 - 1)
        });
        let mut done: SmallVec<[Slot; 3]> = action.inputs();
        done.sort_unstable();
        done.dedup();
        done.retain(|_| over.is_none());
        for value in done.into_iter().filter(|v| last_read[v.0 as usize] == i && !code[v.0 as usize].0.is_constant()) {
            free.entry(code[value.0 as usize].1).or_default().push(place[value.0 as usize]);
        }
        program.steps.push(Step { out, action: renamed(action, &place) });
        place.push(out);
    }
    program.results = results.iter().map(|s| place[s.0 as usize]).collect();
    program
}

/// The base over which a patch is laid, where nobody else reads that base and its register holds it: a load may
/// stand for elements that lie elsewhere.
fn overwritten(action: &Action, code: &[(Action, DType)], at: usize, last_read: &[usize]) -> Option<Slot> {
    let Action::Overlay { base, .. } = action else { return None };
    let value = base.0 as usize;
    let is_own = !code[value].0.is_constant() && !matches!(code[value].0, Action::Load { .. });
    (last_read[value] == at && is_own).then_some(*base)
}

fn renamed(action: &Action, place: &[Slot]) -> Action {
    let mut action = action.clone();
    match &mut action {
        Action::Map { inputs, .. } => inputs.iter_mut().for_each(|s| *s = place[s.0 as usize]),
        Action::Cast { input: slot } | Action::Overlay { base: slot, .. } => *slot = place[slot.0 as usize],
        Action::Fill { .. } | Action::Load { .. } => {}
    }
    action
}
