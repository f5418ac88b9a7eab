//! Conversions between floats and to and from integers, in every direction of rounding.

use std::cmp::Ordering;

use half::f16;

use crate::bench::check;

const ROUNDINGS: [&str; 4] = ["n", "z", "m", "p"];

/// A float of any width as a double.
fn wide(bits: u64, kind: &str) -> f64 {
    match kind {
        "f16" => f16::from_bits(bits as u16).to_f64(),
        "f32" => f32::from_bits(bits as u32).into(),
        _ => f64::from_bits(bits),
    }
}

/// The neighbours of an ordered set around a value, found by search among all bits: no arithmetic in common with
/// what is tested.
fn neighbours(compare: impl Fn(u64) -> Ordering, top: u64) -> (u64, u64) {
    let (mut low, mut high) = (0, top);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if compare(middle) == Ordering::Greater { high = middle } else { low = middle }
    }
    if compare(high) == Ordering::Greater { (low, high) } else { (high, high) }
}

/// The bits of the format next to a positive, finite size in a direction, where `compare` orders the format's bits
/// by that size and `nearer` says whether the lower neighbour is nearer.
fn pick(low: u64, high: u64, exact: bool, rounding: &str, negative: bool, nearest: u64) -> u64 {
    match (exact, rounding) {
        (true, _) => low,
        (_, "n") => nearest,
        (_, "z") => low,
        (_, "m") => {
            if negative {
                high
            } else {
                low
            }
        }
        _ => {
            if negative {
                low
            } else {
                high
            }
        }
    }
}

#[test]
fn doubles_to_singles_in_every_direction() {
    for rounding in ROUNDINGS {
        check(&format!("cvt.r{rounding}.f32.f64"), "f32", &["f64"], |r| {
            let x = f64::from_bits(r[0]);
            if x.is_nan() {
                return 0x7fff_ffff;
            }
            let size = x.abs();
            let compare = |bits: u64| f64::from(f32::from_bits(bits as u32)).total_cmp(&size);
            let (low, high) = neighbours(compare, u64::from(f32::INFINITY.to_bits()));
            let nearest = u64::from((size as f32).to_bits());
            let exact = compare(low).is_eq();
            pick(low, high, exact, rounding, x < 0.0, nearest) | u64::from(x.is_sign_negative()) << 31
        });
    }
}

#[test]
fn floats_to_halves_in_every_direction() {
    for from in ["f64", "f32"] {
        for rounding in ROUNDINGS {
            check(&format!("cvt.r{rounding}.f16.{from}"), "f16", &[from], |r| {
                let x = wide(r[0], from);
                if x.is_nan() {
                    return 0x7fff;
                }
                let size = x.abs();
                let compare = |bits: u64| wide(bits, "f16").total_cmp(&size);
                let (low, high) = neighbours(compare, 0x7c00);
                let nearest = nearest_half(low, high, size);
                pick(low, high, compare(low).is_eq(), rounding, x < 0.0, nearest)
                    | u64::from(x.is_sign_negative()) << 15
            });
        }
    }
}

/// Of two neighbours, the nearer one, or the even one. Past the largest number the next would be 65536.
fn nearest_half(low: u64, high: u64, size: f64) -> u64 {
    let top = if high == 0x7c00 { 65536.0 } else { wide(high, "f16") };
    match (size - wide(low, "f16")).total_cmp(&(top - size)) {
        Ordering::Less => low,
        Ordering::Greater => high,
        Ordering::Equal => low + (low & 1),
    }
}

#[test]
fn narrow_floats_widen_exactly() {
    check("cvt.f32.f16", "f32", &["f16"], |r| f16::from_bits(r[0] as u16).to_f32().to_bits().into());
    check("cvt.f64.f16", "f64", &["f16"], |r| f16::from_bits(r[0] as u16).to_f64().to_bits());
    check("cvt.f64.f32", "f64", &["f32"], |r| f64::from(f32::from_bits(r[0] as u32)).to_bits());
}

fn whole(x: f64, rounding: &str) -> f64 {
    match rounding {
        "n" => x.round_ties_even(),
        "z" => x.trunc(),
        "m" => x.floor(),
        _ => x.ceil(),
    }
}

#[test]
fn floats_become_whole() {
    for rounding in ROUNDINGS {
        check(&format!("cvt.r{rounding}i.f64.f64"), "f64", &["f64"], |r| {
            whole(f64::from_bits(r[0]), rounding).to_bits()
        });
        check(&format!("cvt.r{rounding}i.f32.f32"), "f32", &["f32"], |r| {
            (whole(wide(r[0], "f32"), rounding) as f32).to_bits().into()
        });
    }
}

#[test]
fn floats_to_integers_clamp() {
    let kinds = [
        ("s8", "b32"),
        ("u8", "b32"),
        ("s16", "b16"),
        ("u16", "b16"),
        ("s32", "b32"),
        ("u32", "b32"),
        ("s64", "b64"),
        ("u64", "b64"),
    ];
    for from in ["f16", "f32", "f64"] {
        for (to, register) in kinds {
            for rounding in ROUNDINGS {
                check(&format!("cvt.r{rounding}i.{to}.{from}"), register, &[from], |r| {
                    let x = whole(wide(r[0], from), rounding);
                    let bits: u32 = to[1..].parse().unwrap();
                    if x.is_nan() {
                        let result = if from == "f64" || bits == 64 { 1u64 << (bits - 1) } else { 0 };
                        return if to.starts_with('s') {
                            (result as i64) << (64 - bits) >> (64 - bits)
                        } else {
                            result as i64
                        } as u64;
                    }
                    match to {
                        "s8" => x as i8 as u64,
                        "u8" => x as u8 as u64,
                        "s16" => x as i16 as u64,
                        "u16" => x as u16 as u64,
                        "s32" => x as i32 as u64,
                        "u32" => x as u32 as u64,
                        "s64" => x as i64 as u64,
                        _ => x as u64,
                    }
                });
            }
        }
    }
}

#[test]
fn integers_to_floats_in_every_direction() {
    for (from, register) in
        [("s16", "b16"), ("u16", "b16"), ("s32", "b32"), ("u32", "b32"), ("s64", "b64"), ("u64", "b64")]
    {
        let value = |bits: u64| -> i128 {
            match from {
                "s16" => (bits as i16).into(),
                "s32" => (bits as i32).into(),
                "s64" => (bits as i64).into(),
                _ => bits.into(),
            }
        };
        for rounding in ROUNDINGS {
            check(&format!("cvt.r{rounding}.f32.{from}"), "f32", &[register], |r| {
                let (x, size) = (value(r[0]), value(r[0]).unsigned_abs());
                let nearest = size as f32;
                let order = (nearest as u128).cmp(&size);
                around(nearest.to_bits().into(), order, rounding, x < 0) | u64::from(x < 0) << 31
            });
            check(&format!("cvt.r{rounding}.f64.{from}"), "f64", &[register], |r| {
                let (x, size) = (value(r[0]), value(r[0]).unsigned_abs());
                let nearest = size as f64;
                let order = (nearest as u128).cmp(&size);
                around(nearest.to_bits(), order, rounding, x < 0) | u64::from(x < 0) << 63
            });
        }
    }
}

/// The neighbour that a rounding picks, from the nearest number and how it stands to the value.
fn around(nearest: u64, order: Ordering, rounding: &str, negative: bool) -> u64 {
    let (low, high) = match order {
        Ordering::Less => (nearest, nearest + 1),
        Ordering::Equal => (nearest, nearest),
        Ordering::Greater => (nearest - 1, nearest),
    };
    pick(low, high, order.is_eq(), rounding, negative, nearest)
}

#[test]
fn saturation_keeps_floats_between_zero_and_one() {
    for (to, from) in [("f32", "f32"), ("f64", "f64")] {
        check(&format!("cvt.sat.{to}.{from}"), to, &[from], |r| {
            let x = wide(r[0], from);
            let kept = if x > 0.0 { x.min(1.0) } else { 0.0 };
            if to == "f32" { u64::from((kept as f32).to_bits()) } else { kept.to_bits() }
        });
    }
}
