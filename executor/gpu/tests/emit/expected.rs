//! What has to come out.

pub(crate) use cleave_gpu::trial::{in_memory, of_all_sorts, stored};

use cleave_cpu::{Cancel, Control, DenseSink, Pool, run};
use cleave_graph::SourceId;
use cleave_ops::{Data, Shape};
use cleave_plan::{Plan, Sink};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What threads make of a plan.
pub(crate) fn on_threads(plan: &Plan, sources: &BTreeMap<SourceId, (Shape, Data)>) -> Vec<Data> {
    let sources = in_memory(sources);
    let dense: Vec<Arc<DenseSink>> = plan.outputs.iter().map(|o| Arc::new(DenseSink::new(&o.shape, o.dtype))).collect();
    let sinks: Vec<Arc<dyn Sink>> = dense.iter().map(|sink| Arc::clone(sink) as Arc<dyn Sink>).collect();
    let control = Control { cancel: Cancel::default(), events: &|_| {} };
    run(&Pool::new(1).unwrap(), plan, &sources, &sinks, &control).unwrap();
    dense.iter().map(|sink| sink.take()).collect()
}

/// Where two results differ.
pub(crate) fn difference(a: &Data, b: &Data) -> Option<String> {
    assert_eq!((a.dtype(), a.len()), (b.dtype(), b.len()));
    cleave_gpu::trial::difference(a, b).map(|(place, a, b)| format!("at {place}: {a:?}, not {b:?}"))
}
