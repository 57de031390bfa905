"""A reproduction report: published against computed, what was fitted, and every statement with its verdict.

Every ``equilot reproduce`` makes one :class:`Report`. It is shown in the terminal and written as Markdown and as CSV.
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sim.reproduce.closeness import WITHIN, Closeness, ComparisonTable, closeness
from sim.reproduce.constants import Constant, Origin, count
from sim.reproduce.verdicts import DocumentedError, Statement, counted

_INDENT = 40
_CLOSENESS = ("table", "numbers", *(f"within {100 * share:g} %" for share in WITHIN))
_CONSTANTS = ("constant", "origin", "value", "numbers", "fitted on, or why")


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
    constants
        The numbers behind the results: published, fitted and chosen.
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
    constants: tuple[Constant, ...] = ()
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
    def unpublished(self) -> tuple[Constant, ...]:
        """The constants that were fitted, then those that were chosen."""
        return tuple(c for origin in (Origin.FITTED, Origin.CHOSEN) for c in self.constants if c.origin is origin)

    @property
    def summary(self) -> str:
        """One line with the counts."""
        free = ", ".join(f"{count(self.constants, origin)} {origin}" for origin in (Origin.FITTED, Origin.CHOSEN))
        text = (
            f"{self.name}: {len(self.statements)} statements: {counted(self.statements)}; published numbers "
            f"{closeness(self.tables)}; constants {free}; errors of the paper {len(self.errors)}"
        )
        if self.broken:
            return f"{text}; must hold and does not: {', '.join(s.key for s in self.broken)}"
        return f"{text}; every statement that must hold does"

    @property
    def near(self) -> list[tuple[str, Closeness]]:
        """The closeness of each table that counts, by title, and of all."""
        groups = [(table.title, [table]) for table in self.tables if closeness([table]).total]
        return [(title, closeness(tables)) for title, tables in [*groups, ("all", list(self.tables))]]

    def closeness_rows(self) -> list[tuple[str, ...]]:
        """Return the closeness as text."""
        return [(title, str(found.total), *found.cells()) for title, found in self.near]

    def constant_rows(self) -> list[tuple[str, ...]]:
        """Return the constants that were fitted or chosen, as text."""
        return [(c.name, str(c.origin), c.value, str(c.numbers), c.basis) for c in self.unpublished]

    def markdown(self) -> str:
        """Return the report as Markdown, the summary in its last line."""
        lines = [f"# {self.title}", ""]
        for paragraph in self.introduction:
            lines += [paragraph, ""]
        for table in self.tables:
            lines += [
                f"## {table.title}",
                "",
                *_markdown_table(table.head, table.cells, "llrrrr"[: len(table.head)]),
                "",
            ]
            if table.note:
                lines += [table.note, ""]
        lines += ["## How near", "", "Published numbers met; zeros have no relative deviation and do not count.", ""]
        lines += [*_markdown_table(_CLOSENESS, self.closeness_rows(), "lrrrr"), ""]
        lines += ["## Constants that are not published", ""]
        lines += [*_markdown_table(_CONSTANTS, self.constant_rows(), "lllrl"), ""]
        lines += ["## Statements", ""]
        found = [
            (s.key, s.text, _verdict(s), "; ".join(filter(None, (s.reason, s.first_form)))) for s in self.statements
        ]
        lines += [*_markdown_table(("", "statement", "verdict", "reason"), found, "llll"), ""]
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
        """Write ``<name>.md`` and a CSV file of each table, closeness, constants and statements; return all."""
        folder.mkdir(parents=True, exist_ok=True)
        text = folder / f"{self.name}.md"
        text.write_text(self.markdown(), encoding="utf-8")
        files = [text]
        for table in self.tables:
            head = ("case", "quantity", "published", "computed", "deviation_percent", "equilibrium")
            rows = [
                (
                    r.row,
                    r.quantity,
                    "" if r.published is None else repr(r.published),
                    repr(float(r.computed)),
                    "" if r.deviation is None else repr(100 * float(r.deviation)),
                    "" if r.equilibrium is None else repr(float(r.equilibrium)),
                )
                for r in table.rows
            ]
            files.append(write_csv(folder / f"{self.name}-{table.name}.csv", head, rows))
        near = ("table", "numbers", *(f"within_{100 * share:g}_percent" for share in WITHIN))
        counts = [(title, found.total, *found.met) for title, found in self.near]
        files.append(write_csv(folder / f"{self.name}-closeness.csv", near, counts))
        kept = ("constant", "origin", "value", "numbers", "basis", "inputs")
        constants = [(c.name, c.origin, c.value, c.numbers, c.basis, " ".join(c.inputs)) for c in self.constants]
        files.append(write_csv(folder / f"{self.name}-constants.csv", kept, constants))
        stated = ("key", "statement", "kind", "outcome", "must_hold", "reason", "first_form")
        found = [(s.key, s.text, s.kind, s.outcome, s.must_hold, s.reason, s.first_form) for s in self.statements]
        files.append(write_csv(folder / f"{self.name}-statements.csv", stated, found))
        return files

    def show(self, screen: Console, where: Path | None = None) -> None:
        """Print the report as plain text, the summary in the last line; ``where`` names the written report."""
        screen.print(Text(self.title))
        for table in self.tables:
            screen.print(Text(f"\n{table.title}"))
            if not table.in_terminal:
                screen.print(Text(f"{len(table.rows)} numbers, in {self.name}-{table.name}.csv and {self.name}.md"))
                continue
            for line in _text_table([table.head, *table.cells]):
                screen.print(Text(line), soft_wrap=True)
            if table.note:
                screen.print(Text(table.note))
        screen.print(Text("\nHow near: published numbers met"))
        for line in _text_table([_CLOSENESS, *self.closeness_rows()], left=1):
            screen.print(Text(line), soft_wrap=True)
        screen.print(Text("\nConstants that are not published"))
        for line in _text_table([_CONSTANTS[:4], *(row[:4] for row in self.constant_rows())], left=3):
            screen.print(Text(line), soft_wrap=True)
        screen.print(Text("\nStatements"))
        for statement in self.statements:
            _print_folded(screen, f"{statement.key:>4}  {_verdict(statement):<{_INDENT - 6}}", statement.text)
            _print_folded(screen, " " * _INDENT, statement.reason)
            if statement.first_form:
                _print_folded(screen, " " * _INDENT, statement.first_form)
        if self.errors:
            screen.print(Text("\nErrors of the paper"))
        for error in self.errors:
            _print_folded(screen, f"{error.key:>4}  {'printed':<34}", error.printed)
            _print_folded(screen, f"{'':>4}  {'found':<34}", error.finding)
        if where is not None:
            screen.print(Text(f"\nreport in {where}"), soft_wrap=True)
        screen.print(Text(self.summary), soft_wrap=True)


def _print_folded(screen: Console, head: str, text: str) -> None:
    """Print a paragraph under a head, its later lines set in by :data:`_INDENT`."""
    folded = textwrap.wrap(text, max(screen.width - _INDENT, _INDENT), break_on_hyphens=False)
    for number, line in enumerate(folded):
        screen.print(Text((head if number == 0 else " " * _INDENT) + line), soft_wrap=True)


def _verdict(statement: Statement) -> str:
    return f"{statement.verdict} (!)" if statement.broken else statement.verdict


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], alignment: str) -> list[str]:
    rule = ["---:" if side == "r" else "---" for side in alignment]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, rule, *rows)]


def _text_table(rows: Sequence[Sequence[str]], left: int = 2) -> list[str]:
    """Align columns: the first ``left`` to the left, numbers to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k < left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """Write a table as CSV and return its file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    return path
