"""Small systems with a day, and a second statement of the day ahead that shares no code with the first.

The oracle writes the operation with a flow and a voltage for every branch and bus, for given states of the generators,
and solves it with scipy; states are enumerated, and outages are restored one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import linprog

from equilibrium.arrays import FloatArray
from equilibrium.grid.assets import RenewableUnit, StorageUnit
from equilibrium.grid.contingencies import single_outages
from equilibrium.grid.restoration import Hour, Outage, restore
from equilibrium.markets.two_settlement.system import (
    ActiveSystem,
    Bid,
    DayAhead,
    Generator,
    Penalties,
    Prices,
    Scenario,
)
from tests.equilibrium.test_meshed import grid

LINES = [(0, 1, True), (1, 2, True), (5, 4, True), (4, 3, True), (2, 3, False), (1, 4, False)]
"""0-1-2 and 5-4-3 with two ties; 0 and 5 are roots."""


EVERY = 3
"""Of the single outages every this many can happen."""


def made_system(rng: np.random.Generator, **changes: Any) -> ActiveSystem:
    """Six buses, two generators, sun and storage, and some outages."""
    net = grid(
        6,
        (0, 5),
        LINES,
        r_ohm=rng.uniform(4.0, 9.0, 6),
        x_ohm=rng.uniform(2.0, 5.0, 6),
        rating_kva=np.where(rng.random(6) < 0.3, rng.uniform(500.0, 900.0, 6), np.inf),
        voltage_min_pu=np.full(6, 0.96),
        voltage_max_pu=np.full(6, 1.03),
    )
    generators = tuple(
        Generator(
            f"unit {k}",
            bus,
            least_kw=100.0,
            most_kw=300.0,
            rating_kva=350.0,
            cost_per_kwh=float(rng.uniform(0.05, 0.15)),
            idle_cost_per_h=float(rng.uniform(0.0, 20.0)),
            start_cost=float(rng.uniform(0.0, 15.0)),
            ramp_kw_per_h=float(rng.choice([80.0, 150.0, np.inf])),
            min_up_h=float(rng.choice([0.5, 1.5])),
            min_down_h=float(rng.choice([0.5, 1.5])),
            on_before_h=float(rng.choice([-3.0, 1.0, 3.0])),
            before_kw=150.0,
        )
        for k, bus in enumerate((2, 3))
    )
    store = StorageUnit("store", 1, 200.0, 100.0, 100.0, 100.0)
    values: dict[str, Any] = {
        "grid": net,
        "generators": generators,
        "renewables": (RenewableUnit("sun", 4, 200.0, "pv"),),
        "storages": (store,),
        "lost_load_value": np.array([1.0, 2.0, 5.0, 3.0, 4.0, 1.0]),
        "outages": single_outages(net)[::EVERY],
        "outage_probability": rng.uniform(0.01, 0.05, len(single_outages(net)))[::EVERY],
        "reactive_share": float(rng.uniform(0.2, 0.5)) if rng.random() < 0.5 else None,
        "trade_max_kw": float(rng.choice([400.0, np.inf])),
    }
    return ActiveSystem(**{**values, **changes})


def made_day(rng: np.random.Generator, periods: int = 3, scenarios: int = 2, **changes: Any) -> DayAhead:
    """Some periods with loads, sun and prices of their own, and a bid that gives and takes."""

    def prices() -> Prices:
        buy = rng.uniform(0.02, 0.3, periods)
        return Prices(buy, 0.95 * buy, 0.2 * buy, rng.uniform(0.0, 0.1, periods), rng.uniform(0.0, 0.1, periods))

    made = []
    for _ in range(scenarios):
        load = rng.uniform(20.0, 260.0, (periods, 6)) * np.array([0.0, 1.0, 1.0, 1.0, 1.0, 0.0])
        made.append(
            Scenario(1.0 / scenarios, load, rng.uniform(0.2, 0.7) * load, rng.uniform(0, 200, (periods, 1)), prices())
        )
    power = rng.uniform(-80.0, 80.0, periods)
    prices_of_bid = rng.uniform(0.02, 0.3, (2, periods))
    bid = Bid(
        "aggregator",
        3,
        power,
        0.488,
        rng.uniform(0, 40, periods),
        rng.uniform(0, 40, periods),
        prices_of_bid[0],
        prices_of_bid[1],
        rng.uniform(0.0, 0.1, periods),
        rng.uniform(0.0, 0.1, periods),
        must_take=bool(rng.random() < 0.5),
    )
    values: dict[str, Any] = {
        "length_h": np.full(periods, float(rng.choice([0.5, 1.0]))),
        "scenarios": tuple(made),
        "bids": (bid,),
        "spinning_need_kw": rng.uniform(0, 150, periods),
        "regulating_need_kw": rng.uniform(0, 60, periods),
        "penalties": Penalties(*(np.array([[0.0], [0.0], [0.1], [0.0]]) + rng.uniform(0.01, 0.3, (4, periods)))),
        "price_deviation": rng.uniform(0.0, 0.1, periods),
    }
    return DayAhead(**{**values, **changes})


@dataclass
class Lp:
    """A linear program by names: ``rows`` hold terms, a sense (``<=`` or ``=``) and a right-hand side."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    rows: list[tuple[list[tuple[int, float]], str, float]] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)

    def var(self, low: float = 0.0, high: float = np.inf, cost: float = 0.0) -> int:
        self.low.append(low)
        self.high.append(high)
        self.cost.append(cost)
        return len(self.cost) - 1

    def add(self, terms: list[tuple[int, float]], sense: str, right: float) -> None:
        self.rows.append((terms, sense, right))

    def least(self) -> float:
        """Return the optimal value with one of each pair at zero, infinite where there is no point."""
        parts: dict[str, tuple[list[FloatArray], list[float]]] = {"<=": ([], []), "=": ([], [])}
        for terms, sense, right in self.rows:
            row = np.zeros(len(self.cost))
            for column, value in terms:
                row[column] += value
            parts[sense][0].append(row)
            parts[sense][1].append(right)
        answer = linprog(
            self.cost,
            A_ub=np.array(parts["<="][0]),
            b_ub=parts["<="][1],
            A_eq=np.array(parts["="][0]),
            b_eq=parts["="][1],
            bounds=list(zip(self.low, self.high, strict=True)),
            method="highs",
        )
        if answer.status != 0:
            return np.inf
        both = [pair for pair in self.pairs if min(answer.x[list(pair)]) > 1e-7]
        if not both:
            return float(answer.fun)
        return min(self._without(column).least() for column in both[0])

    def _without(self, column: int) -> Lp:
        high = self.high.copy()
        high[column] = 0.0
        return replace(self, high=high)


def allowed(unit: Generator, on: FloatArray, length: float) -> bool:
    """Whether the states keep the least times on and off, looked at hour by hour."""
    before = [1.0] * int(unit.on_before_h / length) if unit.on_before_h > 0 else [0.0] * int(-unit.on_before_h / length)
    states = [1.0 - before[0], *before, *on.tolist()]
    runs = [(state, len(list(group))) for state, group in itertools.groupby(states)]
    need = {1.0: unit.min_up_h / length, 0.0: unit.min_down_h / length}
    if any(count < need[state] - 1e-9 for state, count in runs[1:-1]):
        return False
    jump = max(unit.least_kw, unit.ramp_kw_per_h * length)
    return not (unit.on_before_h > 0 and on[0] == 0.0 and unit.before_kw > jump)


def circle(lp: Lp, active: list[tuple[int, float]], reactive: list[tuple[int, float]], rating: float) -> None:
    """Keep a power inside a polygon with sixteen sides inside the circle."""
    for k in range(16):
        angle = 2 * np.pi * (k + 0.5) / 16
        terms = [(c, v * np.cos(angle)) for c, v in active] + [(c, v * np.sin(angle)) for c, v in reactive]
        lp.add(terms, "<=", np.cos(np.pi / 16) * rating)


def least_cost(system: ActiveSystem, day: DayAhead, on: FloatArray) -> float:
    """Return the least expected cost -F1 with given states ``(T, generators)``."""
    lp, periods, length = Lp(), range(len(day.length_h)), float(day.length_h[0])
    total = 0.0
    for g, unit in enumerate(system.generators):
        previous = np.concatenate([[float(unit.on_before_h > 0)], on[:-1, g]])
        total += (
            unit.start_cost * np.maximum(on[:, g] - previous, 0).sum() + length * unit.idle_cost_per_h * on[:, g].sum()
        )

    def mean(name: str, t: int) -> float:
        return float(sum(each.probability * getattr(each.prices, name)[t] for each in day.scenarios))

    roots = len(system.grid.roots)
    cap = roots * system.trade_max_kw if np.isfinite(system.trade_max_kw) else 1e5
    bought = [lp.var(0, cap, length * mean("buy", t)) for t in periods]
    sold = [lp.var(0, cap, -length * mean("sell", t)) for t in periods]
    kvar = [lp.var(-1e5, 1e5, length * mean("reactive", t)) for t in periods]
    spin = [lp.var(0, 1e5, -length * mean("spinning", t)) for t in periods]
    if system.reactive_share is not None:
        for t in periods:
            share = system.reactive_share
            lp.add([(kvar[t], 1.0), (bought[t], -share), (sold[t], share)], "=", 0.0)
    accepted, kept = [], []
    for bid in day.bids:
        for t in periods:
            p = float(bid.power_kw[t])
            price = bid.sold_price[t] if p > 0 else bid.bought_price[t]
            high = p if bid.must_take and p < 0 else max(p, 0.0)
            accepted.append(lp.var(min(p, 0.0), high, length * price))
            kept.append(
                [
                    lp.var(0, bid.spinning_kw[t], length * bid.spinning_price[t]),
                    lp.var(0, bid.regulating_kw[t], length * bid.regulating_price[t]),
                ]
            )
    plan = [[lp.var(0, unit.most_kw) for unit in system.generators] for _ in periods]
    for scenario in day.scenarios:
        _operate(lp, system, day, scenario, on, (bought, sold, kvar, spin, plan), (accepted, kept))
    return total + lp.least()


def _operate(
    lp: Lp, system: ActiveSystem, day: DayAhead, scenario: Scenario, on: FloatArray, first: Any, bids: Any
) -> None:
    """State one scenario."""
    net, length, weight = system.grid, float(day.length_h[0]), scenario.probability * float(day.length_h[0])
    bought, sold, kvar, spin, plan = first
    accepted, kept = bids
    output: list[list[int]] = []
    held: list[list[tuple[int, int]]] = []
    stored = [store.initial_kwh for store in system.storages]
    energy: list[int] = []
    for t in range(len(day.length_h)):
        give: dict[int, list[tuple[int, float]]] = {bus: [] for bus in range(net.size)}
        give_q: dict[int, list[tuple[int, float]]] = {bus: [] for bus in range(net.size)}
        output.append([])
        held.append([])
        for g, unit in enumerate(system.generators):
            state = on[t, g]
            p = lp.var(unit.least_kw * state, unit.most_kw * state, weight * unit.cost_per_kwh)
            q = lp.var(-unit.rating_kva * state, unit.rating_kva * state)
            circle(lp, [(p, 1.0)], [(q, 1.0)], unit.rating_kva)
            s, r = lp.var(0, 1e5 * state), lp.var(0, 1e5 * state)
            lp.add([(p, 1.0), (s, 1.0), (r, 1.0)], "<=", unit.most_kw * state)
            lp.add([(p, -1.0), (r, 1.0)], "<=", -unit.least_kw * state)
            _ramp(
                lp,
                unit,
                t,
                on[:, g],
                [*[row[g] for row in output[:-1]], p],
                [*[row[g] for row in held[:-1]], (s, r)],
                length,
            )
            up, down = (lp.var(0, np.inf, weight * day.penalties.output[t]) for _ in range(2))
            lp.add([(p, 1.0), (plan[t][g], -1.0), (up, -1.0), (down, 1.0)], "=", 0.0)
            output[t].append(p)
            held[t].append((s, r))
            give[unit.bus].append((p, 1.0))
            give_q[unit.bus].append((q, 1.0))
        for k, sun in enumerate(system.renewables):
            give[sun.bus].append((lp.var(0, scenario.available_kw[t, k]), 1.0))
        ready = []
        for k, store in enumerate(system.storages):
            last = t == len(day.length_h) - 1
            into, out = lp.var(0, store.charge_max_kw), lp.var(0, store.discharge_max_kw)
            lp.pairs.append((into, out))
            left = lp.var(store.initial_kwh if last else 0.0, store.initial_kwh if last else store.energy_kwh)
            terms = [(left, 1.0), (into, -length * 0.95), (out, length / 0.95)]
            lp.add(terms + ([(energy[-1], -1.0)] if t else []), "=", stored[k] if t == 0 else 0.0)
            energy.append(left)
            spare = lp.var()
            lp.add([(out, 1.0), (spare, 1.0)], "<=", store.discharge_max_kw)
            lp.add([(spare, length / 0.95), (left, -1.0)], "<=", 0.0)
            ready.append(spare)
            give[store.bus] += [(into, -1.0), (out, 1.0)]
        for k, bid in enumerate(day.bids):
            column = accepted[k * len(day.length_h) + t]
            give[bid.bus].append((column, 1.0))
            give_q[bid.bus].append((column, bid.reactive_share))
        for bus in range(net.size):
            load, load_q = scenario.load_kw[t, bus], scenario.load_kvar[t, bus]
            shed = lp.var(0, load, weight * system.lost_load_value[bus])
            give[bus].append((shed, 1.0))
            give_q[bus].append((shed, load_q / load if load > 0 else 0.0))
        _flow(lp, system, scenario, t, (give, give_q), (bought[t], sold[t], kvar[t]), day.penalties, weight)
        for k, need in enumerate((day.spinning_need_kw[t], day.regulating_need_kw[t])):
            short = lp.var(0, np.inf, weight * day.penalties.spinning[t])
            terms = [(short, -1.0)] + [(pair[k], -1.0) for pair in held[t]]
            terms += [(kept[b * len(day.length_h) + t][k], -1.0) for b in range(len(day.bids))]
            if k == 0:
                terms += [(column, -1.0) for column in ready] + [(spin[t], 1.0)]
            lp.add(terms, "<=", -need)


def _ramp(
    lp: Lp, unit: Generator, t: int, on: FloatArray, output: list[int], held: list[tuple[int, int]], length: float
) -> None:
    """Limit changes of the output, hour by hour."""
    ramp = unit.ramp_kw_per_h * length
    jump = max(unit.least_kw, ramp)
    if not np.isfinite(ramp):
        return
    was = (unit.on_before_h > 0) if t == 0 else on[t - 1] > 0
    up = [(output[t], 1.0), (held[t][0], 1.0), (held[t][1], 1.0)]
    before = [] if t == 0 else [(output[t - 1], -1.0)]
    start = unit.before_kw if t == 0 and was else 0.0
    if on[t] and was:
        lp.add(up + before, "<=", ramp + start)
        lp.add([(output[t], -1.0)] + [(c, -v) for c, v in before], "<=", ramp - start)
    elif on[t]:
        lp.add(up, "<=", jump)
    elif was and t > 0:
        lp.add([(output[t - 1], 1.0), (held[t - 1][0], 1.0), (held[t - 1][1], 1.0)], "<=", jump)


def _flow(
    lp: Lp, system: ActiveSystem, scenario: Scenario, t: int, give: Any, trade: Any, penalty: Penalties, weight: float
) -> None:
    """State flows and voltages of the base configuration, and what passes the roots."""
    net = system.grid
    band = [((net.voltage_min_pu[b] * 11.0) ** 2, (net.voltage_max_pu[b] * 11.0) ** 2) for b in range(net.size)]
    volt = [lp.var(121.0, 121.0) if b in net.roots else lp.var(*band[b]) for b in range(net.size)]
    flows = {k: (lp.var(-np.inf), lp.var(-np.inf)) for k in np.flatnonzero(net.closed).tolist()}
    root = {b: (lp.var(-system.trade_max_kw, system.trade_max_kw), lp.var(-np.inf)) for b in net.roots}
    for k, (p, q) in flows.items():
        a, b = int(net.start[k]), int(net.end[k])
        lp.add([(volt[b], 1.0), (volt[a], -1.0), (p, 2e-3 * net.r_ohm[k]), (q, 2e-3 * net.x_ohm[k])], "=", 0.0)
        if np.isfinite(net.rating_kva[k]):
            circle(lp, [(p, 1.0)], [(q, 1.0)], net.rating_kva[k])
    for part, load in ((0, scenario.load_kw[t]), (1, scenario.load_kvar[t])):
        for bus in range(net.size):
            terms = list(give[part][bus])
            for k, pair in flows.items():
                terms += [(pair[part], 1.0)] if net.end[k] == bus else []
                terms += [(pair[part], -1.0)] if net.start[k] == bus else []
            terms += [(root[bus][part], 1.0)] if bus in root else []
            lp.add(terms, "=", load[bus])
    prices = scenario.prices
    for part, buy, sell, pen in (
        (0, prices.buy[t], prices.sell[t], penalty.energy[t]),
        (1, prices.reactive[t], prices.reactive[t], penalty.reactive[t]),
    ):
        more, less = lp.var(0, 1e5, weight * (buy + pen)), lp.var(0, 1e5, weight * (pen - sell))
        traded = [(trade[0], 1.0), (trade[1], -1.0)] if part == 0 else [(trade[2], 1.0)]
        lp.add(traded + [(more, 1.0), (less, -1.0)] + [(pair[part], -1.0) for pair in root.values()], "=", 0.0)


def every_state(system: ActiveSystem, day: DayAhead) -> Iterator[FloatArray]:
    """Yield all states of all generators that keep their least times, ``(T, generators)``."""
    shape = (len(day.length_h), len(system.generators))
    for bits in itertools.product((0.0, 1.0), repeat=shape[0] * shape[1]):
        on = np.array(bits).reshape(shape)
        if all(allowed(unit, on[:, k], float(day.length_h[0])) for k, unit in enumerate(system.generators)):
            yield on


def outage_cost(system: ActiveSystem, day: DayAhead, on: FloatArray, *, switching: bool = True) -> float:
    """Return F2 of given states by restoring every outage in every period of every scenario."""
    total = 0.0
    net = system.grid if switching else replace(system.grid, switchable=system.grid.closed)
    for scenario in day.scenarios:
        for t, length in enumerate(day.length_h):
            hour = emergency(system, day, scenario, t, on[t])
            for outage, chance in zip(system.outages, system.outage_probability, strict=True):
                total += scenario.probability * length * chance * restore(net, hour, outage).cost
    return float(total)


def emergency(system: ActiveSystem, day: DayAhead, scenario: Scenario, t: int, on: FloatArray) -> Hour:
    """Return what is served in an outage and what helps."""
    load, load_q = scenario.load_kw[t].copy(), scenario.load_kvar[t].copy()
    bus = [unit.bus for unit in system.generators] + [unit.bus for unit in system.renewables]
    kw = [unit.most_kw * on[g] for g, unit in enumerate(system.generators)] + scenario.available_kw[t].tolist()
    kvar = [np.sqrt(unit.rating_kva**2 - unit.most_kw**2) * on[g] for g, unit in enumerate(system.generators)]
    kvar += [0.0] * len(system.renewables)
    for bid in day.bids:
        if bid.must_take and bid.power_kw[t] < 0.0:
            load_q[bid.bus] -= scenario.load_kvar[t, bid.bus] / scenario.load_kw[t, bid.bus] * bid.power_kw[t]
            load[bid.bus] -= bid.power_kw[t]
        bus, kw, kvar = [*bus, bid.bus], [*kw, max(0.0, bid.power_kw[t]) + bid.spinning_kw[t]], [*kvar, 0.0]
    return Hour(load, load_q, system.lost_load_value, np.array(bus), np.array(kw), np.array(kvar))


NO_OUTAGE: tuple[Outage, ...] = ()
