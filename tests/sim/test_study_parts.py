"""Parts of a study by themselves: values and seeds, points and their limits, chunks, progress, and rows of a worker."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from equilibrium.errors import InputError, SeveralInputErrors
from sim.studies import executors, specification, storage, work
from sim.studies import study as studies
from sim.studies.specification import OutputSection, RangeSection, read_specification, saltelli_shares
from sim.studies.study import Progress, Study

OUTPUTS = {"profit": {"table": "days", "column": "lot_profit", "reduce": "sum"}}


def read(folder: Path, **keys: Any) -> Any:
    given = {"scenario": "week-33", "days": 2, "outputs": OUTPUTS, **keys}
    (folder / "s.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
    return read_specification(folder / "s.yaml")


def complaint(folder: Path, **keys: Any) -> str:
    with pytest.raises(InputError) as error:
        read(folder, **keys)
    return str(error.value).removeprefix(f"{folder / 's.yaml'}: ")


# Values and seeds


@pytest.mark.parametrize(
    ("low", "high", "whole", "values"),
    [
        (-1.0, 3.0, False, [-1.0, 0.0, 1.0, 3.0]),
        (2, 5, True, [2, 3, 4, 5]),
        (1.5, 5.5, True, [2, 3, 4, 5]),
        (-2, -1, True, [-2, -2, -1, -1]),
    ],
)
def test_values_at_shares_of_a_range(low: float, high: float, whole: bool, values: list[float]) -> None:
    section = RangeSection.model_validate({"from": low, "to": high, "whole": whole})
    assert [section.value(share) for share in (0.0, 0.25, 0.5, 1.0)] == values
    assert [type(section.value(share)) for share in (0.0, 1.0)] == [int if whole else float] * 2


def test_seeds_are_the_high_bits_of_a_stream_of_the_replication(tmp_path: Path) -> None:
    def wanted(*key: int) -> int:
        return int(np.random.SeedSequence(7, spawn_key=key).generate_state(1, np.uint64)[0]) // 2**12

    same, apart = (read(tmp_path, seed=7, common_random_numbers=common) for common in (True, False))
    assert [same.seed(point, replication) for point in (0, 3) for replication in (0, 1)] == [wanted(0), wanted(1)] * 2
    assert [apart.seed(point, 1) for point in (0, 3)] == [wanted(1, 1), wanted(1, 4)]
    assert all(seed < 2**52 for seed in (wanted(0), wanted(1), wanted(1, 4)))
    assert same.seed(0, 0) > 2**40  # the high bits, not what is left of them


def test_a_study_as_plain_data(tmp_path: Path) -> None:
    study = read(tmp_path, grid={"a.b": [1, 2]}, replications=3)
    assert study.runs == 6
    found = study.resolved()
    assert found["points"] == [{"a.b": "1"}, {"a.b": "2"}]
    assert (found["days"], found["replications"], found["seed"], found["common_random_numbers"]) == (2, 3, 0, True)
    assert found["options"] == {"solver": "auto", "on_infeasible": None, "certify": "standard", "node_limit": None}
    assert (found["grid"], found["sample"], found["claims"]) == ({"a.b": [1, 2]}, None, {})
    assert found["outputs"]["profit"] == {**OUTPUTS["profit"], "per": "run", "where": {}}


# Points


def test_points_are_all_combinations_in_order(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "scenario: week-33\ndays: 1\noutputs: {p: {table: days, column: x, reduce: sum}}\n"
        "grid: {a: [010, 2.50], b: x, c: [true, null]}\n"
        "sample: {points: 2, seed: 3, keys: {d: {from: 0, to: 1}}}\n"
    )
    points = read_specification(tmp_path / "s.yaml").points
    assert [(point["a"], point["b"], point["c"]) for point in points] == [
        (a, "x", c) for a in ("010", "2.50") for c in ("true", "null") for _ in range(2)
    ]
    assert list(points[0]) == ["a", "b", "c", "d"]
    drawn = [point["d"] for point in points]
    assert drawn == drawn[:2] * 4
    assert sorted(float(each) >= 0.5 for each in drawn[:2]) == [False, True]


def test_a_path_of_a_scenario_is_relative_to_the_study(tmp_path: Path) -> None:
    assert read(tmp_path, scenario="in/../own.yml").file.scenario == str((tmp_path / "own.yml").resolve())
    assert read(tmp_path, scenario="own.yaml").file.scenario == str((tmp_path / "own.yaml").resolve())
    assert read(tmp_path, scenario="week-33").file.scenario == "week-33"


def test_as_many_points_and_runs_as_there_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specification, "POINTS_LIMIT", 6)
    monkeypatch.setattr(specification, "RUNS_LIMIT", 12)
    grid = {"a": [1, 2, 3], "b": [1, 2]}
    assert read(tmp_path, grid=grid, replications=2).runs == 12
    assert complaint(tmp_path, grid=grid, replications=3) == "line 16, replications: got '18 runs', expected at most 12"
    more = complaint(tmp_path, grid={**grid, "b": [1, 2, 3]})
    assert more.endswith("grid: got 'more points', expected at most 6")


@pytest.mark.parametrize(
    ("method", "points", "fits"),
    [("sobol", 8, True), ("sobol", 6, False), ("saltelli", 1, True), ("saltelli", 12, False),
     ("latin-hypercube", 3, True)],
)  # fmt: skip
def test_sequences_want_a_power_of_two(method: str, points: int, fits: bool, tmp_path: Path) -> None:
    sample = {"method": method, "points": points, "keys": {"a": {"from": 0, "to": 1}}}
    if fits:
        assert len(read(tmp_path, sample=sample).points) == points * (3 if method == "saltelli" else 1)
    else:
        assert complaint(tmp_path, sample=sample).endswith(
            "expected a number of points that is a power of two, which is what balances a Sobol sequence"
        )


def test_two_samples_and_their_mixtures() -> None:
    shares = saltelli_shares(3, 4, np.random.default_rng(1))
    assert shares.shape == (20, 3)
    first, second, *mixed = np.split(shares, 5)
    assert not np.isin(first, second).any()
    for key, part in enumerate(mixed):
        for column in range(3):
            assert part[:, column].tolist() == (second if column == key else first)[:, column].tolist()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"sample": {"points": 1, "keys": {"a": {"from": 0, "to": 0}}}},
         "sample.keys.a: got {'from': 0, 'to': 0}, expected a range whose from is below its to"),
        ({"sample": {"points": 1, "keys": {"a": {"from": 0, "to": 1, "low": 2}}}},
         "sample.keys.a.low: got 'low', expected one of the keys from, to, whole"),
        ({"sample": {"points": 1, "keys": {}}}, "sample.keys: got {}, expected at least one"),
        ({"sample": {"points": 0, "keys": {"a": {"from": 0, "to": 1}}}},
         "sample.points: got 0, expected greater than or equal to 1"),
        ({"options": {"solvr": "auto"}}, "options.solvr: got 'solvr', expected one of the keys solver, on_infeasible, "
         "certify, node_limit (closest: solver)"),
        ({"options": []}, "options: got [], expected a mapping of keys"),
        ({"grid": 3}, "grid: got 3, expected a mapping of keys"),
        ({"outputs": {"p": {**OUTPUTS["profit"], "pro": "day"}}}, "outputs.p.pro: got 'pro', expected one of the keys "
         "table, column, reduce, per, where (closest: per)"),
        ({"claims": {"c": {"output": "p", "larger": {"a": 1}, "than": {"a": 2}, "x": 1}}},
         "claims.c.x: got 'x', expected one of the keys output, larger, than"),
        ({"zzz": 1}, "zzz: got 'zzz', expected one of the keys title, scenario, days, replications, seed, "
         "common_random_numbers, options, grid, sample, outputs, claims"),
        ({"outputs": {"p": {"table": "days", "column": "x"}}},
         "outputs.p.reduce: got None, expected a key 'reduce' here"),
        ({"grid": {"a": [1]}, "sample": {"points": 1, "keys": {"a": {"from": 0, "to": 1}}}},
         "sample.keys.a: got 'a', expected a key that is not in grid too"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_file(keys: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert complaint(tmp_path, **keys).partition(", ")[2] == said


def test_two_complaints_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(SeveralInputErrors):
        read(tmp_path, days=0, replications=0)


# Chunks and progress


def bare(points: int, replications: int, **keys: Any) -> Study:
    """A study whose scenario is not read."""
    made = object.__new__(Study)
    file = SimpleNamespace(
        **{"replications": replications, "scenario": "s", "days": 4, "options": "o", "outputs": OUTPUTS, **keys}
    )
    made.specification = SimpleNamespace(  # type: ignore[assignment]
        file=file, runs=points * replications, points=[{"a": str(k)} for k in range(points)],
        seed=lambda point, replication: 100 * point + replication,
    )  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("points", "replications", "sizes"),
    [(1, 1, [1]), (4, 8, [1] * 32), (3, 11, [2] * 16 + [1]), (64, 32, [64] * 32), (1, 2049, [64] * 32 + [1])],
)
def test_a_study_is_cut_into_chunks(points: int, replications: int, sizes: list[int]) -> None:
    chunks = list(bare(points, replications).chunks())
    assert [len(chunk.replications) for chunk in chunks] == sizes
    assert [chunk.number for chunk in chunks] == list(range(len(sizes)))
    runs = [each for chunk in chunks for each in chunk.replications]
    assert [(each.point, each.replication) for each in runs] == list(
        itertools.product(range(points), range(replications))
    )
    last = runs[-1]
    assert (last.seed, last.settings) == (100 * last.point + last.replication, {"a": str(points - 1)})
    first: Any = chunks[0]
    assert (first.scenario, first.days, first.options, first.outputs) == ("s", 4, "o", OUTPUTS)


def test_progress_counts_what_was_there_and_tells_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of six runs two stand there; after one more in 3 s nine seconds are left, then a failure after 8 s leaves 8."""
    clock = iter([10.0, 13.0, 18.0])
    monkeypatch.setattr("sim.studies.study.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    put: list[int] = []
    store = SimpleNamespace(
        holds=lambda number, runs: (number, runs) in ((0, 1), (3, 1)),
        put=lambda done: put.append(done.number),
        frame=lambda name: f"frame of {name}",
    )
    monkeypatch.setattr(studies, "ChunkStore", lambda *_: store)
    monkeypatch.setattr(studies, "point_frame", lambda points: len(points))

    def worked(_workers: Any, left: list[Any], _stop: Any) -> Iterator[Any]:
        assert [chunk.number for chunk in left] == [1, 2, 4, 5]
        yield SimpleNamespace(number=1, runs=[{}], failures=[])
        yield SimpleNamespace(number=2, runs=[], failures=[{}])
        yield None

    monkeypatch.setattr(studies, "worked", worked)
    told: list[Progress] = []
    results: Any = bare(3, 2).run(progress=told.append)
    assert told == [Progress(3, 6, 0, 9.0), Progress(4, 6, 1, 8.0)]
    assert (put, results.complete, results.points, results.runs) == ([1, 2], False, 3, "frame of runs")
    assert (results.days, results.failures) == ("frame of days", "frame of failures")


def test_each_value_of_a_key_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[dict[str, str]] = []
    monkeypatch.setattr(studies, "read_case", lambda _scenario, settings: tried.append(settings))
    study = bare(1, 1)
    points = [
        {"a": "1", "b": "1"},
        {"a": "1", "b": "2"},
        {"a": "2", "b": "1"},
        {"a": "2", "b": "2"},
        {"a": "3", "b": "1"},
    ]
    vars(study.specification)["points"] = points
    study._check_keys()
    assert tried == [points[1], points[2], points[4]]
    tried.clear()
    monkeypatch.setattr(studies, "_CHECKED", 4)  # after the first three there are four values
    study._check_keys()
    assert tried == [points[1], points[2]]


# Workers


def test_work_in_this_process() -> None:
    done = executors.InProcess().submit(divmod, 7, 2)
    assert (done.result(), isinstance(done, Future)) == ((3, 1), True)
    assert isinstance(executors.InProcess().submit(divmod, 7, 0).exception(), ZeroDivisionError)
    assert (executors.in_process().name, executors.in_process().count) == ("in-process", 1)


def test_a_pool_of_processes_has_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^study: workers: got 0, expected a whole number, at least 1$"):
        executors.processes(0)
    asked: list[Any] = []

    class Pool:
        def __init__(self, count: int, **named: Any) -> None:
            threads = [os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")]
            asked.append((count, named["initializer"], threads))

        def shutdown(self, **named: Any) -> None:
            asked.append(named)

    monkeypatch.setattr(executors, "ProcessPoolExecutor", Pool)
    ended: list[str] = []
    stray = SimpleNamespace(terminate=lambda: ended.append("stray"))
    other = SimpleNamespace(terminate=lambda: ended.append("other"))
    children = iter([[other], [other, stray]])
    monkeypatch.setattr(executors, "active_children", lambda: _Hashed(next(children)))
    monkeypatch.setattr(executors, "set", lambda values: values, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    workers = executors.processes(1)
    assert (workers.name, workers.count) == ("1 processes", 1)
    with workers.opened():
        pass
    assert asked == [
        (1, executors._begin, ["1", "1", "1"]),
        {"wait": False, "cancel_futures": True},
        {"wait": True},
    ]
    assert ended == ["stray"]
    assert (os.environ["OMP_NUM_THREADS"], "MKL_NUM_THREADS" in os.environ) == ("7", False)


class _Hashed(list[Any]):
    """A list from which another one is taken away, as from a set."""

    def __sub__(self, others: list[Any]) -> list[Any]:
        return [each for each in self if each not in others]


def test_the_row_of_a_run_that_failed() -> None:
    run = work.Replication(4, {"a": "1"}, 2, 99)
    row = work.failure(run, 3, ValueError("why"))
    assert {key: row[key] for key in ("point", "replication", "seed", "day", "type", "message", "origin")} == {
        **{"point": 4, "replication": 2, "seed": 99, "day": 3, "type": "ValueError", "message": "why"},
        "origin": "the worker process",
    }
    try:
        _raising()
    except ValueError as error:
        origin = work.failure(run, 0, error)["origin"]
    line = _raising.__code__.co_firstlineno + 1
    assert origin == f"_raising ({__file__}:{line})"


def _raising() -> None:
    raise ValueError("here")


def test_rows_of_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run fails after one of its two days; a day without numbers has no row."""
    monkeypatch.setattr(work, "_case", lambda scenario, settings: (scenario, settings))
    monkeypatch.setattr(work, "kind_of", lambda _: "kind")
    wall, used = iter([1.0, 3.5, 10.0, 20.0, 22.0]), iter([0.5, 1.25, 5.0, 9.0, 9.5])
    clocks = SimpleNamespace(perf_counter=lambda: next(wall), process_time=lambda: next(used))
    monkeypatch.setattr("sim.studies.work.time", clocks)

    def days(_kind: Any, case: Any, _chunk: Any, seed: int, gathered: Any) -> Iterator[None]:
        assert case == ("s", (("a", "x"),))
        for day in range(2):
            if (seed, day) == (6, 1):
                raise RuntimeError("broken")
            gathered.days.append({"low": seed + day} if day or seed == 5 else {})
            yield

    monkeypatch.setattr(work, "_days", days)
    monkeypatch.setattr(work, "Outputs", lambda _: SimpleNamespace(days=[], of_run=lambda: {"profit": 1.5}))
    runs = tuple(work.Replication(k, {"a": "x"}, k + 1, seed) for k, seed in enumerate((5, 6, 7)))
    chunk = work.Chunk(8, "s", 2, specification.OptionsSection(), {}, runs)
    done = work.work(chunk)
    assert done.number == 8
    timing = [{"seconds": 2.5, "processor_seconds": 0.75}, {"seconds": 2.0, "processor_seconds": 0.5}]
    assert done.runs == [
        {"point": 0, "replication": 1, "seed": 5, "days": 2, "profit": 1.5, **timing[0]},
        {"point": 2, "replication": 3, "seed": 7, "days": 2, "profit": 1.5, **timing[1]},
    ]
    assert done.days == [
        {"point": 0, "replication": 1, "day": 0, "low": 5},
        {"point": 0, "replication": 1, "day": 1, "low": 6},
        {"point": 2, "replication": 3, "day": 1, "low": 8},
    ]
    (failed,) = done.failures
    assert (failed["point"], failed["seed"], failed["day"], failed["message"]) == (1, 6, 1, "broken")


# Files


def test_points_whose_values_are_all_numbers_are_numbers() -> None:
    frame = storage.point_frame([{"a": "1", "b": "x", "c": "0.5"}, {"a": "2", "b": "3", "c": "7"}])
    assert frame.to_dict("list") == {"point": [0, 1], "a": [1, 2], "b": ["x", "3"], "c": [0.5, 7.0]}
    assert (str(frame["point"].dtype), pd.api.types.is_numeric_dtype(frame["a"])) == ("int32", True)


def test_columns_of_the_tables() -> None:
    day = OutputSection.model_validate({**OUTPUTS["profit"], "per": "day"})
    run = OutputSection.model_validate(OUTPUTS["profit"])
    found = storage.schemas({"low": day, "profit": run})
    assert found["runs"].names == [
        "point", "replication", "seed", "days", "profit", "seconds", "processor_seconds",
    ]  # fmt: skip
    assert found["days"].names == ["point", "replication", "day", "low"]
    assert found["failures"].names == [
        "point", "replication", "seed", "day", "type", "message", "origin", "traceback",
    ]  # fmt: skip


def test_folders_of_studies(tmp_path: Path) -> None:
    assert not storage.check_study_folder(tmp_path / "none")
    assert not storage.check_study_folder(tmp_path)
    (tmp_path / ".lock").write_text("")
    assert not storage.check_study_folder(tmp_path)
    (tmp_path / "z").write_text("")
    (tmp_path / "a").write_text("")
    for path, said in (
        (tmp_path, "study folder: got 'a, which no study wrote', expected an empty or new folder"),
        (tmp_path / "z", "study folder: got 'a file', expected a folder, or a name that is free"),
    ):
        with pytest.raises(InputError) as error:
            storage.check_study_folder(path)
        assert str(error.value) == f"{path}: {said}"
    (tmp_path / "manifest.json").write_text('{"study_format": 1}')
    assert storage.check_study_folder(tmp_path)
    (tmp_path / "manifest.json").write_text('{"study_format": 0}')
    with pytest.raises(
        InputError, match=r"format of the study: got 0, expected 1: the study is of equilot another ver"
    ):
        storage.check_study_folder(tmp_path)
