"""Every fault and every bad input that somebody thought of has its test."""

import re
from pathlib import Path

import pytest

from program import ROOT

# The rows that other engines than workers have are not here.
TABLES = {
    "matrix.txt": [*range(1, 31), *range(34, 39)],
    "bad_inputs.txt": [*range(1, 44)],
}


def rows(name):
    lines = (Path(__file__).parent / name).read_text().splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            number, what, tests = line.split(" | ")
            yield int(number), what, tests.split()


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_its_tests(name):
    assert [number for number, _, _ in rows(name)] == TABLES[name]
    for number, what, tests in rows(name):
        assert what and tests, number
        for test in tests:
            path, function = test.split("::")
            head = rf"^def {function}\(" if path.endswith(".py") else rf"^\s*(?:async )?fn {function}\("
            assert re.search(head, (ROOT / path).read_text(), re.MULTILINE), test
