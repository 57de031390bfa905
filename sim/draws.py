"""What a run draws, written down and read back: the same prices, loads, weather and people for another run.

A scenario draws by methods that it names (:attr:`scenarios.case.Case.DRAWING`). A copy of it that keeps its draws puts
what each call returns into a folder, one file a call; a copy that replays them reads it from there and draws nothing.
Agents still decide by the seed.
"""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from equilibrium.errors import InputError
from scenarios.case import Case
from scenarios.streams import Streams
from sim.manifest import put, read_json, write_json
from sim.snapshot import UnsavableError, read_back, written

AnyCase = TypeVar("AnyCase", bound=Case[Any])

HEAD = "draws.json"
SCHEMA = 1

_DOCUMENT = "document"
"""Name under which a file has the document, as bytes, beside the arrays."""


def keep_draws(case: AnyCase, folder: Path) -> AnyCase:
    """Return a scenario whose draws are written into a folder as they are made.

    Parameters
    ----------
    case
        The scenario.
    folder
        A new or empty folder, or one with draws of this scenario.

    Raises
    ------
    InputError
        For a folder that holds something else.
    """
    head, found = folder / HEAD, read_json(folder / HEAD)
    if folder.exists() and (not folder.is_dir() or (not found and any(folder.iterdir()))):
        raise InputError(str(folder), "folder", "something else", "a new or empty folder, or one of draws")
    if found:
        _check(case, folder, found)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(head, {"schema": SCHEMA, "scenario": case.name, "layout": layout(case)})
    return _through(case, partial(_kept, _Places(folder)), "")


def replay_draws(case: AnyCase, folder: Path, days: int) -> AnyCase:
    """Return a scenario that draws nothing: what its methods return was drawn by another run.

    Parameters
    ----------
    case
        The scenario; its units, lots and periods are those of the run whose draws were kept.
    folder
        With the draws.
    days
        Days of the run that is to come.

    Raises
    ------
    InputError
        For a folder without draws, draws of another layout, or fewer days than asked for.
    """
    found = read_json(folder / HEAD)
    if not found:
        raise InputError(str(folder), "draws", "none", "a folder that `equilot run --save-draws` has written")
    _check(case, folder, found)
    held = len(list(folder.glob("day-1-*.npz")))
    if held < days:
        raise InputError(str(folder), "days", held, f"the draws of {days} days")
    replayed = _through(case, partial(_replayed, _Places(folder)), "")
    object.__setattr__(replayed, "notes", (*case.notes, f"draws are those of {folder} ({found['scenario']})"))
    return replayed


def layout(case: Case[Any]) -> dict[str, Any]:
    """Return what the draws of two scenarios have in common: market, feeder, periods, and the names of all that is."""
    resolved = case.resolved()
    return {"market": case.file.market.kind, **_named({key: resolved[key] for key in resolved if key != "market"})}


def _named(value: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {key: value[key] for key in ("feeder", "time") if key in value}
    for key, part in value.items():
        if isinstance(part, list) and part and all(isinstance(each, dict) and "name" in each for each in part):
            found[key] = [each["name"] for each in part]
    return found


def _check(case: Case[Any], folder: Path, found: Mapping[str, Any]) -> None:
    """Refuse draws of another layout, and say what is different."""
    if found.get("schema") != SCHEMA:
        raise InputError(str(folder / HEAD), "schema", found.get("schema"), f"{SCHEMA}, that of this version")
    mine, theirs = json.loads(json.dumps(layout(case))), found["layout"]
    for key in {**mine, **theirs}:
        if mine.get(key) != theirs.get(key):
            raise InputError(str(folder), f"draws of another scenario, {key}", theirs.get(key), str(mine.get(key)))


Call = Callable[..., Any]
Through = Callable[[str, Call], Call]


def _through(case: AnyCase, through: Through, prefix: str) -> AnyCase:
    """Return a copy of a scenario, and of those that it is made of, whose drawing methods go through something."""
    other = copy.copy(case)
    for name in case.DRAWING:
        object.__setattr__(other, name, through(prefix + name, getattr(case, name)))
    for part in fields(case):
        value = getattr(case, part.name)
        if isinstance(value, tuple) and value and all(isinstance(each, Case) for each in value):
            inner = [_through(each, through, f"{prefix}{part.name}-{k}-") for k, each in enumerate(value)]
            object.__setattr__(other, part.name, tuple(inner))
    return other


class _Places:
    """Names the files of a scenario's draws: by method, day, and which call it is of that method on that day."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._calls = folder, Counter[tuple[str, int]]()

    def next(self, name: str, day: object) -> Path:
        """Return the file of a call."""
        index = day if isinstance(day, int) else int(getattr(day, "index"))  # noqa: B009 - a day of any market
        self._calls[name, index] += 1
        return self._folder / f"{name}-{self._calls[name, index]}-{index}.npz"


def _kept(places: _Places, name: str, call: Call) -> Call:
    def drawn(day: object, streams: Streams, *rest: object) -> Any:  # noqa: ANN401 - as the method
        value = call(day, streams, *rest)
        path = places.next(name, day)
        try:
            document, arrays = written(value, path.stem)
        except UnsavableError as error:
            raise InputError("--save-draws", "draw", str(error), "numbers, words, arrays and classes of ours") from None
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        content = io.BytesIO()
        arrays[_DOCUMENT] = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
        np.savez_compressed(content, **arrays)  # type: ignore[arg-type]  # its stub takes the names for a flag
        put(path, content.getvalue())
        return value

    return drawn


def _replayed(places: _Places, name: str, _call: Call) -> Call:
    def drawn(day: object, _streams: Streams, *_rest: object) -> Any:  # noqa: ANN401 - as the method
        path = places.next(name, day)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            return read_back(json.loads(arrays.pop(_DOCUMENT).tobytes().decode("utf-8")), arrays)
        except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(str(path), "draw", str(error), "a file as the run wrote it") from None

    return drawn
