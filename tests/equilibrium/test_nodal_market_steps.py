"""The nodal market's games, step by step: which orders and starts are played, with which limits, and what is told."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import EXACT_REGRET
from equilibrium.deadline import Deadline
from equilibrium.errors import InputError, SolverError
from equilibrium.fleet.day import Fleet
from equilibrium.grid.assets import LotSite
from equilibrium.markets.nodal import market as nodal
from equilibrium.markets.nodal import players
from equilibrium.markets.nodal.iteration import budgets
from equilibrium.markets.nodal.joined import game as joined
from equilibrium.markets.nodal.joined.game import PlayJoined
from equilibrium.markets.nodal.market import SAME_POINT_KW, STARTS, NodalMarket
from equilibrium.markets.nodal.play import NoDispatchError
from tests.equilibrium.conftest import lot_data

INF = float("inf")


def made(strategic: Sequence[int] = (0, 1), node_limit: int = 20_000, **more: Any) -> Any:
    """A market of which nothing is compiled."""
    here: Any = object.__new__(NodalMarket)
    here._strategic, here._node_limit, here._time_limit_s = list(strategic), node_limit, 600.0
    here._solver, here._iteration, here.network = "told", "sweep", None
    here.__dict__.update(more)
    return here


def point(name: str = "", *, settled: bool = False, tempts: bool = True, power: Any = None) -> Any:
    """Where a game ended."""
    return SimpleNamespace(name=name, settled=settled, tempts=tempts, lot_kw=power)


# In some orders


def in_orders(
    ends: Sequence[tuple[bool, bool]], *, nodes: int = 20_000, orders: int = 2, guard: Deadline | None = None
) -> Any:
    """Play orders that end settled or not, and late or not: points, what was late, and nodes that were given."""
    here, left, given = made(node_limit=nodes), iter(ends), list[float]()

    def played(_: Any, play: Any, order: Any) -> Any:
        settled, play.late = next(left)
        return point(f"{order}", settled=settled)

    def copied(deadline: Deadline) -> Any:
        given.append(deadline.nodes_left)
        return SimpleNamespace(late=False)

    here._played = played
    here._limit = lambda _: "limit"
    game = SimpleNamespace(guard=guard or Deadline())
    tried, late = here._in_orders(game, SimpleNamespace(copy=copied), list(range(orders)))
    return [each.name for each in tried], late, given


FIRST, SECOND = list(budgets(20_000))[:2]


def test_orders_are_played_until_one_settles() -> None:
    assert in_orders([(True, False)]) == (["0"], "", [FIRST])
    assert in_orders([(False, False), (True, False)]) == (["0", "1"], "", [FIRST, FIRST])
    assert in_orders([(False, False), (False, False)]) == (["0", "1"], "", [FIRST, FIRST])
    assert in_orders([(True, True)]) == (["0"], "limit", [FIRST])


def test_what_is_late_is_tried_again_with_more_nodes_unless_time_is_over() -> None:
    ends = [(False, True), (False, False), (True, False)]
    assert in_orders(ends) == (["0", "0", "1"], "", [FIRST, SECOND, SECOND])
    few = in_orders([(False, True)] * 9, nodes=FIRST)
    assert few == (["0"], "limit", [FIRST])
    over = Deadline(nodes=1)
    over.spend(1)
    assert in_orders([(False, True)] * 9, guard=over)[:2] == (["0"], "limit")


def test_which_limit_ended_a_search() -> None:
    outcome = "the best point known, its regret is the proven gap"
    here, over = made(node_limit=7), Deadline(nodes=1)
    assert here._limit(over) == f"node limit of 7: {outcome}"
    over.spend(1)
    assert here._limit(over) == f"time limit of 600 s (the answer depends on the machine): {outcome}"


# A day


class Cleared:
    """A market whose orders and random starts end as told; what was played is kept."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tried: list[list[Any]],
        *,
        elsewhere: Sequence[Any] = (),
        late: str = "",
        joined: bool = False,
        strategic: Sequence[int] = (0, 1),
    ) -> None:
        self.here, self.asked = made(strategic), list[Any]()
        self.best: Any = None
        left = iter(tried)
        play = object.__new__(PlayJoined) if joined else SimpleNamespace()
        efficient = SimpleNamespace(solve=lambda _: SimpleNamespace(cuts=[], split=None))
        self.here._compiled = {b"": SimpleNamespace(efficient=efficient)}

        def in_orders(_: Any, __: Any, orders: Any) -> Any:
            self.asked.append(("orders", orders))
            return next(left), late

        def started(_: Any, order: Any) -> Any:
            self.asked.append(("elsewhere", order))
            return iter(elsewhere)

        self.here._begin = lambda *_: play
        self.here._in_orders, self.here._elsewhere = in_orders, started
        monkeypatch.setattr(nodal, "Players", lambda *_: None)
        monkeypatch.setattr(nodal, "orders_of_play", lambda *_: [(0, 1), (1, 0), (0, 2), (2, 0)])
        monkeypatch.setattr(nodal, "best_of", self.taken)
        monkeypatch.setattr(nodal, "replace", lambda best, **_: best)

    def taken(self, tried: list[Any], late: str, elsewhere: list[Any]) -> str:
        self.best = [each.name for each in tried], late, [each.name for each in elsewhere]
        return "best"

    def clear(self, **asked: Any) -> Any:
        day: Any = SimpleNamespace(length_h=b"")
        assert NodalMarket.clear.__wrapped__(self.here, day, **asked) == "best"  # type: ignore[attr-defined]
        return self.best, self.asked


def test_two_orders_come_first_then_other_starts_then_other_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = Cleared(monkeypatch, [[point("a", settled=True)]]).clear()
    assert (found, asked) == ((["a"], "", []), [("orders", [(0, 1), (1, 0)])])
    found, asked = Cleared(monkeypatch, [[point("a")], [point("b")]], elsewhere=[point("c")]).clear()
    assert found == (["a", "b"], "", ["c"])
    assert asked == [("orders", [(0, 1), (1, 0)]), ("elsewhere", (0, 1)), ("orders", [(0, 2), (2, 0)])]
    settled = Cleared(monkeypatch, [[point("a")]], elsewhere=[point("c", settled=True)]).clear()
    assert settled == ((["a"], "", ["c"]), [("orders", [(0, 1), (1, 0)]), ("elsewhere", (0, 1))])


def test_other_starts_are_played_only_where_every_end_tempts_a_lot(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = [[point("a"), point("b", tempts=False)], [point("c")]]
    found, asked = Cleared(monkeypatch, tried, elsewhere=[point("d")]).clear()
    assert found == (["a", "b", "c"], "", [])
    assert [each[0] for each in asked] == ["orders", "orders"]


def test_what_is_told_or_late_or_joined_is_played_once(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [(0, 1), (1, 0), (0, 2), (2, 0)]
    for options, asked, wanted in (
        ({"late": "limit"}, {}, every[:2]),
        ({"joined": True}, {}, every),
        ({"strategic": (0,)}, {}, every),
        ({}, {"start_kw": np.zeros((1, 2))}, every),
        ({}, {"order": (1, 0)}, [(1, 0)]),
    ):
        found, seen = Cleared(monkeypatch, [[point("a")]], **options).clear(**asked)
        assert seen == [("orders", wanted)]
        assert found == (["a"], options.get("late", ""), [])
    with pytest.raises(InputError) as caught:
        Cleared(monkeypatch, [[point("a")]]).clear(order=(1, 1))
    assert str(caught.value) == "nodal market: order: got (1, 1), expected the strategic lots [0, 1], each once"


def test_random_starts_go_on_until_one_settles() -> None:
    """A start that the feeder cannot take is passed over; a point that some lot cannot take is none."""

    def elsewhere(ends: Sequence[Any], strategic: Sequence[int] = (0, 2)) -> tuple[list[str], int]:
        left, starts = iter(ends), list[int]()
        here = made(strategic)

        def begin(*_: Any) -> Any:
            found = next(left)
            starts.append(1)
            if found is None:
                raise NoDispatchError("no dispatch")
            return found

        efficient = SimpleNamespace(random=lambda *_: "start")
        here._compiled = {b"": SimpleNamespace(efficient=efficient, structure=SimpleNamespace(begin=begin))}
        here._instance = lambda _: None
        here._played = lambda _, play, __: play
        takes = SimpleNamespace(takes=lambda lot, power: bool(power[0] != lot))
        game = SimpleNamespace(day=SimpleNamespace(length_h=b""), players=takes, welfare=SimpleNamespace(cuts=[]))
        return [each.name for each in here._elsewhere(game, (0, 2))], len(starts)

    fine, bad = np.full((1, 3), 9.0), np.array([[9.0, 9.0, 2.0]])
    ends = [
        None,
        point("a", power=fine),
        point("b", power=bad),
        point("c", power=fine, settled=True),
        point("d", power=fine),
    ]
    assert elsewhere(ends) == (["a", "c"], 4)
    assert elsewhere([point("b", power=bad, settled=True), point("d", power=fine)]) == ([], 1)
    assert elsewhere([point("b", power=bad)] * 99, strategic=(0, 1)) == (["b"] * STARTS, STARTS)


def test_points_that_differ_are_told_apart() -> None:
    """The first is that of the day itself; what is not certified or lies within a watt of another is left out."""
    powers = [1.0, 1.0 + 0.9 * SAME_POINT_KW, 5.0, 3.0, 1.0 + 1.1 * SAME_POINT_KW]
    left, given = iter(enumerate(powers)), list[Any]()
    here = made()

    def clear(_: Any, start_kw: Any = None) -> Any:
        number, power = next(left)
        given.append(start_kw)
        return SimpleNamespace(
            lot_kw=np.array([[0.0, power]]), certificate=SimpleNamespace(certified=number != 2), number=number
        )

    draws = list[float]()
    efficient = SimpleNamespace(solve=lambda _: SimpleNamespace(cuts="cuts"), random=lambda _, rng, __: rng.random())
    here.clear, here._compiled = clear, {b"": SimpleNamespace(efficient=efficient)}
    found = here.probe(SimpleNamespace(length_h=b""), starts=4, seed=3)
    draws = np.random.default_rng(3).random(4).tolist()
    assert [each.number for each in found] == [0, 3, 4]
    assert given == [None, *draws]


def test_a_start_that_the_feeder_cannot_take_is_refused() -> None:
    here, checked = made(), list[Any]()

    def begin(*_: Any) -> None:
        raise NoDispatchError("no dispatch in hours 3")

    here._instance = lambda _: None
    here._compiled = {b"": SimpleNamespace(structure=SimpleNamespace(begin=begin))}
    day, welfare = SimpleNamespace(length_h=b""), SimpleNamespace(power="welfare")
    with pytest.raises(SolverError, match="the welfare optimum has no dispatch in hours 3"):
        here._begin(day, welfare, None, None)
    with pytest.raises(InputError) as caught:
        here._begin(day, welfare, None, np.ones((1, 1)))
    assert "start_kw: got 'no dispatch in hours 3', expected powers the feeder takes" in str(caught.value)
    takes = SimpleNamespace(check=checked.append)
    here._compiled = {b"": SimpleNamespace(structure=SimpleNamespace(begin=lambda *given: given[-1]))}
    assert here._begin(day, welfare, takes, None) == "welfare"
    assert not checked
    assert here._begin(day, welfare, takes, "told") == "told"
    assert checked == ["told"]


# What lots can take


def test_energy_that_is_stored_as_printed_leaves_the_first_period_out() -> None:
    length = (0.5, 2.0, 1.0)
    stored = 0.8 * np.array([[0.5, 0.0, 0.0], [0.5, 2.0, 0.0], [0.5, 2.0, 1.0]])
    assert players._charge_matrix(0.8, "corrected", length).toarray() == pytest.approx(stored)
    stored[:, 0] = 0.0
    assert players._charge_matrix(0.8, "as_printed", length).toarray() == pytest.approx(stored)


def test_cuts_are_rows_of_energies() -> None:
    cuts = [SimpleNamespace(hours=np.array(hours, dtype=bool)) for hours in ([1, 0, 1], [0, 0, 0], [0, 1, 0])]
    rows = players._cut_rows(cuts, np.array([0.5, 2.0, 1.0]))  # type: ignore[arg-type]
    assert rows.toarray().tolist() == [[0.5, 0.0, 1.0], [0.0] * 3, [0.0, 2.0, 0.0]]


@pytest.mark.parametrize(("first_hour", "drawn"), [("corrected", [2.0, 0.0]), ("as_printed", [0.0, 2.0])])
def test_vehicles_draw_what_is_stored(first_hour: str, drawn: list[float]) -> None:
    """One that needs 1 kWh at an efficiency of a half, of at most 3 kWh in each of its two periods."""
    fleet = Fleet(
        power_kw=np.array([[3.0, 3.0]]),
        energy_kwh=np.array([0.0]),
        need_kwh=np.array([1.0]),
        battery_kwh=np.array([9.0]),
        arrival_hour=np.array([0]),
        departure_hour=np.array([2]),
    )
    site = LotSite("lot", 1, 0.5, first_hour=first_hour)
    data = lot_data(1.0, [3.0, 3.0])
    assert players._vehicles(site, data, None) is None
    object.__setattr__(data, "fleet", fleet)
    found = players._vehicles(site, data, [])
    assert found is not None
    assert found.drawn_kwh.tolist() == [[kwh] for kwh in drawn]
    assert found.limit_kwh.tolist() == [[0.0 if first_hour == "as_printed" else 3.0], [3.0]]


# An answer where hours are joined


@pytest.mark.parametrize(
    ("profit", "more", "over", "late"),
    [
        (0.5, 0.9 * EXACT_REGRET, True, False),
        (0.5, 1.1 * EXACT_REGRET, True, True),
        (0.5, 9.0, False, False),
        (-40.0, 39.0 * EXACT_REGRET, True, False),
        (-40.0, 41.0 * EXACT_REGRET, True, True),
    ],
)
def test_an_answer_that_is_not_proved_in_time_is_late(
    monkeypatch: pytest.MonkeyPatch, profit: float, more: float, *, over: bool, late: bool
) -> None:
    """The search is given the lot's own powers as present only where its vehicles can take them."""
    here: Any = object.__new__(PlayJoined)
    here.reduced, here.lots, here.late, here.deadline = None, None, False, Deadline(nodes=1)
    here.deadline.spend(int(over))
    here.power = np.array([[1.0, 2.0], [3.0, 4.0]])
    asked, given = list[Any](), list[Any]()

    def cut(lot: int, power: Any, price: Any) -> bool:
        asked.append((lot, power, price.tolist()))
        return bool(power == "refused")

    here.players = SimpleNamespace(
        price=np.array([[0.1, 0.2], [0.3, 0.4]]),
        takes=lambda _, power: bool(power[0] == 2.0),
        own=lambda lot: f"own {lot}",
        cut=cut,
    )

    def respond(follower: Any, price: Any, own: Any, present: Any, deadline: Any, refuse: Any) -> Any:
        given.append((follower, price.tolist(), own, None if present is None else present.tolist(), deadline))
        assert (refuse("refused"), refuse("taken")) == (own, None)
        return SimpleNamespace(bound=profit + more, profit=profit), 7.0

    monkeypatch.setattr(joined, "respond", respond)
    monkeypatch.setattr(joined, "Follower", SimpleNamespace(facing=lambda *told: ("facing", told[2])))
    answer, earned = here.respond(1)
    assert (answer.profit, earned, here.late) == (profit, 7.0, late)
    assert given == [(("facing", 1), [0.2, 0.4], "own 1", [2.0, 4.0], here.deadline)]
    assert asked[0] == (1, "refused", [0.2, 0.4])
    here.late = True
    here.respond(0)
    assert here.late
    assert given[1][3] is None
    monkeypatch.setattr(joined, "respond", lambda *_: (None, -INF))
    here.late = False
    assert here.respond(1) == (None, -INF)
    assert not here.late
