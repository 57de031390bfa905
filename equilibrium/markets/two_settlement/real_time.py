"""Real time: what happens on the day, what the operator expects of the next periods, and what it does.

Every period the operator solves a program over a short window, does its first period, and looks again. It knows what is
now; further ahead it takes the day-ahead expectation, corrected by the error that it sees now, which fades:

    expected at h periods ahead = day-ahead expectation + memory^h (what is now - its day-ahead expectation)   (15)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.grid.restoration import Outage
from equilibrium.markets.two_settlement.system import ActiveSystem, Penalties, Positions, Prices
from equilibrium.programs.duality import Residuals

LOOK_AHEAD = (1, 96)
"""Least and most periods of a window."""


@dataclass(frozen=True, eq=False)
class Weather:
    """What the operator does not decide, period by period: ``Q`` are the periods of real time.

    Attributes
    ----------
    load_kw, load_kvar
        Load of every bus, shape ``(Q, buses)``.
    available_kw
        What each renewable unit can give, shape ``(Q, renewables)``.
    prices
        Real-time prices, shape ``(Q,)`` each.
    """

    load_kw: FloatArray
    load_kvar: FloatArray
    available_kw: FloatArray
    prices: Prices

    def from_now(self, seen: Weather, now: int, ahead: int, memory: float) -> Weather:
        """Return what is expected of the periods from ``now`` on, (15): the first is seen, the error fades.

        Parameters
        ----------
        seen
            What happens; nothing after ``now`` is looked at.
        now, ahead
            The period, and how many are expected; beyond the last period of the day its data are repeated.
        memory
            Share of an error that one period leaves, 0 to 1.
        """
        at = np.minimum(np.arange(now, now + ahead), self.load_kw.shape[0] - 1)
        fade = memory ** np.minimum(np.arange(ahead), at - now).astype(np.float64)

        def each(mine: FloatArray, theirs: FloatArray) -> FloatArray:
            wide = fade if mine.ndim == 1 else fade[:, None]
            return np.asarray(mine[at] + wide * (theirs[now] - mine[now]))

        series = (each(getattr(self, name), getattr(seen, name)) for name in ("load_kw", "load_kvar", "available_kw"))
        load, kvar, available = series
        names = [each_field.name for each_field in fields(Prices)]
        ahead_of = {name: each(getattr(self.prices, name), getattr(seen.prices, name)) for name in names}
        prices = Prices(**ahead_of | {"sell": np.minimum(ahead_of["sell"], ahead_of["buy"])})
        return Weather(np.maximum(load, 0.0), kvar, np.maximum(available, 0.0), prices)


@dataclass(frozen=True, eq=False)
class Event:
    """An outage that happens: from period ``first`` to ``last``, both included."""

    outage: Outage
    first: int
    last: int


class Delivery(Protocol):
    """What an aggregator does in real time: it knows its customers or vehicles, the operator does not."""

    def net_kw(self, now: int) -> FloatArray:
        """Return the net power that it expects to give from period ``now`` on, kW."""
        ...

    def ready_kw(self, now: int) -> float:
        """Return what could be called on top of it in period ``now``, kW."""
        ...

    def happened(self, now: int, called_kw: float, supplied: float) -> None:
        """Take in what was called in a period, and which part of its own power the grid let pass."""
        ...


@dataclass(eq=False)
class FixedDelivery:
    """An aggregator whose power does not depend on what was called before.

    Attributes
    ----------
    power_kw, spare_kw
        Net power given, and what stands ready beside it, shape ``(Q,)``.
    """

    power_kw: FloatArray
    spare_kw: FloatArray

    def net_kw(self, now: int) -> FloatArray:
        """Return what is left of its powers."""
        return self.power_kw[now:]

    def ready_kw(self, now: int) -> float:
        """Return what stands ready."""
        return float(self.spare_kw[now])

    def happened(self, now: int, called_kw: float, supplied: float) -> None:
        """Remember nothing."""


@dataclass(frozen=True, eq=False)
class RealDay:
    """A day as it happens, and what is known of it before.

    Attributes
    ----------
    length_h
        Length of the periods, shape ``(Q,)``.
    hour
        Period of the day-ahead market that each belongs to, shape ``(Q,)``.
    expected, seen
        What was expected day-ahead, and what happens.
    memory
        Share of a forecast error that is believed to be left after a period.
    penalties
        As the day-ahead market has them, shape ``(T,)`` each.
    reserve_need_kw
        Reserve that the operator must hold itself, beside what it sold, shape ``(T,)``.
    called_share
        Share of the sold spinning reserve that the wholesale market calls, shape ``(Q,)``.
    events
        Outages; nobody knows them before they happen.
    """

    length_h: FloatArray
    hour: IntArray
    expected: Weather
    seen: Weather
    penalties: Penalties
    reserve_need_kw: FloatArray
    called_share: FloatArray
    memory: float = 0.9
    events: tuple[Event, ...] = ()

    @property
    def periods(self) -> int:
        """Number of periods."""
        return int(self.length_h.size)

    def failed(self, now: int) -> Outage:
        """Return everything that is out of order in a period as one outage; nothing of it where all is well."""
        there = [each.outage for each in self.events if each.first <= now <= each.last]
        branches = sorted({k for each in there for k in each.branches})
        buses = sorted({k for each in there for k in each.buses})
        return Outage(" and ".join(each.name for each in there), tuple(branches), tuple(buses))

    def check(self, system: ActiveSystem, positions: Positions, bids: int) -> None:
        """Refuse a day whose numbers do not fit together, or at which buying and selling at once would pay.

        Raises
        ------
        InputError
            Naming the number.
        """
        periods, day_ahead = self.periods, positions.trade_kw.size
        shapes = {"load_kw": (periods, system.grid.size), "load_kvar": (periods, system.grid.size)}
        shapes["available_kw"] = (periods, len(system.renewables))
        for what, weather in (("expected", self.expected), ("seen", self.seen)):
            for name, shape in shapes.items():
                _finite(f"{what} {name}", getattr(weather, name), shape)
            for each in fields(Prices):
                _finite(f"{what} prices, {each.name}", getattr(weather.prices, each.name), (periods,))
            at = np.flatnonzero(weather.prices.sell > weather.prices.buy)
            if at.size:
                expected = f"at most the price of buying ({weather.prices.buy[at[0]]:g})"
                value = float(weather.prices.sell[at[0]])
                raise InputError("real time", f"{what} prices, sell in period {at[0]}", value, expected)
        for each in fields(Penalties):
            values = getattr(self.penalties, each.name)
            _finite(f"penalties, {each.name}", values, (day_ahead,))
            if (values < 0.0).any():
                raise InputError("real time", f"penalties, {each.name}", float(values.min()), "numbers from 0")
        _finite("called_share", self.called_share, (periods,))
        _finite("reserve_need_kw", self.reserve_need_kw, (day_ahead,))
        _finite("accepted_kw", positions.accepted_kw, (day_ahead, bids))
        if not ((self.hour >= 0) & (self.hour < day_ahead)).all():
            raise InputError("real time", "hour", self.hour.tolist(), f"periods from 0 to {day_ahead - 1}")
        if not 0.0 <= self.memory <= 1.0:
            raise InputError("real time", "memory", self.memory, "a share, 0 to 1")
        for event in self.events:
            if not 0 <= event.first <= event.last < periods:
                expected = f"periods from 0 to {periods - 1}, the first not after the last"
                raise InputError("real time", f"outage {event.outage.name}", (event.first, event.last), expected)
        roots = set(system.grid.roots)
        for now in sorted({event.first for event in self.events}):
            if roots <= set(self.failed(now).buses):
                raise InputError("real time", f"outages in period {now}", self.failed(now).name, "a root that is left")


def _finite(name: str, values: FloatArray, shape: tuple[int, ...]) -> None:
    if values.shape != shape or not np.isfinite(values).all():
        raise InputError("real time", name, values.shape, f"finite numbers of shape {shape}")


def check_look_ahead(look_ahead: int, periods: int) -> None:
    """Refuse a window that is none, or longer than the day.

    Raises
    ------
    InputError
        Naming the window.
    """
    if not LOOK_AHEAD[0] <= look_ahead <= min(LOOK_AHEAD[1], periods):
        expected = f"from {LOOK_AHEAD[0]} to {min(LOOK_AHEAD[1], periods)} periods, those of the day"
        raise InputError("real time", "look_ahead", look_ahead, expected)


@dataclass(frozen=True, eq=False)
class Done:
    """What was done in one period; the attributes of :class:`RealTimeDay` for it, and its residuals."""

    generator_kw: FloatArray
    generator_kvar: FloatArray
    renewable_kw: FloatArray
    storage_kw: FloatArray
    storage_kwh: FloatArray
    trade_kw: float
    trade_kvar: float
    called_kw: FloatArray
    bid_kw: FloatArray
    held_kw: FloatArray
    unready_kw: FloatArray
    shed_kw: FloatArray
    tripped_kw: FloatArray
    spinning_short_kw: float
    voltage_pu: FloatArray
    cost: float


@dataclass(frozen=True, eq=False)
class RealTimeDay:
    """What the operator did, period by period.

    Attributes
    ----------
    generator_kw, generator_kvar, renewable_kw
        Powers of the units, shape ``(Q, units)``.
    storage_kw, storage_kwh
        Power of storage (positive into the grid), and its energy at the end of each period, shape ``(Q, storages)``.
    trade_kw, trade_kvar
        Bought (positive) or sold from the wholesale market, shape ``(Q,)``.
    called_kw
        Reserve that was called of each bid, shape ``(Q, bids)``.
    bid_kw
        Net power of each aggregator, calls included and what was held back left out, same shape.
    held_kw
        Power of aggregators that the grid could not take or give (positive: not given to them), same shape.
    unready_kw
        Accepted reserve that an aggregator had not got ready, same shape.
    shed_kw
        Load that was not served, shape ``(Q, buses)``.
    tripped_kw
        Output of generators that the grid could not take, shape ``(Q, generators)``.
    spinning_short_kw
        Reserve that was missing, shape ``(Q,)``.
    voltage_pu
        Voltages, shape ``(Q, buses)``; not a number without supply.
    closed
        Branches that were closed, shape ``(Q, branches)``.
    operations
        Branches that were switched at the beginning of each period, failed ones left out, shape ``(Q,)``.
    cost
        What the period cost beyond the day-ahead positions, penalties and lost load included, currency, ``(Q,)``.
    residuals
        The worst of the optimality conditions of all windows.
    excess
        Proven bound on what directions of storage that were fixed cost in one window, at most, currency.
    solver
        Who solved the windows.
    solver_seconds, slowest_seconds
        Time inside solvers, and the longest that one period took with its proof, s.
    notes
        What a reader should know, one sentence each.
    """

    generator_kw: FloatArray
    generator_kvar: FloatArray
    renewable_kw: FloatArray
    storage_kw: FloatArray
    storage_kwh: FloatArray
    trade_kw: FloatArray
    trade_kvar: FloatArray
    called_kw: FloatArray
    bid_kw: FloatArray
    held_kw: FloatArray
    unready_kw: FloatArray
    shed_kw: FloatArray
    tripped_kw: FloatArray
    spinning_short_kw: FloatArray
    voltage_pu: FloatArray
    cost: FloatArray
    closed: BoolArray
    operations: IntArray
    residuals: Residuals
    excess: float
    solver: str
    solver_seconds: float
    slowest_seconds: float
    notes: tuple[str, ...] = field(default=())


def gathered(done: Sequence[Done]) -> dict[str, FloatArray]:
    """Return the powers of all periods by name."""
    return {each.name: np.array([getattr(one, each.name) for one in done]) for each in fields(Done)}
