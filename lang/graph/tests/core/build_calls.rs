//! What calls and subscripts build: shapes, dtypes, chunks, and the errors of wrong ones.

use crate::evaluate::evaluate;
use crate::make::{Given, at, call, cut, source, try_call};
use cleave_graph::build::Operand;
use cleave_graph::compose::{Indexing, diag, meshgrid, tril, triu};
use cleave_graph::index::{Index, assign, index};
use cleave_graph::join::stack;
use cleave_graph::{Graph, NodeId};
use cleave_ops::{DType, Scalar};

/// `dtype shape chunks` of a node, as its line in a dump has them.
fn outline(g: &Graph, node: NodeId) -> String {
    let text = g[node].to_string();
    text[text.rfind(" : ").unwrap() + 3..].to_owned()
}

fn floats(g: &Graph, node: NodeId) -> Vec<f64> {
    evaluate(g, node).into_iter().map(Scalar::to_f64).collect()
}

#[test]
fn subscripts_cut_shapes_and_chunks_as_dask_does() {
    let all = cut(None, None, None);
    let cases: &[(&[Index], &str)] = &[
        (&[], "float64 (10, 6) in [4*2+2, 4+2]"),
        (&[Index::At(-1)], "float64 (6,) in [4+2]"),
        (&[Index::Ellipsis, Index::At(0)], "float64 (10,) in [4*2+2]"),
        (&[cut(None, None, -1)], "float64 (10, 6) in [2+4*2, 4+2]"),
        (&[cut(3, 9, None)], "float64 (6, 6) in [1+4+1, 4+2]"),
        (&[cut(-100, 100, 3)], "float64 (4, 6) in [2+1*2, 4+2]"),
        (&[all, Index::NewAxis, Index::At(2)], "float64 (10, 1) in [4*2+2, 1]"),
        (&[cut(5, 5, None)], "float64 (0, 6) in [0, 4+2]"),
        (&[Index::NewAxis, Index::Ellipsis, cut(None, 1, None)], "float64 (1, 10, 1) in [1, 4*2+2, 1]"),
    ];
    for (indices, expected) in cases {
        let mut g = Graph::new();
        let x = source(&mut g, 1, &[10, 6], 4, DType::F64);
        let part = at(&mut g, x, indices);
        assert_eq!(outline(&g, part), *expected, "{indices:?}");
    }
}

#[test]
fn calls_settle_dtype_shape_and_chunks() {
    let g = &mut Graph::new();
    let x = source(g, 1, &[10, 6], 4, DType::F32);
    let y = source(g, 2, &[6], 3, DType::I16);
    let bools = source(g, 3, &[10, 1], 5, DType::Bool);
    let mut check = |op: &str, given: Vec<Given>, named: Vec<(&str, Given)>, expected: &str| {
        let node = try_call(g, op, given, named).unwrap();
        assert_eq!(outline(g, node), expected, "{op}");
    };
    check("add", vec![x.into(), y.into()], vec![], "float32 (10, 6) in [4*2+2, 3+1+2]");
    check("add", vec![x.into(), 1.5.into()], vec![], "float32 (10, 6) in [4*2+2, 4+2]");
    check("add", vec![y.into(), 1.into()], vec![], "int16 (6,) in [3*2]");
    check("divide", vec![y.into(), 2.into()], vec![], "float64 (6,) in [3*2]");
    check("multiply", vec![bools.into(), y.into()], vec![], "int16 (10, 6) in [5*2, 3*2]");
    check("less", vec![x.into(), 0.into()], vec![], "bool (10, 6) in [4*2+2, 4+2]");
    check("sum", vec![x.into()], vec![("axis", 0.into())], "float32 (6,) in [4+2]");
    check("sum", vec![y.into()], vec![], "int64 () in []");
    check("sum", vec![y.into()], vec![("dtype", "float32".into())], "float32 () in []");
    check("mean", vec![y.into()], vec![("keepdims", true.into())], "float64 (1,) in [1]");
    check(
        "max",
        vec![x.into()],
        vec![("axis", [-1].into()), ("keepdims", true.into())],
        "float32 (10, 1) in [4*2+2, 1]",
    );
    check("permute_dims", vec![x.into()], vec![], "float32 (6, 10) in [4+2, 4*2+2]");
    check("ones_like", vec![x.into()], vec![], "float32 (10, 6) in [4*2+2, 4+2]");
    check("ones", vec![[4, 4].into()], vec![("chunks", 2.into())], "float64 (4, 4) in [2*2, 2*2]");
    check(
        "clip",
        vec![x.into(), Given::Plain(cleave_ops::Arg::None), 1.into()],
        vec![],
        "float32 (10, 6) in [4*2+2, 4+2]",
    );
}

#[test]
fn wrong_calls_are_refused_with_their_values() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[3, 4], 2, DType::F64);
    let y = source(&mut g, 2, &[5], 2, DType::U8);
    let none = source(&mut g, 3, &[0, 4], 2, DType::F64);
    let huge = call(&mut g, "ones", [[1 << 40].into()]);
    let tall = at(&mut g, huge, &[Index::Ellipsis, Index::NewAxis]);
    let mut check = |op: &str, given: Vec<Given>, named: Vec<(&str, Given)>, code: &str| {
        let found = try_call(&mut g, op, given, named).map_err(|e| e.code());
        assert_eq!(found, Err(code), "{op}");
    };
    check("add", vec![x.into(), y.into()], vec![], "shape-mismatch");
    check("add", vec![y.into(), 300.into()], vec![], "out-of-bounds-integer");
    check("sum", vec![x.into()], vec![("axis", 2.into())], "bad-axis");
    check("sum", vec![x.into()], vec![("axis", [0, -2].into())], "bad-axis");
    check("min", vec![none.into()], vec![("axis", 0.into())], "empty-reduction");
    check("ones", vec![[3, -1].into()], vec![], "negative-length");
    check("ones", vec![[1 << 40, 1 << 40].into()], vec![], "array-too-large");
    check("multiply", vec![huge.into(), tall.into()], vec![], "array-too-large");
    check("ones", vec![[4].into()], vec![("chunks", [3, 3].into())], "bad-chunks");
    check("ones", vec![[4].into()], vec![("chunks", "large".into())], "bad-chunks");
    check("bitwise_and", vec![x.into(), x.into()], vec![], "dtype-mismatch");
    check("broadcast_to", vec![x.into(), [2, 4].into()], vec![], "shape-mismatch");
}

#[test]
fn wrong_subscripts_are_refused() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[3, 4], 2, DType::I64);
    let cases: &[(&[Index], &str)] = &[
        (&[Index::At(3)], "index-out-of-range"),
        (&[Index::At(0), Index::At(-5)], "index-out-of-range"),
        (&[Index::At(0), Index::At(0), Index::At(0)], "too-many-indices"),
        (&[cut(None, None, 0)], "zero-step"),
        (&[Index::Ellipsis, Index::Ellipsis], "bad-argument"),
    ];
    for (indices, code) in cases {
        assert_eq!(index(&mut g, x, indices).map_err(|e| e.code()), Err(*code), "{indices:?}");
    }
    let wide = source(&mut g, 2, &[5], 2, DType::F64);
    assert!(assign(&mut g, x, &[], Operand::Array(wide)).is_err());
    let small = call(&mut g, "zeros", [[3].into()]);
    let bytes = cleave_graph::build::cast(&mut g, small, DType::U8);
    assert!(assign(&mut g, bytes, &[Index::At(0)], Operand::Scalar(Scalar::Int(256))).is_err());
}

#[test]
fn equal_expressions_are_one_node() {
    let mut g = Graph::new();
    let x = source(&mut g, 1, &[3, 4], 2, DType::F64);
    let first = call(&mut g, "add", [x.into(), 1.into()]);
    let second = call(&mut g, "add", [x.into(), 1.0.into()]);
    assert_eq!(first, second);
}

#[test]
fn assignment_is_a_new_array() {
    let mut g = Graph::new();
    let x = call(&mut g, "arange", [6.into()]);
    let ten = |g: &mut Graph, indices: &[Index]| assign(g, x, indices, Operand::Scalar(Scalar::Int(10))).unwrap();
    let odd = ten(&mut g, &[cut(1, None, 2)]);
    assert_eq!(floats(&g, odd), [0.0, 10.0, 2.0, 10.0, 4.0, 10.0]);
    assert_eq!(floats(&g, x), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let last = ten(&mut g, &[Index::At(-1)]);
    assert_eq!(floats(&g, last), [0.0, 1.0, 2.0, 3.0, 4.0, 10.0]);
    assert_eq!(ten(&mut g, &[cut(4, 2, None)]), x);
    let turned = assign(&mut g, x, &[cut(None, None, -1)], Operand::Array(x)).unwrap();
    assert_eq!(floats(&g, turned), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
    let head = at(&mut g, x, &[Index::NewAxis, cut(None, 2, None)]);
    let tail = assign(&mut g, x, &[cut(-2, None, None)], Operand::Array(head)).unwrap();
    assert_eq!(floats(&g, tail), [0.0, 1.0, 2.0, 3.0, 0.0, 1.0]);
}

#[test]
fn composed_arrays_have_numpys_elements() {
    let mut g = Graph::new();
    let x = call(&mut g, "arange", [1.into(), 3.into()]);
    let grids = meshgrid(&mut g, &[x, x], Indexing::Xy).unwrap();
    assert_eq!(floats(&g, grids[0]), [1.0, 2.0, 1.0, 2.0]);
    assert_eq!(floats(&g, grids[1]), [1.0, 1.0, 2.0, 2.0]);
    let made = [diag(&mut g, x, 1).unwrap(), diag(&mut g, x, -1).unwrap()];
    assert_eq!(floats(&g, made[0]), [0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
    assert_eq!(floats(&g, made[1]), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    let back = diag(&mut g, made[0], 1).unwrap();
    assert_eq!(floats(&g, back), [1.0, 2.0]);
    let (low, high) = (tril(&mut g, grids[0], 0).unwrap(), triu(&mut g, grids[0], 1).unwrap());
    assert_eq!(floats(&g, low), [1.0, 0.0, 1.0, 2.0]);
    assert_eq!(floats(&g, high), [0.0, 2.0, 0.0, 0.0]);
    let both = stack(&mut g, &[x, x], 0).unwrap();
    assert_eq!(floats(&g, both), [1.0, 2.0, 1.0, 2.0]);
}
