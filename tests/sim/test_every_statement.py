"""Every statement of a reproduction turns over when a number that it rests on is wrong.

For each statement the inputs that turn it over are found by trying: each number of the results is made smaller, larger,
or turned around in time, one at a time. What a statement must watch is listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InfeasibleError
from sim.reproduce.disco.totals import Markets, cleared, modes_table
from sim.reproduce.disco_dr import published as dr
from sim.reproduce.disco_dr import statements as dr_statements
from sim.reproduce.epec_lots import published as data
from sim.reproduce.epec_lots.compute import CaseResult, Results
from sim.reproduce.epec_lots.statements import statements
from sim.reproduce.epec_lots.study import make_report
from sim.reproduce.verdicts import Statement

MONEY, TRADE = ("network_cost", "fuel_cost"), ("import_kw", "export_kw")
FIELDS = (*MONEY, *TRADE, "microturbine_kw", "lot_kw", "lot_profit", "voltage_pu")
POINTS = (*MONEY, "import_mwh", "export_mwh")
Input = tuple[Any, ...]


def wrong(value: Any, name: str) -> Iterator[Any]:
    """Wrong values for a number or an array: smaller, larger, turned around in time or in order, nothing at night."""
    if isinstance(value, float):
        yield from (0.5 * value, 2.0 * value, value + 1000.0, value - 1000.0)
        return
    if name == "voltage_pu":
        yield from (value - 0.02, value + 0.02)
        for first, last in ((9, 16), (21, 33), (27, 54), (55, 75)):
            for change in (-0.1, 0.1):
                part = value.copy()
                part[:, first:last] += change
                yield part
        return
    yield from (0.2 * value, 3.0 * value, value + 300.0, value[::-1].copy())
    if value.ndim == 2:
        yield value[:, ::-1].copy()
        idle = value.copy()
        idle[:6] = 0.0
        yield idle


def altered(results: Results) -> Iterator[tuple[Input, Results]]:
    for key, run in results.cases.items():
        for name in FIELDS:
            for value in wrong(getattr(run.clearing, name), name):
                other = replace(run, clearing=replace(run.clearing, **{name: value}))
                yield (*key, name), replace(results, cases={**results.cases, key: other})
        slow: CaseResult = replace(run, seconds=25.0)
        yield (*key, "seconds"), replace(results, cases={**results.cases, key: slow})
    for key, points in results.sweeps.items():
        for k, point in enumerate(points):
            for name in POINTS:
                for value in (0.0, getattr(point, name) + 9999.0, getattr(point, name) * 0.3 - 1.0):
                    turned = (*points[:k], replace(point, **{name: value}), *points[k + 1 :])
                    yield (*key, k, name), replace(results, sweeps={**results.sweeps, key: turned})


@pytest.fixture(scope="module")
def watched(results: Results) -> dict[tuple[str, str], set[Input]]:
    """The inputs that turn each statement over, by its key and text."""
    before = [statement.holds for statement in statements(results)]
    found: dict[tuple[str, str], set[Input]] = {(s.key, s.text): set() for s in statements(results)}
    for place, other in altered(results):
        for was, statement in zip(before, statements(other), strict=True):
            if statement.holds != was:
                found[statement.key, statement.text].add(place)
    return found


EVERY = [(feeder, band, case) for feeder in data.FEEDERS for band in data.BANDS for case in data.CASES]
BASE = data.BASE_BAND


def of_cases(name: str, *, feeder: str = "", cases: tuple[int, ...] = data.CASES, base: bool = False) -> set[Input]:
    return {
        (f, band, case, name)
        for f, band, case in EVERY
        if (not feeder or f == feeder) and case in cases and (not base or band == BASE)
    }


def of_sweep(results: Results, feeder: str, sweep: str, name: str) -> set[Input]:
    return {(feeder, sweep, k, name) for k in range(len(results.sweeps[feeder, sweep]))}


def test_what_must_hold_watches_every_case(results: Results, watched: dict[tuple[str, str], set[Input]]) -> None:
    by_key = {key: places for (key, _), places in watched.items() if key in ("N1", "N4", "O1", "O2", "O3", "S0", "S0s")}
    assert by_key["N1"] == of_cases("lot_kw")
    assert by_key["N4"] >= of_cases("lot_profit") | of_cases("fuel_cost") | of_cases("microturbine_kw")
    assert by_key["O1"] == of_cases("network_cost")
    for key, sweep in (("O2", "renewable"), ("O3", "demand")):
        both = of_sweep(results, "33", sweep, "network_cost") | of_sweep(results, "85", sweep, "network_cost")
        assert by_key[key] == both
    listed = {(*place, name) for place in EVERY for name in (*MONEY, *TRADE)}
    assert by_key["S0"] == {place for place in listed if place[2] in data.S0.get(place[:2], {})}
    sweeps = of_sweep(results, "33", "renewable", "network_cost") | of_sweep(results, "33", "demand", "network_cost")
    assert by_key["S0s"] >= sweeps
    assert any(place[-1] == "export_mwh" for place in by_key["S0s"])


@pytest.mark.parametrize("feeder", list(data.FEEDERS))
def test_what_is_observed_watches_what_it_speaks_of(
    feeder: str, results: Results, watched: dict[tuple[str, str], set[Input]]
) -> None:
    label = data.FEEDERS[feeder]
    own = {text.removeprefix(label): (key, places) for (key, text), places in watched.items() if text.startswith(label)}

    def watches(part: str, wanted: set[Input], key: str) -> None:
        (found,) = [(k, places) for text, (k, places) in own.items() if part in text]
        assert found[0] == key
        assert found[1] >= wanted, part
        assert {place[-1] for place in found[1]} == {place[-1] for place in wanted}, part

    watches("network cost of case 2 is below", of_cases("network_cost", feeder=feeder, cases=(2, 3), base=True), "O4")
    watches("burns no more fuel", of_cases("fuel_cost", feeder=feeder, cases=(1, 3), base=True), "O4")
    watches("imports rise from case 1", of_cases("import_kw", feeder=feeder, base=True), "O4")
    for sweep in ("renewable", "demand"):
        for quantity, name in (("imports", "import_mwh"), ("fuel costs", "fuel_cost"), ("exports", "export_mwh")):
            (text,) = [t for t in own if quantity in t and f"{sweep} factor" in t]
            assert own[text][1] <= of_sweep(results, feeder, sweep, name)
            assert own[text][1], text
    for case in (1, 3):
        turbines = {(feeder, BASE, case, "microturbine_kw")}
        watches(f", case {case}: the 40", turbines, "O6")
        watches(f", case {case}: microturbines are off", turbines, "O7")
    watches("peaks at 14:00", of_cases("lot_kw", feeder=feeder, cases=(1, 2), base=True), "S1")
    watches("toward midday", of_cases("lot_kw", feeder=feeder, cases=(1, 3), base=True), "S1")
    watches("charging at night", of_cases("lot_kw", feeder=feeder, base=True), "S1")
    for text, (key, places) in own.items():
        if key in ("S2", "S3"):
            cases = {place[2] for place in places}
            assert {place[-1] for place in places} == {"voltage_pu"}, text
            assert {place[:2] for place in places} == {(feeder, BASE)}, text
            assert cases <= {1, 2, 3} if "best voltage" in text else cases == {2, 3}, text
            assert 1 in cases or "best voltage" not in text, text


def test_no_statement_is_true_or_false_whatever_comes_out(watched: dict[tuple[str, str], set[Input]]) -> None:
    """But for arithmetic of printed numbers, see test_every_claim.py."""
    assert {key for (key, _), places in watched.items() if not places} == {"N2", "N3"}


def test_the_regressions_say_over_how_many_values(results: Results) -> None:
    said = {statement.key: statement.reason for statement in statements(results)}
    values = 4 * sum(len(cases) for cases in data.S0.values())
    assert f"{values} values;" in said["S0"]
    assert f"{len(data.RENEWABLE_FACTORS) + len(data.DEMAND_FACTORS) + len(data.EXPORTS)} values;" in said["S0s"]


def test_the_regressions_say_how_much_of_its_tolerance_the_farthest_value_uses(results: Results) -> None:
    """A value at 0.62 of its tolerance, farther than all others, is named with its percentage and both numbers."""
    (key, cases), *_ = data.S0.items()
    case, reference = next(iter(cases.items()))
    allowed = max(data.S0_TOLERANCE * abs(reference.network_cost), data.S0_ROUNDING["network_cost"])

    def said(share: float) -> tuple[bool, str]:
        run = results.cases[(*key, case)]
        clearing = replace(run.clearing, network_cost=reference.network_cost + share * allowed)
        other = replace(results, cases={**results.cases, (*key, case): replace(run, clearing=clearing)})
        statement = next(each for each in statements(other) if each.key == "S0")
        return statement.holds, statement.reason

    fits, told = said(0.9962)
    value = f"{reference.network_cost + 0.9962 * allowed:.4g}, reference {reference.network_cost:g}"
    place = f"network_cost of {data.FEEDERS[key[0]]} {key[1]} case {case}"
    assert (fits, told.partition("farthest ")[2]) == (True, f"uses 100 % of its tolerance ({place}: {value})")
    fits, told = said(-2.516)
    assert not fits
    assert "farthest uses 252 % of its tolerance (" in told


def test_turbines_that_run_in_case_2_are_seen_although_their_fuel_fits(results: Results) -> None:
    """One hour of 1 MW at 50 EUR/MWh lies between the two fuel costs, and case 2 has no turbines."""
    for feeder, band, case in EVERY:
        run = results.cases[feeder, band, case]
        power = np.zeros((24, 2))
        power[0, 0] = 1000.0
        clearing = replace(run.clearing, fuel_cost=50.0, microturbine_kw=power)
        cases = {**results.cases, (feeder, band, case): replace(run, clearing=clearing)}
        (found,) = [s for s in statements(replace(results, cases=cases)) if s.key == "N4"]
        assert found.holds == (case != 2)


def test_slow_cases_and_exports_are_seen(watched: dict[tuple[str, str], set[Input]]) -> None:
    (slow,) = [places for (key, _), places in watched.items() if key == "T1"]
    assert slow == of_cases("seconds", base=True)
    (grown,) = [places for (key, _), places in watched.items() if key == "T1b"]
    assert grown == of_cases("seconds", feeder="85", base=True)
    exports = {text: places for (key, text), places in watched.items() if key == "O5" and "factor" not in text}
    none, some = exports["33-bus: no exports in the base cases"], exports["85-bus: exports at 2:00 in cases 1 and 2"]
    assert none == of_cases("export_kw", feeder="33", base=True)
    assert some == of_cases("export_kw", feeder="85", cases=(1, 2), base=True)


# Nine programs: the statements on profits, on the paper's own Table 5


def paper() -> dict[tuple[str, str], np.ndarray]:
    return {(p, a): np.array(dr.TABLE_5[p][a], dtype=float) for p in dr.PROGRAMS for a in dr.ATTITUDES}


ON_PROFITS: dict[str, Callable[[Any], Statement]] = {
    "O1": dr_statements._o1,
    "O2": dr_statements._o2,
    "O2b": dr_statements._seeker,
    "O3": dr_statements._o3,
    "O4": dr_statements._o4,
    "O5": dr_statements._o5,
    "O6": dr_statements._o6,
    "O7": dr_statements._o7,
}


def graded() -> dict[tuple[str, str], np.ndarray]:
    """As :func:`paper`, with averse below neutral below seeker everywhere."""
    step = {"averse": -50.0, "neutral": 0.0, "seeker": 50.0}
    return {(p, a): np.array(dr.TABLE_5[p]["neutral"], dtype=float) + step[a] for p, a in paper()}


def turned_by(
    judge: Callable[[Any], Statement], start: Callable[[], dict[tuple[str, str], np.ndarray]] = paper
) -> set[tuple[str, str, int]]:
    before, found = judge(start()).holds, set()
    for (program, attitude), row in start().items():
        for case in range(4):
            for value in (row[case] - 5000.0, row[case] - 100.0, row[case] + 100.0, row[case] + 5000.0):
                profit = start()
                profit[program, attitude][case] = value
                if judge(profit).holds != before:
                    found.add((program, attitude, case))
    return found


CELLS = {(p, a, c) for p in dr.PROGRAMS for a in dr.ATTITUDES for c in range(4)}


def test_the_order_of_the_cases_watches_all_profits() -> None:
    assert dr_statements._o1(paper()).holds
    assert turned_by(ON_PROFITS["O1"]) == CELLS
    second = paper()
    second["flat", "neutral"][[1, 3]] = second["flat", "neutral"][[3, 1]]  # case 2 on top, and case 4 not the worst
    assert not dr_statements._o1(second).holds


def test_statements_on_attitudes_and_programs_watch_the_profits_that_they_speak_of() -> None:
    assert turned_by(ON_PROFITS["O2"], graded) == {cell for cell in CELLS if cell[1] != "seeker"}
    assert turned_by(ON_PROFITS["O2b"], graded) == {cell for cell in CELLS if cell[1] != "averse"}
    best = turned_by(ON_PROFITS["O3"])
    assert {cell[1:] for cell in best} == {(a, c) for a in dr.ATTITUDES for c in range(4)}
    assert best == CELLS  # a profit that is three times as large would be the best one
    flat = turned_by(ON_PROFITS["O4"])
    assert {cell[2] for cell in flat} == {1, 2}
    assert {cell[0] for cell in flat} == set(dr.PROGRAMS)
    rtp = turned_by(ON_PROFITS["O5"])
    assert rtp >= {("rtp", a, c) for a in dr.ATTITUDES for c in range(4)}
    assert {cell[0] for cell in rtp} <= {"rtp", "flat"}
    assert turned_by(ON_PROFITS["O6"]) == CELLS
    family = {*dr.FLAT_TARIFFS, *dr.TOU_TARIFFS}
    assert turned_by(ON_PROFITS["O7"]) == {(p, a, c) for p in family for a in ("averse", "neutral") for c in (0, 2)}


def kept(charge: dict[str, float]) -> Any:
    """Results in which every program keeps 0.9 times the charged energy, MWh."""

    def totals(program: str, _case: int, _attitude: str) -> Any:
        return SimpleNamespace(charge_mwh=charge.get(program, 5.0), discharge_mwh=0.0)

    return SimpleNamespace(totals=totals)


def test_the_energy_that_vehicles_keep_is_the_same_to_rounding() -> None:
    assert dr_statements._vehicle_energy(kept({})).holds
    for program in dr.PROGRAMS:
        for factor in (1.0 + 1e-5, 1.0 - 1e-5, 1.3):
            assert not dr_statements._vehicle_energy(kept({program: 5.0 * factor})).holds, program
        assert dr_statements._vehicle_energy(kept({program: 5.0 * (1.0 + 1e-8)})).holds


def table_6(**changed: tuple[float, float]) -> Any:
    def totals(program: str, _case: int, _attitude: str) -> Any:
        load, income = changed.get(program.replace("+", "_"), dr.TABLE_6[program])
        return SimpleNamespace(load_mwh=load, accounts={"load_income": income})

    return SimpleNamespace(totals=totals)


def test_each_number_of_table_6_is_watched() -> None:
    assert dr_statements._table_6(table_6()).holds
    for program, (load, income) in dr.TABLE_6.items():
        name, most = program.replace("+", "_"), dr.TABLE_6_TOLERANCE.get(program, dr.TABLE_6_DEFAULT)
        for factor, good in ((1 + 0.9 * most, True), (1 + 1.1 * most, False), (1 - 1.1 * most, False)):
            assert dr_statements._table_6(table_6(**{name: (factor * load, income)})).holds == good, program
            assert dr_statements._table_6(table_6(**{name: (load, factor * income)})).holds == good, program


def test_rtp_is_allowed_more_and_the_first_form_says_how_far_it_is_off() -> None:
    load, income = dr.TABLE_6["rtp"]
    found = dr_statements._table_6(table_6(rtp=(1.0009 * load, income)))
    assert found.holds
    assert found.first is not None
    assert not found.first.holds
    assert found.first.reason == "RTP is 0.090 % off"
    tou = dr_statements._table_6(table_6(tou=(dr.TABLE_6["tou"][0], 0.9996 * dr.TABLE_6["tou"][1])))
    assert tou.reason.startswith("largest deviation besides RTP 0.040 % (TOU);")
    assert tou.first is not None
    assert tou.first.holds


def test_the_table_of_modes_shows_what_lots_earn_and_what_they_could() -> None:
    totals = SimpleNamespace(lot_profit=11.0, lot_maximum=17.0, discharge_mwh=0.25)
    clearing = SimpleNamespace(objective=100.0, pessimistic=(80.0, 90.0))
    run: Any = SimpleNamespace(clearing=clearing, totals=lambda _attitude: totals)
    table = modes_table({("cpp", "windows"): run}, {"cpp": "CPP"}, {"cpp": 99.0}, "Modes")
    assert [(row.row, row.quantity, row.published, row.computed) for row in table.rows] == [
        ("CPP, windows", "company, optimistic (USD)", 99.0, 100.0),
        ("CPP, windows", "company, pessimistic, proved (USD)", None, 80.0),
        ("CPP, windows", "company, pessimistic, found (USD)", None, 90.0),
        ("CPP, windows", "lot (USD)", None, 11.0),
        ("CPP, windows", "lot at most (USD)", None, 17.0),
        ("CPP, windows", "discharging (MWh)", None, 0.25),
    ]


def test_a_mode_that_nothing_can_serve_says_so_in_its_row() -> None:
    error = InfeasibleError(["scenario 0: no such schedules"])
    table = modes_table({("tou", "strict-exclusive"): error}, {"tou": "TOU"}, {}, "Modes")
    (row,) = table.rows
    assert row.cells() == ("TOU, strict-exclusive", "no dispatch: scenario 0: no such schedules", "", "none", "", "")
    with pytest.raises(InfeasibleError, match="no such schedules"):
        cleared(error)

    def case(program: str) -> Any:
        return program, "day"

    markets = Markets("highs")

    def clear(network: str, day: str, mode: str) -> Any:
        if (network, mode) == ("tou", "strict"):
            raise error
        return network, day, mode

    markets.clear = clear  # type: ignore[assignment, method-assign]
    assert markets.compare(("flat", "tou"), ("strict", "windows"), case) == {
        ("flat", "strict"): ("flat", "day", "strict"),
        ("flat", "windows"): ("flat", "day", "windows"),
        ("tou", "strict"): error,
        ("tou", "windows"): ("tou", "day", "windows"),
    }


def test_the_tables_of_sweeps_and_references_hold_every_result(results: Results) -> None:
    tables = {table.name: table for table in make_report(results).tables}
    sweeps = {(row.row, row.quantity): row.computed for row in tables["sensitivity"].rows}
    names = ("network cost (EUR)", "fuel cost (EUR)", "imports (MWh)", "exports (MWh)")
    wanted = {
        (f"{data.FEEDERS[feeder]}, {sweep} x {point.factor:g}", name): getattr(point, key)
        for (feeder, sweep), points in results.sweeps.items()
        for point in points
        for name, key in zip(names, POINTS, strict=True)
    }
    assert sweeps == wanted
    references = tables["s0-reference"].rows
    listed = [
        (f"{data.FEEDERS[f]}, {b} p.u., case {c}", results.cases[f, b, c]) for f, b in data.S0 for c in data.S0[f, b]
    ]
    assert [row.row for row in references] == [label for label, _ in listed for _ in range(4)]
    for k, (_, run) in enumerate(listed):
        energies = run.import_mwh, run.export_mwh
        found = [row.computed for row in references[4 * k : 4 * k + 4]]
        assert found == [run.clearing.network_cost, run.clearing.fuel_cost, *energies]
