"""The variations of the reproductions: which there are, and what each makes of its study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.charging.relations import other_lots
from equilibrium.markets.disco.relations import other_order
from scenarios.streams import Streams
from sim.reproduce.epec_lots import variations as epec
from sim.reproduce.robustness import variations_of
from sim.reproduce.two_settlement import variations as two

NAMES = {
    "epec-lots": [
        *(("data", f"stand-ins drawn with seed {seed}") for seed in range(8)),
        *(("population", f"{share} of the vehicles") for share in ("0.5", "0.8", "1.25")),
        ("order", "lots in the opposite order"),
    ],
    "disco-cvar": [
        *(("seed", f"draws of seed {seed}") for seed in (1, 2, 3)),
        *(("population", f"{number} vehicles") for number in (100, 250)),
        ("order", "scenarios and vehicles in the opposite order"),
    ],
    "two-settlement": [
        *(("data", f"stand-ins drawn with seed {seed}") for seed in range(3)),
        *(("seed", f"scenarios drawn with seed {seed}") for seed in range(3)),
        *(("population", f"{share} of vehicles and customers") for share in ("0.5", "1.5")),
    ],
}


@pytest.mark.parametrize("name", NAMES)
def test_which_variations_there_are(name: str) -> None:
    assert [(each.kind, each.name) for each in variations_of(name)] == NAMES[name]


def given(name: str) -> list[Any]:
    """What each variation hands on."""
    found = []
    for each in variations_of(name):
        assert isinstance(each.statements, partial)
        found.append(each.statements.args[0])
    return found


def test_what_the_variations_hand_on() -> None:
    *data, fewer, some, more, order = given("epec-lots")
    assert [(each.func, each.keywords) for each in data] == [(epec.other_data, {"seed": seed}) for seed in range(8)]
    assert [each.keywords for each in (fewer, some, more)] == [{"share": share} for share in (0.5, 0.8, 1.25)]
    assert {each.func for each in (fewer, some, more)} == {epec.other_population}
    assert order is other_lots
    few = {"scenarios": 2, "samples": 20}
    assert given("disco-cvar") == [
        *({**few, "vehicles": 100, "seed": seed} for seed in (1, 2, 3)),
        *({**few, "vehicles": number} for number in (100, 250)),
        {**few, "vehicles": 100, "vary": other_order},
    ]
    studies = given("two-settlement")
    assert [study.seed for study in studies[3:6]] == [0, 1, 2]
    assert [study.lot_vehicles for study in studies[6:]] == [10, 30]
    assert {study.scenarios for study in studies} == {3}
    assert studies[1] == two.other_data(1)


@dataclass(frozen=True)
class Day:
    """As much of a day as a variation changes."""

    wholesale_price: Any
    load_kw: Any
    load_kvar: Any
    renewable_kw: Any
    hours: int = 3


def test_other_data_of_the_lots_by_hand() -> None:
    """Loads and prices have a factor for each hour, sun and wind one for each unit too, and never more than rated."""
    day: Any = Day(
        np.array([0.1, 0.2, -0.3]), np.arange(6.0).reshape(3, 2), -np.arange(6.0).reshape(3, 2),
        np.array([[10.0, 99.0], [20.0, 100.0], [30.0, 0.0]]),
    )  # fmt: skip
    network: Any = SimpleNamespace(renewables=(SimpleNamespace(rated_kw=40.0), SimpleNamespace(rated_kw=100.0)))
    same, found = epec.other_data(network, day, 6)
    draw = Streams(6).generator("stand-ins", 0)
    load, price = np.exp(0.1 * draw.standard_normal(3)), np.exp(0.1 * draw.standard_normal(3))
    sun = np.exp(0.1 * draw.standard_normal((3, 2)))
    assert same is network
    assert found.wholesale_price == pytest.approx(day.wholesale_price * price)
    for hour in range(3):
        assert found.load_kw[hour] == pytest.approx(day.load_kw[hour] * load[hour])
        assert found.load_kvar[hour] == pytest.approx(day.load_kvar[hour] * load[hour])
        for unit, rated in enumerate((40.0, 100.0)):
            assert found.renewable_kw[hour, unit] == pytest.approx(
                min(day.renewable_kw[hour, unit] * sun[hour, unit], rated)
            )
    assert (found.renewable_kw[:2, 1] == 100.0).any()


def test_other_data_of_two_settlements_by_hand() -> None:
    found = two.other_data(2)
    draw = Streams(2).generator("stand-ins", 0)
    price, load = np.exp(0.1 * draw.standard_normal(24)), np.exp(0.1 * draw.standard_normal(24))
    assert found.price == pytest.approx(price * np.array(two.BASE.price))
    assert found.load == pytest.approx(load * np.array(two.BASE.load))
