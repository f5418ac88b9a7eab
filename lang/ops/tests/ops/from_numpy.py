"""Makes promotion.txt and values.txt, beside this file, from the NumPy at hand."""
import pathlib
import warnings

import numpy as np

warnings.simplefilter("ignore")
np.seterr(all="ignore")
HERE = pathlib.Path(__file__).parent
dtypes = open(HERE / "promotion.txt", "w")
values = open(HERE / "values.txt", "w")

D = ["bool","int8","uint8","int16","uint16","int32","uint32","int64","uint64","float16","float32","float64"]
W = {"True": True, "3": 3, "0.5": 0.5, "300": 300, "-1": -1}
UN = {"negative":"negative","positive":"positive","abs":"absolute","sign":"sign","square":"square","reciprocal":"reciprocal","sqrt":"sqrt","exp":"exp","sin":"sin","floor":"floor","ceil":"ceil","trunc":"trunc","rint":"rint","isnan":"isnan","isfinite":"isfinite","signbit":"signbit","logical_not":"logical_not","bitwise_invert":"invert","cbrt":"cbrt","deg2rad":"deg2rad"}
BI = {"add":"add","subtract":"subtract","multiply":"multiply","divide":"divide","floor_divide":"floor_divide","remainder":"remainder","fmod":"fmod","pow":"power","float_power":"float_power","maximum":"maximum","minimum":"minimum","fmax":"fmax","fmin":"fmin","heaviside":"heaviside","gcd":"gcd","lcm":"lcm","equal":"equal","less":"less","greater_equal":"greater_equal","logical_and":"logical_and","bitwise_and":"bitwise_and","bitwise_left_shift":"left_shift","bitwise_right_shift":"right_shift","atan2":"arctan2","hypot":"hypot","copysign":"copysign","nextafter":"nextafter","logaddexp":"logaddexp"}
RE = ["sum","prod","min","max","mean","std","var","any","all","argmin","argmax","count_nonzero"]
def name(f):
    try: return np.asarray(f()).dtype.str[1:]
    except OverflowError: return "overflow"
    except TypeError: return "refused"
    except ValueError as e: return "negative" if "power" in str(e) else "refused"
print("# Dtypes of results, made from NumPy", np.__version__, file=dtypes)
print("# operation, first operand, then one result for each second operand below; after that operations of one operand", file=dtypes)
one = {d: np.ones(1, d) for d in D}
S = {np.dtype(d).str[1:]: one[d] for d in D}
OPS = dict(S, **W)
print("operands", *OPS, file=dtypes)
for o, n in BI.items():
    f = getattr(np, n)
    for a, x in OPS.items():
        seconds = [(b, y) for b, y in OPS.items()]
        print(o, a, *[name(lambda: f(x, y)) if not (a in W and b in W) else "." for b, y in seconds], file=dtypes)
for o in list(UN) + RE:
    print(o, *[name(lambda: getattr(np, UN.get(o, o))(x)) for x in S.values()], file=dtypes)

I = {"float64": [-np.inf,-2.5,-0.0,0.0,0.5,3.0,1e300,np.inf,np.nan],
     "float32": [-np.inf,-2.5,-1.0,-0.0,0.0,0.5,1.5,3.0,1e30,np.inf,np.nan],
     "float16": [-np.inf,-2.5,-1.0,-0.0,0.0,0.5,1.5,3.0,1000.0,np.inf,np.nan],
     "int8": [-128,-7,-1,0,1,2,5,127], "uint8": [0,1,2,7,200,255],
     "int64": [-2**63,-7,0,1,3,64,2**63-1], "uint64": [0,1,63,2**63,2**64-1], "bool": [False,True]}
UN = "negative positive abs:absolute sign square reciprocal sqrt cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin:arcsin acos:arccos atan:arctan sinh cosh tanh asinh:arcsinh acosh:arccosh atanh:arctanh deg2rad rad2deg sinc floor ceil trunc rint isnan isinf isfinite signbit logical_not bitwise_invert:invert nan_to_num".split()
BI = "add subtract multiply divide floor_divide remainder fmod pow:power maximum minimum fmax fmin heaviside gcd lcm equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor bitwise_left_shift:left_shift bitwise_right_shift:right_shift atan2:arctan2 hypot copysign nextafter logaddexp logaddexp2 isclose".split()
def show(v):
    v = v.item()
    return repr(v)
def emit(o, d, f):
    if (o, d) == ("reciprocal", "int64"): return
    try: r = f()
    except (TypeError, ValueError): return
    print(o, d, np.asarray(r).dtype.name, *[show(v) for v in np.asarray(r).ravel()], file=values)
print("# Values, made from NumPy", np.__version__, "- operation, dtype, dtype of the result, results of the inputs; of two operands all pairs", file=values)
for d, v in I.items(): print("inputs", d, *[repr(x) for x in v], file=values)
A = {d: np.array(v, d) for d, v in I.items()}
for s in UN:
    o, n = (s.split(":") * 2)[:2]
    for d, x in A.items(): emit(o, d, lambda: getattr(np, n)(x))
for s in BI:
    o, n = (s.split(":") * 2)[:2]
    for d in ["float64", "int8", "uint8", "int64", "uint64", "bool"]:
        x = A[d]; emit(o, d, lambda: getattr(np, n)(x[:, None], x[None, :]))
C = {d: list(v) for d, v in I.items()}
for d, x in A.items():
    for e in I:
        if d.startswith("float") and not e.startswith(("float", "bool")): continue
        emit("cast", d, lambda: x.astype(e))
