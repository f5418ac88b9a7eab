"""Workers die, freeze, leave and come: the answer is exact, or there is one clear error within a bound."""

import contextlib
import json
import os
import re
import signal
import threading
import time
import urllib.request

import psutil
import pytest

from program import run_text, told
from workers import BRIEF, KEPT, LITTLE, LONG, SPILLED, Proxy, ended, run_on, start_run, start_worker, wait_busy, workers

@pytest.mark.parametrize("text", [LONG, KEPT], ids=["long", "kept"])
@pytest.mark.parametrize("pause", [0.1, 0.5])
def test_a_worker_is_killed(tmp_path, exact, text, pause):
    with workers(3, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, text)
        wait_busy(pool[1], pause)
        pool[1].kill()
        code, out, err = ended(process, 90)
        assert (code, out) == (0, exact(text)), err
        again = run_on(tmp_path, [pool[0], pool[2]], "print(ones(10).sum().compute())\n")
        assert again.stdout == "10.0\n"


def test_two_of_three_are_killed_at_once(tmp_path, exact):
    with workers(3, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[0])
        pool[0].kill()
        pool[1].kill()
        assert ended(process, 120)[:2] == (0, exact(LONG))


def test_all_are_killed(tmp_path):
    with workers(2, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, LONG, "--set", "workers.patience=3")
        wait_busy(pool[0])
        pool[0].kill()
        pool[1].kill()
        code, out, err = ended(process, 60)
        assert code != 0 and out == ""
        assert "no worker" in err.lower() and all(w.address in err for w in pool), err


def test_a_worker_freezes_and_thaws(tmp_path, exact):
    with workers(2, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[1])
        pool[1].freeze()
        code, out, err = ended(process, 120)
        assert (code, out) == (0, exact(LONG)), err
        pool[1].thaw()
        again = run_on(tmp_path, pool, "print(ones(10).sum().compute())\n")
        assert again.stdout == "10.0\n", told(again)


@contextlib.contextmanager
def slowed(worker, times):
    """A worker that is so many times slower than it could be, and answers all the time."""
    over = threading.Event()

    def slow():
        while not over.wait(0.004):
            worker.freeze()
            over.wait(0.004 * (times - 1))
            worker.thaw()

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_straggler_gets_a_second_copy(tmp_path, exact):
    with workers(2, "--threads", 1) as pool, slowed(pool[1], 20):
        code, out, err = ended(start_run(tmp_path, pool, BRIEF + "%trace run.json\n"), 90)
        assert code == 0 and out.startswith(exact(BRIEF)), err
    events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
    names = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    shares = [e for e in events if e.get("cat") in ("share", "lost") and names[e["pid"]] == pool[0].address]
    assert any(e["args"]["attempt"] > 1 and e["args"]["counted"] for e in shares), shares


def test_connections_are_reset(tmp_path, exact):
    with workers(2, "--threads", 1) as pool:
        proxy = Proxy(pool[0].address)
        pool[0].address = proxy.address
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[0])
        proxy.reset()
        code, out, err = ended(process, 120)
        proxy.close()
        assert (code, out) == (0, exact(LONG)), err


@pytest.mark.parametrize("delay_s", [0.05, 0.2])
def test_a_slow_link(tmp_path, exact, delay_s):
    text = "x = default_rng(3).random((2000, 1500), chunks=500)\nprint(x.sum(axis=0).compute()[::700], x.sum().compute())\n"
    with workers(2, "--threads", 1) as pool:
        proxy = Proxy(pool[0].address)
        proxy.delay_s = delay_s
        pool[0].address = proxy.address
        done = run_on(tmp_path, pool, text, timeout=90)
        proxy.close()
        assert done.stdout == exact(text), told(done)


def test_a_worker_is_told_to_end_and_drains(tmp_path, exact):
    with workers(2, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[0])
        pool[0].signal(signal.SIGTERM)
        assert pool[0].process.wait(35) == 0, "".join(pool[0].lines)
        assert ended(process, 90)[:2] == (0, exact(LONG))


def test_a_kernel_is_killed(tmp_path):
    with workers(1, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[0])
        process.kill()
        process.communicate(timeout=10)
        end = time.monotonic() + 12
        while time.monotonic() < end:
            before = pool[0].cpu_s()
            time.sleep(0.5)
            if pool[0].cpu_s() - before < 0.1:
                break
        else:
            pytest.fail("the worker went on computing for nobody")
        assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"


def levels(worker):
    """What a worker says of itself, by name."""
    url = re.search(r"http://\S+/metrics", worker.lines[0])[0]
    text = urllib.request.urlopen(url, timeout=5).read().decode()
    return {name: float(n) for name, n in re.findall(r"^cleave_worker_(\w+)\{.*\} (\S+)$", text, flags=re.MULTILINE)}


WRITE = 'x = default_rng(3).standard_normal((9000, 6000), chunks=(300, 450))\nsin(cos(x)).to_zarr("out.zarr")\n'
UNFINISHED = {
    "blocks are kept": (KEPT + LONG, lambda here, folder: here["memory_bytes"] > 40e6),
    "blocks are on disk": (SPILLED, lambda here, folder: here["spilled_bytes"] > 4e6),
    "a share runs": (LONG, lambda here, folder: here["shares_running"] > 0),
    "a file is written": (WRITE, lambda here, folder: list(folder.glob("out.zarr/*/*/*")) or list(folder.glob("out.zarr/*.*"))),
}


@pytest.mark.parametrize("kind", UNFINISHED)
def test_a_killed_kernel_leaves_nothing_with_workers(tmp_path, kind):
    text, is_so = UNFINISHED[kind]
    memory, spill = (LITTLE if kind == "blocks are on disk" else "1GiB"), tmp_path / "spill"
    spill.mkdir()
    options = ("--keep", 1, "--memory", memory, "--spill-dir", spill, "--metrics", "127.0.0.1:0")
    with workers(1, "--threads", 1, "--write-root", tmp_path, *options) as pool:
        files, threads = len(os.listdir(f"/proc/{pool[0].process.pid}/fd")), psutil.Process(pool[0].process.pid).num_threads()
        process = start_run(tmp_path, pool, text)
        end = time.monotonic() + 30
        while not is_so(levels(pool[0]), tmp_path):
            assert time.monotonic() < end and process.poll() is None, "it did not come to that"
            time.sleep(0.01)
        process.kill()
        process.communicate(timeout=10)
        end = time.monotonic() + 15
        names = ("memory_bytes", "spilled_bytes", "shares_running", "shares_ready", "kernels")
        while left := [name for name in names if levels(pool[0])[name]] + list(spill.iterdir()):
            assert time.monotonic() < end, left
            time.sleep(0.1)
        time.sleep(0.3)
        assert not [path for path in tmp_path.rglob("out.zarr/**/.*") if path.name not in (".zarray", ".zattrs")]
        assert len(os.listdir(f"/proc/{pool[0].process.pid}/fd")) <= files + 2
        # Threads that wait for more of their kind stay for ten seconds.
        end = time.monotonic() + 15
        while (left := psutil.Process(pool[0].process.pid).num_threads()) > threads + 4:
            assert time.monotonic() < end, left
            time.sleep(0.1)
        assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"


def test_an_interrupt(tmp_path):
    with workers(2, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[0])
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, out, err = ended(process, 20)
        assert time.monotonic() - start < 3 and code != 0 and out == "", err
        assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"


def test_two_programs_share_a_pool(tmp_path, exact):
    texts = [f"x = default_rng({seed}).random((9000, 9000), chunks=3000)\nprint(x.std().compute())\n" for seed in (1, 2)]
    with workers(2, "--threads", 1) as pool:
        runs = [start_run(tmp_path, pool, text, name=f"{i}.clv") for i, text in enumerate(texts)]
        for text, process in zip(texts, runs):
            assert ended(process, 90)[:2] == (0, exact(text))


def test_a_hundred_connections_leave_nothing(tmp_path):
    with workers(1, "--threads", 1) as pool:
        def open_files():
            return len(os.listdir(f"/proc/{pool[0].process.pid}/fd"))

        run_on(tmp_path, pool, "print(ones(10).sum().compute())\n")
        time.sleep(0.5)
        before = open_files()
        for _ in range(100):
            assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"
        time.sleep(1)
        assert open_files() <= before + 2


def test_an_error_of_the_program_is_one_error(tmp_path):
    with workers(2, "--threads", 1) as pool:
        there = run_on(tmp_path, pool, 'x = from_zarr("nowhere.zarr")\nprint(x.sum().compute())\n', check=None)
        assert there.returncode != 0 and "nowhere.zarr" in there.stderr
        assert len(re.findall(r"nowhere\.zarr", there.stderr)) < 6


WRONG = {
    "a closed port": ("127.0.0.1:1", "127.0.0.1:1"),
    "no port": ("127.0.0.1", "port"),
    "no such host": ("no-such-host.invalid:7077", "no-such-host.invalid"),
    "nothing": ("", "worker"),
    "a word": ("everything", "everything"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_addresses(tmp_path, kind):
    address, word = WRONG[kind]
    start = time.monotonic()
    done = run_text(tmp_path, "print(ones(10).sum().compute())\n", "--scheduler", f"workers://{address}", check=None)
    assert done.returncode != 0 and word in done.stderr and "panicked" not in done.stderr, told(done)
    assert done.stdout == "" and time.monotonic() - start < 15


def test_something_else_listens(tmp_path):
    import http.server
    import threading

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = "127.0.0.1:%d" % server.server_address[1]
    done = run_text(tmp_path, "print(ones(10).sum().compute())\n", "--scheduler", f"workers://{address}", check=None)
    server.shutdown()
    assert done.returncode != 0 and address in done.stderr, told(done)


def test_a_worker_joins_later(tmp_path, exact):
    first = start_worker("--threads", "1")
    second = start_worker("--threads", "1")
    port = second.port
    second.kill()
    try:
        process = start_run(tmp_path, [first, second], LONG)
        wait_busy(first)
        with workers(1, "--threads", "1", listen=f"127.0.0.1:{port}") as (late,):
            wait_busy(late, 0.2)
            assert ended(process, 120)[:2] == (0, exact(LONG))
    finally:
        first.kill()
