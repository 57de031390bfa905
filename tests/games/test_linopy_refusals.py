"""What is read of a model and what is refused, on stand-ins with the few marks of linopy that are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.errors import InputError
from equilibrium.games import Game
from equilibrium.games.from_linopy import add_linopy_player
from equilibrium.games.statement import Player

INF = float("inf")


class Labels:
    """Labels of a variable or of a row: an array with its coordinates by dimension."""

    def __init__(self, values: Any, coords: Mapping[str, list[object]]) -> None:
        self.values = np.array(values)
        self.dims = tuple(coords)
        self.coords = {dim: SimpleNamespace(values=np.array(places)) for dim, places in coords.items()}


def block(values: Any, **more: Any) -> SimpleNamespace:
    """A block of variables or rows with its labels; ``more`` are its coordinates and its marks."""
    marks = {name: more.pop(name) for name in ("attrs", "is_indicator", "scaling") if name in more}
    return SimpleNamespace(labels=Labels(values, more), attrs=marks.pop("attrs", {}), **marks)


def model(**changes: Any) -> SimpleNamespace:
    """Three variables x[2,a], x[2,b], x[3,a], then y, with two rows and products in the objective."""
    matrices: dict[str, Any] = {
        "vlabels": np.array([10, 11, 12, 7]),
        "clabels": np.array([5, 4]),
        "lb": np.array([0.0, -1.0, 0.0, -INF]),
        "ub": np.array([1.0, 8.0, 3.0, INF]),
        "vtypes": np.array(["B", "C", "I", "C"]),
        "c": np.array([2.0, 3.0, 4.0, 5.0]),
        "Q": sp.coo_array(([6.0, 1.0, 1.0], ([1, 1, 3], [1, 3, 1])), shape=(4, 4)),
        "A": sp.csr_array([[1.0, 0.0, 2.0, 0.0], [0.0, -3.0, 0.0, 4.0]]),
        "b": np.array([9.0, -7.0]),
        "sense": np.array(["<=", ">="]),
    }
    parts: dict[str, Any] = {
        "variables": {"x": block([[10, 11], [12, -1]], k=[2, 3], l=["a", "b"]), "y": block(7)},
        "constraints": {"low": block(4), "most": block([5], k=["z"])},
        "objective": SimpleNamespace(sense="max"),
    }
    matrices |= {name: value for name, value in changes.items() if name in matrices}
    parts |= {name: value for name, value in changes.items() if name in parts}
    return SimpleNamespace(matrices=SimpleNamespace(**matrices), **parts)


def added(made: SimpleNamespace, game: Game | None = None, **names: dict[str, str]) -> Player:
    return add_linopy_player(Game("m") if game is None else game, "p", "follower", made, **names)


def test_variables_rows_and_costs_are_read_with_their_names() -> None:
    player = added(model(), duals={"low": "price"})
    kinds = {v.name: (v.lower, v.upper, v.integer) for v in player.variables.values()}
    assert kinds == {
        "x[2,a]": (0.0, 1.0, True),
        "x[2,b]": (-1.0, 8.0, False),
        "x[3,a]": (0.0, 3.0, True),
        "y": (-INF, INF, False),
    }
    assert (player.level, player.sense) == ("follower", "max")
    assert dict(player.objective.terms) == {
        ("x[2,a]",): 2.0,
        ("x[2,b]",): 3.0,
        ("x[3,a]",): 4.0,
        ("y",): 5.0,
        ("x[2,b]", "x[2,b]"): 3.0,
        ("x[2,b]", "y"): 1.0,
    }
    rows = {name: (row.relation.sense, row.relation.rhs, row.dual_name) for name, row in player.rows.items()}
    assert rows == {"most[z]": ("<=", 9.0, None), "low": (">=", -7.0, "price")}
    assert dict(player.rows["most[z]"].relation.body.terms) == {("x[2,a]",): 1.0, ("x[3,a]",): 2.0}
    assert dict(player.rows["low"].relation.body.terms) == {("x[2,b]",): -3.0, ("y",): 4.0}


def test_rows_that_always_hold_are_left_out_and_equalities_kept() -> None:
    """At most infinity and at least minus infinity; ``=`` and ``==`` are one."""
    for side, sense, rows in ((INF, "<=", ["low"]), (-INF, ">=", ["low"]), (1.0, "==", ["most[z]", "low"])):
        made = model(b=np.array([side, -7.0]), sense=np.array([sense, "="]))
        player = added(made)
        assert list(player.rows) == rows
        assert player.rows["low"].relation.sense == "="
    for side, sense in ((INF, ">="), (-INF, "<="), (INF, "=")):
        with pytest.raises(InputError) as caught:
            added(model(b=np.array([side, -7.0]), sense=np.array([sense, "="])))
        assert str(caught.value) == (
            f"linopy model of p: constraint most[z]: got {side}, expected a finite right-hand side"
        )


def test_a_model_without_rows_and_products_is_read() -> None:
    player = added(model(clabels=np.zeros(0, dtype=int), constraints={}, A=None, b=np.zeros(0), Q=None))
    assert (player.rows, len(player.objective.terms)) == ({}, 4)


SUCH = "a variable without it: a game has no such thing"
FINITE = "expected a finite number"
SCALING = "expected scaling 1: it changes the numbers that a solver sees, and duals with them"
TWICE = SimpleNamespace(values=np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"variables": {"x": block([10, 11, 12, 7], k=[0, 1, 2, 3], attrs={"semi_continuous": True})}},
            f"variable x: got 'semi-continuous', expected {SUCH}",
        ),
        (
            {"variables": {"x": block([10, 11, 12, 7], k=[0, 1, 2, 3], attrs={"sos_type": 2})}},
            f"variable x: got 'an SOS constraint', expected {SUCH}",
        ),
        (
            {"constraints": {"low": block(4), "most": block(5, is_indicator=True)}},
            "constraint most: got 'an indicator constraint', expected an ordinary row: a game has no such thing",
        ),
        (
            {"constraints": {"low": block(4, scaling=TWICE), "most": block(5)}},
            f"constraint low: got 'scaling 1', {SCALING}",
        ),
        (
            {"variables": {"x": block([10, 11, 12, 7], k=[0, 1, 2, 3], scaling=0.5)}},
            f"variable x: got 'scaling 0.5', {SCALING}",
        ),
        ({"objective": SimpleNamespace(sense="max", scaling=3.0)}, f"objective: got 'scaling 3', {SCALING}"),
        (
            {"vtypes": np.array(["B", "C", "S", "C"])},
            "variable x[3,a]: got 'S', expected a continuous, integer or binary variable",
        ),
        ({"c": np.array([2.0, 3.0, np.nan, 5.0])}, f"cost of x[3,a]: got nan, {FINITE}"),
        ({"c": np.array([2.0, -INF, 4.0, 5.0])}, f"cost of x[2,b]: got -inf, {FINITE}"),
        ({"b": np.array([1.0, np.nan])}, f"right-hand side of low: got nan, {FINITE}"),
        (
            {"A": sp.csr_array([[1.0, 0.0, np.inf, 0.0], [0.0, -3.0, 0.0, 4.0]])},
            "constraints: got 'a coefficient that is not finite', expected finite numbers",
        ),
        (
            {"Q": sp.coo_array(([np.nan], ([1], [1])), shape=(4, 4))},
            "objective: got 'a coefficient that is not finite', expected finite numbers",
        ),
    ],
)
def test_what_a_game_has_not_is_refused_in_one_line(changes: dict[str, Any], told: str) -> None:
    game = Game("m")
    with pytest.raises(InputError) as caught:
        added(model(**changes), game)
    assert str(caught.value) == f"linopy model of p: {told}"
    assert "p" not in game.players or not game.players["p"].rows


def test_no_scaling_and_no_marks_are_taken() -> None:
    plain = {"semi_continuous": False, "sos_type": None}
    made = model(
        variables={"x": block([10, 11, 12, 7], k=[0, 1, 2, 3], attrs=plain, scaling=None)},
        constraints={"low": block(4, is_indicator=False, scaling=1.0), "most": block(5)},
    )
    assert list(added(made).variables) == ["x[0]", "x[1]", "x[2]", "x[3]"]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"given": {"z": "a", "x[2,a]": "b"}}, "given: got 'z', expected a name of the model"),
        ({"given": {"z": "a", "u": "b"}}, "given: got 'u', expected a name of the model"),
        ({"duals": {"y": "price"}}, "duals: got 'y', expected a name of the model"),
    ],
)
def test_names_that_the_model_has_not(names: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        added(model(), **names)
    assert str(caught.value) == f"linopy model of p: {told}"


@pytest.mark.parametrize(
    ("low", "high", "kind", "owner", "told"),
    [
        (-INF, INF, "C", None, None),
        (-INF, INF, "C", (0.0, 1.0, False), None),
        (0.0, 1.0, "C", (0.0, 1.0, False), None),
        (0.0, 1.0, "C", (0.25, 0.75, True), None),
        (0.0, 1.0, "I", (0.0, 1.0, True), None),
        (0.0, INF, "C", (0.0, 5.0, False), None),
        (0.0, INF, "C", None, "[0, inf]"),
        (-INF, 2.5, "C", None, "[-inf, 2.5]"),
        (np.nan, INF, "C", None, "[nan, inf]"),
        (-INF, np.nan, "C", None, "[-inf, nan]"),
        (-INF, INF, "I", None, "[-inf, inf] integer"),
        (0.0, 1.0, "B", (0.0, 1.0, False), "[0, 1] integer"),
        (0.0, 1.0, "C", (-0.5, 1.0, False), "[0, 1]"),
        (0.0, 1.0, "C", (0.0, 1.5, False), "[0, 1]"),
    ],
)
def test_bounds_of_a_given_variable_are_those_that_its_owner_keeps(
    low: float, high: float, kind: str, owner: tuple[float, float, bool] | None, told: str | None
) -> None:
    game = Game("m")
    game.leader("other").variable("elsewhere", -9.0, 9.0)
    if owner is not None:
        game.leader("owner").variable("own", owner[0], owner[1], integer=owner[2])
    made = model(
        lb=np.array([0.0, -1.0, 0.0, low]), ub=np.array([1.0, 8.0, 3.0, high]), vtypes=np.array(["B", "C", "I", kind])
    )
    if told is None:
        player = added(made, game, given={"y": "own"})
        assert list(player.variables) == ["x[2,a]", "x[2,b]", "x[3,a]"]
        assert player.objective.terms["own",] == 5.0
        return
    with pytest.raises(InputError) as caught:
        added(made, game, given={"y": "own"})
    assert str(caught.value) == (
        f"linopy model of p: given variable y: got '{told}', expected no bounds on what another player decides, "
        "or an owner of own stated before that keeps them"
    )
