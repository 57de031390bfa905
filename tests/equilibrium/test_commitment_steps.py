"""A schedule read from its program's columns, what a search without one says, and blocks without states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.programs.commitment import Line, Outage, Reserve, Store, System, Unit, commit, price_schedule
from equilibrium.programs.commitment import prices as pricing
from equilibrium.programs.commitment import schedule as module
from equilibrium.programs.commitment.network import Network, outage_shares
from equilibrium.programs.commitment.program import Compiled, compile_commitment
from equilibrium.programs.commitment.schedule import schedule_at
from equilibrium.programs.commitment.system import Demand
from equilibrium.programs.solvers import MixedSolution, Status

INF = float("inf")
PERIODS = 5

SLOW = Unit(
    "slow",
    [[10.0, 30.0, 60.0], [12.0, 32.0, 62.0], [14.0, 34.0, 64.0], [16.0, 36.0, 66.0], [18.0, 38.0, 68.0]],
    [[100.0, 350.0, 900.0]] * PERIODS,
    "B",
    start_curve=(4.0, 2.0, 1.0),
    stop_curve=(6.0, 3.0),
    reserves=("spin", "slow spin"),
)
FAST = Unit("fast", [5.0, 50.0], [60.0, 700.0], reserves=("spin",))


def system(**changes: object) -> System:
    made = System(
        PERIODS,
        {"A": 10.0, "B": [5.0, 6.0, 7.0, 8.0, 9.0]},
        (SLOW, FAST),
        stores=(Store("one", 3.0, 4.0, 20.0), Store("two", 5.0, 6.0, 30.0, "B")),
        demands=(Demand("takes", 1.0, 9.0, 50.0, "B"),),
        reserves=(Reserve("spin", 3.0, 100.0), Reserve("slow spin", 2.0, 90.0)),
        shed_cost=1000.0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def drawn(compiled: Compiled) -> np.ndarray:
    """Any numbers, with states that are whole but for rounding."""
    rng = np.random.default_rng(4)
    x = rng.uniform(1.0, 9.0, compiled.instance.shape[1])
    for columns in compiled.units:
        for block in (columns.on, columns.start, columns.stop):
            x[block] = rng.integers(0, 2, block.size) + rng.uniform(-1e-7, 1e-7, block.size)
    return x


def test_outputs_are_read_with_what_comes_before_a_start_and_after_a_stop() -> None:
    made = system()
    compiled = compile_commitment(made)
    x = drawn(compiled)
    found = schedule_at(made, compiled, x, 9.0, 8.0, "who", finished=True)
    for k, (unit, columns) in enumerate(zip(made.units, compiled.units, strict=True)):
        for t in range(PERIODS):
            on = round(float(x[columns.on[t]]))
            power = on * np.broadcast_to(np.array(unit.power), (PERIODS, len(np.array(unit.power).T)))[t, 0]
            power += x[columns.segment[t]].sum()
            for ahead, output in enumerate(unit.start_curve):
                if t + ahead + 1 < PERIODS:
                    power += output * round(float(x[columns.start[t + ahead + 1]]))
            for behind, output in enumerate(unit.stop_curve):
                if t - behind >= 0:
                    power += output * round(float(x[columns.stop[t - behind]]))
            assert found.power[k, t] == pytest.approx(power)
            assert found.on[k, t] == bool(on)
            assert found.reserve[k, t] == pytest.approx(x[columns.reserve[:, t]].sum())
    assert found.power.shape == found.on.shape == found.reserve.shape == (2, PERIODS)
    for name in ("charge", "discharge", "demand", "shed"):
        assert getattr(found, name).tolist() == x[getattr(compiled, name)].tolist()
    assert (found.cost, found.bound, found.solver, found.finished) == (9.0, 8.0, "who", True)


def test_curves_that_are_longer_than_the_day_are_cut() -> None:
    short = replace(SLOW, power=[10.0, 60.0], cost=[1.0, 2.0], start_curve=(4.0, 3.0, 2.0), stop_curve=(6.0, 5.0, 4.0))
    made = System(2, {"B": 1.0}, (replace(short, reserves=()),), shed_cost=1.0)
    compiled = compile_commitment(made)
    x = np.zeros(compiled.instance.shape[1])
    x[compiled.units[0].start], x[compiled.units[0].stop] = 1.0, 1.0
    power = schedule_at(made, compiled, x, 0.0, 0.0, "", finished=True).power
    assert power.tolist() == [[6.0 + 4.0, 6.0 + 5.0]]


@pytest.mark.parametrize(("cost", "bound", "gap"), [(200.0, 150.0, 0.25), (0.5, 0.25, 0.25), (-8.0, -10.0, 0.25)])
def test_the_gap_is_a_share_of_the_cost(cost: float, bound: float, gap: float) -> None:
    made = system()
    compiled = compile_commitment(made)
    x = np.zeros(compiled.instance.shape[1])
    assert schedule_at(made, compiled, x, cost, bound, "", finished=False).gap == gap


@pytest.mark.parametrize(
    ("status", "size", "objective", "told"),
    [
        (Status.INFEASIBLE, 0, INF, "no schedule of the units serves the load and keeps all limits"),
        (Status.LIMIT, 0, 5.0, "unit commitment ended limit without a schedule"),
        (Status.LIMIT, 1, INF, "unit commitment ended limit without a schedule"),
        (Status.LIMIT, 1, 5.0, None),
        (Status.OPTIMAL, 1, 5.0, None),
    ],
)
def test_what_a_search_says(
    status: Status, size: int, objective: float, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = system(), []
    count = compile_commitment(made).instance.shape[1]
    answer = MixedSolution(status, np.zeros(size * count), objective, 4.0, 1.0, solver="who")

    def solve(*given: object, **limits: object) -> MixedSolution:
        asked.append((given[2], limits))
        return answer

    monkeypatch.setattr(module, "solve_mixed", solve)
    if told is not None:
        with pytest.raises(InfeasibleError if status is Status.INFEASIBLE else SolverError, match=told):
            commit(made)
        return
    found = commit(made, solver="some", gap=0.5, time_limit_s=7.0, node_limit=3.0)
    assert asked == [("some", {"gap": 0.5, "time_limit_s": 7.0, "node_limit": 3.0})]
    assert (found.cost, found.bound, found.solver) == (5.0, 4.0, "who")
    assert found.finished is (status is Status.OPTIMAL)


@pytest.mark.parametrize("on", [None, [1.0, 0.0]])
def test_blocks_of_a_unit_without_states(on: list[float] | None) -> None:
    """Its least output at the average cost, then its segments, each with a start spread over the most and the hours."""
    unit = Unit("u", [[10.0, 30.0, 30.0], [0.0, 40.0, 50.0]], [[200.0, 800.0, 800.0], [50.0, 450.0, 700.0]], "B",
                start_cost=(60.0,))  # fmt: skip
    made = System(2, {"A": 1.0, "B": 1.0}, (unit,), hours=0.5)
    blocks = pricing._offers(unit, made, None if on is None else np.array(on))
    assert [(block.name, block.sign, block.bus) for block in blocks] == [(f"u block {k}", -1.0, "B") for k in range(3)]
    width, start = np.array([[10.0, 20.0, 0.0], [0.0, 40.0, 10.0]]), [60.0 / 30.0 / 0.5, 60.0 / 50.0 / 0.5]
    slope = np.array([[20.0, 30.0, 0.0], [0.0, 10.0, 25.0]]) + np.array(start)[:, None]
    there = np.ones(2) if on is None else np.array(on)
    found = [np.array([getattr(block, name) for block in blocks]).T for name in ("upper", "value")]
    assert found[0] == pytest.approx(there[:, None] * width)
    assert found[1] == pytest.approx(slope)


def test_what_has_no_price_is_refused() -> None:
    found = commit(System(1, {"A": 10.0}, (replace(FAST, reserves=()),)))
    with pytest.raises(InputError) as caught:
        price_schedule(found, "market")
    rules = "fixed-commitment, convex-hull, aelmp, aelmp-online"
    assert str(caught.value) == f"prices: rule: got 'market', expected one of {rules}"


def test_what_units_lack_at_prices() -> None:
    made = pricing.Prices(
        "rule", np.zeros((1, 1)), np.zeros((0, 1)), np.array([-3.0, 5.0, 2.0]), np.array([1.0, 9.0, 1.0]),
        None, 0.0, "",  # type: ignore[arg-type]
    )  # fmt: skip
    assert made.lost_opportunity.tolist() == [4.0, 4.0, 0.0]
    assert made.make_whole.tolist() == [3.0, 0.0, 0.0]


def test_an_outage_that_cuts_a_bus_off_is_refused() -> None:
    """Of a line and a triangle the line cannot go; of two lines side by side each takes all of the other's flow."""
    lines = [Line("AB", "A", "B", 2.0), Line("BC", "B", "C", 3.0), Line("CA", "C", "A", 4.0), Line("CD", "C", "D", 5.0)]
    buses = ("A", "B", "C", "D")
    with pytest.raises(InputError) as caught:
        outage_shares(Network(buses, lines, (), (Outage("first", "AB"), Outage("last", "CD"))))
    told = "last: line: got 'CD', expected a line whose outage leaves every bus connected"
    assert str(caught.value) == told
    found = outage_shares(Network(buses, lines, (), (Outage("first", "AB"),)))
    assert found == {
        ("first", "BC"): pytest.approx(-1.0),
        ("first", "CA"): pytest.approx(-1.0),
        ("first", "CD"): pytest.approx(0.0, abs=1e-12),
    }
    double = [Line("x", "A", "B", 2.0), Line("dc", "A", "B", None), Line("y", "B", "A", 6.0)]
    assert outage_shares(Network(("A", "B"), double, (), (Outage("o", "y"),))) == {("o", "x"): pytest.approx(-1.0)}
