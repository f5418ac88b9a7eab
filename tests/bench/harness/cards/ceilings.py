"""`python -m harness.cards.ceilings driver|cupy JOB`: rates of this machine's card a second, a line of JSON for each.

`copy` counts bytes read and bytes written, `read` those of a sum; `up` and `down` are the link to pinned memory of the
host, `pageable` the way up from other memory; `fma64` counts two operations; `gemm64` and `gemm32` are cuBLAS.
"""

import ctypes
import json
import statistics
import sys
import time

from .driver import Card, DriverError

THREADS = 256
# Many more than run at a time, so that the last ones leave no processor idle for long.
BLOCKS_OF_PROCESSOR = 64
HEAD = ".version 7.0\n.target sm_70\n.address_size 64\n"
ADDS = "\n".join(f"add.rn.f64 %d1, %d1, %d{i};" for i in range(2, 9))
# What no sum becomes, so that nothing is written and nothing can be left out.
END = """\
setp.eq.f64 %p1, %d1, 0dC1678C29C0000000;
@!%p1 bra DONE;
st.global.f64 [%rd1], %d1;
DONE:
ret;
}
"""
FMA = f"""{HEAD}
.visible .entry fma(.param .u64 out, .param .u32 rounds)
{{
.reg .pred %p<2>; .reg .b32 %r<3>; .reg .b64 %rd<2>; .reg .f64 %d<10>;
ld.param.u64 %rd1, [out];
ld.param.u32 %r1, [rounds];
mov.u32 %r2, 0;
mov.f64 %d9, 0d3FE0000000000000;
{"".join(f"mov.f64 %d{i}, 0d40{i}8000000000000;" for i in range(1, 9))}
NEXT:
{"".join(f"fma.rn.f64 %d{i}, %d{i}, %d9, %d9;" for _ in range(8) for i in range(1, 9))}
add.u32 %r2, %r2, 1;
setp.lt.u32 %p1, %r2, %r1;
@%p1 bra NEXT;
{ADDS}
{END}"""
FMAS = 64
READ = f"""{HEAD}
.visible .entry read(.param .u64 in, .param .u32 rounds)
{{
.reg .pred %p<2>; .reg .b32 %r<8>; .reg .b64 %rd<5>; .reg .f64 %d<17>;
ld.param.u64 %rd1, [in];
ld.param.u32 %r1, [rounds];
mov.u32 %r2, %ctaid.x;
mov.u32 %r3, %ntid.x;
mov.u32 %r4, %tid.x;
mov.u32 %r5, %nctaid.x;
mad.lo.u32 %r6, %r2, %r3, %r4;
mul.lo.u32 %r7, %r5, %r3;
mul.wide.u32 %rd2, %r6, 16;
add.u64 %rd2, %rd1, %rd2;
mul.wide.u32 %rd3, %r7, 16;
mov.u32 %r2, 0;
{"".join(f"mov.f64 %d{i}, 0d0000000000000000;" for i in range(1, 9))}
NEXT:
{"".join(f"ld.global.v2.f64 {{%d{i}, %d{i + 1}}}, [%rd2]; add.u64 %rd2, %rd2, %rd3;" for i in range(9, 16, 2))}
{"".join(f"add.rn.f64 %d{i}, %d{i}, %d{i + 8};" for i in range(1, 9))}
add.u32 %r2, %r2, 1;
setp.lt.u32 %p1, %r2, %r1;
@%p1 bra NEXT;
{ADDS}
{END}"""
READ_BYTES = 64


def main():
    by, job = sys.argv[1], json.loads(sys.argv[2])
    try:
        {"driver": by_driver, "cupy": by_cupy}[by](job)
    except (DriverError, ImportError) as error:
        say(missing=str(error))


def say(**facts):
    print(json.dumps(facts), flush=True)


def rate(name, amount, work, wait, times):
    """Says how much of `amount` is done a second: the median of some calls after a first one."""
    work()
    wait()
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        wait()
        took.append(time.perf_counter() - start)
    say(rate=name, value=amount / statistics.median(took))


def by_driver(job):
    card = Card()
    free = card.free_bytes()
    say(free_bytes=free, processors=card.processors)
    blocks = card.processors * BLOCKS_OF_PROCESSOR if not job["small"] else 2
    step = blocks * THREADS * READ_BYTES
    # Several gigabytes: much more than the card's caches hold.
    rounds = max(1, min(free // 4, 8 << 30) // step) if not job["small"] else 2
    size = rounds * step
    x, y = card.memory(size), card.memory(size)
    rate("copy", 2 * size, lambda: card.copy(y, x, size), card.wait, job["times"])
    read, count = card.kernel(READ, "read"), ctypes.c_uint32(rounds)
    rate("read", size, lambda: card.launch(read, blocks, THREADS, x, count), card.wait, job["times"])
    fma, count = card.kernel(FMA, "fma"), ctypes.c_uint32(2 if job["small"] else 2000)
    flops = 2 * FMAS * count.value * blocks * THREADS
    rate("fma64", flops, lambda: card.launch(fma, blocks, THREADS, x, count), card.wait, job["times"])
    card.give_back(y)
    size = min(size, 2 << 30)
    host = card.pinned(size)
    rate("up", size, lambda: card.up(x, host, size), card.wait, job["times"])
    rate("down", size, lambda: card.down(host, x, size), card.wait, job["times"])
    other = (ctypes.c_ubyte * size)()
    ctypes.memset(other, 1, size)
    rate("pageable", size, lambda: card.up(x, ctypes.byref(other), size), card.wait, job["times"])


def by_cupy(job):
    import cupy

    wait = cupy.cuda.runtime.deviceSynchronize
    n, size = (256, 1 << 20) if job["small"] else (16384, 1 << 30)
    x = cupy.random.default_rng(1).random(size)
    rate("read_cupy", 8 * size, x.sum, wait, job["times"])
    for name, dtype in (("gemm64", "f8"), ("gemm32", "f4")):
        x = cupy.random.default_rng(1).random((n, n)).astype(dtype)
        y = cupy.random.default_rng(2).random((n, n)).astype(dtype)
        rate(name, 2 * n**3, lambda x=x, y=y: x @ y, wait, min(job["times"], 5))


if __name__ == "__main__":
    main()
