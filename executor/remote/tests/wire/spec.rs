//! Jobs there and back, and everything that is no job.

use crate::jobs::{all_kinds, extreme, random};
use cleave_graph::{Graph, Node, NodeKind};
use cleave_ops::DType;
use cleave_remote::proto::{self, node::Kind};
use cleave_remote::spec::{self, JobParts, Limits, Opened, SpecError};
use proptest::prelude::*;
use prost::Message;
use std::sync::Arc;

fn nodes(graph: &Graph) -> Vec<Node> {
    graph.iter().map(|(_, node)| node.clone()).collect()
}

fn check_round_trip(parts: &JobParts) {
    let limits = Limits::default();
    let prepare = |parts| spec::prepare(parts, Arc::new(spec::plan_of(parts).unwrap()), &limits).unwrap();
    let prepared = prepare(parts);
    let Opened { parts: back, plan, plan_hash } = spec::open(&prepared.program, &limits).unwrap();
    assert_eq!(nodes(&back.graph), nodes(&parts.graph));
    assert_eq!((&back.wanted, &back.sources, &back.planning), (&parts.wanted, &parts.sources, &parts.planning));
    assert_eq!((plan.to_string(), plan_hash), (prepared.plan.to_string(), prepared.plan_hash));
    let again = prepare(&back);
    assert_eq!((again.program, again.hash), (prepared.program, prepared.hash));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_jobs_come_back_as_they_went(numbers in prop::collection::vec(any::<u32>(), 0..120)) {
        let parts = random(numbers);
        // Some of these graphs reduce over no axes, which runs but is not what calls make.
        prop_assume!(cleave_graph::verify::verify(&parts.graph).is_ok());
        check_round_trip(&parts);
    }
}

#[test]
fn a_job_with_everything_comes_back_as_it_went() {
    check_round_trip(&all_kinds());
}

/// A job as a message, to be spoiled.
fn message() -> proto::Job {
    let parts = all_kinds();
    let plan = spec::plan_hash(&spec::plan_of(&parts).unwrap());
    spec::encode(&parts, plan)
}

fn outcome(job: &proto::Job) -> Result<(), SpecError> {
    spec::open(&job.encode_to_vec(), &Limits::default()).map(|_| ())
}

type Nodes = Vec<proto::Node>;

fn first(nodes: &mut Nodes, is: fn(&Kind) -> bool) -> &mut proto::Node {
    nodes.iter_mut().find(|node| node.kind.as_ref().is_some_and(is)).unwrap()
}

fn map(nodes: &mut Nodes) -> &mut proto::Map {
    match &mut first(nodes, |k| matches!(k, Kind::Map(_))).kind {
        Some(Kind::Map(map)) => map,
        _ => unreachable!(),
    }
}

fn fold(nodes: &mut Nodes) -> &mut proto::Fold {
    match &mut first(nodes, |k| matches!(k, Kind::Fold(_))).kind {
        Some(Kind::Fold(fold)) => fold,
        _ => unreachable!(),
    }
}

fn scan(nodes: &mut Nodes) -> &mut proto::Scan {
    match &mut first(nodes, |k| matches!(k, Kind::Scan(_))).kind {
        Some(Kind::Scan(scan)) => scan,
        _ => unreachable!(),
    }
}

fn contract(nodes: &mut Nodes) -> &mut proto::Contract {
    match &mut first(nodes, |k| matches!(k, Kind::Contract(_))).kind {
        Some(Kind::Contract(contract)) => contract,
        _ => unreachable!(),
    }
}

fn view(nodes: &mut Nodes) -> &mut proto::View {
    match &mut first(nodes, |k| matches!(k, Kind::View(_))).kind {
        Some(Kind::View(seen)) => seen.view.as_mut().unwrap(),
        _ => unreachable!(),
    }
}

fn op(name: &str) -> Option<proto::Op> {
    Some(proto::Op { name: name.into(), loop_index: 0 })
}

#[test]
fn what_is_no_job_is_refused_by_name() {
    type Spoil = fn(&mut Nodes);
    let table: &[(&str, Spoil)] = &[
        ("unknown-operation", |n| map(n).op = op("no_such")),
        ("unknown-operation", |n| map(n).op = op("")),
        ("unknown-operation", |n| map(n).op = op(&"x".repeat(100_000))),
        ("illegal-graph", |n| map(n).op = op("sum")),
        ("illegal-graph", |n| fold(n).op = op("add")),
        ("illegal-graph", |n| scan(n).op = op("matmul")),
        ("illegal-graph", |n| contract(n).op = op("flip")),
        ("malformed-job", |n| map(n).op = None),
        ("illegal-graph", |n| map(n).op.as_mut().unwrap().loop_index = u32::MAX),
        ("illegal-graph", |n| map(n).inputs.clear()),
        ("illegal-graph", |n| map(n).inputs.push(0)),
        ("job-too-large", |n| map(n).inputs = vec![0; 100]),
        ("illegal-graph", |n| map(n).inputs[0] = u32::MAX),
        ("illegal-graph", |n| n[0].kind = Some(Kind::Cast(0))),
        ("illegal-graph", |n| n[0].kind = Some(Kind::Cast(5))),
        ("unknown-dtype", |n| n[0].dtype = "float65".into()),
        ("unknown-dtype", |n| n[0].dtype = String::new()),
        ("illegal-graph", |n| n[0].dtype = "complex128".replace("complex128", "int8")),
        ("malformed-job", |n| n[0].kind = None),
        ("illegal-graph", |n| n[0].shape = vec![999]),
        ("array-too-large", |n| n[0].shape = vec![1 << 61]),
        ("array-too-large", |n| n[0].shape = vec![1 << 40, 1 << 40]),
        ("array-too-large", |n| n[0].shape = vec![u64::MAX]),
        ("array-too-large", |n| n[0].shape = vec![1 << 40, 0, 1 << 40]),
        ("job-too-large", |n| n[0].shape = vec![1; 33]),
        ("number-out-of-range", |n| n[0].chunks[0].lens[0] = u64::MAX),
        ("number-out-of-range", |n| n[0].chunks[0].counts[0] = 0),
        ("job-too-large", |n| n[0].chunks[0].counts[0] = 1 << 50),
        ("number-out-of-range", |n| n[0].chunks[0].counts.push(1)),
        ("illegal-graph", |n| n[0].chunks[0].lens[0] = 0),
        ("job-too-large", |n| n[0].chunks[0] = proto::Runs { lens: vec![0], counts: vec![1 << 60] }),
        ("job-too-large", |n| n[0].chunks = vec![proto::Runs::default(); 33]),
        ("illegal-graph", |n| fold(n).axes = vec![]),
        ("illegal-graph", |n| fold(n).axes = vec![7]),
        ("illegal-graph", |n| fold(n).axes = vec![0, 0]),
        ("illegal-graph", |n| fold(n).axes = vec![u32::MAX]),
        ("illegal-graph", |n| scan(n).axis = 9),
        ("illegal-graph", |n| scan(n).before = Some(0)),
        ("illegal-graph", |n| contract(n).summed_left[0] = 9),
        ("number-out-of-range", |n| contract(n).summed_left.push(0)),
        ("illegal-graph", |n| {
            contract(n).summed_left.clear();
            contract(n).summed_right.clear();
        }),
        ("illegal-graph", |n| view(n).source[0].start = -1),
        ("illegal-graph", |n| view(n).source[0].start = i64::MAX),
        ("illegal-graph", |n| view(n).source[0].steps[0] = 0),
        ("illegal-graph", |n| view(n).source[0].steps[0] = i64::MIN),
        ("illegal-graph", |n| view(n).source[0].axes[0] = 40),
        ("number-out-of-range", |n| view(n).source[0].axes.push(1)),
        ("illegal-graph", |n| view(n).source.clear()),
        ("illegal-graph", |n| view(n).shape.push(2)),
    ];
    for (number, (code, spoil)) in table.iter().enumerate() {
        let mut job = message();
        spoil(&mut job.graph.as_mut().unwrap().nodes);
        let found = outcome(&job).map_err(|error| error.code().to_string());
        assert_eq!(found, Err((*code).to_string()), "row {number}");
    }
}

#[test]
fn what_stands_around_a_graph_is_checked_too() {
    type Spoil = fn(&mut proto::Job);
    let source = || {
        let grid = Some(proto::Grid { axes: vec![proto::Runs { lens: vec![3], counts: vec![1] }] });
        let place = Some(proto::stored_source::Place::Put(proto::PutPlace { number: 1 }));
        proto::StoredSource { id: 7, dtype: "float64".into(), grid, resident: true, place }
    };
    let table: &[(&str, Spoil)] = &[
        ("malformed-job", |j| j.graph = None),
        ("malformed-job", |j| j.planning = None),
        ("malformed-job", |j| j.wanted.clear()),
        ("malformed-job", |j| j.plan = vec![1, 2, 3].into()),
        ("plan-differs", |j| j.plan = vec![0; 32].into()),
        ("wrong-output", |j| j.wanted[0].node = u32::MAX),
        ("wrong-output", |j| j.wanted[0].grid = Some(proto::Grid::default())),
        ("job-too-large", |j| j.wanted = vec![j.wanted[0].clone(); 1001]),
        ("malformed-job", |j| j.planning.as_mut().unwrap().rates.clear()),
        ("number-out-of-range", |j| j.planning.as_mut().unwrap().rates[0] = f64::NAN.to_bits()),
        ("number-out-of-range", |j| j.planning.as_mut().unwrap().rates[1] = f64::INFINITY.to_bits()),
        ("number-out-of-range", |j| j.planning.as_mut().unwrap().rates[2] = 0_f64.to_bits()),
        ("number-out-of-range", |j| j.planning.as_mut().unwrap().rates[3] = (-1_f64).to_bits()),
        ("number-out-of-range", |j| j.planning.as_mut().unwrap().threads = 0),
        ("number-out-of-range", |j| j.planning.as_mut().unwrap().threads = u64::MAX),
        ("number-out-of-range", |j| j.planning.as_mut().unwrap().memory_bytes = u64::MAX),
        ("does-not-fit", |j| j.planning.as_mut().unwrap().memory_bytes = 1),
        ("illegal-graph", |j| {
            let nodes = &mut j.graph.as_mut().unwrap().nodes;
            nodes[1] = nodes[0].clone();
        }),
        ("job-too-large", |j| j.graph.as_mut().unwrap().nodes = vec![proto::Node::default(); 10_001]),
        ("job-too-large", |j| j.graph.as_mut().unwrap().nodes = vec![proto::Node::default(); 600_000]),
        ("wrong-source", |j| {
            let node = &mut j.graph.as_mut().unwrap().nodes[0];
            node.kind = Some(Kind::Load(7));
        }),
    ];
    for (number, (code, spoil)) in table.iter().enumerate() {
        let mut job = message();
        spoil(&mut job);
        let found = outcome(&job).map_err(|error| error.code().to_string());
        assert_eq!(found, Err((*code).to_string()), "row {number}");
    }
    let mut twice = message();
    twice.sources = vec![source(), source()];
    assert_eq!(outcome(&twice).unwrap_err().code(), "wrong-source");
    let mut nowhere = message();
    nowhere.sources = vec![proto::StoredSource { place: None, ..source() }];
    assert_eq!(outcome(&nowhere).unwrap_err().code(), "malformed-job");
}

/// So many casts, one of the other.
fn deep(count: usize) -> JobParts {
    let mut parts = all_kinds();
    let fill = nodes(&parts.graph).swap_remove(0);
    parts.graph = Graph::new();
    let mut last = parts.graph.add(fill.clone());
    for number in 1..count {
        let dtype = if number % 2 == 0 { DType::F64 } else { DType::F32 };
        last = parts.graph.add(Node { kind: NodeKind::Cast(last), dtype, ..fill.clone() });
    }
    parts.wanted.truncate(1);
    parts.wanted[0].node = last;
    parts
}

#[test]
fn a_deep_graph_is_taken_and_a_deeper_one_refused() {
    check_round_trip(&deep(9_000));
    let (parts, plan) = (deep(10_001), spec::plan_of(&deep(2)).unwrap());
    let refused = spec::prepare(&parts, Arc::new(plan), &Limits::default()).unwrap_err();
    assert_eq!(refused.code(), "job-too-large");
}

/// What a worker does with bytes from anywhere; how it ends does not matter here, only that it does.
fn try_all(bytes: &[u8]) {
    let limits = Limits { chunks: 1 << 16, ..Limits::default() };
    if let Ok((parts, _)) = spec::decode(bytes, &limits) {
        let _ = spec::plan_of(&parts).map(|plan| spec::plan_hash(&plan));
    }
}

/// Numbers at which arithmetic breaks.
const EDGES: [u64; 14] =
    [0, 1, 2, 3, 255, 256, 257, 65_536, 1 << 31, 1 << 32, 1 << 60, (1 << 63) - 1, 1 << 63, u64::MAX];

fn edge(tape: &mut impl FnMut(usize) -> usize) -> u64 {
    EDGES[tape(EDGES.len())]
}

/// Spoils a number of a node that arithmetic depends on.
fn spoil(node: &mut proto::Node, count: usize, tape: &mut impl FnMut(usize) -> usize) {
    let some = |list: &mut Vec<u32>, tape: &mut dyn FnMut(usize) -> usize| {
        let at = tape(list.len());
        if let Some(slot) = list.get_mut(at) {
            *slot = tape(8) as u32;
        }
    };
    match (tape(4), &mut node.kind) {
        (0, _) => {
            let (at, len) = (tape(node.shape.len()), edge(tape));
            if let (Some(own), Some(chunks)) = (node.shape.get_mut(at), node.chunks.get_mut(at)) {
                *own = len;
                *chunks = proto::Runs { lens: vec![len], counts: vec![1] };
            }
        }
        (1, _) => {
            let runs = proto::Runs { lens: vec![0, edge(tape), 0], counts: vec![edge(tape), 1, 3] };
            let at = tape(node.chunks.len());
            if let Some(chunks) = node.chunks.get_mut(at) {
                *chunks = runs;
            }
        }
        (_, Some(Kind::View(seen))) => {
            let view = seen.view.as_mut().unwrap();
            let at = tape(view.source.len());
            if let Some(axis) = view.source.get_mut(at) {
                match tape(3) {
                    0 => axis.start = edge(tape) as i64,
                    1 => some(&mut axis.axes, tape),
                    _ => axis.steps.iter_mut().for_each(|step| *step = edge(tape) as i64),
                }
            }
        }
        (_, Some(Kind::Overlay(overlay))) => overlay.patch = tape(count) as u32,
        (_, Some(Kind::Map(map))) => some(&mut map.inputs, tape),
        (_, Some(Kind::Fold(fold))) => some(&mut fold.axes, tape),
        (_, Some(Kind::Scan(scan))) => scan.axis = tape(4) as u32,
        (_, Some(Kind::Contract(contract))) => some(&mut contract.summed_left, tape),
        (_, Some(Kind::Cast(input) | Kind::Rechunk(input))) => *input = tape(count) as u32,
        (_, Some(Kind::Load(source))) => *source = edge(tape),
        (_, Some(Kind::Fill(_)) | None) => node.dtype = "int8".into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn random_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        try_all(&bytes);
    }

    #[test]
    fn extreme_lengths_end_in_an_answer(numbers in prop::collection::vec(any::<u32>(), 0..40)) {
        let parts = extreme(numbers);
        try_all(&spec::encode(&parts, blake3::hash(b"")).encode_to_vec());
    }

    #[test]
    fn turned_bytes_end_in_an_answer(
        numbers in prop::collection::vec(any::<u32>(), 0..60),
        turned in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let parts = random(numbers);
        let mut bytes = spec::encode(&parts, blake3::hash(b"")).encode_to_vec();
        for (at, byte) in turned {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        try_all(&bytes);
    }

    #[test]
    fn spoiled_numbers_end_in_an_answer(
        numbers in prop::collection::vec(any::<u32>(), 0..60),
        spoiled in prop::collection::vec(any::<u32>(), 1..40),
    ) {
        let parts = if numbers.len() % 4 == 0 { all_kinds() } else { random(numbers) };
        let mut job = spec::encode(&parts, blake3::hash(b""));
        let mut rest = spoiled.into_iter();
        let mut tape = move |below: usize| rest.next().map_or(0, |n| n as usize % below.max(1));
        let nodes = &mut job.graph.as_mut().unwrap().nodes;
        for _ in 0..1 + tape(3) {
            let (at, count) = (tape(nodes.len()), nodes.len());
            spoil(&mut nodes[at], count, &mut tape);
        }
        job.planning.as_mut().unwrap().memory_bytes = [0, 0, 1 << 20, 1 << 30][tape(4)];
        try_all(&job.encode_to_vec());
    }
}
