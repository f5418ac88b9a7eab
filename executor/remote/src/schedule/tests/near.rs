//! Stages that read the same are done by the same workers, and nobody waits for that.

use super::*;

/// Stages of so many tasks, each of which reads what the one before it does.
fn chain(stages: &[(usize, usize)]) -> Shape {
    let mut chain = shape(stages, &[]);
    chain.stages.iter_mut().enumerate().for_each(|(number, stage)| stage.near = number.checked_sub(1));
    chain
}

impl Trial {
    /// Who did the task of a stage that lies there, as a part of the stage.
    fn doer(&self, stage: usize, tasks: usize, at: f64) -> WorkerId {
        let task = (tasks as f64 * at) as usize;
        let found = self.counted.iter().find(|(s, t, _)| *s == stage && t.contains(&task));
        found.map(|&(.., worker)| worker).expect("each task is done")
    }

    /// How much of a stage was done by who did the same of the one before.
    fn again(&self, shape: &Shape, stage: usize) -> f64 {
        const LOOKS: usize = 200;
        let [before, now] = [stage - 1, stage].map(|s| shape.stages[s].tasks);
        let places = (0..LOOKS).map(|look| (look as f64 + 0.5) / LOOKS as f64);
        places.filter(|&at| self.doer(stage - 1, before, at) == self.doer(stage, now, at)).count() as f64 / LOOKS as f64
    }

    /// How often another worker goes on where one ends.
    fn borders(&self, stage: usize) -> usize {
        let mut done: Vec<_> =
            self.counted.iter().filter(|(s, ..)| *s == stage).map(|(_, t, w)| (t.start, *w)).collect();
        done.sort_unstable();
        done.windows(2).filter(|pair| pair[0].1 != pair[1].1).count()
    }
}

#[test]
fn who_read_it_before_does_it_again() {
    for (seed, stages) in
        [&[(64, 1), (64, 1)][..], &[(400, 1), (1000, 16), (90, 1)], &[(900, 300), (300, 1)]].into_iter().enumerate()
    {
        let shape = chain(stages);
        for threads in [&[1, 1][..], &[1, 1, 1], &[2, 1, 1], &[1; 8]] {
            let trial = Pool::new(shape.clone(), seed as u64 + 1, threads, Faults::default()).run();
            assert_eq!(trial.end, Ok(()), "{stages:?} {threads:?}");
            trial.check_counted_once(&shape);
            for stage in 1..stages.len() {
                let again = trial.again(&shape, stage);
                assert!(again > 0.6, "stage {stage} of {stages:?} on {threads:?}: {again}");
            }
        }
    }
}

#[test]
fn each_works_side_by_side() {
    for threads in [&[1, 1][..], &[1, 1, 1], &[4, 2, 1]] {
        let trial = Pool::new(shape(&[(2000, 1)], &[]), 1, threads, Faults::default()).run();
        let borders = trial.borders(0);
        assert!(borders <= 6 * threads.len(), "{borders} borders with {threads:?}");
    }
}

#[test]
fn nobody_waits_for_who_did_it_before() {
    let shape = chain(&[(900, 1), (900, 1)]);
    let busy_s = 2.0 * 900.0 * 0.01;
    for (threads, faults, within_s) in [
        (&[1, 1, 1][..], Faults::default(), 1.15 * busy_s / 3.0),
        // One that is slow is not given as much again; one that was lost had a third.
        (&[1, 1, 1], Faults { slow: Some((0, 20.0)), ..Faults::default() }, 1.3 * busy_s / 2.0),
        (&[1, 1, 1], Faults { one_crash: Some(Duration::from_secs(3)), ..Faults::default() }, 1.3 * busy_s / 2.0),
    ] {
        let trial = Pool::new(shape.clone(), 5, threads, faults).run();
        assert_eq!(trial.end, Ok(()));
        trial.check_counted_once(&shape);
        assert!(trial.took.as_secs_f64() < within_s, "{:?} of {within_s} s", trial.took);
    }
}

#[test]
fn who_joins_late_takes_half_of_anothers_part() {
    let mut schedule = Schedule::new(shape(&[(4000, 1)], &[]), Rules::default());
    let (share, _) = start(&mut schedule, 0)[0];
    schedule.step(Time::ZERO, answer(0, share, 7));
    let late: Vec<_> = start(&mut schedule, 1).into_iter().filter_map(|(id, _)| schedule.share(id)).collect();
    assert!(late.len() == 2 && late.iter().all(|(_, tasks)| tasks.start >= 2000), "{late:?}");
}

#[test]
fn who_comes_first_leaves_the_others_their_part() {
    let mut schedule = Schedule::new(shape(&[(90, 1)], &[]), Rules::default());
    for worker in [0, 1, 2].map(WorkerId) {
        assert_eq!(starts(schedule.step(Time::ZERO, Input::Coming { worker, threads: 1 })), []);
    }
    for (worker, own) in [(2, 60..90), (0, 0..30), (1, 30..60)] {
        let given: Vec<_> = start(&mut schedule, worker).into_iter().filter_map(|(id, _)| schedule.share(id)).collect();
        assert!(!given.is_empty() && given.iter().all(|(_, t)| own.start <= t.start && t.end <= own.end), "{given:?}");
    }
}
