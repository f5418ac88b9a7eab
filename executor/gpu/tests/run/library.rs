//! Products that are left to cuBLAS: right whatever their sides and the memory, and kernels multiply where it does not.

use crate::corpus::planned;
use crate::expected::{of_all_sorts, stored};
use crate::process::{card, check, check_done, on_card, under, under_with};
use crate::products::{matrices, random};
use crate::support::random::Tape;
use cleave_gpu::trial::{elements, form};
use cleave_gpu::{Card, CardOptions, NoLibrary, Products, StageNote, Why};
use cleave_graph::SourceId;
use cleave_ops::data::Element;
use cleave_ops::{DType, Data, Scalar, Shape, each_dtype};
use cleave_plan::Plan;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::path::Path;

const CASES: u32 = 40;

/// A card that leaves products to cuBLAS.
fn by_library(memory_limit_bytes: u64) -> Card {
    Card::open(CardOptions { memory_limit_bytes, library: true, ..CardOptions::default() }).unwrap()
}

/// Whole numbers so small that their products are summed without rounding, in any order.
fn whole(plan: &Plan) -> BTreeMap<SourceId, (Shape, Data)> {
    stored(plan, |id| {
        let (dtype, len) = form(plan, id);
        let value = |i: usize| Scalar::Int(((i * 7 + id.0 as usize) % 13) as i128 - 6);
        let mut data = Data::zeros(dtype, len);
        each_dtype!(Data, &mut data, v => v.iter_mut().enumerate().for_each(|(i, x)| *x = Element::from_scalar(value(i))));
        data
    })
}

fn told(notes: &[StageNote]) -> Vec<Products> {
    notes.iter().flat_map(|note| note.products.clone()).collect()
}

#[test]
fn random_products_are_right() {
    let ways = ["", "deferred reverse memory=16M", "pools=0 poison=7f"];
    under(ways, "library::random_products_are_right", || {
        cleave_gpu_cublas::load().unwrap();
        let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
        let numbers = prop::collection::vec(any::<u32>(), 60);
        let run = |numbers: Vec<u32>| {
            let mut tape = Tape::new(numbers);
            let (graph, node) = random(&mut tape);
            let plan = planned(&graph, &[node], 1 + tape.below(4));
            let limit = [200 << 10, 2 << 20, 0][tape.below(3)];
            for note in check("a random product", &by_library(limit), &plan, &whole(&plan)) {
                prop_assert!(note.left.iter().all(|(_, why)| matches!(why, Why::TooLarge if limit > 0)), "{note:?}");
            }
            Ok(())
        };
        TestRunner::new(config).run(&numbers, run).unwrap();
    });
}

#[test]
fn large_matrices_are_multiplied_by_the_library_panel_by_panel() {
    let test = "library::large_matrices_are_multiplied_by_the_library_panel_by_panel";
    under(["", "deferred", "devices=2"], test, || {
        cleave_gpu_cublas::load().unwrap();
        for dtype in [DType::F64, DType::F32, DType::F16] {
            let (graph, node) = matrices([130, 1600, 101], dtype);
            let plan = planned(&graph, &[node], 4);
            for limit in [0, 2 << 20] {
                let card = by_library(limit);
                let notes = check_done("matrices", &card, &plan, &whole(&plan));
                assert_eq!(told(&notes), [Products::Library], "{notes:?}");
                let words = notes.iter().map(ToString::to_string).collect::<String>();
                assert!(words.contains("products by cuBLAS, whose bits may differ"), "{words}");
            }
        }
    });
}

#[test]
fn the_library_adds_in_an_order_of_its_own() {
    under([""], "library::the_library_adds_in_an_order_of_its_own", || {
        cleave_gpu_cublas::load().unwrap();
        let (graph, node) = matrices([40, 300, 50], DType::F64);
        let plan = planned(&graph, &[node], 2);
        // An odd seed has no infinities and nans.
        let sources = stored(&plan, |id| elements(DType::F64, form(&plan, id).1, id.0 as usize));
        let (by_kernels, notes) = on_card(&card(0), &plan, &sources).unwrap();
        assert_eq!(told(&notes), []);
        let (found, _) = on_card(&by_library(0), &plan, &sources).unwrap();
        let (Data::F64(own), Data::F64(found)) = (&by_kernels[0], &found[0]) else { panic!("they are floats") };
        assert!(own != found, "the stand-in adds from the last product on");
        let most = own.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        assert!(own.iter().zip(found).all(|(a, b)| (a - b).abs() <= 1e-12 * most));
    });
}

#[test]
fn where_the_library_fails_kernels_multiply() {
    let calls = ["cublasCreate_v2:1:1", "cublasSetStream_v2:1:7", "cublasDgemmStridedBatched:1:13"];
    let later = ["cublasDgemmStridedBatched:2:14", "cuMemcpyDtoH_v2:1:1", "cuMemcpyHtoD_v2:2:1"];
    let failures = calls.into_iter().chain(later).map(|call| format!("fail={call}"));
    under(failures, "library::where_the_library_fails_kernels_multiply", || {
        cleave_gpu_cublas::load().unwrap();
        let (graph, node) = matrices([130, 1600, 101], DType::F64);
        let plan = planned(&graph, &[node], 4);
        let card = by_library(2 << 20);
        let notes = check_done("a failure", &card, &plan, &whole(&plan));
        let is_failed = |by: &Products| matches!(by, Products::Own(NoLibrary::Failed { .. }));
        assert!(told(&notes).last().is_some_and(is_failed), "{notes:?}");
        let notes = check_done("after it", &card, &plan, &of_all_sorts(&plan));
        assert!(told(&notes).iter().all(is_failed), "it is not tried again: {notes:?}");
    });
}

#[test]
fn a_context_that_dies_meanwhile_is_left() {
    under(["fail=cuMemcpyHtoD_v2:2:719"], "library::a_context_that_dies_meanwhile_is_left", || {
        cleave_gpu_cublas::load().unwrap();
        let (graph, node) = matrices([130, 1600, 101], DType::F64);
        let plan = planned(&graph, &[node], 4);
        let card = by_library(2 << 20);
        let notes = check("a fault", &card, &plan, &whole(&plan));
        assert!(notes.last().is_some_and(|note| note.done < note.tasks), "{notes:?}");
        assert_eq!(told(&check_done("a new context", &card, &plan, &whole(&plan))), [Products::Library]);
    });
}

#[test]
fn without_the_library_and_for_integers_kernels_multiply() {
    under([""], "library::without_the_library_and_for_integers_kernels_multiply", || {
        let (graph, node) = matrices([30, 50, 40], DType::I64);
        let plan = planned(&graph, &[node], 2);
        let notes = check_done("integers", &by_library(0), &plan, &of_all_sorts(&plan));
        assert_eq!(told(&notes), [Products::Own(NoLibrary::Integers)]);
        if cleave_gpu::detect::cublas::find().is_none() {
            let (graph, node) = matrices([30, 50, 40], DType::F64);
            let plan = planned(&graph, &[node], 2);
            let notes = check_done("no library", &by_library(0), &plan, &of_all_sorts(&plan));
            assert_eq!(told(&notes), [Products::Own(NoLibrary::NotFound)]);
            let planned = cleave_gpu::products(&plan).into_iter().flatten().collect::<Vec<_>>();
            assert_eq!(planned, told(&notes));
        }
    });
}

#[test]
fn a_library_without_the_calls_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let found = std::fs::read_to_string("/proc/self/maps").unwrap();
    let another =
        found.lines().filter_map(|line| line.find('/').map(|at| &line[at..])).find(|p| p.contains("/libgcc_s"));
    std::fs::copy(Path::new(another.unwrap()), folder.path().join("libcublas.so.13")).unwrap();
    let path = folder.path().to_str().unwrap();
    under_with(&[("LD_LIBRARY_PATH", path)], "library::a_library_without_the_calls_is_not_used", || {
        let (graph, node) = matrices([30, 50, 40], DType::F64);
        let plan = planned(&graph, &[node], 2);
        let notes = check_done("another library", &by_library(0), &plan, &of_all_sorts(&plan));
        assert_eq!(told(&notes), [Products::Own(NoLibrary::MissingCall("cublasCreate_v2"))]);
    });
}
