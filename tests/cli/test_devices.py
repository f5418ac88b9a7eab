"""Arrays on a GPU, schedulers that pick one, engines side by side; the driver is a stand-in."""

import ctypes.util
import json

import pytest

from program import BINARY, run, told

DRIVER = BINARY.parent / "libcleave_gpu_driver.so"
WITHOUT = pytest.mark.skipif(ctypes.util.find_library("cuda") is not None, reason="there is a driver here")

ARTICLE = """\
import cupy as cp
import dask.array as da
y = da.ones_like(cp.array(()), shape=(600, 500), chunks=(300, 200))
da.sum(y).compute()
"""


def on_card(tmp_path, text, *options, driver="", check=0, command="run", **env):
    """A script with the stand-in in place of the driver."""
    assert DRIVER.is_file(), "cargo build --workspace makes the stand-in driver"
    path = tmp_path / "script.clv"
    path.write_text(text)
    env = {"LD_PRELOAD": str(DRIVER), "CLEAVE_GPU_DRIVER": driver, "XDG_CACHE_HOME": str(tmp_path), **env}
    done = run(command, *options, str(path), check=check, env=env)
    assert "panicked" not in done.stderr, told(done)
    return done


def without_card(tmp_path, text):
    path = tmp_path / "script.clv"
    path.write_text(text)
    return run("run", str(path), check=1)


def runs(tmp_path, text, **more):
    """What was computed, and what records say of each computation."""
    records = tmp_path / "records"
    done = on_card(tmp_path, text, "--json", str(records), **more)
    return done.stdout, [run for line in records.read_text().splitlines() for run in json.loads(line)["runs"]]


def test_the_article_s_last_section(tmp_path):
    text, [one] = runs(tmp_path, "%config optimize.fold = off\n" + ARTICLE)
    assert text == "300000.0\n" and one["card"]["device"] == "Stand-in GPU 0"
    [stage] = one["card"]["stages"]
    assert stage["done"] == stage["tasks"] and stage["launches"] > 0 and stage["registers"] > 0
    assert stage["up_bytes"] == 0 and stage["down_bytes"] > 0 and not stage["left"]


@WITHOUT
@pytest.mark.parametrize(
    "text", [ARTICLE, 'x = ones((3, 4)).to_device("cuda")\nx.persist()\n', "%compare threads, cuda ones(3).sum()\n"]
)
def test_without_a_driver_there_is_one_clear_error(tmp_path, text):
    done = without_card(tmp_path, text)
    assert done.stderr.count("no-gpu-driver") == 1 and "install NVIDIA's driver" in done.stderr, told(done)


@pytest.mark.parametrize("driver", ["", "deferred memory=4M", "fail=cuLaunchKernel:2:700", "fail=cuMemAllocAsync:3:2"])
def test_arrays_on_a_gpu_have_the_values_they_have_here(tmp_path, driver):
    text = """\
x = default_rng(3).normal(size=(300, 200), chunks=(100, 70)){}.persist()
(x - x.mean(axis=0)).std().compute()
x[::3, -1][:4].compute()
print(x[0, 0] + x.sum())
float(x.max())
"""
    assert on_card(tmp_path, text.format('.to_device("cuda")'), driver=driver).stdout == on_card(
        tmp_path, text.format("")
    ).stdout


def test_a_persisted_array_stays_on_the_gpu(tmp_path):
    text = 'x = default_rng(3).random((100, 100)).to_device("cuda").persist()\n' + "x.sum().compute()\nx.max().compute()\n"
    _, all_runs = runs(tmp_path, text)
    copied = [[stage[way] for way in ("up_bytes", "down_bytes")] for one in all_runs for stage in one["card"]["stages"]]
    assert copied == [[0, 0], [0, 8], [0, 8]]
    _, [_, first, second] = runs(tmp_path, "%config device_memory_limit = 100KiB\n" + text)
    up = [sum(stage["up_bytes"] for stage in one["card"]["stages"]) for one in (first, second)]
    assert up == [80_000, 80_000], "it takes more than half of what is allowed"


def test_what_only_a_gpu_that_failed_had_is_made_anew_or_is_lost(tmp_path):
    """What is made of arrays in memory is not, for they would have to stay there as well."""
    text = 'x = (arange(100) * 2.0).to_device("cuda").persist()\n'
    done = on_card(tmp_path, text + "print(x.sum().compute())\n", driver="fail=cuLaunchKernel:2:700")
    assert done.stdout == "9900.0\n", told(done)
    text += 'y = (x + 1).persist()\nprint("made")\ny.sum().compute()\n'
    done = on_card(tmp_path, text, driver="fail=cuLaunchKernel:3:700", check=1)
    assert done.stdout == "made\n" and "read-failed" in done.stderr, told(done)
    assert "has to be computed again" in done.stderr, told(done)


def test_names_that_go_give_the_gpu_s_memory_back(tmp_path):
    text = """\
%config device_memory_limit = 400KiB
def total(seed):
    x = default_rng(seed).random((100, 100)).to_device("cuda").persist()
    return x.sum().compute()
[total(seed) for seed in range(8)]
"""
    _, all_runs = runs(tmp_path, text)
    assert all(not stage["left"] for one in all_runs for stage in one["card"]["stages"])


def test_the_second_gpu(tmp_path):
    text = "%config optimize.fold = off\n" + 'ones((40, 50)).to_device("cuda:1").sum().compute()\n'
    printed, [one] = runs(tmp_path, text, driver="devices=2")
    assert printed == "2000.0\n" and one["card"]["device"] == "Stand-in GPU 1"
    assert on_card(tmp_path, "%scheduler cuda:1\nones(3).sum().compute()\n", driver="devices=2").stdout == "cuda:1\n3.0\n"
    assert "no-such-gpu" in on_card(tmp_path, text, driver="devices=1", check=1).stderr


def picked(tmp_path, text, **more):
    """What a script prints of what `auto` picks, without computing anything."""
    printed = on_card(tmp_path, text, "--scheduler", "auto", command="explain", CLEAVE_CALIBRATE="off", **more).stdout
    return next(line for line in printed.splitlines() if line.startswith("scheduler auto: "))


@pytest.mark.parametrize(
    ("side", "driver", "what"),
    [
        (10, "", "threads(2), because it is too short for a card"),
        (5_000, "", "threads(2), because it takes about"),
        (100_000, "", "cuda, because it takes about"),
        (100_000, "devices=0", "threads(2), because the driver finds no GPU"),
    ],
)
def test_auto_picks_what_is_estimated_to_take_less(tmp_path, side, driver, what):
    text = f"%config threads = 2\ndefault_rng(1).normal(size=({side}, {side})).mean()\n"
    line = picked(tmp_path, text, driver=driver)
    assert line.removeprefix("scheduler auto: ").startswith(what), line
    if "takes" in what:
        assert "on Stand-in GPU 0, which was not measured" in line and "on threads(2)" in line


def test_auto_says_why_no_card_is_of_use(tmp_path):
    text = "%config threads = 2\nx = default_rng(1).normal(size=(2000, 2000))\n(x @ x)[:1000]\n"
    line = picked(tmp_path, text)
    assert "no kernel does" in line or "takes about" in line, line


def measured(tmp_path, kind, **factors):
    """Changes rates that `doctor --calibrate` has kept."""
    [path] = (tmp_path / "cleave").glob(f"{kind}-*.json")
    known = json.loads(path.read_text())
    for name, factor in factors.items():
        known["rates"][name] *= factor
    path.write_text(json.dumps(known))


def test_auto_knows_the_card_after_it_was_measured(tmp_path):
    env = {"LD_PRELOAD": str(DRIVER), "CLEAVE_GPU_DRIVER": "processors=2", "XDG_CACHE_HOME": str(tmp_path)}
    said = run("doctor", "--calibrate", check=0, env=env).stdout
    assert "gpu 0 rates   measured just now" in said and "copied to the card" in said, said
    assert "gpu 0 rates   measured " in run("doctor", check=0, env=env).stdout
    # Blocks of a store take long enough for rates to be looked at.
    store = f"arange(400.).rechunk(1).to_zarr('{tmp_path}/x.zarr')\n"
    text = f"%config threads = 2\nx = from_zarr('{tmp_path}/x.zarr')\nx.sum().compute()\n"
    on_card(tmp_path, store, driver="processors=2")
    measured(tmp_path, "machine", add_s=1e7, fold_s=1e7)
    measured(tmp_path, "card", open_s=1e-9, compile_s=1e-9, launch_s=1e-9)
    printed, [one] = runs(tmp_path, "%scheduler auto\n" + text, driver="processors=2")
    assert printed == "auto\n79800.0\n"
    assert one["auto"]["picked"] == "cuda" and "on Stand-in GPU 0, and" in one["auto"]["why"], one["auto"]
    assert one["card"]["stages"][0]["of_memory"] is not None and one["measured"]
    measured(tmp_path, "card", open_s=1e18)
    _, [one] = runs(tmp_path, "%scheduler auto\n" + text, driver="processors=2")
    assert one["auto"]["picked"] == "threads(2)" and "card" not in one, one["auto"]
    # What a card would have saved is worth its opening at the third run.
    [path] = (tmp_path / "cleave").glob("card-*.json")
    measured(tmp_path, "card", open_s=2.5 * one["predicted_s"] / json.loads(path.read_text())["rates"]["open_s"])
    _, several = runs(tmp_path, "%scheduler auto\n" + text + 3 * "x.sum().compute()\n", driver="processors=2")
    assert [one["auto"]["picked"] for one in several] == ["threads(2)", "threads(2)", "cuda", "cuda"], several
    assert "would have saved" in several[2]["auto"]["why"] and "would have" not in several[3]["auto"]["why"]


def test_threads_do_what_a_card_that_auto_picked_refuses(tmp_path):
    text = "%config threads = 2\n%scheduler auto\ndefault_rng(1).random((1000, 1000)).sum().compute()\n"
    threads = on_card(tmp_path, text.replace("auto", "threads")).stdout.splitlines()[-1]
    assert on_card(tmp_path, text, driver="fail=cuDevicePrimaryCtxRetain:1:46").stdout.splitlines()[-1] == threads


def test_engines_are_shown_side_by_side(tmp_path):
    text = "x = default_rng(3).normal(size=(300, 200))\n%compare threads(2), cuda, cuda (x * x[::-1]).sum(axis=0)\n"
    lines = on_card(tmp_path, text, driver="deferred").stdout.splitlines()
    assert lines[0] == "compared: (x * x[::-1]).sum(axis=0) · 3 engines, same bits"
    assert [line.split("  ")[0] for line in lines[3:6]] == ["threads(2)", "cuda: Stand-in GPU 0", "cuda: Stand-in GPU 0"]
    assert lines[3].endswith("array (200,) float64") and all(line.endswith("same bits") for line in lines[4:6])
    assert any("which only its first use takes" in line for line in lines[6:]), lines


def test_arrays_on_a_gpu_are_compared_on_each_engine(tmp_path):
    text = 'x = default_rng(3).normal(size=300).to_device("cuda")\n%compare threads, cuda x.sum()\n'
    lines = on_card(tmp_path, "%config threads = 2\n" + text).stdout.splitlines()
    assert lines[3].startswith("threads(2)  ") and lines[4].startswith("cuda: Stand-in GPU 0  "), lines


def test_a_cell_is_compared_with_workers_too(tmp_path):
    text = """\
client = Client(n_workers=1, threads_per_worker=1)
x = default_rng(3).normal(size=(300, 200))
%compare threads(2), workers, cuda (x + x.mean(axis=0)).std()
client.close()
"""
    lines = on_card(tmp_path, text).stdout.splitlines()
    assert "3 engines, same bits" in lines[0] and lines[4].startswith("workers(1)  "), lines


def test_what_only_plans_are_wanted_of_is_not_compared(tmp_path):
    text = "%compare threads, cuda ones((20, 30)).sum()\n1 + 1\n"
    assert "compared" not in on_card(tmp_path, text, command="explain").stdout


def test_a_page_shows_what_the_card_did(tmp_path):
    page = tmp_path / "page.html"
    text = "x = default_rng(3).normal(size=(300, 200))\n%time x.mean().compute()\n%compare threads, cuda x.sum()\n"
    on_card(tmp_path, text, "--scheduler", "cuda", "--html", str(page))
    shown = page.read_text()
    for words in ["Stand-in GPU 0", "by 3 kernels of", "computing", "that only the first use takes", "same bits"]:
        assert words in shown, words
