//! `add` to `sad` on integers and floats, and sums with a carry.

use super::{Decoder, modifiers::Reading};
use crate::{
    error::{LoadError, LoadKind},
    op::{Action, Slot},
    scalar::{Class, PREDICATE, Type},
    semantics::{
        Compute, float,
        integer::{self, Half},
        of_three, of_two,
    },
    syntax::Instruction,
};

pub(super) fn decode(decoder: &mut Decoder, instruction: &Instruction) -> Result<(), LoadError> {
    let mut reading = Reading::new(instruction);
    let kind = reading.scalar()?;
    match kind.class {
        Class::Float => float(decoder, &mut reading, kind),
        Class::Predicate => reading.refuse_type(kind),
        Class::Bits | Class::Unsigned | Class::Signed => integer(decoder, &mut reading, kind),
    }
}

fn float(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    if kind.bits == 16 {
        return reading.refuse_type(kind);
    }
    let rounded = reading.took("rn");
    let bits = kind.bits;
    let exact = ["neg", "abs", "min", "max", "copysign", "testp"].contains(&reading.opcode);
    if exact && rounded {
        return reading.refuse("rn");
    }
    if !exact && !rounded {
        reading.done_modifiers()?;
        return reading.error(LoadKind::Contractable(reading.opcode.into()));
    }
    let (arity, run) = match reading.opcode {
        "add" => (2, float::add(bits)),
        "sub" => (2, float::sub(bits)),
        "mul" => (2, float::mul(bits)),
        "div" => (2, float::div(bits)),
        "fma" | "mad" => (3, float::fma(bits)),
        "sqrt" => (1, float::sqrt(bits)),
        "rcp" => (1, float::rcp(bits)),
        "neg" => (1, float::neg(bits)),
        "abs" => (1, float::abs(bits)),
        "copysign" => (2, float::copysign(bits)),
        "min" | "max" => (2, extreme(decoder, reading, bits)?),
        "testp" => return test(decoder, reading, kind),
        _ => return reading.refuse_type(kind),
    };
    finish(decoder, reading, kind, arity, run)
}

fn finish(d: &mut Decoder, reading: &Reading, kind: Type, arity: usize, run: Compute) -> Result<(), LoadError> {
    reading.done(arity + 1)?;
    let (to, from) = (reading.goal(d, kind)?, reading.sources(d, kind)?);
    d.compute(reading.place, to, &from, run);
    Ok(())
}

fn extreme(decoder: &Decoder, reading: &mut Reading, bits: u32) -> Result<Compute, LoadError> {
    let nan = reading.took("NaN");
    if nan {
        reading.needs(decoder, 80)?;
    }
    Ok(match (reading.opcode, nan) {
        ("min", false) => float::min(bits),
        ("min", true) => float::min_nan(bits),
        (_, false) => float::max(bits),
        (_, true) => float::max_nan(bits),
    })
}

fn test(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    let names = ["finite", "infinite", "number", "notanumber", "normal", "subnormal"];
    let run = reading.took_of(&names.map(|name| (name, name))).and_then(|name| float::test(name, kind.bits));
    let Some(run) = run else {
        return reading.missing("a kind of number");
    };
    reading.done(2)?;
    let (to, from) = (reading.goal(decoder, PREDICATE)?, reading.source(decoder, 1, kind)?);
    decoder.compute(reading.place, to, &[from], run);
    Ok(())
}

fn integer(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    if kind.bits == 8 || kind.class == Class::Bits {
        return reading.refuse_type(kind);
    }
    let opcode = reading.opcode;
    match opcode {
        "add" | "sub" if reading.took("cc") => carried(decoder, reading, kind, false, true),
        "addc" | "subc" => {
            let leaves = reading.took("cc");
            carried(decoder, reading, kind, true, leaves)
        }
        "mul" | "mad" => product(decoder, reading, kind),
        "div" | "rem" => quotient(decoder, reading, kind),
        _ => simple(decoder, reading, kind),
    }
}

fn simple(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    let clamped = matches!(reading.opcode, "add" | "sub") && reading.took("sat");
    if clamped && (kind.bits, kind.is_signed()) != (32, true) {
        return reading.refuse("sat");
    }
    let signed = kind.is_signed();
    let (arity, run) = match reading.opcode {
        "add" if clamped => (2, integer::add_clamped(kind)),
        "sub" if clamped => (2, integer::sub_clamped(kind)),
        "add" => (2, integer::add(kind)),
        "sub" => (2, integer::sub(kind)),
        "min" => (2, integer::min(kind)),
        "max" => (2, integer::max(kind)),
        "sad" => (3, integer::sad(kind)),
        "neg" if signed => (1, integer::neg(kind)),
        "abs" if signed => (1, integer::abs(kind)),
        _ => return reading.refuse_type(kind),
    };
    finish(decoder, reading, kind, arity, run)
}

fn product(decoder: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<(), LoadError> {
    let Some(half) = reading.took_of(&[("lo", Half::Low), ("hi", Half::High), ("wide", Half::Both)]) else {
        return reading.missing("`.lo`, `.hi` or `.wide`");
    };
    if half == Half::Both && kind.bits == 64 {
        return reading.refuse("wide");
    }
    let result = if half == Half::Both { Type { bits: 2 * kind.bits, ..kind } } else { kind };
    let adds = reading.opcode == "mad";
    reading.done(if adds { 4 } else { 3 })?;
    let to = reading.goal(decoder, result)?;
    let mut from = vec![reading.source(decoder, 1, kind)?, reading.source(decoder, 2, kind)?];
    if adds {
        from.push(reading.source(decoder, 3, result)?);
    }
    let run = if adds { integer::mad(kind, half) } else { integer::mul(kind, half) };
    decoder.compute(reading.place, to, &from, run);
    Ok(())
}

fn quotient(decoder: &mut Decoder, reading: &Reading, kind: Type) -> Result<(), LoadError> {
    reading.done(3)?;
    let (to, sources) = (reading.goal(decoder, kind)?, reading.sources(decoder, kind)?);
    let run = if reading.opcode == "div" { integer::div(kind) } else { integer::rem(kind) };
    let from = [sources[0], sources[1], 0, 0];
    decoder.push(reading.place, Action::Compute { to, from, arity: 2, run, divides: true });
    Ok(())
}

/// A sum or difference that takes a carry, leaves one, or both.
fn carried(d: &mut Decoder, reading: &Reading, kind: Type, takes: bool, leaves: bool) -> Result<(), LoadError> {
    reading.done(3)?;
    if kind.bits == 16 {
        return reading.refuse_type(kind);
    }
    let (to, sources) = (reading.goal(d, kind)?, reading.sources(d, kind)?);
    let flag = d.names.carry();
    let carry: Slot = if takes { flag } else { super::names::ZERO };
    let from = [sources[0], sources[1], carry];
    let minus = reading.opcode.starts_with("sub");
    let total = move |a: u64, b: u64, c: u64| match minus {
        true => i128::from(a) - i128::from(b) - i128::from(c),
        false => i128::from(a) + i128::from(b) + i128::from(c),
    };
    let result = d.names.hidden();
    d.compute(reading.place, result, &from, of_three(move |a, b, c| total(a, b, c) as u64 & kind.mask()));
    if leaves {
        let carries = move |a, b, c| u64::from(total(a, b, c) >> kind.bits != 0);
        d.compute(reading.place, flag, &from, of_three(carries));
    }
    d.compute(reading.place, to, &[result, result], of_two(|a, _| a));
    Ok(())
}
