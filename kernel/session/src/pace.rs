//! How far a run is and when it ends, from what was predicted and what was seen; steady enough to be read.

use cleave_plan::Estimate;
use cleave_plan::event::Progress;

/// The part of a prediction that counts as seen before anything is, and the seconds at least.
const PRIOR: (f64, f64) = (0.08, 0.05);
/// Seconds in which the time left that is shown moves most of the way to what is known: at first, more for each
/// second passed, and at most.
const STEADY: (f64, f64, f64) = (0.4, 0.3, 1.5);
/// Seconds over which the rate is taken.
const RATE_S: f64 = 1.0;

/// Follows one run.
pub(crate) struct Pace {
    /// Predicted seconds of each stage.
    stages: Vec<f64>,
    total_s: f64,
    fraction: f64,
    left_s: Option<f64>,
    rate: f64,
    elapsed_s: f64,
    elements: u64,
}

/// What is shown of a run at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct At {
    /// Done, by cost: 0 to 1, and never less than before.
    pub(crate) fraction: f64,
    /// Seconds left.
    pub(crate) left_s: Option<f64>,
    /// Elements a second, lately.
    pub(crate) rate: f64,
}

impl Pace {
    pub(crate) fn new(predicted: &Estimate) -> Self {
        let stages: Vec<f64> = predicted.stages.iter().map(|s| s.seconds.max(1e-9)).collect();
        let total_s = stages.iter().sum();
        Self { stages, total_s, fraction: 0.0, left_s: None, rate: 0.0, elapsed_s: 0.0, elements: 0 }
    }

    /// Takes in a report.
    pub(crate) fn at(&mut self, progress: &Progress) -> At {
        let elapsed_s = progress.elapsed.as_secs_f64();
        let passed_s = (elapsed_s - self.elapsed_s).max(0.0);
        let stage = progress.stage.min(self.stages.len().saturating_sub(1));
        let before: f64 = self.stages[..stage].iter().sum();
        let done_s = before + self.stages.get(stage).map_or(0.0, |s| s * progress.stage_done.clamp(0.0, 1.0));
        self.fraction = self.fraction.max(if self.total_s > 0.0 { done_s / self.total_s } else { 0.0 }).min(1.0);
        self.see(done_s, elapsed_s, passed_s);
        self.count(progress, passed_s);
        self.elapsed_s = elapsed_s;
        At { fraction: self.fraction, left_s: self.left_s, rate: self.rate }
    }

    fn see(&mut self, done_s: f64, elapsed_s: f64, passed_s: f64) {
        let prior = PRIOR.0 * self.total_s + PRIOR.1;
        let slower = (elapsed_s + prior) / (done_s + prior);
        let known = (self.total_s - done_s).max(0.0) * slower;
        let steady_s = (STEADY.0 + STEADY.1 * elapsed_s).min(STEADY.2);
        self.left_s = Some(match self.left_s {
            None => known,
            Some(shown) => {
                let counted = (shown - passed_s).max(0.0);
                counted + (known - counted) * (1.0 - (-passed_s / steady_s).exp())
            }
        });
    }

    fn count(&mut self, progress: &Progress, passed_s: f64) {
        let visited = progress.elements.saturating_sub(self.elements) as f64;
        if passed_s > 0.0 {
            let now = visited / passed_s;
            let weight = if self.elements == 0 { 1.0 } else { 1.0 - (-passed_s / RATE_S).exp() };
            self.rate += (now - self.rate) * weight;
        }
        self.elements = progress.elements;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_plan::StageEstimate;
    use std::time::Duration;

    fn predicted(seconds: &[f64]) -> Estimate {
        let stages = seconds.iter().map(|&seconds| StageEstimate { seconds, ..StageEstimate::default() }).collect();
        Estimate { stages, ..Estimate::default() }
    }

    /// What is shown every 50 ms of a run whose stages really take `real` seconds.
    fn shown(guess: &[f64], real: &[f64]) -> Vec<(f64, At)> {
        let mut pace = Pace::new(&predicted(guess));
        let total: f64 = real.iter().sum();
        let at = |t: f64| {
            let ends: Vec<f64> = real
                .iter()
                .scan(0.0, |s, r| {
                    *s += r;
                    Some(*s)
                })
                .collect();
            let stage = ends.iter().position(|&e| t < e).unwrap_or(real.len() - 1);
            let begun = ends[stage] - real[stage];
            Progress {
                done: 0.0,
                total: 0.0,
                stage,
                stage_done: ((t - begun) / real[stage]).min(1.0),
                elements: (t * 1e9) as u64,
                rate: 1e9,
                bytes_in_use: 0,
                elapsed: Duration::from_secs_f64(t),
            }
        };
        (1..=(total / 0.05) as usize).map(|i| i as f64 * 0.05).map(|t| (t, pace.at(&at(t)))).collect()
    }

    #[test]
    fn time_left_is_steady_and_comes_true() {
        for (guess, real) in
            [(&[10.0][..], &[10.0][..]), (&[5.0], &[12.0]), (&[12.0], &[5.0]), (&[4.0, 4.0], &[2.0, 8.0])]
        {
            let total: f64 = real.iter().sum();
            let all = shown(guess, real);
            for pair in all.windows(2) {
                let (before, after) = (pair[0].1, pair[1].1);
                assert!(after.fraction >= before.fraction, "{guess:?} {real:?}: the bar went back");
                let jump = after.left_s.unwrap_or(0.0) - before.left_s.unwrap_or(0.0);
                assert!(jump.abs() < 0.05 * total, "{guess:?} {real:?}: it jumped by {jump} s");
            }
            let (t, late) = all[all.len() * 9 / 10];
            let wrong = late.left_s.unwrap_or(0.0) - (total - t);
            assert!(wrong.abs() < 0.15 * total, "{guess:?} {real:?}: off by {wrong} s near the end");
            assert!((late.rate / 1e9 - 1.0).abs() < 0.01);
        }
    }

    #[test]
    fn a_run_that_costs_nothing_has_a_pace() {
        let at = shown(&[], &[0.1]).pop().expect("a moment").1;
        assert_eq!(at.fraction, 0.0);
    }
}
