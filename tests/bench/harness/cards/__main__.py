"""`python -m harness.cards ENGINE JOB`: one job by one engine in this process; prints one line of JSON.

What is timed is the job and the wait for the card: what a user waits for. The first call has the kernels' making in it;
`start_s` is what it took until there was a card.
"""

import importlib
import json
import sys
import time

from ..peers import Params
from .by_cupy import JOBS, Missing


def main():
    engine, job = sys.argv[1], json.loads(sys.argv[2])
    try:
        facts = measured(engine, job)
    except (ImportError, Missing) as error:
        facts = {"missing": f"{error.name} is not installed" if isinstance(error, ImportError) else str(error)}
    print()
    print(json.dumps(facts))


def measured(engine, job):
    start = time.perf_counter()
    xp, wait = arrays(job["dry"])
    jobs = JOBS[engine] if engine in JOBS else importlib.import_module(f"{__package__}.by_{engine}").JOBS
    started = time.perf_counter() - start
    work, answer = jobs[job["name"]](Params(job["params"]), xp)
    wait()
    times, begin, result = [], time.perf_counter(), None
    for _ in range(job["most"]):
        # The last result's memory is free for the next.
        del result
        start = time.perf_counter()
        result = work()
        wait()
        times.append(time.perf_counter() - start)
        if time.perf_counter() - begin > job["spend_s"]:
            break
    values = {name: float(value) for name, value in answer(result).items()}
    return {"with": versions(xp), "start_s": started, "times": times, "values": values}


def versions(xp):
    return ", ".join(f"{m.__name__} {m.__version__}" for m in (xp, sys.modules.get("dask")) if m)


def arrays(dry):
    """CuPy with its wait for the card, or NumPy in its place."""
    if dry:
        import numpy

        return numpy, lambda: None
    import cupy

    cupy.zeros(1)
    cupy.cuda.runtime.deviceSynchronize()
    return cupy, cupy.cuda.runtime.deviceSynchronize


if __name__ == "__main__":
    main()
