"""Makes the fixtures of this directory with NumPy and zarr-python 3: `python make.py`.

Every array holds `expected(shape, dtype)`, which `tests/fixtures.rs` computes again, except where noted.
"""

import json
import shutil
from pathlib import Path

import numcodecs
import numpy as np
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

HERE = Path(__file__).parent
DTYPES = "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64".split()


def expected(shape, dtype):
    """0, 1, ... 99, 0, 1, ... in row-major order; whether odd for booleans."""
    values = np.arange(np.prod(shape, dtype=int)) % 100
    return (values % 2 == 1 if dtype == "bool" else values).astype(dtype).reshape(shape)


def npy(name, array, version=None):
    with open(HERE / name, "wb") as file:
        np.lib.format.write_array(file, array, version=version)


def make_npy():
    for dtype in DTYPES:
        npy(f"{dtype}.npy", expected((3, 4), dtype))
    npy("scalar.npy", expected((), "float64"))
    npy("empty.npy", expected((0, 3), "float32"))
    npy("v1.npy", expected((5,), "int32"), (1, 0))
    npy("v2.npy", expected((5,), "int32"), (2, 0))
    npy("v3.npy", expected((5,), "int32"), (3, 0))
    npy("fortran.npy", np.asfortranarray(expected((2, 3, 4), "float64")))
    npy("big.npy", expected((3, 4), "float32").astype(">f4"))
    npy("big_fortran.npy", np.asfortranarray(expected((3, 4), "int16").astype(">i2")))
    whole = (HERE / "v1.npy").read_bytes()
    header = b"{'descr': '<i4', 'fortran_order': False, 'shape': (5,), }"
    header += b" " * (-len(header) % 4) + b"\n"  # the elements begin at 3 modulo 4
    (HERE / "unaligned.npy").write_bytes(whole[:8] + len(header).to_bytes(2, "little") + header + whole[-20:])
    (HERE / "truncated.npy").write_bytes(whole[:-3])
    npy("complex.npy", np.zeros(2, "complex128"))
    npy("structured.npy", np.zeros(2, [("a", "<f8"), ("b", "<i4", (2,))]))
    npy("string.npy", np.array(["a", "bc"]))
    npy("datetime.npy", np.zeros(2, "datetime64[ns]"))
    npy("object.npy", np.array([None, {}], dtype=object))


def array(name, shape, dtype, version, **options):
    made = zarr.create_array(HERE / name, shape=shape, dtype=dtype, zarr_format=version, overwrite=True, **options)
    made[...] = expected(shape, np.dtype(dtype).name)
    return made


def make_zarr():
    v2 = {
        "none": None,
        "zstd": numcodecs.Zstd(3),
        "gzip": numcodecs.GZip(5),
        "zlib": numcodecs.Zlib(5),
        "bz2": numcodecs.BZ2(5),
        "blosc_lz4": numcodecs.Blosc("lz4", 5, numcodecs.Blosc.SHUFFLE),
        "blosc_zstd": numcodecs.Blosc("zstd", 5, numcodecs.Blosc.BITSHUFFLE),
        "blosc_blosclz": numcodecs.Blosc("blosclz", 9, numcodecs.Blosc.NOSHUFFLE),
    }
    for name, compressor in v2.items():
        array(f"v2_{name}.zarr", (25, 14), "float64", 2, chunks=(10, 14), compressors=compressor)
    array("v2_fortran.zarr", (5, 7), "int32", 2, chunks=(3, 4), order="F", compressors=None)
    array("v2_big.zarr", (5, 7), ">i2", 2, chunks=(3, 4), compressors=numcodecs.Zstd(3))
    array("v2_bool.zarr", (5, 7), "bool", 2, chunks=(3, 4), compressors=numcodecs.Zstd(3))
    array("v2_slash.zarr", (5, 7), "float32", 2, chunks=(3, 4), chunk_key_encoding={"name": "v2", "separator": "/"})
    v3 = {"none": None, "zstd": ZstdCodec(checksum=True), "gzip": GzipCodec(), "blosc": BloscCodec(cname="lz4")}
    for name, compressor in v3.items():
        array(f"v3_{name}.zarr", (25, 14), "float64", 3, chunks=(10, 14), compressors=compressor)
    big = {"name": "bytes", "configuration": {"endian": "big"}}
    array("v3_big.zarr", (5, 7), "uint16", 3, chunks=(3, 4), serializer=big)
    transpose = {"name": "transpose", "configuration": {"order": [1, 0]}}
    array("v3_transposed.zarr", (5, 7), "int32", 3, chunks=(3, 4), filters=[transpose])
    array("v3_sharded.zarr", (25, 14), "int32", 3, chunks=(5, 7), shards=(10, 14), compressors=ZstdCodec())
    array("v3_scalar.zarr", (), "float64", 3)
    array("v3_empty.zarr", (0, 4), "float32", 3, chunks=(1, 4))
    for dtype in ("bool", "int8", "float16", "uint64"):
        array(f"v3_{dtype}.zarr", (7,), dtype, 3, chunks=(4,), compressors=None)
    # Chunks that were never written: rows 2 to 3 are 0 to 7, the rest is the fill value.
    for version in (2, 3):
        options = {"shape": (6, 4), "chunks": (2, 4), "dtype": "float32", "fill_value": 7.5, "overwrite": True}
        filled = zarr.create_array(HERE / f"v{version}_fill.zarr", zarr_format=version, **options)
        filled[2:4] = expected((2, 4), "float32")
        group = zarr.create_group(HERE / f"v{version}_group.zarr", zarr_format=version, overwrite=True)
        names = {"dimension_names": ("time", "x")} if version == 3 else {"attributes": {"_ARRAY_DIMENSIONS": ["time", "x"]}}
        inner = group.create_array("sub/t2m", shape=(5, 7), chunks=(3, 4), dtype="float32", **names)
        inner[...] = expected((5, 7), "float32")
        group.create_array("u10", shape=(3,), chunks=(3,), dtype="int8")
        zarr.create_array(HERE / f"v{version}_complex.zarr", shape=(2,), dtype="complex64", zarr_format=version, overwrite=True)
    zarr.create_array(HERE / "v2_datetime.zarr", shape=(2,), dtype="datetime64[ns]", zarr_format=2, overwrite=True)
    zarr.create_array(HERE / "v3_string.zarr", shape=(2,), dtype="str", zarr_format=3, overwrite=True)


def main():
    for old in HERE.iterdir():
        if old.suffix == ".npy":
            old.unlink()
        if old.suffix == ".zarr":
            shutil.rmtree(old)
    make_npy()
    make_zarr()
    # Indentation and provenance only cost space.
    for path in [*HERE.rglob("zarr.json"), *HERE.rglob(".zarray"), *HERE.rglob(".zattrs")]:
        path.write_text(json.dumps(json.loads(path.read_text())))


main()
