"""The other commands: install, explain, doctor, reference, and what help says of them."""

import json
import os
import shutil
from pathlib import Path

import pytest

from program import reference, run, told, write_script

COMMANDS = ["run", "eval", "repl", "kernel", "install", "lab", "explain", "doctor", "gpu", "reference", "bench"]


def test_version_and_help():
    assert run("--version", check=0).stdout.startswith("cleave ")
    text = run("--help", check=0).stdout
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    assert "Usage" in run(command, "--help", check=0).stdout


def test_a_mistyped_command_suggests_the_nearest():
    done = run("refrence", check=2)
    assert "reference" in done.stderr, told(done)


def spec_in(prefix):
    return Path(prefix) / "share" / "jupyter" / "kernels" / "cleave"


def test_install_into_a_prefix(tmp_path):
    for _ in range(2):
        run("install", "--prefix", tmp_path, check=0)
    spec = json.loads((spec_in(tmp_path) / "kernel.json").read_text())
    assert spec["display_name"] == "Cleave" and spec["language"] == "cleave"
    assert spec["interrupt_mode"] == "message" and "{connection_file}" in spec["argv"]
    assert Path(spec["argv"][0]).is_file() or shutil.which(spec["argv"][0])
    logos = {p.name for p in spec_in(tmp_path).iterdir()}
    assert "logo-svg.svg" in logos or "logo-64x64.png" in logos


def test_install_for_the_user(tmp_path):
    done = run(
        "install",
        "--user",
        check=0,
        env={"HOME": str(tmp_path), "JUPYTER_DATA_DIR": str(tmp_path / "data"), "XDG_DATA_HOME": ""},
    )
    assert (tmp_path / "data" / "kernels" / "cleave" / "kernel.json").is_file(), told(done)


def test_install_where_nothing_can_be_written():
    done = run("install", "--prefix", "/proc/no/such/place")
    assert done.returncode in (1, 2) and "/proc/no/such/place" in done.stderr and "panicked" not in done.stderr, told(
        done
    )


def test_the_installed_spec_is_seen_by_jupyter(tmp_path):
    from jupyter_client.kernelspec import KernelSpecManager

    run("install", "--prefix", tmp_path, check=0)
    manager = KernelSpecManager(kernel_dirs=[str(spec_in(tmp_path).parent)])
    assert manager.get_kernel_spec("cleave").display_name == "Cleave"


def test_explain(tmp_path):
    script = "x = ones((200000, 200000), chunks=(2000, 2000))\nx\n(x * x[::-1, ::-1]).sum()\nprint(x.sum().compute())\n"
    path = write_script(tmp_path, script)
    done = run("explain", path, "--set", "optimize.fold=off", check=0, timeout=20)
    assert "(200000, 200000)" in done.stdout and "multiply" in done.stdout and "sum" in done.stdout, told(done)
    assert "40000000000.0" not in done.stdout, "explaining computes nothing"
    assert run("explain", write_script(tmp_path, "x = ]\n"), timeout=20).returncode == 1
    assert run("explain", tmp_path / "none.clv", timeout=20).returncode in (1, 2)


def test_doctor():
    done = run("doctor", timeout=60)
    text = done.stdout + done.stderr
    assert done.returncode in (0, 1) and "panicked" not in text, told(done)
    assert "threads" in text.lower() and "memory" in text.lower() and "jupyter" in text.lower(), told(done)


def test_doctor_measures_the_machine_and_remembers(tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert "not measured" in run("doctor", check=0, env=environment).stdout
    first = run("doctor", "--calibrate", check=0, env=environment).stdout
    kept = list((tmp_path / "cache" / "cleave").glob("machine-*.json"))
    assert len(kept) == 1 and all(rate > 0 for rate in json.loads(kept[0].read_text())["rates"].values())
    again = run("doctor", check=0, env=environment).stdout
    assert "measured" in again and table_of(again) == table_of(first) != []
    kept[0].write_text("{}")
    assert "not measured" in run("doctor", check=0, env=environment).stdout


def table_of(text):
    return [line for line in text.splitlines() if line.startswith("  ")]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    environment = {"XDG_CACHE_HOME": "/proc/nowhere"}
    assert "cannot be kept" in run("doctor", "--calibrate", check=0, env=environment).stdout
    path = write_script(tmp_path, "default_rng(0).random((3000, 3000)).mean().compute()\n")
    run("run", path, check=0, env=environment)


def test_the_memory_limit_is_shown_wherever_it_is_set(tmp_path):
    assert "3 GiB of" in run("doctor", "--memory-limit", "3GiB", check=0).stdout
    assert "3 GiB of" in run("doctor", check=0, env={"CLEAVE_MEMORY_LIMIT": "3GiB"}).stdout
    path = write_script(tmp_path, "%config memory_limit = 3GiB\nones((10, 10))\n")
    assert "of 3 GiB" in run("run", path, check=0).stdout


def test_predictions_as_json(tmp_path):
    path = write_script(tmp_path, "x = default_rng(0).random((4000, 4000))\n((x - x.mean(axis=0)) / x.std()).max()\n")
    done = run("explain", path, "--json", tmp_path / "plans.json", check=0)
    assert "estimate" in done.stdout and "kept:" in done.stdout, told(done)
    (plan,) = [json.loads(line) for line in (tmp_path / "plans.json").read_text().splitlines()]
    assert 0 < plan["low_s"] <= plan["predicted_s"] <= plan["high_s"]
    assert plan["predicted_peak_bytes"] > 0 and len(plan["stages"]) > 1 and plan["dominant"]
    path.write_text(path.read_text().replace(".max()", ".max().compute()"))
    run("run", path, "--json", tmp_path / "runs.json", check=0)
    records = [json.loads(line) for line in (tmp_path / "runs.json").read_text().splitlines()]
    (ran,) = [ran for record in records for ran in record["runs"]]
    assert ran["wall_s"] > 0 and ran["low_s"] <= ran["predicted_s"] <= ran["high_s"]
    assert ran["predicted_peak_bytes"] > 0 and ran["peak_bytes"] > 0


def test_advice_on_chunks_that_do_not_suit(tmp_path):
    path = write_script(
        tmp_path,
        'ones((4000, 4000), chunks=(4000, 50)).to_zarr("x.zarr")\nfrom_zarr("x.zarr")[7]\n',
    )
    shown = run("run", path, check=0, cwd=tmp_path).stdout
    assert "advice" in shown and "chunks of 16 × 4000" in shown, shown


def test_reference_of_one_name():
    text = run("reference", "ones", check=0).stdout
    assert "ones" in text and "shape" in text and "chunks" in text


def test_reference_of_every_name():
    listing = run("reference", check=0).stdout
    assert all(op["name"] in listing for op in reference())
    for op in reference()[::10]:
        assert op["name"] in run("reference", op["name"], check=0).stdout


def test_reference_suggests_the_nearest():
    done = run("reference", "onse")
    assert done.returncode in (1, 2) and "ones" in done.stderr, told(done)


def test_lab_starts_jupyterlab_with_the_kernel_installed(tmp_path):
    """A stand-in for JupyterLab on the PATH writes down how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    stand_in = folder / "jupyter-lab"
    stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/called"\n')
    stand_in.chmod(0o755)
    (tmp_path / "mine").mkdir()
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    run("lab", "mine", "--", "--no-browser", check=0, env=environment, cwd=tmp_path)
    called = (tmp_path / "called").read_text()
    assert "--no-browser" in called and "mine" in called
    assert (tmp_path / "data" / "kernels" / "cleave" / "kernel.json").is_file()
