"""Time and memory against chunk size, ours and Dask's, as an SVG that follows the reader's light or dark theme."""

import math
from html import escape

THIN = "\u202f"
PANELS = [("seconds", "Time", "s"), ("peak_mib", "Peak memory", "MiB")]
ENGINES = [("cleave", "Cleave"), ("dask", "Dask")]
WIDTH, HEIGHT = 920, 348
# The first panel's plot; the second stands `STEP` to the right of it.
LEFT, TOP, PLOT_W, PLOT_H, STEP = 62, 62, 366, 202, 462
STYLE = """
text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
svg{--ink:#1f2328;--soft:#59636e;--line:#d8dee4;--cleave:#0f7b8a;--dask:#b7591c;--page:#fff}
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--soft:#9198a1;--line:#30363d;--cleave:#4cc3d3;--dask:#e8935a;--page:#0d1117}}
.title{font-size:15px;font-weight:600;fill:var(--ink)}.end{text-anchor:end}.mid{text-anchor:middle}
.grid{stroke:var(--line);fill:none}.curve{fill:none;stroke-width:2.5;stroke-linejoin:round;stroke-linecap:round}
.cleave{stroke:var(--cleave)}.dask{stroke:var(--dask)}circle{stroke-width:2.5;fill:var(--page)}
text.cleave,text.dask{font-weight:600;stroke:var(--page);stroke-width:5px;paint-order:stroke}text.cleave{fill:var(--cleave)}text.dask{fill:var(--dask)}
"""


def draw(data, path):
    """Draw the points of `data` (see `tests/bench/flatness`) into a file."""
    path.write_text(svg(data), encoding="utf-8")


def svg(data):
    panels = "".join(panel(data, *which, LEFT + i * STEP) for i, which in enumerate(PANELS))
    side = plain(data["n"])
    job = f"(x * x[::-1, ::-1]).sum() of {side} × {side} ones, {data['threads']} threads"
    foot = f'<text x="{LEFT}" y="{HEIGHT - 8}">{escape(job)}; both scales are logarithmic</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">'
        f"<title>Time and peak memory against chunk size</title><desc>{escape(spoken(data))}</desc>"
        f"<style>{STYLE}</style>{panels}{foot}</svg>\n"
    )


def panel(data, key, title, unit, left):
    values = [p[key] for p in data["points"] if p[key]]
    chunks = sorted({p["chunks"] for p in data["points"]})
    # Room for a name above the highest point and below the lowest.
    across = scale(chunks[0] / 1.2, chunks[-1] * 1.2, left, left + PLOT_W)
    up = scale(min(values) / 2.2, max(values) * 2.6, TOP + PLOT_H, TOP)
    out = [f'<text class="title" x="{left}" y="30">{title}, {unit}</text>']
    out += [level(left, up(v), label(v)) for v in decades(min(values) / 2.2, max(values) * 2.6)]
    shown = [t for t in (250, 1000, 4000, 10000, 40000) if chunks[0] <= t <= chunks[-1]]
    out += [f'<text class="mid" x="{across(t):.1f}" y="{TOP + PLOT_H + 20}">{plain(t)}</text>' for t in shown]
    out.append(f'<text class="mid" x="{left + PLOT_W / 2}" y="{TOP + PLOT_H + 40}">side of a chunk</text>')
    for engine, name in ENGINES:
        points = sorted((p["chunks"], p[key]) for p in data["points"] if p["engine"] == engine and p[key])
        if points:
            out.append(line(engine, name, unit, points, across, up))
    return "".join(out)


def scale(low, high, start, end):
    """From values to places, by their logarithms."""
    width = math.log(high / low)
    return lambda value: start + (end - start) * math.log(value / low) / width


def decades(low, high):
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [10.0**k for k in powers if low <= 10.0**k <= high]


def level(left, y, text):
    grid = f'<path class="grid" d="M{left} {y:.1f}h{PLOT_W}"/>'
    return f'{grid}<text class="end" x="{left - 8}" y="{y + 4.5:.1f}">{text}</text>'


def line(engine, name, unit, points, across, up):
    """A curve; its name and its range stand over its highest point's height, in the middle."""
    places = [(across(x), up(y)) for x, y in points]
    curve = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = "".join(f'<circle class="{engine}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places)
    middle = (places[0][0] + places[-1][0]) / 2
    above = min(y for _, y in places) - 14
    words = f'<text class="{engine} mid" x="{middle:.1f}" y="{above:.1f}">{name}: {extent(points, unit)}</text>'
    return f'<path class="curve {engine}" d="M{curve}"/>{dots}{words}'


def extent(points, unit):
    """`0.16 s, within 5 %` or `1.7 to 21 s, a factor of 13`."""
    low, high = min(y for _, y in points), max(y for _, y in points)
    if high / low < 1.5:
        within = math.ceil(100 * (high / low - 1))
        return f"{plain(high)} {unit}" + (f", within {within}{THIN}%" if within else "")
    return f"{plain(low)} to {plain(high)} {unit}, a factor of {plain(high / low)}"


def spoken(data):
    """The picture in words."""
    said = []
    for key, title, unit in PANELS:
        for engine, name in ENGINES:
            points = [(p["chunks"], p[key]) for p in data["points"] if p["engine"] == engine and p[key]]
            said += [f"{title} of {name}: {extent(points, unit)}"] if points else []
    return "; ".join(said)


def label(value):
    return f"{value:g}" if value < 10 else plain(value)


def plain(number):
    """Two digits at least, thousands apart."""
    digits = 0 if number >= 10 else 1 if number >= 1 else 2 if number >= 0.1 else 4
    return f"{number:,.{digits}f}".replace(",", THIN)
