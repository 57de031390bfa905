"""Whole simulations of several days with events that nobody planned; every day keeps every statement.

Hypothesis drives a town day by day: units fail, lots close, prices spike, the clock is changed, and now and then the
state is saved and a fresh model goes on with it. What must hold of every clearing, of every vehicle and of the money is
checked after each day.
"""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agents.records import Outcome
from scenarios.loading import load_scenario
from scenarios.random_scenarios import Draft
from sim.checks import check_day
from sim.markets.charging.model import LocalMarket
from sim.options import RunOptions
from sim.simulate import clear_by, kind_of
from sim.snapshot import Snapshots

STARTS = {"plain": dt.date(2024, 6, 3), "spring": dt.date(2024, 3, 29), "autumn": dt.date(2024, 10, 25)}
"""First days: with the third one a day of 24, 23 or 25 hours."""

TOWN = """
title: A town that lives through much
time: {zone: Europe/Madrid}
market: {kind: KIND}
feeder: {name: feeder, voltage_min_pu: 0.9}
prices: {file: prices.csv, after_end: repeat}
loads: {scale: 1.0, hour_sigma: 0.1}
microturbines: [{name: mt, bus: c, rating_kva: 400, fuel_cost_eur_per_mwh: 55}]
renewables: [{name: sun, bus: b, rated_kw: 200, kind: pv, day_sigma: 0.3}]
storage: [{name: cell, bus: b, energy_kwh: 100, charge_max_kw: 40, discharge_max_kw: 40, initial_kwh: 50}]
lots:
  - {name: north, bus: b, places: 3, charger_kw: 22, charging_price_eur_per_kwh: 0.4}
  - {name: south, bus: c, places: 2, charger_kw: 11, charging_price_eur_per_kwh: 0.5, learning: {rule: none}}
drivers: {source: resample, files: [sessions.csv], sessions_per_day: 6}
"""


def town(kind: str, start: dt.date) -> Draft:
    """Ten days of prices from a date on, and three weeks of sessions, some of them over night."""
    prices = ["date,hour,price_eur_per_mwh"]
    for day in range(10):
        date = start + dt.timedelta(days=day)
        hours = {dt.date(2024, 3, 31): 23, dt.date(2024, 10, 27): 25}.get(date, 24)
        prices += [f"{date},{hour},{40 + 3 * ((hour * 7 + day) % 11)}" for hour in range(1, hours + 1)]
    sessions = ["arrival_local,departure_local,energy_kwh"]
    for day in range(21):
        date = dt.date(2024, 1, 1) + dt.timedelta(days=day)
        for k, (arrival, hours, energy) in enumerate(((8, 8, 20), (9, 3, 30), (12, 2, 8), (20, 11, 25))):
            begin = dt.datetime.combine(date, dt.time(arrival, 10 * k))
            sessions.append(f"{begin:%Y-%m-%dT%H:%M},{begin + dt.timedelta(hours=hours):%Y-%m-%dT%H:%M},{energy + day}")
    files = {
        "scenario.yaml": TOWN.replace("KIND", kind),
        "prices.csv": "\n".join([*prices, ""]),
        "sessions.csv": "\n".join([*sessions, ""]),
        "feeder/feeder.yaml": "base_kv: 10\nroot: a\n",
        "feeder/buses.csv": "bus,load_kw,load_kvar\na,0,0\nb,300,90\nc,200,50\n",
        "feeder/branches.csv": "from_bus,to_bus,r_ohm,x_ohm,closed,rating_kva\na,b,1.2,0.9,1,1500\nb,c,1.5,1.1,1,700\n",
    }
    return Draft(files, 0)


class LongLife(RuleBasedStateMachine):
    """A town whose days are disturbed."""

    kind = "lots-lead"

    @initialize(start=st.sampled_from(sorted(STARTS)), seed=st.integers(0, 3))
    def open(self, start: str, seed: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.case = load_scenario(str(town(self.kind, STARTS[start]).write(self.folder)))
        self.seed, self.events = seed, {}
        self.model = self.opened()
        self.results: list[Any] = []
        self.stored = 0.0

    def opened(self) -> LocalMarket:
        """A fresh model whose days are disturbed by the events that are planned."""
        case = copy.copy(self.case)
        plain = self.case.day

        def day(index: int, streams: Any) -> Any:
            found = plain(index, streams)
            return replace(found, **{name: change(found) for name, change in self.events.items()})

        object.__setattr__(case, "day", day)
        model = LocalMarket(case, seed=self.seed)
        self.snapshots = Snapshots(model)
        return model

    @rule(hour=st.integers(0, 22), price=st.sampled_from([-0.1, 0.0, 0.3, 2.0]))
    def price_spike(self, hour: int, price: float) -> None:
        def spiked(day: Any) -> np.ndarray:
            return np.where(np.arange(day.wholesale_price.size) == hour, price, day.wholesale_price)

        self.events["wholesale_price"] = spiked

    @rule(hour=st.integers(0, 22))
    def the_sun_fails(self, hour: int) -> None:
        self.events["renewable_kw"] = lambda day: np.where(
            np.arange(day.axis.size)[:, None] >= hour, 0.0, day.renewable_kw
        )

    @rule()
    def the_turbine_fails(self) -> None:
        self.events["microturbine_available"] = lambda _: np.array([False])

    @rule(lot=st.integers(0, 1), places=st.integers(0, 2))
    def a_lot_closes(self, lot: int, places: int) -> None:
        """Those who are parked stay until they leave."""
        self.model.lots[lot].places = places

    @rule(lot=st.integers(0, 1))
    def a_lot_opens(self, lot: int) -> None:
        self.model.lots[lot].places = self.case.lots[lot].places

    @rule()
    def a_day_passes(self) -> None:
        self.model.step()
        self.events.clear()
        self.results.append(self.model.last)

    @precondition(lambda self: bool(self.results))
    @rule()
    def a_fresh_model_goes_on(self) -> None:
        """The saved state is all that a model remembers: the next day has the same digits."""
        document, arrays = self.snapshots.state()
        old, mine = self.model, self.opened()
        self.snapshots.restore(document, arrays)
        old.step()
        mine.step()
        np.testing.assert_array_equal(old.last.clearing.lot_kw, mine.last.clearing.lot_kw)
        np.testing.assert_array_equal(old.last.clearing.dlmp, mine.last.clearing.dlmp)
        assert old.last.finished == mine.last.finished
        old.close()
        self.model = mine
        self.events.clear()
        self.results.append(mine.last)

    @invariant()
    def every_statement_holds(self) -> None:
        if not getattr(self, "results", None):
            return
        day = self.results[-1]
        clearings = kind_of(self.case).clearings(day)
        checked = check_day(day, clearings, "cheap", clear_by(self.case, RunOptions()))
        assert [(name, each) for name, each in checked.findings if not each.holds] == []
        assert day.clearing.certificate.verdict != "unproved"

    @invariant()
    def vehicles_keep_their_energy(self) -> None:
        """Whoever left was here once, and got at most what was asked for, at most what was drawn."""
        finished = [record for day in getattr(self, "results", []) for record in day.finished]
        assert len({record.name for record in finished}) == len(finished)
        for record in finished:
            assert record.departure_h >= record.arrival_h
            assert -1e-9 <= record.got_kwh <= record.asked_kwh - record.unreachable_kwh + 1e-5
            assert record.arrival_energy_kwh + record.got_kwh <= record.battery_kwh + 1e-5
            if record.outcome is Outcome.SERVED:
                assert record.got_kwh == pytest.approx(record.asked_kwh - record.unreachable_kwh, abs=1e-4)

    @invariant()
    def the_calendar_goes_on(self) -> None:
        results = getattr(self, "results", [])
        assert [day.index for day in results] == list(range(len(results)))
        assert all(
            later.scenario.start_h == pytest.approx(day.scenario.start_h + day.scenario.axis.hours)
            for day, later in itertools.pairwise(results)
        )

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.model.close()
            shutil.rmtree(self.folder)


class LongGame(LongLife):
    """The same where lots pay the price at their bus."""

    kind = "nodal"


@pytest.mark.parametrize("machine", [LongLife, LongGame])
def test_a_few_lives(machine: type[LongLife]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=4, stateful_step_count=10))


@pytest.mark.long
@pytest.mark.parametrize("machine", [LongLife, LongGame])
def test_many_lives(machine: type[LongLife]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=100, stateful_step_count=30))


def test_every_start_meets_its_change_of_the_clock(tmp_path: Path) -> None:
    hours = {}
    for name, start in STARTS.items():
        case = load_scenario(str(town("lots-lead", start).write(tmp_path / name)))
        hours[name] = [case.axis(index).size for index in range(4)]
    assert hours == {"plain": [24] * 4, "spring": [24, 24, 23, 24], "autumn": [24, 24, 25, 24]}
