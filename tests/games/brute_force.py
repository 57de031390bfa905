"""A small exhaustive solver for games in files, independent of the package: it only serves to check the instances.

Every follower is replaced by its optimality conditions (valid because followers are convex). The complementarity
patterns of all followers are enumerated as a tree whose nodes are linear programs; on each leaf the players are
reduced to a polyhedron, where a linear objective needs one linear program and a quadratic one (convex or not) is
minimised by listing all its faces. Nothing is assumed about the size of multipliers but `BOX`.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import null_space
from scipy.optimize import linprog

BOX = 1e4  # every unknown is kept within this bound, so that each polyhedron is a polytope
TOLERANCE = 1e-7

Polynomial = dict[tuple[str, ...], float]


def polynomial(terms: dict[str, float]) -> Polynomial:
    """Read ``{"x*y": 2, "x": 1, "1": 3}`` as a map from sorted names to coefficients."""
    result: Polynomial = {}
    for key, value in terms.items():
        names = () if key == "1" else tuple(sorted(key.split("*")))
        result[names] = result.get(names, 0.0) + float(value)
    return result


def substitute(terms: Polynomial, fixed: dict[str, float]) -> Polynomial:
    """Put numbers in place of the fixed names."""
    result: Polynomial = {}
    for names, value in terms.items():
        known = np.prod([fixed[name] for name in names if name in fixed])
        rest = tuple(name for name in names if name not in fixed)
        result[rest] = result.get(rest, 0.0) + value * float(known)
    return result


def derivative(terms: Polynomial, name: str) -> Polynomial:
    """Differentiate with respect to one variable."""
    result: Polynomial = {}
    for names, value in terms.items():
        if name in names:
            rest = list(names)
            rest.remove(name)
            result[tuple(rest)] = result.get(tuple(rest), 0.0) + value * names.count(name)
    return result


def evaluate(terms: Polynomial, values: dict[str, float]) -> float:
    """Return the value of a polynomial at a point."""
    return sum(value * float(np.prod([values[name] for name in names])) for names, value in terms.items())


def load(path: Path) -> dict[str, Any]:
    """Read one instance."""
    return json.loads(path.read_text(encoding="utf-8"))


def players(game: dict[str, Any], level: str) -> list[dict[str, Any]]:
    """Return the players of one level."""
    return [player for player in game["players"] if player["level"] == level]


@dataclass
class System:
    """The unknowns, rows and complementarity pairs that one leader faces when the rest is fixed."""

    index: dict[str, int]
    equal: list[tuple[np.ndarray, float]] = field(default_factory=list)  # a z = b
    least: list[tuple[np.ndarray, float]] = field(default_factory=list)  # a z >= b
    pairs: list[tuple[int, int]] = field(default_factory=list)  # two members of `least`, one of them tight
    named: dict[str, Polynomial] = field(default_factory=dict)  # the duals as expressions of the unknowns

    def row(self, terms: Polynomial) -> tuple[np.ndarray, float]:
        """Write an affine polynomial as coefficients and constant."""
        row, constant = np.zeros(len(self.index)), 0.0
        for names, value in terms.items():
            if len(names) > 1:
                raise ValueError(f"the product {'*'.join(names)} is not linear here")
            if names:
                row[self.index[names[0]]] += value
            else:
                constant += value
        return row, constant

    def require(self, terms: Polynomial, sense: str) -> int:
        """Add ``terms >= 0`` or ``terms = 0`` and return its place."""
        row, constant = self.row(terms)
        rows = self.equal if sense == "=" else self.least
        rows.append((row, -constant))
        return len(rows) - 1


def standard_rows(player: dict[str, Any], fixed: dict[str, float]) -> Iterator[tuple[str, Polynomial, str, str]]:
    """Yield rows and bounds as (name of the multiplier, terms, "=" or ">=", original sense)."""
    for place, row in enumerate(player["constraints"]):
        terms = polynomial(row["terms"])
        terms[()] = terms.get((), 0.0) - float(row["rhs"])
        if row["sense"] == "<=":
            terms = {names: -value for names, value in terms.items()}
        yield f"mu {player['name']} {place}", substitute(terms, fixed), row["sense"].replace("<", ">"), row["sense"]
    for name, (low, high) in player["variables"].items():
        if low is not None:
            yield f"mu {name} low", substitute({(name,): 1.0, (): -float(low)}, fixed), ">=", ">="
        if high is not None:
            yield f"mu {name} high", substitute({(name,): -1.0, (): float(high)}, fixed), ">=", "<="


def build(game: dict[str, Any], leader: dict[str, Any] | None, fixed: dict[str, float]) -> System:
    """State the followers' optimality conditions and the leader's own rows, with `fixed` variables of leaders."""
    followers = players(game, "follower")
    names = [name for player in game["players"] for name in player["variables"] if name not in fixed]
    multipliers = [row[0] for follower in followers for row in standard_rows(follower, fixed)]
    system = System({name: place for place, name in enumerate(names + multipliers)})
    if leader is not None:
        for _, terms, sense, _ in standard_rows(leader, fixed):
            system.require(terms, sense)
    for follower in followers:
        sign = 1.0 if follower["sense"] == "min" else -1.0
        objective = polynomial(follower["objective"])
        gradients = {name: derivative(objective, name) for name in follower["variables"]}
        gradients = {name: {key: sign * v for key, v in substitute(g, fixed).items()} for name, g in gradients.items()}
        duals = {f"mu {follower['name']} {p}": row.get("dual") for p, row in enumerate(follower["constraints"])}
        for multiplier, terms, sense, original in standard_rows(follower, fixed):
            slack = system.require(terms, sense)
            if sense != "=":
                system.pairs.append((slack, system.require({(multiplier,): 1.0}, ">=")))
            for name, gradient in gradients.items():
                for names_, value in derivative(terms, name).items():
                    key = (*names_, multiplier)
                    gradient[key] = gradient.get(key, 0.0) - value
            if duals.get(multiplier):
                # terms >= 0 was relaxed with -mu * terms, so the rate with respect to the right-hand side is +mu
                # where the row was kept (">=" and "=") and -mu where it was turned round
                rate = sign if original != "<=" else -sign
                system.named[duals[multiplier]] = {(multiplier,): rate}
        for gradient in gradients.values():
            system.require(gradient, "=")
    return system


def expand(terms: Polynomial, named: dict[str, Polynomial]) -> Polynomial:
    """Replace every dual's name by its expression."""
    result: Polynomial = {}
    for names, value in terms.items():
        factors = [named.get(name, {(name,): 1.0}) for name in names]
        for choice in itertools.product(*(factor.items() for factor in factors)):
            key = tuple(sorted(itertools.chain.from_iterable(part[0] for part in choice)))
            result[key] = result.get(key, 0.0) + value * float(np.prod([part[1] for part in choice]))
    return result


def quadratic(terms: Polynomial, system: System) -> tuple[np.ndarray, np.ndarray, float]:
    """Return H, g and c with ``terms = z'Hz/2 + g'z + c``."""
    size = len(system.index)
    hessian, gradient, constant = np.zeros((size, size)), np.zeros(size), 0.0
    for names, value in terms.items():
        if len(names) == 2:
            i, j = (system.index[name] for name in names)
            hessian[i, j] += value
            hessian[j, i] += value
        elif names:
            gradient[system.index[names[0]]] += value
        else:
            constant += value
    return hessian, gradient, constant


def linear_program(system: System, cost: np.ndarray, tight: frozenset[int]) -> np.ndarray | None:
    """Minimise `cost` where the rows in `tight` hold with equality; None where there is no point."""
    size = len(system.index)
    equal = [*system.equal, *(system.least[place] for place in sorted(tight))]
    rest = [row for place, row in enumerate(system.least) if place not in tight]
    answer = linprog(
        cost,
        A_ub=-np.array([a for a, _ in rest]).reshape(len(rest), size) if rest else None,
        b_ub=-np.array([b for _, b in rest]) if rest else None,
        A_eq=np.array([a for a, _ in equal]).reshape(len(equal), size) if equal else None,
        b_eq=np.array([b for _, b in equal]) if equal else None,
        bounds=(-BOX, BOX),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if answer.status not in (0, 2):
        raise RuntimeError(answer.message)
    return answer.x if answer.status == 0 else None


def faces(system: System, tight: frozenset[int], terms: tuple[np.ndarray, np.ndarray, float]) -> list[np.ndarray]:
    """List the stationary points of a quadratic on every face of one pattern's polytope."""
    size = len(system.index)
    equal = [*system.equal, *(system.least[place] for place in sorted(tight))]
    matrix = np.array([a for a, _ in equal]).reshape(len(equal), size)
    rhs = np.array([b for _, b in equal])
    origin = np.linalg.lstsq(matrix, rhs, rcond=None)[0] if len(equal) else np.zeros(size)
    if len(equal) and np.abs(matrix @ origin - rhs).max() > TOLERANCE:
        return []
    basis = null_space(matrix, rcond=1e-11) if len(equal) else np.eye(size)
    hessian, gradient, _ = terms
    h, g = basis.T @ hessian @ basis, basis.T @ (gradient + hessian @ origin)
    rows = [(a, b) for place, (a, b) in enumerate(system.least) if place not in tight]
    rows += [(sign * unit, -BOX) for unit in np.eye(size) for sign in (1.0, -1.0)]
    a = np.array([row for row, _ in rows]) @ basis
    b = np.array([value for _, value in rows]) - np.array([row for row, _ in rows]) @ origin
    keep = np.linalg.norm(a, axis=1) > 1e-9
    if (b[~keep] > TOLERANCE).any():
        return []
    a, b = a[keep], b[keep]
    norm = np.linalg.norm(a, axis=1, keepdims=True)
    packed = np.hstack([a / norm, b[:, None] / norm])
    packed = packed[np.unique(np.round(packed, 9), axis=0, return_index=True)[1]]
    a, b = packed[:, :-1], packed[:, -1]
    dimension, found = basis.shape[1], []
    if dimension > 4:
        raise ValueError(f"{dimension} free directions are too many for listing faces")
    if dimension > 2:  # too many subsets: keep only the rows that are tight somewhere on the polytope
        ends = [linprog(row, A_ub=-a, b_ub=-b, bounds=(None, None), method="highs") for row in a]
        if ends[0].status != 0:
            return []
        reached = np.array([end.fun for end in ends]) <= b + TOLERANCE * (1 + np.abs(b))
        a, b = a[reached], b[reached]
    for count in range(dimension + 1):
        combinations = list(itertools.combinations(range(len(b)), count))
        chosen = np.array(combinations, dtype=int).reshape(len(combinations), count)
        system_of = np.zeros((len(chosen), dimension + count, dimension + count))
        system_of[:, :dimension, :dimension] = h
        system_of[:, dimension:, :dimension] = a[chosen]
        system_of[:, :dimension, dimension:] = a[chosen].transpose(0, 2, 1)
        right = np.hstack([np.tile(-g, (len(chosen), 1)), b[chosen]])
        if dimension + count:
            regular = np.abs(np.linalg.det(system_of)) > 1e-9
            if not regular.any():
                continue
            points = np.linalg.solve(system_of[regular], right[regular][..., None])[:, :dimension, 0]
        else:
            points = np.zeros((1, 0))
        inside = (points @ a.T >= b - TOLERANCE / 10 * (1 + np.abs(b))).all(axis=1)
        found.extend(origin + basis @ point for point in points[inside])
    return found


@dataclass
class Answer:
    """All the best points that the enumeration met, as values of variables and named duals."""

    value: float
    points: list[dict[str, float]]


def minimise(system: System, terms: Polynomial) -> Answer | None:
    """Minimise an expression of the unknowns over all complementarity patterns; None without a feasible point."""
    hessian, gradient, constant = objective = quadratic(expand(terms, system.named), system)
    linear, convex = not hessian.any(), np.linalg.eigvalsh(hessian).min(initial=0.0) >= -1e-12
    best, found = np.inf, []
    slope, base = (gradient, constant) if linear else (np.zeros(len(gradient)), -np.inf)
    stack: list[frozenset[int]] = [frozenset()]
    while stack:
        tight = stack.pop()
        point = linear_program(system, slope, tight)
        if point is None or slope @ point + base > best + 1e-9 * (1 + abs(best)):
            continue
        slack = np.array([a @ point - b for a, b in system.least])
        open_pairs = [pair for pair in system.pairs if not tight & set(pair)]
        worst = max(open_pairs, key=lambda pair: min(slack[pair[0]], slack[pair[1]]), default=None)
        if linear and (worst is None or min(slack[worst[0]], slack[worst[1]]) <= TOLERANCE):
            candidates = [point]
        elif worst is None:
            candidates = faces(system, tight, objective)
        else:
            stack.extend(tight | {place} for place in worst)
            continue
        for candidate in candidates:
            value = candidate @ hessian @ candidate / 2 + gradient @ candidate + constant
            found.append((value, candidate))
            if value < best:
                best = value
                if convex and not linear:  # the tangent at the best point bounds a convex objective from below
                    slope = hessian @ candidate + gradient
                    base = value - slope @ candidate
    if not found:
        return None
    limit = best + 1e-7 * (1 + abs(best))
    return Answer(best, [labelled(system, point) for value, point in found if value <= limit])


def labelled(system: System, point: np.ndarray) -> dict[str, float]:
    """Name the entries of a point and add the named duals."""
    values = {name: float(point[place]) for name, place in system.index.items()}
    return values | {name: evaluate(terms, values) for name, terms in system.named.items()}


def best_response(
    game: dict[str, Any], leader: dict[str, Any], fixed: dict[str, float], worst_case: bool = False
) -> Answer | None:
    """Solve one leader's problem with `fixed` variables of leaders; the value is in the leader's own sense.

    With `worst_case` the followers choose, among their optima, what is worst for the leader; then all variables of
    the leader must be fixed.
    """
    sign = (1.0 if leader["sense"] == "min" else -1.0) * (-1.0 if worst_case else 1.0)
    objective = {names: sign * value for names, value in substitute(polynomial(leader["objective"]), fixed).items()}
    answer = minimise(build(game, leader, fixed), objective)
    if answer is None:
        return None
    return Answer(sign * answer.value, [fixed | point for point in answer.points])


def optimal_extent(game: dict[str, Any], leader: dict[str, Any], value: float, name: str) -> tuple[float, float]:
    """Return the smallest and largest value of one name over the leader's optima (linear objective only)."""
    system = build(game, leader, {})
    sign = 1.0 if leader["sense"] == "max" else -1.0
    terms = expand(polynomial(leader["objective"]), system.named)
    terms[()] = terms.get((), 0.0) - value + sign * 1e-8 * (1 + abs(value))
    system.require({names: sign * factor for names, factor in terms.items()}, ">=")
    return _extent(system, name)


def follower_extent(
    game: dict[str, Any], fixed: dict[str, float], pinned: dict[str, float], name: str
) -> tuple[float, float]:
    """Return the smallest and largest value of a follower's variable or dual, given the leaders and `pinned` ones."""
    system = build(game, None, fixed)
    for key, number in pinned.items():
        system.require({(key,): 1.0, (): -number}, "=")
    return _extent(system, name)


def _extent(system: System, name: str) -> tuple[float, float]:
    low, high = (minimise(system, {(name,): direction}) for direction in (1.0, -1.0))
    if low is None or high is None:
        raise LookupError(f"no point is left for {name}")
    return low.value, -high.value
