"""The files for containers, clusters and batch systems say what the program understands."""

import re
import subprocess

import pytest

from program import ROOT, run

DEPLOY = ROOT / "executor/remote/deploy"
FILES = ["Containerfile", "kubernetes.yaml", "slurm.sh", "cleave-worker.service"]


@pytest.fixture(scope="module")
def options():
    return set(re.findall(r"--[a-z][a-z-]*", run("worker", "--help", check=0).stdout))


@pytest.mark.parametrize("name", FILES)
def test_workers_are_started_with_options_there_are(name, options):
    text = re.sub(r"(?m)^\s*#.*$", "", (DEPLOY / name).read_text()).replace("\\\n", " ")
    found = set()
    for line in text.splitlines():
        if match := re.search(r"cleave worker (.*)|^\s*- (--[a-z-]+)=|CMD \[(.*)\]", line):
            found |= set(re.findall(r"--[a-z][a-z-]*", match[0]))
    assert found and found <= options, found - options


def test_the_script_parses():
    subprocess.run(["bash", "-n", DEPLOY / "slurm.sh"], check=True)


def test_the_manifests_are_whole():
    yaml = pytest.importorskip("yaml")
    service, pods = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    pod = pods["spec"]["template"]
    assert service["spec"]["selector"] == pod["metadata"]["labels"] == pods["spec"]["selector"]["matchLabels"]
    assert service["spec"]["clusterIP"] == "None" and pods["spec"]["serviceName"] == service["metadata"]["name"]
    volumes = {v["name"] for v in pod["spec"]["volumes"]}
    for container in pod["spec"]["containers"] + pod["spec"]["initContainers"]:
        assert {m["name"] for m in container["volumeMounts"]} <= volumes
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
