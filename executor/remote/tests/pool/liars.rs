//! Workers that lie, repeat themselves, speak late or not at all: the same bits, or one clear error.

use crate::between::{Between, Habits, spoiling};
use crate::same_bits::moments;
use crate::support::{add, fill};
use crate::workers::{Outcome, Started, Task, bits};
use bytes::Bytes;
use cleave_graph::{Graph, NodeKind};
use cleave_ops::{Class, DType, Fill, Law, Scalar, Shape, table};
use cleave_plan::{Cut, RunError, Sources};
use cleave_remote::cluster::{Cluster, ConnectOptions, Named};
use cleave_remote::proto::{self, Block, Done, Event, Failed, Failure, Finished, Lost, Progress, event, order};
use cleave_remote::schedule::Rules;
use cleave_remote::transport::Endpoint;
use proptest::prelude::*;
use prost::Message;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

fn rules() -> Rules {
    // Until the honest one is there, the other may try everything.
    let rest = Duration::from_secs(1);
    Rules { share_s: (0.002, 0.001), first_share_s: 0.001, nobody: Duration::from_secs(10), rest, ..Rules::default() }
}

fn join(endpoints: &[Endpoint], rules: Rules) -> Cluster {
    let named: Vec<Named> = endpoints.iter().cloned().map(Named::One).collect();
    Cluster::connect(&named, ConnectOptions { rules, ..ConnectOptions::default() }).unwrap()
}

fn task(keeps: bool) -> Task {
    let (graph, wanted) = moments([500, 400]);
    Task::new(&graph, &wanted, &Sources::new(), 2, keeps)
}

/// A run on a double and an honest worker.
fn beside(habits: Habits, task: &Task) -> Result<Outcome, RunError> {
    let (double, honest) = (Between::new(habits), Started::new(1));
    let found = task.remote(&join(&[double.endpoint(), honest.endpoint()], rules()));
    // Whatever it said, the pool can be used.
    let (graph, wanted) = moments([60, 40]);
    let next = Task::new(&graph, &wanted, &Sources::new(), 1, false);
    let again = next.remote(&join(&[honest.endpoint()], rules())).unwrap();
    assert_eq!(bits(&again.data), bits(&next.local()));
    found
}

fn on_done(change: impl Fn(&mut Done) + Send + Sync + 'static) -> Habits {
    spoiling(move |mut event| {
        if let Some(event::Event::Done(done)) = &mut event.event {
            change(done);
        }
        vec![event]
    })
}

fn of(event: event::Event) -> Event {
    Event { event: Some(event) }
}

/// In place of each answer something else.
fn instead(make: impl Fn(&Done) -> Vec<event::Event> + Send + Sync + 'static) -> Habits {
    spoiling(move |event| match &event.event {
        Some(event::Event::Done(done)) => make(done).into_iter().map(of).collect(),
        _ => vec![event],
    })
}

fn failed(done: &Done, failure: Failure) -> Vec<event::Event> {
    vec![event::Event::Failed(Failed { share: done.share, attempt: done.attempt, failure: Some(failure) })]
}

fn extra_block() -> Finished {
    Finished { goal: 0, block: u64::MAX, nbytes: u64::MAX, ..Finished::default() }
}

#[test]
fn lies_about_answers_cost_only_time() {
    let lies: Vec<(&str, Habits)> = vec![
        ("another checksum", on_done(|done| done.checksum ^= 1)),
        ("checksums of blocks", on_done(|done| done.finished.iter_mut().for_each(|f| f.checksum ^= 1))),
        ("lengths", on_done(|done| done.finished.iter_mut().for_each(|f| f.nbytes += 8))),
        ("lengths of parts", on_done(|done| done.parts.iter_mut().for_each(|p| p.nbytes = 1 << 60))),
        ("goals", on_done(|done| done.finished.iter_mut().for_each(|f| f.goal = u32::MAX))),
        ("nothing", on_done(|done| (done.finished, done.parts) = Default::default())),
        ("one block more", on_done(|done| done.finished.push(extra_block()))),
        ("all parts twice", on_done(|done| done.parts.extend(done.parts.clone()))),
        ("places of parts", on_done(|done| done.parts.iter_mut().for_each(|p| p.r#box = u64::MAX))),
        ("numbers of parts", on_done(|done| done.parts.iter_mut().for_each(|p| p.number += 1))),
        ("levels of parts", on_done(|done| done.parts.iter_mut().for_each(|p| p.level = u32::MAX))),
        ("other elements", on_done(|done| done.parts.iter_mut().for_each(|p| p.columns.reverse()))),
        ("a turned bit", on_done(turn)),
        ("a million bytes in place of some", on_done(inflate)),
        ("other shares", on_done(|done| done.share += 1)),
        ("unknown shares", on_done(|done| done.share = u64::MAX)),
        ("no end of time", on_done(|done| done.report = Some(endless()))),
        ("parts that are elsewhere", on_done(elsewhere)),
        ("twice", spoiling(|event| vec![event.clone(), event])),
        ("nothing at all", spoiling(|_| vec![Event { event: None }])),
        ("that it ends", spoiling(|event| vec![of(event::Event::Draining(proto::Draining::default())), event])),
        ("faults that pass", instead(|done| failed(done, Failure { passing: true, ..Failure::default() }))),
        ("losses of nothing", instead(|done| failed(done, lost(u32::MAX, u64::MAX)))),
        ("losses of what there is", instead(|done| failed(done, lost(0, 0)))),
        ("progress of everything", instead(|done| [progress(done), vec![event::Event::Done(done.clone())]].concat())),
        ("another plan", spoiling(another_plan)),
    ];
    let tasks = [task(false), task(true)].map(|task| (bits(&task.local()), task));
    for (number, (what, habits)) in lies.into_iter().enumerate() {
        let (local, task) = &tasks[number % 2];
        match beside(habits, task) {
            Ok(outcome) => assert_eq!(bits(&outcome.data), *local, "{what}"),
            // Who speaks of what it was not given is put out, and has been put out too often.
            Err(error) => assert!(what.ends_with("shares") && error.code() == "deadly-task", "{what}: {error}"),
        }
    }
}

fn turn(done: &mut Done) {
    done.parts.iter_mut().flat_map(|p| &mut p.columns).for_each(turned);
    done.finished.iter_mut().filter_map(|f| f.data.as_mut()).for_each(turned);
}

fn turned(block: &mut Block) {
    let mut bytes = block.elements.to_vec();
    bytes.iter_mut().take(1).for_each(|byte| *byte ^= 4);
    block.elements = Bytes::from(bytes);
}

/// Another answer, whose checksum is right: sums over as many bytes differ by what sums over their ends do.
fn with_its_checksum(mut done: Done) -> Done {
    let before = crc32c::crc32c(&end(&done));
    match done.parts.last_mut() {
        Some(part) => part.columns.last_mut().into_iter().for_each(turned),
        None => done.finished.last_mut().into_iter().for_each(|finished| finished.checksum ^= 1),
    }
    done.checksum ^= before ^ crc32c::crc32c(&end(&done));
    done
}

/// What an answer's checksum is over last.
fn end(done: &Done) -> Vec<u8> {
    let Some(part) = done.parts.last() else {
        let numbers = |f: &Finished| [u64::from(f.goal), f.block, f.nbytes, f.checksum.into(), f.written.into()];
        return done.finished.last().into_iter().flat_map(numbers).flat_map(u64::to_le_bytes).collect();
    };
    part.columns.last().map_or_else(Vec::new, |column| column.elements.to_vec())
}

fn inflate(done: &mut Done) {
    let large = Block { dtype: "float64".into(), elements: Bytes::from(vec![0; 1 << 20]) };
    done.finished.iter_mut().for_each(|f| f.data = Some(large.clone()));
    done.parts.iter_mut().for_each(|p| p.columns = vec![large.clone()]);
}

fn endless() -> proto::ShareReport {
    let most = u64::MAX;
    proto::ShareReport {
        busy_ns: most,
        wall_ns: most,
        elements: most,
        bytes_read: most,
        bytes_spilled: most,
        bytes_fetched: most,
        peak_bytes: most,
        threads: u32::MAX,
        bytes_written: most,
        stints: vec![proto::Stint { thread: u32::MAX, start_ns: most, end_ns: most, tasks: u32::MAX }],
    }
}

fn elsewhere(done: &mut Done) {
    let what = Some(proto::item::What::Part(proto::PartOf { share: 999, number: 9 }));
    let item = proto::Item { session: Bytes::from_static(b"not yours"), job: 77, what };
    done.parts.iter_mut().for_each(|p| (p.item, p.columns) = (Some(item.clone()), Vec::new()));
}

fn lost(buffer: u32, block: u64) -> Failure {
    let lost = vec![Lost { buffer, block, endpoint: "169.254.169.254:80".into() }];
    Failure { code: "block-lost".into(), passing: true, lost, ..Failure::default() }
}

fn progress(done: &Done) -> Vec<event::Event> {
    let of = |share| Progress {
        share,
        elements: u64::MAX,
        memory_bytes: u64::MAX,
        work: f64::NAN,
        fetches: share % 2 * u64::MAX,
        ..Progress::default()
    };
    [done.share, done.share, 5, u64::MAX].map(|share| event::Event::Progress(of(share))).into()
}

fn another_plan(event: Event) -> Vec<Event> {
    match event.event {
        Some(event::Event::Opened(_)) => vec![of(event::Event::Opened(proto::Opened { plan: vec![7; 32].into() }))],
        _ => vec![event],
    }
}

/// What a worker says of itself instead of the truth.
type Boast = fn(proto::HelloReply) -> proto::HelloReply;

#[test]
fn what_a_worker_says_of_itself_is_not_believed_without_bound() {
    let hellos: [(&str, Boast); 5] = [
        ("a million threads", |h| proto::HelloReply { threads: u32::MAX, memory_bytes: u64::MAX, ..h }),
        ("none", |h| proto::HelloReply { threads: 0, ..h }),
        ("a time to come", |h| proto::HelloReply { uptime_ms: u64::MAX, ..h }),
        ("a name for terminals", |h| proto::HelloReply { name: "\u{1b}[2J<b>".repeat(10_000), ..h }),
        ("a thousand devices", |h| proto::HelloReply { devices: vec!["\u{7}gpu".repeat(1000); 1000], ..h }),
    ];
    let task = task(false);
    let local = bits(&task.local());
    for (what, hello) in hellos {
        let (double, honest) = (Between::new(Habits { hello, ..Habits::default() }), Started::new(1));
        let cluster = join(&[double.endpoint(), honest.endpoint()], rules());
        let facts = cluster.facts();
        let said = &facts.workers[0];
        assert!(said.threads <= 4096 && said.name.len() <= 800 && said.devices.len() <= 64, "{what}");
        assert!(!said.name.contains('\u{1b}') && said.devices.iter().all(|d| !d.contains('\u{7}')), "{what}");
        let (threads, memory) = cluster.planning();
        assert!(threads >= 2 && memory >= 1 << 28, "{what}: {threads} {memory}");
        assert_eq!(bits(&task.remote(&cluster).unwrap().data), local, "{what}");
    }
}

#[test]
fn an_error_that_stays_ends_the_run_at_once() {
    let count = Arc::new(AtomicU64::new(0));
    let failures = Arc::clone(&count);
    let panics = instead(move |done| {
        failures.fetch_add(1, Ordering::Relaxed);
        let message = "\u{1b}[31ma task panicked".to_owned() + &"!".repeat(100_000);
        failed(done, Failure { code: "bug".into(), message, ..Failure::default() })
    });
    let error = beside(panics, &task(false)).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "bug");
    let text = error.to_string();
    assert!(text.contains("a task panicked") && !text.contains('\u{1b}') && text.len() < 3000, "{text}");
    // One that waited behind it may have failed as well.
    assert!(count.load(Ordering::Relaxed) <= 2);
}

#[test]
fn different_answers_name_both_workers() {
    // The double answers twice, and falsely so that nobody can tell.
    let spoil = spoiling(|event| match &event.event {
        Some(event::Event::Done(done)) => vec![event.clone(), of(event::Event::Done(with_its_checksum(done.clone())))],
        _ => vec![event],
    });
    let error = beside(spoil, &task(false)).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "workers-disagree");
}

/// A product whose sums wait for those of other shares, and are too large to go with an answer.
fn product() -> Task {
    let law = || Law::Uniform { low: Scalar::Float(0.0), high: Scalar::Float(1.0) };
    let mut graph = Graph::new();
    let mut random = |draw, lens: [usize; 2]| {
        fill(&mut graph, Fill::Random { seed: 3, draw, law: law() }, &Shape::new(lens), DType::F64)
    };
    let (left, right) = (random(0, [200, 60_000]), random(1, [60_000, 200]));
    let op = table::find("matmul").unwrap();
    let Class::Contract(contract) = &op.class else { unreachable!() };
    let loop_index = contract.loops.iter().position(|l| l.dtype == DType::F64).unwrap();
    let (batch, summed) = ([].into_iter().collect(), [(1, 0)].into_iter().collect());
    let kind = NodeKind::Contract { op, loop_index, left, right, batch, summed };
    let node = add(&mut graph, kind, &Shape::new([200, 200]), DType::F64);
    Task::new(&graph, &[(node, Cut::Engine)], &Sources::new(), 2, false)
}

#[test]
fn false_second_answers_are_seen_by_the_parts_that_are_fetched() {
    let task = product();
    let local = bits(&task.local());
    for after in [Duration::ZERO, Duration::from_millis(20)] {
        let lies = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&lies);
        let twice = move |event: Event| {
            let mut said = vec![(Duration::ZERO, event.clone())];
            if let Some(event::Event::Done(mut done)) = event.event
                && done.parts.iter().any(|part| part.item.is_some())
            {
                done.checksum ^= 1;
                count.fetch_add(1, Ordering::Relaxed);
                said.push((after, of(event::Event::Done(done))));
            }
            said
        };
        let outcome = beside(Habits { events: Arc::new(twice), ..Habits::default() }, &task).unwrap();
        assert_eq!(bits(&outcome.data), local, "{after:?}");
        assert!(lies.load(Ordering::Relaxed) > 0, "{after:?}: no parts to fetch in\n{}", task.plan());
    }
}

#[test]
fn threads_that_hang_lose_their_lease() {
    let is_silent = |event: &Event| !matches!(event.event, Some(event::Event::Opened(_)));
    let hangs = spoiling(move |event| if is_silent(&event) { Vec::new() } else { vec![event] });
    let (double, honest) = (Between::new(hangs), Started::new(1));
    let rules = Rules { lease: Duration::from_secs(1), hedge_medians: 1e9, ..rules() };
    let task = task(false);
    let outcome = task.remote(&join(&[double.endpoint(), honest.endpoint()], rules.clone())).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
    // Alone it comes back again and again, and loses it as often.
    let error = task.remote(&join(&[double.endpoint()], rules)).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "deadly-task", "{error}");
}

#[test]
fn a_straggler_is_overtaken() {
    let late = |event: Event| {
        let is_answer = matches!(event.event, Some(event::Event::Done(_)));
        vec![(Duration::from_secs(if is_answer { 3 } else { 0 }), event)]
    };
    let slow = Habits { events: Arc::new(late), ..Habits::default() };
    let task = task(true);
    let outcome = beside(slow, &task).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
    // How soon, the schedule's own tests say: here, that an answer that comes after all does no harm.
}

#[test]
fn events_late_and_in_another_order_count_once() {
    for keeps in [false, true] {
        let number = AtomicU64::new(1);
        let shuffle = move |event: Event| {
            let next = number.fetch_add(0x9E37_79B9, Ordering::Relaxed).wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
            let again = (Duration::from_millis(next % 97), event.clone());
            vec![(Duration::from_millis(next % 31), event), again]
        };
        let task = task(keeps);
        let outcome = beside(Habits { events: Arc::new(shuffle), ..Habits::default() }, &task).unwrap();
        assert_eq!(bits(&outcome.data), bits(&task.local()));
        let tasks: usize = outcome.report.stages.iter().map(|s| s.tasks).sum();
        assert_eq!(tasks, task.plan().totals.tasks);
    }
}

#[test]
fn a_share_that_takes_down_its_workers_is_named() {
    fn is_first(order: &proto::Order) -> bool {
        matches!(&order.order, Some(order::Order::Share(share)) if share.stage == 0 && share.first == 0)
    }
    let doubles: Vec<Between> =
        (0..3).map(|_| Between::new(Habits { deadly: is_first, ..Habits::default() })).collect();
    let endpoints: Vec<Endpoint> = doubles.iter().map(Between::endpoint).collect();
    let (graph, wanted) = moments([60, 40]);
    let one = Task::new(&graph, &wanted, &Sources::new(), 3, false);
    let error = one.remote(&join(&endpoints, rules())).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "deadly-task", "{error}");
    assert!(error.to_string().contains("took down 3 workers"), "{error}");
}

/// How many random cases there are: some in the suite, as many as `CLEAVE_FUZZ` says otherwise.
pub(crate) fn cases(few: u32) -> ProptestConfig {
    let asked = std::env::var("CLEAVE_FUZZ").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::with_cases(asked.unwrap_or(few))
    }
}

proptest! {
    #![proptest_config(cases(12))]

    /// Bytes of events are turned on their way, as no checksum of the network would notice.
    #[test]
    fn turned_bytes_of_events(
        turned in prop::collection::vec((0u64..40, any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keeps in any::<bool>(),
    ) {
        let (number, broken) = (AtomicU64::new(0), Arc::new(AtomicBool::new(false)));
        let spoilt = Arc::clone(&broken);
        let spoil = spoiling(move |event| {
            let number = number.fetch_add(1, Ordering::Relaxed);
            let mut bytes = event.encode_to_vec();
            for (_, index, byte) in turned.iter().filter(|(at, ..)| *at == number) {
                let index = index.index(bytes.len().max(1));
                bytes.iter_mut().skip(index).take(1).for_each(|b| *b ^= *byte);
                spoilt.store(true, Ordering::Relaxed);
            }
            Event::decode(bytes.as_slice()).into_iter().collect()
        });
        let task = task(keeps);
        match beside(spoil, &task) {
            Ok(outcome) => prop_assert_eq!(bits(&outcome.data), bits(&task.local())),
            Err(error) => prop_assert!(broken.load(Ordering::Relaxed), "{}", error),
        }
    }
}
