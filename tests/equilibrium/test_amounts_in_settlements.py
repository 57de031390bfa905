"""How much each statement about a scheduled day of two settlements says is wrong, for one wrong number at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equilibrium.markets.two_settlement import invariants as scheduled
from tests.equilibrium.test_amounts_in_charging import NOTHING, made, moved

GRID: Any = made(voltage_min_pu=[0.9, 0.95], voltage_max_pu=[1.1, 1.05])

UNITS = (
    made(least_kw=2.0, most_kw=8.0, rating_kva=9.0, min_up_h=2.0, min_down_h=1.0, on_before_h=0.5),
    made(least_kw=3.0, most_kw=18.0, rating_kva=19.0, min_up_h=1.0, min_down_h=2.0, on_before_h=-1.5),
)

STORES = (
    made(
        charge_efficiency=0.8, discharge_efficiency=0.5, initial_kwh=4.0, energy_min_kwh=1.0, energy_kwh=9.0,
    ),
    made(
        charge_efficiency=1.0, discharge_efficiency=1.0, initial_kwh=2.0, energy_min_kwh=2.0, energy_kwh=3.0,
    ),
)  # fmt: skip

SYSTEM: Any = made(
    grid=GRID, generators=UNITS, storages=STORES, outage_probability=[0.1, 0.2], lost_load_value=[3.0, 5.0]
)

LENGTH = np.array([0.5, 2.0, 2.0])


def bid(**changes: Any) -> Any:
    """One that buys and sells, and may be accepted in part."""
    values: dict[str, Any] = {
        "power_kw": [4.0, -6.0, 3.0],
        "must_take": False,
        "spinning_kw": [1.0, 2.0, 0.0],
        "regulating_kw": [0.0, 1.0, 2.0],
        "bus": 1,
    }
    return made(**{**values, **changes})


DAY: Any = made(
    length_h=LENGTH,
    held=[1, 2],
    scenarios=(
        made(probability=0.25, load_kw=[[10.0, 9.0], [20.0, 1.0], [5.0, 6.0]]),
        made(probability=0.75, load_kw=[[8.0, 7.0], [4.0, 5.0], [3.0, 2.0]]),
    ),
    bids=(bid(), bid(must_take=True)),
    spinning_need_kw=[1.0, 2.0, 3.0],
    regulating_need_kw=[4.0, 5.0, 6.0],
)
"""Three periods, of which the last two share their positions; two scenarios, two buses, two bids."""


def drawn(seed: int, *shape: int) -> Any:
    """Numbers from 1 to 2, no two alike."""
    return np.random.default_rng(seed).uniform(1.0, 2.0, shape)


def plan(**changes: Any) -> Any:
    """What each scenario does: scenarios, periods, and units, roots or buses."""
    values: dict[str, Any] = {
        "generator_kw": drawn(1, 2, 3, 2),
        "renewable_kw": drawn(2, 2, 3, 1),
        "root_kw": drawn(3, 2, 3, 2),
        "root_kvar": drawn(4, 2, 3, 2),
        "charge_kw": drawn(5, 2, 3, 2),
        "discharge_kw": drawn(6, 2, 3, 2),
        "shed_kw": drawn(7, 2, 3, 2),
        "more": drawn(8, 2, 2, 3),
        "less": drawn(9, 2, 2, 3),
    }
    return made(**{**values, **changes})


def of(found: Any, positions: Any = NOTHING) -> Any:
    return made(dispatch=found, positions=positions)


def test_what_is_given_is_what_is_served() -> None:
    """Relative to one more than the load of the scenario and period."""
    each = plan()
    accepted = np.array([[0.5, 0.25], [-1.0, 2.0]])
    for k, hour in np.ndindex(2, 3):
        position = accepted[0 if hour == 0 else 1].sum()
        given = each.generator_kw[k, hour].sum() + each.renewable_kw[k, hour].sum() + position
        given += (each.discharge_kw[k, hour] - each.charge_kw[k, hour]).sum() + each.shed_kw[k, hour].sum()
        each.root_kw[k, hour] = [0.5, DAY.scenarios[k].load_kw[hour].sum() - given - 0.5]
    right = made(accepted_kw=accepted)
    assert scheduled._balance(SYSTEM, DAY, of(each, right)) == pytest.approx(0.0, abs=1e-15)
    size = 0.5 / (1.0 + 11.0)
    for name in ("generator_kw", "root_kw", "charge_kw", "discharge_kw", "shed_kw"):
        for amount in (-0.5, 0.5):
            found = scheduled._balance(SYSTEM, DAY, of(moved(each, name, (0, 2, 1), amount), right))
            assert found == pytest.approx(size), name
    assert scheduled._balance(SYSTEM, DAY, of(moved(each, "renewable_kw", (1, 1, 0), 0.5), right)) == pytest.approx(
        0.05
    )
    wrong = made(accepted_kw=accepted + np.array([[0.0, 0.0], [0.5, 0.0]]))
    assert scheduled._balance(SYSTEM, DAY, of(each, wrong)) == pytest.approx(0.5 / 6.0)


def test_the_roots_give_what_was_traded_and_the_deviations() -> None:
    each, trade = plan(), made(trade_kw=[1.0, 2.0], trade_kvar=[3.0, -4.0])
    for row, traded, roots in ((0, [1.0, 2.0, 2.0], each.root_kw), (1, [3.0, -4.0, -4.0], each.root_kvar)):
        roots[..., 1] = traded + each.more[:, row] - each.less[:, row] - roots[..., 0]
    assert scheduled._traded(SYSTEM, DAY, of(each, trade)) == pytest.approx(0.0, abs=1e-15)
    for name, row in (("root_kw", 0), ("root_kvar", 1)):
        wanted = abs(each_sum := getattr(each, name)[1, 2].sum())
        assert each_sum != 0.0
        for amount in (-0.5, 0.5):
            found = scheduled._traded(SYSTEM, DAY, of(moved(each, name, (1, 2, 0), amount), trade))
            assert found == pytest.approx(0.5 / (1.0 + wanted)), name
        for other, sign in (("more", 1.0), ("less", -1.0)):
            found = scheduled._traded(SYSTEM, DAY, of(moved(each, other, (1, row, 2), 0.5), trade))
            assert found == pytest.approx(0.5 / (1.0 + abs(each_sum + 0.5 * sign))), other


def test_voltages_in_their_bands() -> None:
    right = made(voltage_pu=[[[0.9, 1.05], [1.1, 0.95]]])
    assert scheduled._voltages(SYSTEM, NOTHING, of(right)) == 0.0
    for at, amount in (((0, 0, 0), -0.02), ((0, 0, 1), 0.02), ((0, 1, 0), 0.02), ((0, 1, 1), -0.02)):
        assert scheduled._voltages(SYSTEM, NOTHING, of(moved(right, "voltage_pu", at, amount))) == pytest.approx(0.02)


def test_outputs_and_reserve_keep_the_limits_of_their_states() -> None:
    """The first unit runs in the first position, the other in the second, which lasts for two periods."""
    positions = made(on=[[1.0, 0.0], [0.0, 1.0]])
    right = made(
        generator_kw=[[[5.0, 0.0], [0.0, 7.0], [0.0, 15.0]]],
        generator_kvar=[[[0.0, 0.0], [0.0, -12.0], [0.0, 0.0]]],
        reserve_kw=[[[[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 4.0], [0.0, 2.0]]]],
    )
    assert scheduled._outputs(SYSTEM, DAY, of(right, positions)) == 0.0
    for name, at, amount, size in (
        ("generator_kw", (0, 0, 0), 0.5, 0.05),  # 1 + 9 and 1 + 19
        ("generator_kw", (0, 1, 0), 0.5, 0.05),
        ("generator_kw", (0, 2, 1), 0.5, 0.025),
        ("generator_kw", (0, 1, 1), -0.5, 0.025),  # 4 held for regulating down from 7 leave 3
        ("generator_kw", (0, 0, 0), -1.5, 0.05),
        ("generator_kw", (0, 0, 0), -4.5, 0.35),
        ("reserve_kw", (0, 0, 0, 0), 0.5, 0.05),
        ("reserve_kw", (0, 1, 1, 1), 0.5, 0.025),
        ("reserve_kw", (0, 0, 2, 1), 0.5, 0.025),
        ("reserve_kw", (0, 0, 1, 0), 0.5, 0.05),
        ("generator_kvar", (0, 0, 1), -0.5, 0.025),
        ("generator_kvar", (0, 1, 1), -10.0, (np.hypot(7.0, 22.0) - 19.0) / 20.0),
        ("generator_kvar", (0, 0, 0), 8.0, (np.hypot(5.0, 8.0) - 9.0) / 10.0),
    ):
        found = scheduled._outputs(SYSTEM, DAY, of(moved(right, name, at, amount), positions))
        assert found == pytest.approx(size), (name, at)


@pytest.mark.parametrize(
    ("first", "other", "broken"),
    [
        ([1, 1, 1, 1], [0, 0, 0, 0], 0.0),
        ([0, 0, 0, 0], [0, 0, 0, 0], 1.5),  # left after half an hour, two are the least
        ([1, 0, 0, 0], [0, 0, 0, 0], 1.0),
        ([1, 1, 1, 0], [0, 0, 0, 0], 0.0),
        ([1, 1, 1, 0], [1, 1, 0, 0], 0.5),  # one that was off for an hour and a half has to rest for two
        ([1, 1, 1, 0], [0, 1, 1, 0], 0.0),
        ([1, 1, 1, 0], [0, 1, 0, 0], 0.5),
        ([1, 1, 1, 0], [0, 1, 0, 1], 0.5 + 1.5),
        ([1, 1, 1, 0.25], [0, 0, 0, 0], 0.25),
        ([1, 1, 1, 0.75], [0, 0, 0, 0], 0.25),
    ],
)
def test_states_that_are_left_too_early(first: list[float], other: list[float], broken: float) -> None:
    """Periods of half an hour, each with a position of its own; relative to all states."""
    day = made(length_h=np.full(4, 0.5), held=[1, 1, 1, 1])
    positions = made(on=np.array([first, other], dtype=float).T)
    assert scheduled._states(SYSTEM, day, of(NOTHING, positions)) == pytest.approx(broken / 8.0)
    assert scheduled._states(made(generators=()), day, of(NOTHING, made(on=np.zeros((4, 0))))) == 0.0


def test_least_times_are_counted_in_hours() -> None:
    """On for two and a half hours, where two are the least: that makes up for nothing that others break."""
    unit, other = UNITS
    day = made(length_h=[2.0, 0.5, 0.25], held=[1, 1, 1])
    for first, second, broken in (
        ([1, 0, 0], [0, 0, 0], 0.0),
        ([1, 0, 1], [0, 0, 0], 0.5),
        ([1, 0, 0], [0, 1, 0], 0.5),
        ([1, 0.5, 0], [0, 0, 0], 0.5),
        ([0.5, 1, 1], [0, 0, 0], 0.5 + 1.5),
    ):
        positions = made(on=np.array([first, second], dtype=float).T)
        assert scheduled._states(SYSTEM, day, of(NOTHING, positions)) == pytest.approx(broken / 6.0)
    rested = made(**{**vars(other), "on_before_h": -0.5})
    begun = made(on=np.array([[0, 0, 0], [1, 1, 1]], dtype=float).T)
    still = made(**{**vars(unit), "on_before_h": 0.0})
    found = scheduled._states(made(generators=(still, rested)), day, of(NOTHING, begun))
    assert found == pytest.approx(1.5 / 6.0)


def test_energy_follows_power_one_way_at_a_time() -> None:
    """The first store takes 2 kW for half an hour at 0.8 and gives 0.1 and then 0.1 kW for two hours at a half."""
    right = made(
        charge_kw=[[[2.0, 0.0], [0.0, 0.25], [0.0, 0.0]]],
        discharge_kw=[[[0.0, 0.0], [0.1, 0.0], [0.1, 0.25]]],
        stored_kwh=[[[4.8, 2.0], [4.4, 2.5], [4.0, 2.0]]],
    )
    day = made(length_h=LENGTH, scenarios=(NOTHING,))
    assert scheduled._stored(SYSTEM, day, of(right)) == pytest.approx(0.0, abs=1e-12)
    assert scheduled._stored(made(storages=()), day, of(right)) == 0.0
    for name, at, amount, size in (
        ("stored_kwh", (0, 1, 0), 0.2, 0.02),  # 1 + 9 and 1 + 3
        ("stored_kwh", (0, 2, 1), -0.2, 0.05),
        ("stored_kwh", (0, 0, 1), -0.2, 0.05),
        ("charge_kw", (0, 0, 0), 1.0, 0.04),
        ("charge_kw", (0, 1, 0), 0.05, 0.008),
        ("discharge_kw", (0, 1, 0), 0.05, 0.02),
        ("discharge_kw", (0, 2, 1), 0.05, 0.025),
        ("charge_kw", (0, 2, 1), 0.2, 0.1),
    ):
        assert scheduled._stored(SYSTEM, day, of(moved(right, name, at, amount))) == pytest.approx(size), (name, at)
    full = made(
        charge_kw=np.zeros((1, 3, 2)), discharge_kw=np.zeros((1, 3, 2)),
        stored_kwh=[[[9.5, 2.0], [9.5, 1.5], [4.0, 2.0]]],
    )  # fmt: skip
    near = tuple(made(**{**vars(each), "initial_kwh": start}) for each, start in zip(STORES, (9.5, 2.0), strict=True))
    full.stored_kwh[0, 2, 0] = 9.5
    full.stored_kwh[0, 1, 1] = 2.0
    assert scheduled._stored(made(storages=near), day, of(full)) == pytest.approx(0.05)
    both = moved(moved(full, "charge_kw", (0, 0, 1), 0.4), "discharge_kw", (0, 0, 1), 0.4)
    assert scheduled._stored(made(storages=near), day, of(both)) == pytest.approx(0.1)


def test_no_more_of_a_bid_is_accepted_than_it_offers() -> None:
    """Positions hold for both of the last periods, in which a bid buys 6 and sells 3: neither can be accepted."""
    positions = made(
        accepted_kw=[[4.0, 0.0], [0.0, 0.0]],
        accepted_spinning_kw=[[1.0, 0.0], [0.0, 0.0]],
        accepted_regulating_kw=[[0.0, 0.0], [1.0, 1.0]],
    )
    free = made(**{**vars(DAY), "bids": (bid(), bid(power_kw=[4.0, 0.0, 0.0]))})
    assert scheduled._accepted(SYSTEM, free, of(NOTHING, positions)) == 0.0
    for name, at, amount, size in (
        ("accepted_kw", (0, 0), 0.7, 0.1),  # 1 + 6 and 1 + 4
        ("accepted_kw", (0, 1), -0.5, 0.1),
        ("accepted_kw", (1, 0), -0.7, 0.1),
        ("accepted_kw", (1, 0), 0.7, 0.1),
        ("accepted_spinning_kw", (0, 0), 0.7, 0.1),
        ("accepted_spinning_kw", (1, 1), -0.5, 0.1),
        ("accepted_regulating_kw", (1, 0), 0.7, 0.1),
        ("accepted_regulating_kw", (0, 1), 0.5, 0.1),
        ("accepted_regulating_kw", (0, 1), -0.5, 0.1),
    ):
        found = scheduled._accepted(SYSTEM, free, of(NOTHING, moved(positions, name, at, amount)))
        assert found == pytest.approx(size), (name, at)
    bound = made(length_h=[1.0, 1.0], held=[1, 1], bids=(bid(power_kw=[4.0, -6.0], must_take=True),))
    none = {f"accepted_{name}_kw": np.zeros((2, 1)) for name in ("spinning", "regulating")}
    bound.bids[0].spinning_kw = bound.bids[0].regulating_kw = np.zeros(2)
    for accepted, size in (([4.0, -6.0], 0.0), ([0.0, -6.0], 0.0), ([4.0, -5.3], 0.1), ([4.0, -6.7], 0.1)):
        taken = made(accepted_kw=np.array(accepted)[:, None], **none)
        assert scheduled._accepted(SYSTEM, bound, of(NOTHING, taken)) == pytest.approx(size)


def test_reserve_that_is_sold_or_needed_is_held_or_missing() -> None:
    """Spinning: 1, 2 and 3 are needed and 2, 5 and 5 sold; regulating: 4, 5 and 6 are needed."""
    positions = made(
        spinning_kw=[2.0, 5.0],
        accepted_spinning_kw=[[0.5, 0.5], [1.0, 0.0]],
        accepted_regulating_kw=[[0.5, 0.5], [1.0, 1.0]],
    )
    right = made(
        reserve_kw=[[[[0.5, 0.5], [2.0, 2.0], [3.0, 2.0]], [[1.0, 1.0], [1.0, 1.0], [2.0, 1.0]]]],
        ready_kw=[[[0.5, 0.0], [1.0, 0.5], [1.0, 0.5]]],
        missing_kw=[[[0.5, 0.5, 0.5], [1.0, 1.0, 1.0]]],
    )
    assert scheduled._reserve(SYSTEM, DAY, of(right, positions)) == 0.0
    for name, at, asked in (
        ("reserve_kw", (0, 0, 1, 0), 7.0),
        ("reserve_kw", (0, 1, 2, 1), 6.0),
        ("ready_kw", (0, 0, 0), 3.0),
        ("missing_kw", (0, 0, 2), 8.0),
        ("missing_kw", (0, 1, 0), 4.0),
    ):
        assert scheduled._reserve(SYSTEM, DAY, of(moved(right, name, at, 0.5), positions)) == 0.0
        found = scheduled._reserve(SYSTEM, DAY, of(moved(right, name, at, -0.5), positions))
        assert found == pytest.approx(0.5 / (1.0 + asked)), (name, at)
    for name, place, asked in (("accepted_spinning_kw", (1, 0), 7.0), ("accepted_regulating_kw", (0, 1), 4.0)):
        found = scheduled._reserve(SYSTEM, DAY, of(right, moved(positions, name, place, -0.5)))
        assert found == pytest.approx(0.5 / (1.0 + asked)), name
    found = scheduled._reserve(SYSTEM, DAY, of(right, moved(positions, "spinning_kw", 0, 0.5)))
    assert found == pytest.approx(0.5 / 4.5)


def test_interruption_is_its_sum_and_no_more_than_all_load() -> None:
    """What may be lost: loads at 3 and 5 a kWh, and 6 kW at bus 1 that one bid must get, in three tenths of outages."""
    lost = np.array([
        0.5 * (0.25 * (30.0 + 45.0) + 0.75 * (24.0 + 35.0)),
        2.0 * (0.25 * (60.0 + 5.0) + 0.75 * (12.0 + 25.0) + 30.0),
        2.0 * (0.25 * (15.0 + 30.0) + 0.75 * (9.0 + 10.0)),
    ])  # fmt: skip
    limit = 0.3 * lost
    right = made(interruption_by_period=limit, interruption=limit.sum())
    assert scheduled._interrupted(SYSTEM, DAY, right) == pytest.approx(0.0, abs=1e-12)
    for hour in range(3):
        wrong = moved(right, "interruption_by_period", hour, 2.0)
        wrong.interruption += 2.0
        assert scheduled._interrupted(SYSTEM, DAY, wrong) == pytest.approx(2.0 / (1.0 + limit[hour]))
    negative = made(interruption_by_period=np.array([-0.5, 0.0, 1.0]), interruption=0.5)
    assert scheduled._interrupted(SYSTEM, DAY, negative) == pytest.approx(0.5 / (1.0 + limit[0]))
    for amount in (-0.5, 0.5):
        told = made(interruption_by_period=np.array([0.5, 0.25, 0.25]), interruption=1.0 + amount)
        assert scheduled._interrupted(SYSTEM, DAY, told) == pytest.approx(0.5 / (2.0 + amount))


def test_points_of_a_front_come_by_falling_profit_and_interruption() -> None:
    for front, size in (
        ([[9.0, 5.0], [8.0, 4.0], [8.0, 3.0]], 0.0),
        ([[9.0, 5.0], [9.5, 4.0]], 0.5),
        ([[9.0, 5.0], [8.0, 5.25]], 0.25),
    ):
        assert scheduled._front(SYSTEM, DAY, made(front=front)) == size
