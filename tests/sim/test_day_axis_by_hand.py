"""Where periods and days stand below a figure, what is written there, and how values of periods are drawn."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sim.show.day_axis import DayAxis, mark_days


def rows(lengths: list[float], start: str = "2024-03-05T{:02d}:{:02d}") -> pd.DataFrame:
    """Rows of a day, each period twice and the last one first."""
    begin = np.concatenate([[0.0], np.cumsum(lengths)])[:-1]
    each = pd.DataFrame(
        {
            "period": range(len(lengths)),
            "hours": lengths,
            "hour": begin.astype(int),
            "start": [start.format(int(h), round(60 * (h % 1))) for h in begin],
        }
    )
    return pd.concat([each, each])[::-1]


def test_a_plain_day_of_hours_has_numbers_around_which_they_stand() -> None:
    plain = DayAxis.of(rows([1.0] * 24))
    assert plain.edge.tolist() == [k - 0.5 for k in range(25)]
    assert plain.middle.tolist() == list(range(24))
    assert (plain.marks, plain.names, plain.label) == ((), (), "Hour")
    counted = DayAxis.of(rows([1.0] * 24), first_hour=1)
    assert counted.edge[[0, -1]].tolist() == [0.5, 24.5]


@pytest.mark.parametrize("lengths", [[1.0] * 23, [1.0] * 22 + [0.5, 1.5], [0.5] * 48])
def test_any_other_day_is_measured_from_midnight(lengths: list[float]) -> None:
    day = DayAxis.of(rows(lengths))
    assert day.edge.tolist() == pytest.approx([0.0, *np.cumsum(lengths)])
    assert day.label == "Time of day"
    assert day.marks == tuple(float(h) for h in range(0, 24, 3) if h < day.edge[-1])
    assert day.names == tuple(f"{h:02d}:00" for h in range(0, 24, 3) if h < day.edge[-1])


def test_hours_that_are_not_those_of_the_clock_are_no_plain_day() -> None:
    table = rows([1.0] * 24).assign(hour=lambda frame: frame["period"] + 1)
    assert DayAxis.of(table).label == "Time of day"


DAY = DayAxis(np.array([0.0, 0.5, 1.5, 1.75]), (0.0, 0.5), ("00:00", "00:30"))


def test_marks_of_periods_are_as_wide_as_they_are() -> None:
    axis = Figure().subplots()
    DAY.bars(axis, [1.0, 2.0, 3.0], color="#000000", share=0.5, shift=0.25, bottom=np.array([4.0, 5.0, 6.0]))
    DAY.bars(axis, pd.Series([1.0, 2.0, 3.0]), color="#000000")
    shifted, plain = (each.boxes for each in axis.patches)  # type: ignore[attr-defined]
    wanted = np.array([[0.25, 0.25, 4.0, 1.0], [1.0, 0.5, 5.0, 2.0], [1.625, 0.125, 6.0, 3.0]])
    assert shifted == pytest.approx(wanted)
    assert plain == pytest.approx(np.array([[0.05, 0.4, 0.0, 1.0], [0.6, 0.8, 0.0, 2.0], [1.525, 0.2, 0.0, 3.0]]))
    DAY.steps(axis, [7.0, 8.0, 9.0], "k--", label="steps")
    (line,) = axis.get_lines()
    corners = [0.0, 0.5, 0.5, 1.5, 1.5, 1.75]
    assert np.array(line.get_data()).tolist() == [corners, [7.0, 7.0, 8.0, 8.0, 9.0, 9.0]]
    assert (line.get_linestyle(), line.get_label()) == ("--", "steps")
    DAY.band(axis, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    vertices = np.asarray(axis.collections[0].get_paths()[0].vertices)
    assert vertices[1:7].tolist() == [list(pair) for pair in zip(corners, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0], strict=True)]


def test_a_heat_map_has_a_column_for_the_shortest_part_of_all_periods() -> None:
    """Half an hour, an hour and a quarter: two, four and one columns of a quarter."""
    axis = Figure().subplots()
    image: Any = DAY.map(axis, np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]))
    assert np.asarray(image.get_array()).tolist() == [
        [1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0],
        [10.0, 10.0, 20.0, 20.0, 20.0, 20.0, 30.0],
    ]
    assert list(image.get_extent()) == [0.0, 1.75, 2.5, 0.5]


@pytest.mark.parametrize(("first", "marks"), [(0, list(range(0, 24, 3))), (1, list(range(3, 25, 3)))])
def test_every_third_hour_is_marked(first: int, marks: list[int]) -> None:
    above, below = Figure().subplots(2, 1)
    DayAxis.of(rows([1.0] * 24), first).mark(above, below)
    assert [list(axis.get_xticks()) for axis in (above, below)] == [marks, marks]


@pytest.mark.parametrize(("inches", "step"), [(9.0, 1), (3.0, 2), (1.6, 4)])
def test_names_have_half_an_inch_each(inches: float, step: int) -> None:
    """Of eight names; the panel has four fifths of the figure's width, less its margins: 77.5 %."""
    axis = Figure(figsize=(inches, 3.0)).subplots()
    DayAxis.of(rows([0.5] * 48)).mark(axis)
    wanted = list(range(0, 24, 3))[::step]
    assert list(axis.get_xticks()) == wanted
    assert [each.get_text() for each in axis.get_xticklabels()] == [f"{hour:02d}:00" for hour in wanted]


def test_days_have_dates_or_numbers() -> None:
    dated, typical = Figure().subplots(1, 2)
    dates = [dt.date(2024, 2, 28) + dt.timedelta(days=k) for k in range(3)]
    for axis in (dated, typical):
        axis.plot([0, 1, 2], [0, 1, 2])
    mark_days(dated, pd.DataFrame({"day": [0, 1, 1, 2], "date": [dates[0], dates[1], dates[1], dates[2]]}))
    mark_days(typical, pd.DataFrame({"day": [0, 1, 2]}), most=2)
    formatter = dated.xaxis.get_major_formatter()
    assert [formatter(at, 0) for at in (0.0, 1.0, 2.0, 3.0, -1.0)] == ["02-28", "02-29", "03-01", "", ""]
    assert (dated.get_xlabel(), typical.get_xlabel()) == ("Date", "Day")
    typical.set_xlim(0, 30)
    assert len(typical.xaxis.get_major_locator()()) <= 3
    dated.set_xlim(0, 30)
    assert 4 < len(dated.xaxis.get_major_locator()()) <= 9
