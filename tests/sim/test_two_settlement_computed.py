"""What the study of two settlements asks of the market in each case; the voltages, switches and bounds beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.restoration import Outage
from equilibrium.markets.two_settlement.market import Options
from equilibrium.markets.two_settlement.system import DayAhead, Penalties, Prices, Scenario
from scenarios.published.active_system import STUDY, scaled_prices
from sim.reproduce.two_settlement import compute as computing
from sim.reproduce.two_settlement import figures, study
from tests.sim.test_two_settlement_claims import made


def line(**changes: Any) -> MeshedGrid:
    """A root at 1 kV, two buses behind it, and an open tie from the root to the last one."""
    none = np.zeros(3)
    given: dict[str, Any] = {
        "name": "line",
        "base_kv": 1.0,
        "buses": ("a", "b", "c"),
        "roots": (0,),
        "start": np.array([0, 1, 0]),
        "end": np.array([1, 2, 2]),
        "r_ohm": np.array([0.1, 0.2, 0.3]),
        "x_ohm": np.array([0.05, 0.0, 0.0]),
        "rating_kva": np.full(3, np.inf),
        "closed": np.array([True, True, False]),
        "switchable": np.ones(3, dtype=bool),
        "load_kw": np.array([0.0, 50.0, 100.0]),
        "load_kvar": np.array([0.0, 20.0, 0.0]),
        "voltage_min_pu": none + 0.5,
        "voltage_max_pu": none + 1.5,
    }
    return MeshedGrid(**given | changes)


def test_every_figure_is_saved_under_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    results = made()
    kept: dict[Path, Any] = {}
    monkeypatch.setattr("sim.show.drawing.save", lambda figure, path: kept.update({path: figure}))
    for name in ("front", "schedule", "voltages"):
        monkeypatch.setattr(figures, name, lambda of, name=name: (name, of))
    assert study.draw(results, tmp_path) == (
        ("figures/front.png", "Profit against the cost of outages; the chosen point is marked"),
        ("figures/schedule.png", "The chosen schedule by hour"),
        ("figures/voltages.png", "Linear and AC voltages without units (layout of Fig. 18)"),
    )
    assert kept == {tmp_path / "figures" / name: (name, results) for name in ("front", "schedule", "voltages")}


# What is asked of the market


class Told:
    """A market whose schedules and tables say what was asked for."""

    def __init__(self, system: Any, options: Options, *, solver: str) -> None:
        assert (system.name, solver) == ("system", "gurobi")
        self.changes = {name: value for name, value in vars(options).items() if value != getattr(Options(), name)}

    def interruptions(self, day: Any) -> Any:
        return ("tables", day.of, self.changes)

    def clear(self, day: Any, tables: Any) -> Any:
        positions = SimpleNamespace(on=("on", day.of))
        return SimpleNamespace(asked=(day.of, self.changes), tables=tables, positions=positions)


def test_every_case_is_asked_as_its_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins that say what they were given: no day is drawn and nothing is cleared."""
    own = replace(STUDY, samples=7, scenarios=2)
    system, asked = SimpleNamespace(name="system"), []

    def given_system(numbers: Any, *, cascades: bool) -> Any:
        asked.append((numbers, cascades))
        return system

    def given_day(of: Any, numbers: Any, *, case: int = 0) -> Any:
        assert of is system
        return SimpleNamespace(of=(case, numbers.scenarios), length_h=np.ones(4), samples=numbers.samples)

    class ToldPolicies:
        def __init__(self, of: Any, day: Any, *, solver: str) -> None:
            assert (of, solver) == (system, "gurobi")
            self.day = day

        def compare(self, *, rounds: int) -> Any:
            return ("policies", self.day.of, rounds)

    stand_ins = {
        "study_system": given_system,
        "study_day": given_day,
        "DayAheadMarket": Told,
        "Policies": ToldPolicies,
        "unserved_of": lambda of, day: ("unserved", of, day.of),
        "interruption_tables": lambda _, day, unserved: ("tied", day.of, unserved[0]),
        "scaled_prices": lambda day, *factors: SimpleNamespace(of=(*day.of, factors)),
        "left_out": lambda _, day, made: ("left out", day.of, made.asked),
        "interruption_of": lambda tables, on: np.array([len(tables), len(on), 0.5]),
        "_voltages": lambda of: ("voltages", of),
        "_moved": lambda unserved, made, day: (unserved[0], made.asked, day.of),
        "_bound": lambda of, day, unserved, certain: (of.name, day.of, unserved[0], certain),
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(computing, name, stand_in)
    results: Any = computing.compute("gurobi", own, cascades=False, more=5, few=3, points=4)
    assert asked == [(own, False)]
    assert (results.system, results.day.of) == (system, (0, 2))
    assert {case: each.asked for case, each in results.profit.items()} == {
        0: ((0, 2), {}),
        1: ((1, 2), {"switching": False}),
        2: ((2, 2), {"arbitrage": False}),
        3: ((3, 2), {}),
        4: ((4, 2), {}),
    }
    tied, still = ("tied", (0, 2), "unserved"), ("tables", (0, 2), {"switching": False})
    own_tables = {case: ("tables", (case, 2), {}) for case in (3, 4)}
    assert {case: each.tables for case, each in results.profit.items()} == {0: tied, 1: still, 2: tied} | own_tables
    assert {key: (each.asked, each.tables) for key, each in results.least.items()} == {
        0: (((0, 2), {"aim": "interruption"}), tied),
        1: (((0, 2), {"aim": "interruption"}), still),
    }
    assert results.compromise.asked == ((0, 2), {"aim": "compromise", "points": 4})
    assert results.compromise.tables == tied
    assert results.prices["SA0"] is results.profit[0]
    assert {name: (each.asked, each.tables) for name, each in results.prices.items() if name != "SA0"} == {
        "SA1": (((0, 2, (1.05, 1.02, 1.02, 1.01)), {}), tied),
        "SA2": (((0, 2, (0.95, 0.98, 0.98, 0.99)), {}), tied),
        "SA3": (((0, 2, (1.10, 1.08, 1.05, 1.02)), {}), tied),
    }
    assert {gamma: (each.asked, each.tables) for gamma, each in results.budgets.items()} == {
        0.0: (((0, 2), {}), tied),
        **{gamma: (((0, 2), {"gamma": gamma}), tied) for gamma in (6.0, 12.0, 24.0)},
    }
    assert results.more.asked == ((0, 5), {})
    (free,) = results.more.tables
    assert (free.units, free.cost.tolist()) == ((), [[0.0]] * 4)
    assert results.policies == ("policies", (0, 3), 3)
    assert results.voltages == ("voltages", system)
    assert results.left_out == ("left out", (0, 2), ((0, 2), {}))
    assert results.moved == ("unserved", ((0, 2), {}), (0, 2))
    assert results.controlled == {3: 5.5, 4: 5.5}
    assert results.certain == ("system", (0, 2), "unserved", True)
    assert results.everything == ("system", (0, 2), "unserved", False)
    computing.compute("gurobi")
    assert asked[1:] == [(replace(STUDY, scenarios=5), True)]


# What stands beside it


def test_voltages_of_a_line_by_hand() -> None:
    """Linear: squares fall by 2 (r p + x q) of all that a branch feeds, kV^2; AC: the loss of each branch on top."""
    linear, second = np.sqrt(1.0 - 2.0 * (0.1 * 0.15 + 0.05 * 0.02)), 2.0 * 0.2 * 0.1
    exact, found = computing._voltages(SimpleNamespace(grid=line()))  # type: ignore[arg-type]
    assert found == pytest.approx([1.0, linear, np.sqrt(linear**2 - second)])
    # of the AC flow: each branch carries its load and what is lost behind it
    loss, v = np.zeros(2), np.ones(3)
    for _ in range(100):
        p, q = np.array([0.15 + loss.sum(), 0.1 + loss[1]]), np.array([0.02 + 0.5 * loss[0], 0.0])
        ohm, reactance = np.array([0.1, 0.2]), np.array([0.05, 0.0])
        for k in range(2):
            square = v[k] ** 2
            current = (p[k] ** 2 + q[k] ** 2) / square
            loss[k] = ohm[k] * current
            fall = 2.0 * (ohm[k] * p[k] + reactance[k] * q[k]) - (ohm[k] ** 2 + reactance[k] ** 2) * current
            v[k + 1] = np.sqrt(square - fall)
    assert exact == pytest.approx(v, abs=1e-8)
    two = line(base_kv=2.0, load_kw=4.0 * line().load_kw, load_kvar=4.0 * line().load_kvar)
    assert computing._voltages(SimpleNamespace(grid=two)) == pytest.approx(np.stack([exact, found]))  # type: ignore[arg-type]


def test_a_load_that_no_flow_serves_has_no_ac_voltages() -> None:
    """Over 0.1 ohm at 1 kV at most 2.5 MW can pass; the linear flow lets 3 MW pass at a square of 0.4."""
    grid = line(load_kw=np.array([0.0, 3000.0, 0.0]), load_kvar=np.zeros(3))
    exact, found = computing._voltages(SimpleNamespace(grid=grid))  # type: ignore[arg-type]
    assert np.isnan(exact).tolist() == [True] * 3
    assert found**2 == pytest.approx([1.0, 0.4, 0.4])


def test_switches_are_counted_at_the_best_configuration_of_the_first_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the branch into bus b: the tie restores c, which moves one switch; opening b to c as well moves two."""
    grid = line()
    choices = [
        SimpleNamespace(closed=np.array([False, True, False])),  # nothing is done
        SimpleNamespace(closed=np.array([False, True, True])),
        SimpleNamespace(closed=np.array([False, False, True])),
    ]
    outages = (Outage("a-b", branches=(0,)), Outage("bus b", buses=(1,)))
    unserved: Any = SimpleNamespace(grid=grid, after=SimpleNamespace(outages=outages, choices=[choices, choices]))
    best = {0: np.array([2, 0, 1, 1, 1, 1]), 1: np.array([0, 2, 1, 0, 0, 0])}
    seen: list[Any] = []
    monkeypatch.setattr(computing, "chosen_configurations", lambda of, k, on: seen.append((of, on.tolist())) or best[k])
    made_day: Any = SimpleNamespace(length_h=np.ones(3), scenarios=("a", "b"))
    on = np.array([[1.0, 0.0], [0.5, 1.0], [0.0, 0.6]])
    found = computing._moved(unserved, SimpleNamespace(positions=SimpleNamespace(on=on)), made_day)  # type: ignore[arg-type]
    assert found.tolist() == [[2.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
    states = [[True, False], [False, True], [False, True]] * 2
    assert seen == [(unserved, states)] * 2


def test_bounds_weigh_what_every_outage_leaves_dark() -> None:
    """By hand: probabilities 0.2 and 0.8 of outages, 0.25 and 0.75 of scenarios, hours of 1 and 0.5."""
    lost = {"a": [4.0, 9.0, 5.0, 2.0], "b": [6.0, 3.0, 1.0, 8.0], "c": [1.0, 1.0, 1.0, 1.0]}
    unserved: Any = SimpleNamespace(
        after=SimpleNamespace(choices=[("a", "b"), ("c",)]),
        value=np.array([[10.0, 0.0], [10.0, 10.0], [5.0, 25.0], [20.0, 20.0]]),
        lost=lambda choice: np.array(lost[choice]),
    )
    system: Any = SimpleNamespace(outage_probability=np.array([0.2, 0.8]))
    scenarios = tuple(SimpleNamespace(probability=share) for share in (0.25, 0.75))
    day: Any = SimpleNamespace(scenarios=scenarios, length_h=np.array([1.0, 0.5]))
    # weights 0.25, 0.125, 0.75, 0.375; of a and b the lesser: 4, 3, 1, 2
    least = 0.2 * (1.0 + 0.375 + 0.75 + 0.75) + 0.8 * 1.5
    assert computing._bound(system, day, unserved, certain=True) == pytest.approx(least)
    assert computing._bound(system, day, unserved, certain=False) == pytest.approx(2.5 + 2.5 + 22.5 + 15.0)


def test_scaled_prices_scale_what_they_name_and_the_penalties_with_it() -> None:
    number = iter(np.arange(1.0, 20.0))
    prices = Prices(*(np.array([next(number)]) for _ in range(5)))
    penalties = Penalties(*(np.array([next(number)]) for _ in range(4)))
    none = np.zeros((1, 1))
    scenarios = tuple(Scenario(share, none, none, none, prices) for share in (0.25, 0.75))
    day = DayAhead(np.ones(1), scenarios, (), np.zeros(1), np.zeros(1), penalties, np.zeros(1))
    found = scaled_prices(day, 10.0, 100.0, 1000.0, 10_000.0)
    assert [each.probability for each in found.scenarios] == [0.25, 0.75]
    for each in found.scenarios:
        assert {name: values.tolist() for name, values in vars(each.prices).items()} == {
            "buy": [10.0],
            "sell": [20.0],
            "reactive": [30_000.0],
            "spinning": [400.0],
            "regulating": [5000.0],
        }
    assert {name: values.tolist() for name, values in vars(found.penalties).items()} == {
        "energy": [60.0],
        "reactive": [70_000.0],
        "spinning": [800.0],
        "output": [9.0],
    }
    assert day.scenarios[0].prices.buy.tolist() == [1.0]
