"""The branch and bound over branches step by step: what it holds, where it goes next, what it may claim at the end."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.grid import reconfiguration
from equilibrium.grid.branch_flow import Relaxed
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.reconfiguration import _Node, _Search
from tests.equilibrium.test_meshed import grid

INF = float("inf")
RING = [(0, 1, True), (1, 2, True), (0, 2, False)]
"""A ring of three branches: any one of them is opened."""


class Known:
    """An exchange whose best loss is told: each descent may find the next one."""

    def __init__(self, made: MeshedGrid, *losses: float, look: float = INF) -> None:
        self.grid, self.losses, self.flows = made, list(losses), 0
        self.worth, self.best = (0.0, self.losses.pop(0)), made.closed
        self.seen: list[list[bool]] = []
        self.descended: list[list[bool]] = []
        self._look = look

    def look(self, tree: np.ndarray) -> tuple[float, float]:
        self.seen.append(tree.tolist())
        return 0.0, self._look

    def descend(self, tree: np.ndarray, _: Deadline) -> None:
        self.descended.append(tree.tolist())
        if self.losses:
            self.worth = 0.0, self.losses.pop(0)


def search(*losses: float, look: float = INF, gap: float = 0.5, ways: list | None = None) -> tuple[_Search, Known]:
    """A search of a ring whose best loss is told; its cutoff is the part that the gap leaves."""
    known = Known(grid(3 if ways is None else 4, (0,), RING if ways is None else ways), *losses, look=look)
    made = _Search(known, gap, "auto")  # type: ignore[arg-type]
    made._gains = np.zeros((2, 2, known.grid.branches))
    return made, known


def run(
    monkeypatch: pytest.MonkeyPatch, made: _Search, first: float, *bounds: Relaxed, nodes: float = INF
) -> tuple[bool, float, int, int, int]:
    """Run with bounds of the relaxation as told: whether finished, bound, nodes, cuts, and programs asked for."""
    given = iter(bounds)
    asked = []

    class Told:
        cuts = 7

        def __init__(self, *_: object) -> None:
            pass

        def bound(self, held_open: np.ndarray, held_closed: np.ndarray, cutoff: float, rounds: int) -> Relaxed:
            asked.append((held_open.tolist(), held_closed.tolist(), cutoff, rounds))
            return next(given)

    monkeypatch.setattr(reconfiguration, "BranchFlow", Told)
    monkeypatch.setattr(reconfiguration, "loss_bound", lambda _: first)
    finished = made.run(Deadline(nodes=nodes))
    made.asked = asked  # type: ignore[attr-defined]
    return finished, made.bound_kw, made.nodes, made.cuts, len(asked)


def half(bound: float) -> Relaxed:
    return Relaxed(bound, np.array([0.9, 0.5, 0.6]))


def test_a_bound_without_any_program_may_be_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, search(80.0)[0], 40.0) == (True, 40.0, 0, 0, 0)
    assert run(monkeypatch, search(80.0)[0], 99.0) == (True, 80.0, 0, 0, 0)


def test_a_first_program_without_an_answer_leaves_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, search(80.0)[0], 10.0, Relaxed(0.0, None)) == (False, 10.0, 0, 0, 1)


def test_a_node_at_the_cutoff_is_of_no_interest(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a node of 30 waiting a configuration of 60 is found, whose half it is: nothing is left to ask."""
    made = search(80.0, 80.0, 80.0, 60.0)[0]
    assert run(monkeypatch, made, 10.0, half(29.0), half(30.0), half(45.0)) == (True, 30.0, 3, 7, 3)
    assert run(monkeypatch, search(80.0, 60.0)[0], 10.0, half(30.0)) == (True, 30.0, 1, 7, 1)  # dropped at once
    # A bound of 45 is above the half of 80: it is dropped, and counts as what is proved.
    assert run(monkeypatch, search(80.0)[0], 10.0, half(45.0)) == (True, 45.0, 1, 7, 1)


def test_both_states_of_a_branch_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Branch 1, used by half, is opened and closed: 38 and 42 of a cutoff of 40.

    Of the open one, branches 2 and 0 cannot be opened; with all held, the one configuration was looked at.
    """
    made, _ = search(80.0)
    none = Relaxed(INF, None)
    first = Relaxed(30.0, np.array([1.0, 0.5, 1.0]))
    ended = run(monkeypatch, made, 10.0, first, half(38.0), half(42.0), half(39.0), half(39.5))
    assert ended == (True, 42.0, 5, 7, 5)
    assert made.asked == [  # type: ignore[attr-defined]
        ([], [], 40.0, reconfiguration.ROUNDS),
        ([1], [], 40.0, reconfiguration.NODE_ROUNDS),
        ([], [1], 40.0, reconfiguration.NODE_ROUNDS),
        ([1], [2], 40.0, reconfiguration.NODE_ROUNDS),
        ([1], [2, 0], 40.0, reconfiguration.NODE_ROUNDS),
    ]
    made, _ = search(80.0)
    assert run(monkeypatch, made, 10.0, half(30.0), none, none) == (True, 80.0, 3, 7, 3)
    made, _ = search(80.0)
    assert run(monkeypatch, made, 10.0, half(30.0), half(41.0), half(42.0)) == (True, 41.0, 3, 7, 3)


def test_time_that_is_over_leaves_the_least_open_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = search(80.0)
    assert run(monkeypatch, made, 10.0, half(30.0), nodes=1) == (False, 30.0, 1, 7, 1)


def node(use: list[float], held_open: list[int] = [], held_closed: list[int] = []) -> _Node:  # noqa: B006
    integers = (np.array(held, dtype=np.int64) for held in (held_open, held_closed))
    return _Node(10.0, 1, *integers, np.array(use))


def test_what_a_branching_brings_is_told_per_unit() -> None:
    """Opening a branch of use 0.25 lifted the bound from 10 to 20, closing it to 16: 40 and 8 a unit."""
    made, _ = search(80.0)
    relaxation = SimpleNamespace(bound=lambda held_open, *_: Relaxed(20.0 if held_open.size else 16.0, np.ones(3)))
    made._gains[:, :, 1] = [[1.0, 2.0], [3.0, 4.0]]
    made._branch(node([1.0, 0.25, 1.0]), relaxation, Deadline())  # type: ignore[arg-type]
    assert made._gains[:, :, 1] == pytest.approx(np.array([[41.0, 10.0], [4.0, 5.0]]))
    assert not made._gains[:, :, [0, 2]].any()
    assert [(each.bound, each.open.tolist(), each.closed.tolist()) for each in sorted(made._heap)] == [
        (16.0, [], [1]),
        (20.0, [1], []),
    ]


@pytest.mark.parametrize(
    ("bound", "left"),
    [(5.0, (10.0, 0.0)), (10.0, (10.0, 0.0)), (39.0, (39.0, 29.0)), (90.0, (None, 30.0)), (INF, (None, 30.0))],
)
def test_a_child_is_no_worse_than_its_node_and_gains_no_more_than_counts(
    bound: float, left: tuple[float | None, float]
) -> None:
    """Above the cutoff of 40 a bound is worth no more than that; below the node's 10 it is the node's."""
    made, _ = search(80.0)
    use = None if bound == INF else np.ones(3)
    made._branch(node([1.0, 0.5, 1.0]), SimpleNamespace(bound=lambda *_: Relaxed(bound, use)), Deadline())  # type: ignore[arg-type]
    assert [each.bound for each in made._heap] == ([] if left[0] is None else [left[0]] * 2)
    assert made._gains[0, :, 1] == pytest.approx([2.0 * left[1]] * 2)
    assert made._gains[1, :, 1].tolist() == [1.0, 1.0]


def test_where_a_solver_failed_the_use_of_the_node_above_stands() -> None:
    made, _ = search(80.0)
    failed = SimpleNamespace(bound=lambda *_: Relaxed(-INF, None))
    made._branch(node([1.0, 0.5, 1.0]), failed, Deadline())  # type: ignore[arg-type]
    assert [(each.bound, each.use.tolist()) for each in made._heap] == [(10.0, [1.0, 0.5, 1.0])] * 2


@pytest.mark.parametrize(
    ("held_open", "held_closed", "possible"),
    [([0], [], True), ([0, 1], [], False), ([], [0, 1], True), ([], [0, 1, 2], False), ([2], [0, 1], True)],
)
def test_a_radial_configuration_that_is_left(held_open: list[int], held_closed: list[int], possible: bool) -> None:
    made, _ = search(80.0)
    held = (np.array(each, dtype=np.int64) for each in (held_open, held_closed))
    assert made._possible(*held) is possible


@pytest.mark.parametrize(
    ("look", "nodes", "descends"), [(70.0, 99, True), (80.0, 99, False), (90.0, 99, False), (90.0, 2, True)]
)
def test_what_a_node_suggests_is_exchanged_further_where_it_is_best_or_early(
    look: float, nodes: int, descends: bool
) -> None:
    """Held branches are taken first, held open last, the others by their use."""
    made, known = search(80.0, look=look)
    made.nodes = nodes
    none = np.zeros(0, dtype=np.int64)
    made._take(Relaxed(20.0, np.array([0.9, 0.5, 0.6])), none, none, Deadline())
    assert known.seen == [[True, False, True]]
    assert known.descended == ([[True, False, True]] if descends else [])
    made._take(Relaxed(20.0, np.array([0.9, 0.5, 0.6])), np.array([0]), np.array([1]), Deadline())
    assert known.seen[1] == [False, True, True]
    assert made.nodes == nodes + 2
    made._take(Relaxed(INF, None), none, none, Deadline())
    assert (made.nodes, len(known.seen), len(made._heap)) == (nodes + 3, 2, 2)


@pytest.mark.parametrize(
    ("exchanges", "last"), [(reconfiguration.DESCENTS - 1, True), (reconfiguration.DESCENTS, False)]
)
def test_how_many_nodes_are_exchanged_further(exchanges: int, last: bool) -> None:
    made, known = search(80.0, look=90.0)
    made.nodes = exchanges
    none = np.zeros(0, dtype=np.int64)
    made._take(Relaxed(20.0, np.array([0.9, 0.5, 0.6])), none, none, Deadline())
    assert bool(known.descended) is last


def test_what_is_dropped_counts_for_the_bound() -> None:
    made, _ = search(80.0)
    none = np.zeros(0, dtype=np.int64)
    for bound in (40.0, 39.9, 55.0):
        made._take(Relaxed(bound, np.ones(3)), none, none, Deadline())
    assert made._dropped == 40.0
    assert [each.bound for each in made._heap] == [39.9]


SQUARE = [(0, 1, True), (1, 2, True), (2, 3, True), (0, 3, False)]


@pytest.mark.parametrize(
    ("use", "held", "gains", "chosen"),
    [
        ([0.9, 0.5, 0.6, 0.1], [], {}, 0),  # nothing known: the first
        ([1.0, 0.2, 0.6, 0.1], [], {}, 1),
        ([0.9, 0.5, 0.6, 0.1], [0, 1], {}, 2),
        # Branch 0 has brought 10 a unit in both states, which the others are taken to bring too: a half stays best.
        ([0.9, 0.5, 0.6, 0.1], [], {0: (10.0, 10.0)}, 1),
        # Branches 0 and 1 are known: 0.9 * 10 * 0.1 * 10 = 9 beats 0.5 * 1 * 0.5 * 1; unknown ones bring the mean 5.5.
        ([0.9, 0.5, 0.0, 1.0], [], {0: (10.0, 10.0), 1: (1.0, 1.0)}, 0),
        ([0.9, 0.5, 0.6, 1.0], [], {0: (1.0, 1.0), 1: (1.0, 1.0), 2: (0.9, 0.9)}, 1),
        ([0.9, 0.5, 0.6, 1.0], [], {0: (1.0, 1.0), 1: (1.0, 1.0), 2: (1.1, 1.1)}, 2),
        ([0.2, 0.8, 0.0, 1.0], [], {0: (4.0, 1.0), 1: (1.0, 4.5)}, 1),
        ([1.0, 0.7, 1.0, 0.0], [], {}, 1),
        ([1.0, 1.0 - 5e-7, 1.0, 0.0], [], {}, 1),  # a tree: the one that is nearest to a half, or the first
        ([1.0, 1.0, 1.0, 0.0], [0], {}, 1),
        ([1.0, 0.5, 1.0, 0.0], [0, 1, 2, 3], {}, None),
    ],
)
def test_which_branch_is_held_next(
    use: list[float], held: list[int], gains: dict[int, tuple[float, float]], chosen: int | None
) -> None:
    """What opening and closing have brought a unit, times what is to be moved: the largest product."""
    made, _ = search(80.0, ways=SQUARE)
    for branch, by_state in gains.items():
        made._gains[:, :, branch] = [by_state, (1.0, 1.0)]
    assert made._choice(node(use, held_open=held[::2], held_closed=held[1::2])) == chosen


def test_gains_are_means_of_all_times() -> None:
    """Branch 1 brought 9 in three times, branch 2 brought 4 once: 4 is more a time."""
    made, _ = search(80.0, ways=SQUARE)
    made._gains[:, :, 1], made._gains[:, :, 2] = [[9.0, 9.0], [3.0, 3.0]], [[4.0, 4.0], [1.0, 1.0]]
    assert made._choice(node([1.0, 0.5, 0.5, 0.0])) == 2
    made._gains[:, :, 2] = 0.0  # then 3 a time is what branch 2 is taken to bring too
    assert made._choice(node([1.0, 0.6, 0.5, 0.0])) == 2
    assert made._choice(node([1.0, 0.5, 0.6, 0.0])) == 1


def test_a_branch_that_is_no_switch_is_never_held() -> None:
    made, known = search(80.0)
    known.grid.switchable[0] = False
    assert made._choice(node([0.9, 0.5, 0.6])) == 1


@pytest.mark.parametrize(("bound", "loss", "gap"), [(75.0, 100.0, 0.25), (0.0, 0.0, 0.0), (1.0, 4.0, 0.75)])
def test_the_gap_is_a_share_of_the_loss(bound: float, loss: float, gap: float) -> None:
    found = reconfiguration.Reconfiguration(np.ones(3, dtype=bool), loss, loss, (), bound, 1, 1, 1, finished=True)
    assert found.gap == gap


@pytest.mark.parametrize(("count", "told"), [(2, "a; b"), (3, "a; b; c"), (5, "a; b; c and 2 more")])
def test_limits_that_stand_against_everything_are_named_up_to_three(
    monkeypatch: pytest.MonkeyPatch, count: int, told: str
) -> None:
    _, known = search(80.0)
    known.worth = 0.5, 80.0
    monkeypatch.setattr(reconfiguration, "broken_limits", lambda *_: tuple("abcde"[:count]))
    said = f"grid made: no configuration that keeps the limits was found; {told}"
    assert reconfiguration._why(known.grid, known) == (said,)  # type: ignore[arg-type]
    known.worth = INF, INF
    none = "grid made: no configuration with a power flow was found"
    assert reconfiguration._why(known.grid, known) == (none,)  # type: ignore[arg-type]
