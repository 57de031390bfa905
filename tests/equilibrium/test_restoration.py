"""Restoration after outages: enumeration, program and brute force agree; screening proves what it says."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.errors import InputError
from equilibrium.grid.contingencies import cascade, screen, single_outages, study
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Hour, Outage, restore
from equilibrium.grid.switching_program import restore_by_switching
from scenarios.readers.meshed import load_meshed
from tests.equilibrium.test_meshed import TWO_ROOTS, grid, grids


def hour(made: MeshedGrid, scale: float = 1.0, **changes: Any) -> Hour:
    """The grid's own loads, each kWh worth 1 at bus 0, 2 at bus 1, and so on."""
    values = {
        "load_kw": made.load_kw * scale,
        "load_kvar": made.load_kvar * scale,
        "value": np.arange(1.0, made.size + 1),
    }
    return Hour(**{**values, **changes})


ROW = grid(5, (0, 4), TWO_ROOTS)
"""0-1-2 and 4-3 with a tie between 2 and 3, loads of 1, 2 and 3 kW; roots 0 and 4."""


NOTHING = Outage("nothing")


def test_a_tie_restores_what_a_branch_leaves() -> None:
    answer = restore(ROW, hour(ROW), Outage("first", branches=(0,)))
    assert answer.closed.tolist() == [False, True, True, True]
    assert (answer.cost, answer.shed_kw.sum(), answer.operations, answer.programs) == (0.0, 0.0, 1, 0)
    assert answer.flow_kva == pytest.approx(np.hypot(1.0, 0.5) * np.array([0.0, 1.0, 6.0, 3.0]))


def test_a_failed_bus_loses_its_load_and_cuts_the_way() -> None:
    answer = restore(ROW, hour(ROW), Outage("bus", buses=(1,)))
    assert answer.shed_kw.tolist() == [0.0, 1.0, 0.0, 0.0, 0.0]
    assert answer.cost == 2.0
    assert answer.closed.tolist() == [False, False, True, True]


def test_a_rating_sheds_what_is_worth_least() -> None:
    """The tie carries 1.5 of the 3 kW behind it: bus 2 (worth 3) comes before bus 1 (worth 2)."""
    kva = 1.5 * np.hypot(1.0, 0.5)
    weak = replace(ROW, rating_kva=np.array([np.inf, np.inf, np.inf, kva]))
    answer = restore(weak, hour(weak), Outage("first", branches=(0,)))
    assert answer.shed_kw[1] == pytest.approx(1.0)
    assert 0.5 <= answer.shed_kw[2] <= 0.55  # the polygon lies inside the circle
    helped = hour(weak, source_bus=np.array([1]), source_kw=np.array([5.0]), source_kvar=np.array([5.0]))
    assert restore(weak, helped, Outage("first", branches=(0,))).cost == pytest.approx(0.0, abs=1e-7)


def test_a_voltage_sheds_by_the_formula() -> None:
    """11 kV and 1 + j 0.5 ohm: 121 - 2 (P + 0.25 P) / 1000 kV^2 stays above 0.99^2 of it, so P is 963.16 of 2000 kW."""
    loads = {"load_kw": np.array([0.0, 2000.0]), "load_kvar": np.array([0.0, 1000.0])}
    made = grid(2, (0,), [(0, 1, True)], voltage_min_pu=np.full(2, 0.99), **loads)
    served = 121.0 * (1.0 - 0.99**2) / 2.5 * 1000.0
    for answer in (restore(made, hour(made), NOTHING), restore_by_switching(made, hour(made), NOTHING)):
        assert answer.shed_kw[1] == pytest.approx(2000.0 - served)
        assert answer.flow_kva[0] == pytest.approx(served * np.hypot(1.0, 0.5))
        assert answer.cost == pytest.approx(2.0 * (2000.0 - served))
    high = hour(made, source_bus=np.array([1]), source_kw=np.array([500.0]), source_kvar=np.array([0.0]))
    assert restore(made, high, NOTHING).shed_kw[1] == pytest.approx(2000.0 - served - 500.0 / 1.25)


def test_a_failed_root_loses_its_own_load_and_others_feed_the_rest() -> None:
    made = replace(ROW, load_kw=np.array([7.0, 1.0, 2.0, 3.0, 4.0]))
    outage = Outage("root", buses=(0,))
    for answer in (restore(made, hour(made), outage), restore_by_switching(made, hour(made), outage)):
        assert answer.shed_kw.tolist() == pytest.approx([7.0, 0.0, 0.0, 0.0, 0.0])
        assert answer.closed.tolist() == [False, True, True, True]
        assert answer.operations == 1


def test_what_is_without_supply_stays_as_it_was() -> None:
    """Without 0-1 and the tie, 1-2 is dead: nothing there is worth a switch."""
    outage = Outage("first and the tie", branches=(0, 3))
    for answer in (restore(ROW, hour(ROW), outage), restore_by_switching(ROW, hour(ROW), outage)):
        assert answer.closed.tolist() == [False, True, True, False]
        assert answer.operations == 0


def test_a_source_alone_supplies_nobody() -> None:
    """A bus whose only branch fails has no root: its own source does not help."""
    alone = hour(ROW, source_bus=np.array([3]), source_kw=np.array([9.0]), source_kvar=np.array([9.0]))
    outage = Outage("both", branches=(2, 3))
    assert restore(ROW, alone, outage).shed_kw.tolist() == [0.0, 0.0, 0.0, 3.0, 0.0]
    assert restore_by_switching(ROW, alone, outage).shed_kw[3] == pytest.approx(3.0)


@st.composite
def hours(draw: st.DrawFn) -> tuple[MeshedGrid, Hour, Outage]:
    """A grid with tight limits, some sources, and an outage."""
    made = draw(grids())
    rating = np.array([draw(st.sampled_from([2.0, 5.0, 100.0])) for _ in range(made.branches)])
    made = replace(made, rating_kva=rating, voltage_min_pu=np.full(made.size, draw(st.sampled_from([0.5, 0.97, 0.99]))))
    scale = draw(st.sampled_from([1.0, 30.0]))
    made = replace(made, rating_kva=rating * scale)
    buses = np.array(draw(st.lists(st.integers(0, made.size - 1), max_size=2)), dtype=np.int64)
    power = np.full(buses.size, 2.0 * scale)
    branch = draw(st.integers(0, made.branches - 1))
    outage = Outage("branch", branches=(branch,))
    if draw(st.booleans()):
        outage = Outage("bus", buses=(draw(st.integers(0, made.size - 1)),))
    return made, hour(made, scale, source_bus=buses, source_kw=power, source_kvar=power), outage


@settings(max_examples=12)
@given(hours())
def test_enumeration_is_the_program_over_ties(given_hour: tuple[MeshedGrid, Hour, Outage]) -> None:
    made, now, outage = given_hour
    every = restore(made, now, outage)
    program = restore_by_switching(made, now, outage, sectionalisers=False)
    assert program.cost == pytest.approx(every.cost, rel=1e-6, abs=1e-5)
    assert program.bound <= program.cost + 1e-5
    for answer in (every, program):
        assert made.is_forest(answer.closed)
        assert not answer.closed[list(outage.branches)].any()
        dark = ~made.supplied(answer.closed, outage.buses)
        assert answer.shed_kw[dark] == pytest.approx(now.load_kw[dark], abs=1e-5)


@settings(max_examples=8)
@given(hours())
def test_the_program_is_brute_force_where_sectionalisers_move(given_hour: tuple[MeshedGrid, Hour, Outage]) -> None:
    made, now, outage = given_hour
    alive = np.ones(made.branches, dtype=np.bool_)
    alive[list(outage.branches)] = False
    best = np.inf
    for states in itertools.product((False, True), repeat=made.branches):
        closed = np.array(states) & alive
        if made.is_forest(closed):  # nothing closed can be opened there, and what is open stays so
            held = replace(made, closed=closed)
            best = min(best, min_without_ties(held, now, outage))
    assert restore_by_switching(made, now, outage).cost == pytest.approx(best, rel=1e-6, abs=1e-5)


def min_without_ties(held: MeshedGrid, now: Hour, outage: Outage) -> float:
    """Least cost with the branches that are closed."""
    others = Outage(outage.name, (*outage.branches, *np.flatnonzero(~held.closed).tolist()), outage.buses)
    return restore(held, now, others).cost


@settings(max_examples=15)
@given(hours())
def test_screening_bounds_every_hour(given_hour: tuple[MeshedGrid, Hour, Outage]) -> None:
    made, now, outage = given_hour
    day = [now, replace(now, load_kw=0.5 * now.load_kw, load_kvar=0.5 * now.load_kvar)]
    found = screen(made, day, outage)
    for each, low, high in zip(day, found.lower, found.upper, strict=True):
        assert low - 1e-6 <= restore(made, each, outage).cost <= high + 1e-6


def test_more_ties_and_more_power_never_shed_more() -> None:
    outage = Outage("first", branches=(0,))
    without = Outage("first and the tie", branches=(0, 3))
    assert restore(ROW, hour(ROW), outage).cost <= restore(ROW, hour(ROW), without).cost == pytest.approx(2.0 + 6.0)


def test_every_outage_of_the_two_substations() -> None:
    """68 branches and 68 buses that are no root; 132 without the four branches at the substations."""
    das = load_meshed("das70")
    at_roots = [f"branch {pair}" for pair in ("1-2", "1-16", "70-30", "70-51")]
    outages = single_outages(das, at_roots)
    assert (len(single_outages(das)), len(outages)) == (136, 132)
    now = Hour(das.load_kw, das.load_kvar, np.ones(das.size))
    leaves = {each.name: screen(das, [now], each) for each in outages}
    lost = {
        name: float(found.lower[0]) for name, found in leaves.items() if name.startswith("branch") and found.lower[0]
    }
    assert lost == {
        "branch 7-68": 168.0,
        "branch 68-69": 48.0,
        "branch 42-46": 72.0,
        "branch 55-56": pytest.approx(51.6),
    }
    assert sum(1 for each in single_outages(das) for _ in das.restorations(each.branches, each.buses)) == 371
    assert sum(found.sheds_nothing for found in leaves.values()) > 50
    with pytest.raises(InputError, match="outage that is left out: got 'branch 9-9'"):
        single_outages(das, ["branch 9-9"])


def test_a_study_and_its_cascades() -> None:
    day = [hour(ROW), hour(ROW, 0.5)]
    outages = single_outages(ROW)
    assert [each.name for each in outages] == [
        "branch b0-b1",
        "branch b1-b2",
        "branch b4-b3",
        "bus b1",
        "bus b2",
        "bus b3",
    ]
    found = study(ROW, day, outages)
    assert found.energy_kwh.tolist() == [[0.0, 0.0]] * 3 + [[1.0, 0.5], [2.0, 1.0], [3.0, 1.5]]
    assert found.cost[:, 0].tolist() == [0.0, 0.0, 0.0, 2.0, 6.0, 12.0]
    assert found.operations[:, 0].tolist() == [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    assert found.screened.all()
    assert found.expected_energy(np.full(6, 0.1)) == pytest.approx(0.9)
    with pytest.raises(InputError, match=r"probability: got -0\.1"):
        found.expected_energy(np.full(6, -0.1))
    second = cascade(ROW, restore(ROW, hour(ROW), outages[0]))
    assert (second.name, second.branches) == ("branch b0-b1, then branch b4-b3", (0, 2))
    assert restore(ROW, hour(ROW), second).shed_kw.sum() == 6.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"load_kw": np.ones(4)}, "load_kw: got (4,)"),
        ({"load_kw": -np.ones(5)}, "load_kw of bus b0: got -1.0"),
        ({"value": -np.ones(5)}, "value of bus b0: got -1.0"),
        ({"source_bus": np.array([7]), "source_kw": np.ones(1), "source_kvar": np.ones(1)}, "source_bus: got [7]"),
        ({"source_bus": np.array([1]), "source_kw": -np.ones(1), "source_kvar": np.ones(1)}, "source_kw: got [-1.0]"),
    ],
)
def test_one_line_names_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        restore(ROW, hour(ROW, **changes), Outage("first", branches=(0,)))
    assert words in str(caught.value)
    with pytest.raises(InputError, match="branch that fails: got 9"):
        restore(ROW, hour(ROW), Outage("unknown", branches=(9,)))


@pytest.mark.parametrize(("room", "programs"), [(1.05, 0), (0.95, 1)])
def test_ratings_that_hold_all_need_no_program(room: float, programs: int) -> None:
    """Every branch that carries something has a twentieth more, or less, than that: 1, 6 and 3 kW on the way."""
    kva = room * np.hypot(1.0, 0.5) * np.array([np.inf, 1.0, 6.0, 3.0])
    narrow = replace(ROW, rating_kva=kva)
    answer = restore(narrow, hour(narrow), Outage("first", branches=(0,)))
    assert (answer.programs > 0, answer.cost > 0.0) == (programs > 0, programs > 0)
