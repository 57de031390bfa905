"""A feeder's tree by hand: its order, sums along it, its labels in messages, and what is no tree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.grid.feeder import Feeder, radial_parents
from equilibrium.grid.meshed import MeshedGrid, Parts
from tests.equilibrium.conftest import small_feeder
from tests.equilibrium.test_meshed import TWO_ROOTS, grid

INF = float("inf")


def crooked() -> Feeder:
    """The root feeds 4, which feeds 1 and 2; 1 feeds 3, and 5 hangs on the root."""
    return small_feeder(
        buses=tuple("abcdef"),
        parent=np.array([-1, 4, 4, 1, 0, 0]),
        r_ohm=np.arange(6.0),
        x_ohm=np.arange(6.0),
        rating_kva=np.full(6, INF),
        load_kw=np.zeros(6),
        load_kvar=np.zeros(6),
        voltage_min_pu=np.full(6, 0.9),
        voltage_max_pu=np.full(6, 1.1),
    )


def test_every_bus_stands_after_its_parent() -> None:
    assert crooked().order.tolist() == [0, 4, 5, 1, 2, 3]
    assert crooked().size == 6


def test_sums_downstream_and_upstream() -> None:
    values = np.array([[1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [0.0, 1.0, 0.0, 0.0, 0.0, 5.0]])
    feeder = crooked()
    assert feeder.subtree_sum(values).tolist() == [[63.0, 10.0, 4.0, 8.0, 30.0, 32.0], [6.0, 1.0, 0.0, 0.0, 1.0, 5.0]]
    assert feeder.path_sum(values).tolist() == [[1.0, 19.0, 21.0, 27.0, 17.0, 33.0], [0.0, 1.0, 0.0, 1.0, 0.0, 5.0]]
    assert values[0].tolist() == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def test_a_bus_that_is_not_there_is_told_with_those_that_are() -> None:
    assert crooked().index("c") == 2
    with pytest.raises(InputError) as caught:
        crooked().index("zz", "file", "lot")
    assert str(caught.value) == "file: lot: got 'zz', expected a bus of feeder small (a, b, c, d, e, f)"


@pytest.mark.parametrize(("width", "whole"), [(58, True), (59, False)])
def test_many_labels_are_told_by_the_first_and_the_last(width: int, whole: bool) -> None:
    """Ten labels and nine commas between them: up to 600 characters."""
    labels = tuple(f"{k}".rjust(width, "x") for k in range(10))
    labels = (labels[0] + "x" * (600 - 10 * 58 - 18), *labels[1:])
    many = Feeder("many", 1.0, labels, *[np.zeros(10)] * 8)  # type: ignore[arg-type]
    every = ", ".join(labels)
    assert (len(every) <= 600) is whole
    assert many._labels() == (every if whole else f"{labels[0]} .. {labels[-1]}, 10 in all")


def test_branches_are_turned_away_from_the_root() -> None:
    ends = [("b", "e"), ("a", "e"), ("c", "e"), ("b", "d"), ("f", "a")]
    assert radial_parents("abcdef", ends, "file").tolist() == [-1, 4, 4, 1, 0, 0]


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ([("a", "b"), ("b", "z")], "branch 2 (b-z): got 'z', expected a bus of buses.csv"),
        ([("y", "b"), ("b", "z")], "branch 1 (y-b): got 'y', expected a bus of buses.csv"),
        ([("a", "b"), ("b", "c"), ("c", "a")], None),
        ([("a", "b"), ("b", "a"), ("b", "c")], None),
        ([("a", "b"), ("b", "b"), ("b", "c")], None),
        ([("a", "b")], "bus c: got 'not connected to the root', expected a tree that reaches every bus"),
        ([("b", "c")], "bus b: got 'not connected to the root', expected a tree that reaches every bus"),
    ],
)
def test_what_is_no_tree(ends: list[tuple[str, str]], told: str | None) -> None:
    with pytest.raises(InputError) as caught:
        radial_parents("abc", ends, "file")
    if told is None:
        said = str(caught.value)
        assert said.endswith(": got 'a loop', expected a radial feeder: open one branch of the loop")
        assert said.startswith("file: branch ")
    else:
        assert str(caught.value) == f"file: {told}"


def test_sets_that_are_joined() -> None:
    parts = Parts(5)
    assert [parts.join(0, 1), parts.join(3, 2), parts.join(1, 2), parts.join(0, 3), parts.join(4, 4)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert len({parts.find(k) for k in range(4)}) == 1
    assert parts.find(4) == 4


NUMBERS = np.arange(1.0, 6.0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"root_voltage_pu": INF}, "root_voltage_pu: got inf, expected a positive number"),
        ({"base_kv": -1.0}, "base_kv: got -1.0, expected a positive number"),
        ({"load_kvar": np.ones(4)}, "load_kvar: got (4,), expected one number for each of 5 buses"),
        (
            {"voltage_max_pu": np.array([1.1, 1.1, 1.1, INF, np.nan])},
            "voltage_max_pu of bus b3: got inf, expected a finite number",
        ),
        (
            {"voltage_min_pu": np.array([0.9, 0.9, 0.9, -0.1, 0.9])},
            "voltage_min_pu of bus b3: got -0.1, expected a number above 0 and below 1.1",
        ),
        (
            {"root_voltage_pu": 0.89},
            "root_voltage_pu: got 0.89, expected a voltage inside the band 0.9 .. 1.1 of root b0",
        ),
        (
            {"voltage_max_pu": np.array([1.1, 1.1, 1.1, 1.1, 0.99])},
            "root_voltage_pu: got 1.0, expected a voltage inside the band 0.9 .. 0.99 of root b4",
        ),
        (
            {"rating_kva": np.ones(3)},
            "rating_kva: got (3,), expected one value for each of 4 branches",
        ),
        ({"start": np.array([0, -1, 4, 2])}, "branch 2: got -1, expected a bus from 0 to 4"),
        ({"start": np.array([0, 5, 4, 2])}, "branch 2: got 5, expected a bus from 0 to 4"),
        (
            {"end": np.array([1, 0, 3, 3])},
            "branch 2 (b1-b0): got 'a second branch between the same buses', expected one branch between two buses",
        ),
        ({"x_ohm": np.array([1.0, INF, -1.0, 1.0])}, "x_ohm of branch b1-b2: got inf, expected a number from 0"),
        (
            {"rating_kva": np.array([1.0, np.nan, 0.0, 1.0])},
            "rating_kva of branch b1-b2: got nan, expected a positive number",
        ),
    ],
)
def test_a_grid_that_cannot_be_is_told_in_full(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        grid(5, **{"roots": (0, 4), "lines": TWO_ROOTS, **changes})
    assert str(caught.value) == f"grid made: {told}"


@pytest.mark.parametrize(
    "changes",
    [
        {"root_voltage_pu": 0.9},
        {"root_voltage_pu": 1.1},
        {"r_ohm": np.zeros(4), "x_ohm": np.zeros(4)},
        {"rating_kva": np.full(4, INF)},
        {"load_kw": -NUMBERS, "load_kvar": -NUMBERS},
        {"switchable": np.array([False, False, False, True])},
    ],
)
def test_a_grid_at_the_edge_of_what_can_be(changes: dict[str, Any]) -> None:
    assert grid(5, (0, 4), TWO_ROOTS, **changes).size == 5


def made() -> MeshedGrid:
    return grid(5, (0, 4), TWO_ROOTS, switchable=np.array([False, True, True, True]))


@pytest.mark.parametrize(
    ("closed", "told"),
    [
        ([True] * 4, "configuration: got 'not radial', expected every bus fed from one root along one path"),
        ([False, True, True, True], "branch b0-b1: got 'another state', expected its own: it is not switchable"),
    ],
)
def test_a_configuration_that_is_none_is_told_in_full(closed: list[bool], told: str) -> None:
    with pytest.raises(InputError) as caught:
        made().feeders_of(np.array(closed))
    assert str(caught.value) == f"grid made: {told}"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"branches": (4,)}, "branch that fails: got 4, expected an index from 0 to 3"),
        ({"branches": (0, -1)}, "branch that fails: got -1, expected an index from 0 to 3"),
        ({"buses": (5,)}, "bus that fails: got 5, expected an index from 0 to 4"),
    ],
)
def test_a_failure_that_is_none_is_told_in_full(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        next(made().restorations(**given))
    assert str(caught.value) == f"grid made: {told}"
    assert next(made().restorations(branches=(3,), buses=(4, 0))).tolist() == [False, True, False, False]


def test_what_is_radial_and_what_is_allowed() -> None:
    grids = made()
    for closed, forest, radial, allowed in (
        ([True, True, True, False], True, True, True),
        ([True, True, False, False], True, False, True),
        ([True, True, True, True], False, False, True),
        ([False, True, True, True], True, True, False),
        ([True, False, True, True], True, True, True),
    ):
        state = np.array(closed)
        assert (grids.is_forest(state), grids.is_radial(state), grids.is_allowed(state)) == (forest, radial, allowed)
    assert (grids.size, grids.branches, grids.label(2)) == (5, 4, "b4-b3")
    start, end = grids.nodes
    assert (start.tolist(), end.tolist()) == ([0, 1, 0, 2], [1, 2, 3, 3])
