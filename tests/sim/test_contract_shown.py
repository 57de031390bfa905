"""What the figures of the aggregator market draw and what its terminal prints, against the tables.

A figure, a mark, a cell or a sentence without a line here fails the test.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equilibrium.certificate import Verdict
from sim.manifest import write_manifest
from sim.markets.aggregator.kind import KIND
from sim.store import Run
from tests.sim.drawn import assert_shown, assert_tidy, drawn, legend_of
from tests.sim.made_contract_days import LOTS, made_contract_day
from tests.sim.made_days import stored_run
from tests.sim.shown import Shown, boxes, level, power_of, time_word, words
from tests.sim.test_every_word import cells

BLUE, ORANGE, GREEN, RED, PINK, SKY, BLACK, YELLOW, GREY = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000", "#f0e442", "#7f7f7f"),
)
DAYS = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The second day is not proved, and what came on it did not keep the limits."""
    days = [
        made_contract_day(0),
        made_contract_day(1, verdict=Verdict.UNPROVED, kept=False),
        made_contract_day(2, verdict=Verdict.EPSILON_NASH),
    ]
    return stored_run(tmp_path_factory.mktemp("contracts"), KIND, days, status="stopped: interrupted")


# Figures


def dispatch(run: Run) -> Shown:
    rows = run.table("dispatch", 0)
    shown: Shown = {(0, "lines", "#0"): np.array([[0.0, 0.0], [1.0, 0.0]])}
    base = {-1: np.zeros(rows["period"].max() + 1), 1: np.zeros(rows["period"].max() + 1)}
    for kind, label, sign in (
        ("purchase", "Bought upstream", -1),
        ("output", "Generators", -1),
        ("discharge", "Lots discharging", -1),
        ("served", "Load served", 1),
        ("charge", "Lots charging", 1),
    ):
        height = sign * power_of(rows, kind)
        shown[0, "bars", label] = boxes(rows, height, share=0.85, base=base[sign].copy())
        base[sign] += height
    shown[1, "lines", "Reserve of the lots"] = level(rows, power_of(rows, "reserve"))
    shown[1, "lines", "Interrupted load"] = level(rows, power_of(rows, "interrupted"))
    return shown | words(0, title="T", y="Power (MW)") | words(1, x=time_word(rows), y="MW")


def of_price(rows: pd.DataFrame, name: str) -> np.ndarray:
    return level(rows, [row.price_per_mwh for row in rows.itertuples() if row.price == name])


def prices(run: Run) -> Shown:
    rows = run.table("prices", 0)
    energy = [f"{lot} {what}" for lot in LOTS for what in ("in", "out")] + ["generators", "retailer"]
    shown: Shown = {}
    for axis, kind, posted in ((0, "energy", energy), (1, "reserve", [f"{lot} reserve" for lot in LOTS])):
        shown[axis, "lines", f"Upstream {kind}"] = of_price(rows, f"upstream {kind}")
        shown[axis, "lines", f"Forecast {kind}"] = of_price(rows, f"forecast {kind}")
        shown |= {(axis, "lines", name): of_price(rows, name) for name in posted}
    return shown | words(0, title="T", y="EUR per MWh") | words(1, x=time_word(rows), y="EUR per MW and hour")


def lots(run: Run) -> Shown:
    powers, stored = run.table("dispatch", 0), run.table("lots", 0)
    shown: Shown = {}
    for k, lot in enumerate(LOTS):
        left, right, twin = 2 * k, 2 * k + 1, 4 + k
        own, rows = powers[powers["asset"] == lot], stored[stored["lot"] == lot]
        kw = {kind: 1000.0 * power_of(own, kind) for kind in ("charge", "discharge", "reserve")}
        shown[left, "bars", "Charging"] = boxes(rows, kw["charge"], share=0.8)
        shown[left, "bars", "Discharging"] = boxes(rows, -kw["discharge"], share=0.8)
        shown[left, "lines", "Reserve"] = level(rows, kw["reserve"])
        shown[left, "lines", "#1"] = np.array([[0.0, 0.0], [1.0, 0.0]])
        shown[right, "lines", "Energy, only charging"] = level(rows, [v / 1000.0 for v in rows["g2v_kwh"]])
        shown[right, "lines", "Energy, also discharging"] = level(rows, [v / 1000.0 for v in rows["v2g_kwh"]])
        shown[twin, "lines", "Vehicles"] = level(rows, rows["parked"])
        last = {"x": time_word(rows)} if k == 1 else {}
        shown |= words(left, title=f"{lot}, T", y="kW", **last) | words(right, y="MWh", **last)
        shown |= words(twin, y="vehicles")
    return shown


def over_days(values: Any) -> np.ndarray:
    return np.column_stack([np.arange(float(DAYS)), np.asarray(values, float)])


def profits(run: Run) -> Shown:
    days = run.days
    charged, given = ([v / 1000.0 for v in days[name]] for name in ("charged_kwh", "discharged_kwh"))
    bars = [np.column_stack([np.arange(3.0), np.full(3, 0.8), np.zeros(3), h]) for h in (charged, [-v for v in given])]
    return {
        (0, "lines", "Planned"): over_days(days["planned_profit"]),
        (0, "lines", "Earned"): over_days(days["profit"]),
        (1, "lines", "Lots"): over_days(days["lot_profit"]),
        (1, "lines", "Generators"): over_days(days["generator_profit"]),
        (1, "lines", "Load retailer"): over_days(days["retail_profit"]),
        (2, "lines", "Error"): over_days(days["price_error_per_mwh"]),
        (3, "bars", "Charged"): bars[0],
        (3, "bars", "Discharged"): bars[1],
        (3, "lines", "#0"): np.array([[0.0, 0.0], [1.0, 0.0]]),
        **words(0, title="Profit of the aggregator (EUR)"),
        **words(1, title="Profit of the others (EUR)"),
        **words(2, title="Mean error of the price forecast (EUR/MWh)", x="Date"),
        **words(3, title="Energy of the lots (MWh)", x="Date"),
    }


def contracts(run: Run) -> Shown:
    shown: Shown = {}
    for k, lot in enumerate(LOTS):
        rows, days = (table[table["lot"] == lot] for table in (run.contracts, run.lot_days))
        for contract in ("fix1", "flex1", "fix2", "flex2"):
            own = rows[rows["contract"] == contract]
            shown[3 * k, "lines", contract] = over_days(own["share"])
            shown[3 * k + 1, "lines", contract] = over_days(own["reputation"])
        shown[3 * k + 2, "lines", "as it is"] = over_days(days["attendance"])
        shown[3 * k + 2, "lines", "as expected next"] = over_days(days["expected_attendance"])
        last = {"x": "Date"} if k == 1 else {}
        for number, title in enumerate(("share", "reputation", "arrivals, relative")):
            shown |= words(3 * k + number, title=f"{lot}: {title}", **last)
    return shown


EXPECTED = {
    "dispatch-day-0": dispatch,
    "prices-day-0": prices,
    "lots-day-0": lots,
    "profits": profits,
    "contracts": contracts,
}
LEGENDS = {
    "dispatch-day-0": {
        "Bought upstream": BLUE,
        "Generators": GREEN,
        "Lots discharging": PINK,
        "Load served": GREY,
        "Lots charging": ORANGE,
        "Reserve of the lots": RED,
        "Interrupted load": BLACK,
    },
    "prices-day-0": {
        "Upstream energy": GREY,
        "Forecast energy": GREY,
        "lot-z in": BLUE,
        "lot-z out": ORANGE,
        "lot-x in": GREEN,
        "lot-x out": RED,
        "generators": PINK,
        "retailer": SKY,
        "Upstream reserve": GREY,
        "Forecast reserve": GREY,
        "lot-z reserve": BLUE,
        "lot-x reserve": ORANGE,
    },
    "lots-day-0": {
        "Charging": ORANGE,
        "Discharging": PINK,
        "Reserve": RED,
        "Energy, only charging": SKY,
        "Energy, also discharging": BLUE,
        "Vehicles": BLACK,
    },
    "profits": {
        "Planned": BLUE,
        "Earned": RED,
        "Lots": ORANGE,
        "Generators": GREEN,
        "Load retailer": GREY,
        "Charged": ORANGE,
        "Discharged": PINK,
    },
    "contracts": {
        "fix1": BLUE,
        "flex1": ORANGE,
        "fix2": GREEN,
        "flex2": RED,
        "as it is": BLACK,
        "as expected next": BLUE,
    },
}


def test_every_figure_draws_what_the_tables_hold(run: Run) -> None:
    figures = KIND.figures(run, 0, "T", "EUR")
    assert set(figures) == set(EXPECTED)
    for name, figure in figures.items():
        assert_shown(drawn(figure), EXPECTED[name](run))
        assert legend_of(figure) == LEGENDS[name], name
        assert_tidy(figure)


def test_panels_begin_at_zero_where_amounts_are_drawn(run: Run) -> None:
    figures = KIND.figures(run, 0, "T", "EUR")
    begin = {name: [axis.get_ylim()[0] for axis in figure.axes] for name, figure in figures.items()}
    assert begin["dispatch-day-0"][1] == 0.0
    assert begin["lots-day-0"][1::2] == [0.0, 0.0, 0.0]
    assert begin["lots-day-0"][4] == 0.0
    assert begin["profits"][2] == 0.0
    assert begin["contracts"] == [0.0] * 6


def test_one_day_alone_has_no_figures_of_the_run(tmp_path: Path) -> None:
    alone = stored_run(tmp_path, KIND, [made_contract_day(0)])
    assert set(KIND.figures(alone, 0, "T", "EUR")) == {"dispatch-day-0", "prices-day-0", "lots-day-0"}


# Terminal


def test_every_cell_of_the_printed_table(run: Run) -> None:
    days = run.days
    whole = {
        "profit plan": "planned_profit",
        "profit aggr.": "profit",
        "profit lots": "lot_profit",
        "profit gen.": "generator_profit",
        "cars": "vehicles",
        "kWh in": "charged_kwh",
        "kWh out": "discharged_kwh",
        "kWh cut": "interrupted_kwh",
    }
    wanted = {head: [format(value, ".0f") for value in days[name]] for head, name in whole.items()}
    wanted |= {
        "day": ["0", "1", "2"],
        "price error": [format(value, ".1f") for value in days["price_error_per_mwh"]],
        "worst regret": [format(value, ".1g") for value in days["worst_regret"]],
        "proof": ["exact", "NO", "eps"],
        "time": [format(value, ".1f") for value in days["seconds"]],
    }
    table = KIND.day_table(run)
    assert cells(table) == wanted
    assert [row.style for row in table.rows] == [None, "bold red", None]


def test_every_line_below_the_table(run: Run) -> None:
    sums = {name: sum(run.days[name]) for name in run.days if name.endswith("profit")}
    told = []
    for name in LOTS:
        of = {
            each: sum(run.vehicles[each][run.vehicles["lot"] == name])
            for each in ("promised_kwh", "moved_kwh", "pool_profit", "vehicle_profit", "unreachable_kwh")
        }
        told.append(
            f"{name}: of {of['promised_kwh']:.0f} kWh of its pools single vehicles do {of['moved_kwh']:.0f} otherwise; "
            f"of {of['pool_profit']:.1f} they cannot earn {of['pool_profit'] - of['vehicle_profit']:.1f}; "
            f"{of['unreachable_kwh']:.0f} kWh are agreed that no stay reaches"
        )
    assert KIND.remarks(run) == [
        "money in EUR, time in s; profit plan: what the aggregator expected in the morning; kWh drawn and",
        "given by the lots and cut from the load; price error: of its forecast of the upstream price, EUR/MWh",
        f"aggregator {sums['profit']:.1f} (planned {sums['planned_profit']:.1f}), lots {sums['lot_profit']:.1f}, "
        f"generators {sums['generator_profit']:.1f}, load retailer {sums['retail_profit']:.1f}",
        *told,
        "day 1: what came did not keep the feeder's limits; its losses are not counted, its voltages not known",
        "day 1 is NOT certified: its verdict is unproved (first note; second note)",
        "the run is not complete: stopped: interrupted",
        f"results in {run.folder}",
    ]


def test_vehicles_are_told_of_where_they_were_laid_out(tmp_path: Path) -> None:
    day = made_contract_day(0)
    reached = tuple(replace(each, unreachable_kwh=0.0) for each in day.pool_errors)
    runs = [
        stored_run(tmp_path / name, KIND, [each])
        for name, each in (("without", made_contract_day(0, single=False)), ("with", replace(day, pool_errors=reached)))
    ]
    without, laid = (KIND.remarks(each) for each in runs)
    assert [line for line in without if "single vehicles" in line] == []
    assert len([line for line in laid if "single vehicles" in line]) == len(LOTS)
    assert not any("no stay reaches" in line for line in laid)


def test_a_gap_that_is_asked_for_is_a_proof_and_a_wider_one_is_none(tmp_path: Path) -> None:
    days = [made_contract_day(index, verdict=Verdict.KKT_CONSISTENT) for index in range(3)]
    exact = made_contract_day(3)
    gaps = (4.2e-4, 1.3e-3, 6.1e-4)
    proofs = [replace(day.settlement.plan.certificate, epsilon=gap) for day, gap in zip(days, gaps, strict=True)]
    settled = [
        replace(day.settlement, plan=replace(day.settlement.plan, certificate=proof))
        for day, proof in zip(days, proofs, strict=True)
    ]
    days = [replace(day, settlement=each) for day, each in zip(days, settled, strict=True)]
    run = stored_run(tmp_path, KIND, [*days, exact])
    assert cells(KIND.day_table(run))["proof"] == ["0.042 %", "0.13 %", "0.061 %", "exact"]
    notes = "(first note; second note)"
    wide = "its verdict is kkt-consistent, other prices may earn {} more, asked for is {}"
    assert [line for line in KIND.remarks(run) if "proof" in line or "NOT" in line] == [
        f"day {day} is NOT certified: {wide.format(gap, '0 %')} {notes}"
        for day, gap in enumerate(("0.042 %", "0.13 %", "0.061 %"))
    ]
    write_manifest(tmp_path, {"currency": "EUR", "resolved_scenario": {"market": {"gap": 1e-3}}})
    assert [line for line in KIND.remarks(Run(tmp_path)) if "proof" in line or "NOT" in line] == [
        "proof in %: proved on 2 of 4 days that no prices earn the aggregator more by over 0.061 %; asked for is 0.1 %",
        f"day 1 is NOT certified: {wide.format('0.13 %', '0.1 %')} {notes}",
    ]
    write_manifest(tmp_path, {"currency": "EUR", "resolved_scenario": {"market": {"gap": gaps[2]}}})
    assert KIND.remarks(Run(tmp_path))[-3].endswith(
        "proved on 2 of 4 days that no prices earn the aggregator more by over 0.061 %; asked for is 0.061 %"
    )


def test_a_run_without_a_day_says_only_its_units(tmp_path: Path) -> None:
    empty = stored_run(tmp_path, KIND, [])
    lines = KIND.remarks(empty)
    assert len(lines) == 3
    assert lines[-1] == f"results in {tmp_path}"
