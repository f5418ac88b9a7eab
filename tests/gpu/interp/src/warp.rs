//! The registers of 32 lanes, and the groups of lanes that stand at the same instruction.

use crate::{
    decode::Kernel,
    error::FaultKind,
    op::{Guard, Slot, Special},
    semantics::Lanes,
    shared::{Bytes, Thread},
};

/// What went wrong, in which lane.
pub(crate) struct Trouble {
    pub(crate) lane: u32,
    pub(crate) kind: FaultKind,
}

impl Trouble {
    pub(crate) fn at<T>(lanes: u32, kind: FaultKind) -> Result<T, Self> {
        Err(Self { lane: lanes.trailing_zeros().min(31), kind })
    }
}

/// Lanes that run together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) next: usize,
    pub(crate) lanes: u32,
    /// Whether it waits for lanes of other groups.
    pub(crate) waits: bool,
}

/// The place of a warp's threads in the grid.
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) block: [u32; 3],
    pub(crate) grid: [u32; 3],
    pub(crate) threads: [u32; 3],
    pub(crate) warp: u32,
    pub(crate) dynamic_shared: u32,
    pub(crate) total_shared: u32,
}

impl Seat {
    pub(crate) fn count(&self) -> u32 {
        self.threads.iter().product()
    }

    pub(crate) fn thread(&self, lane: u32) -> [u32; 3] {
        let (flat, [x, y, _]) = (self.warp * 32 + lane, self.threads);
        [flat % x, flat / x % y, flat / x / y]
    }

    fn special(&self, special: Special, lane: u32) -> u64 {
        match special {
            Special::Thread(axis) => self.thread(lane)[axis].into(),
            Special::Threads(axis) => self.threads[axis].into(),
            Special::Block(axis) => self.block[axis].into(),
            Special::Blocks(axis) => self.grid[axis].into(),
            Special::Lane => lane.into(),
            Special::Warp => self.warp.into(),
            Special::Warps => self.count().div_ceil(32).into(),
            Special::Lanes(order) => order.mask(lane as usize),
            Special::DynamicShared => self.dynamic_shared.into(),
            Special::TotalShared => self.total_shared.into(),
        }
    }
}

pub(crate) struct Warp {
    pub(crate) seat: Seat,
    registers: Vec<Lanes>,
    written: Vec<u32>,
    /// Lanes whose value the language leaves open.
    open: Vec<u32>,
    /// Lanes that stand for threads of the block.
    pub(crate) all: u32,
    /// Those that did not return.
    pub(crate) live: u32,
    /// In the order of their next instructions.
    pub(crate) groups: Vec<Group>,
    pub(crate) local: Vec<Bytes>,
    /// Barriers that the warp met by itself.
    pub(crate) epoch: u32,
}

impl Warp {
    pub(crate) fn new(kernel: &Kernel) -> Self {
        let slots = kernel.slots.len();
        let mut registers = vec![[0; 32]; slots];
        for &(slot, value) in &kernel.constants {
            registers[slot as usize] = [value; 32];
        }
        let seat = Seat { block: [0; 3], grid: [1; 3], threads: [1; 3], warp: 0, dynamic_shared: 0, total_shared: 0 };
        let (written, open) = (vec![0; slots], vec![0; slots]);
        Self { seat, registers, written, open, all: 0, live: 0, groups: Vec::new(), local: Vec::new(), epoch: 0 }
    }

    /// Puts the warp at the start of a kernel.
    pub(crate) fn start(&mut self, kernel: &Kernel, seat: Seat) {
        self.seat = seat;
        self.written.fill(0);
        self.open.fill(0);
        for &(slot, _) in &kernel.constants {
            self.written[slot as usize] = u32::MAX;
        }
        for &(slot, special) in &kernel.specials {
            self.registers[slot as usize] = std::array::from_fn(|lane| seat.special(special, lane as u32));
            self.written[slot as usize] = u32::MAX;
        }
        let threads = (seat.count() - seat.warp * 32).min(32);
        self.all = u32::MAX >> (32 - threads);
        self.live = self.all;
        self.groups = vec![Group { next: 0, lanes: self.all, waits: false }];
        self.local = vec![Bytes::new(kernel.local_bytes as usize); if kernel.local_bytes > 0 { 32 } else { 0 }];
    }

    /// A lane as shared memory knows it.
    pub(crate) fn thread(&self, lane: usize) -> Thread {
        Thread { warp: self.seat.warp, lane: lane as u32, epoch: self.epoch }
    }

    /// A register that these lanes wrote.
    pub(crate) fn read(&self, kernel: &Kernel, slot: Slot, lanes: u32) -> Result<&Lanes, Trouble> {
        match lanes & !self.written[slot as usize] {
            0 => Ok(&self.registers[slot as usize]),
            missing => Trouble::at(missing, FaultKind::UninitialisedRegister(kernel.slots[slot as usize].clone())),
        }
    }

    /// The same for values that decide something or leave the kernel.
    pub(crate) fn settled(&self, kernel: &Kernel, slot: Slot, lanes: u32) -> Result<&Lanes, Trouble> {
        match lanes & self.open[slot as usize] {
            0 => self.read(kernel, slot, lanes),
            open => Trouble::at(open, FaultKind::UndefinedValue(kernel.slots[slot as usize].clone())),
        }
    }

    /// Lanes of a register whose value is open.
    pub(crate) fn open(&self, slot: Slot) -> u32 {
        self.open[slot as usize]
    }

    pub(crate) fn write(&mut self, slot: Slot, value: &Lanes, lanes: u32, open: u32) {
        let register = &mut self.registers[slot as usize];
        if lanes == u32::MAX {
            *register = *value;
        } else {
            for lane in each(lanes) {
                register[lane] = value[lane];
            }
        }
        self.written[slot as usize] |= lanes;
        self.open[slot as usize] = self.open[slot as usize] & !lanes | open & lanes;
    }

    /// Those of the lanes that a guard lets through.
    pub(crate) fn passed(&self, kernel: &Kernel, guard: Option<Guard>, lanes: u32) -> Result<u32, Trouble> {
        let Some(Guard { slot, negated }) = guard else {
            return Ok(lanes);
        };
        let yes = mask_of(self.settled(kernel, slot, lanes)?);
        Ok(lanes & if negated { !yes } else { yes })
    }

    /// Puts a group back; groups at the same instruction join, and then nobody in them waits.
    pub(crate) fn join(&mut self, group: Group) {
        if group.lanes == 0 {
            return;
        }
        let at = self.groups.partition_point(|other| other.next < group.next);
        match self.groups.get_mut(at) {
            Some(other) if other.next == group.next => {
                other.lanes |= group.lanes;
                other.waits = false;
            }
            _ => self.groups.insert(at, group),
        }
    }
}

/// The lanes of a mask in order.
pub(crate) fn each(lanes: u32) -> impl Iterator<Item = usize> {
    let mut left = lanes;
    std::iter::from_fn(move || {
        let lane = (left != 0).then(|| left.trailing_zeros() as usize)?;
        left &= left - 1;
        Some(lane)
    })
}

/// The lanes whose lowest bit is set.
pub(crate) fn mask_of(register: &Lanes) -> u32 {
    register.iter().enumerate().fold(0, |mask, (lane, value)| mask | ((*value & 1) as u32) << lane)
}
