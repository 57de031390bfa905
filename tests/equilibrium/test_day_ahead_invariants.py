"""Each statement about a scheduled day holds at one, and sees the number that it watches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.invariants import check, intervals_apart, relate
from equilibrium.markets.two_settlement.clearing import DayAheadClearing
from equilibrium.markets.two_settlement.invariants import INVARIANTS
from equilibrium.markets.two_settlement.market import DayAheadMarket, Options
from equilibrium.markets.two_settlement.relations import RELATIONS, other_power
from equilibrium.markets.two_settlement.system import ActiveSystem, DayAhead
from tests.equilibrium.day_ahead_days import made_day, made_system


@pytest.fixture(scope="module")
def scheduled() -> tuple[ActiveSystem, DayAhead, DayAheadClearing]:
    rng = np.random.default_rng(2)
    system, day = made_system(rng), made_day(rng)
    return system, day, DayAheadMarket(system, Options(aim="compromise", points=3)).clear(day)


def test_all_hold(scheduled: tuple[ActiveSystem, DayAhead, DayAheadClearing]) -> None:
    assert [finding.name for finding in check(INVARIANTS, *scheduled) if not finding.holds] == []
    assert len({each.name for each in INVARIANTS}) == len(INVARIANTS)


@pytest.mark.parametrize(
    ("part", "name", "seen_by"),
    [
        ("dispatch", "renewable_kw", {"balance"}),
        ("dispatch", "root_kvar", {"trade"}),
        ("dispatch", "voltage_pu", {"voltage"}),
        ("dispatch", "generator_kvar", {"output"}),
        ("dispatch", "stored_kwh", {"storage"}),
        ("dispatch", "charge_kw", {"balance", "storage"}),
        ("positions", "trade_kw", {"trade"}),
        ("positions", "accepted_regulating_kw", {"bids"}),
        ("positions", "spinning_kw", {"reserve"}),
        ("", "profit", {"accounts"}),
        ("", "objective", {"bound"}),
        ("", "interruption", {"interruption"}),
        ("", "front", {"front"}),
    ],
)
def test_what_each_sees(
    scheduled: tuple[ActiveSystem, DayAhead, DayAheadClearing], part: str, name: str, seen_by: set[str]
) -> None:
    system, day, cleared = scheduled
    holder: Any = getattr(cleared, part) if part else cleared
    value = getattr(holder, name)
    moved = value[::-1] if name == "front" else value + 500.0
    changed = replace(holder, **{name: moved})
    broken = replace(cleared, **{part: changed}) if part else changed
    found = {finding.name for finding in check(INVARIANTS, system, day, broken) if not finding.holds}
    assert found == seen_by


def test_states_that_are_left_too_early(scheduled: tuple[ActiveSystem, DayAhead, DayAheadClearing]) -> None:
    system, day, cleared = scheduled
    slow = tuple(replace(unit, min_up_h=3.0, min_down_h=3.0, on_before_h=0.25) for unit in system.generators)
    flipped = replace(cleared.positions, on=np.zeros_like(cleared.positions.on))
    broken = replace(cleared, positions=flipped)
    found = {f.name for f in check(INVARIANTS, replace(system, generators=slow), day, broken) if not f.holds}
    assert "states" in found


@pytest.mark.parametrize(
    ("seed", "aim", "gamma"), [pytest.param(3, "profit", 2.0, marks=pytest.mark.long), (11, "total", 0.0)]
)
def test_other_forms_of_a_day_come_to_the_same(seed: int, aim: str, gamma: float) -> None:
    rng = np.random.default_rng(seed)
    system, day = made_system(rng), made_day(rng)
    options = Options(aim=aim, gamma=gamma, gap=1e-6)

    def clear(other: ActiveSystem, same: DayAhead) -> DayAheadClearing:
        return DayAheadMarket(other, options).clear(same)

    found = clear(system, day)
    assert [each.name for each in relate(RELATIONS, system, day, found, clear) if not each.holds] == []
    wrong = replace(found, objective=found.objective + 5.0, bound=found.bound + 5.0)
    assert not any(each.holds for each in relate(RELATIONS, system, day, wrong, clear))
    silent = replace(wrong, aim="interruption")
    assert all(each.violation == 0.0 for each in relate(RELATIONS[:1], system, day, silent, clear))


def test_in_another_unit_of_power_all_powers_of_a_bid_are_other() -> None:
    """Also what stands behind it in outages; a bid that leaves that open stays so."""
    rng = np.random.default_rng(4)
    system, day = made_system(rng), made_day(rng)
    bid = replace(day.bids[0], standby_kw=np.arange(3.0))
    for given, standby in ((bid, [0.0, 2.0, 4.0]), (day.bids[0], None)):
        (other,) = other_power(system, replace(day, bids=(given,)))[1].bids
        assert (None if other.standby_kw is None else other.standby_kw.tolist()) == standby
        for name in ("power_kw", "spinning_kw", "regulating_kw"):
            assert np.array_equal(getattr(other, name), 2.0 * getattr(given, name))


def test_intervals_miss_each_other_by_what_lies_between_them() -> None:
    assert intervals_apart((10.0, 12.0), (11.0, 20.0)) == intervals_apart((10.0, 12.0), (0.0, 10.0)) == 0.0
    assert intervals_apart((10.0, 12.0), (13.0, 20.0)) == 0.1
    assert intervals_apart((10.0, 12.0), (0.0, 9.0)) == 0.1
    assert intervals_apart((0.5, 0.5), (0.0, 0.25)) == 0.25
