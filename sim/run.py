"""A run: a market day after day, written down as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.state import saved
from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.markets.ruled import MarketRule
from scenarios.case import Case
from sim.checkpoint import check_resumable, resumable, take_up
from sim.daily_model import DailyModel, day_name
from sim.folder import COLUMNS, FIGURES, MANIFEST, check_folder, files_of_run
from sim.manifest import read_json, versions, write_manifest
from sim.markets.base import MarketKind
from sim.options import RunOptions
from sim.simulate import Opener, finished_days, kind_of, opened
from sim.store import Run, RunWriter

COMPLETE = "complete"
RUNNING = "running"
INTERRUPTED = "stopped: interrupted"


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    run
        Its results, everything up to the last finished day.
    status
        ``"complete"`` or ``"stopped: <reason>"``.
    reasons
        The limits that could not be met, when an infeasible day ended the run.
    """

    run: Run
    status: str
    reasons: tuple[str, ...] = ()


def run_scenario(
    scenario: Case[Any],
    folder: Path,
    options: RunOptions,
    *,
    model: Opener | None = None,
    rule: MarketRule[Any, Any] | None = None,
    force: bool = False,
    resume: bool = False,
    progress: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Run a scenario into a folder.

    Bad input is found before the folder is touched. Whatever ends the run, finished days are saved.

    Parameters
    ----------
    scenario
        What to run.
    folder
        The run folder, see :mod:`sim.store`.
    options
        How to run it.
    model
        Opens the model in the place of the market's own, for instance ``MyMarket.from_options`` of a subclass with
        agents of its own. Its days fill the same tables.
    rule
        A rule of one's own under which the market clears (:class:`equilibrium.markets.ruled.MarketRule`).
    force
        Whether an earlier run in the folder may be overwritten.
    resume
        Whether the run in the folder goes on after its last finished day; where there is none, it begins.
    progress, stop
        Called with the name of every finished day once it is safe on the disk; asked before every day whether to stop.

    Raises
    ------
    InputError
        When an option or the folder cannot be used, or a market's rows do not fit its tables.
    InfeasibleError
        When what comes before the first day cannot be served; nothing is written then.
    SolverError
        When a solver ends without an answer.
    OSError
        When the folder cannot be written any more; the message says which days are safe.
    """
    check_folder(folder, force=force or resume)
    kind = kind_of(scenario)
    running = opened(kind, scenario, options, model, rule)
    content = _manifest(scenario, options, running, rule)
    goes_on = resume and bool(files_of_run(folder))
    if goes_on:
        check_resumable(folder, content)
        content[FIGURES] = read_json(folder / MANIFEST).get(FIGURES, [])
    writer = RunWriter(folder, kind.name, kind.tables, force=force, resume=goes_on)
    written = _Written(writer, content)
    asked = _Asked(options.days, progress, stop)
    status, reasons = _simulated(kind, running, written, asked, goes_on=goes_on)
    return Outcome(Run(folder), status, reasons)


@dataclass(frozen=True)
class _Asked:
    """How many days are asked for, who hears of them, and who may stop them."""

    days: int
    progress: Callable[[str], None] | None
    stop: Callable[[], bool] | None


def _simulated(
    kind: MarketKind[Any, Any], model: DailyModel[Any, Any], written: _Written, asked: _Asked, *, goes_on: bool
) -> tuple[str, tuple[str, ...]]:
    """Simulate into the folder; whatever ends the run, its finished days are merged."""
    status = "stopped: unexpected error"
    reasons: tuple[str, ...] = ()
    try:
        if goes_on:
            take_up(written.writer.folder, model)
        written.note(status=RUNNING)
        status, reasons = _days(kind, model, written, asked)
    except SolverError as error:
        status = f"stopped: {error}"
        raise
    except OSError as error:
        raise written.said(error) from error
    finally:
        written.close(status=status, reasons=reasons)
    return status, reasons


class _Written:
    """The folder of a run and its manifest, which says how far the run has come.

    Parameters
    ----------
    writer
        Writes the tables.
    content
        The manifest.
    """

    def __init__(self, writer: RunWriter, content: dict[str, Any]) -> None:
        self.writer, self._content = writer, content
        self.resumable = content["resumable"] is True
        self._lost = False

    def note(self, **changes: object) -> None:
        """Write the manifest with the number of days that are safe."""
        write_manifest(self.writer.folder, {**self._content, **changes, "days_done": self.writer.days_written})

    def said(self, error: OSError) -> OSError:
        """Return the error of a folder that cannot be written, with what of the run is safe."""
        self._lost = True
        folder, days = self.writer.folder, self.writer.days_written
        safe = f"{days} finished days are safe in {folder}" if (folder / COLUMNS).exists() else "the folder has gone"
        where = f"{error.filename}: " if error.filename else ""
        return OSError(f"{where}{error.strerror or error}; {safe}")

    def close(self, **changes: object) -> None:
        """Merge the tables and write the manifest for the last time; where nothing can be written, leave it."""
        try:
            if not self._lost:
                self.writer.close()
                self.note(**changes)
        except OSError as error:
            raise self.said(error) from error
        finally:
            self.writer.release()


def _days(
    kind: MarketKind[Any, Any], model: DailyModel[Any, Any], written: _Written, asked: _Asked
) -> tuple[str, tuple[str, ...]]:
    """Simulate and write the days that are left; return the status, and the limits that could not be met."""
    writer = written.writer
    left = asked.days - writer.days_taken
    simulated = finished_days(kind, model, left)
    waiting: list[str] = []

    def report() -> None:
        written.note(status=RUNNING)
        while waiting:
            name = waiting.pop(0)
            if asked.progress is not None:
                asked.progress(name)

    try:
        for _ in range(left):
            if asked.stop is not None and asked.stop():
                simulated.close()
                return INTERRUPTED, ()
            day = next(simulated)
            writer.add(day.result.index, day.tables, saved(model.keepers()) if written.resumable else None)
            waiting.append(day_name(day.result))
            if writer.days_written == writer.days_taken:
                report()
        writer.flush()
        report()
    except InfeasibleError as error:
        return "stopped: a day could not be served", error.reasons or (str(error),)
    except KeyboardInterrupt:
        return INTERRUPTED, ()
    return COMPLETE, ()


def _manifest(
    scenario: Case[Any], options: RunOptions, model: DailyModel[Any, Any], rule: MarketRule[Any, Any] | None
) -> dict[str, Any]:
    return {
        "model": f"{type(model).__module__}.{type(model).__qualname__}",
        "rule": rule.name if rule is not None else None,
        "scenario": scenario.name,
        "title": scenario.title,
        "settings": dict(scenario.settings),
        "status": RUNNING,
        "currency": scenario.currency,
        "days_asked": options.days,
        "days_done": 0,
        "resumable": resumable(model, rule),
        **{key: value for key, value in asdict(options).items() if key != "days"},
        "versions": versions(optional=options.ac),
        "notes": list(scenario.notes),
        "resolved_scenario": scenario.resolved(),
        "input_sha256": scenario.input_hashes(),
    }
