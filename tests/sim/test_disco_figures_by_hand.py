"""What the figures of the distribution company draw of small tables, mark by mark."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.markets.disco import figures as disco
from tests.sim.drawn import assert_shown, assert_tidy, drawn, legend_of
from tests.sim.shown import Shown, words

EDGES = [0.0, 6.0, 12.0, 18.0]
BLUE, ORANGE, GREEN, GREY, PINK, RED, SKY, BLACK, YELLOW = (
    *("#0072b2", "#e69f00", "#009e73", "#7f7f7f", "#cc79a7", "#d55e00", "#56b4e9", "#000000", "#f0e442"),
)
ZERO = [[0.0, 0.0], [1.0, 0.0]]


def by_period(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of three periods of six hours, each with a list where its values differ."""
    return pd.DataFrame(
        [
            {
                "day": 0,
                "period": t,
                "hour": 6 * t,
                "hours": 6.0,
                "start": f"{6 * t:02d}:00",
                **{name: value[t] if isinstance(value, list) else value for name, value in row.items()},
            }
            for t in range(3)
            for row in rows
        ]
    )


def power(kind: str, *values: float) -> dict[str, Any]:
    return {"kind": kind, "p_kw": list(values)}


DISPATCH = by_period(
    [
        power("import", 2000.0, 3000.0, 1000.0),
        power("renewable", 1000.0, 0.0, 500.0),
        power("lot_discharge", 0.0, 250.0, 0.0),
        power("load", 2000.0, 2500.0, 1000.0),
        power("load", 500.0, 250.0, 0.0),
        power("lot_charge", 250.0, 0.0, 250.0),
        power("loss", 250.0, 500.0, 250.0),
        power("base_load", 2600.0, 2700.0, 900.0),
        power("forecast_load", 2550.0, 2650.0, 950.0),
    ]
)
PRICES = by_period(
    [
        {"bus": "r", "price_per_mwh": [30.0, 40.0, 50.0], "voltage_pu": [1.0, 1.0, 1.0]},
        {"bus": "b", "price_per_mwh": [33.0, 41.0, 56.0], "voltage_pu": [0.98, 0.95, 0.97]},
        {"bus": "a", "price_per_mwh": [36.0, 48.0, 50.0], "voltage_pu": [0.97, 0.92, 0.99]},
    ]
)


def parked(lot: str, scale: float) -> dict[str, Any]:
    return {
        "lot": lot,
        "charge_kw": [100.0 * scale, 0.0, 50.0 * scale],
        "discharge_kw": [0.0, 80.0 * scale, 0.0],
        "energy_kwh": [1000.0 * scale, 500.0 * scale, 750.0 * scale],
        "plugged": [10.0 * scale, 12.0 * scale, 11.0 * scale],
        "tariff_per_mwh": [60.0, 90.0, 75.0],
    }


LOTS = by_period([parked("west", 1.0), parked("east", 2.0)])


def steps(*levels: float) -> list[list[float]]:
    return [[x, level] for k, level in enumerate(levels) for x in (EDGES[k], EDGES[k + 1])]


def bars(*heights: float, share: float = 0.8, base: tuple[float, ...] = (0.0, 0.0, 0.0)) -> list[list[float]]:
    return [[3.0 + 6.0 * k, 6.0 * share, base[k], height] for k, height in enumerate(heights)]


def test_the_dispatch_and_the_marginal_cost() -> None:
    figure = disco.dispatch_figure(DISPATCH, PRICES, "USD", "The day")
    assert_tidy(figure)
    low, high = (30.0, 40.0, 50.0), (36.0, 48.0, 56.0)
    wanted: Shown = {
        (0, "bars", "Wind and sun"): bars(-1.0, 0.0, -0.5, share=0.85),
        (0, "bars", "Bought upstream"): bars(-2.0, -3.0, -1.0, share=0.85, base=(-1.0, 0.0, -0.5)),
        (0, "bars", "Vehicles discharging"): bars(0.0, -0.25, 0.0, share=0.85, base=(-3.0, -3.0, -1.5)),
        (0, "bars", "Load"): bars(2.5, 2.75, 1.0, share=0.85),
        (0, "bars", "Vehicles charging"): bars(0.25, 0.0, 0.25, share=0.85, base=(2.5, 2.75, 1.0)),
        (0, "bars", "Losses"): bars(0.25, 0.5, 0.25, share=0.85, base=(2.75, 2.75, 1.25)),
        (0, "lines", "#0"): ZERO,
        (1, "lines", "#0"): steps(33.0, 43.0, 52.0),
        (1, "bands", "#0"): [(x, low[k], high[k]) for k in range(3) for x in EDGES[k : k + 2]],
        **words(0, title="The day", y="Power (MW)"),
        **words(1, y="Marginal cost\n(USD/MWh)", x="Time of day (line: mean of the buses, band: lowest to highest)"),
    }
    assert_shown(drawn(figure), wanted)
    assert legend_of(figure) == {
        **{"Wind and sun": GREEN, "Bought upstream": BLUE, "Vehicles discharging": PINK},
        **{"Load": GREY, "Vehicles charging": ORANGE, "Losses": YELLOW},
    }
    axis = figure.axes[0]
    assert list(axis.get_xticks()) == [0.0, 6.0, 12.0]
    assert [each.get_text() for each in figure.axes[1].get_xticklabels()] == ["00:00", "06:00", "12:00"]


def test_the_load_that_was_expected_and_came() -> None:
    figure = disco.response_figure(DISPATCH, LOTS, "USD", "The day")
    assert_tidy(figure)
    wanted: Shown = {
        (0, "lines", "Without a program"): steps(2.6, 2.7, 0.9),
        (0, "lines", "With it, as the retailer expected"): steps(2.55, 2.65, 0.95),
        (0, "lines", "With it, as it came"): steps(2.5, 2.75, 1.0),
        (1, "lines", "#0"): steps(60.0, 90.0, 75.0),
        **words(0, title="The day", y="Load (MW)"),
        **words(1, y="Tariff\n(USD/MWh)", x="Time of day"),
    }
    assert_shown(drawn(figure), wanted)
    assert [axis.get_ylim()[0] for axis in figure.axes] == [0.0, 0.0]
    assert [line.get_linestyle() for line in figure.axes[0].lines] == ["-", "--", "-"]
    assert legend_of(figure) == {
        "Without a program": GREY,
        "With it, as the retailer expected": BLUE,
        "With it, as it came": RED,
    }
    assert [each.get_text() for each in figure.axes[1].get_xticklabels()] == ["00:00", "06:00", "12:00"]


@pytest.mark.parametrize("title", ["", "The day"])
def test_vehicles_of_each_lot(title: str) -> None:
    figure = disco.vehicles_figure(LOTS, title)
    assert_tidy(figure)
    wanted: Shown = {}
    for row, (lot, scale) in enumerate((("west", 1.0), ("east", 2.0))):
        left, right, twin = 2 * row, 2 * row + 1, 4 + row
        x = {"x": "Time of day"} if row == 1 else {}
        wanted |= {
            (left, "bars", "Charging"): bars(100.0 * scale, 0.0, 50.0 * scale),
            (left, "bars", "Discharging"): bars(0.0, -80.0 * scale, 0.0),
            (left, "lines", "#0"): ZERO,
            (right, "bars", "Energy in the vehicles"): bars(scale, 0.5 * scale, 0.75 * scale),
            (twin, "lines", "Vehicles plugged in"): steps(10.0 * scale, 12.0 * scale, 11.0 * scale),
            **words(left, title=f"{lot}, {title}" if title else lot, y="kW", **x),
            **words(right, y="MWh", **x),
            **words(twin, y="vehicles"),
        }
    assert_shown(drawn(figure), wanted)
    assert [axis.get_ylim()[0] for axis in figure.axes[4:]] == [0.0, 0.0]
    assert [axis.spines["right"].get_visible() for axis in figure.axes] == [False] * 4 + [True] * 2
    assert legend_of(figure) == {
        **{"Charging": ORANGE, "Discharging": PINK, "Energy in the vehicles": SKY, "Vehicles plugged in": BLACK},
    }
    assert list(figure.axes[3].get_xticks()) == [0.0, 6.0, 12.0]


def test_voltages_of_each_bus_in_the_order_of_the_feeder() -> None:
    figure = disco.voltage_band_figure(PRICES, "The day")
    least, mean, most = (1.0, 0.95, 0.92), (1.0, 2.9 / 3.0, 0.96), (1.0, 0.98, 0.99)
    wanted: Shown = {
        (0, "lines", "Mean"): [[k + 1.0, mean[k]] for k in range(3)],
        (0, "lines", "Lowest"): [[k + 1.0, least[k]] for k in range(3)],
        (0, "bands", "Range"): [(k + 1.0, least[k], most[k]) for k in range(3)],
        **words(0, title="The day", x="Bus (in the order of the feeder's file, root first)"),
        **words(0, y="Voltage of the day (p.u.)"),
    }
    assert_shown(drawn(figure), wanted)
    axis = figure.axes[0].xaxis
    assert axis.get_major_formatter().format_ticks(axis.get_majorticklocs()) == ["r", "b", "a"]  # type: ignore[arg-type]
    assert legend_of(figure) == {"Range": SKY, "Mean": BLUE, "Lowest": RED}


DAYS = pd.DataFrame(
    {
        "day": [0, 1, 2],
        "program": ["p0", "p1", "p1"],
        "best_program": ["p0", "p1", "p0"],
        "planned_profit": [9.0, 8.0, 7.0],
        "company_profit": [6.0, 5.0, 4.0],
        "planned_lot_profit": [3.0, 2.0, 1.0],
        "lot_profit": [2.5, 1.5, 0.5],
        "margin_per_kwh": [0.02, 0.04, 0.03],
        "driver_share": [0.5, 0.6, 0.7],
        "charged_kwh": [1000.0, 2000.0, 1500.0],
        "discharged_kwh": [500.0, 0.0, 250.0],
    }
)


def programs(count: int) -> pd.DataFrame:
    """What each program would earn on each day; the first one is chosen on day 0, the second one later."""
    return pd.DataFrame(
        [
            {
                "day": day,
                "program": f"p{k}",
                "probability": 0.5 if k == 0 else 0.5 / (count - 1),
                "forecast_profit": 10.0 * k + day,
                "earned_profit": 20.0 * k + day,
                "true_profit": 100.0 - 10.0 * (k - day) ** 2,
                "chosen": k == min(day, 1),
            }
            for day in range(3)
            for k in range(count)
        ]
    )


def over_days(*values: float) -> list[list[float]]:
    return [[float(day), value] for day, value in enumerate(values)]


def test_programs_of_the_days() -> None:
    figure = disco.programs_figure(DAYS, programs(3), "USD")
    above, below = figure.axes
    assert [text.get_text() for text in above.get_yticklabels()] == ["p0", "p1", "p2"]
    assert above.get_ylim() == pytest.approx((2.6, -0.6))
    found = [
        (np.asarray(each.get_offsets()).tolist(), each.get_sizes().tolist())  # type: ignore[attr-defined]
        for each in above.collections
    ]
    rows = [[[float(day), float(k)] for day in range(3)] for k in range(3)]
    sizes = [[130.0] * 3, [65.0] * 3, [65.0] * 3]
    played: list[list[list[float]]] = [[[0.0, 0.0]], [[1.0, 1.0], [2.0, 1.0]], []]
    assert found[::2] == list(zip(rows, sizes, strict=True))
    assert found[1::2] == [(each, [30.0]) for each in played]
    lines = {line.get_label(): (np.array(line.get_data()).T.tolist(), line.get_linestyle()) for line in below.lines}
    assert lines == {f"p{k}": (over_days(10.0 * k, 10.0 * k + 1.0, 10.0 * k + 2.0), "-") for k in range(3)}
    assert above.get_title(loc="left") == "Program of the day (square) and chance of each (disc)"
    assert below.get_title(loc="left") == "Profit that the retailer expected of each program (USD)"
    assert below.get_xlabel() == "Day"
    assert above.get_shared_x_axes().joined(above, below)
    assert legend_of(figure) == {"p0": BLUE, "p1": ORANGE, "p2": GREEN}
    assert [float(each) for each in figure.get_size_inches()] == pytest.approx([7.2, 2.6 + 0.66 + 1.8])


def test_more_programs_than_colours_are_dashed() -> None:
    below = disco.programs_figure(DAYS, programs(10), "USD").axes[1]
    assert [line.get_linestyle() for line in below.lines] == ["-"] * 8 + ["--"] * 2
    assert [line.get_color() for line in below.lines][8:] == [line.get_color() for line in below.lines][:2]


def test_the_profit_of_the_retail_arm() -> None:
    table = programs(3)
    figure = disco.retailer_figure(DAYS, table, "USD")
    axis = figure.axes[0]
    wanted: Shown = {
        (0, "lines", "Best program, elasticity known"): over_days(100.0, 100.0, 100.0),
        (0, "lines", "Expected"): over_days(0.0, 11.0, 12.0),
        (0, "lines", "Earned, p0"): [[0.0, 0.0]],
        (0, "lines", "Earned, p1"): [[1.0, 21.0], [2.0, 22.0]],
        (0, "lines", "#4"): [[1.0, 0.0], [1.0, 1.0]],
        (0, "lines", "#5"): [[2.0, 0.0], [2.0, 1.0]],
        (0, "texts", "#0"): " best: p1",
        (0, "texts", "#1"): " best: p0",
        **words(0, title="Profit of the retail arm (USD)", x="Day (dotted: another program has the highest forecast)"),
    }
    assert_shown(drawn(figure), wanted)
    assert [each.xy for each in axis.texts] == [(1, 1.0), (2, 1.0)]  # type: ignore[attr-defined]
    assert [each.get_rotation() for each in axis.texts] == [90.0, 90.0]
    assert legend_of(figure) == {
        **{"Best program, elasticity known": GREY, "Expected": BLACK, "Earned, p0": BLUE, "Earned, p1": ORANGE},
    }
    many = disco.retailer_figure(DAYS, programs(10).assign(chosen=lambda rows: rows["program"] == "p9"), "USD").axes[0]
    assert [line.get_color() for line in many.lines if line.get_label() == "Earned, p9"] == ["#E69F00"]


def beliefs(**estimates: tuple[float, float]) -> pd.DataFrame:
    """Two days of each pair ``period_other``."""
    return pd.DataFrame(
        [
            {
                "day": day,
                "period": name.split("_")[0],
                "other": name.split("_")[1],
                "estimate": values[day],
                "standard_error": 0.01 * (day + 1),
                "true_elasticity": values[0] / 2.0,
            }
            for day in (0, 1)
            for name, values in estimates.items()
        ]
    )


def test_beliefs_about_pairs_that_differ() -> None:
    alike, other, own = (0.2, 0.3), (0.2, 0.4), (-0.5, -0.4)
    rows = beliefs(a_a=own, a_b=alike, b_a=alike, b_c=alike, c_b=other)
    figure = disco.beliefs_figure(rows)
    assert_tidy(figure)
    axes = figure.axes
    assert [axis.get_title(loc="left") for axis in axes] == ["a", "a to b", "b to c", "c to b", "", ""]
    wanted: Shown = {}
    for panel, values in enumerate((own, alike, alike, other)):
        reach = [2 * 0.01, 2 * 0.02]
        wanted |= {
            (panel, "lines", "Estimate, two standard errors"): over_days(*values),
            (panel, "lines", "True"): over_days(values[0] / 2.0, values[0] / 2.0),
            (panel, "bands", "#0"): [(day, values[day] - reach[day], values[day] + reach[day]) for day in (0, 1)],
            **words(panel, title=axes[panel].get_title(loc="left"), **({"x": "Day"} if panel > 0 else {})),
        }
    assert_shown(drawn(figure), wanted)
    assert [axis.axison for axis in axes] == [True] * 4 + [False] * 2
    assert legend_of(figure) == {"Estimate, two standard errors": BLUE, "True": RED}
    assert [float(each) for each in figure.get_size_inches()] == pytest.approx([7.2, 0.7 + 3.8])
    one = disco.beliefs_figure(beliefs(a_a=own))
    assert [axis.axison for axis in one.axes] == [True, False, False]
    assert [axis.get_xlabel() for axis in one.axes] == ["Day", "", ""]
    backwards = disco.beliefs_figure(beliefs(b_a=alike, a_b=alike)).axes
    assert [axis.get_title(loc="left") for axis in backwards] == ["a to b", "", ""]


SCENARIOS = pd.DataFrame(
    [
        {"day": day, "stage": stage, "company_profit": value + day}
        for day in range(3)
        for stage, value in (("forecast", 5.0), ("forecast", 11.0), ("forecast", 8.0), ("outcome", 99.0))
    ]
)


def test_profits_terms_and_energy_of_the_days() -> None:
    figure = disco.profits_figure(DAYS, SCENARIOS, "USD")
    assert_tidy(figure)
    charged = [[0.0, 0.8, 0.0, 1.0], [1.0, 0.8, 0.0, 2.0], [2.0, 0.8, 0.0, 1.5]]
    given = [[0.0, 0.8, 0.0, -0.5], [1.0, 0.8, 0.0, 0.0], [2.0, 0.8, 0.0, -0.25]]
    wanted: Shown = {
        (0, "bands", "Scenarios"): [(0.0, 5.0, 11.0), (1.0, 6.0, 12.0), (2.0, 7.0, 13.0)],
        (0, "lines", "Planned"): over_days(9.0, 8.0, 7.0),
        (0, "lines", "Earned"): over_days(6.0, 5.0, 4.0),
        (1, "lines", "Planned"): over_days(3.0, 2.0, 1.0),
        (1, "lines", "Earned"): over_days(2.5, 1.5, 0.5),
        (2, "lines", "Margin"): over_days(20.0, 40.0, 30.0),
        (3, "bars", "Charged"): charged,
        (3, "bars", "Discharged"): given,
        (3, "lines", "#0"): ZERO,
        (4, "lines", "Drivers' share"): over_days(50.0, 60.0, 70.0),
        **words(0, title="Profit of the company (USD)"),
        **words(1, title="Profit of the lots (USD)"),
        **words(2, title="Terms: margin (USD/MWh)", x="Day"),
        **words(3, title="Energy of the vehicles (MWh)", x="Day"),
        **words(4, y="drivers' share (%)"),
    }
    assert_shown(drawn(figure), wanted)
    assert figure.axes[4].get_ylim() == (0.0, 100.0)
    assert figure.axes[2].get_ylim()[0] == 0.0
    assert [axis.get_legend() is not None for axis in figure.axes] == [True, True, False, True, False]
    assert legend_of(figure) == {
        **{"Scenarios": SKY, "Planned": BLUE, "Earned": RED, "Charged": ORANGE, "Discharged": PINK},
    }
    dear = DAYS.assign(margin_per_kwh=[-0.02, 0.04, 0.03])
    assert disco.profits_figure(dear, SCENARIOS, "USD").axes[2].get_ylim()[0] == pytest.approx(-22.0)


@pytest.mark.parametrize("days", [1, 3])
def test_which_figures_a_run_has(days: int) -> None:
    tables = {"dispatch": DISPATCH, "prices": PRICES, "lots": LOTS}
    whole = {"programs": programs(2), "beliefs": beliefs(a_a=(0.1, 0.2)), "scenarios": SCENARIOS}
    run: Any = SimpleNamespace(
        table=lambda name, day=None: whole[name] if day is None else tables[name][tables[name]["day"] == day],
        days=DAYS[:days],
    )
    figures = disco.disco_figures(run, 0, "The day", "USD")
    of_a_day = ["dispatch-day-0", "response-day-0", "lots-day-0", "voltage-day-0"]
    assert list(figures) == of_a_day + (["programs", "retailer", "beliefs", "profits"] if days > 1 else [])
    titles = [figures[name].axes[0].get_title(loc="left") for name in of_a_day]
    assert titles == ["The day, program p0", "The day, program p0", "west, The day", "The day"]
