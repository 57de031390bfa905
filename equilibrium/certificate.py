"""The certificate of a cleared day: residuals and every player's regret, recomputed from arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.programs.duality import Residuals

LEVELS = ("standard", "full")
"""How much is proved: ``full`` solves the best deviations a second time by an independent method."""

RESIDUAL_TOLERANCE = 1e-7
"""Largest relative residual of a day that counts as proved."""

EXACT_REGRET = 1e-8
"""Regret, relative to ``max(1, profit)``, that counts as zero in double precision."""

EPSILON_REGRET = 1e-6
"""Regret, relative to ``max(1, profit)``, up to which a day is an epsilon-Nash equilibrium."""


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


def certify(
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
