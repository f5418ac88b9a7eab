//! A ring of host memory through which arrays go to a device and results come back: while one part is on its way the next
//! ones are read, or those before are taken out, and kernels run meanwhile.

use crate::device::{Device, Memory, Slot};
use crate::error::GpuError;
use std::time::Duration;

/// Parts that may be on their way at once.
const SLOTS: usize = 4;
/// Bytes of a part: large enough that copies go at full speed, and what small arrays are content with.
const MOST_BYTES: usize = 8 << 20;
const LEAST_BYTES: usize = 64 << 10;

/// The slots of a device, each used again once it was copied.
#[derive(Default)]
pub(crate) struct Ring {
    slots: Vec<Slot>,
    next: usize,
    slot_bytes: usize,
}

impl Ring {
    /// Makes slots for so many bytes in all, as large as there is memory for. Gives how large they are.
    pub(crate) fn fit(&mut self, device: &Device, bytes: usize) -> Result<usize, GpuError> {
        let mut wanted = bytes.div_ceil(SLOTS).next_power_of_two().clamp(LEAST_BYTES, MOST_BYTES);
        while self.slot_bytes < wanted {
            (self.slots, self.slot_bytes) = (vec![], 0);
            match (0..SLOTS).map(|_| device.slot(wanted)).collect() {
                Ok(slots) => (self.slots, self.slot_bytes) = (slots, wanted),
                Err(GpuError::Call { .. }) if wanted > LEAST_BYTES => wanted /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(self.slot_bytes)
    }

    /// How long copying took since this was last asked; it waits for what is on its way.
    pub(crate) fn took(&mut self) -> Duration {
        self.slots.iter_mut().map(Slot::took).sum()
    }

    /// Copies bytes of memory that is ready, from its byte `at` on: while parts come back `copy` takes those before out of
    /// their slots. Gives whether that was done: few bytes, or a host without memory to lock, are not worth a slot.
    pub(crate) fn fetch(
        &mut self,
        device: &Device,
        (memory, at): (&Memory, usize),
        bytes: &mut [u8],
        copy: &dyn Fn(&mut [u8], &[u8]),
    ) -> Result<bool, GpuError> {
        if bytes.len() < LEAST_BYTES {
            return Ok(false);
        }
        let Ok(slot_bytes) = self.fit(device, bytes.len()) else { return Ok(false) };
        let done = self.parts(device, (memory, at), bytes.chunks_mut(slot_bytes).collect(), copy);
        // Whatever happened, the memory must not be given back while parts of it are on their way.
        device.landed()?;
        done.map(|()| true)
    }

    fn parts(
        &mut self,
        device: &Device,
        (memory, mut at): (&Memory, usize),
        mut parts: Vec<&mut [u8]>,
        copy: &dyn Fn(&mut [u8], &[u8]),
    ) -> Result<(), GpuError> {
        const AHEAD: usize = SLOTS - 1;
        for number in 0..parts.len() + AHEAD {
            if let Some(part) = parts.get(number) {
                device.bring(&mut self.slots[number % SLOTS], part.len(), (memory, at))?;
                at += part.len();
            }
            if let Some(before) = number.checked_sub(AHEAD) {
                let part = &mut *parts[before];
                let len = part.len();
                copy(part, &self.slots[before % SLOTS].bytes()?[..len]);
            }
        }
        Ok(())
    }

    /// The slot whose turn it is, of those that `fit` has made.
    pub(crate) fn turn(&mut self) -> &mut Slot {
        self.next = (self.next + 1) % self.slots.len();
        &mut self.slots[self.next]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cleave_gpu_driver::{SETTINGS, load};
    use std::process::Command;

    const CHILD: &str = "CLEAVE_GPU_RING_CHILD";
    const PART: usize = 1000;

    /// In a process of its own, whose driver does nothing before something waits for it.
    #[test]
    fn what_was_sent_is_there_once_it_arrived_and_not_before() {
        if std::env::var_os(CHILD).is_some() {
            return sent_and_arrived();
        }
        let name = "ring::tests::what_was_sent_is_there_once_it_arrived_and_not_before";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let child = child.args([name, "--exact"]).env(SETTINGS, "deferred").env(CHILD, "1").output().unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && text.contains("1 passed"), "{text}");
    }

    fn sent_and_arrived() {
        load().unwrap();
        let (device, mut ring) = (Device::open(0).unwrap(), Ring::default());
        let parts = SLOTS + 2;
        let memory = device.room_to_send(parts * PART).unwrap();
        ring.fit(&device, parts * PART).unwrap();
        let expected: Vec<u8> = (0..parts * PART).map(|i| (i / PART) as u8 + 1).collect();
        for (part, bytes) in expected.chunks(PART).enumerate() {
            let slot = ring.turn();
            slot.bytes().unwrap()[..PART].copy_from_slice(bytes);
            device.send(slot, PART, (&memory, part * PART)).unwrap();
        }
        let mut found = vec![0; parts * PART];
        device.read(&memory, &mut found).unwrap();
        assert!(found != expected, "copies wait until somebody waits for them");
        device.arrived().unwrap();
        device.read(&memory, &mut found).unwrap();
        assert!(found == expected);
    }
}
