//! Parts of arrays on a device.

use crate::device::{Device, Memory};
use crate::emit::{Load, Placed};
use crate::error::GpuError;
use crate::resident::Resident;
use crate::ring::Ring;
use cleave_cpu::Pass;
use cleave_graph::SourceId;
use cleave_ops::Region;
use cleave_plan::{Origin, RunError};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// Bytes that a thread reads at once.
const READ_BYTES: usize = 512 << 10;

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The run ends.
    Run(RunError),
    /// The device does not do it.
    Device(GpuError),
}

impl From<RunError> for Stop {
    fn from(error: RunError) -> Self {
        Stop::Run(error)
    }
}

impl From<GpuError> for Stop {
    fn from(error: GpuError) -> Self {
        Stop::Device(error)
    }
}

/// What stays on a device from stage to stage.
#[derive(Default)]
pub(crate) struct Shelf {
    /// Copies of what exists elsewhere.
    parts: BTreeMap<Origin, (Region, Memory)>,
    /// What was made there and is nowhere else, as long as somebody has it.
    kept: BTreeMap<SourceId, Weak<Resident>>,
}

impl Shelf {
    /// Where a part of an array lies, if it is there.
    pub(crate) fn find(&self, origin: Origin, wanted: &Region) -> Option<Placed> {
        let copy = self.parts.get(&origin).filter(|(region, _)| holds(region, wanted));
        if let Some((region, memory)) = copy {
            return Some(placed(region, memory));
        }
        let Origin::Stored(id) = origin else { return None };
        self.kept.get(&id)?.upgrade()?.placed()
    }

    /// An array that was made there is known by that name.
    pub(crate) fn adopt(&mut self, id: SourceId, array: &Arc<Resident>) {
        self.kept.retain(|_, array| array.strong_count() > 0);
        self.kept.insert(id, Arc::downgrade(array));
    }

    /// Puts parts of arrays there, and forgets all others that would make them more than so many bytes. Gives how many
    /// bytes were copied.
    pub(crate) fn keep(
        &mut self,
        (device, pass): (&mut Device, &Pass<'_>),
        wanted: &BTreeMap<Origin, (&Load, Region)>,
        most_bytes: u64,
    ) -> Result<u64, Stop> {
        let missing: u64 = wanted.iter().filter(|(o, (_, r))| self.find(**o, r).is_none()).map(|(_, w)| bytes(w)).sum();
        if self.bytes(wanted) + missing > most_bytes {
            self.parts.retain(|origin, _| wanted.contains_key(origin));
        }
        for (&origin, (load, region)) in wanted {
            if self.find(origin, region).is_none() {
                self.parts.remove(&origin);
                let memory = upload((&mut *device, pass), load, region)?;
                self.parts.insert(origin, (region.clone(), memory));
            }
        }
        Ok(missing)
    }

    /// Gives memory back: that of copies, or where there are none that of what is nowhere else, which comes home before.
    pub(crate) fn clear(&mut self) {
        if self.parts.is_empty() {
            for array in std::mem::take(&mut self.kept).into_values().filter_map(|array| array.upgrade()) {
                let failed = |_| array.lose(&GpuError::Call { what: "copying from the device", code: 0 });
                array.come_home().unwrap_or_else(failed);
            }
        }
        self.parts.clear();
    }

    /// The device failed: what is nowhere else is lost.
    pub(crate) fn lose(&mut self, error: &GpuError) {
        self.parts.clear();
        std::mem::take(&mut self.kept).into_values().filter_map(|array| array.upgrade()).for_each(|a| a.lose(error));
    }

    /// Gives the memory of all but some arrays back.
    pub(crate) fn keep_only(&mut self, stays: &dyn Fn(&Origin) -> bool) {
        self.parts.retain(|origin, _| stays(origin));
    }

    /// Bytes of all that is there.
    pub(crate) fn held_bytes(&self) -> u64 {
        let kept = self.kept.values().filter_map(Weak::upgrade).filter(|array| array.is_on_card());
        let copies = self.parts.values().map(|(_, memory)| memory.nbytes() as u64);
        copies.chain(kept.map(|array| array.nbytes() as u64)).sum()
    }

    /// Bytes of what is there and stays when those come.
    fn bytes(&self, wanted: &BTreeMap<Origin, (&Load, Region)>) -> u64 {
        let stays = |origin: &Origin, region: &Region| wanted.get(origin).is_none_or(|(_, w)| holds(region, w));
        self.parts.iter().filter(|(o, (r, _))| stays(o, r)).map(|(_, (_, memory))| memory.nbytes() as u64).sum()
    }
}

/// Bytes of a part of an array.
pub(crate) fn bytes((load, region): &(&Load, Region)) -> u64 {
    region.size() as u64 * load.dtype.size() as u64
}

/// Copies a part of an array to the device, row-major; it is there for what is launched from now on.
pub(crate) fn upload((device, pass): (&mut Device, &Pass<'_>), load: &Load, region: &Region) -> Result<Memory, Stop> {
    let memory = device.room_to_send(region.size() * load.dtype.size())?;
    let mut ring = std::mem::take(&mut device.ring);
    let sent = send((device, pass), (load, region), &mut ring, &memory);
    device.ring = ring;
    // Whatever happened, the memory must not be given back before what was sent is there.
    device.arrived()?;
    sent.map(|()| memory)
}

/// Sends a part of an array, slot after slot.
fn send(
    (device, pass): (&Device, &Pass<'_>),
    (load, region): (&Load, &Region),
    ring: &mut Ring,
    memory: &Memory,
) -> Result<(), Stop> {
    let (size, form) = (load.dtype.size(), (load.origin, &load.shape, load.dtype));
    let slot_bytes = ring.fit(device, region.size() * size)?;
    let mut at = 0;
    for part in cut(region, slot_bytes / size) {
        pass.visited(0)?;
        let (slot, len) = (ring.turn(), part.size() * size);
        let mut rest = &mut slot.bytes()?[..len];
        let mut reads = vec![];
        for one in cut(&part, READ_BYTES / size) {
            let (bytes, more) = rest.split_at_mut(one.size() * size);
            reads.push((one, bytes));
            rest = more;
        }
        pass.fill(form, reads)?;
        device.send(slot, len, (memory, at))?;
        at += len;
    }
    Ok(())
}

/// A part of an array that lies row-major in memory.
pub(crate) fn placed(region: &Region, memory: &Memory) -> Placed {
    Placed::dense(memory.address(), &region.start, &region.len)
}

/// Whether a region holds all of a part.
pub(crate) fn holds(region: &Region, part: &Region) -> bool {
    let ends = region.ends().zip(part.ends());
    region.start.iter().zip(&part.start).all(|(a, b)| a <= b) && ends.into_iter().all(|(a, b)| a >= b)
}

/// A region in parts of at most so many elements, each of which is one run of it, row-major.
fn cut(region: &Region, most: usize) -> Vec<Region> {
    let Some(axis) = (0..region.len.ndim()).find(|&axis| region.len[axis] > 1) else { return vec![region.clone()] };
    if region.size() <= most {
        return vec![region.clone()];
    }
    let inner: usize = region.len[axis + 1..].iter().product();
    let rows = (most / inner).max(1);
    let part = |first: usize| {
        let mut part = region.clone();
        part.start[axis] += first;
        part.len = region.len.with(axis, rows.min(region.len[axis] - first));
        part
    };
    (0..region.len[axis]).step_by(rows).flat_map(|first| cut(&part(first), most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_ops::Shape;

    #[test]
    fn parts_follow_each_other() {
        let region = Region { start: [2, 3, 5].into_iter().collect(), len: Shape::new([4, 7, 6]) };
        for most in [1, 5, 6, 20, 42, 100, 1000] {
            let (mut next, strides) = (0, region.len.strides());
            for part in cut(&region, most) {
                let inside = part.start.iter().zip(&region.start).map(|(a, b)| a - b);
                assert_eq!(inside.zip(&strides).map(|(i, s)| i * s).sum::<usize>(), next);
                assert!(part.size() <= most);
                next += part.size();
            }
            assert_eq!(next, region.size());
        }
    }
}
