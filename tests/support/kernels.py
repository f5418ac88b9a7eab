"""A kernel of ours and clients for it, on jupyter_client: code that shares nothing with the kernel."""

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

import psutil
from jupyter_client import BlockingKernelClient, KernelManager

from program import plain, run

NAME = "cleave"


def install(prefix):
    """Install the kernelspec under `prefix` and let Jupyter find it there and nowhere else."""
    run("install", "--prefix", prefix, check=0)
    os.environ["JUPYTER_PATH"] = str(Path(prefix) / "share" / "jupyter")


@dataclass
class Cell:
    """What running one cell gave."""

    reply: dict
    messages: list = field(default_factory=list)

    @property
    def status(self):
        return self.reply["content"]["status"]

    @property
    def error_name(self):
        return self.reply["content"].get("ename")

    def of_type(self, kind):
        return [m for m in self.messages if m["msg_type"] == kind]

    def text(self, name="stdout"):
        return plain("".join(m["content"]["text"] for m in self.of_type("stream") if m["content"]["name"] == name))

    @property
    def result(self):
        """The plain text of the execute_result, or None."""
        found = self.of_type("execute_result")
        return plain(found[0]["content"]["data"]["text/plain"]) if found else None

    @property
    def traceback(self):
        return plain("\n".join(self.reply["content"].get("traceback", [])))

    @property
    def states(self):
        return [m["content"]["execution_state"] for m in self.of_type("status")]

    def ok(self):
        assert self.status == "ok", self.traceback or self.reply["content"]
        return self


@contextlib.contextmanager
def kernel(**options):
    """A running kernel as (manager, client)."""
    manager = KernelManager(kernel_name=NAME)
    manager.start_kernel(**options)
    client = connect(manager)
    try:
        yield manager, client
    finally:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=not manager.is_alive())


def connect(manager, timeout=30):
    """A client with an identity of its own: those that the manager makes share one."""
    client = BlockingKernelClient()
    client.load_connection_info(manager.get_connection_info(session=False))
    client.start_channels()
    client.wait_for_ready(timeout=timeout)
    return client


def run_cell(client, code, timeout=60, **options):
    return collect(client, client.execute(code, **options), timeout)


def collect(client, message_id, timeout=60):
    """The reply to a request and all of its output, up to its `idle`."""
    deadline = time.monotonic() + timeout
    messages = list(until_idle(client, message_id, deadline))
    return Cell(shell_reply(client, message_id, deadline), messages)


def until_idle(client, message_id, deadline):
    while True:
        message = client.get_iopub_msg(timeout=left(deadline))
        if message["parent_header"].get("msg_id") != message_id:
            continue
        yield message
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return


def shell_reply(client, message_id, deadline):
    return reply_on(client.get_shell_msg, message_id, deadline)


def control_reply(client, message_id, timeout=10):
    return reply_on(client.get_control_msg, message_id, time.monotonic() + timeout)


def reply_on(receive, message_id, deadline):
    while True:
        message = receive(timeout=left(deadline))
        if message["parent_header"].get("msg_id") == message_id:
            return message


def left(deadline):
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("no answer in time")
    return remaining


def send(client, channel, message_type, content):
    """Send a request that the client library has no method for; return its id."""
    message = client.session.msg(message_type, content)
    getattr(client, f"{channel}_channel").send(message)
    return message["header"]["msg_id"]


def interrupt(client):
    """Send an interrupt on the control channel and wait for its reply."""
    control_reply(client, send(client, "control", "interrupt_request", {}))


def wait_busy(client, message_id, timeout=10):
    """Wait until the kernel says that it works on this request."""
    deadline = time.monotonic() + timeout
    while True:
        message = client.get_iopub_msg(timeout=left(deadline))
        ours = message["parent_header"].get("msg_id") == message_id
        if ours and message["msg_type"] == "execute_input":
            return


def drain(client):
    for receive in (client.get_iopub_msg, client.get_shell_msg):
        with contextlib.suppress(Empty):
            while True:
                receive(timeout=0.1)


def process(manager):
    """The kernel's process."""
    return psutil.Process(manager.provisioner.pid)


def resident_mib(manager):
    return process(manager).memory_info().rss / 2**20


def wait_until(condition, timeout=10, what="the condition"):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {timeout} s"
        time.sleep(0.05)
