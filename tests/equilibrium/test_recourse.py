"""Two stages: who knows more earns more, and quarters of an hour that follow hourly positions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.recourse import Policies, mean_scenario
from equilibrium.programs.program import GAP
from tests.equilibrium.day_ahead_days import every_state, least_cost, made_day, made_system


@pytest.mark.parametrize(
    ("seed", "outages"),
    [
        (1, False),
        (7, True),
        pytest.param(3, True, marks=pytest.mark.long),
        pytest.param(1, True, marks=pytest.mark.long),
    ],
)
def test_who_knows_more_earns_more(seed: int, outages: bool) -> None:
    rng = np.random.default_rng(seed)
    system, day = made_system(rng), made_day(rng)
    answer = Policies(system, day, outages=outages).compare(rounds=3)
    slack = 1e-6 * (1.0 + abs(answer.value))
    assert answer.wait_and_see >= answer.bound - slack
    assert answer.bound >= answer.value - slack
    assert answer.value == pytest.approx(answer.bound, rel=2e-6)
    assert (answer.value >= answer.feedback - slack).all()
    assert answer.mean_value == answer.feedback[0]
    assert answer.perfect_information >= -slack
    assert answer.stochastic_solution >= answer.distance - slack >= -2 * slack
    whole = DayAheadMarket(system, Options(aim="total" if outages else "profit", gap=GAP)).clear(day)
    assert answer.value == pytest.approx(whole.objective, rel=2e-6)


def test_without_news_all_are_one() -> None:
    rng = np.random.default_rng(2)
    system, day = made_system(rng), made_day(rng)
    sure = replace(day, scenarios=(mean_scenario(day),))
    answer = Policies(system, sure).compare(rounds=4)
    assert answer.settled or answer.feedback.size == 4
    assert answer.mean_value == pytest.approx(answer.value, rel=1e-6)
    assert answer.wait_and_see == pytest.approx(answer.value, rel=2e-6)


def test_quarters_follow_hourly_positions() -> None:
    """Four half hours, positions for two of them at a time: dearer than free ones, and the same by brute force."""
    rng = np.random.default_rng(4)
    system, day = made_system(rng), made_day(rng, periods=4, scenarios=1)
    bid = day.bids[0]
    power, spinning, regulating = (
        np.repeat(each[::2], 2) for each in (bid.power_kw, bid.spinning_kw, bid.regulating_kw)
    )
    bid = replace(bid, power_kw=power, spinning_kw=spinning, regulating_kw=regulating)
    day = replace(day, length_h=np.full(4, 0.5), bids=(bid,))
    free = DayAheadMarket(system, Options(gap=GAP)).clear(day)
    held = DayAheadMarket(system, Options(gap=GAP, gamma=1.0)).clear(replace(day, held=2))
    nominal = DayAheadMarket(system, Options(gap=GAP)).clear(replace(day, held=2))
    assert nominal.objective <= free.objective + 1e-9
    assert held.positions.trade_kw.shape == (2,)
    assert held.positions.on.shape == (2, 2)
    assert held.positions.storage_kwh[-1] == pytest.approx([100.0])
    traded = np.repeat(nominal.positions.trade_kw, 2)
    plan = nominal.dispatch
    assert plan.root_kw[0].sum(axis=1) == pytest.approx(traded + plan.more[0, 0] - plan.less[0, 0])
    paid = (day.price_deviation * 0.5).reshape(2, 2).sum(axis=1) * np.abs(held.positions.trade_kw)
    assert held.protection == pytest.approx(paid.max())
    same = [on for on in every_state(system, day) if (on[0] == on[1]).all() and (on[2] == on[3]).all()]
    assert nominal.objective <= max(-least_cost(system, day, on) for on in same) + 1e-6


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"rounds": 0}, "policies: rounds: got 0"), ({"damping": 0.0}, "policies: damping: got 0.0")],
)
def test_a_loop_that_cannot_be(changes: dict[str, float], message: str) -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(InputError, match=message):
        Policies(made_system(rng), made_day(rng)).compare(**changes)  # type: ignore[arg-type]


def test_periods_that_do_not_fall_together() -> None:
    rng = np.random.default_rng(2)
    system, day = made_system(rng), made_day(rng)
    with pytest.raises(InputError, match="day: held: got 2, expected a divisor of 3"):
        DayAheadMarket(system).clear(replace(day, held=2))
    with pytest.raises(InputError, match=r"aggregator: power_kw: got .*, expected one value for every 3 periods"):
        DayAheadMarket(system).clear(replace(day, held=3))
