"""The rules by which a DISCO market clears: its options, checked once."""

from __future__ import annotations

from dataclasses import dataclass

from equilibrium.deadline import Deadline
from equilibrium.errors import InputError
from equilibrium.programs.program import INF
from equilibrium.programs.solvers.choose import check_solver

MODES = ("strict", "strict-exclusive", "windows", "windows-strict")
"""Behaviour of the lots; see :class:`equilibrium.markets.disco.market.DiscoMarket`."""

PURCHASES = ("recourse", "here-and-now")
"""Whether each scenario buys for itself, or one purchase has to do for all."""

WISHES = ("error", "best-effort")
"""What happens to a wish that full power cannot meet."""

METHODS = ("value-function", "kkt-milp")
"""How the lots' optimality is imposed: by their own optimum, or by their KKT conditions with binaries as published."""

NODE_LIMIT = 300
"""Nodes after which a search ends when nothing else is asked for; days without negative prices need far less."""


@dataclass(frozen=True)
class Rules:
    """Options of a market; attributes as the parameters of :class:`equilibrium.markets.disco.market.DiscoMarket`.

    Raises
    ------
    InputError
        When one of them is out of its domain, or two do not go together.
    """

    mode: str
    purchases: str
    alpha: float
    beta: float
    infeasible_wish: str
    method: str
    pessimistic: bool
    solver: str
    node_limit: int | None = None

    def __post_init__(self) -> None:
        for name, accepted in (
            ("mode", MODES),
            ("purchases", PURCHASES),
            ("infeasible_wish", WISHES),
            ("method", METHODS),
        ):
            if getattr(self, name) not in accepted:
                raise InputError("DISCO market", name, getattr(self, name), f"one of {', '.join(accepted)}")
        if not 0.0 < self.alpha < 1.0:
            raise InputError("DISCO market", "alpha", self.alpha, "a level within (0, 1)")
        if not 0.0 <= self.beta <= 1.0:
            raise InputError("DISCO market", "beta", self.beta, "a weight from 0 to 1")
        if self.method == "kkt-milp" and (
            self.purchases != "recourse" or self.mode not in ("strict", "windows-strict")
        ):
            raise InputError(
                "DISCO market",
                "method",
                self.method,
                f"recourse purchases and a convex lower level that decides, not {self.purchases} and {self.mode}",
            )
        if self.node_limit is not None and not self.node_limit >= 1:
            raise InputError("DISCO market", "node_limit", self.node_limit, "at least 1, or None")
        check_solver(self.solver)

    def deadline(self) -> Deadline:
        """Return the limit of the searches of one scenario, or of all that buy together."""
        return Deadline(nodes=INF if self.node_limit is None else self.node_limit)

    @property
    def windows(self) -> bool:
        """Whether vehicles keep to the charge and discharge windows."""
        return self.mode in ("windows", "windows-strict")

    @property
    def one_way(self) -> bool:
        """Whether a vehicle does one thing at a time."""
        return self.mode == "strict-exclusive"

    @property
    def lots_decide(self) -> bool:
        """Whether schedules must be best for the lots."""
        return self.mode != "windows"

    @property
    def proof(self) -> str:
        """Name of the method in the certificate."""
        if self.method == "kkt-milp":
            return self.method
        return "value-function" if self.one_way else "lexicographic"
