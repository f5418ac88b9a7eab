//! A typed buffer: the elements of a block, row-major.

use crate::dtype::DType;
use crate::scalar::Scalar;
use half::f16;

/// The elements of a block, row-major, owned.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Data {
    Bool(Vec<bool>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F16(Vec<f16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// The elements of a block, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum DataRef<'a> {
    Bool(&'a [bool]),
    I8(&'a [i8]),
    U8(&'a [u8]),
    I16(&'a [i16]),
    U16(&'a [u16]),
    I32(&'a [i32]),
    U32(&'a [u32]),
    I64(&'a [i64]),
    U64(&'a [u64]),
    F16(&'a [f16]),
    F32(&'a [f32]),
    F64(&'a [f64]),
}

/// The elements of a block, or some of them, to be written.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum DataMut<'a> {
    Bool(&'a mut [bool]),
    I8(&'a mut [i8]),
    U8(&'a mut [u8]),
    I16(&'a mut [i16]),
    U16(&'a mut [u16]),
    I32(&'a mut [i32]),
    U32(&'a mut [u32]),
    I64(&'a mut [i64]),
    U64(&'a mut [u64]),
    F16(&'a mut [f16]),
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
}

/// Runs `$body` with `$v` bound to the vector or slice inside, whatever its dtype.
#[macro_export]
macro_rules! each_dtype {
    ($enum:ident, $data:expr, $v:ident => $body:expr) => {
        match $data {
            $crate::$enum::Bool($v) => $body,
            $crate::$enum::I8($v) => $body,
            $crate::$enum::U8($v) => $body,
            $crate::$enum::I16($v) => $body,
            $crate::$enum::U16($v) => $body,
            $crate::$enum::I32($v) => $body,
            $crate::$enum::U32($v) => $body,
            $crate::$enum::I64($v) => $body,
            $crate::$enum::U64($v) => $body,
            $crate::$enum::F16($v) => $body,
            $crate::$enum::F32($v) => $body,
            $crate::$enum::F64($v) => $body,
        }
    };
}

/// A Rust type that is the element of a dtype.
pub trait Element: Copy + Default + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// Its dtype.
    const DTYPE: DType;
    /// The slice inside, if the data is of this type.
    fn of(data: DataRef<'_>) -> Option<&[Self]>;
    /// The vector inside, if the data is of this type.
    fn of_mut(data: &mut Data) -> Option<&mut Vec<Self>>;
    /// The slice inside, if the data is of this type.
    fn of_part(data: DataMut<'_>) -> Option<&mut [Self]>;
    /// A vector as data.
    fn wrap(vec: Vec<Self>) -> Data;
    /// From a scalar, wrapping integers and rounding floats as `astype` does.
    fn from_scalar(scalar: Scalar) -> Self;
    /// As a scalar.
    fn to_scalar(self) -> Scalar;
}

macro_rules! element {
    ($($variant:ident $ty:ty, $scalar:ident => $from:expr, $value:ident => $to:expr;)*) => {
        $(impl Element for $ty {
            const DTYPE: DType = DType::$variant;
            fn of(data: DataRef<'_>) -> Option<&[Self]> {
                if let DataRef::$variant(v) = data { Some(v) } else { None }
            }
            fn of_mut(data: &mut Data) -> Option<&mut Vec<Self>> {
                if let Data::$variant(v) = data { Some(v) } else { None }
            }
            fn of_part(data: DataMut<'_>) -> Option<&mut [Self]> {
                if let DataMut::$variant(v) = data { Some(v) } else { None }
            }
            fn wrap(vec: Vec<Self>) -> Data {
                Data::$variant(vec)
            }
            fn from_scalar($scalar: Scalar) -> Self {
                $from
            }
            fn to_scalar(self) -> Scalar {
                let $value = self;
                $to
            }
        })*

        impl Data {
            /// An empty buffer of a dtype with room for `capacity` elements.
            pub fn with_capacity(dtype: DType, capacity: usize) -> Data {
                match dtype {
                    $(DType::$variant => Data::$variant(Vec::with_capacity(capacity)),)*
                }
            }

            /// `len` zeros of a dtype.
            pub fn zeros(dtype: DType, len: usize) -> Data {
                match dtype {
                    $(DType::$variant => Data::$variant(vec![<$ty>::default(); len]),)*
                }
            }

            /// The dtype of the elements.
            pub fn dtype(&self) -> DType {
                match self {
                    $(Data::$variant(_) => DType::$variant,)*
                }
            }

            /// Borrowed.
            pub fn as_ref(&self) -> DataRef<'_> {
                match self {
                    $(Data::$variant(v) => DataRef::$variant(v),)*
                }
            }

            /// Borrowed, to be written.
            pub fn as_mut(&mut self) -> DataMut<'_> {
                match self {
                    $(Data::$variant(v) => DataMut::$variant(v),)*
                }
            }
        }

        impl<'a> DataMut<'a> {
            /// The dtype of the elements.
            pub fn dtype(&self) -> DType {
                match self {
                    $(DataMut::$variant(_) => DType::$variant,)*
                }
            }

            /// A run of the elements.
            #[must_use]
            pub fn slice(self, range: std::ops::Range<usize>) -> DataMut<'a> {
                match self {
                    $(DataMut::$variant(v) => DataMut::$variant(&mut v[range]),)*
                }
            }
        }

        impl DataRef<'_> {
            /// The dtype of the elements.
            pub fn dtype(&self) -> DType {
                match self {
                    $(DataRef::$variant(_) => DType::$variant,)*
                }
            }

            /// A run of the elements.
            #[must_use]
            pub fn slice(self, range: std::ops::Range<usize>) -> Self {
                match self {
                    $(DataRef::$variant(v) => DataRef::$variant(&v[range]),)*
                }
            }
        }
    };
}

fn wide(scalar: Scalar) -> i128 {
    match scalar {
        Scalar::Bool(v) => i128::from(v),
        Scalar::Int(v) => v,
        Scalar::Float(v) => v as i128,
    }
}

element! {
    Bool bool, s => s.to_f64() != 0.0, v => Scalar::Bool(v);
    I8 i8, s => wide(s) as i8, v => Scalar::Int(v.into());
    U8 u8, s => wide(s) as u8, v => Scalar::Int(v.into());
    I16 i16, s => wide(s) as i16, v => Scalar::Int(v.into());
    U16 u16, s => wide(s) as u16, v => Scalar::Int(v.into());
    I32 i32, s => wide(s) as i32, v => Scalar::Int(v.into());
    U32 u32, s => wide(s) as u32, v => Scalar::Int(v.into());
    I64 i64, s => wide(s) as i64, v => Scalar::Int(v.into());
    U64 u64, s => wide(s) as u64, v => Scalar::Int(v.into());
    F16 f16, s => crate::half_float::narrow_wide(s.to_f64()), v => Scalar::Float(v.to_f64());
    F32 f32, s => s.to_f64() as f32, v => Scalar::Float(v.into());
    F64 f64, s => s.to_f64(), v => Scalar::Float(v);
}

impl Data {
    /// The number of elements.
    pub fn len(&self) -> usize {
        each_dtype!(Data, self, v => v.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the elements.
    pub fn nbytes(&self) -> usize {
        self.len() * self.dtype().size()
    }

    /// Cuts off or adds zeros.
    pub fn resize(&mut self, len: usize) {
        each_dtype!(Data, self, v => v.resize(len, Default::default()));
    }

    /// Makes room for that many elements in all.
    pub fn reserve(&mut self, len: usize) {
        each_dtype!(Data, self, v => v.reserve(len.saturating_sub(v.len())));
    }

    /// One element.
    pub fn get(&self, index: usize) -> Scalar {
        self.as_ref().get(index)
    }
}

impl DataRef<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        each_dtype!(DataRef, self, v => v.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One element.
    pub fn get(&self, index: usize) -> Scalar {
        each_dtype!(DataRef, self, v => v[index].to_scalar())
    }
}
