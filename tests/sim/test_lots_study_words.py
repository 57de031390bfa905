"""What the study on lots that lead says of its numbers: every reason and every error, from made-up results.

The sentences are put together here once more, from the same arrays, in plain loops.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.reproduce.epec_lots import published as data
from sim.reproduce.epec_lots import statements as checked
from sim.reproduce.epec_lots.compute import CaseResult, Results, SweepPoint
from sim.reproduce.epec_lots.errors import documented_errors

BUSES = {"33": 33, "85": 85}
PRICE = np.array([0.03, 0.05, 0.035, 0.045, *[0.055] * 16, 0.07, 0.03, 0.08, 0.065])
"""Below 40 EUR/MWh in the hours 1, 3 and 22, above 60 in 21, 23 and 24."""


def made_case(draw: np.random.Generator, feeder: str, case: int) -> CaseResult:
    """A case of half-hours in which each number is another one."""
    turbines = np.zeros((24, 2)) if case == 2 else draw.uniform(0.0, 90.0, (24, 2))
    clearing: Any = SimpleNamespace(
        network_cost=float(draw.uniform(500.0, 2500.0)),
        fuel_cost=0.0 if case == 2 else float(draw.uniform(100.0, 500.0)),
        import_kw=draw.uniform(100.0, 2000.0, 24),
        export_kw=draw.uniform(1.0, 30.0, 24),
        microturbine_kw=turbines,
        lot_kw=draw.uniform(1.0, 300.0, (24, 3)),
        lot_profit=draw.uniform(900.0, 1300.0, 3),
        voltage_pu=draw.uniform(0.9, 1.05, (24, BUSES[feeder])),
    )
    day: Any = SimpleNamespace(length_h=np.full(24, 0.5), wholesale_price=PRICE)
    network: Any = None
    return CaseResult(network, day, clearing, float(draw.uniform(0.1, 9.0)))


@pytest.fixture(scope="module")
def made() -> Results:
    draw = np.random.default_rng(71)
    cases = {
        (feeder, band, case): made_case(draw, feeder, case)
        for feeder in data.FEEDERS
        for band in data.BANDS
        for case in data.CASES
    }
    factors = {"renewable": data.RENEWABLE_FACTORS, "demand": data.DEMAND_FACTORS}
    sweeps = {
        (feeder, name): tuple(SweepPoint(factor, *draw.uniform(1.0, 99.0, 5).tolist()) for factor in known)
        for feeder in data.FEEDERS
        for name, known in factors.items()
    }
    infeasible = {("85", "demand", 1.25): "too much", ("33", "renewable", 2.0): "sun"}
    return Results(cases, sweeps, infeasible, made_case(draw, "33", 1), made_case(draw, "33", 1))


def said(results: Results, key: str, part: str = "") -> str:
    (found,) = [each.reason for each in checked.statements(results) if each.key == key and part in each.text]
    return found


def sum_of(values: Any, hours: Any) -> float:
    return sum(float(values[hour - 1]) for hour in hours)


def test_charged_energy_and_microturbines(made: Results) -> None:
    charged = [0.5 * run.clearing.lot_kw.sum() / 1000 for run in made.cases.values()]
    assert said(made, "N1") == (
        f"{min(charged):.6f} to {max(charged):.6f} MWh over 12 runs: an identity of the lots' data"
    )
    turbines = [0.5 * run.clearing.microturbine_kw.sum() / 1000 for run in made.cases.values()]
    assert said(made, "N4") == (f"revenue 3535 EUR in all 12 runs, microturbine energy up to {max(turbines):.2f} MWh")


def test_costs_of_cases_and_sweeps(made: Results) -> None:
    parts = []
    for feeder, label in (("33", "33-bus"), ("85", "85-bus")):
        for band in ("0.90-1.10", "0.95-1.05"):
            costs = [made.cases[feeder, band, case].clearing.network_cost for case in (1, 2, 3)]
            parts.append(f"{label} {band}: {costs[0]:.1f}, {costs[1]:.1f}, {costs[2]:.1f}")
    assert said(made, "O1") == "EUR, " + "; ".join(parts)
    listed = {
        name: "EUR, " + "; ".join(
            f"{label}: " + ", ".join(f"{point.network_cost:.0f}" for point in made.sweeps[label[:2], name])
            for label in ("33-bus", "85-bus")
        )
        for name in ("renewable", "demand")
    }  # fmt: skip
    assert said(made, "O2") == listed["renewable"]
    highest = max(point.voltage_max_pu for feeder in BUSES for point in made.sweeps[feeder, "demand"])
    voltage = f"highest voltage {highest:.3f} p.u., limit 1.10"
    assert said(made, "O3") == f"{listed['demand']}; infeasible: 85-bus x 1.25; {voltage}"
    assert said(replace(made, infeasible={}), "O3") == f"{listed['demand']}; {voltage}"


@pytest.mark.parametrize("feeder", ["33", "85"])
def test_what_is_observed_of_a_feeder(made: Results, feeder: str) -> None:
    label = data.FEEDERS[feeder]
    runs = {case: made.cases[feeder, "0.90-1.10", case] for case in (1, 2, 3)}
    of = {case: run.clearing for case, run in runs.items()}
    costs = f"{of[2].network_cost:.1f} and {of[3].network_cost:.1f} EUR"
    assert said(made, "O4", f"{label}: the network cost of case 2") == costs
    assert said(made, "O4", f"{label}: case 1 burns") == f"{of[1].fuel_cost:.1f} and {of[3].fuel_cost:.1f} EUR"
    imports = [0.5 * of[case].import_kw.sum() / 1000 for case in (1, 2, 3)]
    assert said(made, "O4", f"{label}: imports rise from") == ", ".join(f"{value:.2f}" for value in imports) + " MWh"
    power = {case: of[case].lot_kw.sum(axis=1) for case in of}
    peaks = ", ".join(
        f"{1 + power[case].tolist().index(max(power[case]))}:00 ({max(power[case]) / 1000:.2f} MW)" for case in of
    )
    assert said(made, "S1", f"{label}: charging peaks") == f"peaks at {peaks}"
    midday = {case: sum_of(power[case], (11, 12, 13, 14)) / 1000 for case in of}
    assert said(made, "S1", f"{label}: case 3 moves") == (
        f"{midday[1]:.2f} MWh in case 1, {midday[3]:.2f} MWh in case 3; peaks at {peaks}"
    )
    night, evening = (min(sum_of(power[case], hours) for case in of) / 1000
                      for hours in (range(1, 7), range(18, 25)))  # fmt: skip
    assert said(made, "S1", f"{label}: some charging") == (
        f"at least {night:.2f} MWh in hours 1-6 and {evening:.2f} MWh in hours 18-24 (the schedule of least cost is "
        f"not unique)"
    )
    for case in (1, 3):
        turbines = of[case].microturbine_kw
        energy = turbines.sum(axis=0) / 1000
        hours = ", ".join(str(hour) for hour in range(1, 25))
        assert said(made, "O6", f"{label}, case {case}") == (
            f"{energy[0]:.2f} and {energy[1]:.2f} MWh; the second runs in hours {hours}"
        )
        cheap = (sum_of(turbines[:, 0], (1, 3)) + sum_of(turbines[:, 1], (1, 3))) / 1000
        assert said(made, "O7", f"{label}, case {case}") == f"{cheap:.2f} MWh in hours 1, 3"
    lowest = {case: [min(column) for column in of[case].voltage_pu.T] for case in of}
    best = ", ".join(f"{np.mean(lowest[case]):.4f}" for case in of)
    key = {"33": "S2", "85": "S3"}[feeder]
    assert said(made, key, f"{label}: case 1 has the best") == (
        f"mean of the buses' lowest voltages {best} p.u. (voltages are not unique)"
    )


@pytest.mark.parametrize(
    ("key", "part", "first", "last", "low", "high"),
    [
        ("S2", "buses 10-16", 10, 16, 2, 3),
        ("S2", "buses 22-33", 22, 33, 3, 2),
        ("S3", "buses 56-75", 56, 75, 2, 3),
        ("S3", "buses 28-54", 28, 54, 3, 2),
    ],
)
def test_voltages_of_some_buses(made: Results, key: str, part: str, first: int, last: int, low: int, high: int) -> None:
    feeder = "33" if key == "S2" else "85"
    mean = {
        case: np.mean([made.base(feeder, case).clearing.voltage_pu[:, bus - 1].min() for bus in range(first, last + 1)])
        for case in (low, high)
    }
    assert said(made, key, part) == (
        f"mean of the buses' lowest voltages {mean[low]:.4f} (case {low}) and {mean[high]:.4f} (case {high}) p.u."
    )


def test_exports_and_sweeps(made: Results) -> None:
    most = max(500 * made.base("33", case).clearing.export_kw.sum() / 1000 for case in (1, 2, 3))
    assert said(made, "O5", "33-bus: no exports") == f"at most {most:.1f} kWh a day"
    second = [made.base("85", case).clearing.export_kw[1] for case in (1, 2)]
    assert said(made, "O5", "85-bus: exports at 2:00") == f"{second[0]:.0f} and {second[1]:.0f} kW in hour 2"
    for (feeder, name), points in made.sweeps.items():
        for key, quantity, unit in (
            *(("import_mwh", "imports", "MWh"), ("fuel_cost", "fuel costs", "EUR"), ("export_mwh", "exports", "MWh")),
        ):
            values = ", ".join(f"{getattr(point, key):.2f}" for point in points)
            (reason,) = [
                each.reason
                for each in checked.statements(made)
                if each.text.startswith(f"{feeder}-bus: {quantity} ") and each.text.endswith(f"the {name} factor")
            ]
            assert reason == f"{values} {unit}"


def timed(made: Results, **seconds: float) -> Results:
    """The results with other times of the base band: 1 s but where another one is told, as ``s33_2``."""
    cases = {
        key: replace(run, seconds=seconds.get(f"s{key[0]}_{key[2]}", 1.0) if key[1] == data.BASE_BAND else 99.0)
        for key, run in made.cases.items()
    }
    return replace(made, cases=cases)


def test_times(made: Results) -> None:
    assert said(timed(made, s33_2=1.25, s85_3=2.5), "T1") == (
        "33-bus at most 1.25 s, 85-bus at most 2.50 s with compilation and certificate"
    )
    assert said(timed(made, s33_2=1.25, s85_3=2.5), "T1b") == "2.00 times the time for 2.58 times the buses"

    def holds(key: str, **seconds: float) -> bool:
        (found,) = [each.holds for each in checked.statements(timed(made, **seconds)) if each.key == key]
        return found

    assert [holds("T1", s33_1=19.99), holds("T1", s85_2=20.0), holds("T1", s33_3=25.0)] == [True, False, False]
    assert [holds("T1b", s85_1=85 / 33 - 1e-9), holds("T1b", s85_1=85 / 33 + 1e-9)] == [True, False]


def on_reference() -> Any:
    """Results that are the reference values themselves."""
    cases = {}
    for (feeder, band), known in data.S0.items():
        for case, row in known.items():
            clearing = SimpleNamespace(network_cost=row.network_cost, fuel_cost=row.fuel_cost)
            cases[feeder, band, case] = SimpleNamespace(
                clearing=clearing, import_mwh=row.import_mwh, export_mwh=row.export_mwh
            )
    sweeps = {
        ("33", name): [
            SimpleNamespace(factor=factor, network_cost=cost, export_mwh=data.EXPORTS.get((name, factor), 7.0))
            for factor, cost in known.items()
        ]
        for name, known in (("renewable", data.RENEWABLE_FACTORS), ("demand", data.DEMAND_FACTORS))
    }
    return SimpleNamespace(cases=cases, sweeps=sweeps)


def test_how_far_the_reference_results_are_met() -> None:
    results = on_reference()
    exact = checked._regression(results)
    assert (exact.holds, exact.reason) == (True, "48 values; the farthest uses 0 % of its tolerance ()")
    results.cases["85", "0.95-1.05", 3].clearing.fuel_cost = 434.6 + 0.25 * 0.4346
    results.cases["33", "0.90-1.10", 1].clearing.network_cost = 1936.1 - 0.5 * 1.9361
    found = checked._regression(results)
    assert found.reason == (
        "48 values; the farthest uses 50 % of its tolerance (network_cost of 33-bus 0.90-1.10 case 1: 1935, "
        "reference 1936.1)"
    )
    results.cases["85", "0.90-1.10", 3].export_mwh = 0.005 * 1.0000001  # half a unit of the last place, and no share
    found = checked._regression(results)
    assert not found.holds
    assert found.reason.endswith("100 % of its tolerance (export_mwh of 85-bus 0.90-1.10 case 3: 0.005, reference 0)")
    results.cases["85", "0.90-1.10", 3].export_mwh = 0.005
    assert checked._regression(results).holds


def test_how_far_the_sweeps_are_met() -> None:
    results = on_reference()
    assert checked._sweep_regression(results).reason == "17 values; the farthest uses 0 % of its tolerance"
    results.sweeps["33", "demand"][0].network_cost = 148.0 + 0.25  # of half a EUR, since 0.1 % of it is less
    assert checked._sweep_regression(results).reason == "17 values; the farthest uses 50 % of its tolerance"
    results.sweeps["33", "renewable"][6].export_mwh = 0.77 + 0.005 * 0.75
    assert checked._sweep_regression(results).reason == "17 values; the farthest uses 75 % of its tolerance"
    results.sweeps["33", "renewable"][0].network_cost = 2512.0 - 2.5
    found = checked._sweep_regression(results)
    assert (found.holds, found.reason) == (True, "17 values; the farthest uses 100 % of its tolerance")
    del results.sweeps["33", "demand"][5]
    missing = checked._sweep_regression(results)
    assert (missing.holds, missing.reason) == (False, "17 values; the farthest uses inf % of its tolerance")
    whole = on_reference()
    del whole.sweeps["33", "demand"][0]  # of a factor whose exports are known too
    assert not checked._sweep_regression(whole).holds


def test_the_errors_of_the_paper_with_their_numbers(made: Results) -> None:
    found = {error.key: error.finding for error in documented_errors(made)}
    assert list(found) == [f"E{k}" for k in range(1, 12)]
    coarse = made.cases["33", "0.95-1.05", 1].clearing.network_cost
    assert found["E3"] == (
        f"it lies inside the circle and restricts: 33-bus case 1 in the band 0.95-1.05 costs {coarse:.2f} EUR with 12 "
        f"edges and {made.finer_polygon.clearing.network_cost:.2f} EUR with 24"
    )
    assert found["E6"] == "those are reductions seen from cases 2 and 3; the increases are 109 and 169 %"
    low = {
        case: np.mean([made.base("85", case).clearing.voltage_pu[:, bus - 1].min() for bus in range(56, 76)])
        for case in (2, 3)
    }
    assert found["E7"] == (
        f"that microturbine is lost in case 2; mean of the lowest voltages there: {low[2]:.4f} p.u. in case 2, "
        f"{low[3]:.4f} in case 3"
    )
    more = 0.5 * made.printed_first_hour.clearing.lot_kw.sum() / 1000 - 7.07
    assert found["E8"] == f"with the printed first hour the lots sell {more:.3f} MWh that no battery receives"


def test_which_statements_must_hold(made: Results) -> None:
    found = checked.statements(made)
    assert [each.key for each in found if each.must_hold] == ["N1", "N2", "N4", "O1", "O2", "T1", "S0", "S0s"]
    assert [each.key for each in found if each.first is not None] == ["O3"]
