//! Operations on the bits of integers.

use super::{MAP, ONE, map, numpy};
use crate::formula as f;
use crate::lane::Int;
use crate::loops::{binary, fast, map_loops};
use crate::op::{Class, Op};

pub(super) static OPS: &[&Op] =
    &[&BITWISE_AND, &BITWISE_OR, &BITWISE_XOR, &BITWISE_INVERT, &BITWISE_LEFT_SHIFT, &BITWISE_RIGHT_SHIFT];

pub(super) static BITWISE_AND: Op = Op {
    name: "bitwise_and",
    symbol: Some("&"),
    summary: "Bits that both operands have",
    examples: &[("arange(4) & 2", "[0 0 2 2]")],
    class: Class::Map(map(map_loops!(2 same fast::binary; f::and: bool; Int::and: i8 u8 i16 u16 i32 u32 i64 u64), 1.0)),
    numpy: numpy("np.bitwise_and", -100.0, 100.0, 0.0),
    ..MAP
};

pub(super) static BITWISE_OR: Op = Op {
    name: "bitwise_or",
    symbol: Some("|"),
    summary: "Bits that an operand has",
    examples: &[("arange(4) | 2", "[2 3 2 3]")],
    class: Class::Map(map(map_loops!(2 same fast::binary; f::or: bool; Int::or: i8 u8 i16 u16 i32 u32 i64 u64), 1.0)),
    numpy: numpy("np.bitwise_or", -100.0, 100.0, 0.0),
    ..MAP
};

static BITWISE_XOR: Op = Op {
    name: "bitwise_xor",
    symbol: Some("^"),
    summary: "Bits that just one operand has",
    examples: &[("arange(4) ^ 2", "[2 3 0 1]")],
    class: Class::Map(map(map_loops!(2 same fast::binary; f::xor: bool; Int::xor: i8 u8 i16 u16 i32 u32 i64 u64), 1.0)),
    numpy: numpy("np.bitwise_xor", -100.0, 100.0, 0.0),
    ..MAP
};

static BITWISE_INVERT: Op = Op {
    name: "bitwise_invert",
    aliases: &["invert", "bitwise_not"],
    symbol: Some("~"),
    params: ONE,
    summary: "Every bit turned; of a bool its opposite",
    examples: &[("~arange(3)", "[-1 -2 -3]")],
    class: Class::Map(map(map_loops!(1 same fast::unary; f::not: bool; Int::not: i8 u8 i16 u16 i32 u32 i64 u64), 1.0)),
    numpy: numpy("np.invert", -100.0, 100.0, 0.0),
    ..MAP
};

static BITWISE_LEFT_SHIFT: Op = Op {
    name: "bitwise_left_shift",
    aliases: &["left_shift"],
    symbol: Some("<<"),
    summary: "Bits moved up",
    details: "Shifting by the width of the type or more gives 0, or -1 of a negative number to the right.",
    examples: &[("arange(3) << 2", "[0 4 8]")],
    class: Class::Map(map(map_loops!(2 same binary; Int::shl: i8 u8 i16 u16 i32 u32 i64 u64), 2.0)),
    numpy: numpy("np.left_shift", 0.0, 7.0, 0.0),
    ..MAP
};

static BITWISE_RIGHT_SHIFT: Op = Op {
    name: "bitwise_right_shift",
    aliases: &["right_shift"],
    symbol: Some(">>"),
    summary: "Bits moved down; the sign stays",
    details: "Shifting by the width of the type or more gives 0, or -1 of a negative number to the right.",
    examples: &[("8 >> arange(3)", "[8 4 2]")],
    class: Class::Map(map(map_loops!(2 same binary; Int::shr: i8 u8 i16 u16 i32 u32 i64 u64), 2.0)),
    numpy: numpy("np.right_shift", 0.0, 7.0, 0.0),
    ..MAP
};
