"""Traces keep the rules of the trace event format, as Perfetto reads it."""

import json
from collections import defaultdict

import pytest

from program import run_text

# Two stages, each of many tasks.
WORK = "r = default_rng(1).random((4000, 4000), chunks=250)\n((r - r.mean(axis=0)) * r[::-1]).sum().compute()\n"
PROGRAMS = {
    "threads": "%scheduler threads 2\n" + WORK,
    "single-threaded": "%scheduler single-threaded\n" + WORK,
    "workers": 'client = Client(n_workers=2, threads_per_worker=2, memory_limit="256MiB")\n' + WORK,
    "a million chunks": "%scheduler threads 2\n%config optimize.fold = off\nones(1000000, chunks=1).sum().compute()\n",
}


@pytest.fixture(scope="module", params=PROGRAMS)
def traced(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trace")
    run_text(folder, PROGRAMS[request.param] + "%trace run.json\n", timeout=120)
    text = (folder / "run.json").read_text()
    return request.param, text, json.loads(text)


def test_every_event_is_of_the_format(traced):
    _, text, trace = traced
    assert trace["displayTimeUnit"] in ("ms", "ns") and len(text) < 4_000_000
    for event in trace["traceEvents"]:
        assert event["ph"] in "XM" and isinstance(event["name"], str)
        assert all(isinstance(event[key], int) and event[key] >= 0 for key in ("pid", "tid"))
        if event["ph"] == "X":
            assert all(isinstance(event[key], int) and event[key] >= 0 for key in ("ts", "dur")), event
        else:
            assert event["name"] in ("process_name", "thread_name") and isinstance(event["args"]["name"], str)


def test_slices_of_a_track_follow_each_other(traced):
    _, _, trace = traced
    tracks = defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            tracks[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for track, slices in tracks.items():
        assert all(end <= start for (_, end), (start, _) in zip(slices, slices[1:])), track


def test_every_track_has_a_name_and_threads_have_their_own(traced):
    kind, _, trace = traced
    events = trace["traceEvents"]
    named = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    used = {(e["pid"], e["tid"]) for e in events if e["ph"] == "X"}
    assert used <= set(named)
    processes = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    assert {pid for pid, _ in used} <= set(processes)
    threads = {track: name for track, name in named.items() if name.startswith("thread ")}
    work = [e for e in events if e.get("cat") == "tasks"]
    tasks = sum(e["args"]["tasks"] for e in work)
    assert tasks == sum(e["args"]["tasks"] for e in events if e.get("cat") == "stage"), "every task is on a thread"
    most = {"threads": 2, "single-threaded": 1, "workers": 4, "a million chunks": 2}[kind]
    assert 1 <= len(threads) <= most and all(e["args"]["steps"] for e in work)
    if kind == "workers":
        assert {"127.0.0.1"} == {name.rsplit(":", 1)[0] for pid, name in processes.items() if pid}
        assert any(e.get("cat") == "share" for e in events)
