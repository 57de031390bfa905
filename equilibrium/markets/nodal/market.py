"""The *nodal* market: lots pay the distribution price that they cause.

A lot's profit is ``sum_t (F_t - lambda_ct) p_ct`` with lambda the DLMP at its bus, so the network's answer enters its
objective and it has market power. Three behaviours, mixed freely:

* ``strategic``: the lot foresees the price that its own power causes (it leads, the DSO follows);
* ``price-taking``: it takes prices as given;
* ``central``: the operator schedules it for least system cost.

Given the strategic lots' powers, price-taking and central schedules are one linear program with the dispatch (the
first welfare theorem). The strategic lots play Nash in powers; the feeder's limits are shared, so this is a
generalised Nash game, and a lot's deviations are those that leave the network a dispatch.

The method here needs a DSO's program that falls apart by hour given the powers. The market reads that off the
compiled program's matrix; where hours are joined (storage, ramps), :mod:`equilibrium.markets.nodal.joined.game` takes
over and the certificate says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import LEVELS, SecondMethod, Verdict, certify
from equilibrium.errors import InputError, SolverError
from equilibrium.grid.distribution import (
    STATE_COLUMNS,
    STATE_ROWS,
    compile_distribution,
    distribution_ports,
)
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.dispatch import read_dispatch
from equilibrium.markets.charging.lots import stacked
from equilibrium.markets.charging.splitting import split_lots, vehicle_powers
from equilibrium.markets.nodal.clearing import NodalClearing, best_of
from equilibrium.markets.nodal.efficient import Efficient, EfficientSchedules
from equilibrium.markets.nodal.iteration import ITERATIONS, Search, iterate
from equilibrium.markets.nodal.joined.game import CoupledMarket
from equilibrium.markets.nodal.players import Players
from equilibrium.markets.nodal.prices import PRICE_RULE, PublishedPrices, Taker, price_notes, publish
from equilibrium.markets.nodal.second_method import TIME_LIMIT_S, best_deviation, confirm
from equilibrium.markets.nodal.trade import unproved_hours
from equilibrium.programs.coupling import joined_hours
from equilibrium.programs.duality import kkt_residuals
from equilibrium.programs.hourly.periods import PeriodData, bind_periods, compile_periods, lift_multipliers, lift_point
from equilibrium.programs.hourly.vertices import Vertices, start
from equilibrium.programs.program import Instance

SAME_POINT_KW = 1e-3
"""Charging powers closer than this are one equilibrium."""

MAXIMUM_ORDERS = 12
"""Orders of play that are tried before the day is reported as without a pure equilibrium."""

BEHAVIOURS = ("strategic", "price-taking", "central")
METHOD = "residual-curves"

SAVING = 1e-9
"""Relative saving of system cost below which the efficient players stay where they are."""


class NodalMarket:
    """Clears days of the nodal market on one network.

    Parameters
    ----------
    network
        The feeder and its assets.
    behaviours
        One of :data:`BEHAVIOURS` per lot; all strategic by default.
    hours
        Periods per day, one hour each.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"`` for every program of the day: the welfare optimum, where every game
        starts, schedules and prices of the lots that are not strategic, and best responses with cuts.
    iteration
        ``"gauss-seidel"`` or ``"jacobi"``.
    certify
        ``"standard"``, or ``"full"``: :mod:`equilibrium.markets.nodal.second_method` bounds the strategic lots' best
        deviations a second time, by an independent method, and the weaker bound of the two counts.
    certify_limit_s
        Seconds after which the second method gives up on a lot; what it has proved by then counts.
    time_limit_s
        Time for the best responses of one day where hours are joined; after it the day is not certified and carries
        its proven gap.
    """

    def __init__(
        self,
        network: Network,
        behaviours: tuple[str, ...] | None = None,
        hours: int = 24,
        solver: str = "auto",
        iteration: str = "gauss-seidel",
        certify: str = "standard",
        certify_limit_s: float = TIME_LIMIT_S,
        time_limit_s: float = 600.0,
    ) -> None:
        for name, value, known in (("iteration", iteration, ITERATIONS), ("certify", certify, LEVELS)):
            if value not in known:
                raise InputError("nodal market", name, value, f"one of {', '.join(known)}")
        if not certify_limit_s >= 0.0:
            raise InputError("nodal market", "certify_limit_s", certify_limit_s, "seconds, at least 0")
        self.network, self.hours, self._solver = network, hours, solver
        self._iteration, self._certify, self._limit_s = iteration, certify, certify_limit_s
        self.behaviours = behaviours if behaviours is not None else ("strategic",) * len(network.lots)
        if len(self.behaviours) != len(network.lots):
            raise InputError("nodal market", "behaviours", self.behaviours, f"one for each of {len(network.lots)} lots")
        for site, behaviour in zip(network.lots, self.behaviours, strict=True):
            if behaviour not in BEHAVIOURS:
                raise InputError(f"lot {site.name}", "behaviour", behaviour, f"one of {', '.join(BEHAVIOURS)}")
        self._strategic = [k for k, behaviour in enumerate(self.behaviours) if behaviour == "strategic"]
        self._program = compile_distribution(network, hours)
        self._model = compile_periods(compile_distribution(network, 1), "lot_kw", STATE_COLUMNS, STATE_ROWS)
        self._efficient = EfficientSchedules(network, hours, solver)
        self._known: Vertices | None = None
        coupled = len(joined_hours(self._program, "lot_kw")) < hours
        market = (network, self.behaviours, self._program, self._efficient, iteration, time_limit_s, self._comparison)
        second_limit_s = certify_limit_s if certify == "full" else None
        self._coupled = CoupledMarket(*market, second_limit_s) if coupled else None

    def prepare(self, day: MarketDay) -> None:
        """Make a typical day the start of every later day: of its welfare optimum and of its hours' vertices."""
        power = self._efficient.prepare(day)
        self._known = None
        if power is not None and self._coupled is None:
            known, solved = start(self._model, self._hours(self._instance(day, power)), power)
            known.refresh()
            self._known = known if solved.all() else None

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
        if self._coupled is not None:
            return self._coupled.clear(day, [order] if order is not None else self._orders(), start_kw)
        welfare = self._efficient.solve(day)
        given = welfare.power if start_kw is None else start_kw
        instance = self._instance(day, given)
        vertices, solved = start(self._model, self._hours(instance), given, self._known)
        if not solved.all():
            hours = np.flatnonzero(~solved).tolist()
            if start_kw is not None:
                raise InputError("nodal market", "start_kw", f"no dispatch in hours {hours}", "powers the feeder takes")
            raise SolverError(f"hours {hours} were not solved at the start of the game")
        players = Players(self.network, day, welfare.cuts, self._solver)
        if start_kw is not None:
            players.check(start_kw)
        tried: list[NodalClearing] = []
        for sequence in [order] if order is not None else self._orders():
            state = vertices.copy()
            search = iterate(
                state,
                sequence,
                players.price,
                players.power_max,
                players.respond,
                between=self._follow(day, welfare) if 0 < len(sequence) < len(day.lots) else None,
                method=self._iteration,
            )
            state.refresh()
            found = self._clearing(day, instance, state, search, welfare, players, sequence, begin)
            tried.append(found)
            if found.settled:
                break
        return replace(best_of(tried), seconds=time.perf_counter() - begin)

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
        cuts = self._efficient.solve(day).cuts
        found = [self.clear(day)]
        found += [self.clear(day, start_kw=self._efficient.random(day, rng, cuts)) for _ in range(starts)]
        distinct: list[NodalClearing] = []
        for clearing in found:
            new = all(np.abs(clearing.lot_kw - other.lot_kw).max() > SAME_POINT_KW for other in distinct)
            if clearing.certificate.certified and new:
                distinct.append(clearing)
        return distinct

    def _orders(self) -> list[tuple[int, ...]]:
        """Return the orders of play to try, one after the other: the network's, then its reverse and rotations."""
        first = self._strategic
        orders = [tuple(first), tuple(reversed(first))]
        if self._iteration == "jacobi":  # all answer the same point: the order does not matter
            return orders[:1]
        for shift in range(1, len(first)):
            turned = (*first[shift:], *first[:shift])
            orders += [turned, tuple(reversed(turned))]
        return list(dict.fromkeys(orders))[:MAXIMUM_ORDERS]

    def _instance(self, day: MarketDay, power: FloatArray) -> Instance:
        """Bind the DSO's program; exports are closed in hours of negative price."""
        instance = self._program.bind(distribution_ports(self.network, day, power, power))
        negative = day.wholesale_price < 0.0
        return instance.with_columns(self._program.columns["export_kw"].index[negative], 0.0, 0.0)

    def _hours(self, instance: Instance) -> PeriodData:
        """Take the bound day apart, hour by hour."""
        return bind_periods(self._model, self._program, instance, self.hours)

    def _follow(self, day: MarketDay, welfare: Efficient) -> Callable[[Vertices], bool]:
        """Return the answer of the lots that are not strategic: the efficient point given the strategic powers."""

        def answer(vertices: Vertices) -> bool:
            before = float(vertices.cost.sum()) - float((self._price(day) * vertices.given).sum())
            found = self._efficient.solve(day, vertices.given, tuple(self._strategic), welfare.cuts)
            if before - found.system_cost <= SAVING * (1.0 + abs(before)):
                return False
            vertices.move(found.power)
            return True

        return answer

    def _clearing(
        self,
        day: MarketDay,
        instance: Instance,
        vertices: Vertices,
        search: Search,
        welfare: Efficient,
        players: Players,
        sequence: tuple[int, ...],
        begin: float,
    ) -> NodalClearing:
        """Publish prices, prove the point, and set it beside the competitive outcome."""
        proof_start = time.perf_counter()
        power = vertices.given
        prices = self._publish(vertices, players)
        x = lift_point(self._model, vertices.data, self._program, vertices.y, power)
        lot = self._program.columns["lot_kw"].index.ravel()
        bound = instance.with_columns(lot, x[lot], x[lot])
        y = lift_multipliers(self._model, self._program, bound, prices.mu)
        dispatch = read_dispatch(self.network, day, self._program, x, y)
        profit = ((players.price - prices.price) * power).sum(axis=0)
        best = np.array([self._best(k, search, prices, players, profit) for k in range(profit.size)])
        best, second = self._confirm(vertices, players, profit, best)
        unproved = unproved_hours(self.network, day, vertices, players, sequence)
        notes = (*self._notes(day, search, unproved), *price_notes(prices, power, self._strategic, players.name))
        notes += second.notes if second is not None else ()
        proof = certify(
            [kkt_residuals(bound, x, y)], profit, best, best, METHOD, self._efficient.model.solver_name, notes
        )
        verdict = Verdict.KKT_CONSISTENT if unproved and proof.certified else proof.verdict
        proof = replace(proof, verdict=verdict, second=second)
        proof_seconds = time.perf_counter() - proof_start
        split = split_lots(self.network, day, power, prices.price)
        return NodalClearing(
            **dispatch,
            **self._comparison(day, welfare, dispatch, prices, players),
            lot_soe_kwh=players.state_of_energy(power),
            shed_kw=np.zeros_like(day.load_kw),
            unserved_kwh=np.zeros_like(power),
            vehicle_kw=vehicle_powers(split),
            shortage_cost=0.0,
            lot_profit=profit,
            lot_maximum=best,
            certificate=proof,
            behaviours=self.behaviours,
            lot_price=prices.price,
            lot_price_low=prices.low,
            lot_price_high=prices.high,
            price_rule=PRICE_RULE,
            rounds=search.rounds,
            order=sequence,
            iteration=self._iteration,
            cycle=search.cycle,
            certificate_seconds=proof_seconds,
            seconds=time.perf_counter() - begin,
            solver_seconds=welfare.seconds + search.seconds + players.seconds + prices.seconds,
        )

    def _confirm(
        self, vertices: Vertices, players: Players, profit: FloatArray, best: FloatArray
    ) -> tuple[FloatArray, SecondMethod | None]:
        """Let the second method bound the strategic lots' deviations too, where it is asked for; the weaker counts."""
        if self._certify != "full":
            return best, None
        deviate = partial(best_deviation, self._model, vertices.data, vertices.given)
        second = confirm(deviate, players, self._strategic, profit, best, self._limit_s)
        return second.weaker(best), second

    def _publish(self, vertices: Vertices, players: Players) -> PublishedPrices:
        """Choose the published prices: what a price is worth to the strategic lots, and what price-takers need."""
        strategic = np.isin(np.arange(vertices.given.shape[1]), self._strategic)
        takers = [
            Taker(k, players.price[:, k], players.own(k))
            for k, behaviour in enumerate(self.behaviours)
            if behaviour == "price-taking"
        ]
        return publish(vertices, np.where(strategic, vertices.given, 0.0), takers, self._solver)

    def _best(self, lot: int, search: Search, prices: PublishedPrices, players: Players, profit: FloatArray) -> float:
        """Return a proven bound on what a lot could earn by deviating, by its behaviour."""
        if self.behaviours[lot] == "strategic":
            return search.bound[lot]
        if self.behaviours[lot] == "central":
            return float(profit[lot])  # it has no will of its own
        return players.at_prices(lot, prices.price[:, lot])

    def _notes(self, day: MarketDay, search: Search, unproved: list[int]) -> tuple[str, ...]:
        notes = []
        negative = int((day.wholesale_price < 0.0).sum())
        if negative:
            notes.append(f"negative price in {negative} hours: exports excluded there")
        if unproved:
            where = ", ".join(map(str, unproved))
            notes.append(f"the direction of trade at a negative price is not proved in hours {where}: not certified")
        if search.cycle:
            notes.append(f"no pure equilibrium found: the iteration came back after {search.cycle} rounds")
        if search.blocked:
            notes.append("no pure equilibrium found: lots that move together leave the network without a dispatch")
        return tuple(notes)

    def _comparison(
        self, day: MarketDay, welfare: Efficient, dispatch: dict[str, Any], prices: PublishedPrices, players: Players
    ) -> dict[str, Any]:
        """Return the fields that set the equilibrium beside the competitive outcome."""
        network, power = self.network, dispatch["lot_kw"]
        buses = [site.bus for site in network.lots]
        competitive = welfare.dlmp[:, buses]
        payment = (prices.price * power).sum(axis=0)
        drawn, drawn_there = power.sum(axis=0), welfare.power.sum(axis=0)
        paid_there = (competitive * welfare.power).sum(axis=0)
        shifted = 0.5 * (np.abs(power - welfare.power).sum(axis=0) - np.abs(drawn - drawn_there))
        load_payment = float((dispatch["dlmp"] * day.load_kw).sum())
        receipts = sum(
            float((dispatch["dlmp"][:, [unit.bus for unit in units]] * dispatch[name]).sum())
            for units, name in ((network.microturbines, "microturbine_kw"), (network.renewables, "renewable_kw"))
        )
        trade = dispatch["network_cost"] - dispatch["fuel_cost"]
        value = float((players.price * power).sum()) - dispatch["network_cost"]
        return {
            "lot_payment": payment,
            "value_optimistic": _earned(players.price - prices.low, power),
            "value_pessimistic": _earned(players.price - prices.high, power),
            "competitive_kw": welfare.power,
            "competitive_dlmp": welfare.dlmp,
            "competitive_profit": ((players.price - competitive) * welfare.power).sum(axis=0),
            "competitive_cost": welfare.network_cost,
            "markdown": _mean(paid_there, drawn_there) - _mean(payment, drawn),
            "shifted_kwh": np.maximum(shifted, 0.0),
            "withheld_kwh": np.maximum(drawn_there - drawn, 0.0),
            "load_payment": load_payment,
            "network_surplus": load_payment + float(payment.sum()) - receipts - trade,
            "price_of_anarchy": -welfare.system_cost / value if value > 0.0 else np.nan,
        }

    def _price(self, day: MarketDay) -> FloatArray:
        return stacked(day.lots, "charging_price", self.hours)


def _earned(margin: FloatArray, power: FloatArray) -> FloatArray:
    """Return what each lot earns; an infinite margin on no power is nothing."""
    return np.asarray((np.where(power > 0.0, margin, 0.0) * power).sum(axis=0))


def _mean(money: FloatArray, energy: FloatArray) -> FloatArray:
    """Return money per energy, 0 where there is no energy."""
    return np.divide(money, energy, out=np.zeros_like(money), where=energy > 0.0)
