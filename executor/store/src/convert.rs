//! Bytes of files as elements and back.

use bytemuck::Pod;
use cleave_ops::{DType, Data, DataRef};
use half::f16;

/// Elements from bytes of any alignment, reversing the bytes of each element if `swap`.
pub(crate) fn decode(bytes: &[u8], dtype: DType, swap: bool) -> Data {
    match dtype {
        DType::Bool => Data::Bool(bytes.iter().map(|&byte| byte != 0).collect()),
        DType::I8 => Data::I8(numbers(bytes, swap)),
        DType::U8 => Data::U8(numbers(bytes, swap)),
        DType::I16 => Data::I16(numbers(bytes, swap)),
        DType::U16 => Data::U16(numbers(bytes, swap)),
        DType::I32 => Data::I32(numbers(bytes, swap)),
        DType::U32 => Data::U32(numbers(bytes, swap)),
        DType::I64 => Data::I64(numbers(bytes, swap)),
        DType::U64 => Data::U64(numbers(bytes, swap)),
        DType::F16 => Data::F16(numbers::<f16>(bytes, swap)),
        DType::F32 => Data::F32(numbers(bytes, swap)),
        DType::F64 => Data::F64(numbers(bytes, swap)),
    }
}

fn numbers<T: Pod>(bytes: &[u8], swap: bool) -> Vec<T> {
    let mut numbers: Vec<T> = bytemuck::pod_collect_to_vec(bytes);
    let size = size_of::<T>();
    if swap && size > 1 {
        bytemuck::cast_slice_mut::<T, u8>(&mut numbers).chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    numbers
}

/// Bytes as elements in place; none if they are not aligned, or booleans, whose bytes must be checked.
pub(crate) fn view(bytes: &[u8], dtype: DType) -> Option<DataRef<'_>> {
    let view = match dtype {
        DType::Bool => return None,
        DType::I8 => DataRef::I8(cast(bytes)?),
        DType::U8 => DataRef::U8(cast(bytes)?),
        DType::I16 => DataRef::I16(cast(bytes)?),
        DType::U16 => DataRef::U16(cast(bytes)?),
        DType::I32 => DataRef::I32(cast(bytes)?),
        DType::U32 => DataRef::U32(cast(bytes)?),
        DType::I64 => DataRef::I64(cast(bytes)?),
        DType::U64 => DataRef::U64(cast(bytes)?),
        DType::F16 => DataRef::F16(cast(bytes)?),
        DType::F32 => DataRef::F32(cast(bytes)?),
        DType::F64 => DataRef::F64(cast(bytes)?),
    };
    Some(view)
}

fn cast<T: Pod>(bytes: &[u8]) -> Option<&[T]> {
    bytemuck::try_cast_slice(bytes).ok()
}

/// NumPy's type string of elements in the machine's order, such as `<f8`.
pub(crate) fn numpy_descr(dtype: DType) -> String {
    let order = match dtype.size() {
        1 => '|',
        _ if cfg!(target_endian = "little") => '<',
        _ => '>',
    };
    let letter = match dtype {
        DType::Bool => 'b',
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => 'u',
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => 'i',
        DType::F16 | DType::F32 | DType::F64 => 'f',
    };
    format!("{order}{letter}{}", dtype.size())
}

/// The dtype of NumPy's type string, and whether its bytes are in the other order than the machine's.
pub(crate) fn parse_descr(descr: &str) -> Option<(DType, bool)> {
    let big = descr.starts_with('>');
    let marked = big || descr.starts_with('<');
    let dtype = DType::parse(descr.strip_prefix('>').unwrap_or(descr))?;
    Some((dtype, marked && dtype.size() > 1 && big != cfg!(target_endian = "big")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_strings_are_numpys() {
        for dtype in DType::ALL {
            assert_eq!(parse_descr(&numpy_descr(dtype)), Some((dtype, false)));
        }
        assert_eq!(parse_descr(">f8"), Some((DType::F64, cfg!(target_endian = "little"))));
        assert_eq!(parse_descr("<c16"), None);
        assert_eq!(parse_descr("<M8[ns]"), None);
    }

    #[test]
    fn big_endian_bytes_are_reversed_and_odd_booleans_are_true() {
        assert_eq!(decode(&1.5f32.to_be_bytes(), DType::F32, true), Data::F32(vec![1.5]));
        assert_eq!(decode(&[0, 1, 7], DType::Bool, false), Data::Bool(vec![false, true, true]));
    }
}
