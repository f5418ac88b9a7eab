//! What requests say. Everything a client may leave out has the protocol's default.

use cleave_session::assist::HistoryQuery;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
pub(crate) struct Execute {
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) silent: bool,
    pub(crate) store_history: Option<bool>,
    #[serde(default)]
    pub(crate) user_expressions: BTreeMap<String, String>,
    #[serde(default = "yes")]
    pub(crate) allow_stdin: bool,
    #[serde(default = "yes")]
    pub(crate) stop_on_error: bool,
}

/// Also `inspect_request`: both point into code, in code points.
#[derive(Debug, Deserialize)]
pub(crate) struct Pointed {
    pub(crate) code: String,
    cursor_pos: Option<usize>,
    #[serde(default)]
    pub(crate) detail_level: u8,
}

#[derive(Debug, Deserialize)]
pub(crate) struct IsComplete {
    pub(crate) code: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct History {
    #[serde(default)]
    pub(crate) output: bool,
    hist_access_type: Access,
    #[serde(default)]
    session: i64,
    #[serde(default)]
    start: i64,
    stop: Option<i64>,
    n: Option<i64>,
    #[serde(default = "everything")]
    pattern: String,
    #[serde(default)]
    unique: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Range,
    Tail,
    Search,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CommOpen {
    pub(crate) comm_id: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Shutdown {
    #[serde(default)]
    pub(crate) restart: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Debug {
    #[serde(default)]
    pub(crate) seq: i64,
    #[serde(default)]
    pub(crate) command: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InputReply {
    pub(crate) value: String,
}

impl Pointed {
    /// The cursor, never beyond the end of the code.
    pub(crate) fn cursor(&self) -> usize {
        let length = self.code.chars().count();
        self.cursor_pos.unwrap_or(length).min(length)
    }
}

impl History {
    pub(crate) fn query(&self) -> HistoryQuery {
        let count = |n: i64| usize::try_from(n).unwrap_or(0);
        match self.hist_access_type {
            Access::Tail => HistoryQuery::Tail { n: self.n.map_or(10, count) },
            Access::Range => {
                HistoryQuery::Range { session: self.session, start: count(self.start), stop: self.stop.map(count) }
            }
            Access::Search => {
                HistoryQuery::Search { pattern: self.pattern.clone(), n: self.n.map(count), unique: self.unique }
            }
        }
    }
}

fn yes() -> bool {
    true
}

fn everything() -> String {
    "*".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_a_default() {
        let request: Execute = serde_json::from_str(r#"{"code": "1", "unknown": []}"#).expect("legal");
        assert!(request.allow_stdin && request.stop_on_error && !request.silent && request.store_history.is_none());
    }

    #[test]
    fn history_queries() {
        for (content, debug) in [
            (r#"{"hist_access_type": "tail", "n": 3}"#, "Tail { n: 3 }"),
            (r#"{"hist_access_type": "tail", "n": -3}"#, "Tail { n: 0 }"),
            (r#"{"hist_access_type": "range", "start": 2}"#, "Range { session: 0, start: 2, stop: None }"),
            (r#"{"hist_access_type": "search"}"#, r#"Search { pattern: "*", n: None, unique: false }"#),
        ] {
            let history: History = serde_json::from_str(content).expect("legal");
            assert_eq!(format!("{:?}", history.query()), debug);
        }
        assert!(serde_json::from_str::<History>(r#"{"hist_access_type": []}"#).is_err());
    }

    #[test]
    fn cursors_stay_in_the_code() {
        for (content, cursor) in [
            (r#"{"code": "a😀b"}"#, 3),
            (r#"{"code": "a😀b", "cursor_pos": 2}"#, 2),
            (r#"{"code": "a😀b", "cursor_pos": 99}"#, 3),
        ] {
            assert_eq!(serde_json::from_str::<Pointed>(content).expect("legal").cursor(), cursor);
        }
    }
}
