//! Five kernels in full.

use crate::corpus::{emitted, fill, fold, load, map, running, texts, view};
use cleave_gpu::emit::Kernels;
use cleave_graph::{Graph, NodeId};
use cleave_ops::{DType, Fill, Scalar};

fn only(graph: &Graph, node: NodeId) -> String {
    let stage = emitted(graph, &[node]).pop().unwrap().unwrap();
    texts(&stage)[0].1.to_owned()
}

#[test]
fn a_product_with_a_flip() {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[500, 600], DType::F64);
    let back = view(&mut g, x, &[500, 600], &[(499, -1, Some(0)), (599, -1, Some(1))]);
    let product = map(&mut g, "multiply", &[x, back]);
    insta::assert_snapshot!(only(&g, product));
}

#[test]
fn a_sum_of_everything() {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[100_000], DType::F32);
    let sum = fold(&mut g, "sum", x, &[0]);
    insta::assert_snapshot!(only(&g, sum));
}

#[test]
fn sums_of_columns_of_a_ramp() {
    let mut g = Graph::new();
    let ramp = Fill::Ramp { start: Scalar::Int(0), step: Scalar::Int(3), last: None };
    let x = fill(&mut g, ramp, &[900], DType::I64);
    let x = view(&mut g, x, &[700, 900], &[(0, 1, Some(1))]);
    let sum = fold(&mut g, "sum", x, &[0]);
    insta::assert_snapshot!(only(&g, sum));
}

#[test]
fn running_sums_less_one() {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[1000, 40], DType::F32);
    let running = running(&mut g, "cumsum", x, 0);
    let one = fill(&mut g, Fill::Const(Scalar::Float(1.0)), &[1000, 40], DType::F32);
    let less = map(&mut g, "subtract", &[running, one]);
    insta::assert_snapshot!(only(&g, less));
}

#[test]
fn smallest_of_superboxes_joined() {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[3_000_000], DType::I32);
    let least = fold(&mut g, "min", x, &[0]);
    let stage = emitted(&g, &[least]).pop().unwrap().unwrap();
    let Kernels::Folds(folds) = stage else { panic!("it is reduced") };
    insta::assert_snapshot!(folds[0].joins.task.text);
}
