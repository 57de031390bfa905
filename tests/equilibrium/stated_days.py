"""Small days and grids with everything that their programs can hold: what they state is frozen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from equilibrium.errors import InfeasibleError
from equilibrium.fleet.day import Fleet
from equilibrium.fleet.envelope import lot_day
from equilibrium.games import read_game
from equilibrium.grid.assets import (
    LotSite,
    Microturbine,
    RenewableUnit,
    StaticVarCompensator,
    StorageUnit,
    Subscription,
)
from equilibrium.grid.branch_flow import BranchFlow
from equilibrium.grid.distribution import compile_distribution
from equilibrium.grid.lossy import add_lossy_flow, compile_lossy
from equilibrium.grid.network import Network
from equilibrium.grid.reconfiguration import reconfigure
from equilibrium.grid.restoration import Outage, restore
from equilibrium.grid.switching_program import restore_by_switching
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.published import solve_published
from equilibrium.markets.aggregator.rivals.offers import offered
from equilibrium.markets.charging.joint import compile_joint
from equilibrium.markets.charging.lots import compile_lots
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.lots_lead.published import solve_paper_milp
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.two_settlement.day_ahead import compile_day_ahead
from equilibrium.markets.two_settlement.demand_bids import Customers, commit_demand, deliver_demand, printed_program
from equilibrium.markets.two_settlement.lot_bids import commit_lot
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.network import radial_of
from equilibrium.markets.two_settlement.rolling import RealTime
from equilibrium.programs import commitment
from equilibrium.programs.commitment import (
    Ability,
    Burning,
    Fuel,
    Interface,
    Line,
    Reserve,
    Service,
    Store,
    System,
    Unit,
)
from equilibrium.programs.commitment.program import compile_commitment
from equilibrium.programs.commitment.system import Demand
from equilibrium.programs.program import ProgramBuilder
from tests.equilibrium import disco_days, two_settlement_real
from tests.equilibrium.aggregator_days import on_line, random_day
from tests.equilibrium.conftest import lot_data, small_day, small_feeder, small_network
from tests.equilibrium.day_ahead_days import made_day, made_system
from tests.equilibrium.nodal_days import one_line
from tests.equilibrium.test_coupled import NOTHING
from tests.equilibrium.test_meshed import TWO_ROOTS, grid
from tests.equilibrium.test_restoration import hour
from tests.equilibrium.test_rivals import with_lots
from tests.equilibrium.two_settlement_days import lot, prices, zone

INSTANCES = Path(__file__).parents[1] / "instances"
"""Games as files."""

LENGTHS = np.array([1.0, 0.5, 0.25])
"""Hours of three periods."""


def everything() -> Network:
    """Two turbines, one with ramps, sun, a compensator, a store and two lots, on three buses."""
    turbines = (Microturbine("free", 1, 40.0, 0.05), Microturbine("slow", 2, 60.0, 0.06, 20.0))
    return Network(
        small_feeder(rating_kva=np.array([900.0, 700.0, np.inf])),
        turbines,
        renewables=(RenewableUnit("sun", 1, 30.0, "pv"),),
        compensators=(StaticVarCompensator("svc", 2, 50.0),),
        storage=(StorageUnit("battery", 2, 40.0, 55.0, 25.0, 10.0, 0.9, 0.8, 5.0),),
        lots=(LotSite("a", 1, 0.9), LotSite("b", 2, 0.95, subscription=Subscription(20.0, 0.3), terminal="ge")),
        polygon_edges=6,
    )


def grids() -> None:
    network = everything()
    for periods in (LENGTHS, 2):
        compile_distribution(network, periods)
        compile_joint(network, periods)
    compile_lots(network.lots, LENGTHS)
    compile_lossy(disco_days.small_network(2), 2, segments=3, transformer_efficiency=0.9)


def trees() -> None:
    """Feeders that branch, with two elements at a bus, by every way of stating their flow."""
    network = replace(
        everything(),
        feeder=small_feeder(
            buses=tuple("abcdef"),
            parent=np.array([-1, 4, 4, 1, 0, 0]),
            r_ohm=np.array([0.0, 0.3, 0.5, 0.7, 0.2, 0.4]),
            x_ohm=np.array([0.0, 0.2, 0.1, 0.6, 0.35, 0.15]),
            rating_kva=np.array([900.0, 700.0, 500.0, 300.0, 800.0, 400.0]),
            load_kw=np.zeros(6),
            load_kvar=np.zeros(6),
            voltage_min_pu=np.array([0.9, 0.91, 0.92, 0.93, 0.94, 0.95]),
            voltage_max_pu=np.array([1.1, 1.09, 1.08, 1.07, 1.06, 1.05]),
            root_voltage_pu=1.02,
        ),
    )
    compile_distribution(network, LENGTHS)
    compile_joint(network, LENGTHS)
    for receiving in (True, False):
        build = ProgramBuilder()
        add_lossy_flow(build, network, 2, segments=3, transformer_efficiency=0.9, receiving=receiving)
        build.compile()


def lots_lead() -> None:
    site = replace(lot_data(20.0, [30.0, 30.0]), soe_max_kwh=np.full(2, 60.0))
    day = small_day([0.03, 0.05], (site,), load_kw=90.0)
    narrow = small_network(rating_kva=np.array([5000.0, 5000.0, 80.0]))
    LotsLeadMarket(narrow, on_infeasible="shed", value_of_lost_load=2.0).clear(day)
    for reading in ("as_printed", "corrected"):
        with suppress(InfeasibleError):
            solve_paper_milp(replace(small_network(), polygon_edges=6), day, reading=reading)


def nodal() -> None:
    site = replace(lot_data(60.0, [50.0, 50.0]), soe_max_kwh=np.full(2, 90.0))
    day = small_day([0.03, 0.04], (site,), load_kw=60.0, turbines=1)
    for network in (one_line(), replace(one_line(), storage=(NOTHING,))):
        NodalMarket(network, certify="full").clear(day)


def disco() -> None:
    network, day = disco_days.random_day(11, periods=3, count=2)
    for mode in ("windows", "windows-strict", "strict-exclusive"):
        DiscoMarket(network, mode=mode, segments=3).clear(day)
    DiscoMarket(network, mode="windows-strict", segments=3, method="kkt-milp", solver="highs").clear(day)
    network, day = disco_days.random_day(6, periods=3, scenarios=2, count=2)
    DiscoMarket(network, mode="strict", segments=3, purchases="here-and-now").clear(day)


def aggregator() -> None:
    day = random_day(3, periods=3, scenarios=2, period_h=0.5)
    AggregatorMarket(gap=0.1).clear(day)
    solve_published(replace(random_day(4, periods=2), uniform_cap=10.0))
    AggregatorMarket(gap=0.1).clear(on_line(random_day(3, periods=2)))


def rivals() -> None:
    for fee in (0.5, np.inf):
        offered(with_lots(3, fee, periods=2), 0)


def bids() -> None:
    own = zone([5.0, 4.0, 3.0])
    asked = prices([0.2, 0.5, 0.1])
    commit_demand(own, asked, LENGTHS)
    deliver_demand(own, np.array([-4.0, -4.0, -4.0]), LENGTHS)
    printed_program(own, asked, Customers(*(np.array(each) for each in PAID)), LENGTHS)
    commit_lot(lot([(0, 3, 2.0, 6.0), (1, 3, 8.0, 7.0)], efficiency=0.9), asked, LENGTHS)


def two_settlement() -> None:
    draw = np.random.default_rng(3)
    system, day = made_system(draw), made_day(draw)
    tables = DayAheadMarket(system, Options()).interruptions(day)
    for arbitrage in (True, False):
        compile_day_ahead(system, radial_of(system.grid), day, tables, arbitrage=arbitrage)
    made = two_settlement_real.system(**two_settlement_real.UNITS)
    weather = two_settlement_real.weather(made, [0.1, 0.3])
    RealTime(made, 2).run(
        two_settlement_real.real_day(weather),
        two_settlement_real.positions(made, 2, bids=1),
        (two_settlement_real.bid([3.0, -2.0]),),
        (two_settlement_real.fixed([3.0, -2.0], 0.5),),
    )


def switches() -> None:
    row = grid(5, (0, 4), TWO_ROOTS, rating_kva=np.array([9.0, 8.0, 7.0, 1.5]))
    outage = Outage("first", branches=(0,))
    restore(row, hour(row), outage)
    restore_by_switching(row, hour(row), outage)
    BranchFlow(row, 9.0, "highs")


def outages() -> None:
    """Outages of branches, buses and a root in a grid with sources, unequal bands, and a branch that is no switch."""
    lines = [(0, 1, True), (1, 2, True), (5, 4, True), (4, 3, True), (2, 3, False), (1, 4, False)]
    town = grid(
        6,
        (0, 5),
        lines,
        rating_kva=np.array([9.0, np.inf, 7.0, 2.5, 6.0, 8.0]),
        switchable=np.array([True, False, True, True, True, True]),
        load_kw=np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        load_kvar=np.array([0.5, 1.0, -1.5, 2.0, 0.25, 3.0]),
        voltage_min_pu=np.array([0.9, 0.91, 0.92, 0.93, 0.94, 0.95]),
        voltage_max_pu=np.array([1.1, 1.11, 1.12, 1.13, 1.14, 1.15]),
        root_voltage_pu=1.02,
    )
    sources: dict[str, Any] = {"source_bus": np.array([2, 5, 3]), "source_kw": np.array([1.5, 2.0, 2.5])}
    now = hour(town, source_kvar=np.array([0.5, 0.75, 1.0]), **sources)
    for outage in (Outage("a", branches=(0,)), Outage("b", buses=(4,)), Outage("c", branches=(2,), buses=(0,))):
        restore(town, now, outage)
        for sectionalisers in (True, False):
            restore_by_switching(town, now, outage, sectionalisers=sectionalisers)
    BranchFlow(town, 9.0, "highs")
    BranchFlow(replace(town, load_kvar=np.abs(town.load_kvar)), 9.0, "highs")


def units() -> None:
    """Every part of a unit commitment in one system of two periods of half an hour."""
    gas = Burning(("gas", "oil"), (5.0, 8.0), [0.0, 200.0], start_use=(30.0,), blending=True)
    lines = (
        Line("AB", "A", "B", 10.0, 40.0, 25.0, shift=0.1, emergency=50.0),
        Line("BC", "B", "C", 5.0, [30.0, 35.0], out=[False, False], emergency=45.0),
        Line("AC", "A", "C", 7.0, emergency=60.0),
        Line("dc", "A", "C", None, 8.0),
    )
    slow = Unit(
        "slow", [10.0, 60.0, 100.0], [200.0, 1500.0, 3500.0], "A", (1, 3), (50.0, 90.0), 7.0, 60.0, 50.0, 40.0, 45.0,
        2, 2, 5, 50.0, reserves=("spin",), areas=("east",), start_curve=(4.0,), stop_curve=(6.0,),
    )  # fmt: skip
    fast = Unit(
        "fast", [0.0, 100.0], [0.0, 5000.0], "C", initial=-4, band=(20.0, 80.0), burning=gas, reserves=("spin",)
    )
    commitment.commit(
        System(
            2,
            {"A": [20.0, 30.0], "B": [10.0, 10.0], "C": [60.0, 50.0]},
            (slow, fast),
            stores=(
                Store("store", [5.0, 6.0], 7.0, 20.0, "B", 2.0, 1.0, 1.5, 3.0, 4.0, 0.9, 0.8, 0.02, 10.0, 8.0, 15.0),
            ),
            demands=(Demand("flexible", 1.0, [5.0, 5.0], [90.0, 80.0], "B"),),
            lines=lines,
            reserves=(Reserve("spin", 5.0, 100.0),),
            services=(
                Service("regulation", 2.0, 5.0, 1e4, rung=0, regulating=True, abilities={"slow": Ability(5.0)}),
                Service(
                    "spinning",
                    4.0,
                    15.0,
                    100.0,
                    {"east": 1.0},
                    rung=1,
                    abilities={"slow": Ability(), "fast": Ability(3.0)},
                ),
                Service("standing", 1.0, 25.0, 50.0, abilities={"fast": Ability(0.0, 30.0)}),
                Service("down", 1.0, 5.0, 90.0, up=False, averaged=False, abilities={"slow": Ability()}),
            ),
            fuels=(Fuel("gas", 100.0),),
            hours=0.5,
            shed_cost=1000.0,
            spill_cost=500.0,
            interfaces=(Interface("cut", {"AB": 1.0, "AC": -0.5}, -30.0, 30.0, 12.0),),
            outages=(commitment.Outage("o", "BC", 10.0), commitment.Outage("again", "AC")),
        )
    )


def plants() -> None:
    """Units with a past and a plan, what they burn, storage that has one way, and services with and without ramps."""
    use = [[1.0, 9.0, 20.0], [2.0, 11.0, 25.0], [1.5, 10.0, 24.0]]
    fuels = Burning(("gas", "oil", "coal"), (5.0, 8.0, 3.0), use, (30.0, 45.0), switching=False, burning=2)
    hot = Unit(
        "hot", [10.0, 60.0, 100.0], [200.0, 1500.0, 3500.0], "A", (1, 4), (50.0, 90.0), 7.0, 60.0, 50.0,
        [40.0, 45.0, 50.0], [35.0, 30.0, 25.0], 3, 2, 2, 50.0, reserves=("up",), areas=("east", "west"),
        band=([20.0, 25.0, 30.0], 80.0), burning=fuels, stop_reserve=False, initial_stop_limit=15.0,
        start_curve=(4.0, 2.0), stop_curve=(6.0, 3.0),
    )  # fmt: skip
    cold = Unit(
        "cold", [5.0, 50.0, 90.0], [100.0, 900.0, 2500.0], "B", (2,), (40.0,), min_up=2, min_down=3, initial=-2,
        fixed=[np.nan, np.nan, 1.0], burning=replace(fuels, start_use=(), switching=True), reserves=("up", "down"),
    )  # fmt: skip
    must = Unit("must", [[5.0, 50.0], [6.0, 55.0], [0.0, 0.0]], [[50.0, 900.0], [60.0, 990.0], [0.0, 0.0]], "B",
                must_run=True, initial=1, initial_power=20.0,
                burning=Burning(("gas",), (5.0,), [0.0, 30.0]))  # fmt: skip
    store = Store(
        "store", [5.0, 6.0, 7.0], 7.0, [20.0, 21.0, 22.0], "B", [2.0, 3.0, 4.0], [1.0, 1.5, 2.0], 1.5, [3.0, 2.0, 1.0],
        4.0, [0.9, 0.8, 0.7], 0.85, [0.02, 0.0, 0.1], 10.0, 8.0, 15.0, [True, False, False], (3.0, 4.0), (5.0, 2.0),
        1.25, 0.75,
    )  # fmt: skip
    services = (
        Service("first", 5.0, [2.0, 1.0, 3.0], 1e4, {"east": 1.0}, rung=0, regulating=True,
                abilities={"hot": Ability([5.0, 6.0, 7.0], 0.0, 2.0, 9.0)}),
        Service("second", 15.0, 4.0, 100.0, {"west": [1.0, 2.0, 0.5]}, rung=2,
                abilities={"hot": Ability(), "cold": Ability(3.0, [1.0, 2.0, 3.0])}),
        Service("less", 10.0, 1.5, 90.0, up=False, abilities={"hot": Ability(8.0), "must": Ability()}),
        Service("slow", 40.0, 1.0, 70.0, averaged=False, abilities={"cold": Ability()}),
    )  # fmt: skip
    system = System(
        3,
        {"A": [20.0, 30.0, 25.0], "B": [10.0, 15.0, 12.0]},
        (hot, cold, must),
        stores=(store, replace(store, name="other", bus="A", both_ways=True)),
        demands=(Demand("takes", 1.0, [5.0, 6.0, 7.0], [90.0, 80.0, 70.0], "B", 1.0),
                 Demand("gives", -1.0, 9.0, [40.0, 45.0, 42.0], "A", [2.0, 1.0, 0.0])),
        lines=(Line("AB", "A", "B", 10.0, [40.0, 30.0, 35.0], [25.0, np.inf, 20.0], 0.1, [False, True, False]),
               Line("dc", "B", "A", None, 8.0)),
        reserves=(Reserve("up", [5.0, 6.0, 4.0], [100.0, 90.0, np.inf], [1.0, 0.0, 2.0], against_load=True),
                  Reserve("down", 3.0, 80.0)),
        services=services,
        fuels=(Fuel("gas", [100.0, 90.0, 80.0]), Fuel("coal", 60.0)),
        hours=0.5,
        shed_cost=[1000.0, 900.0, np.inf],
        spill_cost=500.0,
        interfaces=(Interface("cut", {"AB": 1.0, "dc": -0.5}, [-30.0, -25.0, -20.0], 30.0, [12.0, np.inf, 10.0]),),
        slack_buses=("B",),
    )  # fmt: skip
    compile_commitment(system)
    compile_commitment(replace(system, shared_ramps=False, slack_buses=(), spill_cost=np.inf, hours=2.0))


def triangle() -> None:
    """Outages in a network of three lines."""
    lines = tuple(
        Line(a + b, a, b, 3.0 + k, 40.0 - k, 9.0 + k, emergency=[50.0 + k, np.inf])
        for k, (a, b) in enumerate(("AB", "BC", "AC"))
    )
    outages = (commitment.Outage("one", "BC", 10.0), commitment.Outage("two", "AC"))
    loads = {"A": [1.0, 2.0], "B": [3.0, 4.0], "C": [5.0, 6.0]}
    compile_commitment(System(2, loads, lines=lines, outages=outages, hours=0.25))


def games() -> None:
    """Small games by each method that takes them."""
    for name, method, attitude in GAMES:
        read_game(INSTANCES / f"{name}.json").solve(method=method, attitude=attitude)


def fleets() -> None:
    """Vehicles of two lots on one feeder, one of which moves the price and one of which takes it."""
    network = small_network(lots=2, rating_kva=np.array([5000.0, 5000.0, 60.0]), turbine=SMALL)
    power = np.array([[7.0, 7.0, 0.0], [0.0, 11.0, 11.0], [7.0, 7.0, 7.0]])
    need, stay = np.array([9.0, 12.0, 15.0]), (np.array([0, 1, 0]), np.array([2, 3, 3]))
    vehicles = [Fleet(share * power, np.full(3, 5.0), share * need, np.full(3, 60.0), *stay) for share in (1.0, 2.0)]
    lots = tuple(lot_day(each, np.array([0.3, 0.2, 0.4]), 1.0) for each in vehicles)
    day = small_day([0.03, 0.05, 0.04], lots, load_kw=30.0, turbines=1)
    LotsLeadMarket(network).clear(day)
    for behaviours in (("strategic", "strategic"), ("strategic", "price-taking"), ("central", "price-taking")):
        NodalMarket(network, behaviours=behaviours).clear(day)


def searches() -> None:
    """Switches for the least loss, a day ahead with its states, and prices of a schedule."""
    reconfigure(grid(5, (0, 4), [*TWO_ROOTS, (1, 3, False)], load_kw=300.0 * np.arange(5.0)))
    draw = np.random.default_rng(14)
    system, day = made_system(draw), made_day(draw)
    with DayAheadMarket(system, Options()) as market:
        market.prepare(day)
        market.clear(day)
    plant = Unit(
        "plant", [10.0, 60.0, 100.0], [200.0, 1500.0, 3500.0], start_cost=(50.0,), initial=3, initial_power=40.0
    )
    load = {"bus": [70.0, 95.0]}
    commitment.price_schedule(
        commitment.commit(System(2, load, (plant, replace(plant, name="other")), shed_cost=500.0))
    )


GAMES = (
    ("bard_511", "complementarity-bb", "optimistic"),
    ("bard_511", "kkt-bigm", "optimistic"),
    ("degenerate_duals", "auto", "pessimistic"),
    ("capacity_rent", "auto", "optimistic"),
    ("demiguel_xu_09", "auto", "optimistic"),
    ("cournot_duopoly", "stationarity", "optimistic"),
)
"""Instances, methods and attitudes."""

SMALL = Microturbine("small", 2, 40.0, 0.035)

PAID = ([0.3, 0.4, 0.5], [0.1, 0.2, 0.1], [0.05, 0.04, 0.03], [0.02, 0.01, 0.03])
"""By customers: for energy, for what they hold ready, for reactive power, and by them for it."""

DAYS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        grids,
        trees,
        lots_lead,
        nodal,
        disco,
        aggregator,
        rivals,
        bids,
        two_settlement,
        switches,
        outages,
        units,
        plants,
        triangle,
        games,
        fleets,
        searches,
    )
}
"""By name: what states the programs."""
