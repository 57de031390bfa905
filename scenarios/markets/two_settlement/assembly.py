"""From the checked keys of a file of two settlements to its system: grid, units, outages and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.assets import LotSite, RenewableUnit
from equilibrium.grid.contingencies import single_outages
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Outage
from equilibrium.markets.two_settlement.system import ActiveSystem, Generator
from scenarios.assembly import Placed, build_feeder, bus_index, check_names, check_powers, expected_load
from scenarios.draws.outages import outage_probability
from scenarios.files import Document
from scenarios.markets.charging.network import storage_unit
from scenarios.markets.two_settlement.schema import CommittedUnitSection, TwoSettlementFile
from scenarios.readers.meshed import Limits, load_meshed

PER_MWH = 1e-3
"""Prices per MWh as prices per kWh."""

DAY_ON_H = 24.0
"""Hours for which a unit was on before a day that it begins with an output; else it was off for as long."""


def build_grid(file: TwoSettlementFile, document: Document) -> tuple[MeshedGrid, Feeder, tuple[Path, ...]]:
    """Read the grid with its ties and roots, and the radial feeder of the same buses, whose loads are read.

    Raises
    ------
    InputError
        For a grid that cannot be used.
    """
    data = build_feeder(file.feeder, document)
    section = file.feeder
    assert section.name is not None
    limits = Limits(
        rating_kva=np.inf if section.rating_kva is None else section.rating_kva,
        voltage_min_pu=section.voltage_min_pu,
        voltage_max_pu=section.voltage_max_pu,
    )
    root = 1.0 if section.root_voltage_pu is None else section.root_voltage_pu
    try:
        grid = replace(load_meshed(section.name, limits), root_voltage_pu=root)
    except InputError as error:
        raise document.error(("feeder", "name"), section.name, error.expected) from None
    return grid, data.feeder, data.paths


def loads_on(
    grid: MeshedGrid, feeder: Feeder, file: TwoSettlementFile, document: Document
) -> tuple[FloatArray, FloatArray, dict[str, FloatArray], tuple[Path, ...]]:
    """Return the usual loads of the grid's buses, kW and kvar, shape ``(steps, buses)``, profiles, and files read."""
    data = build_feeder(file.feeder, document)
    load_kw, load_kvar, profiles, paths = expected_load(file, data, document)
    order = [feeder.index(label) for label in grid.buses]
    return load_kw[:, order], load_kvar[:, order], profiles, paths


def build_system(file: TwoSettlementFile, grid: MeshedGrid, feeder: Feeder, document: Document) -> ActiveSystem:
    """Put the operator's system together.

    Raises
    ------
    InputError
        For an asset at an unknown bus, a name or power that cannot be, or an outage that is none.
    """
    listed = ("generators", "renewables", "storage", "demand_aggregators", "lots")
    assets = {key: getattr(file, key) for key in listed}
    check_names(assets, document)
    powered = ("generators", "renewables", "storage", "demand_aggregators")
    check_powers({key: assets[key] for key in powered}, grid.base_kv, document)
    place = {label: k for k, label in enumerate(grid.buses)}

    def at(key: str, k: int, unit: Placed) -> int:
        bus_index(feeder, unit.bus, document, (key, k, "bus"))
        return place[unit.bus]

    for key in ("demand_aggregators", "lots"):
        for k, unit in enumerate(assets[key]):
            at(key, k, unit)
    value = PER_MWH * np.array(file.lost_load_per_mwh)
    outages, probability = _outages(file, grid, document)
    wholesale = file.wholesale
    return ActiveSystem(
        grid=grid,
        generators=tuple(_generator(unit, at("generators", k, unit)) for k, unit in enumerate(file.generators)),
        renewables=tuple(
            RenewableUnit(unit.name, at("renewables", k, unit), unit.rated_kw, unit.kind)
            for k, unit in enumerate(file.renewables)
        ),
        storages=tuple(
            storage_unit(unit, at("storage", k, unit), document, ("storage", k)) for k, unit in enumerate(file.storage)
        ),
        lost_load_value=value[np.arange(grid.size) % value.size],
        outages=outages if file.outages.planned else (),
        outage_probability=probability if file.outages.planned else np.zeros(0),
        reactive_share=wholesale.reactive_per_kw,
        trade_max_kw=np.inf if wholesale.trade_max_kw is None else wholesale.trade_max_kw,
    )


def _generator(unit: CommittedUnitSection, bus: int) -> Generator:
    return Generator(
        name=unit.name,
        bus=bus,
        least_kw=unit.min_kw,
        most_kw=unit.max_kw,
        rating_kva=unit.rating_kva,
        cost_per_kwh=PER_MWH * unit.cost_per_mwh,
        idle_cost_per_h=unit.idle_cost_per_hour,
        start_cost=unit.start_cost,
        ramp_kw_per_h=np.inf if unit.ramp_kw_per_h is None else unit.ramp_kw_per_h,
        min_up_h=unit.min_up_h,
        min_down_h=unit.min_down_h,
        on_before_h=-DAY_ON_H if unit.before_kw is None else DAY_ON_H,
        before_kw=0.0 if unit.before_kw is None else unit.before_kw,
    )


def outages_of(file: TwoSettlementFile, grid: MeshedGrid) -> tuple[Outage, ...]:
    """Return what can fail."""
    return single_outages(grid, file.outages.skip)


def _outages(file: TwoSettlementFile, grid: MeshedGrid, document: Document) -> tuple[tuple[Outage, ...], FloatArray]:
    """Return what can fail, with the share of time for which it is out."""
    known = {each.name for each in single_outages(grid)}
    for k, name in enumerate(file.outages.skip):
        if name not in known:
            raise document.error(("outages", "skip", k), name, f"one such as {min(known)}")
    outages = outages_of(file, grid)
    rates = np.full(len(outages), file.outages.failures_per_year)
    return outages, outage_probability(rates, file.outages.repair_h) if outages else np.zeros(0)


def lot_sites(file: TwoSettlementFile, grid: MeshedGrid) -> tuple[LotSite, ...]:
    """Return the lots' sites; their buses are known."""
    buses: Sequence[str] = grid.buses
    return tuple(
        LotSite(lot.name, buses.index(lot.bus), lot.efficiency, discharge_efficiency=lot.discharge_efficiency)
        for lot in file.lots
    )
