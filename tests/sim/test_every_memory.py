"""Every agent of every market: what it remembers decides something, and what is of one day decides nothing later.

The state of an agent is what a resumed run needs (:mod:`sim.snapshot`). A part of it that has changed after some days
must be a memory, with a test that scrambles it and sees another decision, or be of one day; else this fails.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mesa import Agent, Model

from agents.aggregator.settlement import AggregatorSettlement
from agents.learning import RothErev
from agents.learning.best_reply import BestReply
from agents.learning.rule import PostedDay
from agents.two_settlement.settlement import DaySettled
from equilibrium.markets.aggregator.answer import answer
from scenarios.case import Case
from scenarios.loading import load_scenario
from sim.options import RunOptions
from sim.simulate import kind_of, opened
from sim.snapshot import Snapshots, written
from tests.sim.two_settlement_town import town

ROOT = Path(__file__).parents[2]
TOWN = "tests/sim/test_town.py::test_every_remembered_thing_decides_something_on_the_next_day"
WEEKDAYS = "tests/sim/test_town.py::test_days_and_weekdays_of_a_lot_decide_its_price_within_two_days"
OVERNIGHT = "tests/sim/test_resume.py::test_a_state_without_one_memory_gives_other_days"
HERE = "tests/sim/test_every_memory.py::test_"
REINFORCED = {
    "learner._unit": f"{HERE}what_a_profit_is_measured_by_decides_what_is_learnt",
    "learner._earning_days": f"{HERE}what_a_profit_is_measured_by_decides_what_is_learnt",
}
CONTRACTS, BIDS = "tests/sim/test_contract_memory.py::test_", "tests/sim/test_two_settlement_run.py::test_"
COMPANY = "tests/agents/test_disco_memory.py::test_"
POSTED = f"{CONTRACTS}what_lots_and_generators_learnt_decides_what_they_post"
BIDDER = dict.fromkeys(
    ("price", "accepted", "share", "reliability"), f"{BIDS}what_aggregators_remember_changes_their_bids"
)

MEMORY: dict[str, dict[str, str]] = {
    "DistributionSystemOperator": {"rule.share": TOWN, "rule.worth": TOWN},
    "ParkingLot": {
        "vehicles": OVERNIGHT,
        "_departures": f"{HERE}a_lot_is_as_full_as_the_vehicles_that_stayed",
        "learner._days": WEEKDAYS,
        "learner._first": f"{HERE}the_first_belief_is_what_later_ones_are_held_to",
        **{f"learner.{name}": TOWN for name in ("belief", "cost", "rivals", "room")},
    },
    "Drivers": {"reputation.values": TOWN},
    "Residents": {},
    "Customers": {},
    "DemandResponseRetailer": {
        "belief.mean": f"{COMPANY}what_the_retailer_believes_decides_its_program_and_the_load_it_expects",
        "belief.covariance": f"{COMPANY}what_the_retailer_believes_decides_its_program_and_the_load_it_expects",
        "expected_cost": f"{COMPANY}what_the_retailer_remembers_of_costs_decides_its_program",
    },
    "DistributionCompany": {
        "tariff_rule.expected_price": f"{COMPANY}the_companys_mean_price_decides_what_lots_and_drivers_pay"
    },
    "ParkingLotOwner": {
        "learner.propensities": f"{COMPANY}what_the_owner_learnt_decides_its_terms",
        **REINFORCED,
    },
    "DriverPool": {"reputation.values": f"{COMPANY}the_reputation_decides_who_comes"},
    "Aggregator": {
        **dict.fromkeys(("energy_price", "reserve_price"), f"{CONTRACTS}remembered_prices_are_the_forecast"),
        "load_factor": f"{CONTRACTS}the_remembered_load_is_the_forecast",
        "attendance": f"{CONTRACTS}remembered_arrivals_are_the_forecast",
    },
    "ContractLot": {"learner.propensities": POSTED, **REINFORCED},
    "ContractDrivers": {"reputation": f"{CONTRACTS}the_reputation_decides_who_comes_and_for_what"},
    "GeneratorOwner": {"learner.propensities": POSTED, **REINFORCED},
    "LoadRetailer": {"willing": f"{CONTRACTS}tired_customers_are_not_offered"},
    "SystemOperator": {
        **dict.fromkeys(
            ("price", "load_factor", "deviation_kw"), f"{BIDS}the_operators_memories_decide_what_it_plans_and_holds"
        ),
        "persistence": f"{BIDS}the_remembered_persistence_decides_what_real_time_expects",
    },
    "DemandBidder": BIDDER,
    "LotBidder": BIDDER,
}
"""What the agents of each class remember, with the test that scrambles it."""

ONE_DAY: dict[str, str] = {
    "DistributionSystemOperator": "charge _day _income",
    "ParkingLot": (
        "price finished _start_h _length_h _day _weekday _charge _rivals _arrivals _refused _peak _energy_kwh _revenue "
        "_unserved_kwh _unreachable_kwh _payment _network_charge"
    ),
    "Drivers": "turned_away stayed_away _refusals",
    "Residents": "",
    "Customers": "load_kw load_kvar _day",
    "DemandResponseRetailer": "programs chosen _day _forecast _probability _propensity _profit",
    "DistributionCompany": "_day",
    "ParkingLotOwner": "margin driver_share learner.choice vehicles finished _profit",
    "DriverPool": "probability stayed_away _came _index",
    "Aggregator": "_day _planned _profit _price_error",
    "ContractLot": "step tariffs learner.choice _profit _paid",
    "ContractDrivers": "share attendance _satisfaction _came",
    "GeneratorOwner": "markup learner.choice _energy_kwh _profit",
    "LoadRetailer": "_day _served_kwh _interrupted_kwh _profit",
    "SystemOperator": "_day _record",
    "DemandBidder": "_day _planned _record",
    "LotBidder": "_day _planned _record",
}
"""What is set anew every day."""

GIVEN = frozenset({"lots", "menu", "emissions", "_tariffs_at"})
"""Functions, other agents and settings, which are of each model."""

FEW = {"scenarios": {"draws": 4, "kept": 1}}
SCENARIOS: dict[str, tuple[Callable[[Path], Case[Any]], int]] = {
    "town-33": (lambda _: load_scenario("town-33"), 2),
    "disco-belief": (lambda _: load_scenario("disco-belief"), 1),
    "aggregator-37": (lambda _: load_scenario("aggregator-37", {"market": {"network": False}, **FEW}), 1),
    "aggregators-37": (lambda _: load_scenario("aggregators-37"), 1),
    "two-settlement": (town, 2),
}
"""A scenario of each market, and the days that it lives before it is looked at."""


class AskedError(Exception):
    """What the market is asked: the day ends there."""


def fresh(case: Case[Any]) -> Any:
    return opened(kind_of(case), case, RunOptions(days=9, seed=3))


def asked(model: Any) -> tuple[str, dict[str, np.ndarray]]:
    """Return what the agents of a model ask the market on its next day, written down."""

    def clear(day: object) -> None:
        raise AskedError(*written(day, "day"))

    model.market.clear = clear
    try:
        with pytest.raises(AskedError) as caught:
            model.simulate_day()
    finally:
        del model.market.clear
    document, arrays = caught.value.args
    return json.dumps(document), arrays


def same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and len(one) == 2 and isinstance(one[1], dict):
        return one[0] == other[0] and all(same(one[1][name], other[1][name]) for name in one[1])
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one is other or one == other)


def agents_of(model: Model) -> Iterator[Agent]:
    yield from model.agents
    for part in getattr(model, "parts", ()):
        yield from part.agents


def state_of(owner: object, before: str = "") -> Iterator[tuple[str, object, str, object]]:
    """Yield the parts of an agent's state: the name, who holds it under which attribute, and the value."""
    for name, value in vars(owner).items():
        if isinstance(value, (Agent, Model)) or name in ("unique_id", "pos", *GIVEN):
            continue
        if type(value).__module__.split(".")[0] == "agents" and hasattr(value, "__dict__") and before == "":
            yield from state_of(value, f"{name}.")
        else:
            yield before + name, owner, name, value


def changed(model: Model, new: Model) -> dict[tuple[str, str], list[tuple[object, str, object]]]:
    """Return what differs from a fresh model by class and name: each holder, its attribute and the fresh value."""
    found: dict[tuple[str, str], list[tuple[object, str, object]]] = {}
    for mine, other in zip(agents_of(model), agents_of(new), strict=True):
        theirs = {name: value for name, _, _, value in state_of(other)}
        for name, owner, attribute, value in state_of(mine):
            if name not in theirs or not same(value, theirs[name]):
                place = found.setdefault((type(mine).__name__, name), [])
                place.append((owner, attribute, theirs.get(name)))
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name == "aggregators-37" else name for name in SCENARIOS]
)
def test_what_changes_is_a_memory_or_of_one_day_and_that_decides_nothing_later(name: str, tmp_path: Path) -> None:
    make, days = SCENARIOS[name]
    case = make(tmp_path)
    model, new = fresh(case), fresh(case)
    snapshots = Snapshots(model)
    for _ in range(days):
        model.step()
    document, arrays = copy.deepcopy(snapshots.state())
    plain = asked(model)
    snapshots.restore(document, arrays)
    found = changed(model, new)
    assert {kind for kind, _ in found} <= MEMORY.keys()
    unknown = [each for each in found if each[1] not in MEMORY[each[0]] and each[1] not in ONE_DAY[each[0]].split()]
    assert unknown == []
    for (kind, part), holders in found.items():
        if part in ONE_DAY[kind].split():
            for owner, attribute, value in holders:
                object.__setattr__(owner, attribute, value)
    assert same(asked(model), plain)


def test_every_class_of_agents_has_its_line_and_every_memory_a_test(tmp_path: Path) -> None:
    models = [fresh(make(tmp_path)) for make, _ in SCENARIOS.values()]
    names: dict[str, set[str]] = {}
    for agent in (agent for model in models for agent in agents_of(model)):
        names.setdefault(type(agent).__name__, set()).update(part for part, *_ in state_of(agent))
    assert names.keys() == MEMORY.keys() == ONE_DAY.keys()
    for kind, parts in MEMORY.items():
        assert parts.keys() <= names[kind], kind
        assert set(ONE_DAY[kind].split()) <= names[kind], kind
        for test in parts.values():
            file, _, function = test.partition("::")
            assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_a_lot_is_as_full_as_the_vehicles_that_stayed() -> None:
    """Without the hours at which they leave their places would be given away a second time."""
    model = fresh(load_scenario("town-33"))
    for _ in range(2):
        model.step()
    lot = next(lot for lot in model.lots if not lot.homes and lot.vehicles)
    lot.places = len(lot.vehicles)
    day = model.case.day(model.day, model.streams)
    lot.observe(day)
    session = min(day.sessions, key=lambda each: each.arrival_h)
    assert not lot.admit(replace(session, arrival_h=0.0), 1)
    lot._departures.clear()
    assert lot.admit(replace(session, arrival_h=0.0), 1)


@pytest.mark.parametrize(("name", "value"), [("_unit", 50.0), ("_earning_days", 1)])
def test_what_a_profit_is_measured_by_decides_what_is_learnt(name: str, value: float) -> None:
    plain, other = (RothErev((0.1, 0.2, 0.3), recency=0.1, experimentation=0.1) for _ in range(2))
    for rule in (plain, other):
        for profit in (4.0, 5.0, 6.0):
            rule.update(profit)
    setattr(other, name, value)
    for rule in (plain, other):
        rule.update(7.0)
    assert np.abs(plain.propensities - other.propensities).max() > 0.05


def test_the_first_belief_is_what_later_ones_are_held_to() -> None:
    plain, other = (BestReply((0.1, 0.5)) for _ in range(2))
    days = [PostedDay(price, np.array([0.3]), 30, 30, 0, 300.0, 24.0) for price in (0.2, 0.3)]
    for rule in (plain, other):
        rule.observe(days[0])
    other._first = other._first + np.array([0.0, 1.0, 0.0, 0.0])
    for rule in (plain, other):
        rule.observe(days[1])
    assert abs(plain.belief[1] - other.belief[1]) > 0.3
    assert abs(plain.reply() - other.reply()) > 0.01


# Prices times three


def dearer(told: AggregatorSettlement | DaySettled) -> AggregatorSettlement | DaySettled:
    """Return what is settled with the prices of the day times three, and what the followers do about them."""
    if isinstance(told, DaySettled):
        return replace(told, prices=replace(told.prices, buy=3.0 * told.prices.buy))
    prices = {name: 3.0 * value for name, value in told.plan.prices.items()}
    came = replace(
        told.outcome, energy_price=3.0 * told.outcome.energy_price, reserve_price=3.0 * told.outcome.reserve_price
    )
    return replace(told, outcome=came, came=answer(came, prices))


PRICED = {
    "aggregator-37": {"Aggregator", "ContractLot", "GeneratorOwner", "ContractDrivers", "LoadRetailer"},
    "aggregators-37": {"Aggregator"},
    "two-settlement": {"SystemOperator", "DemandBidder", "LotBidder"},
}
"""Classes of agents that remember something else where prices are three times as high; of the others test_town.py and
test_disco_memory.py tell."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name == "aggregators-37" else name for name in PRICED]
)
def test_prices_three_times_as_high_are_remembered_and_change_the_next_day(name: str, tmp_path: Path) -> None:
    case = SCENARIOS[name][0](tmp_path)
    plain, dear = fresh(case), fresh(case)
    for agent in agents_of(dear):
        agent.settle = lambda told, agent=agent: type(agent).settle(agent, dearer(told))
    for model in (plain, dear):
        model.step()
    for agent in agents_of(dear):
        del agent.settle
    moved = {kind for kind, part in changed(dear, plain) if part in MEMORY[kind]}
    assert moved == PRICED[name]
    assert not same(asked(dear), asked(plain))
