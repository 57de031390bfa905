"""The documentation site: ``make docs`` builds it from the pages of this folder, the notebooks and the code.

What stands elsewhere in the repository is not written again. The notebooks and the pages of the top folder are taken
into ``docs/made/``, the errata of the papers and the table of measurements are made from the code and its results.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path
from typing import TypeGuard

from sphinx.application import Sphinx

import equilot
from sim.reproduce import REPRODUCTIONS
from sim.reproduce.verdicts import DocumentedError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MADE = HERE / "made"
TOP = ("ARCHITECTURE", "CHANGELOG")
"""Pages of the top folder that are part of the site."""

project = "Equilot"
author = "Equilot contributors"
version = release = equilot.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc", "myst_nb"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build", "templates", "mutants.md"]
suppress_warnings = ["mystnb.unknown_mime_type"]
nb_execution_mode = "off"  # the notebooks hold their outputs, and a test of the long tier compares them
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
autosummary_generate = True
templates_path = ["templates"]  # a class with its own members alone, not with those of Mesa or of str
autodoc_typehints = "none"  # the signature has them
autodoc_default_options = {"members": True}
numpydoc_show_class_members = False

html_theme = "alabaster"
html_title = "Equilot"
html_static_path: list[str] = []
html_theme_options = {
    "description": "Local electricity markets with parking lots, cleared exactly and proved",
    "fixed_sidebar": True,
    "page_width": "68rem",
    "body_max_width": "46rem",
}


def made_pages() -> dict[str, str]:
    """Return the pages that are made, by the name of their file."""
    pages = {f"{name.lower()}.md": (ROOT / f"{name}.md").read_text(encoding="utf-8") for name in TOP}
    return {**pages, "errata.md": errata(), "measured.md": measured()}


def errata() -> str:
    """Return the errors of the papers, as the reproductions name them; numbers that a run computes are left open."""
    lines = [
        "# Errors of the papers",
        "",
        "What was found in the papers that Equilot reproduces, and what is done about it.",
    ]
    lines += ["Where … stands, the report of `equilot reproduce NAME` has the number that it computed.", ""]
    for path in sorted((ROOT / "sim" / "reproduce").glob("*/errors.py")):
        name = path.parent.name.replace("_", "-")
        lines += [f"## {REPRODUCTIONS[name]}", "", f"`equilot reproduce {name}`", ""]
        lines += ["| | printed | found | here |", "|---|---|---|---|"]
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if _is_error(node)]
        rows = [[_words(cell) for cell in call.args] for call in calls]
        rows.sort(key=lambda row: int(row[0].removeprefix("E")))
        lines += [f"| {' | '.join(row)} |" for row in rows] + [""]
    return "\n".join(lines)


def _is_error(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == DocumentedError.__name__


def _words(node: ast.expr) -> str:
    """Return a text of the code; a number that is put into it is an ellipsis."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_words, node.values))
    return _escaped(str(node.value)) if isinstance(node, ast.Constant) else "…"


def _escaped(text: str) -> str:
    """Return a text as Markdown that means nothing but itself."""
    return re.sub(r"([|$*_<>\[\]^])", r"\\\1", text)


def measured() -> str:
    """Return what ``make bench`` has measured, as a table."""
    rows = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    lines = ["# What was measured", "", "Made from `benchmarks/results.json`, which `make bench` writes.", ""]
    lines += ["| what | ours, s | reference, s | ratio | how |", "|---|---:|---:|---:|---|"]
    for row in rows:
        numbers = [f"{row[key]:.4g}" if row.get(key) is not None else "" for key in ("ours_s", "reference_s", "ratio")]
        lines.append(f"| `{row['name']}` | {' | '.join(numbers)} | {_escaped(str(row.get('note', '')))} |")
    return "\n".join([*lines, ""])


def take_in() -> None:
    """Write the pages that are made, and take the notebooks and their pictures in."""
    shutil.rmtree(MADE, ignore_errors=True)
    MADE.mkdir()
    for name, text in made_pages().items():
        (MADE / name).write_text(text, encoding="utf-8")
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copyfile(notebook, MADE / notebook.name)


def _within(app: Sphinx, page: str, source: list[str]) -> None:
    """Let links to what stands outside this folder lead to the pages that were taken in."""
    del app, page
    text = re.sub(r"\]\(\.\./([A-Z]+)\.md", lambda link: f"](made/{link.group(1).lower()}.md", source[0])
    text = re.sub(r"\]\(\.\./notebooks/(\w+\.ipynb)", r"](made/\1", text)
    source[0] = text.replace("](../benchmarks/results.json", "](made/measured.md")


def setup(app: Sphinx) -> None:
    """Connect what is done while the site is built."""
    app.connect("source-read", _within)


take_in()
