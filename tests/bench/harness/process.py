"""One run in a process of its own: seconds, CPU, peak memory, and what it printed.

Only light modules are imported here and by the runner: a child's peak counts from the size of its parent.
"""

import json
import os
import signal
import subprocess
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


def once(command, guard, env=None, enter=None):
    """Run a command; return its `Run` with its standard output and its exit code."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [*map(str, command)],
        stdout=subprocess.PIPE,
        stderr=(errors := tempfile.TemporaryFile()),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        preexec_fn=enter,
    )
    stopped, done = [], threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, guard, stopped, done), daemon=True)
    watcher.start()
    with process.stdout:
        text = process.stdout.read().decode("utf-8", "replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    done.set()
    watcher.join()
    process.returncode = code = os.waitstatus_to_exitcode(status)
    run = Run(wall_s=wall, cpu_s=usage.ru_utime + usage.ru_stime, peak_mib=usage.ru_maxrss * 1024 / MIB)
    run.failure = stopped[0] if stopped else first_line(errors) or f"exit code {code}" if code else ""
    errors.close()
    return run, text, code


def first_line(errors):
    """The line of an error text that says what it was."""
    errors.seek(0)
    lines = [line.strip() for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
    told = [line for line in lines if "rror:" in line or "rror[" in line or "rror " in line]
    return (told or lines or [""])[-1 if told and "Traceback" in "".join(lines) else 0][:200]


def watch(pid, guard, stopped, done):
    deadline = time.monotonic() + guard.seconds
    while not done.wait(0.05):
        if resident_bytes(pid) > guard.gib * 2**30:
            stopped.append(f"stopped at {guard.gib} GiB")
        elif time.monotonic() > deadline:
            stopped.append(f"stopped after {guard.seconds:.0f} s")
        else:
            continue
        os.killpg(pid, signal.SIGKILL)
        return


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
    run.compute_s = sum(s["wall_s"] for s in statements if s["line"] and timed[0] <= s["line"] <= timed[1])
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
    """Run a row by a peer."""
    job = {"group": row.group, "params": row.params, "folder": str(folder), "threads": threads}
    env = {"PYTHONWARNINGS": "ignore", "PYTHONPATH": str(BENCH)}
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
