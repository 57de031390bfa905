"""The market of several aggregators: an equilibrium problem with equilibrium constraints, solved by best replies."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EPSILON_REGRET, EXACT_REGRET, Certificate, certify, naming_solvers
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.market import GAP_TARGET, NODE_LIMIT
from equilibrium.markets.aggregator.rivals.day import Profile, RivalsDay, check_rivals
from equilibrium.markets.aggregator.rivals.outcome import MarketOutcome
from equilibrium.markets.aggregator.rivals.play import STARTS, Play, Played
from equilibrium.markets.base import Afresh
from equilibrium.programs.program import INF
from equilibrium.programs.solvers import preferring
from equilibrium.programs.solvers.choose import check_solver
from equilibrium.programs.solvers.highs import HighsHandle

ROUNDS = 30
"""Rounds of replies from one start, unless others are asked for; two to five are usual."""

_SEED = 20
"""Seed of the drawn starts: they are the same on every day."""


@dataclass(frozen=True, eq=False)
class RivalsClearing:
    """A cleared day of competing aggregators.

    Attributes
    ----------
    names
        Of the aggregators.
    profile
        Prices of every aggregator (first index) in every market (second index), by name, currency/kWh.
    outcomes
        What happens in every market.
    profit, bound
        Of every aggregator: what it earns, and a proven bound on what it could earn alone, currency, shape
        ``(aggregators,)``.
    margins
        What each aggregator (first index) earns in each market, currency, shape ``(aggregators, markets)``.
    runs
        How the replies ended from every start that was tried; the first of the least regret is published.
    certificate, seconds, solver_seconds
        As in :class:`equilibrium.markets.base.Cleared`. Players of the certificate are the aggregators.
    """

    names: tuple[str, ...]
    profile: Profile
    outcomes: tuple[MarketOutcome, ...]
    profit: FloatArray
    bound: FloatArray
    margins: FloatArray
    runs: tuple[Played, ...]
    certificate: Certificate
    seconds: float
    solver_seconds: float

    @property
    def ended(self) -> str:
        """``equilibrium`` where one is proved (``exact`` or ``epsilon-nash``); else ``cycle`` or ``none-found``."""
        if self.certificate.certified:
            return "equilibrium"
        return "cycle" if all(run.ended == "cycle" for run in self.runs) else "none-found"


class RivalsMarket(Afresh[RivalsDay]):
    """The market of several aggregators with followers of their own.

    Parameters
    ----------
    starts
        Starts from which replies are played in any case: ``break-even``, ``alone``, then drawn prices. Where nothing is
        proved from them, both named ones are tried.
    rounds
        Rounds of replies from one start.
    gap
        Relative gap of replies on days with several scenarios; with one they are exact.
    node_limit
        Nodes that all searches of a day may take together; ``None`` for no limit.
    solver
        Who solves the linear programs of the searches; what Gurobi's free licence does not cover HiGHS solves.

    Raises
    ------
    InputError
        When an option is out of its domain.
    """

    def __init__(
        self,
        *,
        starts: int = 1,
        rounds: int = ROUNDS,
        gap: float = GAP_TARGET,
        node_limit: int | None = NODE_LIMIT,
        solver: str = "auto",
    ) -> None:
        for name, value in (("starts", starts), ("rounds", rounds), ("node_limit", node_limit)):
            if value is not None and not value >= 1:
                raise InputError("market of aggregators", name, value, "at least 1")
        if not 0.0 <= gap < 1.0:
            raise InputError("market of aggregators", "gap", gap, "a share from 0 to below 1")
        self.starts, self.rounds, self.gap, self.node_limit = starts, rounds, gap, node_limit
        self.solver = check_solver(solver)

    @naming_solvers
    def clear(self, day: RivalsDay) -> RivalsClearing:
        """Clear a day.

        Raises
        ------
        InputError
            When the day's numbers do not fit together; before any work is done.
        """
        begin = time.perf_counter()
        check_rivals(day)
        limit = INF if self.node_limit is None else self.node_limit
        play = Play(day, self.gap, self.rounds, Deadline(nodes=limit))
        with preferring(self.solver):
            runs = self._runs(play)
        best = min(runs, key=lambda run: run.regret)
        return RivalsClearing(
            names=day.names,
            profile=best.profile,
            outcomes=best.outcomes,
            profit=best.profit,
            bound=best.bound,
            margins=np.array([each.margins for each in best.outcomes]).T,
            runs=runs,
            certificate=_certificate(best, runs, "" if self.solver == "gurobi" else HighsHandle.name),
            seconds=time.perf_counter() - begin,
            solver_seconds=sum(market.seconds for market in play.markets),
        )

    def _runs(self, play: Play) -> tuple[Played, ...]:
        """Play from the starts, the named ones first."""
        draw = np.random.default_rng(_SEED)
        found: list[Played] = []
        for number in range(max(self.starts, len(STARTS))):
            if number >= self.starts and min(run.regret for run in found) <= EPSILON_REGRET:
                break
            if number < len(STARTS):
                found.append(play.play(STARTS[number], play.start(STARTS[number])))
            else:
                name = f"drawn {number - len(STARTS) + 1}"
                found.append(play.play(name, play.start(name, draw.random)))
        return tuple(found)


def _certificate(best: Played, runs: tuple[Played, ...], solver: str) -> Certificate:
    """Put residuals, regrets and the verdict together."""
    regrets = [run.regret if run.regret > EXACT_REGRET else 0.0 for run in runs]  # no rounding is told
    told = [
        f"from {run.start}: {run.ended} after {run.rounds} rounds, regret {regret:.3g}"
        for run, regret in zip(runs, regrets, strict=True)
    ]
    different: list[Played] = []
    for run in runs:
        if run.regret <= EPSILON_REGRET and not any(_same(run, other) for other in different):
            different.append(run)
    if len(different) > 1:
        profits = "; ".join(", ".join(f"{value:.6g}" for value in run.profit) for run in different)
        told.append(f"{len(different)} equilibria with different profits: {profits}")
    residuals = [choice.residuals for market in best.outcomes for choice in market.choices]
    return certify(residuals, best.profit, best.bound, best.bound, "best replies", solver, tuple(told))


def _same(one: Played, other: Played) -> bool:
    size = 1.0 + np.abs(one.profit)
    return bool((np.abs(one.profit - other.profit) <= EPSILON_REGRET * size).all())
