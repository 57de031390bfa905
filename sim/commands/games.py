"""``equilot solve`` and ``equilot verify``: games in files."""

from __future__ import annotations

import argparse
from pathlib import Path

from sim.commands.base import Commands, count

_SOLVE = """Solve a game in a JSON file: leaders, followers, or a plain Nash game. The answer is a point with its
certificate. The exit code tells the verdict: 0 certified, 1 not proved, 4 proved that none exists, 5 none found, 6 the
best value is not attained, 7 infeasible, 8 unbounded, 9 limit reached, 10 undecided (docs/games.md)."""
_VERIFY = """Certify a given point without solving the game: residuals, and every player's regret by a global
deviation. The exit code is 0 when the point is proved to be an equilibrium, 1 when it is not, 7 when a row fails or a
follower does better at it, 9 when the limit came first (docs/games.md)."""

_METHOD_HELP = (
    "auto (default), lexicographic, complementarity-bb, kkt-bigm, kkt-sos1 or gurobi-nonconvex; for several leaders "
    "also best-response, best-response-jacobi, stationarity or enumeration"
)


def add_to(commands: Commands) -> None:
    """Add both commands and their options."""
    solve = commands.add_parser("solve", help="solve a leader-follower game and prove the answer", description=_SOLVE)
    solve.add_argument("game", metavar="GAME.json", type=Path, help="the game")
    solve.add_argument("--method", default="auto", help=_METHOD_HELP)
    solve.add_argument("--solver", default="auto", help="auto, highs, gurobi or scip (default: %(default)s)")
    solve.add_argument("--seed", type=count(0), default=0, help="of random starts (default: %(default)s)")
    solve.add_argument("--export", metavar="FILE", type=Path, help="also write FILE.mps and FILE.aux (bilevel linear)")
    solve.add_argument("--force", action="store_true", help="let --export replace files that exist")
    solve.set_defaults(command=_solve)
    verify = commands.add_parser("verify", help="certify a point of a game", description=_VERIFY)
    verify.add_argument("game", metavar="GAME.json", type=Path, help="the game")
    verify.add_argument("point", metavar="POINT.json", type=Path, help="variables, and duals where they matter")
    verify.set_defaults(command=_verify)
    for command in (solve, verify):
        command.add_argument("--attitude", help="optimistic or pessimistic (default: the game's)")
        command.add_argument(
            "--certify",
            default="standard",
            help="standard, or full: every deviation is also solved by a second method (default: %(default)s)",
        )
        command.add_argument("--json", action="store_true", help="print the answer as one JSON object")
        command.add_argument(
            "--time-limit", metavar="S", type=float, default=600.0, help="seconds for everything (default: %(default)g)"
        )
        command.add_argument(
            "--node-limit", metavar="N", type=count(1), help="nodes of all searches together (default: no limit)"
        )


def _solve(given: argparse.Namespace) -> int:
    """``equilot solve``."""
    from sim.solve import solve

    return solve(given)


def _verify(given: argparse.Namespace) -> int:
    """``equilot verify``."""
    from sim.solve import verify

    return verify(given)
