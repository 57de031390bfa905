"""What holds in the tables of every run of the DISCO market; violations are relative to the largest number."""

from __future__ import annotations

from equilibrium.certificate import EPSILON_REGRET, RESIDUAL_TOLERANCE
from equilibrium.markets.disco.clearing import COMPANY, LOT
from sim.checks import VERDICTS, RunInvariant, apart, beyond, brought, energies, sums_apart
from sim.store import Run

SIGNS = {
    **dict.fromkeys(("import", "renewable", "lot_discharge"), 1.0),
    **dict.fromkeys(("load", "lot_charge", "loss"), -1.0),
    **dict.fromkeys(("renewable_potential", "base_load", "forecast_load"), 0.0),
}
"""Whether a kind of dispatch brings power to the feeder or takes it; what was possible or expected does neither."""

_SUMS = {
    "base_load_kwh": "base_load",
    "load_kwh": "load",
    "forecast_load_kwh": "forecast_load",
    "import_kwh": "import",
    "renewable_kwh": "renewable",
    "charged_kwh": "lot_charge",
    "discharged_kwh": "lot_discharge",
    "loss_kwh": "loss",
}


def _balance(run: Run) -> float:
    """Return by how much more leaves the feeder than is bought: a transformer may lose one share of every purchase."""
    rows = run.dispatch
    signed = brought(run, SIGNS)
    bought = rows[rows["kind"] == "import"].set_index(["day", "period"])["p_kw"].reindex(signed.index)
    lost = float(signed.sum() / bought.sum()) if bought.sum() > 0.0 else 0.0
    return max(apart(signed, lost * bought, rows["p_kw"]), -lost if abs(lost) > RESIDUAL_TOLERANCE else 0.0)


def _energy(run: Run) -> float:
    days, sums = run.days.set_index("day"), energies(run, SIGNS)
    curtailed = sums["renewable_potential"] - sums["renewable"]
    return max(sums_apart(run, _SUMS), apart(days["curtailed_kwh"], curtailed, sums["renewable_potential"]))


def _accounts(run: Run) -> float:
    days = run.days.set_index("day")
    amounts = run.accounts.pivot_table(index="day", columns="account", values="amount", aggfunc="sum")
    company = sum(sign * amounts[name] for name, sign in COMPANY.items())
    lots = sum(sign * amounts[name] for name, sign in LOT.items())
    scale = amounts.abs().max(axis=1)
    return max(apart(days["company_profit"], company, scale), apart(days["lot_profit"], lots, scale))


def _sessions(run: Run) -> float:
    days, sessions = run.days.set_index("day"), run.sessions
    each = {name: sessions[name] * sessions["alike"] for name in ("drawn_kwh", "given_kwh", "paid", "received")}
    sums = {
        name: values.groupby(sessions["day"]).sum().reindex(days.index, fill_value=0.0) for name, values in each.items()
    }
    amounts = run.accounts.pivot_table(index="day", columns="account", values="amount", aggfunc="sum")
    received = amounts["driver_payment"] + amounts["degradation_cost"]
    return max(
        apart(sums["drawn_kwh"], days["charged_kwh"]),
        apart(sums["given_kwh"], days["discharged_kwh"]),
        apart(sums["paid"], amounts["driver_income"]),
        apart(sums["received"], received),
    )


def _scenarios(run: Run) -> float:
    scenarios, days = run.scenarios, run.days.set_index("day")
    total = scenarios.groupby(["day", "stage"])["probability"].sum()
    plans = scenarios[scenarios["stage"] == "forecast"]
    expected = (plans["probability"] * plans["company_profit"]).groupby(plans["day"]).sum()
    return max(apart(total, 1.0), apart(days["planned_profit"], expected))


def _lots(run: Run) -> float:
    lots, days = run.lot_days, run.days.set_index("day")
    sums = lots.groupby("day")["profit"].sum()
    return max(beyond(lots["profit"], -float("inf"), lots["maximum"]), apart(days["lot_profit"], sums))


def _choices(run: Run) -> float:
    programs, days = run.programs, run.days.set_index("day")
    chance = programs.groupby("day")["probability"].sum()
    chosen = programs[programs["chosen"].astype(bool)].set_index("day")["program"]
    return max(apart(chance, 1.0), float((chosen.reindex(days.index) != days["program"]).any()))


INVARIANTS: tuple[RunInvariant, ...] = (
    RunInvariant(
        "active-balance",
        "in every period what arrives of the purchase, sun, wind and vehicles is load, charging and losses",
        "(2a) of docs/disco.md",
        RESIDUAL_TOLERANCE,
        _balance,
    ),
    RunInvariant("day-sums", "energies of a day are the sums of its dispatch", "conservation of energy", 1e-7, _energy),
    RunInvariant("money-balance", "profits are the sums of the accounts", "(1), (8) of docs/disco.md", 1e-9, _accounts),
    RunInvariant(
        "sessions",
        "the vehicles' ledgers add up to the lots' energy and to what drivers pay and receive",
        "conservation of energy and money",
        1e-6,
        _sessions,
    ),
    RunInvariant(
        "scenarios",
        "probabilities sum to one, and the plan's profit is the mean of its scenarios",
        "(46) of docs/disco.md",
        1e-9,
        _scenarios,
    ),
    RunInvariant("lot-maximum", "no lot earns more than it could", "(8) of docs/disco.md", EPSILON_REGRET, _lots),
    RunInvariant(
        "programs",
        "the chances of all programs sum to one, and the chosen one is the day's",
        "definition",
        1e-9,
        _choices,
    ),
    VERDICTS,
)
