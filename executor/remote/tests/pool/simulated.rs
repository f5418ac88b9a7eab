//! Whole pools over a network that exists in memory only, in simulated time. Real are the schedule, the streams,
//! HTTP/2, transfers between all and the computing threads, which take no simulated time; simulated are sockets,
//! clocks, and processes that end. A partition loses what is on its way for good, which is worse than TCP: only holding
//! it back is what TCP makes of a short one. By `CLEAVE_SEEDS` there are as many seeds as one likes, and by
//! `CLEAVE_SEED` only that one.

use crate::same_bits::moments;
use crate::thin::Thin;
use crate::workers::{Task, bits};
use cleave_cpu::Cancel;
use cleave_plan::{RunError, Sources};
use cleave_remote::cluster::{Cluster, ConnectOptions, Named};
use cleave_remote::schedule::Rules;
use cleave_remote::transport::{Connector, Dialer, Endpoint};
use cleave_remote::worker::{Unbound, WorkerOptions};
use futures_util::stream;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use turmoil::Sim;
use turmoil::net::{TcpListener, TcpStream};

const PORT: u16 = 7077;
const KERNEL: &str = "kernel";
const NAMES: [&str; 3] = ["a", "b", "c"];
/// No run takes longer, whatever happens.
const BOUND: Duration = Duration::from_secs(100);

/// A lease that ends before a block has come over a thin link.
const SHORT_LEASE: Duration = Duration::from_secs(10);

/// What happens to whom, and how long after the run began.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Crash(usize),
    Bounce(usize),
    Part(&'static str, &'static str),
    PartOneWay(&'static str, &'static str),
    Heal(&'static str, &'static str),
    Hold(&'static str, &'static str),
    Release(&'static str, &'static str),
    Cancel,
}

type Script = Vec<(Duration, Trouble)>;

/// How a run went.
struct Trial {
    end: Result<Vec<Vec<u8>>, RunError>,
    took: Duration,
    /// Shares done that counted, and all that were done.
    shares: (usize, usize),
    lanes: usize,
}

/// Opens connections that carry so many bytes a second each way, or as many as one likes.
fn dialer(bytes_per_s: Option<usize>) -> Dialer {
    Dialer::with(move |endpoint: Endpoint| async move {
        let stream = TcpStream::connect((endpoint.host, endpoint.port)).await?;
        Ok(Thin::new(stream, bytes_per_s.unwrap_or(1 << 30)))
    })
}

type Gauges = Arc<Mutex<Vec<Box<dyn Fn() -> usize + Send + Sync>>>>;

async fn work(gauges: Gauges, bytes_per_s: Option<usize>) -> Result<(), Box<dyn std::error::Error>> {
    let options = WorkerOptions {
        threads: 1,
        dialer: dialer(bytes_per_s),
        keep: Duration::from_secs(20),
        ..WorkerOptions::default()
    };
    let worker = Unbound::new(options)?;
    gauges.lock().unwrap().push(Box::new(worker.at_work()));
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let incoming = stream::unfold(listener, |listener| async move { Some((listener.accept().await, listener)) });
    worker.serve(incoming, std::future::pending()).await?;
    Ok(())
}

fn rules() -> Rules {
    // One task a share, so that there are many messages for troubles to meet.
    // Computing takes no time here, so that half a second is no sign of a straggler.
    Rules { share_s: (0.0, 0.0), first_share_s: 0.0, hedge_least: Duration::from_secs(2), ..Rules::default() }
}

/// Runs a task on a simulated pool with troubles.
fn simulate(seed: u64, task: &Arc<Task>, script: &[(Duration, Trouble)]) -> Trial {
    simulate_over(None, seed, task, script)
}

/// The same over connections that carry so many bytes a second.
fn simulate_over(bytes_per_s: Option<usize>, seed: u64, task: &Arc<Task>, script: &[(Duration, Trouble)]) -> Trial {
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(600))
        .tick_duration(Duration::from_millis(5))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(30))
        .tcp_capacity(1 << 14)
        .build();
    let gauges = Gauges::default();
    let lease = if bytes_per_s.is_some() { SHORT_LEASE } else { rules().lease };
    for name in NAMES {
        let gauges = Arc::clone(&gauges);
        sim.host(name, move || work(Arc::clone(&gauges), bytes_per_s));
    }
    let (outcome, cancel) = (Rc::new(RefCell::new(None)), Cancel::default());
    let begun = Rc::new(Cell::new(None));
    let (told, begins, own, asked) = (Rc::clone(&outcome), Rc::clone(&begun), Arc::clone(task), cancel.clone());
    sim.client(KERNEL, async move {
        let endpoints = NAMES.map(|host| Named::One(Endpoint::new(host, PORT)));
        let connector = Connector { dialer: dialer(bytes_per_s), ..Connector::default() };
        let options = ConnectOptions { connector, rules: Rules { lease, ..rules() }, ..ConnectOptions::default() };
        let cluster = Cluster::join(&endpoints, options).await?;
        let begun = turmoil::elapsed();
        begins.set(Some(begun));
        let end = own.remote_here(&cluster, &asked).await;
        *told.borrow_mut() = Some((end, turmoil::elapsed().saturating_sub(begun)));
        Ok(())
    });
    let mut left = script.to_vec();
    left.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    loop {
        while gauges.lock().unwrap().iter().any(|at_work| at_work() > 0) {
            std::thread::yield_now();
        }
        let now = begun.get().map(|begun| sim.elapsed().saturating_sub(begun));
        while left.last().is_some_and(|(at, _)| now.is_some_and(|now| *at <= now)) {
            left.pop().into_iter().for_each(|(_, what)| befall(&mut sim, what, &cancel));
        }
        if sim.step().unwrap_or_else(|error| panic!("seed {seed}, {script:?}: {error}")) {
            break;
        }
    }
    drop(sim);
    let (end, took) = outcome.borrow_mut().take().unwrap();
    assert!(bytes_per_s.is_some() || took < BOUND, "seed {seed}, {script:?}: {took:?}");
    let spans = |o: &crate::workers::Outcome| o.lanes.iter().flat_map(|l| l.spans.clone()).collect::<Vec<_>>();
    let all = end.as_ref().map(spans).unwrap_or_default();
    let shares = (all.iter().filter(|s| s.counted).count(), all.len());
    let lanes = end.as_ref().map_or(0, |o| o.lanes.len());
    Trial { end: end.map(|o| bits(&o.data)), took, shares, lanes }
}

fn befall(sim: &mut Sim<'_>, what: Trouble, cancel: &Cancel) {
    match what {
        Trouble::Crash(worker) => sim.crash(NAMES[worker]),
        Trouble::Bounce(worker) => sim.bounce(NAMES[worker]),
        Trouble::Part(a, b) => sim.partition(a, b),
        Trouble::PartOneWay(a, b) => sim.partition_oneway(a, b),
        Trouble::Heal(a, b) => sim.repair(a, b),
        Trouble::Hold(a, b) => sim.hold(a, b),
        Trouble::Release(a, b) => sim.release(a, b),
        Trouble::Cancel => cancel.cancel(),
    }
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Some troubles, of which the first worker has none with the kernel.
fn random_script(seed: u64) -> Script {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut script = Script::new();
    for _ in 0..1 + dice.below(2) {
        let at = ms(50 + dice.below(900));
        let until = at + dice.of(&[ms(300), ms(2000), ms(5000), ms(15_000), ms(60_000)]);
        let worker = 1 + dice.below(2) as usize;
        let (a, b) = dice.of(&[(KERNEL, NAMES[worker]), (NAMES[0], NAMES[worker]), (NAMES[1], NAMES[2])]);
        match dice.below(6) {
            0 | 1 => script.extend([(at, Trouble::Crash(worker)), (until, Trouble::Bounce(worker))]),
            2 => script.extend([(at, Trouble::Part(a, b)), (until, Trouble::Heal(a, b))]),
            3 => script.extend([(at, Trouble::PartOneWay(a, b)), (until, Trouble::Heal(a, b))]),
            4 => script.extend([(at, Trouble::PartOneWay(b, a)), (until, Trouble::Heal(a, b))]),
            _ => script.extend([(at, Trouble::Hold(a, b)), (until, Trouble::Release(a, b))]),
        }
    }
    script
}

fn task(keeps: bool) -> Arc<Task> {
    let (graph, wanted) = moments([600, 400]);
    Arc::new(Task::new(&graph, &wanted, &Sources::new(), 3, keeps))
}

/// The seeds of one of four parts.
fn seeds(part: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("CLEAVE_SEED") {
        Some(one) => [one].into_iter().filter(|seed| seed % 4 == part).collect(),
        None => (0..number("CLEAVE_SEEDS").unwrap_or(300)).filter(|seed| seed % 4 == part).collect(),
    }
}

fn survive(part: u64) {
    let tasks = [task(false), task(true)].map(|task| (Arc::clone(&task), bits(&task.local())));
    for seed in seeds(part) {
        let (task, local) = &tasks[(seed / 4 % 2) as usize];
        let script = random_script(seed);
        let trial = simulate(seed, task, &script);
        match &trial.end {
            Ok(data) => assert_eq!(data, local, "seed {seed}: other bits with {script:?}"),
            Err(error) => panic!("seed {seed}: {error} after {:?} with {script:?}", trial.took),
        }
    }
}

#[test]
fn pools_survive_what_happens_1() {
    survive(0);
}

#[test]
fn pools_survive_what_happens_2() {
    survive(1);
}

#[test]
fn pools_survive_what_happens_3() {
    survive(2);
}

#[test]
fn pools_survive_what_happens_4() {
    survive(3);
}

/// Runs both tasks with the same troubles; they must come to the right bits.
fn exact(script: &[(Duration, Trouble)]) -> Vec<Trial> {
    [false, true]
        .map(|keeps| {
            let task = task(keeps);
            let trial = simulate(7, &task, script);
            let found = trial.end.as_ref().unwrap_or_else(|error| panic!("{error} after {:?}", trial.took));
            assert_eq!(found, &bits(&task.local()));
            trial
        })
        .into()
}

#[test]
fn nothing_happens() {
    for trial in exact(&[]) {
        // The last ones may be, where somebody has nothing else to do.
        assert!(trial.shares.1 <= trial.shares.0 + 2, "many shares were done twice: {:?}", trial.shares);
        assert_eq!(trial.lanes, 3);
        assert!(trial.took < Duration::from_secs(10), "{:?}", trial.took);
    }
}

#[test]
fn an_answer_dies_on_its_way() {
    // What the worker did is done, but nobody will ever hear of it.
    exact(&[(ms(100), Trouble::PartOneWay("b", KERNEL)), (ms(400), Trouble::Crash(1))]);
}

#[test]
fn two_of_three_die_and_then_again() {
    let both = |at: u64, what: fn(usize) -> Trouble| [(ms(at), what(1)), (ms(at), what(2))];
    let script = [both(150, Trouble::Crash), both(400, Trouble::Bounce), both(900, Trouble::Crash)].concat();
    exact(&script);
}

#[test]
fn all_die_and_nobody_comes_back() {
    let script: Script = (0..3).map(|worker| (ms(30), Trouble::Crash(worker))).collect();
    for keeps in [false, true] {
        let trial = simulate(7, &task(keeps), &script);
        let Err(error) = trial.end else { panic!("it was done before") };
        assert_eq!(error.code(), "no-workers");
        assert!(error.to_string().contains("3 lost"), "{error}");
        assert!(trial.took < Duration::from_secs(45), "{:?}", trial.took);
    }
}

#[test]
fn a_short_partition_loses_nobody() {
    for trial in exact(&[(ms(150), Trouble::Hold(KERNEL, "b")), (ms(2500), Trouble::Release(KERNEL, "b"))]) {
        assert_eq!(trial.lanes, 3);
    }
}

#[test]
fn partitions_of_five_seconds_and_of_a_minute() {
    for healed in [5150, 60_150] {
        for trial in exact(&[(ms(150), Trouble::Part(KERNEL, "b")), (ms(healed), Trouble::Heal(KERNEL, "b"))]) {
            assert!(trial.took < Duration::from_secs(20), "{:?}", trial.took);
        }
    }
}

#[test]
fn one_direction_is_cut() {
    for (from, to) in [(KERNEL, "b"), ("b", KERNEL)] {
        for trial in exact(&[(ms(150), Trouble::PartOneWay(from, to))]) {
            assert!(trial.took < Duration::from_secs(20), "{:?}", trial.took);
        }
    }
}

#[test]
fn workers_that_do_not_see_each_other() {
    // From the beginning, and in the middle, when connections between them exist.
    for at in [0, 300, 600] {
        let pairs = [("a", "b"), ("b", "c"), ("a", "c")];
        let script: Script = pairs.iter().map(|&(a, b)| (ms(at), Trouble::Part(a, b))).collect();
        for trial in exact(&script) {
            assert!(trial.took < Duration::from_secs(45), "cut at {at} ms: {:?}", trial.took);
        }
    }
}

#[test]
fn a_run_is_stopped_at_any_time() {
    let mut stopped = 0;
    for at in [0, 30, 60, 120, 200, 400] {
        for keeps in [false, true] {
            let task = task(keeps);
            let trial = simulate(7, &task, &[(ms(at), Trouble::Cancel)]);
            stopped += usize::from(trial.end.is_err());
            match trial.end {
                Err(RunError::Cancelled) => assert!(trial.took < ms(at + 1000), "{at} ms: {:?}", trial.took),
                Err(error) => panic!("{at} ms: {error}"),
                // Some runs are over before.
                Ok(data) => assert_eq!(data, bits(&task.local())),
            }
        }
    }
    assert!(stopped > 6, "{stopped}");
}

#[test]
fn over_thin_links_blocks_take_longer_than_any_lease() {
    let (task, bytes_per_s) = (task(true), 10 << 10);
    let bytes = |b: &cleave_plan::plan::Buffer| b.dtype.size() * cleave_plan::stage::block_region(&b.grid, 0).size();
    let largest = task.plan().buffers.iter().map(bytes).max().unwrap_or(0);
    assert!(largest as u64 / bytes_per_s as u64 > SHORT_LEASE.as_secs(), "{largest}");
    let trial = simulate_over(Some(bytes_per_s), 7, &task, &[]);
    let found = trial.end.as_ref().unwrap_or_else(|error| panic!("{error} after {:?}", trial.took));
    assert_eq!(found, &bits(&task.local()));
    // Nobody was given up for being slow.
    assert_eq!(trial.lanes, 3);
}
