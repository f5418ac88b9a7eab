"""What a cell may be doing when the user interrupts it: what phases.toml says, one `Phase` for each."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Phase:
    """One kind of work, as a program that does little else."""

    name: str
    program: str
    before: str = ""
    memory_limit: str = "2GiB"


def load(only=""):
    """All phases, or those whose name holds `only`."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["phase"]
    return [Phase(**entry) for entry in table if only in entry["name"]]
