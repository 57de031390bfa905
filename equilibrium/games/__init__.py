"""Leader-follower games: state one, solve it, and prove the answer.

A game is stated in Python (:class:`Game`) or read from a JSON file (:func:`read_game`); ``game.solve()`` returns an
:class:`Equilibrium` with its certificate.
"""

from equilibrium.games.answer import Equilibrium, GameCertificate, GameVerdict, PlayerReport
from equilibrium.games.file import game_from_dict, game_to_dict, read_game, read_point, write_game
from equilibrium.games.game import Game
from equilibrium.games.solve import METHOD_NAMES, Options, solve_game, verify_point
from equilibrium.games.statement import Player, Row, total
from equilibrium.games.terms import Expression, Relation

__all__ = [
    "METHOD_NAMES",
    "Equilibrium",
    "Expression",
    "Game",
    "GameCertificate",
    "GameVerdict",
    "Options",
    "Player",
    "PlayerReport",
    "Relation",
    "Row",
    "game_from_dict",
    "game_to_dict",
    "read_game",
    "read_point",
    "solve_game",
    "total",
    "verify_point",
    "write_game",
]
