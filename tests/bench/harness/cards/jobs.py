"""The jobs: what kernel/cli/bench/cards.toml says, one `Job` for each, and their programs."""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..rows import assignments, evaluate, lines_of, number

FILE = Path(__file__).resolve().parents[4] / "kernel" / "cli" / "bench" / "cards.toml"
LEAST = 1000
KEEP = {True: 'x.to_device("cuda").persist()', False: "x.persist()"}
# What stands before a plan that is printed.
PLAN = "the plan:"
LOOP = """\
times = []
begin = perf_counter()
for _ in range({most}):
    r = None
    start = perf_counter()
    r = job()
    times.append(perf_counter() - start)
    if perf_counter() - begin > {spend}:
        break
"""


@dataclass
class Job:
    """One job at one size."""

    name: str
    title: str
    params: dict
    small: dict
    setup: str
    wanted: list
    answer: str
    values: list
    check: str
    floor: str
    before: str = ""
    kept: bool = False
    array: str = ""
    need: str = "0"
    host: str = "0"
    goal: float = 0
    goal_s: float = 0
    bits: bool = True
    resident: bool = False
    settings: dict = field(default_factory=dict)
    peers: list = field(default_factory=list)
    full: dict = field(default_factory=dict)

    def program(self, stays, most, spend_s):
        """The text of a program that prints `times [...]` and then each value."""
        wanted = ", ".join(self.wanted)
        computed = f"compute({wanted})" if self.wanted[1:] else f"({wanted}).compute()"
        result = f"keep({wanted})" if self.kept else computed
        lines = ["from time import perf_counter", *assignments(self.params)]
        lines += ["def keep(x):", f"    return {KEEP[stays]}", *lines_of(self.setup)]
        lines += ["def job():", *(f"    {line}" for line in [*lines_of(self.before), f"return {result}"])]
        lines += lines_of(LOOP.format(most=most, spend=spend_s)) + ['print("times", times)'] + lines_of(self.answer)
        lines += [f'print("{value}", {value})' for value in self.values]
        return "\n".join(lines) + "\n"

    def ending(self, file):
        """What is put behind a program that is run once: its array goes to a file, and it prints its plan last."""
        lines = [f'save("{file}", {self.array})'] if self.array else []
        lines += [f'print("{PLAN}")', *lines_of(self.before), f"explain({', '.join(self.wanted)})"]
        return "\n".join(lines) + "\n"

    def options(self):
        """What the command line adds for it."""
        texts = {key: value.format(**self.params) for key, value in self.settings.items()}
        return [part for key, value in texts.items() for part in ("--set", f"{key}={value}")]

    def right(self, values):
        """Whether the values are all there and pass the check."""
        return set(self.values) <= set(values) and bool(evaluate(self.check, {**self.params, **values}))

    def floor_s(self, rates):
        """Seconds that the card needs at least; None where a rate is not known."""
        return number(self.floor, {**self.params, **rates})

    def at_small(self):
        return replace(self, params=self.small)

    def fitted(self, card_bytes, host_bytes):
        """The same, made smaller until the card and the host have the memory for it."""
        job = self
        while job.params["n"] > LEAST and (job.bytes(job.need) > card_bytes or job.bytes(job.host) > host_bytes):
            job = replace(job, params={**job.params, "n": job.params["n"] // 2})
        return job

    def bytes(self, text):
        return number(text, self.params)

    @property
    def is_full(self):
        return self.params == self.full

    @property
    def size(self):
        n = f"{self.params['n']:,}".replace(",", " ")
        return n if "(n, n)" not in self.setup and "i[None" not in self.setup else f"{n}²"


def load(small, only=()):
    """All jobs, or those named in `only`."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))["job"]
    jobs = [Job(params=entry["small" if small else "full"], **entry) for entry in table]
    if unknown := set(only) - {job.name for job in jobs}:
        known = ", ".join(job.name for job in jobs)
        raise SystemExit(f"no such row: {', '.join(sorted(unknown))}; there are {known}")
    return [job for job in jobs if not only or job.name in only]
