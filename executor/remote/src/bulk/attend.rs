//! Transfers that are watched: those that get on may take as long as they need.

use super::BulkError;
use crate::transport::{Fault, Link, ReachError};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often it is looked whether something moves.
const LOOK: Duration = Duration::from_secs(1);
/// Silence after which nobody is thought to be there; answers to what keeps connections alive come sooner.
const SILENCE: Duration = Duration::from_secs(8);
/// Bytes between two looks that are more than what keeps connections alive.
const LEAST_BYTES: u64 = 1 << 10;

/// Waits for a transfer over a link for as long as something is heard of the peer; `advances` hears of each second in
/// which bytes moved.
pub async fn attended<T>(
    link: &Link,
    transfer: impl Future<Output = Result<T, BulkError>>,
    advances: impl Fn(),
) -> Result<T, BulkError> {
    let mut transfer = pin!(transfer);
    let (mut ticks, mut moved, mut since) = (interval(LOOK), link.moved_bytes(), Instant::now());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = &mut transfer => return done,
            _ = ticks.tick() => {}
        }
        let now = link.moved_bytes();
        if now >= moved + LEAST_BYTES {
            advances();
        }
        if now > moved {
            (moved, since) = (now, Instant::now());
        } else if since.elapsed() >= SILENCE {
            let fault = Fault::Silent { after: SILENCE };
            return Err(BulkError::Reach(ReachError { endpoint: link.endpoint().clone(), fault }));
        }
    }
}
