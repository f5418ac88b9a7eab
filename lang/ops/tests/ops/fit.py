"""Prints the polynomials of src/math: near-minimax fits, coefficients rounded to float64. Needs mpmath.

Each coefficient is rounded before the ones below it are fitted, so that the lower ones make up for it.
"""
import mpmath as mp

mp.mp.prec = 300


def nodes(low, high, n):
    return [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * n)) for i in range(n)]


def solve(points, values, weights, degree):
    """Weighted least squares."""
    rows = mp.matrix(len(points), degree + 1)
    for i, (x, w) in enumerate(zip(points, weights)):
        for j in range(degree + 1):
            rows[i, j] = w * x**j
    right = mp.matrix([w * y for y, w in zip(values, weights)])
    return list(mp.lu_solve(rows.T * rows, rows.T * right))


def fit(name, f, low, high, degree, weight=lambda x: 1):
    low, high = mp.mpf(low), mp.mpf(high)
    points = nodes(low, high, 4 * degree + 10)
    values, weights = [f(x) for x in points], [mp.mpf(weight(x)) for x in points]
    done = []
    for k in range(degree + 1):
        rest = [(y - sum(c * x**j for j, c in enumerate(done))) / x**k for x, y in zip(points, values)]
        scaled = [w * x**k for x, w in zip(points, weights)]
        done.append(mp.mpf(float(solve(points, rest, scaled, degree - k)[0])))
    error = max(abs(weight(x) * (mp.polyval(done[::-1], x) - f(x))) for x in nodes(low, high, 500))
    print(f"// {name}: 2^{float(mp.log(error, 2)):.1f}")
    print(", ".join(repr(float(c)) for c in done))


half_ln2 = mp.log(2) / 2 * mp.mpf("1.0001")
fit("exp", lambda r: (mp.exp(r) - 1 - r) / r**2, -half_ln2, half_ln2, 10, lambda r: r**2)
quarter = (mp.pi / 4 * mp.mpf("1.0001")) ** 2
root = mp.sqrt
fit("sin", lambda z: (mp.sin(root(z)) / root(z) - 1) / z, 0, quarter, 5, lambda z: z)
fit("cos", lambda z: (mp.cos(root(z)) - 1 + z / 2) / z**2, 0, quarter, 5, lambda z: z**2)
s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mp.mpf("1.0001")
fit("log", lambda z: 2 * (mp.atanh(root(z)) / root(z) - 1) / z, 0, s**2, 7, lambda z: z)
fit("log, after the cube", lambda z: 2 * (mp.atanh(root(z)) / root(z) - 1 - z / 3) / z**2, 0, s**2, 7, lambda z: z**2)
fit("atan", lambda z: (mp.atan(root(z)) / root(z) - 1) / z, 0, mp.mpf("0.4376") ** 2, 10, lambda z: z)
fit("asin", lambda z: (mp.asin(root(z)) / root(z) - 1) / z, 0, mp.mpf("0.25001"), 12, lambda z: z)
fit("cbrt", lambda r: r ** (-mp.mpf(1) / 3), mp.mpf("0.86"), mp.mpf("1.16"), 5)
