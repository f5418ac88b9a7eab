//! IEEE arithmetic over zeros, denormals, infinities and NaNs.

use crate::bench::check;

macro_rules! float {
    ($kind:literal, $t:ty, $bits:ty, $([$name:expr, $($arg:ident),+ => $body:expr]),+ $(,)?) => {
        $(check(&format!("{}.{}", $name, $kind), $kind, &[$(float!(@ $arg $kind)),+], |row| {
            let [$($arg),+] = row else { unreachable!() };
            $(let $arg = <$t>::from_bits(*$arg as $bits);)+
            ($body).to_bits().into()
        });)+
    };
    (@ $arg:ident $kind:literal) => { $kind };
}

macro_rules! arithmetic {
    ($kind:literal, $t:ty, $bits:ty) => {
        float!($kind, $t, $bits,
            ["add.rn", a, b => a + b],
            ["sub.rn", a, b => a - b],
            ["mul.rn", a, b => a * b],
            ["div.rn", a, b => a / b],
            ["fma.rn", a, b, c => a.mul_add(b, c)],
            ["mad.rn", a, b, c => a.mul_add(b, c)],
            ["sqrt.rn", a => a.sqrt()],
            ["rcp.rn", a => 1.0 / a],
            ["neg", a => -a],
            ["abs", a => a.abs()],
            ["copysign", a, b => b.copysign(a)],
            ["min", a, b => smaller(a, b, a < b || b.is_nan() || a == b && a.is_sign_negative())],
            ["max", a, b => smaller(a, b, a > b || b.is_nan() || a == b && a.is_sign_positive())],
        );
    };
}

fn smaller<T>(a: T, b: T, first: bool) -> T {
    if first { a } else { b }
}

#[test]
fn arithmetic() {
    arithmetic!("f32", f32, u32);
    arithmetic!("f64", f64, u64);
}

#[test]
fn comparisons_know_nans() {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let relations: [(&str, &[_], bool); 14] = [
        ("eq", &[Equal], false),
        ("ne", &[Less, Greater], false),
        ("lt", &[Less], false),
        ("le", &[Less, Equal], false),
        ("gt", &[Greater], false),
        ("ge", &[Greater, Equal], false),
        ("equ", &[Equal], true),
        ("neu", &[Less, Greater], true),
        ("ltu", &[Less], true),
        ("leu", &[Less, Equal], true),
        ("gtu", &[Greater], true),
        ("geu", &[Greater, Equal], true),
        ("num", &[Less, Equal, Greater], false),
        ("nan", &[], true),
    ];
    for (name, holds, unordered) in relations {
        let ask = |order: Option<_>| u64::from(order.map_or(unordered, |order| holds.contains(&order)));
        check(&format!("setp.{name}.f64"), "pred", &["f64"; 2], |r| {
            ask(f64::from_bits(r[0]).partial_cmp(&f64::from_bits(r[1])))
        });
        check(&format!("setp.{name}.f32"), "pred", &["f32"; 2], |r| {
            ask(f32::from_bits(r[0] as u32).partial_cmp(&f32::from_bits(r[1] as u32)))
        });
    }
}

#[test]
fn kinds_of_numbers() {
    use std::num::FpCategory::{Infinite, Nan, Normal, Subnormal, Zero};
    let kinds: [(&str, &[_]); 6] = [
        ("finite", &[Normal, Subnormal, Zero]),
        ("infinite", &[Infinite]),
        ("number", &[Normal, Subnormal, Zero, Infinite]),
        ("notanumber", &[Nan]),
        ("normal", &[Normal]),
        ("subnormal", &[Subnormal]),
    ];
    for (name, kinds) in kinds {
        check(&format!("testp.{name}.f32"), "pred", &["f32"], |r| {
            kinds.contains(&f32::from_bits(r[0] as u32).classify()).into()
        });
        check(&format!("testp.{name}.f64"), "pred", &["f64"], |r| {
            kinds.contains(&f64::from_bits(r[0]).classify()).into()
        });
    }
}
