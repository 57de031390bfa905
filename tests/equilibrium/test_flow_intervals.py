"""Ranges of flows by hand, and what an interval of a flow says about its square: secants, segments and chords."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.flow_range import largest_flows
from equilibrium.grid.lossy import compile_lossy, lossy_ports
from equilibrium.grid.network import Network
from equilibrium.grid.segments import SETTLED_RANGE, Squares, below_chords, in_segments, within_intervals
from equilibrium.programs.program import INF, Instance

ROOM = 1e-3


def line(r: list[float], x: list[float], *, rating: float = 1e6, base_kv: float = 10.0, low: float = 0.5) -> Feeder:
    """A root and buses behind each other; the root's own branch is the substation."""
    n = len(r)
    return Feeder(
        "line", base_kv, tuple(map(str, range(n))), np.arange(n) - 1, np.array(r), np.array(x),
        np.full(n, rating), np.zeros(n), np.zeros(n), np.full(n, low), np.full(n, 1.5),
    )  # fmt: skip


def ranges(network: Network, load_kw: Any, load_kvar: Any, **more: Any) -> Any:
    n = len(network.lots)
    given = {"renewable_max_kw": np.zeros((1, len(network.renewables))), "lot_min_kw": np.zeros((1, n)),
             "lot_max_kw": np.zeros((1, n)), **more}  # fmt: skip
    return largest_flows(network, load_kw=np.atleast_2d(load_kw), load_kvar=np.atleast_2d(load_kvar), **given)


def test_without_impedance_a_range_is_the_sum_of_demands_either_way() -> None:
    """Demand 100 + 40 from 300 of sun, 250 kVA of a turbine, a lot of -60 to 90 and 70 kvar of a compensator."""
    network = Network(
        line([0.0] * 3, [0.0] * 3),
        microturbines=(Microturbine("mt", 1, 250.0, 0.1),),
        compensators=(StaticVarCompensator("svc", 2, 70.0),),
        renewables=(RenewableUnit("sun", 2, 300.0, "pv"),),
        lots=(LotSite("lot", 2), LotSite("other", 2)),
    )
    lots = {"lot_min_kw": np.array([[-60.0, 0.0]]), "lot_max_kw": np.array([[90.0, 5.0]])}
    found = ranges(network, [0.0, 100.0, 40.0], [0.0, 30.0, 20.0], renewable_max_kw=np.full((1, 1), 300.0), **lots)
    # Active: behind bus 2 from 40 - 300 - 60 = -320 to 40 + 95 = 135; bus 1 adds 100 - 250 = -150 to 100.
    np.testing.assert_allclose(found.kw[0], np.array([470.0, 470.0, 320.0]) + ROOM)
    # Reactive: behind bus 2 from 20 - 70 = -50 to 20; bus 1 adds 30 - 250 = -220 to 280.
    np.testing.assert_allclose(found.kvar[0], np.array([300.0, 300.0, 50.0]) + ROOM)


def test_the_sending_end_adds_the_loss_of_the_delivery() -> None:
    """2 and 3 ohm, x of 1 and 4: u solves V^2 u = (p + r u)^2 + (q + x u)^2 with r, x in kV^2 per kW."""
    network = Network(line([0.0, 2.0, 3.0], [0.0, 1.0, 4.0]))
    found = ranges(network, [0.0, 500.0, 900.0], [0.0, 200.0, 300.0])

    def sent(p: float, q: float, r: float, x: float) -> tuple[float, float]:
        r, x = r / 1000.0, x / 1000.0
        roots = np.roots([r * r + x * x, 2.0 * (r * p + x * q) - 100.0, p * p + q * q])
        u = float(min(roots.real))
        assert 100.0 * u == pytest.approx((p + r * u) ** 2 + (q + x * u) ** 2)
        return p + r * u, q + x * u

    p2, q2 = sent(900.0, 300.0, 3.0, 4.0)
    p1, q1 = sent(500.0 + p2, 200.0 + q2, 2.0, 1.0)
    np.testing.assert_allclose(found.kw[0], np.array([p1, p1, p2]) + ROOM)
    np.testing.assert_allclose(found.kvar[0], np.array([q1, q1, q2]) + ROOM)


def test_a_range_is_at_most_the_rating_and_what_a_voltage_limit_lets_in() -> None:
    rated = ranges(Network(line([0.0, 0.0], [0.0, 0.0], rating=80.0)), [0.0, 100.0], [0.0, 100.0])
    np.testing.assert_allclose([rated.kw[0, 1], rated.kvar[0, 1]], 80.0)
    # 10 kV down to 0.9: (1 - 0.81) 100 kV^2 = 2 r p with r = 2 ohm: at most 4750 kW; the lot may want 9000.
    network = Network(line([0.0, 2.0], [0.0, 0.0], low=0.9), lots=(LotSite("lot", 1),))
    held = ranges(network, [0.0, 0.0], [0.0, 0.0], lot_max_kw=np.full((1, 1), 9000.0))
    p, r = 4750.0, 2e-3
    u = float(min(np.roots([r * r, 2.0 * r * p - 100.0, p * p]).real))
    assert held.kw[0, 1] == pytest.approx(p + r * u + ROOM)
    # With 1 ohm of reactance and 1000 kvar drawn at least, 2 x q = 2 kV^2 are gone already.
    reactive = Network(line([0.0, 2.0], [0.0, 1.0], low=0.9), lots=(LotSite("lot", 1),))
    less = ranges(reactive, [0.0, 0.0], [0.0, 1000.0], lot_max_kw=np.full((1, 1), 9000.0))
    p = (0.19 * 100.0 / 2.0 - 1e-3 * 1000.0) / 2e-3
    z, x = 5e-6, 1e-3
    u = float(min(np.roots([z, 2.0 * (r * p + x * 1000.0) - 100.0, p * p + 1e6]).real))
    assert less.kw[0, 1] == pytest.approx(p + r * u + ROOM)
    assert less.kvar[0, 1] == pytest.approx(1000.0 + x * u + ROOM)


def test_where_nothing_delivers_that_much_the_greatest_delivery_counts() -> None:
    """V^2 = 100 over 4 |Z|^2, |Z| = 5 ohm: u = 100 / (4 * 25e-6) = 1e6 kVA^2 per kV^2."""
    network = Network(line([0.0, 3.0], [0.0, 4.0]))
    found = ranges(network, [0.0, 50_000.0], [0.0, 0.0])
    assert found.kw[0, 1] == pytest.approx(50_000.0 + 3e-3 * 1e6 + ROOM)
    assert found.kvar[0, 1] == pytest.approx(4e-3 * 1e6 + ROOM)


def test_one_range_for_all_periods_holds_the_least_and_the_greatest_of_each_bus() -> None:
    network = Network(line([0.0] * 3, [0.0] * 3))
    load = np.array([[0.0, 10.0, 50.0], [0.0, 30.0, 20.0]])
    given = {"renewable_max_kw": np.zeros((2, 0)), "lot_min_kw": np.zeros((2, 0)), "lot_max_kw": np.zeros((2, 0))}
    apart = largest_flows(network, load_kw=load, load_kvar=load, **given)
    np.testing.assert_allclose(apart.kw, np.array([[60.0, 60.0, 50.0], [50.0, 50.0, 20.0]]) + ROOM)
    once = largest_flows(network, load_kw=load, load_kvar=load, **given, at_once=True)
    np.testing.assert_allclose(once.kw, np.array([[80.0, 80.0, 50.0]]) + ROOM)


# Squares. L is convex with `segments` pieces on either side; a column holds L(flow) of its span.

SEGMENTS = 4
SPAN = np.array([2.0, 5.0, 0.5])


def exact(flow: np.ndarray) -> np.ndarray:
    """L, from its points: span * (k / segments)^2 at the ends of the segments."""
    points = np.arange(SEGMENTS + 1) / SEGMENTS
    return np.array([s * np.interp(abs(f) / s, points, points**2) for f, s in zip(flow, SPAN, strict=True)])


def squares() -> tuple[Squares, Instance]:
    """Three squares, their secants as rows ``square >= slope * flow - offset``, first forward, then reverse."""
    n = SPAN.size
    rows, values, lower = [], [], []
    for sign in (1.0, -1.0):
        for s in range(n):
            for k in range(SEGMENTS):
                rows.append([s, n + s])
                values.append([1.0, -sign * (2 * k + 1) / SEGMENTS])
                lower.append(-SPAN[s] * k * (k + 1) / SEGMENTS**2)
    matrix = sp.csr_array((np.ravel(values), np.ravel(rows), 2 * np.arange(len(rows) + 1)), shape=(len(rows), 2 * n))
    ids = np.arange(len(rows)).reshape(2, n, SEGMENTS)
    flat = np.arange(n)
    made = Squares(flat, n + flat, SPAN, ids[0], ids[1], np.array([0, 1, 1]))
    bound = np.r_[SPAN, SPAN]
    return made, Instance(
        matrix, np.zeros(2 * n), np.array(lower), np.full(len(rows), INF), np.r_[np.zeros(n), -SPAN], bound
    )


def allows(instance: Instance, flow: np.ndarray, square: np.ndarray, *, room: float = 0.0) -> np.ndarray:
    """Whether each square may have its value: no bound or row of its own is missed by more than ``room``."""
    x = np.r_[square, flow]
    n = SPAN.size
    value = instance.matrix @ x
    missed = np.maximum(instance.row_lower - value, value - instance.row_upper)
    outside = np.maximum(instance.col_lower - x, x - instance.col_upper)
    pattern = abs(instance.matrix) > 0
    fine = []
    for s in range(n):
        own = pattern[:, [s]].toarray().ravel() > 0
        fine.append(max(missed[own].max(), outside[s], outside[n + s]) <= room)
    return np.array(fine)


def test_the_segment_of_a_flow_and_the_squares_of_a_period() -> None:
    made, _ = squares()
    assert made.segments == SEGMENTS
    assert made.segment(np.array([0.0, 1.25, -0.126])).tolist() == [0, 0, 1]
    assert made.segment(np.array([2.0, 1.2500001, 9.0])).tolist() == [3, 1, 3]
    np.testing.assert_allclose(
        made.on_piecewise(np.array([-3.0]), np.array([1])), exact(np.array([0.0, 3.0, 0.0]))[1:2]
    )
    assert made.of_their_periods(np.array([False, True, False])).tolist() == [False, True, True]


@pytest.mark.parametrize("seed", range(6))
def test_below_chords_keeps_exact_points_and_cuts_what_is_above(seed: int) -> None:
    made, instance = squares()
    draw = np.random.default_rng(seed)
    ends = np.sort(draw.uniform(-1.0, 1.0, (2, 3)) * SPAN, axis=0)
    boxed = instance.with_columns(made.flow, ends[0], ends[1])
    chorded = below_chords(boxed, made)
    for share in (0.0, 0.3, 0.5, 1.0):
        flow = ends[0] + share * (ends[1] - ends[0])
        chord = exact(ends[0]) + share * (exact(ends[1]) - exact(ends[0]))
        assert allows(chorded, flow, exact(flow), room=1e-9).all()
        one = (made.segment(ends[0]) == made.segment(ends[1])) & ((ends[0] >= 0.0) | (ends[1] <= 0.0))
        top = np.where(one, exact(flow), chord)
        inside = np.minimum(top, SPAN)
        assert allows(chorded, flow, inside, room=1e-8).all()
        assert not allows(chorded, flow, top + 1e-6, room=1e-8).any()
        assert not allows(chorded, flow, exact(flow) - 1e-6, room=1e-8).any()


@pytest.mark.parametrize(("times", "level"), [(0.9, True), (1.1, False)])
def test_a_chord_over_hardly_any_width_is_level(times: float, level: bool) -> None:
    """1e-7 of one and the range; over the kink at a quarter of the range."""
    made, instance = squares()
    width = times * 1e-7 * (1.0 + SPAN)
    kink = SPAN / SEGMENTS
    chorded = below_chords(instance.with_columns(made.flow, kink - 0.5 * width, kink + 0.5 * width), made)
    added = chorded.matrix[instance.shape[0] :].toarray()
    assert added.shape[0] == 3
    slopes = -added[np.arange(3), 3 + np.arange(3)]
    if level:
        assert slopes.tolist() == [0.0] * 3
        high = exact(kink + 0.5 * width)
        np.testing.assert_allclose(chorded.row_upper[-3:], high + 1e-9 * (1.0 + SPAN), rtol=0.0, atol=1e-12)
    else:
        np.testing.assert_allclose(slopes, 0.5 * (1.0 + 3.0) / SEGMENTS, rtol=1e-5)


def test_what_is_beyond_the_range_counts_as_its_end() -> None:
    made, instance = squares()
    chorded = below_chords(instance.with_columns(made.flow, -3.0 * SPAN, 3.0 * SPAN), made)
    assert allows(chorded, np.zeros(3), SPAN, room=1e-8).all()
    assert not allows(chorded, np.zeros(3), SPAN + 1e-6, room=1e-8).any()


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_square_that_is_held_lies_on_the_line_of_its_segment(side: float) -> None:
    made, instance = squares()
    flow = side * np.array([0.6, 0.4, 0.45]) * SPAN  # segments 2, 1 and 1
    held = in_segments(instance, made, np.array([True, True, False]), flow)
    assert allows(held, flow, exact(flow), room=1e-12).all()
    assert allows(held, flow, exact(flow) + 1e-3).tolist() == [False, False, True]
    ends = {0: (0.5, 0.75), 1: (0.25, 0.5)}
    for s, (near, far) in ends.items():
        low, high = sorted((side * near * SPAN[s], side * far * SPAN[s]))
        assert (held.col_lower[3 + s], held.col_upper[3 + s]) == pytest.approx((low, high))
    assert (held.col_lower[5], held.col_upper[5]) == (-SPAN[2], SPAN[2])
    narrow = in_segments(instance.with_columns(made.flow, 0.3 * SPAN, 0.7 * SPAN), made, np.ones(3, bool), 0.6 * SPAN)
    np.testing.assert_allclose(narrow.col_lower[3:], 0.5 * SPAN)
    np.testing.assert_allclose(narrow.col_upper[3:], 0.7 * SPAN)


def test_intervals_close_on_the_flow_where_nothing_is_left_to_choose() -> None:
    """A branch without demand carries nothing, the one before 300 + 100j and its own loss."""
    network = Network(line([0.0, 2.0, 2.0], [0.0, 1.0, 1.0]))
    program = compile_lossy(network, 1, flow_range=ranges(network, [0.0, 900.0, 900.0], [0.0, 900.0, 900.0]))
    nothing = np.zeros((1, 0))
    load, kvar = np.array([[0.0, 300.0, 0.0]]), np.array([[0.0, 100.0, 0.0]])
    ports = lossy_ports(network, load_kw=load, load_kvar=kvar, upstream_price=np.ones(1), renewable_max_kw=nothing)
    found = within_intervals(network, program, program.bind(ports))
    for name, sent in (("flow_kw", 300.0), ("flow_kvar", 100.0)):
        at = program.columns[name].index[0]
        low, high = found.col_lower[at], found.col_upper[at]
        room = SETTLED_RANGE * (1.0 + np.abs(low) + np.abs(high))
        assert (high - low >= 1.999 * room).all()
        assert (high - low <= 1e-6).all()
        assert low[2] == pytest.approx(0.0, abs=1e-6)
        assert sent < low[1] < sent + 10.0
