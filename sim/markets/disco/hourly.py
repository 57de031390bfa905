"""The tables of the DISCO market about every period: prices, powers and lots of the day as it came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.disco.clearing import ScenarioClearing
from scenarios.time_axis import TimeAxis
from sim.columns import DATE, DAY, PER_MWH, Column, Table, itself, number, periods, text
from sim.markets.disco.results import DiscoDayResult


def _came(day: DiscoDayResult) -> ScenarioClearing:
    """Return the one scenario that came, as it was cleared."""
    return day.settlement.realised


_PRICED: tuple[Column[DiscoDayResult], ...] = periods(
    lambda d: (d.axis, np.repeat(np.arange(d.axis.size), d.network.feeder.size))
)

PRICES: Table[DiscoDayResult, DiscoDayResult] = Table(
    "prices",
    itself,
    (
        DAY,
        DATE,
        *_PRICED,
        text("bus", "label of the bus", lambda d: list(d.network.feeder.buses) * d.axis.size),
        number(
            "price_per_mwh",
            "marginal cost of the company for one more kWh there, currency/MWh",
            lambda d: _came(d).price.ravel() * PER_MWH,
        ),
        number("voltage_pu", "voltage of the lossy linear flow, per unit", lambda d: _came(d).voltage_pu.ravel()),
    ),
)


@dataclass(frozen=True, eq=False)
class _Dispatch:
    """Everything that flows on a day, period by period and asset by asset."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    asset: np.ndarray
    kind: np.ndarray
    bus: np.ndarray
    p_kw: FloatArray


def _dispatched(day: DiscoDayResult) -> _Dispatch:
    settled, buses, network = day.settlement, day.network.feeder.buses, day.network
    realised = settled.realised
    loaded = np.flatnonzero((day.day.base_kw != 0.0).any(axis=0))
    units = [(unit.name, unit.bus) for unit in network.renewables]
    sites = [(site.name, site.bus) for site in network.lots]
    groups: list[tuple[str, list[tuple[str, int]], FloatArray]] = [
        ("import", [("import", 0)], realised.import_kw[:, None]),
        ("renewable", units, realised.renewable_kw),
        ("renewable_potential", units, settled.outcome.scenarios[0].renewable_kw),
        ("lot_charge", sites, realised.lot_charge_kw),
        ("lot_discharge", sites, realised.lot_discharge_kw),
        ("loss", [(f"branch {label}", bus) for bus, label in enumerate(buses)][1:], realised.loss_kw[:, 1:]),
    ]
    for kind, load in (
        ("load", settled.outcome.load_kw),
        ("base_load", day.day.base_kw),
        ("forecast_load", settled.forecast.load_kw),
    ):
        groups.append((kind, [(f"load {buses[bus]}", int(bus)) for bus in loaded], load[:, loaded]))
    size = day.axis.size
    rows = [(name, kind, buses[bus]) for kind, members, _ in groups for name, bus in members]
    names, kinds, labels = (np.tile(np.array(column, dtype=object), size) for column in zip(*rows, strict=True))
    power = np.concatenate([values for _, _, values in groups], axis=1).ravel()
    period = np.repeat(np.arange(size), len(rows))
    return _Dispatch(day.index, day.date, day.axis, period, names, kinds, labels, power)


_FLOWING: tuple[Column[_Dispatch], ...] = periods(lambda d: (d.axis, d.period))

DISPATCH: Table[DiscoDayResult, _Dispatch] = Table(
    "dispatch",
    _dispatched,
    (
        DAY,
        DATE,
        *_FLOWING,
        text("asset", "name of the asset; loads and losses are named by their bus", lambda d: d.asset),
        text(
            "kind",
            "import, renewable, renewable_potential, lot_charge, lot_discharge, loss, load, base_load (without a "
            "program) or forecast_load",
            lambda d: d.kind,
        ),
        text("bus", "label of the bus; a branch has that of its receiving end", lambda d: d.bus),
        number("p_kw", "active power, positive in the direction of its kind, kW", lambda d: d.p_kw),
    ),
)


@dataclass(frozen=True, eq=False)
class _Lots:
    """A day's lots: what is plugged in, shape ``(periods, lots)``, beside the day itself."""

    index: int
    date: dt.date | None
    day: DiscoDayResult
    plugged: FloatArray
    energy_kwh: FloatArray

    def each_period(self, values: Sequence[Any]) -> list[Any]:
        """Return the same values in every period."""
        return list(values) * len(self.plugged)

    def each_lot(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return one value a period for every lot."""
        return np.repeat(values, self.plugged.shape[1])


def _lots(day: DiscoDayResult) -> _Lots:
    realised, outcome = day.settlement.realised, day.settlement.outcome
    plugged, energy = np.zeros_like(realised.lot_charge_kw), np.zeros_like(realised.lot_charge_kw)
    period = np.arange(day.axis.size)
    for lot, (batch, schedule) in enumerate(zip(outcome.scenarios[0].vehicles, realised.vehicles, strict=True)):
        here = (period >= batch.arrival[:, None]) & (period < batch.departure[:, None])
        plugged[:, lot] = batch.count @ here
        energy[:, lot] = batch.count @ np.where(here, schedule.energy_kwh, 0.0)
    return _Lots(day.index, day.date, day, plugged, energy)


_PARKED: tuple[Column[_Lots], ...] = periods(lambda s: (s.day.axis, s.each_lot(np.arange(s.day.axis.size))))

LOTS: Table[DiscoDayResult, _Lots] = Table(
    "lots",
    _lots,
    (
        DAY,
        DATE,
        *_PARKED,
        text("lot", "name of the lot", lambda s: s.each_period([site.name for site in s.day.network.lots])),
        text(
            "bus",
            "label of its bus",
            lambda s: s.each_period([s.day.network.feeder.buses[site.bus] for site in s.day.network.lots]),
        ),
        number("charge_kw", "power drawn by the vehicles, kW", lambda s: _came(s.day).lot_charge_kw.ravel()),
        number("discharge_kw", "power given by them, kW", lambda s: _came(s.day).lot_discharge_kw.ravel()),
        number("plugged", "vehicles plugged in", lambda s: s.plugged.ravel()),
        number(
            "energy_kwh",
            "energy in the vehicles plugged in at the end of the period, kWh",
            lambda s: s.energy_kwh.ravel(),
        ),
        number(
            "tariff_per_mwh",
            "what lot and company pay each other, currency/MWh",
            lambda s: s.each_lot(s.day.settlement.outcome.tariffs.lot_buys) * PER_MWH,
        ),
        number(
            "driver_price_per_mwh",
            "what drivers pay, currency/MWh",
            lambda s: s.each_lot(s.day.settlement.outcome.tariffs.driver_pays) * PER_MWH,
        ),
        number(
            "price_per_mwh",
            "marginal cost of the company at the bus, currency/MWh",
            lambda s: _came(s.day).price[:, [site.bus for site in s.day.network.lots]].ravel() * PER_MWH,
        ),
    ),
)
