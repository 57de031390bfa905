"""Every column of every table of the aggregator market, computed once more by hand from the day's result.

A column that has no line here fails the test, and so does a line without a column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from sim.markets.aggregator.kind import KIND
from sim.markets.aggregator.model import REPORTERS
from sim.markets.aggregator.results import AggregatorDayResult
from tests.sim.made_contract_days import LOTS, PRICES, UNITS, made_contract_day
from tests.sim.test_every_column import Row, assert_rows

Day = AggregatorDayResult
CONTRACTS = ("fix1", "flex1", "fix2", "flex2")


def dated(day: Day) -> Row:
    return {"day": day.index, "date": day.date}


def period(day: Day, t: int) -> Row:
    axis = day.day.axis
    at = {"hour": int(axis.clock_h[t]), "period": t, "start": axis.starts[t]}
    return dated(day) | at | {"hours": (axis.edge_s[t + 1] - axis.edge_s[t]) / 3600.0}


def hours(day: Day) -> list[float]:
    edge = day.day.axis.edge_s
    return [(edge[t + 1] - edge[t]) / 3600.0 for t in range(len(edge) - 1)]


def energy(day: Day, power: Any) -> float:
    return sum(h * float(np.sum(power[t])) for t, h in enumerate(hours(day)))


def drawn(lot: Any) -> Any:
    return (lot.charge_g2v_kw + lot.charge_v2g_kw)[0]


def bought(day: Day) -> list[float]:
    came = day.settlement.came
    return [
        came.served_kw[t]
        + sum(drawn(lot)[t] - lot.discharge_kw[0, t] for lot in came.lots)
        - sum(came.generators_kw[t])
        for t in range(len(hours(day)))
    ]


def proof(day: Day) -> Row:
    found = day.settlement.plan.certificate
    return {
        "verdict": found.verdict.value,
        "certified": found.verdict in (Verdict.EXACT, Verdict.EPSILON_NASH),
        "worst_regret": found.worst_regret,
    }


def expected_days(day: Day) -> Iterator[Row]:
    came, outcome, lengths = day.settlement.came, day.settlement.outcome, hours(day)
    account, price = came.accounts, outcome.energy_price
    yield (
        dated(day)
        | proof(day)
        | {
            "profit": day.aggregator.profit,
            "planned_profit": day.aggregator.planned_profit,
            "lot_profit": day.lots[0].profit + day.lots[1].profit,
            "generator_profit": day.generators[0].profit + day.generators[1].profit + day.generators[2].profit,
            "retail_profit": day.retailer.profit,
            "paid_by_lots": day.lots[0].paid + day.lots[1].paid,
            "paid_to_generators": -account.from_generators,
            "paid_by_retailer": account.from_retailer,
            "upstream_profit": account.upstream,
            "loss_cost": account.losses,
            "purchase_kwh": energy(day, bought(day)),
            "charged_kwh": sum(energy(day, drawn(lot)) for lot in came.lots),
            "discharged_kwh": sum(energy(day, lot.discharge_kw[0]) for lot in came.lots),
            "reserve_kwh": sum(energy(day, lot.reserve_kw[0]) for lot in came.lots),
            "generated_kwh": energy(day, came.generators_kw),
            "served_kwh": day.retailer.served_kwh,
            "interrupted_kwh": day.retailer.interrupted_kwh,
            "vehicles": day.drivers[0].came + day.drivers[1].came,
            "limits_kept": came.grid is not None,
            "loss_kwh": math.nan if came.grid is None else energy(day, came.grid.loss_kw),
            "voltage_min_pu": math.nan if came.grid is None else min(came.grid.voltage_pu.ravel().tolist()),
            "upstream_price_mean_per_mwh": 1000.0
            * sum(h * p for h, p in zip(lengths, price, strict=True))
            / sum(lengths),
            "upstream_price_peak_per_mwh": 1000.0 * max(price.tolist()),
            "price_error_per_mwh": 1000.0 * day.aggregator.price_error,
            "load_factor": day.aggregator.load_factor,
            "willing": day.retailer.willing,
            "reduction_distance": day.distance,
            "seconds": day.seconds,
        }
    )


def expected_prices(day: Day) -> Iterator[Row]:
    settled = day.settlement
    given = {
        "upstream energy": settled.outcome.energy_price,
        "upstream reserve": settled.outcome.reserve_price,
        "forecast energy": settled.forecast.energy_price,
        "forecast reserve": settled.forecast.reserve_price,
    }
    given |= {name: settled.plan.prices[name] for name in PRICES}
    for name, price in given.items():
        for t in range(len(hours(day))):
            yield period(day, t) | {"price": name, "price_per_mwh": 1000.0 * price[t]}


def expected_dispatch(day: Day) -> Iterator[Row]:
    came = day.settlement.came
    powers: list[tuple[str, str, Any]] = [("purchase", "purchase", bought(day))]
    for name, lot in zip(LOTS, came.lots, strict=True):
        powers += [(name, "charge", drawn(lot)), (name, "discharge", lot.discharge_kw[0])]
        powers += [(name, "reserve", lot.reserve_kw[0])]
    powers += [(name, "output", came.generators_kw[:, k]) for k, name in enumerate(UNITS)]
    powers += [("retailer", "served", came.served_kw)]
    powers += [("retailer", "interrupted", day.settlement.outcome.retailer.load_kw - came.served_kw)]
    for asset, kind, power in powers:
        for t in range(len(hours(day))):
            yield period(day, t) | {"asset": asset, "kind": kind, "p_kw": power[t]}


def expected_lots(day: Day) -> Iterator[Row]:
    for name, did, lot in zip(LOTS, day.settlement.came.lots, day.settlement.outcome.lots, strict=True):
        for t in range(len(hours(day))):
            held = {"g2v_kwh": did.g2v_kwh[0, t], "v2g_kwh": did.v2g_kwh[0, t]}
            yield period(day, t) | {"lot": name, "parked": float(sum(lot.vehicles.parked[0, t]))} | held


def expected_lot_days(day: Day) -> Iterator[Row]:
    for k, name in enumerate(LOTS):
        yield dated(day) | {
            "lot": name,
            "step_per_mwh": 1000.0 * day.lots[k].step,
            "profit": day.lots[k].profit,
            "paid": day.lots[k].paid,
            "attendance": day.drivers[k].attendance,
            "expected_attendance": day.aggregator.attendance[k],
            "came": day.drivers[k].came,
        }


def expected_vehicles(day: Day) -> Iterator[Row]:
    for name, error in zip(LOTS, day.pool_errors, strict=True):
        yield dated(day) | {
            "lot": name,
            "promised_kwh": error.promised_kwh,
            "moved_kwh": error.moved_kwh,
            "pool_profit": error.pool_profit,
            "vehicle_profit": error.vehicle_profit,
            "profit_error": error.pool_profit - error.vehicle_profit,
            "unreachable_kwh": error.unreachable_kwh,
            "below_contract_kwh": error.below_contract_kwh,
        }


def expected_contracts(day: Day) -> Iterator[Row]:
    for name, pool in zip(LOTS, day.drivers, strict=True):
        for k, contract in enumerate(CONTRACTS):
            memory = {"satisfaction": pool.satisfaction[k], "reputation": pool.reputation[k]}
            yield dated(day) | {"lot": name, "contract": contract, "share": pool.share[k]} | memory


def expected_generators(day: Day) -> Iterator[Row]:
    for name, unit in zip(UNITS, day.generators, strict=True):
        made = {"markup": unit.markup, "energy_kwh": unit.energy_kwh, "profit": unit.profit}
        yield dated(day) | {"generator": name} | made


def expected_certificates(day: Day) -> Iterator[Row]:
    found = day.settlement.plan.certificate
    yield (
        dated(day)
        | proof(day)
        | {
            "primal": found.primal,
            "dual": found.dual,
            "complementarity": found.complementarity,
            "gap": found.gap,
            "epsilon": found.epsilon,
            "method": "a method",
            "solver": "a solver",
            "notes": "first note; second note",
        }
    )


EXPECTED: dict[str, Callable[[Day], Iterator[Row]]] = {
    "days": expected_days,
    "prices": expected_prices,
    "dispatch": expected_dispatch,
    "lots": expected_lots,
    "lot_days": expected_lot_days,
    "vehicles": expected_vehicles,
    "contracts": expected_contracts,
    "generators": expected_generators,
    "certificates": expected_certificates,
}


@pytest.mark.parametrize("index", [0, 3])
def test_every_column_of_every_table(index: int) -> None:
    verdict = Verdict.KKT_CONSISTENT if index else Verdict.EPSILON_NASH
    day = made_contract_day(index, verdict=verdict, kept=index == 0)
    assert {table.name for table in KIND.tables} == set(EXPECTED)
    for table in KIND.tables:
        assert_rows(table, day, list(EXPECTED[table.name](day)))
    assert {table.name for table in KIND.tables if table.optional} == {"vehicles"}


def test_without_single_vehicles_their_table_alone_has_no_rows() -> None:
    day = made_contract_day(2, single=False)
    for table in KIND.tables:
        if table.name == "vehicles":
            assert table.of(day) is None
        else:
            assert_rows(table, day, list(EXPECTED[table.name](day)))


def test_what_is_collected_of_a_day_is_what_the_tables_say() -> None:
    day = made_contract_day(1)
    (row,) = expected_days(day)
    model: Any = type("Model", (), {"last": day})
    assert {name: value(model) for name, value in REPORTERS.items()} == {
        "profit": row["profit"],
        "planned_profit": row["planned_profit"],
        "price_error": day.aggregator.price_error,
        "lot_profit": row["lot_profit"],
        "generator_profit": pytest.approx(row["generator_profit"]),
        "retail_profit": row["retail_profit"],
        "vehicles": row["vehicles"],
        "certified": True,
    }
