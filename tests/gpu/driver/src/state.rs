//! Everything the driver knows, behind one lock.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cleave_gpu_interp::Module;

use crate::{
    code::{Code, Outcome},
    device::{Device, ordinal_of},
    settings::Settings,
    stream::{Event, Handle, Recording, Stream, Ticket, Work},
};

/// Streams that are always there have the ordinal of their device behind this.
const DEFAULT_STREAMS: Handle = 0x100;
const FIRST_HANDLE: Handle = 0x1000;
const CONTEXTS: usize = 0xc000_0000;

#[derive(Default)]
pub(crate) struct Driver {
    settings: Option<Settings>,
    calls: HashMap<&'static str, u64>,
    all_calls: u64,
    pub(crate) devices: Vec<Device>,
    pub(crate) streams: BTreeMap<Handle, Stream>,
    pub(crate) events: HashMap<Handle, Event>,
    pub(crate) recordings: HashMap<Ticket, Recording>,
    pub(crate) modules: HashMap<Handle, Loaded>,
    pub(crate) functions: HashMap<Handle, Function>,
    /// Locked pages of the host by address, and who locked them.
    pub(crate) pinned: BTreeMap<usize, Pinned>,
    next: Handle,
}

pub(crate) struct Loaded {
    pub(crate) ordinal: usize,
    pub(crate) module: Arc<Module>,
}

#[derive(Clone, Copy)]
pub(crate) struct Function {
    pub(crate) module: Handle,
    pub(crate) kernel: usize,
    /// Bytes of shared memory that launches may ask for.
    pub(crate) most_dynamic: i32,
}

#[derive(Clone, Copy)]
pub(crate) struct Pinned {
    pub(crate) len: usize,
    pub(crate) flags: u32,
    /// Whether this library allocated them.
    pub(crate) own: bool,
}

static DRIVER: Mutex<Option<Driver>> = Mutex::new(None);

thread_local! {
    /// The stack of contexts of a thread.
    pub(crate) static CURRENT: std::cell::RefCell<Vec<usize>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Runs a call by its name: it may be one that is to fail.
pub(crate) fn call(name: &'static str, body: impl FnOnce(&mut Driver) -> Outcome) -> i32 {
    let mut guard: MutexGuard<Option<Driver>> = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
    let driver = guard.get_or_insert_default();
    let outcome = driver.count(name).and_then(|()| body(driver));
    outcome.map_or_else(|code| code, |()| Code::SUCCESS).0
}

impl Driver {
    /// Reads the settings and makes the devices; a second time changes nothing.
    pub(crate) fn initialise(&mut self, settings: Settings) -> Outcome {
        if self.settings.is_some() {
            return if self.devices.is_empty() { Err(Code::NO_DEVICE) } else { Ok(()) };
        }
        self.next = FIRST_HANDLE;
        self.devices = (0..settings.devices).map(|ordinal| Device::new(ordinal, 0, &settings)).collect();
        for ordinal in 0..settings.devices {
            self.add_default_stream(ordinal);
        }
        self.settings = Some(settings);
        self.count("cuInit")?;
        if self.devices.is_empty() { Err(Code::NO_DEVICE) } else { Ok(()) }
    }

    fn add_default_stream(&mut self, ordinal: usize) {
        let stream = Stream { ordinal, flags: 0, priority: 0, queue: Default::default(), gone: false };
        self.streams.insert(DEFAULT_STREAMS + ordinal as Handle, stream);
    }

    pub(crate) fn settings(&self) -> Result<&Settings, Code> {
        self.settings.as_ref().ok_or(Code::NOT_INITIALISED)
    }

    fn count(&mut self, name: &'static str) -> Outcome {
        let Some(settings) = &self.settings else {
            return Ok(());
        };
        self.all_calls += 1;
        let calls = self.calls.entry(name).or_default();
        *calls += 1;
        let is_this = |of: &str, count: u64| of == name && count == *calls || of == "*" && count == self.all_calls;
        let failure = settings.failures.iter().find(|failure| is_this(&failure.name, failure.count));
        let Some(code) = failure.map(|failure| Code(failure.code)) else {
            return Ok(());
        };
        if code.is_sticky()
            && let Ok(ordinal) = self.context()
        {
            self.devices[ordinal].dead = Some(code);
        }
        Err(code)
    }

    pub(crate) fn handle(&mut self) -> Handle {
        self.next += 1;
        self.next
    }

    pub(crate) fn device(&mut self, ordinal: i32) -> Result<&mut Device, Code> {
        self.settings()?;
        usize::try_from(ordinal).ok().and_then(|at| self.devices.get_mut(at)).ok_or(Code::INVALID_DEVICE)
    }

    /// The handle of a device's primary context.
    pub(crate) fn context_of(&self, ordinal: usize) -> usize {
        CONTEXTS + ((self.devices[ordinal].generation as usize) << 8) + ordinal
    }

    /// The device of a context that lives.
    pub(crate) fn ordinal_of_context(&self, context: usize) -> Result<usize, Code> {
        let ordinal = context.checked_sub(CONTEXTS).map(|rest| rest & 0xff).ok_or(Code::INVALID_CONTEXT)?;
        let lives = ordinal < self.devices.len() && self.devices[ordinal].owners > 0;
        if lives && self.context_of(ordinal) == context { Ok(ordinal) } else { Err(Code::INVALID_CONTEXT) }
    }

    /// The device of the thread's context, unless an error killed it.
    pub(crate) fn context(&self) -> Result<usize, Code> {
        self.settings()?;
        let current = CURRENT.with_borrow(|stack| stack.last().copied()).ok_or(Code::INVALID_CONTEXT)?;
        let ordinal = self.ordinal_of_context(current)?;
        self.devices[ordinal].dead.map_or(Ok(ordinal), Err)
    }

    /// Forgets everything of a device.
    pub(crate) fn reset(&mut self, ordinal: usize) -> Outcome {
        let settings = self.settings()?.clone();
        let device = &self.devices[ordinal];
        let threshold = device.release_threshold;
        self.devices[ordinal] = Device::new(ordinal, device.generation + 1, &settings);
        self.devices[ordinal].release_threshold = threshold;
        self.streams.retain(|_, stream| stream.ordinal != ordinal);
        self.events.retain(|_, event| event.ordinal != ordinal);
        self.modules.retain(|_, module| module.ordinal != ordinal);
        let modules = &self.modules;
        self.functions.retain(|_, function| modules.contains_key(&function.module));
        self.add_default_stream(ordinal);
        Ok(())
    }

    /// The stream of a handle; zero to two stand for the one that is always there.
    pub(crate) fn stream(&self, handle: Handle) -> Result<Handle, Code> {
        let ordinal = self.context()?;
        let handle = if handle <= 2 { DEFAULT_STREAMS + ordinal as Handle } else { handle };
        match self.streams.get(&handle) {
            Some(stream) if stream.ordinal == ordinal && !stream.gone => Ok(handle),
            _ => Err(Code::INVALID_HANDLE),
        }
    }

    /// The memory that an address belongs to.
    pub(crate) fn device_of(&mut self, address: u64) -> Result<&mut Device, Code> {
        ordinal_of(address).and_then(|at| self.devices.get_mut(at)).ok_or(Code::INVALID_VALUE)
    }

    /// Queues work, or runs it at once where nothing is deferred.
    pub(crate) fn enqueue(&mut self, stream: Handle, work: Work) -> Outcome {
        if !self.settings()?.deferred {
            return self.run(self.streams[&stream].ordinal, work);
        }
        self.keep_legacy_order(stream);
        self.push(stream, work);
        Ok(())
    }

    pub(crate) fn push(&mut self, stream: Handle, work: Work) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.queue.push_back(work);
        }
    }

    /// The default stream and those that were not made to ignore it wait for each other.
    fn keep_legacy_order(&mut self, handle: Handle) {
        let (ordinal, flags) = (self.streams[&handle].ordinal, self.streams[&handle].flags);
        let default = DEFAULT_STREAMS + ordinal as Handle;
        let waits_for = |(other, stream): (&Handle, &Stream)| {
            let related = *other != handle && stream.ordinal == ordinal && !stream.queue.is_empty();
            let ordered = if handle == default { stream.flags & 1 == 0 } else { flags & 1 == 0 && *other == default };
            (related && ordered).then_some(*other)
        };
        let before: Vec<Handle> = self.streams.iter().filter_map(waits_for).collect();
        for other in before {
            let ticket = self.record(other);
            self.push(other, Work::Record(ticket));
            self.push(handle, Work::Wait(ticket));
        }
    }

    /// A new recording in a stream.
    pub(crate) fn record(&mut self, stream: Handle) -> Ticket {
        let ticket = self.handle();
        self.recordings.insert(ticket, Recording { stream, reached: None });
        ticket
    }
}
