"""The table of limits at work of the markets of charging lots: what each period's dispatch reaches or comes near."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from equilibrium.grid.binding import NAMES, NEAR, Limit
from scenarios.time_axis import TimeAxis
from sim.columns import DATE, DAY, Column, Table, flag, number, periods, text
from sim.markets.charging.hourly import ClearedDay


@dataclass(frozen=True, eq=False)
class AtWork:
    """A day's limits with the labels of their buses, whatever the market."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    limits: tuple[Limit, ...]
    labels: tuple[str, ...]


def _at_work(day: ClearedDay) -> AtWork:
    return AtWork(day.index, day.date, day.axis, day.clearing.limits, day.network.feeder.buses)


def _of_limit(name: str) -> Callable[[AtWork], list[Any]]:
    """Return what reads one attribute of the limits."""
    return lambda rows: [getattr(limit, name) for limit in rows.limits]


_PERIODS: tuple[Column[AtWork], ...] = periods(
    lambda rows: (rows.axis, np.array([limit.period for limit in rows.limits], dtype=np.int64))
)

WITHOUT_WORTH: tuple[Column[AtWork], ...] = (
    DAY,
    DATE,
    *_PERIODS,
    text("limit", f"which limit: {', '.join(NAMES)}", _of_limit("name")),
    text("place", "label of the bus or name of the unit that has it", _of_limit("place")),
    text(
        "bus",
        "label of its bus; a branch has that of the bus it feeds, the substation the root's",
        lambda rows: [rows.labels[limit.bus] for limit in rows.limits],
    ),
    text("unit", "unit of the three numbers that follow: kVA, kvar, kW, kWh or p.u.", _of_limit("unit")),
    number("value", "what is reached, in the limit's unit", _of_limit("value")),
    number("bound", "what is allowed, in the limit's unit", _of_limit("bound")),
    number(
        "slack",
        f"how far the value is off the bound, at most {NEAR:g} of the rating or of the allowed band unless the "
        "limit has a price, in the limit's unit",
        _of_limit("slack"),
    ),
    flag("reached", "whether nothing is left of it but rounding", _of_limit("reached")),
)
"""The columns of a table of limits but for what each is worth."""

LIMITS: Table[ClearedDay, AtWork] = Table(
    "limits",
    _at_work,
    (
        *WITHOUT_WORTH,
        number(
            "multiplier",
            "what one unit more of the bound in this period would save the operator, currency",
            _of_limit("multiplier"),
        ),
        number(
            "shortage",
            "by how much it would lower the price paid for shortages, currency; 0 on a day without one",
            _of_limit("shortage"),
        ),
    ),
)
