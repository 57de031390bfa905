"""Outputs of a study: a column of a table of every run, reduced to one number a run or a day."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from sim.columns import Columns
from sim.markets.base import MarketKind
from sim.studies.specification import OutputSection, Specification

_REDUCTIONS: Mapping[str, Callable[[FloatArray], float]] = {
    "sum": lambda values: float(values.sum()),
    "mean": lambda values: float(values.mean()) if values.size else float("nan"),
    "min": lambda values: float(values.min()) if values.size else float("nan"),
    "max": lambda values: float(values.max()) if values.size else float("nan"),
    "last": lambda values: float(values[-1]) if values.size else float("nan"),
    "count": lambda values: float(values.size),
}


class Outputs:
    """Gathers the outputs of one run as its days pass; what has no value is left out.

    Parameters
    ----------
    wanted
        The outputs by name.
    """

    def __init__(self, wanted: Mapping[str, OutputSection]) -> None:
        self._wanted = wanted
        self._values: dict[str, list[FloatArray]] = {name: [] for name, each in wanted.items() if each.per == "run"}
        self.days: list[dict[str, float]] = []

    def take(self, tables: Mapping[str, Columns]) -> None:
        """Take in the rows of a finished day."""
        numbers: dict[str, float] = {}
        for name, each in self._wanted.items():
            values = _chosen(tables.get(each.table), each)
            if each.per == "run":
                self._values[name].append(values)
            else:
                numbers[name] = _REDUCTIONS[each.reduce](values)
        self.days.append(numbers)

    def of_run(self) -> dict[str, float]:
        """Return the numbers of the whole run."""
        return {
            name: _REDUCTIONS[self._wanted[name].reduce](np.concatenate([np.zeros(0), *values]))
            for name, values in self._values.items()
        }


def _chosen(columns: Columns | None, output: OutputSection) -> FloatArray:
    """Return the values of an output's column in the rows that it asks for."""
    if columns is None:
        return np.zeros(0)
    values = np.array([np.nan if value is None else value for value in columns[output.column]], dtype=np.float64)
    keep = ~np.isnan(values)
    for column, wanted in output.where.items():
        keep &= np.array([value == wanted for value in columns[column]], dtype=bool)
    chosen: FloatArray = values[keep]
    return chosen


def check_outputs(study: Specification, kind: MarketKind[Any, Any]) -> None:
    """Make sure that a market has what a study asks for.

    Raises
    ------
    InputError
        For a table or column that it has not got, by the nearest name, and for a column that holds no numbers.
    """
    tables = {table.name: {column.name: column.type for column in table.columns} for table in kind.tables}
    for name, each in study.file.outputs.items():
        where = f"outputs.{name}"
        if each.table not in tables:
            raise _unknown(study.source, f"{where}.table", each.table, list(tables))
        columns = tables[each.table]
        for key, column in (("column", each.column), *(("where", column) for column in each.where)):
            if column not in columns:
                raise _unknown(study.source, f"{where}.{key}", column, list(columns))
        found = columns[each.column]
        if not (pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_boolean(found)):
            raise InputError(study.source, f"{where}.column", each.column, f"a column of numbers, not of {found}")


def _unknown(source: str, where: str, name: str, known: Sequence[str]) -> InputError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (closest: {close[0]})" if close else ""
    return InputError(source, where, name, f"one of {', '.join(known)}{hint}")
