"""Purchases here and now: one for all scenarios, so risk enters the decision ((27)-(35), (46)-(49))."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InfeasibleError
from equilibrium.grid.network import Network
from equilibrium.markets.disco.accounts import amounts, company_profit
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.network.supply import Supply
from equilibrium.markets.disco.rules import Rules
from equilibrium.markets.disco.scenario import Proved, prepare, prove, solve_stage
from equilibrium.markets.disco.upper.diagnosis import diagnose
from equilibrium.markets.disco.upper.pessimistic import idle, robust_purchase, worst_payments
from equilibrium.markets.disco.upper.stage import Columns, Part, state_powers
from equilibrium.programs.program import ProgramBuilder
from equilibrium.programs.risk import add_cvar


def state_common(
    probability: FloatArray, fixed: FloatArray, alpha: float, beta: float
) -> Callable[[ProgramBuilder, Sequence[Part]], Columns]:
    """Return what states the master with common purchases and the mean-CVaR of the company's profit.

    Parameters
    ----------
    probability
        rho, shape ``(scenarios,)``.
    fixed
        Profit of each scenario without purchases and vehicles, shape ``(scenarios,)``.
    alpha, beta
        Level and weight of the CVaR.
    """

    def state(build: ProgramBuilder, parts: Sequence[Part]) -> Columns:
        vehicles, power = state_powers(build, parts, [np.zeros(1)] * len(parts))
        bought = build.columns("purchase_kw", parts[0].price.shape)
        terms = [
            (np.r_[columns, bought], -np.r_[part.feasible.cost, part.price])
            for part, columns in zip(parts, vehicles, strict=True)
        ]
        add_cvar(build, terms, probability, alpha, beta, constant=fixed)
        return Columns(vehicles, power, np.broadcast_to(bought, (len(parts), bought.size)), common=True)

    return state


def clear_together(network: Network, supply: Supply, day: DiscoDay, rules: Rules) -> tuple[list[Proved], float]:
    """Clear all scenarios with one common purchase; also return what the company's objective could gain at most."""
    every = [prepare(network, supply, day, number, rules) for number in range(len(day.scenarios))]
    probability = np.array([scenario.probability for scenario in day.scenarios])
    nothing = np.zeros((day.periods, len(network.lots)))
    fixed = [
        company_profit(amounts(day, scenario, np.zeros(day.periods), nothing, nothing)) for scenario in day.scenarios
    ]
    supply.model.rewind()
    state = state_common(probability, np.array(fixed), rules.alpha, rules.beta)
    parts = [prepared.part for prepared in every]
    try:
        stage = solve_stage(parts, rules.solver, state, deadline=rules.deadline())
    except NoDispatchError:
        for number, prepared in enumerate(every):
            try:
                solve_stage([prepared.part], rules.solver, label=number)
            except NoDispatchError as error:
                nearest_kw = None if error.nearest_kw is None else error.nearest_kw[0]
                raise diagnose(prepared.part, number, rules.solver, nearest_kw) from None
        raise InfeasibleError(("each scenario can be served, but not all with the same purchase",)) from None
    proved = [prove(supply, day, *each) for each in zip(range(len(every)), every, stage.dispatches, strict=True)]
    if rules.lots_decide:
        ends = _pessimistic_together(parts, np.array(fixed), rules)
        proved = [replace(each, pessimistic=end) for each, end in zip(proved, ends, strict=True)]
    first = replace(
        proved[0],
        residuals=(*proved[0].residuals, stage.residuals),
        seconds=stage.seconds + sum(prepared.lower.seconds for prepared in every),
        rounds=stage.rounds,
        notes=stage.notes,
        solver=stage.solver,
    )
    return [first, *proved[1:]], stage.gap


def _pessimistic_together(parts: Sequence[Part], fixed: FloatArray, rules: Rules) -> list[tuple[float, float]]:
    """Return profits with a purchase that serves whatever lots do, and those at the schedules that cost most.

    For given schedules no purchase does better than the least that serves them, so the latter bound from above what the
    company gets when it buys before lots break their ties.
    """
    if not rules.pessimistic:
        return [(-np.inf, np.inf)] * len(parts)
    robust = robust_purchase(parts)
    worst = [worst_payments(part, rules.solver) for part in parts]
    needed = np.max([part.supply.serve(each[2]).need_kw for part, each in zip(parts, worst, strict=True)], axis=0)
    calm = np.min([idle(part.supply).serve(each[2]).need_kw for part, each in zip(parts, worst, strict=True)], axis=0)
    ends = []
    for part, constant, (bound, found, _) in zip(parts, fixed, worst, strict=True):
        least = -np.inf if robust is None else constant - bound - float(part.price @ robust)
        bought = np.where(part.price < 0.0, np.maximum(calm, needed), needed)  # as much as can be taken, if it is paid
        most = constant - found - float(part.price @ bought) if np.isfinite(needed).all() else -np.inf
        ends.append((min(least, most), most))
    return ends
