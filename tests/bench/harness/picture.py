"""Time and memory against chunk size, ours and Dask's, as SVG and PNG."""

import math

OURS, THEIRS, INK, GRID = "#2563eb", "#d9682c", "#6b7280", "#9ca3af"
THIN = "\u202f"
PANELS = [("seconds", "Time", "s"), ("peak_mib", "Peak memory", "MiB")]


def draw(data, paths):
    """Draw the points of `data` (see `tests/bench/flatness`) into files of the types that their names say."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    look = {"svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 10, "svg.hashsalt": "cleave"}
    with plt.rc_context(look):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharex=True)
        for axis, (key, title, unit) in zip(axes, PANELS, strict=True):
            panel(axis, data, key, title, unit)
        figure.tight_layout(w_pad=4)
        for path in paths:
            figure.savefig(path, transparent=True, dpi=200, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(figure)


def panel(axis, data, key, title, unit):
    axis.set_xscale("log")
    axis.set_yscale("log")
    for engine, color, name in (("cleave", OURS, "Cleave"), ("dask", THEIRS, "Dask")):
        points = [(p["chunks"], p[key]) for p in data["points"] if p["engine"] == engine and p[key]]
        if points:
            line(axis, sorted(points), color, name, unit)
    values = [p[key] for p in data["points"] if p[key]]
    axis.set_ylim(min(values) / 2, max(values) * 3)
    chunks = sorted({p["chunks"] for p in data["points"]})
    axis.set_xlim(chunks[0] / 1.25, chunks[-1] * 1.25)
    axis.set_title(f"{title}, {unit}", loc="left", color=INK, fontsize=11, fontweight="bold")
    side = plain(data["n"])
    axis.set_xlabel(f"chunk side, of {side} × {side}", color=INK)
    dress(axis, chunks, values)


def line(axis, points, color, name, unit):
    """A line with its name and its range above it."""
    x, y = zip(*points, strict=True)
    axis.plot(x, y, color=color, linewidth=2.4, marker="o", markersize=5, solid_capstyle="round")
    low, high = min(y), max(y)
    spread = f"{high / low:.0f}×" if high / low >= 3 else f"{high / low:.2f}×"
    ends = plain(low) if plain(low) == plain(high) else f"{plain(low)} – {plain(high)}"
    text = f"{name}  {ends} {unit},  {spread}"
    style = {"color": color, "ha": "center", "va": "bottom", "fontweight": "bold"}
    axis.text(math.sqrt(x[0] * x[-1]), high * 1.35, text, **style)


def plain(number):
    """Two digits at least, thousands apart."""
    digits = 0 if number >= 10 else 1 if number >= 1 else 2
    return f"{number:,.{digits}f}".replace(",", THIN)


def dress(axis, chunks, values):
    """Few lines, plain numbers."""
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(GRID)
    axis.minorticks_off()
    ticks = [t for t in (250, 1000, 4000, 10000, 40000) if chunks[0] <= t <= chunks[-1]]
    axis.set_xticks(ticks, [plain(t) for t in ticks])
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    levels = [10.0**k for k in range(low, high + 1) if min(values) / 2 <= 10.0**k <= max(values) * 3]
    axis.set_yticks(levels, [f"{level:g}" if level < 10 else plain(level) for level in levels])
    axis.tick_params(colors=INK, length=0)
    axis.grid(axis="y", color=GRID, alpha=0.35, linewidth=0.8)
    axis.set_axisbelow(True)
