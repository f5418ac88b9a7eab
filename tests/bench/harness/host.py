"""The machine below this one, where there is one.

A virtual machine's host takes memory back that has not been used for seconds, and gives it again page by page, at a
tenth of the speed at which it is written. Who runs after others have used the memory does not pay that. So memory is
used before each run that needs much, and every engine finds it alike.
"""

import mmap

STEP = 1 << 21


def ready(gib):
    """Use so much memory, and give it back."""
    size = int(gib * 2**30) // STEP * STEP
    if not size:
        return
    zeros = bytes(STEP)
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            memory.madvise(mmap.MADV_HUGEPAGE)
        for at in range(0, size, STEP):
            memory[at : at + STEP] = zeros
