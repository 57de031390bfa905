"""What the terminal prints of a run of the charging markets, cell by cell and sentence by sentence, against the tables.

A column of the printed table or a line below it that is not computed here once more fails the test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from equilibrium.certificate import Verdict
from sim.markets.charging.terminal import ac_line
from sim.markets.lots_lead.kind import KIND as LOTS_LEAD
from sim.markets.nodal.kind import KIND as NODAL
from sim.show.telling import small
from sim.store import Run
from tests.sim.made_days import made_day, stored_run

LOTS = ("lot-z", "lot-x", "lot-y")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A run of each market: the second day is not certified, the third has no shortage and no power flow."""
    kept = {}
    for kind in (LOTS_LEAD, NODAL):
        nodal = kind is NODAL
        days = [
            made_day(0, nodal=nodal),
            made_day(1, nodal=nodal, verdict=Verdict.KKT_CONSISTENT),
            made_day(2, nodal=nodal, shed=False, flow=False),
        ]
        kept[kind.name] = stored_run(tmp_path_factory.mktemp(kind.name), kind, days, status="stopped: interrupted")
    return kept


def cells(table: Table) -> dict[str, list[str]]:
    return {str(column.header).replace("\n", " "): [str(cell) for cell in column.cells] for column in table.columns}


def of(run: Run, table: str, column: str, day: int, **where: str) -> Any:
    rows = run.table(table, day)
    for name, value in where.items():
        rows = rows[rows[name] == value]
    (value,) = rows[column].tolist()
    return value


Cell = Callable[[Run, int], str]

COMMON: dict[str, Cell] = {
    "day": lambda _run, d: str(d),
    "energy charged": lambda run, d: format(of(run, "days", "energy_charged_kwh", d), ".0f"),
    "net cost": lambda run, d: format(of(run, "days", "network_cost", d), ".1f"),
    "lowest volt.": lambda run, d: format(min(run.table("prices", d)["voltage_pu"]), ".4f"),
    "DLMP mean": lambda run, d: format(of(run, "days", "dlmp_mean_per_mwh", d), ".1f"),
    "DLMP peak": lambda run, d: format(max(run.table("prices", d)["dlmp_per_mwh"]), ".1f"),
    "worst regret": lambda run, d: format(of(run, "certificates", "worst_regret", d), ".1g"),
    "certi- fied": lambda _run, d: ["yes", "NO", "yes"][d],
    "time": lambda run, d: format(of(run, "days", "seconds", d), ".2f"),
}
HEADS: dict[str, dict[str, Cell]] = {
    "lots-lead": COMMON
    | {
        f"profit {lot}": lambda run, d, lot=lot: format(of(run, "lot_days", "profit", d, lot=lot), ".1f")
        for lot in LOTS
    },
    "nodal": COMMON
    | {
        "profit 3 lots": lambda run, d: format(sum(run.table("lot_days", d)["profit"]), ".1f"),
        "mark- down": lambda run, d: format(of(run, "days", "markdown", d), ".1f"),
        "PoA": lambda run, d: format(of(run, "days", "price_of_anarchy", d), ".5f"),
    },
}


@pytest.mark.parametrize("kind", [LOTS_LEAD, NODAL], ids=lambda kind: kind.name)
def test_every_cell_of_the_printed_table(kind: Any, runs: dict[str, Run]) -> None:
    run = runs[kind.name]
    found = cells(kind.day_table(run))
    assert set(found) == set(HEADS[kind.name])
    for head, cell in HEADS[kind.name].items():
        assert found[head] == [cell(run, day) for day in range(3)], head


def test_the_row_of_an_uncertified_day_stands_out(runs: dict[str, Run]) -> None:
    styles = [row.style for row in LOTS_LEAD.day_table(runs["lots-lead"]).rows]
    assert styles == [None, "bold red", None]


def short_of(run: Run, day: int) -> str:
    shed = sum(row.p_kw * row.hours for row in run.table("dispatch", day).itertuples() if row.kind == "shed")
    unserved = sum(run.table("lots", day)["unserved_kwh"])
    return f"day {day} had a shortage: {shed:.1f} kWh of load and {unserved:.1f} kWh of charging were not served"


def flow_of(run: Run) -> str:
    rows = [row for row in run.ac.itertuples() if row.converged]
    worst = max(rows, key=lambda row: row.voltage_error_pu)
    lossy = max(rows, key=lambda row: row.loss_share)

    def when(row: Any) -> str:
        if row.start[11:16] != f"{row.period:02d}:00" or row.hours != 1.0:
            return f"day {row.day}, period {row.period} from {row.start}"
        return f"day {row.day}, hour {row.hour}"

    return (
        f"AC power flow: voltage error of the linear flow at most {worst.voltage_error_pu:.4f} p.u. "
        f"({when(worst)}, bus {worst.voltage_error_bus}), loss at most {lossy.loss_kw:.0f} kW or "
        f"{lossy.loss_share * 100.0:.1f} % of the load ({when(lossy)}); "
        f"for {len(run.ac) - len(rows)} periods no solution was found"
    )


def closing(run: Run) -> list[str]:
    return ["the run is not complete: stopped: interrupted", f"results in {run.folder}"]


UNITS = "energy in kWh, voltage per unit, DLMP in EUR/MWh, money in EUR, time in s"
NOT_CERTIFIED = "day 1 is NOT certified: its verdict is kkt-consistent (first note; second note)"


def test_every_line_below_the_table_of_the_lots_lead_market(runs: dict[str, Run]) -> None:
    run = runs["lots-lead"]
    lines = [UNITS, NOT_CERTIFIED, short_of(run, 0), short_of(run, 1), flow_of(run), *closing(run)]
    assert LOTS_LEAD.remarks(run) == lines


def test_every_line_below_the_table_of_the_nodal_market(runs: dict[str, Run]) -> None:
    run = runs["nodal"]
    lines = [UNITS, "markdown: what the lots pay less than at competitive mean prices; PoA: price of anarchy"]
    for lot, behaviour in zip(LOTS, ("strategic", "price-taking", "central"), strict=True):
        rows = [row for row in run.lot_days.itertuples() if row.lot == lot]
        price = sum(row.payment for row in rows) / sum(row.energy_kwh for row in rows)
        lines.append(
            f"{lot} ({behaviour}): profit {sum(row.profit for row in rows):.1f}, competitive "
            f"{sum(row.competitive_profit for row in rows):.1f}, price paid {price * 1000.0:.1f} EUR/MWh, shifted "
            f"{sum(row.shifted_kwh for row in rows):.0f} kWh"
        )
    spent = sum(run.certificates["second_seconds"]) / 3
    proved = f"second method (other method): 2 of 3 days proved by it too, {spent:.2f} s a day"
    assert NODAL.remarks(run) == [
        *lines,
        NOT_CERTIFIED,
        proved,
        short_of(run, 0),
        short_of(run, 1),
        flow_of(run),
        *closing(run),
    ]


def test_a_flow_that_never_has_a_solution_is_told(runs: dict[str, Run]) -> None:
    ac = runs["lots-lead"].ac
    assert ac_line(ac[~ac["converged"].astype(bool)]) == "AC power flow: no solution was found for any period"
    solved = ac_line(ac[ac["converged"].astype(bool)])
    assert solved.endswith(")")


def test_an_undefined_price_of_anarchy_is_a_dash_and_no_markdown_has_no_sign(
    runs: dict[str, Run], tmp_path: Path
) -> None:
    run = runs["nodal"]
    days = run.days.copy()
    days.loc[0, "price_of_anarchy"], days.loc[1, "markdown"] = float("nan"), -1e-9
    other = stored_run(tmp_path, NODAL, [])
    vars(other).update(days=days, lot_days=run.lot_days)
    found = cells(NODAL.day_table(other))
    assert found["PoA"][0] == "-"
    assert found["mark- down"][1] == "0.0"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "<1e-6"), (9.9e-7, "<1e-6"), (1e-6, "1e-06"), (0.012, "0.01"), (3.4, "3"), (75.0, "8e+01")],
)
def test_small_amounts(value: float, text: str) -> None:
    assert small(value) == text


def test_of_a_lot_that_draws_nothing_no_price_is_told(runs: dict[str, Run], tmp_path: Path) -> None:
    run = runs["nodal"]
    lot_days = run.lot_days.assign(energy_kwh=0.0)
    other = stored_run(tmp_path, NODAL, [])
    tables = {name: run.table(name) for name in ("days", "certificates", "ac")}
    vars(other).update(lot_days=lot_days, **tables)
    told = [line for line in NODAL.remarks(other) if line.startswith("lot-")]
    assert len(told) == 3
    assert not any("price paid" in line for line in told)
