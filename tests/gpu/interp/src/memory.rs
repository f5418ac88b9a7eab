//! Memory of a device: allocations whose bytes know whether they were written.

use crate::error::MemoryError;

const ALIGN: u64 = 512;
/// Addresses that belong to nobody behind each allocation.
const GAP: u64 = 4096;

const WRITTEN: u8 = 1;
/// Written by the launch that runs.
const FRESH: u8 = 2;
/// Read through the read-only cache by the launch that runs.
const READ_ONLY: u8 = 4;

/// What a read of bytes that nobody wrote gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninitialised {
    /// An error.
    Reject,
    /// The byte that fresh memory is filled with.
    Poison,
}

/// The memory of one device. Addresses are never used twice, so that a freed one is known for what it is.
#[derive(Debug)]
pub struct Memory {
    allocations: Vec<Allocation>,
    next: u64,
    used: u64,
    limit: u64,
    last: usize,
    uninitialised: Uninitialised,
    poison: u8,
}

#[derive(Debug)]
struct Allocation {
    base: u64,
    len: u64,
    bytes: Vec<u8>,
    marks: Vec<u8>,
    freed: bool,
    constant: bool,
    touched: bool,
}

/// Bytes with the knowledge which of them were written.
#[derive(Clone, Debug)]
pub struct Snapshot {
    bytes: Vec<u8>,
    marks: Vec<u8>,
}

impl Memory {
    /// Empty memory whose addresses begin at `base` and whose allocations together stay within `limit` bytes.
    pub fn new(base: u64, limit: u64) -> Self {
        let base = base.max(ALIGN).next_multiple_of(ALIGN);
        Self {
            allocations: Vec::new(),
            next: base,
            used: 0,
            limit,
            last: 0,
            uninitialised: Uninitialised::Reject,
            poison: 0xff,
        }
    }

    /// What later allocations are filled with, and whether kernels may read it.
    pub fn set_uninitialised(&mut self, uninitialised: Uninitialised, poison: u8) {
        self.uninitialised = uninitialised;
        self.poison = poison;
    }

    /// Bytes that are allocated now.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Bytes that allocations may take together.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Allocations that nobody freed, as address and length.
    pub fn live(&self) -> impl Iterator<Item = (u64, u64)> {
        self.allocations.iter().filter(|a| !a.freed).map(|a| (a.base, a.len))
    }

    /// Room for `len` bytes, aligned as a driver does.
    pub fn alloc(&mut self, len: u64) -> Result<u64, MemoryError> {
        let free = self.limit - self.used;
        if len > free {
            return Err(MemoryError::Full { bytes: len, free });
        }
        let (base, size) = (self.next, len as usize);
        self.next = (base + len + GAP).next_multiple_of(ALIGN);
        self.used += len;
        let (bytes, marks) = (vec![self.poison; size], vec![0; size]);
        let allocation = Allocation { base, len, bytes, marks, freed: false, constant: false, touched: false };
        self.allocations.push(allocation);
        Ok(base)
    }

    /// Gives an allocation back.
    pub fn free(&mut self, base: u64) -> Result<(), MemoryError> {
        let at = self.allocations.binary_search_by_key(&base, |a| a.base);
        let Some(allocation) = at.ok().map(|at| &mut self.allocations[at]) else {
            return Err(MemoryError::NotAllocated { address: base });
        };
        if allocation.freed {
            return Err(MemoryError::Freed { address: base });
        }
        allocation.freed = true;
        (allocation.bytes, allocation.marks) = (Vec::new(), Vec::new());
        self.used -= allocation.len;
        Ok(())
    }

    /// The allocation that holds an address, as its start and length.
    pub fn range_of(&self, address: u64) -> Option<(u64, u64)> {
        let at = self.allocations.partition_point(|a| a.base <= address).checked_sub(1)?;
        let found = &self.allocations[at];
        (!found.freed && address - found.base < found.len.max(1)).then_some((found.base, found.len))
    }

    /// Reads as the host does: what nobody wrote is poison.
    pub fn read(&self, address: u64, to: &mut [u8]) -> Result<(), MemoryError> {
        let (at, start) = self.locate(address, to.len() as u64)?;
        to.copy_from_slice(&self.allocations[at].bytes[start..start + to.len()]);
        Ok(())
    }

    /// Writes as the host does.
    pub fn write(&mut self, address: u64, from: &[u8]) -> Result<(), MemoryError> {
        let (at, start) = self.locate(address, from.len() as u64)?;
        let allocation = &mut self.allocations[at];
        allocation.bytes[start..start + from.len()].copy_from_slice(from);
        allocation.marks[start..start + from.len()].fill(WRITTEN);
        Ok(())
    }

    /// Writes a pattern `count` times.
    pub fn fill(&mut self, address: u64, pattern: &[u8], count: usize) -> Result<(), MemoryError> {
        self.write(address, &pattern.repeat(count))
    }

    /// Bytes to put elsewhere, with their knowledge.
    pub fn snapshot(&self, address: u64, len: u64) -> Result<Snapshot, MemoryError> {
        let (at, start) = self.locate(address, len)?;
        let (found, range) = (&self.allocations[at], start..start + len as usize);
        Ok(Snapshot { bytes: found.bytes[range.clone()].to_vec(), marks: found.marks[range].to_vec() })
    }

    /// Puts bytes from elsewhere.
    pub fn put(&mut self, address: u64, from: &Snapshot) -> Result<(), MemoryError> {
        let (at, start) = self.locate(address, from.bytes.len() as u64)?;
        let (allocation, end) = (&mut self.allocations[at], start + from.bytes.len());
        allocation.bytes[start..end].copy_from_slice(&from.bytes);
        allocation.marks[start..end].copy_from_slice(&from.marks);
        Ok(())
    }

    /// Makes an allocation constant for kernels.
    pub(crate) fn seal(&mut self, base: u64) {
        if let Ok(at) = self.allocations.binary_search_by_key(&base, |a| a.base) {
            self.allocations[at].constant = true;
        }
    }

    /// What a kernel reads in one access.
    pub(crate) fn load(&mut self, address: u64, width: u64, read_only: bool) -> Result<u64, MemoryError> {
        let (at, start) = self.aligned(address, width)?;
        let (found, end) = (&mut self.allocations[at], start + width as usize);
        let marks = &mut found.marks[start..end];
        if self.uninitialised == Uninitialised::Reject
            && let Some(byte) = marks.iter().position(|mark| mark & WRITTEN == 0)
        {
            return Err(MemoryError::Uninitialised { address: address + byte as u64 });
        }
        if read_only && !found.constant {
            if marks.iter().any(|mark| mark & FRESH != 0) {
                return Err(MemoryError::NotReadOnly { address });
            }
            marks.iter_mut().for_each(|mark| *mark |= READ_ONLY);
            found.touched = true;
        }
        let mut word = [0; 8];
        word[..width as usize].copy_from_slice(&found.bytes[start..end]);
        Ok(u64::from_le_bytes(word))
    }

    /// What a kernel writes in one access.
    pub(crate) fn store(&mut self, address: u64, width: u64, value: u64) -> Result<(), MemoryError> {
        let (at, start) = self.aligned(address, width)?;
        let (found, end) = (&mut self.allocations[at], start + width as usize);
        if found.constant {
            return Err(MemoryError::Constant { address });
        }
        let marks = &mut found.marks[start..end];
        if marks.iter().any(|mark| mark & READ_ONLY != 0) {
            return Err(MemoryError::NotReadOnly { address });
        }
        marks.fill(WRITTEN | FRESH);
        found.touched = true;
        found.bytes[start..end].copy_from_slice(&value.to_le_bytes()[..width as usize]);
        Ok(())
    }

    /// Forgets what only concerns the launch that ended.
    pub(crate) fn end_launch(&mut self) {
        for allocation in self.allocations.iter_mut().filter(|a| a.touched) {
            allocation.touched = false;
            allocation.marks.iter_mut().for_each(|mark| *mark &= WRITTEN);
        }
    }

    fn aligned(&mut self, address: u64, width: u64) -> Result<(usize, usize), MemoryError> {
        if !address.is_multiple_of(width) {
            return Err(MemoryError::Misaligned { address, width });
        }
        if let Some(found) = self.allocations.get(self.last)
            && !found.freed
            && address >= found.base
            && address - found.base + width <= found.len
        {
            return Ok((self.last, (address - found.base) as usize));
        }
        let (at, start) = self.locate(address, width)?;
        self.last = at;
        Ok((at, start))
    }

    fn locate(&self, address: u64, bytes: u64) -> Result<(usize, usize), MemoryError> {
        let outside = MemoryError::OutOfBounds { address, bytes };
        let at = self.allocations.partition_point(|a| a.base <= address).checked_sub(1).ok_or(outside)?;
        let found = &self.allocations[at];
        let start = address - found.base;
        match start.checked_add(bytes) {
            Some(end) if end <= found.len && found.freed => Err(MemoryError::Freed { address }),
            Some(end) if end <= found.len => Ok((at, start as usize)),
            _ => Err(outside),
        }
    }
}
