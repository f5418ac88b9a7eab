//! Elements as bytes, in the machine's order.

use crate::data::{Data, DataRef};
use crate::dtype::DType;
use crate::each_dtype;

/// The bytes of elements, in place.
pub fn bytes_of(elements: DataRef<'_>) -> &[u8] {
    each_dtype!(DataRef, elements, elements => bytemuck::cast_slice(elements))
}

/// Elements whose bytes are written by `fill`; of a boolean any byte but 0 is true.
pub fn filled<E>(dtype: DType, len: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Data, E> {
    let mut data = Data::zeros(dtype, len);
    match &mut data {
        Data::Bool(flags) => {
            let mut bytes = vec![0; len];
            fill(&mut bytes)?;
            flags.iter_mut().zip(bytes).for_each(|(flag, byte)| *flag = byte != 0);
        }
        Data::I8(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::U8(v) => fill(v)?,
        Data::I16(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::U16(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::I32(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::U32(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::I64(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::U64(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::F16(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::F32(v) => fill(bytemuck::cast_slice_mut(v))?,
        Data::F64(v) => fill(bytemuck::cast_slice_mut(v))?,
    }
    Ok(data)
}
