//! A process for each test, and what tests share.

use crate::expected::{difference, in_memory, on_threads};
use cleave_cpu::{Cancel, Control, DenseSink, Pool};
use cleave_gpu::{Card, CardOptions, StageNote};
use cleave_gpu_driver::{SETTINGS, load};
use cleave_graph::SourceId;
use cleave_ops::{Data, Shape};
use cleave_plan::{Plan, RunError, Sink};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

const CHILD: &str = "CLEAVE_GPU_RUN_CHILD";

/// Runs a test by its name in a process of its own for each setting of the driver.
pub(crate) fn under<S: AsRef<str>>(settings: impl IntoIterator<Item = S>, test: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        load().unwrap();
        return body();
    }
    settings.into_iter().for_each(|settings| child(&[(SETTINGS, settings.as_ref())], test));
}

/// The same with other variables of the environment.
pub(crate) fn under_with(variables: &[(&str, &str)], test: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        load().unwrap();
        return body();
    }
    child(variables, test);
}

fn child(variables: &[(&str, &str)], test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .envs(variables.iter().copied())
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "under {variables:?}:\n{text}");
}

/// The first device, of which so many bytes may be taken.
pub(crate) fn card(memory_limit_bytes: u64) -> Card {
    Card::open(CardOptions { memory_limit_bytes, ..CardOptions::default() }).unwrap()
}

/// The outputs of a plan on a card.
pub(crate) fn on_card(
    card: &Card,
    plan: &Plan,
    sources: &BTreeMap<SourceId, (Shape, Data)>,
) -> Result<(Vec<Data>, Vec<StageNote>), RunError> {
    let dense: Vec<Arc<DenseSink>> = plan.outputs.iter().map(|o| Arc::new(DenseSink::new(&o.shape, o.dtype))).collect();
    let sinks: Vec<Arc<dyn Sink>> = dense.iter().map(|sink| Arc::clone(sink) as Arc<dyn Sink>).collect();
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    let (report, notes) = card.run(&Pool::new(1).unwrap(), plan, (&in_memory(sources), &sinks), &control)?;
    assert_eq!(report.bytes_left, 0);
    Ok((dense.iter().map(|sink| sink.take()).collect(), notes))
}

/// Checks that a plan on a card has the bits of threads, and that every task was done once.
pub(crate) fn check(
    name: &str,
    card: &Card,
    plan: &Plan,
    sources: &BTreeMap<SourceId, (Shape, Data)>,
) -> Vec<StageNote> {
    let (found, notes) = on_card(card, plan, sources).unwrap();
    for (found, expected) in found.iter().zip(on_threads(plan, sources)) {
        if let Some(difference) = difference(found, &expected) {
            panic!("{name}: {difference}\n{notes:?}\n{plan}");
        }
    }
    for note in &notes {
        let left: usize = note.left.iter().map(|(tasks, _)| tasks).sum();
        assert_eq!(note.done + left, note.tasks, "{name}: {note:?}");
    }
    notes
}

/// The same, and that the card did every task.
pub(crate) fn check_done(
    name: &str,
    card: &Card,
    plan: &Plan,
    sources: &BTreeMap<SourceId, (Shape, Data)>,
) -> Vec<StageNote> {
    let notes = check(name, card, plan, sources);
    assert!(notes.iter().all(|note| note.done == note.tasks), "{name}: {notes:?}");
    notes
}
