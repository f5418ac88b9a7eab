"""Results are the same to the bit for any chunking, thread count, scheduler, vector unit and memory."""

import itertools
import json

import numpy as np
import pytest

from program import run, run_text

FOLDS = [
    "x.sum()",
    "x.mean(axis=0)",
    "x.var(axis=1)",
    "x.prod()",
    "(x * x[::-1, ::-1]).sum()",
    "sqrt(abs(x)).sum(axis=0)",
    "x.T.std()",
]
SHAPE = (61, 47)


def random_cuts(rng, length):
    cuts = np.sort(rng.choice(np.arange(1, length), size=rng.integers(0, 6), replace=False))
    return tuple(int(n) for n in np.diff([0, *cuts, length]))


def random_chunks(rng):
    return tuple(random_cuts(rng, length) for length in SHAPE)


def chunkings():
    rng = np.random.default_rng(2026)
    return ["1", "2", "-1", '"auto"', '"100B"', "(7, -1)"] + [repr(random_chunks(rng)) for _ in range(54)]


@pytest.mark.parametrize(
    "options", [("--threads", "1"), ("--threads", "2"), ("--scheduler", "single-threaded")], ids=str
)
def test_sixty_chunkings(tmp_path, options):
    array = np.random.default_rng(1).standard_normal(SHAPE) * 10.0 ** np.random.default_rng(2).integers(-8, 8, SHAPE)
    np.save(tmp_path / "x.npy", array)
    (tmp_path / "out").mkdir()
    script = ""
    for i, chunks in enumerate(chunkings()):
        script += f'x = load("x.npy", chunks={chunks})\n'
        script += "".join(f'save("out/{i}_{j}.npy", {fold})\n' for j, fold in enumerate(FOLDS))
    run_text(tmp_path, script, *options)
    for j, fold in enumerate(FOLDS):
        bits = {np.load(tmp_path / "out" / f"{i}_{j}.npy").tobytes() for i in range(len(chunkings()))}
        assert len(bits) == 1, f"{fold} has {len(bits)} answers"
    keep = tmp_path.parent / "same_bits.npy"
    first = np.concatenate([np.load(tmp_path / "out" / f"0_{j}.npy").ravel() for j in range(len(FOLDS))])
    if keep.exists():
        assert np.load(keep).tobytes() == first.tobytes(), "another number of threads has another answer"
    np.save(keep, first)


EVERY_CLASS = """
x = load("x.npy", chunks={chunks})
y = x @ x.T
save("product.npy", y[::37, ::41])
save("spread.npy", ((y - y.mean(axis=1, keepdims=True)) / y.std(axis=0)).max(axis=0))
save("down.npy", y.var(axis=0))
save("functions.npy", sin(x) * exp(-abs(x)) + pow(abs(x), 0.3) - tanh(x).T[:20, :20].sum())
save("running.npy", x.cumsum(axis=0)[::9].cumsum(axis=1))
save("window.npy", sliding_window_view(x, 5, axis=0).mean(axis=-1).sum(axis=1))
save("places.npy", (x * x[::-1]).argmax(axis=0) + x.argmin(axis=0))
save("drawn.npy", default_rng(5).standard_normal((301, 67), chunks={chunks}).std(axis=1))
"""
VECTORS = ("scalar", "avx2", "avx512")
LIMITS = {"in memory": "1GiB", "spilled": "16MiB"}


def has(vectors):
    return run("eval", "1", env={"CLEAVE_VECTORS": vectors}).returncode == 0


@pytest.mark.parametrize("where", LIMITS)
def test_every_vector_unit_thread_count_and_chunking(tmp_path, where):
    shape, rng, answers = (1600, 24), np.random.default_rng(len(where)), {}
    np.save(tmp_path / "x.npy", rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 6, shape))
    for way in itertools.product(filter(has, VECTORS), (1, 2, 4)):
        chunks = tuple(random_cuts(rng, length) for length in shape)
        script = EVERY_CLASS.replace("(301, 67), chunks={chunks}", "(301, 67), chunks=" + str(int(rng.integers(1, 70))))
        options = ("--threads", way[1], "--memory-limit", LIMITS[where], "--json", tmp_path / "record.json")
        run_text(tmp_path, script.format(chunks=chunks), *options, env={"CLEAVE_VECTORS": way[0]})
        record = [json.loads(line) for line in (tmp_path / "record.json").read_text().splitlines()]
        spilled = sum(made["spilled_bytes"] for line in record for made in line.get("runs", []))
        assert (spilled > 0) == (where == "spilled"), way
        for made in tmp_path.glob("*.npy"):
            answers.setdefault(made.name, {})[way] = np.load(made).tobytes()
    for name, by_way in answers.items():
        assert len(set(by_way.values())) == 1, f"{name}: {[way for way in by_way if by_way[way] != by_way['scalar', 1]]}"


def test_random_draws_do_not_depend_on_chunks(tmp_path):
    (tmp_path / "out").mkdir()
    draws = [
        "random((31, 17){c})",
        "normal(2.0, 3.0, (31, 17){c})",
        "standard_normal((31, 17){c})",
        "integers(0, 1000, (31, 17){c})",
        "uniform(-1.0, 1.0, (31, 17){c})",
    ]
    chunks = ["", ", chunks=2", ", chunks=(5, -1)", ", chunks=((30, 1), (1, 16))", ", chunks=-1"]
    script = ""
    for i, chunk in enumerate(chunks):
        script += "g = default_rng(42)\n"
        script += "".join(f'save("out/{i}_{j}.npy", g.{draw.format(c=chunk)})\n' for j, draw in enumerate(draws))
    run_text(tmp_path, script)
    for j, draw in enumerate(draws):
        results = [np.load(tmp_path / "out" / f"{i}_{j}.npy") for i in range(len(chunks))]
        assert len({r.tobytes() for r in results}) == 1, draw
        assert np.unique(results[0]).size > 200, draw


def test_random_draws_have_their_distribution(tmp_path):
    script = (
        "g = default_rng(7)\n"
        'save("u.npy", g.random((1000, 1000), chunks=300))\nsave("n.npy", g.standard_normal((1000, 1000), chunks=300))\n'
        'save("i.npy", g.integers(-3, 4, (1000, 1000), chunks=300))\nsave("again.npy", default_rng(7).random((1000, 1000)))\n'
        'save("other.npy", default_rng(8).random((1000, 1000)))\n'
    )
    run_text(tmp_path, script)
    u, n, i, again, other = (np.load(tmp_path / f"{name}.npy") for name in ("u", "n", "i", "again", "other"))
    assert u.min() >= 0 and u.max() < 1 and abs(u.mean() - 0.5) < 0.002 and abs(u.var() - 1 / 12) < 0.001
    assert abs(n.mean()) < 0.005 and abs(n.std() - 1) < 0.005 and abs((np.abs(n) < 1.959964).mean() - 0.95) < 0.002
    assert sorted(np.unique(i)) == list(range(-3, 4)) and np.bincount((i + 3).ravel().astype(int)).std() < 2000
    assert np.array_equal(u, again) and not np.array_equal(u, other)
    assert abs(np.corrcoef(u[:-1].ravel(), u[1:].ravel())[0, 1]) < 0.005
