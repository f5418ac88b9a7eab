"""zarr-python chunk by chunk on threads, without a scheduler."""

import numpy as np
import zarr

from . import blocks, on_threads


def zarr_mean(p, timer):
    with timer:
        source = zarr.open_array(f"{p.folder}/source.zarr", mode="r")
        grid = [(a, b) for a in blocks(p.n, p.chunks) for b in blocks(p.n, p.chunks)]

        def part(tile):
            (i, h), (j, w) = tile
            return j, w, source[i : i + h, j : j + w].sum(0)

        sums = np.zeros(p.n)
        for j, w, values in on_threads(part, grid, p.threads):
            sums[j : j + w] += values
        return {"mean": (sums / p.n).mean()}


ROWS = {"zarr-mean": zarr_mean}
