"""Other forms of a day of the DISCO market: what they are, that they hold, and that they see a wrong outcome."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from equilibrium.invariants import Relation, relate
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.disco.relations import CHEAPER, RELATIONS, other_order
from tests.equilibrium.disco_days import random_day, small_network

FORMS = {each.name: each.other for each in RELATIONS}
NAMES = ["other-money", "other-power", "other-scenarios", "other-vehicles", "cheaper-energy"]


def cleared(network: Any, day: Any) -> Any:
    return DiscoMarket(network, mode="windows-strict", flow="copper-plate").clear(day)


@pytest.mark.parametrize("seed", [8])
def test_other_forms_of_a_day_are_as_they_should(seed: int) -> None:
    network, day = random_day(seed, periods=4, scenarios=2, count=2)
    found = relate(RELATIONS, network, day, cleared(network, day), cleared)
    assert [each.name for each in RELATIONS] == NAMES
    assert [each for each in found if not each.holds] == []


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda each: each.name)
def test_a_relation_sees_a_wrong_outcome(relation: Relation[Any, Any]) -> None:
    network, day = random_day(3, periods=4, scenarios=2, count=2)
    right, other = cleared(network, day), cleared(*relation.other(network, day))
    assert relation.violation(right, other) <= relation.tolerance
    size = max(1.0, abs(right.objective))
    if relation.name == "cheaper-energy":
        wrong = replace(right, objective=right.objective - 3.0)
        assert relation.violation(right, wrong) == pytest.approx(3.0 / size, rel=1e-6)
        assert relation.violation(right, replace(right, objective=right.objective + 3.0)) == 0.0
        return
    assert relation.violation(right, replace(other, objective=other.objective + 3.0)) > relation.tolerance
    assert relation.violation(right, replace(other, objective=other.objective - 3.0)) > relation.tolerance
    lots = other.lot_expected_profit + np.array([3.0] + [0.0] * (other.lot_expected_profit.size - 1))
    assert relation.violation(right, replace(other, lot_expected_profit=lots)) > relation.tolerance


def test_what_proofs_leave_open_is_no_difference() -> None:
    """Objectives 10 and 12 with regrets 0.5 and 1 leave 0.5 of 10; with prices halved, 5 and 6 leave nothing."""
    network, day = random_day(3, periods=4, count=2)
    right = cleared(network, day)
    form = {each.name: each.violation for each in RELATIONS}

    def told(objective: float, regret: float) -> Any:
        lots = np.zeros_like(right.lot_expected_profit)
        certificate = replace(right.certificate, regret=(regret, *right.certificate.regret[1:]))
        return replace(right, objective=objective, lot_expected_profit=lots, certificate=certificate)

    assert form["other-scenarios"](told(10.0, 0.5), told(12.0, 1.0)) == pytest.approx(0.5 / 10.0)
    assert form["other-scenarios"](told(0.1, 0.0), told(0.2, 0.0)) == pytest.approx(0.1)
    assert form["other-money"](told(10.0, 0.5), told(6.0, 1.0)) == 0.0
    assert form["other-money"](told(10.0, 0.5), told(6.5, 1.0)) == pytest.approx(0.25 / 10.0)
    assert form["other-power"](told(10.0, 0.5), told(24.0, 1.0)) == pytest.approx(2.0 / 10.0)
    assert form["cheaper-energy"](told(10.0, 0.5), told(8.0, 0.5)) == pytest.approx(1.5 / 10.0)


def test_other_forms_by_hand() -> None:
    network, day = random_day(3, small_network(2), periods=4, scenarios=2, count=3)
    same, money = FORMS["other-money"](network, day)
    assert same is network
    assert day.emissions is not None
    assert money.emissions is not None
    for each in fields(day.tariffs):
        value, half = getattr(day.tariffs, each.name), getattr(money.tariffs, each.name)
        factor = 1.0 if each.name not in ("load", "lot_buys", "lot_sells", "driver_pays", "degradation") else 0.5
        assert half == pytest.approx(factor * np.asarray(value)), each.name
    assert money.response_cost == 0.5 * day.response_cost
    assert money.emissions.price_per_kg == 0.5 * day.emissions.price_per_kg
    assert money.emissions.baseline_kwh is day.emissions.baseline_kwh
    for first, second in zip(day.scenarios, money.scenarios, strict=True):
        assert second.upstream_price == pytest.approx(0.5 * first.upstream_price)
        assert second.renewable_kw is first.renewable_kw
    assert FORMS["other-money"](network, replace(day, emissions=None))[1].emissions is None
    more, power = FORMS["other-power"](network, day)
    assert power.emissions is not None
    for name, factor in (("rating_kva", 2), ("load_kw", 2), ("load_kvar", 2), ("r_ohm", 0.5), ("x_ohm", 0.5)):
        assert getattr(more.feeder, name) == pytest.approx(factor * getattr(network.feeder, name)), name
    assert [unit.rated_kw for unit in more.renewables] == [2.0 * unit.rated_kw for unit in network.renewables]
    assert power.load_kw == pytest.approx(2.0 * day.load_kw)
    assert power.load_kvar == pytest.approx(2.0 * day.load_kvar)
    assert power.response_cost == 2.0 * day.response_cost
    assert power.emissions.baseline_kwh == pytest.approx(2.0 * day.emissions.baseline_kwh)
    for first, second in zip(day.scenarios, power.scenarios, strict=True):
        assert second.renewable_kw == pytest.approx(2.0 * first.renewable_kw)
        for batch, doubled in zip(first.vehicles, second.vehicles, strict=True):
            for each in fields(batch):
                value, other = getattr(batch, each.name), getattr(doubled, each.name)
                factor = 2.0 if each.name.endswith(("_kwh", "_kw")) else None
                assert (other is value) if factor is None else (other == pytest.approx(factor * value)), each.name
    _, cheaper = FORMS["cheaper-energy"](network, day)
    for first, second in zip(day.scenarios, cheaper.scenarios, strict=True):
        assert second.upstream_price == pytest.approx(first.upstream_price - CHEAPER)


def test_other_orders_by_hand() -> None:
    network, day = random_day(3, small_network(2), periods=4, scenarios=2, count=3)
    _, turned = FORMS["other-scenarios"](network, day)
    assert turned.scenarios == (day.scenarios[1], day.scenarios[0])
    _, vehicles = FORMS["other-vehicles"](network, day)
    _, both = other_order(network, day)
    for made, number in ((vehicles.scenarios[0], 0), (both.scenarios[0], 1)):
        for batch, other in zip(day.scenarios[number].vehicles, made.vehicles, strict=True):
            assert other.names == batch.names[::-1]
            assert other.energy_kwh.tolist() == batch.energy_kwh[::-1].tolist()
            assert other.arrival.tolist() == batch.arrival[::-1].tolist()
