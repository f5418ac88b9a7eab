"""Dask on threads, written as its documentation would."""

import functools

import dask
import dask.array as da
import numpy as np
from threadpoolctl import threadpool_limits

from . import matrices


def on_pool(function):
    """Run a row on Dask's threaded scheduler."""

    @functools.wraps(function)
    def run(p, timer):
        with dask.config.set(scheduler="threads", num_workers=p.threads):
            return function(p, timer)

    return run


@on_pool
def mirror(p, timer):
    with timer:
        x = da.ones((p.n, p.n), chunks=p.chunks)
        return {"total": (x * x[::-1, ::-1]).sum().compute()}


@on_pool
def mirror_random(p, timer):
    with timer:
        x = da.random.default_rng(1).random((p.n, p.n), chunks=p.chunks)
        return {"total": (x * x[::-1, ::-1]).sum().compute()}


@on_pool
def normals(p, timer):
    with timer:
        x = da.random.default_rng(1).standard_normal((p.n, p.n), chunks=p.chunks)
        mean, std = dask.compute(x.mean(), x.std())
    return {"mean": mean, "std": std}


@on_pool
def sin_cos(p, timer):
    with timer:
        x = da.random.default_rng(1).random((p.n, p.n), chunks=p.chunks)
        return {"total": (da.sin(x) ** 2 + da.cos(x) ** 2).sum().compute()}


@on_pool
def axpy(p, timer):
    i = da.arange(p.size, chunks=p.chunks, dtype="f8") % 1000
    a, b, c, d = dask.persist(i, i + 1, i + 2, i + 3)
    with timer:
        r = (a * b + c - d / 2).persist()
    return {"total": r.sum().compute()}


@on_pool
def transpose(p, timer):
    with timer:
        x = da.random.default_rng(1).random((p.n, p.n), chunks=p.chunks)
        r = (x + x.T).sum(axis=0).compute()
    return {"total": r.sum()}


@on_pool
def transpose_memory(p, timer):
    x = da.random.default_rng(1).random((p.n, p.n), chunks=p.chunks).persist()
    with timer:
        r = (x + x.T).sum(axis=0).compute()
    return {"total": r.sum()}


@on_pool
def matmul(p, timer):
    """With one BLAS thread a task, which is faster for Dask than several."""
    a, b, want = matrices(p.n, p.dtype)
    a, b = (da.from_array(v, chunks=p.chunks).map_blocks(np.array) for v in (a, b))
    a, b = dask.persist(a, b)
    with threadpool_limits(1), timer:
        r = (a @ b).persist()
    return {"total": r.sum(dtype="f8").compute(), "want": want}


@on_pool
def axes(p, timer):
    with timer:
        x = da.random.default_rng(1).random((p.n0, p.n1, p.n2), chunks=(p.c0, p.c1, p.c2))
        names = [(name, axis) for axis in (0, 1) for name in ("mean", "max", "argmax", "std")]
        r = dask.compute(*[getattr(x, name)(axis=axis) for name, axis in names])
    keys = ["mean0", "max0", "at0", "std0", "mean1", "max1", "at1", "std1"]
    return {key: v.mean() for key, v in zip(keys, r, strict=True)}


def table(p):
    i = da.arange(p.n, chunks=p.chunks)
    return ((7 * i[:, None] + 3 * i[None, :]) % 13).astype("f8")


def step(block):
    r = np.zeros_like(block)
    r[1:-1, 1:-1] = block[:-2, 1:-1] + block[2:, 1:-1] + block[1:-1, :-2] + block[1:-1, 2:] - 4 * block[1:-1, 1:-1]
    return r


@on_pool
def laplace(p, timer):
    with timer:
        x = table(p)
        for _ in range(p.steps):
            x = x.map_overlap(step, depth=1, boundary=0, dtype="f8") * 0.125
        return {"total": abs(x).sum().compute()}


@on_pool
def sliding_mean(p, timer):
    with timer:
        view = da.lib.stride_tricks.sliding_window_view(table(p), p.window, axis=0)
        return {"total": view.mean(axis=-1).sum().compute()}


@on_pool
def cumsum(p, timer):
    with timer:
        return {"total": table(p).cumsum(axis=0).sum().compute()}


@on_pool
def rechunk(p, timer):
    with timer:
        x = da.random.default_rng(1).random((p.n, p.n), chunks=(p.chunks, p.n)).rechunk((p.n, p.chunks))
        down, across = dask.compute(x.max(axis=0) - x.min(axis=0), x.max(axis=1) - x.min(axis=1))
    return {"down": down.mean(), "across": across.mean()}


@on_pool
def zarr_normalise(p, timer):
    target = f"{p.folder}/target.zarr"
    with timer:
        x = da.from_zarr(f"{p.folder}/source.zarr")
        da.to_zarr((x - x.mean()) / x.std(), target, overwrite=True, zarr_format=3)
    y = da.from_zarr(target)[: p.chunks]
    mean, std = dask.compute(y.mean(), y.std())
    return {"mean": mean, "std": std}


@on_pool
def zarr_mean(p, timer):
    with timer:
        r = da.from_zarr(f"{p.folder}/source.zarr").mean(axis=0).compute()
    return {"mean": r.mean()}


@on_pool
def tasks(p, timer):
    with timer:
        return {"total": da.ones(p.tasks, chunks=1).sum().compute()}


ROWS = {
    "mirror": mirror,
    "mirror-random": mirror_random,
    "normals": normals,
    "sin-cos": sin_cos,
    "axpy": axpy,
    "transpose": transpose,
    "transpose-memory": transpose_memory,
    "matmul": matmul,
    "matmul-f32": matmul,
    "axes": axes,
    "laplace": laplace,
    "sliding-mean": sliding_mean,
    "cumsum": cumsum,
    "rechunk": rechunk,
    "zarr-normalise": zarr_normalise,
    "zarr-mean": zarr_mean,
    "tasks": tasks,
}
