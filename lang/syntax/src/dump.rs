//! A program as stable text, one statement a line, for tests and bug reports.

use crate::ast::{
    Arg, Body, Comprehension, Expr, ExprKind, FPart, ImportName, LogicOp, Param, ParamKind, Program, Stmt, StmtKind,
    UnaryOp,
};
use std::fmt::Write;

/// Writes a program as S-expressions.
pub fn dump(program: &Program) -> String {
    let mut out = String::new();
    body(&program.body, 0, &mut out);
    out
}

fn body(statements: &Body, level: usize, out: &mut String) {
    for statement in statements {
        out.push_str(&"  ".repeat(level));
        stmt(statement, level, out);
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
}

/// Writing to a string cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{ let _ = write!($out, $($arg)*); }};
}

fn stmt(statement: &Stmt, level: usize, out: &mut String) {
    match &statement.node {
        StmtKind::Expr(value) => put!(out, "{}", text(value)),
        StmtKind::Assign { targets, value } => put!(out, "(= {} {})", texts(targets), text(value)),
        StmtKind::AugAssign { target, op, value } => put!(out, "({}= {} {})", op.symbol(), text(target), text(value)),
        StmtKind::AnnAssign { target, value } => put!(out, "(: {}{})", text(target), optional(value.as_ref())),
        StmtKind::Return(value) => put!(out, "(return{})", optional(value.as_ref())),
        StmtKind::Import(names) => put!(out, "(import {})", imports(names)),
        StmtKind::FromImport { module, names } => put!(out, "(from {} {})", module.node, imports(names)),
        StmtKind::Assert { test, message } => put!(out, "(assert {}{})", text(test), optional(message.as_ref())),
        StmtKind::Del(targets) => put!(out, "(del {})", texts(targets)),
        StmtKind::Scope { global, names } => {
            let names: Vec<&str> = names.iter().map(|name| &*name.node).collect();
            put!(out, "({} {})", if *global { "global" } else { "nonlocal" }, names.join(" "));
        }
        StmtKind::Break => out.push_str("(break)"),
        StmtKind::Continue => out.push_str("(continue)"),
        StmtKind::Pass => out.push_str("(pass)"),
        StmtKind::Def(_)
        | StmtKind::If { .. }
        | StmtKind::For { .. }
        | StmtKind::While { .. }
        | StmtKind::With { .. } => {
            compound(&statement.node, level, out);
        }
    }
}

fn compound(statement: &StmtKind, level: usize, out: &mut String) {
    match statement {
        StmtKind::Def(def) => suite(&format!("def {} ({})", def.name.node, params(&def.params)), &def.body, level, out),
        StmtKind::If { branches, orelse } => {
            for (place, (test, then)) in branches.iter().enumerate() {
                let word = if place == 0 { "if" } else { "elif" };
                suite_at(place, &format!("{word} {}", text(test)), then, level, out);
            }
            else_suite(orelse, level, out);
        }
        StmtKind::For { target, iter, body, orelse } => {
            suite(&format!("for {} {}", text(target), text(iter)), body, level, out);
            else_suite(orelse, level, out);
        }
        StmtKind::While { test, body, orelse } => {
            suite(&format!("while {}", text(test)), body, level, out);
            else_suite(orelse, level, out);
        }
        StmtKind::With { items, body } => {
            let items: Vec<String> =
                items.iter().map(|(item, name)| format!("({}{})", text(item), optional(name.as_ref()))).collect();
            suite(&format!("with {}", items.join(" ")), body, level, out);
        }
        _ => {}
    }
}

fn suite(head: &str, statements: &Body, level: usize, out: &mut String) {
    put!(out, "{head}\n");
    body(statements, level + 1, out);
}

fn suite_at(place: usize, head: &str, statements: &Body, level: usize, out: &mut String) {
    if place > 0 {
        out.push_str(&"  ".repeat(level));
    }
    suite(head, statements, level, out);
}

fn else_suite(statements: &Body, level: usize, out: &mut String) {
    if !statements.is_empty() {
        suite_at(1, "else", statements, level, out);
    }
}

fn imports(names: &[ImportName]) -> String {
    let one = |import: &ImportName| match &import.alias {
        Some(alias) => format!("({} {})", import.name.node, alias.node),
        None => import.name.node.to_string(),
    };
    names.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn params(params: &[Param]) -> String {
    let one = |param: &Param| {
        let mark = match param.kind {
            ParamKind::Plain => "",
            ParamKind::Rest => "*",
            ParamKind::NameOnly => "/",
        };
        let default = param.default.as_ref().map_or_else(String::new, |value| format!("={}", text(value)));
        format!("{mark}{}{default}", param.name.node)
    };
    params.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn optional(expr: Option<&Expr>) -> String {
    expr.map_or_else(String::new, |expr| format!(" {}", text(expr)))
}

fn texts(exprs: &[Expr]) -> String {
    exprs.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn slot(expr: Option<&Expr>) -> String {
    expr.map_or_else(|| "_".to_string(), text)
}

fn text(expr: &Expr) -> String {
    match &expr.node {
        ExprKind::None => "None".into(),
        ExprKind::Bool(true) => "True".into(),
        ExprKind::Bool(false) => "False".into(),
        ExprKind::Int(value) => value.to_string(),
        ExprKind::BigInt(digits) => format!("{digits}n"),
        ExprKind::Float(value) => format!("{value:?}"),
        ExprKind::Imaginary(value) => format!("{value:?}j"),
        ExprKind::Str(value) => format!("{value:?}"),
        ExprKind::FString(parts) => format!("(f {})", f_parts(parts)),
        ExprKind::Ellipsis => "...".into(),
        ExprKind::Name(name) => name.to_string(),
        ExprKind::Tuple(items) => list("tuple", items),
        ExprKind::List(items) => list("list", items),
        ExprKind::Dict(pairs) => {
            let pairs: Vec<String> =
                pairs.iter().map(|(key, value)| format!(" ({} {})", text(key), text(value))).collect();
            format!("(dict{})", pairs.concat())
        }
        ExprKind::ListComp { element, clauses } => format!("(comp {}{})", text(element), comprehension(clauses)),
        ExprKind::Starred(value) => format!("(* {})", text(value)),
        ExprKind::Lambda { params: list, body } => format!("(lambda ({}) {})", params(list), text(body)),
        ExprKind::Call { callee, args } => format!("(call {}{})", text(callee), arguments(args)),
        ExprKind::Attribute { object, name } => format!("(. {} {})", text(object), name.node),
        ExprKind::Subscript { object, index } => format!("([] {} {})", text(object), text(index)),
        ExprKind::Slice { start, stop, step } => {
            format!("(: {} {} {})", slot(start.as_deref()), slot(stop.as_deref()), slot(step.as_deref()))
        }
        _ => operation(&expr.node),
    }
}

fn operation(expr: &ExprKind) -> String {
    match expr {
        ExprKind::Unary { op, operand } => format!("({} {})", sign(*op), text(operand)),
        ExprKind::Binary { op, left, right, .. } => format!("({} {} {})", op.symbol(), text(left), text(right)),
        ExprKind::Logic { op, left, right } => {
            let word = match op {
                LogicOp::And => "and",
                LogicOp::Or => "or",
            };
            format!("({word} {} {})", text(left), text(right))
        }
        ExprKind::Compare { first, rest } => {
            let rest: Vec<String> =
                rest.iter().map(|(op, value)| format!(" {} {}", op.symbol(), text(value))).collect();
            format!("(compare {}{})", text(first), rest.concat())
        }
        ExprKind::IfElse { test, then, orelse } => format!("(if {} {} {})", text(test), text(then), text(orelse)),
        _ => String::new(),
    }
}

fn sign(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Neg => "-",
        UnaryOp::Pos => "+",
        UnaryOp::Invert => "~",
        UnaryOp::Not => "not",
    }
}

fn list(word: &str, items: &[Expr]) -> String {
    if items.is_empty() { format!("({word})") } else { format!("({word} {})", texts(items)) }
}

fn arguments(args: &[Arg]) -> String {
    let one = |arg: &Arg| match &arg.name {
        Some(name) => format!(" {}={}", name.node, text(&arg.value)),
        None => format!(" {}", text(&arg.value)),
    };
    args.iter().map(one).collect()
}

fn comprehension(clauses: &[Comprehension]) -> String {
    let one = |clause: &Comprehension| {
        let tests: String = clause.tests.iter().map(|test| format!(" {}", text(test))).collect();
        format!(" (for {} {}{tests})", text(&clause.target), text(&clause.iter))
    };
    clauses.iter().map(one).collect()
}

fn f_parts(parts: &[FPart]) -> String {
    let one = |part: &FPart| match part {
        FPart::Text(text) => format!("{text:?}"),
        FPart::Value { value, conversion, spec } => {
            let conversion = conversion.map_or_else(String::new, |c| format!(" !{c}"));
            let spec = if spec.is_empty() { String::new() } else { format!(" : {}", f_parts(spec)) };
            format!("{{{}{conversion}{spec}}}", text(value))
        }
    };
    parts.iter().map(one).collect::<Vec<_>>().join(" ")
}
