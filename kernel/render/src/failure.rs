//! Errors: the source with its labels and a way out, in text with or without colour, and as HTML.

use crate::markup::escape;
use cleave_session::output::Failed;
use cleave_syntax::diagnostic::render;

/// As text for a terminal.
pub fn error_text(failed: &Failed, color: bool) -> String {
    let mut out = trace(failed);
    out += &match failed.diagnostics.is_empty() {
        true => format!("{}: {}", failed.code, failed.message),
        false => render(&failed.diagnostics, color),
    };
    out.trim_end().to_owned()
}

/// As the traceback lines of a protocol error, with ANSI colours.
pub fn error_ansi(failed: &Failed) -> Vec<String> {
    error_text(failed, true).lines().map(str::to_owned).collect()
}

/// As HTML, for pages made by the command line.
pub fn error_html(failed: &Failed) -> String {
    format!("<pre class=\"clv-error\">{}</pre>", escape(&error_text(failed, false)))
}

fn trace(failed: &Failed) -> String {
    failed.trace.iter().map(|call| format!("in {call}\n")).collect()
}
