//! A card as a crew: stages that kernels are written for run on it, all others on threads. Several cards share the tasks
//! of a stage.

use crate::anew::Anew;
use crate::detect::{Absent, ready};
use crate::device::Device;
use crate::emit::{Kernels, Unfit, kernels};
use crate::error::GpuError;
use crate::flight::{Flight, Own};
use crate::notes::{StageNote, Why};
use crate::resident::Resident;
use crate::shelf::{Shelf, Stop};
use crate::stock::Stock;
use cleave_cpu::{Control, Crew, Pass, Pool, run_with};
use cleave_graph::SourceId;
use cleave_graph::device::MOST_DEVICES;
use cleave_plan::{Origin, Plan, RunError, RunReport, Sink, Sources, Stage, Work};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Free memory of a device that is left to others, as a part of it.
const LEFT_PART: u64 = 10;

/// What of a machine's devices may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardOptions {
    /// The device's number.
    pub ordinal: usize,
    /// The most bytes of its memory to take; 0 for nearly all that is free.
    pub memory_limit_bytes: u64,
    /// Whether all other devices that there are share its runs, with as much of the memory of each.
    pub others: bool,
    /// Whether products are left to cuBLAS where it is found: faster perhaps, and not with the bits of threads.
    pub library: bool,
}

/// A device that runs plans.
pub struct Card {
    options: CardOptions,
    /// Held for a whole run: what is on the shelf is of one plan.
    turn: Mutex<()>,
    /// Guards the device.
    state: Mutex<State>,
    /// Those that share its runs.
    others: Vec<Card>,
}

struct State {
    /// Before the device, whose memory it is.
    shelf: Shelf,
    /// None after a fault that ended its context.
    device: Option<Device>,
    name: String,
    limit_bytes: u64,
    /// Arrays that stay from run to run, as far as there is room.
    staying: HashSet<SourceId>,
    /// Results of the run that may stay here, by output.
    results: Vec<Option<Arc<Resident>>>,
    /// How these are made anew, if that is known.
    anew: Option<Arc<Anew>>,
    notes: Vec<StageNote>,
    lost: Option<GpuError>,
}

impl Card {
    /// Takes a device into use.
    pub fn open(options: CardOptions) -> Result<Self, GpuError> {
        let device = Device::open(options.ordinal)?;
        let free = device.free_bytes()?;
        let most = free - free / LEFT_PART;
        let limit_bytes = if options.memory_limit_bytes == 0 { most } else { options.memory_limit_bytes.min(most) };
        let name = device.name().to_owned();
        let (shelf, staying, device) = (Shelf::default(), HashSet::new(), Some(device));
        let (results, anew, notes, lost) = (vec![], None, vec![], None);
        let state = State { shelf, device, name, limit_bytes, staying, results, anew, notes, lost };
        let others = if options.others { others_than(options) } else { vec![] };
        Ok(Self { options, turn: Mutex::default(), state: Mutex::new(state), others })
    }

    /// This one, then those that share its runs.
    fn all(&self) -> impl Iterator<Item = &Card> {
        std::iter::once(self).chain(&self.others)
    }

    /// What was asked for.
    pub fn options(&self) -> CardOptions {
        self.options
    }

    /// What its maker calls the device, and how many share its runs.
    pub fn name(&self) -> String {
        let name = self.state().name.clone();
        match self.others.len() {
            0 => name,
            others => format!("{name} and {others} more"),
        }
    }

    /// The most bytes of its memory that are taken.
    pub fn limit_bytes(&self) -> u64 {
        self.state().limit_bytes
    }

    /// These arrays stay on the device once they are there, as far as there is room; they must exist elsewhere, too.
    pub fn stay(&self, arrays: &[SourceId]) {
        self.state().staying.extend(arrays);
    }

    /// A result that a run has left here is known by that name.
    pub fn adopt(&self, id: SourceId, array: &Arc<Resident>) {
        self.state().shelf.adopt(id, array);
    }

    /// Gives back the memory of arrays that are there no more.
    pub fn forget(&self, is_gone: &dyn Fn(SourceId) -> bool) {
        let mut state = self.state();
        state.staying.retain(|id| !is_gone(*id));
        state.tidy();
    }

    /// Bytes of the device that arrays take which stay there.
    pub fn held_bytes(&self) -> u64 {
        self.state().shelf.held_bytes()
    }

    /// Runs a plan; output `n` goes to `sinks[n]`. Says what became of each stage, too.
    pub fn run(
        &self,
        pool: &Pool,
        plan: &Plan,
        (sources, sinks): (&Sources, &[Arc<dyn Sink>]),
        control: &Control<'_>,
    ) -> Result<(RunReport, Vec<StageNote>), RunError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.all().for_each(Card::begin);
        // Cards that share a run make parts of results.
        if self.others.is_empty() {
            let own = |sink: &Arc<dyn Sink>| Arc::clone(sink).as_any()?.downcast().ok();
            let results: Vec<Option<Arc<Resident>>> = sinks.iter().map(own).collect();
            let anew = || Anew::of(plan, sources, pool.threads()).map(Arc::new);
            let anew = if results.iter().any(Option::is_some) { anew() } else { None };
            let mut state = self.state();
            (state.results, state.anew) = (results, anew);
        }
        let report = run_with(Some(self), pool, plan, (sources, sinks), control);
        let notes = StageNote::joined(self.all().flat_map(Card::end));
        report.map(|report| (report, notes))
    }

    /// A run has ended: its memory goes back.
    fn end(&self) -> Vec<StageNote> {
        let mut state = self.state();
        state.tidy();
        (state.results, state.anew) = (vec![], None);
        if let Some(Err(error)) = state.device.as_ref().map(Device::trim)
            && error.is_sticky()
        {
            state.shelf.lose(&error);
            (state.device, state.lost) = (None, Some(error));
        }
        std::mem::take(&mut state.notes)
    }

    /// A run begins: after a fault with a new context, if there is one to be had.
    fn begin(&self) {
        let mut state = self.state();
        state.notes.clear();
        // A run that ended in a panic leaves its own arrays there.
        state.tidy();
        if state.device.is_none() {
            match Device::open(self.options.ordinal) {
                Ok(device) => (state.device, state.lost) = (Some(device), None),
                Err(error) => state.lost = Some(error),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All other devices that can be used.
fn others_than(options: CardOptions) -> Vec<Card> {
    let is_there = |&ordinal: &usize| !matches!(ready(ordinal), Err(Absent::NoSuchDevice { .. }));
    let others = (0..MOST_DEVICES.into()).take_while(is_there).filter(|&ordinal| ordinal != options.ordinal);
    others.filter_map(|ordinal| Card::open(CardOptions { ordinal, others: false, ..options }).ok()).collect()
}

/// How many kernels a stage has, and the most registers of a thread of them.
fn compiled(device: &Device, kernels: &Kernels) -> (usize, u32) {
    let all = kernels.all();
    let registers = all.iter().filter_map(|kernel| device.registers(kernel)).max();
    (all.len(), registers.unwrap_or(0))
}

impl State {
    /// Only what stays from run to run is left.
    fn tidy(&mut self) {
        let Self { shelf, staying, .. } = self;
        shelf.keep_only(&|origin| matches!(origin, Origin::Stored(id) if staying.contains(id)));
    }
}

impl Crew for Card {
    fn work(&self, pass: &Pass<'_>) -> Result<(), RunError> {
        let kernels = kernels(pass.stage());
        let mut parts = parts(pass.stage(), if kernels.is_ok() { 1 + self.others.len() } else { 1 });
        // The last is the one that is never empty.
        let own = parts.pop().unwrap_or(0..0);
        std::thread::scope(|scope| {
            let kernels = &kernels;
            let others = self.others.iter().zip(parts).filter(|(_, tasks)| !tasks.is_empty());
            let others: Vec<_> =
                others.map(|(card, tasks)| scope.spawn(move || card.part(pass, kernels, tasks))).collect();
            let mut done = self.part(pass, kernels, own);
            for other in others {
                done = done.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        })
    }
}

/// A stage's tasks in so many parts, each of whole blocks.
fn parts(stage: &Stage, many: usize) -> Vec<Range<usize>> {
    let whole = if let Work::Contract(work) = &stage.work { work.segments } else { 1 };
    let edge = |part: usize| if part == many { stage.tasks } else { stage.tasks / whole * part / many * whole };
    (0..many).map(|part| edge(part)..edge(part + 1)).collect()
}

impl Card {
    /// Does a part of a stage's tasks.
    fn part(&self, pass: &Pass<'_>, kernels: &Result<Kernels, Unfit>, tasks: Range<usize>) -> Result<(), RunError> {
        let mut note = StageNote { stage: pass.number(), tasks: tasks.len(), ..StageNote::default() };
        let mut state = self.state();
        let State { shelf, device, limit_bytes, lost, results, anew, .. } = &mut *state;
        let done = match (kernels, &mut *device) {
            (Err(unfit), _) => {
                note.leave(tasks.len(), Why::Unfit(unfit.clone()));
                pass.on_threads(tasks).map(|()| None)
            }
            (Ok(_), None) => {
                let unknown = GpuError::Call { what: "an earlier run", code: 0 };
                note.leave(tasks.len(), Why::Failed(lost.clone().unwrap_or(unknown)));
                pass.on_threads(tasks).map(|()| None)
            }
            (Ok(kernels), Some(device)) => {
                let limit_bytes = *limit_bytes;
                device.took();
                let (of, stock) = (&mut note, Stock::default());
                let library = self.options.library;
                let own = Own { results, anew, homes: vec![] };
                let mut flight =
                    Flight { device, shelf, stock, own, note: of, pass, tasks, kernels, limit_bytes, library };
                let done = flight.fly().map_err(|stop| match stop {
                    Stop::Run(error) => error,
                    Stop::Device(error) => RunError::Elsewhere { code: error.code(), cause: Box::new(error) },
                });
                note.took = device.took();
                (note.kernels, note.registers) = compiled(device, kernels);
                done
            }
        };
        note.devices = usize::from(note.done > 0);
        if let Ok(Some(error)) = &done {
            state.shelf.lose(error);
            (state.device, state.lost) = (None, Some(error.clone()));
        }
        state.notes.push(note);
        done.map(drop)
    }
}
