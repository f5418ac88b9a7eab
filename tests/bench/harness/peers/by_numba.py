"""Loops by hand under Numba: fused, parallel, compiled before the clock starts.

Uniform numbers come from the element's index, so that none has to be stored.
"""

import math

import numba
import numpy as np
from numba import njit, prange

LOOPS = {"parallel": True, "fastmath": True}


@njit(inline="always")
def uniform(index):
    z = np.uint64(index) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64(np.int64((z ^ (z >> np.uint64(31))) >> np.uint64(11))) * (1.0 / 9007199254740992.0)


@njit(inline="always")
def table_value(i, j):
    return float((7 * i + 3 * j) % 13)


@njit(**LOOPS)
def mirror_random_loop(n):
    total = 0.0
    for i in prange(n):
        row = 0.0
        for j in range(n):
            row += uniform(i * n + j) * uniform((n - 1 - i) * n + (n - 1 - j))
        total += row
    return total


def mirror_random(p, timer):
    mirror_random_loop(4)
    with timer:
        return {"total": mirror_random_loop(p.n)}


@njit(**LOOPS)
def sin_cos_loop(n):
    total = 0.0
    for i in prange(n):
        row = 0.0
        for j in range(n):
            x = uniform(i * n + j)
            row += math.sin(x) ** 2 + math.cos(x) ** 2
        total += row
    return total


def sin_cos(p, timer):
    sin_cos_loop(4)
    with timer:
        return {"total": sin_cos_loop(p.n)}


@njit(**LOOPS)
def axpy_loop(a, b, c, d):
    r = np.empty_like(a)
    for i in prange(a.size):
        r[i] = a[i] * b[i] + c[i] - d[i] / 2
    return r


def axpy(p, timer):
    i = np.arange(p.size, dtype="f8") % 1000
    operands = i, i + 1, i + 2, i + 3
    axpy_loop(*(v[:8].copy() for v in operands))
    with timer:
        r = axpy_loop(*operands)
    return {"total": r.sum()}


@njit(**LOOPS)
def transpose_loop(n, width):
    r = np.empty(n)
    for block in prange((n + width - 1) // width):
        first = block * width
        last = min(n, first + width)
        sums = np.zeros(last - first)
        for i in range(n):
            for j in range(first, last):
                sums[j - first] += uniform(i * n + j)
        for j in range(first, last):
            s = 0.0
            for i in range(n):
                s += uniform(j * n + i)
            r[j] = sums[j - first] + s
    return r


def transpose(p, timer):
    transpose_loop(4, 2)
    with timer:
        r = transpose_loop(p.n, 1000)
    return {"total": r.sum()}


@njit(**LOOPS)
def fill_loop(n):
    x = np.empty((n, n))
    for i in prange(n):
        for j in range(n):
            x[i, j] = uniform(i * n + j)
    return x


@njit(**LOOPS)
def sums_loop(x, parts):
    n = x.shape[0]
    down = np.zeros((parts, n))
    across = np.empty(n)
    height = (n + parts - 1) // parts
    for part in prange(parts):
        for i in range(part * height, min(n, (part + 1) * height)):
            s = 0.0
            for j in range(n):
                down[part, j] += x[i, j]
                s += x[i, j]
            across[i] = s
    return down.sum(axis=0) + across


def transpose_memory(p, timer):
    sums_loop(fill_loop(4), 2)
    x = fill_loop(p.n)
    with timer:
        r = sums_loop(x, p.threads)
    return {"total": r.sum()}


@njit(**LOOPS)
def table_loop(n):
    x = np.zeros((n + 2, n + 2))
    for i in prange(n):
        for j in range(n):
            x[i + 1, j + 1] = table_value(i, j)
    return x


@njit(**LOOPS)
def laplace_loop(x, y):
    n = x.shape[0] - 2
    for i in prange(1, n + 1):
        for j in range(1, n + 1):
            y[i, j] = (x[i - 1, j] + x[i + 1, j] + x[i, j - 1] + x[i, j + 1] - 4 * x[i, j]) * 0.125


@njit(**LOOPS)
def absolute_loop(x):
    total = 0.0
    for i in prange(x.shape[0]):
        row = 0.0
        for j in range(x.shape[1]):
            row += abs(x[i, j])
        total += row
    return total


def laplace(p, timer):
    x = table_loop(4)
    laplace_loop(x, np.zeros_like(x))
    absolute_loop(x)
    with timer:
        x = table_loop(p.n)
        y = np.zeros_like(x)
        for _ in range(p.steps):
            laplace_loop(x, y)
            x, y = y, x
        return {"total": absolute_loop(x)}


@njit(**LOOPS)
def sliding_loop(n, window, width):
    total = 0.0
    for block in prange((n + width - 1) // width):
        first = block * width
        last = min(n, first + width)
        sums = np.zeros(last - first)
        t = 0.0
        for i in range(window - 1):
            for j in range(first, last):
                sums[j - first] += table_value(i, j)
        for i in range(window - 1, n):
            for j in range(first, last):
                s = sums[j - first] + table_value(i, j)
                t += s
                sums[j - first] = s - table_value(i - window + 1, j)
        total += t / window
    return total


def sliding_mean(p, timer):
    sliding_loop(100, 5, 50)
    with timer:
        return {"total": sliding_loop(p.n, p.window, 500)}


@njit(**LOOPS)
def cumsum_loop(n, width):
    total = 0.0
    for block in prange((n + width - 1) // width):
        first = block * width
        last = min(n, first + width)
        sums = np.zeros(last - first)
        t = 0.0
        for i in range(n):
            for j in range(first, last):
                s = sums[j - first] + table_value(i, j)
                sums[j - first] = s
                t += s
        total += t
    return total


def cumsum(p, timer):
    cumsum_loop(100, 50)
    with timer:
        return {"total": cumsum_loop(p.n, 500)}


def with_threads(function):
    def run(p, timer):
        numba.set_num_threads(min(p.threads, numba.config.NUMBA_NUM_THREADS))
        return function(p, timer)

    return run


ROWS = {
    "mirror-random": with_threads(mirror_random),
    "sin-cos": with_threads(sin_cos),
    "axpy": with_threads(axpy),
    "transpose": with_threads(transpose),
    "transpose-memory": with_threads(transpose_memory),
    "laplace": with_threads(laplace),
    "sliding-mean": with_threads(sliding_mean),
    "cumsum": with_threads(cumsum),
}
