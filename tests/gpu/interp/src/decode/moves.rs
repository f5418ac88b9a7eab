//! Copies, choices and comparisons.

use super::{Decoder, modifiers::Reading, names::window};
use crate::{
    error::{LoadError, LoadKind},
    op::{Action, Joined, Slot},
    scalar::{Class, PREDICATE, Type, U32},
    semantics::{
        compare::{Join, Relation, relation},
        float, of_one, of_three, of_two,
    },
    syntax::{Instruction, Operand, Space},
};

pub(super) fn decode(decoder: &mut Decoder, instruction: &Instruction) -> Result<(), LoadError> {
    let mut reading = Reading::new(instruction);
    match reading.opcode {
        "mov" => copy(decoder, &mut reading),
        "selp" => select(decoder, &mut reading),
        "slct" => select_by_sign(decoder, &mut reading),
        "setp" => compare(decoder, &mut reading),
        "set" => compare_to_number(decoder, &mut reading),
        _ => convert_address(decoder, &mut reading),
    }
}

fn copy(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let kind = reading.scalar()?;
    reading.done(2)?;
    match (&reading.operands[0], &reading.operands[1]) {
        (Operand::Vector(parts), _) => return unpack(decoder, reading, kind, parts),
        (_, Operand::Vector(parts)) => return pack(decoder, reading, kind, parts),
        _ if kind.bits == 8 => return reading.refuse_type(kind),
        _ => {}
    }
    let to = reading.goal(decoder, kind)?;
    let from = match address_of(decoder, &reading.operands[1], kind) {
        Some(slot) => slot,
        None => reading.source(decoder, 1, kind)?,
    };
    decoder.compute(reading.place, to, &[from], of_one(|a| a));
    Ok(())
}

/// The address of a variable in its own space.
fn address_of(decoder: &mut Decoder, operand: &Operand, kind: Type) -> Option<Slot> {
    let Operand::Name(name) = operand else {
        return None;
    };
    let fits = !kind.is_float() && kind.bits >= 32 && decoder.type_of(operand).is_none();
    let (_, address) = fits.then(|| decoder.names.variable(name))??;
    Some(decoder.names.constant(address))
}

fn part(reading: &Reading, kind: Type, parts: &[Operand]) -> Result<Type, LoadError> {
    let count = parts.len() as u32;
    if !matches!(count, 2 | 4) || kind.bits / count < 8 || kind.class != Class::Bits {
        return reading.refuse_type(kind);
    }
    Ok(Type { class: Class::Bits, bits: kind.bits / count })
}

fn unpack(d: &mut Decoder, reading: &Reading, kind: Type, parts: &[Operand]) -> Result<(), LoadError> {
    let small = part(reading, kind, parts)?;
    let from = reading.source(d, 1, kind)?;
    for (at, operand) in parts.iter().enumerate() {
        let to = d.wide_goal(reading.place, operand, small)?;
        let shift = at as u32 * small.bits;
        d.compute(reading.place, to, &[from], of_one(move |a| a >> shift & small.mask()));
    }
    Ok(())
}

fn pack(d: &mut Decoder, reading: &Reading, kind: Type, parts: &[Operand]) -> Result<(), LoadError> {
    let small = part(reading, kind, parts)?;
    let to = reading.goal(d, kind)?;
    let mut sum = super::names::ZERO;
    for (at, operand) in parts.iter().enumerate() {
        let from = d.wide_source(reading.place, operand, small)?;
        let next = if at + 1 == parts.len() { to } else { d.names.hidden() };
        let shift = at as u32 * small.bits;
        d.compute(reading.place, next, &[sum, from], of_two(move |sum, a| sum | (a & small.mask()) << shift));
        sum = next;
    }
    Ok(())
}

fn select(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let kind = reading.scalar()?;
    reading.done(4)?;
    if kind.bits < 16 {
        return reading.refuse_type(kind);
    }
    let to = reading.goal(decoder, kind)?;
    let [yes, no] = [reading.source(decoder, 1, kind)?, reading.source(decoder, 2, kind)?];
    let by = reading.source(decoder, 3, PREDICATE)?;
    decoder.push(reading.place, Action::Select { to, yes, no, by });
    Ok(())
}

fn select_by_sign(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let (kind, by) = (reading.scalar()?, reading.scalar()?);
    reading.done(4)?;
    let to = reading.goal(decoder, kind)?;
    let from = [reading.source(decoder, 1, kind)?, reading.source(decoder, 2, kind)?, reading.source(decoder, 3, by)?];
    let run = match (by.class, by.bits) {
        (Class::Signed, 32) => of_three(|a, b, c| if (c as i32) >= 0 { a } else { b }),
        (Class::Float, 32) => of_three(|a, b, c| if float::single(c) >= 0.0 { a } else { b }),
        _ => return reading.refuse_type(by),
    };
    decoder.compute(reading.place, to, &from, run);
    Ok(())
}

const RELATIONS: [&str; 18] = [
    "eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan",
];

/// The relation, the type it compares, and the predicate it is joined with.
struct Comparison {
    holds: Relation,
    joined: Option<Joined>,
    from: [Slot; 2],
}

fn comparison(d: &mut Decoder, reading: &mut Reading, kind: Type) -> Result<Comparison, LoadError> {
    let Some(name) = reading.took_of(&RELATIONS.map(|name| (name, name))) else {
        return reading.missing("a comparison");
    };
    let join = reading.took_of(&[("and", Join::And), ("or", Join::Or), ("xor", Join::Xor)]);
    let comparable = kind.bits >= 16 && !(kind.is_float() && kind.bits == 16);
    let Some(holds) = comparable.then(|| relation(name, kind)).flatten() else {
        return reading.refuse(name);
    };
    reading.done(if join.is_some() { 4 } else { 3 })?;
    let from = [reading.source(d, 1, kind)?, reading.source(d, 2, kind)?];
    let joined = match join {
        Some(join) => Some(joined(d, reading, join)?),
        None => None,
    };
    Ok(Comparison { holds, joined, from })
}

fn joined(d: &mut Decoder, reading: &Reading, join: Join) -> Result<Joined, LoadError> {
    let (operand, negated) = match &reading.operands[3] {
        Operand::Not(name) => (Operand::Name(name.clone()), true),
        other => (other.clone(), false),
    };
    Ok(Joined { join, slot: d.source(reading.place, &operand, PREDICATE)?, negated })
}

fn compare(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let kind = reading.scalar()?;
    let Comparison { holds, joined, from } = comparison(decoder, reading, kind)?;
    let goals = match &reading.operands[0] {
        Operand::Pair(yes, no) => vec![Operand::Name(yes.clone()), Operand::Name(no.clone())],
        other => vec![other.clone()],
    };
    let goals: Result<Vec<Slot>, _> = goals.iter().map(|goal| decoder.goal(reading.place, goal, PREDICATE)).collect();
    let goals = goals?;
    if goals.len() == 1 && joined.is_none() {
        decoder.compute(reading.place, goals[0], &from, of_two(move |a, b| u64::from(holds(a, b))));
        return Ok(());
    }
    let result = decoder.names.hidden();
    decoder.compute(reading.place, result, &from, of_two(move |a, b| u64::from(holds(a, b))));
    both_goals(decoder, reading, &goals, result, joined);
    Ok(())
}

/// Writes the joined result and the join of its opposite, neither of which may see the other.
fn both_goals(d: &mut Decoder, reading: &Reading, goals: &[Slot], result: Slot, joined: Option<Joined>) {
    let steps: Vec<Slot> = goals.iter().map(|_| d.names.hidden()).collect();
    for (opposite, step) in steps.iter().enumerate() {
        let slot = joined.map_or(super::names::ZERO, |j| j.slot);
        let run = of_two(move |holds, other| {
            let holds = (holds == 1) != (opposite == 1);
            u64::from(joined.map_or(holds, |j| j.join.of(holds, (other == 1) != j.negated)))
        });
        d.compute(reading.place, *step, &[result, slot], run);
    }
    for (goal, step) in goals.iter().zip(steps) {
        d.compute(reading.place, *goal, &[step], of_one(|a| a));
    }
}

fn compare_to_number(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let (to, kind) = (reading.scalar()?, reading.scalar()?);
    let Comparison { holds, joined, from } = comparison(decoder, reading, kind)?;
    let goal = reading.goal(decoder, to)?;
    let yes = match (to.is_float(), to.bits) {
        (true, 32) => u64::from(1f32.to_bits()),
        (false, 32) => 0xffff_ffff,
        _ => return reading.refuse_type(to),
    };
    let slot = joined.map_or(super::names::ZERO, |j| j.slot);
    let run = of_three(move |a, b, other| {
        let holds = holds(a, b);
        if joined.map_or(holds, |j| j.join.of(holds, (other == 1) != j.negated)) { yes } else { 0 }
    });
    decoder.compute(reading.place, goal, &[from[0], from[1], slot], run);
    Ok(())
}

fn convert_address(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let back = reading.took("to");
    let spaces =
        [("global", Space::Global), ("const", Space::Constant), ("shared", Space::Shared), ("local", Space::Local)];
    let Some(space) = reading.took_of(&spaces) else {
        return reading.missing("a space");
    };
    let kind = reading.scalar()?;
    reading.done(2)?;
    if kind == U32 || kind.class != Class::Unsigned || kind.bits != 64 {
        return reading.refuse_type(kind);
    }
    let (to, base) = (reading.goal(decoder, kind)?, window(space));
    let from = match address_of(decoder, &reading.operands[1], kind) {
        Some(_) if back => return reading.error(LoadKind::WrongOperand { opcode: reading.opcode.into(), operand: 2 }),
        Some(slot) => slot,
        None => reading.source(decoder, 1, kind)?,
    };
    let run = of_one(move |a| if back { a.wrapping_sub(base) } else { a.wrapping_add(base) });
    decoder.compute(reading.place, to, &[from], run);
    Ok(())
}
