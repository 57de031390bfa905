"""From the checked keys of a charging market's file to the network and the expected generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.assets import (
    LotSite,
    Microturbine,
    RenewableUnit,
    StaticVarCompensator,
    StorageUnit,
    Subscription,
)
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from scenarios.assembly import GridData, Placed, build_feeder, bus_index, check_names, check_powers
from scenarios.files import Document
from scenarios.markets.charging.schema import ChargingFile, RenewableSection, StorageSection
from scenarios.yaml_tree import KeyPath

Unit = TypeVar("Unit", bound=Placed)


def build_network(name: str, file: ChargingFile, document: Document) -> tuple[Network, GridData]:
    """Read the feeder and place the assets.

    Returns
    -------
    Network
        Fuel costs in currency/kWh.
    GridData
        The feeder as read.

    Raises
    ------
    InputError
        For a feeder that cannot be used, an unknown bus, or a name that is used twice.
    """
    grid = build_feeder(file.feeder, document)
    feeder = grid.feeder
    kinds = ("microturbines", "compensators", "renewables", "lots", "storage")
    check_names({key: getattr(file, key) for key in kinds}, document)
    check_powers({key: getattr(file, key) for key in kinds}, feeder.base_kv, document)
    _check_service(file, document)
    _check_zones(file, feeder, document)

    def placed(key: str, units: Sequence[Unit]) -> list[tuple[Unit, int]]:
        return [(unit, bus_index(feeder, unit.bus, document, (key, k, "bus"))) for k, unit in enumerate(units)]

    network = Network(
        feeder=feeder,
        microturbines=tuple(
            Microturbine(unit.name, bus, unit.rating_kva, unit.fuel_cost_per_mwh / 1000.0, _limit(unit.ramp_kw_per_h))
            for unit, bus in placed("microturbines", file.microturbines)
        ),
        compensators=tuple(
            StaticVarCompensator(unit.name, bus, unit.rating_kvar)
            for unit, bus in placed("compensators", file.compensators)
        ),
        renewables=tuple(
            RenewableUnit(unit.name, bus, unit.rated_kw, unit.kind)
            for unit, bus in placed("renewables", file.renewables)
        ),
        lots=tuple(
            LotSite(lot.name, bus, lot.efficiency, lot.terminal, lot.first_hour, subscription=_subscription(lot, file))
            for lot, bus in placed("lots", file.lots)
        ),
        export_price_factor=file.market.export_price_factor,
        polygon_edges=file.market.polygon_edges,
        name=name,
        storage=tuple(
            storage_unit(unit, bus, document, ("storage", k))
            for k, (unit, bus) in enumerate(placed("storage", file.storage))
        ),
    )
    return network, grid


def _subscription(lot: Unit, file: ChargingFile) -> Subscription | None:
    """Return the capacity that a lot has subscribed to, if the network charge is of that kind."""
    charge = file.network_charge
    if lot.name not in charge.capacity_kw or charge.excess_per_kwh is None:
        return None
    return Subscription(charge.capacity_kw[lot.name], charge.excess_per_kwh)


def storage_unit(unit: StorageSection, bus: int, document: Document, keys: KeyPath) -> StorageUnit:
    """Return one storage unit; what is wrong with its numbers is said with the line of the key."""
    try:
        return StorageUnit(**{**unit.model_dump(), "bus": bus})
    except InputError as error:
        raise document.error((*keys, error.where), error.value, error.expected) from None


def _limit(value: float | None) -> float:
    """Return a limit that may be left out."""
    return np.inf if value is None else value


def _check_zones(file: ChargingFile, feeder: Feeder, document: Document) -> None:
    """Refuse zones of the network charge with a bus that is unknown, or in another zone too."""
    seen: dict[int, str] = {}
    for zone, buses in file.network_charge.zones.items():
        for k, label in enumerate(buses):
            place: KeyPath = ("network_charge", "zones", zone, k)
            bus = bus_index(feeder, label, document, place)
            if bus in seen:
                raise document.error(place, label, f"a bus of one zone only (zone {seen[bus]} has it)")
            seen[bus] = zone


def _check_service(file: ChargingFile, document: Document) -> None:
    """``out_of_service`` names assets."""
    switchable = [unit.name for unit in file.microturbines] + [unit.name for unit in file.renewables]
    for k, name in enumerate(file.out_of_service):
        if name not in switchable:
            expected = f"a microturbine or renewable unit ({', '.join(switchable) or 'there is none'})"
            raise document.error(("out_of_service", k), name, expected)


def expected_renewables(
    units: Sequence[RenewableSection], profiles: dict[str, FloatArray], document: Document
) -> FloatArray:
    """Return the expected potential of each renewable unit, kW, shape ``(steps, renewables)``."""
    potential = np.zeros((len(next(iter(profiles.values()))), len(units)))
    for k, unit in enumerate(units):
        name = unit.profile or unit.kind
        if name not in profiles:
            raise document.error(("renewables", k, "profile"), name, f"one of {', '.join(profiles)}")
        potential[:, k] = unit.rated_kw * profiles[name]
    return potential
