//! What is computed with, and what has to come out.

use cleave_cpu::{Cancel, Control, DenseSink, MemorySource, Pool, run};
use cleave_graph::SourceId;
use cleave_ops::data::Element;
use cleave_ops::{DType, Data, Scalar, Shape, each_dtype};
use cleave_plan::{Origin, Plan, Sink, Source, Sources, Stage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Elements of all sorts, the same every time.
pub(crate) fn elements(dtype: DType, len: usize, seed: usize) -> Data {
    let edges = [0.0, -0.0, 1.0, f64::NAN, -1.5, 3e4, f64::INFINITY, 0.25, -7.0, f64::NEG_INFINITY, 1e-310, 2.5];
    let value = |i: usize| {
        let mixed = (i + 977 * seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        match mixed % 97 {
            small @ 0..12 if seed.is_multiple_of(2) => Scalar::Float(edges[small]),
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
pub(crate) fn stored(plan: &Plan, make: impl Fn(SourceId) -> Data) -> BTreeMap<SourceId, (Shape, Data)> {
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
pub(crate) fn form(plan: &Plan, id: SourceId) -> (DType, usize) {
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
pub(crate) fn in_memory(sources: &BTreeMap<SourceId, (Shape, Data)>) -> Sources {
    let source = |(shape, data): &(Shape, Data)| Arc::new(MemorySource::new(shape, Arc::new(data.clone())));
    sources.iter().map(|(id, of)| (*id, source(of) as Arc<dyn Source>)).collect()
}

/// What threads make of a plan.
pub(crate) fn on_threads(plan: &Plan, sources: &BTreeMap<SourceId, (Shape, Data)>) -> Vec<Data> {
    let sources = in_memory(sources);
    let dense: Vec<Arc<DenseSink>> = plan.outputs.iter().map(|o| Arc::new(DenseSink::new(&o.shape, o.dtype))).collect();
    let sinks: Vec<Arc<dyn Sink>> = dense.iter().map(|sink| Arc::clone(sink) as Arc<dyn Sink>).collect();
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    run(&Pool::new(1).unwrap(), plan, &sources, &sinks, &control).unwrap();
    dense.iter().map(|sink| sink.take()).collect()
}

/// Where two results differ; all nans are one.
pub(crate) fn difference(a: &Data, b: &Data) -> Option<String> {
    assert_eq!((a.dtype(), a.len()), (b.dtype(), b.len()));
    let same = |i: usize| {
        let (x, y) = (a.get(i), b.get(i));
        x == y || (x.to_f64().is_nan() && y.to_f64().is_nan())
    };
    (0..a.len()).find(|&i| !same(i)).map(|i| format!("at {i}: {:?}, not {:?}", a.get(i), b.get(i)))
}

/// What a plan reads, all sorts of numbers.
pub(crate) fn of_all_sorts(plan: &Plan) -> BTreeMap<SourceId, (Shape, Data)> {
    stored(plan, |id| {
        let (dtype, len) = form(plan, id);
        elements(dtype, len, id.0 as usize)
    })
}
