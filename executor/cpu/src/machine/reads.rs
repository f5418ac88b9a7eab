//! Where the steps of a program find what they do not make.

use super::{Inputs, Machine};
use crate::between::Between;
use crate::gather::{Reader, Run, Stored};
use crate::made::{At, Made};
use cleave_graph::SourceId;
use cleave_ops::{DType, Region, Shape};
use cleave_plan::{Action, Origin, RunError};

/// Where the elements of a register lie.
pub(super) enum Alias<'a> {
    /// In a local, by its number, from an element on.
    Local(u32, At),
    /// In data that exists.
    Data(Run<'a>),
}

/// What a step needs besides its inputs.
pub(super) enum Extra<'a> {
    None,
    Read(Reader<'a>),
    Patch(Box<Machine<'a>>),
}

/// Where the elements lie that a load takes in their order.
pub(super) fn alias<'a>(
    action: &Action,
    extra: &mut Extra<'a>,
    region: &Region,
    made: &[Made],
) -> Result<Option<Alias<'a>>, RunError> {
    match (action, extra) {
        (Action::Load { origin: Origin::Local(number), view, .. }, _) => {
            Ok(made[*number as usize].find(view, region).map(|at| Alias::Local(*number, at)))
        }
        (Action::Load { view, .. }, Extra::Read(reader)) => Ok(reader.run(view, region)?.map(Alias::Data)),
        _ => Ok(None),
    }
}

/// What a step that writes elements of a dtype needs.
pub(super) fn extra<'a>(action: &'a Action, dtype: DType, inputs: &Inputs<'a>) -> Result<Extra<'a>, RunError> {
    Ok(match action {
        Action::Load { origin: Origin::Local(_), .. } => Extra::None,
        Action::Load { origin, shape, .. } => Extra::Read(reader((*origin, shape, dtype), inputs)?),
        Action::Overlay { patch, .. } => Extra::Patch(Box::new(Machine::nested(patch, inputs)?)),
        Action::Fill { .. } | Action::Map { .. } | Action::Cast { .. } => Extra::None,
    })
}

/// What reads data that exists, of such a shape and dtype.
pub(crate) fn reader<'a>(
    (origin, shape, dtype): (Origin, &Shape, DType),
    inputs: &Inputs<'a>,
) -> Result<Reader<'a>, RunError> {
    match origin {
        Origin::Stored(id) => {
            let source = inputs.stored.get(&id).ok_or(RunError::MissingSource(id))?;
            if source.dtype() != dtype || source.grid().shape() != *shape {
                return Err(RunError::WrongSource(id));
            }
            Ok(Reader::Stored(Stored::new(id, source, inputs.cache)))
        }
        Origin::Buffer(id) => {
            let number = id.0 as usize;
            match inputs.buffers[number].as_ref().ok_or(RunError::MissingValue(id))? {
                Between::Whole(block) => {
                    Ok(Reader::Buffer { data: block.elements(), shape: &inputs.planned[number].shape })
                }
                Between::Blocks(source) => {
                    let id = SourceId(u64::MAX - u64::from(id.0));
                    Ok(Reader::Stored(Stored::new(id, source, inputs.cache)))
                }
            }
        }
        Origin::Local(number) => unreachable!("local {number} is made, not read"),
    }
}
