//! The cards that compute under the schedulers `cuda` and `auto`: those in use, and what is known of each.

use crate::calibration::{CardCalibration, load_card, save_card};
use crate::engine::Engine;
use crate::output::{CardFacts, CardStage, ChoiceFacts};
use crate::settings::{Scheduler, Settings};
use cleave_gpu::detect::{Facts, ready};
use cleave_gpu::{Card, CardOptions, GpuError, Products, Resident, StageNote, kernel_counts, products};
use cleave_graph::SourceId;
use cleave_graph::host::Failure;
use cleave_plan::cost::{CardRates, card_load};
use cleave_plan::{Plan, Sources};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The cards of a session.
#[derive(Default)]
pub(crate) struct Cards {
    /// Those in use. Opening one costs about a second, so they stay.
    open: Vec<Card>,
    /// Seconds that taking cards into use took of late.
    pub(crate) opened_s: f64,
    /// Seconds that a card would have saved so far, had it been in use when `auto` picked threads.
    pub(crate) missed_s: f64,
    /// Guards what is known of them, by number; held while a card is measured.
    known: Mutex<BTreeMap<usize, KnownCard>>,
}

/// What is known of a card.
#[derive(Clone, Debug)]
pub(crate) struct KnownCard {
    pub(crate) facts: Facts,
    pub(crate) calibration: CardCalibration,
}

impl Cards {
    /// Whether a card is in use.
    pub(crate) fn is_open(&self, ordinal: usize) -> bool {
        self.open.iter().any(|card| card.options().ordinal == ordinal)
    }

    /// An array that was computed for a card stays there.
    pub(crate) fn stay(&self, ordinal: usize, id: SourceId, array: &Arc<Resident>) {
        for card in self.open.iter().filter(|card| card.options().ordinal == ordinal) {
            if array.is_on_card() { card.adopt(id, array) } else { card.stay(&[id]) }
        }
    }

    /// Forgets the arrays there that the session has no more.
    pub(crate) fn forget(&self, left: &Sources) {
        self.open.iter().for_each(|card| card.forget(&|id| !left.contains_key(&id)));
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<usize, KnownCard>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Takes a card into use if the settings ask for one.
    pub(crate) fn open_card(&mut self, settings: &Settings) -> Result<(), Failure> {
        let (ordinal, others) = (settings.device, settings.all_devices);
        let (memory_limit_bytes, library) = (settings.device_memory_limit_bytes, settings.device_library);
        let options = CardOptions { ordinal, memory_limit_bytes, others, library };
        if settings.scheduler != Scheduler::Cuda || self.cards.open.iter().any(|card| card.options() == options) {
            return Ok(());
        }
        let began = Instant::now();
        self.cards.open.retain(|card| card.options().ordinal != options.ordinal);
        self.cards.open.push(Card::open(options).map_err(|error| refused(&error))?);
        self.cards.opened_s += began.elapsed().as_secs_f64();
        Ok(())
    }

    /// The rates of the card of these settings, if they were measured.
    pub(crate) fn measured_card(&self, settings: &Settings) -> Option<CardRates> {
        let calibration = self.known_card(settings.device, false).ok()?.calibration;
        calibration.measured_at.map(|_| calibration.rates)
    }

    /// The card that computes under these settings.
    pub(crate) fn card(&self, settings: &Settings) -> Option<&Card> {
        let wanted = |card: &&Card| card.options().ordinal == settings.device;
        self.cards.open.iter().find(wanted).filter(|_| settings.scheduler == Scheduler::Cuda)
    }

    /// What is known of a card; where it is worth it and was never done, it is measured.
    pub(crate) fn known_card(&self, ordinal: usize, is_worth_it: bool) -> Result<KnownCard, GpuError> {
        let mut all = self.cards.known();
        let folder = self.settings.cache_folder.as_deref();
        let mut known = match all.get(&ordinal) {
            Some(known) => known.clone(),
            None => {
                let facts = ready(ordinal)?;
                let kept = folder.and_then(|folder| load_card(folder, &facts));
                KnownCard { facts, calibration: kept.unwrap_or_default() }
            }
        };
        let wanted = is_worth_it && self.settings.calibrate && known.calibration.measured_at.is_none();
        if let Some(folder) = folder.filter(|_| wanted) {
            known.calibration = CardCalibration::measure(ordinal)?;
            // A folder that cannot be written to costs only the memory of it.
            let _ = save_card(folder, &known.facts, &known.calibration);
        }
        all.insert(ordinal, known.clone());
        Ok(known)
    }
}

/// What a card did of a plan, for those who look at the run; what that is of its rates, where they were measured.
pub(crate) fn card_facts(card: &Card, notes: &[StageNote], plan: &Plan, rates: Option<&CardRates>) -> CardFacts {
    let stages = notes.iter().map(|note| stage_facts(note, plan, rates)).collect();
    CardFacts { device: card.name(), open_s: 0.0, stages }
}

fn stage_facts(note: &StageNote, plan: &Plan, rates: Option<&CardRates>) -> CardStage {
    let share = note.done as f64 / note.tasks.max(1) as f64;
    let load = card_load(plan, &plan.stages[note.stage]);
    let (memory, flops) = (load.memory_bytes * share, load.flops * share);
    let compute_s = note.took.compute.as_secs_f64();
    let of = |needed_s: f64| (needed_s / compute_s.max(1e-9)).min(1.0);
    let rates = rates.filter(|_| note.done > 0).map(|rates| rates.of_cards(note.devices));
    let rates = rates.as_ref();
    CardStage {
        stage: note.stage,
        tasks: note.tasks,
        done: note.done,
        products: note.products.iter().map(ToString::to_string).collect(),
        left: note.left.iter().map(|(tasks, why)| (*tasks, why.to_string())).collect(),
        kernels: note.kernels,
        registers: note.registers,
        launches: note.launches,
        compile_s: note.took.compile.as_secs_f64(),
        compute_s,
        up: (note.bytes_up, note.took.up.as_secs_f64()),
        down: (note.bytes_down, note.took.down.as_secs_f64()),
        memory_bytes: memory as u64,
        flops,
        of_memory: rates.map(|rates| of(memory / rates.memory_bps)),
        of_arithmetic: rates.map(|rates| of(flops * rates.op_s)),
    }
}

/// What a plan's text says of where it is computed: what `auto` picked, and which stages a card leaves to threads.
pub(crate) fn placement(plan: &Plan, settings: &Settings, choice: Option<&ChoiceFacts>) -> String {
    let head = choice.map_or_else(
        || format!("\nscheduler {}\n", settings.scheduler_words()),
        |choice| format!("\nscheduler auto: {}, because {}\n", choice.picked, choice.why),
    );
    if settings.scheduler != Scheduler::Cuda {
        return if choice.is_some() { head } else { String::new() };
    }
    let by = if settings.device_library { products(plan) } else { vec![None; plan.stages.len()] };
    let line = |(stage, (kernels, by)): (usize, (Result<_, _>, Option<Products>))| match (kernels, by) {
        (Ok(_), None) => format!("stage {}: on the card\n", stage + 1),
        (Ok(_), Some(by)) => format!("stage {}: on the card, {by}\n", stage + 1),
        (Err(why), _) => format!("stage {}: on threads, because no kernel does {why}\n", stage + 1),
    };
    let lines: String = kernel_counts(plan).into_iter().zip(by).enumerate().map(line).collect();
    head + &lines
}

/// A card that cannot be used, as a failure with a way out.
pub(crate) fn refused(error: &GpuError) -> Failure {
    Failure { code: error.code(), message: error.to_string(), help: Some(error.help()), cause: None }
}
