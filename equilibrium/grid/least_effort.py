"""The dispatch of least effort: which of several dispatches of least cost is published.

Reactive power costs nothing, units of equal fuel cost replace each other, and at a price of zero it does not matter who
gives. A linear program then has many optimal dispatches, and which of them a solver returns depends on its way. What is
published is the one optimal dispatch that asks least of the units:

    min  sum over units and periods of h (p^2 + q^2) / rating    over all dispatches of least cost,

with h the length of a period, p and q what a microturbine, a compensator or a storage unit gives or takes, and for a
renewable unit the power that is curtailed. So a unit that nobody needs stands still, units of equal cost and effect
share in proportion to their ratings, and two units of half the size do what one of the whole size does. Trade with the
wholesale market, flows, voltages and stored energies follow. Where load is shed, the buses share in proportion to their
loads by the same rule.

The dispatches of least cost are the optimal face: by complementarity with one dual optimum, rows and bounds with a
multiplier are held (:func:`equilibrium.programs.duality.optimal_face`). The objective is strictly convex there, so the
answer depends neither on the solver nor on its way (:mod:`equilibrium.programs.nearest`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution
from equilibrium.grid.network import Network
from equilibrium.lengths import Periods, period_lengths
from equilibrium.programs.coupling import joined_hours
from equilibrium.programs.duality import reduced_costs
from equilibrium.programs.hourly.periods import (
    PeriodData,
    PeriodModel,
    bind_periods,
    by_hour,
    compile_periods,
    lift_point,
)
from equilibrium.programs.nearest import Polyhedra
from equilibrium.programs.program import FEASIBILITY, INF, Instance, Program
from equilibrium.programs.reduction import ReducedModel

FOLLOWS = (("import_kw", "active_root"), ("storage_kwh", "storage_balance"), ("soe_kwh", "soe_balance"))
"""Columns that follow from the units' powers, and the equalities that say how; exports are imports below zero."""


@dataclass(frozen=True, eq=False)
class Face:
    """The optimal face of some periods: limits with the lots' powers given, and one dual optimum.

    Attributes
    ----------
    lower, upper
        Column bounds, then rows' limits, less what the given powers take, shape ``(periods, columns + rows)``.
    multipliers
        Reduced costs of the columns, then rows' multipliers, same shape.
    cost
        Largest cost in size, to judge multipliers by.
    point
        A dispatch of least cost, shape ``(periods, columns)``. What has a multiplier is at its side there but for
        rounding, by which nearly parallel limits that are held miss each other.
    """

    lower: FloatArray
    upper: FloatArray
    multipliers: FloatArray
    cost: float
    point: FloatArray

    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Return the limits that leave the face alone: what has a multiplier is held at its side."""
        zero = FEASIBILITY * (1.0 + self.cost)
        at_lower = (self.multipliers > zero) & (self.lower > -INF)
        at_upper = (self.multipliers < -zero) & (self.upper < INF)
        return np.where(at_upper, self.upper, self.lower), np.where(at_lower, self.lower, self.upper)


class LeastEffort:
    """Finds the dispatches of least effort of periods whose programs share one matrix.

    Parameters
    ----------
    rating
        Rating of every unit by block of columns; those with a rating of 0 cannot give anything.
    matrix
        Column bounds and rows over the free columns, shape ``(columns + rows, columns)``, dense or CSR.
    tolerance
        Violation of each of them that counts as none, shape ``(columns + rows,)``.
    columns
        Places of the free columns by block.
    equations
        Places among ``matrix``' rows of the equalities of :data:`FOLLOWS`.
    """

    def __init__(
        self,
        rating: Mapping[str, FloatArray],
        matrix: FloatArray | sp.csr_array,
        tolerance: FloatArray,
        columns: Mapping[str, IntArray],
        equations: Mapping[str, IntArray],
    ) -> None:
        blocks = {name: columns[name].ravel() for name in rating if name in columns}
        sizes = [np.broadcast_to(rating[name], columns[name].shape).ravel() for name in blocks]
        none = np.zeros(0, dtype=np.int64)
        self._units = np.concatenate([none, *blocks.values()])
        self._scale = unit_scale(np.concatenate([np.zeros(0), *sizes]))
        self._curtailed = np.isin(self._units, blocks.get("renewable_kw", none))
        self._bought, self._sold = columns["import_kw"].ravel(), columns["export_kw"].ravel()
        self._follows = np.concatenate([columns[name].ravel() for name, _ in FOLLOWS if name in columns])
        self._equations = np.concatenate([equations[row].ravel() for name, row in FOLLOWS if name in columns])
        full = sp.csr_array(matrix)
        square = full[self._equations, :]
        self._by_right = np.linalg.inv(square[:, self._follows].toarray())
        self._by_units = -self._by_right @ square[:, self._units].toarray()
        self._columns = full.shape[1]
        bounds = np.concatenate([self._equations, self._sold, self._units])
        self._kept = np.setdiff1d(np.arange(full.shape[0]), bounds)
        kept = full[self._kept, :]
        self._shift = sp.csr_array(kept[:, self._follows])
        rows = (kept[:, self._units] + self._shift @ sp.csr_array(self._by_units)) @ sp.diags_array(self._scale)
        self._matrix = sp.csr_array(rows) if sp.issparse(matrix) else np.ascontiguousarray(rows.toarray())
        self._tolerance = tolerance[self._kept]

    def dispatch(self, face: Face) -> FloatArray:
        """Return the free columns of the dispatch of least effort, shape ``(periods, columns)``.

        Columns of given powers, which no unit has, are 0.

        Raises
        ------
        SolverError
            When the face is empty: the multipliers are those of no optimum.
        """
        lower, upper = face.limits()
        ideal = np.where(self._curtailed, face.upper[:, self._units], 0.0) / self._scale
        least, most = lower[:, self._sold], upper[:, self._sold]
        needed = lower[:, self._bought]
        lower[:, self._bought], upper[:, self._bought] = needed - most, upper[:, self._bought] - least
        constant = lower[:, self._equations] @ self._by_right.T
        taken = np.asarray((self._shift @ constant.T).T)
        feasible = Polyhedra(
            self._matrix,
            lower[:, self._kept] - taken,
            upper[:, self._kept] - taken,
            self._tolerance,
            lower[:, self._units] / self._scale,
            upper[:, self._units] / self._scale,
        )
        units = feasible.nearest(ideal, face.point[:, self._units] / self._scale) * self._scale
        y = np.zeros((units.shape[0], self._columns))
        y[:, self._units], y[:, self._follows] = units, constant + units @ self._by_units.T
        net = y[:, self._bought]
        y[:, self._sold] = np.maximum(least, needed - net)
        y[:, self._bought] = net + y[:, self._sold]
        return y


def unit_ratings(network: Network) -> dict[str, FloatArray]:
    """Return the rating of every unit of a feeder by block of columns, kVA, kvar or kW, shape ``(units,)``."""
    turbines = np.array([unit.rating_kva for unit in network.microturbines])
    return {
        "microturbine_kw": turbines,
        "microturbine_kvar": turbines,
        "renewable_kw": np.array([unit.rated_kw for unit in network.renewables]),
        "compensator_kvar": np.array([unit.rating_kvar for unit in network.compensators]),
        "storage_charge_kw": np.array([unit.charge_max_kw for unit in network.storage]),
        "storage_discharge_kw": np.array([unit.discharge_max_kw for unit in network.storage]),
    }


def unit_scale(rating: FloatArray) -> FloatArray:
    """Return the power of each unit whose effort is one: the root of its rating; one that has none stands still."""
    return np.asarray(np.sqrt(np.where(rating > 0.0, rating, 1.0)))


class HourlyEffort:
    """The rule for a feeder whose hours are apart once the lots' powers are given.

    Parameters
    ----------
    network
        The feeder and its assets.
    hour
        The operator's program of a single hour.
    model
        What :func:`equilibrium.programs.hourly.periods.compile_periods` made of it.
    """

    def __init__(self, network: Network, hour: Program, model: PeriodModel) -> None:
        self._model = model
        columns = {
            name: np.searchsorted(model.free, block.index)
            for name, block in hour.columns.items()
            if np.isin(block.index, model.free).all()
        }
        equations = {
            row: model.variables + np.searchsorted(model.other_rows, hour.rows[row].index)
            for _, row in FOLLOWS
            if row in hour.rows
        }
        self._rule = LeastEffort(unit_ratings(network), model.m, model.tolerance, columns, equations)

    def dispatch(self, data: PeriodData, multipliers: FloatArray, given: FloatArray, point: FloatArray) -> FloatArray:
        """Return the dispatch of least effort of every hour, shape ``(hours, variables)``.

        Parameters
        ----------
        data
            The hours' costs and limits.
        multipliers
            Of the scaled rows in a dual optimum, shape ``(hours, rows)``.
        given
            The lots' powers, shape ``(hours, lots)``.
        point
            A dispatch of least cost, shape ``(hours, variables)``.
        """
        taken = given @ self._model.n.T
        cost = float(np.abs(data.cost).max(initial=0.0))
        return self._rule.dispatch(Face(data.lower - taken, data.upper - taken, multipliers, cost, point))

    def multipliers(self, program: Program, instance: Instance, y: FloatArray) -> FloatArray:
        """Return the multipliers of the scaled rows for those of an all-day program, shape ``(hours, rows)``.

        Parameters
        ----------
        program, instance
            The all-day program, its blocks in the order of the hour's, and the day bound into it.
        y
            Its rows' multipliers.
        """
        model, hours = self._model, program.columns["lot_kw"].shape[0]
        z, rows = by_hour(program.columns, hours, reduced_costs(instance, y)), by_hour(program.rows, hours, y)
        limited = model.state[model.limited]
        return np.concatenate([z[:, model.free], rows[:, model.other_rows], z[:, limited]], axis=1) * model.scale


class DailyEffort:
    """The rule for a program whose hours are joined, by storage, ramps or shortages.

    Parameters
    ----------
    network
        The feeder and its assets.
    program
        The program of the whole day.
    model
        Its reduced form.
    periods
        Of the day.
    shared
        Ratings of further columns that share by the same rule, a period's length counted in.
    """

    def __init__(
        self,
        network: Network,
        program: Program,
        model: ReducedModel,
        periods: Periods,
        shared: Mapping[str, FloatArray] | None = None,
    ) -> None:
        self._model, self._ids = model, model.row_ids
        places = {
            name: np.searchsorted(model.free, block.index)
            for name, block in program.columns.items()
            if np.isin(block.index, model.free).all()
        }
        count, given = model.free.size, places["lot_kw"].ravel()
        rows = sp.csr_array(sp.vstack([sp.identity(count), model.rows_of(self._ids)], format="csr"))
        self._of_given, self._given = sp.csr_array(rows[:, given]), model.free[given]
        equations = {
            row: count + np.searchsorted(self._ids, program.rows[row].index)
            for _, row in FOLLOWS
            if row in program.rows
        }
        self._free_given = given
        length = period_lengths(periods)[:, None]
        rating = {name: size / length for name, size in unit_ratings(network).items()}
        self._rule = LeastEffort({**rating, **(shared or {})}, rows, self._tolerance(program), places, equations)

    def _tolerance(self, program: Program) -> FloatArray:
        """Return the violation of every column bound and row that counts as none: relative to its constant limits."""
        sides = []
        for row_side, column_side in ((program.row_lower, program.col_lower), (program.row_upper, program.col_upper)):
            side = np.concatenate(
                [column_side[self._model.free], self._model.entries(self._ids, row_side, column_side)]
            )
            sides.append(np.where(np.isfinite(side), np.abs(side), 0.0))
        return np.asarray(FEASIBILITY * (1.0 + np.maximum(*sides)))

    def dispatch(self, instance: Instance, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return all columns at the dispatch of least effort; see :class:`EffortRule`."""
        model, power = self._model, x[self._given]
        z, taken = reduced_costs(instance, y), self._of_given @ power
        fixed = instance.with_columns(self._given, power, power)
        lower, upper = model.limits(fixed, self._ids)
        face = Face(
            (np.concatenate([fixed.col_lower[model.free], lower]) - taken)[None],
            (np.concatenate([fixed.col_upper[model.free], upper]) - taken)[None],
            np.concatenate([z[model.free], model.entries(self._ids, y, z)])[None],
            float(np.abs(instance.cost).max(initial=0.0)),
            x[model.free][None],
        )
        free = self._rule.dispatch(face)[0]
        free[self._free_given] = power
        return model.lift_point(fixed, free)


class EffortRule(Protocol):
    """The rule of this module for one program."""

    def dispatch(self, instance: Instance, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return all columns at the dispatch of least effort.

        Parameters
        ----------
        instance
            The program bound to a day; rows beyond its own may only hold the lots.
        x, y
            A primal optimum, of which the lots' powers are kept, and multipliers of a dual one.
        """
        ...


class HoursApart:
    """The rule hour by hour, for a program that begins with the operator's blocks; see :class:`EffortRule`."""

    def __init__(self, network: Network, program: Program, periods: Periods) -> None:
        hour, self._length_h = compile_distribution(network, 1), period_lengths(periods)
        self._model = compile_periods(hour, "lot_kw", STATE_COLUMNS, STATE_ROWS)
        self._rule = HourlyEffort(network, hour, self._model)
        columns = {name: program.columns[name] for name in hour.columns}
        self._own = replace(program, columns=columns, rows={name: program.rows[name] for name in hour.rows})
        self._place = np.concatenate([block.index.ravel() for block in columns.values()])

    def dispatch(self, instance: Instance, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return all columns at the dispatch of least effort."""
        power = self._own.value(x, "lot_kw")
        data = bind_periods(self._model, self._own, instance, self._length_h)
        multipliers = self._rule.multipliers(self._own, instance, y) / self._length_h[:, None]
        point = by_hour(self._own.columns, power.shape[0], x)[:, self._model.free]
        units = self._rule.dispatch(data, multipliers, power, point)
        settled = x.copy()
        settled[self._place] = lift_point(self._model, data, self._own, units, power)
        return settled


def effort_rule(network: Network, program: Program, model: ReducedModel, periods: Periods) -> EffortRule:
    """Return the rule for a program: hour by hour where the operator's hours are apart, else for the whole day.

    Parameters
    ----------
    network
        The feeder and its assets.
    program
        The operator's program of a day, alone or with the lots' beside it.
    model
        Its reduced form.
    periods
        Of the day.
    """
    lots = [name for name in ("lot_kw", "soe_kwh") if name in program.columns]
    hours = program.columns["lot_kw"].shape[0]
    apart = len(joined_hours(program, *lots)) == hours
    return HoursApart(network, program, periods) if apart else DailyEffort(network, program, model, periods)
