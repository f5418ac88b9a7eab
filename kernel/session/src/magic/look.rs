//! Magics that look: `%who`, `%whos`, `%lsmagic`, `%explain`, `%pinfo` and `name?`.

use super::{Given, TABLE, table, wrong};
use crate::assist::Known;
use crate::cell::MagicLine;
use crate::output::{Output, Shown};
use crate::runner::Runner;
use cleave_graph::NodeId;
use cleave_graph::host::Failure;
use cleave_graph::value::Value;
use cleave_syntax::ast::Program;
use cleave_syntax::source::Span;

/// `%who`
pub(super) fn who(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let names: Vec<String> = chosen(runner, line).into_iter().map(|k| k.name).collect();
    let text = if names.is_empty() { "Interactive namespace is empty.".to_owned() } else { names.join("\t ") };
    runner.say(&text);
    Ok(None)
}

/// `%whos`
pub(super) fn whos(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let rows = chosen(runner, line).into_iter().map(|k| vec![k.name, k.kind, k.detail]).collect();
    table(runner, &["Variable", "Type", "Data/Info"], rows, "Interactive namespace is empty.")
}

/// The user's own names, of the kinds asked for.
fn chosen(runner: &Runner<'_>, line: &MagicLine) -> Vec<Known> {
    let kinds: Vec<&str> = line.argument.split_whitespace().collect();
    let wanted = |k: &&Known| !k.name.starts_with('_') && (kinds.is_empty() || kinds.contains(&k.kind.as_str()));
    runner.session.assistant().names.iter().filter(wanted).cloned().collect()
}

/// `%lsmagic`
pub(super) fn lsmagic(runner: &mut Runner<'_>, _: &MagicLine) -> Given {
    let row = |m: &super::Magic| {
        let cell = if m.takes_cell { format!("%%{}", m.name) } else { String::new() };
        vec![format!("%{}", m.name), cell, m.usage.to_owned(), m.summary.to_owned()]
    };
    table(runner, &["line", "cell", "usage", "what it does"], TABLE.iter().map(row).collect(), "")
}

/// `%explain EXPRESSION`
pub(super) fn explain(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let given = runner.text("%explain", &line.argument)?;
    explain_value(runner, given.value.as_ref(), line)
}

/// `%%explain`: the plan of the cell's last expression.
pub(super) fn explain_cell(runner: &mut Runner<'_>, body: &Program) -> Given {
    let mut value = None;
    for stmt in &body.body {
        value = runner.execute(stmt, &body.source)?.value;
    }
    let line = MagicLine { name: "explain".to_owned(), argument: String::new(), argument_at: 0, span: Span::default() };
    explain_value(runner, value.as_ref(), &line)
}

fn explain_value(runner: &mut Runner<'_>, value: Option<&Value>, line: &MagicLine) -> Given {
    let mut nodes: Vec<NodeId> = Vec::new();
    match value {
        Some(Value::Array(node)) => nodes.push(*node),
        Some(Value::Tuple(items)) => {
            nodes.extend(items.iter().filter_map(|v| if let Value::Array(n) = v { Some(*n) } else { None }));
        }
        _ => {}
    }
    if nodes.is_empty() {
        let help = "give an expression whose value is a lazy array, without .compute()";
        return Err(wrong("no-plan", "only arrays have a plan", help, line));
    }
    let session = &*runner.session;
    let mut facts = crate::plan_facts::plan_facts(&session.engine, &session.interp.graph, &nodes)
        .map_err(|f: Failure| wrong(f.code, f.message, f.help.unwrap_or_default(), line))?;
    if !line.argument.is_empty() {
        facts.title.clone_from(&line.argument);
    }
    runner.show(Shown::Plan(Box::new(facts)));
    Ok(None)
}

/// `%pinfo NAME`
pub(super) fn pinfo(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    question(runner, line)
}

/// `name?` and `name??`
pub(super) fn question(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let detail = u8::from(line.name == "??");
    let name = line.argument.trim();
    match runner.session.assistant().describe(name, detail) {
        Some(help) => {
            runner.io.emit(Output::Page(Shown::Help(Box::new(help))));
            Ok(None)
        }
        None => {
            runner.say(&format!("Object `{name}` not found."));
            Ok(None)
        }
    }
}
