"""A run that stopped goes on where it was: the same days and digits as a run that nothing ended."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.charging.lot import ParkingLot
from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from sim import store
from sim.cli import main
from sim.folder import ARRAYS, CHECKPOINT, MANIFEST, PARTS, STATE
from sim.manifest import FORMAT
from sim.markets.nodal.kind import KIND as NODAL
from sim.options import RunOptions
from sim.run import run_scenario
from sim.simulate import kind_of, opened
from sim.snapshot import Snapshots
from sim.store import Run, comparable, read_run

SHORT = ["town-33", "week-33", "disco-belief"]
LONG = ["nodal-33-quarters", "disco-15", "disco-33", "epec-lots-33-case1", "aggregator-37", "aggregators-37"]
WEEK = "week-33"


@pytest.fixture(scope="module", autouse=True)
def _every_day_is_a_part() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "PART_S", 0.0)
        yield


def go(folder: Path, days: int, name: str = WEEK, **options: Any) -> Run:
    return run_scenario(load_scenario(name), folder, RunOptions(days=days, seed=3), **options).run


def assert_same(one: Run, other: Run) -> None:
    assert one.columns == other.columns
    for name in one.columns:
        left, right = comparable(one.table(name)), comparable(other.table(name))
        assert left.equals(right), name


def stopping_after(days: int) -> dict[str, Any]:
    """Options that stop a run when so many days are told."""
    told: list[str] = []
    return {"progress": told.append, "stop": lambda: len(told) >= days}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return go(tmp_path_factory.mktemp("whole") / "run", 6)


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two days that may go on; who changes it takes a copy."""
    folder = tmp_path_factory.mktemp("two") / "run"
    go(folder, 2)
    return folder


# The state of the agents


def rows_of_the_next_day(kind: Any, model: Any) -> dict[str, Any]:
    model.step()
    tables = {table.name: table.frame(model.last) for table in kind.tables if table.of(model.last) is not None}
    return {name: comparable(frame) for name, frame in tables.items()}


@pytest.mark.parametrize("name", [*SHORT, *(pytest.param(name, marks=pytest.mark.long) for name in LONG)])
def test_a_model_with_a_saved_state_goes_on_with_the_same_digits(name: str, tmp_path: Path) -> None:
    """Two days, the state, and what the next days of both models hold; also that the state read is the state saved."""
    case, options = load_scenario(name), RunOptions(days=4, seed=3)
    kind = kind_of(case)
    first, second = opened(kind, case, options), opened(kind, load_scenario(name), options)
    saved, restored = Snapshots(first), Snapshots(second)
    for _ in range(2):
        first.step()
    saved.save(tmp_path)
    restored.load(tmp_path)
    assert json.dumps(saved.state()[0]) == json.dumps(restored.state()[0])
    assert second.day == 2
    for _ in range(2):
        here, there = rows_of_the_next_day(kind, first), rows_of_the_next_day(kind, second)
        assert here.keys() == there.keys()
        assert [table for table, frame in here.items() if not frame.equals(there[table])] == []
    for model in (first, second):
        model.close()


def test_a_state_without_one_memory_gives_other_days() -> None:
    """The saved state matters: without the vehicles that stay over night the next day is another."""
    case, options = load_scenario("town-33"), RunOptions(days=4, seed=3)
    models = [opened(NODAL, case, options) for _ in range(2)]
    snapshots = [Snapshots(model) for model in models]
    for _ in range(2):
        models[0].step()
    document, arrays = snapshots[0].state()
    emptied = json.loads(json.dumps(document))
    lots = [state for state in emptied["members"] if "vehicles" in state and "learner" in state]
    assert lots
    assert sum(len(lot["vehicles"]["list"]) for lot in lots) > 0
    for lot in lots:
        lot["vehicles"]["list"] = []
    snapshots[1].restore(emptied, arrays)
    days = [rows_of_the_next_day(NODAL, model)["days"] for model in models]
    assert not days[0].equals(days[1])


def test_a_state_stays_what_it_is_while_models_go_on() -> None:
    """Neither the model that it is of nor one that it is given to changes it: it may be given a second time."""
    case, options = load_scenario(WEEK), RunOptions(days=3, seed=3)
    models = [opened(kind_of(case), case, options) for _ in range(3)]
    snapshots = [Snapshots(model) for model in models]
    models[0].step()
    document, arrays = snapshots[0].state()
    kept = {name: array.copy() for name, array in arrays.items()}
    for model, snapshot in zip(models[1:], snapshots[1:], strict=True):
        model.step()
        snapshot.restore(document, arrays)
    for model in models[:2]:
        model.step()
    assert [name for name, array in arrays.items() if not np.array_equal(array, kept[name], equal_nan=True)] == []
    last = snapshots[2].state()[1]
    assert [name for name, array in last.items() if not np.array_equal(array, kept[name], equal_nan=True)] == []


# Runs


@pytest.mark.parametrize("days", [1, 4])
def test_a_stopped_run_goes_on(tmp_path: Path, whole: Run, days: int) -> None:
    folder = tmp_path / "run"
    assert go(folder, 6, **stopping_after(days)).manifest["days_done"] == days
    told: list[str] = []
    run = go(folder, 6, resume=True, progress=told.append)
    assert_same(run, whole)
    assert run.manifest["status"] == "complete"
    assert told[: days + 1] == [*(f"day {k}, done before" for k in range(days)), f"day {days} (2024-06-{10 + days})"]


def test_a_run_goes_on_with_more_days_and_a_complete_one_has_nothing_left(tmp_path: Path, whole: Run) -> None:
    folder = tmp_path / "run"
    go(folder, 2)
    assert_same(go(folder, 6, resume=True), whole)
    assert_same(go(folder, 6, resume=True), whole)
    with pytest.raises(InputError, match=r"--resume, days: got 5, expected at least 6, which are done"):
        go(folder, 5, resume=True)
    assert_same(read_run(folder), whole)


def test_where_there_is_no_run_one_begins(tmp_path: Path, whole: Run) -> None:
    assert_same(go(tmp_path / "run", 6, resume=True), whole)


def test_a_day_that_was_given_up_is_done_again(tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted in the middle of the fourth day, when agents have seen it: the saved state is that of the third."""
    monkeypatch.setattr(store, "PART_S", 1e9)  # nothing is on disk before the end
    settled = 0
    settle = ParkingLot.settle

    def interrupted(lot: ParkingLot, clearing: Any) -> None:
        nonlocal settled
        settled += 1
        if settled == 3 * 3 + 2:
            raise KeyboardInterrupt
        settle(lot, clearing)

    monkeypatch.setattr(ParkingLot, "settle", interrupted)
    folder = tmp_path / "run"
    assert go(folder, 6).manifest["days_done"] == 3
    assert len(read_run(folder).days) == 3
    monkeypatch.setattr(ParkingLot, "settle", settle)
    with pytest.raises(InputError, match=r"--resume: got 'no saved state', expected a run whose state could be saved"):
        go(folder, 6, resume=True)
    monkeypatch.setattr(store, "PART_S", 0.0)
    settled = 0
    monkeypatch.setattr(ParkingLot, "settle", interrupted)
    go(folder, 6, force=True)
    monkeypatch.setattr(ParkingLot, "settle", settle)
    assert_same(go(folder, 6, resume=True), whole)


KILLED = "import sys, sim.store; sim.store.PART_S = 0.0; from sim.cli import main; sys.exit(main(sys.argv[1:]))"


def killed_after(folder: Path, parts: int, days: int) -> None:
    """Start or resume a run in a process of its own and kill it when it has written some days more."""
    words = ["run", WEEK, "--days", str(days), "--seed", "3", "--out", str(folder), "--resume", "--no-figures"]
    process = subprocess.Popen([sys.executable, "-c", KILLED, *words], stdout=subprocess.DEVNULL)
    place = folder / PARTS
    while process.poll() is None and len(list(place.glob("[0-9]*")) if place.exists() else []) < parts:
        time.sleep(0.002)
    process.kill()
    process.wait()


@pytest.mark.parametrize("moments", [2, pytest.param(20, marks=pytest.mark.long)])
def test_a_killed_run_goes_on_wherever_it_was_killed(tmp_path: Path, moments: int) -> None:
    folder, draw, days = tmp_path / "run", random.Random(7), max(10, 2 * moments)
    parts = 0
    for _ in range(moments):
        parts = min(parts + draw.randint(1, 3), days)
        killed_after(folder, parts, days)
        run = Run(folder)
        assert run.manifest["days_done"] <= len(run.days), "a day that was told is lost"
        assert run.days["day"].tolist() == list(range(len(run.days)))
    assert_same(go(folder, days, resume=True), go(tmp_path / "whole", days))


# What is refused


@pytest.mark.parametrize(
    ("options", "name", "expected"),
    [
        ({"seed": 4}, WEEK, r"--resume, seed: got 4, expected 3, as in the run that is to be resumed"),
        ({"solver": "gurobi"}, WEEK, r"--resume, solver: got 'gurobi', expected auto"),
        ({}, "town-33", r"--resume, scenario: got 'town-33', expected week-33"),
    ],
)
def test_another_run_is_not_gone_on_with(
    tmp_path: Path, two_days: Path, options: dict[str, Any], name: str, expected: str
) -> None:
    folder = shutil.copytree(two_days, tmp_path / "run")
    with pytest.raises(InputError, match=expected):
        run_scenario(load_scenario(name), folder, RunOptions(**{"days": 4, "seed": 3, **options}), resume=True)
    lots = load_scenario(WEEK).resolved()["lots"]
    changed = load_scenario(WEEK, {"lots": [{**lots[0], "places": 11}, *lots[1:]]})
    with pytest.raises(InputError, match=r"--resume, resolved_scenario.lots\[0\].places: got 11, expected 40"):
        run_scenario(changed, folder, RunOptions(days=4, seed=3), resume=True)
    assert_same(read_run(folder), read_run(two_days))


def test_a_run_of_an_earlier_format_is_not_gone_on_with(tmp_path: Path, two_days: Path) -> None:
    """Its tables have other columns: days of both would not fit together."""
    folder = shutil.copytree(two_days, tmp_path / "run")
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**content, "format": FORMAT - 1}), encoding="utf-8")
    with pytest.raises(InputError, match=rf"--resume, format: got {FORMAT}, expected {FORMAT - 1}, as in the run"):
        run_scenario(load_scenario(WEEK), folder, RunOptions(days=4, seed=3), resume=True)
    assert_same(read_run(folder), read_run(two_days))


def damaged(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / CHECKPOINT / name).write_bytes(content) and None


@pytest.mark.parametrize(
    "damage",
    [
        damaged(STATE, b"{"),
        damaged(STATE, b'{"fresh": "x", "members": []}'),
        damaged(STATE, b"[]"),
        damaged(ARRAYS, b"PK\x03\x04 cut off"),
        damaged(ARRAYS, b""),
    ],
)
def test_a_damaged_state_is_one_line(tmp_path: Path, two_days: Path, damage: Callable[[Path], None]) -> None:
    folder = shutil.copytree(two_days, tmp_path / "run")
    damage(folder)
    with pytest.raises(InputError, match=r"state.json: saved state: got ") as caught:
        go(folder, 4, resume=True)
    assert "\n" not in str(caught.value)
    assert len(read_run(folder).days) == 2


def classes(value: Any) -> Iterator[dict[str, Any]]:
    """All parts of a state that are objects of a class."""
    if isinstance(value, dict):
        if "new" in value:
            yield value
        for part in value.values():
            yield from classes(part)
    elif isinstance(value, list):
        for part in value:
            yield from classes(part)


@pytest.mark.parametrize("name", ["subprocess:Popen", "os:system", "sim.cli:main", "agents.vehicle:nothing"])
def test_a_state_makes_no_object_of_a_foreign_class(tmp_path: Path, two_days: Path, name: str) -> None:
    folder = shutil.copytree(two_days, tmp_path / "run")
    state = json.loads((folder / CHECKPOINT / STATE).read_text())
    next(classes(state))["new"] = name
    (folder / CHECKPOINT / STATE).write_text(json.dumps(state))
    with pytest.raises(InputError, match=r"saved state: got "):
        go(folder, 4, resume=True)


class Diary(ParkingLot):
    """A lot that keeps a generator of its own, whose state nobody can read off its attributes."""

    def settle(self, clearing: Any) -> None:
        super().settle(clearing)
        self.diary = iter([1, 2])


def test_what_cannot_be_saved_is_said_and_the_run_goes_through(tmp_path: Path) -> None:
    from sim.markets.charging.model import LocalMarket

    class Own(LocalMarket):
        def make_lot(self, index: int, site: Any, settings: Any) -> ParkingLot:
            lot = super().make_lot(index, site, settings)
            lot.__class__ = Diary
            return lot

    folder = tmp_path / "run"
    outcome = run_scenario(load_scenario(WEEK), folder, RunOptions(days=2), model=Own.from_options)
    assert outcome.status == "complete"
    assert outcome.run.manifest["not_resumable"] == "Diary, diary: list_iterator"
    with pytest.raises(InputError, match="--resume: got 'Diary, diary: list_iterator', expected a run whose state"):
        run_scenario(load_scenario(WEEK), folder, RunOptions(days=3), model=Own.from_options, resume=True)


def test_the_command_resumes(tmp_path: Path, whole: Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", WEEK, "--seed", "3", "--out", str(tmp_path / "run"), "--no-figures"]
    assert main([*words, "--days", "2"]) == 0
    assert main([*words, "--days", "6"]) == 2
    assert "--resume to go on with it, or --force to overwrite" in capsys.readouterr().err
    assert main([*words, "--days", "6", "--resume", "--force"]) == 2
    assert "one of them: to go on with a run, or to overwrite it" in capsys.readouterr().err
    assert main([*words, "--days", "6", "--resume"]) == 0
    assert_same(read_run(tmp_path / "run"), whole)


def test_shared_objects_stay_shared_and_numbers_keep_their_kind() -> None:
    case, options = load_scenario(WEEK), RunOptions(days=1)
    models = [opened(kind_of(case), case, options) for _ in range(2)]
    snapshots = [Snapshots(model) for model in models]
    here, there = (model.lots for model in models)
    kept = {"values": np.array([1.5, np.inf]), "many": (np.int64(3), {4, 5}, float("nan"), -0.0)}
    here[0].notes, here[1].notes = kept, kept
    here[0].odd = [kept["values"], None, True, "text", {(1, "a"): 2.5}]
    snapshots[1].restore(*snapshots[0].state())
    assert there[0].notes is there[1].notes
    assert there[0].odd[0] is there[0].notes["values"]
    np.testing.assert_array_equal(there[0].notes["values"], [1.5, np.inf])
    whole, some, nan, zero = there[0].notes["many"]
    assert (type(whole), whole, some, str(nan), str(zero)) == (np.int64, 3, {4, 5}, "nan", "-0.0")
    assert there[0].odd[1:] == [None, True, "text", {(1, "a"): 2.5}]
