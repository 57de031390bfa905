"""A run: a market day after day, written down as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.markets.ruled import MarketRule
from scenarios.case import Case
from sim.daily_model import DailyModel, day_name
from sim.manifest import versions, write_manifest
from sim.markets.base import MarketKind
from sim.options import RunOptions
from sim.simulate import Opener, finished_days, kind_of, opened
from sim.store import Run, RunWriter, check_folder

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
    progress, stop
        Called with the day's name after every finished day; asked before every day whether to stop.

    Raises
    ------
    InputError
        When an option or the folder cannot be used, or a market's rows do not fit its tables.
    InfeasibleError
        When what comes before the first day cannot be served; nothing is written then.
    SolverError
        When a solver ends without an answer.
    """
    check_folder(folder, force=force)
    kind = kind_of(scenario)
    running = opened(kind, scenario, options, model, rule)
    writer = RunWriter(folder, kind.name, kind.tables, force=force)
    content = _manifest(scenario, options, running, rule)
    write_manifest(folder, content)
    status = "stopped: unexpected error"
    reasons: tuple[str, ...] = ()
    try:
        status, reasons = _days(kind, running, writer, options.days, progress, stop)
    except SolverError as error:
        status = f"stopped: {error}"
        raise
    finally:
        writer.close()
        write_manifest(folder, {**content, "status": status, "reasons": reasons, "days_done": writer.days_taken})
    return Outcome(Run(folder), status, reasons)


def _days(
    kind: MarketKind[Any, Any],
    model: DailyModel[Any, Any],
    writer: RunWriter,
    days: int,
    progress: Callable[[str], None] | None,
    stop: Callable[[], bool] | None,
) -> tuple[str, tuple[str, ...]]:
    """Simulate and write the days; return the status, and the limits that could not be met."""
    simulated = finished_days(kind, model, days)
    try:
        for _ in range(days):
            if stop is not None and stop():
                simulated.close()
                return INTERRUPTED, ()
            day = next(simulated)
            writer.add(day.result.index, day.tables)
            if progress is not None:
                progress(day_name(day.result))
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
        "notes": list(scenario.notes),
        "resolved_scenario": scenario.resolved(),
        "input_sha256": scenario.input_hashes(),
    }
