"""What a market returns: the cleared day and its certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate
from equilibrium.grid.binding import Limit


@dataclass(frozen=True, eq=False)
class Clearing:
    """One cleared day.

    Shapes are ``(hours, ...)``; powers in kW and kvar, energies in kWh, prices in currency/kWh.

    Attributes
    ----------
    import_kw, export_kw
        Trade with the wholesale market, shape ``(hours,)``.
    microturbine_kw, microturbine_kvar
        Shape ``(hours, microturbines)``.
    renewable_kw, compensator_kvar
        Shape ``(hours, renewables)`` and ``(hours, compensators)``.
    flow_kw, flow_kvar, voltage_pu
        Branch flows (by receiving bus) and voltages, shape ``(hours, buses)``.
    lot_kw, lot_soe_kwh
        Charging power and state of energy at the end of the hour, shape ``(hours, lots)``.
    storage_charge_kw, storage_discharge_kw, storage_kwh
        Power drawn and given by each storage unit, and its energy at the end of the hour, shape ``(hours, storage)``.
    shed_kw, unserved_kwh
        Load not served ``(hours, buses)`` and charging energy (battery side) not served ``(hours, lots)``:
        zero unless the day was infeasible and shortages were priced.
    dlmp
        Distribution locational marginal price, shape ``(hours, buses)``: the derivative of the network cost with
        respect to load at the bus. ``dlmp = dlmp_energy + dlmp_congestion + dlmp_voltage``.
    limits
        The limits of the network and its units that are reached or near, with their multipliers.
    lot_price
        What each lot pays for its energy, currency/kWh, shape ``(hours, lots)``: zero in the lots-lead market.
    vehicle_kw
        For every lot with a fleet: power of each vehicle, shape ``(vehicles, hours)``, grid side; else ``None``.
    network_cost, fuel_cost, shortage_cost
        NC of (2a) without shortages, its fuel part, and the price paid for shortages, currency.
    lot_profit, lot_maximum
        Profit (3a) of each lot and its stand-alone maximum E_c*, currency, shape ``(lots,)``.
    seconds, solver_seconds
        Wall time of the clearing with its certificate, and the part spent inside the solver.
    """

    import_kw: FloatArray
    export_kw: FloatArray
    microturbine_kw: FloatArray
    microturbine_kvar: FloatArray
    renewable_kw: FloatArray
    compensator_kvar: FloatArray
    flow_kw: FloatArray
    flow_kvar: FloatArray
    voltage_pu: FloatArray
    lot_kw: FloatArray
    lot_soe_kwh: FloatArray
    storage_charge_kw: FloatArray
    storage_discharge_kw: FloatArray
    storage_kwh: FloatArray
    shed_kw: FloatArray
    unserved_kwh: FloatArray
    dlmp: FloatArray
    dlmp_energy: FloatArray
    dlmp_congestion: FloatArray
    dlmp_voltage: FloatArray
    limits: tuple[Limit, ...]
    lot_price: FloatArray
    vehicle_kw: tuple[NDArray[np.float64] | None, ...]
    network_cost: float
    fuel_cost: float
    shortage_cost: float
    lot_profit: FloatArray
    lot_maximum: FloatArray
    certificate: Certificate
    seconds: float
    solver_seconds: float
