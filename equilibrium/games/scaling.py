"""Units of a game: powers of two for every variable, row and objective, so that no unit enters a proof.

Whoever writes costs in MEUR and rows in W has multipliers that every solver's tolerance swallows. Before a game is
compiled, each variable ``x`` is written as ``2**c x'``, each row is divided by ``2**r`` and each objective, without
its constant, by ``2**o``. The exponents make all coefficients, bounds and sides near 1 in the sense of least squares
of their logarithms; what is left of the logarithms is their part that no change of units can reach, so two statements
of one game in different units become the same game up to the rounding of exponents. Powers of two lose no digit.

Source of the criterion: Curtis & Reid 1972, "On the automatic scaling of matrices for Gaussian elimination", IMA
Journal of Applied Mathematics 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.games.answer import Equilibrium, PlayerReport
from equilibrium.games.statement import Player, Statement, Variable
from equilibrium.games.terms import Expression, Relation

SIDE_WEIGHT = 0.1
"""Weight of a bound or a right-hand side beside a coefficient: they settle what the coefficients leave open."""

LARGEST_SIDE = 1e15
"""A bound or side above this in the game's own units: beyond it a double has no digit left behind the point."""

SMALLEST_TERM = 1e-9
"""A coefficient below this in the game's own units: solvers take it for zero."""

ENDLESS = 1e20
"""What solvers take for infinite; a number of this size is one that somebody wrote for "no limit"."""

LARGEST_SPREAD = 1e12
"""Ratio of two coefficients of one row from which on double precision loses the smaller one beside the larger."""

DENSE = 4_000_000
"""Entries of the least-squares matrix up to which it is solved exactly; a larger one iteratively."""

ITERATIONS = 200
"""Of the iterative method: exponents are rounded to whole numbers, so few digits are enough."""


@dataclass(frozen=True)
class Units:
    """Exponents of two: ``x = 2**columns[x] x'`` for variables and duals; rows and objectives are divided.

    ``rows`` are keyed by player and row, ``objectives`` and the dropped ``constants`` (own unit) by player.
    """

    columns: Mapping[str, int]
    rows: Mapping[tuple[str, str], int]
    objectives: Mapping[str, int]
    constants: Mapping[str, float]

    def value(self, player: str, scaled: float) -> float:
        """Return an objective in the player's own unit."""
        return self.gain(player, scaled) + self.constants.get(player, 0.0)

    def gain(self, player: str, scaled: float) -> float:
        """Return a difference of objectives in the player's own unit."""
        return _times(scaled, self.objectives.get(player, 0))

    def column(self, name: str, scaled: float) -> float:
        """Return a variable or a dual in its own unit."""
        return _times(scaled, self.columns.get(name, 0))

    def scaled(self, point: Mapping[str, float]) -> dict[str, float]:
        """Return variables or duals that are given in their own units in those of the scaled game."""
        return {name: _times(value, -self.columns.get(name, 0)) for name, value in point.items()}

    def restored(self, answer: Equilibrium) -> Equilibrium:
        """Return an answer of the scaled game in the units of the game that was stated."""
        players = {}
        for name, p in answer.players.items():
            span = None if p.range is None else (self.value(name, p.range[0]), self.value(name, p.range[1]))
            regret = (self.gain(name, p.regret[0]), self.gain(name, p.regret[1]))
            players[name] = PlayerReport(self.value(name, p.objective), regret, span)
        certificate = answer.certificate
        if math.isfinite(certificate.epsilon):
            epsilon = max((p.regret[1] for p in players.values()), default=0.0)
            certificate = replace(certificate, epsilon=epsilon)
        duals = {
            name: (self.column(name, a), self.column(name, b), self.column(name, c))
            for name, (a, b, c) in answer.duals.items()
        }
        multipliers = {
            player: {
                row: _times(mu, self.objectives.get(player, 0) - self.rows.get((player, row), 0))
                for row, mu in of.items()
            }
            for player, of in answer.multipliers.items()
        }
        variables = {name: self.column(name, value) for name, value in answer.variables.items()}
        return replace(
            answer,
            players=players,
            certificate=certificate,
            duals=duals,
            multipliers=multipliers,
            variables=variables,
        )


NO_UNITS = Units({}, {}, {}, {})
"""The game as it was stated."""


def _times(value: float, exponent: int) -> float:
    return math.ldexp(value, exponent) + 0.0 if math.isfinite(value) else value


def rescale(game: Statement) -> tuple[Statement, Units]:
    """Return the game in units of its own, and the way back.

    Raises
    ------
    InputError
        When numbers of one row, objective or bound are so far apart that no unit brings them together.
    """
    units = _units(game)
    other = Statement(game.name, source=game.source, attitude=game.attitude, file=game.file)
    for player in game.players.values():
        new = other.player(player.name, player.level, player.sense)
        for v in player.variables.values():
            exponent = -units.columns[v.name]
            new.variables[v.name] = Variable(v.name, _times(v.lower, exponent), _times(v.upper, exponent), v.integer)
            _check_bounds(game, player, v, new.variables[v.name])
        objective = Expression({key: value for key, value in player.objective.terms.items() if key})
        new.objective = _in_units(game, player, "objective", objective, units, units.objectives[player.name])
        for row in player.rows.values():
            exponent = units.rows[player.name, row.name]
            where = f"constraint {row.name}"
            body = _in_units(game, player, where, row.relation.body, units, exponent)
            side = _times(row.relation.rhs, -exponent)
            if abs(side) > LARGEST_SIDE:
                expected = f"at most {LARGEST_SIDE:g} times the size of the row's coefficients"
                raise game.error(f"player {player.name}: {where}: rhs", row.relation.rhs, expected)
            new.rows[row.name] = replace(row, relation=Relation(body, row.relation.sense, side))
    other.adopt(game)
    return other, units


def check_statement(game: Statement) -> None:
    """Refuse numbers and names that no solver takes as they are meant.

    Raises
    ------
    InputError
        For a number that is not finite or beyond :data:`ENDLESS`, and for coefficients of one row that are more than
        :data:`LARGEST_SPREAD` apart; the message names player and row.
    """
    for player in game.players.values():
        where = f"player {player.name}"
        for v in player.variables.values():
            for side in (v.lower, v.upper):
                if math.isnan(side) or (math.isfinite(side) and abs(side) >= ENDLESS):
                    expected = f"a bound below {ENDLESS:g} in size (null, or an infinity in Python, for none)"
                    raise game.error(f"{where}: variable {v.name}", side, expected)
        _check_numbers(game, f"{where}: objective", player.objective)
        for row in player.rows.values():
            place = f"{where}: constraint {row.name}"
            _check_numbers(game, place, row.relation.body)
            if not abs(row.relation.rhs) < ENDLESS:
                raise game.error(f"{place}: rhs", row.relation.rhs, f"a finite number below {ENDLESS:g} in size")
            _check_spread(game, place, row.relation.body)


def _check_numbers(game: Statement, where: str, stated: Expression) -> None:
    for key, value in stated.terms.items():
        if not abs(value) < ENDLESS:
            term = "*".join(key) or "1"
            raise game.error(f"{where}: term {term}", value, f"a finite number below {ENDLESS:g} in size")


def _check_spread(game: Statement, where: str, stated: Expression) -> None:
    sizes = sorted((abs(value), "*".join(key)) for key, value in stated.terms.items())
    if sizes and sizes[-1][0] > LARGEST_SPREAD * sizes[0][0]:
        (least, small), (most, large) = sizes[0], sizes[-1]
        expected = f"coefficients of one row within a factor of {LARGEST_SPREAD:g}: in double precision {small} is lost"
        raise game.error(f"{where}: terms {small} and {large}", [least, most], expected)


def _check_bounds(game: Statement, player: Player, stated: Variable, scaled: Variable) -> None:
    for side, own in ((scaled.lower, stated.lower), (scaled.upper, stated.upper)):
        if math.isfinite(side) and abs(side) > LARGEST_SIDE:
            expected = f"a bound of at most {LARGEST_SIDE:g} times the unit of the game's other numbers, null for none"
            raise game.error(f"player {player.name}: variable {stated.name}", own, expected)


def _in_units(
    game: Statement, player: Player, where: str, stated: Expression, units: Units, exponent: int
) -> Expression:
    terms = {}
    for key, value in stated.terms.items():
        terms[key] = _times(value, sum(units.columns.get(name, 0) for name in key) - exponent)
        if abs(terms[key]) < SMALLEST_TERM or abs(terms[key]) > LARGEST_SIDE:
            expected = "coefficients that some choice of units brings within 1e-9 to 1e15"
            raise game.error(f"player {player.name}: {where}: term {'*'.join(key)}", value, expected)
    return Expression(terms)


def _units(game: Statement) -> Units:
    """Solve for the exponents."""
    place: dict[tuple[str, ...], int] = {}
    for player in game.players.values():
        place[("objective", player.name)] = len(place)
        for v in player.variables.values():
            if not v.integer:
                place[("column", v.name)] = len(place)
        for row in player.rows.values():
            place[("row", player.name, row.name)] = len(place)
    duals = {
        row.dual_name: (place["objective", player.name], place["row", player.name, row.name])
        for player in game.players.values()
        for row in player.rows.values()
        if row.dual_name
    }
    exponents = _least_squares(list(_entries(game, place, duals)), len(place))
    columns = {
        v.name: exponents[place["column", v.name]] if ("column", v.name) in place else 0
        for player in game.players.values()
        for v in player.variables.values()
    }
    columns |= {name: exponents[o] - exponents[r] for name, (o, r) in duals.items()}
    rows = {
        (player.name, row): exponents[place["row", player.name, row]]
        for player in game.players.values()
        for row in player.rows
    }
    objectives = {name: exponents[place["objective", name]] for name in game.players}
    constants = {name: player.objective.terms.get((), 0.0) for name, player in game.players.items()}
    return Units(columns, rows, objectives, constants)


_Entry = tuple[float, float, list[tuple[int, float]]]
"""Weight, logarithm of the number, and the exponents that move it with their signs."""


def _entries(
    game: Statement, place: Mapping[tuple[str, ...], int], duals: Mapping[str, tuple[int, int]]
) -> Iterator[_Entry]:
    def moved(names: tuple[str, ...]) -> list[tuple[int, float]]:
        found: list[tuple[int, float]] = []
        for name in names:
            if name in duals:
                found += [(duals[name][0], 1.0), (duals[name][1], -1.0)]
            elif ("column", name) in place:
                found.append((place["column", name], 1.0))
        return found

    for player in game.players.values():
        parts = [(place["objective", player.name], player.objective)]
        for row in player.rows.values():
            at = place["row", player.name, row.name]
            parts.append((at, row.relation.body))
            if row.relation.rhs:
                yield SIDE_WEIGHT, math.log2(abs(row.relation.rhs)), [(at, -1.0)]
        for at, expression in parts:
            for key, value in expression.terms.items():
                if key:
                    yield 1.0, math.log2(abs(value)), [*moved(key), (at, -1.0)]
        for v in player.variables.values():
            for side in {abs(v.lower), abs(v.upper)} - {0.0, math.inf}:
                if ("column", v.name) in place:
                    yield SIDE_WEIGHT, math.log2(side), [(place["column", v.name], -1.0)]


def _least_squares(entries: list[_Entry], size: int) -> list[int]:
    if not entries:
        return [0] * size
    rows, columns, values = [], [], []
    for k, (weight, _, moved) in enumerate(entries):
        for column, sign in moved:
            rows.append(k)
            columns.append(column)
            values.append(weight * sign)
    matrix = sp.csr_array(sp.coo_array((values, (rows, columns)), shape=(len(entries), size)))
    goal = np.array([-weight * log for weight, log, _ in entries])
    if len(entries) * size <= DENSE:
        solved: FloatArray = np.linalg.lstsq(matrix.toarray(), goal, rcond=None)[0]
    else:
        solved = sp.linalg.lsqr(matrix, goal, iter_lim=ITERATIONS)[0]
    return [int(each) for each in np.round(np.asarray(solved)).tolist()]


__all__ = ["NO_UNITS", "Units", "check_statement", "rescale"]
