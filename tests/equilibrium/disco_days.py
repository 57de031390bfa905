"""Small random days of the DISCO market, and their programs stated whole as a reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from equilibrium.fleet.day import VehicleBatch
from equilibrium.fleet.vehicles import VehicleProgram
from equilibrium.grid.assets import LotSite, RenewableUnit
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.lossy import add_lossy_flow
from equilibrium.grid.network import Network
from equilibrium.markets.disco.checks import purchase_price
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario, Emissions, Tariffs
from equilibrium.markets.disco.lower.optimum import lot_cost
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.disco.scenario import company_cost, prepare
from equilibrium.programs.duality import optimal_face
from equilibrium.programs.program import INF, ProgramBuilder
from equilibrium.programs.solvers import Status, open_handle


def small_network(lots: int = 1, **changes: Any) -> Network:
    """Four buses in a fork: 0 - 1 - 2 and 1 - 3; sun at bus 2, wind at bus 3, lots at buses 2, 3, ..."""
    values: dict[str, Any] = {
        "name": "fork",
        "base_kv": 11.0,
        "buses": ("0", "1", "2", "3"),
        "parent": np.array([-1, 0, 1, 1]),
        "r_ohm": np.array([0.0, 1.2, 1.5, 1.1]),
        "x_ohm": np.array([0.0, 0.9, 1.1, 1.0]),
        "rating_kva": np.full(4, 1500.0),
        "load_kw": np.array([0.0, 200.0, 150.0, 180.0]),
        "load_kvar": np.array([0.0, 60.0, 50.0, 70.0]),
        "voltage_min_pu": np.full(4, 0.9),
        "voltage_max_pu": np.full(4, 1.1),
    }
    feeder = Feeder(**(values | changes))
    sites = tuple(LotSite(f"lot{k}", 2 + k, efficiency=0.9, discharge_efficiency=0.95) for k in range(lots))
    renewables = (RenewableUnit("sun", 2, 200.0, "pv"), RenewableUnit("wind", 3, 200.0, "wind"))
    return Network(feeder, renewables=renewables, lots=sites, name="fork")


def vehicles(rng: np.random.Generator, count: int, periods: int, *, discharge: bool = True) -> VehicleBatch:
    """Vehicles that can all reach their wish with charging in half of their periods."""
    arrival = rng.integers(0, max(1, periods // 3), count)
    departure = rng.integers(max(arrival.max(initial=0) + 2, 2 * periods // 3), periods + 1, count)
    energy = rng.uniform(15.0, 30.0, count)
    wish = np.minimum(energy + rng.uniform(0.0, 9.0, count), 45.0)
    return VehicleBatch(
        names=tuple(f"ev{k}" for k in range(count)),
        arrival=arrival,
        departure=departure,
        energy_kwh=energy,
        wish_kwh=wish,
        energy_min_kwh=np.full(count, 7.5),
        energy_max_kwh=np.full(count, 45.0),
        charge_max_kw=np.full(count, 10.0),
        discharge_max_kw=np.full(count, 10.0 if discharge else 0.0),
        count=np.ones(count),
    )


def random_day(
    seed: int,
    network: Network | None = None,
    *,
    periods: int = 6,
    count: int = 4,
    scenarios: int = 1,
    margin: float = 0.0,
    emissions: bool = True,
    discharge: bool = True,
    **changes: Any,
) -> tuple[Network, DiscoDay]:
    """A day whose windows alternate, so that every vehicle can charge and discharge somewhere."""
    network = network or small_network()
    rng = np.random.default_rng(seed)
    shape = rng.uniform(0.6, 1.2, (periods, 1))
    tariff = rng.choice([0.0856, 0.1711, 0.3422], periods)
    on = np.arange(periods) % 2 == 1
    parts = tuple(
        DiscoScenario(
            probability=1.0 / scenarios,
            renewable_kw=rng.uniform(0.0, 150.0, (periods, len(network.renewables))),
            upstream_price=rng.uniform(0.03, 0.5, periods),
            vehicles=tuple(vehicles(rng, count, periods, discharge=discharge) for _ in network.lots),
        )
        for _ in range(scenarios)
    )
    day = DiscoDay(
        load_kw=shape * network.feeder.load_kw,
        load_kvar=shape * network.feeder.load_kvar,
        response_cost=float(rng.uniform(-10.0, 10.0)),
        tariffs=Tariffs(tariff, tariff, tariff, tariff + margin, 0.5, 0.03),
        scenarios=parts,
        charge_window=~on,
        discharge_window=on,
        emissions=Emissions(rng.uniform(0.0, 1.0, periods), 0.01, 0.5, rng.uniform(0.0, 900.0, periods))
        if emissions
        else None,
    )
    return network, replace(day, **changes)


def with_scenarios(day: DiscoDay, change: Callable[[DiscoScenario], DiscoScenario]) -> DiscoDay:
    """The day with every scenario changed."""
    return replace(day, scenarios=tuple(change(scenario) for scenario in day.scenarios))


def whole_program_cost(market: DiscoMarket, day: DiscoDay, number: int = 0) -> float:
    """Cost of the company's stage in one scenario as one linear program, stated whole and solved once.

    The lower level is solved as one program, too, and its face is taken from those multipliers.
    """
    prepared = prepare(market.network, market.supply(day), day, number, market.rules)
    fleet: VehicleProgram = prepared.vehicles
    feasible = fleet.instance
    if market.rules.lots_decide:
        own = fleet.instance.with_cost(lot_cost(fleet, day.tariffs, day.length_h))
        feasible = optimal_face(own, open_handle(own).solve().y)
    supply = market.supply(day)
    build = ProgramBuilder()
    flow = add_lossy_flow(
        build,
        supply.network,
        supply.periods,
        segments=supply.segments,
        flow_range=supply.flow_range,
        transformer_efficiency=supply.efficiency,
    )
    columns = build.columns(
        "vehicles",
        feasible.cost.shape,
        lower=feasible.col_lower,
        upper=feasible.col_upper,
        cost=company_cost(fleet, day),
    )
    rows = build.rows("balance", feasible.row_lower.shape, lower=feasible.row_lower, upper=feasible.row_upper)
    build.block(rows, columns, feasible.matrix)
    link = build.rows("link", flow.shape, lower=0.0, upper=0.0)
    build.coefficients(link, flow, 1.0)
    where = link[fleet.period, fleet.lot[fleet.row]]
    build.coefficients(where, columns[fleet.charge], -fleet.weight)
    build.coefficients(where, columns[fleet.discharge], fleet.weight)
    scenario = day.scenarios[number]
    shape = flow.shape
    ports = prepared.part.supply.ports(np.zeros(shape), day.length_h * purchase_price(day, scenario))
    ports |= {"lot_min_kw": np.full(shape, -INF), "lot_max_kw": np.full(shape, INF)}
    instance = build.compile().bind(ports)
    solution = open_handle(instance).solve()
    assert solution.status is Status.OPTIMAL
    return float(instance.cost @ solution.x)
