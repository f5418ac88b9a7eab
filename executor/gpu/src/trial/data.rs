//! Arrays to compute with, and where results differ.

use cleave_cpu::MemorySource;
use cleave_graph::SourceId;
use cleave_ops::data::Element;
use cleave_ops::{DType, Data, Scalar, Shape, each_dtype};
use cleave_plan::{Origin, Plan, Source, Sources, Stage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stored arrays of these numbers and above have more edges: limits of integers, and the smallest floats of each width.
pub const FAR: usize = 1 << 20;

const EDGES: [f64; 13] =
    [0.0, -0.0, 1.0, f64::NAN, -1.5, 3e4, f64::INFINITY, 0.25, -7.0, f64::NEG_INFINITY, 1e-310, 2.5, -f64::NAN];
const FAR_EDGES: [f64; 14] = [
    127.5,
    -129.0,
    65_536.0,
    2_147_483_648.0,
    -2_147_483_649.0,
    4_294_967_296.0,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    18_446_744_073_709_551_616.0,
    6e-8,
    -1e-40,
    1e-320,
    65_520.0,
    1e39,
];

/// Elements of all sorts, the same every time.
pub fn elements(dtype: DType, len: usize, seed: usize) -> Data {
    let value = |i: usize| {
        let mixed = (i + 977 * seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        match mixed % 97 {
            small @ 0..13 if seed.is_multiple_of(2) => Scalar::Float(EDGES[small]),
            small @ 20..34 if seed >= FAR => Scalar::Float(FAR_EDGES[small - 20]),
            _ => Scalar::Float((mixed as f64 / 9e12 - 0.9) * 9.0),
        }
    };
    let mut data = Data::zeros(dtype, len);
    let whole = |scalar: Scalar| Scalar::Int(scalar.to_f64() as i128);
    let is_float = dtype.kind() == cleave_ops::Kind::Float;
    each_dtype!(Data, &mut data, v => v.iter_mut().enumerate().for_each(|(i, x)| {
        *x = Element::from_scalar(if is_float { value(i) } else { whole(value(i)) });
    }));
    data
}

/// What a plan reads, made by its number.
pub fn stored(plan: &Plan, make: impl Fn(SourceId) -> Data) -> BTreeMap<SourceId, (Shape, Data)> {
    let mut found = BTreeMap::new();
    for program in plan.stages.iter().flat_map(Stage::programs) {
        program.each_step(&mut |_, step| {
            if let cleave_plan::Action::Load { origin: Origin::Stored(id), shape, .. } = &step.action {
                found.entry(*id).or_insert_with(|| (shape.clone(), make(*id)));
            }
        });
    }
    found
}

/// The dtype and the length of a stored array.
pub fn form(plan: &Plan, id: SourceId) -> (DType, usize) {
    let mut found = (DType::Bool, 0);
    for program in plan.stages.iter().flat_map(Stage::programs) {
        program.each_step(&mut |program, step| {
            if let cleave_plan::Action::Load { origin: Origin::Stored(of), shape, .. } = &step.action
                && *of == id
            {
                found = (program.slots[step.out.0 as usize], shape.size());
            }
        });
    }
    found
}

/// Arrays in memory.
pub fn in_memory(sources: &BTreeMap<SourceId, (Shape, Data)>) -> Sources {
    let source = |(shape, data): &(Shape, Data)| Arc::new(MemorySource::new(shape, Arc::new(data.clone())));
    sources.iter().map(|(id, of)| (*id, source(of) as Arc<dyn Source>)).collect()
}

/// Where two results of one form differ, and what stands there; all nans are one.
pub fn difference(found: &Data, expected: &Data) -> Option<(usize, Scalar, Scalar)> {
    let same = |a: Scalar, b: Scalar| match (a, b) {
        (Scalar::Float(a), Scalar::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        _ => a == b,
    };
    let pair = |i: usize| (i, found.get(i), expected.get(i));
    (0..expected.len()).map(pair).find(|&(_, a, b)| !same(a, b))
}

/// What a plan reads, all sorts of numbers.
pub fn of_all_sorts(plan: &Plan) -> BTreeMap<SourceId, (Shape, Data)> {
    stored(plan, |id| {
        let (dtype, len) = form(plan, id);
        elements(dtype, len, id.0 as usize)
    })
}
