//! Fills from messages.

use super::SpecError;
use crate::proto::{self, fill, random, scalar};
use cleave_ops::{Fill, Law, Scalar};

pub(super) fn fill(message: &proto::Fill) -> Result<Fill, SpecError> {
    let rule = message.rule.as_ref().ok_or(SpecError::Missing { what: "the rule of a fill" })?;
    Ok(match rule {
        fill::Rule::Constant(value) => Fill::Const(scalar(Some(value))?),
        fill::Rule::Ramp(ramp) => Fill::Ramp {
            start: scalar(ramp.start.as_ref())?,
            step: scalar(ramp.step.as_ref())?,
            last: ramp.last.as_ref().map(|last| scalar(Some(last))).transpose()?,
        },
        fill::Rule::Index(axis) => Fill::Index { axis: *axis as usize },
        fill::Rule::Diagonal(k) => Fill::Diagonal { k: *k },
        fill::Rule::Band(k) => Fill::Band { k: *k },
        fill::Rule::Random(draw) => Fill::Random { seed: draw.seed, draw: draw.draw, law: law(draw.law.as_ref())? },
    })
}

fn law(message: Option<&random::Law>) -> Result<Law, SpecError> {
    let pair = |pair: &proto::Pair| Ok((scalar(pair.a.as_ref())?, scalar(pair.b.as_ref())?));
    match message.ok_or(SpecError::Missing { what: "the law of a draw" })? {
        random::Law::Uniform(limits) => pair(limits).map(|(low, high)| Law::Uniform { low, high }),
        random::Law::Normal(shape) => pair(shape).map(|(mean, std)| Law::Normal { mean, std }),
        random::Law::Integers(limits) => pair(limits).map(|(low, high)| Law::Integers { low, high }),
    }
}

fn scalar(message: Option<&proto::Scalar>) -> Result<Scalar, SpecError> {
    let value = message.and_then(|scalar| scalar.value.as_ref()).ok_or(SpecError::Missing { what: "a number" })?;
    Ok(match value {
        scalar::Value::Boolean(v) => Scalar::Bool(*v),
        scalar::Value::Float(bits) => Scalar::Float(f64::from_bits(*bits)),
        scalar::Value::Integer(bytes) => {
            let bytes = bytes.as_ref().try_into().map_err(|_| SpecError::Number { what: "an integer" })?;
            Scalar::Int(i128::from_le_bytes(bytes))
        }
    })
}
