"""A lot in real time: it keeps to its position, delivers what is called, and lets every vehicle leave as agreed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.lot_bids import LotZone, commit_lot
from equilibrium.markets.two_settlement.lot_delivery import LotDelivery
from tests.equilibrium.two_settlement_days import lot, prices, small_numbers

QUARTERS = np.full(12, 0.25)
HOUR = np.repeat(np.arange(3), 4)


def delivery(own: LotZone, position: list[float] | FloatArray, solver: str = "auto") -> LotDelivery:
    """A lot on three hours of quarters."""
    return LotDelivery(own, np.ones(3), QUARTERS, HOUR, np.array(position, dtype=float), solver)


def test_the_vehicles_that_were_expected_keep_to_the_bid() -> None:
    own = lot([(0, 3, 2.0, 6.0), (1, 3, 8.0, 7.0)], efficiency=0.9)
    bid = commit_lot(own, prices([0.1, 0.5, 0.2]), np.ones(3)).bid
    assert delivery(own, bid.power_kw).net_kw(0) == pytest.approx(bid.power_kw[HOUR], abs=1e-9)


def test_a_vehicle_that_does_not_come_is_missing_from_the_position() -> None:
    found = delivery(lot([(0, 3, 2.0, 6.0)]), [-4.0, -4.0, 0.0])
    assert found.net_kw(0)[[0, 4, 8]].sum() == pytest.approx(-4.0)
    assert delivery(lot([]), [-4.0, 0.0, 0.0]).net_kw(4).tolist() == [0.0] * 8


def test_a_battery_wastes_nothing_to_keep_to_a_position() -> None:
    """It is full and must stay so: the 3 kW that were bought cannot be taken."""
    assert delivery(lot([(0, 3, 10.0, 10.0)], efficiency=0.8), [-3.0, 0.0, 0.0]).net_kw(0) == pytest.approx(
        np.zeros(12)
    )


def test_a_call_is_given_and_put_back_before_the_vehicle_leaves() -> None:
    """6 kWh at 4 kW: 1 kW for a quarter in hour 0 is charged again in hour 1 or 2."""
    found = delivery(lot([(0, 3, 6.0, 6.0)]), [0.0, 0.0, 0.0])
    assert found.ready_kw(0) == pytest.approx(4.0)
    for now in range(4):
        found.happened(now, 1.0 if now == 0 else 0.0, 1.0)
    assert found.net_kw(4).sum() == pytest.approx(-1.0)  # 0.25 kWh in quarters
    assert found.missing_kwh == pytest.approx(0.0, abs=1e-9)


def test_what_is_called_within_the_hour_is_no_longer_ready() -> None:
    """1 kWh in the battery: after 2 kW for a quarter half of it is left, 2 kW for the next quarter."""
    found = delivery(lot([(0, 3, 1.0, 1.0)]), [0.0, 0.0, 0.0])
    assert found.ready_kw(0) == pytest.approx(4.0)
    found.happened(0, 2.0, 1.0)
    assert found.ready_kw(1) == pytest.approx(2.0)


def test_the_last_hour_has_no_way_back() -> None:
    assert delivery(lot([(0, 3, 6.0, 6.0)]), [0.0, 0.0, 0.0]).ready_kw(8) == pytest.approx(0.0)


def test_without_supply_it_charges_later_or_leaves_with_less() -> None:
    early = delivery(lot([(0, 3, 2.0, 6.0)]), [-4.0, 0.0, 0.0])
    for now in range(4):
        early.happened(now, 0.0, 0.5 if now < 2 else 1.0)
    assert early.net_kw(4).sum() * 0.25 == pytest.approx(-1.0)
    assert early.missing_kwh == pytest.approx(0.0, abs=1e-9)
    late = delivery(lot([(0, 1, 2.0, 6.0)]), [-4.0, 0.0, 0.0])
    for now in range(4):
        late.happened(now, 0.0, 0.0)
    assert late.missing_kwh == pytest.approx(4.0)


@settings(max_examples=10, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(
    position=small_numbers(3, -8.0, 8.0),
    calls=st.lists(st.integers(0, 4), min_size=12, max_size=12),
    energy=st.tuples(st.integers(0, 10), st.integers(0, 10)),
)
def test_whatever_is_called_every_vehicle_leaves_as_agreed(
    position: FloatArray, calls: list[int], energy: tuple[int, int]
) -> None:
    rows = [(0, 3, float(energy[0]), 5.0), (1, 3, float(energy[1]), 6.0)]
    wish = [float(np.clip(w, e - 6.0, e + 6.0)) for w, e in zip((5.0, 6.0), energy, strict=True)]
    own = lot([(*row[:3], w) for row, w in zip(rows, wish, strict=True)], efficiency=0.9)
    one, other = delivery(own, position, "highs"), delivery(own, position, "gurobi")
    assert np.abs(one.net_kw(0) - position[HOUR]).sum() == pytest.approx(
        np.abs(other.net_kw(0) - position[HOUR]).sum(), abs=1e-6
    )
    given_kwh = 0.0
    for now, share in enumerate(calls):
        ready = one.ready_kw(now)
        assert ready >= 0.0
        given_kwh += 0.25 * (one.net_kw(now)[0] + ready * share / 4.0)
        one.happened(now, ready * share / 4.0, 1.0)
    assert one.missing_kwh == pytest.approx(0.0, abs=1e-6)
    need = sum(wish) - sum(energy)  # no battery gives more than it held: the grid side is never better than that
    assert -given_kwh >= min(need, need / 0.9) - 1e-6


def test_a_wish_that_no_charging_meets_is_refused() -> None:
    with pytest.raises(InputError, match="vehicle v0, wish_kwh"):
        delivery(lot([(0, 1, 0.0, 9.0)]), [0.0, 0.0, 0.0])
