"""The *nodal* market: lots pay the distribution price that they cause.

A lot's profit is ``sum_t h_t (F_t - lambda_ct) p_ct`` with lambda the DLMP at its bus and h_t the length of a period.
So the network's answer enters its objective and it has market power. Three behaviours, mixed freely:

* ``strategic``: the lot foresees the price that its own power causes (it leads, the DSO follows);
* ``price-taking``: it takes prices as given;
* ``central``: the operator schedules it for least system cost.

Given the strategic lots' powers, price-taking and central schedules are one linear program with the dispatch (the
first welfare theorem). The strategic lots play Nash in powers; the feeder's limits are shared, so this is a
generalised Nash game, and a lot's deviations are those that leave the network a dispatch.

Given the powers, the DSO's program falls apart by hour, or storage and ramps join its hours. The market reads that off
the compiled program's matrix; how best responses and prices are found is the matter of
:mod:`equilibrium.markets.nodal.apart` and :mod:`equilibrium.markets.nodal.joined`, and the certificate says which.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import LEVELS, SecondMethod, Verdict, certify, naming_solvers
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError, SolverError
from equilibrium.grid.distribution import distribution_ports
from equilibrium.grid.network import Network
from equilibrium.lengths import ByLengths, named
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.dispatch import read_dispatch, storage_notes
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.charging.splitting import broken_cuts, split_lots, vehicle_powers
from equilibrium.markets.nodal.clearing import NodalClearing, best_of
from equilibrium.markets.nodal.comparison import compare
from equilibrium.markets.nodal.compiled import Compiled
from equilibrium.markets.nodal.efficient import Efficient
from equilibrium.markets.nodal.iteration import ITERATIONS, Between, Search, budgets, iterate, orders_of_play
from equilibrium.markets.nodal.joined.game import PlayJoined
from equilibrium.markets.nodal.play import NoDispatchError, Play
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.prices import PRICE_RULE, PublishedPrices, Taker, price_notes
from equilibrium.markets.nodal.second_method import TIME_LIMIT_S, confirm
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.program import GAP, Instance

SAME_POINT_KW = 1e-3
"""Charging powers closer than this are one equilibrium."""

FIRST_ORDERS = 2
"""Orders of play before other starts are tried, where hours are apart: these find a price for all more often."""

STARTS = 8
"""Random starts beside the welfare optimum, where hours are apart and the first orders give no price for all."""

NODE_LIMIT = 20_000
"""Branch-and-bound nodes for a day whose hours are joined, if nothing else is said."""

BEHAVIOURS = ("strategic", "price-taking", "central")


@dataclass(frozen=True, eq=False)
class _Game:
    """What all tries at one day share: the day, its welfare optimum, its lots, when it began and its last guard."""

    day: MarketDay
    welfare: Efficient
    players: Players
    begin: float
    guard: Deadline


class NodalMarket:
    """Clears days of the nodal market on one network. Compiled once for each sequence of period lengths.

    Parameters
    ----------
    network
        The feeder and its assets.
    behaviours
        One of :data:`BEHAVIOURS` per lot; all strategic by default.
    iteration
        ``"gauss-seidel"`` or ``"jacobi"``.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"`` for every program of the day: the welfare optimum, where every game
        starts, schedules and prices of the lots that are not strategic, and best responses with cuts. Where hours are
        joined, best responses and the intervals of prices are those of HiGHS.
    certify
        ``"standard"``, or ``"full"``: :mod:`equilibrium.markets.nodal.second_method` bounds the strategic lots' best
        deviations a second time, by an independent method, and the weaker bound of the two counts.
    certify_limit_s
        Seconds after which the second method gives up on a lot; what it has proved by then counts.
    node_limit
        Branch-and-bound nodes for one day where hours are joined; after them the day is not certified and carries its
        proven gap. More nodes never give a larger one.
    time_limit_s
        The last guard where nodes take long: seconds for the same, after which the answer depends on the machine and
        says so.
    """

    def __init__(
        self,
        network: Network,
        *,
        behaviours: tuple[str, ...] | None = None,
        iteration: str = "gauss-seidel",
        solver: str = "auto",
        certify: str = "standard",
        certify_limit_s: float = TIME_LIMIT_S,
        node_limit: int = NODE_LIMIT,
        time_limit_s: float = 600.0,
    ) -> None:
        for name, value, known in (("iteration", iteration, ITERATIONS), ("certify", certify, LEVELS)):
            if value not in known:
                raise InputError("nodal market", name, value, f"one of {', '.join(known)}")
        for name, limit_s in (("certify_limit_s", certify_limit_s), ("time_limit_s", time_limit_s)):
            if not limit_s >= 0.0:
                raise InputError("nodal market", name, limit_s, "seconds, at least 0")
        if not node_limit >= 0:
            raise InputError("nodal market", "node_limit", node_limit, "a number of nodes, at least 0")
        self.network, self._solver = network, solver
        self._iteration, self._certify, self._limit_s = iteration, certify, certify_limit_s
        self._node_limit, self._time_limit_s = node_limit, time_limit_s
        self.behaviours = behaviours if behaviours is not None else ("strategic",) * len(network.lots)
        if len(self.behaviours) != len(network.lots):
            raise InputError("nodal market", "behaviours", self.behaviours, f"one for each of {len(network.lots)} lots")
        for site, behaviour in zip(network.lots, self.behaviours, strict=True):
            if behaviour not in BEHAVIOURS:
                raise InputError(f"lot {site.name}", "behaviour", behaviour, f"one of {', '.join(BEHAVIOURS)}")
        self._strategic = [k for k, behaviour in enumerate(self.behaviours) if behaviour == "strategic"]
        self._compiled = ByLengths(partial(Compiled.of, network, solver))

    def prepare(self, day: MarketDay) -> None:
        """Make a typical day the start of every later day of the same periods.

        It is the start of the welfare optimum and of the operator's program.
        """
        compiled = self._compiled[day.length_h]
        power = compiled.efficient.prepare(day)
        if power is not None:
            compiled.structure.prepare(self._instance(day), power)

    @naming_solvers
    def clear(
        self, day: MarketDay, order: tuple[int, ...] | None = None, start_kw: FloatArray | None = None
    ) -> NodalClearing:
        """Find an equilibrium of one day and prove it.

        Parameters
        ----------
        order
            Order of play of the strategic lots; by default that of the network.
        start_kw
            Powers at which the iteration starts, shape ``(hours, lots)``; the welfare optimum by default.

        Raises
        ------
        InfeasibleError
            When no dispatch serves the day.
        InputError
            For an order that is not one of the strategic lots, or a start that a lot or the feeder cannot take.
        """
        begin = time.perf_counter()
        if order is not None and sorted(order) != self._strategic:
            raise InputError("nodal market", "order", order, f"the strategic lots {self._strategic}, each once")
        welfare = self._compiled[day.length_h].efficient.solve(day)
        players = Players(self.network, day, welfare.cuts, self._solver, welfare.split)
        game = _Game(day, welfare, players, begin, Deadline(self._time_limit_s))
        play = self._begin(day, welfare, players, start_kw)
        orders = [order] if order is not None else orders_of_play(self._strategic, self._iteration)
        told = order is not None or start_kw is not None or len(self._strategic) < 2
        first = len(orders) if told or isinstance(play, PlayJoined) else FIRST_ORDERS
        tried, late = self._in_orders(game, play, orders[:first])
        elsewhere: list[NodalClearing] = []
        if not (told or isinstance(play, PlayJoined) or late or tried[-1].settled):
            elsewhere = list(self._elsewhere(game, orders[0])) if all(each.tempts for each in tried) else []
            if orders[first:] and not any(each.settled for each in elsewhere):
                more, late = self._in_orders(game, play, orders[first:])
                tried += more
        return replace(best_of(tried, late, elsewhere), seconds=time.perf_counter() - begin)

    def _in_orders(self, game: _Game, play: Play, orders: list[tuple[int, ...]]) -> tuple[list[NodalClearing], str]:
        """Play in some orders until an equilibrium is found; return where each ended, and which limit was reached."""
        tried: list[NodalClearing] = []
        late = ""
        for nodes in budgets(self._node_limit):
            deadline, late = game.guard.part(nodes=nodes), ""
            for order in orders:
                here = play.copy(deadline)
                tried.append(self._played(game, here, order))
                if here.late:
                    late = self._limit(game.guard)
                if tried[-1].settled or here.late:
                    break
            if tried[-1].settled or not late or game.guard.passed:
                break
        return tried, late

    def _played(self, game: _Game, here: Play, order: tuple[int, ...]) -> NodalClearing:
        """Let the lots answer in turn from where a game begins, and prove the point where they end."""
        follow = self._follow(game) if 0 < len(order) < len(game.day.lots) else None
        search = iterate(here, order, between=follow, method=self._iteration)
        here.settle()
        return self._clearing(game, here, search, order)

    def _elsewhere(self, game: _Game, order: tuple[int, ...]) -> Iterator[NodalClearing]:
        """Play from random starts until an equilibrium is found; where hours are joined one start takes too long.

        A start need not be one that the vehicles can take; a point that still is none does not count.
        """
        day, players = game.day, game.players
        compiled, rng = self._compiled[day.length_h], np.random.default_rng(0)
        for _ in range(STARTS):
            start = compiled.efficient.random(day, rng, game.welfare.cuts)
            try:
                play = compiled.structure.begin(day, self._instance(day), players, start)
            except NoDispatchError:  # a start at the edge of what the feeder takes
                continue
            found = self._played(game, play, order)
            if all(players.takes(lot, found.lot_kw[:, lot]) for lot in self._strategic):
                yield found
            if found.settled:
                return

    def _limit(self, guard: Deadline) -> str:
        """Say which limit ended a search, and what came of it."""
        outcome = "the best point known, its regret is the proven gap"
        if guard.passed:
            return f"time limit of {self._time_limit_s:g} s (the answer depends on the machine): {outcome}"
        return f"node limit of {self._node_limit}: {outcome}"

    def close(self) -> None:
        """Do nothing: no process and no file is held."""

    def probe(self, day: MarketDay, starts: int = 5, seed: int = 0) -> list[NodalClearing]:
        """Look for several equilibria: play from the welfare optimum and from random feasible schedules.

        Parameters
        ----------
        starts
            Number of random starts.
        seed
            Seed of the starts.

        Returns
        -------
        list of NodalClearing
            The certified points that differ in charging, that of :meth:`clear` first if it is certified. One point is
            no proof that there is no other.
        """
        rng = np.random.default_rng(seed)
        efficient = self._compiled[day.length_h].efficient
        cuts = efficient.solve(day).cuts
        found = [self.clear(day)]
        found += [self.clear(day, start_kw=efficient.random(day, rng, cuts)) for _ in range(starts)]
        distinct: list[NodalClearing] = []
        for clearing in found:
            new = all(np.abs(clearing.lot_kw - other.lot_kw).max() > SAME_POINT_KW for other in distinct)
            if clearing.certificate.certified and new:
                distinct.append(clearing)
        return distinct

    def _instance(self, day: MarketDay) -> Instance:
        """Bind the DSO's program, the lots free within their limits; exports are closed in hours of negative price."""
        limit, program = stacked(day.lots, "power_max_kw", day.hours), self._compiled[day.length_h].program
        instance = program.bind(distribution_ports(self.network, day, np.zeros_like(limit), limit))
        negative = day.wholesale_price < 0.0
        return instance.with_columns(program.columns["export_kw"].index[negative], 0.0, 0.0)

    def _begin(self, day: MarketDay, welfare: Efficient, players: Players, start_kw: FloatArray | None) -> Play:
        """Begin the day's game where it is told to, or at the welfare optimum."""
        given = welfare.power if start_kw is None else start_kw
        try:
            structure = self._compiled[day.length_h].structure
            play = structure.begin(day, self._instance(day), players, given)
        except NoDispatchError as error:
            if start_kw is None:
                raise SolverError(f"the welfare optimum has {error}") from None
            raise InputError("nodal market", "start_kw", str(error), "powers the feeder takes") from None
        if start_kw is not None:
            players.check(start_kw)
        return play

    def _follow(self, game: _Game) -> Between:
        """Return the answer of the lots that are not strategic: the efficient point given the strategic powers."""
        day, welfare, players = game.day, game.welfare, game.players
        efficient = self._compiled[day.length_h].efficient

        def answer(play: Play) -> bool:
            """Go to the efficient point if it is better; return whether anything moved."""
            before = play.cost() - float(players.earned(play.power, np.zeros_like(play.power)).sum())
            found = efficient.solve(day, play.power, tuple(self._strategic), welfare.cuts)
            if before - found.system_cost <= GAP * (1.0 + abs(before)):
                return False
            play.move(found.power)
            return True

        return answer

    def _clearing(self, game: _Game, play: Play, search: Search, order: tuple[int, ...]) -> NodalClearing:
        """Publish prices, prove the point against the whole program, and set it beside the competitive outcome."""
        day, welfare, players = game.day, game.welfare, game.players
        proof_start, compiled = time.perf_counter(), self._compiled[day.length_h]
        power, prices = play.power, self._publish(play, players)
        point, energy = play.point(prices), day.length_h[:, None] * power
        dispatch = read_dispatch(self.network, day, compiled.program, point.instance, point.x, point.y)
        profit = players.earned(power, prices.price)
        best = np.array([self._best(k, search, prices, players, profit) for k in range(profit.size)])
        best, second = self._confirm(play, players, profit, best)
        unproved = play.unproved_hours(order)
        split = split_lots(self.network, day, power, prices.price, near=welfare.split)
        broken = {lot: players.name(lot) for lot, _ in broken_cuts(split)}
        notes = (*play.notes, *self._notes(day, search, unproved, list(broken.values())))
        notes += price_notes(prices, energy, self._strategic, players.name, named(day.length_h))
        notes += storage_notes(self.network, day, compiled.program, point.x, dispatch["dlmp"])
        notes += second.notes if second is not None else ()
        residuals = [kkt_residuals(point.instance, point.x, point.y)]
        solvers = ", ".join(dict.fromkeys((compiled.efficient.model.solver_name, *compiled.structure.solvers)))
        proof = certify(residuals, profit, best, best, compiled.structure.method, solvers, notes)
        if (unproved or broken or play.late) and proof.certified:
            proof = replace(proof, verdict=Verdict.KKT_CONSISTENT)
        proof_seconds = time.perf_counter() - proof_start
        return NodalClearing(
            **dispatch,
            **compare(self.network, day, welfare, dispatch, prices, players.price),
            lot_soe_kwh=players.state_of_energy(power),
            shed_kw=np.zeros_like(day.load_kw),
            unserved_kwh=np.zeros_like(power),
            vehicle_kw=vehicle_powers(split, day.length_h),
            shortage_cost=0.0,
            lot_profit=profit,
            lot_maximum=best,
            certificate=replace(proof, second=second),
            behaviours=self.behaviours,
            lot_price=prices.price,
            lot_price_low=prices.low,
            lot_price_high=prices.high,
            price_rule=PRICE_RULE,
            rounds=search.rounds,
            order=order,
            iteration=self._iteration,
            cycle=search.cycle,
            certificate_seconds=proof_seconds,
            seconds=time.perf_counter() - game.begin,
            solver_seconds=welfare.seconds + search.seconds + play.seconds + players.seconds + prices.seconds,
        )

    def _confirm(
        self, play: Play, players: Players, profit: FloatArray, best: FloatArray
    ) -> tuple[FloatArray, SecondMethod | None]:
        """Let the second method bound the strategic lots' deviations too, where it is asked for; the weaker counts."""
        if self._certify != "full":
            return best, None
        second = confirm(play.react, players, self._strategic, profit, best, self._limit_s)
        return second.weaker(best), second

    def _publish(self, play: Play, players: Players) -> PublishedPrices:
        """Choose the published prices: what a price is worth to the strategic lots, and what price-takers need."""
        strategic = np.isin(np.arange(play.power.shape[1]), self._strategic)
        takers = [
            Taker(k, players.price[:, k], players.own(k))
            for k, behaviour in enumerate(self.behaviours)
            if behaviour == "price-taking"
        ]
        return play.publish(np.where(strategic, players.length_h[:, None] * play.power, 0.0), takers)

    def _best(self, lot: int, search: Search, prices: PublishedPrices, players: Players, profit: FloatArray) -> float:
        """Return a proven bound on what a lot could earn by deviating, by its behaviour."""
        if self.behaviours[lot] == "strategic":
            return search.bound[lot]
        if self.behaviours[lot] == "central":
            return float(profit[lot])  # it has no will of its own
        return players.at_prices(lot, prices.price[:, lot])

    def _notes(self, day: MarketDay, search: Search, unproved: list[int], broken: list[str]) -> tuple[str, ...]:
        notes, when = [], named(day.length_h)
        negative = int((day.wholesale_price < 0.0).sum())
        if negative:
            notes.append(f"negative price in {negative} {when}: exports excluded there")
        if unproved:
            where = ", ".join(map(str, unproved))
            notes.append(f"the direction of trade at a negative price is not proved in {when} {where}: not certified")
        if broken:
            notes.append(f"vehicles cannot take the schedule of {', '.join(broken)}: not certified")
        if search.cycle:
            notes.append(f"no pure equilibrium found: the iteration came back after {search.cycle} rounds")
        if search.blocked:
            notes.append("no pure equilibrium found: lots that move together leave the network without a dispatch")
        return tuple(notes)
