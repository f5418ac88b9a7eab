//! Parts of shards: chunks that hold smaller chunks and an index of them.

use crate::error::StoreError;
use crate::files::Files;
use crate::zarr::one_thread;
use cleave_ops::Region;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use zarrs::array::{Array, ArrayBytes, ArrayPartialDecoderTraits, ArrayShardedExt, ArraySubset};

/// How many shards' indices are kept.
const KEPT_INDICES: usize = 256;

/// Readers of shards, each holding its shard's index.
#[derive(Default)]
pub(crate) struct Shards {
    /// Guards the map only; indices are read outside it, at worst twice.
    readers: Mutex<HashMap<Vec<u64>, Reader>>,
}

type Reader = Arc<dyn ArrayPartialDecoderTraits>;

/// The shape blocks are read in: of a shard, as many inner chunks as have at most `room` elements and divide the
/// shard evenly; of anything else, the chunk.
pub(crate) fn part_shape(array: &Array<Files>, chunk: &[usize], room: usize) -> Vec<usize> {
    let inner: Option<Vec<usize>> = array
        .effective_subchunk_shape()
        .map(|inner| inner.iter().map(|len| usize::try_from(len.get()).unwrap_or(usize::MAX)).collect());
    let divides = |inner: &Vec<usize>| inner.iter().zip(chunk).all(|(inner, chunk)| chunk % inner == 0);
    let Some(mut part) = inner.filter(divides) else {
        return chunk.to_vec();
    };
    for axis in (0..chunk.len()).rev() {
        let others: usize = part.iter().product::<usize>() / part[axis];
        let times = chunk[axis] / part[axis];
        let fits = |n: &usize| times.is_multiple_of(*n) && others * part[axis] * n <= room;
        part[axis] *= (1..=times).rev().find(fits).unwrap_or(1);
    }
    part
}

impl Shards {
    /// Reads a region that lies in one shard.
    pub(crate) fn read(
        &self,
        array: &Array<Files>,
        shard: &[usize],
        region: &Region,
    ) -> Result<ArrayBytes<'static>, StoreError> {
        let index: Vec<u64> = region.start.iter().zip(shard).map(|(start, len)| (start / len) as u64).collect();
        let start = region.start.iter().zip(shard).map(|(start, len)| (start % len) as u64).collect();
        let len = region.len.iter().map(|&len| len as u64).collect();
        let subset = ArraySubset::new_with_start_shape(start, len).map_err(StoreError::chunk)?;
        let reader = self.reader(array, index)?;
        let bytes = reader.partial_decode(&subset, &one_thread()).map_err(StoreError::chunk)?;
        Ok(bytes.into_owned())
    }

    fn reader(&self, array: &Array<Files>, index: Vec<u64>) -> Result<Reader, StoreError> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).get(&index).cloned();
        if let Some(reader) = kept {
            return Ok(reader);
        }
        let reader = array.partial_decoder_opt(&index, &one_thread()).map_err(StoreError::chunk)?;
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= KEPT_INDICES {
            readers.clear();
        }
        readers.insert(index, reader.clone());
        Ok(reader)
    }
}
