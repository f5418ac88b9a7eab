//! Random graphs give what they mean, whatever the chunks, cuts and threads.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use cleave_cpu::Cancel;
use cleave_graph::NodeId;
use cleave_plan::Cut;
use proptest::prelude::*;
use support::random::{Tape, case, cut, sources};
use support::reference::evaluate;
use support::{Memory, Setting, compute_within, needed};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_run_gives_what_the_graph_means(numbers in prop::collection::vec(any::<u32>(), 20..90)) {
        let mut tape = Tape::new(numbers);
        let case = case(&mut tape);
        let sources = sources(&case, &mut tape);
        let wanted: Vec<(NodeId, Cut)> = case.nodes.iter().rev().take(3).map(|&n| (n, cut(&case, n, &mut tape))).collect();
        let setting = Setting { threads: [1, 2, 4][tape.below(3)], sources: &sources, cancel: Cancel::default() };
        let memory = Memory { on_disk: tape.below(2) == 0, limit_bytes: 0 };
        let (results, _) = compute_within(&case.graph, &wanted, &setting, memory).unwrap();
        // With just what a refusal names it must do as well.
        let tight = Memory { limit_bytes: needed(&case.graph, &wanted, &setting, memory), ..memory };
        let (again, _) = compute_within(&case.graph, &wanted, &setting, tight).unwrap();
        prop_assert_eq!(&results, &again);
        for ((node, cut), result) in wanted.iter().zip(results) {
            let expected = evaluate(&case.graph, *node, &case.stored);
            prop_assert_eq!(result, expected, "node {:?} cut {:?} of {:#?}", node, cut, case.graph.iter().collect::<Vec<_>>());
        }
    }
}
