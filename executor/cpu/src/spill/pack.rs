//! Blocks as bytes on disk: packed where that makes them clearly smaller.

use cleave_ops::{DType, Data, each_dtype};
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// The part of a block that is tried first.
const SAMPLE_BYTES: usize = 32 << 10;

/// The bytes, packed; `None` where a part from the middle does not become a tenth smaller.
pub(super) fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let middle = bytes.len() / 2;
    let sample = &bytes[middle..(middle + SAMPLE_BYTES).min(bytes.len())];
    compressed(sample).filter(|packed| packed.len() < sample.len() - sample.len() / 10)?;
    compressed(bytes).filter(|packed| packed.len() < bytes.len())
}

fn compressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packed = vec![0; get_maximum_output_size(bytes.len())];
    let len = compress_into(bytes, &mut packed).ok()?;
    packed.truncate(len);
    Some(packed)
}

/// The elements again; `None` where the bytes do not hold them.
pub(super) fn unpack(stored: Vec<u8>, packed: bool, dtype: DType, len: usize) -> Option<Data> {
    if dtype == DType::Bool {
        let mut bytes = vec![0; len];
        fill(&stored, packed, &mut bytes)?;
        return Some(Data::Bool(bytes.into_iter().map(|byte| byte != 0).collect()));
    }
    let mut data = Data::zeros(dtype, len);
    let done = match &mut data {
        Data::Bool(_) => None,
        Data::I8(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::U8(v) => fill(&stored, packed, v),
        Data::I16(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::U16(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::I32(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::U32(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::I64(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::U64(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::F16(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::F32(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
        Data::F64(v) => fill(&stored, packed, bytemuck::cast_slice_mut(v)),
    };
    debug_assert_eq!(each_dtype!(Data, &data, v => v.len()), len);
    done.map(|()| data)
}

fn fill(stored: &[u8], packed: bool, bytes: &mut [u8]) -> Option<()> {
    if packed {
        return decompress_into(stored, bytes).ok().filter(|&n| n == bytes.len()).map(drop);
    }
    (stored.len() == bytes.len()).then(|| bytes.copy_from_slice(stored))
}
