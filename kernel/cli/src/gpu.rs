//! `cleave gpu doctor`: what computing on a graphics card needs, step by step.

use crate::terminal::line;
use cleave_gpu::detect::{Absent, Facts, Found, OLDEST_DRIVER, Probe, Step, examine};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prints the steps; fails where there is no card to compute on.
pub(crate) fn doctor(json: bool) -> ExitCode {
    let is_usable = if json { record() } else { steps() };
    if is_usable { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Prints the steps as they are taken; whether there is a card to compute on.
pub(crate) fn steps() -> bool {
    examine(&mut |step, found| match found {
        Ok(found) => line(&format!("{:<13} {}", name(step), words(found))),
        Err(absent) => {
            line(&format!("{:<13} {}: {absent}", name(step), absent.code()));
            line(&format!("{:<13} help: {}", "", absent.help()));
        }
    })
}

/// Prints them as one object.
fn record() -> bool {
    let mut steps = vec![];
    let usable = examine(&mut |step, found| steps.push(entry(step, found)));
    line(&json!({"usable": usable, "steps": steps}).to_string());
    usable
}

/// What a step is called, in the width of the doctor's other lines.
fn name(step: Step) -> String {
    match step {
        Step::Library => "gpu driver".to_owned(),
        Step::Version => "gpu version".to_owned(),
        Step::Start => "gpu start".to_owned(),
        Step::Devices => "gpu devices".to_owned(),
        Step::Device(ordinal) => format!("gpu {ordinal}"),
        Step::Probe(ordinal) => format!("gpu {ordinal} probe"),
        Step::Cublas => "cublas".to_owned(),
    }
}

fn words(found: &Found) -> String {
    match found {
        Found::Library(path) => path.as_deref().map_or_else(|| "found".to_owned(), shown),
        Found::Version(version) => format!("CUDA {version}; {OLDEST_DRIVER} or later will do"),
        Found::Started => "ok".to_owned(),
        Found::Devices(count) => count.to_string(),
        Found::Device(facts) => device(facts),
        Found::Probe(Probe { context_s, compile_s, run_s }) => format!(
            "ok; context {}, compiling {}, running {}",
            cleave_render::seconds(*context_s),
            cleave_render::seconds(*compile_s),
            cleave_render::seconds(*run_s)
        ),
        Found::Cublas(Some(path)) => shown(path),
        Found::Cublas(None) => "not found, and not needed".to_owned(),
    }
}

fn device(facts: &Facts) -> String {
    let (size, (major, minor)) = (cleave_render::size(facts.memory_bytes), facts.capability);
    let Facts { name, processors, pci, .. } = facts;
    format!("{name}, {size}, compute capability {major}.{minor}, {processors} multiprocessors, at {pci}")
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn entry(step: Step, found: &Result<Found, Absent>) -> Value {
    let name = name(step);
    match found {
        Ok(found) => json!({"step": name, "ok": true, "found": facts(found)}),
        Err(absent) => {
            json!({"step": name, "ok": false, "code": absent.code(), "message": absent.to_string(), "help": absent.help()})
        }
    }
}

fn facts(found: &Found) -> Value {
    let text = |path: &Option<PathBuf>| path.as_deref().map(shown);
    match found {
        Found::Library(path) | Found::Cublas(path) => json!({"path": text(path)}),
        Found::Version(version) => json!({"version": version.0}),
        Found::Started => json!({}),
        Found::Devices(count) => json!({"count": count}),
        Found::Device(facts) => json!({
            "name": facts.name,
            "memory_bytes": facts.memory_bytes,
            "capability": [facts.capability.0, facts.capability.1],
            "processors": facts.processors,
            "pci": facts.pci.to_string(),
        }),
        Found::Probe(probe) => {
            json!({"context_s": probe.context_s, "compile_s": probe.compile_s, "run_s": probe.run_s})
        }
    }
}
