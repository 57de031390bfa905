"""Reproduction of the tri-level EPEC of parking lots and a distribution network (docs/epec_lots.md).

Cases 1-3 on the 33- and the 85-bus feeder, the sweeps of Figs. 12 and 13, Tables 5, 7 and 8 beside the paper's, every
statement of the checklist, and figures laid out like the paper's Figs. 7, 8, 10, 11, 12 and 13.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from equilibrium.errors import InfeasibleError
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from scenarios.published.epec_lots import epec_lots_case
from sim.reproduce.epec_lots import published as data
from sim.reproduce.epec_lots.errors import documented_errors
from sim.reproduce.epec_lots.statements import statements
from sim.reproduce.report import Comparison, ComparisonTable, Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MWH = 1000.0


@dataclass(frozen=True, eq=False)
class CaseResult:
    """One cleared case with its inputs and the wall time of compiling, clearing and proving it."""

    network: Network
    day: MarketDay
    clearing: Clearing
    seconds: float

    @property
    def import_mwh(self) -> float:
        """Energy imported, MWh."""
        return float(self.clearing.import_kw.sum()) / _MWH

    @property
    def export_mwh(self) -> float:
        """Energy exported, MWh."""
        return float(self.clearing.export_kw.sum()) / _MWH

    @property
    def charged_mwh(self) -> float:
        """Energy drawn by the lots, MWh."""
        return float(self.clearing.lot_kw.sum()) / _MWH


@dataclass(frozen=True)
class SweepPoint:
    """One point of a sweep: energies in MWh, costs in EUR; voltages per unit."""

    factor: float
    network_cost: float
    fuel_cost: float
    import_mwh: float
    export_mwh: float
    voltage_max_pu: float


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the report is made from.

    Attributes
    ----------
    cases
        By feeder (``"33"``, ``"85"``), voltage band and case.
    sweeps
        Points by feeder and factor (``"renewable"``, ``"demand"``), case 1, in the order of the factors.
    infeasible
        Reasons of the points of a sweep that no dispatch can serve, by feeder, factor's name and factor.
    finer_polygon, printed_first_hour
        Case 1 on 33 buses: in the narrow band with 24 instead of 12 polygon edges, and in the base band with the
        paper's printed first hour.
    """

    cases: dict[tuple[str, str, int], CaseResult]
    sweeps: dict[tuple[str, str], tuple[SweepPoint, ...]]
    infeasible: dict[tuple[str, str, float], str]
    finer_polygon: CaseResult
    printed_first_hour: CaseResult

    def base(self, feeder: str, case: int) -> CaseResult:
        """Return a case in the base voltage band."""
        return self.cases[feeder, data.BASE_BAND, case]


def compute(solver: str = "auto") -> Results:
    """Clear every case and every point of the sweeps."""
    cases = {
        (feeder, band, case): _clear_case(feeder, case, limits, solver)
        for feeder in data.FEEDERS
        for band, limits in data.BANDS.items()
        for case in data.CASES
    }
    infeasible: dict[tuple[str, str, float], str] = {}
    sweeps = {
        (feeder, name): _sweep(feeder, name, tuple(factors), solver, infeasible)
        for feeder in data.FEEDERS
        for name, factors in (("renewable", data.RENEWABLE_FACTORS), ("demand", data.DEMAND_FACTORS))
    }
    base, narrow = cases["33", data.BASE_BAND, 1], cases["33", data.NARROW_BAND, 1]
    printed = tuple(replace(site, first_hour="as_printed") for site in base.network.lots)
    return Results(
        cases=cases,
        sweeps=sweeps,
        infeasible=infeasible,
        finer_polygon=_clear(replace(narrow.network, polygon_edges=24), narrow.day, solver),
        printed_first_hour=_clear(replace(base.network, lots=printed), base.day, solver),
    )


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
        errors=documented_errors(results),
        figures=figures,
    )


def draw(results: Results, folder: Path) -> tuple[tuple[str, str], ...]:
    """Draw the look-alikes of the paper's figures; return file names and captions."""
    # here, because matplotlib is slow to import
    from sim.markets.charging import figures, tables
    from sim.show import drawing

    drawn = []
    for feeder, (schedule, voltage, sweep) in {"33": (7, 8, 12), "85": (10, 11, 13)}.items():
        label = data.FEEDERS[feeder]
        results_by_name = {f"Case {case} ({text})": results.base(feeder, case) for case, text in data.CASES.items()}
        dispatch = {
            name: tables.frame(tables.dispatch_rows(r.network, r.day, r.clearing))
            for name, r in results_by_name.items()
        }
        prices = {name: tables.frame(tables.price_rows(r.network, r.clearing)) for name, r in results_by_name.items()}
        drawn += [
            (
                f"fig-{schedule}",
                figures.scheduling_figure(dispatch, first_hour=1),
                f"Scheduling, {label} (layout of Fig. {schedule}; negative power is generation)",
            ),
            (
                f"fig-{voltage}",
                figures.voltage_figure(prices),
                f"Lowest voltage of the day at every bus, {label} (layout of Fig. {voltage})",
            ),
            (f"fig-{sweep}", _sweep_figure(results, feeder), f"Sensitivity, {label}, case 1 (layout of Fig. {sweep})"),
        ]
    for name, figure, _ in drawn:
        drawing.save(figure, folder / "figures" / name)
    return tuple((f"figures/{name}.png", caption) for name, _, caption in drawn)


def _clear_case(feeder: str, case: int, limits: tuple[float, float], solver: str) -> CaseResult:
    network, day = epec_lots_case(feeder, case, voltage_min_pu=limits[0], voltage_max_pu=limits[1])
    return _clear(network, day, solver)


def _clear(network: Network, day: MarketDay, solver: str) -> CaseResult:
    """Compile, clear and prove one day from nothing, which is what Table 8 measures."""
    start = time.perf_counter()
    clearing = LotsLeadMarket(network, solver=solver).clear(day)
    return CaseResult(network, day, clearing, time.perf_counter() - start)


def _sweep(
    feeder: str, name: str, factors: tuple[float, ...], solver: str, infeasible: dict[tuple[str, str, float], str]
) -> tuple[SweepPoint, ...]:
    """Clear case 1 for every factor; a point that no dispatch can serve is noted with its reason and left out."""
    points = []
    market: LotsLeadMarket | None = None
    for factor in factors:
        network, day = epec_lots_case(feeder, 1, **{f"{name}_factor": factor})
        market = market or LotsLeadMarket(network, solver=solver)
        try:
            clearing = market.clear(day)
        except InfeasibleError as error:
            infeasible[feeder, name, factor] = error.reasons[0] if error.reasons else str(error)
            continue
        points.append(
            SweepPoint(
                factor=factor,
                network_cost=clearing.network_cost,
                fuel_cost=clearing.fuel_cost,
                import_mwh=float(clearing.import_kw.sum()) / _MWH,
                export_mwh=float(clearing.export_kw.sum()) / _MWH,
                voltage_max_pu=float(clearing.voltage_pu.max()),
            )
        )
    return tuple(points)


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
        "table-8", "Table 8: computing time, on the paper's machine and on this one (compile, clear and prove)", rows
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
        "s0-reference", "S0 reference results", tuple(rows), published_name="reference", in_terminal=False
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
    return ComparisonTable("sensitivity", title, tuple(rows), published_name="reference", in_terminal=False)


def _sweep_figure(results: Results, feeder: str) -> Figure:
    from sim.markets.charging.figures import sensitivity_figure

    labels = {"renewable": r"Renewable factor $\alpha^{RES}$", "demand": r"Demand factor $\alpha^{D}$"}
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
