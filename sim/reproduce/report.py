"""A reproduction report: published against computed, and every statement with its outcome.

Every ``equilot reproduce`` makes one :class:`Report`. It is shown in the terminal and written as Markdown and as CSV.
Numbers are compared, never tuned.
"""

from __future__ import annotations

import csv
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.text import Text

_INDENT = 22


class Status(StrEnum):
    """How a statement came out.

    ``data-dependent`` marks a statement that needs the paper's unpublished data: it is evaluated on the substitute
    data and told, and it can neither confirm nor refute the paper.
    """

    PASSED = "pass"
    FAILED = "fail"
    DATA_DEPENDENT = "data-dependent"


@dataclass(frozen=True)
class Comparison:
    """One published number beside ours: ``None`` where the paper gives none, not a number where nothing came out."""

    row: str
    quantity: str
    published: float | None
    computed: float
    digits: int = 1

    @property
    def deviation(self) -> float | None:
        """``computed / published - 1``; ``None`` where there is nothing to divide by."""
        return None if not self.published else self.computed / self.published - 1.0

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the row as text: row, quantity, published, computed, deviation in %."""
        published = "" if self.published is None else f"{self.published:.{self.digits}f}"
        deviation = "" if self.deviation is None else f"{100 * self.deviation:+.2f}"
        computed = "none" if math.isnan(self.computed) else f"{self.computed:.{self.digits}f}"
        return self.row, self.quantity, published, computed, deviation


@dataclass(frozen=True)
class ComparisonTable:
    """Numbers beside each other.

    Attributes
    ----------
    name, title
        Short name (of the CSV file) and heading.
    rows
        The numbers.
    published_name
        Heading of the column of published numbers.
    in_terminal
        Whether the terminal shows the rows; a long table stands in the files only.
    """

    name: str
    title: str
    rows: tuple[Comparison, ...]
    published_name: str = "published"
    in_terminal: bool = True


@dataclass(frozen=True)
class Statement:
    """One statement about the results.

    Attributes
    ----------
    key
        Its number in the checklist, e.g. ``N1``.
    text
        What is stated.
    status
        How it came out.
    reason
        The numbers behind the outcome.
    must_hold
        Whether the reproduction fails when the statement does: theorems, identities and regression values.
    """

    key: str
    text: str
    status: Status
    reason: str
    must_hold: bool = False

    @property
    def broken(self) -> bool:
        """True for a statement that must hold and does not."""
        return self.must_hold and self.status is Status.FAILED


@dataclass(frozen=True)
class DocumentedError:
    """An error of the paper: what is printed, what was found, and how Equilot treats it."""

    key: str
    printed: str
    finding: str
    treatment: str


def theorem(key: str, text: str, holds: bool, reason: str) -> Statement:
    """Return a statement that must hold."""
    return Statement(key, text, Status.PASSED if holds else Status.FAILED, reason, must_hold=True)


def observation(key: str, text: str, holds: bool, reason: str) -> Statement:
    """Return a statement that depends on data which the paper does not publish; its outcome opens the reason."""
    outcome = "holds" if holds else "does not hold"
    return Statement(key, text, Status.DATA_DEPENDENT, f"{outcome} on the substitute data: {reason}")


@dataclass(frozen=True)
class Report:
    """The outcome of one reproduction.

    Attributes
    ----------
    name, title
        Short name (also of the files) and heading.
    introduction
        Paragraphs before the tables.
    tables, statements
        What was compared and stated.
    errors
        Errors of the paper that were found on the way.
    figures
        Figure files with their captions, relative to the report.
    """

    name: str
    title: str
    introduction: tuple[str, ...]
    tables: tuple[ComparisonTable, ...]
    statements: tuple[Statement, ...]
    errors: tuple[DocumentedError, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()

    @property
    def broken(self) -> tuple[Statement, ...]:
        """The statements that must hold and do not."""
        return tuple(statement for statement in self.statements if statement.broken)

    @property
    def exit_code(self) -> int:
        """0, or 1 when a statement that must hold does not."""
        return 1 if self.broken else 0

    @property
    def summary(self) -> str:
        """One line with the counts."""
        count = {status: sum(s.status is status for s in self.statements) for status in Status}
        text = f"{self.name}: {len(self.statements)} statements, " + ", ".join(
            f"{number} {status}" for status, number in count.items()
        )
        if self.broken:
            return f"{text}; must hold and does not: {', '.join(s.key for s in self.broken)}"
        return f"{text}; every statement that must hold does"

    def markdown(self) -> str:
        """Return the report as Markdown, the summary in its last line."""
        lines = [f"# {self.title}", ""]
        for paragraph in self.introduction:
            lines += [paragraph, ""]
        for table in self.tables:
            columns = ("case", "quantity", table.published_name, "computed", "deviation (%)")
            numbers = [row.cells() for row in table.rows]
            lines += [f"## {table.title}", "", *_markdown_table(columns, numbers, "llrrr"), ""]
        lines += ["## Statements", ""]
        cells = [(s.key, s.text, _outcome(s), s.reason) for s in self.statements]
        lines += [*_markdown_table(("", "statement", "outcome", "reason"), cells, "llll"), ""]
        if self.errors:
            cells = [(e.key, e.printed, e.finding, e.treatment) for e in self.errors]
            lines += ["## Errors of the paper", ""]
            lines += [*_markdown_table(("", "printed", "finding", "treatment"), cells, "llll"), ""]
        if self.figures:
            lines += ["## Figures", ""]
            for path, caption in self.figures:
                lines += [f"![{caption}]({path})", "", f"*{caption}*", ""]
        return "\n".join([*lines, self.summary, ""])

    def write(self, folder: Path) -> list[Path]:
        """Write ``<name>.md``, one CSV file a table and ``<name>-statements.csv``; return the files."""
        folder.mkdir(parents=True, exist_ok=True)
        text = folder / f"{self.name}.md"
        text.write_text(self.markdown(), encoding="utf-8")
        files = [text]
        for table in self.tables:
            head = ("case", "quantity", "published", "computed", "deviation_percent")
            rows = [
                (
                    r.row,
                    r.quantity,
                    "" if r.published is None else repr(r.published),
                    repr(float(r.computed)),
                    "" if r.deviation is None else repr(100 * float(r.deviation)),
                )
                for r in table.rows
            ]
            files.append(_write_csv(folder / f"{self.name}-{table.name}.csv", head, rows))
        rows_of_statements = [(s.key, s.text, s.status, s.must_hold, s.reason) for s in self.statements]
        head_of_statements = ("key", "statement", "status", "must_hold", "reason")
        files.append(_write_csv(folder / f"{self.name}-statements.csv", head_of_statements, rows_of_statements))
        return files

    def show(self, screen: Console, where: Path | None = None) -> None:
        """Print the report as plain text, the summary in the last line; ``where`` names the written report."""
        screen.print(Text(self.title))
        for table in self.tables:
            screen.print(Text(f"\n{table.title}"))
            if not table.in_terminal:
                screen.print(Text(f"{len(table.rows)} numbers, in {self.name}-{table.name}.csv and {self.name}.md"))
                continue
            head = ("case", "quantity", table.published_name, "computed", "dev. %")
            for line in _text_table([head, *(row.cells() for row in table.rows)]):
                screen.print(Text(line))
        screen.print(Text("\nStatements"))
        for statement in self.statements:
            _print_folded(screen, f"{statement.key:>4}  {_outcome(statement):<16}", statement.text)
            _print_folded(screen, " " * _INDENT, statement.reason)
        if self.errors:
            screen.print(Text("\nErrors of the paper"))
        for error in self.errors:
            _print_folded(screen, f"{error.key:>4}  {'printed':<16}", error.printed)
            _print_folded(screen, f"{'':>4}  {'found':<16}", error.finding)
        if where is not None:
            screen.print(Text(f"\nreport in {where}"), soft_wrap=True)
        screen.print(Text(self.summary), soft_wrap=True)


def _print_folded(screen: Console, head: str, text: str) -> None:
    """Print a paragraph under a head, its later lines set in by :data:`_INDENT`."""
    folded = textwrap.wrap(text, max(screen.width - _INDENT, _INDENT), break_on_hyphens=False)
    for number, line in enumerate(folded):
        screen.print(Text((head if number == 0 else " " * _INDENT) + line), soft_wrap=True)


def _outcome(statement: Statement) -> str:
    return f"{statement.status} (!)" if statement.broken else str(statement.status)


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], alignment: str) -> list[str]:
    rule = ["---:" if side == "r" else "---" for side in alignment]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, rule, *rows)]


def _text_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns: the first two to the left, numbers to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    return path
