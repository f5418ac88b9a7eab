"""`launch.py FD COMMAND…`: runs a command and writes to FD its process id and then what it took, as JSON.

The system counts a child's peak memory from the size of its parent on, so the parent is this small process.
"""

import os
import sys
import time


def main():
    report, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(report, False)
    start = time.perf_counter()
    pid = os.fork()
    if not pid:
        run(command)
    os.write(report, b"%d\n" % pid)
    _, status, usage = os.wait4(pid, 0)
    wall, code = time.perf_counter() - start, os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit
    facts = f'"code": {code}, "wall_s": {wall:.6f}, "cpu_s": {cpu:.4f}, "peak_bytes": {peak}'
    os.write(report, ("{" + facts + "}\n").encode())


def run(command):
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"error: {command[0]}: {error.strerror}\n".encode())
    os._exit(127)


main()
