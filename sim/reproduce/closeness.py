"""Published numbers beside computed ones, and how near these are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WITHIN = (0.01, 0.05, 0.20)
"""Relative deviations up to which a published number counts as met."""


_EDGE = 1.0 + 1e-9
"""A deviation of just a share is met, whatever the rounding of the quotient."""


@dataclass(frozen=True)
class Comparison:
    """One published number beside ours.

    Attributes
    ----------
    row, quantity
        What it is.
    published
        The paper's number; ``None`` where the paper gives none, not a number where it prints a dash.
    computed
        Ours; not a number where nothing came out.
    digits
        Digits that are shown.
    equilibrium
        What the equilibrium of the same data gives, where ``computed`` comes from a mode that is none; not a number
        where the data have no equilibrium; else ``None``.
    """

    row: str
    quantity: str
    published: float | None
    computed: float
    digits: int = 1
    equilibrium: float | None = None

    @property
    def deviation(self) -> float | None:
        """``computed / published - 1``; ``None`` where there is nothing to divide by."""
        if self.published is None or not self.published or math.isnan(self.published):
            return None
        return self.computed / self.published - 1.0

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """Return the row as text: row, quantity, published, computed, deviation in %, equilibrium."""
        deviation = "" if self.deviation is None else _text(100 * self.deviation, "+.2f", "")
        return (
            self.row,
            self.quantity,
            _text(self.published, f".{self.digits}f", ""),
            _text(self.computed, f".{self.digits}f", "none"),
            deviation,
            _text(self.equilibrium, f".{self.digits}f", "none"),
        )


def _text(value: float | None, form: str, nothing: str) -> str:
    """Return a number as text, empty for ``None``, ``nothing`` for what is not a number."""
    if value is None:
        return ""
    return nothing if math.isnan(value) else format(value, form)


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
    counted
        Whether its published numbers count in the closeness: not computing times, our own reference values, or a second
        reading of numbers that stand in another table.
    equilibrium_name
        Heading of the column of equilibria; empty where there is none.
    note
        What to know of the rows; below them.
    """

    name: str
    title: str
    rows: tuple[Comparison, ...]
    published_name: str = "published"
    in_terminal: bool = True
    counted: bool = True
    equilibrium_name: str = ""
    note: str = ""

    @property
    def head(self) -> tuple[str, ...]:
        """The heading of each column that is shown."""
        columns = ("case", "quantity", self.published_name, "computed", "deviation (%)")
        return (*columns, self.equilibrium_name) if self.equilibrium_name else columns

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """The rows as text, one cell for each heading."""
        return [row.cells()[: len(self.head)] for row in self.rows]


@dataclass(frozen=True)
class Closeness:
    """How many published numbers are met within each share of :data:`WITHIN`.

    Published zeros have no relative deviation and are not counted.
    """

    met: tuple[int, ...]
    total: int

    def cells(self) -> list[str]:
        """Return the numbers met as text, each with its share in %."""
        return [f"{met} ({100 * met / self.total:.0f} %)" if self.total else str(met) for met in self.met]

    def __str__(self) -> str:
        """Return e.g. ``10 (45 %), 17 (77 %), 22 (100 %) of 22 within 1, 5, 20 %``."""
        shares = ", ".join(f"{100 * share:g}" for share in WITHIN)
        return f"{', '.join(self.cells())} of {self.total} within {shares} %"


def closeness(tables: Sequence[ComparisonTable]) -> Closeness:
    """Count the published numbers of the tables that count."""
    rows = [row for table in tables if table.counted for row in table.rows]
    deviations = [abs(row.deviation) for row in rows if row.deviation is not None]
    return Closeness(tuple(sum(d <= share * _EDGE for d in deviations) for share in WITHIN), len(deviations))
