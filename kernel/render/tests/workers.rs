//! Golden text and HTML of workers, runs on them, and the page of what runs.

use cleave_session::Snapshot;
use cleave_session::board::{Moment, RunState, StageState, Totals};
use cleave_session::output::{
    EstimateFacts, LaneFacts, PoolFacts, RunFacts, Shown, Span, StageFacts, Stint, WorkerFacts, WorkerState,
};
use std::time::{Duration, Instant};

fn worker(number: usize) -> WorkerFacts {
    WorkerFacts {
        endpoint: format!("10.0.0.{number}:7711"),
        name: format!("node{number}"),
        state: WorkerState::Ready,
        threads: 4,
        memory_bytes: 14 << 30,
        memory_used_bytes: (number as u64) << 30,
        running: 4,
        ready: 31,
        done: 812,
        cpu: 3.88,
        last_seen: Duration::from_millis(200),
        latency: Duration::from_micros(400),
        version: "0.1.0".to_owned(),
        devices: vec!["cpu".to_owned()],
        uptime: Duration::from_secs(3700),
        sent_bytes: 36 << 10,
        received_bytes: 2 << 20,
        ..WorkerFacts::default()
    }
}

fn address(workers: &[WorkerFacts]) -> String {
    workers.iter().map(|w| w.endpoint.clone()).collect::<Vec<_>>().join(",")
}

fn pool(workers: Vec<WorkerFacts>) -> Shown {
    Shown::Client(Box::new(PoolFacts { address: address(&workers), workers, closed: false }))
}

/// One of each state.
fn troubled() -> Vec<WorkerFacts> {
    let full = WorkerFacts {
        memory_used_bytes: 12 << 30,
        spilled_bytes: 1 << 30,
        devices: vec!["cpu".to_owned(), "gpu: NVIDIA H200".to_owned()],
        ..worker(2)
    };
    let of = |n: usize, state: WorkerState| WorkerFacts { state, ..worker(n) };
    vec![
        worker(1),
        full,
        of(3, WorkerState::Suspect),
        of(4, WorkerState::Draining),
        of(5, WorkerState::Lost("its connection was reset <script>alert(1)</script>".to_owned())),
        of(6, WorkerState::Refused("its build is 0.0.9, this is 0.1.0".to_owned())),
        WorkerFacts { endpoint: "10.0.0.7:7711".to_owned(), ..WorkerFacts::default() },
    ]
}

/// `shares` shares a worker, one after the other, in two stages.
fn lane(number: u64, shares: u64, wall_ms: u64) -> LaneFacts {
    let at = |i: u64| Duration::from_micros(1000 * wall_ms * i / shares);
    let span = |i: u64| Span {
        stage: usize::from(2 * i >= shares),
        start: at(i),
        end: at(i + 1),
        tasks: 4,
        attempt: 1,
        counted: i + 1 < shares || number != 2,
    };
    LaneFacts {
        endpoint: format!("10.0.0.{number}:7711"),
        threads: 1,
        spans: (0..shares).map(span).collect(),
        busy: Duration::from_millis(wall_ms * (100 - 3 * number.min(30)) / 100),
        bytes_fetched: if number == 3 { 36 << 10 } else { 0 },
        ..LaneFacts::default()
    }
}

fn run(lanes: Vec<LaneFacts>) -> RunFacts {
    let stage = StageFacts {
        flow: vec!["ones".to_owned(), "*".to_owned(), "sum".to_owned()],
        wall_s: 0.6,
        predicted_s: 0.5,
        cpu_s: 1.7,
        tasks: 512,
        elements: 20_000_000_000,
    };
    let predicted = EstimateFacts { seconds: 1.1, low_s: 0.9, high_s: 1.4, peak_bytes: 22 << 20, ..Default::default() };
    RunFacts {
        scheduler: format!("workers({})", lanes.len()),
        threads: lanes.len(),
        wall_s: 1.2,
        tasks: 1024,
        elements: 40_000_000_000,
        bytes: 320_000_000_000,
        peak_bytes: 57 << 20,
        limit_bytes: 42 << 30,
        predicted: Some(predicted),
        stages: vec![stage.clone(), stage],
        lanes,
        ..RunFacts::default()
    }
}

/// A run that holds more and more, twice as fast in the middle.
fn moment(i: usize, of: usize, elapsed_s: f64) -> Moment {
    let part = i as f64 / of as f64;
    let bytes = (part * (24 << 20) as f64) as u64;
    Moment { at_s: part * elapsed_s, stage: 0, elements: (25e9 * part * part) as u64, bytes }
}

fn snapshot(stages: usize, at: usize, end: Option<&'static str>) -> Snapshot {
    let moments = if stages > 100 { 240 } else { 6 };
    let stage = |i: usize| StageState {
        flow: vec!["normal".to_owned(), "<script>".to_owned(), "a long name of a step".to_owned(), "sum".to_owned()],
        tasks: 1_000_000,
        elements: 40_000_000_000,
        predicted_s: 1.0,
        reads: (0..i).rev().take(2).collect(),
        wall_s: (i < at).then_some(1.1),
    };
    let state = RunState {
        id: 3,
        stages: (0..stages).map(stage).collect(),
        stage: at,
        stage_done: 0.4,
        elapsed_s: 2.5,
        predicted_s: stages as f64,
        elements: 25_000_000_000,
        bytes: 20 << 20,
        peak_bytes: 24 << 20,
        predicted_bytes: 22 << 20,
        limit_bytes: 15 << 30,
        end,
        course: (0..moments).map(|i| moment(i, moments, 2.5)).collect(),
    };
    let totals = Totals {
        computed: 2,
        failed: 1,
        tasks: 2_000_000,
        elements: 80_000_000_000,
        wall_s: 6.8,
        cpu_s: 13.1,
        read_bytes: 5 << 30,
        ..Totals::default()
    };
    Snapshot { uptime_s: 63.2, scheduler: "workers(3)".to_owned(), run: Some(state), totals, ..Snapshot::default() }
}

/// Without the style sheets.
fn markup(html: &str) -> String {
    html.split("<style>").map(|p| p.split_once("</style>").map_or(p, |(_, rest)| rest)).collect()
}

fn shown(shown: &Shown) -> String {
    let html = cleave_render::html(shown).unwrap_or_default();
    format!("{}\n\n{}", cleave_render::text(shown), markup(&html))
}

#[test]
fn workers_and_runs_look_as_they_did() {
    let three: Vec<LaneFacts> = (1..=3).map(|n| lane(n, 9, 1200)).collect();
    insta::assert_snapshot!("client", shown(&pool((1..=3).map(worker).collect())));
    insta::assert_snapshot!("client_in_trouble", shown(&pool(troubled())));
    insta::assert_snapshot!("run_on_workers", shown(&Shown::Run(Box::new(run(three)))));
    insta::assert_snapshot!("board", markup(&cleave_render::board_html(&snapshot(3, 1, None))));
    insta::assert_snapshot!("board_failed", markup(&cleave_render::board_html(&snapshot(2, 0, Some("failed")))));
}

#[test]
fn cards_stay_small_whatever_they_show() {
    let bytes = |shown: &Shown| cleave_render::html(shown).unwrap_or_default().len();
    assert!(bytes(&pool((1..=3).map(worker).collect())) <= 6 * 1024);
    let many = pool((1..=200).map(worker).collect());
    assert!(bytes(&many) <= 8 * 1024, "{}", bytes(&many));
    for (workers, shares) in [(1, 1), (3, 9), (3, 100_000), (100, 1000)] {
        let card = Shown::Run(Box::new(run((1..=workers).map(|n| lane(n, shares, 1200)).collect())));
        assert!(bytes(&card) <= 8 * 1024, "{workers} workers, {shares} shares: {}", bytes(&card));
    }
}

#[test]
fn all_workers_are_counted() {
    let text = cleave_render::text(&pool(troubled()));
    assert!(text.contains("2 of 7 workers · 8 threads · 28 GiB"), "{text}");
    assert!(text.contains("1 silent · 1 draining · 1 lost · 1 refused"), "{text}");
    let text = cleave_render::text(&pool((1..=200).map(worker).collect()));
    assert!(text.contains("200 workers · 800 threads") && text.contains("and 192 more workers: 768 threads"), "{text}");
}

#[test]
fn nothing_that_others_say_becomes_markup() {
    let pages = [
        cleave_render::html(&pool(troubled())).unwrap_or_default(),
        cleave_render::board_html(&snapshot(3, 1, None)),
        cleave_render::board_html(&Snapshot { scheduler: "<script>".to_owned(), ..snapshot(1, 0, None) }),
    ];
    for page in pages {
        assert!(!page.contains("<script"), "{page}");
    }
}

#[test]
fn a_page_of_a_million_chunks_is_small_and_drawn_at_once() {
    let lanes = (1..=3).map(|n| lane(n, 100_000, 60_000)).collect();
    let facts = RunFacts { wall_s: 60.0, ..run(lanes) };
    let snapshot = Snapshot { last: Some(Box::new(facts)), ..snapshot(200, 100, None) };
    let page = cleave_render::board_html(&snapshot);
    assert!(page.len() < 60_000, "{}", page.len());
    let draw = |_| {
        let start = Instant::now();
        assert_eq!(cleave_render::board_html(&snapshot).len(), page.len());
        start.elapsed()
    };
    let took = (0..5).map(draw).min().expect("it was drawn");
    assert!(took < Duration::from_millis(50), "{took:?}");
}

#[test]
fn lanes_are_drawn_while_a_run_goes_on() {
    let at = Duration::from_secs;
    let now = Span { stage: 1, start: at(50), end: at(63), tasks: 0, attempt: 1, counted: true };
    let lanes = vec![LaneFacts { at_work: vec![now], ..lane(1, 4, 50_000) }];
    let last = Some(Box::new(run(vec![lane(1, 4, 1200)])));
    let going = Snapshot { lanes, last, ..snapshot(2, 1, None) };
    let page = cleave_render::board_html(&going);
    assert!(page.contains("workers so far") && page.contains("16 tasks · 1 share at work"), "{page}");
    assert!(!page.contains("last computation"), "{page}");
    let before = cleave_render::board_html(&Snapshot { lanes: Vec::new(), ..going });
    assert!(before.contains("last computation") && !before.contains("workers so far"), "{before}");
}

#[test]
fn idle_workers_have_a_lane_and_lost_work_is_counted() {
    let idle = LaneFacts { endpoint: "idle:1".to_owned(), threads: 2, ..LaneFacts::default() };
    let text = cleave_render::text(&Shown::Run(Box::new(run(vec![lane(2, 4, 1200), idle]))));
    assert!(text.contains("idle:1 · 0 % busy · 0 tasks in 0 shares"), "{text}");
    assert!(text.contains("12 tasks in 3 shares · 1 for nothing"), "{text}");
}

#[test]
fn threads_of_this_program_are_a_stream_as_workers_are() {
    let at = Duration::from_millis;
    let stint = |thread: usize, i: u64| Stint { stage: 0, thread, start: at(10 * i), end: at(10 * i + 9), tasks: 2 };
    let stints = (0..100).map(|i| stint(i as usize % 2, i / 2)).collect();
    let facts = RunFacts { stints, wall_s: 0.5, ..run(Vec::new()) };
    let page = cleave_render::board_html(&Snapshot { last: Some(Box::new(facts)), ..snapshot(2, 2, Some("computed")) });
    assert!(page.contains("threads over time") && page.contains("thread 2 · 90 % busy · 100 tasks"), "{page}");
}

#[test]
fn a_client_that_was_closed_says_so() {
    let pool = PoolFacts { address: "a:1".to_owned(), workers: vec![worker(1)], closed: true };
    let text = cleave_render::text(&Shown::Client(Box::new(pool)));
    assert!(text.starts_with("client a:1 · closed · 1 worker · "), "{text}");
}
