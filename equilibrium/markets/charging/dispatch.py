"""Read a dispatch and its prices off the columns and multipliers of a compiled program."""

from __future__ import annotations

from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.grid.binding import binding_limits
from equilibrium.grid.network import Network
from equilibrium.grid.prices import nodal_prices
from equilibrium.lengths import named
from equilibrium.markets.charging.day import MarketDay
from equilibrium.programs.program import Instance, Program

STORAGE = ("storage_charge_kw", "storage_discharge_kw", "storage_kwh")
"""Columns of the storage units; a network without storage has none of them."""


def read_dispatch(
    network: Network,
    day: MarketDay,
    program: Program,
    instance: Instance,
    x: FloatArray,
    y: FloatArray,
    shortage: tuple[Instance, FloatArray] | None = None,
    *,
    told: bool = True,
) -> dict[str, Any]:
    """Return the fields of a :class:`~.Clearing` that follow from a primal and dual point.

    These are the dispatch, flows, voltages, prices, limits at work, network cost and fuel cost. ``shortage`` and
    ``told`` are as in :func:`equilibrium.grid.binding.binding_limits`.
    """
    values = {name: program.value(x, name) for name in program.columns}
    none = np.zeros((day.hours, 0))
    both = np.minimum(values["import_kw"], values["export_kw"])  # only ever positive where the price is zero
    bought, sold = values["import_kw"] - both, values["export_kw"] - both
    prices, length = nodal_prices(network, program, y, day.length_h), day.length_h
    fuel_rate = values["microturbine_kw"] @ [unit.fuel_cost_per_kwh for unit in network.microturbines]
    fuel = float((length * fuel_rate).sum())
    return {
        "import_kw": bought,
        "export_kw": sold,
        "microturbine_kw": values["microturbine_kw"],
        "microturbine_kvar": values["microturbine_kvar"],
        "renewable_kw": values["renewable_kw"],
        "compensator_kvar": values["compensator_kvar"],
        "flow_kw": values["flow_kw"],
        "flow_kvar": values["flow_kvar"],
        "voltage_pu": values["voltage_kv"] / network.feeder.base_kv,
        "lot_kw": values["lot_kw"],
        **{name: values.get(name, none) for name in STORAGE},
        "dlmp": prices.dlmp,
        "dlmp_energy": prices.energy,
        "dlmp_congestion": prices.congestion,
        "dlmp_voltage": prices.voltage,
        "network_cost": float(day.wholesale_price @ (length * (bought - network.export_price_factor * sold))) + fuel,
        "fuel_cost": fuel,
        "limits": binding_limits(network, program, instance, x, y, shortage, told=told),
    }


def storage_notes(
    network: Network, day: MarketDay, program: Program, x: FloatArray, dlmp: FloatArray
) -> tuple[str, ...]:
    """Name the periods in which a storage unit charges and discharges at once.

    No unit does so for gain where the DLMP at its bus is positive (:mod:`equilibrium.grid.distribution`). Elsewhere the
    note says what a real unit, which does one thing at a time, could not follow.

    Parameters
    ----------
    dlmp
        Prices ``(hours, buses)``, currency/kWh.
    """
    if not network.storage:
        return ()
    both = np.minimum(program.value(x, "storage_charge_kw"), program.value(x, "storage_discharge_kw"))
    notes = []
    for k, unit in enumerate(network.storage):
        hours = np.flatnonzero(both[:, k] > NEGLIGIBLE)
        if hours.size:
            where = ", ".join(map(str, hours))
            low = 1000.0 * float(dlmp[hours, unit.bus].max())
            notes.append(
                f"storage {unit.name} charges and discharges at once in {named(day.length_h)} {where} "
                f"(up to {both[:, k].max():.1f} kW, DLMP there up to {low:.2f} per MWh): it burns energy"
            )
    return tuple(notes)
