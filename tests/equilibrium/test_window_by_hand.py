"""What a window of real time is bound to, and what a period costs, number by number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.two_settlement.window_data import Accounts, Now

UNITS = (
    SimpleNamespace(bus=2, most_kw=10.0, least_kw=3.0, ramp_kw_per_h=4.0, before_kw=2.0, cost_per_kwh=0.5),
    SimpleNamespace(bus=0, most_kw=20.0, least_kw=5.0, ramp_kw_per_h=6.0, before_kw=9.0, cost_per_kwh=0.25),
)
STORE = SimpleNamespace(bus=1, initial_kwh=4.0, charge_max_kw=7.0, discharge_max_kw=8.0)
SYSTEM: Any = SimpleNamespace(
    generators=UNITS,
    renewables=(SimpleNamespace(bus=2),),
    storages=(STORE,),
    grid=SimpleNamespace(size=3),
    lost_load_value=np.array([2.0, 3.0, 5.0]),
)
BIDS: Any = (
    SimpleNamespace(bus=1, reactive_share=0.5, sold_price=np.array([0.1, 0.2, 0.3])),
    SimpleNamespace(bus=2, reactive_share=0.25, sold_price=np.array([0.4, 0.5, 0.6])),
)
PLAN: Any = SimpleNamespace(
    on=np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]),
    generator_kw=np.array([[5.0, 12.0], [9.0, 0.0], [0.0, 18.0]]),
    trade_kw=np.array([10.0, 20.0, 30.0]),
    trade_kvar=np.array([1.0, 2.0, 3.0]),
    spinning_kw=np.array([4.0, 8.0, 2.0]),
    storage_kwh=np.array([[6.0], [10.0], [5.0]]),
    storage_kw=np.array([[-2.0], [-4.0], [5.0]]),
    accepted_spinning_kw=np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    accepted_regulating_kw=np.array([[0.5, 0.25], [1.5, 1.25], [2.5, 2.25]]),
)


def day(failed: bool = False) -> Any:
    """Two half hours, an hour and another one: of three periods of the day before."""
    penalties = SimpleNamespace(
        energy=np.array([0.01, 0.02, 0.03]), reactive=np.array([0.001, 0.002, 0.003]),
        output=np.array([0.3, 0.4, 0.5]), spinning=np.array([0.6, 0.7, 0.8]),
    )  # fmt: skip
    outage = SimpleNamespace(branches=(1,) if failed else (), buses=())
    return SimpleNamespace(
        length_h=np.array([0.5, 0.5, 1.0, 1.0]), hour=np.array([0, 0, 1, 2]), periods=4, penalties=penalties,
        called_share=np.array([0.5, 0.25, 0.75, 1.0]), failed=lambda _: outage,
        reserve_need_kw=np.array([100.0, 200.0, 300.0]),
    )  # fmt: skip


def accounts(*, failed: bool = False) -> Accounts:
    return Accounts(SYSTEM, day(failed), PLAN, BIDS)


def now(period: int, at: list[int], **changes: Any) -> Now:
    """A window that begins in a period."""
    many = len(at)
    prices = SimpleNamespace(
        buy=np.linspace(0.2, 0.4, many), sell=np.linspace(0.1, 0.2, many), reactive=np.linspace(0.01, 0.03, many)
    )
    load = np.arange(3.0 * many).reshape(many, 3) + 50.0
    values: dict[str, Any] = {
        "past_end": np.zeros(many, dtype=bool),
        "weather": SimpleNamespace(
            prices=prices, available_kw=np.full((many, 1), 6.0), load_kw=load, load_kvar=0.1 * load
        ),
        "net_kw": np.tile([2.0, -3.0], (many, 1)),
        "ready_kw": np.array([9.0, 0.75]),
        "output_kw": np.array([2.5, 9.0]),
        "energy_kwh": np.array([4.5]),
        "on_grid": np.ones(3, dtype=bool),
        "order": np.array([0, 2, 1]),
    }
    return Now(period=period, at=np.array(at), **{**values, **changes})


def test_units_follow_the_plan_or_their_ramps() -> None:
    """Steps of the plan are 3 and 3, none, and 4 and -12; ramps allow 2 and 3 in half an hour, and twice that."""
    found = accounts()._units(now(0, [0, 1, 2]))
    assert found["ramp most"].tolist() == [[3.0, 3.0], [2.0, 3.0], [4.0, 6.0]]
    assert found["ramp least"].tolist() == [[-2.0, -3.0], [-2.0, -3.0], [-4.0, -12.0]]
    assert found["output least"].tolist() == [[3.0, 5.0], [3.0, 5.0], [3.0, 0.0]]
    assert found["output most"].tolist() == [[10.0, 20.0], [10.0, 20.0], [10.0, 0.0]]
    assert found["output planned"].tolist() == [[5.0, 12.0], [5.0, 12.0], [9.0, 0.0]]
    assert found["output penalty"].tolist() == [0.3, 0.3, 0.4]
    assert found["output before"].tolist() == [2.5, 9.0]
    assert found["renewable most"].tolist() == [[6.0]] * 3


def test_a_stop_that_is_due_and_a_way_back_are_free_and_so_is_all_past_the_end() -> None:
    """The plan fell from 9 to 0 and rose from 0 to 18; the first unit gave 1 where 9 were planned."""
    late = now(3, [3, 3], past_end=np.array([False, True]), output_kw=np.array([1.0, 4.0]))
    found = accounts()._units(late)
    assert found["ramp most"].tolist() == [[10.0, 18.0], [10.0, 20.0]]
    assert found["ramp least"].tolist() == [[-10.0, -6.0], [-10.0, -20.0]]
    stayed = accounts()._units(now(3, [3, 3], output_kw=np.array([3.0, 5.0])))
    assert stayed["ramp most"].tolist() == [[4.0, 18.0], [4.0, 6.0]]
    assert stayed["ramp least"].tolist() == [[-10.0, -6.0], [-4.0, -6.0]]
    slow = accounts()._units(now(2, [2, 3]))
    assert slow["ramp most"].tolist() == [[10.0, 6.0], [4.0, 18.0]]  # 2.5 is less than its least: on its way back
    assert slow["ramp least"].tolist() == [[-4.0, -20.0], [-9.0, -6.0]]  # a stop to come takes the plan's own step


def test_a_unit_without_supply_stands_still_and_nothing_is_asked_of_it() -> None:
    dark = np.array([False, True, True])
    found = accounts()._units(now(0, [0, 1], on_grid=dark))
    assert found["output most"].tolist() == [[10.0, 0.0]] * 2
    assert found["output planned"].tolist() == [[5.0, 0.0]] * 2
    assert found["ramp most"].tolist() == [[3.0, 20.0], [2.0, 20.0]]
    assert found["ramp least"].tolist() == [[-2.0, -20.0], [-2.0, -20.0]]


def test_planned_energy_goes_straight_within_a_period_of_the_day_before() -> None:
    assert accounts().planned_kwh.tolist() == [[5.0], [6.0], [10.0], [5.0]]


def test_what_can_be_called() -> None:
    """A call lasts as long as its period of the day before; in an outage all of it can be."""
    assert accounts().called_share(now(1, [1, 2, 3])).tolist() == [0.25, 0.0, 0.0]
    assert accounts().called_share(now(0, [0, 1, 2])).tolist() == [0.5, 0.5, 0.0]
    assert accounts().callable_kw(now(0, [0, 1, 2])).tolist() == [[1.0, 0.75], [1.0, 1.25], [1.5, 1.25]]
    assert accounts(failed=True).callable_kw(now(0, [0, 2])).tolist() == [[1.5, 0.75], [4.5, 5.25]]
    assert accounts().accepted_reserve(3).tolist() == [7.5, 8.25]


def test_ports_of_bids_and_loads() -> None:
    """The buses come in another order; the second bid's bus has no supply."""
    found = accounts().ports(now(0, [0, 1, 2], on_grid=np.array([True, True, False])))
    assert found["not given most"].tolist() == [[2.0, 0.0]] * 3
    assert found["not taken most"].tolist() == [[0.0, 0.0]] * 3
    assert found["called price"].tolist() == [[0.1, 0.4], [0.1, 0.4], [0.2, 0.5]]
    assert found["called most"].tolist() == [[1.0, 0.0], [1.0, 0.0], [1.5, 0.0]]
    load = np.array([[50.0, 52.0, 51.0], [53.0, 55.0, 54.0], [56.0, 58.0, 57.0]])
    assert found["shed most"].tolist() == load.tolist()
    assert found["balance load"] == pytest.approx(load - [0.0, 0.0, 2.0])
    assert found["balance_q load"] == pytest.approx(0.1 * load - [0.0, 0.0, 1.0])
    # Sold are 4 less a half that is called, and 8; needed 100, 100 and 200; units and bids hold 21.5, 21.5 and 4.5.
    steady = np.array([20.0 + 1.5, 20.0 + 1.5, 0.0 + 4.5])
    assert found["reserve missing"] == pytest.approx(np.array([102.0, 102.0, 208.0]) - steady)
    other = accounts().ports(now(0, [0]))
    assert other["not taken most"].tolist() == [[0.0, 3.0]]


def test_ports_of_trade_and_storage() -> None:
    found = accounts()._trade(now(0, [0, 1, 2], past_end=np.array([False, False, True])))
    assert found["more price"] == pytest.approx([0.21, 0.31, 0.42])
    assert found["less price"] == pytest.approx([-0.09, -0.14, -0.18])
    assert found["more kvar price"] == pytest.approx([0.011, 0.021, 0.032])
    assert found["less kvar price"] == pytest.approx([-0.009, -0.019, -0.028])
    assert found["position"].tolist() == [8.0, 8.0, 20.0]
    assert found["position kvar"].tolist() == [1.0, 1.0, 2.0]
    assert found["short price"].tolist() == [0.6, 0.6, 0.7]
    assert (found["energy before"].tolist(), found["energy planned"].tolist()) == ([4.5], [10.0])
    assert found["energy value"] == pytest.approx([0.8 + 0.02])
    assert found["charge most"].tolist() == [[7.0], [7.0], [0.0]]
    assert found["discharge most"].tolist() == [[8.0], [8.0], [0.0]]
    assert found["ready most"].tolist() == [[8.0]] * 3
    dark = accounts()._trade(now(0, [0], on_grid=np.array([True, False, True])))
    assert [dark[name].tolist() for name in ("charge most", "discharge most", "ready most")] == [[[0.0]]] * 3


def test_where_columns_would_rather_stand() -> None:
    found = accounts().wishes(now(0, [0, 2, 3]))
    assert found["charge"].tolist() == [[2.0], [4.0], [0.0]]
    assert found["discharge"].tolist() == [[0.0], [0.0], [5.0]]
    assert found["energy"].tolist() == [[5.0], [10.0], [5.0]]
    assert found["output"].tolist() == [[5.0, 12.0], [9.0, 0.0], [0.0, 18.0]]
    assert found["renewable"].tolist() == [[6.0]] * 3


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, 0.0),
        ({"trade_kw": 11.0}, 3.0 * (0.2 + 0.01)),  # 10 less a half of 4 were due
        ({"trade_kw": 5.0}, -3.0 * 0.1 + 3.0 * 0.01),
        ({"trade_kvar": 3.0}, 2.0 * (0.01 + 0.001)),
        ({"trade_kvar": -1.0}, 2.0 * (-0.01 + 0.001)),
        ({"generator_kw": np.array([6.0, 10.0])}, 0.5 - 2.0 * 0.25 + 3.0 * 0.3),
        ({"generator_kw": np.array([2.0, 12.0]), "tripped_kw": np.array([3.0, 0.0])}, 3.0 * 5.0),
        ({"called_kw": np.array([1.0, 0.5])}, 0.1 + 0.2),
        ({"spinning_short_kw": 2.0}, 2.0 * 0.6),
        ({"shed_kw": np.array([1.0, 2.0, 3.0])}, 2.0 + 6.0 + 15.0),
        ({"held_kw": np.array([-1.0, 2.0])}, 3.0 + 10.0),
    ],
)
def test_what_a_period_costs_beyond_its_positions(changes: dict[str, Any], more: float) -> None:
    """In a half hour."""
    values: dict[str, Any] = {
        "trade_kw": 8.0, "trade_kvar": 1.0, "generator_kw": np.array([5.0, 12.0]), "tripped_kw": np.zeros(2),
        "called_kw": np.zeros(2), "spinning_short_kw": 0.0, "shed_kw": np.zeros(3), "held_kw": np.zeros(2),
    }  # fmt: skip
    done: Any = SimpleNamespace(**{**values, **changes})
    assert accounts().cost(done, now(0, [0, 1, 2])) == pytest.approx(0.5 * more)


def test_a_unit_without_supply_misses_nothing() -> None:
    done: Any = SimpleNamespace(
        trade_kw=8.0, trade_kvar=1.0, generator_kw=np.array([5.0, 0.0]), tripped_kw=np.zeros(2), called_kw=np.zeros(2),
        spinning_short_kw=0.0, shed_kw=np.zeros(3), held_kw=np.zeros(2),
    )  # fmt: skip
    dark = now(0, [0, 1], on_grid=np.array([False, True, True]))
    assert accounts().cost(done, dark) == pytest.approx(0.5 * -12.0 * 0.25)
