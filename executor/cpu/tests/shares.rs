//! Stages cut into shares that run on several machines, in any order and perhaps twice, give the bits of a run.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cleave_cpu::{Cancel, Control, DenseSink, Joiner, Kept, Part, Pool, Receiver, Share, Site, run};
use cleave_graph::build::{BuildOptions, call};
use cleave_graph::node::AxisPairs;
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::args::bind;
use cleave_ops::view::SourceAxis;
use cleave_ops::{Arg, AxisChunks, Chunks, DType, Data, Fill, Law, Region, Scalar, Shape, View, cast, table};
use cleave_plan::{Cut, Options, Output, Plan, RunError, Sink, Source, Sources, Work, plan};
use proptest::prelude::*;
use std::sync::Arc;
use support::apart::{Cutting, run_apart};
use support::product::product;
use support::random::{Tape, case, cut, sources};
use support::{Memory, blocks, counted, fill, fold, load, map, view};

/// The plan of some nodes, which keeps much if `eager`.
fn planned(graph: &Graph, wanted: &[(NodeId, Cut)], sources: &Sources, threads: usize, eager: bool) -> Plan {
    let outputs: Vec<Output> =
        wanted.iter().map(|(n, cut)| Output { node: *n, cut: cut.clone(), held: true }).collect();
    let options = Options { threads, sources: sources.clone(), ..Options::default() };
    let memory = Memory { limit_bytes: 0, on_disk: eager };
    plan(graph, &outputs, &memory.options(options)).unwrap()
}

fn in_one_piece(plan: &Plan, sources: &Sources) -> Vec<Data> {
    let dense: Vec<Arc<DenseSink>> = plan.outputs.iter().map(|o| Arc::new(DenseSink::new(&o.shape, o.dtype))).collect();
    let sinks: Vec<Arc<dyn Sink>> = dense.iter().map(|sink| Arc::clone(sink) as Arc<dyn Sink>).collect();
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    run(&Pool::new(2).unwrap(), plan, sources, &sinks, &control).unwrap();
    dense.iter().map(|sink| sink.take()).collect()
}

fn bits(all: &[Data]) -> Vec<Vec<u64>> {
    all.iter().map(|data| (0..data.len()).map(|i| data.get(i).to_f64().to_bits()).collect()).collect()
}

/// Compares with a run in one piece; gives the number of parts that were joined.
fn check(plan: &Plan, sources: &Sources, tape: &mut Tape, cutting: Cutting) -> usize {
    let expected = in_one_piece(plan, sources);
    let (apart, joined) = run_apart(plan, sources, tape, cutting);
    assert_eq!(bits(&apart), bits(&expected), "{cutting:?}\n{plan}");
    joined
}

fn tape(seed: u32) -> Tape {
    Tape::new((0..400).map(|i| (seed * 977 + i + 1).wrapping_mul(2_654_435_761) >> 9).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_graphs_in_random_shares(numbers in prop::collection::vec(any::<u32>(), 40..400)) {
        let mut tape = Tape::new(numbers);
        let case = case(&mut tape);
        let sources = sources(&case, &mut tape);
        let wanted: Vec<(NodeId, Cut)> =
            case.nodes.iter().rev().take(3).map(|&n| (n, cut(&case, n, &mut tape))).collect();
        let plan = planned(&case.graph, &wanted, &sources, 1 + tape.below(9), tape.below(2) == 0);
        let cutting = if tape.below(3) == 0 { Cutting::Even(1 + tape.below(9)) } else { Cutting::Random };
        check(&plan, &sources, &mut tape, cutting);
    }
}

fn random(graph: &mut Graph, shape: &Shape) -> NodeId {
    let law = Law::Normal { mean: Scalar::Float(0.5), std: Scalar::Float(3.0) };
    fill(graph, Fill::Random { seed: 1, draw: 0, law }, shape, DType::F64)
}

#[test]
fn reductions_of_many_spans() {
    for (seed, (lens, axes)) in
        [(vec![9_500_000], vec![0]), (vec![2600, 2100], vec![0, 1]), (vec![40_000, 9], vec![0])].into_iter().enumerate()
    {
        let (shape, mut graph) = (Shape::new(lens), Graph::new());
        let x = random(&mut graph, &shape);
        let law = Law::Integers { low: Scalar::Int(0), high: Scalar::Int(3) };
        let ties = fill(&mut graph, Fill::Random { seed: 1, draw: 1, law }, &shape, DType::I64);
        let mut wanted = vec![(fold(&mut graph, "argmax", ties, &axes), Cut::Engine)];
        wanted.extend(["sum", "std"].map(|name| (fold(&mut graph, name, x, &axes), Cut::Engine)));
        let plan = planned(&graph, &wanted, &Sources::new(), 16, false);
        let is_cut = |s: &cleave_plan::Stage| matches!(&s.work, Work::Fold(fold) if fold.spans > 1);
        assert!(plan.stages.iter().any(is_cut), "{plan}");
        for (number, cutting) in
            [Cutting::Random, Cutting::Random, Cutting::Even(3), Cutting::Even(64)].into_iter().enumerate()
        {
            let joined = check(&plan, &Sources::new(), &mut tape((4 * seed + number) as u32), cutting);
            assert!(joined > 0 || cutting != Cutting::Even(64), "shares leave parts");
        }
    }
}

#[test]
fn parts_of_another_form_are_refused() {
    let (shape, mut graph) = (Shape::new([2_500_000]), Graph::new());
    let x = random(&mut graph, &shape);
    let sum = fold(&mut graph, "std", x, &[0]);
    let plan = planned(&graph, &[(sum, Cut::Engine)], &Sources::new(), 16, false);
    let pool = Pool::new(1).unwrap();
    let (cancel, joiner) = (Cancel::default(), Joiner::new(&plan, 0));
    let site = Site::new(&pool, &plan, &Sources::new(), &cancel);
    let share = Share { stage: 0, tasks: 0..1, workers: 1, cache_bytes: 0 };
    assert!(share.is_of(&plan) && !Share { stage: 9, ..share.clone() }.is_of(&plan));
    assert!(!Share { tasks: 0..plan.stages[0].tasks + 1, ..share.clone() }.is_of(&plan));
    let control = Control { cancel: cancel.clone(), events: &|_| {} };
    let done = site.run_share(&share, &Kept::new(&pool, &cleave_cpu::Budget::new(0)), &Nowhere, &control).unwrap();
    let good = done.parts[0].clone();
    let wrong: [&dyn Fn(&mut Part); 8] = [
        &|p| p.place = 1,
        &|p| p.level = 64,
        &|p| p.level = 40,
        &|p| p.number = 1 << 20,
        &|p| p.columns.push(Vec::new()),
        &|p| drop(p.columns[0].pop()),
        &|p| p.columns[0][0] = Data::zeros(DType::I8, 1),
        &|p| p.columns[0][0].resize(2),
    ];
    for change in wrong {
        let mut part = good.clone();
        change(&mut part);
        assert_eq!(joiner.add(part, &Nowhere).unwrap_err().code(), "wrong-part");
    }
    joiner.add(good.clone(), &Nowhere).unwrap();
    assert_eq!(joiner.held_bytes(), good.nbytes());
    assert_eq!((joiner.drain(), joiner.held_bytes()), (vec![good], 0));
}

/// Wants no block.
struct Nowhere;

impl Receiver for Nowhere {
    fn block(&self, goal: usize, number: usize, _: &Region, _: &mut Data) -> Result<(), RunError> {
        panic!("block {number} of goal {goal} is finished")
    }
}

#[test]
fn values_between_stages() {
    let (shape, mut graph) = (Shape::new([700, 900]), Graph::new());
    let x = load(&mut graph, 0, &shape, DType::F64);
    let mean = fold(&mut graph, "mean", x, &[1]);
    let mut wide = View::identity(&shape);
    wide.source.pop();
    let wide = view(&mut graph, mean, wide);
    let less = map(&mut graph, "subtract", &[x, wide]);
    let mut turned = View::identity(&Shape::new([900, 700]));
    turned.source.reverse();
    let turned = view(&mut graph, less, turned);
    let square = product(&mut graph, less, turned, AxisPairs::new(), [(1, 0)].into_iter().collect());
    let sum = fold(&mut graph, "sum", square, &[0]);
    let grid = Chunks([130, 250].iter().zip(shape.iter()).map(|(&c, &n)| AxisChunks::regular(n, c)).collect());
    let data = Data::F64((0..630_000).map(|i| f64::from(i * 7919 % 1013) / 9.0).collect());
    let sources = Sources::from([(SourceId(0), Arc::new(counted(blocks(&data, &grid))) as Arc<dyn Source>)]);
    for seed in 0..4 {
        let wanted = [(square, Cut::Engine), (sum, Cut::Engine), (less, Cut::Engine)];
        let plan = planned(&graph, &wanted, &sources, 4, seed % 2 == 0);
        check(&plan, &sources, &mut tape(seed), if seed < 2 { Cutting::Random } else { Cutting::Even(5) });
    }
}

#[test]
fn products_in_segments() {
    for dtype in [DType::F64, DType::F16, DType::I64] {
        let mut graph = Graph::new();
        let left = load(&mut graph, 0, &Shape::new([30, 20_000]), dtype);
        let right = load(&mut graph, 1, &Shape::new([20_000, 25]), dtype);
        let node = product(&mut graph, left, right, AxisPairs::new(), [(1, 0)].into_iter().collect());
        let stored = |shape: [usize; 2]| {
            let values = (0..shape[0] * shape[1]).map(|i| (i * 7919 % 101) as f64 / 8.0 - 6.0).collect();
            let mut data = Data::zeros(dtype, 0);
            cast(Data::F64(values).as_ref(), &mut data);
            Arc::new(blocks(&data, &Chunks(shape.iter().map(|&n| AxisChunks::regular(n, 900)).collect())))
        };
        let sources: Sources = [[30, 20_000], [20_000, 25]]
            .into_iter()
            .zip(0..)
            .map(|(shape, id)| (SourceId(id), stored(shape) as Arc<dyn Source>))
            .collect();
        let plan = planned(&graph, &[(node, Cut::Engine)], &sources, 4, false);
        assert!(plan.stages.iter().any(|s| matches!(&s.work, Work::Contract(c) if c.segments > 1)), "{plan}");
        for (seed, cutting) in [(1, Cutting::Random), (2, Cutting::Random), (3, Cutting::Even(5))] {
            let joined = check(&plan, &sources, &mut tape(seed), cutting);
            assert!(joined > 0 || cutting == Cutting::Random, "shares leave parts");
        }
    }
}

#[test]
fn running_values_and_stencils() {
    let (shape, mut graph) = (Shape::new([3000, 40]), Graph::new());
    let x = load(&mut graph, 0, &shape, DType::F64);
    let array = Arg::Array { index: 0, shape: shape.clone(), dtype: DType::F64 };
    let axis = ("axis".to_owned(), Arg::Scalar(Scalar::Int(0)));
    let args = bind(table::find("cumsum").unwrap(), vec![array], vec![axis]).unwrap();
    let running = call(&mut graph, &args, &[x], &BuildOptions { chunk_bytes: 1 << 20 }).unwrap();
    let largest = fold(&mut graph, "max", running, &[1]);
    let mut seen = View { shape: Shape::new([2998, 40]), ..View::identity(&shape) };
    let shifts = [0, 1, 2].map(|by| {
        seen.source[0] = SourceAxis::along(0, by, 1);
        view(&mut graph, x, seen.clone())
    });
    let sum = map(&mut graph, "add", &[shifts[0], shifts[1]]);
    let sum = map(&mut graph, "add", &[sum, shifts[2]]);
    let total = fold(&mut graph, "sum", sum, &[0]);
    let data = Data::F64((0..120_000).map(|i| f64::from(i * 7919 % 1013) / 9.0).collect());
    let grid = Chunks([170, 11].iter().zip(shape.iter()).map(|(&c, &n)| AxisChunks::regular(n, c)).collect());
    let sources = Sources::from([(SourceId(0), Arc::new(counted(blocks(&data, &grid))) as Arc<dyn Source>)]);
    for seed in 0..3 {
        let plan = planned(&graph, &[sum, total, running, largest].map(|n| (n, Cut::Engine)), &sources, 8, seed == 1);
        check(&plan, &sources, &mut tape(seed), Cutting::Random);
    }
}
