"""Outages one by one: what is listed, what follows the first, what screening proves, and what a study adds up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.grid.contingencies import Screened, Study, cascade, screen, single_outages, study
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Hour, Outage, restore
from tests.equilibrium.test_meshed import grid

INF = float("inf")

LINES = [(0, 1, True), (1, 2, True), (4, 3, True), (2, 3, False), (1, 3, False)]


def town(**changes: Any) -> MeshedGrid:
    """0-1-2 and 4-3 with ties 2-3 and 1-3; 10, 20 and 30 kW at 1, 2 and 3, of which a half is reactive."""
    kw = np.array([0.0, 10.0, 20.0, 30.0, 0.0])
    return grid(5, (0, 4), LINES, load_kw=kw, load_kvar=0.5 * kw, **changes)


def hour(share: float = 1.0, *, kvar: float = 1.0, value: float = 1.0) -> Hour:
    """A share of the loads; a kWh of bus k is worth ``k + 1`` times a value."""
    made = town()
    return Hour(share * made.load_kw, kvar * share * made.load_kvar, value * np.arange(1.0, 6.0))


def test_branches_that_are_closed_and_buses_that_are_no_roots_are_listed() -> None:
    found = single_outages(town())
    assert [each.name for each in found] == [
        "branch b0-b1",
        "branch b1-b2",
        "branch b4-b3",
        "bus b1",
        "bus b2",
        "bus b3",
    ]
    assert [(each.branches, each.buses) for each in found] == [
        ((0,), ()), ((1,), ()), ((2,), ()), ((), (1,)), ((), (2,)), ((), (3,))
    ]  # fmt: skip
    less = single_outages(town(), ("bus b2", "branch b0-b1"))
    assert [each.name for each in less] == ["branch b1-b2", "branch b4-b3", "bus b1", "bus b3"]
    with pytest.raises(InputError) as caught:
        single_outages(town(), ("bus b2", "bus b0"))
    told = "outage that is left out: got 'bus b0', expected one such as branch b0-b1"
    assert str(caught.value) == f"grid made: {told}"


@pytest.mark.parametrize(
    ("rating", "second"),
    [
        (np.full(5, INF), 2),  # the most kVA: 60 kW come from root 4
        (np.array([INF, 1000.0, 1000.0, 1000.0, 90.0]), 4),  # the most of a rating
        (np.array([INF, 30.0, 1000.0, 1000.0, 1000.0]), 1),
    ],
)
def test_what_carries_most_fails_next(rating: np.ndarray, second: int) -> None:
    """After 0-1 the tie 1-3 feeds 1 and 2."""
    made = town(rating_kva=rating)
    restored = restore(made, hour(), Outage("first", branches=(0,), buses=()))
    assert restored.closed.tolist() == [False, True, True, False, True]
    found = cascade(made, restored)
    assert (found.branches, found.buses) == ((0, second), ())
    assert found.name == f"first, then branch {made.label(second)}"
    dead = replace(restored, flow_kva=np.zeros(5), loading=np.zeros(5))
    assert cascade(made, dead) is restored.outage


def test_what_screening_settles() -> None:
    outage = Outage("o")
    some = Screened(outage, np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert (some.settled, some.sheds_nothing) == (True, False)
    none = Screened(outage, np.zeros(2), np.zeros(2))
    assert (none.settled, none.sheds_nothing) == (True, True)
    unsure = Screened(outage, np.array([0.0, 0.0]), np.array([0.0, 2.0]))
    assert (unsure.settled, unsure.sheds_nothing) == (False, False)


@pytest.mark.parametrize(
    ("outage", "changes", "lower", "upper"),
    [
        (Outage("a", branches=(0,)), {}, [0.0, 0.0], [0.0, 0.0]),
        (Outage("b", buses=(2,)), {}, [60.0, 240.0], [60.0, 240.0]),
        # of ties that carry too little nothing is proved but what stays dark at least
        (Outage("a", branches=(0,)), {"rating_kva": np.array([INF, INF, INF, 1.0, 1.0])}, [0.0, 0.0], [80.0, 320.0]),
        (Outage("c", branches=(0, 3, 4)), {}, [80.0, 320.0], [80.0, 320.0]),
        (
            Outage("d", branches=(0, 3, 4)),
            {"rating_kva": np.array([INF, INF, 1.0, 1.0, 1.0])},
            [80.0, 320.0],
            [200.0, 800.0],
        ),
    ],
)
def test_bounds_of_every_hour_by_the_greatest_loads(
    outage: Outage, changes: dict[str, Any], lower: list[float], upper: list[float]
) -> None:
    """Of all loads, and of twice as much that is worth twice as much: 20 + 60 + 120 in all."""
    found = screen(town(**changes), [hour(), hour(2.0, value=2.0)], outage)
    assert found.lower.tolist() == lower
    assert found.upper.tolist() == upper


def test_reactive_loads_that_are_given_are_not_screened() -> None:
    """A load that gives reactive power may lift a voltage: then the greatest loads prove nothing."""
    given = screen(town(), [hour(), hour(kvar=-1.0)], Outage("a", branches=(0,)))
    assert given.lower.tolist() == [0.0, 0.0]
    assert given.upper.tolist() == [200.0, 200.0]
    none = screen(town(), [hour(), hour(kvar=0.0)], Outage("a", branches=(0,)))
    assert none.settled


def test_a_study_adds_up_outages_and_hours() -> None:
    outages = (Outage("a", branches=(0,)), Outage("b", buses=(2,)), Outage("c", branches=(0, 3, 4)))
    narrow = town(rating_kva=np.array([INF, INF, INF, INF, 20.0]))
    found = study(narrow, [hour(), hour(0.5)], outages)
    assert found.outages == outages
    assert found.energy_kwh == pytest.approx(np.array([[0.0, 0.0], [20.0, 10.0], [30.0, 15.0]]), abs=1e-6)
    assert found.cost == pytest.approx(np.array([[0.0, 0.0], [60.0, 30.0], [80.0, 40.0]]), abs=1e-6)
    assert found.operations.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    assert found.screened.tolist() == [1.0, 1.0, 1.0]
    assert found.expected_energy(np.array([0.5, 0.1, 0.2])) == pytest.approx(3.0 + 9.0)
    by_hour = np.array([[0.5, 0.5], [0.1, 0.0], [0.0, 0.2]])
    assert found.expected_energy(by_hour) == pytest.approx(2.0 + 3.0)
    with pytest.raises(InputError) as caught:
        found.expected_energy(np.array([[0.0, 0.0], [0.0, -0.25], [0.5, 0.0]]))
    assert str(caught.value) == "outages: probability: got -0.25, expected numbers from 0"


def test_an_outage_that_needs_programs_is_not_screened() -> None:
    tight = town(rating_kva=np.array([INF, INF, INF, 1.0, 1.0]))
    found: Study = study(tight, [hour()], (Outage("a", branches=(0,)), Outage("b", buses=(2,))))
    assert found.screened.tolist() == [0.0, 1.0]
