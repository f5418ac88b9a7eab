"""Memory, disk, files and clocks that are short, full or wrong: exact, or one clear error, and the worker goes on."""

import contextlib
import os
import re
import resource
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from program import told
from workers import BRIEF, KEPT, LITTLE, LONG, SPILLED, ended, run_on, start_run, start_worker, wait_busy, workers

SMALL = "print(ones(10).sum().compute())\n"
MEMORY = Path("/sys/fs/cgroup/memory")
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
/* The time of day jumps by an hour, back and forth. */
int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    static _Atomic unsigned calls;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, at);
    if (!failed && clock == CLOCK_REALTIME) at->tv_sec += calls++ % 2 ? 3600 : -3600;
    return failed;
}
"""


def works(tmp_path, pool):
    done = run_on(tmp_path, pool, SMALL)
    assert done.stdout == "10.0\n", told(done)


@pytest.fixture
def group():
    """A group of processes that may use so much memory."""
    if not os.access(MEMORY / "cgroup.procs", os.W_OK):
        pytest.skip("groups of processes are made by root only, and of the first version")
    own = next(line.split(":")[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if ":memory:" in line)
    made = MEMORY / own.strip("/") / f"cleave-{uuid.uuid4().hex[:8]}"
    try:
        made.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made: {error}")
    yield made
    made.rmdir()


def test_the_system_kills_a_worker_for_its_memory(tmp_path, exact, group):
    with workers(2, "--threads", 1) as pool:
        (group / "memory.limit_in_bytes").write_text(str(40 << 20))
        (group / "cgroup.procs").write_text(str(pool[1].process.pid))
        process = start_run(tmp_path, pool, KEPT)
        code, out, err = ended(process, 90)
        assert (code, out) == (0, exact(KEPT)), err
        assert pool[1].process.wait(10) == -9
        works(tmp_path, pool[:1])


def test_all_are_killed_for_their_memory(tmp_path, group):
    with workers(3, "--threads", 1) as pool:
        (group / "memory.limit_in_bytes").write_text(str(60 << 20))
        for worker in pool:
            (group / "cgroup.procs").write_text(str(worker.process.pid))
        # One chunk alone takes more than the group has, whatever the workers say.
        text = "x = default_rng(3).random((4000, 4000), chunks=4000)\nprint((x @ x).sum().compute())\n"
        process = start_run(tmp_path, pool, text, "--set", "workers.patience=3")
        code, out, err = ended(process, 60)
        assert code != 0 and out == "" and re.search(r"a task needs \d+ bytes of memory", err), err
        assert all(worker.process.wait(10) == -9 for worker in pool)


def test_little_memory_is_a_plan_that_fits_or_an_error(tmp_path, exact):
    with workers(2, "--threads", 1, "--memory", "24MiB") as pool:
        done = run_on(tmp_path, pool, KEPT, check=None, timeout=120)
        assert done.stdout == exact(KEPT) or "memory" in done.stderr, told(done)
        works(tmp_path, pool)


@pytest.fixture
def full(tmp_path):
    """A folder on a disk of one megabyte."""
    folder = tmp_path / "full"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("disks are made by root only")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_the_disk_is_full(tmp_path, exact, full):
    with workers(1, "--threads", 1, "--memory", LITTLE, "--spill-dir", full) as pool:
        other = start_run(tmp_path, pool, BRIEF)
        done = run_on(tmp_path, pool, SPILLED, check=None, timeout=120)
        assert done.returncode != 0 and done.stdout == "", told(done)
        assert re.search(rf"{full}/\S+", done.stderr) and re.search(r"\d+ (bytes|[kMG]i?B)", done.stderr), told(done)
        assert "disk-full" in done.stderr, told(done)
        assert ended(other, 90)[:2] == (0, exact(BRIEF))
        works(tmp_path, pool)
        assert not list(full.iterdir())


def test_nothing_can_be_put_aside(tmp_path, exact):
    with workers(1, "--threads", 1, "--memory", LITTLE, "--spill-dir", tmp_path / "nowhere") as pool:
        done = run_on(tmp_path, pool, SPILLED, check=None, timeout=120)
        assert done.returncode != 0 and "spill-failed" in done.stderr and "nowhere" in done.stderr, told(done)
        works(tmp_path, pool)


def test_what_is_put_aside_is_spoilt(tmp_path, exact):
    """Files that are cut short under a worker are made again, or are one error that names them."""
    spill = tmp_path / "spill"
    spill.mkdir()
    with workers(1, "--threads", 1, "--memory", LITTLE, "--spill-dir", spill) as pool:
        process = start_run(tmp_path, pool, SPILLED)
        while process.poll() is None:
            time.sleep(0.005)
            with contextlib.suppress(OSError):
                for path in spill.rglob("*.blocks"):
                    os.truncate(path, path.stat().st_size // 2)
        code, out, err = ended(process, 90)
        assert (code, out) == (0, exact(SPILLED)) or (code == 1 and str(spill) in err and "panicked" not in err), err
        works(tmp_path, pool)
        assert not list(spill.iterdir())


def test_files_run_out(tmp_path):
    few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))}
    with workers(1, "--threads", 1, **few) as pool:
        works(tmp_path, pool)
        with contextlib.ExitStack() as opened:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    opened.enter_context(socket.create_connection(("127.0.0.1", pool[0].port), timeout=1))
            done = run_on(tmp_path, pool, SMALL, check=None)
            assert done.stdout == "10.0\n" or pool[0].address in done.stderr, told(done)
        works(tmp_path, pool)
        assert len(os.listdir(f"/proc/{pool[0].process.pid}/fd")) < 40


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_clocks_jump_by_an_hour(tmp_path, exact):
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    jumping = {"LD_PRELOAD": str(library), "TZ": "Pacific/Kiritimati"}
    with workers(2, "--threads", 1, env=jumping) as pool:
        process = start_run(tmp_path, pool, KEPT, env={"LD_PRELOAD": str(library), "TZ": "America/Adak"})
        code, out, err = ended(process, 90)
        assert (code, out) == (0, exact(KEPT)), err


SIZES = {
    "ten thousand tasks": "print(ones((10000,), chunks=1).sum().compute())\n",
    "one task": "print(ones((3,), chunks=3).sum().compute())\n",
    "none": "print(ones((0, 5)).sum(axis=0).compute(), ones((0,)).compute())\n",
}


@pytest.mark.parametrize("kind", SIZES)
def test_many_tasks_one_and_none(tmp_path, exact, kind):
    with workers(1, "--threads", 1) as pool:
        assert run_on(tmp_path, pool, SIZES[kind]).stdout == exact(SIZES[kind])


def test_all_workers_are_started_anew_one_by_one(tmp_path, exact):
    pool = [start_worker("--threads", 1) for _ in range(3)]
    try:
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[0])
        for number, worker in enumerate(pool):
            worker.kill()
            pool[number] = start_worker("--threads", 1, listen=worker.address)
            if process.poll() is None and number < 2:
                with contextlib.suppress(AssertionError):
                    wait_busy(pool[number], 0.2, timeout=8)
        code, out, err = ended(process, 120)
        assert (code, out) == (0, exact(LONG)), err
    finally:
        for worker in pool:
            worker.kill()
            worker.process.stdout.close()
