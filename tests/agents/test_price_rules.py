"""Epsilon-greedy and best reply: what they learn from, what they forget, and where they end."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learning import BestReply, EpsilonGreedy, PostedDay, RothErev
from equilibrium.errors import InputError

GRID = (0.3, 0.4, 0.5)


def test_epsilon_greedy_tries_every_price_once_and_then_the_best():
    rule, generator = EpsilonGreedy(GRID, exploration=0.0), np.random.default_rng(0)
    earned = {0.3: 1.0, 0.4: 3.0, 0.5: 2.0}
    first = []
    for _ in range(3):
        first.append(rule.choose(generator))
        rule.update(earned[first[-1]])
    assert sorted(first) == list(GRID)
    for _ in range(5):
        assert rule.choose(generator) == 0.4
        rule.update(3.0)


def test_epsilon_greedy_values_are_means_first_and_follow_the_market_later():
    """recency 0.25: steps 1, 1/2, 1/3, 1/4, 1/4: 8, 6, 4 give 6, then 2 gives 5, then 1 gives 4."""
    rule = EpsilonGreedy(GRID, recency=0.25)
    rule.choice = 1
    seen = []
    for profit in (8.0, 6.0, 4.0, 2.0, 1.0):
        rule.update(profit)
        seen.append(float(rule.values[1]))
    assert seen == pytest.approx([8.0, 7.0, 6.0, 5.0, 4.0])
    assert rule.values[[0, 2]].tolist() == [0.0, 0.0]


def test_epsilon_greedy_explores_as_often_as_it_says():
    rule, generator = EpsilonGreedy(GRID, exploration=0.3), np.random.default_rng(1)
    rule.played[:] = 1
    rule.values[:] = (0.0, 0.0, 9.0)
    posted = np.array([rule.choose(generator) for _ in range(4000)])
    for price, share in zip(GRID, (0.1, 0.1, 0.8), strict=True):
        assert (posted == price).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("rule", "keys", "complaint"),
    [
        (EpsilonGreedy, {"exploration": 1.2}, "exploration: got 1.2"),
        (EpsilonGreedy, {"recency": 0.0}, "recency: got 0.0"),
        (EpsilonGreedy, {"prices": (0.3,)}, "at least two different prices"),
        (BestReply, {"exploration": 0.0}, "exploration: got 0.0"),
        (BestReply, {"recency": 1.5}, "recency: got 1.5"),
        (BestReply, {"prices": (-0.1, 0.3)}, "prices that are not negative"),
        (BestReply, {"prices": (0.3, 0.3)}, "at least two different prices"),
    ],
)
def test_settings_outside_their_range_are_refused(rule, keys, complaint):
    with pytest.raises(InputError, match=complaint):
        rule(**{"prices": GRID, **keys})


def posted(price, rivals, visitors, *, admitted=None, weekday=0, cost=0.1, energy=10.0):
    admitted = visitors if admitted is None else admitted
    return PostedDay(price, np.array(rivals), visitors, admitted, weekday, energy * visitors, cost * energy * visitors)


def logit(price, rivals, slope=10.0, outside=-4.0, drivers=400.0):
    weights = np.exp([-slope * price, *(-slope * r for r in rivals), outside])
    return drivers * weights[0] / weights.sum()


def test_the_best_reply_to_a_known_demand_is_found():
    """Visitors as the logit says, two rivals at 0.25: the best reply by a fine grid of the true profit."""
    rule, generator = BestReply((0.1, 0.5)), np.random.default_rng(2)
    for _ in range(120):
        price = float(generator.uniform(0.15, 0.45))
        rule.observe(posted(price, (0.25, 0.25), round(logit(price, (0.25, 0.25)))))
    tried = np.linspace(0.1, 0.5, 4001)
    profit = [(p - 0.1) * logit(p, (0.25, 0.25)) for p in tried]
    assert rule.reply() == pytest.approx(tried[int(np.argmax(profit))], abs=0.01)
    assert (rule.cost, rule.rivals) == (pytest.approx(0.1), pytest.approx(0.25))
    markup = 1.0 / (10.0 * (1.0 - logit(rule.reply(), (0.25, 0.25)) / 400.0))
    assert rule.reply() - 0.1 == pytest.approx(markup, abs=0.01)


def test_a_lot_that_fills_asks_for_more():
    """With room for 30, fewer than come at the best price, the price is the one at which 30 come."""
    rule, generator = BestReply((0.1, 0.5)), np.random.default_rng(3)
    for _ in range(120):
        price = float(generator.uniform(0.15, 0.45))
        visitors = round(logit(price, (0.25, 0.25)))
        rule.observe(posted(price, (0.25, 0.25), visitors, admitted=min(visitors, 30)))
    assert rule.room == 30.0
    assert logit(rule.reply(), (0.25, 0.25)) == pytest.approx(30.0, rel=0.05)


def test_busy_weekdays_do_not_look_like_cheap_ones():
    """Sundays bring a tenth, and dear days fall on Sundays: without the days of the week demand would seem steeper."""
    rule, generator = BestReply((0.1, 0.5)), np.random.default_rng(4)
    for day in range(210):
        sunday = day % 7 == 6
        price = float(generator.uniform(0.35, 0.45) if sunday else generator.uniform(0.15, 0.40))
        visitors = round(logit(price, (0.25, 0.25)) * (0.1 if sunday else 1.0))
        rule.observe(posted(price, (0.25, 0.25), visitors, weekday=day % 7))
    assert np.exp(rule.belief[1]) == pytest.approx(10.0, rel=0.15)


def test_before_the_first_day_the_middle_of_the_grid_is_posted_about():
    rule, generator = BestReply((0.2, 0.6), exploration=0.01), np.random.default_rng(5)
    assert rule.reply() == pytest.approx(0.4)
    assert rule.choose(generator) == pytest.approx(0.4, abs=0.03)
    rule.update(100.0)
    assert rule.reply() == pytest.approx(0.4)


def test_a_lot_alone_and_a_day_without_visitors_are_no_fault():
    rule = BestReply((0.1, 0.5))
    rule.observe(posted(0.3, (), 0))
    rule.observe(posted(0.2, (), 7))
    assert 0.1 <= rule.reply() <= 0.5
    assert np.all(np.isfinite(rule.belief))


def test_what_is_forgotten_does_not_count():
    """Half is forgotten a day: after ten days of another demand nothing is left of the first."""
    rule = BestReply((0.1, 0.5), recency=0.5)
    for _ in range(30):
        rule.observe(posted(0.3, (0.3,), 500))
    assert len(rule._days) == 10  # 0.5 ** 10 is below a thousandth
    for _ in range(10):
        rule.observe(posted(0.3, (0.3,), 5))
    assert all(day.visitors == 5 for day in rule._days)


def market_of_three(make, seed, days, cost=0.08, slope=10.0, outside=-4.0):
    """Three equal lots and a Poisson number of drivers a day; the prices of every day, shape (days, 3)."""
    generator = np.random.default_rng(seed)
    rules = [make() for _ in range(3)]
    prices = np.zeros((days, 3))
    for day in range(days):
        prices[day] = [rule.choose(generator) for rule in rules]
        weights = np.exp([*(-slope * prices[day]), outside])
        visitors = generator.multinomial(generator.poisson(600), weights / weights.sum())
        for k, rule in enumerate(rules):
            kwh = 15.0 * visitors[k]
            if isinstance(rule, BestReply):
                rivals = tuple(np.delete(prices[day], k))
                rule.observe(posted(prices[day, k], rivals, int(visitors[k]), weekday=day % 7, cost=cost, energy=15.0))
            rule.update((prices[day, k] - cost) * kwh)
    return prices


def equilibrium(cost=0.08, slope=10.0, outside=-4.0):
    """The symmetric Nash price: p = c + 1 / (b (1 - s(p)))."""
    price = 0.3
    for _ in range(500):
        share = np.exp(-slope * price) / (3.0 * np.exp(-slope * price) + np.exp(outside))
        price = 0.5 * price + 0.5 * (cost + 1.0 / (slope * (1.0 - share)))
    return price


@pytest.mark.long
def test_best_replies_find_the_symmetric_equilibrium_in_nine_of_ten_seeds():
    """After 300 days every lot's mean price of the last 30 is within 5 % of the equilibrium's."""
    wanted = equilibrium()
    off = []
    for seed in range(10):
        prices = market_of_three(lambda: BestReply((0.16, 0.40)), seed, 300)
        off.append(float(np.abs(prices[-30:].mean(axis=0) / wanted - 1.0).max()))
    assert sum(each <= 0.05 for each in off) >= 9, off


def test_best_replies_come_near_the_equilibrium_and_nearer_than_reinforcement():
    wanted = equilibrium()
    best = market_of_three(lambda: BestReply((0.16, 0.40)), 1, 120)
    grid = np.linspace(0.16, 0.40, 7)
    slow = market_of_three(lambda: RothErev(grid), 1, 120)
    near, far = (float(np.abs(prices[-30:].mean(axis=0) / wanted - 1.0).max()) for prices in (best, slow))
    assert near < 0.1
    assert near < far
