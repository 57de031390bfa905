"""Players stated as linopy models (optional extra ``equilot[linopy]``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from equilibrium.errors import InputError
from equilibrium.games.statement import Player, Statement
from equilibrium.games.terms import Expression, Relation

KINDS = ("C", "I", "B")
"""Types of variables that a game has: continuous, integer, binary."""

SENSES = {"<": "<=", ">": ">=", "=": "="}

REFUSED = {"semi_continuous": "semi-continuous", "sos_type": "an SOS constraint"}
"""Marks of a linopy variable that a game does not have, and their names for people."""


def add_linopy_player(
    game: Statement,
    name: str,
    level: str,
    model: Any,  # noqa: ANN401 - a linopy.Model; linopy is optional
    *,
    given: Mapping[str, str] | None = None,
    duals: Mapping[str, str] | None = None,
) -> Player:
    """Add a player whose problem is a linopy model.

    Parameters
    ----------
    level
        ``leader`` or ``follower``.
    model
        The model. Its variables are named ``x`` if they are scalar and ``x[a,b]`` by their coordinates otherwise,
        its rows likewise.
    given
        Variables of the model that belong to another player, by the name that they have in the game: what the model
        owns otherwise becomes the player's. A product with them may be added to ``player.objective`` afterwards.
    duals
        Names of duals by the name of their row.

    Raises
    ------
    InputError
        When the model names a variable or row that is not there, or the same name twice; when it has what a game has
        not (SOS, semi-continuous variables, indicator rows, scaling), numbers that are not finite, or bounds on a
        given variable that its owner does not keep.
    """
    source = f"linopy model of {name}"
    _refuse_unknown(model, source)
    matrices = model.matrices
    labels = _names(model.variables, matrices.vlabels)
    rows = _names(model.constraints, matrices.clabels)
    given, duals = dict(given or {}), dict(duals or {})
    for word, asked, known in (("given", given, labels), ("duals", duals, rows)):
        for missing in sorted(set(asked) - set(known)):
            raise InputError(source, word, missing, "a name of the model")
    _check_finite(matrices, labels, rows, source)
    player = game.player(name, level, str(model.objective.sense))
    columns = _columns(player, matrices, labels, given, source)
    player.objective = _objective(matrices, columns)
    _add_rows(player, matrices, rows, columns, duals, source)
    return player


def _columns(
    player: Player,
    matrices: Any,  # noqa: ANN401
    labels: list[str],
    given: Mapping[str, str],
    source: str,
) -> list[Expression]:
    """Give the player its variables; return every column of the model as an expression."""
    columns = []
    for label, low, high, kind in zip(labels, matrices.lb, matrices.ub, matrices.vtypes, strict=True):
        if str(kind) not in KINDS:
            expected = "a continuous, integer or binary variable"
            raise InputError(source, f"variable {label}", str(kind), expected)
        whole = str(kind) in ("I", "B")
        if label in given:
            _check_given(player.game, source, label, given[label], float(low), float(high), whole=whole)
            columns.append(Expression.variable(given[label]))
        else:
            columns.append(player.variable(label, float(low), float(high), integer=whole))
    return columns


def _add_rows(
    player: Player,
    matrices: Any,  # noqa: ANN401
    rows: list[str],
    columns: list[Expression],
    duals: Mapping[str, str],
    source: str,
) -> None:
    if not rows:
        return  # linopy then has no matrix
    matrix = sp.csr_array(matrices.A)
    for r, row in enumerate(rows):
        side, sense = float(matrices.b[r]), SENSES[str(matrices.sense[r])[0]]
        if (side, sense) in ((np.inf, "<="), (-np.inf, ">=")):
            continue  # holds whatever is decided
        if not np.isfinite(side):
            raise InputError(source, f"constraint {row}", side, "a finite right-hand side")
        entries = range(matrix.indptr[r], matrix.indptr[r + 1])
        body = Expression({})
        for k in entries:
            body = body + float(matrix.data[k]) * columns[int(matrix.indices[k])]
        player.row(row, Relation(body, sense, side), duals.get(row))


def _refuse_unknown(model: Any, source: str) -> None:  # noqa: ANN401
    """Refuse what a game does not have, by its name in the model, before anything of it is dropped."""
    for name in model.variables:
        variable = model.variables[name]
        for word, told in REFUSED.items():
            if variable.attrs.get(word):
                raise InputError(source, f"variable {name}", told, "a variable without it: a game has no such thing")
        _refuse_scaling(source, f"variable {name}", variable)
    for name in model.constraints:
        constraint = model.constraints[name]
        if getattr(constraint, "is_indicator", False):
            expected = "an ordinary row: a game has no such thing"
            raise InputError(source, f"constraint {name}", "an indicator constraint", expected)
        _refuse_scaling(source, f"constraint {name}", constraint)
    _refuse_scaling(source, "objective", model.objective)


def _refuse_scaling(source: str, where: str, item: Any) -> None:  # noqa: ANN401
    scaling = getattr(item, "scaling", 1.0)
    values = np.asarray(getattr(scaling, "values", 1.0 if scaling is None else scaling), dtype=np.float64)
    if np.any(values != 1.0):
        expected = "scaling 1: it changes the numbers that a solver sees, and duals with them"
        raise InputError(source, where, f"scaling {float(values.ravel()[0]):g}", expected)


def _check_finite(matrices: Any, labels: list[str], rows: list[str], source: str) -> None:  # noqa: ANN401
    for word, values, names in (("cost of", matrices.c, labels), ("right-hand side of", matrices.b, rows)):
        for name, value in zip(names, np.asarray(values, dtype=np.float64), strict=False):
            if np.isnan(value) or (np.isinf(value) and word == "cost of"):
                raise InputError(source, f"{word} {name}", float(value), "a finite number")
    for word, part in (("constraints", matrices.A), ("objective", matrices.Q)):
        if part is not None and not np.isfinite(sp.coo_array(part).data).all():
            raise InputError(source, word, "a coefficient that is not finite", "finite numbers")


def _check_given(game: Statement, source: str, label: str, name: str, low: float, high: float, *, whole: bool) -> None:
    """Refuse bounds and integrality that the model puts on a variable it does not own, unless its owner keeps them."""
    owner = next((p.variables[name] for p in game.players.values() if name in p.variables), None)
    kept = owner is not None and owner.lower >= low and owner.upper <= high and (owner.integer or not whole)
    if not kept and (np.isfinite(low) or np.isfinite(high) or whole or np.isnan(low) or np.isnan(high)):
        told = f"[{low:g}, {high:g}]{' integer' if whole else ''}"
        expected = f"no bounds on what another player decides, or an owner of {name} stated before that keeps them"
        raise InputError(source, f"given variable {label}", told, expected)


def _objective(matrices: Any, columns: list[Expression]) -> Expression:  # noqa: ANN401
    objective = Expression({})
    for cost, column in zip(matrices.c, columns, strict=True):
        objective = objective + float(cost) * column
    if matrices.Q is not None:
        quadratic = sp.coo_array(matrices.Q)
        for i, j, value in zip(quadratic.row, quadratic.col, quadratic.data, strict=True):
            objective = objective + 0.5 * float(value) * columns[int(i)] * columns[int(j)]
    return objective


def _names(container: Any, labels: np.ndarray) -> list[str]:  # noqa: ANN401
    """Return a readable name for every label."""
    names = {}
    for name in container:
        found = container[name].labels
        for index, label in np.ndenumerate(found.values):
            places = [str(found.coords[dim].values[k]) for dim, k in zip(found.dims, index, strict=True)]
            names[int(label)] = f"{name}[{','.join(places)}]" if places else str(name)
    return [names[int(label)] for label in labels]
