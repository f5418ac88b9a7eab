"""Workers as processes of their own, the programs that run on them, and a bad network between."""

import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field

import psutil

from program import BINARY, run_text

STARTS_WITHIN_S = 20
LIBC = ctypes.CDLL(None)
# Some seconds of one core, in a few hundred shares or fewer.
LONG = (
    "x = default_rng(3).standard_normal((24000, 24000), chunks=(3000, 3000))\n"
    "print((sin(x) * x[::-1, ::-1]).sum().compute(), x.max().compute())\n"
)
# The same in less time.
BRIEF = (
    "x = default_rng(3).standard_normal((9000, 9000), chunks=(1500, 1500))\n"
    "print((sin(x) * x[::-1, ::-1]).sum().compute())\n"
)
# A value that is kept between stages, on the workers, and read by the next.
KEPT = (
    "x = default_rng(3).standard_normal((6000, 6000), chunks=(1500, 1500))\n"
    "y = sin(x) @ cos(x[:, :500])\n"
    "print(y.sum().compute(), y.max().compute())\n"
)
# The same, which with little memory is put aside on disk.
SPILLED = (
    "x = default_rng(3).standard_normal((2000, 2000), chunks=(500, 500))\n"
    "y = x @ x\n"
    "print((y @ y).max().compute())\n"
)
LITTLE = "28MiB"


@dataclass
class Worker:
    """A `cleave worker` process and where it listens."""

    process: subprocess.Popen
    address: str
    lines: list = field(default_factory=list)

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def cpu_s(self):
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def is_alive(self):
        return self.process.poll() is None


def start_worker(*options, listen="127.0.0.1:0", env=None, prefix=(), **popen):
    """Start a worker, perhaps by another command; it says on its first line where it listens, and ends with this one."""
    command = [*prefix, BINARY, "worker", "--with-parent", "--listen", listen, *map(str, options)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        start_new_session=True,
        **popen,
    )
    worker = Worker(process, "")
    found = threading.Event()

    def read():
        for line in process.stdout:
            worker.lines.append(line)
            at = re.search(r"\b(\d+\.\d+\.\d+\.\d+:\d+)\b", line)
            if at and not worker.address:
                worker.address = at.group(1)
                found.set()
        found.set()

    threading.Thread(target=read, daemon=True).start()
    found.wait(STARTS_WITHIN_S)
    assert worker.address, f"exit {process.poll()}: {''.join(worker.lines)}"
    return worker


@contextlib.contextmanager
def workers(count, *options, **more):
    """So many workers; afterwards none of them is left."""
    started = []
    try:
        for _ in range(count):
            started.append(start_worker(*options, **more))
        yield started
    finally:
        for worker in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.process.pid, signal.SIGKILL)
            worker.process.wait(10)
            worker.process.stdout.close()
            worker.process.stdin.close()


def scheduler(pool):
    """The scheduler's name for a pool."""
    return "workers://" + ",".join(w.address for w in pool)


def run_on(folder, pool, text, *options, **more):
    """Run a text on a pool."""
    return run_text(folder, text, "--scheduler", scheduler(pool), *options, **more)


def start_run(folder, pool, text, *options, name="started.clv", prefix=(), env=None):
    """Begin to run a text on a pool and do not wait for it."""
    script = folder / name
    script.write_text(text, encoding="utf-8")
    return subprocess.Popen(
        [*prefix, BINARY, "run", script, "--scheduler", scheduler(pool), *map(str, options)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        cwd=folder,
    )


def wait_busy(worker, seconds=0.3, timeout=20):
    """Wait until a worker has computed for some time."""
    begin, end = worker.cpu_s(), time.monotonic() + timeout
    while worker.cpu_s() - begin < seconds:
        assert time.monotonic() < end, "the worker did not begin to compute"
        time.sleep(0.02)


def ended(process, timeout):
    """The code and the words with which a started run ends."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


class Proxy:
    """A connection between two processes that can be slow, cut, stalled or wrong."""

    def __init__(self, target):
        self.target = target
        self.delay_s = 0.0
        self.bytes_per_s = None
        self.stalled = threading.Event()
        self.flip_at = None
        self.cut_after = None
        self.cut_every = None
        self.passed = 0
        self.sent = 0
        self.pairs = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            host, port = self.target.split(":")
            try:
                far = socket.create_connection((host, int(port)), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.pairs.append((near, far))
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source, sink, down):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while self.stalled.is_set():
                    time.sleep(0.02)
                if self.delay_s:
                    time.sleep(self.delay_s)
                if self.bytes_per_s:
                    time.sleep(len(data) / self.bytes_per_s)
                if down:
                    data = self._spoilt(data)
                    self.passed += len(data)
                    if self.cut_after is not None and self.passed > self.cut_after:
                        self.cut_after = self.cut_every and self.passed + self.cut_every
                        self.reset()
                        return
                else:
                    self.sent += len(data)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _spoilt(self, data):
        if self.flip_at is None or not self.passed <= self.flip_at < self.passed + len(data):
            return data
        at, self.flip_at = self.flip_at - self.passed, None
        return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]

    def reset(self):
        """Cut all connections there are; new ones are let through."""
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                # Who is closed while somebody reads from him is not closed before something comes.
                if end.fileno() >= 0:
                    LIBC.connect(end.fileno(), bytes(16), 16)
                end.close()

    def close(self):
        self.server.close()
        self.reset()
