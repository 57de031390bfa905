"""How the tables of the reproductions show their numbers, and what `reproduce` and a variation hand on."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sim.reproduce.aggregator import study as aggregator
from sim.reproduce.disco_cvar import published as cvar_data
from sim.reproduce.disco_cvar import study as cvar
from sim.reproduce.disco_cvar import variations as cvar_variations
from sim.reproduce.disco_dr import study as nine
from sim.reproduce.disco_dr import variations as nine_variations
from sim.reproduce.epec_lots import variations as epec_variations
from sim.reproduce.two_settlement import study as two
from sim.reproduce.two_settlement import variations as two_variations
from tests.sim.papers import cvar_results, dr_results
from tests.sim.test_two_settlement_claims import made

Look = tuple[Any, ...]


def look(table: Any) -> Look:
    """Digits (by quantity where they differ), whether it is shown and counted, and its columns beyond the usual."""
    by_quantity = {row.quantity: row.digits for row in table.rows}
    assert all(by_quantity[row.quantity] == row.digits for row in table.rows)
    digits = set(by_quantity.values())
    shown = digits.pop() if len(digits) == 1 else by_quantity
    return table.name, len(table.rows), shown, table.in_terminal, table.counted, table.equilibrium_name


def test_tables_of_the_risk_based_paper() -> None:
    results = cvar_results()
    beside = cvar_data.EQUILIBRIUM_NAME
    made_of = (
        cvar._profits,
        cvar._other_reading,
        cvar._accounts,
        cvar._losses,
        cvar._weights,
        cvar._prices,
        cvar._ahead,
    )
    assert [look(make(results)) for make in made_of] == [
        ("table-6", 8, 2, True, True, beside),
        ("table-6-income", 4, 2, True, False, ""),
        ("table-7", 20, 2, True, True, beside),
        ("table-8", 48, 2, False, True, beside),
        ("table-9", 13, 2, True, True, beside),
        ("fig-8", 7, 3, True, True, beside),
        ("here-and-now", 16, 2, True, True, ""),
    ]


def test_losses_stand_at_the_hours_of_the_paper() -> None:
    rows = cvar._losses(cvar_results()).rows
    hours = [f"hour {hour}, beta = {beta}" for beta in cvar_data.TABLE_8 for hour in range(1, 25)]
    assert [row.row for row in rows] == hours


def test_times_stand_beside_those_of_the_paper() -> None:
    results: Any = cvar_results()
    results.programs["tou"].clearing.seconds = 1.25
    table = cvar._times(results)
    assert look(table) == ("times", 7, 1, False, False, "")
    assert [(row.row, row.quantity, row.published, row.computed) for row in table.rows] == [
        (f"beta = {beta:g}", "time (s)", line.seconds, 1.25) for beta, line in cvar_data.TABLE_9.items()
    ]


def test_tables_of_nine_programs() -> None:
    results = dr_results()
    beside = nine.EQUILIBRIUM_NAME
    assert [look(nine._profits(results, attitude)) for attitude in ("averse", "neutral", "seeker")] == [
        ("table-5-averse", 36, 2, False, True, beside),
        ("table-5-neutral", 36, 2, True, True, beside),
        ("table-5-seeker", 36, 2, False, True, beside),
    ]
    customers = {"load (MWh)": 3, "income (USD)": 2}
    made_of = (nine._customers, nine._components, nine._accounts, nine._sensitivity_table)
    assert [look(make(results)) for make in made_of] == [
        ("table-6", 18, customers, True, True, ""),
        ("tables-7-to-9", 72, 3, False, True, beside),
        ("table-11", 18, 2, True, True, beside),
        ("table-12", 44, 2, False, True, beside),
    ]


def test_tables_of_two_settlements() -> None:
    assert [look(table) for table in two.make_report(made()).tables] == [
        ("table-3", 15, 2, True, True, ""),
        ("table-6", 12, 2, True, True, ""),
        ("table-8", 2, 2, True, True, ""),
        ("front", 13, 2, True, False, ""),
        ("hours", 24, 2, False, False, ""),
    ]
    more = two._more(made())
    assert more.title == "Table 8: more scenarios of each source (15 for 10; here 8 for 2 joint ones)"


@pytest.mark.parametrize("study", [aggregator, cvar, nine, two])
def test_a_reproduction_reports_and_draws_what_its_solver_computed(
    study: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(study, "compute", lambda solver: ("computed", solver))
    monkeypatch.setattr(study, "draw", lambda results, folder: ("drawn", results, folder))
    monkeypatch.setattr(study, "make_report", lambda results, figures: (results, figures))
    computed = ("computed", "gurobi")
    assert study.reproduce(tmp_path, "gurobi") == (computed, ("drawn", computed, tmp_path))
    assert study.reproduce(tmp_path)[0] == ("computed", "auto")


@pytest.mark.parametrize(
    ("module", "varied", "wanted"),
    [
        (cvar_variations, {"seed": 3}, (("highs",), {"seed": 3})),
        (nine_variations, {"seed": 3}, (("highs",), {"seed": 3})),
        (epec_variations, "change", (("highs", "change"), {})),
        (two_variations, "study", (("highs", "study"), {"cascades": False, "points": 3})),
    ],
)
def test_a_variation_is_judged_on_what_it_computes(
    module: ModuleType, varied: Any, wanted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "compute", lambda *given, **options: (given, options))
    monkeypatch.setattr(module, "statements", lambda results: ("judged", results))
    assert module._varied(varied, "highs") == ("judged", wanted)
