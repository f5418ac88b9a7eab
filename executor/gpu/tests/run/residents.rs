//! Results that stay on the card: nothing of them comes to the host before it asks, and nothing goes back.

use crate::corpus::{fold, load, map, planned};
use crate::expected::{difference, in_memory, of_all_sorts, on_threads};
use crate::process::{card, under};
use crate::support::product::product;
use cleave_cpu::{Cancel, Control, DenseSink, Pool};
use cleave_gpu::{Card, Resident, StageNote, Why};
use cleave_graph::node::AxisPairs;
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::{DType, Data, Shape, copy_run};
use cleave_plan::stage::{block_region, unravel};
use cleave_plan::{Plan, Sink, Source, Sources};
use std::collections::BTreeMap;
use std::sync::Arc;

const SHAPE: [usize; 2] = [700, 300];

/// Something of two arrays, kept.
fn kept() -> Plan {
    let mut g = Graph::new();
    let [x, y] = [0, 1].map(|id| load(&mut g, id, &SHAPE, DType::F64));
    let sum = map(&mut g, "add", &[x, y]);
    planned(&g, &[sum], 4)
}

/// Sums of the array of that number, along rows and of all of it.
fn sums(id: u64) -> [Plan; 2] {
    [&[1][..], &[0, 1]].map(|axes| {
        let mut g = Graph::new();
        let x = load(&mut g, id, &SHAPE, DType::F64);
        let node: NodeId = fold(&mut g, "sum", x, axes);
        planned(&g, &[node], 4)
    })
}

/// Runs a plan whose outputs may stay.
fn run(card: &Card, plan: &Plan, sources: &Sources) -> (Vec<Arc<Resident>>, Vec<StageNote>) {
    let pool = Pool::new(2).unwrap();
    let arrays: Vec<_> = plan.outputs.iter().map(|output| Arc::new(Resident::new(output, pool.rooms()))).collect();
    let sinks: Vec<Arc<dyn Sink>> = arrays.iter().map(|array| Arc::clone(array) as Arc<dyn Sink>).collect();
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let (_, notes) = card.run(&pool, plan, (sources, &sinks), &control).unwrap();
    (arrays, notes)
}

/// All of an array as the host sees it.
fn on_host(array: &Resident) -> Data {
    let grid = array.grid();
    let dense = DenseSink::new(&grid.shape(), array.dtype());
    for number in 0..grid.count() {
        let (block, region) = (array.block(&unravel(number, &grid.numblocks())).unwrap(), block_region(grid, number));
        let mut data = Data::zeros(array.dtype(), region.size());
        copy_run(block.elements(), 0, 1, &mut data, 0, region.size());
        dense.put(&region, data).unwrap();
    }
    dense.take()
}

fn same(name: &str, found: &Data, expected: &Data) {
    if let Some(difference) = difference(found, expected) {
        panic!("{name}: {difference}");
    }
}

/// What threads make of the array that stays, under its number.
fn of_array(plan: &Plan, id: u64, array: &Data) -> Data {
    let sources = BTreeMap::from([(SourceId(id), (Shape::new(SHAPE), array.clone()))]);
    on_threads(plan, &sources).remove(0)
}

#[test]
fn what_stays_is_read_there_and_comes_home_when_it_is_looked_at() {
    let test = "residents::what_stays_is_read_there_and_comes_home_when_it_is_looked_at";
    under(["", "deferred reverse", "pools=0"], test, || {
        let (plan, card) = (kept(), card(0));
        let sources = of_all_sorts(&plan);
        let expected = on_threads(&plan, &sources).remove(0);
        let (arrays, notes) = run(&card, &plan, &in_memory(&sources));
        assert!(arrays[0].is_on_card() && notes.iter().all(|note| note.done == note.tasks), "{notes:?}");
        assert_eq!((notes[0].bytes_down, arrays[0].label()), (0, "on the card"));
        assert!(notes[0].launches < plan.stages[0].tasks, "neighbouring tasks are one launch: {notes:?}");
        card.adopt(SourceId(7), &arrays[0]);
        assert_eq!(card.held_bytes(), 8 * expected.len() as u64);
        let there = Sources::from([(SourceId(7), Arc::clone(&arrays[0]) as Arc<dyn Source>)]);
        for plan in sums(7) {
            let (sums, notes) = run(&card, &plan, &there);
            assert_eq!(notes[0].bytes_up, 0, "{notes:?}");
            same("a sum of it", &on_host(&sums[0]), &of_array(&plan, 7, &expected));
        }
        same("it comes home", &on_host(&arrays[0]), &expected);
        assert!(arrays[0].is_on_card());
        drop((arrays, there));
        assert_eq!(card.held_bytes(), 0);
    });
}

#[test]
fn what_stays_makes_room_when_memory_is_short() {
    under(["", "deferred"], "residents::what_stays_makes_room_when_memory_is_short", || {
        let bytes = (8 * SHAPE[0] * SHAPE[1]) as u64;
        let (plan, card) = (kept(), card(3 * bytes));
        let sources = of_all_sorts(&plan);
        let expected = on_threads(&plan, &sources).remove(0);
        let (arrays, _) = run(&card, &plan, &in_memory(&sources));
        assert!(arrays[0].is_on_card());
        card.adopt(SourceId(7), &arrays[0]);
        // What one task of it reads and makes takes more than two thirds of the memory.
        let mut g = Graph::new();
        let x = load(&mut g, 3, &[10 * SHAPE[0], SHAPE[1]], DType::F64);
        let node = map(&mut g, "negative", &[x]);
        let large = planned(&g, &[node], 1);
        let others = of_all_sorts(&large);
        let (negatives, notes) = run(&card, &large, &in_memory(&others));
        assert!(notes[0].done == notes[0].tasks && !arrays[0].is_on_card(), "{notes:?}");
        same("what needs room", &on_host(&negatives[0]), &on_threads(&large, &others)[0]);
        same("what made room", &on_host(&arrays[0]), &expected);
    });
}

#[test]
fn what_does_not_fit_is_with_the_host() {
    under([""], "residents::what_does_not_fit_is_with_the_host", || {
        let (plan, card) = (kept(), card((8 * SHAPE[0] * SHAPE[1]) as u64));
        let sources = of_all_sorts(&plan);
        let (arrays, notes) = run(&card, &plan, &in_memory(&sources));
        assert!(!arrays[0].is_on_card() && notes[0].done > 0 && notes[0].bytes_down > 0, "{notes:?}");
        same("it is with the host", &on_host(&arrays[0]), &on_threads(&plan, &sources)[0]);
    });
}

#[test]
fn a_product_stays_too() {
    under([""], "residents::a_product_stays_too", || {
        let mut g = Graph::new();
        let [left, right] = [load(&mut g, 1, &[300, 200], DType::F64), load(&mut g, 3, &[200, 260], DType::F64)];
        let node = product(&mut g, left, right, AxisPairs::new(), [(1, 0)].into_iter().collect());
        let plan = planned(&g, &[node], 4);
        let sources = of_all_sorts(&plan);
        let (arrays, notes) = run(&card(0), &plan, &in_memory(&sources));
        assert!(arrays[0].is_on_card() && notes[0].bytes_down == 0, "{notes:?}");
        same("a product", &on_host(&arrays[0]), &on_threads(&plan, &sources)[0]);
    });
}

#[test]
fn a_fault_costs_what_is_only_there_and_says_so() {
    let faults = (1..=6).map(|count| format!("fail=cuLaunchKernel:{count}:719"));
    under(faults, "residents::a_fault_costs_what_is_only_there_and_says_so", || {
        let (plan, card) = (kept(), card(0));
        let sources = of_all_sorts(&plan);
        let expected = on_threads(&plan, &sources).remove(0);
        let [first, second] = [0, 1].map(|number| {
            let (arrays, notes) = run(&card, &plan, &in_memory(&sources));
            card.adopt(SourceId(7 + number), &arrays[0]);
            let failed = notes[0].left.iter().any(|(_, why)| matches!(why, Why::Failed(_)));
            assert_eq!(arrays[0].is_on_card(), !failed, "{notes:?}");
            (Arc::clone(&arrays[0]), failed)
        });
        // What threads have made anew is with the host; what lay on the card before is lost.
        same("the second", &on_host(&second.0), &expected);
        match second.1 {
            false => same("the first", &on_host(&first.0), &expected),
            true => {
                let error = first.0.block(&[0, 0]).err().unwrap();
                assert!(error.to_string().contains("an array on a card"), "{error}");
            }
        }
    });
}
