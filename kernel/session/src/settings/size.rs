//! Sizes in bytes, as people write them.

/// A size in bytes from text such as `64MiB`, `1.5 GB` or `4096`.
pub fn read_size(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 14] = [
        ("KIB", 1024.0),
        ("MIB", 1048576.0),
        ("GIB", 1073741824.0),
        ("TIB", 1099511627776.0),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("K", 1024.0),
        ("M", 1048576.0),
        ("G", 1073741824.0),
        ("T", 1099511627776.0),
        ("B", 1.0),
        ("", 1.0),
    ];
    let upper = text.trim().to_uppercase();
    let (unit, factor) = UNITS.into_iter().find(|(unit, _)| upper.ends_with(unit))?;
    let number: f64 = upper.strip_suffix(unit)?.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0 && number * factor < 9e18).then_some((number * factor) as u64)
}

/// A size as it would be typed: exact where a binary unit divides it.
pub(super) fn size_text(n: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| n >= *unit) {
        Some((unit, name)) if n.is_multiple_of(unit) => format!("{}{name}", n / unit),
        Some((unit, name)) => format!("{:.1}{name}", n as f64 / unit as f64),
        None => format!("{n}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let cases = [
            ("64MiB", Some(64 << 20)),
            ("1.5 GB", Some(1_500_000_000)),
            ("4096", Some(4096)),
            ("2g", Some(2 << 30)),
            ("64B", Some(64)),
            ("-1", None),
            ("many", None),
            ("1e300GB", None),
        ];
        for (text, want) in cases {
            assert_eq!(read_size(text), want, "{text}");
        }
    }
}
