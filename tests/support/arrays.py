"""Small inputs for comparisons with NumPy: dtypes, shapes, chunkings, views, and what counts as equal."""

import numpy as np

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()
SHAPES = [(), (0,), (3, 0), (1,), (7,), (5, 3), (3, 1, 5)]
CHUNKINGS = ["whole", "twos", "ragged"]

# Each view is written once, in words that NumPy's arrays and ours understand alike.
VIEWS = {
    "plain": ("{x}", lambda x: x),
    "reversed": ("{x}[::-1]", lambda x: x[::-1]),
    "strided": ("{x}[..., ::2]", lambda x: x[..., ::2]),
    "backwards": ("{x}[..., ::-3]", lambda x: x[..., ::-3]),
    "transposed": ("{x}.T", lambda x: x.T),
    "broadcast": ("broadcast_to({x}, {shape})", lambda x: np.broadcast_to(x, (2, *x.shape))),
}


def view_text(view, name, shape):
    return VIEWS[view][0].format(x=name, shape=(2, *shape))


def view_of(view, array):
    return VIEWS[view][1](array)


def views_for(shape):
    return ["plain", "broadcast"] if shape == () else list(VIEWS)


def chunks_text(chunking, shape):
    """The `chunks=` argument as source text; nothing for the whole array."""
    if chunking == "whole" or shape == ():
        return ""
    if chunking == "twos":
        return ", chunks=2"
    return f", chunks={tuple(ragged(n) for n in shape)}"


def ragged(length):
    """Uneven chunk lengths that add up to `length`."""
    if length < 3:
        return (length,)
    return (1, length - 2, 1) if length % 2 else (length - 1, 1)


def is_float(dtype):
    return np.dtype(dtype).kind == "f"


def random_array(rng, dtype, shape, low, high):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low, high = max(int(np.ceil(low)), limits.min), min(int(high), limits.max)
        return rng.integers(low, max(low, high), shape, dtype=dtype, endpoint=True)
    bound = float(np.finfo(dtype).max)
    return rng.uniform(max(low, -bound), min(high, bound), shape).astype(dtype)


def special_values(dtype):
    """Numbers at which floating-point formulas go wrong."""
    info = np.finfo(dtype)
    some = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, np.inf, -np.inf, np.nan]
    return np.array([*some, info.max, -info.max, info.tiny, info.smallest_subnormal, info.eps], dtype=dtype)


def ulp_distance(got, want):
    """How many floats lie between; 0 for two NaNs, huge for a NaN against a number."""
    kind = {2: np.int16, 4: np.int32, 8: np.int64}[got.dtype.itemsize]

    def ordered(values):
        bits = np.ascontiguousarray(values).view(kind).astype(object)
        top = 1 << (8 * values.dtype.itemsize - 1)
        return np.array([b if b >= 0 else -(b + top) for b in bits.ravel()], dtype=object)

    distance = np.abs(ordered(got) - ordered(want)) if got.size else np.zeros(0, dtype=object)
    both, either = (np.isnan(got) & np.isnan(want)).ravel(), (np.isnan(got) ^ np.isnan(want)).ravel()
    distance[both] = 0
    distance[either] = 1 << 62
    return distance.reshape(got.shape)


def difference(got, want, tolerance_ulp=0, scale=None, second=None):
    """None if `got` is as good as `want`, else a sentence.

    `scale` widens the unit where numbers cancel; `second` is a more exact answer that is right too."""
    want = np.asarray(want)
    if got.dtype != want.dtype:
        return f"dtype {got.dtype}, NumPy has {want.dtype}"
    if got.shape != want.shape:
        return f"shape {got.shape}, NumPy has {want.shape}"
    if not is_float(got.dtype):
        return None if np.array_equal(got, want) else told(got, want, got != want)
    if np.array_equal(got, want, equal_nan=True):
        return None
    wrong = ulp_distance(got, want) > tolerance_ulp
    if second is not None and wrong.any():
        wrong &= ulp_distance(got, np.asarray(second, dtype=got.dtype)) > tolerance_ulp
    if scale is not None and wrong.any():
        wrong &= ~near(got, want, tolerance_ulp, scale)
    return told(got, want, wrong) if wrong.any() else None


def near(got, want, tolerance_ulp, scale):
    with np.errstate(all="ignore"):
        unit = np.spacing(np.maximum(np.abs(want), np.abs(np.asarray(scale, dtype=got.dtype))))
        return np.abs(got.astype(np.longdouble) - want) <= tolerance_ulp * unit.astype(np.longdouble)


def told(got, want, wrong):
    places = np.argwhere(wrong)[:3]
    pairs = [f"at {tuple(map(int, p))}: {got[tuple(p)]!r}, NumPy has {want[tuple(p)]!r}" for p in places]
    return f"{int(np.count_nonzero(wrong))} of {got.size} differ; " + "; ".join(pairs)
