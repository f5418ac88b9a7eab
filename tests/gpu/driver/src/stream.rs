//! Work of a device and the queues it waits in.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use cleave_gpu_interp::Module;

/// The handle of a stream, event, module or kernel; zero is the stream that is always there.
pub(crate) type Handle = u64;

/// The number of one recording of an event.
pub(crate) type Ticket = u64;

pub(crate) struct Stream {
    pub(crate) ordinal: usize,
    pub(crate) flags: u32,
    pub(crate) priority: i32,
    pub(crate) queue: VecDeque<Work>,
    /// Destroyed, but its work goes on.
    pub(crate) gone: bool,
}

pub(crate) struct Event {
    pub(crate) ordinal: usize,
    pub(crate) flags: u32,
    pub(crate) last: Option<Ticket>,
}

/// One recording: where it was queued, and when it was reached.
pub(crate) struct Recording {
    pub(crate) stream: Handle,
    pub(crate) reached: Option<Instant>,
}

/// Bytes of the host that outlive the call which named them: locked pages, or what the caller promised to keep.
#[derive(Clone, Copy)]
pub(crate) struct HostRange {
    pub(crate) address: usize,
    pub(crate) len: usize,
}

/// A kernel with all that its launch needs.
pub(crate) struct KernelCall {
    pub(crate) module: Arc<Module>,
    pub(crate) kernel: usize,
    pub(crate) grid: [u32; 3],
    pub(crate) block: [u32; 3],
    pub(crate) shared_bytes: u32,
    pub(crate) params: Vec<u8>,
}

pub(crate) enum Work {
    Kernel(KernelCall),
    /// Bytes that were staged when the call was made.
    Put {
        to: u64,
        bytes: Vec<u8>,
    },
    FromHost {
        to: u64,
        from: HostRange,
    },
    ToHost {
        to: HostRange,
        from: u64,
    },
    Copy {
        to: u64,
        from: u64,
        len: u64,
    },
    Fill {
        to: u64,
        pattern: Vec<u8>,
        count: usize,
    },
    Free {
        address: u64,
    },
    Record(Ticket),
    Wait(Ticket),
    Call {
        function: usize,
        argument: usize,
    },
}
