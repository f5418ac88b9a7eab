"""Disks that are full, chunks that cannot be read, spilled blocks that changed: an error, and the kernel goes on."""

import contextlib
import os
import resource
import signal
import subprocess
import time

import pytest

from kernels import collect, process, run_cell, wait_until

SPILLS = """%config memory_limit=48MiB
x = default_rng(1).standard_normal((4000, 100), chunks=(500, 100))
y = x @ x.T
((y - y.mean(axis=1, keepdims=True)) / y.std(axis=0)).max(axis=0).sum().compute()
"""
WRITES = {
    "spill": SPILLS,
    "Zarr": 'to_zarr(default_rng(1).random((2000, 1000), chunks=500), f"{folder}/x.zarr")',
    "one chunk": 'to_zarr(default_rng(1).random((2000, 1000), chunks=-1), f"{folder}/x.zarr", compressor="none")',
    "npy": 'save(f"{folder}/x.npy", default_rng(1).random((2000, 1000), chunks=500))',
}


@pytest.fixture
def tiny_disk(tmp_path):
    """A folder with room for a MiB."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True)
    if made.returncode:
        pytest.skip("only the superuser makes a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@contextlib.contextmanager
def small_files(manager, most_bytes):
    """Lets the kernel write no file of more bytes."""
    pid = process(manager).pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def places(folder):
    return f'%config spill.directory={folder}\nfolder = "{folder}"\n'


def check_that_it_goes_on(client, folder):
    assert run_cell(client, "ones((300, 300), chunks=7).sum().compute()").ok().result == "90000.0"
    wait_until(lambda: not any(folder.iterdir()), what="an empty folder")


@pytest.mark.parametrize("what", WRITES)
def test_a_full_disk(client, tiny_disk, what):
    run_cell(client, places(tiny_disk)).ok()
    ended = run_cell(client, WRITES[what])
    assert ended.error_name == "disk-full", ended.traceback
    assert str(tiny_disk) in ended.traceback
    check_that_it_goes_on(client, tiny_disk)


@pytest.mark.parametrize("what", WRITES)
def test_files_that_may_not_grow(shared, client, tmp_path, what):
    run_cell(client, places(tmp_path)).ok()
    with small_files(shared[0], 1 << 20):
        ended = run_cell(client, WRITES[what])
    assert ended.error_name == "disk-full", ended.traceback
    check_that_it_goes_on(client, tmp_path)


def test_a_chunk_that_cannot_be_read_until_it_can(client, tmp_path):
    store = f'"{tmp_path}/x.zarr"'
    run_cell(client, f"to_zarr(ones((400, 300), chunks=100), {store})\nx = from_zarr({store})").ok()
    chunk = tmp_path / "x.zarr" / "c" / "2" / "1"
    good = chunk.read_bytes()
    for bad in (good[: len(good) // 2], bytes([*good[:-1], good[-1] ^ 1]), b"no chunk at all", b""):
        chunk.write_bytes(bad)
        for code in ("x.sum().compute()", f'(x + 1).to_zarr("{tmp_path}/y.zarr")', "y = x.persist()"):
            ended = run_cell(client, code)
            assert ended.error_name == "read-failed" and "(2, 1)" in ended.traceback, ended.traceback
    chunk.write_bytes(good)
    assert run_cell(client, "x.sum().compute()").ok().result == "120000.0"
    wait_until(lambda: os.listdir(tmp_path) == ["x.zarr"], what="a folder without what was half written")


def flip_all_blocks(kernel, folder):
    """Stops the kernel once blocks lie on disk, changes a bit in each, and lets it go on."""
    found = []
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 8 << 20 for path in found):
        assert time.monotonic() < deadline, "nothing was put aside"
        time.sleep(0.002)
        found = list(folder.rglob("*.blocks"))
    kernel.send_signal(signal.SIGSTOP)
    for path in found:
        with open(path, "r+b") as file:
            for at in range(0, path.stat().st_size, 4096):
                file.seek(at)
                byte = file.read(1)
                file.seek(at)
                file.write(bytes([byte[0] ^ 4]))
    kernel.send_signal(signal.SIGCONT)


def test_spilled_blocks_that_changed(shared, client, tmp_path):
    run_cell(client, places(tmp_path)).ok()
    want = run_cell(client, SPILLS).ok().result
    message = client.execute(SPILLS)
    flip_all_blocks(process(shared[0]), tmp_path)
    ended = collect(client, message)
    assert ended.error_name == "spill-damaged" and str(tmp_path) in ended.traceback, ended.traceback
    assert run_cell(client, SPILLS).ok().result == want
    check_that_it_goes_on(client, tmp_path)
