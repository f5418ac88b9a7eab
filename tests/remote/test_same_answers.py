"""What workers compute is what threads compute, to the bit, however many there are and however they are cut."""

import re
from pathlib import Path

import pytest

from program import run_text, told
from workers import run_on, workers

PROGRAMS = re.split(
    r"^---\n", re.sub(r"^#.*\n", "", (Path(__file__).parent / "programs.txt").read_text()), flags=re.MULTILINE
)
POOLS = {"one of two threads": (1, 2), "two of one thread": (2, 1), "three of one thread": (3, 1)}


@pytest.fixture(scope="module", params=POOLS)
def pool(request):
    count, threads = POOLS[request.param]
    with workers(count, "--threads", threads) as started:
        yield started


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda text: text.splitlines()[-1][:40])
def test_the_same_to_the_bit(tmp_path, pool, program):
    here = run_text(tmp_path, program, "--scheduler", "threads")
    there = run_on(tmp_path, pool, program)
    assert there.stdout == here.stdout, told(there)


def test_the_article_and_a_million_chunks(tmp_path, pool):
    text = (
        "x = ones((200000, 200000), chunks=(200, 200))\n"
        "print((x * x[::-1, ::-1]).sum().compute())\n"
        "y = ones((20000, 20000), chunks=(2000, 2000))\nprint((y * y[::-1, ::-1]).sum().compute())\n"
    )
    done = run_on(tmp_path, pool, text, "--set", "optimize.fold=on")
    assert done.stdout.split() == ["40000000000.0", "400000000.0"], told(done)


def test_settings_chunks_and_schedulers_agree(tmp_path, pool):
    text = (
        "x = default_rng(1).random((500, 500), chunks=(60, 170))\n"
        "a = (x * 2).sum(axis=0)\n"
        'print(a.compute(scheduler="threads")[:4], a.compute(scheduler="workers")[:4], a.compute()[:4])\n'
    )
    done = run_on(tmp_path, pool, text)
    parts = re.findall(r"\[[^]]*\]", done.stdout)
    assert len(parts) == 3 and len(set(parts)) == 1, told(done)
