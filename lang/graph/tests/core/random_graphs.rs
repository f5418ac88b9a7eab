//! Random programs: every graph built is legal, and the passes keep shape, dtype, chunks and every bit.

use crate::evaluate::evaluate;
use crate::make::{OPTIONS, cut, source, try_call};
use cleave_graph::build::{self, Operand};
use cleave_graph::index::{Index, assign, index};
use cleave_graph::join;
use cleave_graph::rewrite::{RewriteOptions, optimize};
use cleave_graph::verify::verify;
use cleave_graph::{Graph, NodeId};
use cleave_ops::{Arg, DType, Scalar};
use proptest::prelude::*;

/// One step of a program; the numbers choose operands and arguments among what fits.
type Step = (u8, u8, u8, i8);

const BINARY: [&str; 6] = ["add", "subtract", "multiply", "maximum", "less", "where"];
const UNARY: [&str; 4] = ["negative", "abs", "square", "floor"];
const FOLDS: [&str; 8] = ["sum", "prod", "min", "max", "mean", "var", "argmin", "any"];
const SCANS: [&str; 3] = ["cumulative_sum", "cummax", "cummin"];
const WINDOWED: [&str; 5] = ["sum", "mean", "max", "any", "all"];
const DTYPES: [DType; 5] = [DType::I64, DType::F64, DType::F32, DType::I16, DType::Bool];

fn program(steps: &[Step]) -> (Graph, Vec<NodeId>) {
    let mut g = Graph::new();
    let mut made = vec![
        source(&mut g, 1, &[4, 6], 3, DType::F64),
        source(&mut g, 2, &[6], 2, DType::I64),
        build::constant(&mut g, Scalar::Float(1.0), DType::F64, [4, 6].into_iter().collect()),
        build::constant(&mut g, Scalar::Int(3), DType::I64, [6].into_iter().collect()),
    ];
    for &(what, a, b, k) in steps {
        // Sums over windows of sources are exact, so that their order cannot show.
        let first = if what % 18 == 13 { 2 } else { made.len() };
        let (x, y) = (made[a as usize % first], made[b as usize % made.len()]);
        if let Some(node) = step(&mut g, what, x, y, b, i64::from(k)) {
            made.push(node);
        }
    }
    let roots = made.split_off(made.len().saturating_sub(3));
    (g, roots)
}

/// The node a step makes, unless its operands do not fit.
fn step(g: &mut Graph, what: u8, x: NodeId, y: NodeId, b: u8, k: i64) -> Option<NodeId> {
    let ndim = g[x].shape.ndim();
    let axis = k.rem_euclid(ndim.max(1) as i64);
    let made = match what % 18 {
        0 | 1 => {
            let name = BINARY[b as usize % BINARY.len()];
            let first = if name == "where" { vec![x.into()] } else { vec![] };
            try_call(g, name, first.into_iter().chain([x.into(), y.into()]).collect(), vec![])
        }
        2 => try_call(g, BINARY[b as usize % 5], vec![x.into(), (k % 2).into()], vec![]),
        3 => try_call(g, UNARY[b as usize % UNARY.len()], vec![x.into()], vec![]),
        4 => {
            let named = vec![("axis", axis.into()), ("keepdims", (k % 2 == 0).into())];
            try_call(g, FOLDS[b as usize % FOLDS.len()], vec![x.into()], named)
        }
        5 => try_call(g, FOLDS[b as usize % FOLDS.len()], vec![x.into()], vec![]),
        6 => index(g, x, &[cut(k % 5, None, [1, -1, 2, -2][b as usize % 4])]),
        7 => index(g, x, &[Index::Ellipsis, Index::At(k % 3)]),
        8 => index(g, x, &[Index::NewAxis, Index::Ellipsis, cut(None, None, -1)]),
        9 => try_call(g, "permute_dims", vec![x.into()], vec![]),
        10 => Ok(build::cast(g, x, DTYPES[b as usize % DTYPES.len()])),
        11 => try_call(g, SCANS[b as usize % SCANS.len()], vec![x.into()], vec![("axis", axis.into())]),
        12 => try_call(g, "matmul", vec![x.into(), y.into()], vec![]),
        13 => try_call(g, "sliding_window_view", vec![x.into(), (k % 4 + 1).into()], vec![("axis", axis.into())]),
        14 => {
            let last = g[x].shape.ndim().checked_sub(1)?;
            try_call(g, WINDOWED[b as usize % WINDOWED.len()], vec![x.into()], vec![("axis", (last as i64).into())])
        }
        15 if ndim > 0 => join::roll(g, x, k, axis as usize),
        16 if ndim > 0 => join::concatenate(g, &[x, y, x], axis as usize),
        _ if b.is_multiple_of(2) => build::rechunk(g, x, &Arg::from(k.rem_euclid(4) + 1), &OPTIONS),
        _ => assign(g, x, &[cut(None, k % 4, 2)], Operand::Array(y)),
    };
    let small = |node: &NodeId| g[*node].shape.size() <= 400 && g[*node].shape.ndim() <= 5;
    made.ok().filter(small)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn passes_keep_every_bit(steps in prop::collection::vec(any::<Step>(), 1..24), fold: bool) {
        let (graph, roots) = program(&steps);
        prop_assert_eq!(verify(&graph), Ok(()));
        let options = RewriteOptions { fold };
        let (after, new_roots, applied) = optimize(&graph, &roots, options);
        prop_assert_eq!(verify(&after), Ok(()));
        for (&old, &new) in roots.iter().zip(&new_roots) {
            prop_assert_eq!(&graph[old].shape, &after[new].shape);
            prop_assert_eq!(graph[old].dtype, after[new].dtype);
            prop_assert_eq!(&graph[old].chunks, &after[new].chunks, "\n{}\nbecame\n{}", graph, after);
            prop_assert_eq!(evaluate(&graph, old), evaluate(&after, new), "\n{}\nbecame\n{}\nby {:?}", graph, after, applied);
        }
        let (again, _, more) = optimize(&after, &new_roots, options);
        prop_assert!(more.is_empty(), "not at rest: {:?}\n{}\nbecame\n{}", more, after, again);
        prop_assert_eq!(again.to_string(), after.to_string());
    }
}
