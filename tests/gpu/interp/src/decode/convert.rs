//! `cvt`.

use super::{Decoder, modifiers::Reading};
use crate::{
    error::LoadError,
    op::Slot,
    scalar::{Class, Type},
    semantics::{
        convert::{Conversion, convert},
        integer::signed,
        of_one,
        round::Rounding,
    },
    syntax::Instruction,
};

pub(super) fn decode(decoder: &mut Decoder, instruction: &Instruction) -> Result<(), LoadError> {
    let mut reading = Reading::new(instruction);
    let (to, from) = (reading.scalar()?, reading.scalar()?);
    for kind in [to, from] {
        if matches!(kind.class, Class::Bits | Class::Predicate) {
            return reading.refuse_type(kind);
        }
    }
    let how = Conversion { rounding: reading.rounding(), whole: whole(&mut reading), saturate: reading.took("sat") };
    check(&reading, to, from, how)?;
    reading.done(2)?;
    let goal = decoder.wide_goal(reading.place, &reading.operands[0], to)?;
    let source = decoder.wide_source(reading.place, &reading.operands[1], from)?;
    let wide = decoder.type_of(&reading.operands[0]).map_or(to.bits, |kind| kind.bits);
    emit(decoder, &reading, [goal, source], [to, from], wide, how);
    Ok(())
}

fn whole(reading: &mut Reading) -> Option<Rounding> {
    reading.took_of(&[
        ("rni", Rounding::Nearest),
        ("rzi", Rounding::Zero),
        ("rmi", Rounding::Down),
        ("rpi", Rounding::Up),
    ])
}

/// Whether the roundings are those that the types need.
fn check(reading: &Reading, to: Type, from: Type, how: Conversion) -> Result<(), LoadError> {
    let narrows = to.is_float() && (!from.is_float() || to.bits < from.bits);
    let makes_whole = from.is_float() && (!to.is_float() || to.bits == from.bits);
    if how.rounding.is_some() && !narrows {
        return reading.refuse("a rounding of floats");
    }
    if how.whole.is_some() && !makes_whole {
        return reading.refuse("a rounding to integers");
    }
    if how.saturate && holds_all(to, from) {
        return reading.refuse("sat");
    }
    if narrows && how.rounding.is_none() {
        return reading.missing("a rounding of floats");
    }
    if makes_whole && !to.is_float() && how.whole.is_none() {
        return reading.missing("a rounding to integers");
    }
    Ok(())
}

/// Whether an integer type has every value of another, so that nothing is left to saturate.
fn holds_all(to: Type, from: Type) -> bool {
    let wide_enough = match (to.class, from.class) {
        (Class::Signed, Class::Unsigned) => to.bits > from.bits,
        (Class::Unsigned, Class::Signed) => false,
        _ => to.bits >= from.bits,
    };
    to.is_integer() && from.is_integer() && wide_enough
}

/// Reads the low bits of the source and spreads the sign of a signed result over a wider goal.
fn emit(d: &mut Decoder, r: &Reading, [goal, source]: [Slot; 2], [to, from]: [Type; 2], wide: u32, how: Conversion) {
    let mask = from.mask();
    let low = d.names.hidden();
    d.compute(r.place, low, &[source], of_one(move |a| a & mask));
    if !to.is_signed() || wide == to.bits {
        d.compute(r.place, goal, &[low], convert(to, from, how));
        return;
    }
    let narrow = d.names.hidden();
    d.compute(r.place, narrow, &[low], convert(to, from, how));
    let spread = Type { class: Class::Signed, bits: wide }.mask();
    d.compute(r.place, goal, &[narrow], of_one(move |a| signed(a, to.bits) as u64 & spread));
}
