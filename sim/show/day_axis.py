"""The horizontal axis of a figure of one day or of a run: where periods and days stand, and what is written below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray
from scenarios.time_axis import DAY_H
from sim.show.bars import draw_bars
from sim.show.telling import short_date

_EVERY_H = 3

_INCHES_PER_NAME = 0.5

Values = Sequence[float] | NDArray[Any] | pd.Series


@dataclass(frozen=True, eq=False)
class DayAxis:
    """The periods of one day on the horizontal axis of a figure.

    Attributes
    ----------
    edge
        Where the periods begin, and the end of the last one, shape ``(periods + 1,)``. Of a day of 24 hours each hour
        stands around its number, of any other day the unit is an hour since midnight.
    marks, names
        Where something is written below the axis, and what; none where the hours have numbers.
    """

    edge: FloatArray
    marks: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: pd.DataFrame, first_hour: int = 0) -> DayAxis:
        """Return the axis of a table's rows about one day.

        Parameters
        ----------
        rows
            Rows with the columns of :func:`sim.columns.periods`.
        first_hour
            Number of the first hour of a day of 24 hours: 0 for clock hours, 1 as papers count.
        """
        each = rows.drop_duplicates("period").sort_values("period")
        length = each["hours"].to_numpy(float)
        if len(each) == DAY_H and (length == 1.0).all() and (each["hour"].to_numpy() == np.arange(DAY_H)).all():
            return cls(np.arange(DAY_H + 1.0) + (first_hour - 0.5))
        edge = np.concatenate([[0.0], np.cumsum(length)])
        clock = each["start"].str.split("T").str[-1].str[:5]
        on_the_hour = clock.str.endswith(":00") & (each["hour"] % _EVERY_H == 0)
        return cls(edge, tuple(edge[:-1][on_the_hour].tolist()), tuple(clock[on_the_hour]))

    @property
    def middle(self) -> FloatArray:
        """The middle of each period, shape ``(periods,)``."""
        return 0.5 * (self.edge[1:] + self.edge[:-1])

    def bars(
        self,
        axis: Axes,
        height: Values,
        *,
        color: str,
        share: float = 0.8,
        shift: float = 0.0,
        bottom: FloatArray | None = None,
        **look: Any,  # noqa: ANN401
    ) -> None:
        """Draw one bar a period; ``look`` goes to matplotlib.

        Parameters
        ----------
        axis
            Where to draw.
        height
            One value a period.
        color
            Of all bars.
        share, shift
            Width of a bar, and how far it stands to the right of the middle, in lengths of its period.
        bottom
            Where each bar begins; ``None`` is at 0.
        """
        length, height = np.diff(self.edge), np.asarray(height, dtype=np.float64)
        left = self.middle + shift * length - share * length / 2
        foot = np.zeros(length.size) if bottom is None else bottom
        draw_bars(axis, np.column_stack([left, share * length, foot, height]), color, **look)

    def steps(self, axis: Axes, values: Values, line: str = "-", **look: Any) -> None:  # noqa: ANN401
        """Draw a line that is level in every period; ``look`` goes to matplotlib."""
        axis.plot(self._corners(), np.repeat(np.asarray(values, dtype=np.float64), 2), line, **look)

    def band(self, axis: Axes, low: Values, high: Values, **look: Any) -> None:  # noqa: ANN401
        """Fill between two such lines; ``look`` goes to matplotlib."""
        below, above = (np.repeat(np.asarray(values, dtype=np.float64), 2) for values in (low, high))
        axis.fill_between(self._corners(), below, above, linewidth=0, **look)

    def map(self, axis: Axes, values: FloatArray, **look: Any) -> Any:  # noqa: ANN401
        """Draw a heat map and return its image; ``look`` goes to matplotlib.

        Parameters
        ----------
        axis
            Where to draw.
        values
            Shape ``(periods, rows)``, the first row on top.
        """
        second = np.rint(3600.0 * np.diff(self.edge)).astype(np.int64)
        grid = np.repeat(values, second // np.gcd.reduce(second), axis=0).T
        extent = (self.edge[0], self.edge[-1], grid.shape[0] + 0.5, 0.5)
        return axis.imshow(grid, aspect="auto", extent=extent, interpolation="nearest", **look)

    def mark(self, *axes: Axes) -> None:
        """Write below axes that share their scale what stands where."""
        for axis in axes:
            if not self.names:
                first = _EVERY_H * math.ceil(self.edge[0] / _EVERY_H)
                axis.xaxis.set_major_locator(FixedLocator(list(range(first, math.ceil(self.edge[-1]), _EVERY_H))))
                continue
            inches = axis.bbox.width / axis.figure.dpi
            step = max(1, math.ceil(len(self.names) * _INCHES_PER_NAME / inches))
            axis.xaxis.set_major_locator(FixedLocator(self.marks[::step]))
            axis.xaxis.set_major_formatter(FixedFormatter(self.names[::step]))

    @property
    def label(self) -> str:
        """What the whole axis is called."""
        return "Time of day" if self.names else "Hour"

    def _corners(self) -> FloatArray:
        return np.repeat(self.edge, 2)[1:-1]


def mark_days(axis: Axes, rows: pd.DataFrame, most: int = 8) -> None:
    """Write below the days of a run their dates, or their numbers where they are typical days.

    Parameters
    ----------
    axis
        An axis on which each day stands at its number.
    rows
        Rows with the column ``day``, and ``date`` where the days have dates.
    most
        Most marks.
    """
    each = rows.drop_duplicates("day")
    dates = (
        {day: short_date(date) for day, date in zip(each["day"], each["date"], strict=True)} if "date" in each else {}
    )
    axis.xaxis.set_major_locator(MaxNLocator(most, integer=True))
    if dates:
        axis.xaxis.set_major_formatter(FuncFormatter(lambda at, _: dates.get(round(at), "")))
    axis.set_xlabel("Date" if dates else "Day")
