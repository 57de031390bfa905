"""Every column of every table of the market of two settlements, computed once more by hand from a made-up day.

A column that has no line here fails the test, and so does a line without a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from equilibrium.markets.two_settlement.real_time import RealTimeDay
from equilibrium.markets.two_settlement.settlement import Payment, Settlement
from equilibrium.programs.duality import Residuals
from sim.markets.two_settlement.kind import KIND
from sim.markets.two_settlement.model import REPORTERS, TwoSettlementModel
from sim.markets.two_settlement.results import TwoSettlementDayResult
from tests.sim.test_every_column import Row, assert_rows
from tests.sim.two_settlement_town import town

Day = TwoSettlementDayResult
NUMBERS = np.random.default_rng(5)
PAYMENTS = (
    Payment("day-ahead", "energy", "operator", "wholesale market", 3.5, 1234),
    Payment("day-ahead", "spinning", "wholesale market", "operator", 2.5, 5678),
    Payment("real time", "output", "operator", "big", 1.5, 91),
    Payment("real time", "energy", "lot", "operator", 0.5, 17),
)


def scrambled(value: Any) -> Any:
    """Another number in every place of an array of numbers; both signs."""
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return NUMBERS.uniform(-50.0, 50.0, value.shape)
    return value


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of the town with numbers that it never had: each is another one."""
    model = TwoSettlementModel(town(tmp_path_factory.mktemp("town")), seed=1)
    model.step()
    real = model.last
    assert real is not None
    assert real.day.events
    done = real.settlement.done
    made = {each.name: scrambled(getattr(done, each.name)) for each in fields(RealTimeDay)}
    made |= {
        "shed_kw": np.abs(made["shed_kw"]) * (NUMBERS.random(made["shed_kw"].shape) < 0.1),
        "voltage_pu": 1.0 + made["voltage_pu"] / 1000.0,
        "residuals": Residuals(1e-12, 2e-12, 3e-12, 4e-12),
        "excess": 0.25,
        "operations": np.arange(96),
        "notes": ("a note",),
        "solver_seconds": 0.125,
    }
    made["voltage_pu"][3, 1] = np.nan
    plan = real.plan
    fixed = {each.name: scrambled(getattr(plan.positions, each.name)) for each in fields(plan.positions)}
    plan = replace(plan, positions=replace(plan.positions, **fixed), solver_seconds=0.5)
    settled = replace(real.settlement, plan=plan, done=RealTimeDay(**made), money=Settlement(PAYMENTS))
    bidders = tuple(
        replace(each, **{f.name: float(NUMBERS.random()) for f in fields(each) if f.name not in ("name", "kind")})
        for each in real.bidders
    )
    operator = replace(real.operator, **{f.name: float(NUMBERS.random()) for f in fields(real.operator)})
    agents = {"bidders": bidders, "operator": operator}
    return replace(real, index=7, plan=plan, settlement=settled, missing_kwh=(1.5,), distance=3.25, **agents)


def dated(day: Day) -> Row:
    return {"day": 7, "date": day.date}


def quarter(day: Day, t: int) -> Row:
    return dated(day) | {"hour": t // 4, "period": t, "start": f"{t // 4:02d}:{15 * (t % 4):02d}", "hours": 0.25}


def hourly(day: Day, t: int) -> Row:
    return dated(day) | {"hour": t, "period": t, "start": f"{t:02d}:00", "hours": 1.0}


def energy(power: np.ndarray) -> float:
    return sum(0.25 * float(np.sum(power[t])) for t in range(96))


def up(values: Any) -> np.ndarray:
    return np.array([max(0.0, float(value)) for value in values])


def proof(day: Day) -> Row:
    found = day.plan.certificate
    return {"verdict": str(found.verdict), "certified": True, "worst_regret": found.worst_regret, "gap": found.gap}


def expected_days(day: Day) -> Iterator[Row]:
    done, real, plan = day.settlement.done, day.settlement.real, day.plan
    price = [float(value) for value in day.settlement.prices.buy]
    yield (
        dated(day)
        | proof(day)
        | {
            "profit": day.operator.profit,
            "planned_profit": day.operator.planned_profit,
            "day_ahead_profit": 56.78 - 12.34,
            "real_time_profit": 0.17 - 0.91,
            "real_time_cost": sum(done.cost.tolist()),
            "bidder_income": day.bidders[0].income + day.bidders[1].income,
            "interruption_planned": plan.interruption,
            "bought_kwh": energy(up(done.trade_kw)),
            "sold_kwh": energy(up(-done.trade_kw)),
            "generated_kwh": energy(done.generator_kw),
            "renewable_kwh": energy(done.renewable_kw),
            "curtailed_kwh": energy(day.day.available_kw) - energy(done.renewable_kw),
            "load_kwh": energy(day.day.load_kw),
            "shed_kwh": energy(done.shed_kw),
            "called_kwh": energy(done.called_kw),
            "spinning_sold_kwh": sum(plan.positions.spinning_kw.tolist()),
            "reserve_missing_kwh": energy(done.spinning_short_kw),
            "missing_kwh": 1.5,
            "outages": len(day.day.events),
            "operations": 96 * 95 // 2,
            "voltage_min_pu": min(v for v in done.voltage_pu.ravel().tolist() if v == v),
            "voltage_max_pu": max(v for v in done.voltage_pu.ravel().tolist() if v == v),
            "price_mean_per_mwh": 1000.0 * sum(price) / 24.0,
            "price_peak_per_mwh": 1000.0 * max(price),
            "price_error_per_mwh": 1000.0 * day.operator.price_error,
            "load_error": day.operator.load_error,
            "load_factor": day.operator.load_factor,
            "deviation_kw": day.operator.deviation_kw,
            "persistence": day.operator.persistence,
            "reduction_distance": 3.25,
            "gap": max(0.0, plan.bound - plan.objective) / max(1.0, abs(plan.objective)),
            "seconds": day.seconds,
            "solver_seconds": 0.625,
        }
    )
    assert real.length_h.tolist() == [0.25] * 96


def expected_periods(day: Day) -> Iterator[Row]:
    done, real = day.settlement.done, day.settlement.real
    expected = [
        sum(s.probability * float(s.prices.buy[t]) for s in day.settlement.forecast.scenarios) for t in range(24)
    ]
    for t in range(96):
        volts = {label: v for label, v in zip("123456", done.voltage_pu[t].tolist(), strict=True) if v == v}
        low = min(volts, key=lambda label: volts[label])
        yield quarter(day, t) | {
            "day_ahead_price_per_mwh": 1000.0 * float(day.day.price[t // 4]),
            "expected_price_per_mwh": 1000.0 * expected[t // 4],
            "real_time_price_per_mwh": 1000.0 * float(day.day.real_time_price[t]),
            "expected_load_kw": float(sum(real.expected.load_kw[t])),
            "available_kw": float(day.day.available_kw[t, 0]),
            "cost": float(done.cost[t]),
            "operations": float(t),
            "voltage_min_pu": volts[low],
            "voltage_min_bus": low,
            "voltage_max_pu": max(volts.values()),
        }


def both(unit: str, kinds: tuple[str, str], power: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    return [(unit, kinds[0], up(power)), (unit, kinds[1], up(-power))]


def expected_dispatch(day: Day) -> Iterator[Row]:
    done = day.settlement.done
    powers = both("wholesale market", ("bought", "sold"), done.trade_kw)
    powers += [("big", "output", done.generator_kw[:, 0]), ("sun", "renewable", done.renewable_kw[:, 0])]
    powers += both("store", ("discharge", "charge"), done.storage_kw[:, 0])
    for k, name in enumerate(("flats", "lot")):
        powers += both(name, ("given", "taken"), done.bid_kw[:, k])
        powers += [(name, "called", done.called_kw[:, k]), (name, "unready", done.unready_kw[:, k])]
        powers.append((name, "held back", abs(done.held_kw[:, k])))
    powers.append(("customers", "load", np.array([sum(row) for row in day.day.load_kw])))
    powers.append(("customers", "shed", np.array([sum(row) for row in done.shed_kw])))
    powers.append(("operator", "reserve missing", done.spinning_short_kw))
    for unit, kind, power in powers:
        yield from (quarter(day, t) | {"unit": unit, "kind": kind, "p_kw": float(power[t])} for t in range(96))


def expected_schedule(day: Day) -> Iterator[Row]:
    plan = day.plan.positions
    powers = both("wholesale market", ("bought", "sold"), plan.trade_kw)
    powers.append(("wholesale market", "spinning sold", plan.spinning_kw))
    powers += [("big", "output", plan.generator_kw[:, 0]), ("big", "on", plan.on[:, 0])]
    powers += both("store", ("discharge", "charge"), plan.storage_kw[:, 0])
    for k, name in enumerate(("flats", "lot")):
        powers += both(name, ("given", "taken"), plan.accepted_kw[:, k])
        powers.append((name, "spinning", plan.accepted_spinning_kw[:, k]))
        powers.append((name, "regulating", plan.accepted_regulating_kw[:, k]))
    powers.append(("operator", "reserve needed", day.settlement.forecast.regulating_need_kw))
    for unit, kind, power in powers:
        yield from (hourly(day, t) | {"unit": unit, "kind": kind, "p_kw": float(power[t])} for t in range(24))


def expected_storage(day: Day) -> Iterator[Row]:
    for t in range(96):
        yield quarter(day, t) | {
            "unit": "store",
            "energy_kwh": float(day.settlement.done.storage_kwh[t, 0]),
            "planned_kwh": float(day.plan.positions.storage_kwh[t // 4, 0]),
        }


def expected_shed(day: Day) -> Iterator[Row]:
    for t in range(96):
        for bus in range(6):
            shed = float(day.settlement.done.shed_kw[t, bus])
            if shed > 0.0:
                value = (1.0, 2.0)[bus % 2]
                yield quarter(day, t) | {"bus": "123456"[bus], "shed_kw": shed, "cost": 0.25 * shed * value}


def expected_bidders(day: Day) -> Iterator[Row]:
    for each in day.bidders:
        own = {f.name: getattr(each, f.name) for f in fields(each)}
        yield dated(day) | {"bidder": own.pop("name")} | own


def expected_payments(day: Day) -> Iterator[Row]:
    for each in PAYMENTS:
        own = {f.name: getattr(each, f.name) for f in fields(each)}
        yield dated(day) | {"amount": own.pop("cents") / 100.0} | own


def expected_outages(day: Day) -> Iterator[Row]:
    for each in day.day.events:
        yield dated(day) | {"outage": each.outage.name, "first_period": each.first, "last_period": each.last}


def expected_certificates(day: Day) -> Iterator[Row]:
    found = day.plan.certificate
    yield (
        dated(day)
        | proof(day)
        | {
            "primal": found.primal,
            "dual": found.dual,
            "complementarity": found.complementarity,
            "epsilon": found.epsilon,
            "real_time_residual": 4e-12,
            "real_time_excess": 0.25,
            "method": found.method,
            "solver": f"{found.solver}; real time {day.settlement.done.solver}",
            "notes": "; ".join([*found.notes, "a note"]),
        }
    )


EXPECTED: dict[str, Callable[[Day], Iterator[Row]]] = {
    "days": expected_days,
    "periods": expected_periods,
    "schedule": expected_schedule,
    "dispatch": expected_dispatch,
    "storage": expected_storage,
    "shed": expected_shed,
    "bidders": expected_bidders,
    "payments": expected_payments,
    "outages": expected_outages,
    "certificates": expected_certificates,
}


def test_every_table_is_looked_at() -> None:
    assert {table.name for table in KIND.tables} == set(EXPECTED)
    assert {table.name for table in KIND.tables if table.optional} == {"storage", "shed", "bidders", "outages"}


@pytest.mark.parametrize("table", KIND.tables, ids=lambda table: table.name)
def test_every_column_of_every_table(day: Day, table: Any) -> None:
    assert_rows(table, day, list(EXPECTED[table.name](day)))  # type: ignore[arg-type]


def test_what_is_collected_of_a_day_is_what_the_tables_say(day: Day) -> None:
    (row,) = expected_days(day)
    model: Any = type("Model", (), {"last": day})
    assert {name: value(model) for name, value in REPORTERS.items()} == {
        name: row[name] for name in ("profit", "planned_profit", "load_error", "bidder_income", "certified")
    }


def test_a_window_that_is_not_proved_takes_the_certificate_away(day: Day) -> None:
    done = replace(day.settlement.done, residuals=Residuals(1e-3, 0.0, 0.0, 0.0))
    other = replace(day, settlement=replace(day.settlement, done=done))
    tables = {table.name: table.of(other) for table in KIND.tables}
    for name in ("days", "certificates"):
        found = tables[name]
        assert found is not None
        assert (list(found["verdict"]), list(found["certified"])) == ([str(Verdict.UNPROVED)], [False])


def test_what_there_is_not_has_no_rows(tmp_path: Path) -> None:
    bare = town(tmp_path, storage=[], lots=[], demand_aggregators=[], outages={"failures_per_year": 0})
    model = TwoSettlementModel(bare, seed=1)
    model.step()
    assert model.last is not None
    empty = {table.name for table in KIND.tables if table.of(model.last) is None}
    assert empty == {"storage", "bidders", "outages", "shed"}
