"""The stage over mixtures of schedules, step by step: what each master holds, what is read off it, what ends it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.certificate import NEGLIGIBLE
from equilibrium.deadline import Deadline
from equilibrium.errors import SolverError
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.upper import mixtures
from equilibrium.markets.disco.upper.mixtures import HULL_GAP, Hull
from equilibrium.programs.program import INF, Instance, ProgramBuilder
from equilibrium.programs.solvers import Solution, Status


def hull() -> Any:
    """Two scenarios of one stay each, with two vehicles in the second; a net power each, a purchase, and a plane.

    Columns: 0 to 2 and 5 to 10 are the vehicles', 3 and 4 in between are not, then 11 and 12 powers and 13 a purchase.
    """
    build = ProgramBuilder()
    first = build.columns("vehicles_0", (3,), cost=[1.0, 2.0, 3.0])
    build.columns("between", (2,), lower=[-1.0, -2.0], upper=[4.0, 5.0], cost=[40.0, 50.0])
    second = build.columns("vehicles_1", (6,), cost=[4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    power = build.columns("net_power_kw", (2, 1, 1), lower=-INF)
    build.columns("bought", (1,), cost=90.0)
    balance = build.rows("balance_0", (1,), lower=0.5, upper=0.5)
    build.coefficients(balance, first, [1.0, -1.0, 2.0])
    link = build.rows("net_power", (2, 1, 1), lower=0.0, upper=0.0)
    build.coefficients(link, power, 1.0)
    build.coefficients(link[0].ravel(), first[:1], -1.0)
    build.coefficients(link[1].ravel().repeat(2), second[[0, 3]], -2.0)
    balance = build.rows("balance_1", (2,), lower=0.25, upper=0.25)
    build.coefficients(balance, second[[0, 3]], 3.0)
    program = build.compile()
    plane = sp.csr_array(np.eye(1, 14, 13) - np.eye(1, 14, 11))
    instance = program.bind({}).with_rows(plane, np.array([-7.0]), np.array([INF]))
    fleets = [SimpleNamespace(lot=np.zeros(1)), SimpleNamespace(lot=np.zeros(2))]
    parts = [SimpleNamespace(vehicles=fleet) for fleet in fleets]
    columns = SimpleNamespace(vehicles=(first, second), power=power)
    here: Any = object.__new__(Hull)
    here.parts, here.solver, here._price = parts, "told", [10.0, 10.0]
    here.master = SimpleNamespace(program=program, instance=instance, columns=columns)
    own, balances = np.zeros(14, dtype=bool), np.zeros(5, dtype=bool)
    own[first], own[second], balances[[0, 3, 4]] = True, True, True
    here._others, here._rows, here._first = np.flatnonzero(~own), np.flatnonzero(~balances), np.array([0, 1, 3])
    here._owner = np.array([0, 1, 2, 0])
    schedules = np.zeros((14, 4))
    schedules[0:3, 0], schedules[0:3, 3] = [2.0, 0.0, 4.0], [0.0, 3.0, 1.0]
    schedules[5:8, 1], schedules[8:11, 2] = [5.0, 0.0, 6.0], [0.0, 7.0, 8.0]
    here._schedules = sp.csc_array(schedules)
    return here


COSTS = [2.0 + 12.0, 20.0 + 36.0, 56.0 + 72.0, 6.0 + 3.0]
"""What the four schedules cost."""


def test_the_master_holds_shares_of_schedules_and_all_that_is_not_the_vehicles() -> None:
    """Three rows say that shares sum to one; then both links of net powers, and the plane."""
    found = hull()._instance()
    expected = np.zeros((6, 9))
    expected[0, [0, 3]] = expected[1, 1] = expected[2, 2] = 1.0
    expected[3, :4], expected[3, 6] = [-2.0, 0.0, 0.0, 0.0], 1.0
    expected[4, :4], expected[4, 7] = [0.0, -10.0, 0.0, 0.0], 1.0
    expected[5, [6, 8]] = -1.0, 1.0
    assert found.matrix.toarray().tolist() == expected.tolist()
    assert found.cost.tolist() == [*COSTS, 40.0, 50.0, 0.0, 0.0, 90.0]
    assert found.row_lower.tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, -7.0]
    assert found.row_upper.tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, INF]
    assert found.col_lower.tolist() == [0.0] * 4 + [-1.0, -2.0, -INF, -INF, 0.0]
    assert found.col_upper.tolist() == [INF] * 4 + [4.0, 5.0, INF, INF, INF]


def test_where_nothing_can_be_served_net_powers_may_differ_at_a_cost() -> None:
    here = hull()
    assert here._link().tolist() == [3, 4]
    plain = here._instance()
    found = here._elastic(plain)
    dense = found.matrix.toarray()
    assert dense[:, :9].tolist() == plain.matrix.toarray().tolist()
    slack = np.zeros((6, 4))
    slack[3, 0] = slack[4, 1] = 1.0
    slack[3, 2] = slack[4, 3] = -1.0
    assert dense[:, 9:].tolist() == slack.tolist()
    assert found.cost.tolist() == [0.0] * 9 + [1.0] * 4
    assert found.col_lower.tolist() == [*plain.col_lower, 0.0, 0.0, 0.0, 0.0]
    assert found.col_upper.tolist() == [*plain.col_upper, INF, INF, INF, INF]
    assert found.row_lower.tolist() == plain.row_lower.tolist()


def test_means_and_leading_schedules() -> None:
    here = hull()
    point = Solution(
        Status.OPTIMAL, np.array([0.25, 1.0, 1.0, 0.75, 31.0, 32.0, 33.0, 34.0, 35.0, 99.0]), np.zeros(0), 0.0
    )
    mean = here._mean(point)
    assert mean.tolist() == [0.5, 2.25, 1.75, 31.0, 32.0, 5.0, 0.0, 6.0, 0.0, 7.0, 8.0, 33.0, 34.0, 35.0]
    leading = here._leading(np.array([0.25, 1.0, 1.0, 0.75]))
    assert leading.tolist() == [0.0, 3.0, 1.0, 0.0, 0.0, 5.0, 0.0, 6.0, 0.0, 7.0, 8.0, 0.0, 0.0, 0.0]
    assert here._leading(np.array([0.75, 1.0, 1.0, 0.25]))[:3].tolist() == [2.0, 0.0, 4.0]
    assert here._leading(np.array([0.25, 1.0, 1.0]))[:3].tolist() == [2.0, 0.0, 4.0]  # the last one is not known yet


def test_net_powers_of_the_mean_are_charging_less_discharging() -> None:
    here = hull()
    for number, part in enumerate(here.parts):

        def power(x: np.ndarray, lots: int, periods: int, number: int = number) -> tuple[np.ndarray, np.ndarray]:
            assert (lots, periods) == (1, 1)
            return np.array([[x[0]]]), np.array([[10.0 * (number + 1)]])

        part.vehicles.power_kw = power
    assert here._net_powers(np.arange(14.0) + 50.0).tolist() == [[[40.0]], [[35.0]]]


def found_schedules(monkeypatch: pytest.MonkeyPatch, costs: list[list[float]], known: list[float]) -> Any:
    """Find schedules of these costs for the vehicles of both scenarios, beside what is known to cost so much."""
    here, asked = hull(), list[Any]()
    here.parts[0].vehicles.row, here.parts[1].vehicles.row = np.array([0]), np.array([0, 1])
    for part in here.parts:
        part.asked = "asked"
    answers = iter(costs)

    def find(_: Any, wanted: str, cost: np.ndarray, price: float) -> Any:
        own = np.array(next(answers))
        asked.append((wanted, cost.tolist(), price))
        x = np.arange(1.0, 1.0 + 3 * own.size) * (np.arange(3 * own.size) != 1)
        return SimpleNamespace(x=x, cost=own, bound=own - 0.5, price=price * 10.0)

    monkeypatch.setattr(mixtures, "find_schedules", find)
    total = here._find(np.arange(14.0), np.array(known))
    assert asked == [("asked", [0.0, 1.0, 2.0], 10.0), ("asked", [5.0, 6.0, 7.0, 8.0, 9.0, 10.0], 10.0)]
    assert here._price == [100.0, 100.0]
    return total, here._owner.tolist(), here._schedules.toarray()[:, 4:]


def test_schedules_that_cost_less_than_is_known_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the second scenario's vehicles only the last one's is better."""
    total, owners, added = found_schedules(monkeypatch, [[3.0], [4.0, 5.0]], [9.0, 4.0, 9.0])
    assert total == 2.5 + 3.5 + 4.5
    assert owners == [0, 1, 2, 0, 0, 2]
    assert added[:, 0].tolist() == [1.0, 0.0, 3.0] + [0.0] * 11
    assert added[:, 1].tolist() == [0.0] * 8 + [4.0, 5.0, 6.0] + [0.0] * 3
    near = [3.0 + 3.9 * HULL_GAP, 4.0 + 5.1 * HULL_GAP, -INF]
    assert found_schedules(monkeypatch, [[3.0], [4.0, 5.0]], near)[1] == [0, 1, 2, 0, 1]


# Rounds


class Rounds:
    """A hull whose masters and bounds are told: status, cost, bound, how many schedules and planes are found."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, told: list[tuple[Status, float, float, int, int]]) -> None:
        self.hull, self.left, self.elastic = hull(), iter(told), list[float]()
        self.hull.master.cut = lambda _: (None, [1] * self.now[4], 0.25)
        self.hull._find = lambda *_: 0.0
        self.hull._approach = lambda: 100.0
        self.hull._bound = self.bound
        for part in self.hull.parts:
            part.price, part.feasible = np.array([0.0]), SimpleNamespace(cost=np.zeros(0))
            part.vehicles.weight, part.vehicles.period = np.ones(1), np.zeros(1, dtype=int)
        self.hull.parts[0].feasible.cost, self.hull.parts[1].feasible.cost = np.zeros(3), np.zeros(6)
        self.hull.parts[0].vehicles.cost = lambda *_: np.zeros(3)
        self.hull.parts[1].vehicles.cost = lambda *_: np.zeros(6)
        monkeypatch.setattr(mixtures, "load_and_solve", self.solve)
        monkeypatch.setattr(mixtures, "kkt_residuals", lambda *_: "residuals")

    def solve(self, instance: Instance, _: str) -> tuple[None, Solution]:
        self.now = next(self.left)
        x = np.zeros(instance.shape[1])
        cost = np.flatnonzero(instance.cost == 90.0)
        x[cost if cost.size else -1] = self.now[1] / (90.0 if cost.size else 1.0)
        return None, Solution(self.now[0], x, np.zeros(instance.shape[0]), 2.0)

    def bound(self, _: Instance, __: np.ndarray) -> float:
        here = self.hull
        more = self.now[3]
        here._owner = np.concatenate([here._owner, np.zeros(more, dtype=int)])
        here._schedules = sp.csc_array(sp.hstack([here._schedules, sp.csc_array((14, more))]))
        return self.now[2]


OPTIMAL, INFEASIBLE = Status.OPTIMAL, Status.INFEASIBLE


@pytest.mark.parametrize(
    ("told", "rounds", "bound", "seconds"),
    [
        ([(OPTIMAL, 9.0, 9.0, 1, 0)], 1, 9.0, 2.25),
        ([(OPTIMAL, 9.0, 5.0, 0, 0)], 1, 5.0, 2.25),  # nothing is found that could be added
        ([(OPTIMAL, 9.0, 5.0, 1, 0), (OPTIMAL, 8.0, 4.0, 0, 0)], 2, 5.0, 4.5),
        ([(OPTIMAL, 9.0, 9.0, 0, 1), (OPTIMAL, 9.0, 9.0, 0, 0)], 2, 9.0, 4.5),
        ([(OPTIMAL, 9.0, 9.0 - 11.0 * HULL_GAP, 1, 0), (OPTIMAL, 9.0, 9.0 - 9.0 * HULL_GAP, 1, 0)], 2, 9.0, 4.5),
        ([(INFEASIBLE, 0.0, 0.0, 0, 0), (OPTIMAL, 9.0, 9.0, 0, 0)], 2, 9.0, 104.25),
    ],
)
def test_rounds_go_on_until_planes_and_schedules_are_all_there(
    monkeypatch: pytest.MonkeyPatch, told: Any, rounds: int, bound: float, seconds: float
) -> None:
    deadline = Deadline(nodes=50)
    found = Rounds(monkeypatch, told).hull.solve(deadline)
    assert (found.rounds, found.bound, found.seconds) == (rounds, pytest.approx(bound), seconds)
    assert (found.notes, found.residuals) == ((), "residuals")
    assert deadline.nodes_left == 50 - sum(each[0] is OPTIMAL for each in told)
    assert [each.size for each in found.x] == [each.size for each in found.leading] == [3, 6]


def test_a_deadline_or_too_many_rounds_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Rounds(monkeypatch, [(OPTIMAL, 9.0, 5.0, 1, 1)] * 2).hull.solve(Deadline(nodes=2))
    assert (found.rounds, found.bound) == (2, 5.0)
    assert found.notes == ("the node limit stopped the search for mixtures of schedules",)
    monkeypatch.setattr(mixtures, "MAXIMUM_ROUNDS", 2)
    endless = Rounds(monkeypatch, [(OPTIMAL, 9.0, 5.0, 1, 1)] * 3)
    with pytest.raises(SolverError, match="the bound of the company's stage was not reached in 2 rounds"):
        endless.hull.solve()
    assert len(list(endless.left)) == 1


def test_the_first_schedules_are_those_at_the_prices_of_purchases(monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = Rounds(monkeypatch, [(OPTIMAL, 9.0, 9.0, 0, 0)]), list[Any]()
    here = made.hull
    here._find = lambda cost, known: asked.append((cost.tolist(), known.tolist()))
    for number, part in enumerate(here.parts):
        part.price, part.feasible.cost = np.array([0.25, 0.5]), np.full(3 + 3 * number, 7.0)
        part.vehicles.weight, part.vehicles.period = np.array([2.0, 4.0]), np.array([1, 0])

        def cost(charge: np.ndarray, discharge: np.ndarray, size: int = 3 + 3 * number) -> np.ndarray:
            assert (charge.tolist(), discharge.tolist()) == ([1.0, 1.0], [-1.0, -1.0])
            return np.arange(1.0, 1.0 + size)

        part.vehicles.cost = cost
    here.solve()
    first, other = [8.0, 9.0, 10.0], [8.0, 9.0, 10.0, 11.0, 12.0, 13.0]
    assert asked == [([*first, 0.0, 0.0, *other, 0.0, 0.0, 0.0], [INF] * 3)]


def approached(monkeypatch: pytest.MonkeyPatch, told: list[tuple[Status, float, float, int, int]]) -> float:
    made = Rounds(monkeypatch, told)
    made.hull._net_powers = lambda _: "nearest"
    return float(Hull._approach(made.hull))


def test_schedules_are_added_until_something_can_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distance falls from 5 to next to nothing; a bound below it proves nothing."""
    near = (OPTIMAL, 0.9 * NEGLIGIBLE, 0.0, 0, 0)
    assert approached(monkeypatch, [near]) == 2.0
    assert approached(monkeypatch, [(OPTIMAL, 5.0, 4.0, 1, 0), near]) == 4.25
    assert approached(monkeypatch, [(OPTIMAL, 5.0, 5.0, 1, 1), near]) == 4.25
    assert approached(monkeypatch, [(OPTIMAL, 5.0, 0.5 * NEGLIGIBLE, 0, 0), near]) == 4.25


@pytest.mark.parametrize(("bound", "found"), [(5.0, 1), (5.0 - 4.0e-6, 1), (4.0, 0)])
def test_a_distance_that_is_proved_says_that_nothing_can_be_served(
    monkeypatch: pytest.MonkeyPatch, bound: float, found: int
) -> None:
    with pytest.raises(NoDispatchError) as caught:
        approached(monkeypatch, [(OPTIMAL, 5.0, bound, found, 0)])
    assert caught.value.nearest_kw == "nearest"


def test_a_distance_that_is_not_settled_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixtures, "MAXIMUM_ROUNDS", 2)
    with pytest.raises(SolverError, match="no mixture that can be served was found in 2 rounds"):
        approached(monkeypatch, [(OPTIMAL, 5.0, 5.0 - 6.0e-6, 1, 0)] * 2)
