//! Branches, returns and barriers.

use super::{Decoder, modifiers::Reading};
use crate::{
    error::{LoadError, LoadKind},
    op::Action,
    scalar::U32,
    syntax::{Instruction, Operand},
};

pub(super) fn decode(decoder: &mut Decoder, instruction: &Instruction) -> Result<(), LoadError> {
    let mut reading = Reading::new(instruction);
    match reading.opcode {
        "bra" => branch(decoder, &mut reading),
        "bar" | "barrier" => barrier(decoder, &mut reading),
        // Ordering between threads: warps run one after the other, so every order is kept.
        "membar" | "fence" | "nanosleep" => Ok(()),
        opcode => {
            reading.took("uni");
            reading.done(0)?;
            let action = if opcode == "trap" { Action::Trap } else { Action::Exit };
            decoder.push(reading.place, action);
            Ok(())
        }
    }
}

fn branch(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let uniform = reading.took("uni");
    reading.done(1)?;
    match &reading.operands[0] {
        Operand::Name(label) => {
            decoder.branch(reading.place, label, uniform);
            Ok(())
        }
        _ => reading.error(LoadKind::WrongOperand { opcode: "bra".into(), operand: 1 }),
    }
}

fn barrier(decoder: &mut Decoder, reading: &mut Reading) -> Result<(), LoadError> {
    let warp = reading.took("warp");
    reading.took("cta");
    if !reading.took("sync") {
        return reading.missing("`.sync`");
    }
    reading.took("aligned");
    reading.done_modifiers()?;
    let counts = 1..=if warp { 1 } else { 2 };
    if !counts.contains(&reading.operands.len()) {
        let (opcode, found) = (reading.opcode.into(), reading.operands.len());
        return reading.error(LoadKind::OperandCount { opcode, expected: 1, found });
    }
    let first = reading.source(decoder, 0, U32)?;
    let action = if warp {
        Action::WarpBarrier { members: first }
    } else {
        let threads = if reading.operands.len() == 2 { Some(reading.source(decoder, 1, U32)?) } else { None };
        Action::Barrier { id: first, threads }
    };
    decoder.push(reading.place, action);
    Ok(())
}
