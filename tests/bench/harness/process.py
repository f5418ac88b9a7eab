"""One run in a process of its own: seconds, CPU, peak memory, and what it printed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from .rows import ROOT

ARTEFACTS = ROOT / "tests" / "artefacts" / "bench"
VENV = ROOT / "tests" / ".venv" / "bin" / "python"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = Path(os.environ.get("CLEAVE", TARGET / "release" / "cleave"))
BENCH = ROOT / "tests" / "bench"
LAUNCH = BENCH / "harness" / "launch.py"
MIB = 2**20


@dataclass
class Guard:
    """When to end a run before the machine suffers."""

    seconds: float = 300
    gib: float = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 2 / 3 / 2**30, 1)


@dataclass
class Run:
    """What one run took and gave."""

    compute_s: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0
    values: dict = field(default_factory=dict)
    failure: str = ""
    note: str = ""
    computations: list = field(default_factory=list)


def once(command, guard, env=None, enter=None):
    """Run a command; return its `Run` with its standard output and its exit code."""
    reader, writer = os.pipe()
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-ISE", LAUNCH, str(writer), *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[writer],
            env={**os.environ, "NO_COLOR": "1", **(env or {})},
            preexec_fn=enter,
        )
        os.close(writer)
        with open(reader) as report:
            child = int(report.readline() or 0)
            watcher = Watcher(process.pid, child, guard)
            try:
                text = process.stdout.read().decode("utf-8", "replace")
                process.wait()
            except KeyboardInterrupt:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            watcher.end()
            told = json.loads(report.readline() or "{}")
        process.stdout.close()
        code = told.get("code", process.returncode)
        wall = told.get("wall_s", time.perf_counter() - start)
        peak = max(told.get("peak_bytes", 0), watcher.peak_bytes) / MIB
        run = Run(wall_s=wall, cpu_s=told.get("cpu_s", 0.0), peak_mib=peak)
        run.failure = watcher.stopped or (first_line(errors) or f"exit code {code}" if code else "")
    return run, text, code


def first_line(errors):
    """The line of an error text that says what it was: the first, but of Python the last."""
    errors.seek(0)
    lines = [line.strip() for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[-1 if any(line.startswith("Traceback") for line in lines) else 0][:200]


class Watcher:
    """Looks at a process while it runs, and ends its session when it takes too much."""

    def __init__(self, session, pid, guard):
        self.session, self.pid, self.guard = session, pid, guard
        self.stopped, self.peak_bytes = "", 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        deadline = time.monotonic() + self.guard.seconds
        while not self.done.wait(0.05):
            resident = resident_bytes(self.pid)
            self.peak_bytes = max(self.peak_bytes, resident)
            if resident > self.guard.gib * 2**30:
                self.stopped = f"stopped at {self.guard.gib} GiB"
            elif time.monotonic() > deadline:
                self.stopped = f"stopped after {self.guard.seconds:.0f} s"
            else:
                continue
            os.killpg(self.session, signal.SIGKILL)
            return

    def end(self):
        self.done.set()
        self.thread.join()


def resident_bytes(pid):
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def ours(row, folder, guard, threads=None, memory_limit=None, enter=None):
    """Run a row's program through `cleave run`; what is timed is what its own record says."""
    text, timed = row.program(folder)
    script, record = Path(folder) / "row.clv", Path(folder) / "row.json"
    script.write_text(text)
    record.unlink(missing_ok=True)
    command = [BINARY, "run", script, "--json", record, *options(row, threads, memory_limit)]
    run, printed, code = once(command, guard, enter=enter)
    statements = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    failed = [s for s in statements if s["kind"] == "error"]
    if failed:
        run.failure, run.note = f"{failed[0]['code']}: {failed[0]['text']}", failed[0]["code"]
    counted = [s for s in statements if s["line"] and timed[0] <= s["line"] <= timed[1]]
    run.compute_s = sum(s["wall_s"] for s in counted)
    run.computations = [c for s in counted for c in s.get("runs", [])]
    run.values = printed_values(printed)
    return run, code


def options(row, threads=None, memory_limit=None):
    settings = [part for key, value in row.settings.items() for part in ("--set", f"{key}={value}")]
    limit = memory_limit or row.memory_limit
    settings += ["--memory-limit", limit] if limit else []
    return settings + (["--threads", str(threads)] if threads else [])


def prepare(row, folder, guard):
    """Run a row's preparation unless this folder has it; the sentence that says why not, or nothing."""
    text = row.preparation(folder)
    script = Path(folder) / "prepare.clv"
    if not text or (script.exists() and script.read_text() == text):
        return ""
    script.write_text(text)
    run, _, _ = once([BINARY, "run", script], guard)
    if run.failure:
        script.unlink()
    return run.failure


def peer(row, name, folder, guard, threads):
    """Run a row by a peer; its note says what is missing for that."""
    if not VENV.is_file():
        return Run(note="there is no environment for peers; `tests/setup` makes it")
    job = {"group": row.group, "params": row.params, "folder": str(folder), "threads": threads}
    pools = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    env = {"PYTHONWARNINGS": "ignore", "PYTHONPATH": str(BENCH), **pools}
    run, printed, _ = once([VENV, "-m", "harness.peers", name, json.dumps(job)], guard, env=env)
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    if lines and not run.failure:
        said = json.loads(lines[-1])
        run.compute_s, run.values = said.get("compute_s", 0.0), said.get("values", {})
        run.note = said.get("missing", "")
    return run


def printed_values(text):
    """The `name number` lines that a row's program ends with."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        try:
            found[name] = float(value)
        except ValueError:
            continue
    return found
