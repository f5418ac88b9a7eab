//! Errors with their labels.

use super::{Eval, Machine};
use crate::host::Failure;
use crate::scope::Binding;
use crate::value::Value;
use cleave_ops::OpError;
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::Span;

/// A value and the expression that gave it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

impl Given {
    pub(crate) fn new(value: Value, span: Span) -> Self {
        Self { value, span }
    }
}

/// The known word that is most like `word`, if one is like it at all.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let score = |k: &str| {
        let same = strsim::damerau_levenshtein(&word.to_lowercase(), &k.to_lowercase());
        (same <= 1 + word.len() / 5 && same < word.len().max(2)).then_some(same)
    };
    let near = known.into_iter().filter_map(|k| Some((score(k)?, k)));
    near.min_by_key(|&(distance, k)| (distance, k.len().abs_diff(word.len()), k)).map(|(_, k)| k)
}

impl Machine<'_> {
    /// An error at a place of the running text.
    pub(crate) fn error(&self, code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(code, message, &self.source, span)
    }

    /// A value of the wrong type for what is done with it.
    pub(crate) fn type_error(&self, message: impl Into<String>, span: Span) -> Diagnostic {
        self.error("type-mismatch", message, span)
    }

    /// The world failed at an expression.
    pub(crate) fn failed(&self, failure: Failure, span: Span) -> Diagnostic {
        let message = match &failure.cause {
            Some(cause) => format!("{}: {cause}", failure.message),
            None => failure.message,
        };
        Diagnostic { help: failure.help, ..self.error(failure.code, message, span) }
    }

    /// A wrong use of an operation: at the call, with every array operand labelled.
    pub(crate) fn op_error(&self, error: &OpError, span: Span, operands: &[Given]) -> Diagnostic {
        let mut diagnostic = self.error(error.code(), error.to_string(), span);
        diagnostic.help = error.help();
        let whole = operands.iter().filter(|g| g.span != span && g.span != Span::default());
        for given in whole.filter(|g| g.value.as_scalar().is_some() || matches!(g.value, Value::Array(_))) {
            diagnostic.labels.push(cleave_syntax::diagnostic::Label {
                span: given.span,
                text: self.describe(&given.value, given.span),
            });
        }
        diagnostic
    }

    /// `(721,) float64, made on line 1`, for a label.
    pub(crate) fn describe(&self, value: &Value, span: Span) -> String {
        let what = match value {
            Value::Array(node) => {
                let node = &self.state.graph[*node];
                format!("{} {}", node.shape, node.dtype)
            }
            other => other.type_name().to_owned(),
        };
        match self.binding_at(span).and_then(|b| self.made(b, span)) {
            Some(made) => format!("{what}, {made}"),
            None => what,
        }
    }

    fn binding_at(&self, span: Span) -> Option<&Binding> {
        self.state.scope.lookup(self.source.slice(span), self.frame)
    }

    fn made(&self, binding: &Binding, used: Span) -> Option<String> {
        let line = binding.source.line_of(binding.span.start);
        if binding.source != self.source {
            return Some(format!("made in {}, line {line}", binding.source.name));
        }
        (line != self.source.line_of(used.start)).then(|| format!("made on line {line}"))
    }

    /// The construct is not in the language yet.
    pub(crate) fn not_available<T>(&self, what: &str, help: &str, span: Span) -> Eval<T> {
        Err(self.error("not-available", format!("{what} is not available"), span).help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["ones", "zeros", "linspace", "rechunk"];
        let near = |word| nearest(word, known);
        assert_eq!(near("onse"), Some("ones"));
        assert_eq!(near("linspcae"), Some("linspace"));
        assert_eq!(near("Rechunk"), Some("rechunk"));
        assert_eq!(near("frobnicate"), None);
        assert_eq!(near("q"), None);
    }
}
