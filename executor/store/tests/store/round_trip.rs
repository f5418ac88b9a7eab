//! What this crate writes it reads again, whatever the shape, the chunks and the dtype.

use crate::{blocks, expected, part, whole};
use cleave_ops::{AxisChunks, Chunks, DType, Data, Region, Shape};
use cleave_plan::{Sink, Source};
use cleave_store::{Compressor, NewZarr, NpySink, ZarrFormat, create_zarr, open_npy, open_zarr, regular_chunks};
use cleave_store::{StoreError, uniform_chunks};
use proptest::prelude::*;

/// Axes as lengths and chunk lengths.
fn axes() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0usize..9, 1usize..6), 0..4)
}

fn dtypes() -> impl Strategy<Value = DType> {
    prop::sample::select(DType::ALL.to_vec())
}

fn grid(axes: &[(usize, usize)]) -> Chunks {
    Chunks(axes.iter().map(|&(len, chunk)| AxisChunks::regular(len, chunk)).collect())
}

/// The boxes of a grid, first chunk first.
fn regions(chunks: &Chunks) -> Vec<Region> {
    let mut regions = vec![Region::default()];
    for axis in &chunks.0 {
        let spans: Vec<(usize, usize)> = axis
            .lens()
            .scan(0, |start, len| {
                *start += len;
                Some((*start - len, len))
            })
            .collect();
        let longer = |region: Region| {
            spans
                .iter()
                .map(move |&(start, len)| {
                    let starts = region.start.iter().copied().chain([start]).collect();
                    Region { start: starts, len: region.len.iter().copied().chain([len]).collect() }
                })
                .collect::<Vec<_>>()
        };
        regions = regions.into_iter().flat_map(longer).collect();
    }
    regions
}

fn put_all(sink: &dyn Sink, chunks: &Chunks, all: &Data) {
    std::thread::scope(|scope| {
        for half in regions(chunks).chunks(3) {
            let half = half.to_vec();
            scope.spawn(move || {
                for region in half {
                    sink.put(&region, part(all, &chunks.shape(), &region)).unwrap();
                }
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn npy(axes in axes(), dtype in dtypes()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        let chunks = grid(&axes);
        let all = expected(dtype, chunks.shape().size());
        let sink = NpySink::create(&path, &chunks.shape(), dtype).unwrap();
        put_all(&sink, &chunks, &all);
        prop_assert!(!path.exists());
        sink.finish().unwrap();
        let source = open_npy(&path).unwrap();
        prop_assert_eq!(source.shape(), &chunks.shape());
        prop_assert_eq!(whole(&source).unwrap(), all);
        prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn zarr(
        axes in axes(),
        dtype in dtypes(),
        format in prop::sample::select(vec![ZarrFormat::V2, ZarrFormat::V3]),
        compressor in prop::sample::select(vec![Compressor::None, Compressor::Gzip, Compressor::Zstd]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.zarr");
        let chunks = grid(&axes);
        let all = expected(dtype, chunks.shape().size());
        let names: Vec<String> = (0..axes.len()).map(|axis| format!("axis {axis}")).collect();
        let sink = create_zarr(&path, &NewZarr {
            chunks: chunks.clone(), dtype, format, compressor, dimension_names: Some(names.clone()), overwrite: false,
        }).unwrap();
        put_all(&sink, &chunks, &all);
        prop_assert!(!path.exists());
        sink.finish().unwrap();
        let source = open_zarr(&path, None).unwrap();
        prop_assert_eq!(source.grid().shape(), chunks.shape());
        prop_assert_eq!(whole(&source).unwrap(), all);
        if !names.is_empty() {
            prop_assert_eq!(source.dimension_names(), Some(names.as_slice()));
        }
        for (region, data) in blocks(&source).unwrap() {
            prop_assert_eq!(data.len(), region.size());
        }
        prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

fn chunks_of(axes: &[&[usize]]) -> Chunks {
    Chunks(axes.iter().map(|lens| AxisChunks::from_lens(lens.iter().copied())).collect())
}

#[test]
fn irregular_chunks_are_refused_with_the_uniform_ones_to_use() {
    let regular: [(&[&[usize]], &[usize]); 4] =
        [(&[&[3, 3, 1]], &[3]), (&[&[5], &[2, 2]], &[5, 2]), (&[&[0]], &[1]), (&[&[]], &[1])];
    for (axes, expected) in regular {
        assert_eq!(regular_chunks(&chunks_of(axes)).unwrap().as_ref(), expected);
    }
    for axes in [&[&[3, 1, 3][..]][..], &[&[1, 3]], &[&[2, 2], &[3, 3, 4]], &[&[3, 3, 1, 1]]] {
        let chunks = chunks_of(axes);
        let error = regular_chunks(&chunks).unwrap_err();
        let StoreError::Irregular { uniform, .. } = &error else { panic!("{error}") };
        assert_eq!(*uniform, uniform_chunks(&chunks));
        assert!(error.help().unwrap().contains(&uniform.to_string()));
    }
}

fn new(chunks: Chunks) -> NewZarr {
    let (format, compressor) = (ZarrFormat::V3, Compressor::Zstd);
    NewZarr { chunks, dtype: DType::I32, format, compressor, dimension_names: None, overwrite: false }
}

#[test]
fn an_array_that_exists_is_replaced_only_on_demand_and_only_if_it_is_an_array() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.zarr");
    let all = Data::I32(vec![1, 2, 3]);
    let first = create_zarr(&path, &new(chunks_of(&[&[3]]))).unwrap();
    first.put(&Region::whole(&Shape::new([3])), all).unwrap();
    first.finish().unwrap();

    let error = create_zarr(&path, &new(chunks_of(&[&[2]]))).err().unwrap();
    assert!(matches!(error, StoreError::Exists { .. }) && error.help().unwrap().contains("overwrite"));
    let second = create_zarr(&path, &NewZarr { overwrite: true, ..new(chunks_of(&[&[2]])) }).unwrap();
    assert_eq!(whole(&open_zarr(&path, None).unwrap()).unwrap(), Data::I32(vec![1, 2, 3]));
    second.put(&Region::whole(&Shape::new([2])), Data::I32(vec![8, 9])).unwrap();
    second.finish().unwrap();
    assert_eq!(whole(&open_zarr(&path, None).unwrap()).unwrap(), Data::I32(vec![8, 9]));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

    let precious = dir.path().join("precious");
    std::fs::create_dir(&precious).unwrap();
    let refused = create_zarr(&precious, &NewZarr { overwrite: true, ..new(chunks_of(&[&[2]])) }).err().unwrap();
    assert!(matches!(refused, StoreError::NotReplaceable { .. }));
}

#[test]
fn what_is_not_finished_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (npy, zarr) = (dir.path().join("x.npy"), dir.path().join("x.zarr"));
    let half = Region { start: [0].into_iter().collect(), len: Shape::new([2]) };
    let sinks = || {
        let npy = NpySink::create(&npy, &Shape::new([4]), DType::I32).unwrap();
        let zarr = create_zarr(&zarr, &new(chunks_of(&[&[2, 2]]))).unwrap();
        npy.put(&half, Data::I32(vec![1, 2])).unwrap();
        zarr.put(&half, Data::I32(vec![1, 2])).unwrap();
        (npy, zarr)
    };
    drop(sinks());
    let (npy, zarr) = sinks();
    assert!(matches!(npy.finish(), Err(StoreError::Incomplete { expected: 4, written: 2, .. })));
    assert!(matches!(zarr.finish(), Err(StoreError::Incomplete { expected: 4, written: 2, .. })));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn blocks_that_do_not_fit_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let npy = NpySink::create(&dir.path().join("x.npy"), &Shape::new([4]), DType::I32).unwrap();
    let zarr = create_zarr(&dir.path().join("x.zarr"), &new(chunks_of(&[&[2, 2]]))).unwrap();
    let at = |start: usize, len: usize| Region { start: [start].into_iter().collect(), len: Shape::new([len]) };
    let cases = [
        (at(3, 2), Data::I32(vec![0; 2])),
        (at(0, 2), Data::I32(vec![0; 3])),
        (at(0, 2), Data::F32(vec![0.0; 2])),
        (Region::default(), Data::I32(vec![0])),
    ];
    for (region, data) in cases {
        assert!(npy.put(&region, data.clone()).is_err());
        assert!(zarr.put(&region, data).is_err());
    }
    for region in [at(1, 2), at(0, 1), at(0, 4)] {
        let error = zarr.put(&region, Data::I32(vec![0; region.size()])).unwrap_err();
        assert!(error.to_string().contains("in chunks of (2,)"), "{error}");
    }
}
