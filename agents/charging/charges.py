"""Network charges: what lots pay the operator for tomorrow's energy, by named rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.grid.distribution import polygon
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from scenarios.markets.charging.day import ScenarioDay
from scenarios.markets.charging.schema import NetworkChargeSection
from scenarios.time_axis import DAY_H, TimeAxis

_AT_LIMIT = 1e-6
"""Relative distance within which a voltage or a flow counts as standing at its limit."""


class ChargeRule(Protocol):
    """A rule of the operator's: it announces a day's charges in the morning and looks at the day in the evening."""

    def charges(self, axis: TimeAxis) -> FloatArray:
        """Return the charge at each bus, currency/kWh drawn, shape ``(periods, buses)``."""
        ...

    def learn(self, day: ScenarioDay, clearing: Clearing) -> None:
        """Take in what the day did to the network."""
        ...


class TimeOfUse:
    """Charges by the hour of the clock, the same every day and everywhere; nothing is remembered.

    Parameters
    ----------
    network
        The feeder.
    windows
        Hours from and to, and the charge between them, currency/kWh.
    """

    def __init__(self, network: Network, windows: Sequence[tuple[int, int, float]]) -> None:
        self._buses = len(network.feeder.buses)
        self._of_hour = np.zeros(DAY_H)
        for begin, end, charge in windows:
            self._of_hour[begin:end] = charge

    def charges(self, axis: TimeAxis) -> FloatArray:
        """Return the charge at each bus, currency/kWh drawn, shape ``(periods, buses)``."""
        return np.repeat(self._of_hour[axis.clock_hour][:, None], self._buses, axis=1)

    def learn(self, day: ScenarioDay, clearing: Clearing) -> None:
        """Do nothing."""


class DynamicCharge:
    """The dynamic day-ahead charge: in each zone and hour, the congestion that the operator expects there.

    For each zone and hour of the clock the operator remembers how often a limit of the zone was reached, ``share``, and
    what the limits were worth when it was, ``worth``: the mean over the zone's buses of the DLMP above the wholesale
    price. A full substation is a limit of every zone. Both are exponential smoothings; a new day has the weight
    ``1 - memory``. Tomorrow's charge is

        min(ceiling, factor * share * max(worth, 0)),

    the expected price of the zone's limits, as in the day-ahead tariffs of O'Connell et al. Where lots pay the DLMP,
    which holds today's congestion, the charge comes on top: it makes them leave the hours in which limits are often
    reached.

    Parameters
    ----------
    network
        The feeder and its limits.
    zone
        Number of each bus's zone, shape ``(buses,)``.
    factor
        Share of the expected congestion that is charged.
    ceiling
        Highest charge, currency/kWh.
    memory
        Weight of the days before today, 0 to below 1.

    Attributes
    ----------
    share, worth
        What is remembered, shape ``(24, zones)``; ``worth`` in currency/kWh.

    References
    ----------
    N. O'Connell, Q. Wu, J. Ostergaard, A. H. Nielsen, S. T. Cha, Y. Ding, "Day-ahead tariffs for the alleviation of
    distribution grid congestion from electric vehicles", Electric Power Systems Research 92, 106-114, 2012.
    """

    def __init__(self, network: Network, *, zone: IntArray, factor: float, ceiling: float, memory: float) -> None:
        self.network, self.zone = network, zone
        self.factor, self.ceiling, self.memory = factor, ceiling, memory
        self._within = (zone[:, None] == np.arange(int(zone.max()) + 1)).astype(np.float64)  # (buses, zones)
        self.share: FloatArray = np.zeros((DAY_H, self._within.shape[1]))
        self.worth: FloatArray = np.zeros_like(self.share)

    def charges(self, axis: TimeAxis) -> FloatArray:
        """Return the charge at each bus, currency/kWh drawn, shape ``(periods, buses)``."""
        expected = np.minimum(self.factor * self.share * np.maximum(self.worth, 0.0), self.ceiling)
        charge: FloatArray = expected[axis.clock_hour][:, self.zone]
        return charge

    def learn(self, day: ScenarioDay, clearing: Clearing) -> None:
        """Remember in which zones and hours limits were reached and what they were worth."""
        axis, buses = day.axis, at_limit(self.network, clearing)
        reached = (buses.astype(np.float64) @ self._within > 0.0) | buses[:, :1]  # (periods, zones)
        above = clearing.dlmp - day.wholesale_price[:, None]
        worth = above @ self._within / self._within.sum(axis=0)
        hours = np.bincount(axis.clock_hour, axis.length_h, DAY_H)
        for zone in range(self._within.shape[1]):
            at = reached[:, zone] * axis.length_h
            stressed = np.bincount(axis.clock_hour, at, DAY_H)
            value = np.bincount(axis.clock_hour, at * worth[:, zone], DAY_H)
            seen, hit = hours > 0.0, stressed > 0.0
            self.share[seen, zone] += (1.0 - self.memory) * (stressed[seen] / hours[seen] - self.share[seen, zone])
            self.worth[hit, zone] += (1.0 - self.memory) * (value[hit] / stressed[hit] - self.worth[hit, zone])


class SubscribedCapacity:
    """Every lot draws up to its subscribed capacity without a charge, and pays for what it draws above.

    The price of the excess is in the lots' contracts (:class:`equilibrium.grid.assets.Subscription`), so that it enters
    their game; nothing is charged by bus and nothing is remembered.

    Parameters
    ----------
    network
        The feeder.

    References
    ----------
    R. Hennig, M. Jonker, S. Tindemans, L. De Vries, "Capacity subscription tariffs for electricity distribution
    networks: design choices and congestion management", 17th International Conference on the European Energy Market,
    2020.
    """

    def __init__(self, network: Network) -> None:
        self._buses = len(network.feeder.buses)

    def charges(self, axis: TimeAxis) -> FloatArray:
        """Return no charge at each bus, currency/kWh drawn, shape ``(periods, buses)``."""
        return np.zeros((axis.length_h.size, self._buses))

    def learn(self, day: ScenarioDay, clearing: Clearing) -> None:
        """Do nothing."""


def at_limit(network: Network, clearing: Clearing) -> BoolArray:
    """Return where the voltage of a bus, or the flow of the branch that feeds it, stands at a limit.

    Shape ``(periods, buses)``. The root's voltage is held, not limited; its flow is the substation's.
    """
    feeder = network.feeder
    low = clearing.voltage_pu <= feeder.voltage_min_pu * (1.0 + _AT_LIMIT)
    high = clearing.voltage_pu >= feeder.voltage_max_pu * (1.0 - _AT_LIMIT)
    a, b, factor = polygon(network.polygon_edges)
    reach = np.max(clearing.flow_kw[..., None] * a + clearing.flow_kvar[..., None] * b, axis=-1)
    full = reach >= factor * feeder.rating_kva * (1.0 - _AT_LIMIT)
    voltage: BoolArray = low | high
    voltage[:, 0] = False
    found: BoolArray = voltage | full
    return found


def _time_of_use(network: Network, section: NetworkChargeSection) -> ChargeRule:
    return TimeOfUse(network, [(part.from_h, part.to_h, part.charge_per_kwh) for part in section.windows])


def _dynamic(network: Network, section: NetworkChargeSection) -> ChargeRule:
    zone = np.zeros(len(network.feeder.buses), dtype=np.int64)
    for number, buses in enumerate(section.zones.values(), start=1):
        zone[[network.feeder.buses.index(bus) for bus in buses]] = number
    if section.zones:
        _, zone = np.unique(zone, return_inverse=True)  # no empty zone where every bus is in a named one
    return DynamicCharge(
        network,
        zone=np.asarray(zone, dtype=np.int64),
        factor=section.factor,
        ceiling=float(section.ceiling_per_kwh or 0.0),
        memory=section.memory,
    )


def _subscribed(network: Network, _section: NetworkChargeSection) -> ChargeRule:
    return SubscribedCapacity(network)


CHARGE_RULES: Mapping[str, Callable[[Network, NetworkChargeSection], ChargeRule]] = {
    "time-of-use": _time_of_use,
    "dynamic": _dynamic,
    "subscribed-capacity": _subscribed,
}
"""The rules by the name that a scenario's ``network_charge: {rule: NAME}`` gives, beside ``none``."""


def make_charge_rule(network: Network, section: NetworkChargeSection) -> ChargeRule | None:
    """Return the rule of a scenario; ``None`` for no charge."""
    return None if section.rule == "none" else CHARGE_RULES[section.rule](network, section)
