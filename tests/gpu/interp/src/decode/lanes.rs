//! What the lanes of a warp tell each other.

use super::{Decoder, access::change, modifiers::Reading};
use crate::{
    error::LoadError,
    op::{Action, Shuffle, ShuffleMode, Slot, Vote},
    scalar::{Class, PREDICATE, Type, U32},
    syntax::{Instruction, Operand},
};

pub(super) fn decode(decoder: &mut Decoder, instruction: &Instruction) -> Result<(), LoadError> {
    let mut reading = Reading::new(instruction);
    if reading.opcode == "activemask" {
        let kind = reading.scalar()?;
        reading.done(1)?;
        let to = reading.goal(decoder, kind)?;
        decoder.push(reading.place, Action::Active { to });
        return Ok(());
    }
    match reading.opcode {
        "shfl" => shuffle(decoder, &mut reading),
        "vote" => vote(decoder, &mut reading),
        "match" => matching(decoder, &mut reading),
        _ => fold(decoder, &mut reading),
    }
}

fn sync(reading: &mut Reading) -> Result<(), LoadError> {
    if reading.took("sync") { Ok(()) } else { reading.missing("`.sync`") }
}

/// The goal and the predicate beside it.
fn goals(d: &mut Decoder, reading: &Reading, kind: Type) -> Result<(Slot, Option<Slot>), LoadError> {
    match &reading.operands[0] {
        Operand::Pair(to, predicate) => {
            let to = d.goal(reading.place, &Operand::Name(to.clone()), kind)?;
            Ok((to, Some(d.goal(reading.place, &Operand::Name(predicate.clone()), PREDICATE)?)))
        }
        one => Ok((d.goal(reading.place, one, kind)?, None)),
    }
}

fn shuffle(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    sync(reading)?;
    let modes = [
        ("up", ShuffleMode::Up),
        ("down", ShuffleMode::Down),
        ("bfly", ShuffleMode::Butterfly),
        ("idx", ShuffleMode::Index),
    ];
    let Some(mode) = reading.took_of(&modes) else {
        return reading.missing("a mode");
    };
    let kind = reading.scalar()?;
    reading.done(5)?;
    if kind != (Type { class: Class::Bits, bits: 32 }) {
        return reading.refuse_type(kind);
    }
    let (to, in_range) = goals(decoder, reading, kind)?;
    let from = reading.source(decoder, 1, kind)?;
    let [lane, clamp, members] =
        [reading.source(decoder, 2, U32)?, reading.source(decoder, 3, U32)?, reading.source(decoder, 4, U32)?];
    let shuffle = Shuffle { mode, to, in_range, from, lane, clamp, members };
    decoder.push(reading.place, Action::Shuffle(shuffle));
    Ok(())
}

fn vote(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    sync(reading)?;
    let kinds = [("all", Vote::All), ("any", Vote::Any), ("uni", Vote::Uniform), ("ballot", Vote::Ballot)];
    let Some(kind) = reading.took_of(&kinds) else {
        return reading.missing("a mode");
    };
    let result = reading.scalar()?;
    let expected = if kind == Vote::Ballot { Class::Bits } else { Class::Predicate };
    if result.class != expected || !matches!(result.bits, 1 | 32) {
        return reading.refuse_type(result);
    }
    reading.done(3)?;
    let to = reading.goal(decoder, result)?;
    let (operand, negated) = match &reading.operands[1] {
        Operand::Not(name) => (Operand::Name(name.clone()), true),
        other => (other.clone(), false),
    };
    let from = decoder.source(reading.place, &operand, PREDICATE)?;
    let members = reading.source(decoder, 2, U32)?;
    decoder.push(reading.place, Action::Vote { to, from, negated, members, kind });
    Ok(())
}

fn matching(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let Some(all) = reading.took_of(&[("any", false), ("all", true)]) else {
        return reading.missing("`.any` or `.all`");
    };
    sync(reading)?;
    let kind = reading.scalar()?;
    reading.done(3)?;
    if kind.class != Class::Bits || kind.bits < 32 {
        return reading.refuse_type(kind);
    }
    let (to, predicate) = goals(decoder, reading, U32)?;
    let (from, members) = (reading.source(decoder, 1, kind)?, reading.source(decoder, 2, U32)?);
    let all = all.then(|| predicate.unwrap_or_else(|| decoder.names.hidden()));
    decoder.push(reading.place, Action::Match { to, from, members, all });
    Ok(())
}

fn fold(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    reading.needs(decoder, 80)?;
    sync(reading)?;
    let names = ["add", "min", "max", "and", "or", "xor"];
    let Some(name) = reading.took_of(&names.map(|name| (name, name))) else {
        return reading.missing("an operation");
    };
    let kind = reading.scalar()?;
    let Some(change) = (kind.bits == 32 && !kind.is_float()).then(|| change(name, kind)).flatten() else {
        return reading.refuse_type(kind);
    };
    reading.done(3)?;
    let (to, from) = (reading.goal(decoder, kind)?, reading.source(decoder, 1, kind)?);
    let members = reading.source(decoder, 2, U32)?;
    decoder.push(reading.place, Action::Fold { to, from, members, change });
    Ok(())
}
