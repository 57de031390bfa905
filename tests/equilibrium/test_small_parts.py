"""Small parts that others stand on: sentences of limits, kept matrices, shapes, lengths, and rows that cannot bind."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog

from equilibrium.certificate import NEGLIGIBLE
from equilibrium.errors import InputError
from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator
from equilibrium.grid.distribution import STATE_COLUMNS, STATE_ROWS, compile_distribution
from equilibrium.grid.limits import Slack, reasons
from equilibrium.grid.network import Network
from equilibrium.lengths import ByLengths, named, period_lengths, spread_lengths
from equilibrium.programs import kept as module
from equilibrium.programs.hourly.idle import Bounds, busy_rows, unit_bounds
from equilibrium.programs.hourly.periods import PeriodData, PeriodModel, compile_periods
from equilibrium.programs.kept import kept
from equilibrium.programs.program import FEASIBILITY
from equilibrium.programs.screening import SLACK
from equilibrium.shapes import check_shape
from tests.equilibrium.conftest import small_feeder, small_network

INF = float("inf")


def told(columns: np.ndarray, x: np.ndarray, **how: object) -> tuple[str, ...]:
    slack = Slack(columns, "{bus} at {hour}: {amount:.3f}", **how)  # type: ignore[arg-type]
    return reasons(small_network(lots=3), {"one": slack}, x)


def test_the_largest_slacks_come_first_and_equal_ones_in_their_order() -> None:
    """Columns 6 to 1 for three buses in two periods; what is rounding is not told."""
    columns = np.array([[6, 5, 4], [3, 2, 1]])
    x = np.array([99.0, 0.25, NEGLIGIBLE, 2.0, 2.0, 0.0, 7.0])
    assert told(columns, x) == ("0 at 0: 7.000", "2 at 0: 2.000", "0 at 1: 2.000", "2 at 1: 0.250")
    assert told(columns, x, scale=0.5) == ("0 at 0: 3.500", "2 at 0: 1.000", "0 at 1: 1.000", "2 at 1: 0.125")
    assert told(columns, x * 1.01, scale=1.0)[-1] == "1 at 1: 0.000"
    lot = Slack(columns, "{lot} lacks {amount:g}")
    assert reasons(small_network(lots=3), {"lots": lot}, x)[0] == "lot-1 lacks 7"


def test_where_something_else_is_measured_that_is_told() -> None:
    """The slack says whether, the measure how much; where it measures nothing, what is said instead."""
    columns = np.array([[0, 1, 2]])
    x = np.array([3.0, 1.0, 2.0])
    measured = np.array([[0.5, 4.0, NEGLIGIBLE]])
    found = told(columns, x, measured=lambda _: measured, within="{bus} within at {hour}")
    assert found == ("1 at 0: 4.000", "0 at 0: 0.500", "2 within at 0")
    equal = told(columns, x, measured=lambda _: np.ones((1, 3)))
    assert [each[0] for each in equal] == ["0", "2", "1"]  # then by the slack


@pytest.mark.parametrize(("count", "lines", "last"), [(12, 12, "0 at 11: 1.000"), (15, 13, "and 3 more of this kind")])
def test_of_each_kind_twelve_are_told(count: int, lines: int, last: str) -> None:
    columns = np.arange(count)[:, None]
    slack = Slack(columns, "{bus} at {hour}: {amount:.3f}")
    x = np.array([1.0 + 0.001 * (count - 1 - k) for k in range(count)])
    one = reasons(small_network(), {"one": slack}, x)
    assert (len(one), one[-1]) == (lines, last)
    assert reasons(small_network(), {"one": slack, "two": slack}, x) == (*one, *one)


def test_what_is_made_of_a_matrix_is_kept_while_it_lives() -> None:
    matrix = sp.csr_array(np.array([[1.0, -2.0, 0.0], [0.0, 3.0, -4.0]]))
    first = kept(matrix)
    assert kept(matrix) is not first  # its numbers may change
    assert first.transposed.toarray().tolist() == [[1.0, 0.0], [-2.0, 3.0], [0.0, -4.0]]
    assert first.magnitude.toarray().tolist() == [[1.0, 2.0, 0.0], [0.0, 3.0, 4.0]]
    assert first.magnitude_transposed.toarray().tolist() == first.magnitude.toarray().T.tolist()
    matrix.data.flags.writeable = False
    key, before = id(matrix), set(module._KEPT)  # what other tests have left there may go at any time
    held = kept(matrix)
    assert kept(matrix) is held
    assert set(module._KEPT) - before == {key}
    del matrix
    gc.collect()
    assert set(module._KEPT) <= before


def test_arrays_of_another_shape_or_without_end_are_refused() -> None:
    check_shape("day", "load", [[1.0, 2.0]], (1, 2))
    check_shape("day", "load", 3.0, ())
    for value, words in (
        ([1.0, 2.0], "load: got (2,), expected an array of shape (1, 2)"),
        ([[1.0, -INF]], "load: got -inf, expected finite numbers"),
        ([[np.nan, INF]], "load: got nan, expected finite numbers"),
    ):
        with pytest.raises(InputError) as caught:
            check_shape("day", "load", value, (1, 2))
        assert str(caught.value) == f"day: {words}"


def test_lengths_of_periods() -> None:
    assert period_lengths(3).tolist() == [1.0, 1.0, 1.0]
    assert period_lengths(np.int64(2)).tolist() == [1.0, 1.0]  # type: ignore[arg-type]
    assert period_lengths(np.array([0.5, 0.25])).tolist() == [0.5, 0.25]
    assert spread_lengths(0.5, 3).tolist() == [0.5] * 3
    assert spread_lengths(np.array([0.5, 2.0]), 2).tolist() == [0.5, 2.0]
    assert (named(np.ones(2)), named(np.array([1.0, 0.5])), named(np.full(2, 2.0))) == ("hours", "periods", "periods")
    for given, words in (
        (np.array([1.0, 2.0]), "got (2,), expected one length for each of 3 periods"),
        (np.array([1.0, 0.0, -2.0]), "got 0.0, expected a positive number of hours"),
        (INF, "got inf, expected a positive number of hours"),
    ):
        with pytest.raises(InputError) as caught:
            spread_lengths(given, 3, "my day")
        assert str(caught.value) == f"my day: period_h: {words}"


def test_what_is_made_for_lengths_is_made_once_for_each() -> None:
    made: list[list[float]] = []
    by_lengths = ByLengths(lambda lengths: made.append(lengths.tolist()) or len(made))  # type: ignore[func-returns-value]
    days = np.ones(2), np.array([1.0, 0.5]), np.ones(2), np.ones(3), np.array([1.0, 0.5])
    assert [by_lengths[day] for day in days] == [1, 2, 1, 3, 2]
    assert made == [[1.0, 1.0], [1.0, 0.5], [1.0, 1.0, 1.0]]


def hourly() -> tuple[PeriodModel, Bounds, Network]:
    """A turbine with a polygon, a compensator, sun and two lots behind branches that are rated but for the last."""
    network = Network(
        small_feeder(rating_kva=np.array([900.0, 700.0, INF])),
        (Microturbine("mt", 2, 60.0, 0.06),),
        renewables=(RenewableUnit("sun", 1, 30.0, "pv"),),
        compensators=(StaticVarCompensator("svc", 2, 50.0),),
        lots=(LotSite("a", 1, 0.9), LotSite("b", 2, 0.95)),
        polygon_edges=6,
    )
    hour = compile_distribution(network, 1)
    model = compile_periods(hour, "lot_kw", STATE_COLUMNS, STATE_ROWS)
    return model, unit_bounds(model, hour), network


def test_bounds_that_rows_of_a_unit_imply() -> None:
    """The polygon of the turbine bounds its powers, both ways; no other unit's limits are such rows."""
    model, bounds, _ = hourly()
    n = model.variables
    rows = model.m[bounds.own]
    assert bounds.own.size == 6
    assert (bounds.own >= n).all()
    columns = np.flatnonzero(np.abs(rows).sum(axis=0))
    assert columns.size == 2
    others = np.setdiff1d(np.arange(n), columns)
    assert np.isneginf(bounds.low[others]).all()
    assert np.isposinf(bounds.high[others]).all()
    hour = compile_distribution(hourly()[2], 1)
    limit = hour.row_upper[model.other_rows[bounds.own - n]] / model.scale[bounds.own]
    for column in columns.tolist():
        for sign, side in ((1.0, bounds.low), (-1.0, bounds.high)):
            found = linprog(sign * np.eye(n)[column], A_ub=rows, b_ub=limit, bounds=[(None, None)] * n)
            assert side[column] == pytest.approx(sign * found.fun, abs=1e-6)


def test_rows_that_some_dispatch_may_make_tight() -> None:
    """Against all corners of what dispatch and powers may be, with one variable after the other left to its bounds."""
    model, bounds, _ = hourly()
    n, hours, rng = model.variables, 3, np.random.default_rng(5)
    low, high = np.full((hours, n), -8.0), np.full((hours, n), 9.0)
    low[1] = 0.0
    lower, upper = np.full((hours, model.rows), -INF), np.full((hours, model.rows), INF)
    lower[:, :n], upper[:, :n] = low, high
    least, most = np.array([[0.0, 1.0]] * hours), np.array([[2.0, 3.0], [4.0, 1.0], [0.5, 2.5]])
    inside = np.maximum(low, bounds.low), np.minimum(high, bounds.high)
    reach = np.zeros((2, hours, model.rows))
    for t in range(hours):
        for side, (ups, downs) in enumerate((((inside[1], most), (inside[0], least)),) * 2):
            sign = 1.0 if side == 0 else -1.0
            for matrix, up, down in zip((model.m, model.n), ups, downs, strict=True):
                reach[side, t] += sign * np.where(sign * matrix > 0.0, matrix * up[t], matrix * down[t]).sum(axis=1)
    margin = SLACK / FEASIBILITY * model.tolerance
    far = rng.random(model.rows) < 0.5
    beside = np.where(far, 1.01, 0.99) * margin
    upper[:, n:] = (reach[0] + beside)[:, n:]
    lower[:, n:] = (-reach[1] - beside)[:, n:]
    data = PeriodData(np.zeros((hours, n)), lower, upper, np.zeros((hours, 0)))
    found = busy_rows(model, data, bounds, least, most)
    wanted = ~far
    wanted[:n] = wanted[bounds.own] = True
    assert found.tolist() == np.flatnonzero(wanted).tolist()
    lower[:, n:] = np.where(far, -INF, lower)[:, n:]
    one = replace(data, lower=lower, upper=upper.copy())
    assert busy_rows(model, one, bounds, least, most).tolist() == np.flatnonzero(wanted).tolist()
    last = int(np.flatnonzero(far & (np.arange(model.rows) >= n) & ~np.isin(np.arange(model.rows), bounds.own))[-1])
    one.upper[2, last] -= 0.02 * margin[last]
    assert last in busy_rows(model, one, bounds, least, most)
