"""Transformers of pandapower: taps, impedances of two windings, and the star that stands for three."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scenarios.readers.nets.record import Record

SIDES = ("hv", "mv", "lv")
"""Windings of a transformer that has three."""


@dataclass(frozen=True)
class Winding:
    """One branch of a transformer.

    Attributes
    ----------
    r_ohm, x_ohm
        Its impedance seen from the lower side, ohm.
    ratio
        Voltage at the upper side over that at the lower one when nothing flows, kV/kV.
    rated_mva
        Rating, MVA.
    """

    r_ohm: float
    x_ohm: float
    ratio: float
    rated_mva: float


def two_windings(row: Record, notes: list[str], name: str) -> Winding:
    """Return the branch of a transformer with two windings, all its parallel systems together.

    Parameters
    ----------
    row
        Its row of the table ``trafo``.
    notes
        Where a tap that has no effect is noted.
    name
        Its name in notes.
    """
    parallel, rated = row.whole("parallel", 1, minimum=1), row.number("sn_mva", minimum=1e-9)
    high, low = (tapped_kv(row, side, notes, name) for side in ("hv", "lv"))
    r, x = _short_circuit(row, "")
    square = low**2 / (rated * parallel)
    return Winding(r * square, x * square, high / low, rated * parallel)


def three_windings(row: Record, notes: list[str], name: str) -> dict[str, Winding]:
    """Return the branches of the star that stands for a transformer with three windings, by side.

    The middle of the star has the nominal voltage of the upper winding. Its branch ``hv`` leads from the upper bus to
    the middle, the others from there to their buses. What pairs of windings have in common in a short circuit is split
    so that each pair keeps it.

    Parameters
    ----------
    row
        Its row of the table ``trafo3w``.
    notes, name
        As in :func:`two_windings`.

    Raises
    ------
    InputError
        For a tap at the star point that is not at neutral.
    """
    if row.flag("tap_at_star_point", default=False) and row.number("tap_pos", 0.0) != row.number("tap_neutral", 0.0):
        raise row.error("tap_at_star_point", True, "false: the tap of a winding is read at its terminal")
    rated = np.array([row.number(f"sn_{side}_mva", minimum=1e-9) for side in SIDES])
    middle_kv = row.number("vn_hv_kv", minimum=1e-9)
    pairs = np.minimum(rated, np.roll(rated, -1))  # of upper and middle, middle and lower, lower and upper winding
    delta = np.array([complex(*_short_circuit(row, f"{side}_")) for side in SIDES]) / pairs
    star = 0.5 * (delta + np.roll(delta, 1) - np.roll(delta, -1))
    found = {}
    for side, z, limit in zip(SIDES, star.tolist(), rated.tolist(), strict=True):
        own = tapped_kv(row, side, notes, name)
        seen, ratio = (middle_kv, own / middle_kv) if side == "hv" else (own, middle_kv / own)
        found[side] = Winding(z.real * seen**2, z.imag * seen**2, ratio, limit)
    return found


def _short_circuit(row: Record, side: str) -> tuple[float, float]:
    """Return resistance and reactance of a short circuit, per unit of a transformer's own rating."""
    z, r = (row.number(f"{kind}_{side}percent", minimum=0.0) / 100.0 for kind in ("vk", "vkr"))
    if r > z:
        raise row.error(f"vkr_{side}percent", row.cells[f"vkr_{side}percent"], f"at most vk_{side}percent")
    return r, math.sqrt(z**2 - r**2)


def idle_kva(row: Record, rated: str) -> complex:
    """Return what one transformer draws when idle, kVA; ``rated`` is the column of its rating, MVA."""
    iron = row.number("pfe_kw", 0.0, minimum=0.0)
    drawn = 1000.0 * row.number(rated, minimum=1e-9) * row.number("i0_percent", 0.0) / 100.0
    return complex(iron, math.sqrt(max(drawn**2 - iron**2, 0.0)))


def tapped_kv(row: Record, side: str, notes: list[str], name: str) -> float:
    """Return the voltage of a side at the position of its taps, kV.

    Parameters
    ----------
    row
        The transformer.
    side
        ``"hv"``, ``"mv"`` or ``"lv"``.
    notes, name
        As in :func:`two_windings`.

    Raises
    ------
    InputError
        For a tap with a table of its own.
    """
    voltage = row.number(f"vn_{side}_kv", minimum=1e-9)
    for tap in ("tap", "tap2"):
        if row.text(f"{tap}_side") != side or not row.has(f"{tap}_pos"):
            continue
        steps = row.number(f"{tap}_pos") - row.number(f"{tap}_neutral", 0.0)
        kind = row.text(f"{tap}_changer_type")
        if steps == 0.0:
            continue
        if kind == "Tabular" or row.flag(f"{tap}_dependency_table", default=False):
            raise row.error(f"{tap}_changer_type", kind, "a tap changer without a table of its own")
        if f"{tap}_changer_type" in row.cells and not kind:
            notes.append(f"{name}: {tap}_pos is not at neutral, but without a {tap}_changer_type it has no effect")
            continue
        if kind == "Ideal" or row.flag(f"{tap}_phase_shifter", default=False):
            continue  # turns the angle alone, which a radial feeder does not feel
        step = steps * row.number(f"{tap}_step_percent", 0.0) / 100.0
        angle = math.radians(row.number(f"{tap}_step_degree", 0.0))
        voltage *= math.hypot(1.0 + step * math.cos(angle), step * math.sin(angle))
    return voltage
