"""What tests of workers share: what threads say, and that nothing is left behind."""

import time

import pytest

from program import run_text


@pytest.fixture(scope="session")
def exact(tmp_path_factory):
    """What threads say."""
    said = {}

    def ask(text):
        if text not in said:
            said[text] = run_text(tmp_path_factory.mktemp("exact"), text, timeout=120).stdout
        return said[text]

    return ask


@pytest.fixture(autouse=True)
def leaves_nothing(tmp_path, monkeypatch):
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    yield
    end = time.monotonic() + 5
    while list(place.iterdir()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not list(place.iterdir())
