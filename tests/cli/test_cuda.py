"""Scripts on a GPU, the driver of which is a stand-in: what threads print, and who computed it."""

import ctypes.util
import json

import pytest

from program import BINARY, run, told

DRIVER = BINARY.parent / "libcleave_gpu_driver.so"
CUBLAS = BINARY.parent / "libcleave_gpu_cublas.so"

SCRIPT = """\
x = default_rng(3).normal(size=(300, 200), chunks=(100, 70))
x.mean().compute()
y = (x + x[::-1, ::-1]).sum(axis=0)
y[:3].compute()
where(x > 0, x, -x).max().compute()
arange(1000)[::-3][:5].compute()
(x[:, :50] @ x[:50, :]).sum().compute()
x.cumsum(axis=0)[-1, :3].compute()
cumsum(x[0]).sum().compute()
sliding_window_view(x[0], 50).max(axis=-1)[:3].compute()
"""


def printed(tmp_path, text, *options, settings="", check=0):
    """What a script prints with the stand-in in place of the driver."""
    assert DRIVER.is_file(), "cargo build --workspace makes the stand-in driver"
    path = tmp_path / "script.clv"
    path.write_text(text)
    return run("run", *options, str(path), check=check, env={"LD_PRELOAD": str(DRIVER), "CLEAVE_GPU_DRIVER": settings})


@pytest.mark.parametrize("settings", ["", "deferred memory=4M", "fail=cuLaunchKernel:2:700"])
def test_a_gpu_prints_what_threads_print(tmp_path, settings):
    threads = printed(tmp_path, SCRIPT).stdout
    assert threads.count("\n") >= 5
    assert printed(tmp_path, SCRIPT, "--scheduler", "cuda", settings=settings).stdout == threads
    assert printed(tmp_path, "%scheduler cuda\n" + SCRIPT, settings=settings).stdout.removeprefix("cuda\n") == threads


def test_little_memory_of_the_gpu_is_enough(tmp_path):
    text = "%config device_memory_limit = 64KiB\n" + SCRIPT
    assert printed(tmp_path, text, "--scheduler", "cuda").stdout == printed(tmp_path, text).stdout


def test_one_computation_can_be_sent_there(tmp_path):
    assert printed(tmp_path, 'ones((40, 50)).sum().compute(scheduler="cuda")\n').stdout == "2000.0\n"


def test_records_say_what_the_card_did(tmp_path):
    records = tmp_path / "records"
    printed(tmp_path, "default_rng(3).random((40, 50)).sum().compute()\n", "--scheduler", "cuda", "--json", records)
    [run] = [run for line in records.read_text().splitlines() for run in json.loads(line)["runs"]]
    assert run["card"]["device"] and len(run["card"]["stages"]) == 1


def test_the_plan_says_what_threads_will_do(tmp_path):
    text = "%scheduler cuda\nx = default_rng(3).normal(size=(50, 50))\n%explain x.cumsum(axis=0) @ x\n"
    words = "on threads, because no kernel does running values that are carried from block to block or read by a product"
    assert words in printed(tmp_path, text).stdout


PRODUCT = """\
x = default_rng(3).integers(-9, 9, size=(70, 50)).astype("float64")
y = (x.T @ x + 1).sum(axis=0)
y[:4].compute()
"""


def test_products_are_left_to_cublas_where_that_is_wanted_and_found(tmp_path):
    """Whole numbers are summed exactly in any order."""
    chosen, records = "%scheduler cuda\n%config device_products = cublas\n" + PRODUCT, tmp_path / "records"
    expected = printed(tmp_path, PRODUCT).stdout
    assert CUBLAS.is_file(), "cargo build --workspace makes the stand-in for cuBLAS"
    both = {"LD_PRELOAD": f"{DRIVER}:{CUBLAS}"}
    path = tmp_path / "product.clv"
    path.write_text(chosen + "%explain y\n")
    text = run("run", str(path), "--json", records, check=0, env=both).stdout
    assert expected in text and "on the card, products by cuBLAS, whose bits may differ from those of threads" in text
    stages = [s for line in records.read_text().splitlines() for r in json.loads(line)["runs"] for s in r["card"]["stages"]]
    assert ["products by cuBLAS, whose bits may differ from those of threads"] in [s["products"] for s in stages]
    path.write_text(PRODUCT + "%explain y\n")
    options = ("--scheduler", "cuda", "--set", "device_products=own")
    assert "cuBLAS" not in run("run", str(path), *options, check=0, env=both).stdout
    path.write_text(PRODUCT)
    variable = {**both, "CLEAVE_DEVICE_PRODUCTS": "cublas", "CLEAVE_GPU_DRIVER": "fail=cublasDgemmStridedBatched:1:13"}
    run("run", str(path), "--scheduler", "cuda", "--json", records, check=0, env=variable)
    assert "by kernels of Cleave, because cuBLAS's call cublasDgemmStridedBatched ended with status 13" in records.read_text()


@pytest.mark.skipif(ctypes.util.find_library("cublas") is not None, reason="there is a cuBLAS here")
def test_without_cublas_kernels_of_cleave_multiply(tmp_path):
    text = "%scheduler cuda\n%config device_products = cublas\n" + PRODUCT
    assert printed(tmp_path, PRODUCT).stdout in printed(tmp_path, text).stdout
    told = printed(tmp_path, text + "%explain y\n").stdout
    assert "on the card, products by kernels of Cleave, because no library libcublas.so is found" in told


def test_running_values_and_windows_are_done_on_the_card(tmp_path):
    text = "%scheduler cuda\nx = default_rng(3).normal(size=(3000, 3000))\n"
    for wanted in ("x.cumsum(axis=0)", "x.cumsum(axis=1)", "sliding_window_view(x, 40, axis=1).sum(axis=-1)"):
        told = printed(tmp_path, f"{text}%explain {wanted}\n").stdout
        assert "on the card" in told and "on threads, because" not in told, told


@pytest.mark.skipif(ctypes.util.find_library("cuda") is not None, reason="there is a driver here")
def test_without_a_driver_there_is_one_clear_error(tmp_path):
    path = tmp_path / "script.clv"
    path.write_text('ones((4, 5)).sum().compute(scheduler="cuda")\n')
    done = run("run", str(path), check=1)
    assert "no-gpu-driver" in done.stderr and "panicked" not in done.stderr, told(done)
    assert "install NVIDIA's driver" in done.stderr, told(done)
