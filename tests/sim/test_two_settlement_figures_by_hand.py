"""What the figures of two settlements draw of a day of two hours that are settled in halves, mark by mark."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from sim.markets.two_settlement.figures import (
    bidders_figure,
    dispatch_figure,
    prices_figure,
    profits_figure,
    reserve_figure,
    two_settlement_figures,
)
from tests.sim.drawn import assert_shown, assert_tidy, drawn, legend_of
from tests.sim.shown import Shown, words

EDGES = [0.0, 0.5, 1.0, 1.5, 2.0]
BLUE, ORANGE, GREEN, GREY, PINK, RED, SKY, BLACK, YELLOW = (
    *("#0072b2", "#e69f00", "#009e73", "#7f7f7f", "#cc79a7", "#d55e00", "#56b4e9", "#000000", "#f0e442"),
)


def rows_of(kinds: dict[str, list[float]], hours: float) -> pd.DataFrame:
    """Powers in kW of each kind, period by period."""
    return pd.DataFrame(
        [
            {
                "day": 0,
                "period": t,
                "hour": int(t * hours),
                "hours": hours,
                "start": f"2026-01-01T{int(t * hours):02d}:{int(60 * (t * hours % 1)):02d}",
                "kind": kind,
                "p_kw": value,
            }
            for t in range(len(next(iter(kinds.values()))))
            for kind, powers in kinds.items()
            for value in [powers[t]]
        ]
    )


REAL = rows_of(
    {
        "bought": [5000.0, 4000.0, 3000.0, 2000.0],
        "sold": [0.0, 0.0, 500.0, 1000.0],
        "output": [1000.0, 2000.0, 0.0, 0.0],
        "load": [6000.0, 6500.0, 3000.0, 1000.0],
        "shed": [0.0, 500.0, 500.0, 0.0],
        "called": [0.0, 250.0, 750.0, 0.0],
        "unready": [125.0, 0.0, 0.0, 0.0],
        "reserve missing": [0.0, 0.0, 0.0, 375.0],
    },
    0.5,
)
PLAN = rows_of(
    {
        "bought": [4500.0, 3500.0],
        "sold": [500.0, 0.0],
        "spinning": [800.0, 900.0],
        "regulating": [200.0, 100.0],
        "spinning sold": [300.0, 400.0],
        "reserve needed": [1100.0, 1200.0],
    },
    1.0,
)


def steps(*levels: float) -> list[list[float]]:
    """A line that is level in every half hour."""
    return [[x, level] for k, level in enumerate(levels) for x in (EDGES[k], EDGES[k + 1])]


def bars(*heights: float, base: tuple[float, ...] = (0.0,) * 4) -> list[list[float]]:
    """Middle, width, foot and height of bars that take 85 % of half an hour."""
    return [[0.25 + 0.5 * k, 0.425, base[k], height] for k, height in enumerate(heights)]


ZERO = [[0.0, 0.0], [1.0, 0.0]]


def test_the_dispatch_and_the_trade_mark_by_mark() -> None:
    figure = dispatch_figure(REAL, PLAN, "The day")
    assert_tidy(figure)
    none = (0.0,) * 4
    above, below = (0.0,) * 4, (-5.0, -4.0, -3.0, -2.0)
    made, load = (-6.0, -6.0, -3.0, -2.0), (6.0, 6.0, 2.5, 1.0)
    wanted: Shown = {
        (0, "bars", "Bought"): bars(-5.0, -4.0, -3.0, -2.0, base=above),
        (0, "bars", "Generators"): bars(-1.0, -2.0, 0.0, 0.0, base=below),
        (0, "bars", "Sun and wind"): bars(*none, base=made),
        (0, "bars", "Aggregators giving"): bars(*none, base=made),
        (0, "bars", "Load served"): bars(6.0, 6.0, 2.5, 1.0, base=above),
        (0, "bars", "Aggregators taking"): bars(*none, base=load),
        (0, "bars", "Sold"): bars(0.0, 0.0, 0.5, 1.0, base=load),
        (0, "lines", "#0"): ZERO,
        (1, "lines", "Trade of the schedule"): steps(4.0, 4.0, 3.5, 3.5),
        (1, "lines", "Trade in real time"): steps(5.0, 4.0, 2.5, 1.0),
        (1, "lines", "Load not served"): steps(0.0, 0.5, 0.5, 0.0),
        (1, "lines", "#3"): ZERO,
        **words(0, title="The day", y="Power (MW)"),
        **words(1, x="Time of day", y="MW"),
    }
    assert_shown(drawn(figure), wanted)  # where no storage is, nothing is said of it
    low, high = figure.axes[0].get_ylim()
    assert low == pytest.approx(1.04 * -6.0, rel=0.06)
    assert high == pytest.approx(1.04 * 6.0, rel=0.06)
    assert legend_of(figure) == {
        **{"Bought": BLUE, "Generators": GREEN, "Sun and wind": SKY, "Aggregators giving": YELLOW},
        **{"Load served": GREY, "Aggregators taking": RED, "Sold": BLACK},
        "Trade of the schedule": GREY,
        "Trade in real time": BLUE,
        "Load not served": RED,
    }
    styles = {str(line.get_label()): line.get_linestyle() for line in figure.axes[1].lines[:3]}
    assert styles == {"Trade of the schedule": "--", "Trade in real time": "-", "Load not served": "-"}
    assert [each.get_text() for each in figure.axes[1].get_xticklabels()] == ["00:00"]


def test_reserve_of_an_hour_beside_what_was_called_in_its_halves() -> None:
    figure = reserve_figure(REAL, PLAN, "The day")
    assert_tidy(figure)
    wanted: Shown = {
        (0, "lines", "Spinning reserve sold"): steps(0.3, 0.3, 0.4, 0.4),
        (0, "lines", "Needed by the operator"): steps(1.1, 1.1, 1.2, 1.2),
        (0, "lines", "Spinning, of aggregators"): steps(0.8, 0.8, 0.9, 0.9),
        (0, "lines", "Regulating, of aggregators"): steps(0.2, 0.2, 0.1, 0.1),
        (1, "lines", "Called"): steps(0.0, 0.25, 0.75, 0.0),
        (1, "lines", "Accepted and not ready"): steps(0.125, 0.0, 0.0, 0.0),
        (1, "lines", "Missing"): steps(0.0, 0.0, 0.0, 0.375),
        **words(0, title="The day", y="MW"),
        **words(1, x="Time of day", y="MW"),
    }
    assert_shown(drawn(figure), wanted)
    assert [axis.get_ylim()[0] for axis in figure.axes] == [0.0, 0.0]
    assert legend_of(figure) == {
        **{"Spinning reserve sold": BLUE, "Needed by the operator": BLACK, "Spinning, of aggregators": GREEN},
        **{"Regulating, of aggregators": ORANGE, "Called": ORANGE, "Accepted and not ready": PINK, "Missing": RED},
    }
    assert [each.get_text() for each in figure.axes[1].get_xticklabels()] == ["00:00"]


PERIODS = rows_of({"any": [0.0] * 4}, 0.5).assign(
    expected_price_per_mwh=[10.0, 11.0, 12.0, 13.0],
    day_ahead_price_per_mwh=[20.0, 20.0, 22.0, 22.0],
    real_time_price_per_mwh=[30.0, 31.0, 32.0, 33.0],
    voltage_min_pu=[0.95, 0.96, 0.97, 0.98],
    voltage_max_pu=[1.01, 1.02, 1.03, 1.04],
)


def test_prices_and_the_range_of_voltages() -> None:
    figure = prices_figure(PERIODS, "EUR", "The day")
    assert_tidy(figure)
    low, high = (0.95, 0.96, 0.97, 0.98), (1.01, 1.02, 1.03, 1.04)
    band = [
        (x, one, two)
        for k, (one, two) in enumerate(zip(low, high, strict=True))
        for x in EDGES[k : k + 2]
        for one, two in [(one, two)]
    ]
    wanted: Shown = {
        (0, "lines", "Expected"): steps(10.0, 11.0, 12.0, 13.0),
        (0, "lines", "Day-ahead"): steps(20.0, 20.0, 22.0, 22.0),
        (0, "lines", "Real time"): steps(30.0, 31.0, 32.0, 33.0),
        (1, "lines", "Lowest voltage"): steps(*low),
        (1, "lines", "Highest voltage"): steps(*high),
        (1, "bands", "#0"): band,
        **words(0, title="The day", y="EUR per MWh"),
        **words(1, x="Time of day", y="per unit"),
    }
    assert_shown(drawn(figure), wanted)
    assert [line.get_linestyle() for line in figure.axes[0].lines] == [":", "-", "-"]
    assert legend_of(figure) == {
        **{"Expected": GREY, "Day-ahead": BLUE, "Real time": RED},
        **{"Lowest voltage": BLUE, "Highest voltage": GREEN},
    }


DAYS = pd.DataFrame(
    {
        "day": [0, 1, 2],
        "planned_profit": [9.0, 8.0, 7.0],
        "profit": [6.0, 5.0, 4.0],
        "real_time_profit": [-1.0, -2.0, -3.0],
        "price_error_per_mwh": [3.0, 2.5, 2.0],
        "deviation_kw": [500.0, 400.0, 300.0],
        "shed_kwh": [0.0, 250.0, 1000.0],
    }
)


def over_days(*values: float) -> list[list[float]]:
    return [[float(day), value] for day, value in enumerate(values)]


def test_the_days_of_a_run() -> None:
    figure = profits_figure(DAYS, "EUR")
    assert_tidy(figure)
    wanted: Shown = {
        (0, "lines", "Planned"): over_days(9.0, 8.0, 7.0),
        (0, "lines", "Earned"): over_days(6.0, 5.0, 4.0),
        (0, "lines", "Of it real time"): over_days(-1.0, -2.0, -3.0),
        (1, "lines", "#0"): over_days(3.0, 2.5, 2.0),
        (2, "lines", "#0"): over_days(0.5, 0.4, 0.3),
        (3, "bars", "#0"): [[0.0, 0.8, 0.0, 0.0], [1.0, 0.8, 0.0, 0.25], [2.0, 0.8, 0.0, 1.0]],
        **words(0, title="Profit of the operator (EUR)"),
        **words(1, title="Mean error of the price forecast (EUR/MWh)"),
        **words(2, title="Errors of net load it reckons with (MW)", x="Day"),
        **words(3, title="Load not served (MWh)", x="Day"),
    }
    assert_shown(drawn(figure), wanted)
    assert [axis.get_ylim()[0] for axis in figure.axes[1:]] == [0.0, 0.0, 0.0]
    assert figure.axes[0].get_ylim()[0] < -3.0
    assert legend_of(figure) == {"Planned": BLUE, "Earned": RED, "Of it real time": ORANGE}
    assert len({id(axis) for axis in figure.axes[0].get_shared_x_axes().get_siblings(figure.axes[0])}) == 4


def bidder_rows(*names: str) -> pd.DataFrame:
    """Two days of each bidder; of the k-th one 10 k and more."""
    return pd.DataFrame(
        [
            {
                "day": day,
                "bidder": name,
                "income": 10.0 * k + day,
                "deviation_kwh": 100.0 * k + day,
                "reliability": 0.5 + 0.01 * k + 0.1 * day,
            }
            for day in (0, 1)
            for k, name in enumerate(names)
        ]
    )


def test_what_bidders_get_and_how_far_they_trust_themselves() -> None:
    figure = bidders_figure(bidder_rows("z", "_y"), "EUR")
    assert_tidy(figure)
    wanted: Shown = {
        (0, "lines", "z"): over_days(0.0, 1.0),
        (0, "lines", "#1"): over_days(10.0, 11.0),
        (1, "lines", "z"): over_days(0.0, 1.0),
        (1, "lines", "#1"): over_days(100.0, 101.0),
        (2, "lines", "z"): over_days(0.5, 0.6),
        (2, "lines", "#1"): over_days(0.51, 0.61),
        **words(0, title="Income (EUR)"),
        **words(1, title="Energy beside the position (kWh)"),
        **words(2, title="Reserve trusted in", x="Day"),
    }
    assert_shown(drawn(figure), wanted)
    assert legend_of(figure) == {"z": BLUE, "_y": ORANGE}
    legends = [axis.get_legend() is not None for axis in figure.axes]
    assert legends == [True, False, False]
    many = bidders_figure(bidder_rows(*(f"b{k}" for k in range(9))), "EUR").axes[0].lines
    assert [many[k].get_color() for k in (0, 8)] == ["#0072B2", "#0072B2"]
    assert [str(line.get_label()) for line in many] == [f"b{k}" for k in range(9)]  # in the order of the table


@pytest.mark.parametrize(
    ("days", "bidders", "more"), [(1, 2, ()), (2, 0, ("profits",)), (2, 2, ("profits", "bidders"))]
)
def test_which_figures_a_run_has(days: int, bidders: int, more: tuple[str, ...]) -> None:
    tables = {"dispatch": REAL, "schedule": PLAN, "periods": PERIODS}
    run: Any = SimpleNamespace(
        table=lambda name, day: tables[name][tables[name]["day"] == day],
        days=DAYS[:days],
        bidders=bidder_rows("z")[:bidders],
    )
    figures: dict[str, Figure] = two_settlement_figures(run, 0, "The day", "EUR")
    assert tuple(figures) == ("dispatch-day-0", "prices-day-0", "reserve-day-0", *more)
