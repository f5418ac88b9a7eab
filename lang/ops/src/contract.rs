//! Sums of products: plain loops over matrices, in the order of the shared index for each element.
//!
//! Floats round once for a product and its addition together, so that the bits are those of any other loop that
//! takes the shared index in order with fused operations.

use crate::data::{Data, Element};
use crate::lane::Num;
use crate::loops::OPERAND;
use crate::op::{ContractLoop, Product};
use crate::vectors::Arch;
use pulp::{Simd, WithSimd};

/// What products are added up in.
pub(crate) trait Terms: Element {
    /// `sum` and the product of the two.
    fn fused(self, other: Self, sum: Self) -> Self;
}

macro_rules! whole_terms {
    ($($t:ident)*) => {$(
        impl Terms for $t {
            #[inline(always)]
            fn fused(self, other: Self, sum: Self) -> Self {
                Num::add(Num::mul(self, other), sum)
            }
        }
    )*};
}

whole_terms! { i8 u8 i16 u16 i32 u32 i64 u64 }

impl Terms for f32 {
    #[inline(always)]
    fn fused(self, other: Self, sum: Self) -> Self {
        self.mul_add(other, sum)
    }
}

impl Terms for f64 {
    #[inline(always)]
    fn fused(self, other: Self, sum: Self) -> Self {
        self.mul_add(other, sum)
    }
}

impl Terms for bool {
    #[inline(always)]
    fn fused(self, other: Self, sum: Self) -> Self {
        (self & other) | sum
    }
}

/// The loop of a dtype.
pub(crate) const fn products<T: Terms>() -> ContractLoop {
    ContractLoop { dtype: T::DTYPE, add: add::<T> }
}

fn add<T: Terms>(product: &Product<'_>, out: &mut Data) {
    let (left, right) = (T::of(product.left).expect(OPERAND), T::of(product.right).expect(OPERAND));
    let out = T::of_mut(out).expect(OPERAND);
    if product.shared > 0 && product.columns > 0 {
        Arch::new().dispatch(Rows { left, right, out, shared: product.shared, columns: product.columns });
    }
}

struct Rows<'a, T> {
    left: &'a [T],
    right: &'a [T],
    out: &'a mut [T],
    shared: usize,
    columns: usize,
}

impl<T: Terms> WithSimd for Rows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Rows { left, right, out, shared, columns } = self;
        for (left, out) in left.chunks_exact(shared).zip(out.chunks_exact_mut(columns)) {
            if let [out] = out {
                *out = left.iter().zip(right).fold(*out, |sum, (&a, &b)| a.fused(b, sum));
                continue;
            }
            for (&a, right) in left.iter().zip(right.chunks_exact(columns)) {
                out.iter_mut().zip(right).for_each(|(sum, &b)| *sum = a.fused(b, *sum));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataRef;

    #[test]
    fn products_are_added_in_order() {
        for (rows, shared, columns) in [(1, 1, 1), (3, 4, 5), (2, 7, 1), (4, 0, 3), (0, 2, 2), (5, 3, 0)] {
            let left: Vec<f64> = (0..rows * shared).map(|i| (i as f64).sin()).collect();
            let right: Vec<f64> = (0..shared * columns).map(|i| (i as f64).cos()).collect();
            let mut out = Data::F64(vec![0.5; rows * columns]);
            let product = Product { left: DataRef::F64(&left), right: DataRef::F64(&right), rows, shared, columns };
            (products::<f64>().add)(&product, &mut out);
            for at in 0..rows * columns {
                let (row, column) = (at / columns, at % columns);
                let terms = (0..shared).map(|k| (left[row * shared + k], right[k * columns + column]));
                let sum = terms.fold(0.5_f64, |sum, (a, b)| a.mul_add(b, sum));
                assert_eq!(out.get(at).to_f64().to_bits(), sum.to_bits());
            }
        }
    }

    #[test]
    fn integers_wrap_and_bools_are_joined_by_or() {
        let product = |left, right| Product { left, right, rows: 1, shared: 2, columns: 1 };
        let mut out = Data::I8(vec![0]);
        (products::<i8>().add)(&product(DataRef::I8(&[100, 3]), DataRef::I8(&[2, 1])), &mut out);
        assert_eq!(out, Data::I8(vec![-53]));
        let mut out = Data::Bool(vec![false]);
        (products::<bool>().add)(&product(DataRef::Bool(&[true, false]), DataRef::Bool(&[true, true])), &mut out);
        assert_eq!(out, Data::Bool(vec![true]));
    }
}
