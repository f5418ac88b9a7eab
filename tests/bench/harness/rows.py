"""The workloads: what kernel/cli/bench/rows.toml says, one `Row` for each case."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "kernel" / "cli" / "bench" / "rows.toml"
PLAIN = {"abs": abs, "min": min, "max": max, "float": float}


@dataclass
class Row:
    """One workload with one set of parameters."""

    name: str
    group: str
    title: str
    params: dict
    timed: str
    check: str
    work: str
    values: list
    setup: str = ""
    answer: str = ""
    prepare: str = ""
    settings: dict = field(default_factory=dict)
    memory_limit: str = ""
    limit: str = ""
    reach: str = ""
    reach_mib: float = 0
    memory_gib: float = 0
    spread: float = 0
    peers: list = field(default_factory=list)
    slow: list = field(default_factory=list)
    beside: str = ""
    same: bool = False

    def program(self, folder):
        """The text, and the first and last line of what is timed."""
        before = assignments({**self.params, "folder": str(folder)}) + lines_of(self.setup)
        timed = lines_of(self.timed)
        after = lines_of(self.answer) + [f'print("{value}", {value})' for value in self.values]
        return "\n".join(before + timed + after) + "\n", (len(before) + 1, len(before) + len(timed))

    def preparation(self, folder):
        """The text of what is run once before, or nothing."""
        if not self.prepare:
            return ""
        return "\n".join(assignments({**self.params, "folder": str(folder)}) + lines_of(self.prepare)) + "\n"

    def right(self, values):
        """Whether the values are all there and pass the check."""
        return set(self.values) <= set(values) and bool(evaluate(self.check, {**self.params, **values}))

    def limit_s(self, rates):
        """Seconds that the machine needs at least; None where a rate is not known."""
        return number(self.limit, {**self.params, **rates})

    def reach_s(self, limit_s, peers_s):
        """Seconds to be reached; None where a peer that it is measured by did not run."""
        known = {**self.params, **peers_s} | ({"limit": limit_s} if limit_s else {})
        return number(self.reach, known)

    def is_slow(self, peer):
        """Whether only a full run measures this peer."""
        return peer in self.slow or peer + self.name.removeprefix(self.group) in self.slow


def load(small=False, only=()):
    """All rows, or those whose name or group is in `only`."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))["row"]
    rows = [row for entry in table for row in cases(entry, small)]
    known = {row.name for row in rows} | {row.group for row in rows}
    if unknown := set(only) - known:
        raise SystemExit(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return [row for row in rows if not only or {row.name, row.group} & set(only)]


def cases(entry, small):
    entry = dict(entry)
    full, little, each = entry.pop("full"), entry.pop("small"), entry.pop("each", None)
    group = entry.pop("name")
    for one, value in [(key, value) for key, values in (each or {}).items() for value in values] or [(None, None)]:
        own = {one: value} if one else {}
        name = f"{group}-{value}" if one else group
        yield Row(name=name, group=group, params=own | (little if small else full), **entry)


def assignments(params):
    return [f"{name} = {value!r}" for name, value in params.items()]


def lines_of(text):
    return text.strip("\n").splitlines()


def evaluate(text, names):
    """An expression of the table: it is this repository's own text."""
    return eval(text, {"__builtins__": PLAIN}, names)  # noqa: S307


def number(text, names):
    try:
        return float(evaluate(text, names)) if text else None
    except NameError:
        return None
