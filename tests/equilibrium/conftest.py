"""References that are independent of the reduced model and of the lexicographic method."""

from __future__ import annotations

import numpy as np

from equilibrium.fleet.day import LotDay
from equilibrium.grid.assets import LotSite, Microturbine
from equilibrium.grid.distribution import compile_distribution, distribution_ports
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.joint import compile_joint
from equilibrium.markets.charging.lots import lot_ports, stacked
from equilibrium.programs.solvers import Solution, Status, open_handle


def full_joint(network: Network, day: MarketDay) -> Solution:
    """The joint program with every row, solved from nothing."""
    program = compile_joint(network, day.hours)
    limit = stacked(day.lots, "power_max_kw", day.hours)
    ports = {**distribution_ports(network, day, np.zeros_like(limit), limit), **lot_ports(day.lots, day.hours)}
    return open_handle(program.bind(ports)).solve()


def full_dispatch(network: Network, day: MarketDay, lot_kw: np.ndarray) -> tuple[Solution, float]:
    """The low level at given charging with every row; its solution and its cost."""
    program = compile_distribution(network, day.hours)
    instance = program.bind(distribution_ports(network, day, lot_kw, lot_kw))
    answer = open_handle(instance).solve()
    return answer, float(instance.cost @ answer.x) if answer.status is Status.OPTIMAL else np.inf


def small_feeder(**changes: object) -> Feeder:
    """Three buses in a row: root, 1, 2."""
    values: dict[str, object] = {
        "name": "small",
        "base_kv": 10.0,
        "buses": ("0", "1", "2"),
        "parent": np.array([-1, 0, 1]),
        "r_ohm": np.array([0.0, 0.5, 0.5]),
        "x_ohm": np.array([0.0, 0.25, 0.25]),
        "rating_kva": np.full(3, 5000.0),
        "load_kw": np.array([0.0, 100.0, 100.0]),
        "load_kvar": np.zeros(3),
        "voltage_min_pu": np.full(3, 0.9),
        "voltage_max_pu": np.full(3, 1.1),
    }
    return Feeder(**{**values, **changes})


def lot_data(need_kwh: float, power_kw: list[float], price: float | list[float] = 0.5) -> LotDay:
    """A lot that must draw ``need_kwh`` (efficiency 1) any time."""
    hours = len(power_kw)
    return LotDay(
        charging_price=np.broadcast_to(np.asarray(price, dtype=float), hours).copy(),
        energy_in_kwh=np.zeros(hours),
        energy_out_kwh=np.zeros(hours),
        energy_end_kwh=need_kwh,
        soe_min_kwh=np.zeros(hours),
        soe_max_kwh=np.full(hours, 1e6),
        power_max_kw=np.asarray(power_kw, dtype=float),
    )


def small_network(lots: int = 1, turbine: Microturbine | None = None, **changes: object) -> Network:
    """The small feeder with lots of efficiency 1 at bus 2."""
    keep = {k: changes.pop(k) for k in ("terminal", "first_hour") if k in changes}
    sites = tuple(LotSite(f"lot-{k + 1}", 2, 1.0, **keep) for k in range(lots))
    return Network(small_feeder(**changes), microturbines=(turbine,) if turbine else (), lots=sites)


def small_day(prices: list[float], lots: tuple[LotDay, ...], load_kw: float = 0.0, turbines: int = 0) -> MarketDay:
    hours = len(prices)
    load = np.zeros((hours, 3))
    load[:, 2] = load_kw
    return MarketDay(
        np.asarray(prices), load, np.zeros((hours, 3)), np.zeros((hours, 0)), np.ones(turbines, dtype=bool), lots
    )


def cost_of(network: Network, day: MarketDay, clearing: Clearing) -> float:
    """(2a), written out."""
    trade = clearing.import_kw - network.export_price_factor * clearing.export_kw
    fuel = clearing.microturbine_kw @ np.array([unit.fuel_cost_per_kwh for unit in network.microturbines])
    return float(day.wholesale_price @ trade + np.sum(fuel))


def proved(clearing: Clearing) -> bool:
    """Whether a day of the nodal market is certified; one that is not says why."""
    if clearing.certificate.certified:
        return True
    reasons = ("is not proved", "no pure equilibrium found")
    assert any(reason in note for note in clearing.certificate.notes for reason in reasons), clearing.certificate
    return False
