//! The constants by which a run goes on or gives up.

use std::time::Duration;

/// How long to wait for whom, and how often to try.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Silence after which a worker gets no more shares.
    pub suspect: Duration,
    /// Silence after which it counts as gone.
    pub lost: Duration,
    /// The least time in which the threads of a worker that has shares must get on.
    pub lease: Duration,
    /// The same, in estimates of the share at work.
    pub lease_estimates: f64,
    /// How often a share is tried again after a fault that may pass.
    pub retries: u32,
    /// How long it rests before the worker that failed it may try again, where there is no other; twice that the next
    /// time. Others may come meanwhile, and faults pass.
    pub rest: Duration,
    /// How often it is tried again because blocks it reads were lost.
    pub retries_of_lost: u32,
    /// Workers a share may take down before it is blamed.
    pub deadly: usize,
    /// How many medians a share may take before a second worker tries it as well.
    pub hedge_medians: f64,
    /// No second copies before a share has taken that long.
    pub hedge_least: Duration,
    /// How long a run waits with no worker at all.
    pub nobody: Duration,
    /// Shares a worker has at once: one at work and one that waits.
    pub outstanding: usize,
    /// Seconds a share should take at most, and at least.
    pub share_s: (f64, f64),
    /// The same before anything is known of a stage's tasks.
    pub first_share_s: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            suspect: Duration::from_secs(3),
            lost: Duration::from_secs(10),
            lease: Duration::from_secs(30),
            lease_estimates: 10.0,
            retries: 3,
            rest: Duration::from_millis(100),
            retries_of_lost: 16,
            deadly: 3,
            hedge_medians: 3.0,
            hedge_least: Duration::from_millis(500),
            nobody: Duration::from_secs(30),
            outstanding: 2,
            share_s: (1.0, 0.03),
            first_share_s: 0.25,
        }
    }
}
