"""Makes precision.txt, beside this file: hard and random points of functions, with their values from mpmath.

A line holds the function, its operands and the nearest float64 as bits, and how far the true value is from that,
in thousandths of a unit in its last place.
"""
import math
import pathlib
import random
import struct

import mpmath as mp

mp.mp.prec = 2400
random.seed(7)
out = open(pathlib.Path(__file__).parent / "precision.txt", "w")
print("# function, bits of operands, bits of the result, thousandths of a unit beyond; made by precision.py", file=out)


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def number(n):
    return struct.unpack("<d", struct.pack("<Q", n))[0]


def emit(name, f, *xs):
    try:
        true = f(*[mp.mpf(x) for x in xs])
    except (ValueError, ZeroDivisionError):
        return
    if isinstance(true, mp.mpc) or not mp.isfinite(true):
        return
    near = float(true)
    if math.isinf(near):
        print(name, *[f"{bits(x):x}" for x in xs], f"{bits(near):x}", 0, file=out)
        return
    unit = mp.mpf(2) ** (max(math.frexp(near)[1] if near else -1021, -1021) - 53)
    beyond = int(mp.nint((true - mp.mpf(near)) / unit * 1000))
    print(name, *[f"{bits(x):x}" for x in xs], f"{bits(near):x}", beyond, file=out)


def spread(low, high, n):
    return [random.choice([-1, 1]) * 2.0 ** random.uniform(low, high) for _ in range(n)]


def linear(low, high, n):
    return [random.uniform(low, high) for _ in range(n)]


def around(*points):
    return [y for x in points for y in (x, math.nextafter(x, math.inf), math.nextafter(x, -math.inf))]


tiny = [5e-324, -5e-324, 2.5e-310, 2.2250738585072014e-308, 1e-300, -1e-20, 1e-17, 6e-17, 1e-16, 3e-9, -1e-5]
ln2 = math.log(2)
exps = tiny + linear(-745, 709.7, 120) + linear(-1, 1, 60) + around(0.5 * ln2, -0.5 * ln2, 709.782712893384, -708.3964185322641, -745.13, 1.0, -1.0)
for name, f in [("exp", mp.exp), ("expm1", mp.expm1)]:
    for x in exps + linear(-40, 40, 60):
        emit(name, f, x)
for x in tiny + linear(-1074, 1023.9, 120) + linear(-2, 2, 60) + around(0.5, -0.5, 1024.0 - 2**-42, -1022.0, -1074.0):
    emit("exp2", lambda v: mp.mpf(2) ** v, x)
for name, f in [("sinh", mp.sinh), ("cosh", mp.cosh), ("tanh", mp.tanh)]:
    for x in tiny + linear(-710.4, 710.4, 60) + linear(-25, 25, 80) + linear(-1, 1, 80) + around(710.4758600739439, 19.06, 22.0, 0.35, 0.3466):
        emit(name, f, x)
logs = [abs(x) for x in tiny] + [abs(x) for x in spread(-1074, 1023, 120)] + linear(0.5, 2, 100) + around(1.0, 0.7071067811865476, 1.4142135623730951, 10.0, 1000.0, 1e22, 8.0, 1.7976931348623157e308)[:-2] + [1 + s * 2.0**-k for k in range(2, 53, 3) for s in (1, -0.5)]
for name, f in [("log", mp.log), ("log2", lambda v: mp.log(v, 2)), ("log10", mp.log10)]:
    for x in logs:
        emit(name, f, x)
for x in tiny + [abs(x) for x in spread(-60, 1023, 80)] + linear(-0.9999, 3, 120) + spread(-20, -1, 40) + around(-0.29289321881345254, 0.41421356237309515, -0.5, 1e18, 9.007199254740992e15):
    emit("log1p", mp.log1p, x)
angles = tiny + linear(-10, 10, 120) + spread(-30, 29.99, 80) + spread(30, 1023, 60)
near_poles = [float(mp.pi / 2 * k) for k in [1, 2, 3, 4, 5, 7, 100, 12345, 1 << 20, 683565275, 600000001]] + [number(0x6ac5b262ca1ffed8 & (2**64 - 1)), 5.319372648326541e255, 6381956970095103 * 2.0**-24, 6381956970095103.0 * 2.0**797]
for name, f in [("sin", mp.sin), ("cos", mp.cos), ("tan", mp.tan)]:
    for x in angles + around(*near_poles, math.pi / 4, 1073741823.9999999, 1073741824.0):
        emit(name, f, x)
unit = tiny + linear(-1, 1, 150) + around(0.5, -0.5, 0.9999999)[:] + [1.0, -1.0, math.nextafter(1, 0), 0.5000001, 0.975] + spread(-40, -1, 30)
for name, f in [("asin", mp.asin), ("acos", mp.acos)]:
    for x in unit:
        emit(name, f, x)
for x in unit[:-30] + spread(-30, -0.001, 60):
    emit("atanh", mp.atanh, x)
for x in tiny + linear(-4, 4, 150) + spread(-60, 1023, 60) + around(0.4375, 0.6875, 1.1875, 2.4375, 1.0):
    emit("atan", mp.atan, x)
for x in tiny + linear(-4, 4, 120) + spread(-60, 1023, 80) + around(1e9, 0.5):
    emit("asinh", mp.asinh, x)
for x in linear(1, 5, 120) + [abs(x) for x in spread(0, 1023, 80)] + [1 + 2.0**-k for k in range(1, 53, 3)] + around(1e9)[:]:
    emit("acosh", mp.acosh, x)
for x in tiny + spread(-1074, 1023, 120) + linear(-9, 9, 120) + [8.0, 27.0, -1000.0, 1e-318]:
    emit("cbrt", lambda v: mp.sign(v) * mp.cbrt(abs(v)), x)
pairs = list(zip(linear(-10, 10, 150), linear(-10, 10, 150))) + list(zip(spread(-1070, 1020, 80), spread(-1070, 1020, 80)))
pairs += [(x, x * (1 + d)) for x in spread(-1000, 1000, 30) for d in (1e-16, 0.3, -0.4, 1.2)] + [(3.0, 4.0), (1e308, 1e308), (5e-324, 5e-324), (1e-310, 3e-309)]
for x, y in pairs:
    emit("hypot", mp.hypot, x, y)
    emit("atan2", mp.atan2, x, y)
powers = [(abs(x), y) for x, y in zip(linear(0, 10, 120), linear(-30, 30, 120))]
powers += [(2.0 ** random.uniform(-1000, 1000), random.uniform(-1.1, 1.1)) for _ in range(80)]
powers += [(1 + s * 2.0**-k, 2.0 ** (k + random.uniform(5, 9.4))) for k in range(4, 50, 2) for s in (1, -0.5, 0.77)]
powers += [(math.sqrt(0.5) * 1.0000001, 2000.0), (1.4142, -2040.5), (10.0, 22.0), (10.0, -5.0), (-3.0, 5.0), (-2.5, -4.0), (-1.5, 7.0)]
powers += [(abs(x), y) for x in linear(0.01, 50, 12) for y in (2.0, 3.0, 0.5, -1.0, 1.0, 1.5)] + [(5e-324, 0.5), (3e-310, -0.9), (1e-200, 1.6), (0.9, 7000.0), (7.0, -380.0)]
for x, y in powers:
    emit("pow", mp.power, x, y)
