"""How the network serves given net powers in one scenario: least purchases, their planes, and what cannot be served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.grid.least_effort import unit_ratings, unit_scale
from equilibrium.grid.lossy import SIDES, WATTS_PER_KILOWATT, lossy_ports, piecewise_square, square_gaps
from equilibrium.grid.sweep import Flows
from equilibrium.markets.disco.network.supply import Supply
from equilibrium.programs.duality import optimal_face
from equilibrium.programs.nearest import nearest_on_face
from equilibrium.programs.program import FEASIBILITY, INF, Instance
from equilibrium.programs.solvers import Solution, Status
from equilibrium.programs.solvers.choose import load_and_solve, require_optimal


class NoDispatchError(RuntimeError):
    """Nothing that the company may choose can be served; the market turns it into a diagnosis.

    Parameters
    ----------
    period
        A period whose loads alone cannot be served, whatever the lots do, if that is the reason.
    nearest_kw
        Net powers nearest to what can be served, if they are known, shape ``(scenarios, periods, lots)``.
    """

    def __init__(self, period: int | None = None, nearest_kw: FloatArray | None = None) -> None:
        self.period, self.nearest_kw = period, nearest_kw
        super().__init__("no schedule can be served" if period is None else f"period {period} cannot be served")


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes below the least purchase, or below the distance to what can be served.

    Attributes
    ----------
    period, lot_kw
        Where each plane was found, shapes ``(planes,)`` and ``(planes, lots)``.
    slope, constant
        ``purchase >= slope'p + constant``, shapes ``(planes, lots)`` and ``(planes,)``; for a distance ``0 >= ...``.
    multipliers
        Those of one period's program in kW bought, shape ``(planes, rows)``; ``None`` where a sweep at ``lot_kw`` gives
        them again.
    """

    period: IntArray
    lot_kw: FloatArray
    slope: FloatArray
    constant: FloatArray
    multipliers: FloatArray | None

    def lowered(self, amount: FloatArray) -> Planes:
        """Return the planes lower by an amount each."""
        return replace(self, constant=self.constant - amount)

    def pick(self, flags: NDArray[np.bool_]) -> Planes:
        """Return some of the planes."""
        y = None if self.multipliers is None else self.multipliers[flags]
        return Planes(self.period[flags], self.lot_kw[flags], self.slope[flags], self.constant[flags], y)


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep found, one row per point.

    Attributes
    ----------
    planes
        One for every point whose multipliers are dual feasible.
    served
        Which points are within all limits and optimal, shape ``(points,)``.
    columns
        Of one period's program, shape ``(points, columns)``.
    """

    planes: Planes
    served: NDArray[np.bool_]
    columns: FloatArray


@dataclass(frozen=True, eq=False)
class Service:
    """How the network serves given net powers.

    Attributes
    ----------
    need_kw
        Least purchase, shape ``(periods,)``; ``inf`` where the powers cannot be served.
    points
        Columns of one period's program, shape ``(periods, columns)``; not numbers where they cannot be served.
    planes, distances
        Planes of the purchase, tight at the given powers where they can be served, and planes of the distance.
    seconds
        Time inside solvers.
    """

    need_kw: FloatArray
    points: FloatArray
    planes: list[Planes]
    distances: list[Planes]
    seconds: float


@dataclass(frozen=True, eq=False)
class ScenarioSupply:
    """The network of a scenario: its loads and what sun and wind could give."""

    supply: Supply
    load_kw: FloatArray
    load_kvar: FloatArray
    renewable_kw: FloatArray

    @classmethod
    def of(cls, supply: Supply, load_kw: FloatArray, load_kvar: FloatArray, renewable_kw: FloatArray) -> ScenarioSupply:
        """Return a network in one scenario; arguments as in :class:`equilibrium.markets.disco.day.DiscoDay`."""
        if supply.network.feeder.size != supply.buses:
            load_kw, load_kvar = load_kw.sum(axis=1, keepdims=True), load_kvar.sum(axis=1, keepdims=True)
        return cls(supply, load_kw, load_kvar, renewable_kw)

    def with_loads(self, factor: float) -> ScenarioSupply:
        """Return the network with all loads times a factor."""
        return replace(self, load_kw=factor * self.load_kw, load_kvar=factor * self.load_kvar)

    def ports(self, lot_kw: FloatArray, price: FloatArray) -> dict[str, FloatArray]:
        """Return the ports of the day's program with the lots' net powers given."""
        return lossy_ports(
            self.supply.network,
            load_kw=self.load_kw,
            load_kvar=self.load_kvar,
            renewable_max_kw=self.renewable_kw,
            upstream_price=price,
            lot_min_kw=lot_kw,
            lot_max_kw=lot_kw,
        )

    def sweep(self, period: IntArray, lot_kw: FloatArray, *, proof: bool = True) -> Swept:
        """Sweep for many net powers at once.

        Parameters
        ----------
        period, lot_kw
            Periods and net powers, shapes ``(points,)`` and ``(points, lots)``.
        proof
            Whether to work out multipliers.
        """
        supply = self.supply
        lots, renewables = supply.stands
        load = self.load_kw[period] + lot_kw @ lots - self.renewable_kw[period] @ renewables
        flows = supply.sweep.flows(load, self.load_kvar[period])
        columns, inside = _columns(supply, self.renewable_kw[period], flows, lot_kw)
        worth = _worth(supply, flows)
        sound = (worth >= 0.0).all(axis=1) & (flows.price[:, supply.renewable_bus] >= 0.0).all(axis=1)
        sound &= (flows.price_kvar[:, supply.compensator_bus] <= 0.0).all(axis=1)
        slope = flows.price[:, supply.lot_bus] / supply.efficiency
        constant = flows.flow_kw[:, 0] / supply.efficiency - (slope * lot_kw).sum(axis=1)
        pick = np.flatnonzero(sound)
        multipliers = _multipliers(supply, flows, worth, pick) if proof else None
        planes = Planes(period[pick], lot_kw[pick], slope[pick], constant[pick], multipliers)
        return Swept(planes, sound & inside, columns)

    def serve(self, lot_kw: FloatArray, *, settle: bool = False, reach: bool = False) -> Service:
        """Find the least purchase for net powers ``lot_kw``, shape ``(periods, lots)``.

        With ``settle`` the points are those that are published: of least currents, then of least effort. With ``reach``
        it is only asked which powers can be served: of several points of least purchase any will do, and at the edge of
        what can be served there may be no room for a choice.
        """
        every = np.arange(self.supply.periods, dtype=np.int64)
        swept = self.sweep(every, lot_kw, proof=False)
        points, bought = swept.columns, self.supply.period_program.columns["import_kw"].slice
        parts, distances, seconds = [swept.planes], [], 0.0
        for period in np.flatnonzero(~swept.served):
            x, part, distance, spent = self._solve_period(int(period), lot_kw[period], settle, reach)
            seconds += spent
            points[period] = np.nan if x is None else x
            parts += [part] if part is not None else []
            distances += [distance] if distance is not None else []
        need = points[:, bought].ravel()
        return Service(np.where(np.isnan(need), INF, need), points, parts, distances, seconds)

    def absorb(
        self, lot_kw: FloatArray, bought_kw: FloatArray, service: Service, *, settle: bool = False
    ) -> tuple[FloatArray, list[Planes], float]:
        """Find dispatches in which exactly ``bought_kw``, shape ``(periods,)``, is bought: renewables give way.

        Of all such dispatches that of least currents is taken.

        Returns
        -------
        tuple
            The columns, as ``service.points``; planes of the greatest purchase that can be absorbed (``-purchase >=
            slope'p + constant``) where it is less; time inside solvers.
        """
        points, planes, seconds = service.points.copy(), [], 0.0
        program, model = self.supply.period_program, self.supply.model
        bought = program.columns["import_kw"].index
        surplus = bought_kw - service.need_kw
        for period in np.flatnonzero(surplus > FEASIBILITY * (1.0 + bought_kw)):
            instance = program.bind(self.period_ports(int(period), lot_kw[period]))
            fixed = instance.with_columns(bought.ravel(), bought_kw[period], bought_kw[period])
            fixed = fixed.with_cost(self._currents())
            solution = model.solve(fixed)
            seconds += solution.seconds
            if solution.status is Status.OPTIMAL:
                points[period] = self._settled(fixed, solution, int(period)) if settle else solution.x
                continue
            most = instance.with_cost(-instance.cost)
            solution = require_optimal(model.solve(most), f"the greatest purchase in period {period}")
            seconds += solution.seconds
            if bought_kw[period] <= solution.x[bought[0]] + FEASIBILITY * (1.0 + bought_kw[period]):
                face = optimal_face(most, solution.y).with_cost(self._currents())  # it is that purchase
                least = require_optimal(model.solve(face), f"the least currents in period {period}")
                points[period] = self._settled(face, least, int(period)) if settle else least.x
                seconds += least.seconds
            else:
                planes.append(self._plane(int(period), lot_kw[period], most, solution))
        return points, planes, seconds

    def published(self, lot_kw: FloatArray, bought_kw: FloatArray | None) -> Service:
        """Serve net powers once more, now with the dispatches of least effort; with a purchase, take exactly that."""
        service = self.serve(lot_kw, settle=True)
        if bought_kw is None:
            return service
        return replace(service, points=self.absorb(lot_kw, bought_kw, service, settle=True)[0])

    def _currents(self) -> FloatArray:
        """Return the sum of squared currents as an objective: it brings squares down that nothing else holds."""
        cost = np.zeros(self.supply.period_program.shape[1])
        cost[self.supply.period_program.columns["current_square"].slice] = 1.0
        return cost

    def _settled(self, instance: Instance, least: Solution, period: int) -> FloatArray:
        """Return the columns of a period at the dispatch of least effort, of those with the least currents."""
        network, columns = self.supply.network, self.supply.period_program.columns
        names = [name for name in ("renewable_kw", "compensator_kvar") if columns[name].size]
        if not names:
            return least.x
        scale = np.concatenate([unit_scale(unit_ratings(network)[name]) for name in names])
        ideal = {"renewable_kw": self.renewable_kw[period], "compensator_kvar": np.zeros(len(network.compensators))}
        return nearest_on_face(
            optimal_face(instance, least.y, float(np.abs(least.y).max())),
            least.x,
            np.concatenate([columns[name].index.ravel() for name in names]),
            scale,
            np.concatenate([ideal[name] for name in names]),
        )

    def _plane(self, period: int, lot_kw: FloatArray, instance: Instance, solution: Solution) -> Planes:
        """Return the plane that a solved period gives."""
        lots = self.supply.period_program.columns["lot_kw"].slice
        slope = (instance.cost - instance.matrix.T @ solution.y)[lots]
        constant = np.array([float(instance.cost @ solution.x) - slope @ lot_kw])
        return Planes(np.array([period]), lot_kw[None], slope[None], constant, solution.y[None])

    def period_ports(self, period: int, lot_kw: FloatArray, give_kw: float = 0.0) -> dict[str, FloatArray]:
        """Return the ports of one period's program, purchases at the price 1, net powers within ``give_kw``."""
        here = slice(period, period + 1)
        return lossy_ports(
            self.supply.network,
            load_kw=self.load_kw[here],
            load_kvar=self.load_kvar[here],
            renewable_max_kw=self.renewable_kw[here],
            upstream_price=np.ones(1),
            lot_min_kw=lot_kw[None] - give_kw,
            lot_max_kw=lot_kw[None] + give_kw,
        )

    def _solve_period(
        self, period: int, lot_kw: FloatArray, settle: bool, reach: bool
    ) -> tuple[FloatArray | None, Planes | None, Planes | None, float]:
        """Solve one period by the feeder's program; columns (or ``None``), plane of the purchase, of the distance."""
        supply, program = self.supply, self.supply.period_program
        ports = self.period_ports(period, lot_kw)
        instance = program.bind(ports)
        solution, distance, seconds = supply.model.solve(instance), None, 0.0
        if solution.status is Status.INFEASIBLE:
            give_kw = FEASIBILITY * (1.0 + float(np.abs(lot_kw).max(initial=0.0)))
            distance, far_kw, seconds = self._distance(ports, np.array([period]), lot_kw)
            if far_kw <= give_kw:  # at the edge of what can be served, rounding says on which side
                instance = program.bind(self.period_ports(period, lot_kw, give_kw))
                solution = supply.model.solve(instance)
        seconds += solution.seconds
        if solution.status is Status.INFEASIBLE:
            return None, None, distance, seconds
        require_optimal(solution, f"the network in period {period}")
        plane = self._plane(period, lot_kw, instance, solution)
        if reach:
            return solution.x, plane, None, seconds
        gaps = square_gaps(supply.network, program, solution.x)
        if max(float(gap.max(initial=0.0)) for gap in gaps.values()) > RESIDUAL_TOLERANCE:  # losses cost nothing here
            instance = optimal_face(instance, solution.y, point=solution.x).with_cost(self._currents())
            solution = require_optimal(supply.model.solve(instance), f"the least currents in period {period}")
            seconds += solution.seconds
        x = self._settled(instance, solution, period) if settle else solution.x
        return x, plane, None, seconds

    def _distance(
        self, ports: Mapping[str, FloatArray], where: IntArray, lot_kw: FloatArray
    ) -> tuple[Planes, float, float]:
        """Return the plane that says how far the nearest powers are that can be served, that distance, solver time."""
        program = self.supply.elastic()
        free = {
            "upstream_price": np.zeros(1),
            "lot_min_kw": np.full((1, lot_kw.size), -INF),
            "lot_max_kw": np.full((1, lot_kw.size), INF),
            "wanted_kw": lot_kw[None],
        }
        instance = program.bind({**ports, **free})
        _, solution = load_and_solve(instance, self.supply.solver)
        if solution.status is Status.INFEASIBLE:
            raise NoDispatchError(int(where[0]))
        require_optimal(solution, f"the nearest powers that can be served in period {where[0]}")
        slope = program.multiplier(solution.y, "wanted")[0]
        far = float(instance.cost @ solution.x)
        y = solution.y[None, : self.supply.period_program.shape[0]]
        plane = Planes(where, lot_kw[None], slope[None], np.array([far - slope @ lot_kw]), y)
        return plane, far, solution.seconds


def _worth(supply: Supply, flows: Flows) -> FloatArray:
    """Return what one more squared ampere costs at the root, (points, branches): multiplier of the current."""
    feeder = supply.network.feeder
    r, x = feeder.r_ohm / WATTS_PER_KILOWATT, feeder.x_ohm / WATTS_PER_KILOWATT
    worth = (flows.price * r + flows.price_kvar * x) / supply.efficiency
    return np.asarray(worth[:, supply.branches])


def _columns(
    supply: Supply, renewable_kw: FloatArray, flows: Flows, lot_kw: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the columns of one period's program at swept flows, and whether they are within their limits."""
    program = supply.period_program
    rows = flows.flow_kw.shape[0]
    share = {"kw": np.abs(flows.flow_kw), "kvar": np.abs(flows.flow_kvar)}
    span = {"kw": supply.sweep.span_kw[supply.branches], "kvar": supply.sweep.span_kvar[supply.branches]}
    square = {
        axis: piecewise_square(share[axis][:, supply.branches] / span[axis], supply.segments) * span[axis]
        for axis in ("kw", "kvar")
    }
    values = {
        "import_kw": flows.flow_kw[:, :1] / supply.efficiency,
        "import_kvar": flows.flow_kvar[:, :1],
        "flow_kw": flows.flow_kw,
        "flow_kvar": flows.flow_kvar,
        "current_square": flows.current[:, supply.branches],
        "square_p": square["kw"],
        "square_q": square["kvar"],
        "voltage_square_kv2": flows.voltage_square,
        "renewable_kw": renewable_kw,
        "lot_kw": lot_kw,
    }
    columns = np.zeros((rows, program.shape[1]))
    for name, value in values.items():
        columns[:, program.columns[name].slice] = value
    given = np.r_[program.columns["renewable_kw"].index.ravel(), program.columns["lot_kw"].index.ravel()]
    low, high = program.col_lower.copy(), program.col_upper.copy()
    low[given], high[given] = -INF, INF
    room = FEASIBILITY
    with np.errstate(invalid="ignore"):
        below = columns < np.where(np.isfinite(low), low - room * (1.0 + np.abs(low)), -INF)
        above = columns > np.where(np.isfinite(high), high + room * (1.0 + np.abs(high)), INF)
    return columns, np.asarray(~(below | above).any(axis=1))


def _multipliers(supply: Supply, flows: Flows, worth: FloatArray, pick: IntArray) -> FloatArray:
    """Return the multipliers of one period's program at swept flows, in kW bought, shape ``(picked, rows)``."""
    program, base = supply.period_program, supply.network.feeder.base_kv**2
    y = np.zeros((pick.size, program.shape[0]))
    y[:, program.rows["active_root"].slice] = 1.0 / supply.efficiency
    y[:, program.rows["active_balance"].slice] = flows.price[pick] / supply.efficiency
    y[:, program.rows["reactive_balance"].slice] = flows.price_kvar[pick] / supply.efficiency
    y[:, program.rows["current_definition"].slice] = worth[pick]
    axes = ((flows.segment_kw, supply.sweep.span_kw, "p"), (flows.segment_kvar, supply.sweep.span_kvar, "q"))
    for segment, span, axis in axes:
        step = segment[np.ix_(pick, supply.branches)].astype(np.int64)
        amount = worth[pick] * span[supply.branches] / base
        for side, sign in SIDES:
            first = program.rows[f"secant_{axis}_{side}"].start
            point, branch = np.nonzero(np.sign(step) == sign)
            place = first + branch * supply.segments + np.abs(step[point, branch]) - 1
            y[point, place] = amount[point, branch]
    return y
