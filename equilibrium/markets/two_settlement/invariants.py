"""What must hold at every scheduled day of two settlements, whatever found it (docs/two_settlement.md)."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.invariants import ARITHMETIC_TOLERANCE, PUBLISHED_TOLERANCE, Invariant, most, outside
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead

Statement = Invariant[DayAhead, DayAheadClearing]


def _repeated(values: FloatArray, day: DayAhead) -> FloatArray:
    """Return positions once for every period in which they hold."""
    return np.asarray(np.repeat(values, day.held, axis=0))


def _balance(_: ActiveSystem, day: DayAhead, cleared: DayAheadClearing) -> float:
    plan, worst = cleared.dispatch, []
    accepted = _repeated(cleared.positions.accepted_kw, day).sum(axis=1)
    for k, scenario in enumerate(day.scenarios):
        stored = (plan.discharge_kw[k] - plan.charge_kw[k]).sum(axis=1)
        given = plan.generator_kw[k].sum(axis=1) + plan.renewable_kw[k].sum(axis=1) + plan.root_kw[k].sum(axis=1)
        served = (scenario.load_kw - plan.shed_kw[k]).sum(axis=1)
        worst.append(np.abs(given + stored + accepted - served) / (1.0 + scenario.load_kw.sum(axis=1)))
    return most(*worst)


def _traded(_: ActiveSystem, day: DayAhead, cleared: DayAheadClearing) -> float:
    plan, positions, worst = cleared.dispatch, cleared.positions, []
    for row, trade, roots in ((0, positions.trade_kw, plan.root_kw), (1, positions.trade_kvar, plan.root_kvar)):
        wanted = _repeated(trade, day) + plan.more[:, row] - plan.less[:, row]
        worst.append(np.abs(roots.sum(axis=2) - wanted) / (1.0 + np.abs(wanted)))
    return most(*worst)


def _voltages(system: ActiveSystem, __: DayAhead, cleared: DayAheadClearing) -> float:
    band = system.grid.voltage_min_pu, system.grid.voltage_max_pu
    return most(outside(cleared.dispatch.voltage_pu, *band))


def _outputs(system: ActiveSystem, day: DayAhead, cleared: DayAheadClearing) -> float:
    plan, on = cleared.dispatch, _repeated(cleared.positions.on, day)
    low = on * np.array([unit.least_kw for unit in system.generators])
    high = on * np.array([unit.most_kw for unit in system.generators])
    rating = on * np.array([unit.rating_kva for unit in system.generators])
    size = 1.0 + np.array([unit.rating_kva for unit in system.generators])
    held = plan.reserve_kw.sum(axis=1)
    power = np.hypot(plan.generator_kw, plan.generator_kvar)
    return most(
        outside(plan.generator_kw, low, high - held) / size,
        (power - rating) / size,
        outside(plan.generator_kw - plan.reserve_kw[:, 1], low, np.inf) / size,
    )


def _states(system: ActiveSystem, day: DayAhead, cleared: DayAheadClearing) -> float:
    """Count periods in which a state was left before its least time, relative to all."""
    on = _repeated(cleared.positions.on, day)
    broken = float(np.abs(on - np.round(on)).sum())
    for k, unit in enumerate(system.generators):
        state, hours = unit.on_before_h > 0.0, abs(unit.on_before_h)
        for now, length in zip(on[:, k] > 0.5, day.length_h.tolist(), strict=True):
            if now != state:
                least = unit.min_up_h if state else unit.min_down_h
                broken += max(0.0, least - hours)
                state, hours = now, 0.0
            hours += length
    return broken / on.size if on.size else 0.0


def _stored(system: ActiveSystem, day: DayAhead, cleared: DayAheadClearing) -> float:
    plan = cleared.dispatch
    if not system.storages:
        return 0.0

    def each(name: str) -> FloatArray:
        return np.array([getattr(unit, name) for unit in system.storages])

    length = day.length_h[:, None]
    flow = length * (plan.charge_kw * each("charge_efficiency") - plan.discharge_kw / each("discharge_efficiency"))
    start = np.broadcast_to(each("initial_kwh"), (len(day.scenarios), 1, len(system.storages)))
    before = np.concatenate([start, plan.stored_kwh[:, :-1]], axis=1)
    size = 1.0 + each("energy_kwh")
    return most(
        np.abs(plan.stored_kwh - before - flow) / size,
        outside(plan.stored_kwh, each("energy_min_kwh"), each("energy_kwh")) / size,
        np.abs(plan.stored_kwh[:, -1] - each("initial_kwh")) / size,
        np.minimum(plan.charge_kw, plan.discharge_kw) / size,
    )


def _accepted(_: ActiveSystem, day: DayAhead, cleared: DayAheadClearing) -> float:
    positions, worst = cleared.positions, []
    for k, bid in enumerate(day.bids):
        low = np.minimum(bid.power_kw, 0.0)
        high = bid.power_kw if bid.must_take else np.maximum(bid.power_kw, 0.0)
        for values, least, greatest in (
            (positions.accepted_kw, low, high),
            (positions.accepted_spinning_kw, 0.0, bid.spinning_kw),
            (positions.accepted_regulating_kw, 0.0, bid.regulating_kw),
        ):
            worst.append(outside(_repeated(values[:, k], day), least, greatest) / (1.0 + np.abs(bid.power_kw).max()))
    return most(*worst)


def _reserve(_: ActiveSystem, day: DayAhead, cleared: DayAheadClearing) -> float:
    plan, positions, worst = cleared.dispatch, cleared.positions, []
    sold = _repeated(positions.spinning_kw, day) + day.spinning_need_kw
    for row, asked, bids, ready in (
        (0, sold, positions.accepted_spinning_kw, plan.ready_kw.sum(axis=2)),
        (1, day.regulating_need_kw, positions.accepted_regulating_kw, 0.0),
    ):
        held = plan.reserve_kw[:, row].sum(axis=2) + ready + _repeated(bids, day).sum(axis=1) + plan.missing_kw[:, row]
        worst.append(np.maximum(asked - held, 0.0) / (1.0 + asked))
    return most(*worst)


def _accounts(_: ActiveSystem, __: DayAhead, cleared: DayAheadClearing) -> float:
    return abs(sum(cleared.accounts.values()) - cleared.profit) / (1.0 + abs(cleared.profit))


def _bound(_: ActiveSystem, __: DayAhead, cleared: DayAheadClearing) -> float:
    return max(0.0, cleared.objective - cleared.bound) / (1.0 + abs(cleared.bound))


def _interrupted(system: ActiveSystem, day: DayAhead, cleared: DayAheadClearing) -> float:
    """Compare F2 with its sum by period, and with the value of all load."""
    all_lost = np.zeros(day.length_h.size)
    for scenario in day.scenarios:
        load = scenario.load_kw.copy()
        for bid in day.bids:
            load[:, bid.bus] += np.where(bid.must_take, np.maximum(-bid.power_kw, 0.0), 0.0)
        all_lost += scenario.probability * day.length_h * (load @ system.lost_load_value)
    own = cleared.interruption_by_period
    limit = all_lost * float(system.outage_probability.sum())
    total = abs(float(own.sum()) - cleared.interruption) / (1.0 + cleared.interruption)
    return most(outside(own, 0.0, limit) / (1.0 + limit), total)


def _front(_: ActiveSystem, __: DayAhead, cleared: DayAheadClearing) -> float:
    """Return by how much a point of the front is worse than another in both objectives; they come by falling profit."""
    steps = np.diff(cleared.front, axis=0)
    return most(np.maximum(steps[:, 0], 0.0), np.maximum(steps[:, 1], 0.0))


INVARIANTS: tuple[Statement, ...] = (
    Statement("balance", "what is given is what is served, in every scenario", "(C6)", PUBLISHED_TOLERANCE, _balance),
    Statement("trade", "the roots give what was traded and the deviations", "(C4)", PUBLISHED_TOLERANCE, _traded),
    Statement("voltage", "voltages lie in their bands", "(C6)", PUBLISHED_TOLERANCE, _voltages),
    Statement("output", "outputs and reserves keep the limits of their states", "(C1)", PUBLISHED_TOLERANCE, _outputs),
    Statement("states", "states are whole and keep their least times", "(C1)", ARITHMETIC_TOLERANCE, _states),
    Statement("storage", "energy follows power, one way at a time", "(C2)", PUBLISHED_TOLERANCE, _stored),
    Statement("bids", "no more of a bid is accepted than it offers", "(C5)", PUBLISHED_TOLERANCE, _accepted),
    Statement(
        "reserve", "reserve that is sold or needed is held, or missing", "reserve need", PUBLISHED_TOLERANCE, _reserve
    ),
    Statement("accounts", "the terms of F1 sum to it", "(7)", ARITHMETIC_TOLERANCE, _accounts),
    Statement("bound", "the objective does not exceed its proved bound", "the search", RESIDUAL_TOLERANCE, _bound),
    Statement(
        "interruption", "F2 is its sum by period and no more than all load", "(8)", PUBLISHED_TOLERANCE, _interrupted
    ),
    Statement("front", "less profit never comes with more interruption", "(10), (11)", ARITHMETIC_TOLERANCE, _front),
)
"""All statements, to be checked with :func:`equilibrium.invariants.check` on system, day and scheduled day."""
