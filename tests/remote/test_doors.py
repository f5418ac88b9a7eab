"""What reaches a worker's port that is not a kernel of ours: it is refused, and the worker goes on."""

import contextlib
import os
import socket
import ssl
import struct
import time

import psutil
import pytest

from program import run_text, told
from workers import run_on, start_worker, workers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\x04\0\0\0\0\0"


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


FLOODS = {
    "HTTP/1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "random bytes": os.urandom(4096),
    "nothing": b"",
    "half a preface": PREFACE[:10],
    "a frame too long": PREFACE + SETTINGS + frame(0, 0, 1, b"x" * 60000) * 4,
    "pings": PREFACE + SETTINGS + frame(6, 0, 0, b"12345678") * 20000,
    "empty data": PREFACE + SETTINGS + frame(0, 0, 1, b"") * 20000,
    "continuations": PREFACE + SETTINGS + frame(1, 0, 1, b"") + frame(9, 0, 1, b"") * 20000,
    "resets": PREFACE + SETTINGS + (frame(1, 4, 1, b"\x82\x86\x84\x41\x01x") + frame(3, 0, 1, b"\0\0\0\x08")) * 5000,
}


@pytest.fixture(scope="module")
def pool():
    with workers(1, "--threads", 1) as started:
        yield started


@pytest.mark.parametrize("kind", FLOODS)
def test_noise(tmp_path, pool, kind):
    with socket.create_connection(("127.0.0.1", pool[0].port), timeout=5) as connection:
        try:
            connection.sendall(FLOODS[kind])
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)
        except OSError:
            pass
    assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"
    assert pool[0].is_alive()


def test_a_hundred_thousand_streams_opened_and_reset(tmp_path, pool):
    opened, before = 0, memory_mib(pool[0])
    files = len(os.listdir(f"/proc/{pool[0].process.pid}/fd"))
    while opened < 100_000:
        with socket.create_connection(("127.0.0.1", pool[0].port), timeout=5) as connection:
            numbered = (
                frame(1, 4, 2 * n + 1, b"\x82\x86\x84\x41\x01x") + frame(3, 0, 2 * n + 1, b"\0\0\0\x08") for n in range(5000)
            )
            with contextlib.suppress(OSError):
                connection.sendall(PREFACE + SETTINGS + b"".join(numbered))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            opened += 5000
    assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"
    assert memory_mib(pool[0]) - before < 50
    assert len(os.listdir(f"/proc/{pool[0].process.pid}/fd")) <= files + 4


def words(**headers):
    """Headers as they stand on the wire: each by its name, none compressed."""
    pairs = [(name.replace("_", "-").replace("--", ":"), value) for name, value in headers.items()]
    return b"".join(b"\0" + bytes([len(n)]) + n.encode() + bytes([len(v)]) + v.encode() for n, v in pairs)


def call(method):
    path = "/cleave.engine.v1.Engine/" + method
    head = dict(__method="POST", __scheme="http", __path=path, __authority="x", te="trailers")
    return PREFACE + SETTINGS + frame(1, 4, 1, words(**head, content_type="application/grpc"))


# A client that says it has no room for anything, ever: neither for the answer to Hello nor for events of Status.
NO_ROOM = b"\0\0\x06\x04\0\0\0\0\0" + struct.pack(">HI", 4, 0)


def test_clients_without_room_for_answers_stop_nobody(tmp_path, pool):
    before = memory_mib(pool[0])
    with contextlib.ExitStack() as opened:
        for method in ["Hello", "Status"] * 10:
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", pool[0].port), timeout=5))
            asked = call(method) + frame(0, 1, 1, b"\0\0\0\0\0")
            connection.sendall(asked.replace(PREFACE + SETTINGS, PREFACE + NO_ROOM))
        time.sleep(2)
        assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"
        assert memory_mib(pool[0]) - before < 50


LARGE_FIELD = b"\x0a" + b"\xff\xff\xff\xff\x07"
MESSAGES = {
    "four gigabytes that never come": call("Hello") + frame(0, 0, 1, b"\0\xff\xff\xff\xff"),
    "a field of two gigabytes": call("Hello") + frame(0, 1, 1, b"\0" + struct.pack(">I", 6) + LARGE_FIELD),
    "half a message": call("Run") + frame(0, 0, 1, b"\0\0\0\x01\0" + b"x" * 100),
    "compressed": call("Hello") + frame(0, 1, 1, b"\1\0\0\0\4abcd"),
    "noise": call("Hello") + frame(0, 1, 1, b"\0\0\0\0\x10" + os.urandom(16)),
    "no such call": call("Explode") + frame(0, 1, 1, b"\0\0\0\0\0"),
    "no message": call("Put") + frame(0, 1, 1, b""),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_messages_that_are_none(tmp_path, pool, kind):
    before = memory_mib(pool[0])
    with socket.create_connection(("127.0.0.1", pool[0].port), timeout=2) as connection:
        connection.sendall(MESSAGES[kind])
        end = time.monotonic() + 3
        with contextlib.suppress(OSError):
            while connection.recv(65536) and time.monotonic() < end:
                pass
    assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"
    assert memory_mib(pool[0]) - before < 100


def memory_mib(worker):
    return psutil.Process(worker.process.pid).memory_info().rss / 2**20


def test_slow_beginners(tmp_path, pool):
    """A byte now and then on as many connections as there may be: they are sent away, and the next is let in."""
    slow = [socket.create_connection(("127.0.0.1", pool[0].port), timeout=5) for _ in range(100)]
    for byte in PREFACE[:8]:
        for connection in slow:
            with contextlib.suppress(OSError):
                connection.send(bytes([byte]))
        time.sleep(0.8)
    done = run_on(tmp_path, pool, "print(ones(10).sum().compute())\n")
    assert done.stdout == "10.0\n", told(done)
    for connection in slow:
        connection.close()


def test_old_tls_is_refused(tmp_path):
    from program import run

    run("certs", "new", tmp_path / "certs", "localhost", "127.0.0.1", check=0)
    worker = start_worker("--threads", "1", "--tls-dir", tmp_path / "certs")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        with socket.create_connection(("127.0.0.1", worker.port), timeout=5) as connection:
            with pytest.raises((ssl.SSLError, OSError)):
                context.wrap_socket(connection)
        assert worker.is_alive()
    finally:
        worker.kill()


def test_many_silent_connections(tmp_path, pool):
    silent = [socket.create_connection(("127.0.0.1", pool[0].port), timeout=5) for _ in range(50)]
    done = run_on(tmp_path, pool, "print(ones(10).sum().compute())\n")
    assert done.stdout == "10.0\n", told(done)
    for connection in silent:
        connection.close()


def test_only_loopback_unless_it_is_safe(tmp_path):
    from program import run

    done = run("worker", "--listen", "0.0.0.0:0", timeout=20)
    assert done.returncode != 0 and "--tls-dir" in done.stderr, told(done)


def test_tokens(tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    for path, text in ((good, "a" * 64), (bad, "b" * 64)):
        path.write_text(text)
        path.chmod(0o600)
    worker = start_worker("--threads", "1", "--token-file", good)
    text = "print(ones(10).sum().compute())\n"
    scheduler = f"workers://{worker.address}"
    try:
        right = run_text(tmp_path, text, "--scheduler", scheduler, env={"CLEAVE_TOKEN": "a" * 64})
        assert right.stdout == "10.0\n"
        # Digits of sixteen are the same in both cases.
        again = run_text(tmp_path, text, "--scheduler", scheduler, env={"CLEAVE_TOKEN": "A" * 64})
        assert again.stdout == "10.0\n"
        for token in ("b" * 64, "a" * 63 + "b", "B" * 64, "a" * 63, "a" * 65, "a" * 100_000, "x", ""):
            wrong = run_text(tmp_path, text, "--scheduler", scheduler, env={"CLEAVE_TOKEN": token}, check=None)
            assert wrong.returncode != 0 and "token" in wrong.stderr, told(wrong)
            assert len(token) < 2 or token not in wrong.stderr
        # So long that it fits into no request.
        bad.write_text("a" * 1_000_000)
        wrong = run_text(tmp_path, text, "--scheduler", scheduler, "--token-file", bad, check=None)
        assert wrong.returncode != 0 and "token" in wrong.stderr and len(wrong.stderr) < 2000, told(wrong)
        assert run_text(tmp_path, text, "--scheduler", scheduler, "--token-file", good).stdout == "10.0\n"
    finally:
        worker.kill()


def test_certificates(tmp_path):
    from program import run

    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder in (mine, other):
        run("certs", "new", folder, "localhost", "127.0.0.1", check=0)
        assert all(path.stat().st_mode & 0o77 == 0 for path in folder.iterdir() if "key" in path.name)
    text = "print(ones(10).sum().compute())\n"
    worker = start_worker("--threads", "1", "--tls-dir", mine)
    try:
        at = f"workers://{worker.address}"
        assert run_text(tmp_path, text, "--scheduler", at, "--tls-dir", mine).stdout == "10.0\n"
        for options in ([], ["--tls-dir", other]):
            wrong = run_text(tmp_path, text, "--scheduler", at, *options, check=None)
            assert wrong.returncode != 0 and worker.address in wrong.stderr, told(wrong)
    finally:
        worker.kill()
