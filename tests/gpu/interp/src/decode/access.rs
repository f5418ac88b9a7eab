//! Loads, stores and atomics.

use super::{Decoder, modifiers::Reading};
use crate::{
    error::{LoadError, LoadKind},
    op::{Access, Action, Change, Slot},
    scalar::{Class, Type},
    semantics::{
        float::{double, from_double, from_single, single},
        integer::{least, most},
    },
    syntax::{Instruction, Operand, Space},
};

/// Hints and scopes that change nothing where one warp runs after the other.
const HINTS: &[&str] = &[
    "volatile",
    "weak",
    "relaxed",
    "acquire",
    "release",
    "acq_rel",
    "cta",
    "gpu",
    "sys",
    "cluster",
    "ca",
    "cg",
    "cs",
    "lu",
    "cv",
    "wb",
    "wt",
    "L1",
    "L2",
    "L1::no_allocate",
    "L1::evict_last",
    "L1::evict_first",
    "L1::evict_normal",
    "L1::evict_unchanged",
    "L2::64B",
    "L2::128B",
    "L2::256B",
];

pub(super) fn decode(decoder: &mut Decoder, instruction: &Instruction) -> Result<(), LoadError> {
    let mut reading = Reading::new(instruction);
    for hint in HINTS {
        reading.took(hint);
    }
    let spaces = [
        ("global", Space::Global),
        ("shared", Space::Shared),
        ("local", Space::Local),
        ("param", Space::Param),
        ("const", Space::Constant),
    ];
    let space = reading.took_of(&spaces).unwrap_or(Space::Generic);
    match reading.opcode {
        "ld" | "ldu" => load(decoder, &mut reading, space),
        "st" => store(decoder, &mut reading, space),
        "prefetch" | "prefetchu" => Ok(()),
        _ => atomic(decoder, &mut reading, space),
    }
}

/// The elements of an operand: one, or as many as `.v2` and `.v4` say.
fn elements<'o>(reading: &mut Reading, at: usize, operands: &'o [Operand]) -> Result<&'o [Operand], LoadError> {
    let expected = reading.took_of(&[("v2", 2), ("v4", 4)]).unwrap_or(1);
    reading.done(2)?;
    match &operands[at] {
        Operand::Vector(items) if items.len() == expected && expected > 1 => Ok(items),
        Operand::Vector(_) => wrong(reading, at),
        _ if expected > 1 => wrong(reading, at),
        _ => Ok(&operands[at..=at]),
    }
}

fn wrong<T>(reading: &Reading, at: usize) -> Result<T, LoadError> {
    reading.error(LoadKind::WrongOperand { opcode: reading.opcode.into(), operand: at + 1 })
}

fn access(d: &mut Decoder, r: &Reading, at: usize, space: Space, kind: Type) -> Result<Access, LoadError> {
    let (base, offset) = d.address(r.place, &r.operands[at], space)?;
    Ok(Access { space, base, offset, width: kind.bytes(), sign: None, read_only: space == Space::Constant })
}

fn load(decoder: &mut Decoder, reading: &mut Reading, space: Space) -> Result<(), LoadError> {
    let kind = reading.scalar()?;
    let read_only = reading.opcode == "ldu" || space == Space::Global && reading.took("nc");
    let operands = reading.operands;
    let goals = elements(reading, 0, operands)?;
    check_vector(reading, goals.len(), kind)?;
    let mut access = access(decoder, reading, 1, space, kind)?;
    access.read_only |= read_only;
    let wide = decoder.type_of(&goals[0]).map_or(kind.bits, |found| found.bits);
    access.sign =
        (kind.is_signed() && wide > kind.bits).then(|| (kind.bits, Type { class: Class::Bits, bits: wide }.mask()));
    let goals: Result<Vec<Slot>, _> = goals.iter().map(|goal| decoder.wide_goal(reading.place, goal, kind)).collect();
    decoder.push(reading.place, Action::Load(access, goals?));
    Ok(())
}

fn check_vector(reading: &Reading, len: usize, kind: Type) -> Result<(), LoadError> {
    let too_wide = len as u32 * kind.bits > 128;
    if too_wide || kind.class == Class::Predicate { reading.refuse_type(kind) } else { Ok(()) }
}

fn store(decoder: &mut Decoder, reading: &mut Reading, space: Space) -> Result<(), LoadError> {
    let kind = reading.scalar()?;
    if matches!(space, Space::Param | Space::Constant) {
        return reading.refuse("a space that is only read");
    }
    let operands = reading.operands;
    let sources = elements(reading, 1, operands)?;
    check_vector(reading, sources.len(), kind)?;
    let access = access(decoder, reading, 0, space, kind)?;
    let sources: Result<Vec<Slot>, _> =
        sources.iter().map(|source| decoder.wide_source(reading.place, source, kind)).collect();
    decoder.push(reading.place, Action::Store(access, sources?));
    Ok(())
}

fn atomic(decoder: &mut Decoder, reading: &mut Reading, space: Space) -> Result<(), LoadError> {
    let names = ["add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"];
    let Some(name) = reading.took_of(&names.map(|name| (name, name))) else {
        return reading.missing("an operation");
    };
    if !matches!(space, Space::Global | Space::Shared | Space::Generic) {
        return reading.refuse("a space without atomics");
    }
    let kind = reading.scalar()?;
    let Some(change) = change(name, kind) else {
        return reading.refuse_type(kind);
    };
    let gives = reading.opcode == "atom";
    let first = usize::from(gives);
    let count = if name == "cas" { 2 } else { 1 };
    reading.done(first + 1 + count)?;
    let access = access(decoder, reading, first, space, kind)?;
    let to = if gives { Some(reading.goal(decoder, kind)?) } else { None };
    let from = [reading.source(decoder, first + 1, kind)?, reading.source(decoder, first + count, kind)?];
    decoder.push(reading.place, Action::Atomic { access, to, from, change });
    Ok(())
}

/// What an atomic of a name does to values of a type, if there is one.
pub(super) fn change(name: &str, kind: Type) -> Option<Change> {
    let mask = kind.mask();
    let number = kind.is_integer() && kind.bits >= 32;
    let bits = kind.class == Class::Bits && kind.bits >= 32;
    let unsigned = kind.class == Class::Unsigned && kind.bits == 32;
    Some(match (name, kind.is_float(), kind.bits) {
        ("add", true, 32) => Box::new(|old, a, _| from_single(single(old) + single(a))),
        ("add", true, 64) => Box::new(|old, a, _| from_double(double(old) + double(a))),
        ("add", ..) if number => Box::new(move |old, a, _| old.wrapping_add(a) & mask),
        ("min", ..) if number => {
            let least = least(kind);
            Box::new(move |old, a, _| least(old, a, kind))
        }
        ("max", ..) if number => {
            let most = most(kind);
            Box::new(move |old, a, _| most(old, a, kind))
        }
        ("and", ..) if bits => Box::new(|old, a, _| old & a),
        ("or", ..) if bits => Box::new(|old, a, _| old | a),
        ("xor", ..) if bits => Box::new(|old, a, _| old ^ a),
        ("exch", ..) if bits => Box::new(|_, a, _| a),
        ("cas", ..) if bits => Box::new(|old, a, b| if old == a { b } else { old }),
        ("inc", ..) if unsigned => Box::new(|old, a, _| if old >= a { 0 } else { old + 1 }),
        ("dec", ..) if unsigned => Box::new(|old, a, _| if old == 0 || old > a { a } else { old - 1 }),
        _ => return None,
    })
}
