//! Products of matrices on a card have the bits of threads, whatever their sides, dtypes and the memory.

use crate::corpus::{load, map, planned, view};
use crate::expected::of_all_sorts;
use crate::process::{card, check, check_done, under};
use crate::support::product::{DTYPES, product};
use crate::support::random::Tape;
use cleave_cpu::{Cancel, Control, DenseSink, Pool};
use cleave_gpu::Why;
use cleave_gpu::emit::Unfit;
use cleave_gpu::trial::in_memory;
use cleave_graph::node::AxisPairs;
use cleave_graph::{Graph, NodeId, NodeKind};
use cleave_ops::DType;
use cleave_plan::{Plan, RunError, Sink, Work};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::sync::Arc;

const CASES: u32 = 40;
const WAYS: [&str; 3] = ["", "deferred reverse memory=16M", "pools=0 poison=7f"];
const LENS: [usize; 9] = [1, 2, 3, 5, 17, 40, 65, 130, 800];

fn lens(tape: &mut Tape, axes: usize, most: usize) -> Vec<usize> {
    let mut room = most;
    let mut len = || {
        let len = LENS[tape.below(LENS.len())].min(room.max(1));
        room /= len;
        len
    };
    (0..axes).map(|_| len()).collect()
}

/// An operand whose axes stand in any order, and where each of them is: paired ones first.
fn operand(
    (g, tape): (&mut Graph, &mut Tape),
    (number, dtype): (u64, DType),
    paired: &[usize],
    free: &[usize],
) -> (NodeId, Vec<usize>) {
    let all = [paired, free].concat();
    let mut order: Vec<usize> = (0..all.len()).collect();
    (1..order.len()).for_each(|i| order.swap(i, tape.below(i + 1)));
    // Free axes keep their order, from which the result's follows.
    let mut frees = paired.len()..all.len();
    order.iter_mut().filter(|axis| **axis >= paired.len()).for_each(|axis| *axis = frees.next().unwrap());
    let shape: Vec<usize> = order.iter().map(|&axis| all[axis]).collect();
    let places = (0..all.len()).map(|axis| order.iter().position(|&at| at == axis).unwrap()).collect();
    let node = match tape.below(4) {
        0 => {
            let whole = load(g, number, &shape, DType::I8);
            cleave_gpu::trial::add(g, NodeKind::Cast(whole), &shape, dtype)
        }
        1 => {
            let x = load(g, number, &shape, dtype);
            let back: Vec<_> = shape.iter().enumerate().map(|(axis, &len)| (len as i64 - 1, -1, Some(axis))).collect();
            view(g, x, &shape, &back)
        }
        2 if dtype != DType::Bool => {
            let x = load(g, number, &shape, dtype);
            map(g, "add", &[x, x])
        }
        _ => load(g, number, &shape, dtype),
    };
    (node, places)
}

/// Sides of up to two axes each, and sometimes what is computed of the product.
pub(crate) fn random(tape: &mut Tape) -> (Graph, NodeId) {
    let axes = [tape.below(3).saturating_sub(1), tape.below(3), tape.below(3), tape.below(3)];
    let [batch, rows, shared, columns] =
        [(axes[0], 5), (axes[1], 140), (axes[2], 900), (axes[3], 140)].map(|(count, most)| lens(tape, count, most));
    let (mut g, dtype) = (Graph::new(), DTYPES[tape.below(DTYPES.len())]);
    let paired = [batch.clone(), shared].concat();
    let (left, left_axes) = operand((&mut g, tape), (1, dtype), &paired, &rows);
    let (right, right_axes) = operand((&mut g, tape), (3, dtype), &paired, &columns);
    let pairs = |range: std::ops::Range<usize>| range.map(|i| (left_axes[i], right_axes[i])).collect::<AxisPairs>();
    let node = product(&mut g, left, right, pairs(0..batch.len()), pairs(batch.len()..paired.len()));
    if dtype == DType::Bool || tape.below(2) == 0 {
        return (g, node);
    }
    let shape = g[node].shape.to_vec();
    let other = load(&mut g, 5, &shape, dtype);
    let difference = map(&mut g, "subtract", &[node, other]);
    let node = map(&mut g, "multiply", &[difference, node]);
    (g, node)
}

#[test]
fn random_products() {
    under(WAYS, "products::random_products", || {
        let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
        let numbers = prop::collection::vec(any::<u32>(), 60);
        let run = |numbers: Vec<u32>| {
            let mut tape = Tape::new(numbers);
            let (graph, node) = random(&mut tape);
            let plan = planned(&graph, &[node], 1 + tape.below(4));
            // From panels one by one to all arrays at once.
            let limit = [200 << 10, 2 << 20, 0][tape.below(3)];
            for note in check("a random product", &card(limit), &plan, &of_all_sorts(&plan)) {
                let known = |why: &Why| matches!(why, Why::TooLarge if limit > 0);
                prop_assert!(note.left.iter().all(|(_, why)| known(why)), "{note:?}");
            }
            Ok(())
        };
        TestRunner::new(config).run(&numbers, run).unwrap();
    });
}

/// A product of two stored matrices.
pub(crate) fn matrices(lens: [usize; 3], dtype: DType) -> (Graph, NodeId) {
    let mut g = Graph::new();
    let [left, right] = [load(&mut g, 1, &lens[..2], dtype), load(&mut g, 3, &lens[1..], dtype)];
    let node = product(&mut g, left, right, AxisPairs::new(), [(1, 0)].into_iter().collect());
    (g, node)
}

#[test]
fn matrices_larger_than_the_memory_are_multiplied_panel_by_panel() {
    let test = "products::matrices_larger_than_the_memory_are_multiplied_panel_by_panel";
    under(["", "deferred"], test, || {
        let (graph, node) = matrices([300, 1600, 260], DType::F64);
        let plan = planned(&graph, &[node], 4);
        assert!(plan.stages[0].tasks > 1, "{plan}");
        let sources = of_all_sorts(&plan);
        let [whole, parts] = [0, 5 << 20].map(|limit| {
            let notes = check_done("matrices", &card(limit), &plan, &sources);
            notes.into_iter().next().unwrap()
        });
        let once = 8 * 1600 * (300 + 260);
        assert!(whole.bytes_up == once && parts.bytes_up >= once, "{whole:?}, {parts:?}");
        assert!(whole.launches < parts.launches, "{whole:?}, {parts:?}");
        let none = check("next to no memory", &card(20 << 10), &plan, &sources);
        assert_eq!(none[0].left, [(none[0].tasks, Why::TooLarge)]);
    });
}

#[test]
fn parts_of_long_sums_are_added_in_order() {
    under(["reverse"], "products::parts_of_long_sums_are_added_in_order", || {
        for dtype in [DType::F32, DType::Bool] {
            let (graph, node) = matrices([3, 20_000, 2], dtype);
            let plan = planned(&graph, &[node], 2);
            let Work::Contract(work) = &plan.stages[0].work else { panic!("{plan}") };
            assert!(work.segments > 1);
            for limit in [0, 300 << 10] {
                check_done("long sums", &card(limit), &plan, &of_all_sorts(&plan));
            }
        }
    });
}

#[test]
fn products_without_elements_are_left_to_threads() {
    under([""], "products::products_without_elements_are_left_to_threads", || {
        for lens in [[4, 0, 5], [0, 4, 5], [4, 5, 0]] {
            let (graph, node) = matrices(lens, DType::F64);
            let plan = planned(&graph, &[node], 2);
            for note in check("no elements", &card(0), &plan, &of_all_sorts(&plan)) {
                assert!(note.left.iter().all(|(_, why)| *why == Why::Unfit(Unfit::Empty)), "{note:?}");
            }
        }
    });
}

#[test]
fn whatever_fails_products_have_the_bits_of_threads() {
    let calls =
        ["cuMemAllocAsync", "cuMemcpyHtoDAsync_v2", "cuMemsetD8Async", "cuLaunchKernel", "cuMemcpyDtoHAsync_v2"];
    let each = calls.into_iter().flat_map(|call| [1, 2, 4, 6].map(|count| (call, count)));
    let failures = each.flat_map(|(call, count)| [2, 719].map(|code| format!("fail={call}:{count}:{code}")));
    under(failures, "products::whatever_fails_products_have_the_bits_of_threads", || {
        let (graph, node) = matrices([100, 70, 90], DType::F32);
        let plan = planned(&graph, &[node], 4);
        check("failures", &card(0), &plan, &of_all_sorts(&plan));
    });
}

#[test]
fn a_product_that_is_to_stop_stops() {
    under([""], "products::a_product_that_is_to_stop_stops", || {
        let (graph, node) = matrices([300, 400, 260], DType::F64);
        let plan: Plan = planned(&graph, &[node], 4);
        let sinks: Vec<Arc<dyn Sink>> =
            plan.outputs.iter().map(|o| Arc::new(DenseSink::new(&o.shape, o.dtype)) as Arc<dyn Sink>).collect();
        let cancel = Cancel::default();
        let stop = |_| cancel.cancel();
        let control = Control { cancel: cancel.clone(), events: &stop };
        let sources = in_memory(&of_all_sorts(&plan));
        let done = card(0).run(&Pool::new(2).unwrap(), &plan, (&sources, &sinks), &control);
        assert!(matches!(done, Err(RunError::Cancelled)));
    });
}
