"""What the benchmarks share.

In reading order: `rows` (the workloads, read from kernel/cli/bench/rows.toml), `process` (one run in a process of its
own, measured; `launch` is its parent), `peers` (the same work by others, and the process they run in), `limits` (what the machine can do),
`table` (rounds of ours and peers, and the report), `picture` (time and memory against chunk size), `cage` (a hard limit
of memory), `programs` (random programs), `oracle` (a program's text on NumPy), `cards` (the same for graphics cards).
"""
