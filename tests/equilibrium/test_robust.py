"""Robust counterparts: no budget, the whole box, what lies between, and realisations drawn inside the budget."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.errors import InputError
from equilibrium.programs.program import Instance
from equilibrium.programs.robust import COST, Budget, robust_counterpart
from equilibrium.programs.solvers import solve_linear, solve_mixed
from tests.equilibrium.oracle import examples

COUNT = 4


def portfolio(rng: np.random.Generator) -> Instance:
    """Cover a demand from sources of several costs, each at most 1 of one thing."""
    return Instance(
        sp.csr_array(np.vstack([np.ones(COUNT), rng.uniform(0.5, 2.0, COUNT)])),
        rng.uniform(1.0, 3.0, COUNT),
        np.array([2.0, -np.inf]),
        np.array([np.inf, 4.0]),
        np.zeros(COUNT),
        np.ones(COUNT),
    )


def test_two_sources_by_hand() -> None:
    """A unit from sources of 1 +- 1 and 1.2 +- 0: the nominal choice is the first, the robust one the second.

    With half a deviation the first costs 1.5 in the worst case and the second 1.2.
    """
    nominal = Instance(
        sp.csr_array(np.ones((1, 2))),
        np.array([1.0, 1.2]),
        np.array([1.0]),
        np.array([np.inf]),
        np.zeros(2),
        np.ones(2),
    )
    for gamma, cost in ((0.0, 1.0), (0.1, 1.1), (0.2, 1.2), (0.5, 1.2), (1.0, 1.2)):
        made = robust_counterpart(nominal, [Budget("cost", COST, np.array([0]), np.array([1.0]), gamma)])
        # A level, an excess and a size with three rows, or nothing where nothing deviates.
        assert made.instance.shape == ((4, 5) if gamma else (1, 2))
        answer = solve_linear(made.instance)
        assert made.instance.cost @ answer.x == pytest.approx(cost)
        assert made.worst_cost(answer.x) == pytest.approx(cost)


def test_a_row_keeps_its_distance() -> None:
    """Maximise x under 2 x <= 6 where 2 is at most 3: x = 2; a row from below moves the other way."""
    nominal = Instance(
        sp.csr_array(np.array([[2.0]])),
        np.array([-1.0]),
        np.array([-np.inf]),
        np.array([6.0]),
        np.zeros(1),
        np.full(1, 9.0),
    )
    budget = Budget("row", 0, np.array([0]), np.array([1.0]), 1.0)
    assert solve_linear(robust_counterpart(nominal, [budget]).instance).x[0] == pytest.approx(2.0)
    below = Instance(nominal.matrix, np.array([1.0]), np.array([6.0]), np.array([np.inf]), np.zeros(1), np.full(1, 9.0))
    assert solve_linear(robust_counterpart(below, [budget]).instance).x[0] == pytest.approx(6.0)


@examples(20)
@given(st.integers(0, 10_000))
def test_budgets_from_nothing_to_everything(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nominal, every = portfolio(rng), np.arange(COUNT)
    spread, wide = rng.uniform(0.0, 1.0, COUNT), rng.uniform(0.0, 0.3, COUNT)
    costs = []
    for gamma in (0.0, 0.5, 1.0, 2.0, 3.0, float(COUNT)):
        budgets = [Budget("cost", COST, every, spread, gamma), Budget("row", 1, every, wide, gamma)]
        made = robust_counterpart(nominal, budgets)
        x = solve_linear(made.instance).x
        point = made.point(x)
        costs.append(float(made.instance.cost @ x))
        assert costs[-1] == pytest.approx(made.worst_cost(x), abs=1e-7)
        for _ in range(20):  # realisations inside the budget
            share = rng.uniform(-1.0, 1.0, COUNT)
            share *= min(1.0, gamma / max(1e-12, np.abs(share).sum()))
            row = nominal.matrix.toarray()[1]
            assert (row + share * wide) @ point <= 4.0 + 1e-7
            assert (nominal.cost + share * spread) @ point <= costs[-1] + 1e-7
    assert costs[0] == pytest.approx(float(nominal.cost @ solve_linear(nominal).x))
    assert (np.diff(costs) >= -1e-8).all()
    boxed = Instance(
        sp.csr_array(nominal.matrix.toarray() + np.vstack([np.zeros(COUNT), wide])),
        nominal.cost + spread,
        nominal.row_lower,
        nominal.row_upper,
        nominal.col_lower,
        nominal.col_upper,
    )
    assert costs[-1] == pytest.approx(float(boxed.cost @ solve_linear(boxed).x))  # columns are at least 0


def test_whole_columns_and_both_solvers() -> None:
    rng = np.random.default_rng(3)
    nominal = portfolio(rng)
    made = robust_counterpart(nominal, [Budget("cost", COST, np.arange(COUNT), rng.uniform(0.0, 1.0, COUNT), 1.5)])
    whole = made.whole(np.ones(COUNT, dtype=np.bool_))
    assert (whole.size, whole.sum()) == (made.instance.shape[1], COUNT)
    answers = [solve_mixed(made.instance, whole, name).objective for name in ("highs", "gurobi")]
    assert answers[0] == pytest.approx(answers[1])
    assert all(np.round(made.point(solve_mixed(made.instance, whole).x), 6) % 1.0 == 0.0)


def test_worst_case_of_a_point_by_hand() -> None:
    """Deviations 3, 2 and 1 at the point (1, -2, 3): sizes 3, 4, 3; two and a half of them are 4 + 3 + 1.5."""
    budget = Budget("cost", COST, np.arange(3), np.array([3.0, 2.0, 1.0]), 2.5)
    assert budget.protection(np.array([1.0, -2.0, 3.0])) == pytest.approx(8.5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gamma": 4.5}, "budget b: gamma: got 4.5, expected a number from 0 to 4"),
        ({"gamma": -1.0}, "budget b: gamma: got -1.0"),
        ({"row": 7}, "budget b: row: got 7"),
        ({"row": 2}, "budget b: row: got 2, expected a row from 0 to 1, or -1 for the objective"),
        ({"row": -2}, "budget b: row: got -2"),
        ({"gamma": 4.0 + 1e-9}, "budget b: gamma: got 4.000000001"),
        ({"deviation": np.full(4, np.inf)}, "budget b: deviation: got [inf, inf, inf, inf], expected finite numbers"),
        ({"columns": np.array([0, 1, 2, 2])}, "expected different columns from 0 to 3"),
        ({"columns": np.array([-1, 1, 2, 3])}, "expected different columns from 0 to 3"),
        ({"columns": np.array([0, 1, 2, 4])}, "expected different columns from 0 to 3"),
        ({"columns": np.zeros(0, int), "deviation": np.zeros(0)}, "one for each of 0 columns, at least one"),
        ({"deviation": -np.ones(4)}, "budget b: deviation: got"),
        ({"columns": np.array([0, 1, 2, 9])}, "budget b: columns: got [0, 1, 2, 9]"),
        ({"columns": np.array([0, 1])}, "budget b: deviation: got 4"),
        ({"row": 0}, "budget b: row: got (2.0, 2.0), expected a row with one finite side"),
    ],
)
def test_one_line_names_what_is_wrong(changes: dict[str, object], words: str) -> None:
    nominal = portfolio(np.random.default_rng(0))
    if changes.get("row") == 0:
        nominal.row_upper[0] = 2.0
    values = {"name": "b", "row": COST, "columns": np.arange(4), "deviation": np.ones(4), "gamma": 1.0, **changes}
    with pytest.raises(InputError) as caught:
        robust_counterpart(nominal, [Budget(**values)])  # type: ignore[arg-type]
    assert words in str(caught.value)
