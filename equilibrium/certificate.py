"""The certificate of a cleared day: residuals and every lot's regret, recomputed from arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilibrium.grid.network import FloatArray
from equilibrium.markets.charging.clearing import Certificate, Verdict
from equilibrium.programs.duality import Residuals

LEVELS = ("standard", "full")
"""How much is proved: ``full`` solves the best deviations a second time by an independent method."""

RESIDUAL_TOLERANCE = 1e-7
"""Largest relative residual of a day that counts as proved."""

EXACT_REGRET = 1e-8
"""Regret, relative to ``max(1, profit)``, that counts as zero in double precision."""

EPSILON_REGRET = 1e-6
"""Regret, relative to ``max(1, profit)``, up to which a day is an epsilon-Nash equilibrium."""


def certificate(
    residuals: Sequence[Residuals],
    profit: FloatArray,
    best_response: FloatArray,
    maximum: FloatArray,
    method: str,
    solver: str,
    notes: tuple[str, ...],
) -> Certificate:
    """Put the verdict on a cleared day.

    Parameters
    ----------
    residuals
        Of every linear program that the proof rests on: the day's joint program and the low level at the cleared
        charging.
    profit, best_response, maximum
        Per lot: its profit (3a), a proven upper bound on what its best deviation earns, and its stand-alone
        maximum E_c*, currency, shape ``(lots,)``.
    """
    regret = np.maximum(best_response - profit, 0.0)
    relative = regret / np.maximum(1.0, np.abs(profit))
    epsilon = float(relative.max(initial=0.0))
    worst = max(r.worst for r in residuals)
    if not worst <= RESIDUAL_TOLERANCE:  # also when a residual is not a number
        verdict = Verdict.UNPROVED
    elif epsilon <= EXACT_REGRET:
        verdict = Verdict.EXACT
    elif epsilon <= EPSILON_REGRET:
        verdict = Verdict.EPSILON_NASH
    else:
        verdict = Verdict.KKT_CONSISTENT
    attained = maximum - profit <= EPSILON_REGRET * np.maximum(1.0, np.abs(maximum))
    return Certificate(
        verdict=verdict,
        primal=max(r.primal for r in residuals),
        dual=max(r.dual for r in residuals),
        complementarity=max(r.complementarity for r in residuals),
        gap=max(r.gap for r in residuals),
        regret=tuple(regret.tolist()),
        attained=tuple(bool(flag) for flag in attained),
        worst_regret=float(regret.max(initial=0.0)),
        epsilon=epsilon,
        method=method,
        solver=solver,
        notes=notes,
    )
