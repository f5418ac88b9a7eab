"""The page of `%dashboard` while something runs, and afterwards."""

import re
import time

import pytest
from playwright.sync_api import expect

import kernels
from program import ARTEFACTS

CLIENT = 'client = Client(n_workers=2, threads_per_worker=1, memory_limit="256MiB")'
WORK = "r = default_rng(3).normal(size=(14000, 14000), chunks=1000)\n((r - r.mean(axis=0)) * r[::-1]).sum().compute()"


@pytest.fixture(scope="module")
def session(private_home, tmp_path_factory):
    """A kernel and the address of its page."""
    kernels.install(tmp_path_factory.mktemp("prefix"))
    with kernels.kernel() as (_, client):
        yield client, re.search(r"http\S+", kernels.run_cell(client, "%dashboard").ok().text())[0]


def watched(page, url, **media):
    """The page at an address, and what its console says."""
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.emulate_media(**media)
    page.goto(url)
    expect(page.locator("#state")).to_have_text("live")
    return said


@pytest.mark.parametrize("scheduler", ["threads", "workers"])
def test_the_page_follows_a_run_and_keeps_it(session, page, scheduler):
    client, url = session
    said = watched(page, url)
    board = page.locator("#board")
    if scheduler == "workers":
        kernels.run_cell(client, CLIENT).ok()
    message = client.execute(WORK)
    expect(board).to_contain_text("computing on", timeout=30_000)
    seen = set()
    while "computing on" in (text := board.inner_text()):
        seen.add(text)
        if len(seen) == 3:
            page.screenshot(path=str(ARTEFACTS / f"dashboard-{scheduler}-running.png"), full_page=True)
        time.sleep(0.2)
    kernels.collect(client, message, 120).ok()
    assert len(seen) >= 3, "it changed while it went on"
    expect(board).to_contain_text(f"computed on {scheduler}(")
    expect(board).to_contain_text(f"{'threads' if scheduler == 'threads' else 'workers'} over time")
    boxes = page.locator(".wide .box")
    assert boxes.count() >= 2
    expect(boxes.first).to_contain_text("done")
    if scheduler == "workers":
        expect(board).to_contain_text("2 workers · 2 threads")
    page.wait_for_timeout(1000)
    expect(board).to_contain_text("computed on")
    page.screenshot(path=str(ARTEFACTS / f"dashboard-{scheduler}.png"), full_page=True)
    assert not said


def test_at_the_width_of_a_phone_and_in_the_dark(session, page):
    client, url = session
    kernels.run_cell(client, "ones((3000, 3000)).mean(axis=0).sum().compute()").ok()
    page.set_viewport_size({"width": 390, "height": 844})
    said = watched(page, url, color_scheme="dark")
    expect(page.locator(".narrow .box").first).to_be_visible()
    expect(page.locator(".wide")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    inside = "boxes => boxes.every(box => box.getBoundingClientRect().right <= innerWidth)"
    assert page.locator("#board svg").evaluate_all(inside), "no picture is cut off"
    page.screenshot(path=str(ARTEFACTS / "dashboard-phone-dark.png"), full_page=True)
    assert not said
