"""What a market gives to the lists: a part that is missing is named; of which clearings its statements are asked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from equilibrium.errors import InputError
from equilibrium.markets.aggregator import invariants as aggregator_invariants
from equilibrium.markets.disco import invariants as disco_invariants
from equilibrium.markets.nodal import invariants as nodal_invariants
from equilibrium.markets.two_settlement import invariants as two_invariants
from scenarios.case import Case
from scenarios.kinds import check_scenario_kind, scenario_kinds
from scenarios.schema import Section
from sim.columns import Table, number
from sim.kinds import market_kinds
from sim.markets.aggregator import kind as aggregator
from sim.markets.base import check_market_kind
from sim.markets.disco import kind as disco
from sim.markets.nodal import kind as nodal
from sim.markets.two_settlement import kind as two

NODAL = nodal.KIND
DAYS = next(table for table in NODAL.tables if table.name == "days")
OTHERS = tuple(table for table in NODAL.tables if table is not DAYS)
NUMBER = number("x", "a number, kW", lambda _: 1.0)


def with_days(*columns: Any) -> tuple[Any, ...]:
    return (replace(DAYS, columns=(*DAYS.columns, *columns)), *OTHERS)


def given(**changes: Any) -> Any:
    return replace(NODAL, **changes)


KNOWN = ", ".join(column.name for column in DAYS.columns)


@pytest.mark.parametrize("name", list(market_kinds()))
def test_every_market_of_ours_has_all_its_parts(name: str) -> None:
    assert check_market_kind("here", market_kinds()[name]) is market_kinds()[name]
    assert check_scenario_kind("here", scenario_kinds()[name]) is scenario_kinds()[name]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (None, "market: got None, expected a sim.markets.base.MarketKind"),
        (given(name=""), "market.name: got '', expected the name that market.kind gives it"),
        (given(name=3), "market.name: got 3, expected the name that market.kind gives it"),
        *(
            (given(**{part: 3}), f"market.{part}: got 3, expected a function")
            for part in ("model", "figures", "day_table", "remarks")
        ),
        (given(refuses=()), "market.refuses: got (), expected a mapping of options to reasons"),
        (given(invariants=(3,)), "market.invariants: got 3, expected a sim.checks.RunInvariant"),
        (given(tables=(3,)), "market.tables: got 3, expected a sim.columns.Table"),
        (given(tables=(DAYS, DAYS)), "table days: got 'days', expected a name that no other table has"),
        (
            given(tables=(Table("own", 3, (NUMBER,)),)),
            "table own, rows: got 3, expected a function that takes a finished day",
        ),
        (given(tables=OTHERS), f"market.tables: got {[table.name for table in OTHERS]}, expected a table 'days' with "
         "one row a day"),
        (given(peak_column="x"), f"market.peak_column: got 'x', expected a column of table days ({KNOWN})"),
        (given(tables=with_days(3)), "table days: got 3, expected a sim.columns.Column"),
        (given(tables=with_days(NUMBER, NUMBER)), "table days: got 'x', expected each column once"),
        (given(tables=with_days(replace(NUMBER, type="f8"))), "table days, column x: got 'f8', expected an Arrow type"),
        (
            given(tables=with_days(replace(NUMBER, meaning=""))),
            "table days, column x: got '', expected what it means, with its unit",
        ),
        (given(tables=with_days(replace(NUMBER, values=3))), "table days, column x: got 3, expected a function of the "
         "rows' source"),
        (
            given(tables=(replace(DAYS, columns=(NUMBER,)), *OTHERS)),
            "table days: got ['x'], expected a column 'day'",
        ),
    ],
)  # fmt: skip
def test_a_market_that_lacks_a_part(kind: Any, said: str) -> None:
    with pytest.raises(InputError) as error:
        check_market_kind("here", kind)
    assert str(error.value) == f"here: {said}"


SCENARIO = scenario_kinds()["nodal"]


class NoMarket(SCENARIO.schema):  # type: ignore[name-defined]
    market: int = 3


class NoName(SCENARIO.schema):  # type: ignore[name-defined]
    market: Section = Section()


class Bare(Case):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "scenario.name: got '', expected the name that market.kind gives it"),
        ({"name": None}, "scenario.name: got None, expected the name that market.kind gives it"),
        ({"schema": 3}, "scenario.schema: got 3, expected a subclass of scenarios.schema.CaseFile"),
        ({"schema": int}, "scenario.schema: got <class 'int'>, expected a subclass of scenarios.schema.CaseFile"),
        (
            {"schema": NoMarket},
            "scenario.schema: market: got <class 'int'>, expected a subclass of scenarios.schema.MarketSection",
        ),
        (
            {"schema": NoName},
            "scenario.schema: market: got <class 'scenarios.schema.Section'>, expected a subclass of ",
        ),
        ({"name": "other"}, "scenario.schema: market.kind: got ['nodal'], expected Literal['other']"),
        ({"case": 3}, "scenario.case: got 3, expected a subclass of scenarios.case.Case"),
        ({"case": dict}, "scenario.case: got <class 'dict'>, expected a subclass of scenarios.case.Case"),
        ({"case": Bare}, "scenario.case: got 'Bare', expected a class with the methods "),
        ({"build": 3}, "scenario.build: got 3, expected a function that makes the case"),
        ({"file_keys": ()}, "scenario.file_keys: got (), expected a mapping of keys to folder and suffix"),
    ],
)
def test_a_scenario_that_lacks_a_part(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        check_scenario_kind("here", replace(SCENARIO, **changes))
    found = str(error.value)
    assert found == f"here: {said}" or (said[-1] in " b" and found.startswith(f"here: {said}"))
    with pytest.raises(InputError, match=r"^here: scenario: got 3, expected a scenarios\.case\.ScenarioKind$"):
        check_scenario_kind("here", 3)


# Which clearings are asked


def shown(clearings: Any) -> list[tuple[Any, ...]]:
    return [(each.name, each.network, each.day, each.cleared) for each in clearings]


def test_what_is_asked_of_a_day_of_the_company() -> None:
    settlement = SimpleNamespace(forecast="forecast", plan="plan", outcome="outcome", clearing="clearing")
    found = disco.KIND.clearings(SimpleNamespace(network="network", settlement=settlement))  # type: ignore[arg-type]
    assert shown(found) == [("plan", "network", "forecast", "plan"), ("outcome", "network", "outcome", "clearing")]
    assert all(each.invariants is disco_invariants.INVARIANTS and each.relations for each in found)


def test_what_is_asked_of_a_day_of_the_aggregator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregator_invariants, "network_of", lambda day: f"network of {day}")
    settlement = SimpleNamespace(forecast="forecast", plan="plan")
    found = aggregator.KIND.clearings(SimpleNamespace(settlement=settlement))  # type: ignore[arg-type]
    assert shown(found) == [("plan", "network of forecast", "forecast", "plan")]
    assert found[0].invariants is aggregator_invariants.INVARIANTS
    assert found[0].relations


def test_what_is_asked_of_a_day_of_two_settlements() -> None:
    day = SimpleNamespace(system="system", settlement=SimpleNamespace(forecast="forecast"), plan="plan")
    found = two.KIND.clearings(day)  # type: ignore[arg-type]
    assert shown(found) == [("plan", "system", "forecast", "plan")]
    assert found[0].invariants is two_invariants.INVARIANTS
    assert found[0].relations


@pytest.mark.parametrize("certified", [True, False])
def test_what_is_no_equilibrium_is_asked_for_no_relation(certified: bool) -> None:
    clearing = SimpleNamespace(certificate=SimpleNamespace(certified=certified))
    found = NODAL.clearings(SimpleNamespace(network="network", market="market", clearing=clearing))  # type: ignore[arg-type]
    assert shown(found) == [("", "network", "market", clearing)]
    assert found[0].invariants is nodal_invariants.INVARIANTS
    assert bool(found[0].relations) == certified


def test_a_market_without_clearings_is_asked_nothing() -> None:
    bare = {name: kind for name, kind in market_kinds().items() if kind.clearings.__name__ == "_none"}
    assert list(bare) == ["aggregators"]
    assert bare["aggregators"].clearings(None) == ()  # type: ignore[arg-type]


# Who pays whom


def test_accounts_of_the_company_by_their_words() -> None:
    rows = [
        ("company", "upstream", "upstream_cost", 5.0),
        ("company", "drivers", "v2g_payment", 2.0),
        ("company", "upstream", "upstream_cost", 7.0),
        ("customers", "company", "load_income", 3.0),
        ("customers", "company", "load_income", -3.0),
        ("customers", "company", "other_income", -1.0),
    ]
    accounts = pd.DataFrame(rows, columns=["payer", "receiver", "account", "amount"])
    run: Any = SimpleNamespace(accounts=accounts)
    assert disco.payments(run).to_numpy().tolist() == [
        ["company", "upstream", "upstream cost", 12.0],
        ["company", "drivers", "vehicle-to-grid payment", 2.0],
        ["customers", "company", "other income", -1.0],
    ]


def test_payments_of_two_settlements_by_account() -> None:
    rows = [
        ("operator", "market", "day-ahead", "energy", 5.0),
        ("market", "operator", "real time", "energy", 2.0),
        ("bidder", "operator", "day-ahead", "energy", 4.0),
        ("operator", "market", "day-ahead", "energy", 1.0),
    ]
    payments = pd.DataFrame(rows, columns=["payer", "receiver", "stage", "product", "amount"])
    run: Any = SimpleNamespace(payments=payments)
    assert two._payments(run).to_numpy().tolist() == [
        ["operator", "market", "day-ahead, energy", 6.0],
        ["bidder", "operator", "day-ahead, energy", 4.0],
        ["market", "operator", "real time, energy", 2.0],
    ]
