"""Every op of the table against its NumPy counterpart: dtype x shape x chunking x view, generated from the table."""

import functools
import itertools
import zlib
from dataclasses import dataclass

import numpy as np
import pytest

from arrays import (
    CHUNKINGS,
    DTYPES,
    SHAPES,
    chunks_text,
    difference,
    is_float,
    random_array,
    special_values,
    view_of,
    view_text,
    views_for,
)
from program import reference, run, told, write_script


SHAPES_OF_CONVERTED = [(7,), (5, 3)]
# What an elementwise op takes besides its operands; every other one has operands only.
KEYWORDS = {
    "round": [{}, {"decimals": 1}, {"decimals": -1}],
    "isclose": [{}, {"equal_nan": True}, {"rtol": 0.25, "atol": 0.5}],
}


def ops(*classes):
    return [op for op in reference() if op["class"] in classes and op["numpy"] and op["arity"] > 0]


def named(op):
    return op["name"]


def operand_count(op):
    """The parameters that must be given: those with a default are options."""
    if op["class"] == "contract":
        return 2
    return sum(p["default"] is None for p in op["params"]) if op["class"] == "map" else 1


@functools.cache
def counterpart(text):
    return eval(text, {"np": np})  # noqa: S307 - the text is the op table's own


@dataclass
class Case:
    """One line of the generated script and what NumPy makes of the same operands."""

    text: str
    operands: list
    keywords: dict
    label: str


class Batch:
    """The inputs and the script of one op, run in one process."""

    def __init__(self, folder, op):
        self.folder, self.op, self.inputs, self.cases = folder, op, {}, []
        self.rng = np.random.default_rng(zlib.crc32(op["name"].encode()))
        (folder / "in").mkdir()

    def input(self, key, make):
        """The array of this name, made and saved the first time."""
        if key not in self.inputs:
            self.inputs[key] = array = make()
            np.save(self.folder / "in" / f"{key}.npy", array)
        return self.inputs[key]

    def run(self):
        """Each case prints a line, which is cheaper than a file: thousands of them go through one process."""
        lines = [f'r = {case.text}\nprint(r.dtype, r.shape, r.tolist(), sep=";")\n' for case in self.cases]
        done = run("run", write_script(self.folder, "".join(lines)), cwd=self.folder, timeout=170)
        failures = [] if done.returncode == 0 else [told(done)]
        printed = done.stdout.splitlines()
        for case, line in zip(self.cases, printed):
            failures += self.judge(case, array_of(line))
        assert not failures, f"{len(failures)} of {len(self.cases)} cases of {self.op['name']}\n" + "\n".join(
            failures[:12]
        )
        assert len(printed) == len(self.cases)

    def judge(self, case, got):
        function = counterpart(self.op["numpy"])
        with np.errstate(all="ignore"):
            want = np.asarray(function(*case.operands, **case.keywords))
            found = difference(got, want, self.op["tolerance_ulp"])
            if found and is_float(want.dtype):
                more = exact(function, case, want), scale(function, case, self.op)
                found = difference(got, want, self.op["tolerance_ulp"], second=more[0], scale=more[1])
        return [f"  {case.label}: {case.text}: {found}"] if found else []


def array_of(line):
    """The array of a printed line; its numbers are written with all their digits."""
    dtype, shape, values = line.split(";")
    numbers = eval(values, {"np": np, "nan": np.nan, "inf": np.inf})  # noqa: S307 - our own output
    return np.array(numbers, dtype=dtype).reshape(eval(shape))  # noqa: S307


def exact(function, case, want):
    """The answer from wider floats, rounded; None where NumPy has none."""
    wide = np.longdouble if want.dtype == np.float64 else np.float64
    try:
        operands = [o.astype(wide) if is_float(np.asarray(o).dtype) and np.ndim(o) else o for o in case.operands]
        return np.asarray(function(*operands, **case.keywords)).astype(want.dtype)
    except TypeError:
        return None


def scale(function, case, op):
    """The size that rounding errors of sums are measured by."""
    if op["class"] not in ("fold", "scan", "contract"):
        return None
    keywords = {k: v for k, v in case.keywords.items() if k != "dtype"}
    return function(*[np.abs(o) for o in case.operands], **keywords)


def source(key, chunking, shape):
    return f'load("in/{key}.npy"{chunks_text(chunking, shape)})'


def operand(batch, dtype, shape, position):
    op = batch.op
    key = f"{dtype}_{'x'.join(map(str, shape)) or 'scalar'}_{position}"

    def make():
        array = random_array(batch.rng, dtype, shape, op["lo"], op["hi"])
        if position > 0 and np.dtype(dtype).kind in "iu":
            array = np.where(array == 0, array.dtype.type(1), array)
        return array

    return key, batch.input(key, make)


def allowed(op, arrays, keywords):
    """Whether NumPy takes these operands at all."""
    try:
        with np.errstate(all="ignore"):
            counterpart(op["numpy"])(*arrays, **keywords)
        return True
    except (TypeError, ValueError, IndexError):
        return False


def layouts(op):
    """(dtype, shape, chunking): all for the dtypes that an op has loops for, a few for those that it converts."""
    for dtype, shape, chunking in itertools.product(DTYPES, SHAPES, CHUNKINGS):
        own = dtype in op["dtypes"] or shape in SHAPES_OF_CONVERTED
        if own and (shape != () or chunking == "whole"):
            yield dtype, shape, chunking


def map_cases(batch):
    for dtype, shape, chunking in layouts(batch.op):
        for view in views_for(shape):
            add_map_case(batch, dtype, shape, chunking, view)


def add_map_case(batch, dtype, shape, chunking, view):
    op = batch.op
    texts, arrays = [], []
    for position in range(operand_count(op)):
        key, array = operand(batch, operand_dtype(op, position, dtype), shape, position)
        # The operands of one call are chunked differently.
        own = CHUNKINGS[(CHUNKINGS.index(chunking) + position) % len(CHUNKINGS)]
        texts.append(view_text(view, source(key, own, shape), shape))
        arrays.append(view_of(view, array))
    for keywords in KEYWORDS.get(op["name"], [{}]):
        add(batch, texts, arrays, keywords, f"{dtype} {shape} {chunking} {view}")
    if operand_count(op) > 1 and view == "reversed":
        narrow = texts[:-1] + [f"{texts[-1]}[:1]"], arrays[:-1] + [arrays[-1][:1]]
        add(batch, *narrow, {}, f"{dtype} {shape} {chunking} against one")


def pair_cases(batch):
    """Operands of different dtypes, and Python's numbers beside arrays."""
    for left, right in itertools.product(DTYPES, repeat=2):
        pairs = [operand(batch, dtype, (7,), position) for position, dtype in enumerate((left, right))]
        texts, arrays = [source(key, "twos", (7,)) for key, _ in pairs], [array for _, array in pairs]
        if left != right:
            add(batch, texts, arrays, {}, f"{left} and {right}")
        for number in (True, 2, 2.5) if left == right else ():
            add(batch, [texts[0], repr(number)], [arrays[0], number], {}, f"{left} and {number}")
            add(batch, [repr(number), texts[1]], [number, arrays[1]], {}, f"{number} and {left}")


def operand_dtype(op, position, dtype):
    """A choice between two arrays is made by booleans."""
    return "bool" if position == 0 and op["numpy"] == "np.where" else dtype


def add(batch, texts, arrays, keywords, label):
    if not allowed(batch.op, arrays, keywords):
        return
    arguments = ", ".join(texts + [f"{k}={v!r}" for k, v in keywords.items()])
    batch.cases.append(Case(f"{batch.op['name']}({arguments})", arrays, keywords, label))


def float_dtypes(op):
    return [d for d in DTYPES if is_float(d) and d in op["dtypes"]]


def special_cases(batch):
    op, count = batch.op, operand_count(batch.op)
    for dtype in float_dtypes(op):
        values = special_values(dtype)
        grids = np.meshgrid(*[values] * count, indexing="ij") if count < 3 else [values] * count
        arrays = [np.ascontiguousarray(g).ravel() for g in grids]
        if op["numpy"] == "np.where":
            arrays[0] = arrays[0] > 0
        keys = [f"special_{dtype}_{i}" for i in range(operand_count(op))]
        for key, array in zip(keys, arrays):
            batch.input(key, lambda array=array: array)
        for chunks in ("", ", chunks=2", ", chunks=4"):
            texts = [f'load("in/{key}.npy"{chunks})' for key in keys]
            for keywords in KEYWORDS.get(op["name"], [{}]):
                add(batch, texts, arrays, keywords, f"{dtype} special values{chunks}")


def spelling_cases(batch):
    """Aliases and the method form give what the name gives."""
    op = batch.op
    dtype = [d for d in DTYPES if d in op["dtypes"]][-1]
    shape = (7,) if op["class"] == "scan" else (5, 3)
    pairs = [operand(batch, operand_dtype(op, i, dtype), shape, i) for i in range(operand_count(op))]
    texts = [source(key, "twos", shape) for key, _ in pairs]
    arrays = [array for _, array in pairs]
    if not allowed(op, arrays, {}):
        return
    if op["method"] and operand_count(op) == 1:
        batch.cases.append(Case(f"{texts[0]}.{op['name']}()", arrays, {}, "method"))
    for alias in op["aliases"]:
        batch.cases.append(Case(f"{alias}({', '.join(texts)})", arrays, {}, f"alias {alias}"))


def fold_cases(batch):
    op = batch.op
    for dtype, shape, chunking in layouts(op):
        for view in views_for(shape):
            key, array = operand(batch, dtype, shape, 0)
            text = view_text(view, source(key, chunking, shape), shape)
            seen = view_of(view, array)
            for keywords in fold_keywords(op, seen.ndim):
                add(batch, [text], [seen], keywords, f"{dtype} {shape} {chunking} {view}")


def fold_keywords(op, ndim):
    names = {p["name"] for p in op["params"]}
    axes = [None] + ([0, -1] if ndim else []) + ([(0, ndim - 1)] if ndim > 1 and takes_axes(op) else [])
    for axis in axes:
        chosen = {} if axis is None else {"axis": axis}
        yield chosen
        if axis == 0 and "keepdims" in names:
            yield {**chosen, "keepdims": True}
        if axis == -1 and "ddof" in names:
            yield {**chosen, "ddof": 1}


def takes_axes(op):
    return allowed(op, [np.ones((2, 2, 2))], {"axis": (0, 1)})


def special_folds(batch):
    op = batch.op
    for dtype in float_dtypes(op):
        for name, values in (("nan", [1, np.nan, 2, 3]), ("inf", [1, np.inf, 2, 3]), ("both", [np.inf, -np.inf, 1, 2])):
            key = f"fold_{dtype}_{name}"
            array = batch.input(key, lambda values=values, dtype=dtype: np.array(values, dtype=dtype))
            for chunks in ("", ", chunks=1", ", chunks=3"):
                add(batch, [f'load("in/{key}.npy"{chunks})'], [array], {}, f"{dtype} with {name}")


def view_keywords(op, shape):
    """Arguments of the ops that only look at an array differently; those that do not fit the shape are left out."""
    axes = tuple(range(len(shape)))
    return {
        "permute_dims": [{}, {"axes": axes[1:] + axes[:1]}],
        "swapaxes": [{"axis1": 0, "axis2": -1}],
        "moveaxis": [{"source": 0, "destination": -1}, {"source": (0, 1), "destination": (-1, 0)}],
        "flip": [{}, {"axis": 0}, {"axis": (0, -1)}],
        "broadcast_to": [{"shape": (2, *shape)}],
        "expand_dims": [{"axis": 0}, {"axis": -1}, {"axis": (0, 2)}],
        "squeeze": [{}, {"axis": 1}],
        "rot90": [{}, {"k": 2}, {"k": -1, "axes": (-1, 0)}],
        "diagonal": [{}, {"offset": 1}, {"offset": -2, "axis1": -1, "axis2": 0}],
        "sliding_window_view": [
            {"window_shape": 1, "axis": 0},
            {"window_shape": 3, "axis": -1},
            {"window_shape": tuple(max(1, min(n, 2)) for n in shape)},
            {"window_shape": (2, 1), "axis": (-1, 0)},
        ],
    }.get(op["name"], [{}])


def view_op_cases(batch):
    """All shapes for one dtype of each size in bytes, a few for the others: views do not look at elements."""
    for dtype, shape, chunking in layouts(batch.op):
        if dtype not in ("bool", "float16", "int32", "float64") and shape not in SHAPES_OF_CONVERTED:
            continue
        key, array = operand(batch, dtype, shape, 0)
        for view in views_for(shape):
            text, seen = view_text(view, source(key, chunking, shape), shape), view_of(view, array)
            for keywords in view_keywords(batch.op, seen.shape):
                add(batch, [text], [seen], keywords, f"{dtype} {shape} {chunking} {view}")


@pytest.mark.parametrize("op", ops("view"), ids=named)
def test_view(tmp_path, op):
    batch = Batch(tmp_path, op)
    view_op_cases(batch)
    spelling_cases(batch)
    assert len(batch.cases) > 400
    batch.run()


# Shapes that are longer than a block of running values.
LONG = [(700,), (600, 3), (2, 520)]


def scan_cases(batch):
    names = {p["name"] for p in batch.op["params"]}
    long = ((d, s, "ragged") for d in ("bool", "int16", "float32", "float64") for s in LONG)
    for dtype, shape, chunking in itertools.chain(layouts(batch.op), long):
        key, array = operand(batch, dtype, shape, 0)
        for view in views_for(shape) if shape not in LONG else ("plain", "reversed"):
            text, seen = view_text(view, source(key, chunking, shape), shape), view_of(view, array)
            for keywords in scan_keywords(names, seen.ndim):
                add(batch, [text], [seen], keywords, f"{dtype} {shape} {chunking} {view}")


def scan_keywords(names, ndim):
    """Without an axis NumPy flattens, which we only do where there is nothing to flatten."""
    yield from [{}] if ndim < 2 else []
    for axis in {0, -1, ndim - 1} if ndim else ():
        yield {"axis": axis}
        if "dtype" in names and axis == 0:
            yield {"axis": axis, "dtype": "float32"}
            yield {"axis": axis, "dtype": "int16"}


@pytest.mark.parametrize("op", ops("scan"), ids=named)
def test_scan(tmp_path, op):
    batch = Batch(tmp_path, op)
    scan_cases(batch)
    special_folds(batch)
    spelling_cases(batch)
    assert len(batch.cases) > 400
    batch.run()


# Pairs of shapes that some product takes, and sizes of their axes that are 0 and 1.
PAIRS = [
    ((7,), (7,)),
    ((5, 3), (3, 4)),
    ((3,), (3, 4)),
    ((5, 3), (3,)),
    ((4, 3), (5, 3)),
    ((3, 4), (3, 4)),
    ((2, 1, 5, 3), (4, 3, 2)),
    ((3, 2, 4), (4, 3)),
    ((0, 3), (3, 2)),
    ((5, 0), (0, 2)),
    ((1, 1), (1, 6)),
    ((40, 70), (70, 30)),
    ((), (3,)),
]
CONTRACT_KEYWORDS = {
    "tensordot": [{"axes": 1}, {"axes": 2}, {"axes": 0}, {"axes": ([0], [0])}, {"axes": ([-1, 0], [1, 0])}],
    "vecdot": [{}, {"axis": 0}],
}


def contract_cases(batch):
    for dtype, (left, right), chunking in itertools.product(DTYPES, PAIRS, CHUNKINGS):
        add_contract_case(batch, (dtype, dtype), (left, right), chunking)
    for left, right in itertools.permutations(DTYPES, 2):
        add_contract_case(batch, (left, right), ((5, 3), (3, 4)), "twos")


def add_contract_case(batch, dtypes, shapes, chunking):
    texts, arrays = [], []
    for position, (dtype, shape) in enumerate(zip(dtypes, shapes)):
        key, array = operand(batch, dtype, shape, position)
        own = CHUNKINGS[(CHUNKINGS.index(chunking) + position) % len(CHUNKINGS)]
        texts.append(source(key, own, shape))
        arrays.append(array)
    for keywords in CONTRACT_KEYWORDS.get(batch.op["name"], [{}]):
        if keywords.get("axes") == 0 and arrays[0].size * arrays[1].size > 10000:
            continue  # every element of one with every element of the other: too long to print
        add(batch, texts, arrays, keywords, f"{dtypes} {shapes} {chunking}")
        if all(a.ndim == 2 for a in arrays):
            turned = [f"{text}.T" for text in reversed(texts)], [a.T for a in reversed(arrays)]
            add(batch, *turned, keywords, f"{dtypes} {shapes} {chunking} transposed")


@pytest.mark.parametrize("op", ops("contract"), ids=named)
def test_contract(tmp_path, op):
    batch = Batch(tmp_path, op)
    contract_cases(batch)
    spelling_cases(batch)
    assert len(batch.cases) > 100
    batch.run()


@pytest.mark.parametrize("op", ops("map"), ids=named)
def test_map(tmp_path, op):
    batch = Batch(tmp_path, op)
    map_cases(batch)
    if operand_count(op) == 2:
        pair_cases(batch)
    special_cases(batch)
    spelling_cases(batch)
    assert batch.cases, "NumPy takes none of the op's dtypes"
    batch.run()


@pytest.mark.parametrize("op", [op for op in ops("map") if operand_count(op) < 3], ids=named)
def test_map_at_the_ends_of_integers(tmp_path, op):
    batch, count = Batch(tmp_path, op), operand_count(op)
    for dtype in (d for d in DTYPES if np.dtype(d).kind in "iu"):
        info = np.iinfo(dtype)
        ends = {info.min, info.min + 1, info.max - 1, info.max, 0, 1, 2, 3} | ({-1, -2} if info.min else set())
        # What NumPy makes of the reciprocal of the integer 0 depends on the processor.
        values = np.array(sorted(ends - {0} if op["name"] == "reciprocal" else ends), dtype)
        grids = [g.flatten() for g in np.meshgrid(*[values] * count, indexing="ij")]
        for number, grid in enumerate(grids):
            batch.input(f"{dtype}_{number}", lambda grid=grid: grid)
        add(batch, [f'load("in/{dtype}_{n}.npy", chunks=7)' for n in range(count)], grids, {}, dtype)
    if batch.cases:
        batch.run()


@pytest.mark.parametrize("op", ops("fold"), ids=named)
def test_fold(tmp_path, op):
    batch = Batch(tmp_path, op)
    fold_cases(batch)
    special_folds(batch)
    spelling_cases(batch)
    assert batch.cases, "NumPy takes none of the op's dtypes"
    batch.run()


def test_what_numpy_refuses_is_refused():
    """Wrong dtypes, and reductions of nothing that have no neutral element."""
    taken = []
    for op, dtype, shape in itertools.product(ops("map", "fold"), DTYPES, [(3,), (0,)]):
        count = operand_count(op)
        if not allowed(op, [np.ones(shape, dtype)] * count, {}):
            text = f"{op['name']}({', '.join([f'ones({shape}, dtype={dtype!r})'] * count)})"
            done = run("eval", text, timeout=10)
            taken += [text] if done.returncode != 1 or "panicked" in done.stderr else []
    assert not taken


def test_the_table_has_the_vocabulary():
    names = {spelling for op in reference() for spelling in (op["name"], *op["aliases"])}
    elementwise = """abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or
        bitwise_right_shift bitwise_xor ceil clip copysign cos cosh divide equal exp expm1 floor floor_divide greater
        greater_equal hypot isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and logical_not
        logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive pow reciprocal remainder
        round sign signbit sin sinh square sqrt subtract tan tanh trunc where"""
    folds = "sum prod min max mean std var any all argmin argmax count_nonzero"
    creation = "ones zeros full empty arange linspace eye"
    missing = [name for name in f"{elementwise} {folds} {creation}".split() if name not in names]
    assert not missing


def test_entries_are_complete():
    for op in reference():
        assert op["class"] in ("map", "fold", "fill", "view", "load", "scan", "contract"), op["name"]
        assert set(op) >= {
            "name",
            "aliases",
            "class",
            "arity",
            "params",
            "dtypes",
            "numpy",
            "lo",
            "hi",
            "tolerance_ulp",
        }
        if op["numpy"]:
            assert op["lo"] <= op["hi"] and 0 <= op["tolerance_ulp"] <= 64, op["name"]
            assert callable(counterpart(op["numpy"])), op["name"]
