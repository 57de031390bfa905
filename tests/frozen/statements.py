"""The programs that small days state and give to solvers: every row, column, coefficient, limit and cost.

An answer shows nothing of a row that does not bind on the days that are looked at, and nothing of a bound that is wider
than it has to be; what is stated and given shows it. What is stated has one fingerprint a block; what is given one for
all programs of a shape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

from equilibrium.programs.program import Block, Instance, Program, ProgramBuilder
from equilibrium.programs.solvers import MixedSolution, choose
from equilibrium.programs.solvers.gurobi import GurobiHandle
from equilibrium.programs.solvers.highs import HighsHandle
from tests.equilibrium.stated_days import DAYS
from tests.frozen.fingerprints import rounding, versions
from tests.frozen.work import measured

STATEMENTS = "statements"
"""Name of their frozen file."""

DIGITS = 9
"""Of a number that is compared: the last ones may differ between processors."""

Stated = dict[str, list[dict[str, str]]]
"""Programs by the names of their blocks: of each one, what is said of every block."""

GIVEN = "given to solvers"
"""Name of what is known of the programs that solvers were given, by shape, and of the work."""


@contextmanager
def captured() -> Iterator[tuple[list[Program], list[Instance]]]:
    """Collect every program that is stated, and every one that is loaded into a solver."""
    programs: list[Program] = []
    instances: list[Instance] = []
    compile_, confirmed = ProgramBuilder.compile, choose.confirmed

    def compiled(build: ProgramBuilder) -> Program:
        programs.append(compile_(build))
        return programs[-1]

    def mixed(instance: Instance, *others: Any) -> MixedSolution:
        instances.append(instance)
        return confirmed(instance, *others)

    def loading(handle: type) -> Callable[..., None]:
        load = handle.__init__  # type: ignore[misc]

        def loaded(self: object, instance: Instance, **options: Any) -> None:
            instances.append(instance)
            load(self, instance, **options)

        return loaded

    with (
        patch.object(ProgramBuilder, "compile", compiled),
        patch.object(choose, "confirmed", mixed),
        patch.object(HighsHandle, "__init__", loading(HighsHandle)),
        patch.object(GurobiHandle, "__init__", loading(GurobiHandle)),
    ):
        yield programs, instances


def stated(work: Callable[[], object]) -> Stated:
    """Return what is stated and given on the way of some work; programs that are the same count once."""
    with captured() as (programs, instances), measured() as effort:
        work()
    found: dict[str, set[tuple[tuple[str, str], ...]]] = {}
    for program in programs:
        name = ", ".join(program.columns) or "no columns"
        found.setdefault(name, set()).add(tuple(_blocks(program).items()))
    given = {name: str(count) for name, count in effort.items()}
    shapes: dict[str, set[str]] = {}
    for instance in instances:
        shapes.setdefault(" x ".join(map(str, instance.shape)), set()).add(_digest(instance))
    given |= {shape: _told(sorted(digests)) for shape, digests in sorted(shapes.items())}
    return {name: [dict(each) for each in sorted(several)] for name, several in sorted(found.items())} | {
        GIVEN: [given]
    }


def _digest(instance: Instance) -> str:
    block = Block("row", 0, (instance.shape[0],))
    columns = [str(k) for k in range(instance.shape[1])]
    sides = (instance.row_lower, instance.row_upper, instance.col_lower, instance.col_upper, instance.cost)
    return _told(_entries(instance.matrix, block, columns), *sides)


def _blocks(program: Program) -> dict[str, str]:
    """Return what is said of each block: of rows their entries and limits, of columns their limits and cost."""
    columns, ports = _names(program.columns), _names(program.ports)
    made = {}
    for block in program.rows.values():
        lines = _entries(program.matrix, block, columns) + _entries(program.row_port, block, ports)
        made[f"row {block.name} {block.shape}"] = _told(
            lines, program.row_lower[block.slice], program.row_upper[block.slice]
        )
    for block in program.columns.values():
        given = (program.cost_port, program.col_lower_port, program.col_upper_port)
        lines = [line for matrix in given for line in ("port", *_entries(matrix, block, ports))]
        sides = (program.col_lower[block.slice], program.col_upper[block.slice], program.cost[block.slice])
        made[f"column {block.name} {block.shape}"] = _told(lines, *sides)
    return made


def _names(blocks: Mapping[str, Block]) -> list[str]:
    """Return a name for every place: what stands where in the program does not count."""
    return [f"{block.name}[{k}]" for block in blocks.values() for k in range(block.size)]


def _entries(matrix: sp.csr_array, block: Block, names: list[str]) -> list[str]:
    part = sp.coo_array(matrix[block.slice, :])
    entries = zip(part.row.tolist(), part.col.tolist(), part.data.tolist(), strict=True)
    return sorted(f"{row} {names[column]} {_number(value)}" for row, column, value in entries if value)


def _told(lines: list[str], *arrays: np.ndarray) -> str:
    text = "\n".join([*lines, *(" ".join(_number(value) for value in array.tolist()) for array in arrays)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _number(value: float) -> str:
    return f"{value + 0.0:.{DIGITS}g}"


def statement_changes(old: Stated, new: Stated, *, same: bool = True) -> list[str]:
    """Name the programs and blocks that are not what was frozen.

    Parameters
    ----------
    same
        Whether solvers and processor are those it was frozen with. A program may hold what another one's multipliers
        say; with others only the blocks of what is stated are compared.
    """
    told = []
    if not same:
        old, new = ({name: some for name, some in each.items() if name != GIVEN} for each in (old, new))
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name, []), new.get(name, [])
        if len(before) != len(after) and (same or not before or not after):
            told.append(f"{name}: {len(before)} programs were frozen, now {len(after)}")
            continue
        for one, other in zip(before, after, strict=same):
            for block in dict.fromkeys([*one, *other]):
                moved = one.get(block) != other.get(block) if same else (block in one) != (block in other)
                told += [f"{name}: {block}"] * moved
    return told


def freeze_statements() -> dict[str, Any]:
    """Return what every small day states, by the name of the day, and where that was."""
    days = {name: stated(work) for name, work in DAYS.items()}
    return {"versions": versions(), "rounding": rounding(), "days": days}
