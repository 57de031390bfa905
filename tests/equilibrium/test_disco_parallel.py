"""What a process that clears scenarios of the DISCO market works with."""

from __future__ import annotations

from typing import Any

import pytest

from equilibrium.markets.disco import parallel
from equilibrium.markets.disco.market import DiscoMarket
from tests.equilibrium.disco_days import random_day


def test_a_process_clears_scenarios_with_what_it_was_started_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scenario alone, by its number, in a process that was started before another network was made."""
    monkeypatch.setattr(parallel, "_HERE", [])
    network, day = random_day(3)
    asked: list[tuple[Any, ...]] = []

    class Made:
        def __init__(self, *given: Any) -> None:
            asked.append(given)

        def of(self, *given: Any) -> str:
            asked.append(given)
            return "supply"

    monkeypatch.setattr(parallel, "Supplies", Made)
    monkeypatch.setattr(parallel, "clear_scenario", lambda *given: given)
    rules: Any = DiscoMarket(network).rules
    parallel._start(network, {"segments": 7}, rules)
    assert parallel._clear(day, 5, None) == (network, "supply", day, 0, rules, 5)
    assert asked == [(network, {"segments": 7}), (day.periods, None)]

    class Pool:
        def map(self, work: Any, *given: Any) -> Any:
            return map(work, *given)

    each: Any = parallel.clear_all(Pool(), day, None)  # type: ignore[arg-type]
    assert [found[-1] for found in each] == list(range(len(day.scenarios)))
    assert [found[2].scenarios for found in each] == [(scenario,) for scenario in day.scenarios]
