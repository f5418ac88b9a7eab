"""The network between kernel and workers is cut, slow, or turns bits: the answer is exact."""

import contextlib
import signal
import time

import namespaces
import pytest

from program import told
from workers import KEPT, LONG, Proxy, ended, run_on, start_run, start_worker, wait_busy, workers

AS_ROOT = pytest.mark.skipif(not namespaces.are_possible(), reason="networks are made by root only")
# A result of 24 MB, and one that is made of as much.
LARGE = "x = default_rng(3).random((2000, 1500), chunks=(500, 1500))\ny = (x * x).compute()\nprint(y[::700, 7], y.sum())\n"


@pytest.fixture
def network():
    made = namespaces.Network(4)
    yield made
    made.close()


@contextlib.contextmanager
def hosts(network, count):
    """A worker on each of so many hosts; the first host is the kernel's."""
    started = []
    try:
        for host in range(1, count + 1):
            options = ("--threads", 1, "--insecure-i-know")
            at = f"{network.address(host)}:7711"
            started.append(start_worker(*options, listen=at, prefix=network.on(host)))
        yield started
    finally:
        for worker in started:
            worker.process.kill()
            worker.process.wait(10)
            worker.process.stdout.close()


def ends_exactly(process, exact, text, timeout=120):
    code, out, err = ended(process, timeout)
    assert (code, out) == (0, exact(text)), err


@AS_ROOT
@pytest.mark.parametrize("seconds", [2, 60])
def test_a_silent_partition(tmp_path, network, exact, seconds):
    with hosts(network, 2) as pool:
        process = start_run(tmp_path, pool, LONG, prefix=network.on(0))
        wait_busy(pool[1])
        network.part(0, 2)
        if seconds < 10:
            time.sleep(seconds)
            network.heal(0, 2)
        ends_exactly(process, exact, LONG)


@AS_ROOT
@pytest.mark.parametrize("pair", [(2, 0), (0, 2)], ids=["events are lost", "orders are lost"])
def test_one_direction_is_cut(tmp_path, network, exact, pair):
    with hosts(network, 2) as pool:
        process = start_run(tmp_path, pool, LONG, prefix=network.on(0))
        wait_busy(pool[1])
        network.cut(*pair)
        ends_exactly(process, exact, LONG)


@AS_ROOT
def test_workers_that_do_not_see_each_other(tmp_path, network, exact):
    with hosts(network, 3) as pool:
        for one, other in ((1, 2), (2, 3), (1, 3)):
            network.part(one, other)
        ends_exactly(start_run(tmp_path, pool, KEPT, prefix=network.on(0)), exact, KEPT)


@AS_ROOT
def test_workers_that_lose_sight_of_each_other(tmp_path, network, exact):
    with hosts(network, 2) as pool:
        process = start_run(tmp_path, pool, KEPT, prefix=network.on(0))
        wait_busy(pool[1], 0.4)
        network.part(1, 2)
        ends_exactly(process, exact, KEPT)


def test_connections_are_reset_again_and_again(tmp_path, exact):
    text = "x = default_rng(3).random((500, 500), chunks=250)\nfor k in range(4):\n    print((x * k).compute().sum())\n"
    with workers(1, "--threads", 1) as pool:
        proxy = Proxy(pool[0].address)
        # Results of two megabytes each: some are on their way when it happens.
        proxy.cut_after = proxy.cut_every = 3_000_000
        pool[0].address = proxy.address
        done = run_on(tmp_path, pool, text, timeout=90)
        proxy.close()
        assert done.stdout == exact(text), told(done)


def test_a_large_result_comes_in_pieces_of_ten_megabytes(tmp_path, exact):
    text = "y = sqrt(default_rng(3).random((3000, 3000), chunks=3000)).compute()\nprint(y.sum(), y[::999, 7])\n"
    with workers(1, "--threads", 1) as pool:
        proxy = Proxy(pool[0].address)
        proxy.cut_after = proxy.cut_every = 10_000_000
        pool[0].address = proxy.address
        done = run_on(tmp_path, pool, text, timeout=90)
        passed = proxy.passed
        proxy.close()
        assert done.stdout == exact(text), told(done)
        # What had come did not come again, but for what was on its way.
        assert 72e6 < passed < 90e6


@pytest.mark.parametrize("at", [300, 2500, 40_000, 3_000_000, 20_000_000])
def test_a_bit_is_turned(tmp_path, exact, at):
    with workers(2, "--threads", 1) as pool:
        proxy = Proxy(pool[0].address)
        proxy.flip_at = at
        pool[0].address = proxy.address
        done = run_on(tmp_path, pool, LARGE, timeout=90, check=None)
        proxy.close()
        assert done.stdout == exact(LARGE), told(done)


def test_a_thin_link(tmp_path, exact):
    text = "x = default_rng(3).random((600, 500), chunks=250)\nprint((x + 1).compute().sum(), x.sum(axis=0).compute()[::70])\n"
    with workers(2, "--threads", 1) as pool:
        proxy = Proxy(pool[0].address)
        proxy.bytes_per_s = 1e6
        pool[0].address = proxy.address
        done = run_on(tmp_path, pool, text, timeout=90)
        proxy.close()
        assert done.stdout == exact(text), told(done)


def test_a_kernel_that_does_not_read_for_a_while(tmp_path, exact):
    with workers(1, "--threads", 1) as pool:
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[0])
        process.send_signal(signal.SIGSTOP)
        time.sleep(5)
        process.send_signal(signal.SIGCONT)
        ends_exactly(process, exact, LONG)


def test_a_worker_dies_before_its_answers_are_read(tmp_path, exact):
    with workers(2, "--threads", 1) as pool:
        proxy = Proxy(pool[1].address)
        pool[1].address = proxy.address
        process = start_run(tmp_path, pool, LONG)
        wait_busy(pool[1])
        proxy.stalled.set()
        time.sleep(1.5)
        pool[1].kill()
        ends_exactly(process, exact, LONG)
        proxy.close()
