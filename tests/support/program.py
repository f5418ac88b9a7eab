"""The program under test: where it is, and running it as a person would."""

import functools
import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "tests" / "artefacts"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = Path(os.environ.get("CLEAVE", TARGET / "release" / "cleave"))
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run(*arguments, timeout=60, check=None, env=None, **options):
    """Run `cleave ARGUMENTS`; with `check` the exit code must be that one."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)],
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=timeout,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        **options,
    )
    done.stdout = done.stdout.decode("utf-8", "replace")
    done.stderr = done.stderr.decode("utf-8", "replace")
    if check is not None:
        assert done.returncode == check, told(done)
    return done


def told(done):
    """What a finished run said, for the message of a failing test."""
    return f"exit {done.returncode}\n--- stdout\n{done.stdout[-4000:]}\n--- stderr\n{done.stderr[-4000:]}"


def write_script(folder, text, name="script.clv"):
    path = Path(folder) / name
    path.write_text(text, encoding="utf-8")
    return path


def run_text(folder, text, *options, check=0, timeout=60, **more):
    """Write `text` as a script and run it."""
    return run("run", write_script(folder, text), *options, check=check, timeout=timeout, cwd=folder, **more)


@functools.cache
def reference():
    """The op table as the program prints it."""
    return json.loads(run("reference", "--json", check=0).stdout)


def plain(text):
    return ANSI.sub("", text)
