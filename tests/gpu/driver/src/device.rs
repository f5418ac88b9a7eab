//! A device: its memory, its limits and what keeps it alive.

use cleave_gpu_interp::{Memory, Uninitialised};

use crate::{code::Code, settings::Settings};

pub(crate) struct Device {
    pub(crate) memory: Memory,
    /// Owners of the primary context.
    pub(crate) owners: u32,
    /// How many contexts there were before this one.
    pub(crate) generation: u64,
    /// The error that killed the context.
    pub(crate) dead: Option<Code>,
    /// What the default pool keeps at a synchronisation.
    pub(crate) release_threshold: u64,
}

impl Device {
    pub(crate) fn new(ordinal: usize, generation: u64, settings: &Settings) -> Self {
        // Addresses of a context are not those of the last 63 before it.
        let base = (ordinal as u64 + 1) << 50 | (generation % 64) << 44;
        let mut memory = Memory::new(base, settings.memory_bytes);
        let policy = if settings.readable { Uninitialised::Poison } else { Uninitialised::Reject };
        memory.set_uninitialised(policy, settings.poison);
        Self { memory, owners: 0, generation, dead: None, release_threshold: 0 }
    }
}

/// The device that an address belongs to.
pub(crate) fn ordinal_of(address: u64) -> Option<usize> {
    ((address >> 50) as usize).checked_sub(1)
}

/// Attributes by their number; what is not listed is zero.
const ATTRIBUTES: &[(i32, i32)] = &[
    (1, 1024),     // threads of a block
    (2, 1024),     // along x
    (3, 1024),     // along y
    (4, 64),       // along z
    (5, i32::MAX), // blocks along x
    (6, 65535),    // along y
    (7, 65535),    // along z
    (8, 48 << 10), // shared memory of a block
    (9, 64 << 10), // constant memory
    (10, 32),      // lanes
    (11, i32::MAX),
    (12, 65536),     // registers of a block
    (13, 1_980_000), // kHz
    (14, 512),
    (15, 1),
    (19, 1),
    (31, 1),
    (32, 1),
    (36, 3_201_000), // kHz of the memory
    (37, 6144),      // bits of its bus
    (38, 50 << 20),  // L2
    (39, 2048),      // threads of a multiprocessor
    (40, 3),         // engines that copy
    (41, 1),         // one space of addresses
    (75, 9),         // compute capability
    (76, 0),
    (78, 1),
    (79, 1),
    (80, 1),
    (81, 228 << 10), // shared memory of a multiprocessor
    (82, 65536),
    (91, 1),
    (95, 1),
    (97, 227 << 10), // shared memory of a block that asks for it
    (99, 1),
    (106, 32), // blocks of a multiprocessor
    (111, 1 << 10),
];

/// The value of an attribute.
pub(crate) fn attribute(settings: &Settings, attribute: i32) -> Option<i32> {
    match attribute {
        16 => Some(settings.processors),
        115 => Some(settings.pools.into()),
        1..=150 => Some(ATTRIBUTES.iter().find(|(id, _)| *id == attribute).map_or(0, |(_, value)| *value)),
        _ => None,
    }
}
