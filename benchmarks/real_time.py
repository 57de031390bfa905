"""Real time of the market of two settlements: one quarter with look-ahead, warm, and days of 96 of them."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.harness import Result, compare, timed
from equilibrium.markets.two_settlement.real_time import RealTimeDay
from equilibrium.markets.two_settlement.rolling import RealTime
from scenarios.loading import load_scenario
from scenarios.markets.two_settlement.case import TwoSettlementCase
from sim.markets.two_settlement.model import TwoSettlementModel

OUTCOMES = 3
"""Days that follow one schedule."""


def real_time_quarter_seconds() -> Result:
    """70 buses, look-ahead of 8 quarters: a warm quarter with its proof, against the first one, which compiles."""
    case = load_scenario("two-settlement", None, TwoSettlementCase)
    model = TwoSettlementModel(case, seed=0)
    day = case.day(0, model.streams)
    for agent in (model.operator, *model.bidders):
        agent.observe(day)
    plan = model.market.clear(model.expect(day)[0])
    outcomes = [model.real_day(case.day(k, model.streams)) for k in range(OUTCOMES)]
    bids = model.bids(day)

    def run(market: RealTime, number: int) -> RealTimeDay:
        demand, lots = model.deliveries(day, plan)
        return market.run(outcomes[number], plan.positions, bids, (*demand, *lots))

    warm = case.real_time()
    quarters = outcomes[0].periods

    def ours() -> float:
        return timed(lambda: run(warm, 0)) / quarters

    def reference() -> float:
        return run(case.real_time(), 0).slowest_seconds

    days = timed(lambda: [run(warm, number) for number in range(OUTCOMES)])
    done = run(warm, 0)
    note = (
        f"70 buses, look-ahead 8: one quarter of a day of {quarters} with its residuals, against the slowest of a day "
        f"whose program is compiled first; slowest warm quarter {done.slowest_seconds:.3f} s "
        f"(goal < 0.3), {OUTCOMES} days in {days:.1f} s (goal < 20)"
    )
    return compare("real_time_quarter_seconds", ours, reference, note, rounds=3)


BENCHMARKS: dict[str, Callable[[], Result]] = {"real_time_quarter_seconds": real_time_quarter_seconds}
