"""A few nodes of every scenario come before searches go deep: another price of losses where one cannot prove enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator import leader
from equilibrium.markets.aggregator.group import Group, Settled
from equilibrium.markets.aggregator.leader import EXPLORATIONS, Leader
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.nodes import Prices
from equilibrium.markets.aggregator.point import Point
from tests.equilibrium.aggregator_days import on_line, random_day

GAP = 1e-4
FEW = 2


class Looks:
    """What a leader of a day with a uniform price finds before its searches go deep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int, scenarios: int = 3) -> None:
        self.day = on_line(random_day(seed, periods=4, scenarios=scenarios, pricing="uniform"), ohm=2.0)
        self.leader = Leader(self.day, GAP, Deadline())
        self.proved, self.prices, self.best = list[float](), list[list[float]](), list[float]()
        whole, found = Group.explored, Leader._found

        def told(group: Group, gap: float, deadline: Deadline, known: Sequence[Prices]) -> Settled:
            allowed, before = FEW * 2 ** len(self.proved) * scenarios, group.nodes
            assert deadline.nodes_left == allowed
            settled = whole(group, gap, deadline, known)
            assert group.nodes - before <= allowed
            assert settled.bound >= settled.value
            self.proved.append(settled.value)
            self.prices.append(self.leader._loss_price.ravel().tolist())
            return settled

        def noted(solver: Leader, *rest: Any) -> Point | None:
            point = found(solver, *rest)
            self.best.append(max([*self.best, -1.0 if point is None else point.value]))
            return point

        with monkeypatch.context() as patched:
            patched.setattr(leader, "EXPLORED", FEW)
            patched.setattr(Group, "explored", told)
            patched.setattr(Leader, "_found", noted)
            self.point = self.leader._first()


@pytest.mark.parametrize(("seed", "looks"), [(0, 2), (1, 1), (5, EXPLORATIONS)])
def test_another_price_of_losses_comes_where_more_is_earned_than_the_gap_allows(
    seed: int, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In case 5 no price closes the gap: what common prices earn at any that is tried is too much."""
    here = Looks(monkeypatch, seed)
    assert here.point is not None
    assert len(here.proved) == looks
    too_much = [proved > best * (1.0 + GAP) for proved, best in zip(here.proved, here.best, strict=True)]
    assert too_much == [True] * (looks - 1) + [seed == 5]
    if seed == 0:
        assert here.prices[0] != here.prices[1]
    assert here.point.value == here.best[-1]


def test_what_was_looked_at_first_changes_nothing_that_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (0, 1):
        day = on_line(random_day(seed, periods=4, scenarios=3, pricing="uniform"), ohm=2.0)
        with monkeypatch.context() as patched:
            patched.setattr(leader, "EXPLORATIONS", 0)
            without = AggregatorMarket(gap=GAP).clear(day)
        cleared = AggregatorMarket(gap=GAP).clear(day)
        assert max(cleared.profit, without.profit) <= min(cleared.bound, without.bound) + 1e-9 * cleared.bound
        assert cleared.gap <= GAP


def test_one_scenario_is_not_looked_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Looks(monkeypatch, 0, scenarios=1).proved
