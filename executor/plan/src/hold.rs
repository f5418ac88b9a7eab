//! Which values are kept between stages although they could be computed again: those whose second computation
//! costs clearly more than writing and reading them.

use crate::carry::inputs;
use crate::error::PlanError;
use crate::locals::serves;
use crate::plan::{Cut, Options, Output, nbytes};
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::{Fill, Shape, View};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

/// How much dearer computing again must be than keeping: memory has other uses.
const MARGIN: f64 = 2.0;
/// The most readings of a node that are told apart.
const MOST_READINGS: usize = 64;
/// The most nodes below a node that are counted.
const MOST_BELOW: usize = 200;
/// The least elements that are worth a stage of their own.
const LEAST_LEN: usize = 64;
/// How much faster than memory a value is that was read just before.
const NEAR: f64 = 4.0;

/// Why a value is kept between stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// It is a reduction's result, without which nothing after it can be computed.
    Result,
    /// It is running values, most of which would be made again for each block of the stage that reads them.
    Running {
        /// The axis along which they go.
        axis: usize,
    },
    /// Several stages read it.
    Shared {
        /// Seconds that computing it again would take beyond keeping it in memory.
        saved_s: f64,
    },
    /// One stage reads it at several places.
    Seen {
        /// Seconds that computing it again would take beyond keeping it in memory.
        saved_s: f64,
    },
}

impl Why {
    /// Seconds saved by keeping the value; endless where there is no other way.
    pub fn saved_s(&self) -> f64 {
        match self {
            Why::Result | Why::Running { .. } => f64::INFINITY,
            Why::Shared { saved_s } | Why::Seen { saved_s } => *saved_s,
        }
    }
}

/// One way in which a node is read: in which pass, through which view.
type Reading = (usize, View);
type Readings = FxHashMap<NodeId, FxHashSet<Reading>>;

/// The elementwise nodes worth keeping, each with the reason; those above them count as kept.
pub(crate) fn worth_keeping(
    graph: &Graph,
    wanted: &[NodeId],
    outputs: &[Output],
    options: &Options,
) -> Result<FxHashMap<NodeId, Why>, PlanError> {
    let mut passes = Passes::of(graph, wanted, outputs, options);
    let mut readings = Readings::default();
    for (number, output) in outputs.iter().enumerate() {
        let seen = View::identity(&graph[output.node].shape);
        readings.entry(output.node).or_default().insert((passes.outputs[number], seen));
    }
    let mut kept = FxHashMap::default();
    for &node in wanted.iter().rev() {
        options.go_on()?;
        let mut read = made_once(graph, node, readings.remove(&node).unwrap_or_default());
        if let Some(why) = verdict(graph, node, &read, options) {
            kept.insert(node, why);
            read = FxHashSet::from_iter([(passes.count + node.0 as usize, View::identity(&graph[node].shape))]);
        }
        for (pass, view) in read {
            pass_on(graph, options, &mut passes, (node, pass), &view, &mut readings);
        }
    }
    Ok(kept)
}

/// The passes over data there would be if only reductions and outputs ended one.
struct Passes {
    folds: FxHashMap<NodeId, usize>,
    outputs: Vec<usize>,
    count: usize,
    /// What each patch of a pass counts as: nothing is shared with the pass it is laid in.
    patches: FxHashMap<(usize, NodeId), usize>,
}

/// Ends with equal keys share a pass.
#[derive(PartialEq, Eq, Hash)]
struct Pass {
    level: usize,
    space: Shape,
    end: End,
}

#[derive(PartialEq, Eq, Hash)]
enum End {
    Fold(SmallVec<[usize; 4]>),
    Output(Cut),
}

impl Passes {
    fn of(graph: &Graph, wanted: &[NodeId], outputs: &[Output], options: &Options) -> Self {
        let mut level: FxHashMap<NodeId, usize> = FxHashMap::default();
        let mut numbers: FxHashMap<Pass, usize> = FxHashMap::default();
        let mut number = |pass: Pass| {
            let next = numbers.len();
            *numbers.entry(pass).or_insert(next)
        };
        let mut folds = FxHashMap::default();
        let is_fold = |n: NodeId| usize::from(matches!(graph[n].kind, NodeKind::Fold { .. }));
        for &node in wanted {
            let below = inputs(graph, node, options);
            let here = below.iter().map(|n| level[n] + is_fold(*n)).max().unwrap_or(0);
            level.insert(node, here);
            if let NodeKind::Fold { input, axes, .. } = &graph[node].kind {
                let pass = Pass { level: here, space: graph[*input].shape.clone(), end: End::Fold(axes.clone()) };
                folds.insert(node, number(pass));
            }
        }
        let of = |o: &Output| Pass {
            level: level[&o.node] + is_fold(o.node),
            space: graph[o.node].shape.clone(),
            end: End::Output(o.cut.clone()),
        };
        let outputs = outputs.iter().map(|o| number(of(o))).collect();
        Self { folds, outputs, count: numbers.len(), patches: FxHashMap::default() }
    }

    /// The pass that stands for the patch of an overlay; its number is beyond those of nodes that are kept.
    fn of_patch(&mut self, pass: usize, overlay: NodeId) -> usize {
        let next = (1 << 40) + self.patches.len();
        *self.patches.entry((pass, overlay)).or_insert(next)
    }
}

/// Notes through which views a node's inputs are read when it is read through `view`.
fn pass_on(
    graph: &Graph,
    options: &Options,
    passes: &mut Passes,
    (node, pass): (NodeId, usize),
    view: &View,
    readings: &mut Readings,
) {
    let mut note = |input: NodeId, pass: usize, view: View| {
        let read = readings.entry(input).or_default();
        if read.len() < MOST_READINGS {
            read.insert((pass, view));
        }
    };
    match &graph[node].kind {
        NodeKind::Fill(_) | NodeKind::Load(_) => {}
        NodeKind::Fold { input, .. } => note(*input, passes.folds[&node], View::identity(&graph[*input].shape)),
        NodeKind::Contract { .. } | NodeKind::Scan { .. } => {
            let whole = |&i: &NodeId| note(i, pass, View::identity(&graph[i].shape));
            inputs(graph, node, options).iter().for_each(whole);
        }
        NodeKind::View { input, view: inner } => note(*input, pass, view.of(inner)),
        NodeKind::Overlay { base, patch, .. } => {
            note(*base, pass, view.clone());
            note(*patch, passes.of_patch(pass, node), View::identity(&graph[*patch].shape));
        }
        NodeKind::Map { .. } | NodeKind::Cast(_) | NodeKind::Rechunk(_) | NodeKind::Place(..) => {
            graph[node].kind.inputs().iter().for_each(|&i| note(i, pass, view.clone()));
        }
    }
}

/// The readings that are left where a pass makes a node block by block for all its views.
fn made_once(graph: &Graph, node: NodeId, read: FxHashSet<Reading>) -> FxHashSet<Reading> {
    let mut passes: FxHashMap<usize, Vec<View>> = FxHashMap::default();
    read.into_iter().for_each(|(pass, view)| passes.entry(pass).or_default().push(view));
    let whole = || vec![View::identity(&graph[node].shape)];
    let left = |(pass, views): (usize, Vec<View>)| {
        let views = if serves(&views) { whole() } else { views };
        views.into_iter().map(move |view| (pass, view))
    };
    passes.into_iter().flat_map(left).collect()
}

/// Whether a node that is read in those ways is worth keeping.
fn verdict(graph: &Graph, node: NodeId, read: &FxHashSet<Reading>, options: &Options) -> Option<Why> {
    let here = &graph[node];
    let elementwise = matches!(
        here.kind,
        NodeKind::Map { .. } | NodeKind::Overlay { .. } | NodeKind::Cast(_) | NodeKind::Fill(Fill::Random { .. })
    );
    let len = here.shape.size();
    let visits: f64 = read.iter().map(|(_, view)| view.shape.size() as f64).sum();
    if !elementwise || len < LEAST_LEN || visits <= len as f64 || options.choices.denied.contains(&node) {
        return None;
    }
    let (rates, threads) = (&options.rates, options.threads);
    let again_s = (visits - len as f64) * element_s(graph, node, options) / rates.speedup(threads);
    let size = here.dtype.size() as f64;
    let mut keep_s = rates.stage_s + rates.memory_s(len as f64 * size, visits * size / NEAR, threads);
    let mut passes: SmallVec<[usize; 4]> = read.iter().map(|r| r.0).collect();
    passes.sort_unstable();
    passes.dedup();
    let bytes = nbytes(&here.shape, here.dtype);
    if options.memory_limit_bytes > 0 && bytes > options.memory_limit_bytes {
        keep_s += rates.disk_s(bytes as f64 * (1 + passes.len()) as f64);
    }
    let saved_s = again_s - keep_s;
    let why = if passes.len() > 1 { Why::Shared { saved_s } } else { Why::Seen { saved_s } };
    (again_s > MARGIN * keep_s).then_some(why)
}

/// Seconds of one thread for an element of a node and all that is computed with it.
fn element_s(graph: &Graph, node: NodeId, options: &Options) -> f64 {
    let (mut seen, mut open, mut seconds) = (FxHashSet::default(), vec![node], 0.0);
    while let Some(node) = open.pop().filter(|_| seen.len() < MOST_BELOW) {
        if seen.insert(node) {
            seconds += own_s(graph, node, options);
            if !matches!(graph[node].kind, NodeKind::Fold { .. } | NodeKind::Contract { .. }) {
                open.extend(graph[node].kind.inputs());
            }
        }
    }
    seconds
}

fn own_s(graph: &Graph, node: NodeId, options: &Options) -> f64 {
    let rates = &options.rates;
    match &graph[node].kind {
        NodeKind::Fill(Fill::Const(_)) | NodeKind::View { .. } | NodeKind::Rechunk(_) | NodeKind::Place(..) => 0.0,
        NodeKind::Fill(Fill::Random { law, .. }) => rates.draw_s(law),
        NodeKind::Fill(_) | NodeKind::Cast(_) | NodeKind::Overlay { .. } => rates.add_s,
        // What ends a stage is only read again.
        NodeKind::Fold { .. } | NodeKind::Contract { .. } => rates.add_s,
        NodeKind::Load(id) => match options.sources.get(id).is_none_or(|s| s.is_resident()) {
            true => rates.add_s,
            false => rates.disk_s(graph[node].dtype.size() as f64),
        },
        NodeKind::Map { op, .. } | NodeKind::Scan { op, .. } => op.weight() * rates.add_s,
    }
}
