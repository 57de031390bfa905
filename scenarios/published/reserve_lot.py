"""The published aggregator of a parking lot with energy and reserve (docs/aggregator.md), with the data set S1.

Source of the contracts, the number of stations, the power of a charger, the cap of 10 cents and the additions to the
prices: Neyestani et al., sections V and VI, Tables I to III. Its prices, arrivals, loads and generators are in figures
or not given at all; S1 stands in for them. Prices are in US cents per kWh, as the paper's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.day import (
    AggregatorDay,
    Contracts,
    Generator,
    Grid,
    Lot,
    LotTariffs,
    LotVehicles,
    Retailer,
)
from scenarios.draws.arrivals import Stays, classes_of, drawn_arrivals, stays_at_stations, still_parked
from scenarios.readers.feeders import limited_by_currents, load_feeder

PRICING = {"I": "pay-as-bid", "II": "uniform"}
"""The paper's cases."""

CLASSES_H = (3, 8, 12)
"""Longest stay of the paper's three classes, h."""

DEPARTURE_SOC = np.array([[0.6, 0.8, 0.9], [0.4, 0.6, 0.6], [0.4, 0.5, 0.6], [0.3, 0.4, 0.5]])
"""phi, Table II: fix1, flex1, fix2, flex2 by class of stay."""

SHARE = np.array([[0.56, 0.32, 0.08], [0.14, 0.08, 0.02], [0.06, 0.12, 0.18], [0.24, 0.48, 0.72]])
"""beta, Table III."""

STATIONS = 250
CHARGER_KW = 11.0
CAP = 10.0
ADDED_TO_ENERGY = 3.0

# S1: stands in for what the paper shows in figures or leaves out.
SPOT = (
    *(5.0, 4.2, 3.8, 3.6, 3.5, 3.6, 4.2, 5.0, 5.4, 6.2, 5.8, 5.6),
    *(5.6, 5.4, 5.2, 4.8, 4.7, 5.2, 6.0, 6.6, 7.0, 6.6, 6.0, 5.6),
)
RESERVE = (
    *(1.8, 1.6, 1.5, 1.4, 1.4, 1.5, 1.9, 2.4, 2.6, 2.5, 2.3, 2.2),
    *(2.3, 2.4, 2.2, 2.0, 2.1, 2.4, 2.9, 3.2, 3.1, 2.8, 2.3, 2.0),
)
ARRIVALS = (0, 0, 0, 0, 0, 2, 6, 20, 36, 44, 40, 32, 28, 30, 34, 32, 28, 24, 22, 18, 10, 5, 2, 1)
STAYS = (0.16, 0.15, 0.12, 0.10, 0.09, 0.09, 0.09, 0.08, 0.05, 0.03, 0.02, 0.02)
VARIATION = 0.25
PROFILE = (
    *(0.62, 0.57, 0.54, 0.53, 0.53, 0.56, 0.64, 0.74, 0.82, 0.88, 0.90, 0.91),
    *(0.92, 0.90, 0.87, 0.85, 0.85, 0.88, 0.94, 1.00, 1.00, 0.96, 0.85, 0.72),
)
PEAK_KW = 1500.0
TIME_OF_USE = (*[9.0] * 7, *[11.0] * 3, *[12.0] * 3, *[11.0] * 5, *[12.0] * 5, 9.0)
GENERATORS = (("DG1", 7.5, 500.0), ("DG2", 8.8, 300.0), ("DG3", 9.2, 300.0))
BATTERY_KWH, ARRIVAL_SOC, SOC_MIN, SOC_MAX = 24.0, 0.30, 0.20, 0.95
CALL_PROBABILITY, FAILURE_RATE = 0.05, 0.02
EFFICIENCY, DISCHARGE_EFFICIENCY = 0.90, 0.95
TARIFFS = {"g2v1": 13.0, "g2v2": 12.0, "g2v3": 10.0, "v2g": 11.0, "degradation": 0.5}
INCENTIVE, INTERRUPTIBLE = 1.5, 0.10
FEEDERS = {
    "ieee37": {"lot": "3", "generators": ("25", "19", "35"), "current_max_a": 400.0, "segments": 5},
    "ieee33": {"lot": "18", "generators": ("8", "25", "30"), "current_max_a": 200.0, "segments": 20},
    "das85": {"lot": "8", "generators": ("34", "48", "64"), "current_max_a": 200.0, "segments": 20},
}
"""Buses of lot and generators, limit of the branches and pieces of the squared flows, by feeder. The paper shows
its buses in a figure."""
TRANSFORMER_EFFICIENCY = 0.98


def reserve_lot_day(
    case: str = "I",
    *,
    scenarios: int = 1,
    seed: int = 1,
    feeder: str | None = None,
    cap: float = CAP,
    tariffs: dict[str, float] | None = None,
    **changes: Any,  # noqa: ANN401 - attributes of the day
) -> AggregatorDay:
    """Return the paper's day in one of its cases.

    Parameters
    ----------
    case
        ``"I"``: a price for every resource; ``"II"``: one energy price.
    scenarios
        1 for the expected day, or a number of days whose arrivals are drawn, all of one probability.
    seed
        Of the draws.
    feeder
        ``"ieee37"``, ``"ieee33"``, ``"das85"``, or ``None`` for a day without a network.
    cap
        Largest price of energy and of reserve, cents per kWh; the paper states none for case II.
    tariffs
        Tariffs of the lot in place of those of :data:`TARIFFS`.
    changes
        Other attributes of the day.

    Raises
    ------
    InputError
        For another case, feeder or number of scenarios.
    """
    if case not in PRICING:
        raise InputError("reserve_lot_day", "case", case, "'I' or 'II'")
    if feeder is not None and feeder not in FEEDERS:
        raise InputError("reserve_lot_day", "feeder", feeder, f"one of {', '.join(FEEDERS)}, or None")
    if scenarios < 1:
        raise InputError("reserve_lot_day", "scenarios", scenarios, "a number >= 1")
    energy = np.array(SPOT) + ADDED_TO_ENERGY
    load_kw = PEAK_KW * np.array(PROFILE)
    grid, lot_bus, unit_bus = (None, 0, (0,) * len(GENERATORS)) if feeder is None else _grid(feeder, energy)
    given: dict[str, Any] = {
        "energy_price": energy,
        "reserve_price": np.array(RESERVE),
        "call_probability": CALL_PROBABILITY,
        "failure_rate": FAILURE_RATE,
        "lots": (_lot(_stays(scenarios, seed), lot_bus, {**TARIFFS, **(tariffs or {})}),),
        "generators": tuple(Generator(*unit, bus) for unit, bus in zip(GENERATORS, unit_bus, strict=True)),
        "retailer": Retailer(load_kw, np.array(TIME_OF_USE), INCENTIVE, INTERRUPTIBLE),
        "probability": np.full(scenarios, 1.0 / scenarios),
        "pricing": PRICING[case],
        "cap": cap,
        "uniform_cap": cap,
        "reserve_cap": CAP,
        "grid": grid,
    }
    return AggregatorDay(**{**given, **changes})


def _stays(scenarios: int, seed: int) -> list[Stays]:
    """Return the expected day's vehicles, or those of some drawn days."""
    mean, shares = np.array(ARRIVALS, dtype=np.float64), np.array(STAYS)
    if scenarios == 1:
        return [stays_at_stations(mean, shares, STATIONS)]
    draws = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,))) for k in range(scenarios))
    return [stays_at_stations(drawn_arrivals(mean, VARIATION, draw), shares, STATIONS) for draw in draws]


def _lot(stays: list[Stays], bus: int, tariffs: dict[str, float]) -> Lot:
    member = classes_of(len(STAYS), CLASSES_H)[:, None] == np.arange(len(CLASSES_H))
    arriving: FloatArray = np.array([each.count @ member for each in stays])
    departing: FloatArray = np.array([each.leaving() @ member for each in stays])
    energy = BATTERY_KWH * ARRIVAL_SOC * SHARE.T
    return Lot(
        name="lot",
        contracts=Contracts(SHARE, DEPARTURE_SOC),
        tariffs=LotTariffs(**tariffs),
        vehicles=LotVehicles(
            parked=still_parked(arriving, departing),
            arriving=arriving,
            departing=departing,
            arrival_kwh=arriving @ energy,
            brought_kwh=departing @ energy,
        ),
        stations=STATIONS,
        charger_kw=CHARGER_KW,
        battery_kwh=BATTERY_KWH,
        charge_efficiency=EFFICIENCY,
        discharge_efficiency=DISCHARGE_EFFICIENCY,
        soc_min=SOC_MIN,
        soc_max=SOC_MAX,
        failure_rate=FAILURE_RATE,
        bus=bus,
    )


def _grid(name: str, loss_price: FloatArray) -> tuple[Grid, int, tuple[int, ...]]:
    """Return the feeder with its limits, and the buses of the lot and the generators."""
    feeder = load_feeder(name, voltage_min_pu=0.95 if name == "ieee37" else 0.90, voltage_max_pu=1.05)
    places: dict[str, Any] = FEEDERS[name]
    feeder = limited_by_currents(feeder, places["current_max_a"])
    grid = Grid(feeder, loss_price, segments=places["segments"], transformer_efficiency=TRANSFORMER_EFFICIENCY)
    return grid, feeder.index(places["lot"]), tuple(feeder.index(bus) for bus in places["generators"])
