//! Conversions between dtypes, as `astype` does them: a float that no integer holds becomes the least one, as on an x86
//! processor.

use super::integers::{signed, wrapped};
use super::steps::Value;
use super::text::{Class, Reg, Text};
use super::unfit::Unfit;
use cleave_ops::{DType, Kind};

/// A number converted.
pub(super) fn convert(text: &mut Text, x: Value, to: DType) -> Reg {
    let class = Class::of(to);
    match (x.dtype.kind(), to.kind()) {
        (Kind::Bool, _) => from_bool(text, x.reg, to),
        (Kind::Float, Kind::Float) => between_floats(text, x, to),
        (Kind::Float, _) => from_float(text, x, to),
        (Kind::Int, Kind::Bool) => text.test(&format!("ne.{}", signed(x.dtype)), x.reg, 0),
        (Kind::Int, Kind::Int) => between_integers(text, x, to),
        (Kind::Int, Kind::Float) if to == DType::F16 => {
            let single = convert(text, x, DType::F32);
            text.make(class, "cvt.rn.f16.f32", format_args!("{single}"))
        }
        (Kind::Int, Kind::Float) => {
            let instruction = format!("cvt.rn.{}.{}", class.plain(), signed(x.dtype));
            text.make(class, &instruction, format_args!("{}", x.reg))
        }
    }
}

/// The bits of a number as another dtype of its size.
pub(super) fn bits(text: &mut Text, x: Value, to: DType) -> Result<Reg, Unfit> {
    let class = Class::of(to);
    Ok(match (x.dtype, to) {
        (DType::Bool, _) | (_, DType::Bool) => return Err(Unfit::Step),
        (DType::F16, _) => {
            let word = text.make(class, "cvt.u32.u16", format_args!("{}", x.reg));
            wrapped(text, to, word)
        }
        (_, DType::F16) => text.make(class, "cvt.u16.u32", format_args!("{}", x.reg)),
        _ if class == x.reg.class => wrapped(text, to, x.reg),
        _ => {
            let instruction = if class.plain().ends_with("64") { "mov.b64" } else { "mov.b32" };
            text.make(class, instruction, format_args!("{}", x.reg))
        }
    })
}

fn from_bool(text: &mut Text, truth: Reg, to: DType) -> Reg {
    let class = Class::of(to);
    let (one, zero) = match to {
        DType::Bool => return truth,
        DType::F16 => ("0x3c00", "0"),
        DType::F32 => ("0f3F800000", "0f00000000"),
        DType::F64 => ("0d3FF0000000000000", "0d0000000000000000"),
        _ => ("1", "0"),
    };
    text.make(class, &format!("selp.{}", class.plain()), format_args!("{one}, {zero}, {truth}"))
}

fn between_integers(text: &mut Text, x: Value, to: DType) -> Reg {
    match (x.reg.class, Class::of(to)) {
        (Class::Word, Class::Long) => {
            let instruction = if x.dtype.is_signed() { "cvt.s64.s32" } else { "cvt.u64.u32" };
            text.make(Class::Long, instruction, format_args!("{}", x.reg))
        }
        (Class::Long, Class::Word) => {
            let word = text.make(Class::Word, "cvt.u32.u64", format_args!("{}", x.reg));
            wrapped(text, to, word)
        }
        _ => wrapped(text, to, x.reg),
    }
}

fn between_floats(text: &mut Text, x: Value, to: DType) -> Reg {
    let instruction = match (x.dtype, to) {
        (DType::F16, DType::F32) => "cvt.f32.f16",
        (DType::F16, DType::F64) => {
            let single = text.make(Class::Single, "cvt.f32.f16", format_args!("{}", x.reg));
            return text.make(Class::Double, "cvt.f64.f32", format_args!("{single}"));
        }
        (DType::F32, DType::F16) => "cvt.rn.f16.f32",
        (DType::F32, DType::F64) => "cvt.f64.f32",
        (DType::F64, DType::F16) => "cvt.rn.f16.f64",
        (DType::F64, DType::F32) => "cvt.rn.f32.f64",
        _ => return x.reg,
    };
    text.make(Class::of(to), instruction, format_args!("{}", x.reg))
}

/// Two to the 31st, 63rd and 64th.
const POWERS: [[&str; 3]; 2] =
    [["0f4F000000", "0f5F000000", "0f5F800000"], ["0d41E0000000000000", "0d43E0000000000000", "0d43F0000000000000"]];

fn from_float(text: &mut Text, x: Value, to: DType) -> Reg {
    let x = if x.dtype == DType::F16 { convert(text, x, DType::F32) } else { x.reg };
    let ty = x.class.plain();
    match to {
        DType::Bool => text.make(
            Class::Truth,
            &format!("setp.neu.{ty}"),
            format_args!("{x}, {}", if ty == "f32" { "0f00000000" } else { "0d0000000000000000" }),
        ),
        DType::I64 => long(text, x),
        DType::U64 => unsigned_long(text, x),
        DType::U32 => {
            let long = long(text, x);
            text.make(Class::Word, "cvt.u32.u64", format_args!("{long}"))
        }
        _ => {
            let word = word(text, x);
            wrapped(text, to, word)
        }
    }
}

fn powers(x: Reg) -> [&'static str; 3] {
    POWERS[usize::from(x.class == Class::Double)]
}

/// What is cut toward zero, where it is below a power of two; else the least integer.
fn cut(text: &mut Text, x: Reg, class: Class, [ty, power, least]: [&str; 3]) -> Reg {
    let float = x.class.plain();
    let size = text.make(x.class, &format!("abs.{float}"), format_args!("{x}"));
    let fits = text.test(&format!("lt.{float}"), size, power);
    let whole = text.make(class, &format!("cvt.rzi.{ty}.{float}"), format_args!("{x}"));
    text.make(class, &format!("selp.{}", class.plain()), format_args!("{whole}, {least}, {fits}"))
}

fn word(text: &mut Text, x: Reg) -> Reg {
    cut(text, x, Class::Word, ["s32", powers(x)[0], "0x80000000"])
}

fn long(text: &mut Text, x: Reg) -> Reg {
    cut(text, x, Class::Long, ["s64", powers(x)[1], "0x8000000000000000"])
}

/// From 2^63 on as it is, beyond 2^64 the greatest; below as a signed one.
fn unsigned_long(text: &mut Text, x: Reg) -> Reg {
    let ([_, half, all], ty) = (powers(x), x.class.plain());
    let low = long(text, x);
    let whole = text.make(Class::Long, &format!("cvt.rzi.u64.{ty}"), format_args!("{x}"));
    let fits = text.test(&format!("lt.{ty}"), x, all);
    let high = text.make(Class::Long, "selp.b64", format_args!("{whole}, 0xffffffffffffffff, {fits}"));
    let is_high = text.test(&format!("ge.{ty}"), x, half);
    text.pick(is_high, high, low)
}
