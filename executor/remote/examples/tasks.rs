//! What a task costs on a worker beyond its own work: jobs of so many tasks that do next to nothing, and of four times
//! as many, on a worker that is there already. What the latter take longer is what their tasks cost: in ranges, as they are
//! handed out, and each as a range of its own, which is what a range costs. With `--json` as one line for programs.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/pool/workers.rs"]
#[allow(dead_code, unused_imports)]
mod workers;

use cleave_graph::Graph;
use cleave_graph::node::{Node, NodeKind};
use cleave_ops::{AxisChunks, Chunks, DType, Fill, Scalar, Shape};
use cleave_plan::{Cut, Sources};
use cleave_remote::cluster::Cluster;
use cleave_remote::schedule::Rules;
use std::time::Instant;
use workers::{Started, Task, connect_by};

const ROUNDS: usize = 5;
const TIMES: usize = 4;
const THREADS: usize = 2;

/// Seconds by the clock and of computing.
#[derive(Clone, Copy)]
struct Took {
    wall_s: f64,
    cpu_s: f64,
}

/// How tasks are handed out, and how many the smaller job has.
struct Way {
    name: &'static str,
    cluster: Option<Cluster>,
    few: usize,
}

/// A job of so many tasks, each of which makes a block of one element.
fn job(tasks: usize) -> Task {
    let (mut graph, shape) = (Graph::new(), Shape::new([tasks]));
    let chunks = Chunks([AxisChunks::regular(tasks, 1)].into_iter().collect());
    let kind = NodeKind::Fill(Fill::Const(Scalar::Float(1.0)));
    let node = graph.add(Node { kind, shape, dtype: DType::F64, chunks: chunks.clone() });
    let task = Task::new(&graph, &[(node, Cut::Grid(chunks))], &Sources::new(), THREADS, false);
    assert_eq!(task.plan().totals.tasks, tasks, "a block is a task");
    task
}

/// Seconds of computing time that this process has taken so far.
fn cpu_s() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS_A_SECOND
}

fn timed(task: &Task, way: &Way) -> Took {
    let (start, before) = (Instant::now(), cpu_s());
    match &way.cluster {
        None => drop(task.local()),
        Some(cluster) => drop(task.remote(cluster).unwrap()),
    }
    Took { wall_s: start.elapsed().as_secs_f64(), cpu_s: cpu_s() - before }
}

/// Microseconds that one task more takes, of so many more.
fn slope((few, many): (&[Took], &[Took]), more: usize, of: fn(&Took) -> f64) -> f64 {
    let middle = |took: &[Took]| {
        let mut found: Vec<f64> = took.iter().map(of).collect();
        found.sort_by(f64::total_cmp);
        found[found.len() / 2]
    };
    1e6 * (middle(many) - middle(few)) / more as f64
}

fn main() {
    let worker = [Started::new(THREADS)];
    let ranges = Rules::default();
    let one_by_one = Rules { share_s: (0.0, 0.0), first_share_s: 0.0, ..Rules::default() };
    let ways = [
        Way { name: "threads", cluster: None, few: 4000 },
        Way { name: "in ranges", cluster: Some(connect_by(&worker, ranges)), few: 4000 },
        Way { name: "one by one", cluster: Some(connect_by(&worker, one_by_one)), few: 200 },
    ];
    let json = std::env::args().any(|argument| argument == "--json");
    let mut facts = Vec::new();
    for way in &ways {
        let (few, many) = (job(way.few), job(TIMES * way.few));
        timed(&few, way);
        let rounds: Vec<_> = (0..ROUNDS).map(|_| (timed(&few, way), timed(&many, way))).collect();
        let (few, many): (Vec<Took>, Vec<Took>) = rounds.into_iter().unzip();
        let of = |what| slope((&few, &many), (TIMES - 1) * way.few, what);
        let (wall_us, cpu_us) = (of(|t| t.wall_s), of(|t| t.cpu_s));
        facts.push(format!("\"{}\": {{\"wall_us\": {wall_us:.2}, \"cpu_us\": {cpu_us:.2}}}", way.name));
        if !json {
            println!("{:>10}: {wall_us:7.2} µs a task by the clock, {cpu_us:7.2} µs CPU", way.name);
        }
    }
    if json {
        println!("{{{}}}", facts.join(", "));
    }
}
