"""Computes what the reproduction of two settlements needs: cases, prices, budgets, scenario counts, policies, flows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.radial_flow import radial_flow
from equilibrium.grid.restoration import operations
from equilibrium.grid.unserved import Table, Unserved, chosen_configurations
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.interruption import interruption_of, interruption_tables, unserved_of
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.network import radial_of
from equilibrium.markets.two_settlement.recourse import Policies, Recourse
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead
from scenarios.published.active_system import STUDY, TwoSettlementStudy, scaled_prices, study_day, study_system
from sim.reproduce.two_settlement import published as data
from sim.reproduce.two_settlement.losses import LeftOut, left_out

REPORTED = replace(STUDY, scenarios=5)
"""The study with five joint scenarios: a report within minutes."""

MORE = 8
"""Joint scenarios where it is asked what more of them change."""

FEW = 3
"""Joint scenarios of the comparison of policies."""


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that is reported.

    Attributes
    ----------
    system, day
        The study.
    profit
        The schedule of most profit by case.
    least
        The schedule of least F2 with ties (0) and without (1).
    compromise
        The fuzzy choice of the proposed scheme, with the front.
    prices, budgets
        Schedules of most profit by price sensitivity, and by budget.
    more
        That of more scenarios.
    policies
        Recourse against other policies.
    voltages
        AC and linear voltages of the base configuration at nominal load, per unit, shape ``(2, buses)``.
    left_out
        What the linear flow of the schedule of most profit leaves out.
    moved
        Switching operations of every outage and hour at the schedule of most profit, shape ``(outages, hours)``.
    controlled
        F2 of the proposed scheme's schedule of most profit where the operator runs lots (3) or demand (4) itself.
    certain, everything
        F2 of what no switching restores, and of everything lost in every outage.
    """

    system: ActiveSystem
    day: DayAhead
    profit: dict[int, DayAheadClearing]
    least: dict[int, DayAheadClearing]
    compromise: DayAheadClearing
    prices: dict[str, DayAheadClearing]
    budgets: dict[float, DayAheadClearing]
    more: DayAheadClearing
    policies: Recourse
    voltages: FloatArray
    left_out: LeftOut
    moved: FloatArray
    controlled: dict[int, float]
    certain: float
    everything: float


def compute(
    solver: str = "auto",
    study: TwoSettlementStudy = REPORTED,
    *,
    cascades: bool = True,
    more: int = MORE,
    few: int = FEW,
    points: int = 5,
) -> Results:
    """Compute the study.

    Parameters
    ----------
    solver
        Of the linear programs.
    study
        Its numbers.
    cascades
        Whether outages have cascades.
    more, few
        Joint scenarios of the larger study and of the comparison of policies.
    points
        Points of the front.
    """
    system = study_system(study, cascades=cascades)
    days = {case: study_day(system, study, case=case) for case in data.CASES}
    day = days[0]

    def market(**changes: object) -> DayAheadMarket:
        return DayAheadMarket(system, Options(**changes), solver=solver)  # type: ignore[arg-type]

    unserved = unserved_of(system, day)
    tied = interruption_tables(system, day, unserved)
    still = market(switching=False).interruptions(day)
    tables = {0: tied, 1: still, 2: tied} | {case: market().interruptions(days[case]) for case in data.CONTROLLED}
    profit = {
        case: market(switching=case != 1, arbitrage=case != 2).clear(days[case], tables[case]) for case in data.CASES
    }
    on = profit[0].positions.on
    larger = replace(study, scenarios=more)
    return Results(
        system=system,
        day=day,
        profit=profit,
        least={0: market(aim="interruption").clear(day, tied), 1: market(aim="interruption").clear(day, still)},
        compromise=market(aim="compromise", points=points).clear(day, tied),
        prices={
            name: profit[0] if name == "SA0" else market().clear(scaled_prices(day, *factors), tied)
            for name, factors in data.SENSITIVITY.items()
        },
        budgets={gamma: market(gamma=gamma).clear(day, tied) for gamma in data.GAMMAS},
        more=market().clear(study_day(system, larger), _nothing(day)),
        policies=Policies(system, study_day(system, replace(study, scenarios=few)), solver=solver).compare(rounds=3),
        voltages=_voltages(system),
        left_out=left_out(system, day, profit[0]),
        moved=_moved(unserved, profit[0], day),
        controlled={case: float(interruption_of(tables[case], on).sum()) for case in data.CONTROLLED},
        certain=_bound(system, day, unserved, certain=True),
        everything=_bound(system, day, unserved, certain=False),
    )


def _nothing(day: DayAhead) -> tuple[Table, ...]:
    """Return a table without cost: F1 of more scenarios needs none."""
    return (Table((), np.zeros((day.length_h.size, 1))),)


def _voltages(system: ActiveSystem) -> FloatArray:
    """Return AC and linear voltages of the grid without any unit."""
    grid, radial = system.grid, radial_of(system.grid)
    flow = radial_flow(grid, grid.closed)
    square = radial.square - np.einsum("kbj,kj->b", radial.drop, np.stack([grid.load_kw, grid.load_kvar]))
    exact = np.full(grid.size, np.nan) if flow is None else flow.voltage_pu
    return np.stack([exact, np.sqrt(square) / grid.base_kv])


def _moved(unserved: Unserved, clearing: DayAheadClearing, day: DayAhead) -> FloatArray:
    """Return how many switches the best configuration of every outage moves, in the first scenario's hours."""
    periods = day.length_h.size
    on = np.tile(clearing.positions.on, (len(day.scenarios), 1)) > 0.5
    found = np.zeros((len(unserved.after.outages), periods))
    for k, outage in enumerate(unserved.after.outages):
        best = chosen_configurations(unserved, k, on)[:periods]
        count = np.array([operations(unserved.grid, choice.closed, outage) for choice in unserved.after.choices[k]])
        found[k] = count[best]
    return found


def _bound(system: ActiveSystem, day: DayAhead, unserved: Unserved, *, certain: bool) -> float:
    """Return F2 if every outage lost what no way restores, or everything."""
    weight = np.concatenate([scenario.probability * day.length_h for scenario in day.scenarios])
    total = 0.0
    for chance, choices in zip(system.outage_probability, unserved.after.choices, strict=True):
        lost = np.min([unserved.lost(choice) for choice in choices], axis=0) if certain else unserved.value.sum(axis=1)
        total += float(chance * (weight @ lost))
    return total
