"""What the reproduction of the EPEC of parking lots computes: the cases and the sweeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from equilibrium.errors import InfeasibleError
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from scenarios.published.epec_lots import epec_lots_case
from sim.columns import energy_kwh
from sim.reproduce.epec_lots import published as data

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
        return energy_kwh(self.day.length_h, self.clearing.import_kw) / _MWH

    @property
    def export_mwh(self) -> float:
        """Energy exported, MWh."""
        return energy_kwh(self.day.length_h, self.clearing.export_kw) / _MWH

    @property
    def charged_mwh(self) -> float:
        """Energy drawn by the lots, MWh."""
        return energy_kwh(self.day.length_h, self.clearing.lot_kw) / _MWH


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


Vary = Callable[[Network, MarketDay], tuple[Network, MarketDay]]
"""Makes other data of a case."""


def as_it_is(network: Network, day: MarketDay) -> tuple[Network, MarketDay]:
    """Return the data of the study themselves."""
    return network, day


def compute(solver: str = "auto", vary: Vary = as_it_is) -> Results:
    """Clear every case and every point of the sweeps; ``vary`` makes other data of each."""
    cases = {
        (feeder, band, case): _clear_case(feeder, case, limits, solver, vary)
        for feeder in data.FEEDERS
        for band, limits in data.BANDS.items()
        for case in data.CASES
    }
    infeasible: dict[tuple[str, str, float], str] = {}
    sweeps = {
        (feeder, name): _sweep(feeder, name, tuple(factors), solver, infeasible, vary)
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


def _clear_case(feeder: str, case: int, limits: tuple[float, float], solver: str, vary: Vary) -> CaseResult:
    network, day = vary(*epec_lots_case(feeder, case, voltage_min_pu=limits[0], voltage_max_pu=limits[1]))
    return _clear(network, day, solver)


def _clear(network: Network, day: MarketDay, solver: str) -> CaseResult:
    """Compile, clear and prove one day from nothing, which is what Table 8 measures."""
    start = time.perf_counter()
    clearing = LotsLeadMarket(network, solver=solver).clear(day)
    return CaseResult(network, day, clearing, time.perf_counter() - start)


def _sweep(
    feeder: str,
    name: str,
    factors: tuple[float, ...],
    solver: str,
    infeasible: dict[tuple[str, str, float], str],
    vary: Vary,
) -> tuple[SweepPoint, ...]:
    """Clear case 1 for every factor; a point that no dispatch can serve is noted with its reason and left out."""
    points = []
    market: LotsLeadMarket | None = None
    for factor in factors:
        network, day = vary(*epec_lots_case(feeder, 1, **{f"{name}_factor": factor}))
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
                import_mwh=energy_kwh(day.length_h, clearing.import_kw) / _MWH,
                export_mwh=energy_kwh(day.length_h, clearing.export_kw) / _MWH,
                voltage_max_pu=float(clearing.voltage_pu.max()),
            )
        )
    return tuple(points)
