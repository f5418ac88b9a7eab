//! Blocks as bytes on disk: packed where that makes them clearly smaller.

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// The part of a block that is tried first.
const SAMPLE_BYTES: usize = 32 << 10;

/// The bytes, packed in `room`; `None` where a part from the middle does not become a tenth smaller.
pub(super) fn pack<'a>(bytes: &[u8], room: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let middle = bytes.len() / 2;
    let sample = &bytes[middle..(middle + SAMPLE_BYTES).min(bytes.len())];
    compressed(sample, room).filter(|packed| packed.len() < sample.len() - sample.len() / 10)?;
    compressed(bytes, room).filter(|packed| packed.len() < bytes.len())
}

fn compressed<'a>(bytes: &[u8], room: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let most = get_maximum_output_size(bytes.len());
    if room.len() < most {
        room.resize(most, 0);
    }
    let len = compress_into(bytes, room).ok()?;
    Some(&room[..len])
}

/// The bytes again, into memory of their length; `None` where these do not hold them.
pub(super) fn unpack(packed: &[u8], bytes: &mut [u8]) -> Option<()> {
    decompress_into(packed, bytes).ok().filter(|&n| n == bytes.len()).map(drop)
}
