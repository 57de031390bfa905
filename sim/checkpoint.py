"""How a run goes on from its checkpoint: what must be the same, and what its agents remember."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agents.state import restore, saved
from equilibrium.errors import InputError
from equilibrium.markets.ruled import MarketRule
from sim.daily_model import DailyModel
from sim.folder import CHECKPOINT, MANIFEST
from sim.manifest import read_json
from sim.store import read_checkpoint

_MAY_DIFFER = ("format", "title", "settings", "status", "reasons", "days_asked", "days_done", "notes", "figures")
"""What of two manifests may differ between a run and its continuation."""


def resumable(model: DailyModel[Any, Any], rule: MarketRule[Any, Any] | None) -> bool | str:
    """Return whether a run can go on from a checkpoint, or why it cannot.

    Parameters
    ----------
    model
        The opened model.
    rule
        The rule of one's own under which its market clears; what it remembers is not known.
    """
    if rule is not None:
        return f"the rule {rule.name} says nothing of what it remembers"
    try:
        saved(model.keepers())
    except InputError as error:
        return str(error)
    return True


def check_resumable(folder: Path, content: Mapping[str, Any]) -> None:
    """Make sure that the run in a folder is the one that is to go on.

    Parameters
    ----------
    folder
        The run folder.
    content
        The manifest of the run that is to go on.

    Raises
    ------
    InputError
        When it is another one, by what it differs first, or when it has no checkpoint.
    """
    before = read_json(folder / MANIFEST)
    now = json.loads(json.dumps(content, default=str))
    for key in [key for key in {**now, **before} if key not in _MAY_DIFFER]:
        for place, old, new in differences(key, before.get(key), now.get(key)):
            expected = f"{old!r}, as in the run that is to go on; leave --resume out and choose another --out"
            raise InputError(str(folder / MANIFEST), place, new, expected)
    checkpoint = read_checkpoint(folder)
    if now["resumable"] is not True:
        raise InputError(str(folder), "--resume", now["resumable"], "a run whose agents say what they remember")
    if before.get("days_done") and not checkpoint:
        expected = "the checkpoint of a run; without it the run must begin anew"
        raise InputError(str(folder / CHECKPOINT), "file", "missing", expected)
    if checkpoint.get("day", 0) > now["days_asked"]:
        expected = f"at least the {checkpoint['day']} days that are finished"
        raise InputError(str(folder), "--days", now["days_asked"], expected)


def take_up(folder: Path, model: DailyModel[Any, Any]) -> None:
    """Give a model, just opened, what its agents remembered after the last finished day of a run.

    Raises
    ------
    InputError
        When the checkpoint is not one of this model.
    """
    checkpoint = read_checkpoint(folder)
    if checkpoint:
        restore(model.keepers(), checkpoint["state"], str(folder / CHECKPOINT))


def differences(place: str, old: object, new: object) -> Iterator[tuple[str, object, object]]:
    """Yield the places where two plain values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from differences(f"{place}.{key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(f"{place}[{number}]", one, other)
    elif old != new:
        yield place, old, new
