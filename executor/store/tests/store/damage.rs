//! Damaged, missing and vanishing files are errors, never panics.

use crate::fixtures::data;
use crate::{blocks, whole};
use cleave_plan::Source;
use cleave_store::{StoreError, open, open_npy, open_zarr};
use std::fs;
use std::path::{Path, PathBuf};

fn code(opened: Result<std::sync::Arc<dyn Source>, StoreError>) -> &'static str {
    opened.err().map_or("opened", |error| error.code())
}

fn copy(name: &str, into: &Path) -> PathBuf {
    let target = into.join(name);
    copy_tree(&data(name), &target);
    target
}

fn copy_tree(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        copy_tree(&entry.path(), &to.join(entry.file_name()));
    }
}

#[test]
fn what_cannot_be_opened_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let text = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    assert_eq!(code(open(&dir.path().join("none.npy"))), "file-not-found");
    assert_eq!(code(open(dir.path())), "zarr-invalid");
    assert_eq!(code(open(&text("x.csv", "1,2"))), "file-format");
    assert_eq!(code(open(&text("x.npy", "hello world"))), "npy-invalid");
    assert_eq!(code(open(&text("empty.npy", ""))), "npy-invalid");
    assert_eq!(code(open(&data("truncated.npy"))), "file-truncated");
    assert_eq!(open_npy(dir.path()).err().unwrap().code(), "file-is-directory");
    text("bad.zarr/zarr.json", "{");
    assert_eq!(code(open(&dir.path().join("bad.zarr"))), "zarr-invalid");
    assert_eq!(code(open(&data("v3_group.zarr"))), "zarr-group");
}

#[test]
fn a_file_without_permission_is_told_apart() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = copy("int32.npy", dir.path());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    let expected = if fs::read(&path).is_ok() { "opened" } else { "file-denied" };
    assert_eq!(code(open(&path)), expected);
}

#[test]
fn a_header_cut_anywhere_or_changed_in_any_byte_is_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let whole_file = fs::read(data("fortran.npy")).unwrap();
    for len in 0..whole_file.len() {
        fs::write(&path, &whole_file[..len]).unwrap();
        assert!(open_npy(&path).is_err(), "{len} bytes");
    }
    for at in 0..128 {
        for byte in [0, b'9', b'\'', b'(', 0xff] {
            let mut file = whole_file.clone();
            file[at] = byte;
            fs::write(&path, &file).unwrap();
            let _either = open_npy(&path).map(|source| whole(&source).map(|_| ()));
        }
    }
}

#[test]
fn shapes_beyond_memory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let file = fs::read(data("v1.npy")).unwrap();
    for shape in ["(9223372036854775807, 9),", "(99999999999999999999,),", "(4611686018427387904,),"] {
        let header = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape} }}\n");
        let bytes = [&file[..8], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
        fs::write(&path, bytes).unwrap();
        assert!(open_npy(&path).is_err());
    }
}

#[test]
fn a_mapped_file_that_vanishes_stays_and_one_that_shrinks_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["float64.npy", "big.npy"] {
        let path = copy(name, dir.path());
        let source = open_npy(&path).unwrap();
        let before = whole(&source).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(whole(&source).unwrap(), before);
    }
    let path = copy("float64.npy", dir.path());
    let source = open_npy(&path).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
    let error = source.block(&[0, 0]).err().unwrap();
    assert!(error.to_string().contains("became shorter"), "{error}");
}

/// The files of an array's chunks.
fn chunk_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(chunk_files(&path));
        } else if !["zarr.json", ".zarray", ".zattrs"].iter().any(|name| path.ends_with(name)) {
            files.push(path);
        }
    }
    files
}

#[test]
fn truncated_chunks_are_errors_that_name_the_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let names = [
        "v2_none.zarr",
        "v2_zstd.zarr",
        "v2_gzip.zarr",
        "v2_zlib.zarr",
        "v2_bz2.zarr",
        "v2_blosc_lz4.zarr",
        "v3_none.zarr",
        "v3_zstd.zarr",
        "v3_gzip.zarr",
        "v3_blosc.zarr",
        "v3_sharded.zarr",
    ];
    for name in names {
        let path = copy(name, dir.path());
        for file in chunk_files(&path) {
            let bytes = fs::read(&file).unwrap();
            fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        }
        let source = open_zarr(&path, None).unwrap();
        let error = source.block(&[2, 0]).err().unwrap_or_else(|| panic!("{name} was read"));
        assert_eq!(error.what, format!("{name}, chunk (2, 0)"));
        let cause = error.cause.downcast_ref::<StoreError>().unwrap();
        assert_eq!(cause.code(), "chunk-unreadable", "{name}: {cause}");
    }
}

#[test]
fn chunks_changed_in_any_byte_are_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    for name in
        ["v2_blosc_lz4.zarr", "v2_blosc_blosclz.zarr", "v2_bz2.zarr", "v3_zstd.zarr", "v3_gzip.zarr", "v3_sharded.zarr"]
    {
        let path = copy(name, dir.path());
        let source = open_zarr(&path, None).unwrap();
        for file in chunk_files(&path).into_iter().take(1) {
            let bytes = fs::read(&file).unwrap();
            for at in (0..bytes.len()).step_by(3) {
                let mut changed = bytes.clone();
                changed[at] ^= 0x5a;
                fs::write(&file, &changed).unwrap();
                let _either = blocks(&source).map(|_| ());
            }
        }
    }
}

#[test]
fn checksums_find_a_changed_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = copy("v3_zstd.zarr", dir.path());
    let file = path.join("c/0/0");
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let source = open_zarr(&path, None).unwrap();
    assert!(source.block(&[0, 0]).is_err());
    assert!(source.block(&[1, 0]).is_ok());
}

#[test]
fn a_store_that_vanishes_is_an_error_not_fill_value() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["v2_zstd.zarr", "v3_sharded.zarr"] {
        let path = copy(name, dir.path());
        let source = open_zarr(&path, None).unwrap();
        fs::remove_dir_all(&path).unwrap();
        assert!(source.block(&[1, 0]).is_err(), "{name}");
    }
}
