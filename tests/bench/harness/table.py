"""Rows measured in rounds, ours and the peers in turn, and the report of them."""

import math
import shutil
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import host, process
from .rows import Row

OURS = "cleave"


@dataclass
class Plan:
    """How to measure."""

    guard: process.Guard
    scratch: Path
    threads: int
    repeat: int = 3
    spend_s: float = 6.0
    peers: bool = True
    all: bool = False
    memory_limit: str = ""


@dataclass
class Side:
    """One engine's runs of one row."""

    runs: list = field(default_factory=list)

    def middle(self, name):
        return statistics.median(getattr(run, name) for run in self.runs)

    @property
    def failure(self):
        return next((run.failure for run in self.runs if run.failure), "")

    @property
    def missing(self):
        return self.runs[0].note if self.runs and not self.runs[0].failure else ""

    @property
    def worked(self):
        return bool(self.runs) and not self.failure and not self.missing

    @property
    def values(self):
        return self.runs[-1].values


@dataclass
class Measured:
    """A row with what each engine took."""

    row: Row
    sides: dict

    @property
    def ours(self):
        return self.sides[OURS]

    def seconds(self):
        """Seconds of the peers that worked."""
        return {n: s.middle("compute_s") for n, s in self.sides.items() if n != OURS and s.worked}


def measure(row, plan):
    """All rounds of one row."""
    sides = {name: Side() for name in [OURS, *(row.peers if plan.peers else [])] if plan.all or not row.is_slow(name)}
    failure = process.prepare(row, plan.scratch, plan.guard)
    if failure:
        sides[OURS].runs.append(process.Run(failure=f"preparation: {failure}"))
        return Measured(row, {OURS: sides[OURS]})
    for _ in range(plan.repeat):
        for name, side in sides.items():
            spent = sum(run.wall_s for run in side.runs)
            if spent < plan.spend_s and not side.failure and not side.missing:
                side.runs.append(once(row, name, plan))
                told(row, name, side.runs[-1])
    return Measured(row, sides)


def once(row, name, plan):
    host.ready(row.memory_gib)
    if name == OURS:
        run, _ = process.ours(row, plan.scratch, plan.guard, plan.threads, plan.memory_limit)
    else:
        run = process.peer(row, name, plan.scratch, plan.guard, plan.threads)
    shutil.rmtree(plan.scratch / "target.zarr", ignore_errors=True)
    return run


def told(row, name, run):
    took = run.note or run.failure or f"{run.compute_s:.4g} s, process {run.wall_s:.2f} s, {run.peak_mib:.0f} MiB"
    print(f"{row.name}: {name}: {took}", file=sys.stderr, flush=True)


def judge(measured, rates):
    """One line of the report for each row, as facts; without rates (small sizes) nothing is to be reached."""
    by_name = {m.row.name: m for m in measured}
    return [line_of(m, by_name.get(m.row.beside), rates) for m in measured]


def line_of(m, beside, rates):
    row, ours = m.row, m.ours
    peers = {**(beside.seconds() if beside else {}), **m.seconds()}
    best = min(peers, key=peers.get, default=None)
    seconds = ours.middle("compute_s") if ours.worked else None
    limit = row.limit_s(rates) if rates is not None else None
    reach = row.reach_s(limit, peers) if rates is not None else None
    peak = ours.middle("peak_mib") if ours.worked else None
    peer_side = best and (m.sides.get(best) or beside.sides[best])
    return {
        "row": row.name,
        "group": row.group,
        "title": row.title,
        "ours_s": seconds,
        "best_peer": best,
        "best_peer_s": peers.get(best),
        "ratio": peers[best] / seconds if best and seconds else None,
        "limit_s": limit,
        "over_limit": seconds / limit if seconds and limit else None,
        "reach_s": reach,
        "met": met(row, seconds, reach, peak),
        "peak_mib": peak,
        "peer_peak_mib": peer_side.middle("peak_mib") if best else None,
        "check": check(m, beside),
        "notes": [f"{n}: {s.missing or s.failure}" for n, s in m.sides.items() if s.missing or s.failure],
        "engines": {name: [asdict(run) for run in side.runs] for name, side in m.sides.items()},
    }


def met(row, seconds, reach, peak):
    if seconds is None or reach is None:
        return None
    return seconds <= reach and (not row.reach_mib or peak <= row.reach_mib)


def check(m, beside):
    """`ok`, or what is wrong with the answers; the peers' answers are looked at too."""
    if m.ours.failure:
        return "failed"
    wrong = [name for name, side in m.sides.items() if side.worked and not m.row.right(side.values)]
    if wrong:
        return "wrong: " + ", ".join(wrong)
    others = {**(beside.sides if beside and m.row.same else {}), **m.sides}
    apart = [n for n, s in others.items() if m.row.same and s.worked and not agree(m.ours.values, s.values)]
    return "differs from " + ", ".join(apart) if apart else "ok"


def agree(ours, theirs):
    """Equal within what another order of summation may change; a mean near zero has no relative error."""
    return all(math.isclose(value, theirs[name], rel_tol=1e-9, abs_tol=1e-9) for name, value in ours.items())


def spreads(lines, rows):
    """(group, slowest over fastest, what it should be) of the groups whose time must not depend on the parameter."""
    wanted = {row.group: row.spread for row in rows if row.spread}
    for group, most in wanted.items():
        times = [line["ours_s"] for line in lines if line["group"] == group and line["ours_s"]]
        if len(times) > 1:
            yield group, max(times) / min(times), most


HEAD = [
    "workload",
    "ours s",
    "best peer s",
    "ratio",
    "limit s",
    "ours/limit",
    "reach s",
    "met",
    "peak MiB, ours / peer",
    "check",
]


def markdown(report):
    """The report as a page."""
    machine = report["machine"]
    lines = [
        f"{machine['cpu']}, {report['threads']} threads, {machine['date']}; Cleave {report['version']}; "
        f"measured in {report['took_s']:.0f} s.",
        "Seconds of the computation alone, the median of the runs; memory is the peak of the whole process.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---|" + "---:|" * 6 + "---|---:|---|",
        *(cells(line) for line in report["rows"]),
        "",
        *(f"- `{g}`: slowest over fastest {got:.2f}, to be reached {most}." for g, got, most in report["spreads"]),
        *(f"- `{line['row']}`: {note}" for line in report["rows"] for note in line["notes"]),
    ]
    return "\n".join(lines) + "\n"


def cells(line):
    peer = f"{short(line['best_peer_s'])} ({line['best_peer']})" if line["best_peer"] else "–"
    met = {True: "yes", False: "**no**", None: "–"}[line["met"]]
    peaks = f"{whole(line['peak_mib'])} / {whole(line['peer_peak_mib'])}"
    ratio = f"{line['ratio']:.1f}" if line["ratio"] else "–"
    over = f"{line['over_limit']:.2f}" if line["over_limit"] else "–"
    texts = [
        f"`{line['row']}` {line['title']}",
        short(line["ours_s"]),
        peer,
        ratio,
        short(line["limit_s"]),
        over,
        short(line["reach_s"]),
        met,
        peaks,
        line["check"],
    ]
    return "| " + " | ".join(texts) + " |"


def short(seconds):
    if seconds is None:
        return "–"
    return f"{seconds:.4f}" if seconds < 0.1 else f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}"


def whole(number):
    return "–" if number is None else f"{number:,.0f}"
