"""How large a violation is: an amount by itself while it is less than one, and relative to what it is an amount of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.aggregator import invariants as aggregator
from equilibrium.markets.charging import invariants as charging
from equilibrium.markets.disco import invariants as disco
from equilibrium.markets.nodal import invariants as nodal
from equilibrium.markets.two_settlement import invariants as two_settlement

NOTHING: Any = None


def made(**values: Any) -> Any:
    """What stands for a day or a cleared day; lists are arrays."""
    return SimpleNamespace(**{k: np.array(v) if isinstance(v, list) else v for k, v in values.items()})


@pytest.mark.parametrize(
    ("profit", "low", "high", "size"),
    [
        ([0.5], [0.75], [1.0], 0.25),
        ([0.5], [0.0], [0.25], 0.25),
        ([8.0], [10.0], [11.0], 0.25),
        ([-8.0], [-9.0], [-8.0], 0.0),
    ],
)
def test_a_profit_outside_its_interval(profit: list[float], low: list[float], high: list[float], size: float) -> None:
    cleared = made(lot_profit=profit, value_pessimistic=low, value_optimistic=high)
    assert nodal._values(NOTHING, NOTHING, cleared) == pytest.approx(size)


@pytest.mark.parametrize(("scale", "shifted", "size"), [(0.1, 0.15, 0.05), (10.0, 14.0, 0.2)])
def test_energy_that_is_moved(scale: float, shifted: float, size: float) -> None:
    """2 and 4 kW of half an hour, where 6 and 0 would be drawn in competition: 2 kWh are moved, of 3 in all."""
    values = {"lot_kw": scale * np.array([[2.0], [4.0]]), "competitive_kw": scale * np.array([[6.0], [0.0]])}
    cleared = made(**values, withheld_kwh=np.zeros(1), shifted_kwh=np.array([shifted]))
    assert nodal._moved(NOTHING, made(length_h=[0.5, 0.5]), cleared) == pytest.approx(size)
    fewer = made(**values, withheld_kwh=np.array([size * max(1.0, 3.0 * scale)]), shifted_kwh=np.array([2.0 * scale]))
    assert nodal._moved(NOTHING, made(length_h=[0.5, 0.5]), fewer) == pytest.approx(size)


@pytest.mark.parametrize(
    ("low", "high", "objective", "size"),
    [
        (0.0, 0.75, 0.5, 0.25),
        (0.0, 10.0, 8.0, 0.25),
        (0.5, 0.25, 0.5, 0.25),
        (0.0, 0.5, 0.5, 0.0),
        (0.0, -8.0, -8.0, 1.0),
    ],
)
def test_what_a_pessimist_expects(low: float, high: float, objective: float, size: float) -> None:
    assert disco._attitude(NOTHING, NOTHING, made(pessimistic=(low, high), objective=objective)) == pytest.approx(size)


@pytest.mark.parametrize(
    ("earned", "maximum", "regret", "worst", "size"),
    [
        ([0.5], [0.25], (0.0,), 0.0, 0.25),
        ([8.0], [6.0], (0.0,), 0.0, 0.25),
        ([0.5], [0.5], (0.25, 2.0), 1.5, 0.5),
        ([0.5], [0.5], (-0.25, 2.0), 2.0, 0.25),
    ],
)
def test_what_lots_could_gain(
    earned: list[float], maximum: list[float], regret: tuple[float, ...], worst: float, size: float
) -> None:
    scenario = made(lot_profit=earned, lot_maximum=maximum)
    cleared = made(certificate=made(regret=regret, worst_regret=worst), scenarios=(scenario,))
    assert disco._regret(NOTHING, NOTHING, cleared) == pytest.approx(size)


@pytest.mark.parametrize(
    ("bought", "arrived", "size"), [([0.5, 0.5], [0.25, 0.5], 0.125), ([8.0, 8.0], [4.0, 8.0], 0.25)]
)
def test_what_a_transformer_passes_on(bought: list[float], arrived: list[float], size: float) -> None:
    """Of both periods together three quarters arrive; in each of them an eighth or a quarter of it less or more."""
    scenario = made(import_kw=bought, flow_kw=np.array(arrived)[:, None])
    assert disco._transformer(NOTHING, NOTHING, made(scenarios=(scenario,))) == pytest.approx(size)
    none = made(import_kw=[0.0, 0.0], flow_kw=np.array([[0.5], [0.0]]))
    assert disco._transformer(NOTHING, NOTHING, made(scenarios=(none,))) == 0.5
    more = made(import_kw=[8.0], flow_kw=np.array([[10.0]]))
    assert disco._transformer(NOTHING, NOTHING, made(scenarios=(more,))) == pytest.approx(0.25)


@pytest.mark.parametrize(("profit", "other", "size"), [(1.0, 1.5, 0.25), (-1.0, -0.5, 0.25), (3.0, 4.0, 0.25)])
def test_sums_of_the_aggregator_and_of_two_settlements(profit: float, other: float, size: float) -> None:
    accounts = {"a": 1.0, "b": other - 1.0}
    cleared = made(profit=profit, linearised=other, bound=2.0 * profit - other, accounts=accounts)
    assert aggregator._duality(NOTHING, NOTHING, cleared) == pytest.approx(size)
    assert aggregator._bound(NOTHING, NOTHING, cleared) == pytest.approx(size)
    assert two_settlement._accounts(NOTHING, NOTHING, cleared) == pytest.approx(size)
    assert two_settlement._bound(NOTHING, NOTHING, made(objective=other, bound=profit)) == pytest.approx(size)
    assert two_settlement._bound(NOTHING, NOTHING, made(objective=profit, bound=other)) == 0.0
    assert aggregator._bound(NOTHING, NOTHING, made(profit=profit, bound=other)) == 0.0


@pytest.mark.parametrize(("price", "size"), [(0.1, 0.25), (10.0, 0.25 / 9.0)])
def test_what_the_network_costs(price: float, size: float) -> None:
    """In half an hour 2 kW are bought and 0.4 sold at half the price: 0.9 kWh; 1 kW of a turbine burns 0.05."""
    network = made(microturbines=(made(fuel_cost_per_kwh=0.1),), export_price_factor=0.5)
    day = made(length_h=[0.5], wholesale_price=[price])
    right = {"fuel_cost": 0.05, "network_cost": 0.9 * price + 0.05}
    common = {"microturbine_kw": np.ones((1, 1)), "import_kw": np.array([2.0]), "export_kw": np.array([0.4])}
    assert charging._cost(network, day, made(**common, **right)) == pytest.approx(0.0, abs=1e-15)
    for name in right:
        for error in (-0.25, 0.25):
            wrong = right | {name: right[name] + error}
            assert charging._cost(network, day, made(**common, **wrong)) == pytest.approx(size)


@pytest.mark.parametrize(("amount", "size"), [(0.25, 0.5), (4.0, 0.125)])
def test_what_company_and_lots_earn_is_the_sum_of_their_accounts(amount: float, size: float) -> None:
    accounts = dict.fromkeys({*disco.COMPANY, *disco.LOT}, amount)
    company, lots = (amount * sum(signs.values()) for signs in (disco.COMPANY, disco.LOT))

    def violation(first: float, second: float) -> float:
        cleared = made(accounts=accounts, company_profit=company + first, lot_profit=[lots + second - 1.0, 1.0])
        return disco._profits(NOTHING, NOTHING, NOTHING, cleared)

    assert violation(0.0, 0.0) == pytest.approx(0.0, abs=1e-12)
    assert violation(0.5, 0.0) == violation(-0.5, 0.0) == pytest.approx(size)
    assert violation(0.0, 0.5) == violation(0.0, -0.5) == pytest.approx(size)


def test_statistics_of_small_profits_are_amounts() -> None:
    one = made(probability=1.0, company_profit=0.5, lot_profit=[0.25])
    right = made(
        scenarios=(one,), expected_profit=0.5, cvar=0.5, value_at_risk=0.5, objective=0.75, alpha=0.5, beta=0.0,
        lot_expected_profit=[0.25],
    )  # fmt: skip
    assert disco._statistics(NOTHING, NOTHING, right) == pytest.approx(0.25)


def test_a_pessimist_may_know_nothing() -> None:
    assert disco._attitude(NOTHING, NOTHING, made(pessimistic=(-np.inf, -np.inf), objective=4.0)) == 0.0
