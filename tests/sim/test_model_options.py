"""What a model is without options, and that each option of a run reaches the model of every market."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from scenarios.loading import load_scenario
from sim.kinds import market_kinds
from sim.options import RunOptions

SCENARIOS = {"lots-lead": "week-33", "nodal": "nodal-33", "disco": "disco-15", "aggregator": "aggregator-37"}
GIVEN = {
    "days": 3,
    "solver": "highs",
    "certify": "full",
    "on_infeasible": "shed",
    "ac": True,
    "node_limit": 9,
    "yardstick": True,
}
TAKEN = {
    "lots-lead": {"days", "solver", "certify", "on_infeasible", "ac", "yardstick"},
    "nodal": {"days", "solver", "certify", "on_infeasible", "ac", "yardstick"},
    "disco": {"days", "solver", "certify", "on_infeasible", "node_limit"},
    "aggregator": {"days", "solver", "certify", "on_infeasible", "node_limit"},
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_option_reaches_the_model(name: str) -> None:
    model: Any = market_kinds()[name].model
    seen: dict[str, Any] = {}

    class Recorder(model.__self__):
        def __init__(self, case: Any, **given: Any) -> None:
            seen.update(given, case=case)

    case: Any = object()
    assert {field.name for field in fields(RunOptions)} <= {*GIVEN, "seed", "check"}, "a new option needs a line here"
    model.__func__(Recorder, case, RunOptions(seed=7, **GIVEN))
    assert seen == {"case": case, "seed": 7} | {key: GIVEN[key] for key in TAKEN[name]}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_model_without_options(name: str) -> None:
    model: Any = market_kinds()[name].model
    opened = model.__self__(load_scenario(SCENARIOS[name]))
    assert opened.datacollector is None
    assert (opened.streams.seed, opened.day, opened.last) == (0, 0, None)
    assert opened.days == load_scenario(SCENARIOS[name]).days
    opened.close()
