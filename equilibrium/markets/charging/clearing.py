"""What a market returns: the cleared day and its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from equilibrium.grid.network import FloatArray


class Verdict(StrEnum):
    """How much is proved of a cleared day, from nothing to everything."""

    UNPROVED = "unproved"
    KKT_CONSISTENT = "kkt-consistent"
    EPSILON_NASH = "epsilon-nash"
    EXACT = "exact"


@dataclass(frozen=True)
class SecondMethod:
    """What an independent second method proved of the strategic lots' best deviations.

    Attributes
    ----------
    method
        Its name.
    lots, bound
        The lots, and the proven bound on what the best deviation of each earns, currency; infinite where nothing is
        proved.
    gap
        Largest gap between such a bound and the best schedule found, relative to ``1 + |profit|``.
    finished
        False when a search was ended by its time limit or failed; the bounds hold all the same.
    seconds
        Wall time.
    notes
        What did not finish, and the regret proved by then.
    """

    method: str
    lots: tuple[int, ...]
    bound: tuple[float, ...]
    gap: float
    finished: bool
    seconds: float
    notes: tuple[str, ...] = ()

    def weaker(self, first: FloatArray) -> FloatArray:
        """Return the weaker of this method's and another's bound for every lot, shape ``(lots,)``."""
        bound = first.copy()
        at = list(self.lots)
        bound[at] = np.maximum(first[at], self.bound)
        return bound


@dataclass(frozen=True)
class Certificate:
    """The proof that comes with every cleared day, recomputed from the arrays of the published program.

    Attributes
    ----------
    verdict
        ``kkt-consistent`` < ``epsilon-nash`` < ``exact``; ``unproved`` when a residual is outside its tolerance.
    primal, dual, complementarity, gap
        Largest relative residuals of the joint program (each divided by the scale of its row, column or value).
    regret
        Proven bound on what each lot could gain by its best deviation, currency, one entry per lot.
    attained
        Whether each lot reaches the maximum that it could reach without the network (E_c* of docs/epec_lots.md).
    worst_regret
        Largest entry of ``regret``, currency; 0 without lots.
    epsilon
        ``worst_regret`` divided by ``max(1, profit of that lot)``.
    method, solver
        The method that was used (chosen by the structure of the game) and the solver's name and version.
    notes
        What a reader should know: shortages, direction of trade proved by a MILP, method fallbacks.
    second
        The independent second method, where it was asked for; ``regret`` then holds the weaker of both bounds.
    """

    verdict: Verdict
    primal: float
    dual: float
    complementarity: float
    gap: float
    regret: tuple[float, ...]
    attained: tuple[bool, ...]
    worst_regret: float
    epsilon: float
    method: str
    solver: str
    notes: tuple[str, ...] = ()
    second: SecondMethod | None = None

    @property
    def certified(self) -> bool:
        """True from ``epsilon-nash`` upward."""
        return self.verdict in (Verdict.EPSILON_NASH, Verdict.EXACT)


@dataclass(frozen=True, eq=False)
class Clearing:
    """One cleared day.

    Shapes are ``(hours, ...)``; powers in kW and kvar, energies in kWh, prices in currency/kWh.

    Attributes
    ----------
    import_kw, export_kw
        Trade with the wholesale market, shape ``(hours,)``.
    microturbine_kw, microturbine_kvar
        Shape ``(hours, microturbines)``.
    renewable_kw, compensator_kvar
        Shape ``(hours, renewables)`` and ``(hours, compensators)``.
    flow_kw, flow_kvar, voltage_pu
        Branch flows (by receiving bus) and voltages, shape ``(hours, buses)``.
    lot_kw, lot_soe_kwh
        Charging power and state of energy at the end of the hour, shape ``(hours, lots)``.
    storage_charge_kw, storage_discharge_kw, storage_kwh
        Power drawn and given by each storage unit, and its energy at the end of the hour, shape ``(hours, storage)``.
    shed_kw, unserved_kwh
        Load not served ``(hours, buses)`` and charging energy (battery side) not served ``(hours, lots)``:
        zero unless the day was infeasible and shortages were priced.
    dlmp
        Distribution locational marginal price, shape ``(hours, buses)``: the derivative of the network cost with
        respect to load at the bus. ``dlmp = dlmp_energy + dlmp_congestion + dlmp_voltage``.
    vehicle_kw
        For every lot with a fleet: power of each vehicle, shape ``(vehicles, hours)``, grid side; else ``None``.
    network_cost, fuel_cost, shortage_cost
        NC of (2a) without shortages, its fuel part, and the price paid for shortages, currency.
    lot_profit, lot_maximum
        Profit (3a) of each lot and its stand-alone maximum E_c*, currency, shape ``(lots,)``.
    seconds, solver_seconds
        Wall time of the clearing with its certificate, and the part spent inside the solver.
    """

    import_kw: FloatArray
    export_kw: FloatArray
    microturbine_kw: FloatArray
    microturbine_kvar: FloatArray
    renewable_kw: FloatArray
    compensator_kvar: FloatArray
    flow_kw: FloatArray
    flow_kvar: FloatArray
    voltage_pu: FloatArray
    lot_kw: FloatArray
    lot_soe_kwh: FloatArray
    storage_charge_kw: FloatArray
    storage_discharge_kw: FloatArray
    storage_kwh: FloatArray
    shed_kw: FloatArray
    unserved_kwh: FloatArray
    dlmp: FloatArray
    dlmp_energy: FloatArray
    dlmp_congestion: FloatArray
    dlmp_voltage: FloatArray
    vehicle_kw: tuple[NDArray[np.float64] | None, ...]
    network_cost: float
    fuel_cost: float
    shortage_cost: float
    lot_profit: FloatArray
    lot_maximum: FloatArray
    certificate: Certificate
    seconds: float
    solver_seconds: float
