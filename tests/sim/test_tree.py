"""Where buses stand on the map of a feeder: worked examples, and random trees that no two lines may cross."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.show.tree import lateral_order, tree_places


def test_the_longest_way_is_straight_and_branches_stand_beside_it() -> None:
    """Root 0; 0-1-2-3-4 is the longest way; 5-6 hang on 1, 7 on 2, 8 on 5."""
    parent = [-1, 0, 1, 2, 3, 1, 5, 2, 5]
    # bus 7 takes row 1 at distance 3; there the branch of bus 5 has two rows, so it is two rows away on either side
    wanted = [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (2, 2), (3, 2), (3, 1), (3, 3)]
    assert tree_places(parent[:8]).tolist()[5:] == [[2.0, -1.0], [3.0, -1.0], [3.0, 1.0]]  # nearer below
    assert tree_places(parent).tolist() == [[float(x), float(y)] for x, y in wanted]


def test_a_root_alone_and_parents_after_their_children() -> None:
    assert tree_places([-1]).tolist() == [[0.0, 0.0]]
    assert tree_places([-1, 2, 0]).tolist() == [[0.0, 0.0], [2.0, 0.0], [1.0, 0.0]]


def test_buses_stand_lateral_by_lateral() -> None:
    """Root 0; 0-1-2-3 is the longest way, 4-5 hang on 1, 6 on 2."""
    assert lateral_order([-1, 0, 1, 2, 1, 4, 2]) == [0, 1, 2, 3, 4, 5, 6]  # they do already
    assert lateral_order([-1, 0, 1, 2, 1, 2, 4]) == [0, 1, 2, 3, 5, 4, 6]  # 5 hangs on 2 now, 6 on 4
    assert lateral_order([-1, 2, 0]) == [0, 2, 1]
    assert lateral_order([-1]) == [0]


@given(st.lists(st.integers(0, 10**6), max_size=40))
def test_no_lateral_is_broken(draws: list[int]) -> None:
    parent = [-1, *(draw % (bus + 1) for bus, draw in enumerate(draws))]
    order = lateral_order(parent)
    place = {bus: k for k, bus in enumerate(order)}
    assert sorted(order) == list(range(len(parent)))
    assert all(place[above] < place[bus] for bus, above in enumerate(parent) if above >= 0)
    broken = sum(parent[bus] != before for before, bus in pairwise(order))
    assert broken == len(set(parent) ^ {-1, *range(len(parent))}) - 1  # one less than there are ends


def lines_of(parent: list[int], places: np.ndarray) -> list[tuple[int, set[tuple[float, float]]]]:
    """Of each branch its parent and what it covers in steps of a half, without its first point."""
    covered = []
    for bus, above in enumerate(parent):
        if above < 0:
            continue
        (x, y), (end, row) = places[above], places[bus]
        steps = round(abs(row - y) * 2)
        upright = {(x, y + np.sign(row - y) * k / 2) for k in range(1, steps + 1)}
        covered.append((above, upright | {(x + 0.5, row), (end, row)}))
    return covered


@given(st.lists(st.integers(0, 10**6), max_size=40))
def test_no_two_branches_cross(draws: list[int]) -> None:
    """Branches of one parent leave it along one upright line; no others touch."""
    parent = [-1, *(number % (k + 1) for k, number in enumerate(draws))]
    places = tree_places(parent)
    assert len({tuple(place) for place in places.tolist()}) == len(parent)
    assert all(places[bus, 0] == places[above, 0] + 1 for bus, above in enumerate(parent) if above >= 0)
    lines = lines_of(parent, places)
    stations = {tuple(place) for place in places.tolist()}
    for k, (above, mine) in enumerate(lines):
        assert len(mine & stations) == 1  # the bus at its end
        for other, others in lines[k + 1 :]:
            shared = mine & others
            assert not shared or (other == above and {x for x, _ in shared} == {places[above, 0]})
