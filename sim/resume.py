"""What lets a run go on where it stopped: its state saved with its days, and a check that it is the same run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from equilibrium.errors import InputError
from sim.daily_model import DailyModel
from sim.folder import MANIFEST
from sim.manifest import FORMAT, read_json, write_manifest
from sim.snapshot import Snapshots, UnsavableError
from sim.store import state_of_run

_MAY_DIFFER = (
    "status",
    "reasons",
    "days_asked",
    "days_done",
    "figures",
    "notes",
    "title",
    "settings",
    "not_resumable",
)
"""What two manifests of one run may say differently."""


class Checkpoints:
    """The saved states of one run.

    Parameters
    ----------
    folder
        The run folder.
    model
        The opened model; it has not taken a step.
    content
        What the run's manifest says at its beginning.
    progress
        Called with the name of every day that is on disk.

    Attributes
    ----------
    content
        The same, and why the run cannot be resumed if it cannot.
    names
        Names of the days that are not told yet.
    """

    def __init__(
        self,
        folder: Path,
        model: DailyModel[Any, Any],
        content: Mapping[str, Any],
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._folder, self._model, self._progress = folder, model, progress
        self.content = dict(content)
        self._snapshots = Snapshots(model)
        self._done = 0
        self.names: dict[int, str] = {}

    def load(self) -> int | None:
        """Give the model the state of the run in the folder; return how many days are done, ``None`` without a run.

        Raises
        ------
        InputError
            When the run is another one, or it cannot be resumed.
        """
        present = read_json(self._folder / MANIFEST)
        if not present:
            return None
        now = json.loads(json.dumps({"format": FORMAT, **self.content}, default=str))
        for key in (key for key in dict.fromkeys([*now, *present]) if key not in _MAY_DIFFER):
            for place, old, new in differences(key, present.get(key), now.get(key)):
                expected = f"{old}, as in the run that is to be resumed, or --force to begin anew"
                raise InputError(str(self._folder), f"--resume, {place}", new, expected)
        saved = state_of_run(self._folder)
        if saved is None:
            reason = present.get("not_resumable")
            if reason or present.get("days_done"):
                found = reason or "no saved state"
                raise InputError(str(self._folder), "--resume", found, "a run whose state could be saved, or --force")
            return None
        self._snapshots.load(saved)
        if self._model.day > int(self.content["days_asked"]):
            expected = f"at least {self._model.day}, which are done"
            raise InputError(str(self._folder), "--resume, days", self.content["days_asked"], expected)
        self._done = self._model.day
        return self._done

    def tell_done(self) -> None:
        """Tell the days that were done before."""
        for day in range(self._done):
            if self._progress is not None:
                self._progress(f"day {day}, done before")

    def save(self, folder: Path) -> None:
        """Save the state; what cannot be saved is noted in the manifest, and the run goes on."""
        try:
            self._snapshots.save(folder)
        except UnsavableError as error:
            self.content["not_resumable"] = str(error)

    def written(self, days: Sequence[int]) -> None:
        """Tell the days that are on disk."""
        self._done += len(days)
        write_manifest(self._folder, {**self.content, "days_done": self._done})
        for day in days:
            name = self.names.pop(day)
            if self._progress is not None:
                self._progress(name)


def differences(place: str, old: object, new: object) -> Iterator[tuple[str, object, object]]:
    """Yield the places where two plain values differ, with what stands there in each."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*new, *old]):
            yield from differences(f"{place}.{name}", old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for k, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(f"{place}[{k}]", one, other)
    elif old != new:
        yield place, old, new
