"""Demand response at the edge of what is taken, and its cost by hand with unequal periods and buses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from equilibrium.demand_response import Elasticity, ResponseProgram, respond, response_cost, response_factor
from equilibrium.errors import InputError

INF = float("inf")


def program(**changes: Any) -> ResponseProgram:
    values: dict[str, Any] = {
        "name": "made",
        "tariff": np.array([12.0, 9.0, 6.0]),
        "incentive": np.array([1.0, 0.0, 2.0]),
        "penalty": np.array([0.5, 3.0, 0.0]),
        "contracted_share": 0.25,
    }
    return ResponseProgram(**{**values, **changes})


ANSWERS = Elasticity(np.array([[-0.2, 0.01, 0.02], [0.03, -0.1, 0.04], [0.05, 0.06, -0.3]]))


def test_a_factor_by_hand() -> None:
    """Bases of 10, 8 and 4: signals of 3.5, 4 and 4 of them."""
    base = np.array([10.0, 8.0, 4.0])
    signal = np.array([0.35, 0.5, 1.0])
    wanted = 1.0 + 0.5 * np.array(
        [-0.2 * 0.35 + 0.01 * 0.5 + 0.02, 0.03 * 0.35 - 0.1 * 0.5 + 0.04, 0.05 * 0.35 + 0.06 * 0.5 - 0.3]
    )
    assert response_factor(base, program(), ANSWERS, 0.5) == pytest.approx(wanted)
    assert response_factor(base, program(), ANSWERS) == pytest.approx(1.0 + ANSWERS.values @ signal)
    load = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    assert respond(load, base, program(), ANSWERS, 0.5) == pytest.approx(load * wanted[:, None])
    assert respond(load[:, 1], base, program(), ANSWERS, 0.5) == pytest.approx(load[:, 1] * wanted)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_cost_by_hand(sign: float) -> None:
    """Of 10, 20 and 40 kW 4, -2 and 8 are given up, where 2.5, 5 and 10 were agreed on."""
    before = np.array([[4.0, 6.0], [15.0, 5.0], [40.0, 0.0]])
    after = np.array([[1.0, 5.0], [16.0, 6.0], [30.0, 2.0]])
    hours = np.array([1.0, 0.5, 0.25])
    paid = 1.0 * 1.0 * 4.0 + 0.25 * 2.0 * 8.0
    fined = 1.0 * 0.5 * (2.5 - 4.0) + 0.5 * 3.0 * (5.0 + 2.0)
    found = response_cost(before, after, program(), penalty_sign=sign, period_h=hours)
    assert found == pytest.approx(paid - sign * fined)
    flat = response_cost(before.sum(axis=1), after.sum(axis=1), program(), penalty_sign=sign, period_h=0.5)
    assert flat == pytest.approx(0.5 * (4.0 + 16.0) - sign * 0.5 * (0.5 * -1.5 + 3.0 * 7.0))


def test_what_is_at_the_edge_is_taken() -> None:
    assert program(contracted_share=0.0).contracted_share == 0.0
    assert program(contracted_share=1.0).periods == 3
    assert program(tariff=np.array([-1.0, 0.0, 1.0]), incentive=np.zeros(3), penalty=np.zeros(3)).periods == 3
    assert response_factor(10.0, program(), ANSWERS, 0.0).tolist() == [1.0] * 3
    stopped = ResponseProgram("stop", np.array([20.0]), np.zeros(1), np.zeros(1))
    assert respond(np.array([5.0]), 10.0, stopped, Elasticity(np.array([[-1.0]]))).tolist() == [0.0]
    assert Elasticity(np.array([[2.0]])).values.shape == (1, 1)


def test_an_elasticity_over_periods_of_its_hours() -> None:
    found = ANSWERS.over(np.array([0, 0, 2]), np.array([0.5, 0.25, 2.0]))
    assert found.values == pytest.approx(np.array([[-0.1, -0.05, 0.04], [-0.1, -0.05, 0.04], [0.025, 0.0125, -0.6]]))


def test_blocks_take_a_pair_in_either_order() -> None:
    values = {("on", "on"): -0.1, ("off", "on"): 0.2, ("off", "off"): -0.3, ("on", "off"): 0.4}
    found = Elasticity.blocks(["off", "on", "off"], values)
    assert found.values.tolist() == [[-0.3, 0.2, -0.3], [0.4, -0.1, 0.4], [-0.3, 0.2, -0.3]]
    del values["on", "off"]
    assert Elasticity.blocks(["off", "on"], values).values.tolist() == [[-0.3, 0.2], [0.2, -0.1]]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: Elasticity(np.zeros((2, 3))),
            "Elasticity: values: got (2, 3), expected a square matrix, (periods, periods)",
        ),
        (
            lambda: Elasticity(np.zeros((0, 0))),
            "Elasticity: values: got (0, 0), expected a square matrix, (periods, periods)",
        ),
        (lambda: Elasticity(np.zeros(4)), "Elasticity: values: got (4,), expected a square matrix, (periods, periods)"),
        (
            lambda: Elasticity(np.array([[INF]])),
            "Elasticity: values: got 'a value that is not finite', expected finite numbers",
        ),
        (
            lambda: Elasticity.blocks(["a", "b"], {("a", "c"): 1.0}),
            "Elasticity.blocks: pair: got ('a', 'c'), expected two of the periods a, b",
        ),
        (
            lambda: Elasticity.blocks(["a", "b"], {("a", "a"): 1.0, ("b", "b"): 1.0}),
            "Elasticity.blocks: (a, b): got None, expected a value for this pair",
        ),
        (
            lambda: program(incentive=np.ones(2)),
            "program made: incentive: got (2,), expected one value for each period, as the tariff has",
        ),
        (
            lambda: program(tariff=np.ones((3, 1))),
            "program made: tariff: got (3, 1), expected one value for each period, as the tariff has",
        ),
        (
            lambda: program(penalty=np.array([0.0, -0.5, 1.0])),
            "program made: penalty: got [0.0, -0.5, 1.0], expected finite numbers >= 0",
        ),
        (
            lambda: program(tariff=np.array([0.0, INF, 1.0])),
            "program made: tariff: got [0.0, inf, 1.0], expected finite numbers",
        ),
        (
            lambda: program(contracted_share=1.01),
            "program made: contracted_share: got 1.01, expected a share, 0 to 1",
        ),
        (
            lambda: program(contracted_share=-0.01),
            "program made: contracted_share: got -0.01, expected a share, 0 to 1",
        ),
        (
            lambda: response_factor(1.0, program(), Elasticity(np.eye(2))),
            "demand response: elasticity: got (2, 2), expected (3, 3), as program made has 3 periods",
        ),
        (
            lambda: response_factor(1.0, program(), ANSWERS, 1.01),
            "demand response: participation: got 1.01, expected a share, 0 to 1",
        ),
        (
            lambda: response_factor(1.0, program(), ANSWERS, -0.01),
            "demand response: participation: got -0.01, expected a share, 0 to 1",
        ),
        (
            lambda: response_factor(np.array([1.0, 0.0, 2.0]), program(), ANSWERS),
            "demand response: base_tariff: got [1.0, 0.0, 2.0], expected one price > 0, or 3 of them",
        ),
        (
            lambda: response_factor(np.ones(2), program(), ANSWERS),
            "demand response: base_tariff: got [1.0, 1.0], expected one price > 0, or 3 of them",
        ),
        (
            lambda: respond(np.ones(2), 10.0, program(), ANSWERS),
            "demand response: load_kw: got (2,), expected 3 periods first",
        ),
        (
            lambda: respond(np.ones(3), 1.0, program(), Elasticity(np.diag([-0.0, -0.25, -0.0]))),
            "program made: load factor in period 1: got -1.75, "
            "expected a factor >= 0: weaker signals, elasticities or participation",
        ),
        (
            lambda: response_cost(np.ones(3), np.ones(3), program(), penalty_sign=0.5),
            "response_cost: penalty_sign: got 0.5, expected 1 (income) or -1 (cost)",
        ),
        (
            lambda: response_cost(np.ones(3), np.ones((3, 1)), program()),
            "response_cost: load_kw, responded_kw: got '(3,) and (3, 1)', expected the same shape, 3 periods",
        ),
        (
            lambda: response_cost(np.ones(2), np.ones(2), program()),
            "response_cost: load_kw, responded_kw: got '(2,) and (2,)', expected the same shape, 3 periods",
        ),
        (
            lambda: response_cost(np.ones(3), np.ones(3), program(), period_h=np.ones(2)),
            "response_cost: period_h: got (2,), expected one length for each of 3 periods",
        ),
    ],
)
def test_what_cannot_be_is_told_in_full(call: Callable[[], object], told: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == told
