"""An aggregator's day from numbers that are told: prices, arrivals and their scenarios, tariffs; and who has a name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.markets.aggregator import case as module
from scenarios.markets.aggregator.case import AggregatorCase
from scenarios.markets.aggregator.rivals import case as rivals
from scenarios.time_axis import day_axis

HALVES = day_axis(None, None, 30)


def test_prices_and_load_of_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def factor(of: str, index: int, axis: Any, buses: int, **sigmas: float) -> Any:
        asked.append((of, index, axis, buses, sigmas))
        return np.full((axis.size, 1), 1.5)

    def day_factor(*given: Any) -> float:
        asked.append(given)
        return 2.0

    monkeypatch.setattr(module, "load_factor", factor)
    monkeypatch.setattr(module, "day_factor", day_factor)
    reserve = np.arange(24.0)
    own: Any = SimpleNamespace(
        check_day=asked.append,
        axis=lambda _: HALVES,
        date=lambda _: None,
        start_h=lambda index: 24.0 * index,
        base_load_kw=10.0 * np.arange(1, 25),
        prices=SimpleNamespace(of_day=lambda *_: np.full(48, 0.05), typical=lambda axis: np.full(axis.size, 0.04)),
        file=SimpleNamespace(
            upstream=SimpleNamespace(adder_per_mwh=3.0, reserve_per_mwh=reserve.tolist(), reserve_day_sigma=0.25),
            loads=SimpleNamespace(day_sigma=0.1, hour_sigma=0.2),
        ),
    )
    streams: Any = "streams"
    day = AggregatorCase.day(own, 3, streams)
    assert asked == [
        3,
        ("streams", "reserve", 3, 0.25),
        ("streams", 3, HALVES, 1, {"day_sigma": 0.1, "hour_sigma": 0.2}),
    ]
    assert (day.index, day.date, day.start_h) == (3, None, 72.0)
    assert day.energy_price == pytest.approx(np.full(48, 0.053))
    assert day.reserve_price == pytest.approx(np.repeat(reserve, 2) * 0.002)
    assert day.forecast_kw == pytest.approx(np.repeat(10.0 * np.arange(1, 25), 2))
    assert day.load_kw == pytest.approx(np.repeat(15.0 * np.arange(1, 25), 2))
    energy, ready = AggregatorCase.typical_prices(own, HALVES)
    assert energy == pytest.approx(np.full(48, 0.043))
    assert ready == pytest.approx(np.repeat(reserve, 2) * 0.001)


def lot(**changes: Any) -> Any:
    arrivals = {
        "mean": [4.0, 2.0],
        "stay_shares": [0.25, 0.75],
        "sweep": "in-turn",
        "split": "exact",
        "variation": 0.5,
    }
    return SimpleNamespace(stations=9, arrivals=SimpleNamespace(**arrivals | changes))


def test_who_is_expected_and_who_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def at_stations(arriving: Any, shares: Any, stations: int, **named: Any) -> Any:
        asked.append((arriving.tolist(), shares.tolist(), stations, named))
        return f"stays {len(asked)}"

    monkeypatch.setattr(module, "stays_at_stations", at_stations)
    monkeypatch.setattr(module, "drawn_arrivals", lambda mean, variation, _: mean + variation)
    own: Any = SimpleNamespace(file=SimpleNamespace(lots=[lot(), lot(mean=[8.0, 0.0])]))
    expected: Any = AggregatorCase.expected_traffic(own, [0.5, 1.0])
    shares = [0.25, 0.75]
    assert asked == [([2.0, 1.0], shares, 9, {"sweep": "in-turn"}), ([8.0, 0.0], shares, 9, {"sweep": "in-turn"})]
    assert (vars(expected)["probability"].tolist(), expected.stays) == ([1.0], (("stays 1", "stays 2"),))
    asked.clear()
    generator: Any = "generator"
    drawn: Any = AggregatorCase._draw(own, generator, [0.5, 2.0])
    named = {"split": "exact", "sweep": "in-turn", "rng": "generator"}
    assert asked == [([2.5, 1.5], shares, 9, named), ([16.5, 0.5], shares, 9, named)]
    assert drawn == ("stays 1", "stays 2")


def test_scenarios_of_arrivals_that_are_kept() -> None:
    """Draws 0, 1 and 2 have 0, 1 and 10 parked at the first lot, and as many at the second."""
    asked: list[Any] = []

    def draw(generator: Any, attendance: Any) -> Any:
        asked.append((generator, attendance))
        parked = np.array([[0.0], [1.0], [10.0]])[len(asked) - 1]
        return SimpleNamespace(parked=parked), SimpleNamespace(parked=parked)

    rules = SimpleNamespace(draws=3, kept=2)
    own: Any = SimpleNamespace(file=SimpleNamespace(lots=["a", "b"], scenarios=rules), _draw=draw)
    streams: Any = SimpleNamespace(generator=lambda name, index: (name, index))
    found: Any = AggregatorCase.forecast(own, 4, streams, [0.5, 1.0])
    assert asked == [((f"forecast-{k}", 4), [0.5, 1.0]) for k in range(3)]
    kept = {float(each[0].parked[0]): float(p) for each, p in zip(found.stays, found.probability, strict=True)}
    assert kept.pop(10.0) == pytest.approx(1.0 / 3.0)
    assert list(kept.values()) == [pytest.approx(2.0 / 3.0)]
    assert found.distance == pytest.approx(2**0.5 / 3.0)
    asked.clear()
    came: Any = AggregatorCase.outcome(own, 4, streams, [0.5, 1.0])
    assert asked == [(("outcome", 4), [0.5, 1.0])]
    assert came.probability.tolist() == [1.0]
    own.file.lots = []
    nobody: Any = AggregatorCase.forecast(own, 4, streams, [])
    assert (nobody.probability.tolist(), nobody.stays) == ([1.0], ((),))


def test_tariffs_are_moved_by_a_step_where_energy_is_sold() -> None:
    keys = {"g2v1": 10.0, "g2v2": 20.0, "g2v3": 30.0, "v2g": 40.0, "extra": 50.0, "degradation": 60.0}
    tariffs = SimpleNamespace(**{f"{name}_per_mwh": value for name, value in keys.items()}, parking_per_hour=0.7)
    own: Any = SimpleNamespace(file=SimpleNamespace(lots=[None, SimpleNamespace(tariffs=tariffs)]))
    found = vars(AggregatorCase.tariffs(own, 1, 0.5))
    assert found == pytest.approx(
        {"g2v1": 0.51, "g2v2": 0.52, "g2v3": 0.53, "v2g": 0.54, "extra": 0.05, "degradation": 0.06, "parking": 0.7}
    )
    assert AggregatorCase.tariffs(own, 1).g2v1 == pytest.approx(0.01)


@pytest.mark.parametrize(("limit", "found"), [(None, 50), (9, 9)])
def test_the_market_of_an_aggregator(limit: int | None, found: int) -> None:
    rules = SimpleNamespace(gap=1e-3, node_limit=50)
    own: Any = SimpleNamespace(
        file=SimpleNamespace(market=rules),
        refuse=lambda key, given, expected: ValueError(f"{key}: {given}, not {expected}"),
    )
    made: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "AggregatorMarket", lambda **given: made.append(given))
        AggregatorCase.market(own, solver="highs", on_infeasible="stop", node_limit=limit)
    assert made == [{"gap": 1e-3, "node_limit": found, "solver": "highs"}]
    with pytest.raises(ValueError, match="on_infeasible: shed, not stop"):
        AggregatorCase.market(own, on_infeasible="shed")
    with pytest.raises(ValueError, match="certify: full, not standard"):
        AggregatorCase.market(own, certify="full")


def document() -> Any:
    return SimpleNamespace(
        error=lambda keys, found, expected: InputError("f", ".".join(str(key) for key in keys), found, expected)
    )


def party(name: str, lots: list[str], units: list[str]) -> Any:
    return SimpleNamespace(
        name=name,
        lots=[SimpleNamespace(name=each) for each in lots],
        generators=[SimpleNamespace(name=each) for each in units],
    )


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (party("south", ["b", "c"], ["h"]), ""),
        (
            party("north", [], []),
            "aggregators.1.name: got 'north', expected a name of its own (aggregators.0 has it too)",
        ),
        (
            party("south", ["b", "a"], []),
            "aggregators.1.lots.1.name: got 'a', expected a name of its own (aggregators.0.lots.0 has it too)",
        ),
        (
            party("south", ["b"], ["b"]),
            "aggregators.1.generators.0.name: got 'b', expected a name of its own (aggregators.1.lots.0 has it too)",
        ),
        (
            party("south", ["g"], []),
            "aggregators.1.lots.0.name: got 'g', expected a name of its own (aggregators.0.generators.0 has it too)",
        ),
    ],
)
def test_everybody_has_a_name_of_its_own(second: Any, said: str) -> None:
    file: Any = SimpleNamespace(aggregators=[party("north", ["a"], ["g"]), second])
    if not said:
        rivals._check_names(file, document())
        return
    with pytest.raises(InputError) as error:
        rivals._check_names(file, document())
    assert str(error.value) == f"f: {said}"
