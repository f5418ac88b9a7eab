//! Files and packing: what a small Zarr array and a plain file take.

use cleave_cpu::Cancel;
use cleave_ops::{AxisChunks, Chunks, DType, Data};
use cleave_plan::cost::machine::Machine;
use cleave_plan::stage::block_region;
use cleave_plan::{Sink, Source};
use cleave_store::{Compressor, NewZarr, ZarrFormat, create_zarr, open_zarr};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Elements of the array that is packed, in blocks of this many.
const LEN: (usize, usize) = (1 << 20, 1 << 17);
/// Elements of the array of many small blocks, and of one.
const SMALL: (usize, usize) = (1 << 13, 64);
/// Bytes of the plain file.
const FILE_BYTES: usize = 16 << 20;

/// Measures files in `folder`; rates of what cannot be measured stay. `None` if it was stopped.
pub(super) fn measure(machine: &mut Machine, folder: &Path, cancel: &Cancel) -> Option<()> {
    let place = fs::create_dir_all(folder).and_then(|()| tempfile::Builder::new().prefix("probe-").tempdir_in(folder));
    let Ok(place) = place.or_else(|_| tempfile::tempdir()) else { return Some(()) };
    let going = || (!cancel.is_cancelled()).then_some(());
    going()?;
    if let Some((write, read)) = plain(&place.path().join("plain")) {
        (machine.disk_write_bps, machine.disk_read_bps) = (write, read);
    }
    going()?;
    if let Some((write, read)) = packed(&place.path().join("packed.zarr"), LEN) {
        let bytes = (LEN.0 * 8) as f64;
        (machine.encode_bps, machine.decode_bps) = (bytes / write, bytes / read);
    }
    going()?;
    if let Some((_, read)) = packed(&place.path().join("small.zarr"), SMALL) {
        machine.block_s = read / (SMALL.0 / SMALL.1) as f64;
    }
    Some(())
}

/// Bytes a second written to a file and read from it.
fn plain(path: &Path) -> Option<(f64, f64)> {
    let bytes: Vec<u8> = (0..FILE_BYTES).map(|i| ((i * 31) >> 7) as u8).collect();
    let began = Instant::now();
    let mut file = fs::File::create(path).ok()?;
    file.write_all(&bytes).ok()?;
    let written = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let read = fs::read(path).ok()?.len();
    Some((FILE_BYTES as f64 / written.max(1e-9), read as f64 / began.elapsed().as_secs_f64().max(1e-9)))
}

/// Seconds to pack and write an array in blocks, and to read and unpack it.
fn packed(path: &Path, (len, block): (usize, usize)) -> Option<(f64, f64)> {
    let chunks = Chunks([AxisChunks::regular(len, block)].into_iter().collect());
    let new = NewZarr {
        chunks: chunks.clone(),
        dtype: DType::F64,
        format: ZarrFormat::V3,
        compressor: Compressor::Zstd,
        dimension_names: None,
        overwrite: true,
    };
    let sink = create_zarr(path, &new).ok()?;
    let blocks: Vec<Data> =
        (0..len / block).map(|n| Data::F64((n * block..(n + 1) * block).map(plausible).collect())).collect();
    let count = blocks.len();
    let put = |(number, data)| sink.put(&block_region(&chunks, number), data).is_ok();
    let written = blocks.into_iter().enumerate().map(|block| timed(|| put(block)));
    let written = usual(written.collect::<Option<Vec<f64>>>()?) * count as f64;
    sink.finish().ok()?;
    let source = open_zarr(path, None).ok()?;
    let read = (0..count).map(|number| timed(|| source.block(&[number]).is_ok()));
    Some((written, usual(read.collect::<Option<Vec<f64>>>()?) * count as f64))
}

/// Seconds of work that went well.
fn timed(work: impl FnOnce() -> bool) -> Option<f64> {
    let began = Instant::now();
    work().then(|| began.elapsed().as_secs_f64())
}

/// What a block takes where no other program has the core: of all, the first quarter.
fn usual(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 4).copied().unwrap_or(0.0).max(1e-9)
}

/// A smooth signal with some noise, rounded as instruments round: packs to about half.
fn plausible(i: usize) -> f64 {
    let noise = (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24);
    ((280.0 + 10.0 * (i as f64 * 1e-3).sin() + noise) * 1024.0).round() / 1024.0
}
