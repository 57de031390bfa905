"""What small days state is what was frozen; where it is meant to change: ``python -m tests.frozen statements``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.programs.program import Instance, ProgramBuilder
from equilibrium.programs.solvers import solve_linear, solve_mixed
from tests.equilibrium.stated_days import DAYS
from tests.frozen.fingerprints import read, rounding, versions
from tests.frozen.statements import GIVEN, STATEMENTS, stated, statement_changes


@pytest.mark.parametrize("name", DAYS)
def test_the_programs_of_a_day_are_stated_as_they_were(name: str) -> None:
    frozen = read(STATEMENTS)
    same = (frozen["versions"], frozen["rounding"]) == (versions(), rounding())
    changes = statement_changes(frozen["days"][name], stated(DAYS[name]), same=same)
    assert not changes, "\n".join([*changes, "where that is meant: python -m tests.frozen statements"])


def test_every_day_is_frozen() -> None:
    assert list(read(STATEMENTS)["days"]) == list(DAYS)


def test_what_solvers_are_given_is_told_by_its_shape() -> None:
    def work(cost: float, *, mixed: bool = False) -> Callable[[], object]:
        one = np.ones(1)
        instance = Instance(sp.csr_array(np.ones((1, 1))), cost * one, one, 2.0 * one, one, 2.0 * one)
        if mixed:
            return lambda: solve_mixed(instance, np.ones(1, dtype=bool))
        return lambda: solve_linear(instance)

    for mixed in (False, True):
        first, again, other = (stated(work(cost, mixed=mixed)) for cost in (3.0, 3.0 + 1e-15, 3.0 + 1e-6))
        assert statement_changes(first, again) == []
        assert statement_changes(first, other) == [f"{GIVEN}: 1 x 1"]
        assert statement_changes(first, other, same=False) == []
    twice = stated(lambda: [work(3.0)(), work(3.0)()])
    assert statement_changes(stated(work(3.0)), twice) == [f"{GIVEN}: programs"]


def small(change: Callable[[ProgramBuilder, np.ndarray, np.ndarray, np.ndarray], object]) -> Callable[[], object]:
    """Return what states a program of two columns, a row and a port, and one thing more or another one."""

    def work() -> None:
        build = ProgramBuilder()
        columns = build.columns("power", (2,), upper=9.0, cost=3.0)
        row, port = build.rows("limit", (1,), upper=7.0), build.port("price", (1,))
        build.coefficients(row, columns, [1.0, 2.0])
        change(build, columns, row, port)
        build.compile()

    return work


POWER, LIMIT = "column power (2,)", "row limit (1,)"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda *_: None, []),
        (lambda build, columns, row, _port: build.coefficients(row, columns[1], 1e-15), []),
        (lambda build, columns, row, _port: build.coefficients(row, columns[1], 1e-6), [LIMIT]),
        (lambda build, columns, row, _port: build.coefficients(row, columns, [1.0, -1.0]), [LIMIT]),
        (lambda build, _columns, row, port: build.row_ports(row, port, 1.0), [LIMIT]),
        (lambda build, columns, _row, port: build.cost_ports(columns[0], port, 1.0), [POWER]),
        (lambda build, columns, _row, port: build.lower_ports(columns[0], port, 1.0), [POWER]),
        (lambda build, columns, _row, port: build.upper_ports(columns[0], port, 1.0), [POWER]),
        (lambda build, *_: build.rows("more", (1,)), ["row more (1,)"]),
    ],
)
def test_a_program_that_is_another_one_is_told_by_its_block(change: Callable, told: list[str]) -> None:
    before, after = stated(small(lambda *_: None)), stated(small(change))
    assert statement_changes(before, after) == [f"power: {each}" for each in told]


def test_programs_that_are_missing_or_new_are_told() -> None:
    first = stated(small(lambda *_: None))

    def both() -> None:
        small(lambda *_: None)()
        small(lambda *_: None)()  # the same again counts once
        small(lambda build, *_: build.rows("more", (1,)))()

    assert statement_changes(first, stated(both)) == ["power: 1 programs were frozen, now 2"]
    assert statement_changes(first, {}, same=False) == ["power: 1 programs were frozen, now 0"]
    assert statement_changes({}, first, same=False) == ["power: 0 programs were frozen, now 1"]


def test_with_another_solver_only_blocks_are_compared() -> None:
    first = stated(small(lambda *_: None))
    other = stated(small(lambda build, columns, row, _port: build.coefficients(row, columns[1], 1e-6)))
    more = stated(small(lambda build, *_: build.rows("more", (1,))))
    assert statement_changes(first, other, same=False) == []
    assert statement_changes(first, more, same=False) == ["power: row more (1,)"]
    assert statement_changes(first, {}, same=False) == ["power: 1 programs were frozen, now 0"]
