//! Files written by NumPy and zarr-python; `tests/data/make.py` makes them.

use crate::{expected, whole};
use cleave_ops::{DType, Data};
use cleave_plan::Source;
use cleave_store::{StoreError, open, open_npy, open_zarr};
use std::path::PathBuf;

pub(crate) fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "data", name].iter().collect()
}

/// Opens a fixture and compares its dtype, shape, stored chunks and elements.
fn check(name: &str, dtype: DType, shape: &[usize], longest: &[usize]) {
    let source = open(&data(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((source.dtype(), source.grid().shape().as_ref()), (dtype, shape), "{name}");
    let found: Vec<usize> = source.grid().0.iter().map(|axis| axis.longest()).collect();
    assert_eq!(found, longest, "{name}");
    let elements = whole(source.as_ref()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(elements, expected(dtype, shape.iter().product()), "{name}");
    assert_eq!(source.label(), name);
    assert!(source.stored_bytes() > Some(0));
}

#[test]
fn npy_files_of_numpy() {
    for dtype in DType::ALL {
        check(&format!("{dtype}.npy"), dtype, &[3, 4], &[3, 4]);
    }
    check("scalar.npy", DType::F64, &[], &[]);
    check("empty.npy", DType::F32, &[0, 3], &[0, 3]);
    for name in ["v1.npy", "v2.npy", "v3.npy", "unaligned.npy"] {
        check(name, DType::I32, &[5], &[5]);
    }
    check("fortran.npy", DType::F64, &[2, 3, 4], &[2, 3, 4]);
    check("big.npy", DType::F32, &[3, 4], &[3, 4]);
    check("big_fortran.npy", DType::I16, &[3, 4], &[3, 4]);
}

#[test]
fn npy_files_are_resident_if_they_need_no_conversion() {
    for (name, resident) in [("float64.npy", true), ("int8.npy", true), ("scalar.npy", true), ("bool.npy", false)] {
        assert_eq!(open_npy(&data(name)).unwrap().is_resident(), resident, "{name}");
    }
    for name in ["fortran.npy", "big.npy", "big_fortran.npy", "unaligned.npy"] {
        assert!(!open_npy(&data(name)).unwrap().is_resident(), "{name}");
    }
}

#[test]
fn zarr_arrays_of_zarr_python() {
    for codec in ["none", "zstd", "gzip", "zlib", "bz2", "blosc_lz4", "blosc_zstd", "blosc_blosclz"] {
        check(&format!("v2_{codec}.zarr"), DType::F64, &[25, 14], &[10, 14]);
    }
    for codec in ["none", "zstd", "gzip", "blosc"] {
        check(&format!("v3_{codec}.zarr"), DType::F64, &[25, 14], &[10, 14]);
    }
    check("v2_fortran.zarr", DType::I32, &[5, 7], &[3, 4]);
    check("v2_big.zarr", DType::I16, &[5, 7], &[3, 4]);
    check("v2_bool.zarr", DType::Bool, &[5, 7], &[3, 4]);
    check("v2_slash.zarr", DType::F32, &[5, 7], &[3, 4]);
    check("v3_big.zarr", DType::U16, &[5, 7], &[3, 4]);
    check("v3_transposed.zarr", DType::I32, &[5, 7], &[3, 4]);
    check("v3_sharded.zarr", DType::I32, &[25, 14], &[10, 14]);
    check("v3_scalar.zarr", DType::F64, &[], &[]);
    check("v3_empty.zarr", DType::F32, &[0, 4], &[0, 4]);
    for dtype in [DType::Bool, DType::I8, DType::F16, DType::U64] {
        check(&format!("v3_{dtype}.zarr"), dtype, &[7], &[4]);
    }
}

#[test]
fn chunks_that_were_never_written_are_fill_value() {
    let rows: Vec<f32> = [[7.5; 8], [0., 1., 2., 3., 4., 5., 6., 7.], [7.5; 8]].concat();
    for name in ["v2_fill.zarr", "v3_fill.zarr"] {
        let source = open_zarr(&data(name), None).unwrap();
        assert_eq!(whole(&source).unwrap(), Data::F32(rows.clone()), "{name}");
    }
}

#[test]
fn arrays_inside_groups_are_found_by_path_or_component() {
    for name in ["v2_group.zarr", "v3_group.zarr"] {
        let group = data(name);
        for source in [open_zarr(&group, Some("sub/t2m")), open_zarr(&group.join("sub/t2m"), None)] {
            let source = source.unwrap();
            assert_eq!(whole(&source).unwrap(), expected(DType::F32, 35));
            assert_eq!(source.label(), format!("{name} / sub/t2m"));
            assert_eq!(source.dimension_names(), Some(&["time".to_string(), "x".to_string()][..]));
        }
        let error = open_zarr(&group, None).err().unwrap();
        assert!(matches!(&error, StoreError::Group { arrays, .. } if arrays == &["sub/t2m", "u10"]), "{error}");
        for component in ["nope", "../v2_none.zarr", "/sub/../u10"] {
            let error = open_zarr(&group, Some(component)).err().unwrap();
            assert!(matches!(&error, StoreError::NoComponent { arrays, .. } if arrays.len() == 2), "{error}");
        }
    }
}

#[test]
fn dtypes_the_language_lacks_are_named() {
    let cases = [
        ("complex.npy", "<c16"),
        ("structured.npy", "[('a', '<f8'), ('b', '<i4', (2,))]"),
        ("string.npy", "<U2"),
        ("datetime.npy", "<M8[ns]"),
        ("object.npy", "|O"),
        ("v2_complex.zarr", "<c8"),
        ("v3_complex.zarr", "complex64"),
        ("v2_datetime.zarr", "<M8[ns]"),
        ("v3_string.zarr", "string"),
    ];
    for (name, expected) in cases {
        let error = open(&data(name)).err().unwrap();
        assert!(matches!(&error, StoreError::DType { dtype, .. } if dtype == expected), "{name}: {error}");
        assert!(error.to_string().contains(expected));
    }
}
