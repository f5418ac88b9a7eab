//! Which files a worker opens for others, and which it does not.

use cleave_graph::SourceId;
use cleave_ops::{Chunks, DType, Shape};
use cleave_remote::roots::Roots;
use cleave_remote::spec::{StoredPlace, StoredSource};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A root with files and links in it, and a secret beside it.
struct Place {
    folder: TempDir,
    roots: Roots,
}

fn place() -> Place {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("data/deep")).unwrap();
    fs::create_dir_all(at("out")).unwrap();
    fs::create_dir_all(at("data-of-others")).unwrap();
    for file in ["data/x.npy", "data/deep/y.npy", "secret", "data-of-others/z.npy"] {
        fs::write(at(file), b"bytes").unwrap();
    }
    symlink(at("secret"), at("data/link-out")).unwrap();
    symlink(folder.path(), at("data/folder-out")).unwrap();
    symlink(at("data/x.npy"), at("data/link-in")).unwrap();
    symlink("/dev/zero", at("data/zero")).unwrap();
    symlink(at("data/loop"), at("data/loop")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("data/pipe")).status().unwrap().success());
    let roots = Roots::new(&[at("data")], &[at("out")]).unwrap();
    Place { folder, roots }
}

#[test]
fn paths_lead_below_roots_or_nowhere() {
    let place = place();
    let within = |name: &str| place.folder.path().canonicalize().unwrap().join(name);
    let absolute = |name: &str| within(name).display().to_string();
    let table: Vec<(String, Result<PathBuf, &str>)> = vec![
        ("x.npy".into(), Ok(within("data/x.npy"))),
        ("deep/../x.npy".into(), Ok(within("data/x.npy"))),
        ("deep".into(), Ok(within("data/deep"))),
        ("link-in".into(), Ok(within("data/x.npy"))),
        (absolute("data/deep/y.npy"), Ok(within("data/deep/y.npy"))),
        (absolute("data"), Ok(within("data"))),
        ("none.npy".into(), Err("file-not-found")),
        ("x.npy/inside".into(), Err("file-not-found")),
        ("../secret".into(), Err("outside-roots")),
        ("deep/../../secret".into(), Err("outside-roots")),
        ("../data-of-others/z.npy".into(), Err("outside-roots")),
        ("../no-such-file".into(), Err("outside-roots")),
        (absolute("secret"), Err("outside-roots")),
        (absolute("data-of-others/z.npy"), Err("outside-roots")),
        (absolute("no-such-file"), Err("outside-roots")),
        ("/etc/passwd".into(), Err("outside-roots")),
        ("/proc/self/mem".into(), Err("outside-roots")),
        ("link-out".into(), Err("outside-roots")),
        ("folder-out/secret".into(), Err("outside-roots")),
        ("zero".into(), Err("outside-roots")),
        ("pipe".into(), Err("not-a-file")),
        ("loop".into(), Err("read-failed")),
        (String::new(), Err("bad-path")),
        ("x.npy\0.zarr".into(), Err("bad-path")),
        ("a".repeat(5000), Err("read-failed")),
    ];
    for (path, expected) in table {
        let found = place.roots.readable(&path);
        assert_eq!(
            found.map(|b| b.path()).as_ref().map_err(|e| e.code()),
            expected.as_ref().map_err(|e| *e),
            "{path:?}"
        );
        // What may be read may not be written for that.
        assert!(place.roots.writable(&path).is_err(), "{path:?}");
        let none = Roots::default().readable(&path);
        assert!(none.is_err(), "{path:?}");
    }
}

#[test]
fn roots_are_folders_and_not_the_whole_machine() {
    let place = place();
    let bad = |path: &Path| Roots::new(&[path.into()], &[]).unwrap_err().code() == "bad-root";
    for path in ["/", "/proc", "/proc/self", "/sys", "/dev", "/no/such/folder"] {
        assert!(bad(Path::new(path)), "{path}");
    }
    assert!(bad(&place.folder.path().join("data/x.npy")));
}

#[test]
fn a_source_is_compared_with_what_the_kernel_sees() {
    let place = place();
    let path = place.folder.path().join("data/v.npy");
    let sink = cleave_store::NpySink::create(&path, &Shape::new([4]), DType::F64).unwrap();
    let region = cleave_ops::Region::whole(&Shape::new([4]));
    cleave_plan::Sink::put(&sink, &region, cleave_ops::Data::F64(vec![1.0, 2.0, 3.0, 4.0])).unwrap();
    sink.finish().unwrap();
    let source = |name: &str, len: usize, dtype: DType| StoredSource {
        id: SourceId(1),
        dtype,
        grid: Chunks::single(&Shape::new([len])),
        resident: true,
        place: StoredPlace::Npy { path: name.into() },
    };
    assert!(place.roots.open(&source("v.npy", 4, DType::F64)).unwrap().is_some());
    let code = |source: &StoredSource| place.roots.open(source).map(|_| ()).unwrap_err().code();
    assert_eq!(code(&source("v.npy", 5, DType::F64)), "wrong-source");
    assert_eq!(code(&source("v.npy", 4, DType::F32)), "wrong-source");
    assert_eq!(code(&source("../secret", 4, DType::F64)), "outside-roots");
    assert_eq!(code(&source("x.npy", 4, DType::F64)), "npy-invalid");
    let zarr = |component: &str| StoredSource {
        place: StoredPlace::Zarr { path: "deep".into(), component: Some(component.into()) },
        ..source("", 4, DType::F64)
    };
    assert_eq!(code(&zarr("../../secret")), "outside-roots");
    assert_eq!(code(&zarr("/etc")), "file-not-found");
}

/// Metadata of an array of four numbers in the newer format, with other members in place of its own.
fn newer(members: &[(&str, String)]) -> String {
    let mut all = vec![
        ("zarr_format", "3".to_owned()),
        ("node_type", "\"array\"".to_owned()),
        ("shape", "[4]".to_owned()),
        ("data_type", "\"float64\"".to_owned()),
        ("chunk_grid", r#"{"name": "regular", "configuration": {"chunk_shape": [4]}}"#.to_owned()),
        ("chunk_key_encoding", r#"{"name": "default"}"#.to_owned()),
        ("fill_value", "0".to_owned()),
        ("codecs", format!("[{BYTES}]")),
    ];
    all.retain(|(name, _)| !members.iter().any(|(other, _)| other == name));
    all.extend(members.iter().cloned());
    let all: Vec<String> = all.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", all.join(", "))
}

const BYTES: &str = r#"{"name": "bytes", "configuration": {"endian": "little"}}"#;

/// Shards within shards.
fn sharded(depth: usize) -> String {
    (0..depth).fold(BYTES.to_owned(), |inner, _| {
        format!(
            r#"{{"name": "sharding_indexed", "configuration": {{"chunk_shape": [4], "codecs": [{inner}], "index_codecs": [{BYTES}]}}}}"#
        )
    })
}

/// What is said of an array: in words, in which file, and how.
fn impossible() -> Vec<(&'static str, &'static str, String)> {
    let grid = |shape: &str| format!(r#"{{"name": "regular", "configuration": {{"chunk_shape": {shape}}}}}"#);
    let older = |text: &str| {
        let rest = r#""zarr_format": 2, "order": "C", "filters": null"#;
        format!("{{{rest}, {text}}}")
    };
    let repeated = |codec: &str| format!("[{BYTES}{}]", format!(", {codec}").repeat(1000));
    vec![
        ("nothing", "zarr.json", String::new()),
        ("text that is none", "zarr.json", "\u{0}\u{fffd}".to_owned()),
        ("deep", "zarr.json", "[".repeat(100_000)),
        (
            "deep attributes",
            "zarr.json",
            newer(&[("attributes", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)))]),
        ),
        (
            "chunks of 10^15",
            "zarr.json",
            newer(&[("shape", "[1000000000000000]".into()), ("chunk_grid", grid("[1000000000000000]"))]),
        ),
        ("chunks of 10^15 of four", "zarr.json", newer(&[("chunk_grid", grid("[1000000000000000]"))])),
        ("chunks of none", "zarr.json", newer(&[("chunk_grid", grid("[0]"))])),
        ("chunks of two axes", "zarr.json", newer(&[("chunk_grid", grid("[2, 2]"))])),
        ("another grid", "zarr.json", newer(&[("chunk_grid", r#"{"name": "spiral"}"#.into())])),
        (
            "a thousand codecs",
            "zarr.json",
            newer(&[("codecs", repeated(r#"{"name": "gzip", "configuration": {"level": 1}}"#))]),
        ),
        ("a thousand unknown codecs", "zarr.json", newer(&[("codecs", repeated(r#"{"name": "explode"}"#))])),
        ("shards in shards", "zarr.json", newer(&[("codecs", format!("[{}]", sharded(100)))])),
        ("a fill of another kind", "zarr.json", newer(&[("fill_value", "{\"a\": []}".into())])),
        ("a fill in words", "zarr.json", newer(&[("fill_value", "\"seven\"".into())])),
        ("an unknown type", "zarr.json", newer(&[("data_type", "\"quaternion\"".into())])),
        ("a shape past all numbers", "zarr.json", newer(&[("shape", "[18446744073709551616]".into())])),
        ("another version", "zarr.json", newer(&[("zarr_format", "99".into())])),
        ("a group", "zarr.json", newer(&[("node_type", "\"group\"".into())])),
        ("older, a thousand filters", ".zarray", {
            let filters = vec![r#"{"id": "delta", "dtype": "<f8"}"#; 1000].join(", ");
            format!(
                r#"{{"zarr_format": 2, "order": "C", "shape": [4], "chunks": [4], "dtype": "<f8", "compressor": null, "fill_value": 0, "filters": [{filters}]}}"#
            )
        }),
        (
            "older, chunks of 10^15",
            ".zarray",
            older(r#""shape": [4], "chunks": [1000000000000000], "dtype": "<f8", "compressor": null, "fill_value": 0"#),
        ),
        (
            "older, a fill of another kind",
            ".zarray",
            older(r#""shape": [4], "chunks": [4], "dtype": "<f8", "compressor": null, "fill_value": {}"#),
        ),
        (
            "older, objects",
            ".zarray",
            older(r#""shape": [4], "chunks": [4], "dtype": "|O", "compressor": null, "fill_value": 0"#),
        ),
    ]
}

#[test]
fn stored_arrays_that_cannot_be_are_refused() {
    for (what, file, text) in impossible() {
        let place = place();
        let folder = place.folder.path().join("data/array.zarr");
        fs::create_dir(&folder).unwrap();
        fs::write(
            folder.join(file),
            if what == "text that is none" { b"{\xff\xfe}".to_vec() } else { text.into_bytes() },
        )
        .unwrap();
        for chunk in ["0", "c/0"] {
            let chunk = folder.join(chunk);
            fs::create_dir_all(chunk.parent().unwrap()).unwrap();
            fs::write(chunk, [7; 31]).unwrap();
        }
        let source = StoredSource {
            id: SourceId(1),
            dtype: DType::F64,
            grid: Chunks::single(&Shape::new([4])),
            resident: false,
            place: StoredPlace::Zarr { path: "array.zarr".into(), component: None },
        };
        // What is not seen when it is opened is seen when it is read.
        if let Ok(Some(opened)) = place.roots.open(&source) {
            assert!(opened.block(&[0]).is_err(), "{what}");
        }
    }
}
