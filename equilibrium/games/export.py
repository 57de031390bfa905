"""A bilevel linear program for outsiders: the high-point model as MPS and the ownership as MibS ``.aux``.

The MPS file holds every variable and row with the leader's objective as a minimisation; the ``.aux`` file says which
variables and rows are the follower's, and its objective, in the name-based form that MibS reads (``@`` keywords).
Characters that the formats cannot hold are written as ``%XX``, so that names stay apart and can be read back.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from equilibrium.errors import InputError
from equilibrium.games.compiled import CompiledGame, compile_game
from equilibrium.games.statement import Statement

PLAIN = "[](),;:'+=<>|~^&@!?/{}"
"""Characters beside letters, digits and ``_.-`` that stand for themselves in a written name."""

KNOWN_ENDINGS = (".mps", ".aux")

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
            name = f"{'uf'[number]}{r}_{written_name(agent.row_names[r])}"
            found.append((name, int(agent.kind[r]), float(agent.rhs[r]), dense[r], number == 1))
    return found


def _columns(compiled: CompiledGame) -> list[str]:
    return [written_name(name) for name in compiled.names[: compiled.variables]]


def written_name(name: str) -> str:
    """Return a name as the files hold it: what MPS cannot hold becomes ``%XX``, so no two names become one."""
    written = quote(name, safe=PLAIN)
    return f"%{ord(written[0]):02X}{written[1:]}" if written[:1] in _LEADING else written


def stated_name(written: str) -> str:
    """Return the name that :func:`written_name` was given."""
    return unquote(written)


_LEADING = tuple("&@!-+'")
"""Characters that no name begins with in the files: readers take them for a comment, a keyword or a number."""


def write_bilevel(game: Statement, path: str | Path, *, force: bool = False) -> None:
    """Write ``path.mps`` and ``path.aux``; neither is written if one of them cannot be.

    Raises
    ------
    InputError
        When the game is not a linear program with one leader and one linear follower, the folder does not exist, or
        a file exists and ``force`` does not say that it may go.
    """
    path = Path(path)
    stem = path.name.removesuffix(path.suffix) if path.suffix in KNOWN_ENDINGS else path.name
    mps, aux = (path.with_name(stem + ending) for ending in KNOWN_ENDINGS)
    texts = {mps: mps_text(game), aux: aux_text(game, mps.name)}
    if not path.parent.is_dir():
        raise InputError(str(path), "export", str(path.parent), "a folder that exists")
    for file in texts:
        if file.exists() and not force:
            raise InputError(str(file), "export", "a file that exists", "another name, or --force to replace it")
    for file, text in texts.items():
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(str(file), "export", error.strerror or type(error).__name__, "a file to write") from error


def mps_text(game: Statement) -> str:
    """Return the high-point model in free MPS format.

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
    lines = [f"NAME {written_name(game.name)}", "ROWS", " N COST"]
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
    return "\n".join([*lines, "ENDATA", ""])


def _bound_lines(name: str, low: float, high: float) -> list[str]:
    if low == -np.inf and high == np.inf:
        return [f" FR BND {name}"]
    lines = [f" MI BND {name}" if low == -np.inf else f" LO BND {name} {low!r}"]
    return [*lines, f" PL BND {name}" if high == np.inf else f" UP BND {name} {high!r}"]


def aux_text(game: Statement, mps: str) -> str:
    """Return the ownership file that goes with an MPS file, in MibS's name-based form.

    Raises
    ------
    InputError
        As for :func:`mps_text`.
    """
    compiled = _bilevel(game)
    follower, names = compiled.followers[0], _columns(compiled)
    below = [name for name, _, _, _, mine in _rows(compiled) if mine]
    lines = ["@NUMVARS", str(follower.own.size), "@NUMCONSTRS", str(len(below)), "@VARSBEGIN"]
    lines += [f"{names[c]} {float(follower.cost[c])!r}" for c in follower.own]
    lines += ["@VARSEND", "@CONSTRSBEGIN", *below, "@CONSTRSEND", "@NAME", written_name(game.name)]
    return "\n".join([*lines, "@MPS", mps, ""])
