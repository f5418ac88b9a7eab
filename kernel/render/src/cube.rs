//! Three axes as a solid: the first recedes to the upper left, the second goes down, the third right.

use crate::axis::Track;
use crate::diagram::{Picture, centred, face};
use crate::markup::{escape, px};

/// How far one pixel of depth goes left and up.
const LEAN: (f64, f64) = (0.42, 0.32);

/// A solid with its three labels.
pub(crate) fn solid(depth: &Track, rows: &Track, columns: &Track, labels: &[String], empty: bool) -> Picture {
    let (dx, dy) = (depth.length * LEAN.0, depth.length * LEAN.1);
    let (w, h) = (columns.length, rows.length);
    let opacity = |o: f64| if empty { 0.0 } else { o };
    let deep = |d: f64| (6.0 + d * LEAN.0, 6.0 + d * LEAN.1);
    let mut body = face(columns, rows, &|u, v| (6.0 + dx + u, 6.0 + dy + v), opacity(0.55));
    body += &face(columns, depth, &|u, d| (deep(d).0 + u, deep(d).1), opacity(0.32));
    body += &face(depth, rows, &|d, v| (deep(d).0, deep(d).1 + v), opacity(0.75));
    let text = |at: String, words: &str| format!("<text {at} text-anchor=\"middle\">{}</text>", escape(words));
    body += &text(format!("x=\"{}\" y=\"{}\"", px(6.0 + dx + w / 2.0), px(dy + h + 24.0)), &labels[2]);
    let right = format!("transform=\"translate({} {})rotate(-90)\"", px(dx + w + 22.0), px(6.0 + dy + h / 2.0));
    body += &text(right, &labels[1]);
    let angle = px(LEAN.1.atan2(LEAN.0).to_degrees());
    let left = format!("transform=\"translate({} {})rotate({angle})\"", px(dx / 2.0 - 4.0), px(6.0 + h + dy / 2.0 + 16.0));
    body += &text(left, &labels[0]);
    let wide = (w + dx + 30.0).max(labels[2].chars().count() as f64 * 6.2 + dx);
    let long_label = (labels[0].chars().count() as f64 * 6.2 * 0.6).max(dy);
    centred(body, w + dx + 12.0, h + dy + 12.0, wide, (h + dy + 34.0).max(h + long_label + 30.0))
}
