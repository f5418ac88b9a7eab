"""JupyterLab with our kernel and a headless Chromium in front of it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from program import ARTEFACTS, run

TOKEN = "cleave-tests"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def lab(private_home, tmp_path_factory):
    """The address of a running JupyterLab whose only folder is a fresh one."""
    prefix, work = tmp_path_factory.mktemp("prefix"), tmp_path_factory.mktemp("work")
    run("install", "--prefix", prefix, check=0)
    quiet(private_home)
    port = free_port()
    options = [f"--port={port}", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}",
               f"--ServerApp.root_dir={work}", "--ServerApp.port_retries=0", "--LabApp.expose_app_in_browser=True"]  # fmt: skip
    environment = {**os.environ, "JUPYTER_PATH": str(prefix / "share" / "jupyter")}
    log = open(ARTEFACTS / "jupyter-lab.log", "w")
    server = subprocess.Popen(
        [str(Path(sys.executable).parent / "jupyter"), "lab", *options],
        env=environment,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    wait_for(f"{address}/api/status?token={TOKEN}", server)
    yield address
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(10)
    server.kill()
    log.close()


def quiet(home):
    """No questions about news, no look for updates."""
    folder = home / "jupyter-config" / "labconfig"
    folder.mkdir(parents=True)
    settings = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    (folder / "default_setting_overrides.json").write_text(json.dumps(settings))


def wait_for(url, server):
    deadline = time.monotonic() + 60
    while True:
        assert server.poll() is None, "JupyterLab ended; see jupyter-lab.log"
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(url, timeout=5).read()
        assert time.monotonic() < deadline, "JupyterLab did not start in a minute"
        time.sleep(0.2)


@pytest.fixture(scope="session")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A picture of the page tells more than the traceback of a failing test."""
    report = yield
    page = item.funcargs.get("page")
    if report.when == "call" and report.failed and page:
        with contextlib.suppress(Exception):
            page.screenshot(path=str(ARTEFACTS / f"failed-{item.name}.png"), timeout=5_000)
    return report


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    yield opened
    context.close()
