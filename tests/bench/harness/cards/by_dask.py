"""The jobs in Dask over CuPy's arrays, on its threads."""

import dask
import dask.array as da

from . import by_cupy


def ask(*wanted):
    """Values of Dask's arrays."""
    return dask.compute(*wanted, scheduler="threads", num_workers=4)


def held(array):
    return array.persist(scheduler="threads", num_workers=4)


def chunked(p, array):
    """An array of the card as one of Dask, without a name made of its bytes."""
    return da.from_array(array, chunks=p.blocks, asarray=False, name=False)


def article(p, xp):
    x = da.ones_like(xp.array(()), shape=(p.n, p.n), chunks=(p.blocks, p.blocks))
    return lambda: ask((x * x[::-1, ::-1]).sum())[0], lambda r: {"total": r}


def normals(p, xp):
    def block(array):
        return xp.random.standard_normal(array.shape)

    x = da.zeros_like(xp.array(()), shape=(p.n,), chunks=(p.blocks,))

    def job():
        drawn = x.map_blocks(block, dtype="f8", meta=xp.array(()))
        return ask(drawn.mean(), drawn.std())

    return job, lambda r: {"mean": r[0], "std": r[1]}


def four(p, xp):
    return [chunked(p, array) for array in by_cupy.four(p, xp)]


def axpy(p, xp):
    a, b, c, d = four(p, xp)
    return lambda: held(a * b + c - d / 2), lambda r: {"mean": ask(r.mean())[0]}


def axpy_sum(p, xp):
    a, b, c, d = four(p, xp)
    return lambda: ask((a * b + c - d / 2).sum())[0], lambda r: {"total": r}


def whole_sum(p, xp):
    x = chunked(p, xp.random.default_rng(1).random(p.n))
    return lambda: ask(x.sum())[0], lambda r: {"total": r}


def mirror(p, xp):
    x = chunked(p, by_cupy.square(p, xp))
    return lambda: ask((x * x[::-1, ::-1]).sum())[0], lambda r: {"total": r}


def along(axis):
    def row(p, xp):
        x = chunked(p, by_cupy.square(p, xp))
        return lambda: ask(x.sum(axis=axis))[0], lambda r: {"mean": r.mean()}

    return row


def laplace(p, xp):
    x = chunked(p, by_cupy.table(p, xp))

    def step(block):
        out = xp.zeros_like(block)
        out[1:-1, 1:-1] = block[:-2, 1:-1] + block[2:, 1:-1] + block[1:-1, :-2] + block[1:-1, 2:]
        out[1:-1, 1:-1] -= 4 * block[1:-1, 1:-1]
        return out * 0.125

    def job():
        return held(x.map_overlap(step, depth=1, boundary=0, dtype="f8", meta=xp.array(())))

    return job, lambda r: {"total": ask(abs(r).sum())[0]}


def matmul(p, xp):
    g = xp.random.default_rng(1)
    a, b = (g.random((p.n, p.n)).astype(p.dtype) for _ in range(2))
    want = (a.sum(axis=0, dtype="f8") * b.sum(axis=1, dtype="f8")).sum()
    x, y = chunked(p, a), chunked(p, b)
    return lambda: held(x @ y), lambda r: {"total": ask(r.sum(dtype="f8"))[0], "want": want}


def stream(p, xp):
    x = da.from_array(by_cupy.host_square(p), chunks=p.blocks, name=False).map_blocks(xp.asarray)
    return lambda: ask((x * x[::-1, ::-1]).sum())[0], lambda r: {"total": r}


JOBS = {
    "article": article,
    "normals": normals,
    "axpy": axpy,
    "axpy-sum": axpy_sum,
    "sum": whole_sum,
    "mirror": mirror,
    "sum-axis0": along(0),
    "sum-axis1": along(1),
    "laplace": laplace,
    "matmul64": matmul,
    "matmul32": matmul,
    "stream": stream,
}
