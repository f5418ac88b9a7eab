"""An interrupt stops anything that a cell can do, and the next cell works."""

import statistics
import time

import pytest

from kernels import collect, control_reply, interrupt, run_cell, send, wait_busy, wait_until

HEAVY = "r = default_rng(7).random((200000, 200000), chunks=(2000, 2000))\n(r * r[::-1, ::-1]).sum().compute()"
FOREVER = {
    "compute": HEAVY,
    "single-threaded": HEAVY.replace("compute()", "compute(scheduler='single-threaded')"),
    "one big chunk": HEAVY.replace("(2000, 2000)", "-1"),
    "loop": "while True: pass",
    "recursion": "def f(n):\n    return 0 if n == 0 else f(n - 1)\nwhile True:\n    f(100)",
    "prints": 'while True: print("again and again")',
    "comprehension": "[i * j for i in range(1000000) for j in range(1000000)]",
    "many graphs": "x = ones((8, 8), chunks=2)\nwhile True:\n    x = (x + 1) * 2\n    x.sum().compute()\n    x = ones((8, 8), chunks=2)",
}


def interrupted_after(client, code, pause=0.4):
    """Seconds from the interrupt to the cell's reply."""
    message = client.execute(code)
    wait_busy(client, message)
    time.sleep(pause)
    start = time.monotonic()
    interrupt(client)
    cell = collect(client, message, timeout=20)
    assert cell.status == "error", "the cell ended by itself before it was interrupted"
    assert cell.error_name in ("interrupted", "KeyboardInterrupt"), cell.error_name
    return time.monotonic() - start


@pytest.mark.parametrize("kind", FOREVER)
def test_interrupt(client, kind):
    took = interrupted_after(client, FOREVER[kind])
    print(f"{kind}: {took * 1000:.0f} ms")
    assert took < 1.0
    assert run_cell(client, "6 * 7").ok().result == "42"


def test_ten_interrupts_in_a_row(client):
    took = []
    for i in range(10):
        took.append(interrupted_after(client, HEAVY, pause=0.1 + 0.03 * i))
        assert run_cell(client, "ones((100, 100), chunks=7).sum().compute()").ok().result == "10000.0"
    median = statistics.median(took)
    print(f"interrupts: median {median * 1000:.0f} ms, worst {max(took) * 1000:.0f} ms")
    assert median < 1.0


def test_an_interrupt_of_an_idle_kernel_does_nothing(client):
    for _ in range(3):
        interrupt(client)
    assert run_cell(client, "1 + 1").ok().result == "2"


def test_the_signal_works_too(shared):
    manager, client = shared
    message = client.execute(FOREVER["loop"])
    wait_busy(client, message)
    time.sleep(0.2)
    manager.signal_kernel(2)
    assert collect(client, message, timeout=10).status == "error"
    assert run_cell(client, "1 + 1").ok().result == "2" and manager.is_alive()


def test_an_interrupt_aborts_the_queue(client):
    running = client.execute(FOREVER["loop"])
    wait_busy(client, running)
    queued = [client.execute("print('must not run')") for _ in range(5)]
    time.sleep(0.3)
    interrupt(client)
    cells = [collect(client, message, timeout=20) for message in [running, *queued]]
    assert [c.status for c in cells] == ["error"] + ["aborted"] * 5
    assert not any(c.text() for c in cells)


def test_interrupt_while_waiting_for_input(client):
    message = client.execute('input("never answered: ")', allow_stdin=True)
    assert client.get_stdin_msg(timeout=10)["content"]["prompt"] == "never answered: "
    interrupt(client)
    assert collect(client, message, timeout=10).status == "error"
    assert run_cell(client, "1 + 1").ok().result == "2"


def test_interrupt_under_a_flood_that_nobody_reads(fresh):
    manager, client = fresh
    message = client.execute(FOREVER["prints"])
    time.sleep(1.5)
    start = time.monotonic()
    control_reply(client, send(client, "control", "interrupt_request", {}))
    reply = None
    while reply is None:
        seen = client.get_shell_msg(timeout=20)
        reply = seen if seen["parent_header"].get("msg_id") == message else None
    assert time.monotonic() - start < 5 and reply["content"]["status"] == "error"
    wait_until(manager.is_alive)
    assert run_cell(client, "1 + 1", timeout=60).ok().result == "2"


def test_no_thread_is_left_busy_after_an_interrupt(shared):
    import psutil

    manager, client = shared
    interrupted_after(client, HEAVY)
    watched = psutil.Process(manager.provisioner.pid)
    watched.cpu_percent()
    time.sleep(1)
    assert watched.cpu_percent() < 50
