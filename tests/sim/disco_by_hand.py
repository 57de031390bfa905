"""Every column of the tables of the DISCO market once more, by plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from equilibrium.demand_response import respond, response_cost
from sim.markets.disco.model import DiscoModel
from sim.markets.disco.results import DiscoDayResult

STEP_H = 0.5


def energy(power: Any) -> float:
    """Sum of powers that last for half an hour each."""
    return STEP_H * float(sum(np.asarray(power).ravel().tolist()))


def expected_days(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    settled, retail = day.settlement, day.retail
    came, given = settled.clearing.scenarios[0], settled.outcome.scenarios[0]
    plan, proofs = settled.plan, [settled.plan.certificate, settled.clearing.certificate]
    order = ["unproved", "kkt-consistent", "epsilon-nash", "exact"]
    lowest = min(came.voltage_pu.ravel().tolist())
    period, bus = next((t, b) for t in range(48) for b in range(15) if came.voltage_pu[t, b] <= lowest + 1e-7)
    load = settled.outcome.load_kw
    program = model.case.program(retail.programs[retail.chosen], day.day.upstream_price, day.axis)
    retailed = STEP_H * float((load * (program.tariff[:, None] - came.price)).sum()) - settled.outcome.response_cost
    tail = sorted((each.company_profit, each.probability) for each in plan.scenarios)[0]
    assert tail[1] >= 0.05  # so the tail of 5 % is the worst scenario
    profit = sum(each.probability * each.company_profit for each in plan.scenarios)
    return {
        "program": [retail.programs[retail.chosen]],
        "best_program": [max(zip(retail.forecast_profit, retail.programs, strict=True))[1]],
        "company_profit": [expected_profit(settled.outcome, came, given)],
        "planned_profit": [profit],
        "planned_cvar": [tail[0]],
        "planned_objective": [profit],
        "pessimistic_low": [plan.pessimistic[0]],
        "pessimistic_high": [plan.pessimistic[1]],
        "lot_profit": [sum(expected_lot_profit(settled.outcome, came, given))],
        "planned_lot_profit": [
            sum(
                each.probability * sum(expected_lot_profit(settled.forecast, each, drawn))
                for each, drawn in zip(plan.scenarios, settled.forecast.scenarios, strict=True)
            )
        ],
        "retail_profit": [retailed],
        "margin_per_kwh": [0.03],
        "driver_share": [0.4],
        "vehicles": [sum(len(batch.names) for batch in given.vehicles)],
        "base_load_kwh": [energy(day.day.base_kw)],
        "load_kwh": [energy(load)],
        "forecast_load_kwh": [energy(settled.forecast.load_kw)],
        "import_kwh": [energy(came.import_kw)],
        "planned_import_kwh": [sum(each.probability * energy(each.import_kw) for each in plan.scenarios)],
        "renewable_kwh": [energy(came.renewable_kw)],
        "curtailed_kwh": [energy(given.renewable_kw) - energy(came.renewable_kw)],
        "charged_kwh": [sum(energy(plugged.charge_kw) for plugged in came.vehicles)],
        "discharged_kwh": [sum(energy(plugged.discharge_kw) for plugged in came.vehicles)],
        "loss_kwh": [energy(came.loss_kw)],
        "voltage_min_pu": [lowest],
        "voltage_min_bus": [model.network.feeder.buses[bus]],
        "voltage_min_hour": [period // 2],
        "voltage_min_start": [start(day, period)],
        "price_mean_per_mwh": [1000.0 * sum(came.price.ravel().tolist()) / came.price.size],
        "price_peak_per_mwh": [1000.0 * max(came.price.ravel().tolist())],
        "belief_error": [max(abs(retail.estimate[pair] - value) for pair, value in day.true_elasticity.items())],
        "reduction_distance": [day.distance],
        "worst_regret": [max(max(proof.regret) for proof in proofs)],
        "certified": [all(order.index(proof.verdict) >= 2 for proof in proofs)],
        "verdict": [order[min(order.index(proof.verdict) for proof in proofs)]],
        "seconds": [day.seconds],
    }


def expected_accounts(day: Any, cleared: Any, given: Any) -> dict[str, list[float]]:
    """Amounts of the accounts, those of lots one by one, from schedules and tariffs."""
    tariffs, hours = day.tariffs, range(48)

    def lots(price: Any, power: str) -> list[float]:
        return [
            sum(STEP_H * price[t] * float(getattr(lot, power)[:, t].sum()) for t in hours) for lot in cleared.vehicles
        ]

    v2g = lots(tariffs.lot_sells, "discharge_kw")
    emissions = day.emissions
    saved = emissions.baseline_kwh - STEP_H * cleared.import_kw
    return {
        "load_income": [sum(STEP_H * tariffs.load[t] * float(day.load_kw[t].sum()) for t in hours)],
        "lot_charging_income": lots(tariffs.lot_buys, "charge_kw"),
        "v2g_payment": v2g,
        "upstream_cost": [sum(STEP_H * given.upstream_price[t] * cleared.import_kw[t] for t in hours)],
        "response_cost": [day.response_cost],
        "emission_reward": [0.5 * 0.01 * float(sum(emissions.factor_kg_per_kwh * saved))],
        "driver_income": lots(tariffs.driver_pays, "charge_kw"),
        "driver_payment": [0.4 * value for value in v2g],
        "degradation_cost": lots(np.full(48, 0.03), "discharge_kw"),
    }


def expected_profit(day: Any, cleared: Any, given: Any) -> float:
    accounts = {name: sum(each) for name, each in expected_accounts(day, cleared, given).items()}
    income = accounts["load_income"] + accounts["lot_charging_income"] + accounts["emission_reward"]
    return income - accounts["v2g_payment"] - accounts["upstream_cost"] - accounts["response_cost"]


def expected_lot_profit(day: Any, cleared: Any, given: Any) -> list[float]:
    accounts = expected_accounts(day, cleared, given)
    return [
        accounts["driver_income"][k]
        - accounts["lot_charging_income"][k]
        + accounts["v2g_payment"][k]
        - accounts["driver_payment"][k]
        - accounts["degradation_cost"][k]
        for k in range(2)
    ]


def start(day: DiscoDayResult, period: int) -> str:
    text = day.axis.starts[period]
    assert text == f"2024-06-10T{period // 2:02d}:{30 * (period % 2):02d}"
    return text


def period_columns(day: DiscoDayResult, periods: list[int]) -> dict[str, list[Any]]:
    return {
        "hour": [t // 2 for t in periods],
        "period": periods,
        "start": [start(day, t) for t in periods],
        "hours": [STEP_H] * len(periods),
    }


def expected_prices(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    came = day.settlement.clearing.scenarios[0]
    rows = [(t, b) for t in range(48) for b in range(15)]
    return period_columns(day, [t for t, _ in rows]) | {
        "bus": [model.network.feeder.buses[b] for _, b in rows],
        "price_per_mwh": [1000.0 * came.price[row] for row in rows],
        "voltage_pu": [came.voltage_pu[row] for row in rows],
    }


def expected_limits(_model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    feeder, came = day.network.feeder, day.settlement.clearing.scenarios[0]
    potential = day.settlement.outcome.scenarios[0].renewable_kw
    kinds = ("branch", "voltage-min", "voltage-max", "renewable")
    rows = []
    for t in range(48):
        for b in range(1, 15):
            low, high, volt = feeder.voltage_min_pu[b], feeder.voltage_max_pu[b], came.voltage_pu[t, b]
            value, most = 11.0 * math.sqrt(1e3 * max(came.loss_kw[t, b], 0.0) / feeder.r_ohm[b]), feeder.rating_kva[b]
            for kind, *numbers in (
                (0, "kVA", value, most, most - value, most),
                (1, "p.u.", volt, low, volt - low, high - low),
                (2, "p.u.", volt, high, high - volt, high - low),
            ):
                rows.append((t, kind, b, feeder.buses[b], *numbers))
        for k, unit in enumerate(day.network.renewables):
            value, most = came.renewable_kw[t, k], potential[t, k]
            rows.append((t, 3, unit.bus, unit.name, "kW", value, most, most - value, most))
    rows = sorted(row for row in rows if row[-1] > 0.0 and row[-2] <= 0.01 * row[-1])
    return period_columns(day, [row[0] for row in rows]) | {
        "limit": [kinds[row[1]] for row in rows],
        "bus": [feeder.buses[row[2]] for row in rows],
        **{name: [row[3 + k] for row in rows] for k, name in enumerate(("place", "unit", "value", "bound", "slack"))},
        "reached": [row[7] <= 1e-9 * (1.0 + abs(row[6])) for row in rows],
    }


def expected_dispatch(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    settled, buses = day.settlement, model.network.feeder.buses
    came, given = settled.clearing.scenarios[0], settled.outcome.scenarios[0]
    rows = []
    for t in range(48):
        rows.append((t, "import", "import", buses[0], came.import_kw[t]))
        for kind, power in (("renewable", came.renewable_kw), ("renewable_potential", given.renewable_kw)):
            rows += [
                (t, unit.name, kind, buses[unit.bus], power[t, k]) for k, unit in enumerate(model.network.renewables)
            ]
        for kind, power in (("lot_charge", "charge_kw"), ("lot_discharge", "discharge_kw")):
            for site, lot in zip(model.network.lots, came.vehicles, strict=True):
                rows.append((t, site.name, kind, buses[site.bus], float(getattr(lot, power)[:, t].sum())))
        rows += [(t, f"branch {buses[b]}", "loss", buses[b], came.loss_kw[t, b]) for b in range(1, 15)]
        for kind, load in (
            ("load", settled.outcome.load_kw),
            ("base_load", day.day.base_kw),
            ("forecast_load", settled.forecast.load_kw),
        ):
            rows += [(t, f"load {buses[b]}", kind, buses[b], load[t, b]) for b in range(1, 15)]
    periods, assets, kinds, labels, power = (list(column) for column in zip(*rows, strict=True))
    return period_columns(day, periods) | {"asset": assets, "kind": kinds, "bus": labels, "p_kw": power}


def expected_lots(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    settled, table = day.settlement, []
    came, tariffs = settled.clearing.scenarios[0], settled.outcome.tariffs
    for t in range(48):
        for k, site in enumerate(model.network.lots):
            batch, lot = settled.outcome.scenarios[0].vehicles[k], came.vehicles[k]
            here = [row for row in range(batch.size) if batch.arrival[row] <= t < batch.departure[row]]
            table.append(
                {
                    "lot": site.name,
                    "bus": model.network.feeder.buses[site.bus],
                    "charge_kw": float(lot.charge_kw[:, t].sum()),
                    "discharge_kw": float(lot.discharge_kw[:, t].sum()),
                    "plugged": float(len(here)),
                    "energy_kwh": sum((level(batch, lot, row, t, site) for row in here), 0.0),
                    "tariff_per_mwh": 1000.0 * tariffs.load[t],
                    "driver_price_per_mwh": 1000.0 * (tariffs.load[t] + 0.03),
                    "price_per_mwh": 1000.0 * came.price[t, site.bus],
                }
            )
    columns = {name: [row[name] for row in table] for name in table[0]}
    return period_columns(day, [t for t in range(48) for _ in range(2)]) | columns


def level(batch: Any, lot: Any, row: int, period: int, site: Any) -> float:
    """Energy in a vehicle at the end of a period: what it came with, and what was stored since."""
    now = slice(0, period + 1)
    stored = (
        site.efficiency * lot.charge_kw[row, now].sum() - lot.discharge_kw[row, now].sum() / site.discharge_efficiency
    )
    return float(batch.energy_kwh[row] + STEP_H * stored)


def expected_lot_days(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    settled = day.settlement
    price = float(np.mean(settled.outcome.tariffs.driver_pays))
    utility = 3.0 - 10.0 * price + 1.0 * 0.4 + 1.0 * (1.0 - 1.0)
    return {
        "lot": ["west", "east"],
        "profit": expected_lot_profit(settled.outcome, settled.clearing.scenarios[0], settled.outcome.scenarios[0]),
        "maximum": settled.clearing.scenarios[0].lot_maximum.tolist(),
        "drivers": [6, 4],
        "probability": [1.0 / (1.0 + math.exp(-utility))] * 2,
        "came": [float(len(batch.names)) for batch in settled.outcome.scenarios[0].vehicles],
        "reputation": [0.7 * 1.0 + 0.3 * grade(day, site.name) for site in model.network.lots],
    }


def grade(day: DiscoDayResult, lot: str) -> float:
    shares = [record.got_kwh / record.asked_kwh for record in day.finished if record.lot == lot]
    return float(np.mean(np.minimum(shares, 1.0))) if shares else 1.0


def expected_sessions(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    settled, table = day.settlement, []
    came, tariffs = settled.clearing.scenarios[0], settled.outcome.tariffs
    for k, site in enumerate(model.network.lots):
        batch, lot = settled.outcome.scenarios[0].vehicles[k], came.vehicles[k]
        for row, name in enumerate(batch.names):
            first, gone = int(batch.arrival[row]), int(batch.departure[row])
            left = level(batch, lot, row, gone - 1, site)
            asked = 0.9 * 50.0 - batch.energy_kwh[row]
            reach = site.efficiency * 10.0 * STEP_H * (gone - first)
            drawn, give = STEP_H * lot.charge_kw[row], STEP_H * lot.discharge_kw[row]
            table.append(
                {
                    "session": name,
                    "outcome": "served" if asked <= reach + 1e-6 else "unreachable",
                    "lot": site.name,
                    "arrival_h": STEP_H * first,
                    "departure_h": STEP_H * gone,
                    "arrival_energy_kwh": batch.energy_kwh[row],
                    "departure_energy_kwh": left,
                    "asked_kwh": asked,
                    "unreachable_kwh": max(0.0, asked - reach),
                    "drawn_kwh": drawn.sum(),
                    "given_kwh": give.sum(),
                    "paid": float(drawn @ (tariffs.load + 0.03)),
                    "received": float(give @ (0.4 * tariffs.load)) + 0.03 * give.sum(),
                    "alike": 1.0,
                }
            )
    for k, site in enumerate(model.network.lots):
        here = len(settled.outcome.scenarios[0].vehicles[k].names)
        if away := (6, 4)[k] - here:
            unknown = ("arrival_h", "departure_h", "arrival_energy_kwh", "departure_energy_kwh", "asked_kwh")
            row = dict.fromkeys(table[0], 0.0) | dict.fromkeys(unknown, math.nan)
            name = f"0-{site.name}-away"
            table.append(row | {"session": name, "outcome": "away", "lot": site.name, "alike": float(away)})
    return {name: [row[name] for row in table] for name in table[0]}


def expected_scenarios(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:  # noqa: ARG001
    settled, table = day.settlement, []
    for stage, inputs, clearing in (
        ("forecast", settled.forecast, settled.plan),
        ("outcome", settled.outcome, settled.clearing),
    ):
        for number, (given, cleared) in enumerate(zip(inputs.scenarios, clearing.scenarios, strict=True)):
            table.append(
                {
                    "stage": stage,
                    "scenario": number,
                    "probability": given.probability,
                    "company_profit": expected_profit(inputs, cleared, given),
                    "lot_profit": sum(expected_lot_profit(inputs, cleared, given)),
                    "import_kwh": energy(cleared.import_kw),
                    "renewable_kwh": energy(given.renewable_kw),
                    "charged_kwh": sum(energy(lot.charge_kw) for lot in cleared.vehicles),
                    "discharged_kwh": sum(energy(lot.discharge_kw) for lot in cleared.vehicles),
                    "vehicles": float(sum(len(batch.names) for batch in given.vehicles)),
                    "upstream_mean_per_mwh": 1000.0 * sum(given.upstream_price.tolist()) / 48.0,
                }
            )
    return {name: [row[name] for row in table] for name in table[0]}


def expected_certificates(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:  # noqa: ARG001
    both = [day.settlement.plan, day.settlement.clearing]
    proofs = [clearing.certificate for clearing in both]
    own = {name: [getattr(proof, name) for proof in proofs] for name in ("primal", "dual", "complementarity", "gap")}
    profits = [np.r_[each.objective, each.lot_expected_profit] for each in both]
    epsilon = [max(np.array(p.regret) / np.maximum(1.0, abs(x))) for p, x in zip(proofs, profits, strict=True)]
    return own | {
        "stage": ["forecast", "outcome"],
        "certified": [proof.verdict in ("epsilon-nash", "exact") for proof in proofs],
        "verdict": [str(proof.verdict) for proof in proofs],
        "worst_regret": [max(proof.regret) for proof in proofs],
        "epsilon": epsilon,
        "method": ["lexicographic"] * 2,
        "solver": [proof.solver for proof in proofs],
        "notes": ["; ".join(proof.notes) for proof in proofs],
        "seconds": [clearing.seconds for clearing in both],
        "solver_seconds": [clearing.solver_seconds for clearing in both],
    }


def expected_amounts(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:  # noqa: ARG001
    settled = day.settlement
    came = settled.clearing.scenarios[0]
    amounts = expected_accounts(settled.outcome, came, settled.outcome.scenarios[0])
    parties = {
        "load_income": ("customers", "company"),
        "lot_charging_income": ("lots", "company"),
        "v2g_payment": ("company", "lots"),
        "upstream_cost": ("company", "upstream"),
        "response_cost": ("company", "customers"),
        "emission_reward": ("authority", "company"),
        "driver_income": ("drivers", "lots"),
        "driver_payment": ("lots", "drivers"),
        "degradation_cost": ("lots", "drivers"),
    }
    return {
        "account": list(parties),
        "payer": [payer for payer, _ in parties.values()],
        "receiver": [receiver for _, receiver in parties.values()],
        "amount": [sum(amounts[name]) for name in parties],
    }


def expected_programs(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    retail = day.retail
    best = int(np.argmax(retail.forecast_profit))
    case, axis = model.case, day.axis
    cost = day.day.upstream_price  # on the first day nothing else is remembered
    true = []
    for name in ("tou+edrp", "flat"):
        program = case.program(name, day.day.upstream_price, axis)
        elasticity = case.elasticity.over(axis.clock_hour, axis.length_h)
        load = respond(day.day.forecast_kw, case.programs.base_tariff, program, elasticity, case.participation)
        spent = response_cost(day.day.forecast_kw, load, program, period_h=STEP_H)
        hourly = np.array([cost[t // 2 * 2 : t // 2 * 2 + 2].mean() for t in range(48)])
        true.append(STEP_H * float((load * (program.tariff - hourly)[:, None]).sum()) - spent)
    settled = day.settlement
    income = STEP_H * float((settled.outcome.load_kw * settled.outcome.tariffs.load[:, None]).sum())
    energy_cost = STEP_H * float((settled.outcome.load_kw * settled.clearing.scenarios[0].price).sum())
    earned = income - settled.outcome.response_cost - energy_cost
    return {
        "true_profit": true,
        "earned_profit": [earned if retail.chosen == k else math.nan for k in range(2)],
        "program": ["tou+edrp", "flat"],
        "probability": [0.15 + 0.7 * (k == best) for k in range(2)],  # epsilon-greedy with 0.3
        "propensity": retail.propensity.tolist(),
        "forecast_profit": retail.forecast_profit.tolist(),
        "chosen": [name == retail.programs[retail.chosen] for name in ("tou+edrp", "flat")],
    }


def expected_beliefs(model: DiscoModel, day: DiscoDayResult) -> dict[str, list[Any]]:
    names = sorted({"on-peak", "mid-peak", "off-peak"})
    pairs = [(a, b) for a in names for b in names]
    hours = model.case.programs.period_of_hour
    true = model.case.elasticity.values
    return {
        "period": [a for a, _ in pairs],
        "other": [b for _, b in pairs],
        "estimate": [day.retail.estimate[pair] for pair in pairs],
        "standard_error": [day.retail.standard_error[pair] for pair in pairs],
        "true_elasticity": [true[hours.index(a), hours.index(b)] for a, b in pairs],
    }


EXPECTED = {
    "days": expected_days,
    "prices": expected_prices,
    "dispatch": expected_dispatch,
    "limits": expected_limits,
    "lots": expected_lots,
    "lot_days": expected_lot_days,
    "sessions": expected_sessions,
    "scenarios": expected_scenarios,
    "accounts": expected_amounts,
    "programs": expected_programs,
    "beliefs": expected_beliefs,
    "certificates": expected_certificates,
}
