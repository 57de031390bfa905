"""A report of a reproduction as one HTML file: the page of its Markdown, with the figures inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from equilibrium.errors import InputError
from sim.folder import REPORT
from sim.manifest import put
from sim.report.page import Html, data_address, element, page, section, table
from sim.reproduce import REPRODUCTIONS

_CELL = re.compile(r"(?<!\\)\|")
"""What parts two cells; a bar inside a cell stands behind a backslash."""

_PICTURE = re.compile(r"!\[(.*)\]\((.*)\)")
_KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


def reproduction_in(folder: Path) -> str | None:
    """Return the name of the reproduction that wrote into a folder; ``None`` where none did."""
    there = (name for name in REPRODUCTIONS if (folder / f"{name}-statements.csv").is_file())
    return next((name for name in there if (folder / f"{name}.md").is_file()), None)


def write_reproduction_report(folder: Path, name: str) -> list[Path]:
    """Write the report of a reproduction into its folder.

    Parameters
    ----------
    folder, name
        Where ``NAME.md`` and the figures stand.

    Returns
    -------
    list of Path
        ``report.html``.

    Raises
    ------
    InputError
        When the Markdown is not there.
    """
    source = folder / f"{name}.md"
    if not source.is_file():
        raise InputError(str(source), "report", "missing", "the report that `equilot reproduce` writes")
    first, *parts = re.split(r"^## ", source.read_text(encoding="utf-8"), flags=re.MULTILINE)
    title, _, introduction = first.removeprefix("# ").partition("\n")
    summary = parts[-1].strip().rpartition("\n")[2] if parts else ""
    if parts:
        parts[-1] = parts[-1].rstrip().removesuffix(summary)
    content = page(
        f"Equilot: {title}",
        element("h1", title),
        element("div", element("p", summary), class_="panel"),
        *_blocks(introduction, folder),
        *(section(head, *_blocks(body, folder)) for head, _, body in (part.partition("\n") for part in parts)),
    )
    whole = folder / REPORT
    put(whole, content.encode("utf-8"))
    return [whole]


def _blocks(text: str, folder: Path) -> Iterator[Html]:
    """Return the paragraphs, tables and pictures of a part of the Markdown."""
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.strip().splitlines()
        if not lines:
            continue
        if lines[0].startswith("|"):
            yield _table(lines)
        elif (found := _PICTURE.fullmatch(lines[0])) is not None:
            yield _picture(folder / found.group(2), found.group(1))
        elif not (block.startswith("*") and block.endswith("*")):  # the caption, which the picture has already
            yield element("p", " ".join(lines))


def _table(lines: list[str]) -> Html:
    """Return a table; its second line says which columns stand at the right."""
    head, rule, *rows = ([cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]] for line in lines)
    words = [name for name, side in zip(head, rule, strict=True) if not side.endswith(":")]
    return table(head, rows, words)


def _picture(path: Path, caption: str) -> Html:
    """Return a figure that stands inside the page."""
    if not path.is_file():
        raise InputError(str(path), "figure", "missing", "the figures beside the report, as they were written")
    image = element("img", src=data_address(path.read_bytes(), _KINDS[path.suffix]), alt=caption)
    return element("figure", image, element("figcaption", caption))
