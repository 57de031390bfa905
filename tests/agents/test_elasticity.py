"""The retailer's belief: the recursion is the exact posterior, and finds the truth where programs show it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.disco.elasticity import ElasticityBelief
from equilibrium.demand_response import Elasticity
from equilibrium.errors import InputError

HOURS = ("off",) * 7 + ("mid",) * 6 + ("on",) * 7 + ("mid",) * 2 + ("off",) * 2
TRUE = {
    **{("on", "on"): -0.1, ("mid", "mid"): -0.08, ("off", "off"): -0.12},
    **{("on", "mid"): 0.016, ("on", "off"): 0.012, ("mid", "off"): 0.01},
}
PRIOR = {pair: -0.05 if pair[0] == pair[1] else 0.005 for pair in TRUE}
MATRIX = Elasticity.blocks(HOURS, TRUE).values


def belief(symmetric=True, noise=0.1, prior=PRIOR):
    full = prior if symmetric else {**prior, **{(b, a): value for (a, b), value in prior.items()}}
    return ElasticityBelief(HOURS, full, prior_deviation=0.05, noise=noise, symmetric=symmetric)


def signal_of(levels):
    return np.array([levels[name] for name in HOURS])


def observed(signal, noise, generator):
    return MATRIX @ signal + noise * generator.standard_normal(signal.size)


@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 6))
@settings(max_examples=25)
def test_the_recursion_is_the_posterior_of_all_days_at_once(seed, symmetric, days):
    generator = np.random.default_rng(seed)
    seen = belief(symmetric)
    first, deviation = seen.mean.copy(), 0.05
    rows, answers = [], []
    for _ in range(days):
        signal = generator.normal(size=len(HOURS))
        answer = observed(signal, 0.1, generator)
        seen.update(signal, answer)
        for hour, name in enumerate(HOURS):
            row = np.zeros(len(seen.pairs))
            for k, (a, b) in enumerate(seen.pairs):
                if a == name:
                    row[k] += signal[[other == b for other in HOURS]].sum()
                if symmetric and b == name and a != b:
                    row[k] += signal[[other == a for other in HOURS]].sum()
            rows.append(row)
            answers.append(answer[hour])
    design, y = np.array(rows), np.array(answers)
    precision = design.T @ design / 0.1**2 + np.eye(first.size) / deviation**2
    mean = np.linalg.solve(precision, design.T @ y / 0.1**2 + first / deviation**2)
    np.testing.assert_allclose(seen.mean, mean, atol=1e-8)
    np.testing.assert_allclose(seen.covariance, np.linalg.inv(precision), atol=1e-9)


def test_the_belief_converges_when_programs_vary():
    generator = np.random.default_rng(1)
    seen = belief()
    error = []
    for _ in range(60):
        signal = signal_of({name: generator.uniform(-0.5, 1.0) for name in ("on", "mid", "off")})
        seen.update(signal, observed(signal, 0.1, generator))
        error.append(max(abs(value - TRUE.get(pair, TRUE.get(pair[::-1]))) for pair, value in seen.estimate().items()))
    assert error[0] > 0.02
    assert error[-1] < 0.006
    assert max(seen.standard_error().values()) < 0.004


def test_standard_errors_are_honest():
    """With truths drawn from the prior, errors in units of the standard error have mean 0 and variance 1."""
    scores = []
    for seed in range(150):
        generator = np.random.default_rng(seed)
        seen = belief()
        true = dict(zip(seen.pairs, seen.mean + 0.05 * generator.standard_normal(len(seen.pairs)), strict=True))
        matrix = Elasticity.blocks(HOURS, true).values
        for levels in ({"on": 1.0, "mid": 0.0, "off": -0.5}, {"on": 0.9, "mid": 0.0, "off": 0.0}):
            signal = signal_of(levels)
            seen.update(signal, matrix @ signal + 0.1 * generator.standard_normal(24))
        estimate, error = seen.estimate(), seen.standard_error()
        scores.append([(estimate[pair] - true[pair]) / error[pair] for pair in seen.pairs])
    assert np.abs(np.mean(scores, axis=0)).max() < 0.3
    assert np.abs(np.var(scores, axis=0) - 1.0).max() < 0.4


def test_what_no_program_shows_stays_as_it_was():
    generator = np.random.default_rng(2)
    seen = belief()
    for _ in range(50):
        signal = signal_of({"on": 1.0, "mid": 0.0, "off": -0.5})
        seen.update(signal, observed(signal, 0.1, generator))
    assert seen.estimate()["mid", "mid"] == pytest.approx(-0.05, abs=1e-12)
    assert seen.standard_error()["mid", "mid"] == pytest.approx(0.05, rel=1e-9)
    assert seen.standard_error()["on", "on"] < 0.05
    before = seen.mean.copy()
    seen.update(np.zeros(24), generator.normal(size=24))  # a day without a program shows nothing
    np.testing.assert_array_equal(seen.mean, before)


def test_without_symmetry_each_direction_is_learned_alone():
    seen = belief(symmetric=False)
    signal = signal_of({"on": 1.0, "mid": 0.0, "off": 0.0})
    seen.update(signal, observed(signal, 0.0, np.random.default_rng(0)))
    assert len(seen.pairs) == 9
    assert seen.estimate()["off", "on"] != seen.estimate()["on", "off"]


def test_an_hour_without_load_teaches_nothing():
    signal = signal_of({"on": 1.0, "mid": 0.3, "off": -0.5})
    answer = observed(signal, 0.1, np.random.default_rng(3))
    some, rest = belief(), belief()
    some.update(signal, np.where(np.arange(24) < 3, np.nan, answer))
    rest.update(np.where(np.arange(24) < 0, 0.0, signal), np.where(np.arange(24) < 3, np.nan, answer))
    assert np.isfinite(some.mean).all()
    np.testing.assert_array_equal(some.mean, rest.mean)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior_deviation": 0.0}, "prior_deviation"),
        ({"noise": float("nan")}, "noise"),
        ({"prior": {("on", "on"): -0.1}}, "no value"),
        ({"prior": {**PRIOR, ("mid", "on"): 0.3}}, "two values"),
        ({"prior": {**PRIOR, ("night", "on"): 0.3}}, "night and on"),
    ],
)
def test_bad_beliefs_are_refused(changes, message):
    options = {"prior": PRIOR, "prior_deviation": 0.05, "noise": 0.1, **changes}
    with pytest.raises(InputError, match=message):
        ElasticityBelief(HOURS, options.pop("prior"), **options)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prior_deviation": 0.0}, "prior_deviation: got 0.0, expected a positive number"),
        ({"prior_deviation": np.inf}, "prior_deviation: got inf, expected a positive number"),
        ({"noise": -1.0}, "noise: got -1.0, expected a positive number"),
        ({"prior": {("off", "off"): -0.1}}, "prior off, mid: got 'no value', expected one elasticity"),
        (
            {"prior": {**PRIOR, ("off", "mid"): 0.3}},
            "prior off, mid: got 'two values [0.005, 0.3]', expected one elasticity",
        ),
        (
            {"prior": {**PRIOR, ("night", "on"): 0.3}},
            "prior: got 'night and on', expected pairs of the periods off, mid, on",
        ),
        (
            {"prior": PRIOR, "symmetric": False},
            "prior off, mid: got 'no value', expected one elasticity",
        ),
    ],
)
def test_what_is_said_of_a_bad_belief(changes, said):
    options = {"prior": PRIOR, "prior_deviation": 0.05, "noise": 0.1, **changes}
    with pytest.raises(InputError) as error:
        ElasticityBelief(HOURS, options.pop("prior"), source="mine", **options)
    assert str(error.value) == f"mine: {said}"


def test_both_orders_of_a_pair_may_be_stated_alike():
    twice = ElasticityBelief(HOURS, {**PRIOR, ("off", "mid"): PRIOR["mid", "off"]}, prior_deviation=0.05, noise=0.1)
    assert twice.mean.tolist() == belief().mean.tolist()
    assert twice.pairs == (("off", "off"), ("off", "mid"), ("off", "on"), ("mid", "mid"), ("mid", "on"), ("on", "on"))
