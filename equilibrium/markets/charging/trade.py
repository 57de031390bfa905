"""Which way trade may go when the wholesale price is negative.

The printed program (2a)-(2p) is unbounded at W < 0: importing and exporting the same power earns ``(1 - alpha)|W|``
for every kWh. Physically a feeder does one or the other. With the net import g the trade cost is then ``W g`` for
g >= 0 and ``alpha W g`` below: concave, so the direction is a discrete choice. It is settled exactly, in this order:

1. where local potential cannot exceed the load, exports are impossible;
2. else imports are assumed, the day is solved, and its Lagrangian proves hour by hour that no export can be
   better: exporting costs at least nothing, and earns the lots at most what their power can take of the surplus;
3. else a mixed-integer program decides, with the bounds on trade taken from the substation's rating or from the
   sum of what stands on the feeder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import SolverError
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from equilibrium.programs.program import GAP, Instance, Program
from equilibrium.programs.solvers import Status, solve_mixed

COUPLING_ROWS = ("soe_balance", "soe_end", "storage_balance", "ramp")
"""Rows of the joint program that join hours, or belong to a lot alone."""


def surplus_kw(network: Network, day: MarketDay) -> FloatArray:
    """Return the most that local generation can exceed the inflexible load by, kW, shape ``(hours,)``."""
    turbines = sum(
        unit.rating_kva * bool(on) for unit, on in zip(network.microturbines, day.microturbine_available, strict=True)
    )
    stored = sum(unit.discharge_max_kw for unit in network.storage)
    return np.asarray(day.renewable_kw.sum(axis=1) + turbines + stored - day.load_kw.sum(axis=1))


def undecided_hours(network: Network, day: MarketDay) -> np.ndarray:
    """Return True where the price is negative and exports are physically possible, shape ``(hours,)``."""
    return np.asarray((day.wholesale_price < 0.0) & (surplus_kw(network, day) > 0.0))


def least_cost_of_exporting(network: Network, day: MarketDay, charging_kw: FloatArray) -> FloatArray:
    """Return a lower bound on the cost while exporting at a negative price, currency an hour, shape ``(hours,)``.

    Exports then earn nothing, and local units must carry the load and at least ``charging_kw`` ``(hours,)`` of charge,
    renewables and storage for free, then microturbines by their cost.
    """
    free = day.renewable_kw.sum(axis=1) + sum(unit.discharge_max_kw for unit in network.storage)
    missing = np.maximum(day.load_kw.sum(axis=1) + charging_kw - free, 0.0)
    cost = np.zeros_like(missing)
    units = zip(network.microturbines, day.microturbine_available, strict=True)
    for unit in sorted((unit for unit, on in units if on), key=lambda unit: unit.fuel_cost_per_kwh):
        run = np.minimum(missing, unit.rating_kva)
        cost += run * unit.fuel_cost_per_kwh
        missing = missing - run
    return np.asarray(cost)


def importing_is_optimal(
    network: Network, day: MarketDay, program: Program, instance: Instance, x: FloatArray, y: FloatArray
) -> bool:
    """Prove that no undecided hour would be better served by exporting.

    Parameters
    ----------
    instance, x, y
        The day with exports closed in every hour of negative price, and its primal and dual optimum.

    Returns
    -------
    bool
        True when the proof succeeds. The rows of lots, storage and ramps couple the hours; priced at their
        multipliers, the rest falls apart by hour, and the optimum is global if in no hour the export side can go below
        the import side.
    """
    own = np.concatenate([program.rows[name].index.ravel() for name in COUPLING_ROWS if name in program.rows])
    coupling = np.concatenate([own, np.arange(program.shape[0], instance.shape[0])])
    lot = program.columns["lot_kw"].index
    net = instance.matrix[coupling, :].T @ y[coupling] - instance.cost
    value, units, surplus = net[lot], _unit_columns(network, program), surplus_kw(network, day)
    price = day.length_h * day.wholesale_price
    cost = price * program.value(x, "import_kw") - (net[units.index] * x[units.index]).sum(axis=1)
    imported = cost - (value * program.value(x, "lot_kw")).sum(axis=1)
    # Exporting, units of the operator (fuel, storage) cost at least this at the prices of the coupling rows.
    running = np.minimum(-net[units.index], 0.0) @ units.most_kw
    for hour in np.flatnonzero(undecided_hours(network, day)):
        low, high = instance.col_lower[lot[hour]], instance.col_upper[lot[hour]]
        room = surplus[hour] - low.sum()
        if room < 0.0:
            continue  # the lots' least charging uses up the surplus: no export
        best = np.argsort(-value[hour])
        width = (high - low)[best]
        taken = np.clip(room - (np.cumsum(width) - width), 0.0, width)
        earned = float(value[hour] @ low + np.maximum(value[hour][best], 0.0) @ taken)
        if imported[hour] > running[hour] - earned + GAP * (1.0 + abs(earned)):
            return False
    return True


@dataclass(frozen=True, eq=False)
class _Units:
    """Columns of the operator's own units ``(hours, units)`` and the most that each can run, kW, ``(units,)``."""

    index: IntArray
    most_kw: FloatArray


def _unit_columns(network: Network, program: Program) -> _Units:
    """Return microturbines and the two directions of storage."""
    names = ["microturbine_kw", *(name for name in ("storage_charge_kw", "storage_discharge_kw") if network.storage)]
    most = [unit.rating_kva for unit in network.microturbines]
    most += [unit.charge_max_kw for unit in network.storage] + [unit.discharge_max_kw for unit in network.storage]
    index = np.concatenate([program.columns[name].index for name in names], axis=1)
    return _Units(index, np.array(most, dtype=np.float64))


def decide_by_milp(
    network: Network, day: MarketDay, program: Program, instance: Instance, solver: str
) -> np.ndarray | None:
    """Return True in the undecided hours in which exporting is optimal, by a mixed-integer program.

    Parameters
    ----------
    instance
        The day with both directions open in the undecided hours.

    Returns
    -------
    ndarray or None
        Shape ``(hours,)``; ``None`` when no direction of trade makes the day feasible.
    """
    hours = np.flatnonzero(undecided_hours(network, day))
    count, columns = hours.size, instance.shape[1]
    sold = surplus_kw(network, day)[hours]
    charging = np.where(np.isfinite(instance.col_upper), instance.col_upper, 0.0)[program.columns["lot_kw"].index]
    consumed = day.load_kw.sum(axis=1) + charging.sum(axis=1) + sum(unit.charge_max_kw for unit in network.storage)
    bought = np.minimum(consumed, network.feeder.rating_kva[0])[hours]
    here = np.arange(count)
    switch = sp.csr_array((np.ones(count), (here, columns + here)), shape=(count, columns + count))
    rows = []
    for name, factor in (("import_kw", bought), ("export_kw", -sold)):
        traded = program.columns[name].index[hours]
        row = sp.csr_array((np.ones(count), (here, traded)), shape=(count, columns + count))
        rows.append(row + sp.diags_array(factor) @ switch)  # import <= M (1 - u), export <= M u
    wide = sp.csr_array(sp.hstack([instance.matrix, sp.csr_array((instance.shape[0], count))], format="csr"))
    mixed = Instance(
        matrix=sp.csr_array(sp.vstack([wide, *rows], format="csr")),
        cost=np.concatenate([instance.cost, np.zeros(count)]),
        row_lower=np.concatenate([instance.row_lower, np.full(2 * count, -np.inf)]),
        row_upper=np.concatenate([instance.row_upper, bought, np.zeros(count)]),
        col_lower=np.concatenate([instance.col_lower, np.zeros(count)]),
        col_upper=np.concatenate([instance.col_upper, np.ones(count)]),
    )
    integer = np.arange(columns + count) >= columns
    answer = solve_mixed(mixed, integer, solver)
    if answer.status is Status.INFEASIBLE:
        return None
    if answer.status is not Status.OPTIMAL:
        raise SolverError(f"the direction of trade at negative prices was not settled: {answer.status}")
    export = np.zeros(day.hours, dtype=bool)
    export[hours] = answer.x[columns:] > 0.5
    return export
