"""The state of a simulation between two days, as JSON and arrays: what a run needs to go on where it stopped.

Random streams are named by day and markets remember nothing, so the state is what the agents hold. A
:class:`Snapshots` looks at a freshly opened model: what its agents hold then and never replace (the feeder, the
scenario, functions) is a part of every model of the scenario and is kept. Everything else is saved: numbers, words,
dates, arrays, containers, and objects of Python classes attribute by attribute, objects that two agents share once. No
agent needs to say what its state is, so no agent can forget a part of it.

Nothing is unpickled: a saved object is of a class that is loaded already and belongs to Equilot or to an agent of the
model.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
import math
import sys
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path, PurePath
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
from mesa import Agent, Model
from pydantic import BaseModel

from equilibrium.errors import InputError
from sim.folder import ARRAYS, STATE
from sim.manifest import put

OURS = ("agents", "equilibrium", "scenarios", "sim")

_PLAIN = (bool, int, float, str, type(None))
_CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
}
_DATES: dict[str, Callable[[str], Any]] = {
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "zone": ZoneInfo,
}
_NOT_OF_MODEL = frozenset({"agents", "datacollector", "last", "market", "random", "rng", "scenario"})
"""What of a model is no state: it is of the day that is over, or it remembers nothing."""

_CONSTANT = (
    *_PLAIN,
    BaseModel,
    FunctionType,
    MethodType,
    BuiltinFunctionType,
    PurePath,
    ZoneInfo,
    bytes,
    dt.date,
    dt.time,
    dt.timedelta,
    enum.Enum,
    partial,
    range,
    type,
)
"""Kinds of values that stay what they are."""


class UnsavableError(Exception):
    """Something of an agent is of a kind that cannot be written down."""


class Snapshots:
    """Saves and restores the state of one model.

    Parameters
    ----------
    model
        A model that has just been opened: nothing of it has changed yet.
    """

    def __init__(self, model: Model) -> None:
        self._members = tuple(_members(model))
        self._first: dict[int, tuple[int, object]] = {}
        self._classes: dict[str, type] = {}
        for member in self._members:
            for part in _attributes(member).values():
                self._note(part)

    def _note(self, value: object) -> None:
        """Remember what a fresh model holds, and of which classes it is."""
        if isinstance(value, enum.Enum):
            self._classes[_name(type(value))] = type(value)
        if id(value) in self._first or isinstance(value, (*_PLAIN, Agent, Model)):
            return
        self._first[id(value)] = len(self._first), value
        if not _is_constant(value):
            self._classes[_name(type(value))] = type(value)
            for part in _parts(value):
                self._note(part)

    def save(self, folder: Path) -> None:
        """Write the state into a folder, each of its two files in one step.

        Raises
        ------
        UnsavableError
            When an agent holds something that cannot be written down.
        """
        document, arrays = self.state()
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        with (folder / ARRAYS).open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub takes the names for a flag
        put(folder / STATE, text.encode("utf-8"))

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the state as a document of JSON and the arrays that it names."""
        writer = _Writer(self._first, self._members)
        members = [writer.attributes(member, type(member).__name__) for member in self._members]
        return {"fresh": self._fresh(), "members": members}, writer.arrays

    def _fresh(self) -> str:
        """Return a digest of what the fresh model held: by its places in there a state refers to it."""
        names = "\n".join(_name(type(value)) for _, value in self._first.values())
        return hashlib.sha256(names.encode("utf-8")).hexdigest()

    def load(self, folder: Path) -> None:
        """Give the model a state that was saved.

        Raises
        ------
        InputError
            When the files are damaged, or the state is not one of this model.
        """
        try:
            document = json.loads((folder / STATE).read_text(encoding="utf-8"))
            with (folder / ARRAYS).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                str(folder / STATE), "saved state", str(error), "both files as the run wrote them"
            ) from None
        try:
            self.restore(document, arrays)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            found = f"{type(error).__name__}: {error}"
            raise InputError(str(folder / STATE), "saved state", found, "the state of a run of this scenario") from None

    def restore(self, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Give the model a state; the inverse of :meth:`state`."""
        if document["fresh"] != self._fresh():
            raise ValueError("another model")
        first = [value for _, value in self._first.values()]
        reader = _Reader(self._members, first, self._classes, arrays)
        for member, state in zip(self._members, document["members"], strict=True):
            reader.fill(member, state)


def written(value: object, where: str) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a value of a class of ours as a document of JSON and the arrays that it names.

    Raises
    ------
    UnsavableError
        When a part of it is of a kind that cannot be written down; it is named by ``where`` and its place.
    """
    writer = _Writer({}, ())
    return writer.value(value, where), writer.arrays


def read_back(document: Any, arrays: Mapping[str, np.ndarray]) -> Any:  # noqa: ANN401 - JSON and whatever it is of
    """Return the value of a document and its arrays; the inverse of :func:`written`."""
    return _Reader((), (), {}, arrays).value(document)


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _slots(value: object) -> dict[str, Any]:
    """Return the attributes of an object, also those in slots."""
    found = dict(getattr(value, "__dict__", {}))
    kind: Any = type(value)  # mypy takes no class for hashable
    for name in _slot_names(kind):
        if hasattr(value, name):
            found[name] = getattr(value, name)
    return found


@cache
def _slot_names(kind: type) -> tuple[str, ...]:
    """Return the names of all slots of a class; looked up at each object they take a third of the time of a state."""
    slots = [each.__dict__.get("__slots__", ()) for each in kind.__mro__]
    names = [name for each in slots for name in ((each,) if isinstance(each, str) else each)]
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _parts(value: object) -> Iterator[object]:
    """Return what an object or a container holds."""
    if isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from value
    elif _has_state(value):
        yield from _slots(value).values()


def _has_state(value: object) -> bool:
    """Whether an object is made of attributes that Python code can read and set."""
    return not isinstance(value, (*_CONSTANT, np.generic, np.ndarray, np.random.Generator)) and bool(_slots(value))


def _is_constant(value: object) -> bool:
    """Whether something that the fresh model held cannot have changed since."""
    if isinstance(value, (tuple, frozenset)):
        return all(_is_constant(part) for part in value)
    params = getattr(type(value), "__dataclass_params__", None)
    if isinstance(value, _CONSTANT) or (params is not None and params.frozen):
        return True
    return not _slots(value) and hasattr(value, "__dict__")  # an object without attributes


def _members(model: Model) -> Iterator[Model | Agent]:
    """Return a model and its agents, and the same of the models that it is made of."""
    yield model
    yield from model.agents
    for value in _attributes(model).values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Model):
                yield from _members(part)


def _attributes(value: object) -> dict[str, Any]:
    """Return what lasts of an object: all its attributes, but of a model what it remembers itself."""
    if not isinstance(value, Model):
        return _slots(value)
    return {name: part for name, part in vars(value).items() if name not in _NOT_OF_MODEL and not name.startswith("_")}


class _Writer:
    """Turns values into JSON; arrays and shared objects are numbered."""

    def __init__(self, first: Mapping[int, tuple[int, object]], members: Sequence[object]) -> None:
        self._first, self._members = first, {id(member): k for k, member in enumerate(members)}
        self.arrays: dict[str, np.ndarray] = {}
        self._seen: dict[int, tuple[int, object]] = {}

    def attributes(self, value: object, where: str) -> dict[str, Any]:
        """Return the state of an object, attribute by attribute."""
        return {name: self.value(part, f"{where}, {name}") for name, part in _attributes(value).items()}

    def value(self, value: object, where: str) -> Any:  # noqa: ANN401 - JSON
        """Return one value; what the fresh model holds for good is only marked."""
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": repr(float(value))}
        if isinstance(value, _PLAIN) and not isinstance(value, enum.Enum):
            return float(value) if isinstance(value, np.floating) else value
        if isinstance(value, (Agent, Model)):
            if id(value) not in self._members:
                raise UnsavableError(f"{where}: an agent that was made after the start")
            return {"member": self._members[id(value)]}
        if id(value) in self._seen:
            return {"same": self._seen[id(value)][0]}
        place = self._first[id(value)][0] if id(value) in self._first else None
        if place is not None and _is_constant(value):
            return {"kept": place}
        number = len(self._seen)
        self._seen[id(value)] = number, value
        return {"number": number, **self._content(value, where, place)}

    def _content(self, value: object, where: str, place: int | None) -> dict[str, Any]:
        if isinstance(value, np.generic):
            value = np.asarray(value)
        if isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise UnsavableError(f"{where}: an array of objects")
            name = f"a{len(self.arrays)}"
            self.arrays[name] = value.copy()  # the model goes on
            return {"array": name, "scalar": value.ndim == 0}
        if isinstance(value, dict):
            items = [[self.value(key, where), self.value(part, f"{where}[{key!r}]")] for key, part in value.items()]
            return {"dict": items}
        for kind, make in _CONTAINERS.items():
            if type(value) is make:
                return {kind: [self.value(part, where) for part in cast("Iterable[object]", value)]}
        if (date := _date(value)) is not None:
            return date
        if isinstance(value, enum.Enum):
            return {"enum": _name(type(value)), "name": value.name}
        if _has_state(value) and place is not None:
            return {"fixed": place, "state": self.attributes(value, where)}
        if _has_state(value) and type(value).__module__.split(".")[0] in OURS:
            return {"new": _name(type(value)), "state": self.attributes(value, where)}
        raise UnsavableError(f"{where}: {type(value).__name__}")


def _date(value: object) -> dict[str, Any] | None:
    """Return a date, a time or a zone as text."""
    if isinstance(value, dt.timedelta):
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, ZoneInfo):
        return {"zone": value.key}
    for kind in (dt.datetime, dt.date, dt.time):
        if isinstance(value, kind):
            return {kind.__name__: value.isoformat()}
    return None


class _Reader:
    """Turns JSON into values; the inverse of :class:`_Writer`."""

    def __init__(
        self,
        members: Sequence[object],
        first: Sequence[object],
        classes: Mapping[str, type],
        arrays: Mapping[str, np.ndarray],
    ) -> None:
        self._members, self._first, self._classes, self._arrays = members, first, classes, arrays
        self._seen: dict[int, object] = {}

    def fill(self, target: object, state: Mapping[str, Any]) -> None:
        """Set the attributes of an object."""
        for name, saved in state.items():
            object.__setattr__(target, name, self.value(saved))

    def value(self, saved: Any) -> Any:  # noqa: ANN401 - JSON
        """Return one value."""
        if not isinstance(saved, dict):
            return saved
        if "kept" in saved:
            return self._first[saved["kept"]]
        if "float" in saved:
            return float(saved["float"])
        if "member" in saved:
            return self._members[saved["member"]]
        if "same" in saved:
            return self._seen[saved["same"]]
        if "state" in saved:
            target = self._first[saved["fixed"]] if "fixed" in saved else object.__new__(self._class(saved["new"]))
            self._seen[saved["number"]] = target
            self.fill(target, saved["state"])
            return target
        found = self._content(saved)
        self._seen[saved["number"]] = found
        return found

    def _content(self, saved: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        if "array" in saved:
            array = self._arrays[saved["array"]]
            return array[()] if saved["scalar"] else array.copy()
        if "dict" in saved:
            return {self.value(key): self.value(part) for key, part in saved["dict"]}
        for kind, make in _CONTAINERS.items():
            if kind in saved:
                return make([self.value(part) for part in saved[kind]])
        if "timedelta" in saved:
            return dt.timedelta(*saved["timedelta"])
        for kind, read in _DATES.items():
            if kind in saved:
                return read(saved[kind])
        if "enum" in saved:
            return self._class(saved["enum"])[saved["name"]]  # type: ignore[index]
        raise KeyError(f"a value of no known kind: {sorted(saved)}")

    def _class(self, name: str) -> type:
        """Return a class that is loaded and belongs to Equilot or to an agent of the model."""
        if name in self._classes:
            return self._classes[name]
        module, _, path = name.partition(":")
        found: Any = sys.modules.get(module) if module.split(".")[0] in OURS else None
        for part in path.split("."):
            found = getattr(found, part)
        if not isinstance(found, type):
            raise TypeError(f"{name} is no class")
        return found
