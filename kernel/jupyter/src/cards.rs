//! Cards of workers that are kept fresh: which there are, and when each is to be shown anew.

use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A card is shown anew at most so often while a computation runs.
const EVERY: Duration = Duration::from_millis(500);
/// Cards that are kept fresh; those shown before them stay as they are.
const MOST: usize = 4;

/// The cards that were shown last.
#[derive(Default)]
pub(crate) struct Cards(Mutex<Shown>);

/// What was shown; the lock guards the order of ids and times.
#[derive(Default)]
struct Shown {
    count: u64,
    cards: VecDeque<Card>,
}

struct Card {
    id: String,
    /// The workers it shows.
    address: String,
    data: Value,
    at: Instant,
}

impl Cards {
    /// A new card; its id.
    pub(crate) fn open(&self, session: &str, address: &str, data: Value, now: Instant) -> String {
        let mut shown = self.shown();
        shown.count += 1;
        let id = format!("workers-{session}-{}", shown.count);
        shown.cards.push_back(Card { id: id.clone(), address: address.to_owned(), data, at: now });
        if shown.cards.len() > MOST {
            shown.cards.pop_front();
        }
        id
    }

    /// The ids of those that show other data now, all of them if nothing more comes for a while.
    pub(crate) fn due(&self, address: &str, data: &Value, settled: bool, now: Instant) -> Vec<String> {
        let mut shown = self.shown();
        let is_due =
            |c: &&mut Card| c.address == address && c.data != *data && (settled || now.duration_since(c.at) >= EVERY);
        let due = shown.cards.iter_mut().filter(is_due);
        due.map(|card| {
            (card.data, card.at) = (data.clone(), now);
            card.id.clone()
        })
        .collect()
    }

    /// Forgets the cards of workers that are not connected any more.
    pub(crate) fn close(&self, address: &str) {
        self.shown().cards.retain(|card| card.address != address);
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_card_is_shown_anew_when_it_differs_and_not_too_often() {
        let (cards, start) = (Cards::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let id = cards.open("s", "a:1", json!(0), at(0));
        let cases = [
            ("a:1", 1, false, 100, false),
            ("a:1", 0, false, 600, false),
            ("b:1", 1, true, 600, false),
            ("a:1", 1, false, 600, true),
            ("a:1", 2, false, 700, false),
            ("a:1", 2, true, 800, true),
            ("a:1", 2, true, 5000, false),
        ];
        for (address, data, settled, ms, want) in cases {
            let due = cards.due(address, &json!(data), settled, at(ms));
            assert_eq!(due == [id.clone()], want, "{address} {data} {settled} {ms}: {due:?}");
        }
        cards.close("a:1");
        assert!(cards.due("a:1", &json!(9), true, at(9000)).is_empty());
    }

    #[test]
    fn the_last_cards_are_kept_fresh_each_under_its_own_id() {
        let (cards, now) = (Cards::default(), Instant::now());
        let ids: Vec<String> = (0..MOST + 2).map(|i| cards.open("s", "a:1", json!(i), now)).collect();
        assert_eq!(cards.due("a:1", &json!("new"), true, now), ids[2..]);
    }
}
