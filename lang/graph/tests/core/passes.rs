//! Golden graphs before and after the passes.

use crate::make::{at, call, cut, source, try_call};
use cleave_graph::index::Index;
use cleave_graph::rewrite::{RewriteOptions, optimize};
use cleave_graph::{Graph, NodeId};
use cleave_ops::DType;

fn check(graph: &Graph, root: NodeId, fold: bool, expected: &str) {
    let (after, _, applied) = optimize(graph, &[root], RewriteOptions { fold });
    let did: String = applied.iter().map(|a| format!("{a}\n")).collect();
    let lines = |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(&format!("{after}{did}")), lines(expected));
}

fn article(g: &mut Graph) -> NodeId {
    let x = try_call(g, "ones", vec![[200_000, 200_000].into()], vec![("chunks", [2000, 2000].into())]).unwrap();
    let turned = at(g, x, &[cut(None, None, -1), cut(None, None, -1)]);
    let product = call(g, "multiply", [x.into(), turned.into()]);
    call(g, "sum", [product.into()])
}

#[test]
fn the_article_without_folding() {
    let mut g = Graph::new();
    let root = article(&mut g);
    check(
        &g,
        root,
        false,
        "
        %0 = constant 1.0 : float64 (200000, 200000) in [2000*100, 2000*100]
        %1 = multiply(%0, %0) : float64 (200000, 200000) in [2000*100, 2000*100]
        %2 = sum %1 over 0, 1 : float64 () in []
        push_views: views taken closer to the source (1)
        ",
    );
}

#[test]
fn the_article_with_folding() {
    let mut g = Graph::new();
    let root = article(&mut g);
    check(
        &g,
        root,
        true,
        "
        %0 = constant 40000000000.0 : float64 () in []
        push_views: views taken closer to the source (1)
        fold_constants: constants computed (2)
        ",
    );
}

#[test]
fn views_go_through_maps_casts_and_rechunkings_to_the_source() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[8, 6], 4, DType::I16);
    let y = call(&mut g, "divide", [x.into(), 2.into()]);
    let y = cleave_graph::build::rechunk(&mut g, y, &cleave_ops::Arg::from(3), &crate::make::OPTIONS).unwrap();
    let turned = at(&mut g, y, &[cut(None, None, -1)]);
    let part = at(&mut g, turned, &[cut(1, 7, 2), Index::At(0)]);
    check(
        &g,
        part,
        true,
        "
        %0 = load source 1 : int16 (8, 6) in [4*2, 4+2]
        %1 = view %0[6-2*i0, 0] : int16 (3,) in [2+1]
        %2 = cast %1 : float64 (3,) in [2+1]
        %3 = constant 2.0 : float64 (3,) in [2+1]
        %4 = divide(%2, %3) : float64 (3,) in [2+1]
        %5 = rechunk %4 : float64 (3,) in [1*3]
        drop_rechunk: rechunkings inside left out (1)
        push_views: views taken closer to the source (5)
        ",
    );
}

#[test]
fn a_slice_of_a_reduction_reads_only_what_it_needs() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[8, 6, 4], 4, DType::F64);
    let means = try_call(&mut g, "mean", vec![x.into()], vec![("axis", 1.into())]).unwrap();
    let part = at(&mut g, means, &[cut(5, 1, -2), Index::At(3)]);
    check(
        &g,
        part,
        true,
        "
        %0 = load source 1 : float64 (8, 6, 4) in [4*2, 4+2, 4]
        %1 = view %0[3+2*i0, i1, 3+i2] : float64 (2, 6, 1) in [1*2, 4+2, 1]
        %2 = mean %1 over 1 : float64 (2, 1) in [1*2, 1]
        %3 = view %2[1-i0, 0] : float64 (2,) in [1*2]
        push_views: views taken closer to the source (1)
        ",
    );
}

#[test]
fn operations_without_effect_disappear() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[4], 2, DType::F64);
    let once = call(&mut g, "multiply", [x.into(), 1.into()]);
    let minus = call(&mut g, "subtract", [once.into(), 0.into()]);
    let plus = call(&mut g, "add", [minus.into(), 0.into()]);
    check(
        &g,
        plus,
        true,
        "
        %0 = load source 1 : float64 (4,) in [2*2]
        %1 = constant 0.0 : float64 (4,) in [2*2]
        %2 = add(%0, %1) : float64 (4,) in [2*2]
        drop_neutral: operations without effect left out (2)
        ",
    );
}

#[test]
fn a_window_of_25_is_five_windows_of_5() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[100], 50, DType::F32);
    let windows = try_call(&mut g, "sliding_window_view", vec![x.into(), 25.into()], vec![]).unwrap();
    let root = try_call(&mut g, "mean", vec![windows.into()], vec![("axis", 1.into())]).unwrap();
    check(
        &g,
        root,
        true,
        "
        %0 = load source 1 : float32 (100,) in [50*2]
        %1 = view %0[i0] : float32 (96,) in [50+46]
        %2 = view %0[1+i0] : float32 (96,) in [49+47]
        %3 = view %0[2+i0] : float32 (96,) in [48*2]
        %4 = view %0[3+i0] : float32 (96,) in [47+49]
        %5 = view %0[4+i0] : float32 (96,) in [46+50]
        %6 = add(%1, %2) : float32 (96,) in [50+46]
        %7 = add(%6, %3) : float32 (96,) in [50+46]
        %8 = add(%7, %4) : float32 (96,) in [50+46]
        %9 = add(%8, %5) : float32 (96,) in [50+46]
        %10 = view %9[i0] : float32 (76,) in [50+26]
        %11 = view %9[5+i0] : float32 (76,) in [45+31]
        %12 = view %9[10+i0] : float32 (76,) in [40+36]
        %13 = view %9[15+i0] : float32 (76,) in [35+41]
        %14 = view %9[20+i0] : float32 (76,) in [30+46]
        %15 = add(%10, %11) : float32 (76,) in [50+26]
        %16 = add(%15, %12) : float32 (76,) in [50+26]
        %17 = add(%16, %13) : float32 (76,) in [50+26]
        %18 = add(%17, %14) : float32 (76,) in [50+26]
        %19 = constant 25.0 : float32 (76,) in [50+26]
        %20 = divide(%18, %19) : float32 (76,) in [50+26]
        combine_windows: reductions over windows done in a few steps (1)
        ",
    );
}

/// How many elementwise nodes a program has after the passes.
fn maps(graph: &Graph, root: NodeId) -> usize {
    let (after, ..) = optimize(graph, &[root], RewriteOptions { fold: true });
    after.iter().filter(|(_, node)| matches!(node.kind, cleave_graph::NodeKind::Map { .. })).count()
}

#[test]
fn steps_of_a_stencil_do_not_multiply() {
    let mut g = Graph::new();
    let mut u = source(&mut g, 1, &[100, 100], 50, DType::F64);
    for _ in 0..10 {
        let mid = cut(1, -1, None);
        let around = [
            [cut(None, -2, None), mid],
            [cut(2, None, None), mid],
            [mid, cut(None, -2, None)],
            [mid, cut(2, None, None)],
        ];
        let parts = around.map(|place| at(&mut g, u, &place));
        u = parts.into_iter().reduce(|a, b| call(&mut g, "add", [a.into(), b.into()])).unwrap();
    }
    assert_eq!(maps(&g, u), 30);
}

#[test]
fn windows_of_two_axes_are_taken_one_after_the_other() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[100, 100], 50, DType::F64);
    let windows = try_call(&mut g, "sliding_window_view", vec![x.into(), [5, 5].into()], vec![]).unwrap();
    let root = try_call(&mut g, "sum", vec![windows.into()], vec![("axis", [2, 3].into())]).unwrap();
    assert_eq!(maps(&g, root), 8);
}

#[test]
fn windows_of_other_lengths_are_doubled() {
    for (len, steps) in [(2, 1), (7, 6), (11, 5), (22, 6), (32, 3 + 3 + 1), (100, 4 + 4 + 3), (1009, 15)] {
        let mut g = Graph::new();
        let x = source(&mut g, 1, &[5000], 1000, DType::F64);
        let windows = try_call(&mut g, "sliding_window_view", vec![x.into(), len.into()], vec![]).unwrap();
        let root = try_call(&mut g, "max", vec![windows.into()], vec![("axis", 1.into())]).unwrap();
        assert_eq!(maps(&g, root), steps, "{len}");
    }
}

#[test]
fn blocks_that_do_not_overlap_are_reduced_as_they_are() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[100], 50, DType::F64);
    let windows = try_call(&mut g, "sliding_window_view", vec![x.into(), 10.into()], vec![]).unwrap();
    let apart = at(&mut g, windows, &[cut(None, None, 10)]);
    let root = try_call(&mut g, "sum", vec![apart.into()], vec![("axis", 1.into())]).unwrap();
    assert_eq!(maps(&g, root), 0);
}

#[test]
fn a_part_of_a_product_is_the_product_of_parts() {
    let mut g = Graph::new();
    let (a, b) = (source(&mut g, 1, &[8, 6], 4, DType::F64), source(&mut g, 2, &[6, 9], 3, DType::F64));
    let product = call(&mut g, "matmul", [a.into(), b.into()]);
    let root = at(&mut g, product, &[cut(None, 2, None), Index::At(3)]);
    check(
        &g,
        root,
        true,
        "
        %0 = load source 1 : float64 (8, 6) in [4*2, 4+2]
        %1 = view %0[i0, i1] : float64 (2, 6) in [2, 4+2]
        %2 = load source 2 : float64 (6, 9) in [3*2, 3*3]
        %3 = view %2[i0, 3+i1] : float64 (6, 1) in [3*2, 1]
        %4 = matmul(%1, %3) over 1 with 0 : float64 (2, 1) in [2, 1]
        %5 = view %4[i0, 0] : float64 (2,) in [2]
        push_views: views taken closer to the source (1)
        ",
    );
}
