"""Vehicles as one program: what they can reach, who is merged, and every row and bound of two lots by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleBatch
from equilibrium.fleet.vehicles import (
    VehicleProgram,
    meet_wishes,
    merge_identical,
    reachable_kwh,
    schedules,
    state_vehicles,
)
from equilibrium.grid.assets import LotSite
from equilibrium.programs.program import FEASIBILITY

LENGTHS = np.array([1.0, 0.5, 0.25, 2.0])
CHARGE, DISCHARGE = np.array([True, False, True, True]), np.array([False, True, True, False])
SITE, OTHER = LotSite("first", 1, 0.9, discharge_efficiency=0.8), LotSite("other", 2, 0.95, discharge_efficiency=0.7)


NUMBERS = (
    "arrival", "departure", "energy_kwh", "wish_kwh", "energy_min_kwh", "energy_max_kwh", "charge_max_kw",
    "discharge_max_kw",
)  # fmt: skip


def batch(**changes: Any) -> VehicleBatch:
    """Three vehicles: from period 0 to 3, from 1 to 4, and in period 2 alone, which stands for five."""
    values: dict[str, Any] = {
        "names": ("a", "b", "c"),
        "arrival": np.array([0, 1, 2]),
        "departure": np.array([3, 4, 3]),
        "energy_kwh": np.array([20.0, 10.0, 5.0]),
        "wish_kwh": np.array([24.0, 12.0, 5.5]),
        "energy_min_kwh": np.array([4.0, 3.0, 5.0]),
        "energy_max_kwh": np.array([40.0, 30.0, 6.0]),
        "charge_max_kw": np.array([7.0, 3.0, 11.0]),
        "discharge_max_kw": np.array([6.0, 5.0, 0.0]),
        "count": np.array([1.0, 2.0, 5.0]),
    }
    return VehicleBatch(**{**values, **changes})


def test_what_vehicles_can_reach() -> None:
    """Hours in which they may charge and discharge: 1.25 and 0.75, 2.25 and 0.75, 0.25 and 0.25; within their bands."""
    least, most = reachable_kwh(batch(), SITE, CHARGE, DISCHARGE, LENGTHS)
    assert most == pytest.approx([20.0 + 0.9 * 7.0 * 1.25, 10.0 + 0.9 * 3.0 * 2.25, 6.0])
    assert least == pytest.approx([20.0 - 6.0 / 0.8 * 0.75, 10.0 - 5.0 / 0.8 * 0.75, 5.0])
    low, _ = reachable_kwh(batch(energy_min_kwh=np.array([19.0, 9.0, 5.0])), SITE, CHARGE, DISCHARGE, LENGTHS)
    assert low.tolist() == [19.0, 9.0, 5.0]
    _, hours = reachable_kwh(batch(), SITE, CHARGE, DISCHARGE, 1.0)
    assert hours == pytest.approx([20.0 + 0.9 * 7.0 * 2.0, 10.0 + 0.9 * 3.0 * 2.0, 6.0])


def wished(*wish: float, best_effort: bool = True) -> tuple[VehicleBatch, int]:
    made = batch(wish_kwh=np.array(wish))
    return meet_wishes(made, SITE, CHARGE, DISCHARGE, LENGTHS, best_effort=best_effort)


def test_wishes_that_cannot_be_met_are_cut() -> None:
    found, changed = wished(30.0, 1.0, 5.5)
    assert found.wish_kwh == pytest.approx([27.875, 5.3125, 5.5])
    assert changed == 2
    kept, changed = wished(27.875, 5.3125, 5.0)
    assert (kept.wish_kwh.tolist(), changed) == ([27.875, 5.3125, 5.0], 0)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (
            (30.0, 1.0, 5.5),
            "vehicle a, wish_kwh: got 30.0, "
            "expected a wish that full power can meet: 2.125 kWh missing (2 such vehicles)",
        ),
        (
            (24.0, 12.0, 4.75),
            "vehicle c, wish_kwh: got 4.75, "
            "expected a wish that full power can meet: 0.250 kWh too much (1 such vehicles)",
        ),
    ],
)
def test_the_first_wish_that_cannot_be_met_is_told(wish: tuple[float, ...], told: str) -> None:
    with pytest.raises(InputError) as caught:
        wished(*wish, best_effort=False)
    assert str(caught.value) == f"lot first: {told}"


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("share", "refused"), [(0.9, False), (1.1, True)])
def test_a_wish_may_be_missed_by_rounding(sign: float, share: float, refused: bool) -> None:
    """Relative to one more than the wish."""
    edge = 27.875 if sign > 0.0 else 14.375
    wish = edge + sign * share * FEASIBILITY * (1.0 + edge)
    if refused:
        with pytest.raises(InputError, match="vehicle a"):
            wished(wish, 12.0, 5.5, best_effort=False)
        return
    found, changed = wished(wish, 12.0, 5.5, best_effort=False)
    assert (found.wish_kwh[0], changed) == (pytest.approx(edge, abs=1e-12), 0)


def test_rows_that_are_equal_in_every_number_are_merged() -> None:
    made = batch()
    pick = [0, 1, 0, 1]
    twice = replace(
        batch(**{name: getattr(made, name)[pick] for name in NUMBERS}),
        names=("d", "b2", "a2", "b"),
        count=np.array([1.0, 2.0, 4.0, 8.0]),
    )
    found, rows = merge_identical(twice)
    assert (found.names, found.count.tolist(), rows.tolist()) == (("d", "b2"), [5.0, 10.0], [0, 1, 0, 1])
    assert found.wish_kwh.tolist() == [24.0, 12.0]
    alone, rows = merge_identical(made)
    assert alone is made
    assert rows.tolist() == [0, 1, 2]
    for name in ("arrival", "departure", "energy_kwh", "wish_kwh", "energy_max_kwh", "discharge_max_kw"):
        values = getattr(twice, name).copy()
        values[2] = values[2] + 1 if name != "departure" else 2
        assert merge_identical(replace(twice, **{name: values}))[0].size == 3


def stated() -> VehicleProgram:
    """The three vehicles in one lot, and one of them alone in another one."""
    second = batch(names=("e",), **{name: getattr(batch(), name)[[1]] for name in (*NUMBERS, "count")})
    return state_vehicles([batch(), second], [SITE, OTHER], CHARGE, DISCHARGE, LENGTHS)


def test_stays_of_all_vehicles() -> None:
    found = stated()
    assert found.lot.tolist() == [0, 0, 0, 1]
    assert (found.start.tolist(), found.stays) == ([0, 3, 6, 7, 10], 10)
    assert found.row.tolist() == [0, 0, 0, 1, 1, 1, 2, 3, 3, 3]
    assert found.period.tolist() == [0, 1, 2, 1, 2, 3, 2, 1, 2, 3]
    assert found.weight.tolist() == [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 5.0, 2.0, 2.0, 2.0]
    assert (found.charge.tolist(), found.discharge.tolist()) == (list(range(0, 30, 3)), list(range(1, 30, 3)))
    assert found.band_kwh.tolist() == [[4.0, 40.0], [3.0, 30.0], [5.0, 6.0], [3.0, 30.0]]
    assert found.power_max_kw.tolist() == [[7.0, 6.0], [3.0, 5.0], [11.0, 0.0], [3.0, 5.0]]
    assert found.kwh_per_kw[3] == pytest.approx([0.5 * 0.9, 0.5 / 0.8])
    assert found.kwh_per_kw[9] == pytest.approx([2.0 * 0.95, 2.0 / 0.7])


def test_bounds_and_balances_of_every_stay() -> None:
    found = stated()
    low, high = found.instance.col_lower.reshape(-1, 3), found.instance.col_upper.reshape(-1, 3)
    assert low[:, :2].tolist() == [[0.0, 0.0]] * 10
    assert high[:, 0].tolist() == [7.0, 0.0, 7.0, 0.0, 3.0, 3.0, 11.0, 0.0, 3.0, 3.0]
    assert high[:, 1].tolist() == [0.0, 6.0, 6.0, 5.0, 5.0, 0.0, 0.0, 5.0, 5.0, 0.0]
    assert low[:, 2].tolist() == [4.0, 4.0, 24.0, 3.0, 3.0, 12.0, 5.5, 3.0, 3.0, 12.0]
    assert high[:, 2].tolist() == [40.0, 40.0, 24.0, 30.0, 30.0, 12.0, 5.5, 30.0, 30.0, 12.0]
    matrix = found.instance.matrix.toarray()
    for stay in range(10):
        wanted = np.zeros(30)
        wanted[3 * stay], wanted[3 * stay + 1] = -found.kwh_per_kw[stay, 0], found.kwh_per_kw[stay, 1]
        wanted[3 * stay + 2] = 1.0
        if stay not in (0, 3, 6, 7):
            wanted[3 * stay - 1] = -1.0
        assert matrix[stay].tolist() == wanted.tolist()
    right = [20.0, 0.0, 0.0, 10.0, 0.0, 0.0, 5.0, 10.0, 0.0, 0.0]
    assert found.instance.row_lower.tolist() == found.instance.row_upper.tolist() == right
    assert not found.instance.cost.any()


def test_costs_powers_and_schedules_are_read_stay_by_stay() -> None:
    found = stated()
    cost = found.cost(np.arange(10.0), 100.0 + np.arange(10.0)).reshape(-1, 3)
    assert cost.T.tolist() == [list(range(10)), list(range(100, 110)), [0.0] * 10]
    x = np.arange(30.0)
    charge, discharge = found.power_kw(x, 2, 4)
    assert charge.tolist() == [
        [0.0, 0.0],
        [3.0 + 2 * 9.0, 2 * 21.0],
        [6.0 + 2 * 12.0 + 5 * 18.0, 2 * 24.0],
        [30.0, 54.0],
    ]
    assert discharge[1].tolist() == [4.0 + 2 * 10.0, 2 * 22.0]
    first, other = schedules(found, x, [np.array([2, 0, 0]), np.array([0])], 4)
    assert first.charge_kw.tolist() == [[0.0, 0.0, 18.0, 0.0], [0.0, 3.0, 6.0, 0.0], [0.0, 3.0, 6.0, 0.0]]
    assert first.discharge_kw[1].tolist() == [1.0, 4.0, 7.0, 0.0]
    assert first.energy_kwh[1, :3].tolist() == [2.0, 5.0, 8.0]
    assert np.isnan(first.energy_kwh[1, 3])
    assert first.wish_kwh.tolist() == [5.5, 24.0, 24.0]
    assert other.energy_kwh[0, 1:].tolist() == [23.0, 26.0, 29.0]


def test_rows_that_differ_in_arrival_and_energy_alone_are_one_class() -> None:
    same = batch(
        departure=np.array([4, 4, 4]), wish_kwh=np.full(3, 12.0), energy_min_kwh=np.full(3, 3.0),
        energy_max_kwh=np.full(3, 30.0), charge_max_kw=np.full(3, 3.0), discharge_max_kw=np.full(3, 5.0),
    )  # fmt: skip
    found = state_vehicles([same, batch()], [SITE, OTHER], CHARGE, DISCHARGE, LENGTHS)
    assert sorted(rows.tolist() for rows in found.classes) == [[0, 1, 2], [3], [4], [5]]
    none = state_vehicles([], [], CHARGE, DISCHARGE, LENGTHS)
    assert (none.classes, none.stays) == ([], 0)
    for name in ("wish_kwh", "energy_min_kwh", "energy_max_kwh", "charge_max_kw", "discharge_max_kw"):
        values = getattr(same, name).copy()
        values[1] += 0.5
        two = state_vehicles([replace(same, **{name: values})], [SITE], CHARGE, DISCHARGE, LENGTHS)
        assert sorted(rows.tolist() for rows in two.classes) == [[0, 2], [1]]
