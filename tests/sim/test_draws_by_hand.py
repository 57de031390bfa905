"""Draws of a scenario of a few numbers: the names of their files, what is compared, and folders that are refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.case import Case
from sim import draws
from sim.draws import HEAD, SCHEMA, keep_draws, layout, replay_draws


@dataclass(frozen=True, eq=False)
class Small(Case[Any]):
    """A case that draws by two methods, and may be made of others."""

    DRAWING: ClassVar[tuple[str, ...]] = ("day", "outcome")
    given: Any = None
    parts: tuple[Any, ...] = ()
    words: tuple[str, ...] = ()

    def day(self, index: int, streams: Any) -> Any:
        return {"index": index, "drawn": np.array([index + 0.5, float(streams)])}

    def outcome(self, day: Any, streams: Any, *rest: Any) -> Any:
        return [day.index, streams, *rest]

    def resolved(self) -> dict[str, Any]:
        return dict(self.given)

    def market(self, **_: Any) -> Any:
        raise NotImplementedError


GIVEN = {"market": {"kind": "toll"}, "time": {"step_minutes": 60}, "lots": [{"name": "a"}, {"name": "b"}]}


def case(parts: tuple[Any, ...] = (), **given: Any) -> Small:
    file: Any = SimpleNamespace(market=SimpleNamespace(kind="toll"))
    prices: Any = None
    return Small("made", file, prices, ("a note",), (), {**GIVEN, **given}, parts, ("a", "b"))


def test_each_call_has_a_file_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "draws"
    kept = keep_draws(case(), folder)
    first, second, other = kept.day(3, 1), kept.day(3, 2), kept.day(0, 4)
    told = kept.outcome(SimpleNamespace(index=7), 5, "x")
    assert sorted(path.name for path in folder.glob("*.npz")) == [
        "day-1-0.npz", "day-1-3.npz", "day-2-3.npz", "outcome-1-7.npz",
    ]  # fmt: skip
    again = replay_draws(case(), folder, 2)
    for drawn in (first, second):
        found = again.day(3, 99)
        assert (found["index"], found["drawn"].tolist()) == (3, drawn["drawn"].tolist())
    assert again.day(0, 99)["drawn"].tolist() == other["drawn"].tolist()
    assert again.outcome(SimpleNamespace(index=7), 98) == told == [7, 5, "x"]
    with pytest.raises(InputError, match=r"day-3-3\.npz: draw: got .*, expected a file as the run wrote it"):
        again.day(3, 1)
    assert again.notes == ("a note", f"draws are those of {folder} (made)")
    assert case().notes == ("a note",)


def test_as_many_days_are_asked_as_are_held(tmp_path: Path) -> None:
    kept = keep_draws(case(), tmp_path)
    for day in (0, 1, 1):
        kept.day(day, 1)
    replay_draws(case(), tmp_path, 2)
    with pytest.raises(InputError, match=r"days: got 2, expected the draws of 3 days$"):
        replay_draws(case(), tmp_path, 3)


def test_those_that_a_scenario_is_made_of_have_their_own_draws(tmp_path: Path) -> None:
    whole = case((case(), case()))
    kept = keep_draws(whole, tmp_path)
    for part, seed in zip(kept.parts, (5, 6), strict=True):
        part.day(0, seed)
    kept.day(0, 7)
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == [
        "day-1-0.npz", "parts-0-day-1-0.npz", "parts-1-day-1-0.npz",
    ]  # fmt: skip
    again = replay_draws(whole, tmp_path, 1)
    assert [part.day(0, 9)["drawn"][1] for part in again.parts] == [5.0, 6.0]
    assert again.words == ("a", "b")
    assert whole.parts[0].day(0, 9)["drawn"][1] == 9.0  # the scenario itself still draws


def test_what_is_compared_of_two_scenarios() -> None:
    given: dict[str, Any] = {
        **{"feeder": {"name": "x"}, "time": {"zone": None}, "prices": {"file": "p"}, "empty": [], "numbers": [1, 2]},
        **{"units": [{"name": "u", "kw": 3}], "unnamed": [{"kw": 3}], "mixed": [{"name": "m"}, 4], "title": "T"},
    }
    made = case(**given)
    object.__setattr__(made, "given", {"market": {"kind": "other"}, **given})
    assert layout(made) == {
        "market": "toll", "feeder": {"name": "x"}, "time": {"zone": None}, "units": ["u"],
    }  # fmt: skip


def test_draws_of_another_scenario_are_told_by_the_first_difference(tmp_path: Path) -> None:
    keep_draws(case(), tmp_path)
    assert json.loads((tmp_path / HEAD).read_text()) == {
        "schema": SCHEMA,
        "scenario": "made",
        "layout": {"market": "toll", "time": {"step_minutes": 60}, "lots": ["a", "b"]},
    }
    keep_draws(case(), tmp_path)  # the same may go on
    for given, said in (
        ({"lots": [{"name": "b"}, {"name": "a"}]}, "lots: got ['a', 'b'], expected ['b', 'a']"),
        ({"units": [{"name": "u"}]}, "units: got None, expected ['u']"),
        ({"lots": []}, "lots: got ['a', 'b'], expected None"),
    ):
        with pytest.raises(InputError) as error:
            keep_draws(case(**given), tmp_path)
        assert str(error.value) == f"{tmp_path}: draws of another scenario, {said}"


def test_folders_that_hold_something_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    for name in ("file", "full"):
        with pytest.raises(InputError) as error:
            keep_draws(case(), tmp_path / name)
        assert str(error.value) == (
            f"{tmp_path / name}: folder: got 'something else', expected a new or empty folder, or one of draws"
        )
    (tmp_path / "empty").mkdir()
    keep_draws(case(), tmp_path / "empty")
    with pytest.raises(InputError, match=r"draws: got 'none', expected a folder that `equilot run --save-draws` has"):
        replay_draws(case(), tmp_path / "full", 1)


def test_a_draw_that_cannot_be_written_down() -> None:
    places: Any = SimpleNamespace(next=lambda name, _day: Path(f"{name}-1-0.npz"))
    drawn = draws._kept(places, "day", lambda *_: [1, object()])
    with pytest.raises(InputError) as error:
        drawn(0, None)
    assert str(error.value) == (
        "--save-draws: draw: got 'day-1-0: object', expected numbers, words, arrays and classes of ours"
    )
