"""Several requests at once: the queue after an error, questions while a cell runs, input from the user."""

import statistics
import time

import pytest
import zmq

from kernels import collect, control_reply, interrupt, run_cell, send, shell_reply, wait_busy

HEAVY = "r = default_rng(7).random((200000, 200000), chunks=(2000, 2000))\n(r * r[::-1, ::-1]).sum().compute()"


@pytest.mark.parametrize("gap_ms", [0, 1, 2])
def test_run_all_stops_at_the_first_error(client, gap_ms):
    messages = []
    for code in ['print("ran first")', "1/0"] + ['print("must not run")'] * 48:
        messages.append(client.execute(code))
        time.sleep(gap_ms / 1000)
    cells = [collect(client, message) for message in messages]
    assert [c.status for c in cells] == ["ok", "error"] + ["aborted"] * 48
    assert "".join(c.text() for c in cells) == "ran first\n"
    assert run_cell(client, "1 + 1").ok().result == "2"


def test_without_stop_on_error_the_queue_goes_on(client):
    messages = [client.execute("1/0", stop_on_error=False)] + [client.execute(f"{i}") for i in range(5)]
    assert [collect(client, m).status for m in messages] == ["error"] + ["ok"] * 5


def test_a_request_after_the_error_reply_is_not_aborted(client):
    for _ in range(10):
        message = client.execute("1/0")
        shell_reply(client, message, time.monotonic() + 10)
        assert run_cell(client, "2 + 2").ok().result == "4"


@pytest.fixture
def busy(shared, client):
    """A client whose kernel computes something long meanwhile."""
    manager, _ = shared
    message = client.execute(HEAVY)
    wait_busy(client, message)
    time.sleep(0.3)
    yield manager, client, message
    interrupt(client)
    assert collect(client, message, timeout=20).status == "error"


def test_questions_are_answered_while_a_cell_runs(busy):
    _, client, running = busy
    asked = {
        "complete_reply": client.complete("default_r"),
        "inspect_reply": client.inspect("ones"),
        "is_complete_reply": client.is_complete("1 +"),
        "history_reply": client.history(hist_access_type="tail", n=1),
        "kernel_info_reply": client.kernel_info(),
        "comm_info_reply": client.comm_info(),
    }
    for kind, message in asked.items():
        start = time.monotonic()
        reply = shell_reply(client, message, time.monotonic() + 5)
        assert reply["msg_type"] == kind and time.monotonic() - start < 2
    states = last_states(client)
    assert states[-1] == ("busy", running), "front ends take the kernel for idle"


def last_states(client):
    """(state, parent) of the status messages that are here now."""
    states = []
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        if client.iopub_channel.msg_ready():
            message = client.get_iopub_msg(timeout=1)
            if message["msg_type"] == "status":
                states.append((message["content"]["execution_state"], message["parent_header"].get("msg_id")))
        else:
            time.sleep(0.02)
    return states


def test_heartbeat_and_control_live_during_heavy_compute(busy):
    manager, client, _ = busy
    info = manager.get_connection_info()
    beat = zmq.Context.instance().socket(zmq.REQ)
    beat.linger = 0
    beat.connect(f"tcp://{info['ip']}:{info['hb_port']}")
    took = []
    for i in range(40):
        start = time.monotonic()
        beat.send(b"ping %d" % i)
        assert beat.poll(1000), "no heartbeat within a second"
        assert beat.recv() == b"ping %d" % i
        took.append(time.monotonic() - start)
    beat.close()
    print(f"heartbeat: median {statistics.median(took) * 1000:.1f} ms, worst {max(took) * 1000:.1f} ms")
    start = time.monotonic()
    control_reply(client, send(client, "control", "kernel_info_request", {}), timeout=2)
    assert time.monotonic() - start < 1


def test_input_asks_and_receives(client):
    message = client.execute('name = input("who? ")\nprint("hello", name)', allow_stdin=True)
    request = client.get_stdin_msg(timeout=10)
    assert request["msg_type"] == "input_request"
    assert request["content"] == {"prompt": "who? ", "password": False}
    client.input("Ada \N{SNOWMAN}")
    assert collect(client, message).ok().text() == "hello Ada \N{SNOWMAN}\n"


def test_input_without_a_user_is_an_error(client):
    cell = run_cell(client, 'input("who? ")', allow_stdin=False)
    assert cell.status == "error" and cell.traceback
