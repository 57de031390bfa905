from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.learning import RothErev, learning_rules, make_learning_rule, register_learning_rule
from agents.learning.epsilon_greedy import EpsilonGreedy
from equilibrium.errors import InputError

GRID = (0.3, 0.4, 0.5, 0.6)


def test_one_update_is_the_published_formula():
    learner = RothErev(GRID, recency=0.1, experimentation=0.2, initial_propensity=1.0)
    learner.choice = 2
    learner.update(500.0)  # the unit is the mean profit so far: R = 1
    other = 0.9 * 1.0 + 1.0 * 0.2 / 3
    np.testing.assert_allclose(learner.propensities, [other, other, 0.9 + 0.8, other])
    learner.choice = 0
    learner.update(300.0)  # R = 300 / 400
    np.testing.assert_allclose(
        learner.propensities,
        [0.9 * other + 0.75 * 0.8, other * (0.9 + 0.2 / 3), 1.7 * (0.9 + 0.2 / 3), other * (0.9 + 0.2 / 3)],
    )
    np.testing.assert_allclose(learner.probabilities, learner.propensities / learner.propensities.sum())


def test_a_zero_reward_moves_weight_to_the_others():
    learner = RothErev(GRID)
    learner.choice = 1
    learner.update(0.0)
    assert learner.probabilities[1] == learner.probabilities.min() < 0.25


def test_the_unit_of_money_does_not_matter():
    euros, cents = RothErev(GRID), RothErev(GRID)
    for learner, unit in ((euros, 1.0), (cents, 100.0)):
        for choice, profit in ((0, 30.0), (1, 80.0), (3, 10.0)):
            learner.choice = choice
            learner.update(profit * unit)
    np.testing.assert_allclose(euros.propensities, cents.propensities)


@pytest.mark.parametrize("best", [0, 3, 6])
def test_a_dominant_price_is_learned(best):
    learner = RothErev(np.linspace(0.3, 0.9, 7), experimentation=0.1)
    rng = np.random.default_rng(11)
    for _ in range(1500):
        learner.choose(rng)
        learner.update(100.0 if learner.choice == best else 10.0)
    assert learner.probabilities.argmax() == best
    assert learner.probabilities[best] > 0.7


@given(
    rewards=st.lists(st.tuples(st.integers(0, 3), st.floats(-1e4, 1e4)), min_size=1, max_size=60),
    experimentation=st.sampled_from([0.0, 0.1, 0.2]),
)
def test_probabilities_stay_probabilities_whatever_is_earned(rewards, experimentation):
    learner = RothErev(GRID, experimentation=experimentation)
    for choice, profit in rewards:
        learner.choice = choice
        learner.update(profit)
        assert np.all(learner.propensities >= 1e-3)
        assert np.all(learner.probabilities > 0.0)
        assert learner.probabilities.sum() == pytest.approx(1.0)


def test_a_first_profit_that_is_tiny_does_not_blow_up_the_rest():
    learner = RothErev(GRID)
    for choice, profit in ((0, 1e-300), (1, 500.0), (2, 500.0)):
        learner.choice = choice
        learner.update(profit)
    assert learner.propensities.max() < 3.0


def test_a_loss_makes_a_price_rare_but_not_impossible():
    learner = RothErev(GRID)
    learner.choice = 1
    for profit in (10.0, -1000.0, -1000.0):
        learner.update(profit)
    assert learner.propensities[1] == pytest.approx(1e-3)
    assert 0.0 < learner.probabilities[1] < 0.001


def test_draws_follow_the_probabilities():
    learner = RothErev(GRID)
    learner.propensities = np.array([1.0, 2.0, 3.0, 4.0])
    rng = np.random.default_rng(5)
    drawn = [learner.choose(rng) for _ in range(4000)]
    shares = [drawn.count(price) / 4000 for price in GRID]
    assert shares == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.032)


def test_the_grid_is_sorted_and_repeats_are_dropped():
    np.testing.assert_array_equal(RothErev((0.6, 0.3, 0.6, 0.4, 0.5)).prices, GRID)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prices": (0.5, 0.5)}, "prices"),
        ({"prices": (0.5, float("nan"))}, "prices"),
        ({"recency": 0.0}, "recency"),
        ({"recency": 1.5}, "recency"),
        ({"experimentation": -0.1}, "experimentation"),
        ({"experimentation": 0.31}, "experimentation"),  # e / (N - 1) > r: unplayed prices would never fade
        ({"initial_propensity": 0.0}, "initial_propensity"),
    ],
)
def test_settings_outside_their_range_are_named(changes, field):
    with pytest.raises(InputError, match=field):
        RothErev(**{"prices": GRID, **changes})


# Rules by name


class AlwaysFirst:
    """A rule of a user's own."""

    def __init__(self, prices, *, source, shift=0.0):
        if shift < 0:
            raise InputError(source, "shift", shift, "a number >= 0")
        self.price = prices[0] + shift
        self.heard = []

    def choose(self, generator):
        del generator
        return self.price

    def update(self, profit):
        self.heard.append(profit)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr("agents.learning.registry._RULES", {"roth-erev": RothErev})
    register_learning_rule("always-first", AlwaysFirst)


@pytest.mark.usefixtures("registered")
def test_a_rule_of_ones_own_is_made_by_name():
    rule = make_learning_rule("always-first", GRID, {"shift": 0.05})
    assert rule.choose(np.random.default_rng(0)) == pytest.approx(0.35)
    assert set(learning_rules()) == {"roth-erev", "always-first"}
    register_learning_rule("always-first", AlwaysFirst)  # the same again changes nothing


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("name", "settings", "complaint"),
    [
        ("always-frist", {}, r"lot a: rule: got 'always-frist'.*none, always-first, roth-erev.*mean always-first\?"),
        ("roth", {}, "always-first, roth-erev"),
        ("always-first", {"speed": 1.0}, "what rule always-first takes.*speed"),
        ("always-first", {"shift": -1.0}, "lot a: shift"),
        ("roth-erev", {"recency": 2.0}, "recency"),
    ],
)
def test_a_rule_that_cannot_be_made_is_refused(name, settings, complaint):
    with pytest.raises(InputError, match=complaint):
        make_learning_rule(name, GRID, settings, "lot a")


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", ["none", "roth-erev", "always-first"])
def test_a_name_is_taken_once(name):
    with pytest.raises(InputError, match="learning rules"):
        register_learning_rule(name, lambda prices, source: AlwaysFirst(prices, source=source))


@pytest.mark.parametrize(
    ("rule", "prices", "keys", "said"),
    [
        ("RothErev", GRID, {"recency": 0.0}, "lot: recency: got 0.0, expected a number in (0, 1]"),
        ("RothErev", GRID, {"recency": 1.001}, "lot: recency: got 1.001, expected a number in (0, 1]"),
        ("RothErev", GRID, {"initial_propensity": 0.0}, "lot: initial_propensity: got 0.0, expected a positive number"),
        ("EpsilonGreedy", GRID, {"exploration": -0.1}, "lot: exploration: got -0.1, expected a number from 0 to 1"),
        ("EpsilonGreedy", GRID, {"exploration": 1.1}, "lot: exploration: got 1.1, expected a number from 0 to 1"),
    ],
)
def test_what_a_rule_refuses(rule: str, prices: list[float], keys: dict[str, float], said: str) -> None:
    kind = {"RothErev": RothErev, "EpsilonGreedy": EpsilonGreedy}[rule]
    with pytest.raises(InputError) as error:
        kind(prices, source="lot", **keys)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("prices", "recency", "least"), [(2, 0.25, 0.25), (4, 0.25, 0.75), (5, 0.25, 1.0), (9, 0.25, 1.0)]
)
def test_experimentation_is_below_what_would_feed_a_price_that_is_never_played(
    prices: int, recency: float, least: float
) -> None:
    grid = [0.1 * (k + 1) for k in range(prices)]
    below = RothErev(grid, recency=recency, experimentation=math.nextafter(least, 0.0))
    assert below.experimentation < least
    with pytest.raises(InputError) as error:
        RothErev(grid, recency=recency, experimentation=least, source="lot")
    assert str(error.value) == (
        f"lot: experimentation: got {least}, expected a number from 0 to below 1, and below recency * (number of "
        "prices - 1)"
    )
    with pytest.raises(InputError, match=r"experimentation: got -0\.1"):
        RothErev(grid, recency=recency, experimentation=-0.1)
    assert RothErev(grid, recency=1.0, experimentation=0.0).probabilities.tolist() == [1.0 / prices] * prices


def test_propensities_by_hand_with_a_loss_and_a_day_that_earns_nothing() -> None:
    """Of four prices: X is 10 after the first profit, 15 after a loss of 20, and stays at a day without profit."""
    learner = RothErev([0.1, 0.2, 0.3, 0.4], recency=0.1, experimentation=0.2, initial_propensity=2.0)
    assert (learner.choice, learner.propensities.tolist()) == (2, [2.0] * 4)
    learner.choice = 1
    learner.update(10.0)  # R = 1; the others: 0.9 * 2 + 2 * 0.2 / 3
    other = 1.8 + 0.4 / 3.0
    assert learner.propensities == pytest.approx([other, 1.8 + 0.8, other, other])
    learner.choice = 0
    before = learner.propensities
    learner.update(-20.0)  # R = -20 / 15
    wanted = (0.9 + 0.2 / 3.0) * before
    wanted[0] = 0.9 * before[0] - 0.8 * 20.0 / 15.0
    assert learner.propensities == pytest.approx(wanted)
    before = learner.propensities
    learner.update(0.0)
    wanted = (0.9 + 0.2 / 3.0) * before
    wanted[0] = 0.9 * before[0]
    assert learner.propensities == pytest.approx(wanted)
    learner.update(15.0)  # the third day that earned: X = 15 + (15 - 15) / 3
    assert learner.propensities[0] == pytest.approx(0.9 * wanted[0] + 0.8)
    for _ in range(5):
        learner.update(-100.0)
    assert learner.propensities[0] == 2e-3  # a thousandth of the first one


def test_the_greedy_rule_by_hand() -> None:
    class Draws:
        def __init__(self, *draws: float) -> None:
            self.draws = list(draws)

        def random(self) -> float:
            return self.draws.pop(0)

    learner = EpsilonGreedy([0.1, 0.2, 0.3], exploration=0.25, recency=0.4)
    assert (learner.choice, learner.values.tolist(), learner.played.tolist()) == (1, [0.0] * 3, [0] * 3)

    def price(*draws: float) -> float:
        return learner.choose(Draws(*draws))  # type: ignore[arg-type]

    assert price(0.9, 0.99) == 0.3  # untried: the last of three
    learner.update(6.0)
    assert price(0.0, 0.5) == 0.2  # the second of the two that are left, although it would explore
    learner.update(2.0)
    assert price(0.9, 0.99) == 0.1
    learner.update(-1.0)
    assert learner.values.tolist() == [-1.0, 2.0, 6.0]
    assert price(0.25, 0.0) == 0.3  # the best: 0.25 is no longer below the share that explores
    learner.update(2.0)
    assert learner.values[2] == 4.0  # the mean of two
    assert price(0.2499, 0.34) == 0.2  # explores: the second third
    assert price(0.3, 0.0) == 0.3
    learner.update(9.0)
    assert learner.values[2] == 6.0  # the third profit has a weight of 0.4, more than a third
    assert learner.played.tolist() == [1, 1, 3]
