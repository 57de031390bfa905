"""Reproductions: the framework on a made-up report, and the real one."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from equilibrium.errors import InputError
from sim.cli import main
from sim.reproduce import REPRODUCTIONS, load_reproduction
from sim.reproduce.epec_lots import compute as computing
from sim.reproduce.epec_lots import published as data
from sim.reproduce.epec_lots import study as epec
from sim.reproduce.epec_lots.statements import statements
from sim.reproduce.report import (
    Comparison,
    ComparisonTable,
    DocumentedError,
    Report,
    Statement,
    Status,
    observation,
    theorem,
)

CHECKLIST = {"N1", "N2", "N3", "N4", "O1", "O2", "O3", "O4", "O5", "O6", "O7", "S1", "S2", "S3", "T1", "S0", "S0s"}
MUST_HOLD = {"N1", "N2", "N4", "O1", "O2", "T1", "S0", "S0s"}


def report(*found):
    rows = (Comparison("Case 1", "cost (EUR)", 100.0, 101.0), Comparison("Case 1", "fuel | oil", None, 0.0))
    hidden = ComparisonTable("long", "A long table", (Comparison("a", "b", 0.0, 0.0),), in_terminal=False)
    return Report(
        "made-up",
        "Made up",
        ("An introduction.",),
        (ComparisonTable("table-1", "Table 1", rows), hidden),
        found,
        (DocumentedError("E1", "printed", "finding", "treatment"),),
        (("figures/a.png", "A caption"),),
    )


HOLDS = theorem("T1", "It holds", True, "1 = 1")
BREAKS = theorem("T2", "It does not", False, "1 != 2")
SEEN = observation("D1", "It is seen", False, "3 < 4")
WRONG = Statement("P1", "The paper errs", Status.FAILED, "wrong wording")


def test_only_a_statement_that_must_hold_fails_the_reproduction():
    assert report(HOLDS, SEEN, WRONG).exit_code == 0
    broken = report(HOLDS, BREAKS, SEEN)
    assert broken.exit_code == 1
    assert broken.summary == ("made-up: 3 statements, 1 pass, 1 fail, 1 data-dependent; must hold and does not: T2")
    assert report(HOLDS).summary.endswith("every statement that must hold does")
    assert SEEN.status is Status.DATA_DEPENDENT
    assert SEEN.reason == "does not hold on the substitute data: 3 < 4"


def test_deviations_are_relative_to_the_published_number():
    assert Comparison("", "", 100.0, 101.0).cells()[2:] == ("100.0", "101.0", "+1.00")
    assert Comparison("", "", None, 7.0).cells()[2:] == ("", "7.0", "")
    assert Comparison("", "", 0.0, 7.0).deviation is None


def test_a_report_is_written_as_markdown_and_csv(tmp_path):
    made = report(HOLDS, BREAKS, SEEN)
    files = made.write(tmp_path)
    assert [path.name for path in files] == [
        "made-up.md",
        "made-up-table-1.csv",
        "made-up-long.csv",
        "made-up-statements.csv",
    ]
    text = files[0].read_text(encoding="utf-8")
    assert "| Case 1 | cost (EUR) | 100.0 | 101.0 | +1.00 |" in text
    assert "fuel \\| oil" in text
    assert "| T2 | It does not | fail (!) | 1 != 2 |" in text
    assert "| E1 | printed | finding | treatment |" in text
    assert "![A caption](figures/a.png)" in text
    assert text.splitlines()[-1] == made.summary
    with files[3].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["key"], row["status"], row["must_hold"]) for row in rows] == [
        ("T1", "pass", "True"),
        ("T2", "fail", "True"),
        ("D1", "data-dependent", "False"),
    ]


def test_the_terminal_ends_with_the_summary(tmp_path):
    out = StringIO()
    report(HOLDS, SEEN).show(Console(file=out, width=80, no_color=True), where=tmp_path / "made-up.md")
    lines = out.getvalue().splitlines()
    assert lines[-1] == report(HOLDS, SEEN).summary
    assert any("1 numbers, in made-up-long.csv" in line for line in lines)
    assert any("cost (EUR)" in line and "101.0" in line for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_an_unknown_reproduction_lists_the_known_ones():
    with pytest.raises(InputError, match="epec-lots"):
        load_reproduction("everything")
    assert all(callable(load_reproduction(name)) for name in REPRODUCTIONS)


def test_every_statement_of_the_checklist_is_evaluated(results):
    made = epec.make_report(results)
    assert {statement.key for statement in made.statements} == CHECKLIST
    assert {statement.key for statement in made.statements if statement.must_hold} == MUST_HOLD
    assert [error.key for error in made.errors] == [f"E{k}" for k in range(1, 12)]
    assert {s.key for s in made.statements if s.status is Status.FAILED} == {"N3"}
    assert all(statement.reason for statement in made.statements)


def test_what_must_hold_holds(results):
    made = epec.make_report(results)
    assert made.broken == ()
    assert made.exit_code == 0
    assert len(results.cases) == 12
    assert all(run.clearing.certificate.certified for run in results.cases.values())
    assert results.infeasible == {}


def test_a_wrong_result_breaks_the_statements_that_watch_it(results):
    def altered(**changes):
        key = ("33", data.BASE_BAND, 1)
        run = results.cases[key]
        cases = {**results.cases, key: replace(run, clearing=replace(run.clearing, **changes))}
        return {s.key for s in statements(replace(results, cases=cases)) if s.broken}

    clearing = results.base("33", 1).clearing
    assert altered(network_cost=clearing.network_cost * 1.01) == {"S0"}
    assert altered(network_cost=3000.0) == {"O1", "S0"}
    assert altered(lot_kw=clearing.lot_kw * 1.001) == {"N1"}
    assert altered(fuel_cost=0.0) == {"N4", "S0"}
    points = results.sweeps["33", "renewable"]
    swapped = {**results.sweeps, ("33", "renewable"): points[::-1]}
    assert {s.key for s in statements(replace(results, sweeps=swapped)) if s.broken} == {"O2"}


def test_the_tables_hold_the_published_numbers(results):
    tables = {table.name: table for table in epec.make_report(results).tables}
    assert [row.published for row in tables["table-5"].rows[:4]] == [1908.0, 413.5, 33.15, 7.07]
    assert [row.published for row in tables["table-7"].rows[-4:]] == [1617.0, 516.9, 25.8, 7.07]
    assert [row.published for row in tables["table-8"].rows] == [11.1, 12.7, 12.1, 18.0, 19.7, 19.7]
    assert max(abs(row.deviation) for row in tables["table-5"].rows if row.quantity.startswith("network")) < 0.02


def test_a_point_that_cannot_be_served_is_told_not_dropped():
    infeasible = {}
    points = computing._sweep("33", "demand", (1.0, 5.0), "highs", infeasible)
    assert [point.factor for point in points] == [1.0]
    assert "bus" in infeasible["33", "demand", 5.0]


def test_the_command_writes_report_tables_and_figures(tmp_path, capsys, monkeypatch, results):
    monkeypatch.setattr(epec, "compute", lambda solver: {"auto": results}[solver])
    assert main(["reproduce", "epec-lots", "--out", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("epec-lots: ")
    assert lines[-1].endswith("every statement that must hold does")
    text = (tmp_path / "out" / "epec-lots.md").read_text(encoding="utf-8")
    for number in (7, 8, 10, 11, 12, 13):
        assert f"(figures/fig-{number}.png)" in text
        assert (tmp_path / "out" / "figures" / f"fig-{number}.svg").stat().st_size > 5000
    assert len(list((tmp_path / "out").glob("epec-lots-*.csv"))) == 6
