//! What a plan will take where it is computed, and where the scheduler `auto` has it computed.

use crate::engine::{Engine, Planned};
use crate::gpu::{KnownCard, kernel_counts};
use crate::magic::time_text;
use crate::output::ChoiceFacts;
use crate::settings::{Scheduler, Settings};
use cleave_graph::Graph;
use cleave_plan::cost::CardWork;
use cleave_plan::{Delivery, Estimate, Output, Plan, PlanError};

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
}

/// A plan with the settings under which it is computed, which are those of what `auto` has picked.
pub(crate) struct Settled {
    pub(crate) planned: Planned,
    pub(crate) settings: Settings,
    pub(crate) choice: Option<ChoiceFacts>,
}

impl Engine {
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
        Predicted { estimate, measured, place: card.map(|c| c.facts.name) }
    }

    /// Plans for where the settings say; under `auto` for where it takes less.
    pub(crate) fn settle(
        &self,
        graph: &Graph,
        outputs: &[Output],
        settings: &Settings,
        delivery: Delivery,
    ) -> Result<Settled, PlanError> {
        if settings.scheduler != Scheduler::Auto {
            let planned = self.plan(graph, outputs, settings)?;
            return Ok(Settled { planned, settings: settings.clone(), choice: None });
        }
        let here = Settings { scheduler: Scheduler::Threads, ..settings.clone() };
        let planned = self.plan(graph, outputs, &here)?;
        let here_s = self.on_threads(&planned.plan, &here, delivery).seconds;
        let card = match self.worth_a_card(here_s, settings) {
            Ok(card) => card,
            Err(why) => return Ok(Settled::on_threads(planned, here, why)),
        };
        let there = Settings { scheduler: Scheduler::Cuda, ..settings.clone() };
        let on_card = self.plan(graph, outputs, &there)?;
        let kernels = kernel_counts(&on_card.plan);
        if kernels.iter().all(Option::is_none) {
            return Ok(Settled::on_threads(planned, here, "no kernel does any of its stages".to_owned()));
        }
        let there_s = self.on_card(&on_card.plan, &there, delivery, (&card, &kernels)).seconds;
        let why = compared(&card, there_s, here_s, &here);
        if there_s >= here_s {
            return Ok(Settled::on_threads(planned, here, why));
        }
        let choice = Some(ChoiceFacts { picked: there.scheduler_words(), why });
        Ok(Settled { planned: on_card, settings: there, choice })
    }

    /// The same for a run: where a card that `auto` picks cannot be used after all, threads do it.
    pub(crate) fn settle_to_run(
        &mut self,
        graph: &Graph,
        outputs: &[Output],
        settings: &Settings,
        delivery: Delivery,
    ) -> Result<Settled, PlanError> {
        let settled = self.settle(graph, outputs, settings, delivery)?;
        match settled.choice.is_some().then(|| self.open_card(&settled.settings)) {
            Some(Err(failure)) => {
                let here = Settings { scheduler: Scheduler::Threads, ..settled.settings };
                let planned = self.plan(graph, outputs, &here)?;
                Ok(Settled::on_threads(planned, here, failure.message))
            }
            Some(Ok(())) | None => Ok(settled),
        }
    }

    /// The card that might do better than threads that take so long, or why none would.
    fn worth_a_card(&self, here_s: f64, settings: &Settings) -> Result<KnownCard, String> {
        if here_s < BRIEF_S {
            return Err("it is too short for a card".to_owned());
        }
        self.known_card(settings.device, here_s >= WORTH_MEASURING_S).map_err(|error| error.to_string())
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

impl Settled {
    /// Threads do it.
    fn on_threads(planned: Planned, settings: Settings, why: String) -> Self {
        let choice = Some(ChoiceFacts { picked: settings.scheduler_words(), why });
        Self { planned, settings, choice }
    }
}

/// What a card takes and what threads take.
fn compared(card: &KnownCard, there_s: f64, here_s: f64, here: &Settings) -> String {
    let guessed = if card.calibration.measured_at.is_some() { "" } else { ", which was not measured" };
    let (there, here_words, name) = (time_text(there_s), time_text(here_s), &card.facts.name);
    format!("it takes about {there} on {name}{guessed}, and {here_words} on {}", here.scheduler_words())
}
