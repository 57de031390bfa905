"""A lot's best response on curves, step by step: which relaxation comes next, and what is proved at the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.errors import SolverError
from equilibrium.markets.nodal import response
from equilibrium.markets.nodal.relaxation import FeasiblePowers, Majorant
from equilibrium.markets.nodal.response import BestResponse, _Box, _Node, best_response
from equilibrium.programs.program import GAP

INF = float("inf")
Tree = dict[str, tuple[float, float]]
"""By the way to a relaxation: its bound, and what its answer earns."""

NOTHING = Majorant([0.0], [0.0], [], ([0.0], []))


def node(name: str, tree: Tree) -> _Node:
    bound, profit = tree[name]
    return _Node([], [float(len(name))], [], [profit], bound, None, None)


def searched(
    monkeypatch: pytest.MonkeyPatch, tree: Tree, *, boxes: tuple[str, ...] = (), present: float | None = None
) -> tuple[BestResponse | None, list[str]]:
    """Search relaxations as told; those in ``boxes`` have to be solved first, and are empty where they are not told."""
    names: dict[int, str] = {}
    kept: list[object] = []
    order: list[str] = []

    class Told:
        seconds = 0.25

        def __init__(self, *_: object) -> None:
            pass

        def made(self, name: str) -> _Node:
            found = node(name, tree)
            names[id(found)] = name
            kept.append(found)
            return found

        def root(self, _before: object) -> _Node | None:
            return self.made("") if "" in tree else None

        def relax(self, box: _Box, _known: float) -> _Node | None:
            name = names[id(box)]
            order.append(f"box {name}")
            return self.made(name) if name in tree else None

        def below(self, above: _Node) -> list[_Node | _Box]:
            order.append(names[id(above)])
            found: list[_Node | _Box] = []
            for letter in "abc":
                name = names[id(above)] + letter
                if name in boxes:
                    box = _Box(above, 0, NOTHING, above.bound)
                    names[id(box)] = name
                    kept.append(box)
                    found.append(box)
                elif name in tree:
                    found.append(self.made(name))
            return found

    monkeypatch.setattr(response, "_Search", Told)
    monkeypatch.setattr(response, "profit_on_curves", lambda *_: present)
    own = FeasiblePowers(None, np.zeros(0), np.zeros(0), np.ones(1))  # type: ignore[arg-type]
    given = None if present is None else np.array([9.0])
    return best_response(np.ones(1), [], own, given), order


def test_the_best_bound_comes_first_and_what_cannot_be_better_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The root says 10 and earns 3; ``b`` says 9 and earns 8, so that ``a``, which says 7, is not looked at."""
    answer, order = searched(monkeypatch, {"": (10.0, 3.0), "a": (7.0, 5.0), "b": (9.0, 8.0), "ba": (8.0, 8.0)})
    assert order == ["", "b"]
    assert answer is not None
    assert (answer.profit, answer.bound, answer.nodes, answer.seconds) == (8.0, 8.0, 2, 0.25)
    assert answer.power_kw.tolist() == [1.0]


def test_what_is_closed_without_anything_below_keeps_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, order = searched(monkeypatch, {"": (10.0, 3.0), "a": (9.0, 5.0), "b": (8.0, 4.0)})
    assert order == ["", "a", "b"]
    assert answer is not None
    assert (answer.profit, answer.bound, answer.nodes) == (5.0, 9.0, 3)


def test_boxes_are_solved_when_it_is_their_turn_and_may_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both boxes of the root come with its bound of 10; one is empty, one says 6."""
    answer, order = searched(monkeypatch, {"": (10.0, 3.0), "b": (6.0, 6.0)}, boxes=("a", "b"))
    assert order == ["", "box a", "box b", "b"]
    assert answer is not None
    assert (answer.profit, answer.bound, answer.nodes) == (6.0, 6.0, 2)


def test_bounds_that_differ_by_rounding_come_in_their_order_and_are_all_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bounds within the gap of the answer the last and largest one counts for the proof too."""
    step = 0.2 * GAP * 11.0
    tree: Tree = {"": (10.0, 3.0), "a": (10.0 - 4.0 * step, 10.0 - 4.0 * step)}
    tree |= {"b": (10.0 - 3.95 * step, 1.0), "c": (10.0 - 3.9 * step, 1.0)}
    answer, order = searched(monkeypatch, tree)
    assert order == ["", "a"]
    assert answer is not None
    assert answer.profit == 10.0 - 4.0 * step
    assert answer.bound == 10.0 - 3.9 * step


@pytest.mark.parametrize(("present", "better"), [(9.0, False), (10.0, False), (2.0, True)])
def test_a_present_schedule_stays_where_nothing_beats_it(
    monkeypatch: pytest.MonkeyPatch, present: float, better: bool
) -> None:
    answer, _ = searched(monkeypatch, {"": (9.0, 8.0)}, present=present)
    assert answer is not None
    assert answer.power_kw.tolist() == ([0.0] if better else [9.0])
    assert (answer.profit, answer.bound) == ((8.0, 9.0) if better else (present, max(present, 9.0)))


def test_no_schedule_and_a_search_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert searched(monkeypatch, {}) == (None, [])
    monkeypatch.setattr(response, "MAXIMUM_NODES", 2)
    tree: Tree = {"": (10.0, 3.0), "a": (9.0, 5.0), "b": (8.0, 4.0)}
    with pytest.raises(SolverError, match="a best response was not proved within 2 nodes"):
        searched(monkeypatch, tree)
    answer, _ = searched(monkeypatch, {name: tree[name] for name in ("", "a")})
    assert answer is not None
    assert replace(answer, seconds=0.0).nodes == 2
