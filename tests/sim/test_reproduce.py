"""Reproductions: the framework on a made-up report, and the real one."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.closeness import BENCHMARKS, WITHOUT_NUMBERS, record
from equilibrium.errors import InputError
from sim.cli import main
from sim.reproduce import REPRODUCTIONS, load_reproduction
from sim.reproduce.closeness import Comparison, ComparisonTable, closeness
from sim.reproduce.constants import Constant, Origin
from sim.reproduce.epec_lots import compute as computing
from sim.reproduce.epec_lots import published as data
from sim.reproduce.epec_lots import study as epec
from sim.reproduce.epec_lots.statements import statements
from sim.reproduce.report import Report
from sim.reproduce.verdicts import (
    DocumentedError,
    Kind,
    arithmetic,
    by_construction,
    counted,
    erratum,
    on_stand_in,
    put_to_test,
)

CHECKLIST = {
    *("N1", "N2", "N3", "N4", "O1", "O2", "O3", "O4", "O5", "O6", "O7", "S1", "S2", "S3", "T1", "T1b", "S0", "S0s"),
}
MUST_HOLD = {"N1", "N2", "N4", "O1", "O2", "T1", "S0", "S0s"}


def report(*found):
    rows = (Comparison("Case 1", "cost (EUR)", 100.0, 101.0), Comparison("Case 1", "fuel | oil", None, 0.0))
    hidden = ComparisonTable("long", "A long table", (Comparison("a", "b", 0.0, 0.0),), in_terminal=False)
    beside = Comparison("Case 2", "profit (EUR)", 10.0, 20.0, equilibrium=15.0)
    none = Comparison("Case 3", "profit (EUR)", 10.0, 11.0, equilibrium=float("nan"))
    return Report(
        "made-up",
        "Made up",
        ("An introduction.",),
        (
            ComparisonTable("table-1", "Table 1", rows),
            hidden,
            ComparisonTable("table-2", "Table 2", (beside, none), equilibrium_name="at rest", note="Case 3 has none."),
            ComparisonTable("again", "Table 2 again", (beside,), counted=False),
        ),
        found,
        (
            Constant("level", "3.5", Origin.FITTED, "Table 1", ("a",)),
            Constant("shape", "1 to 2", Origin.CHOSEN, "by eye", ("b.*",), 23),
            Constant("printed", "as printed", Origin.PUBLISHED, "Table 3", ("c",), 0),
        ),
        (DocumentedError("E1", "printed", "finding", "treatment"),),
        (("figures/a.png", "A caption"),),
    )


HOLDS = by_construction("T1", "It holds", True, "1 = 1")
BREAKS = by_construction("T2", "It does not", False, "1 != 2")
SEEN = on_stand_in("D1", "It is seen", False, "3 < 4")
WRONG = erratum("P1", "The paper errs", False, "wrong wording")
CLOSE = (
    "published numbers 1 (33 %), 1 (33 %), 2 (67 %) of 3 within 1, 5, 20 %; constants 1 fitted, 23 chosen; "
    "errors of the paper 1"
)


def test_only_a_statement_that_must_hold_fails_the_reproduction():
    assert report(HOLDS, SEEN, WRONG).exit_code == 0
    broken = report(HOLDS, BREAKS, SEEN)
    assert broken.exit_code == 1
    assert broken.summary == (
        "made-up: 3 statements: arithmetic 0 hold, 0 fail; by construction 1 hold, 1 fail (T2); tested 0 hold, 0 fail; "
        "stand-in data 0 hold, 1 do not hold (D1); erratum of the paper 0; weakened since first stated 0; "
        f"{CLOSE}; must hold and does not: T2"
    )
    assert report(HOLDS).summary.endswith("every statement that must hold does")


def test_a_verdict_says_what_it_rests_on():
    assert arithmetic("N1", "", True, "").verdict == "arithmetic: holds"
    assert arithmetic("N1", "", False, "").verdict == "arithmetic: fails"
    assert BREAKS.verdict == "by construction: fails"
    assert put_to_test("N2", "", False, "", must_hold=False).verdict == "tested: fails"
    assert SEEN.verdict == "stand-in data: does not hold"
    assert on_stand_in("D2", "", True, "").verdict == "stand-in data: holds"
    assert WRONG.verdict == "erratum of the paper"
    assert erratum("P1", "", True, "").verdict == "arithmetic: holds"
    stated = [arithmetic("A", "", True, ""), BREAKS, HOLDS, put_to_test("B", "", True, "", must_hold=True)]
    assert all(s.must_hold for s in stated)
    assert not any(s.must_hold for s in (SEEN, WRONG, put_to_test("C", "", True, "", must_hold=False)))
    assert on_stand_in("D3", "", False, "", must_hold=True).broken


def test_the_count_names_every_statement_that_does_not_hold():
    weaker = on_stand_in("O4", "Mostly", True, "few").weakened_from("Always", holds=False, reason="not twice")
    found = [HOLDS, BREAKS, SEEN, SEEN, WRONG, weaker]
    assert counted(found) == (
        "arithmetic 0 hold, 0 fail; by construction 1 hold, 1 fail (T2); tested 0 hold, 0 fail; "
        "stand-in data 1 hold, 2 do not hold (D1 x 2); erratum of the paper 1 (P1); weakened since first stated 1 (O4)"
    )
    assert sum(s.kind is kind for s in found for kind in Kind) == len(found)


def test_a_weakened_statement_keeps_its_first_form_and_what_came_out(tmp_path):
    weaker = on_stand_in("O4", "Mostly", True, "few").weakened_from("Always", holds=False, reason="not twice")
    first = 'stated first: "Always", which does not hold (not twice)'
    assert weaker.first_form == first
    assert weaker.holds
    made = report(weaker)
    assert f"| O4 | Mostly | stand-in data: holds | few; {first} |" in made.markdown()
    out = StringIO()
    made.show(Console(file=out, width=200, no_color=True))
    assert first in out.getvalue()
    made.write(tmp_path)
    with (tmp_path / "made-up-statements.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["first_form"] == first


def test_deviations_are_relative_to_the_published_number():
    assert Comparison("", "", 100.0, 101.0).cells()[2:] == ("100.0", "101.0", "+1.00", "")
    assert Comparison("", "", None, 7.0).cells()[2:] == ("", "7.0", "", "")
    assert Comparison("", "", 0.0, 7.0).deviation is None
    assert Comparison("", "", float("nan"), 7.0).cells()[2:] == ("", "7.0", "", "")
    assert Comparison("", "", 10.0, float("nan"), equilibrium=float("nan")).cells()[2:] == ("10.0", "none", "", "none")


def test_closeness_counts_published_numbers_by_their_deviation():
    rows = tuple(Comparison("", "", 100.0, value) for value in (100.9, 99.1, 104.9, 95.2, 119.0, 81.0, 121.0, 79.0))
    unknown = (Comparison("", "", 0.0, 0.0), Comparison("", "", None, 1.0), Comparison("", "", float("nan"), 1.0))
    found = closeness([ComparisonTable("a", "A", (*rows, *unknown)), ComparisonTable("b", "B", rows, counted=False)])
    assert (found.met, found.total) == ((2, 4, 6), 8)
    assert str(found) == "2 (25 %), 4 (50 %), 6 (75 %) of 8 within 1, 5, 20 %"
    nothing = closeness([ComparisonTable("c", "C", (Comparison("", "", 10.0, float("nan")),))])
    assert (nothing.met, nothing.total) == ((0, 0, 0), 1)  # what did not come out is not met
    assert str(closeness([])) == "0, 0, 0 of 0 within 1, 5, 20 %"


def test_a_report_is_written_as_markdown_and_csv(tmp_path):
    made = report(HOLDS, BREAKS, SEEN)
    files = made.write(tmp_path)
    assert [path.name for path in files] == [
        "made-up.md",
        *(f"made-up-{name}.csv" for name in ("table-1", "long", "table-2", "again")),
        *(f"made-up-{name}.csv" for name in ("closeness", "constants", "statements")),
    ]
    text = files[0].read_text(encoding="utf-8")
    assert "| Case 1 | cost (EUR) | 100.0 | 101.0 | +1.00 |" in text
    assert "| case | quantity | published | computed | deviation (%) | at rest |" in text
    assert "| Case 2 | profit (EUR) | 10.0 | 20.0 | +100.00 | 15.0 |" in text
    # Words stand on the left and numbers on the right, in every table.
    rules = [line for line in text.splitlines() if set(line) <= set("|-: ") and "---" in line]
    wanted = ["llrrr", "llrrr", "llrrrr", "lrrrr", "lllrl", "llll", "llll"]
    shown = ["".join("r" if cell == "---:" else "l" for cell in rule[2:-2].split(" | ")) for rule in rules]
    assert sorted(set(shown)) == sorted(set(wanted))
    assert shown[-4:] == wanted[-4:]
    assert "| Case 3 | profit (EUR) | 10.0 | 11.0 | +10.00 | none |" in text
    assert "\n\nCase 3 has none.\n\n" in text
    assert "fuel \\| oil" in text
    assert "| Table 1 | 1 | 1 (100 %) | 1 (100 %) | 1 (100 %) |" in text
    assert "| all | 3 | 1 (33 %) | 1 (33 %) | 2 (67 %) |" in text
    assert "Table 2 again |" not in text
    assert "| level | fitted | 3.5 | 1 | Table 1 |" in text
    assert "| shape | chosen | 1 to 2 | 23 | by eye |" in text
    assert "| printed | published" not in text
    assert "| T2 | It does not | by construction: fails (!) | 1 != 2 |" in text
    assert "| E1 | printed | finding | treatment |" in text
    assert "![A caption](figures/a.png)" in text
    assert text.splitlines()[-1] == made.summary

    def rows(name):
        with (tmp_path / f"made-up-{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    assert [(row["key"], row["kind"], row["outcome"], row["must_hold"]) for row in rows("statements")] == [
        ("T1", "by construction", "holds", "True"),
        ("T2", "by construction", "fails", "True"),
        ("D1", "stand-in data", "does not hold", "False"),
    ]
    assert [(row["constant"], row["origin"], row["numbers"], row["inputs"]) for row in rows("constants")] == [
        ("level", "fitted", "1", "a"),
        ("shape", "chosen", "23", "b.*"),
        ("printed", "published", "0", "c"),
    ]
    last = rows("closeness")[-1]
    assert list(last.values()) == ["all", "3", "1", "1", "2"]
    assert rows("table-2")[0]["equilibrium"] == "15.0"


def test_the_terminal_ends_with_the_summary(tmp_path):
    out = StringIO()
    report(HOLDS, SEEN).show(Console(file=out, width=80, no_color=True), where=tmp_path / "made-up.md")
    lines = out.getvalue().splitlines()
    assert lines[-1] == report(HOLDS, SEEN).summary
    assert any("1 numbers, in made-up-long.csv" in line for line in lines)
    assert any("cost (EUR)" in line and "101.0" in line for line in lines)
    assert "Case 3 has none." in lines
    assert any(line.split() == ["all", "3", "1", "(33", "%)", "1", "(33", "%)", "2", "(67", "%)"] for line in lines)
    assert any(line.split() == ["level", "fitted", "3.5", "1"] for line in lines)
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
    assert {s.key for s in made.statements if s.kind is Kind.ERRATUM} == {"N3"}
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
    points = computing._sweep("33", "demand", (1.0, 5.0), "highs", infeasible, computing.as_it_is)
    assert [point.factor for point in points] == [1.0]
    assert "bus" in infeasible["33", "demand", 5.0]


def test_the_command_writes_report_tables_and_figures_and_over_its_own(tmp_path, capsys, monkeypatch, results):
    monkeypatch.setattr(epec, "compute", lambda solver: {"auto": results}[solver])
    assert main(["reproduce", "epec-lots", "--out", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("epec-lots: ")
    assert lines[-1].endswith("every statement that must hold does")
    text = (tmp_path / "out" / "epec-lots.md").read_text(encoding="utf-8")
    for number in (7, 8, 10, 11, 12, 13):
        assert f"(figures/fig-{number}.png)" in text
        assert (tmp_path / "out" / "figures" / f"fig-{number}.svg").stat().st_size > 5000
    assert len(list((tmp_path / "out").glob("epec-lots-*.csv"))) == 8
    (tmp_path / "out" / "report.html").write_text("<!-- Equilot -->", encoding="utf-8")
    assert main(["reproduce", "epec-lots", "--out", str(tmp_path / "out")]) == 0
    assert "Sensitivity, 85-bus" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_reproduction_writes_over_no_report_of_another(tmp_path, capsys, monkeypatch, results):
    monkeypatch.setattr(epec, "compute", lambda _solver: results)
    for name in ("mine", "yours"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").write_text("a page of somebody", encoding="utf-8")
    other = tmp_path / "yours"
    for name in ("epec-lots.md", "disco-dr.md", "disco-dr-statements.csv"):
        (other / name).write_text("", encoding="utf-8")
    for folder in (tmp_path / "mine", other):
        assert main(["reproduce", "epec-lots", "--out", str(folder)]) == 2
        assert "output folder: got 'report.html'" in capsys.readouterr().err
        assert (folder / "report.html").read_text(encoding="utf-8") == "a page of somebody"


def test_the_benchmark_records_the_share_within_5_percent():
    found = record(report(HOLDS), 2.5)
    assert (found.name, found.ours_s, found.ratio) == ("closeness_made_up", 2.5, pytest.approx(1 / 3))
    assert "1 (33 %), 1 (33 %), 2 (67 %) of 3 within 1, 5, 20 %" in found.note
    assert "1 fitted, 23 chosen" in found.note
    with_numbers = set(REPRODUCTIONS) - set(WITHOUT_NUMBERS)
    assert BENCHMARKS.keys() == {f"closeness_{name.replace('-', '_')}" for name in with_numbers}


LONG = by_construction(
    "T3", "A statement of so many words that they do not stand in one line", True, "and its reason, which is as long"
)


def test_every_line_of_the_terminal():
    """Paragraphs are folded beside their heads: 50 letters of 90, and 40 where there are not so many."""
    made = report(LONG, BREAKS)
    out = StringIO()
    made.show(Console(file=out, width=90, no_color=True), where=Path("made-up.md"))
    assert out.getvalue().splitlines() == [
        "Made up",
        "",
        "Table 1",
        "case    quantity    published  computed  deviation (%)",
        "Case 1  cost (EUR)      100.0     101.0          +1.00",
        "Case 1  fuel | oil                  0.0",
        "",
        "A long table",
        "1 numbers, in made-up-long.csv and made-up.md",
        "",
        "Table 2",
        "case    quantity      published  computed  deviation (%)  at rest",
        "Case 2  profit (EUR)       10.0      20.0        +100.00     15.0",
        "Case 3  profit (EUR)       10.0      11.0         +10.00     none",
        "Case 3 has none.",
        "",
        "Table 2 again",
        "case    quantity      published  computed  deviation (%)",
        "Case 2  profit (EUR)       10.0      20.0        +100.00",
        "",
        "How near: published numbers met",
        "table    numbers  within 1 %  within 5 %  within 20 %",
        "Table 1        1   1 (100 %)   1 (100 %)    1 (100 %)",
        "Table 2        2     0 (0 %)     0 (0 %)     1 (50 %)",
        "all            3    1 (33 %)    1 (33 %)     2 (67 %)",
        "",
        "Constants that are not published",
        "constant  origin  value   numbers",
        "level     fitted  3.5           1",
        "shape     chosen  1 to 2       23",
        "",
        "Statements",
        "  T3  by construction: holds            A statement of so many words that they do not",
        "                                        stand in one line",
        "                                        and its reason, which is as long",
        "  T2  by construction: fails (!)        It does not",
        "                                        1 != 2",
        "",
        "Errors of the paper",
        "  E1  printed                           printed",
        "      found                             finding",
        "",
        "report in made-up.md",
        made.summary,
    ]
    narrow = StringIO()
    made.show(Console(file=narrow, width=60, no_color=True, soft_wrap=True))
    lines = narrow.getvalue().splitlines()
    assert "  T3  by construction: holds            A statement of so many words that they" in lines
    assert not any(line.startswith("report in") for line in lines)


def test_the_head_of_the_markdown():
    text = report(HOLDS).markdown()
    assert text.startswith("# Made up\n\nAn introduction.\n\n## Table 1\n\n| case | quantity | published | computed |")
    assert "\n## How near\n\nPublished numbers met; zeros have no relative deviation and do not count.\n\n" in text
    assert "\n| table | numbers | within 1 % | within 5 % | within 20 % |\n" in text
    assert "\n## Figures\n\n![A caption](figures/a.png)\n\n*A caption*\n\n" in text
    bare = replace(report(HOLDS), errors=(), figures=()).markdown()
    assert "## Errors of the paper" not in bare
    assert "## Figures" not in bare
    assert bare.endswith(f"\n\n{replace(report(HOLDS), errors=()).summary}\n")
