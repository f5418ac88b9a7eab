"""The other tools beside the table: random programs, the hard limit, the soak, the picture, `cleave bench`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import psutil
import pytest

from harness import cage, oracle, pools, process, programs, rows

HERE = Path(__file__).parent
GUARD = process.Guard(seconds=60)
DRIVER = process.BINARY.parent / "libcleave_gpu_driver.so"


def tool(name, *options, timeout=120):
    done = subprocess.run([sys.executable, HERE / name, *options], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_random_programs_give_what_numpy_gives(first, tmp_path):
    for seed in range(first, first + 20):
        text = programs.program(seed, elements=800)
        script = tmp_path / "program.clv"
        script.write_text(text)
        run, printed, _ = process.once([process.BINARY, "run", script], GUARD)
        assert not run.failure, f"program {seed}: {run.failure}\n{text}"
        got, want = process.printed_values(printed), process.printed_values(oracle.printed(text))
        assert programs.agree(got, want), f"program {seed}: {got}, NumPy has {want}\n{text}"


def test_every_form_of_random_programs_is_numpy():
    texts = [programs.program(seed, elements=300, names=frozenset(programs.NEWER)) for seed in range(150)]
    assert all(len(process.printed_values(oracle.printed(text))) >= 2 for text in texts)
    text = "\n".join(texts)
    words = [*(name for name in programs.NEWER if name != "matmul"), "@", "persist", "rechunk", "::-1", "argm"]
    assert [word for word in words if word not in text] == []


def test_values_that_differ_are_told():
    assert programs.agree({"r0": 1.0}, {"r0": 1.0 + 1e-12})
    assert not programs.agree({"r0": 1.0}, {"r0": 1.001})
    assert not programs.agree({"r0": 1.0}, {})
    assert programs.agree({"r0": float("nan")}, {"r0": float("nan")})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_tool_that_started_them(tmp_path, number):
    tool = subprocess.Popen([sys.executable, HERE / "kills", "--minutes", "5", "--life", "1000"], stdout=subprocess.DEVNULL)
    try:
        end, found = time.monotonic() + 30, []
        while len(found) < 3:
            assert time.monotonic() < end and tool.poll() is None, "no workers were started"
            time.sleep(0.05)
            found = [p for p in psutil.Process(tool.pid).children() if "worker" in p.cmdline()]
        tool.send_signal(number)
        tool.wait(30)
        assert not psutil.wait_procs(found, timeout=40)[1]
    finally:
        tool.kill()
        tool.wait()


def test_rows_of_pools_are_programs_that_others_run_too():
    found = pools.load()
    assert len({row.name for row in found}) == len(found) > 8
    for row in found:
        for params in (row.full, row.small):
            compile(row.text(params), row.name, "exec")
        assert set(row.goals) == set(pools.POOLS)


def test_a_cage_ends_what_takes_too_much():
    command = [sys.executable, "-c", "import sys; print(len(bytearray(int(sys.argv[1]) << 20)))"]
    ends = {}
    for mib in (20, 200 + (cage.MARGIN >> 20)):
        with cage.cage(100 * process.MIB) as walls:
            ends[mib] = process.once([*command, mib], GUARD, enter=walls.enter)[2]
    assert list(ends.values())[0] == 0 and list(ends.values())[1] != 0, ends


def test_the_bound_holds_at_small_sizes(tmp_path):
    page = tool("bound", "--quick", "--rows", "mirror,axpy", "--programs", "3", "--limits", "256MiB", "--out", tmp_path)
    assert "3 random programs under 256MiB: 3 ok" in page
    results = json.loads((tmp_path / "bound.json").read_text())
    assert {r["outcome"] for r in results} == {"ok"} and all(0 < r["peak_mib"] < 356 for r in results)


def test_a_mapped_file_keeps_to_the_limit(tmp_path):
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "f8", (6000, 12000)).flush()
    script = tmp_path / "mapped.clv"
    script.write_text(
        f'x = load("{tmp_path}/x.npy")\n'
        'print("total", float((x + 1).sum().compute()))\n'
    )
    run, printed, _ = process.once([process.BINARY, "run", script, "--memory-limit", "64MiB"], GUARD)
    assert process.printed_values(printed) == {"total": 72e6}, run.failure
    assert run.peak_mib < 164


def test_a_short_soak_finds_nothing(tmp_path):
    told = tool("soak", "--minutes", "0.06", "--interrupts", "0.1", "--out", tmp_path)
    assert ", 0 faults" in told
    assert json.loads((tmp_path / "soak.json").read_text())["answers"] > 3


def test_interrupts_are_measured(tmp_path):
    page = tool("interrupts", "--times", "2", "--most", "0.3", "--only", "generation", "--out", tmp_path)
    assert "| generation | 2 |" in page
    (found,) = json.loads((tmp_path / "interrupts.json").read_text())
    assert len(found["stopped_ms"]) == len(found["next_ms"]) == 2 and not found["faults"]


def test_overhead_has_a_number_for_each_goal(tmp_path):
    tool("overhead", "--cells", "5", "--out", tmp_path)
    assert all(line["ms"] > 0 for line in json.loads((tmp_path / "overhead.json").read_text()))


def test_the_picture_is_drawn(tmp_path):
    tool("flatness", "--n", "2000", "--chunks", "250,2000", "--repeat", "1", "--out", tmp_path)
    assert len(json.loads((tmp_path / "flatness.json").read_text())["points"]) == 4
    drawn = ElementTree.parse(tmp_path / "flatness.svg").getroot()
    names = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert sum(name.startswith("Cleave: ") for name in names) == 2 and sum(name.startswith("Dask: ") for name in names) == 2


def cleave_bench(*options, env=None):
    return subprocess.run(
        [process.BINARY, "bench", *options],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(env or {})},
    )


def test_cleave_bench_has_the_same_rows():
    listed = [line.split()[0] for line in cleave_bench("--list").stdout.splitlines()]
    assert listed == [row.name for row in rows.load()]


def test_cleave_bench_measures(tmp_path):
    limits, record = tmp_path / "limits.json", tmp_path / "rows.json"
    limits.write_text(json.dumps({"rates": {"zstd_decode": 1e9, "multiply_add": 1e10}}))
    wanted = ["--rows", "mirror-auto,zarr-mean", "--repeat", "2", "--limits", limits, "--json", record]
    done = cleave_bench("--quick", *wanted, env={"TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(line) for line in record.read_text().splitlines()]
    assert [row["row"] for row in found] == ["mirror-auto", "zarr-mean"]
    assert all(row["failed"] is None and row["seconds"] > 0 and 0 < row["peak_bytes"] < 2**28 for row in found)
    assert found[0]["values"] == {"total": 1500.0**2}
    assert not list(tmp_path.glob("cleave-bench-*"))


def test_cleave_bench_tells_of_failures():
    done = cleave_bench("--quick", "--rows", "axpy", "--memory-limit", "1KiB")
    assert done.returncode == 1 and "axpy" in done.stderr
    done = cleave_bench("--rows", "mirorr")
    assert done.returncode == 2 and "`mirror`" in done.stderr


def test_predictions_stand_beside_what_was(tmp_path):
    page = tool("estimates", "--quick", "--rows", "normals,zarr-mean", "--programs", "2", "--out", tmp_path)
    lines = json.loads((tmp_path / "estimates.json").read_text())["rows"]
    assert [line["row"] for line in lines] == ["normals", "zarr-mean", "random-1", "random-2"]
    assert all(line["low_s"] <= line["predicted_s"] <= line["high_s"] for line in lines)
    assert "median error" in page


def on_a_card(folder, settings, *options):
    """What `gpu` ends with and writes on the stand-in driver, with NumPy in CuPy's place."""
    assert DRIVER.is_file(), "cargo build --workspace makes the stand-in driver"
    done = subprocess.run(
        [sys.executable, HERE / "gpu", "--quick", "--dry", "--repeat", "1", "--out", folder, *options],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "LD_PRELOAD": str(DRIVER), "CLEAVE_GPU_DRIVER": settings},
    )
    report = json.loads((folder / "gpu.json").read_text())
    assert done.stdout == (folder / "gpu.md").read_text() + "\n", done.stderr
    return done, report, {row["row"]: row for row in report["rows"]}


def test_a_card_is_measured_beside_the_peers(tmp_path):
    wanted = ["article", "axpy", "laplace", "matmul64", "stream"]
    done, report, found = on_a_card(tmp_path, "", "--no-selftest", "--rows", ",".join(wanted))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(found) == sorted(wanted) and {row["check"] for row in found.values()} == {"ok"}
    assert all(row["ours_s"] > 0 and set(row["peers_s"]) == {"cupy", "dask"} for row in found.values())
    assert all(found[name]["same_bits"] for name in wanted)
    assert all(report["rates"][name] > 0 for name in ("copy", "read", "up", "down", "pageable", "fma64"))
    assert report["card"].startswith("Stand-in GPU 0") and report["doctor"] == "all steps ok"
    assert any("by-hand" in note for note in found["axpy"]["notes"])


def test_without_a_card_the_peers_are_measured_still(tmp_path):
    done, report, found = on_a_card(tmp_path, "devices=0", "--rows", "article,sum")
    assert done.returncode == 1 and [row["check"] for row in found.values()] == ["failed", "failed"]
    assert all(set(row["peers_s"]) == {"cupy", "dask"} for row in found.values())
    assert "no-gpu" in report["doctor"] and "no-gpu" in report["selftest"]


def test_when_the_time_is_up_no_row_is_lost(tmp_path):
    done, _, found = on_a_card(tmp_path, "", "--minutes", "0", "--rows", "article,sum")
    assert done.returncode == 0 and [row["check"] for row in found.values()] == ["not run", "not run"]
    assert "the time is up" in done.stdout
