"""What comes back from the day-ahead market of two settlements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate
from equilibrium.markets.two_settlement.day_ahead import Compiled
from equilibrium.markets.two_settlement.system import Positions
from equilibrium.programs.commitment.prices import Prices as RulePrices


@dataclass(frozen=True, eq=False)
class Dispatch:
    """The planned operation of every scenario; the first axis of every array is the scenario.

    Attributes
    ----------
    generator_kw, generator_kvar
        Shape ``(scenarios, T, generators)``.
    reserve_kw
        Spinning and regulating reserve that generators hold, shape ``(scenarios, 2, T, generators)``.
    renewable_kw
        Shape ``(scenarios, T, renewables)``.
    charge_kw, discharge_kw, stored_kwh, ready_kw
        Storage, shape ``(scenarios, T, storages)``.
    shed_kw
        Load that is not served, shape ``(scenarios, T, buses)``.
    root_kw, root_kvar
        What each root gives, shape ``(scenarios, T, roots)``.
    more, less
        kW and kvar bought and sold beside what was traded, shape ``(scenarios, 2, T)``.
    missing_kw
        Reserve that is missing, shape ``(scenarios, 2, T)``.
    voltage_pu
        Shape ``(scenarios, T, buses)``.
    """

    generator_kw: FloatArray
    generator_kvar: FloatArray
    reserve_kw: FloatArray
    renewable_kw: FloatArray
    charge_kw: FloatArray
    discharge_kw: FloatArray
    stored_kwh: FloatArray
    ready_kw: FloatArray
    shed_kw: FloatArray
    root_kw: FloatArray
    root_kvar: FloatArray
    more: FloatArray
    less: FloatArray
    missing_kw: FloatArray
    voltage_pu: FloatArray


@dataclass(frozen=True, eq=False)
class DayAheadClearing:
    """A day that is scheduled.

    Attributes
    ----------
    positions
        What is fixed before real time.
    dispatch
        The planned operation of every scenario.
    accounts
        Terms of F1 by name, incomes positive: ``energy``, ``reactive``, ``spinning``, ``bids``, ``generators``,
        ``deviations``, ``missing reserve``, ``lost load``; their sum is ``profit``.
    aim
        What was asked for.
    profit, interruption
        F1 at the expected prices, and F2, the expected cost of what outages leave unserved.
    protection
        What the worst prices and net loads within their budgets take from F1.
    interruption_by_period
        F2 of every period, shape ``(T,)``.
    bound
        Proved upper bound of the objective that was asked for, at the limits of this point.
    objective
        Its value.
    front
        Values of the front, profit and interruption, shape ``(points, 2)``, and which point was taken; empty and -1
        where none was asked for.
    chosen
        See ``front``.
    prices
        Prices by rule.
    nodes, programs
        Nodes of the search, linear programs.
    certificate, seconds, solver_seconds
        As in :class:`equilibrium.markets.base.Cleared`; the operator is the only player.
    """

    positions: Positions
    dispatch: Dispatch
    accounts: Mapping[str, float]
    aim: str
    profit: float
    interruption: float
    protection: float
    interruption_by_period: FloatArray
    bound: float
    objective: float
    front: FloatArray
    chosen: int
    prices: Mapping[str, RulePrices]
    nodes: int
    programs: int
    certificate: Certificate
    seconds: float
    solver_seconds: float

    @property
    def gap(self) -> float:
        """Proved gap of the objective, relative to ``max(1, |objective|)``."""
        return max(0.0, self.bound - self.objective) / max(1.0, abs(self.objective))


def read_dispatch(compiled: Compiled, x: FloatArray) -> Dispatch:
    """Read the operation of every scenario off a point."""
    about = compiled.setting
    radial = about.radial
    on = states_at(compiled, x)
    least = np.array([unit.least_kw for unit in about.system.generators])

    def each(name: str) -> FloatArray:
        return np.array([x[getattr(operation, name)] for operation in compiled.scenarios])

    squares = [
        radial.square - np.einsum("kbj,ktj->tb", radial.drop, operation.injections.taken(x))
        for operation in compiled.scenarios
    ]
    return Dispatch(
        generator_kw=on * least + each("above"),
        generator_kvar=each("reactive"),
        reserve_kw=each("reserve"),
        renewable_kw=each("renewable"),
        charge_kw=each("charge"),
        discharge_kw=each("discharge"),
        stored_kwh=each("energy"),
        ready_kw=each("ready"),
        shed_kw=each("shed"),
        root_kw=each("root"),
        root_kvar=each("root_reactive"),
        more=each("more"),
        less=each("less"),
        missing_kw=each("missing"),
        voltage_pu=np.sqrt(np.maximum(squares, 0.0)) / about.system.grid.base_kv,
    )


def states_at(compiled: Compiled, x: FloatArray) -> FloatArray:
    """Return which generator is on when, shape ``(T, generators)``."""
    periods = compiled.net.size
    on = np.array([states.on for states in compiled.first.states], dtype=np.int64).reshape(-1, periods)
    return np.round(x[on.T])


def read_positions(compiled: Compiled, x: FloatArray, dispatch: Dispatch) -> Positions:
    """Read what is fixed before real time off a point; storage, and outputs without a schedule, are means."""
    first = compiled.first
    weight = np.array([scenario.probability for scenario in compiled.setting.day.scenarios])

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.tensordot(weight, values, 1))

    return Positions(
        on=states_at(compiled, x),
        generator_kw=x[first.plan] if first.plan.size else mean(dispatch.generator_kw),
        storage_kw=mean(dispatch.discharge_kw - dispatch.charge_kw),
        storage_kwh=mean(dispatch.stored_kwh),
        trade_kw=x[first.bought] - x[first.sold],
        trade_kvar=x[first.reactive],
        spinning_kw=x[first.spinning],
        accepted_kw=x[first.accepted],
        accepted_spinning_kw=x[first.reserve[0]],
        accepted_regulating_kw=x[first.reserve[1]],
    )


def thinned(positions: Positions, held: int) -> Positions:
    """Return positions that hold for so many periods once each; stored energy is that of the last period."""

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(values.reshape(-1, held, *values.shape[1:]).mean(axis=1))

    if held == 1:
        return positions
    made = {each.name: mean(getattr(positions, each.name)) for each in fields(Positions)}
    return Positions(**{**made, "storage_kwh": positions.storage_kwh[held - 1 :: held]})


def keep_accounts(compiled: Compiled, positions: Positions, dispatch: Dispatch) -> dict[str, float]:
    """Return the terms of F1 from what is published, not from the program."""
    day, system = compiled.setting.day, compiled.setting.system
    length = day.length_h
    terms = dict.fromkeys(
        ("energy", "reactive", "spinning", "bids", "generators", "deviations", "missing reserve", "lost load"), 0.0
    )
    trade, penalty = positions.trade_kw, day.penalties
    slope = np.array([unit.cost_per_kwh for unit in system.generators])
    for k, scenario in enumerate(day.scenarios):
        prices, weight = scenario.prices, scenario.probability * length
        terms["energy"] -= float(weight @ (prices.buy * np.maximum(trade, 0.0) + prices.sell * np.minimum(trade, 0.0)))
        terms["reactive"] -= float(weight @ (prices.reactive * positions.trade_kvar))
        terms["spinning"] += float(weight @ (prices.spinning * positions.spinning_kw))
        terms["generators"] -= float(weight @ (dispatch.generator_kw[k] @ slope))
        dear = np.stack([prices.buy + penalty.energy, prices.reactive + penalty.reactive])
        cheap = np.stack([prices.sell - penalty.energy, prices.reactive - penalty.reactive])
        terms["deviations"] -= float(((dear * dispatch.more[k] - cheap * dispatch.less[k]) @ weight).sum())
        if compiled.first.plan.size:
            left = np.abs(dispatch.generator_kw[k] - positions.generator_kw).sum(axis=1)
            terms["deviations"] -= float((weight * penalty.output) @ left)
        terms["missing reserve"] -= float((dispatch.missing_kw[k] @ (weight * penalty.spinning)).sum())
        terms["lost load"] -= float(weight @ (dispatch.shed_kw[k] @ system.lost_load_value))
    idle = np.array([unit.idle_cost_per_h for unit in system.generators])
    terms["generators"] -= float(length @ (positions.on @ idle)) + start_costs(compiled, positions.on)
    for k, bid in enumerate(day.bids):
        power = positions.accepted_kw[:, k]
        paid = np.where(power > 0.0, bid.sold_price, bid.bought_price) * power
        paid = paid + bid.spinning_price * positions.accepted_spinning_kw[:, k]
        terms["bids"] -= float(length @ (paid + bid.regulating_price * positions.accepted_regulating_kw[:, k]))
    return terms


def start_costs(compiled: Compiled, on: FloatArray) -> float:
    """Return what the starts of given states cost."""
    total = 0.0
    for k, unit in enumerate(compiled.setting.system.generators):
        before = np.concatenate([[float(unit.on_before_h > 0.0)], on[:-1, k]])
        total += unit.start_cost * float(np.maximum(on[:, k] - before, 0.0).sum())
    return total
