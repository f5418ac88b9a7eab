"""`python -m harness.peers PEER JOB`: one run of one peer in this process; prints one line of JSON."""

import json
import sys

from . import Params, Timer, function, missing


def main():
    name, job = sys.argv[1], json.loads(sys.argv[2])
    if why := missing(name):
        print(json.dumps({"missing": why}))
        return
    params = Params(job["params"], folder=job["folder"], threads=job["threads"])
    timer = Timer()
    values = function(name, job["group"])(params, timer)
    print()
    print(json.dumps({"compute_s": timer.total, "values": {key: float(value) for key, value in values.items()}}))


if __name__ == "__main__":
    main()
