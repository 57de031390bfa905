"""Every column of every table of a DISCO run against what a plain loop makes of the finished day."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from equilibrium.certificate import Verdict
from scenarios.loading import load_scenario
from scenarios.markets.disco.case import DiscoCase
from sim.markets.disco.kind import KIND
from sim.markets.disco.model import REPORTERS, DiscoModel
from sim.markets.disco.results import DiscoDayResult
from sim.markets.disco.tables import DAYS
from tests.sim.disco_by_hand import EXPECTED, expected_beliefs, expected_days

SCENARIO = {
    "extends": "disco-15",
    "title": "two lots, half-hours, a negative price",
    "prices": {"file": "prices.csv"},
    "time": {"step_minutes": 30},
    "lots": [
        {"name": "west", "bus": 9, "drivers": 6},
        {"name": "east", "bus": 4, "drivers": 4, "efficiency": 0.85, "discharge_efficiency": 0.9},
    ],
    "lot_owner": {"margin_usd_per_kwh": 0.03, "driver_share": 0.4, "learning": {"rule": "none"}},
    "scenarios": {"draws": 6, "kept": 2, "price_sigma": 0.1},
    "market": {"segments": 4},
    "retailer": {"programs": {"set": "disco-dr", "offered": ["tou+edrp", "flat"]}},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> DiscoModel:
    folder = tmp_path_factory.mktemp("case")
    rows = ["date,hour,price_usd_per_mwh"]
    for date in (10, 11):
        rows += [f"2024-06-{date},{hour},{-20 if (date, hour) == (10, 13) else 60 + 3 * hour}" for hour in range(1, 25)]
    (folder / "prices.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "own.yaml").write_text(yaml.safe_dump(SCENARIO), encoding="utf-8")
    return DiscoModel(load_scenario(str(folder / "own.yaml"), None, DiscoCase), seed=4)


@pytest.fixture(scope="module")
def day(model: DiscoModel) -> DiscoDayResult:
    model.step()
    return model.last


@pytest.mark.parametrize("table", KIND.tables, ids=lambda table: table.name)
def test_every_column_is_what_a_plain_loop_gives(table: Any, model: DiscoModel, day: DiscoDayResult) -> None:
    frame = table.frame(day)
    expected = EXPECTED[table.name](model, day)
    rows = len(next(iter(expected.values())))
    expected |= {"day": [0] * rows, "date": [dt.date(2024, 6, 10)] * rows}
    assert set(frame.columns) == set(expected)
    for name in frame.columns:
        found, wanted = frame[name].tolist(), expected[name]
        assert len(found) == len(wanted), name
        if isinstance(wanted[0], float | np.floating):
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            assert found == wanted, name


def test_what_is_collected_of_a_day_is_what_the_tables_say(model: DiscoModel, day: DiscoDayResult) -> None:
    row = {name: values[0] for name, values in expected_days(model, day).items()}
    beliefs = expected_beliefs(model, day)
    error = max(abs(a - b) for a, b in zip(beliefs["estimate"], beliefs["true_elasticity"], strict=True))
    found = {name: value(model) for name, value in REPORTERS.items()}
    assert found == {
        "company_profit": pytest.approx(row["company_profit"]),
        "planned_profit": pytest.approx(row["planned_profit"]),
        "cvar": pytest.approx(row["planned_cvar"]),
        "lot_profit": pytest.approx(row["lot_profit"]),
        "retail_profit": pytest.approx(row["retail_profit"]),
        "program": row["program"],
        "belief_error": pytest.approx(error),
        "vehicles": row["vehicles"],
        "certified": row["certified"],
    }
    settled = day.settlement
    for part in ("plan", "clearing"):  # both of them must be certified
        one = getattr(settled, part)
        proof = replace(one.certificate, verdict=Verdict.KKT_CONSISTENT)
        other: Any = type(
            "Model", (), {"last": replace(day, settlement=replace(settled, **{part: replace(one, certificate=proof)}))}
        )
        assert not REPORTERS["certified"](other)
        told = DAYS.filled(other.last)
        assert (list(told["verdict"]), list(told["certified"])) == (["kkt-consistent"], [False])
        large = replace(
            day,
            settlement=replace(settled, **{part: replace(one, certificate=replace(one.certificate, worst_regret=9.0))}),
        )
        assert list(DAYS.filled(large)["worst_regret"]) == [9.0]


def test_both_solvers_write_the_same_tables(model: DiscoModel, day: DiscoDayResult) -> None:
    """A day with a negative price: no column depends on the way that led to the optimum."""
    other = DiscoModel(model.case, seed=4, solver="gurobi")
    other.step()
    assert "Gurobi" in other.last.settlement.plan.certificate.solver
    timed = {"seconds", "solver_seconds", "solver"}
    residuals = {"primal", "dual", "complementarity", "gap", "worst_regret", "epsilon"}
    for table in KIND.tables:
        first, second = table.frame(day), table.frame(other.last)
        for name in set(first.columns) - timed - residuals:
            found, wanted = second[name].tolist(), first[name].tolist()
            if wanted and isinstance(wanted[0], float):
                np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6, err_msg=f"{table.name}.{name}")
            else:
                assert found == wanted, f"{table.name}.{name}"


def test_the_day_has_something_in_every_column(model: DiscoModel, day: DiscoDayResult) -> None:
    """A column of zeros would hide a wrong factor: this day charges, gives, curtails and loses."""
    del model
    tables: dict[str, pd.DataFrame] = {table.name: table.frame(day) for table in KIND.tables}
    row = tables["days"].iloc[0]
    for name in ("charged_kwh", "discharged_kwh", "curtailed_kwh", "loss_kwh", "retail_profit", "vehicles"):
        assert abs(row[name]) > 1e-3, name
    assert row["forecast_load_kwh"] != row["load_kwh"] != row["base_load_kwh"]
    amounts = tables["accounts"].set_index("account")["amount"]
    assert (amounts.drop("response_cost").abs() > 1e-3).all()
    assert tables["sessions"]["given_kwh"].sum() > 1.0
    assert tables["lot_days"]["came"].min() >= 1.0
    assert set(tables["limits"]["limit"]) == {"renewable"}


def test_limits_of_branches_and_voltages(model: DiscoModel, day: DiscoDayResult) -> None:
    """The same day on a feeder whose limits are just what it reaches."""
    feeder, came = day.network.feeder, day.settlement.realised
    flow = 11.0 * np.sqrt(1e3 * came.loss_kw[:, 1:].max(axis=0) / feeder.r_ohm[1:])
    tight = replace(
        feeder,
        rating_kva=np.concatenate([[np.inf], 1.005 * flow]),
        voltage_min_pu=came.voltage_pu.min(axis=0),
        voltage_max_pu=came.voltage_pu.max(axis=0) + 0.001,
    )
    close = replace(day, network=replace(day.network, feeder=tight))
    (table,) = (table for table in KIND.tables if table.name == "limits")
    frame, expected = table.frame(close), EXPECTED["limits"](model, close)
    assert set(frame["limit"]) == {"branch", "voltage-min", "renewable"}
    reached = frame.groupby("limit")["reached"].any()
    assert reached["voltage-min"]
    assert not reached["branch"]  # 0.5 % are left of each
    for name, values in expected.items():
        wanted = pytest.approx(values) if name in ("value", "slack") else values
        assert frame[name].tolist() == wanted, name
