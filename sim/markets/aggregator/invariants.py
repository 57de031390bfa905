"""What holds in the tables of every run of the aggregator market; violations are relative to the largest number."""

from __future__ import annotations

from equilibrium.certificate import NEGLIGIBLE, RESIDUAL_TOLERANCE
from sim.checks import VERDICTS, RunInvariant, apart, beyond, brought, sums_apart
from sim.store import Run

SIGNS = {"purchase": 1.0, "output": 1.0, "discharge": 1.0, "charge": -1.0, "served": -1.0}
"""Whether a kind of dispatch brings power or takes it; reserve and interrupted load do neither."""

_SUMS = {
    "purchase_kwh": "purchase",
    "charged_kwh": "charge",
    "discharged_kwh": "discharge",
    "reserve_kwh": "reserve",
    "generated_kwh": "output",
    "served_kwh": "served",
    "interrupted_kwh": "interrupted",
}


def _balance(run: Run) -> float:
    return apart(brought(run, SIGNS), 0.0, run.dispatch["p_kw"])


def _energy(run: Run) -> float:
    return sums_apart(run, _SUMS)


def _profits(run: Run) -> float:
    days = run.days.set_index("day")
    lots = run.lot_days.groupby("day")[["profit", "paid"]].sum()
    units = run.generators.groupby("day")["profit"].sum().reindex(days.index, fill_value=0.0)
    return max(
        apart(days["lot_profit"], lots["profit"]),
        apart(days["paid_by_lots"], lots["paid"]),
        apart(days["generator_profit"], units),
    )


def _contracts(run: Run) -> float:
    contracts = run.contracts
    shares = contracts.groupby(["day", "lot"])["share"].sum()
    came = run.lot_days.set_index(["day", "lot"])["came"].reindex(shares.index)
    inside = max(beyond(contracts[name], 0.0, 1.0) for name in ("satisfaction", "reputation", "share"))
    return max(inside, apart(shares, (came > 0.0).astype(float)))


def _vehicles(run: Run) -> float:
    rows = run.vehicles
    if not len(rows):
        return 0.0
    below = beyond(rows["below_contract_kwh"], -float("inf"), NEGLIGIBLE)
    return max(
        below, beyond(rows["profit_error"], -RESIDUAL_TOLERANCE * (1.0 + rows["pool_profit"].abs()), float("inf"))
    )


INVARIANTS: tuple[RunInvariant, ...] = (
    RunInvariant(
        "active-balance",
        "in every period what is bought, generated and discharged is what is served and charged",
        "(10) of docs/aggregator.md",
        RESIDUAL_TOLERANCE,
        _balance,
    ),
    RunInvariant("day-sums", "energies of a day are the sums of its dispatch", "conservation of energy", 1e-7, _energy),
    RunInvariant(
        "profits", "the day's profits and payments are the sums of the players'", "definition", 1e-9, _profits
    ),
    RunInvariant(
        "contracts",
        "the shares of the contracts add up to one, and nobody is more than content",
        "definition",
        1e-9,
        _contracts,
    ),
    RunInvariant(
        "vehicles",
        "no vehicle leaves below its contract, as far as its stay reaches, and pools promise no less than vehicles",
        "docs/aggregator.md",
        RESIDUAL_TOLERANCE,
        _vehicles,
    ),
    VERDICTS,
)
