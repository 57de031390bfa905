"""Days of the aggregator market in which every number is another one, as ``made_days.py`` has for charging lots.

Nothing in them is cleared. The day has 24.5 hours, one period of half an hour among those of an hour.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from typing import Any

import numpy as np

from agents.aggregator.records import (
    AggregatorRecord,
    ContractLotRecord,
    ContractRecord,
    GeneratorRecord,
    LoadRetailRecord,
)
from agents.aggregator.settlement import AggregatorSettlement
from equilibrium.certificate import Certificate, Verdict
from equilibrium.markets.aggregator.accounts import Accounts, LotQuantities
from equilibrium.markets.aggregator.answer import Answer
from equilibrium.markets.aggregator.clearing import AggregatorClearing, GridState
from equilibrium.markets.aggregator.day import AggregatorDay, Generator, Retailer
from equilibrium.markets.aggregator.vehicles import PoolError
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.time_axis import day_axis
from sim.markets.aggregator.results import AggregatorDayResult
from tests.equilibrium.aggregator_days import card_lot
from tests.sim.made_days import DATE, ZONE

LOTS = ("lot-z", "lot-x")
UNITS = ("unit-b", "unit-c", "unit-a")
PRICES = (*(f"{lot} {what}" for lot in LOTS for what in ("in", "out", "reserve")), "generators", "retailer")


def _quantities(draw: np.random.Generator, t: int) -> LotQuantities:
    return LotQuantities(**{field.name: draw.uniform(10.0, 90.0, size=(1, t)) for field in fields(LotQuantities)})


def _answer(draw: np.random.Generator, t: int, *, kept: bool) -> Answer:
    accounts = Accounts(
        *draw.uniform(100.0, 900.0, size=5).tolist(),
        lots=draw.uniform(size=len(LOTS)),
        lot_accounts=(),
        generators=draw.uniform(size=len(UNITS)),
        retailer=float(draw.uniform()),
    )
    return Answer(
        lots=tuple(_quantities(draw, t) for _ in LOTS),
        generators_kw=draw.uniform(100.0, 200.0, size=(t, len(UNITS))),
        served_kw=draw.uniform(700.0, 900.0, size=t),
        accounts=accounts,
        grid=None if not kept else GridState(*draw.uniform(0.9, 1.1, size=(2, t, 5)), draw.uniform(size=t), 0.0),
        limits_kept=kept,
        residuals=(),
    )


def _market_day(draw: np.random.Generator, length_h: np.ndarray) -> AggregatorDay:
    t = length_h.size
    lots = [card_lot(np.zeros((1, t)), name=name) for name in LOTS]
    for lot in lots:
        lot.vehicles.parked[:] = draw.uniform(1.0, 9.0, size=lot.vehicles.parked.shape)
    return AggregatorDay(
        energy_price=draw.uniform(0.01, 0.2, size=t),
        reserve_price=draw.uniform(0.01, 0.2, size=t),
        call_probability=0.1,
        failure_rate=0.1,
        lots=tuple(lots),
        generators=tuple(Generator(name, 0.1, 10.0) for name in UNITS),
        retailer=Retailer(draw.uniform(900.0, 999.0, size=t), np.ones(t), 0.0, 0.1),
        probability=np.ones(1),
        cap=1.0,
        period_h=length_h,
    )


def _certificate(draw: np.random.Generator, verdict: Verdict) -> Certificate:
    return Certificate(
        verdict,
        *draw.uniform(size=4).tolist(),
        tuple(draw.uniform(size=3).tolist()),
        (True, False, True),
        *draw.uniform(1.0, 9.0, size=2).tolist(),
        "a method",
        "a solver",
        ("first note", "second note"),
    )


def made_contract_day(
    index: int, *, verdict: Verdict = Verdict.EXACT, kept: bool = True, single: bool = True, seed: tuple[int, ...] = ()
) -> AggregatorDayResult:
    """Return a day whose numbers are drawn with its index and a seed.

    Without limits kept it has no feeder, and where it is not single its pools are not laid out to vehicles.
    """
    draw = np.random.default_rng([23, index, *seed])
    date = DATE + dt.timedelta(days=index)
    axis = day_axis(date, ZONE)
    t = axis.size
    given: dict[str, Any] = {field.name: None for field in fields(AggregatorClearing)}
    given |= {"prices": {name: draw.uniform(0.01, 0.3, size=t) for name in PRICES}}
    given |= {"certificate": _certificate(draw, verdict)}
    settlement = AggregatorSettlement(
        forecast=_market_day(draw, axis.length_h),
        plan=AggregatorClearing(**given),
        outcome=_market_day(draw, axis.length_h),
        came=_answer(draw, t, kept=kept),
    )
    return AggregatorDayResult(
        index=index,
        date=date,
        day=AggregatorInputs(index, date, axis, 24.0 * index, *draw.uniform(size=(4, t))),
        distance=float(draw.uniform(1.0, 9.0)),
        settlement=settlement,
        aggregator=AggregatorRecord(*draw.uniform(100.0, 900.0, size=3), tuple(draw.uniform(size=2)), draw.uniform()),
        lots=tuple(ContractLotRecord(name, *draw.uniform(1.0, 99.0, size=3)) for name in LOTS),
        drivers=tuple(
            ContractRecord(name, *draw.uniform(1.0, 99.0, size=2), *draw.uniform(size=(3, 4))) for name in LOTS
        ),
        generators=tuple(GeneratorRecord(name, *draw.uniform(1.0, 99.0, size=3)) for name in UNITS),
        retailer=LoadRetailRecord(*draw.uniform(1.0, 99.0, size=4)),
        seconds=float(draw.uniform(1.0, 2.0)),
        pool_errors=tuple(PoolError(*draw.uniform(1.0, 99.0, size=6).tolist()) for _ in LOTS) if single else (),
    )
