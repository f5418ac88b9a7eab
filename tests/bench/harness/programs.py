"""Random programs of the language that are valid Python on NumPy too, so that their answers can be checked.

A program builds arrays from each other and ends with lines `name number`. Values stay of moderate size, and what jumps
(comparisons, places of maxima) is used only where all numbers are exact, so that a last bit cannot decide an answer.
"""

import functools
import math
import random
import subprocess
from dataclasses import dataclass

from .process import BINARY

# What is used only where the program under test knows it, with a probe.
NEWER = {
    "cumsum": "ones((2, 2)).cumsum(axis=0)",
    "concatenate": "concatenate([ones(2), ones(2)], axis=0)",
    "stack": "stack([ones(2), ones(2)], axis=0)",
    "pad": "pad(ones(2), 1)",
    "roll": "roll(ones(2), 1, axis=0)",
    "sliding_window_view": "sliding_window_view(ones(4), 2, axis=0).mean(axis=-1)",
    "matmul": "ones((2, 2)) @ ones((2, 2))",
}
EXACT = [
    "{x} * 0.5 + {y}",
    "{x} - {y}",
    "maximum({x}, {y})",
    "minimum({x}, {y} + 1)",
    "where({x} > {y}, {x}, {y} - 1)",
    "clip({x}, 0, 5)",
    "abs({x} - 3)",
    "{x} % 5",
    "floor({x})",
    "-{x}",
]
INEXACT = [
    "sin({x}) + {y}",
    "cos({x}) * {y} * 0.25",
    "sqrt(abs({x})) - {y} * 0.5",
    "tanh({x}) + {y} * 0.5",
    "exp(-abs({x})) + {y}",
    "{x} / (1 + abs({y}))",
    "log(1 + abs({x}))",
    "{x} - {x}.mean(axis=0)",
    "({x} - {x}.mean()) / (1 + {x}.std())",
    "{x} - {x}.sum(axis=-1, keepdims=True) / {x}.shape[-1]",
]
JUMPS = ("where", "%", "floor")


@functools.cache
def newer():
    """Those of the newer names that the program under test has."""
    return frozenset(name for name, probe in NEWER.items() if works(f"({probe}).sum().compute()"))


def works(code):
    return subprocess.run([BINARY, "eval", code], capture_output=True).returncode == 0


@dataclass
class Known:
    """An array of the program."""

    name: str
    shape: tuple
    exact: bool


def program(seed, elements=2000, steps=5, checked=True, names=None):
    """The text of program number `seed`; not `checked`, it may draw random numbers."""
    return Writer(seed, elements, checked, newer() if names is None else names).write(steps)


class Writer:
    """Writes one program, statement by statement."""

    def __init__(self, seed, elements, checked, names):
        self.random = random.Random(seed)
        self.elements, self.checked, self.names = elements, checked, names
        self.lines, self.arrays = [], []

    def write(self, steps):
        shape = self.shape()
        for _ in range(2):
            self.add(*self.source(shape), shape)
        for _ in range(steps):
            self.step()
        self.end()
        return "\n".join(self.lines) + "\n"

    def add(self, text, exact, shape):
        name = f"x{len(self.arrays)}"
        self.lines.append(f"{name} = {text}")
        self.arrays.append(Known(name, shape, exact))

    def shape(self):
        dimensions = self.random.choice([1, 2, 2, 2, 3])
        if dimensions == 1:
            return (self.elements,)
        if dimensions == 2 and self.random.random() < 0.5:
            return (max(4, math.isqrt(self.elements)),) * 2
        first = max(4, int(self.elements ** self.random.uniform(0.2, 0.6)))
        rest = max(4, self.elements // first)
        if dimensions == 2:
            return (first, rest)
        middle = max(2, int(rest ** self.random.uniform(0.3, 0.7)))
        return (first, middle, max(2, rest // middle))

    def chunks(self, shape):
        kind = self.random.choice(["auto", "whole", "even", "even", "odd"])
        if kind == "auto":
            return '"auto"'
        if kind == "whole":
            return "-1"
        most = [8, 30, 100][len(shape) == 1] if self.elements < 1e5 else 100 ** (1 / len(shape)) * 5
        lengths = [max(1, int(n / self.random.uniform(1, most)) + (kind == "odd")) for n in shape]
        return f"({', '.join(map(str, lengths))},)"

    def source(self, shape):
        chunks = self.chunks(shape)
        kinds = ["table", "table", "full"] + ([] if self.checked else ["random", "random", "normal"])
        match self.random.choice(kinds):
            case "full":
                return f"full({shape}, {self.random.choice([1.0, 2.5, -3.0])}, chunks={chunks})", True
            case "random":
                return f"default_rng({self.random.randrange(100)}).random({shape}, chunks={chunks})", False
            case "normal":
                return f"default_rng({self.random.randrange(100)}).standard_normal({shape}, chunks={chunks})", False
            case _:
                return self.table(shape), True

    def table(self, shape):
        """Numbers from the place alone: (3 i + 5 j + …) modulo a prime."""
        terms = []
        for axis, length in enumerate(shape):
            index = ", ".join(":" if a == axis else "None" for a in range(len(shape)))
            chunk = max(1, length // self.random.randint(1, 12))
            terms.append(f"{self.random.randint(1, 9)} * arange({length}, chunks={chunk})[{index}]")
        return f'(({" + ".join(terms)}) % {self.random.choice([5, 7, 13, 31])}).astype("float64")'

    def step(self):
        kinds = [self.elementwise] * 4 + [self.view] * 3 + [self.newer] * 2 + [self.hold]
        self.random.choice(kinds)()

    def pick(self, shape=None):
        found = [a for a in self.arrays if shape in (None, a.shape)]
        return self.random.choice(found[-4:])

    def elementwise(self):
        x = self.pick()
        y = self.pick(x.shape)
        exact = x.exact and y.exact
        forms = EXACT + INEXACT if exact else [f for f in EXACT if not any(j in f for j in JUMPS)] + INEXACT
        form = self.random.choice(forms)
        self.add(form.format(x=x.name, y=y.name), exact and form in EXACT, x.shape)

    def view(self):
        x = self.pick()
        n, *rest = x.shape
        views = [
            (f"{x.name}[::-1]", x.shape),
            (f"{x.name}.rechunk({self.chunks(x.shape)})", x.shape),
            (f"{x.name}.T", x.shape[::-1]),
            (f"{x.name}[..., ::-1]", x.shape),
        ]
        if n > 8:
            views += [(f"{x.name}[::2]", ((n + 1) // 2, *rest)), (f"{x.name}[1:-2]", (n - 3, *rest))]
        text, shape = self.random.choice(views)
        self.add(text, x.exact, shape)

    def newer(self):
        x = self.pick()
        name = self.random.choice(sorted(NEWER))
        n, *rest = x.shape
        if name not in self.names or 2 * math.prod(x.shape) > 4 * self.elements:
            return self.elementwise()
        match name:
            case "cumsum":
                axis = self.random.randrange(len(x.shape))
                self.add(f"{x.name}.cumsum(axis={axis}) / {x.shape[axis]}", False, x.shape)
            case "concatenate":
                self.add(f"concatenate([{x.name}, {self.pick(x.shape).name}], axis=0)", False, (2 * n, *rest))
            case "stack":
                self.add(f"stack([{x.name}, {self.pick(x.shape).name}], axis=0)", False, (2, *x.shape))
            case "pad":
                self.add(f"pad({x.name}, 1)", x.exact, tuple(length + 2 for length in x.shape))
            case "roll":
                self.add(f"roll({x.name}, {self.random.randint(-9, 9)}, axis=0)", x.exact, x.shape)
            case "sliding_window_view" if n > 8:
                text = f"sliding_window_view({x.name}, 3, axis=0).mean(axis=-1)"
                self.add(text, False, (n - 2, *rest))
            case "matmul" if len(x.shape) == 2 and x.shape[1] <= 300:
                text = f"{x.name}.T @ {self.pick(x.shape).name} / {n}"
                self.add(text, False, (x.shape[1], x.shape[1]))
            case _:
                self.elementwise()

    def hold(self):
        x = self.pick()
        if self.random.random() < 0.5:
            self.add(f"{x.name}.persist()", x.exact, x.shape)
        else:
            self.elementwise()

    def end(self):
        """Some reductions of the last arrays, asked for at once; what stays an array is summed by place."""
        wanted = []
        for x in self.arrays[-1:] + self.random.sample(self.arrays, min(2, len(self.arrays))):
            names = ["sum", "mean", "std", "max", "min"] + (["argmax", "argmin"] if x.exact else [])
            axis = self.random.choice([None, *range(len(x.shape))])
            text = f"{x.name}.{self.random.choice(names)}({'' if axis is None else f'axis={axis}'})"
            if axis is not None and len(x.shape) > 1:
                last = x.shape[-2] if axis == len(x.shape) - 1 else x.shape[-1]
                text = f"({text} * (arange({last}) % 7 + 1)).sum()"
            wanted.append(text)
        values = ", ".join(f"r{i}" for i in range(len(wanted)))
        self.lines.append(f"{values} = compute({', '.join(wanted)})")
        self.lines += [f'print("r{i}", float(r{i}))' for i in range(len(wanted))]


def agree(ours, theirs):
    """Whether two programs' values are the same within what another order of summation may change."""
    return set(ours) == set(theirs) and all(
        math.isclose(value, theirs[name], rel_tol=1e-8, abs_tol=1e-7) or (value != value and theirs[name] != theirs[name])
        for name, value in ours.items()
    )


def main():
    """Print one program: `python -m harness.programs SEED [ELEMENTS]`."""
    import sys

    print(program(*map(int, sys.argv[1:3])))


if __name__ == "__main__":
    main()
