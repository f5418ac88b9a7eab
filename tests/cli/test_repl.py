"""`cleave repl` on a real terminal."""

import pexpect
import pytest

from program import ANSI, BINARY


class Terminal:
    def __init__(self, home):
        environment = {
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "TERM": "xterm-256color",
            "PATH": "/usr/bin:/bin",
            "NO_COLOR": "1",
        }
        self.child = pexpect.spawn(
            str(BINARY), ["repl"], env=environment, timeout=15, encoding="utf-8", dimensions=(40, 120), cwd=str(home)
        )
        self.ready()

    def ready(self):
        """Wait for a prompt; the line editor asks the terminal where its cursor is and must be answered."""
        while self.child.expect([r"\x1b\[6n", r"\[\d+\]: "]) == 0:
            self.child.send("\x1b[1;1R")

    def line(self, text, expected):
        self.child.send(text + "\r")
        seen = ""
        while True:
            found = self.child.expect([r"\x1b\[6n", expected])
            seen += self.child.before
            if found:
                return ANSI.sub("", seen + self.child.after)
            self.child.send("\x1b[1;1R")

    def quiet(self, seconds=0.5):
        """Everything that comes until the terminal is quiet."""
        seen = ""
        while True:
            found = self.child.expect([r"\x1b\[6n", pexpect.TIMEOUT, pexpect.EOF], timeout=seconds)
            seen += self.child.before if isinstance(self.child.before, str) else ""
            if found:
                return ANSI.sub("", seen)
            self.child.send("\x1b[1;1R")


@pytest.fixture
def terminal(tmp_path):
    opened = Terminal(tmp_path)
    yield opened
    opened.child.close(force=True)


def test_values_and_errors(terminal):
    terminal.line("1234 * 1000 + 1", "1234001")
    terminal.line("no_such_name_here", "unknown")
    terminal.line("2345 * 1000 + 2", "2345002")


def test_several_lines(terminal):
    terminal.line("def twice(x):", r"\r|\n")
    terminal.line("    return 2 * x", r"\r|\n")
    terminal.line("", r"\r|\n")
    terminal.quiet()
    terminal.line("twice(20616)", "41232")


def test_history_by_the_arrow(terminal):
    terminal.line("11 * 1000 + 5", "11005")
    terminal.quiet()
    terminal.line("\x1b[A", "11005")


def test_history_outlives_the_session(tmp_path):
    first = Terminal(tmp_path)
    first.line("77 * 1000 + 3", "77003")
    first.child.send("\x04")
    first.quiet()
    first.child.close(force=True)
    second = Terminal(tmp_path)
    second.line("\x1b[A", "77003")
    second.child.close(force=True)


def test_completion_by_tab(terminal):
    terminal.child.send("default_r\t")
    assert "default_rng" in terminal.quiet(1)


def test_ctrl_c_stops_a_computation_and_not_the_program(terminal):
    terminal.child.send("while True: pass\r")
    terminal.quiet(0.5)
    terminal.child.send("\r")
    terminal.quiet(0.5)
    terminal.child.sendintr()
    terminal.quiet(1)
    terminal.line("31 * 1000 + 7", "31007")


def test_ctrl_d_ends_with_zero(terminal):
    terminal.line("1 + 1", "2")
    terminal.quiet()
    terminal.child.send("\x04")
    terminal.quiet()
    terminal.child.expect(pexpect.EOF, timeout=5) if terminal.child.isalive() else None
    terminal.child.close()
    assert terminal.child.exitstatus == 0
