"""The jobs in CuPy: as one writes them, and by hand where a kernel of one's own is the usual advice.

`JOBS[engine][job]` takes the parameters and the module of arrays, CuPy or NumPy in its place; it gives a function that
does the job and one that makes the values of a result.
"""

ROOM = 1 << 30


class Missing(Exception):
    """What this needs is not there."""


def article(p, xp):
    """Block by block: the whole has 320 GB."""
    c = p.blocks
    steps = range(-(-p.n // c))

    def block(i, j):
        return xp.ones((min(c, p.n - i * c), min(c, p.n - j * c)))

    def job():
        total = xp.zeros(())
        for i in steps:
            for j in steps:
                x = block(i, j)
                total = total + (x * block(i, j)[::-1, ::-1]).sum()
        return total

    return job, lambda r: {"total": r}


def normals(p, xp):
    def job():
        x = xp.random.standard_normal(p.n)
        return x.mean(), x.std()

    return job, lambda r: {"mean": r[0], "std": r[1]}


def normals_by_hand(p, xp):
    """`std` reduces two arrays at once, which is slow where the grid is one block; two sums are not."""

    def job():
        x = xp.random.standard_normal(p.n)
        mean = x.mean()
        return mean, xp.sqrt((x * x).mean() - mean * mean)

    return job, lambda r: {"mean": r[0], "std": r[1]}


def four(p, xp):
    g = xp.random.default_rng(1)
    return [g.random(p.n) for _ in range(4)]


def axpy(p, xp):
    a, b, c, d = four(p, xp)
    return lambda: a * b + c - d / 2, lambda r: {"mean": r.mean()}


def one_kernel(xp):
    if not hasattr(xp, "ElementwiseKernel"):
        raise Missing("NumPy has no kernels of one's own")
    inputs = "float64 a, float64 b, float64 c, float64 d"
    return xp.ElementwiseKernel(inputs, "float64 o", "o = a * b + c - d / 2", "one_kernel")


def axpy_by_hand(p, xp):
    kernel, arrays = one_kernel(xp), four(p, xp)
    return lambda: kernel(*arrays), lambda r: {"mean": r.mean()}


def axpy_sum(p, xp):
    a, b, c, d = four(p, xp)
    return lambda: (a * b + c - d / 2).sum(), lambda r: {"total": r}


def axpy_sum_by_hand(p, xp):
    kernel, arrays = one_kernel(xp), four(p, xp)
    return lambda: kernel(*arrays).sum(), lambda r: {"total": r}


def whole_sum(p, xp):
    x = xp.random.default_rng(1).random(p.n)
    return x.sum, lambda r: {"total": r}


def square(p, xp):
    return xp.random.default_rng(1).random((p.n, p.n))


def mirror(p, xp):
    x = square(p, xp)
    return lambda: (x * x[::-1, ::-1]).sum(), lambda r: {"total": r}


def along(axis):
    def row(p, xp):
        x = square(p, xp)
        return lambda: x.sum(axis=axis), lambda r: {"mean": r.mean()}

    return row


def table(p, xp):
    i = xp.arange(p.n)
    return ((7 * i[:, None] + 3 * i[None, :]) % 13).astype("f8")


def laplace(p, xp):
    x = table(p, xp)

    def job():
        q = xp.pad(x, 1)
        return (q[:-2, 1:-1] + q[2:, 1:-1] + q[1:-1, :-2] + q[1:-1, 2:] - 4 * q[1:-1, 1:-1]) * 0.125

    return job, lambda r: {"total": abs(r).sum()}


def laplace_by_hand(p, xp):
    if not hasattr(xp, "ElementwiseKernel"):
        raise Missing("NumPy has no kernels of one's own")
    from cupyx.scipy import ndimage

    x = table(p, xp)
    return lambda: ndimage.laplace(x, mode="constant") * 0.125, lambda r: {"total": abs(r).sum()}


def matmul(p, xp):
    g = xp.random.default_rng(1)
    a, b = (g.random((p.n, p.n)).astype(p.dtype) for _ in range(2))
    want = (a.sum(axis=0, dtype="f8") * b.sum(axis=1, dtype="f8")).sum()
    return lambda: a @ b, lambda r: {"total": r.sum(dtype="f8"), "want": want}


def host_square(p):
    """Uniform numbers in memory of the host, the same rows again and again: they are to be copied, not to be new."""
    import numpy as np

    x = np.empty((p.n, p.n))
    rows = max(1, min(p.n, ROOM // (8 * p.n)))
    some = np.random.default_rng(1).random((rows, p.n))
    for start in range(0, p.n, rows):
        x[start : start + rows] = some[: p.n - start]
    return x


def stream(p, xp):
    """Blocks of rows with their mirrored ones; what goes up twice is what one would not think of sparing."""
    x, c = host_square(p), p.blocks

    def job():
        total = xp.zeros(())
        for start in range(0, p.n, c):
            end = min(p.n, start + c)
            upper, lower = xp.asarray(x[start:end]), xp.asarray(x[p.n - end : p.n - start])
            total = total + (upper * lower[::-1, ::-1]).sum()
        return total

    return job, lambda r: {"total": r}


JOBS = {
    "cupy": {
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
    },
    "cupy-by-hand": {
        "normals": normals_by_hand,
        "axpy": axpy_by_hand,
        "axpy-sum": axpy_sum_by_hand,
        "laplace": laplace_by_hand,
    },
}
