"""Workers behind one name, which leads to others as time goes by."""

import shutil
import subprocess
from types import SimpleNamespace

import pytest

from program import run, told
from workers import LONG, ended, run_on, start_run, wait_busy, workers

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
SMALL = "print(ones(10).sum().compute())\n"
# What answers for the name is a file of addresses.
LOOKUP = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    lookup *real = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!name || strcmp(name, "pool.test")) return real(name, service, hints, found);
    FILE *file = fopen(getenv("NAMES"), "r");
    char line[64];
    *found = NULL;
    while (file && fscanf(file, "%63s", line) == 1)
        if (!real(line, service, hints, found)) while (*found) found = &(*found)->ai_next;
    if (file) fclose(file);
    return file ? 0 : EAI_NONAME;
}
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """The file that says where `pool.test` leads."""
    source, library, book = tmp_path / "lookup.c", tmp_path / "lookup.so", tmp_path / "book"
    source.write_text(LOOKUP)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    monkeypatch.setenv("NAMES", str(book))
    monkeypatch.setenv("LD_PRELOAD", str(library))
    return book


def pool_at(port):
    return [SimpleNamespace(address=f"dns:pool.test:{port}")]


def test_one_that_is_found_later_takes_part_and_goes_on_alone(tmp_path, exact, book):
    text = LONG * 2
    with workers(1, "--threads", 1) as (first,):
        book.write_text("127.0.0.1\n")
        process = start_run(tmp_path, pool_at(first.port), text)
        wait_busy(first)
        with workers(1, "--threads", 1, listen=f"127.0.0.2:{first.port}") as (late,):
            book.write_text("127.0.0.1\n127.0.0.2\n")
            wait_busy(late, 0.2)
            book.write_text("127.0.0.2\n")
            first.kill()
            code, out, err = ended(process, 90)
            assert (code, out) == (0, exact(text)), err


def test_certificates_are_for_the_name(tmp_path, book):
    run("certs", "new", tmp_path / "certs", "pool.test", check=0)
    certs = ("--tls-dir", tmp_path / "certs")
    # The second stage reads what the other worker made, whom a worker knows by that name, too.
    text = "x = default_rng(1).random((900, 800), chunks=200)\nprint(((x @ x[:800]) @ x[:800]).sum().compute())\n"
    with workers(1, "--threads", 1, *certs) as (first,):
        with workers(1, "--threads", 1, *certs, listen=f"127.0.0.2:{first.port}"):
            book.write_text("127.0.0.1\n127.0.0.2\n")
            there = run_on(tmp_path, pool_at(first.port), text, *certs)
            assert there.stdout == run("run", tmp_path / "script.clv", check=0, cwd=tmp_path).stdout, told(there)
            by_address = run_on(tmp_path, [first], SMALL, *certs, check=None)
            assert by_address.returncode == 1 and "bad-certificate" in by_address.stderr, told(by_address)


def test_a_name_that_leads_nowhere(tmp_path, book):
    done = run_on(tmp_path, pool_at(7711), SMALL, check=None)
    assert done.returncode == 1 and "unreachable-worker" in done.stderr and "pool.test" in done.stderr, told(done)
