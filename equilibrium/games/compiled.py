"""A stated game as arrays: one :class:`Agent` per player over one common vector of columns.

The vector holds every variable of every player, then every named dual. All objectives are turned into minimisation
here, once; ``sign`` leads back to the player's own sense.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.complementarity.convex import FALLING
from equilibrium.complementarity.problem import CURVED
from equilibrium.games.scaling import NO_UNITS, Units
from equilibrium.games.statement import Player, Row, Statement
from equilibrium.games.terms import Expression
from equilibrium.programs.program import INF, Instance
from equilibrium.programs.solvers import Status, open_handle

_TIE_BREAK = 1e-12
"""Weight of the direction itself where costs are compared along it: it only breaks ties."""

_KIND = {"<=": -1, "=": 0, ">=": 1}


@dataclass(frozen=True)
class Product:
    """``coefficient * column i * column j`` in row ``row`` of an agent."""

    row: int
    i: int
    j: int
    coefficient: float


@dataclass(frozen=True, eq=False)
class Agent:
    """One player: ``min constant + cost'w + w'hessian w / 2`` over its ``own`` entries of ``w``.

    Attributes
    ----------
    sign
        1 if the player minimises, -1 if it maximises: its own objective is ``sign`` times the value here.
    matrix, kind, rhs
        Rows ``matrix w (+ products) <=, =, >= rhs`` for ``kind`` -1, 0, 1.
    lower, upper, integer
        Of the own variables, in the order of ``own``.
    dual
        Per row the column of its named dual in the player's own sense, or -1.
    """

    name: str
    level: str
    sign: float
    own: IntArray
    constant: float
    cost: FloatArray
    hessian: sp.csr_array
    matrix: sp.csr_array
    kind: IntArray
    rhs: FloatArray
    products: tuple[Product, ...]
    lower: FloatArray
    upper: FloatArray
    integer: np.ndarray
    row_names: tuple[str, ...]
    dual: IntArray

    def value(self, w: FloatArray) -> float:
        """Return the objective at ``w``, as a minimisation."""
        return self.constant + float(self.cost @ w) + 0.5 * float(w @ (self.hessian @ w))

    def gradient(self, w: FloatArray) -> FloatArray:
        """Return the derivative of :meth:`value` by every column."""
        return np.asarray(self.cost + self.hessian @ w)

    def activity(self, w: FloatArray) -> FloatArray:
        """Return the left-hand side of every row."""
        left = np.asarray(self.matrix @ w, dtype=np.float64)
        for product in self.products:
            left[product.row] += product.coefficient * w[product.i] * w[product.j]
        return left

    def jacobian(self, w: FloatArray) -> sp.csr_array:
        """Return the rows' derivative by every column at ``w``."""
        if not self.products:
            return self.matrix
        rows = [p.row for p in self.products] * 2
        columns = [p.i for p in self.products] + [p.j for p in self.products]
        values = [p.coefficient * w[p.j] for p in self.products] + [p.coefficient * w[p.i] for p in self.products]
        return sp.csr_array(self.matrix + sp.coo_array((values, (rows, columns)), shape=self.matrix.shape))

    @property
    def own_hessian(self) -> FloatArray:
        """Second derivatives by the own variables, dense."""
        return np.asarray(self.hessian[self.own, :][:, self.own].toarray(), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class CompiledGame:
    """All agents, and the names of the columns: ``variables`` first, then ``duals``; ``units`` lead to the user's."""

    game: Statement
    agents: tuple[Agent, ...]
    names: tuple[str, ...]
    variables: int
    units: Units = NO_UNITS

    @property
    def leaders(self) -> tuple[Agent, ...]:
        """The agents that move first."""
        return tuple(agent for agent in self.agents if agent.level == "leader")

    @property
    def followers(self) -> tuple[Agent, ...]:
        """The agents that respond."""
        return tuple(agent for agent in self.agents if agent.level == "follower")

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.names)

    def told(self, agent: Agent, value: float) -> float:
        """Return a value of an agent's (minimised) objective as its owner knows it: own sense and unit."""
        return self.units.value(agent.name, agent.sign * value)

    def told_columns(self, columns: IntArray, values: FloatArray) -> str:
        """Return the values of some columns in the user's units, as text."""
        own = [self.units.column(self.names[c], float(v)) for c, v in zip(columns, values, strict=True)]
        return "(" + ", ".join(f"{v:.6g}" for v in own) + ")"

    def sees_followers(self, follower: Agent) -> bool:
        """Whether the variable of another follower, or a dual, enters a follower's problem."""
        taken = {int(c) for agent in self.followers for c in agent.own}
        others = list((taken | set(range(self.variables, self.size))) - set(follower.own.tolist()))
        crossed = any({p.i, p.j} & set(others) for p in follower.products)
        return bool(crossed or follower.hessian[follower.own, :][:, others].nnz or follower.matrix[:, others].nnz)

    def used_duals(self, agent: Agent) -> bool:
        """Whether the agent's objective or rows contain a dual."""
        tail = slice(self.variables, None)
        if self.size == self.variables:
            return False
        linear = np.any(agent.cost[tail]) or agent.matrix[:, self.variables :].nnz
        quadratic = agent.hessian[:, self.variables :].nnz
        return bool(linear or quadratic or any(max(p.i, p.j) >= self.variables for p in agent.products))


def compile_game(game: Statement, units: Units = NO_UNITS) -> CompiledGame:
    """Check a game and turn it into arrays; ``units`` are those that the statement was scaled by.

    Raises
    ------
    InputError
        When a player names a variable that nobody owns, a follower uses its own dual, has integer variables, a
        quadratic row, an objective that is not convex in its own variables, or is unbounded whatever the leaders do.
    """
    if not game.players:
        raise game.error("players", [], "at least one player")
    names = [v.name for player in game.players.values() for v in player.variables.values()]
    duals = [row.dual_name for player in game.players.values() for row in player.rows.values() if row.dual_name]
    index = {name: k for k, name in enumerate([*names, *duals])}
    agents = []
    for player in game.players.values():
        _check_names(game, player, index)
        agents.append(_agent(player, index))
    compiled = CompiledGame(game, tuple(agents), (*names, *duals), len(names), units)
    for agent in compiled.followers:
        _check_follower(compiled, agent)
    return compiled


def _check_names(game: Statement, player: Player, index: dict[str, int]) -> None:
    own_duals = {row.dual_name for row in player.rows.values()}
    places = [("objective", player.objective)]
    places += [(f"constraint {row.name}", row.relation.body) for row in player.rows.values()]
    for where, expression in places:
        for name in sorted(expression.names):
            if name not in index:
                raise game.error(f"player {player.name}: {where}", name, "a variable or a dual of this game")
            if name in own_duals:
                raise game.error(f"player {player.name}: {where}", name, "no dual of the player's own rows")
    if not player.variables and player.level == "follower":
        raise game.error(f"player {player.name}: variables", {}, "at least one variable")


def _quadratic(expression: Expression, index: dict[str, int], sign: float) -> tuple[float, FloatArray, sp.csr_array]:
    size = len(index)
    constant, cost = 0.0, np.zeros(size)
    rows, columns, values = [], [], []
    for key, raw in expression.terms.items():
        value = sign * raw
        if not key:
            constant = value
        elif len(key) == 1:
            (name,) = key
            cost[index[name]] = value
        else:
            i, j = (index[name] for name in key)
            rows += [i, j]
            columns += [j, i]
            values += [value, value]
    hessian = sp.csr_array(sp.coo_array((values, (rows, columns)), shape=(size, size), dtype=np.float64))
    return constant, cost, hessian


def _agent(player: Player, index: dict[str, int]) -> Agent:
    sign = 1.0 if player.sense == "min" else -1.0
    constant, cost, hessian = _quadratic(player.objective, index, sign)
    variables, rows = list(player.variables.values()), list(player.rows.values())
    matrix, products = _rows(rows, index)
    return Agent(
        name=player.name,
        level=player.level,
        sign=sign,
        own=np.array([index[v.name] for v in variables], dtype=np.int64),
        constant=constant,
        cost=cost,
        hessian=hessian,
        matrix=matrix,
        kind=np.array([_KIND[row.relation.sense] for row in rows], dtype=np.int64),
        rhs=np.array([row.relation.rhs for row in rows], dtype=np.float64),
        products=products,
        lower=np.array([v.lower for v in variables]),
        upper=np.array([v.upper for v in variables]),
        integer=np.array([v.integer for v in variables], dtype=bool),
        row_names=tuple(row.name for row in rows),
        dual=np.array([index[row.dual_name] if row.dual_name else -1 for row in rows], dtype=np.int64),
    )


def _rows(rows: list[Row], index: dict[str, int]) -> tuple[sp.csr_array, tuple[Product, ...]]:
    at, columns, values, products = [], [], [], []
    for k, row in enumerate(rows):
        for key, value in row.relation.body.terms.items():
            places = [index[name] for name in key]
            if len(places) == 2:
                i, j = places
                products.append(Product(k, i, j, value))
            else:
                at.append(k)
                columns += places
                values.append(value)
    matrix = sp.coo_array((values, (at, columns)), shape=(len(rows), len(index)), dtype=np.float64)
    return sp.csr_array(matrix), tuple(products)


def not_convex(agent: Agent) -> int | None:
    """Return the own variable (position in ``own``) in which the objective bends down most, or None if convex."""
    hessian = agent.own_hessian
    if not hessian.any():
        return None
    values, vectors = np.linalg.eigh(hessian)
    if values[0] >= -CURVED * np.max(np.abs(hessian)):
        return None
    return int(np.argmax(np.abs(vectors[:, 0])))


def _check_follower(compiled: CompiledGame, agent: Agent) -> None:
    """Refuse a follower that its optimality conditions do not describe."""
    game, where = compiled.game, f"player {agent.name}"
    if agent.integer.any():
        name = compiled.names[agent.own[int(np.argmax(agent.integer))]]
        expected = "a continuous variable: a follower with integers has no optimality conditions"
        raise game.error(f"{where}: variable {name}", "integer", expected)
    own = set(agent.own.tolist())
    for p in agent.products:
        if p.i in own and p.j in own:
            term = f"{compiled.names[p.i]}*{compiled.names[p.j]}"
            expected = "rows that are linear in the follower's own variables"
            raise game.error(f"{where}: constraint {agent.row_names[p.row]}", term, expected)
    bent = not_convex(agent)
    if bent is not None:
        name = compiled.names[agent.own[bent]]
        raise game.error(
            f"{where}: variable {name}", "a non-convex objective", "a follower convex in its own variables"
        )
    column = _escaping_column(agent)
    if column is not None:
        name = compiled.names[agent.own[column]]
        expected = "a follower whose objective is bounded for some decision of the leaders"
        raise game.error(f"{where}: variable {name}", "unbounded", expected)


def _escaping_column(agent: Agent) -> int | None:
    """Return the own variable along which the follower improves for ever whatever the others do, or None.

    A direction ``d`` of recession with ``c'd < 0`` does so if the cost of no column in it depends on others.
    """
    own = agent.own
    foreign = np.setdiff1d(np.arange(agent.cost.size), own)
    moved_by_others = np.asarray(abs(agent.hessian[own, :][:, foreign]).sum(axis=1)).ravel() > 0
    touched = {c for p in agent.products for c in (p.i, p.j)}
    still = moved_by_others | np.isin(own, list(touched))
    hessian = agent.hessian[own, :][:, own]
    lower = np.where(still, 0.0, np.where(np.isfinite(agent.lower), 0.0, -1.0))
    upper = np.where(still, 0.0, np.where(np.isfinite(agent.upper), 0.0, 1.0))
    matrix = sp.csr_array(sp.vstack([agent.matrix[:, own], hessian], format="csr"))
    zeros = np.zeros(own.size)
    cone = Instance(
        matrix,
        agent.cost[own],
        np.concatenate([np.where(agent.kind >= 0, 0.0, -INF), zeros]),
        np.concatenate([np.where(agent.kind <= 0, 0.0, INF), zeros]),
        lower,
        upper,
    )
    answer = open_handle(cone).solve()
    scale = 1.0 + float(np.max(np.abs(agent.cost[own]), initial=0.0))
    if answer.status is Status.OPTIMAL and float(cone.cost @ answer.x) < -FALLING * scale:
        return int(np.argmax(np.abs(answer.x) * np.abs(agent.cost[own]) + _TIE_BREAK * np.abs(answer.x)))
    return None
