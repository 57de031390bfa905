"""Reproduction of the tri-level EPEC of parking lots and a distribution network (docs/epec_lots.md).

Cases 1-3 on the 33- and the 85-bus feeder, the sweeps of Figs. 12 and 13, Tables 5, 7 and 8 beside the paper's, every
statement of the checklist, and figures laid out like the paper's Figs. 7, 8, 10, 11, 12 and 13.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.reproduce.closeness import Comparison, ComparisonTable
from sim.reproduce.epec_lots import published as data
from sim.reproduce.epec_lots.compute import Results, compute
from sim.reproduce.epec_lots.constants import constants
from sim.reproduce.epec_lots.errors import documented_errors
from sim.reproduce.epec_lots.statements import statements
from sim.reproduce.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reproduce(folder: Path, solver: str = "auto") -> Report:
    """Make the report and draw its figures.

    Parameters
    ----------
    folder
        Where the figures go (``figures`` inside it).
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    """
    results = compute(solver)
    return make_report(results, draw(results, folder))


def make_report(results: Results, figures: tuple[tuple[str, str], ...] = ()) -> Report:
    """Put results beside the published numbers and evaluate every statement."""
    return Report(
        name="epec-lots",
        title="Reproduction: tri-level EPEC of parking lots and a distribution network",
        introduction=data.INTRODUCTION,
        tables=(
            _economic_table(results, "33", 5),
            _economic_table(results, "85", 7),
            _time_table(results),
            _reference_table(results),
            _sweep_table(results),
        ),
        statements=statements(results),
        constants=constants(),
        errors=documented_errors(results),
        figures=figures,
    )


def draw(results: Results, folder: Path) -> tuple[tuple[str, str], ...]:
    """Draw the look-alikes of the paper's figures; return file names and captions."""
    # here, because matplotlib is slow to import
    from sim.markets.charging import figures, grid_figures, hourly
    from sim.show import drawing

    drawn = []
    for feeder, (schedule, voltage, sweep) in {"33": (7, 8, 12), "85": (10, 11, 13)}.items():
        label = data.FEEDERS[feeder]
        results_by_name = {f"Case {case} ({text})": results.base(feeder, case) for case, text in data.CASES.items()}
        days = {name: hourly.SingleDay(r.network, r.day, r.clearing) for name, r in results_by_name.items()}
        dispatch = {name: hourly.DISPATCH.frame(day) for name, day in days.items()}
        prices = {name: hourly.PRICES.frame(day) for name, day in days.items()}
        drawn += [
            (
                f"fig-{schedule}",
                figures.scheduling_figure(dispatch, first_hour=1),
                f"Scheduling, {label} (layout of Fig. {schedule}; negative power is generation)",
            ),
            (
                f"fig-{voltage}",
                grid_figures.voltage_figure(prices),
                f"Lowest voltage of the day at every bus, {label} (layout of Fig. {voltage})",
            ),
            (f"fig-{sweep}", _sweep_figure(results, feeder), f"Sensitivity, {label}, case 1 (layout of Fig. {sweep})"),
        ]
    for name, figure, _ in drawn:
        drawing.save(figure, folder / "figures" / name)
    return tuple((f"figures/{name}.png", caption) for name, _, caption in drawn)


def _economic_table(results: Results, feeder: str, number: int) -> ComparisonTable:
    """Return Table 5 or 7 beside the results on S0."""
    rows = []
    for case, published in data.TABLES_5_AND_7[feeder].items():
        ours, name = results.base(feeder, case), f"Case {case}"
        rows += [
            Comparison(name, "network cost (EUR)", published.network_cost, ours.clearing.network_cost),
            Comparison(name, "fuel cost (EUR)", published.fuel_cost, ours.clearing.fuel_cost),
            Comparison(name, "imports (MWh)", published.import_mwh, ours.import_mwh, digits=2),
            Comparison(name, "charging (MWh)", published.charged_mwh, ours.charged_mwh, digits=2),
        ]
    title = f"Table {number}: {data.FEEDERS[feeder]}, published against computed on S0"
    return ComparisonTable(f"table-{number}", title, tuple(rows))


def _time_table(results: Results) -> ComparisonTable:
    rows = tuple(
        Comparison(f"{label}, case {case}", "time (s)", seconds, results.base(feeder, case).seconds, digits=2)
        for feeder, label in data.FEEDERS.items()
        for case, seconds in data.TABLE_8[feeder].items()
    )
    return ComparisonTable(
        "table-8",
        "Table 8: computing time, on the paper's machine and on this one (compile, clear and prove)",
        rows,
        counted=False,
    )


def _reference_table(results: Results) -> ComparisonTable:
    """Return the S0 reference results, both voltage bands, beside what was computed now."""
    names = {
        "network_cost": "network cost (EUR)",
        "fuel_cost": "fuel cost (EUR)",
        "import_mwh": "imports (MWh)",
        "export_mwh": "exports (MWh)",
    }
    rows = []
    for (feeder, band), cases in data.S0.items():
        for case, reference in cases.items():
            ours = results.cases[feeder, band, case]
            label = f"{data.FEEDERS[feeder]}, {band} p.u., case {case}"
            computed = (ours.clearing.network_cost, ours.clearing.fuel_cost, ours.import_mwh, ours.export_mwh)
            rows += [
                Comparison(label, name, wanted, value, digits=1 if name.endswith("(EUR)") else 2)
                for name, wanted, value in zip(names.values(), reference, computed, strict=True)
            ]
    return ComparisonTable(
        "s0-reference",
        "S0 reference results",
        tuple(rows),
        published_name="reference",
        in_terminal=False,
        counted=False,
    )


def _sweep_table(results: Results) -> ComparisonTable:
    """Return the sweeps of Figs. 12 and 13; reference values exist for the 33-bus feeder."""
    references = {"renewable": data.RENEWABLE_FACTORS, "demand": data.DEMAND_FACTORS}
    rows = []
    for (feeder, name), points in results.sweeps.items():
        for point in points:
            label = f"{data.FEEDERS[feeder]}, {name} x {point.factor:g}"
            cost = references[name][point.factor] if feeder == "33" else None
            exports = data.EXPORTS.get((name, point.factor)) if feeder == "33" else None
            rows += [
                Comparison(label, "network cost (EUR)", cost, point.network_cost, digits=0),
                Comparison(label, "fuel cost (EUR)", None, point.fuel_cost),
                Comparison(label, "imports (MWh)", None, point.import_mwh, digits=2),
                Comparison(label, "exports (MWh)", exports, point.export_mwh, digits=2),
            ]
    title = "Figs. 12 and 13: sensitivity of case 1 (the paper's values are in figures only)"
    return ComparisonTable(
        "sensitivity", title, tuple(rows), published_name="reference", in_terminal=False, counted=False
    )


def _sweep_figure(results: Results, feeder: str) -> Figure:
    from sim.markets.charging.figures import sensitivity_figure

    labels = {"renewable": "Renewable factor α RES", "demand": "Demand factor α D"}
    quantities = {
        "network_cost": "Network cost\n(EUR)",
        "fuel_cost": "Fuel cost\n(EUR)",
        "import_mwh": "Imports\n(MWh)",
        "export_mwh": "Exports\n(MWh)",
    }
    points = {
        label: [
            {"factor": p.factor, **{key: getattr(p, key) for key in quantities}} for p in results.sweeps[feeder, name]
        ]
        for name, label in labels.items()
    }
    return sensitivity_figure(points, quantities, dict.fromkeys(points, 1.0))
