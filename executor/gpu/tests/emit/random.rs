//! Random graphs of views, patches, stencils and reductions give on a card what they give on threads.

use crate::computed::compare_with;
use crate::corpus::{with_dtypes, with_running};
use crate::expected::stored;
use crate::support::random::{Tape, case};
use cleave_gpu::emit::Unfit;
use cleave_graph::NodeId;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;

const CASES: u32 = 300;

#[test]
fn random_graphs() {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let numbers = prop::collection::vec(any::<u32>(), 40..300);
    let empty = Cell::new(0);
    let run = |numbers: Vec<u32>| {
        let mut tape = Tape::new(numbers);
        let mut case = case(&mut tape);
        with_running(&mut case, &mut tape);
        with_dtypes(&mut case, &mut tape);
        let wanted: Vec<NodeId> = case.nodes.iter().rev().take(2).copied().collect();
        let plan = crate::corpus::planned(&case.graph, &wanted, 1 + tape.below(3));
        let sources = stored(&plan, |id| case.stored[&id].clone());
        match compare_with("a random graph", &plan, &sources, 1 << tape.below(6)) {
            Ok(ran) => prop_assert!(ran, "formulas hold everywhere"),
            Err(unfit) => {
                prop_assert_eq!(unfit, Unfit::Empty);
                empty.set(empty.get() + 1);
            }
        }
        Ok(())
    };
    TestRunner::new(config).run(&numbers, run).unwrap();
    assert!(empty.get() < CASES / 2, "{} cases have stages without elements", empty.get());
}
