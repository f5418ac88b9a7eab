//! Chunks in the usual encodings, streamed between their files and given memory: nothing is held twice.

use crate::files::Files;
use crate::runs::Runs;
use crate::stopping::Stopping;
use cleave_ops::DType;
use cleave_plan::memory::AT_ONCE_BYTES;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use zarrs::array::{Array, CodecMetadataOptions};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;
use zstd::zstd_safe::{CCtx, CParameter, DCtx, ErrorCode, ResetDirective, compress_bound, get_error_name};

/// Bytes of a file that are read at once.
pub(crate) const PIECE_BYTES: usize = 64 << 10;

/// How the bytes of a chunk are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As they are.
    None,
    /// As one frame, written at a level, with or without a checksum.
    Zstd { level: i32, checksum: bool },
    /// As one member, written at a level.
    Gzip { level: u32 },
    /// As one stream; only read.
    Zlib,
}

/// An encoding that this crate reads itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) packing: Packing,
    /// Whether the bytes of an element stand in the other order than the machine's.
    pub(crate) swapped: bool,
}

thread_local! {
    /// What unpacking and packing need besides; making it takes longer than unpacking a small chunk.
    static UNPACKER: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
    static PACKER: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
}

impl Encoding {
    /// That of an array's chunks, if it is a usual one.
    pub(crate) fn of(array: &Array<Files>, dtype: DType) -> Option<Self> {
        let codecs = array.codecs().create_metadatas(&CodecMetadataOptions::default());
        let (order, packing) = match codecs.as_slice() {
            [order] => (order, Packing::None),
            [order, packing] => (order, packing_named(packing.name())?),
            _ => return None,
        };
        if order.name() != "bytes" {
            return None;
        }
        let endian = order.configuration().and_then(|c| c.get("endian")?.as_str());
        let own = if cfg!(target_endian = "little") { "little" } else { "big" };
        Some(Self { packing, swapped: dtype.size() > 1 && endian.is_some_and(|endian| endian != own) })
    }

    /// Reads runs of a chunk into `bytes`.
    pub(crate) fn read(self, file: Stopping<'_, File>, runs: &Runs, size: usize, bytes: &mut [u8]) -> io::Result<()> {
        let Stopping { inner, stop } = file;
        let file = BufReader::with_capacity(PIECE_BYTES, inner);
        match self.packing {
            Packing::None => take(Stopping { inner: file, stop }, runs, size, bytes),
            Packing::Gzip { .. } => take(Stopping { inner: GzDecoder::new(file), stop }, runs, size, bytes),
            Packing::Zlib => take(Stopping { inner: ZlibDecoder::new(file), stop }, runs, size, bytes),
            Packing::Zstd { .. } => UNPACKER.with_borrow_mut(|context| {
                context.reset(ResetDirective::SessionAndParameters).map_err(refused)?;
                take(Stopping { inner: Decoder::with_context(file, context), stop }, runs, size, bytes)
            }),
        }?;
        if self.swapped {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Ok(())
    }
}

fn packing_named(name: &str) -> Option<Packing> {
    match name {
        "zstd" | "numcodecs.zstd" => Some(Packing::Zstd { level: 0, checksum: false }),
        "gzip" | "numcodecs.gzip" => Some(Packing::Gzip { level: 0 }),
        "zlib" | "numcodecs.zlib" => Some(Packing::Zlib),
        _ => None,
    }
}

fn refused(code: ErrorCode) -> io::Error {
    io::Error::other(get_error_name(code))
}

/// The runs of a chunk, in `from`, one after the other.
fn take(from: impl Read, runs: &Runs, size: usize, bytes: &mut [u8]) -> io::Result<()> {
    let (mut from, mut at) = (BufReader::with_capacity(PIECE_BYTES, from), 0);
    for (start, run) in runs.starts().zip(bytes.chunks_exact_mut((runs.len * size).max(1))) {
        skip(&mut from, start * size - at)?;
        from.read_exact(run)?;
        at = start * size + run.len();
    }
    skip(&mut from, runs.whole_len * size - at)?;
    // The end of what is packed is read too: a checksum stands there.
    if from.read(&mut [0])? == 0 { Ok(()) } else { Err(ErrorKind::InvalidData.into()) }
}

fn skip(from: &mut impl Read, bytes: usize) -> io::Result<()> {
    let skipped = io::copy(&mut from.take(bytes as u64), &mut io::sink())?;
    if skipped == bytes as u64 { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

impl Packing {
    /// Writes a chunk of which `bytes` are the runs; the rest of it is zeros.
    pub(crate) fn write(self, file: Stopping<'_, File>, runs: &Runs, size: usize, bytes: &[u8]) -> io::Result<()> {
        let Stopping { inner: mut file, stop } = file;
        match self {
            Packing::None => put(&mut Stopping { inner: file, stop }, runs, size, bytes),
            Packing::Zlib => Err(ErrorKind::Unsupported.into()),
            Packing::Gzip { level } => {
                let inner = GzEncoder::new(file, flate2::Compression::new(level));
                let mut packed = Stopping { inner, stop };
                put(&mut packed, runs, size, bytes)?;
                packed.inner.finish().map(drop)
            }
            Packing::Zstd { level, checksum } => PACKER.with_borrow_mut(|context| {
                let whole = runs.whole_len * size;
                begin(context, level, checksum, whole as u64).map_err(refused)?;
                // A stream would be copied by the packer piece by piece, which then finds less in it.
                if bytes.len() == whole && whole as u64 <= AT_ONCE_BYTES {
                    let mut packed = Vec::with_capacity((whole / 2).min(compress_bound(whole)));
                    if context.compress2(&mut packed, bytes).is_ok() {
                        return file.write_all(&packed);
                    }
                    drop(packed);
                    begin(context, level, checksum, whole as u64).map_err(refused)?;
                }
                let mut packed = Stopping { inner: Encoder::with_context(file, context), stop };
                put(&mut packed, runs, size, bytes)?;
                packed.inner.finish().map(drop)
            }),
        }
    }
}

/// Makes a packer ready for a chunk.
fn begin(context: &mut CCtx<'_>, level: i32, checksum: bool, whole: u64) -> Result<(), ErrorCode> {
    context.reset(ResetDirective::SessionAndParameters)?;
    context.set_parameter(CParameter::CompressionLevel(level))?;
    context.set_parameter(CParameter::ChecksumFlag(checksum))?;
    context.set_parameter(CParameter::ContentSizeFlag(true))?;
    context.set_pledged_src_size(Some(whole)).map(drop)
}

fn put(into: &mut impl Write, runs: &Runs, size: usize, bytes: &[u8]) -> io::Result<()> {
    let mut at = 0;
    for (start, run) in runs.starts().zip(bytes.chunks_exact((runs.len * size).max(1))) {
        io::copy(&mut io::repeat(0).take((start * size - at) as u64), into)?;
        into.write_all(run)?;
        at = start * size + run.len();
    }
    io::copy(&mut io::repeat(0).take((runs.whole_len * size - at) as u64), into).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zarr::open_zarr;
    use cleave_ops::{Region, Shape};
    use std::path::Path;

    fn never(inner: File) -> Stopping<'static, File> {
        Stopping { inner, stop: &|| false }
    }

    #[test]
    fn usual_encodings_are_known() {
        let zstd = Packing::Zstd { level: 0, checksum: false };
        let cases = [
            ("v2_none.zarr", Some(Packing::None)),
            ("v2_zstd.zarr", Some(zstd)),
            ("v2_gzip.zarr", Some(Packing::Gzip { level: 0 })),
            ("v2_zlib.zarr", Some(Packing::Zlib)),
            ("v2_blosc_lz4.zarr", None),
            ("v3_none.zarr", Some(Packing::None)),
            ("v3_zstd.zarr", Some(zstd)),
            ("v3_gzip.zarr", Some(Packing::Gzip { level: 0 })),
            ("v3_sharded.zarr", None),
        ];
        for (name, packing) in cases {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
            let source = open_zarr(&path, None).expect("the fixture");
            assert_eq!(source.encoding.map(|encoding| encoding.packing), packing, "{name}");
        }
    }

    #[test]
    fn a_part_of_a_chunk_comes_back_and_the_rest_is_zeros() {
        let path = tempfile::NamedTempFile::new().expect("a file");
        let (chunk, part) = (Shape::new([4, 5]), Shape::new([3, 2]));
        let (some, all) = (Runs::new(&chunk, &Region::whole(&part)), Runs::new(&chunk, &Region::whole(&chunk)));
        let bytes: Vec<u8> = (1..=12).collect();
        for packing in [Packing::None, Packing::Gzip { level: 5 }, Packing::Zstd { level: 1, checksum: true }] {
            packing.write(never(File::create(&path).expect("it")), &some, 2, &bytes).expect("room on disk");
            let read = |runs: &Runs, len: usize| {
                let mut found = vec![9; len];
                let encoding = Encoding { packing, swapped: false };
                encoding.read(never(File::open(&path).expect("it")), runs, 2, &mut found).map(|()| found)
            };
            assert_eq!(read(&some, 12).expect("the part"), bytes);
            let whole = read(&all, 40).expect("the chunk");
            assert_eq!((&whole[..4], &whole[4..10], &whole[30..]), (&[1, 2, 3, 4][..], &[0; 6][..], &[0; 10][..]));
            let larger = Shape::new([5, 5]);
            for other in [&larger, &part] {
                let wrong = Runs::new(other, &Region::whole(&part));
                assert!(read(&wrong, 12).is_err(), "{packing:?}: a chunk of another size");
            }
        }
    }
    #[test]
    fn whole_chunks_come_back_whether_they_shrink_or_not() {
        let path = tempfile::NamedTempFile::new().expect("a file");
        let packing = Packing::Zstd { level: 1, checksum: true };
        let encoding = Encoding { packing, swapped: false };
        for len in [1, 4000, 300_000] {
            let chunk = Shape::new([len]);
            let runs = Runs::new(&chunk, &Region::whole(&chunk));
            let mut state = 1_u32;
            let mut noise = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            let noisy: Vec<u8> = (0..2 * len).map(|_| noise()).collect();
            let plain: Vec<u8> = (0..2 * len).map(|i| (i / 100) as u8).collect();
            for bytes in [noisy, plain] {
                packing.write(never(File::create(&path).expect("it")), &runs, 2, &bytes).expect("room on disk");
                let mut found = vec![9; 2 * len];
                encoding.read(never(File::open(&path).expect("it")), &runs, 2, &mut found).expect("the chunk");
                assert!(found == bytes, "{len}");
                let mut packed = std::fs::read(&path).expect("it");
                let cut = packed.len() - 1;
                packed[cut] ^= 1;
                std::fs::write(&path, &packed).expect("room on disk");
                assert!(
                    encoding.read(never(File::open(&path).expect("it")), &runs, 2, &mut found).is_err(),
                    "a wrong checksum"
                );
                std::fs::write(&path, &packed[..cut]).expect("room on disk");
                assert!(encoding.read(never(File::open(&path).expect("it")), &runs, 2, &mut found).is_err(), "no end");
            }
        }
    }
}
