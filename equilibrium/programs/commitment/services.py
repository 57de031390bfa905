"""Ancillary services: power that units hold ready to answer within some minutes, up or down, on or off.

Services upward stand on a ladder. What answers faster also counts for what may answer slower, so the requirement of
each rung is that all rungs up to it provide at least the sum of what they ask for. Services without a rung stand for
themselves. A unit that regulates stays inside a band of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.programs.commitment.columns import UnitColumns
from equilibrium.programs.program import INF, ProgramBuilder

MINUTES_AN_HOUR = 60.0


@dataclass(frozen=True, eq=False)
class Ability:
    """What one unit can hold ready of a service.

    Attributes
    ----------
    online, offline
        MW while it is on and while it is off, ``(periods,)``.
    cost
        Of a MW that is held ready for an hour, ``(periods,)``.
    standing_cost
        Of an hour in which it regulates, ``(periods,)``.
    """

    online: ArrayLike = INF
    offline: ArrayLike = 0.0
    cost: ArrayLike = 0.0
    standing_cost: ArrayLike = 0.0


@dataclass(frozen=True, eq=False)
class Service:
    """An ancillary service.

    Attributes
    ----------
    name
        Its name.
    minutes
        Time within which it answers.
    amount
        MW for the whole system, ``(periods,)``.
    areas
        MW for areas, by their names.
    penalty
        Cost of a MW that is missing in an hour.
    up
        Whether it adds power.
    rung
        Place on the ladder of services upward, from the fastest on; ``None`` stands for itself.
    regulating
        Whether a unit must stay inside its band for it.
    averaged
        Whether it takes part in a ramp with the mean of two periods.
    abilities
        What units can do, by their names; others cannot.
    """

    name: str
    minutes: float
    amount: ArrayLike
    penalty: float
    areas: Mapping[str, ArrayLike] = field(default_factory=dict)
    up: bool = True
    rung: int | None = None
    regulating: bool = False
    averaged: bool = True
    abilities: Mapping[str, Ability] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Provider:
    """What services ask of a unit.

    Attributes
    ----------
    name, areas
        Its name, and the areas that count it.
    band
        Least and greatest output while it regulates, MW, ``(periods,)``; ``None`` where it never does.
    power
        Least and greatest output, MW, shape ``(periods, 2)``.
    ramp_up, ramp_down
        MW an hour.
    start_limit, stop_limit, stop_limit_before
        MW.
    initial, initial_power
        As of :class:`equilibrium.programs.commitment.system.Unit`.
    """

    name: str
    areas: tuple[str, ...]
    band: tuple[ArrayLike, ArrayLike] | None
    power: FloatArray
    ramp_up: float
    ramp_down: float
    start_limit: ArrayLike
    stop_limit: ArrayLike
    stop_limit_before: float
    initial: int
    initial_power: float


@dataclass(frozen=True, eq=False)
class _Held:
    """Columns of a service for one unit, shape ``(periods,)`` each; an empty array where it cannot."""

    online: IntArray
    offline: IntArray


def check_services(services: Sequence[Service], names: Sequence[str]) -> None:
    """Refuse services that cannot be asked for."""
    for service in services:
        if not service.minutes > 0.0:
            raise InputError(service.name, "minutes", service.minutes, "a number above 0")
        if service.rung is not None and not service.up:
            raise InputError(service.name, "rung", service.rung, "none: the ladder is of services upward")
        for name in service.abilities:
            if name not in names:
                raise InputError(service.name, "abilities", name, f"units such as {names[0] if names else 'none'}")


def state_services(
    build: ProgramBuilder,
    services: Sequence[Service],
    providers: Sequence[Provider],
    units: Sequence[UnitColumns],
    hours: float,
    *,
    share: bool = True,
) -> list[IntArray]:
    """State all services, which share ramps with the output if they ``share``; return the columns that are whole."""
    if not services:
        return []
    held: list[dict[str, _Held]] = []
    whole = []
    for provider, columns in zip(providers, units, strict=True):
        own = _state_holding(build, services, provider, columns, hours)
        regulates = _state_band(build, services, provider, columns, (own, hours))
        whole += regulates
        _state_capacity(build, services, provider, columns, (own, regulates))
        if share:
            _state_sharing(build, services, provider, columns, (own, hours))
        held.append(own)
    _state_requirements(build, services, providers, held, hours)
    return whole


def _ladder(services: Sequence[Service]) -> list[tuple[int, Service]]:
    """Return the services of the ladder with their rungs, the fastest first."""
    return sorted(((each.rung, each) for each in services if each.rung is not None), key=lambda step: step[0])


def _state_holding(
    build: ProgramBuilder, services: Sequence[Service], provider: Provider, columns: UnitColumns, hours: float
) -> dict[str, _Held]:
    """State what a unit holds ready: as much as it reaches within the minutes, all faster services included."""
    own: dict[str, _Held] = {}
    shape, nothing = columns.on.shape, np.zeros(0, dtype=np.int64)
    for service in services:
        ability = service.abilities.get(provider.name)
        if ability is None:
            continue
        price = np.asarray(ability.cost, dtype=np.float64) * hours
        online = build.columns(f"{service.name} {provider.name}", shape, cost=price)
        offline = nothing
        if np.any(np.asarray(ability.offline) > 0.0):
            offline = build.columns(f"{service.name} off {provider.name}", shape, cost=price)
        own[service.name] = _Held(online, offline)
    for service in services:
        if service.name not in own:
            continue
        faster = [service]
        if service.rung is not None:
            faster = [each for rung, each in _ladder(services) if rung <= service.rung and each.name in own]
        ability = service.abilities[provider.name]
        while_on = np.any(np.asarray(ability.online) > 0.0)
        running = faster if while_on else [service]  # what a unit can do while it is off says nothing of it while on
        ramp = provider.ramp_up if service.up else provider.ramp_down
        span = provider.power[:, 1] - provider.power[:, 0]
        most = np.minimum(np.minimum(ability.online, ramp / MINUTES_AN_HOUR * service.minutes), span)
        row = build.rows(f"{service.name} on {provider.name}", shape, upper=0.0)
        for each in running:
            build.coefficients(row, own[each.name].online, 1.0)
        build.coefficients(row, columns.on, -most)
        slow = [own[each.name].offline for each in faster if own[each.name].offline.size]
        if own[service.name].offline.size:
            row = build.rows(f"{service.name} while off {provider.name}", shape, upper=ability.offline)
            for offline in slow:
                build.coefficients(row, offline, 1.0)
            build.coefficients(row, columns.on, np.asarray(ability.offline, dtype=np.float64))
    return own


def _state_band(
    build: ProgramBuilder,
    services: Sequence[Service],
    provider: Provider,
    columns: UnitColumns,
    state: tuple[dict[str, _Held], float],
) -> list[IntArray]:
    """State whether a unit regulates; return that column, if it ever does."""
    own, hours = state
    asked = [each for each in services if each.regulating and each.name in own]
    if not asked or provider.band is None:
        return []
    price = hours * sum(np.asarray(each.abilities[provider.name].standing_cost, dtype=np.float64) for each in asked)
    regulates = build.columns(f"regulates {provider.name}", columns.on.shape, upper=1.0, cost=price)
    row = build.rows(f"regulates when on {provider.name}", columns.on.shape, upper=0.0)
    build.coefficients(row, regulates, 1.0)
    build.coefficients(row, columns.on, -1.0)
    for service in asked:
        ramp = provider.ramp_up if service.up else provider.ramp_down
        most = np.minimum(service.abilities[provider.name].online, ramp / MINUTES_AN_HOUR * service.minutes)
        row = build.rows(f"{service.name} in band {provider.name}", columns.on.shape, upper=0.0)
        build.coefficients(row, own[service.name].online, 1.0)
        build.coefficients(row, regulates, -most)
    return [regulates]


def _state_capacity(
    build: ProgramBuilder,
    services: Sequence[Service],
    provider: Provider,
    columns: UnitColumns,
    state: tuple[dict[str, _Held], list[IntArray]],
) -> None:
    """Keep output and services inside the unit's limits, and inside its band while it regulates."""
    own, regulates = state
    least, most = provider.power[:, 0], provider.power[:, 1]
    row = build.rows(f"room above {provider.name}", columns.on.shape, upper=0.0)
    build.coefficients(row[:, None], columns.segment, 1.0)
    build.coefficients(row, columns.reserve, 1.0)
    build.coefficients(row, columns.on, least - most)
    below = build.rows(f"room below {provider.name}", columns.on.shape, lower=0.0)
    build.coefficients(below[:, None], columns.segment, 1.0)
    for service in services:
        if service.name in own:
            build.coefficients(row if service.up else below, own[service.name].online, 1.0 if service.up else -1.0)
    if regulates and provider.band is not None:
        build.coefficients(row, regulates[0], most - np.asarray(provider.band[1], dtype=np.float64))
        build.coefficients(below, regulates[0], least - np.asarray(provider.band[0], dtype=np.float64))


def _state_sharing(
    build: ProgramBuilder,
    services: Sequence[Service],
    provider: Provider,
    columns: UnitColumns,
    state: tuple[dict[str, _Held], float],
) -> None:
    """Let services share the ramp: each takes the part of an hour's ramp that its minutes are of the period."""
    own, hours = state
    shape, least = columns.on.shape, provider.power[:, 0]
    past = max(0.0, provider.initial_power - least[0]) * float(provider.initial > 0)
    rise = np.concatenate([[0.0], np.diff(least)])
    for up, ramp, jump in (
        (True, provider.ramp_up * hours, provider.start_limit),
        (False, provider.ramp_down * hours, provider.stop_limit),
    ):
        if not np.isfinite(ramp):
            continue
        sign = 1.0 if up else -1.0
        upper = np.zeros(shape)
        upper[0] = sign * past + (0.0 if up else ramp * float(provider.initial > 0))
        row = build.rows(f"shared ramp {'up' if up else 'down'} {provider.name}", shape, upper=upper)
        build.coefficients(row[:, None], columns.segment, sign)
        build.coefficients(row[1:, None], columns.segment[:-1], -sign)
        limited = np.isfinite(np.broadcast_to(np.asarray(jump, dtype=np.float64), shape))
        room = np.where(limited, np.clip(np.where(limited, jump, 0.0) - least, 0.0, None), ramp)
        if up:
            build.coefficients(row, columns.reserve, 1.0)
            build.coefficients(row, columns.on, rise - ramp)
            build.coefficients(row, columns.start, ramp - rise - room)
        else:
            build.coefficients(row[1:], columns.on[:-1], -ramp - rise[1:])
            before = min(max(0.0, provider.stop_limit_before - least[0]), ramp if not limited[0] else np.inf)
            build.coefficients(row, columns.stop, ramp + rise - np.concatenate([[before], room[:-1]]))
        for service in services:
            if service.name not in own or service.up is not up:
                continue
            weight = hours * MINUTES_AN_HOUR / service.minutes
            online = own[service.name].online
            mean = np.full(shape, 0.5 * weight if service.averaged else weight)
            mean[0] = weight
            build.coefficients(row, online, mean)
            if service.averaged:
                build.coefficients(row[1:], online[:-1], 0.5 * weight)


def _state_requirements(
    build: ProgramBuilder,
    services: Sequence[Service],
    providers: Sequence[Provider],
    held: Sequence[dict[str, _Held]],
    hours: float,
) -> None:
    """Ask for every service in the system and in the areas; what is missing in each is paid for."""
    shape = held_shape(held)
    missing: dict[tuple[str, str], IntArray] = {}
    areas = sorted({area for service in services for area in service.areas})
    for service in services:
        for area in ("", *areas):
            if area and area not in service.areas:
                continue
            most = np.broadcast_to(np.asarray(service.areas[area] if area else service.amount, dtype=np.float64), shape)
            missing[service.name, area] = build.columns(
                f"missing {service.name} {area}", shape, upper=most, cost=service.penalty * hours
            )
    for service in services:
        rungs = [service]
        if service.rung is not None:
            rungs = [each for rung, each in _ladder(services) if rung <= service.rung]
        for area in ("", *areas):
            if area and area not in service.areas:
                continue
            asked = [each for each in rungs if not area or area in each.areas]
            need = sum(
                np.broadcast_to(np.asarray(each.areas[area] if area else each.amount, dtype=np.float64), shape)
                for each in asked
            )
            row = build.rows(f"{service.name} asked {area}", shape, lower=need)
            for each in asked:
                build.coefficients(row, missing[each.name, area], 1.0)
                for provider, own in zip(providers, held, strict=True):
                    if each.name in own and (not area or area in provider.areas):
                        build.coefficients(row, own[each.name].online, 1.0)
                        if own[each.name].offline.size:
                            build.coefficients(row, own[each.name].offline, 1.0)


def held_shape(held: Sequence[dict[str, _Held]]) -> tuple[int, ...]:
    """Return the shape of a series of these columns."""
    for own in held:
        for each in own.values():
            return each.online.shape
    raise InputError("services", "abilities", "none", "at least one unit that can hold a service ready")
