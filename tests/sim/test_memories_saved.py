"""Checkpoints: what agents remember is saved whole, and a run that goes on from it has the same digits."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.base import MarketAgent
from agents.learning.epsilon_greedy import EpsilonGreedy
from agents.learning.roth_erev import RothErev
from agents.state import lacks_state, restore, saved
from equilibrium.errors import InputError
from scenarios.case import Case
from scenarios.loading import load_scenario
from sim.daily_model import DailyModel
from sim.options import RunOptions
from sim.simulate import kind_of
from sim.store import comparable

GRID = [0.2, 0.25, 0.3, 0.35, 0.4]
ROTH, GREEDY = ({"rule": rule, "price_grid_eur_per_kwh": GRID} for rule in ("roth-erev", "epsilon-greedy"))
CHEAP = {"market": {"network": False}, "scenarios": {"draws": 4, "kept": 1}}
QUICK: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "best replies, dynamic charges, homes": ("town-33", {}, {}),
    "roth-erev": ("town-33", {}, {"lots.lot-1.learning": json.dumps(ROTH), "lots.lot-2.learning": json.dumps(GREEDY)}),
    "vehicles over midnight": ("week-33", {}, {}),
    "hours apart": ("nodal-33", {"network_charge": {"rule": "none"}}, {}),
    "the paper's envelopes": ("epec-lots-33-case1", {}, {}),
}
SLOW = {
    "programs": ("disco-15", {}, {}),
    "reinforced programs": ("disco-15", {}, {"retailer.learning.rule": "roth-erev"}),
    "a belief": ("disco-belief", {}, {}),
    "contracts": ("aggregator-37", CHEAP, {}),
    "several aggregators": ("aggregators-37", {}, {}),
}


def check_next_day(one: DailyModel[Any, Any], other: DailyModel[Any, Any]) -> None:
    """Simulate a day of two models and compare all rows to the last digit, wall times left out."""
    one.step()
    other.step()
    assert one.last is not None
    assert other.last is not None
    for table in kind_of(one.case).tables:
        columns = [table.of(one.last), table.of(other.last)]
        frames = [comparable(pd.DataFrame({name: list(each[name]) for name in each})) for each in columns if each]
        assert len(frames) in (0, 2)
        if frames:
            pd.testing.assert_frame_equal(frames[0], frames[1], check_exact=True)


def opened(case: Case[Any]) -> DailyModel[Any, Any]:
    return kind_of(case).model(case, RunOptions(seed=5))


def holders(model: DailyModel[Any, Any]) -> list[object]:
    """Return the agents and the parts of their memories."""
    found: list[object] = [keeper for keeper in model.keepers() if isinstance(keeper, MarketAgent)]
    for keeper in found:
        parts = [getattr(keeper, name) for name in vars(type(keeper))["state"]]
        found += [part for part in parts if part is not None and not lacks_state(part)]
    return found


def test_who_does_not_say_what_it_remembers_is_named() -> None:
    class Stranger:
        """Remembers something and does not say so."""

    class Known:
        """Remembers a stranger."""

        state = ("within",)
        within = Stranger()

    with pytest.raises(InputError, match=r"Known.within: state: got 'a .*Stranger without it', expected the names"):
        saved([Known()])
    Known.within = np.array(["a"])  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"Known.within: array: got '<U1', expected an array of numbers"):
        saved([Known()])


def test_a_subclass_says_itself_what_it_remembers() -> None:
    class Own(RothErev):
        """May remember more."""

    assert lacks_state(Own(GRID))
    assert not lacks_state(RothErev(GRID))


@pytest.mark.parametrize(
    "value",
    [1, 0.1, -0.0, None, True, "a", (1, (2.5,)), [[]], {"a": (1, 2)}, np.arange(6.0).reshape(2, 3), np.zeros(0)],
)
def test_every_kind_of_value_comes_back(value: Any) -> None:
    class Keeper:
        """Remembers a value."""

        state = ("value",)

        def __init__(self, value: object) -> None:
            self.value = value

    fresh = Keeper(None)
    restore([fresh], json.loads(json.dumps(saved([Keeper(value)]))), "file")
    np.testing.assert_equal(fresh.value, value)
    assert type(fresh.value) is type(value)


def test_the_state_of_others_is_refused() -> None:
    rules = [RothErev(GRID)]
    with pytest.raises(
        InputError, match=r"file: agents: got .*RothErev.*, expected those of the run \(EpsilonGreedy\)"
    ):
        restore([EpsilonGreedy(GRID)], saved(rules), "file")


def snapshot(model: DailyModel[Any, Any]) -> list[dict[str, object]]:
    return [
        {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in vars(holder).items()}
        for holder in holders(model)
    ]


def changed(before: dict[str, object], after: dict[str, object]) -> set[str]:
    def same(one: object, other: object) -> bool:
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        return one is other or (isinstance(one, (int, float, str)) and one == other)

    return {name for name in after if name not in before or not same(before[name], after[name])}


def check_going_on(name: str, overrides: dict[str, Any], settings: dict[str, str], before: int = 2) -> None:
    case = load_scenario(name, overrides, settings=settings)
    whole, again = opened(case), opened(case)
    for _ in range(before - 1):
        whole.step()
    first = snapshot(whole)
    whole.step()
    states = json.loads(json.dumps(saved(whole.keepers())))
    restore(again.keepers(), states, "checkpoint")
    assert saved(again.keepers()) == saved(whole.keepers())
    assert again.day == before
    for holder, old, new in zip(holders(again), first, snapshot(whole), strict=True):
        # What changed and is not saved is written before it is read: without it, the next day is the same.
        for attribute in changed(old, new) - set(vars(type(holder))["state"]):
            held = vars(holder)[attribute]
            if isinstance(held, np.ndarray):
                vars(holder)[attribute] = np.full_like(held, 99)
            else:
                del vars(holder)[attribute]
    check_next_day(again, whole)
    check_next_day(again, whole)
    whole.close()
    again.close()


@pytest.mark.parametrize("name", QUICK)
def test_a_run_goes_on_from_what_is_saved(name: str) -> None:
    check_going_on(*QUICK[name])


@pytest.mark.long
@pytest.mark.parametrize("name", SLOW)
def test_a_run_of_the_other_markets_goes_on_from_what_is_saved(name: str) -> None:
    check_going_on(*SLOW[name])
