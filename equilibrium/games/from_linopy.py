"""Players stated as linopy models (optional extra ``equilot[linopy]``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from equilibrium.errors import InputError
from equilibrium.games.statement import Player, Statement
from equilibrium.games.terms import Expression, Relation


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
        When the model names a variable or row that is not there, or the same name twice.
    """
    matrices = model.matrices
    labels = _names(model.variables, matrices.vlabels)
    rows = _names(model.constraints, matrices.clabels)
    given, duals = dict(given or {}), dict(duals or {})
    for kind, asked, known in (("given", given, labels), ("duals", duals, rows)):
        for missing in sorted(set(asked) - set(known)):
            raise InputError(f"linopy model of {name}", kind, missing, "a name of the model")
    player = game.player(name, level, str(model.objective.sense))
    columns = []
    for label, low, high, kind in zip(labels, matrices.lb, matrices.ub, matrices.vtypes, strict=True):
        if label in given:
            columns.append(Expression.variable(given[label]))
        else:
            columns.append(player.variable(label, float(low), float(high), integer=kind in ("I", "B")))
    player.objective = _objective(matrices, columns)
    matrix = sp.csr_array(matrices.A) if rows else sp.csr_array((0, len(columns)))
    senses = {"<": "<=", ">": ">=", "=": "="}
    for r, row in enumerate(rows):
        side = float(matrices.b[r])
        if not np.isfinite(side):
            continue
        entries = range(matrix.indptr[r], matrix.indptr[r + 1])
        body = Expression({})
        for k in entries:
            body = body + float(matrix.data[k]) * columns[int(matrix.indices[k])]
        player.row(row, Relation(body, senses[str(matrices.sense[r])[0]], side), duals.get(row))
    return player


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
