"""What holds in the tables of every run of the market of two settlements; violations are relative to the largest."""

from __future__ import annotations

import pandas as pd

from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.markets.two_settlement.settlement import OPERATOR
from sim.checks import VERDICTS, RunInvariant, apart, beyond, brought, sums_apart
from sim.store import Run

SIGNS = {
    "bought": 1.0,
    "output": 1.0,
    "renewable": 1.0,
    "discharge": 1.0,
    "given": 1.0,
    "shed": 1.0,
    "sold": -1.0,
    "charge": -1.0,
    "taken": -1.0,
    "load": -1.0,
}
"""Whether a kind of dispatch brings power or takes it; the others do neither."""

_SUMS = {
    "bought_kwh": "bought",
    "sold_kwh": "sold",
    "generated_kwh": "output",
    "renewable_kwh": "renewable",
    "load_kwh": "load",
    "shed_kwh": "shed",
    "called_kwh": "called",
    "reserve_missing_kwh": "reserve missing",
}


def _balance(run: Run) -> float:
    return apart(brought(run, SIGNS), 0.0, run.dispatch["p_kw"])


def _energy(run: Run) -> float:
    return sums_apart(run, _SUMS)


def _money(run: Run) -> float:
    paid, days = run.payments, run.days.set_index("day")
    own = paid["amount"] * ((paid["receiver"] == OPERATOR).astype(float) - (paid["payer"] == OPERATOR).astype(float))
    total = own.groupby(paid["day"]).sum().reindex(days.index, fill_value=0.0)
    stages = days["day_ahead_profit"] + days["real_time_profit"]
    return max(apart(days["profit"], total), apart(days["profit"], stages))


def _cents(run: Run) -> float:
    amount = run.payments["amount"]
    return max(beyond(amount, 0.0, float("inf")), apart(amount, (100.0 * amount).round() / 100.0))


def _reserve(run: Run) -> float:
    accepted = run.schedule[run.schedule["kind"].isin(("spinning", "regulating"))]
    most = accepted.groupby(["day", "period", "unit"])["p_kw"].sum()
    called = run.dispatch[run.dispatch["kind"] == "called"]
    ends = run.schedule.drop_duplicates(["day", "period"]).groupby("day")["hours"].apply(lambda each: each.cumsum())
    begins = called.groupby(["day", "unit"])["hours"].cumsum() - called["hours"] / 2.0
    hour = [int((ends.loc[day].to_numpy() <= at).sum()) for day, at in zip(called["day"], begins, strict=True)]
    keys = pd.MultiIndex.from_arrays([called["day"], hour, called["unit"]])
    limit = most.reindex(keys, fill_value=0.0).to_numpy()
    return beyond(called["p_kw"], 0.0, pd.Series(limit, index=called.index))


INVARIANTS: tuple[RunInvariant, ...] = (
    RunInvariant(
        "active-balance",
        "in every period what is bought, generated and given is what is sold, charged, taken and served",
        "(C6) of docs/two_settlement.md",
        RESIDUAL_TOLERANCE,
        _balance,
    ),
    RunInvariant("day-sums", "energies of a day are the sums of its dispatch", "conservation of energy", 1e-7, _energy),
    RunInvariant("money", "the operator's profit is the sum of its payments", "definition", 1e-9, _money),
    RunInvariant("cents", "every payment is a whole number of cents from 0", "definition", 1e-9, _cents),
    RunInvariant("calls", "no more reserve is called than was accepted", "(9) of the paper", 1e-9, _reserve),
    VERDICTS,
)
