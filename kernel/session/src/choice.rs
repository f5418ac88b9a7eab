//! What a plan will take where it is computed, and where the scheduler `auto` has it computed.

use crate::engine::{Engine, Planned};
use crate::gpu::KnownCard;
use crate::magic::time_text;
use crate::output::ChoiceFacts;
use crate::settings::{Scheduler, Settings};
use cleave_gpu::detect::ready;
use cleave_gpu::kernel_counts;
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
    /// Seconds that a card would have saved, were it in use.
    pub(crate) missed_s: f64,
}

impl Engine {
    /// What a plan takes where the settings say.
    pub(crate) fn predicted(&self, plan: &Plan, settings: &Settings, delivery: Delivery) -> Predicted {
        let card = match settings.scheduler {
            Scheduler::Cuda => self.known_card(settings.device, false).ok(),
            Scheduler::Threads | Scheduler::SingleThreaded | Scheduler::Workers | Scheduler::Auto => None,
        };
        let estimate = match &card {
            Some(card) => self.on_card(plan, settings, delivery, (card, &counts(plan))),
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
            return Ok(Settled { planned, settings: settings.clone(), choice: None, missed_s: 0.0 });
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
        let kernels = counts(&on_card.plan);
        if kernels.iter().all(Option::is_none) {
            return Ok(Settled::on_threads(planned, here, "no kernel does any of its stages".to_owned()));
        }
        let there_s = self.on_card(&on_card.plan, &there, delivery, (&card, &kernels)).seconds;
        let mut why = compared(&card, there_s, here_s, &here);
        let open_s = if self.cards.is_open(there.device) { 0.0 } else { card.calibration.rates.open_s };
        let missed_s = (here_s - (there_s - open_s)).max(0.0);
        if there_s >= here_s && self.cards.missed_s + missed_s < open_s {
            return Ok(Settled { missed_s, ..Settled::on_threads(planned, here, why) });
        }
        if there_s >= here_s {
            why += &format!("; runs so far would have saved the {} of taking it into use", time_text(open_s));
        }
        let choice = Some(ChoiceFacts { picked: there.scheduler_words(), why });
        Ok(Settled { planned: on_card, settings: there, choice, missed_s: 0.0 })
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
        self.cards.missed_s += settled.missed_s;
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
        let many = if settings.all_devices { (0..).map_while(|ordinal| ready(ordinal).ok()).count() } else { 1 };
        let work = CardWork { rates: &card.calibration.rates.of_cards(many), kernels, is_new };
        self.forecaster.on_card(plan, (&self.loaded.sources, settings.workers()), delivery, work)
    }
}

impl Settled {
    /// Threads do it.
    fn on_threads(planned: Planned, settings: Settings, why: String) -> Self {
        let choice = Some(ChoiceFacts { picked: settings.scheduler_words(), why });
        Self { planned, settings, choice, missed_s: 0.0 }
    }
}

/// For each stage how many kernels do it; none where threads do.
fn counts(plan: &Plan) -> Vec<Option<usize>> {
    kernel_counts(plan).into_iter().map(Result::ok).collect()
}

/// What a card takes and what threads take.
fn compared(card: &KnownCard, there_s: f64, here_s: f64, here: &Settings) -> String {
    let guessed = if card.calibration.measured_at.is_some() { "" } else { ", which was not measured" };
    let (there, here_words, name) = (time_text(there_s), time_text(here_s), &card.facts.name);
    format!("it takes about {there} on {name}{guessed}, and {here_words} on {}", here.scheduler_words())
}
