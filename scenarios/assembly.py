"""From the checked keys of a scenario file to what markets share: feeder, buses, prices and the expected load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.feeder import Feeder
from scenarios.checking import validated
from scenarios.draws.price_fit import fit_price_model, given_price_model
from scenarios.draws.sarima import PriceModel
from scenarios.files import Document, Table, bundled_or_own, own_path, shown
from scenarios.readers.feeders import feeder_files, limited_by_currents, load_feeder
from scenarios.readers.nets.files import net_files, read_net
from scenarios.readers.nets.radial import Band, radial_net
from scenarios.readers.price_layout import PriceWishes
from scenarios.readers.prices import PriceSeries, price_files, read_prices
from scenarios.readers.profiles import read_profiles
from scenarios.schema import CaseFile, FeederSection, GridFile, LoadsSection, RatedFeederSection, SarimaSection, Section
from scenarios.settings import SET, setting_layer
from scenarios.units import feeder_load_fault, power_fault

PARTIES = ("operator", "drivers", "customers", "company", "wholesale market")
"""Who pays and is paid beside those whom a scenario names."""


class Placed(Protocol):
    """Something with a name that stands at a bus."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def bus(self) -> str:
        """Label of its bus."""
        ...


@dataclass(frozen=True, eq=False)
class GridData:
    """A feeder as read, with what stands on it besides the loads.

    Attributes
    ----------
    feeder
        With the base-case loads.
    generation_kw, generation_kvar
        What static generators of the file feed in, shape ``(buses,)``.
    shunt_kw, shunt_kvar
        What shunts, charging of lines and idle transformers draw at every hour, shape ``(buses,)``.
    notes
        What was left out or approximated, one sentence each.
    paths
        The files that were read.
    """

    feeder: Feeder
    generation_kw: FloatArray
    generation_kvar: FloatArray
    shunt_kw: FloatArray
    shunt_kvar: FloatArray
    notes: tuple[str, ...]
    paths: tuple[Path, ...]


def build_feeder(settings: FeederSection, document: Document) -> GridData:
    """Read the feeder of a file with the limits that the file gives.

    Raises
    ------
    InputError
        For a feeder that cannot be used.
    """
    try:
        return _grid(settings)
    except InputError as error:
        if error.where not in FeederSection.model_fields:
            raise
        raise document.error(("feeder", error.where), error.value, error.expected) from None


class _Lone(Section):
    """A feeder alone."""

    feeder: FeederSection


def lone_grid(path: str, settings: Mapping[str, str] | None = None) -> GridData:
    """Read the files of a grid by themselves, before there is a scenario: ours or those of another program.

    Parameters
    ----------
    path
        A folder with ``feeder.yaml``, or whatever ``feeder.file`` may name.
    settings
        Keys below ``feeder`` that are set by name, as in :func:`scenarios.settings.read_settings`.

    Raises
    ------
    InputError
        For a grid or a key that cannot be used.
    """
    ours = (own_path(path) / "feeder.yaml").is_file()
    named = {"name" if ours else "file": path}
    layer = setting_layer(Document(SET, {"feeder": named}, {}), settings or {})
    below = layer.data.get("feeder", {})
    layer.data["feeder"] = {**named, **below} if isinstance(below, dict) else below
    try:
        return _grid(validated(_Lone, layer).feeder)
    except InputError as error:
        if error.where not in FeederSection.model_fields:
            raise
        raise InputError(shown(own_path(path)), f"feeder.{error.where}", error.value, error.expected) from None


def _grid(settings: FeederSection) -> GridData:
    grid = _foreign_grid(settings, settings.file) if settings.file is not None else _own_grid(settings)
    return replace(grid, notes=(*grid.notes, *_feeding_loads(grid.feeder)))


def _feeding_loads(feeder: Feeder) -> tuple[str, ...]:
    """Say which loads are negative: such a bus feeds in, which may be meant or may be a wrong sign."""
    buses = np.flatnonzero(feeder.load_kw < 0.0)
    if not buses.size:
        return ()
    named = ", ".join(f"{feeder.buses[bus]} {feeder.load_kw[bus]:g} kW" for bus in buses)
    return (f"negative loads feed in {-feeder.load_kw[buses].sum():g} kW at profile value 1: {named}",)


def _own_grid(settings: FeederSection) -> GridData:
    """Read a bundled feeder, or a folder in the same format."""
    assert settings.name is not None
    assert settings.root_voltage_pu is not None
    feeder = load_feeder(
        settings.name,
        rating_kva=settings.rating_kva,
        voltage_min_pu=settings.voltage_min_pu,
        voltage_max_pu=settings.voltage_max_pu,
        root_voltage_pu=settings.root_voltage_pu,
    )
    nothing = np.zeros(feeder.size)
    return GridData(feeder, nothing, nothing, nothing, nothing, (), feeder_files(settings.name))


def _foreign_grid(settings: FeederSection, file: str) -> GridData:
    """Read a grid of another program and make it radial."""
    path = bundled_or_own("", file, "")
    radial = radial_net(
        read_net(path),
        Band(settings.voltage_min_pu, settings.voltage_max_pu, settings.root_voltage_pu),
        opened=settings.open,
        roots=settings.roots,
        rating_kva=settings.rating_kva,
    )
    return GridData(
        radial.feeder,
        radial.generation_kw,
        radial.generation_kvar,
        radial.shunt_kw,
        radial.shunt_kvar,
        (*radial.notes, *_scaled_generators(settings, radial.generation_kw, radial.generation_kvar)),
        net_files(path),
    )


def _scaled_generators(settings: FeederSection, *power: FloatArray) -> tuple[str, ...]:
    """Say what the scenario makes of the generators of a file, where it is not what the file says."""
    if not any(part.any() for part in power):
        return ()
    notes = []
    if settings.generation_scale != 1.0:
        notes.append(f"generators of the file feed in {settings.generation_scale:g} times that (generation_scale)")
    if settings.generation_profile is not None:
        notes.append(f"generators of the file follow the profile {settings.generation_profile} (generation_profile)")
    return tuple(notes)


def build_rated_feeder(settings: RatedFeederSection, document: Document) -> GridData:
    """Read the feeder of a file whose branches may be limited by currents; raises as :func:`build_feeder`."""
    grid = build_feeder(settings, document)
    for k, label in enumerate(settings.trunk):
        bus_index(grid.feeder, label, document, ("feeder", "trunk", k))
    feeder = limited_by_currents(
        grid.feeder,
        settings.current_max_a,
        trunk=settings.trunk,
        trunk_current_max_a=settings.trunk_current_max_a,
        impedance_factor=settings.impedance_factor,
    )
    return replace(grid, feeder=feeder)


def bus_index(feeder: Feeder, label: str, document: Document, keys: tuple[str | int, ...]) -> int:
    """Return the index of a bus that a key of the scenario names."""
    try:
        return feeder.index(label)
    except InputError as error:
        raise document.error(keys, label, error.expected) from None


def check_names(assets: Mapping[str, Sequence[Placed]], document: Document) -> None:
    """Every asset of the file's lists has a name of its own, and none that of a party that every market has."""
    used: dict[str, str] = {}
    for key, units in assets.items():
        for k, name in enumerate(unit.name for unit in units):
            check_party((key, k, "name"), name, document)
            if name in used:
                raise document.error((key, k, "name"), name, f"a name of its own ({used[name]} has it too)")
            used[name] = f"{key}[{k}]"


def check_party(keys: tuple[str | int, ...], name: str, document: Document) -> None:
    """Refuse the name of a party that a market has in any case: nobody could tell who paid whom."""
    if name in PARTIES:
        raise document.error(keys, name, f"a name other than {', '.join(PARTIES)}, who pay and are paid too")


def check_powers(assets: Mapping[str, Sequence[object]], base_kv: float, document: Document) -> None:
    """Refuse a power of an asset, a key that ends in its unit, that no feeder of this voltage carries."""
    for key, units in assets.items():
        for k, unit in enumerate(units):
            for name, value in vars(unit).items():
                of = next((of for of in ("kW", "kVA", "kvar") if name.endswith(f"_{of.lower()}")), None)
                if of is None or value is None:
                    continue
                for place, power in _powers(value):
                    if (fault := power_fault(power, base_kv, of)) is not None:
                        raise document.error((key, k, name, *place), power, fault)


def _powers(value: float | Sequence[float]) -> list[tuple[tuple[int, ...], float]]:
    """Return the powers of a key with the place of each: one, or one for each hour."""
    if isinstance(value, Sequence):
        return [((hour,), power) for hour, power in enumerate(value)]
    return [((), value)]


def build_prices(file: CaseFile, document: Document) -> tuple[PriceSeries, tuple[Path, ...]]:
    """Read the prices from the chosen start on, and return their files; their currency must be that of the file."""
    path = bundled_or_own("prices", file.prices.file, ".csv")
    rules = file.prices
    wishes = PriceWishes(
        rules.price_column, rules.unit, rules.time_column, rules.time_format, rules.time_zone, rules.area
    )
    try:
        series = read_prices(path, zone=file.time.zone, step_minutes=rules.step_minutes, wishes=wishes)
    except InputError as error:
        if error.where not in type(rules).model_fields or getattr(rules, error.where) is None:
            raise
        raise document.error(("prices", error.where), error.value, error.expected) from None
    if series.currency != file.currency:
        expected = f"prices in {file.currency}, the scenario's currency (they are in {series.currency})"
        raise document.error(("prices", "file"), file.prices.file, expected)
    if rules.draw == "sarima":
        series = replace(series, model=_price_model(series, rules.sarima))
    return series if rules.start is None else series.starting(rules.start), price_files(path)


def _price_model(series: PriceSeries, keys: SarimaSection) -> PriceModel:
    """Return the model that draws prices: fitted to the whole series, or with the coefficients of the file."""
    if keys.sigma is None or keys.ar is None or keys.ma is None or keys.seasonal_ar is None:
        return fit_price_model(series, values=keys.values, likelihood=keys.likelihood)
    numbers = {"ar": keys.ar, "ma": keys.ma, "seasonal_ar": keys.seasonal_ar, "sigma": keys.sigma}
    return given_price_model(series, **numbers, values=keys.values)


def time_notes(file: GridFile, profile_steps: int) -> tuple[str, ...]:
    """Say where prices and profiles come in other steps than the periods of the day."""
    step, notes = file.time.step_minutes, []
    for what, own in (
        (f"prices {Path(file.prices.file).name}", file.prices.step_minutes),
        (f"profiles {Path(file.loads.profiles).name}", 24 * 60 / profile_steps),
    ):
        if own > step:
            notes.append(f"{what}: a value every {own:g} minutes holds for all its periods of {step} minutes")
        elif own < step:
            notes.append(f"{what}: values every {own:g} minutes are averaged over periods of {step} minutes")
    return tuple(notes)


def expected_load(
    file: GridFile, grid: GridData, document: Document
) -> tuple[FloatArray, FloatArray, dict[str, FloatArray], tuple[Path, ...]]:
    """Return expected load (kW and kvar, shape ``(steps, buses)``), the profiles, and the files read.

    The peak of each bus comes from ``loads.file`` with the columns ``bus``, ``load_kw``, ``load_kvar`` and ``profile``,
    or without it from the feeder's base case with one profile for all. What a foreign grid has besides loads is added:
    shunts at every hour, and static generators with their profile.
    """
    profile_path = bundled_or_own("profiles", file.loads.profiles, ".csv")
    profiles = read_profiles(profile_path)
    load_kw, load_kvar, paths = _loads(file, grid.feeder, document, profiles, profile_path)
    section, shape = file.feeder, np.ones(len(load_kw))
    if section.generation_profile is not None:
        if section.generation_profile not in profiles:
            expected = f"one of {', '.join(profiles)}"
            raise document.error(("feeder", "generation_profile"), section.generation_profile, expected)
        shape = profiles[section.generation_profile]
    fed_in = section.generation_scale * shape[:, None]
    load_kw = load_kw + grid.shunt_kw - fed_in * grid.generation_kw
    load_kvar = load_kvar + grid.shunt_kvar - fed_in * grid.generation_kvar
    return load_kw, load_kvar, profiles, paths


def _loads(
    file: GridFile, feeder: Feeder, document: Document, profiles: dict[str, FloatArray], profile_path: Path
) -> tuple[FloatArray, FloatArray, tuple[Path, ...]]:
    """Return the loads alone, and the files read."""
    if file.loads.file is None:
        if file.loads.profile not in profiles:
            raise document.error(("loads", "profile"), file.loads.profile, f"one of {', '.join(profiles)}")
        shape = profiles[file.loads.profile][:, None]
        return *_scaled(shape * feeder.load_kw, shape * feeder.load_kvar, file, feeder, document), (profile_path,)
    stated = file.loads.profile
    if stated not in profiles and stated != LoadsSection.model_fields["profile"].default:
        raise document.error(("loads", "profile"), stated, f"one of {', '.join(profiles)}, or no profile beside a file")
    path = bundled_or_own("loads", file.loads.file, ".csv")
    load_kw, load_kvar = read_bus_loads(path, profiles, shown(profile_path), feeder)
    return *_scaled(load_kw, load_kvar, file, feeder, document), (path, profile_path)


def _scaled(
    load_kw: FloatArray, load_kvar: FloatArray, file: GridFile, feeder: Feeder, document: Document
) -> tuple[FloatArray, FloatArray]:
    """Return loads, shape ``(steps, buses)``, times ``loads.scale``, which must leave what a feeder can carry."""
    scale = file.loads.scale
    load_kw, load_kvar = scale * load_kw, scale * load_kvar
    fullest = int(np.abs(load_kw).sum(axis=1).argmax())
    fault = feeder_load_fault(load_kw[fullest], load_kvar[fullest], feeder.base_kv)
    if fault is not None:
        raise document.error(("loads", "scale"), scale, f"a factor that leaves {fault.partition(';')[0]}")
    return load_kw, load_kvar


def retail_load(file: GridFile, grid: GridData, document: Document) -> tuple[FloatArray, tuple[Path, ...]]:
    """Return the expected load of all buses together, kW, shape ``(steps,)``, and the files read.

    Raises
    ------
    InputError
        Where generators of the grid's file feed in more than the loads draw: a retailer sells at least nothing.
    """
    load_kw, _, _, paths = expected_load(file, grid, document)
    total: FloatArray = load_kw.sum(axis=1)
    if total.min() < 0.0:
        expected = "generators that feed in no more than all loads draw at any time, e.g. generation_scale: 0"
        raise document.error(("feeder", "generation_scale"), file.feeder.generation_scale, expected)
    return total, paths


def read_bus_loads(
    path: Path, profiles: dict[str, FloatArray], profile_source: str, feeder: Feeder
) -> tuple[FloatArray, FloatArray]:
    """Return the load of each bus, kW and kvar, each of shape ``(steps, buses)``.

    Parameters
    ----------
    path
        CSV file with the columns ``bus``, ``load_kw``, ``load_kvar`` (both at profile value 1) and ``profile``.
    profiles
        By name, each of shape ``(steps,)``; ``profile_source`` is where they come from, for messages.
    feeder
        With the buses.
    """
    table = Table.read(path, ("bus", "load_kw", "load_kvar", "profile"), ("note",))
    labels = table.each_once("bus")
    peaks = table.numbers("load_kw", minimum=0.0), table.numbers("load_kvar")
    steps = len(next(iter(profiles.values())))
    load_kw, load_kvar = np.zeros((steps, feeder.size)), np.zeros((steps, feeder.size))
    for row, (label, name) in enumerate(zip(labels, table.text("profile"), strict=True)):
        if label not in feeder.buses:
            raise table.error(row, "bus", label, f"a bus of feeder {feeder.name}")
        if name not in profiles:
            raise table.error(row, "profile", name, f"a profile of {profile_source} ({', '.join(profiles)})")
        bus, shape = feeder.index(label), profiles[name]
        load_kw[:, bus] = peaks[0][row] * shape
        load_kvar[:, bus] = peaks[1][row] * shape
    fault = feeder_load_fault(*peaks, feeder.base_kv)
    if fault is not None:
        raise InputError(table.source, "column load_kw", f"{peaks[0].sum():g} kW in all", fault)
    return load_kw, load_kvar
