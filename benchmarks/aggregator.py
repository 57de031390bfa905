"""The aggregator market's benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from statistics import median

from benchmarks.harness import Result, compare, timed
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.published import solve_published
from scenarios.published.reserve_lot import reserve_lot_day
from sim.markets.aggregator.model import AggregatorModel

SCENARIOS = 10
DAYS = 6


def aggregator_w1_vs_kkt_milp() -> Result:
    day, market = reserve_lot_day("I"), AggregatorMarket()
    found, published = market.clear(day), solve_published(day)
    if abs(found.profit - published.value) > 1e-6 * abs(found.profit):
        raise AssertionError(f"the two methods differ: {found.profit} and {published.value}")
    note = f"expected day of S1, case I, no network, gap {found.gap:.1e}; reference: the published program; goal <= 1 s"
    return compare(
        "aggregator_w1_vs_kkt_milp",
        lambda: timed(lambda: market.clear(day)),
        lambda: timed(lambda: solve_published(day)),
        note,
        rounds=3,
    )


@cache
def aggregator_w10_network() -> tuple[float, float]:
    """Return seconds and proved gap of the day with ten scenarios on the 37-bus feeder."""
    gaps = []
    seconds = timed(
        lambda: gaps.append(AggregatorMarket().clear(reserve_lot_day("I", scenarios=SCENARIOS, feeder="ieee37")).gap)
    )
    return seconds, gaps[0]


def aggregator_w10_network_seconds() -> Result:
    seconds, gap = aggregator_w10_network()
    note = f"{SCENARIOS} drawn days of S1, case I, 37 buses; proved gap {gap:.2e}; ratio is 60 s to ours; goal >= 1"
    return Result("aggregator_w10_network_seconds", seconds, 60.0, 60.0 / seconds, note)


def aggregator_w10_network_gap() -> Result:
    seconds, gap = aggregator_w10_network()
    note = f"the same day; ratio is the goal of 0.1 % to the proved gap of {gap:.2e}; goal >= 1"
    return Result("aggregator_w10_network_gap", seconds, 60.0, 1e-3 / gap, note)


def aggregator_day_seconds() -> Result:
    model = AggregatorModel("aggregator-37", seed=1)
    taken = [timed(model.step) for _ in range(DAYS)]
    note = (
        f"median of {DAYS} days of aggregator-37 (3 scenarios, 37 buses), from {min(taken):.1f} to {max(taken):.1f} s; "
        f"ratio is 5 s to ours; goal >= 1"
    )
    return Result("aggregator_day_seconds", median(taken), 5.0, 5.0 / median(taken), note)


BENCHMARKS: dict[str, Callable[[], Result]] = {
    each.__name__: each
    for each in (
        aggregator_w1_vs_kkt_milp,
        aggregator_w10_network_seconds,
        aggregator_w10_network_gap,
        aggregator_day_seconds,
    )
}
