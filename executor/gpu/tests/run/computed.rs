//! Plans on a card have the bits of threads.

use crate::corpus::{each_loop, mixtures, planned, with_dtypes, with_running};
use crate::expected::{of_all_sorts, stored};
use crate::process::{card, check, check_done, under};
use crate::support::random::{Tape, case};
use cleave_cpu::Pool;
use cleave_gpu::Why;
use cleave_gpu::emit::Unfit;
use cleave_gpu::trial::{all, attempt, in_parts};
use cleave_graph::NodeId;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const CASES: u32 = 100;
/// Whatever a driver may do.
const WAYS: [&str; 3] = ["", "deferred reverse memory=16M", "pools=0 poison=7f"];

#[test]
fn random_graphs() {
    under(WAYS, "computed::random_graphs", || {
        let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
        let numbers = prop::collection::vec(any::<u32>(), 40..300);
        let run = |numbers: Vec<u32>| {
            let mut tape = Tape::new(numbers);
            let mut case = case(&mut tape);
            with_running(&mut case, &mut tape);
            with_dtypes(&mut case, &mut tape);
            let wanted: Vec<NodeId> = case.nodes.iter().rev().take(2).copied().collect();
            let plan = planned(&case.graph, &wanted, 1 + tape.below(3));
            let sources = stored(&plan, |id| case.stored[&id].clone());
            // From a few tasks that fit to all arrays at once.
            let limit = [1 << 9, 1 << 12, 1 << 20][tape.below(3)];
            for note in check("a random graph", &card(limit), &plan, &sources) {
                let known = |why: &Why| matches!(why, Why::Unfit(Unfit::Empty) | Why::TooLarge);
                prop_assert!(note.left.iter().all(|(_, why)| known(why)), "{note:?}");
            }
            Ok(())
        };
        TestRunner::new(config).run(&numbers, run).unwrap();
    });
}

#[test]
fn mixtures_have_the_bits_of_threads() {
    under(WAYS, "computed::mixtures_have_the_bits_of_threads", || {
        let card = card(0);
        for (name, graph, nodes) in mixtures(10) {
            for threads in [1, 4] {
                let plan = planned(&graph, &nodes, threads);
                check_done(name, &card, &plan, &of_all_sorts(&plan));
            }
        }
    });
}

#[test]
fn all_trials_succeed() {
    under([""], "computed::all_trials_succeed", || {
        let pool = Pool::new(1).unwrap();
        let (limit, parts) = in_parts();
        attempt(&card(limit), &pool, &parts).unwrap();
        let card = card(0);
        let flaws: Vec<String> = all()
            .iter()
            .filter_map(|case| attempt(&card, &pool, case).err().map(|flaw| format!("{}: {flaw}", case.0)))
            .collect();
        assert!(flaws.is_empty(), "{flaws:#?}");
    });
}

#[test]
fn every_loop_has_the_bits_of_threads_wherever_it_runs() {
    under([""], "computed::every_loop_has_the_bits_of_threads_wherever_it_runs", || {
        let card = card(0);
        let mut beyond = 0;
        for (name, graph, node) in each_loop([37, 70]) {
            let plan = planned(&graph, &[node], 1);
            for note in check(&name, &card, &plan, &of_all_sorts(&plan)) {
                assert!(note.left.iter().all(|(_, why)| *why == Why::Beyond), "{name}: {note}");
                beyond += usize::from(!note.left.is_empty());
            }
        }
        assert!(beyond > 0, "some elements are beyond some formulas");
    });
}
