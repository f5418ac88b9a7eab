"""Every valid program of ours is valid Python, magics aside."""

import ast
import json
import os
from pathlib import Path

import pytest

from program import ROOT

SKIPPED = {"target", ".venv", ".git", "artefacts", "bad", "err", "error", "errors"}


def scripts():
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED]
        found += [Path(folder) / n for n in names if n.endswith(".clv") and n.removesuffix(".clv") not in SKIPPED]
    return sorted(found)


def cells():
    """(notebook name, number, source) of each code cell."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for number, cell in enumerate(json.loads(path.read_text())["cells"]):
            if cell["cell_type"] == "code":
                yield path.name, number, "".join(cell["source"])


def without_magics(source):
    """The same lines: `%magic` and `!shell` lines and `name?` questions emptied, `%time` statements kept."""
    kept = []
    for line in source.splitlines():
        bare = line.lstrip()
        if bare.startswith("%"):
            word, _, rest = bare.lstrip("%").partition(" ")
            is_statement = not bare.startswith("%%") and word == "time" and rest
            kept.append(line[: len(line) - len(bare)] + rest if is_statement else "")
        else:
            escape = bare.startswith("!") or (bare.rstrip().endswith("?") and "#" not in bare)
            kept.append("" if escape else line)
    return "\n".join(kept) + "\n"


def check(source, name):
    ast.parse(without_magics(source), filename=name)


@pytest.mark.parametrize("path", scripts(), ids=lambda p: str(p.relative_to(ROOT)))
def test_script(path):
    check(path.read_text(encoding="utf-8"), str(path))


def test_notebook_cells():
    found = list(cells())
    assert found, "no notebook has a code cell"
    for name, number, source in found:
        check(source, f"{name} cell {number}")


def test_there_are_scripts():
    assert scripts()
