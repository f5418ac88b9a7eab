//! Comparisons, and how they join with a second predicate.

use std::cmp::Ordering;

use super::{
    float::{double, single},
    integer::signed,
};
use crate::scalar::Type;

/// Whether two values stand in a relation.
pub(crate) type Relation = Box<dyn Fn(u64, u64) -> bool + Send + Sync>;

/// The relation of a name over a type, if the type has it.
pub(crate) fn relation(name: &str, kind: Type) -> Option<Relation> {
    if kind.is_float() {
        let holds = float_relation(name)?;
        return Some(match kind.bits {
            32 => Box::new(move |a, b| holds(single(a).partial_cmp(&single(b)))),
            _ => Box::new(move |a, b| holds(double(a).partial_cmp(&double(b)))),
        });
    }
    let holds = integer_relation(name, kind)?;
    Some(match kind.is_signed() {
        true => Box::new(move |a, b| holds(signed(a, kind.bits).cmp(&signed(b, kind.bits)))),
        false => Box::new(move |a, b| holds(a.cmp(&b))),
    })
}

fn integer_relation(name: &str, kind: Type) -> Option<fn(Ordering) -> bool> {
    let ordered: Option<fn(Ordering) -> bool> = match name {
        "lt" => Some(Ordering::is_lt),
        "le" => Some(Ordering::is_le),
        "gt" => Some(Ordering::is_gt),
        "ge" => Some(Ordering::is_ge),
        _ => None,
    };
    let unsigned: Option<fn(Ordering) -> bool> = match name {
        "lo" => Some(Ordering::is_lt),
        "ls" => Some(Ordering::is_le),
        "hi" => Some(Ordering::is_gt),
        "hs" => Some(Ordering::is_ge),
        _ => None,
    };
    match name {
        "eq" => Some(Ordering::is_eq),
        "ne" => Some(Ordering::is_ne),
        _ if kind.is_integer() && ordered.is_some() => ordered,
        _ if kind.is_integer() && !kind.is_signed() => unsigned,
        _ => None,
    }
}

fn float_relation(name: &str) -> Option<fn(Option<Ordering>) -> bool> {
    Some(match name {
        "eq" => |o| o.is_some_and(Ordering::is_eq),
        "ne" => |o| o.is_some_and(Ordering::is_ne),
        "lt" => |o| o.is_some_and(Ordering::is_lt),
        "le" => |o| o.is_some_and(Ordering::is_le),
        "gt" => |o| o.is_some_and(Ordering::is_gt),
        "ge" => |o| o.is_some_and(Ordering::is_ge),
        "equ" => |o| o.is_none_or(Ordering::is_eq),
        "neu" => |o| o.is_none_or(Ordering::is_ne),
        "ltu" => |o| o.is_none_or(Ordering::is_lt),
        "leu" => |o| o.is_none_or(Ordering::is_le),
        "gtu" => |o| o.is_none_or(Ordering::is_gt),
        "geu" => |o| o.is_none_or(Ordering::is_ge),
        "num" => |o| o.is_some(),
        "nan" => |o| o.is_none(),
        _ => return None,
    })
}

/// How `setp` joins its result with a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
    Xor,
}

impl Join {
    pub(crate) fn of(self, a: bool, b: bool) -> bool {
        match self {
            Self::And => a && b,
            Self::Or => a || b,
            Self::Xor => a != b,
        }
    }
}
