"""Risk of a profit over scenarios: value at risk, CVaR and their mean-CVaR mixture, (46)-(49) of docs/disco.md.

Everything concerns *profit*, so the bad tail is the lower one: ``CVaR_alpha`` is the mean profit of the worst
``1 - alpha`` of the probability, and never above the expected profit. Distributions are discrete and treated exactly:
the scenario at the edge of the tail counts with the part of its probability that lies inside (Rockafellar and Uryasev,
Journal of Banking & Finance 26, 2002, Proposition 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.programs.program import INF, ProgramBuilder

PROBABILITY_TOLERANCE = 1e-9
"""How far probabilities may sum from one: rounding of decimal numbers."""

SAME_SHARE = 1e-12
"""Sums of probabilities that differ by less are one: rounding of a sum of a few thousand of them."""


def check_risk(probability: ArrayLike, alpha: float, beta: float = 0.0) -> FloatArray:
    """Return the probabilities as an array, shape ``(scenarios,)``, or say what is wrong with the description of risk.

    Raises
    ------
    InputError
        When a probability is negative, they do not sum to one, ``alpha`` is not in (0, 1) or ``beta`` not in [0, 1].
    """
    if not 0.0 < alpha < 1.0:
        raise InputError("risk", "alpha", alpha, "a number in (0, 1)")
    if not 0.0 <= beta <= 1.0:
        raise InputError("risk", "beta", beta, "a number in [0, 1]")
    return check_probability(probability)


def check_probability(probability: ArrayLike) -> FloatArray:
    """Return the probabilities as an array, shape ``(scenarios,)``, or raise :class:`InputError`."""
    values = np.asarray(probability, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise InputError("risk", "probability", values.shape, "one number per scenario, at least one")
    wrong = np.flatnonzero(~(values >= 0.0))
    if wrong.size:
        raise InputError("risk", f"probability of scenario {wrong[0]}", float(values[wrong[0]]), "a number >= 0")
    if not abs(float(values.sum()) - 1.0) <= PROBABILITY_TOLERANCE:
        raise InputError("risk", "sum of the probabilities", float(values.sum()), "1")
    return values


def expected(values: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean profit."""
    return float(np.dot(*_checked(values, probability)))


def value_at_risk(values: ArrayLike, probability: ArrayLike, alpha: float) -> float:
    """Return VaR: the least profit that is not exceeded with probability ``1 - alpha`` or more.

    Parameters
    ----------
    values
        Profit of each scenario, shape ``(scenarios,)``.
    probability
        rho, shape ``(scenarios,)``.
    alpha
        Level, in (0, 1).

    Notes
    -----
    It is the least maximiser xi of (46); where the probability of the tail is met exactly, all values up to the next
    scenario's profit are maximisers.
    """
    order, weight = _ascending(values, probability, alpha)
    reached = np.cumsum(weight) >= 1.0 - alpha - SAME_SHARE
    return float(np.asarray(values, dtype=np.float64)[order[int(np.argmax(reached))]])


def cvar(values: ArrayLike, probability: ArrayLike, alpha: float) -> float:
    """Return CVaR: the mean profit of the worst ``1 - alpha`` of the probability.

    Arguments as in :func:`value_at_risk`.
    """
    profit = np.asarray(values, dtype=np.float64)
    weight = tail_weights(profit, probability, alpha)
    worst = float(profit[weight > 0.0].min())
    return float(worst + weight @ (profit - worst))


def tail_weights(values: ArrayLike, probability: ArrayLike, alpha: float) -> FloatArray:
    """Return how much each scenario counts in the CVaR, shape ``(scenarios,)``, summing to one.

    With them any amount can be told for the tail that CVaR looks at. Arguments as in :func:`value_at_risk`.
    """
    order, weight = _ascending(values, probability, alpha)
    inside = np.diff(np.minimum(np.cumsum(weight), 1.0 - alpha), prepend=0.0)
    counts = np.zeros(np.size(values))
    counts[order] = inside / inside.sum()
    return counts


def mean_cvar(values: ArrayLike, probability: ArrayLike, alpha: float, beta: float) -> float:
    """Return ``(1 - beta) E + beta CVaR_alpha``, the objective (49); arguments as in :func:`value_at_risk`."""
    check_risk(probability, alpha, beta)
    return (1.0 - beta) * expected(values, probability) + beta * cvar(values, probability, alpha)


def _ascending(values: ArrayLike, probability: ArrayLike, alpha: float) -> tuple[IntArray, FloatArray]:
    """Return the possible scenarios from the least profit on, and their probabilities."""
    check_risk(probability, alpha)
    profit, weight = _checked(values, probability)
    order = np.argsort(profit, kind="stable")
    order = order[weight[order] > 0.0]
    return order, weight[order]


def _checked(values: ArrayLike, probability: ArrayLike) -> tuple[FloatArray, FloatArray]:
    weight = check_probability(probability)
    profit = np.asarray(values, dtype=np.float64)
    if profit.shape != weight.shape:
        raise InputError(
            "risk", "shape of the profits", profit.shape, f"one number for each of {weight.size} scenarios"
        )
    if not np.isfinite(profit).all():
        raise InputError("risk", "profits", float(profit[~np.isfinite(profit)][0]), "finite numbers")
    return profit, weight


@dataclass(frozen=True, eq=False)
class RiskBlock:
    """Where :func:`add_cvar` put its columns and rows.

    Attributes
    ----------
    profit
        Columns of B_s, shape ``(scenarios,)``.
    value_at_risk
        Column of xi, shape ``()``.
    shortfall
        Columns of eta_s, shape ``(scenarios,)``.
    definition
        Rows that define the profits, shape ``(scenarios,)``; add ports to them for amounts that change by day.
    """

    profit: IntArray
    value_at_risk: IntArray
    shortfall: IntArray
    definition: IntArray


def add_cvar(
    build: ProgramBuilder,
    terms: Sequence[tuple[ArrayLike, ArrayLike]],
    probability: ArrayLike,
    alpha: float,
    beta: float,
    *,
    constant: ArrayLike = 0.0,
) -> RiskBlock:
    """State (46)-(49): let a program maximise the mean-CVaR of its scenarios' profits.

    Programs minimise, so the block adds ``-(1 - beta) sum rho B - beta (xi - sum rho eta / (1 - alpha))`` to the cost,
    with ``eta >= xi - B`` and ``eta >= 0``. Columns that enter the profits must have no cost of their own then.

    Parameters
    ----------
    terms
        For each scenario the columns that enter its profit and their coefficients (arrays that broadcast).
    probability
        rho, shape ``(scenarios,)``.
    alpha, beta
        Level of the CVaR and its weight: 0 is neutral, 1 averse.
    constant
        Part of the profit that no column changes, shape ``(scenarios,)`` or a number.

    Raises
    ------
    InputError
        As :func:`check_risk`, or when there are not as many terms as probabilities.
    """
    weight = check_risk(probability, alpha, beta)
    if len(terms) != weight.size:
        raise InputError("risk", "scenarios with terms", len(terms), f"{weight.size}, one for each probability")
    shape = (weight.size,)
    profit = build.columns("scenario_profit", shape, lower=-INF, cost=-(1.0 - beta) * weight)
    threshold = build.columns("value_at_risk", (), lower=-INF, cost=-beta)
    shortfall = build.columns("shortfall", shape, cost=beta * weight / (1.0 - alpha))
    definition = build.rows("scenario_profit_definition", shape, lower=constant, upper=constant)
    build.coefficients(definition, profit, 1.0)
    for row, (columns, values) in zip(definition, terms, strict=True):
        build.coefficients(row, columns, -np.asarray(values, dtype=np.float64))
    row = build.rows("shortfall_definition", shape, lower=0.0)  # (47)
    build.coefficients(row, shortfall, 1.0)
    build.coefficients(row, profit, 1.0)
    build.coefficients(row, threshold, -1.0)
    return RiskBlock(profit, threshold, shortfall, definition)
