"""Which days the aggregator's study clears, under what name each is kept, and which of its figures are saved."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.reproduce.aggregator import compute as computing
from sim.reproduce.aggregator import figures, study
from sim.reproduce.aggregator import published as data
from tests.sim.test_reserve_study import made

FEEDERS = ("ieee37", "ieee33", "das85")
CAPS = [("I", 10.0), ("II", 10.0), ("II", 13.5)]


def test_every_figure_is_saved_with_its_own_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    results: Any = made()
    kept: dict[Path, Any] = {}
    monkeypatch.setattr("sim.show.drawing.save", lambda figure, path: kept.update({path: figure}))
    for name in ("prices", "energy", "lot", "sweep"):
        monkeypatch.setattr(figures, name, lambda of, name=name: (name, of))
    one, two = "case I, cap 10 cents", "case II, cap 13.5 cents"
    assert study.draw(results, tmp_path) == (
        ("figures/case-I-prices.png", f"Prices, {one} (Figs. 9, 12, 14, 16)"),
        ("figures/case-I-energy.png", f"Powers, {one} (Figs. 10, 15)"),
        ("figures/case-I-lot.png", f"The lot, {one} (Figs. 11, 13, 17, 18)"),
        ("figures/case-II-prices.png", f"Prices, {two} (Figs. 9, 12, 14, 16)"),
        ("figures/case-II-energy.png", f"Powers, {two} (Figs. 10, 15)"),
        ("figures/case-II-lot.png", f"The lot, {two} (Figs. 11, 13, 17, 18)"),
        ("figures/sweep.png", "Profits by the tariff G2V2 (Figs. 20 and 21)"),
    )
    wanted: dict[str, Any] = {"sweep": ("sweep", results)}
    for case, each in (("I", results.expected["I", 10.0]), ("II", results.expected["II", 13.5])):
        wanted |= {f"case-{case}-{name}": (name, each) for name in ("prices", "energy", "lot")}
    assert kept == {tmp_path / "figures" / name: figure for name, figure in wanted.items()}


class Told:
    """A market that says what it was asked, and clears a day to what the day was made from."""

    made: list[dict[str, Any]]

    def __init__(self, **options: Any) -> None:
        self.made.append(options)

    def clear(self, day: Any) -> Any:
        return SimpleNamespace(of=day.of, prices={"reserve": np.full(3, 0.25), "energy": np.ones(3)})


def stub_day(case: str, **options: Any) -> Any:
    return SimpleNamespace(of=(case, options), periods=3, uniform=case == "II")


def test_every_day_of_the_study_is_cleared_as_its_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(name="pools", holds=False), SimpleNamespace(name="money", holds=True)
    answered: list[Any] = []
    monkeypatch.setattr(Told, "made", [], raising=False)
    monkeypatch.setattr(computing, "AggregatorMarket", Told)
    monkeypatch.setattr(computing, "reserve_lot_day", stub_day)
    monkeypatch.setattr(computing, "_with_voltage", lambda name, limit: stub_day(name, limit=limit))
    monkeypatch.setattr(computing, "answer", lambda day, prices: answered.append((day, prices)) or "answer")
    monkeypatch.setattr(
        computing, "check_clearing", lambda day, _: found if day.of == ("I", {"feeder": "ieee33"}) else found[1:]
    )
    results = computing.compute("gurobi")
    assert Told.made == [{"node_limit": 20_000, "solver": "gurobi"}]
    groups = {name: getattr(results, name) for name in ("expected", "sweep", "feeders", "drawn", "tight")}
    assert {name: {key: each.clearing.of for key, each in group.items()} for name, group in groups.items()} == {
        "expected": {(case, cap): (case, {"cap": cap}) for case, cap in CAPS},
        "sweep": {
            (case, value): (case, {"tariffs": {"g2v2": value, "g2v3": 8.0}})
            for case in ("I", "II")
            for value in (12.0, 11.2, 11.0, 10.5, 10.0, 9.0)
        },
        "feeders": {(feeder, case): (case, {"feeder": feeder}) for feeder in FEEDERS for case in ("I", "II")},
        "drawn": {case: (case, {"scenarios": 3}) for case in ("I", "II")},
        "tight": {name: (name, {"limit": limit}) for name, limit in data.TIGHT_VOLTAGE.items()},
    }
    every = [each for group in groups.values() for each in group.values()]
    assert all(each.day.of == each.clearing.of for each in every)
    assert results.case("I") is results.expected["I", 10.0]
    assert results.case("II") is results.expected["II", 10.0]
    ((day, prices),) = answered
    assert (results.at_cap, day) == ("answer", results.case("II").day)
    assert {name: values.tolist() for name, values in prices.items()} == {
        "energy": [10.0] * 3,
        "reserve": [0.25] * 3,
    }
    names = [*(f"{case}, cap {cap:g}" for case, cap in CAPS)]
    names += [f"{case}, G2V2 {value}" for case in ("I", "II") for value in ("12", "11.2", "11", "10.5", "10", "9")]
    names += [f"{case}, {feeder}" for feeder in FEEDERS for case in ("I", "II")]
    names += ["I, drawn", "II, drawn", *(f"I, {feeder}, tight voltage" for feeder in FEEDERS)]
    assert results.broken == {**dict.fromkeys(names, ()), "I, ieee33": ("pools",)}
    assert list(results.broken) == names
    kept = computing.named(*groups.values())
    assert [each.day.of for each in kept.values()] == [each.day.of for each in every]
    assert list(kept) == names


def test_a_pool_without_a_name_of_its_own_has_the_one_price() -> None:
    """Of a day under one price all that is bought and sold has that of all energy."""
    day: Any = SimpleNamespace(uniform=True)
    prices = {"energy": np.array([7.0]), "reserve": np.array([0.5]), "lot out": np.array([3.0])}
    each = computing.Solved(day, SimpleNamespace(prices=prices))  # type: ignore[arg-type]
    assert (each.price("lot out")[0], each.price("generators")[0], each.price_in[0]) == (3.0, 7.0, 7.0)
    assert each.price_reserve[0] == 0.5
