"""What a market gives to the list of this floor: its model, its tables, and how a run of it is drawn and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

import pandas as pd
import pyarrow as pa
from rich.table import Table as Screen

from equilibrium.errors import InputError
from scenarios.case import ScenarioKind
from sim.checks import OneClearing, RunInvariant
from sim.columns import Column, Dated, Table
from sim.daily_model import AnyCase, DailyModel, Result
from sim.explanation import Explanation, NextKw, Place
from sim.options import RunOptions
from sim.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and a run may go without

DAYS = "days"
"""The table that every market has, with one row a day."""


def _none(_result: Dated) -> tuple[OneClearing, ...]:
    """Return the clearings of a day of a market without statements about them."""
    return ()


@dataclass(frozen=True)
class MarketKind(Generic[AnyCase, Result]):
    """What a market gives to the list of this floor, :data:`sim.kinds.KINDS`.

    Attributes
    ----------
    name
        What ``market.kind`` says, as in its :class:`scenarios.case.ScenarioKind`.
    tables
        The tables of a run. One is called ``days`` and has one row a day; each has a column ``day``.
    peak_column
        Column of ``days`` whose largest value picks the day of the figures of one day.
    model
        Opens the model of a scenario.
    figures
        Draws a run: the run, the day of the figures of one day, their title and the currency; returns figures by name.
    day_table
        The small table of a run for the terminal, one row a day.
    remarks
        The lines below it.
    refuses
        Options of a run that the market has not got, each with what is expected in its place and why:
        ``on_infeasible``, ``ac``, ``certify``, ``node_limit``, ``sessions``.
    invariants
        What must hold in the tables of every run.
    price_column
        Column of the table ``prices`` with the price at each bus, where the market has such prices.
    explain
        Says why one of them is what it is; ``None`` in a market without prices by bus.
    next_kw
        Returns what the operator of a finished day of a scenario would pay for the last and the next kW at a place,
        where that can be asked.
    map_at
        Draws the feeder in one period: the run, day, period, title and currency; ``None`` where no map is drawn.
    payments
        Who paid whom over a run: columns ``payer``, ``receiver``, ``account`` and ``amount``, currency.
    clearings
        The clearings of a finished day, with what must hold of each.
    """

    name: str
    tables: tuple[Table[Result, Any], ...]
    peak_column: str
    model: Callable[[AnyCase, RunOptions], DailyModel[AnyCase, Result]]
    figures: Callable[[Run, int, str, str], Mapping[str, Figure]]
    day_table: Callable[[Run], Screen]
    remarks: Callable[[Run], Sequence[str]]
    refuses: Mapping[str, str]
    invariants: tuple[RunInvariant, ...]
    price_column: str = ""
    explain: Callable[[Run, Place], Explanation] | None = None
    next_kw: Callable[[AnyCase, Result, Place], NextKw] | None = None
    map_at: Callable[[Run, int, int, str, str], Figure] | None = None
    payments: Callable[[Run], pd.DataFrame] | None = None
    clearings: Callable[[Result], Sequence[OneClearing]] = _none


@dataclass(frozen=True)
class MarketPlugin:
    """A market of another distribution: what an entry point of the group ``equilot.markets`` names.

    Attributes
    ----------
    scenario
        What it gives to the list of scenarios.
    market
        What it gives to the list of this floor.
    """

    scenario: ScenarioKind[Any]
    market: MarketKind[Any, Any]


def check_market_kind(source: str, given: object) -> MarketKind[Any, Any]:
    """Return a kind that has all its parts, with tables that fit together.

    Parameters
    ----------
    source
        Where it comes from, for the complaint.
    given
        The kind.

    Raises
    ------
    InputError
        When a part is missing or cannot be used.
    """
    if not isinstance(given, MarketKind):
        raise InputError(source, "market", given, "a sim.markets.base.MarketKind")
    if not isinstance(given.name, str) or not given.name:
        raise InputError(source, "market.name", given.name, "the name that market.kind gives it")
    for part in ("model", "figures", "day_table", "remarks"):
        if not callable(getattr(given, part)):
            raise InputError(source, f"market.{part}", getattr(given, part), "a function")
    if not isinstance(given.refuses, Mapping):
        raise InputError(source, "market.refuses", given.refuses, "a mapping of options to reasons")
    for each in given.invariants:
        if not isinstance(each, RunInvariant):
            raise InputError(source, "market.invariants", each, "a sim.checks.RunInvariant")
    _check_tables(source, given)
    return given


def _check_tables(source: str, kind: MarketKind[Any, Any]) -> None:
    """Refuse tables whose columns do not fit together."""
    names: list[str] = []
    for table in kind.tables:
        if not isinstance(table, Table):
            raise InputError(source, "market.tables", table, "a sim.columns.Table")
        where = f"table {table.name}"
        if table.name in names:
            raise InputError(source, where, table.name, "a name that no other table has")
        names.append(table.name)
        if not callable(table.rows):
            raise InputError(source, f"{where}, rows", table.rows, "a function that takes a finished day")
        _check_columns(source, where, table.columns)
    if DAYS not in names:
        raise InputError(source, "market.tables", names, f"a table {DAYS!r} with one row a day")
    days = next(table for table in kind.tables if table.name == DAYS)
    known = [column.name for column in days.columns]
    if kind.peak_column not in known:
        raise InputError(source, "market.peak_column", kind.peak_column, f"a column of table days ({', '.join(known)})")


def _check_columns(source: str, where: str, columns: Sequence[object]) -> None:
    seen: list[str] = []
    for column in columns:
        if not isinstance(column, Column):
            raise InputError(source, where, column, "a sim.columns.Column")
        if column.name in seen:
            raise InputError(source, where, column.name, "each column once")
        seen.append(column.name)
        if not isinstance(column.type, pa.DataType):
            raise InputError(source, f"{where}, column {column.name}", column.type, "an Arrow type")
        if not column.meaning:
            raise InputError(source, f"{where}, column {column.name}", column.meaning, "what it means, with its unit")
        if not callable(column.values):
            raise InputError(source, f"{where}, column {column.name}", column.values, "a function of the rows' source")
    if "day" not in seen:
        raise InputError(source, where, seen, "a column 'day'")
