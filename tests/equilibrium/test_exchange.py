"""The best energies of a fleet, against linear programs stated vehicle by vehicle."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given
from scipy.optimize import linprog

from equilibrium.fleet.exchange import Concave, best_energies
from equilibrium.fleet.split import greedy_split, most_kwh
from tests.equilibrium.test_split import SEEDS, WHOLE, some_vehicles


def some_profits(rng: np.random.Generator, limit: np.ndarray, need: np.ndarray) -> list[Concave]:
    """Concave profits with few slopes, so that many are equal; some need energy or take less than the vehicles can."""
    narrow, profits = rng.random() < 0.4, list[Concave]()
    for most in np.minimum(limit, need[:, None]).sum(axis=0).tolist():
        low = 0.5 * most * rng.random() if narrow and rng.random() < 0.5 else 0.0
        high = low + (most - low) * rng.random() if narrow and rng.random() < 0.5 else most
        if high - low < 1e-6:
            profits.append(([low], []))
            continue
        pieces = int(rng.integers(1, 4))
        points = [low, *np.sort(rng.uniform(low, high, pieces - 1)).tolist(), high]
        slopes = np.sort(rng.choice(np.round(rng.normal(size=6), 1), pieces))[::-1].tolist()
        profits.append((points, slopes))
    return profits


class Stated:
    """The same as a linear program in the vehicles' energies and the pieces of the profits."""

    def __init__(self, limit: np.ndarray, need: np.ndarray, profits: list[Concave]) -> None:
        count, periods = limit.shape
        pieces = [
            (t, b - a, slope)
            for t, (points, slopes) in enumerate(profits)
            for a, b, slope in zip(points, points[1:], slopes, strict=False)
        ]
        by_piece = sp.csr_array(
            (np.ones(len(pieces)), ([t for t, _, _ in pieces], range(len(pieces)))), shape=(periods, len(pieces))
        )
        self.matrix = sp.vstack(
            [
                sp.hstack([sp.kron(np.ones((1, count)), sp.identity(periods)), -by_piece]),
                sp.hstack([sp.kron(sp.identity(count), np.ones((1, periods))), sp.csr_array((count, len(pieces)))]),
            ]
        ).tocsr()
        self.right = np.concatenate([[points[0] for points, _ in profits], need])
        self.bounds = [(0.0, most) for most in limit.ravel()] + [(0.0, length) for _, length, _ in pieces]
        self.gain = np.concatenate([np.zeros(limit.size), [slope for _, _, slope in pieces]])
        self.hour = np.concatenate([np.tile(np.arange(periods), count), np.zeros(len(pieces))])
        self.of_vehicles = np.arange(self.gain.size) < limit.size

    def most(self) -> float | None:
        answer = linprog(-self.gain, A_eq=self.matrix, b_eq=self.right, bounds=self.bounds)
        return None if answer.status == 2 else -answer.fun

    def earliest(self, profit: float) -> float:
        """The least sum of hour times energy among the points of this profit."""
        answer = linprog(
            np.where(self.of_vehicles, self.hour, 0.0),
            A_ub=-self.gain[None],
            b_ub=[-profit + 1e-9],
            A_eq=self.matrix,
            b_eq=self.right,
            bounds=self.bounds,
        )
        assert answer.status == 0
        return float(answer.fun)


def value(profit: Concave, energy: float) -> float:
    points, slopes = profit
    return sum(
        slope * min(max(energy - a, 0.0), b - a) for a, b, slope in zip(points, points[1:], slopes, strict=False)
    )


@given(SEEDS, WHOLE)
def test_it_is_the_optimum_of_the_vehicles_own_program(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    profits = some_profits(rng, limit, need)
    begin = greedy_split(limit, need, rng.permutation(limit.shape[1]))
    best, stated = best_energies(limit.T.copy(), begin.T.copy(), profits), Stated(limit, need, profits)
    most = stated.most()
    if best is None or most is None:
        assert best is None
        assert most is None
        return
    earned = sum(value(profit, energy) for profit, energy in zip(profits, best.energy, strict=True))
    assert earned == pytest.approx(most, abs=1e-7 * (1.0 + abs(most)))
    assert best.drawn.sum(axis=1) == pytest.approx(best.energy, abs=1e-9)
    assert best.drawn.sum(axis=0) == pytest.approx(need, abs=1e-9)
    assert (best.drawn >= -1e-12).all()
    assert (best.drawn <= limit.T + 1e-12).all()
    # Its prices prove it: neither a period nor the vehicles have anything better at them.
    order = np.argsort(-np.array(best.price), kind="stable")
    worth = np.diff(most_kwh(limit, need, order), prepend=0.0) @ np.array(best.price)[order]
    left = [max(value(f, p) - lam * p for p in f[0]) for f, lam in zip(profits, best.price, strict=True)]
    assert worth + sum(left) == pytest.approx(most, abs=1e-7 * (1.0 + abs(most)))
    # Of equally good energies it is the earliest.
    assert np.arange(limit.shape[1]) @ best.energy == pytest.approx(stated.earliest(most), abs=1e-5)


@given(SEEDS, WHOLE)
def test_where_the_search_begins_does_not_matter(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    profits = some_profits(rng, limit, need)
    found = [
        best_energies(limit.T.copy(), greedy_split(limit, need, rng.permutation(limit.shape[1])).T.copy(), profits)
        for _ in range(2)
    ]
    one, two = found
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        assert one.energy == pytest.approx(two.energy, abs=1e-6)


def test_energy_moves_over_a_period_between() -> None:
    """The first vehicle may charge in hours 0 and 1, the second in 1 and 2, 10 kWh each and 10 kWh an hour.

    All of hour 2 is wanted in hour 0. It gets there in two steps: the second vehicle gives up hour 2 for hour 1, which
    the first one leaves for hour 0.
    """
    limit = np.array([[10.0, 10.0, 0.0], [0.0, 10.0, 10.0]])
    drawn = np.array([[0.0, 10.0, 0.0], [0.0, 0.0, 10.0]])
    profits: list[Concave] = [([0.0, 10.0], [3.0]), ([0.0, 10.0], [2.0]), ([0.0, 10.0], [1.0])]
    best = best_energies(limit.T.copy(), drawn.T.copy(), profits)
    assert best is not None
    assert best.energy == pytest.approx([10.0, 10.0, 0.0])
    assert best.drawn == pytest.approx(np.array([[10.0, 0.0], [0.0, 10.0], [0.0, 0.0]]))


def test_it_stops_where_the_slope_falls_below_anothers() -> None:
    limit, drawn = np.full((2, 1), 20.0), np.array([[0.0], [20.0]])
    profits: list[Concave] = [([0.0, 5.0, 20.0], [3.0, 1.0]), ([0.0, 20.0], [2.0])]
    best = best_energies(limit, drawn, profits)
    assert best is not None
    assert best.energy == pytest.approx([5.0, 15.0])
    assert best.price == pytest.approx([2.0, 2.0])


def test_equal_slopes_charge_earlier() -> None:
    limit, drawn = np.full((3, 1), 8.0), np.array([[0.0], [4.0], [8.0]])
    best = best_energies(limit, drawn, [([0.0, 8.0], [1.0])] * 3)
    assert best is not None
    assert best.energy == pytest.approx([8.0, 4.0, 0.0])


def test_domains_that_ask_for_too_much_have_no_answer() -> None:
    limit, drawn = np.full((2, 1), 8.0), np.array([[4.0], [4.0]])
    assert best_energies(limit, drawn, [([6.0, 8.0], [1.0]), ([3.0, 8.0], [1.0])]) is None
    assert best_energies(limit, drawn, [([0.0, 3.0], [1.0]), ([0.0, 4.0], [1.0])]) is None


def narrowed(rng: np.random.Generator, profit: Concave) -> Concave:
    """The same profit on a part of its domain, perhaps one point."""
    points, slopes = profit
    low, high = sorted(rng.choice([*points, *rng.uniform(points[0], points[-1], 2)], 2).tolist())
    if high - low < 1e-6:
        return [low], []
    inside = [point for point in points if low + 1e-6 < point < high - 1e-6]
    kept = [s for a, b, s in zip(points, points[1:], slopes, strict=False) if b > low + 1e-6 and a < high - 1e-6]
    return [low, *inside, high], kept


@given(SEEDS, WHOLE)
@example(16592, True)  # energy goes on through the period that has too much
def test_no_answer_that_loses_less_than_may_be_lost_is_missed(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    limit, need = some_vehicles(rng, whole)
    profits = some_profits(rng, limit, need)
    before = best_energies(limit.T.copy(), greedy_split(limit, need, np.arange(limit.shape[1])).T.copy(), profits)
    if before is None:
        return
    part = int(rng.integers(len(profits)))
    profits = [narrowed(rng, profit) if t == part else profit for t, profit in enumerate(profits)]
    best = best_energies(limit.T.copy(), before, profits)
    if best is None:
        return
    lost = sum(value(f, a) - value(f, b) for f, a, b in zip(profits, before.energy, best.energy, strict=True))
    enough = best_energies(limit.T.copy(), before, profits, lost + 1e-7 * (1.0 + abs(lost)))
    assert enough is not None
    assert enough.energy == best.energy
    assert enough.price == best.price


def test_a_search_ends_when_too_much_is_lost() -> None:
    """At 5 and 15 kWh: 3 kWh more in the first period cost 2 each, 5 kWh less in the second bring 1 each elsewhere."""
    limit, drawn = np.full((2, 1), 20.0), np.array([[0.0], [20.0]])
    first, second = ([0.0, 5.0, 20.0], [3.0, 1.0]), ([0.0, 20.0], [2.0])
    before = best_energies(limit, drawn, [first, second])
    assert before is not None
    for more, less, lost in ((([8.0, 20.0], [1.0]), second, 6.0), (first, ([0.0, 10.0], [2.0]), -5.0)):
        assert best_energies(limit, before, [more, less], lost + 1e-9) is not None
        assert best_energies(limit, before, [more, less], lost - 1e-9) is None


TWO_APART = np.array([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0], [0.0, 9.0]])
"""The first vehicle may charge in periods 0 and 1, the second in 2 and 3."""


@pytest.mark.parametrize(
    ("drawn", "domains", "slopes", "lost"),
    [
        # 2 kWh are worth 1 each, of which one can be sold for 3
        ([[2.0, 0.0]] + [[0.0, 0.0]] * 3, [2.0, 1.0, 0.0, 0.0], [1.0, 3.0, 0.0, 0.0], -2.0),
        # of 3 kWh one is too much and brings 4 elsewhere; the other vehicle moves one from 1 to 3
        ([[3.0, 0.0], [0.0, 0.0], [0.0, 2.0], [0.0, 0.0]], [2.0, 1.0, 2.0, 1.0], [5.0, 4.0, 1.0, 3.0], -6.0),
        # of 4.5 kWh 2.5 are too many; they bring 4 each
        ([[4.5, 0.0]] + [[0.0, 0.0]] * 3, [2.0, 9.0, 0.0, 0.0], [5.0, 4.0, 0.0, 0.0], -10.0),
    ],
)
def test_the_least_loss_is_told_before_anything_moves(
    drawn: list[list[float]], domains: list[float], slopes: list[float], lost: float
) -> None:
    """Each domain begins at 0 and has one slope; the first look proves the loss of the best energies."""
    profits: list[Concave] = [
        ([0.0, end] if end else [0.0], [s] if end else []) for end, s in zip(domains, slopes, strict=True)
    ]
    begin = np.array(drawn)
    found = best_energies(TWO_APART, begin, profits, lost + 1e-6)
    assert found is not None
    # what is too much counts as the end of its domain
    before = sum(value(f, p) for f, p in zip(profits, begin.sum(axis=1).tolist(), strict=True))
    assert before - sum(value(f, p) for f, p in zip(profits, found.energy, strict=True)) == pytest.approx(lost)
    assert best_energies(TWO_APART, begin, profits, lost - 1e-6) is None
