"""What of agents lasts over days, as plain data: how a checkpoint saves and restores it.

Whatever has a memory says so in its class: ``state`` names the attributes that a later day reads before it writes them.
Everything else is made anew from the scenario, or is overwritten every day. Every class says it itself: what a
subclass adds is not known to the class above it.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.learning.rule import PostedDay
from agents.vehicle import Vehicle
from equilibrium.errors import InputError
from scenarios.session import Session

_VALUES: Mapping[str, type[Any]] = {each.__name__: each for each in (PostedDay, Session, Vehicle)}
"""The records that a memory may hold; they are made again from their fields."""

_PLAIN = (bool, int, float, str)
_KINDS = "biuf"
"""Kinds of arrays that hold numbers and no objects."""


def lacks_state(keeper: object) -> bool:
    """Return whether a class has not said itself which of its attributes last over days."""
    return not isinstance(vars(type(keeper)).get("state"), tuple)


def saved(keepers: Sequence[object]) -> list[dict[str, Any]]:
    """Return the states of several keepers of memories: mappings, lists, text and numbers.

    Parameters
    ----------
    keepers
        The model and its agents, in an order that the same scenario gives again.

    Raises
    ------
    InputError
        When a class does not say what lasts, or a value is none that a checkpoint can hold.
    """
    return [_saved_state(keeper, type(keeper).__name__) for keeper in keepers]


def restore(keepers: Sequence[object], states: Sequence[Mapping[str, Any]], source: str) -> None:
    """Give keepers of memories, just made, the states that were saved.

    Parameters
    ----------
    keepers
        As in :func:`saved`.
    states
        What it returned.
    source
        Name of the file for complaints.

    Raises
    ------
    InputError
        When the states are of other keepers.
    """
    found = [state.get("part") for state in states]
    wanted = [type(keeper).__name__ for keeper in keepers]
    if found != wanted:
        raise InputError(source, "agents", found, f"those of the run ({', '.join(wanted)})")
    for keeper, state in zip(keepers, states, strict=True):
        _restore_state(keeper, state, source)


def _saved_state(keeper: object, where: str) -> dict[str, Any]:
    kind = type(keeper)
    if lacks_state(keeper):
        name = f"{kind.__module__}.{kind.__qualname__}"
        raise InputError(where, "state", f"a {name} without it", "the names of the attributes that last over days")
    names: tuple[str, ...] = vars(kind)["state"]
    held = {name: _saved(getattr(keeper, name), f"{where}.{name}") for name in names}
    return {"part": kind.__name__, "state": held}


def _saved(value: object, where: str) -> Any:  # noqa: ANN401 - one line a kind of value
    """Return a value as plain data."""
    if isinstance(value, np.generic):
        return {"number": _saved_array(np.asarray(value), where)}
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.ndarray):
        return _saved_array(value, where)
    if isinstance(value, (list, tuple)):
        parts = [_saved(part, f"{where}[{n}]") for n, part in enumerate(value)]
        return parts if isinstance(value, list) else {"tuple": parts}
    if isinstance(value, dict):
        return {"pairs": [[_saved(key, where), _saved(part, f"{where}[{key}]")] for key, part in value.items()]}
    if _VALUES.get(type(value).__name__) is type(value):
        assert dataclasses.is_dataclass(value)
        fields = [field.name for field in dataclasses.fields(value)]
        return {
            "made": type(value).__name__,
            "of": [_saved(getattr(value, name), f"{where}.{name}") for name in fields],
        }
    return _saved_state(value, where)


def _saved_array(array: np.ndarray[Any, Any], where: str) -> dict[str, Any]:
    if array.dtype.kind not in _KINDS:
        raise InputError(where, "array", str(array.dtype), "an array of numbers")
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return {"array": array.dtype.str, "shape": list(array.shape), "bytes": data}


def _restore_state(keeper: object, saved_state: Mapping[str, Any], source: str) -> None:
    kind = type(keeper)
    held = saved_state["state"]
    names: tuple[str, ...] = () if lacks_state(keeper) else vars(kind)["state"]
    if saved_state["part"] != kind.__name__ or set(held) != set(names):
        raise InputError(
            source, saved_state["part"], list(held), f"a {kind.__name__} with {', '.join(names) or 'no state'}"
        )
    for name in names:
        now = getattr(keeper, name)
        if isinstance(held[name], dict) and "part" in held[name]:
            _restore_state(now, held[name], source)
        else:
            setattr(keeper, name, _restored(held[name]))


def _restored(saved_value: Any) -> Any:  # noqa: ANN401 - one line a kind of value
    """Return the value that was saved."""
    if isinstance(saved_value, list):
        return [_restored(part) for part in saved_value]
    if not isinstance(saved_value, dict):
        return saved_value
    if "array" in saved_value:
        data = np.frombuffer(base64.b64decode(saved_value["bytes"]), dtype=saved_value["array"])
        return data.reshape(saved_value["shape"]).copy()
    if "number" in saved_value:
        return _restored(saved_value["number"])[()]
    if "tuple" in saved_value:
        return tuple(_restored(part) for part in saved_value["tuple"])
    if "pairs" in saved_value:
        return {_restored(key): _restored(part) for key, part in saved_value["pairs"]}
    return _VALUES[saved_value["made"]](*(_restored(part) for part in saved_value["of"]))
