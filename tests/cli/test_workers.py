"""The commands around workers: what they refuse, what they start, and what is left when they end."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from program import BINARY, run, run_text, told
from workers import start_worker


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["worker", "--listen", "nowhere"], "bad-address"),
        (["worker", "--listen", "127.0.0.1:99999"], "bad-address"),
        (["worker", "--memory", "much"], "bad-size"),
        (["worker", "--threads", "0"], "1..=1024"),
        (["worker", "--data-root", "/nowhere/at/all"], "bad-root"),
        (["worker", "--token-file", "/nowhere/token"], "/nowhere/token"),
        (["worker", "--tls-dir", "/nowhere"], "/nowhere"),
        (["worker", "--listen", "0.0.0.0:0"], "--tls-dir"),
        (["worker", "--listen", "127.0.0.1:0", "--metrics", "nowhere"], "bad-address"),
        (["cluster", "--local", "0"], "1..=1024"),
        (["cluster", "--local", "2", "--memory", "much"], "bad-size"),
        (["certs", "new", "somewhere"], "NAMES"),
        (["eval", "1", "--scheduler", "workers"], "no-workers"),
        (["eval", "1", "--scheduler", "workers://localhost"], "bad-address"),
        (["eval", "1", "--scheduler", "tcp://localhost:8786"], "unknown-scheme"),
    ],
)
def test_wrong_arguments_say_what_to_do(tmp_path, arguments, words):
    done = run(*arguments, cwd=tmp_path, timeout=20)
    assert done.returncode == 2 and words in done.stderr and "panicked" not in done.stderr, told(done)


def test_certificates_are_for_their_owner_and_are_never_written_over(tmp_path):
    folder = tmp_path / "certs"
    first = run("certs", "new", folder, "localhost", "127.0.0.1", check=0)
    written = sorted(p.name for p in folder.iterdir())
    assert written == ["ca-key.pem", "ca.pem", "client-key.pem", "client.pem", "token", "worker-key.pem", "worker.pem"]
    assert all(p.stat().st_mode & 0o77 == 0 for p in folder.iterdir() if p.name == "token" or "key" in p.name)
    assert (folder / "token").read_text().strip() not in first.stdout
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    again = run("certs", "new", folder, "localhost")
    assert again.returncode == 2, told(again)
    assert before == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_metrics_of_a_worker():
    worker = start_worker("--threads", "3", "--name", "mine", "--metrics", "127.0.0.1:0")
    try:
        url = re.search(r"http://\S+/metrics", worker.lines[0])[0]
        text = urllib.request.urlopen(url, timeout=5).read().decode()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        (threads,) = families["cleave_worker_threads"].samples
        assert (threads.value, threads.labels["name"]) == (3, "mine") and threads.labels["worker"].startswith("127.")
        assert all(f.type in ("gauge", "counter") and f.documentation for f in families.values())
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(urllib.request.Request(url, headers={"Host": "evil.example"}), timeout=5)
    finally:
        worker.kill()


def children(pid):
    return psutil.Process(pid).children(recursive=True)


def gone(processes, within=10):
    return not psutil.wait_procs(processes, timeout=within)[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_local_workers_end_with_what_started_them(tmp_path, number):
    command = [BINARY, "cluster", "--local", "2", "--threads", "1", "--memory", "256MiB"]
    cluster = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        lines = [cluster.stdout.readline() for _ in range(3)]
        scheduler = re.search(r"workers://\S+", lines[2])[0]
        token = re.search(r"--token-file (\S+)", lines[2])[1]
        text = "print(ones((1000, 1000)).sum().compute())\n"
        done = run_text(tmp_path, text, "--scheduler", scheduler, "--token-file", token)
        assert done.stdout == "1000000.0\n", told(done)
        refused = run_text(tmp_path, text, "--scheduler", scheduler, check=None)
        assert refused.returncode == 1 and "wrong-token" in refused.stderr, told(refused)
        started = children(cluster.pid)
        assert len(started) == 2
        cluster.send_signal(number)
        cluster.wait(10)
        assert gone(started)
        assert number == signal.SIGKILL or not os.path.exists(token)
    finally:
        cluster.kill()


def test_a_client_starts_workers_and_stops_them(tmp_path):
    text = """
with Client(n_workers=2, threads_per_worker=1, memory_limit="256MiB") as client:
    print(client)
    print(ones((3000, 3000)).sum().compute())
print(ones((3000, 3000)).mean().compute())
"""
    done = run_text(tmp_path, text)
    assert re.match(r"<Client: '127\.0\.0\.1:\d+,127\.0\.0\.1:\d+'>\n9000000\.0\n1\.0\n", done.stdout), told(done)
    time.sleep(0.2)
    for port in re.findall(r"127\.0\.0\.1:(\d+)", done.stdout):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), timeout=5)


def test_the_card_of_a_client_and_of_a_run(tmp_path):
    text = """
client = Client(n_workers=2, threads_per_worker=1, memory_limit="256MiB")
client
%workers
%time (default_rng(1).random((6000, 6000)) < 2).sum().compute()
%trace run.json
client.close()
client
"""
    done = run_text(tmp_path, text)
    assert done.stdout.count("2 workers · 2 threads") == 2, told(done)
    assert "36000000" in done.stdout and "closed>" in done.stdout, told(done)
    traced = (tmp_path / "run.json").read_text()
    assert all(address in traced for address in re.findall(r"^(127\S+:\d+) +ready", done.stdout, re.MULTILINE)), traced
