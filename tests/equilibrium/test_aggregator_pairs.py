"""The published program and the one with pairs for halves of a few numbers: every row, bound and pair by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.complementarity.branch import End
from equilibrium.complementarity.problem import Mpcc
from equilibrium.errors import InputError
from equilibrium.markets.aggregator import pairs, published
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import MixedSolution, Status
from tests.equilibrium.aggregator_days import on_line, random_day

ONE = Instance(
    sp.csr_array(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),
    np.array([7.0, 8.0, 9.0]),
    np.array([-1.0, -2.0]),
    np.array([1.0, 2.0]),
    np.array([0.0, 1.5, -2.5]),
    np.array([4.0, 5.0, 6.0]),
)
"""Three quantities, the last two with a least amount that is not zero."""

OTHER = Instance(
    sp.csr_array(np.array([[11.0, 12.0]])),
    np.array([13.0, 14.0]),
    np.array([-3.0]),
    np.array([3.0]),
    np.array([0.0, -9.0]),
    np.array([15.0, 0.0]),
)
"""A multiplier that is not negative, and one that is not positive."""


def halves() -> Any:
    """Pairs of the first quantity at zero, of the second at its least and its most, and of the third at its least."""
    return SimpleNamespace(
        quantities=ONE,
        prices=OTHER,
        quantity=np.array([0, 1, 1, 2]),
        upper=np.array([False, False, True, False]),
        multiplier=np.array([0, 1, 0, 1]),
        reach=lambda: np.array([4.0, 3.5, 8.5]),
        constant=100.0,
        columns={"p": np.array([0, 1])},
        named=lambda values: {"p": values},
    )


def test_distances_from_bounds_are_columns_in_pairs() -> None:
    """The first quantity is its own distance from zero; the others get a column each: 5, 6 and 7."""
    found = pairs.as_pairs(halves())
    dense, program = found.instance.matrix.toarray(), found.instance
    expected = np.zeros((6, 8))
    expected[:2, :3], expected[2, 3:5] = ONE.matrix.toarray(), [11.0, 12.0]
    expected[3, [1, 5]] = 1.0, -1.0
    expected[4, [1, 6]] = -1.0, -1.0
    expected[5, [2, 7]] = 1.0, -1.0
    assert dense.tolist() == expected.tolist()
    assert program.row_lower.tolist() == [-1.0, -2.0, -3.0, 1.5, -5.0, -2.5]
    assert program.row_upper.tolist() == [1.0, 2.0, 3.0, 1.5, -5.0, -2.5]
    assert program.cost.tolist() == [7.0, 8.0, 9.0, 13.0, 14.0, 0.0, 0.0, 0.0]
    assert program.col_lower.tolist() == [0.0, 1.5, -2.5, 0.0, -9.0, 0.0, 0.0, 0.0]
    assert program.col_upper.tolist() == [4.0, 5.0, 6.0, 15.0, 0.0, INF, INF, INF]
    assert found.pairs.tolist() == [[3, 0], [4, 5], [3, 6], [4, 7]]
    assert (found.constant, found.hessian.shape, found.hessian.nnz) == (0.0, (8, 8), 0)
    assert found.integer.tolist() == [False] * 8


def test_a_binary_for_each_pair_opens_one_of_both() -> None:
    """A distance is at most its reach, 4, 3.5 and 8.5; a multiplier at most 20 and 30."""
    instance, integer = published._with_binaries(halves(), np.array([20.0, 30.0]))
    expected = np.zeros((11, 9))
    expected[:2, :3], expected[2, 3:5] = ONE.matrix.toarray(), [11.0, 12.0]
    for pair, (quantity, sign, reach, multiplier, side, most) in enumerate(
        [
            (0, 1.0, 4.0, 3, 1.0, 20.0),
            (1, 1.0, 3.5, 4, -1.0, 30.0),
            (1, -1.0, 3.5, 3, 1.0, 20.0),
            (2, 1.0, 8.5, 4, -1.0, 30.0),
        ]
    ):
        expected[3 + pair, [quantity, 5 + pair]] = sign, reach
        expected[7 + pair, [multiplier, 5 + pair]] = side, -most
    assert instance.matrix.toarray().tolist() == expected.tolist()
    assert instance.row_lower.tolist() == [-1.0, -2.0, -3.0, *[-INF] * 8]
    # x - low <= reach (1 - y), and high - x alike
    assert instance.row_upper.tolist() == [1.0, 2.0, 3.0, 4.0, 1.5 + 3.5, -5.0 + 3.5, -2.5 + 8.5, 0.0, 0.0, 0.0, 0.0]
    assert instance.cost.tolist() == [7.0, 8.0, 9.0, 13.0, 14.0, 0.0, 0.0, 0.0, 0.0]
    assert instance.col_lower.tolist() == [0.0, 1.5, -2.5, 0.0, -9.0, 0.0, 0.0, 0.0, 0.0]
    assert instance.col_upper.tolist() == [4.0, 5.0, 6.0, 15.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    assert integer.tolist() == [False] * 5 + [True] * 4


def solved(monkeypatch: pytest.MonkeyPatch, x: np.ndarray, status: Status, objective: float) -> Any:
    """The published program's answer, read off a point."""
    monkeypatch.setattr(published, "halve", lambda *_: halves())
    monkeypatch.setattr(published, "_limits", lambda *_: np.array([20.0, 30.0]))
    given: dict[str, Any] = {}

    def solve(_instance: Instance, _integer: Any, solver: str, **limits: Any) -> MixedSolution:
        given.update(limits | {"solver": solver})
        return MixedSolution(status, x, objective, -7.0, 2.5, nodes=9)

    monkeypatch.setattr(published, "solve_mixed", solve)
    answer = published.solve_published(random_day(1), solver="told", gap=0.25, node_limit=11, time_limit_s=3.5)
    assert given == {"solver": "told", "gap": 0.25, "node_limit": 11, "time_limit_s": 3.5}
    return answer


def test_what_the_published_program_earns(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is a constant is added: 100 less the objective, and less its bound."""
    found = solved(monkeypatch, np.arange(9.0), Status.OPTIMAL, -4.0)
    assert (found.value, found.bound, found.nodes, found.seconds, found.finished) == (104.0, 107.0, 9, 2.5, True)
    assert found.prices["p"].tolist() == [3.0, 4.0]
    cut = solved(monkeypatch, np.arange(9.0), Status.LIMIT, -4.0)
    assert (cut.value, cut.finished) == (104.0, False)
    for x, objective in ((np.zeros(0), -4.0), (np.arange(9.0), INF)):
        none = solved(monkeypatch, x, Status.LIMIT, objective)
        assert (none.value, none.bound, none.prices, none.nodes) == (-INF, 107.0, {}, 9)
        assert (none.seconds, none.finished) == (2.5, False)


def test_what_the_program_with_pairs_earns(monkeypatch: pytest.MonkeyPatch) -> None:
    day, limits = random_day(1), list[float]()
    monkeypatch.setattr(pairs, "halve", lambda *_: halves())
    for v, end, value in ((np.arange(8.0), End.OPTIMAL, 104.0), (None, End.LIMIT, -INF)):

        def solve(problem: Mpcc, limit: Any, v: Any = v, end: Any = end) -> Any:
            assert problem.pairs.shape == (4, 2)
            limits.append(limit.nodes_left)
            return SimpleNamespace(v=v, end=end, value=-4.0, bound=-7.0, nodes=9, seconds=2.5)

        monkeypatch.setattr(pairs, "SOLVERS", {"told": solve})
        found = pairs.solve_pairs(day, "told", node_limit=11)
        assert (found.value, found.bound, found.nodes, found.seconds) == (value, 107.0, 9, 2.5)
        assert found.finished == (end is End.OPTIMAL)
        assert {name: each.tolist() for name, each in found.prices.items()} == ({} if v is None else {"p": [3.0, 4.0]})
    assert limits == [11, 11]
    with pytest.raises(InputError) as caught:
        pairs.solve_pairs(day, "other")
    assert str(caught.value) == "solver: name: got 'other', expected one of told"
    with pytest.raises(InputError) as caught:
        pairs.solve_pairs(on_line(day), "told")
    told = "day: grid: got 'a feeder', expected none: the program with pairs is stated without it here"
    assert str(caught.value) == told
