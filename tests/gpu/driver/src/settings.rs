//! What the environment variable says: words between blanks or commas.
//!
//! | word | meaning |
//! |---|---|
//! | `devices=N` | how many devices there are (1) |
//! | `memory=64M` | bytes of each device (256M) |
//! | `processors=N` | multiprocessors of each device (2) |
//! | `version=12040` | the version that the driver tells (13000) |
//! | `deferred` | work runs only when something waits for it |
//! | `reverse` | the last block and warp run first |
//! | `poison=7f` | the byte that fresh memory holds (ff) |
//! | `readable` | kernels may read memory that nobody wrote |
//! | `budget=N` | instructions of warps after which a kernel times out |
//! | `fail=NAME:N:CODE` | the N-th call of NAME (`*`: of anything) returns CODE; codes that kill a context do so |
//! | `pools=0` | no asynchronous allocation |

use std::fmt;

/// How many devices there are and how they behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) devices: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) processors: i32,
    pub(crate) version: i32,
    pub(crate) deferred: bool,
    pub(crate) reverse: bool,
    pub(crate) poison: u8,
    pub(crate) readable: bool,
    pub(crate) budget: u64,
    pub(crate) pools: bool,
    pub(crate) failures: Vec<Failure>,
}

/// A call that is to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The call, or `*`.
    pub(crate) name: String,
    /// Which one, counted from one.
    pub(crate) count: u64,
    pub(crate) code: i32,
}

/// A word that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownWord(String);

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}` is not understood", crate::SETTINGS, self.0)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            devices: 1,
            memory_bytes: 256 << 20,
            processors: 2,
            version: 13000,
            deferred: false,
            reverse: false,
            poison: 0xff,
            readable: false,
            budget: 1 << 32,
            pools: true,
            failures: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads the words of the variable.
    pub(crate) fn read(text: &str) -> Result<Self, UnknownWord> {
        let mut settings = Self::default();
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            settings.word(word).ok_or_else(|| UnknownWord(word.into()))?;
        }
        Ok(settings)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "devices" => self.devices = value.parse().ok()?,
            "memory" => self.memory_bytes = bytes(value)?,
            "processors" => self.processors = value.parse().ok()?,
            "version" => self.version = value.parse().ok()?,
            "deferred" => self.deferred = true,
            "reverse" => self.reverse = true,
            "poison" => self.poison = u8::from_str_radix(value, 16).ok()?,
            "readable" => self.readable = true,
            "budget" => self.budget = value.parse().ok()?,
            "pools" => self.pools = value != "0",
            "fail" => self.failures.push(failure(value)?),
            _ => return None,
        }
        Some(())
    }
}

fn bytes(text: &str) -> Option<u64> {
    let scales = [("K", 10), ("M", 20), ("G", 30)];
    match scales.iter().find_map(|(letter, shift)| Some((text.strip_suffix(letter)?, shift))) {
        Some((digits, shift)) => digits.parse::<u64>().ok()?.checked_shl(*shift),
        None => text.parse().ok(),
    }
}

fn failure(text: &str) -> Option<Failure> {
    let mut parts = text.split(':');
    let (name, count, code) = (parts.next()?.into(), parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(Failure { name, count, code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_set_fields() {
        let text = "devices=2, memory=64M deferred fail=cuMemAlloc_v2:3:2 poison=7f";
        let settings = Settings::read(text).unwrap();
        let failures = vec![Failure { name: "cuMemAlloc_v2".into(), count: 3, code: 2 }];
        let expected = Settings {
            devices: 2,
            memory_bytes: 64 << 20,
            deferred: true,
            failures,
            poison: 0x7f,
            ..Settings::default()
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn unknown_words_are_named() {
        for word in ["device=2", "memory=1X", "fail=cuInit:1", "fail=cuInit:1:2:3"] {
            assert_eq!(Settings::read(word), Err(UnknownWord(word.into())));
        }
    }
}
