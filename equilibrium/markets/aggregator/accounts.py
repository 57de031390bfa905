"""Who pays whom: every player's profit from quantities and prices alone, by the printed formulas.

Nothing here looks at a program, so a fault in one shows when its value and an account differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.day import FIX1, FIX2, FLEX1, FLEX2, AggregatorDay, Lot
from equilibrium.markets.aggregator.pools import by_period, departing_kwh, fixed_kwh


@dataclass(frozen=True, eq=False)
class LotAccount:
    """What passes between a lot, the aggregator and its drivers in each scenario, currency, shape ``(scenarios,)``.

    Attributes
    ----------
    bought
        What it pays for energy.
    sold
        What it is paid for energy that it gives.
    reserve
        What it is paid for reserve kept ready.
    called
        What it is paid for called reserve that it delivers.
    drivers
        profit^{PL-PEV} of (25): sales to drivers, parking, payments for V2G and readiness, wear.
    """

    bought: FloatArray
    sold: FloatArray
    reserve: FloatArray
    called: FloatArray
    drivers: FloatArray

    @property
    def market(self) -> FloatArray:
        """profit^{PL-Agg} of (20), shape ``(scenarios,)``."""
        return np.asarray(self.sold + self.reserve + self.called - self.bought)


@dataclass(frozen=True, eq=False)
class Accounts:
    """Expected profits, currency.

    Attributes
    ----------
    upstream
        (2): what the aggregator earns with the energy and the reserve market.
    from_lots, from_generators, from_retailer
        (3), (4), (5): what it earns with its followers.
    losses
        What losses cost it.
    lots
        Of each lot, weighted as :attr:`.day.Reading.weights` says, shape ``(lots,)``.
    lot_accounts
        In detail.
    generators
        Of each generator, shape ``(generators,)``.
    retailer
        (42).
    """

    upstream: float
    from_lots: float
    from_generators: float
    from_retailer: float
    losses: float
    lots: FloatArray
    lot_accounts: tuple[LotAccount, ...]
    generators: FloatArray
    retailer: float

    @property
    def aggregator(self) -> float:
        """The leader's profit, (1)."""
        return self.upstream + self.from_lots + self.from_generators + self.from_retailer - self.losses


@dataclass(frozen=True, eq=False)
class LotQuantities:
    """What a lot does, each of shape ``(scenarios, periods)``, kW and kWh.

    Attributes
    ----------
    charge_g2v_kw, charge_v2g_kw, discharge_kw, reserve_kw
        What it trades.
    g2v_kwh, v2g_kwh
        Energy in its pools at the end of each period.
    flex1_kwh, flex2_kwh
        What departing flexible vehicles leave with.
    """

    charge_g2v_kw: FloatArray
    charge_v2g_kw: FloatArray
    discharge_kw: FloatArray
    reserve_kw: FloatArray
    g2v_kwh: FloatArray
    v2g_kwh: FloatArray
    flex1_kwh: FloatArray
    flex2_kwh: FloatArray

    @property
    def charge_kw(self) -> FloatArray:
        """What it draws, both pools together."""
        return np.asarray(self.charge_g2v_kw + self.charge_v2g_kw)


def lot_prices(day: AggregatorDay, lot: Lot, prices: Mapping[str, FloatArray]) -> tuple[FloatArray, ...]:
    """Return the prices of a lot: energy in, energy out, reserve, each of shape ``(periods,)``."""
    if day.uniform:
        return prices["energy"], prices["energy"], prices["reserve"]
    return prices[f"{lot.name} in"], prices[f"{lot.name} out"], prices[f"{lot.name} reserve"]


def generator_price(day: AggregatorDay, number: int, prices: Mapping[str, FloatArray]) -> FloatArray:
    """Return the price of a generator, shape ``(periods,)``."""
    if day.uniform:
        return prices["energy"]
    name = f"{day.generators[number].name} output" if day.reading.generator_price == "unit" else "generators"
    return prices[name]


def retailer_price(day: AggregatorDay, prices: Mapping[str, FloatArray]) -> FloatArray:
    """Return the price of the retailer, shape ``(periods,)``."""
    return prices["energy" if day.uniform else "retailer"]


def keep_accounts(
    day: AggregatorDay,
    prices: Mapping[str, FloatArray],
    lots: tuple[LotQuantities, ...],
    generators_kw: FloatArray,
    served_kw: FloatArray,
    losses: float,
) -> Accounts:
    """Compute all profits.

    Parameters
    ----------
    generators_kw, served_kw
        Shapes ``(periods, generators)`` and ``(periods,)``.
    losses
        Loss cost, currency.
    """
    weight, length = day.probability, day.length_h
    details = tuple(_lot_account(day, lot, prices, each) for lot, each in zip(day.lots, lots, strict=True))
    drawn = sum((weight @ (each.charge_kw - each.discharge_kw) for each in lots), np.zeros(day.periods))
    reserve = sum((weight @ each.reserve_kw for each in lots), np.zeros(day.periods))
    bought = served_kw + drawn - generators_kw.sum(axis=1)  # (10)
    paid = np.array([generator_price(day, m, prices) for m in range(len(day.generators))]).reshape(-1, day.periods)
    cost = np.array([unit.cost for unit in day.generators])
    price, retailer = retailer_price(day, prices), day.retailer
    interrupted = retailer.load_kw - served_kw
    each_lot = [each.market + each.drivers for each in details]
    weights = weight if day.reading.weights == "expected" else np.ones(day.scenarios)
    return Accounts(
        upstream=float((-day.energy_price * bought + day.reserve_income * reserve) @ length),
        from_lots=-float(sum(weight @ each.market for each in details)),
        from_generators=-float(length @ (generators_kw * paid.T).sum(axis=1)),
        from_retailer=float((price * served_kw) @ length),
        losses=losses,
        lots=np.array([float(weights @ profit) for profit in each_lot]),
        lot_accounts=details,
        generators=np.asarray(length @ (generators_kw * (paid.T - cost))),
        retailer=float((served_kw * (retailer.price - price) - interrupted * retailer.incentive) @ length),
    )


def _lot_account(day: AggregatorDay, lot: Lot, prices: Mapping[str, FloatArray], did: LotQuantities) -> LotAccount:
    price_in, price_out, price_reserve = lot_prices(day, lot, prices)
    length = day.length_h
    reserve = day.reserve_of(lot)
    return LotAccount(
        bought=did.charge_kw @ (price_in * length),
        sold=did.discharge_kw @ (price_out * length),
        reserve=reserve.capacity_pay(did.reserve_kw, price_reserve, length),
        called=reserve.called_pay(did.reserve_kw, price_out, length),
        drivers=np.array([_drivers(day, lot, did, scenario) for scenario in range(day.scenarios)]),
    )


def _drivers(day: AggregatorDay, lot: Lot, did: LotQuantities, scenario: int) -> float:
    """Return (25) in one scenario, currency."""
    tariffs, contracts, length = lot.tariffs, lot.contracts, day.length_h
    price1, price2, price3, v2g, extra, parking, wear = (
        by_period(getattr(tariffs, name), day.periods)
        for name in ("g2v1", "g2v2", "g2v3", "v2g", "extra", "parking", "degradation")
    )
    brought = lot.vehicles.brought_kwh[scenario]
    share, soc = contracts.share, contracts.departure_soc
    open_fix2 = departing_kwh(lot, scenario, (1.0 - soc[FIX2]) * share[FIX2])
    weighed = share[FLEX2] if day.reading.extra_flex2 == "flex2" else share[FIX2]
    open_flex2 = departing_kwh(lot, scenario, (1.0 - soc[FLEX2]) * weighed)
    gained = did.flex2_kwh[scenario] - brought[:, FLEX2]
    departures = (
        (fixed_kwh(lot, scenario, FIX1) - brought[:, FIX1]) * price1
        + (did.flex1_kwh[scenario] - brought[:, FLEX1]) * price2
        + (fixed_kwh(lot, scenario, FIX2) - brought[:, FIX2]) * (price3 + wear)
        + np.minimum((price3 + wear) * gained, v2g * gained)
        - (open_fix2 + open_flex2) * extra
    )
    called = did.reserve_kw[scenario] * day.reserve_of(lot).called_cost(wear + v2g)
    used = (did.discharge_kw[scenario] + did.charge_v2g_kw[scenario]) * wear + called
    parked = lot.vehicles.parked[scenario].sum(axis=1)
    return float(departures.sum() + (parked * parking - used) @ length)
