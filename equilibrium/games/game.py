"""The public way to state a game and solve it.

Examples
--------
A leader and a follower who sell the same good at the price ``12 - Q - q``:

>>> game = Game("duopoly")
>>> leader, follower = game.leader("first", "max"), game.follower("second", "max")
>>> Q, q = leader.variable("Q"), follower.variable("q")
>>> leader.objective = (12 - Q - q) * Q
>>> follower.objective = (12 - Q - q) * q
>>> equilibrium = game.solve()
>>> str(equilibrium.verdict), {name: round(value, 6) for name, value in equilibrium.variables.items()}
('exact', {'Q': 6.0, 'q': 3.0})
"""

from __future__ import annotations

from collections.abc import Mapping

from equilibrium.games.answer import Equilibrium
from equilibrium.games.solve import Options, solve_game, verify_point
from equilibrium.games.statement import Statement


class Game(Statement):
    """A game that is stated by name, solved and proved; see :class:`equilibrium.games.statement.Statement`."""

    def solve(
        self,
        *,
        method: str = "auto",
        solver: str = "auto",
        attitude: str | None = None,
        time_limit_s: float = 600.0,
        certify: str = "standard",
        seed: int = 0,
        node_limit: int | None = None,
    ) -> Equilibrium:
        """Find an equilibrium and prove it; see :func:`equilibrium.games.solve.solve_game`."""
        options = Options(method, solver, attitude or self.attitude, time_limit_s, certify, seed, node_limit=node_limit)
        return solve_game(self, options)

    def verify(
        self,
        variables: Mapping[str, float],
        duals: Mapping[str, float] | None = None,
        *,
        attitude: str | None = None,
        time_limit_s: float = 600.0,
        certify: str = "standard",
        node_limit: int | None = None,
    ) -> Equilibrium:
        """Certify a given point; see :func:`equilibrium.games.solve.verify_point`."""
        options = Options(
            attitude=attitude or self.attitude, time_limit_s=time_limit_s, certify=certify, node_limit=node_limit
        )
        return verify_point(self, variables, duals or {}, options)
