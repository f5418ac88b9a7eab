//! How products are multiplied and added: dtypes, the lengths of tiles, instructions.

use super::text::{Class, Reg, Text};
use cleave_ops::DType;

/// Threads of a block: so many on each side of a tile.
pub(super) const SIDE: usize = 16;
/// Shared indices of a slice.
pub(super) const DEPTH: usize = 8;
/// Bytes that a thread loads at once.
pub(super) const VECTOR: usize = 16;
/// Threads of a block.
pub(super) const THREADS: usize = SIDE * SIDE;

/// How elements are multiplied and added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The dtype of packed elements and of sums.
    pub(super) dtype: DType,
    /// Whether sums are of truths: `or` of `and`s.
    pub(super) is_truth: bool,
}

impl Form {
    pub(super) fn size(self) -> usize {
        self.dtype.size()
    }

    /// Elements of a vector.
    pub(super) fn lanes(self) -> usize {
        VECTOR / self.size()
    }

    pub(super) fn class(self) -> Class {
        Class::of(self.dtype)
    }

    /// Rows and columns of a thread.
    pub(super) fn of_thread(self) -> [usize; 2] {
        if self.size() == 8 { [4, 8] } else { [8, 8] }
    }

    /// Rows and columns of a tile.
    pub(super) fn tile(self) -> [usize; 2] {
        self.of_thread().map(|len| len * SIDE)
    }

    /// Bytes of a slice of each panel.
    pub(super) fn slices(self) -> [usize; 2] {
        self.tile().map(|len| len * DEPTH * self.size())
    }

    pub(super) fn zero(self) -> &'static str {
        match self.class() {
            Class::Single => "0f00000000",
            Class::Double => "0d0000000000000000",
            _ => "0",
        }
    }

    /// Adds the product of two elements to a sum.
    pub(super) fn fuse(self, text: &mut Text, sum: Reg, [a, b]: [Reg; 2]) {
        match self.dtype {
            DType::F32 => text.line(format_args!("fma.rn.f32 {sum}, {a}, {b}, {sum}")),
            DType::F64 => text.line(format_args!("fma.rn.f64 {sum}, {a}, {b}, {sum}")),
            _ if self.is_truth => {
                let both = text.make(Class::Word, "and.b32", format_args!("{a}, {b}"));
                text.line(format_args!("or.b32 {sum}, {sum}, {both}"));
            }
            DType::I64 => text.line(format_args!("mad.lo.s64 {sum}, {a}, {b}, {sum}")),
            _ => text.line(format_args!("mad.lo.s32 {sum}, {a}, {b}, {sum}")),
        }
    }

    /// The instruction that adds two sums.
    pub(super) fn plus(self) -> &'static str {
        match self.dtype {
            DType::F32 => "add.rn.f32",
            DType::F64 => "add.rn.f64",
            _ if self.is_truth => "or.b32",
            DType::I64 => "add.s64",
            _ => "add.s32",
        }
    }

    /// The type of loads and stores.
    pub(super) fn plain(self) -> &'static str {
        self.class().plain()
    }
}
