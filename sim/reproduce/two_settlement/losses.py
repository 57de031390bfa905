"""What the linear flow of a schedule leaves out: an AC flow of every hour and scenario."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.grid.radial_flow import radial_flow
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What a schedule by LinDistFlow leaves out.

    Attributes
    ----------
    loss_kw
        Expected AC losses, shape ``(T,)``.
    share
        Of the expected load of the day.
    paid
        What they cost at the expected price of buying, money.
    voltage_pu
        Largest difference of a voltage.
    """

    loss_kw: FloatArray
    share: float
    paid: float
    voltage_pu: float


def left_out(system: ActiveSystem, day: DayAhead, made: DayAheadClearing) -> LeftOut:
    """Return what the AC flow of every hour and scenario of a schedule has that the linear one has not.

    Raises
    ------
    SolverError
        When the AC flow of an hour does not settle.
    """
    length, grid = day.length_h, system.grid
    loss, paid, load, apart = np.zeros(length.size), 0.0, 0.0, 0.0
    for number, scenario in enumerate(day.scenarios):
        net = _net(system, day, made, number)
        for hour in range(length.size):
            flow = radial_flow(replace(grid, load_kw=net[0, hour], load_kvar=net[1, hour]), grid.closed)
            if flow is None:
                raise SolverError(f"the AC flow of hour {hour} of scenario {number} does not settle")
            loss[hour] += scenario.probability * flow.loss_kw
            paid += scenario.probability * float(length[hour] * flow.loss_kw * scenario.prices.buy[hour])
            apart = max(apart, float(np.abs(flow.voltage_pu - made.dispatch.voltage_pu[number, hour]).max()))
        load += scenario.probability * float(length @ scenario.load_kw.sum(axis=1))
    return LeftOut(loss, float(length @ loss) / load, paid, apart)


def _net(system: ActiveSystem, day: DayAhead, made: DayAheadClearing, number: int) -> FloatArray:
    """Return what every bus takes in a scenario, kW and kvar, shape ``(2, T, buses)``."""
    scenario, plan, accepted = day.scenarios[number], made.dispatch, made.positions.accepted_kw
    positive = scenario.load_kw > 0.0
    share = np.where(positive, scenario.load_kvar / np.where(positive, scenario.load_kw, 1.0), 0.0)
    shed = plan.shed_kw[number]
    net = np.stack([scenario.load_kw - shed, scenario.load_kvar - share * shed])
    for units, kw, kvar in (
        (system.generators, plan.generator_kw[number], plan.generator_kvar[number]),
        (system.renewables, plan.renewable_kw[number], None),
        (system.storages, plan.discharge_kw[number] - plan.charge_kw[number], None),
        (day.bids, accepted, accepted * np.array([bid.reactive_share for bid in day.bids])),
    ):
        bus = np.array([unit.bus for unit in units], dtype=np.int64)
        np.subtract.at(net[0].T, bus, kw.T)
        if kvar is not None:
            np.subtract.at(net[1].T, bus, kvar.T)
    return net
