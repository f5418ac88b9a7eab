//! Frames of a value as they come, however the network cuts them: their bytes are copied once, to where they stay.

use super::{BulkError, MOST_FRAME_BYTES};

/// What stands before a message: whether it is packed, and its length.
const PREFIX_BYTES: usize = 5;
/// The longest field of a frame that is not its bytes.
const FIELD_BYTES: usize = 11;
/// What is copied at once, so that it is in a near cache when its checksum is reckoned: three runs of that reckoning,
/// which takes three at a time.
const NEAR_BYTES: usize = 24 << 10;
/// The fields of a frame, as they are written.
const DATA: u64 = 0x0a;
const NBYTES: u64 = 0x10;
const CHECKSUM: u64 = 0x1d;

/// What has come of a stretch of a value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Come {
    pub(super) nbytes: usize,
    /// Of these bytes, reckoned while they are in the cache.
    pub(super) checksum: u32,
}

/// Where in the frames a reader is.
pub(super) struct Reading {
    /// Bytes of the whole value.
    nbytes: u64,
    at: At,
    /// The beginning of what is not whole yet: a prefix, or a field.
    begun: Vec<u8>,
    /// Bytes of the message that have not come.
    left: usize,
    /// The last frame's checksum.
    end: Option<u32>,
}

#[derive(Default)]
enum At {
    #[default]
    Prefix,
    Fields,
    /// So many bytes of the value come next.
    Data(usize),
}

enum Field {
    Data(u64),
    Nbytes(u64),
    Checksum(u32),
}

impl Reading {
    /// Of frames of a value of so many bytes.
    pub(super) fn new(nbytes: u64) -> Self {
        Self { nbytes, at: At::default(), begun: Vec::new(), left: 0, end: None }
    }

    /// Takes what came; the checksum of the whole value after its last frame.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        into: &mut [u8],
        come: &mut Come,
    ) -> Result<Option<u32>, BulkError> {
        loop {
            match self.at {
                At::Prefix => {
                    let Some(prefix) = self.whole(&mut bytes) else { return Ok(None) };
                    self.left = message_bytes(prefix)?;
                    self.at = At::Fields;
                }
                At::Fields if self.left == 0 => match (self.begun.is_empty(), self.end) {
                    (false, _) => return Err(malformed("a field that is cut off")),
                    (true, Some(checksum)) => return Ok(Some(checksum)),
                    (true, None) => self.at = At::Prefix,
                },
                At::Fields => {
                    let Some((&next, rest)) = bytes.split_first() else { return Ok(None) };
                    (bytes, self.left) = (rest, self.left - 1);
                    self.begun.push(next);
                    self.field()?;
                }
                At::Data(0) => self.at = At::Fields,
                At::Data(count) => {
                    if bytes.is_empty() {
                        return Ok(None);
                    }
                    let (now, rest) = bytes.split_at(count.min(bytes.len()));
                    (bytes, self.left, self.at) = (rest, self.left - now.len(), At::Data(count - now.len()));
                    put(now, into, come)?;
                }
            }
        }
    }

    /// The prefix, once it is whole.
    fn whole(&mut self, bytes: &mut &[u8]) -> Option<[u8; PREFIX_BYTES]> {
        let (now, rest) = bytes.split_at(bytes.len().min(PREFIX_BYTES - self.begun.len()));
        self.begun.extend_from_slice(now);
        *bytes = rest;
        let prefix = <[u8; PREFIX_BYTES]>::try_from(self.begun.as_slice()).ok()?;
        self.begun.clear();
        Some(prefix)
    }

    /// Takes in a field, once it is whole.
    fn field(&mut self) -> Result<(), BulkError> {
        let expected = self.nbytes;
        let Some(field) = field(&self.begun)? else { return Ok(()) };
        self.begun.clear();
        match field {
            Field::Data(nbytes) if nbytes > MOST_FRAME_BYTES as u64 => {
                return Err(BulkError::TooLarge { nbytes, limit: MOST_FRAME_BYTES as u64 });
            }
            Field::Data(nbytes) if nbytes > self.left as u64 => return Err(malformed("bytes past their message")),
            Field::Data(nbytes) => self.at = At::Data(nbytes as usize),
            Field::Nbytes(found) if found != expected => return Err(BulkError::Length { expected, found }),
            Field::Nbytes(_) => {}
            Field::Checksum(checksum) => self.end = Some(checksum),
        }
        Ok(())
    }
}

fn message_bytes(prefix: [u8; PREFIX_BYTES]) -> Result<usize, BulkError> {
    let [packed, length @ ..] = prefix;
    if packed != 0 {
        return Err(malformed("they are packed"));
    }
    let (nbytes, limit) = (u32::from_be_bytes(length) as usize, MOST_FRAME_BYTES + 3 * FIELD_BYTES);
    if nbytes > limit {
        return Err(BulkError::TooLarge { nbytes: nbytes as u64, limit: MOST_FRAME_BYTES as u64 });
    }
    Ok(nbytes)
}

/// The field that bytes make, if they are all of one.
fn field(bytes: &[u8]) -> Result<Option<Field>, BulkError> {
    let Some((key, rest)) = varint(bytes) else { return short(bytes) };
    let found = match key {
        DATA => varint(rest).map(|(nbytes, _)| Field::Data(nbytes)),
        NBYTES => varint(rest).map(|(nbytes, _)| Field::Nbytes(nbytes)),
        CHECKSUM => rest.first_chunk().map(|bytes| Field::Checksum(u32::from_le_bytes(*bytes))),
        _ => return Err(malformed("an unknown field")),
    };
    found.map_or_else(|| short(bytes), |field| Ok(Some(field)))
}

/// More is needed, unless no field is as long.
fn short(bytes: &[u8]) -> Result<Option<Field>, BulkError> {
    if bytes.len() < FIELD_BYTES { Ok(None) } else { Err(malformed("a number without an end")) }
}

/// A number of seven bits a byte, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let (digits, rest) = bytes.split_at(end + 1);
    let add = |n: u64, byte: &u8| n.wrapping_shl(7) | u64::from(byte & 0x7f);
    Some((digits.iter().rev().fold(0, add), rest))
}

fn put(bytes: &[u8], into: &mut [u8], come: &mut Come) -> Result<(), BulkError> {
    let (end, expected) = (come.nbytes + bytes.len(), into.len() as u64);
    let Some(room) = into.get_mut(come.nbytes..end) else {
        return Err(BulkError::Length { expected, found: end as u64 });
    };
    for (room, bytes) in room.chunks_mut(NEAR_BYTES).zip(bytes.chunks(NEAR_BYTES)) {
        room.copy_from_slice(bytes);
        come.checksum = crc32c::crc32c_append(come.checksum, room);
    }
    come.nbytes = end;
    Ok(())
}

fn malformed(what: &'static str) -> BulkError {
    BulkError::Malformed { what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Frame;
    use prost::Message;

    fn framed(frames: &[Frame]) -> Vec<u8> {
        let message = |frame: &Frame| {
            let bytes = frame.encode_to_vec();
            [&[0][..], &(bytes.len() as u32).to_be_bytes(), &bytes].concat()
        };
        frames.iter().flat_map(message).collect()
    }

    fn read(bytes: &[u8], cut: usize, len: usize) -> Result<(Vec<u8>, Option<u32>), BulkError> {
        let (mut reading, mut into, mut come, mut end) =
            (Reading::new(len as u64), vec![0; len], Come::default(), None);
        for piece in bytes.chunks(cut) {
            end = reading.take(piece, &mut into, &mut come)?;
        }
        into.truncate(come.nbytes);
        Ok((into, end))
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let value: Vec<u8> = (0..1000).map(|i| (i % 251) as u8).collect();
        let frame = |range: std::ops::Range<usize>, nbytes, checksum| Frame {
            data: value[range].to_vec().into(),
            nbytes,
            checksum,
        };
        let frames = [frame(0..400, Some(1000), None), frame(400..400, None, None), frame(400..1000, None, Some(9))];
        let bytes = framed(&frames);
        for cut in [1, 2, 3, 7, 64, 401, 5000] {
            assert_eq!(read(&bytes, cut, 1000), Ok((value.clone(), Some(9))), "{cut}");
        }
        assert_eq!(read(&framed(&frames[..2]), 10, 1000), Ok((value[..400].to_vec(), None)));
        assert_eq!(read(&framed(&[frame(0..0, Some(0), Some(0))]), 1, 0), Ok((vec![], Some(0))));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let table: [(&[u8], &str); 9] = [
            (&[1, 0, 0, 0, 0], "malformed-frames"),
            (&[0, 0xff, 0xff, 0xff, 0xff], "too-large"),
            (&[0, 0, 0, 0, 2, 0x22, 0], "malformed-frames"),
            (&[0, 0, 0, 0, 3, 0x0a, 0x7f, 0], "malformed-frames"),
            (&[0, 0, 0, 0, 1, 0x1d], "malformed-frames"),
            (&[0, 0, 0, 0, 2, 0x10, 9], "wrong-length"),
            (&[0, 0, 0, 0, 7, 0x0a, 5, 1, 2, 3, 4, 5], "wrong-length"),
            (&[0, 0, 1, 0, 0, 0x0a, 0x80, 0x80, 0x80, 0x80, 0x08], "too-large"),
            (&[0, 0, 0, 0, 20, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], "malformed-frames"),
        ];
        for (bytes, code) in table {
            for cut in [1, 100] {
                assert_eq!(read(bytes, cut, 4).map_err(|e| e.code().to_owned()), Err(code.to_owned()), "{bytes:?}");
            }
        }
    }
}
