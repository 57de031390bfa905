"""Statistics of studies, by hand and by coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from sim.studies.outputs import Outputs
from sim.studies.show import convergence_figure, draw_study, means_figure, summary_table
from sim.studies.specification import OutputSection, Specification, read_specification, saltelli_shares
from sim.studies.statistics import (
    bootstrap_interval,
    convergence,
    cvar,
    paired_difference,
    sobol_indices,
    summary,
    t_interval,
)
from sim.studies.storage import StudyResults, point_frame

values_ = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30).map(np.array)


def test_the_t_interval_by_hand() -> None:
    found = t_interval(np.array([1.0, 2.0, 3.0, 4.0]))
    # mean 2.5, deviation sqrt(5 / 3), three degrees of freedom: t = 3.182446
    assert (found.mean, found.count) == (2.5, 4)
    assert found.high - found.mean == pytest.approx(3.182446305 * np.sqrt(5.0 / 3.0) / 2.0)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)
    alone = t_interval(np.array([np.nan, 7.0]))
    assert (alone.mean, alone.count) == (7.0, 1)
    assert np.isnan([alone.low, alone.high]).all()
    assert np.isnan(t_interval(np.zeros(0)).mean)
    with pytest.raises(InputError, match="confidence"):
        t_interval(np.zeros(3), 1.0)


def test_both_intervals_cover_the_true_mean_as_often_as_they_say() -> None:
    generator = np.random.default_rng(3)
    drawn = generator.exponential(1.0, (300, 40))
    by_t = [t_interval(row, 0.9) for row in drawn]
    assert 0.83 <= np.mean([each.low <= 1.0 <= each.high for each in by_t]) <= 0.95
    by_bootstrap = [bootstrap_interval(row, 0.9) for row in drawn[:40]]
    assert 0.75 <= np.mean([each.low <= 1.0 <= each.high for each in by_bootstrap]) <= 1.0
    skewed = bootstrap_interval(drawn[0])
    assert skewed.high - skewed.mean > skewed.mean - skewed.low  # the long tail is above
    same = bootstrap_interval(np.full(4, 2.0))
    assert (same.low, same.mean, same.high) == (2.0, 2.0, 2.0)
    assert bootstrap_interval(drawn[1]) == bootstrap_interval(drawn[1])
    for few in ([0.975, 0.975 + 1e-16 * 2, 0.975], [1.0, 2.0], [0.975, 0.9750000001], [1e-200, 2e-200, 4e-200]):
        close = bootstrap_interval(np.array(few))
        assert min(few) <= close.low <= close.high <= max(few)


def test_cvar_by_hand() -> None:
    profits = np.arange(1.0, 11.0)
    assert cvar(profits, 0.8) == pytest.approx(1.5)  # the worst two of ten
    assert cvar(profits, 0.8, upper=True) == pytest.approx(9.5)
    assert cvar(profits, 0.75) == pytest.approx((1.0 + 2.0 + 0.5 * 3.0) / 2.5)
    assert cvar(profits, 0.0) == 5.5
    assert np.isnan(cvar(np.zeros(0)))
    with pytest.raises(InputError, match="level"):
        cvar(profits, 1.0)


@given(values_, st.floats(0.0, 0.99), st.floats(-1e3, 1e3))
def test_cvar_is_coherent(values: FloatArray, level: float, shift: float) -> None:
    low = cvar(values, level)
    scale = 1e-9 * (1.0 + np.abs(values).max() + abs(shift))
    assert values.min() - scale <= low <= values.mean() + scale
    assert cvar(values + shift, level) == pytest.approx(low + shift, abs=scale)
    assert cvar(-values, level, upper=True) == pytest.approx(-low, abs=scale)
    assert cvar(values, min(level + 0.005, 0.995)) <= low + scale


def test_pairs_take_away_what_is_common() -> None:
    common = np.array([5.0, -3.0, 8.0, 1.0])
    other = common + np.array([1.0, 1.1, 0.9, 1.0])
    runs = pd.DataFrame(
        {
            "point": np.repeat([0, 1], 4),
            "replication": np.tile(range(4), 2),
            "profit": [*common, *other],
        }
    ).drop(index=2)  # a run that failed: its partner counts no more
    found, ratio = paired_difference(runs, "profit", 1, 0)
    assert found.count == 3
    assert found.mean == pytest.approx((1.0 + 1.1 + 1.0) / 3)
    assert ratio < 0.01
    assert paired_difference(runs, "profit", 0, 0)[0].mean == 0.0
    with pytest.raises(InputError, match="point: got 7"):
        paired_difference(runs, "profit", 0, 7)
    with pytest.raises(InputError, match="output: got 'cost'"):
        paired_difference(runs, "cost", 0, 1)


def test_convergence_ends_at_the_mean() -> None:
    moved = convergence(np.array([2.0, 4.0, 6.0]))
    assert moved["mean"].tolist() == [2.0, 3.0, 4.0]
    assert moved["high"].iloc[-1] == t_interval(np.array([2.0, 4.0, 6.0])).high


def specification(folder: Path, **keys: Any) -> Specification:
    outputs = {
        "profit": {"table": "days", "column": "lot_profit", "reduce": "sum"},
        "lowest": {"table": "prices", "column": "voltage_pu", "reduce": "min", "per": "day"},
    }
    path = folder / "study.yaml"
    path.write_text(
        yaml.safe_dump({"scenario": "week-33", "days": 2, "outputs": outputs, **keys}, sort_keys=False),
        encoding="utf-8",
    )
    return read_specification(path)


def results(points: pd.DataFrame, runs: pd.DataFrame, days: pd.DataFrame) -> StudyResults:
    return StudyResults(points, runs, days, pd.DataFrame(), True)


def test_days_of_a_run_are_no_independent_values(tmp_path: Path) -> None:
    study = specification(tmp_path, replications=2, grid={"loads.scale": [1.0]})
    runs = pd.DataFrame({"point": [0, 0], "replication": [0, 1], "profit": [10.0, 14.0]})
    days = pd.DataFrame(
        {"point": [0] * 4, "replication": [0, 0, 1, 1], "day": [0, 1] * 2, "lowest": [0.9, 1.0, 0.94, 1.0]}
    )
    found = results(point_frame(study.points), runs, days)
    table = summary(study, found).set_index("output")
    assert table["runs"].tolist() == [2, 2]
    assert table["mean"].tolist() == [12.0, pytest.approx(0.96)]
    assert table.loc["lowest", "t_high"] == t_interval(np.array([0.95, 0.97])).high
    assert summary_table(study, found).row_count == 2
    names = sorted(path.name for path in draw_study(study, found, tmp_path))
    assert names == ["convergence.png", "convergence.svg", "means.png", "means.svg"]


def test_figures_name_points_by_what_is_set_there(tmp_path: Path) -> None:
    study = specification(tmp_path, replications=2, grid={"loads.scale": [0.5, 1.5]})
    runs = pd.DataFrame({"point": [0, 0, 1, 1], "replication": [0, 1] * 2, "profit": [10.0, 14.0, 20.0, 26.0]})
    days = pd.DataFrame({"point": [], "replication": [], "day": [], "lowest": []})
    found = results(point_frame(study.points), runs, days)
    figure = means_figure(summary(study, found), found.points)
    axis = figure.axes[-1]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0.5", "1.5"]
    assert axis.get_xlabel() == "loads.scale"
    assert figure.axes[0].containers[0][0].get_ydata().tolist() == [12.0, 23.0]
    moved = convergence_figure(study, found).axes[0]
    assert [line.get_label() for line in moved.get_lines()] == ["0.5", "1.5"]
    assert [line.get_ydata().tolist() for line in moved.get_lines()] == [[10.0, 12.0], [20.0, 23.0]]


def test_sobol_indices_of_a_function_that_is_known(tmp_path: Path) -> None:
    keys = {key: {"from": -np.pi, "to": np.pi} for key in ("loads.scale", "feeder.rating_kva", "prices.scale")}
    study = specification(tmp_path, sample={"method": "saltelli", "points": 1024, "keys": keys})
    points = point_frame(study.points)
    one, two, three = (points[key].to_numpy() for key in keys)
    ishigami = np.sin(one) + 7.0 * np.sin(two) ** 2 + 0.1 * three**4 * np.sin(one)
    runs = pd.DataFrame({"point": points["point"], "replication": 0, "profit": ishigami})
    found = sobol_indices(study, results(points, runs, pd.DataFrame()), "profit").set_index("key")
    # T. Ishigami and T. Homma, 1990, with a = 7, b = 0.1
    np.testing.assert_allclose(found["first"], [0.3139, 0.4424, 0.0], atol=0.02)
    np.testing.assert_allclose(found["total"], [0.5576, 0.4424, 0.2437], atol=0.02)
    assert (found["first_low"] <= found["first"]).all()
    with pytest.raises(InputError, match=r"point 3: got 'no finished run'"):
        sobol_indices(study, results(points, runs.drop(index=3), pd.DataFrame()), "profit")
    grid = specification(tmp_path, grid={"loads.scale": [1.0]})
    with pytest.raises(InputError, match=r"sample\.method: got 'none', expected saltelli"):
        sobol_indices(grid, results(points, runs, pd.DataFrame()), "profit")


def test_a_sobol_sample_fills_every_square_and_a_latin_one_every_strip(tmp_path: Path) -> None:
    """Sixteen points of two keys: one in every sixteenth of each; of Sobol's also one in each of 4 by 4 squares."""
    ranges = {"loads.scale": {"from": 0, "to": 16}, "renewables.sun.rated_kw": {"from": 0, "to": 16}}
    squares = {}
    for method in ("sobol", "latin-hypercube"):
        sample = {"points": 16, "method": method, "seed": 3, "keys": ranges}
        points = point_frame(specification(tmp_path, replications=1, sample=sample).points).to_numpy()[:, 1:]
        assert sorted(np.floor(points[:, 0])) == sorted(np.floor(points[:, 1])) == list(range(16))
        squares[method] = len({tuple(each) for each in np.floor(points / 4.0).tolist()})
    assert squares["sobol"] == 16 > squares["latin-hypercube"]


def test_the_points_of_saltelli() -> None:
    shares = saltelli_shares(3, 8, np.random.default_rng(0)).reshape(5, 8, 3)
    for key in range(3):
        others = [each for each in range(3) if each != key]
        np.testing.assert_array_equal(shares[2 + key][:, key], shares[1][:, key])
        np.testing.assert_array_equal(shares[2 + key][:, others], shares[0][:, others])


def test_every_number_of_a_summary_by_hand(tmp_path: Path) -> None:
    """Of five uneven values; five degrees of freedom less one: t = 2.776445. The table prints five digits of them."""
    study = specification(tmp_path, replications=5, grid={"loads.scale": [0.5, 1.5]})
    values = [1.0, 2.0, 4.0, 8.0, 100.0]
    runs = pd.DataFrame({"point": [1] * 5, "replication": range(5), "profit": values})
    days = pd.DataFrame({"point": [1], "replication": [0], "day": [0], "lowest": [0.9]})
    found = results(point_frame(study.points), runs, days)
    row = summary(study, found).query("point == 1 and output == 'profit'").iloc[0]
    room = 2.776445105 * np.std(values, ddof=1) / np.sqrt(5.0)
    spread = bootstrap_interval(np.array(values))
    assert row.drop(["point", "output"]).to_dict() == pytest.approx(
        {
            **{"runs": 5, "mean": 23.0, "t_low": 23.0 - room, "t_high": 23.0 + room},
            **{"bootstrap_low": spread.low, "bootstrap_high": spread.high},
            **{"q05": 1.2, "median": 4.0, "q95": 81.6, "cvar_low": 1.0, "cvar_high": 100.0},
        }
    )
    table = summary_table(study, found)
    assert [column.header for column in table.columns] == [
        *("loads.\nscale", "output", "runs", "mean", "95 % interval of it", "5 % and 95 % quantile")
    ]
    told = [[str(cell) for cell in column.cells] for column in table.columns]
    interval = f"{23.0 - room:.5g} {23.0 + room:.5g}"
    assert [cells[2] for cells in told] == ["1.5", "profit", "5", "23", interval, "1.2 81.6"]
    assert [cells[3] for cells in told] == ["1.5", "lowest", "1", "0.9", "nan nan", "0.9 0.9"]
    assert [cells[0] for cells in told][:4] == ["0.5", "profit", "0", "nan"]
    assert summary_table(study, found, 3).row_count == 3
    whole = means_figure(summary(study, found), found.points)
    (bars,) = whole.axes[0].containers[0].lines[2]
    ends = [segment[:, 1].tolist() for segment in bars.get_segments() if len(segment)]
    assert ends[-1] == pytest.approx([23.0 - room, 23.0 + room])
    moved = convergence_figure(study, found).axes[0]
    assert [line.get_ydata().tolist() for line in moved.get_lines()] == [pytest.approx([1.0, 1.5, 7 / 3, 3.75, 23.0])]
    band = moved.collections[0].get_paths()[0].vertices
    assert [band[:, 1].min(), band[:, 1].max()] == pytest.approx([min(-4.853102, 23.0 - room), 23.0 + room])


@pytest.mark.parametrize(
    ("reduce", "value"), [("sum", 9.0), ("mean", 3.0), ("min", 1.0), ("max", 5.0), ("last", 3.0), ("count", 3.0)]
)
def test_what_a_column_is_reduced_to(reduce: str, value: float) -> None:
    """The chosen rows of two days; what has no value is left out."""
    keys = {"table": "lots", "column": "power", "reduce": reduce, "where": {"lot": "a"}}
    wanted = {"run": OutputSection(**keys), "day": OutputSection(**keys, per="day")}
    outputs = Outputs(wanted)
    outputs.take({"lots": {"lot": ["a", "b", "a", "a"], "power": [5.0, 70.0, None, 1.0]}})
    outputs.take({"lots": {"lot": ["b", "a"], "power": [80.0, 3.0]}})
    assert outputs.of_run() == {"run": value}
    first = {"sum": 6.0, "mean": 3.0, "min": 1.0, "max": 5.0, "last": 1.0, "count": 2.0}
    assert outputs.days == [{"day": first[reduce]}, {"day": 1.0 if reduce == "count" else 3.0}]
    outputs.take({})
    nothing = outputs.days[-1]["day"]
    assert nothing == 0.0 if reduce in ("sum", "count") else np.isnan(nothing)


def limits(found: Any) -> tuple[float, ...]:
    return found.mean, found.low, found.high, found.count


@pytest.mark.parametrize("interval", [t_interval, bootstrap_interval])
def test_of_fewer_than_two_values_no_spread_is_told(interval: Any) -> None:
    nan = float("nan")
    assert limits(interval(np.array([]))) == pytest.approx((nan, nan, nan, 0), nan_ok=True)
    assert limits(interval(np.array([nan, 3.0]))) == pytest.approx((3.0, nan, nan, 1), nan_ok=True)
    assert limits(interval(np.array([3.0, 3.0]))) == (3.0, 3.0, 3.0, 2)
    two = interval(np.array([2.0, nan, 4.0]))
    assert (two.mean, two.count) == (3.0, 2)
    assert two.low < 3.0 < two.high
    for wrong in (0.0, 1.0):
        with pytest.raises(InputError) as error:
            interval(np.array([1.0]), wrong)
        assert str(error.value) == f"statistics: confidence: got {wrong}, expected a number between 0 and 1"


def test_intervals_of_two_and_three_values() -> None:
    """Of two values 12.7062 standard errors at 95 %, of three 2.9200 at 90 %."""
    assert limits(t_interval(np.array([2.0, 4.0])))[1:3] == pytest.approx((3.0 - 12.7062, 3.0 + 12.7062), abs=1e-3)
    half = 2.9200 / np.sqrt(3.0)
    assert limits(t_interval(np.array([1.0, 2.0, 3.0]), 0.9))[1:3] == pytest.approx((2.0 - half, 2.0 + half), abs=1e-3)
    found = bootstrap_interval(np.array([1.0, 2.0, 9.0]), seed=1)
    moved = bootstrap_interval(np.array([11.0, 12.0, 19.0]), seed=1)
    assert limits(moved)[:3] == pytest.approx([10.0 + each for each in limits(found)[:3]])
    assert 1.0 <= found.low < 4.0 < found.high <= 9.0


@pytest.mark.parametrize(
    ("level", "low", "high"), [(0.0, 2.5, 2.5), (0.5, 1.5, 3.5), (0.7, 3.5 / 3.0, 11.5 / 3.0), (0.9, 1.0, 4.0)]
)
def test_the_share_of_cvar_may_cut_a_value(level: float, low: float, high: float) -> None:
    """At 0.7 of four values one whole and a fifth of the next count: 1 + 0.2 * 2, and 4 + 0.2 * 3, over 1.2."""
    values = np.array([3.0, np.nan, 1.0, 4.0, 2.0])
    assert (cvar(values, level), cvar(values, level, upper=True)) == pytest.approx((low, high))


def test_what_no_level_is() -> None:
    assert np.isnan(cvar(np.array([np.nan])))
    for level in (-0.1, 1.0):
        with pytest.raises(InputError) as error:
            cvar(np.array([1.0]), level)
        assert str(error.value) == f"statistics: level: got {level}, expected a number from 0 to below 1"


def test_pairs_by_hand() -> None:
    """Differences 1 and 3: their variance is 2, that of independent runs 0.5 + 4.5 = 5."""
    runs = pd.DataFrame({"point": [0, 0, 1, 1], "replication": [0, 1, 0, 1], "profit": [1.0, 2.0, 2.0, 5.0]})
    found, ratio = paired_difference(runs, "profit", 1, 0)
    assert (found.mean, found.count, ratio) == (2.0, 2, pytest.approx(0.4))
    alone, none = paired_difference(runs[runs["replication"] == 0], "profit", 1, 0)
    assert (alone.mean, alone.count) == (1.0, 1)
    assert np.isnan(none)
    level, none = paired_difference(runs.assign(profit=3.0), "profit", 1, 0)
    assert (level.mean, level.low, level.high) == (0.0, 0.0, 0.0)
    assert np.isnan(none)


def test_an_output_that_never_varies_is_due_to_no_key(tmp_path: Path) -> None:
    keys = {"loads.scale": {"from": 0.5, "to": 1.5}, "prices.scale": {"from": 0.5, "to": 1.5}}
    study = specification(tmp_path, sample={"method": "saltelli", "points": 2, "keys": keys})
    points = point_frame(study.points)
    runs = pd.DataFrame({"point": points["point"], "replication": 0, "profit": 3.0})
    found = sobol_indices(study, results(points, runs, pd.DataFrame()), "profit")
    names = ["first", "first_low", "first_high", "total", "total_low", "total_high"]
    assert found.to_dict("list") == {"key": list(keys), **{name: [0.0, 0.0] for name in names}}
    with pytest.raises(InputError, match=r"output: got 'cost', expected one of profit, lowest, of runs$"):
        sobol_indices(study, results(points, runs, pd.DataFrame()), "cost")
    latin = specification(tmp_path, sample={"method": "latin-hypercube", "points": 2, "keys": keys})
    with pytest.raises(InputError, match=r"sample\.method: got 'latin-hypercube', expected saltelli, without a grid$"):
        sobol_indices(latin, results(points, runs, pd.DataFrame()), "profit")
