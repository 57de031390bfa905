"""Value functions of one vehicle step by step: against the best of many energies, and what rounding may take away."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.errors import SolverError
from equilibrium.fleet import battery
from equilibrium.fleet.battery import Step, Worth, before, onward

SAME, FLAT = battery.SAME_KWH, battery.STRAIGHT


def best(after: Worth, step: Step, energy: float, low: float, high: float) -> float:
    """The most that can be earned from an energy on, by trying many energies at the end of the period."""
    ends = [*after.energy_kwh, energy, energy + step.charge_kwh, energy - step.discharge_kwh]
    ends += np.linspace(energy - step.discharge_kwh, energy + step.charge_kwh, 101).tolist()
    worth = -np.inf
    for end in ends:
        change = end - energy
        if not (after.energy_kwh[0] <= end <= after.energy_kwh[-1] and low <= energy <= high):
            continue
        if -step.discharge_kwh - 1e-12 <= change <= step.charge_kwh + 1e-12:
            gain = step.charge_worth * change if change > 0.0 else -step.discharge_worth * change
            worth = max(worth, gain + float(after.at(np.array([end]))[0]))
    return worth


@pytest.mark.parametrize("seed", range(12))
def test_a_value_function_is_the_best_of_all_that_can_follow(seed: int) -> None:
    """Of three periods before a wish of 20 kWh, with gains and losses of either sign."""
    rng = np.random.default_rng(seed)
    after = Worth(np.array([20.0]), np.zeros(1))
    for _ in range(3):
        step = Step(*rng.uniform(0.0, 6.0, 2).tolist(), *rng.uniform(-2.0, 2.0, 2).tolist())
        found = before(after, step, 12.0, 24.0)
        assert (np.diff(found.energy_kwh) > 0.0).all()
        assert (found.energy_kwh[0] >= 12.0, found.energy_kwh[-1] <= 24.0) == (True, True)
        for energy in np.linspace(found.energy_kwh[0], found.energy_kwh[-1], 9).tolist():
            wanted = best(after, step, energy, 12.0, 24.0)
            assert float(found.at(np.array([energy]))[0]) >= wanted - 1e-9
            if energy in found.energy_kwh.tolist():
                assert float(found.at(np.array([energy]))[0]) == pytest.approx(wanted, abs=1e-6)
        energies = rng.uniform(found.energy_kwh[0], found.energy_kwh[-1], 5)
        ends = onward(after, step, energies)
        for energy, end in zip(energies.tolist(), ends.tolist(), strict=True):
            change = end - energy
            gain = step.charge_worth * change if change > 0.0 else -step.discharge_worth * change
            got = gain + float(after.at(np.array([end]))[0])
            assert got == pytest.approx(best(after, step, energy, 12.0, 24.0), abs=1e-9)
        after = found


def test_energies_that_are_one() -> None:
    """Relative to one more than their size."""
    near, far = 10.0 + 10.0 * SAME, 10.0 + 12.0 * SAME
    assert battery._distinct(np.array([10.0, 3.0, near])).tolist() == [3.0, 10.0]
    assert battery._distinct(np.array([far, 3.0, 10.0])).tolist() == [3.0, 10.0, far]
    assert battery._distinct(np.array([0.0, 0.9 * SAME])).tolist() == [0.0]
    assert battery._distinct(np.array([0.0, 1.1 * SAME])).tolist() == [0.0, 1.1 * SAME]


def test_the_greatest_of_the_points_between() -> None:
    x, w = np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 7.0, 1.0, 4.0])
    low, high = np.array([0.0, -1.0, 1.5, 2.0, 1.0, 2.5]), np.array([2.0, 9.0, 2.5, 3.0, 1.0, 9.0])
    assert battery._window_maximum(x, w, low, high).tolist() == [7.0, 7.0, 1.0, -np.inf, -np.inf, 4.0]


def test_five_lines_of_a_piece() -> None:
    """Nothing, all that can be charged, all that can be discharged, and the best point within reach either way."""
    after = Worth(np.array([0.0, 4.0, 10.0]), np.array([0.0, 8.0, 9.0]))
    step = Step(3.0, 2.0, -1.0, 0.5)
    lines = battery._lines(after, step, np.array([2.0, 8.0]), np.array([3.0, 9.0]))
    # at 2 and 3: as it is; 3 more for 1 each; 2 less for 1/2 each; to 4 for 1 each; down to nothing
    at = after.at
    assert lines[0] == pytest.approx(np.array([at(np.array([2.0, 3.0])), at(np.array([8.0, 9.0]))]))
    assert lines[1, 0] == pytest.approx(at(np.array([5.0, 6.0])) - 3.0)
    assert lines[2] == pytest.approx(np.array([at(np.array([0.0, 1.0])), at(np.array([6.0, 7.0]))]) + 1.0)
    assert lines[1, 1].tolist() == [-np.inf, -np.inf]  # beyond the last energy
    assert lines[3, 0] == pytest.approx([8.0 - 2.0, 8.0 - 1.0])
    assert lines[3, 1] == pytest.approx([9.0 - 2.0, 9.0 - 1.0])
    assert lines[4].tolist() == [[-np.inf] * 2] * 2


def test_a_point_down_within_reach() -> None:
    after = Worth(np.array([0.0, 4.0, 10.0]), np.array([0.0, 8.0, 9.0]))
    lines = battery._lines(after, Step(3.0, 2.0, -1.0, 0.5), np.array([5.0]), np.array([5.5]))
    assert lines[4, 0] == pytest.approx([8.0 + 0.5 * 1.0, 8.0 + 0.5 * 1.5])


def test_where_two_lines_cross_on_top() -> None:
    """Of a rising and a falling line in the middle of [2, 4]; a third above it hides the point, and one below not."""
    ends = np.full((5, 1, 2), -np.inf)
    ends[0, 0], ends[1, 0] = [0.0, 6.0], [3.0, 3.0]
    where, height = battery._crossings(np.array([2.0]), np.array([4.0]), ends)
    assert (where.tolist(), height.tolist()) == ([3.0], [3.0])
    ends[2, 0] = [2.9, 2.9]
    assert battery._crossings(np.array([2.0]), np.array([4.0]), ends)[0].tolist() == [3.0]
    ends[2, 0] = [3.5, 3.5]
    found = sorted(battery._crossings(np.array([2.0]), np.array([4.0]), ends)[0].tolist())
    assert found == pytest.approx([2.0 + 2.0 * 3.5 / 6.0])
    ends[1, 0] = ends[2, 0] = [6.0, 6.0]
    assert battery._crossings(np.array([2.0]), np.array([4.0]), ends)[0].size == 0  # at an end is no crossing


def test_points_on_a_line_are_left_out_but_for_rounding() -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    straight = battery._straightened(x, 2.0 * x)
    assert (straight.energy_kwh.tolist(), straight.value.tolist()) == ([0.0, 3.0, 4.0], [0.0, 6.0, 8.0])
    bent = battery._straightened(x, np.array([0.0, 2.0, 4.0, 5.0, 6.0]))
    assert bent.energy_kwh.tolist() == [0.0, 2.0, 4.0]
    for off, size in ((0.9 * 7.0 * FLAT, 2), (1.1 * 7.0 * FLAT, 3)):
        three = battery._straightened(np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0 + off, 6.0]))
        assert three.energy_kwh.size == size
    two = battery._straightened(np.array([0.0, 1.0]), np.array([0.0, 3.0]))
    assert two.energy_kwh.tolist() == [0.0, 1.0]


def test_an_energy_from_which_the_wish_is_out_of_reach_is_told() -> None:
    function = Worth(np.array([4.0, 9.0]), np.zeros(2))
    far = battery.OUTSIDE_KWH
    kept = battery._inside(function, np.array([4.0 - 0.9 * far, 6.0, 9.0 + 0.9 * far]))
    assert kept.tolist() == [4.0, 6.0, 9.0]
    with pytest.raises(SolverError, match=r"a vehicle cannot reach its wish: 0\.5 kWh are missing"):
        battery._inside(function, np.array([6.0, 9.5]))
    with pytest.raises(SolverError, match=r"a vehicle cannot reach its wish: 1\.25 kWh are missing"):
        battery._inside(function, np.array([2.75, 9.5]))
