"""What every Python test shares: no test sees the user's own Jupyter, home or caches."""

import os

import pytest

from program import ARTEFACTS, BINARY


def pytest_sessionstart(session):
    if not BINARY.is_file():
        pytest.exit(f"{BINARY} is missing; build it with `cargo build --release`", returncode=3)
    ARTEFACTS.mkdir(exist_ok=True)


@pytest.fixture(scope="session", autouse=True)
def private_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    folders = {
        "HOME": home,
        "XDG_CACHE_HOME": home / "cache",
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_STATE_HOME": home / "state",
        "IPYTHONDIR": home / "ipython",
        "JUPYTER_CONFIG_DIR": home / "jupyter-config",
        "JUPYTER_DATA_DIR": home / "jupyter-data",
        "JUPYTER_RUNTIME_DIR": home / "jupyter-runtime",
    }
    before = {name: os.environ.get(name) for name in [*folders, "JUPYTER_PATH", "CLEAVE_CALIBRATE"]}
    for name, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(folder)
    # A kernel that idles between tests must not measure the machine beside them.
    os.environ["CLEAVE_CALIBRATE"] = "off"
    yield home
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
