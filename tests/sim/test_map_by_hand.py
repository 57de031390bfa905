"""The feeder as a map: how large its buses are, where their labels stand, its colours and the room that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from equilibrium.grid.feeder import Feeder
from sim.markets.charging.grid_figures import feeder_map, load_map, price_map, voltage_figure
from sim.show.tree import tree_places

POINTS = 400.0
"""What a map has from left to right."""


def drawn_loads(
    parent: Sequence[int],
    labels: Sequence[str],
    load: Sequence[float] | None = None,
    names: dict[str, str] | None = None,
) -> Figure:
    one = np.ones(len(parent))
    loads = one if load is None else np.array(load)
    parents = np.array(parent, dtype=np.int64)
    feeder = Feeder(
        "F", 10.0, tuple(labels), parents, 0 * one, 0 * one, 1e4 * one, loads, 0 * one, 0.9 * one, 1.1 * one
    )
    return load_map(feeder, names or {}, "The title")


def chain(size: int, letters: int = 2, **more: Any) -> Any:
    return drawn_loads(range(-1, size - 1), [f"{k:0{letters}d}" for k in range(size)], **more).axes[0]


def width_of(axis: Any, group: int = 0) -> float:
    """How wide the buses are, points: the size of a point is the area of its box."""
    return float(np.sqrt(axis.collections[group].get_sizes()[0]))


def texts(axis: Any) -> list[tuple[Any, ...]]:
    """Label, place, size of the font and where it is held."""
    return [
        (each.get_text(), *each.get_position(), float(each.get_fontsize()), each.get_ha(), each.get_va())
        for each in axis.texts
    ]


def test_buses_are_as_wide_as_there_is_room_for() -> None:
    """Room of n buses in a row is 400 points for n - 1 steps and 1.4 more; a bus takes 72 % of a step."""
    assert width_of(chain(3)) == pytest.approx(17.0)
    assert width_of(chain(25)) == pytest.approx(0.72 * POINTS / 25.4)
    assert width_of(chain(200)) == pytest.approx(2.0)
    star = drawn_loads([-1] + [0] * 30, [f"{k:02d}" for k in range(31)]).axes[0]
    assert width_of(star) == pytest.approx(0.72 * 72.0 * (6.0 - 0.5) / (29.0 + 1.6))


def test_the_map_is_as_high_as_its_rows_need() -> None:
    for leaves, high in ((1, 1.7), (3, 0.9 + 0.42 * 3), (9, 0.9 + 0.42 * 9), (30, 6.0)):
        labels = [str(k) for k in range(leaves + 1)]
        figure = drawn_loads([-1] + [0] * leaves, labels)
        assert figure.get_size_inches().tolist() == pytest.approx([7.2, high]), leaves


def test_the_lines_stand_upright_from_the_parent_and_then_to_the_right() -> None:
    axis = drawn_loads([-1, 0, 1, 0], ["r", "a", "b", "c"]).axes[0]
    (line,) = axis.get_lines()
    row = tree_places([-1, 0, 1, 0])[3, 1]
    corners = [c for c in np.array(line.get_data()).T.tolist() if not np.isnan(c).any()]
    assert corners == [[0, 0], [0, 0], [1, 0], [1, 0], [1, 0], [2, 0], [0, 0], [0, row], [1, row]]
    assert line.get_linewidth() == pytest.approx(0.08 * 17.0)
    assert axis.get_xlim() == pytest.approx((-0.7, 2.7))
    assert axis.get_ylim() == pytest.approx((min(row, 0) - 0.7, max(row, 0) + 0.9))
    assert not axis.axison
    assert axis.get_title(loc="left") == "The title"


def test_a_feeder_of_one_bus_has_no_lines() -> None:
    axis = drawn_loads([-1], ["r"]).axes[0]
    (line,) = axis.get_lines()
    assert np.isnan(np.array(line.get_data())).all()
    assert [text.get_text() for text in axis.texts] == ["r"]


def test_labels_stand_inside_where_they_can_be_read() -> None:
    wide = 0.72 * POINTS / 25.4
    short = chain(25, 2)
    assert texts(short)[3] == ("03", 3.0, 0.0, pytest.approx(0.45 * wide), "center", "center_baseline")
    one = chain(5, 1)
    assert texts(one)[0][3] == pytest.approx(0.45 * 17.0)
    three = chain(12, 3)
    assert texts(three)[0][3] == pytest.approx(1.3 * 17.0 / 3)
    assert len(texts(short)) == 25


def test_longer_labels_stand_beneath_their_buses() -> None:
    wide = 0.72 * POINTS / 25.4
    beneath = chain(25, 6)
    font = POINTS / 25.4 / (0.62 * 6)
    assert texts(beneath)[3] == (
        "000003",
        0.0,
        pytest.approx(-0.6 * wide),
        pytest.approx(font),
        "center",
        "top",
    )
    assert [each.xy for each in beneath.texts][3] == (3.0, 0.0)
    assert texts(chain(5, 8))[0][3] == pytest.approx(7.0)


def test_labels_that_could_be_read_nowhere_stand_inside() -> None:
    wide = 0.72 * POINTS / 25.4
    assert texts(chain(25, 8))[0] == ("00000000", 0.0, 0.0, pytest.approx(1.3 * wide / 8), "center", "center_baseline")


def test_small_buses_are_named_where_a_branch_ends() -> None:
    """Two branches of 50 steps: there is room to the right of the last bus of each."""
    wide = 0.72 * POINTS / 50.4
    assert texts(chain(50, 2)) == [("49", pytest.approx(0.6 * wide), 0.0, 5.0, "left", "center")]
    assert texts(chain(60, 2)) == []
    assert width_of(chain(60)) < 5.0 < wide


def test_a_label_for_which_there_is_no_room_stands_beneath_its_bus() -> None:
    """Branches leave bus 10 and end in the rows on both sides of another branch that leaves bus 12 or 14.

    A step is 8 points wide, and a label of seven letters takes 21.7, three steps; one of eight takes 24.8, four.
    """
    parent = [*range(-1, 49), 10, 14]  # bus 50 hangs at 10, in row 1 or -1, and bus 51 at 14
    for letters, gap, free in ((2, 4, True), (7, 4, True), (8, 4, False), (11, 4, False)):
        places = tree_places(parent)
        assert places[50, 1] == places[51, 1]
        assert places[51, 0] - places[50, 0] == gap
        labels = [f"{k:0{letters}d}" for k in range(52)]
        found = {each[0]: each for each in texts(drawn_loads(parent, labels).axes[0])}
        assert set(found) == {labels[49], labels[50], labels[51]}
        step = POINTS / 50.4
        assert (np.ceil(5.0 * 0.62 * letters / step) < gap) == free
        size = 0.72 * step
        if free:
            assert found[labels[50]][1:] == (pytest.approx(0.6 * size), 0.0, 5.0, "left", "center")
        else:
            assert found[labels[50]][1:] == (0.0, pytest.approx(-0.6 * size), 5.0, "center", "top")
        assert found[labels[51]][4:] == ("left", "center")


def test_what_stands_at_a_bus_makes_it_a_square_with_its_names() -> None:
    axis = chain(4, names={"02": "lot A, lot B"}, load=[0.0, 1.0, 2.0, 4.0])
    plain, lots = axis.collections
    assert [plain.get_label(), lots.get_label()] == ["Buses", "Lots"]
    assert [len(each.get_offsets()) for each in (plain, lots)] == [3, 1]
    assert lots.get_offsets().tolist() == [[2.0, 0.0]]
    corners = [len(each.get_paths()[0].vertices) for each in (plain, lots)]
    assert corners[1] == 5 < corners[0]
    assert np.asarray(plain.get_linewidths()).tolist() == pytest.approx([0.035 * 17.0])
    assert np.asarray(lots.get_linewidths()).tolist() == pytest.approx([0.1 * 17.0])
    (name,) = [each for each in axis.texts if each.get_text() == "lot A, lot B"]
    assert (name.get_position(), name.get_ha(), name.get_va()) == ((0, pytest.approx(0.65 * 17.0)), "center", "bottom")
    assert (name.get_fontsize(), name.get_fontweight(), name.xy) == (8.0, "bold", (2.0, 0.0))
    small = chain(200, names={"07": "Z"})
    assert [width_of(small, k) for k in range(2)] == pytest.approx([2.0, 5.0])
    assert len(chain(3, names={"00": "a", "01": "b", "02": "c"}).collections) == 1


def test_the_colours_span_the_values() -> None:
    axis = chain(4, load=[3.0, 1.0, 2.0, 7.0])
    (points,) = axis.collections
    assert points.get_clim() == pytest.approx((1.0, 7.0))
    assert points.get_cmap().name == "cividis"
    bright = [each.get_color() for each in axis.texts]
    weights = np.array([0.299, 0.587, 0.114])
    shades = [float(weights @ mpl.colormaps["cividis"]((v - 1.0) / 6.0)[:3]) for v in (3.0, 1.0, 2.0, 7.0)]
    assert bright == ["white" if shade < 0.5 else "#000000" for shade in shades]
    assert {"white", "#000000"} == set(bright)


@pytest.mark.parametrize(("values", "limits"), [([5.0] * 4, (4.0, 6.0)), ([5.0, 5.0, 5.0, 5.0 + 1e-3], None)])
def test_equal_values_have_one_colour_and_one_tick(values: list[float], limits: tuple[float, float] | None) -> None:
    axis = chain(4, load=values)
    bar = axis.figure.axes[1]
    (points,) = axis.collections
    if limits is None:
        assert points.get_clim() == pytest.approx((values[0], values[-1]), abs=1e-9)
        assert len(bar.get_yticks()) > 1
    else:
        assert points.get_clim() == pytest.approx(limits)
        assert list(bar.get_yticks()) == [5.0]
    assert bar.get_ylabel() == "load, kW"


def day_of(values: dict[str, list[float]], voltage: dict[str, list[float]] | None = None) -> pd.DataFrame:
    """Rows of the table of prices: period by period, each bus."""
    periods = len(next(iter(values.values())))
    return pd.DataFrame(
        [
            {
                "period": t,
                "hour": t,
                "hours": 1.0,
                "start": f"{t:02d}:00",
                "bus": bus,
                "dlmp_per_mwh": each[t],
                "voltage_pu": (voltage or values)[bus][t],
                "congestion_per_mwh": 0.0,
                "voltage_per_mwh": 0.0,
            }
            for t in range(periods)
            for bus, each in values.items()
        ]
    )


TABLE = pd.DataFrame({"bus": ["r", "a", "b"], "parent": [None, "r", "a"]})
NO_LOTS = pd.DataFrame({"lot": pd.Series(dtype=object), "bus": pd.Series(dtype=object)})


def test_a_map_shows_the_period_asked_for() -> None:
    rows = day_of(
        {"r": [1.0, 10.0, 5.0], "a": [2.0, 10.0, 5.0], "b": [4.0, 10.0, 5.5]},
        {"r": [1.0, 1.0, 1.0], "a": [0.98, 0.91, 0.97], "b": [0.94, 0.95, 0.96]},
    )
    figure = feeder_map(TABLE, rows, NO_LOTS, "EUR", "T")
    above, below = figure.axes[:2]
    assert [axis.get_title(loc="left") for axis in (above, below)] == [
        "T: DLMP in hour 0, when it differs most",
        "T: lowest voltage of the day",
    ]
    assert np.asarray(above.collections[0].get_array()).tolist() == [1.0, 2.0, 4.0]
    assert np.asarray(below.collections[0].get_array()).tolist() == [1.0, 0.91, 0.94]
    assert figure.get_size_inches().tolist() == pytest.approx([7.2, 2 * 1.7])
    assert [axis.get_ylabel() for axis in figure.axes[2:]] == ["EUR/MWh", "p.u."]
    later = feeder_map(TABLE, rows, NO_LOTS, "EUR", period=2).axes
    assert [axis.get_title(loc="left") for axis in later[:2]] == ["DLMP in hour 2", "voltage in hour 2"]
    assert np.asarray(later[0].collections[0].get_array()).tolist() == [5.0, 5.0, 5.5]
    assert np.asarray(later[1].collections[0].get_array()).tolist() == [1.0, 0.97, 0.96]


@pytest.mark.parametrize(("spread", "said"), [(2e-6, "when it differs most"), (0.5e-6, "the same at every bus")])
def test_rounding_is_no_difference(spread: float, said: str) -> None:
    rows = day_of({"r": [0.0, 0.0], "a": [0.0, spread], "b": [0.0, 0.0]})
    assert feeder_map(TABLE, rows, NO_LOTS, "EUR").axes[0].get_title(loc="left").endswith(f", {said}")


@pytest.mark.parametrize(("network", "reach"), [(2e-6, 2e-6), (0.5e-6, 1.0)])
def test_what_the_network_adds_is_drawn_if_it_is_more_than_rounding(network: float, reach: float) -> None:
    rows = day_of({"r": [1.0, 1.0], "a": [1.0, 1.0], "b": [1.0, 1.0]})
    rows.loc[4, "congestion_per_mwh"] = -network
    limits = pd.DataFrame({"limit": ["branch"], "place": ["a"], "reached": [False]})
    figure = price_map(rows, limits, "EUR", "T")
    assert figure.axes[1].get_images()[0].get_clim() == pytest.approx((-reach, reach), rel=1e-12)
    assert bool(figure.axes[1].texts) is (reach == 1.0)
    assert figure.get_size_inches().tolist() == [7.2, 5.6]


def test_limits_as_near_as_the_voltages_differ_are_on_the_scale() -> None:
    """Voltages from 0.9 to 1.1: the axis reaches from 0.89 to 1.11, so limits from 0.67 to 1.33 are near."""
    for low, high, near_low, near_high in (
        (0.6701, 1.3299, True, True),
        (0.6699, 1.3301, False, False),
        (0.6701, 1.3301, True, False),
    ):
        rows = pd.DataFrame({"bus": ["r", "a", "b"], "voltage_pu": [1.0, 0.9, 1.1]})
        feeder = pd.DataFrame({"bus": ["r", "a", "b"], "voltage_min_pu": low, "voltage_max_pu": high})
        axis = voltage_figure({"T": rows}, feeder).axes[0]
        above, below = [str(line.get_label()) for line in axis.get_lines()[1:]]
        assert above.endswith(" (off the scale)") is not near_high
        assert below.endswith(" (off the scale)") is not near_low
        bottom = low - 0.05 * 0.22 if near_low else 0.89
        top = high + 0.05 * 0.22 if near_high else 1.11
        assert axis.get_ylim() == pytest.approx((bottom, top))
        assert [line.get_linestyle() for line in axis.get_lines()] == ["-", ":", "--"]


def test_the_root_has_no_limit_and_limits_that_differ_are_named_by_their_range() -> None:
    rows = pd.DataFrame({"bus": ["r", "a", "b"], "voltage_pu": [1.0, 0.98, 0.96]})
    feeder = pd.DataFrame(
        {
            "bus": ["r", "a", "b"],
            "parent": [None, "r", "a"],
            "voltage_min_pu": [0.5, 0.95, 0.94],
            "voltage_max_pu": [9.0, 1.02, 1.02],
        }
    )
    axis = voltage_figure({"T": rows}, feeder).axes[0]
    branches, dots, above, below = axis.get_lines()
    assert [above.get_label(), below.get_label()] == ["Highest allowed: 1.020", "Lowest allowed: 0.940 to 0.950"]
    assert np.array(below.get_data()).T.tolist() == [[2.0, 0.95], [3.0, 0.94]]
    assert (branches.get_linestyle(), dots.get_linestyle()) == ("-", "None")
    assert (branches.get_linewidth(), dots.get_markersize()) == (1.2, 3.0)
    assert str(branches.get_label()).startswith("_")
    assert axis.get_xlabel() == "Bus (in the order of the feeder's file, root first)"


def test_a_feeder_of_its_root_alone_has_no_limits_and_no_lines() -> None:
    rows = pd.DataFrame({"bus": ["r"], "voltage_pu": [1.0]})
    feeder = pd.DataFrame({"bus": ["r"], "parent": [None], "voltage_min_pu": [0.9], "voltage_max_pu": [1.1]})
    axis = voltage_figure({"T": rows}, feeder).axes[0]
    assert len(axis.get_lines()) == 1
    assert axis.get_title(loc="left") == "T"
