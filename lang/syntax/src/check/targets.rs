//! What may stand left of `=`.

use super::Checker;
use crate::ast::{Expr, ExprKind};

impl Checker<'_> {
    /// A target of `=` or `for`: a name, an item, an attribute, or several of these.
    pub(super) fn target(&mut self, target: &Expr) {
        match &target.node {
            ExprKind::Tuple(items) | ExprKind::List(items) => self.targets(items),
            ExprKind::Starred(_) => {
                self.error(
                    "`*` takes the remaining values only among several targets",
                    "write `*x, = …` or `x = list(…)`",
                    target.span,
                );
            }
            _ => self.single_target(target),
        }
    }

    fn targets(&mut self, items: &[Expr]) {
        let mut stars = 0;
        for item in items {
            match &item.node {
                ExprKind::Starred(inner) => {
                    stars += 1;
                    if stars == 2 {
                        self.error(
                            "only one target may take the remaining values with `*`",
                            "remove one `*`",
                            item.span,
                        );
                    }
                    self.target(inner);
                }
                _ => self.target(item),
            }
        }
    }

    pub(super) fn single_target(&mut self, target: &Expr) {
        match &target.node {
            ExprKind::Name(_) => {}
            ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => self.expr(target),
            other => {
                let help =
                    "only names, items such as `x[0]` and tuples of them can be assigned to; to compare write `==`";
                self.error(format!("{} cannot be assigned to", kind_of(other)), help, target.span);
            }
        }
    }

    pub(super) fn deleted(&mut self, target: &Expr) {
        match &target.node {
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| self.deleted(item)),
            ExprKind::Name(_) => {}
            ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => self.expr(target),
            other => self.error(format!("{} cannot be deleted", kind_of(other)), "`del` takes names", target.span),
        }
    }
}

fn kind_of(expr: &ExprKind) -> &'static str {
    match expr {
        ExprKind::None => "`None`",
        ExprKind::Bool(true) => "`True`",
        ExprKind::Bool(false) => "`False`",
        ExprKind::Ellipsis => "`...`",
        ExprKind::Int(_) | ExprKind::BigInt(_) | ExprKind::Float(_) | ExprKind::Imaginary(_) => "a number",
        ExprKind::Str(_) | ExprKind::FString(_) => "a string",
        ExprKind::Name(_) => "a name",
        ExprKind::Tuple(_) => "a tuple",
        ExprKind::List(_) | ExprKind::ListComp { .. } => "a list",
        ExprKind::Dict(_) => "a dict",
        ExprKind::Starred(_) => "a value with `*`",
        ExprKind::Unary { .. } | ExprKind::Binary { .. } | ExprKind::Logic { .. } => "the result of an operator",
        ExprKind::Compare { .. } => "a comparison",
        ExprKind::IfElse { .. } => "a choice",
        ExprKind::Lambda { .. } => "a function",
        ExprKind::Call { .. } => "the result of a call",
        ExprKind::Attribute { .. } => "an attribute",
        ExprKind::Subscript { .. } | ExprKind::Slice { .. } => "an item",
    }
}
