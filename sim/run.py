"""A run: the local market day after day, written down as it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equilibrium.errors import InfeasibleError, InputError, SolverError
from scenarios.scenario import Scenario
from sim.acflow import AcFlow, require_pandapower
from sim.manifest import versions, write_manifest
from sim.model import LocalMarket
from sim.store import Run, RunWriter, check_folder
from sim.tables import day_tables

if TYPE_CHECKING:
    from sim.results import DayResult

COMPLETE = "complete"
RUNNING = "running"


@dataclass(frozen=True)
class RunOptions:
    """How a scenario is run.

    Attributes
    ----------
    days
        Days to simulate, at least 1.
    seed
        The run's one seed, a non-negative integer.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    on_infeasible
        ``"stop"`` or ``"shed"`` in the place of what the scenario says; ``None`` keeps it.
    ac
        Whether every day is checked by an AC power flow.
    certify
        ``"standard"``, or ``"full"`` for a second, independent proof of every day (nodal market only).
    """

    days: int = 7
    seed: int = 0
    solver: str = "auto"
    on_infeasible: str | None = None
    ac: bool = False
    certify: str = "standard"


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
    scenario: Scenario,
    folder: Path,
    options: RunOptions,
    *,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Run a scenario into a folder.

    Everything that can be wrong with the input is found before the folder is touched. Whatever ends the run, all
    finished days are saved.

    Parameters
    ----------
    scenario
        What to run.
    folder
        The run folder, see :mod:`sim.store`.
    options
        How to run it.
    force
        Whether an earlier run in the folder may be overwritten.
    progress
        Called with the day's name after every finished day.
    stop
        Asked before every day whether to stop.

    Raises
    ------
    InputError
        When an option or the folder cannot be used.
    SolverError
        When a solver ends without an answer; the finished days are saved.
    """
    check_folder(folder, force=force)
    _check_options(scenario, options)
    model = LocalMarket(
        scenario, options.seed, options.solver, options.days, options.on_infeasible, certify=options.certify
    )
    flow = AcFlow(model.network.feeder) if options.ac else None
    writer = RunWriter(folder, force=force)
    content = _manifest(scenario, options)
    write_manifest(folder, content)
    status = "stopped: unexpected error"
    reasons: tuple[str, ...] = ()
    try:
        status = _days(model, writer, flow, options.days, progress, stop)
    except InfeasibleError as error:
        status, reasons = "stopped: a day could not be served", error.reasons or (str(error),)
    except KeyboardInterrupt:
        status = "stopped: interrupted"
    except SolverError as error:
        status = f"stopped: {error}"
        raise
    finally:
        writer.close()
        write_manifest(folder, {**content, "status": status, "reasons": reasons, "days_done": writer.days_taken})
    return Outcome(Run(folder), status, reasons)


def _check_options(scenario: Scenario, options: RunOptions) -> None:
    """Refuse what the model would find too late."""
    if options.days < 1:
        raise InputError("run", "days", options.days, "a whole number, at least 1")
    if scenario.days is not None and options.days > scenario.days:
        raise InputError("run", "days", options.days, f"at most {scenario.days}, where the prices end")
    if options.ac:
        require_pandapower()


def _days(
    model: LocalMarket,
    writer: RunWriter,
    flow: AcFlow | None,
    days: int,
    progress: Callable[[str], None] | None,
    stop: Callable[[], bool] | None,
) -> str:
    """Simulate and write the days; return the status."""
    for _ in range(days):
        if stop is not None and stop():
            return "stopped: interrupted"
        model.step()
        result = model.last
        assert result is not None
        check = flow.check(result.clearing) if flow is not None else None
        writer.add(result.index, day_tables(model.network, result, check))
        if progress is not None:
            progress(_name(result))
    return COMPLETE


def _name(result: DayResult) -> str:
    return f"day {result.index}" + (f" ({result.date})" if result.date else "")


def _manifest(scenario: Scenario, options: RunOptions) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "title": scenario.title,
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
