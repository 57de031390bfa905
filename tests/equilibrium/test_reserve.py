"""Reserve as a product: hand-computed pay, its inverse, and what a store can keep ready."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from equilibrium.errors import InputError
from equilibrium.reserve import Reserve, most_reserve_kw

share = st.floats(0.0, 1.0)
price = st.floats(0.0, 100.0)


def test_pay_of_a_kilowatt_that_stands_ready() -> None:
    # Called in 1 of 4 hours, one call in five fails: 0.2 kWh an hour are delivered. 3 for the capacity, 10 per kWh.
    terms = Reserve(0.25, 0.2)
    assert terms.delivered == pytest.approx(0.2)
    assert terms.income(3.0, 10.0) == pytest.approx(5.0)
    assert terms.called_cost(8.0) == pytest.approx(2.0)  # also for the call that fails
    kw, length = np.array([[4.0, 6.0], [0.0, 1.0]]), np.array([1.0, 0.5])
    assert_allclose(terms.capacity_pay(kw, np.array([3.0, 2.0]), length), [18.0, 1.0])
    assert_allclose(terms.called_pay(kw, np.array([10.0, 20.0]), length), [8.0 + 12.0, 2.0])


@given(call=share, failure=share, capacity=price, energy=price)
def test_the_price_of_capacity_is_the_inverse_of_the_income(
    call: float, failure: float, capacity: float, energy: float
) -> None:
    terms = Reserve(call, failure)
    income = terms.income(capacity, energy)
    assert capacity <= income + 1e-12
    assert income <= capacity + energy + 1e-9
    assert terms.capacity_price(income, energy) == pytest.approx(capacity, abs=1e-9)


def test_a_store_keeps_ready_what_power_and_stock_allow() -> None:
    power, stock = np.array([10.0, 10.0, 10.0]), np.array([40.0, 5.0, 0.0])
    assert_allclose(most_reserve_kw(power, stock, 0.8, 1.0), [10.0, 4.0, 0.0])
    assert_allclose(most_reserve_kw(power, stock, 0.8, 0.5), [10.0, 8.0, 0.0])
    # 3 kW are given already: they use power, and the stock where that is counted before it.
    assert_allclose(most_reserve_kw(power, stock, 0.8, 1.0, 3.0), [7.0, 1.0, 0.0])
    assert_allclose(most_reserve_kw(power, stock, 0.8, 1.0, 3.0, stock_covers_given=False), [7.0, 4.0, 0.0])
    assert_allclose(most_reserve_kw(power, stock, 0.8, 1.0, 12.0), 0.0)


@pytest.mark.parametrize(("call", "failure", "word"), [(1.1, 0.0, "call"), (0.5, -0.1, "failure_rate")])
def test_what_is_no_probability_is_refused(call: float, failure: float, word: str) -> None:
    with pytest.raises(InputError, match=word):
        Reserve(call, failure)
    with pytest.raises(InputError, match="call"):
        Reserve(np.array([0.1, np.nan]))
