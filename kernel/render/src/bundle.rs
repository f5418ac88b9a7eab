//! Everything for one output, by media type.

use crate::diagram::diagram;
use crate::{card, client, compare, heat, lanes, plan, run, sheet, value};
use cleave_session::output::Shown;

/// One output in several forms, the plainest first: `(media type, content)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle(pub Vec<(&'static str, String)>);

/// All forms of an output.
pub fn bundle(shown: &Shown) -> Bundle {
    let mut forms = vec![("text/plain", text(shown))];
    forms.extend(html(shown).map(|h| ("text/html", h)));
    // For exports that take pictures but no HTML, such as LaTeX.
    if matches!(shown, Shown::Array(_) | Shown::Plan(_)) {
        forms.extend(svg(shown).map(|s| ("image/svg+xml", s)));
    }
    Bundle(forms)
}

/// As plain text.
pub fn text(shown: &Shown) -> String {
    match shown {
        Shown::Array(facts) => card::text(facts),
        Shown::Value(facts) => facts.repr.clone(),
        Shown::Run(facts) => run::text(facts),
        Shown::Computed(value, _) => value.repr.clone(),
        Shown::Plan(facts) => plan::text(facts),
        Shown::Text(text) => text.clone(),
        Shown::Table(table) => sheet::table_text(table),
        Shown::Help(help) => sheet::help_text(help),
        Shown::Client(pool) => client::text(pool),
        Shown::Compare(facts) => compare::text(facts),
    }
}

/// As HTML, where that says more than text.
pub fn html(shown: &Shown) -> Option<String> {
    match shown {
        Shown::Array(facts) => Some(card::html(facts)),
        Shown::Value(facts) => (facts.shape.ndim() == 2).then(|| value::html(facts)),
        Shown::Run(facts) => Some(run::html(facts)),
        Shown::Computed(facts, ran) => Some(format!("{}{}", value::html(facts), run::html(ran))),
        Shown::Plan(facts) => Some(plan::html(facts)),
        Shown::Text(_) => None,
        Shown::Table(table) => Some(sheet::table_html(table)),
        Shown::Help(help) => Some(sheet::help_html(help)),
        Shown::Client(pool) => Some(client::html(pool)),
        Shown::Compare(facts) => Some(compare::html(facts)),
    }
}

/// As a picture of its own, where there is one.
pub fn svg(shown: &Shown) -> Option<String> {
    match shown {
        Shown::Array(facts) => Some(diagram(&facts.chunks, facts.dims.as_deref(), true)),
        Shown::Plan(facts) => Some(plan::svg(facts, true)),
        Shown::Run(facts) | Shown::Computed(_, facts) => lanes::picture(&facts.lanes, facts.wall_s, true)
            .or_else(|| facts.heat.as_ref().and_then(|h| heat::picture(h, true))),
        Shown::Value(_) | Shown::Text(_) | Shown::Table(_) | Shown::Help(_) | Shown::Client(_) | Shown::Compare(_) => {
            None
        }
    }
}
