"""What the machine can do, in bytes, operations or elements a second.

`limits.c` is compiled by the machine's C compiler and run; zstd is measured by numcodecs in a process of its own. The
rates are written to a JSON file and measured once: a file that is there is read. They are upper bounds, so the best of
several measurements is the right one.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .process import VENV

SOURCE = Path(__file__).with_name("limits.c")
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-fopenmp"]
ZSTD = """
import json, sys, time
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from numcodecs.zstd import Zstd
threads = int(sys.argv[1])
x = np.random.default_rng(0).integers(0, 1000, (1000, 2000)) / 8.0
codec = Zstd(level=0)
packed = codec.encode(x)
def rate(work):
    with ThreadPoolExecutor(threads) as pool:
        best = min(timed(pool, work) for _ in range(2))
    return 4 * threads * x.nbytes / best
def timed(pool, work):
    start = time.perf_counter()
    list(pool.map(lambda _: work(), range(4 * threads)))
    return time.perf_counter() - start
print(json.dumps({"zstd_encode": rate(lambda: codec.encode(x)), "zstd_decode": rate(lambda: codec.decode(packed))}))
"""


def rates(path, threads, again=False):
    """The rates of this machine on so many threads, from the file or measured now."""
    if path.is_file() and not again:
        known = json.loads(path.read_text())
        if known.get("threads") == threads:
            return known["rates"]
    found = {**arithmetic(threads), **compression(threads)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"threads": threads, "rates": found}, indent=1) + "\n")
    return found


def arithmetic(threads):
    compiler = next((c for c in (os.environ.get("CC"), "cc", "gcc", "clang") if c and shutil.which(c)), None)
    if not compiler:
        print("limits: no C compiler here, so limits of arithmetic and memory stay unknown", file=sys.stderr)
        return {}
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "limits"
        flags = FLAGS if os.uname().machine == "x86_64" else [f for f in FLAGS if "vector-width" not in f]
        built = subprocess.run([compiler, *flags, SOURCE, "-o", program, "-lm"], capture_output=True, text=True)
        if built.returncode:
            print(f"limits: {built.stderr.strip()[:300]}", file=sys.stderr)
            return {}
        text = subprocess.run([program, str(threads)], capture_output=True, text=True, check=True).stdout
    return {name: float(value) for name, value in (line.split() for line in text.splitlines())}


def compression(threads):
    done = subprocess.run([VENV, "-c", ZSTD, str(threads)], capture_output=True, text=True)
    if done.returncode:
        print("limits: numcodecs is not installed, so limits of compression stay unknown", file=sys.stderr)
        return {}
    return json.loads(done.stdout)
