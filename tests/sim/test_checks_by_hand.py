"""What is measured at the tables of a run, on tables of a few rows: sums, distances and what lies beyond limits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equilibrium.certificate import EPSILON_REGRET, RESIDUAL_TOLERANCE, Verdict
from equilibrium.invariants import Finding
from sim import checks
from sim.checks import RunInvariant, apart, beyond, brought, check_run, energies, sums_apart, violations
from sim.checks import _verdicts as verdicts

ROWS = [
    # day, period, market, kind, p_kw, q_kvar, hours
    (0, 0, "a", "import", 4.0, 1.0, 0.5),
    (0, 0, "b", "import", 6.0, 2.0, 0.5),
    (0, 0, "a", "load", 3.0, 0.5, 0.5),
    (0, 1, "a", "import", 8.0, 3.0, 1.0),
    (0, 1, "a", "other", 100.0, 100.0, 1.0),
    (1, 0, "a", "load", 5.0, 0.0, 0.25),
]
DISPATCH = pd.DataFrame(ROWS, columns=["day", "period", "market", "kind", "p_kw", "q_kvar", "hours"])


def run(**tables: Any) -> Any:
    return SimpleNamespace(dispatch=DISPATCH, **tables)


def series(*values: float) -> pd.Series[float]:
    return pd.Series(values, dtype=float)


@pytest.mark.parametrize(
    ("values", "expected", "scale", "distance"),
    [
        ((), (), None, 0.0),
        ((0.5, 0.25), (0.5, 0.5), None, 0.25),  # the scale is at least 1
        ((1.5, -0.25), (1.5, 0.5), None, 0.5),
        ((-4.0, 1.0), (-4.0, 3.0), None, 0.5),  # and the largest size, whatever its sign
        ((4.0, 1.0), (2.0, 1.0), None, 0.5),
        ((4.0, 1.0), (2.0, 1.0), (-8.0, 1.0), 0.25),
        ((4.0, 1.0), (2.0, 1.0), (0.5, 0.0), 2.0),
    ],
)
def test_distances_are_relative_to_the_largest(values: Any, expected: Any, scale: Any, distance: float) -> None:
    assert apart(series(*values), series(*expected), None if scale is None else series(*scale)) == distance


def test_a_distance_may_be_from_one_number() -> None:
    assert apart(series(2.0, 4.0), 1.0) == 0.75


@pytest.mark.parametrize(
    ("values", "low", "high", "size"),
    [
        ((), 0.0, 1.0, 0.0),
        ((0.0, 1.0), 0.0, 1.0, 0.0),
        ((0.5, 1.25), 0.0, 1.0, 0.2),
        ((0.5, -0.25), 0.0, 1.0, 0.25),
        ((-4.0, 2.0), -3.0, 1.0, 0.25),
    ],
)
def test_beyond_limits(values: Any, low: float, high: float, size: float) -> None:
    assert beyond(series(*values), low, high) == size
    limits = [series(*[limit] * len(values)) for limit in (low, high)]
    assert beyond(series(*values), *limits) == size


def test_what_is_brought_to_a_balance() -> None:
    signs = {"import": 1.0, "load": -1.0}
    assert brought(run(), signs).to_dict() == {(0, 0): 7.0, (0, 1): 8.0, (1, 0): -5.0}
    assert brought(run(), signs, "q_kvar").to_dict() == {(0, 0): 2.5, (0, 1): 3.0, (1, 0): 0.0}
    within = brought(run(), signs, within=["market"])
    assert within.to_dict() == {(0, "a", 0): 1.0, (0, "a", 1): 8.0, (0, "b", 0): 6.0, (1, "a", 0): -5.0}


def test_energies_of_kinds_by_day() -> None:
    found = energies(run(), ["load", "import", "never"])
    assert found.columns.tolist() == ["load", "import", "never"]
    assert found.to_dict("index") == {
        0: {"load": 1.5, "import": 13.0, "never": 0.0},
        1: {"load": 1.25, "import": 0.0, "never": 0.0},
    }


@pytest.mark.parametrize(("load", "imports", "size"), [(1.5, 13.0, 0.0), (0.5, 13.0, 0.8), (1.5, 26.0, 0.5)])
def test_columns_of_days_against_sums_of_dispatch(load: float, imports: float, size: float) -> None:
    days = pd.DataFrame({"day": [0, 1], "load_kwh": [load, 1.25], "import_kwh": [imports, 0.0]})
    found = sums_apart(run(days=days), {"load_kwh": "load", "import_kwh": "import"})
    assert found == pytest.approx(size)


def test_a_run_without_days_breaks_nothing() -> None:
    statement = RunInvariant("name", "statement", "source", 0.5, lambda each: each.size)
    for days, size, holds in (([], 0.0, True), ([0], 0.5, True), ([0], 0.75, False)):
        each: Any = SimpleNamespace(days=days, size=size if days else 9.0)
        (found,) = check_run(each, [statement])
        assert (found.violation, found.holds) == (size, holds)
        assert (found.name, found.statement, found.source, found.tolerance) == ("name", "statement", "source", 0.5)


def proofs(**changes: Any) -> Any:
    row = dict.fromkeys(("primal", "dual", "complementarity", "gap"), RESIDUAL_TOLERANCE)
    row |= {"epsilon": EPSILON_REGRET, "certified": True, "verdict": str(Verdict.EXACT)}
    return SimpleNamespace(certificates=pd.DataFrame([row, row | changes]))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, 0.0),
        ({"verdict": str(Verdict.EPSILON_NASH)}, 0.0),
        *(({name: 1.001 * RESIDUAL_TOLERANCE}, 1.0) for name in ("primal", "dual", "complementarity", "gap")),
        ({"epsilon": 1.001 * EPSILON_REGRET}, 1.0),
        ({"verdict": str(Verdict.UNPROVED)}, 1.0),
        ({"certified": False}, 1.0),
        ({"certified": False, "verdict": str(Verdict.UNPROVED)}, 0.0),
        ({"certified": False, "verdict": str(Verdict.KKT_CONSISTENT), "primal": 1.0, "epsilon": np.inf}, 0.0),
    ],
)
def test_what_is_certified_has_numbers_and_a_verdict_that_say_so(changes: Any, found: float) -> None:
    assert verdicts(proofs(**changes)) == found


def test_only_a_checked_run_has_violations() -> None:
    row = {"day": 3, "clearing": "plan", "name": "balance", "statement": "it is 0", "source": "a.py", "holds": False}
    rows = pd.DataFrame(
        [
            row | {"tolerance": 1e-6, "violation": 0.25},
            row | {"day": 4, "clearing": "", "tolerance": 2e-3, "violation": 1.0},
            row | {"tolerance": 1e-6, "violation": 0.0, "holds": True},
        ]
    )
    checked: Any = SimpleNamespace(columns={"checks": {}}, table=lambda name: {"checks": rows}[name])
    assert violations(checked) == [
        "day 3, plan: balance is broken by 2.5e-01 (at most 1e-06): it is 0 (a.py)",
        "day 4: balance is broken by 1.0e+00 (at most 2e-03): it is 0 (a.py)",
    ]
    assert violations(SimpleNamespace(columns={})) == []  # type: ignore[arg-type]


BOTH = ("check", "relate")


def test_a_day_is_checked_as_far_as_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off nothing is looked at; only in full the day is cleared in other forms too."""
    asked: list[Any] = []

    def finding(name: str) -> Finding:
        return Finding(name, f"{name} holds", "a.py", 1e-6, 0.5)

    def looked(kind: str) -> Any:
        def function(statements: Any, *given: Any) -> tuple[Finding, ...]:
            asked.append((kind, given))
            return tuple(map(finding, statements))

        return function

    monkeypatch.setattr(checks, "check", looked("check"))
    monkeypatch.setattr(checks, "relate", looked("relate"))
    invariants: Any = ("a", "b")
    relations: Any = ("c",)
    others: Any = ("d",)
    clearings = [checks.OneClearing("first", 1, 2, 3, invariants, relations), checks.OneClearing("", 4, 5, 6, others)]
    day: Any = SimpleNamespace(index=7, date="date")
    clear: Any = "clear"
    for level, names, calls in (
        ("off", [], []),
        ("cheap", ["a", "b", "d"], [("check", (1, 2, 3)), ("check", (4, 5, 6))]),
        (
            "full",
            ["a", "b", "c", "d"],
            [(kind, (*one, *["clear"] * (kind == "relate"))) for one in ((1, 2, 3), (4, 5, 6)) for kind in BOTH],
        ),
    ):
        asked.clear()
        found: Any = checks.check_day(day, clearings, level, clear)
        assert (found.index, found.date, asked) == (7, "date", calls)
        assert [each.name for _, each in found.findings] == names
    assert [name for name, _ in found.findings] == ["first", "first", "first", ""]
    rows = checks.CHECKS.of(found)
    assert rows is not None
    assert {name: list(values) for name, values in rows.items() if name not in ("day", "date")} == {
        **{"clearing": ["first"] * 3 + [""], "name": ["a", "b", "c", "d"], "violation": [0.5] * 4},
        **{"tolerance": [1e-6] * 4, "holds": [False] * 4, "source": ["a.py"] * 4},
        "statement": [f"{name} holds" for name in "abcd"],
    }
    assert checks.CHECKS.of(checks.check_day(day, clearings, "off", clear)) is None
