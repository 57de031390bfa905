"""A feeder with all that is connected to it: what a market is compiled from."""

from __future__ import annotations

from dataclasses import dataclass, field

from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.feeder import Feeder


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
