"""The benchmark itself, made small: right answers, a report that tells the truth, memory that chunks do not decide."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import oracle, peers, process, rows, table

BENCH = Path(__file__).parent / "run"
GUARD = process.Guard(seconds=60)
SMALL = rows.load(small=True)


def named(row):
    return row.name


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each row's program gives at its small size, run once."""
    found = {}

    def answer(row):
        if row.name not in found:
            folder = tmp_path_factory.mktemp(row.name)
            assert not process.prepare(row, folder, GUARD)
            found[row.name] = process.ours(row, folder, GUARD)[0]
        return found[row.name]

    return answer


@pytest.mark.parametrize("row", SMALL, ids=named)
def test_a_row_gives_the_right_answer(row, answers):
    run = answers(row)
    assert not run.failure
    assert row.right(run.values), run.values
    assert 0 < run.compute_s < run.wall_s


@pytest.mark.parametrize("row", [r for r in SMALL if r.same and not r.prepare], ids=named)
def test_a_row_agrees_with_numpy_on_the_same_text(row, answers, tmp_path):
    want = process.printed_values(oracle.printed(row.program(tmp_path)[0]))
    assert row.right(want)
    assert table.agree(want, answers(row).values), (want, answers(row).values)


@pytest.mark.parametrize("row", SMALL, ids=named)
def test_a_wrong_value_is_told(row, answers):
    values = answers(row).values
    assert not row.right({**values, row.values[0]: values[row.values[0]] * 1.5 + 3})
    assert not row.right({})


@pytest.mark.parametrize("row", SMALL, ids=named)
def test_programs_are_python_and_formulas_have_values(row, tmp_path):
    text, (first, last) = row.program(tmp_path)
    ast.parse(text)
    ast.parse(row.preparation(tmp_path))
    assert "\n".join(text.splitlines()[first - 1 : last]) == row.timed.strip("\n")
    rates = dict.fromkeys("triad read write fma64 fma32 multiply_add sin cos uniform normal".split(), 1e9)
    rates |= {"zstd_encode": 1e9, "zstd_decode": 1e9}
    limit = row.limit_s(rates)
    assert (limit is None) == (not row.limit) and (limit is None or limit > 0)
    assert row.reach_s(limit, {"dask": 1.0, "numba": 1.0, "numpy": 1.0}) > 0
    assert rows.evaluate(row.work, row.params) > 0


@pytest.mark.parametrize("name", list(peers.NAMES))
def test_each_peer_has_the_rows_that_name_it(name):
    if why := peers.missing(name):
        pytest.skip(why)
    wanted = {row.group for row in SMALL if name in row.peers}
    assert wanted and all(callable(peers.function(name, group)) for group in wanted)
    assert all(peer.split("-")[0] in row.peers for row in SMALL for peer in row.slow)


def bench(folder, *options):
    command = [sys.executable, BENCH, "--quick", "--repeat", "1", "--out", folder, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done, json.loads((folder / "bench.json").read_text())["rows"]


def test_the_table_has_ours_and_the_peers(tmp_path):
    done, lines = bench(tmp_path, "--rows", "mirror-2000,mirror-folded,zarr-mean")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line["row"] for line in lines] == ["mirror-2000", "mirror-folded", "zarr-mean"]
    assert all(line["check"] == "ok" and line["best_peer"] for line in lines), lines
    assert done.stdout == (tmp_path / "bench.md").read_text() + "\n"


def test_a_failing_row_fails_the_run(tmp_path):
    done, lines = bench(tmp_path, "--rows", "axpy", "--no-peers", "--memory-limit", "1KiB")
    assert done.returncode == 1 and lines[0]["check"] == "failed" and lines[0]["notes"]


def measured(row, **values):
    sides = {name: table.Side([process.Run(compute_s=1.0, values=v)]) for name, v in values.items()}
    return table.Measured(row, sides)


def test_answers_that_differ_are_told():
    row = next(r for r in SMALL if r.name == "tasks-10000")
    assert table.check(measured(row, cleave={"total": 2000.0}, dask={"total": 2000.0}), None) == "ok"
    assert table.check(measured(row, cleave={"total": 2000.0}, dask={"total": 1999.0}), None) == "wrong: dask"
    assert table.check(measured(row, cleave={"total": 2001.0}), None) == "wrong: cleave"
    row = next(r for r in SMALL if r.name == "cumsum")
    values = {"total": 3.0 * 400 * 400 * 401}
    apart = measured(row, cleave=values, numba={"total": values["total"] * 1.0001})
    assert table.check(apart, None) == "differs from numba"


def test_a_reach_counts_time_and_memory():
    row = next(r for r in rows.load() if r.name == "mirror-250")
    assert table.met(row, 3.4, 3.5, 149) is True
    assert table.met(row, 3.6, 3.5, 149) is False
    assert table.met(row, 3.4, 3.5, 151) is False
    assert table.met(row, None, 3.5, None) is None


def test_memory_is_bounded_for_any_chunk_size(tmp_path):
    for chunks in (250, 2000, "auto", 40000):
        row = next(r for r in rows.load() if r.name == "mirror-2000")
        row.params = {"n": 40000, "chunks": chunks}
        run, _ = process.ours(row, tmp_path, GUARD)
        assert row.right(run.values) and run.peak_mib < 150, (chunks, run)
