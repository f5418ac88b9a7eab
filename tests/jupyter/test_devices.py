"""A kernel on a machine with a GPU, the driver of which is a stand-in: what cells show of it."""

import os

import pytest

import kernels
from program import BINARY

DRIVER = BINARY.parent / "libcleave_gpu_driver.so"


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A kernel that finds a GPU, and knows nothing of its rates."""
    folder = str(tmp_path_factory.mktemp("cache"))
    env = {**os.environ, "LD_PRELOAD": str(DRIVER), "XDG_CACHE_HOME": folder, "CLEAVE_CALIBRATE": "off"}
    with kernels.kernel(env=env) as (_, client):
        kernels.run_cell(client, "%config threads = 2\nx = default_rng(3).normal(size=(300, 200))").ok()
        yield client


def shown(cell):
    """The forms of what a cell shows besides its result."""
    (message,) = cell.of_type("display_data")
    return message["content"]["data"]


def test_engines_are_compared_in_a_card(there):
    data = shown(kernels.run_cell(there, "%compare threads, cuda (x * x[::-1]).sum()").ok())
    assert "2 engines, same bits" in data["text/plain"] and "cuda: Stand-in GPU 0" in data["text/plain"]
    assert 'class="bar"' in data["text/html"] and "same bits</td>" in data["text/html"]


def test_a_whole_cell_is_compared_and_leaves_its_names(there):
    data = shown(kernels.run_cell(there, "%%compare cuda, threads\ny = x + 1\ny.mean(axis=0)").ok())
    assert "2 engines, same bits" in data["text/plain"]
    assert kernels.run_cell(there, "y.shape").ok().result == "(300, 200)"


def test_the_card_of_a_run_tells_what_the_gpu_did(there):
    cell = kernels.run_cell(there, "%scheduler cuda\n(x + 2).std().compute()").ok()
    (html,) = [m["content"]["data"]["text/html"] for m in cell.of_type("execute_result")]
    for words in ["Stand-in GPU 0", "register", "computing", "copying"]:
        assert words in html, words
    kernels.run_cell(there, "%scheduler threads").ok()


def test_arrays_of_cupy_are_on_the_gpu(there):
    code = "import cupy as cp\nimport dask.array as da\nz = da.ones_like(cp.array(()), shape=(30, 20), chunks=10)\nz"
    cell = kernels.run_cell(there, code).ok()
    assert "on Stand-in GPU 0" in cell.result
    assert kernels.run_cell(there, "print(z.device, da.sum(z).compute())").ok().text() == "cuda:0 600.0\n"


def test_a_plan_says_what_auto_picks_and_why(there):
    kernels.run_cell(there, "%scheduler auto").ok()
    data = shown(kernels.run_cell(there, "%explain default_rng(1).normal(size=(100_000, 100_000)).mean()").ok())
    assert "scheduler auto: cuda, because it takes about" in data["text/plain"]
    assert "<th>auto</th><td>cuda, because" in data["text/html"]
    kernels.run_cell(there, "%scheduler threads").ok()


def test_mistakes_are_errors_with_a_code_and_a_way_out(there):
    for code, name, words in [
        ("%compare threads x.sum()", "bad-argument", "two engines"),
        ("%compare threads, cudda x.sum()", "unknown-scheduler", "cuda:1"),
        ('x.to_device("gpus")', "unknown-device", "cuda"),
        ("x.sum().compute(scheduler='cuda:9')", "no-such-gpu", "cuda:9"),
    ]:
        cell = kernels.run_cell(there, code)
        assert cell.error_name == name and words in cell.traceback, (code, cell.traceback)
