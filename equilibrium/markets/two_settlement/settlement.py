"""Who pays whom: day-ahead positions at day-ahead prices, and what real time did beside them at those of real time.

Money is counted in whole cents. Every payment has a payer and a receiver, so all balances together are zero, to the
cent. A position is settled when it is made; real time settles the difference alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.markets.two_settlement.real_time import RealDay, RealTimeDay
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, Positions, Prices

OPERATOR, WHOLESALE, CUSTOMERS = "operator", "wholesale market", "customers"

DAY_AHEAD, REAL_TIME = "day-ahead", "real time"

CENTS = 100
"""Of one unit of the currency."""


@dataclass(frozen=True)
class Payment:
    """What one party pays another for one product of a day, in cents, at least 0.

    ``quantity`` is in kWh, kvarh, or kW times hours of reserve; positive where the payer gets it.
    """

    stage: str
    product: str
    payer: str
    receiver: str
    quantity: float
    cents: int


@dataclass(frozen=True)
class Settlement:
    """All payments of a day."""

    payments: tuple[Payment, ...]

    def balances(self) -> dict[str, int]:
        """Return what every party has in the end, cents; together they are zero."""
        total: dict[str, int] = {}
        for each in self.payments:
            total[each.payer] = total.get(each.payer, 0) - each.cents
            total[each.receiver] = total.get(each.receiver, 0) + each.cents
        return total

    def of(self, party: str, stage: str | None = None) -> float:
        """Return what a party has in the end, in all or from one stage, currency."""
        own = (each for each in self.payments if stage in (None, each.stage))
        return sum(((each.receiver == party) - (each.payer == party)) * each.cents for each in own) / CENTS


@dataclass(frozen=True)
class _Due:
    """What the first party gets from the second, currency; negative where it pays, ``quantity`` what it gave."""

    stage: str
    product: str
    seller: str
    buyer: str
    quantity: float
    amount: float

    @property
    def nothing(self) -> bool:
        """Whether neither a quantity nor a cent is there beyond rounding."""
        return abs(self.quantity) <= NEGLIGIBLE and not round(self.amount * CENTS)

    def payment(self) -> Payment:
        """Return it with whole cents and the payer first."""
        cents = round(self.amount * CENTS)
        if cents >= 0:
            return Payment(self.stage, self.product, self.buyer, self.seller, self.quantity, cents)
        return Payment(self.stage, self.product, self.seller, self.buyer, -self.quantity, -cents)


def settle(
    system: ActiveSystem,
    day: RealDay,
    length_h: FloatArray,
    prices: Prices,
    positions: Positions,
    bids: tuple[Bid, ...],
    done: RealTimeDay,
) -> Settlement:
    """Settle a day.

    Parameters
    ----------
    system, day
        The system, and what happened.
    length_h, prices
        Periods and prices of the day-ahead market, shape ``(T,)`` each.
    positions, bids
        What it fixed.
    done
        What real time did.
    """
    dues = [
        *_ahead(system, length_h, prices, positions, bids),
        *_traded(day, positions, done),
        *_units(system, day, positions, done),
        *_aggregators(system, day, positions, bids, done),
    ]
    return Settlement(tuple(due.payment() for due in dues if not due.nothing))


def _two_prices(power: FloatArray, up: FloatArray, down: FloatArray) -> FloatArray:
    """Return power at one price where it is positive and at another where it is not."""
    return np.maximum(power, 0.0) * up + np.minimum(power, 0.0) * down


def _ahead(
    system: ActiveSystem, length_h: FloatArray, prices: Prices, plan: Positions, bids: tuple[Bid, ...]
) -> Iterator[_Due]:
    """Yield what the day-ahead positions bring."""

    def due(product: str, seller: str, buyer: str, power: FloatArray, money: FloatArray) -> _Due:
        return _Due(DAY_AHEAD, product, seller, buyer, float(length_h @ power), float(length_h @ money))

    energy = _two_prices(plan.trade_kw, prices.buy, prices.sell)
    yield due("energy", WHOLESALE, OPERATOR, plan.trade_kw, energy)
    yield due("reactive", WHOLESALE, OPERATOR, plan.trade_kvar, plan.trade_kvar * prices.reactive)
    yield due("spinning", OPERATOR, WHOLESALE, plan.spinning_kw, plan.spinning_kw * prices.spinning)
    before = np.array([float(each.on_before_h > 0.0) for each in system.generators])
    starts = np.maximum(np.diff(np.vstack([before, plan.on]), axis=0), 0.0)
    for k, unit in enumerate(system.generators):
        output, on = plan.generator_kw[:, k], plan.on[:, k]
        yield due("output", unit.name, OPERATOR, output, output * unit.cost_per_kwh + on * unit.idle_cost_per_h)
        started = float(starts[:, k].sum())
        yield _Due(DAY_AHEAD, "starts", unit.name, OPERATOR, started, started * unit.start_cost)
    for k, bid in enumerate(bids):
        power = plan.accepted_kw[:, k]
        yield due("energy", bid.name, OPERATOR, power, _two_prices(power, bid.sold_price, bid.bought_price))
        for product, kw, price in (
            ("spinning", plan.accepted_spinning_kw[:, k], bid.spinning_price),
            ("regulating", plan.accepted_regulating_kw[:, k], bid.regulating_price),
        ):
            yield due(product, bid.name, OPERATOR, kw, kw * price)


def _now(day: RealDay, product: str, seller: str, buyer: str, power: FloatArray, money: FloatArray) -> _Due:
    quantity, amount = float(day.length_h @ power), float(day.length_h @ money)
    return _Due(REAL_TIME, product, seller, buyer, quantity, amount)


def _traded(day: RealDay, plan: Positions, done: RealTimeDay) -> Iterator[_Due]:
    """Yield what is settled with the wholesale market."""
    hour, prices, penalties = day.hour, day.seen.prices, day.penalties
    called = plan.spinning_kw[hour] * day.called_share
    energy = done.trade_kw - plan.trade_kw[hour] + called
    kvar = done.trade_kvar - plan.trade_kvar[hour]
    yield _now(day, "energy", WHOLESALE, OPERATOR, energy, _two_prices(energy, prices.buy, prices.sell))
    yield _now(day, "called spinning", OPERATOR, WHOLESALE, called, called * prices.sell)
    yield _now(day, "reactive", WHOLESALE, OPERATOR, kvar, kvar * prices.reactive)
    for product, power, price in (
        ("energy penalty", np.abs(energy), penalties.energy),
        ("reactive penalty", np.abs(kvar), penalties.reactive),
        ("spinning penalty", done.spinning_short_kw, penalties.spinning),
    ):
        yield _now(day, product, WHOLESALE, OPERATOR, power, power * price[hour])


def _units(system: ActiveSystem, day: RealDay, plan: Positions, done: RealTimeDay) -> Iterator[_Due]:
    """Yield what generators get for another output than planned, and customers for what they did not."""
    hour = day.hour
    for k, unit in enumerate(system.generators):
        change = done.generator_kw[:, k] + done.tripped_kw[:, k] - plan.generator_kw[hour, k]
        yield _now(day, "output", unit.name, OPERATOR, change, change * unit.cost_per_kwh)
        with_supply = np.isfinite(done.voltage_pu[:, unit.bus])
        moved = np.abs(change) * with_supply
        yield _now(day, "output penalty", unit.name, OPERATOR, moved, moved * day.penalties.output[hour])
    shed = done.shed_kw.sum(axis=1)
    yield _now(day, "interruption", CUSTOMERS, OPERATOR, shed, done.shed_kw @ system.lost_load_value)


def own_deviation(day: RealDay, plan: Positions, done: RealTimeDay) -> FloatArray:
    """Return what the aggregators gave beside their positions by themselves, kW, shape ``(Q, bids)``."""
    return np.asarray(done.bid_kw - done.called_kw - done.held_kw - plan.accepted_kw[day.hour])


def _aggregators(
    system: ActiveSystem, day: RealDay, plan: Positions, bids: tuple[Bid, ...], done: RealTimeDay
) -> Iterator[_Due]:
    """Yield what aggregators get and pay for calls, for what they did beside their positions, and for what was held.

    As much energy as was called may be put back beside the position without a penalty.
    """
    hour, prices, deviation = day.hour, day.seen.prices, own_deviation(day, plan, done)
    for k, bid in enumerate(bids):
        beside, called, held = deviation[:, k], done.called_kw[:, k], np.abs(done.held_kw[:, k])
        money = _two_prices(beside, prices.sell, prices.buy)
        yield _now(day, "energy", bid.name, OPERATOR, beside, money)
        yield _now(day, "called reserve", bid.name, OPERATOR, called, called * bid.sold_price[hour])
        moved, called_kwh = float(day.length_h @ np.abs(beside)), float(day.length_h @ called)
        missed = np.abs(beside) * (max(0.0, 1.0 - called_kwh / moved) if moved > 0.0 else 0.0)
        yield _now(day, "energy penalty", OPERATOR, bid.name, missed, missed * day.penalties.energy[hour])
        unready = done.unready_kw[:, k]
        yield _now(day, "reserve penalty", OPERATOR, bid.name, unready, unready * day.penalties.spinning[hour])
        yield _now(day, "interruption", bid.name, OPERATOR, held, held * system.lost_load_value[bid.bus])
