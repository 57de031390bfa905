"""The branch and bound against Gurobi's SOS1 and against the enumeration of all complementarity patterns."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from equilibrium.complementarity.branch import End, minimise_mpcc
from equilibrium.complementarity.problem import Mpcc
from equilibrium.complementarity.products import linearise_products
from equilibrium.complementarity.sos1 import _proved, solve_gurobi
from equilibrium.deadline import Deadline
from equilibrium.games import Game, total
from equilibrium.games.compiled import compile_game
from equilibrium.games.conditions import leader_problem
from equilibrium.programs.program import GAP


@st.composite
def bilevel(draw: st.DrawFn, curved: bool = False) -> Game:
    """A small bilevel program: linear follower, leader linear or with products of everything, all boxed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    leading, following, rows = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(0, 2))
    game = Game("random")
    leader, follower = game.leader("leader"), game.follower("follower", draw(st.sampled_from(["min", "max"])))
    x = [leader.variable(f"x{k}", 0.0, 4.0) for k in range(leading)]
    y = [follower.variable(f"y{k}", -1.0 if rng.random() < 0.3 else 0.0, 5.0) for k in range(following)]
    everything = [*x, *y]
    leader.objective = total(
        [int(c) * v for c, v in zip(rng.integers(-3, 4, len(everything)), everything, strict=True)]
    )
    if curved:
        pairs = list(itertools.combinations_with_replacement(everything, 2))
        leader.objective += total(
            [int(c) * a * b for c, (a, b) in zip(rng.integers(-2, 3, len(pairs)), pairs, strict=True)]
        )
    follower.objective = total([int(c) * v for c, v in zip(rng.integers(-3, 4, following), y, strict=True)])
    for r in range(rows):
        body = total([int(c) * v for c, v in zip(rng.integers(-3, 4, len(everything)), everything, strict=True)])
        if body.terms:
            follower.row(f"r{r}", body <= int(rng.integers(0, 8)))
    return game


def mpcc_of(game: Game) -> Mpcc:
    compiled = compile_game(game)
    return leader_problem(compiled, compiled.leaders[0], compiled.followers)


def enumerated(mpcc: Mpcc) -> float:
    """Solve one linear program for every choice of the zero column in each pair."""
    base, best = mpcc.instance, np.inf
    for choice in itertools.product((0, 1), repeat=len(mpcc.pairs)):
        low, high = base.col_lower.copy(), base.col_upper.copy()
        zero = mpcc.pairs[np.arange(len(choice)), list(choice)] if choice else []
        low[zero] = high[zero] = 0.0
        equal = base.row_lower == base.row_upper
        assert equal.all()
        answer = linprog(
            base.cost, A_eq=base.matrix.toarray(), b_eq=base.row_lower, bounds=list(zip(low, high, strict=True))
        )
        if answer.status == 0:
            best = min(best, answer.fun)
    return best + mpcc.constant


@settings(max_examples=25, deadline=None)
@given(bilevel())
def test_linear_games_by_three_ways(game: Game) -> None:
    mpcc = mpcc_of(game)
    ours, gurobi, listed = minimise_mpcc(mpcc), solve_gurobi(mpcc, Deadline()), enumerated(mpcc)
    if not np.isfinite(listed):
        assert ours.end is gurobi.end is End.INFEASIBLE
        return
    assert ours.end is gurobi.end is End.OPTIMAL
    assert ours.value == pytest.approx(listed, abs=1e-7)
    assert gurobi.value == pytest.approx(listed, abs=1e-6)
    assert ours.value - 2 * GAP * (1 + abs(ours.value)) <= ours.bound <= ours.value


@settings(max_examples=25, deadline=None)
@given(bilevel(curved=True))
def test_curved_games_by_two_ways(game: Game) -> None:
    """Indefinite objectives: secants over proved ranges, branched until the gap is closed."""
    mpcc = mpcc_of(game)
    ours, gurobi = minimise_mpcc(mpcc, Deadline()), solve_gurobi(mpcc, Deadline())
    assert ours.end is gurobi.end
    if ours.end is End.OPTIMAL:
        assert ours.value == pytest.approx(gurobi.value, abs=1e-5, rel=1e-6)
        assert ours.bound == pytest.approx(ours.value, abs=1e-6, rel=1e-8)


@settings(max_examples=25, deadline=None)
@given(bilevel(), st.integers(0, 2**32 - 1))
def test_products_that_strong_duality_makes_linear_keep_their_value(game: Game, seed: int) -> None:
    """The objective gets sums of the identities on top; on every feasible point it must not change."""
    mpcc = mpcc_of(game)
    rng = np.random.default_rng(seed)
    compiled = compile_game(game)
    follower = compiled.followers[0]
    dense = np.zeros(mpcc.hessian.shape)
    columns, factors = mpcc.multipliers[follower.name]
    for r, column in enumerate(columns):  # revenue-like terms: multiplier times the leader's part of its row
        weight = rng.integers(1, 3)
        for c in range(compiled.size):
            dense[c, column] += weight * follower.matrix[[r], [c]].sum() if column >= 0 else 0.0
    dense = dense + dense.T
    changed = Mpcc(
        mpcc.instance, 0.0, type(mpcc.hessian)(dense), mpcc.pairs, mpcc.integer, (), mpcc.identities, mpcc.multipliers
    )
    linear = linearise_products(changed)
    assert linear is not None
    assert factors.shape == columns.shape
    for _ in range(3):
        probe = Mpcc(
            mpcc.instance.with_cost(
                rng.normal(size=mpcc.instance.shape[1]) * (np.arange(mpcc.instance.shape[1]) < compiled.size)
            ),
            0.0,
            type(mpcc.hessian)(dense.shape),
            mpcc.pairs,
            mpcc.integer,
            (),
            (),
            {},
        )
        point = minimise_mpcc(probe).v
        if point is not None:
            assert linear.value(point) == pytest.approx(changed.value(point), abs=1e-6)


def test_integers_of_the_leader() -> None:
    game = Game("integer leader")
    leader, follower = game.leader("leader", "max"), game.follower("follower")
    x, y = leader.variable("x", 0, 7.5, integer=True), follower.variable("y")
    leader.objective = 3 * x - 2 * y
    follower.objective = y
    follower.row("need", y >= 2.2 * x - 5)
    for method in ("complementarity-bb", "kkt-bigm", "kkt-sos1"):
        answer = game.solve(method=method)
        assert answer.certified
        assert answer.variables["x"] == 2
        assert answer.players["leader"].objective == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("said", "bound"), [(-3.5, -3.5), (9.9e18, 9.9e18), (-1e19, -np.inf), (1e20, -np.inf), (-1e20, -np.inf)]
)
def test_a_solver_s_large_number_is_no_bound(said, bound):
    assert _proved(said) == bound
