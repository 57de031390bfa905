"""What the bids of all aggregators share: the prices that they answer to, and an answer with its proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.errors import InputError, SolverError
from equilibrium.markets.two_settlement.system import Bid
from equilibrium.programs.closest import closest_optimum
from equilibrium.programs.duality import Residuals, kkt_residuals, proved_bound
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import Status, solve_linear, solve_mixed
from equilibrium.programs.solvers.choose import require_optimal


@dataclass(frozen=True, eq=False)
class BidPrices:
    """What an aggregator expects the operator to pay, shape ``(T,)`` each.

    Attributes
    ----------
    sold, bought
        What it gets for a kWh that it gives, and pays for one that it takes.
    spinning, regulating
        What a kW kept ready for an hour gets.
    """

    sold: FloatArray
    bought: FloatArray
    spinning: FloatArray
    regulating: FloatArray

    def check(self, source: str, periods: int) -> None:
        """Refuse prices that are none, or too few.

        Raises
        ------
        InputError
            Naming the price.
        """
        for name in ("sold", "bought", "spinning", "regulating"):
            values = getattr(self, name)
            if values.shape != (periods,) or not np.isfinite(values).all():
                raise InputError(
                    source, f"prices, {name}", values.shape, f"a finite number for each of {periods} periods"
                )

    @property
    def arbitrage(self) -> BoolArray:
        """Periods in which giving and taking at once would pay, shape ``(T,)``."""
        return np.asarray(self.sold > self.bought)

    @property
    def negative(self) -> BoolArray:
        """Periods in which wasting energy could pay, shape ``(T,)``."""
        return np.asarray(np.minimum(self.sold, self.bought) < 0.0)


@dataclass(frozen=True, eq=False)
class Commitment:
    """An aggregator's best answer to prices.

    Attributes
    ----------
    bid
        What it offers.
    profit
        What it earns if all of it is accepted, currency.
    bound
        Proven upper bound on what it could earn.
    residuals
        Of the linear program; ``None`` where directions are whole numbers.
    """

    bid: Bid
    profit: float
    bound: float
    residuals: Residuals | None

    @property
    def proved(self) -> bool:
        """Whether nothing better exists, as far as numbers go."""
        return self.bound - self.profit <= RESIDUAL_TOLERANCE * max(1.0, abs(self.profit))


def cheapest(
    instance: Instance, whole: BoolArray, solver: str, what: str
) -> tuple[FloatArray, float, Residuals | None]:
    """Solve an aggregator's program, whose cost is minus its profit.

    Parameters
    ----------
    whole
        Which columns are 0 or 1, shape ``(columns,)``; without any the program is linear.
    what
        Words for a solver's complaint.

    Returns
    -------
    tuple
        The point, a proven lower bound on the cost, and the residuals of a linear program.
    """
    if not whole.any():
        x, y = least_powers(instance, solver, what)
        return x, proved_bound(instance, y), kkt_residuals(instance, x, y)
    mixed = solve_mixed(instance, whole, solver)
    if mixed.status is not Status.OPTIMAL:
        raise SolverError(f"{what} ended {mixed.status}")
    way = np.round(mixed.x[whole])
    x, _ = least_powers(instance.with_columns(np.flatnonzero(whole), way, way), solver, what)
    return x, mixed.bound, None


def least_powers(instance: Instance, solver: str, what: str) -> tuple[FloatArray, FloatArray]:
    """Return the optimum of a linear program with the least sum of squares, and multipliers that prove it."""
    solution = require_optimal(solve_linear(instance, solver), what)
    return closest_optimum(instance, solution.x, solution.y, np.zeros(solution.x.size)), solution.y
