"""The kernelspec, installed once in a folder of its own, and kernels started from it."""

import pytest

import kernels


@pytest.fixture(scope="session", autouse=True)
def prefix(private_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    kernels.install(folder)
    return folder


@pytest.fixture
def fresh():
    """A kernel that nobody used before, as (manager, client)."""
    with kernels.kernel() as pair:
        yield pair


@pytest.fixture(scope="module")
def shared():
    """One kernel for all tests of a file that leave it as it was, as (manager, client)."""
    with kernels.kernel() as pair:
        yield pair


@pytest.fixture
def client(shared):
    manager, client = shared
    kernels.drain(client)
    yield client
    assert manager.is_alive(), "the kernel died"
