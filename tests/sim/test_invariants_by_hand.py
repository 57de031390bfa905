"""How large what a run breaks is: the charging markets' statements on tables of a few rows, number by number."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from sim.markets.charging import invariants as charging

KINDS = list(charging.SIGNS)


def tables() -> dict[str, pd.DataFrame]:
    """Two days of two periods, of half an hour and of an hour, at two buses: everything fits."""
    rows = []
    for day, size in ((0, 1.0), (1, 2.0)):
        for period, hours in ((0, 0.5), (1, 1.0)):
            powers = dict.fromkeys(KINDS, 0.0)
            powers |= {"import": 30.0 * size, "renewable": 4.0, "load": 34.0 * size}
            powers["shed"] = powers["load"] - powers["import"] - 4.0 + 2.0 if "shed" in KINDS else 0.0
            powers["export"] = 2.0
            rows += [(day, period, kind, p, 0.25 * p, hours) for kind, p in powers.items()]
            rows.append((day, period, "renewable_potential", 10.0, 0.0, hours))
    dispatch = pd.DataFrame(rows, columns=["day", "period", "kind", "p_kw", "q_kvar", "hours"])
    sums = (dispatch.assign(kwh=dispatch["p_kw"] * dispatch["hours"])).groupby(["day", "kind"])["kwh"].sum()
    days = pd.DataFrame(
        {
            "day": [0, 1],
            **{column: [sums[day, kind] for day in (0, 1)] for column, kind in charging._SUMS.items()},
            "curtailed_kwh": [9.0, 9.0],
            "lot_profit": [7.0, 0.0],
            "network_charge": [3.0, 0.0],
            "worst_regret": [0.5, 0.0],
            "dlmp_peak_per_mwh": [80.0, 40.0],
            "dlmp_mean_per_mwh": [60.0, 30.0],
            "voltage_min_pu": [0.95, 0.97],
        }
    )
    lot_days = pd.DataFrame(
        {
            "day": [0, 0],
            "profit": [5.0, 2.0],
            "revenue": [10.0, 4.0],
            "payment": [4.0, 0.0],
            "network_charge": [1.0, 2.0],
            "regret": [0.25, 0.5],
        }
    )
    prices = pd.DataFrame(
        {
            "day": [0, 0, 1, 1],
            "hours": [0.5, 1.0, 0.5, 1.0],
            "energy_per_mwh": [30.0, 60.0, 10.0, 40.0],
            "congestion_per_mwh": [-5.0, 15.0, 0.0, 0.0],
            "voltage_per_mwh": [-5.0, 5.0, 0.0, 0.0],
            "dlmp_per_mwh": [20.0, 80.0, 10.0, 40.0],
            "voltage_pu": [0.95, 1.0, 0.97, 1.05],
        }
    )
    lots = pd.DataFrame(
        {
            "power_kw": [0.0, 20.0],
            "power_max_kw": [5.0, 20.0],
            "soe_kwh": [10.0, 40.0],
            "soe_min_kwh": [10.0, 0.0],
            "soe_max_kwh": [20.0, 40.0],
        }
    )
    sessions = pd.DataFrame(
        {
            "lot": ["a", "a", "b", "", "b"],
            "got_kwh": [9.0, 18.0, 16.0, 99.0, 0.0],
            "drawn_kwh": [10.0, 20.0, 20.0, 0.0, 0.0],
            "asked_kwh": [9.0, 20.0, 18.0, 50.0, 0.0],
            "unreachable_kwh": [0.0, 2.0, 0.0, 0.0, 0.0],
            "battery_kwh": [40.0, 30.0, 60.0, 1.0, 20.0],
            "arrival_energy_kwh": [10.0, 12.0, 5.0, 1.0, 20.0],
            "outcome": ["served", "served", "short", "away", "served"],
        }
    )
    return {
        "dispatch": dispatch,
        "days": days,
        "lot_days": lot_days,
        "prices": prices,
        "lots": lots,
        "sessions": sessions,
    }


TABLES = tables()


def run(*wrong: tuple[str, Any, str, float]) -> Any:
    """The run with numbers added: table, row or rows, column and by how much."""
    found = dict(TABLES)
    for table, rows, column, by in wrong:
        found[table] = found[table].copy()
        found[table].loc[rows, column] += by
    return SimpleNamespace(**found)


def of_kind(kind: str, day: int = 0, period: int = 0) -> int:
    rows = TABLES["dispatch"]
    return int(rows.index[(rows["kind"] == kind) & (rows["day"] == day) & (rows["period"] == period)][0])


MEASURES: dict[str, Callable[[Any], float]] = {
    "active": lambda run: charging._balance(run, "p_kw"),
    "reactive": lambda run: charging._balance(run, "q_kvar"),
    "parts": charging._parts,
    "energy": charging._energy,
    "lots": charging._lots,
    "money": charging._money,
    "extremes": charging._extremes,
    "sessions": charging._sessions,
}


@pytest.mark.parametrize("name", MEASURES)
def test_a_run_in_which_all_fits(name: str) -> None:
    assert MEASURES[name](run()) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "wrong", "size"),
    [
        # of the largest power of the dispatch: 68 kW, 17 kvar
        ("active", ("dispatch", of_kind("import"), "p_kw", 3.4), 3.4 / 68.0),
        ("active", ("dispatch", of_kind("load"), "p_kw", -6.8), 0.1),
        ("active", ("dispatch", of_kind("renewable_potential"), "p_kw", 6.8), 0.0),
        ("reactive", ("dispatch", of_kind("import"), "q_kvar", 3.4), 0.2),
        # of the largest price: 80
        *(("parts", ("prices", 2, f"{part}_per_mwh", 8.0), 0.1) for part in ("energy", "congestion", "voltage")),
        ("parts", ("prices", 2, "dlmp_per_mwh", 8.0), 0.1),
        # of the largest energy of a column
        *(
            ("energy", ("days", 0, column, 1.0), 1.0)
            for column, kind in charging._SUMS.items()
            if kind not in ("import", "load", "export", "shed")
        ),
        ("energy", ("days", 0, "curtailed_kwh", 1.5), 0.1),  # of 15 kWh that were possible
        ("energy", ("days", 0, "import_kwh", 9.0), 0.1),  # of 90 kWh on the other day
        # of the largest power, 20 kW, and energy, 40 kWh
        ("lots", ("lots", 0, "power_kw", -4.0), 0.2),
        ("lots", ("lots", 1, "power_kw", 5.0), 0.2),
        ("lots", ("lots", 0, "soe_kwh", -2.0), 0.05),
        ("lots", ("lots", 1, "soe_kwh", 10.0), 0.2),
        # of the largest revenue, 10, or of what stands in days
        ("money", ("lot_days", 1, "payment", 1.0), 0.1),
        ("money", ("lot_days", 1, "revenue", -1.0), 0.1),
        ("money", ("days", 0, "lot_profit", 7.0), 0.5),
        ("money", ("days", 1, "lot_profit", 2.0), 2.0 / 7.0),
        ("money", ("days", 0, "network_charge", 0.5), 0.05),
        ("money", ("days", 1, "network_charge", 0.5), 0.05),
        ("money", ("days", 0, "worst_regret", 0.25), 0.25),
        ("money", ("lot_days", 0, "regret", 0.125), 0.0),  # the other one's is the worst
        ("money", ("days", 1, "worst_regret", 0.75), 0.75),
        # of the highest price of all days, and of the voltages
        ("extremes", ("days", 0, "dlmp_peak_per_mwh", 20.0), 0.2),
        ("extremes", ("days", 1, "dlmp_peak_per_mwh", 40.0), 0.5),
        ("extremes", ("days", 0, "dlmp_mean_per_mwh", 8.0), 0.1),
        ("extremes", ("days", 1, "voltage_min_pu", 0.01), 0.01),
        # at a 27 of 30 kWh are stored, at b 16 of 20
        ("sessions", ("sessions", 2, "battery_kwh", -41.0), 2.0 / 18.0),
        ("sessions", ("sessions", 0, "asked_kwh", 0.9), 0.05),
        ("sessions", ("sessions", 1, "unreachable_kwh", -0.9), 0.05),
        ("sessions", ("sessions", 2, "asked_kwh", 9.0), 0.0),  # it was not served
        ("sessions", ("sessions", 3, "battery_kwh", -1.0), 0.0),  # it did not come
    ],
)
def test_how_large_a_wrong_number_is(name: str, wrong: tuple[str, int, str, float], size: float) -> None:
    assert MEASURES[name](run(wrong)) == pytest.approx(size, abs=1e-12)


def test_vehicles_of_a_lot_store_one_share_of_what_they_draw() -> None:
    """Of 30 kWh 28 are stored: the one that drew 10 should have 9.33, not 10, and the other 18.67 in 18 that fit."""
    found = charging._sessions(run(("sessions", 0, "got_kwh", 1.0)))
    assert found == pytest.approx((10.0 - 28.0 / 3.0) / 18.0)
