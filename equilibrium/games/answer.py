"""What a game's solution is: a point with labels, and the certificate that says how much of it is proved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from equilibrium.certificate import Verdict


class GameVerdict(StrEnum):
    """How much is proved of an answer: the verdicts of markets on a point, and what a search may end with instead.

    ``no-pure-equilibrium``, ``infeasible`` and ``unbounded`` are proved of the game (by ``verify``, ``infeasible`` is
    said of the point). ``none-found`` proves nothing: a search ended without an equilibrium. ``not-attained``: the
    values of a leader come as near to a bound as one likes, and no decision has it. ``time-limit``: a limit of time or
    nodes ended the search before anything was proved. ``undecided``: every method gave up. ``unproved``: a point was
    found whose residuals are outside their tolerance.
    """

    UNPROVED = str(Verdict.UNPROVED)
    EXACT = str(Verdict.EXACT)
    EPSILON_NASH = str(Verdict.EPSILON_NASH)
    KKT_CONSISTENT = str(Verdict.KKT_CONSISTENT)
    NO_PURE_EQUILIBRIUM = "no-pure-equilibrium"
    NONE_FOUND = "none-found"
    NOT_ATTAINED = "not-attained"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    TIME_LIMIT = "time-limit"
    UNDECIDED = "undecided"


CERTIFIED = (GameVerdict.EXACT, GameVerdict.EPSILON_NASH)
"""The verdicts that claim an equilibrium."""


@dataclass(frozen=True)
class PlayerReport:
    """One player at the point, in its own sense.

    Attributes
    ----------
    objective
        Its value.
    regret
        What it could gain alone: ``(attained by a deviation that was found, proven upper bound)``, both at least 0.
    range
        For a leader: its value if all followers, indifferent between several optima, chose what it likes best, and
        what it likes least, the leaders' decisions unchanged; None where that was not computed.
    """

    objective: float
    regret: tuple[float, float]
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class GameCertificate:
    """Residuals recomputed from arrays, largest over all players, and the size of the largest proven regret.

    Attributes
    ----------
    primal, dual, complementarity, gap
        Relative residuals; see :class:`equilibrium.programs.duality.Residuals`.
    bounds
        Where assumed bounds on multipliers come from: ``proved`` (also if there are none), ``user`` or ``guess``.
    epsilon
        Largest proven regret, in the unit of that player's objective.
    distance
        Smallest distance of a multiplier from its assumed bound, relative to it; None without assumed bounds.
    """

    primal: float
    dual: float
    complementarity: float
    gap: float
    bounds: str
    epsilon: float
    distance: float | None = None


@dataclass(frozen=True)
class Equilibrium:
    """An answer to a game.

    Attributes
    ----------
    verdict, method, why, notes
        What is proved, how it was found, why that method was chosen, and what else a reader should know.
    solver
        Every solver that solved a program on the way.
    seconds
        Wall time with certification.
    players, variables
        By name.
    duals
        Named duals: value used, and the interval ``(low, high)`` over the follower's dual optimal face.
    multipliers
        Of every row of every follower, by player and row: derivative of its optimal objective, in its own sense, by
        the right-hand side.
    """

    verdict: GameVerdict
    method: str
    why: str
    seconds: float
    players: Mapping[str, PlayerReport]
    variables: Mapping[str, float]
    duals: Mapping[str, tuple[float, float, float]]
    multipliers: Mapping[str, Mapping[str, float]]
    certificate: GameCertificate
    notes: tuple[str, ...] = ()
    solver: str = ""

    @property
    def certified(self) -> bool:
        """Whether the point is proved to be an equilibrium."""
        return self.verdict in CERTIFIED

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as ``equilot solve --json`` prints it; infinities become None."""
        certificate = self.certificate
        return {
            "verdict": str(self.verdict),
            "method": self.method,
            "solver": self.solver,
            "seconds": self.seconds,
            "players": {
                name: {"objective": _plain(p.objective), "regret": [_plain(r) for r in p.regret]}
                for name, p in self.players.items()
            },
            "variables": {name: _plain(value) for name, value in self.variables.items()},
            "duals": {name: [_plain(value) for value in triple] for name, triple in self.duals.items()},
            "certificate": {
                "primal": _plain(certificate.primal),
                "dual": _plain(certificate.dual),
                "complementarity": _plain(certificate.complementarity),
                "gap": _plain(certificate.gap),
                "bounds": certificate.bounds,
                "epsilon": _plain(certificate.epsilon),
            },
            "notes": list(self.notes),
        }


def _plain(value: float) -> float | None:
    return float(value) + 0.0 if math.isfinite(value) else None
