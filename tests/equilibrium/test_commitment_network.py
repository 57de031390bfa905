"""The network of a unit commitment: outages, interfaces, direct current, and units that come up and go down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.optimize as so

from equilibrium.errors import InputError
from equilibrium.programs.commitment import (
    Interface,
    Line,
    Outage,
    Reserve,
    Schedule,
    Store,
    System,
    Unit,
    commit,
    price_schedule,
)
from equilibrium.programs.commitment.network import Network, outage_shares

CHEAP = Unit("cheap", [0.0, 300.0], [0.0, 3000.0], "A")
DEAR = Unit("dear", [0.0, 300.0], [0.0, 15000.0], "C")
TRIANGLE = tuple(Line(start + end, start, end, 10.0) for start, end in ("AB", "BC", "AC"))


def triangle(load: float = 90.0, **more: Any) -> Schedule:
    """Load at C; a unit at A is cheap, one at C dear."""
    lines = more.pop("lines", TRIANGLE)
    return commit(System(1, {"A": 0.0, "B": 0.0, "C": load}, (CHEAP, DEAR), lines=lines, **more))


def test_a_line_keeps_its_emergency_limit_after_an_outage() -> None:
    """Without AC all of A's power flows over B: its lines may carry 40, so C gives 50 of 90."""
    limited = tuple(replace(line, emergency=40.0) for line in TRIANGLE)
    assert triangle(lines=limited).cost == pytest.approx(90.0 * 10.0)
    answer = triangle(lines=limited, outages=(Outage("o", "AC"),))
    assert answer.power[:, 0].tolist() == pytest.approx([40.0, 50.0])
    cheaper = triangle(lines=limited, outages=(Outage("o", "AC", 10.0),))  # two lines above it, at 10 each, beat 40
    assert cheaper.cost == pytest.approx(90.0 * 10.0 + 2 * 50.0 * 10.0)
    shared = tuple(replace(line, penalty=30.0) for line in limited)  # 60 for both lines is too much
    assert triangle(lines=shared, outages=(Outage("o", "AC"),)).cost == pytest.approx(40.0 * 10.0 + 50.0 * 50.0)
    paid_once = (*(replace(line, penalty=15.0) for line in limited[:2]), limited[2])
    both = (Outage("o", "AC"), Outage("again", "AC"))
    assert triangle(lines=paid_once, outages=both).cost == pytest.approx(90.0 * 10.0 + 2 * 50.0 * 15.0)


def test_shares_of_outages_are_those_of_the_network_without_the_line() -> None:
    """Against angles of the network in which the line is missing, for injections drawn at random."""
    rng = np.random.default_rng(3)
    buses = tuple("abcdef")
    ends = ["ab", "bc", "cd", "de", "ef", "fa", "ad", "be"]
    lines = [Line(f"l{k}", *each, float(rng.uniform(1.0, 9.0))) for k, each in enumerate(ends)]
    network = Network(buses, lines, (), tuple(Outage(f"o{k}", f"l{k}") for k in range(len(ends))))
    shares = outage_shares(network)
    power = rng.normal(size=6)
    power -= power.mean()

    def flows(kept: list[Line]) -> dict[str, float]:
        way = np.array([[float(bus == line.start) - float(bus == line.end) for bus in buses] for line in kept])
        weight = np.array([line.susceptance for line in kept], dtype=np.float64)
        angle = np.linalg.lstsq(way.T @ (weight[:, None] * way), power, rcond=None)[0]
        return dict(zip([line.name for line in kept], weight * (way @ angle), strict=True))

    before = flows(lines)
    for k, gone in enumerate(lines):
        after = flows([line for line in lines if line is not gone])
        for name, flow in after.items():
            assert flow == pytest.approx(before[name] + shares[f"o{k}", name] * before[gone.name])


def test_an_interface_limits_the_sum_of_flows() -> None:
    both = Interface("into C", {"BC": 1.0, "AC": 1.0}, upper=30.0)
    assert triangle(interfaces=(both,)).power[0].tolist() == pytest.approx([30.0])
    paid = replace(both, penalty=15.0)
    assert triangle(interfaces=(paid,)).cost == pytest.approx(90.0 * 10.0 + 60.0 * 15.0)
    backwards = Interface("out of C", {"BC": -1.0, "AC": -1.0}, lower=-30.0)
    assert triangle(interfaces=(backwards,)).power[0].tolist() == pytest.approx([30.0])


def test_lines_of_direct_current_shifts_and_planned_outages() -> None:
    direct = Line("direct", "A", "C", None, 25.0)
    limited = tuple(replace(line, limit=10.0) for line in TRIANGLE)
    assert triangle(lines=limited).power[0].tolist() == pytest.approx([15.0])
    assert triangle(lines=(*limited, direct)).power[0].tolist() == pytest.approx([40.0])
    assert triangle(lines=(*limited, replace(direct, out=True))).power[0].tolist() == pytest.approx([15.0])
    out = (*limited[:2], replace(limited[2], out=True))
    assert triangle(lines=out).power[0].tolist() == pytest.approx([10.0])
    shifted = (*limited[:2], replace(limited[2], shift=-0.75))  # AC carries 10 when the angles are 1.75 apart
    assert triangle(lines=shifted).power[0].tolist() == pytest.approx([18.75])


def test_missing_load_is_bounded_and_may_be_counted_at_one_bus() -> None:
    """What is missing at a bus is no more than its load; where all of it is counted at A, flows keep their limits."""
    load = {"A": 0.0, "B": 0.0, "C": 90.0}
    must = replace(CHEAP, power=[30.0, 300.0], cost=[300.0, 3000.0], fixed=1.0)
    tight = tuple(replace(line, limit=5.0) for line in TRIANGLE)
    spilling = System(1, load, (must,), lines=tight, shed_cost=100.0, spill_cost=100.0)
    assert commit(spilling).cost == pytest.approx(30 * 10.0 + 22.5 * 100.0 + 82.5 * 100.0)
    no_unit = System(1, load, (), lines=TRIANGLE, shed_cost=100.0, slack_buses=("A",))
    assert commit(no_unit).shed[:, 0].tolist() == pytest.approx([90.0, 0.0, 0.0])
    with pytest.raises(InputError, match="o: line: got 'AD', expected a line of alternating current"):
        replace(no_unit, outages=(Outage("o", "AD"),))
    with pytest.raises(InputError, match="o: line: got 'AB', expected a line whose outage leaves every bus connected"):
        commit(replace(no_unit, lines=TRIANGLE[:2], outages=(Outage("o", "AB"),)))
    with pytest.raises(InputError, match="i: lines: got 'AD', expected one of AB, BC, AC"):
        replace(no_unit, interfaces=(Interface("i", {"AD": 1.0}),))


def test_a_unit_gives_power_while_it_comes_up_and_goes_down() -> None:
    """It comes up by 10 and 20, runs at 30 for two hours, goes down by 15; the rest is bought at 50."""
    slow = Unit(
        "slow", [30.0, 30.0], [300.0, 300.0], "A", fixed=[0, 0, 1, 1, 0], start_curve=(20.0, 10.0), stop_curve=(15.0,)
    )
    load = {"A": [40.0] * 5}
    answer = commit(System(5, load, (slow, replace(DEAR, bus="A"))))
    assert answer.power[1].tolist() == pytest.approx([30.0, 20.0, 10.0, 10.0, 25.0])
    assert answer.power[0].tolist() == pytest.approx([10.0, 20.0, 30.0, 30.0, 15.0])
    prices = price_schedule(answer)
    assert prices.profit[0] == prices.best_profit[0] == pytest.approx(50.0 * 105.0 - 600.0)
    kept = replace(DEAR, bus="A", power=[0.0, 40.0], cost=[0.0, 2000.0], reserves=("r",))
    asked = System(5, load, (slow, kept), reserves=(Reserve("r", 10.0, 7.0, against_load=True),))
    assert commit(asked).cost == pytest.approx(answer.cost + 7.0 * 3 * 10.0)  # of 40, while the slow one is off


def test_limits_of_starts_and_stops_hold_by_period() -> None:
    unit = Unit("u", [10.0, 100.0], [100.0, 1000.0], "A", start_limit=[100.0, 40.0], stop_limit=[25.0, 100.0])
    dear = replace(DEAR, bus="A")
    late = commit(System(2, {"A": [0.0, 90.0]}, (replace(unit, fixed=[0, 1]), dear)))
    assert late.power[0].tolist() == pytest.approx([0.0, 40.0])
    early = commit(System(2, {"A": [90.0, 0.0]}, (replace(unit, fixed=[1, 0]), dear)))
    assert early.power[0].tolist() == pytest.approx([25.0, 0.0])
    running = replace(unit, initial=3, initial_power=60.0)
    assert commit(System(2, {"A": [50.0, 0.0]}, (running, dear))).on[0].tolist() == [True, False]
    stops = replace(running, initial_stop_limit=60.0, cost=[900.0, 9000.0])
    assert not commit(System(2, {"A": [50.0, 0.0]}, (stops, dear))).on[0].any()


def test_what_is_kept_free_counts_before_a_stop_or_not() -> None:
    unit = Unit("u", [10.0, 100.0], [100.0, 1000.0], "A", stop_limit=25.0, fixed=[1, 0], reserves=("r",))
    reserve = (Reserve("r", [30.0, 0.0], 2.0),)
    load = {"A": [20.0, 0.0]}
    assert commit(System(2, load, (unit,), reserves=reserve)).cost == pytest.approx(200.0 + 25.0 * 2.0)
    free = replace(unit, stop_reserve=False)
    assert commit(System(2, load, (free,), reserves=reserve)).cost == pytest.approx(200.0)


def test_the_past_reaches_beyond_the_horizon_and_forbids_states() -> None:
    """Of 48 hours on it has 30 behind it, so it stays on; a state against that is refused by name."""
    unit = Unit("u", [10.0, 100.0], [500.0, 5000.0], "A", min_up=48, initial=30, initial_power=10.0)
    dear = replace(DEAR, bus="A", cost=[0.0, 300.0])
    assert commit(System(4, {"A": [50.0] * 4}, (unit, dear))).on[0].all()
    with pytest.raises(InputError, match=r"u: fixed: got \[1.0, 0.0\], expected states from \[1.0, 1.0\]"):
        commit(System(2, {"A": 50.0}, (replace(unit, fixed=[1, 0]), dear)))


def test_storage_ramps_against_a_program_of_its_own() -> None:
    rng = np.random.default_rng(5)
    price = rng.uniform(10.0, 90.0, 6)
    store = Store("s", 10.0, 8.0, 30.0, "A", initial=12.0, final_min=12.0, loss=[0.0, 0.1, 0.1, 0.1, 0.1, 0.1],
                  charge_ramp=(4.0, 5.0), discharge_ramp=(3.0, 6.0), charge_before=2.0)  # fmt: skip
    buys = [Unit(f"u{k}", np.eye(6)[k][:, None] * [0.0, 100.0], np.eye(6)[k][:, None] * [0.0, 100.0 * price[k]], "A")
            for k in range(6)]  # fmt: skip
    found = commit(System(6, {"A": 20.0}, tuple(buys), (store,)))
    kept = np.tril(np.ones((6, 6)))
    for t in range(6):
        for s in range(t + 1):
            kept[t, s] = 0.9 ** (t - s)
    level = np.hstack([kept, -kept])
    start = 12.0 * 0.9 ** np.arange(6)
    step = np.eye(6) - np.eye(6, k=-1)
    empty = np.zeros((6, 6))
    first = np.eye(6)[0]
    rows = np.vstack(
        [
            level,
            -level,
            np.hstack([step, empty]),
            np.hstack([-step, empty]),
            np.hstack([empty, step]),
            np.hstack([empty, -step]),
        ]
    )
    sides = np.concatenate(
        [
            30.0 - start,
            start - np.array([0.0] * 5 + [12.0]),
            4.0 + 2.0 * first,
            5.0 - 2.0 * first,
            np.full(6, 3.0),
            np.full(6, 6.0),
        ]
    )
    best = so.linprog(np.concatenate([price, -price]), rows, sides, bounds=[(0.0, 10.0)] * 6 + [(0.0, 8.0)] * 6)
    assert found.cost == pytest.approx(float(best.fun) + 20.0 * price.sum())
