//! Steps on integers. Narrow ones stand in words, extended by their sign, and are wrapped after each step.

use super::text::{Class, Reg, Text};
use super::unfit::Unfit;
use cleave_ops::DType;
use cleave_ops::trace::{Binary, Unary};

/// The type of instructions that tell signed from unsigned.
pub(super) fn signed(dtype: DType) -> &'static str {
    match (Class::of(dtype), dtype.is_signed()) {
        (Class::Long, true) => "s64",
        (Class::Long, false) => "u64",
        (_, true) => "s32",
        (_, false) => "u32",
    }
}

/// The type of instructions that do not.
fn either(dtype: DType) -> &'static str {
    if Class::of(dtype) == Class::Long { "s64" } else { "s32" }
}

/// What a narrow dtype holds of a word.
pub(super) fn wrapped(text: &mut Text, dtype: DType, word: Reg) -> Reg {
    let instruction = match dtype {
        DType::I8 => "cvt.s32.s8",
        DType::U8 => "cvt.u32.u8",
        DType::I16 => "cvt.s32.s16",
        DType::U16 => "cvt.u32.u16",
        _ => return word,
    };
    text.make(word.class, instruction, format_args!("{word}"))
}

/// The product of two words that stand in 64 bits each.
pub(super) fn wide_product(text: &mut Text, a: Reg, b: Reg) -> Reg {
    let a = text.make(Class::Word, "cvt.u32.u64", format_args!("{a}"));
    let b = text.make(Class::Word, "cvt.u32.u64", format_args!("{b}"));
    text.make(Class::Long, "mul.wide.u32", format_args!("{a}, {b}"))
}

/// A step of one operand.
pub(super) fn unary(text: &mut Text, dtype: DType, unary: Unary, x: Reg) -> Result<Reg, Unfit> {
    let ty = either(dtype);
    let result = match unary {
        Unary::Abs if !dtype.is_signed() => return Ok(x),
        Unary::Abs => text.make(x.class, &format!("abs.{ty}"), format_args!("{x}")),
        Unary::Neg => text.make(x.class, &format!("neg.{ty}"), format_args!("{x}")),
        Unary::Not => text.make(x.class, &format!("not.{}", x.class.plain()), format_args!("{x}")),
        Unary::Sqrt | Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Rint => return Err(Unfit::Step),
    };
    Ok(wrapped(text, dtype, result))
}

/// A step of two.
pub(super) fn binary(text: &mut Text, dtype: DType, binary: Binary, a: Reg, b: Reg) -> Result<Reg, Unfit> {
    let (ty, bits) = (either(dtype), a.class.plain());
    let plain = |text: &mut Text, instruction: &str| text.make(a.class, instruction, format_args!("{a}, {b}"));
    let test = |text: &mut Text, test: &str| text.test(&format!("{test}.{}", signed(dtype)), a, b);
    let result = match binary {
        Binary::Add => plain(text, &format!("add.{ty}")),
        Binary::Sub => plain(text, &format!("sub.{ty}")),
        Binary::Mul => plain(text, &format!("mul.lo.{ty}")),
        Binary::And => plain(text, &format!("and.{bits}")),
        Binary::Or => plain(text, &format!("or.{bits}")),
        Binary::Xor => plain(text, &format!("xor.{bits}")),
        Binary::Shl => shifted(text, &format!("shl.{bits}"), a, b),
        Binary::Shr => shifted(text, &format!("shr.{}", signed(dtype)), a, b),
        Binary::Div => quotient(text, dtype, a, b),
        Binary::Rem => rest(text, dtype, a, b),
        Binary::Lt => return Ok(test(text, "lt")),
        Binary::Le => return Ok(test(text, "le")),
        Binary::Eq => return Ok(test(text, "eq")),
        Binary::Copysign => return Err(Unfit::Step),
    };
    Ok(wrapped(text, dtype, result))
}

/// Counts that are too large, or negative, shift everything out: the card takes a word, as large as it may be.
fn shifted(text: &mut Text, instruction: &str, a: Reg, count: Reg) -> Reg {
    let count = match count.class {
        Class::Long => {
            let least = text.make(Class::Long, "min.u64", format_args!("{count}, 64"));
            text.make(Class::Word, "cvt.u32.u64", format_args!("{least}"))
        }
        _ => count,
    };
    text.make(a.class, instruction, format_args!("{a}, {count}"))
}

/// A divisor that the instruction takes, and where it is not the one that was given.
struct Divisor {
    safe: Reg,
    is_zero: Reg,
    /// Where it is -1.
    turns: Option<Reg>,
}

fn divisor(text: &mut Text, dtype: DType, b: Reg) -> Divisor {
    let ty = signed(dtype);
    let one = text.make(b.class, &format!("mov.{}", b.class.plain()), format_args!("1"));
    let is_zero = text.test(&format!("eq.{ty}"), b, 0);
    let safe = text.pick(is_zero, one, b);
    if !dtype.is_signed() {
        return Divisor { safe, is_zero, turns: None };
    }
    let turns = text.test(&format!("eq.{ty}"), b, -1);
    Divisor { safe: text.pick(turns, one, safe), is_zero, turns: Some(turns) }
}

fn quotient(text: &mut Text, dtype: DType, a: Reg, b: Reg) -> Reg {
    let Divisor { safe, is_zero, turns } = divisor(text, dtype, b);
    let mut result = text.make(a.class, &format!("div.{}", signed(dtype)), format_args!("{a}, {safe}"));
    if let Some(turns) = turns {
        let turned = text.make(a.class, &format!("neg.{}", either(dtype)), format_args!("{a}"));
        result = text.pick(turns, turned, result);
    }
    let zero = text.zero(a.class);
    text.pick(is_zero, zero, result)
}

fn rest(text: &mut Text, dtype: DType, a: Reg, b: Reg) -> Reg {
    // What 1 leaves over is what 0 and -1 do.
    let Divisor { safe, .. } = divisor(text, dtype, b);
    text.make(a.class, &format!("rem.{}", signed(dtype)), format_args!("{a}, {safe}"))
}
