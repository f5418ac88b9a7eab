//! The expressions that an expression consists of.

use crate::ast::{Expr, ExprKind, FPart, Param};

/// Calls `visit` with each expression directly inside `expr`, in the order of the text.
pub fn children<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    match &expr.node {
        ExprKind::None
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::BigInt(_)
        | ExprKind::Float(_)
        | ExprKind::Imaginary(_)
        | ExprKind::Str(_)
        | ExprKind::Ellipsis
        | ExprKind::Name(_) => {}
        ExprKind::FString(parts) => f_parts(parts, visit),
        ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(visit),
        ExprKind::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
            visit(key);
            visit(value);
        }),
        ExprKind::ListComp { element, clauses } => {
            visit(element);
            for clause in clauses {
                visit(&clause.target);
                visit(&clause.iter);
                clause.tests.iter().for_each(&mut *visit);
            }
        }
        ExprKind::Starred(value) => visit(value),
        ExprKind::Unary { operand, .. } => visit(operand),
        ExprKind::Binary { left, right, .. } | ExprKind::Logic { left, right, .. } => {
            visit(left);
            visit(right);
        }
        ExprKind::Compare { first, rest } => {
            visit(first);
            rest.iter().for_each(|(_, value)| visit(value));
        }
        ExprKind::IfElse { test, then, orelse } => {
            visit(then);
            visit(test);
            visit(orelse);
        }
        ExprKind::Lambda { params, body } => {
            defaults(params, visit);
            visit(body);
        }
        ExprKind::Call { callee, args } => {
            visit(callee);
            args.iter().for_each(|arg| visit(&arg.value));
        }
        ExprKind::Attribute { object, .. } => visit(object),
        ExprKind::Subscript { object, index } => {
            visit(object);
            visit(index);
        }
        ExprKind::Slice { start, stop, step } => [start, stop, step].into_iter().flatten().for_each(|part| visit(part)),
    }
}

fn defaults<'a>(params: &'a [Param], visit: &mut dyn FnMut(&'a Expr)) {
    params.iter().filter_map(|param| param.default.as_ref()).for_each(visit);
}

fn f_parts<'a>(parts: &'a [FPart], visit: &mut dyn FnMut(&'a Expr)) {
    for part in parts {
        if let FPart::Value { value, spec, .. } = part {
            visit(value);
            f_parts(spec, visit);
        }
    }
}
