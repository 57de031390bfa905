"""The retailer that finds out: what its belief is worth, and that prices of today change what agents do tomorrow."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.disco.lot_tariff import MarginalCostTariff
from agents.disco.settlement import DiscoSettlement
from agents.learning import RothErev, make_learning_rule, register_learning_rule
from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from scenarios.markets.disco.case import DiscoCase
from sim.markets.disco.figures import retailer_figure
from sim.markets.disco.model import DiscoModel
from sim.markets.disco.results import DiscoDayResult
from sim.markets.disco.switching import Switch, by_program, switches
from sim.markets.disco.terminal import remarks
from sim.options import RunOptions
from sim.run import run_scenario
from sim.store import Run

FEW: dict[str, Any] = {
    "scenarios": {"draws": 2, "kept": 1},
    "market": {"segments": 4},
    "lots": [{"name": "lot", "bus": 9, "drivers": 6}],
}
"""Less of the forecast: what the retailer learns does not depend on it."""

DAYS, LAST = 6, 3


def belief_case(rule: str = "thompson", **learning: float) -> DiscoCase:
    return load_scenario("disco-belief", {**FEW, "retailer": {"learning": {"rule": rule, **learning}}}, DiscoCase)


def simulated(case: DiscoCase, days: int = DAYS, seed: int = 0) -> list[DiscoDayResult]:
    model, done = DiscoModel(case, seed=seed), []
    for _ in range(days):
        model.step()
        done.append(model.last)
    return done


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Six days with learning; the retailer changes its mind in the morning of day 2."""
    return run_scenario(belief_case(), tmp_path_factory.mktemp("belief") / "out", RunOptions(days=DAYS, seed=0)).run


def earned(rows: pd.DataFrame) -> list[float]:
    return rows[rows["chosen"].astype(bool)]["earned_profit"].tolist()


def test_the_best_program_of_the_prior_is_not_the_best_of_the_truth(run: Run) -> None:
    first = run.table("programs", 0).set_index("program")
    assert first["forecast_profit"].idxmax() == "flat"
    assert first["true_profit"].idxmax() == "tou"
    assert first["true_profit"]["tou"] > first["true_profit"]["flat"] + 500.0
    assert run.days["best_program"].iloc[-1] == "tou"
    assert bool(run.days["certified"].all())


def test_learning_raises_the_profit_of_the_last_days(run: Run) -> None:
    """Against the same days without learning: the flat tariff for ever."""
    learnt = np.mean(earned(run.table("programs"))[-LAST:])
    fixed = simulated(belief_case("none"))
    assert {day.retail.programs[day.retail.chosen] for day in fixed} == {"flat"}
    assert learnt > np.mean([day.retail.profit for day in fixed[-LAST:]]) + 500.0


def test_a_greedy_retailer_never_finds_out_and_an_exploring_one_does() -> None:
    """What the greedy one holds for the best is what the fixed rule offers, so its days are those days."""
    greedy = simulated(belief_case("epsilon-greedy", epsilon=0.0), days=3)
    assert {day.retail.programs[day.retail.chosen] for day in greedy} == {"flat"}
    prior = greedy[0].retail.estimate
    assert all(day.retail.estimate == prior for day in greedy)
    assert set(prior.values()) == {-0.4, 0.015}
    assert all(day.retail.forecast_profit.argmax() == 0 for day in greedy)
    exploring = simulated(belief_case("epsilon-greedy", epsilon=0.9), days=5, seed=1)
    assert exploring[-1].retail.programs[int(exploring[-1].retail.forecast_profit.argmax())] == "tou"


def test_what_is_expected_of_a_program_comes_true_once_it_was_offered(run: Run) -> None:
    programs = run.table("programs")
    offered = programs[programs["chosen"].astype(bool)].set_index("day")
    error = (offered["forecast_profit"] - offered["earned_profit"]).abs()
    assert error[1] > 500.0  # the first day of tou
    assert error.iloc[-LAST:].max() < 250.0
    known = (offered["forecast_profit"] - offered["true_profit"]).abs()
    assert known.iloc[-LAST:].max() < 50.0


def test_the_terminal_and_the_figure_tell_the_day_of_the_switch(run: Run) -> None:
    programs = run.table("programs")
    assert switches(run.days) == [Switch(2, "flat", "tou")]
    lines = remarks(run)
    assert "highest forecast: flat, from day 2 on tou" in lines
    means = by_program(programs)
    assert means.index.tolist() == ["flat", "tou"]  # rtp was not offered
    assert means["days"].tolist() == [1, DAYS - 1]
    assert means["earned_profit"].tolist() == pytest.approx([earned(programs)[0], float(np.mean(earned(programs)[1:]))])
    rows = programs[programs["chosen"].astype(bool)]
    expected = [rows["forecast_profit"].iloc[0], rows["forecast_profit"].iloc[1:].mean()]
    told = ", ".join(
        f"{name} {forecast:.0f}/{came:.0f}"
        for name, forecast, came in zip(("flat", "tou"), expected, means["earned_profit"], strict=True)
    )
    assert f"retail arm, expected/earned in the mean of a program's days: {told}" in lines
    axis = retailer_figure(run.days, programs, "USD").axes[0]
    drawn = {each.get_label(): each for each in axis.get_lines()}
    assert drawn["Expected"].get_ydata().tolist() == rows["forecast_profit"].tolist()
    assert drawn["Earned, tou"].get_ydata().tolist() == earned(programs)[1:]
    assert drawn["Best program, elasticity known"].get_ydata().tolist() == (
        programs[programs["program"] == "tou"]["true_profit"].tolist()
    )
    assert [text.get_text() for text in axis.texts] == [" best: tou"]
    assert axis.texts[0].xy[0] == 2


def test_many_changes_of_mind_are_told_by_their_number(run: Run) -> None:
    restless = Run(run.folder)
    restless.__dict__["days"] = run.days.assign(best_program=["flat", "tou"] * 3)
    assert "highest forecast: flat, changed 5 times, for the last time on day 5 to tou" in remarks(restless)


# Prices of today and decisions of tomorrow


def dearer(settle: Any, factor: float) -> Any:
    """Return an agent's ``settle`` that sees marginal costs times a factor; the money that was paid stays."""

    def settled(day: DiscoSettlement) -> None:
        came = tuple(replace(each, price=factor * each.price) for each in day.clearing.scenarios)
        settle(replace(day, clearing=replace(day.clearing, scenarios=came)))

    return settled


def decisions(name: str, factor: float, days: int = 3) -> list[tuple[Any, ...]]:
    """What agents decide on the last of some days: forecasts and best program, the lots' tariff, who may come."""
    offered = {"set": "disco-dr", "offered": ["tou+cpp", "tou+cap"]} if name == "disco-15" else None
    changes: dict[str, Any] = {**FEW, "retailer": {"programs": offered} if offered else {}}
    model = DiscoModel(load_scenario(name, changes, DiscoCase), seed=3)
    for agent in (model.retailer, model.company, model.owner, model.drivers):
        agent.settle = dearer(agent.settle, factor)
    done = []
    for _ in range(days):
        model.step()
        day = model.last
        best = day.retail.programs[int(day.retail.forecast_profit.argmax())]
        done.append((best, day.settlement.outcome.tariffs.lot_buys.mean(), day.pools[0].probability))
    return done


def test_prices_three_times_as_high_change_what_is_decided_within_three_days() -> None:
    """In disco-15 the retailer takes the program that saves most, in disco-belief lots and drivers pay more too."""
    plain, dear = (decisions("disco-15", factor) for factor in (1.0, 3.0))
    assert [day[0] for day in plain] == ["tou+cpp"] * 3
    assert dear[-1][0] == "tou+cap"
    plain, dear = (decisions("disco-belief", factor) for factor in (1.0, 3.0))
    assert plain[0] == dear[0]
    assert dear[1][1] > 1.3 * plain[1][1]
    assert dear[1][2] < plain[1][2] - 0.05


def test_the_owner_learns_with_its_rule_where_there_is_a_grid_and_a_choice() -> None:
    grid = {"margin_grid_usd_per_kwh": [0.0, 0.02, 0.04, 0.08]}
    for terms, drivers, learns in (
        ({"rule": None, **grid}, {}, True),
        ({"rule": None, **grid}, {"choice": None}, False),
        ({"rule": None, "margin_grid_usd_per_kwh": []}, {}, False),
        ({"rule": "none", **grid}, {}, False),
        ({"rule": "roth-erev", **grid}, {"choice": None}, True),
    ):
        changes = {**FEW, "lot_owner": {"learning": terms}, "drivers": drivers}
        model = DiscoModel(load_scenario("disco-15", changes, DiscoCase))
        assert isinstance(model.owner.learner, RothErev) is learns


def test_the_company_keeps_a_memory_where_its_rule_needs_one() -> None:
    rule = DiscoModel(belief_case()).company.tariff_rule
    assert isinstance(rule, MarginalCostTariff)
    assert rule.buses == [site.bus for site in belief_case().network.lots]
    assert rule.memory == 0.7
    assert vars(DiscoModel(load_scenario("disco-15", FEW, DiscoCase)).company.tariff_rule) == {}


def test_an_unknown_rule_of_the_owner_is_refused_with_the_nearest_name() -> None:
    case = load_scenario("disco-15", {**FEW, "lot_owner": {"learning": {"rule": "roth-ever"}}}, DiscoCase)
    message = r"disco-15: lot_owner\.learning: rule: got 'roth-ever', expected none, .*\(did you mean roth-erev\?\)"
    with pytest.raises(InputError, match=message):
        DiscoModel(case)


def test_a_registered_rule_learns_for_the_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    class Highest:
        def __init__(self, prices: Sequence[float], *, source: str, extra: float) -> None:
            assert source == "scenario disco-15: lot_owner.learning"
            self.price, self.heard = max(prices) + extra, [float(len(prices))]

        def choose(self, _generator: np.random.Generator) -> float:
            return self.price

        def update(self, profit: float) -> None:
            self.heard.append(profit)

    known = sys.modules[make_learning_rule.__module__]
    monkeypatch.setattr(known, "_RULES", {})
    register_learning_rule("highest", Highest)
    own = {"rule": "highest", "settings": {"extra": 0.01}, "margin_grid_usd_per_kwh": [0.05]}
    model = DiscoModel(load_scenario("disco-15", {**FEW, "lot_owner": {"learning": own}}, DiscoCase), seed=1)
    model.step()
    assert model.owner.margin == pytest.approx(0.06)
    rule = model.owner.learner
    assert isinstance(rule, Highest)
    assert rule.heard == [1.0, model.last.owner.profit]
    assert model.last.owner.profit == pytest.approx(model.last.settlement.realised.lot_profit.sum())
