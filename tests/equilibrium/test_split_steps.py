"""The search of the even split step by step: shares, gradient and steps by other means, and when it looks for cuts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.optimize import brentq

from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import SolverError
from equilibrium.fleet import split
from equilibrium.fleet.envelope import period_at, plugged_share
from equilibrium.fleet.split import Cut, EvenSplit, broken_cuts, even_split, filling
from tests.equilibrium.test_split import some_energies, some_vehicles

LIMIT = np.array([[3.0, 5.0, 0.0, 2.0], [4.0, 0.0, 6.0, 1.0], [2.0, 2.0, 7.0, 3.0]])
NEED = np.array([5.0, 6.0, 4.0])
ENERGY = np.array([4.0, 3.0, 6.0, 2.0])
LEVEL = np.array([0.7, 0.2, 0.9, 0.4])
NEAR = np.array([0.46, 0.42, 0.57, 0.38])
"""Levels a step away from those of the split: no share is all or nothing on the way."""


def loaded() -> split._Load:
    return split._Load(LIMIT, NEED, ENERGY)


def shares(limit: np.ndarray, need: np.ndarray, level: np.ndarray) -> np.ndarray:
    """What each vehicle draws of what it can, shape (periods, vehicles), by looking for its own level."""
    found = []
    for most, wanted in zip(limit, need, strict=True):
        if wanted <= 0.0:
            found.append(0.0 * level)
        elif wanted >= most.sum():
            found.append(1.0 + 0.0 * level)
        else:

            def over(a: float, most: np.ndarray = most, wanted: float = wanted) -> float:
                return float(most @ np.clip(level - a, 0.0, 1.0)) - wanted

            found.append(np.clip(level - brentq(over, level.min() - 1.5, level.max() + 0.5, xtol=1e-15), 0.0, 1.0))
    return np.array(found).T


@pytest.mark.parametrize("seed", range(30))
def test_shares_draw_what_each_vehicle_needs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, seed % 3 == 0)
    level = np.round(rng.uniform(-1.0, 2.0, limit.shape[1]), 1 if seed % 2 else 9)
    found = split._shares(split._Load(limit, need, np.ones(level.size)), level)
    assert ((found >= 0.0) & (found <= 1.0)).all()
    assert (found.T * limit).sum(axis=1) == pytest.approx(need, abs=1e-9)
    assert found * limit.T == pytest.approx(shares(limit, need, level) * limit.T, abs=1e-7)


def test_shares_at_the_ends() -> None:
    """A vehicle that needs all it can draw, one that needs nothing, and one that needs it of the highest alone."""
    limit = np.array([[2.0, 3.0], [2.0, 3.0], [2.0, 3.0], [4.0, 4.0]])
    found = split._shares(split._Load(limit, np.array([5.0, 0.0, 3.0, 6.0]), np.ones(2)), np.array([0.0, 1.0]))
    assert found.tolist() == [[1.0, 0.0, 0.0, 0.5], [1.0, 0.0, 1.0, 1.0]]


def test_the_excess_is_the_slope_of_the_function() -> None:
    load, step = loaded(), 1e-5
    at = split._at(load, LEVEL)
    assert at.excess == pytest.approx((LIMIT.T * shares(LIMIT, NEED, LEVEL)).sum(axis=1) - ENERGY)
    assert at.left == pytest.approx(np.abs(at.excess).max())
    for period in range(4):
        way = step * np.eye(4)[period]
        slope = (split._at(load, LEVEL + way).value - split._at(load, LEVEL - way).value) / (2.0 * step)
        assert slope == pytest.approx(at.excess[period], abs=1e-6)


def test_a_step_is_newtons_with_a_damping_that_follows_what_is_left() -> None:
    """Against the slopes of the gradient itself: a tenth of what is left is added to each of its own."""
    load, step = loaded(), 1e-6
    at = split._at(load, NEAR)
    columns = [
        (split._at(load, NEAR + step * way).excess - split._at(load, NEAR - step * way).excess) / (2.0 * step)
        for way in np.eye(4)
    ]
    hessian = np.array(columns).T + 0.1 * at.left * np.eye(4)
    wanted = NEAR - np.linalg.solve(hessian, at.excess)
    found = split._step(load, at, split.DAMPING)
    assert found.level == pytest.approx(wanted, abs=1e-6)
    assert found.value < at.value


def told(monkeypatch: pytest.MonkeyPatch, ends: list[tuple[float, float]]) -> tuple[list[float], np.ndarray]:
    """Let each trial of a step end with a slope, uphill in that of its beginning, and a rise; list its lengths."""
    load = loaded()
    at = split._at(load, NEAR)
    full = split._step(load, at, split.DAMPING).level - NEAR
    steep = -float(full @ at.excess)
    lengths: list[float] = []
    left: Iterator[tuple[float, float]] = iter(ends)

    def trial(_: split._Load, level: np.ndarray) -> split._Levels:
        beyond, rise = next(left)
        lengths.append(float((level - NEAR) @ full / (full @ full)))
        return split._Levels(level, at.share, beyond * steep * full / (full @ full), 1.0, at.value + rise)

    monkeypatch.setattr(split, "_at", trial)
    monkeypatch.setattr(split, "_together", lambda level: level)
    return lengths, split._step(load, at, split.DAMPING).level - NEAR


@pytest.mark.parametrize(
    ("ends", "lengths"),
    [
        ([(0.3 - 1e-9, 0.0)], [1.0]),
        ([(-5.0, -1.0)], [1.0]),
        ([(0.5, -1.0), (0.0, -1.0)], [1.0, 1.0 / 1.5]),
        ([(1.0, -1.0), (3.0, -1.0), (0.1, -1.0)], [1.0, 0.5, 0.125]),
        ([(99.0, -1.0), (0.0, -1.0)], [1.0, 0.1]),
        ([(0.0, 1.0), (0.2, 1.0), (0.0, -1.0)], [1.0, 0.5, 0.25]),
    ],
)
def test_a_step_that_goes_too_far_is_shortened(
    ends: list[tuple[float, float]], lengths: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it ends uphill, to where the slopes would meet, and to a tenth at least; where it ends higher, to half."""
    found, way = told(monkeypatch, ends)
    assert found == pytest.approx(lengths)
    assert np.linalg.norm(way) > 0.0


def test_levels_that_are_far_apart_are_moved_together() -> None:
    level = np.array([0.0, 2.5, 1.0, 5.0, 5.5])
    assert split._together(level).tolist() == [0.0, 2.0, 1.0, 3.0, 3.5]
    assert level.tolist() == [0.0, 2.5, 1.0, 5.0, 5.5]
    near = np.array([3.0, 1.0, 2.0])
    assert split._together(near) is near
    assert split._together(np.array([7.0, -1.0])).tolist() == [0.0, -1.0]
    assert split._together(np.zeros(0)).size == 0


def test_how_full_periods_are() -> None:
    """Vehicles draw no more than they need in one: of 3, 4 and 2, of 5, 0 and 2, of 0, 6 and 4, of 2, 1 and 3."""
    assert filling(LIMIT, NEED, np.array([3.0, 7.0, 2.5, 9.0])) == pytest.approx([3 / 9, 1.0, 0.25, 1.0])
    empty = filling(np.array([[2.0, 0.0]]), np.array([2.0]), np.array([1.0, 0.5]))
    assert empty.tolist() == [0.5, 0.0]


@pytest.mark.parametrize("far", [False, True])
def test_where_a_search_begins(far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """At known levels unless they are far off and those of the filling are lower."""
    load = loaded()
    full = filling(LIMIT, NEED, ENERGY)
    filled = split._at(load, full)
    assert split._begin(load, None).level.tolist() == full.tolist()
    assert split._begin(load, np.zeros(3)).level.tolist() == full.tolist()
    for level in (LEVEL, np.array([0.9, -0.1, 0.0, 0.5]), np.array([0.0, 0.0, 0.5, 0.0])):
        known = split._at(load, level)
        monkeypatch.setattr(split, "FAR", known.left / ENERGY.max() * (1.0 - 1e-9 if far else 1.0 + 1e-9))
        kept = not far or known.value <= filled.value
        assert split._begin(load, level).level.tolist() == (level if kept else full).tolist()
    best = even_split(LIMIT, NEED, ENERGY)
    assert isinstance(best, EvenSplit)
    monkeypatch.setattr(split, "FAR", -1.0)
    assert split._begin(load, best.level).level.tolist() == best.level.tolist()


def searched(
    monkeypatch: pytest.MonkeyPatch, left: list[float], cuts: list[list[Cut]] | None = None
) -> tuple[object, int, int]:
    """Let a search meet levels with so much left over, in turn: its answer, and how many steps and looks it took."""
    ways = iter(left)
    met = iter([] if cuts is None else cuts)
    count = {"steps": 0, "looks": 0}

    def level(value: float) -> split._Levels:
        return split._Levels(np.full(4, value), np.full((4, 3), value), np.zeros(4), value, 0.0)

    def step(*_: object) -> split._Levels:
        count["steps"] += 1
        return level(next(ways))

    def look(*_: object) -> dict[bytes, Cut]:
        count["looks"] += 1
        return {cut.hours.tobytes(): cut for cut in next(met, [])}

    monkeypatch.setattr(split, "_begin", lambda *_: level(next(ways)))
    monkeypatch.setattr(split, "_step", step)
    monkeypatch.setattr(split, "broken_cuts", look)
    found = split._split(loaded(), None)
    return found, count["steps"], count["looks"]


def test_a_search_ends_where_next_to_nothing_is_left_or_its_patience() -> None:
    """Six levels that leave no more than rounding may, of which the best one counts; or one that leaves far less."""
    with pytest.MonkeyPatch.context() as patch:
        rounding = [2.0, 0.9, 0.5, 0.7, 0.6, 0.8, 0.55]
        found, steps, looks = searched(patch, [each * NEGLIGIBLE for each in rounding])
        assert isinstance(found, EvenSplit)
        assert found.level.tolist() == [0.5 * NEGLIGIBLE] * 4
        assert found.energy_kwh == pytest.approx(LIMIT * 0.5 * NEGLIGIBLE)
        assert (steps, looks) == (6, 6)  # 0.9 is less than half of what was left before
    with pytest.MonkeyPatch.context() as patch:
        found, steps, looks = searched(patch, [10.0, 6.0, 0.1, 0.009, 9e-10])
        assert isinstance(found, EvenSplit)
        assert found.level[0] == 9e-10
        assert (steps, looks) == (4, 2)  # of what was left, only 6 is more than half


def test_a_search_goes_on_for_more_cuts() -> None:
    """Three steps beyond the first cuts, with a look after each; a cut that was met before counts once."""
    one, two, three = (Cut(np.arange(4) < k, float(k)) for k in (1, 2, 3))
    with pytest.MonkeyPatch.context() as patch:
        found, steps, looks = searched(patch, [5.0, 4.0, 3.9, 1.0, 1.0, 1.0], [[], [one, two], [], [two], [three]])
        assert (steps, looks) == (4, 5)
        assert isinstance(found, list)
        assert [cut.limit_kwh for cut in found] == [1.0, 2.0, 3.0]


def test_a_search_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "FIRST_STEPS", 2)
    monkeypatch.setattr(split, "MAXIMUM_STEPS", 3)
    with pytest.raises(SolverError, match="an energy was neither split among 3 vehicles nor proved not to be"):
        searched(monkeypatch, [1.0] * 9)


def test_a_shortage_and_a_surplus_begin_beyond_rounding() -> None:
    """Missing by rounding it is split as it is; what is asked for too much is the cut of all periods."""
    exact = even_split(LIMIT, NEED, ENERGY)
    assert isinstance(exact, EvenSplit)
    for off in (0.9 * NEGLIGIBLE, -0.9 * NEGLIGIBLE):
        near = even_split(LIMIT, NEED, ENERGY + np.array([off, 0.0, 0.0, 0.0]))
        assert isinstance(near, EvenSplit)
        assert near.level.size == 4
    less = even_split(LIMIT, NEED, ENERGY - np.array([1.0, 0.0, 0.0, 0.0]))
    assert isinstance(less, EvenSplit)
    assert (less.level.size, less.energy_kwh.shape) == (5, (3, 4))
    assert less.energy_kwh.sum(axis=0) == pytest.approx([3.0, 3.0, 6.0, 2.0])
    more = even_split(LIMIT, NEED, ENERGY + np.array([0.0, 1.5 * NEGLIGIBLE, 0.0, 0.0]))
    assert isinstance(more, list)
    assert [(cut.hours.tolist(), cut.limit_kwh) for cut in more] == [([True] * 4, 15.0)]
    short = even_split(LIMIT, NEED, np.array([0.0, 8.0, 0.0, 0.0]))  # 5 and 2 at most
    assert isinstance(short, list)
    assert ([False, True, False, False], 7.0) in [(cut.hours.tolist(), cut.limit_kwh) for cut in short]


def test_a_cut_is_broken_by_more_than_rounding() -> None:
    order = np.array([1, 0, 3, 2])
    for off, count in ((0.9 * NEGLIGIBLE, 0), (1.1 * NEGLIGIBLE, 1)):
        assert len(broken_cuts(LIMIT, NEED, np.array([0.0, 7.0 + off, 0.0, 0.0]), order)) == count


def test_the_search_takes_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of sixty loads: how many levels are looked at in all, within a tenth of what it has been."""
    seen, at = 0, split._at

    def watched(load: split._Load, level: np.ndarray) -> split._Levels:
        nonlocal seen
        seen += 1
        return at(load, level)

    monkeypatch.setattr(split, "_at", watched)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        limit, need = some_vehicles(rng, seed % 2 == 0)
        even_split(limit, need, some_energies(rng, limit, need))
    assert seen <= 200


def test_the_shares_of_periods_that_vehicles_are_plugged_in() -> None:
    """Periods of 1, 0.5 and 0.25 h: from 0.25 to 1.25 h, beyond both ends, and in the last one alone."""
    lengths = np.array([1.0, 0.5, 0.25])
    arrival, departure = np.array([0.25, -1.0, 1.6, 1.0]), np.array([1.25, 9.0, 1.7, 1.0])
    wanted = [[0.75, 0.5, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.4], [0.0, 0.0, 0.0]]
    assert plugged_share(arrival, departure, lengths) == pytest.approx(np.array(wanted))
    moments = np.array([[0.0, 0.999, 1.0], [1.4, 1.5, 1.75]])
    assert period_at(moments, lengths).tolist() == [[0, 0, 1], [1, 2, 3]]
