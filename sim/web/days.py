"""Days for the page: of a run, or of a scenario that runs on, each as a Mesa model whose step is a day."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from mesa import Model

from equilibrium.errors import InfeasibleError, InputError
from scenarios.loading import load_scenario
from sim.folder import COLUMNS, PARTS
from sim.manifest import write_manifest
from sim.markets.base import MarketKind
from sim.options import RunOptions
from sim.output import market_of_run
from sim.simulate import kind_of, opened, tables_of
from sim.store import Run, RunWriter


class RunDays(Model):  # type: ignore[misc]  # Mesa ships no types
    """The days of a stored run, one after the other.

    Parameters
    ----------
    source
        Folder of the run.

    Attributes
    ----------
    run, kind
        The run and its market.
    days
        Its days.
    day
        The day that is shown.
    note
        Why it does not go on; empty while it does.

    Raises
    ------
    InputError
        When the folder holds no run, or one without a finished day.
    """

    def __init__(self, source: str) -> None:
        super().__init__(seed=0)
        self.run = Run(source)
        self.kind: MarketKind[Any, Any] = market_of_run(self.run)
        self.days: list[int] = [int(day) for day in self.run.days["day"]]
        if not self.days:
            raise InputError(source, "run folder", "no finished day", "a run with at least one")
        self.note = ""
        self.show(self.days[0])

    def show(self, day: int) -> None:
        """Show a day of the run."""
        self.day = day
        self.running = day != self.days[-1]
        self.note = "" if self.running else "this is the last day of the run"

    def step(self) -> None:
        """Go on to the next day, if there is one."""
        if self.running:
            self.show(self.days[self.days.index(self.day) + 1])


class ScenarioDays(Model):  # type: ignore[misc]  # Mesa ships no types
    """A scenario that is simulated day by day; what has passed stands in a folder that goes with the model.

    Parameters
    ----------
    source
        Name of a bundled scenario, or path of a file or folder.
    seed
        The run's one seed.

    Attributes
    ----------
    run, kind, days, day, note
        As in :class:`RunDays`; the last day is the one that is shown.

    Raises
    ------
    InputError
        When the scenario cannot be used.
    InfeasibleError
        When its first day cannot be served.
    """

    def __init__(self, source: str, seed: int = 1) -> None:
        super().__init__(seed=0)
        case = load_scenario(source)
        options = RunOptions(days=1, seed=seed)
        self.kind: MarketKind[Any, Any] = kind_of(case)
        self._last = case.days
        self._model = opened(self.kind, case, options)
        self._folder = Path(tempfile.mkdtemp(prefix="equilot-"))
        self._tables = tables_of(self.kind, case, options)
        self._writer = RunWriter(self._folder, self.kind.name, self._tables, days_per_part=1)
        content = {"scenario": case.name, "title": case.title, "currency": case.currency, "seed": seed}
        write_manifest(self._folder, {**content, "notes": list(case.notes)})
        self._end = weakref.finalize(self, _ended, self._model, self._folder)
        self.days: list[int] = []
        self.note, self.running = "", True
        self._simulate()

    @property
    def run(self) -> Run:
        """What has passed so far."""
        return Run(self._folder)

    def show(self, day: int) -> None:
        """Show a day that has passed."""
        self.day = day

    def step(self) -> None:
        """Simulate the next day; one that cannot be served ends it, with the reason in the note."""
        if not self.running:
            return
        try:
            self._simulate()
        except InfeasibleError as error:
            self.running, self.note = False, str(error)

    def _simulate(self) -> None:
        self._model.step()
        result = self._model.last
        assert result is not None  # the step has made it
        rows = {table.name: table.of(result) for table in self._tables}
        self._writer.add(result.index, {name: columns for name, columns in rows.items() if columns is not None})
        self.days.append(result.index)
        self.day = result.index
        self.running = self._last is None or len(self.days) < self._last
        self.note = "" if self.running else "the scenario's prices end here"

    def close(self) -> None:
        """End it: its market is closed and its folder removed."""
        self._end()


def _ended(model: Any, folder: Path) -> None:  # noqa: ANN401
    model.close()
    shutil.rmtree(folder, ignore_errors=True)


Days = RunDays | ScenarioDays


def open_days(source: str) -> Days:
    """Return the days of a run folder, or of a scenario.

    Raises
    ------
    InputError
        When it is neither.
    """
    folder = Path(source)
    is_run = (folder / COLUMNS).exists() or (folder / PARTS).is_dir()
    return RunDays(source) if is_run else ScenarioDays(source)
