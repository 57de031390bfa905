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
from sim.markets.charging.terminal import ac_lines
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


def money(column: list[float], index: int) -> str:
    """An amount of a column of days and their sum: a decimal where all are small."""
    amounts = [*column, sum(column)]
    return format(amounts[index], ".1f" if max(abs(amount) for amount in amounts) < 1000.0 else ".0f")


def of_days(run: Run, column: str) -> list[float]:
    return [of(run, "days", column, d) for d in range(3)]


ALL = 3
"""The row of all days."""


def lowest(run: Run, d: int) -> str:
    found = [min(run.table("prices", each)["voltage_pu"]) for each in range(3)]
    return format([*found, min(found)][d], ".4f")


def peak(run: Run, d: int) -> str:
    found = [max(run.table("prices", each)["dlmp_per_mwh"]) for each in range(3)]
    return format([*found, max(found)][d], ".1f")


def mean(run: Run, d: int) -> str:
    """Of all days the mean over their time: 24.5, 24 and 24 hours."""
    found = of_days(run, "dlmp_mean_per_mwh")
    return format([*found, (24.5 * found[0] + 24.0 * found[1] + 24.0 * found[2]) / 72.5][d], ".1f")


def regret(run: Run, d: int) -> str:
    found = [of(run, "certificates", "worst_regret", each) for each in range(3)]
    return format([*found, max(found)][d], ".1g")


def profits(run: Run) -> list[float]:
    return [sum(run.table("lot_days", d)["profit"]) for d in range(3)]


COMMON: dict[str, Cell] = {
    "day": lambda _run, d: ["0", "1", "2", "all"][d],
    "date": lambda _run, d: ["04-07", "04-08", "04-09", ""][d],
    "energy drawn": lambda run, d: format(
        [*of_days(run, "energy_charged_kwh"), sum(of_days(run, "energy_charged_kwh"))][d], ".0f"
    ),
    "net cost": lambda run, d: money(of_days(run, "network_cost"), d),
    "lowest volt.": lowest,
    "DLMP mean": mean,
    "DLMP peak": peak,
    "profit 3 lots": lambda run, d: money(profits(run), d),
    "net charge": lambda run, d: money(of_days(run, "network_charge"), d),
    "worst regr.": regret,
    "cert.": lambda _run, d: ["yes", "NO", "yes", "2/3"][d],
    "time": lambda run, d: format([*of_days(run, "seconds"), sum(of_days(run, "seconds"))][d], ".2f"),
}
HEADS: dict[str, dict[str, Cell]] = {
    "lots-lead": COMMON,
    "nodal": COMMON | {"mark- down": lambda run, d: money(of_days(run, "markdown"), d)},
}


@pytest.mark.parametrize("kind", [LOTS_LEAD, NODAL], ids=lambda kind: kind.name)
def test_every_cell_of_the_printed_table(kind: Any, runs: dict[str, Run]) -> None:
    run = runs[kind.name]
    found = cells(kind.day_table(run))
    assert set(found) == set(HEADS[kind.name])
    for head, cell in HEADS[kind.name].items():
        assert found[head] == [cell(run, day) for day in (*range(3), ALL)], head


def without_charges(run: Run, kind: Any, folder: Path, **days: Any) -> Run:
    """The same run whose operator charges nothing, with other columns of the days."""
    other = stored_run(folder, kind, [])
    vars(other).update({name: run.table(name) for name in run.columns})
    vars(other).update(days=run.days.assign(network_charge=0.0, **days))
    return other


def test_without_charges_each_lot_has_its_profit_and_a_price_of_anarchy_its_column(
    runs: dict[str, Run], tmp_path: Path
) -> None:
    run = runs["lots-lead"]
    found = cells(LOTS_LEAD.day_table(without_charges(run, LOTS_LEAD, tmp_path / "l")))
    kept = {head for head in COMMON if head not in ("net charge", "profit 3 lots")}
    assert set(found) == kept | {f"profit {lot}" for lot in LOTS}
    profit = {lot: [of(run, "lot_days", "profit", d, lot=lot) for d in range(3)] for lot in LOTS}
    most = max(abs(amount) for column in profit.values() for amount in (*column, sum(column)))
    digits = ".1f" if most < 1000.0 else ".0f"
    for lot in LOTS:
        assert found[f"profit {lot}"] == [format(amount, digits) for amount in (*profit[lot], sum(profit[lot]))]
    other = without_charges(runs["nodal"], NODAL, tmp_path / "n")
    found = cells(NODAL.day_table(other))
    assert set(found) == {*COMMON, "mark- down", "PoA"} - {"net charge"}
    assert found["PoA"] == [*(format(ratio, ".5f") for ratio in of_days(runs["nodal"], "price_of_anarchy")), ""]
    assert f"{MARKDOWN}; PoA: price of anarchy" in NODAL.remarks(other)
    assert not any("operator" in line for line in NODAL.remarks(other))
    none = without_charges(runs["nodal"], NODAL, tmp_path / "o", price_of_anarchy=float("nan"))
    assert "PoA" not in cells(NODAL.day_table(none))
    assert MARKDOWN in NODAL.remarks(none)


@pytest.mark.parametrize(("cost", "text"), [([999.94, -3.0], ["999.9", "-3.0", "996.9"]), ([-1e-9] * 2, ["0.0"] * 3)])
def test_small_money_has_a_decimal(cost: list[float], text: list[str], runs: dict[str, Run], tmp_path: Path) -> None:
    days = runs["lots-lead"].days.iloc[:2].assign(network_cost=cost)
    other = stored_run(tmp_path, LOTS_LEAD, [])
    vars(other).update(days=days, lot_days=runs["lots-lead"].lot_days)
    assert cells(LOTS_LEAD.day_table(other))["net cost"] == text
    vars(other).update(days=days.assign(network_cost=[1000.0, 0.4]))
    assert cells(LOTS_LEAD.day_table(other))["net cost"] == ["1000", "0", "1000"]


def test_typical_days_have_no_date_and_one_day_no_total(runs: dict[str, Run], tmp_path: Path) -> None:
    other = stored_run(tmp_path, LOTS_LEAD, [])
    vars(other).update(days=runs["lots-lead"].days.iloc[:1].drop(columns="date"), lot_days=runs["lots-lead"].lot_days)
    found = cells(LOTS_LEAD.day_table(other))
    assert "date" not in found
    assert found["day"] == ["0"]


def test_the_row_of_an_uncertified_day_stands_out(runs: dict[str, Run]) -> None:
    styles = [row.style for row in LOTS_LEAD.day_table(runs["lots-lead"]).rows]
    assert styles == [None, "bold red", None, "bold"]


def short_of(run: Run, day: int) -> str:
    shed = sum(row.p_kw * row.hours for row in run.table("dispatch", day).itertuples() if row.kind == "shed")
    unserved = sum(run.table("lots", day)["unserved_kwh"])
    worth: dict[str, float] = {}
    for row in run.table("limits", day).itertuples():
        if row.shortage > 0.0:
            worth[f"{row.limit} {row.place}"] = row.shortage
    first, second, third, *others = sorted(worth, key=lambda name: -worth[name])
    return (
        f"day {day} had a shortage: {shed:.1f} kWh of load and {unserved:.1f} kWh of charging were not served; "
        f"held by {first}, {second}, {third} and {len(others)} more (table limits)"
    )


def flow_of(run: Run) -> list[str]:
    rows = [row for row in run.ac.itertuples() if row.converged]
    worst = max(rows, key=lambda row: row.voltage_error_pu)
    lossy = max(rows, key=lambda row: row.loss_share)

    def when(row: Any) -> str:
        if row.start[11:16] != f"{row.period:02d}:00" or row.hours != 1.0:
            return f"day {row.day}, period {row.period} from {row.start}"
        return f"day {row.day}, hour {row.hour}"

    broken = []
    for name, said in (
        ("undervoltage", "{:.4f} p.u. below the lowest voltage at bus {}"),
        ("overvoltage", "{:.4f} p.u. above the highest voltage at bus {}"),
        ("overload", "{:.1f} kVA above the rating of the branch into bus {}"),
    ):
        column = "overload_kva" if name == "overload" else f"{name}_pu"
        beyond = [row for row in rows if getattr(row, column) > 0.0]
        most = max(beyond, key=lambda row: getattr(row, column))
        words = said.format(getattr(most, column), getattr(most, f"{name}_bus"))
        broken.append(f"{words} ({when(most)}; {len(beyond)} periods)")
    return [
        f"AC power flow: voltage error of the linear flow at most {worst.voltage_error_pu:.4f} p.u. "
        f"({when(worst)}, bus {worst.voltage_error_bus}), loss at most {lossy.loss_kw:.0f} kW or "
        f"{lossy.loss_share * 100.0:.1f} % of the load ({when(lossy)}); "
        f"for {len(run.ac) - len(rows)} periods no solution was found",
        f"limits in the AC flow: {', '.join(broken)}",
    ]


def closing(run: Run) -> list[str]:
    return ["the run is not complete: stopped: interrupted", f"results in {run.folder}"]


def about_agents(run: Run) -> list[str]:
    """Who stayed away, what the operator took, what the lots posted, and how far that is from the equilibrium."""
    rows = list(run.lots.itertuples())
    dearest = max(rows, key=lambda row: row.network_charge_per_kwh)
    plain = dearest.start[11:16] == f"{dearest.period:02d}:00" and dearest.hours == 1.0
    moment = f"hour {dearest.hour}" if plain else f"period {dearest.period} from {dearest.start}"
    charge = f"{dearest.network_charge_per_kwh:.4f} EUR/kWh"
    what = f"the highest charge was {charge} ({dearest.lot}, day {dearest.day}, {moment})"
    if "subscribed_kw" in run.lots:  # lot-x has a contract
        above = sum(max(row.power_kw - row.subscribed_kw, 0.0) * row.hours for row in rows)
        what = f"they drew {above:.0f} kWh above their subscribed capacities"
    posted = []
    for lot in LOTS:
        first, last = (of(run, "lot_days", "price_per_kwh", d, lot=lot) for d in (0, 2))
        posted.append(f"{lot} {first:.3f} to {last:.3f}")
    measured = list(run.yardstick.itertuples())
    far = [abs(row.posted_per_kwh - row.equilibrium_per_kwh) for row in measured if row.day != 1]
    forgone = sum(row.regret for row in measured) / len(measured)
    return [
        "drivers: 3 stayed away, 3 found no place",
        f"network charges: the lots paid the operator {sum(of_days(run, 'network_charge')):.1f} EUR; {what}",
        f"posted prices, first to last day, EUR/kWh: {', '.join(posted)}",
        f"yardstick: posted prices {sum(far) / len(far):.4f} EUR/kWh from the equilibrium and regret {forgone:.2f} EUR "
        f"a lot and day, on average; no equilibrium was found on 1 of 3 days",
    ]


UNITS = "energy in kWh, voltage per unit, DLMP in EUR/MWh, money in EUR, time in s"
MARKDOWN = "markdown: what the lots pay less than at competitive mean prices"
NOT_CERTIFIED = "day 1 is NOT certified: its verdict is kkt-consistent (first note; second note)"


def test_every_line_below_the_table_of_the_lots_lead_market(runs: dict[str, Run]) -> None:
    run = runs["lots-lead"]
    profits = (sum(of(run, "lot_days", "profit", day, lot=lot) for day in range(3)) for lot in LOTS)
    each = ", ".join(f"{lot} {profit:.1f}" for lot, profit in zip(LOTS, profits, strict=True))
    about = [f"profits over all days: {each}", NOT_CERTIFIED, *about_agents(run)]
    lines = [UNITS, *about, short_of(run, 0), short_of(run, 1), *flow_of(run), *closing(run)]
    assert LOTS_LEAD.remarks(run) == lines


def test_every_line_below_the_table_of_the_nodal_market(runs: dict[str, Run]) -> None:
    run = runs["nodal"]
    anarchy = of_days(run, "price_of_anarchy")
    lines = [UNITS, f"{MARKDOWN}; price of anarchy {min(anarchy):.5f} to {max(anarchy):.5f}"]
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
        *about_agents(run),
        proved,
        short_of(run, 0),
        short_of(run, 1),
        *flow_of(run),
        *closing(run),
    ]


def test_what_nobody_did_is_not_told(runs: dict[str, Run], tmp_path: Path) -> None:
    run = runs["lots-lead"]
    other = without_charges(run, LOTS_LEAD, tmp_path, turned_away=0, stayed_away=0)
    no_distance = run.yardstick.assign(equilibrium_per_kwh=None, distance_per_kwh=None, equilibria=0)
    vars(other).update(lot_days=run.lot_days.assign(price_per_kwh=0.3), yardstick=no_distance)
    told = [
        line for line in LOTS_LEAD.remarks(other) if line.split(":")[0] in ("drivers", "network charges", "yardstick")
    ]
    forgone = sum(run.yardstick["regret"]) / 9
    assert told == [
        f"yardstick: regret {forgone:.2f} EUR a lot and day, on average; no equilibrium was found on 3 of 3 days"
    ]
    assert not any(line.startswith("posted prices") for line in LOTS_LEAD.remarks(other))
    vars(other).update(yardstick=run.yardstick.iloc[:0])
    assert not any(line.startswith("yardstick") for line in LOTS_LEAD.remarks(other))
    vars(other).update(days=other.days.assign(stayed_away=[2, 0, 5]))
    assert "drivers: 7 stayed away, 0 found no place" in LOTS_LEAD.remarks(other)


def test_a_flow_that_never_has_a_solution_is_told(runs: dict[str, Run]) -> None:
    ac = runs["lots-lead"].ac
    assert ac_lines(ac[~ac["converged"].astype(bool)]) == ["AC power flow: no solution was found for any period"]
    solved = ac[ac["converged"].astype(bool)]
    assert ac_lines(solved)[0].endswith(")")
    within = solved.assign(undervoltage_pu=0.0, overvoltage_pu=0.0, overload_kva=0.0)
    assert ac_lines(within)[1] == "limits in the AC flow: all hold"


def test_an_undefined_price_of_anarchy_is_a_dash_and_no_markdown_has_no_sign(
    runs: dict[str, Run], tmp_path: Path
) -> None:
    run = runs["nodal"]
    days = run.days.assign(network_charge=0.0, markdown=[5.0, -1e-9, 3.0])
    days.loc[0, "price_of_anarchy"] = float("nan")
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
    tables = {name: run.table(name) for name in run.columns if name != "lot_days"}
    vars(other).update(lot_days=lot_days, **tables)
    told = [line for line in NODAL.remarks(other) if line.startswith("lot-")]
    assert len(told) == 3
    assert not any("price paid" in line for line in told)
