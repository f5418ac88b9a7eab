//! Memory of a block and of a thread.

use crate::error::MemoryError;

/// Memory of one thread.
#[derive(Clone)]
pub(crate) struct Bytes {
    bytes: Vec<u8>,
    written: Vec<bool>,
}

impl Bytes {
    pub(crate) fn new(len: usize) -> Self {
        Self { bytes: vec![0; len], written: vec![false; len] }
    }

    pub(crate) fn load(&self, address: u64, width: u64) -> Result<u64, MemoryError> {
        let range = self.range(address, width)?;
        if let Some(byte) = self.written[range.clone()].iter().position(|written| !written) {
            return Err(MemoryError::Uninitialised { address: address + byte as u64 });
        }
        let mut word = [0; 8];
        word[..width as usize].copy_from_slice(&self.bytes[range]);
        Ok(u64::from_le_bytes(word))
    }

    pub(crate) fn store(&mut self, address: u64, width: u64, value: u64) -> Result<(), MemoryError> {
        let range = self.range(address, width)?;
        self.written[range.clone()].fill(true);
        self.bytes[range].copy_from_slice(&value.to_le_bytes()[..width as usize]);
        Ok(())
    }

    fn range(&self, address: u64, width: u64) -> Result<std::ops::Range<usize>, MemoryError> {
        if !address.is_multiple_of(width) {
            return Err(MemoryError::Misaligned { address, width });
        }
        match address.checked_add(width) {
            Some(end) if end <= self.bytes.len() as u64 => Ok(address as usize..end as usize),
            _ => Err(MemoryError::OutOfBounds { address, bytes: width }),
        }
    }
}

/// Memory of a block, which also knows which thread used a byte since the last barrier.
pub(crate) struct Shared {
    bytes: Bytes,
    uses: Vec<[Use; 2]>,
    epoch: u32,
}

/// A thread, and how many barriers its warp met by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) warp: u32,
    pub(crate) lane: u32,
    pub(crate) epoch: u32,
}

impl Thread {
    fn number(self) -> u32 {
        self.warp * 32 + self.lane
    }
}

/// The last thread that did something to a byte.
#[derive(Clone, Copy, Default)]
struct Use {
    thread: Thread,
    /// The barriers that the block met before.
    epoch: u32,
    /// Whether other lanes of the warp did the same since its last barrier, or threads of other warps.
    many: Many,
}

#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
enum Many {
    #[default]
    One,
    Lanes,
    Warps,
}

const WRITE: usize = 0;
const READ: usize = 1;

impl Use {
    /// Whether nothing stands between this and what a thread does now.
    fn meets(&self, thread: Thread, epoch: u32) -> bool {
        let same_warp = self.thread.warp == thread.warp && self.many != Many::Warps;
        let other_lane = self.thread.lane != thread.lane || self.many == Many::Lanes;
        self.epoch == epoch && if same_warp { self.thread.epoch == thread.epoch && other_lane } else { true }
    }

    fn mark(&mut self, thread: Thread, epoch: u32) {
        let with = match (self.epoch == epoch, self.thread.warp == thread.warp) {
            (false, _) => Many::One,
            (true, false) => Many::Warps,
            (true, true) if self.thread.epoch != thread.epoch && self.many != Many::Warps => Many::One,
            (true, true) if self.thread.lane == thread.lane => self.many,
            (true, true) => self.many.max_of(Many::Lanes),
        };
        *self = Self { thread, epoch, many: with };
    }
}

impl Many {
    fn max_of(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
}

impl Shared {
    pub(crate) fn new(len: usize) -> Self {
        Self { bytes: Bytes::new(len), uses: vec![[Use::default(); 2]; len], epoch: 1 }
    }

    /// All threads of the block met.
    pub(crate) fn barrier(&mut self) {
        self.epoch += 1;
    }

    pub(crate) fn load(&mut self, address: u64, width: u64, thread: Thread) -> Result<u64, MemoryError> {
        let value = self.bytes.load(address, width)?;
        self.touch(address, width, thread, READ)?;
        Ok(value)
    }

    pub(crate) fn store(&mut self, address: u64, width: u64, value: u64, thread: Thread) -> Result<(), MemoryError> {
        self.bytes.store(address, width, value)?;
        self.touch(address, width, thread, WRITE)
    }

    /// Reads and writes in one step, which races with nothing.
    pub(crate) fn exchange(
        &mut self,
        address: u64,
        width: u64,
        change: impl FnOnce(u64) -> u64,
    ) -> Result<u64, MemoryError> {
        let old = self.bytes.load(address, width)?;
        self.bytes.store(address, width, change(old))?;
        Ok(old)
    }

    /// Marks what a thread does. A read races with writes, a write with reads and with writes of other warps: which of
    /// the lanes of one warp writes last is a matter of taste, not of time.
    fn touch(&mut self, address: u64, width: u64, thread: Thread, how: usize) -> Result<(), MemoryError> {
        let epoch = self.epoch;
        for (byte, uses) in (address..).zip(&mut self.uses[address as usize..(address + width) as usize]) {
            let other_way = uses[1 - how].meets(thread, epoch).then_some(uses[1 - how].thread);
            let same_way = (how == WRITE && uses[WRITE].meets(thread, epoch)).then_some(uses[WRITE].thread);
            if let Some(other) = other_way.or(same_way.filter(|other| other.warp != thread.warp)) {
                return Err(MemoryError::Race { address: byte, threads: [other.number(), thread.number()] });
            }
            uses[how].mark(thread, epoch);
        }
        Ok(())
    }
}
