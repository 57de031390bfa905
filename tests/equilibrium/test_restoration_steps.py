"""Restoration step by step: what is supplied, what serves everything without a program, and which way is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.grid import restoration
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import SIDES, Hour, Outage, all_served, check_hour, polygon, restore, ways
from tests.equilibrium.test_meshed import grid
from tests.equilibrium.test_restoration import NOTHING, ROW, hour

TREE = grid(
    4,
    (1,),
    [(1, 0, True), (0, 2, True), (3, 0, True)],
    load_kw=np.array([3000.0, 500.0, 2000.0, 1000.0]),
    load_kvar=np.array([600.0, 100.0, 800.0, -300.0]),
    voltage_min_pu=np.full(4, 0.5),
    voltage_max_pu=np.full(4, 1.5),
)
"""Bus 1 is the root and feeds bus 0, which feeds buses 2 and 3; of 1, 2 and 3 ohm, half of it inductive."""

FLOWS = np.array([[6500.0, 6000.0, 2000.0, 1000.0], [1200.0, 1100.0, 800.0, -300.0]])
"""Of the root, then into buses 0, 2 and 3: what they take and what is behind them."""

SQUARES = {0: 121.0 - 2.0 * (6000.0 + 550.0) / 1000.0}
SQUARES |= {
    2: SQUARES[0] - 2.0 * (2.0 * 2000.0 + 800.0) / 1000.0,
    3: SQUARES[0] - 2.0 * (3.0 * 1000.0 - 450.0) / 1000.0,
}
"""Squared voltages, kV^2: 11 kV at the root, less 2 (r P + x Q)."""


def served(made: MeshedGrid, now: Hour | None = None, outage: Outage = NOTHING) -> np.ndarray | None:
    """Flows of the base configuration if it serves everything."""
    closed, forest = next(ways(made, outage))
    found = all_served(made, hour(made) if now is None else now, forest)
    assert closed.sum() == 3 - len(outage.branches)
    if found is None:
        return None
    assert found[0].tolist() == [1.0] * forest.order.size
    return found[1]


def with_one(name: str, place: int, value: float, **changes: Any) -> MeshedGrid:
    """The tree with one entry of an array changed."""
    values = getattr(TREE, name).copy()
    values[place] = value
    return replace(TREE, **{name: values}, **changes)


def needed(p: float, q: float) -> float:
    """The rating whose polygon a flow lies on: its nearest side stands at an odd multiple of 1/32 of the circle."""
    half = np.pi / SIDES
    off = abs(np.arctan2(q, p) % (2.0 * half) - half)
    return float(np.hypot(p, q) * np.cos(off) / np.cos(half))


def test_the_polygon_has_its_corners_on_the_circle() -> None:
    cosine, sine, reach = polygon()
    for k in range(16):
        x, y = np.cos(np.pi * k / 8.0), np.sin(np.pi * k / 8.0)
        assert (cosine * x + sine * y).max() == pytest.approx(reach, rel=1e-12)
    assert (cosine[0], sine[3]) == pytest.approx((np.cos(np.pi / 16.0), np.sin(7.0 * np.pi / 16.0)))
    assert (cosine.size, sine.size) == (16, 16)


@pytest.mark.parametrize(
    ("outage", "order", "parent", "branch", "dark"),
    [
        (NOTHING, [1, 0, 2, 3], [-1, 1, 0, 0], [-1, 0, 1, 2], []),
        (Outage("last", branches=(2,)), [1, 0, 2], [-1, 1, 0], [-1, 0, 1], [3]),
        (Outage("middle", buses=(0,)), [1], [-1], [-1], [0, 2, 3]),
        (Outage("root", buses=(1,)), [], [], [], [0, 1, 2, 3]),
    ],
)
def test_what_is_supplied_stands_behind_what_feeds_it(
    outage: Outage, order: list[int], parent: list[int], branch: list[int], dark: list[int]
) -> None:
    _, forest = next(ways(TREE, outage))
    found = (forest.order, forest.parent, forest.branch, forest.dark)
    assert tuple(each.tolist() for each in found) == (order, parent, branch, dark)


def test_everything_is_served_with_the_flows_of_the_loads_behind() -> None:
    flows = served(TREE)
    assert flows is not None
    assert flows.tolist() == FLOWS.tolist()
    short = served(TREE, outage=Outage("last", branches=(2,)))
    assert short is not None
    assert short.tolist() == [[5500.0, 5000.0, 2000.0], [1500.0, 1400.0, 800.0]]


@pytest.mark.parametrize("bus", [0, 2, 3])
def test_a_voltage_may_be_at_its_limit_and_not_beyond(bus: int) -> None:
    at = np.sqrt(SQUARES[bus]) / 11.0
    for share, kept in ((1.0 - 1e-4, True), (1.0 + 1e-4, False)):
        assert (served(with_one("voltage_min_pu", bus, at * share)) is not None) == kept
    fed = hour(TREE, load_kw=-TREE.load_kw, load_kvar=-TREE.load_kvar)  # everything rises as far as it fell
    at = np.sqrt(242.0 - SQUARES[bus]) / 11.0
    for share, kept in ((1.0 + 1e-4, True), (1.0 - 1e-4, False)):
        assert (served(with_one("voltage_max_pu", bus, at * share), fed) is not None) == kept


@pytest.mark.parametrize("name", ["voltage_min_pu", "voltage_max_pu"])
def test_the_voltage_of_the_root_is_inside_a_band_that_ends_there(name: str) -> None:
    still = hour(TREE, load_kw=np.zeros(4), load_kvar=np.zeros(4))
    ends: dict[str, Any] = {name: np.ones(4)}
    assert served(replace(TREE, **ends), still) is not None
    assert (served(replace(TREE, **ends)) is None) == (name == "voltage_min_pu")


@pytest.mark.parametrize(("branch", "place"), [(0, 1), (1, 2), (2, 3)])
def test_a_rating_may_be_used_up_and_not_exceeded(branch: int, place: int) -> None:
    kva = needed(*FLOWS[:, place])
    for share, kept in ((1.0, True), (1.0 - 1e-4, False), (1.0 + 1e-4, True)):
        assert (served(with_one("rating_kva", branch, kva * share)) is not None) == kept


def sources(*kw: float) -> dict[str, Any]:
    """Two sources at bus 2 and one at the root."""
    return {
        "source_bus": np.array([2, 1, 2]),
        "source_kw": np.array(kw),
        "source_kvar": np.array([100.0, 7.0, 300.0]),
    }


@pytest.mark.parametrize(
    ("low", "high", "level"), [(0.5, 1.5, 0.0), (0.95, 1.0, 0.5), (1.0, 1.5, 1.0), (0.98, 0.99, None), (1.1, 1.5, None)]
)
def test_sources_are_tried_at_rest_at_half_and_at_all(low: float, high: float, level: float | None) -> None:
    """Without sources bus 2 is at 98.3 kV^2, and each kW of 5000 and kvar of 400 there lifts it by 6 and 3 W."""
    lift = 2.0 * (3.0 * 5000.0 + 1.5 * 400.0) / 1000.0
    at = {share: np.sqrt(SQUARES[2] + share * lift) / 11.0 for share in (0.0, 0.5, 1.0)}
    assert [round(each, 3) for each in at.values()] == [0.901, 0.97, 1.035]
    made = replace(with_one("voltage_min_pu", 2, low), voltage_max_pu=np.array([1.5, 1.5, high, 1.5]))
    flows = served(made, hour(TREE, **sources(2000.0, 11.0, 3000.0)))
    if level is None:
        assert flows is None
        return
    assert flows is not None
    given = level * np.array([[5011.0, 5000.0, 5000.0, 0.0], [407.0, 400.0, 400.0, 0.0]])
    assert flows == pytest.approx(FLOWS - given)


TIES = grid(5, (0, 4), [(0, 1, True), (1, 2, True), (2, 3, True), (4, 3, False), (4, 1, False)])
"""0-1-2-3 with loads of 1, 2 and 3 kW worth 2, 3 and 4 each, and ties from the root 4 to 3 and to 1."""


@pytest.mark.parametrize(
    ("kva", "closed", "cost", "programs"),
    [
        ((4.0, 5.0), 4, 2.0, 2),
        ((5.0, 4.0), 3, 2.0, 2),
        ((5.0, 5.0), 4, 2.0, 2),
        ((4.5, 4.5), 4, 3.5, 2),
        ((9.0, 1.0), 3, 0.0, 1),
        ((1.0, 9.0), 4, 0.0, 0),
    ],
)
def test_of_two_ties_the_better_one_is_closed_and_of_equal_ones_the_first_that_was_tried(
    kva: tuple[float, float], closed: int, cost: float, programs: int
) -> None:
    """So many kW fit through each tie, the later one tried first; first goes without what is worth least, bus 1."""
    rating = [np.inf] * 3 + [needed(each, 0.5 * each) for each in kva]
    made = replace(TIES, rating_kva=np.array(rating))
    answer = restore(made, hour(made), Outage("first", branches=(0,)))
    assert np.flatnonzero(answer.closed).tolist() == [1, 2, closed]
    assert (answer.cost, answer.bound) == pytest.approx((cost, cost), abs=1e-6)
    assert (answer.configurations, answer.programs, answer.operations) == (3, programs, 1)
    assert answer.loading[closed] == pytest.approx(answer.flow_kva[closed] / rating[closed])


def test_what_a_solver_gives_beyond_all_or_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A share of 1.25 sheds nothing, one of -0.25 everything, and one of 0.75 a quarter."""
    narrow = replace(ROW, rating_kva=np.full(4, 0.1))
    told = np.array([1.0, 1.25, -0.25, 1.0, 0.75])
    flows = np.zeros((2, 5))
    monkeypatch.setattr(restoration, "_least_shed", lambda *_: (told[[0, 4, 1, 3, 2]], flows))
    loads = hour(narrow, load_kw=np.array([4.0, 4.0, 8.0, 3.0, 16.0]))
    _, forest = next(ways(narrow, NOTHING))
    assert forest.order.tolist() == [0, 4, 1, 3, 2]
    assert restore(narrow, loads, NOTHING).shed_kw.tolist() == [0.0, 0.0, 8.0, 0.0, 4.0]


def test_way_without_supply_costs_too_much_already() -> None:
    """Nothing can be closed: what is dark is lost, what is worth nothing too, and no program is asked."""
    outage = Outage("first and the tie", branches=(0, 3))
    now = hour(ROW, value=np.array([1.0, 0.0, 3.0, 4.0, 5.0]))
    answer = restore(ROW, now, outage)
    assert answer.shed_kw.tolist() == [0.0, 1.0, 2.0, 0.0, 0.0]
    assert (answer.cost, answer.configurations, answer.programs) == (6.0, 1, 0)
    assert answer.flow_kva == pytest.approx(np.hypot(1.0, 0.5) * np.array([0.0, 0.0, 3.0, 0.0]))


FIVE = "a finite number for each of 5 buses"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"load_kw": np.ones(4)}, f"load_kw: got (4,), expected {FIVE}"),
        ({"load_kvar": np.array([1.0, np.nan, 1.0, 1.0, 1.0])}, f"load_kvar: got (5,), expected {FIVE}"),
        ({"value": np.array([1.0, 1.0, 1.0, 1.0, np.inf])}, f"value: got (5,), expected {FIVE}"),
        ({"load_kw": np.array([1.0, 2.0, -3.0, 4.0, -1.0])}, "load_kw of bus b2: got -3.0, expected a number from 0"),
        ({"value": np.array([1.0, 2.0, 3.0, 4.0, -0.5])}, "value of bus b4: got -0.5, expected a number from 0"),
        (
            {"source_bus": np.array([1, 2]), "source_kw": np.ones(1), "source_kvar": np.ones(2)},
            "source_kw: got [1.0], expected a number from 0 for each of 2 sources",
        ),
        (
            {"source_bus": np.array([1, 2]), "source_kw": np.ones(2), "source_kvar": np.array([0.0, -1.0])},
            "source_kvar: got [0.0, -1.0], expected a number from 0 for each of 2 sources",
        ),
        (
            {"source_bus": np.array([5]), "source_kw": np.ones(1), "source_kvar": np.ones(1)},
            "source_bus: got [5], expected buses from 0 to 4",
        ),
        (
            {"source_bus": np.array([4, -1]), "source_kw": np.ones(2), "source_kvar": np.ones(2)},
            "source_bus: got [4, -1], expected buses from 0 to 4",
        ),
    ],
)
def test_an_hour_that_does_not_fit_is_refused_in_one_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        check_hour(ROW, hour(ROW, **changes))
    assert str(caught.value) == f"hour of grid made: {words}"


def test_an_hour_at_the_edge_of_what_fits() -> None:
    """Nothing is asked, nothing is worth anything, reactive loads are negative, and sources stand at both ends."""
    ends: dict[str, Any] = {"source_bus": np.array([0, 4]), "source_kw": np.zeros(2), "source_kvar": np.zeros(2)}
    check_hour(ROW, hour(ROW, load_kw=np.zeros(5), value=np.zeros(5), load_kvar=-np.ones(5), **ends))
