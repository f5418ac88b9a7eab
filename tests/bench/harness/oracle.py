"""A program of the language run by Python on NumPy: the same text, so the same answer is due.

Chunks mean nothing to NumPy, so they are dropped; what is lazy with us is there at once.
"""

import builtins
import contextlib
import io

import numpy as np


class Array(np.ndarray):
    """NumPy's array with the methods that only lazy arrays have; reductions stay arrays, as lazy ones do."""

    def compute(self, **_):
        return self

    def persist(self, **_):
        return self

    def rechunk(self, *_, **__):
        return self

    def argmax(self, *arguments, **named):
        return array(super().argmax(*arguments, **named))

    def argmin(self, *arguments, **named):
        return array(super().argmin(*arguments, **named))


class Generator:
    """NumPy's generator under the names and arguments of ours; its numbers are others."""

    def __init__(self, seed=None):
        self.generator = np.random.default_rng(seed)

    def __getattr__(self, name):
        return chunkless(getattr(self.generator, name))


def array(value):
    """What NumPy gives, as an `Array`."""
    return np.asarray(value).view(Array) if isinstance(value, np.ndarray | np.generic) else value


def chunkless(function):
    def call(*arguments, chunks=None, **named):
        return array(function(*arguments, **named))

    return call


def at_once(*arrays, **_):
    return arrays[0] if len(arrays) == 1 else arrays


FUNCTIONS = """ones zeros full arange linspace eye where clip maximum minimum sqrt exp log sin cos tanh floor
stack concatenate pad roll"""
NAMES = {
    **{name: chunkless(getattr(np, name)) for name in FUNCTIONS.split()},
    "sliding_window_view": chunkless(np.lib.stride_tricks.sliding_window_view),
    "default_rng": Generator,
    "compute": at_once,
    "persist": at_once,
    **{name: getattr(builtins, name) for name in "abs float range print".split()},
}


def printed(program):
    """What the program prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), np.errstate(all="ignore"):
        exec(compile(program, "program", "exec"), dict(NAMES))  # noqa: S102
    return out.getvalue()
