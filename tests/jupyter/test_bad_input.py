"""Wrong cells of every kind: a named error with the words that help, the kernel alive, the scope as it was."""

from pathlib import Path

import pytest

from kernels import run_cell


def samples():
    """(program, error name, words) from bad_input.txt."""
    program = []
    for line in (Path(__file__).parent / "bad_input.txt").read_text().splitlines():
        if line.startswith("#!"):
            code, *words = line.removeprefix("#!").split()
            yield pytest.param("\n".join(program), code, words, id="; ".join(program)[:50])
            program = []
        elif not line.startswith("#"):
            program.append(line)


@pytest.mark.parametrize(("program", "code", "words"), samples())
def test_bad_input(client, program, code, words):
    run_cell(client, "kept = 1").ok()
    cell = run_cell(client, f"{program}" if program.startswith("%") else f"kept = 2\n{program}")
    assert cell.status == "error", f"no error; it gave {cell.result or cell.text()!r}"
    told = cell.traceback
    assert cell.error_name == code, told
    assert not [word for word in words if word.strip("(),") not in told], told
    assert "panicked" not in told and ".rs:" not in told
    assert run_cell(client, "kept").ok().result == "1", "a failed cell changed the scope"


def test_all_mistakes_of_a_cell_at_once(client):
    cell = run_cell(client, "a = 1 +* 2\nb = 3\nc = 4 5\nd = x[]\n")
    assert cell.status == "error"
    assert all(piece in cell.traceback for piece in ("1 +* 2", "4 5", "x[]")), cell.traceback


def test_a_shape_mistake_is_told_before_anything_runs(client):
    cell = run_cell(
        client, "big = default_rng(1).random((200000, 200000), chunks=2000)\nbig.sum() + big[:, :3] + big[:3]"
    )
    assert cell.error_name == "shape-mismatch", cell.traceback
