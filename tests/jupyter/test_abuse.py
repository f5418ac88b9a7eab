"""Messages and bytes that no honest client sends: the kernel lives on."""

import json
import os
import socket
import time

import pytest
import zmq
from jupyter_client.session import Session

from kernels import connect, resident_mib, run_cell, send, shell_reply, until_idle

PORTS = ("shell_port", "control_port", "stdin_port", "hb_port", "iopub_port")


@pytest.fixture(autouse=True)
def unharmed(shared):
    yield
    manager, client = shared
    assert manager.is_alive(), "the kernel died"
    assert run_cell(client, "6 * 7").ok().result == "42"


@pytest.fixture
def dealer(shared):
    """Send frames as they are to one of the kernel's ports."""
    manager, _ = shared
    info = manager.get_connection_info()
    context, opened = zmq.Context.instance(), []

    def post(frames, port="shell_port"):
        peer = context.socket(zmq.DEALER)
        peer.linger = 200
        peer.connect(f"tcp://{info['ip']}:{info[port]}")
        opened.append(peer)
        peer.send_multipart(frames)
        return peer

    yield post
    for peer in opened:
        peer.close()


def signed(manager, content, message_type="execute_request", key=None):
    session = Session(key=manager.session.key if key is None else key)
    return session.serialize(session.msg(message_type, content))


def test_wrong_signature(shared, dealer):
    manager, client = shared
    run_cell(client, "intact = 1").ok()
    request = {"code": "intact = 2", "silent": False}
    for key in (b"wrong", b""):
        for port in ("shell_port", "control_port"):
            peer = dealer(signed(manager, request, key=key), port)
            assert not peer.poll(300), "a message with a wrong signature was answered"
    assert run_cell(client, "intact").ok().result == "1"


def test_a_message_that_is_sent_again(shared, dealer):
    manager, client = shared
    run_cell(client, "times = 0").ok()
    whole = signed(manager, {"code": "times = times + 1", "silent": False})
    assert dealer(whole, "shell_port").poll(5000)
    for port in ("shell_port", "control_port"):
        assert not dealer(whole, port).poll(300), "it was answered again"
    assert run_cell(client, "times").ok().result == "1"


def test_truncated_frames(shared, dealer):
    manager, _ = shared
    whole = signed(manager, {"code": "1"})
    for port in ("shell_port", "control_port", "stdin_port"):
        for length in range(len(whole)):
            dealer(whole[:length] or [b""], port)
        dealer([b"<IDS|MSG>"], port)
        dealer([os.urandom(40) for _ in range(7)], port)
        dealer(whole + [b"extra"] * 3, port)


def test_unknown_message_type(shared):
    _, client = shared
    for channel in ("shell", "control"):
        message = send(client, channel, "no_such_request", {"a": 1})
        assert list(until_idle(client, message, time.monotonic() + 5))


@pytest.mark.parametrize("kind", ["execute", "complete", "inspect", "is_complete", "history", "comm_info", "interrupt"])
def test_content_of_the_wrong_shape(shared, kind):
    _, client = shared
    for content in (
        {},
        {"code": 7, "cursor_pos": "x", "hist_access_type": []},
        {"code": None},
        {"cursor_pos": -5, "code": "ones"},
    ):
        message = send(client, "control" if kind == "interrupt" else "shell", f"{kind}_request", content)
        assert list(until_idle(client, message, time.monotonic() + 5))
        time.sleep(0.2 if kind == "execute" else 0)


def test_json_that_is_none(shared, dealer):
    manager, _ = shared
    session = Session(key=manager.session.key)
    for parts in ([b"", b"", b"", b""], [b"[]", b"{}", b"{}", b"{}"], [b"{}", b"{}", b"{}", b"{}"], [b"\xff\xfe"] * 4):
        dealer([b"<IDS|MSG>", session.sign(parts), *parts])
    deep = b"[" * 100_000
    parts = [json.dumps(session.msg_header("execute_request"), default=str).encode(), b"{}", b"{}", deep]
    dealer([b"<IDS|MSG>", session.sign(parts), *parts])


def test_cursor_beyond_the_end(shared):
    _, client = shared
    for kind, code, position in (("complete", "on", 99), ("inspect", "\N{GRINNING FACE}", 7), ("complete", "", 0)):
        message = send(client, "shell", f"{kind}_request", {"code": code, "cursor_pos": position, "detail_level": 0})
        assert shell_reply(client, message, time.monotonic() + 10)["content"]["status"] in ("ok", "error")


def test_garbage_on_every_port(shared):
    manager, _ = shared
    info = manager.get_connection_info()
    texts = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096), b"\xff" + b"\x00" * 8 + b"\x7f", b"\x00", b""]
    for port in PORTS:
        for text in texts:
            with socket.create_connection((info["ip"], info[port]), timeout=5) as peer:
                peer.sendall(text)


def test_three_hundred_hasty_connections(shared):
    manager, _ = shared
    info = manager.get_connection_info()
    before = resident_mib(manager)
    for i in range(300):
        socket.create_connection((info["ip"], info[PORTS[i % 5]]), timeout=5).close()
    assert resident_mib(manager) - before < 16


def test_a_client_that_vanishes_before_its_reply(shared, dealer):
    manager, _ = shared
    for _ in range(20):
        dealer(signed(manager, {"code": "1 + 1", "silent": False})).close(linger=50)


def test_comms_are_refused_politely(shared):
    _, client = shared
    content = {"comm_id": "c1", "target_name": "jupyter.widget", "data": {}}
    send(client, "shell", "comm_open", content)
    closed = None
    deadline = time.monotonic() + 5
    while closed is None and time.monotonic() < deadline:
        message = client.get_iopub_msg(timeout=5)
        closed = message if message["msg_type"] == "comm_close" else None
    assert closed is not None and closed["content"]["comm_id"] == "c1"
    for kind in ("comm_msg", "comm_close"):
        send(client, "shell", kind, {"comm_id": "nobody", "data": {}})
    reply = shell_reply(client, client.comm_info(), time.monotonic() + 5)
    assert reply["content"]["status"] == "ok" and reply["content"]["comms"] == {}


def test_a_stalled_subscriber_does_not_stop_the_others(shared):
    manager, _ = shared
    info = manager.get_connection_info()
    stalled = zmq.Context.instance().socket(zmq.SUB)
    stalled.rcvhwm = 1
    stalled.linger = 0
    stalled.subscribe(b"")
    stalled.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
    time.sleep(0.3)
    other = connect(manager)
    cell = run_cell(other, 'for i in range(40):\n    display("x" * 500000)\n"end"', timeout=60).ok()
    assert cell.result == "'end'"
    other.stop_channels()
    stalled.close()
