"""Hosts with a network of their own and a router between them, which loses what it is told to lose; as root only."""

import contextlib
import itertools
import os
import subprocess

NUMBERS = itertools.count()


def ip(*words, check=True):
    return subprocess.run(["ip", *map(str, words)], check=check, capture_output=True, text=True)


def are_possible():
    """Whether this user may make networks."""
    if os.geteuid() != 0:
        return False
    name = f"clv{os.getpid()}try"
    made = ip("netns", "add", name, check=False).returncode == 0
    if made:
        ip("netns", "delete", name)
    return made


class Network:
    """So many hosts; the address of host `n` is `address(n)`."""

    def __init__(self, count):
        self.tag = f"c{os.getpid() % 100000}x{next(NUMBERS)}"
        self.count = count
        self._add("r")
        self._run("r", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for host in range(count):
            self._join(host)

    def _add(self, name):
        ip("netns", "add", self.tag + name)
        self._run(name, "ip", "link", "set", "lo", "up")

    def _run(self, name, *command):
        return ip("netns", "exec", self.tag + name, *command)

    def _join(self, host):
        name, link = str(host), f"{self.tag}v{host}"
        self._add(name)
        self._run(name, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", link, "netns", self.tag + "r")
        self._run(name, "ip", "addr", "add", f"{self.address(host)}/24", "dev", "eth0")
        self._run(name, "ip", "link", "set", "eth0", "up")
        self._run("r", "ip", "addr", "add", f"10.77.{host}.1/24", "dev", link)
        self._run("r", "ip", "link", "set", link, "up")
        self._run(name, "ip", "route", "add", "default", "via", f"10.77.{host}.1")

    def address(self, host):
        return f"10.77.{host}.2"

    def on(self, host):
        """What a command begins with that runs on a host."""
        return ["ip", "netns", "exec", f"{self.tag}{host}"]

    def cut(self, source, sink):
        """Lose, without a word, what one host sends to another."""
        self._run("r", "ip", "rule", "add", "from", self.address(source), "to", self.address(sink), "blackhole")

    def part(self, one, other):
        """Lose what two hosts send each other."""
        self.cut(one, other)
        self.cut(other, one)

    def heal(self, one, other):
        for source, sink in ((one, other), (other, one)):
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("r", "ip", "rule", "del", "from", self.address(source), "to", self.address(sink), "blackhole")

    def close(self):
        for name in [*range(self.count), "r"]:
            ip("netns", "delete", f"{self.tag}{name}", check=False)
