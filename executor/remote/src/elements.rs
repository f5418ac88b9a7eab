//! Blocks as bytes: little-endian, row-major, and never copied where the memory can be handed over.

use crate::proto;
use bytes::Bytes;
use cleave_ops::{DType, Data, DataRef, each_dtype};
use std::fmt;
use std::sync::Arc;

const _: () = assert!(cfg!(target_endian = "little"), "elements travel as they lie in memory");

/// Bytes that are not the elements they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ElementsError {
    /// A dtype that does not exist.
    UnknownDType { name: String },
    /// Not the dtype that was asked for.
    OtherDType { expected: DType, found: DType },
    /// Not as many bytes as the elements take.
    Length { expected: usize, found: usize },
    /// A boolean that is neither 0 nor 1.
    NotBool { at: usize },
}

impl ElementsError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            ElementsError::UnknownDType { .. } => "unknown-dtype",
            ElementsError::OtherDType { .. } => "wrong-dtype",
            ElementsError::Length { .. } => "wrong-length",
            ElementsError::NotBool { .. } => "not-a-boolean",
        }
    }
}

impl fmt::Display for ElementsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ElementsError::UnknownDType { name } => {
                write!(f, "the dtype `{}` is not known here", name.chars().take(64).collect::<String>())
            }
            ElementsError::OtherDType { expected, found } => write!(f, "a block of {found} came, not of {expected}"),
            ElementsError::Length { expected, found } => {
                write!(f, "a block of {expected} bytes was expected, {found} came")
            }
            ElementsError::NotBool { at } => write!(f, "element {at} of a block of booleans is neither 0 nor 1"),
        }
    }
}

impl std::error::Error for ElementsError {}

/// The bytes of elements, in place.
pub fn view(data: DataRef<'_>) -> &[u8] {
    each_dtype!(DataRef, data, elements => bytemuck::cast_slice(elements))
}

/// The bytes of a block, which gives up its memory to them.
pub fn into_bytes(data: Data) -> Bytes {
    Bytes::from_owner(Owned(data))
}

/// The bytes of a block that others hold too.
pub fn shared_bytes(data: Arc<Data>) -> Bytes {
    Bytes::from_owner(Shared(data))
}

struct Owned(Data);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        view(self.0.as_ref())
    }
}

struct Shared(Arc<Data>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        view(self.0.as_ref().as_ref())
    }
}

/// `len` elements from bytes.
pub fn from_bytes(dtype: DType, len: usize, bytes: &[u8]) -> Result<Data, ElementsError> {
    let mut filling = Filling::new(dtype, len);
    filling.check_len(bytes.len())?;
    filling.bytes_mut().copy_from_slice(bytes);
    filling.finish()
}

/// A block as a message.
pub fn block(data: Data) -> proto::Block {
    proto::Block { dtype: data.dtype().name().into(), elements: into_bytes(data) }
}

/// The block of a message: `len` elements of that dtype.
pub fn from_block(block: &proto::Block, dtype: DType, len: usize) -> Result<Data, ElementsError> {
    let found = DType::ALL.into_iter().find(|known| known.name() == block.dtype);
    match found {
        None => Err(ElementsError::UnknownDType { name: block.dtype.clone() }),
        Some(found) if found != dtype => Err(ElementsError::OtherDType { expected: dtype, found }),
        Some(_) => from_bytes(dtype, len, &block.elements),
    }
}

/// A block whose bytes come piece by piece, each written where it stays.
pub struct Filling {
    dtype: DType,
    /// Booleans wait as bytes until they have been looked at.
    data: Data,
}

impl Filling {
    /// Room for `len` elements.
    pub fn new(dtype: DType, len: usize) -> Self {
        let stored = if dtype == DType::Bool { DType::U8 } else { dtype };
        Self { dtype, data: Data::zeros(stored, len) }
    }

    /// All bytes.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.data {
            Data::Bool(_) => &mut [],
            Data::I8(v) => bytemuck::cast_slice_mut(v),
            Data::U8(v) => v,
            Data::I16(v) => bytemuck::cast_slice_mut(v),
            Data::U16(v) => bytemuck::cast_slice_mut(v),
            Data::I32(v) => bytemuck::cast_slice_mut(v),
            Data::U32(v) => bytemuck::cast_slice_mut(v),
            Data::I64(v) => bytemuck::cast_slice_mut(v),
            Data::U64(v) => bytemuck::cast_slice_mut(v),
            Data::F16(v) => bytemuck::cast_slice_mut(v),
            Data::F32(v) => bytemuck::cast_slice_mut(v),
            Data::F64(v) => bytemuck::cast_slice_mut(v),
        }
    }

    fn check_len(&self, found: usize) -> Result<(), ElementsError> {
        let expected = self.data.nbytes();
        if expected == found { Ok(()) } else { Err(ElementsError::Length { expected, found }) }
    }

    /// The elements.
    pub fn finish(self) -> Result<Data, ElementsError> {
        match self.data {
            Data::U8(bytes) if self.dtype == DType::Bool => booleans(bytes),
            data => Ok(data),
        }
    }
}

fn booleans(bytes: Vec<u8>) -> Result<Data, ElementsError> {
    if let Some(at) = bytes.iter().position(|&byte| byte > 1) {
        return Err(ElementsError::NotBool { at });
    }
    Ok(Data::Bool(bytes.into_iter().map(|byte| byte == 1).collect()))
}
