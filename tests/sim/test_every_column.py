"""Every column of every table of the charging markets, computed once more by hand from the day's result.

A column that has no line here fails the test, and so does a line without a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from sim.columns import Table
from sim.markets.charging.model import REPORTERS
from sim.markets.charging.results import DayResult
from sim.markets.lots_lead import kind as lots_lead
from sim.markets.nodal import kind as nodal
from tests.sim.made_days import DATE, LABELS, NETWORK, ZONE, made_day

Row = dict[str, Any]
KINDS = {"lots-lead": lots_lead.KIND, "nodal": nodal.KIND}


def energy(day: DayResult, power: np.ndarray) -> float:
    total = 0.0
    for t, hours in enumerate(day.axis.length_h):
        total += hours * float(np.sum(power[t]))
    return total


def time_mean(day: DayResult, values: np.ndarray) -> float:
    weighted = sum(hours * float(np.mean(values[t])) for t, hours in enumerate(day.axis.length_h))
    return weighted / sum(day.axis.length_h)


def lowest(day: DayResult) -> tuple[int, int]:
    voltage = day.clearing.voltage_pu
    places = [(t, bus) for t in range(voltage.shape[0]) for bus in range(voltage.shape[1])]
    return min(places, key=lambda place: voltage[place])


def dated(day: DayResult) -> Row:
    return {"day": day.index, "date": day.date}


def period(day: DayResult, t: int) -> Row:
    axis = day.axis
    return dated(day) | {
        "hour": int(axis.clock_h[t]),
        "period": t,
        "start": axis.starts[t],
        "hours": (axis.edge_s[t + 1] - axis.edge_s[t]) / 3600.0,
    }


def expected_days(day: DayResult) -> Iterator[Row]:
    c, m = day.clearing, day.market
    t, bus = lowest(day)
    unserved = sum(float(c.unserved_kwh[h, k]) for h in range(day.axis.size) for k in range(3))
    yield (
        dated(day)
        | {
            "hours": 24.5 if day.index == 0 else 24.0,
            "energy_charged_kwh": energy(day, c.lot_kw),
            "network_cost": c.network_cost,
            "fuel_cost": c.fuel_cost,
            "shortage_cost": c.shortage_cost,
            "import_kwh": energy(day, c.import_kw),
            "export_kwh": energy(day, c.export_kw),
            "load_kwh": energy(day, m.load_kw),
            "shed_kwh": energy(day, c.shed_kw),
            "unserved_kwh": unserved,
            "curtailed_kwh": energy(day, m.renewable_kw) - energy(day, c.renewable_kw),
            "voltage_min_pu": c.voltage_pu[t, bus],
            "voltage_min_bus": LABELS[bus],
            "voltage_min_hour": int(day.axis.clock_h[t]),
            "voltage_min_start": day.axis.starts[t],
            "dlmp_mean_per_mwh": 1000.0 * time_mean(day, c.dlmp),
            "dlmp_peak_per_mwh": 1000.0 * max(c.dlmp.ravel().tolist()),
            "wholesale_mean_per_mwh": 1000.0 * time_mean(day, m.wholesale_price),
            "lot_profit": sum(c.lot_profit.tolist()),
            "sessions": 3,
            "network_charge": day.operator.income,
            "turned_away": 1,
            "stayed_away": 1,
            "worst_regret": c.certificate.worst_regret,
            "certified": c.certificate.verdict in (Verdict.EXACT, Verdict.EPSILON_NASH),
            "seconds": day.seconds,
        }
        | (nodal_days(day) if hasattr(c, "behaviours") else {})
    )


def nodal_days(day: DayResult) -> Row:
    c: Any = day.clearing
    hours = day.axis.length_h
    drawn = [sum(hours[t] * c.lot_kw[t, k] for t in range(hours.size)) for k in range(3)]
    paid = sum(
        hours[t] * c.competitive_kw[t, k] * c.competitive_dlmp[t, site.bus]
        for t in range(hours.size)
        for k, site in enumerate(NETWORK.lots)
    )
    competitive = sum(c.competitive_profit) + paid - c.competitive_cost
    return {
        "competitive_cost": c.competitive_cost,
        "welfare_loss": competitive - (sum(c.lot_profit) + sum(c.lot_payment) - c.network_cost),
        "price_of_anarchy": c.price_of_anarchy,
        "markdown": sum(drawn[k] * c.markdown[k] for k in range(3)),
        "load_payment": c.load_payment,
        "lot_payment": sum(c.lot_payment),
        "network_surplus": c.network_surplus,
        "rounds": 3,
    }


def expected_prices(day: DayResult) -> Iterator[Row]:
    c = day.clearing
    for t in range(day.axis.size):
        for bus, label in enumerate(LABELS):
            yield period(day, t) | {
                "bus": label,
                "dlmp_per_mwh": 1000.0 * c.dlmp[t, bus],
                "energy_per_mwh": 1000.0 * c.dlmp_energy[t, bus],
                "congestion_per_mwh": 1000.0 * c.dlmp_congestion[t, bus],
                "voltage_per_mwh": 1000.0 * c.dlmp_voltage[t, bus],
                "voltage_pu": c.voltage_pu[t, bus],
            }


def expected_limits(day: DayResult) -> Iterator[Row]:
    for limit in day.clearing.limits:
        yield period(day, limit.period) | {
            "limit": limit.name,
            "place": limit.place,
            "bus": LABELS[limit.bus],
            "unit": limit.unit,
            "value": limit.value,
            "bound": limit.bound,
            "slack": limit.slack,
            "reached": limit.slack == 0.0,
            "multiplier": limit.multiplier,
            "shortage": limit.shortage,
        }


def expected_dispatch(day: DayResult) -> Iterator[Row]:
    c, m = day.clearing, day.market
    for t in range(day.axis.size):

        def row(asset: str, kind: str, bus: int, p: float, q: float, t: int = t) -> Row:
            return period(day, t) | {"asset": asset, "kind": kind, "bus": LABELS[bus], "p_kw": p, "q_kvar": q}

        yield row("import", "import", 0, c.import_kw[t], c.flow_kvar[t, 0])
        yield row("export", "export", 0, c.export_kw[t], 0.0)
        for k, turbine in enumerate(NETWORK.microturbines):
            kw, kvar = c.microturbine_kw[t, k], c.microturbine_kvar[t, k]
            yield row(turbine.name, "microturbine", turbine.bus, kw, kvar)
        for k, plant in enumerate(NETWORK.renewables):
            yield row(plant.name, "renewable", plant.bus, c.renewable_kw[t, k], 0.0)
        for k, plant in enumerate(NETWORK.renewables):
            yield row(plant.name, "renewable_potential", plant.bus, m.renewable_kw[t, k], 0.0)
        yield row("svc", "svc", 4, 0.0, c.compensator_kvar[t, 0])
        for k, cell in enumerate(NETWORK.storage):
            given = c.storage_discharge_kw[t, k] - c.storage_charge_kw[t, k]
            yield row(cell.name, "storage", cell.bus, given, 0.0)
        for k, site in enumerate(NETWORK.lots):
            yield row(site.name, "lot", site.bus, c.lot_kw[t, k], 0.0)
        for bus in range(1, len(LABELS)):
            yield row(f"load {LABELS[bus]}", "load", bus, m.load_kw[t, bus], m.load_kvar[t, bus])
        for bus in range(1, len(LABELS)):
            p, q = m.load_kw[t, bus], m.load_kvar[t, bus]
            shed = c.shed_kw[t, bus]
            if shed > 0.0:
                yield row(f"load {LABELS[bus]}", "shed", bus, shed, shed * q / p if p else 0.0)


def expected_storage(day: DayResult) -> Iterator[Row]:
    c = day.clearing
    for t in range(day.axis.size):
        for k, cell in enumerate(NETWORK.storage):
            yield period(day, t) | {
                "storage": cell.name,
                "bus": LABELS[cell.bus],
                "charge_kw": c.storage_charge_kw[t, k],
                "discharge_kw": c.storage_discharge_kw[t, k],
                "energy_kwh": c.storage_kwh[t, k],
                "energy_min_kwh": (12.0, 13.0)[k],
                "energy_max_kwh": (90.0, 80.0)[k],
                "dlmp_per_mwh": 1000.0 * c.dlmp[t, cell.bus],
            }


def expected_lots(day: DayResult) -> Iterator[Row]:
    c: Any = day.clearing
    for t in range(day.axis.size):
        for k, (site, offer) in enumerate(zip(NETWORK.lots, day.market.lots, strict=True)):
            row = period(day, t) | {
                "lot": site.name,
                "bus": LABELS[site.bus],
                "power_kw": c.lot_kw[t, k],
                "power_max_kw": offer.power_max_kw[t],
                "soe_kwh": c.lot_soe_kwh[t, k],
                "soe_min_kwh": offer.soe_min_kwh[t],
                "soe_max_kwh": offer.soe_max_kwh[t],
                "unserved_kwh": c.unserved_kwh[t, k],
                "charging_price_per_kwh": offer.charging_price[t],
                "network_charge_per_kwh": offer.network_charge[t],
                "dlmp_per_mwh": 1000.0 * c.dlmp[t, site.bus],
            }
            if hasattr(c, "behaviours"):
                row |= {
                    "subscribed_kw": np.inf if site.subscription is None else site.subscription.power_kw,
                    "excess_per_kwh": 0.0 if site.subscription is None else site.subscription.charge,
                    "lot_price_per_mwh": 1000.0 * c.lot_price[t, k],
                    "lot_price_low_per_mwh": 1000.0 * c.lot_price_low[t, k],
                    "lot_price_high_per_mwh": 1000.0 * c.lot_price_high[t, k],
                    "competitive_kw": c.competitive_kw[t, k],
                    "competitive_price_per_mwh": 1000.0 * c.competitive_dlmp[t, site.bus],
                }
            yield row


def expected_lot_days(day: DayResult) -> Iterator[Row]:
    c: Any = day.clearing
    for k, (site, record) in enumerate(zip(NETWORK.lots, day.lots, strict=True)):
        row = dated(day) | {
            "lot": site.name,
            "price_per_kwh": record.price,
            "energy_kwh": record.energy_kwh,
            "revenue": record.revenue,
            "payment": record.payment,
            "network_charge": record.network_charge,
            "profit": c.lot_profit[k],
            "maximum": c.lot_maximum[k],
            "regret": c.certificate.regret[k],
            "attained": (True, False, True)[k],
            "arrivals": record.arrivals,
            "refused": record.refused,
            "departures": record.departures,
            "parked": record.parked,
            "peak_occupancy": record.peak_occupancy,
            "unreachable_kwh": record.unreachable_kwh,
            "unserved_kwh": record.unserved_kwh,
            "reputation": day.drivers.reputation[k],
        }
        if hasattr(c, "behaviours"):
            row |= {
                "behaviour": ("strategic", "price-taking", "central")[k],
                "competitive_profit": c.competitive_profit[k],
                "markdown_per_mwh": 1000.0 * c.markdown[k],
                "shifted_kwh": c.shifted_kwh[k],
                "withheld_kwh": c.withheld_kwh[k],
                "value_optimistic": c.value_optimistic[k],
                "value_pessimistic": c.value_pessimistic[k],
            }
        yield row


def expected_sessions(day: DayResult) -> Iterator[Row]:
    for record in [*day.finished, *day.drivers.turned_away, *day.drivers.stayed_away]:
        yield dated(day) | {
            "session": record.name,
            "outcome": record.outcome.value,
            "lot": record.lot,
            "home_lot": record.home_lot,
            "arrival_day": record.arrival_day,
            "arrival_h": record.arrival_h,
            "departure_h": record.departure_h,
            "tries": record.tries,
            "battery_kwh": record.battery_kwh,
            "arrival_energy_kwh": record.arrival_energy_kwh,
            "asked_kwh": record.asked_kwh,
            "unreachable_kwh": record.unreachable_kwh,
            "got_kwh": record.got_kwh,
            "drawn_kwh": record.drawn_kwh,
            "paid": record.paid,
        }


def expected_certificates(day: DayResult) -> Iterator[Row]:
    c: Any = day.clearing
    proof = c.certificate
    row = dated(day) | {
        "certified": proof.verdict in (Verdict.EXACT, Verdict.EPSILON_NASH),
        "verdict": proof.verdict.value,
        "worst_regret": proof.worst_regret,
        "epsilon": proof.epsilon,
        "primal": proof.primal,
        "dual": proof.dual,
        "complementarity": proof.complementarity,
        "gap": proof.gap,
        "method": "a method",
        "solver": "a solver",
        "notes": "first note; second note",
        "seconds": c.seconds,
        "solver_seconds": c.solver_seconds,
    }
    if hasattr(c, "behaviours"):
        row |= {
            "iteration": "gauss-seidel",
            "order": "lot-y, lot-z",
            "rounds": 3,
            "cycle": 5,
            "price_rule": "a rule",
            "second_method": "other method",
            "second_gap": proof.second.gap,
            "second_finished": True,
            "certificate_seconds": c.certificate_seconds,
            "second_seconds": proof.second.seconds,
        }
    yield row


def expected_yardstick(day: DayResult) -> Iterator[Row]:
    measure: Any = day.prices
    stick, posted = measure.yardstick, measure.yardstick.posted
    found = day.index % 2 == 0
    for k, site in enumerate(NETWORK.lots):
        yield dated(day) | {
            "lot": site.name,
            "cost_per_kwh": measure.cost[k],
            "posted_per_kwh": posted.prices[k],
            "equilibrium_per_kwh": stick.equilibrium.prices[k] if found else None,
            "distance_per_kwh": posted.prices[k] - stick.equilibrium.prices[k] if found else None,
            "expected_profit": posted.profit[k],
            "best_per_kwh": posted.best_price[k],
            "gain": posted.gain[k],
            "regret": posted.regret[k],
            "verdict": "exact" if found else "none-found",
            "complete": day.index % 3 == 0,
            "equilibria": 2 if found else 0,
            "seconds": stick.seconds,
        }


def expected_ac(day: DayResult) -> Iterator[Row]:
    f: Any = day.flow
    for t in range(day.axis.size):
        yield period(day, t) | {
            "converged": t != 4,
            "voltage_error_pu": f.voltage_error_pu[t],
            "voltage_error_bus": LABELS[f.voltage_error_bus[t]],
            "loss_kw": f.loss_kw[t],
            "loss_share": f.loss_share[t],
            "voltage_min_pu": f.voltage_min_pu[t],
            "voltage_min_bus": LABELS[f.voltage_min_bus[t]],
            "undervoltage_pu": f.undervoltage_pu[t],
            "undervoltage_bus": LABELS[f.undervoltage_bus[t]] if f.undervoltage_bus[t] >= 0 else None,
            "overvoltage_pu": f.overvoltage_pu[t],
            "overvoltage_bus": LABELS[f.overvoltage_bus[t]] if f.overvoltage_bus[t] >= 0 else None,
            "overload_kva": f.overload_kva[t],
            "overload_bus": LABELS[f.overload_bus[t]] if f.overload_bus[t] >= 0 else None,
        }


def expected_feeder(day: DayResult) -> Iterator[Row]:
    """The tree of the made days; it is written with the first day alone."""
    parents = {"root": None, "9": "root", "4": "9", "7": "4", "2": "9"}
    for bus, label in enumerate(LABELS):
        yield dated(day) | {
            "bus": label,
            "parent": parents[label],
            "rating_kva": 9000.0 + bus,
            "r_ohm": bus / 10.0,
            "x_ohm": (bus + 1) / 10.0 if bus else 0.0,
            "base_kv": 11.0,
            "voltage_min_pu": 9.9 + 0.01 * bus,
            "voltage_max_pu": 700.0 + bus,
        }


EXPECTED: dict[str, Callable[[DayResult], Iterator[Row]]] = {
    "days": expected_days,
    "prices": expected_prices,
    "limits": expected_limits,
    "dispatch": expected_dispatch,
    "storage": expected_storage,
    "lots": expected_lots,
    "lot_days": expected_lot_days,
    "sessions": expected_sessions,
    "certificates": expected_certificates,
    "ac": expected_ac,
    "yardstick": expected_yardstick,
    "feeder": expected_feeder,
}


def assert_rows(table: Table[Any, Any], day: DayResult, rows: list[Row]) -> None:
    """All columns of a table, none more and none less, have the values of the rows that were expected."""
    found = table.of(day)
    assert found is not None
    names = [column.name for column in table.columns]
    for row in rows:
        assert set(row) == set(names)
    for name in names:
        want, have = [row[name] for row in rows], list(found[name])
        assert len(have) == len(want), name
        if all(isinstance(value, float) for value in want):
            np.testing.assert_allclose(np.array(have, float), want, rtol=1e-12, atol=1e-12, err_msg=name)
        else:
            assert have == want, name


def test_the_day_has_a_period_of_another_length() -> None:
    day = made_day(0)
    assert (day.date, day.axis.zone) == (DATE, ZONE)
    assert sorted(set(day.axis.length_h)) == [0.5, 1.0]
    assert day.axis.hours == 24.5


@pytest.mark.parametrize("market", KINDS)
@pytest.mark.parametrize("index", [0, 3])
def test_every_column_of_every_table(market: str, index: int) -> None:
    day = made_day(index, nodal=market == "nodal", verdict=Verdict.KKT_CONSISTENT if index else Verdict.EPSILON_NASH)
    assert {table.name for table in KINDS[market].tables} == set(EXPECTED)
    for table in KINDS[market].tables:
        if table.name == "feeder" and index:
            assert table.of(day) is None
        else:
            assert_rows(table, day, list(EXPECTED[table.name](day)))


def test_a_day_without_shortage_has_no_rows_of_it() -> None:
    day = made_day(0, shed=False)
    table = next(table for table in lots_lead.KIND.tables if table.name == "dispatch")
    rows = list(expected_dispatch(day))
    assert {row["kind"] for row in rows}.isdisjoint({"shed"})
    assert_rows(table, day, rows)


@pytest.mark.parametrize("market", KINDS)
def test_what_is_collected_of_a_day_is_what_the_tables_say(market: str) -> None:
    day = made_day(2, nodal=market == "nodal", verdict=Verdict.KKT_CONSISTENT)
    (row,) = expected_days(day)
    model: Any = type("Model", (), {"last": day})
    assert {name: value(model) for name, value in REPORTERS.items()} == {
        "energy_kwh": pytest.approx(day.lots[0].energy_kwh + day.lots[1].energy_kwh + day.lots[2].energy_kwh),
        "network_cost": row["network_cost"],
        "lot_profit": pytest.approx(row["lot_profit"]),
        "turned_away": row["turned_away"],
        "worst_regret": row["worst_regret"],
        "certified": False,
    }
