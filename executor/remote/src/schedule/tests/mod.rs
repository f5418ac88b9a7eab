//! Runs on simulated pools: what never happens, whatever happens.

#![allow(clippy::panic)]

mod near;
mod pool;

use super::*;
use pool::{Faults, Pool, Trial};
use std::time::Duration;

fn shape(stages: &[(usize, usize)], buffers: &[(usize, &[usize])]) -> Shape {
    let stage =
        |&(tasks, group): &(usize, usize)| StageShape { tasks, task_s: 0.01, group, near: None, most: usize::MAX };
    let buffer = |&(made_by, read_by): &(usize, &[usize])| BufferShape { made_by, read_by: read_by.to_vec() };
    Shape { stages: stages.iter().map(stage).collect(), buffers: buffers.iter().map(buffer).collect() }
}

fn shapes() -> Vec<Shape> {
    vec![
        shape(&[(400, 1)], &[]),
        shape(&[(1000, 16)], &[]),
        shape(&[(300, 1), (200, 1)], &[(0, &[1])]),
        shape(&[(100, 1), (120, 8), (90, 1), (50, 1)], &[(0, &[1, 2]), (1, &[2]), (2, &[3])]),
        shape(&[(60, 1), (0, 1), (60, 1), (60, 1)], &[(0, &[3]), (2, &[3])]),
        shape(&[], &[]),
        shape(&[(1, 1)], &[]),
    ]
}

#[test]
fn a_healthy_pool_does_everything_once() {
    for (seed, shape) in shapes().into_iter().enumerate() {
        for threads in [&[1][..], &[1, 1], &[4, 1, 2], &[8; 8]] {
            let mut pool = Pool::new(shape.clone(), seed as u64, threads, Faults::default());
            let trial = pool.run();
            assert_eq!(trial.end, Ok(()), "{shape:?} {threads:?}");
            trial.check_counted_once(&shape);
            assert_eq!(trial.redone, 0, "{shape:?} {threads:?}");
        }
    }
}

#[test]
fn threads_are_busy() {
    let shape = shape(&[(2000, 1)], &[]);
    for threads in [&[1, 1][..], &[2, 1, 1], &[4, 4]] {
        let trial = Pool::new(shape.clone(), 1, threads, Faults::default()).run();
        let ideal_s = 2000.0 * 0.01 / threads.iter().sum::<usize>() as f64;
        assert!(trial.took.as_secs_f64() < 1.15 * ideal_s, "{:?} of {ideal_s} s with {threads:?}", trial.took);
    }
}

#[test]
fn whatever_fails_every_run_ends() {
    let mut ends = [0; 2];
    for seed in 0..1500 {
        let shape = shapes()[seed as usize % 5].clone();
        let faults =
            Faults { crashes: 0.3, freezes: 0.1, faults: 0.02, strays: 0.05, rejoins: 0.9, ..Faults::default() };
        let trial = Pool::new(shape.clone(), seed, &[2, 1, 1, 4], faults).run();
        match &trial.end {
            Ok(()) => trial.check_counted_once(&shape),
            Err(End::Nobody { .. } | End::Deadly { .. } | End::Failed { .. }) => {}
            Err(other) => panic!("seed {seed}: {other:?}"),
        }
        ends[usize::from(trial.end.is_err())] += 1;
    }
    assert!(ends[0] > 1200, "{ends:?}");
}

#[test]
fn one_crash_costs_only_what_was_lost() {
    for seed in 0..200 {
        let shape = shapes()[seed as usize % 5].clone();
        let faults = Faults { one_crash: Some(Duration::from_millis(400 + seed * 7)), ..Faults::default() };
        let trial = Pool::new(shape.clone(), seed, &[1, 1, 1], faults).run();
        assert_eq!(trial.end, Ok(()), "seed {seed}");
        trial.check_counted_once(&shape);
        // What was released is made again as a whole where something that was made from it is lost.
        let is_chain = shape.buffers.iter().any(|b| shape.buffers.iter().any(|a| a.read_by.contains(&b.made_by)));
        let most = if is_chain { usize::MAX } else { trial.held_by_lost + 2 };
        assert!(trial.redone <= most, "seed {seed}: {} of {}", trial.redone, trial.held_by_lost);
    }
}

#[test]
fn a_frozen_worker_is_replaced_in_time() {
    let faults = Faults { one_freeze: Some(Duration::from_millis(500)), ..Faults::default() };
    let trial = Pool::new(shapes()[0].clone(), 3, &[1, 1], faults).run();
    assert_eq!(trial.end, Ok(()));
    assert!(trial.took < Duration::from_secs(2 + 12), "{:?}", trial.took);
}

#[test]
fn all_gone_is_an_error_in_time() {
    let faults = Faults { all_crash: Some(Duration::from_millis(700)), ..Faults::default() };
    let trial = Pool::new(shapes()[0].clone(), 3, &[1, 1, 1], faults).run();
    let Err(End::Nobody { lost }) = &trial.end else { panic!("{:?}", trial.end) };
    assert_eq!(lost.len(), 3);
    assert!(trial.took < Duration::from_secs(40), "{:?}", trial.took);
}

#[test]
fn a_straggler_gets_a_second_copy() {
    let faults = Faults { slow: Some((0, 20.0)), ..Faults::default() };
    let trial = Pool::new(shape(&[(200, 1)], &[]), 3, &[1, 1, 1], faults).run();
    assert_eq!(trial.end, Ok(()));
    assert!(trial.took < Duration::from_secs(5), "{:?}", trial.took);
}

#[test]
fn a_deadly_share_is_named() {
    let faults = Faults { poison: Some((0, 50)), rejoins: 1.0, ..Faults::default() };
    let trial = Pool::new(shapes()[0].clone(), 3, &[1, 1, 1, 1, 1], faults).run();
    let Err(End::Deadly { stage: 0, tasks, workers }) = &trial.end else { panic!("{:?}", trial.end) };
    assert!(tasks.contains(&50));
    assert_eq!(workers.len(), 3);
}

#[test]
fn threads_that_hang_end_the_lease() {
    let faults = Faults { one_hang: Some(Duration::from_millis(500)), ..Faults::default() };
    let trial = Pool::new(shapes()[0].clone(), 3, &[1], faults.clone()).run();
    let Err(End::Nobody { lost }) = &trial.end else { panic!("{:?}", trial.end) };
    assert!(matches!(lost[..], [(_, Loss::Stuck { .. })]), "{lost:?}");
    let trial = Pool::new(shapes()[0].clone(), 3, &[1, 1], faults).run();
    assert_eq!(trial.end, Ok(()));
}

fn start(schedule: &mut Schedule, worker: u32) -> Vec<(ShareId, u32)> {
    starts(schedule.step(Time::ZERO, Input::Joined { worker: WorkerId(worker), threads: 1 }))
}

fn starts(orders: Vec<Order>) -> Vec<(ShareId, u32)> {
    let started = |order: Order| match order {
        Order::Start { share, attempt, .. } => Some((share, attempt)),
        _ => None,
    };
    orders.into_iter().filter_map(started).collect()
}

fn fault(worker: u32, share: ShareId, attempt: u32) -> Input {
    let failure = Failure { passing: true, ..Failure::default() };
    Input::Failed { worker: WorkerId(worker), share, attempt, failure }
}

fn answer(worker: u32, share: ShareId, checksum: u32) -> Input {
    Input::Done(Answer { worker: WorkerId(worker), share, checksum, kept: false, busy: Duration::from_millis(1) })
}

fn end_of(orders: &[Order]) -> Option<&Result<(), End>> {
    match orders.last() {
        Some(Order::End(end)) => Some(end),
        _ => None,
    }
}

#[test]
fn errors_that_stay_end_the_run_at_once() {
    let mut schedule = Schedule::new(shapes()[0].clone(), Rules::default());
    let (share, attempt) = start(&mut schedule, 0)[0];
    let failure = Failure { code: "read-failed".to_owned(), ..Failure::default() };
    let failed = Input::Failed { worker: WorkerId(0), share, attempt, failure };
    let orders = schedule.step(Time::ZERO, failed);
    assert!(matches!(end_of(&orders), Some(Err(End::Failed { .. }))), "{orders:?}");
    assert!(schedule.step(Time::ZERO, Input::Tick).is_empty());
}

#[test]
fn faults_that_pass_are_tried_three_times_again() {
    let mut schedule = Schedule::new(shapes()[6].clone(), Rules::default());
    let (mut started, mut now) = (start(&mut schedule, 0), Time::ZERO);
    for round in 0..4 {
        let (share, attempt) = started[0];
        assert_eq!(attempt, round + 1);
        let orders = schedule.step(now, fault(0, share, attempt));
        assert_eq!(end_of(&orders).is_some(), round == 3, "{orders:?}");
        // Alone it waits a while, each time longer.
        let rest = schedule.rules.rest * (1 << round);
        assert!(starts(orders).is_empty());
        assert!(starts(schedule.step(now + rest - Duration::from_millis(1), Input::Tick)).is_empty());
        now += rest;
        started = starts(schedule.step(now, Input::Tick));
    }
}

#[test]
fn another_need_not_wait_to_try_what_one_failed() {
    let mut schedule = Schedule::new(shapes()[6].clone(), Rules::default());
    let (share, attempt) = start(&mut schedule, 0)[0];
    assert!(starts(schedule.step(Time::ZERO, fault(0, share, attempt))).is_empty());
    assert_eq!(start(&mut schedule, 1), [(share, attempt + 1)]);
}

#[test]
fn different_answers_are_an_error() {
    let mut schedule = Schedule::new(shapes()[0].clone(), Rules::default());
    let (share, _) = start(&mut schedule, 0)[0];
    schedule.step(Time::ZERO, answer(0, share, 7));
    assert!(end_of(&schedule.step(Time::ZERO, answer(0, share, 7))).is_none());
    let orders = schedule.step(Time::ZERO, answer(0, share, 8));
    assert!(matches!(end_of(&orders), Some(Err(End::Disagree { .. }))), "{orders:?}");
}

/// A share that two workers have: the second had nothing else to do when the first was late.
fn with_two() -> (Schedule, ShareId) {
    let mut schedule = Schedule::new(shapes()[6].clone(), Rules::default());
    let (share, _) = start(&mut schedule, 0)[0];
    let late = Rules::default().suspect;
    let joined = schedule.step(late, Input::Joined { worker: WorkerId(1), threads: 1 });
    assert!(joined.iter().any(|o| matches!(o, Order::Start { worker: WorkerId(1), .. })), "{joined:?}");
    (schedule, share)
}

#[test]
fn who_told_the_truth_is_known_when_all_is_here() {
    let (mut schedule, share) = with_two();
    schedule.step(Time::ZERO, answer(0, share, 7));
    assert_eq!(end_of(&schedule.step(Time::ZERO, answer(1, share, 8))), None);
    let mut honest = schedule.clone();
    let orders = honest.step(Time::ZERO, Input::Secured { worker: WorkerId(0), share });
    assert!(matches!(end_of(&orders), Some(Err(End::Disagree { .. }))), "{orders:?}");
    let failure = Failure { passing: true, ..Failure::default() };
    let orders = schedule.step(Time::ZERO, Input::Missed { worker: WorkerId(0), share, failure });
    assert!(orders.iter().any(|o| matches!(o, Order::Start { worker: WorkerId(1), .. })), "{orders:?}");
    schedule.step(Time::ZERO, answer(1, share, 8));
    let orders = schedule.step(Time::ZERO, Input::Secured { worker: WorkerId(1), share });
    assert_eq!(end_of(&orders), Some(&Ok(())));
}

#[test]
fn who_is_away_for_a_moment_goes_on() {
    let mut schedule = Schedule::new(shapes()[2].clone(), Rules::default());
    let started = start(&mut schedule, 0);
    let (worker, moment) = (WorkerId(0), Duration::from_millis(500));
    schedule.step(Time::ZERO, Input::Away { worker });
    assert_eq!(schedule.step(moment, Input::Tick), []);
    let again = schedule.step(moment, Input::Joined { worker, threads: 1 });
    let found: Vec<_> = again
        .iter()
        .filter_map(|o| if let Order::Start { share, attempt, .. } = o { Some((*share, *attempt)) } else { None })
        .collect();
    assert_eq!(found, started);
    // For long it is as if it had ended.
    schedule.step(moment, Input::Away { worker });
    let orders = schedule.step(moment + Rules::default().lost, Input::Tick);
    assert!(matches!(orders[..], [Order::Lose { why: Loss::Silent { .. }, .. }, ..]), "{orders:?}");
}

#[test]
fn who_answers_for_others_is_put_out() {
    let mut schedule = Schedule::new(shapes()[0].clone(), Rules::default());
    let (share, _) = start(&mut schedule, 0)[0];
    start(&mut schedule, 1);
    for unknown in [share, ShareId(u64::MAX), ShareId(9999)] {
        let mut schedule = schedule.clone();
        let orders = schedule.step(Time::ZERO, answer(1, unknown, 7));
        let put_out = Order::Lose { worker: WorkerId(1), why: Loss::Untrue { share: unknown } };
        assert!(orders.contains(&put_out), "{orders:?}");
    }
    assert!(schedule.step(Time::ZERO, answer(17, share, 7)).is_empty());
}

#[test]
fn a_cancelled_run_stops_everyone() {
    let mut schedule = Schedule::new(shapes()[0].clone(), Rules::default());
    let started = start(&mut schedule, 0);
    let orders = schedule.step(Time::ZERO, Input::Cancel);
    assert_eq!(orders.len(), started.len() + 1);
    assert_eq!(end_of(&orders), Some(&Err(End::Cancelled)));
}

#[test]
fn a_draining_worker_gets_nothing_new() {
    let mut schedule = Schedule::new(shapes()[0].clone(), Rules::default());
    let started = start(&mut schedule, 0);
    schedule.step(Time::ZERO, Input::Draining { worker: WorkerId(0) });
    for (share, _) in started {
        let orders = schedule.step(Time::ZERO, answer(0, share, 7));
        assert!(!orders.iter().any(|o| matches!(o, Order::Start { .. })), "{orders:?}");
    }
    assert!(!start(&mut schedule, 1).is_empty());
}

impl Trial {
    fn check_counted_once(&self, shape: &Shape) {
        for (stage, of) in shape.stages.iter().enumerate() {
            let mut tasks: Vec<_> =
                self.counted.iter().filter(|(s, ..)| *s == stage).map(|(_, t, _)| t.clone()).collect();
            tasks.sort_by_key(|t| t.start);
            let end = tasks.iter().try_fold(0, |next, t| (t.start == next).then_some(t.end));
            assert_eq!(end, Some(of.tasks), "{tasks:?}");
        }
    }
}

#[test]
fn a_share_that_is_too_large_becomes_two() {
    let mut schedule = Schedule::new(shape(&[(8, 1)], &[]), Rules::default());
    let (worker, now) = (WorkerId(0), Time::ZERO);
    let mut orders = schedule.step(now, Input::Joined { worker, threads: 8 });
    let (mut done, mut count) = (Vec::new(), 0);
    while let Some(order) = (!orders.is_empty()).then(|| orders.remove(0)) {
        count += 1;
        assert!(count < 100, "it does not end");
        match order {
            Order::Start { share, attempt, tasks, .. } if tasks.len() > 2 => {
                let (code, message) = ("spill-failed".to_owned(), String::new());
                let failure = Failure { code, message, passing: true, too_large: true, ..Failure::default() };
                orders.extend(schedule.step(now, Input::Failed { worker, share, attempt, failure }));
            }
            Order::Start { share, tasks, .. } => {
                let (checksum, kept, busy) = (tasks.start as u32, false, Duration::from_millis(1));
                done.push(tasks);
                orders.extend(schedule.step(now, Input::Done(Answer { worker, share, checksum, kept, busy })));
                orders.extend(schedule.step(now, Input::Secured { worker, share }));
            }
            Order::End(end) => assert_eq!(end, Ok(())),
            _ => {}
        }
    }
    done.sort_by_key(|tasks| tasks.start);
    assert_eq!(done.iter().flat_map(|tasks| tasks.clone()).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
}

/// The worker at work on a share is lost, the next one takes it up; the end of the run, if there is one.
fn lost_one_after_the_other(schedule: &mut Schedule, workers: std::ops::Range<u32>) -> Option<Result<(), End>> {
    for worker in workers {
        start(schedule, worker);
        let gone = Input::Gone { worker: WorkerId(worker), why: "reset".to_owned() };
        let orders = schedule.step(Time::ZERO, gone);
        if let Some(end) = end_of(&orders) {
            return Some(end.clone());
        }
    }
    None
}

#[test]
fn who_lives_is_not_held_against_a_share() {
    let schedule = Schedule::new(shapes()[6].clone(), Rules::default());
    let end = lost_one_after_the_other(&mut schedule.clone(), 0..3);
    assert!(matches!(end, Some(Err(End::Deadly { .. }))), "{end:?}");
    let mut schedule = schedule;
    for round in 0..5 {
        assert_eq!(lost_one_after_the_other(&mut schedule, 2 * round..2 * round + 2), None);
        for worker in 2 * round..2 * round + 2 {
            schedule.step(Time::ZERO, Input::Lives { worker: WorkerId(worker) });
        }
    }
}

#[test]
fn a_share_that_was_lost_with_its_worker_comes_back_in_halves() {
    let mut schedule = Schedule::new(shapes()[0].clone(), Rules::default());
    let (share, _) = start(&mut schedule, 0)[0];
    let (_, tasks) = schedule.share(share).unwrap_or_default();
    assert!(tasks.len() > 1, "{tasks:?}");
    schedule.step(Time::ZERO, Input::Gone { worker: WorkerId(0), why: "killed".to_owned() });
    let halves: Vec<_> = start(&mut schedule, 1).into_iter().filter_map(|(id, _)| schedule.share(id)).collect();
    assert!(
        halves.iter().any(|(_, half)| half.start == tasks.start && half.len() == tasks.len().div_ceil(2)),
        "{halves:?}"
    );
}
