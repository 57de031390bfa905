"""Days in which every number is another one, so that a table, a figure or a sentence shows where it took it from.

Nothing in them is cleared: powers do not balance and prices mean nothing. The day has 24.5 hours, one period of half an
hour among those of an hour, and its buses, lots and units stand in no order.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from agents.charging.records import DriversRecord, LotRecord, OperatorRecord
from agents.records import Outcome, SessionRecord
from equilibrium.certificate import Certificate, SecondMethod, Verdict
from equilibrium.fleet.day import LotDay
from equilibrium.games.answer import GameVerdict
from equilibrium.grid.assets import (
    LotSite,
    Microturbine,
    RenewableUnit,
    StaticVarCompensator,
    StorageUnit,
    Subscription,
)
from equilibrium.grid.binding import NAMES, Limit
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.price_points import PostedPrices, PriceEquilibria, Yardstick
from equilibrium.markets.nodal.clearing import NodalClearing
from scenarios.markets.charging.day import ScenarioDay
from scenarios.time_axis import TimeAxis, day_axis
from sim.acflow import FlowCheck
from sim.manifest import write_manifest
from sim.markets.base import MarketKind
from sim.markets.charging.results import DayResult
from sim.markets.charging.yardstick import PriceMeasure
from sim.store import Run, RunWriter

ZONE = "Australia/Lord_Howe"
DATE = dt.date(2024, 4, 7)
"""The clock goes back by half an hour."""

LABELS = ("root", "9", "4", "7", "2")

NETWORK = Network(
    Feeder(
        "made",
        11.0,
        LABELS,
        np.array([-1, 0, 1, 2, 1]),
        np.array([0.0, 0.1, 0.2, 0.3, 0.4]),
        np.array([0.0, 0.2, 0.3, 0.4, 0.5]),
        9000.0 + np.arange(5),
        np.zeros(5),
        np.zeros(5),
        9.9 + 0.01 * np.arange(5),
        700.0 + np.arange(5),
    ),
    microturbines=(Microturbine("mt-a", 3, 500.0, 0.1), Microturbine("mt-b", 1, 400.0, 0.2)),
    compensators=(StaticVarCompensator("svc", 4, 300.0),),
    renewables=(RenewableUnit("wind", 2, 100.0, "wind"), RenewableUnit("sun", 4, 200.0, "pv")),
    lots=(LotSite("lot-z", 3), LotSite("lot-x", 1, subscription=Subscription(37.0, 0.031)), LotSite("lot-y", 4)),
    storage=(
        StorageUnit("cell-a", 2, 90.0, 20.0, 20.0, 30.0, 0.9, 0.9, 12.0),
        StorageUnit("cell-b", 4, 80.0, 20.0, 20.0, 31.0, 0.9, 0.9, 13.0),
    ),
)

VALUES = {"storage_charge_kw": (1.0, 4.0), "storage_discharge_kw": (1.0, 4.0), "storage_kwh": (20.0, 70.0)}


def _certificate(draw: np.random.Generator, verdict: Verdict, *, second: bool) -> Certificate:
    proof = SecondMethod("other method", (0, 2), (3.0, 4.0), draw.uniform(), finished=True, seconds=draw.uniform())
    return Certificate(
        verdict,
        *draw.uniform(size=4).tolist(),
        tuple(draw.uniform(size=3).tolist()),
        (True, False, True),
        *draw.uniform(1.0, 9.0, size=2).tolist(),
        "a method",
        "a solver",
        ("first note", "second note"),
        proof if second else None,
    )


def _limits(draw: np.random.Generator, t: int, *, shed: bool) -> tuple[Limit, ...]:
    """A limit of every kind, in every second period; some are reached to the last digit, some are not."""
    found = []
    for k, name in enumerate(NAMES):
        value, multiplier, shortage = draw.uniform(1.0, 9.0, size=3).tolist()
        slack = float(draw.uniform(0.01, 0.02)) if k % 2 else 0.0
        place, unit = f"place {k}", ("kVA", "p.u.", "kW")[k % 3]
        worth = shortage * (k % 3 == 0) if shed else 0.0
        found.append(Limit(name, place, k % 5, 2 * k % t, unit, value, value + slack, slack, multiplier, worth))
    return tuple(found)


def _clearing(draw: np.random.Generator, axis: TimeAxis, verdict: Verdict, *, nodal: bool, shed: bool) -> Clearing:
    t, buses, lots = axis.size, len(LABELS), len(NETWORK.lots)
    shapes: dict[str, tuple[int, ...]] = {
        "import_kw": (t,),
        "export_kw": (t,),
        "microturbine_kw": (t, 2),
        "microturbine_kvar": (t, 2),
        "renewable_kw": (t, 2),
        "compensator_kvar": (t, 1),
        "storage_charge_kw": (t, 2),
        "storage_discharge_kw": (t, 2),
        "storage_kwh": (t, 2),
    }
    at_buses = {"flow_kw", "flow_kvar", "voltage_pu", "shed_kw", "competitive_dlmp"}
    at_lots = {
        "lot_kw",
        "lot_soe_kwh",
        "unserved_kwh",
        "lot_price",
        "lot_price_low",
        "lot_price_high",
        "competitive_kw",
    }
    shapes |= dict.fromkeys(at_buses, (t, buses)) | dict.fromkeys(at_lots, (t, lots))
    numbers = {"network_cost", "fuel_cost", "shortage_cost", "seconds", "solver_seconds", "competitive_cost"}
    numbers |= {"load_payment", "network_surplus", "price_of_anarchy", "certificate_seconds"}
    given: dict[str, object] = {
        "vehicle_kw": (None,) * lots,
        "certificate": _certificate(draw, verdict, second=nodal),
        "behaviours": ("strategic", "price-taking", "central"),
        "price_rule": "a rule",
        "rounds": 3,
        "order": (2, 0),
        "iteration": "gauss-seidel",
        "cycle": 5,
        "limits": _limits(draw, t, shed=shed),
    }
    values: dict[str, object] = {}
    for field in fields(NodalClearing if nodal else Clearing):
        low, high = VALUES.get(field.name, (10.0, 90.0))
        if field.name in given:
            values[field.name] = given[field.name]
        elif field.name.startswith("dlmp"):
            values[field.name] = draw.uniform(-0.05, 0.2, size=(t, buses))
        else:
            shape = () if field.name in numbers else shapes.get(field.name, (lots,))
            values[field.name] = draw.uniform(low, high, size=shape) if shape else float(draw.uniform(low, high))
    values["shed_kw"][:, 0] = 0.0  # type: ignore[index]  # nothing is loaded at the root
    if not shed:
        values |= {"shed_kw": np.zeros((t, buses)), "unserved_kwh": np.zeros((t, lots))}
    return (NodalClearing if nodal else Clearing)(**values)  # type: ignore[arg-type]


def made_day(
    index: int, *, nodal: bool = False, verdict: Verdict = Verdict.EXACT, shed: bool = True, flow: bool = True
) -> DayResult:
    """Return a day whose numbers are drawn with its index."""
    draw = np.random.default_rng([17, index, nodal])
    date = DATE + dt.timedelta(days=index)
    axis = day_axis(date, ZONE)
    t, buses = axis.size, len(LABELS)
    load = draw.uniform(100.0, 200.0, size=(2, t, buses))
    load[:, :, 0] = 0.0
    load[0, :, 3] = 0.0  # a bus with reactive load alone
    market = MarketDay(
        draw.uniform(0.02, 0.08, size=t),
        load[0],
        load[1],
        draw.uniform(100.0, 200.0, size=(t, 2)),
        np.array([True, False]),
        tuple(_offer(draw, t) for _ in NETWORK.lots),
        period_h=axis.length_h,
    )
    scenario = ScenarioDay(
        index, date, axis, 24.0 * index, market.wholesale_price, load[0], load[1], market.renewable_kw, np.ones(2, bool)
    )
    lots = tuple(
        LotRecord(site.name, *draw.uniform(0.1, 0.9, size=1).tolist(), *map(int, draw.permutation(50)[:5]), *numbers)
        for site, numbers in zip(NETWORK.lots, draw.uniform(1.0, 99.0, size=(3, 6)).tolist(), strict=True)
    )
    sessions = [_session(draw, f"{index}-{k}", index, outcome) for k, outcome in enumerate(Outcome)]
    operator = OperatorRecord(draw.uniform(size=(t, buses)), float(draw.uniform(1.0, 9.0)))
    drivers = DriversRecord((sessions[-2],), (sessions[-1],), draw.uniform(size=3))
    check = None if not flow else _flow(draw, axis)
    clearing = _clearing(draw, axis, verdict, nodal=nodal, shed=shed)
    return DayResult(
        index,
        date,
        NETWORK,
        scenario,
        market,
        clearing,
        lots,
        tuple(sessions[:-2]),
        drivers,
        operator,
        float(draw.uniform(1.0, 2.0)),
        check,
        _measured(draw, index),
    )


def _measured(draw: np.random.Generator, index: int) -> PriceMeasure:
    """Posted prices beside their equilibrium; on days with an odd number none was found."""
    names = tuple(site.name for site in NETWORK.lots)
    arrays = draw.uniform(0.1, 0.9, size=(9, len(names)))
    posted = PostedPrices(Verdict.KKT_CONSISTENT, *arrays[:7], pieces=3, finished=True)
    nearest = None if index % 2 else replace(posted, verdict=Verdict.EXACT, prices=arrays[7])
    distance = np.full(len(names), np.nan) if nearest is None else posted.prices - nearest.prices
    verdict = GameVerdict.NONE_FOUND if nearest is None else GameVerdict.EXACT
    found = () if nearest is None else (nearest, nearest)
    answer = PriceEquilibria(verdict, found, index % 3 == 0, 0.1, False, None, 0, 0.2)
    return PriceMeasure(names, arrays[8], Yardstick(posted, nearest, distance, answer, float(draw.uniform(0.1, 0.2))))


def _offer(draw: np.random.Generator, t: int) -> LotDay:
    names = [field.name for field in fields(LotDay)]
    values: dict[str, object] = {
        name: draw.uniform(1.0, 99.0, size=t)
        for name in (
            "energy_in_kwh",
            "energy_out_kwh",
            "soe_min_kwh",
            "soe_max_kwh",
            "power_max_kw",
            "charging_price",
            "network_charge",
        )
    }
    values |= {"initial_kwh": 0.0, "energy_end_kwh": 0.0}
    return LotDay(**{name: value for name, value in values.items() if name in names})  # type: ignore[arg-type]


def _flow(draw: np.random.Generator, axis: TimeAxis) -> FlowCheck:
    t = axis.size
    solved = np.arange(t) != 4
    bus = draw.integers(0, len(LABELS), size=(5, t))
    error, loss, share, lowest, *beyond = np.where(solved, draw.uniform(0.01, 0.9, size=(7, t)), np.nan)
    broken = [solved & (np.arange(t) % 3 == k) for k in range(3)]
    pairs = [
        (np.where(solved & ~at, 0.0, each), np.where(at, place, -1))
        for at, each, place in zip(broken, beyond, bus[2:], strict=True)
    ]
    first, second = np.where(solved, bus[:2], 0)
    return FlowCheck(solved, error, first, loss * 100, share, lowest, second, *itertools.chain(*pairs))


def _session(draw: np.random.Generator, name: str, day: int, outcome: Outcome) -> SessionRecord:
    arrival, departure, *rest = draw.uniform(1.0, 99.0, size=9).tolist()
    lot = "" if outcome is Outcome.FULL else "lot-x"
    home, tries = (int(number) for number in draw.permutation(30)[:2])
    return SessionRecord(name, day, lot, home, arrival, departure, tries, *rest, outcome)


def stored_run(folder: Path, kind: MarketKind, days: Iterable[DayResult], status: str = "complete") -> Run:
    """Write days as a run of a market, with a manifest."""
    writer = RunWriter(folder, kind.name, kind.tables)
    for day in days:
        rows = {table.name: table.of(day) for table in kind.tables}
        writer.add(day.index, {name: columns for name, columns in rows.items() if columns is not None})
    writer.close()
    write_manifest(folder, {"currency": "EUR", "status": status})
    return Run(folder)
