"""`cleave run` and `cleave eval`: what they print, where, and with which exit code."""

import json
import os
import subprocess
import time

import pytest

from program import BINARY, run, run_text, told, write_script

HEAVY = "r = default_rng(7).random((200000, 200000), chunks=(2000, 2000))\nprint((r * r[::-1, ::-1]).sum().compute())\n"


@pytest.fixture(autouse=True)
def leaves_no_file(tmp_path, monkeypatch):
    """No test may find a temporary file of ours afterwards."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    yield
    assert not list(place.iterdir())


def test_values_of_bare_expressions_are_printed(tmp_path):
    done = run_text(tmp_path, 'x = 40\nx + 2\n"text"\nNone\nprint("said")\n[1, 2.5, True]\n')
    assert done.stdout.splitlines() == ["42", "'text'", "said", "[1, 2.5, True]"], told(done)
    assert done.stderr == ""


def test_an_array_shows_its_card(tmp_path):
    done = run_text(tmp_path, "ones((200000, 200000), chunks=(2000, 2000))\n")
    assert "array (200000, 200000) float64" in done.stdout, told(done)
    assert "298.02 GiB" in done.stdout and "10,000 = 100 × 100, of 2000 × 2000" in done.stdout, told(done)


def test_the_articles_job(tmp_path):
    script = (
        "import dask.array as da\nfrom dask.diagnostics import ProgressBar\n"
        "x = da.ones((200000, 200000), chunks=(2000, 2000))\nbig_calc = (x * x[::-1, ::-1]).sum()\n"
        'with ProgressBar():\n    result = big_calc.compute()\nprint(f"Total size: {result}")\n'
    )
    done = run_text(tmp_path, script)
    assert "Total size: 40000000000.0" in done.stdout.splitlines(), told(done)


@pytest.mark.parametrize("scheduler", ["threads", "single-threaded"])
def test_schedulers_and_threads(tmp_path, scheduler):
    script = "x = arange(1000, chunks=7)\nprint((x * x).sum().compute())\n"
    for threads in ("1", "2", "5"):
        done = run_text(tmp_path, script, "--scheduler", scheduler, "--threads", threads)
        assert done.stdout.strip() == "332833500"


def test_settings_and_memory_limit(tmp_path):
    script = "print(ones((1000, 1000)).chunks[0][:2])\n"
    done = run_text(
        tmp_path, script, "--set", "array.chunk_size=80kB", "--set", "optimize.fold=off", "--memory-limit", "200MiB"
    )
    assert done.stdout.strip() == "(100, 100)"


def test_a_memory_limit_refuses_what_cannot_fit(tmp_path):
    script = "x = default_rng(1).random((4000, 4000))\ny = x.compute()\n"
    done = run_text(tmp_path, script, "--memory-limit", "64MiB", check=1)
    assert "memory" in done.stderr and "64.0 MiB" in done.stderr, told(done)


def test_json_has_one_object_per_statement(tmp_path):
    source = 'x = ones((100, 100), chunks=10)\nx\nprint("hi")\n\nx.sum().compute()\nfor i in range(2):\n    print(i)\n'
    done = run_text(tmp_path, source, "--json", "out.json")
    objects = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    assert [o["line"] for o in objects] == [1, 2, 3, 5, 6], told(done)
    for entry in objects:
        assert set(entry) >= {"line", "source", "kind", "text", "wall_s", "cpu_s", "peak_bytes", "stages"}
        assert entry["wall_s"] >= 0 and entry["cpu_s"] >= 0 and entry["peak_bytes"] >= 0
        assert isinstance(entry["kind"], str) and isinstance(entry["stages"], list)
    assert objects[0]["source"] == "x = ones((100, 100), chunks=10)"
    assert objects[4]["source"].startswith("for i in range(2):")
    assert "(100, 100)" in objects[1]["text"]
    assert objects[3]["text"] == "10000.0" and objects[3]["stages"]


def test_json_tells_the_failure_too(tmp_path):
    run_text(tmp_path, "1 + 1\n(1, 2)[3]\n2 + 2\n", "--json", "out.json", check=1)
    objects = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    assert objects[0]["text"] == "2" and objects[-1]["line"] == 2 and objects[-1]["kind"] == "error"
    assert objects[-1]["source"] == "(1, 2)[3]" and set(objects[-1]) >= set(objects[0])


def test_json_of_a_program_whose_names_are_unknown_has_the_error_alone(tmp_path):
    run_text(tmp_path, "1 + 1\nno_such_name\n", "--json", "out.json", check=1)
    (error,) = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    assert error["kind"] == "error" and error["line"] == 2 and "no_such_name" in error["text"]


def test_html_report(tmp_path):
    run_text(tmp_path, 'x = ones((100, 100), chunks=10)\nx\nprint("<b>not bold</b>")\n', "--html", "out.html")
    page = (tmp_path / "out.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html") and "<svg" in page
    assert "&lt;b&gt;not bold" in page and "<script" not in page and "http-equiv" not in page


def test_unwritable_outputs(tmp_path):
    for option in ("--json", "--html"):
        done = run_text(tmp_path, "1\n", option, "no/such/folder/out", check=None)
        assert done.returncode in (1, 2) and "no/such/folder/out" in done.stderr, told(done)


FAILING = {
    "1/0": "division-by-zero",
    "no_such_name": "unknown-name",
    "ones((2, 3)) + ones((4, 5))": "shape-mismatch",
    "assert 1 == 2": "assertion-failed",
    "import os": "unknown-module",
    "def f():\n    return f()\nf()": "recursion-limit",
    "x = (1 +": "unclosed-bracket",
    "class C: pass": "not-in-language",
}


@pytest.mark.parametrize("text", FAILING)
def test_a_failed_program_exits_with_one(tmp_path, text):
    done = run_text(tmp_path, f'print("before")\n{text}\nprint("after")\n', check=1)
    assert "after" not in done.stdout and FAILING[text] in done.stderr, told(done)
    assert "script.clv" in done.stderr and "line " in done.stderr, told(done)


def test_nothing_runs_of_a_program_that_does_not_parse(tmp_path):
    done = run_text(tmp_path, 'print("ran")\nx = ]\n', check=1)
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["run"], ["run", "x.clv", "--threads", "many"], ["run", "x.clv", "--scheduler", "magic"], ["run", "--no-such-option", "x.clv"],
     ["run", "x.clv", "--set", "no-equals-sign"], ["run", "x.clv", "--set", "no.such.setting=1"], ["run", "x.clv", "--memory-limit", "lots"],
     ["eval"], ["kernel"], ["install", "--user", "--sys-prefix"]],
    ids=" ".join,
)  # fmt: skip
def test_bad_usage_exits_with_two(tmp_path, arguments):
    write_script(tmp_path, "1\n", "x.clv")
    done = run(*arguments, cwd=tmp_path, timeout=10)
    assert done.returncode == 2 and done.stderr and "panicked" not in done.stderr, told(done)


def test_unknown_setting_suggests_the_nearest(tmp_path):
    done = run_text(tmp_path, "1\n", "--set", "optimise.fold=off", check=2)
    assert "optimize.fold" in done.stderr, told(done)


def test_missing_script_and_folder(tmp_path):
    for name in ("none.clv", "."):
        done = run("run", name, cwd=tmp_path, timeout=10)
        assert done.returncode in (1, 2) and name in done.stderr, told(done)


def test_invalid_utf8_script(tmp_path):
    (tmp_path / "bad.clv").write_bytes(b'print("ok")\nx = "\xff\xfe"\n')
    done = run("run", "bad.clv", cwd=tmp_path, timeout=10, check=1)
    assert "UTF-8" in done.stderr and "bad.clv" in done.stderr and done.stdout == "", told(done)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment", "\ufeffprint(1)\n", "print(1)\r\nprint(2)\r\n"], ids=repr
)
def test_odd_but_good_scripts(tmp_path, text):
    (tmp_path / "odd.clv").write_bytes(text.encode())
    run("run", "odd.clv", cwd=tmp_path, timeout=10, check=0)


def test_a_long_script(tmp_path):
    text = "x = 0\n" + "x = x + 1 # padding\n" * 50_000 + "print(x)\n"
    done = run_text(tmp_path, text, timeout=60)
    assert done.stdout.strip() == "50000"


def test_a_ten_megabyte_script_is_refused(tmp_path):
    done = run_text(tmp_path, "print(1)\n" + "x = 1 # padding\n" * 625_000, check=1, timeout=20)
    assert "too-long" in done.stderr and "script.clv" in done.stderr and done.stdout == "", told(done)
    assert len(done.stderr) < 2000


def test_deep_nesting_is_a_clear_error(tmp_path):
    for text in (
        "(" * 100_000,
        "[" * 5000 + "]" * 5000,
        "-" * 100_000 + "1",
        "x" + ".T" * 50_000,
        "1" + "+1" * 200_000,
    ):
        done = run_text(tmp_path, text + "\n", check=None)
        assert done.returncode in (0, 1) and "overflowed its stack" not in done.stderr, told(done)


def test_broken_pipe_is_no_error_message(tmp_path):
    script = write_script(tmp_path, 'for i in range(200000):\n    print("line", i)\n')
    done = subprocess.run(
        f"'{BINARY}' run '{script}' | head -n 2", shell=True, capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "line 0\nline 1\n" and "panicked" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "script",
    [HEAVY, "while True: pass\n", "def f(n):\n    return n\nwhile True: f(1)\n"],
    ids=["compute", "loop", "calls"],
)
def test_ctrl_c_exits_with_130(tmp_path, script):
    path = write_script(tmp_path, script)
    process = subprocess.Popen([BINARY, "run", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    time.sleep(0.7)
    os.kill(process.pid, 2)
    start = time.monotonic()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors.decode()
    assert time.monotonic() - start < 1 and b"panicked" not in errors


def test_an_interrupted_save_leaves_no_file(tmp_path):
    path = write_script(tmp_path, 'save("big.npy", default_rng(1).random((40000, 40000), chunks=1000))\n')
    process = subprocess.Popen([BINARY, "run", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    time.sleep(0.5)
    os.kill(process.pid, 2)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert sorted(p.name for p in tmp_path.iterdir()) == ["script.clv", "tmp"]


def test_eval():
    assert run("eval", "6 * 7", check=0).stdout == "42\n"
    assert run("eval", "ones((3, 3)).sum().compute()", check=0).stdout == "9.0\n"
    assert run("eval", "x = 5; x ** 2", check=0).stdout == "25\n"
    assert "unknown" in run("eval", "nothing", check=1).stderr


def test_colours_only_on_a_terminal(tmp_path):
    done = run_text(tmp_path, "no_such_name\n", check=1)
    assert "\x1b" not in done.stderr + done.stdout


def test_magics_in_a_script(tmp_path):
    done = run_text(tmp_path, "%time 1 + 1\n%who\n")
    assert "CPU times: user" in done.stdout and "Wall time: " in done.stdout, told(done)


def test_script_from_standard_input_or_a_clear_refusal(tmp_path):
    done = subprocess.run([BINARY, "run", "-"], input=b"print(1 + 1)\n", capture_output=True, timeout=10, cwd=tmp_path)
    assert done.returncode in (0, 2) and (done.stdout == b"2\n") == (done.returncode == 0)
