"""Every sentence and cell of a report of a run or of a study, by hand on tables of a few rows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from equilibrium.errors import InputError
from sim.report import reproduction, sections, write
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


REACHED = pd.DataFrame(
    [
        (0, 1.0, "voltage-min", "7", True),
        (0, 0.5, "branch", "1-2", True),
        (1, 4.0, "branch", "1-2", False),
        (1, 0.25, "branch", "1-2", True),
        (1, 0.75, "branch", "2-3", True),
    ],
    columns=["day", "hours", "limit", "place", "reached"],
)


def test_limits_without_a_worth_are_counted_by_their_hours() -> None:
    head = ["Limits at work", "limit", "place", "hours reached"]
    rows = [*("voltage-min", "7", "1"), *("branch", "1-2", "0.75"), *("branch", "2-3", "0.75")]
    page = sections.limits(run(limits=REACHED), "EUR")
    assert told(page) == [*head, *rows]
    assert '<td>voltage-min</td><td>7</td><td class="number">1</td>' in page
    assert told(sections.limits(run(limits=REACHED[2:3]), "EUR")) == ["Limits at work", "No limit is reached."]
    many = pd.DataFrame([(0, 50.0 - k, "branch", str(k), True) for k in range(41)], columns=REACHED.columns)
    assert told(sections.limits(run(limits=many), "EUR"))[-3:] == ["branch", "39", "11"]


@pytest.mark.parametrize(
    ("hour", "period", "map_at"), [(None, 2, True), (1, 1, True), (3, 4, True), (None, None, False)]
)
def test_the_moment_of_the_map(
    hour: int | None, period: int | None, map_at: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default the one that tells most; of an hour of several periods the first."""
    prices = pd.DataFrame({"hour": [0, 1, 2, 2, 3, 3], "period": [0, 1, 2, 3, 5, 4]})
    kind: Any = SimpleNamespace(map_at=print if map_at else None, price_column="price")
    made: Any = SimpleNamespace(table=lambda name, day: {("prices", 5): prices}[name, day], folder="here")
    monkeypatch.setattr(write, "day_of_run", lambda given, day: {(id(made), 3): 5}[id(given), day])
    monkeypatch.setattr(write, "telling_period", lambda rows, column: {"price": 2}[column] if rows is prices else -1)
    assert write._moment(made, kind, 3, hour) == (5, period)
    with pytest.raises(InputError) as error:
        write._moment(made, kind, 3, 4)
    said = "an hour of the day, 0 to 3" if map_at else "nothing: this market draws no map of its feeder"
    assert str(error.value) == f"here: --hour: got 4, expected {said}"


def test_what_a_run_was_made_of() -> None:
    manifest = {
        "scenario": "town",
        "seed": 3,
        "status": "complete",
        "versions": {"a": "1", "b": "2"},
        "notes": ["n", ""],
    }
    made: Any = SimpleNamespace(manifest=manifest, market="nodal")
    assert told(write._made_of(made)) == [
        "What it was made of",
        *("scenario town, market nodal, seed 3", "status: complete", "a 1, b 2", "n"),
    ]
    bare: Any = SimpleNamespace(manifest={}, market="nodal")
    assert told(write._made_of(bare)) == [
        "What it was made of",
        *("scenario ?, market nodal, seed ?", "status: killed before it could be told"),
    ]


@pytest.mark.parametrize("map_at", [True, False])
def test_the_map_of_the_hour_stands_first(map_at: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "run_figures", lambda _, day: {"profit": "p", f"feeder-day-{day}": "other"})
    monkeypatch.setattr("sim.show.drawing.day_title", lambda days, day: f"{days}, {day}")
    kind: Any = SimpleNamespace(map_at=(lambda *given: given[1:]) if map_at else None)
    made: Any = SimpleNamespace(days="days")
    found = write._figures(made, kind, 5, 7 if map_at else None, "EUR")
    own = {"feeder-day-5-period-7": (5, 7, "days, 5", "EUR"), "profit": "p"}
    assert found == (own if map_at else {"profit": "p", "feeder-day-5": "other"})
    assert next(iter(found)) == ("feeder-day-5-period-7" if map_at else "profit")


def test_paragraphs_tables_and_pictures_of_a_reproduction(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"png")
    text = "One\ntwo.\n\n\n| a | b \\| c |\n| --- | ---: |\n| x | 1 |\n\n"
    text += "![A caption](a.png)\n\n*A caption*\n\n*so* it is\n"
    blocks = list(reproduction._blocks(text, tmp_path))
    assert [told(block) for block in blocks] == [["One two."], ["a", "b | c", "x", "1"], ["A caption"], ["*so* it is"]]
    assert '<td>x</td><td class="number">1</td>' in blocks[1]
    assert list(reproduction._blocks("\n\n", tmp_path)) == []
    with pytest.raises(InputError) as error:
        reproduction.write_reproduction_report(tmp_path, "paper")
    assert str(error.value) == (
        f"{tmp_path / 'paper.md'}: report: got 'missing', expected the report that `equilot reproduce` writes"
    )
    (tmp_path / "paper.md").write_text("# Title\n\nHello.\n\n## One\n\nFirst.\n\n## Two\n\nSecond.\n\nIn all: 3\n")
    (whole,) = reproduction.write_reproduction_report(tmp_path, "paper")
    found = [each for each in told(Html(whole.read_text())) if each.strip()]
    assert found[-7:] == ["Title", "In all: 3", "Hello.", "One", "First.", "Two", "Second."]
