"""The even split of a lot's energy among its vehicles, against linear programs and what makes a least square."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from equilibrium.errors import SolverError
from equilibrium.fleet import split
from equilibrium.fleet.split import EvenSplit, broken_cuts, even_split, greedy_split, most_kwh

SEEDS = st.integers(0, 2**32 - 1)
WHOLE = st.booleans()


def some_vehicles(rng: np.random.Generator, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Limits and needs of up to eight vehicles in up to six periods; many ties and vertices where numbers are whole."""
    count, periods = rng.integers(1, 9), rng.integers(1, 7)
    limit = rng.random((count, periods)) * 11.0 * (rng.random((count, periods)) < rng.uniform(0.3, 1.0))
    need = limit.sum(axis=1) * np.clip(rng.uniform(-0.2, 1.2, count), 0.0, 1.0)
    return (np.round(limit), np.floor(np.round(limit).sum(axis=1) * rng.random(count))) if whole else (limit, need)


def vertex(rng: np.random.Generator, limit: np.ndarray, need: np.ndarray) -> np.ndarray:
    """Energies that can only just be split: those of vehicles that fill the periods in some order."""
    return greedy_split(limit, need, rng.permutation(limit.shape[1])).sum(axis=0)


def some_energies(rng: np.random.Generator, limit: np.ndarray, need: np.ndarray) -> np.ndarray:
    """Energies of the right sum: a vertex, a point between two of them, or a point that may lie outside."""
    one, two, share = vertex(rng, limit, need), vertex(rng, limit, need), rng.choice([0.0, rng.random(), 1.3])
    return np.maximum(one + share * (two - one), 0.0)


def splittable(limit: np.ndarray, need: np.ndarray, energy: np.ndarray) -> bool:
    """Whether vehicles can draw the energies, by a linear program stated vehicle by vehicle."""
    count, periods = limit.shape
    answer = linprog(
        np.zeros(count * periods),
        A_eq=sp.vstack(
            [sp.kron(np.ones((1, count)), sp.identity(periods)), sp.kron(sp.identity(count), np.ones(periods))]
        ),
        b_eq=np.concatenate([energy, need]),
        bounds=np.column_stack([np.zeros(limit.size), limit.ravel()]),
    )
    return answer.status == 0


@given(SEEDS, WHOLE)
def test_a_split_exists_exactly_when_one_is_found(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    energy = some_energies(rng, limit, need)
    assume(abs(energy.sum() - need.sum()) < 1e-9)
    found = even_split(limit, need, energy)
    if isinstance(found, EvenSplit):
        assert found.energy_kwh.sum(axis=0) == pytest.approx(energy, abs=2e-6)
        assert found.energy_kwh.sum(axis=1) == pytest.approx(need, abs=1e-8)
        assert (found.energy_kwh >= 0.0).all()
        assert (found.energy_kwh <= limit).all()
        return
    assert not splittable(limit, need, energy)
    assert found
    for cut in found:
        assert energy[cut.hours].sum() > cut.limit_kwh
        assert cut.limit_kwh == pytest.approx(np.minimum(limit[:, cut.hours].sum(axis=1), need).sum())


@given(SEEDS, WHOLE)
def test_no_other_split_has_a_smaller_sum_of_squares(seed: int, whole: bool) -> None:
    """Shares are ``b_t - a_i`` within 0 .. 1: the conditions for the least square, which are enough as it is convex."""
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    found = even_split(limit, need, some_energies(rng, limit, need))
    assume(isinstance(found, EvenSplit))
    assert isinstance(found, EvenSplit)
    for most, drawn in zip(limit, found.energy_kwh, strict=True):
        level, share = found.level[most > 0.0], (drawn / np.where(most > 0.0, most, 1.0))[most > 0.0]
        least = np.max(level[share < 1.0 - 1e-9] - share[share < 1.0 - 1e-9], initial=-np.inf)
        greatest = np.min(level[share > 1e-9] - share[share > 1e-9], initial=np.inf)
        assert least <= greatest + 1e-6  # an a between them explains all shares of the vehicle


@given(SEEDS, WHOLE)
def test_where_the_search_begins_does_not_matter(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    energy = some_energies(rng, limit, need)
    one, two = even_split(limit, need, energy), even_split(limit, need, energy, rng.normal(size=energy.size) * 3.0)
    assert isinstance(one, EvenSplit) == isinstance(two, EvenSplit)
    if isinstance(one, EvenSplit) and isinstance(two, EvenSplit):
        assert one.energy_kwh == pytest.approx(two.energy_kwh, abs=1e-6)


@pytest.mark.parametrize(
    ("limit", "need", "energy", "level"),
    [
        ([[5.0, 5.0, 0.0]], [3.0], [0.0, 1.5, 1.5], [-1.5, 1.0, -1.5]),
        ([[1.0, 2.0, 3.0, 0.0]], [3.0], [6 / 7, 0.0, 6 / 7, 9 / 7], [3.0, -2.0, 2.0, 0.0]),
        (
            [[3.0, 1.0, 2.0], [3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 0.0, 2.0]],
            [5.0, 0.0, 0.0, 3.0],
            [4.0, 2.0, 2.0],
            [-1.0, 0.0, -1.5],
        ),
    ],
)
def test_a_way_across_a_gap_that_asks_for_too_much_ends_at_its_cut(
    limit: list[list[float]], need: list[float], energy: list[float], level: list[float]
) -> None:
    """The function falls without end there, so no part of the way lies lower than its beginning."""
    given = np.array(limit), np.array(need), np.array(energy)
    cuts = even_split(*given, np.array(level))
    assert isinstance(cuts, list)
    assert cuts
    for cut in cuts:
        assert cut.limit_kwh == pytest.approx(np.minimum(given[0][:, cut.hours].sum(axis=1), given[1]).sum())
        assert given[2][cut.hours].sum() > cut.limit_kwh + 0.1


@given(SEEDS)
def test_wherever_among_whole_levels_the_search_begins_it_ends(seed: int) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole=True)
    weight = rng.integers(0, 5, limit.shape[1])
    assume(weight.any())
    energy, level = weight * need.sum() / weight.sum(), rng.integers(-3, 4, weight.size) / 2.0
    assert isinstance(even_split(limit, need, energy, level), EvenSplit) == splittable(limit, need, energy)


@given(SEEDS)
def test_it_moves_no_further_than_the_energies(seed: int) -> None:
    """Also at vertices, where every vehicle's schedule is forced and rules that sort vehicles jump."""
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole=False)
    one, two = vertex(rng, limit, need), vertex(rng, limit, need)
    small = 1e-6
    here, there = even_split(limit, need, one), even_split(limit, need, one + small * (two - one))
    assert isinstance(here, EvenSplit)
    assert isinstance(there, EvenSplit)
    moved = np.abs(here.energy_kwh - there.energy_kwh).max()
    assert moved <= 50.0 * small * np.abs(two - one).max() + 1e-6


@given(SEEDS, WHOLE)
def test_four_quarters_draw_what_the_hour_draws(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    energy = some_energies(rng, limit, need)
    hourly = even_split(limit, need, energy)
    quarters = even_split(np.repeat(limit, 4, axis=1) / 4.0, need, np.repeat(energy, 4) / 4.0)
    assert isinstance(hourly, EvenSplit) == isinstance(quarters, EvenSplit)
    if isinstance(hourly, EvenSplit) and isinstance(quarters, EvenSplit):
        expected = np.repeat(hourly.energy_kwh, 4, axis=1) / 4.0
        assert quarters.energy_kwh == pytest.approx(expected, abs=1e-5)


def test_identical_shares_where_all_vehicles_can_do_the_same() -> None:
    """Twice as many kWh needed at twice the power: 40 % of what they can draw, then 60 %."""
    limit = np.array([[10.0, 10.0], [20.0, 20.0]])
    found = even_split(limit, np.array([10.0, 20.0]), np.array([12.0, 18.0]))
    assert isinstance(found, EvenSplit)
    assert found.energy_kwh == pytest.approx(np.array([[4.0, 6.0], [8.0, 12.0]]))


def test_who_cannot_wait_is_served_first() -> None:
    """The second vehicle leaves after the first period and needs 5 of its 9 kWh."""
    limit = np.array([[10.0, 10.0], [10.0, 0.0]])
    found = even_split(limit, np.array([10.0, 5.0]), np.array([9.0, 6.0]))
    assert isinstance(found, EvenSplit)
    assert found.energy_kwh == pytest.approx(np.array([[4.0, 6.0], [5.0, 0.0]]))
    cuts = even_split(limit, np.array([10.0, 5.0]), np.array([4.0, 11.0]))
    assert isinstance(cuts, list)
    assert ([False, True], pytest.approx(10.0)) in [(cut.hours.tolist(), cut.limit_kwh) for cut in cuts]


def test_what_is_missing_is_shared_by_the_same_rule() -> None:
    """12 of 18 kWh: two equal vehicles lack the same, and one that needs half as much half of that."""
    limit = np.array([[6.0, 6.0], [6.0, 6.0], [3.0, 3.0]])
    found = even_split(limit, np.array([7.2, 7.2, 3.6]), np.array([6.0, 6.0]))
    assert isinstance(found, EvenSplit)
    assert found.energy_kwh.sum(axis=1) == pytest.approx([4.8, 4.8, 2.4])
    assert found.energy_kwh.sum(axis=0) == pytest.approx([6.0, 6.0])


@given(SEEDS, WHOLE, st.floats(0.0, 0.95))
def test_vehicles_get_no_more_than_they_need_in_a_shortage(seed: int, whole: bool, served: float) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    energy = served * vertex(rng, limit, need)
    found = even_split(limit, need, energy)
    assert isinstance(found, EvenSplit)
    assert found.energy_kwh.sum(axis=0) == pytest.approx(energy, abs=2e-6)
    assert (found.energy_kwh.sum(axis=1) <= need + 1e-8).all()
    assert (found.energy_kwh <= limit).all()


def test_more_than_all_vehicles_need_is_too_much() -> None:
    cuts = even_split(np.full((2, 2), 9.0), np.array([4.0, 5.0]), np.array([6.0, 4.0]))
    assert isinstance(cuts, list)
    assert [(cut.hours.tolist(), cut.limit_kwh) for cut in cuts] == [([True, True], 9.0)]


def test_a_lot_without_vehicles_has_nothing_to_split() -> None:
    found = even_split(np.zeros((0, 3)), np.zeros(0), np.zeros(3))
    assert isinstance(found, EvenSplit)
    assert found.energy_kwh.shape == (0, 3)


def test_the_most_of_the_first_periods_of_an_order() -> None:
    """A vehicle of 30 kWh that can draw 30 anywhere, and one of 30 kWh that can draw 20 in the middle two."""
    limit = np.array([[30.0, 30.0, 30.0, 30.0], [0.0, 20.0, 20.0, 0.0]])
    need = np.array([30.0, 30.0])
    order = np.array([0, 3, 1, 2])
    assert most_kwh(limit, need, order).tolist() == [30.0, 30.0, 50.0, 60.0]
    assert greedy_split(limit, need, order).tolist() == [[30.0, 0.0, 0.0, 0.0], [0.0, 20.0, 10.0, 0.0]]
    outer, without_last = broken_cuts(limit, need, np.array([20.0, 10.0, 0.0, 30.0]), order).values()
    assert (outer.hours.tolist(), outer.limit_kwh) == ([True, False, False, True], 30.0)
    assert (without_last.hours.tolist(), without_last.limit_kwh) == ([True, True, False, True], 50.0)


def test_a_step_always_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rounding hides that a shorter step is lower, and the slope at its end is a little uphill."""
    load = split._Load(np.full((2, 3), 4.0), np.array([6.0, 6.0]), np.array([3.0, 4.0, 5.0]))
    at = split._at(load, np.array([0.3, 0.5, 0.6]))
    asked = 0

    def nowhere_lower(_load: split._Load, level: np.ndarray) -> split._Levels:
        nonlocal asked
        asked += 1
        assert asked < 5000, "the step does not end"
        moved = not np.array_equal(level, at.level)
        return replace(at, level=level, value=at.value + moved, excess=-1e-9 * at.excess)

    monkeypatch.setattr(split, "_at", nowhere_lower)
    assert np.array_equal(split._step(load, at, 0.1).level, at.level)


def looked_at(monkeypatch: pytest.MonkeyPatch, seed: int, whole: bool, level: bool = False) -> int:
    """How many levels the search looks at, perhaps from levels that have nothing to do with the energies."""
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    energy, seen, at = some_energies(rng, limit, need), list[float](), split._at

    def watched(load: split._Load, levels: np.ndarray) -> split._Levels:
        found = at(load, levels)
        seen.append(found.left)
        return found

    monkeypatch.setattr(split, "_at", watched)
    found = even_split(limit, need, energy, 0.5 * rng.normal(size=energy.size) if level else None)
    monkeypatch.undo()
    assert isinstance(found, EvenSplit)
    return len(seen)


@pytest.mark.parametrize("seed", [2060, 3494])
def test_levels_that_nothing_ties_to_others_do_not_drift(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Undamped steps go on and back there while the last digits are looked for."""
    assert looked_at(monkeypatch, seed, True) <= 8


@pytest.mark.parametrize("seed", [2646, 2663])
def test_known_levels_that_are_far_off_do_not_mislead(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    assert looked_at(monkeypatch, seed, False, level=True) <= looked_at(monkeypatch, seed, False) + 1


def test_a_search_with_little_damping_that_does_not_end_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that are damped more are known to end."""
    load = split._Load(np.full((2, 3), 4.0), np.array([6.0, 6.0]), np.array([3.0, 4.0, 5.0]))
    begin = replace(split._at(load, np.array([0.3, 0.5, 0.6])), left=1e3)
    steps: list[tuple[float, float]] = []

    def nearer(_load: split._Load, at: split._Levels, damping: float) -> split._Levels:
        steps.append((at.left, damping))
        return replace(at, left=0.4 * at.left if damping < 0.05 else 0.0)

    monkeypatch.setattr(split, "_step", nearer)
    monkeypatch.setattr(split, "_begin", lambda *_: begin)
    assert isinstance(split._split(load, None), EvenSplit)
    assert [damping for _, damping in steps] == [0.01] * 25 + [0.1]
    assert steps[25][0] == steps[0][0] == 1e3
    monkeypatch.setattr(split, "_step", lambda *_: begin)
    with pytest.raises(SolverError, match=r"^an energy was neither split among 2 vehicles nor proved not to be$"):
        split._split(load, None)
