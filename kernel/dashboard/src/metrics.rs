//! Snapshots and workers as Prometheus text.

use cleave_session::Snapshot;
use cleave_session::output::{WorkerFacts, WorkerState};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::{AtomicI64, AtomicU64};

/// A label and its value.
type Labels = Vec<(&'static str, String)>;
/// A whole number that may fall.
type Level = Family<Labels, Gauge<i64, AtomicI64>>;
/// A fraction.
type Fraction = Family<Labels, Gauge<f64, AtomicU64>>;

/// What a session does, with the workers it is connected to.
pub fn session_metrics(snapshot: &Snapshot) -> String {
    let mut registry = Registry::with_prefix("cleave");
    computations(&mut registry, snapshot);
    work(&mut registry, snapshot);
    running(&mut registry, snapshot);
    if let Some(pool) = &snapshot.pool {
        workers(&mut registry, &pool.workers);
    }
    text(&registry)
}

/// What a worker says of itself.
pub fn worker_metrics(worker: &WorkerFacts) -> String {
    let mut registry = Registry::with_prefix("cleave");
    workers(&mut registry, std::slice::from_ref(worker));
    text(&registry)
}

fn text(registry: &Registry) -> String {
    let mut out = String::new();
    encode(&mut out, registry).expect("text can be written to memory");
    out
}

fn computations(registry: &mut Registry, snapshot: &Snapshot) {
    let family = Family::<Labels, Counter>::default();
    let totals = &snapshot.totals;
    for (end, n) in [("computed", totals.computed), ("failed", totals.failed), ("interrupted", totals.interrupted)] {
        family.get_or_create(&vec![("end", end.to_owned())]).inc_by(n);
    }
    registry.register("computations", "Computations that ended", family);
}

fn work(registry: &mut Registry, snapshot: &Snapshot) {
    let totals = &snapshot.totals;
    let whole =
        [("tasks", "Tasks that ran", totals.tasks), ("elements", "Elements that were visited", totals.elements)];
    for (name, help, n) in whole {
        let counter: Counter = Counter::default();
        counter.inc_by(n);
        registry.register(name, help, counter);
    }
    let moved = Family::<Labels, Counter>::default();
    let kinds = [
        ("read", totals.read_bytes),
        ("written", totals.written_bytes),
        ("spilled", totals.spilled_bytes),
        ("fetched", totals.fetched_bytes),
    ];
    for (kind, n) in kinds {
        moved.get_or_create(&vec![("kind", kind.to_owned())]).inc_by(n);
    }
    registry.register_with_unit("moved", "Bytes that were moved", Unit::Bytes, moved);
    let seconds = Family::<Labels, Counter<f64, AtomicU64>>::default();
    for (clock, s) in [("wall", totals.wall_s), ("threads", totals.cpu_s)] {
        seconds.get_or_create(&vec![("clock", clock.to_owned())]).inc_by(s);
    }
    registry.register_with_unit("computing", "Time spent computing", Unit::Seconds, seconds);
}

fn running(registry: &mut Registry, snapshot: &Snapshot) {
    let run = snapshot.run.as_ref().filter(|r| r.end.is_none());
    let levels: [(&str, &str, i64); 3] = [
        ("running", "Computations that run", i64::from(run.is_some())),
        ("memory_bytes", "Bytes that the computation holds", run.map_or(0, |r| level(r.bytes))),
        ("memory_limit_bytes", "Bytes that it may hold", run.map_or(0, |r| level(r.limit_bytes))),
    ];
    for (name, help, n) in levels {
        let gauge: Gauge = Gauge::default();
        gauge.set(n);
        registry.register(name, help, gauge);
    }
    let uptime = Gauge::<f64, AtomicU64>::default();
    uptime.set(snapshot.uptime_s);
    registry.register_with_unit("uptime", "Time since the session began", Unit::Seconds, uptime);
}

/// Its name, what it is, and how it is read.
type Reading<T> = (&'static str, &'static str, fn(&WorkerFacts) -> T);

/// Each number of a worker: its name, what it is, and how it is read.
const LEVELS: [Reading<u64>; 8] = [
    ("worker_threads", "Threads that compute", |w| w.threads as u64),
    ("worker_shares_running", "Shares at work", |w| w.running as u64),
    ("worker_shares_ready", "Shares that wait for a thread", |w| w.ready as u64),
    ("worker_memory_bytes", "Bytes held", |w| w.memory_used_bytes),
    ("worker_memory_limit_bytes", "Bytes that may be held", |w| w.memory_bytes),
    ("worker_kernels", "Kernels that have work there", |w| w.kernels as u64),
    ("worker_spilled_bytes", "Bytes on disk", |w| w.spilled_bytes),
    ("worker_up", "Whether it takes work", |w| u64::from(w.state == WorkerState::Ready)),
];

/// The same of what only grows.
const COUNTS: [Reading<u64>; 3] = [
    ("worker_shares_done", "Shares done", |w| w.done),
    ("worker_sent_bytes", "Bytes sent", |w| w.sent_bytes),
    ("worker_received_bytes", "Bytes received", |w| w.received_bytes),
];

/// The same of fractions.
const FRACTIONS: [Reading<f64>; 4] = [
    ("worker_cpu", "Processors' worth of computing time", |w| w.cpu),
    ("worker_latency_seconds", "Time there and back", |w| w.latency.as_secs_f64()),
    ("worker_last_seen_seconds", "Time since it was heard of", |w| w.last_seen.as_secs_f64()),
    ("worker_uptime_seconds", "Time since it started", |w| w.uptime.as_secs_f64()),
];

fn workers(registry: &mut Registry, workers: &[WorkerFacts]) {
    for (name, help, of) in LEVELS {
        let family = Level::default();
        for worker in workers {
            family.get_or_create(&labels(worker)).set(level(of(worker)));
        }
        registry.register(name, help, family);
    }
    for (name, help, of) in COUNTS {
        let family = Family::<Labels, Counter>::default();
        for worker in workers {
            family.get_or_create(&labels(worker)).inc_by(of(worker));
        }
        registry.register(name, help, family);
    }
    for (name, help, of) in FRACTIONS {
        let family = Fraction::default();
        for worker in workers {
            family.get_or_create(&labels(worker)).set(of(worker));
        }
        registry.register(name, help, family);
    }
}

fn labels(worker: &WorkerFacts) -> Labels {
    vec![("worker", worker.endpoint.clone()), ("name", worker.name.clone())]
}

fn level(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_session::board::Totals;
    use cleave_session::output::PoolFacts;

    #[test]
    fn numbers_have_names_kinds_and_labels() {
        let worker = WorkerFacts {
            endpoint: "a:1\"\n".to_owned(),
            threads: 4,
            done: 9,
            cpu: 3.5,
            state: WorkerState::Ready,
            ..WorkerFacts::default()
        };
        let pool = PoolFacts { address: "a:1".to_owned(), workers: vec![worker.clone()], closed: false };
        let totals = Totals { computed: 3, failed: 1, elements: 40, cpu_s: 2.5, ..Totals::default() };
        let snapshot = Snapshot { pool: Some(pool), totals, uptime_s: 7.5, ..Snapshot::default() };
        let all = session_metrics(&snapshot);
        let lines = [
            "# TYPE cleave_computations counter",
            "cleave_computations_total{end=\"computed\"} 3",
            "cleave_computations_total{end=\"failed\"} 1",
            "cleave_elements_total 40",
            "cleave_moved_bytes_total{kind=\"read\"} 0",
            "cleave_computing_seconds_total{clock=\"threads\"} 2.5",
            "cleave_running 0",
            "cleave_uptime_seconds 7.5",
            "cleave_worker_threads{worker=\"a:1\\\"\\n\",name=\"\"} 4",
            "cleave_worker_shares_done_total{worker=\"a:1\\\"\\n\",name=\"\"} 9",
            "cleave_worker_cpu{worker=\"a:1\\\"\\n\",name=\"\"} 3.5",
            "cleave_worker_up{worker=\"a:1\\\"\\n\",name=\"\"} 1",
        ];
        for line in lines {
            assert!(all.lines().any(|l| l == line), "{line} is not in\n{all}");
        }
        assert!(all.ends_with("# EOF\n"));
        assert!(worker_metrics(&worker).contains("cleave_worker_up"));
    }
}
