"""The nodal market on a feeder that couples hours: the general method.

With storage or ramp limits the DSO's program does not fall apart by hour when the lots' powers are given, so a lot's
price in one hour depends on its power in others and there is no residual curve of an hour. Here every best response
faces the whole day's program through its optimality conditions (:mod:`equilibrium.markets.nodal.joined.response`) and
is proved by branch and bound. The rest of the market is as in :mod:`equilibrium.markets.nodal.market`: best responses
in turn until a round in which nobody gains, price-takers and central lots at the efficient point in between, prices
from the dual optimal face by the same rule.

What is proved: the rows that are left out of the conditions can never bind (:mod:`equilibrium.programs.screening`), so
a bound on a best response holds for the whole program; and the published point is checked against the whole program,
all rows stated, by its residuals.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import SecondMethod, Verdict, certify
from equilibrium.errors import InputError, SolverError
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, distribution_ports
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.dispatch import read_dispatch, storage_notes
from equilibrium.markets.charging.splitting import split_lots, vehicle_powers
from equilibrium.markets.charging.trade import undecided_hours
from equilibrium.markets.nodal.clearing import NodalClearing, best_of
from equilibrium.markets.nodal.efficient import Efficient, EfficientSchedules
from equilibrium.markets.nodal.iteration import GAIN, Search
from equilibrium.markets.nodal.joined.follower import Follower
from equilibrium.markets.nodal.joined.prices import joined_face, publish_joined
from equilibrium.markets.nodal.joined.response import respond
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.prices import PRICE_RULE, PublishedPrices, Taker, price_notes
from equilibrium.markets.nodal.response import BestResponse, FeasiblePowers
from equilibrium.markets.nodal.second_method import confirm, joined_deviation
from equilibrium.programs.coupling import joined_hours
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import INF, Instance, Program
from equilibrium.programs.reduction import ReducedModel
from equilibrium.programs.screening import bindable_rows
from equilibrium.programs.solvers import Handle, Status, open_handle
from equilibrium.programs.solvers.highs import HighsHandle

METHOD = "complementarity-bb"

SAVING = 1e-9
"""Relative saving of system cost below which the efficient players stay where they are."""

MAXIMUM_ROUNDS = 100

Compare = Callable[[MarketDay, Efficient, dict[str, Any], PublishedPrices, Players], dict[str, Any]]
"""Return the fields of a clearing that set it beside the competitive outcome."""


@dataclass(frozen=True, eq=False)
class _Dispatch:
    """The DSO's answer to given powers: reduced columns, and its cost."""

    x: FloatArray
    cost: float


@dataclass(eq=False)
class _Game:
    """One day's game.

    The day's whole program, its reduced form with the rows ``ids`` that may bind, the lots' columns in that form and
    their powers (both ``(hours, lots)``), the time at which the search stops, and whether it did (``late``).
    """

    instance: Instance
    reduced: Instance
    ids: IntArray
    lots: IntArray
    power: FloatArray
    deadline: float
    late: bool = False
    seconds: float = 0.0
    _handle: Handle | None = field(default=None)

    def fixed(self, power: FloatArray) -> Instance:
        """Return the reduced program at given powers."""
        return self.reduced.with_columns(self.lots, power, power)

    def dispatch(self, power: FloatArray) -> _Dispatch | None:
        """Solve the DSO's program at given powers; ``None`` if there is no dispatch."""
        instance = self.fixed(power)
        if self._handle is None:
            self._handle = open_handle(instance)
        self._handle.update(instance)
        solution = self._handle.solve()
        self.seconds += solution.seconds
        if solution.status is Status.INFEASIBLE:
            return None
        if solution.status is not Status.OPTIMAL:
            raise SolverError(f"the DSO's program ended {solution.status}")
        return _Dispatch(solution.x, float(instance.cost @ solution.x))


class CoupledMarket:
    """Clears days of the nodal market where hours are joined; made by ``NodalMarket``.

    Parameters
    ----------
    network, behaviours, program, efficient
        The market's network, the lots' behaviours, the DSO's program of the whole day, and the finder of efficient
        schedules. Best responses are always solved by HiGHS.
    iteration
        ``"gauss-seidel"`` or ``"jacobi"``.
    time_limit_s
        Time for the best responses of one day. After it a day ends with the best point known, its proven gap, and
        without a certificate.
    compare
        Sets a point beside the competitive outcome.
    second_limit_s
        Seconds for each lot of the second method (:func:`equilibrium.markets.nodal.second_method.joined_deviation`);
        ``None`` does without it.
    """

    def __init__(
        self,
        network: Network,
        behaviours: tuple[str, ...],
        program: Program,
        efficient: EfficientSchedules,
        iteration: str,
        time_limit_s: float,
        compare: Compare,
        second_limit_s: float | None = None,
    ) -> None:
        self._network, self._behaviours, self._program = network, behaviours, program
        self._model = ReducedModel(program, STATE_COLUMNS, STATE_ROWS)
        self._joined = max(joined_hours(program, "lot_kw"), key=len)
        self._efficient, self._iteration, self._limit = efficient, iteration, time_limit_s
        self._compare, self._second_limit = compare, second_limit_s
        self._strategic = [k for k, behaviour in enumerate(behaviours) if behaviour == "strategic"]

    def clear(self, day: MarketDay, orders: list[tuple[int, ...]], start_kw: FloatArray | None) -> NodalClearing:
        """Find an equilibrium of one day and prove it; arguments and errors as of the nodal market."""
        begin = time.perf_counter()
        welfare = self._efficient.solve(day)
        players = Players(self._network, day, welfare.cuts)
        game = self._game(day, players, welfare.power if start_kw is None else start_kw, begin)
        if game.dispatch(game.power) is None:
            if start_kw is None:
                raise SolverError("the welfare optimum has no dispatch")
            raise InputError("nodal market", "start_kw", "no dispatch", "powers the feeder takes")
        if start_kw is not None:
            players.check(start_kw)
        tried: list[NodalClearing] = []
        for order in orders:
            now = replace(game, power=game.power.copy())
            search = self._iterate(day, now, order, players, welfare)
            found = self._clearing(day, now, search, welfare, players, order, begin)
            tried.append(found)
            game.late = now.late
            if found.settled or now.late:
                break
        late = f"time limit of {self._limit:g} s: the best point known, its regret is the proven gap"
        best = best_of(tried, late if game.late else "")
        return replace(best, seconds=time.perf_counter() - begin)

    def _game(self, day: MarketDay, players: Players, power: FloatArray, begin: float) -> _Game:
        """Bind the day with exports closed at negative prices, and leave out the rows that cannot bind."""
        ports = distribution_ports(self._network, day, np.zeros_like(power), players.power_max)
        instance = self._program.bind(ports)
        negative = day.wholesale_price < 0.0
        instance = instance.with_columns(self._program.columns["export_kw"].index[negative], 0.0, 0.0)
        self._model.rewind()
        ids = bindable_rows(self._program, self._model, instance)
        lots = np.searchsorted(self._model.free, self._program.columns["lot_kw"].index)
        reduced = self._model.explicit(instance, ids)
        return _Game(instance, reduced, ids, lots, power.copy(), begin + self._limit)

    def _iterate(
        self, day: MarketDay, game: _Game, order: tuple[int, ...], players: Players, welfare: Efficient
    ) -> Search:
        """Let the lots answer in turn (or together) until a round in which nobody gains."""
        search, seen = Search(), dict[bytes, int]()
        for search.rounds in range(1, MAXIMUM_ROUNDS + 1):
            moved = self._round(game, order, players, search)
            if search.blocked:
                return search
            if game.late:
                break
            if 0 < len(order) < len(self._behaviours):
                moved = self._follow(day, game, players, welfare) or moved
            if not moved:
                return search
            key = np.round(game.power, 6).tobytes()
            if key in seen:
                search.cycle = search.rounds - seen[key]
                break
            seen[key] = search.rounds
        for lot in order:  # the bounds of a round in which somebody moved belong to other points
            self._answer(game, lot, players, search)
        return search

    def _round(self, game: _Game, order: tuple[int, ...], players: Players, search: Search) -> bool:
        """Let every lot answer once; return True if somebody moved."""
        target, moved = game.power.copy(), False
        for lot in order:
            answer, profit = self._answer(game, lot, players, search)
            if answer is None or (profit > -INF and answer.profit - profit <= GAIN * max(1.0, abs(profit))):
                continue
            moved = True
            target[:, lot] = answer.power_kw
            if self._iteration == "gauss-seidel":
                game.power = target.copy()
            if game.late:
                break
        if self._iteration == "jacobi" and moved:
            if game.dispatch(target) is None:
                search.blocked = True
                return False
            game.power = target
        return moved

    def _answer(self, game: _Game, lot: int, players: Players, search: Search) -> tuple[BestResponse | None, float]:
        """Return a lot's best response, on schedules that its vehicles can take, and its present profit."""
        follower = Follower.facing(game.reduced, game.lots, lot, game.power)
        present, price = game.power[:, lot], players.price[:, lot]

        def refuse(power: FloatArray) -> FeasiblePowers | None:
            return players.own(lot) if players.cut(lot, power, price) else None

        left = max(game.deadline - time.perf_counter(), 0.0)
        answer, profit = respond(follower, price, players.own(lot), present, left, refuse)
        search.profit[lot] = profit
        search.bound[lot] = INF if answer is None else answer.bound
        if answer is not None:
            search.nodes += answer.nodes
            search.seconds += answer.seconds
            unproved = answer.bound - answer.profit > GAIN * max(1.0, abs(answer.profit))
            game.late = game.late or (unproved and time.perf_counter() >= game.deadline)
        return answer, profit

    def _follow(self, day: MarketDay, game: _Game, players: Players, welfare: Efficient) -> bool:
        """Move the lots that are not strategic to the efficient point given the strategic powers."""
        here = game.dispatch(game.power)
        if here is None:
            raise SolverError("the lots' powers leave no dispatch")
        before = here.cost - float((players.price * game.power).sum())
        found = self._efficient.solve(day, game.power, tuple(self._strategic), welfare.cuts)
        if before - found.system_cost <= SAVING * (1.0 + abs(before)):
            return False
        game.power = found.power
        return True

    def _publish(self, game: _Game, here: _Dispatch, players: Players) -> tuple[PublishedPrices, FloatArray]:
        """Choose prices from the dual optimal face of the whole day; return them and all rows' multipliers."""
        face, of_rows = joined_face(game.reduced, game.lots, here.x)
        takers = [
            Taker(k, players.price[:, k], players.own(k))
            for k, behaviour in enumerate(self._behaviours)
            if behaviour == "price-taking"
        ]
        weight = np.where(np.isin(np.arange(game.lots.shape[1]), self._strategic), game.power, 0.0)
        found = publish_joined(face, game.power, weight, takers)
        return found, of_rows @ found.mu

    def _confirm(
        self, game: _Game, players: Players, profit: FloatArray, best: FloatArray
    ) -> tuple[FloatArray, SecondMethod | None]:
        """Let the second method bound the strategic lots' deviations too, where it is asked for; the weaker counts."""
        if self._second_limit is None:
            return best, None
        deviate = partial(joined_deviation, game.reduced, game.lots, game.power)
        second = confirm(deviate, players, self._strategic, profit, best, self._second_limit)
        return second.weaker(best), second

    def _clearing(
        self,
        day: MarketDay,
        game: _Game,
        search: Search,
        welfare: Efficient,
        players: Players,
        order: tuple[int, ...],
        begin: float,
    ) -> NodalClearing:
        """Publish prices, prove the point against the whole program, and set it beside the competitive outcome."""
        proof_start = time.perf_counter()
        power = game.power
        here = game.dispatch(power)
        if here is None:
            raise SolverError("the lots' powers leave no dispatch")
        prices, multipliers = self._publish(game, here, players)
        lot = self._program.columns["lot_kw"].index
        bound = game.instance.with_columns(lot, power, power)
        x = self._model.lift_point(bound, here.x)
        y = self._model.lift_multipliers(bound, game.ids, multipliers)
        dispatch = read_dispatch(self._network, day, self._program, x, y)
        profit = ((players.price - prices.price) * power).sum(axis=0)
        best = np.array([self._best(k, search, prices, players, profit) for k in range(profit.size)])
        best, second = self._confirm(game, players, profit, best)
        undecided = np.flatnonzero(undecided_hours(self._network, day)).tolist()
        notes = self._notes(day, game, search, undecided)
        notes += price_notes(prices, power, self._strategic, players.name)
        notes += storage_notes(self._network, self._program, x, dispatch["dlmp"])
        notes += second.notes if second is not None else ()
        solvers = ", ".join(dict.fromkeys((self._efficient.model.solver_name, HighsHandle.name)))
        proof = certify([kkt_residuals(bound, x, y)], profit, best, best, METHOD, solvers, notes)
        if (undecided or game.late) and proof.certified:
            proof = replace(proof, verdict=Verdict.KKT_CONSISTENT)
        proof_seconds = time.perf_counter() - proof_start
        split = split_lots(self._network, day, power, prices.price)
        return NodalClearing(
            **dispatch,
            **self._compare(day, welfare, dispatch, prices, players),
            lot_soe_kwh=players.state_of_energy(power),
            shed_kw=np.zeros_like(day.load_kw),
            unserved_kwh=np.zeros_like(power),
            vehicle_kw=vehicle_powers(split),
            shortage_cost=0.0,
            lot_profit=profit,
            lot_maximum=best,
            certificate=replace(proof, second=second),
            behaviours=self._behaviours,
            lot_price=prices.price,
            lot_price_low=prices.low,
            lot_price_high=prices.high,
            price_rule=PRICE_RULE,
            rounds=search.rounds,
            order=order,
            iteration=self._iteration,
            cycle=search.cycle,
            certificate_seconds=proof_seconds,
            seconds=time.perf_counter() - begin,
            solver_seconds=welfare.seconds + search.seconds + game.seconds + players.seconds + prices.seconds,
        )

    def _best(self, lot: int, search: Search, prices: PublishedPrices, players: Players, profit: FloatArray) -> float:
        """Return a proven bound on what a lot could earn by deviating, by its behaviour."""
        if self._behaviours[lot] == "strategic":
            return search.bound.get(lot, INF)
        if self._behaviours[lot] == "central":
            return float(profit[lot])  # it has no will of its own
        return players.at_prices(lot, prices.price[:, lot])

    def _notes(self, day: MarketDay, game: _Game, search: Search, undecided: list[int]) -> tuple[str, ...]:
        rows = self._model.row_ids.size
        notes = [
            f"general method: the operator's program joins hours {self._joined[0]} to {self._joined[-1]} (storage or "
            f"ramps), so no hour has a residual curve of its own; {rows - game.ids.size} of its {rows} rows are proved "
            "never to bind"
        ]
        negative = int((day.wholesale_price < 0.0).sum())
        if negative:
            notes.append(f"negative price in {negative} hours: exports excluded there")
        if undecided:
            where = ", ".join(map(str, undecided))
            notes.append(f"the direction of trade at a negative price is not proved in hours {where}: not certified")
        if search.cycle:
            notes.append(f"no pure equilibrium found: the iteration came back after {search.cycle} rounds")
        if search.blocked:
            notes.append("no pure equilibrium found: lots that move together leave the network without a dispatch")
        return tuple(notes)
