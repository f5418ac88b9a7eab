"""Programs on threads, on pools of workers and on Dask, each measured by itself."""

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import program
from workers import Proxy, scheduler, workers

FILE = Path(__file__).with_name("pools.toml")
POOLS = {"one worker": (1, os.cpu_count()), "two workers": (2, 1), "three workers": (3, 1)}
FIRST_POOL = "one worker"
# The most that pools may take, in times of threads.
CLOSE = {"one worker": 1.10, "two workers": 1.15, "three workers": 1.15}
OTHERS = dict.fromkeys(POOLS, 1.25)
TIMED = "import time\n{make}\nstart = time.perf_counter()\n{work}\nseconds = time.perf_counter() - start\n{check}\n"
TOLD = 'print("seconds", seconds)\nprint("answer", answer)\n'
DASK = """\
import dask.array as da
from dask.array import from_zarr, ones
from dask.distributed import Client, LocalCluster
default_rng = da.random.default_rng
if __name__ == "__main__":
    cluster = LocalCluster(n_workers={workers}, threads_per_worker={threads}, dashboard_address=None)
    with cluster, Client(cluster):
{text}
"""


@dataclass
class Row:
    """A program of one chunk size."""

    name: str
    title: str
    chunks: str
    make: str
    work: str
    full: dict
    small: dict
    part: int = 1
    check: str = ""
    close: bool = False
    goals: dict = field(init=False)

    def __post_init__(self):
        self.goals = CLOSE if self.close else OTHERS

    def text(self, params):
        chunks = self.chunks if self.chunks.isdigit() else repr(self.chunks)
        of = lambda text: text.strip().format(chunks=chunks, **params)
        return TIMED.format(make=of(self.make), work=of(self.work), check=of(self.check)) + TOLD


def load():
    """All rows, one for each chunk size."""
    found = []
    for entry in tomllib.loads(FILE.read_text(encoding="utf-8"))["row"]:
        sizes, name, title = entry.pop("chunks"), entry.pop("name"), entry.pop("title")
        for chunks in sizes:
            more = f"-{chunks}" if len(sizes) > 1 else ""
            found.append(Row(name=name + more, title=f"{title}, chunks {chunks}", chunks=chunks, **entry))
    return found


def a_round(folder, row, note):
    """Threads and all pools, one after the other."""
    start, text, runs = time.monotonic(), row.text(row.full), {}
    runs["threads"] = once(folder, text, [])
    for name, (count, threads) in POOLS.items():
        with workers(count, "--threads", threads, "--data-root", folder, "--write-root", folder) as pool:
            runs[name] = once(folder, text, pool)
    for name, run in runs.items():
        note(f"{row.name}: {name}: {run['seconds']:.3f} s, {run['cpu_s']:.2f} s CPU")
    return {"runs": runs, "took_s": time.monotonic() - start}


def once(folder, text, pool):
    """Seconds inside the program, of all processes' CPU, tasks, and what was answered."""
    record = folder / "record.json"
    where = ["--scheduler", scheduler(pool)] if pool else []
    before = children_s() + sum(worker.cpu_s() for worker in pool)
    options = ("--json", record, "--set", "optimize.fold=off", *where)
    done = program.run_text(folder, text, *options, timeout=600)
    cpu_s = children_s() + sum(worker.cpu_s() for worker in pool) - before
    stages = [stage for line in record.read_text().splitlines() for stage in json.loads(line).get("stages", [])]
    return {
        "seconds": said(done.stdout, "seconds"),
        "said": re.search(r"answer (.*)", done.stdout).group(1),
        "cpu_s": cpu_s,
        "tasks": sum(stage["tasks"] or 0 for stage in stages),
    }


def children_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def said(text, name):
    return float(re.search(rf"{name} (\S+)", text).group(1))


def dask(folder, row, note, timeout_s):
    """Seconds on Dask's own pools: of what it did, and of all the work by that."""
    found = {}
    text = "".join(f"        {line}\n" for line in row.text(row.small).splitlines())
    for name, (count, threads) in POOLS.items():
        script = folder / "dask_row.py"
        script.write_text(DASK.format(workers=count, threads=threads, text=text))
        found[name] = on_dask(script, row, timeout_s)
        note(f"{row.name}: Dask, {name}: {found[name]['text']}")
        # Who takes as long once has nothing to show by doing it again.
        if found[name]["all_s"] is None:
            break
    return found


def on_dask(script, row, timeout_s):
    of = f" for 1/{row.part} of it" if row.part > 1 else ""
    # Its workers are processes of one group, so that none outlives a run that is given up.
    process = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=script.parent,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return {"text": f"> {timeout_s:.0f} s{of}", "all_s": None}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode:
        return {"text": f"failed: {(err or out).strip().splitlines()[-1][:200]}", "all_s": None}
    seconds = said(out, "seconds")
    return {"text": f"{seconds:.2f} s{of}", "all_s": seconds * row.part}


def wire():
    """How fast a value of 100 MB travels over loopback, beside a bare socket and encryption alone."""
    return told_by("bulk")


def tasks():
    """What one task more takes, by the clock and of computing: on threads, in ranges and each for itself."""
    return told_by("tasks")


def told_by(example):
    command = [program.TARGET / "release" / "examples" / example, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout)


def messages(folder):
    """Bytes that pass between kernel and worker for a million chunks and for a hundred, and seconds of the former."""
    found, seconds = {}, {}
    for chunks in (20, 2000):
        text = f"import time\nx = default_rng(1).random((20000, 20000), chunks={chunks})\nstart = time.perf_counter()\n"
        text += 'print(x.sum().compute())\nprint("seconds", time.perf_counter() - start)\n'
        with workers(1, "--threads", os.cpu_count()) as pool:
            proxy = Proxy(pool[0].address)
            pool[0].address = proxy.address
            options = ("--set", "optimize.fold=off", "--scheduler", scheduler(pool))
            done = program.run_text(folder, text, *options, timeout=120)
            found[chunks], seconds[chunks] = proxy.passed + proxy.sent, said(done.stdout, "seconds")
            proxy.close()
    return {"bytes": found, "seconds": seconds[20]}
