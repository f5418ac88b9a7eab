//! The same bits for any chunking and any number of threads.

use cleave_session::Session;
use cleave_session::output::Shown;
use cleave_session::{Output, Settings};
use cleave_tests::{evaluate, on_big_stack, settings};
use proptest::prelude::*;

/// Programs over `x`, whose sums depend on the order of additions.
const PROGRAMS: [&str; 6] = [
    "x.sum()",
    "(x * x[::-1, ::-1]).sum()",
    "(sin(x[:23]) + x[:23].T).std()",
    "(x - x.mean(axis=0)).var()",
    "x.sum(axis=1).mean()",
    "exp(x[::2, 1:]).sum(axis=0).prod()",
];

fn value(program: &str, chunks: &str, threads: usize) -> String {
    let mut session = Session::new(Settings { threads, ..settings() });
    let code = format!("x = default_rng(5).random((37, 23), chunks={chunks})\n({program}).compute()");
    let (outcome, recorder) = evaluate(&mut session, &code);
    assert!(outcome.failed.is_none(), "{code}: {:?}", outcome.failed);
    match recorder.outputs.last() {
        Some(Output::Result(Shown::Computed(facts, _) | Shown::Value(facts))) => facts.repr.clone(),
        other => unreachable!("{code} gave {other:?}"),
    }
}

#[test]
fn sixty_chunkings_and_three_thread_counts_agree() {
    on_big_stack(|| {
        for program in PROGRAMS {
            let want = value(program, "-1", 1);
            for chunk in 1..=20 {
                for (threads, columns) in [(1, 23 - chunk % 7), (2, chunk), (4, 1 + chunk % 3)] {
                    assert_eq!(value(program, &format!("({chunk}, {columns})"), threads), want, "{program} in {chunk}");
                }
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn ragged_chunks_agree(cuts in prop::collection::vec(1_usize..12, 1..6), threads in 1_usize..5, program in 0..PROGRAMS.len()) {
        let mut lens = Vec::new();
        let mut left = 37;
        for cut in cuts {
            if cut < left {
                lens.push(cut.to_string());
                left -= cut;
            }
        }
        lens.push(left.to_string());
        let chunks = format!("(({},), 23)", lens.join(", "));
        let (got, want) = on_big_stack(|| (value(PROGRAMS[program], &chunks, threads), value(PROGRAMS[program], "-1", 1)));
        prop_assert_eq!(got, want);
    }
}
