"""Hypothesis strategies for feeders, lots, fleets and market days, for the project's tests and for yours.

Whole scenarios are drawn by :mod:`scenarios.random_scenarios`. Every lot day and every fleet that is drawn can be
served when the network does not bind: each is built around a schedule that serves it. Loads are small beside the
ratings, so that most markets are feasible; use ``hypothesis.assume`` for those that are not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import Fleet, LotDay
from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay

HOURS = 4


def _grid(low: float, high: float, steps: int = 50) -> st.SearchStrategy[float]:
    """Draw a number from a grid, so that examples shrink to readable numbers and stay well scaled."""
    return st.integers(0, steps).map(lambda k: round(low + (high - low) * k / steps, 10))


def _array(size: int, low: float, high: float, steps: int = 50) -> st.SearchStrategy[FloatArray]:
    return st.lists(_grid(low, high, steps), min_size=size, max_size=size).map(np.array)


@st.composite
def feeders(
    draw: st.DrawFn, min_buses: int = 3, max_buses: int = 8, load_max_kw: float = 120.0, band_pu: float = 0.1
) -> Feeder:
    """Draw a radial feeder of any shape at 12.66 kV.

    Parameters
    ----------
    min_buses, max_buses
        Bounds on the number of buses, root included.
    load_max_kw
        Largest load of a bus, kW; reactive loads are at most half of the active ones.
    band_pu
        Half width of the voltage band around 1.0, per unit.
    """
    size = draw(st.integers(min_buses, max_buses))
    parent = np.array([-1, *(draw(st.integers(0, bus - 1)) for bus in range(1, size))], dtype=np.int64)
    branch = np.array([0.0] + [1.0] * (size - 1))
    load = draw(_array(size, 0.0, load_max_kw)) * branch
    return Feeder(
        name="random",
        base_kv=12.66,
        buses=tuple(str(bus + 1) for bus in range(size)),
        parent=parent,
        r_ohm=draw(_array(size, 0.05, 1.5)) * branch,
        x_ohm=draw(_array(size, 0.05, 1.5)) * branch,
        rating_kva=draw(_array(size, 800.0, 3000.0)) + 3000.0 * (1.0 - branch),
        load_kw=load,
        load_kvar=load * draw(_array(size, 0.0, 0.5)),
        voltage_min_pu=np.full(size, 1.0 - band_pu),
        voltage_max_pu=np.full(size, 1.0 + band_pu),
    )


@st.composite
def networks(
    draw: st.DrawFn,
    feeder: st.SearchStrategy[Feeder] | None = None,
    min_lots: int = 1,
    max_lots: int = 3,
    terminals: tuple[str, ...] = ("eq",),
) -> Network:
    """Draw a network: a feeder with up to two microturbines, two renewable units, one SVC, and lots.

    Parameters
    ----------
    feeder
        Strategy of the feeder; default :func:`feeders`.
    min_lots, max_lots
        Bounds on the number of lots.
    terminals
        Values that :attr:`equilibrium.grid.assets.LotSite.terminal` may take.
    """
    grid = draw(feeder if feeder is not None else feeders())
    bus = st.integers(0, grid.size - 1)
    return Network(
        feeder=grid,
        microturbines=tuple(
            Microturbine(f"mt-{k + 1}", draw(bus), draw(_grid(50.0, 300.0)), draw(_grid(0.02, 0.08)))
            for k in range(draw(st.integers(0, 2)))
        ),
        compensators=tuple(
            StaticVarCompensator(f"svc-{k + 1}", draw(bus), draw(_grid(20.0, 200.0)))
            for k in range(draw(st.integers(0, 1)))
        ),
        renewables=tuple(
            RenewableUnit(f"res-{k + 1}", draw(bus), draw(_grid(20.0, 200.0)), draw(st.sampled_from(["pv", "wind"])))
            for k in range(draw(st.integers(0, 2)))
        ),
        lots=tuple(
            LotSite(f"lot-{k + 1}", draw(bus), draw(_grid(0.85, 1.0)), draw(st.sampled_from(terminals)))
            for k in range(draw(st.integers(min_lots, max_lots)))
        ),
        export_price_factor=draw(_grid(0.0, 0.95)),
        polygon_edges=draw(st.sampled_from([8, 12, 16])),
        name="random",
    )


@st.composite
def with_storage(draw: st.DrawFn, network: Network, max_units: int = 2, ramps: bool = True) -> Network:
    """Draw a network with storage: one unit or more at any bus, and perhaps ramp limits of the microturbines.

    Parameters
    ----------
    network
        What the units are added to.
    max_units
        Largest number of units.
    ramps
        Whether microturbines may have a ramp limit.
    """
    units = []
    for k in range(draw(st.integers(1, max_units))):
        size = draw(_grid(0.0, 200.0))
        low = draw(_grid(0.0, 0.5)) * size
        units.append(
            StorageUnit(
                name=f"battery-{k + 1}",
                bus=draw(st.integers(0, network.feeder.size - 1)),
                energy_kwh=size,
                charge_max_kw=draw(_grid(0.0, 100.0)),
                discharge_max_kw=draw(_grid(0.0, 100.0)),
                initial_kwh=low + draw(_grid(0.0, 1.0)) * (size - low),
                charge_efficiency=draw(_grid(0.7, 1.0)),
                discharge_efficiency=draw(_grid(0.7, 1.0)),
                energy_min_kwh=low,
            )
        )
    turbines = tuple(
        replace(unit, ramp_kw_per_h=draw(st.sampled_from([np.inf, 0.0, 20.0, 60.0])) if ramps else np.inf)
        for unit in network.microturbines
    )
    return replace(network, storage=tuple(units), microturbines=turbines)


@st.composite
def lot_days(
    draw: st.DrawFn,
    hours: int = HOURS,
    efficiency: float = 0.95,
    power_max_kw: float = 150.0,
    first_hour: str = "corrected",
    charging_price: float | None = None,
) -> LotDay:
    """Draw the envelope of a lot's day, built around a schedule that satisfies (3b)-(3f).

    Parameters
    ----------
    hours
        Number of periods.
    efficiency
        Charging efficiency of the lot that the day is for.
    power_max_kw
        Largest hourly power limit, kW.
    first_hour
        ``"corrected"`` or ``"as_printed"``: whether the first hour's charging counts in (3c).
    charging_price
        Constant price, currency/kWh; ``None`` draws a different price for every hour.
    """
    limit = draw(_array(hours, 0.0, power_max_kw))
    power = limit * draw(_array(hours, 0.0, 1.0, 10))
    energy_in = draw(_array(hours, 0.0, power_max_kw))
    leaving = draw(_array(hours, 0.0, 1.0, 10))
    below, above = draw(_array(hours, 0.0, 80.0, 8)), draw(_array(hours, 0.0, 80.0, 8))
    energy_out, soe, stored = np.zeros(hours), np.zeros(hours), 0.0
    for hour in range(hours):
        charged = 0.0 if hour == 0 and first_hour == "as_printed" else efficiency * power[hour]
        stored += energy_in[hour] + charged
        energy_out[hour] = leaving[hour] * stored if hour else 0.0  # the paper's (3c) has no Cout_1
        stored -= energy_out[hour]
        soe[hour] = stored
    price = np.full(hours, charging_price) if charging_price is not None else draw(_array(hours, 0.1, 0.6, 10))
    return LotDay(
        charging_price=price,
        energy_in_kwh=energy_in,
        energy_out_kwh=energy_out,
        energy_end_kwh=float(soe[-1]),
        soe_min_kwh=np.maximum(soe - below, 0.0),
        soe_max_kwh=soe + above,
        power_max_kw=limit,
    )


@st.composite
def fleets(
    draw: st.DrawFn, hours: int = HOURS, efficiency: float = 0.95, max_vehicles: int = 5, charger_kw: float = 55.0
) -> Fleet:
    """Draw the vehicles of a lot, each with a need that it can reach.

    Parameters
    ----------
    hours
        Number of periods.
    efficiency
        Charging efficiency of the lot.
    max_vehicles
        Largest number of vehicles; there may be none.
    charger_kw
        Power limit of a charger, kW.
    """
    count = draw(st.integers(0, max_vehicles))
    power = np.zeros((count, hours))
    arrival, departure = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for k in range(count):
        arrival[k] = draw(st.integers(0, hours - 1))
        departure[k] = draw(st.integers(int(arrival[k]) + 1, hours))
        stay = slice(int(arrival[k]), int(departure[k]))
        share = draw(_array(int(departure[k] - arrival[k]), 0.1, 1.0, 9))
        power[k, stay] = draw(_grid(3.0, charger_kw)) * share
        if draw(st.booleans()):  # it leaves within its last hour, not at the end of it
            departure[k] -= 1
    need = efficiency * power.sum(axis=1) * draw(_array(count, 0.0, 1.0, 10))
    energy = draw(_array(count, 0.0, 40.0))
    spare = draw(_array(count, 0.0, 40.0))
    return Fleet(power, energy, need, energy + need + spare, arrival, departure)


@st.composite
def market_days(
    draw: st.DrawFn,
    network: Network,
    hours: int = HOURS,
    negative_prices: bool = False,
    charging_price: float | None = None,
) -> MarketDay:
    """Draw a day for a network.

    Parameters
    ----------
    network
        The network that the day is for.
    hours
        Number of periods.
    negative_prices
        Whether the wholesale price may be negative.
    charging_price
        Constant charging price of all lots, currency/kWh; ``None`` draws one for every hour and lot.
    """
    feeder = network.feeder
    shape = draw(_array(hours, 0.1, 1.0, 9))[:, None]
    units = len(network.renewables)
    potential = draw(_array(hours * units, 0.0, 1.0, 10)).reshape(hours, units)
    available = draw(st.lists(st.booleans(), min_size=len(network.microturbines), max_size=len(network.microturbines)))
    return MarketDay(
        wholesale_price=draw(_array(hours, -0.03 if negative_prices else 0.0, 0.1)),
        load_kw=shape * feeder.load_kw,
        load_kvar=shape * feeder.load_kvar,
        renewable_kw=potential * np.array([unit.rated_kw for unit in network.renewables]).reshape(1, units),
        microturbine_available=np.array(available, dtype=bool),
        lots=tuple(
            draw(lot_days(hours, lot.efficiency, first_hour=lot.first_hour, charging_price=charging_price))
            for lot in network.lots
        ),
    )


@st.composite
def markets(
    draw: st.DrawFn,
    hours: int = HOURS,
    network: st.SearchStrategy[Network] | None = None,
    negative_prices: bool = False,
    charging_price: float | None = None,
) -> tuple[Network, MarketDay]:
    """Draw a network and a day for it; the parameters are those of :func:`networks` and :func:`market_days`."""
    drawn = draw(network if network is not None else networks())
    return drawn, draw(market_days(drawn, hours, negative_prices, charging_price))
