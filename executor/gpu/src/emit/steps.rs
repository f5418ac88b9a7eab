//! A tape's steps as instructions.

use super::text::{Class, Reg, Text};
use super::unfit::Unfit;
use super::{conversions, integers};
use cleave_ops::trace::{Binary, Step, Tape, Unary, Var};
use cleave_ops::{DType, Kind};
use smallvec::SmallVec;

/// A number in a register, with its dtype.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) dtype: DType,
    pub(super) reg: Reg,
}

/// Which steps of a tape are needed for some results.
pub(super) fn needed(
    tape: &Tape,
    results: impl IntoIterator<Item = Var>,
    operands: impl Fn(Step) -> SmallVec<[Var; 4]>,
) -> Vec<bool> {
    let mut needed = vec![false; tape.steps().len()];
    results.into_iter().for_each(|var| needed[var.index()] = true);
    for place in (0..needed.len()).rev() {
        if needed[place] {
            operands(tape.steps()[place].1).into_iter().for_each(|var| needed[var.index()] = true);
        }
    }
    needed
}

/// What a step reads.
pub(super) fn operands(step: Step) -> [Option<Var>; 3] {
    match step {
        Step::Input(_) | Step::Const(_) => [None; 3],
        Step::Unary(_, x) | Step::Convert(x) | Step::Bits(x) => [Some(x), None, None],
        Step::Binary(_, a, b) => [Some(a), Some(b), None],
        Step::Fma(a, b, c) | Step::Pick(a, b, c) => [Some(a), Some(b), Some(c)],
    }
}

/// Says where an input is, by its number; may look at the steps before it.
pub(super) type Input<'a> = dyn FnMut(&mut Text, usize, &[Option<Reg>]) -> Option<Reg> + 'a;

/// Writes those steps that are needed and have no register yet.
pub(super) fn write(
    text: &mut Text,
    tape: &Tape,
    needed: &[bool],
    regs: &mut [Option<Reg>],
    input: &mut Input<'_>,
) -> Result<(), Unfit> {
    for (place, &(dtype, step)) in tape.steps().iter().enumerate() {
        if !needed[place] || regs[place].is_some() {
            continue;
        }
        let at = |var: Var| Value { dtype: tape.dtype(var), reg: regs[var.index()].expect(EARLIER) };
        let is_word = |var: Var| fits_word(tape, var);
        regs[place] = match step {
            Step::Input(number) => Some(input(text, number, regs).ok_or(Unfit::Step)?),
            other => Some(one(text, dtype, other, &at, &is_word)?),
        };
    }
    Ok(())
}

/// The results of a tape of which each input is in a register.
pub(super) fn inline(text: &mut Text, tape: &Tape, inputs: &[Reg], results: &[Var]) -> Result<Vec<Reg>, Unfit> {
    let needed = needed(tape, results.iter().copied(), |step| operands(step).into_iter().flatten().collect());
    let mut regs = vec![None; tape.steps().len()];
    write(text, tape, &needed, &mut regs, &mut |_, number, _| Some(inputs[number]))?;
    Ok(results.iter().map(|var| regs[var.index()].expect(EARLIER)).collect())
}

const EARLIER: &str = "a step reads earlier ones";

/// Whether a number of 64 bits is surely below 2^32.
fn fits_word(tape: &Tape, var: Var) -> bool {
    match tape.step(var).1 {
        Step::Const(bits) => bits >> 32 == 0,
        Step::Convert(x) => tape.dtype(x) == DType::U32,
        Step::Binary(Binary::And, a, b) => fits_word(tape, a) || fits_word(tape, b),
        Step::Binary(Binary::Shr, _, count) => matches!(tape.step(count).1, Step::Const(32..64)),
        _ => false,
    }
}

fn one(
    text: &mut Text,
    dtype: DType,
    step: Step,
    at: &dyn Fn(Var) -> Value,
    fits_word: &dyn Fn(Var) -> bool,
) -> Result<Reg, Unfit> {
    let class = Class::of(dtype);
    Ok(match step {
        Step::Input(_) => return Err(Unfit::Step),
        Step::Const(bits) => constant(text, dtype, bits),
        Step::Unary(unary, x) => match dtype.kind() {
            Kind::Float => float_unary(text, dtype, unary, at(x).reg)?,
            Kind::Int => integers::unary(text, dtype, unary, at(x).reg)?,
            Kind::Bool if unary == Unary::Not => text.make(class, "not.pred", format_args!("{}", at(x).reg)),
            Kind::Bool => return Err(Unfit::Step),
        },
        Step::Binary(Binary::Mul, a, b) if dtype == DType::U64 && fits_word(a) && fits_word(b) => {
            integers::wide_product(text, at(a).reg, at(b).reg)
        }
        Step::Binary(binary, a, b) => {
            let (a, b) = (at(a), at(b));
            match a.dtype.kind() {
                Kind::Float => float_binary(text, a.dtype, binary, a.reg, b.reg)?,
                Kind::Int => integers::binary(text, a.dtype, binary, a.reg, b.reg)?,
                Kind::Bool => truths(text, binary, a.reg, b.reg)?,
            }
        }
        Step::Fma(a, b, c) => {
            let [a, b, c] = [a, b, c].map(|var| at(var).reg);
            text.make(class, &format!("fma.rn.{}", float(dtype)?), format_args!("{a}, {b}, {c}"))
        }
        Step::Pick(mask, yes, no) => text.pick(at(mask).reg, at(yes).reg, at(no).reg),
        Step::Convert(x) => conversions::convert(text, at(x), dtype),
        Step::Bits(x) => conversions::bits(text, at(x), dtype)?,
    })
}

/// A constant, as the bits of its dtype.
fn constant(text: &mut Text, dtype: DType, bits: u64) -> Reg {
    let class = Class::of(dtype);
    let instruction = format!("mov.{}", class.plain());
    match dtype {
        DType::I8 => text.make(class, &instruction, format_args!("{}", bits as u8 as i8)),
        DType::I16 => text.make(class, &instruction, format_args!("{}", bits as u16 as i16)),
        DType::I32 => text.make(class, &instruction, format_args!("{}", bits as u32 as i32)),
        DType::F16 => text.make(class, &instruction, format_args!("{bits:#06x}")),
        DType::F32 => text.make(class, &instruction, format_args!("0f{bits:08X}")),
        DType::F64 => text.make(class, &instruction, format_args!("0d{bits:016X}")),
        DType::I64 => text.make(class, &instruction, format_args!("{}", bits as i64)),
        DType::Bool | DType::U8 | DType::U16 | DType::U32 | DType::U64 => {
            text.make(class, &instruction, format_args!("{bits}"))
        }
    }
}

/// The type of instructions on floats.
fn float(dtype: DType) -> Result<&'static str, Unfit> {
    match dtype {
        DType::F32 => Ok("f32"),
        DType::F64 => Ok("f64"),
        _ => Err(Unfit::Step),
    }
}

fn float_unary(text: &mut Text, dtype: DType, unary: Unary, x: Reg) -> Result<Reg, Unfit> {
    let ty = float(dtype)?;
    let instruction = match unary {
        Unary::Neg => format!("neg.{ty}"),
        Unary::Abs => format!("abs.{ty}"),
        Unary::Sqrt => format!("sqrt.rn.{ty}"),
        Unary::Floor => format!("cvt.rmi.{ty}.{ty}"),
        Unary::Ceil => format!("cvt.rpi.{ty}.{ty}"),
        Unary::Trunc => format!("cvt.rzi.{ty}.{ty}"),
        Unary::Rint => format!("cvt.rni.{ty}.{ty}"),
        Unary::Not => return Err(Unfit::Step),
    };
    Ok(text.make(x.class, &instruction, format_args!("{x}")))
}

fn float_binary(text: &mut Text, dtype: DType, binary: Binary, a: Reg, b: Reg) -> Result<Reg, Unfit> {
    let ty = float(dtype)?;
    let (class, instruction) = match binary {
        Binary::Add => (a.class, format!("add.rn.{ty}")),
        Binary::Sub => (a.class, format!("sub.rn.{ty}")),
        Binary::Mul => (a.class, format!("mul.rn.{ty}")),
        Binary::Div => (a.class, format!("div.rn.{ty}")),
        // The sign stands first.
        Binary::Copysign => return Ok(text.make(a.class, &format!("copysign.{ty}"), format_args!("{b}, {a}"))),
        Binary::Lt => (Class::Truth, format!("setp.lt.{ty}")),
        Binary::Le => (Class::Truth, format!("setp.le.{ty}")),
        Binary::Eq => (Class::Truth, format!("setp.eq.{ty}")),
        Binary::Rem | Binary::And | Binary::Or | Binary::Xor | Binary::Shl | Binary::Shr => return Err(Unfit::Step),
    };
    Ok(text.make(class, &instruction, format_args!("{a}, {b}")))
}

fn truths(text: &mut Text, binary: Binary, a: Reg, b: Reg) -> Result<Reg, Unfit> {
    let mut not = |x: Reg| text.make(Class::Truth, "not.pred", format_args!("{x}"));
    let (instruction, a, b) = match binary {
        Binary::And => ("and.pred", a, b),
        Binary::Or => ("or.pred", a, b),
        Binary::Xor => ("xor.pred", a, b),
        Binary::Lt => ("and.pred", not(a), b),
        Binary::Le => ("or.pred", not(a), b),
        Binary::Eq => ("xor.pred", not(a), b),
        _ => return Err(Unfit::Step),
    };
    Ok(text.make(Class::Truth, instruction, format_args!("{a}, {b}")))
}
