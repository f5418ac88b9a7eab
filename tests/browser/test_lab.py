"""The founding article's work in JupyterLab, by mouse and keyboard."""

import re

import pytest
from playwright.sync_api import expect

from labpage import Notebook

TOKEN = "cleave-tests"
TOTAL = "Total size: 40000000000.0"
HEAVY = "r = default_rng(7).random((200000, 200000), chunks=(2000, 2000))\n(r * r[::-1, ::-1]).sum().compute()"
ARTICLE = [
    "import dask.array as da\narrayshape = (200000, 200000)\nchunksize = (2000, 2000)",
    "x = da.ones(arrayshape, chunks=chunksize)\nx",
    "from dask.diagnostics import ProgressBar\nbig_calc = (x * x[::-1, ::-1]).sum()\n"
    'with ProgressBar():\n    result = big_calc.compute()\nprint(f"Total size: {result}")',
]


@pytest.fixture
def notebook(page, lab):
    return Notebook(page, lab, TOKEN)


def run_article(notebook):
    cells = [notebook.run(code, timeout=60_000) for code in ARTICLE]
    card = notebook.output(cells[1]).locator("svg").first
    card.scroll_into_view_if_needed()
    expect(card).to_be_visible()
    box = card.bounding_box()
    assert box["width"] > 40 and box["height"] > 40
    expect(cells[2].locator(".jp-OutputArea")).to_contain_text(TOTAL)
    return cells


def is_highlighted(cell):
    """The code has at least two colours."""
    colours = cell.locator(".cm-line span").evaluate_all(
        "spans => [...new Set(spans.map(s => getComputedStyle(s).color))]"
    )
    return len(colours) > 1


def test_the_article_interrupt_and_restart(notebook):
    notebook.choose("Cleave")
    cells = run_article(notebook)
    assert is_highlighted(cells[0])
    cells[1].scroll_into_view_if_needed()
    notebook.picture("article-light")
    notebook.dark()
    notebook.picture("article-dark")

    long_cell = notebook.start(HEAVY)
    expect(long_cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\*\]:"))
    notebook.page.wait_for_timeout(1500)
    notebook.picture("progress-dark")
    notebook.page.locator('[data-jp-item-name="interrupt"]').first.click()
    expect(long_cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=5_000)
    expect(notebook.output(long_cell).last).to_contain_text(re.compile("interrupt", re.I))
    notebook.picture("interrupted-dark")
    expect(notebook.run("print(6 * 7)").locator(".jp-OutputArea")).to_contain_text("42")

    notebook.dark(False)
    notebook.restart("Cleave")
    forgotten = notebook.run("x")
    expect(forgotten.locator(".jp-OutputArea")).to_contain_text("unknown")
    notebook.picture("restarted-light")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_cards_at_the_width_of_a_phone(notebook, dark):
    notebook.choose("Cleave")
    page = notebook.page
    notebook.run("x = ones((200000, 200000), chunks=(2000, 2000))")
    card = notebook.run("x")
    computed = notebook.run("(x * x[::-1, ::-1]).sum().compute()")
    wrong = notebook.run("ones((2, 3)) + ones((4, 5))")
    expect(wrong.locator(".jp-OutputArea")).to_contain_text("(4, 5)")
    page.set_viewport_size({"width": 390, "height": 844})
    notebook.dark(dark)
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    shade = "dark" if dark else "light"
    for name, cell in (("card", card), ("computed", computed), ("error", wrong)):
        cell.scroll_into_view_if_needed()
        notebook.picture(f"phone-{name}-{shade}")
    svg = notebook.output(card).locator("svg").first
    assert svg.bounding_box()["width"] <= 390
    assert contrast(svg) >= 3, "the card's text is hard to read"


def contrast(svg):
    """The contrast of the card's first text against what is behind it, as WCAG counts."""
    return svg.evaluate(
        """svg => {
            const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const text = svg.querySelector('text'); if (!text) return 21;
            let behind = svg; while (behind && /rgba\\(0, 0, 0, 0\\)|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
            const back = behind ? getComputedStyle(behind).backgroundColor : 'rgb(255, 255, 255)';
            const [a, b] = [light(getComputedStyle(text).fill), light(back)].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05);
        }"""
    )


def test_a_flood_and_run_all_with_an_error(notebook):
    notebook.choose("Cleave")
    flood = notebook.run("for i in range(20000):\n    print('line', i)\n'the end'", timeout=60_000)
    expect(flood.locator(".jp-OutputArea")).to_contain_text("'the end'", timeout=20_000)
    notebook.run("y = 1")
    for _ in range(3):
        notebook.page.keyboard.press("Escape")
    cell = notebook.start("1/0")
    expect(cell.locator(".jp-OutputArea")).to_contain_text(re.compile("zero"))
