"""What the operator's day would cost with more load at one bus, the lots' powers as they are."""

from __future__ import annotations

from dataclasses import replace

from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import InfeasibleError
from equilibrium.grid.distribution import compile_distribution, distribution_ports
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.programs.solvers import Status, open_handle


def cost_with_more_load(
    network: Network, day: MarketDay, clearing: Clearing, period: int, bus: int, more_kw: float
) -> float:
    """Return the operator's least cost with more load at a bus in one period, currency.

    The operator's program is stated anew, with every row, and solved from nothing: no price and no basis of the
    clearing is used. Load that was shed stays shed.

    Parameters
    ----------
    network, day, clearing
        A cleared day.
    period, bus
        Where and when there is more load.
    more_kw
        How much, kW; negative for less.

    Raises
    ------
    InfeasibleError
        When the network cannot carry it.
    """
    load = day.load_kw - clearing.shed_kw
    share = load / day.load_kw.clip(min=NEGLIGIBLE)
    load_kvar = day.load_kvar * share.clip(0.0, 1.0) if clearing.shed_kw.any() else day.load_kvar
    load[period, bus] += more_kw
    asked = replace(day, load_kw=load, load_kvar=load_kvar)
    program = compile_distribution(network, day.length_h)
    instance = program.bind(distribution_ports(network, asked, clearing.lot_kw, clearing.lot_kw))
    negative = day.wholesale_price < 0.0  # at a negative price imports and exports exclude each other
    exporting = clearing.export_kw > NEGLIGIBLE
    for name, closed in (("export_kw", negative & ~exporting), ("import_kw", negative & exporting)):
        instance = instance.with_columns(program.columns[name].index[closed], 0.0, 0.0)
    answer = open_handle(instance).solve()
    if answer.status is not Status.OPTIMAL:
        raise InfeasibleError((f"{more_kw:g} kW more at bus {network.feeder.buses[bus]} cannot be carried",))
    return float(instance.cost @ answer.x)
