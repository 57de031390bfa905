"""Days of the aggregator market: the substitute data of the published study, and small ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.flow_range import FlowRange
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
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.halves import Halves, halve
from equilibrium.markets.aggregator.reaction import react
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal

SURE = 1e-6
"""Distances and multipliers of an answer beyond this are not zero."""

# Tables II and III of Neyestani et al., by contract and class of stay (1-3 h, 4-8 h, 9-12 h).
DEPARTURE_SOC = np.array([[0.6, 0.8, 0.9], [0.4, 0.6, 0.6], [0.4, 0.5, 0.6], [0.3, 0.4, 0.5]])
SHARE = np.array([[0.56, 0.32, 0.08], [0.14, 0.08, 0.02], [0.06, 0.12, 0.18], [0.24, 0.48, 0.72]])
CLASS_OF_STAY = (0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2)

# The substitute set S1: an expected day, since the paper has its data in figures only.
SPOT = "5.0 4.2 3.8 3.6 3.5 3.6 4.2 5.0 5.4 6.2 5.8 5.6 5.6 5.4 5.2 4.8 4.7 5.2 6.0 6.6 7.0 6.6 6.0 5.6"
RESERVE = "1.8 1.6 1.5 1.4 1.4 1.5 1.9 2.4 2.6 2.5 2.3 2.2 2.3 2.4 2.2 2.0 2.1 2.4 2.9 3.2 3.1 2.8 2.3 2.0"
ARRIVALS = "0 0 0 0 0 2 6 20 36 44 40 32 28 30 34 32 28 24 22 18 10 5 2 1"
STAYS = ".16 .15 .12 .10 .09 .09 .09 .08 .05 .03 .02 .02"
LOAD = ".62 .57 .54 .53 .53 .56 .64 .74 .82 .88 .90 .91 .92 .90 .87 .85 .85 .88 .94 1 1 .96 .85 .72"
TIME_OF_USE = [9.0] * 7 + [11.0] * 3 + [12.0] * 3 + [11.0] * 5 + [12.0] * 5 + [9.0]


def numbers(text: str) -> FloatArray:
    return np.array([float(word) for word in text.split()])


def vehicles(
    arrivals: FloatArray,
    stays: FloatArray,
    *,
    battery_kwh: float = 24.0,
    arrival_soc: float = 0.3,
    share: FloatArray = SHARE,
    classes: tuple[int, ...] = CLASS_OF_STAY,
) -> LotVehicles:
    """Vehicles that arrive as given (scenarios, periods), spread over stays of 1, 2 ... periods; nobody before."""
    scenarios, periods = arrivals.shape
    count = share.shape[1]
    arriving, departing = np.zeros((scenarios, periods, count)), np.zeros((scenarios, periods, count))
    for stay, part in enumerate(stays, start=1):
        arriving[:, :, classes[stay - 1]] += arrivals * part
        if stay < periods:
            departing[:, stay:, classes[stay - 1]] += arrivals[:, :-stay] * part
    parked = np.maximum(np.cumsum(arriving - departing, axis=1), 0.0)  # nobody is left over by rounding
    energy = battery_kwh * arrival_soc * share.T
    return LotVehicles(parked, arriving, departing, arriving @ energy, departing @ energy)


def card_lot(arrivals: FloatArray | None = None, **changes: Any) -> Lot:
    """The lot of S1, with the given arrivals (scenarios, periods)."""
    arrivals = numbers(ARRIVALS)[None, :] if arrivals is None else arrivals
    tariffs = LotTariffs(g2v1=13.0, g2v2=12.0, g2v3=10.0, v2g=11.0, degradation=0.5)
    lot = Lot(
        name="lot",
        contracts=Contracts(SHARE, DEPARTURE_SOC),
        tariffs=tariffs,
        vehicles=vehicles(arrivals, numbers(STAYS)),
        stations=250.0,
        charger_kw=11.0,
        battery_kwh=24.0,
        charge_efficiency=0.9,
        discharge_efficiency=0.95,
        soc_min=0.2,
        soc_max=0.95,
        failure_rate=0.02,
    )
    return replace(lot, **changes)


def card_day(lots: tuple[Lot, ...] | None = None, **changes: Any) -> AggregatorDay:
    """The day S1, under pay-as-bid with cap 10 unless changed."""
    lots = (card_lot(),) if lots is None else lots
    scenarios = lots[0].vehicles.parked.shape[0] if lots else 1
    day = AggregatorDay(
        energy_price=numbers(SPOT) + 3.0,
        reserve_price=numbers(RESERVE),
        call_probability=0.05,
        failure_rate=0.02,
        lots=lots,
        generators=(Generator("DG1", 7.5, 500.0), Generator("DG2", 8.8, 300.0), Generator("DG3", 9.2, 300.0)),
        retailer=Retailer(1500.0 * numbers(LOAD), np.array(TIME_OF_USE), 1.5, 0.10),
        probability=np.full(scenarios, 1.0 / scenarios),
        cap=10.0,
        uniform_cap=10.0,
        reserve_cap=10.0,
    )
    return replace(day, **changes)


def some_hours(day: AggregatorDay, first: int, last: int) -> AggregatorDay:
    """A part of a day, the vehicles that came before taken away."""
    at = slice(first, last)
    lots = []
    for lot in day.lots:
        arrivals = lot.vehicles.arriving.sum(axis=2)[:, at]
        lots.append(replace(lot, vehicles=vehicles(arrivals, numbers(STAYS))))
    retailer = replace(day.retailer, load_kw=day.retailer.load_kw[at], price=day.retailer.price[at])
    return replace(
        day,
        energy_price=day.energy_price[at],
        reserve_price=day.reserve_price[at],
        lots=tuple(lots),
        retailer=retailer,
    )


def random_day(seed: int, *, periods: int = 5, scenarios: int = 1, lots: int = 1, **changes: Any) -> AggregatorDay:
    """A small day with everything drawn: prices, tariffs, traffic, units."""
    draw = np.random.default_rng(seed)
    g2v3 = draw.uniform(6.0, 10.0)
    wear = draw.uniform(0.0, 1.0)
    stays = draw.dirichlet(np.ones(3))
    tariffs = LotTariffs(
        g2v1=g2v3 + 3.0, g2v2=g2v3 + draw.uniform(0.5, 2.5), g2v3=g2v3, v2g=g2v3 + wear + draw.uniform(0.0, 2.0),
        extra=draw.uniform(0.0, 0.1), parking=draw.uniform(0.0, 2.0), degradation=wear,
    )  # fmt: skip
    made = []
    for number in range(lots):
        arrivals = np.round(draw.uniform(0.0, 12.0, (scenarios, periods)))
        made.append(
            card_lot(
                arrivals,
                name=f"lot {number}",
                tariffs=tariffs,
                vehicles=vehicles(arrivals, stays, classes=(0, 1, 2)),
                charge_efficiency=draw.uniform(0.8, 1.0),
                discharge_efficiency=draw.uniform(0.8, 1.0),
                charger_kw=draw.uniform(12.0, 20.0),
            )
        )
    worth = draw.uniform(7.0, 13.0, periods)
    day = AggregatorDay(
        energy_price=draw.uniform(4.0, 11.0, periods),
        reserve_price=draw.uniform(0.0, 3.0, periods),
        call_probability=draw.uniform(0.0, 0.2),
        failure_rate=draw.uniform(0.0, 0.1),
        lots=tuple(made),
        generators=tuple(Generator(f"unit {k}", draw.uniform(4.0, 11.0), draw.uniform(0.0, 60.0)) for k in range(2)),
        retailer=Retailer(draw.uniform(20.0, 100.0, periods), worth - 1.0, 1.0, 0.3),
        probability=draw.dirichlet(np.ones(scenarios)),
        cap=10.0,
        uniform_cap=10.0,
        reserve_cap=8.0,
    )
    return replace(day, **changes)


def line_feeder(buses: int = 4, *, voltage_min_pu: float = 0.9, ohm: float = 0.4) -> Feeder:
    """A feeder whose buses stand one behind the other, all loads equal."""
    n = np.arange(buses)
    inner = (n > 0).astype(np.float64)
    return Feeder(
        name="line",
        base_kv=4.8,
        buses=tuple(str(k) for k in n),
        parent=n - 1,
        r_ohm=ohm * inner,
        x_ohm=0.5 * ohm * inner,
        rating_kva=np.where(n > 0, 2000.0, np.inf),
        load_kw=100.0 * inner,
        load_kvar=40.0 * inner,
        voltage_min_pu=np.full(buses, voltage_min_pu),
        voltage_max_pu=np.full(buses, 1.05),
    )


def on_line(day: AggregatorDay, **options: Any) -> AggregatorDay:
    """The day on a line: lots at its end, generators in its middle."""
    feeder = line_feeder(**options)
    limit = np.full(feeder.size, 2000.0)
    grid = Grid(feeder, day.energy_price, segments=4, flow_range=FlowRange(limit, limit), transformer_efficiency=0.98)
    return replace(
        day,
        grid=grid,
        lots=tuple(replace(lot, bus=feeder.size - 1) for lot in day.lots),
        generators=tuple(replace(unit, bus=feeder.size // 2) for unit in day.generators),
    )


def lot_halves(day: AggregatorDay) -> Halves:
    """Both halves of the leader's problem against the lots alone."""
    lots = [each for each in followers(day) if each.kind == "lot"]
    return halve(lots, price_names(day), day.periods)


def pair_of(halves: Halves, day: AggregatorDay, name: str, period: int, *, upper: bool) -> int:
    """The pair of a column of the only lot: ``reduced`` leaves out the columns that are fixed."""
    lot = followers(day)[0]
    whole = lot.unpriced()
    free = np.flatnonzero(whole.col_lower != whole.col_upper).tolist()
    column = free.index(int(lot.program.columns[name].index.ravel()[period]))
    return int(np.flatnonzero((halves.quantity == column) & (halves.upper == upper))[0])


def drawn_prices(day: AggregatorDay, halves: Halves, draw: np.random.Generator) -> dict[str, FloatArray]:
    """Prices at quarters of their caps."""
    caps = price_names(day)
    levels = draw.uniform(0.0, 1.0, (len(halves.columns), day.periods))
    return {name: caps[name] * np.round(4.0 * level) / 4.0 for name, level in zip(halves.columns, levels, strict=True)}


def answered(day: AggregatorDay, halves: Halves, prices: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Points of both halves where the only lot answers to some prices: every pair has a zero."""
    lot = next(each for each in followers(day) if each.kind == "lot")
    every = {name: np.zeros(day.periods) for name in price_names(day)} | prices
    x = react(lot, every).x
    whole = lot.unpriced()
    quantities = x[whole.col_lower != whole.col_upper]
    given_, program = halves.quantities, halves.prices
    inner = given_.matrix[:, : quantities.size] @ quantities
    slack = (given_.row_upper - inner) @ given_.matrix[:, quantities.size :]
    point = np.concatenate([quantities, slack])
    bound = np.where(halves.upper, given_.col_upper[halves.quantity], given_.col_lower[halves.quantity])
    away = halves.multiplier[np.abs(point[halves.quantity] - bound) > SURE]
    low, high = program.col_lower.copy(), program.col_upper.copy()
    low[away] = high[away] = 0.0
    for name, at in halves.columns.items():
        low[at] = high[at] = prices[name]
    asked = Instance(program.matrix, program.cost, program.row_lower, program.row_upper, low, high)
    return point, require_optimal(solve_linear(asked), "multipliers").x
