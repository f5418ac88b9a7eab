//! What is wrong with a setting.

use super::{ENTRIES, Scheduler, Setting};
use crate::address::AddressError;
use std::fmt;

/// Why a value could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It does not look like the setting's values.
    Value,
    /// It names workers that cannot be.
    Address(AddressError),
    /// It names no scheduler.
    Scheduler,
}

/// A setting that could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// No setting has this key; the nearest one.
    Unknown {
        /// What was given.
        key: String,
        /// The key most like it.
        nearest: &'static str,
    },
    /// The value cannot be read.
    Value {
        /// The setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What values look like.
        values: &'static str,
    },
    /// The workers cannot be where the value says.
    Address(AddressError),
    /// There is no scheduler of this name.
    Scheduler(String),
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingError::Unknown { key, .. } => write!(f, "there is no setting `{key}`"),
            SettingError::Value { key, value, .. } => write!(f, "`{value}` is no value of the setting `{key}`"),
            SettingError::Address(error) => error.fmt(f),
            SettingError::Scheduler(name) => write!(f, "there is no scheduler `{name}` here"),
        }
    }
}

impl SettingError {
    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            SettingError::Unknown { .. } => "unknown-setting",
            SettingError::Value { .. } => "bad-setting",
            SettingError::Address(error) => error.code(),
            SettingError::Scheduler(_) => "unknown-scheduler",
        }
    }

    /// A way out.
    pub fn help(&self) -> String {
        match self {
            SettingError::Unknown { nearest, .. } => format!("the nearest is `{nearest}`; `%config` lists all"),
            SettingError::Value { values, .. } => format!("give {values}"),
            SettingError::Address(error) => error.help(),
            SettingError::Scheduler(_) => format!("the schedulers are {}", Scheduler::VALUES),
        }
    }
}

impl std::error::Error for SettingError {}

/// The key most like one that is none.
pub(super) fn nearest_key(key: &str) -> &'static str {
    let distance = |e: &&Setting| strsim::damerau_levenshtein(e.key, key);
    ENTRIES.iter().min_by_key(distance).map_or("", |e| e.key)
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn mistakes_name_a_way_out() {
        let mut settings = Settings::default();
        let unknown = settings.set("optimise.fold", "on").expect_err("there is no such setting");
        assert_eq!(unknown.help(), "the nearest is `optimize.fold`; `%config` lists all");
        assert_eq!(settings.set("threads", "0").map_err(|e| e.code()), Err("bad-setting"));
    }
}
