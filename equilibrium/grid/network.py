"""A feeder with all that is connected to it: what a market is compiled from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.feeder import Feeder
from equilibrium.programs.program import INF


@dataclass(frozen=True, eq=False)
class Network:
    """A feeder with its assets: all that does not change from day to day.

    Attributes
    ----------
    feeder, microturbines, compensators, renewables, lots, storage
        The feeder and what stands on it.
    export_price_factor
        alpha of (2a): exports earn ``alpha * W``, ``0 <= alpha < 1``.
    polygon_edges
        N of (2o), (2p): edges of the inner polygon that replaces the apparent-power circle.
    """

    feeder: Feeder
    microturbines: tuple[Microturbine, ...] = ()
    compensators: tuple[StaticVarCompensator, ...] = ()
    renewables: tuple[RenewableUnit, ...] = ()
    lots: tuple[LotSite, ...] = ()
    export_price_factor: float = 0.7
    polygon_edges: int = 12
    name: str = field(default="")
    storage: tuple[StorageUnit, ...] = ()


def copper_plate(network: Network) -> Network:
    """Return the network with all that it has on one bus: no losses and no limits."""
    feeder = Feeder(
        name=f"{network.feeder.name} as a copper plate",
        base_kv=network.feeder.base_kv,
        buses=network.feeder.buses[:1],
        parent=np.array([-1]),
        r_ohm=np.zeros(1),
        x_ohm=np.zeros(1),
        rating_kva=np.full(1, INF),
        load_kw=network.feeder.load_kw.sum(keepdims=True),
        load_kvar=network.feeder.load_kvar.sum(keepdims=True),
        voltage_min_pu=network.feeder.voltage_min_pu[:1],
        voltage_max_pu=network.feeder.voltage_max_pu[:1],
        root_voltage_pu=network.feeder.root_voltage_pu,
    )
    return replace(
        network,
        feeder=feeder,
        microturbines=tuple(replace(unit, bus=0) for unit in network.microturbines),
        compensators=tuple(replace(unit, bus=0) for unit in network.compensators),
        renewables=tuple(replace(unit, bus=0) for unit in network.renewables),
        lots=tuple(replace(site, bus=0) for site in network.lots),
        storage=tuple(replace(unit, bus=0) for unit in network.storage),
    )
