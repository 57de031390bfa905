"""What the retailer believes about its customers' elasticity: recursive least squares with standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.linalg import solve_triangular

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

Pair = tuple[str, str]


class ElasticityBelief:
    """Estimates of the elasticities between the periods of the day, from the responses that were seen.

    Customers answer to a program by ``y_h = sum_B E(A, B) X_B + noise`` in every hour h of period A, where y_h is the
    relative change of the load of those who take part, and X_B the sum over the hours of period B of the relative
    price signal ((DR) of docs/disco.md). This is linear in the elasticities E, so each day's hours are rows H of a
    regression with the known noise variance R, and

        K = P H' (H P H' + R)^-1,     E <- E + K (y - H E),     P <- P - K H P.

    With a normal prior this recursion is the exact posterior: E is its mean, and the square roots of the diagonal of P
    are the standard errors. A direction that no program excites keeps its prior.

    Parameters
    ----------
    period_of_hour
        Period of each hour of the day, shape ``(hours,)``.
    prior
        Mean of the prior for each ordered pair of periods; with ``symmetric`` either order of a pair will do.
    prior_deviation
        Standard deviation of the prior of each elasticity.
    noise
        Standard deviation of one hour's observed response y_h.
    symmetric
        Whether ``E(A, B) = E(B, A)`` is known.
    source
        Name for the error message.

    Attributes
    ----------
    periods
        Names of the periods in order of their first hour.
    pairs
        The pair of each parameter, shape ``(parameters,)``.
    mean, covariance
        E and P, shapes ``(parameters,)`` and ``(parameters, parameters)``.

    Raises
    ------
    InputError
        When a pair has no prior or names no period, or a deviation is not positive.

    References
    ----------
    L. Ljung, System Identification: Theory for the User, 2nd ed., Prentice Hall, 1999, section 11.2; C. L. Lawson,
    R. J. Hanson, Solving Least Squares Problems, Prentice Hall, 1974, chapter 23 (least squares with signs).
    """

    def __init__(
        self,
        period_of_hour: Sequence[str],
        prior: Mapping[Pair, float],
        *,
        prior_deviation: float,
        noise: float,
        symmetric: bool = True,
        source: str = "belief",
    ) -> None:
        for name, value in (("prior_deviation", prior_deviation), ("noise", noise)):
            if not (np.isfinite(value) and value > 0.0):
                raise InputError(source, name, value, "a positive number")
        self.periods = tuple(dict.fromkeys(period_of_hour))
        known = {(a, b) for a in self.periods for b in self.periods}
        if strange := next((pair for pair in prior if pair not in known), None):
            raise InputError(source, "prior", " and ".join(strange), f"pairs of the periods {', '.join(self.periods)}")
        ordered = [(a, b) for a in self.periods for b in self.periods]
        rank = {name: k for k, name in enumerate(self.periods)}
        self.pairs: tuple[Pair, ...] = tuple(
            pair for pair in ordered if not symmetric or rank[pair[0]] <= rank[pair[1]]
        )
        self.symmetric = symmetric
        self.mean: FloatArray = np.array([self._prior_of(prior, pair, source) for pair in self.pairs])
        self.covariance: FloatArray = prior_deviation**2 * np.eye(len(self.pairs))
        self._variance = noise**2
        self.period_of_hour = tuple(period_of_hour)
        self._column = {pair: k for k, pair in enumerate(self.pairs)}
        if symmetric:
            self._column |= {(b, a): k for k, (a, b) in enumerate(self.pairs)}

    def _prior_of(self, prior: Mapping[Pair, float], pair: Pair, source: str) -> float:
        mirrored = (pair[1], pair[0])
        stated = {prior[key] for key in ((pair, mirrored) if self.symmetric else (pair,)) if key in prior}
        if len(stated) != 1:
            found = "no value" if not stated else f"two values {sorted(stated)}"
            raise InputError(source, f"prior {pair[0]}, {pair[1]}", found, "one elasticity")
        return float(stated.pop())

    def update(self, signal: FloatArray, response: FloatArray) -> None:
        """Learn from one day.

        Parameters
        ----------
        signal
            Relative price signal of every hour, shape ``(hours,)``: ``(tariff - base + incentive + penalty) / base``,
            times the hours that it lasted where that is not one.
        response
            Relative change of the participating load in every hour, shape ``(hours,)``.
        """
        rows = self._rows(signal)
        seen = np.any(rows != 0.0, axis=1) & np.isfinite(response)
        rows, response = rows[seen], response[seen]
        spread = rows @ self.covariance
        gain = np.linalg.solve(spread @ rows.T + self._variance * np.eye(len(rows)), spread).T
        self.mean = self.mean + gain @ (response - rows @ self.mean)
        covariance = self.covariance - gain @ spread
        self.covariance = (covariance + covariance.T) / 2.0  # rounding must not make it asymmetric over the days

    def _rows(self, signal: FloatArray) -> FloatArray:
        """Return the regression's row of every hour, shape ``(hours, parameters)``."""
        total = dict.fromkeys(self.periods, 0.0)
        for name, value in zip(self.period_of_hour, signal.tolist(), strict=True):
            total[name] += value
        of_period = {name: np.zeros(len(self.pairs)) for name in self.periods}
        for (a, b), column in self._column.items():
            of_period[a][column] += total[b]
        return np.array([of_period[name] for name in self.period_of_hour])

    def estimate(self) -> dict[Pair, float]:
        """Return the estimate of every ordered pair of periods."""
        return self._by_pair(self.mean)

    def likeliest(self) -> dict[Pair, float]:
        """Return the likeliest elasticities of the right signs, of every ordered pair of periods.

        Load does not rise with the price of its own period, and does not fall with that of another one. Where the
        estimate says otherwise, it is the point with these signs at which the posterior is densest: estimates hang
        together, so cutting off one of the wrong sign alone would contradict what was seen.
        """
        return self._by_pair(self._of_right_sign(self.mean, self._root()))

    def draw(self, generator: np.random.Generator, size: int) -> list[dict[Pair, float]]:
        """Draw elasticities of every ordered pair of periods from the posterior, ``size`` times.

        One with a wrong sign gives way to the point of the right signs next to it, as in :meth:`likeliest`.
        """
        root = self._root()
        drawn = self.mean + generator.standard_normal((size, len(self.pairs))) @ root.T
        return [self._by_pair(self._of_right_sign(values, root)) for values in drawn]

    def _root(self) -> FloatArray:
        """Return the lower triangular L with ``P = L L'``, but for rounding."""
        rounding = np.finfo(np.float64).eps * float(np.trace(self.covariance))
        return np.asarray(np.linalg.cholesky(self.covariance + rounding * np.eye(len(self.pairs))))

    def _of_right_sign(self, values: FloatArray, root: FloatArray) -> FloatArray:
        """Return the z of the right signs with the least ``(z - values)' P^-1 (z - values)``, by least squares."""
        sign = np.array([-1.0 if a == b else 1.0 for a, b in self.pairs])
        if (sign * values >= 0.0).all():
            return values
        from scipy.optimize import nnls  # here, because it is slow to import

        rows = solve_triangular(root, np.column_stack([np.diag(sign), values]), lower=True)
        size, _ = nnls(rows[:, :-1], rows[:, -1])
        return np.asarray(sign * size)

    def _by_pair(self, values: FloatArray) -> dict[Pair, float]:
        return {pair: float(values[column]) for pair, column in self._column.items()}

    def standard_error(self) -> dict[Pair, float]:
        """Return the standard error of every ordered pair of periods."""
        error = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return self._by_pair(error)
