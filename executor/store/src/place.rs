//! Whether blocks fit the array they are written to, and whether all were.

use crate::error::StoreError;
use cleave_ops::{DType, Data, Region, Shape};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Checks that a block lies in the array and holds what it must.
pub(crate) fn fits(shape: &Shape, dtype: DType, region: &Region, data: &Data) -> Result<(), StoreError> {
    let axes = region.start.len() == shape.ndim() && region.len.ndim() == shape.ndim();
    if !axes || region.ends().zip(shape.iter()).any(|(end, &len)| end > len) {
        let (region, shape) = (Box::new(region.clone()), Box::new(shape.clone()));
        return Err(StoreError::Misplaced { region, shape, chunk: None });
    }
    let (expected, found) = ((dtype, region.size()), (data.dtype(), data.len()));
    if expected != found {
        return Err(StoreError::Misfit { expected, found });
    }
    Ok(())
}

/// Checks that every element was written.
pub(crate) fn complete(path: &Path, shape: &Shape, written: &AtomicU64) -> Result<(), StoreError> {
    let (expected, written) = (shape.size() as u64, written.load(Ordering::Relaxed));
    if written < expected {
        return Err(StoreError::Incomplete { path: path.to_path_buf(), expected, written });
    }
    Ok(())
}
