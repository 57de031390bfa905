"""From the checked keys of a scenario file to what markets share: feeder, buses, prices and the expected load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.feeder import Feeder
from scenarios.files import Document, Table, bundled_or_own, shown
from scenarios.readers.feeders import load_feeder
from scenarios.readers.prices import PriceSeries, read_prices
from scenarios.readers.profiles import read_profiles
from scenarios.schema import CaseFile, FeederSection, GridFile, LoadsSection
from scenarios.units import feeder_load_fault, power_fault


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


def build_feeder(settings: FeederSection, document: Document) -> Feeder:
    """Read the feeder of a file with the limits that the file gives.

    Raises
    ------
    InputError
        For a feeder that cannot be used.
    """
    try:
        return load_feeder(
            settings.name,
            rating_kva=settings.rating_kva,
            voltage_min_pu=settings.voltage_min_pu,
            voltage_max_pu=settings.voltage_max_pu,
            root_voltage_pu=settings.root_voltage_pu,
        )
    except InputError as error:
        if error.where not in FeederSection.model_fields:
            raise
        raise document.error(("feeder", error.where), error.value, error.expected) from None


def bus_index(feeder: Feeder, label: str, document: Document, keys: tuple[str | int, ...]) -> int:
    """Return the index of a bus that a key of the scenario names."""
    try:
        return feeder.index(label)
    except InputError as error:
        raise document.error(keys, label, error.expected) from None


def check_names(assets: Mapping[str, Sequence[Placed]], document: Document) -> None:
    """Every asset of the file's lists has a name of its own."""
    used: dict[str, str] = {}
    for key, units in assets.items():
        for k, name in enumerate(unit.name for unit in units):
            if name in used:
                raise document.error((key, k, "name"), name, f"a name of its own ({used[name]} has it too)")
            used[name] = f"{key}[{k}]"


def check_powers(assets: Mapping[str, Sequence[object]], base_kv: float, document: Document) -> None:
    """Refuse a power of an asset, a key that ends in its unit, that no feeder of this voltage carries."""
    for key, units in assets.items():
        for k, unit in enumerate(units):
            for name, value in vars(unit).items():
                of = next((of for of in ("kW", "kVA", "kvar") if name.endswith(f"_{of.lower()}")), None)
                if of is not None and (fault := power_fault(value, base_kv, of)) is not None:
                    raise document.error((key, k, name), value, fault)


def build_prices(file: CaseFile, document: Document) -> tuple[PriceSeries, Path]:
    """Read the prices from the chosen start on; their currency must be that of the file."""
    path = bundled_or_own("prices", file.prices.file, ".csv")
    rules = file.prices
    series = read_prices(path, rules.price_column, zone=file.time.zone, step_minutes=rules.step_minutes)
    if series.currency != file.currency:
        expected = f"prices in {file.currency}, the file's currency (they are in {series.currency})"
        raise document.error(("prices", "file"), file.prices.file, expected)
    return series if file.prices.start is None else series.starting(file.prices.start), path


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
    file: GridFile, feeder: Feeder, document: Document
) -> tuple[FloatArray, FloatArray, dict[str, FloatArray], tuple[Path, ...]]:
    """Return expected load (kW and kvar, shape ``(steps, buses)``), the profiles, and the files read.

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
    stated = file.loads.profile
    if stated not in profiles and stated != LoadsSection.model_fields["profile"].default:
        raise document.error(("loads", "profile"), stated, f"one of {', '.join(profiles)}, or no profile beside a file")
    path = bundled_or_own("loads", file.loads.file, ".csv")
    load_kw, load_kvar = read_bus_loads(path, profiles, shown(profile_path), feeder)
    return file.loads.scale * load_kw, file.loads.scale * load_kvar, profiles, (path, profile_path)


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
