"""The reproduction of two settlements on made-up results: every statement turns over, every row and line is checked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.reproduce.two_settlement import figures, study
from sim.reproduce.two_settlement import published as data
from sim.reproduce.two_settlement import statements as judged
from sim.reproduce.verdicts import Kind
from tests.sim.turned import Path, numbers, put, turned

RNG = np.random.default_rng(11)
PROFIT = {1: 100.0, 2: 103.0, 0: 105.0, 3: 110.0, 4: 120.0}
DEVIATION = np.linspace(0.5, 2.0, 24)


def schedule(profit: float, number: int = 0, **more: Any) -> Any:
    """A schedule with a bound that is 10 above it."""
    proof = SimpleNamespace(primal=1e-9, dual=2e-9, complementarity=3e-9, gap=4e-9)
    accounts = {"energy": profit - 30.0 - number, "deviations": 30.0 + number}
    given = {"profit": profit, "bound": profit + 10.0, "gap": 0.01, "certificate": proof, "accounts": accounts}
    return SimpleNamespace(**given | {"interruption": 40.0 + number} | more)


def budget(gamma: float, objective: float, scale: float) -> Any:
    """A schedule of a budget: what is protected are the largest deviations, whole ones and a part of the next."""
    trade = scale * np.linspace(-3.0, 3.0, 24) ** 3
    paid = np.sort(DEVIATION * np.abs(trade))[::-1]
    whole = int(gamma)
    protected = paid[:whole].sum() + (gamma - whole) * (paid[whole] if whole < 24 else 0.0)
    positions = SimpleNamespace(trade_kw=trade, generator_kw=scale * np.full((24, 2), 5.0))
    more = {"objective": objective, "protection": float(protected), "positions": positions}
    return schedule(objective + 5.0, **more) if gamma else schedule(objective, **more)


def made() -> Any:
    """Results on which everything holds."""
    hours = {name: RNG.uniform(-9.0, 9.0, 4) for name in ("trade_kw", "spinning_kw")}
    for name in ("on", "generator_kw", "accepted_kw", "accepted_regulating_kw"):
        hours[name] = RNG.uniform(0.0, 9.0, (4, 3))
    chosen = {"front": np.array([[100.0, 50.0], [90.0, 40.0], [80.0, 30.0]]), "chosen": 1}
    chosen |= {"positions": SimpleNamespace(**hours), "interruption_by_period": RNG.uniform(0.0, 9.0, 4)}
    outages = [SimpleNamespace(name=f"bus {k}{', then bus 9' if k % 2 else ''}") for k in range(264)]
    order = {1: 0, 2: 1, 0: 2, 3: 3, 4: 4}
    return SimpleNamespace(
        system=SimpleNamespace(outages=outages),
        day=SimpleNamespace(price_deviation=DEVIATION, scenarios=["a", "b"]),
        profit={case: schedule(PROFIT[case], order[case]) for case in data.CASES},
        least={0: schedule(50.0), 1: schedule(50.0, 5)},
        compromise=SimpleNamespace(**chosen),
        prices={
            name: schedule(value) for name, value in {"SA0": 105.0, "SA1": 107.0, "SA2": 95.0, "SA3": 120.0}.items()
        },
        budgets={0.0: budget(0.0, 100.0, 1.0), 2.5: budget(2.5, 85.0, 1.5), 24.0: budget(24.0, 70.0, 2.0)},
        more=schedule(106.0),
        policies=SimpleNamespace(
            wait_and_see=114.0, value=105.0, bound=112.0, feedback=np.array([90.0, 95.0]), mean_value=80.0
        ),
        voltages=np.array([[1.0, 0.98], [1.0, 0.984]]),
        moved=np.array([[3.0, 4.0], [5.0, 6.0]]),
        certain=10.0,
        everything=1000.0,
        controlled={3: 38.0, 4: 41.0},
        left_out=SimpleNamespace(loss_kw=np.array([10.0, 20.0]), share=0.025, paid=1.05, voltage_pu=0.0125),
    )


def fields(group: str, keys: Any, *names: Any) -> set[Path]:
    return {(group, key, *(name if isinstance(name, tuple) else (name,))) for key in keys for name in names}


PROOF = [("certificate", name) for name in ("primal", "dual", "complementarity", "gap")]
MONEY = ["profit", ("accounts", "energy"), ("accounts", "deviations")]


def test_every_statement_watches_what_it_speaks_of() -> None:
    results = made()
    assert [each.key for each in judged.statements(results) if not each.holds and each.kind is not Kind.ERRATUM] == []
    found = turned(judged.statements, results)
    cases, prices, budgets = list(PROFIT), list(results.prices), list(results.budgets)
    alone = {"N1", "N2", "N3", "N4"} | {each.key for each in judged._errata()}
    expected = {
        **{key: set() for key in alone},  # on printed numbers, below
        "C1": set(),  # on names, below
        "C2": {("moved",)},
        "I1": fields("profit", [0, 1, 2], "profit") | fields("profit", [0], "bound"),
        "I2": fields("profit", [3, 4], "bound") | fields("profit", [0], "profit"),
        "I3": fields("least", [0, 1], "interruption"),
        "I4": {("controlled", 3), ("controlled", 4), ("profit", 0, "interruption")},
        "V2": {("left_out", "paid"), ("profit", 0, "profit")},
        "G1": fields("budgets", budgets[1:], "objective") | fields("budgets", budgets[:-1], "bound"),
        "G2": fields("budgets", budgets[1:], "protection", ("positions", "trade_kw"))
        | fields("budgets", budgets[:1], "protection")
        | {("day", "price_deviation")},
        "G3": fields("budgets", [0.0, 24.0], ("positions", "generator_kw"))
        | fields("budgets", [24.0], ("positions", "trade_kw")),
        "F1": {("compromise", "front"), ("compromise", "chosen")},
        "B1": fields("profit", cases, "interruption")
        | fields("least", [0, 1], "interruption")
        | {("certain",), ("everything",)},
        "P1": {("policies", name) for name in ("wait_and_see", "bound", "feedback", "value")},
        "K1": set().union(
            *(fields(group, keys, *PROOF, *MONEY) for group, keys in (("profit", cases), ("prices", prices))),
            fields("least", [0, 1], *PROOF, *MONEY),
            fields("budgets", budgets, *PROOF, *MONEY),
        ),
        "V1": {("voltages",)},
        "O1": fields("profit", cases, "profit"),
        "O2": fields("profit", cases, ("accounts", "deviations")),
        "O3": fields("prices", prices, "profit"),
        "O4": {("profit", 0, "profit"), ("more", "profit")},
    }
    assert found.keys() == expected.keys()
    for key, places in expected.items():
        assert found[key] == places, (key, found[key] ^ places)


def by_key(results: Any) -> dict[str, Any]:
    return {each.key: each for each in judged.statements(results)}


def test_what_must_hold() -> None:
    marked = {each.key for each in judged.statements(made()) if each.must_hold}
    proved = {*(f"N{k}" for k in range(1, 5)), *(f"I{k}" for k in range(1, 5)), "F1", "B1", "P1", "V1"}
    assert marked == proved | {"C1", "G1", "G2", "K1"}


def test_the_numbers_behind_every_statement() -> None:
    results = made()
    told = {key: each.reason for key, each in by_key(results).items()}
    assert told["C1"] == "132 outages"
    assert told["C2"] == "3 to 6, 4.50 in the mean, with ties alone"
    assert told["I1"] == told["I2"]
    assert told["I1"].startswith("proposed 105.00, no tie switching 100.00, no arbitrage of the operator 103.00, ")
    assert told["I3"] == "least F2 40.00 with ties, 45.00 without"
    assert told["G1"] == "0: 100.00, 2.5: 85.00, 24: 70.00"
    assert told["G3"].startswith("generation +100.00 %, export +100.00 %: ")
    assert told["F1"] == "3 points, F1 from 80.00 to 100.00, F2 from 30.00 to 50.00"
    assert told["B1"] == "10.00 to 1000.00"
    assert told["P1"] == "114.00, 105.00 (at most 112.00), 95.00 by the loop, 80.00 by the mean scenario"
    assert told["K1"] == "largest gap 1.000 %, largest residual 4.0e-09"
    assert told["V1"].startswith("at most 0.0040 per unit apart")
    assert told["I4"].startswith("F2 42.00; no arbitrage of lots 38.00, no arbitrage of demand 41.00; ")
    assert told["V2"].startswith(
        "the AC losses of the schedule are 30 kWh, 2.5 % of the load; they would cost 1.05 MU, "
    )
    assert told["V2"].endswith("1.0 % of F1; voltages are up to 0.0125 per unit apart")
    cases = "cases 1, 2, proposed, 3, 4: "
    assert told["O1"] == f"{cases}100.00, 103.00, 105.00, 110.00, 120.00"
    assert told["O2"] == f"{cases}30.00, 31.00, 32.00, 33.00, 34.00"
    assert told["O3"] == "SA0 105.00, SA1 107.00, SA2 95.00, SA3 120.00"
    assert told["O4"] == "105.00 and 106.00"


EDGES: list[tuple[Path, Any, str, bool]] = [
    (("system", "outages"), [SimpleNamespace(name="bus 1")] * 131, "C1", False),
    (("moved",), np.array([2.9, 6.0]), "C2", False),
    (("moved",), np.array([3.0, 6.1]), "C2", False),
    (("profit", 1, "profit"), 115.0, "I1", True),
    (("profit", 1, "profit"), 115.1, "I1", False),
    (("profit", 2, "profit"), 115.1, "I1", False),
    (("least", 0, "interruption"), 45.0, "I3", True),
    (("least", 0, "interruption"), 45.1, "I3", False),
    (("compromise", "front"), np.array([[3.0, 5.0], [3.0, 4.0], [1.0, 3.0]]), "F1", False),
    (("compromise", "chosen"), 3, "F1", False),
    (("compromise", "chosen"), -1, "F1", False),
    (("compromise", "chosen"), 0, "F1", True),
    (("voltages",), np.array([[1.0, 1.0], [1.0, 0.9941]]), "V1", True),
    (("voltages",), np.array([[1.0, 1.0], [1.0, 0.9939]]), "V1", False),
    (("policies", "wait_and_see"), 112.0, "P1", True),
    (("policies", "wait_and_see"), 111.9, "P1", False),
    (("policies", "value"), 112.1, "P1", False),
    (("policies", "feedback"), np.array([112.1, 95.0]), "P1", False),
]


@pytest.mark.parametrize(("path", "value", "key", "holds"), EDGES)
def test_a_statement_at_its_edge(path: Path, value: Any, key: str, holds: bool) -> None:
    assert by_key(put(made(), path, value))[key].holds == holds


def test_arithmetic_and_errata_watch_the_printed_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge() -> dict[str, bool]:
        return {each.key: each.holds for each in (*judged._arithmetic(), *judged._errata())}

    names = [name for name in vars(data) if name.isupper() and name not in ("INTRODUCTION", "CASES", "OBJECTIVES")]
    before = judge()
    found: dict[str, set[str]] = {}
    for name in names:
        value = getattr(data, name)
        for path, number in numbers({name: value}):
            for other in (1.5 * number, 1.003 * number, 0.997 * number) if isinstance(number, float) else ():
                monkeypatch.setattr(data, name, put(value, path[1:], other))
                found |= {key: {name} | found.get(key, set()) for key, holds in judge().items() if holds != before[key]}
        monkeypatch.setattr(data, name, value)
    assert found == {
        **{"N1": {"TABLE_3"}, "N2": {"GENERATION_KWH", "EXPORT_KWH"}, "N4": {"TABLE_3"}, "X1": {"TABLE_3"}},
        "N3": {"DEMAND_ACCEPTED_KWH", "DEMAND_BIDS_KWH", "DEMAND_SHARE"},
        **{f"T-{key}": {"TABLE_3", "TEXT_CHANGES"} for key in ("case 1, F1", "case 4, F1")},
        "T-SA1, F1": {"TABLE_6", "TEXT_SENSITIVITY"},
    }
    assert {key for key, holds in before.items() if holds} == found.keys() - {"X1"}


@pytest.mark.parametrize(
    ("key", "name", "path", "right"),
    [
        ("T-case 3, F2", "TEXT_CHANGES", ("case 3, F2", 0), 100.0 * (486367.29 / 506620.17 - 1.0)),
        ("T-SA2, F1", "TEXT_SENSITIVITY", ("SA2, F1", 0), 100.0 * (8382.31 / 8917.36 - 1.0)),
        ("T-SA3, S_RT", "TEXT_SENSITIVITY", ("SA3, S_RT", 0), 100.0 * (8144.08 / 7749.22 - 1.0)),
        ("X1", "TABLE_8", (0, 1), 506620.16),
        ("X2", "OPERATIONS", (1,), 28_468 / (264 * 24)),
        ("X3", "WORST_F2", (), 1692057.2),
        ("X4", "POLYHEDRON", (1,), 0.5 * (np.pi / 2**14) ** 2),
    ],
)
def test_an_erratum_is_one_until_its_number_agrees(
    key: str, name: str, path: Path, right: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge() -> bool:
        (found,) = (each.holds for each in judged._errata() if each.key == key)
        return found

    assert not judge()
    monkeypatch.setattr(data, name, put(getattr(data, name), path, right))
    assert judge()


def test_every_row_of_every_table() -> None:
    results = made()
    tables = {table.name: table.rows for table in study.make_report(results).tables}
    told = {
        name: [(row.row, row.quantity, row.published, row.computed) for row in rows] for name, rows in tables.items()
    }

    def triple(name: str, printed: Any, each: Any) -> list[tuple[Any, ...]]:
        own = each.profit, each.interruption, each.accounts["deviations"]
        return [(name, f"{what} (MU)", p, o) for what, p, o in zip(("F1", "F2", "S_RT"), printed, own, strict=True)]

    cases = [triple(name, data.TABLE_3[case], results.profit[case]) for case, name in data.CASES.items()]
    assert told["table-3"] == [row for rows in cases for row in rows]
    prices = [triple(name, data.TABLE_6[name], results.prices[name]) for name in ("SA0", "SA1", "SA2", "SA3")]
    assert told["table-6"] == [row for rows in prices for row in rows]
    assert told["table-8"] == [
        ("proposed", "F1 (MU)", 9239.25, 106.0),
        ("proposed, fewer scenarios", "F1 (MU)", 8917.36, 105.0),
    ]
    points = [("point 1", 100.0, 50.0), ("point 2, chosen", 90.0, 40.0), ("point 3", 80.0, 30.0)]
    assert told["front"] == [
        *(row for name, a, b in points for row in ((name, "F1 (MU)", None, a), (name, "F2 (MU)", None, b))),
        ("wait and see, at most", "expected F1 (MU)", None, 114.0),
        ("recourse", "expected F1 (MU)", None, 105.0),
        ("mean scenario", "expected F1 (MU)", None, 80.0),
        ("published loop, best round", "expected F1 (MU)", None, 95.0),
        ("budget of 0 hours", "F1 in the worst case (MU)", None, 100.0),
        ("budget of 2.5 hours", "F1 in the worst case (MU)", None, 85.0),
        ("budget of 24 hours", "F1 in the worst case (MU)", None, 70.0),
    ]
    plan, lost = results.compromise.positions, results.compromise.interruption_by_period
    wanted = []
    for t in range(4):
        values = sum(plan.on[t]), plan.trade_kw[t], plan.spinning_kw[t], sum(plan.accepted_kw[t])
        wanted += [*values, sum(plan.accepted_regulating_kw[t]), lost[t]]
    assert [row[3] for row in told["hours"]] == pytest.approx(wanted)
    assert [row[:3] for row in told["hours"][18:]] == [
        *(("hour 4", "units on", None), ("hour 4", "bought, negative: sold (kW)", None)),
        *(("hour 4", "spinning reserve sold (kW)", None), ("hour 4", "accepted of bids (kW)", None)),
        *(("hour 4", "accepted regulating reserve (kW)", None), ("hour 4", "F2 (MU)", None)),
    ]


def test_every_line_of_every_figure() -> None:
    results = made()
    plan, points = results.compromise.positions, results.compromise.front / 1000.0
    (axis,) = figures.front(results).axes
    assert pytest.approx(points) == np.array(axis.get_lines()[0].get_data()).T
    some, one = axis.collections
    assert (some.get_label(), one.get_label()) == ("Not dominated", "Chosen")
    assert np.asarray(some.get_offsets()) == pytest.approx(points)
    assert np.asarray(one.get_offsets()) == pytest.approx(points[[1]])
    (axis,) = figures.schedule(results).axes
    found = {step.get_label(): step.get_data() for step in axis.patches}
    wanted = {
        "Generators": plan.generator_kw.sum(axis=1),
        "Bought (negative: sold)": plan.trade_kw,
        "Accepted of bids": plan.accepted_kw.sum(axis=1),
        "Spinning reserve sold": plan.spinning_kw,
    }
    assert {name: data.values * 1000.0 for name, data in found.items()} == {
        name: pytest.approx(values) for name, values in wanted.items()
    }
    assert all(data.edges.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5] for data in found.values())
    assert list(axis.get_lines()[0].get_ydata()) == [0.0, 0.0]
    (axis,) = figures.voltages(results).axes
    lines = {line.get_label(): np.array(line.get_data()) for line in axis.get_lines()}
    assert {name: values.tolist() for name, values in lines.items()} == {
        "AC": [[1.0, 2.0], [1.0, 0.98]],
        "Linear": [[1.0, 2.0], [1.0, 0.984]],
    }


def test_what_is_said_of_the_paper_s_own_numbers() -> None:
    """Of its tables and its card alone: no result of ours is in it."""
    assert {each.key: each.reason for each in (*judged._arithmetic(), *judged._errata())} == {
        "N1": "52.09 and 47.04 %",
        "N2": "2.14 and 14.47 %",
        "N3": "82.64 %",
        "N4": "as printed",
        "T-case 3, F2": "Table 3 gives -4.00 %",
        "T-case 1, F1": "Table 3 gives -63.23 %",
        "T-case 4, F1": "Table 3 gives 38.71 %",
        "T-SA2, F1": "Table 6 gives -6.000 %",
        "T-SA3, S_RT": "Table 6 gives 5.095 %",
        "T-SA1, F1": "Table 6 gives 9.017 %",
        "X1": "not in: proposed",
        "X2": "over 264 outages and 24 hours they are 4.493",
        "X3": "88720 against means from 469216 on",
        "X4": "it is 1.838e-08; the printed one is that of level 12",
    }
