//! What prediction must get right whatever the rates: proportions, shares, and which work dominates.
#![allow(clippy::unwrap_used)]

use cleave_graph::node::Ddof;
use cleave_graph::{Graph, Node, NodeId, NodeKind, SourceId};
use cleave_ops::fill::Law;
use cleave_ops::view::SourceAxis;
use cleave_ops::{AxisChunks, Chunks, Class, DType, Fill, Scalar, Shape, View, table};
use cleave_plan::advice::Fault;
use cleave_plan::cost::stored::usages;
use cleave_plan::cost::{CardRates, CardWork, card_estimate, card_load};
use cleave_plan::{
    Block, Cut, Delivery, Estimate, Factors, Forecast, Kind, Machine, Options, Output, Plan, Source, SourceError,
    Sources, advice, estimate, plan,
};
use std::sync::Arc;

fn add(graph: &mut Graph, kind: NodeKind, shape: &[usize]) -> NodeId {
    let shape = Shape::new(shape.iter().copied());
    graph.add(Node { kind, dtype: DType::F64, chunks: Chunks::single(&shape), shape })
}

fn map(graph: &mut Graph, name: &str, inputs: &[NodeId]) -> NodeId {
    let op = table::find(name).unwrap();
    let Class::Map(map) = &op.class else { unreachable!() };
    let loop_index = map.loops.iter().position(|l| l.inputs.iter().all(|d| *d == DType::F64)).unwrap();
    let shape = graph[inputs[0]].shape.to_vec();
    add(graph, NodeKind::Map { op, loop_index, inputs: inputs.iter().copied().collect() }, &shape)
}

fn total(graph: &mut Graph, input: NodeId) -> NodeId {
    let op = table::find("sum").unwrap();
    let Class::Fold(fold) = &op.class else { unreachable!() };
    let loop_index = fold.loops.iter().position(|l| l.input == DType::F64).unwrap();
    let axes = (0..graph[input].shape.ndim()).collect();
    add(graph, NodeKind::Fold { op, loop_index, input, axes, ddof: Ddof(0.0) }, &[])
}

fn ramp(graph: &mut Graph, len: usize) -> NodeId {
    let fill = Fill::Ramp { start: Scalar::Float(0.0), step: Scalar::Float(1.0), last: None };
    add(graph, NodeKind::Fill(fill), &[len])
}

fn draws(graph: &mut Graph, len: usize) -> NodeId {
    let law = Law::Normal { mean: Scalar::Float(0.0), std: Scalar::Float(1.0) };
    add(graph, NodeKind::Fill(Fill::Random { seed: 1, draw: 0, law }), &[len])
}

/// An array on a disk, of which nothing is ever read here.
struct OnDisk {
    grid: Chunks,
    stored_bytes: u64,
}

impl Source for OnDisk {
    fn grid(&self) -> &Chunks {
        &self.grid
    }

    fn dtype(&self) -> DType {
        DType::F64
    }

    fn block(&self, _: &[usize]) -> Result<Block, SourceError> {
        unreachable!("predicting reads nothing")
    }

    fn is_resident(&self) -> bool {
        false
    }

    fn label(&self) -> &str {
        "x.zarr"
    }

    fn stored_bytes(&self) -> Option<u64> {
        Some(self.stored_bytes)
    }
}

fn on_disk(shape: [usize; 2], chunk: [usize; 2], packed: f64) -> Sources {
    let grid = Chunks(shape.iter().zip(&chunk).map(|(&len, &c)| AxisChunks::regular(len, c)).collect());
    let stored_bytes = ((shape[0] * shape[1] * 8) as f64 * packed) as u64;
    [(SourceId(1), Arc::new(OnDisk { grid, stored_bytes }) as Arc<dyn Source>)].into()
}

struct Case {
    plan: Plan,
    sources: Sources,
    threads: usize,
}

impl Case {
    fn new(graph: &Graph, node: NodeId, threads: usize, sources: Sources) -> Self {
        let outputs = [Output { node, cut: Cut::Engine, held: false }];
        let options = Options { threads, sources: sources.clone(), ..Options::default() };
        Self { plan: plan(graph, &outputs, &options).unwrap(), sources, threads }
    }

    fn with(&self, machine: &Machine, factors: &Factors, delivery: Delivery) -> Estimate {
        let Self { plan, sources, threads } = self;
        estimate(plan, &Forecast { machine, factors, sources, threads: *threads, delivery })
    }

    fn estimate(&self) -> Estimate {
        self.with(&Machine { threads: 4, faster: 4.0, ..Machine::default() }, &Factors::default(), Delivery::Looked)
    }
}

/// The estimate of the sum of `build`, on so many threads.
fn of(threads: usize, build: impl Fn(&mut Graph) -> NodeId) -> Estimate {
    let mut graph = Graph::new();
    let root = build(&mut graph);
    let sum = total(&mut graph, root);
    Case::new(&graph, sum, threads, Sources::default()).estimate()
}

fn close(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 0.1
}

#[test]
fn time_grows_with_elements_and_operations_and_shrinks_with_threads() {
    let chain = |len: usize, steps: usize| {
        move |g: &mut Graph| {
            let x = ramp(g, len);
            (0..steps).fold(x, |y, _| map(g, "add", &[y, x]))
        }
    };
    let one = of(1, chain(1 << 26, 20)).seconds;
    assert!(close(of(1, chain(1 << 27, 20)).seconds, 2.0 * one));
    assert!(close(of(4, chain(1 << 26, 20)).seconds, one / 4.0));
    let more = of(1, chain(1 << 26, 40)).seconds;
    assert!(more > 1.6 * one && more < 2.1 * one, "{one} {more}");
    assert!(of(1, chain(10, 1)).seconds < 1e-3);
}

#[test]
fn one_task_gains_nothing_from_threads() {
    let few = |threads| of(threads, |g: &mut Graph| ramp(g, 100)).parts.0[Kind::Reduction as usize];
    assert!(close(few(4), few(1)));
}

#[test]
fn what_dominates_is_named() {
    let len = 1 << 24;
    assert_eq!(of(2, |g: &mut Graph| draws(g, len)).kind(), Kind::Random);
    let costly = of(2, |g: &mut Graph| {
        let x = ramp(g, len);
        map(g, "exp", &[x])
    });
    assert_eq!(costly.kind(), Kind::Elementwise);
    assert!(costly.low_s < costly.seconds && costly.seconds < costly.high_s);
    assert!(costly.flops > len as f64);
}

#[test]
fn learned_factors_scale_their_kind_and_narrow_the_band() {
    let mut graph = Graph::new();
    let x = draws(&mut graph, 1 << 24);
    let sum = total(&mut graph, x);
    let case = Case::new(&graph, sum, 2, Sources::default());
    let (machine, plain) = (Machine::default(), Factors::default());
    let mut learned = plain;
    let random = &mut learned.0[Kind::Random as usize];
    (random.ratio, random.runs) = (2.0, 20);
    let (before, after) =
        (case.with(&machine, &plain, Delivery::Looked), case.with(&machine, &learned, Delivery::Looked));
    let kind = Kind::Random as usize;
    assert!(close(after.parts.0[kind], 2.0 * before.parts.0[kind]));
    assert!(after.high_s / after.low_s < before.high_s / before.low_s);
}

#[test]
fn packing_and_writing_count_where_results_go_to_files() {
    let mut graph = Graph::new();
    let x = ramp(&mut graph, 1 << 24);
    let y = map(&mut graph, "negative", &[x]);
    let case = Case::new(&graph, y, 2, Sources::default());
    let (machine, factors) = (Machine::default(), Factors::default());
    let [looked, written, packed] =
        [Delivery::Looked, Delivery::Written, Delivery::Packed].map(|delivery| case.with(&machine, &factors, delivery));
    assert!(written.seconds > 2.0 * looked.seconds && packed.seconds > written.seconds);
    assert_eq!((packed.kind(), packed.bytes_written), (Kind::Write, (1 << 24) * 8));
}

/// One row of 4000 of an array on disk.
fn row_of(chunk: [usize; 2]) -> Case {
    let mut graph = Graph::new();
    let x = add(&mut graph, NodeKind::Load(SourceId(1)), &[4000, 4000]);
    let source = [SourceAxis::fixed(7), SourceAxis::whole(0)].into_iter().collect();
    let row = add(&mut graph, NodeKind::View { input: x, view: View { shape: Shape::new([4000]), source } }, &[4000]);
    Case::new(&graph, row, 2, on_disk([4000, 4000], chunk, 0.5))
}

#[test]
fn a_row_of_an_array_in_columns_reads_all_of_it_and_says_so() {
    let case = row_of([4000, 50]);
    let usage = usages(&case.plan.stages[0], &case.sources, case.plan.cache_bytes);
    let [usage] = usage.as_slice() else { unreachable!("one array is read") };
    assert_eq!((usage.used_bytes, usage.decoded_bytes, usage.blocks), (32_000, 128_000_000, 80.0));
    let predicted = case.estimate();
    assert_eq!((predicted.kind(), predicted.bytes_read), (Kind::Read, 128_000_000));
    let [advice] = &advice(&case.plan, &case.sources)[..] else { unreachable!("there is advice") };
    assert_eq!((&advice.chunks[..], &advice.better[..]), (&[4000, 50][..], &[16, 4000][..]));
    assert!(matches!(advice.fault, Fault::Waste { decoded_bytes: 128_000_000, used_bytes: 32_000, .. }));
}

#[test]
fn chunks_that_suit_get_no_advice_and_tiny_ones_do() {
    let case = row_of([10, 4000]);
    assert_eq!(advice(&case.plan, &case.sources), []);
    assert_eq!(case.estimate().bytes_read, 10 * 4000 * 8);
    let mut graph = Graph::new();
    let x = add(&mut graph, NodeKind::Load(SourceId(1)), &[4000, 4000]);
    let sum = total(&mut graph, x);
    for (chunk, wanted) in [([10, 10], 1), ([1000, 1000], 0)] {
        let case = Case::new(&graph, sum, 2, on_disk([4000, 4000], chunk, 0.5));
        assert_eq!(advice(&case.plan, &case.sources).len(), wanted, "{chunk:?}");
    }
}

#[test]
fn packed_blocks_cost_more_than_plain_ones() {
    let mut graph = Graph::new();
    let x = add(&mut graph, NodeKind::Load(SourceId(1)), &[4000, 4000]);
    let sum = total(&mut graph, x);
    let seconds = |packed| Case::new(&graph, sum, 2, on_disk([4000, 4000], [500, 4000], packed)).estimate().seconds;
    assert!(seconds(0.9) > seconds(1.0));
}

#[test]
fn what_is_done_together_counts_once() {
    let elementwise = |build: fn(&mut Graph, NodeId) -> NodeId| {
        let estimate = of(1, |g: &mut Graph| {
            let x = ramp(g, 1 << 24);
            build(g, x)
        });
        estimate.parts.0[Kind::Elementwise as usize]
    };
    let sin = elementwise(|g, x| map(g, "sin", &[x]));
    let both = elementwise(|g, x| {
        let (sin, cos) = (map(g, "sin", &[x]), map(g, "cos", &[x]));
        map(g, "add", &[sin, cos])
    });
    assert!(both > sin && both < 1.7 * sin, "{sin} {both}");
}

#[test]
fn a_goal_that_another_one_makes_costs_nothing() {
    let reduced = |goals: &[(&str, usize)]| {
        let mut graph = Graph::new();
        let law = Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
        let x = add(&mut graph, NodeKind::Fill(Fill::Random { seed: 1, draw: 0, law }), &[1 << 14, 1 << 12]);
        let outputs: Vec<Output> = goals
            .iter()
            .map(|&(name, axis)| Output { node: over(&mut graph, name, x, axis), cut: Cut::Engine, held: false })
            .collect();
        let plan = plan(&graph, &outputs, &Options { threads: 1, ..Options::default() }).unwrap();
        let (machine, factors, sources) = (Machine::default(), Factors::default(), Sources::default());
        let forecast = Forecast {
            machine: &machine,
            factors: &factors,
            sources: &sources,
            threads: 1,
            delivery: Delivery::Looked,
        };
        estimate(&plan, &forecast).parts.0[Kind::Reduction as usize]
    };
    let few = reduced(&[("std", 0), ("std", 1)]);
    let more = reduced(&[("std", 0), ("mean", 0), ("std", 1), ("mean", 1)]);
    assert!(close(few, more), "{few} {more}");
}

#[test]
fn draws_in_short_rows_cost_more() {
    let drawn = |lens: [usize; 2]| {
        let estimate = of(1, |g: &mut Graph| {
            let law = Law::Normal { mean: Scalar::Float(0.0), std: Scalar::Float(1.0) };
            add(g, NodeKind::Fill(Fill::Random { seed: 1, draw: 0, law }), &lens)
        });
        estimate.parts.0[Kind::Random as usize]
    };
    let long = drawn([1 << 10, 1 << 12]);
    assert!(close(drawn([1 << 16, 64]), long));
    assert!(drawn([1 << 18, 16]) > 4.0 * long);
}

fn over(graph: &mut Graph, name: &str, input: NodeId, axis: usize) -> NodeId {
    let op = table::find(name).unwrap();
    let Class::Fold(fold) = &op.class else { unreachable!() };
    let loop_index = fold.loops.iter().position(|l| l.input == DType::F64).unwrap();
    let kept: Vec<usize> =
        graph[input].shape.iter().enumerate().filter(|(a, _)| *a != axis).map(|(_, len)| *len).collect();
    let axes = [axis].into_iter().collect();
    add(graph, NodeKind::Fold { op, loop_index, input, axes, ddof: Ddof(0.0) }, &kept)
}

/// What a card with usual rates takes, in use already, which does all of it or none.
fn on_card(case: &Case, rates: &CardRates, kernels: Option<usize>) -> Estimate {
    let (machine, factors) = (Machine::default(), Factors::default());
    let Case { plan, sources, threads } = case;
    let forecast =
        Forecast { machine: &machine, factors: &factors, sources, threads: *threads, delivery: Delivery::Looked };
    let kernels = vec![kernels; plan.stages.len()];
    card_estimate(plan, &forecast, CardWork { rates, kernels: &kernels, is_new: false })
}

#[test]
fn a_card_takes_what_it_computes_and_copies_and_threads_the_rest() {
    let mut graph = Graph::new();
    let x = ramp(&mut graph, 1 << 28);
    let y = (0..64).fold(x, |y, _| map(&mut graph, "multiply", &[y, x]));
    let (made, stored) = (total(&mut graph, y), add(&mut graph, NodeKind::Load(SourceId(1)), &[4000, 4000]));
    let (usual, sum) = (CardRates::default(), total(&mut graph, stored));
    let case = Case::new(&graph, made, 2, Sources::default());
    let one = on_card(&case, &usual, Some(1));
    assert_eq!(one.parts.0[Kind::Transfer as usize], 8.0 / usual.down_bps, "one number comes back");
    let slow = on_card(&case, &CardRates { op_s: 2.0 * usual.op_s, ..usual.clone() }, Some(1));
    assert!(close(slow.seconds, 2.0 * one.seconds), "{} {}", one.seconds, slow.seconds);
    let two = on_card(&case, &usual.of_cards(2), Some(1));
    assert!(close(two.seconds, one.seconds / 2.0), "{} {}", one.seconds, two.seconds);
    assert!(one.seconds < case.estimate().seconds / 10.0);
    assert_eq!(on_card(&case, &usual, None).stages, {
        let (machine, factors) = (Machine::default(), Factors::default());
        case.with(&machine, &factors, Delivery::Looked).stages
    });
    let case = Case::new(&graph, sum, 2, on_disk([4000, 4000], [500, 4000], 1.0));
    assert_eq!(card_load(&case.plan, &case.plan.stages[0]).up_bytes, 128e6);
    let read = on_card(&case, &usual, Some(1)).parts.0;
    assert!(close(read[Kind::Transfer as usize], 128e6 / usual.up_bps) && read[Kind::Read as usize] > 0.0, "{read:?}");
}

#[test]
fn a_card_that_is_not_in_use_is_opened_and_its_kernels_compiled_first() {
    let mut graph = Graph::new();
    let x = draws(&mut graph, 1 << 20);
    let sum = total(&mut graph, x);
    let case = Case::new(&graph, sum, 2, Sources::default());
    let (machine, factors, rates) = (Machine::default(), Factors::default(), CardRates::default());
    let forecast = Forecast {
        machine: &machine,
        factors: &factors,
        sources: &case.sources,
        threads: 2,
        delivery: Delivery::Looked,
    };
    let of = |is_new| card_estimate(&case.plan, &forecast, CardWork { rates: &rates, kernels: &[Some(1)], is_new });
    let first_s = of(true).seconds - of(false).seconds;
    assert!(close(first_s, rates.open_s + rates.compile_s), "{first_s}");
}
