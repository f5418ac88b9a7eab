//! Lines between what is drawn.

use super::layout::At;
use crate::markup::px;

/// How far before a corner a line begins to turn.
const RADIUS: f64 = 6.0;

/// A line on the page.
pub(super) enum Edge {
    /// From side to side, as a wave.
    Wave(At, At),
    /// Across and down by turns, round at each corner.
    Turns(Vec<At>),
}

impl Edge {
    /// Moves it right and down.
    pub(super) fn move_by(&mut self, by: At) {
        let points = match self {
            Edge::Wave(from, to) => vec![from, to],
            Edge::Turns(points) => points.iter_mut().collect(),
        };
        points.into_iter().for_each(|at| *at = (at.0 + by.0, at.1 + by.1));
    }

    /// Where it ends.
    pub(super) fn end(&self) -> Option<At> {
        match self {
            Edge::Wave(_, to) => Some(*to),
            Edge::Turns(points) => points.last().copied(),
        }
    }

    /// The line, drawn.
    pub(super) fn svg(&self) -> String {
        let d = match self {
            Edge::Wave(from, to) => wave(*from, *to),
            Edge::Turns(points) => turns(points),
        };
        format!("<path d=\"{d}\" fill=\"none\" stroke=\"var(--s,#7a858f)\" stroke-width=\"1.2\"/>")
    }
}

/// The head of an arrow that points right.
pub(super) fn head((x, y): At) -> String {
    let (back, up, down) = (px(x - 6.0), px(y - 3.5), px(y + 3.5));
    format!("<path d=\"M{back} {up}L{} {}L{back} {down}z\" fill=\"var(--s,#7a858f)\"/>", px(x), px(y))
}

fn wave((x0, y0): At, (x1, y1): At) -> String {
    if (y0 - y1).abs() < 0.05 {
        return format!("M{} {}L{} {}", px(x0), px(y0), px(x1), px(y1));
    }
    let mid = px(f64::midpoint(x0, x1));
    format!("M{} {}C{mid} {} {mid} {} {} {}", px(x0), px(y0), px(y0), px(y1), px(x1), px(y1))
}

fn turns(points: &[At]) -> String {
    let Some((first, last)) = points.first().zip(points.last()) else { return String::new() };
    let mut d = format!("M{} {}", px(first.0), px(first.1));
    for corner in points.windows(3) {
        let (before, after) = (towards(corner[1], corner[0]), towards(corner[1], corner[2]));
        let (x, y) = corner[1];
        d += &format!("L{} {}Q{} {} {} {}", px(before.0), px(before.1), px(x), px(y), px(after.0), px(after.1));
    }
    d + &format!("L{} {}", px(last.0), px(last.1))
}

/// A little on the way from a corner to the next point.
fn towards((x, y): At, (to_x, to_y): At) -> At {
    let way = (to_x - x).hypot(to_y - y);
    let part = RADIUS.min(way / 2.0) / way.max(1e-9);
    (x + (to_x - x) * part, y + (to_y - y) * part)
}
