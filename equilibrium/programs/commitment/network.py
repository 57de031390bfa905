"""The network of a unit commitment: lines without losses, interfaces of several lines, and outages of one line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import IntArray
from equilibrium.errors import InputError
from equilibrium.programs.program import FEASIBILITY, INF, ProgramBuilder


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a network without losses: flow = susceptance times (difference of angles + shift).

    Attributes
    ----------
    susceptance
        ``None`` is a line of direct current, whose flow is free.
    limit
        Greatest flow, MW, ``(periods,)``.
    penalty
        Cost of a MWh above the limit, ``(periods,)``; infinite where there is no such flow.
    shift
        What a transformer adds to the difference of angles.
    out
        Whether it is out of service, ``(periods,)``.
    emergency
        Greatest flow after an outage, MW, ``(periods,)``.
    """

    name: str
    start: str
    end: str
    susceptance: float | None
    limit: ArrayLike = math.inf
    penalty: ArrayLike = math.inf
    shift: float = 0.0
    out: ArrayLike = False
    emergency: ArrayLike = math.inf


@dataclass(frozen=True, eq=False)
class Interface:
    """Lines whose flows together are limited.

    Attributes
    ----------
    weights
        Weight of the flow of each line, by its name.
    lower, upper
        Bounds of the weighted sum, MW, ``(periods,)``.
    penalty
        Cost of a MWh outside them, ``(periods,)``; infinite where there is no such flow.
    """

    name: str
    weights: Mapping[str, float]
    lower: ArrayLike = -math.inf
    upper: ArrayLike = math.inf
    penalty: ArrayLike = math.inf


@dataclass(frozen=True, eq=False)
class Outage:
    """The outage of a line, after which the others keep their emergency limits before anything is done.

    Attributes
    ----------
    line
        Name of the line.
    penalty
        Cost of a MWh above an emergency limit; ``None`` is what the flow exceeds its own limit by, paid once.
    """

    name: str
    line: str
    penalty: float | None = None


@dataclass(frozen=True, eq=False)
class Network:
    """Lines, interfaces and outages.

    Attributes
    ----------
    buses
        Names of the buses.
    """

    buses: tuple[str, ...]
    lines: Sequence[Line] = ()
    interfaces: Sequence[Interface] = ()
    outages: Sequence[Outage] = ()


def check_network(network: Network) -> None:
    """Refuse what names lines or buses that are not there, and outages that cut a bus off."""
    names = {line.name: line for line in network.lines}
    for line in network.lines:
        for bus in (line.start, line.end):
            if bus not in network.buses:
                raise InputError(line.name, "bus", bus, f"one of {', '.join(network.buses)}")
    for interface in network.interfaces:
        for name in interface.weights:
            if name not in names:
                raise InputError(interface.name, "lines", name, f"one of {', '.join(names) or 'none'}")
    for outage in network.outages:
        if outage.line not in names or names[outage.line].susceptance is None:
            raise InputError(outage.name, "line", outage.line, "a line of alternating current")
    if network.outages and any(np.any(line.out) for line in network.lines):
        raise InputError("outages", "out", True, "lines that are in service all the time")


def state_network(build: ProgramBuilder, network: Network, balance: IntArray, hours: float) -> None:
    """State flows as differences of angles; the first bus has the angle 0."""
    if not network.lines:
        return
    periods, at = balance.shape[1], {bus: k for k, bus in enumerate(network.buses)}
    angle = build.columns("angle", balance.shape, lower=-INF)
    build.coefficients(build.rows("reference", (periods,), lower=0.0, upper=0.0), angle[0], 1.0)
    flow, above = {}, {}
    for line in network.lines:
        ends = at[line.start], at[line.end]
        flow[line.name] = _state_flow(build, line, angle, ends)
        for end, sign in zip(ends, (1.0, -1.0), strict=True):
            build.coefficients(balance[end], flow[line.name], -sign)
        above[line.name] = _overflow(build, f"above {line.name}", line.penalty, periods, hours)
        _limit(build, f"limit {line.name}", (flow[line.name], None, 0.0), line.limit, above[line.name])
    for interface in network.interfaces:
        over = _overflow(build, f"above {interface.name}", interface.penalty, periods, hours)
        for sign, bound in ((1.0, interface.upper), (-1.0, -np.asarray(interface.lower, dtype=np.float64))):
            row = build.rows(f"interface {sign:+.0f} {interface.name}", (periods,), upper=bound)
            for name, weight in interface.weights.items():
                build.coefficients(row, flow[name], sign * weight)
            build.coefficients(row, over, -1.0)
    _state_outages(build, network, flow, above, hours)


def _state_flow(build: ProgramBuilder, line: Line, angle: IntArray, ends: tuple[int, int]) -> IntArray:
    """State the flow of a line."""
    shape = angle.shape[1:]
    used = ~np.broadcast_to(np.asarray(line.out, dtype=np.bool_), shape)
    most = np.where(used, INF, 0.0)
    flow = build.columns(f"flow {line.name}", shape, lower=-most, upper=most)
    if line.susceptance is None:
        return flow
    shift = line.susceptance * line.shift
    row = build.rows(f"flow {line.name}", (int(used.sum()),), lower=shift, upper=shift)
    build.coefficients(row, flow[used], 1.0)
    for end, sign in zip(ends, (1.0, -1.0), strict=True):
        build.coefficients(row, angle[end][used], -sign * line.susceptance)
    return flow


def _overflow(build: ProgramBuilder, name: str, penalty: ArrayLike, periods: int, hours: float) -> IntArray:
    """Return columns of what is above a limit; they are 0 where that is forbidden."""
    price = np.broadcast_to(np.asarray(penalty, dtype=np.float64), (periods,))
    free = price < INF
    return build.columns(
        name, (periods,), upper=np.where(free, INF, 0.0), cost=np.where(free, hours * np.where(free, price, 0.0), 0.0)
    )


def _limit(
    build: ProgramBuilder,
    name: str,
    flow: tuple[IntArray, IntArray | None, float],
    limit: ArrayLike,
    over: IntArray,
) -> None:
    """Limit a flow both ways, or a flow and a share of another one."""
    own, other, share = flow
    for sign in (1.0, -1.0):
        row = build.rows(f"{name} {sign:+.0f}", own.shape, upper=limit)
        build.coefficients(row, own, sign)
        if other is not None:
            build.coefficients(row, other, sign * share)
        build.coefficients(row, over, -1.0)


def outage_shares(network: Network) -> dict[tuple[str, str], float]:
    """Return the share of the flow of each outage's line that every other line takes over.

    Raises
    ------
    InputError
        Where the outage cuts a bus off.
    """
    at = {bus: k for k, bus in enumerate(network.buses)}
    lines = [line for line in network.lines if line.susceptance is not None]
    ends = np.zeros((len(lines), len(at)))
    for k, line in enumerate(lines):
        ends[k, at[line.start]] += 1.0
        ends[k, at[line.end]] -= 1.0
    weights = np.array([line.susceptance for line in lines])
    inverse = np.linalg.pinv(ends.T @ (weights[:, None] * ends))
    names = {line.name: k for k, line in enumerate(lines)}
    shares = {}
    for outage in network.outages:
        k = names[outage.line]
        moved = weights * (ends @ (inverse @ ends[k]))
        if abs(1.0 - moved[k]) < FEASIBILITY:
            raise InputError(outage.name, "line", outage.line, "a line whose outage leaves every bus connected")
        for name, j in names.items():
            if j != k:
                shares[outage.name, name] = float(moved[j] / (1.0 - moved[k]))
    return shares


def _state_outages(
    build: ProgramBuilder,
    network: Network,
    flow: Mapping[str, IntArray],
    above: Mapping[str, IntArray],
    hours: float,
) -> None:
    """Limit the flows after each outage: what a line carried goes over to the others by fixed shares."""
    if not network.outages:
        return
    shares = outage_shares(network)
    for outage in network.outages:
        for line in network.lines:
            share = shares.get((outage.name, line.name))
            if share is None or not np.isfinite(np.asarray(line.emergency)).any():
                continue
            over = above[line.name]
            label = f"after {outage.name} {line.name}"
            if outage.penalty is not None:
                over = _overflow(build, f"above {label}", outage.penalty, over.size, hours)
            _limit(build, label, (flow[line.name], flow[outage.line], share), line.emergency, over)
