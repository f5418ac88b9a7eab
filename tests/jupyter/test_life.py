"""Starting, restarting, ending: nothing is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from kernels import connect, kernel, process, run_cell, wait_until
from program import run, told

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def kernels_of_this_process():
    return [p for p in psutil.Process().children(recursive=True) if p.is_running() and "cleave" in p.name()]


def refuses(ip, port):
    with socket.socket() as probe:
        return probe.connect_ex((ip, port)) != 0


def test_twenty_restarts_leave_nothing():
    before = len(kernels_of_this_process())
    with kernel() as (manager, client):
        first = process(manager)
        client.stop_channels()
        files = None
        for round_number in range(20):
            manager.restart_kernel(now=round_number % 4 == 3)
            client = connect(manager)
            assert run_cell(client, f"{round_number} + 1").ok().result == str(round_number + 1)
            client.stop_channels()
            files = files or process(manager).num_fds()
        assert not first.is_running() or first.status() == psutil.STATUS_ZOMBIE
        assert len(kernels_of_this_process()) == before + 1
        # connections that the last client closed take a moment to be gone
        wait_until(lambda: process(manager).num_fds() <= files + 2, what="as few files as at first")
        info = manager.get_connection_info()
        manager.shutdown_kernel()
        assert all(refuses(info["ip"], info[name]) for name in PORTS)
    assert len(kernels_of_this_process()) == before


def test_shutdown_is_answered_and_ends_with_zero():
    with kernel() as (manager, client):
        watched = process(manager)
        client.shutdown()
        assert client.get_control_msg(timeout=5)["content"] == {"status": "ok", "restart": False}
        seen = ""
        while seen != "shutdown_reply":
            seen = client.get_iopub_msg(timeout=5)["msg_type"]
        assert watched.wait(5) in (0, None)


def test_restart_forgets_everything():
    with kernel() as (manager, client):
        run_cell(client, "x = 1").ok()
        manager.restart_kernel()
        again = connect(manager)
        assert run_cell(again, "x").error_name == "unknown-name"
        assert run_cell(again, "1").reply["content"]["execution_count"] == 2
        again.stop_channels()


def test_the_kernel_goes_when_its_parent_dies(tmp_path):
    code = (
        "import sys, time; from jupyter_client import KernelManager\n"
        "m = KernelManager(kernel_name='cleave'); m.start_kernel(); c = m.client(); c.start_channels()\n"
        "c.wait_for_ready(timeout=30); print(m.provisioner.pid, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 15, "the kernel's end")


def good_connection(folder, **changes):
    ports = {}
    sockets = [socket.socket() for _ in PORTS]
    for name, reserved in zip(PORTS, sockets):
        reserved.bind(("127.0.0.1", 0))
        ports[name] = reserved.getsockname()[1]
    for reserved in sockets:
        reserved.close()
    info = {"ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256", **ports, **changes}
    path = folder / "connection.json"
    path.write_text(json.dumps({k: v for k, v in info.items() if v is not None}))
    return path


MALFORMED = {
    "empty": "",
    "not json": "ports: many",
    "truncated": '{"ip": "127.0.0.1", "shell_port": 1',
    "list": "[]",
    "binary": "\x00\x01\x02",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_connection_file(tmp_path, kind):
    path = tmp_path / "connection.json"
    path.write_text(MALFORMED[kind])
    refused(run("kernel", "-f", path, timeout=10), path)


@pytest.mark.parametrize(
    "changes",
    [
        {"shell_port": None},
        {"shell_port": "many"},
        {"shell_port": 70000},
        {"transport": "pigeon"},
        {"signature_scheme": "rot13"},
        {"ip": "not an address"},
    ],
    ids=str,
)
def test_connection_file_with_a_wrong_field(tmp_path, changes):
    path = good_connection(tmp_path, **changes)
    refused(run("kernel", "-f", path, timeout=10), path)


def test_a_connection_file_that_others_can_read_is_closed_to_them(tmp_path):
    path = good_connection(tmp_path, transport="pigeon")
    path.chmod(0o644)
    done = run("kernel", "-f", path, timeout=10)
    refused(done, path)
    assert "others could read" in done.stderr and path.stat().st_mode & 0o777 == 0o600, told(done)
    assert "others could read" not in run("kernel", "-f", path, timeout=10).stderr


def test_missing_connection_file(tmp_path):
    path = tmp_path / "none.json"
    refused(run("kernel", "-f", path, timeout=10), path)


def refused(done, path):
    assert done.returncode in (1, 2), told(done)
    assert path.name in done.stderr and "panicked" not in done.stderr, told(done)


def test_taken_port_is_a_clear_error(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path = good_connection(tmp_path, shell_port=taken.getsockname()[1])
        done = run("kernel", "-f", path, timeout=10)
    assert done.returncode in (1, 2) and str(taken) and done.stderr, told(done)
    assert "panicked" not in done.stderr


def test_an_interrupt_by_signal_does_not_end_an_idle_kernel(fresh):
    manager, client = fresh
    os.kill(process(manager).pid, signal.SIGINT)
    time.sleep(0.3)
    assert run_cell(client, "1 + 1").ok().result == "2"


def test_ipc_transport(tmp_path):
    from jupyter_client import KernelManager

    manager = KernelManager(kernel_name="cleave", transport="ipc", ip=str(tmp_path / "kernel-ipc"))
    manager.start_kernel()
    try:
        client = connect(manager)
        assert run_cell(client, "1 + 1").ok().result == "2"
        client.stop_channels()
    finally:
        manager.shutdown_kernel()
