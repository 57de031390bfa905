"""Scenarios of the strategies as the text of their files, with draws that are told: the least, the most, by a list."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios import random_scenarios
from tests.scenarios.told_draws import by, first, last, told


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Any:
    return told(random_scenarios, monkeypatch)


LEAST = {
    "title": "a random nodal scenario",
    "market": {"kind": "nodal", "export_price_factor": 0.7},
    "feeder": {"name": "feeder", "voltage_min_pu": 0.9},
    "prices": {"file": "prices.csv"},
    "loads": {"scale": 1.0, "profile": "residential"},
    "microturbines": [],
    "renewables": [],
    "lots": [
        {
            **{"name": "lot-0", "bus": "b1", "places": 1, "charger_kw": 11, "efficiency": 1.0},
            **{"charging_price_eur_per_kwh": 0.2, "learning": {"rule": "none"}},
        }
    ],
    "drivers": {"source": "replay", "files": ["sessions.csv"]},
}

MOST_LOT = {
    **{"bus": "b6", "places": 4, "charger_kw": 50, "efficiency": 0.9},
    **{"charging_price_eur_per_kwh": 0.6, "learning": {"rule": "none"}},
}


def test_the_least_scenario(drawn: Any) -> None:
    draft = drawn.random_scenarios("nodal").give(first)
    assert yaml.safe_load(draft.files["scenario.yaml"]) == LEAST
    assert list(yaml.safe_load(draft.files["scenario.yaml"])) == list(LEAST)  # in the order in which it is read
    assert draft.files["scenario.yaml"].startswith("title: a random nodal scenario\nmarket:\n")
    assert draft.files["feeder/feeder.yaml"] == "base_kv: 10\nroot: b0\n"
    assert draft.files["feeder/buses.csv"] == "bus,load_kw,load_kvar\nb0,0,0\nb1,0,0\n"
    assert draft.files["feeder/branches.csv"] == (
        "from_bus,to_bus,r_ohm,x_ohm,closed,rating_kva\nb0,b1,0.1,0.05,1,2000\n"
    )
    hours = [f"2024-06-03T{hour:02d}:00,50" for hour in range(24)]
    assert draft.files["prices.csv"] == "\n".join(["start_local,price_eur_per_mwh", *hours, ""])
    assert draft.files["sessions.csv"] == (
        "session_id,arrival_local,departure_local,energy_kwh\n"
        "0,2024-06-04T12:00,2024-06-04T13:00,1\n1,2024-06-11T12:00,2024-06-11T13:00,1\n"
    )
    assert draft.seed == 0


def test_the_largest_scenario(drawn: Any) -> None:
    draft = drawn.random_scenarios("lots-lead").give(last)
    data = yaml.safe_load(draft.files["scenario.yaml"])
    assert data["market"] == {"kind": "lots-lead", "export_price_factor": 0.9}
    assert data["feeder"]["voltage_min_pu"] == 0.98
    assert data["loads"]["scale"] == 2.0
    turbine = {"bus": "b6", "rating_kva": 300, "fuel_cost_eur_per_mwh": 150}
    assert data["microturbines"] == [{"name": "mt-0", **turbine}, {"name": "mt-1", **turbine}]
    plant = {"bus": "b6", "rated_kw": 300, "kind": "wind"}
    assert data["renewables"] == [{"name": "res-0", **plant}, {"name": "res-1", **plant}]
    assert data["lots"] == [{"name": f"lot-{k}", **MOST_LOT} for k in range(3)]
    assert draft.files["feeder/buses.csv"].splitlines()[1:] == ["b0,0,0", *[f"b{k},300,75" for k in range(1, 7)]]
    assert draft.files["feeder/branches.csv"].splitlines()[1:] == [f"b{k},b{k + 1},2.0,1.0,1,200" for k in range(6)]
    # the last of 24 spikes is at the last hour, as all others
    prices = [row.split(",")[1] for row in draft.files["prices.csv"].splitlines()[1:]]
    assert prices == ["-10"] * 23 + ["1000"]
    stay = "2024-06-03T20:00,2024-06-04T08:00,40"
    late = "2024-06-11T12:00,2024-06-11T13:00,1"
    assert draft.files["sessions.csv"].splitlines()[1:] == [*[f"{k},{stay}" for k in range(6)], f"6,{late}"]
    assert draft.seed == 3


def test_parts_of_a_scenario_by_a_list(drawn: Any) -> None:
    """The loads and lines of three buses by a list, and the least and the most of what is drawn."""
    feeder = drawn._feeder_files
    strategy = drawn.st.composite(lambda draw: feeder(draw, ["a", "b", "c"]))
    files = strategy().give(by([3, 0, 0, 0, 17, 1, 6, 1]))
    assert files["feeder/feeder.yaml"] == "base_kv: 10\nroot: a\n"
    assert files["feeder/buses.csv"].splitlines() == ["bus,load_kw,load_kvar", "a,0,0", "b,30,7", "c,170,42"]
    assert files["feeder/branches.csv"].splitlines()[1:] == ["a,b,0.1,0.05,1,2000", "b,c,0.7,0.35,1,500"]
    assert drawn._tens(1, 30).give(first) == 10
    assert drawn._tens(1, 30).give(last) == 300
    assert drawn._sessions().give(first) == (28, 4, 1)
    assert drawn._sessions().give(last) == (80, 48, 40)


def test_prices_have_spikes_at_hours(drawn: Any) -> None:
    assert drawn._prices(3).give(by([3, 2, 0, 2, 2, 0])) == [-20.0, 90.0, 100.0]
    assert drawn._prices(3).give(first) == [50.0] * 3
    assert [drawn._prices(2).give(by([k, 0]))[0] for k in range(5)] == [50, 20, 0, 90, -10]
    assert [drawn._prices(1).give(by([0, 1, 0, k]))[0] for k in range(5)] == [100, 0, -20, 300, 1000]


def test_sessions_stand_in_the_order_of_arrival(drawn: Any) -> None:
    text = drawn._session_csv(dt.date(2024, 2, 28), [(50, 5, 7), (30, 90, 3)])
    assert text.splitlines()[1:] == [
        "0,2024-02-28T07:30,2024-02-29T06:00,3",
        "1,2024-02-28T12:30,2024-02-28T13:45,7",
        "2,2024-03-07T12:00,2024-03-07T13:00,1",
    ]


def test_prices_of_a_day_without_a_date(drawn: Any) -> None:
    dated = drawn._price_csv(halves(dt.date(2024, 6, 4)), [1.5, 2.25], "USD")
    assert dated == "start_local,price_usd_per_mwh\n2024-06-04T00:00,1.5\n2024-06-04T12:00,2.25\n"
    plain = SimpleNamespace(date=None, labels=("00:00", "12:00"), starts=("x", "y"))
    assert drawn._price_csv(plain, [1.0, 1 / 3], "EUR") == ("start,price_eur_per_mwh\n00:00,1\n12:00,0.333333333333\n")


def halves(date: dt.date) -> Any:
    """Return the axis of a day of two periods."""
    starts = (f"{date}T00:00", f"{date}T12:00")
    return SimpleNamespace(size=2, date=date, starts=starts, labels=("0", "12"))


def made_case(**sections: Any) -> Any:
    """A case of two days of two periods, with a name and sections of its file."""
    lots = sections.pop("resolved_lots", [])
    date = dt.date(2024, 6, 5)
    prices = SimpleNamespace(
        days=2,
        model=None,
        axes=(halves(date), halves(date + dt.timedelta(days=1))),
        price=np.array([[0.01, 0.02], [0.03, -0.04]]),
        dates=(date, date + dt.timedelta(days=1)),
    )
    file = SimpleNamespace(currency="GBP", **sections)
    return SimpleNamespace(name="made", file=file, prices=prices, resolved=lambda: {"lots": lots})


def varied(drawn: Any, case: Any, picks: list[int], base: str = "week-33") -> tuple[dict[str, Any], dict[str, str]]:
    draft = drawn.variations(base, case).give(by(picks))
    return yaml.safe_load(draft.files["scenario.yaml"]), dict(draft.files)


LAYOUT = dict.fromkeys(("start", "price_column", "area", "unit", "time_column", "time_format", "time_zone"))


def test_a_variation_of_prices_alone(drawn: Any, tmp_path: Path) -> None:
    """The first day's prices times a factor; the second day's replaced, and the file of a user by its whole path."""
    data, files = varied(drawn, made_case(), [0, 1, 2, 3])
    assert data == {"extends": "week-33", "title": "a variation of made", "prices": {"file": "prices.csv", **LAYOUT}}
    assert files["prices.csv"] == "start_local,price_gbp_per_mwh\n2024-06-05T00:00,5\n2024-06-05T12:00,10\n"
    other, files = varied(drawn, made_case(), [1, 0, 3, 1, 1, 3, 0], str(tmp_path / "x" / ".." / "own.yaml"))
    assert other["extends"] == str(tmp_path.resolve() / "own.yaml")
    assert files["prices.csv"].splitlines()[1:] == ["2024-06-06T00:00,90", "2024-06-06T12:00,300"]
    values = [varied(drawn, made_case(), [1, 1, k, 0])[1]["prices.csv"].splitlines()[2] for k in range(5)]
    assert values == [f"2024-06-06T12:00,{value}" for value in ("-40", "-80", "-20", "-120", "-0")]
    assert drawn.variations("week-33", made_case()).give(by([0, 1, 0, 3])).seed == 3


def test_a_variation_of_loads_limits_and_scenarios(drawn: Any) -> None:
    case = made_case(
        loads=SimpleNamespace(scale=1.5), feeder=SimpleNamespace(rating_kva=400.0), scenarios=SimpleNamespace()
    )
    data, _ = varied(drawn, case, [0, 1, 0, 3, 2, 2, 1, 0])
    assert data["loads"] == {"scale": 4.5}
    assert data["feeder"] == {"rating_kva": 100.0}
    assert data["scenarios"] == {"draws": 3, "kept": 2}
    case.prices.model = object()  # prices that are drawn stay
    limits = []
    for limit in range(4):
        data, files = varied(drawn, case, [0, 0, limit, 0, 0, 0])
        limits.append(data["feeder"]["rating_kva"])
    assert limits == [400.0, 200.0, 100.0, 800.0]
    assert data["scenarios"] == {"draws": 1, "kept": 1}
    assert "prices" not in data
    assert list(files) == ["scenario.yaml"]
    case.file.feeder.rating_kva = None
    assert "feeder" not in varied(drawn, case, [0, 0, 0, 0, 0])[0]
    case.file.feeder = None
    assert "feeder" not in varied(drawn, case, [0, 0, 0, 0, 0])[0]


def lots_case(**changed: Any) -> Any:
    lots = [{"name": "a", "places": 9, "residents": 0}, {"name": "b", "places": 8, "residents": 0}]
    drivers = SimpleNamespace(files=("log.csv",), columns={})
    sites = (SimpleNamespace(sites=()), SimpleNamespace(sites=()))
    return made_case(**{"drivers": drivers, "lots": sites, "resolved_lots": lots} | changed)


def test_a_variation_of_places_and_sessions(drawn: Any) -> None:
    """Places of none are those of the scenario; sessions are on the day of the prices that were picked."""
    data, files = varied(drawn, lots_case(), [1, 1, 0, 0, 3, 1, 1, 0, 0, 0, 0])
    assert [lot["places"] for lot in data["lots"]] == [9, 5]
    assert data["drivers"] == {
        **{"source": "replay", "files": ["sessions.csv"], "sessions_per_day": None, "copula": "gaussian"},
        **{"departure": "recorded", "energy": "delivered"},
    }
    assert files["sessions.csv"].splitlines()[1] == "0,2024-06-06T07:00,2024-06-06T08:00,1"
    data, files = varied(drawn, lots_case(), [0, 1, 0, 1, 2, 0, 0])
    assert [lot["places"] for lot in data["lots"]] == [1, 2]
    assert "drivers" not in data
    assert list(files) == ["prices.csv", "scenario.yaml"]
    assert "lots" not in varied(drawn, lots_case(), [0, 1, 0, 0, 0, 0, 0])[0]


def test_what_a_variation_leaves_alone(drawn: Any) -> None:
    """Lots with residents keep their places, lots of sites their sessions; of foreign columns nothing is replaced."""
    residents = [{"name": "a", "places": 9, "residents": 2}, {"name": "b", "places": 8, "residents": 0}]
    data, _ = varied(drawn, lots_case(resolved_lots=residents), [0, 1, 0, 1, 0, 0])
    assert "lots" not in data
    assert "drivers" in data
    sites = (SimpleNamespace(sites=()), SimpleNamespace(sites=("0002",)))
    assert "drivers" not in varied(drawn, lots_case(lots=sites), [0, 1, 0, 1, 1, 0])[0]
    columns = SimpleNamespace(files=("log.csv",), columns={"arrival_local": "a"})
    assert "drivers" not in varied(drawn, lots_case(drivers=columns), [0, 1, 0, 1, 1, 0])[0]
    assert "lots" not in varied(drawn, lots_case(resolved_lots={"count": 3}), [0, 1, 0, 1, 0, 0])[0]
    counted = SimpleNamespace(files=(), columns={})
    assert set(varied(drawn, lots_case(drivers=counted), [0, 1, 0, 0])[0]) == {"extends", "title", "prices"}


def test_sessions_of_prices_without_dates_are_on_a_monday(drawn: Any) -> None:
    case = lots_case()
    case.prices.dates = ()
    _, files = varied(drawn, case, [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0])
    assert files["sessions.csv"].splitlines()[1].startswith("0,2024-06-03T07:00,")


def test_a_market_of_another_distribution_has_no_bundled_scenario(drawn: Any) -> None:
    kinds = {"one": "nodal", "two": "lots-lead", "three": "lots-lead"}
    drawn.scenario_names = lambda: list(kinds)
    drawn.load_scenario = lambda name: SimpleNamespace(file=SimpleNamespace(market=SimpleNamespace(kind=kinds[name])))
    assert drawn.bundled_of("lots-lead") == "two"
    with pytest.raises(InputError) as raised:
        drawn.bundled_of("toll")
    assert str(raised.value) == (
        "equilot check: market: got 'toll', expected a market with a bundled scenario, or a scenario of this one"
    )
