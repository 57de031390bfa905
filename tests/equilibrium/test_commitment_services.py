"""Ancillary services and fuels of a unit commitment, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.programs.commitment import Ability, Burning, Fuel, Service, System, Unit, commit, price_schedule

A = Unit("a", [0.0, 100.0], [0.0, 2000.0], ramp_up=60.0, ramp_down=60.0, initial=5, initial_power=50.0)
B = Unit("b", [0.0, 100.0], [0.0, 5000.0], initial=5)
REGULATION = Service("regulation", 5.0, 1.0, 1e4, rung=0, regulating=True, abilities={"a": Ability(5.0)})
SPINNING = Service("spinning", 10.0, 15.0, 100.0, rung=1, abilities={"a": Ability()})


def cost(load: list[float], *units: Unit, **more: Any) -> float:
    """Cost of the best schedule."""
    return commit(System(len(load), {"bus": np.array(load)}, units, **more)).cost


def test_a_unit_holds_ready_what_it_reaches_in_time() -> None:
    """60 MW an hour are 10 in ten minutes; 5 of 15 are missing at 100 each."""
    assert cost([50.0], A, services=(SPINNING,)) == pytest.approx(50 * 20.0 + 5 * 100.0)
    assert cost([50.0], A, services=(replace(SPINNING, abilities={"a": Ability(8.0)}),)) == pytest.approx(1700.0)


def test_what_is_faster_counts_for_what_may_be_slower() -> None:
    """1 and 9 are asked for: regulation alone gives 5 of the 10; at 60 MW an hour 1 of it leaves a ramp for 8 more."""
    spinning = replace(SPINNING, amount=9.0)
    quick = replace(A, ramp_up=120.0)
    assert cost([50.0], quick, services=(REGULATION, spinning)) == pytest.approx(1000.0)
    assert cost([50.0], A, services=(REGULATION, spinning)) == pytest.approx(1000.0 + 100.0)
    less = replace(SPINNING, amount=9.0, abilities={})
    assert cost([50.0], quick, services=(REGULATION, less)) == pytest.approx(1000.0 + 5 * 100.0)


def test_a_unit_that_regulates_stays_in_its_band() -> None:
    """Between 20 and 80: with 1 MW upward it gives 79 of 90, and the dearer unit the rest."""
    banded = replace(A, band=(20.0, 80.0), initial_power=75.0)
    assert cost([90.0], banded, B, services=(REGULATION,)) == pytest.approx(79 * 20.0 + 11 * 50.0)
    down = replace(REGULATION, name="down", up=False, rung=None)
    free = replace(banded, initial_power=20.0)
    assert cost([10.0], free, B, services=(down,), spill_cost=100.0) == pytest.approx(21 * 20.0 + 11 * 100.0)


def test_what_is_held_ready_costs_what_it_costs() -> None:
    """10 MW at 3 each, and an hour of regulation at 70 for the 1 MW of it at 2."""
    priced = replace(SPINNING, amount=10.0, abilities={"a": Ability(cost=3.0)})
    assert cost([50.0], A, services=(priced,)) == pytest.approx(1000.0 + 30.0)
    banded = replace(A, band=(20.0, 80.0))
    regulation = replace(REGULATION, abilities={"a": Ability(5.0, cost=2.0, standing_cost=70.0)})
    assert cost([50.0], banded, services=(regulation,)) == pytest.approx(1000.0 + 72.0)


def test_a_ramp_is_shared() -> None:
    """From 50 MW up to 70: 20 of 60 are used, so 40 / 6 of spinning reserve are left; its mean counts later."""
    answer = commit(System(1, {"bus": 70.0}, (A,), services=(SPINNING,)))
    assert answer.cost == pytest.approx(70 * 20.0 + (15.0 - 40.0 / 6.0) * 100.0)
    later = cost([70.0, 70.0], A, services=(SPINNING,))
    assert later == pytest.approx(2 * 1400.0 + (15.0 - 40.0 / 6.0) * 100.0 + 5 * 100.0)


def test_a_ramp_is_shared_downward_and_over_two_hours() -> None:
    """50 MW down to 20 leave 30 of 60: 2.5 MW in five minutes. 50 up to 90 leave 20 for the mean of both hours."""
    down = replace(REGULATION, name="down", up=False, rung=None, regulating=False, amount=5.0)
    assert cost([20.0], A, services=(down,)) == pytest.approx(20 * 20.0 + 2.5 * 1e4)
    still = replace(down, averaged=False)
    assert cost([50.0, 20.0], A, services=(still,)) == pytest.approx(70 * 20.0 + 2.5 * 1e4)
    both = 20.0 / 6.0 * 2.0  # what both hours can hold together
    assert cost([50.0, 90.0], A, services=(SPINNING,)) == pytest.approx(140 * 20.0 + (30.0 - both) * 100.0)


def test_units_that_are_off_can_answer_too_and_areas_ask_for_themselves() -> None:
    cold = replace(B, name="c", initial=-5, power=[10.0, 100.0], cost=[900.0, 9000.0])
    standing = Service("standing", 10.0, 25.0, 100.0, abilities={"c": Ability(0.0, 30.0)})
    assert cost([50.0], A, cold, services=(standing,)) == pytest.approx(1000.0)
    east = replace(standing, amount=0.0, areas={"east": 25.0})
    assert cost([50.0], A, cold, services=(east,)) == pytest.approx(1000.0 + 2500.0)
    assert cost([50.0], A, replace(cold, areas=("east",)), services=(east,)) == pytest.approx(1000.0)


BURNER = Unit("burner", [0.0, 100.0], [0.0, 0.0], initial=5, burning=Burning(("gas",), (5.0,), [0.0, 200.0]))
GAS = Fuel("gas", 100.0)
DEAR = Unit("dear", [0.0, 100.0], [0.0, 3000.0], initial=5)


def test_a_limited_fuel() -> None:
    """Two units of gas a MWh at 5 each; 100 an hour are 50 MW, and 30 MW come from elsewhere at 30."""
    assert cost([80.0], BURNER, DEAR, fuels=(GAS,)) == pytest.approx(50 * 10.0 + 30 * 30.0)
    assert cost([80.0], BURNER, DEAR) == pytest.approx(80 * 10.0)


def test_a_second_fuel_in_its_place_or_beside_it() -> None:
    both = Burning(("gas", "oil"), (5.0, 8.0), [0.0, 200.0])
    assert cost([80.0], replace(BURNER, burning=both), DEAR, fuels=(GAS,)) == pytest.approx(160 * 8.0)
    mixed = replace(both, blending=True)
    assert cost([80.0], replace(BURNER, burning=mixed), DEAR, fuels=(GAS,)) == pytest.approx(100 * 5.0 + 60 * 8.0)
    kept = replace(both, switching=False)
    assert cost([80.0], replace(BURNER, burning=kept), DEAR, fuels=(GAS,)) == pytest.approx(1400.0)
    assert cost([80.0, 80.0], replace(BURNER, burning=kept), DEAR, fuels=(GAS,)) == pytest.approx(2800.0)
    oil = replace(kept, burning=1)
    assert cost([80.0, 20.0], replace(BURNER, burning=oil), DEAR, fuels=(GAS,)) == pytest.approx(1280.0 + 320.0)
    assert cost([80.0], replace(BURNER, burning=oil), DEAR, fuels=(GAS,)) == pytest.approx(1280.0)


def test_a_start_burns_too() -> None:
    started = replace(BURNER, initial=-5, burning=replace(BURNER.burning, start_use=(30.0,)))  # type: ignore[type-var]
    assert cost([20.0], started, fuels=(GAS,)) == pytest.approx(20 * 10.0 + 30 * 5.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: cost([1.0], A, services=(replace(SPINNING, minutes=0.0),)), "spinning: minutes: got 0.0"),
        (lambda: cost([1.0], A, services=(replace(SPINNING, up=False),)), "spinning: rung: got 1"),
        (lambda: cost([1.0], B, services=(SPINNING,)), "spinning: abilities: got 'a', expected units such as b"),
        (lambda: cost([1.0], replace(BURNER, burning=Burning(("gas",), (), [0.0, 1.0]))), "burner: prices"),
        (lambda: cost([1.0], replace(BURNER, burning=Burning(("gas",), (1.0,), [0.0]))), "burner: use: got [0.0]"),
        (
            lambda: cost([1.0], replace(BURNER, burning=Burning(("gas",), (1.0,), [0.0, 1.0], (1.0, 2.0)))),
            "burner: start_use",
        ),
        (
            lambda: price_schedule(commit(System(1, {"bus": 50.0}, (A,), services=(SPINNING,)))),
            "prices: services: got 1, expected none: they have no price here",
        ),
    ],
)
def test_one_line_names_what_cannot_be(make: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert words in str(caught.value)
