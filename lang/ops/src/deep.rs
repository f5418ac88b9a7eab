//! Loops of long formulas: with the widest vectors whatever the width of elements, some with rare cases after them.

use crate::data::{DataMut, DataRef, Element};
use crate::lane::{Float, Int};
use crate::loops::{fast, operand, result};
use crate::math;

/// Applies a formula of one operand.
pub(crate) fn unary<A: Element, R: Element, F: Fn(A) -> R>(x: &[DataRef<'_>], out: DataMut<'_>, f: F) {
    fast::wide(operand(x, 0), result(out), f);
}

/// Applies a formula of two operands.
pub(crate) fn binary<A: Element, R: Element, F: Fn(A, A) -> R>(x: &[DataRef<'_>], out: DataMut<'_>, f: F) {
    fast::wide_pairs(operand(x, 0), operand(x, 1), result(out), f);
}

/// Applies a formula of an angle that holds for small ones, and then `any` to those that are not.
fn angles<A: Float + Element>(x: &[A], out: &mut [A], f: impl Fn(A) -> A, bound: f64, any: fn(A) -> A) {
    fast::wide(x, out, f);
    let is_far = |a: A| a.widest().abs() >= bound;
    if !fast::all(
        x,
        #[inline(always)]
        |a| !is_far(a),
    ) {
        let far = out.iter_mut().zip(x).filter(|(_, a)| is_far(**a));
        far.for_each(|(o, &a)| *o = any(a));
    }
}

/// Sines.
pub(crate) fn sin<A: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(A) -> A) {
    angles(operand(x, 0), result(out), f, math::NEAR, A::sin);
}

/// Cosines.
pub(crate) fn cos<A: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(A) -> A) {
    angles(operand(x, 0), result(out), f, math::NEAR, A::cos);
}

/// Sines and cosines of the same angles.
pub(crate) fn sin_cos<A: Float + Element>(x: &[DataRef<'_>], sines: DataMut<'_>, cosines: DataMut<'_>) {
    let is_near = fast::all(
        operand(x, 0),
        #[inline(always)]
        |a: A| a.widest().abs() < math::NEAR,
    );
    if is_near {
        fast::wide_to_two(
            operand(x, 0),
            result(sines),
            result(cosines),
            #[inline(always)]
            |a: A| a.near_sin_cos(),
        );
    } else {
        sin(x, sines, A::near_sin);
        cos(x, cosines, A::near_cos);
    }
}

/// Tangents.
pub(crate) fn tan<A: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(A) -> A) {
    angles(operand(x, 0), result(out), f, math::NEAR, A::tan);
}

/// Normalised sinc functions; pi times an operand is the angle.
pub(crate) fn sinc<A: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(A) -> A) {
    angles(operand(x, 0), result(out), f, math::NEAR / 4.0, crate::formula::any_sinc);
}

/// Powers; one exponent for all is known to the formula when it is compiled, if it is a common one. Where no root
/// or reciprocal is asked for, `usual` does not make them.
pub(crate) fn float_powers<A: Float + Element>(x: &[DataRef<'_>], out: DataMut<'_>, usual: impl Fn(A, A) -> A) {
    let (base, power, out) = (operand::<A>(x, 0), operand::<A>(x, 1), result::<A>(out));
    match fast::common(power).map(Float::widest) {
        Some(2.0) => fast::wide(
            base,
            out,
            #[inline(always)]
            |a: A| a.pow(A::near(2.0)),
        ),
        Some(3.0) => fast::wide(
            base,
            out,
            #[inline(always)]
            |a: A| a.pow(A::near(3.0)),
        ),
        Some(0.5) => fast::wide(
            base,
            out,
            #[inline(always)]
            |a: A| a.pow(A::near(0.5)),
        ),
        Some(-1.0) => fast::wide(
            base,
            out,
            #[inline(always)]
            |a: A| a.pow(A::near(-1.0)),
        ),
        _ if fast::all(
            power,
            #[inline(always)]
            |b| (b != A::near(0.5)) & (b != A::near(-1.0)),
        ) =>
        {
            fast::wide_pairs(base, power, out, usual);
        }
        _ => fast::wide_pairs(
            base,
            power,
            out,
            #[inline(always)]
            |a, b| a.pow(b),
        ),
    }
}

/// Powers of integers; squares and cubes are products.
pub(crate) fn int_powers<A: Int + Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(A, A) -> A) {
    let (base, power, out) = (operand::<A>(x, 0), operand::<A>(x, 1), result::<A>(out));
    let two = A::ONE.add(A::ONE);
    match fast::common(power) {
        Some(power) if power == two => fast::wide(
            base,
            out,
            #[inline(always)]
            |a: A| a.mul(a),
        ),
        Some(power) if power == two.add(A::ONE) => fast::wide(
            base,
            out,
            #[inline(always)]
            |a: A| a.mul(a).mul(a),
        ),
        _ => out.iter_mut().zip(base).zip(power).for_each(|((o, &a), &b)| *o = f(a, b)),
    }
}
