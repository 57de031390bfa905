"""Every sentence of an explanation, by hand on tables of a few rows; rows of another period must not be told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from equilibrium.errors import InfeasibleError
from sim.cli import main
from sim.explaining import place_of, told
from sim.explanation import Explanation, NextKw, Place
from sim.markets.charging import explanation as charging
from sim.markets.disco import explanation as disco
from sim.markets.lots_lead import kind as lots_lead
from tests.sim.made_days import made_day, stored_run

HERE = Place(0, 1, "3")
IDLE = [("t2", "microturbine", "2", 7.0)]


class Tables:
    """What an explanation sees of a run: tables of two periods."""

    def __init__(self, **tables: pd.DataFrame) -> None:
        self.tables = tables

    def table(self, name: str, day: int | None = None) -> pd.DataFrame:
        assert day == (None if name == "feeder" else 0)
        return self.tables[name]


def rows(columns: str, *values: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of period 1, and the same with other numbers in period 0."""
    names = columns.split()
    other = [tuple(1e3 + value if type(value) is float else value for value in row) for row in values]
    made = [(0, *row) for row in other] + [(1, *row) for row in values]
    return pd.DataFrame(made, columns=["period", *names])


def limits(*values: tuple[Any, ...]) -> pd.DataFrame:
    return rows("limit place bus value bound reached multiplier", *values)


FULL = ("branch", "1-2", "2", 100.0, 110.0, True, 0.25)
LOW = ("voltage-min", "3", "3", 0.9512, 0.9501, True, 50.0)
HIGH = ("voltage-max", "4", "4", 1.0499, 1.0501, True, 25.0)


def charging_lines(
    dispatch: list[tuple[Any, ...]], bound: tuple[tuple[Any, ...], ...] = (), lots: pd.DataFrame | None = None
) -> list[str]:
    """Explain bus 3 of a tree 1 - 2 - 3 with a branch 2 - 4, in a period of a quarter of an hour."""
    prices = rows(
        "bus hours energy_per_mwh congestion_per_mwh voltage_per_mwh dlmp_per_mwh voltage_pu",
        ("1", 0.25, 40.0, 0.0, 0.0, 40.0, 1.25),
        ("2", 0.25, 41.0, 5.0, 0.5, 45.5, 1.2),
        ("3", 0.25, 42.0, 5.0, 1.6, 46.6, 1.1),
        ("4", 0.25, 43.0, 6.0, 0.2, 45.2, 1.1),
    )
    feeder = pd.DataFrame(
        [("1", None, 0.0, 10.0), ("2", "1", 0.5, 10.0), ("3", "2", 0.75, 10.0), ("4", "2", 0.9, 10.0)],
        columns=["bus", "parent", "r_ohm", "base_kv"],
    )
    none = rows("lot bus power_kw network_charge_per_kwh").iloc[:0]
    made: Any = Tables(
        prices=prices,
        feeder=feeder,
        limits=limits(*bound) if bound else limits(FULL).iloc[:0],
        dispatch=rows("asset kind bus p_kw", *dispatch),
        lots=none if lots is None else lots,
    )
    found = charging.explain(made, HERE)
    assert found.price == 46.6
    assert found.parts == (("energy", 42.0), ("congestion", 5.0), ("voltage", 1.6), ("losses", 0.0))
    return list(found.lines)


def test_every_source_that_could_give_more_and_less_is_named() -> None:
    units = [
        ("import", "import", "1", 30.0),
        ("t1", "microturbine", "3", 10.0),
        ("t2", "microturbine", "2", 20.0),  # at its limit
        ("s1", "storage", "4", -5.0),
        ("s2", "storage", "4", 0.0),  # idle
        ("sun", "renewable", "2", 8.0),  # gives all that it can
        ("wind", "renewable", "2", 6.0),
        ("sun", "renewable_potential", "2", 8.0),
        ("wind", "renewable_potential", "2", 9.0),
    ]
    lines = charging_lines(units, (("microturbine", "t2", "2", 20.0, 20.0, True, 0.1), FULL))
    assert lines[0] == "energy: the substation buys 30.0 kW, a kW there is worth 40.0000 per MWh"
    assert lines[1] == (
        "marginal: the wholesale market, t1 (bus 3, 46.6000 per MWh there), s1 (bus 4, 45.2000 per MWh there), "
        "wind (bus 2, 45.5000 per MWh there)"
    )


@pytest.mark.parametrize(
    ("dispatch", "bound", "said", "marginal"),
    [
        (("export", "export", "1", 12.5), (), "sells 12.5 kW", "the wholesale market"),
        (
            ("load", "load", "1", 12.5),
            (),
            "is idle",
            "no source is between its limits, the cost has a kink here",
        ),
        (
            ("import", "import", "1", 100.0),
            (("substation", "1", "1", 100.0, 100.0, True, 0.25),),
            "buys 100.0 kW",
            "no source is between its limits, the cost has a kink here",
        ),
        (
            ("import", "import", "1", 99.0),
            (("substation", "1", "1", 99.0, 100.0, False, 0.0),),
            "buys 99.0 kW",
            "the wholesale market",
        ),
    ],
)
def test_what_the_substation_does(
    dispatch: tuple[Any, ...], bound: tuple[tuple[Any, ...], ...], said: str, marginal: str
) -> None:
    first, second, *_ = charging_lines([dispatch], bound)
    assert first == f"energy: the substation {said}, a kW there is worth 40.0000 per MWh"
    assert second == f"marginal: {marginal}"


def test_each_limit_on_the_way_with_what_it_adds() -> None:
    """Drop to bus 3: 1.25 ohm / (1000 x 1.25 x 10^2) a kW; shared with bus 4: 0.5 ohm; a quarter of an hour."""
    lines = charging_lines([("import", "import", "1", 30.0)], (FULL, LOW, HIGH))[2:]
    assert lines == [
        "congestion: the branch from 1 to 2 (100.0 of 110.0 kVA, 1 per kVA and hour) adds +5.0000 per MWh",
        "voltage: bus 3 at its lowest voltage (0.9512 of 0.9501 p.u.) adds +2.0000 per MWh",
        "voltage: bus 4 at its highest voltage (1.0499 of 1.0501 p.u.) adds -0.4000 per MWh",
        "losses: none, the market's power flow has no losses (--ac measures them)",
    ]


def test_limits_without_a_price_of_their_own() -> None:
    nothing = float("nan")
    several = charging_lines(
        [("import", "import", "1", 30.0)],
        ((*FULL[:-1], nothing), (*LOW[:-1], nothing), (*HIGH[:-2], False, nothing)),
    )
    assert several[2] == "congestion: the branch from 1 to 2 (100.0 of 110.0 kVA) adds +5.0000 per MWh"
    assert several[3] == "voltage: at a limit at bus 3; limits of several hours share what they add"
    one = charging_lines([("import", "import", "1", 30.0)], ((*LOW[:-2], False, nothing),))
    assert one[2] == "congestion: the branch from 1 to 2 adds +5.0000 per MWh"
    assert one[3] == "voltage: at a limit at bus none; limits of several hours share what they add"
    bare = charging_lines([("import", "import", "1", 30.0)], ((*LOW[:-1], 0.0),))
    assert bare[3] == "voltage: no voltage at its limit adds to the price"


@pytest.mark.parametrize(
    ("charge", "subscribed", "excess", "said"),
    [
        (0.0, 15.0, 0.002, ", no network charge; above 15 kW it pays 2.0000 more"),
        (0.005, 25.0, 0.002, " and 5.0000 as network charge, 50.0000 in all"),
        (0.005, 15.0, 0.0, " and 5.0000 as network charge, 50.0000 in all"),
    ],
)
def test_what_a_lot_at_the_bus_pays(charge: float, subscribed: float, excess: float, said: str) -> None:
    lots = rows(
        "lot bus power_kw network_charge_per_kwh lot_price_per_mwh subscribed_kw excess_per_kwh",
        ("lot-1", "3", 20.0, charge, 45.0, subscribed, excess),
        ("lot-2", "4", 10.0, 0.5, 46.0, 1.0, 0.5),
    )
    *_, losses, line = charging_lines([("import", "import", "1", 30.0)], lots=lots)
    assert losses.startswith("losses: ")
    assert line == f"lot-1 draws 20.0 kW and pays 45.0000 per MWh for energy{said}"


@pytest.mark.parametrize(
    ("bought", "given", "last"),
    [
        (30.0, (5.0, 6.0), "marginal: the upstream market"),
        (30.0, (5.0, 2.0), "marginal: sun could give more: the next kW is theirs where they reach it"),
        (0.0, (1.0, 2.0), "marginal: wind, sun could give more: the next kW is theirs where they reach it"),
        (0.0, (5.0, 6.0), None),
    ],
)
def test_every_sentence_about_a_price_of_the_disco_market(
    bought: float, given: tuple[float, float], last: str | None
) -> None:
    made: Any = Tables(
        prices=rows("bus price_per_mwh", ("1", 40.0), ("3", 44.0), ("4", 45.0)),
        dispatch=rows(
            "asset kind p_kw",
            ("import", "import", bought),
            ("grid", "loss", 1.5),
            ("sun", "renewable", given[1]),
            ("wind", "renewable", given[0]),
            ("wind", "renewable_potential", 5.0),
            ("sun", "renewable_potential", 6.0),
        ),
        lots=rows(
            "lot bus charge_kw discharge_kw tariff_per_mwh",
            ("lot-2", "4", 9.0, 9.0, 9.0),
            ("lot-1", "3", 7.0, 2.0, 55.0),
        ),
    )
    found = disco.explain(made, HERE)
    assert (found.price, found.parts) == (44.0, (("energy", 40.0), ("losses and limits", 4.0)))
    lines = [
        f"energy: the company buys {bought:.1f} kW, a kW behind the transformer costs 40.0000 per MWh",
        "losses: 1.5 kW are lost; a kW is dearer where it adds to them, cheaper where it lowers them",
        *([last] if last else []),
        "lot-1 draws 7.0 kW and gives 2.0 kW; its tariff is 55.0000 per MWh whatever the price, and there is no "
        "network charge",
    ]
    assert list(found.lines) == lines


def steps(more_kw: float) -> float:
    """A cost of a quarter of an hour: 8 per kWh below the load, 12 above it."""
    return 5.0 + 0.25 * (8.0 * min(more_kw, 0.0) + 12.0 * max(more_kw, 0.0))


def full(more_kw: float) -> float:
    if more_kw > 0.0:
        raise InfeasibleError(("full",))
    return steps(more_kw)


@pytest.mark.parametrize(("cost", "following"), [(steps, 12_000.0), (full, float("inf"))])
def test_what_the_last_and_the_next_kw_cost(
    monkeypatch: pytest.MonkeyPatch, cost: Callable[[float], float], following: float
) -> None:
    day = SimpleNamespace(length_h=[1.0, 0.25])
    network = SimpleNamespace(feeder=SimpleNamespace(index={"3": 7}.__getitem__))
    plain: Any = SimpleNamespace(network=network, market=day, clearing="cleared")
    monkeypatch.setattr(
        charging, "cost_with_more_load", lambda *given: cost(given[5]) if given[3:5] == (1, 7) else None
    )
    assert charging.next_kw(plain, plain, HERE) == NextKw(8_000.0, following)
    closed: list[str] = []
    market = SimpleNamespace(supply=lambda _: "supply", close=lambda: closed.append("closed"))
    case: Any = SimpleNamespace(market=lambda: market)
    settlement = SimpleNamespace(outcome=day, realised="cleared")
    result: Any = SimpleNamespace(network=network, settlement=settlement)
    monkeypatch.setattr(
        disco, "purchase_with_more_load", lambda *given: cost(given[6]) if given[3:6] == (0, 1, 7) else None
    )
    assert disco.next_kw(case, result, HERE) == NextKw(8_000.0, following)
    assert closed == ["closed"]


def test_of_two_periods_in_one_hour_the_first_is_meant_and_a_kw_is_worth_its_length(tmp_path: Path) -> None:
    """The clock of Lord Howe goes back by half an hour in this night: hour 1 has a whole period and a half one."""
    run = stored_run(tmp_path, lots_lead.KIND, [made_day(0)])
    assert place_of(run, 0, 1, "7") == Place(0, 1, "7")
    lines = told(run, Place(0, 2, "7"), Explanation(40.0, (("energy", 40.0),), ()))
    assert lines[0] == "day 0 (2024-04-07), period 2 from 2024-04-07T01:30+10:30, 0.5 h long, bus 7"
    assert lines[-1].startswith("a kW there is worth 0.02 EUR in this period; ")


@pytest.mark.parametrize(
    ("again", "around", "code"),
    [(0.0, (-1.0, 1.0), 0), (0.5, (-1.0, 1.0), 1), (0.0, (-2.0, -1.0), 1)],
)
def test_a_check_that_fails_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: float, around: tuple[float, float], code: int
) -> None:
    """``again`` and ``around`` are what comes out beside the price of the run."""
    run = stored_run(tmp_path, lots_lead.KIND, [made_day(0)])
    price = float(run.prices["dlmp_per_mwh"].max())
    found = price + again, NextKw(price + around[0], price + around[1])
    monkeypatch.setattr("scenarios.loading.load_scenario", lambda *_, **__: "its scenario")
    monkeypatch.setattr("sim.explaining.check_price", lambda *_: found)
    assert main(["explain", str(tmp_path), "--check"]) == code
