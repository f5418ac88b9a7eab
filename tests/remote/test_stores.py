"""Zarr arrays that workers write themselves: the files are those that threads write, and nothing else is left."""

import os
import re
import signal
import urllib.request

import pytest

from program import run, run_text, told, write_script
from workers import run_on, start_run, wait_busy, workers

WRITE = (
    "x = default_rng(3).standard_normal((900, 700), chunks=(200, 300))\n"
    'sin(x).to_zarr("{name}.zarr", {options})\n'
)
LONG = 'x = default_rng(3).standard_normal((6000, 6000), chunks=(300, 450))\nsin(cos(x)).to_zarr("{name}.zarr")\n'
KINDS = ["", 'zarr_format=2, compressor="gzip"', 'compressor="none"']


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sent_bytes(worker):
    """What a worker handed to others."""
    url = re.search(r"http://\S+/metrics", worker.lines[0])[0]
    text = urllib.request.urlopen(url, timeout=5).read().decode()
    return sum(float(n) for n in re.findall(r"^\w*sent_bytes\w*(?:\{[^}]*\})? (\S+)$", text, flags=re.MULTILINE))


def pool_at(*options, count=2):
    return workers(count, "--threads", 1, "--metrics", "127.0.0.1:0", *options)


@pytest.fixture(autouse=True)
def leaves_no_part(tmp_path):
    yield
    hidden = {path.name for path in tmp_path.rglob(".*")}
    assert hidden <= {".zarray", ".zattrs"}


@pytest.mark.parametrize("options", KINDS, ids=lambda text: text or "as it comes")
def test_the_files_of_threads(tmp_path, options):
    run_text(tmp_path, WRITE.format(name="here", options=options), "--scheduler", "threads")
    with pool_at("--write-root", tmp_path) as pool:
        run_on(tmp_path, pool, WRITE.format(name="there", options=options))
        assert sum(map(sent_bytes, pool)) < 10_000
    assert files(tmp_path / "there.zarr") == files(tmp_path / "here.zarr")


def test_without_a_root_the_kernel_writes(tmp_path):
    elsewhere, linked = tmp_path / "elsewhere", tmp_path / "linked"
    elsewhere.mkdir()
    # A link below the root that leads out of it is no way out.
    (elsewhere / "link").symlink_to(tmp_path)
    linked.symlink_to(elsewhere / "link")
    run_text(tmp_path, WRITE.format(name="here", options=""), "--scheduler", "threads")
    for options in ([], ["--write-root", elsewhere]):
        with pool_at(*options) as pool:
            for place in (tmp_path, elsewhere / "link", linked):
                there = place / "there"
                run_on(tmp_path, pool, WRITE.format(name=there, options="overwrite=True"))
                assert sum(map(sent_bytes, pool)) > 900 * 700 * 4
                assert files(tmp_path / "there.zarr") == files(tmp_path / "here.zarr")
    assert sorted(path.name for path in elsewhere.iterdir()) == ["link"]


def test_a_worker_that_may_not_write_there_leaves_it_to_others(tmp_path):
    with pool_at("--write-root", tmp_path, count=1) as may, pool_at(count=1) as may_not:
        run_on(tmp_path, may + may_not, LONG.format(name="there"))
    run_text(tmp_path, LONG.format(name="here"), "--scheduler", "threads")
    assert files(tmp_path / "there.zarr") == files(tmp_path / "here.zarr")


@pytest.mark.parametrize("pause", [0.1, 0.25])
def test_a_worker_is_killed_while_it_writes(tmp_path, pause):
    with workers(2, "--threads", 1, "--write-root", tmp_path) as pool:
        process = start_run(tmp_path, pool, LONG.format(name="there"))
        wait_busy(pool[0], pause)
        pool[0].kill()
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    run_text(tmp_path, LONG.format(name="here"), "--scheduler", "threads")
    assert files(tmp_path / "there.zarr") == files(tmp_path / "here.zarr")


def test_what_is_interrupted_leaves_no_file(tmp_path):
    with workers(2, "--threads", 1, "--write-root", tmp_path) as pool:
        process = start_run(tmp_path, pool, LONG.format(name="there"))
        wait_busy(pool[0])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode != 0
        assert sorted(os.listdir(tmp_path)) == ["started.clv", "tmp"]
        assert all(worker.is_alive() for worker in pool)


def test_workers_of_ones_own_write_where_the_user_may(tmp_path):
    text = "client = Client(n_workers=2)\n" + WRITE
    run_text(tmp_path, text.format(name="there", options=""))
    run_text(tmp_path, WRITE.format(name="here", options=""))
    assert files(tmp_path / "there.zarr") == files(tmp_path / "here.zarr")


def test_a_task_that_no_worker_has_the_memory_for(tmp_path):
    text = 'x = default_rng(3).random((3000, 3000), chunks=3000)\nx.to_zarr("there.zarr")\n'
    with workers(2, "--threads", 1, "--memory", "40MiB") as pool:
        refused = run_on(tmp_path, pool, text, check=None)
        assert refused.returncode != 0 and refused.stdout == "", told(refused)
        assert "memory" in refused.stderr, told(refused)
        assert run_on(tmp_path, pool, "print(ones(10).sum().compute())\n").stdout == "10.0\n"


def test_two_kernels_share_the_memory_of_a_worker(tmp_path):
    text = (
        "x = default_rng({seed}).random((1200, 800), chunks=(200, 800)).persist()\n"
        "print(x.rechunk((1200, 100)).sum(axis=0).compute()[:3], (x @ x[:400].T).sum().compute())\n"
    )
    texts = [text.format(seed=seed) for seed in (1, 2)]
    with workers(2, "--threads", 1, "--memory", "64MiB") as pool:
        runs = [start_run(tmp_path, pool, each, name=f"{i}.clv") for i, each in enumerate(texts)]
        said = [process.communicate(timeout=120) for process in runs]
    for each, (out, err) in zip(texts, said):
        assert out == run("run", write_script(tmp_path, each), check=0, cwd=tmp_path).stdout, err
