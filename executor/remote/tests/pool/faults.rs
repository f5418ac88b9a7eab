//! Workers that die, freeze, come and go: the same bits, or one clear error in time.

use crate::same_bits::moments;
use crate::workers::{Started, Task, bits, connect, connect_by};
use cleave_cpu::Cancel;
use cleave_plan::{RunError, Sources};
use cleave_remote::schedule::Rules;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Calls something once, when so much of the work is done.
fn once_at(percent: f64, what: impl FnMut() + Send) -> impl Fn(cleave_plan::Event) + Sync {
    let what = Mutex::new(Some(what));
    move |event| {
        let is_time = matches!(&event, cleave_plan::Event::Progress(p) if p.percent() >= percent);
        if let Some(mut what) = is_time.then(|| what.lock().unwrap().take()).flatten() {
            what();
        }
    }
}

#[test]
fn a_worker_that_dies_costs_only_time() {
    let (graph, wanted) = moments([8000, 4000]);
    let mut workers = vec![Started::new(1), Started::new(1)];
    let cluster = connect(&workers);
    let task = Task::new(&graph, &wanted, &Sources::new(), 2, false);
    let killed = Mutex::new(workers.pop().unwrap());
    let kill = once_at(20.0, || killed.lock().unwrap().kill());
    let outcome = task.remote_watched(&cluster, &Cancel::default(), &kill).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
    // The one that is left does the next job alone.
    assert_eq!(bits(&task.remote(&cluster).unwrap().data), bits(&outcome.data));
}

#[test]
fn when_all_die_there_is_an_error_in_time() {
    let (graph, wanted) = moments([8000, 4000]);
    let workers = Mutex::new(vec![Started::new(1), Started::new(1)]);
    let rules = Rules { nobody: Duration::from_secs(1), ..Rules::default() };
    let cluster = connect_by(&workers.lock().unwrap(), rules);
    let task = Task::new(&graph, &wanted, &Sources::new(), 2, false);
    let started = Instant::now();
    let kill = once_at(20.0, || workers.lock().unwrap().clear());
    let error = task.remote_watched(&cluster, &Cancel::default(), &kill).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "no-workers");
    assert!(error.to_string().contains("2 lost"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn a_cancelled_run_ends_within_a_second() {
    let (graph, wanted) = moments([40_000, 20_000]);
    let workers = [Started::new(1), Started::new(1)];
    let cluster = connect(&workers);
    let task = Task::new(&graph, &wanted, &Sources::new(), 2, false);
    let (cancel, at) = (Cancel::default(), Mutex::new(None));
    let stop = once_at(2.0, || {
        *at.lock().unwrap() = Some(Instant::now());
        cancel.cancel();
    });
    let error = task.remote_watched(&cluster, &cancel, &stop).map(|_| ()).unwrap_err();
    assert!(matches!(error, RunError::Cancelled), "{error}");
    assert!(at.lock().unwrap().unwrap().elapsed() < Duration::from_secs(1));
    let (graph, wanted) = moments([300, 200]);
    let next = Task::new(&graph, &wanted, &Sources::new(), 2, false);
    assert_eq!(bits(&next.remote(&cluster).unwrap().data), bits(&next.local()));
}

#[test]
fn a_worker_that_is_told_to_end_hands_back_what_it_has() {
    let (graph, wanted) = moments([8000, 4000]);
    let mut workers = vec![Started::new(1), Started::new(1)];
    let cluster = connect(&workers);
    let task = Task::new(&graph, &wanted, &Sources::new(), 2, false);
    let told = Mutex::new(workers.pop().unwrap());
    let tell = once_at(20.0, || told.lock().unwrap().stop());
    let outcome = task.remote_watched(&cluster, &Cancel::default(), &tell).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
}

#[test]
fn one_that_comes_back_takes_part_again() {
    let (graph, wanted) = moments([8000, 4000]);
    let mut workers = vec![Started::new(1), Started::new(1)];
    let cluster = connect(&workers);
    let task = Task::new(&graph, &wanted, &Sources::new(), 2, false);
    let restarts = AtomicUsize::new(0);
    let last = Mutex::new(workers.pop().unwrap());
    let restart = once_at(20.0, || {
        let mut last = last.lock().unwrap();
        let address = last.address;
        last.kill();
        // The events are told by the thread that runs, from which no runtime can be waited for.
        let started = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            Started::at(1, address)
        });
        *last = started.join().unwrap();
        restarts.fetch_add(1, Ordering::Relaxed);
    });
    let outcome = task.remote_watched(&cluster, &Cancel::default(), &restart).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
    assert_eq!(restarts.load(Ordering::Relaxed), 1);
}

#[test]
fn blocks_that_died_with_a_worker_are_made_again() {
    let (graph, wanted) = moments([3000, 2000]);
    for percent in [30.0, 50.0, 70.0] {
        let mut workers = vec![Started::new(1), Started::new(1), Started::new(1)];
        let cluster = connect(&workers);
        let task = Task::new(&graph, &wanted, &Sources::new(), 3, true);
        assert!(!task.plan().buffers.is_empty(), "{}", task.plan());
        let killed = Mutex::new(workers.pop().unwrap());
        let kill = once_at(percent, || killed.lock().unwrap().kill());
        let outcome = task.remote_watched(&cluster, &Cancel::default(), &kill).unwrap();
        assert_eq!(bits(&outcome.data), bits(&task.local()), "killed at {percent} %");
    }
}

#[test]
fn lanes_can_be_looked_at_while_a_run_goes_on() {
    let (graph, wanted) = moments([24_000, 12_000]);
    let workers = [Started::new(1), Started::new(1)];
    let cluster = connect(&workers);
    let task = Task::new(&graph, &wanted, &Sources::new(), 2, false);
    let (watch, seen) = (cluster.watch(), Mutex::new((0, 0)));
    let look = |_| {
        let lanes = watch.lanes();
        let mut seen = seen.lock().unwrap();
        seen.0 = seen.0.max(lanes.iter().filter(|l| !l.at_work.is_empty()).count());
        seen.1 = seen.1.max(lanes.iter().map(|l| l.spans.len()).sum());
    };
    let outcome = task.remote_watched(&cluster, &Cancel::default(), &look).unwrap();
    let done: usize = outcome.lanes.iter().map(|l| l.spans.len()).sum();
    let (at_work, spans) = *seen.lock().unwrap();
    assert!(at_work > 0 && (1..=done).contains(&spans), "{at_work} at work, {spans} of {done} shares");
    assert!(watch.lanes().is_empty() && outcome.lanes.iter().all(|l| l.at_work.is_empty()));
}
