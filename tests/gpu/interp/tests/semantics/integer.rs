//! Integer arithmetic and comparisons.

use crate::bench::{INTEGERS, check, check_rows, edges};

/// Checks one instruction for a type of Rust: its operands are cast, and so is its result.
macro_rules! same {
    ($kind:literal, $t:ty, $([$name:literal, $($arg:ident),+ => $body:expr]),+ $(,)?) => {
        $(check(concat!($name, ".", $kind), $kind, &[$(same!(@ $arg $kind)),+], |row| {
            let [$($arg),+] = row else { unreachable!() };
            $(let $arg = *$arg as $t;)+
            ($body) as u64
        });)+
    };
    (@ $arg:ident $kind:literal) => { $kind };
}

macro_rules! arithmetic {
    ($kind:literal, $t:ty, $wide:ty) => {
        same!($kind, $t,
            ["add", a, b => a.wrapping_add(b)],
            ["sub", a, b => a.wrapping_sub(b)],
            ["mul.lo", a, b => a.wrapping_mul(b)],
            ["mul.hi", a, b => (a as $wide).wrapping_mul(b as $wide) >> <$t>::BITS],
            ["mad.lo", a, b, c => a.wrapping_mul(b).wrapping_add(c)],
            ["mad.hi", a, b, c => ((((a as $wide).wrapping_mul(b as $wide)) >> <$t>::BITS) as $t).wrapping_add(c)],
            ["min", a, b => a.min(b)],
            ["max", a, b => a.max(b)],
            ["sad", a, b, c => (a.abs_diff(b) as $t).wrapping_add(c)],
        );
        quotients!($kind, $t);
        relations!($kind, $t);
    };
}

macro_rules! quotients {
    ($kind:literal, $t:ty) => {
        let rows: Vec<Vec<u64>> = edges($kind)
            .iter()
            .flat_map(|a| edges($kind).into_iter().filter(|b| *b != 0).map(move |b| vec![*a, b]))
            .collect();
        check_rows(concat!("div.", $kind), $kind, &[$kind; 2], &rows, |r| (r[0] as $t).wrapping_div(r[1] as $t) as u64);
        check_rows(concat!("rem.", $kind), $kind, &[$kind; 2], &rows, |r| (r[0] as $t).wrapping_rem(r[1] as $t) as u64);
    };
}

macro_rules! relations {
    ($kind:literal, $t:ty) => {
        let relations: [(&str, fn(&$t, &$t) -> bool); 6] = [
            ("eq", <$t>::eq),
            ("ne", <$t>::ne),
            ("lt", <$t>::lt),
            ("le", <$t>::le),
            ("gt", <$t>::gt),
            ("ge", <$t>::ge),
        ];
        for (name, holds) in relations {
            let instruction = format!("setp.{name}.{}", $kind);
            check(&instruction, "pred", &[$kind; 2], |r| u64::from(holds(&(r[0] as $t), &(r[1] as $t))));
            for (join, joined) in JOINS {
                let instruction = format!("setp.{name}.{join}.{}", $kind);
                check(&instruction, "pred", &[$kind, $kind, "pred"], |r| {
                    u64::from(joined(holds(&(r[0] as $t), &(r[1] as $t)), r[2] == 1))
                });
            }
        }
    };
}

type Joined = fn(bool, bool) -> bool;
const JOINS: [(&str, Joined); 3] = [("and", |a, b| a & b), ("or", |a, b| a | b), ("xor", |a, b| a ^ b)];

#[test]
fn arithmetic_of_16_bits() {
    arithmetic!("s16", i16, i32);
    arithmetic!("u16", u16, u32);
}

#[test]
fn arithmetic_of_32_bits() {
    arithmetic!("s32", i32, i64);
    arithmetic!("u32", u32, u64);
}

#[test]
fn arithmetic_of_64_bits() {
    arithmetic!("s64", i64, i128);
    arithmetic!("u64", u64, u128);
}

#[test]
fn products_of_twice_the_width() {
    check("mul.wide.s16", "s32", &["s16"; 2], |r| (r[0] as i16 as i64 * r[1] as i16 as i64) as u64);
    check("mul.wide.u16", "u32", &["u16"; 2], |r| r[0] * r[1]);
    check("mul.wide.s32", "s64", &["s32"; 2], |r| (r[0] as i32 as i64 * r[1] as i32 as i64) as u64);
    check("mul.wide.u32", "u64", &["u32"; 2], |r| r[0] * r[1]);
    check("mad.wide.s32", "s64", &["s32", "s32", "s64"], |r| {
        (r[0] as i32 as i64 * r[1] as i32 as i64).wrapping_add(r[2] as i64) as u64
    });
    check("mad.wide.u32", "u64", &["u32", "u32", "u64"], |r| (r[0] * r[1]).wrapping_add(r[2]));
}

#[test]
fn signs_and_saturation() {
    check("neg.s16", "s16", &["s16"], |r| (r[0] as i16).wrapping_neg() as u64);
    check("neg.s32", "s32", &["s32"], |r| (r[0] as i32).wrapping_neg() as u64);
    check("neg.s64", "s64", &["s64"], |r| (r[0] as i64).wrapping_neg() as u64);
    check("abs.s16", "s16", &["s16"], |r| (r[0] as i16).wrapping_abs() as u64);
    check("abs.s32", "s32", &["s32"], |r| (r[0] as i32).wrapping_abs() as u64);
    check("abs.s64", "s64", &["s64"], |r| (r[0] as i64).wrapping_abs() as u64);
    check("add.sat.s32", "s32", &["s32"; 2], |r| (r[0] as i32).saturating_add(r[1] as i32) as u64);
    check("sub.sat.s32", "s32", &["s32"; 2], |r| (r[0] as i32).saturating_sub(r[1] as i32) as u64);
}

#[test]
fn unsigned_relations_have_names_of_their_own() {
    check("setp.lo.u32", "pred", &["u32"; 2], |r| u64::from(r[0] < r[1]));
    check("setp.ls.u32", "pred", &["u32"; 2], |r| u64::from(r[0] <= r[1]));
    check("setp.hi.u64", "pred", &["u64"; 2], |r| u64::from(r[0] > r[1]));
    check("setp.hs.u64", "pred", &["u64"; 2], |r| u64::from(r[0] >= r[1]));
    check("setp.eq.b64", "pred", &["b64"; 2], |r| u64::from(r[0] == r[1]));
    check("set.gt.u32.s32", "u32", &["s32"; 2], |r| if (r[0] as i32) > r[1] as i32 { 0xffff_ffff } else { 0 });
    check("set.ne.f32.u32", "f32", &["u32"; 2], |r| if r[0] != r[1] { 0x3f80_0000 } else { 0 });
}

#[test]
fn choices_take_one_of_two() {
    check("selp.b16", "b16", &["b16", "b16", "pred"], |r| if r[2] == 1 { r[0] } else { r[1] });
    check("selp.b64", "b64", &["b64", "b64", "pred"], |r| if r[2] == 1 { r[0] } else { r[1] });
    check("selp.f32", "f32", &["f32", "f32", "pred"], |r| if r[2] == 1 { r[0] } else { r[1] });
    check("slct.u64.s32", "u64", &["u64", "u64", "s32"], |r| if r[2] as i32 >= 0 { r[0] } else { r[1] });
    check(
        "slct.b32.f32",
        "b32",
        &["b32", "b32", "f32"],
        |r| if f32::from_bits(r[2] as u32) >= 0.0 { r[0] } else { r[1] },
    );
}

#[test]
fn conversions_of_widths() {
    let kinds = ["s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"];
    for to in kinds {
        for from in kinds {
            let (register, source) = (store_kind(to), store_kind(from));
            let rows: Vec<Vec<u64>> =
                INTEGERS.iter().map(|v| vec![v & (u64::MAX >> (64 - crate::bench::bits(source)))]).collect();
            check_rows(&format!("cvt.{to}.{from}"), register, &[source], &rows, |r| extend(r[0], from, to) as u64);
            if holds_all(to, from) {
                continue;
            }
            check_rows(&format!("cvt.sat.{to}.{from}"), register, &[source], &rows, |r| clamped(r[0], from, to) as u64);
        }
    }
}

/// Whether a type has every value of another: saturation is not allowed there.
fn holds_all(to: &str, from: &str) -> bool {
    let ends = |kind: &str| {
        [u64::MAX, 0, u64::MAX >> 1, 1 << (crate::bench::bits(kind) - 1), u64::MAX >> (65 - crate::bench::bits(kind))]
            .map(|v| value(v, kind))
    };
    ends(from).into_iter().all(|end| extend(end as u64, from, to) == end)
}

/// The register type that holds a narrower one.
fn store_kind(kind: &str) -> &'static str {
    match kind {
        "s8" | "u8" | "s32" | "u32" => "b32",
        "s16" | "u16" => "b16",
        _ => "b64",
    }
}

fn value(bits: u64, kind: &str) -> i128 {
    match kind {
        "s8" => (bits as i8).into(),
        "u8" => (bits as u8).into(),
        "s16" => (bits as i16).into(),
        "u16" => (bits as u16).into(),
        "s32" => (bits as i32).into(),
        "u32" => (bits as u32).into(),
        "s64" => (bits as i64).into(),
        _ => bits.into(),
    }
}

fn extend(bits: u64, from: &str, to: &str) -> i128 {
    value(value(bits, from) as u64, to)
}

fn clamped(bits: u64, from: &str, to: &str) -> i128 {
    let size = crate::bench::bits(to);
    let (least, most) = match to.starts_with('s') {
        true => (-(1i128 << (size - 1)), (1i128 << (size - 1)) - 1),
        false => (0, (1i128 << size) - 1),
    };
    value(bits, from).clamp(least, most)
}
