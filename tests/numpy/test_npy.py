"""`.npy` files written by NumPy and read by us, and the reverse."""

import numpy as np
import pytest
from numpy.lib import format as npy

from arrays import CHUNKINGS, DTYPES, SHAPES, chunks_text, is_float
from program import run, run_text, told, write_script


def sample(dtype, shape):
    rng = np.random.default_rng(3)
    array = rng.integers(0, 100, shape)
    return (array * 0.37 if is_float(dtype) else array).astype(dtype)


def round_trip(folder, cases):
    """Read `name` with each chunks text, write it, and return what NumPy reads: a list per case."""
    (folder / "out").mkdir()
    texts = [f'save("out/{i}.npy", load("{name}"{chunks}))\n' for i, (name, chunks) in enumerate(cases)]
    run_text(folder, "".join(texts))
    return [np.load(folder / "out" / f"{i}.npy") for i in range(len(cases))]


def test_all_dtypes_shapes_and_chunkings(tmp_path):
    cases, wanted = [], []
    for dtype in DTYPES:
        for number, shape in enumerate(SHAPES):
            name = f"{dtype}_{number}.npy"
            np.save(tmp_path / name, sample(dtype, shape))
            for chunking in CHUNKINGS:
                cases.append((name, chunks_text(chunking, shape)))
                wanted.append(sample(dtype, shape))
    for case, got, want in zip(cases, round_trip(tmp_path, cases), wanted):
        assert got.dtype == want.dtype and got.shape == want.shape and got.tobytes() == want.tobytes(), case


def test_fortran_order(tmp_path):
    for number, shape in enumerate([(5, 3), (2, 3, 4), (7,)]):
        np.save(tmp_path / f"{number}.npy", np.asfortranarray(sample("float64", shape)))
    results = round_trip(tmp_path, [("0.npy", ", chunks=2"), ("1.npy", ", chunks=2"), ("2.npy", "")])
    for got, shape in zip(results, [(5, 3), (2, 3, 4), (7,)]):
        assert np.array_equal(got, sample("float64", shape))


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders(tmp_path, order):
    kinds = [d for d in DTYPES if np.dtype(d).itemsize > 1]
    for dtype in kinds:
        np.save(tmp_path / f"{dtype}.npy", sample(dtype, (5, 3)).astype(np.dtype(dtype).newbyteorder(order)))
    for dtype, got in zip(kinds, round_trip(tmp_path, [(f"{dtype}.npy", ", chunks=2") for dtype in kinds])):
        assert got.dtype == np.dtype(dtype) and np.array_equal(got, sample(dtype, (5, 3)))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions_of_the_format(tmp_path, version):
    with open(tmp_path / "x.npy", "wb") as file:
        npy.write_array(file, sample("float64", (5, 3)), version=version)
    assert np.array_equal(round_trip(tmp_path, [("x.npy", ", chunks=2")])[0], sample("float64", (5, 3)))


def test_reading_a_part_of_a_large_file(tmp_path):
    file = np.lib.format.open_memmap(tmp_path / "large.npy", mode="w+", dtype=np.float64, shape=(4000, 5000))
    file[1234, 4321] = 42.0
    file.flush()
    done = run_text(tmp_path, 'x = load("large.npy", chunks=1000)\nprint(x[1234, 4321].compute(), x.shape)\n')
    assert done.stdout.strip() == "42.0 (4000, 5000)"


def test_save_replaces_the_whole_file(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((100, 100)))
    run_text(tmp_path, 'save("x.npy", arange(5, dtype=int8))\n')
    assert np.load(tmp_path / "x.npy").tolist() == [0, 1, 2, 3, 4]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["script.clv", "x.npy"]


def test_save_over_its_own_source(tmp_path):
    array = sample("float64", (50, 30))
    np.save(tmp_path / "x.npy", array)
    run_text(tmp_path, 'x = load("x.npy", chunks=7)\nsave("x.npy", x[::-1] * 2)\nprint(load("x.npy").shape)\n')
    assert np.array_equal(np.load(tmp_path / "x.npy"), array[::-1] * 2)


def broken_files():
    header = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (5, 3), }"
    whole = header.ljust(127) + b"\n" + bytes(120)
    return {
        "empty": b"",
        "no magic": b"hello, world",
        "version 9": whole.replace(b"\x01\x00\x76", b"\x09\x00\x76", 1),
        "truncated header": whole[:40],
        "truncated data": whole[:-8],
        "object dtype": whole.replace(b"'<f8'", b"'|O' "),
        "unknown dtype": whole.replace(b"'<f8'", b"'<q9'"),
        "negative length": whole.replace(b"(5, 3)", b"(-5,3)"),
        "absurd length": whole.replace(b"(5, 3), }", b"(9999999999999, 9999999999999), }")[: len(whole)],
        "not a dict": whole.replace(b"{'descr'", b"['descr'"),
    }


@pytest.mark.parametrize("kind", broken_files())
def test_broken_files_are_clear_errors(tmp_path, kind):
    (tmp_path / "x.npy").write_bytes(broken_files()[kind])
    done = run("run", write_script(tmp_path, 'x = load("x.npy")\nprint(x.sum().compute())\n'), cwd=tmp_path, timeout=20)
    assert done.returncode == 1 and "x.npy" in done.stderr and "panicked" not in done.stderr, told(done)


def test_missing_file_and_folder(tmp_path):
    for text in ('load("none.npy")', 'load(".")', 'save("no/such/folder/x.npy", ones(3))'):
        done = run("run", write_script(tmp_path, text + "\n"), cwd=tmp_path, timeout=20)
        assert done.returncode == 1 and "panicked" not in done.stderr, told(done)
