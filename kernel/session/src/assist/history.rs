//! The inputs of the past.

use super::Assistant;
use std::collections::HashSet;

/// One input of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The session.
    pub session: u32,
    /// Its line, `In[line]`.
    pub line: u32,
    /// What was typed.
    pub input: String,
    /// What it gave, as text, where it is kept.
    pub output: Option<String>,
}

/// Which part of the history is wanted.
#[derive(Clone, Debug)]
pub enum HistoryQuery {
    /// The last `n`.
    Tail {
        /// How many.
        n: usize,
    },
    /// Lines `start..stop` of a session; 0 is this one, negative ones count back from it.
    Range {
        /// Which session.
        session: i64,
        /// The first line.
        start: usize,
        /// The line after the last; `None` for all that follow.
        stop: Option<usize>,
    },
    /// Inputs that match a glob (`*`, `?`), the last `n`.
    Search {
        /// The glob.
        pattern: String,
        /// How many at most.
        n: Option<usize>,
        /// Whether an input that was typed again counts once, where it was typed last.
        unique: bool,
    },
}

impl Assistant {
    /// A part of the history, oldest first.
    pub fn history(&self, query: &HistoryQuery) -> Vec<HistoryEntry> {
        match query {
            HistoryQuery::Tail { n } => last(self.history.to_vec(), *n),
            HistoryQuery::Range { session, start, stop } => {
                let wanted = if *session <= 0 { i64::from(self.session) + session } else { *session };
                let lines = *start..stop.unwrap_or(usize::MAX);
                let inside = |e: &&HistoryEntry| i64::from(e.session) == wanted && lines.contains(&(e.line as usize));
                self.history.iter().filter(inside).cloned().collect()
            }
            HistoryQuery::Search { pattern, n, unique } => {
                let matching = self.history.iter().filter(|e| matches_glob(pattern, &e.input));
                let mut found: Vec<HistoryEntry> = matching.cloned().collect();
                if *unique {
                    let mut seen = HashSet::new();
                    found.reverse();
                    found.retain(|e| seen.insert(e.input.clone()));
                    found.reverse();
                }
                last(found, n.unwrap_or(usize::MAX))
            }
        }
    }
}

fn last(mut entries: Vec<HistoryEntry>, n: usize) -> Vec<HistoryEntry> {
    entries.split_off(entries.len().saturating_sub(n))
}

/// Whether a text matches a pattern of `*` and `?`, in time proportional to their product at most.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assistant() -> Assistant {
        let entry = |line, input: &str| HistoryEntry { session: 1, line, input: input.to_owned(), output: None };
        let history = vec![entry(1, "x = 1"), entry(2, "y = x"), entry(3, "x = 1")];
        Assistant { history: std::sync::Arc::new(history), session: 1, ..Assistant::default() }
    }

    fn lines(query: &HistoryQuery) -> Vec<u32> {
        assistant().history(query).iter().map(|e| e.line).collect()
    }

    #[test]
    fn parts_of_the_history() {
        let search = |pattern: &str, n, unique| HistoryQuery::Search { pattern: pattern.to_owned(), n, unique };
        assert_eq!(lines(&HistoryQuery::Tail { n: 2 }), [2, 3]);
        assert_eq!(lines(&HistoryQuery::Range { session: 0, start: 1, stop: Some(3) }), [1, 2]);
        assert_eq!(lines(&search("x*", None, false)), [1, 3]);
        assert_eq!(lines(&search("x*", None, true)), [3]);
        assert_eq!(lines(&search("?*=*x", Some(1), false)), [2]);
    }
}
