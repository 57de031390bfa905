"""Every row of the tables and every point of the sweeps of the study on lots that lead, from made-up results."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.reproduce.epec_lots import published as data
from sim.reproduce.epec_lots import study

RNG = np.random.default_rng(43)
COST, FUEL, IMPORTS, EXPORTS = "network cost (EUR)", "fuel cost (EUR)", "imports (MWh)", "exports (MWh)"


def run() -> Any:
    numbers = {name: float(RNG.uniform(1.0, 99.0)) for name in ("import_mwh", "export_mwh", "charged_mwh", "seconds")}
    cost, fuel = RNG.uniform(100.0, 999.0, 2).tolist()
    return SimpleNamespace(clearing=SimpleNamespace(network_cost=cost, fuel_cost=fuel), **numbers)


def made() -> Any:
    cases = {(f, band, case): run() for f in data.FEEDERS for band in data.BANDS for case in data.CASES}
    factors = {"renewable": data.RENEWABLE_FACTORS, "demand": data.DEMAND_FACTORS}
    names = ("network_cost", "fuel_cost", "import_mwh", "export_mwh")
    sweeps = {
        (feeder, name): tuple(
            SimpleNamespace(factor=factor, **dict(zip(names, RNG.uniform(1.0, 99.0, 4).tolist(), strict=True)))
            for factor in known
        )
        for feeder in data.FEEDERS
        for name, known in factors.items()
    }
    return SimpleNamespace(cases=cases, sweeps=sweeps, base=lambda feeder, case: cases[feeder, data.BASE_BAND, case])


def told(table: Any) -> list[tuple[Any, ...]]:
    return [(row.row, row.quantity, row.published, row.computed) for row in table.rows]


@pytest.mark.parametrize(("feeder", "number"), [("33", 5), ("85", 7)])
def test_tables_5_and_7(feeder: str, number: int) -> None:
    results = made()
    table = study._economic_table(results, feeder, number)
    assert (table.name, table.title.split(":")[0]) == (f"table-{number}", f"Table {number}")
    wanted = []
    for case, row in data.TABLES_5_AND_7[feeder].items():
        own = results.cases[feeder, data.BASE_BAND, case]
        values = own.clearing.network_cost, own.clearing.fuel_cost, own.import_mwh, own.charged_mwh
        quantities = (COST, FUEL, IMPORTS, "charging (MWh)")
        wanted += [(f"Case {case}", *each) for each in zip(quantities, row, values, strict=True)]
    assert told(table) == wanted


def test_table_8() -> None:
    results = made()
    table = study._time_table(results)
    assert told(table) == [
        (f"{label}, case {case}", "time (s)", seconds, results.base(feeder, case).seconds)
        for feeder, label in data.FEEDERS.items()
        for case, seconds in data.TABLE_8[feeder].items()
    ]
    assert not table.counted


def test_reference_results() -> None:
    results = made()
    wanted = []
    for (feeder, band), cases in data.S0.items():
        for case, reference in cases.items():
            own = results.cases[feeder, band, case]
            values = own.clearing.network_cost, own.clearing.fuel_cost, own.import_mwh, own.export_mwh
            label = f"{data.FEEDERS[feeder]}, {band} p.u., case {case}"
            wanted += [(label, *each) for each in zip((COST, FUEL, IMPORTS, EXPORTS), reference, values, strict=True)]
    table = study._reference_table(results)
    assert told(table) == wanted
    assert (table.counted, table.in_terminal) == (False, False)


def test_sweeps() -> None:
    results = made()
    wanted = []
    known = {"renewable": data.RENEWABLE_FACTORS, "demand": data.DEMAND_FACTORS}
    for (feeder, name), points in results.sweeps.items():
        for point in points:
            label, ours = f"{data.FEEDERS[feeder]}, {name} x {point.factor:g}", feeder == "33"
            wanted += [
                (label, COST, known[name][point.factor] if ours else None, point.network_cost),
                (label, FUEL, None, point.fuel_cost),
                (label, IMPORTS, None, point.import_mwh),
                (label, EXPORTS, data.EXPORTS.get((name, point.factor)) if ours else None, point.export_mwh),
            ]
    assert told(study._sweep_table(results)) == wanted
    assert any(row[1] == EXPORTS and row[2] is not None for row in wanted)
    figure = study._sweep_figure(results, "85")
    drawn = [np.array(line.get_data(), float).T.tolist() for axis in figure.axes for line in axis.get_lines()]
    for name in known:
        for column in ("network_cost", "fuel_cost", "import_mwh", "export_mwh"):
            points = sorted((p.factor, getattr(p, column)) for p in results.sweeps["85", name])
            assert any(len(line) == len(points) and np.allclose(sorted(line), points) for line in drawn), column
