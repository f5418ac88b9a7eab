//! The card that computes under the scheduler `cuda`.

use crate::engine::Engine;
use crate::output::CardFacts;
use crate::settings::{Scheduler, Settings};
use cleave_gpu::{Card, CardOptions, GpuError, StageNote, left_to_threads};
use cleave_graph::host::Failure;
use cleave_plan::Plan;

impl Engine {
    /// Takes a card into use if the settings ask for one. It costs about a second, so it stays.
    pub(crate) fn open_card(&mut self, settings: &Settings) -> Result<(), Failure> {
        let options = CardOptions { ordinal: 0, memory_limit_bytes: settings.device_memory_limit_bytes };
        let is_open = self.card.as_ref().is_some_and(|card| card.options() == options);
        if settings.scheduler == Scheduler::Cuda && !is_open {
            self.card = None;
            self.card = Some(Card::open_all(options).map_err(|error| refused(&error))?);
        }
        Ok(())
    }

    /// The card that computes under these settings.
    pub(crate) fn card(&self, settings: &Settings) -> Option<&Card> {
        self.card.as_ref().filter(|_| settings.scheduler == Scheduler::Cuda)
    }
}

/// What a card did, for those who look at the run.
pub(crate) fn card_facts(card: &Card, notes: &[StageNote]) -> CardFacts {
    CardFacts { device: card.name(), stages: notes.iter().map(ToString::to_string).collect() }
}

/// What a plan's text says of the card: which stages are left to threads.
pub(crate) fn placement(plan: &Plan, settings: &Settings) -> String {
    if settings.scheduler != Scheduler::Cuda {
        return String::new();
    }
    let line = |(stage, left): (usize, Option<_>)| match left {
        None => format!("stage {}: on the card\n", stage + 1),
        Some(why) => format!("stage {}: on threads, because no kernel does {why}\n", stage + 1),
    };
    let lines: String = left_to_threads(plan).into_iter().enumerate().map(line).collect();
    format!("\nscheduler cuda\n{lines}")
}

fn refused(error: &GpuError) -> Failure {
    Failure { code: error.code(), message: error.to_string(), help: Some(error.help()), cause: None }
}
