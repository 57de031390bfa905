"""Tables of runs of a few rows in which everything fits: of aggregators, the company, and two settlements."""

from __future__ import annotations

import pandas as pd

Tables = dict[str, pd.DataFrame]


def powers(*periods: dict[str, float], hours: float = 1.0) -> pd.DataFrame:
    """The table ``dispatch`` of days of two periods."""
    rows = [(k // 2, k % 2, kind, p, hours) for k, each in enumerate(periods) for kind, p in each.items()]
    return pd.DataFrame(rows, columns=["day", "period", "kind", "p_kw", "hours"])


def aggregator_run() -> Tables:
    """Two days of two half-hours; only the first day has a lot, a generator and contracts."""
    first = {"purchase": 10.0, "output": 6.0, "discharge": 4.0, "charge": 8.0, "served": 12.0}
    second = {"purchase": 20.0, "served": 20.0, "reserve": 3.0, "interrupted": 5.0}
    return {
        "dispatch": powers(first, second, second, second, hours=0.5),
        "days": pd.DataFrame(
            {
                "day": [0, 1],
                "purchase_kwh": [15.0, 20.0],
                "charged_kwh": [4.0, 0.0],
                "discharged_kwh": [2.0, 0.0],
                "reserve_kwh": [1.5, 3.0],
                "generated_kwh": [3.0, 0.0],
                "served_kwh": [16.0, 20.0],
                "interrupted_kwh": [2.5, 5.0],
                "lot_profit": [8.0, 0.0],
                "paid_by_lots": [4.0, 0.0],
                "generator_profit": [5.0, 0.0],
            }
        ),
        "lot_days": pd.DataFrame(
            {
                "day": [0, 0, 1],
                "lot": ["a", "b", "a"],
                "profit": [5.0, 3.0, 0.0],
                "paid": [4.0, 0.0, 0.0],
                "came": [6, 2, 0],
            }
        ),
        "generators": pd.DataFrame({"day": [0, 0], "profit": [3.0, 2.0]}),
        "contracts": pd.DataFrame(
            {
                "day": [0, 0, 0, 1],
                "lot": ["a", "a", "b", "a"],
                "satisfaction": [0.0, 0.5, 1.0, 0.5],
                "reputation": [1.0, 0.5, 0.0, 0.5],
                "share": [0.25, 0.75, 1.0, 0.0],
            }
        ),
        "vehicles": pd.DataFrame(
            {"below_contract_kwh": [0.0, 0.0], "profit_error": [0.0, 2.0], "pool_profit": [5.0, -4.0]}
        ),
    }


def rivals_run() -> Tables:
    """A period of two aggregators: the first one's lot discharges 3 kW, of which it sells 2 to the second."""
    dispatch = pd.DataFrame(
        [
            (0, 0, "A", "", "purchase", 6.0),
            (0, 0, "A", "g", "output", 4.0),
            (0, 0, "A", "", "served", 10.0),
            (0, 0, "B", "l", "discharge", 5.0),
            (0, 0, "B", "l", "charge", 3.0),
            (0, 0, "B", "", "served", 2.0),
        ],
        columns=["day", "period", "aggregator", "asset", "kind", "p_kw"],
    )
    trade = pd.DataFrame(
        [(0, 0, "A", "g", "output", "own", 1.0), (0, 0, "A", "g", "output", "other", 3.0)],
        columns=["day", "period", "market", "asset", "kind", "to", "p_kw"],
    )
    names = ("profit", "planned_profit", "lot_profit", "generator_profit", "retail_profit")
    rows = {name: [4.0 + k, 8.0 - k] for k, name in enumerate(names)}
    return {
        "dispatch": dispatch,
        "trade": trade,
        "aggregators": pd.DataFrame(
            {
                "day": [0, 0],
                **rows,
                "own": [3.0, 9.0],
                "strangers": [1.0, -1.0],
                "bound": [5.0, 7.5],
                "regret": [0.0, 0.5],
            }
        ),
        "days": pd.DataFrame({"day": [0], **dict.fromkeys(names, 12.0)}),
    }


def accounts(*days: list[float]) -> pd.DataFrame:
    """What a company and its lot account for on every day, in the order of the names."""
    names = ["load_income", "lot_charging_income", "v2g_payment", "upstream_cost", "response_cost", "emission_reward"]
    names += ["driver_income", "driver_payment", "degradation_cost"]
    rows = [(day, *pair) for day, each in enumerate(days) for pair in zip(names, each, strict=True)]
    return pd.DataFrame(rows, columns=["day", "account", "amount"])


def disco_run() -> Tables:
    """A day with vehicles whose purchase loses one part in ten, and one on which nothing is bought or parked."""
    first = {"import": 100.0, "renewable": 20.0, "lot_discharge": 6.0, "load": 90.0, "lot_charge": 16.0, "loss": 10.0}
    first |= {"renewable_potential": 25.0, "base_load": 95.0, "forecast_load": 94.0}
    quiet = {"load": 50.0, "import": 100.0, "loss": 40.0}
    return {
        "dispatch": powers(first, first, quiet, quiet),
        "days": pd.DataFrame(
            {
                "day": [0, 1],
                "base_load_kwh": [190.0, 0.0],
                "load_kwh": [180.0, 100.0],
                "forecast_load_kwh": [188.0, 0.0],
                "import_kwh": [200.0, 200.0],
                "renewable_kwh": [40.0, 0.0],
                "charged_kwh": [32.0, 0.0],
                "discharged_kwh": [12.0, 0.0],
                "loss_kwh": [20.0, 80.0],
                "curtailed_kwh": [10.0, 0.0],
                "company_profit": [20.0, 10.0],
                "lot_profit": [6.0, 0.0],
                "planned_profit": [25.0, 12.0],
                "program": ["x", "y"],
            }
        ),
        "accounts": accounts([40.0, 10.0, 4.0, 22.0, 5.0, 1.0, 16.0, 3.0, 1.0], [15.0, 0.0, 0.0, 5.0, *[0.0] * 5]),
        "sessions": pd.DataFrame(
            {
                "day": [0, 0],
                "alike": [2.0, 1.0],
                "drawn_kwh": [10.0, 12.0],
                "given_kwh": [4.0, 4.0],
                "paid": [6.0, 4.0],
                "received": [1.0, 2.0],
            }
        ),
        "scenarios": pd.DataFrame(
            {
                "day": [0, 0, 0, 1, 1],
                "stage": ["forecast", "forecast", "outcome", "forecast", "outcome"],
                "probability": [0.25, 0.75, 1.0, 1.0, 1.0],
                "company_profit": [40.0, 20.0, 99.0, 12.0, 99.0],
            }
        ),
        "lot_days": pd.DataFrame({"day": [0, 0, 1], "profit": [4.0, 2.0, 0.0], "maximum": [4.0, 3.0, 0.0]}),
        "programs": pd.DataFrame(
            {
                "day": [0, 0, 1],
                "program": ["x", "y", "y"],
                "probability": [0.5, 0.5, 1.0],
                "chosen": [True, False, True],
            }
        ),
    }


def two_settlement_run() -> Tables:
    """Two days of two periods in which two hours are cleared; reserve of 10 and 4 kW is accepted in the first day."""
    first = {"bought": 10.0, "output": 5.0, "renewable": 4.0, "discharge": 3.0, "given": 2.0, "shed": 1.0}
    first |= {"sold": 6.0, "charge": 5.0, "taken": 4.0, "load": 10.0, "reserve missing": 2.0}
    second = {"bought": 8.0, "load": 8.0}
    rows = powers(first, second, second, second)
    rows["unit"] = ""
    called = pd.DataFrame(
        [(0, 0, "called", 10.0, 1.0, "u"), (0, 1, "called", 4.0, 1.0, "u"), (0, 0, "called", 3.0, 1.0, "v")],
        columns=["day", "period", "kind", "p_kw", "hours", "unit"],
    )
    return {
        "dispatch": pd.concat([rows, called], ignore_index=True),
        "days": pd.DataFrame(
            {
                "day": [0, 1],
                "bought_kwh": [18.0, 16.0],
                "sold_kwh": [6.0, 0.0],
                "generated_kwh": [5.0, 0.0],
                "renewable_kwh": [4.0, 0.0],
                "load_kwh": [18.0, 16.0],
                "shed_kwh": [1.0, 0.0],
                "called_kwh": [17.0, 0.0],
                "reserve_missing_kwh": [2.0, 0.0],
                "profit": [7.0, 0.0],
                "day_ahead_profit": [9.0, 0.0],
                "real_time_profit": [-2.0, 0.0],
            }
        ),
        "payments": pd.DataFrame(
            {
                "day": [0, 0, 0],
                "payer": ["customers", "operator", "wholesale market"],
                "receiver": ["operator", "wholesale market", "u"],
                "amount": [20.0, 13.0, 1.25],
            }
        ),
        "schedule": pd.DataFrame(
            [
                (0, 0, "u", "spinning", 6.0, 1.0),
                (0, 0, "u", "regulating", 4.0, 1.0),
                (0, 0, "u", "output", 50.0, 1.0),
                (0, 0, "v", "spinning", 5.0, 1.0),
                (0, 1, "u", "spinning", 4.0, 1.0),
                (1, 0, "u", "spinning", 9.0, 1.0),
            ],
            columns=["day", "period", "unit", "kind", "p_kw", "hours"],
        ),
    }
