"""From the tables of a run and the answer of a game to the few numbers that are frozen, and back to a comparison."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from scenarios.loading import load_scenario
from tests.frozen.work import measured

FOLDER = Path(__file__).parent
INSTANCES = FOLDER.parent / "instances"
GAMES = "games"
"""Name of the file of all games; the other files are named by their scenario."""

LEFT_OUT = {
    "seconds": "wall time",
    "solver_seconds": "wall time",
    "certificate_seconds": "wall time",
    "second_seconds": "wall time",
    "solver": "names the solver's version",
}
"""Columns of any table that are not frozen, and why."""

_LOWEST_VOLTAGE = ("voltage_min_pu", "voltage_min_bus", "voltage_min_hour")

BY_RULE: dict[str, dict[str, tuple[str, ...]]] = {
    # Reactive power costs nothing. At a kink of the cost, any price between its two slopes is a dual.
    "epec-lots-*": {"days": _LOWEST_VOLTAGE, "dispatch": ("q_kvar",), "prices": ("voltage_pu",)},
    "epec-lots-33-*": {"days": ("dlmp_mean_per_mwh",), "prices": ("dlmp_per_mwh", "congestion_per_mwh")},
    "week-*": {"days": _LOWEST_VOLTAGE, "dispatch": ("q_kvar",), "prices": ("voltage_pu",)},
    # Among hours with the same price a lot may choose.
    "nodal-*": {
        "days": _LOWEST_VOLTAGE,
        "dispatch": ("p_kw", "q_kvar"),
        "lot_days": ("shifted_kwh",),
        "lots": ("power_kw", "soe_kwh"),
        "prices": ("voltage_pu",),
    },
    "town-*": {
        "days": _LOWEST_VOLTAGE,
        "dispatch": ("p_kw", "q_kvar"),
        "lot_days": ("shifted_kwh",),
        "lots": ("power_kw", "soe_kwh"),
        "prices": ("voltage_pu",),
    },
    # The profit of the day is one number; schedules of equal profit are several, and so are prices of no trade.
    "aggregator-37": {
        "dispatch": ("p_kw",),
        "lots": ("g2v_kwh", "v2g_kwh"),
        "prices": ("price_per_mwh",),
    },
    "aggregators-37": {"*": ("*",)},
    # Best responses may end at another equilibrium.
    "nodal-33": {
        "days": (
            *("network_cost", "fuel_cost", "import_kwh", "lot_profit", "welfare_loss", "price_of_anarchy"),
            *("markdown", "lot_payment"),
        ),
        "lot_days": (*("payment", "profit", "maximum", "markdown_per_mwh", "value_optimistic", "value_pessimistic"),),
    },
}
"""Columns that a tie-break makes the same for every solver to 1e-6, by pattern of the scenario's name and by table.
``*`` is every table or column.

They are frozen under a key of their own, and compared to all their digits only where the packages in :data:`NUMERIC`
have the versions they were frozen with. ``python -m tests.frozen --differences`` shows how far solvers' ways differ.
"""

NUMERIC = ("highspy", "numpy", "scipy")
"""Packages on whose version the last digits of such columns may depend."""

DIGITS, DECIMALS = 10, 9
"""What is kept of a number: significant digits, and decimals, so that rounding noise near zero is frozen as zero."""

TOLERANCE = 1e-8
"""How far a unique number may move, as a share of its size or of 1, whichever is larger.

The solvers stop at residuals of 1e-9, so another way to the same vertex moves a number by about as much; this is ten
times that. Numbers that no solver touches are equal to the last digit.
"""

GAME_DIGITS = 6
GAME_TOLERANCE = 1e-5
"""How far a number of a game may move; as :data:`TOLERANCE`. Quadratic games are solved to about 1e-6."""

GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0

Fingerprint = dict[str, Any]


def command(*arguments: object) -> tuple[int, str]:
    """Run the command line in this process; return its exit code and what it printed."""
    from sim.cli import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = main([str(argument) for argument in arguments])
    return code, printed.getvalue()


def scenario_names() -> list[str]:
    """Return the names of the bundled scenarios, as the command line lists them."""
    return [line.split()[0] for line in command("scenarios")[1].splitlines()]


def game_names() -> list[str]:
    """Return the names of all games."""
    return sorted(path.stem for path in INSTANCES.glob("*.json"))


# Tables


FROZEN_AS: dict[str, dict[str, Any]] = {
    "aggregator-37": {"market": {"network": False, "gap": 0.0}, "scenarios": {"draws": 10, "kept": 1}},
    "aggregators-37": {"scenarios": {"draws": 10, "kept": 1}},
}
"""Keys that are set before a scenario is frozen: with them its days have one optimum, not one within a gap."""


def as_frozen(name: str, folder: Path) -> str | Path:
    """Return the scenario that is run: itself, or where its lots would learn prices or keys are set a file."""
    if name in FROZEN_AS:
        path = folder.parent / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"extends": name, **FROZEN_AS[name]}), encoding="utf-8")
        return path
    lots = load_scenario(name).resolved().get("lots", [])
    if not any(fnmatch(name, pattern) for pattern in ("week-*", "nodal-*", "town-*")):
        return name
    for lot in lots:
        lot["learning"] = {"rule": "none"}
    path = folder.parent / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"extends": name, "lots": lots}), encoding="utf-8")
    return path


def run_tables(name: str, folder: Path, solver: str = "auto") -> dict[str, pa.Table]:
    """Simulate two days of a scenario as it is frozen, and return its tables by name."""
    code, printed = command(
        "run",
        as_frozen(name, folder),
        "--days",
        2,
        "--seed",
        1,
        "--out",
        folder,
        "--force",
        "--no-figures",
        "--solver",
        solver,
    )
    if code != 0:
        raise RuntimeError(f"equilot run {name} ended with {code}:\n{printed}")
    return {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}


def frozen_columns(tables: dict[str, pa.Table]) -> Iterator[tuple[str, str, pa.ChunkedArray]]:
    """Every column that is frozen, with the names of its table and its own."""
    for table, content in tables.items():
        yield from ((table, name, content[name]) for name in content.column_names if name not in LEFT_OUT)


def is_unique(scenario: str, table: str, column: str) -> bool:
    """Whether a column does not depend on the solver's way."""
    lists = (tables for pattern, tables in BY_RULE.items() if fnmatch(scenario, pattern))
    return not any({column, "*"} & {*tables.get(table, ()), *tables.get("*", ())} for tables in lists)


def fingerprint(column: pa.ChunkedArray) -> Fingerprint:
    """Return what is frozen of one column.

    ``count`` is the number of entries that are not empty. A column of numbers has its sum, its sum with weights between
    -1 and 1 that tell the rows apart (``wave``), its sum of absolute values (``size``), its ends, and the number of
    infinite entries where there are any, which stay out of the rest. Any other column has a hash of its text.
    """
    count = len(column) - column.null_count
    if count == 0:
        return {"count": 0}
    if not pa.types.is_floating(column.type) and not pa.types.is_integer(column.type):
        text = "\n".join("" if value is None else str(value) for value in column.to_pylist())
        return {"count": count, "hash": hashlib.sha256(text.encode()).hexdigest()[:16]}
    values = np.array([math.nan if value is None else value for value in column.to_pylist()], dtype=float)
    weights = np.cos(2.0 * math.pi * GOLDEN * np.arange(1, values.size + 1))
    known, infinite = np.isfinite(values), int(np.isinf(values).sum())
    values, weights = values[known], weights[known]
    result: Fingerprint = {"count": count} | ({"infinite": infinite} if infinite else {})
    if values.size:
        numbers = {
            "sum": math.fsum(values),
            "wave": math.fsum(weights * values),
            "size": math.fsum(abs(values)),
            "min": float(values.min()),
            "max": float(values.max()),
        }
        result |= {key: rounded(number) for key, number in numbers.items()}
    return result


def rounded(value: float, digits: int = DIGITS) -> float:
    """Keep the leading digits of a number, and none beyond the decimals; never a negative zero."""
    return round(float(f"{value:.{digits}g}"), DECIMALS) + 0.0


def moved(old: Fingerprint, new: Fingerprint) -> list[str]:
    """Return the keys in which two fingerprints of a column differ by more than rounding.

    Sums may move by the tolerance times the sum of all sizes, each counted as 1 at least; the ends by the tolerance
    times the size of the larger one.
    """
    keys = list(dict.fromkeys([*old, *new]))
    slack = dict.fromkeys(keys, 0.0)
    if "sum" in old:
        whole, end = max(old["count"], old["size"]), max(1.0, abs(old["min"]), abs(old["max"]))
        slack |= dict.fromkeys(("sum", "wave", "size"), TOLERANCE * whole)
        slack |= dict.fromkeys(("min", "max"), TOLERANCE * end)
    return [
        key
        for key in keys
        if old.get(key) != new.get(key)
        and (slack[key] == 0.0 or key not in old or key not in new or abs(old[key] - new[key]) > slack[key])
    ]


def freeze_scenario(name: str, folder: Path) -> dict[str, Any]:
    """Run a scenario and return the content of its file."""
    with measured() as work:
        tables = run_tables(name, folder)
    content: dict[str, Any] = {"versions": versions(), "rounding": rounding()}
    content |= {"work": work, "unique": {}, "by_rule": {}}
    for table, column, values in frozen_columns(tables):
        part = content["unique" if is_unique(name, table, column) else "by_rule"]
        part.setdefault(table, {})[column] = fingerprint(values)
    return content


def versions() -> dict[str, str]:
    """Return the versions of the packages in :data:`NUMERIC`."""
    return {package: version(package) for package in NUMERIC}


@cache
def rounding() -> str:
    """Return a digest of the last bits of some sums, products and functions: they differ between kinds of processors.

    Where they do, a search may break a tie the other way and look at other nodes.
    """
    rng = np.random.default_rng(0)
    square, wide = rng.normal(size=(40, 40)), rng.normal(size=(100, 40))
    parts = (wide @ square, np.linalg.inv(square), np.exp(wide), wide.sum(), wide.sum(axis=0), wide[0] @ wide[1])
    return hashlib.sha256(b"".join(np.asarray(part).tobytes() for part in parts)).hexdigest()[:16]


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Say in one line each which columns of a scenario are not what was frozen, with what moved in them."""
    same_versions = old["versions"] == new["versions"]
    lines = work_changes(old, new) if same_versions and old["rounding"] == new["rounding"] else []
    for part in ("unique", "by_rule")[: 2 if same_versions else 1]:
        before, after = (
            {(table, column): found for table, columns in content[part].items() for column, found in columns.items()}
            for content in (old, new)
        )
        for table, column in dict.fromkeys([*before, *after]):
            was, now = before.get((table, column)), after.get((table, column))
            if was is None or now is None:
                lines.append(f"{table}.{column} ({part}): {'not frozen' if was is None else 'frozen, and now missing'}")
            elif keys := moved(was, now):
                numbers = (f"{key} frozen {was.get(key)}, new {now.get(key)}" for key in keys)
                lines.append(f"{table}.{column} ({part}): {'; '.join(numbers)}")
    return lines


def work_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Say in one line each which work is not what was frozen: another search has to be meant."""
    before, after = old["work"], new["work"]
    return [f"work, {key}: frozen {before[key]}, new {after[key]}" for key in before if before[key] != after[key]]


# Games


def solve_game(name: str, solver: str = "auto") -> dict[str, Any]:
    """Solve a game and return its line: exit code, verdict, and the numbers.

    The numbers are objectives by player, variables, and for each named dual its value with the ends of its interval.
    Those that the game's file lists in its expected answer are unique; of the others nobody says so.
    """
    path = INSTANCES / f"{name}.json"
    expected = json.loads(path.read_text(encoding="utf-8"))["expected"]
    with measured() as work:
        code, printed = command("solve", path, "--json", "--solver", solver)
    answer = json.loads(printed)
    found = {
        "objective": {player: report["objective"] for player, report in answer["players"].items()},
        "variables": answer["variables"],
        "duals": answer["duals"],
    }
    line: dict[str, Any] = {"exit": code, "verdict": answer["verdict"], "work": work}
    line |= {"unique": {}, "not_known_unique": {}}
    for kind, numbers in found.items():
        for key, value in numbers.items():
            part = line["unique" if key in expected.get(kind, {}) else "not_known_unique"]
            part[f"{kind}.{key}"] = _few_digits(value)
    return line


def _few_digits(value: Any) -> Any:
    """Round a number or a list of them; what the answer leaves open stays so."""
    if isinstance(value, list):
        return [_few_digits(each) for each in value]
    return None if value is None else rounded(value, GAME_DIGITS)


def freeze_games() -> dict[str, Any]:
    """Solve all games and return the content of their file."""
    return {
        "versions": versions(),
        "rounding": rounding(),
        "answers": {name: solve_game(name) for name in game_names()},
    }


def game_changes(
    old: dict[str, Any], new: dict[str, Any], *, same_versions: bool, same_rounding: bool = True
) -> list[str]:
    """Say in one line each what of a game's answer is not what was frozen.

    Numbers of which nobody says that they are unique, and work, are compared only where the versions are the same; work
    also only where machines round alike.
    """
    lines = [f"{key}: frozen {old[key]}, new {new[key]}" for key in ("exit", "verdict") if old[key] != new[key]]
    lines += work_changes(old, new) if same_versions and same_rounding else []
    for part in ("unique", "not_known_unique")[: 2 if same_versions else 1]:
        before, after = old[part], new[part]
        lines += [
            f"{key} ({part}): frozen {before.get(key)}, new {after.get(key)}"
            for key in dict.fromkeys([*before, *after])
            if key not in before or key not in after or not _close(before[key], after[key])
        ]
    return lines


def _close(old: Any, new: Any) -> bool:
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_close, old, new))
    if old is None or new is None:
        return old is new
    return abs(old - new) <= GAME_TOLERANCE * max(1.0, abs(old))


# Files


def path_of(name: str) -> Path:
    """Return the frozen file of a scenario, or that of all games."""
    return FOLDER / f"{name}.json"


def read(name: str) -> dict[str, Any]:
    """Read a frozen file."""
    content: dict[str, Any] = json.loads(path_of(name).read_text(encoding="utf-8"))
    return content


def write(name: str, content: dict[str, Any], depth: int) -> None:
    """Write a frozen file; what stands ``depth`` levels deep takes one line."""
    path_of(name).write_text(_lines(content, depth) + "\n", encoding="utf-8")


def _lines(content: Any, depth: int, indent: str = "") -> str:
    if depth == 0 or not isinstance(content, dict) or not content:
        return json.dumps(content, allow_nan=False)
    inner = indent + " "
    entries = (f"{inner}{json.dumps(key)}: {_lines(value, depth - 1, inner)}" for key, value in content.items())
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
