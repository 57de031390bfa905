"""What figures share: marks of buses, scales, second axes and legends, on axes of a known size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.show.drawing import bus_marks, energy_bars, from_zero, legend_below, name_legend, same_scale, second_axis


def axis_of(width: float = 5.0, height: float = 2.0) -> Axes:
    """An axis that fills a figure of so many inches."""
    return Figure(figsize=(width, height), dpi=100).add_axes((0.0, 0.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("count", "label", "upright", "step"),
    [
        (20, "b", False, 1),  # 20 labels of 0.25 inches fill 5 inches
        (21, "b", False, 2),
        (20, "bb", False, 1),  # two letters are as wide as one
        (21, "bb", False, 2),
        (20, "bbb", False, 2),  # half as much room again: 7.5 inches
        (20, "bbbb", False, 2),
        (21, "bbbb", False, 3),
        (8, "bbbb", True, 1),  # below each other the number of letters does not matter: 2 inches
        (9, "b", True, 2),
        (17, "b", True, 3),
    ],
)
def test_buses_are_marked_where_there_is_room(count: int, label: str, upright: bool, step: int) -> None:
    axis, labels = axis_of(), [*(["b"] * (count - 1)), label]
    bus_marks(axis, labels, inches=0.25, upright=upright)
    along, other = (axis.yaxis, axis.xaxis) if upright else (axis.xaxis, axis.yaxis)
    places = list(range(1, count + 1, step))
    assert along.get_majorticklocs().tolist() == places
    assert along.get_major_formatter().format_ticks(places) == labels[::step]
    assert other.get_majorticklocs().tolist() != places


def test_axes_share_the_widest_scale() -> None:
    one, two = axis_of(), axis_of()
    one.set_ylim(-3.0, 1.0)
    two.set_ylim(-1.0, 5.0)
    same_scale([one, two])
    assert one.get_ylim() == two.get_ylim() == pytest.approx((-3.12, 5.2))


@pytest.mark.parametrize(("highest", "top"), [(10.0, 10.5), (-1.0, None), (0.0, None)])
def test_a_scale_from_zero_has_room_above(highest: float, top: float | None) -> None:
    axis = axis_of()
    axis.plot([0.0, 1.0], [highest - 5.0, highest])
    axis.set_ylim(-7.0, 8.0)
    from_zero(axis)
    assert axis.get_ylim() == pytest.approx((0.0, 8.0 if top is None else top))
    axis.set_ylim(-7.0, 80.0)
    from_zero(axis)
    assert axis.get_ylim() == (0.0, 80.0)


def test_a_second_axis_stands_at_the_right() -> None:
    axis = axis_of()
    twin = second_axis(axis, "kWh", color="red")
    assert (twin.get_ylabel(), twin.yaxis.label.get_color()) == ("kWh", "red")
    assert twin.spines["right"].get_visible()
    assert not any(line.get_visible() for line in twin.get_ygridlines())
    assert twin.get_shared_x_axes().joined(axis, twin)


def test_energies_of_vehicles_are_drawn_both_ways() -> None:
    axis = axis_of()
    days = pd.DataFrame({"day": [0, 1], "charged_kwh": [1500.0, 500.0], "discharged_kwh": [250.0, 0.0]})
    energy_bars(axis, days, "Energy")
    bars = {group.get_label(): [bar.get_height() for bar in group] for group in axis.containers}  # type: ignore[attr-defined]
    assert bars == {"Charged": [1.5, 0.5], "Discharged": [-0.25, 0.0]}
    assert np.asarray(axis.get_lines()[0].get_ydata()).tolist() == [0, 0]
    assert axis.get_title(loc="left") == "Energy"


def named(*labels: str) -> Any:
    axis = axis_of()
    for label in labels:
        axis.plot([0.0], [0.0], label=label)
    return axis


def test_a_legend_names_all_lines_but_those_without_a_name() -> None:
    axis = named("one", "_two", "_child3")
    name_legend(axis, axis)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["one", "_two"]
    assert axis.get_legend()._ncols == 1
    for empty in (named(), named("_child0")):
        name_legend(empty, empty)
        legend_below(empty)
        assert empty.get_legend() is None
    two = named("a", "b")
    name_legend(two, two, ncols=5)
    assert two.get_legend()._ncols == 2


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (7, 3)])
def test_four_names_below_an_axis_stand_in_two_rows(count: int, columns: int) -> None:
    axis = named(*(f"line {k}" for k in range(count)))
    legend_below(axis)
    assert axis.get_legend()._ncols == columns
