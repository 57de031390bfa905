"""A cost that is known for every state of some columns that are 0 or 1, stated in a program as it is."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.programs.program import ProgramBuilder


def add_table(build: ProgramBuilder, name: str, on: IntArray, cost: FloatArray) -> IntArray:
    """Let a program pay a cost for the state of some columns; return the columns of the states.

    One column stands for each state. They sum to one, and those in which a unit is on sum to that unit's column. Where
    the units' columns are whole, one state is taken in full; where they are not, the cost is the lower convex hull of
    the table: no linear program can say more.

    Parameters
    ----------
    on
        The units' columns in every period, shape ``(periods, units)``.
    cost
        Shape ``(periods, 2 ** units)``: unit ``k`` is on where bit ``k`` is set.
    """
    periods, units = on.shape
    states = build.columns(f"state {name}", cost.shape, upper=1.0, cost=cost)
    row = build.rows(f"one state {name}", (periods,), lower=1.0, upper=1.0)
    build.coefficients(row[:, None], states, 1.0)
    row = build.rows(f"units of a state {name}", on.shape, lower=0.0, upper=0.0)
    bits = (np.arange(cost.shape[1])[:, None] >> np.arange(units)) & 1
    build.coefficients(row[:, None, :], states[:, :, None], bits[None, :, :].astype(np.float64))
    build.coefficients(row, on, -1.0)
    return states
