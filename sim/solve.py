"""``equilot solve`` and ``equilot verify``: a game in one JSON file, and its answer."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from rich.table import Table

from equilibrium.errors import InputError
from equilibrium.games import Equilibrium, Game, Options, read_game, read_point, solve_game, verify_point
from equilibrium.games.export import write_aux, write_mps
from sim.terminal import console

SOLVED, NOT_CERTIFIED = 0, 1


def solve(given: argparse.Namespace) -> int:
    """Solve ``given.game`` and print the answer; return the exit code."""
    game = read_game(given.game)
    try:
        options = Options(
            method=given.method,
            solver=given.solver,
            attitude=given.attitude or game.attitude,
            time_limit_s=given.time_limit,
            certify=given.certify,
            seed=given.seed,
        )
        if given.export is not None:
            _export(game, given.export)
        answer = solve_game(game, options)
    except InputError as error:
        raise _in_file(error, given.game) from error
    _show(game, answer, as_json=given.json)
    return SOLVED if answer.certified else NOT_CERTIFIED


def verify(given: argparse.Namespace) -> int:
    """Certify the point in ``given.point`` and print the answer; return the exit code."""
    game = read_game(given.game)
    variables, duals = read_point(given.point)
    options = Options(attitude=game.attitude, time_limit_s=given.time_limit)
    answer = verify_point(game, variables, duals, options)
    _show(game, answer, as_json=given.json)
    return SOLVED if answer.certified else NOT_CERTIFIED


def _in_file(error: InputError, path: Path) -> InputError:
    """Name the game's file where an error of a method or solver does not."""
    if error.source == str(path):
        return error
    return InputError(str(path), f"{error.source} {error.where}", error.value, error.expected)


def _export(game: Game, path: Path) -> None:
    write_mps(game, path.with_suffix(".mps"))
    write_aux(game, path.with_suffix(".aux"))


def _show(game: Game, answer: Equilibrium, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(answer.to_dict(), allow_nan=False) + "\n")
        return
    screen = console()
    screen.print(f"{game.name}: {answer.verdict} by {answer.method} in {answer.seconds:.3g} s", soft_wrap=True)
    screen.print(answer.why, soft_wrap=True, markup=False)
    players = Table("player", "level", "sense", "objective", "regret", "best .. worst response", box=None)
    for name, report in answer.players.items():
        player = game.players[name]
        span = "" if report.range is None else f"{_number(report.range[0])} .. {_number(report.range[1])}"
        players.add_row(name, player.level, player.sense, _number(report.objective), _number(report.regret[1]), span)
    screen.print(players)
    values = Table("variable", "value", "dual face", box=None)
    for name, value in answer.variables.items():
        values.add_row(name, _number(value), "")
    for name, (value, low, high) in answer.duals.items():
        values.add_row(name, _number(value), f"{_number(low)} .. {_number(high)}")
    screen.print(values)
    c = answer.certificate
    text = f"primal {c.primal:.1e}, dual {c.dual:.1e}, complementarity {c.complementarity:.1e}, gap {c.gap:.1e}"
    screen.print(f"{text}, bounds {c.bounds}, epsilon {_number(c.epsilon)}", soft_wrap=True)
    for note in answer.notes:
        screen.print(note, soft_wrap=True, markup=False)


def _number(value: float) -> str:
    return f"{value + 0.0:.8g}" if math.isfinite(value) else ("inf" if value > 0 else "-inf")
