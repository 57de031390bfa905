"""The programs that small days state: every row, column, coefficient, limit and cost, as one fingerprint a block.

An answer shows nothing of a row that does not bind on the days that are looked at; what is stated shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

from equilibrium.programs.program import Block, Program, ProgramBuilder
from tests.equilibrium.stated_days import DAYS
from tests.frozen.fingerprints import rounding, versions

STATEMENTS = "statements"
"""Name of their frozen file."""

DIGITS = 9
"""Of a number that is compared: the last ones may differ between processors."""

Stated = dict[str, list[dict[str, str]]]
"""Programs by the names of their blocks: of each one, what is said of every block."""


@contextmanager
def captured() -> Iterator[list[Program]]:
    """Collect every program that is stated."""
    found: list[Program] = []
    compile_ = ProgramBuilder.compile

    def compiled(build: ProgramBuilder) -> Program:
        program = compile_(build)
        found.append(program)
        return program

    with patch.object(ProgramBuilder, "compile", compiled):
        yield found


def stated(work: Callable[[], object]) -> Stated:
    """Return what is stated on the way of some work; programs that are the same count once."""
    with captured() as programs:
        work()
    found: dict[str, set[tuple[tuple[str, str], ...]]] = {}
    for program in programs:
        name = ", ".join(program.columns) or "no columns"
        found.setdefault(name, set()).add(tuple(_blocks(program).items()))
    return {name: [dict(each) for each in sorted(several)] for name, several in sorted(found.items())}


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
        say; with others only the blocks are compared.
    """
    told = []
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
