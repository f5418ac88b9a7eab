//! Calls of the driver that fail: what comes out is the same, and it is told who computed it.

use crate::corpus::{load, mixtures, planned};
use crate::expected::of_all_sorts;
use crate::process::{card, check, under};
use cleave_gpu::{GpuError, Why};

const CALLS: [&str; 10] = [
    "cuMemHostAlloc",
    "cuEventRecord",
    "cuStreamWaitEvent",
    "cuMemAllocAsync",
    "cuMemFreeAsync",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuLaunchKernel",
    "cuMemcpyDtoHAsync_v2",
    "cuModuleLoadData",
];

/// Each call fails once, in a way after which the context lives and in one after which it is dead.
fn failures() -> impl Iterator<Item = String> {
    let each = |call: &'static str| [1, 4].into_iter().map(move |n| (call, n));
    let with_codes = |(call, n)| [1, 719].into_iter().map(move |code| format!("fail={call}:{n}:{code}"));
    CALLS.into_iter().flat_map(each).flat_map(with_codes)
}

#[test]
fn whatever_fails_the_bits_are_those_of_threads() {
    under(failures(), "faults::whatever_fails_the_bits_are_those_of_threads", || {
        let card = card(0);
        for (name, graph, nodes) in mixtures(4).into_iter().take(6) {
            let plan = planned(&graph, &nodes, 3);
            check(name, &card, &plan, &of_all_sorts(&plan));
        }
    });
}

#[test]
fn after_a_fault_threads_go_on_and_the_next_run_has_a_new_context() {
    let test = "faults::after_a_fault_threads_go_on_and_the_next_run_has_a_new_context";
    under(["fail=cuLaunchKernel:1:700"], test, || {
        let mut g = cleave_graph::Graph::new();
        let x = load(&mut g, 0, &[300, 400], cleave_ops::DType::F32);
        let node = crate::corpus::map(&mut g, "sqrt", &[x]);
        let plan = planned(&g, &[node], 2);
        let (card, sources) = (card(0), of_all_sorts(&plan));
        let notes = check("a fault", &card, &plan, &sources);
        let fault = GpuError::Call { what: "launching a kernel", code: 700 };
        assert_eq!((notes[0].done, &notes[0].left), (0, &vec![(notes[0].tasks, Why::Failed(fault))]));
        let notes = check("after it", &card, &plan, &sources);
        assert_eq!((notes[0].done, notes[0].left.len()), (notes[0].tasks, 0), "{notes:?}");
    });
}
