"""NumPy: whole arrays for products, elsewhere block by block on threads, combined by hand."""

import numpy as np

from . import blocks, matrices, on_threads


def normals(p, timer):
    tiles = [(a, b) for _, a in blocks(p.n, p.chunks) for _, b in blocks(p.n, p.chunks)]

    def moments(job):
        seed, shape = job
        x = np.random.default_rng(seed).standard_normal(shape)
        mean = x.mean()
        return x.size, mean, ((x - mean) ** 2).sum()

    with timer:
        seeds = np.random.SeedSequence(0).spawn(len(tiles))
        parts = on_threads(moments, list(zip(seeds, tiles, strict=True)), p.threads)
        count = sum(n for n, _, _ in parts)
        mean = sum(n * m for n, m, _ in parts) / count
        std = (sum(q + n * (m - mean) ** 2 for n, m, q in parts) / count) ** 0.5
    return {"mean": mean, "std": std}


def matmul(p, timer):
    a, b, want = matrices(p.n, p.dtype)
    with timer:
        r = a @ b
    return {"total": r.sum(dtype="f8"), "want": want}


class AlongAxis:
    """Sums, squares, maxima and their places along one axis, taken in block by block."""

    def __init__(self, axis, shape):
        rest = tuple(n for i, n in enumerate(shape) if i != axis)
        self.axis, self.length = axis, shape[axis]
        self.sums, self.squares = np.zeros(rest), np.zeros(rest)
        self.most, self.at = np.full(rest, -1.0), np.zeros(rest, "i8")

    def of(self, x):
        return x.sum(self.axis), (x * x).sum(self.axis), x.max(self.axis), x.argmax(self.axis)

    def take(self, position, part):
        place = tuple(slice(s, s + n) for i, (s, n) in enumerate(position) if i != self.axis)
        sums, squares, most, at = part
        self.sums[place] += sums
        self.squares[place] += squares
        more = most > self.most[place]
        self.at[place] = np.where(more, at + position[self.axis][0], self.at[place])
        self.most[place] = np.where(more, most, self.most[place])

    def values(self):
        mean = self.sums / self.length
        std = np.sqrt(np.maximum(0, self.squares / self.length - mean**2))
        return [mean.mean(), self.most.mean(), self.at.mean(), std.mean()]


def axes(p, timer):
    shape = (p.n0, p.n1, p.n2)
    grid = [(a, b, c) for a in blocks(p.n0, p.c0) for b in blocks(p.n1, p.c1) for c in blocks(p.n2, p.c2)]

    def work(job):
        seed, position = job
        x = np.random.default_rng(seed).random(tuple(n for _, n in position))
        return position, [along.of(x) for along in both]

    with timer:
        both = [AlongAxis(0, shape), AlongAxis(1, shape)]
        jobs = list(enumerate(grid))
        for first in range(0, len(jobs), 4 * p.threads):
            for position, parts in on_threads(work, jobs[first : first + 4 * p.threads], p.threads):
                for along, part in zip(both, parts, strict=True):
                    along.take(position, part)
        values = both[0].values() + both[1].values()
    return dict(zip(["mean0", "max0", "at0", "std0", "mean1", "max1", "at1", "std1"], values, strict=True))


def rechunk(p, timer):
    with timer:
        columns = [np.empty((p.n, width)) for _, width in blocks(p.n, p.chunks)]

        def fill(block):
            start, height = block
            x = np.random.default_rng(start).random((height, p.n))
            for (at, width), column in zip(blocks(p.n, p.chunks), columns, strict=True):
                column[start : start + height] = x[:, at : at + width]

        on_threads(fill, blocks(p.n, p.chunks), p.threads)
        down = np.concatenate(on_threads(lambda c: c.max(0) - c.min(0), columns, p.threads))
        most = on_threads(lambda c: (c.max(1), c.min(1)), columns, p.threads)
        across = np.max([high for high, _ in most], axis=0) - np.min([low for _, low in most], axis=0)
    return {"down": down.mean(), "across": across.mean()}


ROWS = {"normals": normals, "matmul": matmul, "matmul-f32": matmul, "axes": axes, "rechunk": rechunk}
