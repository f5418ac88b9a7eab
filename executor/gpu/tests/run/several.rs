//! Several cards share a plan's tasks, and the bits are those of threads.

use crate::corpus::{load, mixtures, planned};
use crate::expected::of_all_sorts;
use crate::process::{check, check_done, under};
use crate::support::product::product;
use cleave_gpu::{Card, CardOptions};
use cleave_graph::Graph;
use cleave_graph::node::AxisPairs;
use cleave_ops::DType;

fn all(memory_limit_bytes: u64) -> Card {
    Card::open(CardOptions { ordinal: 1, memory_limit_bytes, others: true, ..CardOptions::default() }).unwrap()
}

#[test]
fn two_cards_share_the_tasks_of_a_stage() {
    under(["devices=2", "devices=3 deferred reverse"], "several::two_cards_share_the_tasks_of_a_stage", || {
        let card = all(0);
        assert!(card.name().ends_with(" more"), "{}", card.name());
        let mut shared = 0;
        for (name, graph, nodes) in mixtures(8) {
            let plan = planned(&graph, &nodes, 4);
            for note in check(name, &card, &plan, &of_all_sorts(&plan)) {
                assert_eq!(note.done, note.tasks, "{name}: {note}");
                shared += usize::from(note.devices > 1);
            }
        }
        assert!(shared > 5, "{shared}");
    });
}

#[test]
fn two_cards_share_a_product() {
    under(["devices=2"], "several::two_cards_share_a_product", || {
        let mut g = Graph::new();
        let [left, right] = [load(&mut g, 1, &[300, 200], DType::F64), load(&mut g, 3, &[200, 260], DType::F64)];
        let node = product(&mut g, left, right, AxisPairs::new(), [(1, 0)].into_iter().collect());
        let plan = planned(&g, &[node], 4);
        for limit in [0, 2 << 20] {
            let notes = check_done("a product", &all(limit), &plan, &of_all_sorts(&plan));
            assert!(notes.iter().all(|note| note.devices == 2), "{notes:?}");
        }
    });
}

#[test]
fn what_one_of_two_cards_does_not_do_threads_do() {
    let failures = [1, 2, 4].map(|count| format!("devices=2 fail=cuLaunchKernel:{count}:719"));
    under(failures, "several::what_one_of_two_cards_does_not_do_threads_do", || {
        let card = all(0);
        for (name, graph, nodes) in mixtures(8).into_iter().take(4) {
            let plan = planned(&graph, &nodes, 4);
            check(name, &card, &plan, &of_all_sorts(&plan));
        }
    });
}
