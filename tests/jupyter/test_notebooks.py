"""The notebooks of the repository, run by every tool that people run notebooks with."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pexpect
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from program import ANSI, ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
ARTICLE = FOLDER / "dask_article.ipynb"
TOTAL = "Total size: 40000000000.0"
# The article's array cells, as its readers paste them.
ARTICLE_LINES = [
    "import dask.array as da",
    "arrayshape = (200000, 200000)",
    "chunksize = (2000, 2000)",
    "x = da.ones(arrayshape, chunks=chunksize)",
    "from dask.diagnostics import ProgressBar",
    "big_calc = (x * x[::-1, ::-1]).sum()",
    "with ProgressBar():",
    "result = big_calc.compute()",
    'print(f"Total size: {result}")',
    "scheduler='single-threaded'",
    "scheduler='threads'",
    "%time ",
    "%%time",
]


def tool(name, *arguments, timeout=170, **options):
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(notebook):
    """Everything that the code cells show as plain text."""
    parts = []
    for cell in code_cells(notebook):
        expected = "raises-exception" in cell.metadata.get("tags", [])
        for output in cell.outputs:
            if expected and output.output_type == "error":
                continue
            assert output.output_type != "error", ANSI.sub("", "\n".join(output.traceback))
            parts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)


def looks(notebook):
    """The style sheets of all that the code cells draw: no machine and no clock changes these."""
    shown = [text for cell in code_cells(notebook) for o in cell.outputs for text in o.get("data", {}).values()]
    return {sheet for text in shown for sheet in re.findall(r"<style>.*?</style>", str(text))}


def chunk_sizes(notebook):
    return len(re.findall(r"da\.ones\(", "\n".join(cell.source for cell in code_cells(notebook))))


def check_article(notebook):
    text = printed(notebook)
    assert text.count(TOTAL) >= max(4, chunk_sizes(notebook)), text


def test_the_two_notebooks_exist():
    assert {"dask_article.ipynb", "first_steps.ipynb"} <= {path.name for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_stored_with_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "cleave" and notebook.metadata.language_info.name == "cleave"
    assert all(cell.execution_count for cell in code_cells(notebook)), "a cell was never run"
    assert "<svg" in "".join(str(o.get("data", {})) for cell in code_cells(notebook) for o in cell.outputs)
    assert path.stat().st_size < 1_000_000
    if path == ARTICLE:
        check_article(notebook)


def test_the_article_is_unchanged():
    source = "\n".join(cell.source for cell in code_cells(nbformat.read(ARTICLE, as_version=4)))
    assert not [line for line in ARTICLE_LINES if line not in source]
    for chunks in ("2000", "10000", "20000"):
        assert re.search(rf"\({chunks}, {chunks}\)", source), chunks


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_nbclient(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    stored, drawn = [bool(cell.outputs) for cell in code_cells(notebook)], looks(notebook)
    NotebookClient(notebook, timeout=150, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed(notebook)
    assert [bool(cell.outputs) for cell in code_cells(notebook)] == stored
    assert looks(notebook) == drawn, "what is stored was drawn otherwise: run the notebook and store it"
    if path == ARTICLE:
        check_article(notebook)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_nbconvert(path, tmp_path):
    # The article's 40 billion multiplications are done once, by nbclient.
    execute = ["--execute"] if path != ARTICLE else []
    tool("jupyter", "nbconvert", *execute, "--to", "html", "--output-dir", tmp_path, path, cwd=tmp_path)
    page = (tmp_path / f"{path.stem}.html").read_text()
    assert "<svg" in page and 'class="highlight' in page
    tool("jupyter", "nbconvert", "--to", "script", "--output-dir", tmp_path, path)
    assert (tmp_path / f"{path.stem}.clv").is_file()


def test_papermill(tmp_path):
    """The article with folding left on: its cells are the same, and no multiplication is done."""
    notebook = nbformat.read(ARTICLE, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "optimize.fold" not in cell.source]
    nbformat.write(notebook, tmp_path / "article.ipynb")
    result = papermill.execute_notebook(tmp_path / "article.ipynb", tmp_path / "out.ipynb", cwd=tmp_path, progress_bar=False)
    check_article(nbformat.from_dict(result))


def test_papermill_tells_of_a_failing_cell(tmp_path):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell("no_such_name")]
    )
    notebook.metadata.kernelspec = {"name": "cleave", "display_name": "Cleave", "language": "cleave"}
    nbformat.write(notebook, tmp_path / "bad.ipynb")
    with pytest.raises(papermill.PapermillExecutionError, match="no_such_name"):
        papermill.execute_notebook(tmp_path / "bad.ipynb", tmp_path / "out.ipynb", progress_bar=False)


def test_a_cell_that_takes_too_long_is_interrupted():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("while True: pass"), nbformat.v4.new_code_cell("print(6 * 7)")]
    )
    notebook.metadata.kernelspec = {"name": "cleave", "display_name": "Cleave", "language": "cleave"}
    client = NotebookClient(notebook, timeout=2, interrupt_on_timeout=True, allow_errors=True)
    try:
        client.execute()
    except CellExecutionError:
        pytest.fail("an interrupted cell ended the notebook")
    assert notebook.cells[1].outputs[0].text == "42\n"


def test_jupyter_run(tmp_path):
    script = tmp_path / "script.clv"
    script.write_text('x = ones((10, 10), chunks=3)\nprint("sum", x.sum().compute())\n')
    assert "sum 100.0" in tool("jupyter", "run", "--kernel=cleave", script).stdout


def test_console(tmp_path):
    command = shutil.which("jupyter-console", path=str(Path(sys.executable).parent))
    options = ["--kernel=cleave", "--simple-prompt", "--ZMQTerminalInteractiveShell.confirm_exit=False"]
    child = pexpect.spawn(command, options, timeout=30, encoding="utf-8", dimensions=(40, 120), cwd=str(tmp_path))
    child.expect(r"In \[1\]:")
    for source, expected in (
        ("1234 * 1000 + 1", "1234001"),
        ("no_such_name", "unknown"),
        ('input("who? ")', r"who\?"),
        ("Ada", "'Ada'"),
        ("ones?", "chunks"),
    ):
        child.sendline(source)
        child.expect(expected)
    child.sendline("q")
    child.expect(r"In \[\d+\]:")
    child.sendline("while True: pass")
    child.expect(pexpect.TIMEOUT, timeout=1)
    child.sendintr()
    child.expect(r"In \[\d+\]:")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()
