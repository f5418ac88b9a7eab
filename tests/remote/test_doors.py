"""What reaches a worker's port that is not a kernel of ours: it is refused, and the worker goes on."""

import os
import socket
import struct

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
        for token in ("b" * 64, "a" * 63 + "b", "x", ""):
            wrong = run_text(tmp_path, text, "--scheduler", scheduler, env={"CLEAVE_TOKEN": token}, check=None)
            assert wrong.returncode != 0 and "token" in wrong.stderr, told(wrong)
            assert len(token) < 2 or token not in wrong.stderr
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
