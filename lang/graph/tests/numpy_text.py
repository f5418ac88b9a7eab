"""Writes numpy_text.txt: how NumPy and Python print arrays, floats and formats. Run with NumPy 2 to renew it.

Each case is a few lines: `array DTYPE SHAPE ELEMENTS`, then what str and repr give; `float VALUE`, then repr;
`format KIND VALUE SPEC`, then the text or `error`. Line breaks inside a text are written as ¶.
"""

import random
import sys
from pathlib import Path

import numpy as np

random.seed(7)
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
FLOATS = ["float16", "float32", "float64"]
SPECIAL = [0.0, -0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf")]
lines = []


def escape(text):
    return text.replace("\n", "¶")


def case(array, elements):
    lines.append(f"array {array.dtype} {','.join(map(str, array.shape)) or '-'} {elements}")
    lines.append(escape(str(array)))
    lines.append(escape(repr(array)))


def listed(values, shape, dtype):
    with np.errstate(all="ignore"):
        array = np.array(values, dtype="float64").astype(dtype) if "float" in dtype else np.array(values, dtype)
    array = array.reshape(shape)
    case(array, " ".join(repr(v) if isinstance(v, float) else str(int(v)) for v in array.ravel().tolist()))


def ramp(start, step, shape, dtype):
    count = int(np.prod(shape))
    with np.errstate(all="ignore"):
        array = (start + step * np.arange(count)).astype(dtype).reshape(shape)
    case(array, f"ramp {start!r} {step!r}")


def integers(dtype, count):
    info = np.iinfo(dtype)
    wide = random.random() < 0.3
    low, high = (info.min, info.max) if wide else (max(info.min, -50), 120)
    return [random.randint(low, high) for _ in range(count)]


def floats(count):
    style = random.randrange(8)
    draw = {
        0: lambda: random.random(),
        1: lambda: random.gauss(0, 100),
        2: lambda: round(random.uniform(-99, 99), random.randrange(5)),
        3: lambda: 10.0 ** random.uniform(-7, 7),
        4: lambda: random.choice([-1, 1]) * 10.0 ** random.uniform(-300, 300),
        5: lambda: float(random.randint(-1000, 1000)),
        6: lambda: random.uniform(0.1, 0.9) * 1e-5,
        7: lambda: float(random.randint(0, 10**9)),
    }[style]
    mixed = random.random() < 0.3
    return [random.choice(SPECIAL) if mixed and random.random() < 0.4 else draw() for _ in range(count)]


def values(dtype, count):
    if dtype == "bool":
        return [random.random() < 0.5 for _ in range(count)]
    return floats(count) if "float" in dtype else integers(dtype, count)


SHAPES = [(), (1,), (3,), (5,), (12,), (2, 3), (3, 1), (1, 4), (2, 2, 2), (1, 2, 1, 3), (2, 1, 2, 2)]
for dtype in DTYPES:
    repeats = 3 if "float" in dtype else 1
    for shape in SHAPES * repeats:
        listed(values(dtype, int(np.prod(shape))), shape, dtype)
    for shape in [(0,), (0, 3), (2, 0), (2, 0, 1001)]:
        listed([], shape, dtype)
for dtype in FLOATS:
    for one in SPECIAL + [0.1, 1 / 3, 1e-4, 9.9999e-5, 123456.789, 999.5, 1e6, 1e8, 99999999.0, 1e16, 1e20, 5e-324, 6e-8]:
        listed([one], (), dtype)
        listed([one], (1,), dtype)
    listed([1.0, float("nan")], (2,), dtype)
    listed([float("inf"), -1.0, 0.5], (3,), dtype)
    listed([float("nan"), float("-inf")], (2,), dtype)
    listed([1e10, float("nan"), 1.0], (3,), dtype)
    listed([0.123456789, 1.5, 100.0], (3,), dtype)
    listed([0.5, 1000.0], (2,), dtype)
    listed([1.0, 1000.5], (2,), dtype)
listed([0.1 + 0.2, 2 / 3, 1e-9], (3,), "float64")
listed([9.999999995, 0.999999995, 0.000123456789], (3,), "float64")
listed([0.00048828125, 0.12345678500000001, 2.5], (3,), "float64")
for dtype in ["int64", "float64", "float32", "bool", "uint8"]:
    for shape in [(1001,), (2000,), (40, 50), (7, 200), (6, 200), (2, 600), (600, 2), (11, 11, 11), (3, 30, 30), (6, 7, 5, 8), (1001, 1), (1, 1001)]:
        ramp(-3, 0.25 if "float" in dtype else 1, shape, dtype)
ramp(0, 1.0, (200, 200), "float64")
ramp(1.0, 0.0, (100, 100, 20), "float64")
ramp(0, 1, (1200,), "float16")
ramp(-1e6, 1234.5, (30, 60), "float64")
ramp(0, 1, (30,), "int64")
ramp(0, 1, (3, 30), "int64")
ramp(0, 1.5, (3, 30), "float32")
ramp(100000, 1, (12, 14), "int32")
ramp(0, 1, (1000,), "int64")

for _ in range(150):
    value = random.choice([random.random(), 10.0 ** random.uniform(-320, 308), random.gauss(0, 1e4), float(random.randint(-(10**18), 10**18))])
    lines += [f"float {value!r}", repr(value)]
for value in SPECIAL + [1e16, 9999999999999998.0, 1e-4, 0.00009999, 1e22, 5e-324, 1.7976931348623157e308, 0.1, 100.0]:
    lines += [f"float {value!r}", repr(value)]

NUMBER_SPECS = (
    "|d|5|<5|>8|^9|*^9|05|+|+d| |x|X|#x|b|#b|o|#o|08b|#010x|,|_|10,|010,|_x|_b|,x|e|.2e|E|f|.3f|.0f|#.0f|F|g|.3g|G|.10g|"
    "#g|#.3g|%|.1%|,.2f|12,.2f|012,.2f|+.1f|=+8|0=8|z.0f|.3|.1|10.4|c|n|s|.2d|q|5.|-^12.1f|>+9.2e|^+8d|,d|_d|,g|08.3f|+08,.1f"
).split("|")
TEXT_SPECS = "|s|10|>10|^11|*<8|.2|5.1|d|+|,|=5|05|é^9|.0".split("|")


def formatted(kind, value, spec):
    try:
        text = format(value, spec)
    except (ValueError, OverflowError):
        text = "error"
    shown = int(value) if kind == "bool" else value
    lines.extend([f"format {kind} {shown if kind == 'str' else repr(shown)} {spec}", escape(text)])


for spec in NUMBER_SPECS:
    for value in [0, -42, 1234567]:
        formatted("int", value, spec)
    formatted("bool", True, spec)
    for value in [0.0, -0.0, 2.5, -1234.5678, 1e-7, 123456789.0, 9.99e30, float("inf"), float("nan")]:
        formatted("float", value, spec)
for spec in TEXT_SPECS:
    for value in ["ab", "naïve"]:
        formatted("str", value, spec)

Path(sys.argv[0]).with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
