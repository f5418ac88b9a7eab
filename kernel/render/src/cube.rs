//! Three axes as a solid: the first recedes to the upper left, the second goes down, the third right.

use crate::axis::Track;
use crate::diagram::{Picture, face, text_px};
use crate::markup::{escape, px};

/// How far one pixel of depth goes left and up.
const LEAN: (f64, f64) = (0.42, 0.32);

/// A solid with its three labels.
pub(crate) fn solid(depth: &Track, rows: &Track, columns: &Track, labels: &[String], empty: bool) -> Picture {
    let (dx, dy) = (depth.length * LEAN.0, depth.length * LEAN.1);
    let (w, h) = (columns.length, rows.length);
    let angle = LEAN.1.atan2(LEAN.0);
    let (label_w, label_h) = (text_px(&labels[0]) * angle.cos(), text_px(&labels[0]) * angle.sin());
    // The label of the receding axis may be longer than its edge: there must be room at the left of it.
    let x0 = 6.0 + ((label_w - dx) / 2.0 + 12.0).max(0.0);
    let opacity = |o: f64| if empty { 0.0 } else { o };
    let deep = |d: f64| (x0 + d * LEAN.0, 6.0 + d * LEAN.1);
    let mut body = face(columns, rows, &|u, v| (x0 + dx + u, 6.0 + dy + v), opacity(0.55));
    body += &face(columns, depth, &|u, d| (deep(d).0 + u, deep(d).1), opacity(0.32));
    body += &face(depth, rows, &|d, v| (deep(d).0, deep(d).1 + v), opacity(0.75));
    let text = |at: String, words: &str| format!("<text {at} text-anchor=\"middle\">{}</text>", escape(words));
    body += &text(format!("x=\"{}\" y=\"{}\"", px(x0 + dx + w / 2.0), px(dy + h + 24.0)), &labels[2]);
    let right = format!("transform=\"translate({} {})rotate(-90)\"", px(x0 + dx + w + 16.0), px(6.0 + dy + h / 2.0));
    body += &text(right, &labels[1]);
    let (cx, cy) = (x0 + dx / 2.0 - 9.0, 6.0 + h + dy / 2.0 + 13.0);
    let along = format!("transform=\"translate({} {})rotate({})\"", px(cx), px(cy), px(angle.to_degrees()));
    body += &text(along, &labels[0]);
    let wide = (x0 + dx + w + 24.0).max(x0 + dx + w / 2.0 + text_px(&labels[2]) / 2.0);
    let high = (h + dy + 32.0).max(cy + label_h / 2.0 + 8.0).max(6.0 + dy + h / 2.0 + text_px(&labels[1]) / 2.0);
    Picture { width: wide, height: high, body }
}
