"""The published study of two settlements on 70 buses (docs/two_settlement.md): its system and its day.

S. Zakernezhad, M. Setayesh Nazar, M. Shafie-khah and J. P. S. Catalao, Applied Energy (2022) 118865. The paper prints
the numbers of scenarios, the contingencies, price sensitivities and results; loads and branches are those of Das
(2006). Units, prices, profiles, values of lost load and aggregators are not printed: those here are chosen, and every
one of them can be given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch
from equilibrium.grid.assets import LotSite, RenewableUnit, StorageUnit
from equilibrium.grid.contingencies import cascade, single_outages
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Hour, Outage, restore
from equilibrium.markets.two_settlement.bidding import BidPrices
from equilibrium.markets.two_settlement.demand_bids import DemandZone, commit_demand, demand_standby
from equilibrium.markets.two_settlement.lot_bids import LotZone, commit_lot, lot_standby
from equilibrium.markets.two_settlement.system import (
    ActiveSystem,
    Bid,
    DayAhead,
    Generator,
    Penalties,
    Prices,
    Scenario,
)
from scenarios.draws.reduction import reduce_scenarios
from scenarios.draws.sarima import PriceModel
from scenarios.draws.weather import DAY_FACTOR, scaled_profile
from scenarios.readers.meshed import Limits, load_meshed

PER_MWH = 1000.0
"""kWh in a MWh: prices are per MWh where a person reads them."""

HOURS = 24

CASES = (0, 1, 2, 3, 4)
"""0 is the proposed scheme; 1 closes no ties, 2 has no arbitrage of the operator, 3 none of the lots' aggregators, and
4 none of the aggregators of demand."""

RESTORED = ("branch 1-2", "branch 1-16", "branch 70-51", "branch 70-30")
"""Outages that the paper leaves out as wholly restored."""


@dataclass(frozen=True)
class TwoSettlementStudy:
    """The numbers of the study, powers in kW, money in MU, prices per MWh; one entry for each hour where there are 24.

    Attributes
    ----------
    samples, kept, scenarios, seed
        Draws of each source and how many are kept, joint scenarios, and the seed.
    price, load
        Price of energy, and load relative to nominal.
    sell_share, reactive_share_of_price, spinning_share, spinning_base, regulating_share, regulating_base
        Other prices, from that of energy.
    price_sigma, price_ar, price_ma, price_seasonal_ar, load_sigma, wind
        Spread of the logarithm of the price, and the coefficients of its model (:mod:`scenarios.draws.sarima`): of the
        hour before, its shock, and the same hour of the day before; spread of a day's load; expected wind over its
        rating. Sun and wind have a factor for the day.
    generator_bus, generator_cost, generator_kw, generator_least_kw, generator_kva, generator_idle, generator_start
        Generators.
    generator_ramp_kw, generator_hours
        Ramp in an hour, and least hours on and off.
    pv_bus, wind_bus, renewable_kw
        Sun and wind.
    storage_bus, storage_kw, storage_kwh
        Storage.
    trade_share
        kvar that pass the roots with a kW.
    sold_share, bought_share
        Aggregators' prices over the market's.
    demand_bus, demand_kw, demand_movable, demand_generator_kw, demand_cut_share
        Aggregators of demand: customers from hour 7 on, a generator before, and the price of moving demand over the
        mean price.
    lot_bus, lot_vehicles, lot_charge_kw, lot_discharge_kw, lot_spinning_kw, lot_regulating_kw
        Aggregators of lots.
    bid_share
        kvar that come with a kW of a bid.
    lost_load
        Values of lost load of residential, commercial and industrial buses.
    spinning_need, regulating_need
        Reserve over expected load.
    mismatch, output_penalty
        Penalty over the price, and of a generator's deviation.
    deviation
        By how much a price may turn, over the price.
    voltage_min_pu, voltage_max_pu
        Voltage band.
    """

    samples: int = 1000
    kept: int = 10
    scenarios: int = 10
    seed: int = 2022
    price: tuple[float, ...] = (
        25, 18, 12, 11, 14, 30, 70, 120, 160, 190, 230, 270, 300, 280, 240, 220, 230, 300, 380, 350, 280, 190, 110, 60,
    )  # fmt: skip
    load: tuple[float, ...] = (
        0.72, 0.68, 0.66, 0.65, 0.67, 0.75, 0.88, 0.98, 1.06, 1.12, 1.15, 1.18, 1.16, 1.12, 1.10, 1.08, 1.12, 1.22,
        1.32, 1.34, 1.28, 1.14, 0.96, 0.82,
    )  # fmt: skip
    sell_share: float = 0.97
    reactive_share_of_price: float = 0.25
    spinning_share: float = 0.5
    spinning_base: float = 60.0
    regulating_share: float = 0.6
    regulating_base: float = 40.0
    price_sigma: float = 0.12
    price_ar: float = 0.7
    price_ma: float = 0.2
    price_seasonal_ar: float = 0.4
    load_sigma: float = 0.05
    wind: float = 0.4
    generator_bus: tuple[str, ...] = ("3", "13", "18", "27", "33", "48", "53", "65")
    generator_cost: tuple[float, ...] = (55, 60, 65, 70, 75, 80, 90, 100)
    generator_kw: float = 1200.0
    generator_least_kw: float = 200.0
    generator_kva: float = 1400.0
    generator_idle: float = 70.0
    generator_start: float = 15.0
    generator_ramp_kw: float = 600.0
    generator_hours: float = 2.0
    pv_bus: tuple[str, ...] = ("9", "25", "43", "60")
    wind_bus: tuple[str, ...] = ("15", "29", "50", "67")
    renewable_kw: float = 400.0
    storage_bus: tuple[str, ...] = ("12", "26", "41", "62")
    storage_kw: float = 500.0
    storage_kwh: float = 1000.0
    trade_share: float = 0.4843
    sold_share: float = 0.9
    bought_share: float = 1.05
    demand_bus: tuple[str, ...] = ("5", "19", "36", "55")
    demand_kw: float = 150.0
    demand_movable: float = 0.4
    demand_generator_kw: float = 240.0
    demand_cut_share: float = 0.6
    lot_bus: tuple[str, ...] = ("8", "22", "42", "61")
    lot_vehicles: int = 20
    lot_charge_kw: float = 13.0
    lot_discharge_kw: float = 10.0
    lot_spinning_kw: float = 150.0
    lot_regulating_kw: float = 138.0
    bid_share: float = 0.488
    lost_load: tuple[float, float, float] = (20_000.0, 80_000.0, 120_000.0)
    spinning_need: float = 0.03
    regulating_need: float = 0.08
    mismatch: float = 1.5
    output_penalty: float = 20.0
    deviation: float = 0.15
    voltage_min_pu: float = 0.9
    voltage_max_pu: float = 1.1


STUDY = TwoSettlementStudy()
"""The study as it is reproduced."""


def study_system(study: TwoSettlementStudy = STUDY, *, cascades: bool = True) -> ActiveSystem:
    """Return the 70 buses with all that stands on them.

    Parameters
    ----------
    cascades
        Whether to every single outage belongs the one in which the most loaded branch fails next: 264 in place of 132.
    """
    grid = load_meshed("das70", Limits(voltage_min_pu=study.voltage_min_pu, voltage_max_pu=study.voltage_max_pu))
    generators = tuple(
        Generator(
            f"generator {label}",
            grid.buses.index(label),
            study.generator_least_kw,
            study.generator_kw,
            study.generator_kva,
            cost / PER_MWH,
            study.generator_idle,
            study.generator_start,
            study.generator_ramp_kw,
            study.generator_hours,
            study.generator_hours,
        )
        for label, cost in zip(study.generator_bus, study.generator_cost, strict=True)
    )
    renewables = tuple(
        RenewableUnit(f"{kind} {label}", grid.buses.index(label), study.renewable_kw, kind)
        for kind, labels in (("pv", study.pv_bus), ("wind", study.wind_bus))
        for label in labels
    )
    kw, kwh = study.storage_kw, study.storage_kwh
    storages = tuple(
        StorageUnit(f"storage {label}", grid.buses.index(label), kwh, kw, kw, kwh / 2.0) for label in study.storage_bus
    )
    value = np.array(study.lost_load)[np.arange(grid.size) % len(study.lost_load)] / PER_MWH
    outages = _outages(grid, generators, value, cascades)
    chance = np.full(len(outages), 1.0 / len(outages))
    return ActiveSystem(grid, generators, renewables, storages, value, outages, chance, study.trade_share)


def _outages(
    grid: MeshedGrid, generators: tuple[Generator, ...], value: FloatArray, cascades: bool
) -> tuple[Outage, ...]:
    """Return single outages, and what follows each when all units run and loads are nominal."""
    single = single_outages(grid, RESTORED)
    if not cascades:
        return single
    bus = np.array([unit.bus for unit in generators])
    power = np.array([unit.most_kw for unit in generators])
    kvar = np.sqrt(np.array([unit.rating_kva for unit in generators]) ** 2 - power**2)
    hour = Hour(grid.load_kw, grid.load_kvar, value, bus, power, kvar)
    return (*single, *(cascade(grid, restore(grid, hour, outage)) for outage in single))


def study_day(system: ActiveSystem, study: TwoSettlementStudy = STUDY, *, case: int = 0) -> DayAhead:
    """Return the day of the study.

    Raises
    ------
    InputError
        For an unknown case, or more scenarios kept than drawn.
    """
    if case not in CASES:
        raise InputError("two-settlement study", "case", case, f"one of {', '.join(map(str, CASES))}")
    if not 1 <= study.kept <= study.samples:
        raise InputError("two-settlement study", "kept", study.kept, f"from 1 to samples, {study.samples}")
    scenarios = _scenarios(system, study)
    weight = np.array([scenario.probability for scenario in scenarios])
    price = np.tensordot(weight, np.array([scenario.prices.buy for scenario in scenarios]), 1)
    load = np.tensordot(weight, np.array([scenario.load_kw.sum(axis=1) for scenario in scenarios]), 1)
    at = _products(price, study)
    mismatch = study.mismatch * price
    return DayAhead(
        length_h=np.ones(HOURS),
        scenarios=scenarios,
        bids=_bids(system, study, price, case),
        spinning_need_kw=study.spinning_need * load,
        regulating_need_kw=study.regulating_need * load,
        penalties=Penalties(
            energy=mismatch,
            reactive=study.reactive_share_of_price * mismatch,
            spinning=study.mismatch * at.spinning,
            output=np.full(HOURS, study.output_penalty / PER_MWH),
        ),
        price_deviation=study.deviation * price,
    )


def _products(buy: FloatArray, study: TwoSettlementStudy) -> Prices:
    """Return all prices that go with a price of energy, per kWh and kW."""
    return Prices(
        buy=buy,
        sell=study.sell_share * buy,
        reactive=study.reactive_share_of_price * buy,
        spinning=study.spinning_share * buy + study.spinning_base / PER_MWH,
        regulating=study.regulating_share * buy + study.regulating_base / PER_MWH,
    )


def _scenarios(system: ActiveSystem, study: TwoSettlementStudy) -> tuple[Scenario, ...]:
    """Draw every source, keep a few of its draws, and draw joint scenarios from these."""
    rng = np.random.default_rng(study.seed)
    count = study.samples
    daylight = np.maximum(0.0, np.sin(np.pi * (np.arange(HOURS) - 6.0) / 12.0))
    sources = (
        price_model(study).sample(rng, 1, count)[:, 0],
        np.array(study.load) * np.maximum(0.0, 1.0 + study.load_sigma * rng.normal(size=(count, 1))),
        np.array([scaled_profile(daylight, DAY_FACTOR, rng, 1.0) for _ in range(count)]),
        np.array([scaled_profile(np.full(HOURS, study.wind), DAY_FACTOR, rng, 1.0) for _ in range(count)]),
    )
    few = [_kept(source, study.kept, rng, study.scenarios) for source in sources]
    units = [unit.kind for unit in system.renewables]
    found = []
    for price, load, sun, wind in zip(*few, strict=True):
        available = np.array([{"pv": sun, "wind": wind}[kind] for kind in units]).reshape(-1, HOURS).T
        kw, kvar = (load[:, None] * each for each in (system.grid.load_kw, system.grid.load_kvar))
        rated = available * np.array([unit.rated_kw for unit in system.renewables])
        found.append(Scenario(1.0 / study.scenarios, kw, kvar, rated, _products(price, study)))
    return tuple(found)


def price_model(study: TwoSettlementStudy) -> PriceModel:
    """Return the model of prices; its shocks are so large that the logarithm spreads as the study says."""
    mean = np.array(study.price) / PER_MWH

    def model(sigma: float) -> PriceModel:
        return PriceModel.from_parameters(
            mean, ar=study.price_ar, ma=study.price_ma, seasonal_ar=study.price_seasonal_ar, sigma=sigma
        )

    return model(study.price_sigma / float(np.sqrt(model(1.0).variance)))


def _kept(source: FloatArray, keep: int, rng: np.random.Generator, scenarios: int) -> FloatArray:
    """Reduce the draws of a source, and draw from those that are kept, shape ``(scenarios, 24)``."""
    reduced = reduce_scenarios(source, np.full(len(source), 1.0 / len(source)), keep)
    return source[reduced.kept][rng.choice(keep, size=scenarios, p=reduced.probability / reduced.probability.sum())]


def _bids(system: ActiveSystem, study: TwoSettlementStudy, price: FloatArray, case: int) -> tuple[Bid, ...]:
    """Return the bids: best answers to expected prices; under the operator's control they cost what they cost."""
    at = _products(price, study)
    prices = BidPrices(
        sold=study.sold_share * price,
        bought=study.bought_share * price,
        spinning=study.sold_share * at.spinning,
        regulating=study.sold_share * at.regulating,
    )
    length, bids = np.ones(HOURS), []
    day = (np.arange(HOURS) >= 6).astype(np.float64)
    for label in study.demand_bus:
        zone = DemandZone(
            f"demand {label}",
            system.grid.buses.index(label),
            demand_kw=study.demand_kw * day,
            movable=study.demand_movable,
            generator_kw=study.demand_generator_kw * (1.0 - day),
            cut_cost_per_kwh=study.demand_cut_share * float(price.mean()),
            reactive_share=study.bid_share,
        )
        bid = commit_demand(zone, prices, length).bid
        bids.append(_at_cost(bid, demand_standby(zone, bid)) if case == 4 else bid)
    for label in study.lot_bus:
        site = LotSite(f"lot {label}", system.grid.buses.index(label))
        most = study.lot_spinning_kw, study.lot_regulating_kw
        lot = LotZone(site, _vehicles(study), 0.0, *most, study.bid_share)
        made = commit_lot(lot, prices, length)
        bids.append(_at_cost(made.bid, lot_standby(lot, made, length)) if case == 3 else made.bid)
    return tuple(bids)


def _at_cost(bid: Bid, standby_kw: FloatArray) -> Bid:
    """Return the same quantities without pay for power and reserve, and all that stands behind them in an outage.

    The operator runs what it would have to pay.
    """
    nothing = np.zeros(HOURS)
    return replace(
        bid,
        sold_price=nothing,
        spinning_price=nothing,
        regulating_price=nothing,
        standby_kw=np.maximum(standby_kw, bid.spinning_kw),
    )


@cache
def _vehicles(study: TwoSettlementStudy) -> VehicleBatch:
    """Return the vehicles of a lot: there until hour 7, at work from 8 to 16, back afterwards; net energy near zero."""

    def each(*values: float) -> FloatArray:
        return np.array(values)

    return VehicleBatch(
        names=("until the morning", "at work", "from the afternoon on"),
        arrival=np.array([0, 7, 16]),
        departure=np.array([7, 16, HOURS]),
        energy_kwh=each(37.5, 27.0, 45.0),
        wish_kwh=each(30.0, 45.0, 37.5),
        energy_min_kwh=each(6.0, 6.0, 6.0),
        energy_max_kwh=each(60.0, 60.0, 60.0),
        charge_max_kw=np.full(3, study.lot_charge_kw),
        discharge_max_kw=np.full(3, study.lot_discharge_kw),
        count=np.full(3, float(study.lot_vehicles)),
    )


def scaled_prices(day: DayAhead, energy: float, spinning: float, regulating: float, reactive: float) -> DayAhead:
    """Return the day with prices changed by factors, as the paper's Table 5 does; bids keep their quantities."""

    def moved(prices: Prices) -> Prices:
        return Prices(
            energy * prices.buy,
            energy * prices.sell,
            reactive * prices.reactive,
            spinning * prices.spinning,
            regulating * prices.regulating,
        )

    penalties = replace(
        day.penalties,
        energy=energy * day.penalties.energy,
        reactive=reactive * day.penalties.reactive,
        spinning=spinning * day.penalties.spinning,
    )
    scenarios = tuple(replace(each, prices=moved(each.prices)) for each in day.scenarios)
    return replace(day, scenarios=scenarios, penalties=penalties)
