"""The parking lots' program: equations (3a)-(3f) of docs/epec_lots.md, with the paper's defects as switches.

* D1 first hour: as printed, p_{c,1} is in the profit but in no state-of-energy equation, so the first hour's
  charging is free revenue and energy is not conserved. ``first_hour="corrected"`` (default) counts it in (3c).
* D2 double count: (3b) at t = T already subtracts Cout_T; (3d) then asks for the energy owed at the end of the
  day, a parameter of its own here (``energy_end_kwh``).
* D3 "=" or ">=": the text says "sufficient", the formulas say equal. ``terminal="eq"`` (default) or ``"ge"``.
* E4 the lots pay nothing for energy, so they have no market power here; E11 the top level is not a player.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.fleet.day import LotDay
from equilibrium.grid.assets import LotSite
from equilibrium.lengths import Periods, period_lengths
from equilibrium.programs.program import INF, Program, ProgramBuilder


def add_lots(build: ProgramBuilder, lots: tuple[LotSite, ...], lot_kw: IntArray, periods: Periods) -> None:
    """State the dynamics and bounds of every lot on given power columns, and what power above a subscription costs.

    Ports: ``soe_min_kwh``, ``soe_max_kwh``, ``soe_change_kwh`` (Cin - Cout), each ``(hours, lots)``, and
    ``soe_end_kwh`` ``(lots,)``.

    Parameters
    ----------
    lot_kw
        Columns of p_{c,t}, shape ``(hours, lots)``.
    periods
        Their lengths.
    """
    shape, length = lot_kw.shape, period_lengths(periods)[:, None]
    soe = build.columns("soe_kwh", shape, lower=0.0, upper=0.0)
    build.lower_ports(soe, build.port("soe_min_kwh", shape), 1.0)  # (3e)
    build.upper_ports(soe, build.port("soe_max_kwh", shape), 1.0)
    row = build.rows("soe_balance", shape, lower=0.0, upper=0.0)  # (3b), (3c)
    build.coefficients(row, soe, 1.0)
    build.coefficients(row[1:], soe[:-1], -1.0)
    build.row_ports(row, build.port("soe_change_kwh", shape), -1.0)
    efficiency = np.array([lot.efficiency for lot in lots])
    build.coefficients(row[1:], lot_kw[1:], -efficiency * length[1:])
    corrected = np.array([lot.first_hour == "corrected" for lot in lots], dtype=np.float64)
    build.coefficients(row[0], lot_kw[0], -efficiency * corrected * length[0])  # D1
    at_least = np.array([lot.terminal == "ge" for lot in lots])
    end = build.rows("soe_end", (len(lots),), lower=0.0, upper=np.where(at_least, INF, 0.0))  # (3d), D3
    build.coefficients(end, soe[-1], 1.0)
    build.row_ports(end, build.port("soe_end_kwh", (len(lots),)), -1.0)
    _add_subscriptions(build, lots, lot_kw, length)


def _add_subscriptions(
    build: ProgramBuilder, lots: tuple[LotSite, ...], lot_kw: IntArray, length_h: FloatArray
) -> None:
    """State the power above each subscribed capacity, which has a price."""
    places = [k for k, lot in enumerate(lots) if lot.subscription is not None]
    if not places:
        return
    contracts = [lot.subscription for lot in lots if lot.subscription is not None]
    charge = np.array([contract.charge for contract in contracts])
    excess = build.columns("excess_kw", (length_h.size, len(places)), cost=charge * length_h)
    capacity = np.array([contract.power_kw for contract in contracts])
    row = build.rows("subscription", excess.shape, upper=capacity)
    build.coefficients(row, lot_kw[:, places], 1.0)
    build.coefficients(row, excess, -1.0)


def subscription_payments(lots: tuple[LotSite, ...], power_kw: FloatArray, length_h: FloatArray) -> FloatArray:
    """Return what the lots pay for power above what they have subscribed to, currency, shape ``(lots,)``.

    ``power_kw`` has shape ``(hours, lots)``.
    """
    paid = [
        0.0 if lot.subscription is None else lot.subscription.payment(power_kw[:, k], length_h)
        for k, lot in enumerate(lots)
    ]
    return np.array(paid, dtype=np.float64)


def refuse_subscriptions(lots: tuple[LotSite, ...], expected: str) -> None:
    """Raise :class:`InputError` if a lot has a subscription, and say what was expected."""
    for lot in lots:
        if lot.subscription is not None:
            raise InputError(f"lot {lot.name}", "subscription", f"{lot.subscription.power_kw:g} kW", expected)


def compile_lots(lots: tuple[LotSite, ...], periods: Periods) -> Program:
    """Compile the lots' stand-alone problems side by side: (3a)-(3f) without the network."""
    build, lengths = ProgramBuilder(), period_lengths(periods)
    lot_kw = build.columns("lot_kw", (lengths.size, len(lots)), upper=0.0)
    build.upper_ports(lot_kw, build.port("lot_max_kw", lot_kw.shape), 1.0)  # (3f)
    # (3a), as a minimisation
    build.cost_ports(lot_kw, build.port("net_price", lot_kw.shape), -lengths[:, None])
    add_lots(build, lots, lot_kw, lengths)
    return build.compile()


def lot_ports(lots: tuple[LotDay, ...], hours: int) -> dict[str, FloatArray]:
    """Return the values of the ports of :func:`add_lots` for one day."""
    return {
        "soe_min_kwh": stacked(lots, "soe_min_kwh", hours),
        "soe_max_kwh": stacked(lots, "soe_max_kwh", hours),
        "soe_change_kwh": stacked(lots, "energy_in_kwh", hours) - stacked(lots, "energy_out_kwh", hours),
        "soe_end_kwh": np.array([lot.energy_end_kwh for lot in lots]),
    }


def stacked(lots: tuple[LotDay, ...], name: str, hours: int) -> FloatArray:
    """Return one attribute of all lots as an array of shape ``(hours, lots)``."""
    if not lots:
        return np.zeros((hours, 0))
    return np.stack([getattr(lot, name) for lot in lots], axis=1).astype(np.float64)


def lot_bounds(lots: tuple[LotDay, ...], hours: int) -> Mapping[str, FloatArray]:
    """Return the values of the ports that :func:`compile_lots` adds to those of :func:`add_lots`."""
    return {
        "lot_max_kw": stacked(lots, "power_max_kw", hours),
        "net_price": stacked(lots, "net_price", hours),
    }
