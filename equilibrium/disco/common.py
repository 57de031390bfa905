"""Purchases here and now: one for all scenarios, so risk enters the decision ((27)-(35), (46)-(49))."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from equilibrium.disco.upper import Columns, Part, state_powers
from equilibrium.network import FloatArray
from equilibrium.program import ProgramBuilder
from equilibrium.risk import add_cvar


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
        bought = build.columns("import_kw", parts[0].price.shape)
        terms = [
            (np.r_[columns, bought], -np.r_[part.feasible.cost, part.price])
            for part, columns in zip(parts, vehicles, strict=True)
        ]
        add_cvar(build, terms, probability, alpha, beta, constant=fixed)
        return Columns(vehicles, power, np.broadcast_to(bought, (len(parts), bought.size)), common=True)

    return state
