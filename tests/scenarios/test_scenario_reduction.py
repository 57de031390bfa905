"""Scenario reduction: the distance by another way, the greedy choice by enumeration, and the laws of both."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.draws.reduction import reduce_scenarios


@st.composite
def sets(draw: st.DrawFn, max_size: int = 7) -> tuple[FloatArray, FloatArray]:
    """Points on a coarse grid, so that equal points and ties come up, with any probabilities."""
    size, width = draw(st.integers(1, max_size)), draw(st.integers(1, 3))
    cells = draw(st.lists(st.integers(-3, 3), min_size=size * width, max_size=size * width))
    weights = np.array(draw(st.lists(st.integers(0, 5), min_size=size, max_size=size)), float)
    return np.array(cells, float).reshape(size, width), (weights + (weights.sum() == 0)) / (
        weights + (weights.sum() == 0)
    ).sum()


def away(points: FloatArray) -> FloatArray:
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))


def left(points: FloatArray, probability: FloatArray, kept: tuple[int, ...]) -> float:
    """Distance that is left with these scenarios, by definition."""
    return float(sum(p * min(away(points)[i, k] for k in kept) for i, p in enumerate(probability)))


def transport(points: FloatArray, probability: FloatArray, kept: FloatArray, onto: FloatArray | None) -> float:
    """Kantorovich distance as a transport problem; with free masses at the kept points when ``onto`` is None."""
    size, keep = len(points), len(kept)
    rows = [np.kron(np.eye(size), np.ones(keep))]
    right = [probability]
    if onto is not None:
        rows.append(np.kron(np.ones(size), np.eye(keep)))
        right.append(onto)
    answer = linprog(away(points)[:, kept].ravel(), A_eq=np.vstack(rows), b_eq=np.concatenate(right), method="highs")
    assert answer.status == 0
    return float(answer.fun)


@settings(max_examples=60)
@given(sets(), st.data())
def test_distance_is_that_of_the_transport_problem(drawn: tuple[FloatArray, FloatArray], data: st.DataObject) -> None:
    points, probability = drawn
    keep = data.draw(st.integers(1, len(points)))
    found = reduce_scenarios(points, probability, keep)
    assert found.distance == pytest.approx(transport(points, probability, found.kept, found.probability), abs=1e-7)
    assert found.distance == pytest.approx(transport(points, probability, found.kept, None), abs=1e-7)
    assert found.probability.sum() == pytest.approx(1.0, abs=1e-12)
    moved = np.zeros(keep)
    np.add.at(moved, found.assigned, probability)
    assert found.probability == pytest.approx(moved, abs=1e-15)
    nearest = away(points)[:, found.kept]
    assert nearest[np.arange(len(points)), found.assigned] == pytest.approx(nearest.min(axis=1), abs=1e-12)


@settings(max_examples=60)
@given(sets())
def test_every_step_is_the_best_one(drawn: tuple[FloatArray, FloatArray]) -> None:
    points, probability = drawn
    before: tuple[int, ...] = ()
    distance = np.inf
    for keep in range(1, len(points) + 1):
        found = reduce_scenarios(points, probability, keep)
        kept = tuple(found.kept.tolist())
        assert set(before) < set(kept)
        best = min(left(points, probability, (*before, new)) for new in range(len(points)) if new not in before)
        assert found.distance == pytest.approx(best, abs=1e-12)
        optimum = min(left(points, probability, some) for some in itertools.combinations(range(len(points)), keep))
        assert found.distance >= optimum - 1e-12
        assert keep > 1 or found.distance == pytest.approx(optimum, abs=1e-12)
        assert found.distance <= distance + 1e-12
        before, distance = kept, found.distance


@given(sets())
def test_keeping_all_is_the_identity(drawn: tuple[FloatArray, FloatArray]) -> None:
    points, probability = drawn
    found = reduce_scenarios(points, probability, len(points))
    every = np.arange(len(points))
    assert np.array_equal(found.kept, every)
    assert np.array_equal(found.assigned, every)
    assert np.array_equal(found.probability, probability)
    assert found.distance == 0.0


def test_a_worked_example() -> None:
    # On a line: 0 and 1 are near, 10 stands alone. Keeping one: from 1 the rest is 0.4 + 0.2 * 9; from 0, 0.4 + 2.
    points, probability = np.array([[0.0], [1.0], [10.0]]), np.array([0.4, 0.4, 0.2])
    one = reduce_scenarios(points, probability, 1)
    assert (one.kept.tolist(), one.distance) == ([1], pytest.approx(2.2))
    two = reduce_scenarios(points, probability, 2)
    assert (two.kept.tolist(), two.distance) == ([1, 2], pytest.approx(0.4))
    assert two.probability == pytest.approx([0.8, 0.2])
    assert two.assigned.tolist() == [0, 0, 1]


def test_ties_go_to_the_first() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    for turn in range(4):
        found = reduce_scenarios(np.roll(corners, turn, axis=0), np.full(4, 0.25), 2)
        assert found.kept.tolist() == [0, 1]  # taking the opposite corner, 2, would leave as much
        assert found.assigned.tolist() == [0, 1, 1, 0]


@given(sets(), st.floats(0.1, 10.0), st.floats(-5.0, 5.0))
def test_the_unit_and_the_origin_do_not_matter(
    drawn: tuple[FloatArray, FloatArray], scale: float, shift: float
) -> None:
    points, probability = drawn
    keep = (len(points) + 1) // 2
    found, moved = (reduce_scenarios(some, probability, keep) for some in (points, scale * points + shift))
    assert moved.distance == pytest.approx(scale * found.distance, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "probability", "keep", "message"),
    [
        (np.zeros(3), np.full(3, 1 / 3), 1, "points: got"),
        (np.zeros((0, 2)), np.zeros(0), 1, "points: got"),
        (np.full((2, 1), np.nan), np.full(2, 0.5), 1, "points: got"),
        (np.zeros((3, 1)), np.full(2, 0.5), 1, "expected 3 values"),
        (np.zeros((2, 1)), np.array([1.5, -0.5]), 1, "probability: got -0.5"),
        (np.zeros((2, 1)), np.array([0.5, 0.4]), 1, "probability: got 0.9, expected values that sum to 1"),
        (np.zeros((2, 1)), np.full(2, 0.5), 3, "keep: got 3, expected 1 to 2"),
        (np.zeros((2, 1)), np.full(2, 0.5), 0, "keep: got 0"),
    ],
)
def test_bad_input_is_named(points: FloatArray, probability: FloatArray, keep: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        reduce_scenarios(points, probability, keep)
