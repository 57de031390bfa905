"""Fuels of units: what they burn, which of several they burn, and how much of a fuel there is in each period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment.columns import UnitColumns
from equilibrium.programs.program import ProgramBuilder


@dataclass(frozen=True, eq=False)
class Fuel:
    """A fuel that is limited in every period: amount, ``(periods,)``, in the unit of what is burnt."""

    name: str
    available: ArrayLike


@dataclass(frozen=True, eq=False)
class Burning:
    """What a unit burns.

    Attributes
    ----------
    fuels
        Names of its fuels; one that is not limited needs no :class:`Fuel`.
    prices
        Price of each.
    use
        What an hour at each breakpoint of its cost curve burns, shape ``(points,)`` or ``(periods, points)``; convex.
    start_use
        What a start burns, one number for each tier.
    blending
        Whether it may burn several fuels in one period.
    switching
        Whether it may change its fuel while it is on; else only at a start.
    burning
        Place of the fuel that it burns before the first period.
    """

    fuels: tuple[str, ...]
    prices: tuple[float, ...]
    use: ArrayLike
    start_use: tuple[float, ...] = ()
    blending: bool = False
    switching: bool = True
    burning: int = 0


def check_burning(name: str, burning: Burning, points: int, tiers: int) -> None:
    """Refuse what a unit cannot burn."""
    use = np.asarray(burning.use, dtype=np.float64)
    if not burning.fuels or len(burning.fuels) != len(burning.prices):
        raise InputError(name, "prices", burning.prices, f"one for each of {len(burning.fuels)} fuels, at least one")
    if use.shape[-1:] != (points,) or not np.isfinite(use).all():
        raise InputError(name, "use", use.tolist(), f"a finite number for each of {points} breakpoints")
    if len(burning.start_use) not in (0, tiers):
        raise InputError(name, "start_use", burning.start_use, f"none, or one for each of {tiers} tiers")


def state_fuels(
    build: ProgramBuilder,
    fuels: Sequence[Fuel],
    burners: Sequence[tuple[str, Burning, FloatArray, UnitColumns, bool]],
    periods: int,
    hours: float,
) -> list[IntArray]:
    """State what units burn and what there is of it; return the columns that are whole.

    Parameters
    ----------
    burners
        Of each unit: name, what it burns, breakpoints of its curve, shape ``(periods, points)``, columns, and whether
        it was on before the first period.
    """
    limits = {
        fuel.name: build.rows(
            f"fuel {fuel.name}", (periods,), upper=np.broadcast_to(np.asarray(fuel.available, np.float64), (periods,))
        )
        for fuel in fuels
    }
    whole = []
    for name, burning, power, columns, was_on in burners:
        price = np.array(burning.prices)[:, None]
        burnt = build.columns(f"burnt {name}", (len(burning.fuels), periods), cost=price)
        use = np.broadcast_to(np.asarray(burning.use, dtype=np.float64), power.shape)
        width = np.diff(power, axis=1)
        slope = np.diff(use, axis=1) / np.where(width > 0.0, width, 1.0)
        row = build.rows(f"burnt {name}", (periods,), lower=0.0, upper=0.0)
        build.coefficients(row, burnt, 1.0)
        build.coefficients(row, columns.on, -hours * use[:, 0])
        build.coefficients(row[:, None], columns.segment, -hours * slope)
        start = np.array(burning.start_use)
        if start.size:
            build.coefficients(row, columns.tier, -start[:, None])
        for k, fuel in enumerate(burning.fuels):
            if fuel in limits:
                build.coefficients(limits[fuel], burnt[k], 1.0)
        if len(burning.fuels) > 1 and not burning.blending:
            burns = _state_one_fuel(build, name, burnt, columns, hours * use.max() + start.max(initial=0.0))
            whole.append(burns.ravel())
            if not burning.switching:
                _state_one_change(build, name, burns, columns, burning.burning if was_on else None)
    return whole


def _state_one_fuel(build: ProgramBuilder, name: str, burnt: IntArray, columns: UnitColumns, most: float) -> IntArray:
    """Let a unit burn one of its fuels in each period; ``most`` is what it can burn at all."""
    burns = build.columns(f"burns {name}", burnt.shape, upper=1.0)
    row = build.rows(f"burns one {name}", columns.on.shape, lower=0.0, upper=0.0)
    build.coefficients(row, burns, 1.0)
    build.coefficients(row, columns.on, -1.0)
    row = build.rows(f"burns {name}", burnt.shape, upper=0.0)
    build.coefficients(row, burnt, 1.0)
    build.coefficients(row, burns, -most)
    return burns


def _state_one_change(
    build: ProgramBuilder, name: str, burns: IntArray, columns: UnitColumns, before: int | None
) -> None:
    """Let a unit begin to burn a fuel at a start alone; ``before`` is the one of the past, if it was on."""
    past = np.zeros(burns.shape)
    if before is not None:
        past[before, 0] = 1.0
    row = build.rows(f"changes {name}", burns.shape, upper=past)
    build.coefficients(row, burns, 1.0)
    build.coefficients(row[:, 1:], burns[:, :-1], -1.0)
    build.coefficients(row, columns.start, -1.0)
