//! Loads, stores and atomics of a group of lanes, lane after lane.

use crate::{
    decode::{LOCAL_WINDOW, SHARED_WINDOW},
    error::{FaultKind, MemoryError},
    execute::Machine,
    op::{Access, Change, Slot},
    semantics::{Lanes, integer::signed},
    syntax::Space,
    warp::{Trouble, Warp, each},
};

/// One element of an access by one lane.
struct Element {
    lane: usize,
    space: Space,
    address: u64,
    width: u64,
}

fn fault(lane: usize) -> impl Fn(MemoryError) -> Trouble {
    move |error| Trouble { lane: lane as u32, kind: FaultKind::Memory(error) }
}

/// The elements of a lane's access; a vector is aligned as a whole.
fn elements(access: &Access, base: u64, lane: usize, count: usize) -> Result<impl Iterator<Item = Element>, Trouble> {
    let whole = base.wrapping_add(access.offset);
    let width = access.width;
    let (space, address) = match access.space {
        Space::Generic if whole & LOCAL_WINDOW != 0 => (Space::Local, whole & !LOCAL_WINDOW),
        Space::Generic if whole & SHARED_WINDOW != 0 => (Space::Shared, whole & !SHARED_WINDOW),
        Space::Shared | Space::Local => (access.space, whole & 0xffff_ffff),
        space => (space, whole),
    };
    let bytes = width * count as u64;
    if !address.is_multiple_of(bytes) {
        return Err(fault(lane)(MemoryError::Misaligned { address, width: bytes }));
    }
    Ok((0..count as u64).map(move |at| Element { lane, space, address: address + at * width, width }))
}

pub(crate) fn load(w: &mut Warp, m: &mut Machine, access: &Access, goals: &[Slot], lanes: u32) -> Result<(), Trouble> {
    let base = *w.settled(m.kernel, access.base, lanes)?;
    let mut found: [Lanes; 4] = [[0; 32]; 4];
    for lane in each(lanes) {
        for (at, element) in elements(access, base[lane], lane, goals.len())?.enumerate() {
            let value = read(w, m, &element, access.read_only).map_err(fault(lane))?;
            found[at][lane] = match access.sign {
                Some((bits, mask)) => signed(value, bits) as u64 & mask,
                None => value,
            };
        }
    }
    for (goal, value) in goals.iter().zip(&found) {
        w.write(*goal, value, lanes, 0);
    }
    Ok(())
}

fn read(warp: &Warp, machine: &mut Machine, element: &Element, read_only: bool) -> Result<u64, MemoryError> {
    let Element { lane, address, width, .. } = *element;
    match element.space {
        Space::Shared => machine.shared.load(address, width, warp.thread(lane)),
        Space::Local => match warp.local.get(lane) {
            Some(local) => local.load(address, width),
            None => Err(MemoryError::OutOfBounds { address, bytes: width }),
        },
        Space::Param => param(machine.params, address, width),
        Space::Global | Space::Constant | Space::Generic => {
            machine.stats.loaded_bytes += width;
            machine.memory.load(address, width, read_only)
        }
    }
}

fn param(params: &[u8], address: u64, width: u64) -> Result<u64, MemoryError> {
    let bytes = usize::try_from(address).ok().and_then(|at| params.get(at..at.checked_add(width as usize)?));
    let bytes = bytes.ok_or(MemoryError::OutOfBounds { address, bytes: width })?;
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    Ok(u64::from_le_bytes(word))
}

pub(crate) fn store(w: &mut Warp, m: &mut Machine, access: &Access, from: &[Slot], lanes: u32) -> Result<(), Trouble> {
    let base = *w.settled(m.kernel, access.base, lanes)?;
    let mut values: [Lanes; 4] = [[0; 32]; 4];
    for (value, slot) in values.iter_mut().zip(from) {
        *value = *w.settled(m.kernel, *slot, lanes)?;
    }
    for lane in each(lanes) {
        for (at, element) in elements(access, base[lane], lane, from.len())?.enumerate() {
            write(w, m, &element, values[at][lane]).map_err(fault(lane))?;
        }
    }
    Ok(())
}

fn write(warp: &mut Warp, machine: &mut Machine, element: &Element, value: u64) -> Result<(), MemoryError> {
    let Element { lane, address, width, .. } = *element;
    match element.space {
        Space::Shared => machine.shared.store(address, width, value, warp.thread(lane)),
        Space::Local => match warp.local.get_mut(lane) {
            Some(local) => local.store(address, width, value),
            None => Err(MemoryError::OutOfBounds { address, bytes: width }),
        },
        Space::Param | Space::Constant => Err(MemoryError::Constant { address }),
        Space::Global | Space::Generic => {
            machine.stats.stored_bytes += width;
            machine.memory.store(address, width, value)
        }
    }
}

pub(crate) fn atomic(
    w: &mut Warp,
    m: &mut Machine,
    access: &Access,
    to: Option<Slot>,
    [a, b]: [Slot; 2],
    change: &Change,
    lanes: u32,
) -> Result<(), Trouble> {
    let base = *w.settled(m.kernel, access.base, lanes)?;
    let (a, b) = (*w.settled(m.kernel, a, lanes)?, *w.settled(m.kernel, b, lanes)?);
    let mut old = [0; 32];
    for lane in each(lanes) {
        for element in elements(access, base[lane], lane, 1)? {
            let new = |old| change(old, a[lane], b[lane]);
            old[lane] = exchange(m, &element, new).map_err(fault(lane))?;
        }
    }
    if let Some(to) = to {
        w.write(to, &old, lanes, 0);
    }
    Ok(())
}

fn exchange(m: &mut Machine, element: &Element, change: impl FnOnce(u64) -> u64) -> Result<u64, MemoryError> {
    let Element { address, width, .. } = *element;
    match element.space {
        Space::Shared => m.shared.exchange(address, width, change),
        Space::Global | Space::Generic => {
            let old = m.memory.load(address, width, false)?;
            m.memory.store(address, width, change(old))?;
            Ok(old)
        }
        Space::Local | Space::Param | Space::Constant => Err(MemoryError::OutOfBounds { address, bytes: width }),
    }
}
