"""Price-based resource commitment (PBRC) of a lot's aggregator, with its vehicles one by one.

As printed ((3)-(6) of docs/two_settlement.md) the problem has no state of charge and no obligation to buy. Here every
vehicle has its presence, its band and the energy that it must leave with. The lot is metered as a whole; a kW that a
vehicle could discharge on top of what it does may be kept ready, where the energy for one period's call is in the
battery and can be put back before the vehicle leaves.

Charging and discharging one vehicle at once only wastes energy, and giving and taking at once only costs the spread.
So the program is linear where no price is negative and ``sold <= bought``; elsewhere whole numbers exclude both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch, VehicleSchedule
from equilibrium.fleet.vehicles import VehicleProgram, meet_wishes, schedules, state_vehicles
from equilibrium.grid.assets import LotSite
from equilibrium.markets.two_settlement.bidding import BidPrices, Commitment, cheapest
from equilibrium.markets.two_settlement.system import Bid
from equilibrium.programs.program import FEASIBILITY, Program, ProgramBuilder


@dataclass(frozen=True, eq=False)
class LotZone:
    """The vehicles behind an aggregator on one day.

    Attributes
    ----------
    site
        Name, bus and efficiencies.
    vehicles
        Who comes.
    wear_per_kwh
        What discharging a kWh costs.
    spinning_max_kw, regulating_max_kw
        Most reserve of either kind that it may offer.
    reactive_share
        kvar that come with a kW.
    """

    site: LotSite
    vehicles: VehicleBatch
    wear_per_kwh: float = 0.0
    spinning_max_kw: float = float("inf")
    regulating_max_kw: float = float("inf")
    reactive_share: float = 0.0

    def check(self, length_h: FloatArray) -> None:
        """Refuse a zone whose numbers do not fit together.

        Raises
        ------
        InputError
            Naming the number, or the vehicle whose wish cannot be met.
        """
        source = f"aggregator {self.site.name}"
        for name in ("wear_per_kwh", "spinning_max_kw", "regulating_max_kw"):
            if not getattr(self, name) >= 0.0:
                raise InputError(source, name, getattr(self, name), "a number from 0")
        stays = self.vehicles
        if stays.size and not ((stays.arrival < stays.departure) & (stays.departure <= length_h.size)).all():
            row = int(np.argmax(~((stays.arrival < stays.departure) & (stays.departure <= length_h.size))))
            expected = f"a stay within the {length_h.size} periods"
            raise InputError(source, f"vehicle {stays.names[row]}, departure", int(stays.departure[row]), expected)
        always = np.ones(length_h.size, dtype=np.bool_)
        meet_wishes(stays, self.site, always, always, length_h, best_effort=False)


@dataclass(frozen=True, eq=False)
class LotCommitment(Commitment):
    """A lot's bid with what its vehicles would do if all of it is accepted."""

    schedule: VehicleSchedule


@dataclass(frozen=True, eq=False)
class Stays:
    """The program of a lot's vehicles, and what of it rows about reserve need.

    Attributes
    ----------
    vehicles
        The program.
    later_h
        Hours that a stay's vehicle has left after it, shape ``(stays,)``.
    """

    vehicles: VehicleProgram
    later_h: FloatArray

    @property
    def per_kw(self) -> FloatArray:
        """KWh of the battery that a discharged kW takes in each stay, shape ``(stays,)``."""
        return self.vehicles.kwh_per_kw[:, 1]

    def back_kwh(self, efficiency: float) -> FloatArray:
        """Energy that a vehicle must have at the end of each stay to leave as agreed, kWh, shape ``(stays,)``."""
        each, row = self.vehicles, self.vehicles.row
        return np.asarray(each.wish_kwh[row] - efficiency * each.power_max_kw[row, 0] * self.later_h)


def stays_of(zone: LotZone, length_h: FloatArray) -> Stays:
    """State the vehicles of a lot."""
    always = np.ones(length_h.size, dtype=np.bool_)
    vehicles = state_vehicles([zone.vehicles], [zone.site], always, always, length_h)
    before = np.concatenate([[0.0], np.cumsum(length_h)])
    departure = vehicles.period[vehicles.start[1:] - 1] + 1
    return Stays(vehicles, before[departure][vehicles.row] - before[vehicles.period + 1])


def _state(zone: LotZone, stays: Stays, prices: BidPrices, length_h: FloatArray) -> tuple[Program, BoolArray]:
    """State the lot's program; return it with the columns that are whole."""
    vehicles, build, shape = stays.vehicles, ProgramBuilder(), length_h.shape
    base, count = vehicles.instance, vehicles.weight
    x = build.columns("stays", base.cost.shape, lower=base.col_lower, upper=base.col_upper)
    rows = build.rows("energy", base.row_lower.shape, lower=base.row_lower, upper=base.row_upper)
    build.block(rows, x, base.matrix)
    charge, discharge, energy = x[0::3], x[1::3], x[2::3]
    wear = build.columns("worn", shape, cost=length_h * zone.wear_per_kwh)
    give = build.columns("give", shape, cost=-length_h * prices.sold)
    take = build.columns("take", shape, cost=length_h * prices.bought)
    net = build.rows("net", shape, lower=0.0, upper=0.0)
    out = build.rows("out", shape, lower=0.0, upper=0.0)
    build.coefficients(net, give, 1.0)
    build.coefficients(net, take, -1.0)
    build.coefficients(net[vehicles.period], discharge, -count)
    build.coefficients(net[vehicles.period], charge, count)
    build.coefficients(out, wear, 1.0)
    build.coefficients(out[vehicles.period], discharge, -count)
    _state_reserve(build, zone, stays, prices, length_h, (discharge, energy))
    whole = _state_ways(build, stays, prices, (charge, discharge, give, take))
    program = build.compile()
    flags = np.zeros(program.shape[1], dtype=np.bool_)
    flags[whole] = True
    return program, flags


def _state_reserve(
    build: ProgramBuilder,
    zone: LotZone,
    stays: Stays,
    prices: BidPrices,
    length_h: FloatArray,
    columns: tuple[IntArray, IntArray],
) -> None:
    """State what can be kept ready: power on top of what is discharged, energy for a call, and the way back."""
    vehicles, (discharge, energy) = stays.vehicles, columns
    row, shape = vehicles.row, (vehicles.stays,)
    power, band = vehicles.power_max_kw[row], vehicles.band_kwh[row]
    ready = build.columns("ready", shape, upper=power[:, 1])
    room = build.rows("room", shape, upper=power[:, 1])
    build.coefficients(room, ready, 1.0)
    build.coefficients(room, discharge, 1.0)
    least = np.maximum(band[:, 0], stays.back_kwh(zone.site.efficiency))
    stock = build.rows("stock", shape, upper=-least)
    build.coefficients(stock, ready, stays.per_kw)
    build.coefficients(stock, energy, -1.0)
    kept = build.rows("kept", length_h.shape, upper=0.0)
    build.coefficients(kept[vehicles.period], ready, -vehicles.weight)
    for name, most, price in (
        ("spinning", zone.spinning_max_kw, prices.spinning),
        ("regulating", zone.regulating_max_kw, prices.regulating),
    ):
        each = build.columns(name, length_h.shape, upper=most, cost=-length_h * price)
        build.coefficients(kept, each, 1.0)


def _state_ways(
    build: ProgramBuilder,
    stays: Stays,
    prices: BidPrices,
    columns: tuple[IntArray, IntArray, IntArray, IntArray],
) -> IntArray:
    """Exclude what would pay only on paper, where the prices allow it to; return the whole columns."""
    charge, discharge, give, take = columns
    vehicles = stays.vehicles
    most = np.zeros((2, give.size))
    for own, column in zip(most, (1, 0), strict=True):
        np.add.at(own, vehicles.period, vehicles.weight * vehicles.power_max_kw[vehicles.row, column])
    both, at = np.flatnonzero(prices.arbitrage), np.flatnonzero(prices.negative[vehicles.period])
    power = vehicles.power_max_kw[vehicles.row[at]]
    whole = []
    for name, (up, most_up), (down, most_down) in (
        ("lot", (give[both], most[0, both]), (take[both], most[1, both])),
        ("vehicle", (discharge[at], power[:, 1]), (charge[at], power[:, 0])),
    ):
        way = build.columns(f"{name} gives", up.shape, upper=1.0)
        row = build.rows(f"{name} gives", up.shape, upper=0.0)
        build.coefficients(row, up, 1.0)
        build.coefficients(row, way, -most_up)
        row = build.rows(f"{name} takes", up.shape, upper=most_down)
        build.coefficients(row, down, 1.0)
        build.coefficients(row, way, most_down)
        whole.append(way)
    return np.concatenate(whole)


def one_way(zone: LotZone, charge: FloatArray, discharge: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return powers of the same energies at which no vehicle charges and discharges at once."""
    cycle = zone.site.efficiency * zone.site.discharge_efficiency
    wasted = np.minimum(charge, discharge / cycle)
    return charge - wasted, discharge - wasted * cycle


def commit_lot(zone: LotZone, prices: BidPrices, length_h: FloatArray, solver: str = "auto") -> LotCommitment:
    """Find the best bid of a lot's aggregator.

    Raises
    ------
    InputError
        When lot or prices do not fit the periods, or a vehicle's wish cannot be met.
    """
    zone.check(length_h)
    prices.check(f"aggregator {zone.site.name}", length_h.size)
    stays = stays_of(zone, length_h)
    vehicles = stays.vehicles
    program, whole = _state(zone, stays, prices, length_h)
    instance = program.bind({})
    x, bound, residuals = cheapest(instance, whole, solver, f"the bid of aggregator {zone.site.name}")
    x = _netted(zone, vehicles, program, x.copy())
    power = program.value(x, "give") - program.value(x, "take")
    bid = Bid(
        name=zone.site.name,
        bus=zone.site.bus,
        power_kw=power,
        reactive_share=zone.reactive_share,
        spinning_kw=np.maximum(program.value(x, "spinning"), 0.0),
        regulating_kw=np.maximum(program.value(x, "regulating"), 0.0),
        sold_price=prices.sold,
        bought_price=prices.bought,
        spinning_price=prices.spinning,
        regulating_price=prices.regulating,
        must_take=True,
    )
    own = program.value(x, "stays")
    (schedule,) = schedules(vehicles, own, [np.arange(zone.vehicles.size)], length_h.size)
    return LotCommitment(bid, -float(program.cost @ x), -bound, residuals, schedule)


def lot_standby(zone: LotZone, made: LotCommitment, length_h: FloatArray) -> FloatArray:
    """Return what could be given on top of a lot's bid in an outage, kW, shape ``(T,)``.

    Vehicles stop charging, and give as much as power and energy at the end of the period before allow.
    """
    batch, plan, site = zone.vehicles, made.schedule, zone.site
    drawn = plan.discharge_kw / site.discharge_efficiency - site.efficiency * plan.charge_kw
    before = plan.energy_kwh + length_h * drawn
    stock = (before - batch.energy_min_kwh[:, None]) * site.discharge_efficiency / length_h
    most = np.minimum(batch.discharge_max_kw[:, None], np.maximum(stock, 0.0))
    here = np.isfinite(plan.energy_kwh)
    return np.asarray(batch.count @ np.where(here, most, 0.0) - made.bid.power_kw)


def _netted(zone: LotZone, vehicles: VehicleProgram, program: Program, x: FloatArray) -> FloatArray:
    """Take away what goes in and out of one vehicle at once: at a price of zero it costs nothing and means nothing."""
    own = x[program.columns["stays"].slice]
    if not (np.minimum(own[0::3], own[1::3]) > FEASIBILITY).any():
        return x
    own[0::3], own[1::3] = one_way(zone, own[0::3], own[1::3])
    given = np.bincount(vehicles.period, vehicles.weight * own[1::3], program.columns["give"].size)
    net = given - np.bincount(vehicles.period, vehicles.weight * own[0::3], given.size)
    x[program.columns["worn"].slice] = given
    x[program.columns["give"].slice], x[program.columns["take"].slice] = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    return x
