//! How much is in a message, before memory is given to it: an empty node takes two bytes there and hundreds here.

use super::{Limits, SpecError};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

const GRAPH: u32 = 1;
const NODE: u32 = 1;
const WANTED: u32 = 2;
const SOURCE: u32 = 4;

/// Refuses messages with more parts than a job may have.
pub(super) fn counts(program: &[u8], limits: &Limits) -> Result<(), SpecError> {
    if program.len() > limits.job_bytes {
        return Err(SpecError::TooLarge { bytes: program.len(), nodes: 0, limits: *limits });
    }
    let (mut nodes, mut arrays) = (0, 0);
    each_field(program, |field, part| {
        match field {
            GRAPH => each_field(part, |field, _| {
                nodes += usize::from(field == NODE);
                within("nodes", nodes, limits.nodes)
            })?,
            WANTED | SOURCE => arrays += 1,
            _ => {}
        }
        within("outputs and sources", arrays, 2 * limits.arrays)
    })
}

pub(super) fn within(what: &'static str, count: usize, limit: usize) -> Result<(), SpecError> {
    if count > limit { Err(SpecError::TooMany { what, count, limit }) } else { Ok(()) }
}

/// Calls `see` with the number and the content of each field that has a length.
fn each_field(mut rest: &[u8], mut see: impl FnMut(u32, &[u8]) -> Result<(), SpecError>) -> Result<(), SpecError> {
    while !rest.is_empty() {
        let (field, wire) = decode_key(&mut rest).map_err(SpecError::Malformed)?;
        if wire == WireType::LengthDelimited {
            let len = decode_varint(&mut rest).map_err(SpecError::Malformed)?;
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let Some((part, after)) = rest.split_at_checked(len) else {
                return Err(SpecError::Missing { what: "its end" });
            };
            see(field, part)?;
            rest = after;
        } else {
            skip_field(wire, field, &mut rest, DecodeContext::default()).map_err(SpecError::Malformed)?;
        }
    }
    Ok(())
}
