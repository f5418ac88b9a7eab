"""Cards of workers stay fresh while computations run; what one sees of a session from outside is right."""

import re
import time
import urllib.request
from queue import Empty

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import kernels

CLIENT = 'client = Client(n_workers=2, threads_per_worker=1, memory_limit="256MiB")'
# About two seconds on one quiet core; nothing of it can be folded.
WORK = "r = default_rng({}).normal(size=(9000, 9000), chunks=1000)\n(r * r[::-1, ::-1]).sum().compute()"


@pytest.fixture(scope="module")
def workers():
    """A kernel that has a client of two workers."""
    with kernels.kernel() as (_, client):
        kernels.run_cell(client, CLIENT).ok()
        yield client


def card(cell):
    """The card that a cell shows: its id and its text."""
    (message,) = [m for m in cell.of_type("display_data") if "client 127" in m["content"]["data"]["text/plain"]]
    assert not cell.of_type("execute_result")
    return message["content"]["transient"]["display_id"], message["content"]["data"]["text/plain"]


def updates(cell):
    """What of cards a cell shows anew, as (id, text)."""
    contents = [m["content"] for m in cell.of_type("update_display_data")]
    found = [(c["transient"]["display_id"], c["data"]["text/plain"], c["data"]["text/html"]) for c in contents]
    return [(name, text) for name, text, html in found if text.startswith("client ") and "class=\"clv\"" in html]


def numbers(text, column):
    """A column of a card's table, by its head."""
    lines = text.splitlines()
    head = next(line for line in lines if line.startswith("worker"))
    start = re.search(rf"\b{column}\b", head).start()
    return [line[start:].split()[0] for line in lines if re.match(r"127\.\S+:\d+ ", line)]


def test_cards_are_kept_fresh_each_under_its_own_id(workers):
    first, text = card(kernels.run_cell(workers, "client").ok())
    assert "2 workers · 2 threads" in text and numbers(text, "threads") == ["1", "1"]
    second, _ = card(kernels.run_cell(workers, "%workers").ok())
    assert first != second
    begin = time.monotonic()
    ran = kernels.run_cell(workers, WORK.format(1), timeout=120).ok()
    took = time.monotonic() - begin
    shown = updates(ran)
    assert {name for name, _ in shown} == {first, second}, "both cards, and no other"
    for name in (first, second):
        texts = [text for card, text in shown if card == name]
        assert 1 <= len(texts) <= took / 0.5 + 2, f"{len(texts)} in {took} s"
        assert len(set(texts)) == len(texts), "only what is new is shown"
        assert numbers(texts[-1], "running") == ["0", "0"], "nothing runs when the computation is over"
        assert "done" in texts[-1] and numbers(texts[-1], "state") == ["ready", "ready"]


def test_a_quiet_session_says_nothing(workers):
    kernels.drain(workers)
    with pytest.raises(Empty):
        workers.get_iopub_msg(timeout=1.5)


def test_metrics_are_what_prometheus_reads(workers):
    url = re.search(r"http\S+", kernels.run_cell(workers, "%dashboard").ok().text())[0]
    kernels.run_cell(workers, WORK.format(2), timeout=120).ok()
    text = urllib.request.urlopen(url.replace("/?", "/metrics?"), timeout=5).read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    value = lambda name: {tuple(s.labels.values()): s.value for s in families[name].samples}
    assert value("cleave_computations")[("computed",)] >= 1
    assert value("cleave_elements")[()] >= 81e6 and value("cleave_running") == {(): 0}
    assert list(value("cleave_worker_threads").values()) == [1, 1]
    assert all(up == 1 for up in value("cleave_worker_up").values())
    assert sum(value("cleave_worker_shares_done").values()) >= 2
    kinds = {name: family.type for name, family in families.items()}
    assert kinds["cleave_moved_bytes"] == "counter" and kinds["cleave_worker_cpu"] == "gauge"
    assert all(family.documentation for family in families.values())


def test_a_card_says_when_its_client_is_closed_and_then_rests(workers):
    shown, _ = card(kernels.run_cell(workers, "client").ok())
    closed = kernels.run_cell(workers, "client.close()").ok()
    assert (shown, True) in [(name, "closed" in text) for name, text in updates(closed)]
    assert not updates(kernels.run_cell(workers, "ones((3000, 3000)).sum().compute()").ok())
