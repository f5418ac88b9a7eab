//! Where a calibration is kept, and how it is written.

use super::{Calibration, cores};
use cleave_plan::cost::machine::{Machine, RATES, Rate};
use cleave_plan::cost::parts::Factor;
use cleave_plan::cost::{Factors, Kind};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file for this machine below a cache folder.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(format!("machine-{:016x}.json", hash(&key())))
}

/// What was kept; `None` where there is no file, or one that does not fit.
pub fn load(folder: &Path) -> Option<Calibration> {
    let text = fs::read_to_string(path(folder)).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    read(&value)
}

/// Keeps a calibration.
pub fn save(folder: &Path, calibration: &Calibration) -> io::Result<()> {
    keep(folder, &path(folder), &write(calibration))
}

/// Keeps a value: a temporary file, then renamed, so that it is whole or not there.
pub(super) fn keep(folder: &Path, path: &Path, value: &Value) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// What rates depend on.
pub(super) fn key() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ").map(|m| m.1.trim().to_owned()));
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{model}, {} cores, {}, cleave {}", cores(), cleave_ops::vector_unit(), env!("CARGO_PKG_VERSION"))
}

/// FNV-1a, so that the name is the same in every build.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

/// All rates by their names.
pub(super) fn rate_values<T>(rates: &[Rate<T>], of: &T) -> Map<String, Value> {
    rates.iter().map(|rate| (rate.name.to_owned(), (rate.of)(of).into())).collect()
}

/// Reads all of them; `None` where one is missing or no rate.
pub(super) fn read_rates<T>(values: &Value, rates: &[Rate<T>], into: &mut T) -> Option<()> {
    for rate in rates {
        let number = values[rate.name].as_f64().filter(|n| n.is_finite() && *n > 0.0)?;
        (rate.set)(into, number);
    }
    Some(())
}

fn write(calibration: &Calibration) -> Value {
    let learned: Map<String, Value> = Kind::ALL
        .into_iter()
        .zip(&calibration.factors.0)
        .filter(|(_, f)| f.runs > 0)
        .map(|(kind, f)| (kind.name().to_owned(), json!({ "ratio": f.ratio, "runs": f.runs })))
        .collect();
    json!({
        "machine": key(),
        "threads": calibration.machine.threads,
        "doubt": calibration.machine.doubt,
        "measured_at": calibration.measured_at,
        "took_s": calibration.took_s,
        "rates": rate_values(&RATES, &calibration.machine),
        "learned": learned,
    })
}

fn read(value: &Value) -> Option<Calibration> {
    if value["machine"].as_str()? != key() {
        return None;
    }
    let mut machine = Machine {
        threads: value["threads"].as_u64()?.clamp(1, 4096) as usize,
        doubt: value["doubt"].as_f64()?.clamp(1.0, 4.0),
        ..Machine::default()
    };
    read_rates(&value["rates"], &RATES, &mut machine)?;
    let mut factors = Factors::default();
    for (kind, factor) in Kind::ALL.into_iter().zip(&mut factors.0) {
        let learned = &value["learned"][kind.name()];
        let ratio = learned["ratio"].as_f64().filter(|r| (Factors::BOUNDS.0..=Factors::BOUNDS.1).contains(r));
        if let (Some(ratio), Some(runs)) = (ratio, learned["runs"].as_u64()) {
            *factor = Factor { ratio, runs: runs.min(1000) as u32 };
        }
    }
    let took_s = value["took_s"].as_f64().unwrap_or(0.0);
    Some(Calibration { machine, factors, measured_at: value["measured_at"].as_u64(), took_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(load(folder.path()), None);
        let mut kept = Calibration { measured_at: Some(1_700_000_000), took_s: 1.2, ..Calibration::default() };
        (kept.machine.add_s, kept.machine.doubt, kept.machine.threads) = (0.2e-9, 1.0, 2);
        kept.factors.0[Kind::Random as usize] = Factor { ratio: 1.5, runs: 7 };
        save(&folder.path().join("new"), &kept).expect("a folder that can be made");
        assert_eq!(load(&folder.path().join("new")), Some(kept));
    }

    #[test]
    fn a_file_that_does_not_fit_is_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let good = write(&Calibration::default());
        let mut others = [good.clone(), good.clone(), Value::Null];
        others[0]["machine"] = "another".into();
        others[1]["rates"]["add_s"] = (-1.0).into();
        for text in others.iter().map(Value::to_string).chain(["{".to_owned(), String::new()]) {
            fs::write(path(folder.path()), &text).expect("a folder to write in");
            assert_eq!(load(folder.path()), None, "{text}");
        }
        let mut odd = good;
        odd["learned"]["random"] = json!({ "ratio": 900.0, "runs": 3 });
        fs::write(path(folder.path()), odd.to_string()).expect("a folder to write in");
        assert_eq!(load(folder.path()).map(|c| c.factors), Some(Factors::default()));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_said() {
        assert!(save(Path::new("/proc/none"), &Calibration::default()).is_err());
    }
}
