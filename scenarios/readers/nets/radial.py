"""From a grid as a file states it to a radial feeder: switching, parallel branches, islands, levels and taps.

The feeder has one base voltage, the nominal one of its root. A bus behind transformers is stated with the voltage that
it has when nothing flows and the root is at its base: its *idle voltage*. Seen so, every ratio and tap is 1, and the
flow is the same one: impedances take the square of the ratio, and the bands of the buses are turned to the new unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.grid.feeder import Feeder
from equilibrium.plain import closest
from scenarios.readers.nets.loops import loop_error
from scenarios.readers.nets.net import SWITCH, Net, NetBranch, NetRoot, power_text, turned
from scenarios.readers.nets.record import counted, listed
from scenarios.units import BASE_KV, VOLTAGE_PU, feeder_load_fault, power_fault

_RATIO_SHARE = 1e-9
"""Share by which the ratios of parallel transformers may differ: more, and a current would circulate."""

LEVEL_NOTE = 0.005
"""Idle voltages that lie this far from the nominal ones, per unit, are noted."""


@dataclass(frozen=True, eq=False)
class RadialNet:
    """A radial feeder with what stands on it at every hour.

    Attributes
    ----------
    feeder
        The feeder with the loads of the file.
    generation_kw, generation_kvar
        What static generators feed in, shape ``(buses,)``.
    shunt_kw, shunt_kvar
        What shunts draw at the idle voltage of their buses, at every hour, shape ``(buses,)``.
    nominal_kv, idle_kv
        Nominal and idle voltage of each bus, kV, shape ``(buses,)``; the latter is 1 per unit of the feeder.
    notes
        What was left out, approximated or turned to another unit, one sentence each.
    """

    feeder: Feeder
    generation_kw: FloatArray
    generation_kvar: FloatArray
    shunt_kw: FloatArray
    shunt_kvar: FloatArray
    nominal_kv: FloatArray
    idle_kv: FloatArray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Band:
    """Voltages where the file gives none, per unit; ``root_pu`` in the place of the file's when it is stated."""

    low: float
    high: float
    root_pu: float | None


def radial_net(
    net: Net, band: Band, *, opened: Sequence[str] = (), roots: Sequence[str] = (), rating_kva: float | None = None
) -> RadialNet:
    """Make a radial feeder of a grid.

    Parameters
    ----------
    net
        The grid.
    band
        Voltage band where the file gives none, and the voltage at the root.
    opened
        Labels of branches to open.
    roots
        Labels of the buses that feed the grid; several of them are joined. Empty takes the file's one.
    rating_kva
        Thermal rating where the file gives none; ``None`` is no limit.

    Raises
    ------
    InputError
        For an unknown label, several roots of which none is chosen, a loop, or transformers in parallel with unequal
        ratios; ``where`` is ``open`` or ``roots`` where that key mends it.
    """
    notes = list(net.notes)
    chosen = _chosen_roots(net, roots, notes)
    branches = _merged(net, _closed(net, opened), notes)
    tree = _tree(net, branches, chosen)
    kept = [chosen[0].bus, *sorted(set(tree) - {chosen[0].bus})]
    idle_at = _idle_kv(net, tree, chosen)
    idle = np.array([idle_at[bus] for bus in kept])
    _note_islands(net, kept, notes)
    _note_levels(net, kept, idle, notes)
    if len(chosen) > 1:
        notes.append(
            f"{len(chosen)} external grids are joined into one root at {net.buses[chosen[0].bus].label}: "
            f"{listed(net.buses[root.bus].label for root in chosen)}"
        )
    root_pu = chosen[0].voltage_pu if band.root_pu is None else band.root_pu
    feeder = _feeder(net, tree, kept, idle, replace(band, root_pu=root_pu), rating_kva)
    nominal_kv = np.array([net.buses[bus].kv for bus in kept])
    square = (root_pu * idle / nominal_kv) ** 2
    return RadialNet(
        feeder,
        generation_kw=net.generation_kw[kept],
        generation_kvar=net.generation_kvar[kept],
        shunt_kw=net.shunt_kw[kept] * square,
        shunt_kvar=net.shunt_kvar[kept] * square,
        nominal_kv=nominal_kv,
        idle_kv=idle,
        notes=tuple(notes),
    )


def _chosen_roots(net: Net, wanted: Sequence[str], notes: list[str]) -> list[NetRoot]:
    """Return the roots that are used; several have to be asked for."""
    by_label = {net.buses[root.bus].label: root for root in net.roots}
    labels = {bus.label: k for k, bus in enumerate(net.buses)}
    if not wanted:
        if not by_label:
            expected = "a bus that is fed from outside: the file says none, so name it, feeder.roots: [BUS]"
            raise InputError(net.source, "roots", "no external grid in service", expected)
        if len(by_label) > 1:
            expected = (
                f"one bus that feeds the grid, or feeder.roots: [{', '.join(by_label)}] to feed from all of them "
                f"(each part of the grid from one)"
            )
            raise InputError(net.source, "roots", f"{len(by_label)} external grids", expected)
        return list(by_label.values())
    for label in wanted:
        if label not in labels:
            such = f", such as {listed(by_label, 8)}" if by_label else ""
            raise InputError(net.source, "roots", label, f"buses of the grid{such}{closest(label, labels)}")
    left = [label for label in by_label if label not in wanted]
    if left:
        grids = counted(len(left), "external grid feeds", "external grids feed")
        notes.append(f"{grids} nothing, as feeder.roots names others: {listed(left)}")
    new = [label for label in wanted if label not in by_label]
    if new:
        notes.append(f"no external grid of the file, fed by feeder.roots at nominal voltage: {listed(new)}")
    return [by_label.get(label, NetRoot(label, labels[label], 1.0)) for label in dict.fromkeys(wanted)]


def _closed(net: Net, opened: Sequence[str]) -> list[NetBranch]:
    """Return the closed branches without those that are to be opened."""
    names = {each: branch for branch in net.branches for each in (branch.other, branch.label)}
    left_out = set()
    for label in opened:
        if label not in names:
            expected = f"a line, transformer or switch of the grid{closest(label, names)}"
            raise InputError(net.source, "open", label, expected)
        left_out.add(names[label].label)
    return [branch for branch in net.branches if branch.closed and branch.label not in left_out]


def _merged(net: Net, branches: list[NetBranch], notes: list[str]) -> list[NetBranch]:
    """Put one branch in the place of those that are parallel; switches that close a ring of switches say nothing."""
    groups: dict[frozenset[int], list[NetBranch]] = {}
    for branch in branches:
        groups.setdefault(frozenset((branch.start, branch.end)), []).append(branch)
    merged = []
    for group in groups.values():
        one = group[0]
        if len(group) > 1:
            one = _parallel(net, group)
            notes.append(f"parallel branches are one: {listed(branch.label for branch in group)}")
        merged.append(one)
    return _without_rings(merged, len(net.buses), notes)


def _parallel(net: Net, group: list[NetBranch]) -> NetBranch:
    """Return what parallel branches are together: currents divide by admittance, and the first limit counts."""
    first = group[0]
    group = [branch if branch.start == first.start else turned(branch) for branch in group]
    for branch in group:
        if abs(branch.ratio - first.ratio) > _RATIO_SHARE * first.ratio:
            expected = f"the ratio of {first.label} ({first.ratio:g}), which is parallel to it, or one of both open"
            raise InputError(net.source, "open", f"{branch.label} with ratio {branch.ratio:g}", expected)
    impedance = [complex(branch.r_ohm, branch.x_ohm) for branch in group]
    solid = [branch for branch, z in zip(group, impedance, strict=True) if z == 0.0]
    if solid:
        return solid[0]
    together = 1.0 / sum(1.0 / z for z in impedance)
    rating = min(branch.rating_kva / abs(together / z) for branch, z in zip(group, impedance, strict=True))
    return replace(first, r_ohm=together.real, x_ohm=together.imag, rating_kva=rating)


def _without_rings(branches: list[NetBranch], buses: int, notes: list[str]) -> list[NetBranch]:
    """Leave out closed switches without impedance between buses that other such switches join already."""
    from scipy.cluster.hierarchy import DisjointSet  # here, because it is slow to import

    joined = DisjointSet(range(buses))
    kept, idle = [], []
    for branch in branches:
        solid = branch.kind == SWITCH and branch.r_ohm == branch.x_ohm == 0.0
        if solid and not joined.merge(branch.start, branch.end):
            idle.append(branch.label)
        else:
            kept.append(branch)
    if idle:
        notes.append(f"{len(idle)} closed switches join buses that others join already: {listed(idle)}")
    return kept


Tree = dict[int, NetBranch | None]
"""By bus, in order of distance from the root: the branch that feeds it, its start upstream; ``None`` at the roots."""


def _tree(net: Net, branches: list[NetBranch], roots: list[NetRoot]) -> Tree:
    """Return which branch feeds each bus that is supplied, refusing loops by naming them all."""
    ways: dict[int, list[NetBranch]] = {}
    for branch in branches:
        ways.setdefault(branch.start, []).append(branch)
        ways.setdefault(branch.end, []).append(branch)
    tree: Tree = {root.bus: None for root in roots}
    closing: dict[str, NetBranch] = {}
    queue = list(tree)
    for bus in queue:
        feeding = tree[bus]
        for branch in ways.get(bus, ()):
            if feeding is not None and branch.label == feeding.label:
                continue
            onward = branch if branch.start == bus else turned(branch)
            if onward.end in tree:
                closing.setdefault(branch.label, onward)
            else:
                tree[onward.end] = onward
                queue.append(onward.end)
    if closing:
        raise loop_error(net, tree, list(closing.values()))
    return tree


def _idle_kv(net: Net, tree: Tree, roots: list[NetRoot]) -> dict[int, float]:
    """Return the idle voltage of each bus of the tree, kV."""
    first = roots[0]
    idle = {root.bus: net.buses[root.bus].kv * root.voltage_pu / first.voltage_pu for root in roots}
    for bus, branch in tree.items():
        if branch is not None:
            idle[bus] = idle[branch.start] / branch.ratio
    return idle


def _note_islands(net: Net, kept: list[int], notes: list[str]) -> None:
    """Note the buses without supply, with what is lost with them."""
    lost = sorted(set(range(len(net.buses))) - set(kept))
    if not lost:
        return
    load = complex(net.load_kw[lost].sum(), net.load_kvar[lost].sum())
    generation = complex(net.generation_kw[lost].sum(), net.generation_kvar[lost].sum())
    shunt = complex(net.shunt_kw[lost].sum(), net.shunt_kvar[lost].sum())
    constant = f", of what is taken as constant {power_text(shunt)}" if shunt else ""
    notes.append(
        f"{counted(len(lost), 'bus has no supply and is', 'buses have no supply and are')} left out, with loads of "
        f"{power_text(load)} and generation of {power_text(generation)}{constant}: "
        f"{listed(net.buses[bus].label for bus in lost)}"
    )


def _note_levels(net: Net, kept: list[int], idle: FloatArray, notes: list[str]) -> None:
    """Note the voltage levels, and where the unit of a voltage is not the nominal one of its bus."""
    levels: dict[tuple[float, float], list[int]] = {}
    for bus, kv in zip(kept, idle, strict=True):
        levels.setdefault((net.buses[bus].kv, round(float(kv), 6)), []).append(bus)
    if len({nominal for nominal, _ in levels}) > 1:
        count: dict[float, int] = {}
        for (nominal, _), buses in levels.items():
            count[nominal] = count.get(nominal, 0) + len(buses)
        said = ", ".join(f"{counted(number, 'bus', 'buses')} at {kv:g} kV" for kv, number in count.items())
        notes.append(f"voltage levels ({said}) are referred to {net.buses[kept[0]].kv:g} kV, the root's")
    for (nominal, kv), buses in levels.items():
        if abs(kv / nominal - 1.0) > LEVEL_NOTE:
            names = listed(net.buses[bus].label for bus in buses)
            notes.append(
                f"ratio and tap: {counted(len(buses), 'bus', 'buses')} of {nominal:g} kV idle at {kv:g} kV "
                f"({kv / nominal:.4f} of it), and 1 per unit is that voltage there: {names}"
            )


def _feeder(net: Net, tree: Tree, kept: list[int], idle: FloatArray, band: Band, rating_kva: float | None) -> Feeder:
    """Put the feeder together, all of it referred to the root's nominal voltage."""
    place = {bus: k for k, bus in enumerate(kept)}
    base_kv = net.buses[kept[0]].kv
    fallback = math.inf if rating_kva is None else rating_kva
    if (fault := power_fault(fallback, base_kv, "kVA")) is not None:
        raise InputError(net.source, "rating_kva", rating_kva, fault)
    size = len(kept)
    parent: IntArray = np.zeros(size, dtype=np.int64)
    parent[0] = -1
    r_ohm, x_ohm, rating = np.zeros(size), np.zeros(size), np.full(size, fallback)
    for bus, branch in tree.items():
        if branch is not None:
            k = place[bus]
            parent[k] = place[branch.start]
            square = (base_kv / idle[k]) ** 2
            r_ohm[k], x_ohm[k] = branch.r_ohm * square, branch.x_ohm * square
            rating[k] = branch.rating_kva if math.isfinite(branch.rating_kva) else fallback
    low, high = _bands(net, kept, idle, band)
    assert band.root_pu is not None
    return _checked(
        net,
        Feeder(
            name=net.name,
            base_kv=base_kv,
            buses=tuple(net.buses[bus].label for bus in kept),
            parent=parent,
            r_ohm=r_ohm,
            x_ohm=x_ohm,
            rating_kva=rating,
            load_kw=net.load_kw[kept].copy(),
            load_kvar=net.load_kvar[kept].copy(),
            voltage_min_pu=low,
            voltage_max_pu=high,
            root_voltage_pu=band.root_pu,
        ),
    )


def _bands(net: Net, kept: list[int], idle: FloatArray, band: Band) -> tuple[FloatArray, FloatArray]:
    """Return the bands of the buses, per unit of their idle voltage.

    At the root the voltage is held, and a band of one value (files of cases without limits have it) is none.
    """
    low, high = np.empty(len(kept)), np.empty(len(kept))
    held = band.root_pu if band.root_pu is not None else 1.0
    for k, bus in enumerate(kept):
        own, unit = net.buses[bus], net.buses[bus].kv / idle[k]
        least = band.low if math.isnan(own.voltage_min_pu) else own.voltage_min_pu
        most = band.high if math.isnan(own.voltage_max_pu) else own.voltage_max_pu
        if k == 0:
            least, most = min(band.low, held), max(band.high, held)
        elif least == most:
            least, most = band.low, band.high
        if not least < most or VOLTAGE_PU.fault(least) is not None or VOLTAGE_PU.fault(most) is not None:
            raise InputError(net.source, f"bus {own.label}, voltage band", f"{least:g} to {most:g}", "0 < low < high")
        low[k], high[k] = least * unit, most * unit
    return low, high


def _checked(net: Net, feeder: Feeder) -> Feeder:
    """Refuse magnitudes that no feeder has."""
    fault = BASE_KV.fault(feeder.base_kv)
    if fault is not None:
        raise InputError(net.source, f"bus {feeder.buses[0]}, nominal voltage", feeder.base_kv, fault)
    fault = feeder_load_fault(feeder.load_kw, feeder.load_kvar, feeder.base_kv)
    if fault is not None:
        raise InputError(net.source, "loads", f"{np.abs(feeder.load_kw).sum():g} kW in all", fault)
    for name in ("r_ohm", "x_ohm"):
        for bus in np.flatnonzero(getattr(feeder, name) < 0.0).tolist():
            where = f"branch into bus {feeder.buses[bus]}, {name}"
            raise InputError(net.source, where, float(getattr(feeder, name)[bus]), "an impedance >= 0")
    for value in (feeder.rating_kva[feeder.rating_kva < 0.0]).tolist():
        raise InputError(net.source, "rating", value, "a rating > 0")
    return feeder


def needless_rating(rating_kva: float, kv: float) -> float:
    """Return a rating, or ``inf`` where it says "no limit": 0, or more than any feeder of this voltage carries."""
    return math.inf if rating_kva == 0.0 or power_fault(rating_kva, kv, "kVA") is not None else rating_kva
