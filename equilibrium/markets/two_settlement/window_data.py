"""What a window of real time is bound to in each period, and what the period cost in the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray, IntArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.markets.two_settlement.real_time import Done, RealDay, Weather
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, Positions


@dataclass(frozen=True, eq=False)
class Now:
    """Where a window begins.

    Attributes
    ----------
    period
        The period of the day.
    at
        The day's period of each period of the window; beyond the day's end its last one, shape ``(H,)``.
    past_end
        Which of them are beyond, shape ``(H,)``.
    weather
        What is seen and expected.
    net_kw
        Net power that the aggregators expect to give, shape ``(H, bids)``.
    ready_kw
        What can be called of each now, shape ``(bids,)``.
    output_kw, energy_kwh
        Output of generators in the period before, and energy of storage.
    on_grid
        Which buses have supply, shape ``(buses,)``.
    order
        Buses of the window's program.
    """

    period: int
    at: IntArray
    past_end: BoolArray
    weather: Weather
    net_kw: FloatArray
    ready_kw: FloatArray
    output_kw: FloatArray
    energy_kwh: FloatArray
    on_grid: BoolArray
    order: IntArray


class Accounts:
    """The numbers of a system and a day as windows need them.

    Parameters
    ----------
    system, day, positions, bids
        The system, what happens, what was fixed day-ahead, and the aggregators' bids.
    """

    def __init__(self, system: ActiveSystem, day: RealDay, positions: Positions, bids: tuple[Bid, ...]) -> None:
        self.system, self.day, self.positions, self.bids = system, day, positions, bids
        self.buses: dict[str, IntArray] = {
            "generators": np.array([each.bus for each in system.generators], dtype=np.int64),
            "renewables": np.array([each.bus for each in system.renewables], dtype=np.int64),
            "storages": np.array([each.bus for each in system.storages], dtype=np.int64),
            "bids": np.array([each.bus for each in bids], dtype=np.int64),
        }
        self.share = np.array([bid.reactive_share for bid in bids])
        self.offers = np.array([bid.sold_price for bid in bids]).reshape(len(bids), positions.trade_kw.size).T
        self.initial_kwh = np.array([each.initial_kwh for each in system.storages])
        self.planned_kwh = self._planned_energy()

    def of(self, name: str) -> FloatArray:
        """Return an attribute of all generators."""
        return np.array([getattr(each, name) for each in self.system.generators])

    def _planned_energy(self) -> FloatArray:
        """Return the planned energy at the end of every period, kWh: straight within a day-ahead period."""
        day, plan = self.day, self.positions.storage_kwh
        before = np.vstack([self.initial_kwh, plan[:-1]])
        whole, passed = np.bincount(day.hour, day.length_h, plan.shape[0]), np.zeros(plan.shape[0])
        energy = np.zeros((day.periods, self.initial_kwh.size))
        for now, hour in enumerate(day.hour.tolist()):
            passed[hour] += day.length_h[now]
            energy[now] = before[hour] + passed[hour] / whole[hour] * (plan[hour] - before[hour])
        return energy

    def at_buses(self, kw: FloatArray) -> FloatArray:
        """Return powers of aggregators by bus: from shape ``(H, bids)`` to ``(H, buses)``."""
        return np.asarray(kw @ np.eye(self.system.grid.size)[self.buses["bids"]])

    def lit(self, name: str, on_grid: BoolArray) -> FloatArray:
        """Return 1 for units whose bus has supply, 0 for others."""
        return on_grid[self.buses[name]].astype(np.float64)

    def accepted_reserve(self, period: int) -> FloatArray:
        """Return the reserve of either kind that was accepted of each bid, kW."""
        hour = self.day.hour[period]
        return np.asarray(self.positions.accepted_spinning_kw[hour] + self.positions.accepted_regulating_kw[hour])

    def called_share(self, now: Now) -> FloatArray:
        """Return which share of sold spinning reserve is called in each period of a window, shape ``(H,)``.

        A call is believed to last until the end of its day-ahead period; nobody knows of later ones.
        """
        hour = self.day.hour
        return np.where(hour[now.at] == hour[now.period], self.day.called_share[now.period], 0.0)

    def callable_kw(self, now: Now) -> FloatArray:
        """Return what can be called of each bid in each period of a window, kW, shape ``(H, bids)``.

        Regulating reserve always; spinning reserve as far as it is called by the market, all of it in an outage.
        """
        plan, hour = self.positions, self.day.hour[now.at]
        failed = self.day.failed(now.period)
        share = np.ones(now.at.size) if failed.branches or failed.buses else self.called_share(now)
        most = plan.accepted_regulating_kw[hour] + share[:, None] * plan.accepted_spinning_kw[hour]
        most[0] = np.minimum(most[0], now.ready_kw)
        return np.asarray(most)

    def ports(self, now: Now) -> dict[str, FloatArray]:
        """Return what every port of a window is bound to."""
        plan, hour, weather = self.positions, self.day.hour[now.at], now.weather
        here = self.lit("bids", now.on_grid)
        net = now.net_kw * here
        values = self._units(now) | self._trade(now)
        ready = (plan.accepted_spinning_kw[hour] + plan.accepted_regulating_kw[hour]) * here
        steady = values["output most"].sum(axis=1) + ready.sum(axis=1)
        sold = plan.spinning_kw[hour] * (1.0 - self.called_share(now))
        return values | {
            "called most": self.callable_kw(now) * here,
            "called price": self.offers[hour],
            "not taken most": np.maximum(-net, 0.0),
            "not given most": np.maximum(net, 0.0),
            "reserve missing": sold + self.day.reserve_need_kw[hour] - steady,
            "balance load": (weather.load_kw - self.at_buses(net))[:, now.order],
            "balance_q load": (weather.load_kvar - self.at_buses(net * self.share))[:, now.order],
            "shed most": weather.load_kw[:, now.order],
        }

    def wishes(self, now: Now) -> dict[str, FloatArray]:
        """Return where the columns of a window would rather stand, by block: as scheduled, and no sun or wind lost."""
        plan, hour = self.positions, self.day.hour[now.at]
        power = plan.storage_kw[hour]
        return {
            "output": plan.generator_kw[hour],
            "renewable": now.weather.available_kw,
            "charge": np.maximum(-power, 0.0),
            "discharge": np.maximum(power, 0.0),
            "energy": self.planned_kwh[now.at],
        }

    def _trade(self, now: Now) -> dict[str, FloatArray]:
        """Return what the ports of trade and storage are bound to."""
        plan, hour, penalties = self.positions, self.day.hour[now.at], self.day.penalties
        prices = now.weather.prices
        storages, lit = self.system.storages, self.lit("storages", now.on_grid)
        stored = lit * ~now.past_end[:, None]
        given = np.array([each.discharge_max_kw for each in storages])
        return {
            "more price": prices.buy + penalties.energy[hour],
            "less price": penalties.energy[hour] - prices.sell,
            "more kvar price": prices.reactive + penalties.reactive[hour],
            "less kvar price": penalties.reactive[hour] - prices.reactive,
            "position": plan.trade_kw[hour] - plan.spinning_kw[hour] * self.called_share(now),
            "position kvar": plan.trade_kvar[hour],
            "short price": penalties.spinning[hour],
            "energy before": now.energy_kwh,
            "energy planned": self.planned_kwh[now.at[-1]],
            "energy value": np.array([2.0 * np.abs(prices.buy).max() + penalties.energy[hour].max()]),
            "charge most": np.array([each.charge_max_kw for each in storages]) * stored,
            "discharge most": given * stored,
            "ready most": np.broadcast_to(given * lit, stored.shape),
        }

    def _units(self, now: Now) -> dict[str, FloatArray]:
        """Return what the ports of generators and renewable units are bound to.

        The ramp limits each step, or the plan's own step where that is larger; a stop may come from the least output.
        A stop that is due now is free, and so is the way back of a unit that had no supply; past the day's end nothing
        is required.
        """
        plan, hour, lit = self.positions, self.day.hour[now.at], self.lit("generators", now.on_grid)
        on, planned = plan.on[hour] * lit, plan.generator_kw[hour]
        most, least = self.of("most_kw"), self.of("least_kw")
        first = self.of("before_kw") if now.period == 0 else plan.generator_kw[self.day.hour[now.period - 1]]
        before = np.vstack([first, planned[:-1]])
        own, step = planned - before, self.of("ramp_kw_per_h") * self.day.length_h[now.at][:, None]
        dark = now.past_end[:, None] | (lit == 0.0)
        returns = np.zeros(planned.shape, dtype=np.bool_)
        returns[0] = (now.output_kw < least - NEGLIGIBLE) & (first >= least - NEGLIGIBLE)
        up = np.where(dark | returns, most, np.minimum(np.maximum(own, step), most))
        due = (on == 0.0) & (np.arange(now.at.size) == 0)[:, None]
        stop = np.maximum(step, np.where(on == 0.0, least, 0.0))
        down = np.where(dark | due, most, np.minimum(np.maximum(-own, stop), most))
        return {
            "output least": on * least,
            "output most": on * most,
            "output planned": planned * lit,
            "output penalty": self.day.penalties.output[hour],
            "output before": now.output_kw,
            "ramp least": -down,
            "ramp most": up,
            "renewable most": now.weather.available_kw * self.lit("renewables", now.on_grid),
        }

    def cost(self, done: Done, now: Now) -> float:
        """Return what a period cost beyond the positions, recomputed from what was done, currency."""
        plan, period = self.positions, now.period
        hour, length = int(self.day.hour[period]), float(self.day.length_h[period])
        prices, penalties = now.weather.prices, self.day.penalties
        energy = done.trade_kw - plan.trade_kw[hour] + plan.spinning_kw[hour] * self.day.called_share[period]
        kvar = done.trade_kvar - plan.trade_kvar[hour]
        scheduled = done.generator_kw + done.tripped_kw
        missed = np.abs(scheduled - plan.generator_kw[hour] * self.lit("generators", now.on_grid))
        value = self.system.lost_load_value
        per_hour = (
            max(energy, 0.0) * prices.buy[0]
            + min(energy, 0.0) * prices.sell[0]
            + abs(energy) * penalties.energy[hour]
            + kvar * prices.reactive[0]
            + abs(kvar) * penalties.reactive[hour]
            + float(self.of("cost_per_kwh") @ (scheduled - plan.generator_kw[hour]))
            + float(missed.sum() * penalties.output[hour])
            + float(self.offers[hour] @ done.called_kw)
            + done.spinning_short_kw * penalties.spinning[hour]
            + float(value @ done.shed_kw)
            + float(value[self.buses["bids"]] @ np.abs(done.held_kw))
            + float(done.tripped_kw.sum()) * float(value.max(initial=0.0))
        )
        return float(per_hour * length)
