//! When work runs, and what it does.

use std::time::Instant;

use cleave_gpu_interp::{Launch, Order, launch};

use crate::{
    code::{Code, Outcome, of_fault, of_memory},
    device::ordinal_of,
    ffi::host,
    state::Driver,
    stream::{Handle, KernelCall, Ticket, Work},
};

impl Driver {
    /// Runs all work of a stream, and what that waits for.
    pub(crate) fn drain(&mut self, stream: Handle) -> Outcome {
        while self.advance(stream)? {}
        self.streams.retain(|_, stream| !stream.gone || !stream.queue.is_empty());
        Ok(())
    }

    /// Runs the next work of a stream; false if there is none.
    pub(crate) fn advance(&mut self, handle: Handle) -> Result<bool, Code> {
        let Some(stream) = self.streams.get_mut(&handle) else {
            return Ok(false);
        };
        let ordinal = stream.ordinal;
        let Some(work) = stream.queue.pop_front() else {
            return Ok(false);
        };
        self.run(ordinal, work)?;
        Ok(true)
    }

    /// Runs all work of a device, the youngest stream first: nobody promised another order.
    pub(crate) fn drain_device(&mut self, ordinal: usize) -> Outcome {
        let of_device =
            |(handle, stream): (&Handle, &crate::stream::Stream)| (stream.ordinal == ordinal).then_some(*handle);
        let streams: Vec<Handle> = self.streams.iter().rev().filter_map(of_device).collect();
        streams.into_iter().try_for_each(|stream| self.drain(stream))?;
        self.devices[ordinal].dead.map_or(Ok(()), Err)
    }

    /// Runs work until a recording is reached.
    pub(crate) fn drain_until(&mut self, ticket: Ticket) -> Outcome {
        while let Some(recording) = self.recordings.get(&ticket)
            && recording.reached.is_none()
        {
            if !self.advance(recording.stream)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Runs one piece of work. What fails in it kills the context, as on a device that is too far on to ask.
    pub(crate) fn run(&mut self, ordinal: usize, work: Work) -> Outcome {
        let mark = matches!(work, Work::Record(_) | Work::Wait(_));
        if self.devices[ordinal].dead.is_some() && !mark {
            return Ok(());
        }
        if let Err(code) = self.perform(ordinal, work) {
            self.devices[ordinal].dead.get_or_insert(code);
        }
        Ok(())
    }

    fn perform(&mut self, ordinal: usize, work: Work) -> Outcome {
        match work {
            Work::Kernel(call) => self.kernel(ordinal, &call),
            Work::Put { to, bytes } => self.host_write(to, &bytes),
            Work::FromHost { to, from } => self.host_write(to, &host::read(from)),
            Work::ToHost { to, from } => {
                let mut bytes = vec![0; to.len];
                self.device_of(from)?.memory.read(from, &mut bytes).map_err(|_| Code::ILLEGAL_ADDRESS)?;
                host::write(to, &bytes);
                Ok(())
            }
            Work::Copy { to, from, len } => {
                let carried = self.device_of(from)?.memory.snapshot(from, len).map_err(|_| Code::ILLEGAL_ADDRESS)?;
                self.device_of(to)?.memory.put(to, &carried).map_err(|_| Code::ILLEGAL_ADDRESS)
            }
            Work::Fill { to, pattern, count } => {
                self.device_of(to)?.memory.fill(to, &pattern, count).map_err(|_| Code::ILLEGAL_ADDRESS)
            }
            Work::Free { address } => self.device_of(address)?.memory.free(address).map_err(of_memory),
            Work::Record(ticket) => {
                if let Some(recording) = self.recordings.get_mut(&ticket) {
                    recording.reached = Some(Instant::now());
                }
                Ok(())
            }
            Work::Wait(ticket) => self.drain_until(ticket),
            Work::Call { function, argument } => {
                host::call(function, argument);
                Ok(())
            }
        }
    }

    fn host_write(&mut self, to: u64, bytes: &[u8]) -> Outcome {
        self.device_of(to)?.memory.write(to, bytes).map_err(|_| Code::ILLEGAL_ADDRESS)
    }

    fn kernel(&mut self, ordinal: usize, call: &KernelCall) -> Outcome {
        let settings = self.settings()?;
        let order = if settings.reverse { Order::Reverse } else { Order::Forward };
        let KernelCall { grid, block, shared_bytes, .. } = *call;
        let how = Launch { grid, block, shared_bytes, params: &call.params, order, budget: settings.budget };
        let kernel = &call.module.kernels()[call.kernel];
        match launch(kernel, &how, &mut self.devices[ordinal].memory) {
            Ok(_) => Ok(()),
            Err(fault) => {
                tell(&fault);
                Err(of_fault(&fault.kind))
            }
        }
    }

    /// Checks that a range lies in one allocation, which calls refuse at once.
    pub(crate) fn check_range(&mut self, address: u64, len: u64) -> Outcome {
        let (start, bytes) = self.device_of(address)?.memory.range_of(address).ok_or(Code::INVALID_VALUE)?;
        let inside = address - start + len <= bytes && ordinal_of(address).is_some();
        if inside { Ok(()) } else { Err(Code::INVALID_VALUE) }
    }
}

/// A driver has only a number for a fault; whoever looks for its cause reads this.
#[expect(clippy::print_stderr, reason = "there is no other way out of a library that stands for a driver")]
pub(crate) fn tell(what: &dyn std::fmt::Display) {
    eprintln!("stand-in driver: {what}");
}
