"""The search for directions of vehicles, step by step: what is free when, what each program is given, what ends it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.deadline import Deadline
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.markets.disco.network.service import NoDispatchError
from equilibrium.markets.disco.upper import exclusive
from equilibrium.markets.disco.upper.exclusive import NOT_PROVED_UNIQUE, TIME_LIMIT_S, choose_directions
from equilibrium.markets.disco.upper.mixtures import Mixture
from equilibrium.programs.duality import Residuals
from equilibrium.programs.program import GAP, INF, Instance, ProgramBuilder
from equilibrium.programs.solvers import MixedSolution, Status

STAYS = 3
"""Two of the first vehicle, one of the second."""


@dataclass(frozen=True)
class Fleet:
    """What the search asks of vehicles."""

    row: Any = field(default_factory=lambda: np.array([0, 0, 1]))
    lot: Any = field(default_factory=lambda: np.array([0, 0]))
    stays: int = STAYS


@dataclass(frozen=True)
class Told:
    """What the search asks of a scenario: limits of charging and discharging, what is earned, and the vehicles."""

    feasible: Instance
    vehicles: Any = field(default_factory=Fleet)
    asked: Any = field(default_factory=lambda: SimpleNamespace(floor=np.array([7.0, 8.0]), earned=np.arange(1.0, 10.0)))


def part(charge: list[float], discharge: list[float]) -> Told:
    """A scenario in which each stay has its own limits, of its energy 50."""
    upper = np.column_stack([charge, discharge, np.full(STAYS, 50.0)]).ravel()
    return Told(Instance(sp.csr_array((0, 9)), np.zeros(9), np.zeros(0), np.zeros(0), np.zeros(9), upper))


PART = part([4.0, 5.0, 6.0], [7.0, 0.0, 9.0])


def flags(text: str) -> Any:
    """``x..`` is true, false, false."""
    return np.array([letter == "x" for letter in text])


# What one program is given, and what is read off it


@dataclass
class Programs:
    """Answers of the mixed-integer program, one after the other, and what each was given."""

    answers: list[MixedSolution]
    cuts: list[tuple[list[int], float]]
    given: list[dict[str, Any]] = field(default_factory=list)
    integer: Any = None
    parts: Any = None
    program: Any = None

    def relaxation(self, parts: Any, _solver: str, state: Any) -> SimpleNamespace:
        build = ProgramBuilder()
        state(build, parts)
        self.parts, self.program = parts, build.compile()
        return SimpleNamespace(
            instance=self.program.bind({}), fill=lambda: (None, None, 4, 100.0), cut=lambda x: (x, *self.cuts.pop(0))
        )

    def solve(self, _instance: Instance, integer: Any, _solver: str, **limits: Any) -> MixedSolution:
        self.integer = integer
        self.given.append(limits)
        return self.answers.pop(0)


def answered(value: list[float], status: Status = Status.OPTIMAL, **changes: Any) -> MixedSolution:
    """A point of nine columns of the vehicle and those of the choices."""
    return replace(MixedSolution(status, np.array([0.0] * 9 + value), 3.0, 2.0, 10.0, nodes=7), **changes)


def chosen(
    monkeypatch: pytest.MonkeyPatch, programs: Programs, deadline: Deadline | None = None, free: str = "xxx"
) -> tuple[MixedSolution, list[Any] | None]:
    """Choose the directions of free stays; the others charge in the first and discharge in the rest."""

    def state(build: ProgramBuilder, _: object) -> SimpleNamespace:
        return SimpleNamespace(vehicles=(build.columns("vehicles", (9,), upper=50.0),))

    monkeypatch.setattr(exclusive, "relaxation", programs.relaxation)
    monkeypatch.setattr(exclusive, "solve_mixed", programs.solve)
    return choose_directions([PART], [flags("x..")], [flags(free)], "auto", state, deadline)  # type: ignore[list-item, arg-type]


def test_a_choice_is_stated_for_each_free_stay_that_can_go_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second stay cannot discharge: it needs none. What is fixed keeps its own limits at one way."""
    programs = Programs([answered([0.4, 0.6])], [([], 1.0)])
    _, directions = chosen(monkeypatch, programs)
    assert directions is not None
    assert directions[0].tolist() == [False, False, True]
    assert programs.integer.tolist() == [False] * 9 + [True] * 2
    dense, program = programs.program.bind({}).matrix.toarray(), programs.program
    rows = {name: program.rows[name].slice for name in ("charge_0", "discharge_0", "floor_0")}
    assert dense[rows["charge_0"]].tolist() == [[1.0, *[0.0] * 8, -4.0, 0.0], [*[0.0] * 6, 1.0, 0.0, 0.0, 0.0, -6.0]]
    expected = [[0.0, 1.0, *[0.0] * 7, 7.0, 0.0], [*[0.0] * 7, 1.0, 0.0, 0.0, 9.0]]
    assert dense[rows["discharge_0"]].tolist() == expected
    earned = [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, *[0.0] * 5], [*[0.0] * 6, 7.0, 8.0, 9.0, 0.0, 0.0]]
    assert dense[rows["floor_0"]].tolist() == earned
    bound = program.bind({})
    low, high = (np.concatenate([side[rows[name]] for name in rows]) for side in (bound.row_lower, bound.row_upper))
    assert low.tolist() == [-INF] * 4 + [7.0, 8.0]
    assert high.tolist() == [0.0, 0.0, 7.0, 9.0, INF, INF]
    assert bound.col_upper[9:].tolist() == [1.0, 1.0]


def test_stays_that_are_not_free_go_the_way_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs([answered([1.0])], [([], 1.0)])
    _, directions = chosen(monkeypatch, programs, free="..x")
    assert directions is not None
    assert directions[0].tolist() == [True, False, True]
    assert programs.integer.tolist() == [False] * 9 + [True]
    assert programs.parts[0].feasible.col_upper.tolist() == [4.0, 0.0, 50.0, 0.0, 0.0, 50.0, 6.0, 9.0, 50.0]


def test_what_each_program_may_take_is_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 s went for planes, then 10 s and 1 s: two programs, the second of what 20 - 7 nodes leave."""
    programs = Programs([answered([1.0, 1.0]), answered([0.0, 1.0])], [([5], 1.0), ([], 2.0)])
    deadline = Deadline(nodes=20)
    mixed, directions = chosen(monkeypatch, programs, deadline)
    first = {"gap": GAP, "time_limit_s": TIME_LIMIT_S - 100.0, "node_limit": 20}
    assert programs.given == [first, {"gap": GAP, "time_limit_s": TIME_LIMIT_S - 111.0, "node_limit": 13}]
    assert (mixed.seconds, mixed.status, deadline.nodes_left) == (121.0, Status.OPTIMAL, 6)
    assert directions is not None
    assert directions[0].tolist() == [False, False, True]


def test_a_program_always_has_a_second_and_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive, "TIME_LIMIT_S", 100.5)
    deadline = Deadline(nodes=1)
    deadline.spend(1)
    programs = Programs([answered([1.0, 1.0], nodes=0)], [([], 1.0)])
    chosen(monkeypatch, programs, deadline)
    assert programs.given == [{"gap": GAP, "time_limit_s": 1.0, "node_limit": 1.0}]
    whole = Deadline(nodes=3)
    chosen(monkeypatch, Programs([answered([1.0, 1.0], nodes=0)], [([], 1.0)]), whole)
    assert whole.nodes_left == 2  # a program without a branching is one node


@pytest.mark.parametrize(
    ("first", "spent", "nodes"),
    [
        ({"status": Status.LIMIT}, 0.0, INF),
        ({"seconds": TIME_LIMIT_S - 101.0}, 1.0, INF),
        ({"seconds": 1.0, "nodes": 20}, 0.0, 20),
    ],
)
def test_rows_that_are_missing_in_the_end_leave_the_search_at_its_limit(
    monkeypatch: pytest.MonkeyPatch, first: dict[str, Any], spent: float, nodes: float
) -> None:
    programs = Programs([answered([1.0, 0.0], **first)], [([5], spent)])
    mixed, directions = chosen(monkeypatch, programs, Deadline(nodes=nodes))
    assert mixed.status is Status.LIMIT
    assert directions is not None
    assert directions[0].tolist() == [True, False, False]


def test_a_program_short_of_its_limits_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    first = answered([1.0, 0.0], seconds=TIME_LIMIT_S - 101.0, nodes=19)
    programs = Programs([first, answered([0.0, 0.0], nodes=1)], [([5], 0.9), ([], 0.0)])
    mixed, directions = chosen(monkeypatch, programs, Deadline(nodes=20))
    assert mixed.status is Status.OPTIMAL
    assert directions is not None
    assert not directions[0].any()
    assert programs.given[1]["time_limit_s"] == 1.0  # 0.1 s would be left


def test_only_so_many_programs_are_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive, "MAXIMUM_ROUNDS", 3)
    programs = Programs([answered([1.0, 0.0])] * 3, [([5], 0.0)] * 3)
    mixed, _ = chosen(monkeypatch, programs)
    assert len(programs.given) == 3
    assert mixed.status is Status.LIMIT


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"objective": INF}, Status.LIMIT),
        ({"x": np.zeros(0)}, Status.LIMIT),
        ({"objective": INF, "x": np.zeros(0)}, Status.INFEASIBLE),
    ],
)
def test_a_program_without_a_point_chooses_nothing(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], status: Status
) -> None:
    programs = Programs([answered([1.0, 0.0], status, **changes)], [])
    mixed, directions = chosen(monkeypatch, programs)
    assert (mixed.status, mixed.seconds, directions) == (status, 110.0, None)


def test_where_not_even_mixtures_can_be_served_nothing_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise NoDispatchError

    programs = Programs([], [])
    monkeypatch.setattr(programs, "relaxation", refused)
    mixed, directions = chosen(monkeypatch, programs)
    assert (mixed.status, mixed.x.size, mixed.objective, mixed.bound) == (Status.INFEASIBLE, 0, INF, INF)
    assert (mixed.seconds, directions) == (0.0, None)


# Which directions come first


def test_a_vehicle_that_goes_both_ways_somewhere_is_torn_in_all_its_stays() -> None:
    mean = np.array([1.0, 0.0, 9.0, 2.0, 0.5, 9.0, 3.0, 0.0, 9.0])
    assert exclusive._torn(Fleet(), mean).tolist() == [True, True, False]  # type: ignore[arg-type]
    mean[4] = exclusive.BOTH_WAYS_KW
    assert not exclusive._torn(Fleet(), mean).any()  # type: ignore[arg-type]


def test_a_torn_vehicle_keeps_to_its_leading_schedule_where_that_moves() -> None:
    """Five stays: the mean charges in the first three and the last, and discharges in the fourth."""
    net, leading = np.array([1.0, 1.0, 2.0, -1.0, 0.0]), np.array([-3.0, -3.0, 0.0, 4.0, -5.0])
    columns = [
        np.column_stack([np.maximum(each, 0.0) + more, np.maximum(-each, 0.0) + more, np.full(5, 9.0)]).ravel()
        for each, more in ((net, 0.5), (leading, 0.0))
    ]
    assert exclusive._directions(flags("x.xx."), *columns).tolist() == [False, True, True, True, True]


def test_one_way_is_left_in_every_stay_that_is_not_free() -> None:
    fixed = exclusive.in_directions(PART.feasible, flags("x.x"))
    assert fixed.col_upper.tolist() == [4.0, 0.0, 50.0, 0.0, 0.0, 50.0, 6.0, 0.0, 50.0]
    assert PART.feasible.col_upper[1] == 7.0
    partly = exclusive.in_directions(PART.feasible, flags("..."), flags(".xx"))
    assert partly.col_upper.tolist() == [0.0, 7.0, 50.0, 5.0, 0.0, 50.0, 6.0, 9.0, 50.0]


# The stage: which directions are free in which program


@dataclass(frozen=True)
class Found:
    """A stage of which only the cost matters."""

    cost: float
    bound: float = -INF
    residuals: Residuals = field(default_factory=lambda: Residuals(0.1, 0.6, 0.3, 0.4))
    rounds: int = 5
    seconds: float = 2.0
    notes: tuple[str, ...] = ("of the stage",)


@dataclass
class Search:
    """A stage whose mixture goes both ways in some vehicles, and what each program with free stays finds."""

    monkeypatch: pytest.MonkeyPatch
    first: float | None
    programs: list[tuple[Status, float, float | None]]
    bound: float = 1.0
    torn: str = "xx."
    freed: list[str] = field(default_factory=list)

    def solve(self, scenario: Told = PART, deadline: Deadline | None = None) -> Any:
        """Solve the stage of one scenario; directions are named by what a stage in them costs."""
        patch, costs = self.monkeypatch.setattr, {"first": self.first}
        residuals, zero = Residuals(0.5, 0.2, 0.3, 0.7), np.zeros(9)
        mixture = Mixture((zero,), (zero,), self.bound, residuals, 3, 8.0, ("of the mixture",))
        patch(exclusive, "Hull", lambda *_: SimpleNamespace(solve=lambda _: mixture))
        patch(exclusive, "_torn", lambda *_: flags(self.torn))
        patch(exclusive, "_directions", lambda *_: "first")

        def tried(_: object, directions: list[str], *__: object) -> tuple[Found, list[Told]] | None:
            cost = costs[directions[0]]
            return None if cost is None else (Found(cost), [scenario])

        def programmed(_: object, first: object, free: list[FloatArray], *__: object) -> tuple[MixedSolution, Any]:
            assert first == ["first"]
            self.freed.append("".join("x" if each else "." for each in free[0]))
            status, bound, cost = self.programs.pop(0)
            name = f"{len(self.freed)}"
            costs[name] = cost
            return MixedSolution(status, zero, 0.0, bound, 16.0), [name] if np.isfinite(bound) else None

        patch(exclusive, "_try_directions", tried)
        patch(exclusive, "choose_directions", programmed)
        patch(exclusive, "_kept_energy", lambda stage, *_: (stage, ("of the waste",)))
        return exclusive.solve_stage_one_way([scenario], "auto", None, 0, deadline)  # type: ignore[list-item, arg-type]


def test_a_stage_at_the_bound_of_mixtures_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch, 6.0 + 5.0 * GAP, [], bound=6.0)
    stage = search.solve()
    assert not search.freed
    assert (stage.cost, stage.bound, stage.rounds, stage.seconds) == (6.0 + 5.0 * GAP, 6.0, 8, 10.0)
    assert stage.residuals == Residuals(0.5, 0.6, 0.3, 0.7)
    assert stage.notes == ("of the stage", "of the waste", "of the mixture", NOT_PROVED_UNIQUE)
    assert Search(monkeypatch, 6.0, [], bound=6.5).solve().bound == 6.0


def test_first_torn_vehicles_are_free_and_then_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only some vehicles prove is no bound of all."""
    search = Search(monkeypatch, 9.0, [(Status.OPTIMAL, 8.0, 8.0), (Status.OPTIMAL, 7.0, 7.0)])
    stage = search.solve()
    assert search.freed == ["xx.", "xxx"]
    assert (stage.cost, stage.bound, stage.seconds) == (7.0, 7.0, 2.0 + 8.0 + 32.0)
    search = Search(monkeypatch, 9.0, [(Status.OPTIMAL, 1.0, 1.0)])
    assert (search.solve().cost, search.freed) == (1.0, ["xx."])
    search = Search(monkeypatch, 9.0, [(Status.OPTIMAL, 8.0, 8.0)], torn="...")
    assert (search.solve().bound, search.freed) == (8.0, ["xxx"])


def test_what_is_worse_or_cannot_be_served_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(monkeypatch, 9.0, [(Status.OPTIMAL, 8.0, 9.5), (Status.LIMIT, 0.5, None)])
    stage = search.solve()
    assert (stage.cost, stage.bound) == (9.0, 1.0)
    stopped = "the time limit stopped the search for better directions of vehicles"
    could = "one way at a time: other directions could gain up to 8 for the company"
    assert stage.notes[2:] == ("of the mixture", stopped, could, NOT_PROVED_UNIQUE)
    found = Search(monkeypatch, None, [(Status.OPTIMAL, 8.0, None), (Status.OPTIMAL, 4.0, 4.0)]).solve()
    assert (found.cost, found.bound) == (4.0, 4.0)


def test_too_many_choices_are_searched_only_where_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive, "LARGEST_CHOICES", 2)
    search = Search(monkeypatch, 9.0, [(Status.OPTIMAL, 8.0, 8.0)])
    assert (search.solve().cost, search.freed) == (8.0, ["xx."])
    search = Search(monkeypatch, None, [(Status.LIMIT, 8.0, None), (Status.OPTIMAL, 4.0, 4.0)])
    assert (search.solve().cost, search.freed) == (4.0, ["xx.", "xxx"])
    search = Search(monkeypatch, 9.0, [], torn="xxx")
    assert (search.solve().cost, search.freed) == (9.0, [])


def test_where_nothing_is_found_it_is_said_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "mixtures of the vehicles' schedules can be served, but no schedules were found that can"
    with pytest.raises(SolverError, match=told):
        Search(monkeypatch, None, [(Status.LIMIT, INF, None)] * 2).solve()
    with pytest.raises(SolverError, match=told):  # of some vehicles it proves nothing
        Search(monkeypatch, None, [(Status.INFEASIBLE, INF, None), (Status.LIMIT, INF, None)]).solve()
    with pytest.raises(NoDispatchError):
        Search(monkeypatch, None, [(Status.LIMIT, INF, None), (Status.INFEASIBLE, INF, None)]).solve()


@pytest.mark.parametrize(
    ("charge", "discharge", "said"),
    [([4.0, 0.0, 0.0], [0.0, 5.0, 6.0], False), ([4.0, 5.0, 0.0], [0.0, 5.0, 6.0], True)],
)
def test_only_where_a_vehicle_has_a_choice_schedules_may_not_be_unique(
    monkeypatch: pytest.MonkeyPatch, charge: list[float], discharge: list[float], said: bool
) -> None:
    stage = Search(monkeypatch, 1.0, []).solve(part(charge, discharge))
    assert (NOT_PROVED_UNIQUE in stage.notes) == said
    assert not any("could gain" in note for note in stage.notes)


@pytest.mark.parametrize("error", [NoDispatchError(), InfeasibleError(("a reason",))])
def test_directions_that_cannot_be_served_are_none(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr(exclusive, "solve_in_directions", refused)
    assert exclusive._try_directions([], [], "auto", None, Deadline()) is None  # type: ignore[arg-type]
