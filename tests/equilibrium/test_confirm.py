"""Verdicts on mixed-integer programs are confirmed: opinions that are wrong are refuted, whoever has them."""

import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.errors import SolverError
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import MixedSolution, Status, open_handle, solve_mixed
from equilibrium.programs.solvers.choose import GUROBI_LIMIT
from equilibrium.programs.solvers.confirm import Opinion, Panel, confirmed
from equilibrium.programs.solvers.highs import HighsHandle, solve_mixed_highs
from equilibrium.programs.solvers.tally import counted, told
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.oracle import examples

WHOLE = np.array([True, True, False])


def knapsack() -> Instance:
    """``max 5a + 4b + c`` with ``6a + 5b + c <= 8`` and a, b of 0 or 1, c up to 2: a = 1, c = 2 gives 7."""
    matrix = sp.csr_array(np.array([[6.0, 5.0, 1.0]]))
    return Instance(
        matrix, np.array([-5.0, -4.0, -1.0]), np.array([-INF]), np.array([8.0]), np.zeros(3), np.array([1.0, 1.0, 2.0])
    )


def right(asked: Instance, whole: np.ndarray, seconds: float) -> MixedSolution:
    return solve_mixed_highs(asked, whole, 1e-9, seconds)


def says(answer: MixedSolution) -> Opinion:
    return lambda _asked, _whole, _seconds: answer


def only_at_first(answer: MixedSolution) -> Opinion:
    """Be wrong of the program itself, and right of every other that is asked about."""
    rows = knapsack().shape[0]
    return lambda asked, whole, seconds: answer if asked.shape[0] == rows else right(asked, whole, seconds)


NOTHING = MixedSolution(Status.INFEASIBLE, np.zeros(0), INF, INF, 0.0)
WORSE = MixedSolution(Status.OPTIMAL, np.array([0.0, 1.0, 2.0]), -6.0, -6.0, 0.0)
LEAK = MixedSolution(Status.OPTIMAL, np.array([1.0, 1e-6, 2.0]), -7.5, -7.5, 0.0)


def asked(*opinions: tuple[str, Opinion], instance: Instance | None = None) -> MixedSolution:
    panel = Panel(opinions, lambda fixed: open_handle(fixed).solve())
    return confirmed(instance or knapsack(), WHOLE, panel, 60.0)


@pytest.mark.parametrize("lie", [NOTHING, WORSE], ids=["infeasible", "worse"])
def test_a_false_first_opinion_is_refuted(lie: MixedSolution) -> None:
    answer = asked(("liar", only_at_first(lie)), ("second", right), ("third", right))
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(-7.0)
    assert answer.x == pytest.approx([1.0, 0.0, 2.0])
    assert answer.bound <= -7.0 + 1e-9
    assert answer.solver.startswith("liar, second")


def test_a_point_by_tolerance_alone_is_put_right() -> None:
    answer = asked(("leaky", only_at_first(LEAK)), ("second", right))
    assert answer.objective == pytest.approx(-7.0)
    assert answer.bound == -7.5  # what the first claims of the bound is weaker, and stays


def test_an_optimum_that_its_integers_do_not_hold_is_no_point() -> None:
    """``a + b = 1`` in whole numbers that a tolerance lets be 0.5 each is infeasible for whoever looks closely."""
    matrix = sp.csr_array(np.array([[1.0, 1.0, 0.0], [2.0, 0.0, 0.0]]))
    instance = Instance(
        matrix, np.array([1.0, 1.0, 0.0]), np.array([1.0, 1.0]), np.array([1.0, 1.0]), np.zeros(3), np.ones(3)
    )
    lie = MixedSolution(Status.OPTIMAL, np.array([0.5, 0.5, 0.0]), 1.0, 1.0, 0.0)
    answer = asked(("liar", says(lie)), ("second", right), instance=instance)
    assert answer.status is Status.INFEASIBLE
    assert answer.solver == "liar, second"


def test_what_is_better_by_tolerances_alone_leaves_the_bound_open() -> None:
    """All others know better points, of which none is one with whole numbers: the answer stands, unproved."""
    better = replace(LEAK, x=np.array([1.0, 1.0, 0.0]), objective=-9.0, bound=-9.0, seconds=2.0, nodes=3)
    found = asked(("a", right), ("b", says(better)), ("c", says(better)))
    assert (found.status, found.solver, found.x.tolist()) == (Status.LIMIT, "a, b, c", [1.0, 0.0, 2.0])
    assert found.objective == pytest.approx(-7.0)


def test_infeasible_needs_two() -> None:
    instance = replace(knapsack(), row_lower=np.array([14.0]), row_upper=np.array([INF]))
    answer = asked(("first", right), ("second", right), instance=instance)
    assert (answer.status, answer.solver) == (Status.INFEASIBLE, "first, second")
    false_point = MixedSolution(Status.OPTIMAL, np.array([1.0, 1.0, 2.0]), -10.0, -10.0, 0.0)
    with pytest.raises(SolverError, match="infeasible for one of first, liar"):
        asked(("first", right), ("liar", says(false_point)), instance=instance)


def test_nobody_confirms_himself() -> None:
    """Two who say different things and nobody else: no verdict that only its author stands behind is optimal."""
    answer = asked(("first", only_at_first(WORSE)), ("second", right))
    assert answer.objective == pytest.approx(-7.0)
    assert answer.solver == "first, second, first"


def test_time_that_is_over_is_no_confirmation() -> None:
    over = MixedSolution(Status.LIMIT, np.zeros(0), INF, -INF, 0.0)
    assert asked(("first", right), ("slow", says(over))).status is Status.LIMIT
    assert asked(("first", says(NOTHING)), ("slow", says(over))).status is Status.LIMIT


@st.composite
def program(draw: st.DrawFn) -> tuple[Instance, np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, rows = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    matrix = rng.integers(-5, 6, (rows, n)).astype(float)
    upper = rng.integers(-4, 9, rows).astype(float)
    lower = np.where(rng.random(rows) < 0.3, upper, -INF)
    integer = rng.random(n) < 0.7
    cost = rng.integers(-5, 6, n).astype(float)
    return Instance(sp.csr_array(matrix), cost, lower, upper, np.zeros(n), np.full(n, 2.0)), integer


@examples(40)
@given(program(), st.sampled_from(["highs", "gurobi"]))
def test_confirmed_answers_are_those_of_enumeration(made: tuple[Instance, np.ndarray], solver: str) -> None:
    instance, integer = made
    at = np.flatnonzero(integer)
    best = INF
    for values in itertools.product(range(3), repeat=at.size):
        answer = open_handle(instance.with_columns(at, np.array(values, float), np.array(values, float))).solve()
        if answer.status is Status.OPTIMAL:
            best = min(best, float(instance.cost @ answer.x))
    found = solve_mixed(instance, integer, solver)
    if np.isinf(best):
        assert found.status is Status.INFEASIBLE
    else:
        assert found.status is Status.OPTIMAL
        assert found.objective == pytest.approx(best, abs=1e-7)
        assert found.bound <= best + 1e-7


@pytest.mark.parametrize(("solver", "first"), [("highs", "HiGHS"), ("gurobi", "Gurobi")])
def test_the_answer_names_who_found_and_who_confirmed(solver: str, first: str) -> None:
    names = solve_mixed(knapsack(), WHOLE, solver).solver.split(", ")
    assert names[0].startswith(first)
    assert len(names) >= 2
    assert names[1].startswith("HiGHS")


def test_a_program_beyond_the_licence_is_confirmed_without_gurobi() -> None:
    n = GUROBI_LIMIT + 1
    instance = Instance(
        sp.csr_array(np.ones((1, n))), np.ones(n), np.array([2.5]), np.array([INF]), np.zeros(n), np.ones(n)
    )
    found = solve_mixed(instance, np.ones(n, dtype=bool), "gurobi")
    assert found.objective == pytest.approx(3.0)
    assert "Gurobi" not in found.solver


def in_turn(*answers: MixedSolution) -> Opinion:
    """Give one answer after the other, whatever is asked."""
    left = iter(answers)
    return lambda _asked, _whole, _seconds: next(left)


def test_the_last_point_is_left_open_where_the_time_ends_in_the_last_round() -> None:
    """Two optima were refuted, the third one nobody had time to confirm: it is told with the limit, and no error."""

    def point(a: float, b: float, value: float) -> MixedSolution:
        return MixedSolution(Status.OPTIMAL, np.array([a, b, 2.0]), value, value, 0.0)

    over = MixedSolution(Status.LIMIT, np.zeros(0), INF, -INF, 0.0)
    answer = asked(
        ("one", in_turn(point(0.0, 0.0, -2.0), point(1.0, 0.0, -7.0))), ("two", in_turn(point(0.0, 1.0, -6.0), over))
    )
    assert answer.status is Status.LIMIT
    assert answer.objective == pytest.approx(-7.0)
    assert answer.x == pytest.approx([1.0, 0.0, 2.0])


# Who solved what


def tasks() -> list[tuple[Callable[[], object], str]]:
    return [
        (lambda: open_handle(knapsack()).solve(), HighsHandle.name),
        (lambda: open_handle(knapsack(), "gurobi").solve(), "Gurobi"),
    ]


@pytest.mark.parametrize("which", [0, 1])
def test_a_tally_counts_the_programs_of_each_solver(which: int) -> None:
    task, name = tasks()[which]
    with counted() as outer:
        task()
        with counted() as inner:
            task()
    assert sum(outer.values()) == 2
    assert sum(inner.values()) == 1
    assert told(outer).startswith(name)
    task()
    assert sum(outer.values()) == 2  # nothing is counted after its end
    assert told(outer, "another") == f"another, {told(outer)}"


def test_a_model_that_is_rejected_is_no_answer() -> None:
    """HiGHS takes 1e30 for infinite; as a lower bound it rejects the model, and the empty answer is no answer."""
    broken = replace(knapsack(), col_lower=np.array([1e30, 0.0, 0.0]), col_upper=np.array([2e30, 1.0, 1.0]))
    with pytest.raises(SolverError, match="rejects"):
        open_handle(broken)
    with pytest.raises(SolverError, match="rejects"):
        solve_mixed_highs(broken, WHOLE, 1e-9, 10.0)


def test_a_nodal_day_names_every_solver_that_had_a_part() -> None:
    network = small_network(lots=1)
    day = small_day([0.1, 0.2], (lot_data(30.0, [20.0, 20.0]),))
    with counted() as used:
        certificate = NodalMarket(network, solver="gurobi").clear(day).certificate
    assert certificate.solver.startswith("Gurobi")
    assert set(certificate.solver.split(", ")) >= set(used)
    assert NodalMarket(network).clear(day).certificate.solver == HighsHandle.name


def test_the_busiest_solver_is_told_first() -> None:
    assert told(Counter({"a": 1, "b": 3, "c": 2})) == "b, c, a"
    assert told(Counter({"b": 2, "a": 2})) == "a, b"
    assert told(Counter({"a": 5, "b": 1}), "b, x") == "b, x, a"


def test_the_seconds_of_a_search_are_within_those_of_the_call() -> None:
    start = time.perf_counter()
    answer = solve_mixed_highs(knapsack(), WHOLE, 1e-9, 10.0)
    assert 0.0 <= answer.seconds <= time.perf_counter() - start
