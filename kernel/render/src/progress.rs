//! One bar with percent, rate and time left; at the end a line that stays in the notebook.

use crate::markup::{escape, px};
use crate::units::seconds;
use crate::units::{rate, rough, size};
use cleave_session::output::Progress;

/// Cells of the bar in text.
const CELLS: usize = 30;

/// As one line of text.
pub fn progress_text(progress: &Progress) -> String {
    match progress.end {
        Some(end) => summary(progress, end),
        None => {
            let full = (progress.fraction.clamp(0.0, 1.0) * CELLS as f64).round() as usize;
            let bar = format!("{}{}", "█".repeat(full), "░".repeat(CELLS - full));
            format!("{bar} {} {}", percent(progress), words(progress))
        }
    }
}

/// As HTML.
pub fn progress_html(progress: &Progress) -> String {
    let style = crate::style::SHEET;
    let body = match progress.end {
        Some(end) => format!("<span class=\"soft\">{}</span>", escape(&summary(progress, end))),
        None => {
            let width = px((progress.fraction * 100.0 + 1e-9).clamp(0.0, 100.0));
            let label = percent(progress);
            let bar = format!(
                "<span class=\"bar\" style=\"width:220px;height:9px\" role=\"progressbar\" aria-label=\"{label}\"><i style=\"width:{width}%\"></i></span>"
            );
            format!("{bar} <b>{label}</b> &nbsp;{}", escape(&words(progress)))
        }
    };
    format!("<div class=\"clv\"><style>{style}</style><div class=\"main\">{body}</div></div>")
}

fn percent(progress: &Progress) -> String {
    format!("{:.0} %", (progress.fraction * 100.0 + 1e-9).clamp(0.0, 100.0).floor())
}

fn words(progress: &Progress) -> String {
    let left = progress.left_s.map_or("estimating".to_owned(), |s| {
        if s < 0.95 { "under 1 s left".to_owned() } else { format!("{} left", rough(s)) }
    });
    let memory = format!("{} of {}", size(progress.bytes), size(progress.limit_bytes));
    format!("{} · {left} · {memory} · {}", rate(progress.rate), progress.scheduler)
}

fn summary(progress: &Progress, end: &str) -> String {
    let at = if progress.fraction < 1.0 { format!(" at {}", percent(progress)) } else { String::new() };
    format!("{end}{at} after {} · {} · {}", seconds(progress.elapsed_s), rate(progress.rate), progress.scheduler)
}
