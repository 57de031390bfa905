"""The aggregator market by three solvers: HiGHS, Gurobi within its licence, and SCIP with pairs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.certificate import Verdict
from equilibrium.complementarity.sos1 import scip_is_installed
from equilibrium.errors import InputError
from equilibrium.markets.aggregator import published
from equilibrium.markets.aggregator.followers import followers, price_names
from equilibrium.markets.aggregator.halves import halve
from equilibrium.markets.aggregator.invariants import check_clearing
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.pairs import solve_pairs
from equilibrium.markets.aggregator.published import solve_published
from equilibrium.markets.aggregator.rivals.day import RivalsDay
from equilibrium.markets.aggregator.rivals.market import RivalsMarket
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import MixedSolution, Status, open_handle, preferring
from equilibrium.programs.solvers.choose import GUROBI_LIMIT
from equilibrium.programs.solvers.gurobi import GurobiHandle
from equilibrium.programs.solvers.highs import HighsHandle
from tests.equilibrium.aggregator_days import on_line, random_day
from tests.equilibrium.test_rivals import small

needs_scip = pytest.mark.skipif(not scip_is_installed(), reason="needs equilot[scip]")


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), uniform=st.booleans())
def test_gurobi_and_highs_prove_the_same_profit(seed: int, uniform: bool) -> None:
    day = random_day(seed, periods=3, pricing="uniform" if uniform else "pay-as-bid")
    highs, gurobi = AggregatorMarket().clear(day), AggregatorMarket(solver="gurobi").clear(day)
    assert gurobi.profit == pytest.approx(highs.profit, rel=1e-7)
    assert gurobi.certificate.verdict is highs.certificate.verdict is Verdict.EXACT
    assert gurobi.certificate.solver.startswith(GurobiHandle.name)
    assert GurobiHandle.name not in highs.certificate.solver
    assert all(each.holds for each in check_clearing(day, gurobi))


def test_gurobi_takes_a_grid_too() -> None:
    day = on_line(random_day(3, periods=2))
    highs, gurobi = AggregatorMarket().clear(day), AggregatorMarket(solver="gurobi").clear(day)
    for one, other in ((highs, gurobi), (gurobi, highs)):
        assert one.profit <= other.bound + 1e-6 * (1.0 + abs(other.bound))
        assert one.gap <= 1e-3


@needs_scip
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000), uniform=st.booleans())
def test_scip_and_gurobi_with_pairs_and_binaries_agree_with_the_search(seed: int, uniform: bool) -> None:
    day = random_day(seed, periods=2, pricing="uniform" if uniform else "pay-as-bid")
    profit = AggregatorMarket().clear(day).profit
    for answer in (solve_pairs(day, "scip"), solve_pairs(day, "gurobi"), solve_published(day, solver="gurobi")):
        assert answer.finished
        assert answer.value == pytest.approx(profit, rel=1e-6)
        assert answer.bound >= profit - 1e-6 * (1.0 + abs(profit))


def test_rivals_by_gurobi() -> None:
    day = RivalsDay(("a", "b"), (small(5.0, "a"), small(8.0, "b")), 1.0)
    highs, gurobi = RivalsMarket().clear(day), RivalsMarket(solver="gurobi").clear(day)
    assert gurobi.profit == pytest.approx(highs.profit)
    assert gurobi.certificate.verdict is Verdict.EXACT
    assert GurobiHandle.name in gurobi.certificate.solver


def test_what_the_licence_does_not_cover_goes_to_highs() -> None:
    fits = followers(random_day(1, periods=1))[0].unpriced()
    columns = GUROBI_LIMIT + 1
    wide = Instance(
        sp.csr_array((1, columns)), np.ones(columns), np.zeros(1), np.ones(1), np.zeros(columns), np.ones(columns)
    )
    with preferring("gurobi"):
        assert isinstance(open_handle(fits), GurobiHandle)
        assert isinstance(open_handle(fits, "highs"), HighsHandle)
        assert isinstance(open_handle(wide), HighsHandle)
    assert isinstance(open_handle(fits), HighsHandle)


def test_other_words_are_refused() -> None:
    with pytest.raises(InputError, match="one of gurobi, scip"):
        solve_pairs(random_day(1, periods=1), "highs")
    with pytest.raises(InputError, match="none"):
        solve_pairs(on_line(random_day(1, periods=1)), "scip")
    with pytest.raises(InputError, match="one of auto, highs, gurobi"):
        AggregatorMarket(solver="cplex")


def test_a_published_program_without_a_point_has_only_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody has found earns minus infinity, and no more than the bound leaves of what is constant."""
    day = random_day(4, periods=1)
    whole = solve_published(day)
    assert whole.finished
    for x in (np.zeros(0), np.zeros(3)):
        lost = MixedSolution(Status.LIMIT, x, np.inf, -whole.bound, 0.5, 7)
        monkeypatch.setattr(published, "solve_mixed", lambda *_, lost=lost, **__: lost)
        answer = solve_published(day)
        assert (answer.value, answer.prices, answer.nodes, answer.seconds) == (-np.inf, {}, 7, 0.5)
        assert not answer.finished
        constant = halve(followers(day), price_names(day), day.periods).constant
        assert answer.bound == pytest.approx(constant + whole.bound)
