"""Figures of a run with a single lot, and of one with more lots than there are colours."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes

from sim.markets.aggregator import figures as aggregator
from sim.markets.aggregator.kind import KIND as AGGREGATOR
from sim.markets.charging import figures as charging
from sim.markets.nodal.figures import market_power_figure
from sim.markets.nodal.kind import KIND as NODAL
from sim.store import Run
from tests.sim.drawn import assert_tidy, legend_of
from tests.sim.made_contract_days import made_contract_day
from tests.sim.made_days import made_day, stored_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return stored_run(tmp_path_factory.mktemp("nodal"), NODAL, [made_day(1, nodal=True)])


def titles(axes: list[Axes]) -> list[str]:
    return [axis.get_title(loc="left") for axis in axes]


def test_figures_of_a_single_lot(run: Run) -> None:
    rows = run.table("lots", 1)
    alone = rows[rows["lot"] == "lot-x"]
    power = market_power_figure(alone, "EUR", "T")
    assert titles(power.axes) == ["lot-x, T", ""]
    assert [axis.get_xlabel() for axis in power.axes] == ["Hour", "Hour"]
    assert titles(charging.lots_figure(alone).axes) == ["lot-x", ""]
    one = charging.sensitivity_figure({"F": [{"factor": 1.0, "q": 2.0}]}, {"q": "Q"}, {"F": 1.0})
    assert [(axis.get_xlabel(), axis.get_ylabel()) for axis in one.axes] == [("F", "Q")]


def test_lots_share_the_scales_of_power_and_of_price(run: Run) -> None:
    figure = market_power_figure(run.table("lots", 1), "EUR")
    assert_tidy(figure)
    power, price = figure.axes[::2], figure.axes[1::2]
    assert titles(power) == ["lot-z", "lot-x", "lot-y"]
    for column in (power, price):
        assert all(column[0].get_shared_y_axes().joined(column[0], axis) for axis in column)
    assert not power[0].get_shared_y_axes().joined(power[0], price[0])
    assert power[0].get_shared_x_axes().joined(power[0], price[0])
    assert [axis.get_xlabel() for axis in figure.axes] == [""] * 4 + ["Hour"] * 2
    assert list(legend_of(figure)) == [
        *("Charging, equilibrium", "Charging, competitive"),
        *("Interval of the price", "Price paid", "Competitive price"),
    ]


def test_contracts_of_a_single_lot(tmp_path_factory: pytest.TempPathFactory) -> None:
    days: list[Any] = [made_contract_day(0), made_contract_day(1)]
    run = stored_run(tmp_path_factory.mktemp("contracts"), AGGREGATOR, days)
    name = run.lot_days["lot"].iloc[0]
    dispatch, lots = run.table("dispatch", 1), run.table("lots", 1)
    figure = aggregator.lots_figure(dispatch, lots[lots["lot"] == name])
    assert titles(figure.axes) == [name, "", ""]
    contracts = run.contracts[run.contracts["lot"] == name]
    drawn = aggregator.contracts_figure(contracts, run.lot_days)
    assert titles(drawn.axes) == [f"{name}: {what}" for what in ("share", "reputation", "arrivals, relative")]


def nine(**columns: Any) -> pd.DataFrame:
    """Two days of nine lots; a column may be a number or what becomes of the lot's number."""
    return pd.DataFrame(
        [
            {
                "day": day,
                "lot": f"l{k}",
                **{name: value(k) if callable(value) else value for name, value in columns.items()},
            }
            for day in (0, 1)
            for k in range(9)
        ]
    )


def looks(axis: Axes) -> list[tuple[Any, Any]]:
    return [(line.get_color(), line.get_marker()) for line in axis.get_lines()]


def test_the_ninth_lot_looks_like_the_first_one() -> None:
    days = pd.DataFrame({"day": [0, 1], "energy_charged_kwh": [1.0, 2.0], "network_cost": [1.0, 2.0]})
    days = days.assign(dlmp_peak_per_mwh=3.0, dlmp_mean_per_mwh=2.0, wholesale_mean_per_mwh=1.0)
    profit = charging.overview_figure(days, nine(profit=float), "EUR").axes[3]
    prices, charges = charging.posted_figure(nine(price_per_kwh=float, network_charge=1.0, energy_kwh=2.0), "EUR").axes
    posted, gain = charging.yardstick_figure(
        nine(posted_per_kwh=float, equilibrium_per_kwh=float, regret=float), "EUR"
    ).axes
    for found in (looks(profit), looks(prices), looks(charges), looks(gain), looks(posted)[::2], looks(posted)[1::2]):
        assert len(found) == 9
        assert found[8] == found[0]
        assert len(set(found[:8])) == len({colour for colour, _ in found[:8]}) == 8
        assert len({marker for _, marker in found[:8]}) == 8
    assert [line.get_linestyle() for line in posted.get_lines()] == ["-", "--"] * 9
    assert gain.get_ylim()[0] == 0.0


def test_prices_are_posted_without_charges_where_there_are_none() -> None:
    (alone,) = charging.posted_figure(nine(price_per_kwh=0.3, network_charge=0.0, energy_kwh=2.0), "EUR").axes
    assert alone.get_title(loc="left") == "Posted price of each lot"
    assert (alone.get_ylabel(), alone.get_xlabel()) == ("EUR/kWh", "Day")
    charged = charging.posted_figure(nine(price_per_kwh=0.3, network_charge=1.0, energy_kwh=4.0), "EUR").axes[1]
    assert charged.get_lines()[0].get_ydata().tolist() == [250.0, 250.0]  # type: ignore[union-attr]
    assert charged.get_ylabel() == "EUR/MWh"
