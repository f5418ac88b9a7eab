//! Bits: logic, shifts, counts and fields.

use super::{Decoder, modifiers::Reading};
use crate::{
    error::{LoadError, LoadKind},
    op::Slot,
    scalar::{Class, PREDICATE, Type, U32},
    semantics::{
        Compute,
        bits::{self, Funnel},
    },
    syntax::{Instruction, Operand},
};

pub(super) fn decode(decoder: &mut Decoder, instruction: &Instruction) -> Result<(), LoadError> {
    let mut reading = Reading::new(instruction);
    let kind = reading.scalar()?;
    if kind.is_float() || kind.bits == 8 || kind == PREDICATE && !["and", "or", "xor", "not"].contains(&reading.opcode)
    {
        return reading.refuse_type(kind);
    }
    match reading.opcode {
        "shl" | "shr" => shift(decoder, &mut reading, kind),
        "popc" | "clz" | "bfind" => count(decoder, &mut reading, kind),
        "bfe" | "bfi" => field(decoder, &mut reading, kind),
        "shf" => funnel(decoder, &mut reading, kind),
        "prmt" => permute(decoder, &mut reading, kind),
        "lop3" => table(decoder, &mut reading, kind),
        _ => plain(decoder, &mut reading, kind),
    }
}

fn compute(d: &mut Decoder, reading: &Reading, kinds: &[Type], run: Compute) -> Result<(), LoadError> {
    let to = reading.goal(d, kinds[0])?;
    let from: Result<Vec<Slot>, _> =
        kinds[1..].iter().enumerate().map(|(at, kind)| reading.source(d, at + 1, *kind)).collect();
    d.compute(reading.place, to, &from?, run);
    Ok(())
}

fn bits_only(reading: &Reading, kind: Type) -> Result<(), LoadError> {
    if matches!(kind.class, Class::Bits | Class::Predicate) { Ok(()) } else { reading.refuse_type(kind) }
}

fn plain(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    bits_only(reading, kind)?;
    let (arity, run) = match reading.opcode {
        "and" => (2, bits::and()),
        "or" => (2, bits::or()),
        "xor" => (2, bits::xor()),
        "not" => (1, bits::not(kind)),
        "cnot" => (1, bits::cnot()),
        _ => (1, bits::brev(kind)),
    };
    if reading.opcode == "brev" && kind.bits == 16 {
        return reading.refuse_type(kind);
    }
    reading.done(arity + 1)?;
    compute(decoder, reading, &vec![kind; arity + 1], run)
}

fn shift(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    reading.done(3)?;
    let run = match (reading.opcode, kind.class) {
        ("shl", Class::Bits) => bits::shl(kind),
        ("shl", _) => return reading.refuse_type(kind),
        _ => bits::shr(kind),
    };
    compute(decoder, reading, &[kind, kind, U32], run)
}

fn count(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    let amount = reading.opcode == "bfind" && reading.took("shiftamt");
    reading.done(2)?;
    if kind.bits == 16 || (reading.opcode == "bfind") == (kind.class == Class::Bits) {
        return reading.refuse_type(kind);
    }
    let run = match reading.opcode {
        "popc" => bits::popc(),
        "clz" => bits::clz(kind),
        _ => bits::bfind(kind, amount),
    };
    compute(decoder, reading, &[U32, kind], run)
}

fn field(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    let extracts = reading.opcode == "bfe";
    if kind.bits == 16 || extracts == (kind.class == Class::Bits) {
        return reading.refuse_type(kind);
    }
    reading.done(if extracts { 4 } else { 5 })?;
    match extracts {
        true => compute(decoder, reading, &[kind, kind, U32, U32], bits::bfe(kind)),
        false => compute(decoder, reading, &[kind, kind, kind, U32, U32], bits::bfi(kind)),
    }
}

fn funnel(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    let left = reading.took_of(&[("l", true), ("r", false)]);
    let mode = reading.took_of(&[("clamp", Funnel::Clamp), ("wrap", Funnel::Wrap)]);
    let (Some(left), Some(mode)) = (left, mode) else {
        return reading.missing("`.l` or `.r`, and `.clamp` or `.wrap`");
    };
    only_b32(reading, kind)?;
    reading.done(4)?;
    let run = if left { bits::funnel_left(mode) } else { bits::funnel_right(mode) };
    compute(decoder, reading, &[kind, kind, kind, U32], run)
}

fn only_b32(reading: &Reading, kind: Type) -> Result<(), LoadError> {
    if kind.class == Class::Bits && kind.bits == 32 { Ok(()) } else { reading.refuse_type(kind) }
}

fn permute(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    only_b32(reading, kind)?;
    reading.done(4)?;
    compute(decoder, reading, &[kind; 4], bits::prmt())
}

fn table(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    only_b32(reading, kind)?;
    reading.done(5)?;
    match reading.operands[4] {
        Operand::Integer(table) if table < 256 => compute(decoder, reading, &[kind; 4], bits::lop3(table)),
        _ => reading.error(LoadKind::WrongOperand { opcode: reading.opcode.into(), operand: 5 }),
    }
}
