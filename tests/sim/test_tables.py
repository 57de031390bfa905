"""Rows of a day: the physics must hold in the tables that a reader sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from equilibrium.errors import InputError
from sim.columns import DAY, Table, number, place_of_lowest
from sim.markets.charging.hourly import DISPATCH, PRICES, SingleDay, lots_table
from tests.sim.conftest import rows_of

SIGN = {
    "import": 1,
    "export": -1,
    "microturbine": 1,
    "renewable": 1,
    "svc": 1,
    "storage": 1,
    "shed": 1,
    "load": -1,
    "lot": -1,
}


def single(cleared, **changes):
    return SingleDay(cleared.network, cleared.market, replace(cleared.clearing, **changes))


def balance(dispatch, column):
    used = dispatch[dispatch["kind"] != "renewable_potential"]
    return (used[column] * used["kind"].map(SIGN)).groupby(used["hour"]).sum().to_numpy()


def test_power_balances_in_every_hour(cleared):
    dispatch = DISPATCH.frame(single(cleared))
    assert dispatch["hour"].nunique() == 24
    np.testing.assert_allclose(balance(dispatch, "p_kw"), 0.0, atol=1e-6)
    np.testing.assert_allclose(balance(dispatch, "q_kvar"), 0.0, atol=1e-6)


def test_shed_load_appears_only_where_there_is_some(cleared):
    bus = 5
    shed = np.zeros_like(cleared.market.load_kw)
    loaded = np.flatnonzero(cleared.market.load_kw[0])
    bus = int(loaded[0])
    shed[7, bus] = 12.5
    rows = DISPATCH.frame(single(cleared, shed_kw=shed))
    rows = rows[rows["kind"] == "shed"]
    assert rows[["hour", "p_kw"]].to_numpy().tolist() == [[7, 12.5]]
    assert rows["bus"].item() == cleared.network.feeder.buses[bus]
    ratio = cleared.market.load_kvar[7, bus] / cleared.market.load_kw[7, bus]
    assert rows["q_kvar"].item() == pytest.approx(12.5 * ratio)


def test_the_parts_of_the_price_add_up(cleared):
    prices = PRICES.frame(single(cleared))
    parts = prices["energy_per_mwh"] + prices["congestion_per_mwh"] + prices["voltage_per_mwh"]
    np.testing.assert_allclose(prices["dlmp_per_mwh"], parts, atol=1e-6)
    one = prices[(prices["hour"] == 13) & (prices["bus"] == "18")]
    assert one["dlmp_per_mwh"].item() == pytest.approx(1000 * cleared.clearing.dlmp[13, 17])
    assert one["voltage_pu"].item() == pytest.approx(cleared.clearing.voltage_pu[13, 17])


def test_lots_stay_in_their_bands(cleared):
    lots = lots_table().frame(single(cleared))
    assert (lots["power_kw"] <= lots["power_max_kw"] + 1e-6).all()
    assert lots["soe_kwh"].between(lots["soe_min_kwh"] - 1e-6, lots["soe_max_kwh"] + 1e-6).all()
    third = lots[(lots["lot"] == "lot-3") & (lots["hour"] == 10)]
    assert third["power_kw"].item() == pytest.approx(cleared.clearing.lot_kw[10, 2])
    assert third["bus"].item() == "32"


def test_the_days_row_sums_the_other_tables(make_day):
    tables = {name: pd.DataFrame(columns) for name, columns in rows_of(make_day(3)).items()}
    day = tables["days"].iloc[0]
    dispatch = tables["dispatch"].groupby("kind")["p_kw"].sum()
    assert day["day"] == 3
    assert day["energy_charged_kwh"] == pytest.approx(dispatch["lot"])
    assert day["import_kwh"] == pytest.approx(dispatch["import"])
    assert day["load_kwh"] == pytest.approx(dispatch["load"])
    assert day["curtailed_kwh"] == pytest.approx(dispatch["renewable_potential"] - dispatch["renewable"])
    assert day["voltage_min_pu"] == tables["prices"]["voltage_pu"].min()
    assert day["dlmp_peak_per_mwh"] == tables["prices"]["dlmp_per_mwh"].max()
    assert day["lot_profit"] == pytest.approx(tables["lot_days"]["profit"].sum())
    lowest = tables["prices"].loc[tables["prices"]["voltage_pu"].idxmin()]
    assert (day["voltage_min_bus"], day["voltage_min_hour"]) == (lowest["bus"], lowest["hour"])


def test_sessions_tell_who_was_served_and_who_was_not(make_day):
    sessions = pd.DataFrame(rows_of(make_day(1))["sessions"])
    assert sessions["outcome"].tolist() == ["served", "full", "away"]
    assert sessions["lot"].tolist() == ["lot-1", "", ""]
    assert sessions["arrival_h"].tolist() == [32.0, 32.0, 32.0]


def test_a_typical_day_has_no_date(make_day):
    assert rows_of(make_day(0, dated=False))["days"]["date"] == [None]


def test_one_value_stands_in_every_row_and_rows_must_be_as_many(make_day):
    day = make_day(4)
    table = Table("few", lambda d: d, (DAY, number("a", "an a", lambda _: [1.0, 2.0]), number("b", "b", lambda _: 7.0)))
    assert {name: list(values) for name, values in table.of(day).items()} == {"day": [4, 4], "a": [1, 2], "b": [7, 7]}
    uneven = Table("few", lambda d: d, (*table.columns, number("c", "a c", lambda _: [1.0, 2.0, 3.0])))
    with pytest.raises(InputError, match="table few: c: got '3 values', expected 2"):
        uneven.of(day)
    assert Table("none", lambda _: None, table.columns).of(day) is None
    assert list(Table("none", lambda _: None, table.columns).frame(day).columns) == ["day", "a", "b"]


def test_the_lowest_voltage_of_several_that_rounding_tells_apart_is_the_first() -> None:
    lowest = 0.93
    voltage = np.array([[1.0, 0.97, 0.95], [1.0, lowest + 1e-13, 0.96], [1.0, lowest, lowest - 1e-13]])
    assert place_of_lowest(voltage) == (1, 1)
    voltage[2, 2] = lowest - 1e-3
    assert place_of_lowest(voltage) == (2, 2)
