"""Price-based commitment of demand response (PBDRC): what an aggregator of customers offers the operator.

As printed (equation (2) of docs/two_settlement.md) the aggregator resells what it buys from its customers, hour by
hour: the capacity goes to the product with the largest margin, so the answer has a closed form (:func:`printed_bid`).
Completed (:func:`commit_demand`), it has customers with a demand, moves a part of it to other periods and owes it back
within the day, and runs a local generator; what is left of both can be kept ready as spinning reserve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.bidding import BidPrices, Commitment, cheapest, least_powers
from equilibrium.markets.two_settlement.system import Bid
from equilibrium.programs.duality import kkt_residuals, proved_bound
from equilibrium.programs.program import INF, Instance, Program, ProgramBuilder


@dataclass(frozen=True, eq=False)
class DemandZone:
    """The customers behind an aggregator on one day.

    Attributes
    ----------
    name, bus
        Its name, and the index of its bus.
    demand_kw
        What customers use if nobody asks them to move it, shape ``(T,)``.
    movable
        Share of it that can be cut, and added as pay-back, 0 to 1.
    generator_kw
        What a local generator can give, shape ``(T,)``.
    generator_cost_per_kwh
        What it costs.
    cut_cost_per_kwh
        What customers get for a kWh that is moved.
    ready_cost_per_kw_h
        What customers get for a kW that stands ready to be cut for an hour.
    reactive_share
        kvar that come with a kW.
    """

    name: str
    bus: int
    demand_kw: FloatArray
    movable: float
    generator_kw: FloatArray
    generator_cost_per_kwh: float = 0.0
    cut_cost_per_kwh: float = 0.0
    ready_cost_per_kw_h: float = 0.0
    reactive_share: float = 0.0

    def check(self, periods: int) -> None:
        """Refuse a zone whose numbers do not fit together.

        Raises
        ------
        InputError
            Naming the number.
        """
        for name in ("demand_kw", "generator_kw"):
            values = getattr(self, name)
            if values.shape != (periods,) or not (np.isfinite(values) & (values >= 0.0)).all():
                raise InputError(
                    f"aggregator {self.name}", name, values, f"a number from 0 for each of {periods} periods"
                )
        if not 0.0 <= self.movable <= 1.0:
            raise InputError(f"aggregator {self.name}", "movable", self.movable, "a share, 0 to 1")
        for name in ("generator_cost_per_kwh", "cut_cost_per_kwh", "ready_cost_per_kw_h"):
            if not (getattr(self, name) >= 0.0 and np.isfinite(getattr(self, name))):
                raise InputError(f"aggregator {self.name}", name, getattr(self, name), "a finite number from 0")


# As completed


def _state(zone: DemandZone, prices: BidPrices, length_h: FloatArray) -> tuple[Program, FloatArray]:
    """State the completed program; return it with 1 where a column is a direction."""
    periods, build = length_h.size, ProgramBuilder()
    shape, movable = (periods,), zone.movable * zone.demand_kw
    cut = build.columns("cut", shape, upper=movable, cost=length_h * zone.cut_cost_per_kwh)
    back = build.columns("back", shape, upper=movable)
    made = build.columns("made", shape, upper=zone.generator_kw, cost=length_h * zone.generator_cost_per_kwh)
    give = build.columns("give", shape, cost=-length_h * prices.sold)
    take = build.columns("take", shape, cost=length_h * prices.bought)
    ready = build.columns("ready", shape, cost=length_h * (zone.ready_cost_per_kw_h - prices.spinning))
    spare = build.columns("spare", shape, cost=-length_h * prices.spinning)
    net = build.rows("net", shape, lower=-zone.demand_kw, upper=-zone.demand_kw)
    for columns, sign in ((give, 1.0), (take, -1.0), (made, -1.0), (cut, -1.0), (back, 1.0)):
        build.coefficients(net, columns, sign)
    owed = build.rows("owed", (1,), lower=0.0, upper=0.0)
    build.coefficients(owed, cut, length_h)
    build.coefficients(owed, back, -length_h)
    for name, most, pair in (("cuttable", movable, (cut, ready)), ("output", zone.generator_kw, (made, spare))):
        row = build.rows(name, shape, upper=most)
        for each in pair:
            build.coefficients(row, each, 1.0)
    both = np.flatnonzero(prices.arbitrage)
    way = build.columns("way", both.shape, upper=1.0)
    most_given, most_taken = zone.generator_kw + movable, zone.demand_kw + movable
    row = build.rows("gives", both.shape, upper=0.0)
    build.coefficients(row, give[both], 1.0)
    build.coefficients(row, way, -most_given[both])
    row = build.rows("takes", both.shape, upper=most_taken[both])
    build.coefficients(row, take[both], 1.0)
    build.coefficients(row, way, most_taken[both])
    program = build.compile()
    whole = np.zeros(program.shape[1])
    whole[way] = 1.0
    return program, whole


def commit_demand(zone: DemandZone, prices: BidPrices, length_h: FloatArray, solver: str = "auto") -> Commitment:
    """Find the best bid of an aggregator of demand.

    Where giving and taking at once would pay (``sold > bought``), a whole number says which way a period goes; its
    constants are the most that the zone can give and take. Elsewhere the program is linear and the answer exact.

    Raises
    ------
    InputError
        When zone or prices do not fit the periods.
    """
    zone.check(length_h.size)
    prices.check(f"aggregator {zone.name}", length_h.size)
    program, whole = _state(zone, prices, length_h)
    what = f"the bid of aggregator {zone.name}"
    x, bound, residuals = cheapest(program.bind({}), whole > 0.0, solver, what)
    value = {name: program.value(x, name) for name in ("give", "take", "ready", "spare")}
    bid = _bid(zone, prices, value["give"] - value["take"], np.maximum(value["ready"] + value["spare"], 0.0))
    return Commitment(bid, -float(program.cost @ x), -bound, residuals)


def _bid(zone: DemandZone, prices: BidPrices, power_kw: FloatArray, spinning_kw: FloatArray) -> Bid:
    return Bid(
        name=zone.name,
        bus=zone.bus,
        power_kw=power_kw,
        reactive_share=zone.reactive_share,
        spinning_kw=spinning_kw,
        regulating_kw=np.zeros_like(power_kw),
        sold_price=prices.sold,
        bought_price=prices.bought,
        spinning_price=prices.spinning,
        regulating_price=prices.regulating,
        must_take=True,
    )


def demand_standby(zone: DemandZone, bid: Bid) -> FloatArray:
    """Return what could be given on top of a bid in an outage, kW, shape ``(T,)``.

    The generator runs in full, nothing is paid back, and all that can be cut is.
    """
    return np.asarray(zone.generator_kw - (1.0 - zone.movable) * zone.demand_kw - bid.power_kw)


def deliver_demand(
    zone: DemandZone, position_kw: FloatArray, length_h: FloatArray, solver: str = "auto"
) -> tuple[FloatArray, FloatArray]:
    """Return the net power of a zone as its day came, as near to its accepted position as it can get.

    Parameters
    ----------
    zone
        With the demand that came.
    position_kw
        What was accepted (negative: taken), shape ``(T,)``.

    Returns
    -------
    tuple
        Net power given, kW, and what could be given on top of it, shape ``(T,)`` each; the energy of the distances from
        the position is the least.
    """
    zone.check(length_h.size)
    shape, movable, build = length_h.shape, zone.movable * zone.demand_kw, ProgramBuilder()
    cut, back = (build.columns(name, shape, upper=movable) for name in ("cut", "back"))
    made = build.columns("made", shape, upper=zone.generator_kw)
    over, under = (build.columns(name, shape, cost=length_h) for name in ("over", "under"))
    right = position_kw + zone.demand_kw
    net = build.rows("net", shape, lower=right, upper=right)
    for columns, sign in ((made, 1.0), (cut, 1.0), (back, -1.0), (over, -1.0), (under, 1.0)):
        build.coefficients(net, columns, sign)
    owed = build.rows("owed", (1,), lower=0.0, upper=0.0)
    build.coefficients(owed, cut, length_h)
    build.coefficients(owed, back, -length_h)
    program = build.compile()
    x, _ = least_powers(program.bind({}), solver, f"the delivery of aggregator {zone.name}")
    value = {name: program.value(x, name) for name in ("cut", "made", "over", "under")}
    ready = movable - value["cut"] + zone.generator_kw - value["made"]
    return position_kw + value["over"] - value["under"], np.maximum(ready, 0.0)


# As printed


@dataclass(frozen=True, eq=False)
class Customers:
    """What customers get for the products of the printed problem, shape ``(T,)`` each.

    Attributes
    ----------
    energy, spinning, reactive
        Per kWh, per kW kept ready for an hour, and per kvarh.
    reactive_sold
        What the operator pays per kvarh.
    """

    energy: FloatArray
    spinning: FloatArray
    reactive: FloatArray
    reactive_sold: FloatArray


def printed_program(zone: DemandZone, prices: BidPrices, paid: Customers, length_h: FloatArray) -> Instance:
    """State the printed problem: margins over a common capacity of energy and spinning reserve, reactive power apart.

    Columns are energy, spinning reserve and reactive power, period by period each; row ``t`` is the capacity of period
    ``t``.
    """
    shape, build = length_h.shape, ProgramBuilder()
    capacity = zone.movable * zone.demand_kw
    energy, spinning, reactive = _margins(prices, paid)
    columns = [build.columns(name, shape, cost=-length_h * each) for name, each in (("p", energy), ("sr", spinning))]
    build.columns("q", shape, upper=zone.reactive_share * capacity, cost=-length_h * reactive)
    row = build.rows("capacity", shape, lower=-INF, upper=capacity)
    for each in columns:
        build.coefficients(row, each, 1.0)
    return build.compile().bind({})


def _margins(prices: BidPrices, paid: Customers) -> tuple[FloatArray, FloatArray, FloatArray]:
    return prices.sold - paid.energy, prices.spinning - paid.spinning, paid.reactive_sold - paid.reactive


def printed_bid(zone: DemandZone, prices: BidPrices, paid: Customers, length_h: FloatArray) -> Commitment:
    """Return the closed form of the printed problem: everything to the product with the largest positive margin.

    Energy comes before reserve where both margins are one. The proof is that of a linear program: the margins are its
    multipliers.
    """
    zone.check(length_h.size)
    prices.check(f"aggregator {zone.name}", length_h.size)
    capacity = zone.movable * zone.demand_kw
    energy, spinning, reactive = _margins(prices, paid)
    power = np.where((energy > 0.0) & (energy >= spinning), capacity, 0.0)
    ready = np.where((spinning > 0.0) & (spinning > energy), capacity, 0.0)
    kvar = np.where(reactive > 0.0, zone.reactive_share * capacity, 0.0)
    instance = printed_program(zone, prices, paid, length_h)
    x, y = np.concatenate([power, ready, kvar]), -length_h * np.maximum(np.maximum(energy, spinning), 0.0)
    residuals = kkt_residuals(instance, x, y)
    return Commitment(
        _bid(zone, prices, power, ready), -float(instance.cost @ x), -proved_bound(instance, y), residuals
    )
