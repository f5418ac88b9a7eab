//! Python's `math`: the table's formulas on plain numbers.

use super::{Bound, Found, FunctionEntry, PLAIN, Param, need, only, with};
use crate::interp::{Arguments, Eval, Machine};
use crate::value::Value;

const MATH: &[Found] = &[Found::Module("math")];
const ONE: &[Param] = &[need("x")];
const TWO: &[Param] = &[need("x"), need("y")];

/// An entry of one number, worked out by the operation of the same or the given name.
const fn formula(
    name: &'static str,
    summary: &'static str,
    run: fn(&mut Machine<'_>, &mut Bound) -> Eval,
) -> FunctionEntry {
    FunctionEntry { name, found: MATH, params: ONE, summary, run, ..PLAIN }
}

const fn formula2(
    name: &'static str,
    summary: &'static str,
    run: fn(&mut Machine<'_>, &mut Bound) -> Eval,
) -> FunctionEntry {
    FunctionEntry { name, found: MATH, params: TWO, summary, run, ..PLAIN }
}

pub(super) static ENTRIES: &[FunctionEntry] = &[
    formula("sqrt", "The square root.", |m, b| real(m, b, "sqrt")),
    formula("exp", "e to the power of x.", |m, b| real(m, b, "exp")),
    formula("expm1", "e to the power of x, less 1.", |m, b| real(m, b, "expm1")),
    FunctionEntry {
        name: "log",
        found: MATH,
        params: &[need("x"), with("base", "e")],
        summary: "The logarithm.",
        run: log,
        ..PLAIN
    },
    formula("log2", "The logarithm to base 2.", |m, b| real(m, b, "log2")),
    formula("log10", "The logarithm to base 10.", |m, b| real(m, b, "log10")),
    formula("log1p", "The natural logarithm of 1 + x.", |m, b| real(m, b, "log1p")),
    formula("sin", "The sine.", |m, b| real(m, b, "sin")),
    formula("cos", "The cosine.", |m, b| real(m, b, "cos")),
    formula("tan", "The tangent.", |m, b| real(m, b, "tan")),
    formula("asin", "The inverse sine.", |m, b| real(m, b, "asin")),
    formula("acos", "The inverse cosine.", |m, b| real(m, b, "acos")),
    formula("atan", "The inverse tangent.", |m, b| real(m, b, "atan")),
    formula("sinh", "The hyperbolic sine.", |m, b| real(m, b, "sinh")),
    formula("cosh", "The hyperbolic cosine.", |m, b| real(m, b, "cosh")),
    formula("tanh", "The hyperbolic tangent.", |m, b| real(m, b, "tanh")),
    formula("fabs", "The absolute value, as a float.", |m, b| real(m, b, "abs")),
    formula("degrees", "Radians as degrees.", |m, b| Ok(Value::Float(m.real_arg(b, 0, 0.0)?.to_degrees()))),
    formula("radians", "Degrees as radians.", |m, b| Ok(Value::Float(m.real_arg(b, 0, 0.0)?.to_radians()))),
    formula2("atan2", "The angle of the point (y, x).", |m, b| real(m, b, "atan2")),
    formula2("hypot", "The length of the vector (x, y).", |m, b| real(m, b, "hypot")),
    formula2("pow", "x to the power of y, as a float.", |m, b| real(m, b, "pow")),
    formula2("fmod", "The remainder with the sign of x.", fmod),
    formula2("copysign", "x with the sign of y.", |m, b| {
        Ok(Value::Float(m.real_arg(b, 0, 0.0)?.copysign(m.real_arg(b, 1, 0.0)?)))
    }),
    formula("floor", "The next whole number below.", |m, b| whole(m, b, f64::floor)),
    formula("ceil", "The next whole number above.", |m, b| whole(m, b, f64::ceil)),
    formula("trunc", "The whole number towards zero.", |m, b| whole(m, b, f64::trunc)),
    formula("isnan", "Whether it is nan.", |m, b| Ok(Value::Bool(m.real_arg(b, 0, 0.0)?.is_nan()))),
    formula("isinf", "Whether it is infinite.", |m, b| Ok(Value::Bool(m.real_arg(b, 0, 0.0)?.is_infinite()))),
    formula("isfinite", "Whether it is neither infinite nor nan.", |m, b| {
        Ok(Value::Bool(m.real_arg(b, 0, 0.0)?.is_finite()))
    }),
    formula("isqrt", "The whole part of the square root of a whole number.", isqrt),
    formula("factorial", "The product of the whole numbers up to x.", factorial),
    formula2("gcd", "The greatest common divisor.", |m, b| Ok(Value::Int(gcd(m, b)?.0))),
    formula2("lcm", "The least common multiple.", lcm),
    FunctionEntry {
        name: "isclose",
        found: MATH,
        params: &[need("a"), need("b"), only("rel_tol", "1e-09"), only("abs_tol", "0.0")],
        summary: "Whether two numbers differ by little.",
        run: isclose,
        ..PLAIN
    },
];

/// The table's formula on floats; arrays are taken elementwise. A nan out of numbers is refused, as in Python.
fn real(m: &mut Machine<'_>, b: &mut Bound, op: &'static str) -> Eval {
    let given: Vec<_> = b.slots.iter().flatten().cloned().collect();
    if given.iter().any(|g| matches!(g.value, Value::Array(_))) {
        return m.call_named(op, Arguments::of(given), b.span);
    }
    let mut floats = Vec::new();
    let mut any_nan = false;
    for mut g in given {
        let v = m.real(&g.value, g.span)?;
        any_nan |= v.is_nan();
        g.value = Value::Float(v);
        floats.push(g);
    }
    let finite = floats.iter().all(|g| matches!(g.value, Value::Float(v) if v.is_finite()));
    let result = m.call_named(op, Arguments::of(floats), b.span)?;
    match m.known(&result, b.span)? {
        Value::Float(v) if v.is_nan() && !any_nan => Err(outside(m, b)),
        Value::Float(v) if v == f64::NEG_INFINITY && finite && op.starts_with("log") => Err(outside(m, b)),
        Value::Float(v) if v.is_infinite() && finite => {
            Err(m.error("float-overflow", format!("the result of `{}` is beyond all floats", b.entry.name), b.span))
        }
        other => Ok(other),
    }
}

fn outside(m: &Machine<'_>, b: &Bound) -> cleave_syntax::diagnostic::Diagnostic {
    let error = m.error("outside-domain", format!("`{}` is not defined there", b.entry.name), b.span_of(0));
    error.help(format!("`np.{}` gives nan or -inf instead", b.entry.name))
}

fn log(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let base = b.slots[1].take();
    let natural = real(m, b, "log")?;
    let Some(base) = base else { return Ok(natural) };
    b.slots = vec![Some(base)];
    let below = real(m, b, "log")?;
    match (natural, below) {
        (Value::Float(_), Value::Float(0.0)) => Err(m.error("division-by-zero", "the logarithm has no base 1", b.span)),
        (Value::Float(x), Value::Float(y)) => Ok(Value::Float(x / y)),
        (other, _) => Ok(other),
    }
}

fn fmod(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (x, y) = (m.real_arg(b, 0, 0.0)?, m.real_arg(b, 1, 0.0)?);
    if y == 0.0 || x.is_infinite() { Err(outside(m, b)) } else { Ok(Value::Float(x % y)) }
}

fn whole(m: &mut Machine<'_>, b: &mut Bound, round: fn(f64) -> f64) -> Eval {
    let known = m.known(&b.value(0), b.span_of(0))?;
    if let Value::Int(_) = known {
        return Ok(known);
    }
    let value = round(m.real_arg(b, 0, 0.0)?);
    if value.is_finite() && value.abs() < 9.2e18 {
        return Ok(Value::Int(value as i64));
    }
    Err(m.error("integer-overflow", "the number has no whole number of 64 bits", b.span_of(0)))
}

fn natural(m: &mut Machine<'_>, b: &Bound, slot: usize) -> Eval<i64> {
    let n = m.int_arg(b, slot, 0)?;
    if n < 0 { Err(outside(m, b)) } else { Ok(n) }
}

fn isqrt(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    Ok(Value::Int(natural(m, b, 0)?.isqrt()))
}

fn factorial(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let n = natural(m, b, 0)?;
    let product = (1..=n.min(100)).try_fold(1_i64, |p, k| p.checked_mul(k));
    product
        .map(Value::Int)
        .ok_or_else(|| m.error("integer-overflow", format!("the factorial of {n} does not fit 64 bits"), b.span))
}

fn gcd(m: &mut Machine<'_>, b: &Bound) -> Eval<(i64, i64, i64)> {
    let (x, y) = (m.int_arg(b, 0, 0)?, m.int_arg(b, 1, 0)?);
    let (mut p, mut q) = (x.unsigned_abs(), y.unsigned_abs());
    while q != 0 {
        (p, q) = (q, p % q);
    }
    let found = i64::try_from(p);
    found.map(|g| (g, x, y)).map_err(|_| m.error("integer-overflow", "the divisor does not fit 64 bits", b.span))
}

fn lcm(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (g, x, y) = gcd(m, b)?;
    if g == 0 {
        return Ok(Value::Int(0));
    }
    let product = (x / g).checked_mul(y).and_then(i64::checked_abs);
    product.map(Value::Int).ok_or_else(|| m.error("integer-overflow", "the multiple does not fit 64 bits", b.span))
}

fn isclose(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let (x, y) = (m.real_arg(b, 0, 0.0)?, m.real_arg(b, 1, 0.0)?);
    let (relative, absolute) = (m.real_arg(b, 2, 1e-9)?, m.real_arg(b, 3, 0.0)?);
    let near = (x - y).abs() <= (relative * x.abs().max(y.abs())).max(absolute);
    Ok(Value::Bool(x == y || (x.is_finite() && y.is_finite() && near)))
}
