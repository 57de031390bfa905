"""What two settlements are about: an active distribution system, its day as scenarios, bids, and positions.

The market of Zakernezhad et al. (docs/two_settlement.md). The operator schedules the next day by hours (day-ahead) and
corrects the schedule period by period as the day happens (real time). Powers are in kW and kvar, positive into the
grid; prices per kWh, kvarh, or kW of reserve kept ready for an hour; lengths in h. ``T`` are the day's periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.assets import RenewableUnit, StorageUnit
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Outage


@dataclass(frozen=True)
class Generator:
    """A unit of the operator that is on or off.

    Attributes
    ----------
    name, bus
        Its name, and the index of its bus.
    least_kw, most_kw
        Output while it is on.
    rating_kva
        Apparent power that it can give.
    cost_per_kwh, idle_cost_per_h, start_cost
        What output costs, an hour on, and a start.
    ramp_kw_per_h
        Largest change from one hour to the next; a start or a stop may reach ``least_kw`` in any case.
    min_up_h, min_down_h
        Least hours on and off.
    on_before_h
        Hours for which it was on before the day; negative: off.
    before_kw
        Its output before the day.
    """

    name: str
    bus: int
    least_kw: float
    most_kw: float
    rating_kva: float
    cost_per_kwh: float
    idle_cost_per_h: float = 0.0
    start_cost: float = 0.0
    ramp_kw_per_h: float = float("inf")
    min_up_h: float = 1.0
    min_down_h: float = 1.0
    on_before_h: float = -1e6
    before_kw: float = 0.0


@dataclass(frozen=True, eq=False)
class ActiveSystem:
    """Everything that stays the same from day to day.

    Attributes
    ----------
    grid
        The grid with its ties and roots; its own loads are the nominal ones.
    generators, renewables, storages
        What the operator owns.
    lost_load_value
        Value of lost load of each bus, per kWh, shape ``(buses,)``.
    outages, outage_probability
        What can fail, and the probability of each in an hour, shape ``(outages,)``.
    reactive_share
        kvar that pass the roots with a kW of trade (tan phi); ``None`` leaves reactive trade free.
    trade_max_kw
        Most that can be bought and sold at each root, kW.
    """

    grid: MeshedGrid
    generators: tuple[Generator, ...]
    renewables: tuple[RenewableUnit, ...]
    storages: tuple[StorageUnit, ...]
    lost_load_value: FloatArray
    outages: tuple[Outage, ...]
    outage_probability: FloatArray
    reactive_share: float | None = None
    trade_max_kw: float = float("inf")


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of the wholesale market in every period, shape ``(T,)`` each.

    ``buy`` and ``sell`` are of energy as the operator sees them (``sell <= buy``), ``reactive`` of kvarh either way,
    ``spinning`` and ``regulating`` of a kW kept ready for an hour.
    """

    buy: FloatArray
    sell: FloatArray
    reactive: FloatArray
    spinning: FloatArray
    regulating: FloatArray


@dataclass(frozen=True, eq=False)
class Scenario:
    """One way in which the day may go.

    Attributes
    ----------
    probability
        Its probability; those of a day sum to one.
    load_kw, load_kvar
        Load of every bus, shape ``(T, buses)``.
    available_kw
        What each renewable unit can give, shape ``(T, renewables)``.
    prices
        Its prices.
    """

    probability: float
    load_kw: FloatArray
    load_kvar: FloatArray
    available_kw: FloatArray
    prices: Prices


def expected_prices(scenarios: Sequence[Scenario]) -> Prices:
    """Return the expected price of every product in every period."""

    def mean(name: str) -> FloatArray:
        values = np.array([getattr(each.prices, name) for each in scenarios])
        return np.asarray(np.tensordot([each.probability for each in scenarios], values, 1))

    return Prices(**{each.name: mean(each.name) for each in fields(Prices)})


@dataclass(frozen=True, eq=False)
class Bid:
    """What an aggregator offers for the day: its own best answer to the prices that it expects.

    Attributes
    ----------
    name, bus
        Its name, and the index of its bus.
    power_kw
        Net power that it would give (negative: take), shape ``(T,)``; the operator accepts from nothing to all of it.
    reactive_share
        kvar that come with an accepted kW (0.488 in the study).
    spinning_kw, regulating_kw
        Reserve that it would keep ready, shape ``(T,)``.
    sold_price, bought_price
        What it gets for a kWh that it gives and pays for one that it takes, shape ``(T,)``.
    spinning_price, regulating_price
        What a kW kept ready for an hour gets, shape ``(T,)``.
    must_take
        Whether power that it takes is an obligation (customers, vehicles to charge) and has to be accepted.
    standby_kw
        What can be given on top of its power for an hour in an outage, shape ``(T,)``, where the operator runs what
        stands behind it; ``None``: the spinning reserve that it offers.
    """

    name: str
    bus: int
    power_kw: FloatArray
    reactive_share: float
    spinning_kw: FloatArray
    regulating_kw: FloatArray
    sold_price: FloatArray
    bought_price: FloatArray
    spinning_price: FloatArray
    regulating_price: FloatArray
    must_take: bool = False
    standby_kw: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Penalties:
    """What real time costs, beyond the price, where it is not as it was scheduled; shape ``(T,)`` each, at least 0.

    ``energy`` and ``reactive`` are of a kWh and a kvarh that pass the roots beside what was traded, either way,
    ``spinning`` of a kW of sold spinning reserve that is missing for an hour, ``output`` of a kWh of a generator.
    """

    energy: FloatArray
    reactive: FloatArray
    spinning: FloatArray
    output: FloatArray


@dataclass(frozen=True, eq=False)
class DayAhead:
    """A day to be scheduled.

    Attributes
    ----------
    length_h
        Length of the periods, shape ``(T,)``.
    scenarios
        What may happen.
    bids
        The aggregators' bids.
    spinning_need_kw, regulating_need_kw
        Reserve that the operator must hold itself, shape ``(T,)``.
    penalties
        What a scenario costs beyond the price where it does not keep to what was traded.
    price_deviation
        By how much the price of energy may turn against the operator, per kWh, shape ``(T,)``; the robust counterpart
        protects against a budget of such periods.
    load_deviation_kw
        By how much net load may turn out larger, kW, shape ``(T,)``, under a budget of its own; ``None``: not at all.
    held
        How many periods what is fixed before stays the same: 4 where quarters of an hour follow hourly positions.
    """

    length_h: FloatArray
    scenarios: tuple[Scenario, ...]
    bids: tuple[Bid, ...]
    spinning_need_kw: FloatArray
    regulating_need_kw: FloatArray
    penalties: Penalties
    price_deviation: FloatArray
    load_deviation_kw: FloatArray | None = None
    held: int = 1


@dataclass(frozen=True, eq=False)
class Positions:
    """What the day-ahead market fixes before anything is known; real time starts from it and is settled against it.

    Attributes
    ----------
    on
        State of each generator, shape ``(T, generators)``, 0 or 1.
    generator_kw, storage_kw, storage_kwh
        Expected output, power (positive into the grid) and energy at the end of each period: ``(T, units)``.
    trade_kw, trade_kvar
        Bought (positive) or sold (negative) from the wholesale market, shape ``(T,)``.
    spinning_kw
        Spinning reserve sold to the wholesale market, shape ``(T,)``.
    accepted_kw, accepted_spinning_kw, accepted_regulating_kw
        What was accepted of every bid, shape ``(T, bids)``.
    """

    on: FloatArray
    generator_kw: FloatArray
    storage_kw: FloatArray
    storage_kwh: FloatArray
    trade_kw: FloatArray
    trade_kvar: FloatArray
    spinning_kw: FloatArray
    accepted_kw: FloatArray
    accepted_spinning_kw: FloatArray
    accepted_regulating_kw: FloatArray
