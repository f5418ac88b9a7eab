"""Zarr v2 and v3 arrays written by zarr-python and read by us, and the reverse."""

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, TransposeCodec, ZstdCodec
from numcodecs import Blosc, GZip, Zstd

from arrays import DTYPES, is_float
from program import run, run_text, told, write_script

SHAPE, CHUNKS = (13, 9), (5, 4)
CODECS = {
    (3, "none"): None,
    (3, "zstd"): ZstdCodec(level=3),
    (3, "zstd with checksum"): ZstdCodec(level=1, checksum=True),
    (3, "gzip"): GzipCodec(level=5),
    (3, "blosc lz4"): BloscCodec(cname="lz4", shuffle="shuffle"),
    (3, "blosc zstd"): BloscCodec(cname="zstd", shuffle="bitshuffle"),
    (3, "blosc blosclz"): BloscCodec(cname="blosclz", shuffle="noshuffle"),
    (2, "none"): None,
    (2, "zstd"): Zstd(level=3),
    (2, "gzip"): GZip(level=5),
    (2, "blosc lz4"): Blosc(cname="lz4", shuffle=Blosc.SHUFFLE),
    (2, "blosc zstd"): Blosc(cname="zstd", shuffle=Blosc.BITSHUFFLE),
}
KEYS = {
    2: [{"name": "v2", "separator": "."}, {"name": "v2", "separator": "/"}],
    3: [{"name": "default", "separator": "/"}, {"name": "default", "separator": "."}, {"name": "v2", "separator": "."}],
}


def sample(dtype="float64", shape=SHAPE):
    array = np.arange(int(np.prod(shape, dtype=int))).reshape(shape) % 101
    return (array * 0.37 if is_float(dtype) else array).astype(dtype)


def write(path, array, **options):
    settings = {"chunks": CHUNKS[: array.ndim], "compressors": None, "zarr_format": 3, "fill_value": 0, **options}
    stored = zarr.create_array(store=str(path), shape=array.shape, dtype=array.dtype, **settings)
    stored[...] = array
    return stored


def read(folder, name, chunks=""):
    run_text(folder, f'x = from_zarr("{name}"{chunks})\nsave("back.npy", x)\n')
    return np.load(folder / "back.npy")


def same(got, want):
    assert got.dtype == want.dtype.newbyteorder("=") and got.shape == want.shape
    assert np.array_equal(got, want, equal_nan=is_float(got.dtype))


@pytest.mark.parametrize("codec", CODECS, ids=lambda c: f"v{c[0]} {c[1]}")
def test_codecs(tmp_path, codec):
    write(tmp_path / "x.zarr", sample(), zarr_format=codec[0], compressors=CODECS[codec])
    same(read(tmp_path, "x.zarr"), sample())


@pytest.mark.parametrize("version", [2, 3])
def test_dtypes(tmp_path, version):
    script = ""
    for dtype in DTYPES:
        write(tmp_path / dtype, sample(dtype), zarr_format=version)
        script += f'save("{dtype}.npy", from_zarr("{dtype}"))\nfrom_zarr("{dtype}").to_zarr("{dtype}.out")\n'
    run_text(tmp_path, script)
    for dtype in DTYPES:
        same(np.load(tmp_path / f"{dtype}.npy"), sample(dtype))
        same(zarr.open_array(tmp_path / f"{dtype}.out", mode="r")[...], sample(dtype))


@pytest.mark.parametrize("inner", [None, ZstdCodec()], ids=["plain", "zstd"])
@pytest.mark.parametrize("shards", [(10, 8), (5, 8), (20, 12)], ids=str)
def test_sharding(tmp_path, shards, inner):
    write(tmp_path / "x.zarr", sample(), shards=shards, compressors=inner)
    for chunks in ("", ", chunks=3", ", chunks=-1"):
        same(read(tmp_path, "x.zarr", chunks), sample())


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (5,), (6,), (10, 8), (11, 9), (3, 0)], ids=str)
def test_ragged_edges_and_odd_shapes(tmp_path, version, shape):
    array = sample(shape=shape)
    write(tmp_path / "x.zarr", array, zarr_format=version)
    same(read(tmp_path, "x.zarr"), array)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("fill", [0, 7.5, np.nan, np.inf, -np.inf])
def test_fill_value_of_missing_chunks(tmp_path, version, fill):
    stored = zarr.create_array(
        store=str(tmp_path / "x.zarr"),
        shape=SHAPE,
        chunks=CHUNKS,
        dtype="float64",
        zarr_format=version,
        fill_value=fill,
        compressors=None,
    )
    stored[6:8, 5:7] = 3
    want = np.full(SHAPE, float(fill))
    want[6:8, 5:7] = 3
    same(read(tmp_path, "x.zarr"), want)


def test_fortran_order(tmp_path):
    write(tmp_path / "two", sample(), zarr_format=2, order="F")
    write(tmp_path / "three", sample(), filters=[TransposeCodec(order=(1, 0))])
    for name in ("two", "three"):
        same(read(tmp_path, name), sample())


def test_big_endian(tmp_path):
    for dtype in (">f8", ">i4", ">u2"):
        write(tmp_path / f"two{dtype}", sample(dtype), zarr_format=2)
        same(read(tmp_path, f"two{dtype}"), sample(dtype))
    write(tmp_path / "three", sample(), serializer=BytesCodec(endian="big"))
    same(read(tmp_path, "three"), sample())


@pytest.mark.parametrize("version", [2, 3])
def test_key_encodings(tmp_path, version):
    for number, keys in enumerate(KEYS[version]):
        write(tmp_path / str(number), sample(), zarr_format=version, chunk_key_encoding=keys)
        same(read(tmp_path, str(number)), sample())


@pytest.mark.parametrize("version", [2, 3])
def test_nested_groups(tmp_path, version):
    root = zarr.open_group(str(tmp_path / "root.zarr"), mode="w", zarr_format=version)
    array = root.create_group("a").create_group("b").create_array("x", shape=SHAPE, chunks=CHUNKS, dtype="int32")
    array[...] = sample("int32")
    same(read(tmp_path, "root.zarr/a/b/x"), sample("int32"))
    done = run("run", write_script(tmp_path, 'from_zarr("root.zarr/a")\n'), cwd=tmp_path)
    assert done.returncode == 1 and "group" in done.stderr, told(done)


def test_chunks_follow_the_store(tmp_path):
    write(tmp_path / "x.zarr", sample())
    done = run_text(tmp_path, 'print(from_zarr("x.zarr").chunks)\nprint(from_zarr("x.zarr", chunks=3).chunks[1])\n')
    assert done.stdout.splitlines()[1] == "(3, 3, 3)"
    assert done.stdout.splitlines()[0] == "((5, 5, 3), (4, 4, 1))"


@pytest.mark.parametrize("chunks", ["", ", chunks=4", ", chunks=-1", ", chunks=((1, 11, 1), (2, 3, 4))"])
def test_what_we_write_zarr_python_reads(tmp_path, chunks):
    np.save(tmp_path / "x.npy", sample())
    run_text(tmp_path, f'x = load("x.npy"{chunks})\nx.to_zarr("out.zarr")\n(x[::-1, ::2] + 1).to_zarr("view.zarr")\n')
    same(zarr.open_array(tmp_path / "out.zarr", mode="r")[...], sample())
    same(zarr.open_array(tmp_path / "view.zarr", mode="r")[...], sample()[::-1, ::2] + 1)


WRITTEN = [(2, "zstd"), (2, "gzip"), (2, "none"), (3, "zstd"), (3, "gzip"), (3, "none")]


@pytest.mark.parametrize("version, compressor", WRITTEN)
def test_every_dtype_written_in_either_version(tmp_path, version, compressor):
    script = ""
    for dtype in DTYPES:
        np.save(tmp_path / f"{dtype}.npy", sample(dtype))
        script += f'x = load("{dtype}.npy", chunks={CHUNKS})\n'
        script += f'x.to_zarr("{dtype}.zarr", zarr_format={version}, compressor="{compressor}")\n'
    run_text(tmp_path, script)
    for dtype in DTYPES:
        stored = zarr.open_array(tmp_path / f"{dtype}.zarr", mode="r")
        assert stored.metadata.zarr_format == version and stored.chunks == CHUNKS
        assert bool(stored.compressors) == (compressor != "none")
        same(stored[...], sample(dtype))


@pytest.mark.parametrize("version", [2, 3])
def test_what_stands_there_is_replaced_only_when_asked(tmp_path, version):
    write(tmp_path / "x.zarr", sample(), zarr_format=version)
    options = f"zarr_format={version}"
    done = run("run", write_script(tmp_path, f'zeros(3).to_zarr("x.zarr", {options})\n'), cwd=tmp_path)
    assert done.returncode == 1 and "x.zarr" in done.stderr and "overwrite" in done.stderr, told(done)
    same(zarr.open_array(tmp_path / "x.zarr", mode="r")[...], sample())
    run_text(tmp_path, f'x = from_zarr("x.zarr")\n(x * 2).to_zarr("x.zarr", overwrite=True, {options})\n')
    same(zarr.open_array(tmp_path / "x.zarr", mode="r")[...], sample() * 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["script.clv", "x.zarr"]


def test_a_component_written_into_a_group(tmp_path):
    zarr.open_group(str(tmp_path / "root.zarr"), mode="w", zarr_format=3)
    run_text(tmp_path, 'arange(10, chunks=3).to_zarr("root.zarr", component="x")\n')
    same(zarr.open_group(str(tmp_path / "root.zarr"), mode="r")["x"][...], np.arange(10))


def test_odd_shapes_written(tmp_path):
    shapes = [(), (0,), (1,), (7,), (3, 0), (3, 1, 5)]
    script = ""
    for i, shape in enumerate(shapes):
        np.save(tmp_path / f"{i}.npy", sample(shape=shape))
        script += f'load("{i}.npy").to_zarr("{i}.zarr")\nsave("{i}.back.npy", from_zarr("{i}.zarr"))\n'
    run_text(tmp_path, script)
    for i, shape in enumerate(shapes):
        same(zarr.open_array(tmp_path / f"{i}.zarr", mode="r")[...], sample(shape=shape))
        same(np.load(tmp_path / f"{i}.back.npy"), sample(shape=shape))


def test_a_corrupt_chunk_is_a_clear_error(tmp_path):
    write(tmp_path / "x.zarr", sample(), compressors=ZstdCodec())
    for chunk in (tmp_path / "x.zarr" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"not zstd at all")
    done = run("run", write_script(tmp_path, 'print(from_zarr("x.zarr").sum().compute())\n'), cwd=tmp_path)
    assert done.returncode == 1 and "x.zarr" in done.stderr and "panicked" not in done.stderr, told(done)


def test_missing_and_broken_metadata(tmp_path):
    (tmp_path / "bad.zarr").mkdir()
    for content in (None, "", "{", '{"zarr_format": 9}', '{"zarr_format": 3, "node_type": "array"}'):
        if content is not None:
            (tmp_path / "bad.zarr" / "zarr.json").write_text(content)
        done = run("run", write_script(tmp_path, 'from_zarr("bad.zarr")\n'), cwd=tmp_path)
        assert done.returncode == 1 and "bad.zarr" in done.stderr and "panicked" not in done.stderr, told(done)


def test_a_failed_write_leaves_no_array_behind(tmp_path):
    write(tmp_path / "x.zarr", sample(), compressors=ZstdCodec())
    for chunk in (tmp_path / "x.zarr" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"broken")
    run("run", write_script(tmp_path, 'from_zarr("x.zarr").to_zarr("out.zarr")\n'), cwd=tmp_path)
    assert not (tmp_path / "out.zarr" / "zarr.json").exists()
