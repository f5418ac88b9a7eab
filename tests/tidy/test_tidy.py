"""The rules of the repository that no compiler checks."""

import functools
import os
import re
import tomllib
from pathlib import Path

import pytest

from program import ROOT, reference

FILE_LINES = 600
FUNCTION_LINES = 70
# The rooms in the order of the road: each may know what stands before it.
ROAD = ["ops", "syntax", "graph", "plan", "cpu", "store", "remote", "gpu", "session", "render", "dashboard", "jupyter", "cli"]
ROOM_OF_FOLDER = {
    "lang/ops": "ops", "lang/syntax": "syntax", "lang/graph": "graph",
    "executor/plan": "plan", "executor/cpu": "cpu", "executor/store": "store", "executor/remote": "remote", "executor/gpu": "gpu",
    "kernel/session": "session", "kernel/render": "render", "kernel/dashboard": "dashboard", "kernel/jupyter": "jupyter", "kernel/cli": "cli",
}  # fmt: skip
# Crates that only tests use.
TEST_FOLDERS = ["tests", "tests/gpu/interp", "tests/gpu/driver", "tests/gpu/cublas"]
# What a room must not know although it stands earlier on the road.
FORBIDDEN = {"syntax": {"ops"}, "store": {"cpu"}, "render": {"cpu", "store", "remote"}}
PURE = ["lang/ops", "lang/syntax", "lang/graph", "executor/plan", "kernel/render"]
IMPURE = re.compile(r"\bstd::(fs|net|thread|process|env)\b|\bInstant::now\b|\bSystemTime\b|\brayon\b|\btokio\b")
# What cannot be done in safe code: mapping a file, asking a driver what there is, launching a kernel.
UNSAFE_FILES = [
    re.compile(r"^executor/store/src/.*(map|mmap)[a-z_]*\.rs$"),
    re.compile(r"^executor/gpu/src/detect/driver\.rs$"),
    re.compile(r"^executor/gpu/src/device\.rs$"),
]
UNFINISHED = [
    "TO" + "DO",
    "FIX" + "ME",
    "X" * 3,
    "unimplemented" + "!",
    "todo" + "!",
    "for n" + "ow",
    "place" + "holder",
    "not yet impl" + "emented",
    "HA" + "CK",
]
ELSEWHERE = re.compile(
    "|".join(
        [
            "/" + "work/",
            "/" + "home/[a-z]",
            "/" + "root/",
            r"pypi\." + "org",
            r"crates\." + "io/",
            r"registry\." + "npmjs",
            r"deb\." + "debian",
            r"files\.python" + "hosted",
        ]
    )
)
SKIPPED = {"target", ".venv", ".ptxas", ".git", "artefacts", "__pycache__", ".ipynb_checkpoints"}


@functools.cache
def all_files():
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in SKIPPED]
        found += [Path(folder) / n for n in names]
    return sorted(found)


def files(*suffixes, under=""):
    return [p for p in all_files() if p.is_relative_to(ROOT / under) and (not suffixes or p.suffix in suffixes)]


def name(path):
    return path.relative_to(ROOT).as_posix()


def text_files():
    """Everything that people wrote."""
    written = {".rs", ".py", ".md", ".toml", ".clv", ".txt", ".ipynb", ".js", ".svg", ".json", ".ini", ""}
    return [p for p in files() if p.suffix in written and p.name != "Cargo.lock"]


def without_tests(source):
    """A Rust file up to its test module."""
    return re.split(r"#\[cfg\((?:all\()?test", source)[0]


def product_sources(under=""):
    """(name, text) of the Rust files that users run."""
    for path in files(".rs", under=under):
        parts = set(path.relative_to(ROOT).parts)
        if not parts & {"tests", "benches", "examples"} and path.name not in ("tests.rs", "test.rs"):
            yield name(path), without_tests(path.read_text())


def code_only(source):
    """Rust without comments."""
    return re.sub(r"(?m)(^|\s)//.*$", "", source)


def test_files_are_short():
    long = {name(p): n for p in files(".rs", ".py") if (n := len(p.read_text().splitlines())) > FILE_LINES}
    assert not long


def function_lengths(path):
    """(name, lines) of each function, by the indentation of its closing brace or of the next statement."""
    lines = path.read_text().splitlines()
    head = re.compile(
        r"^(\s*)(?:pub(?:\([a-z ]+\))? )?(?:const |unsafe |async |extern \"C\" )*fn (\w+)"
        if path.suffix == ".rs"
        else r"^(\s*)(?:async )?def (\w+)"
    )
    for start, line in enumerate(lines):
        if found := head.match(line):
            end = rust_end(lines, start, found[1]) if path.suffix == ".rs" else python_end(lines, start, found[1])
            yield found[2], end - start


def rust_end(lines, start, indent):
    closed = re.compile(rf"{indent}(?:}}|\).*;$)")
    if lines[start].rstrip().endswith((";", "}")):
        return start + 1
    return next((end + 1 for end in range(start + 1, len(lines)) if closed.match(lines[end])), len(lines))


def python_end(lines, start, indent):
    body = False
    for end in range(start + 1, len(lines)):
        inside = not lines[end].strip() or lines[end].startswith(indent + " ")
        body = body or (inside and bool(lines[end].strip()))
        if body and not inside and not lines[end].startswith(indent + ")"):
            return end
    return len(lines)


def test_functions_are_short():
    long = [
        f"{name(p)}: {f} has {n} lines"
        for p in files(".rs", ".py")
        for f, n in function_lengths(p)
        if n > FUNCTION_LINES
    ]
    assert not long


@pytest.mark.parametrize("word", UNFINISHED)
def test_no_words_of_unfinished_work(word):
    sought = re.compile(rf"(?<!\w){re.escape(word)}(?![\w-])", 0 if word.isupper() else re.IGNORECASE)
    found = [
        f"{name(p)}:{i}"
        for p in files(".rs", ".py", ".md", ".toml", ".clv")
        for i, line in enumerate(p.read_text().splitlines(), 1)
        if sought.search(line)
    ]
    assert not found


def test_no_registry_hosts_and_no_places_of_one_machine():
    found = [
        f"{name(p)}:{i}: {m[0]}"
        for p in text_files()
        for i, line in enumerate(read(p).splitlines(), 1)
        if (m := ELSEWHERE.search(line))
    ]
    assert not found


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def manifest(folder):
    return tomllib.loads((ROOT / folder / "Cargo.toml").read_text())


@pytest.mark.parametrize("folder", ROOM_OF_FOLDER)
def test_crates_know_only_what_stands_before_them(folder):
    room = ROOM_OF_FOLDER[folder]
    known = {d.removeprefix("cleave-") for d in manifest(folder).get("dependencies", {}) if d.startswith("cleave-")}
    later = set(ROAD[ROAD.index(room) :]) | FORBIDDEN.get(room, set())
    assert not known & later


def test_every_room_is_on_the_road():
    members = set(tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"])
    assert members - set(TEST_FOLDERS) == set(ROOM_OF_FOLDER)


def test_crates_for_tests_stay_out_of_the_product():
    for folder in TEST_FOLDERS[1:]:
        facts = manifest(folder)
        assert facts["package"]["publish"] is False and facts["lints"] == {"workspace": True}, folder
        users = [f for f in ROOM_OF_FOLDER if facts["package"]["name"] in manifest(f).get("dependencies", {})]
        assert not users, f"{folder} is part of {users}"


def test_crates_take_the_lints_and_dependencies_of_the_workspace():
    for folder in ROOM_OF_FOLDER:
        facts = manifest(folder)
        assert facts["lints"] == {"workspace": True}, folder
        for kind in ("dependencies", "dev-dependencies"):
            own = [
                d
                for d, value in facts.get(kind, {}).items()
                if not (isinstance(value, dict) and value.get("workspace"))
            ]
            assert not own, f"{folder} declares {own} itself"


def test_no_dependency_is_declared_twice_or_in_vain():
    shared = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]
    used = set()
    for folder in [*ROOM_OF_FOLDER, *TEST_FOLDERS]:
        used |= {
            d
            for kind in ("dependencies", "dev-dependencies", "build-dependencies")
            for d in manifest(folder).get(kind, {})
        }
    assert not set(shared) - used, "declared and never used"


@pytest.mark.parametrize("folder", PURE)
def test_pure_rooms_touch_nothing_outside(folder):
    found = [f"{n}: {m[0]}" for n, text in product_sources(folder) for m in IMPURE.finditer(code_only(text))]
    assert not found


def test_no_op_is_named_in_the_executor():
    # A word of everyday use, such as a field of a file format, is no op's name there.
    common = {"all", "any", "array", "abs", "full", "load", "max", "min", "round", "where", "zeros"}
    names = {op["name"] for op in reference()} | {a for op in reference() for a in op["aliases"]}
    quoted = re.compile(r'"([a-z_0-9]+)"')
    found = [
        f"{n}: {word}"
        for n, text in product_sources("executor")
        for word in quoted.findall(code_only(text))
        if word in names - common
    ]
    assert not found


def test_no_unwrap_and_no_panic_in_the_product():
    sought = re.compile(r"\.unwrap\(\)|\bpanic!|\bunreachable!\(\)|\.expect\(\"\"\)|\bdbg!")
    found = [f"{n}: {m[0]}" for n, text in product_sources() for m in sought.finditer(code_only(text))]
    assert not found


def test_unsafe_is_in_a_few_files():
    found = {n for n, text in product_sources() if re.search(r"\bunsafe\b(?!_code|-inline)", code_only(text))}
    assert not {n for n in found if not any(file.match(n) for file in UNSAFE_FILES)}
    assert len(found) <= len(UNSAFE_FILES)


def test_only_one_crate_uses_the_compute_pool_and_one_the_messages():
    users = {
        d: {f for f in ROOM_OF_FOLDER if d in manifest(f).get("dependencies", {})} for d in ("rayon", "zeromq", "ring")
    }
    assert users == {"rayon": {"executor/cpu"}, "zeromq": {"kernel/jupyter"}, "ring": {"kernel/jupyter"}}


def test_crate_roots_say_what_they_are():
    for folder in ROOM_OF_FOLDER:
        root = next(p for p in (ROOT / folder / "src" / "lib.rs", ROOT / folder / "src" / "main.rs") if p.exists())
        lines = root.read_text().splitlines()
        opening = [line for line in lines if line.startswith("//!")]
        assert lines and lines[0].startswith("//!") and len(opening) <= 30, name(root)


def test_no_file_is_called_after_nothing():
    vague = {"utils.rs", "util.rs", "common.rs", "misc.rs", "types.rs", "helpers.rs", "utils.py", "helpers.py"}
    assert not [name(p) for p in files(".rs", ".py") if p.name in vague]


def test_generated_and_private_files_stay_out():
    big = [name(p) for p in files() if p.stat().st_size > 2_000_000]
    assert not big
    assert Path(ROOT / ".gitignore").read_text().find("artefacts") > 0


def test_scripts_run_without_a_terminal():
    tools = [f"tests/bench/{tool}" for tool in ("run", "bound", "soak", "overhead", "flatness", "estimates", "gpu")]
    for script in ("tests/setup", "tests/run", ".ci/run", *tools):
        path = ROOT / script
        assert path.stat().st_mode & 0o111 and path.read_text().startswith("#!/usr/bin/env "), script
