"""Days that no dispatch can serve: which limit fails in which scenario, where, when and by how much.

First the schedules are found, among those that the company may choose from, whose net powers are nearest to what the
network can serve. Where a distance remains, every limit of the feeder gets a slack, and the least slacks are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.grid.lossy import AXES, add_lossy_flow
from equilibrium.markets.disco.network.service import NoDispatchError, ScenarioSupply
from equilibrium.markets.disco.network.supply import Supply
from equilibrium.markets.disco.upper.master import MAXIMUM_ROUNDS
from equilibrium.markets.disco.upper.planes import Rows, plane_rows
from equilibrium.markets.disco.upper.stage import Part, state_powers
from equilibrium.programs.program import INF, Program, ProgramBuilder
from equilibrium.programs.solvers import Status
from equilibrium.programs.solvers.choose import load_and_solve, require_optimal

_MAXIMUM_REASONS = 12

RANGE = "exceeds its range"


@dataclass(frozen=True, eq=False)
class _Limit:
    """A family of limits: its slacks by bus and how to say what was found.

    Attributes
    ----------
    square
        For a limit ``l`` that is stated by its square, a slack ``s`` being its first-order change: the limits. Then
        ``sqrt(l^2 + 2 l s) - l`` is by how much it is missed, below it with ``sign`` -1.
    """

    columns: IntArray
    buses: IntArray
    sentence: str
    square: FloatArray | None = None
    sign: float = 1.0

    def missed(self, slack: FloatArray) -> FloatArray:
        """Return by how much each limit is missed, in the unit of the sentence."""
        if self.square is None:
            return slack
        reached: FloatArray = np.sqrt(np.maximum(self.square**2 + 2.0 * self.sign * self.square * slack, 0.0))
        return self.sign * (reached - self.square)


def diagnose(part: Part, number: int, solver: str, nearest_kw: FloatArray | None = None) -> InfeasibleError:
    """Return the error of a scenario whose network can serve none of the schedules in ``part.feasible``.

    Parameters
    ----------
    nearest_kw
        Net powers nearest to what can be served, if they are known, shape ``(periods, lots)``.

    Raises
    ------
    SolverError
        When the network can serve one after all.
    """
    reasons: list[str] = []
    try:
        if nearest_kw is None:
            lot_kw, far = _nearest(part, solver)
        else:
            lot_kw = nearest_kw
            served = np.isfinite(part.supply.serve(nearest_kw, reach=True).need_kw)  # infinite where it cannot be
            far = np.where(served, 0.0, INF)
        for period in np.flatnonzero(far > NEGLIGIBLE):
            reasons += broken_limits(part.supply, int(period), lot_kw[period])
    except NoDispatchError as error:
        if error.period is None:
            raise
        reasons += broken_limits(part.supply, error.period, np.zeros(part.supply.supply.lot_bus.size))
    more = len(reasons) - _MAXIMUM_REASONS
    if more > 0:
        reasons = [*reasons[:_MAXIMUM_REASONS], f"and {more} more limits"]
    if not reasons and part.one_way is not None:
        reasons = ["the network can serve mixtures of the vehicles' best one-way schedules, but no such schedules"]
    if not reasons:
        raise SolverError(f"scenario {number}: the company's stage ended infeasible, but no limit of the network fails")
    return InfeasibleError(tuple(f"scenario {number}: {reason}" for reason in reasons))


def _nearest(part: Part, solver: str) -> tuple[FloatArray, FloatArray]:
    """Return the net powers nearest to what can be served, ``(periods, lots)``, and their distances, ``(periods,)``."""
    build = ProgramBuilder()
    _, power = state_powers(build, [part], [np.zeros(1)])
    far = build.columns("distance", part.price.shape, cost=1.0)
    program = build.compile()
    handle, solution = load_and_solve(program.bind({}), solver)
    for _ in range(MAXIMUM_ROUNDS):
        require_optimal(solution, "the nearest net powers that can be served")
        lot_kw, known = solution.x[power[0]], solution.x[far]
        rows: list[Rows] = []
        for planes in part.supply.serve(lot_kw, reach=True).distances:
            value = (planes.slope * lot_kw[planes.period]).sum(axis=1) + planes.constant
            missing = planes.pick(value > known[planes.period] + NEGLIGIBLE / 10.0)
            if missing.period.size:
                rows.append(plane_rows(missing, power[0], far, 1.0, program.shape[1]))
        if not rows:
            return lot_kw, known
        for row in rows:
            handle.add_rows(*row)
        solution = handle.solve()
    raise SolverError("the nearest net powers that can be served were not found")


def broken_limits(supply: ScenarioSupply, period: int, lot_kw: FloatArray) -> list[str]:
    """Return a sentence for each limit of the feeder that serving net powers ``lot_kw``, shape ``(lots,)``, breaks.

    Ranges of flows follow from the other limits in most cases; they are named where nothing else is.
    """
    found = _broken(supply, period, lot_kw, ranges=False) or _broken(supply, period, lot_kw, ranges=True)
    return [sentence for sentence in found if RANGE not in sentence] or found


def _broken(supply: ScenarioSupply, period: int, lot_kw: FloatArray, *, ranges: bool) -> list[str]:
    program, limits = _elastic_limits(supply.supply, ranges=ranges)
    instance = program.bind(supply.period_ports(period, lot_kw) | {"upstream_price": np.zeros(1)})
    for name in ("voltage_square_kv2", "flow_kw", "flow_kvar"):
        instance = instance.with_columns(program.columns[name].index.ravel(), -INF, INF)
    for name in ("current_square", "square_p", "square_q"):
        instance = instance.with_columns(program.columns[name].index.ravel(), 0.0, INF)
    _, solution = load_and_solve(instance, supply.supply.solver)
    if solution.status is not Status.OPTIMAL:
        return [f"the elastic program of period {period} ended {solution.status}"]
    found = []
    for limit in limits.values():
        amount = limit.missed(solution.x[limit.columns])
        for k in sorted(np.flatnonzero(amount > NEGLIGIBLE), key=lambda k: -amount[k]):
            bus = supply.supply.network.feeder.buses[limit.buses[k]]
            found.append(limit.sentence.format(bus=bus, period=period, amount=amount[k]))
    return found


def _elastic_limits(supply: Supply, *, ranges: bool) -> tuple[Program, Mapping[str, _Limit]]:
    """Compile one period in which every limit may be broken at a cost; energy itself is free.

    Without ``ranges`` flows are held by the other limits alone.
    """
    feeder, branches = supply.network.feeder, supply.branches
    build = ProgramBuilder()
    add_lossy_flow(
        build,
        supply.network,
        1,
        segments=supply.segments,
        flow_range=supply.flow_range,
        transformer_efficiency=supply.efficiency,
    )
    limits: dict[str, _Limit] = {}

    def add(
        name: str,
        of: IntArray,
        bound: FloatArray,
        sign: float,
        cost: FloatArray,
        said: tuple[IntArray, str],
        square: FloatArray | None = None,
    ) -> None:
        """State ``sign (x - bound) <= slack``, a slack of one costing ``cost`` per unit that is reported."""
        slack = build.columns(name, of.shape, cost=1.0)
        row = build.rows(f"{name}_limit", of.shape, upper=sign * bound)
        build.coefficients(row, of, sign)
        build.coefficients(row, slack, -cost)
        limits[name] = _Limit(slack, *said, square, sign)

    every = np.arange(feeder.size)
    square = build.column_index("voltage_square_kv2")[0]
    for name, level, sign, word in (
        ("undervoltage", feeder.voltage_min_pu, -1.0, "falls {amount:.4f} p.u. below"),
        ("overvoltage", feeder.voltage_max_pu, 1.0, "rises {amount:.4f} p.u. above"),
    ):
        per_unit = 2.0 * level * feeder.base_kv**2  # kV^2 that a first-order change of one per unit makes
        sentence = "voltage at bus {bus}, period {period}, " + word + " the limit"
        add(name, square, (level * feeder.base_kv) ** 2, sign, per_unit, (every, sentence), level)
    for (_, flow), span in zip(AXES, (supply.sweep.span_kw, supply.sweep.span_kvar), strict=True):
        unit = flow.removeprefix("flow_").replace("kw", "kW")
        sentence = f"the flow into bus {{bus}}, period {{period}}, {RANGE} by {{amount:.1f}} {unit}"
        for side, sign in (("forward", 1.0), ("reverse", -1.0)) if ranges else ():
            of = build.column_index(flow)[0, branches]
            add(f"{flow}_{side}", of, sign * span[branches], sign, np.ones(branches.size), (branches, sentence))
    rated = np.flatnonzero(np.isfinite(feeder.rating_kva[branches]))
    rating = feeder.rating_kva[branches[rated]]
    current = build.column_index("current_square")[0, rated]
    sentence = "the branch into bus {bus} is overloaded in period {period} by {amount:.1f} kVA"
    per_kva = 2.0 * rating / feeder.base_kv**2
    add("overload", current, (rating / feeder.base_kv) ** 2, 1.0, per_kva, (branches[rated], sentence), rating)
    surplus = build.columns("surplus_kw", (1,), cost=1.0)
    build.coefficients(build.row_index("active_root"), surplus, -1.0)
    sentence = "in period {period} {amount:.1f} kW flow back at bus {bus}, and the market has no exports"
    limits["surplus"] = _Limit(surplus, np.zeros(1, dtype=np.int64), sentence)
    return build.compile(), limits
