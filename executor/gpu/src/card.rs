//! A card as a crew: stages that kernels are written for run on it, all others on threads.

use crate::device::Device;
use crate::emit::{Kernels, kernels};
use crate::error::GpuError;
use crate::flight::Flight;
use crate::notes::{StageNote, Why};
use crate::shelf::{Shelf, Stop};
use crate::stock::Stock;
use cleave_cpu::{Control, Crew, Pass, Pool, run_with};
use cleave_graph::SourceId;
use cleave_plan::{Origin, Plan, RunError, RunReport, Sink, Sources};
use std::collections::HashSet;
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
}

/// A device that runs plans.
pub struct Card {
    options: CardOptions,
    /// Held for a whole run: what is on the shelf is of one plan.
    turn: Mutex<()>,
    /// Guards the device.
    state: Mutex<State>,
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
        let (shelf, staying, notes) = (Shelf::default(), HashSet::new(), vec![]);
        let state = State { shelf, device: Some(device), name, limit_bytes, staying, notes, lost: None };
        Ok(Self { options, turn: Mutex::default(), state: Mutex::new(state) })
    }

    /// What was asked for.
    pub fn options(&self) -> CardOptions {
        self.options
    }

    /// What its maker calls the device.
    pub fn name(&self) -> String {
        self.state().name.clone()
    }

    /// The most bytes of its memory that are taken.
    pub fn limit_bytes(&self) -> u64 {
        self.state().limit_bytes
    }

    /// These arrays stay on the device once they are there, as far as there is room; they must exist elsewhere, too.
    pub fn stay(&self, arrays: &[SourceId]) {
        self.state().staying.extend(arrays);
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
        self.begin();
        let report = run_with(Some(self), pool, plan, (sources, sinks), control);
        let notes = self.end();
        report.map(|report| (report, notes))
    }

    /// A run has ended: its memory goes back.
    fn end(&self) -> Vec<StageNote> {
        let mut state = self.state();
        state.tidy();
        if let Some(Err(error)) = state.device.as_ref().map(Device::trim)
            && error.is_sticky()
        {
            state.shelf.clear();
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
        let tasks = pass.stage().tasks;
        let mut note = StageNote { stage: pass.number(), tasks, ..StageNote::default() };
        let mut state = self.state();
        let State { shelf, device, limit_bytes, lost, .. } = &mut *state;
        let done = match (kernels(pass.stage()), &mut *device) {
            (Err(unfit), _) => {
                note.leave(tasks, Why::Unfit(unfit));
                pass.on_threads(0..tasks).map(|()| None)
            }
            (Ok(_), None) => {
                let unknown = GpuError::Call { what: "an earlier run", code: 0 };
                note.leave(tasks, Why::Failed(lost.clone().unwrap_or(unknown)));
                pass.on_threads(0..tasks).map(|()| None)
            }
            (Ok(kernels), Some(device)) => {
                let limit_bytes = *limit_bytes;
                device.took();
                let (note, kernels, stock) = (&mut note, &kernels, Stock::default());
                let mut flight = Flight { device, shelf, stock, note, pass, kernels, limit_bytes };
                let done = flight.fly().map_err(|stop| match stop {
                    Stop::Run(error) => error,
                    Stop::Device(error) => RunError::Elsewhere { code: error.code(), cause: Box::new(error) },
                });
                note.took = device.took();
                (note.kernels, note.registers) = compiled(device, &kernels);
                done
            }
        };
        if let Ok(Some(error)) = &done {
            state.shelf.clear();
            (state.device, state.lost) = (None, Some(error.clone()));
        }
        state.notes.push(note);
        done.map(drop)
    }
}
