"""Grids with ties and several roots: what is radial, what an outage leaves, and what is refused."""

from __future__ import annotations

from itertools import product
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.arrays import BoolArray
from equilibrium.errors import InputError
from equilibrium.grid.meshed import MeshedGrid
from tests.equilibrium.oracle import examples


def grid(size: int, roots: tuple[int, ...], lines: list[tuple[int, int, bool]], **changes: Any) -> MeshedGrid:
    """A grid of equal branches: (start, end, closed), all of them switchable."""
    count = len(lines)
    values: dict[str, Any] = {
        "name": "made",
        "base_kv": 11.0,
        "buses": tuple(f"b{k}" for k in range(size)),
        "roots": roots,
        "start": np.array([line[0] for line in lines], dtype=np.int64),
        "end": np.array([line[1] for line in lines], dtype=np.int64),
        "r_ohm": np.arange(1.0, count + 1.0),
        "x_ohm": np.arange(1.0, count + 1.0) / 2.0,
        "rating_kva": np.full(count, np.inf),
        "closed": np.array([line[2] for line in lines], dtype=np.bool_),
        "switchable": np.ones(count, dtype=np.bool_),
        "load_kw": np.arange(size, dtype=np.float64),
        "load_kvar": np.arange(size) / 2.0,
        "voltage_min_pu": np.full(size, 0.9),
        "voltage_max_pu": np.full(size, 1.1),
    }
    return MeshedGrid(**{**values, **changes})


TWO_ROOTS = [(0, 1, True), (1, 2, True), (4, 3, True), (2, 3, False)]
"""0 and 4 are roots: 0-1-2 and 4-3 with a tie between 2 and 3."""


@st.composite
def grids(draw: st.DrawFn) -> MeshedGrid:
    """A random forest from one or two roots with some ties."""
    size = draw(st.integers(3, 6))
    roots = (0,) if draw(st.booleans()) else (0, size - 1)
    lines: list[tuple[int, int, bool]] = []
    for bus in range(1, size - len(roots) + 1):
        fed_from = [*range(bus), *roots[1:]]
        lines.append((draw(st.sampled_from(fed_from)), bus, True))
    taken = {frozenset(line[:2]) for line in lines}
    others = [(a, b) for a in range(size) for b in range(a) if frozenset((a, b)) not in taken]
    ties = draw(st.lists(st.sampled_from(others), max_size=4, unique=True)) if others else []
    return grid(size, roots, lines + [(a, b, False) for a, b in ties])


def joined(made: MeshedGrid, closed: BoolArray) -> nx.MultiGraph:
    """The closed branches as a graph in which all roots are node 0."""
    graph = nx.MultiGraph()
    node = [0 if bus in made.roots else bus for bus in range(made.size)]
    graph.add_nodes_from(node)
    for k in np.flatnonzero(closed):
        graph.add_edge(node[made.start[k]], node[made.end[k]])
    return graph


def as_set(configurations: Any) -> set[tuple[bool, ...]]:
    """Configurations as a set; none comes twice."""
    found = [tuple(closed.tolist()) for closed in configurations]
    assert len(set(found)) == len(found)
    return set(found)


@examples(40)
@given(grids())
def test_enumeration_is_brute_force(made: MeshedGrid) -> None:
    every = [np.array(states, dtype=np.bool_) for states in product((False, True), repeat=made.branches)]
    assert as_set(made.radial_configurations()) == as_set(c for c in every if nx.is_tree(joined(made, c)))


@examples(40)
@given(grids())
def test_what_an_outage_leaves_is_radial(made: MeshedGrid) -> None:
    outages = [((k,), ()) for k in range(made.branches)] + [((), (bus,)) for bus in range(made.size)]
    for branches, buses in outages:
        dead = np.isin(np.arange(made.branches), branches)
        dead |= np.isin(made.start, buses) | np.isin(made.end, buses)
        kept = made.closed & ~dead
        every = (np.array(states, dtype=np.bool_) for states in product((False, True), repeat=made.branches))
        possible = [c for c in every if not (c & dead).any() and (c | ~kept).all()]
        found = list(made.restorations(branches, buses))
        assert as_set(found) == as_set(c for c in possible if nx.is_forest(joined(made, c)))
        for closed in found:
            fed = nx.node_connected_component(joined(made, closed), 0)
            wanted = [(bus in fed or bus in made.roots) and bus not in buses for bus in range(made.size)]
            assert made.supplied(closed, buses).tolist() == wanted


@examples(30)
@given(grids())
def test_feeders_hold_every_bus_and_branch_once(made: MeshedGrid) -> None:
    for closed in made.radial_configurations():
        feeders = made.feeders_of(closed)
        assert sorted(label for feeder in feeders for label in feeder.buses) == sorted(made.buses)
        assert [feeder.buses[0] for feeder in feeders] == [made.buses[root] for root in made.roots]
        own = sorted(float(r) for feeder in feeders for r in feeder.r_ohm[1:])
        assert own == sorted(made.r_ohm[closed].tolist())
        for feeder in feeders:
            for bus in range(1, feeder.size):
                branch = int(feeder.r_ohm[bus]) - 1  # branch k has k + 1 ohm
                ends = {made.buses[made.start[branch]], made.buses[made.end[branch]]}
                assert ends == {feeder.buses[bus], feeder.buses[feeder.parent[bus]]}
            assert feeder.load_kw.tolist() == [float(label[1:]) for label in feeder.buses]


def test_two_roots_by_hand() -> None:
    """One tie between two roots: any one of four branches in a row may be open."""
    made = grid(5, (0, 4), TWO_ROOTS)
    assert len(list(made.radial_configurations())) == 4
    after = list(made.restorations(branches=[0]))
    assert [closed.tolist() for closed in after] == [[False, True, True, False], [False, True, True, True]]
    assert made.supplied(after[0]).tolist() == [True, False, False, True, True]
    assert made.supplied(after[1]).all()
    left, right = made.feeders_of(after[1])
    assert (left.buses, right.buses) == (("b0",), ("b4", "b1", "b2", "b3"))
    assert right.parent.tolist() == [-1, 2, 3, 0]
    assert right.r_ohm.tolist() == [0.0, 2.0, 4.0, 3.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"buses": ("b0", "b1", "b1", "b3", "b4")}, "bus b1: got 'a second bus of this label'"),
        ({"roots": ()}, "roots: got 'none'"),
        ({"roots": (0, 9)}, "roots: got 9, expected different indices from 0 to 4"),
        ({"roots": (0, 5)}, "roots: got 5, expected different indices from 0 to 4"),
        ({"roots": (0, -1)}, "roots: got -1"),
        ({"roots": (0, 0)}, "roots: got 0"),
        (
            {"voltage_min_pu": np.array([0.9, 1.1, 0.9, 0.9, 0.9])},
            "pu of bus b1: got 1.1, expected a number above 0 and below 1.1",
        ),
        (
            {"voltage_min_pu": np.array([0.9, 0.9, 0.0, 0.9, 0.9])},
            "pu of bus b2: got 0.0, expected a number above 0 and",
        ),
        (
            {"root_voltage_pu": 1.11},
            "root_voltage_pu: got 1.11, expected a voltage inside the band 0.9 .. 1.1 of root b0",
        ),
        ({"roots": (0, 1, 2, 3, 4)}, "roots: got 'all buses', expected a bus that is not fed"),
        ({"base_kv": 0.0}, "base_kv: got 0.0"),
        ({"end": np.array([1, 2, 3, 7])}, "branch 4: got 7"),
        ({"end": np.array([1, 1, 3, 3])}, "branch 2 (b1-b1): got 'one bus at both ends'"),
        ({"end": np.array([1, 0, 3, 3])}, "branch 2 (b1-b0): got 'a second branch"),
        ({"r_ohm": np.array([1.0, -1.0, 1.0, 1.0])}, "r_ohm of branch b1-b2: got -1.0"),
        ({"rating_kva": np.array([1.0, 1.0, 1.0, 0.0])}, "rating_kva of branch b2-b3: got 0.0"),
        ({"load_kw": np.array([0.0, np.nan, 0.0, 0.0, 0.0])}, "load_kw of bus b1: got nan"),
        ({"x_ohm": np.ones(3)}, "x_ohm: got (3,)"),
        (
            {"closed": np.ones(4, dtype=np.bool_), "switchable": np.zeros(4, dtype=np.bool_)},
            "got 'a loop of branches that cannot be opened'",
        ),
        (
            {"closed": np.array([False, True, True, False]), "switchable": np.zeros(4, dtype=np.bool_)},
            "bus b1: got 'an island without a source'",
        ),
    ],
)
def test_one_line_names_what_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        grid(5, **{"roots": (0, 4), "lines": TWO_ROOTS, **changes})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_configuration_that_is_none_is_refused() -> None:
    made = grid(5, (0, 4), TWO_ROOTS, switchable=np.array([False, True, True, True]))
    with pytest.raises(InputError, match="not radial"):
        made.feeders_of(np.ones(4, dtype=np.bool_))
    with pytest.raises(InputError, match="not switchable"):
        made.feeders_of(np.array([False, True, True, True]))
    with pytest.raises(InputError, match="branch that fails: got 4"):
        list(made.restorations(branches=[4]))
    looped = grid(5, (0, 4), [(*line[:2], True) for line in TWO_ROOTS])
    with pytest.raises(InputError, match="without a loop"):
        list(looped.restorations())
