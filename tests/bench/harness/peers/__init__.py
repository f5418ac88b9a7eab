"""The same work by others. `PEERS[peer][group]` runs one row and returns its values.

A function takes the row's parameters and a `Timer`, and does under `with timer:` what counts.
"""

import importlib
import time

NAMES = {"dask": "dask", "numba": "numba", "numpy": "numpy", "jax": "jax", "zarr": "zarr"}


class Timer:
    """`with timer:` around what counts; more than once adds up."""

    def __init__(self):
        self.total = 0.0

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *_):
        self.total += time.perf_counter() - self.start


class Params(dict):
    """A row's parameters as attributes, with `folder` and `threads`."""

    __getattr__ = dict.__getitem__


def missing(name):
    """What must be installed for this peer, or nothing."""
    try:
        importlib.import_module(NAMES[name])
    except ImportError as error:
        return f"{name} is not installed here ({error.name}); `tests/setup` installs tests/bench/requirements.txt"
    return ""


def function(name, group):
    module = importlib.import_module(f"{__name__}.by_{name}")
    return module.ROWS[group]


def blocks(length, size):
    """(start, length) of the blocks of an axis."""
    return [(start, min(size, length - start)) for start in range(0, length, size)]


def on_threads(work, items, threads):
    """Python's own pool: what bare kernels cost without a scheduler."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def table_values(n):
    """(7i + 3j) % 13, the numbers of the stencil rows, as NumPy."""
    import numpy as np

    i = np.arange(n)
    return ((7 * i[:, None] + 3 * i[None, :]) % 13).astype("f8")


def matrices(n, dtype):
    """The operands of the products, small whole numbers, and the sum that their product must have."""
    import numpy as np

    i = np.arange(n)
    a = ((i % 7)[:, None] + (i % 11)[None, :]).astype(dtype)
    b = ((i % 5)[:, None] - (i % 3)[None, :]).astype(dtype)
    return a, b, float(a.sum(0, dtype="f8") @ b.sum(1, dtype="f8"))
