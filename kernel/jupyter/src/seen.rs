//! Signatures that came, so that none is taken twice.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// So many of the last ones are remembered.
const MOST: usize = 1 << 16;

/// The last signatures.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Signatures>);

/// Each signature once, and the order in which they came; the lock is held for a look and a note.
#[derive(Default)]
struct Signatures {
    all: HashSet<Vec<u8>>,
    order: VecDeque<Vec<u8>>,
}

impl Seen {
    /// Remembers a signature in hex digits; whether it was not there.
    pub(crate) fn is_new(&self, signature: &[u8]) -> bool {
        let signature = signature.to_ascii_lowercase();
        let mut signatures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Signatures { all, order } = &mut *signatures;
        if !all.insert(signature.clone()) {
            return false;
        }
        order.push_back(signature);
        let oldest = if order.len() > MOST { order.pop_front() } else { None };
        if let Some(oldest) = oldest {
            all.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_and_no_more() {
        let seen = Seen::default();
        let name = |n: usize| format!("{n:064x}").into_bytes();
        assert!((0..MOST + 10).all(|n| seen.is_new(&name(n))));
        assert!(!seen.is_new(&name(MOST + 9)) && !seen.is_new(&name(10)));
        assert!(seen.is_new(&name(0)));
        assert_eq!(seen.0.lock().expect("no panic").all.len(), MOST);
    }
}
