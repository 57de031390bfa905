"""A bilevel linear program for outsiders: the high-point model as MPS and the ownership as MibS ``.aux``.

The MPS file holds every variable and row with the leader's objective as a minimisation; the ``.aux`` file says which
variables and rows are the follower's, and its objective, in the name-based form that MibS reads (``@`` keywords).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from equilibrium.errors import InputError
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.statement import Statement

_SENSE = {-1: "L", 0: "E", 1: "G"}


def _bilevel(game: Statement) -> CompiledGame:
    """Compile a game that the two formats can hold, or say why not."""
    compiled = compile_game(game)
    reason = None
    if len(compiled.leaders) != 1 or len(compiled.followers) != 1:
        reason = "one leader and one follower"
    elif any(agent.hessian.nnz or agent.products for agent in compiled.agents):
        reason = "linear objectives and rows"
    elif compiled.used_duals(compiled.leaders[0]):
        reason = "no dual in the leader's problem"
    if reason is not None:
        raise InputError(game.file or f"game {game.name}", "export", game.name, f"a game with {reason}")
    return compiled


def _rows(compiled: CompiledGame) -> list[tuple[str, int, float, np.ndarray, bool]]:
    """Return (name, kind, side, coefficients, whether the follower's) of every row."""
    found = []
    for number, agent in enumerate((compiled.leaders[0], compiled.followers[0])):
        dense = agent.matrix.toarray()
        for r in range(agent.kind.size):
            name = f"{'uf'[number]}{r}_{agent.row_names[r]}".replace(" ", "_")
            found.append((name, int(agent.kind[r]), float(agent.rhs[r]), dense[r], number == 1))
    return found


def _columns(compiled: CompiledGame) -> list[str]:
    return [name.replace(" ", "_") for name in compiled.names[: compiled.variables]]


def write_mps(game: Statement, path: str | Path) -> None:
    """Write the high-point model in free MPS format.

    Raises
    ------
    InputError
        When the game is not a linear program with one leader and one linear follower.
    """
    compiled = _bilevel(game)
    leader, rows, names = compiled.leaders[0], _rows(compiled), _columns(compiled)
    whole = np.zeros(compiled.size, dtype=bool)
    low, high = np.zeros(compiled.size), np.zeros(compiled.size)
    for agent in compiled.agents:
        whole[agent.own], low[agent.own], high[agent.own] = agent.integer, agent.lower, agent.upper
    lines = [f"NAME {game.name.replace(' ', '_')}", "ROWS", " N COST"]
    lines += [f" {_SENSE[kind]} {name}" for name, kind, _, _, _ in rows]
    lines.append("COLUMNS")
    for integer in (False, True):
        picked = [k for k in range(len(names)) if whole[k] == integer]
        if integer and picked:
            lines.append(" MARKER 'MARKER' 'INTORG'")
        for k in picked:
            lines.append(f" {names[k]} COST {float(leader.cost[k])!r}")
            lines += [f" {names[k]} {name} {float(row[k])!r}" for name, _, _, row, _ in rows if row[k] != 0.0]
        if integer and picked:
            lines.append(" MARKER 'MARKER' 'INTEND'")
    lines.append("RHS")
    if leader.constant:
        lines.append(f" RHS COST {-leader.constant!r}")
    lines += [f" RHS {name} {side!r}" for name, _, side, _, _ in rows if side != 0.0]
    lines.append("BOUNDS")
    for k, name in enumerate(names):
        lines += _bound_lines(name, float(low[k]), float(high[k]))
    Path(path).write_text("\n".join([*lines, "ENDATA", ""]), encoding="utf-8")


def _bound_lines(name: str, low: float, high: float) -> list[str]:
    if low == -np.inf and high == np.inf:
        return [f" FR BND {name}"]
    lines = [f" MI BND {name}" if low == -np.inf else f" LO BND {name} {low!r}"]
    return [*lines, f" PL BND {name}" if high == np.inf else f" UP BND {name} {high!r}"]


def write_aux(game: Statement, path: str | Path) -> None:
    """Write the ownership file that goes with :func:`write_mps`, in MibS's name-based form.

    Raises
    ------
    InputError
        As for :func:`write_mps`.
    """
    compiled = _bilevel(game)
    follower, names = compiled.followers[0], _columns(compiled)
    below = [name for name, _, _, _, mine in _rows(compiled) if mine]
    lines = ["@NUMVARS", str(follower.own.size), "@NUMCONSTRS", str(len(below)), "@VARSBEGIN"]
    lines += [f"{names[c]} {float(follower.cost[c])!r}" for c in follower.own]
    lines += ["@VARSEND", "@CONSTRSBEGIN", *below, "@CONSTRSEND", "@NAME", game.name.replace(" ", "_")]
    lines += ["@MPS", Path(path).with_suffix(".mps").name, ""]
    Path(path).write_text("\n".join(lines), encoding="utf-8")
