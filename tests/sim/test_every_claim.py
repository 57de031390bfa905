"""Every statement on the DISCO papers turns over when a number that it rests on is wrong, and no other number does it.

The statements are judged on the numbers that the papers print (:mod:`tests.sim.papers`), on which the claims hold; then
each number is made wrong. What each statement must watch is listed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from sim.reproduce.disco_cvar import published as cvar
from sim.reproduce.disco_cvar import statements as cvar_statements
from sim.reproduce.disco_cvar import study as cvar_study
from sim.reproduce.disco_dr import published as dr
from sim.reproduce.disco_dr import statements as dr_statements
from sim.reproduce.disco_dr import study as dr_study
from sim.reproduce.epec_lots import published as epec
from sim.reproduce.epec_lots import statements as epec_statements
from sim.reproduce.verdicts import Kind
from tests.sim.papers import cvar_results, dr_results
from tests.sim.turned import Path, numbers, put, turned

ACCOUNTS = {"load_income", "lot_charging_income", "emission_reward", "v2g_payment", "upstream_cost", "response_cost"}
PROOF = {"primal", "dual", "complementarity", "gap"}
NOT_TOLD = ("equilibrium", "lot_profit", "lot_maximum", "renewable_mwh")


def below(start: Path, names: Iterable[Any]) -> set[Path]:
    return {(*start, name) for name in names}


def of_clearings(group: str, keys: Iterable[Any], *, proof: bool) -> set[Path]:
    """Paths of the residuals, or of the accounts and the profit, of some runs."""
    found: set[Path] = set()
    for key in keys:
        start = (group, key, "clearing")
        scenario = (*start, "scenarios", 0)
        accounts = below((*scenario, "accounts"), ACCOUNTS) | {(*scenario, "company_profit")}
        found |= below((*start, "certificate"), PROOF) if proof else accounts
    return found


def totals_of(name: str, attitude: str, field: str, *more: str) -> Path:
    return ("programs", name, "by_attitude", attitude, field, *more)


def at_weights(group: str, keys: Iterable[Any], weights: Iterable[float] = (0.0, 1.0)) -> set[Path]:
    return {(group, key, "by_beta", weight) for key in keys for weight in weights}


def test_the_claims_of_the_risk_based_paper_hold_on_its_own_numbers() -> None:
    assert [s.key for s in cvar_statements.statements(cvar_results()) if not s.holds] == []


def test_the_statements_on_the_risk_based_paper_watch_what_they_speak_of() -> None:
    found = turned(cvar_statements.statements, cvar_results(), NOT_TOLD)
    both, tou = ("neutral", "averse"), ("programs", "tou")
    outcomes = {(*tou, "day", "scenarios", k, name) for k in (0, 1) for name in ("probability", "renewable_kw")}
    ahead = {("ahead", b, "clearing", n) for b in cvar.TABLE_9 for n in ("expected_profit", "cvar", "objective")}
    assert found.pop("N6 first") == found["N6"]
    assert found == {
        **{key: set() for key in ("N1", "N2", "N3")},  # on printed numbers alone, below
        "N4": of_clearings("programs", cvar.PROGRAMS, proof=False),
        "N5": of_clearings("programs", cvar.PROGRAMS, proof=True)
        | of_clearings("prices", cvar.PRICE_FACTORS, proof=True),
        "N6": {totals_of("tou", a, n) for a in both for n in ("charge_mwh", "discharge_mwh")}
        | {(*tou, "day", "scenarios", 0, "vehicles", 0, "count")},
        "D1": outcomes | {(*tou, "day", "length_h")},
        "N7": at_weights("programs", ["tou"], cvar.TABLE_9),
        "O2": at_weights("programs", cvar.PROGRAMS),
        "N8": ahead | at_weights("ahead", [None], cvar.TABLE_9),
        "O3": at_weights("prices", cvar.PRICE_FACTORS, [0.0])
        | {("prices", 1.0, "by_attitude", "neutral", "accounts", "upstream_cost")},
        "O1": at_weights("programs", cvar.PROGRAMS),
        "C1": {totals_of("tou", a, n) for a in both for n in ("charge_kw", "discharge_kw")},
        "C2": {totals_of("tou", "neutral", "discharge_kw")},
        "C3": {totals_of("tou", a, n) for a in both for n in ("discharge_mwh", "loss_mwh")},
        "C4": {totals_of("tou", "neutral", "loss_kw")},
    }


def case_4(field: str, *more: str, programs: Iterable[str] = dr.PROGRAMS) -> set[Path]:
    return {("stochastic", (p, 4), "by_attitude", "averse", field, *more) for p in programs}


def profits(programs: Iterable[str], attitudes: Iterable[str], cases: Iterable[int] = dr.CASES) -> set[Path]:
    return {
        ("forecast" if a == "seeker" else "stochastic", (p, c), "by_attitude", a, "profit")
        for p in programs
        for a in attitudes
        for c in cases
    }


def rows(names: Iterable[str]) -> set[Path]:
    return {("sensitivity", name, "by_attitude", "averse", "profit") for name in names}


def test_the_claims_of_the_paper_with_nine_programs_hold_on_its_own_numbers() -> None:
    """But for what its own tables refute: E5, and that vehicles keep the same energy."""
    statements = dr_statements.statements(dr_results())
    assert [s.key for s in statements if not s.holds] == ["N5", "O2"]


@pytest.fixture(scope="module")
def watched() -> dict[str, set[Path]]:
    clearings = {"N3": dr_statements._accounts, "N4": dr_statements._residuals}
    found = turned(dr_statements.statements, dr_results(), (*NOT_TOLD, "clearing", "day", "loss_mwh"))
    for judge in clearings.values():
        found |= turned(
            lambda r, judge=judge: [judge(r)], dr_results(), (*NOT_TOLD, "by_attitude", "day", "sensitivity")
        )
    return found


def test_the_statements_on_nine_programs_watch_what_they_speak_of(watched: dict[str, set[Path]]) -> None:
    every = [(p, c) for p in dr.PROGRAMS for c in dr.CASES]
    groups = ("stochastic", "forecast")
    expected = {
        **{key: set() for key in ("N2", "C9")},  # on printed numbers alone, below
        **{key: set() for key in ("N5", "O2")},  # do not hold here; see test_every_statement.py
        "N1": {("stochastic", (p, 1), "by_attitude", "neutral", "load_mwh") for p in dr.PROGRAMS}
        | {("stochastic", (p, 1), "by_attitude", "neutral", "accounts", "load_income") for p in dr.PROGRAMS},
        "N3": set().union(*(of_clearings(group, every, proof=False) for group in groups)),
        "N4": set().union(*(of_clearings(group, every, proof=True) for group in groups)),
        "O1": profits(dr.PROGRAMS, dr.ATTITUDES),
        "O2b": profits(dr.PROGRAMS, ["neutral", "seeker"]),
        "O3": profits(dr.PROGRAMS, dr.ATTITUDES),
        "O4": profits(dr.PROGRAMS, dr.ATTITUDES, [2, 3]),
        "O5": profits(["rtp"], dr.ATTITUDES) | profits(["flat"], dr.ATTITUDES, [1, 3]),
        "O6": profits(dr.PROGRAMS, dr.ATTITUDES),
        "O7": profits([*dr.FLAT_TARIFFS, *dr.TOU_TARIFFS], ["averse", "neutral"], [1, 3]),
        "C1": case_4("charge_kw") | case_4("discharge_kw"),
        "C2": case_4("discharge_kw", programs=["cap"]),
        "C3": case_4("discharge_mwh", programs=["rtp"]),
        "C4": case_4("accounts", "lot_charging_income"),
        "C5": case_4("accounts", "upstream_cost"),
        "C6": case_4("accounts", "emission_reward"),
        "C7": case_4("import_mwh") | case_4("load_mwh") | case_4("charge_mwh"),
        "C8": case_4("import_mwh", programs=["flat", "tou+cap"]),
        "C10": case_4("profit", programs=["flat", "cpp"]),
        "C11": rows(["1", "3", "4", "5", "8", "9", "10"]),
        "C11b": rows(["9", "10"]),
        "C12": rows(["base", "1", "3", "5", "7"]),
    }
    first = {f"{key} first": expected[key] for key in ("N1", "O4", "C11")}  # what was stated first rests on the same
    expected |= first
    assert watched.keys() == expected.keys()
    for key, places in expected.items():
        if key == "C1":  # nothing is discharged under RTP
            places = places - case_4("discharge_kw", programs=["rtp"])
        assert watched[key] == places, key


# Statements on the numbers that a paper prints, and on nothing else

PRINTED: dict[str, tuple[Any, Any, dict[str, set[str]]]] = {
    "disco-cvar": (
        cvar,
        cvar_statements._paper_arithmetic,
        {"N1": {"TABLE_7"}, "N2": {"TABLE_7"}, "N3": {"TABLE_9"}},
    ),
    "disco-dr": (dr, lambda: (dr_statements._paper_arithmetic(),), {"N2": {"TABLE_11"}}),
    "epec-lots": (epec, lambda: (epec_statements._n2(),), {"N2": {"TABLES_5_AND_7"}}),
}


def moved(value: float) -> Iterator[float]:
    yield from (1.05 * value + 0.1, 0.95 * value - 0.1)


@pytest.mark.parametrize("study", PRINTED)
def test_arithmetic_watches_the_printed_numbers(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, judge, wanted = PRINTED[study]
    tables = {name: value for name, value in vars(module).items() if name.startswith("TABLE")}
    before = {s.key: s for s in judge()}
    assert before.keys() == wanted.keys()
    assert all(s.verdict == "arithmetic: holds" and s.must_hold for s in before.values())
    found: dict[str, set[Path]] = {key: set() for key in before}
    for path, value in numbers(tables):
        for other in moved(value):
            monkeypatch.setattr(module, path[0], put(tables[path[0]], path[1:], other))
            for statement in judge():
                if not statement.holds:
                    found[statement.key].add(path)
        monkeypatch.setattr(module, path[0], tables[path[0]])
    assert {key: {path[0] for path in paths} for key, paths in found.items()} == wanted
    if study == "disco-cvar":
        money, energies = range(6), range(6, 10)
        assert found["N1"] == {("TABLE_7", beta, k) for beta in (0, 1) for k in money}
        assert found["N2"] == {("TABLE_7", beta, k) for beta in (0, 1) for k in energies}
        assert found["N3"] == {("TABLE_9", beta, 0) for beta in cvar.TABLE_9 if beta != 0.5}
    elif study == "disco-dr":
        assert found["N2"] == {("TABLE_11", a, k) for a in dr.ATTITUDES for k in range(6)}
    else:
        assert found["N2"] == {("TABLES_5_AND_7", "33", case, 2) for case in epec.CASES}


@pytest.mark.parametrize(("program", "number"), [("flat", 0), ("flat", 1), ("cpp", 0), ("cpp", 1)])
def test_income_for_less_energy_is_arithmetic_of_table_6(
    program: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged() -> Any:
        return {s.key: s for s in dr_statements.statements(dr_results())}["C9"]

    assert judged().verdict == "arithmetic: holds"
    monkeypatch.setattr(dr, "TABLE_6", put(dr.TABLE_6, (program, number), 1.001 * dr.TABLE_6[program][number]))
    assert not judged().holds


def test_the_wrong_wording_of_the_paper_is_an_erratum_until_its_numbers_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    found = epec_statements._n3()
    assert (found.kind, found.holds, found.must_hold) == (Kind.ERRATUM, False, False)
    table = epec.TABLES_5_AND_7
    for case, rise in ((2, 1.52), (3, 1.63)):
        assert not epec_statements._n3().holds
        monkeypatch.setattr(epec, "TABLES_5_AND_7", table := put(table, ("85", case, 2), rise * 9.6))
    assert epec_statements._n3().verdict == "arithmetic: holds"


# Tables: every row shows the number that it names, ours and that of the equilibrium


def shown(table: Any) -> dict[tuple[str, str], tuple[float | None, float, float | None]]:
    found = {(row.row, row.quantity): (row.published, row.computed, row.equilibrium) for row in table.rows}
    assert len(found) == len(table.rows)
    return found


def check(table: Any, size: int) -> None:
    """The paper's own numbers come out as published, and twice as much beside them."""
    for (row, quantity), (published, computed, other) in shown(table).items():
        assert published is not None
        assert computed == pytest.approx(published, rel=1e-5), (row, quantity)
        assert other == pytest.approx(2.0 * published, rel=1e-5), (row, quantity)
    assert len(table.rows) == size


def test_the_tables_of_the_risk_based_paper_show_what_they_are_told() -> None:
    results = cvar_results()
    check(cvar_study._profits(results), 8)
    check(cvar_study._accounts(results), 20)
    check(cvar_study._losses(results), 48)
    weights = shown(cvar_study._weights(results))
    for beta, row in cvar.TABLE_9.items():
        objective = (1.0 - beta) * cvar.TABLE_6["tou"][0] + beta * cvar.TABLE_6["tou"][1]
        line = weights[f"beta = {beta:g}", "weighted objective (USD)"]
        assert line == (row.profit, pytest.approx(objective), pytest.approx(2.0 * objective))
        if beta > 0.0:
            tail = cvar.TABLE_6["tou"][1]
            assert weights[f"beta = {beta:g}", "CVaR (USD)"] == (row.cvar, tail, 2.0 * tail)
    assert len(weights) == 13
    prices = shown(cvar_study._prices(results))
    assert prices["price x 0.85", "profit over base"] == (1.51, pytest.approx(1.51), pytest.approx(1.51))
    other = shown(cvar_study._other_reading(results))
    for program, change in (("cap", 400.0), ("tou+cap", 300.0)):
        for beta in (0, 1):
            published = cvar.TABLE_6[program][beta]
            line = other[f"{cvar.PROGRAMS[program]}, beta = {beta}", "profit (USD)"]
            assert line == (published, pytest.approx(published + change), None)
    ahead = shown(cvar_study._ahead(results))
    assert ahead["recourse", "expected profit (USD)"] == (None, 310.0, None)
    assert ahead["here-and-now, beta = 0.3", "CVaR (USD)"] == (None, pytest.approx(253.0), None)


def test_the_tables_of_nine_programs_show_what_they_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    results = dr_results()
    for attitude in dr.ATTITUDES:
        check(dr_study._profits(results, attitude), 36)
    customers = shown(dr_study._customers(results))
    for program, (load, income) in dr.TABLE_6.items():
        assert customers[dr.PROGRAMS[program], "load (MWh)"] == (load, load, None)
        assert customers[dr.PROGRAMS[program], "income (USD)"] == (income, income, None)
    check(dr_study._accounts(results), 18)
    check(dr_study._sensitivity_table(results), 44)
    components = dr_study._components(results)
    for row in components.rows:
        if row.quantity != "CO2 avoided (kg)":
            assert (row.computed, row.equilibrium) == (row.published, 2.0 * (row.published or 0.0)), row
    avoided = {row.row: row for row in components.rows if row.quantity == "CO2 avoided (kg)"}
    for program, line in dr.TABLES_7_TO_9.items():
        found = avoided[dr.PROGRAMS[program]]
        assert found.computed == pytest.approx(line.emission_kg)
        # twice what is bought in the dirty hours
        assert found.equilibrium == pytest.approx(2.0 * line.emission_kg - dr.EMISSION_KG_PER_MWH * 12.0)
    monkeypatch.setattr(dr_study, "weights", lambda _clearing, attitude: attitude)
    monkeypatch.setattr(
        dr_study,
        "shares_mwh",
        lambda _day, clearing, _weight: dict(zip(dr.SHARES.values(), dr.TABLE_10[clearing.name], strict=True)),
    )
    shares = shown(dr_study._shares(results))
    assert [published for published, _, _ in shares.values()] == [v for row in dr.TABLE_10.values() for v in row]
    assert all(computed == published == other for published, computed, other in shares.values())
    assert np.size(list(dr.TABLE_10.values())) == len(shares)


def test_equal_profits_are_no_less() -> None:
    equal = {(p, a): np.full(4, 7.0) for p in dr.PROGRAMS for a in dr.ATTITUDES}
    for judge in (dr_statements._seeker, dr_statements._o2):
        assert judge(equal).holds
    less = {**equal, ("flat", "seeker"): np.array([7.0, 7.0, 7.0, 6.999])}
    assert not dr_statements._seeker(less).holds
    assert not dr_statements._o2({**equal, ("flat", "neutral"): np.array([7.0, 6.999, 7.0, 7.0])}).holds
