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

/// Memory of a block, which also knows who used a byte since the last barrier.
pub(crate) struct Shared {
    bytes: Bytes,
    uses: Vec<Use>,
    epoch: u32,
}

#[derive(Clone, Copy, Default)]
struct Use {
    written_in: u32,
    writer: u32,
    read_in: u32,
    /// The reader, or `MANY`.
    reader: u32,
}

const MANY: u32 = u32::MAX;

impl Shared {
    pub(crate) fn new(len: usize) -> Self {
        Self { bytes: Bytes::new(len), uses: vec![Use::default(); len], epoch: 1 }
    }

    /// All threads of the block met.
    pub(crate) fn barrier(&mut self) {
        self.epoch += 1;
    }

    pub(crate) fn load(&mut self, address: u64, width: u64, warp: u32) -> Result<u64, MemoryError> {
        let value = self.bytes.load(address, width)?;
        let epoch = self.epoch;
        for (byte, mark) in self.marks(address, width) {
            if mark.written_in == epoch && mark.writer != warp {
                return Err(MemoryError::Race { address: byte, warps: [mark.writer, warp] });
            }
            let many = mark.read_in == epoch && mark.reader != warp;
            (mark.read_in, mark.reader) = (epoch, if many { MANY } else { warp });
        }
        Ok(value)
    }

    pub(crate) fn store(&mut self, address: u64, width: u64, value: u64, warp: u32) -> Result<(), MemoryError> {
        self.bytes.store(address, width, value)?;
        let epoch = self.epoch;
        for (byte, mark) in self.marks(address, width) {
            let others = [(mark.written_in, mark.writer), (mark.read_in, mark.reader)];
            if let Some((_, other)) = others.into_iter().find(|(then, who)| *then == epoch && *who != warp) {
                return Err(MemoryError::Race { address: byte, warps: [other, warp] });
            }
            (mark.written_in, mark.writer) = (epoch, warp);
        }
        Ok(())
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

    fn marks(&mut self, address: u64, width: u64) -> impl Iterator<Item = (u64, &mut Use)> {
        (address..).zip(&mut self.uses[address as usize..(address + width) as usize])
    }
}
