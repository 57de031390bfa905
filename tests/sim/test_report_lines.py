"""Every sentence and cell of a report of a run or of a study, by hand on tables of a few rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from sim.report import sections
from sim.report import study as study_report
from sim.report.page import Html
from tests.sim.test_report import Balanced


def run(**tables: pd.DataFrame) -> Any:
    """A run with these tables; it knows which columns each has."""
    columns = {name: dict.fromkeys(table.columns) for name, table in tables.items()}
    return SimpleNamespace(columns=columns, **tables)


def told(page: Html) -> list[str]:
    return Balanced(page).text


def proofs(*certified: bool) -> pd.DataFrame:
    count = len(certified)
    return pd.DataFrame(
        {
            "day": range(count),
            "verdict": ["exact" if fine else "unproved" for fine in certified],
            "worst_regret": [1.23456e-7] * count,
            "epsilon": 2e-8,
            "primal": 3e-9,
            "dual": 4e-9,
            "complementarity": 5e-9,
            "gap": 6e-9,
            "certified": certified,
            "notes": ["" if fine else "why not" for fine in certified],
            "method": [("first", "second")[number % 2] for number in range(count)],
            "solver": "HiGHS 1",
        }
    )


def test_the_certificate_of_every_day() -> None:
    page = sections.proof(run(certificates=proofs(True, False)))
    numbers = ["1.23e-07", "2e-08", "3e-09", "4e-09", "5e-09", "6e-09"]
    assert told(page) == [
        "Certificate",
        "1 of 2 answers are proved to be equilibria",
        *("day", "verdict", "worst_regret", "epsilon", "primal", "dual", "complementarity", "gap"),
        *("0", "exact", *numbers),
        *("1", "unproved", *numbers),
        "Method: first, second. Solver: HiGHS 1.",
        "day 1: why not",
    ]
    assert '<p class="wrong">' in page
    assert '<td class="number">0</td><td>exact</td><td class="number">1.23e-07</td>' in page
    assert '<p class="fine">' in (fine := sections.proof(run(certificates=proofs(True, True))))
    assert "2 of 2" in fine
    assert sections.proof(run()) == sections.proof(run(certificates=proofs())) == ""


def test_a_gap_that_is_proved_is_neither_an_equilibrium_nor_a_fault() -> None:
    rows = proofs(True, False, False, True)
    rows["epsilon"] = [0.01, 4.21e-4, 2e-4, 0.02]  # those of equilibria are not meant
    rows.loc[[1, 2], "verdict"] = "kkt-consistent"
    page = sections.proof(run(certificates=rows))
    head = "2 of 4 answers are proved to be equilibria"
    more = "; of 2 it is proved that nobody gains more than 0.00042 of a profit"
    assert told(page)[1] == head + more
    assert '<p class="open">' in page
    rows.loc[2, "verdict"] = "unproved"
    assert '<p class="wrong">' in sections.proof(run(certificates=rows))


@pytest.mark.parametrize(("days", "more"), [(40, []), (42, ["2 more rows stand in the tables."])])
def test_a_long_certificate_says_how_much_is_left_out(days: int, more: list[str]) -> None:
    found = told(sections.proof(run(certificates=proofs(*[False] * days))))
    assert found.count("unproved") == found.count("exact") + 40
    assert [line for line in found if line.endswith(": why not")] == [f"days 0 to {days - 1}: why not"]
    assert found[len(found) - len(more) :] == more
    assert found[1] == f"0 of {days} answers are proved to be equilibria"


def test_who_pays_whom() -> None:
    rows = pd.DataFrame([("a", "b", "energy", 1.005), ("b", "c", "fuel", 1234.5)])
    rows.columns = pd.Index(["payer", "receiver", "account", "amount"])
    kind: Any = SimpleNamespace(payments=lambda _: rows)
    assert told(sections.money(run(), kind, "EUR")) == [
        "Who pays whom",
        *("payer", "receiver", "for", "EUR"),
        *("a", "b", "energy", "1.00", "b", "c", "fuel", "1234.50"),
    ]
    kind.payments = lambda _: rows.iloc[:0]
    assert sections.money(run(), kind, "EUR") == ""
    kind.payments = None
    assert sections.money(run(), kind, "EUR") == ""


LIMITS = pd.DataFrame(
    [
        (0, 3, 3, "03:00", 1.0, "branch", "1-2", "kVA", 0.5, 0.0),
        (0, 4, 4, "04:00", 1.0, "voltage-min", "7", "p.u.", 20.0, 2.0),
        (1, 9, 2, "02:15", 0.25, "branch", "1-2", "kVA", 0.25, 3.5),
        (1, 5, 5, "05:00", 1.0, "branch", "2-3", "kVA", 0.0, 0.0),
    ],
    columns=["day", "period", "hour", "start", "hours", "limit", "place", "unit", "multiplier", "shortage"],
)


def test_the_limits_that_cost_most_come_first() -> None:
    assert told(sections.limits(run(limits=LIMITS), "EUR")) == [
        "Limits at work",
        *("limit", "place", "hours", "worth of one unit more, EUR"),
        *("voltage-min", "7", "1", "20 per p.u."),
        *("branch", "1-2", "1.25", "0.75 per kVA"),
        "Most at one time: voltage-min 7, day 0, hour 4, 20 per p.u.",
    ]
    assert told(sections.limits(run(limits=LIMITS[3:]), "EUR")) == ["Limits at work", "No limit has a price."]
    assert sections.limits(run(), "EUR") == sections.limits(run(limits=LIMITS[:0]), "EUR") == ""


SESSIONS = pd.DataFrame(
    [("served", 10.0, 10.0), ("shortage", 8.0, 5.0), ("full", 7.0, 0.0), ("shortage", 4.0, 4.5), ("odd", 1.0, 0.75)],
    columns=["outcome", "asked_kwh", "got_kwh"],
)


@pytest.mark.parametrize("column", ["got_kwh", "drawn_kwh"])
def test_what_sessions_missed_and_why(column: str) -> None:
    sessions = SESSIONS.rename(columns={"got_kwh": column})
    assert told(sections.unmet(run(sessions=sessions, days=pd.DataFrame()))) == [
        "Energy that was not served",
        "1 of 5 sessions got all that they asked for.",
        *("outcome", "sessions", "asked, kWh", "not given, kWh", "reason"),
        *("shortage", "2", "12.0", "3.0", "the network or the lot could not give what was due"),
        *("full", "1", "7.0", "7.0", "no lot had a free place"),
        *("odd", "1", "1.0", "0.2"),
    ]
    served = run(sessions=SESSIONS[:1], days=pd.DataFrame())
    assert told(sections.unmet(served)) == [
        "Energy that was not served",
        "1 of 1 sessions got all that they asked for.",
    ]


def test_load_that_was_not_served_by_limit_or_by_bus() -> None:
    days = pd.DataFrame({"shed_kwh": [1.0, 5.0]})
    head = ["Energy that was not served", "Load that was not served: 6.0 kWh."]
    assert told(sections.unmet(run(days=days, limits=LIMITS))) == [
        *head,
        *("limit", "place", "hours", "what the shortage would fall by"),
        *("branch", "1-2", "0.25", "3.5 per kVA"),
        *("voltage-min", "7", "1", "2 per p.u."),
        "Most at one time: branch 1-2, day 1, period 9 from 02:15, 3.5 per kVA.",
    ]
    shed = pd.DataFrame(
        [(0, "a", 4.0, 0.25), (1, "b", 2.0, 1.0), (1, "b", 12.0, 0.25)], columns=["day", "bus", "shed_kw", "hours"]
    )
    by_bus = ["day", "bus", "not served, kWh", "1", "b", "5.0", "0", "a", "1.0"]
    assert told(sections.unmet(run(days=days, shed=shed))) == [*head, *by_bus]
    assert told(sections.unmet(run(days=days))) == head
    assert sections.unmet(run(days=0.0 * days, shed=shed)) == ""
    assert sections.unmet(run(days=pd.DataFrame())) == ""


def study(*, common: bool = True, failed: int = 0, points: int = 2, **manifest: Any) -> Any:
    """A study of which three runs are done; each point sets one key."""
    file = SimpleNamespace(scenario="week-33", days=4, replications=5, common_random_numbers=common, seed=9)
    rows = [(k, 2, 17, 3, "SolverError", "no end") for k in range(failed)]
    failures = pd.DataFrame(rows, columns=["point", "replication", "seed", "day", "type", "message"])
    frame = pd.DataFrame({"point": range(points), "loads.scale": [1.5] * points})
    results = SimpleNamespace(runs=[1, 2, 3], failures=failures, points=frame)
    return SimpleNamespace(specification=SimpleNamespace(file=file, runs=10), results=results, manifest=manifest)


@pytest.mark.parametrize(("common", "said"), [(True, "common"), (False, "other")])
def test_what_a_study_counts(common: bool, said: str) -> None:
    where = "" if common else " at each point"
    assert study_report._counts(study(common=common, failed=2)) == (
        f"week-33, 4 days a run, 2 points, 5 replications, {said} random numbers{where}; 3 of 10 runs done, 2 failed."
    )


def test_points_failures_and_what_a_study_was_made_of() -> None:
    made = study(failed=1, points=2)
    assert told(study_report._points(made)) == ["Points", "point", "loads.scale", "0", "1.5", "1", "1.5"]
    made.results.points = made.results.points[["point"]]
    assert study_report._points(made) == ""
    assert told(study_report._points(study(points=43)))[-1] == "3 more rows stand in the tables."
    head = ["Runs that failed", "point", "replication", "seed", "day", "type", "message"]
    assert told(study_report._failures(made)) == [*head, "0", "2", "17", "3", "SolverError", "no end"]
    many = told(study_report._failures(study(failed=41)))
    assert (many.count("SolverError"), many[-1]) == (40, "1 more rows stand in the tables.")
    assert study_report._failures(study()) == ""
    assert told(study_report._made_of(study())) == [
        "What it was made of",
        "status: killed before it could be told",
        "seed 9",
    ]
    whole = study(status="complete", versions={"equilot": "1", "numpy": "2"})
    assert told(study_report._made_of(whole))[1:] == ["status: complete", "seed 9", "equilot 1, numpy 2"]
