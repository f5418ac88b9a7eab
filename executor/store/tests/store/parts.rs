//! Arrays whose chunks are written by several at once.

use cap_std::fs::Dir;
use cleave_ops::{AxisChunks, Chunks, DType, Data, Region, Shape};
use cleave_plan::Sink;
use cleave_store::{
    Compressor, Folder, NewZarr, ZarrFormat, ZarrPart, ZarrSink, create_zarr, open_zarr_in, open_zarr_part,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

fn new(format: ZarrFormat, compressor: Compressor) -> NewZarr {
    let chunks = Chunks([AxisChunks::regular(7, 3), AxisChunks::regular(5, 2)].into_iter().collect());
    NewZarr { chunks, dtype: DType::I32, format, compressor, dimension_names: None, overwrite: false }
}

fn regions(chunks: &Chunks) -> Vec<(Region, Data)> {
    let region = |number: usize| cleave_plan::stage::block_region(chunks, number);
    // The second chunk is all zeros, of which no file is made.
    let data =
        |number: usize, len: usize| (0..len).map(move |i| if number == 1 { 0 } else { (100 * number + i) as i32 });
    let blocks = (0..chunks.count()).map(|number| (region(number), number));
    blocks.map(|(region, number)| (region.clone(), Data::I32(data(number, region.size()).collect()))).collect()
}

fn begun(at: &Path, new: &NewZarr) -> (ZarrSink, Folder, PathBuf) {
    let sink = create_zarr(at, new).unwrap();
    let lent = sink.lend().unwrap();
    let parent = lent.parent().unwrap().canonicalize().unwrap();
    let root = Arc::new(Dir::open_ambient_dir(&parent, cap_std::ambient_authority()).unwrap());
    let folder = Folder::below(&root, Path::new(lent.file_name().unwrap()), &lent);
    (sink, folder, lent)
}

fn part(folder: &Folder, new: &NewZarr, prefix: &str) -> ZarrPart {
    open_zarr_part(folder, (&new.chunks, new.dtype), prefix).unwrap()
}

fn files(at: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(at).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            all.extend(files(&entry).into_iter().map(|(p, b)| (Path::new(entry.file_name().unwrap()).join(p), b)));
        } else {
            all.push((entry.file_name().unwrap().into(), fs::read(&entry).unwrap()));
        }
    }
    all.sort();
    all
}

#[test]
fn the_same_bytes_whoever_writes_them() {
    for format in [ZarrFormat::V2, ZarrFormat::V3] {
        for compressor in [Compressor::None, Compressor::Gzip, Compressor::Zstd] {
            let (place, new) = (TempDir::new().unwrap(), new(format, compressor));
            let (alone, shared) = (place.path().join("alone.zarr"), place.path().join("shared.zarr"));
            let sink = create_zarr(&alone, &new).unwrap();
            regions(&new.chunks).iter().for_each(|(region, data)| sink.copy(region, data).unwrap());
            sink.finish().unwrap();
            let (sink, folder, _) = begun(&shared, &new);
            let others = [part(&folder, &new, "a"), part(&folder, &new, "b")];
            for (number, (region, data)) in regions(&new.chunks).iter().enumerate() {
                match number % 3 {
                    2 => sink.copy(region, data).unwrap(),
                    // Both may write a chunk; it counts once.
                    _ => {
                        others.iter().for_each(|other| other.copy(region, data).unwrap());
                        sink.note(region).unwrap();
                    }
                }
            }
            sink.finish().unwrap();
            assert_eq!(files(&shared), files(&alone), "{format:?} {compressor:?}");
            // Once it is in its place nobody adds to it.
            let (region, data) = &regions(&new.chunks)[0];
            assert!(others[0].copy(region, data).is_err());
            assert_eq!(files(&shared), files(&alone));
        }
    }
}

#[test]
fn what_is_given_up_leaves_nothing_and_takes_nothing() {
    let (place, new) = (TempDir::new().unwrap(), new(ZarrFormat::V3, Compressor::Zstd));
    let (sink, folder, lent) = begun(&place.path().join("x.zarr"), &new);
    let other = part(&folder, &new, "a");
    let (region, data) = &regions(&new.chunks)[0];
    other.copy(region, data).unwrap();
    fs::write(lent.join(".parts/of-somebody-who-died"), b"half").unwrap();
    drop(sink);
    assert!(other.copy(region, data).is_err());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn only_just_that_array_is_written_to() {
    let (place, new) = (TempDir::new().unwrap(), new(ZarrFormat::V3, Compressor::Zstd));
    let (sink, folder, lent) = begun(&place.path().join("x.zarr"), &new);
    let refused = |chunks: &Chunks, dtype: DType| open_zarr_part(&folder, (chunks, dtype), "a").map(|_| ()).is_err();
    assert!(!refused(&new.chunks, new.dtype));
    assert!(refused(&new.chunks, DType::F32));
    assert!(refused(&Chunks::single(&Shape::new([7, 5])), new.dtype));
    fs::remove_dir(lent.join(".parts")).unwrap();
    assert!(refused(&new.chunks, new.dtype));
    drop(sink);
}

#[test]
fn links_in_an_array_do_not_lead_out_of_its_root() {
    let (place, new) = (TempDir::new().unwrap(), new(ZarrFormat::V2, Compressor::None));
    let (data, secret) = (place.path().join("data"), place.path().join("secret"));
    fs::create_dir(&data).unwrap();
    fs::write(&secret, [1; 24]).unwrap();
    let sink = create_zarr(&data.join("x.zarr"), &new).unwrap();
    regions(&new.chunks).iter().for_each(|(region, data)| sink.copy(region, data).unwrap());
    sink.finish().unwrap();
    fs::remove_file(data.join("x.zarr/0.0")).unwrap();
    std::os::unix::fs::symlink(&secret, data.join("x.zarr/0.0")).unwrap();
    fs::rename(data.join("x.zarr/1.1"), data.join("moved")).unwrap();
    std::os::unix::fs::symlink("../moved", data.join("x.zarr/1.1")).unwrap();
    let root = Arc::new(Dir::open_ambient_dir(&data, cap_std::ambient_authority()).unwrap());
    let source = open_zarr_in(Folder::below(&root, Path::new("x.zarr"), &data.join("x.zarr"))).unwrap();
    let read = |index: &[usize]| cleave_plan::Source::block(&source, index);
    assert!(read(&[0, 0]).is_err());
    assert_eq!(read(&[1, 1]).map(|b| b.elements().len()).unwrap(), 6);
    let anywhere = open_zarr_in(Folder::at(&data.join("x.zarr"))).unwrap();
    assert!(cleave_plan::Source::block(&anywhere, &[0, 0]).is_ok());
}
