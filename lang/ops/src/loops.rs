//! Loops over slices, made from formulas.
//!
//! Loops in `fast` choose the widest vector instructions when the program runs; the arithmetic is the same, so
//! the bits are. The others are for formulas whose cost is a function call an element.

use crate::data::{DataMut, DataRef, Element};

/// The invariant behind every loop: the executor gives operands of the dtypes the loop names.
pub(crate) const OPERAND: &str = "an operand has the dtype of its loop";

pub(crate) fn operand<'a, T: Element>(operands: &[DataRef<'a>], place: usize) -> &'a [T] {
    T::of(operands[place]).expect(OPERAND)
}

pub(crate) fn result<T: Element>(out: DataMut<'_>) -> &mut [T] {
    T::of_part(out).expect(OPERAND)
}

/// Applies a formula of one operand.
pub(crate) fn unary<A: Element, R: Element, F: Fn(A) -> R>(x: &[DataRef<'_>], out: DataMut<'_>, f: F) {
    let pairs = result::<R>(out).iter_mut().zip(operand(x, 0));
    pairs.for_each(|(o, &a)| *o = f(a));
}

/// Applies a formula of two operands.
pub(crate) fn binary<A: Element, R: Element, F: Fn(A, A) -> R>(x: &[DataRef<'_>], out: DataMut<'_>, f: F) {
    let pairs = result::<R>(out).iter_mut().zip(operand(x, 0)).zip(operand(x, 1));
    pairs.for_each(|((o, &a), &b)| *o = f(a, b));
}

/// Applies a formula of three operands.
pub(crate) fn ternary<A: Element, R: Element, F: Fn(A, A, A) -> R>(x: &[DataRef<'_>], out: DataMut<'_>, f: F) {
    let rows = result::<R>(out).iter_mut().zip(operand(x, 0)).zip(operand(x, 1)).zip(operand(x, 2));
    rows.for_each(|(((o, &a), &b), &c)| *o = f(a, b, c));
}

/// Applies a formula of two operands of different dtypes.
pub(crate) fn mixed<A: Element, B: Element, R: Element>(x: &[DataRef<'_>], out: DataMut<'_>, f: impl Fn(A, B) -> R) {
    let pairs = result::<R>(out).iter_mut().zip(operand(x, 0)).zip(operand(x, 1));
    pairs.for_each(|((o, &a), &b)| *o = f(a, b));
}

/// Loops with the widest vectors of the machine.
pub(crate) mod fast {
    use super::{operand, result};
    use crate::data::{DataMut, DataRef, Element};
    use crate::dtype::DType;
    use crate::vectors::Arch;
    use pulp::{Simd, WithSimd};

    struct One<'a, A, R, F>(&'a [A], &'a mut [R], F);
    struct OneToTwo<'a, A, R, F>(&'a [A], &'a mut [R], &'a mut [R], F);
    struct Two<'a, A, B, R, F>(&'a [A], &'a [B], &'a mut [R], F);

    impl<A: Copy, R, F: Fn(A) -> R> WithSimd for One<'_, A, R, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) {
            for (o, &a) in self.1.iter_mut().zip(self.0) {
                *o = (self.2)(a);
            }
        }
    }

    impl<A: Copy, R, F: Fn(A) -> (R, R)> WithSimd for OneToTwo<'_, A, R, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) {
            for ((o, p), &a) in self.1.iter_mut().zip(self.2).zip(self.0) {
                (*o, *p) = (self.3)(a);
            }
        }
    }

    impl<A: Copy, B: Copy, R, F: Fn(A, B) -> R> WithSimd for Two<'_, A, B, R, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) {
            for ((o, &a), &b) in self.2.iter_mut().zip(self.0).zip(self.1) {
                *o = (self.3)(a, b);
            }
        }
    }

    /// Applies `f` from slice to slice.
    pub(crate) fn wide<A: Copy, R>(x: &[A], out: &mut [R], f: impl Fn(A) -> R) {
        Arch::new().dispatch(One(x, out, f));
    }

    /// Applies `f` from slice to slice; whether what it says beside each result is true of all.
    pub(crate) fn wide_if<A: Copy, R>(x: &[A], out: &mut [R], f: impl Fn(A) -> (R, bool)) -> bool {
        struct OneIf<'a, A, R, F>(&'a [A], &'a mut [R], F);
        impl<A: Copy, R, F: Fn(A) -> (R, bool)> WithSimd for OneIf<'_, A, R, F> {
            type Output = bool;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _simd: S) -> bool {
                let mut all = true;
                for (o, &a) in self.1.iter_mut().zip(self.0) {
                    let (result, holds) = (self.2)(a);
                    *o = result;
                    all &= holds;
                }
                all
            }
        }
        Arch::new().dispatch(OneIf(x, out, f))
    }

    /// Applies `f` from one slice to two.
    pub(crate) fn wide_to_two<A: Copy, R>(x: &[A], out: &mut [R], other: &mut [R], f: impl Fn(A) -> (R, R)) {
        Arch::new().dispatch(OneToTwo(x, out, other, f));
    }

    /// Applies `f` from two slices to one.
    pub(crate) fn wide_pairs<A: Copy, R>(x: &[A], y: &[A], out: &mut [R], f: impl Fn(A, A) -> R) {
        Arch::new().dispatch(Two(x, y, out, f));
    }

    /// Writes `f(0)`, `f(1)` and so on.
    pub(crate) fn counted<R>(out: &mut [R], f: impl Fn(i64) -> R) {
        struct Counted<'a, R, F>(&'a mut [R], F);
        impl<R, F: Fn(i64) -> R> WithSimd for Counted<'_, R, F> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, _simd: S) {
                for (o, i) in self.0.iter_mut().zip(0..) {
                    *o = (self.1)(i);
                }
            }
        }
        Arch::new().dispatch(Counted(out, f));
    }

    /// Whether a test holds for all elements.
    pub(crate) fn all<A: Copy>(x: &[A], test: impl Fn(A) -> bool) -> bool {
        all_pairs(
            x,
            x,
            #[inline(always)]
            |a, _| test(a),
        )
    }

    /// Whether a test holds for all pairs of elements.
    pub(crate) fn all_pairs<A: Copy>(x: &[A], y: &[A], test: impl Fn(A, A) -> bool) -> bool {
        struct All<'a, A, F>(&'a [A], &'a [A], F);
        impl<A: Copy, F: Fn(A, A) -> bool> WithSimd for All<'_, A, F> {
            type Output = bool;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _simd: S) -> bool {
                let mut all = true;
                for (&a, &b) in self.0.iter().zip(self.1) {
                    all &= (self.2)(a, b);
                }
                all
            }
        }
        Arch::new().dispatch(All(x, y, test))
    }

    /// The value that all elements have, if there is one.
    pub(crate) fn common<A: Element>(x: &[A]) -> Option<A> {
        let first = *x.first()?;
        let is_common = all(
            x,
            #[inline(always)]
            |a| a == first,
        );
        is_common.then_some(first)
    }

    /// Whether a loop gains from dispatch: narrow integers do not.
    const fn gains<A: Element, R: Element>() -> bool {
        size_of::<A>() >= 4 || size_of::<R>() >= 4 || matches!(A::DTYPE, DType::F16)
    }

    /// Applies `f` from slice to slice.
    pub(crate) fn map<A: Element, R: Element>(x: &[A], out: &mut [R], f: impl Fn(A) -> R) {
        if const { gains::<A, R>() } {
            wide(x, out, f);
        } else {
            out.iter_mut().zip(x).for_each(|(o, &a)| *o = f(a));
        }
    }

    /// Applies a formula of one operand.
    pub(crate) fn unary<A: Element, R: Element, F: Fn(A) -> R>(x: &[DataRef<'_>], out: DataMut<'_>, f: F) {
        map(operand(x, 0), result(out), f);
    }

    /// Applies a formula of two operands.
    pub(crate) fn binary<A: Element, R: Element, F: Fn(A, A) -> R>(x: &[DataRef<'_>], out: DataMut<'_>, f: F) {
        if const { gains::<A, R>() } {
            Arch::new().dispatch(Two(operand(x, 0), operand(x, 1), result(out), f));
        } else {
            super::binary(x, out, f);
        }
    }

    /// Takes from the second operand where the first is true, else from the third.
    pub(crate) fn select<T: Element>(x: &[DataRef<'_>], out: DataMut<'_>) {
        struct Select<'a, T>(&'a [bool], &'a [T], &'a [T], &'a mut [T]);
        impl<T: Copy> WithSimd for Select<'_, T> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, _simd: S) {
                for (((o, &c), &a), &b) in self.3.iter_mut().zip(self.0).zip(self.1).zip(self.2) {
                    *o = if c { a } else { b };
                }
            }
        }
        Arch::new().dispatch(Select(operand(x, 0), operand(x, 1), operand(x, 2), result::<T>(out)));
    }
}

/// The result type of a loop: `same` as its operands, or a fixed one.
macro_rules! result_of {
    ($t:ident same) => {
        $t
    };
    ($t:ident $fixed:ident) => {
        $fixed
    };
}

/// Loops for lists of element types: `map_loops!(1 same unary; formula: f32 f64)`, one to three operands.
///
/// Loops of `fast` have sums behind them too, where the result is of a wide type.
macro_rules! map_loops {
    ($n:tt $r:ident $speed:ident::$run:ident; $($f:path: $($t:ident)*);* $(;)?) => {
        &[$($($crate::loops::map_loop!($n $r $speed::$run; $t $f;
            $crate::loops::sum_loop!($speed $run $r $t; $n $f)),)*)*]
    };
    ($n:tt $r:ident $run:ident; $($f:path: $($t:ident)*);* $(;)?) => {
        &[$($($crate::loops::map_loop!($n $r $run; $t $f; None),)*)*]
    };
}

/// Loops of two operands for all integers, then for all floats: `number_loops!(run formula; run formula)`.
macro_rules! number_loops {
    ($int_run:path, $int:path; $float_run:path, $float:path) => {
        $crate::loops::number_loops!($int_run, $int, i8 u8 i16 u16 i32 u32 i64 u64; $float_run, $float, f16 f32 f64)
    };
    ($int_run:path, $int:path, $($i:ident)*; $float_run:path, $float:path, $($f:ident)*) => {
        &[
            $($crate::loops::map_loop!(2 same $int_run; $i $int; None),)*
            $($crate::loops::map_loop!(2 same $float_run; $f $float; None),)*
        ]
    };
}

/// One loop.
macro_rules! map_loop {
    ($n:tt $r:ident $run:path; $t:ident $f:path; $sum:expr) => {
        $crate::op::MapLoop {
            inputs: &[<$t as $crate::data::Element>::DTYPE; $n],
            output: <$crate::loops::result_of!($t $r) as $crate::data::Element>::DTYPE,
            run: |x, out| $run(x, out, $crate::loops::typed!($n $t $crate::loops::result_of!($t $r); $f)),
            trace: Some($crate::loops::traced!($n $t; $f)),
            sum: $sum,
        }
    };
}

/// The loop that adds up results: wide numbers in their own type, truth in int64.
macro_rules! sum_loop {
    (fast $run:ident same f64; $n:tt $f:path) => { $crate::loops::sum_in!($run $n $f; f64 f64 f64) };
    (fast $run:ident same f32; $n:tt $f:path) => { $crate::loops::sum_in!($run $n $f; f32 f32 f32) };
    (fast $run:ident same i64; $n:tt $f:path) => { $crate::loops::sum_in!($run $n $f; i64 i64 i64) };
    (fast $run:ident same u64; $n:tt $f:path) => { $crate::loops::sum_in!($run $n $f; u64 u64 u64) };
    (fast $run:ident bool f64; $n:tt $f:path) => { $crate::loops::sum_in!($run $n $f; f64 bool i64) };
    (fast $run:ident bool f32; $n:tt $f:path) => { $crate::loops::sum_in!($run $n $f; f32 bool i64) };
    (fast $run:ident bool i64; $n:tt $f:path) => { $crate::loops::sum_in!($run $n $f; i64 bool i64) };
    ($($other:tt)*) => { None };
}

/// The loop from element, result and state.
macro_rules! sum_in {
    ($run:ident $n:tt $f:path; $t:ident $r:ident $s:ident) => {
        Some($crate::op::SumLoop {
            state: <$s as $crate::data::Element>::DTYPE,
            take: |x, kept, reduced, layout, state| {
                let extent = $crate::fold_map::Extent { kept, reduced, layout };
                $crate::fold_map::$run::<$t, $r, $s>(x, extent, state, $crate::loops::typed!($n $t $r; $f))
            },
        })
    };
}

/// A formula as a function of a known type, not a pointer, so that it is inlined.
macro_rules! typed {
    (1 $t:ident $r:ty; $f:path) => {
        #[inline(always)]
        |a: $t| -> $r { $f(a) }
    };
    (2 $t:ident $r:ty; $f:path) => {
        #[inline(always)]
        |a: $t, b: $t| -> $r { $f(a, b) }
    };
    (3 $t:ident $r:ty; $f:path) => {
        #[inline(always)]
        |a: $t, b: $t, c: $t| -> $r { $f(a, b, c) }
    };
}

/// A formula of elements of a type, run on numbers that remember what was done to them.
macro_rules! traced {
    (1 $t:ident; $f:path) => {
        |x| $crate::trace::Answer::var($f($crate::trace::argument::<$crate::loops::traced!($t)>(x, 0)))
    };
    (2 $t:ident; $f:path) => {
        |x| {
            let a = $crate::trace::argument::<$crate::loops::traced!($t)>(x, 0);
            $crate::trace::Answer::var($f(a, $crate::trace::argument::<$crate::loops::traced!($t)>(x, 1)))
        }
    };
    (3 $t:ident; $f:path) => {
        |x| {
            let a = $crate::trace::argument::<$crate::loops::traced!($t)>(x, 0);
            let b = $crate::trace::argument::<$crate::loops::traced!($t)>(x, 1);
            $crate::trace::Answer::var($f(a, b, $crate::trace::argument::<$crate::loops::traced!($t)>(x, 2)))
        }
    };
    (bool) => {
        bool
    };
    ($t:ident) => {
        $crate::trace::Number
    };
}

pub(crate) use {map_loop, map_loops, number_loops, result_of, sum_in, sum_loop, traced, typed};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Data;
    use crate::math;

    fn same(x: &[f64], y: &[f64], formula: impl Fn(f64, f64) -> f64 + Copy) {
        let mut outs = [Data::F64(vec![0.0; x.len()]), Data::F64(vec![0.0; x.len()])];
        let operands = [DataRef::F64(x), DataRef::F64(y)];
        binary(&operands, outs[0].as_mut(), formula);
        fast::binary(&operands, outs[1].as_mut(), formula);
        let bits = |out: &Data| operand::<f64>(&[out.as_ref()], 0).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&outs[0]), bits(&outs[1]));
    }

    #[test]
    fn wide_vectors_give_the_bits_of_plain_loops() {
        for n in [0, 1, 7, 64, 1001] {
            let x: Vec<f64> = (0..n).map(|i| f64::from(i).sin() * 1e3).collect();
            let y: Vec<f64> = (0..n).map(|i| f64::from(i).cos() / 3.0).collect();
            same(&x, &y, |a, b| a * b + a);
            same(&x, &y, |a, b| a / b);
            same(&x, &y, |a, b| (a * a + b * b).sqrt());
            same(&x, &y, |a, b| math::exp(b) + math::log(a) + math::pow(b, a));
            same(&x, &y, |a, b| math::sin(a) + math::cos(b) * math::tan(a) + math::tanh(b));
            same(&x, &y, |a, b| math::atan2(a, b) + math::asin(b) + math::cbrt(a) + math::hypot(a, b));
            same(&x, &y, |a, b| math::log1p(b) + math::expm1(b) + math::asinh(a) + math::log10(b) + math::exp2(b));
        }
    }
}
