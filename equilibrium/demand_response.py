"""Demand response: how customers answer tariffs, incentives and penalties, and what a program costs.

The load model is the linear elasticity model of H. A. Aalami, M. Parsa Moghaddam and G. R. Yousefi, Demand response
modeling considering interruptible/curtailable loads and capacity market programs, Applied Energy 87 (2010) 243. The
papers' tags (DR) and (DRc) are explained in docs/disco.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.lengths import spread_lengths


@dataclass(frozen=True, eq=False)
class Elasticity:
    """How much the load of one period answers the price of another one.

    Attributes
    ----------
    values
        ``values[t, u]`` is the relative change of the load in period t for a relative change of the price in period u,
        shape ``(periods, periods)``.
    """

    values: FloatArray

    def __post_init__(self) -> None:
        shape = np.shape(self.values)
        if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
            raise InputError("Elasticity", "values", shape, "a square matrix, (periods, periods)")
        if not np.isfinite(self.values).all():
            raise InputError("Elasticity", "values", "a value that is not finite", "finite numbers")

    @classmethod
    def blocks(cls, period_of_hour: Sequence[str], values: Mapping[tuple[str, str], float]) -> Elasticity:
        """Build the full block matrix: every pair of hours has the value of its pair of periods.

        Pairs of different hours inside one period have that period's own value too. This is the only reading that
        agrees with the published loads (docs/disco.md, *Demand response*).

        Parameters
        ----------
        period_of_hour
            Name of the tariff period of each hour, such as ``"on"``.
        values
            Elasticity by pair of names; a pair that is given in one order only holds in both.

        Raises
        ------
        InputError
            When a pair is missing, or names a period that no hour has.
        """
        names = list(dict.fromkeys(period_of_hour))
        for pair in values:
            if not set(pair) <= set(names):
                raise InputError("Elasticity.blocks", "pair", pair, f"two of the periods {', '.join(names)}")
        table = np.empty((len(names), len(names)))
        for row, first in enumerate(names):
            for column, second in enumerate(names):
                found = values.get((first, second), values.get((second, first)))
                if found is None:
                    raise InputError("Elasticity.blocks", f"({first}, {second})", None, "a value for this pair")
                table[row, column] = found
        index = np.array([names.index(name) for name in period_of_hour])
        return cls(table[np.ix_(index, index)])

    def over(self, hour: IntArray, length_h: FloatArray) -> Elasticity:
        """Return the matrix for other periods, this one being that of the hours.

        The load of a period answers as that of its hour does. A price that holds for a part of an hour has that part of
        the effect, so an hour that is cut answers as a whole one; a price that holds for two hours has twice the
        effect.

        Parameters
        ----------
        hour
            The hour that each period lies in: its row and column here, shape ``(periods,)``.
        length_h
            Length of each period, h, shape ``(periods,)``.
        """
        return Elasticity(self.values[np.ix_(hour, hour)] * length_h)


@dataclass(frozen=True, eq=False)
class ResponseProgram:
    """A demand-response program: what customers pay, are paid and are fined.

    Attributes
    ----------
    name
        Such as ``"tou+cap"``.
    tariff
        What customers pay, currency/kWh, shape ``(periods,)``.
    incentive
        Paid per kWh of reduction (A, INC), currency/kWh, shape ``(periods,)``, >= 0.
    penalty
        Fined per kWh that is missing from the contracted reduction (PEN), currency/kWh, shape ``(periods,)``, >= 0.
    contracted_share
        Contracted reduction P^con as a share of the load before the response.
    """

    name: str
    tariff: FloatArray
    incentive: FloatArray
    penalty: FloatArray
    contracted_share: float = 0.0

    def __post_init__(self) -> None:
        where = f"program {self.name}"
        shape = np.shape(self.tariff)
        for key in ("tariff", "incentive", "penalty"):
            values = np.asarray(getattr(self, key), dtype=np.float64)
            if values.shape != shape or values.ndim != 1:
                raise InputError(where, key, values.shape, "one value for each period, as the tariff has")
            if not np.isfinite(values).all() or (key != "tariff" and values.min(initial=0.0) < 0):
                wanted = "finite numbers" if key == "tariff" else "finite numbers >= 0"
                raise InputError(where, key, values.tolist(), wanted)
        if not 0 <= self.contracted_share <= 1:
            raise InputError(where, "contracted_share", self.contracted_share, "a share, 0 to 1")

    @property
    def periods(self) -> int:
        """Number of periods of the day."""
        return int(self.tariff.size)


def response_factor(
    base_tariff: float | FloatArray, program: ResponseProgram, elasticity: Elasticity, participation: float = 1.0
) -> FloatArray:
    """Return load after the response divided by load before it, shape ``(periods,)``: the braces of (DR).

    Parameters
    ----------
    base_tariff
        Tariff at which the load was observed, currency/kWh, > 0: a number or shape ``(periods,)``.
    program
        What replaces it.
    elasticity
        Of shape ``(periods, periods)``.
    participation
        Share of the load that takes part, 0 to 1.

    Raises
    ------
    InputError
        For a shape that does not fit, a share outside 0 .. 1 or a tariff that is not positive.
    """
    periods = program.periods
    if elasticity.values.shape != (periods, periods):
        expected = f"({periods}, {periods}), as program {program.name} has {periods} periods"
        raise InputError("demand response", "elasticity", elasticity.values.shape, expected)
    if not 0 <= participation <= 1:
        raise InputError("demand response", "participation", participation, "a share, 0 to 1")
    base = np.asarray(base_tariff, dtype=np.float64)
    if base.shape not in {(), (periods,)} or not (base > 0).all():
        raise InputError("demand response", "base_tariff", base.tolist(), f"one price > 0, or {periods} of them")
    signal = (program.tariff - base + program.incentive + program.penalty) / base
    factor: FloatArray = 1.0 + participation * (elasticity.values @ signal)
    return factor


def respond(
    load_kw: FloatArray,
    base_tariff: float | FloatArray,
    program: ResponseProgram,
    elasticity: Elasticity,
    participation: float = 1.0,
) -> FloatArray:
    """Return the load after the response (DR).

    Parameters
    ----------
    load_kw
        Load before it, kW or kvar, shape ``(periods, buses)`` or ``(periods,)``.
    base_tariff, program, elasticity, participation
        As for :func:`response_factor`.

    Raises
    ------
    InputError
        As :func:`response_factor`; and where a signal is so strong that the linear model would leave a load of the
        other sign.
    """
    factor = response_factor(base_tariff, program, elasticity, participation)
    if load_kw.shape[:1] != factor.shape:
        raise InputError("demand response", "load_kw", load_kw.shape, f"{factor.size} periods first")
    if factor.min() < 0:
        period = int(factor.argmin())
        expected = "a factor >= 0: weaker signals, elasticities or participation"
        raise InputError(f"program {program.name}", f"load factor in period {period}", float(factor[period]), expected)
    answered: FloatArray = load_kw * factor.reshape(-1, *[1] * (load_kw.ndim - 1))
    return answered


def response_cost(
    load_kw: FloatArray,
    responded_kw: FloatArray,
    program: ResponseProgram,
    *,
    penalty_sign: float = 1.0,
    period_h: float | FloatArray = 1.0,
) -> float:
    """Return C^DR (DRc): incentives paid for reductions, minus penalties for what is missing from the contract.

    No ``max(0, .)`` is taken, as none is printed: a load that grows pays the incentive back, and a reduction beyond
    the contract is rewarded at the penalty.

    Parameters
    ----------
    load_kw, responded_kw
        Load before and after the response, kW, both of shape ``(periods, buses)`` or ``(periods,)``.
    program
        With incentives, penalties and the contracted share.
    penalty_sign
        ``1.0``: penalties are an income of the company, as printed. ``-1.0`` books them as a cost, which the numbers of
        one paper suggest (docs/disco.md).
    period_h
        Length of the periods, h: one number for all, or shape ``(periods,)``.

    Raises
    ------
    InputError
        For shapes that do not fit, or another sign.
    """
    if penalty_sign not in {1.0, -1.0}:
        raise InputError("response_cost", "penalty_sign", penalty_sign, "1 (income) or -1 (cost)")
    if load_kw.shape != responded_kw.shape or load_kw.shape[:1] != program.tariff.shape:
        found = f"{load_kw.shape} and {responded_kw.shape}"
        raise InputError("response_cost", "load_kw, responded_kw", found, f"the same shape, {program.periods} periods")
    before, after = (load.reshape(program.periods, -1).sum(axis=1) for load in (load_kw, responded_kw))
    length = spread_lengths(period_h, program.periods, "response_cost")
    reduced, missing = before - after, program.contracted_share * before - (before - after)
    return float((length * program.incentive) @ reduced - penalty_sign * ((length * program.penalty) @ missing))
