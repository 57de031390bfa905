"""Where the search for the company's exact stage splits its intervals."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from equilibrium.markets.disco.upper.stated import CORNER, NARROWEST_KW, Box, NetworkMaster, Relaxed

PRICE = (1.0, -30.0, 2.0)
"""Of the three periods, each of which is one case."""


def split(low: np.ndarray, width: np.ndarray, part: np.ndarray, excess: np.ndarray) -> tuple[int, int, float] | None:
    """Case, place and value of a split, of intervals that begin at ``low`` with the point at a part of each."""
    master = object.__new__(NetworkMaster)
    master._injected, master.cases = np.arange(low.size).reshape(low.shape), np.array([[0, 0], [0, 1], [0, 2]])
    master.parts = [SimpleNamespace(price=PRICE)]  # type: ignore[list-item]
    box = Box(low.ravel(), (low + width).ravel(), 0.0)
    found = master.split(box, Relaxed((low + part * width).ravel(), 7.0, excess))
    if found is None:
        return None
    left, right = found
    assert left.bound == right.bound == 7.0
    assert left.low.tolist() == box.low.tolist()
    assert right.high.tolist() == box.high.tolist()
    (at,) = np.flatnonzero(left.high != box.high)
    assert np.flatnonzero(right.low != box.low).tolist() == [at]
    assert left.high[at] == right.low[at]
    return int(at) // low.shape[1], int(at) % low.shape[1], float(left.high[at])


LOW = np.array([[-100.0, 40.0], [3.0, -2.0], [10.0, -20.0]])
WIDTH = np.array([[8.0, 6.0], [5.0, 9.0], [3.0, 40.0]])


def test_the_case_that_loses_most_money_is_split_where_the_point_is_farthest_from_both_ends() -> None:
    """A kWh is worth what it costs or brings: 30 at -30; there the first is 2 from its low end."""
    part = np.array([[0.5, 0.5], [0.4, 8.0 / 9.0], [0.5, 0.5]])
    assert split(LOW, WIDTH, part, np.array([10.0, 1.0, 10.0])) == (1, 0, pytest.approx(5.0))
    assert split(LOW, WIDTH, part, np.array([10.0, 0.1, 10.0])) == (2, 1, pytest.approx(0.0))
    assert split(LOW, WIDTH, part, np.array([10.0, 0.1, 4.0])) == (0, 0, pytest.approx(-96.0))


def test_what_cannot_be_split_is_left_alone() -> None:
    narrow = np.where(np.arange(3)[:, None] == 1, 0.9 * NARROWEST_KW, WIDTH)
    part = np.full((3, 2), 0.5)
    assert split(LOW, narrow, part, np.array([1.0, 100.0, 0.1])) == (0, 0, pytest.approx(-96.0))
    assert split(np.zeros((3, 2)), np.full((3, 2), NARROWEST_KW), part, np.ones(3)) is None


def test_at_a_corner_the_widest_interval_is_halved() -> None:
    corner = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 0.5 * CORNER]])
    for excess, wanted in (
        ([1.0, 0.0, 0.0], (0, 0, -96.0)),
        ([0.0, 1.0, 0.0], (1, 1, 2.5)),
        ([0.0, 0.0, 1.0], (2, 1, 0.0)),
    ):
        found = split(LOW, WIDTH, corner, np.array(excess))
        assert found is not None
        assert found == pytest.approx(wanted)
    inside = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 2.0 * CORNER]])
    assert split(LOW, WIDTH, inside, np.array([0.0, 0.0, 1.0])) == pytest.approx((2, 1, -20.0 + 80.0 * CORNER))
