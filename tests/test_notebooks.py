"""The notebooks run from top to bottom and show what is committed with them."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 800_000

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
"""A number of a table; what stands around it must be the same text."""

ROUNDING = 1e-6
"""Residuals and regrets below it are rounding, and so is this share of a number."""

PLACE = re.compile(r"\S*/(?=street/)|<Figure[^>]*>")
"""Where a notebook's own folder is, and what stands for a picture."""

nbformat = pytest.importorskip("nbformat")


def shown(notebook: Any) -> Iterator[tuple[int, str, str]]:
    """What a notebook shows: number of the cell, kind of the output, and its text; warnings of libraries left out."""
    for number, cell in enumerate(notebook.cells):
        texts = []
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                texts += [output.text] if output.name == "stdout" else []
            else:
                assert output.output_type != "error", output
                yield number, "+".join(sorted(output.data)), output.data.get("text/plain", "")
        if texts:
            yield number, "stdout", "".join(texts)


def words_and_numbers(text: str) -> tuple[list[str], list[float]]:
    """The words of a text, without the space between them and without paths, and its numbers."""
    text = PLACE.sub("", text)
    return NUMBER.sub("#", text).split(), [float(each) for each in NUMBER.findall(text)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_its_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any("image/" in kind for _, kind, _ in shown(notebook)), "a picture"
    assert not any(output.get("name") == "stderr" for cell in cells for output in cell.outputs)
    assert path.stat().st_size < MOST_BYTES
    texts = [text for _, _, text in shown(notebook)]
    assert not any("/tmp/" in PLACE.sub("", text) for text in texts)


def calls(code: str) -> Iterator[tuple[str, Any, list[str]]]:
    """Yield what a notebook calls by a name that it imports: the name, the thing, and the names of its arguments."""
    known: dict[str, Any] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            module = importlib.import_module(node.module)
            known |= {each.asname or each.name: getattr(module, each.name) for each in node.names}
        elif isinstance(node, ast.Import):
            known |= {each.asname or each.name: importlib.import_module(each.name) for each in node.names}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            first, _, rest = name.partition(".")
            if first in known and "." not in rest:
                thing = getattr(known[first], rest) if rest else known[first]
                yield name, thing, [each.arg for each in node.keywords if each.arg is not None]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_calls_is_there_and_takes_its_arguments(path: Path) -> None:
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    code = "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith("%"))
    for name, thing, arguments in calls(code):
        parameters = inspect.signature(thing).parameters
        if not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            assert set(arguments) <= set(parameters), name


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_shows_what_is_committed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.delenv("MPLBACKEND")  # the notebooks draw into themselves
    notebook, committed = (nbformat.read(path, as_version=4) for _ in range(2))
    client = nbclient.NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    again, before = list(shown(notebook)), list(shown(committed))
    assert [each[:2] for each in again] == [each[:2] for each in before]
    for (number, _, text), (_, _, old) in zip(again, before, strict=True):
        words, numbers = words_and_numbers(text)
        old_words, old_numbers = words_and_numbers(old)
        assert words == old_words, f"cell {number}"
        assert numbers == pytest.approx(old_numbers, rel=ROUNDING, abs=ROUNDING), f"cell {number}"
