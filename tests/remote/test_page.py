"""The page of `%dashboard` while workers compute."""

import json
import re
import urllib.request

import kernels

from workers import LONG, scheduler, workers


def test_each_worker_has_a_lane_while_a_run_goes_on(tmp_path_factory):
    kernels.install(tmp_path_factory.mktemp("prefix"))
    with workers(2, "--threads", 1) as pool, kernels.kernel() as (_, client):
        url = re.search(r"http\S+", kernels.run_cell(client, "%dashboard").ok().text())[0]
        kernels.run_cell(client, f'%scheduler {scheduler(pool).replace("workers://", "workers ")}').ok()
        asked = client.execute(LONG)
        at_work = set()
        with urllib.request.urlopen(url.replace("/?", "/events?"), timeout=30) as events:
            for line in events:
                page = json.loads(line[6:]) if line.startswith(b"data: ") else ""
                if "workers so far" in page:
                    at_work |= {w.address for w in pool if re.search(rf"{w.address} · [^<]* at work<", page)}
                if len(at_work) == 2 or "computed on" in page:
                    break
        assert len(at_work) == 2, page
        kernels.interrupt(client)
        kernels.collect(client, asked)
