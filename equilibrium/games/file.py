"""A game, and a point of it, in one JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from equilibrium.errors import InputError
from equilibrium.games.game import Game
from equilibrium.games.statement import SHOWN, Player, Statement
from equilibrium.games.terms import Expression, Monomial, Relation
from equilibrium.programs.program import INF

GAME_KEYS = {"name", "source", "players", "attitude", "expected"}
PLAYER_KEYS = {"name", "level", "sense", "variables", "objective", "constraints", "integer"}
ROW_KEYS = {"name", "terms", "sense", "rhs", "dual"}
EXPECTED_KEYS = {"verdict", "objective", "variables", "duals", "epsilon"}
POINT_KEYS = {"variables", "duals", "verdict", "method", "seconds", "players", "certificate", "notes", "solver"}
ROW_SENSES = ("<=", ">=", "=")


def read_game(path: str | Path) -> Game:
    """Read a game from a JSON file.

    Parameters
    ----------
    path
        A file in the format of ``tests/instances``.

    Raises
    ------
    InputError
        When the file cannot be read or anything in it is unknown, missing or contradictory; the message names the
        player and the variable or row.
    """
    return game_from_dict(_load(path), str(path))


def _load(path: str | Path) -> object:
    source = str(path)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1)
            raise InputError(source, "key", twice, "every key once")
        return found

    def constant(text: str) -> float:
        raise InputError(source, "number", text, "a finite number (null for an infinite bound)")

    def whole(text: str) -> int:
        try:
            return int(text)
        except ValueError as error:  # more digits than Python reads
            raise InputError(source, "number", f"{text[:SHOWN]}...", "a number of fewer digits") from error

    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        loaded: object = json.loads(text, object_pairs_hook=unique, parse_constant=constant, parse_int=whole)
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or "not UTF-8"
        raise InputError(source, "file", found, "a readable JSON file") from error
    except json.JSONDecodeError as error:
        raise InputError(source, f"line {error.lineno}", error.msg, "valid JSON") from error
    except RecursionError as error:
        raise InputError(source, "file", "nesting of hundreds of levels", "a game, which has six") from error
    return loaded


class _Reader:
    """Checks types and keys, and knows the file for the message."""

    def __init__(self, source: str) -> None:
        self.source = source

    def table(
        self, value: object, where: str, keys: set[str] | None = None, needed: set[str] | None = None
    ) -> dict[str, object]:
        if not isinstance(value, dict):
            raise InputError(self.source, where, value, "an object {...}")
        unknown = sorted(value.keys() - keys) if keys is not None else []
        if unknown:
            raise InputError(
                self.source, f"{where}: key {unknown[0]}", unknown[0], f"one of {', '.join(sorted(keys or ()))}"
            )
        missing = sorted((needed or set()) - value.keys())
        if missing:
            raise InputError(self.source, f"{where}: key {missing[0]}", None, "this key")
        return value

    def items(self, value: object, where: str) -> list[object]:
        if not isinstance(value, list):
            raise InputError(self.source, where, value, "a list [...]")
        return value

    def text(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise InputError(self.source, where, value, "a text")
        return value

    def number(self, value: object, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(self.source, where, value, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = INF
        if not math.isfinite(number):
            raise InputError(self.source, where, value, "a finite number")
        return number

    def expression(self, value: object, where: str) -> Expression:
        terms: dict[Monomial, float] = {}
        for text, coefficient in self.table(value, where).items():
            factors = [part.strip() for part in text.split("*")]
            if len(factors) > 2 or not all(factors) or (len(factors) == 2 and "1" in factors):
                raise InputError(self.source, f"{where}: term {text}", text, "x, x*y or 1")
            key = () if factors == ["1"] else tuple(sorted(factors))
            if key in terms:
                raise InputError(self.source, f"{where}: term {text}", text, "every term once")
            terms[key] = self.number(coefficient, f"{where}: term {text}")
        return Expression(terms)


def game_from_dict(data: object, source: str = "game") -> Game:
    """Make a game from what the JSON file holds; ``source`` names it in errors."""
    read = _Reader(source)
    table = read.table(data, "game", GAME_KEYS, {"name", "players"})
    game = Game(
        read.text(table["name"], "name"),
        source=read.text(table.get("source", ""), "source"),
        attitude=read.text(table.get("attitude", "optimistic"), "attitude"),
        file=source,
    )
    players = read.items(table["players"], "players")
    if not players:
        raise InputError(source, "players", players, "at least one player")
    for number, entry in enumerate(players):
        _read_player(game, read, entry, f"players[{number}]")
    game.expected = read.table(table.get("expected", {}), "expected", EXPECTED_KEYS)
    return game


def _read_player(game: Statement, read: _Reader, entry: object, place: str) -> None:
    needed = {"name", "level", "sense", "variables", "objective"}
    table = read.table(entry, place, PLAYER_KEYS, needed)
    name = read.text(table["name"], f"{place}: name")
    where = f"player {name}"
    player = game.player(
        name, read.text(table["level"], f"{where}: level"), read.text(table["sense"], f"{where}: sense")
    )
    integer = [
        read.text(item, f"{where}: integer") for item in read.items(table.get("integer", []), f"{where}: integer")
    ]
    variables = read.table(table["variables"], f"{where}: variables")
    for item in integer:
        if item not in variables:
            raise InputError(read.source, f"{where}: integer", item, "a variable of this player")
    for variable, bounds in variables.items():
        at = f"{where}: variable {variable}"
        ends = read.items(bounds, at)
        if len(ends) != 2:
            raise InputError(read.source, at, bounds, "bounds [low, high]")
        low = -INF if ends[0] is None else read.number(ends[0], at)
        high = INF if ends[1] is None else read.number(ends[1], at)
        player.variable(variable, low, high, integer=variable in integer)
    player.objective = read.expression(table["objective"], f"{where}: objective")
    for number, row in enumerate(read.items(table.get("constraints", []), f"{where}: constraints")):
        _read_row(player, read, row, f"{where}: constraints[{number}]", number)


def _read_row(player: Player, read: _Reader, entry: object, place: str, number: int) -> None:
    table = read.table(entry, place, ROW_KEYS, {"terms", "sense", "rhs"})
    name = read.text(table.get("name", f"row {number + 1}"), f"{place}: name")
    where = f"player {player.name}: constraint {name}"
    body = read.expression(table["terms"], where)
    sense = read.text(table["sense"], f"{where}: sense")
    if sense not in ROW_SENSES:
        raise InputError(read.source, f"{where}: sense", sense, f"one of {', '.join(ROW_SENSES)}")
    rhs = read.number(table["rhs"], f"{where}: rhs")
    dual = None if table.get("dual") is None else read.text(table["dual"], f"{where}: dual")
    constant = body.terms.get((), 0.0)
    player.row(name, Relation(body - constant, sense, rhs - constant), dual)


def game_to_dict(game: Statement) -> dict[str, Any]:
    """Return a game as the JSON file holds it."""
    players = []
    for player in game.players.values():
        entry: dict[str, Any] = {
            "name": player.name,
            "level": player.level,
            "sense": player.sense,
            "variables": {v.name: [_bound(v.lower), _bound(v.upper)] for v in player.variables.values()},
        }
        integer = [v.name for v in player.variables.values() if v.integer]
        if integer:
            entry["integer"] = integer
        entry["objective"] = _terms(player.objective)
        entry["constraints"] = [
            {"name": row.name, "terms": _terms(row.relation.body), "sense": row.relation.sense, "rhs": row.relation.rhs}
            | ({"dual": row.dual_name} if row.dual_name else {})
            for row in player.rows.values()
        ]
        players.append(entry)
    table: dict[str, Any] = {"name": game.name, "source": game.source, "players": players}
    if game.attitude != "optimistic":
        table["attitude"] = game.attitude
    if game.expected:
        table["expected"] = dict(game.expected)
    return table


def write_game(game: Statement, path: str | Path) -> None:
    """Write a game to a JSON file that :func:`read_game` reads back."""
    Path(path).write_text(json.dumps(game_to_dict(game), indent=2) + "\n", encoding="utf-8")


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _terms(expression: Expression) -> dict[str, float]:
    return {"*".join(key) or "1": value for key, value in expression.terms.items()}


def read_point(path: str | Path) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Read a point: values of the variables, and of the duals where they matter.

    The JSON answer of ``equilot solve`` is a point too: there a dual is ``[value, low, high]``.
    """
    read = _Reader(str(path))
    table = read.table(_load(path), "point", POINT_KEYS, {"variables"})
    variables = read.table(table["variables"], "variables")
    duals = read.table(table.get("duals", {}), "duals")
    first = {name: value[0] if isinstance(value, list) and value else value for name, value in duals.items()}
    return (
        {name: read.number(value, f"variables: {name}") for name, value in variables.items()},
        {name: read.number(value, f"duals: {name}") for name, value in first.items()},
    )
