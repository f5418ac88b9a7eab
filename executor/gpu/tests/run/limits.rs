//! Less memory than arrays take, and runs that end early.

use crate::corpus::{fold, load, map, planned, view};
use crate::expected::{in_memory, of_all_sorts, stored};
use crate::process::{card, check, check_done, under};
use cleave_cpu::{Cancel, Control, DenseSink, Pool};
use cleave_gpu::detect::Absent;
use cleave_gpu::trial::{elements, form};
use cleave_gpu::{Card, CardOptions, GpuError, Why};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::DType;
use cleave_plan::{Plan, RunError, Sink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

const SIDE: usize = 1500;

/// An array with itself turned round, kept and summed along its rows.
fn mirrored() -> Plan {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[SIDE, SIDE], DType::F64);
    let last = SIDE as i64 - 1;
    let back = view(&mut g, x, &[SIDE, SIDE], &[(last, -1, Some(0)), (last, -1, Some(1))]);
    let product = map(&mut g, "multiply", &[x, back]);
    let sum: NodeId = fold(&mut g, "sum", product, &[1]);
    planned(&g, &[product, sum], 4)
}

#[test]
fn arrays_larger_than_the_memory_go_there_part_by_part() {
    under(["", "deferred"], "limits::arrays_larger_than_the_memory_go_there_part_by_part", || {
        let plan = mirrored();
        let sources = of_all_sorts(&plan);
        let (large, small) = (card(0), card(6 << 20));
        let whole = check("all at once", &large, &plan, &sources);
        let parts = check("in parts", &small, &plan, &sources);
        for (whole, parts) in whole.iter().zip(&parts) {
            assert_eq!((whole.done, parts.done), (whole.tasks, parts.tasks), "{parts}");
        }
        let up = |notes: &[cleave_gpu::StageNote]| notes.iter().map(|note| note.bytes_up).sum::<u64>();
        let once = (8 * SIDE * SIDE) as u64;
        // Two stages want each element at two places; the last task has fewer rows, so that opposite ones do not fit.
        assert!((2 * once..3 * once).contains(&up(&parts)), "{parts:?}");
        assert!(up(&whole) <= 2 * once, "{whole:?}");
    });
}

#[test]
fn what_opposite_and_neighbouring_places_share_goes_there_once() {
    under(["", "deferred", "pools=0"], "limits::what_opposite_and_neighbouring_places_share_goes_there_once", || {
        let mut g = Graph::new();
        // Superboxes of 512 rows, five of them: the one in the middle is opposite itself.
        let (rows, columns) = (5 * 512, 600);
        let x = load(&mut g, 0, &[rows, columns], DType::F64);
        let turned = [(rows as i64 - 1, -1, Some(0)), (columns as i64 - 1, -1, Some(1))];
        let back = view(&mut g, x, &[rows, columns], &turned);
        let product = map(&mut g, "multiply", &[x, back]);
        let sum = fold(&mut g, "sum", product, &[0, 1]);
        let [low, high] =
            [0, 1].map(|from| view(&mut g, x, &[rows - 1, columns], &[(from, 1, Some(0)), (0, 1, Some(1))]));
        let apart = map(&mut g, "subtract", &[high, low]);
        let once = (8 * rows * columns) as u64;
        for (wanted, most) in [(sum, once), (apart, once + once / 5)] {
            let plan = planned(&g, &[wanted], 8);
            let notes = check_done("shared", &card(once + once / 2), &plan, &of_all_sorts(&plan));
            let up: u64 = notes.iter().map(|note| note.bytes_up).sum();
            assert!((once..=most).contains(&up), "{up} of {once}: {notes:?}");
        }
    });
}

#[test]
fn arrays_that_stay_go_there_once() {
    under(["", "deferred"], "limits::arrays_that_stay_go_there_once", || {
        let mut g = Graph::new();
        let x = load(&mut g, 0, &[300, 500], DType::F64);
        let sum: NodeId = fold(&mut g, "sum", x, &[1]);
        let plan = planned(&g, &[sum], 4);
        let (sources, card) = (of_all_sorts(&plan), card(0));
        let up = |name: &str| check(name, &card, &plan, &sources).iter().map(|note| note.bytes_up).sum::<u64>();
        let bytes = 300 * 500 * 8;
        assert_eq!((up("it goes there"), card.held_bytes()), (bytes, 0));
        card.stay(&[SourceId(0)]);
        assert_eq!((up("it stays"), card.held_bytes()), (bytes, bytes));
        assert_eq!((up("it is there"), card.held_bytes()), (0, bytes));
        card.forget(&|_| true);
        assert_eq!((card.held_bytes(), up("it is gone")), (0, bytes));
    });
}

#[test]
fn arrays_that_stay_make_room_and_outlive_a_fault() {
    let faults = ["", "fail=cuLaunchKernel:2:700", "fail=cuLaunchKernel:3:700", "fail=cuMemAllocAsync:6:2"];
    under(faults, "limits::arrays_that_stay_make_room_and_outlive_a_fault", || {
        let plan = mirrored();
        let sources = of_all_sorts(&plan);
        for card in [card(0), card(SIDE as u64 * SIDE as u64 * 8 * 3)] {
            card.stay(&[SourceId(0)]);
            (0..3).for_each(|_| drop(check("it may be there", &card, &plan, &sources)));
        }
    });
}

#[test]
fn a_device_with_less_memory_than_it_tells_does_fewer_tasks_at_once() {
    let failures = (1..=40).step_by(3).map(|n| format!("fail=cuMemAllocAsync:{n}:2"));
    under(failures, "limits::a_device_with_less_memory_than_it_tells_does_fewer_tasks_at_once", || {
        let plan = mirrored();
        check("memory runs out", &card(0), &plan, &of_all_sorts(&plan));
    });
}

#[test]
fn little_memory_to_send_from_is_enough() {
    // None for large parts, none at all, and none once parts are on their way.
    let failures = ["fail=cuMemHostAlloc:1:2", "fail=cuMemHostAlloc:2:2 fail=cuMemHostAlloc:3:2 deferred"];
    under(failures, "limits::little_memory_to_send_from_is_enough", || {
        let plan = mirrored();
        for limit in [0, 6 << 20] {
            check_done("little memory to send from", &card(limit), &plan, &of_all_sorts(&plan));
        }
    });
}

#[test]
fn tasks_that_never_fit_are_left_to_threads() {
    under([""], "limits::tasks_that_never_fit_are_left_to_threads", || {
        let plan = mirrored();
        let notes = check("next to no memory", &card(100), &plan, &of_all_sorts(&plan));
        assert!(notes.iter().all(|note| note.left == [(note.tasks, Why::TooLarge)]), "{notes:?}");
    });
}

#[test]
fn a_sum_of_superboxes_side_by_side_reads_them_all() {
    under([""], "limits::a_sum_of_superboxes_side_by_side_reads_them_all", || {
        let mut g = Graph::new();
        let x = load(&mut g, 0, &[1030, 4100], DType::F64);
        let sum = fold(&mut g, "sum", x, &[0, 1]);
        let plan = planned(&g, &[sum], 4);
        // Not enough for half of it to be the whole array.
        check_done("in parts", &card(60 << 20), &plan, &of_all_sorts(&plan));
    });
}

#[test]
fn after_a_panic_a_run_reads_its_own_arrays() {
    under([""], "limits::after_a_panic_a_run_reads_its_own_arrays", || {
        let (plan, card, pool) = (mirrored(), card(0), Pool::new(1).unwrap());
        let sinks: Vec<Arc<dyn Sink>> =
            plan.outputs.iter().map(|o| Arc::new(DenseSink::new(&o.shape, o.dtype)) as Arc<dyn Sink>).collect();
        let control = Control { cancel: Cancel::default(), events: &|_| panic!("nobody listens") };
        let sources = in_memory(&of_all_sorts(&plan));
        let run = || card.run(&pool, &plan, (&sources, &sinks), &control);
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        let others = stored(&plan, |id| {
            let (dtype, len) = form(&plan, id);
            elements(dtype, len, 1)
        });
        check("after it", &card, &plan, &others);
    });
}

#[test]
fn a_run_that_is_to_stop_stops() {
    under([""], "limits::a_run_that_is_to_stop_stops", || {
        let plan = mirrored();
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

#[test]
fn a_device_that_is_not_there_is_told_apart() {
    under(["devices=0"], "limits::a_device_that_is_not_there_is_told_apart", || {
        let error = Card::open(CardOptions::default()).err().unwrap();
        assert!(matches!(error, GpuError::Absent(Absent::NoDevice { .. })), "{error}");
    });
}
