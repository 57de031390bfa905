"""The rolling clearing of real time: window by window through a day, with outages met by switching."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from equilibrium.arrays import BoolArray, FloatArray
from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import SolverError
from equilibrium.grid.restoration import Forest, Hour, Outage, operations, restore, ways
from equilibrium.markets.two_settlement.real_time import (
    Delivery,
    Done,
    RealDay,
    RealTimeDay,
    Weather,
    check_look_ahead,
    gathered,
)
from equilibrium.markets.two_settlement.system import ActiveSystem, Bid, Positions
from equilibrium.markets.two_settlement.window import Window
from equilibrium.markets.two_settlement.window_data import Accounts, Now
from equilibrium.programs.closest import closest_reduced
from equilibrium.programs.duality import Residuals, kkt_residuals
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import Solution
from equilibrium.programs.solvers.choose import require_optimal


@dataclass(eq=False)
class _State:
    """Where units and grid stand before a period."""

    output_kw: FloatArray
    energy_kwh: FloatArray
    on_grid: BoolArray
    failed: Outage
    closed: BoolArray


@dataclass(eq=False)
class _Proof:
    """The worst of all windows so far."""

    residuals: Residuals = field(default_factory=lambda: Residuals(0.0, 0.0, 0.0, 0.0))
    excess: float = 0.0
    seconds: float = 0.0
    slowest: float = 0.0
    notes: list[str] = field(default_factory=list)

    def take(self, one: Residuals) -> None:
        """Keep the larger of every residual."""
        names = ("primal", "dual", "complementarity", "gap")
        worst = {name: float(np.max([getattr(self.residuals, name), getattr(one, name)])) for name in names}
        self.residuals = Residuals(**worst)


class RealTime:
    """Real time of a system; its programs are compiled once for each configuration and kept.

    Parameters
    ----------
    system
        The system.
    look_ahead
        Periods of a window.
    solver
        One of :data:`equilibrium.programs.solvers.SOLVERS`.
    """

    def __init__(self, system: ActiveSystem, look_ahead: int = 8, solver: str = "auto") -> None:
        self.system, self.look_ahead, self.solver = system, look_ahead, solver
        self._windows: dict[tuple[bytes, ...], Window] = {}

    def run(
        self, day: RealDay, positions: Positions, bids: Sequence[Bid], deliveries: Sequence[Delivery]
    ) -> RealTimeDay:
        """Go through a day.

        Parameters
        ----------
        day
            What happens.
        positions
            What the day-ahead market fixed.
        bids, deliveries
            The aggregators' bids, and what they do.

        Raises
        ------
        InputError
            When the day's numbers do not fit together, or the window is longer than the day.
        """
        day.check(self.system, positions, len(bids))
        check_look_ahead(self.look_ahead, day.periods)
        for window in self._windows.values():
            window.model.rewind()
        run = _Run(self, day, positions, tuple(bids), tuple(deliveries))
        done = [run.step(now) for now in range(day.periods)]
        proof = run.proof
        return RealTimeDay(
            **gathered(done),
            closed=np.array(run.closed),
            operations=np.array(run.operations),
            residuals=proof.residuals,
            excess=proof.excess,
            solver=run.solver_name,
            solver_seconds=proof.seconds,
            slowest_seconds=proof.slowest,
            notes=tuple(proof.notes),
        )

    def window(self, closed: BoolArray, outage: Outage, length_h: FloatArray, bids: tuple[Bid, ...]) -> Window:
        """Return the program of a configuration, compiled where it is met for the first time."""
        share = np.array([bid.reactive_share for bid in bids])
        buses = np.array([bid.bus for bid in bids], dtype=np.int64)
        dead = np.array([*outage.branches, -1, *outage.buses], dtype=np.int64)
        key = (closed.tobytes(), dead.tobytes(), length_h.tobytes(), buses.tobytes(), share.tobytes())
        if key not in self._windows:
            forest = self._forest(closed, outage)
            self._windows[key] = Window(self.system, forest, length_h, (buses, share), self.solver)
        return self._windows[key]

    def _forest(self, closed: BoolArray, outage: Outage) -> Forest:
        return next(forest for each, forest in ways(self.system.grid, outage) if np.array_equal(each, closed))


class _Run:
    """One day on its way."""

    def __init__(
        self,
        market: RealTime,
        day: RealDay,
        positions: Positions,
        bids: tuple[Bid, ...],
        deliveries: tuple[Delivery, ...],
    ) -> None:
        self.market, self.day, self.deliveries = market, day, deliveries
        self.data = Accounts(market.system, day, positions, bids)
        self.system = market.system
        self.proof = _Proof()
        self.closed: list[BoolArray] = []
        self.operations: list[int] = []
        self.solver_name = market.solver
        everything = np.ones(self.system.grid.size, dtype=np.bool_)
        self.state = _State(
            self.data.of("before_kw"), self.data.initial_kwh, everything, Outage(""), self.system.grid.closed.copy()
        )

    def step(self, now: int) -> Done:
        """Do one period."""
        start = time.perf_counter()
        ahead = min(self.market.look_ahead, self.day.periods)
        at = np.minimum(np.arange(now, now + ahead), self.day.periods - 1)
        past_end = np.arange(now, now + ahead) >= self.day.periods
        weather = self.day.expected.from_now(self.day.seen, now, ahead, self.day.memory)
        net = np.zeros((ahead, len(self.deliveries)))
        for k, each in enumerate(self.deliveries):
            known = each.net_kw(now)[:ahead]
            net[:, k] = np.concatenate([known, np.repeat(known[-1:], ahead - known.size)])
        self._switch(now, weather, net[0])
        window = self.market.window(self.state.closed, self.state.failed, self.day.length_h[at], self.data.bids)
        ready = np.array([each.ready_kw(now) for each in self.deliveries])
        state = self.state
        view = Now(
            now,
            at,
            past_end,
            weather,
            net,
            ready,
            state.output_kw,
            state.energy_kwh,
            state.on_grid,
            window.forest.order,
        )
        solution = self._solve(window, view)
        done = self._done(window, solution.x, view)
        self.proof.seconds += solution.seconds
        self.proof.slowest = max(self.proof.slowest, time.perf_counter() - start)
        return done

    def _switch(self, now: int, weather: Weather, net: FloatArray) -> None:
        """Look for the best ties where something has failed or come back."""
        failed, was = self.day.failed(now), self.state.failed
        grid, before = self.system.grid, self.state.closed
        if (failed.branches, failed.buses) != (was.branches, was.buses):
            self.state.failed = failed
            if failed.branches or failed.buses:
                answer = restore(grid, self._hour(now, weather, net), failed, self.market.solver)
                self.state.closed = answer.closed
                self.proof.notes.append(
                    f"period {now}: {failed.name} out of order, {answer.operations} ties closed, "
                    f"{answer.shed_kw.sum():.1f} kW cannot be restored"
                )
            else:
                self.state.closed = grid.closed.copy()
                self.proof.notes.append(f"period {now}: everything is back in order")
        broken = Outage("", (*was.branches, *failed.branches), (*was.buses, *failed.buses))
        moved = operations(grid, np.where(self.state.closed == before, grid.closed, ~grid.closed), broken)
        self.closed.append(self.state.closed.copy())
        self.operations.append(moved)
        self.state.on_grid = grid.supplied(self.state.closed, failed.buses)

    def _hour(self, now: int, weather: Weather, net: FloatArray) -> Hour:
        """Return what is to be served in a period, and what helps: units that run, sun, wind and aggregators."""
        on = self.data.positions.on[self.day.hour[now]]
        buses = self.data.buses
        load, kvar = weather.load_kw[0].copy(), weather.load_kvar[0].copy()
        taken = np.maximum(-net, 0.0)
        np.add.at(load, buses["bids"], taken)
        np.add.at(kvar, buses["bids"], taken * self.data.share)
        most, rating = on * self.data.of("most_kw"), on * self.data.of("rating_kva")
        sources = np.concatenate([buses[name] for name in ("generators", "renewables", "bids")])
        power = np.concatenate([most, weather.available_kw[0], np.maximum(net, 0.0)])
        reactive = np.concatenate([np.sqrt(np.maximum(rating**2 - most**2, 0.0)), np.zeros(power.size - most.size)])
        return Hour(load, kvar, self.system.lost_load_value, sources, power, reactive)

    def _solve(self, window: Window, view: Now) -> Solution:
        """Solve a window and prove it; where energy would be wasted, let storage go the way that it goes on balance."""
        instance = window.program.bind(self.data.ports(view))
        solution = self._best(window, instance, view)
        charge, discharge = (window.program.value(solution.x, name)[0] for name in ("charge", "discharge"))
        both = np.flatnonzero(np.minimum(charge, discharge) > NEGLIGIBLE)
        if not both.size:
            return solution
        blocks = window.program.columns
        up = charge[both] >= discharge[both] - NEGLIGIBLE
        names = [blocks["discharge" if way else "charge"].index[0, k] for way, k in zip(up, both, strict=True)]
        fixed = instance.with_columns(np.array(names), 0.0, 0.0)
        again = self._best(window, fixed, view)
        # The first optimum, which its residuals prove, is a bound on every choice of directions.
        self.proof.excess = max(self.proof.excess, float(fixed.cost @ again.x) - float(instance.cost @ solution.x))
        return replace(again, seconds=solution.seconds + again.seconds)

    def _best(self, window: Window, instance: Instance, view: Now) -> Solution:
        """Return the optimum of a window that is closest to the schedule, proved."""
        found = require_optimal(window.model.solve(instance), f"real time, period {view.period}")
        x = found.x
        try:
            x = closest_reduced(window.model, instance, x, found.y, window.ideal(self.data.wishes(view)))
        except SolverError as error:
            self.proof.notes.append(f"period {view.period}: one of several optima is published: {error}")
        self.proof.take(kkt_residuals(instance, x, found.y))
        self.solver_name = window.model.solver_name
        return replace(found, x=x)

    def _done(self, window: Window, x: FloatArray, view: Now) -> Done:
        """Read the first period off a window, and let time go on."""
        value = {name: window.program.value(x, name)[0] for name in window.program.columns}
        order, system, net = view.order, self.system, view.net_kw[0]
        lit = self.data.lit("bids", view.on_grid)
        shed = view.weather.load_kw[0].copy()
        shed[order] = np.maximum(value["shed"], 0.0)
        voltage = np.full(system.grid.size, np.nan)
        voltage[order] = np.sqrt(value["square"]) / system.grid.base_kv
        root = window.forest.parent < 0
        held = net * (lit - 1.0) + value["not taken"] - value["not given"]
        called = np.maximum(value["called"], 0.0)
        supplied = lit.copy()
        some = net != 0.0
        supplied[some] = 1.0 - np.abs(held[some]) / np.abs(net[some])
        for each, kw, part in zip(self.deliveries, called.tolist(), supplied.tolist(), strict=True):
            each.happened(view.period, kw, part)
        self.state.output_kw, self.state.energy_kwh = value["output"], value["energy"]
        done = Done(
            generator_kw=value["output"] - value["tripped"],
            generator_kvar=value["output_q"] * self.data.lit("generators", view.on_grid),
            renewable_kw=value["renewable"],
            storage_kw=value["discharge"] - value["charge"],
            storage_kwh=value["energy"],
            trade_kw=float(value["flow"][root].sum()),
            trade_kvar=float(value["flow_q"][root].sum()),
            called_kw=called,
            bid_kw=net + held + called,
            held_kw=held,
            unready_kw=np.maximum(self.data.accepted_reserve(view.period) * lit - view.ready_kw, 0.0),
            shed_kw=shed,
            tripped_kw=value["tripped"],
            spinning_short_kw=float(value["short"]),
            voltage_pu=voltage,
            cost=0.0,
        )
        return replace(done, cost=self.data.cost(done, view))
