//! The table: one entry an operation.

mod arithmetic;
mod bits;
mod comparison;
mod creation;
mod cumulative;
mod exponential;
mod logic;
mod product;
mod reduction;
mod rounding;
mod selection;
mod shape;
mod trigonometry;
mod turn;
mod window;

use crate::op::{Class, Map, MapLoop, Numpy, Op, Param, ParamKind};
use std::collections::HashMap;
use std::sync::LazyLock;

static GROUPS: &[&[&Op]] = &[
    creation::OPS,
    arithmetic::OPS,
    comparison::OPS,
    exponential::OPS,
    trigonometry::OPS,
    rounding::OPS,
    logic::OPS,
    bits::OPS,
    selection::OPS,
    reduction::OPS,
    cumulative::OPS,
    product::OPS,
    shape::OPS,
    turn::OPS,
    window::OPS,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Op>> = LazyLock::new(|| {
    let named = |op: &'static Op| op.aliases.iter().chain([&op.name]).map(move |name| (*name, op));
    all().flat_map(named).collect()
});

/// Every operation, group by group.
pub fn all() -> impl Iterator<Item = &'static Op> {
    GROUPS.iter().flat_map(|group| group.iter().copied())
}

/// The operation of a name or alias.
pub fn find(name: &str) -> Option<&'static Op> {
    BY_NAME.get(name).copied()
}

/// The operation of an operator between two operands, such as `+`.
pub fn binary(symbol: &str) -> Option<&'static Op> {
    by_symbol(symbol, 2)
}

/// The operation of an operator before one operand, such as `-`.
pub fn unary(symbol: &str) -> Option<&'static Op> {
    by_symbol(symbol, 1)
}

fn by_symbol(symbol: &str, operands: usize) -> Option<&'static Op> {
    all().find(|op| op.symbol == Some(symbol) && op.arrays() == operands)
}

impl Op {
    /// How many of its parameters are arrays.
    pub fn arrays(&self) -> usize {
        self.params.iter().filter(|p| p.kind == ParamKind::Array).count()
    }
}

const fn array(name: &'static str, doc: &'static str) -> Param {
    Param { name, kind: ParamKind::Array, default: None, doc }
}

const fn axes(name: &'static str, doc: &'static str) -> Param {
    Param { name, kind: ParamKind::Axes, default: Some("None"), doc }
}

const fn flag(name: &'static str, doc: &'static str) -> Param {
    Param { name, kind: ParamKind::Bool, default: Some("False"), doc }
}

const fn numpy(function: &'static str, low: f64, high: f64, ulp: f64) -> Option<Numpy> {
    Some(Numpy { function, range: (low, high), ulp })
}

const ONE: &[Param] = &[array("x", "an array or a number")];
const TWO: &[Param] = &[array("x1", "an array or a number"), array("x2", "an array or a number")];

/// What most elementwise entries have in common: two operands, nothing else.
const MAP: Op = Op {
    name: "",
    aliases: &[],
    symbol: None,
    method: false,
    params: TWO,
    summary: "",
    details: "",
    examples: &[],
    class: Class::Map(map(&[], 1.0)),
    numpy: None,
};

const fn map(loops: &'static [MapLoop], weight: f32) -> Map {
    Map {
        loops,
        weight,
        easy: &[],
        ints_as: None,
        condition: false,
        apart: 0,
        no_bools: false,
        check: None,
        twin: None,
        link: None,
    }
}
