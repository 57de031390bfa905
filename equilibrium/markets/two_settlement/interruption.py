"""The expected cost of energy that outages leave unserved, F2, as tables over the generators' states.

In an outage every generator that is on gives up to its greatest output, active and reactive apart, sun and wind what
there is, and a bid what it offers, spinning reserve included, or what stands behind it where the operator runs that
itself (``standby_kw``); storage is kept out, so the cost is never told too small.
Demand that a bid has to serve belongs to the load of its bus, with that load's share of reactive power, so that hours
differ in size alone; other demand of bids is let go first. The roots give what is asked of them. Each hour stands for
itself. All of it is known before the day but the states, so F2 is a sum of tables over them.
"""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.restoration import Hour
from equilibrium.grid.shedding import Units
from equilibrium.grid.unserved import AfterOutages, Table, Unserved
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, DayAhead, Generator, Scenario


def reactive_most(unit: Generator) -> float:
    """Return the kvar that a generator can give beside its greatest output."""
    return float(np.sqrt(max(0.0, unit.rating_kva**2 - unit.most_kw**2)))


def units_of(system: ActiveSystem) -> Units:
    """Return the generators as sources that are on or off."""
    return Units(
        np.array([unit.bus for unit in system.generators], dtype=np.int64),
        np.array([unit.most_kw for unit in system.generators]),
        np.array([reactive_most(unit) for unit in system.generators]),
    )


def hour_of(system: ActiveSystem, day: DayAhead, scenario: Scenario, period: int) -> Hour:
    """Return what is to be served in a period of a scenario, and what helps in every state."""
    load_kw, load_kvar = scenario.load_kw[period].copy(), scenario.load_kvar[period].copy()
    offered = np.array([max(0.0, float(bid.power_kw[period])) + _on_top(bid)[period] for bid in day.bids])
    for bid in day.bids:
        if bid.must_take and bid.power_kw[period] < 0.0:
            own = scenario.load_kw[period, bid.bus]
            share = scenario.load_kvar[period, bid.bus] / own if own > 0.0 else bid.reactive_share
            load_kw[bid.bus] -= bid.power_kw[period]
            load_kvar[bid.bus] -= share * bid.power_kw[period]
    bus = [unit.bus for unit in system.renewables] + [bid.bus for bid in day.bids]
    power = np.concatenate([scenario.available_kw[period], offered])
    return Hour(load_kw, load_kvar, system.lost_load_value, np.array(bus, dtype=np.int64), power, np.zeros(power.size))


def _on_top(bid: Bid) -> FloatArray:
    """Return what a bid gives in an outage on top of its power, kW, shape ``(T,)``."""
    return bid.spinning_kw if bid.standby_kw is None else bid.standby_kw


def unserved_of(system: ActiveSystem, day: DayAhead, after: AfterOutages | None = None) -> Unserved:
    """Return what outages leave unserved, with the hours of all scenarios one after the other.

    Parameters
    ----------
    after
        The configurations after the system's outages; ``None`` is those in which ties are closed, found here.
    """
    periods = range(day.length_h.size)
    hours = [hour_of(system, day, scenario, period) for scenario in day.scenarios for period in periods]
    return Unserved(after or AfterOutages(system.grid, system.outages), hours, units_of(system))


def interruption_tables(system: ActiveSystem, day: DayAhead, unserved: Unserved) -> tuple[Table, ...]:
    """Return the expected cost over outages and scenarios in every period and state of the generators."""
    periods, scenarios = day.length_h.size, len(day.scenarios)
    weight = np.concatenate([scenario.probability * day.length_h for scenario in day.scenarios])
    every = system.outage_probability[:, None] * weight
    return unserved.tables(every, np.tile(np.arange(periods), scenarios)) if system.outages else ()


def interruption_of(tables: tuple[Table, ...], on: FloatArray) -> FloatArray:
    """Return the expected cost of given states ``(periods, generators)`` in every period."""
    return np.asarray(sum((table.at(on > 0.5) for table in tables), np.zeros(on.shape[0])))
