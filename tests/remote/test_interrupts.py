"""The user stops, or the kernel ends, whatever it is doing with workers: at once, and nothing is left."""

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

import kernels
import pytest

from program import told
from workers import LONG, Proxy, ended, run_on, scheduler, start_run, wait_busy, workers

SMALL = "print(ones(10).sum().compute())\n"
# Half a second more than it may take, for a machine that does other things too.
AT_ONCE_S = 1.5


def stops(process):
    """Interrupts a run, which must end at once and without a result."""
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process, 30)
    took = time.monotonic() - start
    assert code != 0 and out == "" and "panicked" not in err, err
    assert took < AT_ONCE_S, f"{took} s: {err}"


def wait_for(condition, timeout=20):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def works(tmp_path, pool):
    done = run_on(tmp_path, pool, SMALL)
    assert done.stdout == "10.0\n", told(done)


@contextlib.contextmanager
def silent_endpoint():
    """Something that takes connections and says nothing; gives its address and a list of who came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "127.0.0.1:%d" % server.getsockname()[1]


class At:
    def __init__(self, address):
        self.address = address


def test_while_connecting(tmp_path):
    with silent_endpoint() as address:
        process = start_run(tmp_path, [At(address)], SMALL)
        time.sleep(0.7)
        stops(process)


def test_while_a_worker_joins(tmp_path):
    with workers(1, "--threads", 1) as pool, silent_endpoint() as address:
        process = start_run(tmp_path, [*pool, At(address)], LONG)
        time.sleep(0.7)
        stops(process)
        works(tmp_path, pool)


def test_while_sources_are_put(tmp_path):
    text = "x = default_rng(3).random((3000, 3000), chunks=500).persist()\nprint((x * x).sum().compute())\n"
    with workers(1, "--threads", 1) as pool:
        proxy = Proxy(pool[0].address)
        process = start_run(tmp_path, [At(proxy.address)], text)
        # The array has come here once; then it goes there again.
        wait_for(lambda: proxy.sent > 4 << 20)
        proxy.bytes_per_s = 1e6
        stops(process)
        proxy.close()
        works(tmp_path, pool)


def test_while_the_result_is_fetched(tmp_path):
    text = "x = default_rng(3).random((3000, 3000), chunks=500)\nprint((x * x).compute()[0, 0])\n"
    with workers(1, "--threads", 1) as pool:
        proxy = Proxy(pool[0].address)
        proxy.bytes_per_s = 20e6
        process = start_run(tmp_path, [At(proxy.address)], text)
        wait_for(lambda: proxy.passed > 2 << 20)
        stops(process)
        proxy.close()
        works(tmp_path, pool)


def test_while_tasks_run(tmp_path):
    with workers(2, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[0])
        stops(process)
        works(tmp_path, pool)
        wait_for(lambda: is_idle(pool[0]) and is_idle(pool[1]))


def is_idle(worker):
    before = worker.cpu_s()
    time.sleep(0.3)
    return worker.cpu_s() - before < 0.05


def test_cells_go_on_after_an_interrupt(tmp_path, tmp_path_factory):
    kernels.install(tmp_path_factory.mktemp("prefix"))
    with workers(2, "--threads", 1) as pool, kernels.kernel() as (_, client):
        kernels.run_cell(client, f'%scheduler {scheduler(pool).replace("workers://", "workers ")}').ok()
        for _ in range(3):
            asked = client.execute(LONG)
            wait_busy(pool[0])
            start = time.monotonic()
            kernels.interrupt(client)
            cell = kernels.collect(client, asked)
            assert cell.error_name == "KeyboardInterrupt" or "interrupted" in cell.traceback
            assert time.monotonic() - start < AT_ONCE_S
            assert kernels.run_cell(client, "ones(10).sum().compute()").ok().result == "10.0"


def test_a_kernel_that_is_killed_and_started_again(tmp_path, exact):
    with workers(2, "--threads", 1) as pool:
        for _ in range(3):
            process = start_run(tmp_path, pool, LONG)
            wait_busy(pool[0], 0.2)
            process.kill()
            process.communicate(timeout=10)
        done = run_on(tmp_path, pool, LONG, timeout=120)
        assert done.stdout == exact(LONG), told(done)
        wait_for(lambda: is_idle(pool[0]) and is_idle(pool[1]))


def test_a_short_loop_of_kills():
    tool = Path(__file__).parents[1] / "bench" / "kills"
    done = subprocess.run([tool, "--minutes", "0.14", "--life", "1.7"], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
