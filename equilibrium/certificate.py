"""The certificate of an answer: what was recomputed from arrays, the verdict on it, and what counts as zero.

All markets and games share these tolerances; a number that counts as zero for one of them does so for all.

========================== ===== ================================= =================================================
name                       value relative to                       what it decides
========================== ===== ================================= =================================================
:data:`RESIDUAL_TOLERANCE` 1e-7  scale of the row or value         a point is feasible, a response optimal
:data:`EXACT_REGRET`       1e-8  ``max(1, |profit|)``              nobody can gain: an exact equilibrium
:data:`EPSILON_REGRET`     1e-6  ``max(1, |profit|)``              nobody can gain more: an epsilon-Nash equilibrium
:data:`CERTAIN_GAIN`       1e-7  ``max(1, |profit|)``              somebody gains for certain: no equilibrium
:data:`SAME_PRICE`         1e-9  nothing, currency/kWh             two prices are one
:data:`NEGLIGIBLE`         1e-6  nothing; kW, kvar, kVA, kWh or V  a quantity is rounding: neither told nor missed
``FEASIBILITY``            1e-9  ``1 + |limit|``                   what every solver is asked for
``GAP``                    1e-9  ``1 + |value|``                   two values of an objective are one
========================== ===== ================================= =================================================

The last two belong to :mod:`equilibrium.programs.program`, the floor below. What a single method needs beside them (the
smallest pivot, a tie of two ratios) stands in that method's module with its reason.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray
from equilibrium.programs.duality import Residuals
from equilibrium.programs.solvers.tally import counted, told

_Given = ParamSpec("_Given")
_Clearing = TypeVar("_Clearing", bound=Any)

LEVELS = ("standard", "full")
"""How much is proved: ``full`` solves the best deviations a second time by an independent method."""

RESIDUAL_TOLERANCE = 1e-7
"""Largest relative residual that counts as proved: of a row, bound, reduced cost, pair, value or relaxed square."""

EXACT_REGRET = 1e-8
"""Regret, relative to ``max(1, |profit|)``, that counts as zero in double precision."""

EPSILON_REGRET = 1e-6
"""Regret, relative to ``max(1, |profit|)``, up to which an answer is an epsilon-Nash equilibrium."""

CERTAIN_GAIN = 1e-7
"""Gain, relative to ``max(1, |profit|)``, beyond which a deviation in hand excludes a profile."""

SAME_PRICE = 1e-9
"""Prices that differ by less, currency/kWh, are one."""

NEGLIGIBLE = 1e-6
"""What is less than this in kW, kvar, kVA, kWh or V is rounding: a thousandth of what any meter shows."""


class Verdict(StrEnum):
    """How much is proved of an answer, from nothing to everything."""

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
        The method that was used (chosen by the structure of the game), and name and version of every solver that
        had a part in the day.
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


def naming_solvers(clear: Callable[_Given, _Clearing]) -> Callable[_Given, _Clearing]:
    """Let the certificate of what ``clear`` returns name every solver that solved a program on the way."""

    @functools.wraps(clear)
    def named(*given: _Given.args, **more: _Given.kwargs) -> _Clearing:
        with counted() as used:
            clearing = clear(*given, **more)
        certificate: Certificate = clearing.certificate
        solvers = told(used, certificate.solver)
        if solvers == certificate.solver:
            return clearing
        return replace(clearing, certificate=replace(certificate, solver=solvers))

    return named


def largest_gain(cost: float, bound: float) -> float:
    """Return what a player with this cost and this proven lower bound on it could gain alone, at most.

    At least 0, and infinite where a search left something that is not a number.
    """
    gain = cost - bound
    return np.inf if np.isnan(gain) else max(0.0, gain)


def verdict(residuals: ArrayLike, regrets: ArrayLike) -> Verdict:
    """Return what is proved: the one place where it is decided, for every market and game.

    What is not a number proves nothing.

    Parameters
    ----------
    residuals
        Relative, any shape.
    regrets
        Proven bounds on what each player could gain alone, relative to ``max(1, |its profit|)``, any shape.
    """
    worst, most = (float(np.max(np.asarray(each), initial=0.0)) for each in (residuals, regrets))
    if not worst <= RESIDUAL_TOLERANCE:
        return Verdict.UNPROVED
    if most <= EXACT_REGRET:
        return Verdict.EXACT
    return Verdict.EPSILON_NASH if most <= EPSILON_REGRET else Verdict.KKT_CONSISTENT


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
    attained = maximum - profit <= EPSILON_REGRET * np.maximum(1.0, np.abs(maximum))
    return Certificate(
        verdict=verdict([r.worst for r in residuals], relative),
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
