"""Every column of every table of several aggregators, and what figures and the terminal make of them, by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from equilibrium.certificate import Certificate, Verdict
from equilibrium.programs.program import ProgramBuilder
from sim.manifest import write_manifest
from sim.markets.aggregator.rivals.figures import offers_figure, profits_figure, rivals_figures, trade_figure
from sim.markets.aggregator.rivals.kind import KIND
from sim.markets.aggregator.rivals.model import REPORTERS, RivalsDayResult
from sim.store import Run, RunWriter
from tests.sim import test_contract_tables as one
from tests.sim.made_contract_days import made_contract_day
from tests.sim.test_every_column import Row, assert_rows

NAMES = ("north", "south")
KINDS = {"charge_g2v_kw": "charge", "charge_v2g_kw": "charge", "discharge_kw": "discharge", "reserve_kw": "reserve"}
FOLLOWERS = {"lot": tuple(KINDS), "unit": ("output_kw",), "retailer": ("served_kw",)}


def follower(draw: np.random.Generator, name: str, home: int, periods: int, weight: float) -> Any:
    """A follower and what it trades with everybody: its columns are traded in the other order, and one is not."""
    build = ProgramBuilder()
    build.columns("stock_kwh", (periods,))
    for column in FOLLOWERS[name]:
        build.columns(column, (periods,))
    program = build.compile()
    traded = np.arange(program.shape[1])[: periods - 1 : -1]
    power = draw.uniform(1.0, 9.0, (len(NAMES), traded.size))
    base = SimpleNamespace(name=name, weight=weight, program=program)
    about = SimpleNamespace(base=base, traded=traded, home=home)
    return SimpleNamespace(follower=about, with_whom=lambda who: power[who], power=power)


def proof(verdict: Verdict) -> Certificate:
    numbers = (1e-9, 2e-9, 3e-9, 4e-9)
    return Certificate(
        verdict, *numbers, (0.25, 0.75), (True, False), 0.75, 0.0625, "replies", "HiGHS", ("one note", "another")
    )


def made(index: int, verdict: Verdict = Verdict.EXACT) -> Any:
    """A day on which every number is another one; the second of three starts came nearest."""
    draw = np.random.default_rng([31, index])
    parts = (made_contract_day(index), made_contract_day(index, seed=(1,)))
    axis = parts[0].day.axis
    t = axis.size
    markets = tuple(
        SimpleNamespace(
            choices=[
                follower(draw, name, home, t, weight) for name, weight in zip(FOLLOWERS, (0.5, 1.0, 2.0), strict=True)
            ],
            margins=draw.uniform(size=2),
            fees=float(draw.uniform()),
        )
        for home in range(2)
    )
    profile = [[{"retailer": draw.uniform(size=t), "lot reserve": draw.uniform(size=t)} for _ in NAMES] for _ in NAMES]
    runs = [SimpleNamespace(rounds=k + 5, start=f"start {k}", regret=abs(k - 1.25)) for k in range(3)]
    cleared = SimpleNamespace(
        names=NAMES, profile=profile, profit=draw.uniform(size=2), bound=draw.uniform(size=2), runs=runs,
        certificate=proof(verdict), ended="cycle",
    )  # fmt: skip
    day = SimpleNamespace(index=index, date=parts[0].date, axis=axis)
    result: Any = RivalsDayResult(day, cleared, (None, markets), parts, 1.5)  # type: ignore[arg-type]
    return result


def traded(each: Any, who: int, periods: int) -> dict[str, np.ndarray]:
    """What a follower trades with one, by name: its columns were turned around."""
    forward = each.power[who][::-1].reshape(-1, periods)
    found: dict[str, np.ndarray] = {}
    for column, power in zip(FOLLOWERS[each.follower.base.name], forward, strict=True):
        name = KINDS.get(column, column.removesuffix("_kw"))
        found[name] = found.get(name, 0.0) + power
    return found


def total(day: Any, name: str) -> float:
    rows = [next(one.expected_days(part)) for part in day.parts]
    return float(sum(row[name] for row in rows))


def expected_days(day: Any) -> Iterator[Row]:
    names = ["profit", "planned_profit", "lot_profit", "generator_profit", "retail_profit", "charged_kwh", "vehicles"]
    names += ["discharged_kwh", "reserve_kwh", "generated_kwh", "served_kwh", "interrupted_kwh"]
    strange = 0.0
    for home, market in enumerate(day.came[1]):
        for each in market.choices:
            powers = traded(each, 1 - home, day.axis.size)
            strange += sum(one.energy(day.parts[0], kw) for name, kw in powers.items() if name != "reserve")
    yield {
        **one.dated(day.parts[0]),
        **{name: total(day, name) for name in names},
        "wheeling": day.came[1][0].fees + day.came[1][1].fees,
        "strangers_kwh": strange,
        "upstream_price_peak_per_mwh": 1000.0 * max(max(p.settlement.outcome.energy_price) for p in day.parts),
        **{"rounds": 6, "start": "start 1", "ended": "cycle", "worst_regret": 0.75},
        **{"certified": True, "verdict": "exact", "seconds": 1.5},
    }


def expected_aggregators(day: Any) -> Iterator[Row]:
    margins = [[market.margins[who] for market in day.came[1]] for who in range(2)]
    for who, part in enumerate(day.parts):
        yield {
            **one.dated(day.parts[0]),
            **{"aggregator": NAMES[who], "profit": part.aggregator.profit, "planned_profit": day.cleared.profit[who]},
            **{"own": margins[who][who], "strangers": margins[who][1 - who], "bound": day.cleared.bound[who]},
            "regret": (0.25, 0.75)[who],
            "lot_profit": float(sum(lot.profit for lot in part.lots)),
            "generator_profit": float(sum(unit.profit for unit in part.generators)),
            "retail_profit": part.retailer.profit,
            "price_error_per_mwh": 1000.0 * part.aggregator.price_error,
            "load_factor": part.aggregator.load_factor,
            "willing": part.retailer.willing,
        }


def expected_offers(day: Any) -> Iterator[Row]:
    for who, part in enumerate(day.parts):
        came = part.settlement.outcome
        series = [("upstream", "energy", came.energy_price), ("upstream", "reserve", came.reserve_price)]
        for market, prices in enumerate(day.cleared.profile[who]):
            series += [(NAMES[market], name, value) for name, value in prices.items()]
        for market, name, value in series:
            for t in range(day.axis.size):
                words = {"aggregator": NAMES[who], "market": market, "price": name}
                yield one.period(day.parts[0], t) | words | {"price_per_mwh": 1000.0 * float(value[t])}


def expected_trade(day: Any) -> Iterator[Row]:
    for home, market in enumerate(day.came[1]):
        for each in market.choices:
            for who in range(2):
                for kind, power in traded(each, who, day.axis.size).items():
                    words = {"market": NAMES[home], "asset": each.follower.base.name, "kind": kind}
                    for t in range(day.axis.size):
                        at = one.period(day.parts[0], t) | words | {"with_whom": NAMES[who]}
                        yield at | {"p_kw": each.follower.base.weight * float(power[t])}


def expected_certificates(day: Any) -> Iterator[Row]:
    yield {
        **one.dated(day.parts[0]),
        **{"verdict": "exact", "certified": True, "primal": 1e-9, "dual": 2e-9, "complementarity": 3e-9, "gap": 4e-9},
        **{"worst_regret": 0.75, "epsilon": 0.0625, "method": "replies", "solver": "HiGHS"},
        "notes": "one note; another",
    }


def of_each(name: str) -> Callable[[Any], Iterator[Row]]:
    """Those of one aggregator after the other, with whose they are."""

    def rows(day: Any) -> Iterator[Row]:
        for who, part in zip(NAMES, day.parts, strict=True):
            yield from ({**row, "aggregator": who} for row in one.EXPECTED[name](part))

    return rows


EXPECTED: dict[str, Callable[[Any], Iterator[Row]]] = {
    "days": expected_days,
    "aggregators": expected_aggregators,
    "offers": expected_offers,
    "trade": expected_trade,
    "certificates": expected_certificates,
    **{name: of_each(name) for name in ("dispatch", "lots", "lot_days", "contracts", "generators")},
}


@pytest.mark.parametrize("table", KIND.tables, ids=lambda table: table.name)
def test_every_column_of_every_table(table: Any) -> None:
    day = made(0)
    assert {each.name for each in KIND.tables} == set(EXPECTED)
    assert_rows(table, day, list(EXPECTED[table.name](day)))


def test_an_aggregator_without_lots_has_no_rows_of_them() -> None:
    day = made(0)
    bare = replace(day.parts[0], lots=())
    day = RivalsDayResult(day.day, day.cleared, day.came, (bare, day.parts[1]), 1.5)  # type: ignore[arg-type]
    for table in KIND.tables:
        if table.name in ("lots", "lot_days", "contracts"):
            found = table.of(day)
            assert found is not None
            assert set(found["aggregator"]) == {"south"}


def test_what_is_collected_of_a_day_is_what_the_tables_say() -> None:
    day = made(0)
    model: Any = SimpleNamespace(last=day)
    (row,) = expected_days(day)
    wanted = {name: row[name] for name in ("profit", "lot_profit", "worst_regret", "certified")}
    assert {name: value(model) for name, value in REPORTERS.items()} == pytest.approx(wanted)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two days, of which the second is not proved."""
    folder = tmp_path_factory.mktemp("rivals")
    writer = RunWriter(folder, KIND.name, KIND.tables)
    for index, verdict in enumerate((Verdict.EXACT, Verdict.UNPROVED)):
        day = made(index, verdict)
        tables = {table.name: table.of(day) for table in KIND.tables}
        writer.add(index, {name: columns for name, columns in tables.items() if columns is not None})
    writer.close()
    write_manifest(folder, {"currency": "EUR", "status": "complete"})
    return Run(folder)


def test_every_cell_and_line_of_the_terminal(run: Run) -> None:
    shown = KIND.day_table(run)
    cells = [[str(cell) for cell in column.cells] for column in shown.columns]
    days = run.days
    columns = ["profit", "lot_profit", "generator_profit", "retail_profit", "vehicles", "charged_kwh", "strangers_kwh"]
    assert cells == [
        ["0", "1"],
        *([f"{value:.0f}" for value in days[name]] for name in columns),
        *(["6", "6"], ["0.8", "0.8"], ["exact", "NO"], ["1.5", "1.5"]),
    ]
    assert [row.style for row in shown.rows] == [None, "bold red"]
    heads = [" ".join(str(column.header).split()) for column in shown.columns]
    assert heads == [
        *("day", "profit aggr.", "profit lots", "profit gen.", "profit load", "cars", "kWh in", "kWh strange"),
        *("rounds", "worst regret", "proof", "time"),
    ]
    lines = KIND.remarks(run)
    for k, name in enumerate(NAMES):
        own = run.aggregators[run.aggregators["aggregator"] == name]
        sums = [sum(own[column]) for column in ("profit", "planned_profit", "strangers")]
        assert lines[2 + k] == f"{name}: {sums[0]:.1f} (planned {sums[1]:.1f}), of it with strangers {sums[2]:.1f}"
    assert lines[4] == f"wheeling fees {sum(days['wheeling']):.1f}"
    assert lines[5] == "day 1 is NOT certified: cycle, unproved (one note; another)"
    assert lines[6] == f"results in {run.folder}"
    assert all(column.no_wrap and column.justify == "right" for column in KIND.day_table(run).columns)


def chosen(frame: pd.DataFrame, column: str, **words: str) -> list[float]:
    """A column in the rows that have these words."""
    for name, word in words.items():
        frame = frame[frame[name] == word]
    assert len(frame)
    return frame[column].tolist()


def level(axis: Any, label: str) -> list[float]:
    """The heights of a line of steps, one a period."""
    (line,) = (each for each in axis.get_lines() if each.get_label() == label)
    return np.asarray(line.get_ydata(), dtype=float)[::2].tolist()


def styles(axis: Any) -> dict[str, str]:
    """How each line is drawn: the market's own aggregator is solid."""
    return {line.get_label(): line.get_linestyle() for line in axis.get_lines()}


def test_every_line_of_every_figure(run: Run) -> None:
    offers, trade = run.table("offers", 0), run.table("trade", 0)
    assert set(rivals_figures(run, 0, "T", "EUR")) == {"offers-day-0", "trade-day-0", "profits"}
    axes = offers_figure(offers, "EUR", "T").axes
    assert [axis.get_title(loc="left") for axis in axes] == [
        *("north: retailer", "south: retailer", "north: lot reserve", "south: lot reserve")
    ]
    assert axes[0].get_ylabel() == "EUR per MWh"
    price = "price_per_mwh"
    for number, axis in enumerate(axes):
        market, kind = NAMES[number % 2], ("energy", "reserve")[number // 2]
        up = chosen(offers, price, aggregator="north", market="upstream", price=kind)
        assert level(axis, "upstream") == pytest.approx(up)
        own_first = dict(zip(NAMES, ["-", "--"][:: -1 if number % 2 else 1], strict=True))
        assert styles(axis) == {"upstream": "-"} | own_first
        for name in NAMES:
            own = chosen(offers, price, aggregator=name, market=market, price=("retailer", "lot reserve")[number // 2])
            assert level(axis, name) == pytest.approx(own)
    axes = trade_figure(trade, "T").axes
    kinds = {"served": "load", "charge": "charging", "output": "generators", "discharge": "discharging"}
    kinds |= {"reserve": "reserve"}
    titles = [f"{market}: {word}" for word in kinds.values() for market in NAMES]
    assert [axis.get_title(loc="left") for axis in axes] == titles
    for number, axis in enumerate(axes):
        assert axis.get_ylim()[0] == 0.0
        assert styles(axis) == dict(zip(NAMES, ["-", "--"][:: -1 if number % 2 else 1], strict=True))
        for name in NAMES:
            where = {"with_whom": name, "market": NAMES[number % 2], "kind": list(kinds)[number // 2]}
            assert level(axis, name) == pytest.approx(chosen(trade, "p_kw", **where))
    twice = pd.concat([trade, trade.assign(asset="another")])  # several followers of a market are drawn together
    for axis, once in zip(trade_figure(twice).axes, axes, strict=True):
        assert level(axis, NAMES[0]) == pytest.approx([2.0 * kw for kw in level(once, NAMES[0])])
    for axis, column in zip(profits_figure(run.aggregators, "EUR").axes, ("profit", "strangers"), strict=True):
        for name in NAMES:
            (line,) = (each for each in axis.get_lines() if each.get_label() == name)
            rows = run.aggregators[run.aggregators["aggregator"] == name]
            assert (list(line.get_xdata()), list(line.get_ydata())) == ([0, 1], rows[column].tolist())
        (zero,) = (line for line in axis.get_lines() if line.get_label() not in NAMES)
        assert set(zero.get_ydata()) == {0}
        assert (
            axis.get_title(loc="left") == {"profit": "Profit", "strangers": "Of it from strangers"}[column] + " (EUR)"
        )
