"""The play of several aggregators, step by step: who replies when, what ends it, starts, and what is said of runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.certificate import EPSILON_REGRET, EXACT_REGRET, NEGLIGIBLE, SAME_PRICE
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.markets.aggregator.rivals import market as runs
from equilibrium.markets.aggregator.rivals import play as playing
from equilibrium.markets.aggregator.rivals.day import check_rivals
from equilibrium.markets.aggregator.rivals.market import RivalsMarket, _certificate
from equilibrium.markets.aggregator.rivals.play import Play, Played
from equilibrium.markets.aggregator.rivals.reply import Market, Reply, _others, _traded
from equilibrium.programs.solvers.highs import HighsHandle
from tests.equilibrium.test_rivals import small, two, with_lots

INF = float("inf")


def price(value: float, other: float = 0.0) -> dict[str, Any]:
    """A price of two periods."""
    return {"p": np.array([value, other])}


def made(aggregators: int = 2, rounds: int = 5, gap: float = 0.0, deadline: Deadline | None = None) -> Any:
    """A play of so many aggregators, of whom nobody is asked."""
    here: Any = object.__new__(Play)
    here.day = SimpleNamespace(size=aggregators)
    here._rounds, here._gap, here._deadline = rounds, gap, deadline or Deadline()
    here.markets = tuple(
        SimpleNamespace(number=k, break_even=[price(-1.0, -2.0)] * aggregators) for k in range(aggregators)
    )
    return here


def profile(*values: float) -> list[list[dict[str, Any]]]:
    """Of two aggregators in two markets."""
    return [[price(values[0]), price(values[1])], [price(values[2]), price(values[3])]]


# Rounds


def played(told: Sequence[tuple[bool, float]], **options: Any) -> Played:
    """Play rounds as told: whether anything changed, and the first price that stands after it."""
    here, left = made(**options), iter(told)

    def round_(profile: Any) -> tuple[bool, Any]:
        changed, value = next(left)
        profile[0][0] = price(value)
        return changed, np.array([10.0, 20.0])

    here._round = round_
    here._bounds = lambda _: np.array([30.0, 40.0])
    here._outcome = lambda number, _: SimpleNamespace(margins=np.array([1.0, 4.0]) * (number + 1), number=number)
    answer: Played = here.play("start", profile(0.0, 1.0, 2.0, 3.0))
    return answer


def test_a_play_ends_where_nobody_changes_anything() -> None:
    """Then the bounds are those of the last replies."""
    found = played([(True, 1.0), (True, 2.0), (False, 2.0)])
    assert (found.start, found.ended, found.rounds) == ("start", "settled", 3)
    assert (found.bound.tolist(), found.profit.tolist()) == ([10.0, 20.0], [3.0, 12.0])
    assert [each.number for each in found.outcomes] == [0, 1]  # type: ignore[attr-defined]
    assert found.profile[0][0]["p"].tolist() == [2.0, 0.0]
    assert found.regret == 7.0 / 3.0


def test_a_play_ends_where_profiles_come_back() -> None:
    """Also that of the beginning, and what differs by less than a digit that counts."""
    found = played([(True, 1.0), (True, 2.0), (True, 1.0 + 4e-9)])
    assert (found.ended, found.rounds, found.bound.tolist()) == ("cycle", 3, [30.0, 40.0])
    assert played([(True, 1.0), (True, 0.0)]).ended == "cycle"
    assert played([(True, 1.0), (True, 1.0 + 2e-8), (False, 1.0)]).ended == "settled"


def test_a_play_ends_after_its_rounds_or_at_a_limit() -> None:
    found = played([(True, 1.0), (True, 2.0), (True, 3.0)], rounds=2)
    assert (found.ended, found.rounds, found.bound.tolist()) == ("round limit", 2, [30.0, 40.0])
    over = Deadline(nodes=1)
    over.spend(1)
    found = played([(True, 1.0), (True, 2.0)], deadline=over)
    assert (found.ended, found.rounds) == ("node limit", 1)


def test_regret_is_relative_to_a_profit_of_at_least_one() -> None:
    def regret(profit: list[float], bound: list[float]) -> float:
        return Played("", "", 1, (), (), np.array(profit), np.array(bound)).regret

    assert regret([0.5, 8.0], [0.75, 9.0]) == 0.25
    assert regret([0.5, -8.0], [0.5, -4.0]) == 0.5
    assert regret([0.5, 8.0], [0.25, 7.0]) == 0.0


def test_everybody_replies_in_every_market_in_turn() -> None:
    here, asked = made(), list[Any]()

    def reply(profile: Any, who: int, market: Any) -> Any:
        asked.append((who, market.number, profile[0][0]["p"][0], profile[1][0]["p"][0]))
        return SimpleNamespace(bound=1.0 + 10.0 * who + market.number, value=0.0)

    here._reply = reply
    here._settled = lambda profile, who, market, _: (
        price(7.0) if who == market.number == 0 else profile[who][market.number]
    )
    prices = profile(0.0, 1.0, 2.0, 3.0)
    changed, bound = here._round(prices)
    assert (changed, bound.tolist()) == (True, [3.0, 23.0])
    assert asked == [(0, 0, 0.0, 2.0), (0, 1, 7.0, 2.0), (1, 0, 7.0, 2.0), (1, 1, 7.0, 2.0)]
    assert prices[0][0]["p"].tolist() == [7.0, 0.0]
    changed, _ = here._round(prices)
    assert not changed
    assert here._bounds(prices).tolist() == [3.0, 23.0]


def test_the_gap_of_a_reply_is_relative_to_what_is_earned() -> None:
    here, given = made(gap=0.1), list[Any]()
    market = SimpleNamespace(number=1, reply=lambda *asked: given.append(asked))
    here._outcome = lambda number, _: SimpleNamespace(margins=np.array([0.5, -30.0]) if number == 1 else None)
    for who in (0, 1):
        here._reply(profile(0.0, 1.0, 2.0, 3.0), who, market)
    assert [(who, gap) for who, _, gap, _ in given] == [(0, 0.1), (1, pytest.approx(3.0))]
    assert [offer["p"][0] for offer in given[0][1]] == [1.0, 3.0]
    assert given[0][3] is here._deadline
    here._gap = 0.0
    here._reply(profile(0.0, 1.0, 2.0, 3.0), 1, market)
    assert given[2][2] == 0.0


# What stands after a reply


def settled(
    margins: Callable[[Any], float], reply: Reply, traded: list[float], monkeypatch: pytest.MonkeyPatch
) -> list[float]:
    """The prices of the first aggregator in market 1 after a reply; ``margins`` says what some of them earn."""
    here = made()
    here._outcome = lambda _, profile: SimpleNamespace(margins=[margins(profile[0][1]["p"].tolist()), 99.0])
    monkeypatch.setattr(playing, "traded_with", lambda *_: {"p": np.array(traded)})
    found: list[float] = here._settled(profile(0.0, 1.0, 2.0, 3.0), 0, here.markets[1], reply)["p"].tolist()
    return found


def replied(value: float = 8.0) -> Reply:
    return Reply(price(5.0, 6.0), value, value, {"p": np.array([2.0, 4.0])})


def test_prices_in_hand_stay_where_they_earn_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that nobody takes go to break-even, unless that costs something."""
    near = 8.0 - 0.9 * 8.0 * EXACT_REGRET
    for traded, after in (
        ([1.0, 1.0], [1.0, 0.0]),
        ([1.0, 0.0], [1.0, -2.0]),
        ([NEGLIGIBLE, 2.0 * NEGLIGIBLE], [-1.0, 0.0]),
    ):
        assert settled(lambda _: near, replied(), traded, monkeypatch) == after
    assert settled(lambda p: near if p == [1.0, 0.0] else 7.0, replied(), [0.0, 0.0], monkeypatch) == [1.0, 0.0]
    just = 8.0 - 8.0 * EXACT_REGRET
    assert settled(lambda p: just if p == [1.0, 0.0] else 7.0, replied(), [1.0, 1.0], monkeypatch) == [1.0, 0.0]
    for share, after in ((0.9, [1.0, 0.0]), (1.1, [5.0, 6.0])):
        earned = {(1.0, 0.0): 0.5 - share * EXACT_REGRET, (5.0, 6.0): 0.5}
        assert settled(lambda p, earned=earned: earned[tuple(p)], replied(0.5), [1.0, 1.0], monkeypatch) == after  # type: ignore[misc]


def test_a_better_reply_is_taken_and_what_a_rival_keeps_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reply claims 2 and 4; in the second period less is traded at it."""
    far = 8.0 - 1.1 * 8.0 * EXACT_REGRET
    earned = {(1.0, 0.0): far, (5.0, 6.0): 8.0}
    assert settled(lambda p: earned[tuple(p)], replied(), [0.0, 0.0], monkeypatch) == [5.0, 6.0]
    poor = {(1.0, 0.0): far, (5.0, 6.0): far}
    assert settled(lambda p: poor[tuple(p)], replied(), [2.0, 4.0], monkeypatch) == [5.0, 6.0]
    assert settled(lambda p: poor[tuple(p)], replied(), [2.0, 3.9], monkeypatch) == [5.0, -2.0]
    just = {(1.0, 0.0): far, (5.0, 6.0): 8.0 - 8.0 * EXACT_REGRET}
    assert settled(lambda p: just[tuple(p)], replied(), [0.0, 0.0], monkeypatch) == [5.0, 6.0]
    near = [2.0 - 0.9 * NEGLIGIBLE, 4.0 - 1.5 * NEGLIGIBLE]
    assert settled(lambda p: poor[tuple(p)], replied(), near, monkeypatch) == [5.0, -2.0]


def test_a_price_that_no_follower_has_is_left_where_nothing_was_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = made()
    here._outcome = lambda *_: SimpleNamespace(margins=[1.0, 1.0])
    monkeypatch.setattr(playing, "traded_with", lambda *_: {})
    reply = Reply(price(5.0, 6.0), 8.0, 8.0, {"p": np.array([0.0, 0.5])})
    assert here._settled(profile(0.0, 1.0, 2.0, 3.0), 0, here.markets[1], reply)["p"].tolist() == [5.0, -2.0]


def test_what_is_traded_with_an_aggregator_by_price() -> None:
    """Two columns: 2 kW at 0.5 of the first period's price, and 3 the other way at twice the second one's."""
    paid = {"price": sp.csr_array(np.array([[0.5, 0.0], [0.0, -2.0]]))}
    follower = SimpleNamespace(base=SimpleNamespace(prices={"price": "p"}), paid=paid)
    one = SimpleNamespace(follower=follower, with_whom=lambda who: np.array([2.0, -3.0]) * (who + 1))
    found = playing.traded_with(SimpleNamespace(choices=(one, one)), 1)  # type: ignore[arg-type]
    assert {name: value.tolist() for name, value in found.items()} == {"p": [4.0, 24.0]}


def test_a_taken_price_does_not_end_the_look_at_idle_ones() -> None:
    here, even = made(), {name: np.zeros(1) for name in "pqr"}
    hand = [[{name: np.ones(1) for name in "pqr"}]]

    def outcome(_: int, profile: Any) -> Any:
        return SimpleNamespace(margins=[8.0 if profile[0][0]["r"][0] == 1.0 else 7.0])

    here._outcome = outcome
    market = SimpleNamespace(number=0, break_even=[even])
    found = here._rested(hand, 0, market, {"p": np.ones(1)}, 8.0)
    assert [float(found[name][0]) for name in "pqr"] == [1.0, 0.0, 1.0]


def test_idle_prices_rest_all_together_or_one_by_one() -> None:
    here = made()
    even = {"p": np.array([-1.0]), "q": np.array([-2.0])}
    market = SimpleNamespace(number=0, break_even=[even])
    hand = [[{"p": np.array([1.0]), "q": np.array([2.0])}]]

    def rested(allowed: list[tuple[float, float]], traded: dict[str, Any]) -> tuple[float, float]:
        def outcome(_: int, profile: Any) -> Any:
            now = profile[0][0]
            return SimpleNamespace(margins=[8.0 if (now["p"][0], now["q"][0]) in allowed else 7.0])

        here._outcome = outcome
        found = here._rested(hand, 0, market, traded, 8.0)
        return float(found["p"][0]), float(found["q"][0])

    nothing: dict[str, Any] = {}
    assert rested([(-1.0, -2.0)], nothing) == (-1.0, -2.0)
    assert rested([(-1.0, 2.0)], nothing) == (-1.0, 2.0)
    assert rested([(1.0, -2.0)], nothing) == (1.0, -2.0)
    assert rested([], nothing) == (1.0, 2.0)
    assert rested([(-1.0, 2.0), (1.0, -2.0)], {"q": np.array([1.0])}) == (-1.0, 2.0)


@pytest.mark.parametrize(("step", "differs"), [(0.9 * SAME_PRICE, False), (1.5 * SAME_PRICE, True)])
def test_prices_that_are_nearly_the_same_are_the_same(step: float, *, differs: bool) -> None:
    assert playing._differ(price(3.0, 4.0), price(3.0, 4.0 + step)) == differs
    assert playing._differ(price(3.0, 4.0 + step), price(3.0, 4.0)) == differs


# Starts


def test_the_named_starts_and_drawn_ones() -> None:
    """``alone``: strangers sell at the cap and buy at nothing; drawn: a share of each cap."""
    day = with_lots(3, 1.0, periods=2)
    here = Play(day, 0.25, 4, Deadline())
    even, alone = here.start("break-even"), here.start("alone")
    for who in (0, 1):
        for market in here.markets:
            own, strange = even[who][market.number], alone[who][market.number]
            for name, value in market.break_even[who].items():
                assert np.array_equal(own[name], value)
                assert own[name] is not value
                sold = name == "retailer" or name.endswith(" in")
                worst = market.caps[who][name] if sold else 0.0
                wanted = value if who == market.number else np.full(value.size, worst)
                assert np.array_equal(strange[name], wanted), name
    drawn = here.start("drawn", lambda count: np.full(count, 0.25))
    assert all(
        np.array_equal(drawn[who][k][name], np.full(day.markets[0].periods, 0.25 * market.caps[who][name]))
        for who in (0, 1)
        for k, market in enumerate(here.markets)
        for name in market.names
    )
    uniform = Play(with_lots(3, 1.0, periods=2, pricing="uniform"), 0.25, 4, Deadline())
    assert all(
        np.array_equal(value, uniform.start("break-even")[who][k][name])
        for who, row in enumerate(uniform.start("alone"))
        for k, prices in enumerate(row)
        for name, value in prices.items()
    )


def test_only_days_of_several_scenarios_leave_a_gap() -> None:
    one, several = small(6.0, "a"), small(6.0, "b", probability=np.full(2, 0.5))
    for first, second, gap in ((one, one, 0.0), (one, several, 0.25), (several, one, 0.25)):
        assert Play(two(first, second, 1.0), 0.25, 4, Deadline())._gap == gap


def test_a_strangers_cap_is_what_energy_costs_it_where_that_is_dearer() -> None:
    """The first buys at 14, above the cap of 10; the other at 6."""
    day = two(small(14.0, "a"), small(6.0, "b"), 1.0)
    own, other = Market(day, 0), Market(day, 1)
    assert {name: value.tolist() for name, value in own.break_even[0].items()} == {
        "generators": [10.0],
        "retailer": [10.0],
    }
    assert other.break_even[0]["retailer"].tolist() == [14.0]
    assert own.break_even[1]["retailer"].tolist() == [6.0]
    assert (own.caps[0]["retailer"], own.caps[1]["retailer"]) == (10.0, 10.0)
    assert (other.caps[0]["retailer"], other.caps[1]["retailer"]) == (14.0, 10.0)
    negative = Market(two(small(-5.0, "a"), small(6.0, "b"), 1.0), 0)
    assert negative.break_even[0]["retailer"].tolist() == [0.0]


def test_what_is_traded_counts_without_its_sign() -> None:
    """Two columns with a price of two periods each, of which one has a negative coefficient."""
    block = sp.csc_array(np.array([[2.0, 0.0], [0.0, -3.0], [0.0, 0.0]]))
    program = SimpleNamespace(cost_port=block, ports={"price": SimpleNamespace(slice=slice(0, 2))})
    follower = SimpleNamespace(program=program, prices={"price": "p"})
    each: Any = SimpleNamespace(follower=follower, x=np.array([4.0, -5.0, 9.0]))
    assert _traded([each])["p"].tolist() == [8.0, 15.0]
    assert _traded([each, each])["p"].tolist() == [16.0, 30.0]


def test_a_reply_is_known_by_what_the_others_offer() -> None:
    base = SimpleNamespace(base=SimpleNamespace(prices={"price": "p"}))
    part: Any = SimpleNamespace(scenarios=((base,), (base,)))
    offers = [price(1.0), price(2.0), price(3.0) | {"q": np.zeros(1)}]
    assert _others(offers, 1, part) == price(1.0)["p"].tobytes() + price(3.0)["p"].tobytes()
    assert _others(offers, 0, part) == price(2.0)["p"].tobytes() + price(3.0)["p"].tobytes()


# Runs from several starts


def ran(starts: int, regrets: Sequence[float]) -> list[str]:
    """The names of the starts that are played, by the regret that each ends with."""
    left = iter(regrets)
    play = SimpleNamespace(
        start=lambda name, draw=None: (name, None if draw is None else draw(2).tolist()),
        play=lambda name, _: SimpleNamespace(name=name, regret=next(left)),
    )
    return [each.name for each in RivalsMarket(starts=starts)._runs(play)]  # type: ignore[arg-type, attr-defined]


def test_both_named_starts_are_tried_where_nothing_is_proved() -> None:
    assert ran(1, [0.0]) == ["break-even"]
    assert ran(1, [EPSILON_REGRET]) == ["break-even"]
    assert ran(1, [2.0 * EPSILON_REGRET, 0.0]) == ["break-even", "alone"]
    assert ran(2, [0.0, 0.0]) == ["break-even", "alone"]
    assert ran(4, [0.0, 9.0, 9.0, 9.0]) == ["break-even", "alone", "drawn 1", "drawn 2"]


def run_of(profit: list[float], regret: float, start: str = "alone") -> Any:
    choice = SimpleNamespace(residuals=SimpleNamespace(primal=0.0, dual=0.0, complementarity=0.0, gap=0.0))
    value = np.array(profit)
    outcomes = (SimpleNamespace(choices=(choice,)),)
    return SimpleNamespace(
        start=start, ended="settled", rounds=3, regret=regret, profit=value, bound=value, outcomes=outcomes
    )


def notes_of(monkeypatch: pytest.MonkeyPatch, *every: Any) -> tuple[str, ...]:
    monkeypatch.setattr(runs, "certify", lambda *given: given[-1])
    notes: Any = _certificate(every[0], every, "")
    return tuple(notes)


def test_what_is_said_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equilibria with the same profits are one; what is proved for none is not counted."""
    first, second = run_of([10.0, 2.0], 0.0, "break-even"), run_of([8.0, 3.0], EPSILON_REGRET)
    same = run_of([10.0 + 10.0 * EPSILON_REGRET, 2.0], 0.5 * EXACT_REGRET)
    none = run_of([7.0, 7.0], 2.0 * EPSILON_REGRET)
    told = "from break-even: settled after 3 rounds, regret 0"
    assert notes_of(monkeypatch, first) == (told,)
    assert notes_of(monkeypatch, first, same) == (told, "from alone: settled after 3 rounds, regret 0")
    several = "2 equilibria with different profits: 10, 2; 8, 3"
    assert notes_of(monkeypatch, first, none, second)[3:] == (several,)
    apart = run_of([10.0 + 12.0 * EPSILON_REGRET, 2.0], 0.0)
    assert len(notes_of(monkeypatch, first, apart)) == 3
    assert notes_of(monkeypatch, none)[0].endswith(f"regret {2.0 * EPSILON_REGRET:.3g}")


@pytest.mark.parametrize(("limit", "nodes"), [(None, INF), (7, 7)])
def test_a_day_is_cleared_by_the_run_of_least_regret(
    monkeypatch: pytest.MonkeyPatch, limit: int | None, nodes: float
) -> None:
    """With the nodes that are allowed, and the time that it took."""
    best, other = run_of([10.0, 2.0], 0.0), run_of([8.0, 3.0], 0.5)
    for run in (best, other):
        run.profile = ()
        run.outcomes[0].margins = run.profit
    given = list[Any]()

    def played(_: Any, play: Any) -> tuple[Any, ...]:
        given.append(play._deadline.nodes_left)
        return other, best

    monkeypatch.setattr(RivalsMarket, "_runs", played)
    monkeypatch.setattr(runs, "_certificate", lambda run, _, solver: SimpleNamespace(solver="", run=run, told=solver))
    begin = time.perf_counter()
    cleared = RivalsMarket(node_limit=limit, solver="highs").clear(two(small(6.0, "a"), small(6.0, "b"), 1.0))
    assert 0.0 <= cleared.seconds <= time.perf_counter() - begin
    assert given == [nodes]
    assert cleared.profit.tolist() == [10.0, 2.0]
    assert cleared.margins.tolist() == [[10.0], [2.0]]
    assert cleared.certificate.run is best  # type: ignore[attr-defined]
    assert cleared.solver_seconds == 0.0
    assert cleared.certificate.told == HighsHandle.name  # type: ignore[attr-defined]
    other = RivalsMarket(solver="gurobi").clear(two(small(6.0, "a"), small(6.0, "b"), 1.0))
    assert other.certificate.told == ""  # type: ignore[attr-defined]


# Days that are refused


def test_the_first_mistake_of_a_day_is_named_with_its_place() -> None:
    fine = two(small(6.0, "a"), small(6.0, "b"), INF)
    check_rivals(fine)
    check_rivals(replace(fine, wheeling=0.0))
    for day, told in (
        (replace(fine, names=("x",)), "aggregators: names: got ['x'], expected 2 names that differ"),
        (replace(fine, wheeling=-0.5), "aggregators: wheeling: got -0.5, expected a price, at least 0, or infinite"),
        (
            two(small(6.0, "a"), small(6.0, "b", period_h=0.5), 1.0),
            "aggregator south: periods: got 1, expected those of north: 1",
        ),
        (
            two(small(6.0, "a"), small(6.0, "b", call_probability=0.1), 1.0),
            "aggregator south: call_probability: got 0.1, expected that of north: reserve is called by one operator",
        ),
        (
            two(small(6.0, "a"), small(6.0, "a"), 1.0),
            "aggregator south: name of a lot or generator: got 'a', expected a name that no other aggregator's has",
        ),
    ):
        with pytest.raises(InputError) as caught:
            check_rivals(day)
        assert str(caught.value) == told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"starts": 0}, "starts: got 0, expected at least 1"),
        ({"rounds": 0}, "rounds: got 0, expected at least 1"),
        ({"node_limit": 0}, "node_limit: got 0, expected at least 1"),
        ({"gap": -1e-9}, "gap: got -1e-09, expected a share from 0 to below 1"),
        ({"gap": 1.0}, "gap: got 1.0, expected a share from 0 to below 1"),
    ],
)
def test_options_at_the_edge(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        RivalsMarket(**options)
    assert str(caught.value) == f"market of aggregators: {told}"
    edge = RivalsMarket(starts=1, rounds=1, gap=0.0, node_limit=1)
    assert (edge.starts, edge.rounds, edge.gap, edge.node_limit) == (1, 1, 0.0, 1)
    assert RivalsMarket(node_limit=None).node_limit is None
