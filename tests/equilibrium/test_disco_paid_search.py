"""The search over boxes where purchases are paid for, step by step: bounds, dispatches, and what ends it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.markets.disco.upper import paid
from equilibrium.markets.disco.upper.master import NoDispatchError
from equilibrium.markets.disco.upper.paid import Relaxed
from equilibrium.programs.program import GAP

INF = float("inf")
NOTES = "purchases that are paid for: {} boxes of net powers were searched with every square exact"


@dataclass(frozen=True)
class Told:
    """What replaces a stage: what its dispatch costs, and what is said of it."""

    cost: float
    bound: float = 0.0
    rounds: int = 5
    seconds: float = 1.0
    notes: tuple[str, ...] = ("before",)


Tree = dict[str, tuple[float, float, bool] | None]
"""By the way to a box: bound of its relaxation, cost of the dispatch near it, whether squares are off; or empty."""


def searched(monkeypatch: pytest.MonkeyPatch, tree: Tree, boxes: float = INF) -> tuple[Told, list[str]]:
    """Search boxes as told; the dispatch that is settled costs what the best one was found to cost."""
    looked: list[str] = []

    def relaxed(_: object, box: str) -> Relaxed | None:
        found = tree[box]
        looked.append(box)
        return None if found is None else Relaxed(np.array([found[1]]), found[0], np.array([float(found[2])]))

    def dispatched(_: object, found: Relaxed, _known: float) -> tuple[float, np.ndarray]:
        return float(found.x[0]), found.x

    def split(box: str, _: Relaxed) -> tuple[str, str] | None:
        return (f"{box}a", f"{box}b") if f"{box}a" in tree else None

    monkeypatch.setattr(paid, "_relaxed", relaxed)
    monkeypatch.setattr(paid, "_dispatched", dispatched)
    master = SimpleNamespace(
        root=lambda: "", split=split, settled=lambda flow: Told(float(flow[0])), seconds=0.5, cases=[]
    )
    return paid._searched(master, 3, Deadline(nodes=boxes)), looked  # type: ignore[arg-type, return-value]


def test_a_relaxation_with_exact_squares_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, looked = searched(monkeypatch, {"": (4.0, 4.0, False)})
    assert looked == [""]
    assert (stage.cost, stage.bound, stage.rounds, stage.seconds) == (4.0, 4.0, 6, 1.5)
    assert stage.notes == ("before", NOTES.format(1))


def test_boxes_are_searched_by_their_bounds_until_none_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """The root says 1 and finds 9; of its halves ``b`` says 2 and finds 6, ``a`` says 7 and is not followed."""
    tree: Tree = {"": (1.0, 9.0, True), "a": (7.0, 7.0, True), "b": (2.0, 6.0, True)}
    tree |= {"ba": (6.0, 6.0, False), "bb": None}
    stage, looked = searched(monkeypatch, tree)
    assert looked == ["", "a", "b", "ba", "bb"]
    assert (stage.cost, stage.bound, stage.rounds) == (6.0, 6.0, 5 + 4)  # an empty box is none that was looked at
    assert stage.notes == ("before", NOTES.format(4))


def test_a_box_that_cannot_be_split_keeps_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, _ = searched(monkeypatch, {"": (4.0, 5.0, True)})
    told = "the search was ended: another dispatch could gain up to 1 for the company"
    assert (stage.cost, stage.bound, stage.notes) == (5.0, 4.0, ("before", NOTES.format(1), told))


def test_a_deadline_leaves_the_least_bound_that_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    tree: Tree = {"": (1.0, 9.0, True), "a": (3.0, 8.0, True), "b": (2.0, 6.0, True), "aa": (3.5, 8.0, True)}
    stage, looked = searched(monkeypatch, tree, boxes=2)
    assert looked == ["", "a"]
    assert (stage.cost, stage.bound) == (8.0, 1.0)
    assert stage.notes[-1] == "the search was ended: another dispatch could gain up to 7 for the company"
    stage, looked = searched(monkeypatch, {"": (4.0, 4.0, False)}, boxes=0)  # one box is always looked at
    assert (looked, stage.cost) == ([""], 4.0)


@pytest.mark.parametrize(("bound", "followed"), [(6.0 - 5.0 * GAP, False), (6.0 - 9.0 * GAP, True)])
def test_what_is_within_the_gap_is_not_followed(monkeypatch: pytest.MonkeyPatch, bound: float, followed: bool) -> None:
    """The gap is relative to 1 + 6."""
    tree: Tree = {"": (1.0, 6.0, True), "a": (bound, 5.5, False), "b": None}
    stage, _ = searched(monkeypatch, tree)
    assert stage.cost == (5.5 if followed else 6.0)


def test_why_no_dispatch_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoDispatchError):
        searched(monkeypatch, {"": None})
    tree: Tree = {"": (1.0, INF, True), "a": (1.0, INF, True), "b": (1.0, INF, True)}
    with pytest.raises(SolverError, match="no dispatch without waste was found in 1 boxes; raise the node limit"):
        searched(monkeypatch, tree, boxes=1)
    cases: Any = [(1, np.int64(4)), (0, 2), (1, np.int64(4))]
    error = paid._nothing(SimpleNamespace(cases=cases), 1, [], 3)  # type: ignore[arg-type]
    assert isinstance(error, InfeasibleError)
    assert error.reasons == tuple(
        f"scenario {scenario}: in period {period} there is more energy than the feeder can use without wasting it in "
        "its lines"
        for scenario, period in ((3, 2), (4, 4))
    )


@pytest.mark.parametrize(
    ("common", "near", "held", "cost", "at"),
    [
        (False, 9.0, [5.0], 5.0, "swept"),
        (False, 9.0, [None, 6.0], 6.0, "own"),
        (False, 9.0, [None, None], INF, "own"),
        (False, 99.0, [5.0], INF, "own"),  # far dearer than what is known: not followed
        (True, 99.0, [5.0], 5.0, "swept"),
    ],
)
def test_a_dispatch_near_a_relaxation(
    common: bool, near: float, held: list[float | None], cost: float, at: str
) -> None:
    """First the swept flows are held in their segments, then the relaxation's own."""
    given = iter(held)

    def optimum(_: object) -> tuple[SimpleNamespace, SimpleNamespace] | None:
        value = next(given)
        return None if value is None else (SimpleNamespace(cost=np.array([value])), SimpleNamespace(x=np.ones(1)))

    swept, own = np.array([1.0]), np.array([2.0])
    master = SimpleNamespace(
        swept=lambda _: swept,
        columns=SimpleNamespace(common=common),
        cost_of=lambda _: near,
        optimum=optimum,
        held=lambda *_: None,
    )
    found = paid._dispatched(master, Relaxed(own, 0.0, np.zeros(1)), 10.0)  # type: ignore[arg-type]
    assert found[0] == cost
    assert found[1] is (swept if at == "swept" else own)
