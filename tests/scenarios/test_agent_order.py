"""The order of agents: the same agents in another order, complaints at their lines, and what the order may change."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.agent_order import places
from scenarios.case import Case
from scenarios.loading import load_scenario
from sim.options import RunOptions
from sim.simulate import simulate


def ordered(name: str, number: int) -> Case:
    return load_scenario(name, settings={"agent_order": str(number)})


def test_orders_are_permutations_and_all_of_three_can_be_had() -> None:
    assert places(0, 4).tolist() == [0, 1, 2, 3]
    assert places(1, 4).tolist() == [3, 2, 1, 0]
    assert {tuple(places(number, 3).tolist()) for number in range(40)} == set(permutations(range(3)))
    assert places(7, 0).tolist() == []


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("town-33", ["lots"]),
        ("aggregator-37", ["lots", "generators"]),
        ("aggregators-37", ["aggregators"]),
        ("two-settlement", ["demand_aggregators", "lots"]),
        ("disco-15", ["lots"]),
    ],
)
def test_the_same_agents_stand_in_another_order_and_are_written_as_listed(name: str, lists: list[str]) -> None:
    listed, turned = load_scenario(name), ordered(name, 1)
    for each in lists:
        names = [section.name for section in getattr(listed.file, each)]
        assert [section.name for section in getattr(turned.file, each)] == names[::-1]
        assert getattr(listed.file, each) == getattr(turned.file, each)[::-1]
    assert turned.resolved() == {**listed.resolved(), "agent_order": 1}


def test_a_scenario_that_was_written_down_comes_back_in_the_same_order(tmp_path: Path) -> None:
    turned = ordered("town-33", 3)
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(turned.resolved()), encoding="utf-8")
    again = load_scenario(str(tmp_path / "again.yaml"))
    assert [lot.name for lot in again.lots] == [lot.name for lot in turned.lots]
    assert [lot.name for lot in turned.lots] != [lot.name for lot in load_scenario("town-33").lots]


def test_a_complaint_names_the_line_of_the_lot_that_it_means(tmp_path: Path) -> None:
    text = "extends: week-33\ntitle: turned\nagent_order: 1\nlots:\n"
    lots = load_scenario("week-33").resolved()["lots"]
    assert isinstance(lots, list)
    lots[0]["places"] = 0
    path = tmp_path / "turned.yaml"
    path.write_text(text + yaml.safe_dump(lots), encoding="utf-8")
    line = next(n for n, each in enumerate(path.read_text().splitlines(), start=1) if each.endswith("places: 0"))
    with pytest.raises(InputError, match=rf"line {line}, lots\[2\]\.places: got 0"):
        load_scenario(str(path))


@pytest.mark.parametrize("value", ["-1", "1.5", "true", "opposite"])
def test_an_order_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(InputError, match="agent_order"):
        load_scenario("week-33", settings={"agent_order": value})


def by_lot(case: Case, days: int) -> pd.DataFrame:
    tables = [pd.DataFrame(day.tables["lot_days"]) for day in simulate(case, RunOptions(days=days, seed=1))]
    return pd.concat(tables).sort_values(["day", "lot"]).reset_index(drop=True)


def test_only_who_comes_first_at_the_same_moment_depends_on_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lots do not see each other while they act, and their day does not depend on their places in the list."""
    listed, turned = by_lot(load_scenario("week-33"), 2), by_lot(ordered("week-33", 1), 2)
    assert np.abs(listed["profit"] - turned["profit"]).max() > 1.0  # arrivals in the same minute
    monkeypatch.setattr("agents.charging.drivers.places", lambda number, count: places(number * (count < 10), count))
    apart = by_lot(ordered("week-33", 1), 2)
    numbers = [name for name in listed if listed[name].dtype.kind in "if"]
    pd.testing.assert_frame_equal(apart[numbers], listed[numbers], rtol=1e-9, atol=1e-9)
