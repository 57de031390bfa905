"""Demand response: the load model against numbers worked out by hand, and its laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.demand_response import Elasticity, ResponseProgram, respond, response_cost, response_factor
from equilibrium.errors import InputError

# Four periods: two in the peak, two outside.
PERIODS = ("low", "peak", "peak", "low")
ELASTICITY = Elasticity.blocks(PERIODS, {("peak", "peak"): -0.1, ("peak", "low"): 0.02, ("low", "low"): -0.2})
LOAD = np.array([[10.0, 0.0], [20.0, 10.0], [20.0, 20.0], [10.0, 5.0]])


def program(
    tariff: object = (1.0,) * 4, incentive: object = 0.0, penalty: object = 0.0, share: float = 0.0
) -> ResponseProgram:
    return ResponseProgram(
        "test", *(np.broadcast_to(np.array(v, float), 4) for v in (tariff, incentive, penalty)), share
    )


signals = st.lists(st.floats(0.0, 0.4), min_size=4, max_size=4)


def test_blocks_fill_every_pair_of_hours() -> None:
    a, b, c = -0.1, 0.02, -0.2
    assert ELASTICITY.values.tolist() == [[c, b, b, c], [b, a, a, b], [b, a, a, b], [c, b, b, c]]


def test_load_is_that_of_the_hand_computed_table() -> None:
    # Signals: low -0.5 each, peak (2 - 1 + 0.3 + 0.2) = 1.5 each, half of the load takes part.
    # So the peak has the factor 1 + 0.5 (2 * 1.5 * -0.1 + 2 * -0.5 * 0.02) = 0.84, and the rest
    # has 1 + 0.5 (2 * 1.5 * 0.02 + 2 * -0.5 * -0.2) = 1.13.
    chosen = program((0.5, 2.0, 2.0, 0.5), (0, 0.3, 0.3, 0), (0, 0.2, 0.2, 0), 0.25)
    assert response_factor(1.0, chosen, ELASTICITY, 0.5) == pytest.approx([1.13, 0.84, 0.84, 1.13], rel=1e-14)
    after = respond(LOAD, 1.0, chosen, ELASTICITY, 0.5)
    assert after == pytest.approx(np.array([[11.3, 0], [16.8, 8.4], [16.8, 16.8], [11.3, 5.65]]), rel=1e-14)
    # The peak falls by 4.8 and 6.4 of 30 and 40; the contract is a quarter, 7.5 and 10.
    paid, fined = 0.3 * 11.2, 0.2 * (17.5 - 11.2)
    assert response_cost(LOAD, after, chosen) == pytest.approx(paid - fined, rel=1e-12)
    assert response_cost(LOAD, after, chosen, penalty_sign=-1.0) == pytest.approx(paid + fined, rel=1e-12)
    assert response_cost(LOAD, after, chosen, period_h=0.5) == pytest.approx(0.5 * (paid - fined), rel=1e-12)


def test_other_loads_shapes_have_the_same_factor() -> None:
    chosen = program((0.5, 2.0, 2.0, 0.5))
    total = respond(LOAD.sum(axis=1), 1.0, chosen, ELASTICITY)
    assert respond(LOAD, 1.0, chosen, ELASTICITY).sum(axis=1) == pytest.approx(total, rel=1e-14)


@given(st.floats(0.1, 5.0), st.floats(0.0, 1.0))
def test_no_signal_leaves_the_load(base: float, participation: float) -> None:
    same = respond(LOAD, base, program((base,) * 4), ELASTICITY, participation)
    assert np.array_equal(same, LOAD)
    assert response_cost(LOAD, same, program((base,) * 4)) == 0.0


@given(signals, signals, signals, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_response_is_linear_in_each_signal_and_in_participation(
    tariff: list[float], incentive: list[float], penalty: list[float], p: float, q: float
) -> None:
    full = program(1.0 + np.array(tariff), incentive, penalty)
    change = response_factor(1.0, full, ELASTICITY) - 1.0
    assert response_factor(1.0, full, ELASTICITY, p) - 1.0 == pytest.approx(p * change, abs=1e-12)
    parts = (program(1.0 + np.array(tariff)), program(incentive=incentive), program(penalty=penalty))
    assert sum(response_factor(1.0, part, ELASTICITY) - 1.0 for part in parts) == pytest.approx(change, abs=1e-12)
    shrunk = program(1.0 + q * np.array(tariff), q * np.array(incentive), q * np.array(penalty))
    assert response_factor(1.0, shrunk, ELASTICITY) - 1.0 == pytest.approx(q * change, abs=1e-12)


@given(signals, st.integers(1, 4))
def test_cutting_periods_changes_nothing(tariff: list[float], parts: int) -> None:
    whole = program(1.0 + np.array(tariff), 0.1, 0.1)
    cut = replace(whole, **{key: np.repeat(getattr(whole, key), parts) for key in ("tariff", "incentive", "penalty")})
    factor = response_factor(1.0, whole, ELASTICITY)
    refined = ELASTICITY.over(np.repeat(np.arange(len(factor)), parts), np.full(len(factor) * parts, 1.0 / parts))
    assert response_factor(1.0, cut, refined) == pytest.approx(np.repeat(factor, parts), rel=1e-12)
    load = np.repeat(LOAD, parts, axis=0)
    cost = response_cost(load, respond(load, 1.0, cut, refined), cut, period_h=1.0 / parts)
    assert cost == pytest.approx(response_cost(LOAD, respond(LOAD, 1.0, whole, ELASTICITY), whole), rel=1e-12)


def test_a_program_without_new_tariffs_earns_the_base_tariff() -> None:
    chosen = program((0.7,) * 4, (0, 0.3, 0.3, 0), (0, 0.2, 0.2, 0))
    after = respond(LOAD, 0.7, chosen, ELASTICITY, 0.2)
    assert (chosen.tariff @ after).sum() / after.sum() == pytest.approx(0.7, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Elasticity(np.zeros((2, 3))), r"values: got \(2, 3\), expected a square matrix"),
        (lambda: Elasticity(np.full((2, 2), np.nan)), "finite numbers"),
        (lambda: Elasticity.blocks(PERIODS, {("peak", "peak"): 1.0}), r"\(low, low\): got None"),
        (lambda: Elasticity.blocks(["a"], {("a", "a"): -0.1, ("a", "b"): 0.1}), r"got \('a', 'b'\), expected two of"),
        (lambda: program(incentive=-0.1), "program test: incentive"),
        (lambda: program(tariff=np.inf), "program test: tariff"),
        (lambda: program(share=1.5), "contracted_share: got 1.5"),
        (lambda: ResponseProgram("short", np.ones(4), np.ones(3), np.ones(4)), r"program short: incentive: got \(3,\)"),
        (lambda: response_factor(1.0, program(), Elasticity(np.eye(3))), r"elasticity: got \(3, 3\)"),
        (lambda: response_factor(1.0, program(), ELASTICITY, 1.2), "participation: got 1.2"),
        (lambda: response_factor(0.0, program(), ELASTICITY), "base_tariff: got 0.0"),
        (lambda: respond(LOAD[:3], 1.0, program(), ELASTICITY), r"load_kw: got \(3, 2\), expected 4 periods"),
        (lambda: respond(LOAD, 1.0, program((1, 50, 50, 1)), ELASTICITY), "load factor in period 1"),
        (lambda: response_cost(LOAD, LOAD, program(), penalty_sign=0.5), "penalty_sign: got 0.5"),
        (lambda: response_cost(LOAD, LOAD[:, :1], program()), "the same shape"),
    ],
)
def test_bad_input_is_named(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
