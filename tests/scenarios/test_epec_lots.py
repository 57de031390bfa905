"""The paper's cases: the data identities of docs/epec_lots.md, and what another feeder or bad counts get."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.files import DATA
from scenarios.loading import load_scenario
from scenarios.published.epec_lots import epec_lots_case
from scenarios.streams import Streams


@pytest.mark.parametrize("feeder", ["33", "85"])
@pytest.mark.parametrize("case", [1, 2, 3])
def test_charged_energy_is_the_same_data_constant_everywhere(feeder: str, case: int) -> None:
    network, day = epec_lots_case(feeder, case)
    energy = [
        (lot.energy_end_kwh + lot.energy_out_kwh[1:].sum() - lot.energy_in_kwh.sum()) / site.efficiency
        for lot, site in zip(day.lots, network.lots, strict=True)
    ]
    np.testing.assert_allclose(energy, [3175.7, 2340.0, 1554.4], atol=0.06)
    assert sum(energy) == pytest.approx(7070.0, abs=1e-9)


def test_what_the_paper_states_on_33_buses() -> None:
    network, day = epec_lots_case("33", 1)
    assert [lot.bus for lot in network.lots] == [7, 13, 31]
    assert [(unit.bus, unit.rating_kva, unit.fuel_cost_per_kwh) for unit in network.microturbines] == [
        (17, 600.0, 0.04),
        (32, 600.0, 0.06),
    ]
    assert [(unit.bus, unit.rated_kw) for unit in network.renewables] == [(5, 300), (11, 400), (24, 300), (28, 450)]
    assert [(unit.bus, unit.rating_kvar) for unit in network.compensators] == [(15, 500.0), (29, 500.0)]
    assert (network.export_price_factor, network.polygon_edges) == (0.7, 12)
    assert set(network.feeder.rating_kva) == {5000.0}
    peak = day.load_kw.max(axis=0)
    assert peak.sum() == pytest.approx(4115.0)
    assert (peak[1], peak[20], peak[32]) == (150.0, 550.0, 250.0)
    assert day.load_kvar.max(axis=0)[[1, 20]].tolist() == pytest.approx([15.0, 165.0])
    assert {float(price) for lot in day.lots for price in lot.charging_price} == {0.5}
    assert day.wholesale_price[[3, 19]].tolist() == pytest.approx([0.0355, 0.064])


def test_85_buses_carry_the_literature_load() -> None:
    network, day = epec_lots_case("85", 1)
    assert network.feeder.size == 85
    assert day.load_kw.max(axis=0).sum() == pytest.approx(2570.28)
    industrial = day.load_kvar.max(axis=0) / np.maximum(day.load_kw.max(axis=0), 1e-9) > 0.2
    assert day.load_kw.max(axis=0)[industrial].sum() == pytest.approx(1568.0)
    assert network.microturbines[0].bus == 72


def test_cases_differ_in_what_is_out_of_service() -> None:
    _, full = epec_lots_case("33", 1)
    _, second = epec_lots_case("33", 2)
    _, third = epec_lots_case("33", 3)
    assert full.microturbine_available.tolist() == third.microturbine_available.tolist() == [True, True]
    assert second.microturbine_available.tolist() == [False, False]
    assert third.renewable_kw.max() == 0.0
    np.testing.assert_array_equal(full.renewable_kw, second.renewable_kw)


def test_factors_and_voltage_band() -> None:
    _, base = epec_lots_case("33", 1)
    network, day = epec_lots_case(
        "33", 1, voltage_min_pu=0.95, voltage_max_pu=1.05, demand_factor=1.5, renewable_factor=2.0
    )
    np.testing.assert_allclose(day.load_kw, 1.5 * base.load_kw)
    np.testing.assert_allclose(day.load_kvar, 1.5 * base.load_kvar)
    np.testing.assert_allclose(day.renewable_kw, 2.0 * base.renewable_kw)
    assert (network.feeder.voltage_min_pu[5], network.feeder.voltage_max_pu[5]) == (0.95, 1.05)


def test_a_run_of_a_case_repeats_one_day() -> None:
    scenario = load_scenario("epec-lots-33-case1")
    first, later = scenario.day(0, Streams(0)), scenario.day(9, Streams(5))
    assert first.date is None
    assert first.sessions == ()
    assert first.lots is not None
    assert later.lots is not None
    for one, other in zip(first.lots, later.lots, strict=True):
        np.testing.assert_array_equal(one.soe_max_kwh, other.soe_max_kwh)
    np.testing.assert_array_equal(first.load_kw, later.load_kw)
    np.testing.assert_array_equal(first.renewable_kw, later.renewable_kw)


def test_bad_arguments() -> None:
    for keys, field in (
        ({"feeder": "34"}, "feeder"),
        ({"case": 4}, "case"),
        ({"demand_factor": -1.0}, "demand_factor"),
        ({"renewable_factor": float("nan")}, "renewable_factor"),
        ({"voltage_min_pu": 1.2}, "voltage_min_pu"),
    ):
        with pytest.raises(InputError, match=f"epec_lots_case: {field}: "):
            epec_lots_case(**{"feeder": "33", "case": 1, **keys})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lot-1,2,4,1,2", "lot-1,2,5,1,2", "line 3, column plugged: got '5', expected vehicles before + arrivals"),
        ("lot-1,2,4,1,2", "lot-9,2,4,1,2", "line 3, column lot: got 'lot-9', expected a lot of the scenario"),
        ("lot-1,2,4,1,2\n", "", "lot lot-1: got '23 rows'"),
        ("lot-1,2,4,1,2", "lot-1,2,44,41,2", "line 3, column plugged: got '44', expected vehicles"),
        ("lot-1,2,4,1,2", "lot-1,2,4,-1,2", "line 3, column arrivals: got '-1'"),
    ],
)
def test_bad_counts(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (DATA / "lots" / "s0.csv").read_text()
    assert old in text
    (tmp_path / "counts.csv").write_text(text.replace(old, new, 1))
    path = tmp_path / "case.yaml"
    path.write_text("extends: epec-lots-33-case1\ndrivers: {file: counts.csv}\n")
    with pytest.raises(InputError, match=re.escape(message)):
        load_scenario(str(path))


def test_fixed_lots_do_not_learn_and_counts_have_their_own_keys(tmp_path: Path) -> None:
    data = load_scenario("epec-lots-33-case1").resolved()
    path = tmp_path / "case.yaml"
    data["lots"][0]["learning"].update(rule="roth-erev", price_grid_eur_per_kwh=[0.3, 0.4, 0.5, 0.6])  # type: ignore[index]
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(InputError, match=r"drivers: got 'counts', expected replay or resample"):
        load_scenario(str(path))
    path.write_text("extends: epec-lots-33-case1\ndrivers: {patience: {lots_max: 2}}\n")
    with pytest.raises(
        InputError, match=r"line 2, drivers.patience: got 'patience', expected one of the keys source, file"
    ):
        load_scenario(str(path))
    path.write_text("extends: epec-lots-33-case1\ndrivers: {departure_energy_kwh: 60}\n")
    with pytest.raises(
        InputError, match=r"drivers.departure_energy_kwh: got 60.0, expected at most battery_kwh \(50\)"
    ):
        load_scenario(str(path))
