//! A decoded instruction: slots instead of names, closures instead of modifiers.

use crate::{
    semantics::{Compute, compare::Join},
    syntax::Space,
};

/// The number of a register, constant or special register of a warp.
pub(crate) type Slot = u32;

pub(crate) struct Op {
    pub(crate) guard: Option<Guard>,
    pub(crate) action: Action,
}

#[derive(Clone, Copy)]
pub(crate) struct Guard {
    pub(crate) slot: Slot,
    pub(crate) negated: bool,
}

pub(crate) enum Action {
    /// A pure function of the first `arity` slots.
    Compute {
        to: Slot,
        from: [Slot; 4],
        arity: usize,
        run: Compute,
        /// Whether a zero in the second slot leaves the result open.
        divides: bool,
    },
    /// One of two by a predicate; only the chosen one must be there.
    Select {
        to: Slot,
        yes: Slot,
        no: Slot,
        by: Slot,
    },
    Load(Access, Vec<Slot>),
    Store(Access, Vec<Slot>),
    Atomic {
        access: Access,
        to: Option<Slot>,
        from: [Slot; 2],
        change: Change,
    },
    Shuffle(Shuffle),
    Vote {
        to: Slot,
        from: Slot,
        negated: bool,
        members: Slot,
        kind: Vote,
    },
    /// Lanes with the same value; with a predicate, only if that is all members.
    Match {
        to: Slot,
        from: Slot,
        members: Slot,
        all: Option<Slot>,
    },
    /// A value of all members folded.
    Fold {
        to: Slot,
        from: Slot,
        members: Slot,
        change: Change,
    },
    Active {
        to: Slot,
    },
    WarpBarrier {
        members: Slot,
    },
    Barrier {
        id: Slot,
        threads: Option<Slot>,
    },
    Branch {
        target: usize,
        uniform: bool,
    },
    Exit,
    Trap,
}

/// What an atomic does to the old value with one or two operands.
pub(crate) type Change = Box<dyn Fn(u64, u64, u64) -> u64 + Send + Sync>;

/// Where and how bytes are touched.
pub(crate) struct Access {
    pub(crate) space: Space,
    pub(crate) base: Slot,
    pub(crate) offset: u64,
    /// Bytes of one element.
    pub(crate) width: u64,
    /// The bits of a loaded value that carry a sign to spread, and the bits of the register to spread it to.
    pub(crate) sign: Option<(u32, u64)>,
    pub(crate) read_only: bool,
}

pub(crate) struct Shuffle {
    pub(crate) mode: ShuffleMode,
    pub(crate) to: Slot,
    /// Whether the source lane was in range.
    pub(crate) in_range: Option<Slot>,
    pub(crate) from: Slot,
    pub(crate) lane: Slot,
    pub(crate) clamp: Slot,
    pub(crate) members: Slot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShuffleMode {
    Up,
    Down,
    Butterfly,
    Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vote {
    All,
    Any,
    Uniform,
    Ballot,
}

/// Numbers that differ from lane to lane or from launch to launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Special {
    Thread(usize),
    Threads(usize),
    Block(usize),
    Blocks(usize),
    Lane,
    Warp,
    Warps,
    /// Lanes that stand so to this one.
    Lanes(LaneOrder),
    DynamicShared,
    TotalShared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LaneOrder {
    Equal,
    Before,
    UpTo,
    After,
    From,
}

impl Special {
    /// The special register of a name such as `%tid.x`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = name.strip_prefix('%')?;
        if let Some((stem, axis)) = name.split_once('.') {
            let axis = ["x", "y", "z"].iter().position(|a| *a == axis)?;
            return Some(match stem {
                "tid" => Self::Thread(axis),
                "ntid" => Self::Threads(axis),
                "ctaid" => Self::Block(axis),
                "nctaid" => Self::Blocks(axis),
                _ => return None,
            });
        }
        Some(match name {
            "laneid" => Self::Lane,
            "warpid" => Self::Warp,
            "nwarpid" => Self::Warps,
            "lanemask_eq" => Self::Lanes(LaneOrder::Equal),
            "lanemask_lt" => Self::Lanes(LaneOrder::Before),
            "lanemask_le" => Self::Lanes(LaneOrder::UpTo),
            "lanemask_gt" => Self::Lanes(LaneOrder::After),
            "lanemask_ge" => Self::Lanes(LaneOrder::From),
            "dynamic_smem_size" => Self::DynamicShared,
            "total_smem_size" => Self::TotalShared,
            _ => return None,
        })
    }
}

impl LaneOrder {
    pub(crate) fn mask(self, lane: usize) -> u64 {
        let one = 1u64 << lane;
        let mask = match self {
            Self::Equal => one,
            Self::Before => one - 1,
            Self::UpTo => one | (one - 1),
            Self::After => !(one | (one - 1)),
            Self::From => !(one - 1),
        };
        mask & 0xffff_ffff
    }
}

/// The join of a comparison with a second predicate, which may be negated.
#[derive(Clone, Copy)]
pub(crate) struct Joined {
    pub(crate) join: Join,
    pub(crate) slot: Slot,
    pub(crate) negated: bool,
}
