"""What a run may go on with, word for word, around a model of one agent that does nothing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mesa import Agent, Model

from equilibrium.errors import InputError
from sim import run as runs
from sim.folder import CHECKPOINT, MANIFEST
from sim.manifest import FORMAT, versions
from sim.options import RunOptions
from sim.resume import Checkpoints, differences
from sim.snapshot import Snapshots, written


class Daily(Model):  # type: ignore[misc]
    """A model of one agent."""

    def __init__(self, day: int = 0) -> None:
        super().__init__()
        self.day = day
        self.keeper: Any = Agent(self)
        self.keeper.seen = [day]


CONTENT = {"seed": 3, "days_asked": 4, "scenario": "week", "resolved_scenario": {"lots": [{"places": 40}, {"x": 1}]}}


def going_on(folder: Path, model: Any = None, told: list[str] | None = None, **content: Any) -> Checkpoints:
    return Checkpoints(folder, model or Daily(), {**CONTENT, **content}, None if told is None else told.append)


def stopped(folder: Path, day: int = 2, **content: Any) -> None:
    """A run in a folder that has stopped after some days."""
    (folder / CHECKPOINT).mkdir(parents=True)
    model = Daily()
    saved = going_on(folder, model)
    model.day = day
    model.keeper.seen = [0, 1]
    saved.save(folder / CHECKPOINT)
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, **CONTENT, "days_done": day, **content}))


def refused(run: Checkpoints) -> str:
    with pytest.raises(InputError) as error:
        run.load()
    return str(error.value)


def test_a_run_goes_on_where_its_state_is(tmp_path: Path) -> None:
    assert going_on(tmp_path / "none").load() is None
    stopped(tmp_path)
    told: list[str] = []
    model = Daily()
    run = going_on(tmp_path, model, told)
    run.tell_done()
    assert told == []  # nothing is done before it is loaded
    assert run.load() == 2
    assert (model.day, model.keeper.seen) == (2, [0, 1])
    run.tell_done()
    assert told == ["day 0, done before", "day 1, done before"]
    run.names = {2: "third", 3: "fourth", 5: "sixth"}
    run.written([2, 3])
    assert told[2:] == ["third", "fourth"]
    assert run.names == {5: "sixth"}
    assert json.loads((tmp_path / MANIFEST).read_text()) == {"format": FORMAT, **CONTENT, "days_done": 4}
    run.written([5])
    assert json.loads((tmp_path / MANIFEST).read_text())["days_done"] == 5
    quiet = going_on(tmp_path)
    quiet.load()
    quiet.tell_done()
    quiet.names = {9: "tenth"}
    quiet.written([9])


def test_as_many_days_may_be_asked_as_are_done_and_no_fewer(tmp_path: Path) -> None:
    stopped(tmp_path, 4)
    assert going_on(tmp_path).load() == 4
    assert refused(going_on(tmp_path, days_asked=3)) == (
        f"{tmp_path}: --resume, days: got 3, expected at least 4, which are done"
    )


@pytest.mark.parametrize(
    ("content", "place", "new", "old"),
    [
        ({"seed": 4}, "seed", 4, 3),
        ({"solver": "highs"}, "solver", "'highs'", None),
        ({"resolved_scenario": {"lots": [{"places": 40}, {"x": 2}]}}, "resolved_scenario.lots[1].x", 2, 1),
        ({"resolved_scenario": {"lots": [{"places": 40}]}}, "resolved_scenario.lots", [{"places": 40}],
         [{"places": 40}, {"x": 1}]),
        ({"resolved_scenario": {"lots": [{"places": 40}, {"x": 1}], "y": 0}}, "resolved_scenario.y", 0, None),
        ({"resolved_scenario": {}}, "resolved_scenario.lots", None, [{"places": 40}, {"x": 1}]),
    ],
)  # fmt: skip
def test_another_run_is_told_by_its_first_difference(
    content: dict[str, Any], place: str, new: object, old: object, tmp_path: Path
) -> None:
    stopped(tmp_path)
    expected = f"{old}, as in the run that is to be resumed, or --force to begin anew"
    assert refused(going_on(tmp_path, **content)) == f"{tmp_path}: --resume, {place}: got {new}, expected {expected}"


def test_what_an_older_run_had_and_this_one_has_not(tmp_path: Path) -> None:
    stopped(tmp_path, ac=True)
    assert "--resume, ac: got None, expected True, as in" in refused(going_on(tmp_path))


def test_what_may_differ(tmp_path: Path) -> None:
    other: dict[str, Any] = dict.fromkeys(("status", "reasons", "figures", "notes", "title", "settings"), "other")
    stopped(tmp_path, **other)
    assert going_on(tmp_path, days_asked=9, title="own", not_resumable="x").load() == 2


def test_a_run_without_a_state(tmp_path: Path) -> None:
    """One that could not save it says why; one that had finished no day begins anew."""
    (tmp_path / MANIFEST).write_text(json.dumps({"format": FORMAT, **CONTENT, "days_done": 0}))
    assert going_on(tmp_path).load() is None
    for content, found in (
        ({"days_done": 1}, "no saved state"),
        ({"days_done": 0, "not_resumable": "Diary, page: generator"}, "Diary, page: generator"),
        ({"days_done": 3, "not_resumable": "a"}, "a"),
    ):
        (tmp_path / MANIFEST).write_text(json.dumps({"format": FORMAT, **CONTENT, **content}))
        assert refused(going_on(tmp_path)) == (
            f"{tmp_path}: --resume: got '{found}', expected a run whose state could be saved, or --force"
        )


def test_what_cannot_be_saved_is_noted(tmp_path: Path) -> None:
    model = Daily()
    run = going_on(tmp_path, model)
    model.keeper.page = iter(())
    run.save(tmp_path)
    assert run.content == {**CONTENT, "not_resumable": "Agent, page: tuple_iterator"}


def test_differences_of_plain_values() -> None:
    old = {"a": 1, "b": [1, {"c": 2}], "d": "x", "gone": None}
    assert list(differences("", old, old)) == []
    assert list(differences("m", old, {"a": 1, "b": [1, {"c": 3}], "e": 4, "d": "x"})) == [
        ("m.b[1].c", 2, 3),
        ("m.e", None, 4),
    ]
    assert list(differences("m", old, {"a": 2, "b": [0, {"c": 3}], "d": "y"})) == [
        ("m.a", 1, 2),
        ("m.b[0]", 1, 0),
        ("m.b[1].c", 2, 3),
        ("m.d", "x", "y"),
    ]
    assert list(differences("m", [1, 2], [1, 2, 3])) == [("m", [1, 2], [1, 2, 3])]
    assert list(differences("m", {"a": 1}, [1])) == [("m", {"a": 1}, [1])]
    assert list(differences("m", [1], {"a": 1})) == [("m", [1], {"a": 1})]


def test_a_manifest_at_the_beginning() -> None:
    case: Any = SimpleNamespace(
        name="made", title="Made", currency="CHF", settings={"lots": "two"},
        resolved=lambda: {"title": "Made"}, input_hashes=lambda: {"a.csv": "0"},
        notes_of=lambda days: (f"{days} days",),
    )  # fmt: skip
    options = RunOptions(days=7, seed=5, solver="highs", ac=False)
    model: Any = Daily()
    found = runs._manifest(case, options, model, None)
    assert found["model"] == "tests.sim.test_checkpoints.Daily"
    assert {
        key: found[key] for key in ("rule", "scenario", "title", "status", "currency", "days_asked", "days_done")
    } == {
        **{"rule": None, "scenario": "made", "title": "Made", "status": "running", "currency": "CHF"},
        **{"days_asked": 7, "days_done": 0},
    }
    assert (found["settings"], found["notes"], found["input_sha256"]) == ({"lots": "two"}, ["7 days"], {"a.csv": "0"})
    assert (found["seed"], found["solver"], found["ac"], "days" in found) == (5, "highs", False, False)
    assert found["versions"] == versions()
    rule: Any = SimpleNamespace(name="toll")
    with_ac = runs._manifest(case, RunOptions(days=7, ac=True), model, rule)
    assert (with_ac["rule"], "pandapower" in with_ac["versions"]) == ("toll", True)


# States


class Worn:
    """An object of a foreign module with slots beside its attributes."""

    __slots__ = ("__dict__", "left", "right")


def test_a_state_of_another_model_is_refused(tmp_path: Path) -> None:
    model = Daily()
    Snapshots(model).save(tmp_path)
    other = Daily()
    other.keeper.more = {"a": 1}
    with pytest.raises(InputError, match=r"state\.json: saved state: got "):
        Snapshots(other).load(tmp_path)
    Snapshots(model).load(tmp_path)


def test_an_object_of_the_fresh_model_keeps_its_place_and_its_slots(tmp_path: Path) -> None:
    model = Daily()
    worn: Any = Worn()
    worn.left, worn.note = [1], "a"
    model.keeper.worn = worn
    saved = Snapshots(model)
    worn.left, worn.right, worn.note = [2, 3], np.arange(3.0), "b"
    saved.save(tmp_path)
    worn.left, worn.right, worn.note = [], None, ""
    saved.load(tmp_path)
    assert model.keeper.worn is worn
    assert (worn.left, worn.note) == ([2, 3], "b")
    assert worn.right.tolist() == [0.0, 1.0, 2.0]


def test_a_model_inside_a_model_has_its_agents_saved(tmp_path: Path) -> None:
    model = Daily()
    model.inner, model.pair = Daily(1), (Daily(2), Daily(3))
    saved = Snapshots(model)
    for part in (model.inner, *model.pair):
        part.day += 10
        part.keeper.seen.append(9)
    saved.save(tmp_path)
    for part in (model.inner, *model.pair):
        part.day, part.keeper.seen = 0, []
    saved.load(tmp_path)
    assert [part.day for part in (model.inner, *model.pair)] == [11, 12, 13]
    assert [part.keeper.seen for part in (model.inner, *model.pair)] == [[1, 9], [2, 9], [3, 9]]


def test_what_of_a_model_is_no_state(tmp_path: Path) -> None:
    """What is left of the day that is over, what is hidden, and what remembers nothing stays as it is."""
    model: Any = Daily()
    model.last, model.market, model.scenario, model._own, model.kept = 1, 1, 1, 1, 1
    saved = Snapshots(model)
    document, _ = saved.state()
    assert "kept" in document["members"][0]
    assert not {"last", "market", "scenario", "_own", "random", "agents", "rng"} & document["members"][0].keys()
    saved.save(tmp_path)
    model.last, model.market, model.scenario, model._own, model.kept = 2, 2, 2, 2, 2
    saved.load(tmp_path)
    assert (model.last, model.market, model.scenario, model._own, model.kept) == (2, 2, 2, 2, 1)


def test_keys_and_parts_of_containers_are_told_with_their_place() -> None:
    document, _ = written({(1, "a"): [2]}, "here")
    assert document == {
        "number": 0,
        "dict": [[{"number": 1, "tuple": [1, "a"]}, {"number": 2, "list": [2]}]],
    }
