"""From the checked keys of a scenario file to the network and the expected load and generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from scenarios.files import Document, KeyPath, Table, bundled_or_own, shown
from scenarios.readers.feeders import feeder_files, load_feeder
from scenarios.readers.prices import HOURS, PriceSeries, read_prices, read_profiles
from scenarios.schema import CaseFile, MarketSection, ScenarioFile, StorageSection

NO_SHORTAGES = "the nodal market prices no shortages"
"""Why the nodal market cannot go on where a day cannot be served."""


class _Placed(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def bus(self) -> str: ...


Unit = TypeVar("Unit", bound=_Placed)


def build_network(name: str, file: ScenarioFile, document: Document) -> tuple[Network, tuple[Path, ...]]:
    """Read the feeder and place the assets.

    Returns
    -------
    Network
        Fuel costs in currency/kWh.
    tuple[Path, ...]
        The feeder's files.

    Raises
    ------
    InputError
        For a feeder that cannot be used, an unknown bus, or a name that is used twice.
    """
    settings = file.feeder
    feeder = load_feeder(
        settings.name,
        rating_kva=settings.rating_kva,
        voltage_min_pu=settings.voltage_min_pu,
        voltage_max_pu=settings.voltage_max_pu,
        root_voltage_pu=settings.root_voltage_pu,
    )
    kinds = ("microturbines", "compensators", "renewables", "lots", "storage")
    check_names({key: getattr(file, key) for key in kinds}, document)
    _check_service(file, document)
    _check_market(file, document)

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
            LotSite(lot.name, bus, lot.efficiency, lot.terminal, lot.first_hour)
            for lot, bus in placed("lots", file.lots)
        ),
        export_price_factor=file.market.export_price_factor,
        polygon_edges=file.market.polygon_edges,
        name=name,
        storage=tuple(
            _storage_unit(unit, bus, document, ("storage", k))
            for k, (unit, bus) in enumerate(placed("storage", file.storage))
        ),
    )
    return network, feeder_files(settings.name)


def _storage_unit(unit: StorageSection, bus: int, document: Document, keys: KeyPath) -> StorageUnit:
    """Return one storage unit; what is wrong with its numbers is said with the line of the key."""
    try:
        return StorageUnit(**{**unit.model_dump(), "bus": bus})
    except InputError as error:
        raise document.error((*keys, error.where), error.value, error.expected) from None


def _limit(value: float | None) -> float:
    """Return a limit that may be left out."""
    return np.inf if value is None else value


def bus_index(feeder: Feeder, label: str, document: Document, keys: tuple[str | int, ...]) -> int:
    """Return the index of a bus that a key of the scenario names."""
    try:
        return feeder.index(label)
    except InputError as error:
        raise document.error(keys, label, error.expected) from None


def check_names(assets: Mapping[str, Sequence[_Placed]], document: Document) -> None:
    """Every asset of the file's lists has a name of its own."""
    used: dict[str, str] = {}
    for key, units in assets.items():
        for k, name in enumerate(unit.name for unit in units):
            if name in used:
                raise document.error((key, k, "name"), name, f"a name of its own ({used[name]} has it too)")
            used[name] = f"{key}[{k}]"


def _check_service(file: ScenarioFile, document: Document) -> None:
    """``out_of_service`` names assets."""
    switchable = [unit.name for unit in file.microturbines] + [unit.name for unit in file.renewables]
    for k, name in enumerate(file.out_of_service):
        if name not in switchable:
            expected = f"a microturbine or renewable unit ({', '.join(switchable) or 'there is none'})"
            raise document.error(("out_of_service", k), name, expected)


def _check_market(file: ScenarioFile, document: Document) -> None:
    """Refuse rules that the chosen market does not have; a key at its default says nothing and is always fine."""
    rules = file.market
    if rules.kind == "nodal":
        if rules.on_infeasible != "stop":
            raise document.error(("market", "on_infeasible"), rules.on_infeasible, f"stop ({NO_SHORTAGES})")
        return
    if rules.iteration != "gauss-seidel":
        raise document.error(("market", "iteration"), rules.iteration, "gauss-seidel, or market.kind: nodal")
    default = MarketSection().time_limit_s
    if rules.time_limit_s != default:
        expected = f"{default:g}, or market.kind: nodal (no other market has a time limit)"
        raise document.error(("market", "time_limit_s"), rules.time_limit_s, expected)
    for k, lot in enumerate(file.lots):
        if lot.behaviour != "strategic":
            raise document.error(("lots", k, "behaviour"), lot.behaviour, "strategic, or market.kind: nodal")


def build_prices(file: CaseFile, document: Document) -> tuple[PriceSeries, Path]:
    """Read the prices from the chosen start on; their currency must be that of the file."""
    path = bundled_or_own("prices", file.prices.file, ".csv")
    series = read_prices(path, file.prices.price_column)
    if series.currency != file.currency:
        expected = f"prices in {file.currency}, the file's currency (they are in {series.currency})"
        raise document.error(("prices", "file"), file.prices.file, expected)
    return series if file.prices.start is None else series.starting(file.prices.start), path


def expected_load(
    file: CaseFile, feeder: Feeder, document: Document
) -> tuple[FloatArray, FloatArray, dict[str, FloatArray], tuple[Path, ...]]:
    """Return expected load (kW and kvar, shape ``(hours, buses)``), the profiles, and the files read.

    The peak of each bus comes from ``loads.file`` with the columns ``bus``, ``load_kw``, ``load_kvar`` and ``profile``,
    or without it from the feeder's base case with one profile for all.
    """
    profile_path = bundled_or_own("profiles", file.loads.profiles, ".csv")
    profiles = read_profiles(profile_path)
    if file.loads.file is None:
        if file.loads.profile not in profiles:
            raise document.error(("loads", "profile"), file.loads.profile, f"one of {', '.join(profiles)}")
        shape = file.loads.scale * profiles[file.loads.profile][:, None]
        return shape * feeder.load_kw, shape * feeder.load_kvar, profiles, (profile_path,)
    path = bundled_or_own("loads", file.loads.file, ".csv")
    load_kw, load_kvar = read_bus_loads(path, profiles, shown(profile_path), feeder)
    return file.loads.scale * load_kw, file.loads.scale * load_kvar, profiles, (path, profile_path)


def read_bus_loads(
    path: Path, profiles: dict[str, FloatArray], profile_source: str, feeder: Feeder
) -> tuple[FloatArray, FloatArray]:
    """Return the load of each bus, kW and kvar, each of shape ``(hours, buses)``.

    Parameters
    ----------
    path
        CSV file with the columns ``bus``, ``load_kw``, ``load_kvar`` (both at profile value 1) and ``profile``.
    profiles
        By name, each of shape ``(hours,)``; ``profile_source`` is where they come from, for messages.
    feeder
        With the buses.
    """
    table = Table.read(path, ("bus", "load_kw", "load_kvar", "profile"), ("note",))
    peaks = table.numbers("load_kw", minimum=0.0), table.numbers("load_kvar")
    load_kw, load_kvar = np.zeros((HOURS, feeder.size)), np.zeros((HOURS, feeder.size))
    for row, (label, name) in enumerate(zip(table.text("bus"), table.text("profile"), strict=True)):
        if label not in feeder.buses:
            raise table.error(row, "bus", label, f"a bus of feeder {feeder.name}")
        if name not in profiles:
            raise table.error(row, "profile", name, f"a profile of {profile_source} ({', '.join(profiles)})")
        bus, shape = feeder.index(label), profiles[name]
        load_kw[:, bus] += peaks[0][row] * shape
        load_kvar[:, bus] += peaks[1][row] * shape
    return load_kw, load_kvar


def expected_renewables(file: ScenarioFile, profiles: dict[str, FloatArray], document: Document) -> FloatArray:
    """Return the expected potential of each renewable unit, kW, shape ``(hours, renewables)``."""
    potential = np.zeros((HOURS, len(file.renewables)))
    for k, unit in enumerate(file.renewables):
        name = unit.profile or unit.kind
        if name not in profiles:
            raise document.error(("renewables", k, "profile"), name, f"one of {', '.join(profiles)}")
        potential[:, k] = unit.rated_kw * profiles[name]
    return potential
