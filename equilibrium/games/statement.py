"""What a game is: players, their variables, rows and products by name. How it is solved stands elsewhere.

A user makes a :class:`equilibrium.games.game.Game`, which is a statement that can be solved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equilibrium.errors import InputError
from equilibrium.games.terms import Expression, Number, Relation
from equilibrium.programs.program import INF

SENSES = ("min", "max")
ROLES = ("leader", "follower")
LONGEST_NAME = 255
"""Characters of a name: what files and solvers take."""

SHOWN = 40
"""Characters that a message shows of a name that is too long."""

ATTITUDES = ("optimistic", "pessimistic")


@dataclass(frozen=True)
class Variable:
    """A variable of a player: name, bounds and whether it is integer."""

    name: str
    lower: float
    upper: float
    integer: bool


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a player: ``relation``, and the name of its multiplier if others may use it."""

    name: str
    relation: Relation
    dual_name: str | None = None

    @property
    def dual(self) -> Expression:
        """The multiplier as a variable: derivative of the follower's optimal objective by the right-hand side."""
        if self.dual_name is None:
            raise InputError("game", f"row {self.name}", None, "a row that was stated with a name for its dual")
        return Expression.variable(self.dual_name)


class Player:
    """A player of a game; made by :meth:`Statement.leader` and :meth:`Statement.follower`."""

    def __init__(self, game: Statement, name: str, level: str, sense: str) -> None:
        self.game, self.name, self.level, self.sense = game, name, level, sense
        self.variables: dict[str, Variable] = {}
        self.rows: dict[str, Row] = {}
        self._objective = Expression({})

    @property
    def objective(self) -> Expression:
        """What the player minimises or maximises, by its ``sense``."""
        return self._objective

    @objective.setter
    def objective(self, value: Expression | Number) -> None:
        self._objective = Expression.of(value)

    def variable(self, name: str, lower: float = 0.0, upper: float = INF, *, integer: bool = False) -> Expression:
        """Add a variable and return it.

        Raises
        ------
        InputError
            When the name is taken or cannot be written in a product, or the bounds cross.
        """
        self.game.check_length(name, f"player {self.name}: variable")
        where = f"player {self.name}: variable {name}"
        self.game.claim(name, where)
        low, high = float(lower), float(upper)
        if not low <= high or low == INF or high == -INF:
            raise self.game.error(where, [lower, upper], "bounds [low, high] with low <= high")
        self.variables[name] = Variable(name, low, high, integer)
        return Expression.variable(name)

    def vector(self, name: str, size: int, lower: float = 0.0, upper: float = INF) -> list[Expression]:
        """Add ``size`` variables ``name[0]``, ``name[1]``, ... and return them."""
        return [self.variable(f"{name}[{k}]", lower, upper) for k in range(size)]

    def row(self, name: str, relation: Relation, dual: str | None = None) -> Row:
        """Add a row; ``dual`` names its multiplier so that the other players may use it.

        Raises
        ------
        InputError
            When the row's name is taken, or a leader asks for a dual: its rows bind itself alone, and a leader
            that is paid by its own multiplier would lead itself.
        """
        self.game.check_length(name, f"player {self.name}: constraint")
        where = f"player {self.name}: constraint {name}"
        if name in self.rows:
            raise self.game.error(where, name, "a name that no other constraint of this player has")
        if dual is not None:
            if self.level == "leader":
                raise self.game.error(
                    where, dual, "no dual: a leader cannot lead itself, only followers' rows have one"
                )
            self.game.claim(dual, f"{where}: dual {dual}")
        self.rows[name] = Row(name, relation, dual)
        return self.rows[name]


class Statement:
    """The statement of a game among leaders, who anticipate, and followers, who respond.

    Parameters
    ----------
    name
        A word for people.
    source
        Where the game comes from (paper, example number).
    attitude
        ``optimistic``: a follower that is indifferent chooses what its leader likes; ``pessimistic``: the opposite.
    file
        The file that the game was read from, for error messages.
    """

    def __init__(self, name: str, *, source: str = "", attitude: str = "optimistic", file: str | None = None) -> None:
        self.name, self.source, self.file = name[:LONGEST_NAME], source, file
        self.check_length(name, "name")
        if attitude not in ATTITUDES:
            raise self.error("attitude", attitude, f"one of {', '.join(ATTITUDES)}")
        self.attitude = attitude
        self.players: dict[str, Player] = {}
        self.expected: Mapping[str, Any] = {}
        self._claims: dict[str, str] = {}

    def leader(self, name: str, sense: str = "min") -> Player:
        """Add a player that moves first."""
        return self.player(name, "leader", sense)

    def follower(self, name: str, sense: str = "min") -> Player:
        """Add a player that responds to the leaders, at Nash equilibrium with the other followers."""
        return self.player(name, "follower", sense)

    def player(self, name: str, level: str, sense: str) -> Player:
        """Add a player."""
        self.check_length(name, "player")
        if name in self.players:
            raise self.error(f"player {name}", name, "a name that no other player has")
        if level not in ROLES:
            raise self.error(f"player {name}: level", level, f"one of {', '.join(ROLES)}")
        if sense not in SENSES:
            raise self.error(f"player {name}: sense", sense, f"one of {', '.join(SENSES)}")
        self.players[name] = Player(self, name, level, sense)
        return self.players[name]

    def adopt(self, other: Statement) -> None:
        """Take the reserved names of another statement of the same game, and what is expected of it."""
        self._claims = dict(other._claims)
        self.expected = other.expected

    def check_length(self, name: str, where: str) -> None:
        """Refuse a name that is longer than :data:`LONGEST_NAME`; the message shows its beginning."""
        if len(name) > LONGEST_NAME:
            expected = f"at most {LONGEST_NAME} characters, not {len(name)}"
            raise self.error(where, name[:SHOWN] + "...", expected)

    def claim(self, name: str, where: str) -> None:
        """Reserve the name of a variable or dual for one owner."""
        self.check_length(name, where)
        if not name or name == "1" or "*" in name or name != name.strip():
            raise self.error(where, name, "a name without '*' and outer blanks that is not '1'")
        if name in self._claims:
            raise self.error(where, name, f"a name that is not taken ({self._claims[name]} has it)")
        self._claims[name] = where

    def error(self, where: str, value: object, expected: str) -> InputError:
        """Return an error that names the game's file."""
        return InputError(self.file or f"game {self.name}", where, value, expected)


def total(expressions: Sequence[Expression | Number]) -> Expression:
    """Return the sum of expressions."""
    result = Expression({})
    for expression in expressions:
        result = result + expression
    return result
