"""Expressions, one a line in the .txt files beside this one, evaluated by NumPy and by us for several chunkings."""

import re
from pathlib import Path

import numpy as np
import pytest

from arrays import CHUNKINGS, DTYPES, SHAPES, chunks_text, difference, is_float
from program import run_text

HERE = Path(__file__).parent
# Sums of numbers that cancel are as exact as the largest number on the way.
FOLDED = re.compile(r"(sum|mean|std|cumsum)\(|@")
# Names that we have without a module.
OURS = {"abs": abs, "sliding_window_view": np.lib.stride_tricks.sliding_window_view}
CREATION_CHUNKS = ["", ", chunks=2", ", chunks=-1", ', chunks="auto"', ', chunks="64B"']
SOURCES = {"a": (7, 5), "v": (11,), "t": (3, 4, 5), "s": (), "e": (0, 4)}


def lines(name):
    return [text for text in (HERE / name).read_text().splitlines() if text and not text.startswith("#")]


def by_numpy(text, names=None):
    with np.errstate(all="ignore"):
        return np.asarray(eval(text, {**vars(np), **OURS}, names or {}))  # noqa: S307 - our own lines


def compare(folder, expressions, wanted, header="", *options):
    """Run the expressions as one script and judge each result."""
    (folder / "out").mkdir()
    script = header + "".join(f'save("out/{i}.npy", asarray({text}))\n' for i, text in enumerate(expressions))
    run_text(folder, script, *options)
    failures = []
    for i, (text, want) in enumerate(zip(expressions, wanted)):
        scale = 16.0 if FOLDED.search(text) else 1.0
        found = difference(np.load(folder / "out" / f"{i}.npy"), want, 4, scale if is_float(want.dtype) else None)
        failures += [f"{text}: {found}"] if found else []
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("chunks", CREATION_CHUNKS)
def test_creation(tmp_path, chunks):
    texts = lines("creation.txt")
    wanted = [by_numpy(text.replace("{c}", "")) for text in texts]
    compare(tmp_path, [text.replace("{c}", chunks) for text in texts], wanted)


def filled(dtype, shape, chunks):
    """Creation of one dtype and shape, seen in several ways."""
    made = [f"{name}({shape}, dtype={dtype!r}{chunks})" for name in ("ones", "zeros")]
    made += [f"full({shape}, {1.75 if is_float(dtype) else 1}, dtype={dtype!r}{chunks})"]
    made += [f"{name}_like({made[0]})" for name in ("ones", "zeros")] + [f"full_like({made[0]}, 1)"]
    if not shape:
        return made
    return made + [f"{made[2]}{view}" for view in ("[::-1]", "[..., ::2]", ".T")]


def counted(dtype, chunks):
    """What has one or two axes of its own."""
    made = [f"arange(11, dtype={dtype!r}{chunks})", f"arange(2, 11, 2, dtype={dtype!r}{chunks})"]
    made = made if dtype != "bool" else []
    made += [f"linspace(0, 12, 7, dtype={dtype!r}{chunks})"]
    made += [f"{made[-1]}[::-2]", f"eye(5, 3, dtype={dtype!r}{chunks})", f"tri(4, dtype={dtype!r}{chunks})"]
    return made + [f"{made[-1]}.T[1:, ::-1]"]


@pytest.mark.parametrize("chunking", CHUNKINGS)
def test_creation_of_every_dtype(tmp_path, chunking):
    texts, wanted = [], []
    for dtype in DTYPES:
        for shape in SHAPES:
            texts += filled(dtype, shape, chunks_text(chunking, shape))
            wanted += [by_numpy(text) for text in filled(dtype, shape, "")]
        texts += counted(dtype, ", chunks=2" if chunking == "twos" else "")
        wanted += [by_numpy(text) for text in counted(dtype, "")]
    compare(tmp_path, texts, wanted)


@pytest.mark.parametrize("chunking", CHUNKINGS)
@pytest.mark.parametrize(
    "options", [(), ("--threads", "1"), ("--set", "array.chunk_size=64B"), ("--scheduler", "single-threaded")], ids=str
)
@pytest.mark.parametrize("listed", ["views.txt", "products.txt"])
def test_views(tmp_path, listed, chunking, options):
    rng = np.random.default_rng(11)
    names, header = {}, ""
    for name, shape in SOURCES.items():
        names[name] = rng.uniform(-3, 3, shape)
        np.save(tmp_path / f"{name}.npy", names[name])
        header += f'{name} = load("{name}.npy"{chunks_text(chunking, shape)})\n'
    texts = lines(listed)
    compare(tmp_path, texts, [by_numpy(text, names) for text in texts], header, *options)


def test_views_before_and_after_rechunk(tmp_path):
    array = np.random.default_rng(5).uniform(-3, 3, (7, 5))
    np.save(tmp_path / "a.npy", array)
    chunkings = ["2", "(3, -1)", "((1, 5, 1), (2, {}))", '"auto"', "-1", '"64B"']
    before, after = [c.format(3) for c in chunkings], [c.format(2) for c in chunkings]
    texts = [f"(a.rechunk({c})[::-1, 1:].rechunk({d}) + 1).T" for c in before for d in after]
    compare(tmp_path, texts, [(array[::-1, 1:] + 1).T] * len(texts), 'a = load("a.npy", chunks=2)\n')


def test_astype_between_all_dtypes(tmp_path):
    texts, wanted, header = [], [], ""
    for source in DTYPES:
        values = np.array([0, 1, 2, 3, 100]) if source.startswith("u") else np.array([0, 1, -1, 3, -100])
        array = (values * 1.25 if is_float(source) else values).astype(source)
        np.save(tmp_path / f"{source}.npy", array)
        header += f'x_{source} = load("{source}.npy", chunks=2)\n'
        for target in DTYPES:
            if not (is_float(source) and target.startswith("u")):
                texts.append(f"x_{source}.astype({target!r})")
                wanted.append(array.astype(target))
    compare(tmp_path, texts, wanted, header)


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "<", "=="])
def test_promotion_of_every_pair(tmp_path, operator):
    texts, wanted, header = [], [], ""
    for name in DTYPES:
        header += f"x_{name} = ones((3, 3), dtype={name!r}, chunks=2)\n"
    for left in DTYPES:
        for right in [*(f"x_{name}" for name in DTYPES), "1", "2.5", "True"]:
            names = {f"x_{name}": np.ones((3, 3), dtype=name) for name in DTYPES}
            text = f"x_{left} {operator} {right}"
            try:
                want = by_numpy(text, names)
            except (TypeError, OverflowError):
                continue
            texts.append(text)
            wanted.append(want)
    compare(tmp_path, texts, wanted, header)
