//! A run that is watched while it goes on.

use crate::output::{CardFacts, LaneFacts};
use crate::pace::{At, Pace};
use cleave_plan::event::Progress;
use cleave_plan::{Estimate, Event, RunError, RunReport};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// A piece of news about a run that takes long enough to be shown.
pub(crate) struct News {
    pub(crate) id: u64,
    pub(crate) progress: Progress,
    /// How far it is by cost, and what is left.
    pub(crate) at: At,
    /// How it ended, on the last one.
    pub(crate) end: Option<&'static str>,
}

/// Told what happens in a run.
pub(crate) type Tell<'a> = &'a (dyn Fn(Event) + Sync);

/// Who else than this machine's threads took part in a run.
#[derive(Default)]
pub(crate) struct Others {
    /// What each worker did.
    pub(crate) lanes: Vec<LaneFacts>,
    /// What a card did.
    pub(crate) card: Option<CardFacts>,
}

/// What a run reports, and what others did in it.
pub(crate) type Ran = Result<(RunReport, Others), RunError>;

/// Runs on a thread of its own while news are told on this one, the first after `delay_s`.
pub(crate) fn watched(
    id: u64,
    delay_s: f64,
    predicted: &Estimate,
    tell: &mut dyn FnMut(News),
    run: &(dyn Fn(Tell<'_>) -> Ran + Sync),
) -> Ran {
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let send = move |event: Event| drop(sender.send(event));
            run(&send)
        });
        let (mut last, mut pace) = (None, Pace::new(predicted));
        loop {
            match receiver.recv_timeout(Duration::from_millis(200)) {
                Ok(Event::Progress(progress)) => {
                    let at = pace.at(&progress);
                    if progress.elapsed.as_secs_f64() >= delay_s {
                        tell(News { id, progress, at, end: None });
                        last = Some((progress, at));
                    }
                }
                Ok(Event::Stage { .. }) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let result = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if let Some(last) = last {
            let report = result.as_ref().map(|(report, _)| report);
            let (progress, at) = finished(last, &report);
            tell(News { id, progress, at, end: Some(end_word(&report)) });
        }
        result
    })
}

fn finished((mut last, mut at): (Progress, At), result: &Result<&RunReport, &RunError>) -> (Progress, At) {
    if let Ok(report) = result {
        last.elapsed = report.wall;
        last.elements = report.elements();
        at = At { fraction: 1.0, left_s: None, rate: report.elements() as f64 / report.wall.as_secs_f64().max(1e-9) };
    }
    (last, at)
}

/// How a run ended, in a word.
pub(crate) fn end_word(result: &Result<&RunReport, &RunError>) -> &'static str {
    match result {
        Ok(_) => "computed",
        Err(RunError::Cancelled) => "interrupted",
        Err(_) => "failed",
    }
}
