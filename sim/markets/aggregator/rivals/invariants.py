"""What holds in the tables of every run of several aggregators; violations are relative to the largest number."""

from __future__ import annotations

from equilibrium.certificate import EXACT_REGRET, RESIDUAL_TOLERANCE
from sim.checks import VERDICTS, RunInvariant, apart, beyond, brought
from sim.markets.aggregator.invariants import SIGNS
from sim.store import Run


def _balance(run: Run) -> float:
    return apart(brought(run, SIGNS, within=("aggregator",)), 0.0, run.dispatch["p_kw"])


def _parts(run: Run) -> float:
    keys = ["day", "aggregator", "asset", "kind", "period"]
    parts = run.trade.rename(columns={"market": "aggregator"}).groupby(keys)["p_kw"].sum()
    whole = run.dispatch.set_index(keys)["p_kw"].reindex(parts.index)
    return apart(parts, whole)


def _profits(run: Run) -> float:
    rows, days = run.aggregators, run.days.set_index("day")
    sums = rows.groupby("day")[["profit", "planned_profit", "lot_profit", "generator_profit", "retail_profit"]].sum()
    each = max(apart(days[name], sums[name]) for name in sums)
    return max(each, apart(rows["profit"], rows["own"] + rows["strangers"]))


def _bounds(run: Run) -> float:
    rows = run.aggregators
    return max(
        beyond(rows["planned_profit"] - rows["bound"], float("-inf"), 0.0), beyond(rows["regret"], 0.0, float("inf"))
    )


INVARIANTS: tuple[RunInvariant, ...] = (
    RunInvariant(
        "active-balance",
        "in every period what an aggregator's followers take is what they and all aggregators give",
        "(10) of docs/aggregator.md",
        RESIDUAL_TOLERANCE,
        _balance,
    ),
    RunInvariant("parts", "what is traded with all aggregators is what is traded", "definition", 1e-7, _parts),
    RunInvariant(
        "profits",
        "profits of a day are the sums of the aggregators', own and strangers' parts",
        "definition",
        1e-9,
        _profits,
    ),
    RunInvariant("bounds", "no plan earns more than its proven bound", "definition", EXACT_REGRET, _bounds),
    VERDICTS,
)
