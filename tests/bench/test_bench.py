"""The benchmark itself, made small: right answers, and memory that chunks do not decide."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parent / "run"


def bench(folder, *options):
    command = [sys.executable, BENCH, "--out", folder / "bench.json", "--repeat", "1", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((folder / "bench.json").read_text())["rows"]


def test_answers_agree_with_dask(tmp_path):
    table, rows = bench(tmp_path, "--n", "4000", "--chunks", "250,auto,1999", "--dask", "1000")
    assert [row["answer"] for row in rows] == [16e6] * 5
    assert "| Dask | 1000 |" in table and "arithmetic limit" in table


def test_memory_is_bounded_for_any_chunk_size(tmp_path):
    _, rows = bench(tmp_path, "--n", "40000", "--chunks", "250,2000,auto,40000", "--no-dask")
    assert all(row["right"] for row in rows)
    assert {row["chunks"]: row["peak_mib"] for row in rows if row["peak_mib"] > 300} == {}
