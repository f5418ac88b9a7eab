"""`cleave gpu doctor` on the stand-in driver, in all its moods, and without any driver."""

import ctypes.util
import json

import pytest

from program import BINARY, run, told

DRIVER = BINARY.parent / "libcleave_gpu_driver.so"
CUBLAS = BINARY.parent / "libcleave_gpu_cublas.so"


def doctor(settings, *options, check, command=("gpu", "doctor")):
    """The doctor's lines with the stand-in in place of the driver."""
    assert DRIVER.is_file(), "cargo build --workspace makes the stand-in driver"
    env = {"LD_PRELOAD": str(DRIVER), "CLEAVE_GPU_DRIVER": settings}
    done = run(*command, *options, check=check, env=env)
    assert "panicked" not in done.stdout + done.stderr, told(done)
    return done.stdout


def every_start(code):
    return " ".join(f"fail=cuInit:{n}:{code}" for n in range(1, 5))


def test_each_step_is_printed():
    text = doctor("devices=1 memory=64M processors=3", check=0)
    names = [line[:13].strip() for line in text.splitlines()]
    assert names == ["gpu driver", "gpu version", "gpu start", "gpu devices", "gpu 0", "gpu 0 probe", "cublas"]
    assert "Stand-in GPU 0, 64 MiB, compute capability 9.0, 3 multiprocessors, at 0000:00:00.0" in text
    assert "CUDA 13.0" in text and "ok; context" in text


def test_two_cards_are_both_tried():
    text = doctor("devices=2", check=0)
    assert "gpu 0 probe   ok" in text and "gpu 1 probe   ok" in text


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ("devices=0", "no-gpu", "nvidia-smi"),
        ("version=11080", "old-gpu-driver", "525 or later"),
        (every_start(34), "gpu-driver-stub", "stubs"),
        (every_start(304), "no-gpu-permission", "/dev/nvidia"),
        (every_start(803), "gpu-driver-mismatch", "restart"),
        (every_start(802), "gpu-not-ready", "fabricmanager"),
        (every_start(999), "gpu-failed", "dmesg"),
        ("fail=cuModuleLoadData:1:221", "no-gpu-compiler", "ptxjitcompiler"),
        ("fail=cuDevicePrimaryCtxRetain:1:46", "gpu-busy", "nvidia-smi"),
    ],
)
def test_what_is_missing_is_named_with_a_way_out(settings, code, words):
    lines = doctor(settings, check=1).splitlines()
    at = next(i for i, line in enumerate(lines) if f" {code}: " in line)
    assert lines[at + 1].strip().startswith("help: ") and words in lines[at + 1], lines
    assert not any(line.startswith("gpu ") for line in lines[at + 2 :]), "nothing is tried behind a step that failed"


def test_as_json():
    facts = json.loads(doctor("devices=1", "--json", check=0))
    assert facts["usable"] and [step["ok"] for step in facts["steps"]] == [True] * 7
    assert facts["steps"][4]["found"]["capability"] == [9, 0]
    facts = json.loads(doctor("version=11080", "--json", check=1))
    failed = facts["steps"][1]
    assert not facts["usable"] and failed["code"] == "old-gpu-driver" and "11.8" in failed["message"]


def test_the_doctor_of_everything_prints_the_steps_and_needs_no_card():
    assert "gpu 0 probe   ok" in doctor("devices=1", command=("doctor",), check=0)
    assert "gpu start     no-gpu: " in doctor("devices=0", command=("doctor",), check=0)


@pytest.mark.skipif(ctypes.util.find_library("cuda") is not None, reason="this machine has a driver")
def test_without_a_driver():
    done = run("gpu", "doctor", check=1)
    assert "gpu driver    no-gpu-driver: there is no NVIDIA driver" in done.stdout, told(done)
    assert "help: install NVIDIA's driver" in done.stdout and not done.stderr, told(done)


def test_the_selftest_compares_a_card_with_threads():
    lines = doctor("", command=("gpu", "selftest"), check=0).splitlines()
    passed = int(lines[-1].removesuffix(" passed, 0 failed"))
    assert lines[0] == "gpu 0: Stand-in GPU 0" and passed > 1000, lines[-3:]


def test_the_selftest_names_what_fails():
    text = doctor("fail=cuLaunchKernel:9:719", command=("gpu", "selftest"), check=1)
    assert text.splitlines()[-1].endswith(" passed, 1 failed") and "error 719" in text, text


@pytest.mark.skipif(ctypes.util.find_library("cublas") is not None, reason="this machine has cuBLAS")
def test_jobs_are_measured_beside_what_the_card_needs_at_least():
    wanted = ("gpu", "bench", "--quick", "--repeat", "1", "--jobs", "article,sum,stream,matmul64")
    rows = [json.loads(line) for line in doctor("", "--json", command=wanted, check=0).splitlines()]
    assert [row["job"] for row in rows] == ["article", "sum", "matmul64", "stream"]
    assert all(row["ours_s"] > 0 and row["first_s"] > 0 and row["n"] > 0 and row["failed"] is None for row in rows)
    known = [row for row in rows if row["floor_s"]]
    assert [row["job"] for row in known] == ["article", "sum", "stream"], "products need the rate of cuBLAS"
    assert all(row["fraction"] == pytest.approx(row["floor_s"] / row["ours_s"]) for row in known)
    lines = doctor("", command=wanted, check=0).splitlines()
    assert lines[0].split() == ["job", "n", "floor", "ours", "fraction", "first"] and lines[1].endswith("s")
    assert [line.split()[0] for line in lines[1:]] == ["article", "sum", "matmul64", "stream"] and " - " in lines[3]


def test_products_are_measured_beside_cublas():
    assert CUBLAS.is_file(), "cargo build --workspace makes the stand-in for cuBLAS"
    command = ("gpu", "bench", "--quick", "--json", "--repeat", "1", "--jobs", "matmul64")
    [row] = map(json.loads, run(*command, check=0, env={"LD_PRELOAD": f"{DRIVER}:{CUBLAS}"}).stdout.splitlines())
    assert row["floor_s"] > 0 and row["fraction"] > 0


def test_a_job_that_fails_is_told():
    settings = " ".join(f"fail=cuMemGetInfo_v2:{n}:2" for n in range(2, 9))
    [row] = map(json.loads, doctor(settings, "--quick", "--json", "--jobs", "sum", command=("gpu", "bench"), check=1).splitlines())
    assert row["failed"] and row["ours_s"] is None and row["fraction"] is None
    assert run("gpu", "bench", "--jobs", "sums", check=2).stderr.startswith("unknown-job: there is no job `sums`")
    assert "article" in run("gpu", "bench", "--list", check=0).stdout


@pytest.mark.skipif(ctypes.util.find_library("cuda") is not None, reason="this machine has a driver")
@pytest.mark.parametrize("command", ["selftest", "bench"])
def test_the_selftest_and_the_bench_want_a_card(command):
    done = run("gpu", command, check=1)
    assert done.stderr.startswith("no-gpu-driver: ") and "help: " in done.stderr, told(done)
