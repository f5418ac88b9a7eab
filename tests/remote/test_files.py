"""Stored arrays that are none, or bombs: one clear error, and a worker that is not swollen by them."""

import json
import zlib

import numcodecs
import psutil
import pytest

from program import told
from workers import run_on, workers

GOOD = {
    "zarr_format": 2, "shape": [4], "chunks": [4], "dtype": "<f8", "compressor": None, "fill_value": 0,
    "order": "C", "filters": None,
}  # fmt: skip
ZLIB = {"id": "zlib", "level": 1}
GZIP = {"id": "gzip", "level": 1}
ZSTD = {"id": "zstd", "level": 1}
BLOSC = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 0}
ZEROS = zlib.compress(bytes(1 << 28), 1)


def bomb(codec, times=1):
    """256 MiB of zeros, so many times one after the other."""
    return numcodecs.get_codec(codec).encode(bytes(1 << 28)) * times


METADATA = {
    "chunks of 10^15": {"shape": [10**15], "chunks": [10**15]},
    "no chunks": {"chunks": []},
    "chunks of none": {"chunks": [0]},
    "a negative shape": {"shape": [-4]},
    "a shape past all numbers": {"shape": [2**64]},
    "a thousand filters": {"filters": [{"id": "delta", "dtype": "<f8"}] * 1000},
    "an unknown codec": {"compressor": {"id": "explode"}},
    "a wrong fill value": {"fill_value": {"a": []}},
    "an unknown dtype": {"dtype": "<q99"},
    "objects": {"dtype": "|O"},
}
TEXTS = {
    "deeply nested": b"[" * 100_000,
    "invalid UTF-8": b'{"zarr_format": 2, "shape": [\xff\xfe]}',
    "nothing": b"",
    "another format": b'{"zarr_format": 99}',
}
CHUNKS = {
    "a bomb": (ZEROS, ZLIB),
    "a gzip bomb of ten gigabytes": (bomb(GZIP, 40), GZIP),
    "a zstd bomb of ten gigabytes": (bomb(ZSTD, 40), ZSTD),
    "a blosc bomb": (bomb(BLOSC), BLOSC),
    "a truncated stream": (ZEROS[:500], ZLIB),
    "no stream": (b"not compressed at all", ZLIB),
    "too short": (bytes(31), None),
    "too long": (bytes(1 << 20), None),
    "nothing": (b"", None),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def pool(root):
    with workers(1, "--threads", 1, "--data-root", root) as started:
        yield started


def refused(tmp_path, pool, array):
    process = psutil.Process(pool[0].process.pid)
    before = process.memory_info().rss
    done = run_on(tmp_path, pool, f'print(from_zarr("{array}").sum().compute())\n', check=None)
    assert done.returncode == 1 and done.stdout == "" and "panicked" not in done.stderr, told(done)
    assert process.memory_info().rss - before < 150 << 20
    assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"


def made(root, name, metadata, chunk=None):
    array = root / f"{name.replace(' ', '-')}.zarr"
    array.mkdir()
    (array / ".zarray").write_bytes(metadata)
    if chunk is not None:
        (array / "0").write_bytes(chunk)
    return array


@pytest.mark.parametrize("kind", METADATA)
def test_metadata_of_nothing(tmp_path, root, pool, kind):
    refused(tmp_path, pool, made(root, kind, json.dumps({**GOOD, **METADATA[kind]}).encode()))


@pytest.mark.parametrize("kind", TEXTS)
def test_metadata_that_is_none(tmp_path, root, pool, kind):
    refused(tmp_path, pool, made(root, "text " + kind, TEXTS[kind]))


@pytest.mark.parametrize("kind", CHUNKS)
def test_chunks_that_are_none(tmp_path, root, pool, kind):
    chunk, codec = CHUNKS[kind]
    refused(tmp_path, pool, made(root, "chunk " + kind, json.dumps({**GOOD, "compressor": codec}).encode(), chunk))
