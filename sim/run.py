"""A run: a market day after day, written down as it goes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.markets.ruled import MarketRule
from scenarios.case import Case
from sim.columns import Table
from sim.daily_model import DailyModel, day_name
from sim.folder import check_folder
from sim.manifest import versions, write_manifest
from sim.options import RunOptions
from sim.resume import Checkpoints
from sim.simulate import Checking, Opener, SimulatedDay, clear_by, finished_days, kind_of, opened, tables_of
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

    Bad input is found before the folder is touched. Whatever ends the run, finished days are saved, and a day is told
    as finished once it is on disk.

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
        Whether a run in the folder that stopped or was killed goes on where it was; its days and digits are those of a
        run that nothing ended. Without one it begins.
    progress, stop
        Called with the day's name for every finished day; asked before every day whether to stop.

    Raises
    ------
    InputError
        When an option or the folder cannot be used, a market's rows do not fit its tables, or the run to be resumed is
        one of another scenario, version or option.
    InfeasibleError
        When what comes before the first day cannot be served; nothing is written then.
    SolverError
        When a solver ends without an answer.
    """
    check_folder(folder, force=force or resume)
    kind = kind_of(scenario)
    running = opened(kind, scenario, options, model, rule)
    content = _manifest(scenario, options, running, rule)
    going_on = Checkpoints(folder, running, content, progress)
    tables = tables_of(kind, scenario, options)
    writer = _writer(folder, kind.name, tables, going_on, force=force, resume=resume)
    checking = Checking(options.check, clear_by(scenario, options))
    simulated = partial(finished_days, kind, tables, running, checking=checking)
    outcome = _written_down(writer, going_on, partial(_days, simulated, running, writer, options.days, going_on, stop))
    return Outcome(Run(folder), *outcome)


def _writer(
    folder: Path, market: str, tables: Sequence[Table[Any, Any]], going_on: Checkpoints, *, force: bool, resume: bool
) -> RunWriter:
    """Open the tables of a run, after its last saved day where one is to be resumed."""
    done = going_on.load() if resume else None
    writer = RunWriter(
        folder,
        market,
        tables,
        force=force or resume,
        resume=done is not None,
        save=going_on.save,
        written=going_on.written,
    )
    if done is not None:
        writer.keep(done)
    return writer


def _written_down(
    writer: RunWriter, going_on: Checkpoints, simulate: Callable[[], tuple[str, tuple[str, ...]]]
) -> tuple[str, tuple[str, ...]]:
    """Simulate, and write down how it ended, whatever ended it."""
    status, reasons = "stopped: unexpected error", tuple[str, ...]()
    try:
        write_manifest(writer.folder, {**going_on.content, "days_done": writer.days_taken})
        going_on.tell_done()
        status, reasons = simulate()
    except SolverError as error:
        status = f"stopped: {error}"
        raise
    finally:
        try:
            writer.close()
            ended = {"status": status, "reasons": reasons, "days_done": writer.days_taken}
            write_manifest(writer.folder, {**going_on.content, **ended})
        except OSError as error:
            raise _with_what_is_safe(error, writer.folder) from error
    return status, reasons


def _with_what_is_safe(error: OSError, folder: Path) -> OSError:
    """Return an error of the disk with what of the run is safe: it has no room, or the folder has gone."""
    safe = f"{len(Run(folder).days)} finished days are safe in {folder}" if folder.exists() else "the folder has gone"
    return OSError(error.errno, f"{error.strerror or error}; {safe}", error.filename)


def _days(
    simulate: Callable[[int], Generator[SimulatedDay, None, None]],
    model: DailyModel[Any, Any],
    writer: RunWriter,
    days: int,
    going_on: Checkpoints,
    stop: Callable[[], bool] | None,
) -> tuple[str, tuple[str, ...]]:
    """Simulate and write the days; return the status, and the limits that could not be met."""
    left = days - writer.days_taken
    if not left:
        model.close()
        return COMPLETE, ()
    simulated = simulate(left)
    try:
        for _ in range(left):
            if stop is not None and stop():
                simulated.close()
                writer.flush()
                return INTERRUPTED, ()
            day = next(simulated)
            going_on.names[day.result.index] = day_name(day.result)
            writer.add(day.result.index, day.tables)
        writer.flush()
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
        **{key: value for key, value in asdict(options).items() if key != "days"},
        "versions": versions(optional=options.ac),
        "notes": list(scenario.notes_of(options.days)),
        "resolved_scenario": scenario.resolved(),
        "input_sha256": scenario.input_hashes(),
    }
