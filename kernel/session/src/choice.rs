//! What a plan will take where it is computed, and where the scheduler `auto` has it computed.

use crate::engine::Engine;
use crate::gpu::{KnownCard, kernel_counts};
use crate::magic::time_text;
use crate::output::ChoiceFacts;
use crate::settings::{Scheduler, Settings};
use cleave_plan::cost::CardWork;
use cleave_plan::{Delivery, Estimate, Plan};

/// Plans that threads do in less are done before a card has begun.
const BRIEF_S: f64 = 3e-3;
/// A card that was never measured is measured where threads would take so long.
const WORTH_MEASURING_S: f64 = 0.5;

/// What is predicted of a plan.
pub(crate) struct Predicted {
    pub(crate) estimate: Estimate,
    /// Whether the rates were measured, not guessed.
    pub(crate) measured: bool,
    /// The card that would do it, if one would.
    pub(crate) place: Option<String>,
    /// What `auto` would pick.
    pub(crate) choice: Option<ChoiceFacts>,
    /// The settings with that choice.
    pub(crate) settings: Settings,
}

impl Engine {
    /// What a plan would take whose outputs are only looked at.
    pub(crate) fn estimate(&self, plan: &Plan, settings: &Settings) -> Predicted {
        let (settings, choice) = self.decided(plan, settings, Delivery::Looked);
        Predicted { choice, ..self.predicted(plan, &settings, Delivery::Looked) }
    }

    /// What a plan takes where the settings say.
    pub(crate) fn predicted(&self, plan: &Plan, settings: &Settings, delivery: Delivery) -> Predicted {
        let card = match settings.scheduler {
            Scheduler::Cuda => self.known_card(settings.device, false).ok(),
            Scheduler::Threads | Scheduler::SingleThreaded | Scheduler::Workers | Scheduler::Auto => None,
        };
        let estimate = match &card {
            Some(card) => self.on_card(plan, settings, delivery, (card, &kernel_counts(plan))),
            None => self.on_threads(plan, settings, delivery),
        };
        let measured =
            self.forecaster.is_measured() && card.as_ref().is_none_or(|card| card.calibration.measured_at.is_some());
        Predicted { estimate, measured, place: card.map(|c| c.facts.name), choice: None, settings: settings.clone() }
    }

    /// The settings for a run: what `auto` picks, or threads where the card it picks cannot be used after all.
    pub(crate) fn settled(
        &mut self,
        plan: &Plan,
        settings: &Settings,
        delivery: Delivery,
    ) -> (Settings, Option<ChoiceFacts>) {
        let (settings, choice) = self.decided(plan, settings, delivery);
        match choice.is_some().then(|| self.open_card(&settings)) {
            Some(Err(failure)) => stays(settings, failure.message),
            Some(Ok(_)) | None => (settings, choice),
        }
    }

    /// The settings with what `auto` picks, and why.
    fn decided(&self, plan: &Plan, settings: &Settings, delivery: Delivery) -> (Settings, Option<ChoiceFacts>) {
        if settings.scheduler != Scheduler::Auto {
            return (settings.clone(), None);
        }
        let here_s = self.on_threads(plan, settings, delivery).seconds;
        if here_s < BRIEF_S {
            return stays(settings.clone(), "it is too short for a card".to_owned());
        }
        let card = match self.known_card(settings.device, here_s >= WORTH_MEASURING_S) {
            Ok(card) => card,
            Err(error) => return stays(settings.clone(), error.to_string()),
        };
        let kernels = kernel_counts(plan);
        if kernels.iter().all(Option::is_none) {
            return stays(settings.clone(), "no kernel does any of its stages".to_owned());
        }
        let on_card = Settings { scheduler: Scheduler::Cuda, ..settings.clone() };
        let there_s = self.on_card(plan, &on_card, delivery, (&card, &kernels)).seconds;
        let guessed = if card.calibration.measured_at.is_some() { "" } else { ", which was not measured" };
        let name = &card.facts.name;
        let (there, here) = (time_text(there_s), time_text(here_s));
        let why = format!("it takes about {there} on {name}{guessed}, and {here} on {}", threads(settings));
        match there_s < here_s {
            true => {
                let choice = ChoiceFacts { picked: on_card.scheduler_words(), why };
                (on_card, Some(choice))
            }
            false => stays(settings.clone(), why),
        }
    }

    fn on_threads(&self, plan: &Plan, settings: &Settings, delivery: Delivery) -> Estimate {
        self.forecaster.estimate(plan, &self.loaded.sources, settings.workers(), delivery)
    }

    fn on_card(
        &self,
        plan: &Plan,
        settings: &Settings,
        delivery: Delivery,
        (card, kernels): (&KnownCard, &[Option<usize>]),
    ) -> Estimate {
        let is_new = !self.cards.is_open(settings.device);
        let work = CardWork { rates: &card.calibration.rates, kernels, is_new };
        self.forecaster.on_card(plan, (&self.loaded.sources, settings.workers()), delivery, work)
    }
}

/// Threads do it.
fn stays(settings: Settings, why: String) -> (Settings, Option<ChoiceFacts>) {
    let settings = Settings { scheduler: Scheduler::Threads, ..settings };
    let picked = threads(&settings);
    (settings, Some(ChoiceFacts { picked, why }))
}

/// The threads of the settings, as cards name them.
fn threads(settings: &Settings) -> String {
    format!("threads({})", settings.threads)
}
