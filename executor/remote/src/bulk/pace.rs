//! How large frames are: small at first, then ever larger as long as they go at once. What was on its way in part when a
//! connection ended is lost, so whoever is cut off again and again still has about half of what came.

use std::time::Duration;
use tokio::time::Instant;

/// Bytes of a first frame. With what stands around them they fill one frame of HTTP/2, so that no tiny one follows.
pub const LEAST_FRAME_BYTES: usize = (64 << 10) - AROUND_BYTES;
/// More than what stands around a frame's bytes.
const AROUND_BYTES: usize = 64;
/// How often frames double: then they keep up with a bare socket.
const DOUBLINGS: u32 = 4;
/// A frame that goes within this time is followed by one twice as large, one that takes longer than the other by half.
const BRISK: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_millis(400);

/// How large frames of one call are.
#[derive(Debug, Default)]
pub(super) struct Pace {
    doublings: u32,
    /// When the frame before was wanted.
    last: Option<Instant>,
}

impl Pace {
    /// Bytes of the next frame, which is wanted now: the one before is gone.
    pub(super) fn next(&mut self, now: Instant) -> usize {
        let took = self.last.replace(now).map(|last| now.saturating_duration_since(last));
        self.doublings = match took {
            Some(took) if took < BRISK => DOUBLINGS.min(self.doublings + 1),
            Some(took) if took > SLOW => self.doublings.saturating_sub(1),
            Some(_) | None => self.doublings,
        };
        ((LEAST_FRAME_BYTES + AROUND_BYTES) << self.doublings) - AROUND_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes in units of the first, for frames that take so many milliseconds each.
    fn sizes(took_ms: &[u64]) -> Vec<usize> {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        let mut size = |took: u64| {
            now += Duration::from_millis(took);
            (pace.next(now) + AROUND_BYTES) / (LEAST_FRAME_BYTES + AROUND_BYTES)
        };
        [0].iter().chain(took_ms).map(|&took| size(took)).collect()
    }

    #[test]
    fn frames_grow_where_they_go_at_once_and_shrink_where_they_take_long() {
        assert_eq!(sizes(&[1, 1, 1, 1, 1, 1]), [1, 2, 4, 8, 16, 16, 16]);
        assert_eq!(sizes(&[1, 1, 200, 200, 500, 500, 500, 500, 1]), [1, 2, 4, 4, 4, 2, 1, 1, 1, 2]);
    }
}
