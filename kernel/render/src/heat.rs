//! Time by place: where in an array a run spent its time.

use crate::diagram::{Picture, wrap};
use crate::markup::px;
use crate::units::seconds;
use cleave_session::output::Heat;
use std::fmt::Write;

const SIDE: f64 = 110.0;
/// Shades from quick to slow; one path each keeps the picture small.
const SHADES: usize = 5;

/// The picture; `None` where there is nothing to compare.
pub(crate) fn picture(heat: &Heat, alone: bool) -> Option<String> {
    if heat.ms.len() < 2 || heat.rows * heat.columns != heat.ms.len() {
        return None;
    }
    let (least, most) = heat.ms.iter().fold((f32::MAX, 0.0_f32), |(a, b), &ms| (a.min(ms), b.max(ms)));
    let span = format!("{} … {}", seconds(f64::from(least) / 1e3), seconds(f64::from(most) / 1e3));
    let (w, h) = (SIDE, if heat.rows == 1 { 26.0 } else { SIDE });
    let mut body = cells(heat, least, most, w, h);
    let _ = write!(
        body,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{span}</text><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">time by place</text>",
        px(6.0 + w / 2.0),
        px(h + 22.0),
        px(6.0 + w / 2.0),
        px(h + 36.0)
    );
    let title = "time spent in each part of the array";
    let desc = format!("{} × {} parts, darker is slower, {span}", heat.rows, heat.columns);
    Some(wrap(&Picture { width: w + 12.0, height: h + 42.0, body }, title, &desc, alone))
}

fn cells(heat: &Heat, least: f32, most: f32, w: f64, h: f64) -> String {
    let (cw, ch) = (w / heat.columns as f64, h / heat.rows as f64);
    let mut paths = vec![String::new(); SHADES];
    for (i, &ms) in heat.ms.iter().enumerate() {
        let level = if most > least { (ms - least) / (most - least) } else { 0.5 };
        let shade = ((level * SHADES as f32) as usize).min(SHADES - 1);
        let (x, y) = ((i % heat.columns) as f64 * cw + 6.0, (i / heat.columns) as f64 * ch + 6.0);
        let _ = write!(paths[shade], "M{} {}h{}v{}h-{}z", px(x), px(y), px(cw - 0.7), px(ch - 0.7), px(cw - 0.7));
    }
    let shaded = |(i, d): (usize, &String)| {
        let opacity = 0.25 + 0.7 * i as f64 / (SHADES - 1) as f64;
        format!("<path d=\"{d}\" fill=\"var(--a,#0f7b8a)\" fill-opacity=\"{opacity:.2}\"/>")
    };
    paths.iter().enumerate().filter(|(_, d)| !d.is_empty()).map(shaded).collect()
}
