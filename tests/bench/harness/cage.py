"""A hard limit of memory for one process and its children, beyond which the system kills.

A control group of version 2 or 1 where this user may make one; it counts all that is resident, the page cache too,
which the system takes back before it kills. Elsewhere the data segment is limited: that counts what is reserved, not
what is resident, so MARGIN is added for stacks and the allocator, and memory beyond it fails instead of killing.
"""

import contextlib
import os
import resource
import time
from pathlib import Path

MARGIN = 1 << 30
V2 = Path("/sys/fs/cgroup")
V1 = Path("/sys/fs/cgroup/memory")


class Cage:
    """Where a limited process lives; `enter` is called in the child before it becomes the program."""

    def __init__(self, limit_bytes):
        self.limit_bytes = limit_bytes
        self.folder, self.kind = new_group(limit_bytes)

    def enter(self):
        if self.folder:
            (self.folder / "cgroup.procs").write_text(str(os.getpid()))
        else:
            resource.setrlimit(resource.RLIMIT_DATA, (self.limit_bytes + MARGIN,) * 2)

    def kills(self):
        """How many processes the system has killed in here."""
        name = {"cgroup2": "memory.events", "cgroup1": "memory.oom_control"}.get(self.kind)
        lines = (self.folder / name).read_text().splitlines() if name else []
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def close(self):
        for _ in range(50):
            try:
                return self.folder.rmdir() if self.folder else None
            except OSError:
                time.sleep(0.02)


def new_group(limit_bytes):
    """(folder, kind) of a new control group with this limit, or of none."""
    name = f"cleave-{os.getpid()}-{time.monotonic_ns()}"
    controllers = V2 / "cgroup.controllers"
    if controllers.exists() and "memory" in controllers.read_text().split():
        found = limited(V2 / name, "cgroup2", {"memory.max": limit_bytes, "memory.swap.max": 0})
    else:
        found = limited(V1 / name, "cgroup1", {"memory.limit_in_bytes": limit_bytes, "memory.swappiness": 0})
    return found or (None, "data segment")


def limited(folder, kind, settings):
    try:
        folder.mkdir()
        for file, value in settings.items():
            if (folder / file).exists():
                (folder / file).write_text(str(value))
        needed = folder / next(iter(settings))
        if needed.exists():
            return folder, kind
    except OSError:
        pass
    with contextlib.suppress(OSError):
        folder.rmdir()
    return None


@contextlib.contextmanager
def cage(limit_bytes):
    made = Cage(limit_bytes)
    try:
        yield made
    finally:
        made.close()
