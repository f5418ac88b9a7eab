//! Seconds by kind of work, and what earlier runs taught of each kind.

use super::Forecast;

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Elementwise arithmetic.
    Elementwise,
    /// Random draws.
    Random,
    /// Reductions.
    Reduction,
    /// Matrix products.
    Contraction,
    /// Memory traffic.
    Memory,
    /// Reading and unpacking stored blocks.
    Read,
    /// Packing and writing blocks.
    Write,
    /// Beginning and ending tasks and stages.
    Overhead,
    /// Copies to a card and from there.
    Transfer,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Kind; 9] = [
        Kind::Elementwise,
        Kind::Random,
        Kind::Reduction,
        Kind::Contraction,
        Kind::Memory,
        Kind::Read,
        Kind::Write,
        Kind::Overhead,
        Kind::Transfer,
    ];

    /// Its name in files and on cards.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Elementwise => "elementwise",
            Kind::Random => "random",
            Kind::Reduction => "reduction",
            Kind::Contraction => "contraction",
            Kind::Memory => "memory",
            Kind::Read => "reading",
            Kind::Write => "writing",
            Kind::Overhead => "overhead",
            Kind::Transfer => "copying",
        }
    }

    /// How far a prediction of it may be off, below and above, where the machine was measured and nothing learned.
    fn spread(self) -> (f64, f64) {
        match self {
            Kind::Elementwise | Kind::Random | Kind::Reduction | Kind::Contraction => (0.82, 1.22),
            Kind::Memory | Kind::Transfer => (0.75, 1.35),
            Kind::Read | Kind::Write => (0.65, 1.6),
            Kind::Overhead => (0.6, 1.8),
        }
    }
}

/// Seconds by kind, in the order of [`Kind::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts(pub [f64; 9]);

impl Parts {
    /// All kinds with their seconds.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, f64)> + '_ {
        Kind::ALL.into_iter().zip(self.0)
    }

    /// Seconds of all kinds.
    pub fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    /// Adds another's seconds.
    pub fn add(&mut self, other: &Parts) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a += b);
    }

    /// Multiplies each kind by its factor.
    pub fn scale(&mut self, factors: &Factors) {
        self.0.iter_mut().zip(&factors.0).for_each(|(s, f)| *s *= f.ratio);
    }

    /// The kind that takes most.
    pub fn dominant(&self) -> Kind {
        self.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(Kind::Overhead, |p| p.0)
    }
}

/// What runs taught of one kind: real seconds for a predicted second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor {
    /// Real over predicted, weighted to recent runs.
    pub ratio: f64,
    /// How many runs it was learned from.
    pub runs: u32,
}

impl Default for Factor {
    fn default() -> Self {
        Self { ratio: 1.0, runs: 0 }
    }
}

/// A factor for each kind, in the order of [`Kind::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Factors(pub [Factor; 9]);

impl Factors {
    /// The least and the greatest factor.
    pub const BOUNDS: (f64, f64) = (0.25, 4.0);
    /// The weight of a new run once there were several.
    const FRESH: f64 = 0.25;

    /// Takes in a run that took `real_s`, as far as one kind dominated it.
    pub fn learn(&mut self, predicted: &Parts, real_s: f64) {
        let (kind, sum) = (predicted.dominant(), predicted.sum());
        let share = predicted.0[kind as usize] / sum.max(1e-12);
        if real_s.is_nan() || real_s <= 0.0 || sum <= 0.0 || share < 0.5 {
            return;
        }
        let factor = &mut self.0[kind as usize];
        let (low, high) = Self::BOUNDS;
        let here = (factor.ratio * real_s / sum).clamp(low, high);
        let weight = Self::FRESH.max(1.0 / (f64::from(factor.runs) + 2.0)) * share;
        factor.ratio = (factor.ratio.ln() * (1.0 - weight) + here.ln() * weight).exp().clamp(low, high);
        factor.runs = factor.runs.saturating_add(1);
    }
}

/// The band around a prediction, as factors below and above it.
pub(super) fn band(parts: &Parts, forecast: &Forecast<'_>) -> (f64, f64) {
    let sum = parts.sum().max(1e-12);
    let (mut below, mut above) = (0.0, 0.0);
    for ((kind, seconds), learned) in parts.iter().zip(&forecast.factors.0) {
        // Ten runs of a kind halve what is not known of it.
        let known = 0.5 + 0.5 / (1.0 + f64::from(learned.runs.min(30)) / 5.0);
        let wide = forecast.machine.doubt * known;
        let (low, high) = kind.spread();
        below += seconds / sum * low.powf(wide);
        above += seconds / sum * high.powf(wide);
    }
    (below, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(elementwise: f64, overhead: f64) -> Parts {
        let mut parts = Parts::default();
        parts.0[Kind::Elementwise as usize] = elementwise;
        parts.0[Kind::Overhead as usize] = overhead;
        parts
    }

    #[test]
    fn factors_go_to_the_ratio_that_runs_show_and_no_further_than_their_bounds() {
        for (real, want) in [(1.7, 1.7), (0.6, 0.6), (50.0, 4.0), (1e-6, 0.25)] {
            let mut factors = Factors::default();
            for _ in 0..60 {
                let mut predicted = parts(1.0, 0.0);
                predicted.scale(&factors);
                factors.learn(&predicted, real);
            }
            let got = factors.0[Kind::Elementwise as usize].ratio;
            assert!((got / want - 1.0).abs() < 0.02, "{real}: {got}");
        }
    }

    #[test]
    fn one_odd_run_changes_little_and_mixed_runs_nothing() {
        let mut factors = Factors::default();
        for _ in 0..10 {
            factors.learn(&parts(1.0, 0.0), 1.0);
        }
        factors.learn(&parts(1.0, 0.0), 4.0);
        assert!(factors.0[0].ratio < 1.5, "{factors:?}");
        let before = factors;
        factors.learn(&parts(0.45, 0.0), f64::NAN);
        factors.learn(&Parts([0.125; 9]), 9.0);
        assert_eq!(factors, before);
    }
}
