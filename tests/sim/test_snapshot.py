"""Values of every kind that is saved come back as they were; what cannot be written down is named with its place."""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
from collections import deque
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from mesa import Agent, Model

from equilibrium.certificate import Verdict
from equilibrium.grid.assets import LotSite
from sim.snapshot import Snapshots, UnsavableError, read_back, written

VALUES: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (7, 7),
    ("ä", "ä"),
    (0.1, 0.1),
    (np.float64(0.1), 0.1),
    (math.inf, {"float": "inf"}),
    (-math.inf, {"float": "-inf"}),
    (np.float64(math.inf), {"float": "inf"}),
    ([1, [2.5]], {"number": 0, "list": [1, {"number": 1, "list": [2.5]}]}),
    ((1, "a"), {"number": 0, "tuple": [1, "a"]}),
    ({3}, {"number": 0, "set": [3]}),
    (frozenset({3}), {"number": 0, "frozenset": [3]}),
    (deque([1, 2]), {"number": 0, "deque": [1, 2]}),
    ({("a", 1): 2}, {"number": 0, "dict": [[{"number": 1, "tuple": ["a", 1]}, 2]]}),
    (dt.timedelta(2, 3, 4), {"number": 0, "timedelta": [2, 3, 4]}),
    (ZoneInfo("Europe/Rome"), {"number": 0, "zone": "Europe/Rome"}),
    (dt.datetime(2024, 3, 31, 2, 30), {"number": 0, "datetime": "2024-03-31T02:30:00"}),
    (dt.date(2024, 3, 31), {"number": 0, "date": "2024-03-31"}),
    (dt.time(2, 30), {"number": 0, "time": "02:30:00"}),
    (Verdict.UNPROVED, {"number": 0, "enum": "equilibrium.certificate:Verdict", "name": "UNPROVED"}),
]


@pytest.mark.parametrize(("value", "document"), VALUES, ids=[repr(value) for value, _ in VALUES])
def test_a_value_comes_back_as_it_was(value: Any, document: Any) -> None:
    found, arrays = written(value, "here")
    assert (found, arrays) == (document, {})
    back = read_back(json.loads(json.dumps(found)), arrays)
    assert back == value
    assert type(back) is (float if isinstance(value, np.floating) else type(value))


def test_what_is_not_a_number_is_written_down() -> None:
    document, arrays = written(math.nan, "here")
    assert document == {"float": "nan"}
    assert math.isnan(read_back(document, arrays))


def test_arrays_are_numbered_and_are_no_more_the_model_s() -> None:
    one, number = np.array([[1, 2], [3, 4]]), np.int64(5)
    document, arrays = written([one, number, np.array(6.0)], "here")
    assert document == {
        "number": 0,
        "list": [
            {"number": 1, "array": "a0", "scalar": False},
            {"number": 2, "array": "a1", "scalar": True},
            {"number": 3, "array": "a2", "scalar": True},
        ],
    }
    one[0, 0] = 9
    assert arrays["a0"].tolist() == [[1, 2], [3, 4]]
    matrix, scalar, _ = read_back(document, arrays)
    assert (matrix.tolist(), matrix.dtype, scalar, type(scalar)) == ([[1, 2], [3, 4]], one.dtype, 5, np.int64)
    matrix[0, 0] = 9
    assert arrays["a0"].tolist() == [[1, 2], [3, 4]]


def test_what_two_share_is_written_once_and_shared_again() -> None:
    shared, alike = [1], [1]
    document, arrays = written((shared, shared, alike), "here")
    assert document == {"number": 0, "tuple": [{"number": 1, "list": [1]}, {"same": 1}, {"number": 2, "list": [1]}]}
    one, two, three = read_back(document, arrays)
    assert one is two
    assert one is not three


def test_an_object_of_ours_is_made_again_attribute_by_attribute() -> None:
    site = LotSite("lot", 3)
    document, arrays = written([site, site], "here")
    one, two = read_back(json.loads(json.dumps(document)), arrays)
    assert one is two
    assert isinstance(one, LotSite)
    assert one is not site
    assert one == site


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "here: object"),
        ([1, {"a": 1j}], "here['a']: complex"),
        (np.array([None]), "here: an array of objects"),
        (range(3), "here: range"),
    ],
)
def test_what_cannot_be_written_down_is_named_with_its_place(value: Any, said: str) -> None:
    with pytest.raises(UnsavableError) as error:
        written(value, "here")
    assert str(error.value) == said


def test_an_agent_is_told_from_one_that_came_later() -> None:
    model = Model()
    first = Agent(model)
    first.friend = first  # type: ignore[attr-defined]
    snapshots = Snapshots(model)
    (_, member), arrays = snapshots.state()[0]["members"], snapshots.state()[1]
    assert member["friend"] == {"member": 1}
    first.friend = None  # type: ignore[attr-defined]
    document = {**snapshots.state()[0], "members": [{}, member]}
    snapshots.restore(document, arrays)
    assert first.friend is first  # type: ignore[attr-defined]
    first.friend = Agent(model)  # type: ignore[attr-defined]
    with pytest.raises(UnsavableError, match=r"^Agent, friend: an agent that was made after the start$"):
        snapshots.state()
    with pytest.raises(ValueError, match=r"^another model$"):
        snapshots.restore({**document, "fresh": "0"}, arrays)


class Mood(enum.Enum):
    CALM = 1
    KEEN = 2


class Word(enum.StrEnum):
    YES = "yes"
    NO = "no"


def test_an_agent_has_its_own_enumerations_again() -> None:
    """Also of one whose members are text, which would else come back as text."""
    model = Model()
    agent: Any = Agent(model)
    agent.mood, agent.word = Mood.CALM, Word.YES
    snapshots = Snapshots(model)
    agent.mood, agent.word = Mood.KEEN, Word.NO
    document, arrays = snapshots.state()
    agent.mood, agent.word = Mood.CALM, Word.YES
    snapshots.restore(json.loads(json.dumps(document)), arrays)
    assert agent.mood is Mood.KEEN
    assert agent.word is Word.NO


@pytest.mark.parametrize(
    ("document", "error", "said"),
    [
        ({"what": 1}, KeyError, r"a value of no known kind: \['what'\]"),
        (
            {"number": 0, "new": "builtins:list", "state": {}},
            AttributeError,
            "'NoneType' object has no attribute 'list'",
        ),
        ({"number": 0, "new": "sim.snapshot:written", "state": {}}, TypeError, "sim.snapshot:written is no class"),
        ({"number": 0, "new": "sim.nowhere:A", "state": {}}, AttributeError, "'NoneType' object has no attribute 'A'"),
    ],
)
def test_only_classes_of_ours_are_made(document: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        read_back(document, {})
