"""What was measured on a card, as facts and as a page; written anew after each row: the machine may go at any time."""

import json
import os
import statistics

OURS = "cleave"
PEERS = {"cupy": "CuPy ms", "cupy-by-hand": "by hand ms", "dask": "dask-CuPy ms"}
HEAD = ["row", "size", "floor ms", "ours ms", "of floor", "goal", "met", "first ms", *PEERS.values(), "best peer/ours"]
HEAD += ["bits of threads", "check"]
RATES = {
    "copy": ("copy on the card, read and written", 1e9, "GB/s"),
    "read": ("read by a sum", 1e9, "GB/s"),
    "up": ("up from pinned memory", 1e9, "GB/s"),
    "down": ("down to pinned memory", 1e9, "GB/s"),
    "pageable": ("up from other memory", 1e9, "GB/s"),
    "fma64": ("float64 multiply-adds", 1e12, "TFLOP/s"),
    "gemm64": ("cuBLAS float64", 1e12, "TFLOP/s"),
    "gemm32": ("cuBLAS float32", 1e12, "TFLOP/s"),
}
# More than this of the floor is no success: nothing was computed, or the floor is wrong.
MOST = 1.2


def line(job, runs, rates, bits, is_small):
    """One row as facts. `runs` has what each engine took: its times, its values, what was wrong."""
    ours, floor = runs[OURS], job.floor_s(rates)
    seconds = middle(ours)
    peers = {name: middle(runs[name]) for name in PEERS if name in runs and middle(runs[name])}
    best = min(peers, key=peers.get, default=None)
    fraction = floor / seconds if floor and seconds and not is_small else None
    return {
        "row": job.name,
        "title": job.title,
        "params": job.params,
        "size": job.size,
        "floor_s": floor,
        "ours_s": seconds,
        "ours_min_s": min(ours["times"], default=None),
        "first_s": ours["times"][0] if ours["times"] else None,
        "peers_s": peers,
        "best_peer": best,
        "ratio": peers[best] / seconds if best and seconds else None,
        "fraction": fraction,
        "goal": goal(job),
        "met": met(job, seconds, fraction) if not is_small else None,
        "same_bits": bits,
        "check": check(job, runs, bits),
        "notes": list(notes(job, runs, fraction)),
        "engines": runs,
    }


def middle(run):
    """Median seconds of the calls after the first; of the first where there is only that."""
    times = run["times"][1:] or run["times"]
    return statistics.median(times) if times else None


def goal(job):
    return f"{job.goal:.0%}" if job.goal else f"{1000 * job.goal_s:.1f} ms"


def met(job, seconds, fraction):
    if job.goal:
        return None if fraction is None else fraction >= job.goal
    return seconds <= job.goal_s if seconds and job.is_full else None


def check(job, runs, bits):
    """`ok`, or what is wrong with ours; a peer's wrong answer is a note."""
    ours = runs[OURS]
    if ours["failure"]:
        return "failed"
    if not ours["times"]:
        return "not run"
    if not job.right(ours["values"]):
        return "wrong"
    return "other bits" if bits is False and job.bits else "ok"


def notes(job, runs, fraction):
    for name, run in runs.items():
        if run["failure"] or run["missing"]:
            yield f"{name}: {run['failure'] or run['missing']}"
        elif run["times"] and name != OURS and not job.right(run["values"]):
            yield f"{name}: a wrong answer, {run['values']}"
        elif len(run["times"]) == 1:
            yield f"{name}: timed once, with all that the first use takes"
        yield from (f"{name}: {note}" for note in run["notes"])
    if not job.is_full and fraction:
        yield "smaller than planned, for want of memory"
    if fraction and fraction > MOST:
        yield "faster than the floor: it was not computed, or the floor is wrong"


def write(report, folder):
    """gpu.json and gpu.md, each whole or as before; gives the page."""
    page = markdown(report)
    for name, text in {"gpu.json": json.dumps(report, indent=1) + "\n", "gpu.md": page}.items():
        (folder / f"{name}.new").write_text(text)
        os.replace(folder / f"{name}.new", folder / name)
    return page


def markdown(report):
    lines = [
        f"{report['card']}; Cleave {report['version']} with scheduler {report['scheduler']}; {report['date']}; "
        f"{report['took_s']:.0f} s so far.",
        *(["Tiny sizes, to see whether everything works: no time here means anything."] if report["quick"] else []),
        *(["NumPy stands in for CuPy: no time of a peer means anything."] if report["dry"] else []),
        "",
        f"- doctor: {report['doctor']}",
        f"- selftest: {report['selftest']}",
        f"- arrays stay on the card: {'yes' if report['stays'] else 'no, so times have the transfers in them'}",
        *(f"- {name}: {text}" for name, text in [*report["tools"].items(), *report["peers"].items()]),
        *(f"- {text}: {rate}" for text, rate in rates(report["rates"])),
        *(f"- {note}" for note in report["notes"]),
        "",
        "Milliseconds of a call and the wait for the card, the median of those after the first, which also makes "
        "the kernels.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---|" + "---:|" * 5 + "---|" + "---:|" * 5 + "---|---|",
        *(cells(row) for row in report["rows"]),
        "",
        *(f"- `{row['row']}`: {note}" for row in report["rows"] for note in row["notes"]),
    ]
    return "\n".join(lines) + "\n"


def rates(found):
    for name, (text, unit, word) in RATES.items():
        yield text, f"{found[name] / unit:.4g} {word}" if found.get(name) else "not measured"


def cells(row):
    texts = [
        f"`{row['row']}` {row['title']}",
        row["size"],
        short(row["floor_s"]),
        short(row["ours_s"]),
        f"{row['fraction']:.0%}" if row["fraction"] else "–",
        row["goal"],
        {True: "yes", False: "**no**", None: "–"}[row["met"]],
        short(row["first_s"]),
        *(short(row["peers_s"].get(name)) for name in PEERS),
        f"{row['ratio']:.1f}" if row["ratio"] else "–",
        {True: "yes", False: "**no**", None: "–"}[row["same_bits"]],
        row["check"],
    ]
    return "| " + " | ".join(texts) + " |"


def short(seconds):
    return "–" if seconds is None else f"{1000 * seconds:.4g}"
