"""Look for false verdicts: ``python -m benchmarks.fuzz [--games N] [--programs N] [--seed S] [--out DIR] [--write]``.

*Games*: a random game is solved as it is, again with every row, column and objective multiplied by ``10**u``, ``u`` in
[-6, 6], and by Gurobi. The leader's best value is a number that all have to agree on, once it is certified.

*Programs*: a random mixed-integer program is solved by every setting of HiGHS, by Gurobi, and by ``solve_mixed``, which
has the last word confirmed. A verdict is false if a point that holds to 1e-9 refutes it.

What disagrees is written into DIR: games as JSON, programs as MPS, each with a text that says who said what, so that it
can be reported to whom it concerns. ``--write`` puts the two figures into ``benchmarks/results.json``: ``ratio`` is the
number of false verdicts.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp

from benchmarks.harness import Result, report
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError, SolverError
from equilibrium.games import Equilibrium, Options, game_from_dict, game_to_dict, solve_game, write_game
from equilibrium.programs.program import FEASIBILITY, GAP, INF, Instance
from equilibrium.programs.solvers import MixedSolution, Status, open_handle, solve_mixed
from equilibrium.programs.solvers.gurobi import solve_mixed_gurobi
from equilibrium.programs.solvers.highs import new_solver, solve_mixed_highs

Table = dict[str, Any]

DECADES = 6.0
"""Largest power of ten by which a row, a column or an objective is multiplied."""

SAME = 1e-6
"""Certified values that differ by more, relative to ``1 + |value|``, contradict each other."""

SECONDS = 20.0
"""For one game or program, as a last guard."""

NODES = 1_000
"""Branch-and-bound nodes for one game: the same verdicts on every machine."""

PROOFS = ("exact", "epsilon-nash", "infeasible", "unbounded", "no-pure-equilibrium")
"""Verdicts that claim something of the game."""


def random_game(rng: np.random.Generator) -> Table:
    """Return a game of one leader and one or two followers with small whole numbers."""
    x = {f"x{k}": _bounds(rng) for k in range(int(rng.integers(1, 3)))}
    players: list[Table] = [{"name": "L", "level": "leader", "sense": _sense(rng), "variables": x}]
    everything, price = list(x), ""
    curved = rng.random() < 0.25
    for number in range(1 if rng.random() < 0.8 else 2):
        y = {f"y{number}{k}": _bounds(rng) for k in range(int(rng.integers(1, 3)))}
        sense = _sense(rng)
        objective = _terms(rng, list(y))
        if curved:
            bend = 1.0 if sense == "min" else -1.0
            objective |= {f"{v}*{v}": bend * float(rng.integers(1, 4)) for v in y}
            objective[f"{next(iter(x))}*{next(iter(y))}"] = float(rng.integers(-3, 4))
        rows = [
            {"name": f"r{k}", "terms": _terms(rng, [*x, *y]), "sense": _row_sense(rng), "rhs": _whole(rng, 10)}
            for k in range(int(rng.integers(1, 4)))
        ]
        if rng.random() < 0.2 and not price and not curved:
            price = rows[0]["dual"] = "lam"
        players.append({"name": f"F{number}", "level": "follower", "sense": sense, "variables": y})
        players[-1] |= {"objective": objective, "constraints": rows}
        everything += list(y)
    goal = _terms(rng, everything)
    if price:
        goal[f"{price}*x0"] = float(rng.integers(-2, 3))
    own = [{"name": "g", "terms": _terms(rng, everything), "sense": _row_sense(rng), "rhs": _whole(rng, 8)}]
    players[0] |= {"objective": goal, "constraints": own if rng.random() < 0.4 else []}
    return {"name": "fuzz", "players": players}


def _bounds(rng: np.random.Generator) -> list[float | None]:
    return [0.0 if rng.random() < 0.8 else -5.0, None if rng.random() < 0.25 else float(rng.integers(1, 12))]


def _sense(rng: np.random.Generator) -> str:
    return str(rng.choice(["min", "max"]))


def _row_sense(rng: np.random.Generator) -> str:
    return str(rng.choice(["<=", ">=", "="], p=[0.5, 0.45, 0.05]))


def _whole(rng: np.random.Generator, most: int) -> float:
    return float(rng.integers(-most, most + 1))


def _terms(rng: np.random.Generator, names: list[str]) -> dict[str, float]:
    terms = {name: float(rng.integers(-4, 5)) for name in names if rng.random() < 0.8}
    return {name: value for name, value in terms.items() if value} or {names[0]: 1.0}


def scaled(table: Table, rng: np.random.Generator) -> tuple[Table, float]:
    """Return the game with every row, column and objective multiplied, and the factor of the leader's objective."""
    other = copy.deepcopy(table)

    def factor() -> float:
        return float(10.0 ** rng.uniform(-DECADES, DECADES))

    unit = {v: factor() for p in table["players"] for v in p["variables"]}
    money = {p["name"]: factor() for p in table["players"]}
    rows = {(p["name"], r["name"]): factor() for p in table["players"] for r in p["constraints"]}
    for p in table["players"]:
        for r in p["constraints"]:
            if "dual" in r:  # a multiplier is money per unit of the row: old = unit * new
                unit[r["dual"]] = rows[p["name"], r["name"]] / money[p["name"]]

    def turned(terms: dict[str, float], by: float) -> dict[str, float]:
        return {key: v * by * float(np.prod([unit[part] for part in key.split("*")])) for key, v in terms.items()}

    for p in other["players"]:
        p["variables"] = {v: [None if b is None else b / unit[v] for b in bs] for v, bs in p["variables"].items()}
        p["objective"] = turned(p["objective"], money[p["name"]])
        for r in p["constraints"]:
            by = rows[p["name"], r["name"]]
            r["terms"], r["rhs"] = turned(r["terms"], by), r["rhs"] * by
    return other, money["L"]


@dataclass(frozen=True)
class Said:
    """What one way says of a game: verdict, and the leader's value in the unit of the game as it is."""

    way: str
    verdict: str
    value: float


def _solved(way: str, table: Table, money: float, options: Options) -> Said:
    try:
        answer: Equilibrium = solve_game(game_from_dict(table), options)
    except InputError as error:
        return Said(way, f"refused: {error}", np.nan)
    except SolverError as error:
        return Said(way, f"gave up: {error}", np.nan)
    return Said(way, str(answer.verdict), answer.players["L"].objective / money)


def contradict(one: Said, other: Said) -> bool:
    """Whether two claims cannot both be true."""
    if one.verdict not in PROOFS or other.verdict not in PROOFS:
        return False
    kinds = [said.verdict if said.verdict in PROOFS[2:] else "certified" for said in (one, other)]
    if kinds[0] != kinds[1]:
        return True
    return kinds[0] == "certified" and abs(one.value - other.value) > SAME * (1.0 + abs(one.value))


def fuzz_games(count: int, seed: int, out: Path) -> Result:
    """Solve random games in three ways; write those on which two certified answers differ."""
    verdicts: Counter[str] = Counter()
    false, start = 0, time.perf_counter()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        table = game_to_dict(game_from_dict(random_game(rng)))
        other, money = scaled(table, rng)
        said = [
            _solved("as it is", table, 1.0, Options(time_limit_s=SECONDS, node_limit=NODES)),
            _solved("scaled", other, money, Options(time_limit_s=SECONDS, node_limit=NODES)),
            _solved("Gurobi", table, 1.0, Options(solver="gurobi", time_limit_s=SECONDS, node_limit=NODES)),
        ]
        verdicts[said[1].verdict.split(":")[0]] += 1
        if any(contradict(a, b) for k, a in enumerate(said) for b in said[:k]):
            false += 1
            write_game(game_from_dict(table), out / f"game-{seed}-{number}.json")
            write_game(game_from_dict(other), out / f"game-{seed}-{number}-scaled.json")
            _tell(out / f"game-{seed}-{number}.txt", [f"{s.way}: {s.verdict} {s.value!r}" for s in said])
    taken = time.perf_counter() - start
    told = ", ".join(f"{verdict} {n}" for verdict, n in verdicts.most_common())
    note = (
        f"{count} random games, rows, columns and objectives by 10^±6, against the game as it is and against Gurobi; "
    )
    note += f"scaled verdicts: {told}; ratio is the number of contradictions, ours the seconds of all"
    return Result("scaled_games_false_verdicts", taken, taken, float(false), note)


def random_program(rng: np.random.Generator) -> tuple[Instance, np.ndarray]:
    """Return a program: pairs with a big M of 10 to 10^6, or whole numbers in ordinary rows."""
    return _pairs(rng) if rng.random() < 0.6 else _ordinary(rng)


def _pairs(rng: np.random.Generator) -> tuple[Instance, np.ndarray]:
    n, rows = int(rng.integers(2, 7)), int(rng.integers(1, 5))
    big = float(10.0 ** rng.uniform(1.0, 6.0))
    matrix = np.zeros((rows + 2 * n, 3 * n))  # a, b and u of every pair: a <= M u, b <= M (1 - u)
    matrix[:rows, : 2 * n] = rng.integers(-4, 5, (rows, 2 * n)) * (rng.random((rows, 2 * n)) < 0.6)
    at = np.arange(n)
    matrix[rows + at, at], matrix[rows + at, 2 * n + at] = 1.0, -big
    matrix[rows + n + at, n + at], matrix[rows + n + at, 2 * n + at] = 1.0, big
    side = rng.integers(-6, 7, rows).astype(float)
    equal = rng.random(rows) < 0.5
    lower = np.concatenate([side, np.full(2 * n, -INF)])
    upper = np.concatenate([np.where(equal, side, INF), np.zeros(n), np.full(n, big)])
    cost = np.concatenate([rng.integers(-3, 6, 2 * n), np.zeros(n)]).astype(float)
    high = np.concatenate([np.where(rng.random(2 * n) < 0.5, 10.0, big), np.ones(n)])
    integer = np.concatenate([np.zeros(2 * n, dtype=bool), np.ones(n, dtype=bool)])
    return Instance(sp.csr_array(matrix), cost, lower, upper, np.zeros(3 * n), high), integer


def _ordinary(rng: np.random.Generator) -> tuple[Instance, np.ndarray]:
    n, rows = int(rng.integers(3, 13)), int(rng.integers(2, 9))
    matrix = rng.integers(-9, 10, (rows, n)) * (rng.random((rows, n)) < 0.5) * 10.0 ** rng.integers(-2, 3, (rows, 1))
    inside = rng.integers(0, 5, n)
    slack = rng.integers(-2, 8, rows) * 10.0 ** rng.integers(-2, 2, rows)
    upper: FloatArray = np.asarray(matrix @ inside + slack, dtype=np.float64)
    lower = np.where(rng.random(rows) < 0.25, upper, -INF)
    integer = rng.random(n) < 0.6
    integer[0] = True
    cost = rng.integers(-9, 10, n).astype(float)
    return Instance(sp.csr_array(matrix), cost, lower, upper, np.zeros(n), np.full(n, 8.0)), integer


def every_opinion(instance: Instance, integer: np.ndarray) -> dict[str, MixedSolution | str]:
    """Return what each solver and setting says; a text where it gave up."""
    asked: dict[str, Callable[[], MixedSolution]] = {
        "ours, confirmed": lambda: solve_mixed(instance, integer, time_limit_s=SECONDS),
        "HiGHS, presolve off, 1e-9": lambda: solve_mixed_highs(instance, integer, GAP, SECONDS),
        "HiGHS, presolve on, 1e-9": lambda: solve_mixed_highs(instance, integer, GAP, SECONDS, INF, True),
        "HiGHS, presolve off, 1e-7": lambda: solve_mixed_highs(instance, integer, GAP, SECONDS, INF, False, 1e-7),
        "Gurobi": lambda: solve_mixed_gurobi(instance, integer, GAP, SECONDS),
    }
    found: dict[str, MixedSolution | str] = {}
    for name, ask in asked.items():
        try:
            found[name] = ask()
        except SolverError as error:
            found[name] = str(error)
    return found


def held_value(instance: Instance, integer: np.ndarray, x: np.ndarray) -> float:
    """Return the least cost with the integers of ``x`` fixed at whole numbers; infinite where nothing holds."""
    at = np.flatnonzero(integer)
    whole = np.round(x[at])
    answer = open_handle(instance.with_columns(at, whole, whole)).solve()
    if answer.status is not Status.OPTIMAL:
        return INF
    activity = instance.matrix @ answer.x
    size = FEASIBILITY * (1.0 + abs(instance.matrix) @ np.abs(answer.x))
    off = np.maximum(instance.row_lower - activity, activity - instance.row_upper) > size
    return INF if off.any() else float(instance.cost @ answer.x)


def false_verdicts(instance: Instance, integer: np.ndarray, said: dict[str, MixedSolution | str]) -> dict[str, str]:
    """Return who is refuted by a point that holds, and how."""
    answers = {name: answer for name, answer in said.items() if isinstance(answer, MixedSolution)}
    held = {name: held_value(instance, integer, a.x) if a.x.size else INF for name, a in answers.items()}
    best = min(held.values(), default=INF)
    wrong = {}
    for name, answer in answers.items():
        if answer.status is Status.INFEASIBLE and np.isfinite(best):
            wrong[name] = f"infeasible, but {best!r} is attained"
        elif answer.status is Status.OPTIMAL:
            room = SAME * (1.0 + abs(answer.objective))
            if answer.objective > best + room:
                wrong[name] = f"optimal at {answer.objective!r}, but {best!r} is attained"
            elif held[name] > answer.objective + room:
                wrong[name] = f"optimal at {answer.objective!r}, which its integers do not attain ({held[name]!r})"
    return wrong


def fuzz_programs(count: int, seed: int, out: Path) -> Result:
    """Solve random programs by every setting; write those on which somebody is wrong."""
    wrong: Counter[str] = Counter()
    start = time.perf_counter()
    for number in range(count):
        rng = np.random.default_rng([seed, number, 1])
        instance, integer = random_program(rng)
        said = every_opinion(instance, integer)
        refuted = false_verdicts(instance, integer, said)
        gave_up = {name: text for name, text in said.items() if isinstance(text, str)}
        wrong.update(refuted.keys())
        wrong.update(f"{name} (no answer)" for name in gave_up)
        if refuted or gave_up:
            write_program(instance, integer, out / f"program-{seed}-{number}.mps")
            lines = [f"{name}: {text}" for name, text in (refuted | gave_up).items()]
            _tell(out / f"program-{seed}-{number}.txt", lines)
    taken = time.perf_counter() - start
    told = ", ".join(f"{name}: {n}" for name, n in wrong.most_common()) or "nobody is refuted"
    note = f"{count} random mixed-integer programs, half of them with a big M; {told}; ratio is the number of false "
    note += "verdicts of the confirmed answer, ours the seconds of all"
    return Result("milp_fuzz_false_verdicts", taken, taken, float(wrong["ours, confirmed"]), note)


def write_program(instance: Instance, integer: np.ndarray, path: Path) -> None:
    """Write a program as MPS."""
    solver = new_solver()
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = instance.shape
    model.col_cost_, model.col_lower_, model.col_upper_ = instance.cost, instance.col_lower, instance.col_upper
    model.row_lower_, model.row_upper_ = instance.row_lower, instance.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_ = instance.matrix.indptr, instance.matrix.indices
    model.a_matrix_.value_ = instance.matrix.data
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    model.integrality_ = [kinds[int(flag)] for flag in integer]
    solver.passModel(model)
    solver.writeModel(str(path))


def _tell(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit code is 1 when a verdict of ours is false."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description="Look for false verdicts.")
    parser.add_argument("--games", type=int, default=200, help="number of random games (default: 200)")
    parser.add_argument("--programs", type=int, default=200, help="number of random programs (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs") / "fuzz", help="folder for what disagrees")
    parser.add_argument("--write", action="store_true", help="write the figures into benchmarks/results.json")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    results = []
    if given.games:
        results.append(fuzz_games(given.games, given.seed, given.out))
    if given.programs:
        results.append(fuzz_programs(given.programs, given.seed, given.out))
    for result in results:
        sys.stdout.write(f"{result.name}: {result.ratio:g} ({result.note})\n")
    if given.write:
        report(results, Path(__file__).parent / "results.json")
    return int(any(result.ratio > 0 for result in results))


if __name__ == "__main__":
    sys.exit(main())
