//! Whether an elementwise node is seen shifted against itself, as in `u[1:] - u[:-1]`.
//!
//! Handing the shifts on would compute it once for each, and a chain of such steps once for every way through
//! it. Where the views lie mostly over each other, the box around them is less work.

use super::views::Seen;
use cleave_ops::{Shape, View};

/// Whether views that differ by shifts share so much that computing their box saves at least a quarter.
pub(super) fn overlap(wanted: &[Seen], shape: &Shape) -> bool {
    if wanted.len() < 2 {
        return false;
    }
    let whole = View::identity(shape);
    let views: Vec<&View> =
        wanted.iter().map(|seen| seen.as_ref().unwrap_or(&whole)).filter(|v| !v.shape.is_empty_array()).collect();
    let alike = |a: &View, b: &View| a.source.iter().zip(&b.source).all(|(a, b)| a.terms == b.terms);
    (0..views.len()).any(|first| {
        let known = views[..first].iter().any(|v| alike(v, views[first]));
        let group: Vec<&View> = views[first..].iter().copied().filter(|v| alike(v, views[first])).collect();
        !known && group.len() > 1 && saves(&group)
    })
}

fn saves(group: &[&View]) -> bool {
    let apart: f64 = group.iter().map(|v| elements(v.shape.iter().map(|&len| len as f64))).sum();
    let sides = (0..group[0].source.len()).map(|s| {
        let ranges = group.iter().map(|v| v.source[s].range(&v.shape));
        let (low, high) = ranges.fold((i64::MAX, i64::MIN), |all, r| (all.0.min(r.0), all.1.max(r.1)));
        (high - low + 1) as f64
    });
    elements(sides) < 0.75 * apart
}

fn elements(lens: impl Iterator<Item = f64>) -> f64 {
    lens.product()
}
