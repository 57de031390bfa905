"""What comes back from a cleared day of the aggregator market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE, Certificate
from equilibrium.markets.aggregator.accounts import Accounts, LotQuantities, lot_prices
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.flow import Flows
from equilibrium.markets.aggregator.point import Point
from equilibrium.markets.aggregator.reaction import Reaction


@dataclass(frozen=True, eq=False)
class GridState:
    """The feeder at the cleared powers.

    Attributes
    ----------
    loss_kw
        By receiving bus, shape ``(periods, buses)``.
    voltage_pu
        Shape ``(periods, buses)``.
    substation_kw
        Power bought upstream of the transformer, shape ``(periods,)``; negative where sold.
    wasted
        Largest gap between a square and its piecewise function, relative: zero where losses are what flows make.
    """

    loss_kw: FloatArray
    voltage_pu: FloatArray
    substation_kw: FloatArray
    wasted: float


@dataclass(frozen=True, eq=False)
class AggregatorClearing:
    """A cleared day.

    Attributes
    ----------
    prices
        The aggregator's prices by name, currency/kWh (reserve: per kW and hour), each of shape ``(periods,)``. Under
        pay-as-bid ``<lot> in``, ``<lot> out``, ``<lot> reserve``, ``generators`` (or ``<unit> output``), ``retailer``;
        under uniform pricing ``energy``, ``reserve``.
    identified
        For each price, where something is traded at it. Elsewhere any other value may be as good: what is published is
        the cap for energy that a lot takes, the least for what it gives.
    all_in_reserve
        What a kW of reserve earns each lot for an hour, calls included, shape ``(periods, lots)``: it alone matters
        where nothing is discharged.
    lots
        What the lots do.
    generators_kw, served_kw
        Shapes ``(periods, generators)`` and ``(periods,)``.
    purchase_kw, reserve_kw
        What the aggregator buys and offers upstream, expected, shape ``(periods,)``.
    accounts
        Everybody's profit.
    bound
        Proven upper bound on the aggregator's profit at any prices, currency.
    linearised
        Its profit by strong duality, without a product of a price and a quantity, currency.
    nodes
        Nodes of the searches.
    grid
        The feeder, or ``None``.
    certificate, seconds, solver_seconds
        As in :class:`equilibrium.markets.base.Cleared`. Players of the certificate are the aggregator, then lots by
        scenario, generators and the retailer.
    """

    prices: Mapping[str, FloatArray]
    identified: Mapping[str, NDArray[np.bool_]]
    all_in_reserve: FloatArray
    lots: tuple[LotQuantities, ...]
    generators_kw: FloatArray
    served_kw: FloatArray
    purchase_kw: FloatArray
    reserve_kw: FloatArray
    accounts: Accounts
    bound: float
    linearised: float
    nodes: int
    grid: GridState | None
    certificate: Certificate
    seconds: float
    solver_seconds: float

    @property
    def profit(self) -> float:
        """The aggregator's profit, currency."""
        return self.accounts.aggregator

    @property
    def gap(self) -> float:
        """Proven relative gap between the profit and what any prices could earn."""
        return max(0.0, self.bound - self.profit) / max(1.0, abs(self.profit))


def lot_quantities(day: AggregatorDay, point: Point) -> tuple[LotQuantities, ...]:
    """Read what the lots do off a point."""
    found = []
    for lot in day.lots:
        own = [each for each in point.reactions if each.follower.kind == "lot" and each.follower.name == lot.name]
        names = ("charge_g2v_kw", "charge_v2g_kw", "discharge_kw", "reserve_kw", "g2v_kwh", "v2g_kwh", "flex1_kwh")
        flex2 = _rows(own, "returned_kwh") + _rows(own, "bought_kwh")
        found.append(LotQuantities(**{name: _rows(own, name) for name in names}, flex2_kwh=flex2))
    return tuple(found)


def _rows(reactions: list[Reaction], name: str) -> FloatArray:
    return np.array([each.follower.value(each.x, name) for each in reactions])


def others(day: AggregatorDay, point: Point) -> tuple[FloatArray, FloatArray]:
    """Read outputs of generators and the served load off a point, ``(periods, generators)`` and ``(periods,)``."""
    output = [each.x for each in point.reactions if each.follower.kind == "generator"]
    served = next(each.x for each in point.reactions if each.follower.kind == "retailer")
    return np.array(output).reshape(-1, day.periods).T, served


def traded(day: AggregatorDay, point: Point) -> dict[str, NDArray[np.bool_]]:
    """Return for each price where something is traded at it, shape ``(periods,)``."""
    found: dict[str, NDArray[np.bool_]] = {name: np.zeros(day.periods, dtype=bool) for name in point.prices}
    pairs = {
        "price_in": ("charge_g2v_kw", "charge_v2g_kw"),
        "price_out": ("discharge_kw",),
        "price_reserve": ("reserve_kw",),
    }
    for each in point.reactions:
        follower = each.follower
        for port, name in follower.prices.items():
            own = pairs.get(port, tuple(follower.program.columns))
            for column in own:
                found[name] |= follower.value(each.x, column) > NEGLIGIBLE
    return found


def all_in(day: AggregatorDay, prices: Mapping[str, FloatArray]) -> FloatArray:
    """Return what a kW of reserve earns each lot for an hour, shape ``(periods, lots)``."""
    columns = []
    for lot in day.lots:
        _, out, reserve = lot_prices(day, lot, prices)
        columns.append(day.reserve_of(lot).income(reserve, out))
    return np.array(columns).reshape(-1, day.periods).T


def grid_state(flows: Flows | None, point: Point) -> GridState | None:
    """Return the feeder at a point."""
    if flows is None:
        return None
    return GridState(
        loss_kw=np.array([flows.losses_kw(flow) for flow in point.flows]),
        voltage_pu=np.array([flows.voltage_pu(flow) for flow in point.flows]),
        substation_kw=np.array([flows.substation_kw(flow) for flow in point.flows]),
        wasted=max(flows.wasted(flow) for flow in point.flows),
    )
