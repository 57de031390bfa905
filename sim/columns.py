"""What a table of a run is made of: each column's type, meaning and values stand in one line.

Powers are in kW and kvar, energies in kWh, voltages per unit, money in the currency that the manifest names; prices
carry their unit in the column's name. ``day`` counts from 0; a row about a period of a day says which one by the
columns of :func:`periods`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.errors import InputError
from scenarios.case import Case
from scenarios.time_axis import TimeAxis
from sim.options import RunOptions

PER_MWH = 1000.0
"""From currency/kWh to currency/MWh."""

Values = list[Any] | tuple[Any, ...] | NDArray[Any]
"""One value a row."""

Columns = Mapping[str, Values]
"""Rows of a table, column by column."""

Source = TypeVar("Source")
Source_contra = TypeVar("Source_contra", contravariant=True)
Result_contra = TypeVar("Result_contra", contravariant=True)


class Dated(Protocol):
    """What knows its day of the run."""

    @property
    def index(self) -> int:
        """Day of the run, 0 first."""
        ...

    @property
    def date(self) -> dt.date | None:
        """Calendar date, or ``None`` for a typical day."""
        ...


Present = Callable[[Case[Any], RunOptions], bool]
"""Whether a run of a scenario with some options can fill a column."""


def always(_case: Case[Any], _options: RunOptions) -> bool:
    """Every run can."""
    return True


def has_dates(case: Case[Any], _options: RunOptions) -> bool:
    """Whether the days of a scenario have dates."""
    return case.date(0) is not None


@dataclass(frozen=True)
class Column(Generic[Source_contra]):
    """One column of a table.

    Attributes
    ----------
    name
        Its name; a unit stands at the end.
    type
        Its Arrow type.
    meaning
        What it says, with its unit; never empty.
    values
        Takes what the table's rows are made from and returns a list, a tuple or an array with one value a row, or one
        value that all rows have.
    present
        Whether a run can fill it; one that cannot has a table without it.
    """

    name: str
    type: pa.DataType
    meaning: str
    values: Callable[[Source_contra], Any]
    present: Present = always


def number(name: str, meaning: str, values: Callable[[Source], Any]) -> Column[Source]:
    """Return a column of double-precision numbers."""
    return Column(name, pa.float64(), meaning, values)


def count(name: str, meaning: str, values: Callable[[Source], Any]) -> Column[Source]:
    """Return a column of whole numbers."""
    return Column(name, pa.int32(), meaning, values)


def text(name: str, meaning: str, values: Callable[[Source], Any]) -> Column[Source]:
    """Return a column of words."""
    return Column(name, pa.string(), meaning, values)


def flag(name: str, meaning: str, values: Callable[[Source], Any]) -> Column[Source]:
    """Return a column of yes and no."""
    return Column(name, pa.bool_(), meaning, values)


DAY: Column[Dated] = count("day", "day of the run, 0 first", lambda day: day.index)
DATE: Column[Dated] = Column(
    "date", pa.date32(), "calendar date; typical days have none", lambda day: day.date, has_dates
)


def periods(at: Callable[[Source], tuple[TimeAxis, IntArray]]) -> tuple[Column[Source], ...]:
    """Return the columns that say which period of its day a row is about.

    Parameters
    ----------
    at
        Returns the periods of the day, and the index of its period for each row.
    """

    def starts(source: Source) -> NDArray[Any]:
        axis, period = at(source)
        return np.array(axis.starts, dtype=object)[period]

    def of_axis(values: Callable[[TimeAxis], NDArray[Any]]) -> Callable[[Source], NDArray[Any]]:
        def each_row(source: Source) -> NDArray[Any]:
            axis, period = at(source)
            return values(axis)[period]

        return each_row

    return (
        count("hour", "clock hour in which the period starts", of_axis(lambda axis: axis.clock_hour)),
        count("period", "period of the day, 0 first", lambda source: at(source)[1]),
        text("start", "its start on the clock, ISO 8601, with date and UTC offset where the scenario has them", starts),
        number("hours", "its length, h", of_axis(lambda axis: axis.length_h)),
    )


def energy_kwh(length_h: FloatArray, power_kw: FloatArray) -> float:
    """Return the energy of powers, kW, shape ``(periods, ...)``, over periods of some lengths, h."""
    return float((length_h @ power_kw).sum())


def place_of_lowest(values: FloatArray) -> tuple[int, int]:
    """Return row and column of the lowest value; of those that differ by rounding only, the first row, then column."""
    lowest = values <= values.min() + RESIDUAL_TOLERANCE
    row, column = np.unravel_index(int(lowest.argmax()), values.shape)
    return int(row), int(column)


def mean_over_time(length_h: FloatArray, values: FloatArray) -> float:
    """Return the mean of values, shape ``(periods, ...)``, every period as long as it is; NaN of no values."""
    return float((length_h @ values).mean() / length_h.sum())


@dataclass(frozen=True)
class Table(Generic[Result_contra, Source]):
    """One table of a run: what a finished day adds to it.

    Attributes
    ----------
    name
        Its name, that of its file too.
    rows
        Takes the finished day and returns what the columns are made from, or ``None`` where the day adds no rows.
    columns
        Its columns.
    optional
        Whether a run may be without it.
    """

    name: str
    rows: Callable[[Result_contra], Source | None]
    columns: tuple[Column[Source], ...]
    optional: bool = False

    def of_run(self, case: Case[Any], options: RunOptions) -> Table[Result_contra, Source]:
        """Return the table of a run: without the columns that the scenario and the options cannot fill."""
        return replace(self, columns=tuple(column for column in self.columns if column.present(case, options)))

    def of(self, result: Result_contra) -> Columns | None:
        """Return what a finished day adds; ``None`` where that is nothing.

        Raises
        ------
        InputError
            When the columns have different numbers of rows.
        """
        source = self.rows(result)
        return None if source is None else self.filled(source)

    def filled(self, source: Source) -> Columns:
        """Return the columns of what the rows are made from.

        Raises
        ------
        InputError
            When the columns have different numbers of rows.
        """
        values = {column.name: column.values(source) for column in self.columns}
        length: int | None = None
        for name, each in values.items():
            if not isinstance(each, (list, tuple, np.ndarray)):
                continue
            length = len(each) if length is None else length
            if len(each) != length:
                raise InputError(f"table {self.name}", name, f"{len(each)} values", f"{length}, like the other columns")
        rows = 1 if length is None else length
        return {
            name: each if isinstance(each, (list, tuple, np.ndarray)) else [each] * rows
            for name, each in values.items()
        }

    def frame(self, result: Result_contra) -> pd.DataFrame:
        """Return the rows of a finished day as a data frame."""
        rows = self.of(result)
        return pd.DataFrame(dict(rows) if rows is not None else {column.name: [] for column in self.columns})

    def schema(self) -> pa.Schema:
        """Return the Arrow schema, with the meaning of each column as metadata."""
        return pa.schema(
            [pa.field(column.name, column.type, metadata={"meaning": column.meaning}) for column in self.columns]
        )


def itself(source: Source) -> Source:
    """Return the finished day: the columns of a table are made from all of it."""
    return source


def batch_of(table: str, wanted: pa.Schema, columns: Columns) -> pa.RecordBatch:
    """Return the columns of a table with the types of its schema.

    Raises
    ------
    InputError
        When a column is missing or its values are not of its type.
    """
    arrays = []
    for item in wanted:
        if item.name not in columns:
            raise InputError(f"table {table}", item.name, "no values", "one value a row")
        try:
            arrays.append(pa.array(columns[item.name], type=item.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise InputError(f"table {table}", item.name, str(error), f"values of type {item.type}") from error
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)
