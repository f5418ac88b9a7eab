//! The same bits as on threads.

use crate::support::random::{Tape, case, chunks};
use crate::support::{blocks, fill, fold, load, map, view};
use crate::workers::{Started, Task, bits, connect};
use cleave_graph::{Graph, NodeId, SourceId};
use cleave_ops::{AxisChunks, Chunks, DType, Data, Fill, Law, Scalar, Shape, View};
use cleave_plan::{Cut, Source, Sources};
use cleave_remote::schedule::Shape as ScheduleShape;
use std::sync::Arc;

/// Sums and deviations of the square of a random array, in several directions.
pub(crate) fn moments(lens: [usize; 2]) -> (Graph, Vec<(NodeId, Cut)>) {
    let (mut graph, shape) = (Graph::new(), Shape::new(lens));
    let law = Law::Normal { mean: Scalar::Float(0.5), std: Scalar::Float(3.0) };
    let x = fill(&mut graph, Fill::Random { seed: 1, draw: 0, law }, &shape, DType::F64);
    let square = map(&mut graph, "multiply", &[x, x]);
    let mut wanted = Vec::new();
    for axes in [&[0, 1][..], &[0], &[1]] {
        wanted.extend(["sum", "std"].map(|name| (fold(&mut graph, name, square, axes), Cut::Engine)));
    }
    (graph, wanted)
}

#[test]
fn of_reductions_over_generated_arrays() {
    let (graph, wanted) = moments([3000, 1500]);
    let local = Task::new(&graph, &wanted, &Sources::new(), 2, false).local();
    for threads in [&[1][..], &[2], &[1, 1], &[3, 1, 1]] {
        let workers: Vec<Started> = threads.iter().map(|&t| Started::new(t)).collect();
        let cluster = connect(&workers);
        let task = Task::new(&graph, &wanted, &Sources::new(), cluster.planning().0, false);
        let outcome = task.remote(&cluster).unwrap();
        assert_eq!(bits(&outcome.data), bits(&local), "{threads:?}");
        assert_eq!(outcome.lanes.len(), threads.len());
        let tasks: usize = outcome.report.stages.iter().map(|s| s.tasks).sum();
        assert_eq!(tasks, task.plan().totals.tasks);
        assert_eq!(outcome.report.elements(), task.plan().totals.elements);
    }
}

#[test]
fn of_a_stored_array_that_stages_read_one_after_the_other() {
    let (mut graph, shape) = (Graph::new(), Shape::new([700, 900]));
    let x = load(&mut graph, 0, &shape, DType::F64);
    let moments = ["mean", "std"].map(|name| {
        let moment = fold(&mut graph, name, x, &[0, 1]);
        view(&mut graph, moment, View::broadcast(&Shape::new([]), &shape))
    });
    let less = map(&mut graph, "subtract", &[x, moments[0]]);
    let normal = map(&mut graph, "divide", &[less, moments[1]]);
    let data = Data::F64((0..shape.size()).map(|i| (i % 1013) as f64).collect());
    let grid = Chunks([700, 900].map(|len| AxisChunks::regular(len, 100)).into_iter().collect());
    let sources: Sources = [(SourceId(0), Arc::new(blocks(&data, &grid)) as Arc<dyn Source>)].into();
    let workers: Vec<Started> = [1, 1, 1].map(Started::new).into();
    let task = Task::new(&graph, &[(normal, Cut::Grid(grid))], &sources, 3, false);
    let near: Vec<_> = ScheduleShape::of(task.plan(), |_| false).stages.iter().map(|stage| stage.near).collect();
    assert_eq!(near, [None, Some(0)], "{}", task.plan());
    let outcome = task.remote(&connect(&workers)).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
}

#[test]
fn of_random_graphs() {
    let workers = [Started::new(1), Started::new(2)];
    let cluster = connect(&workers);
    let mut run = 0;
    for number in 0..300 {
        let mut tape =
            Tape::new((0..90u32).map(|i| (number * 977 + i * 31).wrapping_mul(2_654_435_761) >> 5).collect());
        let case = case(&mut tape);
        // Some of these graphs nobody would write, and no worker takes.
        if cleave_graph::verify::verify(&case.graph).is_err() {
            continue;
        }
        run += 1;
        let mut sources = Sources::new();
        for (_, node) in case.graph.iter() {
            if let cleave_graph::NodeKind::Load(id) = node.kind {
                let held = blocks(&case.stored[&id], &chunks(&node.shape, &mut tape));
                sources.insert(id, Arc::new(held) as Arc<dyn Source>);
            }
        }
        let cut = |n: NodeId, tape: &mut Tape| match tape.below(2) {
            0 => Cut::Engine,
            _ => Cut::Grid(chunks(&case.graph[n].shape, tape)),
        };
        let wanted: Vec<_> = case.nodes.iter().rev().take(3).map(|&n| (n, cut(n, &mut tape))).collect();
        let task = Task::new(&case.graph, &wanted, &sources, 3, tape.below(2) == 0);
        let remote = task.remote(&cluster).unwrap_or_else(|e| panic!("case {number}: {e}\n{}", task.plan()));
        assert_eq!(bits(&remote.data), bits(&task.local()), "case {number}\n{}", task.plan());
    }
    assert!(run > 50, "{run} graphs");
}
