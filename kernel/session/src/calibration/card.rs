//! The rates of a graphics card, kept beside those of the machine; a card that is plugged in elsewhere is another one,
//! as copies go through the machine.

use super::file::{hash, keep, key, rate_values, read_rates};
use super::now;
use cleave_gpu::detect::Facts;
use cleave_gpu::{GpuError, measure};
use cleave_plan::cost::CardRates;
use cleave_plan::cost::card::CARD_RATES;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is known of a card.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardCalibration {
    /// Its rates.
    pub rates: CardRates,
    /// When they were measured, in seconds since 1970; `None` where they are the usual ones.
    pub measured_at: Option<u64>,
    /// How long measuring took, in seconds.
    pub took_s: f64,
}

impl CardCalibration {
    /// Takes a card into use and measures it.
    pub fn measure(ordinal: usize) -> Result<Self, GpuError> {
        let began = Instant::now();
        let rates = measure(ordinal)?;
        Ok(Self { rates, measured_at: Some(now()), took_s: began.elapsed().as_secs_f64() })
    }

    /// Seconds since it was measured.
    pub fn age_s(&self) -> Option<u64> {
        Some(now().saturating_sub(self.measured_at?))
    }
}

/// The file for a card of this machine below a cache folder.
pub fn card_path(folder: &Path, card: &Facts) -> PathBuf {
    folder.join(format!("card-{:016x}.json", hash(&card_key(card))))
}

/// What was kept; `None` where there is no file, or one that does not fit.
pub fn load_card(folder: &Path, card: &Facts) -> Option<CardCalibration> {
    let text = fs::read_to_string(card_path(folder, card)).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    if value["card"].as_str()? != card_key(card) {
        return None;
    }
    let mut rates = CardRates { doubt: value["doubt"].as_f64()?.clamp(1.0, 4.0), ..CardRates::default() };
    read_rates(&value["rates"], &CARD_RATES, &mut rates)?;
    let took_s = value["took_s"].as_f64().unwrap_or(0.0);
    Some(CardCalibration { rates, measured_at: value["measured_at"].as_u64(), took_s })
}

/// Keeps what is known of a card.
pub fn save_card(folder: &Path, card: &Facts, known: &CardCalibration) -> io::Result<()> {
    let value = json!({
        "card": card_key(card),
        "doubt": known.rates.doubt,
        "measured_at": known.measured_at,
        "took_s": known.took_s,
        "rates": rate_values(&CARD_RATES, &known.rates),
    });
    keep(folder, &card_path(folder, card), &value)
}

/// What a card's rates depend on.
fn card_key(card: &Facts) -> String {
    let Facts { name, memory_bytes, processors, pci, .. } = card;
    format!("{name}, {memory_bytes} bytes, {processors} multiprocessors, at {pci}; {}", key())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleave_gpu::detect::Pci;

    fn card(name: &str) -> Facts {
        Facts {
            ordinal: 0,
            name: name.to_owned(),
            memory_bytes: 1 << 30,
            capability: (9, 0),
            processors: 4,
            pci: Pci { domain: 0, bus: 1, device: 0 },
        }
    }

    #[test]
    fn what_is_kept_of_a_card_comes_back_for_it_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut known = CardCalibration { measured_at: Some(1_700_000_000), took_s: 0.5, ..CardCalibration::default() };
        (known.rates.op_s, known.rates.doubt) = (1e-13, 1.0);
        assert_eq!(load_card(folder.path(), &card("A")), None);
        save_card(folder.path(), &card("A"), &known).expect("a folder that can be written to");
        assert_eq!(load_card(folder.path(), &card("A")), Some(known));
        assert_eq!(load_card(folder.path(), &card("B")), None);
    }

    #[test]
    fn a_file_of_a_card_that_does_not_fit_is_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        save_card(folder.path(), &card("A"), &CardCalibration::default()).expect("a folder that can be written to");
        let path = card_path(folder.path(), &card("A"));
        let text = fs::read_to_string(&path).expect("it was written");
        for bad in [text.replace("at 0000", "at 0001"), text.replace("\"op_s\": ", "\"op_s\": -"), "{".to_owned()] {
            assert_ne!(bad, text);
            fs::write(&path, bad).expect("it can be written");
            assert_eq!(load_card(folder.path(), &card("A")), None);
        }
    }
}
