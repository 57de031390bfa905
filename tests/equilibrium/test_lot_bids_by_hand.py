"""Parts of the own problems of lots and customers by hand: what excludes each other, netting, standby, as printed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.fleet.day import VehicleSchedule
from equilibrium.grid.assets import LotSite
from equilibrium.markets.two_settlement import lot_bids
from equilibrium.markets.two_settlement.demand_bids import Customers, deliver_demand, printed_bid, printed_program
from equilibrium.markets.two_settlement.lot_bids import lot_standby, one_way, stays_of
from equilibrium.programs.program import FEASIBILITY, INF, ProgramBuilder
from tests.equilibrium.two_settlement_days import lot, prices, vehicles, zone

SITE = LotSite("lot", 2, efficiency=0.8, discharge_efficiency=0.5)
ROWS = [(0, 2, 5.0, 5.0), (1, 3, 4.0, 4.0)]
"""Two vehicles of three periods that are there together in the second one."""


def place(**changes: Any) -> Any:
    """A lot with two of the first vehicle and three of the second, with limits of their own."""
    own: dict[str, Any] = {
        "charge_max_kw": np.array([3.0, 5.0]),
        "discharge_max_kw": np.array([7.0, 11.0]),
        "energy_min_kwh": np.array([1.0, 2.0]),
        "count": np.array([2.0, 3.0]),
    }
    return lot(ROWS, site=SITE, vehicles=vehicles(ROWS, **{**own, **changes}))


def test_the_same_energies_one_way_at_a_time() -> None:
    """A kWh given takes 2.5 kWh of charging: 2 of 5 kW charged make up for 0.8 given; or 0.2 for half a kW."""
    charge, discharge = one_way(place(), np.array([5.0, 0.5, 3.0, 0.0]), np.array([0.8, 1.0, 0.0, 2.0]))
    assert charge.tolist() == pytest.approx([3.0, 0.0, 3.0, 0.0])
    assert discharge.tolist() == pytest.approx([0.0, 0.8, 0.0, 2.0])


def netted(own: list[float]) -> dict[str, list[float]]:
    """What a lot does when its stays, each of charging, giving and energy, are netted."""
    where, build = place(), ProgramBuilder()
    stays = stays_of(where, np.ones(3)).vehicles
    build.columns("stays", (12,))
    for name in ("worn", "give", "take"):
        build.columns(name, (3,))
    program = build.compile()
    x = np.concatenate([own, np.full(9, 99.0)])
    found = lot_bids._netted(where, stays, program, x)
    return {name: program.value(found, name).tolist() for name in ("stays", "worn", "give", "take")}


def test_what_goes_in_and_out_of_a_vehicle_at_once_is_taken_away() -> None:
    """Two of the first vehicle, three of the second; of the period in which both are there the sum counts."""
    found = netted([5.0, 0.8, 9.0, 0.0, 1.0, 8.0, 0.5, 1.0, 7.0, 2.0, 0.0, 6.0])
    assert found["stays"] == pytest.approx([3.0, 0.0, 9.0, 0.0, 1.0, 8.0, 0.0, 0.8, 7.0, 2.0, 0.0, 6.0])
    assert found["worn"] == pytest.approx([0.0, 2.0 * 1.0 + 3.0 * 0.8, 0.0])
    assert found["give"] == pytest.approx([0.0, 4.4, 0.0])
    assert found["take"] == pytest.approx([6.0, 0.0, 6.0])


def test_next_to_nothing_at_once_is_left() -> None:
    own = [5.0, 0.9 * FEASIBILITY, 9.0, *[0.0] * 9]
    assert netted(own)["stays"] == own
    assert netted(own)["give"] == [99.0] * 3
    assert netted([5.0, 1.1 * FEASIBILITY, 9.0, *[0.0] * 9])["give"] == [0.0] * 3


def test_what_a_lot_could_give_in_an_outage_on_top_of_its_bid() -> None:
    """At the end of a period of half an hour or two, with the energy of its beginning above the least."""
    plan = VehicleSchedule(
        charge_kw=np.array([[3.0, 0.0, 0.0], [0.0, 0.5, 0.0]]),
        discharge_kw=np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]),
        energy_kwh=np.array([[6.2, 2.2, np.nan], [np.nan, 4.8, 2.8]]),
        wish_kwh=np.array([2.2, 2.8]),
    )
    made: Any = SimpleNamespace(schedule=plan, bid=SimpleNamespace(power_kw=np.array([-6.0, 0.5, 6.0])))
    length = np.array([0.5, 2.0, 0.5])
    # Before: 5 kWh; 6.2 and 4; 4.8. Above 1 and 2: 4, 5.2 and 2, 2.8 kWh, of which a half comes out.
    first = min(7.0, 4.0 * 0.5 / 0.5)
    second = 2.0 * min(7.0, 5.2 * 0.5 / 2.0) + 3.0 * min(11.0, 2.0 * 0.5 / 2.0)
    third = 3.0 * min(11.0, 2.8 * 0.5 / 0.5)
    assert lot_standby(place(), made, length) == pytest.approx([2.0 * first + 6.0, second - 0.5, third - 6.0])
    weak = place(discharge_max_kw=np.array([1.0, 0.25]))
    assert lot_standby(weak, made, length) == pytest.approx([2.0 + 6.0, 2.0 + 0.75 - 0.5, 0.75 - 6.0])
    low = place(energy_min_kwh=np.array([9.0, 9.0]))  # nothing is above the least
    assert lot_standby(low, made, length) == pytest.approx([6.0, -0.5, -6.0])


def test_ways_exclude_each_other_where_prices_would_pay_for_both() -> None:
    """In period 0 selling pays more than buying costs, in period 1 a price is negative; the lot has both vehicles."""
    where, build = place(), ProgramBuilder()
    stays = stays_of(where, np.ones(3))
    columns = [build.columns(name, (4,)) for name in ("charge", "discharge")]
    columns += [build.columns(name, (3,)) for name in ("give", "take")]
    asked = prices([0.3, -0.2, 0.2], [0.1, 0.1, 0.3])
    assert (asked.arbitrage.tolist(), asked.negative.tolist()) == ([True, False, False], [False, True, False])
    whole = lot_bids._state_ways(build, stays, asked, tuple(columns))  # type: ignore[arg-type]
    program = build.compile()
    assert whole.tolist() == [14, 15, 16]
    dense = program.bind({}).matrix.toarray()
    # The lot gives at most 2 x 7 and takes 2 x 3; vehicles by their own limits, in stays 1 and 2.
    wanted = {
        "lot gives": ({8: 1.0, 14: -14.0}, 0.0),
        "lot takes": ({11: 1.0, 14: 6.0}, 6.0),
    }
    for name, (entries, upper) in wanted.items():
        (row,) = program.rows[name].index
        assert {int(k): float(dense[row, k]) for k in np.flatnonzero(dense[row])} == entries
        assert program.row_upper[row] == upper
    for name, offset, sign, limits in (("vehicle gives", 4, -1.0, (7.0, 11.0)), ("vehicle takes", 0, 1.0, (3.0, 5.0))):
        for number, row in enumerate(program.rows[name].index.tolist()):
            entries = {int(k): float(dense[row, k]) for k in np.flatnonzero(dense[row])}
            assert entries == {offset + 1 + number: 1.0, 15 + number: sign * limits[number]}
            assert program.row_upper[row] == (0.0 if sign < 0.0 else limits[number])
    assert program.col_upper[14:].tolist() == [1.0] * 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"wear_per_kwh": -1e-9}, "wear_per_kwh: got -1e-09, expected a number from 0"),
        ({"spinning_max_kw": np.nan}, "spinning_max_kw: got nan, expected a number from 0"),
        ({"regulating_max_kw": -2.0}, "regulating_max_kw: got -2.0, expected a number from 0"),
        (
            {"vehicles": vehicles([(0, 2, 5.0, 5.0), (1, 4, 4.0, 4.0)])},
            "vehicle v1, departure: got 4, expected a stay within the 3 periods",
        ),
        (
            {"vehicles": vehicles([(0, 2, 5.0, 5.0), (2, 2, 4.0, 4.0)])},
            "vehicle v1, departure: got 2, expected a stay within the 3 periods",
        ),
        (
            {"vehicles": vehicles([(2, 2, 5.0, 5.0), (1, 4, 4.0, 4.0)])},
            "vehicle v0, departure: got 2, expected a stay within the 3 periods",
        ),
    ],
)
def test_a_lot_whose_numbers_do_not_fit_together_is_refused(changes: dict[str, Any], told: str) -> None:
    where = place()
    where.check(np.ones(3))
    replace(where, wear_per_kwh=0.0, spinning_max_kw=0.0, regulating_max_kw=INF).check(np.ones(3))
    with pytest.raises(InputError) as caught:
        replace(where, **changes).check(np.ones(3))
    assert str(caught.value) == f"aggregator lot: {told}"


# Customers


LENGTH = np.array([0.5, 1.0, 2.0, 1.0])
ASKED = prices([0.5, 0.3, 0.2, 0.4], spinning=[0.3, 0.3, 0.3, 0.1])
PAID = Customers(
    np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.1, 0.1, 0.1, 0.2]), np.full(4, 0.2), np.array([0.1, 0.2, 0.3, 0.4])
)
"""Margins: of energy 0.4, 0.1, -0.1 and 0; of reserve 0.2, 0.2, 0.2 and -0.1; of reactive power -0.1, 0, 0.1, 0.2."""


def customers() -> Any:
    return zone([4.0, 6.0, 8.0, 2.0], reactive_share=0.5, movable=0.25)


def test_the_printed_program_row_by_row() -> None:
    """A quarter of the demand is capacity; reactive power comes with half of that."""
    instance = printed_program(customers(), ASKED, PAID, LENGTH)
    assert instance.matrix.toarray().tolist() == np.hstack([np.eye(4), np.eye(4), np.zeros((4, 4))]).tolist()
    assert instance.row_upper.tolist() == [1.0, 1.5, 2.0, 0.5]
    assert instance.row_lower.tolist() == [-INF] * 4
    energy, spinning, reactive = [-0.2, -0.1, 0.2, 0.0], [-0.1, -0.2, -0.4, 0.1], [0.05, 0.0, -0.2, -0.2]
    assert instance.cost == pytest.approx([*energy, *spinning, *reactive])
    assert instance.col_upper.tolist() == [INF] * 8 + [0.5, 0.75, 1.0, 0.25]
    assert instance.col_lower.tolist() == [0.0] * 12


def test_everything_goes_to_the_product_with_the_largest_margin() -> None:
    found = printed_bid(customers(), ASKED, PAID, LENGTH)
    assert found.bid.power_kw.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found.bid.spinning_kw.tolist() == [0.0, 1.5, 2.0, 0.0]
    assert found.profit == pytest.approx(0.2 * 1.0 + 0.2 * 1.5 + 0.4 * 2.0 + 0.2 * 1.0 + 0.2 * 0.25)
    assert found.bound == pytest.approx(found.profit)
    assert found.residuals is not None
    assert found.residuals.worst <= 1e-12


def test_energy_comes_before_reserve_where_both_earn_the_same() -> None:
    same = prices([0.5, 0.25, 0.5, 0.5], spinning=[0.5, 0.25, 0.5, 0.5])
    even = Customers(np.array([0.25, 0.25, 0.25, 0.25]), np.full(4, 0.25), np.full(4, 0.25), np.full(4, 0.25))
    found = printed_bid(customers(), same, even, LENGTH)
    assert found.bid.power_kw.tolist() == [1.0, 0.0, 2.0, 0.5]
    assert found.bid.spinning_kw.tolist() == [0.0] * 4


def test_a_delivery_is_as_near_to_the_position_as_it_gets() -> None:
    """Customers of 4 kW may cut a half and pay back; their generator makes 1 kW: they give no more than they owe."""
    own = zone([4.0, 4.0], generator_kw=np.array([1.0, 0.0]))
    power, ready = deliver_demand(own, np.array([-2.0, -5.0]), np.ones(2))
    assert power == pytest.approx([-2.0, -5.0])
    assert ready == pytest.approx([1.0, 2.0], abs=1e-6)
    power, ready = deliver_demand(own, np.array([0.0, -9.0]), np.ones(2))
    assert power == pytest.approx([-1.0, -6.0])
    assert ready == pytest.approx([0.0, 2.0], abs=1e-6)
    power, _ = deliver_demand(own, np.array([-9.0, 0.0]), np.array([1.0, 0.5]))
    assert power == pytest.approx([-5.0, -2.0])
