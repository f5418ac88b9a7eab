"""What a cell sends, in which order, and how much of it."""

import threading
import time

import pytest
from jupyter_client import KernelManager

from kernels import NAME, Cell, connect, control_reply, process, resident_mib, run_cell, send, shell_reply


def test_every_request_is_bracketed_by_busy_and_idle(client):
    cell = run_cell(client, 'print("a")\n1 + 1').ok()
    kinds = [m["msg_type"] for m in cell.messages]
    assert cell.states == ["busy", "idle"]
    assert kinds[0] == "status" and kinds[-1] == "status"
    assert kinds[1] == "execute_input"
    assert kinds.index("stream") < kinds.index("execute_result")
    assert cell.text() == "a\n" and cell.result == "2"


def test_control_requests_are_bracketed_too(client):
    message = send(client, "control", "kernel_info_request", {})
    reply = control_reply(client, message)
    assert reply["content"]["status"] == "ok"
    cell = Cell(reply)
    while cell.states != ["busy", "idle"]:
        seen = client.get_iopub_msg(timeout=5)
        if seen["parent_header"].get("msg_id") == message:
            cell.messages.append(seen)


def test_kernel_info_tells_what_front_ends_need(client):
    for channel in ("shell", "control"):
        message = send(client, channel, "kernel_info_request", {})
        reply = (
            control_reply(client, message)
            if channel == "control"
            else shell_reply(client, message, time.monotonic() + 10)
        )
        content = reply["content"]
        language = content["language_info"]
        assert tuple(map(int, content["protocol_version"].split("."))) >= (5, 4)
        assert content["implementation"] == "cleave" and content["implementation_version"] and content["banner"]
        assert language["name"] == "cleave" and language["file_extension"] == ".clv"
        assert language["mimetype"] and language["version"]
        assert "python" in str(language["codemirror_mode"])
        assert "python" in language["pygments_lexer"] or language["pygments_lexer"] == "cleave"


def test_twenty_thousand_prints(fresh):
    manager, client = fresh
    run_cell(client, 'print("warm")').ok()
    before = resident_mib(manager)
    start = time.monotonic()
    cell = run_cell(client, 'for i in range(20000):\n    print("line", i)\n"done"').ok()
    took = time.monotonic() - start
    growth = resident_mib(manager) - before
    print(f"20,000 prints: {took:.2f} s, {len(cell.of_type('stream'))} messages, {growth:+.1f} MiB")
    assert cell.text().splitlines() == [f"line {i}" for i in range(20000)]
    assert cell.result == "'done'"
    assert len(cell.of_type("stream")) < 2000
    assert growth < 48


def test_a_flood_keeps_the_result_and_bounds_memory(fresh):
    manager, client = fresh
    before = resident_mib(manager)
    code = 'for i in range(400000):\n    print("a line of forty characters, or nearly so", i)\n"done"'
    cell = run_cell(client, code, timeout=120).ok()
    lines = cell.text().splitlines()
    assert cell.result == "'done'"
    assert lines[0].endswith(" 0")
    assert resident_mib(manager) - before < 96
    assert sum(len(m["content"]["text"]) for m in cell.of_type("stream")) < 8_000_000
    assert "suppressed" in cell.text() + cell.text("stderr")


def test_memory_stays_when_nobody_reads(fresh):
    manager, client = fresh
    before = resident_mib(manager)
    client.iopub_channel.stop()
    message = client.execute('for i in range(300000):\n    print("x" * 100)')
    peak, done, watched = [0.0], threading.Event(), process(manager)

    def watch():
        while not done.wait(0.05):
            peak[0] = max(peak[0], watched.memory_info().rss / 2**20)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    shell_reply(client, message, time.monotonic() + 90)
    done.set()
    watcher.join()
    assert peak[0] - before < 128


def test_two_clients_at_once(fresh):
    manager, first = fresh
    second = connect(manager)
    answers = {}

    def ask(client, offset):
        answers[offset] = [run_cell(client, f"{offset} + {i}").ok().result for i in range(30)]

    workers = [threading.Thread(target=ask, args=(c, o)) for c, o in ((first, 1000), (second, 2000))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    second.stop_channels()
    for offset in (1000, 2000):
        assert answers[offset] == [str(offset + i) for i in range(30)]


def test_fifty_requests_in_order(client):
    messages = [client.execute(f"print({i})\n{i} * 2") for i in range(50)]
    seen = []
    idle = 0
    while idle < 50:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") not in messages:
            continue
        if message["msg_type"] == "stream":
            seen += map(int, message["content"]["text"].split())
        idle += message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
    assert seen == list(range(50))
    replies = [client.get_shell_msg(timeout=10)["parent_header"]["msg_id"] for _ in messages]
    assert replies == messages


def test_silent_leaves_no_trace(client):
    before = run_cell(client, "0").reply["content"]["execution_count"]
    quiet = run_cell(client, "print('unheard')\n41 + 1", silent=True)
    after = run_cell(client, "0").reply["content"]["execution_count"]
    assert quiet.status == "ok" and not quiet.of_type("execute_input") and not quiet.of_type("execute_result")
    assert after == before + 1


def test_store_history_false_keeps_the_count(client):
    before = run_cell(client, "0").reply["content"]["execution_count"]
    hidden = run_cell(client, "1234567", store_history=False).ok()
    after = run_cell(client, "0").reply["content"]["execution_count"]
    assert hidden.result == "1234567"
    assert after == before + 1
    message = client.history(hist_access_type="tail", n=3, raw=True, output=False)
    reply = shell_reply(client, message, time.monotonic() + 10)
    assert not any("1234567" in entry[2] for entry in reply["content"]["history"])


def test_user_expressions(client):
    cell = run_cell(client, "answer = 42", user_expressions={"good": "answer + 1", "bad": "no_such_name"}).ok()
    found = cell.reply["content"]["user_expressions"]
    assert found["good"]["status"] == "ok" and found["good"]["data"]["text/plain"] == "43"
    assert found["bad"]["status"] == "error" and found["bad"]["ename"]


def test_an_error_is_told_three_ways(client):
    cell = run_cell(client, 'kept = 1\nprint("before")\nno_such_name + 1')
    assert cell.status == "error" and cell.error_name == "unknown-name"
    (error,) = cell.of_type("error")
    assert error["content"]["evalue"] and "no_such_name" in cell.traceback
    assert error["content"]["traceback"] == cell.reply["content"]["traceback"]
    assert run_cell(client, "kept").status == "error", "a failed cell must change nothing"


def test_a_ten_megabyte_cell(fresh):
    manager, client = fresh
    code = "x = 0\n" + "x = x + 1\n" * 1_000_000 + "x"
    cell = run_cell(client, code, timeout=150)
    assert cell.status in ("ok", "error")
    assert cell.result == "1000000" if cell.status == "ok" else cell.traceback
    assert run_cell(client, "1 + 1").result == "2" and manager.is_alive()


def test_a_hundred_megabyte_cell(fresh):
    manager, client = fresh
    cell = run_cell(client, "x = 1\n" + "# " + "words " * 17_000_000, timeout=60)
    assert cell.status == "error" and "too-long" in cell.traceback, cell.traceback
    assert run_cell(client, "1 + 1").result == "2" and manager.is_alive()


def test_display_updates_stay_in_their_place(client):
    code = "r = default_rng(3).random((60000, 60000), chunks=2000)\n(r * r[::-1, ::-1]).sum().compute()"
    cell = run_cell(client, code, timeout=120).ok()
    shown = {
        m["content"]["transient"]["display_id"] for m in cell.of_type("display_data") if m["content"].get("transient")
    }
    updates = cell.of_type("update_display_data")
    assert {m["content"]["transient"]["display_id"] for m in updates} <= shown
    assert len(updates) < 1000


def test_the_card_carries_text_and_a_picture(client):
    (result,) = run_cell(client, "ones((200000, 200000), chunks=(2000, 2000))").ok().of_type("execute_result")
    data = result["content"]["data"]
    assert "(200000, 200000)" in data["text/plain"] and "float64" in data["text/plain"]
    assert "<svg" in data["text/html"] and "<script" not in data["text/html"]
    assert len(data["text/html"].encode()) <= 6144
    assert 'role="img"' in data["text/html"] and "<title" in data["text/html"]


@pytest.mark.parametrize("attempt", range(3))
def test_nothing_is_lost_when_the_first_request_comes_at_once(attempt):
    """Front ends send their first cell before their subscription has arrived."""
    manager = KernelManager(kernel_name=NAME)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        assert run_cell(client, f"print({attempt})").ok().text() == f"{attempt}\n"
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def test_completion_counts_code_points(client):
    code = '"\N{GRINNING FACE}e\u0301"; default_r'
    reply = shell_reply(client, client.complete(code, len(code)), time.monotonic() + 10)["content"]
    assert reply["matches"] == ["default_rng"]
    assert code[reply["cursor_start"] : reply["cursor_end"]] == "default_r"


def test_completion_knows_names_methods_and_keywords(client):
    run_cell(client, "temperature_map = ones((4, 4), chunks=2)").ok()
    for code, wanted in (
        ("temperature_", "temperature_map"),
        ("temperature_map.rech", "rechunk"),
        ("ones((4, 4), chu", "chunks="),
        ("%lsmag", "%lsmagic"),
        ("%config device_p", "%config device_products"),
    ):
        reply = shell_reply(client, client.complete(code, len(code)), time.monotonic() + 10)["content"]
        ends = [code[: reply["cursor_start"]] + match for match in reply["matches"]]
        assert any(end.endswith(wanted) for end in ends), (code, reply)


def test_a_plan_of_a_million_chunks_is_a_small_picture_of_stages(client):
    run_cell(client, "x = default_rng(1).random((200000, 200000), chunks=200)").ok()
    cell = run_cell(client, "%explain ((x - x.mean(axis=0)) / x.std(axis=0) * x[::-1, ::-1]).sum()").ok()
    (shown,) = cell.of_type("display_data")
    data = shown["content"]["data"]
    assert "<svg" in data["text/html"] and "stage 2" in data["text/html"]
    assert sum(map(len, data.values())) < 60_000, {kind: len(text) for kind, text in data.items()}
