"""The best reply to remembered rivals, beside a second computation in plain numbers of all that it remembers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.learning import BestReply, PostedDay
from equilibrium.errors import InputError

LOW, HIGH, MIDDLE = 0.1, 0.5, 0.3


def days(seed: int, count: int) -> list[PostedDay]:
    """Days of a lot with two rivals: some without energy, some on which it filled."""
    draw = np.random.default_rng(seed)
    found = []
    for k in range(count):
        visitors = int(draw.integers(20, 90))
        energy = 0.0 if k % 4 == 3 else float(draw.uniform(100.0, 900.0))
        admitted = visitors - 7 if k % 3 == 1 else visitors
        rivals = draw.uniform(LOW, HIGH, 2)
        price = float(draw.uniform(LOW, HIGH))
        found.append(
            PostedDay(price, rivals, visitors, admitted, k % 7, energy, float(energy * draw.uniform(0.05, 0.2)))
        )
    return found


def expects(belief: np.ndarray, price: float, rival: float) -> float:
    """The docstring's share of ``M`` drivers, prices counted from the middle of the grid."""
    most, slope, here, there = math.exp(belief[0]), math.exp(belief[1]), belief[2], belief[3]
    own, other = math.exp(here - slope * (price - MIDDLE)), math.exp(there - slope * (rival - MIDDLE))
    return most * own / (1.0 + own + other)


def stands_for(belief: np.ndarray, day: PostedDay) -> float:
    """``e^(-b r)`` is the mean of ``e^(-b r_j)``."""
    slope = math.exp(belief[1])
    return -math.log(sum(math.exp(-slope * r) for r in day.rivals) / day.rivals.size) / slope


def misfit(belief: np.ndarray, before: np.ndarray, first: np.ndarray, seen: list[PostedDay], recency: float) -> float:
    """Squares of roots of visitors, older days counting less, factors of weekdays, and the first belief as one day."""
    rivals = [stands_for(before, day) for day in seen]
    expected = [expects(before, day.price, r) for day, r in zip(seen, rivals, strict=True)]
    one = sum(day.visitors for day in seen) / len(seen) + 1.0
    of_day = {
        w: (one + sum(day.visitors for day in seen if day.weekday == w))
        / (one + sum(e for day, e in zip(seen, expected, strict=True) if day.weekday == w))
        for w in range(7)
    }
    share = sum(expected) / sum(of_day[day.weekday] * e for day, e in zip(seen, expected, strict=True))
    total = float(((belief - first) ** 2).sum())
    for age, (day, r) in enumerate(reversed(list(zip(seen, rivals, strict=True)))):
        visitors = share * of_day[day.weekday] * expects(belief, day.price, r)
        left = math.sqrt(day.visitors + 0.375) - math.sqrt(visitors + 0.125)
        total += (1.0 - recency) ** age * 4.0 * left**2
    return total


@pytest.mark.parametrize(("seed", "recency"), [(0, 0.005), (1, 0.2)])
def test_what_is_remembered_is_what_a_second_computation_remembers(seed: int, recency: float) -> None:
    rule, seen = BestReply((LOW, HIGH), recency=recency), list[PostedDay]()
    cost = rivals = room = None
    for k, day in enumerate(days(seed, 12)):
        before = rule.belief.copy()
        if not k:
            paid = day.payment / day.energy_kwh
            slope = 1.5 / max(MIDDLE - paid, 0.1 * MIDDLE)
            first = before = np.array([math.log(3.0 * day.visitors), math.log(slope), 0.0, 0.0])
        rule.observe(day)
        seen.append(day)
        memory = max(0.1, 1.0 / (k + 1.0))
        one = stands_for(before, day)
        rivals = one if rivals is None else rivals + memory * (one - rivals)
        if day.energy_kwh:
            paid = day.payment / day.energy_kwh
            cost = paid if cost is None else cost + memory * (paid - cost)
        if day.admitted < day.visitors:
            room = float(max(room or 1.0, day.admitted))
        assert (rule.cost, rule.rivals, rule.room) == (pytest.approx(cost), pytest.approx(rivals), room)
        best = misfit(rule.belief, before, first, seen, recency)
        for at in range(4):
            for step in (-0.02, 0.02):
                moved = rule.belief + step * (np.arange(4) == at)
                assert misfit(moved, before, first, seen, recency) >= best
    assert rivals is not None
    assert cost is not None
    tried = np.linspace(LOW, HIGH, 401)
    served = [min(expects(rule.belief, price, rivals), room or math.inf) for price in tried]
    assert rule.reply() == pytest.approx(tried[int(np.argmax((tried - cost) * served))])


def test_a_price_is_tried_about_the_best_reply_and_less_far_from_day_to_day() -> None:
    rule = BestReply((LOW, HIGH), exploration=0.2)
    for k, day in enumerate(days(2, 6)):
        spread = 0.2 * (HIGH - LOW) / math.sqrt(1.0 + k / 30.0)
        wanted = min(max(rule.reply() + spread * np.random.default_rng(k).standard_normal(), LOW), HIGH)
        assert rule.choose(np.random.default_rng(k)) == pytest.approx(wanted)
        rule.observe(day)


def test_a_first_day_on_which_nothing_was_sold_says_little() -> None:
    """Nobody came: a driver at least, at no cost; and a cost above the middle leaves a tenth of it."""
    still = BestReply((LOW, HIGH))
    still.observe(PostedDay(MIDDLE, np.array([MIDDLE]), 0, 0, 0, 0.0, 0.0))
    assert still._first == pytest.approx([math.log(3.0), math.log(1.5 / MIDDLE), 0.0, 0.0])
    assert still.cost is None
    assert still.reply() == pytest.approx(MIDDLE)
    dear = BestReply((LOW, HIGH))
    dear.observe(PostedDay(MIDDLE, np.array([MIDDLE]), 9, 9, 0, 10.0, 4.0))
    assert dear._first == pytest.approx([math.log(27.0), math.log(1.5 / (0.1 * MIDDLE)), 0.0, 0.0])


def test_a_day_is_forgotten_when_its_weight_is_below_a_thousandth() -> None:
    """Half is forgotten a day: of 2**-10 nothing is left, so ten days are remembered."""
    rule, seen = BestReply((LOW, HIGH), recency=0.5), days(3, 13)
    for k, day in enumerate(seen):
        rule.observe(day)
        assert rule._days == seen[max(0, k - 9) : k + 1]


def test_without_rivals_a_price_stands_for_them_that_nobody_pays() -> None:
    rule = BestReply((LOW, HIGH))
    rule.observe(PostedDay(MIDDLE, np.array([]), 30, 30, 0, 100.0, 10.0))
    slope = 1.5 / (MIDDLE - 0.1)
    assert rule.rivals == pytest.approx(300.0 * math.log(10.0) / slope)


def test_prices_start_at_nothing() -> None:
    assert BestReply((0.0, 0.2)).reply() == 0.1
    with pytest.raises(InputError, match=r"^lot: prices: got \(-0\.1, 0\.2\), expected prices that are not negative$"):
        BestReply((-0.1, 0.2), source="lot")
    whole = BestReply((0.0, 0.2), exploration=1.0, recency=1.0)
    assert (whole.exploration, whole.recency) == (1.0, 1.0)
    for value in (0.0, 1.001):
        with pytest.raises(InputError, match=rf"exploration: got {value}, expected a number in \(0, 1\]"):
            BestReply((0.0, 0.2), exploration=value)
        with pytest.raises(InputError, match=rf"recency: got {value}, expected a number in \(0, 1\]"):
            BestReply((0.0, 0.2), recency=value)
