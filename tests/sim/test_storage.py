"""Storage in a run: a scenario of one's own goes through the command line, and tables and figure show the units."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from matplotlib.figure import Figure

from sim.cli import main
from sim.markets.charging.figures import scheduling_figure
from sim.store import Run
from tests.sim.drawn import bar_heights

UNIT = {"name": "battery", "bus": 11, "energy_kwh": 800, "charge_max_kw": 250, "discharge_max_kw": 250}
STORAGE = {"storage": [{**UNIT, "initial_kwh": 300, "charge_efficiency": 0.9}]}
SCENARIOS = {
    "lots-lead": {"extends": "week-33", **STORAGE},
    "nodal": {
        "extends": "nodal-33",
        **STORAGE,
        "microturbines": [
            {"name": "mt-17", "bus": 18, "rating_kva": 900, "fuel_cost_eur_per_mwh": 40, "ramp_kw_per_h": 200},
            {"name": "mt-29", "bus": 30, "rating_kva": 900, "fuel_cost_eur_per_mwh": 80},
        ],
        "drivers": {"sessions_per_day": 60},
    },
}


@pytest.fixture(scope="module", params=SCENARIOS)
def run(request, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp(request.param)
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(SCENARIOS[request.param]), encoding="utf-8")
    days = {"lots-lead": "2", "nodal": "1"}[request.param]
    certify = {"lots-lead": "standard", "nodal": "full"}[request.param]
    options = ["--days", days, "--seed", "1", "--out", str(folder / "out"), "--no-figures", "--certify", certify]
    assert main(["run", str(path), *options]) == 0
    return Run(folder / "out")


def test_energy_runs_from_hour_to_hour_and_each_day_ends_as_it_began(run):
    for _, rows in run.storage.groupby("day"):
        change = 0.9 * rows["charge_kw"] - rows["discharge_kw"] / 0.95
        np.testing.assert_allclose(rows["energy_kwh"], 300.0 + change.cumsum(), atol=1e-5)
        assert rows["energy_kwh"].iloc[-1] == pytest.approx(300.0)
        assert rows["energy_kwh"].between(-1e-6, 800.0 + 1e-6).all()
    assert len(run.storage) == 24 * len(run.days)
    assert set(run.storage["bus"]) == {"11"}
    assert run.storage["charge_kw"].sum() > 100.0  # it is used


def test_the_dispatch_balances_with_storage(run):
    power = run.dispatch.pivot_table(index=["day", "hour"], columns="kind", values="p_kw", aggfunc="sum").fillna(0.0)
    made = power[["import", "microturbine", "renewable", "storage"]].sum(axis=1)
    np.testing.assert_allclose(made, power[["load", "lot", "export"]].sum(axis=1), atol=1e-4)
    net = (run.storage["discharge_kw"] - run.storage["charge_kw"]).to_numpy()
    np.testing.assert_allclose(power["storage"], net, atol=1e-9)


def test_every_day_is_certified_and_names_its_method(run):
    assert run.certificates["certified"].all()
    expected = "lexicographic" if run.certificates["method"].iloc[0] == "lexicographic" else "complementarity-bb"
    assert set(run.certificates["method"]) == {expected}
    if expected == "complementarity-bb":
        assert run.certificates["notes"].str.contains("joins hours 0 to 23").all()
        assert run.certificates["second_method"].str.startswith("KKT conditions").all()
        assert run.certificates["second_finished"].all()
        assert (run.certificates["second_gap"] <= 1e-6).all()


def test_the_figure_shows_charging_and_giving(run):
    dispatch = run.table("dispatch", 0)
    figure = scheduling_figure({"day": dispatch})
    assert isinstance(figure, Figure)
    axis = figure.axes[0]
    bars = {label: heights.sum() for label, heights in bar_heights(axis).items()}
    stored = dispatch.loc[dispatch["kind"] == "storage", "p_kw"] / 1000
    assert bars["Storage, giving"] == pytest.approx(-stored.clip(lower=0).sum())
    assert bars["Storage, charging"] == pytest.approx(-stored.clip(upper=0).sum())
