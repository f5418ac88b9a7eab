"""What tests/bench/gpu measures on a card.

In reading order: `jobs` (the jobs, read from kernel/cli/bench/cards.toml, and their programs), `driver` (the driver's own calls, by
ctypes), `ceilings` (what the card can do, measured through the driver and CuPy), `by_cupy` and `by_dask` (the same jobs
by others, in a process that `__main__` starts), `report` (facts and table).
"""
