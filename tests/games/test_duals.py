"""One multiplier, four ways: a solver's, our mechanical dual, the optimality conditions in a game, finite differences.

With the optional extra linopy (0.10 or newer, the first that dualises) its dualisation is a fifth.
"""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.games import Game, total
from equilibrium.programs.duality import dualise, kkt_residuals
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, open_handle

STEP = 1e-2


@st.composite
def programs(draw: st.DrawFn) -> Instance:
    """A feasible and bounded linear program with rows of all three senses."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    matrix = rng.integers(-3, 4, (rows, columns)).astype(float)
    cost = rng.integers(-4, 5, columns).astype(float)
    lower = rng.integers(-2, 1, columns).astype(float)
    upper = lower + rng.integers(1, 5, columns)
    inside = rng.uniform(lower, upper)
    kind = rng.integers(-1, 2, rows)
    if (kind == 0).sum() >= columns:
        kind[kind == 0] = 1
    # Room at the inside point, so that a right-hand side may move a little either way; half of the rows are tight.
    room = np.where(rng.random(rows) < 0.5, 2 * STEP, rng.uniform(0.5, 3.0, rows))
    side = matrix @ inside - np.where(kind == 0, 0.0, kind * room)
    return Instance(
        sp.csr_array(matrix),
        cost,
        np.where(kind >= 0, side, -INF),
        np.where(kind <= 0, side, INF),
        lower,
        upper,
    )


def optimum(instance: Instance) -> tuple[float, np.ndarray]:
    answer = open_handle(instance).solve()
    if answer.status is not Status.OPTIMAL:
        return INF, answer.y
    return float(instance.cost @ answer.x), answer.y


def slopes(instance: Instance, row: int) -> tuple[float, float]:
    """Return the difference quotients to the left and to the right.

    The optimal value is convex in a right-hand side, so every multiplier lies between them, whatever the step.
    """
    values = []
    for step in (-STEP, 0.0, STEP):
        low, high = instance.row_lower.copy(), instance.row_upper.copy()
        low[row] += step
        high[row] += step
        values.append(optimum(replace(instance, row_lower=low, row_upper=high))[0])
    left, right = np.diff(np.array(values)) / STEP
    return (-INF if np.isnan(left) else left), (INF if np.isnan(right) else right)


def as_game(instance: Instance, sense: str) -> Game:
    """Return a game whose follower has this program; as a maximisation with all costs turned round."""
    game = Game("program")
    leader, follower = game.leader("leader"), game.follower("follower", sense)
    leader.objective = leader.variable("nothing", 0, 1)
    sign = 1.0 if sense == "min" else -1.0
    x = [
        follower.variable(f"x{k}", low, high)
        for k, (low, high) in enumerate(zip(instance.col_lower, instance.col_upper, strict=True))
    ]
    follower.objective = total([sign * float(c) * v for c, v in zip(instance.cost, x, strict=True)])
    for r, row in enumerate(instance.matrix.toarray()):
        body = total([float(a) * v for a, v in zip(row, x, strict=True)])
        low, high = float(instance.row_lower[r]), float(instance.row_upper[r])
        follower.row(f"r{r}", body == low if low == high else (body >= low if low > -INF else body <= high))
    return game


@settings(max_examples=60)
@given(programs(), st.sampled_from(["min", "max"]))
def test_multipliers_by_four_ways(instance: Instance, sense: str) -> None:
    value, by_solver = optimum(instance)
    assert np.isfinite(value)
    dual = dualise(instance)
    answer = open_handle(dual.instance).solve()
    assert answer.status is Status.OPTIMAL
    assert -float(dual.instance.cost @ answer.x) == pytest.approx(value, abs=1e-7)
    by_dual = dual.multipliers(answer.x)
    solved = as_game(instance, sense).solve()
    assert solved.certified
    sign = 1.0 if sense == "min" else -1.0
    in_game = sign * np.array(list(solved.multipliers["follower"].values()))
    point = np.array([solved.variables[f"x{k}"] for k in range(instance.shape[1])])
    for multipliers in (by_solver, by_dual, in_game):
        assert kkt_residuals(instance, point, multipliers).worst < 1e-7
    for row in range(instance.shape[0]):
        left, right = slopes(instance, row)
        for multipliers in (by_solver, by_dual, in_game):
            assert left - 1e-6 <= multipliers[row] <= right + 1e-6


def linopy_that_dualises():
    """Return linopy, or skip: it is optional, and older versions cannot dualise."""
    linopy = pytest.importorskip("linopy", reason="the optional extra equilot[linopy]")
    if importlib.util.find_spec("linopy.dualization") is None:
        pytest.skip(f"linopy {linopy.__version__} does not dualise, 0.10 is the first that does")
    return linopy


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=15)
@given(programs())
def test_the_dual_of_linopy_is_ours(instance: Instance) -> None:
    linopy = linopy_that_dualises()
    rows, columns = instance.shape
    model = linopy.Model()
    x = [
        model.add_variables(lower=float(instance.col_lower[k]), upper=float(instance.col_upper[k]), name=f"x{k}")
        for k in range(columns)
    ]
    for r, row in enumerate(instance.matrix.toarray()):
        body = sum((float(a) * v for a, v in zip(row[1:], x[1:], strict=True)), float(row[0]) * x[0])
        low, high = float(instance.row_lower[r]), float(instance.row_upper[r])
        left = body == low if low == high else (body >= low if low > -INF else body <= high)
        model.add_constraints(left, name=f"r{r}")
    model.add_objective(
        sum((float(c) * v for c, v in zip(instance.cost[1:], x[1:], strict=True)), instance.cost[0] * x[0])
    )
    theirs = model.dualize()
    theirs.solve(solver_name="highs", output_flag=False)
    value, multipliers = optimum(instance)
    assert float(theirs.objective.value) == pytest.approx(value, abs=1e-6)
    for r in range(rows):
        if f"r{r}" not in theirs.variables:
            continue  # a row without entries
        other = float(theirs.variables[f"r{r}"].solution)
        left, right = slopes(instance, r)
        assert left - 1e-6 <= other <= right + 1e-6
        if right - left < 1e-7:
            assert other == pytest.approx(multipliers[r], abs=1e-6)
