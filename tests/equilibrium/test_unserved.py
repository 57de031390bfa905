"""Tables of what outages leave unserved against restoring each outage by itself; tables and searches as programs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.grid.contingencies import single_outages
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Hour, restore
from equilibrium.grid.shedding import Units, states_of
from equilibrium.grid.unserved import UNITS_AT_MOST, AfterOutages, Table, Unserved
from equilibrium.markets.two_settlement.market import DayAheadMarket
from equilibrium.programs.branching import Pairs, Rows, branch
from equilibrium.programs.program import Instance, ProgramBuilder
from equilibrium.programs.solvers.highs import HighsHandle
from equilibrium.programs.tabled import add_table
from tests.equilibrium.day_ahead_days import made_day, made_system
from tests.equilibrium.oracle import examples
from tests.equilibrium.test_meshed import grid, grids


def with_units(hour: Hour, units: Units, on: np.ndarray) -> Hour:
    """The hour with the units of one state among its sources."""
    return replace(
        hour,
        source_bus=np.concatenate([hour.source_bus, units.bus]),
        source_kw=np.concatenate([hour.source_kw, units.kw * on]),
        source_kvar=np.concatenate([hour.source_kvar, units.kvar * on]),
    )


def drawn_hours(rng: np.random.Generator, size: int, count: int) -> list[Hour]:
    """Hours whose reactive shares differ, some loads without kW, and one source that is always there."""
    hours = []
    for _ in range(count):
        kw = rng.uniform(0.0, 900.0, size) * (rng.random(size) < 0.8)
        kvar = np.where(rng.random(size) < 0.7, 0.5 * kw, rng.uniform(-100.0, 300.0, size))
        source = np.array([int(rng.integers(size))])
        hours.append(Hour(kw, kvar, np.arange(1.0, size + 1), source, rng.uniform(0, 200, 1), rng.uniform(0, 50, 1)))
    return hours


@settings(max_examples=7, deadline=None)
@given(grids(), st.integers(0, 10_000), st.booleans(), st.booleans())
def test_tables_are_restorations(made: MeshedGrid, seed: int, rated: bool, bands: bool) -> None:
    rng = np.random.default_rng(seed)
    size = made.size
    if rated:
        made = replace(made, rating_kva=rng.uniform(300.0, 2000.0, made.branches))
    if bands:
        made = replace(made, voltage_min_pu=rng.uniform(0.9, 0.97, size), voltage_max_pu=rng.uniform(1.001, 1.1, size))
    units = Units(rng.integers(size, size=2), rng.uniform(100, 900, 2), rng.uniform(0, 400, 2))
    hours, outages = drawn_hours(rng, size, 3), single_outages(made)
    unserved = Unserved(AfterOutages(made, outages), hours, units)
    tables = [unserved.cost(k) for k in range(len(outages))]
    for on in states_of(2):
        every = np.tile(on, (len(hours), 1))
        for outage, table in zip(outages, tables, strict=True):
            wanted = [restore(made, with_units(hour, units, on), outage).cost for hour in hours]
            assert table.at(every) == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    weight = rng.random((len(outages), len(hours)))
    gathered = unserved.tables(weight, np.array([0, 1, 0]))
    each = np.array([table.at(np.ones((3, 2), dtype=np.bool_)) for table in tables])
    wanted = [(weight * each)[:, [0, 2]].sum(), (weight * each)[:, 1].sum()]
    found = sum((table.at(np.ones((2, 2), dtype=np.bool_)) for table in gathered), np.zeros(2))
    assert found == pytest.approx(wanted)


def test_too_many_units_for_a_table() -> None:
    made = grid(3, (0,), [(0, 1, True), (1, 2, True)])
    units = Units(np.full(UNITS_AT_MOST + 1, 1), np.full(UNITS_AT_MOST + 1, 0.1), np.zeros(UNITS_AT_MOST + 1))
    heavy = Hour(np.array([0.0, 90_000.0, 90_000.0]), np.zeros(3), np.ones(3))
    after = AfterOutages(made, single_outages(made))
    unserved = Unserved(after, [heavy], Units(units.bus[:2], units.kw[:2], units.kvar[:2]))
    assert unserved.cost(0).cost.shape[1] <= 4
    with pytest.raises(InputError, match=r"units that matter to .*: got 13, expected at most 12"):
        Unserved(after, [heavy], units).tables(np.ones((4, 1)), np.array([0]))


def test_what_can_be_closed_is_found_once_for_all_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configurations after outages know no hour: a market looks for them on its first day alone."""
    rng = np.random.default_rng(14)
    system, days = made_system(rng), (made_day(rng), made_day(rng))
    looked = []
    found = AfterOutages._choices
    monkeypatch.setattr(AfterOutages, "_choices", lambda *args: looked.append(args) or found(*args))
    market = DayAheadMarket(system)
    tables = [market.interruptions(day) for day in days]
    assert len(looked) == len(system.outages)
    for day, kept in zip(days, tables, strict=True):
        afresh = DayAheadMarket(system).interruptions(day)
        assert all((one.cost == other.cost).all() for one, other in zip(kept, afresh, strict=True))


def test_a_table_in_a_program() -> None:
    """Two units that cost 1 each; being both off costs 5, one alone 3 or 1.5, both on nothing."""
    table = np.array([[5.0, 3.0, 1.5, 0.0], [0.5, 0.4, 0.3, 0.2]])
    build = ProgramBuilder()
    on = build.columns("on", (2, 2), upper=1.0, cost=1.0)
    add_table(build, "both", on, table)
    instance = build.compile().bind({})
    integer = np.zeros(instance.shape[1], dtype=np.bool_)
    integer[on] = True
    answer = branch(instance, integer)
    best = sum(min(a + b + row[a + 2 * b] for a, b in product((0, 1), repeat=2)) for row in table)
    assert best == 2.5  # 2 for both on in the first period, 0.5 for none in the second
    assert answer.objective == pytest.approx(best)
    assert answer.x[on][1].tolist() == [0.0, 0.0]
    assert Table((0, 1), table).at(np.array([[True, False], [False, True]])).tolist() == [3.0, 0.3]


@examples(20)
@given(st.integers(0, 10_000))
def test_branching_is_brute_force(seed: int) -> None:
    """Whole columns, a pair of which one is zero, and a row that comes in where it is broken."""
    rng = np.random.default_rng(seed)
    count = 6
    matrix = np.vstack([rng.uniform(0, 3, (2, count)), [0, 0, 0, 0, 1.0, 1.0]])
    cost = -rng.uniform(0, 2, count)
    right = np.array([4.0, 5.0, rng.uniform(0.5, 3.0)])
    hidden = rng.uniform(0, 2, count)
    instance = Instance(sp.csr_array(matrix), cost, np.full(3, -np.inf), right, np.zeros(count), np.ones(count))
    integer = np.arange(count) < 4

    def broken(x: np.ndarray) -> Rows | None:
        if hidden @ x <= 2.0 + 1e-7:
            return None
        return Rows(sp.csr_array(hidden[None, :]), np.array([-np.inf]), np.array([2.0]))

    answer = branch(instance, integer, broken=broken, pairs=Pairs(np.array([4]), np.array([5])))
    rows = np.vstack([matrix, hidden])
    limits = np.append(right, 2.0)
    best = 0.0
    for whole in product((0.0, 1.0), repeat=4):
        for k in (4, 5):
            x = np.append(whole, [0.0, 0.0])
            left = limits - rows @ x
            if (left < -1e-9).any():
                continue
            steps = [left[j] / rows[j, k] for j in range(4) if rows[j, k] > 1e-12]
            x[k] = min([1.0, *steps])
            best = min(best, float(cost @ x))
    assert answer.objective == pytest.approx(best, rel=1e-7, abs=1e-8)
    assert answer.bound == pytest.approx(best, rel=1e-6, abs=1e-7)
    assert answer.finished


def test_a_search_that_is_ended_keeps_its_bound() -> None:
    rng = np.random.default_rng(1)
    weight = rng.uniform(1.0, 2.0, 14)
    instance = Instance(
        sp.csr_array(weight[None, :]), -weight, np.full(1, -np.inf), np.full(1, 8.0), np.zeros(14), np.ones(14)
    )
    integer = np.ones(14, dtype=np.bool_)
    short = branch(instance, integer, deadline=Deadline(nodes=3))
    assert not short.finished
    assert short.bound == pytest.approx(-8.0)  # of the relaxation: 8 of the weight
    assert short.gap > 0.0
    none = branch(replace(instance, row_upper=np.full(1, -1.0)), integer)
    assert (none.x.size, none.objective, none.finished) == (0, np.inf, True)


def test_ties_that_only_add_supply_are_all_closed_where_voltages_have_one_band() -> None:
    made = grid(5, (0,), [(0, 1, True), (1, 2, True), (0, 3, True), (3, 4, True), (2, 4, False)])
    (outage,) = (each for each in single_outages(made) if each.branches == (1,))
    (choice,) = AfterOutages(made, [outage]).choices[0]
    assert choice.closed.tolist() == [True, False, True, True, True]
    apart = replace(made, voltage_max_pu=np.array([1.1, 1.1, 1.05, 1.1, 1.1]))
    assert len(AfterOutages(apart, [outage]).choices[0]) == 2


def test_a_basis_serves_all_hours_in_which_it_is_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch of 100 kVA to a load with a unit beside it, on or off: two bases for any number of hours."""
    lines = [(0, 1, True), (0, 2, True)]
    made = grid(3, (0,), lines, r_ohm=np.full(2, 0.01), x_ohm=np.full(2, 0.01), rating_kva=np.array([100.0, np.inf]))
    (outage,) = (each for each in single_outages(made) if each.branches == (1,))
    units = Units(np.array([1]), np.array([40.0]), np.array([0.0]))
    nothing = np.zeros(0)
    hours = [
        Hour(np.array([0.0, kw, 0.0]), np.zeros(3), np.ones(3), nothing.astype(np.int64), nothing, nothing)
        for kw in (150.0, 200.0, 250.0, 300.0, 350.0)
    ]
    solved: list[int] = []
    solve = HighsHandle.solve
    with monkeypatch.context() as patch:
        patch.setattr(HighsHandle, "solve", lambda handle: (solved.append(1), solve(handle))[1])
        cost = Unserved(AfterOutages(made, [outage]), hours, units).cost(0)
    for on in (False, True):
        wanted = [restore(made, with_units(hour, units, np.array([on])), outage).cost for hour in hours]
        assert wanted == pytest.approx([hour.load_kw[1] - 100.0 - 40.0 * on for hour in hours])
        assert cost.at(np.full((5, 1), on)) == pytest.approx(wanted)
    assert len(solved) <= 2
