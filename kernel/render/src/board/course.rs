//! How a computation went so far: bytes held against what was predicted and what is allowed, and elements a second.

use crate::diagram::{Picture, wrap};
use crate::markup::px;
use crate::units::{rate, seconds, size};
use cleave_session::board::{Moment, RunState};
use std::fmt::Write;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 54.0;
/// Above a curve stands what it is.
const TOP: f64 = 18.0;
/// Steps in which speed is told.
const STEPS: f64 = 40.0;
const WARNING: &str = "#c2701c";

/// Both pictures; nothing of a computation that was too short to be watched.
pub(super) fn pictures(run: &RunState) -> String {
    if run.course.len() < 3 {
        return String::new();
    }
    format!("<div class=\"beside\">{}{}</div>", memory(run), speed(run))
}

fn memory(run: &RunState) -> String {
    let most = run.peak_bytes.max(run.predicted_bytes).max(1) as f64 * 1.15;
    let points: Vec<(f64, f64)> = run.course.iter().map(|m| (m.at_s, m.bytes as f64 / most)).collect();
    let mut body = curve(&points, run.elapsed_s);
    body += &level(
        run.predicted_bytes as f64 / most,
        "var(--s,#7a858f)",
        &format!("{} predicted", size(run.predicted_bytes)),
    );
    if (run.limit_bytes as f64) < most {
        body += &level(run.limit_bytes as f64 / most, WARNING, &format!("limit {}", size(run.limit_bytes)));
    }
    let head = format!("memory, {} at most", size(run.peak_bytes));
    framed(&head, &body, run.elapsed_s)
}

fn speed(run: &RunState) -> String {
    let rates = rates(&run.course, run.elapsed_s / STEPS);
    let most = rates.iter().map(|r| r.1).fold(1.0, f64::max);
    let points: Vec<(f64, f64)> = rates.iter().map(|(at_s, rate)| (*at_s, rate / most / 1.15)).collect();
    framed(&format!("speed, {} at most", rate(most)), &curve(&points, run.elapsed_s), run.elapsed_s)
}

/// Elements a second from moment to moment; those closer than `step_s` are passed over, as elements are counted when
/// they are heard of.
fn rates(course: &[Moment], step_s: f64) -> Vec<(f64, f64)> {
    let Some(mut before) = course.first() else { return Vec::new() };
    let mut found = Vec::new();
    for later in &course[1..] {
        let passed_s = later.at_s - before.at_s;
        if passed_s >= step_s.max(1e-4) {
            found.push((later.at_s, later.elements.saturating_sub(before.elements) as f64 / passed_s));
            before = later;
        }
    }
    found
}

/// Heights from 0 to 1 over time, filled below.
fn curve(points: &[(f64, f64)], elapsed_s: f64) -> String {
    let place = |(at_s, height): &(f64, f64)| {
        let x = (at_s / elapsed_s.max(1e-9)).clamp(0.0, 1.0) * WIDTH;
        (px(x + 1.0), px(TOP + HEIGHT * (1.0 - height.clamp(0.0, 1.0))))
    };
    let places = points.iter().map(place);
    let line = places.map(|(x, y)| format!("{x} {y}")).collect::<Vec<_>>().join("L");
    let (Some(first), Some(last)) = (points.first().map(place), points.last().map(place)) else { return String::new() };
    let floor = px(TOP + HEIGHT);
    format!(
        "<path d=\"M{} {floor}L{line}L{} {floor}z\" fill=\"var(--a,#0f7b8a)\" fill-opacity=\".2\"/>\
         <path d=\"M{line}\" fill=\"none\" stroke=\"var(--a,#0f7b8a)\" stroke-width=\"1.5\" stroke-linejoin=\"round\"/>",
        first.0, last.0
    )
}

/// A dashed line and its name at the right.
fn level(height: f64, colour: &str, name: &str) -> String {
    let y = TOP + HEIGHT * (1.0 - height.clamp(0.0, 1.0));
    let mut out =
        format!("<path d=\"M1 {0}h{WIDTH}\" stroke=\"{colour}\" stroke-dasharray=\"3 3\" fill=\"none\"/>", px(y));
    let _ = write!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>", px(WIDTH), px(TOP - 7.0));
    out
}

fn framed(head: &str, body: &str, elapsed_s: f64) -> String {
    let (floor, below) = (px(TOP + HEIGHT), px(TOP + HEIGHT + 13.0));
    let body = format!(
        "<text x=\"1\" y=\"{}\">{head}</text>{body}<path d=\"M1 {floor}h{WIDTH}\" stroke=\"var(--s,#7a858f)\" stroke-opacity=\".4\"/>\
         <text x=\"1\" y=\"{below}\">0</text><text x=\"{}\" y=\"{below}\" text-anchor=\"end\">{}</text>",
        px(TOP - 7.0),
        px(WIDTH),
        seconds(elapsed_s)
    );
    let picture = Picture { width: WIDTH + 2.0, height: TOP + HEIGHT + 18.0, body };
    wrap(&picture, head, &format!("{head}, over {}", seconds(elapsed_s)), false)
}
