//! The functions of float32, computed in float64: rounded once, but for a hair.

macro_rules! narrow {
    ($($name:ident)* ; $($name2:ident)*) => {
        $(#[inline(always)]
        pub(crate) fn $name(x: f32) -> f32 {
            super::$name(f64::from(x)) as f32
        })*
        $(#[inline(always)]
        pub(crate) fn $name2(x: f32, y: f32) -> f32 {
            super::$name2(f64::from(x), f64::from(y)) as f32
        })*
    };
}

narrow! { exp exp2 expm1 sinh cosh tanh log log1p log2 log10 asinh acosh atanh sin cos tan any_sin any_cos any_tan asin acos atan cbrt
; pow usual_pow atan2 hypot }

/// Sine and cosine.
#[inline(always)]
pub(crate) fn sin_cos(x: f32) -> (f32, f32) {
    let (sin, cos) = super::sin_cos(f64::from(x));
    (sin as f32, cos as f32)
}

/// What division toward zero leaves over, as in float64, exactly.
#[inline(always)]
pub(crate) fn near_fmod(a: f32, b: f32) -> f32 {
    crate::division::near_fmod(f64::from(a), f64::from(b)) as f32
}
