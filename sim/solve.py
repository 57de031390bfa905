"""``equilot solve`` and ``equilot verify``: a game in one JSON file, and its answer."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from equilibrium.errors import InputError
from equilibrium.games import Equilibrium, Game, GameVerdict, Options, read_game, read_point, solve_game, verify_point
from equilibrium.games.export import write_bilevel
from equilibrium.plain import plain
from sim.show.console import console
from sim.show.telling import add_text_row

EXIT_CODES = {
    GameVerdict.EXACT: 0,
    GameVerdict.EPSILON_NASH: 0,
    GameVerdict.KKT_CONSISTENT: 1,
    GameVerdict.UNPROVED: 1,
    GameVerdict.NO_PURE_EQUILIBRIUM: 4,
    GameVerdict.NONE_FOUND: 5,
    GameVerdict.NOT_ATTAINED: 6,
    GameVerdict.INFEASIBLE: 7,
    GameVerdict.UNBOUNDED: 8,
    GameVerdict.TIME_LIMIT: 9,
    GameVerdict.UNDECIDED: 10,
}
"""What the command ends with; 2 is bad input and 3 a day that cannot be served, as everywhere."""


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
            node_limit=given.node_limit,
        )
        if given.export is not None:
            write_bilevel(game, given.export, force=given.force)
        answer = solve_game(game, options)
    except InputError as error:
        raise _in_file(error, given.game) from error
    _show(game, answer, as_json=given.json)
    return EXIT_CODES[answer.verdict]


def verify(given: argparse.Namespace) -> int:
    """Certify the point in ``given.point`` and print the answer; return the exit code."""
    game = read_game(given.game)
    variables, duals = read_point(given.point)
    try:
        options = Options(
            attitude=given.attitude or game.attitude,
            time_limit_s=given.time_limit,
            certify=given.certify,
            node_limit=given.node_limit,
        )
        answer = verify_point(game, variables, duals, options)
    except InputError as error:
        if error.where.startswith(_OF_POINT):
            raise error.located(str(given.point), error.where.removeprefix(_OF_POINT)) from None
        raise _in_file(error, given.game) from error
    _show(game, answer, as_json=given.json)
    return EXIT_CODES[answer.verdict]


_OF_POINT = "point: "
"""What complaints about a point begin with, whose file the game does not know."""


def _in_file(error: InputError, path: Path) -> InputError:
    """Name the game's file where an error of a method or solver does not."""
    if error.source == str(path):
        return error
    return InputError(str(path), f"{error.source} {error.where}", error.value, error.expected)


_MEANING = {
    GameVerdict.EXACT: "certified: no player can gain anything alone",
    GameVerdict.EPSILON_NASH: "certified: no player can gain more than {epsilon} alone",
    GameVerdict.KKT_CONSISTENT: "not certified: some player may gain up to {epsilon} alone",
    GameVerdict.UNPROVED: "not certified: the residuals of the point found are outside their tolerance",
    GameVerdict.NO_PURE_EQUILIBRIUM: "proved: no pure equilibrium exists; from the best point met some player "
    "may gain {epsilon} alone",
    GameVerdict.NONE_FOUND: "not certified: no pure equilibrium was found, and that there is none is not proved; from "
    "the best point met some player may gain {epsilon} alone",
    GameVerdict.NOT_ATTAINED: "no equilibrium: the best value is approached and no decision attains it; this one is "
    "within {epsilon} of it",
    GameVerdict.UNDECIDED: "not certified: no method came to an end; from the best point met some player may gain "
    "{epsilon} alone",
    GameVerdict.INFEASIBLE: "not certified: {what}",
    GameVerdict.UNBOUNDED: "not certified: a leader improves without end",
    GameVerdict.TIME_LIMIT: "not certified: the limit was reached; from the best point met some player may gain "
    "{epsilon} alone",
}


_SEARCHES = (GameVerdict.TIME_LIMIT, GameVerdict.NONE_FOUND, GameVerdict.UNDECIDED)


def _meaning(answer: Equilibrium) -> str:
    """Say in one sentence what the verdict proves."""
    if not answer.variables and answer.verdict is GameVerdict.NO_PURE_EQUILIBRIUM:
        return "proved: no pure equilibrium exists"
    if not answer.variables and answer.verdict in _SEARCHES:
        return "not certified: no point was found"
    what = "no point meets the rows of all leaders while all followers respond"
    if answer.variables:
        what = "a row is violated at this point, or a follower could do better"
    return _MEANING[answer.verdict].format(epsilon=f"{answer.certificate.epsilon:.3g}", what=what)


def _show(game: Game, answer: Equilibrium, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(answer.to_dict(), allow_nan=False) + "\n")
        return
    screen = console()

    def tell(text: str) -> None:
        screen.print(plain(text), soft_wrap=True)

    tell(f"{game.name}: {answer.verdict} ({_meaning(answer)})")
    solver = f", {answer.solver}" if answer.solver else ""
    tell(f"by {answer.method} in {answer.seconds:.3g} s{solver}: {answer.why}")
    if answer.variables:
        _show_point(screen, game, answer)
        if any(report.range is not None for report in answer.players.values()):
            tell("at best .. worst answer: the leader's objective if indifferent followers chose its best, or worst")
        c = answer.certificate
        residuals = {"primal": c.primal, "dual": c.dual, "complementarity": c.complementarity, "gap": c.gap}
        tell("residuals: " + ", ".join(f"{name} {value:.1e}" for name, value in residuals.items()))
        distance = "" if c.distance is None else f", closest multiplier {c.distance:.2g} of its bound away"
        tell(f"bounds on multipliers: {c.bounds}{distance}; epsilon: {_number(c.epsilon)}")
    for note in answer.notes:
        tell(f"note: {note}")


def _show_point(screen: Console, game: Game, answer: Equilibrium) -> None:
    """Print the players, the variables and the named duals."""
    ranged = any(report.range is not None for report in answer.players.values())
    players = Table("player", "level", "sense", "objective", "may gain at most", box=None)
    if ranged:
        players.add_column("at best .. worst answer")
    for name, report in answer.players.items():
        player = game.players[name]
        span = "" if report.range is None else f"{_number(report.range[0])} .. {_number(report.range[1])}"
        row = [name, player.level, player.sense, _number(report.objective), f"{report.regret[1]:.3g}"]
        add_text_row(players, *row, *([span] if ranged else []))
    screen.print(players)
    owners = {variable: player.name for player in game.players.values() for variable in player.variables}
    variables = Table("variable", "of", "value", box=None)
    for name, value in answer.variables.items():
        add_text_row(variables, name, owners[name], _number(value))
    screen.print(variables)
    if answer.duals:
        duals = Table("dual", "value", "lowest .. highest possible", box=None)
        for name, (value, low, high) in answer.duals.items():
            add_text_row(duals, name, _number(value), f"{_number(low)} .. {_number(high)}")
        screen.print(duals)


def _number(value: float) -> str:
    return f"{value + 0.0:.8g}" if math.isfinite(value) else ("inf" if value > 0 else "-inf")
