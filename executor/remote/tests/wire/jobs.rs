//! Jobs to write down: random ones, and one with every kind of node.

use crate::support::random::{Case, Tape, case, chunks};
use cleave_graph::build::{BuildOptions, call};
use cleave_graph::node::Node;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::{Arg, AxisChunks, Chunks, DType, Fill, Law, OpError, Scalar, Shape, args, table};
use cleave_plan::{Cut, Holding, Machine};
use cleave_remote::spec::{JobParts, Planning, StoredPlace, StoredSource, Wanted};

pub(crate) fn planning() -> Planning {
    let rates = Machine { add_s: 0.4e-9, threads: 2, ..Machine::default() };
    Planning { threads: 4, memory_bytes: 0, rates, holding: Holding::AsFits }
}

/// A random job over a random graph.
pub(crate) fn random(numbers: Vec<u32>) -> JobParts {
    let mut tape = Tape::new(numbers);
    let Case { graph, nodes, .. } = case(&mut tape);
    let wanted = (0..1 + tape.below(2)).map(|_| {
        let node = nodes[nodes.len() - 1 - tape.below(nodes.len().min(3))];
        let cut = if tape.below(2) == 0 { Cut::Engine } else { Cut::Grid(chunks(&graph[node].shape, &mut tape)) };
        Wanted { node, cut, held: tape.below(2) == 0, zarr: (tape.below(4) == 0).then(|| "out.zarr".to_string()) }
    });
    let wanted = wanted.collect();
    let sources = sources(&graph, &mut tape);
    let holding = if tape.below(3) == 0 { Holding::AllOnDisk } else { Holding::AsFits };
    let planning = Planning { threads: 1 + tape.below(16), holding, ..planning() };
    JobParts { graph, wanted, planning, sources }
}

/// A source for each node that loads one.
pub(crate) fn sources(graph: &Graph, tape: &mut Tape) -> Vec<StoredSource> {
    let mut sources: Vec<StoredSource> = vec![];
    for (_, node) in graph.iter() {
        let NodeKind::Load(id) = node.kind else { continue };
        if sources.iter().any(|s| s.id == id) {
            continue;
        }
        let place = match tape.below(3) {
            0 => StoredPlace::Put { number: id.0 },
            1 => StoredPlace::Npy { path: "x.npy".into() },
            _ => StoredPlace::Zarr { path: "x.zarr".into(), component: Some("t2m".into()) },
        };
        let (grid, resident) = (chunks(&node.shape, tape), tape.below(2) == 0);
        sources.push(StoredSource { id, dtype: node.dtype, grid, resident, place });
    }
    sources
}

struct Written {
    graph: Graph,
    made: Vec<NodeId>,
}

impl Written {
    fn fill(&mut self, fill: Fill, lens: &[usize], dtype: DType) -> NodeId {
        let shape = Shape::new(lens.iter().copied());
        let chunks = Chunks::single(&shape);
        self.graph.add(Node { kind: NodeKind::Fill(fill), shape, dtype, chunks })
    }

    /// A call of an operation; what it makes is wanted.
    fn call(&mut self, name: &str, arrays: &[NodeId], named: &[(&str, i64)]) {
        let made = self.try_call(name, arrays, named).unwrap();
        self.made.push(made);
    }

    fn try_call(&mut self, name: &str, arrays: &[NodeId], named: &[(&str, i64)]) -> Result<NodeId, OpError> {
        let array = |(index, &node): (usize, &NodeId)| {
            let Node { shape, dtype, .. } = self.graph[node].clone();
            Arg::Array { index, shape, dtype }
        };
        let positional = arrays.iter().enumerate().map(array).collect();
        let named = named.iter().map(|&(name, value)| (name.to_string(), Arg::from(value))).collect();
        let bound = args::bind(table::find(name).unwrap(), positional, named)?;
        call(&mut self.graph, &bound, arrays, &BuildOptions { chunk_bytes: 1 << 20 })
    }

    /// One more array, made of the last one and perhaps of itself.
    fn grow(&mut self, tape: &mut Tape) {
        let last = *self.made.last().unwrap();
        let axis = tape.below(3);
        let named = [("axis", axis as i64)];
        let names = ["cumulative_sum", "sum", "max", "argmax", "var", "flip", "exp"];
        let made = match tape.below(10) {
            at if at < names.len() => {
                let named = if at == 6 { &[][..] } else { &named };
                self.try_call(names[at], &[last], named)
            }
            7 => self.try_call("matmul", &[last, last], &[]),
            8 => self.try_call("add", &[last, self.made[0]], &[]),
            _ if self.graph[last].shape.get(axis).is_some_and(|&len| len > 1) => {
                let by = [1, -1, 1000, i64::MAX][tape.below(4)];
                cleave_graph::join::roll(&mut self.graph, last, by, axis)
            }
            _ => Ok(last),
        };
        self.made.extend(made);
    }
}

/// A job over arrays whose lengths are those at which arithmetic breaks.
pub(crate) fn extreme(numbers: Vec<u32>) -> JobParts {
    const LENS: [usize; 12] = [0, 1, 2, 255, 256, 257, 65_537, 1 << 20, 1 << 31, 1 << 40, (1 << 60) - 1, 1 << 60];
    let mut tape = Tape::new(numbers);
    let mut w = Written { graph: Graph::new(), made: vec![] };
    let lens: Vec<usize> = (0..tape.below(4)).map(|_| LENS[tape.below(LENS.len())]).collect();
    let lens = if Shape::checked(lens.iter().copied()).is_ok() { lens } else { vec![LENS[tape.below(LENS.len())]] };
    let law = Law::Normal { mean: Scalar::Float(0.0), std: Scalar::Float(1.0) };
    let start = w.fill(Fill::Random { seed: 1, draw: 1, law }, &lens, DType::F64);
    w.made.push(start);
    for _ in 0..1 + tape.below(5) {
        w.grow(&mut tape);
    }
    let cut = |graph: &Graph, node: NodeId, tape: &mut Tape| match tape.below(3) {
        0 => Cut::Engine,
        1 => Cut::Grid(Chunks::single(&graph[node].shape)),
        _ => Cut::Grid(Chunks(graph[node].shape.iter().map(|&len| AxisChunks::regular(len, 1 + len / 7)).collect())),
    };
    let node = *w.made.last().unwrap();
    let wanted = vec![Wanted { node, cut: cut(&w.graph, node, &mut tape), held: tape.below(2) == 0, zarr: None }];
    let memory_bytes = [0, 1 << 20, 1 << 28, 1 << 40, 1 << 60][tape.below(5)];
    let holding = if tape.below(3) == 0 { Holding::AllOnDisk } else { Holding::AsFits };
    let planning = Planning { threads: [1, 2, 64, 1 << 20][tape.below(4)], memory_bytes, holding, ..planning() };
    JobParts { graph: w.graph, wanted, planning, sources: vec![] }
}

/// A job with every kind of node, fill and number.
pub(crate) fn all_kinds() -> JobParts {
    let mut w = Written { graph: Graph::new(), made: vec![] };
    let float = Scalar::Float;
    let ramp = Fill::Ramp { start: float(0.5), step: float(-1e-300), last: Some(float(f64::NAN)) };
    let ramp = w.fill(ramp, &[1000], DType::F64);
    let whole = Fill::Ramp { start: Scalar::Int(-5), step: Scalar::Int(i128::from(u64::MAX)), last: None };
    let whole = w.fill(whole, &[70], DType::U64);
    let normal = Law::Normal { mean: float(-0.0), std: float(2.0) };
    let normal = w.fill(Fill::Random { seed: u64::MAX, draw: 3, law: normal }, &[40, 30], DType::F32);
    let uniform = Law::Uniform { low: Scalar::Int(0), high: float(f64::INFINITY) };
    let uniform = w.fill(Fill::Random { seed: 1, draw: 0, law: uniform }, &[30, 50], DType::F32);
    let diagonal = w.fill(Fill::Diagonal { k: -3 }, &[40, 30], DType::F32);
    let band = w.fill(Fill::Band { k: i64::MAX }, &[40, 30], DType::Bool);
    w.call("cumulative_sum", &[ramp], &[("axis", 0)]);
    w.call("cumulative_sum", &[normal], &[("axis", 1)]);
    w.call("matmul", &[normal, uniform], &[]);
    w.call("add", &[normal, diagonal], &[]);
    w.call("var", &[normal], &[("axis", 0)]);
    w.call("flip", &[normal], &[]);
    w.call("argmax", &[whole], &[]);
    w.call("where", &[band, normal, diagonal], &[]);
    let wanted = w.made.iter().map(|&node| Wanted { node, cut: Cut::Engine, held: false, zarr: None }).collect();
    JobParts { graph: w.graph, wanted, planning: planning(), sources: vec![] }
}
