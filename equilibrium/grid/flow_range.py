"""How far the flows of a feeder can go: the domain on which the lossy flow approximates their squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator
from equilibrium.grid.network import Network

_PER_THOUSAND = 1e-3
"""Square kilovolts in an ohm times a kilowatt."""

_ROOM = 1e-3
"""Room above the greatest flow, kW and kvar, so that the range of an idle branch is not empty."""


@dataclass(frozen=True, eq=False)
class FlowRange:
    """How far the flow of each branch can go, either way: ``F dS`` of (2e), and the bound of (2f).

    Attributes
    ----------
    kw, kvar
        Greatest size of the sending-end flows, positive, shape ``(periods, buses)`` or one that broadcasts to it; entry
        0 is the substation.
    """

    kw: FloatArray
    kvar: FloatArray


@dataclass(frozen=True, eq=False)
class _Interval:
    """Least and greatest value, each of shape ``(periods, buses)``."""

    low: FloatArray
    high: FloatArray


def largest_flows(
    network: Network,
    *,
    load_kw: FloatArray,
    load_kvar: FloatArray,
    renewable_max_kw: FloatArray,
    lot_min_kw: FloatArray,
    lot_max_kw: FloatArray,
    at_once: bool = False,
) -> FlowRange:
    """Return the greatest flows that loads, potentials, lots, voltage limits and ratings admit.

    From the leaves to the root: what a branch delivers is at most what lies below it, and at most what its bus can
    receive within its voltage limit (the squared voltage falls by ``2 (R P + X Q) + Z^2 I2`` along a path, with the
    flows of the receiving end, and losses only add to it). What it sends is that plus its loss at that flow. The second
    solution of that quadratic equation, the same delivery at far higher current, is left out.

    Parameters
    ----------
    load_kw, load_kvar
        Loads, shape ``(periods, buses)``.
    renewable_max_kw
        Potentials, shape ``(periods, renewables)``.
    lot_min_kw, lot_max_kw
        Limits of the lots' net powers, finite, shape ``(periods, lots)``.
    at_once
        Whether one range has to hold in all periods. It is that of the least and greatest demands of each bus: the
        greatest of the periods' ranges is not enough, because piecewise losses are more than those of the square where
        a branch does not use its range.

    Returns
    -------
    FlowRange
        Shapes ``(periods, buses)``, with ``at_once`` ``(1, buses)``.

    Raises
    ------
    InputError
        When a value is not finite: a range of flows needs a range of powers.
    """
    powers = {"load_kw": load_kw, "load_kvar": load_kvar, "renewable_max_kw": renewable_max_kw}
    _check_finite({**powers, "lot_min_kw": lot_min_kw, "lot_max_kw": lot_max_kw})
    feeder = network.feeder
    sides = _demands(network, load_kw, load_kvar, np.asarray(renewable_max_kw), (lot_min_kw, lot_max_kw))
    if at_once:
        sides = [_Interval(each.low.min(axis=0, keepdims=True), each.high.max(axis=0, keepdims=True)) for each in sides]
    below_kw, below_kvar = (_Interval(feeder.subtree_sum(each.low), each.high) for each in sides)
    return _swept(network, below_kw, below_kvar, _receivable(network, below_kw.low, below_kvar.low))


def _demands(
    network: Network,
    load_kw: FloatArray,
    load_kvar: FloatArray,
    renewable_max_kw: FloatArray,
    lot_kw: tuple[FloatArray, FloatArray],
) -> list[_Interval]:
    """Return the least and greatest active and reactive demand of every bus."""
    active, reactive = (
        _Interval(np.array(load, dtype=np.float64), np.array(load, dtype=np.float64)) for load in (load_kw, load_kvar)
    )
    turbine = np.array([unit.rating_kva for unit in network.microturbines])
    compensator = np.array([unit.rating_kvar for unit in network.compensators])
    for side, elements, values in (
        (active.high, network.lots, lot_kw[1]),
        (active.low, network.lots, lot_kw[0]),
        (active.low, network.renewables, -renewable_max_kw),
        (active.low, network.microturbines, -turbine),
        (reactive.low, network.microturbines, -turbine),
        (reactive.high, network.microturbines, turbine),
        (reactive.low, network.compensators, -compensator),
    ):
        _stand(side, elements, values)
    return [active, reactive]


def _check_finite(powers: Mapping[str, FloatArray]) -> None:
    for name, values in powers.items():
        wrong = np.asarray(values)[~np.isfinite(values)]
        if wrong.size:
            raise InputError("range of flows", name, float(wrong[0]), "finite numbers")


def _stand(
    side: FloatArray,
    elements: Sequence[Microturbine | RenewableUnit | StaticVarCompensator | LotSite],
    values: FloatArray,
) -> None:
    """Add what stands at each bus; several elements may share one."""
    values = np.broadcast_to(values, (side.shape[0], len(elements)))
    for k, element in enumerate(elements):
        side[:, element.bus] += values[:, k]


def _receivable(network: Network, low_kw: FloatArray, low_kvar: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the most that each branch can deliver within the voltage limit of its bus, kW and kvar.

    A branch upstream delivers at least as much more as the rest of its subtree draws at least.
    """
    feeder = network.feeder
    fall = (feeder.root_voltage_pu**2 - feeder.voltage_min_pu**2) * feeder.base_kv**2 / (2.0 * _PER_THOUSAND)
    spare = fall - feeder.path_sum(feeder.r_ohm * low_kw + feeder.x_ohm * low_kvar)
    with np.errstate(divide="ignore", invalid="ignore"):
        both = [
            np.where(path > 0.0, low + spare / path, np.inf)
            for low, path in ((low_kw, feeder.path_sum(feeder.r_ohm)), (low_kvar, feeder.path_sum(feeder.x_ohm)))
        ]
    return both[0], both[1]


def _swept(
    network: Network, below_kw: _Interval, below_kvar: _Interval, receivable: tuple[FloatArray, FloatArray]
) -> FlowRange:
    """Go from the leaves to the root: ``below`` holds subtree sums of least demands and the bus's own greatest ones."""
    feeder = network.feeder
    high_kw, high_kvar = below_kw.high.copy(), below_kvar.high.copy()
    range_kw, range_kvar = np.empty_like(high_kw), np.empty_like(high_kvar)
    for bus in feeder.order[::-1]:
        r, x = feeder.r_ohm[bus] * _PER_THOUSAND, feeder.x_ohm[bus] * _PER_THOUSAND
        p = np.maximum(np.minimum(high_kw[:, bus], receivable[0][:, bus]), below_kw.low[:, bus])
        q = np.maximum(np.minimum(high_kvar[:, bus], receivable[1][:, bus]), below_kvar.low[:, bus])
        size_p, size_q = np.maximum(np.abs(p), -below_kw.low[:, bus]), np.maximum(np.abs(q), -below_kvar.low[:, bus])
        current = _current_square(size_p, size_q, r, x, feeder.base_kv**2)
        range_kw[:, bus] = np.minimum(size_p + r * current + _ROOM, feeder.rating_kva[bus])
        range_kvar[:, bus] = np.minimum(size_q + x * current + _ROOM, feeder.rating_kva[bus])
        if bus > 0:
            high_kw[:, feeder.parent[bus]] += p + r * current
            high_kvar[:, feeder.parent[bus]] += q + x * current
    return FlowRange(range_kw, range_kvar)


def _current_square(p: FloatArray, q: FloatArray, r: float, x: float, square_kv2: float) -> FloatArray:
    """Return the smaller root u of ``V^2 u = (p + r u)^2 + (q + x u)^2``: the squared current that delivers (p, q).

    Where nothing delivers that much, it is the current of the greatest delivery, ``|S| = V^2 / (2 Z)``.
    """
    impedance = r * r + x * x
    if impedance == 0.0:
        return np.zeros_like(p)
    size = p**2 + q**2
    middle = square_kv2 - 2.0 * (r * p + x * q)
    inside = middle**2 - 4.0 * impedance * size
    real = (inside >= 0.0) & (middle > 0.0)
    root = 2.0 * size / np.where(real, middle + np.sqrt(np.maximum(inside, 0.0)), 1.0)
    return np.where(real, root, square_kv2 / (4.0 * impedance))
