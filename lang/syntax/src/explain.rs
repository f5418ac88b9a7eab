//! Puts slips into words: what was found, what was expected, what to try.

mod foreign;
mod rules;
mod scene;

use crate::diagnostic::Diagnostic;
use crate::parser::{Slip, Want};
use crate::source::{Source, Span};
use crate::token::Token;
pub use foreign::foreign_name;
use rules::explain;
use scene::{Leaf, Scene, leaves};

pub(crate) struct Explainer<'a> {
    source: &'a Source,
    leaves: Vec<Leaf<'a>>,
    broken: Vec<Span>,
}

impl<'a> Explainer<'a> {
    pub(crate) fn new(source: &'a Source, tokens: &'a [Token], broken: &[Span]) -> Self {
        Self { source, leaves: leaves(tokens, source), broken: merged(broken) }
    }

    /// One diagnostic for each slip that is no mere consequence of something already reported.
    pub(crate) fn explain(&self, mut slips: Vec<Slip>) -> Vec<Diagnostic> {
        slips.sort_by_key(|slip| slip.span);
        let mut last_line_end = 0;
        let mut diagnostics = Vec::new();
        for slip in slips {
            let follows = slip.want == Want::COLON && slip.span.start < last_line_end;
            if follows || self.in_broken(slip.span) {
                continue;
            }
            let rest = self.source.text.get(slip.span.start..).unwrap_or("");
            last_line_end = slip.span.start + rest.find('\n').unwrap_or(rest.len()) + 1;
            diagnostics.push(self.one(slip));
            if diagnostics.len() >= crate::lexer::MAX_MISTAKES {
                break;
            }
        }
        diagnostics
    }

    fn one(&self, slip: Slip) -> Diagnostic {
        if let Some(said) = slip.said {
            return Diagnostic::new(said.code, said.message, self.source, slip.span).help(said.help);
        }
        explain(&Scene::new(self.source, &self.leaves, slip.span, slip.want))
    }

    fn in_broken(&self, span: Span) -> bool {
        let after = self.broken.partition_point(|broken| broken.start <= span.start);
        after > 0 && span.start <= self.broken[after - 1].end
    }
}

/// Sorted, without overlaps.
fn merged(spans: &[Span]) -> Vec<Span> {
    let mut sorted = spans.to_vec();
    sorted.sort();
    let mut out: Vec<Span> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match out.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out
}
