//! Bytes, seconds and counts in words.

/// Bytes in binary units with at most four significant digits: `298.02 GiB`, `30.52 MiB`, `512 B`.
pub fn bytes(n: impl Into<u128>) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let n: u128 = n.into();
    let mut power = 0;
    while power < UNITS.len() - 1 && n as f64 >= 1023.995 * 1024_f64.powi(power as i32) {
        power += 1;
    }
    match power {
        0 => format!("{n} B"),
        _ => format!("{:.2} {}", n as f64 / 1024_f64.powi(power as i32), UNITS[power]),
    }
}

/// Bytes in binary units with three significant digits at most: `16 MiB`, `14.1 GiB`, `512 B`.
pub fn size(n: impl Into<u128>) -> String {
    let text = bytes(n);
    let Some((number, unit)) = text.split_once(' ').filter(|(n, _)| n.contains('.')) else { return text };
    let digits = number.parse().map_or_else(|_| number.to_owned(), digits);
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits} {unit}")
}

/// A prediction with its band: `about 3.6 s (2.9–4.5)`, `about 2 min 5 s (1 min 40 s – 2 min 30 s)`, `under 1 ms`.
pub fn about(s: f64, low: f64, high: f64) -> String {
    if s < 1e-3 {
        return "under 1 ms".to_owned();
    }
    let (middle, from, to) = (rough(s), rough(low), rough(high));
    let unit = |text: &str| text.rsplit_once(' ').map(|(number, unit)| (number.to_owned(), unit.to_owned()));
    match (unit(&middle), unit(&from), unit(&to)) {
        (Some(m), Some(f), Some(t)) if m.1 == f.1 && m.1 == t.1 && s < 59.0 && high < 59.0 => {
            format!("about {middle} ({}–{})", f.0, t.0)
        }
        _ => format!("about {middle} ({from} – {to})"),
    }
}

/// A span with the two digits that a prediction deserves.
pub(crate) fn rough(s: f64) -> String {
    if !s.is_finite() || s <= 0.0 {
        return seconds(s);
    }
    if s >= 59.5 {
        return seconds(s);
    }
    let unit = 10_f64.powi(s.log10().floor() as i32 - 1);
    let text = seconds((s / unit).round() * unit);
    let parts = text.rsplit_once(' ').and_then(|(number, unit)| Some((number.parse::<f64>().ok()?, unit)));
    match parts {
        Some((number, unit)) if number >= 9.95 => format!("{number:.0} {unit}"),
        Some((number, unit)) => format!("{number:.1} {unit}"),
        None => text,
    }
}

/// A large number: `40 G`, `1.2 M`, `512`.
pub(crate) fn large(n: f64) -> String {
    const UNITS: [(f64, &str); 5] = [(1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| n >= *unit) else { return format!("{n:.0}") };
    let digits = digits(n / unit);
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits}{name}")
}

/// Seconds with the unit and digits a reader wants: `412 µs`, `6.6 ms`, `3.41 s`, `2 min 5 s`, `3 h 25 min`.
pub fn seconds(s: f64) -> String {
    match s {
        s if !s.is_finite() => "unknown".to_owned(),
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 0.999_5e-3 => format!("{} µs", digits(s * 1e6)),
        s if s < 0.999_5 => format!("{} ms", digits(s * 1e3)),
        s if s < 59.95 => format!("{} s", digits(s)),
        s if s < 3599.5 => format!("{} min {} s", s.round() as u64 / 60, s.round() as u64 % 60),
        s => format!("{} h {} min", (s / 60.0).round() as u64 / 60, (s / 60.0).round() as u64 % 60),
    }
}

/// A whole number with commas: `10,000`.
pub fn count(n: impl Into<u128>) -> String {
    let text = n.into().to_string();
    let lead = text.len() % 3;
    let mut out = text[..lead].to_owned();
    for (i, group) in text.as_bytes()[lead..].chunks(3).enumerate() {
        if i > 0 || lead > 0 {
            out.push(',');
        }
        out.extend(group.iter().map(|&b| b as char));
    }
    out
}

/// Elements a second: `12.1 G elements/s`.
pub fn rate(per_second: f64) -> String {
    const UNITS: [(f64, &str); 5] = [(1e12, "T "), (1e9, "G "), (1e6, "M "), (1e3, "k "), (1.0, "")];
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| per_second >= *unit).unwrap_or((1.0, ""));
    format!("{} {name}elements/s", digits(per_second / unit))
}

/// `1 stage`, `2 stages`.
pub(crate) fn plural(n: u64, word: &str) -> String {
    format!("{} {word}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Three significant digits without trailing zeros after a point that says nothing.
fn digits(x: f64) -> String {
    match x {
        x if x >= 99.95 => format!("{x:.0}"),
        x if x >= 9.995 => format!("{x:.1}"),
        x => format!("{x:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_choose_their_unit() {
        let cases: [(u128, &str); 6] = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (32_000_000, "30.52 MiB"),
            (320_000_000_000, "298.02 GiB"),
            (1 << 40, "1.00 TiB"),
        ];
        for (n, want) in cases {
            assert_eq!(bytes(n), want);
        }
    }

    #[test]
    fn predictions_have_two_digits_and_a_band() {
        let cases = [
            ((3.61, 2.93, 4.48), "about 3.6 s (2.9–4.5)"),
            ((12.4, 9.9, 15.2), "about 12 s (9.9–15)"),
            ((0.0253, 0.0199, 0.0312), "about 25 ms (20–31)"),
            ((0.9, 0.7, 1.13), "about 900 ms (700 ms – 1.1 s)"),
            ((125.0, 101.0, 153.0), "about 2 min 5 s (1 min 41 s – 2 min 33 s)"),
            ((4e-5, 3e-5, 5e-5), "under 1 ms"),
            ((2.0, 1.6, 2.5), "about 2.0 s (1.6–2.5)"),
        ];
        for ((s, low, high), want) in cases {
            assert_eq!(about(s, low, high), want);
        }
    }

    #[test]
    fn sizes_drop_what_says_nothing() {
        let cases: [(u128, &str); 6] = [
            (0, "0 B"),
            (16 << 20, "16 MiB"),
            (15_140_000_000, "14.1 GiB"),
            (320_000_000_000, "298 GiB"),
            (160_000, "156 KiB"),
            (1536, "1.5 KiB"),
        ];
        for (n, want) in cases {
            assert_eq!(size(n), want);
        }
        assert_eq!([large(4e10), large(1.25e6), large(12.0)], ["40 G", "1.25 M", "12"]);
    }

    #[test]
    fn seconds_choose_their_unit() {
        let cases = [
            (3e-9, "3 ns"),
            (412e-6, "412 µs"),
            (6.6e-3, "6.60 ms"),
            (3.41, "3.41 s"),
            (46.4, "46.4 s"),
            (125.0, "2 min 5 s"),
            (12_300.0, "3 h 25 min"),
        ];
        for (s, want) in cases {
            assert_eq!(seconds(s), want);
        }
    }

    #[test]
    fn counts_have_commas() {
        for (n, want) in [(0_u64, "0"), (999, "999"), (1000, "1,000"), (10_000, "10,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), want);
        }
    }
}
