"""The DSO's program: LinDistFlow on a radial feeder, equations (2a)-(2p) of docs/epec_lots.md.

Blocks are stated period by period beside their equation. The objective is in currency: what a kW costs in a period is
its price per kWh times the period's length. Signs of rows are chosen so that the multiplier of ``active_balance``,
divided by that length, *is* the DLMP: the derivative of the network cost with respect to energy drawn at the bus.

Notes on the published model: E3 the polygon of (2o), (2p) is an inner one, so it is a *restriction* of the
apparent-power circle: what is feasible here is feasible there, not conversely. E9 the paper mixes 0- and
1-based node numbers; its ``@k`` is bus index k. E10 it mixes EUR/kWh and EUR/MWh; here money is per kWh.

Beyond the published model: storage that the DSO dispatches, and ramp limits of microturbines. They couple hours; a
network without them compiles to exactly the published program.

Storage may charge and discharge in one hour here, which keeps the program linear. At a DLMP that is not negative it
cannot pay: charging ``d`` and discharging ``eta_c eta_d d`` less keeps the stored energy and gives the bus
``(1 - eta_c eta_d) d >= 0`` more. At a negative DLMP burning energy pays, and
:mod:`equilibrium.markets.charging.dispatch` says where.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.day import GridDay
from equilibrium.grid.network import Network
from equilibrium.lengths import Periods, period_lengths
from equilibrium.programs.program import FEASIBILITY, INF, Program, ProgramBuilder

VOLTS_PER_KILOVOLT = 1000.0

STATE_COLUMNS = ("import_kvar", "flow_kw", "flow_kvar", "voltage_kv")
"""Columns that the physics determines once the dispatch is known."""

STATE_ROWS = ("reactive_root", "active_balance", "reactive_balance", "voltage_root", "voltage_drop")
"""The equalities that determine them: as many as there are state columns, and non-singular."""


def polygon(edges: int) -> tuple[FloatArray, FloatArray, float]:
    """Return the inner polygon ``a_n p + b_n q <= c s`` of the circle ``p^2 + q^2 <= s^2``.

    The vertices lie on the circle at angles ``2 pi (n-1) / N``, so ``p = s`` stays
    attainable at ``q = 0``; the edge normals are at ``(2 n - 1) pi / N``.

    Returns
    -------
    tuple
        ``a`` and ``b`` of shape ``(edges,)`` and the factor ``c = cos(pi / N)``.
    """
    angle = (2.0 * np.arange(edges) + 1.0) * np.pi / edges
    return np.cos(angle), np.sin(angle), float(np.cos(np.pi / edges))


def add_distribution(build: ProgramBuilder, network: Network, periods: Periods) -> IntArray:
    """State the DSO's program (2a)-(2p) over some periods.

    Ports: ``wholesale_price`` (hours,), ``load_kw``, ``load_kvar`` (hours, buses), ``renewable_max_kw`` (hours,
    renewables), ``microturbine_max_kva`` (hours, microturbines; 0 when a unit is off, ``inf`` when its rating
    rules), ``lot_min_kw``, ``lot_max_kw`` (hours, lots).

    Returns
    -------
    IntArray
        Columns of the lots' powers, shape ``(hours, lots)``. With equal ``lot_min_kw`` and ``lot_max_kw`` this is
        the low level at given charging; their reduced cost is then the DLMP at the lots' buses.
    """
    feeder, lengths = network.feeder, period_lengths(periods)
    hours = lengths.size
    flow_kw, flow_kvar = _add_trade(build, network, lengths)
    generation = add_generation(build, network, lengths)
    lot_kw = build.columns("lot_kw", (hours, len(network.lots)), upper=0.0)
    build.lower_ports(lot_kw, build.port("lot_min_kw", lot_kw.shape), 1.0)
    build.upper_ports(lot_kw, build.port("lot_max_kw", lot_kw.shape), 1.0)

    for row_name, load_name, flow in (
        ("active_balance", "load_kw", flow_kw),  # (2d)
        ("reactive_balance", "load_kvar", flow_kvar),  # (2e)
    ):
        row = build.rows(row_name, (hours, feeder.size), lower=0.0, upper=0.0)
        build.coefficients(row, flow, 1.0)
        build.coefficients(row[:, feeder.parent[1:]], flow[:, 1:], -1.0)
        build.row_ports(row, build.port(load_name, row.shape), -1.0)
        if load_name == "load_kw":
            buses = asset_buses(network.lots)
            build.coefficients(row[:, buses], lot_kw, -1.0)
        for columns, buses in generation[load_name]:
            build.coefficients(row[:, buses], columns, 1.0)
    if network.storage:
        _add_storage(build, network, lengths)
    _add_ramps(build, network, lengths)

    _add_voltage(build, network, hours, flow_kw, flow_kvar)
    rated = np.flatnonzero(np.isfinite(feeder.rating_kva))
    add_polygon(
        build, "branch_polygon", network.polygon_edges, flow_kw[:, rated], flow_kvar[:, rated], feeder.rating_kva[rated]
    )  # (2o)
    return lot_kw


def compile_distribution(network: Network, periods: Periods) -> Program:
    """Compile the DSO's program alone; the lots' powers are given through ``lot_min_kw`` and ``lot_max_kw``."""
    build = ProgramBuilder()
    add_distribution(build, network, periods)
    return build.compile()


def one_more_kw(program: Program) -> FloatArray:
    """Return by how much the rows' right-hand sides rise with one more kW of load at every bus, in every period."""
    loads = program.ports["load_kw"].slice
    return np.asarray(-program.row_port[:, loads].sum(axis=1)).ravel()


def _add_trade(build: ProgramBuilder, network: Network, lengths: FloatArray) -> tuple[IntArray, IntArray]:
    """State the trade terms of (2a), (2b), (2c), (2h) and the flows."""
    hours = lengths.size
    price = build.port("wholesale_price", (hours,))
    bought = build.columns("import_kw", (hours,))
    sold = build.columns("export_kw", (hours,))
    build.cost_ports(bought, price, lengths)
    build.cost_ports(sold, price, -network.export_price_factor * lengths)
    # The paper's q^im and q^ex are both costless: one free variable, without their null ray (docs/epec_lots.md).
    reactive = build.columns("import_kvar", (hours,), lower=-INF)
    shape = (hours, network.feeder.size)
    flow_kw = build.columns("flow_kw", shape, lower=-INF)
    flow_kvar = build.columns("flow_kvar", shape, lower=-INF)
    root = build.rows("active_root", (hours,), lower=0.0, upper=0.0)  # (2b)
    build.coefficients(root, bought, 1.0)
    build.coefficients(root, sold, -1.0)
    build.coefficients(root, flow_kw[:, 0], -1.0)
    root = build.rows("reactive_root", (hours,), lower=0.0, upper=0.0)  # (2c)
    build.coefficients(root, reactive, 1.0)
    build.coefficients(root, flow_kvar[:, 0], -1.0)
    return flow_kw, flow_kvar


def add_generation(
    build: ProgramBuilder, network: Network, periods: Periods
) -> dict[str, list[tuple[IntArray, IntArray]]]:
    """State microturbines (2k)/(2p), renewables (2l), compensators (2n); return (columns, buses) per balance."""
    lengths = period_lengths(periods)
    hours = lengths.size
    turbines, renewables, compensators = network.microturbines, network.renewables, network.compensators
    shape = (hours, len(turbines))
    fuel = np.array([unit.fuel_cost_per_kwh for unit in turbines])
    turbine_kw = build.columns("microturbine_kw", shape, upper=0.0, cost=fuel * lengths[:, None])
    turbine_kvar = build.columns("microturbine_kvar", shape, lower=0.0, upper=0.0)
    limit = build.port("microturbine_max_kva", shape)
    build.upper_ports(turbine_kw, limit, 1.0)
    build.upper_ports(turbine_kvar, limit, 1.0)
    build.lower_ports(turbine_kvar, limit, -1.0)
    rating = np.array([unit.rating_kva for unit in turbines])
    add_polygon(build, "microturbine_polygon", network.polygon_edges, turbine_kw, turbine_kvar, rating)  # (2p)

    renewable_kw = build.columns("renewable_kw", (hours, len(renewables)), upper=0.0)
    build.upper_ports(renewable_kw, build.port("renewable_max_kw", renewable_kw.shape), 1.0)  # (2l)
    rating = np.array([unit.rating_kvar for unit in compensators])
    compensator_kvar = build.columns("compensator_kvar", (hours, len(compensators)), upper=rating)  # (2n)
    return {
        "load_kw": [(turbine_kw, asset_buses(turbines)), (renewable_kw, asset_buses(renewables))],
        "load_kvar": [(turbine_kvar, asset_buses(turbines)), (compensator_kvar, asset_buses(compensators))],
    }


def _add_storage(build: ProgramBuilder, network: Network, lengths: FloatArray) -> None:
    """State the storage units: powers on the grid side, energy at each period's end, the day's end as its start."""
    units, hours = network.storage, lengths.size
    shape = (hours, len(units))

    def of(name: str) -> FloatArray:
        return np.array([getattr(unit, name) for unit in units], dtype=np.float64)

    charge = build.columns("storage_charge_kw", shape, upper=of("charge_max_kw"))
    discharge = build.columns("storage_discharge_kw", shape, upper=of("discharge_max_kw"))
    low, high = np.tile(of("energy_min_kwh"), (hours, 1)), np.tile(of("energy_kwh"), (hours, 1))
    low[-1] = high[-1] = initial = of("initial_kwh")
    energy = build.columns("storage_kwh", shape, lower=low, upper=high)
    carried = np.zeros(shape)
    carried[0] = initial
    row = build.rows("storage_balance", shape, lower=carried, upper=carried)
    build.coefficients(row, energy, 1.0)
    build.coefficients(row[1:], energy[:-1], -1.0)
    build.coefficients(row, charge, -of("charge_efficiency") * lengths[:, None])
    build.coefficients(row, discharge, lengths[:, None] / of("discharge_efficiency"))
    balance = build.row_index("active_balance")[:, asset_buses(units)]
    build.coefficients(balance, charge, -1.0)
    build.coefficients(balance, discharge, 1.0)


def _add_ramps(build: ProgramBuilder, network: Network, lengths: FloatArray) -> None:
    """State the ramp limits of the microturbines that have one: from the middle of a period to that of the next."""
    limit = np.array([unit.ramp_kw_per_h for unit in network.microturbines])
    limited = np.flatnonzero(np.isfinite(limit))
    if not limited.size or lengths.size == 1:
        return
    power = build.column_index("microturbine_kw")[:, limited]
    most = limit[limited] * (0.5 * (lengths[1:] + lengths[:-1]))[:, None]
    row = build.rows("ramp", (lengths.size - 1, limited.size), lower=-most, upper=most)
    build.coefficients(row, power[1:], 1.0)
    build.coefficients(row, power[:-1], -1.0)


def _add_voltage(build: ProgramBuilder, network: Network, hours: int, flow_kw: IntArray, flow_kvar: IntArray) -> None:
    """State (2f), (2g), (2j) in kV: ohm times kW over kV is volt, hence the factor 1000."""
    feeder = network.feeder
    voltage = build.columns(
        "voltage_kv",
        (hours, feeder.size),
        lower=feeder.voltage_min_pu * feeder.base_kv,
        upper=feeder.voltage_max_pu * feeder.base_kv,
    )
    root_kv = feeder.root_voltage_pu * feeder.base_kv
    root = build.rows("voltage_root", (hours,), lower=root_kv, upper=root_kv)
    build.coefficients(root, voltage[:, 0], 1.0)
    drop = build.rows("voltage_drop", (hours, feeder.size - 1), lower=0.0, upper=0.0)
    build.coefficients(drop, voltage[:, 1:], 1.0)
    build.coefficients(drop, voltage[:, feeder.parent[1:]], -1.0)
    scale = VOLTS_PER_KILOVOLT * root_kv
    build.coefficients(drop, flow_kw[:, 1:], feeder.r_ohm[1:] / scale)
    build.coefficients(drop, flow_kvar[:, 1:], feeder.x_ohm[1:] / scale)


def add_polygon(build: ProgramBuilder, name: str, edges: int, p: IntArray, q: IntArray, rating: FloatArray) -> IntArray:
    """State ``a_n p + b_n q <= c s``; return the rows, shape ``(hours, elements, edges)``."""
    a, b, c = polygon(edges)
    rows = build.rows(name, (*p.shape, edges), upper=(c * rating)[None, :, None])
    build.coefficients(rows, p[..., None], a)
    build.coefficients(rows, q[..., None], b)
    return rows


def implied_edges(network: Network, program: Program) -> IntArray:
    """Return the rows of the microturbines' polygons that follow from others, since no power is below zero.

    An edge on the side of negative power bounds a power above zero less than its mirror image does. With an odd number
    of edges none has one.
    """
    edges, a = program.rows["microturbine_polygon"].index, polygon(network.polygon_edges)[0]
    left = (a < -FEASIBILITY) & (a.size % 2 == 0)
    return np.asarray(edges[..., left].ravel())


def distribution_ports(
    network: Network, day: GridDay, lot_min_kw: FloatArray, lot_max_kw: FloatArray
) -> dict[str, FloatArray]:
    """Return the values of the DSO's ports for one day.

    Parameters
    ----------
    lot_min_kw, lot_max_kw
        Limits of the lots' powers, shape ``(hours, lots)``; equal ones fix the charging.
    """
    available = np.broadcast_to(day.microturbine_available, (day.hours, len(network.microturbines)))
    return {
        "wholesale_price": day.wholesale_price,
        "load_kw": day.load_kw,
        "load_kvar": day.load_kvar,
        "renewable_max_kw": day.renewable_kw,
        "microturbine_max_kva": np.where(available, INF, 0.0),
        "lot_min_kw": lot_min_kw,
        "lot_max_kw": lot_max_kw,
    }


def asset_buses(
    elements: Sequence[Microturbine | RenewableUnit | StaticVarCompensator | StorageUnit | LotSite],
) -> IntArray:
    """Return the buses at which the elements stand, shape ``(elements,)``."""
    return np.array([element.bus for element in elements], dtype=np.int64)
