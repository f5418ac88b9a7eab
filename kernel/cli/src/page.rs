//! `--html`: a page with the script and what it showed.

use cleave_session::output::Shown;
use cleave_session::{Cell, Output};

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;max-width:980px;margin:24px auto;padding:0 16px;color:#1f2328;background:#fff}\
@media(prefers-color-scheme:dark){body{color:#e3e7eb;background:#111418}pre.in{background:#181c21!important}}\
pre{white-space:pre-wrap;overflow-wrap:anywhere}pre.in{background:#f7f9fa;border:1px solid #8884;padding:8px 12px}.out{margin:12px 0}";

/// The page.
pub(crate) fn page(cell: &Cell, shown: &[Output]) -> String {
    let title = escape(cell.name.as_deref().unwrap_or("Cleave"));
    let outputs: String = joined(shown).iter().map(|o| format!("<div class=\"out\">{}</div>\n", output(o))).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n<pre class=\"in\">{}</pre>\n{outputs}</body></html>\n",
        escape(&cell.code)
    )
}

/// Neighbouring texts joined, progress left out but for its end.
fn joined(shown: &[Output]) -> Vec<Output> {
    let mut out: Vec<Output> = Vec::new();
    for next in shown {
        match (out.last_mut(), next) {
            (Some(Output::Text { text, error }), Output::Text { text: more, error: same }) if error == same => {
                text.push_str(more)
            }
            (_, Output::Progress(progress)) if progress.end.is_none() => {}
            (_, other) => out.push(other.clone()),
        }
    }
    out
}

fn output(output: &Output) -> String {
    match output {
        Output::Text { text, .. } => format!("<pre>{}</pre>", escape(text)),
        Output::Show(shown) | Output::Result(shown) | Output::Page(shown) => rich(shown),
        Output::Progress(progress) => cleave_render::progress_html(progress),
        Output::Error(failed) => cleave_render::error_html(failed),
        Output::Clear { .. } | Output::Pool { .. } => String::new(),
    }
}

fn rich(shown: &Shown) -> String {
    cleave_render::html(shown).unwrap_or_else(|| format!("<pre>{}</pre>", escape(&cleave_render::text(shown))))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
