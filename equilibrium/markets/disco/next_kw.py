"""What a cleared DISCO day would cost the company with more load at one bus, the lots' powers as they are."""

from __future__ import annotations

import numpy as np

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.grid.lossy import AXES
from equilibrium.markets.disco.checks import purchase_price
from equilibrium.markets.disco.clearing import ScenarioClearing
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.network.service import ScenarioSupply
from equilibrium.markets.disco.network.supply import Supply
from equilibrium.programs.program import INF
from equilibrium.programs.solvers import Status, open_handle


def purchase_with_more_load(
    supply: Supply, day: DiscoDay, cleared: ScenarioClearing, number: int, period: int, bus: int, more_kw: float
) -> float:
    """Return what the company's least purchase of one period costs with more load at a bus, currency.

    The network of the period is stated anew, with every row, and solved from nothing: no price and no basis of the
    clearing is used. Its segments are those of the day; beyond the day's own largest flow the last one goes on.

    Parameters
    ----------
    supply
        The network as it was compiled for the day.
    day, cleared, number
        A day, one of its scenarios as it was cleared, and the number of it.
    period, bus
        Where and when there is more load.
    more_kw
        How much, kW; negative for less.

    Raises
    ------
    InputError
        Where a kWh that is bought does not cost anything: the least purchase is then not the cheapest.
    InfeasibleError
        When the network cannot carry it.
    """
    scenario = day.scenarios[number]
    price = float(purchase_price(day, scenario)[period])
    if price <= 0.0:
        raise InputError("--check", "price", price, "a period in which a kWh that is bought costs something")
    load = day.load_kw.copy()
    load[period, bus] += more_kw
    network = ScenarioSupply.of(supply, load, day.load_kvar, scenario.renewable_kw)
    drawn = cleared.lot_charge_kw[period] - cleared.lot_discharge_kw[period]
    program = supply.period_program
    instance = program.bind(network.period_ports(period, drawn))
    for square, flow in AXES:
        instance = instance.with_columns(program.columns[flow].index.ravel(), -INF, INF)
        index = program.columns[square].index.ravel()
        instance = instance.with_columns(index, instance.col_lower[index], INF)
    answer = open_handle(instance).solve()
    if answer.status is not Status.OPTIMAL:
        label = supply.network.feeder.buses[min(bus, supply.network.feeder.size - 1)]
        raise InfeasibleError((f"{more_kw:g} kW more at bus {label} cannot be carried",))
    bought = float(np.asarray(program.value(answer.x, "import_kw")).sum())
    return price * float(day.length_h[period]) * bought
