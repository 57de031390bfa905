"""Cuts that join both halves of the aggregator's problem: by hand, at the followers' answers, and in whole searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.markets.aggregator import search
from equilibrium.markets.aggregator.cuts import joined
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.worths import Worths
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal
from tests.equilibrium.aggregator_days import (
    answered,
    card_day,
    drawn_prices,
    lot_halves,
    pair_of,
    random_day,
)

ROUNDING = 1e-6


def test_how_much_energy_can_be_worth_above_its_tariff_by_hand() -> None:
    # Charging for V2G at the cap of 10 with wear of 0.5 and an efficiency of 0.9 makes energy worth 35/3 at most, more
    # only where the charger's limit has a price too. For flex2 it is bought at 10.5: at most 7/6 above that.
    # The prices' half alone would like it to be worth as much as that all day.
    day = card_day()
    halves = lot_halves(day)
    worths = Worths(halves)
    bought = pair_of(halves, day, "bought_kwh", 15, upper=False)
    full = pair_of(halves, day, "charge_v2g_kw", 15, upper=True)
    size = np.abs(require_optimal(solve_linear(halves.prices), "prices").x[halves.multiplier])
    assert size[bought] == pytest.approx(7.0 / 6.0)
    (told,) = (each for each in worths.told if each.pair == bought)
    assert told.number == pytest.approx(-10.5)
    whole = worths.shortest(size, 0.6).closed(told)
    assert whole is not None
    assert whole.number == pytest.approx(7.0 / 6.0)
    assert whole.pulls[full] == pytest.approx(1.0 / 0.9)
    assert bought not in whole.pulls


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), uniform=st.booleans())
def test_every_answer_keeps_every_bound_and_cut(seed: int, uniform: bool) -> None:
    draw = np.random.default_rng(seed)
    day = random_day(seed, pricing="uniform" if uniform else "pay-as-bid")
    halves = lot_halves(day)
    worths, both = Worths(halves), joined(halves)
    for _ in range(3):
        x, y = answered(day, halves, drawn_prices(day, halves, draw))
        size = np.abs(y[halves.multiplier])
        ways = worths.shortest(size, float(draw.uniform()))
        for told in worths.told:
            whole = ways.closed(told)
            if whole is not None:
                pulled = sum(weight * size[pair] for pair, weight in whole.pulls.items())
                assert size[told.pair] <= whole.number + pulled + ROUNDING
        if both is not None:
            assert (both.matrix @ np.concatenate([x, y]) <= both.row_upper + ROUNDING).all()


@pytest.mark.parametrize("case", [{}, {"pricing": "uniform"}])
def test_cuts_lower_the_bound_of_the_two_halves_and_keep_what_prices_earn(case: dict[str, Any]) -> None:
    day = card_day(**case)
    halves = lot_halves(day)
    both = joined(halves)
    assert both is not None
    apart = sum(
        require_optimal(solve_linear(half), "half").x @ half.cost for half in (halves.quantities, halves.prices)
    )
    together = float(both.cost @ require_optimal(solve_linear(both), "both").x)
    assert together > apart + 1.0
    draw = np.random.default_rng(1)
    for _ in range(3):
        x, y = answered(day, halves, drawn_prices(day, halves, draw))
        assert both.cost @ np.concatenate([x, y]) >= together - ROUNDING


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("more", [{}, {"pricing": "uniform"}])
def test_the_search_ends_the_same_without_cuts(
    seed: int, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    day = random_day(200 + seed, **more)
    found = AggregatorMarket().clear(day)
    monkeypatch.setattr(search, "joined", lambda _: None)
    plain = AggregatorMarket().clear(day)
    assert found.profit == pytest.approx(plain.profit, rel=1e-9, abs=1e-7)
    assert found.bound == pytest.approx(plain.bound, rel=1e-9, abs=1e-7)
