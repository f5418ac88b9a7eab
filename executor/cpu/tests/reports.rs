//! What a run tells while it goes and when it is done.
#![allow(clippy::unwrap_used)]

mod support;

use cleave_cpu::{Cancel, Control, DenseSink, Pool, run};
use cleave_graph::Graph;
use cleave_ops::{DType, Fill, Scalar, Shape};
use cleave_plan::{Cut, Event, Options, Output, Sources, plan};
use std::sync::{Arc, Mutex};
use support::{fill, fold, map};

#[test]
fn a_run_tells_its_stages_and_counts_its_work() {
    let (shape, mut graph) = (Shape::new([300, 400]), Graph::new());
    let x = fill(&mut graph, Fill::Index { axis: 0 }, &shape, DType::I64);
    let rows = fold(&mut graph, "sum", x, &[1]);
    let squares = map(&mut graph, "multiply", &[rows, rows]);
    let total = fold(&mut graph, "max", squares, &[0]);
    let outputs = [total, rows].map(|node| Output { node, cut: Cut::Engine, held: true });
    let plan = plan(&graph, &outputs, &Options { threads: 2, ..Options::default() }).unwrap();
    let sinks = [total, rows].map(|n| Arc::new(DenseSink::new(&graph[n].shape, DType::I64)));
    let heard = Mutex::new(Vec::new());
    let hear = |event: Event| heard.lock().unwrap().push(event);
    let control = Control { cancel: Cancel::default(), events: &hear };
    let report =
        run(&Pool::new(2).unwrap(), &plan, &Sources::new(), &[sinks[0].clone(), sinks[1].clone()], &control).unwrap();
    assert_eq!(sinks[0].take().get(0), Scalar::Int((299 * 400) * (299 * 400)));
    assert_eq!(sinks[1].take().get(2), Scalar::Int(800));
    let stages: Vec<String> =
        heard.into_inner().unwrap().iter().filter(|e| matches!(e, Event::Stage { .. })).map(Event::to_string).collect();
    assert_eq!(stages, ["stage 1 of 2", "stage 2 of 2"]);
    assert_eq!((report.elements(), report.bytes_written), (300 * 400 + 300, 8 + 300 * 8));
    assert_eq!((report.bytes_read, report.bytes_left), (0, 0));
    let heat = &report.stages[0].heat;
    assert_eq!((heat.rows, heat.columns, heat.seconds.len()), (24, 24, 576));
    assert!(heat.seconds.iter().all(|&s| s > 0.0), "every place was visited");
}
