//! The rates of this machine, as `cleave doctor` prints them.

use crate::terminal::line;
use cleave_gpu::detect;
use cleave_plan::cost::Kind;
use cleave_plan::cost::card::CARD_RATES;
use cleave_plan::cost::machine::{RATES, Rate, Unit};
use cleave_session::calibration::{self, Calibration, CardCalibration};
use cleave_session::{Cancel, Settings};

/// Prints what is known; measures first where that is wanted.
pub(crate) fn rates(calibrate: bool, settings: &Settings) {
    let Some(folder) = settings.cache_folder.as_deref() else {
        return line("calibration   there is no cache folder: neither XDG_CACHE_HOME nor HOME is set");
    };
    if calibrate && let Some(measured) = Calibration::measure(calibration::cores(), folder, &Cancel::default()) {
        if let Err(error) = calibration::save(folder, &measured) {
            line(&format!("calibration   cannot be kept: {}: {error}", folder.display()));
        }
        return table(&measured);
    }
    match calibration::load(folder).filter(|c| c.measured_at.is_some()) {
        Some(kept) => table(&kept),
        None => line(
            "calibration   not measured; `cleave doctor --calibrate` does in two seconds, an idle notebook by itself",
        ),
    }
}

fn table(calibration: &Calibration) {
    line(&format!("calibration   measured {} in {:.1} s", ago(calibration.age_s()), calibration.took_s));
    let widest = RATES.iter().map(|r| r.words.chars().count()).max().unwrap_or(0);
    of_each(&RATES, &calibration.machine);
    let learned = Kind::ALL.into_iter().zip(&calibration.factors.0).filter(|(_, f)| f.runs > 0);
    for (kind, factor) in learned {
        let words = format!("{} takes, by {} runs", kind.name(), factor.runs);
        line(&format!("  {words:<widest$}  {:>12}", format!("× {:.2}", factor.ratio)));
    }
}

/// Prints rates, a line each.
fn of_each<T>(rates: &[Rate<T>], of: &T) {
    let widest = RATES.iter().map(|r| r.words.chars().count()).max().unwrap_or(0);
    for rate in rates {
        line(&format!("  {:<widest$}  {:>12}", rate.words, value(rate, of)));
    }
}

/// Prints what is known of each card; measures them first where that is wanted.
pub(crate) fn cards(calibrate: bool, settings: &Settings) {
    let Some(folder) = settings.cache_folder.as_deref() else { return };
    // The number after the last card is none.
    for card in (0..).map_while(|ordinal| detect::ready(ordinal).ok()) {
        let name = format!("gpu {} rates", card.ordinal);
        if calibrate {
            match CardCalibration::measure(card.ordinal) {
                Ok(measured) => {
                    if let Err(error) = calibration::save_card(folder, &card, &measured) {
                        line(&format!("{name:<13} cannot be kept: {}: {error}", folder.display()));
                    }
                    card_table(&name, &measured);
                }
                Err(error) => {
                    line(&format!("{name:<13} {}: {error}", error.code()));
                    line(&format!("{:<13} help: {}", "", error.help()));
                }
            }
        } else if let Some(kept) = calibration::load_card(folder, &card).filter(|c| c.measured_at.is_some()) {
            card_table(&name, &kept);
        } else {
            line(&format!("{name:<13} not measured; `cleave doctor --calibrate` does"));
        }
    }
}

fn card_table(name: &str, known: &CardCalibration) {
    line(&format!("{name:<13} measured {} in {:.1} s", ago(known.age_s()), known.took_s));
    of_each(&CARD_RATES, &known.rates);
}

fn ago(seconds: Option<u64>) -> String {
    match seconds {
        None | Some(0..=5) => "just now".to_owned(),
        Some(s) => format!("{} ago", age(s)),
    }
}

fn value<T>(rate: &Rate<T>, of: &T) -> String {
    let number = (rate.of)(of);
    match rate.unit {
        Unit::Seconds if number < 1e-11 => format!("{:.3} ps", number * 1e12),
        Unit::Seconds if number < 1e-7 => format!("{:.3} ns", number * 1e9),
        Unit::Seconds => cleave_render::seconds(number),
        Unit::BytesASecond => format!("{}/s", cleave_render::size(number as u64)),
        Unit::Number => format!("{number:.2} times"),
    }
}

fn age(seconds: u64) -> String {
    match seconds {
        s if s < 120 => format!("{s} s"),
        s if s < 7200 => format!("{} min", s / 60),
        s if s < 172_800 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}
