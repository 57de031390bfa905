"""Shedding of one tree step by step: trees, states, groups of hours, the stated program, and tables over units."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.grid import shedding, unserved
from equilibrium.grid.restoration import Forest, Hour, Outage, polygon
from equilibrium.grid.shedding import Tree, Units, states_of, trees_of
from equilibrium.grid.unserved import AfterOutages, Choice, Table, Unserved, chosen_configurations
from equilibrium.programs.program import FEASIBILITY
from tests.equilibrium.test_meshed import grid

INF = float("inf")


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_a_forest_falls_apart_at_its_roots() -> None:
    """Roots 2 and 5; 2 feeds 0, which feeds 4 and 1; 2 feeds 6 too; 5 feeds 3."""
    forest = Forest(
        integers(2, 5, 0, 6, 3, 4, 1), integers(-1, -1, 2, 2, 5, 0, 0), integers(-1, -1, 7, 8, 9, 3, 4), integers(8)
    )
    assert trees_of(forest) == (
        Tree((0, 4, 1), (-1, 0, 0), (7, 3, 4)),
        Tree((6,), (-1,), (8,)),
        Tree((3,), (-1,), (9,)),
    )


def test_every_state_of_some_units() -> None:
    assert states_of(0).tolist() == [[]]
    assert states_of(2).tolist() == [[False, False], [True, False], [False, True], [True, True]]
    assert states_of(3)[5].tolist() == [True, False, True]
    assert states_of(3).shape == (8, 3)


TREE = Tree((3, 1, 4, 2), (-1, 0, 1, 0), (2, 0, 3, 1))
"""Bus 3 hangs on a root and feeds 1 and 2; bus 1 feeds 4."""


def test_which_buses_a_branch_feeds() -> None:
    assert shedding._below(TREE).tolist() == [
        [1.0, 1.0, 1.0, 1.0],
        [0.0, 1.0, 1.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ]


def hour(kw: list[float], kvar: list[float], value: float = 2.0, source: tuple[int, ...] = (4, 0)) -> Hour:
    """Loads of five buses, and two sources of which one stands in the tree."""
    at = integers(*source)
    return Hour(np.array(kw), np.array(kvar), value * np.arange(1.0, 6.0), at, np.array([10.0, 11.0]), np.full(2, 3.0))


KW, KVAR = [1.0, 20.0, 30.0, 40.0, 0.0], [9.0, 10.0, -6.0, 8.0, 7.0]


def test_hours_that_share_a_matrix_and_costs() -> None:
    """Reactive shares, values of lost load and places of sources."""
    hours = [hour(KW, KVAR), hour(KW, KVAR, 3.0), hour(KW, KVAR), hour(KW, KVAR, source=(4, 1)), hour(KW, KVAR, 3.0)]
    share = np.array([[0.5, 0.25]] * 5)
    groups = shedding._alike(share, hours, [1, 2])
    assert sorted(each.tolist() for each in groups) == [[0, 2], [1, 4], [3]]
    share[2, 1] = 0.26
    assert sorted(each.tolist() for each in shedding._alike(share, hours, [1, 2])) == [[0], [1, 4], [2], [3]]
    (one,) = shedding._alike(share[:2] * 1.0, [hours[0], hours[2]], [1, 2])
    assert one.tolist() == [0, 1]


GRID = grid(
    5,
    (0,),
    [(3, 1, True), (2, 3, True), (0, 3, True), (1, 4, True)],
    rating_kva=np.array([50.0, INF, INF, 20.0]),
    base_kv=10.0,
    root_voltage_pu=1.02,
    voltage_min_pu=np.array([0.9, 0.91, 0.92, 0.93, 0.94]),
    voltage_max_pu=np.array([1.1, 1.11, 1.12, 1.13, 1.14]),
)


def stated() -> shedding._Stated:
    """Two hours with one unit at bus 2; bus 4 has reactive load alone."""
    hours = [hour(KW, KVAR), hour([0.5 * kw for kw in KW], [0.5 * kvar for kvar in KVAR])]
    buses = list(TREE.bus)
    share = np.array([8.0 / 40.0, 10.0 / 20.0, INF, -6.0 / 30.0])
    assert [KVAR[bus] / KW[bus] if KW[bus] else INF for bus in buses] == share.tolist()
    return shedding._state(GRID, TREE, hours, Units(integers(2), np.array([5.0]), np.array([2.5])), share)


def test_columns_of_a_stated_tree() -> None:
    """Loads shed in the order of the tree, then kW of the unit and of the source at bus 4, then their kvar."""
    found = stated()
    assert found.cost.tolist() == [2.0 * 4, 2.0 * 2, 0.0, 2.0 * 3, 0.0, 0.0, 0.0, 0.0]
    assert found.low[0].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -3.0]
    assert found.high[0].tolist() == [40.0, 20.0, 7.0, 30.0, 0.0, 10.0, 0.0, 3.0]
    assert found.high[1].tolist() == [20.0, 10.0, 3.5, 15.0, 0.0, 10.0, 0.0, 3.0]
    assert found.state_low.tolist() == [[0.0] * 8, [0.0] * 6 + [-2.5, 0.0]]
    assert found.state_high.tolist() == [[0.0] * 8, [0.0] * 4 + [5.0, 0.0, 2.5, 0.0]]
    at = found.at(1, 1)
    assert at.col_lower.tolist() == [0.0] * 6 + [-2.5, -3.0]
    assert at.col_upper.tolist() == [20.0, 10.0, 3.5, 15.0, 5.0, 10.0, 2.5, 3.0]
    assert at.row_lower.tolist() == found.row[1].tolist()
    assert at.row_upper.tolist() == found.row_high[1].tolist()


def test_rows_of_a_stated_tree() -> None:
    """Squared voltages rise with what is shed and given on the way they share; then the sides of two ratings."""
    found = stated()
    r = dict(zip((0, 1, 2, 3), GRID.r_ohm.tolist(), strict=True))
    ways = {3: [2], 1: [2, 0], 4: [2, 0, 3], 2: [2, 1]}
    load = {bus: (KW[bus], KVAR[bus]) for bus in TREE.bus}
    for row, bus in enumerate(TREE.bus):
        drop = 0.0
        for other, (kw, kvar) in load.items():
            shared = sum(r[branch] for branch in ways[bus] if branch in ways[other])
            drop += 2.0 * shared * (kw + 0.5 * kvar) / 1000.0  # a reactance is half the resistance
        square = 10.2**2 - drop
        assert found.row[0, row] == pytest.approx((GRID.voltage_min_pu[bus] * 10.0) ** 2 - square)
        assert found.row_high[0, row] == pytest.approx((GRID.voltage_max_pu[bus] * 10.0) ** 2 - square)
        gives = [(3, 1.0, 0.2), (1, 1.0, 0.5), (4, 0.0, 1.0), (2, 1.0, -0.2), (2, 1.0, 0.0), (4, 1.0, 0.0)]
        gives += [(2, 0.0, 1.0), (4, 0.0, 1.0)]
        for column, (other, kw, kvar) in enumerate(gives):
            shared = sum(r[branch] for branch in ways[bus] if branch in ways[other])
            assert found.matrix[row, column] == pytest.approx(2.0 * shared * (kw + 0.5 * kvar) / 1000.0)
    cosine, sine, reach = polygon()
    for place, (behind, rating) in enumerate((((1, 4), 50.0), ((4,), 20.0))):
        flow = [sum(load[bus][k] for bus in behind) for k in (0, 1)]
        rows = slice(4 + 16 * place, 20 + 16 * place)
        assert found.row_high[0, rows] == pytest.approx(reach * rating - (cosine * flow[0] + sine * flow[1]))
        assert np.isneginf(found.row[0, rows]).all()
        assert found.matrix[rows, 1] == pytest.approx(-(cosine + 0.5 * sine) * (1 in behind), abs=1e-12)
        assert found.matrix[rows, 2] == pytest.approx(-sine)
        assert found.matrix[rows, 0] == pytest.approx(0.0)
    assert found.matrix.shape == (36, 8)


def made(limit: float = 3.0) -> shedding._Stated:
    """Two columns in [0, 2] and [-1, 1], wider by a state, and rows that may reach their limits or not."""
    return shedding._Stated(
        np.array([[1.0, 2.0], [1.0, -1.0]]),
        np.array([1.0, 1.0]),
        np.array([[-2.0, -1.0], [-2.0, -9.0]]),
        np.array([[limit + 2.0, 9.0], [limit + 1.0, INF]]),
        np.array([[0.0, -1.0], [0.0, -1.0]]),
        np.array([[2.0, 1.0], [2.0, 1.0]]),
        np.array([[0.0, 0.0], [-0.5, 0.0]]),
        np.array([[0.0, 0.0], [0.0, 0.25]]),
    )


def test_which_limits_some_hour_may_reach() -> None:
    """The first row goes from -2.5 to 4.5, the second from -1.75 to 3."""
    below, above = made(3.0).reach
    assert (below.tolist(), above.tolist()) == ([True, True], [True, False])
    assert made(3.5).reach[1].tolist() == [True, False]
    assert made(3.6).reach[1].tolist() == [False, False]


def test_what_limits_may_be_missed_by() -> None:
    column, row, row_high = made().tolerance
    assert column == pytest.approx(FEASIBILITY * np.array([3.0, 2.25]))
    assert row == pytest.approx(FEASIBILITY * np.array([3.0, 10.0]))
    assert row_high == pytest.approx(FEASIBILITY * np.array([6.0, 10.0]))


def test_a_table_is_read_by_bits_and_spread_over_more_units() -> None:
    table = Table((1, 4), np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]))
    on = np.array([[True, False, True, True, True], [False, True, False, False, False]])
    assert table.at(on).tolist() == [3.0, 6.0]
    wide = unserved._spread(table, (1, 2, 4))
    assert wide.tolist() == [[1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0], [5.0, 6.0, 5.0, 6.0, 7.0, 8.0, 7.0, 8.0]]
    assert unserved._spread(Table((), np.array([[7.0]])), (3,)).tolist() == [[7.0, 7.0]]


ROW = grid(5, (0, 4), [(0, 1, True), (1, 2, True), (4, 3, True), (2, 3, False)])


def tables(costs: list[dict[tuple[int, ...], list[float]]]) -> Unserved:
    """Two hours, and outages that cost as told alike, by units, and nothing besides."""
    after = AfterOutages(ROW, [Outage(f"o{k}", branches=(0,)) for k in range(len(costs))])
    hours = [Hour(np.ones(5), np.zeros(5), np.ones(5))] * 2
    found = Unserved(after, hours, Units(integers(1, 2, 3), np.ones(3), np.zeros(3)))
    parts = [[Table(units, np.array([cost, cost]) * [[1.0], [10.0]]) for units, cost in each.items()] for each in costs]
    found.__dict__["_common"], found.__dict__["_rest"] = (lambda k, n=n: parts[k][n] for n in (0, 1))
    return found


def test_costs_of_outages_are_gathered_by_the_units_that_matter() -> None:
    """What knows fewer units goes to a table that knows all of them; weights are by outage and by hour."""
    told = tables([{(): [5.0], (1,): [1.0, 2.0]}, {(0,): [3.0, 4.0], (0, 1): [1.0, 2.0, 3.0, 4.0]}])
    weight = np.array([[0.5, 0.25], [2.0, 1.0]])
    (found,) = told.tables(weight, np.array([0, 1]))
    assert found.units == (0, 1)
    first = 0.5 * (5.0 + np.array([1.0, 1.0, 2.0, 2.0])) + 2.0 * (np.array([3.0, 4.0, 3.0, 4.0]) + np.arange(1.0, 5.0))
    second = 2.5 * (5.0 + np.array([1.0, 1.0, 2.0, 2.0])) + 10.0 * (np.array([3.0, 4.0] * 2) + np.arange(1.0, 5.0))
    assert found.cost == pytest.approx(np.array([first, second]))
    (summed,) = told.tables(weight, np.array([0, 0]))
    assert summed.cost == pytest.approx((first + second)[None])
    apart = tables([{(2,): [5.0, 6.0], (0, 1): [1.0, 2.0, 3.0, 4.0]}])
    assert sorted(each.units for each in apart.tables(np.ones((1, 2)), np.array([0, 1]))) == [(0, 1), (2,)]
    whole = told.cost(1)
    assert (whole.units, whole.cost[0].tolist()) == ((0, 1), [4.0, 6.0, 6.0, 8.0])


def test_the_best_configuration_of_every_hour() -> None:
    """By what is lost for certain and what trees shed with the units as they are; of equal ones the first."""
    one, two = Tree((1,), (-1,), (0,)), Tree((2,), (-1,), (1,))
    told = tables([{(): [0.0], (0,): [0.0, 0.0]}])
    told.after.__dict__["choices"] = (
        (
            Choice(np.zeros(4, dtype=bool), integers(3), (one,)),
            Choice(np.ones(4, dtype=bool), integers(), (one, two)),
        ),
    )
    told._shed[one] = np.array([[5.0, 0.0], [5.0, 0.0]])
    told._shed[two] = np.array([[2.0, 0.5], [1.0, 1.0]])
    for on, chosen in (([False, False, True], [0, 0]), ([True, True, True], [1, 0])):
        assert chosen_configurations(told, 0, np.array([on, on])).tolist() == chosen
